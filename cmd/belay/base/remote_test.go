package base

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/belaystack/belay/lint/source"
)

// fakeRemote answers from a whole repository with the git program, and fails
// on a question that it does not expect.
type fakeRemote struct {
	t      *testing.T
	dir    string
	expect []string // "merge-base A B" and "files A", with names that git resolves
	asked  []string
}

func (f *fakeRemote) question(words ...string) error {
	f.t.Helper()
	for _, id := range words[1:] {
		if len(id) != 40 || strings.Trim(id, "0123456789abcdef") != "" {
			f.t.Errorf("the remote was asked about %q, which is no full commit id", id)
		}
	}
	q := strings.Join(words, " ")
	f.asked = append(f.asked, q)
	if !slices.ContainsFunc(f.expect, func(e string) bool { return f.ids(e) == q }) {
		f.t.Errorf("a question that is not expected: %s", q)
		return errors.New("not expected")
	}
	return nil
}

// ids replaces the names in a question by what git says they are.
func (f *fakeRemote) ids(question string) string {
	words := strings.Fields(question)
	for i, name := range words[1:] {
		words[i+1] = gitProgram(f.t, f.dir, "rev-parse", name)
	}
	return strings.Join(words, " ")
}

func (f *fakeRemote) MergeBase(_ context.Context, base, head string) (string, error) {
	if err := f.question("merge-base", base, head); err != nil {
		return "", err
	}
	return gitProgram(f.t, f.dir, "merge-base", base, head), nil
}

func (f *fakeRemote) Files(_ context.Context, commit string, want func(string, int) bool) (map[string][]byte, error) {
	if err := f.question("files", commit); err != nil {
		return nil, err
	}
	files := map[string][]byte{}
	for entry := range strings.SplitSeq(gitProgram(f.t, f.dir, "ls-tree", "-r", "-l", "-z", commit), "\x00") {
		head, name, _ := strings.Cut(entry, "\t")
		words := strings.Fields(head)
		if len(words) < 4 || words[0] == "120000" || words[1] != "blob" {
			continue
		}
		size, err := strconv.Atoi(words[3])
		if err != nil {
			return nil, err
		}
		if want(name, size) {
			files[name] = []byte(gitBlob(f.t, f.dir, words[2]))
		}
	}
	return files, nil
}

// pullRequest adds to upstream what stacks are made of, a pull request as
// GitHub keeps it, and branches that left main and the pull request elsewhere.
func pullRequest(t *testing.T) string {
	t.Helper()
	dir := upstream(t)
	gitProgram(t, dir, "checkout", "-q", "main")
	for name, text := range map[string]string{"deploy/prod/compose.yaml": "services: {}\r\n", "deploy/prod/.env.example": "A=ä\n\n", "deploy/empty.yml": "",
		"belay.yml": "version: 1\n", "README.md": "no", "large.yml": strings.Repeat("x", source.MaxSize+1), "tmpl/stack.tmpl": "also"} {
		write(t, filepath.Join(dir, name), text)
	}
	gitProgram(t, dir, "add", "-A")
	gitProgram(t, dir, "commit", "-q", "-m", "main 3")
	gitProgram(t, dir, "checkout", "-q", "--detach", "main")
	gitProgram(t, dir, "merge", "-q", "-X", "theirs", "-m", "merge", "change")
	gitProgram(t, dir, "update-ref", "refs/pull/1/merge", "HEAD")
	for name, from := range map[string]string{"old": "main~4~1", "crossed": "change~2", "next": "main"} {
		gitProgram(t, dir, "checkout", "-q", "-b", name, from)
		for _, text := range []string{name, name + " again"} {
			write(t, filepath.Join(dir, "compose.yaml"), text)
			gitProgram(t, dir, "commit", "-q", "-a", "-m", text)
		}
	}
	for _, key := range []string{"uploadpack.allowFilter", "uploadpack.allowAnySHA1InWant"} {
		gitProgram(t, dir, "config", key, "true")
	}
	return dir
}

// checkout makes a clone as actions/checkout does, detached at ref. Without
// all it has no other ref.
func checkout(t *testing.T, dir, ref string, all bool, flags ...string) string {
	t.Helper()
	to := t.TempDir()
	gitProgram(t, to, "init", "-q", ".")
	gitProgram(t, to, "remote", "add", "origin", "file://"+dir)
	fetch := append(append([]string{"fetch", "-q"}, flags...), "origin", "+"+ref+":refs/remotes/origin/checked-out")
	if all {
		fetch = append(fetch, "refs/heads/*:refs/remotes/origin/*")
	}
	gitProgram(t, to, fetch...)
	gitProgram(t, to, "checkout", "-q", "--detach", "refs/remotes/origin/checked-out")
	return to
}

