package report

import (
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"

	"github.com/belaystack/belay/lint"
	"github.com/belaystack/belay/lint/source"
)

// What GitHub takes of one SARIF file ("SARIF results file is too large" in
// its documentation of code scanning). It refuses a file with more.
const (
	maxSARIFRuns    = 20
	maxSARIFResults = 25000 // in a run; the 5,000 most severe are shown
	maxSARIFRelated = 100   // shown of one result's locations
)

// projectURI is where Belay is documented.
const projectURI = "https://github.com/belaystack/belay"

// writeSARIF writes one run for each stack, so that each is a category of its
// own in code scanning and the alerts of one do not close those of another.
// Stacks beyond the limit of runs share the last one.
func writeSARIF(w io.Writer, r *Result, o Options) error {
	log := sarifLog{Schema: "https://json.schemastore.org/sarif-2.1.0.json", Version: "2.1.0"}
	for i, g := range sarifGroups(r) {
		run := sarifRunOf(g, r.Version, o)
		if i == 0 {
			for _, n := range r.Notices {
				run.Invocations[0].Notifications = append(run.Invocations[0].Notifications, sarifNotification{"note", sarifText(n)})
			}
		}
		log.Runs = append(log.Runs, run)
	}
	return encodeJSON(w, log)
}

// sarifGroup is what goes into one run.
type sarifGroup struct {
	category string
	files    []string // of the stack: a finding without a place stands in the first
	findings []lint.Finding
	names    []string // fingerprints, by finding
}

// sarifGroups shares the findings out to runs. Findings of no known stack are
// a run of their own, which is there when it is the only one, too.
func sarifGroups(r *Result) []sarifGroup {
	all := r.all()
	names := lint.Fingerprints(all)
	groups := make([]sarifGroup, 0, len(r.Stacks)+1)
	of := map[string]int{}
	taken := map[string]bool{}
	for _, s := range r.Stacks {
		if len(groups) == maxSARIFRuns-1 {
			of[s.Name] = len(groups) - 1
			continue
		}
		of[s.Name] = len(groups)
		groups = append(groups, sarifGroup{category: category(s.Name, taken), files: s.Files})
	}
	other := -1
	if len(groups) == 0 {
		other = 0
		groups = append(groups, sarifGroup{category: "belay/"})
	}
	for i, f := range all {
		at, ok := of[f.Stack]
		if !ok {
			if other < 0 {
				other = len(groups)
				groups = append(groups, sarifGroup{category: "belay/"})
			}
			at = other
		}
		groups[at].findings = append(groups[at].findings, f)
		groups[at].names = append(groups[at].names, names[i])
	}
	return groups
}

// category gives the automation ID of a stack's run. All before the last
// slash is the category (GitHub's documentation of automationDetails.id).
func category(stack string, taken map[string]bool) string {
	word := strings.Map(func(r rune) rune {
		if r == '-' || r == '_' || r == '.' || '0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' {
			return r
		}
		return '-'
	}, stack)
	id := "belay/" + word + "/"
	for n := 2; taken[id]; n++ {
		id = fmt.Sprintf("belay/%s-%d/", word, n)
	}
	taken[id] = true
	return id
}

func sarifRunOf(g sarifGroup, version string, o Options) sarifRun {
	run := sarifRun{
		Tool:       sarifTool{sarifDriver{Name: "Belay", Version: version, InformationURI: projectURI, Rules: sarifRules(g.findings, o)}},
		Automation: sarifAutomation{g.category},
		ColumnKind: "unicodeCodePoints",
		Results:    []sarifResult{},
	}
	invocation := sarifInvocation{Successful: true, Notifications: []sarifNotification{}}
	kept, dropped := mostSevere(g.findings, maxSARIFResults)
	for _, i := range kept {
		run.Results = append(run.Results, sarifResultOf(g, i, run.Tool.Driver.Rules, o))
	}
	if dropped > 0 {
		text := fmt.Sprintf("%s more, the least severe, are left out: a run holds %d", count(dropped, "finding"), maxSARIFResults)
		invocation.Notifications = append(invocation.Notifications, sarifNotification{"warning", sarifText(text)})
	}
	run.Invocations = []sarifInvocation{invocation}
	return run
}

