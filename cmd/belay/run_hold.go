package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/belaystack/belay/upgrade/report"
	"github.com/belaystack/belay/upgrade/steps"
)

// Files in the folder of a run that is held.
const (
	heldFile   = "held"       // there once the run is held, and its report was printed
	outputFile = "output"     // what the process that holds it prints
	errorsFile = "output.err" // likewise, to its other stream
)

// holder is told of a run that this process holds itself, with its report.
type holder func(*report.Run)

// holdFlags are those of an upgrade that waits for a verdict.
func (u *upgradeFlags) holdFlags(cmd *cobra.Command) {
	s := cmd.Flags()
	s.DurationVar((*time.Duration)(&u.options.Hold), "hold", 0, "once verified, wait so long for belay commit or belay rollback, closed to the outside; without either it is rolled back")
	s.BoolVar(&u.options.HoldOpen, "hold-open", false, "with --hold: wait open to the outside; without a verdict it is committed, unless belay.yml says otherwise (hold)")
	s.StringVar(&u.holdAs, "hold-as", "", "be the process that holds the run of this id")
	_ = s.MarkHidden("hold-as") // it is there
}

// maxHold is the longest that a run waits for a verdict: what is longer is a typing error.
const maxHold = 24 * time.Hour

var runIDs = regexp.MustCompile(`^[0-9]{8}T[0-9]{6}Z-[0-9a-f]{4}$`)

// checkHold refuses flags about a hold that do not go together.
func (u *upgradeFlags) checkHold(said bool) error {
	hold := time.Duration(u.options.Hold)
	switch {
	case u.options.HoldOpen && !said:
		return usage("--hold-open goes with --hold DURATION")
	case said && (hold < time.Second || hold > maxHold):
		return usage("--hold %s: want between 1s and %s", hold, brief(maxHold))
	case u.holdAs != "" && (!said || !runIDs.MatchString(u.holdAs)):
		return usage("--hold-as is for belay itself")
	}
	return nil
}

// holdApart carries an upgrade out in a process of its own, which goes on when this one
// ends, and follows it until the run is held or over.
func (a *app) holdApart(ctx context.Context, f *flags, dir string, u *upgradeFlags) error {
	h, err := a.host(ctx, f, dir, u.deployment)
	if err != nil {
		return err
	}
	run := h.runID()
	if err := os.MkdirAll(h.runFolder(run), 0o700); err != nil {
		return &exitError{exitCouldNot, err}
	}
	more := []string{"--hold-as=" + run}
	if h.attended() {
		more = append(more, "--retry") // the other has no terminal, and a person sits before this one
	}
	err = (&apart{app: a, folder: h.runFolder(run)}).run(ctx, insert(a.args, more))
	h.discard(run)
	return err
}

// insert puts flags before the operands that "--" begins.
func insert(args, flags []string) []string {
	i := slices.Index(args, "--")
	if i < 0 {
		i = len(args)
	}
	return slices.Insert(slices.Clone(args), i, flags...)
}

// apart is this program, started anew in a session of its own: no terminal that is closed,
// no process that ends, no end of a job takes it along.
type apart struct {
	*app
	folder  string
	process *os.Process // nil before it is started
}

// run starts it with these arguments, and gives what it prints until the run is held (nil)
// or over (its exit code). What asks this process to end is handed on.
func (p *apart) run(ctx context.Context, args []string) error {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(signals)
	if ctx.Err() != nil {
		return &exitError{exitCancelled, context.Cause(ctx)}
	}
	cmd := exec.Command("/proc/self/exe", args...)
	cmd.Args[0] = "belay"
	// A runner of GitHub ends at the end of a job what has this variable of it.
	cmd.Env = slices.DeleteFunc(os.Environ(), func(pair string) bool { return strings.HasPrefix(pair, "RUNNER_TRACKING_ID=") })
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	var err error
	var out, errs *echo
	if out, err = newEcho(filepath.Join(p.folder, outputFile), p.stdout); err == nil {
		defer out.close()
		errs, err = newEcho(filepath.Join(p.folder, errorsFile), p.stderr)
	}
	if err == nil {
		defer errs.close()
		cmd.Stdout, cmd.Stderr = out.to, errs.to
		err = cmd.Start()
	}
	if err != nil {
		return &exitError{exitCouldNot, fmt.Errorf("start a process that holds the run: %w", err)}
	}
	p.process = cmd.Process
	return p.follow(ctx, cmd, signals, func() { errs.copy(); out.copy() })
}

