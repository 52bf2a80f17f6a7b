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
	return join(base, head, cat).structure()
}

func (j *joined) structure() []Part { return append(j.services(), j.volumes()...) }

func (j *joined) services() []Part {
	var out []Part
	gone := map[string]bool{}
	for _, p := range j.pairs {
		svc := p.svc
		old, ok := j.was[svc.Name]
		switch {
		case ok:
			gone[old] = true
			out = append(out, Part{Kind: "service", What: "renamed", Name: svc.Name, Was: old, Image: imageName(svc), Place: placeOf(svc.Key.Pos)})
		case p.before == nil:
			out = append(out, Part{Kind: "service", What: "added", Name: svc.Name, Image: imageName(svc), Place: placeOf(svc.Key.Pos)})
		}
	}
	for _, svc := range j.base.Services {
		if j.now[svc.Name] == nil && !gone[svc.Name] {
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
func (j *joined) renamed(cat *catalog.Catalog) map[string]string {
	came, went := map[string][]string{}, map[string][]string{}
	count := func(into map[string][]string, from *compose.Stack, other map[string]*compose.Service) {
		for _, svc := range from.Services {
			if other[svc.Name] != nil {
				continue
			}
			if s, ok := sideOf(svc); ok {
				key := s.ref.Familiar()
				if app, ok := cat.App(s.ref); ok {
					key = app.ID
				}
				into[key] = append(into[key], svc.Name)
			}
		}
	}
	count(came, j.head, j.old)
	count(went, j.base, j.now)
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
func (j *joined) volumes() []Part {
	base, head := j.base, j.head
	var out []Part
	was := map[string]string{}
	for _, p := range j.pairs {
		svc, before := p.svc, p.before
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
	taken := map[string]bool{}
	for _, old := range was {
		taken[old] = true
	}
	for _, name := range slices.Sorted(maps.Keys(base.Volumes)) {
		if _, ok := head.Volumes[name]; !ok && !taken[name] {
			out = append(out, Part{Kind: "volume", What: "removed", Name: name})
		}
	}
	return out
}
