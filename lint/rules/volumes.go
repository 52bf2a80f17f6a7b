package rules

import (
	"fmt"
	"path"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"

	"github.com/belaystack/belay/lint/compose"
)

// mount is what stands at a path of a container.
type mount struct {
	types.ServiceVolumeConfig      // zero where nothing is mounted
	kind                      kind // what becomes of the data there
}

// kind says whether data at a path outlives its container.
type kind uint8

const (
	unmounted kind = iota // in the container's own layer, or in an anonymous volume of its image
	anonymous             // a volume without a name: left behind when the container is replaced
	inMemory              // tmpfs
	kept                  // a named volume, a bind mount, or one that another service brings along
)

// mountOf gives the mount of svc that holds the path p: the deepest one at p
// or above it.
func mountOf(svc *compose.Service, p string) mount {
	best := mount{}
	depth := -1
	take := func(m mount) {
		target := path.Clean(m.Target)
		if len(target) > depth && within(p, target) {
			best, depth = m, len(target)
		}
	}
	if len(svc.Config.VolumesFrom) > 0 {
		best.kind = kept
	}
	for _, v := range svc.Config.Volumes {
		m := mount{v, kept}
		switch {
		case v.Type == types.VolumeTypeTmpfs:
			m.kind = inMemory
		case v.Type == types.VolumeTypeVolume && v.Source == "":
			m.kind = anonymous
		}
		take(m)
	}
	for _, t := range svc.Config.Tmpfs {
		target, _, _ := strings.Cut(t, ":")
		take(mount{types.ServiceVolumeConfig{Type: types.VolumeTypeTmpfs, Target: target}, inMemory})
	}
	return best
}

// within reports whether the path p is dir or below it.
func within(p, dir string) bool {
	return p == dir || strings.HasPrefix(p, strings.TrimSuffix(dir, "/")+"/")
}

// joinSome lists at most n of names.
func joinSome(names []string, n int) string {
	if len(names) <= n {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:n], ", "), len(names)-n)
}

// sourceOf says where the mount of svc at target comes from, so that two
// states of the stack can be compared: "" when nothing that is kept is there.
// The text may hold a value of an env file.
func sourceOf(s *compose.Stack, svc *compose.Service, target string) string {
	for _, m := range svc.Config.Volumes {
		if path.Clean(m.Target) != path.Clean(target) {
			continue
		}
		if m.Type != types.VolumeTypeVolume || m.Source == "" {
			return svc.MountSource(m)
		}
		v := s.Volumes[m.Source]
		if _, named := s.VolumeAt(m.Source); named {
			return "name " + v.Name
		}
		return m.Source
	}
	return ""
}
