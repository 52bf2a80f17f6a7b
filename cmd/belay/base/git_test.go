package base

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// upstream makes a repository with the git program: main and a branch that
// left it, three commits each behind the fork.
func upstream(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	gitProgram(t, dir, "init", "-q", "-b", "main", ".")
	change := func(text string) {
		write(t, filepath.Join(dir, "compose.yaml"), text)
		gitProgram(t, dir, "add", "-A")
		gitProgram(t, dir, "commit", "-q", "-m", text)
	}
	change("first")
	change("fork")
	gitProgram(t, dir, "tag", "-a", "v1", "-m", "v1")
	gitProgram(t, dir, "branch", "change")
	for i := range 3 {
		change(fmt.Sprint("main ", i))
	}
	gitProgram(t, dir, "checkout", "-q", "change")
	for i := range 3 {
		change(fmt.Sprint("change ", i))
	}
	return dir
}

func TestGitLayouts(t *testing.T) {
	dir := upstream(t)
	scratch := t.TempDir()
	clone := func(name string, args ...string) string {
		to := filepath.Join(scratch, name)
		gitProgram(t, scratch, append(append([]string{"clone", "-q"}, args...), "file://"+dir, to)...)
		return to
	}
	packed := clone("packed")
	gitProgram(t, packed, "pack-refs", "--all")
	gitProgram(t, packed, "gc", "-q", "--aggressive", "--prune=now")
	shared := filepath.Join(scratch, "shared")
	gitProgram(t, scratch, "clone", "-q", "--shared", dir, shared)
	worktree := filepath.Join(scratch, "worktree")
	gitProgram(t, packed, "worktree", "add", "-q", worktree, "origin/change")
	module := filepath.Join(scratch, "outer")
	gitProgram(t, scratch, "init", "-q", module)
	gitProgram(t, module, "-c", "protocol.file.allow=always", "submodule", "add", "-q", "file://"+dir, "sub")
	gitProgram(t, module, "commit", "-q", "-m", "x")

	for name, dir := range map[string]string{"loose": dir, "packed": packed, "shared": shared, "worktree": worktree, "submodule": filepath.Join(module, "sub")} {
		for ref, want := range map[string]string{"main": "main 2", "HEAD": "change 2", "v1": "fork", "HEAD~3": "fork", "main~4": "first"} {
			got, err := files(t, dir, Options{Ref: ref})
			if d := cmp.Diff(map[string]string{"compose.yaml": want}, got); err != nil || d != "" {
				t.Errorf("%s %s: %v\n%s", name, ref, err, d)
			}
		}
		got, err := files(t, dir, Options{Ref: "main", MergeBase: true})
		if err != nil || got["compose.yaml"] != "fork" {
			t.Errorf("%s: merge base %v, %v", name, got, err)
		}
	}
	if got, err := files(t, module, Options{Ref: "HEAD"}); err != nil || len(got) != 0 {
		t.Errorf("the module's files are not the outer repository's: %v, %v", got, err)
	}
}

func TestShallow(t *testing.T) {
	dir := upstream(t)
	to := filepath.Join(t.TempDir(), "clone")
	gitProgram(t, dir, "clone", "-q", "--depth", "1", "--no-single-branch", "file://"+dir, to)
	got, err := files(t, to, Options{Ref: "main"})
	if err != nil || got["compose.yaml"] != "main 2" {
		t.Errorf("main: %v, %v", got, err)
	}
	for _, o := range []Options{{Ref: "HEAD~1"}, {Ref: "main", MergeBase: true}, {Ref: gitProgram(t, dir, "rev-parse", "main~1")}} {
		_, err := files(t, to, o)
		var e *Error
		if !errors.As(err, &e) || !strings.Contains(e.Msg, "shallow") || !strings.Contains(e.Next, "fetch-depth: 0") {
			t.Errorf("%+v: got %v, hint %q", o, err, hint(err))
		}
	}
	// The merge commit of a pull request with its two parents, as a runner
	// checks it out with fetch-depth: 2.
	gitProgram(t, dir, "merge", "-q", "-X", "ours", "-m", "merge", "main")
	two := filepath.Join(t.TempDir(), "two")
	gitProgram(t, dir, "clone", "-q", "--depth", "2", "file://"+dir, two)
	if got, err := files(t, two, Options{Ref: "HEAD^2"}); err != nil || got["compose.yaml"] != "main 2" {
		t.Errorf("HEAD^2: %v, %v", got, err)
	}
	if got, err := files(t, two, Options{Ref: "HEAD^2", MergeBase: true}); err != nil || got["compose.yaml"] != "main 2" {
		t.Errorf("a merge base above the cut: %v, %v", got, err)
	}
}

