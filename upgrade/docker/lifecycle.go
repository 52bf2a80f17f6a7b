package docker

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"
)

// SetRestart sets the restart policy of containers, stopped ones too.
func (c *Client) SetRestart(ctx context.Context, policy RestartPolicy, ids ...string) error {
	return c.each(ctx, []string{"update", "--restart", policy.String()}, ids)
}

// Stop stops containers, all at once: their stop signal, then SIGKILL after timeout,
// rounded up to seconds; without a positive one, after that of each container. Those
// that are stopped already are fine.
func (c *Client) Stop(ctx context.Context, timeout time.Duration, ids ...string) error {
	args := []string{"stop"}
	if timeout > 0 {
		args = append(args, "-t", strconv.Itoa(int((timeout+time.Second-1)/time.Second)))
	}
	return c.each(ctx, args, ids)
}

// Start starts containers as they are; one that runs already is fine.
func (c *Client) Start(ctx context.Context, ids ...string) error {
	return c.each(ctx, []string{"start"}, ids)
}

// removing is how long Remove waits for a removal that somebody else began.
const removing = time.Minute

// Remove removes stopped containers, and never a volume, not even an anonymous one.
// Those that are gone already are fine, and those that are about to be are waited for.
func (c *Client) Remove(ctx context.Context, ids ...string) error {
	within, cancel := context.WithTimeout(ctx, removing)
	defer cancel()
	for {
		err := c.each(ctx, []string{"rm"}, ids)
		if err == nil || !errors.Is(err, ErrNotFound) && !errors.Is(err, ErrRemoving) {
			return err
		}
		left, inspectErr := c.Inspect(ctx, ids...) // it goes on after one that is gone; this says whether it did
		if inspectErr != nil || len(left) == 0 {
			return inspectErr
		}
		going := func(c Container) bool { return c.State == "removing" }
		if errors.Is(err, ErrNotFound) && !slices.ContainsFunc(left, going) {
			return fmt.Errorf("remove container %s: it is still there: %s", left[0].Name, err) // not %w: this one was found
		}
		select {
		case <-within.Done():
			return err
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// each runs a command with the ids behind it; none is no command.
func (c *Client) each(ctx context.Context, args, ids []string) error {
	if len(ids) == 0 {
		return nil
	}
	_, err := c.Do(ctx, Command{Args: append(append(args, "--"), ids...)})
	return err
}
