package report

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"strings"
	"sync"
	"time"
)

//go:embed page.html
var pageSource string

//go:embed page.css
var pageStyle string

// pageTemplate is parsed once.
var pageTemplate = sync.OnceValue(func() *template.Template {
	return template.Must(template.New("page").Funcs(functions()).Parse(pageSource))
})

// HTML gives r as one page that loads nothing and runs nothing. It is never cut.
func HTML(r *Run) []byte {
	var b bytes.Buffer
	err := pageTemplate().Execute(&b, map[string]any{"Run": r, "Verdict": verdictOf(r), "Style": template.CSS(pageStyle),
		"Timeline": timelineOf(r), "Chart": chartOf(r.Stats), "Tried": anyWanted(r.Services)})
	if err != nil { // a template that does not fit the types: every test would fail
		panic(fmt.Sprintf("page of a run: %v", err))
	}
	return append(bytes.TrimSpace(b.Bytes()), '\n')
}

// functions are what the template asks for.
func functions() template.FuncMap {
	return template.FuncMap{
		"t":         func(s any) string { return clean(fmt.Sprint(s), maxWhole) },
		"lines":     func(all []string) string { return strings.Join(lines(all), "\n") },
		"facts":     facts,
		"short":     short,
		"moved":     moved,
		"byMove":    byMove,
		"known":     known,
		"rows":      rows,
		"number":    func(n int) string { return number(int64(n)) },
		"totals":    func(d Database) []*int64 { a, b := totals(d); return []*int64{a, b} },
		"differing": differing,
		"growth":    growth,
		"proof":     proofWord,
		"answer":    answer,
		"factWord":  factWord,
		"ofService": ofService,
		"result":    result,
		"good":      good,
		"tookOf":    tookOf,
		"lineCount": lineCount,
		"between":   between,
		"moment":    moment,
		"open":      func(t time.Time) bool { return t.IsZero() },
		"partName":  partName,
		"partTook":  partLength,
		"stepWord":  stepWord,
		"undone":    undone,
		"said":      said,
		"usage":     usage,
		"load":      load,
		"restarts":  restarts,
		"kept":      kept,
		"stateClass": func(state string) string {
			switch State(state) {
			case StepDone, StepFailed, StepUndone, StepStuck, StepRunning:
				return state
			}
			return "other"
		},
	}
}
