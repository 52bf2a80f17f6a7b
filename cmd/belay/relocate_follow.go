package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/belaystack/belay/upgrade/docker"
)

// carryOver lets a sibling do the work, and tells how it ended.
func (r *relocation) carryOver(ctx context.Context) error {
	if err := r.orphans(ctx); err != nil {
		return err
	}
	r.told.begins(ctx)
	s, end, err := r.work(ctx)
	if err != nil {
		r.told.ends(ctx, &ending{Exit: codeOf(err)})
		return coded(err)
	}
	return r.conclude(ctx, s, end)
}

// work gives the sibling that did it, and what that said at its end. One that does not see
// all of the stack is made anew, with more of the host.
func (r *relocation) work(ctx context.Context) (*docker.Sibling, *ending, error) {
	for {
		s, err := r.attach(ctx)
		if err != nil {
			return nil, nil, err
		}
		end, err := r.attend(ctx, s)
		if err != nil || len(end.Needs) == 0 {
			return s, end, err
		}
		err = r.docker.Remove(ctx, s.ID)
		delete(r.siblings, s.Name)
		if err == nil {
			err = r.needed(end.Needs)
		}
		if err != nil {
			return nil, nil, err
		}
	}
}

// codeOf is the exit status that an error ends with.
func codeOf(err error) int {
	var e *exitError
	if errors.As(coded(err), &e) {
		return e.code
	}
	return exitCouldNot
}

// attach gives the sibling that carries this very request out, of an earlier attempt of
// this job or a new one.
func (r *relocation) attach(ctx context.Context) (*docker.Sibling, error) {
	name := r.siblingName(r.command)
	s := r.siblings[name]
	for try := 0; s == nil; try++ {
		made, err := r.create(ctx)
		if !errors.Is(err, docker.ErrTaken) || try == 3 {
			return made, err
		}
		there, ok, err := r.docker.Sibling(ctx, name)
		if err != nil {
			return nil, err
		}
		if ok {
			s = there
		}
	}
	if s.Request != r.request() {
		return nil, &exitError{exitHeld, fmt.Errorf("another job has belay %s under way for this stack, in container %s", r.command, s.Name)}
	}
	_ = r.printf("going on with what an earlier attempt of this job began, in container %s\n", s.Name) // a log that is lost ends nothing
	return s, nil
}

// orphans looks after siblings whose job did not wait for them: what they did is told by
// the next job of the stack that tells anything. One that only looks leaves them alone.
func (r *relocation) orphans(ctx context.Context) error {
	for _, name := range sortedKeys(r.siblings) {
		s := r.siblings[name]
		same := name == r.siblingName(r.command)
		if s.Alive() || same && s.Request == r.request() || !same && r.told == nil {
			continue
		}
		told := &sealed{seal: s.Seal, out: io.Discard}
		if err := r.docker.Follow(ctx, s.ID, time.Time{}, told, func(string) {}); err != nil {
			return &exitError{exitCouldNot, err}
		}
		if end := told.last; end != nil && !end.Held && end.Report != nil {
			_ = r.printf("run %s, which no job waited for: %s\n", end.Report.ID, end.Report.Outcome)
			r.told.ends(ctx, end)
		}
		// One that was killed left a run without an end, which whatever comes now recovers first.
		if err := r.docker.Remove(ctx, s.ID); err != nil {
			return &exitError{exitCouldNot, err}
		}
		delete(r.siblings, name)
	}
	return nil
}

// restarts is how often a sibling is started that ended without a word: it recovers then.
const restarts = 3

