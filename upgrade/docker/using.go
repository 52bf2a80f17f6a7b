package docker

import (
	"context"
	"path/filepath"
	"slices"
	"strings"
)

// Using gives the containers of anyone, running or not, that mount one of these: a
// name is a volume's; an absolute path is a folder of the engine's host, which is
// mounted too when one above or below it is. Look at the mounts for who may write. A
// sibling is no user: it is Belay itself, and has the lock or does not write.
func (c *Client) Using(ctx context.Context, namesOrPaths ...string) ([]Container, error) {
	if len(namesOrPaths) == 0 {
		return nil, nil
	}
	all, err := c.list(ctx)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(all, func(c Container) bool {
		return c.Sibling || !slices.ContainsFunc(c.Mounts, func(m Mount) bool {
			return slices.ContainsFunc(namesOrPaths, m.Touches)
		})
	}), nil
}

// Touches says that the mount shows the volume of that name, or files at, above or
// below that absolute path of the host.
func (m Mount) Touches(nameOrPath string) bool {
	if !filepath.IsAbs(nameOrPath) {
		return m.Type == "volume" && m.Name == nameOrPath
	}
	return m.Source != "" && (within(m.Source, nameOrPath) || within(nameOrPath, m.Source))
}

func within(dir, path string) bool {
	rel, err := filepath.Rel(dir, path)
	return err == nil && rel != ".." && !strings.HasPrefix(rel, "../")
}
