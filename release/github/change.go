package github

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
)

// Ways of a Change into a repository.
const (
	ByPull   = "pr"
	ByCommit = "commit"
)

// Trailer is the key in the last line of each commit that is made here, with
// the run's id as its value: a workflow passes over commits that have it.
const Trailer = "Belay-Run"

// Change is files to be written to a branch.
type Change struct {
	Key   string            // marks the pull request and the issue; letters, digits, - and _
	Base  string            // the branch that it is for
	Since string            // the commit at which the files were read
	Files map[string][]byte // what they hold from now on, by path; nil is deleted
	Way   string            // ByPull or ByCommit

	Message string // of the commit, without trailers
	Run     string // its id, for the trailer
	Head    string // the branch for a pull request

	// Of the pull request. The issue that stands in for one has them too, so that
	// Body has to say what changes: no content of a file is added to it.
	Title, Body string
}

// What Written.Done may be, besides Unchanged and None.
const (
	DoneCommit = "commit" // on the base branch
	DonePull   = "pull"   // a pull request is open
	DoneBranch = "branch" // a branch is there, and nobody was told
	DoneIssue  = "issue"  // an issue is open; Branch may be there
)

// Written is what became of a Change.
type Written struct {
	Done   string
	URL    string // of the commit, the pull request or the issue, or to compare the branch
	Number int    // of the pull request or the issue
	Commit string // that was made, or was there
	Branch string // that it is on
	Notes  []string
}

// Overtaken is that files changed on the branch since they were read. Nothing
// was written.
type Overtaken struct {
	Branch string
	Files  []string // sorted
}

func (e *Overtaken) Error() string {
	names := make([]string, len(e.Files))
	for i, f := range e.Files {
		names[i] = cut(f)
	}
	return "on " + cut(e.Branch) + " there is another content by now of " + strings.Join(names, ", ")
}

// Hint is the next move.
func (e *Overtaken) Hint() string {
	return "look at what changed there; a run on the newest commit reads it anew"
}

const (
	maxMoves = 5          // of a branch, before the way is given up
	bodyRoom = 12 << 10   // for what is added to Body
	titleMax = 256        // characters, as GitHub takes them
	maxNamed = 50         // files that an issue names
	writeOp  = "write to" // for errors
)

var runForm = lazy(`^[A-Za-z0-9][A-Za-z0-9._:+-]{0,127}$`)

// WriteFiles brings files into a repository: as one commit on the base branch,
// or as a pull request. Where GitHub refuses the way, the next one is taken,
// and Notes say why and what it would have needed: a commit becomes a pull
// request (protected branch, ruleset), a pull request an issue that links the
// branch (Actions may open none, no `pull-requests: write`), and where no
// branch can be pushed the issue says what there is to do. An error is about
// the change (*Overtaken, Invalid), or GitHub could not be asked; a branch may
// have been pushed by then, and the next call goes on from there.
func (c *Client) WriteFiles(ctx context.Context, repo Repo, ch Change) (Written, error) {
	if _, err := repoPath(writeOp, repo.String()); err != nil {
		return Written{}, err
	}
	if err := ch.check(); err != nil {
		return Written{}, named(err, writeOp, repo.String())
	}
	w := &writing{c: c, repo: repo, ch: ch, blobs: map[string]string{}}
	err := w.run(ctx)
	if over := (*Overtaken)(nil); errors.As(err, &over) {
		return Written{}, fmt.Errorf("%s %s: %w", writeOp, repo, over)
	}
	return w.out, named(err, writeOp, repo.String())
}

// check is about what no answer of GitHub is needed for.
func (ch Change) check() error {
	invalid := func(text string) error { return &Error{Kind: Invalid, Err: errName(text)} }
	switch {
	case !keyForm().MatchString(ch.Key):
		return invalid("a change without a key, or with one that is none")
	case ch.Way != ByPull && ch.Way != ByCommit:
		return invalid("a change that goes neither the way of a pull request nor that of a commit")
	case !isCommit(ch.Since):
		return invalid("files that were read at no commit")
	case !runForm().MatchString(ch.Run):
		return invalid("a run whose id makes no trailer")
	case strings.TrimSpace(ch.Message) == "", strings.TrimSpace(ch.Title) == "":
		return invalid("a change without a message or a title")
	case ch.Base == "", ch.Head == "", ch.Base == ch.Head, len(ch.Files) == 0:
		return invalid("a change without files or without its branches")
	}
	for _, branch := range []string{ch.Base, ch.Head} {
		if err := checkRef("", "", branch); err != nil {
			return err
		}
	}
	for name, data := range ch.Files {
		if !fs.ValidPath(name) || name == "." || slices.ContainsFunc(strings.Split(name, "/"), func(p string) bool { return strings.EqualFold(p, ".git") }) {
			return invalid(cut(name) + " is no path of a file")
		}
		if len(data) > objectMax {
			return tooLarge("", "", name)
		}
	}
	return checkBody(ch.Body + strings.Repeat(" ", bodyRoom))
}

// writing is one Change under way.
type writing struct {
	c     *Client
	repo  Repo
	ch    Change
	since map[string]object // the tree as the files were read
	blobs map[string]string // ids of contents that are made, by path
	out   Written
}

// turned is a step that GitHub refused, so that another way may do.
type turned struct {
	what   string
	err    error
	pushes bool // it is not even possible to push
}

func (t *turned) Error() string { return t.what + ": " + t.err.Error() }
func (t *turned) Unwrap() error { return t.err }

// step makes a *turned of an error that is a refusal.
func step(what string, pushes bool, err error) error {
	if turnedDown(err) {
		return &turned{what, err, pushes}
	}
	return err
}

// run tries the ways in their order.
func (w *writing) run(ctx context.Context) error {
	var no *turned
	if w.ch.Way == ByCommit {
		err := w.commit(ctx)
		if !errors.As(err, &no) {
			return err
		}
		w.note(no)
	}
	if no == nil || !no.pushes {
		err := w.pull(ctx)
		if !errors.As(err, &no) {
			return err
		}
		w.note(no)
	}
	return w.issue(ctx)
}

// note keeps a refusal in words that may be printed.
func (w *writing) note(t *turned) {
	text := t.what + " was refused"
	var e *Error
	if errors.As(t.err, &e) {
		text += fmt.Sprintf(" (%d", e.Status)
		if e.Err != nil {
			text += ": " + e.Err.Error()
		}
		text += ")"
		if e.Needs != "" {
			text += "; it needs " + e.Needs
		}
	}
	w.out.Notes = append(w.out.Notes, text)
}
