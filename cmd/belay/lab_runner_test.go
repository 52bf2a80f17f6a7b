package main

import (
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"

	"github.com/belaystack/belay/release/github/githubtest"
)

// labRunner is a stack of the lab in a folder of the host, the repository that it comes
// from with its GitHub, and a self-hosted runner on that host.
type labRunner struct {
	*labStack
	ws     string // the checkout, in the runner's working folder
	github *githubtest.Server
	watch  *inspecting

	run, attempt, step int    // of the workflow that runs now
	said               string // everything that jobs of the play printed or wrote
}

const (
	labRepo  = "acme/shop"
	labToken = "canary-token-of-the-job"
)

// TestRunner plays what a repository sees of its stack, from a pull request to the report,
// with the Action as a container of belay:full. Each play has a new stack and a new GitHub;
// testdata/lab/world judges the one, and what GitHub holds the other. To add one: a method,
// and a line here.
func TestRunner(t *testing.T) {
	dir := os.Getenv("BELAY_TEST_RUNNER")
	if dir == "" {
		if slices.Contains(strings.Split(os.Getenv("BELAY_TEST_REQUIRE"), ","), "lab") {
			t.Fatal("BELAY_TEST_RUNNER is not set, and BELAY_TEST_REQUIRE asks for the lab")
		}
		t.Skip("needs a stack of the lab: testdata/lab/lab stack DIR, and BELAY_TEST_RUNNER=DIR")
	}
	dockerImage(t, "belay:full")
	watch := inspect(t, filepath.Base(dir))
	state := filepath.Join(t.TempDir(), "state")
	t.Cleanup(func() {
		(&labRunner{labStack: &labStack{T: t, dir: dir, state: state}}).forget()
	})
	for _, play := range []struct {
		name, more string // of its belay.yml
		run        func(*labRunner)
	}{
		{"merged", "", (*labRunner).merged}, {"broken", "", (*labRunner).broken}, {"back", "", (*labRunner).back},
		{"approved", "approval: dispatch\n", (*labRunner).approved}, {"held", "", (*labRunner).held},
		{"killed", "", (*labRunner).killed}, {"recovered", "", (*labRunner).recovered}, {"rebooted", "", (*labRunner).rebooted}, {"refused", "", (*labRunner).refused},
	} {
		t.Run(play.name, func(t *testing.T) {
			l := &labRunner{labStack: &labStack{T: t, dir: dir, state: state}, watch: watch}
			l.fresh(play.more)
			play.run(l)
			l.quiet()
		})
	}
}

// forget removes the containers that worked on the stack for jobs, and makes the stack what
// it was at first.
func (l *labRunner) forget() {
	l.Helper()
	for _, command := range hostCommands {
		l.labStack.run("docker", "rm", "-f", l.sibling(command))
	}
	l.script("lab", "reset")
	if err := os.RemoveAll(l.state); err != nil {
		l.Fatal(err)
	}
}

// sibling names the container in which a command of a job works on the host.
func (l *labRunner) sibling(command string) string {
	r := &relocation{}
	r.stack.Deploy = l.dir
	return r.siblingName(command)
}

// fresh makes everything new: the stack, with more keys in its belay.yml, a repository that
// has the stack's files, and a GitHub that has the repository.
func (l *labRunner) fresh(more string) {
	l.Helper()
	l.forget()
	config := l.config("stacks: [{name: shop, path: ., deploy: " + l.dir + "}]\n" + more)
	l.write("belay.yml", config)
	if err := os.MkdirAll(l.state, 0o700); err != nil { // the Action makes none but /var/lib/belay
		l.Fatal(err)
	}
	l.ws = filepath.Join(l.TempDir(), "_work", "shop", "shop")
	if err := os.MkdirAll(l.ws, 0o755); err != nil {
		l.Fatal(err)
	}
	for _, name := range []string{"docker-compose.yml", "nginx", "postgres", ".env.example", "belay.yml"} {
		if out, err := exec.Command("cp", "-a", filepath.Join(l.dir, name), l.ws).CombinedOutput(); err != nil {
			l.Fatalf("%v: %s", err, out)
		}
	}
	gateway, code := l.labStack.run("docker", "network", "inspect", "bridge", "-f", "{{(index .IPAM.Config 0).Gateway}}")
	if code != 0 {
		l.Fatal(gateway)
	}
	var err error
	if l.github, err = githubtest.Listen(l, net.JoinHostPort(strings.TrimSpace(gateway), "0")); err != nil {
		l.Fatal(err)
	}
	l.github.AddRepo(labRepo)
	l.github.AddToken(labToken, "github-actions[bot]", githubtest.Rights{Workflow: true, Contents: "write", PullRequests: "write", Issues: "write", Deployments: "write"})
	l.said, l.run = "", 0
	if _, err := git.PlainInitWithOptions(l.ws, &git.PlainInitOptions{InitOptions: git.InitOptions{DefaultBranch: "refs/heads/main"}}); err != nil {
		l.Fatal(err)
	}
	l.commit("main", "as deployed")
}

