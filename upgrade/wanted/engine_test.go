package wanted

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"

	"github.com/belaystack/belay/release/catalog"
	"github.com/belaystack/belay/upgrade/docker"
)

// engine stands for docker: compose-go answers for docker compose, and containers
// are as up left them. It fails on any other question.
type engine struct {
	containers map[string][]docker.Container // by project
	images     map[string]docker.Image
	volumes    []string // that are there
}

func newEngine() *engine {
	return &engine{containers: map[string][]docker.Container{}, images: map[string]docker.Image{}}
}

func (e *engine) Compose(p docker.Project, args ...string) docker.Command {
	return (&docker.Client{}).Compose(p, args...)
}

func (e *engine) Projects(context.Context) ([]string, error) {
	return slices.Sorted(maps.Keys(e.containers)), nil
}

func (e *engine) Containers(_ context.Context, project string) ([]docker.Container, error) {
	return slices.Clone(e.containers[project]), nil
}

func (e *engine) Image(_ context.Context, ref string) (docker.Image, bool, error) {
	img, ok := e.images[ref]
	return img, ok, nil
}

func (e *engine) Do(ctx context.Context, cmd docker.Command) ([]byte, error) {
	if len(cmd.Args) == 5 && slices.Equal(cmd.Args[:4], []string{"volume", "ls", "--quiet", "--filter"}) {
		var out strings.Builder // of every name that holds what is asked for
		for _, name := range e.volumes {
			if strings.Contains(name, strings.TrimPrefix(cmd.Args[4], "name=")) {
				fmt.Fprintln(&out, name)
			}
		}
		return []byte(out.String()), nil
	}
	p, rest, err := parse(cmd.Args)
	if err != nil {
		return nil, err
	}
	var project *types.Project
	if slices.Equal(p.Files, []string{"-"}) {
		data, err := io.ReadAll(cmd.Stdin)
		if err != nil {
			return nil, err
		}
		project, err = loader.LoadWithContext(ctx, types.ConfigDetails{WorkingDir: p.Dir, ConfigFiles: []types.ConfigFile{{Filename: "-", Content: data}}},
			func(o *loader.Options) { o.SetProjectName(p.Name, true); o.Profiles = []string{"*"} })
		if err != nil {
			return nil, err
		}
	} else if project, err = resolveFiles(ctx, p, cmd.Watch); err != nil {
		return nil, &docker.Error{Exit: 1}
	}
	switch strings.Join(rest, " ") {
	case "config --format json":
		return project.MarshalJSON()
	case "config --hash *":
		return []byte(hashes(project)), nil
	}
	return nil, fmt.Errorf("the double is not told about %q", rest)
}

// parse reads the options of a docker compose command.
func parse(args []string) (p docker.Project, rest []string, err error) {
	for i := 0; i < len(args); i++ {
		switch args[i] {
		case "compose":
		case "--ansi":
			i++
		case "-p":
			i++
			p.Name = args[i]
		case "--project-directory":
			i++
			p.Dir = args[i]
		case "-f":
			i++
			p.Files = append(p.Files, args[i])
		case "--env-file":
			i++
			p.EnvFiles = append(p.EnvFiles, args[i])
		case "--profile":
			i++
			p.Profiles = append(p.Profiles, args[i])
		case "config":
			return p, args[i:], nil
		default:
			return p, nil, fmt.Errorf("the double is not told about %q", args)
		}
	}
	return p, nil, fmt.Errorf("no command in %q", args)
}

func resolveFiles(ctx context.Context, p docker.Project, watch func(string)) (*types.Project, error) {
	o, err := cli.NewProjectOptions(p.Files, cli.WithWorkingDirectory(p.Dir), cli.WithName(p.Name), cli.WithEnvFiles(p.EnvFiles...),
		cli.WithDotEnv, cli.WithDefaultProfiles(p.Profiles...), cli.WithResolvedPaths(true))
	if err != nil {
		return nil, err
	}
	if watch != nil { // compose logs a warning of each
		for _, f := range p.Files {
			data, _ := os.ReadFile(f)
			for _, name := range []string{"NOWHERE", "NOWHERE2"} {
				if strings.Contains(string(data), "${"+name+"}") {
					watch(`time="2026-11-22T00:00:00Z" level=warning msg="The \"` + name + `\" variable is not set. Defaulting to a blank string."`)
				}
			}
		}
	}
	return o.LoadProject(ctx)
}

