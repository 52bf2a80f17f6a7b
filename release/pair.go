package release

import (
	"slices"
	"sync"

	"github.com/belaystack/belay/lint/compose"
	"github.com/belaystack/belay/lint/image"
	"github.com/belaystack/belay/release/catalog"
)

// pair is a service after the change with what it was before.
type pair struct {
	svc, before  *compose.Service // before is nil for a new one
	old, now     side
	okOld, okNow bool
	app          catalog.App // of now
}

// sure reports whether the service is started, before the change or after it.
// A change that puts a profile on a database does not make its data safe.
func (p *pair) sure() bool { return p.svc.Enabled || p.before != nil && p.before.Enabled }

// starts reports whether it is, as far as is known.
func (p *pair) starts() bool {
	return p.sure() || p.svc.Perhaps || p.before != nil && p.before.Perhaps
}

// joined is a stack before and after a change, service by service.
type joined struct {
	base, head *compose.Stack // base is nil without one
	pairs      []pair         // those of head, in its order
	was        map[string]string
	old, now   map[string]*compose.Service
	lost       func() bool // an env file of a service that starts is not there
}

func join(base, head *compose.Stack, cat *catalog.Catalog) *joined {
	j := &joined{base: base, head: head, old: byName(base), now: byName(head)}
	if base != nil {
		j.was = j.renamed(cat)
	}
	for _, svc := range head.Services {
		p := pair{svc: svc, before: j.old[svc.Name]}
		if name, ok := j.was[svc.Name]; ok {
			p.before = j.old[name]
		}
		if p.now, p.okNow = sideOf(svc); p.okNow {
			p.app, _ = cat.App(p.now.ref)
		}
		if p.before != nil {
			p.old, p.okOld = sideOf(p.before)
		}
		j.pairs = append(j.pairs, p)
	}
	j.lost = sync.OnceValue(func() bool {
		return slices.ContainsFunc(j.pairs, func(p pair) bool {
			return p.starts() && slices.ContainsFunc(p.svc.EnvFiles(), func(f compose.EnvFile) bool { return f.Missing })
		})
	})
	return j
}

func byName(s *compose.Stack) map[string]*compose.Service {
	out := map[string]*compose.Service{}
	if s != nil {
		for _, svc := range s.Services {
			out[svc.Name] = svc
		}
	}
	return out
}

// joined gives the stack's services in pairs, found once.
func (s *Stack) joined() *joined {
	if s.join == nil || s.join.base != s.Base || s.join.head != s.Head {
		s.join = join(s.Base, s.Head, s.Catalog)
	}
	return s.join
}

// Running is a service that is started before the change or after it, or may
// be: COMPOSE_PROFILES is not always known.
type Running struct {
	Name     string      // "" for one that is gone
	Was      string      // its name before; "" for a new one
	App      catalog.App // zero for one the catalog does not know
	OldApp   catalog.App // likewise, of the image before
	Old, New image.Ref   // zero for a new service, and where an image cannot be read
	Hidden   bool        // values of an env file are in Old or New: never print from them
	Changed  bool        // its image changes, or it is new
}

// Running gives the services that an upgrade has to deal with, in the order of
// the files.
func (s *Stack) Running() []Running {
	var out []Running
	j := s.joined()
	kept := map[string]bool{}
	for _, p := range j.pairs {
		r := Running{Name: p.svc.Name, App: p.app, Old: p.old.ref, New: p.now.ref, Hidden: p.old.hidden || p.now.hidden,
			Changed: p.before == nil || p.old.ref != p.now.ref}
		if p.before != nil {
			r.Was = p.before.Name
			r.OldApp, _ = s.Catalog.App(p.old.ref)
			kept[r.Was] = true
		}
		if p.starts() {
			out = append(out, r)
		}
	}
	if s.Base == nil {
		return out
	}
	for _, svc := range s.Base.Services {
		if kept[svc.Name] || !svc.Enabled && !svc.Perhaps {
			continue
		}
		r := Running{Was: svc.Name}
		if old, ok := sideOf(svc); ok {
			r.Old, r.Hidden = old.ref, old.hidden
			r.OldApp, _ = s.Catalog.App(old.ref)
		}
		out = append(out, r)
	}
	return out
}

// placeList is places in the order in which they came, each once.
type placeList struct {
	all  []Place
	seen map[Place]bool
}

func (l *placeList) add(at Place) {
	if l.seen == nil {
		l.seen = map[Place]bool{}
	}
	if !l.seen[at] {
		l.seen[at] = true
		l.all = append(l.all, at)
	}
}
