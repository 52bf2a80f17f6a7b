package config

import (
	"errors"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/belaystack/belay/lint/source"
)

// check reports what a schema cannot say, and makes the paths of c relative
// to the root.
func (d *document) check(c *Config) {
	first := map[string]source.Pos{}
	for i := range c.Stacks {
		d.checkStack(&c.Stacks[i], strconv.Itoa(i), first)
	}
	d.checkDeploy(c.Stacks)
	groups := map[string]bool{}
	for i, g := range c.Policy.Groups {
		at := []string{"policy", "groups", strconv.Itoa(i)}
		if groups[g.Name] {
			_, n := find(d.node, append(at, "name"))
			d.fail(n, "keep one", "group %s is defined twice", quote(g.Name))
		}
		groups[g.Name] = true
		d.checkPatterns(g.Images, append(at, "images"))
	}
	for i, img := range c.Policy.Images {
		d.checkPatterns(img.Match, []string{"policy", "images", strconv.Itoa(i), "match"})
	}
	if c.Before.Findings != "" {
		_, n := find(d.node, []string{"baseline", "findings"}) // the text itself where there are no keys
		c.Baseline = d.inside(n, ".", c.Before.Findings)
	}
	d.checkRuns(&c.RunKeys, c.Before.Commands)
	for i := range c.Upstreams {
		d.checkUpstream(&c.Upstreams[i], strconv.Itoa(i))
	}
	d.checkGates(c.Gates)
}

func (d *document) checkStack(s *Stack, i string, first map[string]source.Pos) {
	node := func(path ...string) *yaml.Node {
		_, n := find(d.node, append([]string{"stacks", i}, path...))
		return n
	}
	name := node("name")
	s.At = d.pos(name.Line, name.Column)
	if was, ok := first[s.Name]; ok {
		d.fail(name, "give it another name", "stack %s is defined twice: first on line %d", quote(s.Name), was.Line)
	} else {
		first[s.Name] = s.At
	}
	if s.Dir == "" {
		s.Dir = "."
	}
	before := len(d.errs)
	s.Dir = d.inside(node("path"), ".", s.Dir)
	if len(d.errs) == before {
		d.exists(node("path"), s.Dir, true)
	}
	for j, f := range s.Files {
		n := d.text(j, "stacks", i, "files")
		before := len(d.errs)
		s.Files[j] = d.inside(n, s.Dir, f)
		if len(d.errs) == before {
			d.exists(n, s.Files[j], false)
		}
	}
	for j, f := range s.EnvFiles {
		s.EnvFiles[j] = d.inside(d.text(j, "stacks", i, "env-file"), s.Dir, f)
	}
	d.checkRuns(&s.RunKeys, s.Before.Commands, "stacks", i)
	for j, g := range s.Examples {
		n := d.text(j, "stacks", i, "examples")
		s.Examples[j] = d.inside(n, s.Dir, g)
		if _, err := path.Match(g, ""); err != nil {
			d.fail(n, "", "%s is not a pattern", quote(g))
		}
	}
}

// checkDeploy looks at the folders of the host that stacks run from: what is tracked of a
// stack is written there, and what is tracked no more is removed.
func (d *document) checkDeploy(stacks []Stack) {
	first := map[string]int{}
	for i := range stacks {
		name := stacks[i].Deploy
		if name == "" {
			continue
		}
		at := []string{"stacks", strconv.Itoa(i), "deploy"}
		_, n := find(d.node, at)
		clean := path.Clean(name)
		line, twice := first[stacks[i].Host+" "+clean]
		switch {
		case !path.IsAbs(name):
			d.fail(n, "write where it is on the host", "%s: %s is not an absolute path", where(at), quote(name))
		case slices.Contains(strings.Split(name, "/"), ".."):
			d.fail(n, "write the path without ..", "%s: %s leads out of a folder that it names", where(at), quote(name))
		case clean == "/":
			d.fail(n, "name a folder below it", "%s: the root of the host", where(at))
		case slices.Contains(strings.Split(clean, "/"), "_work"):
			d.fail(n, "name a folder outside of it, and move the stack there with its data", "%s: %s is in the working folder of a runner, where a checkout removes what git does not track", where(at), quote(name))
		case twice:
			d.fail(n, "give each stack of a host a folder of its own", "%s: %s is that of another stack: first on line %d", where(at), quote(clean), line)
		default:
			first[stacks[i].Host+" "+clean] = n.Line
		}
		stacks[i].Deploy = clean
	}
}

// inside gives name, written relative to dir, relative to the root, and
// reports one that is absolute or leads out of the root.
func (d *document) inside(n *yaml.Node, dir, name string) string {
	if path.IsAbs(name) {
		d.fail(n, "write it relative to the repository", "%s: an absolute path", quote(name))
		return name
	}
	rel, err := d.root.Rel(path.Join(dir, name))
	if err != nil {
		d.fail(n, "", "%s: %v", quote(name), source.ErrOutside)
	}
	return rel
}

// exists reports that there is no folder, or no regular file, of that name.
// An env file may be missing, as it is in most repositories.
func (d *document) exists(n *yaml.Node, name string, dir bool) {
	info, err := fs.Stat(d.root.FS(), name)
	switch {
	case errors.Is(err, fs.ErrNotExist) && dir:
		d.fail(n, "", "%s: no such folder", quote(name))
	case errors.Is(err, fs.ErrNotExist):
		d.fail(n, "", "%s: no such file", quote(name))
	case err != nil:
		d.fail(n, "", "%s: cannot be read, or a symlink leads %v", quote(name), source.ErrOutside)
	case dir && !info.IsDir():
		d.fail(n, "name the folder; compose files go under files:", "%s: a file, not a folder", quote(name))
	case !dir && !info.Mode().IsRegular():
		d.fail(n, "", "%s: not a regular file", quote(name))
	}
}

// checkPatterns reports patterns with a tag or digest: they would match nothing.
func (d *document) checkPatterns(patterns Texts, at []string) {
	for i, p := range patterns {
		n := d.text(i, at...)
		last := p[strings.LastIndexByte(p, '/')+1:]
		if strings.ContainsAny(last, ":@") || strings.Contains(p, "@") {
			d.fail(n, "leave out what follows the name", "%s: a pattern names images without tag or digest", quote(p))
		}
		if strings.ContainsAny(p, " \t\n") {
			d.fail(n, "", "%s: a space in an image name", quote(p))
		}
	}
}

// text gives the ith node of a Texts at a path.
func (d *document) text(i int, at ...string) *yaml.Node {
	_, n := find(d.node, at)
	if n.Kind == yaml.SequenceNode {
		_, n = child(n, strconv.Itoa(i))
	}
	return n
}
