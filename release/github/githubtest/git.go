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
	commits map[string]string // commit: tree
	trees   map[string][]treeEntry
	blobs   map[string][]byte
}

type treeEntry struct {
	name, mode, kind, sha string
}

func newGit() git {
	return git{refs: map[string]string{}, commits: map[string]string{}, trees: map[string][]treeEntry{}, blobs: map[string][]byte{}}
}

func objectID(kind string, data []byte) string {
	return fmt.Sprintf("%x", sha1.Sum(append(fmt.Appendf(nil, "%s %d\x00", kind, len(data)), data...)))
}

// commit stores files under a ref, and gives the commit's id.
func (g *git) commit(ref string, files map[string][]byte, links map[string]string) string {
	entries := map[string]treeEntry{}
	for name, data := range files {
		entries[name] = treeEntry{mode: "100644", kind: "blob", sha: g.blob(data)}
	}
	for name, target := range links {
		entries[name] = treeEntry{mode: "120000", kind: "blob", sha: g.blob([]byte(target))}
	}
	tree := g.tree(entries)
	id := ref
	if !isID(ref) {
		id = objectID("commit", []byte("tree "+tree+"\n\n"+ref+"\n"))
		g.refs[ref] = id
	}
	g.commits[id] = tree
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
	if ref == "" || ref == "HEAD" {
		ref = "main"
	}
	if id, named := g.refs[ref]; named {
		ref = id
	}
	if t, is := g.commits[ref]; is {
		return t, true
	}
	_, is := g.trees[ref]
	return ref, is
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
