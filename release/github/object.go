package github

import (
	"context"
	"encoding/base64"
	"fmt"
	"maps"
	"net/http"
	"path"
	"slices"
	"strings"

	gh "github.com/google/go-github/v60/github"
)

// maxBranches are looked at for one that is free or ours.
const maxBranches = 20

// errMoved is a branch of ours that moved between a look at it and the push.
const errMoved = errName("the branch moved meanwhile")

// tip gives the commit that a branch is at.
func (w *writing) tip(ctx context.Context, branch string) (string, error) {
	ctx, client := w.c.own.rest(ctx, w.repo.String())
	ref, _, err := client.Git.GetRef(ctx, w.repo.Owner, w.repo.Name, "heads/"+branch)
	if err != nil {
		return "", named(err, "", "")
	}
	if sha := ref.GetObject().GetSHA(); isCommit(sha) {
		return sha, nil
	}
	return "", &Error{Kind: Broken}
}

// listing gives the tree of a commit by path, folders and links included.
func (w *writing) listing(ctx context.Context, commit string) (map[string]object, error) {
	// What a cache says of a tree nobody can prove.
	walk := &walk{c: w.c, s: w.c.own, op: writeOp, repo: w.repo.String(), keep: keepNone}
	entries, err := walk.below(ctx, commit, 0, "")
	if err != nil {
		return nil, err
	}
	out := map[string]object{}
	for _, o := range entries {
		out[o.Path] = o
	}
	return out, nil
}

// against says what a commit on head has to change. *Overtaken names the files
// that changed on the way from Since to head.
func (w *writing) against(ctx context.Context, head string) ([]*gh.TreeEntry, error) {
	there, err := w.listing(ctx, head)
	if err != nil {
		return nil, err
	}
	if w.since == nil && head == w.ch.Since {
		w.since = there
	}
	if w.since == nil {
		if w.since, err = w.listing(ctx, w.ch.Since); err != nil {
			if isKind(err, NotFound, Invalid) {
				return nil, &Error{Kind: NotFound, Status: statusOf(err), Err: errName("the commit at which the files were read")}
			}
			return nil, err
		}
	}
	var entries []*gh.TreeEntry
	var changed []string
	for _, name := range slices.Sorted(maps.Keys(w.ch.Files)) {
		if err := regular(there, name); err != nil {
			return nil, err
		}
		data, now, old := w.ch.Files[name], there[name], w.since[name]
		if holds(now, data) {
			continue
		}
		if now.SHA != old.SHA || now.Mode != old.Mode {
			changed = append(changed, name)
		}
		mode := "100644"
		if now.Mode == "100755" {
			mode = now.Mode
		}
		entries = append(entries, &gh.TreeEntry{Path: gh.String(name), Mode: gh.String(mode), Type: gh.String("blob")})
	}
	if changed != nil {
		return nil, &Overtaken{w.ch.Base, changed}
	}
	return entries, nil
}

// holds reports whether an entry of a tree, the zero one for none, is what a
// file is to hold.
func holds(o object, data []byte) bool {
	if data == nil {
		return o.SHA == ""
	}
	return o.SHA != "" && isBlob(data, o.SHA)
}

// regular refuses a path that is no file in a tree, or leads through something
// that is no folder: a symlink stands for another place.
func regular(tree map[string]object, name string) error {
	kinds := map[string]string{"120000": "a symlink", "160000": "a submodule", "040000": "a folder"}
	for at := name; at != "."; at = path.Dir(at) {
		o, ok := tree[at]
		if !ok || at == name && o.isFile() || at != name && o.isTree() {
			continue
		}
		kind := kinds[o.Mode]
		if kind == "" {
			kind = "a file"
		}
		return &Error{Kind: Invalid, Err: errName(cut(at) + " is " + kind + " there; " + cut(name) + " is not written")}
	}
	return nil
}

// make makes a commit that no branch leads to yet. Nobody sees what it makes,
// and the same twice is one: it may be repeated.
func (w *writing) make(ctx context.Context, parent string, entries []*gh.TreeEntry) (string, error) {
	ctx, client := w.c.own.rest(ctx, w.repo.String())
	ctx = during(ctx, w.repo.String(), true)
	refused := func(err error) error { return step("a push", true, refusedWrite(err, "contents")) }
	for _, e := range entries {
		name := e.GetPath()
		data := w.ch.Files[name]
		if data == nil {
			continue
		}
		if w.blobs[name] == "" {
			blob, _, err := client.Git.CreateBlob(ctx, w.repo.Owner, w.repo.Name, &gh.Blob{Content: gh.String(base64.StdEncoding.EncodeToString(data)), Encoding: gh.String("base64")})
			if err != nil {
				return "", refused(err)
			}
			if !isBlob(data, blob.GetSHA()) {
				return "", &Error{Kind: Broken, Err: errName("GitHub stored something else")}
			}
			w.blobs[name] = blob.GetSHA()
		}
		e.SHA = gh.String(w.blobs[name])
	}
	base, _, err := client.Git.GetCommit(ctx, w.repo.Owner, w.repo.Name, parent)
	if err != nil {
		return "", named(err, "", "")
	}
	tree, _, err := client.Git.CreateTree(ctx, w.repo.Owner, w.repo.Name, base.GetTree().GetSHA(), entries)
	if err != nil {
		return "", refused(err)
	}
	message := strings.TrimSpace(w.ch.Message) + "\n\n" + Trailer + ": " + w.ch.Run + "\n"
	made, _, err := client.Git.CreateCommit(ctx, w.repo.Owner, w.repo.Name, &gh.Commit{Message: gh.String(message), Tree: tree, Parents: []*gh.Commit{{SHA: gh.String(parent)}}}, nil)
	if err != nil {
		return "", refused(err)
	}
	if !isCommit(made.GetSHA()) {
		return "", &Error{Kind: Broken}
	}
	return made.GetSHA(), nil
}

