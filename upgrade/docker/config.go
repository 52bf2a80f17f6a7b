package docker

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Config is the stack as compose understands its files, for the profiles that are on.
type Config struct {
	Name     string
	Services map[string]Service
	Volumes  map[string]VolumeDef  // by the key in the file
	Networks map[string]NetworkDef // likewise
}

// Service is what compose would make of a service.
type Service struct {
	Image         string // "" for one that is built and names none
	Build         bool
	Platform      string
	PullPolicy    string // "", always, missing, never, build, daily, …
	ContainerName string
	Scale         int
	Profiles      []string
	DependsOn     map[string]string // service -> condition: service_started, service_healthy, service_completed_successfully
	Restart       string            // "no", "always", "on-failure:3"
	StopGrace     time.Duration     // 0 for the engine's 10 s
	Healthcheck   bool              // the file has one; the image may have one too
	NoHealthcheck bool              // the file switches the image's off
	Ports         []Port
	Volumes       []Mount // Source of a bind as compose resolved it; Name of a volume as the engine has it
	Networks      []string
	NetworkMode   string
	Joins         []string          // services whose network, processes, memory or mounts it shares; they are in DependsOn too
	Environment   map[string]Secret // with env files; without the image's
	Args          []string          // entry point and command of the file; without the image's
}

// VolumeDef is a named volume of a file.
type VolumeDef struct {
	Name     string // on the engine
	External bool
	Driver   string // "" for local
}

// NetworkDef is a network of a file.
type NetworkDef struct {
	Name     string
	External bool
}

// Config lets compose read the project's files. It fails where `up` would: a missing
// file, a missing mandatory variable.
func (c *Client) Config(ctx context.Context, p Project) (*Config, error) {
	out, err := c.Do(ctx, c.Compose(p, "config", "--format", "json"))
	if err != nil {
		return nil, err
	}
	conf, err := parseConfig(out)
	if err != nil {
		return nil, fmt.Errorf("project %s: read its configuration: %w", p.Name, plainJSON(err))
	}
	return conf, nil
}

// undollar takes back that compose doubles every dollar sign of its output, so that
// the output may be read as a compose file again.
func undollar(b []byte) []byte { return bytes.ReplaceAll(b, []byte("$$"), []byte("$")) }

// configured is the part of compose config that is read.
type configured struct {
	Name     string
	Services map[string]configuredService
	Volumes  map[string]struct {
		Name, Driver string
		External     bool
	}
	Networks map[string]struct {
		Name     string
		External bool
	}
}

type configuredService struct {
	Image, Platform, Restart string
	Build                    json.RawMessage
	PullPolicy               string `json:"pull_policy"`
	ContainerName            string `json:"container_name"`
	NetworkMode              string `json:"network_mode"`
	Pid, Ipc                 string
	VolumesFrom              []string `json:"volumes_from"`
	StopGrace                string   `json:"stop_grace_period"`
	Profiles                 []string
	Scale                    *int
	Deploy                   struct {
		Replicas *int
	}
	DependsOn   map[string]struct{ Condition string } `json:"depends_on"`
	Healthcheck *struct{ Disable bool }
	Environment map[string]*Secret
	Entrypoint  []string
	Command     []string
	Networks    map[string]json.RawMessage
	Ports       []struct {
		Mode, Protocol string
		HostIP         string `json:"host_ip"`
		Published      string
		Target         int
	}
	Volumes []struct {
		Type, Source, Target string
		ReadOnly             bool `json:"read_only"`
	}
}

func parseConfig(out []byte) (*Config, error) {
	var raw configured
	if err := json.Unmarshal(undollar(out), &raw); err != nil {
		return nil, err
	}
	conf := &Config{Name: raw.Name, Services: map[string]Service{}, Volumes: map[string]VolumeDef{}, Networks: map[string]NetworkDef{}}
	for key, v := range raw.Volumes {
		conf.Volumes[key] = VolumeDef{Name: v.Name, External: v.External, Driver: v.Driver}
	}
	for key, n := range raw.Networks {
		conf.Networks[key] = NetworkDef{Name: n.Name, External: n.External}
	}
	for name, r := range raw.Services {
		s, err := r.service(conf.Volumes)
		if err != nil {
			return nil, fmt.Errorf("service %s: %w", name, err)
		}
		conf.Services[name] = s
	}
	conf.join(raw)
	return conf, nil
}

// join finds the services that others share something with. Compose names them as
// "service:NAME" or, of volumes_from, as "NAME[:ro]"; a container's name may be that
// of a service too.
func (conf *Config) join(raw configured) {
	containers := map[string]string{}
	for name, s := range conf.Services {
		containers[cmp.Or(s.ContainerName, conf.Name+"-"+name+"-1")] = name
	}
	for name, r := range raw.Services {
		s := conf.Services[name]
		modes := []string{r.NetworkMode, r.Pid, r.Ipc}
		for _, from := range r.VolumesFrom {
			if !strings.HasPrefix(from, "container:") {
				from = "service:" + from
			}
			modes = append(modes, strings.TrimSuffix(strings.TrimSuffix(from, ":ro"), ":rw"))
		}
		for _, mode := range modes {
			of, ok := strings.CutPrefix(mode, "service:")
			if container, is := strings.CutPrefix(mode, "container:"); is {
				of, ok = containers[container]
			}
			if !ok || slices.Contains(s.Joins, of) {
				continue
			}
			s.Joins = append(s.Joins, of)
			s.DependsOn[of] = cmp.Or(s.DependsOn[of], "service_started")
		}
		conf.Services[name] = s
	}
}

func (r configuredService) service(volumes map[string]VolumeDef) (Service, error) {
	s := Service{
		Image: r.Image, Build: len(r.Build) > 0 && string(r.Build) != "null", Platform: r.Platform, PullPolicy: r.PullPolicy,
		ContainerName: r.ContainerName, Args: slices.Concat(r.Entrypoint, r.Command), Scale: 1, Profiles: r.Profiles, DependsOn: map[string]string{},
		Restart: cmp.Or(r.Restart, "no"), NetworkMode: r.NetworkMode, Environment: map[string]Secret{},
		Healthcheck:   r.Healthcheck != nil && !r.Healthcheck.Disable,
		NoHealthcheck: r.Healthcheck != nil && r.Healthcheck.Disable,
	}
	if n := cmp.Or(r.Scale, r.Deploy.Replicas); n != nil {
		s.Scale = *n
	}
	if r.StopGrace != "" {
		var err error
		if s.StopGrace, err = time.ParseDuration(r.StopGrace); err != nil {
			return s, fmt.Errorf("stop_grace_period: %w", err)
		}
	}
	for on, d := range r.DependsOn {
		s.DependsOn[on] = d.Condition
	}
	for name, value := range r.Environment {
		if value != nil {
			s.Environment[name] = *value
		}
	}
	for name := range r.Networks {
		s.Networks = append(s.Networks, name)
	}
	slices.Sort(s.Networks)
	for _, p := range r.Ports {
		s.Ports = append(s.Ports, Port{HostIP: p.HostIP, Published: p.Published, Target: p.Target, Protocol: p.Protocol, Mode: p.Mode})
	}
	slices.SortFunc(s.Ports, comparePorts)
	for _, v := range r.Volumes {
		m := Mount{Type: v.Type, Source: v.Source, Destination: v.Target, RW: !v.ReadOnly}
		if v.Type == "volume" {
			m.Source, m.Name = "", volumes[v.Source].Name
			m.Anonymous = v.Source == ""
		}
		s.Volumes = append(s.Volumes, m)
	}
	return s, nil
}
