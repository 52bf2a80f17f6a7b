package base

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"

	"github.com/belaystack/belay/lint/source"
)

// testRepo is a repository that a test builds with go-git: no git program needed.
type testRepo struct {
	testing.TB
	dir  string
	repo *git.Repository
	tick int
}

func newRepo(t testing.TB) *testRepo {
	t.Helper()
	dir := t.TempDir()
	repo, err := git.PlainInit(dir, false)
	if err != nil {
		t.Fatal(err)
	}
	return &testRepo{TB: t, dir: dir, repo: repo}
}

// commit writes files, given as name, content pairs, and commits all of them.
func (r *testRepo) commit(pairs ...string) plumbing.Hash {
	r.Helper()
	wt, err := r.repo.Worktree()
	if err != nil {
		r.Fatal(err)
	}
	for i := 0; i < len(pairs); i += 2 {
		write(r.TB, filepath.Join(r.dir, pairs[i]), pairs[i+1])
		if _, err := wt.Add(pairs[i]); err != nil {
			r.Fatal(err)
		}
	}
	h, err := wt.Commit("change", &git.CommitOptions{Author: r.author(), AllowEmptyCommits: true})
	if err != nil {
		r.Fatal(err)
	}
	return h
}

// author gives a signature one minute after the last, so that history has an order.
func (r *testRepo) author() *object.Signature {
	r.tick++
	return &object.Signature{Name: "a", Email: "a@example.com", When: time.Unix(1_700_000_000+int64(r.tick)*60, 0).UTC()}
}

// blob, tree and commitTree store objects that no git program would make.
func (r *testRepo) blob(text string) plumbing.Hash {
	o := r.repo.Storer.NewEncodedObject()
	o.SetType(plumbing.BlobObject)
	w, err := o.Writer()
	if err == nil {
		_, err = w.Write([]byte(text))
	}
	if err != nil {
		r.Fatal(err)
	}
	return r.store(o)
}

func (r *testRepo) tree(entries ...object.TreeEntry) plumbing.Hash {
	o := r.repo.Storer.NewEncodedObject()
	o.SetType(plumbing.TreeObject)
	var raw []byte
	for _, e := range entries {
		raw = append(raw, strings.TrimLeft(e.Mode.String(), "0")+" "+e.Name+"\x00"...)
		raw = append(raw, e.Hash[:]...)
	}
	w, err := o.Writer()
	if err == nil {
		_, err = w.Write(raw)
	}
	if err != nil {
		r.Fatal(err)
	}
	return r.store(o)
}

func (r *testRepo) store(o plumbing.EncodedObject) plumbing.Hash {
	h, err := r.repo.Storer.SetEncodedObject(o)
	if err != nil {
		r.Fatal(err)
	}
	return h
}

func (r *testRepo) commitTree(tree plumbing.Hash, parents ...plumbing.Hash) plumbing.Hash {
	o := r.repo.Storer.NewEncodedObject()
	who := *r.author()
	c := &object.Commit{Author: who, Committer: who, Message: "x", TreeHash: tree, ParentHashes: parents}
	if err := c.Encode(o); err != nil {
		r.Fatal(err)
	}
	return r.store(o)
}

func (r *testRepo) setRef(name string, h plumbing.Hash) {
	r.Helper()
	if err := r.repo.Storer.SetReference(plumbing.NewHashReference(plumbing.ReferenceName(name), h)); err != nil {
		r.Fatal(err)
	}
}

func entry(name string, mode filemode.FileMode, h plumbing.Hash) object.TreeEntry {
	return object.TreeEntry{Name: name, Mode: mode, Hash: h}
}

func write(t testing.TB, name, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// gitProgram runs git in dir, away from the user's configuration, or skips.
func gitProgram(t testing.TB, dir string, args ...string) string {
	t.Helper()
	return strings.TrimSpace(gitOutput(t, dir, args...))
}

// gitBlob gives the content of a blob, byte for byte.
func gitBlob(t testing.TB, dir, id string) string {
	t.Helper()
	return gitOutput(t, dir, "cat-file", "blob", id)
}

func gitOutput(t testing.TB, dir string, args ...string) string {
	t.Helper()
	bin, err := exec.LookPath("git")
	if err != nil {
		t.Skip("no git program here")
	}
	cmd := exec.CommandContext(t.Context(), bin, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "HOME="+t.TempDir(), "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null",
		"GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.com", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@example.com",
		"GIT_ALLOW_PROTOCOL=file")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("git %v: %v\n%s", args, err, out)
	}
	return string(out)
}

func openRoot(t testing.TB, dir string) *source.Root {
	t.Helper()
	root, err := source.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { root.Close() })
	return root
}
