package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/belaystack/belay/lint/report"
	"github.com/belaystack/belay/upgrade"
	"github.com/belaystack/belay/upgrade/journal"
	"github.com/belaystack/belay/upgrade/steps"
)

// teller tells a person or a program how far a run is. Both methods may be called
// at the same time. What cannot be written is lost: a run does not end because
// nobody listens.
type teller interface {
	step(upgrade.Progress)
	work(steps.Progress)
	rest() // what is printed next is of no step
}

// teller gives the one that fits to where this command writes.
func (a *app) teller(f *flags) (teller, error) {
	switch f.format {
	case "", "text", "github":
	case "json":
		return &eventTeller{out: a.stdout, now: a.now}, nil
	default:
		return nil, usage("--format %s: a run is told as text or json", f.format)
	}
	if a.inActions() || f.format == "github" {
		return &lineTeller{out: a.stdout, groups: true}, nil
	}
	if file, ok := a.stderr.(*os.File); ok && columns(file) > 0 && a.getenv("TERM") != "dumb" {
		return &liveTeller{lineTeller: lineTeller{out: a.stderr}, now: a.now, width: func() int { return columns(file) }}, nil
	}
	return &lineTeller{out: a.stderr}, nil
}

// columns is the width of a terminal; 0 when f is none.
func columns(f *os.File) int {
	w, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ)
	if err != nil {
		return 0
	}
	return max(int(w.Col), 40)
}

// clock measures steps.
type clock struct {
	begun time.Time
	phase string // of the step: "" or "undo "
}

// lineTeller prints a line at the end of each step; in a workflow with what
// happened meanwhile folded away.
type lineTeller struct {
	sync.Mutex
	out    io.Writer
	groups bool
	open   bool
	clock  clock
	what   string

	returning bool // the steps are undone on purpose
}

func (t *lineTeller) step(p upgrade.Progress) {
	t.Lock()
	defer t.Unlock()
	name := t.clock.phase + p.Step
	switch p.Event {
	case upgrade.Starting:
		t.clock.phase = ""
		t.begin(p)
	case journal.Undoing:
		if p.Step == "" {
			t.close()
			t.line(t.undoing())
			return
		}
		t.clock.phase = "undo "
		t.begin(p)
	case journal.Done, journal.Undone:
		t.close()
		t.line(fmt.Sprintf("%-28s %s", name, brief(p.Time.Sub(t.clock.begun))))
	case journal.Failed:
		t.close()
		t.line("failed: " + p.Detail)
	case journal.Returning:
		t.close()
		t.returning = true
	case journal.Committed:
		t.close()
		t.line("committed: the new stack is verified")
	}
}

// undoing says why what follows is an undo.
func (t *lineTeller) undoing() string {
	if t.returning {
		return "all is done: the stack goes on as it was"
	}
	return "taking back what was done"
}

func (t *lineTeller) begin(p upgrade.Progress) {
	t.clock.begun, t.what = p.Time, ""
	if t.groups {
		t.close()
		t.open = true
		fmt.Fprintf(t.out, "::group::%s\n", report.Printable(t.clock.phase+p.Step))
	}
}

func (t *lineTeller) close() {
	if t.open {
		fmt.Fprint(t.out, "::endgroup::\n")
	}
	t.open = false
}

func (t *lineTeller) rest() {
	t.Lock()
	defer t.Unlock()
	t.close()
}

// line prints text that may hold anything: nothing in it is a command of a runner.
func (t *lineTeller) line(text string) { fmt.Fprintln(t.out, report.Printable(text)) }

func (t *lineTeller) work(p steps.Progress) {
	t.Lock()
	defer t.Unlock()
	if !t.groups || p.What == t.what && !p.Done {
		return
	}
	t.what = p.What
	text := "  " + p.What
	if p.Done && p.Bytes > 0 {
		text += ": " + size(p.Bytes)
	}
	t.line(text)
}

// liveTeller keeps one line of a terminal up to date, and leaves one per step.
type liveTeller struct {
	lineTeller
	now    func() time.Time
	width  func() int
	since  time.Time // when the present work began
	last   time.Time
	doing  string
	showed bool
}

