package steps

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/belaystack/belay/upgrade"
	"github.com/belaystack/belay/upgrade/docker"
)

// waiting is a host of a run that has a folder and nothing else.
func waiting(t *testing.T) *Host {
	t.Helper()
	h := &Host{Spec: Spec{Run: "r1", State: t.TempDir(), Options: Options{Hold: Duration(time.Minute)}}, Now: time.Now,
		Docker: &docker.Client{Env: []string{"PATH=/nonexistent"}}}
	if err := os.MkdirAll(h.folder(), 0o700); err != nil {
		t.Fatal(err)
	}
	return h
}

// A verdict is what was given first; without one in time it is what was said before.
func TestVerdictOfAHeldRun(t *testing.T) {
	keep, back := Decision{Verdict: Keep, By: "one"}, Decision{Verdict: TakeBack, By: "two"}
	for name, c := range map[string]struct {
		given  []Decision
		open   bool
		config Config
		want   Call
		by     string
		loses  bool
	}{
		"kept":                          {given: []Decision{keep}, want: Keep, by: "one"},
		"taken back":                    {given: []Decision{back}, open: true, want: TakeBack, by: "two"},
		"taken back, with consent":      {given: []Decision{{Verdict: TakeBack, LoseData: true}}, open: true, want: TakeBack, loses: true},
		"kept, and a consent":           {given: []Decision{{Verdict: Keep, By: "one", LoseData: true}}, open: true, want: Keep, by: "one"},
		"kept, then taken back":         {given: []Decision{keep, back}, want: Keep, by: "one"},
		"taken back, then kept":         {given: []Decision{back, keep}, want: TakeBack, by: "two"},
		"closed, none":                  {want: TakeBack, by: "no verdict until"},
		"closed, none, of an open's":    {config: Config{OnTimeout: TakeBack, LoseOnTimeout: true}, want: TakeBack, by: "no verdict until"},
		"open, none":                    {open: true, want: Keep, by: "no verdict until"},
		"open, none, as belay.yml says": {open: true, config: Config{OnTimeout: TakeBack, LoseOnTimeout: true}, want: TakeBack, by: "no verdict until", loses: true},
	} {
		t.Run(name, func(t *testing.T) {
			h := waiting(t)
			h.Spec.Options.HoldOpen, h.Spec.Config = c.open, c.config
			s := &await{h}
			if err := s.Check(t.Context()); err != nil {
				t.Fatal(err)
			}
			held, err := s.Capture(t.Context())
			if err != nil || held.Until.Sub(held.Since) != time.Minute {
				t.Fatalf("%+v %v", held, err)
			}
			told := 0
			h.Held = func(is Holding) {
				told++
				for _, d := range c.given {
					if got, err := Decide(h.folder(), d); err != nil || got.Verdict != c.want {
						t.Errorf("%s was given: %s holds, %v", d, got, err)
					}
				}
				h.Now = func() time.Time { return is.Until.Add(time.Duration(len(c.given)) * -time.Second) }
			}
			got, err := s.Do(t.Context(), held)
			var back *TakenBackError
			switch {
			case c.want == Keep && (err != nil || got.(Decision).Verdict != Keep || !strings.HasPrefix(got.(Decision).By, c.by)):
				t.Errorf("%v %v", got, err)
			case c.want == TakeBack && (!errors.As(err, &back) || !strings.HasPrefix(err.Error(), "taken back: "+c.by)):
				t.Errorf("%v %v", got, err)
			}
			if told != 1 || h.losesData() != c.loses {
				t.Errorf("told %d times; what was written since may be lost: %t", told, h.losesData())
			}
			// Who comes later is told what holds, also of what came of itself.
			for _, late := range []Decision{keep, {Verdict: TakeBack, LoseData: true}} {
				if d, err := Decide(h.folder(), late); err != nil || d.Verdict != c.want || h.losesData() != c.loses {
					t.Errorf("afterwards %s holds, %v", d, err)
				}
			}
		})
	}
}

// A run that waits ends when it is asked to.
func TestHeldRunIsCancelled(t *testing.T) {
	h := waiting(t)
	ctx, cancel := context.WithCancel(t.Context())
	h.Held = func(Holding) { cancel() }
	if _, err := (&await{h}).Do(ctx, Holding{Until: time.Now().Add(time.Minute)}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

// A verdict that cannot be read is none: the run goes back, and nobody's rows are lost.
func TestVerdictThatCannotBeRead(t *testing.T) {
	for _, text := range []string{"", "{", `{"verdict":"yes","acceptDataLoss":true}`} {
		h := waiting(t)
		if err := os.WriteFile(filepath.Join(h.folder(), decisionFile), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := (&await{h}).Do(t.Context(), Holding{Until: time.Now().Add(time.Minute)}); err == nil || !strings.Contains(err.Error(), "read verdict of run r1") {
			t.Errorf("%q: %v", text, err)
		}
		if h.losesData() {
			t.Errorf("%q: data may be lost", text)
		}
	}
}

// To roll an open stack back by itself takes a word on what was written since.
func TestTimeoutNeedsConsent(t *testing.T) {
	h := waiting(t)
	h.Spec.Config.OnTimeout = TakeBack
	if err := (&await{h}).Check(t.Context()); err != nil {
		t.Errorf("held closed: %v", err)
	}
	h.Spec.Options.HoldOpen = true
	var refused *upgrade.Refusal
	if err := (&await{h}).Check(t.Context()); !errors.As(err, &refused) || !strings.Contains(refused.Next, "accept-data-loss: true") {
		t.Errorf("held open: %v", err)
	}
}

// The wait is before the opening, or behind it.
func TestPlaceOfHold(t *testing.T) {
	for _, c := range []struct {
		o    Options
		want string
	}{{Options{}, "verify open"}, {Options{HoldOpen: true}, "verify open"}, {Options{Hold: 1}, "verify hold open"}, {Options{Hold: 1, HoldOpen: true}, "verify open hold"}} {
		tasks, _ := List(&Host{Spec: Spec{Kind: Upgrade, Options: c.o}})
		var names []string
		for _, task := range tasks {
			names = append(names, task.Name)
		}
		if got := strings.Join(names[slices.Index(names, "verify"):], " "); got != c.want {
			t.Errorf("%+v: %s, want %s", c.o, got, c.want)
		}
	}
}
