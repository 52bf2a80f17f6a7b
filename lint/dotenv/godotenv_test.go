package dotenv

import (
	"bytes"
	"maps"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/joho/godotenv"

	"github.com/belaystack/belay/lint/source"
)

const refuses = "(refused)"

// Where godotenv v1.5.1 reads another value than compose, compose is right.
func TestGodotenvDiffers(t *testing.T) {
	for _, tc := range []struct{ why, text, compose, godotenv string }{
		{"a default is interpolated", "A=${B:-x}\n", "x", ":-x}"},
		{"a default for unset alone", "A=${B-x}\n", "x", "-x}"},
		{"$$ is a dollar sign", "A=$$B\n", "$B", "$"},
		{"a backslash before $ is itself without quotes", "A=\\$B\n", "\\", "$B"},
		{"a quote is escaped in single quotes", `A='it\'s'` + "\n", "it's", `it\'s`},
		{"octal escapes in double quotes", `A="\0101"` + "\n", "A", "0101"},
		{"a statement may follow a closing quote", "A=\"x\"b\n", "x", refuses},
		{"KEY alone takes its value from outside", "A=1\nB\n", "1", refuses},
		{"brackets in a key", "A=1\nB[0]=2\n", "1", refuses},
		{"a dash in a key", "A=1\nB-C=2\n", "1", refuses},
		{"letters of any script in a key", "A=1\né=2\n", "1", refuses},
		{"a byte order mark", "\ufeffA=1\n", "1", refuses},
		{"a space in a key", "A B=1\n", refuses, ""},
		{"a brace that nothing closes", "A=${B\n", refuses, ""},
	} {
		got := refuses
		if f, err := Parse(source.New(".env", []byte(tc.text)), nil); err == nil {
			e, _ := f.Lookup("A")
			got = e.Value.Reveal()
		}
		theirs := refuses
		if m, err := godotenv.Parse(strings.NewReader(tc.text)); err == nil {
			theirs = m["A"]
		}
		if got != tc.compose || theirs != tc.godotenv {
			t.Errorf("%s: we read %q, want %q; godotenv reads %q, want %q", tc.why, got, tc.compose, theirs, tc.godotenv)
		}
		agree(t, source.New(tc.why, []byte(tc.text)))
	}
}

// On the corpus the two differ in these keys and files, and nowhere else.
func TestGodotenvDiffersOnTheCorpus(t *testing.T) {
	why := map[string]string{
		"inherited-multi-var.env":        "KEY alone",
		"inherited-not-found.env":        "KEY alone",
		"inherited-single-var.env":       "KEY alone",
		"special.env":                    "a dash in a key",
		"utf8-bom.env":                   "a byte order mark",
		"COMPOSE_PROFILES":               "a default",
		"KNOWLEDGE_FS_ENABLED":           "a default",
		"MATTERMOST_BLEVE_INDEXES_PATH":  "a default",
		"MATTERMOST_CLIENT_PLUGINS_PATH": "a default", "MATTERMOST_CONFIG_PATH": "a default", "MATTERMOST_DATA_PATH": "a default",
		"MATTERMOST_LOGS_PATH": "a default", "MATTERMOST_PLUGINS_PATH": "a default", "POSTGRES_DATA_PATH": "a default",
		"OPTION_A": "a default", "OPTION_B": "a default", "OPTION_C": "a default", "OPTION_D": "a default",
		"OPTION_K": "an escaped single quote",
	}
	met := map[string]bool{}
	for _, f := range envFiles(t) {
		got, err := Parse(f, nil)
		theirs, theirErr := godotenv.Parse(bytes.NewReader(f.Data))
		if err != nil && theirErr != nil {
			continue
		}
		if err != nil || theirErr != nil {
			met[path.Base(f.Path)] = true
			continue
		}
		for _, key := range got.Keys() {
			if e, _ := got.Lookup(key); theirs[key] != e.Value.Reveal() {
				met[key] = true
			}
		}
	}
	if got, want := slices.Sorted(maps.Keys(met)), slices.Sorted(maps.Keys(why)); !slices.Equal(got, want) {
		t.Errorf("they differ in\n%q\nand the table has\n%q", got, want)
	}
}
