package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/belaystack/belay/lint"
	"github.com/belaystack/belay/lint/dotenv"
	"github.com/belaystack/belay/lint/report"
	"github.com/belaystack/belay/lint/rules"
	"github.com/belaystack/belay/lint/source"
)

// reviewRequired is the rule that reads the labels of the pull request.
const reviewRequired = "review-required"

// part says which halves of check a command runs.
type part struct {
	rules func(id string) bool // nil: none
	drift bool
	brief bool // of what drifts, only count the keys that merely moved
	tells bool // what the change means: the dossier
}

func newCheck(a *app, f *flags) *cobra.Command {
	cmd := &cobra.Command{
		Use: "check [PATH]", Args: cobra.MaximumNArgs(1),
		Short: "Check the pins and the env files of the stacks in a repository, and what a change means",
		Long: "Check lints the image pins of every stack at or below PATH against the policy, and\n" +
			"compares env files with their examples. With --base it also says what the change from\n" +
			"there to here means: the release notes of every skipped version, what of them touches\n" +
			"this stack, the upgrade plan and the way back. On a pull request that is a comment.\n" +
			"PATH is a folder, a compose file, or with --base the values.yaml of a Helm chart; without\n" +
			"it, the whole repository.",
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case f.publish != "":
				return a.publish(cmd.Context(), f, args)
			case len(args) > 0 && isValues(args[0]):
				return a.envValues(cmd.Context(), f, args[0], part{tells: true})
			}
			return a.look(cmd.Context(), f, args, part{rules: func(string) bool { return true }, drift: true, brief: true, tells: true})
		},
	}
	f.stack(cmd)
	f.findings(cmd)
	f.asks(cmd)
	cmd.Flags().StringVar(&f.publish, "publish", "", "comment on the pull request what the JSON report of another run holds, and check nothing")
	return cmd
}

// look opens the stacks, runs the wanted part over them and prints the result.
func (a *app) look(ctx context.Context, f *flags, args []string, p part) error {
	r, err := a.open(ctx, f, strings.Join(args, ""))
	if err != nil {
		return err
	}
	defer r.close()
	return a.show(ctx, f, r, p)
}

// show runs the wanted part over open stacks and prints the result. The error
// says only the exit code when the findings decide it.
func (a *app) show(ctx context.Context, f *flags, r *repository, p part) error {
	failOn, err := f.failOnOf(r.cfg)
	if err != nil {
		return err
	}
	res, err := a.result(ctx, f, r, p)
	if err != nil {
		return err
	}
	if f.writeBaseline != "" {
		return a.writeBaseline(f, res)
	}
	failed := slices.ContainsFunc(res.Findings, func(x lint.Finding) bool { return failOn.Fails(x.Severity) })
	if err := a.tell(ctx, f, r, res, p, failed); err != nil {
		return err
	}
	if failed {
		return &exitError{code: exitFindings}
	}
	return nil
}

