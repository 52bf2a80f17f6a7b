package steps

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/belaystack/belay/upgrade/app"
	"github.com/belaystack/belay/upgrade/docker"
)

// drain waits until what the applications are at has come to its end: an execution that
// is cut off is lost, or is done twice. What takes new work without doing it is stopped
// before, where an application has such services.
type drain struct{ *Host }

// draining is the stack before anything of it is stopped. What drain stops is of this
// state for halt too.
type draining struct {
	Old    halted   `json:"old"`
	Intake []string `json:"intake,omitempty"` // services
	Closes bool     `json:"closes,omitempty"` // users ask one of them
}

// Drained is the result of drain.
type Drained struct {
	Waited  Duration   `json:"waited"`
	Work    []app.Work `json:"work,omitempty"`    // that was asked last: what is dead, what is kept, what could not be asked
	Skipped string     `json:"skipped,omitempty"` // why nothing was waited for

	// Of caches and vector stores, which cannot be asked once they stand still: queues are
	// empty now that were not when the baseline was taken.
	Facts []app.Fact `json:"facts,omitempty"`
}

func (s *drain) Check(context.Context) error { return nil }

func (s *drain) Capture(ctx context.Context) (draining, error) {
	var d draining
	var err error
	if d.Old, err = s.asItRuns(ctx); err != nil {
		return d, err
	}
	if s.skips() != "" {
		return d, nil
	}
	stack, err := s.apps(ctx)
	if err != nil {
		return d, err
	}
	for _, n := range stack.n8n(ctx) {
		d.Intake = append(d.Intake, n.Intake()...)
	}
	d.Closes = len(d.Intake) > 0
	if dify := app.FindDify(ctx, stack); dify != nil {
		d.Intake = append(d.Intake, dify.Intake()...)
	}
	return d, nil
}

// skips says why nothing is waited for; "" when it is.
func (s *drain) skips() string {
	switch {
	case s.Spec.Options.Online:
		return "nothing is stopped"
	case s.Spec.Options.NoDrain:
		return "--no-drain"
	case s.Spec.givesBack():
		return "the data of before is given back: what is under way would be lost either way"
	}
	return ""
}

func (s *drain) Do(ctx context.Context, d draining) (any, error) {
	if why := s.skips(); why != "" {
		return Drained{Skipped: why}, nil
	}
	begun := s.Now()
	if err := s.close(ctx, d); err != nil {
		return nil, err
	}
	for {
		work, err := s.work(ctx)
		if err != nil {
			return nil, err
		}
		busy := slices.DeleteFunc(slices.Clone(work), func(w app.Work) bool { return w.Busy() == 0 })
		waited := s.Now().Sub(begun)
		if len(busy) == 0 {
			stack, err := s.apps(ctx)
			if err != nil {
				return nil, err
			}
			facts := stack.storeFacts(ctx, time.Time{})
			s.maskFacts(facts)
			return Drained{Waited: Duration(waited), Work: work, Facts: facts}, nil
		}
		e := &BusyError{Work: busy, Waited: waited}
		if waited > time.Duration(cmp.Or(s.Spec.Options.DrainTimeout, s.Spec.Config.Drain)) {
			return nil, e
		}
		s.say(Progress{What: "wait for " + e.list()})
		if err := pause(ctx, time.Second); err != nil {
			return nil, errors.Join(err, e)
		}
	}
}

// close stops what takes new work.
func (s *drain) close(ctx context.Context, d draining) error {
	var stop []was
	for _, w := range d.Old.Containers {
		if slices.Contains(d.Intake, w.Service) && w.Running {
			stop = append(stop, w)
		}
	}
	var all []string
	for _, w := range stop {
		all = append(all, w.ID)
	}
	if err := s.setRestart(ctx, docker.RestartPolicy{Name: "no"}, all...); err != nil {
		return err
	}
	return s.stopGently(ctx, stop)
}

// work is what the applications are at now.
func (h *Host) work(ctx context.Context) ([]app.Work, error) {
	stack, err := h.apps(ctx)
	if err != nil {
		return nil, err
	}
	var out []app.Work
	for _, n := range stack.n8n(ctx) {
		out = append(out, n.Work(ctx)...)
	}
	if d := app.FindDify(ctx, stack); d != nil {
		out = append(out, d.Work(ctx)...)
	}
	for i := range out {
		out[i].Unasked = h.Mask(out[i].Unasked)
		for _, jobs := range [][]app.Job{out[i].Jobs, out[i].Dead, out[i].Kept} {
			for j := range jobs {
				jobs[j].What = h.Mask(jobs[j].What) // people name their workflows as they like
			}
		}
	}
	return out, nil
}

// stopGently stops containers, and gives those of applications that end their work first
// the time for it.
func (h *Host) stopGently(ctx context.Context, all []was) error {
	by := map[time.Duration][]string{}
	for _, w := range all {
		by[time.Duration(w.Grace)] = append(by[time.Duration(w.Grace)], w.ID)
	}
	for _, grace := range slices.Sorted(maps.Keys(by)) {
		if err := h.Docker.Stop(ctx, grace, by[grace]...); err != nil {
			return err
		}
	}
	return nil
}

// Undo starts what drain itself stopped; what halt stopped as well halt has started.
func (s *drain) Undo(ctx context.Context, d draining) error {
	if len(d.Intake) == 0 || s.Run.Started("halt") {
		return nil
	}
	if err := s.ready(ctx); err != nil {
		return err
	}
	return s.start(ctx, d.Old)
}

// BusyError means that applications were at work all the time.
type BusyError struct {
	Work   []app.Work
	Waited time.Duration
}

func (e *BusyError) Error() string {
	return fmt.Sprintf("still at work after %s: %s", e.Waited.Round(time.Second), e.list())
}

func (e *BusyError) list() string {
	var out []string
	for _, w := range e.Work {
		out = append(out, w.String())
	}
	return strings.Join(out, "; ")
}

// Hint names the next move.
func (e *BusyError) Hint() string {
	return "choose a quieter hour, or wait longer: --drain-timeout; --no-drain cuts it off"
}
