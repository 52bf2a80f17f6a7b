package report

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	generate "github.com/invopop/jsonschema"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

const schemaFile = "../../docs/schema/run.schema.json"

// golden compares got with a file; UPDATE=1 writes it anew.
func golden(t *testing.T, file string, got []byte) {
	t.Helper()
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s differs, UPDATE=1 writes it anew (-want +got):\n%s", file, diff)
	}
}

func TestGoldens(t *testing.T) {
	for name, r := range runs() {
		golden(t, filepath.Join("testdata", name+".md"), []byte(Markdown(r, Options{More: "https://github.com/acme/infra/actions/runs/4711"})))
		golden(t, filepath.Join("testdata", name+".txt"), []byte(Text(r, 100, false)))
	}
	golden(t, "testdata/upgraded.html", HTML(upgraded()))
	golden(t, "testdata/stuck.html", HTML(stuck()))
	golden(t, "testdata/upgraded-2000.md", []byte(Markdown(upgraded(), Options{Limit: 2000})))
	golden(t, "testdata/stuck-color.txt", []byte(Text(stuck(), 60, true)))
	b, err := JSON(rolledBack())
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "testdata/rolled-back.json", b)
}

// schema is what the types say.
func schema(t *testing.T) []byte {
	t.Helper()
	words := func(all ...any) *generate.Schema { return &generate.Schema{Type: "string", Enum: all} }
	r := generate.Reflector{ExpandedStruct: true, AllowAdditionalProperties: true, Mapper: func(t reflect.Type) *generate.Schema {
		switch t {
		case reflect.TypeFor[Duration]():
			return &generate.Schema{Type: "number", Description: "seconds"}
		case reflect.TypeFor[Outcome]():
			return words(Done, Nothing, Refused, Failed, RolledBack, Cancelled, Stuck, Held, Running)
		case reflect.TypeFor[State]():
			return words(StepDone, StepFailed, StepUndone, StepSkipped, StepStuck, StepRunning, StepPending)
		case reflect.TypeFor[Proof]():
			return words(Counted, Same, Changed, Different)
		case reflect.TypeFor[Kind]():
			return words(Upgrade, Rollback, Backup, Verify)
		}
		return nil
	}}
	s := r.Reflect(&document{})
	s.ID = SchemaURL
	s.Title = "Belay run"
	s.Description = "The report of one run: of an upgrade, a rollback, a backup or a verification."
	if version, ok := s.Properties.Get("version"); ok {
		version.Const = FormatVersion
	}
	b, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return append(b, '\n')
}

// The published schema is what the types say. UPDATE=1 writes it.
func TestSchemaIsCurrent(t *testing.T) { golden(t, schemaFile, schema(t)) }

// The JSON of every run holds to the published schema.
func TestJSONHoldsToSchema(t *testing.T) {
	s, err := jsonschema.NewCompiler().Compile(schemaFile)
	if err != nil {
		t.Fatal(err)
	}
	for name, r := range runs() {
		b, err := JSON(r)
		if err != nil {
			t.Fatal(err)
		}
		value, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Validate(value); (err == nil) != (name != "empty") { // an empty one has no outcome
			t.Errorf("%s: %v", name, err)
		}
		var back document
		if err := json.Unmarshal(b, &back); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(*r, back.Run); diff != "" || back.Version != FormatVersion {
			t.Errorf("%s: version %d comes back different (-want +got):\n%s", name, back.Version, diff)
		}
	}
}

func TestTook(t *testing.T) {
	for _, tt := range []struct {
		d    time.Duration
		want string
	}{
		{-5, "0 s"}, {0, "0 s"}, {3, "1 µs"}, {400 * time.Microsecond, "400 µs"}, {850 * time.Millisecond, "850 ms"}, {999_600 * time.Microsecond, "1 s"},
		{1040 * time.Millisecond, "1 s"}, {12345 * time.Millisecond, "12.3 s"}, {59_940 * time.Millisecond, "59.9 s"}, {59_960 * time.Millisecond, "1 m"},
		{102 * time.Second, "1 m 42 s"}, {119_600 * time.Millisecond, "2 m"}, {time.Hour, "1 h"}, {2*time.Hour + 3*time.Minute + 10*time.Second, "2 h 3 m 10 s"},
		{49*time.Hour + time.Second, "2 d 1 h 1 s"},
	} {
		if got := took(tt.d); got != tt.want {
			t.Errorf("%d ns: %q, want %q", tt.d, got, tt.want)
		}
	}
}

