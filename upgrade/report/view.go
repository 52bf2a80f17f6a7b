package report

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// stepWord says how far a step came.
func stepWord(s Step) string {
	switch s.State {
	case StepDone:
		return "✅ done"
	case StepFailed:
		if !s.Undo.To.IsZero() {
			return "❌ failed, undone"
		}
		return "❌ failed"
	case StepUndone:
		return "⏪ undone"
	case StepSkipped:
		return "➖ skipped"
	case StepStuck:
		return "🛑 undo failed"
	case StepRunning:
		return "⏳ running"
	case StepPending:
		return "· not reached"
	}
	return string(s.State)
}

// factWord is what came of a fact.
func factWord(f Fact) string {
	var parts []string
	if f.Failed != "" {
		parts = append(parts, "❌ "+f.Failed)
	}
	if f.Unasked != "" {
		parts = append(parts, "➖ not checked: "+f.Unasked)
	}
	if len(parts) == 0 && f.After != "" {
		return "✅"
	}
	return strings.Join(parts, "; ")
}

// ofService is the application of a fact, with its service where that is another word.
func ofService(f Fact) string {
	if f.Service == "" || f.Service == f.App {
		return f.App
	}
	return f.App + " in " + f.Service
}

// undone is how long undoing a step took, "" where it was not undone.
func undone(s Step) string {
	if s.Undo == (Span{}) {
		return ""
	}
	return between(s.Undo.From, s.Undo.To)
}

// said is the detail of a step with its error.
func said(s Step) string {
	return strings.Join(slices.DeleteFunc([]string{s.Detail, s.Error}, func(t string) bool { return t == "" }), "; ")
}

// partName is what a part of the downtime went by with.
func partName(p Part) string {
	switch {
	case p.Step == "":
		return "between steps"
	case p.Undo:
		return "undo of " + p.Step
	}
	return p.Step
}

// partLength is how long a part of the downtime was.
func partLength(p Part) string { return between(p.From, p.To) }

// short gives the digest of an image as far as people compare it.
func short(digest string) string {
	if algo, hash, ok := strings.Cut(digest, ":"); ok && len(hash) > 12 {
		return algo + ":" + hash[:12]
	}
	return digest
}

// moved reports whether a service runs another image than before.
func moved(s Service) bool {
	return s.Before.Ref != s.After.Ref || s.Before.Digest != s.After.Digest
}

// byMove gives the services with those first that moved.
func byMove(all []Service) []Service {
	var out []Service
	for _, first := range []bool{true, false} {
		for _, s := range all {
			if (moved(s) || s.Wanted != Image{}) == first {
				out = append(out, s)
			}
		}
	}
	return out
}

// proofWord says what comparing data gave.
func proofWord(p Proof) string {
	switch p {
	case NotCompared:
		return "not compared"
	case Counted:
		return "✅ as many rows"
	case Same:
		return "✅ the same"
	case Changed:
		return "✅ changed as allowed"
	case Different:
		return "❌ different"
	}
	return string(p)
}

// differing gives the tables of a database of which there is something to say,
// those that break a rule first.
func differing(d Database) []Table {
	var out []Table
	for _, t := range d.Tables {
		if t.Changed || t.Rule != "" || (t.Before == nil) != (t.After == nil) || t.Before != nil && *t.Before != *t.After {
			out = append(out, t)
		}
	}
	slices.SortStableFunc(out, func(a, b Table) int {
		if (a.Rule != "") != (b.Rule != "") {
			return cmp.Compare(b.Rule, a.Rule) // "" last
		}
		return 0
	})
	return out
}

// totals gives the rows of all tables that were counted, before and after.
func totals(d Database) (before, after *int64) {
	add := func(sum **int64, n *int64) {
		if n == nil {
			return
		}
		if *sum == nil {
			*sum = new(int64)
		}
		**sum += *n
	}
	for _, t := range d.Tables {
		add(&before, t.Before)
		add(&after, t.After)
	}
	return before, after
}

// growth says how the rows of a table changed.
func growth(t Table) string {
	switch {
	case t.Before == nil && t.After == nil:
		return unknown
	case t.Before == nil:
		return "new, or not counted before"
	case t.After == nil:
		return "gone, or not counted after"
	case *t.After > *t.Before:
		return "+" + number(*t.After-*t.Before)
	case *t.After < *t.Before:
		return number(*t.After - *t.Before)
	case t.Changed:
		return "as many, other content"
	}
	return "0"
}

// answer says what a probe got.
func answer(a *Answer) string {
	if a == nil {
		return unknown
	}
	s := "✅ " + took(time.Duration(a.Latency))
	switch {
	case !a.OK && a.Text == "" && a.Unchecked != "":
		return "not checked: " + a.Unchecked
	case !a.OK:
		s = "❌ " + took(time.Duration(a.Latency))
	}
	if a.Text != "" {
		s += ", " + a.Text
	}
	if a.Unchecked != "" {
		s += ", not compared: " + a.Unchecked
	}
	for _, n := range a.News {
		s += ", " + n
	}
	return s
}

// good reports whether a command ended well.
func good(c Command) bool { return c.Exit == 0 && c.Error == "" }

// result says how a command ended.
func result(c Command) string {
	s := "✅ exit 0"
	switch {
	case c.Error != "":
		s = "❌ " + c.Error
	case c.Exit != 0:
		s = "❌ exit " + number(int64(c.Exit))
	}
	if c.Accepted {
		s += ", accepted"
	}
	return s
}

// lineCount says how many lines of a log are shown of how many.
func lineCount(l Log) string {
	n := lineTotal(l.Lines)
	if l.Total > n {
		return "the last " + number(int64(n)) + " of " + count(l.Total, "line")
	}
	return count(n, "line")
}

// kept says what is known of a backup.
func kept(b Saved) string {
	parts := []string{cmp.Or(b.Use, "made"), size(b.Size), "of one moment"}
	if !b.Consistent {
		parts[2] = "not of one moment: the stack went on meanwhile"
	}
	if b.Encrypted {
		parts = append(parts, "encrypted")
	}
	if len(b.Verified) == 0 {
		return strings.Join(append(parts, "not verified"), " · ")
	}
	return strings.Join(append(parts, "verified: "+strings.Join(b.Verified, ", ")), " · ")
}

// usage says what a service used.
func usage(u *Usage) string {
	if u == nil {
		return unknown
	}
	s := size(u.Memory)
	if u.Limit > 0 {
		s += " of " + size(u.Limit)
	}
	return s
}

// load is the share of a core that a service used.
func load(u *Usage) string {
	if u == nil {
		return unknown
	}
	return percent(u.CPU)
}

// restarts is how often the containers of a service restarted.
func restarts(u *Usage) string {
	if u == nil {
		return unknown
	}
	return number(int64(u.Restarts))
}

// tookOf is how long a command took.
func tookOf(c Command) string { return took(time.Duration(c.Took)) }