// follow waits for the process, and gives on what it prints.
func (p *apart) follow(ctx context.Context, cmd *exec.Cmd, signals <-chan os.Signal, pass func()) error {
	ended := make(chan struct{})
	go func() { _ = cmd.Wait(); close(ended) }() // its exit code is looked at
	asked := ctx.Done()
	for {
		select {
		case <-ended:
			pass()
			switch code := cmd.ProcessState.ExitCode(); code {
			case exitOK:
				return nil
			case -1:
				return stuckError(fmt.Errorf("the process that carried run %s out was killed: belay recover finishes or undoes it", filepath.Base(p.folder)))
			default:
				return &exitError{code: code}
			}
		case sig := <-signals:
			_ = cmd.Process.Signal(sig) // one that has ended needs none
		case <-asked:
			asked = nil
			if !errors.As(context.Cause(ctx), new(*signalled)) { // that one comes by itself
				_ = cmd.Process.Signal(syscall.SIGTERM)
			}
		case <-time.After(100 * time.Millisecond):
		}
		_, err := os.Stat(filepath.Join(p.folder, heldFile))
		pass()
		if err == nil {
			return nil
		}
	}
}

// echo is a file that a process writes, and what is read of it meanwhile.
type echo struct {
	to, from *os.File
	out      io.Writer
}

func newEcho(path string, out io.Writer) (*echo, error) {
	to, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	from, err := os.Open(path)
	if err != nil {
		return nil, errors.Join(err, to.Close())
	}
	return &echo{to, from, out}, nil
}

// copy gives on what was written since. Nobody may listen any more.
func (e *echo) copy() { _, _ = io.Copy(e.out, e.from) }

func (e *echo) close() {
	_ = e.to.Close() // the other process has its own
	_ = e.from.Close()
}

// untilTakenBack gives a context that the verdict to take a run back ends, until the
// second result is called: from then on the run itself looks for one.
func (h *host) untilTakenBack(parent context.Context, run string) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(parent)
	enough := make(chan struct{})
	go func() {
		for {
			select {
			case <-enough:
				return
			case <-ctx.Done():
				return
			case <-time.After(500 * time.Millisecond):
			}
			// One that cannot be read is the business of who waits for it.
			if d, ok, err := steps.Decided(h.runFolder(run)); err == nil && ok && d.Verdict == steps.TakeBack {
				cancel(&calledOff{steps.TakenBackError{Decision: d}})
				return
			}
		}
	}()
	return ctx, sync.OnceFunc(func() { close(enough) })
}

// calledOff is why a run stops that was taken back before it was held.
type calledOff struct{ steps.TakenBackError }

// Is says that it is a cancelled context's error.
func (e *calledOff) Is(target error) bool { return target == context.Canceled }

// nowHeld says that the run is held and what ends that: to whoever watches, by its report,
// to the workflow, and by a file to the process that follows this one.
func (h *host) nowHeld(f *flags, run string, held steps.Holding, notes []string) {
	past, err := readRun(h.state, run)
	var r *report.Run
	if err == nil {
		r = h.report(past, nil, notes)
		err = errors.Join(h.writeReport(past, r), h.summarize(r))
		h.tell.rest()
		if t, ok := h.tell.(*eventTeller); ok {
			t.print(runEvent{Time: h.now().UTC(), Run: run, Event: string(report.Held), Detail: "until " + held.Until.Format(time.RFC3339)})
		} else {
			_ = h.printf("%s\nreport: %s\n", report.Text(r, h.columns(), h.color(f)), filepath.Join(h.runFolder(run), "report.html"))
		}
	}
	h.wasHeld = true
	if e := os.WriteFile(filepath.Join(h.runFolder(run), heldFile), []byte(held.Until.Format(time.RFC3339)+"\n"), 0o600); e != nil {
		err = errors.Join(err, e)
	}
	if err != nil { // the run is held without a report
		h.say(fmt.Errorf("report of run %s: %w", run, &masked{err, h.mask}))
	}
	if h.held != nil && r != nil {
		h.held(r)
	}
}
