package steps

import (
	"context"
	"fmt"
	"io"

	"github.com/belaystack/belay/upgrade/docker"
)

// helperData is where a helper container has volumes: below a path that no image
// declares a volume at.
const helperData = "/belay-data"

// holding is a helper container with several volumes and folders; without any there
// is no container.
type holding struct {
	held   *docker.Held
	mounts []docker.Mount
}

// hold starts one for what cannot be read from here.
func (h *Host) hold(ctx context.Context, all []stored) (*holding, error) {
	var mounts []docker.Mount
	image := ""
	for _, s := range all {
		if _, ok := h.here(s); !ok {
			m := s.Mount
			m.RW = false
			mounts, image = append(mounts, m), s.Image
		}
	}
	return h.holdMounts(ctx, image, mounts)
}

// holdMounts starts one of an image that is here.
func (h *Host) holdMounts(ctx context.Context, image string, mounts []docker.Mount) (*holding, error) {
	out := &holding{}
	for i, m := range mounts {
		m.Destination = fmt.Sprintf("%s/%d", helperData, i)
		out.mounts = append(out.mounts, m)
	}
	if len(mounts) == 0 {
		return out, nil
	}
	var err error
	out.held, err = h.Docker.Hold(ctx, docker.Helper{Image: image, Mounts: out.mounts, Args: []string{"__tree", "hold"}})
	return out, err
}

// at is where the container has a volume or folder.
func (h *holding) at(m docker.Mount) string {
	for _, o := range h.mounts {
		if same(o, m) {
			return o.Destination
		}
	}
	return helperData + "/none"
}

// Run runs a hidden command of belay in the container.
func (h *holding) Run(ctx context.Context, args []string, stdin io.Reader, stdout io.Writer) error {
	return h.held.Run(ctx, args, stdin, stdout)
}

// Close removes the container.
func (h *holding) Close(ctx context.Context) error {
	if h.held == nil {
		return nil
	}
	return h.held.Close(ctx)
}
