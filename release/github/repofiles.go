package github

import (
	"context"
	"net/http"
	"slices"
)

const (
	batchFiles = 50
	batchBytes = 2 << 20
)

// RepoFiles gives the files of the pull request's own repository at a commit,
// as a shallow checkout does not have them: those that want names, by path and
// size, text or not; symlinks and submodules are left out.
func (c *Client) RepoFiles(ctx context.Context, repo Repo, commit string, want func(path string, size int) bool) (map[string][]byte, error) {
	const op = "read the files of"
	if _, err := repoPath(op, repo.String()); err != nil {
		return nil, err
	}
	if err := checkRef(op, repo.String(), commit); err != nil || commit == "" {
		return nil, &Error{Op: op, Repo: repo.String(), Kind: Invalid, Err: errName("not a commit")}
	}
	// A list says which files there are, and nothing in it proves that: from a
	// cache that somebody else filled it would make up the base of the change.
	w := &walk{c: c, s: c.own, op: op, repo: repo.String(), keep: keepNone}
	objects, err := w.list(ctx, commit, "")
	if err != nil {
		return nil, err
	}
	objects = slices.DeleteFunc(objects, func(o object) bool { return !o.isFile() || !want(o.Path, o.Size) })
	total := 0
	for _, o := range objects {
		if o.Size > objectMax {
			return nil, tooLarge(op, w.repo, o.Path)
		}
		total += o.Size
	}
	if len(objects) > maxFiles || total > maxTotal {
		return nil, w.put(nil, "", make([]byte, maxTotal+1))
	}
	contents := w.contents(ctx, objects)
	out := map[string][]byte{}
	for _, o := range objects {
		data, ok := contents[o.SHA]
		if !ok {
			if data, err = c.blob(ctx, w.s, op, w.repo, o.SHA); err != nil {
				return nil, err
			}
			contents[o.SHA] = data
		}
		if err := w.put(out, o.Path, data); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// contents gives what it can of the files by asking for many at a time. What
// it cannot is left to be asked for one by one, which also says why.
func (w *walk) contents(ctx context.Context, objects []object) map[string][]byte {
	out := map[string][]byte{}
	if w.s.token == "" {
		return out
	}
	var batch []string
	size := 0
	flush := func() bool {
		texts, err := w.askBlobs(ctx, batch)
		for oid, text := range texts {
			out[oid] = text
			w.c.cache.store(&entry{Key: blobKey(w.s, w.repo, oid), Status: http.StatusOK, Fetched: w.c.now(), Body: text})
		}
		batch, size = nil, 0
		return err == nil
	}
	for _, o := range objects {
		if out[o.SHA] != nil || slices.Contains(batch, o.SHA) || w.c.cache.load(blobKey(w.s, w.repo, o.SHA)) != nil {
			continue
		}
		if len(batch) > 0 && (len(batch) == batchFiles || size+o.Size > batchBytes) && !flush() {
			return out
		}
		batch, size = append(batch, o.SHA), size+o.Size
	}
	if len(batch) > 0 {
		flush()
	}
	return out
}
