package github

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/belaystack/belay/release/github/githubtest"
)

const bot = "github-actions[bot]"

func newPull(l *lab) {
	l.AddPull(own.String(), githubtest.Pull{Number: 7, HeadRepo: "fork/stack", HeadBranch: "renovate/n8n", HeadSHA: someSHA, Base: "main", BaseSHA: someSHA})
}

// bodies gives author and text of all comments, markers left out.
func bodies(l *lab) []string {
	var out []string
	for _, c := range l.Comments() {
		first, rest, _ := strings.Cut(strings.ReplaceAll(c.Body, "\r\n", "\n"), "\n")
		if _, _, ok := readMarker("dossier", first); !ok {
			rest = first
		}
		out = append(out, c.Author+": "+rest)
	}
	return out
}

func actions(out []Outcome) string {
	var words []string
	for _, o := range out {
		words = append(words, o.Key+" "+o.Action)
	}
	return strings.Join(words, ", ")
}

// writes counts the requests that change something.
func writes(l *lab) int {
	n := 0
	for _, r := range l.Requests() {
		if r.Method != "GET" && !strings.HasSuffix(r.Path, "/graphql") {
			n++
		}
	}
	return n
}

// TestSync is the life of comments: each step is what is wanted, what became
// of it, and what stands on the pull request then.
func TestSync(t *testing.T) {
	long := strings.Repeat("a line of the dossier  \n", 2000) // trailing white space that GitHub may lose
	type step struct {
		wanted []Comment
		before func(*lab)
		action string
		bodies []string
		writes int
	}
	tests := map[string][]step{
		"created, unchanged, updated, resolved": {
			{[]Comment{{Key: "s1", Body: "one\n"}}, nil, "s1 created", []string{bot + ": one"}, 1},
			{[]Comment{{Key: "s1", Body: "one\n"}}, nil, "s1 unchanged", []string{bot + ": one"}, 0},
			{[]Comment{{Key: "s1", Body: "two\n"}}, nil, "s1 updated", []string{bot + ": two"}, 1},
			{[]Comment{{Key: "s1", Body: "all well", Clean: true}}, nil, "s1 resolved", []string{bot + ": all well"}, 1},
			{[]Comment{{Key: "s1", Body: "all well", Clean: true}}, nil, "s1 unchanged", []string{bot + ": all well"}, 0},
			{[]Comment{{Key: "s1", Body: "three"}}, nil, "s1 updated", []string{bot + ": three"}, 1},
		},
		"white space that GitHub changes is no change": {
			{[]Comment{{Key: "s1", Body: long}}, nil, "s1 created", []string{bot + ": " + strings.TrimRight(long, " \n")}, 1},
			{[]Comment{{Key: "s1", Body: long}}, nil, "s1 unchanged", []string{bot + ": " + strings.TrimRight(long, " \n")}, 0},
		},
		"nothing to say, nothing said": {
			{[]Comment{{Key: "s1", Body: "all well", Clean: true}}, nil, "s1 none", nil, 0},
		},
		"two stacks": {
			{[]Comment{{Key: "s1", Body: "one"}, {Key: "s2", Body: "uno"}}, nil, "s1 created, s2 created", []string{bot + ": one", bot + ": uno"}, 2},
			{[]Comment{{Key: "s2", Body: "due"}, {Key: "s1", Body: "one"}}, nil, "s2 updated, s1 unchanged", []string{bot + ": one", bot + ": due"}, 1},
		},
		"a comment that a person deleted": {
			{[]Comment{{Key: "s1", Body: "one"}}, nil, "s1 created", []string{bot + ": one"}, 1},
			{[]Comment{{Key: "s1", Body: "one"}}, func(l *lab) { l.EditComment(l.Comments()[0].ID, "") }, "s1 created", []string{bot + ": one"}, 1},
		},
		"others' comments": {
			{[]Comment{{Key: "s1", Body: "one"}}, func(l *lab) {
				l.AddComment(own.String(), 7, "eve", marker("dossier", "s1", "one")+"\none")
				l.AddComment(own.String(), 7, "eve", marker("dossier", "s1", "x")+"\nx")
				l.AddComment(own.String(), 7, bot, "I quote:\n"+marker("dossier", "s1", "x")+"\nnot mine")
				l.AddComment(own.String(), 7, bot, " "+marker("dossier", "s1", "x")+"\nnor this")
				l.AddComment(own.String(), 7, bot, marker("suggestion", "s1", "x")+"\nnor that")
				l.AddComment(own.String(), 7, bot, marker("dossier", "s11", "x")+"\nother stack")
			}, "s1 created", []string{"eve: one", "eve: x", bot + ": I quote:", bot + ":  " + marker("dossier", "s1", "x"), bot + ": " + marker("suggestion", "s1", "x"), bot + ": other stack", bot + ": one"}, 1},
		},
		"behind many": {
			{[]Comment{{Key: "s1", Body: "one"}}, nil, "s1 created", []string{bot + ": one"}, 1},
			{[]Comment{{Key: "s2", Body: "uno"}}, func(l *lab) {
				for range 250 {
					l.AddComment(own.String(), 7, "eve", "x")
				}
			}, "s2 created", nil, 1},
			{[]Comment{{Key: "s2", Body: "uno"}}, nil, "s2 unchanged", nil, 0},
		},
		"the answer to a create is lost": {
			{[]Comment{{Key: "s1", Body: "one"}}, func(l *lab) { l.Fail(githubtest.LostAnswer("/issues/7/comments")) }, "s1 created", []string{bot + ": one"}, 1},
		},
		"the answer to a create is a 502, and it was made": {
			{[]Comment{{Key: "s1", Body: "one"}}, func(l *lab) { l.Fail(githubtest.Fault{On: "/issues/7/comments", After: true, Status: 502}) }, "s1 created", []string{bot + ": one"}, 1},
		},
		"the answer to a create is a 502, and it was not": {
			{[]Comment{{Key: "s1", Body: "one"}}, func(l *lab) { l.Fail(githubtest.Fault{On: "/issues/7/comments", Status: 502}) }, "s1 created", []string{bot + ": one"}, 2},
		},
		"the answer to an update is lost": {
			{[]Comment{{Key: "s1", Body: "one"}}, nil, "s1 created", []string{bot + ": one"}, 1},
			{[]Comment{{Key: "s1", Body: "two"}}, func(l *lab) { l.Fail(githubtest.LostAnswer("PATCH ")) }, "s1 updated", []string{bot + ": two"}, 1},
			{[]Comment{{Key: "s1", Body: "ok", Clean: true}}, func(l *lab) { l.Fail(githubtest.Fault{On: "PATCH ", Reset: true}) }, "s1 resolved", []string{bot + ": ok"}, 2},
		},
		"a burst limit before a create": {
			{[]Comment{{Key: "s1", Body: "one"}}, func(l *lab) {
				f := githubtest.Secondary(10)
				f.On = "/issues/7/comments"
				l.Fail(f)
			}, "s1 created", []string{bot + ": one"}, 2},
		},
	}
	for name, steps := range tests {
		t.Run(name, func(t *testing.T) {
			l := newLab(t)
			newPull(l)
			for i, s := range steps {
				if s.before != nil {
					s.before(l)
				}
				l.Forget()
				out, err := l.client(writer).Sync(context.Background(), own, 7, s.wanted, SyncOptions{})
				if err != nil || actions(out) != s.action {
					t.Fatalf("step %d: %s, %v; want %s", i, actions(out), err, s.action)
				}
				for _, o := range out {
					if (o.URL == "") != (o.Action == None) || o.URL != "" && !strings.Contains(o.URL, "/pull/7#issuecomment-3000000") {
						t.Errorf("step %d: URL %q", i, o.URL)
					}
				}
				if d := cmp.Diff(s.bodies, bodies(l)); s.bodies != nil && d != "" {
					t.Errorf("step %d: %s", i, d)
				}
				if n := writes(l); n != s.writes {
					t.Errorf("step %d: %d writes, want %d", i, n, s.writes)
				}
			}
		})
	}
}

