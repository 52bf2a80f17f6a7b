package wanted

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/belaystack/belay/lint/compose"
	"github.com/belaystack/belay/lint/source"
	"github.com/belaystack/belay/upgrade/docker"
)

// moved gives the stack with the new data volumes written into its files, and New of each
// move. Only what says where the data are is edited, and the result is read again: where
// anything else would change, it is refused.
func (w *work) moved(ctx context.Context, next *view, all []*move) (*view, []*Refused, error) {
	edits := map[string][]source.Edit{}
	var refused []*Refused
	for _, m := range all {
		if m.ready {
			continue
		}
		list, why := w.rewrite(m, next)
		if why != "" {
			refused = append(refused, w.byHand(m, next, why))
			continue
		}
		for _, e := range list {
			edits["/"+e.Pos.File] = append(edits["/"+e.Pos.File], e)
		}
	}
	if len(refused) > 0 {
		return nil, refused, nil
	}
	after := next
	if len(edits) > 0 {
		data := map[string][]byte{}
		for file, list := range edits {
			var err error
			if data[file], err = source.Apply(next.tree[file].Data, list); err != nil {
				return nil, []*Refused{w.byHand(all[0], next, "the data of two services are written in one place")}, nil
			}
		}
		var err error
		after, err = w.resolve(ctx, next.tree.with(data))
		var r *Refused
		if errors.As(err, &r) { // what was written does not fit there
			return nil, []*Refused{w.byHand(all[0], next, "the files cannot be read with the new volume in them")}, nil
		}
		if err != nil {
			return nil, nil, err
		}
	}
	return after, w.verify(all, next, after), nil
}

// rewrite gives the edits that put the new place into the files, or why that cannot be
// done.
func (w *work) rewrite(m *move, next *view) (list []source.Edit, why string) {
	if m.then.Volume.Subpath != "" {
		return nil, "it is a folder in a volume"
	}
	text, ok := m.svc.MountText(m.then.Target)
	if !ok || text.SourceAt.Len != len(text.Source) || text.TargetAt.Len != len(text.Target) {
		return nil, "the mount is put together of parts that cannot be edited"
	}
	name, ok := renamedText(text.Source, m.then.Type == "volume", m.To)
	if !ok {
		return nil, "the mount comes from a variable"
	}
	list = append(list, source.Edit{Pos: text.SourceAt.Pos, Old: text.Source, New: name})
	if path.Clean(m.then.Target) != m.New.Target {
		if strings.Contains(text.Target, "$") {
			return nil, "the mount's place in the container comes from a variable"
		}
		list = append(list, source.Edit{Pos: text.TargetAt.Pos, Old: text.Target, New: m.New.Target})
	}
	if m.then.Type != "volume" {
		return list, ""
	}
	if v := next.model.Volumes[m.then.Source]; v.Driver != "" && v.Driver != "local" || len(v.DriverOpts) > 0 {
		return nil, "the volume has a driver or options of its own"
	}
	if at, _ := next.stack.VolumeAt(successor(m.then.Source, m.To)); !at.IsZero() {
		return list, "" // somebody has declared it already
	}
	note := fmt.Sprintf("PostgreSQL %d; %s keeps the data of %d as they were", m.To, m.then.Source, m.From)
	e, ok := next.stack.VolumeBeside(m.then.Source, note, func(s string) string { return successor(s, m.To) })
	if !ok {
		return nil, "the top-level volumes are written in a way that cannot be added to"
	}
	return append(list, e), ""
}

// renamedText gives the source of a mount, as a file writes it, with the new name in it.
func renamedText(text string, volume bool, major int) (string, bool) {
	last := strings.TrimRight(text, "/")
	if i := strings.LastIndexAny(last, "/}"); i >= 0 && !volume && last[i] == '/' {
		last = last[i+1:]
	}
	if last == "" || last == "." || last == ".." || last == "~" || strings.ContainsAny(last, "$}") {
		return "", false
	}
	return successor(strings.TrimRight(text, "/"), major), true
}

