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

// print writes the result in the wanted format, and under Actions the job
// summary and the outputs as well.
func (a *app) print(f *flags, r *repository, res *report.Result, failed bool) error {
	name := f.format
	if name == "" {
		name = "text"
		if a.inActions() && f.output == "" {
			name = "github"
		}
	}
	format, err := report.FormatNamed(name)
	if err != nil {
		return usage("--format: %w", err)
	}
	o := report.Options{Rules: ruleDocs(), Color: f.output == "" && a.color(f)}
	if a.inActions() {
		if o.Prefix, err = filepath.Rel(a.top(r.root.Dir()), r.root.Dir()); err != nil || o.Prefix == "." {
			o.Prefix = ""
		}
	}
	var out bytes.Buffer
	if err := format.Write(&out, res, o); err != nil {
		return &exitError{exitCouldNot, err}
	}
	if format.Name == "codeclimate" || format.Name == "rdjson" { // they have no place for what could not be known
		for _, n := range res.Notices {
			fmt.Fprintf(a.stderr, "belay: notice: %s\n", report.Printable(n))
		}
	}
	if f.output != "" {
		if err := source.Output(f.output, out.Bytes()); err != nil {
			return &exitError{exitCouldNot, fmt.Errorf("--output: %w", err)}
		}
	} else if _, err := report.NewWriter(a.stdout).Write(out.Bytes()); err != nil {
		return &exitError{exitCouldNot, fmt.Errorf("write to standard output: %w", err)}
	}
	if !a.inActions() {
		return nil
	}
	return a.toRunner(res, o, failed)
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
