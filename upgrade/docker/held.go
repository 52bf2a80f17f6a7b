package docker

import (
	"context"
	"fmt"
	"io"
	"time"
)

// Held is a helper container that stays for several commands. A container for each
// would cost about a second each, of downtime where it stands still meanwhile.
type Held struct {
	client *Client
	id     string
}

// Hold starts a helper whose Args wait until they are killed. Its Stdin and Stdout are
// not used. The caller closes it.
func (c *Client) Hold(ctx context.Context, h Helper) (*Held, error) {
	h.Stdin, h.Stdout = nil, nil
	id, err := c.createHelper(ctx, h)
	if err != nil {
		return nil, fmt.Errorf("helper: %w", err)
	}
	held := &Held{c, id}
	for _, args := range [][]string{{"cp", c.Binary, id + ":" + helperPath}, {"start", "--", id}} {
		if _, err := c.Do(ctx, Command{Args: args}); err != nil {
			held.Close(ctx)
			return nil, fmt.Errorf("helper: %w", err)
		}
	}
	return held, nil
}

// Run runs the binary in the container, with these arguments. Bytes pass as they are;
// the *Error has the exit status and the end of stderr.
func (h *Held) Run(ctx context.Context, args []string, stdin io.Reader, stdout io.Writer) error {
	err := h.client.Exec(ctx, h.id, Exec{Args: append([]string{helperPath}, args...), Stdin: stdin, Stdout: stdout})
	if err != nil {
		return fmt.Errorf("helper %s: %w", args[0], err)
	}
	return nil
}

// Close removes the container, and ends what runs in it, also when ctx has ended.
func (h *Held) Close(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
	defer cancel()
	if err := h.client.removeOwn(ctx, h.id); err != nil {
		return fmt.Errorf("helper: %w", err)
	}
	return nil
}
