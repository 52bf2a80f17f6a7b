package main

import (
	"context"
	"errors"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/belaystack/belay/cmd/belay/base"
	"github.com/belaystack/belay/cmd/belay/config"
	"github.com/belaystack/belay/lint"
	"github.com/belaystack/belay/lint/compose"
	"github.com/belaystack/belay/lint/dotenv"
	"github.com/belaystack/belay/lint/source"
	"github.com/belaystack/belay/release"
	"github.com/belaystack/belay/release/catalog"
)

// repository is what a command looks at: the files, what belay.yml says of
// them, and the same of the base.
type repository struct {
	root    *source.Root
	cfg     *config.Config
	policy  *lint.Policy
	catalog *catalog.Catalog
	stacks  []*subject
	below   string             // the folder that was asked for, relative to the root
	all     []config.Stack     // the stacks at or below it
	base    *base.Base         // nil without one
	before  []config.Stack     // those that the base's belay.yml names
	now     []config.Stack     // those that the change's names; nil without a base
	notices []string           // what could not be known, and why
	charts  []*release.Dossier // of Helm charts, instead of stacks
}

// subject is one stack and all that is known of it.
type subject struct {
	cfg      config.Stack
	env      lint.Environment
	stack    *compose.Stack
	base     *compose.Stack // nil without a base, or where the base has no such stack
	examples *dotenv.Set
	before   *dotenv.Set   // the base's examples; nil without a base
	state    *dotenv.State // what a committed belay.env-state says of the .env; nil without one
	drifts   []dotenv.Drift
}

// open reads everything below name, a folder, a compose file, or "" for the
// whole repository. Close what it gives.
func (a *app) open(ctx context.Context, f *flags, name string) (r *repository, err error) {
	r = &repository{}
	defer func() {
		if err != nil {
			r.close()
			r = nil
		}
	}()
	dir, file, err := a.place(name)
	if err != nil {
		return r, err
	}
	if r.root, err = source.OpenRoot(a.top(dir)); err != nil {
		return r, &exitError{exitCouldNot, err}
	}
	for name, data := range f.instead {
		// What is outside is not read at all.
		if err := r.root.Instead(name, data); err != nil && !errors.Is(err, source.ErrOutside) {
			return r, &exitError{exitCouldNot, err}
		}
	}
	below, err := r.root.Rel(dir)
	if err != nil {
		return r, usage("%s: %w", name, err)
	}
	if r.cfg, err = r.config(f.config); err != nil {
		return r, coded(err)
	}
	r.policy = r.cfg.LintPolicy(lint.BuiltIn())
	if f.base != "" {
		if err := r.openBase(ctx, a, f); err != nil {
			return r, err
		}
	}
	r.catalog = r.cfg.Catalog(catalog.Load())
	selected, err := r.selectStacks(below, file)
	if err != nil {
		return r, coded(err)
	}
	r.below, r.all = below, selected
	for _, s := range selected {
		subject, err := r.load(ctx, a, f, s, below, len(selected))
		if err != nil {
			return r, coded(err)
		}
		r.stacks = append(r.stacks, subject)
	}
	r.dropIncluded()
	return r, ctx.Err()
}

func (r *repository) close() {
	if r.base != nil {
		r.base.Close()
	}
	if r.root != nil {
		r.root.Close()
	}
}

func (r *repository) config(name string) (*config.Config, error) {
	if name == "" {
		name = config.DefaultPath
	} else if abs, err := filepath.Abs(name); err == nil {
		name = abs
	}
	return config.Load(r.root, name, ruleIDs())
}

// selectStacks gives the stacks at or below a folder: those of belay.yml, else
// every folder with a compose file.
func (r *repository) selectStacks(below, file string) ([]config.Stack, error) {
	if file != "" {
		rel, err := r.root.Rel(file)
		if err != nil {
			return nil, err
		}
		return []config.Stack{{Name: path.Dir(rel), Dir: path.Dir(rel), Files: []string{rel}}}, nil
	}
	var out []config.Stack
	for _, s := range r.cfg.Stacks {
		if within(below, s.Dir) {
			out = append(out, s)
		}
	}
	if len(out) > 0 {
		return out, nil
	}
	dirs, err := compose.Discover(r.root, below)
	if err != nil {
		return nil, err
	}
	for _, dir := range dirs {
		out = append(out, config.Stack{Name: dir, Dir: dir})
	}
	if len(out) == 0 {
		return nil, &exitError{exitUsage, &noStack{below}}
	}
	return out, nil
}

// noStack is a folder without a compose file.
type noStack struct{ dir string }

func (e *noStack) Error() string { return e.dir + ": no compose file in it or below it" }
func (e *noStack) Hint() string {
	return "name the folder of a stack; looked for " + strings.Join(compose.MainNames(), ", ")
}

func within(parent, dir string) bool {
	return parent == "." || dir == parent || strings.HasPrefix(dir, parent+"/")
}

