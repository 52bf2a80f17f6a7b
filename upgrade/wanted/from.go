package wanted

import (
	"cmp"
	"context"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/loader"

	"github.com/belaystack/belay/lint/image"
)

// From is a checkout whose tracked files take the place of those that are deployed.
type From struct {
	Dir       string // the folder of the stack in the checkout: what lies in it goes to the project directory
	Overwrite bool   // replace files that were changed on the host, too
}

// from gives the stack with the files of a checkout, and its commit.
func (w *work) from(ctx context.Context, disk *view) (*view, string, error) {
	c, err := openCheckout(w.From.Dir)
	if err != nil {
		return nil, "", err
	}
	files, err := c.files()
	if err != nil {
		return nil, "", err
	}
	if err := c.clean(files); err != nil {
		return nil, "", err
	}
	if w.record != nil && w.record.Commit != "" {
		if err := c.descends(ctx, w.record.Commit); err != nil {
			return nil, "", err
		}
	}
	w.found = Tree{}
	b := &bring{work: w, checkout: c, files: files, next: disk.tree.with(nil), data: w.dataFolders(disk)}
	if err := b.all(ctx); err != nil {
		return nil, "", err
	}
	if err := b.sameList(); err != nil {
		return nil, "", err
	}
	v, err := w.resolve(ctx, b.next)
	if err == nil {
		err = w.sameProject(disk, v)
	}
	return v, c.head.Hash.String(), err
}

// sameProject refuses a checkout that gives the project another name: docker compose
// would make a second stack beside the one that runs.
func (w *work) sameProject(disk, next *view) error {
	folder := loader.NormalizeProjectName(filepath.Base(w.project.Dir))
	if cmp.Or(disk.stack.Project.Reveal(), folder) == cmp.Or(next.stack.Project.Reveal(), folder) {
		return nil
	}
	return refuse(Identity, "the checkout gives the project another name", w.project.Name, cmp.Or(next.stack.Project.Shown, folder),
		"write `name: "+w.project.Name+"` into the compose file of the repository: with another one docker compose would make a second stack").at(next.stack.Project.Pos)
}

// bring puts the files of a checkout in the place of those of the host.
type bring struct {
	*work
	*checkout
	files map[string]blob
	next  Tree
	data  []string // folders of the host that services keep data in

	edits map[string][]byte // bytes of the host that were not deployed as they are, by path in the folder
}

func (b *bring) all(ctx context.Context) error {
	b.edits = map[string][]byte{}
	for _, name := range sorted(b.files) {
		if err := b.one(name); err != nil {
			return err
		}
	}
	if err := b.edited(ctx); err != nil {
		return err
	}
	b.removed()
	return ctx.Err()
}

// one brings one file, unless it is the host's own.
func (b *bring) one(name string) error {
	target := filepath.Join(b.project.Dir, name)
	if path.Base(name) == ".env" {
		b.notes = append(b.notes, "the checkout tracks "+b.name(name)+": it is never deployed, the host's own stays")
		return nil
	}
	if b.isData(target) {
		b.notes = append(b.notes, b.name(name)+" is not deployed: it lies in a folder that a service keeps its data in")
		return nil
	}
	if err := b.inside(target); err != nil {
		return err
	}
	was, err := b.host(target)
	if err != nil {
		return err
	}
	now := b.files[name]
	f := File{Data: now.data, Mode: now.mode, UID: -1, GID: -1, Checkout: true}
	if was != nil {
		b.found[target] = *was
		f.Mode, f.UID, f.GID = was.Mode, was.UID, was.GID
		if same(was.Data, now.data) {
			f.Data = was.Data // the record block is the host's
		} else {
			b.noteEdit(name, target, was.Data)
		}
	} else if _, ok := b.recorded(target); ok {
		b.edits[name] = nil // somebody removed it
	}
	b.next[target] = f
	return nil
}

// host reads a file of the host; nil when there is none.
func (b *bring) host(target string) (*File, error) {
	if _, err := os.Lstat(target); err != nil {
		return nil, nil //nolint:nilerr // whatever it is, writing it will say
	}
	f, err := readFile(target)
	if err != nil {
		return nil, refuse(Files, "a file of the host cannot be replaced: "+target, err.Error(), "", "make it a regular file")
	}
	return &f, nil
}

// isData reports whether a path lies in data of a service.
func (b *bring) isData(target string) bool {
	real := resolvePath(target)
	return slices.ContainsFunc(b.data, func(dir string) bool { return below(dir, real) })
}

// inside refuses a path that leads out of the project directory by a symlink, or
// that is one.
func (b *bring) inside(target string) error {
	if info, err := os.Lstat(target); err == nil && !info.Mode().IsRegular() {
		return refuse(Files, "a file of the checkout would replace something else: "+target, kindOf(info.Mode()), "a regular file", "remove it, or keep the file out of the repository")
	}
	if real := resolvePath(filepath.Dir(target)); !below(resolvePath(b.project.Dir), real) {
		return refuse(Files, "a file of the checkout would leave the project directory", target+" is in "+real, b.project.Dir, "replace the symlink by a folder")
	}
	for dir := filepath.Dir(target); dir != b.project.Dir && below(b.project.Dir, dir); dir = filepath.Dir(dir) {
		if info, err := os.Stat(dir); err == nil && !info.IsDir() {
			return refuse(Files, "a file of the checkout would replace something else: "+dir, kindOf(info.Mode()), "a folder", "remove it, or keep the file out of the repository")
		}
	}
	return nil
}

