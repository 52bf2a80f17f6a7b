package upgrade

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/belaystack/belay/upgrade/journal"
)

func TestSequence(t *testing.T) {
	const undone = "c:undone b:undone a:undone"
	for _, tt := range []struct{ setup, trace, events, err string }{
		{"", "a:do b:do c:do d:do",
			"begun a:captured a:done b:captured b:done c:captured c:done committed d:done closed=committed", ""},
		{"return", "a:do b:do c:do c:undo b:undo a:undo d:do",
			"begun a:captured a:done b:captured b:done c:captured c:done returning undoing " + undone + " d:done closed=returned", ""},
		{"b:do", "a:do b:do b:undo a:undo",
			"begun a:captured a:done b:captured b:failed undoing b:undone a:undone closed=rolled-back", "b: boom (rolled back)"},
		{"b:do=panic", "a:do b:do b:undo a:undo",
			"begun a:captured a:done b:captured b:failed undoing b:undone a:undone closed=rolled-back", "b: panic: at b:do (rolled back)"},
		{"b:capture", "a:do a:undo",
			"begun a:captured a:done b:failed undoing a:undone closed=rolled-back", "b: boom (rolled back)"},
		{"a:capture", "", "begun a:failed closed=rolled-back", "a: boom (rolled back)"},
		{"c:do", "a:do b:do c:do c:undo b:undo a:undo",
			"begun a:captured a:done b:captured b:done c:captured c:failed undoing " + undone + " closed=rolled-back", "c: boom (rolled back)"},
		{"c:do b:undo", "a:do b:do c:do c:undo b:undo",
			"begun a:captured a:done b:captured b:done c:captured c:failed undoing c:undone b:failed", "boom; and it cannot be undone: b: boom"},
		{"c:do b:undo=panic", "a:do b:do c:do c:undo b:undo",
			"begun a:captured a:done b:captured b:done c:captured c:failed undoing c:undone b:failed", "boom; and it cannot be undone: b: panic: at b:undo"},
		{"c:do ready:do", "a:do b:do c:do",
			"begun a:captured a:done b:captured b:done c:captured c:failed undoing", "boom; and it cannot be undone: boom"},
		{"a:check=refuse c:check=refuse", "", "begun failed closed=refused",
			"refused: a:check: found 1, needed 2; also a:check; c:check: found 1, needed 2; also c:check"},
		{"a:check c:check=refuse", "", "begun failed closed=refused",
			"refused: c:check: found 1, needed 2; also c:check; check a: boom"},
		{"a:check b:check=panic", "", "begun failed closed=refused", "check a: boom\ncheck b: panic: at b:check"},
		{"b:check=nothing", "", "begun nothing closed=nothing", "nothing to change"},
		{"b:check=late", "", "begun failed closed=refused", "context canceled"},
		{"b:do=refuse", "a:do b:do b:undo a:undo",
			"begun a:captured a:done b:captured b:failed undoing b:undone a:undone closed=refused", "refused: b:do: found 1, needed 2; also b:do"},
		{"b:do=nothing", "a:do b:do b:undo a:undo",
			"begun a:captured a:done b:captured b:nothing undoing b:undone a:undone closed=nothing", "nothing to change"},
		{"b:do=cancel", "a:do b:do b:undo a:undo",
			"begun a:captured a:done b:captured b:failed undoing b:undone a:undone closed=rolled-back", "b: context canceled: signal: interrupt (rolled back)"},
		{"b:do=late", "a:do b:do b:undo a:undo",
			"begun a:captured a:done b:captured b:done c:failed undoing b:undone a:undone closed=rolled-back", "c: context canceled (rolled back)"},
		{"c:do=late", "a:do b:do c:do d:do", // all is done and verified: to go back now would be the greater risk
			"begun a:captured a:done b:captured b:done c:captured c:done committed d:done closed=committed", ""},
		{"d:do", "a:do b:do c:do d:do",
			"begun a:captured a:done b:captured b:done c:captured c:done committed d:failed closed=committed", "done and verified, but: d: boom"},
		{"return c:undo", "a:do b:do c:do c:undo",
			"begun a:captured a:done b:captured b:done c:captured c:done returning undoing c:failed",
			"all steps are done and were to be undone; and it cannot be undone: c: boom"},
	} {
		t.Run(tt.setup, func(t *testing.T) {
			w, path := fresh(tt.setup), newPath(t)
			err, _ := life(t, path, w, tt.setup, apply)
			if got := strings.Join(w.trace, " "); got != tt.trace {
				t.Errorf("trace:\n got %s\nwant %s", got, tt.trace)
			}
			if got := events(t, path); got != tt.events {
				t.Errorf("journal:\n got %s\nwant %s", got, tt.events)
			}
			if got := fmt.Sprint(err); tt.err != "" && got != tt.err || tt.err == "" && err != nil {
				t.Errorf("err = %s, want %s", got, tt.err)
			}
		})
	}
}