// verify says what else would change in the files than the data of the servers that move.
func (w *work) verify(all []*move, next, after *view) []*Refused {
	var out []*Refused
	moves := map[string]bool{}
	for _, m := range all {
		moves[m.Service] = true
	}
	for _, name := range sorted(next.hash) {
		if after.hash[name] != next.hash[name] && !moves[name] {
			out = append(out, w.byHand(all[0], next, "the lines that say so are those of "+name+", too"))
		}
	}
	for _, m := range all {
		was, is := next.model.Services[m.Service], after.model.Services[m.Service]
		i := longest(is.Volumes, m.data, func(x mount) string { return x.Target })
		stays := false
		for _, x := range is.Volumes {
			stays = stays || after.model.source(x) == sourceOf(m.old)
		}
		switch {
		case i < 0, after.model.source(is.Volumes[i]) != planned(m.old, m.To), path.Clean(is.Volumes[i].Target) != m.New.Target,
			len(was.Volumes) != len(is.Volumes), was.Image != is.Image, stays:
			out = append(out, w.byHand(m, next, "the files do not give it the new data when that is written"))
			continue
		}
		x := is.Volumes[i]
		m.New = placeOf(x.Type, after.model.Volumes[x.Source].Name, x.Source, x.Target)
		if x.Type == "volume" && after.model.Volumes[x.Source].External {
			at, _ := after.stack.VolumeAt(x.Source)
			if !m.ready {
				at = m.svc.MountAt(m.then.Target)
			}
			out = append(out, refuse(Volume, "volume "+m.svc.Shown(x.Source)+" for the new data of "+m.Service+" is external: docker compose does not make it", "", "",
				"remove `external`; with `name` it keeps its name").at(at.Pos))
		}
	}
	return out
}

// byHand refuses a mount that a person has to write, with the lines.
func (w *work) byHand(m *move, next *view, why string) *Refused {
	needed := "`" + w.line(m, next) + "` in " + m.Service
	if m.then.Type == "volume" {
		key := successor(m.then.Source, m.To)
		needed += ", and `" + m.svc.Shown(key) + ":` below the top-level volumes"
		if _, named := next.stack.VolumeAt(m.then.Source); named {
			needed += ", with `name: " + m.svc.Shown(successor(m.old.Name, m.To)) + "`"
		}
	}
	return refuse(Files, fmt.Sprintf("the data of %s go to a new place with PostgreSQL %d, and Belay cannot write that here: %s", m.Service, m.To, why), "", needed,
		"write it yourself; what is mounted now stays as it is, and declared").at(m.svc.MountAt(m.then.Target).Pos)
}

// line is the mount of the new data in compose's short syntax, without values of env files.
func (w *work) line(m *move, next *view) string {
	return w.mountLine(m.svc, m.old, m.To, m.New.Target, m.then.Target, next)
}

// mountLine is the mount of a major version's data that follow those of old, as svc would
// write it at target. written is where it mounts its data now.
func (w *work) mountLine(svc *compose.Service, old docker.Mount, major int, target, written string, next *view) string {
	name := successor(filepath.Clean(old.Source), major)
	if text, ok := svc.MountText(written); ok && strings.Contains(text.Source, "$") {
		name = strings.TrimRight(text.Source, "/") + fmt.Sprintf("_pg%d", major)
	} else if old.Type == "volume" {
		name = successor(w.keyOf(old.Name, next), major)
	} else if below(w.project.Dir, name) {
		name = "." + strings.TrimPrefix(name, strings.TrimSuffix(w.project.Dir, "/"))
	}
	return svc.Shown(name) + ":" + svc.Shown(target)
}

// keyOf is the key of an engine's volume in the files; without one, what docker compose
// makes the name of.
func (w *work) keyOf(name string, next *view) string {
	for _, key := range sorted(next.model.Volumes) {
		if next.model.Volumes[key].Name == name {
			return key
		}
	}
	return strings.TrimPrefix(name, w.project.Name+"_")
}

// inTheWay refuses a new place with something in it, or that is the old one by another
// name.
func (w *work) inTheWay(ctx context.Context, m *move, after *view) (*Refused, error) {
	at := m.svc.MountAt(m.then.Target).Pos
	folder := m.New.Folder
	if name := m.New.Volume; name != "" {
		out, err := w.engine.Do(ctx, docker.Command{Args: []string{"volume", "ls", "--quiet", "--filter", "name=" + name}})
		if err != nil {
			return nil, err
		}
		for line := range strings.Lines(string(out)) {
			if strings.TrimSpace(line) == name {
				return refuse(Volume, "a volume "+m.svc.Shown(name)+" is there already, and nobody knows what is in it", "", "",
					"docker volume rm "+m.svc.Shown(name)+", when nothing in it is needed").at(at), nil
			}
		}
		for _, v := range after.model.Volumes {
			if v.Name == name && filepath.IsAbs(v.DriverOpts["device"]) {
				folder = v.DriverOpts["device"]
			}
		}
	}
	if folder == "" {
		return nil, nil
	}
	in, err := os.ReadDir(folder)
	switch {
	case errors.Is(err, fs.ErrNotExist), err == nil && len(in) == 0:
		return nil, nil
	case err != nil:
		return refuse(Volume, "the folder for the new data of "+m.Service+" cannot be looked into", m.svc.Shown(folder), "an empty folder, or none", "give Belay the right to").at(at), nil //nolint:nilerr // it is refused
	}
	return refuse(Volume, "the folder "+m.svc.Shown(folder)+" is there already, and nobody knows what is in it", fmt.Sprintf("%d entries", len(in)), "an empty folder, or none",
		"move away what is in it").at(at), nil
}
