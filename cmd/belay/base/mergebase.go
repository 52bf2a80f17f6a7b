package base

import (
	"container/heap"
	"context"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"
)

// mark says from where a commit was reached.
type mark uint8

const (
	fromRef mark = 1 << iota
	fromHead
	stale // below a commit that both reach
)

// walk visits the history of two commits, newest first.
type walk struct {
	marks  map[plumbing.Hash]mark
	queue  commits
	queued map[plumbing.Hash]bool
	live   int // commits in the queue that are not stale
}

// mergeBase gives the best common ancestor of c and head; where history has
// crossed and there are several, the newest. As in git, both sides are painted
// downwards until everything left is below a commit that both reach.
func (r *repository) mergeBase(ctx context.Context, ref string, c, head *object.Commit) (*object.Commit, error) {
	w := &walk{marks: map[plumbing.Hash]mark{}, queued: map[plumbing.Hash]bool{}}
	w.push(c, fromRef)
	w.push(head, fromHead)
	var common []*object.Commit
	cut := false
	// Once nothing is left that could be common, all of several candidates but
	// one may still be below it: commits of one second, as a rebase makes them,
	// come out of the queue in any order.
	for w.live > 0 || w.queue.Len() > 0 && w.candidates(common) > 1 {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		next := w.pop()
		m := w.marks[next.Hash]
		if m == fromRef|fromHead {
			common = append(common, next)
			m |= stale
		}
		for _, h := range next.ParentHashes {
			if w.marks[h]&m == m {
				continue
			}
			p, err := r.getCommit(h)
			switch {
			case err == nil:
				w.push(p, m)
			case r.shallow[next.Hash]:
				cut = true
			default:
				return nil, r.missing(ref, h, err)
			}
		}
	}
	if best := w.best(common); best != nil {
		return best, nil
	}
	if cut {
		return nil, &Error{ref, "merge base with HEAD: not in this clone, which is shallow",
			"set fetch-depth: 0 in the checkout step, or run git fetch --unshallow", errCut}
	}
	return nil, &Error{ref, "merge base with HEAD: the two have no common history", "", errNoRef}
}

// candidates counts the commits that are not known to be below another.
func (w *walk) candidates(common []*object.Commit) int {
	n := 0
	for _, c := range common {
		if w.marks[c.Hash]&stale == 0 {
			n++
		}
	}
	return n
}

// best gives the newest commit that is not below another.
func (w *walk) best(common []*object.Commit) *object.Commit {
	var best *object.Commit
	for _, c := range common {
		if w.marks[c.Hash]&stale == 0 && (best == nil || newer(c, best)) {
			best = c
		}
	}
	return best
}

// push marks c and queues it, unless it waits there already.
func (w *walk) push(c *object.Commit, m mark) {
	was := w.marks[c.Hash]
	now := was | m
	w.marks[c.Hash] = now
	switch {
	case !w.queued[c.Hash]:
		w.queued[c.Hash] = true
		heap.Push(&w.queue, c)
		if now&stale == 0 {
			w.live++
		}
	case was&stale == 0 && now&stale != 0:
		w.live--
	}
}

func (w *walk) pop() *object.Commit {
	c := heap.Pop(&w.queue).(*object.Commit)
	delete(w.queued, c.Hash)
	if w.marks[c.Hash]&stale == 0 {
		w.live--
	}
	return c
}

func newer(a, b *object.Commit) bool {
	if !a.Committer.When.Equal(b.Committer.When) {
		return a.Committer.When.After(b.Committer.When)
	}
	return a.Hash.String() < b.Hash.String()
}

// commits is a heap.Interface with the newest first.
type commits []*object.Commit

func (q commits) Len() int           { return len(q) }
func (q commits) Less(i, j int) bool { return newer(q[i], q[j]) }
func (q commits) Swap(i, j int)      { q[i], q[j] = q[j], q[i] }

// Push adds a commit; heap.Push calls it.
func (q *commits) Push(x any) { *q = append(*q, x.(*object.Commit)) }

// Pop removes the last commit; heap.Pop calls it.
func (q *commits) Pop() any {
	last := len(*q) - 1
	c := (*q)[last]
	*q = (*q)[:last]
	return c
}
