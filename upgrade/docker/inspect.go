package docker

import (
	"cmp"
	"encoding/hex"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// inspected is the part of docker inspect that is read (API 1.41 to 1.51).
type inspected struct {
	ID, Name, Image string
	Created         time.Time
	Path            string
	Args            []string
	RestartCount    int
	State           struct {
		Status, Error         string
		ExitCode              int
		OOMKilled             bool
		StartedAt, FinishedAt time.Time
		Health                *struct{ Status string }
	}
	Config struct {
		Image, User string
		Env         []string
		Labels      map[string]string
		StopTimeout *int
	}
	HostConfig struct {
		NetworkMode   string
		PidMode       string
		IpcMode       string
		VolumesFrom   []string
		AutoRemove    bool
		RestartPolicy struct {
			Name              string
			MaximumRetryCount int
		}
		LogConfig    struct{ Type string }
		PortBindings map[string][]struct{ HostIP, HostPort string }
	}
	Mounts []struct {
		Type, Name, Source, Destination, Driver string
		RW                                      bool
	}
	NetworkSettings struct {
		Networks map[string]struct{ Aliases, DNSNames []string } // DNSNames from engine 25 on
	}
}

func (r *inspected) container() Container {
	l := r.Config.Labels
	c := Container{
		ID: r.ID, Name: strings.TrimPrefix(r.Name, "/"), Args: append([]string{r.Path}, r.Args...), Image: r.Image, ImageRef: r.Config.Image,
		Project: l[labelProject], Service: l[labelService], Oneoff: l[labelOneoff] == "True", Sibling: l[LabelSibling] != "",
		State: r.State.Status, ExitCode: r.State.ExitCode, OOMKilled: r.State.OOMKilled, Error: r.State.Error,
		RestartCount: r.RestartCount, Created: r.Created, StartedAt: r.State.StartedAt, FinishedAt: r.State.FinishedAt,
		Policy:     RestartPolicy{Name: cmp.Or(r.HostConfig.RestartPolicy.Name, "no"), Max: r.HostConfig.RestartPolicy.MaximumRetryCount},
		ImageLabel: l[labelImage], ConfigHash: l[labelConfigHash], WorkingDir: l[labelWorkingDir],
		ConfigFiles: paths(l[labelConfigFiles], l[labelWorkingDir], true), EnvFiles: paths(l[labelEnvFile], l[labelWorkingDir], false),
		DependsOn: conditions(l[labelDependsOn]), Env: pairs(r.Config.Env), NetworkMode: r.HostConfig.NetworkMode, User: r.Config.User,
		LogDriver: r.HostConfig.LogConfig.Type, AutoRemove: r.HostConfig.AutoRemove,
	}
	c.Number, _ = strconv.Atoi(l[labelNumber]) // none on a one-off of old releases
	c.Temporary = l[labelReplace] != "" && temporaryName.MatchString(c.Name)
	if r.State.Health != nil && r.State.Health.Status != "none" {
		c.Health = r.State.Health.Status
	}
	if t := r.Config.StopTimeout; t != nil {
		c.StopTimeout = time.Duration(*t) * time.Second
	}
	c.Names = []string{c.Name}
	for name, n := range r.NetworkSettings.Networks {
		c.Networks = append(c.Networks, name)
		c.Names = slices.Concat(c.Names, n.Aliases, n.DNSNames)
	}
	slices.Sort(c.Networks)
	slices.Sort(c.Names)
	c.Names = slices.Compact(c.Names)
	c.Mounts, c.Ports = r.mounts(), r.ports()
	for _, mode := range []string{r.HostConfig.NetworkMode, r.HostConfig.PidMode, r.HostConfig.IpcMode} {
		if of, ok := strings.CutPrefix(mode, "container:"); ok && !slices.Contains(c.Joins, of) {
			c.Joins = append(c.Joins, of)
		}
	}
	for _, from := range r.HostConfig.VolumesFrom { // "<id>:rw"
		if of, _, _ := strings.Cut(from, ":"); !slices.Contains(c.Joins, of) {
			c.Joins = append(c.Joins, of)
		}
	}
	return c
}

// temporaryName: compose v2.40.3, pkg/compose/convergence.go, recreateContainer.
var temporaryName = regexp.MustCompile(`^[0-9a-f]{12}_.`)

func (r *inspected) mounts() []Mount {
	var all []Mount
	for _, m := range r.Mounts {
		all = append(all, Mount{
			Type: m.Type, Name: m.Name, Source: m.Source, Destination: m.Destination, Driver: m.Driver, RW: m.RW,
			Anonymous: m.Type == "volume" && generated(m.Name),
		})
	}
	slices.SortFunc(all, func(a, b Mount) int { return cmp.Compare(a.Destination, b.Destination) })
	return all
}

func (r *inspected) ports() []Port {
	var all []Port
	for inside, bound := range r.HostConfig.PortBindings { // "80/tcp"
		number, protocol, _ := strings.Cut(inside, "/")
		target, _ := strconv.Atoi(number)
		for _, b := range bound {
			all = append(all, Port{HostIP: b.HostIP, Published: b.HostPort, Target: target, Protocol: protocol})
		}
	}
	slices.SortFunc(all, comparePorts)
	return all
}

func comparePorts(a, b Port) int {
	return cmp.Or(cmp.Compare(a.Target, b.Target), cmp.Compare(a.Protocol, b.Protocol), cmp.Compare(a.HostIP, b.HostIP), cmp.Compare(a.Published, b.Published))
}

// generated says that the engine made the name up: engines before 24 have no label
// that says so, and compose passes such volumes on by name.
func generated(name string) bool {
	_, err := hex.DecodeString(name)
	return len(name) == 64 && err == nil
}

// conditions reads "db:service_healthy:false,redis:service_started:true" (compose
// v2.40.3, pkg/compose/create.go); early releases wrote names alone.
func conditions(label string) map[string]string {
	all := map[string]string{}
	for entry := range strings.SplitSeq(label, ",") {
		if entry == "" {
			continue
		}
		service, rest, _ := strings.Cut(entry, ":")
		condition, _, _ := strings.Cut(rest, ":")
		all[service] = cmp.Or(condition, "service_started")
	}
	return all
}

// pairs reads "NAME=value" texts; the last of a name counts.
func pairs(env []string) map[string]Secret {
	all := make(map[string]Secret, len(env))
	for _, e := range env {
		name, value, _ := strings.Cut(e, "=")
		all[name] = Secret(value)
	}
	return all
}

func before(a, b Container) int {
	return cmp.Or(cmp.Compare(a.Project, b.Project), cmp.Compare(a.Service, b.Service), compareBool(a.Oneoff, b.Oneoff),
		cmp.Compare(a.Number, b.Number), cmp.Compare(a.Name, b.Name))
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}
