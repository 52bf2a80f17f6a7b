package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/belaystack/belay/lint/report"
	"github.com/belaystack/belay/lint/rules"
	"github.com/belaystack/belay/lint/source"
)

func (a *app) inActions() bool { return a.getenv("GITHUB_ACTIONS") == "true" }

func (a *app) printf(format string, args ...any) error {
	_, err := io.WriteString(a.stdout, report.Printable(fmt.Sprintf(format, args...)))
	return err
}

// count is n of a noun whose plural takes an s.
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// answer prints what a command has to say besides findings: as text, or v as
// JSON. The other formats are for findings.
func (a *app) answer(f *flags, text string, v any) error {
	data := []byte(report.Printable(text))
	switch f.format {
	case "", "text", "github":
	case "json":
		var err error
		if data, err = json.MarshalIndent(v, "", "  "); err != nil {
			return &exitError{exitCouldNot, err}
		}
		data = append(data, '\n')
	default:
		return usage("--format %s: this command answers in text or json", f.format)
	}
	var err error
	if f.output != "" {
		err = source.Output(f.output, data)
	} else {
		_, err = report.NewWriter(a.stdout).Write(data)
	}
	if err != nil {
		return &exitError{exitCouldNot, err}
	}
	return nil
}

// formatName is the wanted format, by default that for people, and in a
// workflow that for annotations.
func (a *app) formatName(f *flags) string {
	switch {
	case f.format != "":
		return f.format
	case a.inActions() && f.output == "":
		return "github"
	}
	return "text"
}

func (a *app) reportOptions(r *repository) report.Options {
	o := report.Options{Rules: ruleDocs()}
	if !a.inActions() {
		return o
	}
	if prefix, err := filepath.Rel(a.top(r.root.Dir()), r.root.Dir()); err == nil && prefix != "." {
		o.Prefix = prefix
	}
	return o
}

// print writes the findings in the wanted format.
func (a *app) print(f *flags, r *repository, res *report.Result) error {
	out, err := a.findings(f, r, res)
	if err != nil {
		return err
	}
	return a.write(f, out)
}

// findings gives the findings in the wanted format.
func (a *app) findings(f *flags, r *repository, res *report.Result) ([]byte, error) {
	format, err := report.FormatNamed(a.formatName(f))
	if err != nil {
		return nil, usage("--format: %w", err)
	}
	o := a.reportOptions(r)
	o.Color = f.output == "" && a.color(f)
	var out bytes.Buffer
	if err := format.Write(&out, res, o); err != nil {
		return nil, &exitError{exitCouldNot, err}
	}
	if format.Name == "codeclimate" || format.Name == "rdjson" { // they have no place for what could not be known
		for _, n := range res.Notices {
			fmt.Fprintf(a.stderr, "belay: notice: %s\n", report.Printable(n))
		}
	}
	return out.Bytes(), nil
}

// write puts out where --output says, else on the standard output.
func (a *app) write(f *flags, out []byte) error {
	if f.output != "" {
		if err := source.Output(f.output, out); err != nil {
			return &exitError{exitCouldNot, fmt.Errorf("--output: %w", err)}
		}
	} else if _, err := report.NewWriter(a.stdout).Write(out); err != nil {
		return &exitError{exitCouldNot, fmt.Errorf("write to standard output: %w", err)}
	}
	return nil
}

func (a *app) color(f *flags) bool {
	file, ok := a.stdout.(*os.File)
	if !ok || f.noColor || a.getenv("NO_COLOR") != "" || a.getenv("TERM") == "dumb" {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// ruleDocs is what formats say of a rule.
func ruleDocs() map[string]report.Rule {
	docs := map[string]report.Rule{}
	for _, r := range rules.All() {
		docs[r.ID] = report.Rule{Title: r.Doc.Title, Why: r.Doc.Why, URI: rulesPage + "#" + r.ID}
	}
	return docs
}

const rulesPage = "https://github.com/belaystack/belay/blob/main/docs/rules.md"
