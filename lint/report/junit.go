package report

import (
	"bytes"
	"encoding/xml"
	"io"
	"strings"

	"github.com/belaystack/belay/lint"
)

// The form of JUnit XML that Jenkins, GitLab and GitHub's test reporters read:
// https://github.com/testmoapp/junitxml

type junitSuites struct {
	XMLName  xml.Name     `xml:"testsuites"`
	Name     string       `xml:"name,attr"`
	Tests    int          `xml:"tests,attr"`
	Failures int          `xml:"failures,attr"`
	Suites   []junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name     string      `xml:"name,attr"`
	Tests    int         `xml:"tests,attr"`
	Failures int         `xml:"failures,attr"`
	Cases    []junitCase `xml:"testcase"`
	Out      string      `xml:"system-out,omitempty"`
}

type junitCase struct {
	Name    string        `xml:"name,attr"`
	Class   string        `xml:"classname,attr"`
	File    string        `xml:"file,attr,omitempty"`
	Line    int           `xml:"line,attr,omitempty"`
	Failure *junitFailure `xml:"failure"`
	Out     string        `xml:"system-out,omitempty"`
}

type junitFailure struct {
	Type    string `xml:"type,attr"`
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

// writeJUnit writes one suite for each stack with one case for each finding:
// errors and warnings fail, notes pass with their text as output. A compose
// file without a failure is a case that passes, so that a clean run has tests.
func writeJUnit(w io.Writer, r *Result, o Options) error {
	doc := junitSuites{Name: "Belay"}
	all := r.all()
	for _, name := range suiteNames(r.Stacks, all) {
		s := junitSuite{Name: brief(name)}
		if name == "" {
			s.Name = "belay"
		}
		failed := map[string]bool{}
		for _, f := range all {
			if f.Stack == name {
				c := junitCaseOf(f, o)
				failed[f.File] = failed[f.File] || c.Failure != nil
				s.add(c)
			}
		}
		for _, v := range r.Stacks {
			for _, file := range v.Files {
				if v.Name == name && !failed[file] {
					s.add(junitCase{Name: brief(file), Class: brief(file), File: brief(o.path(file))})
				}
			}
		}
		doc.Tests += s.Tests
		doc.Failures += s.Failures
		doc.Suites = append(doc.Suites, s)
	}
	if len(doc.Suites) > 0 && len(r.Notices) > 0 {
		doc.Suites[0].Out = Printable(strings.Join(r.Notices, "\n"))
	}
	return encodeXML(w, doc)
}

// suiteNames gives the stacks' names, and those that only findings name.
func suiteNames(stacks []Stack, fs []lint.Finding) []string {
	var names []string
	seen := map[string]bool{}
	add := func(name string) {
		if !seen[name] {
			seen[name] = true
			names = append(names, name)
		}
	}
	for _, s := range stacks {
		add(s.Name)
	}
	for _, f := range fs {
		add(f.Stack)
	}
	if len(names) == 0 {
		add("")
	}
	return names
}

func (s *junitSuite) add(c junitCase) {
	s.Cases = append(s.Cases, c)
	s.Tests++
	if c.Failure != nil {
		s.Failures++
	}
}

func junitCaseOf(f lint.Finding, o Options) junitCase {
	at := place(f.Span, f.Stack)
	c := junitCase{Name: at + " " + brief(f.Rule), Class: brief(f.File), File: brief(o.path(f.File)), Line: f.Line}
	if c.Class == "" {
		c.Class = "belay"
	}
	var text bytes.Buffer
	textFinding(&text, f, painter(false))
	if f.Severity == lint.Note {
		c.Out = text.String()
	} else {
		c.Failure = &junitFailure{Type: f.Severity.String(), Message: brief(f.Message), Text: text.String()}
	}
	return c
}

// encodeXML writes v as an XML document. Its texts went through Printable,
// brief or the text format: without control characters, which XML cannot
// hold, and without what the runner reads as a command.
func encodeXML(w io.Writer, v any) error {
	b := bytes.NewBufferString(xml.Header)
	e := xml.NewEncoder(b)
	e.Indent("", "  ")
	if err := e.Encode(v); err != nil {
		return err
	}
	b.WriteByte('\n')
	_, err := w.Write(b.Bytes())
	return err
}
