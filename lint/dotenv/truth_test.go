package dotenv

import (
	"bufio"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/belaystack/belay/lint/source"
)

// table reads a TSV file of the reference material, without its first line.
func table(t *testing.T, elem ...string) [][]string {
	t.Helper()
	f, err := os.Open(shared(t, elem...))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var rows [][]string
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		rows = append(rows, strings.Split(lines.Text(), "\t"))
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return rows[1:]
}

// difySet gives the examples of a Dify release as the measurement took them:
// the root file alone, or all of them. nil when the corpus has them not.
func difySet(t *testing.T, version, scope string) *Set {
	t.Helper()
	for _, row := range table(t, "corpus", "INDEX.tsv") {
		words := strings.Fields(row[5])
		if row[1] != "langgenius/dify" || row[3] != "docker/.env.example" || !slices.Contains(words[:min(3, len(words))], version) {
			continue
		}
		fsys := os.DirFS(shared(t, "corpus", strings.TrimSuffix(row[0], "/docker/.env.example")))
		paths := FindExamples(fsys, "docker")
		split := len(paths) > 1
		if scope == "root .env.example" {
			paths = paths[:1]
		} else if !split && slices.Contains([]string{"1.14.1", "1.14.2", "1.15.0", "1.16.0", "1.16.1"}, version) {
			return nil // the corpus has the root file alone
		}
		set, err := ReadSet("docker", paths, reading(fsys))
		if err != nil {
			t.Fatal(err)
		}
		return set
	}
	return nil
}

func TestCompareFindsWhatWasMeasuredOnDify(t *testing.T) {
	want := map[string][]string{} // by pair and scope: "added KEY"
	for _, row := range table(t, "facts", "dify-env-diffs.tsv") {
		pair := strings.Join(row[:3], " ")
		want[pair] = append(want[pair], row[3]+" "+row[4])
	}
	checked, all := 0, 0
	for _, row := range table(t, "facts", "dify-env-diff-summary.tsv") {
		all++
		old, new := difySet(t, row[0], row[2]), difySet(t, row[1], row[2])
		if old == nil || new == nil {
			continue
		}
		checked++
		name := strings.Join(row[:3], " ")
		t.Run(name, func(t *testing.T) {
			got, counts := map[string]bool{}, map[string]int{}
			for _, d := range Compare(old, new, Yours{}) {
				if kind := measuredAs(d.Kind); kind != "" {
					got[kind+" "+d.Key] = true
					counts[kind]++
				}
			}
			figures := fmt.Sprint(len(old.Keys()), len(new.Keys()), counts["added"], counts["removed"], counts["changed"])
			if figures != strings.Join(row[3:], " ") {
				t.Errorf("old keys, new keys, added, removed, changed: %s, want %s", figures, strings.Join(row[3:], " "))
			}
			slices.Sort(want[name])
			if keys := slices.Sorted(maps.Keys(got)); !slices.Equal(keys, want[name]) {
				t.Errorf("found\n%q\nwant\n%q", keys, want[name])
			}
		})
	}
	t.Logf("%d of %d pairs and scopes have their files in the corpus", checked, all)
	if checked < 10 {
		t.Errorf("only %d pairs could be checked", checked)
	}
}

// measuredAs gives the word of the measurement for a kind.
func measuredAs(k Kind) string {
	switch k {
	case Added:
		return "added"
	case Removed, CommentedOut:
		return "removed"
	case DefaultChanged, Pinned, Overridden:
		return "changed"
	}
	return ""
}

// A .env made from the example of the release before keeps that release's
// COMPOSE_PROFILES, and what the next one starts by a profile never starts.
func TestDifyTrap(t *testing.T) {
	old, new := difySet(t, "1.14.0", "root+envs/*"), difySet(t, "1.14.1", "root+envs/*")
	env := parse(t, ".env", string(old.Files[0].Data))
	kinds := map[Kind]int{}
	var pinned []string
	for _, d := range Compare(old, new, Yours{File: env}) {
		kinds[d.Kind]++
		if d.Kind == Pinned {
			pinned = append(pinned, d.Key)
		}
		if d.Kind == DefaultChanged && d.Key == "SECRET_KEY" && (d.Have != HaveSet || !d.Secret) {
			t.Errorf("SECRET_KEY: have %q, secret %t", d.Have, d.Secret)
		}
	}
	if want := []string{"ENABLE_COLLABORATION_MODE", "COMPOSE_PROFILES"}; !slices.Equal(pinned, want) {
		t.Errorf("pinned %q, want %q", pinned, want)
	}
	if kinds[Added] != 16 || kinds[Removed] != 4 || kinds[DefaultChanged] != 1 || kinds[Moved] < 490 {
		t.Errorf("kinds %v", kinds)
	}
	t.Log(kinds)
}

func parse(t testing.TB, path, text string) *File {
	t.Helper()
	f, err := Parse(source.New(path, []byte(text)), nil)
	if err != nil {
		t.Fatal(err)
	}
	return f
}
