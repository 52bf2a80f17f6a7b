package rules

import (
	"strings"

	"github.com/belaystack/belay/lint"
	"github.com/belaystack/belay/lint/compose"
	"github.com/belaystack/belay/lint/image"
)

// imageVariableUnset finds images of which a variable without a value leaves
// no reference.
func imageVariableUnset() *lint.Rule {
	return &lint.Rule{
		ID:       "image-variable-unset",
		Severity: lint.Error,
		Doc: lint.Doc{
			Title: "The image is not known, because a variable has no value",
			Why: "For `image: app:${VERSION}` without a value docker compose reads `app:`, which is no image, and starts\n" +
				"nothing. Belay checks the rest of the stack all the same. Where the `.env` is not in the repository it is a\n" +
				"warning: the value may be there, and the pin cannot be checked.",
			Bad: `-- .env --
LOG_LEVEL=info
-- compose.yaml --
services:
  backup:
    image: example/backup:${BACKUP_VERSION}
`,
			Good: `-- .env --
BACKUP_VERSION=1.4.2
-- compose.yaml --
services:
  backup:
    image: ${REGISTRY_PREFIX}example/backup:${BACKUP_VERSION}
  report:
    image: example/report:${REPORT_VERSION:-2.0.1}
`,
		},
		Check: checkImageVariableUnset,
	}
}

func checkImageVariableUnset(p *lint.Pass) {
	for _, svc := range p.Stack.Services {
		if svc.Image.IsZero() {
			continue
		}
		if _, err := image.Parse(svc.Image.Reveal()); err == nil {
			continue
		}
		if v, ok := missing(svc.Image.Vars); ok {
			reportUnset(p, svc, v)
		}
	}
}

// missing gives the first of vars that stands for nothing.
func missing(vars []compose.Var) (compose.Var, bool) {
	for i, v := range vars {
		if v.Set && !v.Empty {
			continue
		}
		if strings.HasSuffix(v.Op, "-") && (!v.Set || v.Op == ":-") && (v.Default.Len > 0 || hasInner(vars[i+1:], v)) {
			continue
		}
		if !strings.HasSuffix(v.Op, "+") {
			return v, true
		}
	}
	return compose.Var{}, false
}

// hasInner reports whether the default of outer holds one of vars, which then
// is the one to speak of.
func hasInner(vars []compose.Var, outer compose.Var) bool {
	return len(vars) > 0 && vars[0].Span.File == outer.Span.File &&
		vars[0].Span.Offset > outer.Span.Offset && vars[0].Span.Offset < outer.Span.Offset+outer.Span.Len
}

func reportUnset(p *lint.Pass, svc *compose.Service, v compose.Var) {
	at, sev, state := v.Span, lint.Error, "is not set"
	hint := "set " + v.Name + " in " + p.Stack.EnvPath + ", or write a default: ${" + v.Name + ":-VERSION}"
	switch {
	case v.Set:
		at, state = v.Def, "is empty"
	case !hasEnv(p.Stack):
		sev, state = lint.Warning, "has no value here, where there is no "+p.Stack.EnvPath
		hint = "write the version in the compose file, as a default: ${" + v.Name + ":-VERSION}"
	}
	if at.IsZero() {
		at = svc.Image.Use
	}
	f := p.ReportAs(sev, at, svc, hint, "the image is not known: %s %s", v.Name, state)
	if at != v.Span {
		f.Related = append(f.Related, lint.Related{Span: v.Span, Message: svc.Name + " uses it here"})
	}
	if e := exampleOf(p, v.Name); !e.IsZero() {
		f.Related = append(f.Related, lint.Related{Span: e, Message: "an example sets it here"})
	}
}