// TestErrorTypes pins what callers decide exit codes by.
func TestErrorTypes(t *testing.T) {
	is := func(err error) string {
		var out []string
		if e := (*StuckError)(nil); errors.As(err, &e) {
			out = append(out, "stuck at "+e.Step+", hint "+e.Hint())
		}
		if e := (*RolledBackError)(nil); errors.As(err, &e) {
			out = append(out, "rolled back from "+e.Step)
		}
		if e := (*RefusedError)(nil); errors.As(err, &e) {
			out = append(out, fmt.Sprintf("refused, %d by %s", len(e.Refusals), e.Refusals[0].Step))
		}
		if e := (*AfterError)(nil); errors.As(err, &e) {
			out = append(out, "after")
		}
		if errors.Is(err, context.Canceled) {
			out = append(out, "canceled")
		}
		if errors.Is(err, ErrNothing) {
			out = append(out, "nothing")
		}
		return strings.Join(out, ", ")
	}
	for setup, want := range map[string]string{
		"b:do":           "rolled back from b",
		"b:do=cancel":    "rolled back from b, canceled",
		"b:do=late":      "rolled back from c, canceled",
		"b:check=late":   "canceled",
		"b:check":        "",
		"b:do=refuse":    "refused, 2 by b",
		"c:check=refuse": "refused, 2 by c",
		"c:do=nothing":   "nothing",
		"c:do b:undo":    "stuck at b, hint belay recover",
		"d:do":           "after",
	} {
		err, _ := life(t, newPath(t), fresh(setup), setup, apply)
		if got := is(err); got != want {
			t.Errorf("%s: %q, want %q", setup, got, want)
		}
	}
}

// TestOneRunPerJournal: a second run in a journal used to undo the first one's
// commit when it failed, and to be closed by it when it was killed.
func TestOneRunPerJournal(t *testing.T) {
	w, path := fresh(""), newPath(t)
	if err, _ := life(t, path, w, "", apply); err != nil {
		t.Fatal(err)
	}
	w.fail["b:do"], w.trace = "", nil
	if err, _ := life(t, path, w, "", apply); err == nil || len(w.trace) > 0 {
		t.Errorf("a second run in the journal: err %v, trace %v", err, w.trace)
	}
	if allNew, _ := w.steps(); !allNew {
		t.Errorf("world %v", w.kv)
	}
}

func TestNames(t *testing.T) {
	w := fresh("")
	for _, steps := range [][]Task{{NewStep("", two{w, "a"})}, {NewStep("d", two{w, "a"})}} {
		err, _ := life(t, newPath(t), w, "", func(ctx context.Context, r *Run) error {
			r.Steps = steps
			return errors.Join(apply(ctx, r), again(ctx, r))
		})
		if err == nil || len(w.trace) > 0 {
			t.Errorf("err %v, trace %v", err, w.trace)
		}
	}
}

