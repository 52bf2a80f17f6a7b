package rules

import (
	"fmt"
	"slices"
	"strings"

	"github.com/belaystack/belay/lint"
	"github.com/belaystack/belay/lint/compose"
	"github.com/belaystack/belay/lint/source"
)

// envKeyMissing finds variables that nothing gives a value. Those of an
// image are left to image-variable-unset, and those that an enclosing
// default makes unnecessary are no finding.
func envKeyMissing() *lint.Rule {
	return &lint.Rule{
		ID:       "env-key-missing",
		Severity: lint.Error,
		Doc: lint.Doc{
			Title: "A variable has no value",
			Why: "For `${KEY}` without a value docker compose prints a warning and goes on with an empty text: an empty\n" +
				"password, an empty host name. For `${KEY:?}` it refuses to start. Belay speaks of each variable once,\n" +
				"where it is first used. Variables that a shell sets, such as `HOME` or `UID`, are left out, and so are\n" +
				"those of an example file when the `.env` itself is not in the repository.",
			Bad: `-- compose.yaml --
name: app
services:
  api:
    image: example/api:1.4.2
    environment:
      DB_PASSWORD: ${DB_PASSWORD}
  worker:
    image: example/api:1.4.2
    environment:
      DB_PASSWORD: ${DB_PASSWORD}
-- .env.example --
DB_PASSWORD=
LOG_LEVEL=info
-- .env --
LOG_LEVEL=info
`,
			Good: `-- compose.yaml --
name: app
services:
  api:
    image: example/api:1.4.2
    environment:
      DB_PASSWORD: ${DB_PASSWORD}
      LOG_LEVEL: ${LOG_LEVEL:-info}
      DATA: ${HOME}/data
-- .env.example --
DB_PASSWORD=
-- .env --
DB_PASSWORD=example-only
`,
		},
		Check: checkEnvKeyMissing,
	}
}

func checkEnvKeyMissing(p *lint.Pass) {
	uses := map[string][]compose.Var{}
	var names, unknown []string // in the order of their first use
	for _, v := range p.Stack.Vars {
		if !unset(v) || imagePath(v) || shellSets(v.Name) || covered(p.Stack.Vars, v) {
			continue
		}
		if len(uses[v.Name]) == 0 {
			names = append(names, v.Name)
		}
		uses[v.Name] = append(uses[v.Name], v)
	}
	for _, name := range names {
		example := exampleOf(p, name)
		switch {
		case hasEnv(p.Stack):
			reportKeyMissing(p, uses[name], example)
		case len(p.Examples.Files) == 0:
			unknown = append(unknown, name)
		case example.IsZero():
			reportKeyMissing(p, uses[name], example)
		}
	}
	if len(unknown) > 0 {
		reportKeysUnknown(p, uses, unknown)
	}
}

// reportKeyMissing reports one variable at its first use by a service that
// starts. A variable with :? is an error wherever it stands, since compose
// reads the whole file before it looks at profiles.
func reportKeyMissing(p *lint.Pass, uses []compose.Var, example source.Span) {
	at := slices.IndexFunc(uses, func(v compose.Var) bool { return refuses(v) })
	if at < 0 {
		at = slices.IndexFunc(uses, func(v compose.Var) bool {
			s := p.Stack.Service(v.Service)
			return s == nil || s.Enabled
		})
	}
	first := uses[max(at, 0)]
	hint := fmt.Sprintf("set %s in %s, or write a default: ${%s:-default}", first.Name, p.Stack.EnvPath, first.Name)
	if !example.IsZero() {
		hint = fmt.Sprintf("set %s in %s, as %s:%d shows", first.Name, p.Stack.EnvPath, example.File, example.Line)
	}
	var f *lint.Finding
	if refuses(first) {
		f = p.Report(first.Span, nil, hint, "%s has no value, and docker compose refuses to go on without one", first.Name)
		f.Service = first.Service
	} else {
		f = p.ReportAs(lint.Warning, first.Span, p.Stack.Service(first.Service), hint,
			"%s has no value: no env file sets it, there is no default, and docker compose takes an empty text", first.Name)
	}
	for _, v := range uses {
		if v.Span != first.Span {
			f.Related = append(f.Related, lint.Related{Span: v.Span, Message: v.Name + " is used here too"})
		}
	}
}

// reportKeysUnknown says once what cannot be known of a repository that has
// neither an env file nor an example of one.
func reportKeysUnknown(p *lint.Pass, uses map[string][]compose.Var, names []string) {
	const shown = 5
	list := strings.Join(names[:min(shown, len(names))], ", ")
	if len(names) > shown {
		list += fmt.Sprintf(" and %d more", len(names)-shown)
	}
	f := p.ReportAs(lint.Note, uses[names[0]][0].Span, nil,
		"keep an example of the env file, with every key and no secret, in the repository: "+p.Stack.EnvPath+".example",
		"no file of the repository sets %s", list)
	for _, name := range names[1:] {
		f.Related = append(f.Related, lint.Related{Span: uses[name][0].Span, Message: name + " is used here"})
	}
}

// unset reports whether v has no value and no default.
func unset(v compose.Var) bool {
	switch v.Op {
	case "", "?":
		return !v.Set
	case ":?":
		return !v.Set || v.Empty
	}
	return false
}

// refuses reports whether docker compose stops at v when it has no value.
func refuses(v compose.Var) bool { return v.Op == ":?" || v.Op == "?" }

// covered reports whether v stands in the text behind the operator of
// another variable that does not use that text: the B of ${A:-${B}} when A
// is set, and the B of ${A:+${B}} when it is not.
func covered(vars []compose.Var, v compose.Var) bool {
	for _, o := range vars {
		d := o.Default
		if o.Span == v.Span || d.IsZero() || d.File != v.Span.File || v.Span.Offset < d.Offset || v.Span.Offset >= d.Offset+d.Len {
			continue
		}
		used := false
		switch o.Op {
		case ":-", ":?":
			used = !o.Set || o.Empty
		case "-", "?":
			used = !o.Set
		case ":+":
			used = o.Set && !o.Empty
		case "+":
			used = o.Set
		}
		if !used {
			return true
		}
	}
	return false
}

// imagePath reports whether v stands in the image of a service.
func imagePath(v compose.Var) bool {
	return v.Service != "" && strings.HasSuffix(v.Path, ".image")
}

// shellSets reports whether name usually comes from the shell or from compose
// itself, and not from an env file.
func shellSets(name string) bool {
	switch name {
	case "CI", "COMPOSE_PROJECT_NAME", "DISPLAY", "DOCKER_HOST", "EDITOR", "EUID", "GID", "GROUP", "GROUPS", "HOME", "HOST",
		"HOSTNAME", "LANG", "LOGNAME", "PATH", "PWD", "SHELL", "SSH_AUTH_SOCK", "TERM", "TMPDIR", "UID", "USER",
		"WAYLAND_DISPLAY", "XAUTHORITY", "XDG_RUNTIME_DIR":
		return true
	}
	return false
}
