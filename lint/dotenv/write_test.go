package dotenv

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/belaystack/belay/lint/source"
)

func TestAppend(t *testing.T) {
	set := examples(t, ".env.example", "A=1\nB='two words' # comment\nSECRET_KEY=public\nP=${A:-x},y\nE=\nURL=redis://:pw@h\n")
	for _, tc := range []struct{ name, env, want string }{
		{"empty", "", "# added by belay env --write on 2026-01-31\nA=1\nB='two words'\n# a secret: give it a value of your own\nSECRET_KEY=\nP=${A:-x},y\nE=\n# a secret: give it a value of your own\nURL=\n"},
		{"no newline at the end", "A=2\nP=\nE=\nURL=\nB=x", "A=2\nP=\nE=\nURL=\nB=x\n\n# added by belay env --write on 2026-01-31\n# a secret: give it a value of your own\nSECRET_KEY=\n"},
		{"crlf", "A=2\r\nP=\r\nURL=\r\nB=x\r\nSECRET_KEY=y", "A=2\r\nP=\r\nURL=\r\nB=x\r\nSECRET_KEY=y\r\n\r\n# added by belay env --write on 2026-01-31\r\nE=\r\n"},
		{"nothing missing", "A=2\nP=\nE=\nURL=\nB=x\nSECRET_KEY=y", "A=2\nP=\nE=\nURL=\nB=x\nSECRET_KEY=y"},
	} {
		env := parse(t, ".env", tc.env)
		a, err := Append(env, Check(env, set, nil), "2026-01-31")
		if err != nil {
			t.Fatal(err)
		}
		if string(a.Data) != tc.want {
			t.Errorf("%s: got\n%q\nwant\n%q", tc.name, a.Data, tc.want)
		}
		again := parse(t, ".env", string(a.Data))
		b, err := Append(again, Check(again, set, nil), "2026-02-28")
		if err != nil || !bytes.Equal(b.Data, a.Data) || b.Patch() != "" {
			t.Errorf("%s: a second run changes the file: %v\n%s", tc.name, err, b.Patch())
		}
	}
}

func TestPatchShowsNoValueOfTheFile(t *testing.T) {
	set := examples(t, ".env.example", "A=1\nSECRET_KEY=public\nM=\"x\ny\x1b[2J\"\n")
	env := parse(t, "docker/.env", "OWN=c4n4ry\nB=c4n4ry")
	a, err := Append(env, Check(env, set, nil), "2026-01-31")
	if err != nil {
		t.Fatal(err)
	}
	want := `--- a/docker/.env
+++ b/docker/.env
@@ -2,0 +3,6 @@
+
+# added by belay env --write on 2026-01-31
+A=1
+# a secret: give it a value of your own
+SECRET_KEY=
+M="x
+y` + "\ufffd" + `[2J"
`
	if a.Patch() != want {
		t.Errorf("got\n%s\nwant\n%s", a.Patch(), want)
	}
	if !slices.Equal(a.Added, []string{"A", "M"}) || !slices.Equal(a.Asked, []string{"SECRET_KEY"}) {
		t.Errorf("added %q, asked %q", a.Added, a.Asked)
	}
}

func TestAppendWritesOnlyWhatIsMissing(t *testing.T) {
	env := parse(t, ".env", "")
	a, err := Append(env, []Drift{{Kind: Removed, Key: "A", Default: NewValue("1")}, {Kind: Added, Key: "B", Default: NewValue("it's a \\ $B\n")}}, "2026-01-31")
	if err != nil {
		t.Fatal(err)
	}
	got := parse(t, ".env", string(a.Data))
	if e, _ := got.Lookup("B"); !slices.Equal(got.Keys(), []string{"B"}) || e.Value.Reveal() != "it's a \\ $B\n" {
		t.Errorf("keys %q, B is %q", got.Keys(), e.Value.Reveal())
	}
	if _, err := Append(env, []Drift{{Kind: Added, Key: "A!"}}, "2026-01-31"); err == nil {
		t.Error("a key that does not read back is appended")
	}
}

// Every example of the corpus, appended to an empty .env, gives the values
// that the example itself gives.
func TestAppendedValuesReadBack(t *testing.T) {
	keys := 0
	for _, src := range envFiles(t) {
		example, err := Parse(src, nil)
		if err != nil {
			continue // compose refuses it too: TestCorpusReadsAsComposeReadsIt
		}
		for _, eol := range []string{"\n", "\r\n"} {
			env := parse(t, ".env", "# mine"+eol)
			a, err := Append(env, Check(env, &Set{Files: []*File{example}, Dir: "."}, bareUses(example)), "2026-01-31")
			if err != nil {
				t.Errorf("%s: %v", src.Path, err)
				continue
			}
			got := parse(t, ".env", string(a.Data))
			if !slices.Equal(slices.Sorted(slices.Values(got.Keys())), slices.Sorted(slices.Values(example.Keys()))) {
				t.Errorf("%s: keys %q, want %q", src.Path, got.Keys(), example.Keys())
			}
			for _, key := range a.Added {
				keys++
				is, _ := got.Lookup(key)
				was, _ := example.Lookup(key)
				if !is.Value.Equal(was.Value) {
					t.Errorf("%s: %s reads %q, want %q", src.Path, key, is.Value.Reveal(), was.Value.Reveal())
				}
			}
			for _, key := range a.Asked {
				if is, _ := got.Lookup(key); !is.Value.IsEmpty() {
					t.Errorf("%s: the secret %s is written", src.Path, key)
				}
			}
		}
	}
	t.Logf("%d values", keys)
}

// bareUses makes every key of f needed, so that Check reports it whichever
// folder f is in.
func bareUses(f *File) []Use {
	var uses []Use
	for _, key := range f.Keys() {
		uses = append(uses, Use{Name: key})
	}
	return uses
}

func FuzzQuote(f *testing.F) {
	for _, s := range []string{"", "a b", "it's", `\`, `\'`, "$A", "${A", "a\nb", "\r", "#", " x ", `"`, "\x00", "a #b", `\\"$`, "\\n", `\0`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, eol := range []string{"", "\n", "\r\n"} {
			text := "A=" + quote(s) + eol + "B=1"
			if eol == "" {
				text = "A=" + quote(s)
			}
			got, err := Parse(source.New(".env", []byte(text)), nil)
			if err != nil {
				t.Fatalf("%q: %v", text, err)
			}
			e, _ := got.Lookup("A")
			if e.Value.Reveal() != s || strings.Count(text, "B=1") == 1 && eol != "" && len(got.Keys()) != 2 {
				t.Fatalf("%q reads %q, want %q", text, e.Value.Reveal(), s)
			}
		}
	})
}
