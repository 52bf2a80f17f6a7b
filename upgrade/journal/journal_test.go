package journal

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func clock() time.Time { return time.Date(2026, 11, 22, 3, 15, 0, 123456789, time.FixedZone("", 3600)) }

func newPath(t testing.TB) string {
	dir := filepath.Join(t.TempDir(), "runs", "20261122T031500Z-4f2a")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, "journal")
}

func create(t testing.TB) (*Log, string) {
	t.Helper()
	path := newPath(t)
	l, err := Create(path, clock)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l, path
}

// sample writes a few entries and gives the bytes of their journal.
func sample(t testing.TB) (path string, full []byte) {
	t.Helper()
	l, path := create(t)
	for i, ev := range []Event{Begun, Captured, Done, Captured, Failed, Undoing} {
		var data json.RawMessage
		if i != 2 {
			data = json.RawMessage(`{"k": "ü <a> \u0000"}`)
		}
		if err := l.Append(ev, fmt.Sprint("step-", i), data); err != nil {
			t.Fatal(err)
		}
	}
	full, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return path, full
}

func TestFormat(t *testing.T) {
	_, full := sample(t)
	want := `00000078 3fe4c480 {"seq":1,"time":"2026-11-22T02:15:00.123456789Z","event":"begun","step":"step-0","data":{"k":"ü \u003ca\u003e \u0000"}}`
	if got, _, _ := strings.Cut(string(full), "\n"); got != want {
		t.Errorf("\n got %s\nwant %s", got, want)
	}
}

func TestCreate(t *testing.T) {
	old := syscall.Umask(0)
	defer syscall.Umask(old)
	l, path := create(t)
	for _, f := range []string{path, reservePath(path)} {
		if i, err := os.Stat(f); err != nil || i.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v %v", f, i.Mode(), err)
		}
	}
	var st syscall.Stat_t
	if err := syscall.Stat(reservePath(path), &st); err != nil || st.Size != reserveSize || st.Blocks*512 < reserveSize {
		t.Errorf("reserve has %d bytes in %d blocks, %v", st.Size, st.Blocks, err)
	}
	if _, err := Create(path, clock); !errors.Is(err, os.ErrExist) {
		t.Errorf("a second journal in its place: %v", err)
	}
	if err := l.Append(Closed, "", nil); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(reservePath(path)); err == nil {
		t.Error("the reserve outlives the run")
	}
	if _, err := Open(path, clock); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(reservePath(path)); err == nil {
		t.Error("the reserve is made again for a run that has ended")
	}
	link := filepath.Join(filepath.Dir(path), "link")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(link, clock); err == nil {
		t.Error("a symlink was followed")
	}
}

// TestTruncated: whatever is cut off, what is read is a prefix, and the journal
// can be gone on with. A whole entry without its newline counts.
func TestTruncated(t *testing.T) {
	path, full := sample(t)
	all, err := Read(path)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for cut := range len(full) + 1 {
		rest := bytes.IndexByte(full[cut:], '\n') + 1     // of the line
		for _, fill := range []int{0, rest, rest + 700} { // with NULs: blocks that were never written
			if rest == 0 && fill > 0 {
				continue
			}
			write(t, path, append(bytes.Clone(full[:cut]), make([]byte, fill)...))
			want := bytes.Count(full[:cut], []byte("\n"))
			if rest == 1 && fill < 2 {
				want++
			}
			continues(t, path, all[:want], fmt.Sprintf("cut at %d, %d NULs", cut, fill))
			n++
		}
	}
	t.Logf("%d truncations, without and with NULs behind, read as a prefix", n)
}

// TestUnwrittenBlock: the last line's first block never came to the disk, its
// last did.
func TestUnwrittenBlock(t *testing.T) {
	path, full := sample(t)
	all, _ := Read(path)
	start := bytes.LastIndexByte(full[:len(full)-1], '\n') + 1
	clear(full[start : start+50])
	write(t, path, full)
	continues(t, path, all[:len(all)-1], "a hole in the last line")
	clear(full[10:20])
	write(t, path, full)
	if _, err := Read(path); !errors.As(err, new(*DamagedError)) {
		t.Errorf("a hole in the first line: %v", err)
	}
}

func continues(t *testing.T, path string, want []Entry, at string) {
	t.Helper()
	got, err := Read(path)
	if d := cmp.Diff(want, got, cmpEmpty); err != nil || d != "" {
		t.Fatalf("%s: %v %s", at, err, d)
	}
	l, err := Open(path, clock)
	if err != nil {
		t.Fatalf("%s: %v", at, err)
	}
	defer l.Close()
	if err := l.Append(Undone, "a", nil); err != nil {
		t.Fatalf("%s: %v", at, err)
	}
	got, err = Read(path)
	if d := cmp.Diff(l.Entries(), got); err != nil || d != "" || len(got) != len(want)+1 {
		t.Fatalf("%s: after one more entry: %v %s", at, err, d)
	}
}

