package github

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/belaystack/belay/release/github/githubtest"
)

const somePatch = "@@ -1,3 +1,4 @@ services:\n a\n-b\n+B\n+c\n d\n@@ -20,2 +21,2 @@\n x\n-y\n+Y\n\\ No newline at end of file"

func suggestLab(t *testing.T) *lab {
	l := newLab(t)
	files := []githubtest.File{{Name: "compose.yml", Patch: somePatch}, {Name: "large.yml"}}
	for i := range 150 {
		files = append(files, githubtest.File{Name: fmt.Sprintf("f%03d.yml", i), Status: "added", Patch: "@@ -0,0 +1 @@\n+x"})
	}
	l.AddPull(own.String(), githubtest.Pull{Number: 7, HeadRepo: own.String(), HeadSHA: someSHA, Files: files})
	return l
}

func TestCommentable(t *testing.T) {
	want := map[int]int{1: 1, 2: 1, 3: 1, 4: 1, 21: 2, 22: 2}
	if d := cmp.Diff(want, commentable(somePatch)); d != "" {
		t.Error(d)
	}
	for _, none := range []string{"", "garbage\n+x", "@@ broken @@\n+x", "Binary files differ"} {
		if got := commentable(none); len(got) != 0 {
			t.Errorf("%q: %v", none, got)
		}
	}
}

// TestSuggest: only where GitHub takes them, once, in one review.
func TestSuggest(t *testing.T) {
	l := suggestLab(t)
	all := []Suggestion{
		{Path: "compose.yml", Line: 2, Body: "```suggestion\nimage: postgres:15\n```", Key: "pin"},
		{Path: "compose.yml", Line: 2, EndLine: 4, Body: "three lines", Key: "pin"},
		{Path: "f149.yml", Line: 1, Body: "on the second page", Key: "pin"},
		{Path: "compose.yml", Line: 5, Body: "below the first piece", Key: "pin"},
		{Path: "compose.yml", Line: 4, EndLine: 21, Body: "over two pieces", Key: "pin"},
		{Path: "compose.yml", Line: 0, Body: "no line", Key: "pin"},
		{Path: "large.yml", Line: 1, Body: "no patch", Key: "pin"},
		{Path: "other.yml", Line: 1, Body: "not in the change", Key: "pin"},
		{Path: "compose.yml", Line: 1, Body: "no key", Key: "-->"},
	}
	c := l.client(writer)
	posted, skipped, err := c.Suggest(context.Background(), own, 7, someSHA, all)
	if err != nil || posted != 3 || skipped != 6 || writes(l) != 1 {
		t.Errorf("%d posted, %d skipped, %d writes, %v", posted, skipped, writes(l), err)
	}
	var got []string
	for _, s := range l.Suggestions(own.String(), 7) {
		place, text, _ := strings.Cut(strings.ReplaceAll(s, "\r\n", "\n"), " ")
		_, text, _ = strings.Cut(text, "\n")
		got = append(got, place+" "+text)
	}
	want := []string{"compose.yml:2 ```suggestion\nimage: postgres:15\n```", "compose.yml:2-4 three lines", "f149.yml:1 on the second page"}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	all[1].Body = "three other lines"
	posted, skipped, err = c.Suggest(context.Background(), own, 7, someSHA, all)
	if err != nil || posted != 1 || skipped != 8 || len(l.Suggestions(own.String(), 7)) != 4 {
		t.Errorf("again: %d posted, %d skipped, %v", posted, skipped, err)
	}
	// Somebody else's with our marker is not ours.
	l.AddToken("other", "eve", githubtest.Rights{Write: true})
	if posted, _, err = l.client("other").Suggest(context.Background(), own, 7, someSHA, all[:1]); err != nil || posted != 1 {
		t.Errorf("eve: %d posted, %v", posted, err)
	}
}

func TestSuggestFailures(t *testing.T) {
	one := []Suggestion{{Path: "compose.yml", Line: 2, Body: "x", Key: "pin"}}
	tests := []struct {
		name   string
		token  string
		fault  *githubtest.Fault
		posted int
		kind   Kind // -1: none
		there  int
	}{
		{"the answer is lost", writer, &githubtest.Fault{On: "/reviews", After: true, Reset: true}, 1, -1, 1},
		{"it is not made", writer, &githubtest.Fault{On: "/reviews", Status: 502}, 1, -1, 1},
		{"a token that may only read", reader, nil, 0, Refused, 0},
		{"refused by its content", writer, &githubtest.Fault{On: "/reviews", Status: 422, Message: "Unprocessable Entity"}, 0, Invalid, 0},
		{"no list of files", writer, &githubtest.Fault{On: "/files", Status: 403, Message: "no"}, 0, Refused, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l := suggestLab(t)
			if tt.fault != nil {
				l.Fail(*tt.fault)
			}
			posted, skipped, err := l.client(tt.token).Suggest(context.Background(), own, 7, someSHA, one)
			if posted != tt.posted || posted+skipped != 1 || tt.kind < 0 && err != nil || tt.kind >= 0 && !isKind(err, tt.kind) {
				t.Errorf("%d posted, %d skipped, %v", posted, skipped, err)
			}
			if n := len(l.Suggestions(own.String(), 7)); n != tt.there {
				t.Errorf("%d are there, want %d", n, tt.there)
			}
		})
	}
	l := suggestLab(t)
	for _, s := range [][]Suggestion{nil, {{Path: "none", Line: 1, Body: "x", Key: "k"}}} {
		if posted, skipped, err := l.client(reader).Suggest(context.Background(), own, 7, someSHA, s); posted != 0 || skipped != len(s) || err != nil {
			t.Errorf("%d posted, %d skipped, %v", posted, skipped, err)
		}
	}
	var many []Suggestion
	for i := range 150 {
		many = append(many, Suggestion{Path: fmt.Sprintf("f%03d.yml", i), Line: 1, Body: "x", Key: "k"})
	}
	for i, want := range []int{maxSuggestions, maxSuggestions, maxSuggestions, 0} {
		if posted, skipped, err := l.client(writer).Suggest(context.Background(), own, 7, someSHA, many); posted != want || posted+skipped != 150 || err != nil {
			t.Errorf("many, time %d: %d posted, %d skipped, %v", i, posted, skipped, err)
		}
	}
}

// TestFits: two pieces of a diff may touch, and are two all the same.
func TestFits(t *testing.T) {
	lines := commentable("@@ -1 +1 @@\n a\n@@ -9 +2 @@\n b")
	for s, want := range map[Suggestion]bool{{Line: 1, Key: "k"}: true, {Line: 2, Key: "k"}: true, {Line: 1, EndLine: 2, Key: "k"}: false} {
		if got := s.fits(lines); got != want {
			t.Errorf("%+v: %v", s, got)
		}
	}
}