// point makes a branch, or moves it, to a commit. An answer that got lost is
// looked for before it is tried once more.
func (w *writing) point(ctx context.Context, branch, sha string, create, force bool) error {
	rest, client := w.c.own.rest(ctx, w.repo.String())
	ref := &gh.Reference{Ref: gh.String("refs/heads/" + branch), Object: &gh.GitObject{SHA: gh.String(sha)}}
	for attempt := 0; ; attempt++ {
		var err error
		if create {
			_, _, err = client.Git.CreateRef(rest, w.repo.Owner, w.repo.Name, ref)
		} else {
			_, _, err = client.Git.UpdateRef(rest, w.repo.Owner, w.repo.Name, ref, force)
		}
		if err == nil {
			return nil
		}
		err = refusedWrite(err, "contents")
		if !isKind(err, Offline, Broken) || attempt > 0 || w.c.backoff(ctx, 1) != nil {
			return err
		}
		if now, lookErr := w.tip(ctx, branch); lookErr == nil && now == sha {
			return nil
		}
	}
}

// push puts the change on a branch of ours, as one commit on head. Branches
// that somebody else pushed to are left alone, and the next name is taken.
func (w *writing) push(ctx context.Context, head string, entries []*gh.TreeEntry) error {
	for n := 1; n <= maxBranches; n++ {
		branch := w.ch.Head
		if n > 1 {
			branch = fmt.Sprintf("%s-%d", branch, n)
		}
		at, err := w.tip(ctx, branch)
		free := isKind(err, NotFound)
		if err != nil && !free {
			return err
		}
		if !free {
			ours, same, err := w.mine(ctx, head, at)
			if err != nil {
				return err
			}
			if !ours {
				continue
			}
			if same {
				w.out.Branch, w.out.Commit = branch, at
				return nil
			}
		}
		sha, err := w.make(ctx, head, entries)
		if err != nil {
			return err
		}
		if !free {
			// GitHub knows no push on condition: this is as near as it gets.
			if now, err := w.tip(ctx, branch); err != nil {
				return err
			} else if now != at {
				return &Error{Kind: Invalid, Status: http.StatusConflict, Err: errMoved}
			}
		}
		if err := w.point(ctx, branch, sha, free, !free); err != nil {
			return err
		}
		w.out.Branch, w.out.Commit = branch, sha
		return nil
	}
	return &Error{Kind: Invalid, Status: http.StatusUnprocessableEntity, Err: errName("all branches of such a name have commits of somebody else")}
}

// mine reports whether all that a branch has above base, and its tip, was made
// by a run, and whether it holds the change and nothing else.
func (w *writing) mine(ctx context.Context, base, at string) (ours, same bool, err error) {
	rest, client := w.c.own.rest(ctx, w.repo.String())
	diff, _, err := client.Repositories.CompareCommits(rest, w.repo.Owner, w.repo.Name, base, at, &gh.ListOptions{PerPage: perPage})
	if err != nil {
		if err = named(err, "", ""); isKind(err, NotFound) { // no common commit
			return false, false, nil
		}
		return false, false, err
	}
	messages := []string{diff.GetMergeBaseCommit().GetCommit().GetMessage()}
	if len(diff.Commits) > 0 {
		messages = nil
		for _, c := range diff.Commits {
			messages = append(messages, c.GetCommit().GetMessage())
		}
	} else if diff.GetMergeBaseCommit().GetSHA() != at {
		return false, false, nil
	}
	if diff.GetTotalCommits() > len(diff.Commits) || slices.ContainsFunc(messages, func(m string) bool { return !isOurs(m) }) {
		return false, false, nil
	}
	if len(diff.Commits) == 0 || slices.ContainsFunc(diff.Files, func(f *gh.CommitFile) bool { _, known := w.ch.Files[f.GetFilename()]; return !known }) {
		return true, false, nil
	}
	there, err := w.listing(ctx, at)
	if err != nil {
		return false, false, err
	}
	for name, data := range w.ch.Files {
		if !holds(there[name], data) {
			return true, false, nil
		}
	}
	return true, true, nil
}

// isOurs reports whether the message of a commit ends in our trailer.
func isOurs(message string) bool {
	message = strings.TrimSpace(message)
	last := message[strings.LastIndex(message, "\n")+1:]
	key, run, ok := strings.Cut(last, ": ")
	return ok && key == Trailer && runForm().MatchString(run)
}
