package wanted

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"

	"github.com/belaystack/belay/upgrade/wanted/deployed"
)

const oneN8N = "services:\n  n8n:\n    image: n8nio/n8n:%s\n    volumes: ['./n8n:/home/node/.n8n', './conf:/etc/conf']\n"

func n8n(tag string) string { return fmt.Sprintf(oneN8N, tag) }

// changed gives what a result does to the files of the project directory.
func (h *host) changed(r *Result) string {
	var out []string
	for _, path := range r.changedFiles() {
		verb := "~"
		if _, ok := r.Old[path]; !ok {
			verb = "+"
		}
		if _, ok := r.New[path]; !ok {
			verb = "-"
		}
		out = append(out, verb+strings.TrimPrefix(path, h.dir+"/"))
	}
	return strings.Join(out, " ")
}

// newDeployment is a stack that was deployed by hand from the first commit.
func newDeployment(t *testing.T) (*host, *clone) {
	files := map[string]string{"compose.yaml": n8n("2.1.0"), "conf/a.conf": "one\ntwo\n"}
	c := newClone(t, files)
	h := newHost(t, files)
	h.write(map[string]string{".env": "S=canary\n", "n8n/db": "data\n"})
	h.start()
	return h, c
}

// TestFrom: the tracked files of the checkout take the place of the deployed ones,
// new ones come, and what the last deployment brought and the checkout has no more
// goes; what is the host's own, or data, stays.
func TestFrom(t *testing.T) {
	h, c := newDeployment(t)
	first := c.commit(map[string]string{"compose.yaml": n8n("2.2.0"), "conf/b.conf": "b\n", ".env": "S=of-the-repository\n", "n8n/db": "of the repository\n"})
	r := h.want(c.mode())
	if got := h.changed(r); got != "~compose.yaml +conf/b.conf" {
		t.Errorf("changed %q", got)
	}
	if s := serviceOf(t, r, "n8n"); s.Old != "n8nio/n8n:2.1.0" || s.New != "n8nio/n8n:2.2.0" || r.Commit != first {
		t.Errorf("%+v %s", s, r.Commit)
	}
	notes := strings.Join(r.Notes, "\n")
	if !strings.Contains(notes, "docker/.env: it is never deployed") || !strings.Contains(notes, "docker/n8n/db is not deployed") {
		t.Errorf("notes %q", notes)
	}
	if got := string(r.New[filepath.Join(h.dir, ".env")].Data); got != "S=canary\n" {
		t.Errorf(".env is %q", got)
	}
	h.commit(r, "r1")

	if r := h.want(c.mode()); !r.Nothing() || r.Commit != first {
		t.Errorf("deployed again: %s", h.changed(r))
	}
	c.commit(map[string]string{"conf/a.conf": "", "conf/b.conf": "", "compose.yaml": "# later\n" + n8n("2.2.0")})
	h.write(map[string]string{"conf/b.conf": "changed on the host\n"})
	r = h.want(c.mode())
	if got := h.changed(r); got != "~compose.yaml -conf/a.conf" || !strings.Contains(strings.Join(r.Notes, " "), "b.conf is no longer in the repository") {
		t.Errorf("changed %q %q", got, r.Notes)
	}
}

// TestFromRecordBlock: the record block of the host is no edit of it, and its
// difference no change.
func TestFromRecordBlock(t *testing.T) {
	const block = "# belay:record 1 (service, image, digest, date, run)\n#   n8n  n8nio/n8n:2.1.0  -  2026-01-02  r1\n"
	h, c := newDeployment(t)
	h.write(map[string]string{"compose.yaml": block + n8n("2.1.0")})
	r := h.want(c.mode())
	if !r.Nothing() || string(r.New[filepath.Join(h.dir, "compose.yaml")].Data) != block+n8n("2.1.0") {
		t.Errorf("changed %s", h.changed(r))
	}
	c.commit(map[string]string{"compose.yaml": strings.Replace(block, "2.1.0", "2.0.0", 1) + n8n("2.2.0")})
	if got := h.changed(h.want(c.mode())); got != "~compose.yaml" {
		t.Errorf("changed %q", got)
	}
}

