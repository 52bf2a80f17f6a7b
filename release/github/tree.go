package github

import (
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"net/http"
	"path"
	"slices"
	"strings"
	"time"
)

const (
	maxFiles = 2000     // that one answer may hold
	maxTotal = 16 << 20 // bytes of them
	maxTrees = 300      // folders asked for one by one
)

// object is an entry of a git tree. Its path is relative to where the walk began.
type object struct {
	Path string `json:"path"`
	Mode string `json:"mode"` // 100644, 100755 a file; 120000 a symlink; 040000 a folder; 160000 a submodule
	Type string `json:"type"`
	SHA  string `json:"sha"`
	Size int    `json:"size"`
}

func (o object) isFile() bool { return o.Type == "blob" && strings.HasPrefix(o.Mode, "100") }
func (o object) isTree() bool { return o.Type == "tree" }

// Tree gives the text files below dir ("" is the root) of an upstream
// repository at ref, by their paths relative to dir; symlinks, submodules and
// binary files are left out. With a token it is one GraphQL question for
// everything, without one a question for each folder on the way and each file
// that want names.
func (c *Client) Tree(ctx context.Context, repo, dir, ref string, want func(path string) bool) (map[string][]byte, error) {
	op := "read " + cut(path.Join(dir, "*")) + " of"
	if _, err := repoPath(op, repo); err != nil {
		return nil, err
	}
	if err := checkRef(op, repo, ref); err != nil {
		return nil, err
	}
	if dir != "" && (!fs.ValidPath(dir) || dir == "." || strings.Contains(dir, ":")) {
		return nil, &Error{Op: op, Repo: repo, Kind: Invalid, Err: errName("not a path")}
	}
	if ref == "" {
		ref = "HEAD"
	}
	w := &walk{c: c, s: c.upstream, op: op, repo: repo, fresh: freshAt(ref)}
	if c.upstream.token != "" {
		files, err := w.atOnce(ctx, ref, dir)
		switch {
		case err == nil:
			return w.choose(ctx, files, want)
		case isKind(err, NotFound), ctx.Err() != nil, isKind(err, Offline) && statusOf(err) < 500:
			return nil, err
		}
		// GraphQL gives up on what is large or is not allowed for this token; REST may do.
	}
	objects, err := w.list(ctx, ref, dir)
	if err != nil {
		return nil, err
	}
	out := map[string][]byte{}
	for _, o := range objects {
		if !o.isFile() || !want(o.Path) {
			continue
		}
		if o.Size > objectMax {
			return nil, tooLarge(op, repo, o.Path)
		}
		data, err := c.blob(ctx, w.s, op, repo, o.SHA)
		if err != nil {
			return nil, err
		}
		if isText(data) {
			if err := w.put(out, o.Path, data); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

func statusOf(err error) int {
	if e, ok := err.(*Error); ok {
		return e.Status
	}
	return 0
}

// walk reads one tree of one repository.
type walk struct {
	c        *Client
	s        *server
	op, repo string
	fresh    time.Duration
	keep     keeping // of trees
	trees    int     // asked for
	total    int     // bytes given
}

// put adds a file within the bounds.
func (w *walk) put(out map[string][]byte, name string, data []byte) error {
	if w.total += len(data); w.total > maxTotal || len(out) >= maxFiles {
		return &Error{Op: w.op, Repo: w.repo, Kind: TooLarge, Err: fmt.Errorf("more than %d files or %d MiB", maxFiles, maxTotal>>20)}
	}
	out[name] = data
	return nil
}

// list gives everything below dir, sorted by path.
func (w *walk) list(ctx context.Context, ref, dir string) ([]object, error) {
	at, fresh := ref, w.fresh
	for part := range strings.SplitSeq(dir, "/") {
		if part == "" {
			continue
		}
		entries, _, err := w.tree(ctx, at, fresh, false)
		if err != nil {
			return nil, err
		}
		i := slices.IndexFunc(entries, func(o object) bool { return o.Path == part && o.isTree() })
		if i < 0 {
			return nil, &Error{Op: w.op, Repo: w.repo, Kind: NotFound, Err: errName("there is no such folder")}
		}
		at, fresh = entries[i].SHA, forever
	}
	out, err := w.below(ctx, at, fresh, "")
	slices.SortFunc(out, func(a, b object) int { return strings.Compare(a.Path, b.Path) })
	return out, err
}

// below lists a tree with its subtrees: at once, and where GitHub cuts the
// answer short (100,000 entries or 7 MB) folder by folder.
func (w *walk) below(ctx context.Context, at string, fresh time.Duration, prefix string) ([]object, error) {
	entries, whole, err := w.tree(ctx, at, fresh, true)
	if err != nil {
		return nil, err
	}
	deep := !whole
	if deep {
		if entries, whole, err = w.tree(ctx, at, fresh, false); err != nil {
			return nil, err
		}
		if !whole {
			return nil, &Error{Op: w.op, Repo: w.repo, Kind: TooLarge, Err: errName("a folder that GitHub does not list whole")}
		}
	}
	var out []object
	for _, o := range entries {
		name := o.Path
		if !fs.ValidPath(name) || name == "." {
			continue
		}
		o.Path = path.Join(prefix, name)
		out = append(out, o)
		if deep && o.isTree() {
			sub, err := w.below(ctx, o.SHA, forever, o.Path)
			if err != nil {
				return nil, err
			}
			out = append(out, sub...)
		}
	}
	return out, nil
}

// tree asks for one tree. False is: GitHub cut it short.
func (w *walk) tree(ctx context.Context, at string, fresh time.Duration, recursive bool) ([]object, bool, error) {
	if w.trees++; w.trees > maxTrees {
		return nil, false, &Error{Op: w.op, Repo: w.repo, Kind: TooLarge, Err: fmt.Errorf("more than %d folders", maxTrees)}
	}
	to := "repos/" + w.repo + "/git/trees/" + escape(at)
	if recursive {
		to += "?recursive=1"
	}
	data, err := w.c.get(ctx, fetch{op: w.op, repo: w.repo, s: w.s, path: to, accept: plain, fresh: fresh, keep: w.keep, sound: json.Valid})
	if err != nil {
		return nil, false, err
	}
	var doc struct {
		Tree      []object `json:"tree"`
		Truncated bool     `json:"truncated"`
	}
	if json.Unmarshal(data, &doc) != nil {
		return nil, false, &Error{Op: w.op, Repo: w.repo, Kind: Broken}
	}
	for _, o := range doc.Tree {
		if (o.isFile() || o.isTree()) && !isCommit(o.SHA) {
			return nil, false, &Error{Op: w.op, Repo: w.repo, Kind: Broken}
		}
	}
	return doc.Tree, !doc.Truncated, nil
}

// found is a file as GraphQL gave it, or what is left to ask for.
type found struct {
	OID  string `json:"oid"`
	Size int    `json:"size"`
	Text []byte `json:"text"` // nil: ask for it
	Tree bool   `json:"tree"` // a folder deeper than the question
}

// choose keeps the files that want names, and asks for those that were not
// given whole.
func (w *walk) choose(ctx context.Context, files map[string]found, want func(string) bool) (map[string][]byte, error) {
	out := map[string][]byte{}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		f := files[name]
		if f.Tree {
			sub, err := w.below(ctx, f.OID, forever, name)
			if err != nil {
				return nil, err
			}
			for _, o := range sub {
				if o.isFile() {
					files[o.Path] = found{OID: o.SHA, Size: o.Size}
				}
			}
			delete(files, name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		f := files[name]
		switch {
		case !want(name):
			continue
		case f.Size > objectMax:
			return nil, tooLarge(w.op, w.repo, name)
		case f.Text == nil:
			var err error
			if f.Text, err = w.c.blob(ctx, w.s, w.op, w.repo, f.OID); err != nil {
				return nil, err
			}
			if len(f.Text) > objectMax { // a size that GraphQL did not tell
				return nil, tooLarge(w.op, w.repo, name)
			}
		}
		if !isText(f.Text) {
			continue
		}
		if err := w.put(out, name, f.Text); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// atOnce asks GraphQL for everything below dir, or finds that in the cache.
func (w *walk) atOnce(ctx context.Context, ref, dir string) (map[string]found, error) {
	key := strings.Join([]string{"tree", w.s.graphql.String(), w.repo, ref, dir}, " ")
	have := w.c.cache.load(key)
	files := map[string]found{}
	known := have != nil && (have.Status == http.StatusNotFound || json.Unmarshal(have.Body, &files) == nil)
	if known && w.c.now().Sub(have.Fetched) < have.freshFor(w.fresh) {
		if have.Status == http.StatusNotFound {
			return nil, &Error{Op: w.op, Repo: w.repo, Kind: NotFound, Status: have.Status}
		}
		return files, nil
	}
	e := &entry{Key: key, Status: http.StatusOK, Fetched: w.c.now()}
	fetched, err := w.askTree(ctx, ref, dir)
	switch {
	case isKind(err, NotFound):
		e.Status = http.StatusNotFound
		w.c.cache.store(e)
		return nil, err
	case known && have.Status == http.StatusOK && outage(ctx, err):
		w.c.wasStale(w.repo, have.Fetched)
		return files, nil
	case err != nil:
		return nil, err
	}
	if e.Body, err = json.Marshal(fetched); err == nil {
		w.c.cache.store(e)
	}
	return fetched, nil
}