// load reads one stack, and the same one of the base.
func (r *repository) load(ctx context.Context, a *app, f *flags, s config.Stack, below string, of int) (*subject, error) {
	env, err := f.environmentOf(r.cfg, s)
	if err != nil {
		return nil, err
	}
	o := compose.Options{Root: r.root, Name: s.Name, Dir: s.Dir, Files: s.Files, Profiles: slices.Concat(s.Profiles, f.profiles)}
	o.EnvFiles = s.EnvFiles
	if f.envFile != "" {
		abs, err := filepath.Abs(f.envFile)
		if err != nil {
			return nil, err
		}
		rel, err := r.root.Rel(abs)
		if err != nil {
			return nil, usage("--env-file %s: %w", f.envFile, err)
		}
		o.EnvFiles = []string{rel}
	}
	if len(a.envTexts) > 0 {
		if of > 1 {
			return nil, usage("input env: there are %d stacks; name one with the input path", of)
		}
		o.EnvText = source.New(path.Join(s.Dir, ".env"), []byte(joinTexts(a.envTexts)))
	}
	sub := &subject{cfg: s, env: env}
	ahead := r.readAhead(s)
	if sub.stack, err = compose.Load(ctx, o); err != nil {
		return nil, err
	}
	if sub.examples, err = r.examples(r.root, s, sub.stack, <-ahead); err != nil {
		return nil, err
	}
	supposeProfiles(sub.stack, sub.examples)
	if sub.state, err = r.readState(sub.stack.Dir); err != nil {
		return nil, err
	}
	if r.base == nil {
		return sub, nil
	}
	return sub, r.loadBase(ctx, f, sub, o, below)
}

// supposeProfiles takes the profiles of the examples for those of an env file
// that is not known.
func supposeProfiles(stack *compose.Stack, examples *dotenv.Set) {
	if examples == nil {
		return
	}
	if e, ok := examples.Lookup("COMPOSE_PROFILES"); ok && !e.Commented {
		stack.Suppose(strings.FieldsFunc(e.Value.Reveal(), func(r rune) bool { return r == ',' || r == ' ' }))
	}
}

// exampleFiles are example env files that were read.
type exampleFiles struct {
	names []string
	set   *dotenv.Set
	err   error
}

// readAhead reads what will most likely be the examples of a stack while
// compose-go is at work on its compose files.
func (r *repository) readAhead(s config.Stack) <-chan exampleFiles {
	out := make(chan exampleFiles, 1)
	go func() {
		names := dotenv.FindExamples(r.root.FS(), s.Dir, s.Files...)
		set, err := dotenv.ReadSet(s.Dir, names, r.root.Read)
		out <- exampleFiles{names, set, err}
	}()
	return out
}

// examples gives the example env files of a stack: those that were read ahead
// when they are the same. What is wrong with one is a problem of the stack.
func (r *repository) examples(root *source.Root, s config.Stack, stack *compose.Stack, ahead exampleFiles) (*dotenv.Set, error) {
	var names []string
	for _, pattern := range s.Examples {
		found, err := doublestar.Glob(root.FS(), pattern)
		if err != nil {
			return nil, usage("stack %s: examples: %q: %w", s.Name, pattern, err)
		}
		names = append(names, found...)
	}
	if len(s.Examples) == 0 {
		var files []string
		for _, f := range stack.Files {
			files = append(files, f.Path)
		}
		names = dotenv.FindExamples(root.FS(), stack.Dir, files...)
	}
	if ahead.set == nil || ahead.set.Dir != stack.Dir || !slices.Equal(ahead.names, names) {
		ahead.set, ahead.err = dotenv.ReadSet(stack.Dir, names, root.Read)
	}
	for _, err := range unwrap(ahead.err) {
		var at *source.Error
		if !errors.As(err, &at) {
			return nil, err
		}
		stack.Problems = append(stack.Problems, compose.Problem{Span: source.Span{Pos: at.Pos}, Msg: at.Msg, Hint: at.Next})
	}
	return ahead.set, nil
}

// unwrap gives the errors that errors.Join put together.
func unwrap(err error) []error {
	if err == nil {
		return nil
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		return joined.Unwrap()
	}
	return []error{err}
}

// dropIncluded leaves out the stacks whose compose file another one includes
// or extends: docker compose is not run there.
func (r *repository) dropIncluded() {
	if len(r.cfg.Stacks) > 0 {
		return
	}
	r.stacks = slices.DeleteFunc(r.stacks, func(s *subject) bool {
		if len(s.stack.Files) == 0 {
			return false
		}
		return slices.ContainsFunc(r.stacks, func(o *subject) bool {
			return o != s && len(o.stack.Files) > 1 && o.stack.Files[0].Path != s.stack.Files[0].Path &&
				slices.ContainsFunc(o.stack.Files[1:], func(f *compose.File) bool { return f.Path == s.stack.Files[0].Path })
		})
	})
}