// TestSyncTwins: two runs at once made one comment each. The older is kept up
// to date, the other left, and told of.
func TestSyncTwins(t *testing.T) {
	l := newLab(t)
	newPull(l)
	first := l.AddComment(own.String(), 7, bot, marker("dossier", "s1", "a")+"\na")
	l.AddComment(own.String(), 7, bot, marker("dossier", "s1", "b")+"\nb")
	l.Minimize(first)
	out, err := l.client(writer).Sync(context.Background(), own, 7, []Comment{{Key: "s1", Body: "c"}}, SyncOptions{})
	if err != nil || actions(out) != "s1 updated" || out[0].Twins != 1 || !out[0].Hidden {
		t.Errorf("%+v, %v", out, err)
	}
	if d := cmp.Diff([]string{bot + ": c", bot + ": b"}, bodies(l)); d != "" {
		t.Error(d)
	}
}

// TestSyncRefused: a run for a fork may read and not write.
func TestSyncRefused(t *testing.T) {
	l := newLab(t)
	newPull(l)
	l.AddToken("pat-without-scope", "dev", githubtest.Rights{})
	l.AddToken("no-graphql", bot, githubtest.Rights{Workflow: true, NoGraphQL: true})
	for token, status := range map[string]int{reader: 403, "pat-without-scope": 404, "": 401, "no-graphql": 403, "unknown": 401} {
		_, err := l.client(token).Sync(context.Background(), own, 7, []Comment{{Key: "s1", Body: "x"}}, SyncOptions{})
		var e *Error
		if !errors.As(err, &e) || e.Kind != Refused || e.Status != status || e.Hint() == "" {
			t.Errorf("%q: %v (status %d, want %d)", token, err, e.Status, status)
		}
	}
	// Who has nothing to say needs no right.
	for _, token := range []string{reader, "pat-without-scope"} {
		if out, err := l.client(token).Sync(context.Background(), own, 7, []Comment{{Key: "s1", Body: "x", Clean: true}}, SyncOptions{}); err != nil || actions(out) != "s1 none" {
			t.Errorf("%v, %v", out, err)
		}
	}
	if n := len(l.Comments()); n != 0 {
		t.Errorf("%d comments", n)
	}
	for name, repo := range map[string]Repo{"pull request": own, "repository": {"no", "body"}} {
		if _, err := l.client(writer).Sync(context.Background(), repo, 8, []Comment{{Key: "s1", Body: "x"}}, SyncOptions{}); !isKind(err, NotFound) {
			t.Errorf("no such %s: %v", name, err)
		}
	}
}

