package catalog

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/text"

	"github.com/belaystack/belay/lint/image"
)

func TestGates(t *testing.T) {
	c := Load()
	rows := gateRows()
	passes := func(id, name, pair string) bool {
		old, now, ok := strings.Cut(pair, " ")
		if !ok {
			t.Fatalf("%s: %q is no pair", id, pair)
		}
		return slices.ContainsFunc(c.Gates(ref(t, name+":"+old), ref(t, name+":"+now)), func(g Gate) bool { return g.ID == id })
	}
	for _, g := range c.GateTable {
		row, ok := rows[g.ID]
		if !ok || len(row.pass) == 0 || len(row.no) == 0 {
			t.Errorf("%s: no changes that pass it and none that do not: add a row", g.ID)
		}
		delete(rows, g.ID)
		for _, pair := range row.pass {
			if !passes(g.ID, row.image, pair) {
				t.Errorf("%s %s does not pass %s", row.image, pair, g.ID)
			}
		}
		for _, pair := range row.no {
			if passes(g.ID, row.image, pair) {
				t.Errorf("%s %s passes %s", row.image, pair, g.ID)
			}
		}
	}
	for id := range rows {
		t.Errorf("%s: a row without a gate", id)
	}
}

// What holds whatever the gate.
func TestGatesOfNoOrder(t *testing.T) {
	c := Load()
	ids := func(old, now image.Ref) string {
		var out []string
		for _, g := range c.Gates(old, now) {
			out = append(out, g.ID)
		}
		return strings.Join(out, " ")
	}
	tests := []struct{ old, now, want string }{
		{"postgres:15-alpine", "pgvector/pgvector:pg17", "postgres-major postgres-18-data-path-pgvector"}, // another image of the app: the server's version is known all the same
		{"postgres:15-alpine", "pgvector/pgvector:pg15", ""},
		{"timescale/timescaledb:2.14.0-pg16", "timescale/timescaledb:2.16.0-pg16", ""}, // what is said of pgvector concerns no other
		{"timescale/timescaledb:0.7.0-pg16", "timescale/timescaledb:0.9.0-pg18", "postgres-major"},
		{"langgenius/dify-api:main", "langgenius/dify-api:1.12.1", "dify-migration-failure-hidden dify-migration-lock dify-postgres-18"}, // only where it ends is known
		{"langgenius/dify-api:0.15.3", "langgenius/dify-web:1.13.3", ""},
		{"langgenius/dify-api:0.15.3", "langgenius/dify-api:main", ""},
		{"langgenius/dify-web:1.13.3", "langgenius/dify-web:1.14.0", ""}, // the web image has no database
		{"acme/app:1.0.0", "acme/app:2.0.0", ""},
		{"qdrant/qdrant:v1.7.3", "langgenius/qdrant:v1.9.0", ""}, // two owners, who may count otherwise
		{"redis:6.2.0", "valkey/valkey:9.0.0", ""},
	}
	for _, tt := range tests {
		if got := ids(ref(t, tt.old), ref(t, tt.now)); got != tt.want {
			t.Errorf("%s to %s: want %q, got %q", tt.old, tt.now, tt.want, got)
		}
	}
	if got := ids(image.Ref{}, ref(t, "langgenius/dify-api:1.12.1")); got != "" {
		t.Errorf("a new service: got %s", got)
	}
	digest := "@sha256:" + strings.Repeat("0", 64)
	if got := ids(ref(t, "langgenius/dify-api:1.12.1"), ref(t, "langgenius/dify-api:1.12.1"+digest)); got != "" {
		t.Errorf("a change of the digest alone: got %s", got)
	}
}

// The user's own gates are passed like the built-in ones, and come last.
func TestGatesOfTheUserAreLast(t *testing.T) {
	c := Load()
	c.GateTable = append(c.GateTable, Gate{ID: "acme", App: Redis, Majors: true}, Gate{ID: "daemon", App: DifyPluginDaemon, At: "0.6.0"})
	got := c.Gates(ref(t, "redis:6.2.0"), ref(t, "redis:7.0.1"))
	if len(got) != 2 || got[1].ID != "acme" {
		t.Errorf("got %+v", got)
	}
	if got := c.Gates(ref(t, "redis:6.2.0"), ref(t, "bitnami/redis:7.0.1")); len(got) != 0 {
		t.Errorf("an image whose numbers may mean something else: got %+v", got)
	}
	if got := c.Gates(ref(t, "langgenius/dify-plugin-daemon:0.5.3-local"), ref(t, "langgenius/dify-plugin-daemon:0.6.0-local")); len(got) != 1 {
		t.Errorf("a tag with an ending: got %+v", got)
	}
}