func TestUnits(t *testing.T) {
	var got []string
	for _, b := range []int64{0, 1023, 1024, 10_188, 10_189, 1<<20 - 1, 1 << 30, 1<<63 - 1} {
		got = append(got, size(b))
	}
	for _, i := range []int64{0, 999, 1000, -1234567} {
		got = append(got, number(i))
	}
	want := []string{"0 B", "1023 B", "1.0 KiB", "9.9 KiB", "10 KiB", "1.0 MiB", "1.0 GiB", "8.0 EiB", "0", "999", "1,000", "-1,234,567"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// The parts of a downtime follow one another without a gap and add up to it,
// whatever the steps are.
func TestDowntime(t *testing.T) {
	steps := []Step{
		{Name: "pull", Started: at(0), Ended: at(10)},
		{Name: "halt", Started: at(10.2), Ended: at(15), Undo: Span{at(60), at(70)}},
		{Name: "backup", Started: at(15.1), Ended: at(30), Undo: Span{at(59), at(60)}},
		{Name: "later", Started: at(90), Ended: at(95)},
		{Name: "never"},
	}
	for _, tt := range []struct {
		name     string
		from, to time.Time
		want     []Part
	}{
		{"whole", at(11), at(69), []Part{{"halt", false, at(11), at(15)}, {"backup", false, at(15), at(30)}, {"", false, at(30), at(59)}, {"backup", true, at(59), at(60)}, {"halt", true, at(60), at(69)}}},
		{"end between steps", at(15), at(40), []Part{{"backup", false, at(15), at(30)}, {"", false, at(30), at(40)}}},
		{"end just after", at(15), at(30.5), []Part{{"backup", false, at(15), at(30.5)}}},
		{"open", at(60), time.Time{}, []Part{{"halt", true, at(60), at(70)}, {"", false, at(70), at(90)}, {"later", false, at(90), at(95)}}},
		{"no step", at(40), at(50), []Part{{"", false, at(40), at(50)}}},
	} {
		got := NewDowntime(tt.from, tt.to, steps)
		if diff := cmp.Diff(&Downtime{tt.from, tt.to, tt.want}, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
		for i := 1; i < len(got.Parts); i++ {
			if !got.Parts[i].From.Equal(got.Parts[i-1].To) {
				t.Errorf("%s: a gap before part %d", tt.name, i)
			}
		}
	}
}

// Steps that overlap, as those of a clock that was set back, count once.
func TestDowntimeOfOverlap(t *testing.T) {
	got := NewDowntime(at(0), at(10), []Step{{Name: "a", Started: at(0), Ended: at(8)}, {Name: "b", Started: at(2), Ended: at(4)}, {Name: "c", Started: at(6), Ended: at(10)}})
	want := []Part{{"a", false, at(0), at(8)}, {"c", false, at(8), at(10)}}
	if diff := cmp.Diff(want, got.Parts); diff != "" {
		t.Error(diff)
	}
}

// Every outcome of every kind has a line of its own, and those that end badly
// look bad.
func TestVerdicts(t *testing.T) {
	seen := map[string]Outcome{}
	for _, o := range []Outcome{Done, Nothing, Refused, Failed, RolledBack, Cancelled, Stuck, Held, Running} {
		for _, k := range []Kind{Upgrade, Rollback, Backup, Verify} {
			v := verdictOf(&Run{Kind: k, Outcome: o})
			if was, ok := seen[v.Line]; ok && was != o {
				t.Errorf("%s and %s are both %q", was, o, v.Line)
			}
			seen[v.Line] = o
			if bad := slices.Contains([]Outcome{Failed, RolledBack, Stuck}, o); bad != (v.Level == "bad") {
				t.Errorf("%s of %s is %s", o, k, v.Level)
			}
		}
	}
	if v := verdictOf(&Run{Outcome: "odd"}); v.Level != "bad" {
		t.Errorf("an unknown outcome is %s", v.Level)
	}
	if v := verdictOf(&Run{Kind: Backup, Outcome: Done, Backups: []Saved{{ID: "x"}}}); v.Line != "Backup made" {
		t.Errorf("a backup that nobody verified: %q", v.Line)
	}
}

// Only tables of which there is something to say are listed, those that break a
// rule first; the totals are of all that were counted.
func TestDiffering(t *testing.T) {
	d := Database{Tables: []Table{
		{Name: "same", Before: n(1), After: n(1)}, {Name: "more", Before: n(1), After: n(3)}, {Name: "uncounted"}, {Name: "gone", Before: n(4)},
		{Name: "fewer", Before: n(9), After: n(2), Rule: "must not lose rows"}, {Name: "content", Before: n(1), After: n(1), Changed: true}, {Name: "new", After: n(5)},
	}}
	var got []string
	for _, table := range differing(d) {
		got = append(got, table.Name+" "+growth(table))
	}
	want := []string{"fewer -7", "more +2", "gone gone, or not counted after", "content as many, other content", "new new, or not counted before"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	before, after := totals(d)
	if rows(before) != "16" || rows(after) != "12" {
		t.Errorf("totals %s and %s, want 16 and 12", rows(before), rows(after))
	}
	if before, after := totals(Database{Tables: []Table{{Name: "x"}}}); before != nil || after != nil {
		t.Error("a total of nothing that was counted")
	}
}
