package base

import (
	"context"
	"errors"
	"strings"
	"unicode"

	"github.com/go-git/go-git/v5/plumbing"
)

// Remote reads the repository from elsewhere, such as GitHub's API. It is
// asked about full commit ids alone. Where an error of it has a Hint, that is
// kept.
type Remote interface {
	// MergeBase gives the best common ancestor of two commits, as a full commit id.
	MergeBase(ctx context.Context, base, head string) (commit string, err error)
	// Files gives the files of a commit that want says yes to, byte for byte:
	// every one of them, or an error. want is asked once, and by one goroutine
	// at a time, for each regular file of the commit, by its path from the top
	// of the repository and its size in bytes; not for symlinks, whose targets
	// are no content. So a symlink of the base is absent, where git objects
	// would have it.
	Files(ctx context.Context, commit string, want func(path string, size int) bool) (map[string][]byte, error)
}

const (
	withoutRemote = "set fetch-depth: 0 in the checkout step to do without the API, which needs contents: read in the job's permissions"
	maxMessage    = 500 // characters of somebody else's error
)

// notHere reports that the object store lacks what it takes to go on.
func notHere(err error) bool {
	return errors.Is(err, plumbing.ErrObjectNotFound) || errors.Is(err, errCut)
}

// openRemote finds the commit with the help of the remote, and takes its
// files from the object store where that has them.
func (r *repository) openRemote(ctx context.Context, o Options) (*Base, error) {
	id, ok := fullHash(o.Ref)
	if !ok {
		c, err := r.resolve(o.Ref)
		if err != nil {
			return nil, explain(err, o.Ref)
		}
		id = c.Hash
	}
	if o.MergeBase {
		heads, err := r.heads(o)
		if err != nil {
			return nil, err
		}
		if id, err = o.leftAt(ctx, id, heads); err != nil {
			return nil, err
		}
	}
	if c, err := r.getCommit(id); err == nil {
		return r.open(ctx, c, o)
	}
	return r.fetch(ctx, id.String(), o)
}

// heads gives what the checkout is made of, in commits that the remote knows:
// its head or, where HEAD is the merge that GitHub makes of a pull request,
// the two that it merges. That merge holds its base branch as of then, so that
// to start from where the head once left it would show the work of others as
// the change.
func (r *repository) heads(o Options) ([]plumbing.Hash, error) {
	given, ok := fullHash(o.Head)
	if o.Head != "" && !ok {
		return nil, &Error{o.Ref, "merge base: the head is not a full commit id", "", errNoRef}
	}
	head, err := r.resolve("HEAD")
	switch {
	case err != nil && !ok:
		return nil, &Error{o.Ref, "merge base: HEAD has no commit", "", err}
	case err == nil && !ok:
		return []plumbing.Hash{head.Hash}, nil
	case err == nil && head.Hash != given && len(head.ParentHashes) == 2 && head.ParentHashes[1] == given:
		return head.ParentHashes, nil
	}
	return []plumbing.Hash{given}, nil
}

// leftAt gives the best common ancestor of base and what merges heads: the
// one of theirs that is not below another.
func (o Options) leftAt(ctx context.Context, base plumbing.Hash, heads []plumbing.Hash) (plumbing.Hash, error) {
	var best plumbing.Hash
	for _, head := range heads {
		found, err := o.mergeBase(ctx, base, head)
		if err != nil || found == base {
			return found, err
		}
		if best.IsZero() {
			best = found
			continue
		}
		lower, err := o.mergeBase(ctx, best, found)
		if err != nil {
			return lower, err
		}
		if lower == best {
			best = found
		}
	}
	return best, nil
}

func (o Options) mergeBase(ctx context.Context, a, b plumbing.Hash) (plumbing.Hash, error) {
	if a == b {
		return a, nil
	}
	answer, err := o.Remote.MergeBase(ctx, a.String(), b.String())
	if err != nil {
		return plumbing.ZeroHash, o.remoteError(ctx, "merge base with "+short(b), err)
	}
	found, ok := fullHash(answer)
	if !ok {
		return found, o.remoteError(ctx, "merge base with "+short(b), errors.New("the answer is not a full commit id"))
	}
	return found, nil
}

// remoteError is err of the remote, with what to do without it.
func (o Options) remoteError(ctx context.Context, doing string, err error) error {
	if gone := ctx.Err(); gone != nil {
		return gone
	}
	next := withoutRemote
	var hinted interface{ Hint() string }
	if errors.As(err, &hinted) && hinted.Hint() != "" {
		next = hinted.Hint() + "; or " + next
	}
	return &Error{o.Ref, doing + ": " + oneLine(err.Error()), next, err}
}

// oneLine keeps of a text what can stand in a message.
func oneLine(s string) string {
	s = strings.Map(func(c rune) rune {
		if unicode.IsControl(c) || c == '\u2028' || c == '\u2029' {
			return ' '
		}
		return c
	}, s)
	if all := []rune(s); len(all) > maxMessage {
		s = string(all[:maxMessage]) + "…"
	}
	return s
}
