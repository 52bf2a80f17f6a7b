package backup

import (
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/fstest"

	"filippo.io/age"
)

// loaded is the folder of a backup in memory.
func loaded(t testing.TB, dir string) fstest.MapFS {
	t.Helper()
	m := fstest.MapFS{}
	files, err := os.ReadDir(dir)
	check(t, err)
	for _, f := range files {
		data, err := os.ReadFile(filepath.Join(dir, f.Name()))
		check(t, err)
		m[f.Name()] = &fstest.MapFile{Data: data, Mode: 0o600}
	}
	return m
}

// accepts says whether the folder passes for a backup.
func accepts(m fs.FS, keys []age.Identity) bool {
	b, err := open(m, keys)
	if err == nil {
		_, err = b.Verify(context.Background())
	}
	return err == nil
}

// copies gives each of n workers a copy of a backup of its own to damage, of
// which it takes every nth place.
func copies(t *testing.T, m fstest.MapFS, work func(m fstest.MapFS, first, n int)) {
	t.Helper()
	n := runtime.GOMAXPROCS(0)
	var wg sync.WaitGroup
	for i := range n {
		own := fstest.MapFS{}
		for name, f := range m {
			own[name] = &fstest.MapFile{Data: slices.Clone(f.Data), Mode: f.Mode}
		}
		wg.Go(func() { work(own, i, n) })
	}
	wg.Wait()
}

// Every flipped bit of a backup of 64 KiB, its manifest and the manifest's
// checksum included, is refused, and so is every truncation: 600,000 verifications.
// Without BELAY_TEST_LONG it is every 61st.
func TestEveryBit(t *testing.T) {
	step := 61
	if os.Getenv("BELAY_TEST_LONG") != "" {
		step = 1
	}
	s := &Store{Dir: filepath.Join(t.TempDir(), "b")}
	makeBackup(t, s, "b1", 62<<10)
	m := loaded(t, filepath.Join(s.Dir, "b1"))
	total := 0
	for _, f := range m {
		total += len(f.Data)
	}
	if total < 64<<10 || !accepts(m, nil) {
		t.Fatalf("a backup of %d bytes, accepted: %v", total, accepts(m, nil))
	}
	copies(t, m, func(m fstest.MapFS, first, n int) {
		for name, f := range m {
			for i := first * step; i < 8*len(f.Data); i += n * step {
				f.Data[i/8] ^= 1 << (i % 8)
				if accepts(m, nil) {
					t.Errorf("%s: bit %d flipped: accepted", name, i)
				}
				f.Data[i/8] ^= 1 << (i % 8)
			}
			whole := f.Data
			for i := first * step; i < len(whole); i += n * step {
				f.Data = whole[:i]
				if accepts(m, nil) {
					t.Errorf("%s: cut to %d bytes: accepted", name, i)
				}
			}
			f.Data = whole
		}
	})
	missingOrMore(t, m)
}

func missingOrMore(t *testing.T, m fstest.MapFS) {
	t.Helper()
	for name, f := range m {
		delete(m, name)
		if accepts(m, nil) {
			t.Errorf("without %s: accepted", name)
		}
		m[name+".orig"] = f
		if accepts(m, nil) {
			t.Errorf("%s by another name: accepted", name)
		}
		m[name] = f
		if accepts(m, nil) {
			t.Errorf("a file more, %s.orig: accepted", name)
		}
		delete(m, name+".orig")
	}
	if !accepts(m, nil) {
		t.Error("not accepted when all is as it was")
	}
}

// 10,000 random bits of a large backup, in clear and encrypted, with and without
// an identity. Without BELAY_TEST_LONG it is 200.
func TestRandomBits(t *testing.T) {
	flips := 200
	if os.Getenv("BELAY_TEST_LONG") != "" {
		flips = 10_000
	}
	key := identity(t)
	to, keys := []age.Recipient{key.Recipient()}, []age.Identity{key}
	for name, c := range map[string]struct {
		store *Store
		keys  []age.Identity
		size  int
	}{
		"clear":          {&Store{}, nil, 8 << 20},
		"age":            {&Store{Recipients: to, Identities: keys}, keys, 256 << 10},
		"age, no reader": {&Store{Recipients: to}, nil, 256 << 10},
	} {
		t.Run(name, func(t *testing.T) {
			c.store.Dir = filepath.Join(t.TempDir(), "b")
			makeBackup(t, c.store, "b1", c.size)
			m := loaded(t, filepath.Join(c.store.Dir, "b1"))
			if !accepts(m, c.keys) {
				t.Fatal("not accepted as it is")
			}
			copies(t, m, func(m fstest.MapFS, first, n int) {
				r := rand.New(rand.NewPCG(1, uint64(first)))
				names := make([]string, 0, len(m))
				for name := range m {
					names = append(names, name)
				}
				slices.Sort(names)
				for range flips / n {
					name := names[r.IntN(len(names))]
					i := r.IntN(8 * len(m[name].Data))
					m[name].Data[i/8] ^= 1 << (i % 8)
					if accepts(m, c.keys) {
						t.Errorf("%s: bit %d flipped: accepted", name, i)
					}
					m[name].Data[i/8] ^= 1 << (i % 8)
				}
			})
		})
	}
}

