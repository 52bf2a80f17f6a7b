package wanted

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/consts"
	"github.com/compose-spec/compose-go/v2/loader"

	"github.com/belaystack/belay/lint/compose"
	"github.com/belaystack/belay/lint/dotenv"
	"github.com/belaystack/belay/lint/source"
	"github.com/belaystack/belay/upgrade/docker"
)

// Where says which stack is meant. What is empty is as docker compose finds it in
// Dir.
type Where struct {
	Dir      string   // the folder that docker compose is run in
	Files    []string // compose files, in order; relative to Dir or absolute
	EnvFiles []string // likewise, of --env-file
	Project  string   // the name, of -p
	Profiles []string // of --profile
}

// Deployed is the stack that runs.
type Deployed struct {
	Project    docker.Project     // as the containers' labels have it
	Containers []docker.Container // sorted by service; one-off ones are left out
}

// Lister lists containers by project.
type Lister interface {
	Projects(ctx context.Context) ([]string, error)
	Containers(ctx context.Context, project string) ([]docker.Container, error)
}

// Find finds the stack that runs from where. Its containers must agree with one
// another and with the files there: a *Refused of kind Identity says in what they
// do not. Paths that name one file by way of symlinks agree; Project has them as
// the labels do, because docker compose writes them into its hashes.
func Find(ctx context.Context, l Lister, w Where) (*Deployed, error) {
	dir, err := filepath.Abs(w.Dir)
	if err != nil {
		return nil, err
	}
	w.Dir = dir
	if _, err := os.Stat(dir); err != nil {
		return nil, refuse(Identity, "folder of the stack", err.Error(), "", "name the folder that the stack runs from")
	}
	here, elsewhere, err := w.search(ctx, l)
	if err != nil {
		return nil, err
	}
	if len(here) > 1 {
		return nil, refuse(Identity, "several projects run from "+dir, strings.Join(names(here), ", "), "one", "say with --project which one is meant")
	}
	said, err := w.said()
	if err != nil {
		return nil, err
	}
	if len(here) == 0 {
		return nil, w.nothing(said, elsewhere)
	}
	all := here[0]
	p, err := agree(all)
	if err != nil {
		return nil, err
	}
	p.Profiles = w.Profiles
	if err := w.compare(p, said); err != nil {
		return nil, err
	}
	for _, path := range slices.Concat(p.Files, p.EnvFiles) {
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
			return nil, refuse(Identity, "a file that "+p.Name+" was started with is gone", path, "", "put it back, or start the stack again with the files that are there: docker compose up -d")
		}
	}
	return &Deployed{Project: p, Containers: all}, nil
}

// search gives the containers of each project that runs from the folder, and those
// of the named project that run from elsewhere.
func (w Where) search(ctx context.Context, l Lister) (here [][]docker.Container, elsewhere []docker.Container, err error) {
	projects := []string{w.Project}
	if w.Project == "" {
		if projects, err = l.Projects(ctx); err != nil {
			return nil, nil, err
		}
	}
	for _, name := range projects {
		all, err := l.Containers(ctx, name)
		if err != nil {
			return nil, nil, err
		}
		all = slices.DeleteFunc(all, func(c docker.Container) bool { return c.Oneoff })
		switch {
		case slices.ContainsFunc(all, func(c docker.Container) bool { return samePath(c.WorkingDir, w.Dir) }):
			here = append(here, all)
		default:
			elsewhere = append(elsewhere, all...)
		}
	}
	return here, elsewhere, nil
}

func names(projects [][]docker.Container) []string {
	var out []string
	for _, all := range projects {
		out = append(out, all[0].Project)
	}
	return out
}

// nothing says that no container of the stack is there.
func (w Where) nothing(said docker.Project, elsewhere []docker.Container) error {
	for _, c := range elsewhere {
		if c.Project == said.Name {
			return refuse(Identity, "project "+said.Name+" runs from another folder", c.WorkingDir, w.Dir,
				"go on in "+c.WorkingDir+", or give the stack here another name")
		}
	}
	return refuse(Identity, "nothing runs from "+w.Dir, "no container of project "+said.Name, "",
		"start the stack with docker compose up -d first")
}

