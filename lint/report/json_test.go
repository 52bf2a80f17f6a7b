package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	generate "github.com/invopop/jsonschema"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// Where the schemas stand here and where they are published.
const (
	schemaFile    = "../../docs/schema/report.schema.json"
	dossierSchema = "dossier.schema.json" // beside it; release/dossier generates it
	published     = "https://raw.githubusercontent.com/belaystack/belay/main/docs/schema/"
)

// The published schema is what the types say. UPDATE=1 writes it.
func TestSchemaIsCurrent(t *testing.T) {
	reflector := generate.Reflector{ExpandedStruct: true, AllowAdditionalProperties: true, Mapper: func(t reflect.Type) *generate.Schema {
		if t == reflect.TypeFor[json.RawMessage]() { // a dossier, of whose type this package knows nothing
			return &generate.Schema{Ref: dossierSchema}
		}
		return nil
	}}
	s := reflector.Reflect(&document{})
	s.ID = published + "report.schema.json"
	s.Title = "Belay report"
	s.Description = "What belay check, lint and env write with --format json."
	want, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	want = append(want, '\n')
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile(schemaFile, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(schemaFile)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is not what the types say: UPDATE=1 go test ./lint/report writes it", schemaFile)
	}
}

// compile reads the schema in a file. What it refers to by the address where it
// is published is read from its folder.
func compile(t *testing.T, schema string) *jsonschema.Schema {
	t.Helper()
	c := jsonschema.NewCompiler()
	c.UseLoader(jsonschema.SchemeURLLoader{"file": jsonschema.FileLoader{}, "https": beside(filepath.Dir(schema))})
	s, err := c.Compile(schema)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// beside is a folder with what is published.
type beside string

// Load implements jsonschema.URLLoader.
func (dir beside) Load(url string) (any, error) {
	name, ok := strings.CutPrefix(url, published)
	if !ok {
		return nil, fmt.Errorf("%s: not published with the schemas", url)
	}
	data, err := os.ReadFile(filepath.Join(string(dir), name))
	if err != nil {
		return nil, err
	}
	return jsonschema.UnmarshalJSON(bytes.NewReader(data))
}

// valid fails unless document is valid by the schema in a file.
func valid(t *testing.T, schema, document string) {
	t.Helper()
	s := compile(t, schema)
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(document))
	if err != nil {
		t.Fatalf("%v in:\n%s", err, document)
	}
	if err := s.Validate(doc); err != nil {
		t.Errorf("%v in:\n%s", err, document)
	}
}

func TestJSONIsValid(t *testing.T) {
	valid(t, schemaFile, render(t, "json", sample(), Options{}))
	valid(t, schemaFile, render(t, "json", &Result{}, Options{}))
	valid(t, schemaFile, render(t, "json", withDossier(), Options{}))
	for _, text := range attacks() {
		valid(t, schemaFile, render(t, "json", hostile(text), Options{}))
	}
}

// withDossier is the sample with the shortest of dossiers.
func withDossier() *Result {
	r := sample()
	r.Dossiers = []json.RawMessage{json.RawMessage(`{"stack":"n8n","dir":"n8n","environment":"prod","verdict":{"level":"low","line":""}}`)}
	return r
}

// A schema that takes everything would prove nothing.
func TestSchemaRefuses(t *testing.T) {
	s := compile(t, schemaFile)
	good := render(t, "json", withDossier(), Options{})
	for _, change := range [][2]string{
		{`"version": 1`, `"version": 2`}, {`"severity": "error"`, `"severity": "bad"`}, {`"line": 7`, `"line": "7"`},
		{`"notices"`, `"noticed"`}, {`"fingerprint": "`, `"fingerprint": "X`},
		{`"level": "low"`, `"level": "fatal"`}, {`"verdict"`, `"judgement"`},
	} {
		bad := strings.Replace(good, change[0], change[1], 1)
		doc, err := jsonschema.UnmarshalJSON(strings.NewReader(bad))
		if err != nil {
			t.Fatal(err)
		}
		if s.Validate(doc) == nil || bad == good {
			t.Errorf("%s is valid, or %s is not there", change[1], change[0])
		}
	}
}

// Escaping for the log must not change what a program reads.
func TestJSONKeepsText(t *testing.T) {
	for _, text := range attacks() {
		var d document
		if err := json.Unmarshal([]byte(render(t, "json", hostile(text), Options{})), &d); err != nil {
			t.Fatal(err)
		}
		want := strings.ToValidUTF8(text, "\ufffd")
		if text == "\x00\xff\xfe" {
			want = "\x00\ufffd\ufffd"
		}
		if d.Findings[0].Message != want || d.Findings[0].File != want {
			t.Errorf("message %q, want %q", d.Findings[0].Message, want)
		}
	}
}

func FuzzEncodeJSON(f *testing.F) {
	for _, text := range attacks() {
		f.Add(text)
	}
	f.Add("\U000e0041\U0010ffff\x7f ###[[ \\##[ \u2028")
	f.Fuzz(func(t *testing.T, text string) {
		var b bytes.Buffer
		if err := encodeJSON(&b, []string{text}); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(b.String(), "##[") {
			t.Errorf("holds ##[: %s", b.String())
		}
		var got []string
		if err := json.Unmarshal(b.Bytes(), &got); err != nil {
			t.Fatalf("%v: %s", err, b.String())
		}
		if want := string([]rune(text)); got[0] != want {
			t.Errorf("got %q, want %q", got[0], want)
		}
	})
}
