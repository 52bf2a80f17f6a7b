package backup

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"strconv"
	"testing"

	"github.com/klauspost/compress/zstd"
)

func compress(t *testing.T, data []byte, piece int) []byte {
	t.Helper()
	var out bytes.Buffer
	f, err := newFrames(&out)
	check(t, err)
	for len(data) > 0 {
		n := min(piece, len(data))
		wrote, err := f.Write(data[:n])
		check(t, err)
		if wrote != n {
			t.Fatalf("wrote %d of %d", wrote, n)
		}
		data = data[n:]
	}
	check(t, f.Close())
	return out.Bytes()
}

// Whatever its length, a stream comes back: each border of a frame and of its start.
func TestFramesComeBack(t *testing.T) {
	all := make([]byte, frameSize+2*trialSize)
	_, err := io.ReadFull(&prose{r: rand.New(rand.NewPCG(5, 6))}, all)
	check(t, err)
	for _, size := range []int{0, 1, trialSize - 1, trialSize, trialSize + 1, frameSize - 1, frameSize, frameSize + 1, frameSize + trialSize, len(all)} {
		for _, piece := range []int{32<<10 - 7, len(all)} {
			packed := compress(t, all[:size], piece)
			if len(packed) == 0 {
				t.Errorf("%d bytes: no frame at all", size)
			}
			r, err := zstd.NewReader(bytes.NewReader(packed))
			check(t, err)
			got, err := io.ReadAll(r)
			check(t, err)
			r.Close()
			if !bytes.Equal(got, all[:size]) {
				t.Errorf("%d bytes in pieces of %d came back as %d others", size, piece, len(got))
			}
		}
	}
}

// Digits are stored as the quicker level stores them, text as the other one does.
func TestFramesChoose(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	var digits []byte
	for len(digits) < 8<<20 {
		digits = append(strconv.AppendFloat(digits, r.NormFloat64(), 'g', 8, 32), ',')
	}
	text := make([]byte, 8<<20)
	_, err := io.ReadFull(&prose{r: r}, text)
	check(t, err)
	for name, data := range map[string][]byte{"digits": digits, "text": text} {
		least := 0
		for _, level := range []zstd.EncoderLevel{zstd.SpeedDefault, zstd.SpeedFastest} {
			e, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(level), zstd.WithWindowSize(window))
			check(t, err)
			if n := len(e.EncodeAll(data, nil)); least == 0 || n < least {
				least = n
			}
		}
		if n := len(compress(t, data, 1<<20)); n > least+least/200 {
			t.Errorf("%s: %d bytes, the better level makes %d", name, n, least)
		}
	}
}

// An end that cannot be written is an error of Close.
func TestFramesFail(t *testing.T) {
	full := errors.New("full")
	for _, size := range []int{0, 10, trialSize + 10} {
		f, err := newFrames(&failing{full})
		check(t, err)
		_, first := f.Write(make([]byte, size))
		if err := f.Close(); !errors.Is(errors.Join(first, err), full) {
			t.Errorf("%d bytes: %v", size, err)
		}
	}
}

type failing struct{ err error }

func (f *failing) Write([]byte) (int, error) { return 0, f.err }
