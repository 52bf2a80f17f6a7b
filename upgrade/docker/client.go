// Package docker drives the user's own docker and docker compose commands, and
// reads what the engine says of containers, images and volumes.
//
// What must stay true: no value of an environment ever stands in an argument, an
// error or a log; every process runs in a group of its own, which is gone when the
// call returns; each inherits the run's lock, so that the lock is free only when
// the last child of a dead run is gone; nothing here removes a volume of the user's.
//
// To add a command, write a method that calls Client.Do, and read its result from
// `inspect`: the texts of `ps` and its like change between releases.
package docker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"
)

// Client runs docker commands. Its fields must not change once it is in use; it
// may be used by several goroutines.
type Client struct {
	Docker string              // the program; "" for docker, found in PATH
	Env    []string            // the whole environment of the commands; nil for that of this process
	Lock   *os.File            // the run's lock, inherited by every child as descriptor 3; nil for none
	Grace  time.Duration       // between asking a cancelled command to end and killing it; 0 for 10 s
	Run    string              // id of the run, a label of helper containers
	Binary string              // a static program that Helper copies into its container
	Mask   func(string) string // takes secret values out of a text that will be seen; nil changes nothing
}

// Versions is what Client.Versions found.
type Versions struct {
	Engine  string // "28.5.1"
	API     string // the newest the engine speaks: "1.51"
	CLI     string // version of the docker command
	Compose string // "2.40.3"; "" when docker has no compose command
	ID      string // of the engine, kept over restarts
	RootDir string // where the engine keeps images and volumes, on its host
	Driver  string // of storage: "overlay2"
	Rootful bool   // false when the engine runs without root
}

// Versions asks the engine and compose which they are.
func (c *Client) Versions(ctx context.Context) (Versions, error) {
	var version struct {
		Client struct{ Version string }
		Server struct {
			Version    string
			APIVersion string `json:"ApiVersion"`
		}
	}
	if err := c.ask(ctx, &version, "version", "--format", "{{json .}}"); err != nil {
		return Versions{}, err
	}
	var info struct {
		ID, DockerRootDir, Driver string
		SecurityOptions           []string
		ServerErrors              []string
	}
	if err := c.ask(ctx, &info, "info", "--format", "{{json .}}"); err != nil {
		return Versions{}, err
	}
	if len(info.ServerErrors) > 0 { // some releases end with 0 all the same
		return Versions{}, fmt.Errorf("docker info: %w: %s", ErrEngine, c.mask(strings.Join(info.ServerErrors, "; ")))
	}
	v := Versions{
		Engine: version.Server.Version, API: version.Server.APIVersion, CLI: version.Client.Version,
		ID: info.ID, RootDir: info.DockerRootDir, Driver: info.Driver, Rootful: true,
	}
	for _, o := range info.SecurityOptions {
		if strings.Contains(o, "name=rootless") {
			v.Rootful = false
		}
	}
	var err error
	v.Compose, err = c.composeVersion(ctx)
	return v, err
}

// composeVersion is "" when docker answers that it has no such command.
func (c *Client) composeVersion(ctx context.Context) (string, error) {
	out, err := c.Do(ctx, Command{Args: []string{"compose", "version", "--short"}})
	var e *Error
	switch {
	case errors.As(err, &e) && !errors.Is(err, ErrEngine):
		return "", nil
	case err != nil:
		return "", err
	}
	return strings.TrimPrefix(strings.TrimSpace(string(out)), "v"), nil
}

// Endpoint is the address of the engine that the docker command leads to, and the context
// that names it: of DOCKER_HOST, else of DOCKER_CONTEXT, else of docker's own settings. The
// context of DOCKER_HOST is "default". The engine itself is not asked.
func (c *Client) Endpoint(ctx context.Context) (name, address string, err error) {
	var one struct{ Name, Host string }
	err = c.ask(ctx, &one, "context", "inspect", "--format", `{"Name":{{json .Name}},"Host":{{json .Endpoints.docker.Host}}}`)
	return one.Name, one.Host, err
}

// Ready waits until the engine answers. When ctx ends first, the error is that of
// the last attempt that ended by itself.
func (c *Client) Ready(ctx context.Context) error {
	var last error
	for {
		err := c.ping(ctx)
		if err == nil {
			return nil
		}
		if last == nil || ctx.Err() == nil {
			last = err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for the engine: %w", last)
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// ping gives one attempt 5 s: an engine that starts may accept and not answer.
func (c *Client) ping(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, 5*time.Second, fmt.Errorf("%w: no answer in 5 s", ErrEngine))
	defer cancel()
	_, err := c.Do(ctx, Command{Args: []string{"version", "--format", "{{.Server.Version}}"}})
	return err
}

// ask runs a docker command and reads the JSON that it prints into v.
func (c *Client) ask(ctx context.Context, v any, args ...string) error {
	cmd := Command{Args: args}
	out, err := c.Do(ctx, cmd)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(out, v); err != nil {
		return fmt.Errorf("%s: read the answer: %w", cmd, plainJSON(err))
	}
	return nil
}

// plainJSON leaves out of an error of encoding/json what may hold a value.
func plainJSON(err error) error {
	var t *json.UnmarshalTypeError
	if errors.As(err, &t) {
		return fmt.Errorf("field %s is not a %s", t.Field, t.Type)
	}
	return err
}

func (c *Client) mask(s string) string {
	if c.Mask == nil {
		return s
	}
	return c.Mask(s)
}
