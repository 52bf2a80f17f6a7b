package docker

import (
	"context"
	"fmt"
	"time"
)

// Leftovers gives the helper containers of a run.
func (c *Client) Leftovers(ctx context.Context, run string) ([]Container, error) {
	return c.list(ctx, "label="+LabelHelper, "label="+LabelRun+"="+run)
}

// EndLeftovers removes the helper containers of a run that died, running or not, and
// returns when they are gone: none writes to a volume any more.
func (c *Client) EndLeftovers(ctx context.Context, run string) error {
	for {
		left, err := c.Leftovers(ctx, run)
		if err != nil {
			return fmt.Errorf("helpers of run %s: %w", run, err)
		}
		if len(left) == 0 {
			return nil
		}
		var ids []string
		for _, l := range left {
			ids = append(ids, l.ID)
		}
		// "removal is already in progress" is an error too: the next look tells.
		err = c.removeOwn(ctx, ids...)
		if err == nil {
			continue
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("helpers of run %s: %w", run, err)
		case <-time.After(200 * time.Millisecond):
		}
	}
}
