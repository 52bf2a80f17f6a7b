package docker

import (
	"context"
	"fmt"
	"io"
	"strings"
)

// Exec is a program to run in a running container.
type Exec struct {
	Args   []string
	Env    []string // "NAME=value"; values reach the program unseen, by the docker command's own environment
	User   string   // "" for the container's
	Stdin  io.Reader
	Stdout io.Writer // nil: thrown away
}

// Exec runs a program in a container, never with a terminal: one would change the
// bytes. Its exit status and the end of its stderr are in the *Error. A ctx that ends
// ends the docker command; the program inside loses its streams, and may go on.
func (c *Client) Exec(ctx context.Context, container string, e Exec) error {
	args := []string{"exec"}
	if e.Stdin != nil {
		args = append(args, "-i")
	}
	if e.User != "" {
		args = append(args, "-u", e.User)
	}
	names, err := EnvNames(e.Env)
	if err != nil {
		return fmt.Errorf("exec in %s: %w", container, err)
	}
	args = append(append(args, names...), "--", container)
	out := e.Stdout
	if out == nil {
		out = io.Discard
	}
	_, err = c.Do(ctx, Command{Args: append(args, e.Args...), Env: e.Env, Stdin: e.Stdin, Stdout: out})
	return err
}

// EnvNames are the arguments by which docker takes variables from its own environment.
// Some would change what the docker command does: those are an error.
func EnvNames(env []string) ([]string, error) {
	var args []string
	for _, pair := range env {
		name, _, ok := strings.Cut(pair, "=")
		switch {
		case !ok || name == "":
			return nil, fmt.Errorf("an environment entry is not NAME=value")
		case name == "PATH", name == "HOME", strings.HasPrefix(name, "DOCKER_"):
			return nil, fmt.Errorf("%s cannot be passed to a container: it is the docker command's own", name)
		}
		args = append(args, "-e", name)
	}
	return args, nil
}
