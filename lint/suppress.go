package lint

import (
	"bytes"
	"regexp"
	"strings"

	"github.com/belaystack/belay/lint/compose"
	"github.com/belaystack/belay/lint/source"
)

// ignore is one `# belay:ignore rule-id reason` comment.
type ignore struct {
	rule   string
	reason string
	at     source.Span
	used   bool
	added  bool // the change itself adds it
}

var ignoreComment = regexp.MustCompile(`(^|\s)#\s*belay:ignore(?:\s+(\S+))?[ \t]*(.*)$`)

// suppress leaves out the findings that a comment on their line, or in the
// comment block right above it, names. With a base, a comment that the base
// does not hold silences no rule that guards data, and is itself a note.
func suppress(in Input, rules []*Rule, found []Finding) (kept []Finding, suppressed int) {
	guards := map[string]bool{Invalid: true}
	known := map[string]bool{}
	for _, r := range rules {
		guards[r.ID], known[r.ID] = r.Guards, true
	}
	ignores, at := collect(in.Stack), map[string]map[int][]*ignore{}
	markAdded(ignores, in.Base)
	for _, ig := range ignores {
		if at[ig.at.File] == nil {
			at[ig.at.File] = map[int][]*ignore{}
		}
		at[ig.at.File][ig.at.Line] = append(at[ig.at.File][ig.at.Line], ig)
	}
	for _, f := range found {
		if ig := covering(in.Stack.File(f.File), at[f.File], f); ig != nil {
			ig.used = true
			if f.Rule != Invalid && ig.reason != "" && !(ig.added && guards[f.Rule]) {
				suppressed++
				continue
			}
		}
		kept = append(kept, f)
	}
	for _, ig := range ignores {
		kept = append(kept, ig.findings(in.Stack.Name, known)...)
	}
	return kept, suppressed
}

// collect finds the suppressions in the files of s.
func collect(s *compose.Stack) []*ignore {
	var out []*ignore
	scan := func(f *source.File) {
		if !bytes.Contains(f.Data, []byte("belay:ignore")) {
			return
		}
		for n := 1; n <= f.Lines(); n++ {
			line := f.Line(n)
			if m := ignoreComment.FindStringSubmatchIndex(line); m != nil {
				ig := &ignore{at: f.At(f.LineStart(n)+strings.IndexByte(line[m[0]:], '#')+m[0], 0), reason: strings.TrimSpace(line[m[6]:m[7]])}
				if m[4] >= 0 {
					ig.rule = line[m[4]:m[5]]
				}
				out = append(out, ig)
			}
		}
	}
	for _, f := range s.Files {
		scan(f.File)
	}
	for _, f := range s.Env {
		scan(f.File)
	}
	return out
}

// markAdded marks what base does not hold: the same rule and reason in the same file.
func markAdded(ignores []*ignore, base *compose.Stack) {
	if base == nil {
		return
	}
	type id struct{ file, rule, reason string }
	before := map[id]int{}
	for _, ig := range collect(base) {
		before[id{ig.at.File, ig.rule, ig.reason}]++
	}
	for _, ig := range ignores {
		k := id{ig.at.File, ig.rule, ig.reason}
		ig.added = before[k] == 0
		before[k]--
	}
}

// covering finds the suppression of f: on its line, or above it with nothing
// but comments in between.
func covering(file *source.File, at map[int][]*ignore, f Finding) *ignore {
	if file == nil || at == nil {
		return nil
	}
	for line := f.Line; line > 0; line-- {
		if line < f.Line && !strings.HasPrefix(strings.TrimSpace(file.Line(line)), "#") {
			return nil
		}
		for _, ig := range at[line] {
			if ig.rule == f.Rule {
				return ig
			}
		}
	}
	return nil
}

// findings is what there is to say about the suppression itself.
func (ig *ignore) findings(stack string, known map[string]bool) []Finding {
	f := Finding{Span: ig.at, Stack: stack}
	switch {
	case ig.rule == "" || ig.reason == "":
		f.Rule, f.Severity = IgnoreNoReason, Error
		f.Message, f.Hint = "a suppression without a reason", "write `# belay:ignore "+orRule(ig.rule)+" why it is right here`"
	case !known[ig.rule]:
		f.Rule, f.Severity = IgnoreUnused, Warning
		f.Message, f.Hint = "there is no rule of that name", "`belay rules` lists them"
	case !ig.used:
		f.Rule, f.Severity = IgnoreUnused, Warning
		f.Message, f.Hint = "silences nothing: "+ig.rule+" finds nothing here", "remove the comment"
	case ig.added:
		f.Rule, f.Severity = IgnoreAdded, Note
		f.Message, f.Hint = "this change adds a suppression of "+ig.rule, "it silences nothing that guards data until it is merged"
	default:
		return nil
	}
	return []Finding{f}
}

func orRule(id string) string {
	if id == "" {
		return "rule-id"
	}
	return id
}
