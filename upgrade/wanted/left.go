package wanted

import (
	"path"
	"strconv"

	"github.com/belaystack/belay/upgrade/docker"
)

// moving reports whether a mount has the data of a server that gets a newer major version,
// which moves looks after.
func (w *work) moving(now docker.Mount, s Service) bool {
	from, to, ok := majors(s)
	if !ok || to <= from || w.Down != nil || now.Anonymous {
		return false
	}
	all := w.run[s.Was].containers[0].Mounts
	i := longest(all, w.dataOf(s, from), func(m docker.Mount) string { return m.Destination })
	return i >= 0 && all[i] == now
}

// dataOf is PGDATA of a server that runs.
func (w *work) dataOf(s Service, major int) string {
	if v := w.run[s.Was].containers[0].Env["PGDATA"].Reveal(); v != "" {
		return path.Clean(v)
	}
	return pgData(major)
}

// left is a mount of the data that a server had before it got its major version.
type left struct {
	now    docker.Mount // with its data
	at     string       // where the files mount the old ones
	source string       // what those are, in the words of model.source
	what   string       // is wrong
	way    string       // out
}

// leftBehind finds what files say that did not take over what an upgrade to another major
// version of PostgreSQL wrote into them.
func (w *work) leftBehind(s Service, next *view) (left, bool) {
	for _, now := range w.run[s.Was].containers[0].Mounts {
		base, text, ok := ofMajor(nameOfMount(now))
		major, err := strconv.Atoi(text)
		if !ok || err != nil {
			continue
		}
		for _, x := range next.model.Services[s.Name].Volumes {
			old := docker.Mount{Type: x.Type, Name: next.model.Volumes[x.Source].Name, Source: x.Source}
			before, of, suffixed := ofMajor(nameOfMount(old))
			if !suffixed {
				before = nameOfMount(old)
			}
			if x.Type == now.Type && before == base && of != text {
				return w.left(s, next, now, old, x.Target, major, of), true
			}
		}
	}
	return left{}, false
}

func (w *work) left(s Service, next *view, now, old docker.Mount, at string, major int, of string) left {
	thing, who, change := "volume", "the files still name", "the change"
	if now.Type == "bind" {
		thing = "folder"
	}
	if w.From != nil {
		who = "the checkout still names"
	}
	if w.record != nil {
		change += " of run " + w.record.Run
	}
	version := "of before PostgreSQL " + strconv.Itoa(major)
	if from, to, ok := majors(s); ok && to < from {
		of = strconv.Itoa(to)
	}
	if of != "" {
		version = "of PostgreSQL " + of
	}
	return left{now: now, at: at, source: sourceOf(old), what: who + " the " + thing + " " + version,
		way: "bring " + change + " into the repository: write `" + w.mountLine(next.stack.Service(s.Name), old, major, now.Destination, at, next) + "`"}
}

// nameOfMount is the name of a volume, or the path of a folder.
func nameOfMount(m docker.Mount) string {
	if m.Type == "volume" {
		return m.Name
	}
	return path.Clean(m.Source)
}
