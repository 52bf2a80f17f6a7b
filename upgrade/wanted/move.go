package wanted

import (
	"cmp"
	"context"
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/belaystack/belay/lint/compose"
	"github.com/belaystack/belay/lint/image"
	"github.com/belaystack/belay/release/catalog"
	"github.com/belaystack/belay/upgrade/docker"
	"github.com/belaystack/belay/upgrade/steps"
)

// The folders of docker-library's image (Dockerfile and docker-entrypoint.sh of 17 and 18):
// up to 17 PGDATA is pgHome/data, from 18 on pgHome/18/docker with the volume at pgHome, and
// 18 does not start with a mount at pgHome/data, unless PGDATA is set to another folder.
const (
	pgHome   = "/var/lib/postgresql"
	pgData17 = pgHome + "/data"
)

// pgData is PGDATA of a major version where nobody sets it.
func pgData(major int) string {
	if major >= 18 {
		return fmt.Sprintf("%s/%d/docker", pgHome, major)
	}
	return pgData17
}

// pgMount is where the data volume of a major version belongs then.
func pgMount(major int) string {
	if major >= 18 {
		return pgHome
	}
	return pgData17
}

// move is a PostgreSQL server on its way to another major version.
type move struct {
	steps.Move
	of    Service
	svc   *compose.Service // as the new files write it
	old   docker.Mount     // with the data of now
	data  string           // PGDATA of the new container
	set   bool             // which the new files set
	then  mount            // what the new files mount for the data, before anything is edited
	ready bool             // that is the new place
}

// majors gives the major versions of a service that stays and runs a PostgreSQL on both
// sides, by its tags.
func majors(s Service) (from, to int, ok bool) {
	if s.Was == "" || s.Name == "" {
		return 0, 0, false
	}
	old, errOld := image.Parse(s.Old)
	now, errNow := image.Parse(s.New)
	from, okFrom := image.PostgresMajor(old)
	to, okTo := image.PostgresMajor(now)
	return from, to, errOld == nil && errNow == nil && okFrom && okTo
}

// moves finds the servers that get a newer major version, and gives the stack with the
// data of each in a new place: next itself where nothing had to be written for that.
func (w *work) moves(ctx context.Context, all []Service, old, next *view) (*view, []*move, []*Refused, error) {
	var out []*move
	var refused []*Refused
	for _, s := range all {
		from, to, ok := majors(s)
		if !ok || to <= from || w.Down != nil {
			continue
		}
		m, r := w.move(s, from, to, old, next)
		if r == nil && m != nil {
			r = w.place(m, next)
		}
		if r != nil {
			refused = append(refused, r)
		} else if m != nil {
			out = append(out, m)
		}
	}
	if len(out) == 0 {
		return next, nil, refused, nil
	}
	refused = append(refused, w.gates(out, next)...)
	after, more, err := w.moved(ctx, next, out)
	if err != nil || len(more) > 0 {
		return next, out, append(refused, more...), err
	}
	for _, m := range out {
		r, err := w.inTheWay(ctx, m, after)
		if err != nil {
			return next, nil, nil, err
		}
		if r != nil {
			refused = append(refused, r)
		}
		w.tell(m, next)
	}
	return after, out, refused, nil
}