var cmpEmpty = cmp.Transformer("", func(e []Entry) string { return fmt.Sprint(e) })

// TestFlipped: each flipped bit is found, those of the last entry too; that of the
// last newline does no harm. A damaged newline used to drop two entries.
func TestFlipped(t *testing.T) {
	path, full := sample(t)
	all, _ := Read(path)
	refused, healed := 0, 0
	for i := range full {
		for bit := range 8 {
			b := bytes.Clone(full)
			b[i] ^= 1 << bit
			write(t, path, b)
			got, err := Read(path)
			damaged := (*DamagedError)(nil)
			switch {
			case errors.As(err, &damaged):
				refused++
				if len(got) != bytes.Count(full[:i], []byte("\n")) || damaged.Entry != len(got)+1 || damaged.Path != path || !strings.Contains(damaged.Hint(), path) {
					t.Fatalf("flip of bit %d at %d: %d entries before it; %v", bit, i, len(got), err)
				}
				if l, err := Open(path, clock); err == nil {
					l.Close()
					t.Fatalf("flip of bit %d at %d: opened", bit, i)
				}
			case err == nil && i == len(full)-1 && len(got) == len(all):
				healed++
				continues(t, path, all, fmt.Sprintf("flip of bit %d at %d", bit, i))
			default:
				t.Fatalf("flip of bit %d at %d: %d entries, %v", bit, i, len(got), err)
			}
		}
	}
	t.Logf("%d flipped bits refused, %d of the last newline healed", refused, healed)
}

func TestJoinedRepeatedAndReordered(t *testing.T) {
	path, full := sample(t)
	lines := bytes.SplitAfter(full, []byte("\n"))
	lines = lines[:len(lines)-1]
	n := len(lines) - 1
	for name, b := range map[string][]byte{
		"missing":                  bytes.Join([][]byte{lines[0], lines[2]}, nil),
		"repeated":                 bytes.Join([][]byte{lines[0], lines[1], lines[1]}, nil),
		"reordered":                bytes.Join([][]byte{lines[0], lines[2], lines[1]}, nil),
		"joined":                   append(bytes.TrimSuffix(lines[0], []byte("\n")), lines[1]...),
		"empty":                    append([]byte("\n"), lines[0]...),
		"repeated without newline": append(bytes.Clone(full), bytes.TrimSuffix(lines[n], []byte("\n"))...),
	} {
		write(t, path, b)
		if _, err := Read(path); !errors.As(err, new(*DamagedError)) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestTooLarge(t *testing.T) {
	l, path := create(t)
	big, err := json.Marshal(strings.Repeat("x", maxBody))
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Append(Begun, "", big); err == nil {
		t.Error("an entry above the bound was written")
	}
	if err := l.Append(Begun, "", json.RawMessage(`{`)); err == nil {
		t.Error("broken JSON was written")
	}
	continues(t, path, nil, "after refused entries")
}

func TestCheckClock(t *testing.T) {
	now := clock()
	at := func(d time.Duration) []Entry { return []Entry{{Time: now.Add(time.Hour)}, {Time: now.Add(d)}} }
	for d, want := range map[time.Duration]bool{-time.Hour: true, 0: true, time.Second: true, 2 * time.Second: false, time.Hour: false} {
		err := CheckClock(at(d), now)
		late := (*FutureError)(nil)
		if errors.As(err, &late) == want || (err == nil) != want {
			t.Errorf("%v later: %v", d, err)
		}
		if late != nil && (late.Hint() == "" || !strings.Contains(err.Error(), d.String())) {
			t.Errorf("%v later: %v, hint %q", d, err, late.Hint())
		}
	}
	if err := CheckClock(nil, now); err != nil {
		t.Error(err)
	}
}

func write(t *testing.T, path string, b []byte) {
	t.Helper()
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

func FuzzParse(f *testing.F) {
	_, full := sample(f)
	f.Add(full)
	f.Add(full[:len(full)-1])
	f.Add(full[:len(full)-9])
	f.Add([]byte("00000002 00000000 {}\n\x00\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := parse(data)
		if c.good > len(data) {
			t.Fatalf("%d good bytes of %d", c.good, len(data))
		}
		again, errAgain := parse(data[:c.good])
		if errAgain != nil || len(again.entries) != len(c.entries) || again.good != c.good {
			t.Fatalf("the good part alone: %d entries in %d bytes, %v; were %d in %d", len(again.entries), again.good, errAgain, len(c.entries), c.good)
		}
		if err != nil {
			return
		}
		next := bytes.Clone(data[:c.good])
		if !c.ended {
			next = append(next, '\n')
		}
		line, err := encode(Entry{Seq: len(c.entries) + 1, Event: Undone})
		if err != nil {
			t.Fatal(err)
		}
		if after, err := parse(append(next, line...)); err != nil || len(after.entries) != len(c.entries)+1 {
			t.Fatalf("one more entry: %d, %v", len(after.entries), err)
		}
	})
}