// With a shallow checkout and a remote the base is, file by file, what a clone
// with the whole history has.
func TestRemoteIsAsAFullClone(t *testing.T) {
	dir := pullRequest(t)
	const merge, head = "refs/pull/1/merge", "refs/heads/change"
	for name, test := range map[string]struct {
		checkout, ref, head string
		below               string
		tip                 bool // not the merge base
		expect              []string
	}{
		"head checked out":             {head, "main", "change", ".", false, []string{"merge-base main change", "files main~4"}},
		"HEAD counts without a head":   {head, "main", "", ".", false, []string{"merge-base main change", "files main~4"}},
		"upper case":                   {head, "main", "CHANGE", ".", false, []string{"merge-base main change", "files main~4"}},
		"merge checked out":            {merge, "main", "change", ".", false, []string{"files main"}},
		"main went on meanwhile":       {merge, "main~2", "change", ".", false, []string{"merge-base main~2 main", "files main~2"}},
		"main was pushed by force":     {merge, "change~1", "change", ".", false, []string{"merge-base change~1 main", "merge-base change~1 change", "files change~1"}},
		"base left both before":        {merge, "old", "change", ".", false, []string{"merge-base old main", "merge-base old change", "files main~5"}},
		"base left the change":         {merge, "crossed", "change", ".", false, []string{"merge-base crossed main", "merge-base crossed change", "merge-base main~4 change~2", "files change~2"}},
		"without a merge base":         {head, "main", "change", ".", true, []string{"files main"}},
		"a folder":                     {merge, "main", "change", "deploy", false, []string{"files main"}},
		"a folder that is new":         {merge, "main~2", "change", "deploy", false, []string{"merge-base main~2 main", "files main~2"}},
		"a folder whose name goes on":  {merge, "main", "change", "deploy/pro", false, []string{"files main"}},
		"base is checked out":          {"refs/heads/main", "main", "", ".", false, nil},
		"head ahead of base, both cut": {"refs/heads/next", "main", "next", ".", false, []string{"merge-base main next", "files main"}},
	} {
		t.Run(name, func(t *testing.T) {
			o := Options{Ref: gitProgram(t, dir, "rev-parse", test.ref), MergeBase: !test.tip, Also: []string{"tmpl/stack.tmpl"}}
			full := filepath.Join(checkout(t, dir, test.checkout, true), test.below)
			shallow := filepath.Join(checkout(t, dir, test.checkout, false, "--depth=1"), test.below)
			for _, dir := range []string{full, shallow} {
				if err := os.MkdirAll(dir, 0o755); err != nil {
					t.Fatal(err)
				}
			}
			want, err := files(t, full, o)
			if err != nil {
				t.Fatal(err)
			}
			if test.head != "" {
				if o.Head = gitProgram(t, dir, "rev-parse", strings.ToLower(test.head)); test.head == "CHANGE" {
					o.Head, o.Ref = strings.ToUpper(o.Head), strings.ToUpper(o.Ref)
				}
			}
			remote := &fakeRemote{t: t, dir: dir, expect: test.expect}
			o.Remote = remote
			got, err := files(t, shallow, o)
			if d := cmp.Diff(want, got); err != nil || d != "" {
				t.Errorf("%v, %s\n%s", err, hint(err), d)
			}
			if len(remote.asked) != len(test.expect) {
				t.Errorf("asked %q, want all of %q", remote.asked, test.expect)
			}
		})
	}
}

// What the object store has is not asked for.
func TestRemoteIsTheLastResort(t *testing.T) {
	dir := pullRequest(t)
	id := func(name string) string { return gitProgram(t, dir, "rev-parse", name) }
	partial := checkout(t, dir, "refs/heads/change", true, "--filter=blob:none")
	for name, test := range map[string]struct {
		dir, ref, want string
		expect         []string
	}{
		"all of it is here":               {checkout(t, dir, "refs/heads/next", true), "main", "main 2", nil},
		"the answer is here":              {checkout(t, dir, "refs/heads/next", true, "--depth=1"), "main", "main 2", []string{"merge-base main next"}},
		"a branch, by its commit":         {checkout(t, dir, "refs/heads/change", true, "--depth=1"), "main", "fork", []string{"merge-base main change", "files main~4"}},
		"a partial clone lacks the files": {partial, id("main"), "fork", []string{"files main~4"}},
	} {
		t.Run(name, func(t *testing.T) {
			remote := &fakeRemote{t: t, dir: dir, expect: test.expect}
			got, err := files(t, test.dir, Options{Ref: test.ref, MergeBase: true, Remote: remote})
			if err != nil || got["compose.yaml"] != test.want || len(remote.asked) != len(test.expect) {
				t.Errorf("got %q, %v, asked %q; want %q, asked %q", got["compose.yaml"], err, remote.asked, test.want, test.expect)
			}
		})
	}
}

