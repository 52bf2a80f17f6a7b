package docker

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
)

// Command is a docker command as a value: tests compare it, a plan prints it, an
// error carries it. Secrets go in by Env or Stdin, never by Args.
type Command struct {
	Args   []string
	Dir    string              // "" for that of this process
	Env    []string            // "NAME=value", added to the client's
	Stdin  io.Reader           // nil for none
	Stdout io.Writer           // nil: captured
	Stderr io.Writer           // gets a copy, masked, line by line; nil for none
	Watch  func(stderr string) // gets each line of stderr, masked; nil for none
}

// String is the command as one types it, without its environment. Of an argument
// of several lines, a script, only the beginning stands there.
func (c Command) String() string {
	var b strings.Builder
	b.WriteString("docker")
	for _, a := range c.Args {
		b.WriteByte(' ')
		if first, _, more := strings.Cut(a, "\n"); more {
			a = first + " …"
		}
		b.WriteString(quote(a))
	}
	return b.String()
}

// quote writes an argument as a shell reads it.
func quote(a string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("_-./:=@,+%{}", r)
	}
	if a != "" && strings.TrimFunc(a, plain) == "" {
		return a
	}
	return "'" + strings.ReplaceAll(a, "'", `'\''`) + "'"
}

// Do runs a command and gives what it wrote to stdout, unless that went elsewhere;
// also beside an *Error, which says that the command ran and failed. A ctx that ends
// interrupts the command's process group and, after Grace, kills it; the error then
// wraps the cause. Do returns when no process of the group is left.
func (c *Client) Do(ctx context.Context, cmd Command) ([]byte, error) {
	var out bytes.Buffer
	stdout := &recordWriter{w: cmd.Stdout}
	if cmd.Stdout == nil {
		stdout.w = &out
	}
	stderr := &lineWriter{line: func(line string) {
		line = c.mask(line)
		if cmd.Watch != nil {
			cmd.Watch(line)
		}
		if cmd.Stderr != nil {
			_, _ = io.WriteString(cmd.Stderr, line+"\n") // for a person: losing it must not end the command
		}
	}}
	p := c.process(cmd)
	p.Stdout, p.Stderr = stdout, stderr
	var stdin *input
	if cmd.Stdin != nil {
		var err error
		if stdin, err = openInput(p, cmd.Stdin); err != nil {
			return nil, fmt.Errorf("%s: %w", c.mask(cmd.String()), err)
		}
	}
	err := runGroup(ctx, p, stdin, c.grace())
	stderr.flush()
	stream := errors.Join(stdin.failed(), stdout.err())
	if err == nil && stream == nil {
		return out.Bytes(), nil
	}
	return out.Bytes(), c.failed(cmd, err, stream, stderr.last())
}

// process is the command before its streams are set.
func (c *Client) process(cmd Command) *exec.Cmd {
	name := c.Docker
	if name == "" {
		name = "docker"
	}
	p := exec.Command(name, cmd.Args...)
	p.Dir = cmd.Dir
	env := c.Env
	if env == nil {
		env = os.Environ()
	}
	// A hint is a line of stderr that says nothing about what went wrong.
	p.Env = append(append(append([]string{}, env...), "DOCKER_CLI_HINTS=false"), cmd.Env...)
	if c.Lock != nil {
		p.ExtraFiles = []*os.File{c.Lock}
	}
	return p
}

// failed tells a command that ran and failed from one that never ran or was cancelled.
func (c *Client) failed(cmd Command, err, stream error, stderr string) error {
	name := c.mask(cmd.String())
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return fmt.Errorf("%s: %w", name, errors.Join(err, stream))
	}
	e := &Error{Command: Command{Args: cmd.Args, Dir: cmd.Dir}, Exit: exit.ExitCode(), Stderr: c.mask(stderr), Cause: stream}
	e.kind = kindOf(cmd.Args, e.Exit, e.Stderr)
	e.text = name + ": " + exit.String()
	if e.Stderr != "" {
		e.text += ": " + e.Stderr
	}
	return e
}
