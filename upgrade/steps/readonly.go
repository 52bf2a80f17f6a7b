package steps

import (
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/belaystack/belay/upgrade/backup"
	"github.com/belaystack/belay/upgrade/docker"
)

// referenced is what containers have mounted besides the data that they write.
type referenced struct {
	folders []stored
	files   []backup.Volume
	left    []backup.LeftOut // what is the host's, of all mounts
}

// systemPaths are the host's own when they are mounted to be read, with all below;
// a certificate in another folder of /etc is the stack's.
var systemPaths = []string{
	"/dev", "/proc", "/sys", "/run", "/var/run", "/var/lib/docker", "/boot", "/lib", "/lib64", "/bin", "/sbin",
	"/usr/bin", "/usr/lib", "/usr/sbin", "/usr/share",
	"/etc/localtime", "/etc/timezone", "/etc/hosts", "/etc/hostname", "/etc/resolv.conf", "/etc/passwd", "/etc/group", "/etc/shadow", "/etc/machine-id",
	"/etc/os-release", "/etc/nsswitch.conf", "/etc/ssl/certs", "/etc/ca-certificates", "/etc/pki", "/etc/docker", "/tmp/.X11-unix",
}

// wholePaths hold the host's own files beside those of others.
var wholePaths = []string{"/", "/etc", "/home", "/mnt", "/opt", "/root", "/srv", "/tmp", "/var", "/var/lib", "/var/log"}

// readOnly gives the volumes, folders and files that containers only read: the stack's
// configuration, certificates, scripts of a server. What a service may write, or a
// server keeps its files in, is not among them, though another reads it.
func readOnly(cs []docker.Container, servers, exclude []string) referenced {
	var writable []docker.Mount
	for _, c := range cs {
		for _, m := range c.Mounts {
			if m.RW {
				writable = append(writable, m)
			}
		}
	}
	var out referenced
	for _, c := range cs {
		for _, m := range c.Mounts {
			if m.Type != "bind" && m.Type != "volume" {
				continue
			}
			if why := hostOwn(m); why != "" {
				out.left = append(out.left, backup.LeftOut{Service: c.Service, Destination: m.Destination, Source: m.Source, Why: why})
				continue
			}
			patterns, whole := excluded(exclude, c.Service, m.Destination)
			if m.RW || whole || slices.ContainsFunc(writable, func(w docker.Mount) bool { return same(w, m) || inside(m, w) }) {
				continue
			}
			out.add(c, m, patterns, writable)
		}
	}
	return out
}

func (r *referenced) add(c docker.Container, m docker.Mount, patterns []string, writable []docker.Mount) {
	v := volume(c.Service, m)
	v.ReadOnly = true
	if aFile(m) {
		if !slices.ContainsFunc(r.files, func(o backup.Volume) bool { return o.Source == m.Source }) {
			v.Type = singleFile
			r.files = append(r.files, v)
		}
		return
	}
	if i := slices.IndexFunc(r.folders, func(s stored) bool { return same(s.Mount, m) }); i >= 0 {
		r.folders[i].Also = append(r.folders[i].Also, v)
		return
	}
	for _, w := range writable {
		if inside(w, m) { // it has a copy of its own, or is a server's
			patterns = append(patterns, literal(strings.TrimPrefix(path.Clean(w.Source), path.Clean(m.Source)+"/")))
		}
	}
	r.folders = append(r.folders, stored{Mount: m, Service: c.Service, Image: c.Image, Also: []backup.Volume{v}, Excluded: patterns, ReadOnly: true})
}

// hostOwn says why a mount is not the stack's: "" when it is.
func hostOwn(m docker.Mount) string {
	if m.Type != "bind" {
		return ""
	}
	at := path.Clean(m.Source)
	if info, err := os.Stat(at); err == nil {
		switch mode := info.Mode(); {
		case mode&fs.ModeSocket != 0:
			return "a socket"
		case !mode.IsRegular() && !mode.IsDir():
			return "a device or a pipe"
		}
	}
	system := slices.Contains(wholePaths, at) || slices.ContainsFunc(systemPaths, func(p string) bool { return at == p || strings.HasPrefix(at, p+"/") })
	if system || m.RW && ofHost(m) {
		return "it is the host's own"
	}
	return ""
}