// scripted gives fixed answers.
type scripted struct {
	base  string
	err   error
	sizes map[string]int    // what want is asked about, in the order of names
	files map[string][]byte // what is given besides what want said yes to, which is nothing
	twice bool
}

func (s scripted) MergeBase(context.Context, string, string) (string, error) { return s.base, s.err }

func (s scripted) Files(_ context.Context, _ string, want func(string, int) bool) (map[string][]byte, error) {
	files := map[string][]byte{}
	for _, name := range slices.Sorted(maps.Keys(s.sizes)) {
		if want(name, s.sizes[name]) && s.files == nil {
			files[name] = bytes.Repeat([]byte("x"), s.sizes[name])
		}
		if s.twice {
			want(name, s.sizes[name])
		}
	}
	if s.files != nil {
		files = s.files
	}
	return files, s.err
}

// shallow is a clone of one commit, and a commit that it does not have.
func shallow(t *testing.T) (dir, missing string) {
	t.Helper()
	from := upstream(t)
	return checkout(t, from, "refs/heads/change", false, "--depth=1"), gitProgram(t, from, "rev-parse", "main")
}

func TestRemoteHostileFiles(t *testing.T) {
	dir, missing := shallow(t)
	deep := strings.Repeat("d/", maxDepth+1) + "x.yml"
	for name, test := range map[string]struct {
		remote scripted
		want   string // "": the files are written
	}{
		"as it should be":   {scripted{sizes: map[string]int{"a.yml": 1, "b/a.yml": 0, "c.md": 5, strings.Repeat("d/", maxDepth) + "x.yml": 1}}, ""},
		"parent":            {scripted{sizes: map[string]int{"../x.yml": 1}}, "is no name for a file"},
		"parent inside":     {scripted{sizes: map[string]int{"a/../../x.yml": 1}}, "is no name for a file"},
		"dot":               {scripted{sizes: map[string]int{"./x.yml": 1}}, "is no name for a file"},
		"absolute":          {scripted{sizes: map[string]int{"/etc/x.yml": 1}}, "is no name for a file"},
		"git":               {scripted{sizes: map[string]int{"a/.GIT/x.yml": 1}}, "is no name for a file"},
		"nothing":           {scripted{sizes: map[string]int{"": 1}}, "is no name for a file"},
		"a folder's":        {scripted{sizes: map[string]int{"x.yml/": 1}}, "is no name for a file"},
		"zero byte":         {scripted{sizes: map[string]int{"x\x00.yml": 1}}, "is no name for a file"},
		"unwanted and bad":  {scripted{sizes: map[string]int{"../x.md": 1}}, "is no name for a file"},
		"newline in a name": {scripted{sizes: map[string]int{"a\n::error::/../x.yml": 1}}, `a\n::error`},
		"other case":        {scripted{sizes: map[string]int{"Deploy/a.yml": 1, "deploy/A.yml": 1}}, "in upper and in lower case"},
		"twice":             {scripted{sizes: map[string]int{"a.yml": 1}, twice: true}, "is there twice"},
		"deep":              {scripted{sizes: map[string]int{deep: 1}}, "nested more than"},
		"file and folder":   {scripted{sizes: map[string]int{"a.yml": 1, "a.yml/b.yml": 1}}, "a.yml/b.yml"},
		"negative":          {scripted{sizes: map[string]int{"a.yml": -1}}, "has -1 bytes"},
		"not asked for":     {scripted{files: map[string][]byte{"../../x.yml": nil}}, "not asked for"},
		"not sent":          {scripted{sizes: map[string]int{"a.yml": 1}, files: map[string][]byte{}}, "asked for and not sent"},
		"larger than said":  {scripted{sizes: map[string]int{"a.yml": 1}, files: map[string][]byte{"a.yml": make([]byte, source.MaxSize+1)}}, "larger than announced"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := files(t, dir, Options{Ref: missing, Remote: test.remote})
			switch {
			case test.want == "" && (err != nil || len(got) != 3):
				t.Errorf("got %d files, %v", len(got), err)
			case test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "\n") || !strings.Contains(hint(err), "fetch-depth: 0")):
				t.Errorf("got %v, hint %q; want %q", err, hint(err), test.want)
			}
		})
	}
}