func TestGatesAreValid(t *testing.T) {
	seen := map[string]bool{}
	for _, g := range Load().GateTable {
		if err := CheckGate(g); err != nil {
			t.Error(err)
		}
		if seen[g.ID] {
			t.Errorf("%s stands twice", g.ID)
		}
		seen[g.ID] = true
		texts := []string{g.Text}
		for _, a := range g.Do {
			texts = append(texts, a.Text)
		}
		for _, touch := range g.Touches {
			texts = append(texts, touch.Text)
		}
		for _, s := range texts {
			if kind := markup(s); kind != "" {
				t.Errorf("%s: %q renders with %s", g.ID, s, kind)
			}
		}
	}
}

// markup names what a text renders with besides words, code and emphasis that
// is closed; "" is nothing.
func markup(s string) string {
	src := []byte(s)
	doc := goldmark.New().Parser().Parse(text.NewReader(src))
	kind := ""
	if doc.ChildCount() != 1 {
		return "several blocks"
	}
	ast.Walk(doc, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		switch n := n.(type) {
		case *ast.Document, *ast.Paragraph, *ast.CodeSpan, *ast.Link:
		case *ast.Text:
			if _, code := n.Parent().(*ast.CodeSpan); !code && strings.ContainsAny(string(n.Value(src)), "`*<>[]") {
				kind = "a mark that is not closed"
			}
		default:
			kind = n.Kind().String()
		}
		return ast.WalkContinue, nil
	})
	return kind
}

func TestCheckGateRefuses(t *testing.T) {
	good := Gate{ID: "acme-1", App: Redis, At: "7.0.0", Title: "A title", Text: "It uses `x`.", Duty: Command, Risks: []Risk{DataRisk}, Back: BackRestore,
		Do: []Action{{When: AfterStart, Text: "run it", Command: "true"}}, Touches: []Touch{{Key: "A", Is: Has, Value: "x", Text: "which matters"}}, Sources: []string{"https://example.org/x"}}
	if err := CheckGate(good); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*Gate){
		"id":             func(g *Gate) { g.ID = "Acme 1" },
		"app":            func(g *Gate) { g.App = "acme" },
		"no range":       func(g *Gate) { g.At = "" },
		"two conditions": func(g *Gate) { g.Majors = true },
		"a line":         func(g *Gate) { g.At = "7" },
		"no version":     func(g *Gate) { g.At = "seven" },
		"since":          func(g *Gate) { g.Since = "7.2" },
		"images":         func(g *Gate) { g.Images = []string{"redis:7"} },
		"title stop":     func(g *Gate) { g.Title = "A title." },
		"title lines":    func(g *Gate) { g.Title = "A\ntitle" },
		"title html":     func(g *Gate) { g.Title = "A <b>" },
		"title long":     func(g *Gate) { g.Title = strings.Repeat("x", 121) },
		"no text":        func(g *Gate) { g.Text = "" },
		"open code":      func(g *Gate) { g.Text = "It uses `x." },
		"fence":          func(g *Gate) { g.Text = "```x```" },
		"html":           func(g *Gate) { g.Text = "It <img src=x>" },
		"image":          func(g *Gate) { g.Text = "It ![x](https://example.org)" },
		"heading":        func(g *Gate) { g.Text = "# It" },
		"duty":           func(g *Gate) { g.Duty, g.Do = "maybe", nil },
		"many images":    func(g *Gate) { g.Images = slices.Repeat([]string{"redis"}, 30) },
		"much to do":     func(g *Gate) { g.Do = slices.Repeat(g.Do, 30) },
		"level":          func(g *Gate) { g.Level = 3 },
		"back":           func(g *Gate) { g.Back = "" },
		"risks":          func(g *Gate) { g.Risks = nil },
		"risk":           func(g *Gate) { g.Risks = []Risk{"x"} },
		"risk twice":     func(g *Gate) { g.Risks = []Risk{DataRisk, DataRisk} },
		"when":           func(g *Gate) { g.Do = []Action{{When: "later", Text: "x", Command: "y"}} },
		"do stop":        func(g *Gate) { g.Do = []Action{{When: AfterStart, Text: "run it.", Command: "y"}} },
		"command lines":  func(g *Gate) { g.Do = []Action{{When: AfterStart, Text: "run it", Command: "a\nb"}} },
		"no command":     func(g *Gate) { g.Do = nil },
		"other duty":     func(g *Gate) { g.Duty = Watch },
		"only if":        func(g *Gate) { g.OnlyIf, g.Touches = true, nil },
		"touch nothing":  func(g *Gate) { g.Touches = []Touch{{Text: "x"}} },
		"touch words":    func(g *Gate) { g.Touches = []Touch{{Service: "x"}} },
		"touch key":      func(g *Gate) { g.Touches = []Touch{{Key: "A B", Is: Set, Text: "x"}} },
		"touch no is":    func(g *Gate) { g.Touches = []Touch{{Key: "A", Text: "x"}} },
		"touch is":       func(g *Gate) { g.Touches = []Touch{{Key: "A", Is: "odd", Text: "x"}} },
		"touch value":    func(g *Gate) { g.Touches = []Touch{{Key: "A", Is: Set, Value: "v", Text: "x"}} },
		"touch no value": func(g *Gate) { g.Touches = []Touch{{Key: "A", Is: Lacks, Text: "x"}} },
		"touch app":      func(g *Gate) { g.Touches = []Touch{{NoApp: "acme", Text: "x"}} },
		"no source":      func(g *Gate) { g.Sources = nil },
		"http source":    func(g *Gate) { g.Sources = []string{"http://example.org"} },
		"source lines":   func(g *Gate) { g.Sources = []string{"a\nb"} },
	} {
		g := good
		change(&g)
		if err := CheckGate(g); err == nil {
			t.Errorf("%s: want an error", name)
		}
	}
}