// attend passes on what a sibling says until it has ended, or holds. The end of ctx asks
// it to end as well, and waits for that.
func (r *relocation) attend(ctx context.Context, s *docker.Sibling) (*ending, error) {
	defer r.passSignals(ctx, s.ID)()
	ctx = context.WithoutCancel(ctx)
	following, cancel := context.WithCancel(ctx)
	defer cancel()
	told := &sealed{seal: s.Seal, out: r.stdout, held: func() { time.AfterFunc(time.Second, cancel) }}
	var since time.Time
	for started := 0; ; {
		err := r.docker.Follow(following, s.ID, since, told, func(line string) { fmt.Fprintln(r.stderr, line) })
		told.flush()
		if told.last != nil && (!told.last.Held || following.Err() != nil) {
			return told.last, nil
		}
		since = r.now()
		if errors.Is(err, docker.ErrEngine) {
			wait, done := context.WithTimeout(ctx, engineWait)
			err = r.docker.Ready(wait)
			done()
		}
		now, ok, e := r.docker.Sibling(ctx, s.Name)
		switch err = errors.Join(err, e); {
		case e != nil:
			return nil, err
		case !ok || now.ID != s.ID:
			return nil, fmt.Errorf("container %s was removed by somebody; belay status on the host says how its run ended", s.Name)
		case told.last != nil && now.Alive():
			return told.last, nil // it holds
		case now.Alive():
			if err := pause(ctx, 300*time.Millisecond); err != nil {
				return nil, err
			}
		case started == restarts:
			return nil, errors.Join(err, fmt.Errorf("container %s ends without a word, with exit status %d; docker logs %s", s.Name, now.Exit, s.Name))
		default:
			started++
			r.say(fmt.Errorf("container %s ended before its work did: it is started again, to recover", s.Name))
			if err := r.docker.Start(ctx, s.ID); err != nil {
				return nil, err
			}
		}
	}
}

// passSignals asks the sibling to end when this process is asked to, once: a runner that
// cancels a job sends SIGINT and, 7.5 s later, SIGTERM (actions/runner, ProcessInvoker.cs),
// and a second signal would stop the way back.
func (r *relocation) passSignals(ctx context.Context, id string) (stop func()) {
	over := make(chan struct{})
	go func() {
		select {
		case <-over:
		case <-ctx.Done():
			r.say(errors.New("cancelled: what was begun on the host is taken back, also when this job does not wait for it"))
			if err := r.docker.Signal(context.WithoutCancel(ctx), id, "INT"); err != nil {
				r.say(err)
			}
		}
	}()
	return sync.OnceFunc(func() { close(over) })
}

// pause waits, or gives the cause for which ctx ended.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(d):
		return nil
	}
}

// ending is what a sibling says of its work, on a line of its log that begins with its
// seal: no text that passes through can know that.
type ending struct {
	Exit     int      `json:"exit"`
	Commit   string   `json:"commit,omitempty"`   // of the checkout
	Held     bool     `json:"held,omitempty"`     // the work is not over: a verdict is waited for
	Needs    []string `json:"needs,omitempty"`    // paths of the host that it has to see; nothing else was done
	PlanHash string   `json:"planHash,omitempty"` // what was to be done
	Waiting  string   `json:"waiting,omitempty"`  // what is told of a plan that was not begun yet, as Markdown

	Report *runReport `json:"report,omitempty"`
	// Repository are the files of the repository that the host has otherwise since, by path
	// from its root; nil for one that is gone.
	Repository map[string][]byte `json:"repository,omitempty"`
}

// sealed passes lines on, and keeps what the last one said that bears the seal.
type sealed struct {
	seal string
	out  io.Writer
	held func()
	part []byte
	last *ending
}

func (w *sealed) Write(p []byte) (int, error) {
	w.part = append(w.part, p...)
	for {
		line, rest, ok := bytes.Cut(w.part, []byte("\n"))
		if !ok {
			return len(p), nil
		}
		w.line(append(line[:len(line):len(line)], '\n'))
		w.part = rest
	}
}

// flush passes on what is left without an end of line.
func (w *sealed) flush() {
	if len(w.part) > 0 {
		w.line(append(w.part, '\n'))
		w.part = nil
	}
}

func (w *sealed) line(line []byte) {
	said, ok := bytes.CutPrefix(line, []byte(w.seal+" "))
	if !ok {
		_, _ = w.out.Write(line) // nobody may be listening any more
		return
	}
	var e ending
	if json.Unmarshal(said, &e) != nil {
		return // cut off: the work did not end
	}
	w.last = &e
	if e.Held && w.held != nil {
		w.held()
	}
}

// conclude tells the runner and GitHub how the work on the host ended, and only then
// forgets the sibling: a job that ends before tells it the next time.
func (r *relocation) conclude(ctx context.Context, s *docker.Sibling, end *ending) error {
	if err := r.toWorkflow(end); err != nil {
		r.say(fmt.Errorf("job summary: %w", err))
	}
	r.told.ends(ctx, end)
	if !end.Held {
		if err := r.docker.Remove(context.WithoutCancel(ctx), s.ID); err != nil {
			r.say(err) // what it did is done
		}
	}
	if end.Exit == exitOK {
		return nil
	}
	return &exitError{code: end.Exit}
}
