package steps

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/belaystack/belay/lint/image"
	"github.com/belaystack/belay/upgrade/backup"
	"github.com/belaystack/belay/upgrade/docker"
	"github.com/belaystack/belay/upgrade/postgres"
)

// Estimate is what a run needs and finds, in bytes.
type Estimate struct {
	Databases int64 `json:"databases"`
	Volumes   int64 `json:"volumes"`
	Built     int64 `json:"built"`     // images that no registry has
	Backup    int64 `json:"backup"`    // upper bound of what the backup takes
	Clones    int64 `json:"clones"`    // as much as one restore of all databases beside them takes
	Images    int64 `json:"images"`    // that are not here, by the size of those that run
	FreeStore int64 `json:"freeStore"` // where backups go
	FreeData  int64 `json:"freeData"`  // where the databases are; the least of them

	Disks []Disk `json:"disks,omitempty"` // every file system that a run writes to
}

// Disk is what a run needs of one file system, and what is free, in bytes.
type Disk struct {
	Path  string `json:"path"` // one on it
	Free  int64  `json:"free"`
	Needs []Need `json:"needs"`

	device uint64 // 0: not known, and nothing else is taken to be on it
}

// Need is one thing that takes room.
type Need struct {
	What  string `json:"what"` // "the backup"
	Bytes int64  `json:"bytes"`
}

// reserve is what stays free on each file system beside what was estimated, in bytes:
// for journals, logs, and what the new version writes.
const reserve = 256 << 20

// unknownImage is what an image takes that nothing like it runs of, in bytes.
const unknownImage = 512 << 20

// Estimate measures what a run will need.
func (h *Host) Estimate(ctx context.Context) (Estimate, error) {
	var e Estimate
	if err := h.roomForVolumes(ctx, &e); err != nil {
		return e, err
	}
	if err := h.roomForDatabases(ctx, &e); err != nil {
		return e, err
	}
	built, err := h.unpullable(ctx)
	if err != nil {
		return e, err
	}
	for _, img := range built {
		e.Built += img.Size
	}
	e.Backup, e.Clones = e.Databases+e.Volumes+e.Built, e.Databases
	store := existing(h.Store.Dir)
	if e.FreeStore, err = backup.Free(store); err != nil {
		return e, err
	}
	e.need(Disk{Path: store, Free: e.FreeStore, device: device(store)}, "the backup", e.Backup)
	if at := existing(h.Spec.State); h.Spec.State != "" {
		free, err := backup.Free(at)
		if err != nil {
			return e, err
		}
		e.need(Disk{Path: at, Free: free, device: device(at)}, "the journal", 0)
	}
	return e, h.roomForImages(ctx, &e)
}

func (h *Host) roomForVolumes(ctx context.Context, e *Estimate) error {
	cs, err := h.containers(ctx)
	if err != nil {
		return err
	}
	all := append(dataMounts(cs, h.Spec.Servers, h.Spec.Config.Exclude), readOnly(cs, h.Spec.Servers, h.Spec.Config.Exclude).folders...)
	held, err := h.hold(ctx, all)
	if err != nil {
		return err
	}
	for _, d := range all {
		n, err := h.measure(ctx, held, d)
		if err != nil {
			return errors.Join(err, held.Close(ctx))
		}
		e.Volumes += n
	}
	return held.Close(ctx)
}

// roomForDatabases counts each database once where its server keeps it: for its clone,
// or, where there is none, for the dump that a rollback restores beside it.
func (h *Host) roomForDatabases(ctx context.Context, e *Estimate) error {
	servers, err := h.servers(ctx)
	if err != nil {
		return err
	}
	for _, srv := range servers {
		dbs, err := srv.Databases(ctx)
		if err != nil {
			return err
		}
		var sum, largest int64
		for _, db := range dbs {
			sum += db.Size
			largest = max(largest, db.Size)
		}
		e.Databases += sum
		facts, ok, err := postgres.Probe(ctx, srv.Exec, srv.Container)
		if err != nil || !ok {
			continue
		}
		room, err := srv.Space(ctx, facts.DataDir)
		if err != nil {
			continue
		}
		if e.FreeData == 0 || room.Free < e.FreeData {
			e.FreeData = room.Free
		}
		d := Disk{Path: srv.Service + ":" + facts.DataDir, Free: room.Free}
		if at, err := h.onHost(ctx, srv.Container, facts.DataDir); err == nil {
			d.Path, d.device = at, device(at)
		}
		switch {
		case h.Spec.Kind == Upgrade && h.Spec.moves(srv.Service):
			// A new folder lies beside the old one, a new volume where the engine has that one.
			e.need(d, "a dump of "+srv.Service+" and twice its databases", 3*sum)
		case h.Spec.Kind != Backup:
			e.need(d, "a copy of the databases of "+srv.Service, sum)
		case h.Spec.Options.VerifyRestore:
			e.need(d, "a scratch database in "+srv.Service, largest)
		}
	}
	return nil
}

