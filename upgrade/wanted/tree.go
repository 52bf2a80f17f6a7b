package wanted

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/belaystack/belay/lint/compose"
	"github.com/belaystack/belay/lint/image"
	"github.com/belaystack/belay/lint/source"
	"github.com/belaystack/belay/upgrade/docker"
)

// File is one file of a stack.
type File struct {
	Data     []byte
	Mode     fs.FileMode // permissions
	UID, GID int
	Checkout bool // a checkout brings it
}

// Tree is the files of a stack by absolute path, as the containers' labels write
// it: symlinks on the way are not resolved, since docker compose does not either.
type Tree map[string]File

// Paths gives the paths, sorted.
func (t Tree) Paths() []string { return slices.Sorted(maps.Keys(t)) }

// with is t with other bytes for some files, which keep the rest.
func (t Tree) with(data map[string][]byte) Tree {
	out := maps.Clone(t)
	for path, d := range data {
		f := out[path]
		f.Data = d
		out[path] = f
	}
	return out
}

// readFile reads a regular file with what has to be the same when it is written
// again. fs.ErrNotExist when nothing is there.
func readFile(path string) (File, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return File{}, err
	}
	defer f.Close()
	info, err := f.Stat()
	switch {
	case err != nil:
		return File{}, err
	case !info.Mode().IsRegular():
		return File{}, fmt.Errorf("%s: no regular file", path)
	case info.Size() > source.MaxSize:
		return File{}, fmt.Errorf("%s: %d bytes, and at most %d are read", path, info.Size(), source.MaxSize)
	}
	data, err := io.ReadAll(io.LimitReader(f, source.MaxSize))
	out := File{Data: data, Mode: info.Mode().Perm(), UID: -1, GID: -1}
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		out.UID, out.GID = int(st.Uid), int(st.Gid)
	}
	return out, err
}

// readTree reads from disk every file that docker compose reads for p: compose
// files with what they include and extend, and env files. What is missing is left
// to docker compose to complain about.
func readTree(ctx context.Context, p docker.Project) (Tree, error) {
	real, err := filepath.EvalSymlinks(p.Dir)
	if err != nil {
		return nil, refuse(Identity, "project directory of "+p.Name, err.Error(), "", "put it back, or name the folder that the stack runs from")
	}
	there := func(path string) string { // os.Root follows no absolute symlink
		if below(p.Dir, path) {
			return filepath.Join(real, strings.TrimPrefix(path, p.Dir))
		}
		return path
	}
	back := func(path string) string {
		if below(real, path) {
			return filepath.Join(p.Dir, strings.TrimPrefix(path, real))
		}
		return path
	}
	root, err := source.OpenRoot("/")
	if err != nil {
		return nil, err
	}
	defer root.Close()
	q := p
	q.Dir = real
	q.Files, q.EnvFiles = mapped(p.Files, there), mapped(p.EnvFiles, there)
	stack, err := load(ctx, root, q)
	if err != nil {
		return nil, err
	}
	t := Tree{}
	for _, path := range slices.Concat(p.Files, p.EnvFiles, mapped(sources(stack), back)) {
		if _, ok := t[path]; ok {
			continue
		}
		f, err := readFile(path)
		if errors.Is(err, fs.ErrNotExist) && !slices.Contains(p.Files, path) && !slices.Contains(p.EnvFiles, path) {
			continue
		}
		if err != nil {
			return nil, refuse(Identity, "a file that the stack was started with cannot be read", err.Error(), "", "put it back, or start the stack again with the files that are there")
		}
		t[path] = f
	}
	return t, ctx.Err()
}

func mapped(paths []string, f func(string) string) []string {
	var out []string
	for _, p := range paths {
		out = append(out, f(p))
	}
	return out
}

func below(dir, path string) bool {
	return path == dir || strings.HasPrefix(path, strings.TrimSuffix(dir, "/")+"/")
}

// load reads p from root, with positions. Its files are absolute on the host, and
// relative to root.
func load(ctx context.Context, root *source.Root, p docker.Project) (*compose.Stack, error) {
	rel := func(path string) string { return strings.TrimPrefix(path, "/") }
	o := compose.Options{Root: root, Dir: rel(p.Dir), Files: mapped(p.Files, rel), EnvFiles: mapped(p.EnvFiles, rel), Profiles: p.Profiles}
	if len(o.EnvFiles) == 0 {
		o.EnvText = source.New(".env", nil) // compose.Load would look for one
	}
	return compose.Load(ctx, o)
}

// sources are the files that were read for a stack, and those of its services'
// `env_file:` and `label_file:`, absolute.
func sources(s *compose.Stack) []string {
	var out []string
	for _, f := range s.Files {
		out = append(out, "/"+f.Path)
	}
	for _, svc := range s.Services {
		for _, f := range svc.EnvFiles() {
			out = append(out, "/"+strings.TrimPrefix(f.Path, "/"))
		}
		for _, path := range svc.Config.LabelFiles {
			if filepath.IsAbs(path) {
				out = append(out, path)
			}
		}
	}
	return out
}

// same reports whether two files differ in nothing but their record blocks.
func same(a, b []byte) bool {
	return bytes.Equal(a, b) || bytes.Equal(image.StripRecord(a), image.StripRecord(b))
}
