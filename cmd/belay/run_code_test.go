package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/belaystack/belay/upgrade"
	"github.com/belaystack/belay/upgrade/docker"
	"github.com/belaystack/belay/upgrade/journal"
)

// TestRunCode: the exit code says what stands, however it came to that.
func TestRunCode(t *testing.T) {
	refusal := &upgrade.Refusal{Reason: "too little room"}
	back := &upgrade.RolledBackError{Step: "migrate", Cause: errors.New("x")}
	cancelled := &upgrade.RolledBackError{Step: "migrate", Cause: fmt.Errorf("%w: killed", context.Canceled)}
	for name, c := range map[string]struct {
		err  error
		want int
	}{
		"rolled back":                   {back, exitRolledBack},
		"cancelled and rolled back":     {cancelled, exitCancelled},
		"cancelled and stuck":           {&upgrade.StuckError{Cause: cancelled, UndoErr: upgrade.ErrAborted}, exitStuck},
		"stuck on a refusal":            {&upgrade.StuckError{Cause: refusal, UndoErr: errors.New("x")}, exitStuck},
		"refused by checks":             {&upgrade.RefusedError{Refusals: []*upgrade.Refusal{refusal}}, exitRefused},
		"refused before the run":        {errors.Join(errors.New("x"), refusal), exitRefused},
		"another state folder":          {&docker.MarkerError{}, exitRefused},
		"the clock":                     {&journal.FutureError{}, exitRefused},
		"held":                          {&journal.HeldError{}, exitHeld},
		"a damaged journal":             {&journal.DamagedError{}, exitStuck},
		"a step of another version":     {&upgrade.UnknownStepError{Step: "x"}, exitStuck},
		"verified, and not all tidied":  {&upgrade.AfterError{Failed: []error{errors.New("x")}}, exitOK},
		"cancelled before it began":     {fmt.Errorf("find the stack: %w", context.Canceled), exitCancelled},
		"the engine is gone":            {fmt.Errorf("ask: %w", docker.ErrEngine), exitCouldNot},
		"masked":                        {&masked{back, func(s string) string { return s }}, exitRolledBack},
		"an exit code that was decided": {&exitError{exitUsage, back}, exitUsage},
	} {
		t.Run(name, func(t *testing.T) {
			var e *exitError
			if !errors.As(runError(c.err), &e) || e.code != c.want {
				t.Errorf("%v: %+v, want %d", c.err, e, c.want)
			}
		})
	}
	if runError(nil) != nil {
		t.Error("no error has a code")
	}
}

// TestSaySeveral: of several refusals each comes with its own next move.
func TestSaySeveral(t *testing.T) {
	var out bytes.Buffer
	a := &app{stderr: &out}
	one, two := &upgrade.Refusal{Reason: "one", Next: "do this"}, &upgrade.Refusal{Reason: "two", Next: "do that"}
	a.fail(runError(errors.Join(one, fmt.Errorf("about: %w", two))))
	want := "belay: one\nbelay: hint: do this\nbelay: about: two\nbelay: hint: do that\n"
	if out.String() != want {
		t.Errorf("%q", out.String())
	}
	out.Reset()
	a.fail(runError(&upgrade.StuckError{Cause: one, UndoErr: two, Next: "belay recover"}))
	if n := strings.Count(out.String(), "hint:"); n != 1 || !strings.Contains(out.String(), "do that; then belay recover") {
		t.Errorf("%q", out.String())
	}
}

// TestUntilSignal: a report names the signal that ended its run as people know it.
func TestUntilSignal(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		ctx, stop := untilSignal(t.Context())
		if err := syscall.Kill(os.Getpid(), sig); err != nil {
			t.Fatal(err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(10 * time.Second):
			t.Fatalf("%v: not heard", sig)
		}
		stop()
		want := map[syscall.Signal]string{syscall.SIGTERM: "cancelled by SIGTERM", syscall.SIGINT: "cancelled by SIGINT"}[sig]
		if err := context.Cause(ctx); err.Error() != want || !errors.Is(err, context.Canceled) {
			t.Errorf("%v: %v", sig, err)
		}
	}
}
