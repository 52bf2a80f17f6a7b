package steps

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/belaystack/belay/upgrade/docker"
)

// Ran is what came of one of the user's own commands.
type Ran struct {
	Name   string   `json:"name"`
	Exit   int      `json:"exit"` // -1: it could not be started, or ran out of time
	Took   Duration `json:"took"`
	Output string   `json:"output,omitempty"` // the last lines, masked
	Error  string   `json:"error,omitempty"`
}

// run carries out a command where it says: in a service's container, in one of
// its own, or on the host. What it prints is kept to the last lines, and masked.
func (h *Host) run(ctx context.Context, cmd Command) Ran {
	begun := h.Now()
	ctx, cancel := context.WithTimeoutCause(ctx, time.Duration(cmd.Timeout), fmt.Errorf("it took longer than %s", time.Duration(cmd.Timeout)))
	defer cancel()
	out := &tail{max: 20}
	env, err := h.environment(cmd.Env)
	switch {
	case err != nil:
	case cmd.Service != "":
		err = h.runInService(ctx, cmd, env, out)
	case cmd.Image != "":
		err = h.runInImage(ctx, cmd, env, out)
	default:
		err = h.runOnHost(ctx, cmd, out)
	}
	mask := func(s string) string { return h.Mask(hideValues(s, env)) }
	r := Ran{Name: cmd.Name, Took: Duration(h.Now().Sub(begun)), Output: mask(out.String())}
	var exit interface{ ExitCode() int }
	var inside *docker.Error
	switch {
	case err == nil:
	case ctx.Err() != nil:
		r.Exit, r.Error = -1, context.Cause(ctx).Error()
	case errors.As(err, &exit):
		r.Exit = exit.ExitCode()
	case errors.As(err, &inside) && inside.Exit >= 0:
		r.Exit = inside.Exit
	default:
		r.Exit, r.Error = -1, mask(err.Error())
	}
	return r
}

// environment gives the variables of these names from Belay's own environment.
func (h *Host) environment(names []string) ([]string, error) {
	var out []string
	for _, name := range names {
		i := slices.IndexFunc(h.Docker.Env, func(pair string) bool { return strings.HasPrefix(pair, name+"=") })
		if i < 0 {
			return nil, fmt.Errorf("variable %s is not in the environment that belay was started with", name)
		}
		out = append(out, h.Docker.Env[i])
	}
	return out, nil
}

// hideValues hides the values of variables, but for those too short to be a secret.
func hideValues(s string, env []string) string {
	for _, pair := range env {
		if _, value, _ := strings.Cut(pair, "="); len(value) >= 4 {
			s = strings.ReplaceAll(s, value, "***")
		}
	}
	return s
}

func (h *Host) runInService(ctx context.Context, cmd Command, env []string, out *tail) error {
	cs, err := h.containers(ctx)
	if err != nil {
		return err
	}
	for _, c := range cs {
		if c.Service == cmd.Service && c.State == "running" {
			// The shell joins both streams: exec keeps stderr for its own errors.
			args := append([]string{"sh", "-c", `exec "$@" 2>&1`, "belay"}, cmd.Run...)
			return h.Docker.Exec(ctx, c.ID, docker.Exec{Args: args, Env: env, Stdout: out})
		}
	}
	return fmt.Errorf("no container of service %s runs", cmd.Service)
}

func (h *Host) runInImage(ctx context.Context, cmd Command, env []string, out *tail) error {
	network := cmd.Network
	if network == "" || network == "stack" {
		network = h.network(ctx)
	}
	if _, ok, err := h.Docker.Image(ctx, cmd.Image); err != nil || !ok {
		return cmp.Or(err, fmt.Errorf("image %s is not here: docker pull %s", cmd.Image, cmd.Image))
	}
	args := []string{"run", "--rm", "--pull", "never", "--label", docker.LabelRun + "=" + h.Spec.Run, "--label", docker.LabelHelper + "=1", "--network", network}
	if cmd.Mount != "" {
		args = append(args, "--mount", "type=bind,source="+cmd.Mount+",destination=/work,readonly", "--workdir", "/work")
	}
	names, err := docker.EnvNames(env)
	if err != nil {
		return err
	}
	args = append(append(append(args, names...), "--", cmd.Image), cmd.Run...)
	_, err = h.Docker.Do(ctx, docker.Command{Args: args, Env: env, Stdout: out, Watch: func(line string) { fmt.Fprintln(out, line) }})
	if ctx.Err() == nil {
		return err
	}
	// The docker command is gone; a container that hears no interrupt is not.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
	defer cancel()
	return errors.Join(err, h.Docker.EndLeftovers(ctx, h.Spec.Run))
}

// network is one that the stack's containers are in.
func (h *Host) network(ctx context.Context) string {
	cs, err := h.containers(ctx)
	if err == nil {
		for _, c := range cs {
			for _, n := range c.Networks {
				if strings.HasSuffix(n, "_default") {
					return n
				}
			}
		}
		for _, c := range cs {
			if len(c.Networks) > 0 {
				return c.Networks[0]
			}
		}
	}
	return "none"
}

// runOnHost runs a command beside belay, in the folder of the stack.
func (h *Host) runOnHost(ctx context.Context, cmd Command, out *tail) error {
	p := exec.CommandContext(ctx, cmd.Run[0], cmd.Run[1:]...)
	p.Dir = h.Spec.Project.Dir
	p.Env = append(slices.Clone(h.Docker.Env), "BELAY_RUN="+h.Spec.Run, "BELAY_PROJECT="+h.Spec.Project.Name)
	p.Stdout, p.Stderr = out, out
	p.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if h.Docker.Lock != nil {
		p.ExtraFiles = []*os.File{h.Docker.Lock}
	}
	p.Cancel = func() error { return syscall.Kill(-p.Process.Pid, syscall.SIGINT) }
	p.WaitDelay = 10 * time.Second
	return p.Run()
}

// tail keeps the last lines of what is written to it.
type tail struct {
	max  int
	data []byte
}

func (t *tail) Write(b []byte) (int, error) {
	t.data = append(t.data, b...)
	if len(t.data) > 64<<10 {
		t.data = t.data[len(t.data)-32<<10:]
	}
	return len(b), nil
}

func (t *tail) String() string {
	lines := bytes.Split(bytes.TrimSpace(t.data), []byte("\n"))
	return string(bytes.Join(lines[max(0, len(lines)-t.max):], []byte("\n")))
}

// lines is a writer that calls each for every line.
type lines struct {
	each func(string)
	rest []byte
}

func (l *lines) Write(b []byte) (int, error) {
	l.rest = append(l.rest, b...)
	for {
		line, rest, ok := bytes.Cut(l.rest, []byte("\n"))
		if !ok {
			break
		}
		l.each(strings.TrimRight(string(line), "\r"))
		l.rest = rest
	}
	if len(l.rest) > 64<<10 {
		l.rest = nil
	}
	return len(b), nil
}

// failures says which commands failed, and how.
func failures(ran []Ran, accepted []string) []string {
	var out []string
	for _, r := range ran {
		if r.Exit == 0 || contains(accepted, r.Name) {
			continue
		}
		s := fmt.Sprintf("%s (exit status %d)", r.Name, r.Exit)
		if r.Error != "" {
			s = r.Name + " (" + r.Error + ")"
		}
		if r.Output != "" {
			s += ": " + strings.ReplaceAll(r.Output, "\n", " | ")
		}
		out = append(out, s)
	}
	return out
}
