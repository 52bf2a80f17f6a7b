package steps

import (
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/belaystack/belay/upgrade/backup"
	"github.com/belaystack/belay/upgrade/docker"
)

// stored is one volume or folder that holds data, with the containers' mounts
// that show it.
type stored struct {
	Mount    docker.Mount
	Service  string
	Image    string // one that is here, for a helper
	Also     []backup.Volume
	Excluded []string // patterns below it
	ReadOnly bool     // no service may write it
}

// hostPaths are never data of a stack, whoever mounts them.
var hostPaths = []string{"/", "/dev", "/proc", "/sys", "/run", "/var/run", "/etc", "/var", "/var/lib", "/var/lib/docker", "/tmp/.X11-unix", "/lib/modules"}

// hostFolders are those below which nothing is data of a stack either. What the
// engine keeps are the volumes themselves, those of servers that run among them.
var hostFolders = []string{"/dev", "/proc", "/sys", "/run", "/var/run", "/etc", "/var/lib/docker"}

// dataMounts gives the volumes and folders that containers write to and a server
// does not keep its own files in: the files of a server that runs would be torn.
func dataMounts(cs []docker.Container, servers, exclude []string) []stored {
	var own []docker.Mount
	for _, c := range cs {
		if slices.Contains(servers, c.Service) {
			own = append(own, c.Mounts...)
		}
	}
	var out []stored
	for _, c := range cs {
		if slices.Contains(servers, c.Service) {
			continue
		}
		for _, m := range c.Mounts {
			if !written(m) || aFile(m) || slices.ContainsFunc(own, func(o docker.Mount) bool { return same(o, m) || inside(m, o) }) {
				continue
			}
			patterns, whole := excluded(exclude, c.Service, m.Destination)
			if whole {
				continue
			}
			v := volume(c.Service, m)
			if i := slices.IndexFunc(out, func(s stored) bool { return same(s.Mount, m) }); i >= 0 {
				out[i].Also = append(out[i].Also, v)
				continue
			}
			for _, o := range own {
				if inside(o, m) { // a folder above that of a server
					patterns = append(patterns, literal(strings.TrimPrefix(path.Clean(o.Source), path.Clean(m.Source)+"/")))
				}
			}
			out = append(out, stored{Mount: m, Service: c.Service, Image: c.Image, Also: []backup.Volume{v}, Excluded: patterns})
		}
	}
	return out
}

// written reports whether a container may change what it has mounted, and that is
// the stack's.
func written(m docker.Mount) bool {
	return m.RW && (m.Type == "volume" || m.Type == "bind") && !ofHost(m)
}

func same(a, b docker.Mount) bool {
	if a.Type != b.Type {
		return false
	}
	if a.Type == "volume" {
		return a.Name == b.Name
	}
	return path.Clean(a.Source) == path.Clean(b.Source)
}

// inside reports whether a is a folder of the host below b.
func inside(a, b docker.Mount) bool {
	return a.Type == "bind" && b.Type == "bind" && strings.HasPrefix(path.Clean(a.Source), path.Clean(b.Source)+"/")
}

// literal is a pattern that matches that path alone.
func literal(p string) string {
	return strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`, "{", `\{`).Replace(p)
}

func ofHost(m docker.Mount) bool {
	if m.Type != "bind" {
		return false
	}
	at := path.Clean(m.Source)
	return slices.Contains(hostPaths, at) || strings.HasSuffix(at, ".sock") ||
		slices.ContainsFunc(hostFolders, func(dir string) bool { return strings.HasPrefix(at, dir+"/") })
}

// aFile reports whether a mount shows something else than a folder. What is not on
// this host is taken for a folder.
func aFile(m docker.Mount) bool {
	if m.Type != "bind" {
		return false
	}
	info, err := os.Stat(m.Source)
	return err == nil && !info.IsDir()
}

// dataFiles gives the single files of the host that containers may write to.
func dataFiles(cs []docker.Container, servers, exclude []string) []backup.Volume {
	var out []backup.Volume
	for _, c := range cs {
		for _, m := range c.Mounts {
			info, err := os.Stat(m.Source)
			if slices.Contains(servers, c.Service) || !written(m) || m.Type != "bind" || err != nil || !info.Mode().IsRegular() {
				continue
			}
			_, whole := excluded(exclude, c.Service, m.Destination)
			if whole || slices.ContainsFunc(out, func(v backup.Volume) bool { return v.Source == m.Source }) {
				continue
			}
			v := volume(c.Service, m)
			v.Type = singleFile
			out = append(out, v)
		}
	}
	return out
}

// singleFile is the type of a mount in a backup that is one file of the host.
const singleFile = "file"

func volume(service string, m docker.Mount) backup.Volume {
	v := backup.Volume{Service: service, Destination: m.Destination, Type: m.Type, Name: m.Name, Driver: m.Driver}
	if m.Anonymous {
		v.Type = "anonymous"
	}
	if m.Type == "bind" {
		v.Source = m.Source
	}
	return v
}

// excluded gives the patterns of belay.yml that are below a mount, relative to
// it; whole means all of it. An entry is "service:/path/**".
func excluded(all []string, service, destination string) (patterns []string, whole bool) {
	for _, e := range all {
		of, p, ok := strings.Cut(e, ":")
		if !ok || of != service && of != "*" {
			continue
		}
		rel, err := filepath.Rel(destination, p)
		switch {
		case err != nil:
		case rel == "." || rel == "**":
			return nil, true
		case !strings.HasPrefix(rel, ".."):
			patterns = append(patterns, rel)
		}
	}
	return patterns, false
}
