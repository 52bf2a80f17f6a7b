package docker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// helperPath is where the binary stands in a helper container.
const helperPath = "/belay-helper"

// Helper is a run of the client's Binary as root in a new container, which sees
// volumes and folders of the host. The image is any that is on the host: nothing of it
// is used, so that one without a shell will do.
type Helper struct {
	Image   string    // reference or id of a local image
	Mounts  []Mount   // Type volume with Name, or bind with Source; Destination; RW
	Args    []string  // of the binary
	Env     []string  // "NAME=value": docker inspect shows it, so no secrets; those go in by Stdin
	Network string    // "" for none; a network's name, host, or container:<id>
	Stdin   io.Reader // nil for none
	Stdout  io.Writer // nil: thrown away
}

// Helper runs h and removes its container again, also when ctx ends. Bytes pass as
// they are. The *Error has the exit status and the end of stderr. Volumes must exist,
// and so must folders: docker would make empty ones.
//
// The binary may change owners and modes, set capabilities and make device nodes. It
// may not set trusted.* attributes: that takes CAP_SYS_ADMIN.
func (c *Client) Helper(ctx context.Context, h Helper) (err error) {
	name := strings.Join(h.Args[:min(1, len(h.Args))], "")
	id, err := c.createHelper(ctx, h)
	if err != nil {
		return fmt.Errorf("helper %s: %w", name, err)
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
		defer cancel()
		if e := c.removeOwn(ctx, id); e != nil {
			err = errors.Join(err, fmt.Errorf("helper %s: %w", name, e))
		}
	}()
	if _, err := c.Do(ctx, Command{Args: []string{"cp", c.Binary, id + ":" + helperPath}}); err != nil {
		return fmt.Errorf("helper %s: %w", name, err)
	}
	args := []string{"start", "--attach"}
	if h.Stdin != nil {
		args = append(args, "--interactive")
	}
	out := h.Stdout
	if out == nil {
		out = io.Discard
	}
	if _, err := c.Do(ctx, Command{Args: append(args, id), Stdin: h.Stdin, Stdout: out}); err != nil {
		return fmt.Errorf("helper %s: %w", name, err)
	}
	return nil
}

// createHelper gives the id of the container. It has the run's label from its first
// moment, so that recovery finds it whenever this process dies.
func (c *Client) createHelper(ctx context.Context, h Helper) (string, error) {
	image, ok, err := c.Image(ctx, h.Image)
	if err != nil {
		return "", err
	}
	if !ok {
		return "", fmt.Errorf("image %s: %w", h.Image, ErrNotFound)
	}
	mounts, err := c.helperMounts(ctx, h.Mounts)
	if err != nil {
		return "", err
	}
	args := []string{
		"create", "--pull", "never", "--entrypoint", helperPath,
		// The owners on disk, not those that a remapped container sees; no label of SELinux
		// between it and another container's files; and no more rights than copying takes.
		"--userns", "host", "--security-opt", "label=disable", "--cap-drop", "ALL",
	}
	for _, capability := range []string{"CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "MKNOD", "SETFCAP"} {
		args = append(args, "--cap-add", capability)
	}
	network := h.Network
	if network == "" {
		network = "none"
	}
	args = append(args, "--network", network)
	args = append(args, c.own(image, LabelHelper+"=1", LabelRun+"="+c.Run)...)
	args = append(args, mounts...)
	if h.Stdin != nil {
		args = append(args, "--interactive")
	}
	names, err := EnvNames(h.Env)
	if err != nil {
		return "", err
	}
	args = append(append(args, names...), "--", image.ID)
	out, err := c.Do(ctx, Command{Args: append(args, h.Args...), Env: h.Env})
	return strings.TrimSpace(string(out)), err
}

// helperMounts checks that the volumes are there.
func (c *Client) helperMounts(ctx context.Context, mounts []Mount) ([]string, error) {
	var names, args []string
	for _, m := range mounts {
		fields := []string{"type=" + m.Type, "destination=" + m.Destination}
		switch {
		case m.Type == "volume" && m.Name != "":
			names = append(names, m.Name)
			// Without nocopy an empty volume is filled with what the image has at that path.
			fields = append(fields, "source="+m.Name, "volume-nocopy")
		case m.Type == "bind" && m.Source != "":
			fields = append(fields, "source="+m.Source)
		default:
			return nil, fmt.Errorf("mount at %s: neither a volume with a name nor a folder", m.Destination)
		}
		if !m.RW {
			fields = append(fields, "readonly")
		}
		args = append(args, "--mount", mountArg(fields...))
	}
	found, err := c.Volumes(ctx, names...)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		if _, ok := found[name]; !ok {
			return nil, fmt.Errorf("volume %s: %w", name, ErrNotFound)
		}
	}
	return args, nil
}

// mountArg joins fields as --mount reads them: a line of CSV.
func mountArg(fields ...string) string {
	quoted := slices.Clone(fields)
	for i, f := range quoted {
		if strings.ContainsAny(f, ",\"\n\r") {
			quoted[i] = `"` + strings.ReplaceAll(f, `"`, `""`) + `"`
		}
	}
	return strings.Join(quoted, ",")
}
