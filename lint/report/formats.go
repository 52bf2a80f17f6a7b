package report

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// Format is one way to write a result.
type Format struct {
	Name  string
	Doc   string // one line for the help text
	Write func(io.Writer, *Result, Options) error
}

// Formats lists every format, in the order of the documentation. The error of
// a Write is the writer's own.
func Formats() []Format {
	return []Format{
		{"text", "for people and terminals", writeText},
		{"json", "everything, by docs/schema/report.schema.json", writeJSON},
		{"github", "annotations of GitHub Actions", writeGitHub},
		{"sarif", "SARIF 2.1.0, for code scanning", writeSARIF},
		{"junit", "JUnit XML, for test reports", writeJUnit},
		{"codeclimate", "GitLab code quality", writeCodeClimate},
		{"rdjson", "reviewdog, with suggested changes", writeRDJSON},
	}
}

// FormatNamed gives the format of that name. The error of an unknown one
// lists them all.
func FormatNamed(name string) (Format, error) {
	fs := Formats()
	if i := slices.IndexFunc(fs, func(f Format) bool { return f.Name == name }); i >= 0 {
		return fs[i], nil
	}
	names := make([]string, len(fs))
	for i, f := range fs {
		names[i] = f.Name
	}
	return Format{}, fmt.Errorf("format %q: want %s or %s", name,
		strings.Join(names[:len(names)-1], ", "), names[len(names)-1])
}
