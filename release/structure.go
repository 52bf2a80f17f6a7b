package release

import (
	"maps"
	"slices"

	"github.com/belaystack/belay/lint/compose"
	"github.com/belaystack/belay/lint/source"
	"github.com/belaystack/belay/release/catalog"
)

func placeOf(p source.Pos) Place { return Place{File: p.File, Line: p.Line, Col: p.Col} }

// Structure gives the services and volumes that came, went or changed their
// name, services first.
func Structure(base, head *compose.Stack, cat *catalog.Catalog) []Part {
	return append(services(base, head, cat), volumes(base, head, cat)...)
}

func services(base, head *compose.Stack, cat *catalog.Catalog) []Part {
	var out []Part
	was := renamed(base, head, cat)
	gone := map[string]bool{}
	for _, svc := range head.Services {
		old, ok := was[svc.Name]
		switch {
		case ok:
			gone[old] = true
			out = append(out, Part{Kind: "service", What: "renamed", Name: svc.Name, Was: old, Image: imageName(svc), Place: placeOf(svc.Key.Pos)})
		case base.Service(svc.Name) == nil:
			out = append(out, Part{Kind: "service", What: "added", Name: svc.Name, Image: imageName(svc), Place: placeOf(svc.Key.Pos)})
		}
	}
	for _, svc := range base.Services {
		if head.Service(svc.Name) == nil && !gone[svc.Name] {
			out = append(out, Part{Kind: "service", What: "removed", Name: svc.Name, Image: imageName(svc)})
		}
	}
	return out
}

func imageName(svc *compose.Service) string {
	s, ok := sideOf(svc)
	if !ok || s.hidden {
		return ""
	}
	return s.ref.Familiar()
}

// renamed guesses which services of head are one of base under another name:
// the only one that came and the only one that went with images of one app, or
// of one name.
func renamed(base, head *compose.Stack, cat *catalog.Catalog) map[string]string {
	came, went := map[string][]string{}, map[string][]string{}
	count := func(into map[string][]string, from, other *compose.Stack) {
		for _, svc := range from.Services {
			if s, ok := sideOf(svc); ok && other.Service(svc.Name) == nil {
				key := s.ref.Familiar()
				if app, ok := cat.App(s.ref); ok {
					key = app.ID
				}
				into[key] = append(into[key], svc.Name)
			}
		}
	}
	count(came, head, base)
	count(went, base, head)
	out := map[string]string{}
	for key, names := range came {
		if old := went[key]; len(names) == 1 && len(old) == 1 {
			out[names[0]] = old[0]
		}
	}
	return out
}

// volumes compares the top-level volumes. One that came is the one that went
// under another name when a service mounts both at the same folder.
func volumes(base, head *compose.Stack, cat *catalog.Catalog) []Part {
	var out []Part
	was := map[string]string{}
	names := renamed(base, head, cat)
	for _, svc := range head.Services {
		before := base.Service(svc.Name)
		if before == nil {
			before = base.Service(names[svc.Name])
		}
		if before == nil {
			continue
		}
		old := map[string]string{}
		for _, m := range before.Config.Volumes {
			old[m.Target] = m.Source
		}
		for _, m := range svc.Config.Volumes {
			from := old[m.Target]
			if _, kept := head.Volumes[from]; kept || from == "" {
				continue
			}
			_, isNew := base.Volumes[m.Source]
			_, isOld := base.Volumes[from]
			if _, isVolume := head.Volumes[m.Source]; isVolume && isOld && !isNew {
				was[m.Source] = from
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(head.Volumes)) {
		if _, ok := base.Volumes[name]; ok {
			continue
		}
		at, _ := head.VolumeAt(name)
		p := Part{Kind: "volume", What: "added", Name: name, Was: was[name], Place: placeOf(at.Pos)}
		if p.Was != "" {
			p.What = "renamed"
		}
		out = append(out, p)
	}
	taken := slices.Collect(maps.Values(was))
	for _, name := range slices.Sorted(maps.Keys(base.Volumes)) {
		if _, ok := head.Volumes[name]; !ok && !slices.Contains(taken, name) {
			out = append(out, Part{Kind: "volume", What: "removed", Name: name})
		}
	}
	return out
}
