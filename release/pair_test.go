package release

import (
	"fmt"
	"strings"
	"testing"

	"github.com/belaystack/belay/release/catalog"
)

// A database was once called not started, and its gate passed over, where only
// the profiles of the host say so, or where the change itself put it behind one.
func TestStartedPerhaps(t *testing.T) {
	const file, off = "-- %s/compose.yaml --\nservices:\n  web:\n    image: acme/web:1\n  db:\n    image: postgres:%s\n%s", "    profiles: [db]\n"
	const perhaps = "started only if COMPOSE_PROFILES says so, which is not known here"
	for _, c := range []struct {
		name, before, after, more string
		counts                    bool
		note                      string
	}{
		{"no profile", "", "", "", true, ""},
		{"a profile, and no env file", off, off, "", true, perhaps},
		{"a profile that the env file does not name", off, off, "-- .env --\nX=1\n", false, ""},
		{"a profile that it names", off, off, "-- .env --\nCOMPOSE_PROFILES=db\n", true, ""},
		{"the change puts one on it", "", off, "-- .env --\nX=1\n", true, ""},
		{"the change takes it off", off, "", "-- .env --\nX=1\n", true, ""},
		{"the env file that may have started it is gone", off, off, "-- head/.env --\nX=1\n", true, perhaps},
	} {
		s := LoadChange(t, fmt.Sprintf(file, "base", "15", c.before)+fmt.Sprintf(file, "head", "17", c.after)+c.more)
		d := s.Plan("prod")
		running := false
		for _, r := range s.Running() {
			running = running || r.Name == "db"
		}
		high := d.Verdict.Level == catalog.High && strings.Contains(reasons(d), "the data folder does not carry over")
		if gated := gateNamed(d, "postgres-major") != ""; gated != c.counts || high != c.counts || running != c.counts || d.Changes[0].Disabled == c.counts ||
			(d.Rollback.Back == catalog.BackRestore) != c.counts || d.Changes[0].Note != c.note {
			t.Errorf("%s: gate %v, high %v, running %v, back %s: %+v", c.name, gated, high, running, d.Rollback.Back, d.Changes[0])
		}
	}
}

// The gates of a hidden tag are told, with the reason why that tells of it.
func TestGatesOfAHiddenTag(t *testing.T) {
	s := LoadChange(t, "-- base/.env --\nPG=15.7.7\n-- head/.env --\nPG=17.7.7\n-- compose.yaml --\nservices: {db: {image: 'postgres:${PG}'}}\n")
	d := s.Plan("prod")
	if want := "the tag is a variable's, whose value is not printed; the gates below may tell its range"; len(d.Gates) == 0 || d.Changes[0].Note != want {
		t.Errorf("%+v", d.Changes[0])
	}
	if r := s.Running(); len(r) != 1 || !r[0].Hidden || !r[0].Changed {
		t.Errorf("%+v", r)
	}
	for _, text := range append(d.Rollback.To, reasons(d), d.Verdict.Line) {
		if strings.Contains(text, "7.7") {
			t.Error(text)
		}
	}
}

// The time for each service must not grow with their number.
func BenchmarkPlan(b *testing.B) {
	for _, n := range []int{500, 2000, 8000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			var archive strings.Builder
			for _, side := range []string{"base", "head"} {
				fmt.Fprintf(&archive, "-- %s/compose.yaml --\nservices:\n", side)
				for i := range n {
					fmt.Fprintf(&archive, "  s%d: {image: 'acme/a%d:1.%d.%d'}\n", i, i%(n/2), len(side), map[string]int{"base": 1, "head": 2}[side])
				}
			}
			s := LoadChange(b, archive.String())
			for b.Loop() {
				s.join = nil
				if d := s.Plan("prod"); len(d.Changes) != n/2 {
					b.Fatal(len(d.Changes))
				}
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/float64(n), "µs/service")
		})
	}
}
