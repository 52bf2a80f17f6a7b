package upgrade

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/belaystack/belay/upgrade/journal"
)

// world is what the runs of these tests change. Each of its ticks is an instant
// at which the process may die.
type world struct {
	kv    map[string]string
	ticks int
	fuse  int    // the tick at which the process dies; 0: never
	die   func() // how; runtime.Goexit leaves the process to the other tests
	trace []string
	fail  map[string]string // "b:do" → how: "", refuse, nothing, panic, cancel
	stop  func()            // cancels the run
	run   *Run
	file  string // where kv is kept for the next process; "" in memory
}

func (w *world) put(k, v string) {
	w.kv[k] = v
	if w.file == "" {
		return
	}
	b, err := json.Marshal(w.kv)
	if err == nil {
		err = os.WriteFile(w.file+".new", b, 0o600)
	}
	if err == nil {
		err = os.Rename(w.file+".new", w.file)
	}
	if err != nil {
		panic(err)
	}
}

func fresh(setup string) *world {
	w := &world{kv: map[string]string{"d": "old"}, die: runtime.Goexit, fail: map[string]string{}}
	for _, n := range []string{"a", "b", "c"} {
		w.kv[n+"1"], w.kv[n+"2"] = "old-"+n+"1", "old-"+n+"2"
	}
	for _, word := range strings.Fields(setup) {
		if at, how, _ := strings.Cut(word, "="); strings.Contains(at, ":") {
			w.fail[at] = how
		}
	}
	return w
}

// steps tells whether the steps' part of the world is all new, or all old.
func (w *world) steps() (allNew, allOld bool) {
	now := maps.Clone(w.kv)
	delete(now, "d")
	allNew, allOld = true, true
	for k, v := range now {
		allNew = allNew && v == "new"
		allOld = allOld && v == "old-"+k
	}
	return allNew, allOld
}

func (w *world) tick() {
	w.ticks++
	if w.ticks == w.fuse {
		w.die()
	}
}

// spoil does what the setup wants of a step's half.
func (w *world) spoil(at string) error {
	how, ok := w.fail[at]
	switch {
	case !ok:
		return nil
	case how == "refuse":
		return errors.Join(&Refusal{Reason: at, Found: "1", Needed: "2"}, &Refusal{Reason: "also " + at})
	case how == "nothing":
		return fmt.Errorf("look at %s: %w", at, ErrNothing)
	case how == "panic":
		panic("at " + at)
	case how == "cancel":
		w.stop()
		return errors.New("signal: interrupt")
	case how == "late": // cancelled, but finished all the same
		w.stop()
		return nil
	}
	return errors.New("boom")
}

// two writes two keys, and may die before, between and after.
type two struct {
	w    *world
	name string
}

func (a two) Check(context.Context) error { return a.w.spoil(a.name + ":check") }

func (a two) Capture(context.Context) (map[string]string, error) {
	a.w.tick()
	return map[string]string{"1": a.w.kv[a.name+"1"], "2": a.w.kv[a.name+"2"]}, a.w.spoil(a.name + ":capture")
}

func (a two) Do(ctx context.Context, _ map[string]string) (any, error) {
	return "result of " + a.name, a.set(ctx, "do", "new", "new")
}

func (a two) Undo(ctx context.Context, s map[string]string) error {
	return a.set(ctx, "undo", s["1"], s["2"])
}

func (a two) set(ctx context.Context, verb, v1, v2 string) error {
	a.w.trace = append(a.w.trace, a.name+":"+verb)
	if err := ctx.Err(); err != nil {
		return err
	}
	a.w.tick()
	a.w.put(a.name+"1", v1)
	a.w.tick()
	if err := a.w.spoil(a.name + ":" + verb); err != nil {
		return err
	}
	a.w.put(a.name+"2", v2)
	a.w.tick()
	return nil
}

func (w *world) after(context.Context) (any, error) {
	w.trace = append(w.trace, "d:do")
	w.tick()
	if err := w.spoil("d:do"); err != nil {
		return nil, err
	}
	w.put("d", "new")
	w.tick()
	return nil, nil
}

// tickingLog can die before each append, in the middle of its line, before its
// newline, and after it.
type tickingLog struct {
	*journal.Log
	w    *world
	path string
}

func (l tickingLog) Append(ev journal.Event, step string, d json.RawMessage) error {
	l.w.tick()
	l.w.ticks++
	half := l.w.ticks == l.w.fuse
	l.w.ticks++
	line := l.w.ticks == l.w.fuse
	before := size(l.path)
	err := l.Log.Append(ev, step, d)
	if half {
		_ = os.Truncate(l.path, (before+size(l.path))/2)
		l.w.die()
	}
	if line {
		_ = os.Truncate(l.path, size(l.path)-1)
		l.w.die()
	}
	l.w.tick()
	return err
}

func size(path string) int64 {
	i, err := os.Stat(path)
	if err != nil {
		return 0
	}
	return i.Size()
}

func clock() time.Time { return time.Date(2026, 11, 22, 3, 15, 0, 0, time.UTC) }

// life lets f be one process: it opens the journal, and may die.
func life(t testing.TB, path string, w *world, setup string, f func(context.Context, *Run) error) (err error, died bool) {
	t.Helper()
	open := journal.Open
	if _, err := os.Stat(path); err != nil {
		open = journal.Create
	}
	l, err := open(path, clock)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	w.ticks, w.stop = 0, cancel
	w.run = w.newRun(tickingLog{l, w, path}, setup)
	ended := make(chan bool)
	died = true
	go func() {
		defer close(ended)
		err = f(ctx, w.run)
		died = false
	}()
	<-ended
	return err, died
}

func (w *world) newRun(j Journal, setup string) *Run {
	r := &Run{Journal: j, Next: "belay recover", Return: strings.Contains(setup, "return")}
	r.Ready = func(context.Context) error { return w.spoil("ready:do") }
	for _, n := range []string{"a", "b", "c"} {
		if !strings.Contains(setup, "without-"+n) {
			r.Steps = append(r.Steps, NewStep(n, two{w, n}))
		}
	}
	r.After = []Task{Forward("d", w.after)}
	return r
}

func apply(ctx context.Context, r *Run) error { return r.Apply(ctx, map[string]string{"run": "r1"}) }

func again(ctx context.Context, r *Run) error { _, err := r.Recover(ctx); return err }

// events writes a journal as words: "begun a:captured a:done".
func events(t *testing.T, path string) string {
	t.Helper()
	entries, err := journal.Read(path)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, e := range entries {
		s := string(e.Event)
		if e.Step != "" {
			s = e.Step + ":" + s
		}
		if e.Event == journal.Closed {
			var c Closure
			if err := json.Unmarshal(e.Data, &c); err != nil {
				t.Fatal(err)
			}
			s += "=" + string(c.Outcome)
		}
		out = append(out, s)
	}
	return strings.Join(out, " ")
}

func newPath(t *testing.T) string { return pathIn(t, t.TempDir()) }

// pathIn gives the path of a new run's journal below root.
func pathIn(t *testing.T, root string) string {
	dir, err := os.MkdirTemp(root, "run")
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, "journal")
}

// memory gives a folder whose fsync costs nothing, where there is one.
func memory(t *testing.T) string {
	dir, err := os.MkdirTemp("/dev/shm", "belay-machine")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}
