package release

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/belaystack/belay/lint/compose"
	"github.com/belaystack/belay/lint/dotenv"
	"github.com/belaystack/belay/lint/image"
	"github.com/belaystack/belay/lint/source"
	"github.com/belaystack/belay/release/catalog"
)

// LoadChange loads a stack before and after a change from a txtar archive: files
// below base/ and head/ are of one side, all others of both.
func LoadChange(t testing.TB, archive string) *Stack {
	t.Helper()
	s := &Stack{Base: loadSide(t, archive, "base/", "head/"), Head: loadSide(t, archive, "head/", "base/"), Catalog: catalog.Load()}
	s.Yours.File = s.Head.OwnEnv()
	for _, f := range txtar.Parse([]byte(archive)).Files {
		if f.Name == dotenv.StateFile {
			var err error
			if s.Yours.State, err = dotenv.ReadState(source.New(f.Name, f.Data)); err != nil {
				t.Fatal(err)
			}
		}
	}
	return s
}

func loadSide(t testing.TB, archive, side, other string) *compose.Stack {
	t.Helper()
	dir := t.TempDir()
	for _, f := range txtar.Parse([]byte(archive)).Files {
		if strings.HasPrefix(f.Name, other) {
			continue
		}
		name := filepath.Join(dir, strings.TrimPrefix(f.Name, side))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, f.Data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	root, err := source.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { root.Close() })
	s, err := compose.Load(t.Context(), compose.Options{Root: root, Name: "shop"})
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Problems) > 0 {
		t.Fatalf("%s the stack has problems: %v", side, s.Problems)
	}
	return s
}

// bump is a stack of which one image changes.
func bump(t testing.TB, old, now string) *Stack {
	t.Helper()
	const file = "-- %s/compose.yaml --\nservices:\n  app:\n    image: %s\n"
	return LoadChange(t, fmt.Sprintf(file+file, "base", old, "head", now))
}

func parse(t testing.TB, text string) image.Ref {
	t.Helper()
	r, err := image.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// reader is a Reader that answers what it was told to be asked. Questions are
// "releases REPO", "file REPO PATH TAG", "tree REPO DIR TAG" and
// "repository IMAGE"; an answer that is an error is given as one.
type reader struct {
	t       testing.TB
	answers map[string]any
	asked   []string
	pages   int // of releases that were read
}

func newReader(t testing.TB, answers map[string]any) *reader {
	t.Helper()
	r := &reader{t: t, answers: answers}
	t.Cleanup(func() {
		seen := map[string]bool{}
		for _, q := range r.asked {
			if seen[q] {
				t.Errorf("asked twice: %s", q)
			}
			seen[q] = true
		}
		for q := range answers {
			if !seen[q] {
				t.Errorf("never asked: %s", q)
			}
		}
	})
	return r
}

func answer[T any](r *reader, format string, args ...any) (T, error) {
	r.t.Helper()
	q := fmt.Sprintf(format, args...)
	r.asked = append(r.asked, q)
	var none T
	switch a := r.answers[q].(type) {
	case T:
		return a, nil
	case error:
		return none, a
	}
	r.t.Errorf("unexpected question: %s", q)
	return none, errors.New("unexpected question")
}

func (r *reader) Releases(_ context.Context, repo string, enough func([]Published) bool) (out []Published, err error) {
	pages, err := answer[[][]Published](r, "releases %s", repo)
	for _, page := range pages {
		r.pages++
		out = append(out, page...)
		if enough(page) {
			break
		}
	}
	return out, err
}

func (r *reader) File(_ context.Context, repo, path, ref string) ([]byte, error) {
	text, err := answer[string](r, "file %s %s %s", repo, path, ref)
	return []byte(text), err
}

func (r *reader) Tree(_ context.Context, repo, dir, ref string, want func(string) bool) (map[string][]byte, error) {
	archive, err := answer[string](r, "tree %s %s %s", repo, dir, ref)
	out := map[string][]byte{}
	for _, f := range txtar.Parse([]byte(archive)).Files {
		if want(f.Name) {
			out[f.Name] = f.Data
		}
	}
	return out, err
}

func (r *reader) Repository(_ context.Context, ref image.Ref) (string, error) {
	return answer[string](r, "repository %s", ref)
}
