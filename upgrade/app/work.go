package app

import (
	"fmt"
	"strings"
	"time"
)

// Work is what an application is at: it would be cut off by a stop.
type Work struct {
	App     string `json:"app"`
	Service string `json:"service,omitempty"` // one of it, where there are several
	Name    string `json:"name"`              // "executions"
	Jobs    []Job  `json:"jobs,omitempty"`
	Dead    []Job  `json:"dead,omitempty"` // said to run, and too old to
	Unasked string `json:"unasked,omitempty"`
}

// Job is one piece of work.
type Job struct {
	ID    string    `json:"id,omitempty"`
	What  string    `json:"what"`
	State string    `json:"state,omitempty"`
	Since time.Time `json:"since,omitzero"`
	Count int64     `json:"count,omitempty"` // of several that are told as one; 0 is one
}

// Busy is how many jobs there are.
func (w Work) Busy() int64 {
	var n int64
	for _, j := range w.Jobs {
		n += max(j.Count, 1)
	}
	return n
}

// String is for people: "2 executions: Daily report (a1), since 10:31:02 UTC; …".
func (w Work) String() string {
	var list []string
	for i, j := range w.Jobs {
		if i == 5 {
			list = append(list, "…")
			break
		}
		text := j.What
		if !j.Since.IsZero() {
			text += ", since " + j.Since.Format("15:04:05 MST")
		}
		list = append(list, text)
	}
	of := w.App
	if w.Service != "" {
		of += " in " + w.Service
	}
	return fmt.Sprintf("%d %s of %s: %s", w.Busy(), w.Name, of, strings.Join(list, "; "))
}
