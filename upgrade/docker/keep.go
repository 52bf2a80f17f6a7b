package docker

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Labels of containers that Belay makes.
const (
	LabelRun    = "belay.run"    // id of the run that a helper container serves
	LabelHelper = "belay.helper" // "1" on a helper container
	LabelKeep   = "belay.keep"   // project for which a keeper container holds an image
)

// Keep holds an image against prune until Unkeep: by a container that is never
// started, and by a tag in belay.local/keep. Doing it twice is fine.
//
// It holds against `docker image prune -a`. `docker container prune` and `docker
// system prune` remove the container, as they do every stopped one, and `system prune
// -a` the image after it: Kept then has it no more.
func (c *Client) Keep(ctx context.Context, project, imageID string) error {
	image, ok, err := c.Image(ctx, imageID)
	if err != nil {
		return fmt.Errorf("keep image %s: %w", imageID, err)
	}
	if !ok {
		return fmt.Errorf("keep image %s: %w", imageID, ErrNotFound)
	}
	if err := c.Tag(ctx, image.ID, keepTag(project, image.ID)); err != nil {
		return fmt.Errorf("keep image %s: %w", imageID, err)
	}
	kept, err := c.keepers(ctx, project)
	if err != nil || kept[image.ID] != nil {
		return err
	}
	args := []string{"create", "--pull", "never", "--name", "belay-keep-" + project + "-" + short(image.ID), "--network", "none"}
	args = append(args, c.own(image, LabelKeep+"="+project)...)
	_, err = c.Do(ctx, Command{Args: append(args, "--entrypoint", "/belay-keep", image.ID)})
	return err
}

// own are the arguments that a container of Belay's is created with, whatever its
// image says: no label that makes compose take it for its own, no anonymous volume.
func (c *Client) own(image Image, labels ...string) []string {
	args := []string{"--restart", "no", "--no-healthcheck", "--log-driver", "none", "--user", "0:0", "--workdir", "/"}
	for _, l := range labels {
		args = append(args, "--label", l)
	}
	for name := range image.Labels {
		if strings.HasPrefix(name, "com.docker.compose.") {
			args = append(args, "--label", name+"=")
		}
	}
	for _, path := range image.Volumes {
		args = append(args, "--mount", mountArg("type=tmpfs", "destination="+path))
	}
	return args
}

// Kept gives the ids of the images that are held for a project, sorted.
func (c *Client) Kept(ctx context.Context, project string) ([]string, error) {
	kept, err := c.keepers(ctx, project)
	var ids []string
	for id := range kept {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids, err
}

// Unkeep lets an image go: it stays while something else names or uses it. One that
// is not kept is fine.
func (c *Client) Unkeep(ctx context.Context, project, imageID string) error {
	kept, err := c.keepers(ctx, project)
	if err != nil {
		return fmt.Errorf("let image %s go: %w", imageID, err)
	}
	if err := c.removeOwn(ctx, kept[imageID]...); err != nil {
		return fmt.Errorf("let image %s go: %w", imageID, err)
	}
	if err := c.Untag(ctx, keepTag(project, imageID)); err != nil {
		return fmt.Errorf("let image %s go: %w", imageID, err)
	}
	return nil
}

// keepers are the ids of a project's keeper containers by image id.
func (c *Client) keepers(ctx context.Context, project string) (map[string][]string, error) {
	all, err := c.list(ctx, "label="+LabelKeep+"="+project)
	kept := map[string][]string{}
	for _, k := range all {
		kept[k.Image] = append(kept[k.Image], k.ID)
	}
	return kept, err
}

// removeOwn removes containers of Belay's by force, with the volumes that nobody
// named which an engine may have made for them; volumes with a name stay, those of
// the stack that were mounted by their 64 digits too (moby: daemon/mounts.go).
func (c *Client) removeOwn(ctx context.Context, ids ...string) error {
	err := c.each(ctx, []string{"rm", "-f", "-v"}, ids)
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	return err
}

// keepTag is in one repository for all projects: not every project's name may stand
// in a repository's, but each may begin a tag.
func keepTag(project, imageID string) string {
	return "belay.local/keep:" + project[:min(len(project), 100)] + "-" + short(imageID)
}
