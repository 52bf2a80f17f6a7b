package wanted

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/loader"

	"github.com/belaystack/belay/upgrade/docker"
)

// agree gives the project that all containers say they belong to.
func agree(all []docker.Container) (docker.Project, error) {
	first := all[0]
	p := docker.Project{Name: first.Project, Dir: first.WorkingDir, Files: first.ConfigFiles, EnvFiles: first.EnvFiles}
	for _, c := range all {
		q := docker.Project{Name: c.Project, Dir: c.WorkingDir, Files: c.ConfigFiles, EnvFiles: c.EnvFiles}
		what, a, b := difference(p, q)
		if what == "" {
			continue
		}
		next := "bring both together: docker compose up -d in the folder of the stack, with its files"
		if c.Service == first.Service {
			next = "one of the two is of another stack with the same name: remove it, or give one of them a name of its own"
		}
		return p, refuse(Identity, fmt.Sprintf("containers of %s disagree on the %s", p.Name, what),
			fmt.Sprintf("%s: %s, %s: %s", first.Name, a, c.Name, b), "", next)
	}
	return p, nil
}

// difference says in what two projects differ, when their paths are followed.
func difference(a, b docker.Project) (what, inA, inB string) {
	a, b = effective(a), effective(b)
	text := func(paths []string) string { return strings.Join(paths, ", ") }
	switch {
	case a.Name != b.Name:
		return "project", a.Name, b.Name
	case !samePath(a.Dir, b.Dir):
		return "working directory", a.Dir, b.Dir
	case !slices.EqualFunc(a.Files, b.Files, samePath):
		return "compose files", text(a.Files), text(b.Files)
	case !slices.EqualFunc(a.EnvFiles, b.EnvFiles, samePath):
		return "env files", orNone(text(a.EnvFiles)), orNone(text(b.EnvFiles))
	}
	return "", "", ""
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

func samePath(a, b string) bool { return a == b || resolvePath(a) == resolvePath(b) }

// compare holds the project that runs against what the files and options here say.
func (w Where) compare(p, said docker.Project) error {
	if w.Project == "" && said.Name == loader.NormalizeProjectName(filepath.Base(said.Dir)) &&
		p.Name == loader.NormalizeProjectName(filepath.Base(p.Dir)) {
		said.Name = p.Name // the folder's name, by way of a symlink
	}
	what, runs, here := difference(p, said)
	if what == "" {
		return nil
	}
	next := map[string]string{
		"project":           "name it with --project " + p.Name + ", or with `name:` in the compose file: a plain docker compose up -d would make a second stack",
		"working directory": "go on in " + p.Dir,
		"compose files":     "name them with --file, in that order, or with COMPOSE_FILE in the .env",
		"env files":         "name them with --env-file",
	}[what]
	return refuse(Identity, "what runs of "+p.Name+" and what the files and options here say differ in the "+what, runs, here, next)
}

// running is a service as its containers have it.
type running struct {
	ref        string // as the files wrote it
	id         string // of the image
	containers []docker.Container
}

// runningServices groups containers. Those of one service must run one image.
func runningServices(all []docker.Container) (map[string]running, error) {
	out := map[string]running{}
	for _, c := range all {
		r, ok := out[c.Service]
		if ok && (r.ref != c.ImageRef || r.id != c.Image) {
			return nil, refuse(Identity, "containers of "+c.Service+" run different images", r.containers[0].Name+", "+c.Name, "one image",
				"make them one: docker compose up -d "+c.Service)
		}
		r.ref, r.id, r.containers = c.ImageRef, c.Image, append(r.containers, c)
		out[c.Service] = r
	}
	return out, nil
}
