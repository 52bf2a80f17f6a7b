package catalog

import (
	_ "embed" // dify.tsv
	"fmt"
	"strconv"
	"strings"
	"time"
)

//go:embed dify.tsv
var difyTSV string

// Release is one release of Dify.
type Release struct {
	Version    string            // git tag and docker tag: "1.10.1-fix.1"
	Date       string            // of the git tag: "2025-12-09"
	Abandoned  bool              // of a line that was never finished: its number says nothing of its age
	Migrations int               // how many schema migrations it has come to; 0 where that was not counted
	Companions map[string]string // the tag it ships by app ID: "weaviate" has "1.27.0"; of pgvector by "pgvector"
}

// parseReleases reads dify.tsv: comments, a line of column names, and a line
// per release. A column that is not named here names an app.
func parseReleases(text string) ([]Release, error) {
	var head []string
	var out []Release
	n := 0
	for line := range strings.Lines(text) {
		n++
		line = strings.TrimRight(line, "\r\n")
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		cells := strings.Split(line, "\t")
		if head == nil {
			head = cells
			continue
		}
		if len(cells) != len(head) {
			return nil, fmt.Errorf("dify.tsv line %d: %d columns, want %d", n, len(cells), len(head))
		}
		r, err := parseRelease(head, cells)
		if err != nil {
			return nil, fmt.Errorf("dify.tsv line %d: %w", n, err)
		}
		out = append(out, r)
	}
	return out, nil
}

func parseRelease(head, cells []string) (Release, error) {
	r := Release{Companions: map[string]string{}}
	for i, cell := range cells {
		switch {
		case head[i] == "release":
			r.Version = cell
		case head[i] == "date":
			if _, err := time.Parse(time.DateOnly, cell); err != nil {
				return r, err
			}
			r.Date = cell
		case head[i] == "flag" && (cell == "" || cell == "abandoned"):
			r.Abandoned = cell != ""
		case head[i] == "migrations" && cell != "":
			n, err := strconv.Atoi(cell)
			if err != nil || n <= 0 {
				return r, fmt.Errorf("migrations %q: want a number above 0", cell)
			}
			r.Migrations = n
		case head[i] == "flag":
			return r, fmt.Errorf("unknown flag %q", cell)
		case cell == "=":
			r.Companions[head[i]] = r.Version
		case cell != "":
			r.Companions[head[i]] = cell
		}
	}
	if r.Version == "" {
		return r, fmt.Errorf("no release")
	}
	return r, nil
}
