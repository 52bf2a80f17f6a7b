package backup

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"filippo.io/age"

	"github.com/belaystack/belay/upgrade/backup/tree"
)

// maxMemory is what the process may take, whatever the size of a backup.
const maxMemory = 64 << 20

// Storing and verifying takes no more memory than is allowed, for a large content
// as for a small one. The program measured is this test, run again.
func TestMemory(t *testing.T) {
	if dir := os.Getenv("BELAY_TEST_MEMORY"); dir != "" {
		storeLarge(t, dir)
		return
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestMemory$", "-test.v")
	cmd.Env = append(os.Environ(), "BELAY_TEST_MEMORY="+filepath.Join(t.TempDir(), "b"))
	out, err := cmd.CombinedOutput()
	_, figure, ok := bytes.Cut(out, []byte("peak memory "))
	if err != nil || !ok {
		t.Fatalf("%v\n%s", err, out)
	}
	text, _, _ := strings.Cut(string(figure), " ")
	peak, err := strconv.Atoi(text)
	check(t, err)
	t.Logf("peak memory: %d MB", peak>>20)
	if peak > maxMemory {
		t.Errorf("peak memory: %d bytes, more than %d", peak, maxMemory)
	}
}

func storeLarge(t *testing.T, dir string) {
	key := identity(t)
	s := &Store{Dir: dir, Recipients: []age.Recipient{key.Recipient()}, Identities: []age.Identity{key}}
	w, err := s.Create("b1")
	check(t, err)
	c, err := w.Add(KindVolume)
	check(t, err)
	_, err = io.Copy(c, io.LimitReader(&prose{r: rand.New(rand.NewPCG(1, 2))}, 300<<20))
	check(t, err)
	check(t, c.Close())
	_, err = w.Commit(Manifest{Detail: &Detail{Volumes: []Volume{{Content: c.Name()}}}})
	check(t, err)
	b, err := s.Open("b1")
	check(t, err)
	_, err = b.Verify(context.Background())
	check(t, err)
	status, err := os.ReadFile("/proc/self/status")
	check(t, err)
	_, line, _ := strings.Cut(string(status), "VmHWM:")
	kb, err := strconv.Atoi(strings.Fields(line)[0])
	check(t, err)
	fmt.Printf("peak memory %d bytes\n", kb<<10)
}

// prose is text that compresses as text does: random words of a small vocabulary,
// with numbers between them.
type prose struct {
	r    *rand.Rand
	rest []byte
}

func (p *prose) Read(b []byte) (int, error) {
	if len(p.rest) == 0 {
		for range 2000 {
			k := p.r.IntN(4000)
			p.rest = append(p.rest, fmt.Sprintf("%x%d ", k*k*2654435761, k%7)...)
			if k%5 == 0 {
				p.rest = strconv.AppendUint(p.rest, p.r.Uint64(), 36)
			}
		}
	}
	n := copy(b, p.rest)
	p.rest = p.rest[n:]
	return n, nil
}

// benchTree makes a tree of about 500 MB: many small files, some large ones, a
// part that does not compress.
func benchTree(b *testing.B) string {
	b.Helper()
	root := b.TempDir()
	text := &prose{r: rand.New(rand.NewPCG(3, 4))}
	file := func(name string, from io.Reader, size int64) {
		path := filepath.Join(root, name)
		check(b, os.MkdirAll(filepath.Dir(path), 0o755))
		f, err := os.Create(path)
		check(b, err)
		_, err = io.CopyN(f, from, size)
		check(b, err)
		check(b, f.Close())
	}
	for i := range 10_000 {
		file(fmt.Sprintf("small/%02d/%d", i%100, i), text, int64(i%16)<<10)
	}
	for i := range 6 {
		file(fmt.Sprintf("large/%d", i), text, 50<<20)
	}
	file("noise", rand.NewChaCha8([32]byte{}), 100<<20)
	return root
}

// cpu is the processor time that this process, or its children, has taken.
func cpu(b *testing.B, who int) float64 {
	b.Helper()
	var u syscall.Rusage
	check(b, syscall.Getrusage(who, &u))
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9
}

// BenchmarkPack compares packing a tree into a store with `tar | zstd -3`: time,
// processor time and size.
func BenchmarkPack(b *testing.B) {
	root := benchTree(b)
	out := b.TempDir()
	ctx := context.Background()
	var size int64
	m, err := tree.Measure(ctx, root, tree.Options{})
	check(b, err)
	b.Run("belay", func(b *testing.B) {
		b.SetBytes(m.Bytes)
		start := cpu(b, syscall.RUSAGE_SELF)
		for i := range b.N {
			s := &Store{Dir: filepath.Join(out, "b")}
			w, err := s.Create(fmt.Sprintf("b%d", i))
			check(b, err)
			c, err := w.Add(KindVolume)
			check(b, err)
			_, err = tree.Pack(ctx, root, tree.Options{}, c)
			check(b, err)
			check(b, c.Close())
			size = w.contents[0].Size
			check(b, w.Abort())
		}
		b.ReportMetric((cpu(b, syscall.RUSAGE_SELF)-start)/float64(b.N), "cpu-s/op")
		b.ReportMetric(float64(size), "stored-B")
	})
	b.Run("tar zstd -3", func(b *testing.B) {
		b.SetBytes(m.Bytes)
		start := cpu(b, syscall.RUSAGE_CHILDREN)
		for range b.N {
			check(b, exec.Command("sh", "-c", `tar --xattrs --numeric-owner -cf - -C "$0" . | zstd -q -3 -T2 -o "$1" -f && sync "$1"`, root, out+"/x").Run())
		}
		fi, err := os.Stat(out + "/x")
		check(b, err)
		b.ReportMetric((cpu(b, syscall.RUSAGE_CHILDREN)-start)/float64(b.N), "cpu-s/op")
		b.ReportMetric(float64(fi.Size()), "stored-B")
	})
}
