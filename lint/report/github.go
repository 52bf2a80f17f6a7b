package report

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"io"
	"strings"

	"github.com/belaystack/belay/lint"
)

// maxPerType is how many annotations of one type the runner keeps in a step
// (runner, ExecutionContext.cs, _maxCountPerIssueType).
const maxPerType = 10

// writeGitHub writes annotations for GitHub Actions, most severe first, then
// the whole text format in a group that is folded in the log. Inside the group
// the runner takes no commands. Annotations beyond the runner's limit are
// summed up in one, which has its place among the ten notices.
func writeGitHub(w io.Writer, r *Result, o Options) error {
	var b bytes.Buffer
	shown, left := annotated(r.all())
	for _, f := range shown {
		b.WriteString(annotation(f, o))
	}
	if left.total() > 0 {
		b.WriteString(command("notice", left.String()+" more: see the job summary, or the log of this step",
			property{"title", "Belay"}))
	}
	if err := textGroup(&b, r, o); err != nil {
		return err
	}
	b.WriteString(lineStart(sumUp(r)) + "\n")
	_, err := w.Write(b.Bytes())
	return err
}

// tally counts findings by severity.
type tally [lint.Error + 1]int

func (t tally) total() int { return t[lint.Error] + t[lint.Warning] + t[lint.Note] }

// String gives "2 errors, 1 note".
func (t tally) String() string {
	var parts []string
	for _, s := range []lint.Severity{lint.Error, lint.Warning, lint.Note} {
		if t[s] > 0 {
			parts = append(parts, count(t[s], s.String()))
		}
	}
	return strings.Join(parts, ", ")
}

// annotated gives the findings that become annotations of their own, and
// counts the others. When there are others, one notice less is given, so that
// the sum of them has a place.
func annotated(fs []lint.Finding) (shown []lint.Finding, left tally) {
	var all tally
	for _, f := range fs {
		all[f.Severity]++
	}
	limit := [len(all)]int{lint.Note: maxPerType, lint.Warning: maxPerType, lint.Error: maxPerType}
	if max(all[lint.Error], all[lint.Warning], all[lint.Note]) > maxPerType {
		limit[lint.Note]--
	}
	var taken tally
	for _, f := range bySeverity(fs) {
		if taken[f.Severity] == limit[f.Severity] {
			left[f.Severity]++
			continue
		}
		taken[f.Severity]++
		shown = append(shown, f)
	}
	return shown, left
}

func annotation(f lint.Finding, o Options) string {
	title := f.Rule
	if doc, ok := o.Rules[f.Rule]; ok {
		title += ": " + doc.Title
	}
	props := []property{{"file", o.path(f.File)}}
	if f.File != "" && f.Line > 0 {
		at := regionOf(f)
		props = append(props, number("line", at.line), number("endLine", at.line),
			number("col", at.col), number("endColumn", at.end))
	}
	return command(annotationType(f.Severity), message(f), append(props, property{"title", title})...)
}

// annotationType is the command for a severity; GitHub calls a note a notice.
func annotationType(s lint.Severity) string {
	if s == lint.Note {
		return "notice"
	}
	return s.String()
}

// textGroup writes the text format between ::stop-commands:: and its token,
// in a group.
func textGroup(b *bytes.Buffer, r *Result, o Options) error {
	var text bytes.Buffer
	if err := writeText(&text, r, o); err != nil {
		return err
	}
	token, err := unguessable(o.Random, text.String())
	if err != nil {
		return err
	}
	fmt.Fprintf(b, "::group::Belay: all findings\n::stop-commands::%s\n", token)
	b.Write(text.Bytes())
	fmt.Fprintf(b, "::%s::\n::endgroup::\n", token)
	return nil
}

// unguessable reads a random word that does not occur in text. A nil random
// is crypto/rand.
func unguessable(random io.Reader, text string) (string, error) {
	if random == nil {
		random = rand.Reader
	}
	for range 8 {
		var raw [16]byte
		if _, err := io.ReadFull(random, raw[:]); err != nil {
			return "", fmt.Errorf("random delimiter: %w", err)
		}
		if word := "belay-" + hex.EncodeToString(raw[:]); !strings.Contains(text, word) {
			return word, nil
		}
	}
	return "", fmt.Errorf("random delimiter: the text holds every one that was drawn")
}
