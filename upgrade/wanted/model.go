package wanted

import (
	"encoding/json"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/belaystack/belay/upgrade/docker"
)

// model is what `docker compose config --format json` says, as far as it is read.
type model struct {
	Services map[string]service
	Volumes  map[string]volume
	Configs  map[string]reference
	Secrets  map[string]reference
}

type service struct {
	Image       string
	Build       json.RawMessage
	PullPolicy  string `json:"pull_policy"`
	Environment map[string]*docker.Secret
	Volumes     []mount
}

type mount struct {
	Type     string
	Source   string // key of a volume, or a path
	Target   string
	ReadOnly bool `json:"read_only"`
	Volume   struct{ Subpath string }
}

type volume struct {
	Name       string            // as the engine has it
	External   bool              // docker compose does not make it
	Driver     string            // "" for local
	DriverOpts map[string]string `json:"driver_opts"`
}

type reference struct{ File string }

func (s service) built() bool { return len(s.Build) > 0 && string(s.Build) != "null" }

// image is what the containers of a service are made from; docker compose names
// what it builds after project and service (v2.40.3, pkg/api, GetImageNameOrDefault).
func (m model) image(project, name string) string {
	if ref := m.Services[name].Image; ref != "" {
		return ref
	}
	return project + "-" + name
}

// source says what is mounted: "volume NAME", or the path of a bind mount with its
// symlinks resolved as far as it exists. An anonymous volume has none.
func (m model) source(v mount) string {
	switch {
	case v.Type == "volume" && v.Source == "":
		return ""
	case v.Type == "volume":
		return "volume " + m.Volumes[v.Source].Name
	}
	return resolvePath(v.Source)
}

// at gives what is mounted at a path in a service's container.
func (m model) at(name, target string) (mount, bool) {
	all := m.Services[name].Volumes
	i := slices.IndexFunc(all, func(v mount) bool { return path.Clean(v.Target) == path.Clean(target) })
	if i < 0 {
		return mount{}, false
	}
	return all[i], true
}

// files are the files of the host that services get as they are: configs, secrets,
// and files that are mounted.
func (m model) files() []string {
	var out []string
	for _, set := range []map[string]reference{m.Configs, m.Secrets} {
		for _, r := range set {
			if r.File != "" {
				out = append(out, r.File)
			}
		}
	}
	for _, s := range m.Services {
		for _, v := range s.Volumes {
			if v.Type == "bind" {
				out = append(out, v.Source)
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// resolvePath follows the symlinks of a path as far as it exists.
func resolvePath(p string) string {
	p = filepath.Clean(p)
	if real, err := filepath.EvalSymlinks(p); err == nil {
		return real
	}
	dir := filepath.Dir(p)
	if dir == p {
		return p
	}
	return filepath.Join(resolvePath(dir), filepath.Base(p))
}

// configTarget reports whether a mount's place in the container is one for
// configuration, whatever the app: what lies there is the stack's own file and not
// the app's data.
func configTarget(target string) bool {
	return slices.ContainsFunc([]string{"/etc/", "/usr/", "/docker-entrypoint"}, func(dir string) bool {
		return strings.HasPrefix(path.Clean(target)+"/", dir) || strings.HasPrefix(path.Clean(target), dir) && dir == "/docker-entrypoint"
	})
}