// said is the project as the files and the options here have it.
func (w Where) said() (docker.Project, error) {
	p := docker.Project{Name: w.Project, Dir: w.Dir, EnvFiles: w.paths(w.EnvFiles), Files: w.paths(w.Files), Profiles: w.Profiles}
	env, err := values(effective(p).EnvFiles)
	if err != nil {
		return p, err
	}
	if len(p.Files) == 0 {
		p.Files = discover(w.Dir, env, exists)
	}
	if len(p.Files) == 0 {
		return p, refuse(Identity, "no compose file in "+w.Dir, "", "", "name the folder of the stack, or its files with --file")
	}
	if p.Name == "" {
		p.Name = nameOf(p, env)
	}
	return p, nil
}

func (w Where) paths(in []string) []string {
	return mapped(in, func(p string) string {
		if filepath.IsAbs(p) {
			return filepath.Clean(p)
		}
		return filepath.Join(w.Dir, p)
	})
}

func exists(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

// effective is p with the .env that docker compose takes when none is named.
func effective(p docker.Project) docker.Project {
	if dot := filepath.Join(p.Dir, ".env"); len(p.EnvFiles) == 0 && exists(dot) {
		p.EnvFiles = []string{dot}
	}
	return p
}

// values reads what env files set, the last one counting.
func values(paths []string) (map[string]string, error) {
	out := map[string]string{}
	for _, path := range paths {
		f, err := readFile(path)
		if err != nil {
			return nil, refuse(Identity, "an env file cannot be read", err.Error(), "", "put it back, or correct the path")
		}
		env, err := dotenv.Parse(source.New(path, f.Data), func(name string) (string, bool) { v, ok := out[name]; return v, ok })
		if err != nil {
			return nil, refuse(Files, "env file", err.Error(), "", "correct the line") // says nothing of a value
		}
		for _, key := range env.Keys() {
			if e, ok := env.Lookup(key); ok && !e.Unset {
				out[key] = e.Value.Reveal()
			}
		}
	}
	return out, nil
}

// discover gives the compose files that docker compose takes in dir when none is
// named: those of COMPOSE_FILE, else by its names.
func discover(dir string, env map[string]string, exists func(string) bool) []string {
	var out []string
	if list := env[consts.ComposeFilePath]; list != "" {
		sep := env[consts.ComposePathSeparator]
		if sep == "" {
			sep = string(os.PathListSeparator)
		}
		for name := range strings.SplitSeq(list, sep) {
			switch {
			case name == "":
			case filepath.IsAbs(name):
				out = append(out, filepath.Clean(name))
			default:
				out = append(out, filepath.Join(dir, name))
			}
		}
		return out
	}
	for _, names := range [][]string{compose.MainNames(), compose.OverrideNames()} {
		i := slices.IndexFunc(names, func(name string) bool { return exists(filepath.Join(dir, name)) })
		if i >= 0 {
			out = append(out, filepath.Join(dir, names[i]))
		}
		if len(out) == 0 {
			return nil
		}
	}
	return out
}

// nameOf is the name that docker compose gives the project.
func nameOf(p docker.Project, env map[string]string) string {
	if name := env[consts.ComposeProjectName]; name != "" {
		return name
	}
	if root, err := source.OpenRoot("/"); err == nil {
		defer root.Close()
		q := effective(p)
		q.Dir = resolvePath(p.Dir)
		q.Files, q.EnvFiles = mapped(q.Files, resolvePath), mapped(q.EnvFiles, resolvePath)
		if s, err := load(context.Background(), root, q); err == nil && s.Project.Reveal() != "" {
			return s.Project.Reveal()
		}
	}
	return loader.NormalizeProjectName(filepath.Base(p.Dir))
}
