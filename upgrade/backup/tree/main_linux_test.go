package tree

import (
	"bytes"
	"context"
	"errors"
	"io"
	"path/filepath"
	"strings"
	"testing"
)

// The commands say the same as the functions.
func TestCommands(t *testing.T) {
	src, dst := t.TempDir(), t.TempDir()
	smallTree(t, src)
	ctx := context.Background()
	var archive, out bytes.Buffer
	if err := Main(ctx, []string{"pack", "-exclude", "l", src}, nil, &archive); err != nil {
		t.Fatal(err)
	}
	if err := Main(ctx, []string{"unpack", dst}, &archive, &out); err != nil {
		t.Fatal(err)
	}
	unpacked, err := ParseSummary(out.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	out.Reset()
	if err := Main(ctx, []string{"hash", "-list", dst}, nil, &out); err != nil {
		t.Fatal(err)
	}
	hashed, err := ParseSummary(out.Bytes())
	if err != nil || hashed.Hash != unpacked.Hash || strings.Count(out.String(), "\n") != int(hashed.Entries)+1 {
		t.Errorf("hash = %+v, %v; unpack = %+v; list:\n%s", hashed, err, unpacked, out.String())
	}
	if _, err := ParseSummary(out.Bytes()[:out.Len()-1]); !errors.Is(err, ErrCut) {
		t.Errorf("ParseSummary of a cut line = %v", err)
	}
	out.Reset()
	if err := Main(ctx, []string{"measure", dst}, nil, &out); err != nil || !strings.Contains(out.String(), `"bytes":3147236`) {
		t.Errorf("measure = %s, %v", out.String(), err)
	}
	for _, args := range [][]string{nil, {"pack"}, {"pack", "a", "b"}, {"pack", "-x", src}, {"eat", src}, {"pack", filepath.Join(src, "none")}, {"unpack", filepath.Join(src, "a/x")}} {
		if err := Main(ctx, args, strings.NewReader(""), io.Discard); err == nil {
			t.Errorf("Main(%q) = nil", args)
		}
	}
}