func TestRemoteLimits(t *testing.T) {
	dir, missing := shallow(t)
	many := func(n, size int, name string) map[string]int {
		out := map[string]int{}
		for i := range n {
			out[fmt.Sprintf(name, i)] = size
		}
		return out
	}
	more := map[string][]byte{}
	for name := range many(10, 0, "%d.yml") {
		more[name] = []byte("0123456789x")
	}
	less := map[string][]byte{}
	for name := range many(11, 0, "%d.yml") {
		less[name] = nil
	}
	for want, remote := range map[string]scripted{
		"more than 1000 files":         {sizes: many(1001, 1, "%d.md")},
		"more than 20 compose":         {sizes: many(21, 1, "%d.yml")},
		"more than 100 bytes together": {sizes: many(11, 10, "%d.yml")},
		"100 bytes together":           {sizes: many(11, 10, "%d.yml"), files: less}, // it is said before anything is sent
		"more than 100 bytes":          {sizes: many(10, 1, "%d.yml"), files: more},  // said little, sent much
		"":                             {sizes: many(10, 10, "%d.yml")},
	} {
		repo, err := openRepository(dir)
		if err != nil {
			t.Fatal(err)
		}
		repo.limits = limits{files: 20, bytes: 100, entries: 1000}
		temp := t.TempDir()
		b, err := repo.fetch(t.Context(), missing, Options{Ref: missing, Temp: temp, Remote: remote})
		if err == nil {
			err = b.Close()
		}
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("got %v; want %q", err, want)
		}
		if left, _ := os.ReadDir(temp); len(left) > 0 {
			t.Errorf("%q: files left", want)
		}
		repo.close()
	}
}

// refused is an error of a remote with advice of its own.
type refused struct{}

func (refused) Error() string { return "403\n::error::x" }
func (refused) Hint() string  { return "give the token contents: read" }

func TestRemoteErrors(t *testing.T) {
	dir, missing := shallow(t)
	for name, test := range map[string]struct {
		o         Options
		msg, hint string
	}{
		"its hint is kept":      {Options{Ref: missing, MergeBase: true, Remote: scripted{err: refused{}}}, "403 ::error::x", "give the token contents: read; or set fetch-depth: 0"},
		"without a hint":        {Options{Ref: missing, Remote: scripted{err: errors.New("no answer")}}, "no answer", "contents: read"},
		"no commit id":          {Options{Ref: missing, MergeBase: true, Remote: scripted{base: "main"}}, "not a full commit id", "fetch-depth: 0"},
		"head is no commit id":  {Options{Ref: missing, MergeBase: true, Head: "main", Remote: scripted{base: missing}}, "the head is not a full commit id", ""},
		"a branch not fetched":  {Options{Ref: "main", MergeBase: true, Remote: &fakeRemote{t: t}}, "no such branch, tag or commit", "fetch it first"},
		"an abbreviated commit": {Options{Ref: missing[:12], Remote: &fakeRemote{t: t}}, "no such branch, tag or commit", "fetch it first"},
		"a parent":              {Options{Ref: missing + "~1", Remote: &fakeRemote{t: t}}, "is not in this clone", "fetch-depth: 0"},
		"no remote":             {Options{Ref: missing}, "which is shallow", "fetch-depth: 0"},
	} {
		_, err := files(t, dir, test.o)
		var e *Error
		if !errors.As(err, &e) || !strings.Contains(e.Error(), test.msg) || !strings.Contains(e.Hint(), test.hint) || strings.Contains(e.Error(), "\n") {
			t.Errorf("%s: got %v, hint %q; want %q, %q", name, err, hint(err), test.msg, test.hint)
		}
	}
	if _, err := files(t, dir, Options{Ref: missing, Remote: scripted{err: refused{}}}); !errors.As(err, new(refused)) {
		t.Errorf("the cause is lost: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Open(ctx, openRoot(t, dir), Options{Ref: missing, Temp: t.TempDir(), Remote: scripted{err: context.Canceled}}); !errors.Is(err, context.Canceled) || errors.As(err, new(*Error)) {
		t.Errorf("cancelled: got %v", err)
	}
}