// TestSyncPartly: the outcomes before an error are given.
func TestSyncPartly(t *testing.T) {
	l := newLab(t)
	newPull(l)
	l.AddComment(own.String(), 7, bot, marker("dossier", "s1", "a")+"\na")
	out, err := l.client(reader).Sync(context.Background(), own, 7, []Comment{{Key: "s1", Body: "a"}, {Key: "s2", Body: "b"}}, SyncOptions{})
	if !isKind(err, Refused) || actions(out) != "s1 unchanged" {
		t.Errorf("%v, %v", out, err)
	}
}

func TestSyncChecks(t *testing.T) {
	l := newLab(t)
	newPull(l)
	room := maxBody - len(marker("dossier", "s1", "")) - 1
	for name, tt := range map[string]struct {
		wanted []Comment
		kind   Kind
	}{
		"two of one key":     {[]Comment{{Key: "s1"}, {Key: "s1"}}, Invalid},
		"a key that ends it": {[]Comment{{Key: "a-->"}}, Invalid},
		"no key":             {[]Comment{{}}, Invalid},
		"too long":           {[]Comment{{Key: "s1", Body: strings.Repeat("x", room+1)}}, TooLarge},
		"too long in UTF-16": {[]Comment{{Key: "s1", Body: strings.Repeat("\U0001F680", room/2+1)}}, TooLarge},
	} {
		if _, err := l.client(writer).Sync(context.Background(), own, 7, tt.wanted, SyncOptions{}); !isKind(err, tt.kind) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n := len(l.Requests()); n != 0 {
		t.Errorf("%d questions for what cannot be", n)
	}
	out, err := l.client(writer).Sync(context.Background(), own, 7, []Comment{{Key: "s1", Body: strings.Repeat("x", room)}}, SyncOptions{})
	if err != nil || actions(out) != "s1 created" {
		t.Errorf("just fits: %v, %v", out, err)
	}
	// GitHub has the last word.
	l.Fail(githubtest.Fault{On: "/issues/7/comments", Status: 422, Message: "Validation Failed: body is too long"})
	if _, err := l.client(writer).Sync(context.Background(), own, 7, []Comment{{Key: "s2", Body: "x"}}, SyncOptions{}); !isKind(err, Invalid) || !strings.Contains(err.Error(), "too long") {
		t.Error(err)
	}
}

// TestSyncStale: a run that comes late, because it took long or was started
// again, used to overwrite what the run on a newer commit had said.
func TestSyncStale(t *testing.T) {
	l := newLab(t)
	newPull(l)
	older := strings.Repeat("e", 40)
	wanted := []Comment{{Key: "s1", Body: "new"}, {Key: "s2", Body: "new"}, {Key: "s3", Body: "ok", Clean: true}}
	if out, err := l.client(writer).Sync(context.Background(), own, 7, wanted[:1], SyncOptions{Head: someSHA}); err != nil || actions(out) != "s1 created" {
		t.Fatalf("%s, %v", actions(out), err)
	}
	wanted[0].Body = "old"
	l.Forget()
	out, err := l.client(writer).Sync(context.Background(), own, 7, wanted, SyncOptions{Head: older, Most: 1})
	if err != nil || actions(out) != "s1 stale, s3 stale" && actions(out) != "s1 stale, s2 stale, s3 stale" || writes(l) != 0 {
		t.Errorf("%s with %d writes, %v", actions(out), writes(l), err)
	}
	if d := cmp.Diff([]string{bot + ": new"}, bodies(l)); d != "" {
		t.Error(d)
	}

	// It moves on while an answer is looked for.
	c := l.client(writer, func(o *Options) {
		o.Sleep = func(context.Context, time.Duration) error {
			l.AddPull(own.String(), githubtest.Pull{Number: 7, HeadRepo: "fork/stack", HeadBranch: "b", HeadSHA: older, Base: "main", BaseSHA: someSHA})
			return nil
		}
	})
	l.Fail(githubtest.Fault{On: "/issues/7/comments", Status: 502})
	l.Forget()
	out, err = c.Sync(context.Background(), own, 7, []Comment{{Key: "s4", Body: "x"}}, SyncOptions{Head: someSHA})
	if err != nil || actions(out) != "s4 stale" || writes(l) != 1 {
		t.Errorf("moved on in between: %s with %d writes, %v", actions(out), writes(l), err)
	}
}

// TestSyncMost: whoever makes up keys used to get a comment for each of them,
// run after run. What is there is kept up to date all the same.
func TestSyncMost(t *testing.T) {
	for _, tt := range []struct {
		name   string
		twin   bool
		wanted []Comment
		most   int
		action string
		full   bool
	}{
		{"room", false, []Comment{{Key: "s1", Body: "x"}, {Key: "s3", Body: "x"}}, 3, "s1 updated, s3 created", false},
		{"one too many", false, []Comment{{Key: "s3", Body: "x"}, {Key: "s4", Body: "x"}, {Key: "s1", Body: "x"}}, 3, "s1 updated", true},
		{"a twin counts", true, []Comment{{Key: "s3", Body: "x"}, {Key: "s1", Body: "x"}}, 3, "s1 updated", true},
		{"nothing new", true, []Comment{{Key: "s1", Body: "x"}, {Key: "s2", Body: "x"}}, 1, "s1 updated, s2 updated", false},
		{"nothing to say", true, []Comment{{Key: "s3", Clean: true}}, 1, "s3 none", false},
		{"no bound", true, []Comment{{Key: "s3", Body: "x"}}, 0, "s3 created", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := newLab(t)
			newPull(l)
			for _, key := range []string{"s1", "s2"} {
				l.AddComment(own.String(), 7, bot, marker("dossier", key, "a")+"\na")
				l.AddComment(own.String(), 7, "eve", marker("dossier", key, "a")+"\na") // not ours: does not count
			}
			if tt.twin {
				l.AddComment(own.String(), 7, bot, marker("dossier", "s1", "b")+"\nb")
			}
			out, err := l.client(writer).Sync(context.Background(), own, 7, tt.wanted, SyncOptions{Head: someSHA, Most: tt.most})
			if actions(out) != tt.action || (err != nil) != tt.full || tt.full && !isKind(err, TooLarge) {
				t.Errorf("%s, %v; want %s", actions(out), err, tt.action)
			}
			if tt.full && !strings.Contains(err.Error(), "is the most") {
				t.Error(err)
			}
		})
	}
}

