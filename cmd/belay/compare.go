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
	r.before = cfg.Stacks
	r.cfg = cfg
	r.cfg.Stacks = stacks
	r.policy = cfg.LintPolicy(lint.BuiltIn())
	return nil
}

// asBefore gives the stacks as the change has them, each in the environment
// that the base says: a stack does not become dev by the change it is checked for.
func asBefore(now, before []config.Stack) []config.Stack {
	out := slices.Clone(now)
	for i := range out {
		out[i].Environment = ""
		for _, b := range before {
			if b.Name == out[i].Name || b.Dir == out[i].Dir {
				out[i].Environment = b.Environment
				break
			}
		}
	}
	return out
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

// loadBase reads the stack as the base has it. An env file that the base does
// not hold, because no repository should, is the same for both: a change of
// the files is looked for, not the lack of it.
func (r *repository) loadBase(ctx context.Context, sub *subject, o compose.Options, below string) error {
	move := func(p string) string { return p }
	if r.base.Commit == "" { // a folder stands for what was named
		move = func(p string) string {
			rel := strings.TrimPrefix(strings.TrimPrefix(p, below), "/")
			if below == "." {
				rel = p
			}
			return path.Clean("./" + rel)
		}
	}
	o.Root, o.EnvText, o.Dir = r.base.Root, nil, move(o.Dir)
	o.Files, o.EnvFiles = slices.Clone(o.Files), nil
	for i, name := range o.Files {
		o.Files[i] = move(name)
	}
	for _, name := range sub.cfg.EnvFiles {
		if r.base.Root.Exists(move(name)) {
			o.EnvFiles = append(o.EnvFiles, move(name))
		}
	}
	if own := sub.stack.OwnEnv(); own != nil && len(o.EnvFiles) == 0 && !r.base.Root.Exists(move(own.Path)) {
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
	moved := sub.cfg
	moved.Dir = o.Dir
	sub.before, err = r.examples(r.base.Root, moved, before, exampleFiles{})
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
	for _, b := range before {
		if slices.ContainsFunc(r.all, func(s config.Stack) bool { return s.Dir == b.Dir || s.Name == b.Name }) {
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
