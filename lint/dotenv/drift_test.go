package dotenv

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/belaystack/belay/lint/source"
)

// examples parses name, text, name, text ... as a set in the folder docker.
func examples(t testing.TB, files ...string) *Set {
	t.Helper()
	fsys := fstest.MapFS{}
	for i := 0; i+1 < len(files); i += 2 {
		fsys["docker/"+files[i]] = &fstest.MapFile{Data: []byte(files[i+1])}
	}
	set, err := ReadSet("docker", FindExamples(fsys, "docker"), reading(fsys))
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// lines writes drifts as one line each: kind, key, places, what the user has, message.
func lines(ds []Drift) string {
	var b strings.Builder
	at := func(s source.Span) string {
		if s.Pos.IsZero() {
			return "-"
		}
		return fmt.Sprintf("%s:%d", base(s), s.Line)
	}
	for _, d := range ds {
		fmt.Fprintf(&b, "%s %s %s %s [%s] %s\n", d.Kind, at(d.Old), at(d.New), at(d.Yours), d.Have, d.Message())
	}
	return b.String()
}

func expect(t *testing.T, got, want string) {
	t.Helper()
	if want = strings.TrimPrefix(want, "\n"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// A release in the manner of Dify's: a database service renamed, a profile
// added, the file split, a default key emptied.
var (
	oldExample = []string{".env.example", `# The database host.
DB_HOST=db
DB_PORT=5432
SECRET_KEY=sk-public
COMPOSE_PROFILES=${VECTOR_STORE:-weaviate}
VIKINGDB_SCHEMA=http
PARALLEL_DEPTH=3
LOG_LEVEL=INFO
WORKERS=
QDRANT_URL=http://qdrant:6333
OLD_MODE=a
`}
	newExample = []string{".env.example", `# The database service, not a name of the network.
DB_HOST=db_postgres
DB_PORT=5432
SECRET_KEY=
COMPOSE_PROFILES=${VECTOR_STORE:-weaviate},${DB_TYPE:-postgresql}
DB_TYPE=postgresql
LOG_LEVEL="INFO"
WORKERS=4
NEW_TOKEN=public
# OLD_MODE=a
`, "envs/vectorstores/qdrant.env.example", "QDRANT_URL=http://qdrant:6333\nDB_TYPE=mysql\n",
		"envs/vectorstores/viking.env.example", "VIKINGDB_SCHEME=http\n"}
)

func TestCompare(t *testing.T) {
	env := parse(t, "docker/.env", `DB_HOST=db
SECRET_KEY=sk-public
COMPOSE_PROFILES=${VECTOR_STORE:-weaviate}
VIKINGDB_SCHEMA=https
WORKERS=2
#NEW_TOKEN=
WORKERS=8
OLD_MODE=a
`)
	got := Compare(examples(t, oldExample...), examples(t, newExample...), Yours{File: env})
	expect(t, lines(got), `
pinned .env.example:2 .env.example:2 .env:1 [old default] DB_HOST has a new default, and yours is still the old one
pinned .env.example:5 .env.example:5 .env:3 [old default] COMPOSE_PROFILES has a new default, and yours is still the old one
default-changed .env.example:4 .env.example:4 .env:2 [set] SECRET_KEY has a new default, and you set it
overridden .env.example:9 .env.example:8 .env:7 [set] WORKERS has a new default, and you have a value of your own
added - .env.example:6 - [none] DB_TYPE is new, with a default, and you do not set it (another file gives it another default)
added - .env.example:9 .env:6 [none] NEW_TOKEN is new, with a default, and you do not set it (you have it commented out)
added - viking.env.example:1 - [none] VIKINGDB_SCHEME is new, with a default, and you do not set it
renamed .env.example:6 viking.env.example:1 .env:4 [set] VIKINGDB_SCHEME looks like the new name of VIKINGDB_SCHEMA (a guess: the same default, and names a few letters apart)
removed .env.example:6 - .env:4 [set] VIKINGDB_SCHEMA is gone from the examples, and you still set it: keep it until you know that nothing reads it
removed .env.example:7 - - [none] PARALLEL_DEPTH is gone from the examples
commented-out .env.example:11 .env.example:10 .env:8 [old default] OLD_MODE is commented out in the new examples
duplicate .env:5 - .env:7 [set] WORKERS is set again; line 5 set it first (with another value)
help-changed .env.example:2 .env.example:2 .env:1 [old default] DB_HOST has another comment above it, and perhaps another meaning
moved .env.example:10 qdrant.env.example:1 - [none] QDRANT_URL moved to qdrant.env.example (from .env.example)
`)
}

// Without the user's file the same changes are found, and nothing is said of it.
func TestCompareKnowsNothingOfTheFile(t *testing.T) {
	got := Compare(examples(t, oldExample...), examples(t, newExample...), Yours{})
	for _, d := range got {
		if d.Have != HaveUnknown || !d.Yours.Pos.IsZero() || d.Kind == Pinned || d.Kind == Overridden || d.Kind == Duplicate {
			t.Errorf("%s %s: have %q at %v", d.Kind, d.Key, d.Have, d.Yours)
		}
	}
	if len(got) != 13 {
		t.Errorf("%d drifts\n%s", len(got), lines(got))
	}
}

func TestCompareNothingChanged(t *testing.T) {
	if got := Compare(examples(t, newExample...), examples(t, newExample...), Yours{}); len(got) != 0 {
		t.Errorf("drift of a set from itself\n%s", lines(got))
	}
	if got := Compare(nil, nil, Yours{}); len(got) != 0 {
		t.Errorf("drift of nothing\n%s", lines(got))
	}
}

// A default that refers to another key changes with that key alone, and one
// that is quoted in another way does not change.
func TestCompareReadsDefaults(t *testing.T) {
	got := Compare(examples(t, ".env.example", "A=1\nB=x-$A\nC=$$x\nD=a b\n"), examples(t, ".env.example", "A=2\nB=x-$A\nC='$x'\nD=\"a b\"\n"), Yours{})
	expect(t, lines(got), "default-changed .env.example:1 .env.example:1 - [] A has a new default\n")
}

func TestCompareUsesTheState(t *testing.T) {
	state, err := ReadState(source.New(StateFile, []byte(stateVersion+"\nCOMPOSE_PROFILES differs\nDB_HOST set\nNEW_TOKEN set\nSECRET_KEY set\nWORKERS empty\n")))
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, d := range Compare(examples(t, oldExample...), examples(t, newExample...), Yours{State: state}) {
		if d.Kind != HelpChanged {
			got[d.Key] = fmt.Sprintf("%s [%s] %d", d.Kind, d.Have, d.Yours.Line)
		}
	}
	for key, want := range map[string]string{
		"DB_HOST": "pinned [old default] 3", "COMPOSE_PROFILES": "overridden [set] 2", "WORKERS": "pinned [old default] 6",
		"SECRET_KEY": "default-changed [set] 5", "NEW_TOKEN": "added [set] 4", "DB_TYPE": "added [none] 0",
	} {
		if got[key] != want {
			t.Errorf("%s: %s, want %s", key, got[key], want)
		}
	}
}

func TestRenamings(t *testing.T) {
	for _, tc := range []struct{ old, new, want string }{
		{"EDITION=SELF_HOSTED\n", "DEPLOYMENT_EDITION=SELF_HOSTED\n", "DEPLOYMENT_EDITION<EDITION"},
		{"ENABLE_AGENT_V2=false\n", "NEXT_PUBLIC_ENABLE_AGENT_V2=true\n", "NEXT_PUBLIC_ENABLE_AGENT_V2<ENABLE_AGENT_V2"},
		{"DIFY_AGENT_SHELLCTL_TOKEN=x\nDIFY_AGENT_SHELLCTL_URL=y\n", "DIFY_AGENT_LOCAL_SANDBOX_URL=y\nDIFY_AGENT_LOCAL_SANDBOX_TOKEN=x\n",
			"DIFY_AGENT_LOCAL_SANDBOX_URL<DIFY_AGENT_SHELLCTL_URL DIFY_AGENT_LOCAL_SANDBOX_TOKEN<DIFY_AGENT_SHELLCTL_TOKEN"},
		{"ORACLE_HOST=oracle\nORACLE_PORT=1521\n", "ORACLE_DSN=oracle:1521\n", ""},
		{"A_ENABLED=true\n", "B_ENABLED=true\n", ""},
		{"DB_HOST=x\n", "REDIS_HOST=x\n", ""},
		{"MODE=a\n", "API_MODE=b\n", ""},
	} {
		var got []string
		for _, d := range Compare(examples(t, ".env.example", tc.old), examples(t, ".env.example", tc.new), Yours{}) {
			if d.Kind == Renamed {
				got = append(got, d.Key+"<"+d.Pair)
				if !strings.HasPrefix(d.Note, "a guess: ") {
					t.Errorf("%s: note %q", d.Key, d.Note)
				}
			}
		}
		if strings.Join(got, " ") != tc.want {
			t.Errorf("%q to %q: renamed %q, want %q", tc.old, tc.new, got, tc.want)
		}
	}
}

func TestCheck(t *testing.T) {
	set := examples(t, ".env.example", "A=1\nB=\nCC=3\nD=4\nE_TOKEN=public\nF=6\n", "envs/x.env.example", "F=7\nG=8\nH=9\n")
	env := parse(t, "docker/.env", "A=1\nA=1\n#C_OLD=1\n#DD=1\n# CC=5\nCOMPOSE_PROJECT_NAME=x\nOTHER=1\nLATER=1\n")
	use := func(name string, line int, has bool) Use {
		return Use{Name: name, At: source.Span{Pos: source.Pos{File: "docker/compose.yaml", Line: line, Col: 1}}, HasDefault: has}
	}
	got := Check(env, set, []Use{use("B", 3, true), use("B", 4, false), use("D", 5, true), use("H", 6, false), use("NOWHERE", 7, false),
		use("NOWHERE", 8, false), use("DEFAULTED", 9, true), use("LATER", 10, false)})
	expect(t, lines(got), `
missing - .env.example:2 - [none] B is missing, and the stack needs it (interpolated without a default at docker/compose.yaml:4:1)
missing - .env.example:4 - [none] D is missing; the example has a default (the compose file has a default of its own)
missing - .env.example:5 - [none] E_TOKEN is missing; the example has a default
missing - .env.example:6 - [none] F is missing; the example has a default (another file gives it another default)
missing - compose.yaml:7 - [none] NOWHERE is missing, and the stack needs it (interpolated without a default, and in no example)
missing - x.env.example:3 - [none] H is missing, and the stack needs it (interpolated without a default at docker/compose.yaml:6:1)
commented-out - .env.example:3 .env:5 [none] CC is commented out in your file
duplicate .env:1 - .env:2 [set] A is set again; line 1 set it first (with the same value)
unknown - - .env:7 [set] OTHER is in no example and in no compose file
`)
	if Check(nil, set, nil) != nil {
		t.Error("drift of no file")
	}
	if got := Check(env, &Set{}, nil); len(got) != 1 || got[0].Kind != Duplicate {
		t.Errorf("without examples\n%s", lines(got))
	}
}
