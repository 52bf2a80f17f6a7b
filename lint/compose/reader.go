package compose

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/belaystack/belay/lint/dotenv"
	"github.com/belaystack/belay/lint/source"
)

// Bounds on what one stack may pull in, so that a hostile one ends early.
const (
	maxFiles    = 500
	maxDepth    = 50
	maxIncludes = 2_000
	maxExtends  = 50_000
)

// layer is one place where the keys of a service are written.
type layer struct {
	file  *File
	scope *scope
	dir   string // what its `extends: file:` is relative to
	key   *yaml.Node
	node  *yaml.Node
	via   []Via
}

// reader collects the files of one stack.
type reader struct {
	root     *source.Root
	files    map[string]*File
	order    []*File
	scopes   map[*File]*scope
	problems []Problem
	main     *scope // the stack's own
	refused  bool   // a file that compose-go would read was missing, broken or refused
	stopped  bool   // one of the bounds was reached
	included int    // files walked, each as often as it is included
	extends  int    // steps from a service to the one that it extends, and what they carry
}

func (r *reader) problem(at source.Span, hint, format string, args ...any) {
	r.problems = append(r.problems, Problem{at, fmt.Sprintf(format, args...), hint})
}

// tooMuch ends what would take for ever, and says so once.
func (r *reader) tooMuch(at source.Span, format string, args ...any) {
	if !r.stopped {
		r.problem(at, "write it out in fewer steps", format, args...)
	}
	r.stopped, r.refused = true, true
}

// report turns err into a problem: at its own place where it names one below
// the file that was asked for, else at the reference.
func (r *reader) report(err error, at source.Span) {
	var e *source.Error
	if !errors.As(err, &e) {
		r.problem(at, "", "%v", err)
		return
	}
	if at.IsZero() || !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, source.ErrOutside) {
		r.problem(source.Span{Pos: e.Pos}, e.Next, "%s", e.Msg)
		return
	}
	name := e.Pos.File
	if r.main != nil {
		name = r.scrub(name, r.main) // a file that a variable names
	}
	r.problem(at, e.Next, "%s: %s", name, e.Msg)
}

// open reads and parses the compose file name, once.
func (r *reader) open(name string, sc *scope, at source.Span) *File {
	if rel, err := r.root.Rel(name); err == nil {
		name = rel
	}
	if f, ok := r.files[name]; ok {
		return f
	}
	r.files[name] = nil
	if len(r.files) > maxFiles {
		r.tooMuch(at, "the stack has more than %d files", maxFiles)
		return nil
	}
	src, err := r.root.Read(name)
	if err != nil {
		r.refused = true
		r.report(err, at)
		return nil
	}
	f, err := parse(src)
	if err != nil {
		r.refused = true
		r.report(err, source.Span{})
		return nil
	}
	r.files[name] = f
	r.order = append(r.order, f)
	r.scopes[f] = sc
	return f
}

// services gives the layers of every service that file defines, itself or by
// include, highest priority first.
func (r *reader) services(f *File, sc *scope, dir string, depth int) map[string][]layer {
	if r.included++; r.included > maxIncludes {
		r.tooMuch(f.Start(), "more than %d files are included", maxIncludes)
	}
	if r.stopped || depth > maxDepth {
		return nil // of a circle compose-go says more
	}
	out := r.plain(f, sc, dir)
	included := map[string][]layer{}
	for _, doc := range f.docs {
		r.includes(f, doc, sc, depth, included)
	}
	for name, layers := range included {
		out[name] = append(out[name], layers...)
	}
	for name, layers := range out {
		out[name] = r.extended(layers, out, 0)
	}
	return out
}