func hashes(project *types.Project) string {
	var b strings.Builder
	for _, name := range project.ServiceNames() {
		s := project.Services[name]
		s.Build, s.PullPolicy, s.Scale, s.DependsOn, s.Profiles = nil, "", nil, nil, nil
		data, _ := json.Marshal(s)
		sum := sha256.Sum256(data)
		fmt.Fprintf(&b, "%s %s\n", name, hex.EncodeToString(sum[:]))
	}
	return b.String()
}

// up gives every service of the files at dir a container, as docker compose does.
func (e *engine) up(t *testing.T, p docker.Project) {
	t.Helper()
	if len(p.Files) == 0 {
		p.Files = discover(p.Dir, nil, exists)
	}
	project, err := resolveFiles(t.Context(), effective(p), nil)
	if err != nil {
		t.Fatal(err)
	}
	hash := map[string]string{}
	for line := range strings.Lines(hashes(project)) {
		name, h, _ := strings.Cut(strings.TrimSpace(line), " ")
		hash[name] = h
	}
	e.containers[p.Name] = nil
	for _, name := range project.ServiceNames() {
		s := project.Services[name]
		id := idOf(s.Image)
		c := docker.Container{ID: p.Name + name, Name: p.Name + "-" + name + "-1", Project: p.Name, Service: name, Number: 1, State: "running",
			Image: id, ImageRef: s.Image, ConfigHash: hash[name], WorkingDir: p.Dir, ConfigFiles: p.Files, EnvFiles: p.EnvFiles,
			Env: map[string]docker.Secret{}}
		for k, v := range s.Environment {
			if v != nil {
				c.Env[k] = docker.Secret(*v)
			}
		}
		for _, v := range s.Volumes {
			m := docker.Mount{Type: v.Type, Source: v.Source, Destination: v.Target, RW: !v.ReadOnly}
			switch {
			case v.Type == "volume" && v.Source == "":
				m.Name, m.Anonymous = strings.Repeat("ab", 32), true
			case v.Type == "volume":
				m.Name = project.Volumes[v.Source].Name
			}
			c.Mounts = append(c.Mounts, m)
		}
		e.containers[p.Name] = append(e.containers[p.Name], c)
		e.images[s.Image] = docker.Image{ID: id, Digests: []string{s.Image + "@" + id}}
	}
}

func idOf(ref string) string {
	sum := sha256.Sum256([]byte(ref))
	return "sha256:" + hex.EncodeToString(sum[:])
}

// host is a stack in a folder of its own, with a double of docker.
type host struct {
	*engine
	t       *testing.T
	dir     string // the project directory
	state   string
	project docker.Project
}

func newHost(t *testing.T, files map[string]string) *host {
	top, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	h := &host{engine: newEngine(), t: t, dir: filepath.Join(top, "stack"), state: filepath.Join(top, "state")}
	h.project = docker.Project{Name: "stack", Dir: h.dir}
	for _, dir := range []string{h.dir, h.state} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	h.write(files)
	return h
}

func (h *host) write(files map[string]string) { writeFiles(h.t, h.dir, files) }

func writeFiles(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// start is docker compose up -d.
func (h *host) start() { h.t.Helper(); h.up(h.t, h.project) }

// compute finds the stack and works out what is wanted.
func (h *host) compute(m Mode) (*Result, error) {
	d, err := Find(h.t.Context(), h.engine, Where{Dir: h.dir})
	if err != nil {
		return nil, err
	}
	m.State, m.Catalog, m.Scratch = h.state, catalog.Load(), h.t.TempDir()
	return Compute(h.t.Context(), h.engine, d, m)
}

// want is compute where nothing may be refused.
func (h *host) want(m Mode) *Result {
	h.t.Helper()
	r, err := h.compute(m)
	if err != nil {
		h.t.Fatal(err)
	}
	return r
}
