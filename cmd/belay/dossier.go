package main

import (
	"context"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/belaystack/belay/lint"
	"github.com/belaystack/belay/lint/dotenv"
	"github.com/belaystack/belay/lint/report"
	"github.com/belaystack/belay/lint/rules"
	"github.com/belaystack/belay/lint/source"
	"github.com/belaystack/belay/release"
	"github.com/belaystack/belay/release/registry"
)

// dossierFormats are those of the commands that tell what a change means,
// besides the formats for findings.
var dossierFormats = []string{"markdown", "html"}

// notesTimeout bounds all that one run asks of upstream.
const notesTimeout = 4 * time.Minute

// reader gives what release notes are read with; nil when the network is not
// to be asked.
func (a *app) reader(f *flags) (release.Reader, error) {
	if f.network.offline {
		return nil, nil
	}
	client, err := a.client(f)
	if err != nil {
		return nil, err
	}
	return upstream{client, &registry.Client{Transport: client.Transport()}}, nil
}

// dossiers says of every stack what its change means, in the order of the stacks.
func (a *app) dossiers(ctx context.Context, f *flags, r *repository, res *report.Result) ([]*release.Dossier, error) {
	if err := a.cacheOutside(f.network.cache, r.root.Dir()); err != nil {
		return nil, err
	}
	if len(r.charts) > 0 {
		return r.charts, nil
	}
	reader, err := a.reader(f)
	if err != nil {
		return nil, err
	}
	temp, err := a.mkTemp()
	if err != nil {
		return nil, err
	}
	asking, cancel := context.WithTimeout(ctx, notesTimeout)
	defer cancel()
	var out []*release.Dossier
	for _, s := range r.stacks {
		was := r.beforeChange(s)
		stack := release.Stack{Base: s.base, Head: s.stack, Catalog: r.catalog, Yours: s.yours()}
		d := stack.Build(asking, release.Input{Environment: string(s.env), Findings: findingsOf(res, s.stack.Name, was), Drift: driftOf(s, was),
			Reader: reader, Missing: noticesOf(r, res, s.stack.Name), NoExamples: s.examples.IsEmpty(), Uncompared: r.base != nil && s.base == nil, Temp: temp})
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		plan(d, s, r.catalog)
		d.ID, d.Stack = stackID(s.stack.Dir, s.stack.Name), s.title()
		out = append(out, d)
	}
	var gone []string
	for _, x := range res.Findings {
		known := func(s *subject) bool { return s.stack.Name == x.Stack }
		if !slices.ContainsFunc(r.stacks, known) && !slices.Contains(gone, x.Stack) {
			gone = append(gone, x.Stack)
			d := release.Only(x.Stack, path.Dir(x.File), string(res.Environment), findingsOf(res, x.Stack, before{}))
			d.ID = stackID(d.Dir, d.Stack)
			out = append(out, d)
		}
	}
	return out, nil
}

// title is what people call the stack: its name, and for one at the top of the
// repository that of its compose project.
func (s *subject) title() string {
	if s.stack.Name != "." {
		return s.stack.Name
	}
	if name := s.stack.Project.Shown; name != "" && !strings.Contains(name, "$") {
		return name
	}
	return "the stack"
}

// findingsOf gives the findings of a stack, the worst first.
func findingsOf(res *report.Result, stack string, was before) []release.Finding {
	var out []release.Finding
	guards := map[string]bool{}
	for _, rule := range rules.All() {
		guards[rule.ID] = rule.Guards && rule.ID != reviewRequired // which asks a person, and says nothing of the data
	}
	for _, severity := range []lint.Severity{lint.Error, lint.Warning, lint.Note} {
		for _, x := range res.Findings {
			if x.Stack == stack && x.Severity == severity {
				out = append(out, release.Finding{Rule: x.Rule, Severity: severity.String(), Place: placeOf(x.Span),
					Message: x.Message, Hint: x.Hint, Guards: guards[x.Rule], Old: was.findings[findingKey(x)]})
			}
		}
	}
	return out
}

func placeOf(s source.Span) release.Place {
	return release.Place{File: s.File, Line: s.Line, Col: s.Col}
}

// driftOf gives each key once, with what matters most of it.
func driftOf(s *subject, was before) []release.Drift {
	var out []release.Drift
	seen := map[string]bool{}
	for _, d := range s.drifts {
		if seen[d.Key] && d.Kind != dotenv.Duplicate {
			continue
		}
		seen[d.Key] = true
		row := release.DriftOf(d)
		row.Place, row.Old = placeOf(driftAt(d)), was.drifts[driftKey(d)]
		out = append(out, row)
	}
	return out
}

// noticesOf gives the notices that concern a stack: its own, and those about
// no stack.
func noticesOf(r *repository, res *report.Result, stack string) []string {
	return slices.DeleteFunc(slices.Clone(res.Notices), func(n string) bool {
		return slices.ContainsFunc(r.stacks, func(o *subject) bool {
			return o.stack.Name != stack && strings.HasPrefix(n, o.stack.Name+": ")
		})
	})
}
