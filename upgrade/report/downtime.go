package report

import (
	"slices"
	"time"
)

// pause is how long nothing may happen between two steps before it is a part of
// its own: longer than that Belay was not at work, but dead or waiting.
const pause = time.Second

// NewDowntime splits the time from the first stop until the stack was open
// again by the steps, and their undoing, that it went by with. A zero to is for
// a stack that is still down: the parts then end with the last step.
func NewDowntime(from, to time.Time, steps []Step) *Downtime {
	var all []Part
	for _, s := range steps {
		all = append(all, Part{s.Name, false, s.Started, s.Ended}, Part{s.Name, true, s.Undo.From, s.Undo.To})
	}
	all = slices.DeleteFunc(all, func(p Part) bool {
		return p.From.IsZero() || p.To.IsZero() || !p.To.After(from) || !to.IsZero() && !p.From.Before(to)
	})
	slices.SortStableFunc(all, func(a, b Part) int { return a.From.Compare(b.From) })
	d := &Downtime{From: from, To: to}
	at := from
	for _, p := range all {
		if !to.IsZero() && p.To.After(to) {
			p.To = to
		}
		if !p.To.After(at) {
			continue // within the one before
		}
		if p.From.Sub(at) > pause {
			d.Parts = append(d.Parts, Part{From: at, To: p.From})
		} else {
			p.From = at
		}
		d.Parts = append(d.Parts, p)
		at = p.To
	}
	if n := len(d.Parts); !to.IsZero() && to.After(at) {
		if n > 0 && to.Sub(at) <= pause {
			d.Parts[n-1].To = to
		} else {
			d.Parts = append(d.Parts, Part{From: at, To: to})
		}
	}
	return d
}
