package markdown

import (
	"strings"

	"github.com/yuin/goldmark/ast"
)

var (
	envKey  = lazy(`^[A-Z][A-Z0-9_]*$`)
	envFile = lazy(`^[\w./-]*(?:\.env|/)[\w./-]*$`)
	arrow   = lazy(`→|⇒|->|=>|\bto\b`)
)

// op gives what a heading or the first word of an item says is done to
// variables, or "".
func op(s string) string {
	s = strings.ToLower(s)
	for _, o := range []struct {
		op    string
		words []string
	}{
		{"removed", []string{"removed", "remove", "deleted", "dropped"}},
		{"modified", []string{"modified", "changed", "updated", "renamed"}},
		{"added", []string{"added", "add", "new"}},
	} {
		for _, w := range o.words {
			if strings.HasPrefix(s, w) || strings.HasSuffix(s, w) || strings.Contains(s, w+" variable") {
				return o.op
			}
		}
	}
	return ""
}

// env reads an item such as "`KEY`: `old` → `new`", "`A`, `B` (`file`)" or
// "`KEY` (default `true`)".
func (rd *reader) env(n ast.Node) {
	first := n.FirstChild()
	if first == nil {
		return
	}
	o := op(rd.section().Title)
	if o == "" {
		o = op(strings.TrimSpace(string(rd.plain)))
	}
	if o == "" {
		return
	}
	var keys []string
	var values [2]string
	var file, before string
	for c := first.FirstChild(); c != nil; c = c.NextSibling() {
		switch c := c.(type) {
		case *ast.Text:
			before += string(decode(nil, c.Segment.Value(rd.src)))
		case *ast.CodeSpan:
			s := rd.span(c)
			switch value := len(keys) > 0 && (strings.ContainsAny(before, ":=") || arrow().MatchString(before)); {
			case o == "modified" && value && arrow().MatchString(before):
				values[1] = s
			case o == "modified" && value:
				values[0] = s
			case len(keys) > 0 && strings.HasSuffix(strings.TrimSpace(before), "default"):
				values[1] = s
			case len(keys) > 0 && strings.Contains(before, "(") && envFile().MatchString(s):
				file = s
			case envKey().MatchString(s) && (len(keys) == 0 || strings.Trim(before, " ,&/") == "" || strings.TrimSpace(before) == "and"):
				keys = append(keys, s)
			}
			before = ""
		}
	}
	for _, k := range keys {
		if len(rd.notes.Env) < maxFacts {
			rd.notes.Env = append(rd.notes.Env, EnvChange{Key: k, Op: o, Old: values[0], New: values[1], File: file})
		}
	}
}
