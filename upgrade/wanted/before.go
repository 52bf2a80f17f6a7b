package wanted

import (
	"context"
	"slices"
	"strings"
)

// before gives the stack as its containers were started: the files as they stand
// when these say so, else those of the last deployment, else today's with the images
// that run. What says so is the hash that docker compose left on each container. Of
// services that are drifted no definition is known that gives theirs.
func (w *work) before(ctx context.Context, disk *view) (*view, map[string]bool, error) {
	if len(w.unlike(disk)) == 0 {
		return disk, nil, nil
	}
	if t, ok := w.lastDeployed(disk.tree); ok {
		v, err := w.resolve(ctx, t)
		if ctx.Err() != nil {
			return nil, nil, ctx.Err()
		}
		if err == nil && len(w.unlike(v)) == 0 {
			w.carry(v, disk)
			return v, nil, nil
		}
	}
	want := map[string]string{}
	for name, r := range w.run {
		if s, ok := disk.model.Services[name]; ok && s.Image != "" && !sameRef(s.Image, r.ref) && !strings.HasPrefix(r.ref, "sha256:") {
			want[name] = r.ref
		}
	}
	data, err := edited(disk, want)
	if err != nil {
		return nil, nil, err
	}
	v := disk
	if len(data) > 0 {
		if v, err = w.resolve(ctx, disk.tree.with(data)); err != nil {
			return nil, nil, err
		}
		if err := check(disk, v, want); err != nil {
			return nil, nil, err
		}
	}
	drifted := map[string]bool{}
	names := w.unlike(v)
	for _, name := range names {
		drifted[name] = true
	}
	if len(names) > 0 {
		w.notes = append(w.notes, "of "+strings.Join(names, ", ")+" more has changed than the image since the start, and the definition of then is not known: "+
			"a rollback starts the containers of then; where they are gone it starts today's definition with the old image")
	}
	return v, drifted, nil
}

// unlike gives the services that run with another definition than v's, sorted.
func (w *work) unlike(v *view) []string {
	var out []string
	for name, r := range w.run {
		for _, c := range r.containers {
			if c.ConfigHash != v.hash[name] && !slices.Contains(out, name) {
				out = append(out, name)
			}
		}
	}
	slices.Sort(out)
	return out
}

// lastDeployed is the tree with the bytes of the last deployment; ok is false when
// there was none, or its bytes are not there any more.
func (w *work) lastDeployed(disk Tree) (Tree, bool) {
	if w.record == nil {
		return nil, false
	}
	t := disk.with(nil)
	for _, f := range w.record.Files {
		data, err := w.record.Bytes(w.State, f)
		if err != nil {
			w.notes = append(w.notes, "the files of the last deployment are not whole: "+f.Path+" is missing or damaged")
			return nil, false
		}
		if now, ok := t[f.Path]; ok && same(now.Data, data) {
			continue // the record block may be newer
		}
		t[f.Path] = File{Data: data, Mode: f.Mode, UID: f.UID, GID: f.GID, Checkout: f.Checkout}
	}
	return t, true
}

// carry adds to an old tree the files of disk that only disk has: they were there
// before, as far as anybody knows, and stay.
func (w *work) carry(old, disk *view) {
	for path, f := range disk.tree {
		if _, ok := old.tree[path]; !ok {
			old.tree[path] = f
		}
	}
}
