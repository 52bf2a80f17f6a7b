package docker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Labels of compose (v2.40.3, pkg/api/labels.go).
const (
	labelProject     = "com.docker.compose.project"
	labelService     = "com.docker.compose.service"
	labelNumber      = "com.docker.compose.container-number"
	labelOneoff      = "com.docker.compose.oneoff"
	labelConfigHash  = "com.docker.compose.config-hash"
	labelImage       = "com.docker.compose.image"
	labelDependsOn   = "com.docker.compose.depends_on"
	labelReplace     = "com.docker.compose.replace"
	labelWorkingDir  = "com.docker.compose.project.working_dir"
	labelConfigFiles = "com.docker.compose.project.config_files"
	labelEnvFile     = "com.docker.compose.project.environment_file"
)

// Container is what inspect says of a container.
type Container struct {
	ID, Name string // Name without its slash
	Project  string
	Service  string
	Number   int  // of the service's containers, from 1
	Oneoff   bool // made by compose run
	Sibling  bool // Belay's own, with what the host has of a stack
	// Temporary says that compose was stopped while it recreated the container: it
	// bears the name "<12 hex of the old one>_<name>" still, and may never have run.
	Temporary bool

	State        string // created, running, paused, restarting, removing, exited, dead
	Health       string // "" without a check; starting, healthy, unhealthy
	ExitCode     int
	OOMKilled    bool
	Error        string // why the engine could not start it
	RestartCount int
	Created      time.Time
	StartedAt    time.Time // zero when it never ran
	FinishedAt   time.Time // zero when it never ended

	Args        []string // entry point and command
	Policy      RestartPolicy
	Image       string // id: "sha256:…"
	ImageRef    string // what it was made from, as the file has it
	ImageLabel  string // id that compose saw when it made the container; compose recreates it when the tag has another
	ConfigHash  string
	WorkingDir  string
	ConfigFiles []string
	EnvFiles    []string
	DependsOn   map[string]string // service -> condition, as when it was made

	Mounts      []Mount
	Env         map[string]Secret
	Ports       []Port // as asked for, also while it is stopped
	Networks    []string
	Names       []string // by which others in its networks know it, besides its service
	NetworkMode string
	Joins       []string // ids or names of the containers whose network, processes, memory or mounts it shares
	User        string
	StopTimeout time.Duration // 0 for the engine's 10 s
	LogDriver   string
	AutoRemove  bool // the engine removes it when it stops
}

// Running says that its process runs, be it paused.
func (c Container) Running() bool { return c.State == "running" || c.State == "paused" }

// RestartPolicy is what the engine does when a container ends.
type RestartPolicy struct {
	Name string `json:"name"`          // no, always, unless-stopped, on-failure
	Max  int    `json:"max,omitempty"` // attempts of on-failure; 0 for no limit
}

// String is the policy as docker reads it: "on-failure:3".
func (p RestartPolicy) String() string {
	switch {
	case p.Name == "":
		return "no"
	case p.Max > 0:
		return fmt.Sprintf("%s:%d", p.Name, p.Max)
	}
	return p.Name
}

// Mount is a volume or a folder of the host in a container.
type Mount struct {
	Type        string `json:"type"`             // volume, bind, tmpfs
	Name        string `json:"name,omitempty"`   // of a volume
	Source      string `json:"source,omitempty"` // path on the engine's host, also of a volume
	Destination string `json:"destination"`
	Driver      string `json:"driver,omitempty"` // of a volume
	RW          bool   `json:"rw"`
	Anonymous   bool   `json:"anonymous,omitempty"` // a volume that nobody named: 64 hex digits
}

// Port is one that a container publishes.
type Port struct {
	HostIP    string // "" for every address
	Published string // port of the host or a range; "" for one the engine chooses
	Target    int    // port inside
	Protocol  string // tcp, udp, sctp
	Mode      string // ingress or host; from a compose file only
}

// Projects gives the names of the compose projects that have containers on this
// engine, sorted.
func (c *Client) Projects(ctx context.Context) ([]string, error) {
	out, err := c.Do(ctx, Command{Args: []string{"ps", "-a", "--filter", "label=" + labelProject, "--filter", "label=" + labelConfigHash, "--format", `{{.Label "` + labelProject + `"}}`}})
	if err != nil {
		return nil, err
	}
	names := strings.Fields(string(out))
	slices.Sort(names)
	return slices.Compact(names), nil
}

// Containers gives all containers of a compose project, stopped and one-off ones
// too, sorted by service, one-offs last, then number and name. Like compose itself it
// passes over what has no config hash: an image that compose built bears the
// project's label, and passes it on to whatever is made from it.
func (c *Client) Containers(ctx context.Context, project string) ([]Container, error) {
	return c.list(ctx, "label="+labelProject+"="+project, "label="+labelConfigHash)
}

// Inspect gives the containers with these ids or names, in no certain order; those
// that are gone are left out.
func (c *Client) Inspect(ctx context.Context, ids ...string) ([]Container, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	var raw []inspected
	if err := c.inspect(ctx, &raw, "container", ids...); err != nil {
		return nil, err
	}
	var all []Container
	for i := range raw {
		all = append(all, raw[i].container())
	}
	slices.SortFunc(all, before)
	return all, nil
}

// list gives the containers that ps finds with these filters, but for Belay's own.
func (c *Client) list(ctx context.Context, filters ...string) ([]Container, error) {
	ids, err := c.ids(ctx, filters...)
	if err != nil {
		return nil, err
	}
	return c.Inspect(ctx, ids...)
}

// ids are those of the containers, stopped ones too, that meet the filters.
func (c *Client) ids(ctx context.Context, filters ...string) ([]string, error) {
	args := []string{"ps", "-a", "-q", "--no-trunc"}
	for _, f := range filters {
		args = append(args, "--filter", f)
	}
	out, err := c.Do(ctx, Command{Args: args})
	return strings.Fields(string(out)), err
}

// inspect reads what inspect says of those objects that are there.
func (c *Client) inspect(ctx context.Context, v any, kind string, names ...string) error {
	cmd := Command{Args: append([]string{kind, "inspect", "--"}, names...)}
	out, err := c.Do(ctx, cmd)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	if err := json.Unmarshal(out, v); err != nil {
		return fmt.Errorf("%s: read the answer: %w", c.mask(cmd.String()), plainJSON(err))
	}
	return nil
}
