package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/belaystack/belay/cmd/belay/base"
	"github.com/belaystack/belay/cmd/belay/config"
	"github.com/belaystack/belay/lint"
	"github.com/belaystack/belay/lint/compose"
	"github.com/belaystack/belay/lint/source"
)

// openBase opens the base, and takes the policy from it: a change cannot
// loosen its own check.
func (r *repository) openBase(ctx context.Context, a *app, f *flags) error {
	o := base.Options{Ref: f.base, Temp: a.temp(), MergeBase: f.mergeBase}
	baseline, err := f.baselinePath(r)
	if err != nil {
		return err
	}
	if baseline != "" {
		o.Also = append(o.Also, baseline)
	}
	for _, s := range r.cfg.Stacks {
		o.Also = slices.Concat(o.Also, s.Files, s.EnvFiles)
	}
	if err := os.MkdirAll(o.Temp, 0o700); err != nil { // the check image has no /tmp
		return &exitError{exitCouldNot, err}
	}
	if o.Remote, err = a.remote(f); err != nil {
		return err
	}
	if a.event != nil {
		o.Head = a.event.Head
	}
	b, err := base.Open(ctx, r.root, o)
	if err != nil {
		return &exitError{exitUsage, err}
	}
	r.base = b
	cfg, err := config.Load(b.Root, orDefault(r.cfg.Path), ruleIDs())
	if errors.Is(err, fs.ErrNotExist) {
		cfg, err = config.Default(), nil
	}
	if err != nil {
		return coded(fmt.Errorf("base %s: %w", f.base, err))
	}
	if r.cfg.Path != "" || cfg.Path != "" {
		r.notices = append(r.notices, "the policy is the base's: what this change does to belay.yml counts once it is merged")
	}
	stacks := asBefore(r.cfg.Stacks, cfg.Stacks)
	r.now = r.cfg.Stacks
	r.before = cfg.Stacks
	r.cfg = cfg
	r.cfg.Stacks = stacks
	r.policy = cfg.LintPolicy(lint.BuiltIn())
	return nil
}

// asBefore gives the stacks as the change has them, each in the environment
// that the base says: a stack does not become dev by the change it is checked
// for. Where its folder was one stack and its name is another's, the stricter
// of both holds.
func asBefore(now, before []config.Stack) []config.Stack {
	out := slices.Clone(now)
	for i := range out {
		b, ok := counterpart(out[i], before)
		n := slices.IndexFunc(before, func(s config.Stack) bool { return s.Name == out[i].Name })
		out[i].Environment = ""
		if ok {
			out[i].Environment = b.Environment
		}
		if n >= 0 && before[n].Environment != out[i].Environment {
			out[i].Environment = lint.Prod
		}
	}
	return out
}

// counterpart is the stack of the base that s was: the one in its folder, else
// the one of its name.
func counterpart(s config.Stack, before []config.Stack) (config.Stack, bool) {
	for _, same := range []func(config.Stack) bool{
		func(b config.Stack) bool { return b.Dir == s.Dir && b.Name == s.Name },
		func(b config.Stack) bool { return b.Dir == s.Dir },
		func(b config.Stack) bool { return b.Name == s.Name },
	} {
		if i := slices.IndexFunc(before, same); i >= 0 {
			return before[i], true
		}
	}
	return config.Stack{}, false
}

func orDefault(p string) string {
	if p == "" {
		return config.DefaultPath
	}
	return p
}

// temp is where the files of a git ref are laid out: never in the workspace.
func (a *app) temp() string {
	if dir := a.getenv("RUNNER_TEMP"); dir != "" {
		return dir
	}
	return os.TempDir()
}