// A content read for a restore does not end well when it is damaged, even when the
// damage is none to the decompressor.
func TestReaderTellsDamage(t *testing.T) {
	s := &Store{Dir: filepath.Join(t.TempDir(), "b")}
	_, want, _ := makeBackup(t, s, "b1", 64<<10)
	name := want.Detail.Databases[0].Content
	m := loaded(t, filepath.Join(s.Dir, "b1"))
	b, err := open(m, nil)
	check(t, err)
	sum := b.Detail.Plain[name]
	sum.SHA256 = "00" + sum.SHA256[2:]
	b.Detail.Plain[name] = sum
	r, err := b.Reader(name)
	check(t, err)
	if _, err := drain(context.Background(), r); err == nil {
		t.Error("other plain bytes were read without an error")
	}
	check(t, r.Close())
	if _, err := b.Verify(context.Background()); err == nil {
		t.Error("other plain bytes were verified")
	}
	// The content is the caller's to read, and counts as read.
	v, err := b.Verify(context.Background(), name)
	if err != nil || v.Contents != len(b.Contents) || v.Plain < sum.Size || v.Stored < b.Contents[0].Size {
		t.Errorf("without it: %+v, %v", v, err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := b.Verify(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Verify with an ended context = %v", err)
	}
}

// A reading that ends before the file does compares the rest too.
func TestReaderReadsAll(t *testing.T) {
	stored := &checked{r: strings.NewReader("rest"), h: sha256.New(), name: "x", what: "stored", want: Sum{4, strings.Repeat("0", 64)}}
	r := &contentReader{stored: stored, plain: strings.NewReader("plain"), name: "x"}
	var damage *DamageError
	if _, err := io.ReadAll(r); !errors.As(err, &damage) {
		t.Errorf("ReadAll = %v", err)
	}
}

// A manifest of another version, or with a field that is not known, is refused.
func TestDecodeManifest(t *testing.T) {
	for text, want := range map[string]string{
		`{"version":2}`: "version 2",
		`{"version":1,"more":1,"id":"","run":"","project":"","created":"2026-11-22T03:15:00Z","belay":"","encrypted":false,"contents":null,"detail":{"moment":{"consistent":true},"plain":null}}`: "unknown field",
		`{"version":1,"created":"2026-11-22T03:15:00Z"}{}`:                            "after top-level",
		`{"version":1,"created":"2026-11-22T03:15:00Z"}`:                              "encrypted exactly when",
		`{"version":1,"contents":[{"name":"../x","kind":"db"}]}`:                      "want \"db-001.dump.zst\"",
		`{"version":1,"contents":[{"name":"db-001.dump.zst","kind":"db","size":-1}]}`: "impossible size",
		`{"version":1,"contents":[{"name":"x","kind":"x"}]}`:                          "unknown kind",
		`[]`: "cannot unmarshal",
		``:   "unexpected end",
	} {
		_, err := decodeManifest([]byte(text))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}

func FuzzDecodeManifest(f *testing.F) {
	s := &Store{Dir: filepath.Join(f.TempDir(), "b")}
	makeBackup(f, s, "b1", 1000)
	data, err := fs.ReadFile(os.DirFS(s.Dir), "b1/"+manifestName)
	check(f, err)
	f.Add(data)
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := decodeManifest(data)
		if err == nil && m.check() != nil {
			t.Error("decoded what no manifest can say")
		}
	})
}

// A full file system is told as one, and leaves no content behind.
func TestSpace(t *testing.T) {
	if got, err := Free(t.TempDir()); err != nil || got <= 0 {
		t.Errorf("Free = %d, %v", got, err)
	}
	s := &Store{Dir: filepath.Join(t.TempDir(), "b")}
	w, err := s.Create("b1")
	check(t, err)
	if err := s.Room(1 << 60); !isSpace(err) {
		t.Errorf("Room = %v", err)
	}
	s.Reserve = 1 << 60
	c, err := w.Add(KindVolume)
	check(t, err)
	block := make([]byte, 1<<20)
	for range spaceEvery>>20 + 1 {
		if _, err = c.Write(block); err != nil {
			break
		}
	}
	if !isSpace(err) {
		t.Errorf("Write into the reserve = %v", err)
	}
	if err := c.Close(); !isSpace(err) {
		t.Errorf("Close after it = %v", err)
	}
	if left, _ := os.ReadDir(filepath.Join(s.Dir, "b1")); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
	for _, plain := range []int{0, 1, 100_000, 5 << 20} {
		s := &Store{Dir: filepath.Join(t.TempDir(), "b"), Recipients: []age.Recipient{identity(t).Recipient()}}
		w, err := s.Create("b1")
		check(t, err)
		add(t, w, KindVolume, noise(plain))
		if got := w.contents[0].Size; got > Most(int64(plain), 1)-1<<20 {
			t.Errorf("%d bytes of noise take %d, Most says %d", plain, got, Most(int64(plain), 1))
		}
	}
}

func isSpace(err error) bool {
	var space *SpaceError
	return errors.As(err, &space) && space.Hint() != "" && space.Unwrap() == syscall.ENOSPC
}
