package report

import (
	"encoding/json"
	"fmt"
)

// FormatVersion is the version of the JSON. It grows when what a reader may
// rely on changes; a field that is added does not make it grow.
const FormatVersion = 1

// SchemaURL is where the schema of the JSON is published.
const SchemaURL = "https://raw.githubusercontent.com/belaystack/belay/main/docs/schema/run.schema.json"

// document is the JSON of a run.
type document struct {
	Version int `json:"version"`
	Run
}

// JSON gives r by docs/schema/run.schema.json, with a line feed at its end. An
// error is a number that JSON does not have, or a year of five digits.
func JSON(r *Run) ([]byte, error) {
	b, err := json.MarshalIndent(document{FormatVersion, *r}, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("report of run %s: %w", r.ID, err)
	}
	return append(b, '\n'), nil
}
