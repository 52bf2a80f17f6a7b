package steps

import (
	"maps"
	"slices"
	"strings"
)

// byLevel sorts containers into levels: what a container depends on is in an
// earlier one. Dependencies that are not there, or go in a circle, count as met.
func byLevel(all []was) [][]was {
	left := slices.Clone(all)
	slices.SortStableFunc(left, func(a, b was) int { return strings.Compare(a.Service, b.Service) })
	var levels [][]was
	for len(left) > 0 {
		var level, later []was
		for _, w := range left {
			if waits(w, left) {
				later = append(later, w)
			} else {
				level = append(level, w)
			}
		}
		if len(level) == 0 {
			level, later = left, nil
		}
		levels, left = append(levels, level), later
	}
	return levels
}

func waits(w was, left []was) bool {
	return slices.ContainsFunc(left, func(o was) bool {
		_, needs := w.After[o.Service]
		return needs && o.Service != w.Service
	})
}

// ordered puts containers in the order in which they start.
func ordered(all []was) []was { return slices.Concat(byLevel(all)...) }

// levelsOf sorts services likewise.
func levelsOf(after map[string]map[string]string) [][]string {
	var all []was
	for _, name := range slices.Sorted(maps.Keys(after)) {
		all = append(all, was{Service: name, After: after[name]})
	}
	var out [][]string
	for _, level := range byLevel(all) {
		var names []string
		for _, w := range level {
			names = append(names, w.Service)
		}
		out = append(out, names)
	}
	return out
}
