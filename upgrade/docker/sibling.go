package docker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
	"time"
)

// Labels of a sibling: a container of Belay's own image that works on the host in the
// place of a container whose paths are not the host's and that dies with its job.
const (
	LabelSibling = "belay.sibling" // folder of the stack that it works on
	labelRequest = "belay.request" // what it was asked for, and by whom
	labelSeal    = "belay.seal"    // what its own lines in the log begin with
)

// Sibling is such a container. Nothing of it is secret: docker inspect shows it all.
// Secrets go in by Handover.
type Sibling struct {
	Name    string
	Folder  string
	Request string
	Seal    string
	Image   string   // id
	Mounts  []Mount  // binds, at the same path; Source must exist
	State   string   // a folder of the host that is made when it is not there; at the same path
	Socket  string   // of the engine, on the host
	Env     []string // "NAME=value"
	Args    []string
	Lasting bool // started again by the engine until it says itself that it is done

	// What is known of one that is there.
	ID      string
	Status  string // created, running, paused, restarting, exited, dead
	Exit    int
	Started time.Time
}

// Alive says that its process runs, or will by itself.
func (s *Sibling) Alive() bool {
	return s.Status == "running" || s.Status == "restarting" || s.Status == "paused"
}

// ErrNoContainer says that this process runs in no container of the engine.
var ErrNoContainer = errors.New("this is no container of the engine")

// ErrTaken says that a container of that name is there already.
var ErrTaken = errors.New("name taken")

// containerPath finds the id in what the engine mounts over /etc/hostname and the like:
// "/var/lib/docker/containers/<id>/hostname".
var containerPath = regexp.MustCompile(`/containers/([0-9a-f]{64})/`)

// ownID is the id of the container that this process is in.
func ownID() (string, error) {
	data, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(string(data)) {
		// id, parent, device, root within the filesystem, mount point, …
		fields := strings.Fields(line)
		if len(fields) < 5 || !strings.HasPrefix(fields[4], "/etc/") {
			continue
		}
		if m := containerPath.FindStringSubmatch(fields[3]); m != nil {
			return m[1], nil
		}
	}
	return "", ErrNoContainer
}

// Own gives the container that this process is in, and the siblings of these names that
// are there.
func (c *Client) Own(ctx context.Context, names ...string) (Container, map[string]*Sibling, error) {
	id, err := ownID()
	if err != nil {
		return Container{}, nil, err
	}
	var raw []inspected
	if err := c.inspect(ctx, &raw, "container", append([]string{id}, names...)...); err != nil {
		return Container{}, nil, err
	}
	var own *Container
	siblings := map[string]*Sibling{}
	for i := range raw {
		if raw[i].ID == id {
			one := raw[i].container()
			own = &one
			continue
		}
		if s, ok := raw[i].sibling(); ok {
			siblings[s.Name] = s
		}
	}
	if own == nil {
		return Container{}, nil, ErrNoContainer // its socket is that of another engine
	}
	return *own, siblings, nil
}

// Sibling gives the one of this name; false when there is none.
func (c *Client) Sibling(ctx context.Context, name string) (*Sibling, bool, error) {
	var raw []inspected
	if err := c.inspect(ctx, &raw, "container", name); err != nil {
		return nil, false, err
	}
	if len(raw) == 0 {
		return nil, false, nil
	}
	s, ok := raw[0].sibling()
	if !ok {
		return nil, false, fmt.Errorf("container %s: no sibling of Belay's", name)
	}
	return s, true, nil
}

func (r *inspected) sibling() (*Sibling, bool) {
	l := r.Config.Labels
	s := &Sibling{
		Name: strings.TrimPrefix(r.Name, "/"), Folder: l[LabelSibling], Request: l[labelRequest], Seal: l[labelSeal],
		ID: r.ID, Status: r.State.Status, Exit: r.State.ExitCode, Started: r.State.StartedAt,
	}
	return s, s.Folder != "" && s.Seal != ""
}

// CreateSibling makes it, and gives its id; it does not run yet. ErrTaken where one of
// that name is there, a *NoSourceError where a folder is not.
func (c *Client) CreateSibling(ctx context.Context, s Sibling) (string, error) {
	args := []string{"create", "--pull", "never", "--name", s.Name, "--network", "host", "--userns", "host", "--user", "0:0", "--security-opt", "label=disable",
		// The engine's own default may be none, or one that cannot be read.
		"--log-driver", "json-file", "--log-opt", "max-size=100m",
		"--label", LabelSibling + "=" + s.Folder, "--label", labelRequest + "=" + s.Request, "--label", labelSeal + "=" + s.Seal,
		"--mount", mountArg("type=bind", "source="+s.Socket, "destination=/var/run/docker.sock"),
		"--volume", s.State + ":" + s.State}
	if s.Lasting {
		args = append(args, "--restart", "always")
	}
	for _, m := range s.Mounts {
		fields := []string{"type=bind", "source=" + m.Source, "destination=" + m.Source}
		if !m.RW {
			fields = append(fields, "readonly")
		}
		args = append(args, "--mount", mountArg(fields...))
	}
	for _, e := range s.Env {
		args = append(args, "--env", e)
	}
	out, err := c.Do(ctx, Command{Args: append(append(args, "--", s.Image), s.Args...)})
	var e *Error
	switch {
	case errors.As(err, &e) && strings.Contains(e.Stderr, "is already in use by container"):
		return "", fmt.Errorf("container %s: %w", s.Name, ErrTaken)
	case errors.As(err, &e) && noSource.MatchString(e.Stderr):
		return "", &NoSourceError{noSource.FindStringSubmatch(e.Stderr)[1]}
	}
	return strings.TrimSpace(string(out)), err
}

// noSource is what the engine says of a bind mount whose folder is not there.
var noSource = regexp.MustCompile(`bind source path does not exist: ([^\n]+?)\.?(\n|$)`)

// NoSourceError is a folder that was to be mounted, and is not on the host.
type NoSourceError struct{ Path string }

func (e *NoSourceError) Error() string { return e.Path + ": no such folder on the engine's host" }

// Handover writes a file into a container that does not run, for root alone: neither its
// name nor its content shows in docker inspect.
func (c *Client) Handover(ctx context.Context, id, name string, data []byte) error {
	in, err := oneFile(name, data)
	if err != nil {
		return err
	}
	_, err = c.Do(ctx, Command{Args: []string{"cp", "-", id + ":/"}, Stdin: in})
	return err
}

// Follow writes what a container logged and logs, from the beginning or a time on, its
// stdout to out and its stderr to errs, until it stops.
func (c *Client) Follow(ctx context.Context, id string, since time.Time, out io.Writer, errs func(line string)) error {
	args := []string{"logs", "--follow"}
	if !since.IsZero() {
		args = append(args, "--since", stamp(since))
	}
	_, err := c.Do(ctx, Command{Args: append(args, "--", id), Stdout: out, Watch: errs})
	return err
}

// Signal sends a signal to the process of a container. One that does not run is fine.
func (c *Client) Signal(ctx context.Context, id, signal string) error {
	_, err := c.Do(ctx, Command{Args: []string{"kill", "--signal", signal, "--", id}})
	var e *Error
	if errors.As(err, &e) && strings.Contains(e.Stderr, "is not running") {
		return nil
	}
	return err
}

// Retire takes care that the engine does not start this process' container again.
func (c *Client) Retire(ctx context.Context) error {
	id, err := ownID()
	if err != nil {
		return err
	}
	return c.SetRestart(ctx, RestartPolicy{Name: "no"}, id)
}
