package compose

import (
	"cmp"
	"errors"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/compose-spec/compose-go/v2/errdefs"
	"github.com/compose-spec/compose-go/v2/template"
	"go.yaml.in/yaml/v4"

	"github.com/belaystack/belay/lint/source"
)

var (
	quoted    = lazy(`"([^"]+)"|'([^']+)'`)
	indexed   = lazy(`\[([^\]\s]+)\]`) // services[web].hostname, as mapstructure writes it
	dotted    = lazy(`\b(services|volumes|networks|configs|secrets|include|name|jobs|models)(\.[^\s:']+)+`)
	cycleWord = lazy(`detected: (\S+)`)
	extra     = lazy(`^(.*?)additional properties ('.*') not allowed$`)
	falseRule = lazy(`(\S+) false schema$`)
	fileNames = lazy(`(validating|failed to parse|open|stat) (/\S+?):? `)
)

// explain turns compose-go's error into a problem with a position. Text that
// came from an env file is put back to the ${NAME} it was written as.
func (r *reader) explain(err error, layers map[string][]layer, sc *scope, mains []*File) {
	msg := r.scrub(err.Error(), sc)
	msg = strings.TrimSuffix(msg, ": "+errdefs.ErrInvalid.Error())
	msg = strings.TrimPrefix(fileNames().ReplaceAllString(msg, ""), ": ")
	msg = falseRule().ReplaceAllString(msg, "there is no key $1 here")
	msg = strings.Join(strings.Fields(strings.ReplaceAll(msg, r.root.Dir()+"/", "")), " ")
	at := source.Span{}
	if m := extra().FindStringSubmatch(msg); m != nil {
		names := strings.Split(strings.ReplaceAll(m[2], "'", ""), ", ")
		slices.Sort(names)
		msg = strings.TrimSpace(strings.TrimSpace(m[1]) + " unknown keys: " + strings.Join(names, ", "))
		at = r.locate(append(strings.FieldsFunc(strings.TrimSpace(m[1]), func(c rune) bool { return c == '.' }), names[0]), layers, mains)
	} else if where := dotted().FindString(indexed().ReplaceAllString(err.Error(), ".$1")); where != "" {
		at = r.locate(strings.Split(where, "."), layers, mains)
	}
	if at.IsZero() {
		at = r.mentioned(err.Error(), layers)
	}
	if at.IsZero() {
		for _, f := range r.order {
			if strings.Contains(err.Error(), r.root.Abs(f.Path)) {
				at = f.Start()
			}
		}
	}
	if at.IsZero() {
		at = mains[0].Start()
	}
	r.problem(at, "`docker compose config` says the same; mend this first", "docker compose refuses the stack: %s", msg)
}

// locate finds the deepest part of a dotted path that a file writes.
func (r *reader) locate(keys []string, layers map[string][]layer, mains []*File) source.Span {
	if keys[0] == "services" && len(keys) > 1 {
		for n := len(keys); n > 1; n-- {
			for _, l := range layers[keys[1]] {
				if n == 2 {
					return l.file.span(l.key)
				}
				if e, ok := l.file.walk(l.node, keys[2:n]...); ok {
					return l.file.keySpan(e)
				}
			}
		}
	}
	for n := len(keys); n > 0 && keys[0] != ""; n-- {
		for _, f := range mains {
			if e, ok := f.top(keys[:n]...); ok {
				return f.keySpan(e)
			}
		}
	}
	return source.Span{}
}

// mentioned finds the scalar or service that the message speaks of.
func (r *reader) mentioned(msg string, layers map[string][]layer) source.Span {
	for _, m := range append(quoted().FindAllStringSubmatch(msg, -1), cycleWord().FindAllStringSubmatch(msg, -1)...) {
		for _, name := range m[1:] {
			if l := layers[name]; len(l) > 0 {
				return l[0].file.span(l[0].key)
			}
		}
	}
	at, longest := source.Span{}, 2
	for _, f := range r.order {
		for _, doc := range f.docs {
			scalars(doc, nil, func(n *yaml.Node, _ []string) {
				text := r.scopes[f].text(n)
				if len(text) > longest && strings.Contains(msg, text) {
					at, longest = f.span(n), len(text)
				}
			})
		}
	}
	return at
}

// scrub puts ${NAME} in the place of every value of an env file in msg, and of
// every word of one: compose-go quotes values, escapes them, and takes volumes
// and ports apart before it complains of a part.
func (r *reader) scrub(msg string, sc *scope) string {
	type secret struct{ text, name string }
	var secrets []secret
	for _, s := range append([]*scope{sc}, r.allScopes()...) {
		for name, b := range s.values {
			if b.value == b.shown {
				continue
			}
			quoted := strconv.Quote(b.value)
			for _, text := range append(strings.FieldsFunc(b.value, notInWord), b.value, quoted[1:len(quoted)-1]) {
				secrets = append(secrets, secret{text, name})
			}
		}
	}
	slices.SortFunc(secrets, func(a, b secret) int {
		return cmp.Or(len(b.text)-len(a.text), strings.Compare(a.text, b.text), strings.Compare(a.name, b.name))
	})
	for _, s := range secrets {
		if len(s.text) > 3 {
			msg = strings.ReplaceAll(msg, s.text, "${"+s.name+"}")
		} else if s.text != "" && strings.Contains(msg, s.text) {
			short := regexp.MustCompile(`(^|[^\w{])` + regexp.QuoteMeta(s.text) + `($|[^\w}])`)
			msg = short.ReplaceAllString(msg, "$1$${"+s.name+"}$2")
		}
	}
	return msg
}

// notInWord cuts a value where compose takes it apart.
func notInWord(c rune) bool { return strings.ContainsRune(":/,; \t\n\"'=@|", c) }

func (r *reader) allScopes() []*scope {
	var out []*scope
	for _, f := range r.order {
		if s := r.scopes[f]; !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

// templates reports what is no valid interpolation, and required variables
// without a value are left to the rules.
func (r *reader) templates() {
	for _, f := range r.order {
		for _, doc := range f.docs {
			scalars(doc, nil, func(n *yaml.Node, _ []string) {
				if plain(n.Value) {
					return
				}
				var bad *template.InvalidTemplateError
				if _, err := template.SubstituteWithOptions(n.Value, r.scopes[f].lookup, template.WithoutLogging); errors.As(err, &bad) {
					r.problem(f.span(n), "write $$ for a plain dollar sign", "not a valid interpolation")
				}
			})
		}
	}
}
