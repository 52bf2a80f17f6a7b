package docker

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"context"
)

func TestKeepAgainstPrune(t *testing.T) {
	c, _ := engine(t)
	kept := importImage(t, c, c.Run+":kept", "VOLUME /data", "LABEL com.docker.compose.project="+c.Run)
	lost := importImage(t, c, c.Run+":lost", "LABEL x=lost")
	project := c.Run
	ok(t, c.Keep(t.Context(), project, kept))
	ok(t, c.Keep(t.Context(), project, kept))
	t.Cleanup(func() { _ = c.Unkeep(context.Background(), project, kept) })
	if err := c.Keep(t.Context(), project, "sha256:"+strings.Repeat("00", 32)); !errors.Is(err, ErrNotFound) {
		t.Errorf("keep of no image: %v", err)
	}
	if got := must[[]string](t)(c.Kept(t.Context(), project)); !slices.Equal(got, []string{kept}) {
		t.Errorf("kept %v", got)
	}
	keepers := must[[]string](t)(c.ids(t.Context(), "label="+LabelKeep+"="+project))
	if len(keepers) != 1 || inspectOne(t, c, keepers[0]).State != "created" || len(inspectOne(t, c, keepers[0]).Mounts) != 1 {
		t.Errorf("keepers %v", keepers)
	}
	if m := inspectOne(t, c, keepers[0]).Mounts[0]; m.Type != "tmpfs" {
		t.Errorf("the keeper has a volume: %+v", m)
	}
	do(t, c, Command{Args: []string{"image", "rm", c.Run + ":kept"}})
	do(t, c, Command{Args: []string{"image", "prune", "-a", "-f", "--filter", "label=belay.test=" + c.Run}})
	found := must[map[string]Image](t)(c.Images(t.Context(), kept, lost))
	if _, there := found[kept]; !there {
		t.Error("the kept image is gone")
	}
	// In the image store of containerd each name gives a digest, also the holder's, and
	// an image that no registry has was taken for one that can be pulled again.
	if got := found[kept].Digests; len(got) != 0 {
		t.Errorf("the kept image can be pulled by %q", got)
	}
	if _, there := found[lost]; there {
		t.Error("prune took nothing: this test shows nothing")
	}
	ok(t, c.Unkeep(t.Context(), project, kept))
	ok(t, c.Unkeep(t.Context(), project, kept))
	if got := must[[]string](t)(c.Kept(t.Context(), project)); len(got) != 0 {
		t.Errorf("kept %v", got)
	}
	if _, there, err := c.Image(t.Context(), kept); there || err != nil {
		t.Errorf("the image has neither name nor container, and is still there: %v", err)
	}
}

func TestTagAndUntag(t *testing.T) {
	c, image := engine(t)
	first, found, err := c.Image(t.Context(), image)
	if err != nil || !found || !slices.Contains(first.Tags, image) || first.Size == 0 || !slices.Equal(first.Entrypoint, []string{"/prog"}) {
		t.Fatalf("%+v, %t, %v", first, found, err)
	}
	if _, found, err := c.Image(t.Context(), c.Run+":none"); found || err != nil {
		t.Errorf("no image: %t, %v", found, err)
	}
	name := c.Run + "/moved:1"
	ok(t, c.Tag(t.Context(), first.ID, name))
	second := importImage(t, c, c.Run+":2", "LABEL x=2")
	ok(t, c.Tag(t.Context(), second, name))
	found2 := must[map[string]Image](t)(c.Images(t.Context(), image, name, c.Run+":none"))
	if len(found2) != 2 || found2[image].ID != first.ID || found2[name].ID != second {
		t.Errorf("%+v", found2)
	}
	ok(t, c.Untag(t.Context(), name))
	ok(t, c.Untag(t.Context(), name))
	if _, found, _ := c.Image(t.Context(), name); found {
		t.Error("the name is still there")
	}
	// The last name of an image that a stopped container uses.
	id := container(t, c, "create", c.Run+":2", "sleep")
	ok(t, c.Untag(t.Context(), c.Run+":2"))
	if got, found, err := c.Image(t.Context(), second); !found || err != nil || slices.Contains(got.Tags, c.Run+":2") {
		t.Errorf("%+v, %t, %v", got, found, err)
	}
	ok(t, c.Remove(t.Context(), id))
}

func TestPullFails(t *testing.T) {
	c, _ := engine(t)
	var lines []string
	err := c.Pull(t.Context(), "127.0.0.1:1/none:1", func(l string) { lines = append(lines, l) })
	var e *Error
	if !errors.As(err, &e) {
		t.Errorf("error %v, lines %q", err, lines)
	}
}

func TestMarkerOfState(t *testing.T) {
	c, _ := engine(t)
	project := c.Run
	if _, there, err := c.Marker(t.Context(), project); there || err != nil {
		t.Fatal(there, err)
	}
	t.Cleanup(func() {
		_, _ = c.Do(context.Background(), Command{Args: []string{"volume", "rm", "belay-" + project}})
	})
	ok(t, c.SetMarker(t.Context(), project, "/var/lib/belay/a"))
	ok(t, c.SetMarker(t.Context(), project, "/var/lib/belay/a"))
	var e *MarkerError
	if err := c.SetMarker(t.Context(), project, "/var/lib/belay/b"); !errors.As(err, &e) || e.State != "/var/lib/belay/a" {
		t.Errorf("a second folder: %v", err)
	}
	if path, there, err := c.Marker(t.Context(), project); path != "/var/lib/belay/a" || !there || err != nil {
		t.Error(path, there, err)
	}
}