// move works out what is moved; nil where the service runs no server.
func (w *work) move(s Service, from, to int, old, next *view) (*move, *Refused) {
	c := w.run[s.Was].containers[0]
	m := &move{Move: steps.Move{Service: s.Name, From: from, To: to}, of: s, svc: next.stack.Service(s.Name)}
	was := w.dataOf(s, from)
	at := m.svc.Image.Pos
	i := longest(c.Mounts, was, func(m docker.Mount) string { return m.Destination })
	if i < 0 || c.Mounts[i].Anonymous || c.Mounts[i].Type != "volume" && c.Mounts[i].Type != "bind" {
		if !serves(c) {
			return nil, nil
		}
		found := "an anonymous volume"
		if i < 0 {
			found = "nothing mounted"
		}
		return nil, refuse(Volume, fmt.Sprintf("the data of %s, at %s, lie in no named volume or folder: what is to be kept as the way back would go with its container", s.Name, m.svc.Shown(was)),
			found, "a named volume or a folder of the host", "bring them into one first, with the version that runs: dump, mount, restore").at(at)
	}
	m.old = c.Mounts[i]
	m.Old = placeOf(m.old.Type, m.old.Name, m.old.Source, m.old.Destination)
	m.data = pgData(to)
	m.set = environment(next, s.Name, "PGDATA") != ""
	switch {
	case m.set:
		m.data = path.Clean(environment(next, s.Name, "PGDATA"))
	case was != pgData(from) && environment(old, s.Was, "PGDATA") == "":
		return nil, refuse(Volume, "the image of "+s.Name+" keeps its data elsewhere than the official one does, and where the new one does is not known",
			was, "", "set PGDATA in the environment of "+s.Name+" to a folder in the volume").at(at)
	}
	for _, x := range next.model.Services[s.Name].Volumes {
		if t := path.Clean(x.Target); t != was && below(was, t) && m.data != was {
			return nil, refuse(Volume, m.svc.Shown(x.Target)+" of "+s.Name+" is mounted into the old data folder, and would not be in the new one",
				m.svc.Shown(x.Target), "a place in "+m.svc.Shown(m.data), "mount it there, or elsewhere").at(m.svc.MountAt(x.Target).Pos)
		}
	}
	return m, nil
}

// serves reports whether a container may run a server: what it was started with names
// the server's program, or leaves it to the entry point. One of the others only uses the
// programs of the image, as for dumps.
func serves(c docker.Container) bool {
	if len(c.Args) == 0 || strings.Contains(strings.Join(c.Args[1:], " "), "postgres") {
		return true
	}
	entry := strings.HasSuffix(c.Args[0], "docker-entrypoint.sh")
	return path.Base(c.Args[0]) == "postgres" || entry && (len(c.Args) == 1 || strings.HasPrefix(c.Args[1], "-"))
}

// place works out the new place, and whether the new files mount what is there now, or
// the new place already. Anything else is refused.
func (w *work) place(m *move, next *view) *Refused {
	all := next.model.Services[m.Service].Volumes
	target := func(x mount) string { return x.Target }
	m.New.Target = m.Old.Target
	switch {
	case below(m.Old.Target, m.data):
	case below(pgMount(m.To), m.data):
		m.New.Target = pgMount(m.To)
	default:
		return refuse(Volume, "the data of "+m.Service+" would lie in no volume", m.svc.Shown(m.data), "a folder in "+m.svc.Shown(m.Old.Target),
			"set PGDATA to one").at(m.svc.At("environment", "PGDATA").Pos)
	}
	mounted := func(x mount) bool { return next.model.source(x) == sourceOf(m.old) }
	i := longest(all, m.data, target)
	if i >= 0 && next.model.source(all[i]) == planned(m.old, m.To) {
		m.then, m.ready, m.New.Target = all[i], true, path.Clean(all[i].Target)
		if j := slices.IndexFunc(all, mounted); j >= 0 {
			return refuse(Volume, "the new server of "+m.Service+" would have the data of the old one mounted, too", m.svc.Shown(all[j].Target), "",
				"remove that mount").at(m.svc.MountAt(all[j].Target).Pos)
		}
		return nil
	}
	if j := slices.IndexFunc(all, mounted); j >= 0 {
		m.then = all[j]
		return nil
	}
	found, at := "nothing", m.New.Target
	if i < 0 { // what stands where the data are now
		i = slices.IndexFunc(all, func(x mount) bool { return path.Clean(x.Target) == m.Old.Target })
	}
	if i >= 0 {
		found, at = cmp.Or(next.model.source(all[i]), "an anonymous volume"), all[i].Target
	}
	return refuse(Volume, fmt.Sprintf("service %s would get data for PostgreSQL %d that are neither those of now nor a volume of this plan", m.Service, m.To),
		m.svc.Shown(found), "`"+w.line(m, next)+"`",
		"write that, or leave "+m.svc.Shown(sourceOf(m.old))+" mounted: Belay then writes it, and fills it by dump and restore").at(m.svc.MountAt(at).Pos)
}

