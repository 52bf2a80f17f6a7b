package dossier

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"slices"
	"strings"
	"sync"

	"github.com/belaystack/belay/release"
	"github.com/belaystack/belay/release/catalog"
	"github.com/belaystack/belay/release/markdown"
)

//go:embed page.html
var pageSource string

//go:embed page.css
var pageStyle string

// pageTemplate is parsed once. Its functions that need the options of a
// rendering are put in for each.
var pageTemplate = sync.OnceValue(func() *template.Template {
	return template.Must(template.New("page").Funcs((&render{}).functions()).Parse(pageSource))
})

// HTML gives dossiers as one page that loads nothing and runs nothing. It is
// never cut.
func HTML(ds []*release.Dossier, o Options) []byte {
	r := &render{o: o}
	var b bytes.Buffer
	page := template.Must(pageTemplate().Clone()).Funcs(r.functions())
	err := page.Execute(&b, map[string]any{"Dossiers": ds, "Options": o, "Style": template.CSS(pageStyle)})
	if err != nil { // a template that does not fit the types: every test would fail
		panic(fmt.Sprintf("page of a dossier: %v", err))
	}
	return bytes.TrimLeft(b.Bytes(), "\n")
}

// functions are what the template asks for.
func (r *render) functions() template.FuncMap {
	return template.FuncMap{
		"t":          func(s any) string { return clean(fmt.Sprint(s), maxWhole) },
		"prose":      prose,
		"title":      sectionTitle,
		"md":         r.html,
		"url":        r.address,
		"at":         r.placeAddress,
		"placeName":  placeName,
		"source":     shortAddress,
		"sign":       sign,
		"capital":    capital,
		"grouped":    grouped,
		"bySeverity": bySeverity,
		"byKind":     byKind,
		"driftTitle": driftTitle,
		"severity":   severitySign,
		"pasted":     pasted,
		"worstFirst": worstFirst,
		"dutyWord":   dutyWord,
		"backWord":   backWord,
		"byMoment":   byMoment,
		"summary":    summary,
		"breaks":     breaks,
		"count":      count,
		"note":       changeNote,
		"lines":      codeLines,
		"high":       func(l catalog.Level) bool { return l == catalog.High },
		"main":       func(s release.Section) bool { return kindOf(s.Kind) < markdown.Changes },
		"rollback": func(b release.Rollback) bool {
			return b.Back != "" || b.Data != "" || len(b.To)+len(b.Needs)+len(b.Steps) > 0
		},
		"id": func(parts ...any) string {
			return strings.ReplaceAll(strings.TrimSpace(fmt.Sprintln(parts...)), " ", "-")
		},
	}
}

// html gives a field of Markdown as HTML.
func (r *render) html(m release.Markdown) template.HTML {
	return template.HTML(markdown.HTML(r.md(m)))
}

// prose gives plain text in which `backticks` mark code.
func prose(s string) template.HTML {
	parts := strings.Split(clean(s, maxWhole), "`")
	if len(parts)%2 == 0 {
		return template.HTML(template.HTMLEscapeString(strings.Join(parts, "`")))
	}
	for i, p := range parts {
		if parts[i] = template.HTMLEscapeString(p); i%2 == 1 {
			parts[i] = "<code>" + parts[i] + "</code>"
		}
	}
	return template.HTML(strings.Join(parts, ""))
}

// placeAddress gives where a place can be looked at, "" for nowhere.
func (r *render) placeAddress(p release.Place) string {
	if r.o.Link == nil || p.File == "" {
		return ""
	}
	return r.address(r.o.Link(p))
}

// byTime are the actions of one moment.
type byTime struct {
	Title   string
	Actions []release.Action
}

// byMoment gives the actions by moment, those of no known moment last.
func byMoment(all []release.Action) []byTime {
	var out []byTime
	for _, when := range append(slices.Clone(moments[:]), "") {
		list := byTime{Title: whenTitle(when)}
		for _, a := range all {
			if a.When == when || when == "" && !slices.Contains(moments[:], a.When) {
				list.Actions = append(list.Actions, a)
			}
		}
		if when == "" {
			list.Title = "To do"
		}
		if len(list.Actions) > 0 {
			out = append(out, list)
		}
	}
	return out
}
