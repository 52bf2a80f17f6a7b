package setup

import (
	"fmt"
	"path"
	"strings"

	"github.com/belaystack/belay/cmd/belay/config"
)

// Configure takes the stacks that the repository's own belay.yml names. One
// that names none leaves those that were found.
func (f *Found) Configure(c *config.Config) {
	f.Configured = true
	if len(c.Stacks) == 0 {
		return
	}
	f.Stacks = nil
	for _, s := range c.Stacks {
		stack := Stack{Name: s.Name, Dir: path.Clean(s.Dir), Deploy: s.Deploy, Told: s.Deploy != "", Host: s.Host, Canary: s.Canary, Line: s.At.Line}
		for _, name := range s.Files {
			if stack.Dir != "." && !strings.HasPrefix(name, stack.Dir+"/") {
				stack.Elsewhere = append(stack.Elsewhere, name)
			}
		}
		f.Stacks = append(f.Stacks, stack)
	}
}

// SetDeploy takes the folders of the host that stacks run from: NAME=FOLDER,
// or the folder alone where there is one stack.
func (f *Found) SetDeploy(folders []string) error {
	for _, text := range folders {
		name, dir, named := strings.Cut(text, "=")
		if strings.HasPrefix(text, "/") {
			name, dir, named = "", text, false
		}
		s, err := f.stack(name, named)
		if err != nil {
			return fmt.Errorf("--deploy %q: %w", text, err)
		}
		switch clean := path.Clean(dir); {
		case !path.IsAbs(dir) || clean != strings.TrimRight(dir, "/"):
			return fmt.Errorf("--deploy %q: want the path of a folder on the host, such as /srv/%s", text, s.Name)
		case s.Told && s.Deploy != clean:
			return fmt.Errorf("--deploy %q: %s:%d says deploy: %s; change it there", text, configPath, s.Line, s.Deploy)
		case !s.Told && s.Deploy != "" && s.Deploy != clean:
			return fmt.Errorf("--deploy %q: stack %s has %s already", text, s.Name, s.Deploy)
		default:
			s.Deploy = clean
		}
	}
	return nil
}

// stack finds the stack that a --deploy is about.
func (f *Found) stack(name string, named bool) (*Stack, error) {
	names := make([]string, len(f.Stacks))
	for i := range f.Stacks {
		names[i] = f.Stacks[i].Name
		if named && names[i] == name || !named && len(f.Stacks) == 1 {
			return &f.Stacks[i], nil
		}
	}
	all := strings.Join(names, ", ")
	if named {
		return nil, fmt.Errorf("no stack %q; there are %s", name, all)
	}
	return nil, fmt.Errorf("say of which stack, as NAME=FOLDER; there are %s", all)
}

// runnerNotes says what is missing until the workflows of a runner can work.
func runnerNotes(found Found) []string {
	var notes []string
	for _, s := range found.Stacks {
		dir := s.Deploy
		if dir == "" {
			dir = "/srv/" + s.Name
		}
		line := fmt.Sprintf("`deploy: %s`", scalar(dir))
		switch {
		case s.Told || !found.Configured && s.Deploy != "":
		case !found.Configured:
			notes = append(notes, fmt.Sprintf("stack %s: write the folder of the host that it runs from into %s, such as %s; until then nothing is upgraded", s.Name, configPath, line))
		case s.Line == 0:
			notes = append(notes, fmt.Sprintf("add to %s below `stacks:`: `- {name: %s, path: %s, deploy: %s}`", configPath, scalar(s.Name), scalar(s.Dir), scalar(dir)))
		case s.Deploy != "":
			notes = append(notes, fmt.Sprintf("%s:%d: add to stack %s the line %s", configPath, s.Line, s.Name, line))
		default:
			notes = append(notes, fmt.Sprintf("%s:%d: add to stack %s the folder of the host that it runs from, such as %s; until then nothing is upgraded", configPath, s.Line, s.Name, line))
		}
	}
	if found.Branch == "" {
		notes = append(notes, fmt.Sprintf("%s takes %s for the default branch: change it there if it has another name", upgradePath, found.branch()))
	}
	return append(notes, "the host needs a self-hosted runner, and the folder must lie outside of the runner's own: "+runnerDocs)
}
