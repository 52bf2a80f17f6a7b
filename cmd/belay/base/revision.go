package base

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/plumbing/storer"
)

var (
	errNoRef = errors.New("no such ref")   // a name that no branch, tag or commit has
	errCut   = errors.New("shallow clone") // history that ends before the answer
)

const (
	maxSteps  = 10_000 // of ~N, so that a typing error ends
	maxTags   = 16     // tags of tags
	minPrefix = 4      // hex digits of an abbreviated commit id, as git has it
)

// commit finds the commit that ref names, or where HEAD left it.
func (r *repository) commit(ctx context.Context, ref string, mergeBase bool) (*object.Commit, error) {
	c, err := r.resolve(ref)
	if err != nil || !mergeBase {
		return c, err
	}
	head, err := r.resolve("HEAD")
	if err != nil {
		return nil, &Error{ref, "merge base: HEAD has no commit", "", err}
	}
	return r.mergeBase(ctx, ref, c, head)
}

// resolve reads a ref with its ~N and ^N.
func (r *repository) resolve(ref string) (*object.Commit, error) {
	name, suffix := ref, ""
	if i := strings.IndexAny(ref, "~^"); i >= 0 {
		name, suffix = ref[:i], ref[i:]
	}
	c, err := r.named(ref, name)
	for suffix != "" && err == nil {
		var n int
		op := suffix[0]
		n, suffix, err = step(ref, suffix[1:])
		switch {
		case err != nil:
		case op == '~':
			for ; n > 0 && err == nil; n-- {
				c, err = r.parent(ref, c, 1)
			}
		case n > 0:
			c, err = r.parent(ref, c, n)
		}
	}
	if err != nil {
		return nil, err
	}
	return c, nil
}

// step reads the number behind ~ or ^, 1 when there is none.
func step(ref, s string) (n int, rest string, err error) {
	digits := len(s) - len(strings.TrimLeft(s, "0123456789"))
	n, rest = 1, s[digits:]
	if digits > 0 {
		n, err = strconv.Atoi(s[:digits])
	}
	if err != nil || n > maxSteps || rest != "" && rest[0] != '~' && rest[0] != '^' {
		return 0, "", &Error{ref, "not a ref that is understood", "give a branch, a tag or a commit id, with ~N or ^N behind it", errNoRef}
	}
	return n, rest, nil
}

// parent gives the nth parent of c, counting from 1.
func (r *repository) parent(ref string, c *object.Commit, n int) (*object.Commit, error) {
	if n > len(c.ParentHashes) {
		return nil, &Error{ref, fmt.Sprintf("commit %s has %d parents", short(c.Hash), len(c.ParentHashes)), "", errNoRef}
	}
	p, err := r.getCommit(c.ParentHashes[n-1])
	if err != nil {
		return nil, r.missing(ref, c.ParentHashes[n-1], err)
	}
	return p, nil
}

// named finds a name as git does: a full commit id, then refs, then an
// abbreviated id. A branch that only the remote origin has is found by its own
// name too, since a checkout on a runner has no other.
func (r *repository) named(ref, name string) (*object.Commit, error) {
	if name == "@" {
		name = "HEAD"
	}
	if h, ok := fullHash(name); ok {
		return r.peel(ref, h)
	}
	for _, full := range candidates(name) {
		found, err := storer.ResolveReference(r.store, full)
		if err == nil {
			return r.peel(ref, found.Hash())
		}
	}
	h, err := r.abbreviated(ref, name)
	if err != nil {
		return nil, err
	}
	return r.peel(ref, h)
}