// TestSyncGivesUp: a create that fails twice is not tried for ever, nor when
// it cannot be looked for.
func TestSyncGivesUp(t *testing.T) {
	for name, faults := range map[string][]githubtest.Fault{
		"twice":                {{On: "/issues/7/comments", Status: 502}, {On: "/issues/7/comments", Status: 502}},
		"not to be looked for": {{On: "/graphql", Delay: time.Millisecond}, githubtest.LostAnswer("/issues/7/comments"), {On: "/graphql", Status: 403}},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t)
			newPull(l)
			l.Fail(faults...)
			_, err := l.client(writer).Sync(context.Background(), own, 7, []Comment{{Key: "s1", Body: "x"}}, SyncOptions{})
			if !isKind(err, Offline) || l.Faults() != 0 || len(l.Comments()) > 1 {
				t.Errorf("%v, %d faults left, %d comments", err, l.Faults(), len(l.Comments()))
			}
		})
	}
}

func TestLabels(t *testing.T) {
	l := newLab(t)
	var want []string
	for i := range 120 {
		want = append(want, fmt.Sprintf("label %d", i))
	}
	l.AddPull(own.String(), githubtest.Pull{Number: 7, HeadRepo: own.String(), HeadSHA: someSHA, Labels: want})
	got, err := l.client(reader).Labels(context.Background(), own, 7)
	if err != nil || !cmp.Equal(got, want) {
		t.Errorf("%v, %v", got, err)
	}
	if _, err := l.client(reader).Labels(context.Background(), own, 8); !isKind(err, NotFound) {
		t.Error(err)
	}
}