// result runs the wanted part over every stack.
func (a *app) result(ctx context.Context, f *flags, r *repository, p part) (*report.Result, error) {
	res := &report.Result{Version: versionText(), Notices: r.notices}
	labels, known, asked := f.labels, len(f.labels) > 0, false
	for _, s := range r.stacks {
		if res.Environment = r.stacks[0].env; s.env != res.Environment {
			res.Notices = append(res.Notices, fmt.Sprintf("%s: its environment is %s", s.stack.Name, s.env))
		}
		res.Stacks = append(res.Stacks, stackInfo(s))
		if p.rules != nil {
			found, suppressed := a.lint(r, s, p, labels, known)
			if !known && !asked && slices.ContainsFunc(found, func(x lint.Finding) bool { return x.Rule == reviewRequired }) {
				var err error
				asked = true
				if labels, err = a.labels(ctx, f); err != nil {
					res.Notices = append(res.Notices, "the labels of the pull request are not known: "+err.Error())
				} else if known = a.event.isPull(); known {
					found, suppressed = a.lint(r, s, p, labels, known)
				}
			}
			res.Findings = append(res.Findings, found...)
			res.Suppressed += suppressed
		}
		if p.drift {
			var notices []string
			s.drifts, notices = drift(s, p.brief)
			res.Drift = append(res.Drift, driftRows(s.stack.Name, s.drifts)...)
			res.Notices = append(res.Notices, notices...)
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
	}
	if p.rules != nil && p.rules(serviceRemoved) {
		gone, err := r.gone()
		if err != nil {
			return nil, coded(err)
		}
		res.Findings = append(res.Findings, gone...)
	}
	lint.Sort(res.Findings)
	slices.Sort(res.Notices)
	res.Notices = slices.Compact(res.Notices)
	b, err := f.readBaseline(r)
	if err != nil {
		return nil, coded(err)
	}
	if b != nil {
		res.Findings, res.Baselined = b.Filter(res.Findings)
	}
	return res, nil
}

func (a *app) lint(r *repository, s *subject, p part, labels []string, known bool) ([]lint.Finding, int) {
	var wanted []*lint.Rule
	for _, rule := range rules.All() {
		if p.rules(rule.ID) {
			wanted = append(wanted, rule)
		}
	}
	return lint.Run(lint.Input{Stack: s.stack, Base: s.base, Policy: r.policy, Env: s.env, Catalog: r.catalog,
		Examples: s.examples, Labels: labels, LabelsOK: known}, wanted)
}

func stackInfo(s *subject) report.Stack {
	info := report.Stack{Name: s.stack.Name, Dir: s.stack.Dir, Services: len(s.stack.Services)}
	for _, f := range s.stack.Files {
		info.Files = append(info.Files, f.Path)
	}
	for _, svc := range s.stack.Services {
		if !svc.Image.IsZero() {
			info.Images++
		}
	}
	return info
}

// drift is how the env file of s departs from its examples, and what could
// not be known of it.
func drift(s *subject, brief bool) (found []dotenv.Drift, notices []string) {
	yours := s.yours()
	if yours.File != nil {
		found = dotenv.Check(yours.File, s.examples, s.uses())
		found = slices.DeleteFunc(found, func(d dotenv.Drift) bool {
			return d.Kind == dotenv.Duplicate || d.Kind == dotenv.Missing && d.Needed // rules say these
		})
	}
	if s.before != nil {
		found = append(found, dotenv.Compare(s.before, s.examples, yours)...)
	}
	if brief {
		all := len(found)
		found = slices.DeleteFunc(found, func(d dotenv.Drift) bool { return d.Kind == dotenv.Moved })
		if moved := all - len(found); moved > 0 {
			notices = append(notices, fmt.Sprintf("%s: %d keys moved to another example file; `belay env` with the same --base names them", s.stack.Name, moved))
		}
	}
	dotenv.Sort(found)
	if limits := yours.Limits(); limits != "" && !s.examples.IsEmpty() {
		notices = append(notices, strings.Replace(limits, "the .env", s.stack.EnvPath, 1))
	}
	return found, notices
}

// yours is what is known of the stack's own env file.
func (s *subject) yours() dotenv.Yours { return dotenv.Yours{File: s.stack.OwnEnv(), State: s.state} }

// driftRows puts each drift where a person edits: in their own file, else in
// the new example, else where it was.
func driftRows(stack string, found []dotenv.Drift) []report.Drift {
	var rows []report.Drift
	for _, d := range found {
		rows = append(rows, report.Drift{Span: driftAt(d), Stack: stack, Key: d.Key, Kind: string(d.Kind), Text: strings.TrimPrefix(d.Message(), d.Key+" ")})
	}
	return rows
}

func driftAt(d dotenv.Drift) source.Span {
	at := d.Yours
	for _, other := range []source.Span{d.New, d.Old} {
		if at.IsZero() {
			at = other
		}
	}
	return at
}

// uses is what the compose files interpolate.
func (s *subject) uses() []dotenv.Use { return usesOf(s.stack) }

// readBaseline reads the baseline file, in the state of the base where there
// is one: a change cannot add to it what it brings along.
func (f *flags) readBaseline(r *repository) (*lint.Baseline, error) {
	name, err := f.baselinePath(r)
	if name == "" || err != nil || f.writeBaseline != "" {
		return nil, err
	}
	root := r.root
	if r.base != nil {
		root = r.base.Root
	}
	file, err := root.Read(name)
	if errors.Is(err, fs.ErrNotExist) && (r.base != nil || f.baseline == "") {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return lint.ReadBaseline(file)
}

// baselinePath is where the baseline is, relative to the root; "" without one.
func (f *flags) baselinePath(r *repository) (string, error) {
	if f.baseline == "" {
		return r.cfg.Baseline, nil
	}
	abs, err := filepath.Abs(f.baseline)
	if err != nil {
		return "", err
	}
	rel, err := r.root.Rel(abs)
	if err != nil {
		return "", usage("--baseline %s: %w", f.baseline, err)
	}
	return rel, nil
}

func (a *app) writeBaseline(f *flags, res *report.Result) error {
	data, err := lint.NewBaseline(res.Findings).Encode()
	if err == nil {
		err = source.Output(f.writeBaseline, data)
	}
	if err != nil {
		return &exitError{exitCouldNot, err}
	}
	return a.printf("%s: %s, passed over from now on with `baseline: %s` in belay.yml\n", f.writeBaseline, count(len(res.Findings), "finding"), f.writeBaseline)
}