// candidates are the full names that name may stand for: gitrevisions(7), and
// the remote origin's branches.
func candidates(name string) []plumbing.ReferenceName {
	var out []plumbing.ReferenceName
	if strings.HasPrefix(name, "refs/") || name == "HEAD" || strings.HasSuffix(name, "_HEAD") {
		out = append(out, plumbing.ReferenceName(name))
	}
	for _, pattern := range []string{"refs/%s", "refs/tags/%s", "refs/heads/%s", "refs/remotes/%s", "refs/remotes/%s/HEAD", "refs/remotes/origin/%s"} {
		full := plumbing.ReferenceName(fmt.Sprintf(pattern, name))
		if full.Validate() == nil {
			out = append(out, full)
		}
	}
	return out
}

func fullHash(s string) (plumbing.Hash, bool) {
	b, err := hex.DecodeString(s)
	var h plumbing.Hash
	if err != nil || len(b) != len(h) {
		return h, false
	}
	copy(h[:], b)
	return h, true
}

// abbreviated finds the one commit or tag whose id begins with prefix.
func (r *repository) abbreviated(ref, prefix string) (plumbing.Hash, error) {
	none := &Error{ref, "no such branch, tag or commit", "fetch it first: fetch-depth: 0 in the checkout step, or git fetch origin " + printable(prefix), errNoRef}
	whole, err := hex.DecodeString(prefix[:len(prefix)&^1])
	if err != nil || len(prefix) < minPrefix {
		return plumbing.ZeroHash, none
	}
	hashes, err := r.store.HashesWithPrefix(whole)
	if err != nil {
		return plumbing.ZeroHash, &Error{ref, "objects cannot be read: " + err.Error(), "", err}
	}
	var found plumbing.Hash
	for _, h := range hashes {
		if !strings.HasPrefix(h.String(), strings.ToLower(prefix)) || h == found {
			continue
		}
		if o, err := r.store.EncodedObject(plumbing.AnyObject, h); err != nil || o.Type() != plumbing.CommitObject && o.Type() != plumbing.TagObject {
			continue
		}
		if !found.IsZero() {
			return plumbing.ZeroHash, &Error{ref, "several commits begin so", "give more digits", errNoRef}
		}
		found = h
	}
	if found.IsZero() {
		return found, none
	}
	return found, nil
}

// peel follows annotated tags to their commit.
func (r *repository) peel(ref string, h plumbing.Hash) (*object.Commit, error) {
	for range maxTags {
		o, err := r.store.EncodedObject(plumbing.AnyObject, h)
		if err != nil {
			return nil, r.missing(ref, h, err)
		}
		switch o.Type() {
		case plumbing.CommitObject:
			return object.DecodeCommit(r.store, o)
		case plumbing.TagObject:
			tag, err := object.DecodeTag(r.store, o)
			if err != nil {
				return nil, &Error{ref, "tag cannot be read: " + err.Error(), "", err}
			}
			h = tag.Target
		default:
			return nil, &Error{ref, fmt.Sprintf("a %s, not a commit", o.Type()), "", errNoRef}
		}
	}
	return nil, &Error{ref, "a tag of a tag of a tag without end", "", errNoRef}
}

// missing says why an object is not there, as far as can be known.
func (r *repository) missing(ref string, h plumbing.Hash, err error) error {
	e := &Error{Ref: ref, Msg: fmt.Sprintf("object %s is not in this clone", short(h)), Err: err}
	switch {
	case !errors.Is(err, plumbing.ErrObjectNotFound):
		e.Msg, e.Next = fmt.Sprintf("object %s cannot be read: %v", short(h), err), "git fsck tells more"
	case len(r.shallow) > 0:
		e.Msg += ", which is shallow"
		e.Next = "set fetch-depth: 0 in the checkout step, or run git fetch --unshallow"
	case r.partial:
		e.Msg += ", which is partial"
		e.Next = "run git fetch --refetch --filter= origin, or check out without a filter"
	default:
		e.Next = "fetch it first: git fetch origin"
	}
	return e
}

func short(h plumbing.Hash) string { return h.String()[:12] }

// printable keeps of a ref what can stand in a command that a person copies.
func printable(ref string) string {
	if strings.Trim(ref, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._/-") != "" {
		return "THE-REF"
	}
	return ref
}
