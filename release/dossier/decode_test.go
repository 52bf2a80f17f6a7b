package dossier

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/invopop/jsonschema"

	"github.com/belaystack/belay/release"
)

func encode(t *testing.T, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// What is written is read back as it was, empty lists as none.
func TestDecode(t *testing.T) {
	nulls := &release.Dossier{Changes: []release.Change{{Jump: release.Minor}}, Notes: []release.Notes{{Versions: []release.Version{{Sections: []release.Section{{Kind: "other"}}}}}}}
	for _, d := range []*release.Dossier{rich(), small(), gone(), {}, nulls} {
		got, err := Decode(encode(t, d))
		if err != nil {
			t.Errorf("%s: %v", d.Stack, err)
			continue
		}
		if diff := cmp.Diff(d, got, cmpopts.IgnoreUnexported(release.Change{}), cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", d.Stack, diff)
		}
	}
}

// A file in which one thing is wrong is refused, and the message says what.
func TestDecodeRefuses(t *testing.T) {
	text := func(f func(*release.Dossier)) string {
		d := rich()
		f(d)
		return string(encode(t, d))
	}
	replace := func(old, now string) string { return strings.Replace(text(func(*release.Dossier) {}), old, now, 1) }
	place := func(file string) string {
		return text(func(d *release.Dossier) { d.Gates[1].Here[0].Places[0].File = file })
	}
	for _, tt := range []struct{ name, data, want string }{
		{"nothing", "", "EOF"},
		{"no object", "[]", "got array, want object"},
		{"more behind it", "{}{}", "invalid character"},
		{"unknown field", replace(`"stack":`, `"marker":1,"stack":`), "marker"},
		{"field in capitals", replace(`"stack":"dify-prod"`, `"STACK":"dify-prod"`), "STACK"},
		{"level", replace(`"level":"high"`, `"level":"fatal"`), "level"},
		{"duty", replace(`"duty":"settings"`, `"duty":"surrender"`), "duty"},
		{"back", replace(`"back":"images"`, `"back":"maybe"`), "back"},
		{"moment", replace(`"when":"before-merge"`, `"when":"never"`), "when"},
		{"risk", replace(`"risk":"data migration"`, `"risk":"boredom"`), "risk"},
		{"jump", replace(`"jump":"minor"`, `"jump":"high"`), "jump"},
		{"severity", replace(`"severity":"note"`, `"severity":"fatal"`), "severity"},
		{"kind of a section", replace(`"kind":"danger"`, `"kind":"DANGER"`), "kind"},
		{"kind of a part", replace(`"kind":"service"`, `"kind":"network"`), "kind"},
		{"line below zero", replace(`"line":88`, `"line":-1`), "line"},
		{"line with a fraction", replace(`"line":88`, `"line":1.5`), "line"},
		{"number for text", replace(`"stack":"dify-prod"`, `"stack":7`), "stack"},
		{"long text", text(func(d *release.Dossier) { d.Verdict.Line = strings.Repeat("x", maxString+1) }), "line"},
		{"long list", text(func(d *release.Dossier) { d.Missing = make([]string, maxItems+1) }), "missing"},
		{"long Markdown", text(func(d *release.Dossier) { d.Gates[0].Text = release.Markdown(strings.Repeat("x", maxMarkdown+1)) }), "text"},
		{"long file", text(func(d *release.Dossier) {
			for range 5 {
				d.Gates = append(d.Gates, release.Passed{Text: release.Markdown(strings.Repeat("x", maxMarkdown))})
			}
		}), "bytes"},
		{"place above", place("../x"), "../x"},
		{"place above, later", place("a/../../x"), "a/../../x"},
		{"place at the root", place("/etc/passwd"), "/etc/passwd"},
		{"place of another system", place(`c:\x`), "place"},
		{"place of another system, with slashes", place("c:/x"), "c:/x"},
		{"place with backslashes", place(`a\..\..\x`), "place"},
		{"dir above", replace(`"dir":"deploy/prod"`, `"dir":"../prod"`), "../prod"},
		{"control character", place("../\x1b[31m\u202e"), `../[31m`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Decode([]byte(tt.data))
			if err == nil {
				t.Fatal("accepted")
			}
			if msg := err.Error(); !strings.Contains(msg, tt.want) || !strings.HasPrefix(msg, "dossier: ") || strings.ContainsAny(msg, "\n\x1b\u202e") || len(msg) > 2000 {
				t.Errorf("got %q, want one line with %q", msg, tt.want)
			}
		})
	}
}

// encoding/json merges an object that stands twice; the schema sees the last.
func TestDecodeOfDoubleKeys(t *testing.T) {
	b := string(encode(t, gone()))
	b = strings.Replace(b, `"verdict":`, `"rollback":{"back":"evil","data":"x"},"rollback":{},"verdict":`, 1)
	d, err := Decode([]byte(b))
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.ValueOf(d.Rollback).IsZero() {
		t.Errorf("what the schema did not see came through: %+v", d.Rollback)
	}
}

// Every list and every text of the schema is bounded, and no object is open.
func TestSchemaIsBounded(t *testing.T) {
	var root any
	if err := json.Unmarshal(Schema(), &root); err != nil {
		t.Fatal(err)
	}
	seen := 0
	var visit func(path string, v any)
	visit = func(path string, v any) {
		m, ok := v.(map[string]any)
		if !ok {
			return
		}
		seen++
		switch kind := fmt.Sprint(m["type"]); kind {
		case "string":
			if m["maxLength"] == nil && m["enum"] == nil {
				t.Errorf("%s: text without bounds", path)
			}
		case "[array null]":
			if m["maxItems"] == nil {
				t.Errorf("%s: a list without bounds", path)
			}
			visit(path+"[]", m["items"])
		case "object":
			if m["additionalProperties"] != false {
				t.Errorf("%s: open", path)
			}
			for name, p := range m["properties"].(map[string]any) {
				visit(path+"."+name, p)
			}
		case "integer":
			if m["minimum"] == nil || m["maximum"] == nil {
				t.Errorf("%s: a number without bounds", path)
			}
		case "boolean":
		default:
			t.Errorf("%s: type %s", path, kind)
		}
	}
	visit("", root)
	if seen < 100 {
		t.Errorf("only %d schemas seen", seen)
	}
	if jsonschema.Version != root.(map[string]any)["$schema"] {
		t.Error("not draft 2020-12")
	}
}

// A hostile file that is accepted is shown like any other.
func FuzzDecode(f *testing.F) {
	for _, d := range []*release.Dossier{rich(), small(), gone(), whole("</details>@octocat")} {
		b, err := json.Marshal(d)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		d, err := Decode(data)
		if err != nil {
			return
		}
		if err := checkFit(d, Options{Limit: 8000, Untrusted: true, More: "https://example.com"}); err != nil {
			t.Error(err)
		}
		if err := checkHTML(string(HTML([]*release.Dossier{d}, Options{Untrusted: true}))); err != nil {
			t.Error(err)
		}
		if err := checkText(Text(d, 60, false)); err != nil {
			t.Error(err)
		}
	})
}
