package lint

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"

	"github.com/belaystack/belay/lint/source"
)

// Baseline is the findings that a repository had when it adopted Belay, so
// that only new ones fail. It names them by fingerprint and holds no value.
type Baseline struct {
	Version  int             `json:"version"`
	Findings []BaselineEntry `json:"findings"`
}

// BaselineEntry is one finding of a Baseline. File and Rule are for people and
// for review; Fingerprint decides.
type BaselineEntry struct {
	Rule        string `json:"rule"`
	File        string `json:"file"`
	Fingerprint string `json:"fingerprint"`
}

// NewBaseline makes the baseline that passes over found, which is sorted.
func NewBaseline(found []Finding) *Baseline {
	b := &Baseline{Version: 1, Findings: []BaselineEntry{}}
	for i, id := range Fingerprints(found) {
		b.Findings = append(b.Findings, BaselineEntry{found[i].Rule, found[i].File, id})
	}
	return b
}

// ReadBaseline reads what Encode wrote. The error is a *source.Error.
func ReadBaseline(f *source.File) (*Baseline, error) {
	b := &Baseline{}
	dec := json.NewDecoder(bytes.NewReader(f.Data))
	dec.DisallowUnknownFields()
	err := dec.Decode(b)
	if err == nil && b.Version != 1 {
		err = fmt.Errorf("version %d, and only 1 is known", b.Version)
	}
	if err == nil {
		if _, extra := dec.Token(); extra != io.EOF {
			err = fmt.Errorf("text behind the end of the baseline")
		}
	}
	if err != nil {
		return nil, &source.Error{Pos: f.At(int(dec.InputOffset()), 0).Pos, Msg: "not a baseline: " + err.Error(),
			Next: "write it anew with `belay lint --write-baseline " + f.Path + "`", Err: err}
	}
	return b, nil
}

// Encode gives the file's bytes.
func (b *Baseline) Encode() ([]byte, error) {
	data, err := json.MarshalIndent(b, "", "  ")
	return append(data, '\n'), err
}

// Filter leaves out the findings of found, which is sorted, that b holds. What
// docker compose refuses is never passed over.
func (b *Baseline) Filter(found []Finding) (kept []Finding, passed int) {
	known := map[string]bool{}
	for _, e := range b.Findings {
		known[e.Fingerprint] = true
	}
	for i, id := range Fingerprints(found) {
		if known[id] && found[i].Rule != Invalid {
			passed++
			continue
		}
		kept = append(kept, found[i])
	}
	return kept, passed
}