func TestMergeBase(t *testing.T) {
	l := newLab(t)
	l.SetMergeBase(own.String(), "feature/base", someSHA, strings.Repeat("b", 40))
	got, err := l.client(reader).MergeBase(context.Background(), own, "feature/base", someSHA)
	if err != nil || got != strings.Repeat("b", 40) {
		t.Errorf("%s, %v", got, err)
	}
	if _, err := l.client(reader).MergeBase(context.Background(), own, "main", someSHA); !isKind(err, NotFound) {
		t.Error(err)
	}
	l.SetMergeBase(own.String(), "main", someSHA, "not an id")
	if _, err := l.client(reader).MergeBase(context.Background(), own, "main", someSHA); !isKind(err, Broken) {
		t.Error(err)
	}
}

// TestPullsOf: commit and repository must both be the ones of the run; a
// number in a result file of a fork proves nothing.
func TestPullsOf(t *testing.T) {
	other := strings.Repeat("d", 40)
	tests := []struct {
		name   string
		pulls  []githubtest.Pull
		repo   string
		branch string
		want   []int
		asked  int
	}{
		{"of a fork", []githubtest.Pull{{Number: 7, HeadRepo: "fork/stack", HeadBranch: "b", HeadSHA: someSHA}}, "fork/stack", "b", []int{7}, 1},
		{"of a fork, in other letters", []githubtest.Pull{{Number: 7, HeadRepo: "Fork/Stack", HeadBranch: "b", HeadSHA: someSHA}}, "fork/stack", "b", []int{7}, 1},
		{"that the commit does not lead to", []githubtest.Pull{{Number: 7, HeadRepo: "fork/stack", HeadBranch: "b", HeadSHA: someSHA, Unlisted: true}}, "fork/stack", "b", []int{7}, 2},
		{"the same, no branch known", []githubtest.Pull{{Number: 7, HeadRepo: "fork/stack", HeadBranch: "b", HeadSHA: someSHA, Unlisted: true}}, "fork/stack", "", nil, 1},
		{"the branch moved on", []githubtest.Pull{{Number: 7, HeadRepo: "fork/stack", HeadBranch: "b", HeadSHA: other, Unlisted: true}}, "fork/stack", "b", nil, 2},
		{"another's with the same commit", []githubtest.Pull{{Number: 6, HeadRepo: "eve/stack", HeadBranch: "b", HeadSHA: someSHA}, {Number: 7, HeadRepo: "fork/stack", HeadBranch: "b", HeadSHA: someSHA}}, "fork/stack", "b", []int{7}, 1},
		{"another repository of the same owner", []githubtest.Pull{{Number: 7, HeadRepo: "fork/other", HeadBranch: "b", HeadSHA: someSHA}}, "fork/stack", "b", nil, 2},
		{"two, to two bases", []githubtest.Pull{{Number: 9, HeadRepo: own.String(), HeadBranch: "b", HeadSHA: someSHA}, {Number: 7, HeadRepo: own.String(), HeadBranch: "b", HeadSHA: someSHA}}, own.String(), "b", []int{7, 9}, 1},
		{"closed", []githubtest.Pull{{Number: 7, HeadRepo: "fork/stack", HeadBranch: "b", HeadSHA: someSHA, Closed: true}}, "fork/stack", "b", nil, 2},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l := newLab(t)
			for _, p := range tt.pulls {
				p.Base, p.BaseSHA = "main", other
				l.AddPull(own.String(), p)
			}
			got, err := l.client(reader).PullsOf(context.Background(), own, tt.repo, tt.branch, someSHA)
			if err != nil || !cmp.Equal(got, tt.want, cmpopts.EquateEmpty()) || len(l.Requests()) != tt.asked {
				t.Errorf("%v with %d questions, %v", got, len(l.Requests()), err)
			}
		})
	}
	l := newLab(t)
	// A fork that was deleted has no repository any more.
	l.AddPull(own.String(), githubtest.Pull{Number: 7, HeadSHA: someSHA, Base: "main", BaseSHA: other})
	l.UseContract(nil) // which has no such thing as a pull request without a head repository
	if got, err := l.client(reader).PullsOf(context.Background(), own, "fork/stack", "", someSHA); err != nil || len(got) != 0 {
		t.Errorf("%v, %v", got, err)
	}
	for _, sha := range []string{"", "main", someSHA[:7]} {
		if _, err := l.client(reader).PullsOf(context.Background(), own, "fork/stack", "b", sha); !isKind(err, Invalid) {
			t.Errorf("%q: %v", sha, err)
		}
	}
}