// TestFromEdited: a file that was changed on the host is not written over, by its
// record and by history.
func TestFromEdited(t *testing.T) {
	h, c := newDeployment(t)
	h.write(map[string]string{"conf/a.conf": "one\ncanary\n"})
	c.commit(map[string]string{"conf/a.conf": "one\ntwo\nthree\n"})
	_, err := h.compute(c.mode())
	refused(t, err, Edited, "conf/a.conf is no version that the repository has had: found other than in the checkout from line 2 on")
	m := c.mode()
	m.From.Overwrite = true
	if got := h.changed(h.want(m)); got != "~conf/a.conf" {
		t.Errorf("changed %q", got)
	}

	h.write(map[string]string{"conf/a.conf": "one\ntwo\n"}) // an older version of the repository's
	r := h.want(c.mode())
	h.commit(r, "r1")
	c.commit(map[string]string{"conf/a.conf": "four\n"})
	h.write(map[string]string{"conf/a.conf": "one\ntwo\n"}) // by the record it is an edit all the same
	_, err = h.compute(c.mode())
	refused(t, err, Edited, "was changed since it was deployed: found other from line 3 on")
	if err := os.Remove(filepath.Join(h.dir, "conf/a.conf")); err != nil {
		t.Fatal(err)
	}
	_, err = h.compute(c.mode())
	refused(t, err, Edited, "found removed")
}

// TestFromAncestry: only a successor of what is deployed, as it was committed.
func TestFromAncestry(t *testing.T) {
	h, c := newDeployment(t)
	deployedAt := c.commit(map[string]string{"compose.yaml": n8n("2.2.0")})
	h.commit(h.want(c.mode()), "r1")
	c.commit(map[string]string{"conf/a.conf": "later\n"})
	h.want(c.mode())

	wt, err := c.repo.Worktree()
	if err != nil {
		t.Fatal(err)
	}
	checkOut := func(hash string) {
		t.Helper()
		if err := wt.Checkout(&git.CheckoutOptions{Hash: plumbing.NewHash(hash), Force: true}); err != nil {
			t.Fatal(err)
		}
	}
	checkOut(deployedAt) // the same again
	h.want(c.mode())
	at, err := c.repo.CommitObject(plumbing.NewHash(deployedAt))
	if err != nil {
		t.Fatal(err)
	}
	checkOut(at.ParentHashes[0].String()) // before it
	_, err = h.compute(c.mode())
	refused(t, err, Ancestry, "does not come after what is deployed: found "+at.ParentHashes[0].String()[:12]+", needed a successor of "+deployedAt[:12])
	c.commit(map[string]string{"conf/a.conf": "beside\n"})
	_, err = h.compute(c.mode())
	refused(t, err, Ancestry, "does not come after what is deployed")

	// Shallow: history ends before the answer.
	if err := wt.Checkout(&git.CheckoutOptions{Branch: plumbing.Master, Force: true}); err != nil {
		t.Fatal(err)
	}
	shallow := filepath.Join(t.TempDir(), "shallow")
	repo, err := git.PlainClone(shallow, false, &git.CloneOptions{URL: c.dir, Depth: 1})
	if err != nil {
		t.Fatal(err)
	}
	if cut, _ := repo.Storer.Shallow(); len(cut) == 0 {
		t.Fatal("the clone is not shallow")
	}
	_, err = h.compute(Mode{From: &From{Dir: filepath.Join(shallow, "docker")}})
	refused(t, err, Ancestry, "the clone is shallow")
	if !strings.Contains(err.(interface{ Hint() string }).Hint(), "fetch-depth: 0") {
		t.Errorf("hint of %v", err)
	}
}