// loadBase reads the stack as the base has it: its own compose files, env files
// and profiles, whatever the change says they were.
func (r *repository) loadBase(ctx context.Context, f *flags, sub *subject, o compose.Options, below string) error {
	move := func(p string) string { return p }
	was := sub.cfg
	if r.base.Commit == "" { // a folder stands for what was named
		move = func(p string) string {
			rel := strings.TrimPrefix(strings.TrimPrefix(p, below), "/")
			if below == "." {
				rel = p
			}
			return path.Clean("./" + rel)
		}
	} else if b, ok := counterpart(sub.cfg, r.before); ok {
		was = b
	} else if slices.ContainsFunc(r.now, func(s config.Stack) bool { return s.Name == sub.cfg.Name }) {
		was = config.Stack{Name: sub.cfg.Name, Dir: sub.cfg.Dir} // the base's belay.yml does not name it: as docker compose finds it
	}
	text := o.EnvText
	o.Root, o.EnvText, o.Dir = r.base.Root, nil, move(was.Dir)
	o.Files, o.EnvFiles = slices.Clone(was.Files), nil
	for i, name := range o.Files {
		o.Files[i] = move(name)
	}
	o.Profiles = slices.Concat(was.Profiles, f.profiles)
	for _, name := range was.EnvFiles {
		if r.base.Root.Exists(move(name)) {
			o.EnvFiles = append(o.EnvFiles, move(name))
		}
	}
	// An env file that neither side has in the repository is the same for both:
	// a change of the files is looked for, not the lack of it.
	own := sub.stack.OwnEnv()
	switch {
	case len(o.EnvFiles) > 0 || own == nil || r.base.Root.Exists(path.Join(o.Dir, ".env")):
	case text != nil:
		o.EnvText = text
	case !r.base.Root.Exists(move(own.Path)) && !r.base.Brings(own.Path):
		o.EnvText = own.File
	}
	before, err := compose.Load(ctx, o)
	if errors.Is(err, fs.ErrNotExist) {
		r.notices = append(r.notices, sub.stack.Name+": the base has no such stack; what compares with a base was not checked")
		return nil
	}
	if err != nil {
		return err
	}
	if len(before.Services) == 0 && len(before.Problems) > 0 {
		r.notices = append(r.notices, sub.stack.Name+": docker compose refuses the base; what compares with a base was not checked")
		return nil
	}
	sub.base = before
	moved := was
	moved.Dir = o.Dir
	sub.before, err = r.examples(r.base.Root, moved, before, exampleFiles{})
	supposeProfiles(before, sub.before)
	return err
}

// gone finds the stacks that the base has and the change does not: removed, or
// moved to where nothing compares them with what they were.
func (r *repository) gone() ([]lint.Finding, error) {
	if r.base == nil || r.base.Commit == "" || r.below != "." {
		return nil, nil
	}
	if severity, ok := r.policy.Rules[serviceRemoved]; ok && severity == lint.Off {
		return nil, nil
	}
	before := r.before
	if len(before) == 0 {
		dirs, err := compose.Discover(r.base.Root, ".")
		if err != nil {
			return nil, err
		}
		for _, dir := range dirs {
			before = append(before, config.Stack{Name: dir, Dir: dir})
		}
	}
	var found []lint.Finding
	var kept []config.Stack
	for _, s := range r.all {
		if b, ok := counterpart(s, before); ok {
			kept = append(kept, b)
		}
	}
	for _, b := range before {
		if slices.ContainsFunc(kept, func(k config.Stack) bool { return k.Dir == b.Dir && k.Name == b.Name }) {
			continue
		}
		at := source.Pos{File: b.Dir, Line: 1, Col: 1}
		for _, name := range append(compose.MainNames(), b.Files...) {
			if name = path.Join(b.Dir, path.Base(name)); r.base.Root.Exists(name) {
				at.File = name
				break
			}
		}
		found = append(found, lint.Finding{Rule: serviceRemoved, Severity: lint.Error, Stack: b.Name, Span: source.Span{Pos: at},
			Message: "the stack " + b.Name + " is gone, or moved: nothing compares its data with what it was",
			Hint:    "to move it, keep its name in belay.yml; to remove it, back its data up first"})
	}
	return found, nil
}

// serviceRemoved is the rule that a stack which is gone breaks as a whole.
const serviceRemoved = "service-removed"
