package docker

import (
	"context"
	"fmt"
	"strings"
)

// Volume is what inspect says of a volume.
type Volume struct {
	Name       string
	Driver     string // "local"
	Mountpoint string // on the engine's host
	Labels     map[string]string
	Options    map[string]string // of the driver; they may hold secrets
	Anonymous  bool
}

// Volumes looks up volumes by name; what is not there is not in the map.
func (c *Client) Volumes(ctx context.Context, names ...string) (map[string]Volume, error) {
	found := make(map[string]Volume, len(names))
	if len(names) == 0 {
		return found, nil
	}
	var all []Volume
	if err := c.inspect(ctx, &all, "volume", names...); err != nil {
		return nil, err
	}
	for _, v := range all {
		_, labelled := v.Labels["com.docker.volume.anonymous"] // engine 24 and later
		v.Anonymous = labelled || generated(v.Name)
		found[v.Name] = v
	}
	return found, nil
}

// CreateVolume makes a volume as v says. One of that name that is there already is
// left as it is: the engine says nothing and changes nothing.
func (c *Client) CreateVolume(ctx context.Context, v Volume) error {
	args := []string{"volume", "create"}
	if v.Driver != "" {
		args = append(args, "--driver", v.Driver)
	}
	for name, value := range v.Labels {
		args = append(args, "--label", name+"="+value)
	}
	for name, value := range v.Options {
		args = append(args, "--opt", name+"="+value)
	}
	_, err := c.Do(ctx, Command{Args: append(args, "--", v.Name)})
	return err
}

// The marker is the label of a volume of the engine, since the engine is what two
// state folders would quarrel about; a file beside either would not tell the other.
const labelState = "belay.state"

func markerName(project string) string { return "belay-" + project }

// Marker gives the state folder that governs a project on this engine; false when
// none does yet.
func (c *Client) Marker(ctx context.Context, project string) (statePath string, ok bool, err error) {
	found, err := c.Volumes(ctx, markerName(project))
	if err != nil {
		return "", false, fmt.Errorf("read the marker of %s: %w", project, err)
	}
	v, ok := found[markerName(project)]
	if !ok {
		return "", false, nil
	}
	return v.Labels[labelState], true, nil
}

// Markers gives the state folder of every project that one governs on this engine.
func (c *Client) Markers(ctx context.Context) (map[string]string, error) {
	out, err := c.Do(ctx, Command{Args: []string{"volume", "ls", "--quiet", "--filter", "label=" + labelState}})
	if err != nil {
		return nil, fmt.Errorf("look for markers: %w", err)
	}
	found, err := c.Volumes(ctx, strings.Fields(string(out))...)
	if err != nil {
		return nil, fmt.Errorf("look for markers: %w", err)
	}
	states := map[string]string{}
	for name, v := range found {
		states[strings.TrimPrefix(name, markerName(""))] = v.Labels[labelState]
	}
	return states, nil
}

// SetMarker says that statePath governs the project. When another does, also one that
// said so at the same moment, the error is a *MarkerError.
func (c *Client) SetMarker(ctx context.Context, project, statePath string) error {
	v := Volume{Name: markerName(project), Labels: map[string]string{labelState: statePath}}
	if err := c.CreateVolume(ctx, v); err != nil {
		return fmt.Errorf("set the marker of %s: %w", project, err)
	}
	now, ok, err := c.Marker(ctx, project)
	if err != nil {
		return err
	}
	if !ok || now != statePath {
		return &MarkerError{Project: project, State: now, Want: statePath}
	}
	return nil
}

// MarkerError says that another state folder governs a project.
type MarkerError struct{ Project, State, Want string }

func (e *MarkerError) Error() string {
	return fmt.Sprintf("project %s: its state is in %q on this engine, not in %q", e.Project, e.State, e.Want)
}

// Hint is a next move.
func (e *MarkerError) Hint() string {
	return "use that folder; if it is gone for good, forget it: docker volume rm " + markerName(e.Project)
}