// TestFromRefuses: what a checkout must not be, and must not do to the host.
func TestFromRefuses(t *testing.T) {
	tests := []struct {
		name   string
		change func(h *host, c *clone)
		kind   Kind
		says   string
	}{
		{"a file that is not committed", func(_ *host, c *clone) {
			writeFiles(c.t, c.dir, map[string]string{"docker/conf/a.conf": "dirty\n"})
		}, Ancestry, "docker/conf/a.conf was changed"},
		{"a file that is gone", func(_ *host, c *clone) { os.Remove(filepath.Join(c.dir, "docker/conf/a.conf")) }, Ancestry, "docker/conf/a.conf is missing"},
		{"a file that is staged", func(_ *host, c *clone) {
			writeFiles(c.t, c.dir, map[string]string{"docker/new": "x\n"})
			wt, _ := c.repo.Worktree()
			wt.Add("docker/new")
		}, Ancestry, "docker/new is staged"},
		{"a symlink", func(_ *host, c *clone) {
			os.Symlink("/etc/passwd", filepath.Join(c.dir, "docker/link"))
			wt, _ := c.repo.Worktree()
			wt.Add("docker/link")
			c.commit(nil)
		}, Files, "no regular file: docker/link"},
		{"a folder of the host that leads elsewhere", func(h *host, c *clone) {
			os.Symlink(h.state, filepath.Join(h.dir, "out"))
			c.commit(map[string]string{"out/x": "x\n"})
		}, Files, "would leave the project directory"},
		{"a symlink on the host", func(h *host, c *clone) {
			os.Symlink("compose.yaml", filepath.Join(h.dir, "x"))
			c.commit(map[string]string{"x": "x\n"})
		}, Files, "found a symlink"},
		{"a folder where a file is", func(h *host, c *clone) {
			h.write(map[string]string{"x": "x\n"})
			c.commit(map[string]string{"x/y": "x\n"})
		}, Files, "found a file, needed a folder"},
		{"the compose file goes", func(_ *host, c *clone) {
			c.commit(map[string]string{"compose.yaml": "", "docker-compose.yaml": n8n("2.2.0")})
		}, Identity, ""},
		{"another compose file comes", func(_ *host, c *clone) { c.commit(map[string]string{"compose.override.yaml": "services: {}\n"}) }, Files, "other compose files"},
		// It was deployed, and the next docker compose up would have made a second stack.
		{"another project", func(_ *host, c *clone) { c.commit(map[string]string{"compose.yaml": "name: other\n" + n8n("2.2.0")}) }, Identity, "found stack, needed other"},
		{"no repository", func(_ *host, c *clone) { os.RemoveAll(filepath.Join(c.dir, ".git")) }, Ancestry, "no git checkout"},
		{"an older image", func(_ *host, c *clone) { c.commit(map[string]string{"compose.yaml": n8n("2.0.0")}) }, Downgrade, "older"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h, c := newDeployment(t)
			tt.change(h, c)
			_, err := h.compute(c.mode())
			if tt.says == "" { // an untracked compose file of the host stays, and is the one that counts
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			refused(t, err, tt.kind, tt.says)
		})
	}
}

// TestFromComposeGone: a compose file that a checkout brought and a later one has no
// more is refused, not removed from under the stack.
func TestFromComposeGone(t *testing.T) {
	h, c := newDeployment(t)
	h.commit(h.want(c.mode()), "r1")
	c.commit(map[string]string{"compose.yaml": "", "docker-compose.yaml": n8n("2.2.0")})
	_, err := h.compute(c.mode())
	refused(t, err, Files, "does not have a compose file that the stack runs with")
}

// TestFromMode: a new file has the mode of the repository, an old one keeps its own.
func TestFromMode(t *testing.T) {
	h, c := newDeployment(t)
	if err := os.Chmod(filepath.Join(h.dir, "conf/a.conf"), 0o600); err != nil {
		t.Fatal(err)
	}
	script := filepath.Join(c.dir, "docker/conf/run.sh")
	writeFiles(t, c.dir, map[string]string{"docker/conf/run.sh": "#!/bin/sh\n"})
	if err := os.Chmod(script, 0o755); err != nil {
		t.Fatal(err)
	}
	wt, _ := c.repo.Worktree()
	wt.Add("docker/conf/run.sh")
	c.commit(map[string]string{"conf/a.conf": "new\n"})
	r := h.want(c.mode())
	for name, want := range map[string]os.FileMode{"conf/a.conf": 0o600, "conf/run.sh": 0o755} {
		if got := r.New[filepath.Join(h.dir, name)].Mode; got != want {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
}

// TestDeployedCommit: --set after a checkout keeps its commit, so that forward only
// holds later.
func TestDeployedCommit(t *testing.T) {
	h, c := newDeployment(t)
	at := c.commit(map[string]string{"compose.yaml": n8n("2.2.0")})
	h.commit(h.want(c.mode()), "r1")
	h.commit(h.want(Mode{Set: []Pin{{"n8n", "2.3.0"}}}), "r2")
	rec, err := deployed.Read(h.state)
	if err != nil || rec.Commit != at || rec.Run != "r2" {
		t.Errorf("%+v %v", rec, err)
	}
	// The checkout would take the stack back.
	_, err = h.compute(c.mode())
	refused(t, err, Downgrade, "older")
	c.commit(map[string]string{"compose.yaml": n8n("2.4.0")})
	if got := h.changed(h.want(c.mode())); got != "~compose.yaml" {
		t.Errorf("changed %q", got)
	}
}
