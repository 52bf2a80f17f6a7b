package wanted

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/belaystack/belay/lint/compose"
	"github.com/belaystack/belay/lint/source"
	"github.com/belaystack/belay/upgrade/docker"
)

// Engine is what this package asks of docker.
type Engine interface {
	Compose(p docker.Project, args ...string) docker.Command
	Do(ctx context.Context, cmd docker.Command) ([]byte, error)
	Image(ctx context.Context, ref string) (docker.Image, bool, error)
}

// view is a stack as docker compose resolves its files.
type view struct {
	tree  Tree
	model model
	hash  map[string]string // by service, as `up` would write it into the label
	stack *compose.Stack    // of the same files, with positions
	unset []string          // variables that docker compose warned of
}

// resolve has docker compose read a tree as project p. Files that it names for the
// first time, and that lie on the host, become part of the tree.
func resolve(ctx context.Context, e Engine, scratch string, p docker.Project, t Tree) (*view, error) {
	dir, err := os.MkdirTemp(scratch, "belay-mirror-") // 0700
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	if dir, err = filepath.EvalSymlinks(dir); err != nil {
		return nil, err
	}
	m := &mirror{engine: e, dir: dir, project: p}
	v := &view{tree: t.with(nil)}
	if err := m.write(v.tree); err != nil {
		return nil, err
	}
	if v.stack, err = m.load(ctx, v.tree); err != nil {
		return nil, err
	}
	resolved, err := m.config(ctx, v)
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(resolved, &v.model); err != nil {
		return nil, errors.New("docker compose config: an answer that cannot be read")
	}
	for _, name := range sorted(v.model.Services) {
		if v.stack.Service(name) == nil { // it would look as if it were gone
			return nil, m.problems(v.stack)
		}
	}
	v.hash, err = m.hashes(ctx, resolved)
	return v, err
}

type mirror struct {
	engine  Engine
	dir     string
	project docker.Project
}

func (m *mirror) write(t Tree) error {
	for path, f := range t {
		name := filepath.Join(m.dir, path)
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			return err
		}
		if err := os.WriteFile(name, f.Data, 0o600); err != nil {
			return err
		}
	}
	return os.MkdirAll(filepath.Join(m.dir, m.project.Dir), 0o700)
}

// load reads the mirror with positions, and adds files on the host that only
// these files name.
func (m *mirror) load(ctx context.Context, t Tree) (*compose.Stack, error) {
	root, err := source.OpenRoot(m.dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	p := m.project
	stack, err := load(ctx, root, p)
	if err != nil {
		return nil, err
	}
	more := Tree{}
	for _, path := range sources(stack) {
		if _, ok := t[path]; ok {
			continue
		}
		if f, err := readFile(path); err == nil {
			more[path], t[path] = f, f
		}
	}
	if len(more) == 0 {
		return stack, nil
	}
	if err := m.write(more); err != nil {
		return nil, err
	}
	return load(ctx, root, p)
}

// config gives the resolved files as JSON, with the host's own paths. Where docker
// compose refuses them the error says what Belay knows of it: docker compose itself
// may quote values.
func (m *mirror) config(ctx context.Context, v *view) ([]byte, error) {
	inside := func(path string) string { return filepath.Join(m.dir, path) }
	p := m.project
	p.Dir, p.Files, p.EnvFiles = inside(p.Dir), mapped(p.Files, inside), mapped(p.EnvFiles, inside)
	if len(p.EnvFiles) == 0 {
		p.EnvFiles = []string{os.DevNull} // not the one of whatever folder this runs in
	}
	cmd := m.engine.Compose(p, "config", "--format", "json")
	cmd.Watch = func(line string) {
		if name, ok := unsetVariable(line); ok && !slices.Contains(v.unset, name) {
			v.unset = append(v.unset, name)
		}
	}
	out, err := m.engine.Do(ctx, cmd)
	var failed *docker.Error
	switch {
	case err == nil:
		slices.Sort(v.unset)
		return bytes.ReplaceAll(out, []byte(m.dir), nil), nil
	case ctx.Err() != nil || !errors.As(err, &failed) || errors.Is(err, docker.ErrEngine):
		return nil, err
	}
	return nil, m.problems(v.stack)
}

// problems says why docker compose refuses the files.
func (m *mirror) problems(s *compose.Stack) error {
	var all []*Refused
	for _, p := range s.Problems {
		all = append(all, refuse(Files, strings.ReplaceAll(p.Msg, m.dir, ""), "", "", cmp.Or(p.Hint, "correct the file there")).at(p.Span.Pos))
	}
	for _, v := range s.Vars {
		if v.Error != "" && !slices.ContainsFunc(all, func(r *Refused) bool { return r.Kind == Variable }) {
			all = append(all, refuse(Variable, v.Name+" is required and not set", "", "", "set it in the env file").at(v.Span.Pos))
		}
	}
	if len(all) == 0 {
		all = append(all, refuse(Files, "the files of "+m.project.Name+" cannot be read as docker compose reads them", "", "",
			fmt.Sprintf("cd %s && docker compose config says what it makes of them", m.project.Dir)))
	}
	return join(all)
}

// unsetVariable reads compose's warning: `The "TAG" variable is not set. …`, in
// logfmt with the quotes escaped.
func unsetVariable(line string) (string, bool) {
	_, rest, ok := strings.Cut(line, "The ")
	name, _, found := strings.Cut(rest, " variable is not set")
	return strings.Trim(name, `\"`), ok && found
}

// hashes gives by service what `up` would write into the label config-hash.
func (m *mirror) hashes(ctx context.Context, resolved []byte) (map[string]string, error) {
	p := docker.Project{Name: m.project.Name, Dir: m.project.Dir, Files: []string{"-"}, EnvFiles: []string{os.DevNull}, Profiles: []string{"*"}}
	cmd := m.engine.Compose(p, "config", "--hash", "*")
	cmd.Stdin = bytes.NewReader(resolved)
	out, err := m.engine.Do(ctx, cmd)
	if err != nil {
		var failed *docker.Error
		if errors.As(err, &failed) && !errors.Is(err, docker.ErrEngine) && ctx.Err() == nil {
			return nil, errors.New("docker compose config --hash: it does not read what docker compose config wrote")
		}
		return nil, err
	}
	all := map[string]string{}
	for line := range strings.Lines(string(out)) {
		if name, hash, ok := strings.Cut(strings.TrimSpace(line), " "); ok {
			all[name] = hash
		}
	}
	return all, nil
}
