package lint

import (
	"slices"
	"strings"

	"github.com/belaystack/belay/lint/compose"
	"github.com/belaystack/belay/lint/dotenv"
	"github.com/belaystack/belay/lint/image"
	"github.com/belaystack/belay/lint/source"
	"github.com/belaystack/belay/release/catalog"
)

// The findings that no rule makes. They cannot be switched off.
const (
	Invalid        = "compose-invalid"       // docker compose would refuse the stack
	IgnoreNoReason = "ignore-without-reason" // a suppression that does not say why
	IgnoreUnused   = "ignore-unused"         // a suppression that silences nothing
	IgnoreAdded    = "ignore-added"          // a suppression that the change itself adds
)

// Input is all that the rules may read about one stack.
type Input struct {
	Stack    *compose.Stack
	Base     *compose.Stack // nil without a base
	Policy   *Policy
	Env      Environment
	Catalog  *catalog.Catalog
	Examples *dotenv.Set
	Labels   []string
	LabelsOK bool
}

// Run applies rules to the stack and gives what they find, sorted, with
// suppressed findings left out. Suppressed counts those.
func Run(in Input, rules []*Rule) (found []Finding, suppressed int) {
	for _, p := range in.Stack.Problems {
		found = append(found, Finding{Rule: Invalid, Severity: Error, Span: p.Span, Message: p.Msg, Hint: p.Hint, Stack: in.Stack.Name})
	}
	for _, svc := range in.Stack.Services {
		if _, err := image.Parse(svc.Image.Reveal()); err != nil && svc.Image.Reveal() != "" && !unset(svc.Image) {
			found = append(found, Finding{Rule: Invalid, Severity: Error, Span: svc.Image.Span, Stack: in.Stack.Name, Service: svc.Name,
				Message: "not an image reference: docker cannot pull it", Hint: "write name:tag, the name in lower case"})
		}
	}
	pass := NewPass(in)
	for _, r := range rules {
		severity := r.Severity
		if s, ok := in.Policy.Rules[r.ID]; ok {
			severity = s
		}
		if severity == Off || r.NeedsBase && in.Base == nil {
			continue
		}
		for _, f := range pass.Run(r) {
			if f.Severity == r.Severity || f.Severity > severity {
				f.Severity = severity
			}
			found = append(found, *f)
		}
	}
	found, suppressed = suppress(in, rules, found)
	for i := range found {
		found[i].Source = printable(in.Stack, in.Examples, found[i].Span)
	}
	Sort(found)
	return slices.CompactFunc(found, same), suppressed
}

// unset reports whether a variable without a value leaves a gap in v, which
// image-variable-unset says.
func unset(v compose.Value) bool {
	return slices.ContainsFunc(v.Vars, func(x compose.Var) bool {
		return !x.Set && !strings.HasSuffix(x.Op, "-") && !strings.HasSuffix(x.Op, "+")
	})
}

// NewPass makes what the passes of all rules over one stack share.
func NewPass(in Input) Pass {
	p := Pass{Stack: in.Stack, Base: in.Base, Policy: in.Policy, Env: in.Env, Catalog: in.Catalog,
		Examples: in.Examples, Labels: in.Labels, LabelsOK: in.LabelsOK,
		images: map[*compose.Stack][]Image{}, apps: map[*compose.Service]catalog.App{}}
	if p.Examples == nil {
		p.Examples = &dotenv.Set{}
	}
	for _, s := range []*compose.Stack{in.Stack, in.Base} {
		if s == nil {
			continue
		}
		p.images[s] = imagesOf(in, s)
		for _, img := range p.images[s] {
			p.apps[img.Service] = img.App
		}
	}
	return p
}

// Run gives what one rule finds, with the severities it reports and without
// regard to suppressions.
func (p Pass) Run(r *Rule) []*Finding {
	p.Rule, p.found = r, nil
	r.Check(&p)
	return p.found
}

// same findings come from a place that several services share.
func same(a, b Finding) bool {
	return a.Rule == b.Rule && a.Span == b.Span && a.Message == b.Message
}

// printable is the source line at span as it may be shown: of a line in an
// env file, only the key.
func printable(s *compose.Stack, examples *dotenv.Set, at source.Span) string {
	for _, f := range s.Files {
		if f.Path == at.File {
			return f.Line(at.Line)
		}
	}
	envs := slices.Clone(s.Env)
	if examples != nil {
		envs = append(envs, examples.Files...)
	}
	for _, f := range envs {
		if f.Path == at.File {
			return keyOf(f, at.Line)
		}
	}
	return ""
}

// keyOf is line n of an env file up to the value; "" where no key stands: a
// further line of a value looks like one.
func keyOf(f *dotenv.File, n int) string {
	for _, e := range f.Entries {
		if e.Span.Line == n {
			return string(f.Data[f.LineStart(n):e.Span.Offset]) + e.Key + "=…"
		}
	}
	return ""
}