// A mistake in belay.yml must not carry what stands there into a log.
func TestCheckGateQuotesNothing(t *testing.T) {
	for _, g := range []Gate{{ID: "Secret 1"}, {ID: "x", App: "secret"}, {ID: "x", App: Redis, At: "secret"}, {ID: "x", App: Redis, At: "7.0.0", Title: "secret."}} {
		if err := CheckGate(g); err == nil || strings.Contains(strings.ToLower(err.Error()), "secret") {
			t.Errorf("%+v: %v", g, err)
		}
	}
}

func TestMigrations(t *testing.T) {
	tests := []struct {
		old, now string
		n        int
		known    bool
	}{
		{"1.14.2", "1.15.0", 24, true},
		{"0.15.3", "1.16.1", 86, true},
		{"1.13.1", "1.13.3", 0, true},
		{"1.12.0", "1.12.1", 0, false}, // one file fewer: what that means is not known
		{"1.15.0", "1.14.2", 0, false},
		{"1.13.3", "1.13.1", 0, false},
		{"1.16.1", "1.17.0", 0, false},
		{"0.15.4", "1.0.0", 0, false},
		{"latest", "1.0.0", 0, false},
	}
	c := Load()
	for _, tt := range tests {
		n, known := c.Migrations(ref(t, api+":"+tt.old), ref(t, api+":"+tt.now))
		if n != tt.n || known != tt.known {
			t.Errorf("%s to %s: want %d, %v, got %d, %v", tt.old, tt.now, tt.n, tt.known, n, known)
		}
	}
}

// n8n's own list is taken over whole: each of its rules is a gate of the same
// severity, and says something of each variable that the list names for it.
func TestN8NRulesAgainstTheList(t *testing.T) {
	data, err := os.ReadFile(filepath.Join(material(t, "corpus", "notes", "n8n"), "breaking-change-rules-from-n8n-2.41.3.json"))
	if err != nil {
		t.Fatal(err)
	}
	var list []struct {
		File, Major, ID, Severity, Category, DocumentationURL string
	}
	if err := json.Unmarshal(data, &list); err != nil {
		t.Fatal(err)
	}
	rules := map[string][]n8nRule{"v2": n8n2(), "v3": n8n3()}
	if n := len(rules["v2"]) + len(rules["v3"]); n != len(list) || n != 41 {
		t.Errorf("%d rules, the list has %d", n, len(list))
	}
	for _, want := range list {
		id := strings.Replace(want.ID, "${id}", strings.TrimSuffix(filepath.Base(want.File), ".rule.js"), 1)
		i := slices.IndexFunc(rules[want.Major], func(r n8nRule) bool { return r.ID == id })
		if i < 0 {
			t.Errorf("%s %s: no rule", want.Major, id)
			continue
		}
		got := rules[want.Major][i]
		if got.Severity != want.Severity || got.Category != want.Category || want.DocumentationURL != "" && got.Doc != want.DocumentationURL && got.Doc != n8nDocs3 {
			t.Errorf("%s: want %s %s %s, got %s %s %s", id, want.Severity, want.Category, want.DocumentationURL, got.Severity, got.Category, got.Doc)
		}
	}
}

// What a stack's files can show stands before what they cannot.
func TestN8NRulesWithTouchesAreFirst(t *testing.T) {
	for _, rules := range [][]n8nRule{n8n2(), n8n3()} {
		first := slices.IndexFunc(rules, func(r n8nRule) bool { return len(r.Touches) == 0 })
		if slices.ContainsFunc(rules[first:], func(r n8nRule) bool { return len(r.Touches) > 0 }) {
			t.Error("a rule with touches stands behind one without")
		}
		for _, r := range rules {
			if _, ok := map[string]bool{"low": true, "medium": true, "critical": true}[r.Severity]; !ok {
				t.Errorf("%s: severity %q", r.ID, r.Severity)
			}
			if _, ok := map[string]bool{"environment": true, "infrastructure": true, "instance": true, "workflow": true}[r.Category]; !ok {
				t.Errorf("%s: category %q", r.ID, r.Category)
			}
		}
	}
}