func (t *liveTeller) step(p upgrade.Progress) {
	t.Lock()
	t.clear()
	if p.Event == upgrade.Starting || p.Event == journal.Undoing && p.Step != "" {
		t.doing = p.Step
		t.show(t.doing + " …")
	}
	t.Unlock()
	t.lineTeller.step(p)
}

func (t *liveTeller) work(p steps.Progress) {
	t.Lock()
	defer t.Unlock()
	now := t.now()
	if p.What != t.what {
		t.what, t.since = p.What, now
	} else if now.Sub(t.last) < 100*time.Millisecond {
		return
	}
	t.last = now
	t.show(t.clock.phase + t.doing + ": " + p.What + pace(p, now.Sub(t.since)))
}

func (t *liveTeller) rest() {
	t.Lock()
	defer t.Unlock()
	t.clear()
}

// pace says how far work is, how fast it goes, and how long it may take yet.
func pace(p steps.Progress, took time.Duration) string {
	if p.Bytes == 0 {
		return ""
	}
	text := ", " + size(p.Bytes)
	if p.Total > 0 {
		text += " of about " + size(max(p.Total, p.Bytes))
	}
	if took < time.Second {
		return text
	}
	rate := float64(p.Bytes) / took.Seconds()
	text += fmt.Sprintf(", %s/s", size(int64(rate)))
	if left := p.Total - p.Bytes; left > 0 && rate > 0 {
		text += ", " + brief(time.Duration(float64(left)/rate*float64(time.Second))) + " left"
	}
	return text
}

func (t *liveTeller) show(text string) {
	t.clear()
	text = strings.ReplaceAll(report.Printable(text), "\n", " ")
	if w := t.width(); w > 1 {
		if r := []rune(text); len(r) >= w {
			text = string(r[:w-1])
		}
	}
	fmt.Fprint(t.out, text)
	t.showed = true
}

func (t *liveTeller) clear() {
	if t.showed {
		fmt.Fprint(t.out, "\r\x1b[K")
	}
	t.showed = false
}

// eventTeller prints one JSON object per line.
type eventTeller struct {
	sync.Mutex
	out io.Writer
	now func() time.Time
}

// runEvent is one line of `--format json`.
type runEvent struct {
	Time   time.Time `json:"time"`
	Run    string    `json:"run,omitempty"`
	Event  string    `json:"event"` // of the journal, or checking, starting, working, ended
	Step   string    `json:"step,omitempty"`
	Detail string    `json:"detail,omitempty"`
	Bytes  int64     `json:"bytes,omitempty"`
	Total  int64     `json:"total,omitempty"`
	Exit   *int      `json:"exit,omitempty"` // of ended

	Plan *runningPlan `json:"plan,omitempty"` // that waits, of ended
}

func (t *eventTeller) step(p upgrade.Progress) {
	t.print(runEvent{Time: p.Time.UTC(), Run: p.Run, Event: string(p.Event), Step: p.Step, Detail: p.Detail})
}

func (t *eventTeller) work(p steps.Progress) {
	t.print(runEvent{Time: t.now().UTC(), Event: "working", Detail: p.What, Bytes: p.Bytes, Total: p.Total})
}

func (t *eventTeller) rest() {}

func (t *eventTeller) print(e runEvent) {
	t.Lock()
	defer t.Unlock()
	_ = json.NewEncoder(t.out).Encode(e)
}

// brief is a duration for people.
func brief(d time.Duration) string {
	switch {
	case d < 0:
		return ""
	case d < 10*time.Second:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case d < time.Minute:
		return fmt.Sprintf("%.0f s", d.Seconds())
	case d < time.Hour:
		return fmt.Sprintf("%d m %d s", int(d.Minutes()), int(d.Seconds())%60)
	}
	return fmt.Sprintf("%d h %d m", int(d.Hours()), int(d.Minutes())%60)
}

// size is a number of bytes for people.
func size(n int64) string {
	switch {
	case n < 1000:
		return fmt.Sprintf("%d B", n)
	case n < 1_000_000:
		return fmt.Sprintf("%.1f kB", float64(n)/1e3)
	case n < 1_000_000_000:
		return fmt.Sprintf("%.1f MB", float64(n)/1e6)
	}
	return fmt.Sprintf("%.2f GB", float64(n)/1e9)
}