// TestResults: what steps read of one another, also in the process that recovers.
func TestResults(t *testing.T) {
	w, path := fresh("c:do b:undo"), newPath(t)
	life(t, path, w, "", apply)
	life(t, path, w, "", func(_ context.Context, r *Run) error {
		for _, tt := range []struct {
			step    string
			ok      bool
			started bool
		}{{"a", true, true}, {"c", false, true}, {"x", false, false}} {
			var got string
			ok, err := r.Result(tt.step, &got)
			if err != nil || ok != tt.ok || ok && got != "result of "+tt.step || r.Started(tt.step) != tt.started {
				t.Errorf("%s: %q %v %v, started %v", tt.step, got, ok, err, r.Started(tt.step))
			}
		}
		if _, err := r.Result("a", new(int)); err == nil {
			t.Error("a string was read as a number")
		}
		return nil
	})
	entries, err := journal.Read(path)
	if err != nil {
		t.Fatal(err)
	}
	var header struct{ Run string }
	if err := Header(entries, &header); err != nil || header.Run != "r1" {
		t.Errorf("header %v, %v", header, err)
	}
	if err := Header(entries[1:], &header); err == nil {
		t.Error("an entry that is no header was read as one")
	}
}

// TestRedacted: the texts of errors go into the journal and to those who watch
// without secrets and cut to size, whatever the step put into them.
func TestRedacted(t *testing.T) {
	const canary = "canary-7f3a"
	for _, setup := range []string{"c:do b:undo", "d:do"} {
		path := newPath(t)
		var told []string
		life(t, path, fresh(setup), setup, func(ctx context.Context, r *Run) error {
			r.Redact = func(s string) string { return strings.ReplaceAll(s, canary, "[hidden]") }
			r.Watch = func(p Progress) { told = append(told, p.Detail) }
			long := errors.New("boom " + canary + strings.Repeat("é", maxText))
			for _, s := range []*Task{&r.Steps[2], &r.After[0]} {
				if do := s.do; strings.Contains(setup, s.Name+":do") {
					s.do = func(ctx context.Context, raw json.RawMessage) (json.RawMessage, error) {
						_, _ = do(ctx, raw)
						return nil, long
					}
				}
			}
			return apply(ctx, r)
		})
		entries, err := journal.Read(path)
		if err != nil {
			t.Fatal(err)
		}
		all, hidden := strings.Join(told, "\n"), 0
		for _, e := range entries {
			all += string(e.Data)
			hidden += strings.Count(string(e.Data), "boom [hidden]")
			if len(e.Data) > maxText+200 {
				t.Errorf("%s: entry of %d bytes", setup, len(e.Data))
			}
		}
		if strings.Contains(all, canary) || hidden != 2 {
			t.Errorf("%s: %d texts redacted; canary: %v", setup, hidden, strings.Contains(all, canary))
		}
	}
}

func TestWatch(t *testing.T) {
	w, setup := fresh("b:do"), "b:do"
	var got []string
	life(t, newPath(t), w, setup, func(ctx context.Context, r *Run) error {
		r.ID, r.Now = "r1", clock
		r.Watch = func(p Progress) {
			if p.Run != "r1" || !p.Time.Equal(clock()) {
				t.Errorf("%+v", p)
			}
			got = append(got, strings.TrimSpace(strings.TrimPrefix(p.Step+":"+string(p.Event)+" "+p.Detail, ":")))
		}
		do := r.Steps[0].do
		r.Steps[0].do = func(ctx context.Context, raw json.RawMessage) (json.RawMessage, error) {
			r.Report("a")("3 of 4 MB")
			return do(ctx, raw)
		}
		return apply(ctx, r)
	})
	want := []string{"begun", "a:checking", "b:checking", "c:checking", "d:checking",
		"a:starting", "a:captured", "a:detail 3 of 4 MB", "a:done", "b:starting", "b:captured", "b:failed b: boom",
		"undoing boom", "b:undoing", "b:undone", "a:undoing", "a:undone", "closed"}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}