// onHost gives the path of the host that a container shows at dir.
func (h *Host) onHost(ctx context.Context, container, dir string) (string, error) {
	found, err := h.Docker.Inspect(ctx, container)
	if err != nil {
		return "", err
	}
	best := docker.Mount{}
	for _, c := range found {
		for _, m := range c.Mounts {
			under := m.Destination == dir || strings.HasPrefix(dir, strings.TrimSuffix(m.Destination, "/")+"/")
			if m.Source != "" && under && len(m.Destination) > len(best.Destination) {
				best = m
			}
		}
	}
	if best.Source == "" {
		return "", errors.New("not mounted")
	}
	at := path.Join(best.Source, strings.TrimPrefix(dir, best.Destination))
	_, err = os.Stat(at)
	return at, err
}

// roomForImages counts the images that are not here, where the engine keeps them. What
// cannot be seen from here, since Belay runs in a container, is passed over.
func (h *Host) roomForImages(ctx context.Context, e *Estimate) error {
	for _, ref := range (&pull{h}).refs() {
		if h.Spec.Images[ref] != "" {
			continue
		}
		_, here, err := h.Docker.Image(ctx, ref)
		if err != nil {
			return err
		}
		if here {
			continue
		}
		size, err := h.likelySize(ctx, ref)
		if err != nil {
			return err
		}
		e.Images += size
	}
	v, err := h.Docker.Versions(ctx)
	if err != nil {
		return err
	}
	if free, err := backup.Free(v.RootDir); err == nil {
		e.need(Disk{Path: v.RootDir, Free: free, device: device(v.RootDir)}, "new images", e.Images)
	}
	return nil
}

// likelySize is that of the image of the same repository that runs.
func (h *Host) likelySize(ctx context.Context, ref string) (int64, error) {
	size := int64(0)
	for _, c := range h.Spec.Changes {
		if c.OldID == "" || c.New != ref && !sameRepository(c.Old, ref) {
			continue
		}
		img, _, err := h.Docker.Image(ctx, c.OldID)
		if err != nil {
			return 0, err
		}
		size = max(size, img.Size)
	}
	if size == 0 {
		size = unknownImage
	}
	return size, nil
}

func sameRepository(a, b string) bool {
	x, errX := image.Parse(a)
	y, errY := image.Parse(b)
	return errX == nil && errY == nil && x.Familiar() == y.Familiar()
}

// need adds to what is needed of a file system.
func (e *Estimate) need(d Disk, what string, bytes int64) {
	i := slices.IndexFunc(e.Disks, func(o Disk) bool { return o.Path == d.Path || o.device != 0 && o.device == d.device })
	if i < 0 {
		i, e.Disks = len(e.Disks), append(e.Disks, d)
	}
	if bytes > 0 {
		e.Disks[i].Needs = append(e.Disks[i].Needs, Need{what, bytes})
	}
	e.Disks[i].Free = min(e.Disks[i].Free, d.Free)
}

// device is the number of the file system that path is on; 0 when it cannot be told.
func device(path string) uint64 {
	info, err := os.Stat(path)
	if err != nil {
		return 0
	}
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return uint64(st.Dev)
	}
	return 0
}

// existing is the nearest folder above path that is there.
func existing(path string) string {
	for {
		if _, err := os.Stat(path); err == nil || path == filepath.Dir(path) {
			return path
		}
		path = filepath.Dir(path)
	}
}

// fits refuses each file system that has less room than all that goes there takes.
func (e Estimate) fits() error {
	var errs []error
	for _, d := range e.Disks {
		need, parts := int64(reserve), []string{}
		for _, n := range d.Needs {
			need += n.Bytes
			parts = append(parts, megabytes(n.Bytes)+" for "+n.What)
		}
		if d.Free >= need {
			continue
		}
		parts = append(parts, megabytes(reserve)+" in reserve")
		errs = append(errs, &Refusal{Reason: "there is too little room on the file system of " + d.Path, Found: megabytes(d.Free),
			Needed: megabytes(need) + ": " + strings.Join(parts, ", "),
			Next:   "make room; in belay.yml backup.directory names another folder for backups, and backup.exclude leaves out what is not the stack's"})
	}
	return errors.Join(errs...)
}

func megabytes(n int64) string { return fmt.Sprintf("%d MB", n/1_000_000) }
