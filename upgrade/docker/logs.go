package docker

import (
	"context"
	"io"
	"strconv"
	"time"
)

// Logs writes what a container logged, stdout and stderr, line by line and masked:
// its last lines, at most tail of them (0: all), since a time (zero: from the
// beginning). A container whose log driver cannot be read is an error.
func (c *Client) Logs(ctx context.Context, id string, since time.Time, tail int, w io.Writer) error {
	args := []string{"logs"}
	if tail > 0 {
		args = append(args, "--tail", strconv.Itoa(tail))
	}
	if !since.IsZero() {
		args = append(args, "--since", stamp(since))
	}
	out := &sharedWriter{w: w}
	lines := &lineWriter{line: func(line string) { out.line(c.mask(line)) }}
	_, err := c.Do(ctx, Command{Args: append(args, "--", id), Stdout: lines, Watch: out.line})
	lines.flush()
	if err != nil {
		return err
	}
	return out.err
}
