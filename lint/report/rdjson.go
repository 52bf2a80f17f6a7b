package report

import (
	"io"
	"path"
	"strings"
	"unicode/utf8"

	"github.com/belaystack/belay/lint"
	"github.com/belaystack/belay/lint/source"
)

// The Reviewdog Diagnostic Format, by the names of its definition
// (reviewdog, proto/rdf/reviewdog.proto). Columns there count bytes.

type rdResult struct {
	Source      rdSource       `json:"source"`
	Diagnostics []rdDiagnostic `json:"diagnostics"`
}

type rdSource struct {
	Name string `json:"name"`
	URL  string `json:"url"`
}

type rdDiagnostic struct {
	Message     string         `json:"message"`
	Location    rdLocation     `json:"location"`
	Severity    string         `json:"severity"`
	Code        rdCode         `json:"code"`
	Suggestions []rdSuggestion `json:"suggestions,omitempty"`
	Related     []rdRelated    `json:"relatedLocations,omitempty"`
}

type rdCode struct {
	Value string `json:"value"`
	URL   string `json:"url,omitempty"`
}

type rdLocation struct {
	Path  string   `json:"path"`
	Range *rdRange `json:"range,omitempty"`
}

type rdRange struct {
	Start rdPosition `json:"start"`
	End   rdPosition `json:"end"`
}

type rdPosition struct {
	Line   int `json:"line"`
	Column int `json:"column,omitempty"`
}

type rdSuggestion struct {
	Range rdRange `json:"range"`
	Text  string  `json:"text"`
}

type rdRelated struct {
	Message  string     `json:"message"`
	Location rdLocation `json:"location"`
}

// writeRDJSON writes for reviewdog, with the repairs as suggested changes. It
// has no place for what could not be known.
func writeRDJSON(w io.Writer, r *Result, o Options) error {
	out := rdResult{Source: rdSource{"belay", projectURI}, Diagnostics: []rdDiagnostic{}}
	for _, f := range r.all() {
		d := rdDiagnostic{
			Message: message(f), Location: rdAt(f.Span, f.Source, o), Severity: rdSeverity(f.Severity),
			Code: rdCode{f.Rule, o.Rules[f.Rule].URI}, Suggestions: suggestions(f),
		}
		if d.Location.Path == "" {
			d.Location.Path = o.path(fileOf(f, r))
		}
		for _, rel := range f.Related {
			d.Related = append(d.Related, rdRelated{rel.Message, rdAt(rel.Span, "", o)})
		}
		out.Diagnostics = append(out.Diagnostics, d)
	}
	return encodeJSON(w, out)
}

func rdSeverity(s lint.Severity) string {
	switch s {
	case lint.Error:
		return "ERROR"
	case lint.Warning:
		return "WARNING"
	}
	return "INFO"
}

// rdAt gives a place. Where the source line is not known, characters cannot be
// turned into bytes, and only the line is given.
func rdAt(span source.Span, line string, o Options) rdLocation {
	l := rdLocation{Path: o.path(span.File)}
	if span.Line == 0 {
		return l
	}
	at := placed(span, line)
	l.Range = &rdRange{rdPosition{Line: at.line}, rdPosition{Line: at.line}}
	if at.exact {
		l.Range.Start.Column, l.Range.End.Column = at.byteCol, at.byteEnd
	}
	return l
}

// suggestions gives a finding's repair. One of several edits is never given:
// reviewdog offers each by itself, and half a repair breaks the file. An edit
// of an env file is not shown, since it holds a value; nor is one whose byte
// column cannot be known.
func suggestions(f lint.Finding) []rdSuggestion {
	if len(f.Edits) != 1 {
		return nil
	}
	at, e := regionOf(f), f.Edits[0]
	ext := path.Ext(e.Pos.File)
	if e.Pos.File != f.File || ext != ".yml" && ext != ".yaml" || !utf8.ValidString(e.New) {
		return nil
	}
	start := rdPosition{e.Pos.Line, 1}
	switch {
	case e.Pos.Line == at.line && at.exact:
		start.Column = at.byteCol + e.Pos.Offset - f.Offset
	case e.Pos.Col != 1:
		return nil
	}
	return []rdSuggestion{{rdRange{start, after(start, e.Old)}, e.New}}
}

// after is the position behind text that begins at start.
func after(start rdPosition, text string) rdPosition {
	n := strings.Count(text, "\n")
	if n == 0 {
		return rdPosition{start.Line, start.Column + len(text)}
	}
	return rdPosition{start.Line + n, len(text) - strings.LastIndexByte(text, '\n')}
}