func kindOf(m fs.FileMode) string {
	switch {
	case m.IsRegular():
		return "a file"
	case m.IsDir():
		return "a folder"
	case m&fs.ModeSymlink != 0:
		return "a symlink"
	}
	return "a device, pipe or socket"
}

// recorded gives the bytes that the last run left at a path.
func (b *bring) recorded(target string) ([]byte, bool) {
	if b.record == nil {
		return nil, false
	}
	f, ok := b.record.File(target)
	if !ok {
		return nil, false
	}
	data, err := b.record.Bytes(b.State, f)
	return data, err == nil
}

// noteEdit remembers a file of the host that is not as the last run left it. Without
// a record of it the history decides.
func (b *bring) noteEdit(name, target string, was []byte) {
	if data, ok := b.recorded(target); !ok || !same(data, was) {
		b.edits[name] = was
	}
}

// edited refuses files that were changed on the host, naming the first line that
// differs.
func (b *bring) edited(ctx context.Context) error {
	if len(b.edits) == 0 || b.From.Overwrite {
		for _, name := range sorted(b.edits) {
			b.notes = append(b.notes, b.name(name)+" was changed on the host, and is replaced all the same")
		}
		return nil
	}
	asked := map[string][]byte{}
	var all []*Refused
	for _, name := range sorted(b.edits) {
		target := filepath.Join(b.project.Dir, name)
		data, ok := b.recorded(target)
		if !ok {
			asked[name] = b.edits[name]
			continue
		}
		found := "removed"
		if b.edits[name] != nil {
			found = fmt.Sprintf("other from line %d on", firstDifference(data, b.edits[name]))
		}
		all = append(all, refuse(Edited, target+" was changed since it was deployed", found, "", editedHint))
	}
	left, cut, err := b.unknown(ctx, asked)
	if err != nil {
		return refuse(Ancestry, "the history of the checkout cannot be read", err.Error(), "", unshallow)
	}
	for _, name := range sorted(left) {
		next := editedHint
		if cut {
			next = unshallow + ", to compare with older versions; or " + editedHint
		}
		all = append(all, refuse(Edited, filepath.Join(b.project.Dir, name)+" is no version that the repository has had",
			fmt.Sprintf("other than in the checkout from line %d on", firstDifference(b.files[name].data, left[name])), "", next))
	}
	return join(all)
}

const editedHint = "bring the change into the repository, or give it up with --overwrite"

// firstDifference is the number of the first line that differs, from 1, counted in
// the second text. Record blocks are passed over.
func firstDifference(a, b []byte) int {
	shift := strings.Count(string(b), "\n") - strings.Count(string(image.StripRecord(b)), "\n")
	x, y := strings.SplitAfter(string(image.StripRecord(a)), "\n"), strings.SplitAfter(string(image.StripRecord(b)), "\n")
	n := 0
	for n < len(x) && n < len(y) && x[n] == y[n] {
		n++
	}
	return n + 1 + shift
}

// removed takes away what an earlier checkout brought, nobody changed since, and
// this one does not have.
func (b *bring) removed() {
	if b.record == nil {
		return
	}
	for _, r := range b.record.Files {
		name, err := filepath.Rel(b.project.Dir, r.Path)
		if _, tracked := b.files[filepath.ToSlash(name)]; !r.Checkout || err != nil || tracked || path.Base(r.Path) == ".env" || b.isData(r.Path) {
			continue
		}
		was, err := b.host(r.Path)
		if was == nil || err != nil || b.inside(r.Path) != nil {
			continue
		}
		if data, ok := b.recorded(r.Path); !ok || !same(data, was.Data) {
			b.notes = append(b.notes, r.Path+" is no longer in the repository; it was changed on the host and stays")
			continue
		}
		delete(b.next, r.Path)
	}
}

// sameList refuses a checkout after which docker compose would take other compose
// files than those that the stack runs with.
func (b *bring) sameList() error {
	env, err := values(b.project.EnvFiles)
	if err != nil {
		return err
	}
	has := func(p string) bool { _, ok := b.next[p]; return ok || exists(p) && !b.tracked(p) }
	for _, p := range b.project.Files {
		if _, ok := b.next[p]; !ok {
			return refuse(Files, "the checkout does not have a compose file that the stack runs with", "", p, "start the stack with the new list of files once: docker compose up -d")
		}
	}
	before, after := discover(b.project.Dir, env, exists), discover(b.project.Dir, env, has)
	if slices.EqualFunc(before, b.project.Files, samePath) && !slices.Equal(before, after) {
		return refuse(Files, "with the checkout docker compose would take other compose files", strings.Join(after, ", "), strings.Join(b.project.Files, ", "),
			"keep the names of the compose files, or start the stack with the new ones once: docker compose up -d")
	}
	return nil
}

// tracked reports whether an earlier checkout brought a path.
func (b *bring) tracked(p string) bool {
	if b.record == nil {
		return false
	}
	f, ok := b.record.File(p)
	return ok && f.Checkout
}
