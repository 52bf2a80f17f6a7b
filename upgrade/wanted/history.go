package wanted

import (
	"context"
	"errors"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"
)

// walk visits the commits that lead to HEAD, HEAD first, until visit says that it
// is enough. cut reports whether history ends early because the clone is shallow.
func (c *checkout) walk(ctx context.Context, visit func(*object.Commit) (enough bool, err error)) (cut bool, err error) {
	ends, err := c.repo.Storer.Shallow()
	if err != nil {
		return false, err
	}
	shallow := map[plumbing.Hash]bool{}
	for _, h := range ends {
		shallow[h] = true
	}
	seen := map[plumbing.Hash]bool{c.head.Hash: true}
	for queue := []*object.Commit{c.head}; len(queue) > 0; queue = queue[1:] {
		if err := ctx.Err(); err != nil {
			return cut, err
		}
		enough, err := visit(queue[0])
		if enough || err != nil {
			return false, err
		}
		for _, h := range queue[0].ParentHashes {
			if seen[h] {
				continue
			}
			seen[h] = true
			p, err := c.repo.CommitObject(h)
			switch {
			case err == nil:
				queue = append(queue, p)
			case errors.Is(err, plumbing.ErrObjectNotFound) && shallow[queue[0].Hash]:
				cut = true
			default:
				return cut, err
			}
		}
	}
	return cut, nil
}

const unshallow = "set fetch-depth: 0 in the checkout step, or run git fetch --unshallow"

// descends refuses a checkout that does not come after the deployed commit.
func (c *checkout) descends(ctx context.Context, deployed string) error {
	found := false
	cut, err := c.walk(ctx, func(at *object.Commit) (bool, error) {
		found = at.Hash.String() == deployed
		return found, nil
	})
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case found:
		return nil
	case err != nil:
		return refuse(Ancestry, "the history of the checkout cannot be read", err.Error(), "", unshallow)
	case cut:
		return refuse(Ancestry, "whether the checkout comes after what is deployed cannot be told: the clone is shallow",
			"history of "+c.head.Hash.String()[:12]+" without "+short(deployed), "the deployed commit in its history", unshallow)
	}
	return refuse(Ancestry, "the checkout does not come after what is deployed", c.head.Hash.String()[:12], "a successor of "+short(deployed),
		"check a later commit out; the way back is belay rollback")
}

func short(commit string) string { return commit[:min(12, len(commit))] }

// unknown gives those files of the host that no commit up to HEAD has had: paths in
// the folder, and bytes. Record blocks do not count. cut is as in walk.
func (c *checkout) unknown(ctx context.Context, files map[string][]byte) (left map[string][]byte, cut bool, err error) {
	left = map[string][]byte{}
	for name, data := range files {
		left[name] = data
	}
	trees := map[plumbing.Hash]bool{}
	blobs := map[string]map[plumbing.Hash]bool{}
	cut, err = c.walk(ctx, func(at *object.Commit) (bool, error) {
		tree, err := c.folder(at)
		if errors.Is(err, object.ErrDirectoryNotFound) || err == nil && trees[tree.Hash] {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		trees[tree.Hash] = true
		for name, data := range left {
			entry, err := tree.FindEntry(name)
			if err != nil || blobs[name][entry.Hash] {
				continue
			}
			if blobs[name] == nil {
				blobs[name] = map[plumbing.Hash]bool{}
			}
			blobs[name][entry.Hash] = true
			if plumbing.ComputeHash(plumbing.BlobObject, data) == entry.Hash {
				delete(left, name)
				continue
			}
			if b, err := c.blob(entry.Hash, maxBytes); err == nil && same(b.data, data) {
				delete(left, name)
			}
		}
		return len(left) == 0, nil
	})
	return left, cut, err
}
