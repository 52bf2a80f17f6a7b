package lint

import (
	"fmt"
	"iter"
	"slices"

	"github.com/belaystack/belay/lint/compose"
	"github.com/belaystack/belay/lint/dotenv"
	"github.com/belaystack/belay/lint/image"
	"github.com/belaystack/belay/lint/source"
	"github.com/belaystack/belay/release/catalog"
)

// A Rule is a constant description of one check plus the function that runs
// it. Rules hold no state; everything they may read is in Pass.
type Rule struct {
	ID        string   // stable, kebab-case
	Severity  Severity // unless belay.yml says otherwise
	Doc       Doc      // the only source of the rule's user documentation
	NeedsBase bool     // it compares with a base and is skipped without one
	Guards    bool     // it guards data: what a change adds to loosen it does not count for that change
	Check     func(*Pass)
}

// Doc is the text a user reads about a rule. Bad and Good are txtar archives
// of a repository (compose.yaml, .env, belay.yml, and base/... for rules that
// need a base); a test runs them and fails if Bad is clean of this rule or Good is not.
type Doc struct {
	Title string // one line, no full stop
	Why   string // a paragraph of Markdown
	Bad   string
	Good  string
}

// A Pass is one rule applied to one stack.
type Pass struct {
	Rule     *Rule
	Stack    *compose.Stack
	Base     *compose.Stack // the stack before the change; nil without a base
	Policy   *Policy
	Env      Environment
	Catalog  *catalog.Catalog
	Examples *dotenv.Set // the stack's example env files; never nil, perhaps empty
	Labels   []string    // labels of the pull request
	LabelsOK bool        // whether Labels are known

	images map[*compose.Stack][]Image
	apps   map[*compose.Service]catalog.App
	found  []*Finding
}

// Report records a finding at span with the rule's severity, and gives it
// back so that the rule can add to it before Check returns. The hint says what
// to do. svc is the service it is about, or nil: what is found on a service
// that no enabled profile starts becomes a note, unless the rule guards data
// and the service may run after all.
func (p *Pass) Report(span source.Span, svc *compose.Service, hint, format string, args ...any) *Finding {
	return p.ReportAs(p.Rule.Severity, span, svc, hint, format, args...)
}

// ReportAs is Report for a finding that matters less than the rule's severity
// says, which is that of its worst findings.
func (p *Pass) ReportAs(sev Severity, span source.Span, svc *compose.Service, hint, format string, args ...any) *Finding {
	f := &Finding{Rule: p.Rule.ID, Severity: sev, Span: span,
		Message: fmt.Sprintf(format, args...), Hint: hint, Stack: p.Stack.Name}
	if svc != nil {
		f.Service = svc.Name
		if !svc.Enabled && !(p.Rule.Guards && p.mayRun(svc)) {
			f.Severity = Note
		}
	}
	p.found = append(p.found, f)
	return f
}

// mayRun reports whether svc, which no known profile starts, may run where the
// stack is deployed: because the env file that would say so is not known, or
// because it did so before the change.
func (p *Pass) mayRun(svc *compose.Service) bool {
	if svc.Perhaps || p.Base == nil {
		return svc.Perhaps
	}
	before := p.Base.Service(svc.Name)
	return before != nil && (before.Enabled || before.Perhaps)
}

// Image is a service's image, parsed.
type Image struct {
	Service *compose.Service
	Ref     image.Ref   // of the resolved text: may hold a value of .env, never print from it
	Shown   string      // what may be printed of the whole reference
	Tag     string      // what may be printed of the tag: "1.13.3", or "${DIFY_VERSION}"
	Policy  ImagePolicy // the first of the policy that matches; Pin is image.Floating when none does
	App     catalog.App // the app it is of; zero for one the catalog does not know
}

// Images gives every service of stack, the pass's own or its base, whose image
// is known and parses, in file order.
func (p *Pass) Images(stack *compose.Stack) iter.Seq[Image] {
	return slices.Values(p.images[stack])
}

// App gives the app whose image svc runs; false for one the catalog does not
// know, and for a service without image.
func (p *Pass) App(svc *compose.Service) (catalog.App, bool) {
	app, ok := p.apps[svc]
	return app, ok && app.ID != ""
}

// imagesOf parses the images of stack, once for all rules.
func imagesOf(in Input, stack *compose.Stack) []Image {
	var out []Image
	for _, s := range stack.Services {
		ref, err := image.Parse(s.Image.Reveal())
		if err != nil {
			continue
		}
		img := Image{Service: s, Ref: ref, Shown: s.Image.Shown, Tag: ref.Tag, Policy: in.Policy.Image(ref)}
		img.App, _ = in.Catalog.App(ref)
		if s.Image.Shown != s.Image.Reveal() {
			img.Tag = image.SplitTag(s.Image.Shown)
		}
		out = append(out, img)
	}
	return out
}
