package steps

import (
	"errors"
	"strings"
	"testing"
)

// Backup, clones and images on one disk were each compared with all of its room.
func TestRoomOnOneDisk(t *testing.T) {
	const mb = 1_000_000
	e := Estimate{}
	e.need(Disk{Path: "/b", Free: 1000 * mb, device: 1}, "the backup", 300*mb)
	e.need(Disk{Path: "/s", Free: 900 * mb, device: 1}, "the journal", 0)
	e.need(Disk{Path: "/d", Free: 900 * mb, device: 1}, "new images", 400*mb)
	e.need(Disk{Path: "/x", Free: 900 * mb, device: 2}, "a copy of the databases of db", 600*mb)
	e.need(Disk{Path: "db:/x", Free: 700 * mb}, "a copy of the databases of other", 300*mb)
	if len(e.Disks) != 3 || e.Disks[0].Free != 900*mb || len(e.Disks[0].Needs) != 2 {
		t.Fatalf("%+v", e.Disks)
	}
	err := e.fits()
	var r *Refusal
	if !errors.As(err, &r) || r.Reason != "there is too little room on the file system of /b" || r.Found != "900 MB" ||
		r.Needed != "968 MB: 300 MB for the backup, 400 MB for new images, 268 MB in reserve" {
		t.Errorf("%+v", r)
	}
	if n := strings.Count(err.Error(), "too little room"); n != 1 {
		t.Errorf("%d refusals: %v", n, err)
	}
}

// Images that had to be pulled took no room.
func TestRoomForImages(t *testing.T) {
	l := onEngine(t, "services: {a: {image: IMAGE, command: [sleep]}}")
	runs, _, err := l.Docker.Image(t.Context(), l.image)
	l.ok(err)
	repository := strings.TrimSuffix(l.image, ":1")
	l.Spec.Changes = []Change{
		{Service: "a", Old: l.image, OldID: runs.ID, New: repository + ":none"},
		{Service: "b", New: repository + ":other"},
		{Service: "c", New: "unlike/anything:1"},
		{Service: "d", Old: l.image, OldID: runs.ID, New: l.image},
	}
	e, err := l.Estimate(t.Context())
	l.ok(err)
	if want := 2*runs.Size + unknownImage; e.Images != want || runs.Size == 0 {
		t.Errorf("%d bytes, want %d", e.Images, want)
	}
	found := false
	for _, d := range e.Disks {
		for _, n := range d.Needs {
			found = found || n.What == "new images" && n.Bytes == e.Images
		}
	}
	if !found {
		t.Errorf("nothing needed where the engine keeps images: %+v", e.Disks)
	}
}
