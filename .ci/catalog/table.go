package main

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// table is dify.tsv: its lines as they stand, and those of releases read.
type table struct {
	lines []string // without line ends; the last may be empty
	head  []string // names of the columns
	rows  []row
}

// row is a release. Its cells go by their columns.
type row struct {
	line  int // in lines; 0 for a new one
	cells map[string]string
}

func (r row) version() string { return r.cells["release"] }

func parseTable(data []byte) (*table, error) {
	t := &table{lines: strings.Split(string(data), "\n")}
	if bytes.ContainsRune(data, '\r') {
		return nil, errors.New("has carriage returns")
	}
	for i, line := range t.lines {
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		cells := strings.Split(line, "\t")
		if t.head == nil {
			t.head = cells
			continue
		}
		if len(cells) != len(t.head) {
			return nil, fmt.Errorf("line %d: %d columns, want %d", i+1, len(cells), len(t.head))
		}
		r := row{i, map[string]string{}}
		for j, name := range t.head {
			r.cells[name] = cells[j]
		}
		t.rows = append(t.rows, r)
	}
	for _, name := range []string{"release", "date", "migrations"} {
		if !slices.Contains(t.head, name) {
			return nil, fmt.Errorf("has no column %q", name)
		}
	}
	if len(t.rows) == 0 {
		return nil, errors.New("holds no release")
	}
	return t, nil
}

// companions are the columns that name apps.
func (t *table) companions() []string {
	return slices.DeleteFunc(slices.Clone(t.head), func(name string) bool {
		return slices.Contains([]string{"release", "date", "migrations", "flag"}, name)
	})
}

func (t *table) find(version string) bool {
	return slices.ContainsFunc(t.rows, func(r row) bool { return r.version() == version })
}

// with gives the table with added, each behind the last line that is not of a
// later date. Every other byte stays.
func (t *table) with(added []row) []byte {
	lines := slices.Clone(t.lines)
	date := slices.Index(t.head, "date")
	for _, r := range added {
		var cells []string
		for _, name := range t.head {
			cells = append(cells, r.cells[name])
		}
		at := t.rows[0].line
		for i := at; i < len(lines); i++ {
			if other := strings.Split(lines[i], "\t"); len(other) == len(cells) && other[date] <= cells[date] {
				at = i + 1
			}
		}
		lines = slices.Insert(lines, at, strings.Join(cells, "\t"))
	}
	return []byte(strings.Join(lines, "\n"))
}
