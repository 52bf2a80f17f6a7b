package dossier

import (
	"slices"
	"strings"

	"github.com/belaystack/belay/release"
)

// openLines is how many lines to paste are shown without a click.
const openLines = 12

// driftTitle says what a kind of drift asks for.
func driftTitle(kind string) string {
	switch kind {
	case "missing":
		return "to add: the stack needs it, or an example has it"
	case "pinned":
		return "still the old default"
	case "default-changed":
		return "another default"
	case "overridden":
		return "another default; yours stays"
	case "added":
		return "new in the examples"
	case "renamed":
		return "seems to be renamed"
	case "removed":
		return "gone from the examples"
	case "commented-out":
		return "commented out in the examples"
	case "duplicate":
		return "set twice"
	case "help-changed":
		return "described differently"
	case "moved":
		return "moved to another example"
	case "unknown":
		return "in no example and no compose file"
	}
	return kind
}

// byKind gives the drifts of each kind, in the order of their first.
func byKind(all []release.Drift) [][]release.Drift {
	var out [][]release.Drift
	at := map[string]int{}
	for _, d := range all {
		i, ok := at[d.Kind]
		if !ok {
			i = len(out)
			at[d.Kind] = i
			out = append(out, nil)
		}
		out[i] = append(out[i], d)
	}
	return out
}

// drift says what to do about the keys of the env file, and gives the lines to
// paste.
func (r *render) drift(all []release.Drift) *node {
	var kids []*node
	seen := 0
	for _, ds := range byKind(all) {
		group := &node{open: "**" + count(len(ds), "key") + "** " + r.text(driftTitle(ds[0].Kind), 80) + ":\n"}
		for _, d := range ds {
			t := keys
			if seen++; seen > 100 {
				t = bulk
			}
			s := "- " + r.code(d.Key)
			if d.Text != "" {
				s += ": " + r.prose(d.Text, maxLine)
			}
			group.kids = append(group.kids, line(t, "key", s+r.places(" · ", []release.Place{d.Place})))
		}
		kids = append(kids, group)
	}
	return section("Env file", append(kids, r.paste(all))...)
}

// paste is the block of lines for the env file, nil for none.
func (r *render) paste(all []release.Drift) *node {
	lines := pasted(all)
	if len(lines) == 0 {
		return nil
	}
	// The block is built whole, so that its fence is longer than any in it, and
	// taken apart so that it can be cut between lines.
	whole := strings.SplitAfter(strings.TrimRight(fence("dotenv", lines), "\n"), "\n")
	block := &node{open: whole[0], shut: whole[len(whole)-1] + "\n", tight: true}
	for i, l := range whole[1 : len(whole)-1] {
		t := keys
		if i >= 100 {
			t = bulk
		}
		block.kids = append(block.kids, line(t, "line to paste", strings.TrimSuffix(l, "\n")))
	}
	if len(lines) > openLines {
		return fold(count(len(lines), "line")+" to paste into the env file", block)
	}
	return &node{open: "To paste into the env file:\n", kids: []*node{block}}
}

// pasted gives the lines to paste, each once.
func pasted(all []release.Drift) []string {
	var lines []string
	seen := map[string]bool{}
	for _, d := range all {
		l := clean(d.Paste, maxWhole)
		if l != "" && !seen[l] {
			seen[l] = true
			lines = append(lines, l)
		}
	}
	return slices.Clip(lines)
}
