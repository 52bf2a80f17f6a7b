package steps

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/belaystack/belay/upgrade/journal"
)

// Every version of belay that was ever used stayed in the state folder, 35 MB each.
func TestBinariesOfOpenRunsAlone(t *testing.T) {
	state := t.TempDir()
	write := func(run, binary string, ended bool) {
		t.Helper()
		dir := filepath.Join(state, "runs", run)
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		j, err := journal.Create(filepath.Join(dir, "journal"), time.Now)
		if err != nil {
			t.Fatal(err)
		}
		defer j.Close()
		header, err := json.Marshal(Spec{Run: run, Binary: binary})
		if err == nil {
			err = j.Append(journal.Begun, "", header)
		}
		if err != nil {
			t.Fatal(err)
		}
		if ended {
			if err := j.Append(journal.Closed, "", nil); err != nil {
				t.Fatal(err)
			}
		}
	}
	write("ended", "a", true)
	write("open", "b", false)
	if err := os.Mkdir(filepath.Join(state, "runs", "empty"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"a", "b", "mine", "older"} {
		hostFile(t, state, "bin", name)
	}
	h := &Host{Spec: Spec{State: state, Run: "mine", Binary: "mine"}}
	for _, want := range []int{2, 0} {
		if n, err := h.dropBinaries(); n != want || err != nil {
			t.Errorf("%d removed, %v", n, err)
		}
	}
	var left []string
	all, _ := os.ReadDir(filepath.Join(state, "bin"))
	for _, f := range all {
		left = append(left, f.Name())
	}
	if !slices.Equal(left, []string{"b", "mine"}) {
		t.Errorf("left %q", left)
	}
	// Of a journal that cannot be read the binary is not known.
	if err := os.WriteFile(filepath.Join(state, "runs", "open", "journal"), []byte("damaged\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if n, err := h.dropBinaries(); n != 0 || err != nil {
		t.Errorf("beside a damaged journal: %d removed, %v", n, err)
	}
}
