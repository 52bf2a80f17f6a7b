package main

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/belaystack/belay/upgrade"
	"github.com/belaystack/belay/upgrade/journal"
	"github.com/belaystack/belay/upgrade/steps"
)

// told plays a run to a teller: a step that is done, one that works and fails, and
// the undo of both.
func told(t teller) {
	at := time.Date(2026, 11, 22, 3, 0, 0, 0, time.UTC)
	say := func(after time.Duration, step string, ev journal.Event, detail string) {
		at = at.Add(after)
		t.step(upgrade.Progress{Run: "r1", Step: step, Event: ev, Time: at, Detail: detail})
	}
	say(0, "pull", upgrade.Starting, "")
	say(90*time.Second, "pull", journal.Done, "")
	say(0, "backup", upgrade.Starting, "")
	t.work(steps.Progress{What: "dump of dify", Bytes: 1000, Total: 4_000_000})
	t.work(steps.Progress{What: "dump of dify", Bytes: 2_000_000, Done: true})
	say(time.Second, "", journal.Failed, "backup: ::set-output name=x::y \x1b[31mred\n::error::no")
	say(0, "", journal.Undoing, "backup: the same")
	say(0, "backup", journal.Undoing, "")
	say(250*time.Millisecond, "backup", journal.Undone, "")
}

// TestLines: without a terminal each step is a line, and nothing that others wrote is
// a command for a runner or a terminal.
func TestLines(t *testing.T) {
	var out bytes.Buffer
	told(&lineTeller{out: &out})
	want := "pull                         1 m 30 s\n"
	if got := out.String(); !strings.HasPrefix(got, want) || !strings.Contains(got, "undo backup                  0.2 s\n") || strings.Contains(got, "\x1b") {
		t.Errorf("%q", got)
	}
	out.Reset()
	told(&lineTeller{out: &out, groups: true})
	got := out.String()
	for _, line := range strings.Split(got, "\n") {
		if strings.HasPrefix(line, "::") && line != "::endgroup::" && !strings.HasPrefix(line, "::group::") {
			t.Errorf("a command of others: %q", line)
		}
	}
	if strings.Count(got, "::group::") != 3 || strings.Count(got, "::endgroup::") != 3 || !strings.Contains(got, "  dump of dify: 2.0 MB\n") {
		t.Errorf("%q", got)
	}
}

// TestEvents: each line is one JSON object.
func TestEvents(t *testing.T) {
	var out bytes.Buffer
	told(&eventTeller{out: &out, now: time.Now})
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 9 || lines[1] != `{"time":"2026-11-22T03:01:30Z","run":"r1","event":"done","step":"pull"}` {
		t.Errorf("%d lines: %s", len(lines), out.String())
	}
}

// TestLive: one line is rewritten, cut to the terminal's width, and says how fast it
// goes.
func TestLive(t *testing.T) {
	var out bytes.Buffer
	now := time.Date(2026, 11, 22, 3, 0, 0, 0, time.UTC)
	l := &liveTeller{lineTeller: lineTeller{out: &out}, now: func() time.Time { now = now.Add(2 * time.Second); return now }, width: func() int { return 60 }}
	l.step(upgrade.Progress{Step: "backup", Event: upgrade.Starting, Time: now})
	l.work(steps.Progress{What: "dump of dify", Total: 100})
	l.work(steps.Progress{What: "dump of dify", Bytes: 2_000_000, Total: 4_000_000})
	l.step(upgrade.Progress{Step: "backup", Event: journal.Done, Time: now})
	got := out.String()
	if !strings.Contains(got, "backup: dump of dify, 2.0 MB of about 4.0 MB, 1.0 MB/s, ") || !strings.HasSuffix(got, "\r\x1b[Kbackup                       4.0 s\n") {
		t.Errorf("%q", got)
	}
	for _, part := range strings.Split(got, "\r\x1b[K") {
		if !strings.HasSuffix(part, "\n") && len(part) > 59 {
			t.Errorf("too long for the terminal: %q", part)
		}
	}
}

type closedPipe struct{}

func (closedPipe) Write([]byte) (int, error) { return 0, errors.New("broken pipe") }

// TestNobodyListens: a run goes on when nothing can be written.
func TestNobodyListens(t *testing.T) {
	told(&lineTeller{out: closedPipe{}, groups: true})
	told(&eventTeller{out: closedPipe{}, now: time.Now})
}