// gates refuses versions that must not run together with the new server.
func (w *work) gates(all []*move, next *view) []*Refused {
	var out []*Refused
	said := map[string]bool{}
	for _, svc := range next.stack.Services {
		s, ok := next.model.Services[svc.Name]
		ref, err := image.Parse(s.Image)
		if !ok || err != nil {
			continue
		}
		for _, g := range w.Catalog.Forbidden(ref) {
			i := slices.IndexFunc(all, func(m *move) bool {
				// The database may be another of the stack's.
				host := environment(next, svc.Name, "DB_HOST")
				_, other := next.model.Services[host]
				return (!other || host == m.Service) && slices.ContainsFunc(g.Touches, func(t catalog.Touch) bool { return t.Postgres > 0 && m.To >= t.Postgres })
			})
			if i < 0 || said[g.ID] {
				continue
			}
			said[g.ID] = true
			found := s.Image
			if hidden(next, svc.Name) {
				found = ""
			}
			out = append(out, refuse(Gate, fmt.Sprintf("PostgreSQL %d of %s beside %s: %s. %s", all[i].To, all[i].Service, svc.Name, g.Title, strings.TrimSuffix(g.Text, ".")), found, g.Before+" or later",
				"go to "+g.Before+" or later first, and to PostgreSQL "+fmt.Sprint(all[i].To)+" after that").at(svc.Image.Pos))
		}
	}
	return out
}

// tell notes what becomes of the data, for the plan.
func (w *work) tell(m *move, next *view) {
	what := "new folder " + m.New.Folder + "; folder " + m.Old.Folder
	if m.New.Volume != "" {
		what = "new volume " + m.New.Volume + "; volume " + m.Old.Volume
	}
	version := fmt.Sprintf("PostgreSQL %d -> %d", m.From, m.To)
	if m.of.Hidden {
		version = "another major version of PostgreSQL"
	}
	w.notes = append(w.notes, fmt.Sprintf("%s: %s by dump and restore into %s stays as it is, and is the way back", m.Service, version, m.svc.Shown(what)))
	if !m.ready && (w.From != nil || w.record != nil && w.record.Commit != "") {
		w.notes = append(w.notes, fmt.Sprintf("%s: the repository still mounts the old data: write `%s` there as well, or the next upgrade from it is refused", m.Service, w.line(m, next)))
	}
	for _, name := range sorted(next.model.Services) {
		if name != m.Service && slices.ContainsFunc(next.model.Services[name].Volumes, func(x mount) bool { return next.model.source(x) == sourceOf(m.old) }) {
			w.notes = append(w.notes, fmt.Sprintf("%s mounts the old data of %s, and goes on seeing those", name, m.Service))
		}
	}
}

func placeOf(kind, volume, folder, target string) steps.DataPlace {
	if kind == "volume" {
		return steps.DataPlace{Volume: volume, Target: path.Clean(target)}
	}
	return steps.DataPlace{Folder: filepath.Clean(folder), Target: path.Clean(target)}
}

func environment(v *view, service, key string) string {
	if x := v.model.Services[service].Environment[key]; x != nil {
		return x.Reveal()
	}
	return ""
}

// longest gives the index of the mount that a folder of the container lies in; -1 for none.
func longest[T any](all []T, dir string, target func(T) string) int {
	out := -1
	for i, x := range all {
		if t := path.Clean(target(x)); below(t, dir) && (out < 0 || len(t) > len(path.Clean(target(all[out])))) {
			out = i
		}
	}
	return out
}

// successor is the name of the volume or folder for another major version: "db_data" and
// "db_data_pg17" both have "db_data_pg18".
func successor(name string, major int) string {
	base := name
	if x, _, ok := ofMajor(name); ok {
		base = x
	}
	if out := fmt.Sprintf("%s_pg%d", base, major); out != name {
		return out
	}
	return fmt.Sprintf("%s_pg%d", name, major)
}

// ofMajor takes a name of successor's apart.
func ofMajor(name string) (base, major string, ok bool) {
	base = strings.TrimRight(name, "0123456789")
	major = name[len(base):]
	base, ok = strings.CutSuffix(base, "_pg")
	return base, major, ok && major != "" && base != "" && !strings.HasSuffix(base, "/")
}

// planned is where the data of a mount go, in the words of model.source.
func planned(m docker.Mount, major int) string {
	if m.Type == "volume" {
		return "volume " + successor(m.Name, major)
	}
	return resolvePath(successor(nameOfMount(m), major))
}
