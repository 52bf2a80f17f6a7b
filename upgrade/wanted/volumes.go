package wanted

import (
	"os"
	"path"
	"slices"
	"strings"

	"github.com/belaystack/belay/lint/image"
	"github.com/belaystack/belay/upgrade/docker"
)

// volumes refuses a service that stays if data that it mounts now, and may write,
// would be others afterwards, or none.
func (w *work) volumes(s Service, next *view) []*Refused {
	var out []*Refused
	svc := next.stack.Service(s.Name)
	for _, now := range w.run[s.Was].containers[0].Mounts {
		if !w.isData(now, s) || w.moving(now, s) {
			continue
		}
		then, ok := next.model.at(s.Name, now.Destination)
		is := sourceOf(now)
		will := "nothing"
		if ok {
			will = next.model.source(then)
		}
		switch {
		case now.Anonymous && (!ok || will == ""): // docker compose passes it on
			continue
		case ok && will == is:
			if then.ReadOnly {
				w.notes = append(w.notes, s.Name+": "+now.Destination+" is mounted read-only from now on")
			}
			continue
		case !ok && slices.ContainsFunc(next.model.Services[s.Name].Volumes, func(m mount) bool { return next.model.source(m) == is }):
			w.notes = append(w.notes, s.Name+": the data at "+now.Destination+" move to another place in the container")
			continue
		}
		if will == "" {
			will = "a new anonymous volume"
		}
		if now.Anonymous {
			is = "an anonymous volume"
		}
		reason, way, at := "service "+s.Name+" would get other data at "+svc.Shown(now.Destination), "mount what is mounted now; data are moved by hand, with a backup", now.Destination
		if left, ok := w.leftBehind(s, next); ok && left.now.Destination == now.Destination {
			reason, will, way, at = reason+": "+left.what, left.source, left.way, left.at
		}
		r := refuse(Volume, reason, svc.Shown(is), svc.Shown(will), way)
		out = append(out, r.at(svc.MountAt(at).Pos))
	}
	return out
}

// sourceOf says what a container has mounted, in the words of model.source.
func sourceOf(m docker.Mount) string {
	if m.Type == "volume" {
		return "volume " + m.Name
	}
	return resolvePath(m.Source)
}

// isData reports whether a mount holds data: a volume, or a folder of the host,
// that the service may write. A single file, and what lies where configuration
// belongs, is the stack's own file; so is a folder of an application that the
// catalog knows to keep nothing.
func (w *work) isData(m docker.Mount, s Service) bool {
	switch {
	case !m.RW || m.Type != "volume" && m.Type != "bind":
		return false
	case m.Type == "volume":
		return true
	}
	info, err := os.Stat(m.Source)
	if err == nil && !info.IsDir() || configTarget(m.Destination) {
		return false
	}
	return s.OldApp.ID == "" || s.OldApp.Stateful
}

// dataFolders are the folders of the host, with symlinks resolved, that services
// keep data in: bind mounts, and volumes whose driver is given a folder.
func (w *work) dataFolders(disk *view) []string {
	var out []string
	for _, name := range sorted(w.run) {
		r := w.run[name]
		for _, c := range r.containers {
			for _, m := range c.Mounts {
				if m.Type == "bind" && w.isData(m, Service{OldApp: w.app(r.ref)}) {
					out = append(out, resolvePath(m.Source))
				}
			}
		}
	}
	for _, v := range disk.model.Volumes {
		if dev := v.DriverOpts["device"]; path.IsAbs(dev) && strings.Contains(v.DriverOpts["o"], "bind") {
			out = append(out, resolvePath(dev))
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// renamed says which new services take the place of which that are gone: those
// that mount the same data with the same app.
func (w *work) renamed(next *view) map[string]string {
	var gone []string
	for _, name := range sorted(w.run) {
		if _, ok := next.model.Services[name]; !ok && next.stack.Service(name) == nil {
			gone = append(gone, name)
		}
	}
	out := map[string]string{}
	for _, name := range sorted(next.model.Services) {
		if _, ok := w.run[name]; ok {
			continue
		}
		for _, was := range gone {
			if w.sharesData(was, name, next) && !slices.Contains(sortedValues(out), was) {
				out[name] = was
				w.notes = append(w.notes, "service "+was+" is called "+name+" from now on: both have the same data")
				break
			}
		}
	}
	return out
}

func sortedValues(m map[string]string) []string {
	var out []string
	for _, v := range m {
		out = append(out, v)
	}
	return out
}

// sharesData reports whether the new service mounts data of the old one, by an image
// of the same name.
func (w *work) sharesData(was, name string, next *view) bool {
	r := w.run[was]
	a, errA := image.Parse(r.ref)
	b, errB := image.Parse(next.model.Services[name].Image)
	x, y := w.app(r.ref), w.app(next.model.Services[name].Image)
	if errA != nil || errB != nil || a.Familiar() != b.Familiar() && (x.ID == "" || x.ID != y.ID) {
		return false
	}
	for _, m := range r.containers[0].Mounts {
		if w.isData(m, Service{OldApp: x}) && slices.ContainsFunc(next.model.Services[name].Volumes, func(v mount) bool {
			_, to, _ := majors(Service{Name: name, Was: was, Old: r.ref, New: next.model.Services[name].Image})
			return next.model.source(v) == sourceOf(m) || next.model.source(v) == planned(m, to)
		}) {
			return true
		}
	}
	return false
}