func TestMissingObjects(t *testing.T) {
	dir := upstream(t)
	gitProgram(t, dir, "config", "uploadpack.allowFilter", "true")
	to := filepath.Join(t.TempDir(), "partial")
	gitProgram(t, dir, "clone", "-q", "--filter=blob:none", "file://"+dir, to)
	if _, err := files(t, to, Options{Ref: "main"}); err == nil || !strings.Contains(err.Error(), "partial") {
		t.Errorf("partial clone: %v", err)
	}
	worktree := filepath.Join(t.TempDir(), "worktree")
	gitProgram(t, dir, "worktree", "add", "-q", worktree, "main")
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if _, err := files(t, worktree, Options{Ref: "main"}); err == nil || !strings.Contains(err.Error(), "which is not there") {
		t.Errorf("a worktree without its repository: %v", err)
	}
}

// The repository's configuration is never acted upon: git would run these.
func TestConfigurationRunsNothing(t *testing.T) {
	dir := upstream(t)
	ran := filepath.Join(t.TempDir(), "ran")
	for _, key := range []string{"core.fsmonitor", "core.sshCommand", "filter.x.smudge", "core.pager"} {
		gitProgram(t, dir, "config", key, "touch "+ran)
	}
	write(t, filepath.Join(dir, ".git", "hooks", "post-checkout"), "#!/bin/sh\ntouch "+ran+"\n")
	if err := os.Chmod(filepath.Join(dir, ".git", "hooks", "post-checkout"), 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, ".git", "info", "attributes"), "*.yaml filter=x\n")
	if got, err := files(t, dir, Options{Ref: "main"}); err != nil || got["compose.yaml"] != "main 2" {
		t.Errorf("%v, %v", got, err)
	}
	if _, err := os.Stat(ran); err == nil {
		t.Error("something ran")
	}
}

func TestFormatsThatAreNotRead(t *testing.T) {
	dir := t.TempDir()
	gitProgram(t, dir, "init", "-q", "--object-format=sha256", ".")
	write(t, filepath.Join(dir, "compose.yaml"), "x")
	gitProgram(t, dir, "add", "-A")
	gitProgram(t, dir, "commit", "-q", "-m", "x")
	if _, err := files(t, dir, Options{Ref: "HEAD"}); err == nil || !strings.Contains(err.Error(), "sha256") {
		t.Errorf("sha256: %v", err)
	}
}

func TestDefaultBranch(t *testing.T) {
	dir := upstream(t) // main is there, and another branch is checked out
	clone := filepath.Join(t.TempDir(), "clone")
	gitProgram(t, dir, "clone", "-q", "--branch", "main", "file://"+dir, clone)
	gitProgram(t, clone, "pack-refs", "--all")
	unborn, trunk, detached := t.TempDir(), t.TempDir(), upstream(t)
	gitProgram(t, unborn, "init", "-q", "-b", "team/first", ".")
	gitProgram(t, trunk, "clone", "-q", "file://"+dir, ".")
	gitProgram(t, trunk, "remote", "set-head", "origin", "--delete")
	gitProgram(t, trunk, "branch", "-m", "trunk")
	gitProgram(t, detached, "checkout", "-q", "--detach")
	gitProgram(t, detached, "branch", "-m", "main", "old")
	for dir, want := range map[string]string{dir: "main", clone: "change", unborn: "team/first", trunk: "trunk", detached: "", t.TempDir(): ""} {
		if got := DefaultBranch(dir); got != want {
			t.Errorf("%s: got %q, want %q", dir, got, want)
		}
	}
}