func (l *labRunner) tree() (*git.Repository, *git.Worktree) {
	l.Helper()
	repo, err := git.PlainOpen(l.ws)
	if err != nil {
		l.Fatal(err)
	}
	wt, err := repo.Worktree()
	if err != nil {
		l.Fatal(err)
	}
	return repo, wt
}

// commit makes one of the checkout's files on the branch that is checked out, pushes it to
// a branch of GitHub, and gives its id.
func (l *labRunner) commit(branch, message string) string {
	l.Helper()
	_, wt := l.tree()
	if err := wt.AddWithOptions(&git.AddOptions{All: true}); err != nil {
		l.Fatal(err)
	}
	at := time.Now()
	id, err := wt.Commit(message, &git.CommitOptions{Author: &object.Signature{Name: "dev", Email: "dev@example.com", When: at}})
	if err != nil {
		l.Fatal(err)
	}
	l.github.AddCommit(labRepo, branch, id.String(), l.files())
	return id.String()
}

// files are those of the checkout.
func (l *labRunner) files() map[string][]byte {
	l.Helper()
	out := map[string][]byte{}
	err := fs.WalkDir(os.DirFS(l.ws), ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.Name() == ".git":
			return fs.SkipDir
		case d.Type().IsRegular():
			out[name], err = os.ReadFile(filepath.Join(l.ws, name))
		}
		return err
	})
	if err != nil {
		l.Fatal(err)
	}
	return out
}

// checkout is what a job begins with: the files of a commit, and nothing else.
func (l *labRunner) checkout(id string) {
	l.Helper()
	_, wt := l.tree()
	o := &git.CheckoutOptions{Hash: plumbing.NewHash(id), Force: true}
	if id == "main" {
		o = &git.CheckoutOptions{Branch: "refs/heads/main", Force: true}
	}
	if err := wt.Checkout(o); err != nil {
		l.Fatal(err)
	}
	if err := wt.Clean(&git.CleanOptions{Dir: true}); err != nil {
		l.Fatal(err)
	}
}

// edit replaces a text in a file of the checkout.
func (l *labRunner) edit(name, old, now string) {
	l.Helper()
	path := filepath.Join(l.ws, name)
	data, err := os.ReadFile(path)
	if err == nil && !strings.Contains(string(data), old) {
		l.Fatalf("no %q in %s of the checkout", old, name)
	}
	if err == nil {
		err = os.WriteFile(path, []byte(strings.ReplaceAll(string(data), old, now)), 0o644)
	}
	if err != nil {
		l.Fatal(err)
	}
}

// propose opens a pull request that gives an image another tag, and leaves it checked out.
func (l *labRunner) propose(number int, image, from, to string) {
	l.Helper()
	repo, wt := l.tree()
	base, err := repo.Head()
	if err != nil {
		l.Fatal(err)
	}
	branch := fmt.Sprintf("renovate/%d", number)
	if err := wt.Checkout(&git.CheckoutOptions{Branch: plumbing.NewBranchReferenceName(branch), Create: true}); err != nil {
		l.Fatal(err)
	}
	l.edit("docker-compose.yml", image+":"+from, image+":"+to)
	head := l.commit(branch, "Update "+image+" to "+to)
	l.github.SetMergeBase(labRepo, base.Hash().String(), head, base.Hash().String())
	l.github.AddPull(labRepo, githubtest.Pull{Number: number, Author: "renovate[bot]", HeadRepo: labRepo, HeadBranch: branch, HeadSHA: head, Base: "main", BaseSHA: base.Hash().String(),
		Title: "Update " + image, Files: []githubtest.File{{Name: "docker-compose.yml"}}})
}

// merge squashes a pull request into main, as a person does in the browser, and gives the
// commit.
func (l *labRunner) merge(number int) string {
	l.Helper()
	pulls := l.github.Pulls(labRepo)
	i := slices.IndexFunc(pulls, func(p githubtest.Pull) bool { return p.Number == number })
	if i < 0 {
		l.Fatalf("no pull request %d: %+v", number, pulls)
	}
	p := pulls[i]
	l.checkout("main")
	was, now := l.files(), l.github.Commit(labRepo, p.HeadBranch).Files
	for name := range was {
		if _, ok := now[name]; !ok {
			if err := os.Remove(filepath.Join(l.ws, name)); err != nil {
				l.Fatal(err)
			}
		}
	}
	for name, f := range now {
		if string(was[name]) == f.Content {
			continue
		}
		if err := os.WriteFile(filepath.Join(l.ws, name), []byte(f.Content), 0o644); err != nil {
			l.Fatal(err)
		}
	}
	p.Merged = l.commit("main", fmt.Sprintf("%s (#%d)", p.Title, number))
	l.github.AddPull(labRepo, p)
	return p.Merged
}

// pushed gives an image another tag on main by a pull request that is merged at once.
func (l *labRunner) pushed(number int, image, from, to string) string {
	l.Helper()
	l.checkout("main")
	l.propose(number, image, from, to)
	return l.merge(number)
}
