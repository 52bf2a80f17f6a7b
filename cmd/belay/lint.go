package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aymanbagabas/go-udiff"
	"github.com/spf13/cobra"

	"github.com/belaystack/belay/lint"
	"github.com/belaystack/belay/lint/rules"
	"github.com/belaystack/belay/lint/source"
)

func newLint(a *app, f *flags) *cobra.Command {
	var fix, diff bool
	var pins []string
	cmd := &cobra.Command{
		Use: "lint [PATH]", Args: cobra.MaximumNArgs(1),
		Short: "Check the image pins of the stacks, and repair what needs no person",
		RunE: func(cmd *cobra.Command, args []string) error {
			p := part{rules: func(string) bool { return true }}
			if len(pins) > 0 && !fix && !diff {
				return usage("--pin goes with --fix or --diff")
			}
			if fix || diff {
				return a.repair(cmd.Context(), f, args, p, pins, fix)
			}
			return a.look(cmd.Context(), f, args, p)
		},
	}
	f.stack(cmd)
	f.findings(cmd)
	cmd.Flags().BoolVar(&fix, "fix", false, "repair what needs no person to choose, in place")
	cmd.Flags().BoolVar(&diff, "diff", false, "print what --fix would change, and change nothing")
	cmd.Flags().StringSliceVar(&pins, "pin", nil, "with --fix: the version for an image whose pin is too loose, as IMAGE=TAG, IMAGE=sha256:… or both")
	cmd.MarkFlagsMutuallyExclusive("fix", "diff")
	return cmd
}

// repair makes the edits that findings carry, or prints them.
func (a *app) repair(ctx context.Context, f *flags, args []string, p part, pins []string, write bool) error {
	wanted, err := parsePins(pins)
	if err != nil {
		return err
	}
	r, err := a.open(ctx, f, strings.Join(args, ""))
	if err != nil {
		return err
	}
	defer r.close()
	res, err := a.result(ctx, f, r, p)
	if err != nil {
		return err
	}
	if err := applyPins(wanted, r, res.Findings); err != nil {
		return err
	}
	edits := map[string][]source.Edit{}
	repaired := 0
	for _, x := range res.Findings {
		for _, e := range x.Edits {
			edits[e.Pos.File] = append(edits[e.Pos.File], e)
		}
		if len(x.Edits) > 0 {
			repaired++
		}
	}
	var files []repairedFile
	for _, name := range slices.Sorted(maps.Keys(edits)) { // all of them before the first is written
		file, err := r.root.Read(name)
		if err != nil {
			return coded(err)
		}
		data, err := source.Apply(file.Data, edits[name])
		if err != nil {
			return coded(err)
		}
		files = append(files, repairedFile{file, data, edits[name]})
	}
	for _, file := range files {
		if err := a.repairFile(r, file, write); err != nil {
			return coded(err)
		}
	}
	verb := "would be repaired"
	if write {
		verb = "repaired"
	}
	return a.printf("%d of %s %s in %s\n", repaired, count(len(res.Findings), "finding"), verb, count(len(edits), "file"))
}

// repairedFile is a file as it was and as its repairs make it.
type repairedFile struct {
	*source.File
	data  []byte
	edits []source.Edit
}

// repairFile writes f, or prints what would change; of an env file only the keys.
func (a *app) repairFile(r *repository, f repairedFile, write bool) error {
	if write {
		return source.Replace(r.root.Abs(f.Path), f.Data, f.data)
	}
	if slices.ContainsFunc(f.edits, func(e source.Edit) bool { return e.Secret }) {
		for _, e := range f.edits {
			key, _, _ := strings.Cut(f.Line(e.Pos.Line), "=")
			if err := a.printf("%s: %s would get another value\n", e.Pos, key); err != nil {
				return err
			}
		}
		return nil
	}
	return a.printf("%s", udiff.Unified("a/"+f.Path, "b/"+f.Path, string(f.Data), string(f.data)))
}

func newRules(a *app, f *flags) *cobra.Command {
	cmd := &cobra.Command{
		Use: "rules [RULE]", Args: cobra.MaximumNArgs(1),
		Short: "List the rules, or explain one",
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return ruleIDs(), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return a.listRules(f)
			}
			for _, r := range rules.All() {
				if r.ID == args[0] {
					return a.explainRule(r)
				}
			}
			return usage("there is no rule %q; `belay rules` lists them", args[0])
		},
	}
	return cmd
}

// ruleIDs are the names that belay.yml and suppressions may use.
func ruleIDs() []string {
	var ids []string
	for _, r := range rules.All() {
		ids = append(ids, r.ID)
	}
	return ids
}

func (a *app) listRules(f *flags) error {
	var text strings.Builder
	for _, r := range rules.All() {
		base := ""
		if r.NeedsBase {
			base = " (with --base)"
		}
		fmt.Fprintf(&text, "%-24s %-8s %s%s\n", r.ID, r.Severity, r.Doc.Title, base)
	}
	return a.answer(f, text.String(), rulesJSON())
}

// ruleJSON is one rule of `belay rules --format json`.
type ruleJSON struct {
	ID        string        `json:"id"`
	Severity  lint.Severity `json:"severity"`
	Title     string        `json:"title"`
	NeedsBase bool          `json:"needsBase"`
	URI       string        `json:"uri"`
}

func rulesJSON() any {
	list := struct {
		Version int        `json:"version"`
		Rules   []ruleJSON `json:"rules"`
	}{Version: 1}
	for _, r := range rules.All() {
		list.Rules = append(list.Rules, ruleJSON{r.ID, r.Severity, r.Doc.Title, r.NeedsBase, rulesPage + "#" + r.ID})
	}
	return list
}

func (a *app) explainRule(r *lint.Rule) error {
	return a.printf("%s (%s)\n%s\n\n%s\n\nFires on:\n\n%s\nDoes not on:\n\n%s",
		r.ID, r.Severity, r.Doc.Title, strings.TrimSpace(r.Doc.Why), indent(r.Doc.Bad), indent(r.Doc.Good))
}

func indent(text string) string {
	var out strings.Builder
	for line := range strings.Lines(strings.TrimSpace(text) + "\n") {
		fmt.Fprintf(&out, "    %s", line)
	}
	return out.String()
}
