package steps

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// Call is what a verdict says.
type Call string

// The verdicts on a run.
const (
	Keep     Call = "commit"
	TakeBack Call = "rollback"
)

// Decision is the verdict on a run that is held, or under way: the file "verdict" in its
// folder. The first one holds, for good.
type Decision struct {
	Verdict  Call      `json:"verdict"`
	By       string    `json:"by"` // in words: "belay commit, process 17 on host"
	At       time.Time `json:"at"`
	LoseData bool      `json:"acceptDataLoss,omitempty"` // what was written since the opening may be lost
}

func (d Decision) String() string {
	return fmt.Sprintf("%s by %s at %s", d.Verdict, d.By, d.At.UTC().Format(time.RFC3339))
}

// decisionFile is its name in the run's folder.
const decisionFile = "verdict"

// Decide gives a verdict on the run whose folder it is, unless there is one. It gives the
// one that holds. Whoever reads it sees all of it or nothing.
func Decide(folder string, d Decision) (Decision, error) {
	data, err := json.Marshal(d)
	if err != nil {
		return Decision{}, fmt.Errorf("write verdict: %w", err)
	}
	f, err := os.CreateTemp(folder, ".verdict-")
	if err != nil {
		return Decision{}, fmt.Errorf("write verdict: %w", err)
	}
	defer os.Remove(f.Name()) // the file has its other name by then, or none
	_, err = f.Write(append(data, '\n'))
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		// A link, since a rename would take the place of a verdict that is there.
		err = os.Link(f.Name(), filepath.Join(folder, decisionFile))
	}
	if errors.Is(err, fs.ErrExist) {
		d, _, err = Decided(folder)
		return d, err
	}
	if err == nil {
		err = syncDir(folder)
	}
	if err != nil {
		return Decision{}, fmt.Errorf("write verdict: %w", err)
	}
	return d, nil
}

// Decided gives the verdict on the run whose folder it is; false when there is none.
func Decided(folder string) (Decision, bool, error) {
	var d Decision
	data, err := os.ReadFile(filepath.Join(folder, decisionFile))
	if errors.Is(err, fs.ErrNotExist) {
		return d, false, nil
	}
	if err == nil {
		err = json.Unmarshal(data, &d)
	}
	if err == nil && d.Verdict != Keep && d.Verdict != TakeBack {
		err = fmt.Errorf("it says %q", d.Verdict)
	}
	if err != nil {
		return Decision{}, false, fmt.Errorf("read verdict of run %s: %w", filepath.Base(folder), err)
	}
	return d, true, nil
}

// losesData reports whether a person agreed that a rollback loses what was written since
// the opening: when the run began, or with the verdict.
func (h *Host) losesData() bool {
	if h.Spec.Options.AcceptDataLoss {
		return true
	}
	d, ok, err := Decided(h.folder())
	return err == nil && ok && d.Verdict == TakeBack && d.LoseData
}
