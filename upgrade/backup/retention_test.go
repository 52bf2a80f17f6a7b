package backup

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestPrune(t *testing.T) {
	for name, c := range map[string]struct {
		policy Policy
		needed []string
		gone   string
	}{
		"all stay":          {Policy{}, nil, "dead deleting"},
		"three":             {Policy{Keep: 3}, nil, "b1 dead deleting"},
		"two and a needed":  {Policy{Keep: 2}, []string{"b1"}, "b2 dead deleting"},
		"age":               {Policy{MaxAge: 36 * time.Hour}, nil, "b2 b1 dead deleting"},
		"the last one":      {Policy{MaxAge: time.Second}, nil, "b3 b2 b1 dead deleting"},
		"an open run":       {Policy{}, []string{"dead"}, "deleting"},
		"number and age":    {Policy{Keep: 3, MaxAge: time.Hour}, nil, "b1 dead deleting"},
		"needed ones count": {Policy{Keep: 1}, []string{"b4", "b3"}, "b2 b1 dead deleting"},
	} {
		t.Run(name, func(t *testing.T) {
			s := &Store{Dir: filepath.Join(t.TempDir(), "b")}
			for i := range 4 {
				w, err := s.Create(fmt.Sprintf("b%d", i+1))
				check(t, err)
				_, err = w.Commit(Manifest{Created: created.Add(time.Duration(i-4) * 24 * time.Hour), Detail: &Detail{}})
				check(t, err)
			}
			for _, id := range []string{"dead", "deleting", "broken", "not an id"} {
				check(t, os.Mkdir(filepath.Join(s.Dir, id), 0o700))
			}
			check(t, os.WriteFile(s.Dir+"/deleting/"+deletedName, nil, 0o600))
			check(t, os.WriteFile(s.Dir+"/dead/db-001.dump.zst", nil, 0o600))
			check(t, os.WriteFile(s.Dir+"/broken/"+manifestName, []byte("{}"), 0o600))
			gone, err := s.Prune(context.Background(), c.policy, created.Add(-12*time.Hour), c.needed...)
			check(t, err)
			if got := strings.Join(gone, " "); got != c.gone {
				t.Errorf("gone: %s; want %s", got, c.gone)
			}
			for _, id := range append(c.needed, "b4", "broken", "not an id") {
				if _, err := os.Stat(filepath.Join(s.Dir, id)); err != nil {
					t.Errorf("%s: %v", id, err)
				}
			}
		})
	}
}

// A deletion that was stopped anywhere leaves what is known for one.
func TestRemoveStopped(t *testing.T) {
	s := &Store{Dir: filepath.Join(t.TempDir(), "b")}
	makeBackup(t, s, "b1", 1000)
	dir := filepath.Join(s.Dir, "b1")
	check(t, os.Rename(dir+"/"+manifestName, dir+"/"+deletedName))
	list, err := s.List(context.Background())
	check(t, err)
	if len(list) != 1 || list[0].State != Deleting {
		t.Errorf("list = %+v", list)
	}
	check(t, s.Remove("b1"))
	check(t, s.Remove("b1"))
	if left, _ := os.ReadDir(s.Dir); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
}
