package base

import (
	"context"
	"errors"
	"maps"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/belaystack/belay/lint/source"
)

// fetched is the part of a commit that stacks refer to, as a remote gives it.
// Its names are somebody else's text, as those of a tree are.
type fetched struct {
	*layout
	prefix string          // the root's path from the top of the repository
	asked  map[string]bool // what want said yes to, by its path from the top
	large  []string        // too large to be read, from the root
	folded map[string]bool // every file that is written, in lower case
	err    error           // the first thing wrong: want cannot give it back
}

// fetch takes the files of commit from the remote.
func (r *repository) fetch(ctx context.Context, commit string, o Options) (*Base, error) {
	return layOut(o, r.limits, commit, func(l *layout) error {
		f := &fetched{layout: l, prefix: r.prefix, asked: map[string]bool{}, folded: map[string]bool{}}
		files, err := o.Remote.Files(ctx, commit, f.want)
		switch {
		case f.err != nil:
			return f.instead(f.err)
		case err != nil:
			return o.remoteError(ctx, "files of commit "+commit[:12], err)
		}
		return f.instead(f.write(ctx, files))
	})
}

// instead says how to do without the remote: git objects may have what it
// would not give.
func (f *fetched) instead(err error) error {
	var e *Error
	if errors.As(err, &e) {
		e.Next = withoutRemote
	}
	return err
}

// want chooses a file. After something wrong it wants nothing more.
func (f *fetched) want(name string, size int) bool {
	if f.err != nil {
		return false
	}
	wanted, err := f.choose(name, size)
	f.err = err
	return wanted && err == nil
}

func (f *fetched) choose(name string, size int) (bool, error) {
	if f.left.entries--; f.left.entries < 0 {
		return false, f.fail("more than %d files", f.limits.entries)
	}
	for part := range strings.SplitSeq(name, "/") {
		if !safe(part) {
			return false, f.fail("%q is no name for a file", name)
		}
	}
	below, ok := f.below(name)
	if !ok || !f.wants(below) {
		return false, nil
	}
	if strings.Count(below, "/") > maxDepth {
		return false, f.fail("folders nested more than %d deep", maxDepth)
	}
	// Where case makes no difference one would take the place of the other.
	lower := strings.ToLower(below)
	if f.folded[lower] {
		return false, f.fail("%q is there twice, or in upper and in lower case", below)
	}
	f.folded[lower] = true
	if err := f.count(); err != nil {
		return false, err
	}
	switch {
	case size < 0:
		return false, f.fail("%q has %d bytes", below, size)
	case size > source.MaxSize:
		f.large = append(f.large, below)
		return false, nil
	}
	f.asked[name] = true
	return true, f.take(size)
}

// below gives a path from the root instead of from the top of the repository.
func (f *fetched) below(name string) (string, bool) {
	if f.prefix == "." {
		return name, true
	}
	return strings.CutPrefix(name, f.prefix+"/")
}

// take counts the bytes of a file.
func (f *fetched) take(size int) error {
	if f.left.bytes -= int64(size); f.left.bytes < 0 {
		return f.fail("the files of stacks have more than %d bytes together", f.limits.bytes)
	}
	return nil
}

// write writes what was sent, which must be what was asked for: a file of the
// base that is silently missing would loosen the check.
func (f *fetched) write(ctx context.Context, files map[string][]byte) error {
	for _, name := range slices.Sorted(maps.Keys(f.asked)) {
		if _, ok := files[name]; !ok {
			return f.fail("%q was asked for and not sent", name)
		}
	}
	f.left.bytes = f.limits.bytes // what was announced need not be what came
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if err := ctx.Err(); err != nil {
			return err
		}
		data := files[name]
		if !f.asked[name] || len(data) > source.MaxSize {
			return f.fail("%q was sent and not asked for, or is larger than announced", name)
		}
		if err := f.take(len(data)); err != nil {
			return err
		}
		below, _ := f.below(name)
		if err := f.put(below, func(w *os.File) error { _, err := w.Write(data); return err }); err != nil {
			return err
		}
	}
	for _, name := range f.large { // written too large again, so that reading it says so
		if err := f.put(name, func(w *os.File) error { return w.Truncate(source.MaxSize + 1) }); err != nil {
			return err
		}
	}
	return nil
}

// put writes one file that is not there yet.
func (f *fetched) put(name string, fill func(*os.File) error) error {
	if err := f.dir.MkdirAll(path.Dir(name), 0o700); err != nil {
		return f.fail("%q: %v", name, cause(err))
	}
	w, err := f.dir.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return f.fail("%q: %v", name, cause(err))
	}
	if err := errors.Join(fill(w), w.Close()); err != nil {
		return f.fail("%q: %v", name, cause(err))
	}
	return nil
}
