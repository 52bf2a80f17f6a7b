// Package setup writes what a repository needs to be checked by Belay: a
// belay.yml, the workflows, and rules for Renovate.
//
// What must stay true: Plan is a pure function of what was found; nothing of
// the user's is overwritten unless asked, and then all files are written or
// none; only commands that exist are written into a workflow; no value of an
// env file is read or written.
package setup

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/belaystack/belay/lint"
	"github.com/belaystack/belay/lint/compose"
	"github.com/belaystack/belay/lint/dotenv"
	"github.com/belaystack/belay/lint/image"
	"github.com/belaystack/belay/lint/source"
)

// Found is what a repository holds that decides what is written.
type Found struct {
	Stacks   []Stack // by folder, or as belay.yml has them
	Renovate string  // the repository's own Renovate configuration; "" without one
	Branch   string  // the default branch; "" when that is not known
	// Configured says that there is a belay.yml, which stays as it is.
	Configured bool
	// Runner asks for the workflows of a self-hosted runner too.
	Runner bool
}

// branch gives the branch that is upgraded from. One that GitHub would read as
// an expression cannot be written.
func (f Found) branch() string {
	if f.Branch == "" || strings.Contains(f.Branch, "{{") {
		return "main"
	}
	return f.Branch
}

// Stack is a compose project that was found.
type Stack struct {
	Name        string           // unique, as belay.yml takes it
	Dir         string           // relative to the root, with slashes; "." is the root
	Environment lint.Environment // a guess
	Examples    []string         // globs of example env files, relative to Dir
	Groups      []string         // the groups of the built-in policy that its images belong to
	Reviewed    bool             // it has images that need a review
	EnvFile     string           // its env file, relative to the root; "" without one
	EnvIgnored  bool             // git ignores EnvFile

	Elsewhere []string // its compose files outside of Dir, relative to the root
	Deploy    string   // the folder of the host that it runs from; "" when that is not known
	Host      string   // the label of its host's runner; "" without one
	Canary    bool     // upgraded before the others
	Told      bool     // belay.yml says Deploy
	Line      int      // where it stands in belay.yml; 0 when it does not
}

// renovateNames are the files that Renovate looks for, as its documentation
// lists them ("Configuration options", "Renovate config file").
func renovateNames() []string {
	return []string{"renovate.json", "renovate.json5", ".github/renovate.json", ".github/renovate.json5", ".gitlab/renovate.json",
		".gitlab/renovate.json5", ".renovaterc", ".renovaterc.json", ".renovaterc.json5"}
}

// Look finds the stacks of a repository. A repository without a compose file
// gives fs.ErrNotExist.
func Look(ctx context.Context, root *source.Root) (Found, error) {
	var found Found
	dirs, err := compose.Discover(root, ".")
	if err != nil {
		return found, err
	}
	ignored, err := readIgnores(root)
	if err != nil {
		return found, err
	}
	for _, dir := range dirs {
		s, err := lookAt(ctx, root, dir)
		if err != nil {
			return found, err
		}
		s.Name = unique(found.Stacks, stackName(dir))
		s.EnvIgnored = s.EnvFile != "" && ignored.match(s.EnvFile)
		found.Stacks = append(found.Stacks, s)
	}
	if len(found.Stacks) == 0 {
		return found, fmt.Errorf("no compose file in the repository; looked for %s: %w", strings.Join(compose.MainNames(), ", "), fs.ErrNotExist)
	}
	for _, name := range renovateNames() {
		if root.Exists(name) {
			found.Renovate = name
			break
		}
	}
	if found.Renovate == "" && inPackageJSON(root) {
		found.Renovate = "package.json"
	}
	return found, nil
}

// lookAt reads one stack. One that docker compose would refuse is written
// down as well: checking it is how its owner learns why.
func lookAt(ctx context.Context, root *source.Root, dir string) (Stack, error) {
	s := Stack{Dir: dir, Environment: environment(dir), Examples: exampleGlobs(root, dir)}
	if name := path.Join(dir, ".env"); root.Exists(name) {
		s.EnvFile = name
	}
	stack, err := compose.Load(ctx, compose.Options{Root: root, Dir: dir})
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	if err != nil {
		return s, err
	}
	policy := lint.BuiltIn()
	for _, service := range stack.Services {
		ref, err := image.Parse(service.Image.Reveal())
		if err != nil {
			continue
		}
		s.Reviewed = s.Reviewed || policy.Image(ref).Review
		for _, g := range policy.Groups {
			if g.Contains(ref) && !slices.Contains(s.Groups, g.Name) {
				s.Groups = append(s.Groups, g.Name)
			}
		}
	}
	slices.Sort(s.Groups)
	return s, nil
}

// environment guesses from the words of a path; prod is the stricter guess.
func environment(dir string) lint.Environment {
	words := strings.FieldsFunc(strings.ToLower(dir), func(c rune) bool { return strings.ContainsRune("/-_. ", c) })
	for _, w := range words {
		switch w {
		case "dev", "develop", "development", "local", "test", "tests", "testing", "example", "examples":
			return lint.Dev
		}
	}
	return lint.Prod
}

// exampleGlobs gives the examples beside the .env by name, and those below
// envs/ as one pattern, so that a file that is added there counts.
func exampleGlobs(root *source.Root, dir string) []string {
	var globs []string
	for _, name := range dotenv.FindExamples(root.FS(), dir) {
		glob := strings.TrimPrefix(name, dir+"/")
		if strings.HasPrefix(glob, "envs/") {
			glob = "envs/**/*.env.example"
		}
		if !slices.Contains(globs, glob) {
			globs = append(globs, glob)
		}
	}
	return globs
}

// stackName makes a name that belay.yml takes from a folder's.
func stackName(dir string) string {
	name := strings.Map(func(c rune) rune {
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.ContainsRune("_.-", c) {
			return c
		}
		return '-'
	}, path.Base(dir))
	if name = strings.TrimLeft(name, "_.-"); name == "" {
		return "main"
	}
	return name
}

// unique gives name, with a number behind it when another stack has it.
func unique(stacks []Stack, name string) string {
	taken := func(name string) bool {
		return slices.ContainsFunc(stacks, func(s Stack) bool { return s.Name == name })
	}
	for i, base := 2, name; taken(name); i++ {
		name = fmt.Sprintf("%s-%d", base, i)
	}
	return name
}