// mostSevere gives the indexes of at most limit findings in their order, the
// least severe left out first, and how many are left out.
func mostSevere(fs []lint.Finding, limit int) (kept []int, dropped int) {
	kept = make([]int, len(fs))
	for i := range kept {
		kept[i] = i
	}
	if len(fs) <= limit {
		return kept, 0
	}
	slices.SortStableFunc(kept, func(a, b int) int { return int(fs[b].Severity) - int(fs[a].Severity) })
	kept = kept[:limit]
	slices.Sort(kept)
	return kept, len(fs) - limit
}

// sarifRules gives the rules that findings name, sorted.
func sarifRules(fs []lint.Finding, o Options) []sarifRule {
	ids := []string{}
	for _, f := range fs {
		ids = append(ids, f.Rule)
	}
	slices.Sort(ids)
	rules := []sarifRule{}
	for _, id := range slices.Compact(ids) {
		doc, ok := o.Rules[id]
		if !ok {
			doc = Rule{Title: id}
		}
		rule := sarifRule{ID: id, Short: sarifText(doc.Title), HelpURI: doc.URI}
		if doc.Why != "" {
			full := sarifText(doc.Why)
			rule.Full = &full
			rule.Help = &sarifHelp{Text: doc.Why, Markdown: doc.Why}
		}
		rules = append(rules, rule)
	}
	return rules
}

func sarifResultOf(g sarifGroup, i int, rules []sarifRule, o Options) sarifResult {
	f := g.findings[i]
	index, _ := slices.BinarySearchFunc(rules, f.Rule, func(r sarifRule, id string) int { return strings.Compare(r.ID, id) })
	res := sarifResult{
		RuleID: f.Rule, RuleIndex: index, Level: f.Severity.String(), Message: sarifText(message(f)),
		Fingerprints: map[string]string{"belayFinding/v1": g.names[i]},
		Properties:   sarifProperties{Stack: f.Stack, Service: f.Service},
	}
	span := f.Span
	if span.IsZero() && len(g.files) > 0 {
		span = source.Span{Pos: source.Pos{File: g.files[0], Line: 1, Col: 1}}
	}
	if !span.IsZero() {
		res.Locations = []sarifLocation{sarifAt(span, f.Source, o)}
	}
	for n, rel := range f.Related {
		if n == maxSARIFRelated {
			break
		}
		if rel.IsZero() {
			continue
		}
		at := sarifAt(rel.Span, "", o)
		text := sarifText(rel.Message)
		at.ID, at.Message = n+1, &text
		res.Related = append(res.Related, at)
	}
	return res
}

func sarifAt(span source.Span, line string, o Options) sarifLocation {
	at := placed(span, line)
	r := sarifRegion{StartLine: at.line}
	if span.Line > 0 {
		r.StartColumn, r.EndLine, r.EndColumn = at.col, at.line, at.end
	}
	return sarifLocation{Physical: sarifPhysical{Artifact: sarifArtifact{uriPath(o.path(span.File)), "%SRCROOT%"}, Region: r}}
}

// sarifText makes a message. Brackets would be read as an embedded link
// (SARIF 2.1.0, 3.11.6). Braces stay: they stand for arguments only in
// messages that have some.
func sarifText(s string) sarifMessage {
	return sarifMessage{strings.NewReplacer(`\`, `\\`, "[", `\[`, "]", `\]`).Replace(s)}
}

// uriPath makes a relative URI of a path with slashes.
func uriPath(p string) string {
	parts := strings.Split(p, "/")
	for i, s := range parts {
		parts[i] = strings.ReplaceAll(url.PathEscape(s), ":", "%3A")
	}
	return strings.Join(parts, "/")
}