// includes adds the services of the files that doc includes.
func (r *reader) includes(f *File, doc *yaml.Node, sc *scope, depth int, out map[string][]layer) {
	inc, ok := f.get(doc, "include")
	if !ok {
		return
	}
	for _, item := range list(inc.value) {
		item, _ = f.follow(item)
		paths, projectDir, envFiles := []*yaml.Node{item}, "", []*yaml.Node(nil)
		if item.Kind == yaml.MappingNode {
			p, _ := f.get(item, "path")
			paths = list(p.value)
			if d, ok := f.get(item, "project_directory"); ok {
				projectDir = sc.text(d.value)
			}
			e, _ := f.get(item, "env_file")
			envFiles = list(e.value)
		}
		if len(paths) == 0 {
			continue
		}
		dir := path.Join(sc.dir, projectDir)
		if projectDir == "" {
			dir = path.Dir(join(sc.dir, sc.text(paths[0])))
		}
		inner := sc.with(dir, r.includeEnv(f, sc, dir, envFiles))
		for i := len(paths) - 1; i >= 0; i-- {
			sub := r.openRef(f, paths[i], sc.dir, inner)
			if sub == nil || sub == f {
				continue
			}
			for name, layers := range r.services(sub, inner, dir, depth+1) {
				out[name] = append(out[name], layers...)
			}
		}
	}
}

// includeEnv reads the env files of an include: those named, else its folder's .env.
func (r *reader) includeEnv(f *File, sc *scope, dir string, nodes []*yaml.Node) []*dotenv.File {
	var out []*dotenv.File
	add := func(name string, at source.Span) {
		src, err := r.root.Read(name)
		if err == nil {
			var env *dotenv.File
			if env, err = dotenv.Parse(src, sc.lookup); err == nil {
				out = append(out, env)
				return
			}
		}
		r.refused = true
		r.report(err, at)
	}
	for _, n := range nodes {
		if name := sc.text(n); name != "/dev/null" {
			add(join(sc.dir, name), f.span(n))
		}
	}
	if name := path.Join(dir, ".env"); len(nodes) == 0 && r.root.Present(name) {
		add(name, f.Start())
	}
	return out
}

// openRef opens the compose file that n names, relative to dir.
func (r *reader) openRef(f *File, n *yaml.Node, dir string, sc *scope) *File {
	name := sc.text(n)
	if strings.Contains(name, "://") || strings.HasPrefix(name, "git@") || strings.HasPrefix(name, "oci:") {
		r.refused = true
		r.problem(f.span(n), "keep a copy in the repository", "a remote file: nothing is fetched")
		return nil
	}
	return r.open(join(dir, name), sc, f.span(n))
}

// extended adds behind each layer those of the service it extends.
func (r *reader) extended(layers []layer, same map[string][]layer, depth int) []layer {
	var out []layer
	for _, l := range layers {
		out = append(out, l)
		ext, ok := l.file.get(l.node, "extends")
		if !ok {
			continue
		}
		if r.extends++; r.extends > maxExtends {
			r.tooMuch(l.file.span(ext.key), "more than %d services are extended", maxExtends)
		}
		if r.stopped || depth > maxDepth {
			continue // of a circle compose-go says more
		}
		ref, file := ext.value, entry{}
		if ext.value.Kind == yaml.MappingNode {
			s, _ := l.file.get(ext.value, "service")
			file, _ = l.file.get(ext.value, "file")
			ref = s.value
		}
		if ref == nil {
			continue
		}
		name := l.scope.text(ref)
		via := append(append([]Via{}, l.via...), Via{ViaExtends, name, l.file.span(ref)})
		from := same
		if file.value != nil {
			f := r.openRef(l.file, file.value, l.dir, l.scope)
			if f == nil {
				continue
			}
			from = r.plain(f, l.scope, path.Dir(f.Path))
		}
		for _, b := range r.extended(originals(from[name]), from, depth+1) {
			if r.extends++; r.extends > maxExtends {
				break
			}
			b.via = append(append([]Via{}, via...), b.via...)
			out = append(out, b)
		}
	}
	return out
}

// plain gives the services that f itself defines, the last document first.
func (r *reader) plain(f *File, sc *scope, dir string) map[string][]layer {
	out := map[string][]layer{}
	for i := len(f.docs) - 1; i >= 0; i-- {
		e, _ := f.get(f.docs[i], "services")
		for _, key := range f.keys(e.value) {
			if svc, ok := f.get(e.value, key.Value); ok {
				out[key.Value] = append(out[key.Value], layer{f, sc, dir, key, svc.value, svc.via})
			}
		}
	}
	return out
}

// originals leaves out what an earlier pass added for `extends`.
func originals(layers []layer) []layer {
	var out []layer
	for _, l := range layers {
		if len(l.via) == 0 || l.via[0].Kind != ViaExtends {
			out = append(out, l)
		}
	}
	return out
}
