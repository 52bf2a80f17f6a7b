package docker

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/distribution/reference"
)

// Image is what inspect says of a local image.
type Image struct {
	ID         string   // "sha256:…"
	Tags       []string // "redis:7-alpine"
	Digests    []string // "redis@sha256:…"; none for one that was built or imported, but in the image store of containerd
	Size       int64    // bytes, layers shared with others included
	Created    time.Time
	OS, Arch   string
	User       string
	Entrypoint []string
	Cmd        []string
	Volumes    []string // paths for which a container gets an anonymous volume, sorted
	Labels     map[string]string
}

// ownNames begins the names that Belay gives to images: no registry has them.
const ownNames = "belay.local/"

// Image looks up a local image by reference or id; false when there is none.
func (c *Client) Image(ctx context.Context, ref string) (Image, bool, error) {
	all, err := c.inspectImages(ctx, []string{ref})
	if err != nil || len(all) == 0 {
		return Image{}, false, err
	}
	return all[0], true, nil
}

// Images looks up many local images by reference or id; what is not there is not in
// the map.
func (c *Client) Images(ctx context.Context, refs ...string) (map[string]Image, error) {
	found := make(map[string]Image, len(refs))
	if len(refs) == 0 {
		return found, nil
	}
	all, err := c.inspectImages(ctx, refs)
	if err != nil {
		return nil, err
	}
	for _, ref := range refs {
		for _, image := range all {
			if image.answers(ref) {
				found[ref] = image
				break
			}
		}
	}
	return found, nil
}

func (c *Client) inspectImages(ctx context.Context, refs []string) ([]Image, error) {
	var raw []struct {
		ID, Os, Architecture  string
		RepoTags, RepoDigests []string
		Size                  int64
		Created               time.Time
		Config                struct {
			User            string
			Entrypoint, Cmd []string
			Volumes         map[string]struct{}
			Labels          map[string]string
		}
	}
	if err := c.inspect(ctx, &raw, "image", refs...); err != nil {
		return nil, err
	}
	all := make([]Image, len(raw))
	for i, r := range raw {
		all[i] = Image{
			ID: r.ID, Tags: r.RepoTags, Digests: r.RepoDigests, Size: r.Size, Created: r.Created, OS: r.Os, Arch: r.Architecture,
			User: r.Config.User, Entrypoint: r.Config.Entrypoint, Cmd: r.Config.Cmd, Labels: r.Config.Labels,
		}
		for path := range r.Config.Volumes {
			all[i].Volumes = append(all[i].Volumes, path)
		}
		slices.Sort(all[i].Volumes)
		all[i].Digests = slices.DeleteFunc(all[i].Digests, func(d string) bool { return strings.HasPrefix(d, ownNames) })
	}
	return all, nil
}

// answers says that the engine finds this image under ref: by a digest when there is
// one, whatever tag stands before it, else by tag, else by id.
func (i Image) answers(ref string) bool {
	if id := strings.TrimPrefix(ref, "sha256:"); len(id) >= 12 && strings.HasPrefix(strings.TrimPrefix(i.ID, "sha256:"), id) {
		return true
	}
	named, err := reference.ParseDockerRef(ref) // drops a tag that stands before a digest
	if err != nil {
		return false
	}
	short := reference.FamiliarString(named)
	return slices.Contains(i.Tags, short) || slices.Contains(i.Digests, short)
}

// Tag gives a local image a name, which is taken from the image that had it.
func (c *Client) Tag(ctx context.Context, id, ref string) error {
	_, err := c.Do(ctx, Command{Args: []string{"tag", "--", id, ref}})
	return err
}

// Untag takes a name away; one that is not there is fine. An image that has no other
// name and no container goes with it. One that has a container stays, under the name
// belay.local/untagged:<24 hex>, since the engine takes the last name of such an image
// only by force, and by force deletes the image of a stopped container.
func (c *Client) Untag(ctx context.Context, ref string) error {
	cmd := Command{Args: []string{"image", "rm", "--no-prune", "--", ref}}
	_, err := c.Do(ctx, cmd)
	var e *Error
	switch {
	case errors.Is(err, ErrNotFound):
		return nil
	case !errors.As(err, &e) || !strings.Contains(e.Stderr, "conflict"):
		return err
	}
	image, ok, findErr := c.Image(ctx, ref)
	if findErr != nil || !ok {
		return findErr
	}
	if err := c.Tag(ctx, image.ID, "belay.local/untagged:"+short(image.ID)); err != nil {
		return err
	}
	_, err = c.Do(ctx, cmd)
	return err
}

// Pull pulls an image; progress gets the lines that docker prints, nil for none.
func (c *Client) Pull(ctx context.Context, ref string, progress func(string)) error {
	return c.PullPlatform(ctx, ref, "", progress)
}

// PullPlatform pulls the image of one platform, "linux/arm64"; "" for the engine's.
func (c *Client) PullPlatform(ctx context.Context, ref, platform string, progress func(string)) error {
	args := []string{"pull"}
	if platform != "" {
		args = append(args, "--platform", platform)
	}
	_, err := c.Do(ctx, Command{Args: append(args, "--", ref), Stdout: c.lines(progress)})
	return err
}

// lines is a writer that passes each whole line on, masked.
func (c *Client) lines(f func(string)) io.Writer {
	if f == nil {
		return io.Discard
	}
	return &lineWriter{line: func(line string) { f(c.mask(line)) }}
}

// short is enough of an id for a name.
func short(id string) string {
	id = strings.TrimPrefix(id, "sha256:")
	return id[:min(24, len(id))]
}
