package docker

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

// Project says which compose project a command is about. All paths are absolute.
type Project struct {
	Name     string   `json:"name"`
	Dir      string   `json:"dir"` // the project directory
	Files    []string `json:"files"`
	EnvFiles []string `json:"envFiles,omitempty"` // none: compose takes .env in Dir
	Profiles []string `json:"profiles,omitempty"` // none: compose takes COMPOSE_PROFILES of the environment or .env
}

// Compose is a docker compose command for p. Name, files and directory are always
// given, so that nothing is left to the folder it runs in; and what COMPOSE_*
// variables of the environment or .env would change on the sly is set:
// COMPOSE_REMOVE_ORPHANS removes containers that nobody named.
func (c *Client) Compose(p Project, args ...string) Command {
	a := []string{"compose", "--ansi", "never", "-p", p.Name, "--project-directory", p.Dir}
	for _, f := range p.Files {
		a = append(a, "-f", f)
	}
	for _, f := range p.EnvFiles {
		a = append(a, "--env-file", f)
	}
	for _, f := range p.Profiles {
		a = append(a, "--profile", f)
	}
	return Command{
		Args: append(a, args...), Dir: p.Dir,
		Env: []string{"COMPOSE_REMOVE_ORPHANS=false", "COMPOSE_IGNORE_ORPHANS=false", "COMPOSE_MENU=false", "COMPOSE_PROGRESS=plain", "COMPOSE_STATUS_STDOUT=false"},
	}
}

// Identity is the project that containers say they belong to, and in what they
// disagree: one text per difference, sorted. One-off containers are left out: their
// commands may have named other files. The profiles are not in the labels.
func Identity(containers []Container) (Project, []string) {
	var p Project
	var first string
	var differs []string
	for _, c := range containers {
		if c.Oneoff {
			continue
		}
		if first == "" {
			p = Project{Name: c.Project, Dir: c.WorkingDir, Files: c.ConfigFiles, EnvFiles: c.EnvFiles}
			first = c.Name
			continue
		}
		say := func(what, a, b string) {
			if a != b {
				differs = append(differs, fmt.Sprintf("%s: %s says %s, %s says %s", what, first, orNone(a), c.Name, orNone(b)))
			}
		}
		say("project", p.Name, c.Project)
		say("working directory", p.Dir, c.WorkingDir)
		say("compose files", strings.Join(p.Files, ", "), strings.Join(c.ConfigFiles, ", "))
		say("env files", strings.Join(p.EnvFiles, ", "), strings.Join(c.EnvFiles, ", "))
	}
	slices.Sort(differs)
	return p, differs
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

// paths splits a label that joins paths with commas (compose: cmd/compose/compose.go).
// A path may hold a comma: what does not begin like one belongs to the path before.
// Compose writes env files as they were typed; a relative one is taken from dir.
func paths(label, dir string, absolute bool) []string {
	var out []string
	for part := range strings.SplitSeq(label, ",") {
		switch {
		case part == "":
		case absolute && !filepath.IsAbs(part) && len(out) > 0:
			out[len(out)-1] += "," + part
		case !filepath.IsAbs(part) && part != "-":
			out = append(out, filepath.Join(dir, part))
		default:
			out = append(out, part)
		}
	}
	return out
}
