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
	Dead    []Job  `json:"dead,omitempty"` // said to run, and nobody is at it
	Kept    []Job  `json:"kept,omitempty"` // nobody takes it up before the upgrade: it lies where it is backed up, and goes on afterwards
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

// String is for people: "2 executions of n8n: Daily report (a1), since 10:31:02 UTC; …".
func (w Work) String() string {
	return fmt.Sprintf("%d %s: %s", w.Busy(), w.Of(), few(w.Jobs))
}

// Of is the name for people: "executions of n8n".
func (w Work) Of() string {
	of := w.Name + " of " + w.App
	if w.Service != "" {
		of += " in " + w.Service
	}
	return of
}

// Left says what is not waited for, and why.
func (w Work) Left() []string {
	var out []string
	if w.Unasked != "" {
		out = append(out, w.Of()+": not checked: "+w.Unasked)
	}
	if len(w.Dead) > 0 {
		out = append(out, w.Of()+": said to be under way, and nobody is at it: "+few(w.Dead))
	}
	if len(w.Kept) > 0 {
		out = append(out, w.Of()+": they go on after the upgrade: "+few(w.Kept))
	}
	return out
}

// few are the first of them.
func few(jobs []Job) string {
	var list []string
	for i, j := range jobs {
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
	return strings.Join(list, "; ")
}
