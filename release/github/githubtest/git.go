package githubtest

import (
	"bytes"
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"path"
	"slices"
	"strings"
)

// git holds objects by the ids that git gives them.
type git struct {
	refs    map[string]string // tag or branch: commit
	commits map[string]commit
	trees   map[string][]treeEntry
	blobs   map[string][]byte
}

// commit is one with what it says of itself.
type commit struct {
	tree, message, author string
	parents               []string
}

type treeEntry struct {
	name, mode, kind, sha string
}

func newGit() git {
	return git{refs: map[string]string{}, commits: map[string]commit{}, trees: map[string][]treeEntry{}, blobs: map[string][]byte{}}
}

func objectID(kind string, data []byte) string {
	return fmt.Sprintf("%x", sha1.Sum(append(fmt.Appendf(nil, "%s %d\x00", kind, len(data)), data...)))
}

// commit stores files under a ref, and gives the commit's id. It descends from
// what the ref named before.
func (g *git) commit(ref string, files map[string][]byte, links map[string]string) string {
	entries := map[string]treeEntry{}
	for name, data := range files {
		entries[name] = treeEntry{mode: "100644", kind: "blob", sha: g.blob(data)}
	}
	for name, target := range links {
		entries[name] = treeEntry{mode: "120000", kind: "blob", sha: g.blob([]byte(target))}
	}
	c := commit{tree: g.tree(entries), message: ref, author: "someone"}
	if isID(ref) {
		g.commits[ref] = c
		return ref
	}
	if old, ok := g.refs[ref]; ok {
		if g.commits[old].tree == c.tree {
			return old
		}
		c.parents = []string{old}
	}
	g.refs[ref] = g.store(c)
	return g.refs[ref]
}

// store keeps a commit under the id that its content makes.
func (g *git) store(c commit) string {
	text := "tree " + c.tree + "\n"
	for _, p := range c.parents {
		text += "parent " + p + "\n"
	}
	id := objectID("commit", []byte(text+"\n"+c.message+"\n"))
	g.commits[id] = c
	return id
}

func (g *git) blob(data []byte) string {
	id := objectID("blob", data)
	g.blobs[id] = bytes.Clone(data)
	return id
}

// tree stores a folder whose entries are given by their whole paths.
func (g *git) tree(entries map[string]treeEntry) string {
	folders := map[string]map[string]treeEntry{}
	var out []treeEntry
	for name, e := range entries {
		first, rest, deeper := strings.Cut(name, "/")
		if !deeper {
			e.name = name
			out = append(out, e)
			continue
		}
		if folders[first] == nil {
			folders[first] = map[string]treeEntry{}
		}
		folders[first][rest] = e
	}
	for name, below := range folders {
		out = append(out, treeEntry{name, "040000", "tree", g.tree(below)})
	}
	slices.SortFunc(out, func(a, b treeEntry) int { return strings.Compare(a.sortKey(), b.sortKey()) })
	var data bytes.Buffer
	for _, e := range out {
		id, err := hex.DecodeString(e.sha)
		if err != nil {
			panic("githubtest: " + err.Error())
		}
		fmt.Fprintf(&data, "%s %s\x00%s", strings.TrimPrefix(e.mode, "0"), e.name, id)
	}
	id := objectID("tree", data.Bytes())
	g.trees[id] = out
	return id
}

// sortKey is how git orders a tree: a folder as if its name ended in a slash.
func (e treeEntry) sortKey() string {
	if e.kind == "tree" {
		return e.name + "/"
	}
	return e.name
}

// resolve gives the commit or tree id behind what a client may call it.
func (g *git) resolve(ref string) (tree string, ok bool) {
	ref = g.commitID(ref)
	if c, is := g.commits[ref]; is {
		return c.tree, true
	}
	_, is := g.trees[ref]
	return ref, is
}

// commitID gives the commit that a ref names; what is none stays as it is.
func (g *git) commitID(ref string) string {
	if ref == "" || ref == "HEAD" {
		ref = "main"
	}
	if id, named := g.refs[ref]; named {
		return id
	}
	return ref
}

// ancestors gives a commit with all that it descends from.
func (g *git) ancestors(id string) map[string]bool {
	out := map[string]bool{}
	for todo := []string{id}; len(todo) > 0; todo = todo[1:] {
		if !out[todo[0]] {
			out[todo[0]] = true
			todo = append(todo, g.commits[todo[0]].parents...)
		}
	}
	return out
}

// between lists the commits of head that base has not, oldest first, and the
// newest that both have; "" when they have none.
func (g *git) between(base, head string) (ahead []string, mergeBase string) {
	known := g.ancestors(base)
	seen := map[string]bool{}
	for todo := []string{head}; len(todo) > 0; todo = todo[1:] {
		id := todo[0]
		switch {
		case known[id] && mergeBase == "":
			mergeBase = id
		case !known[id] && !seen[id]:
			ahead = append(ahead, id)
			todo = append(todo, g.commits[id].parents...)
		}
		seen[id] = true
	}
	slices.Reverse(ahead)
	return ahead, mergeBase
}

// files gives the files and links of a commit, by path.
func (g *git) files(id string) map[string]treeEntry {
	out := map[string]treeEntry{}
	for _, e := range g.all(g.commits[id].tree, "") {
		if e.kind == "blob" {
			out[e.name] = e
		}
	}
	return out
}

// changed lists the paths that differ between two commits, sorted.
func (g *git) changed(from, to string) []string {
	a, b := g.files(from), g.files(to)
	var out []string
	for name, e := range a {
		if b[name] != e {
			out = append(out, name)
		}
	}
	for name := range b {
		if _, ok := a[name]; !ok {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

// at gives what stands at a path below a tree.
func (g *git) at(tree, name string) (treeEntry, bool) {
	e := treeEntry{kind: "tree", mode: "040000", sha: tree}
	for part := range strings.SplitSeq(name, "/") {
		if part == "" {
			continue
		}
		i := slices.IndexFunc(g.trees[e.sha], func(x treeEntry) bool { return x.name == part })
		if e.kind != "tree" || i < 0 {
			return treeEntry{}, false
		}
		e = g.trees[e.sha][i]
	}
	return e, true
}

// all lists a tree with what is below it, by path.
func (g *git) all(tree, prefix string) []treeEntry {
	var out []treeEntry
	for _, e := range g.trees[tree] {
		sub := e.sha
		e.name = path.Join(prefix, e.name)
		out = append(out, e)
		if e.kind == "tree" {
			out = append(out, g.all(sub, e.name)...)
		}
	}
	return out
}

func isID(s string) bool { return len(s) == 40 && strings.Trim(s, "0123456789abcdef") == "" }
