package report

import (
	"strconv"
	"time"
)

// Kind is what a run was for.
type Kind string

// The kinds of runs.
const (
	Upgrade  Kind = "upgrade"
	Rollback Kind = "rollback"
	Backup   Kind = "backup"
	Verify   Kind = "verify"
)

// Outcome is how a run ended.
type Outcome string

// The outcomes.
const (
	Done       Outcome = "done"        // what was asked for is there, and verified
	Nothing    Outcome = "nothing"     // there was nothing to change; nothing was stopped
	Refused    Outcome = "refused"     // a check said no; nothing was changed
	Failed     Outcome = "failed"      // it could not run, or, of a verify, a check failed; nothing was changed
	RolledBack Outcome = "rolled-back" // it failed, and everything is as it was before
	Cancelled  Outcome = "cancelled"   // somebody stopped it, and everything is as it was before
	Stuck      Outcome = "stuck"       // it needs a person: Stands and Next say what and how
	Held       Outcome = "held"        // verified, and it waits for a verdict until Until
	Running    Outcome = "running"     // it is not over
)

// Run is everything that a report tells of one run. All times are UTC, all
// sizes bytes, all text plain and of any content: each format escapes it. Values
// of env files must not be in it; nothing here can tell them from other text.
type Run struct {
	ID      string    `json:"id"` // "20261122T031500Z-4f2a"
	Kind    Kind      `json:"kind"`
	Project string    `json:"project"`
	Host    string    `json:"host,omitempty"`
	Belay   string    `json:"belay"`            // version of belay
	Commit  string    `json:"commit,omitempty"` // of the stack's repository, that the run applied
	Plan    string    `json:"plan,omitempty"`   // the hash of the plan that was approved
	Outcome Outcome   `json:"outcome"`
	Reason  string    `json:"reason,omitempty"` // why it ended so: one or a few sentences
	Started time.Time `json:"started,omitzero"`
	Ended   time.Time `json:"ended,omitzero"` // zero while it is running
	Until   time.Time `json:"until,omitzero"` // of one that is held

	Stands   []string  `json:"stands,omitempty"`   // when stuck: what stands where
	Next     []string  `json:"next,omitempty"`     // the exact commands to go on with, in their order
	Refusals []Refusal `json:"refusals,omitempty"` // what checks found
	Accepted []string  `json:"accepted,omitempty"` // flags that skipped or allowed something: "--accept-unhealthy weaviate"
	Notes    []string  `json:"notes,omitempty"`    // whatever else a person should know

	Steps     []Step     `json:"steps,omitempty"` // in the order of the plan
	Downtime  *Downtime  `json:"downtime,omitempty"`
	Services  []Service  `json:"services,omitempty"`
	Files     []File     `json:"files,omitempty"`
	Databases []Database `json:"databases,omitempty"`
	Volumes   []Volume   `json:"volumes,omitempty"`
	Facts     []Fact     `json:"facts,omitempty"` // what applications were asked
	Probes    []Probe    `json:"probes,omitempty"`
	Commands  []Command  `json:"commands,omitempty"`
	Stats     []Stat     `json:"stats,omitempty"`
	Errors    []Log      `json:"errors,omitempty"` // new error lines since the launch
	Logs      []Log      `json:"logs,omitempty"`   // the last lines of services that did not get well
	Backups   []Saved    `json:"backups,omitempty"`
}

// Refusal is what one check found.
type Refusal struct {
	Step   string `json:"step,omitempty"`
	Reason string `json:"reason"` // "not enough space for the backup in /var/lib/belay/dify/backups"
	Found  string `json:"found,omitempty"`
	Needed string `json:"needed,omitempty"`
	Hint   string `json:"hint,omitempty"` // the next move
}

// State is how far a step came.
type State string

// The states of a step.
const (
	StepDone    State = "done"
	StepFailed  State = "failed" // it failed, and was undone if Undo has ended
	StepUndone  State = "undone" // it was done, and undone again
	StepSkipped State = "skipped"
	StepStuck   State = "stuck" // its undo failed
	StepRunning State = "running"
	StepPending State = "pending" // the run did not come to it
)

// Step is one step of a run.
type Step struct {
	Name    string    `json:"name"`
	State   State     `json:"state"`
	Started time.Time `json:"started,omitzero"`
	Ended   time.Time `json:"ended,omitzero"`
	Undo    Span      `json:"undo,omitzero"`    // when it was undone; zero if it was not
	Detail  string    `json:"detail,omitempty"` // "4 databases, 1.2 GB"
	Error   string    `json:"error,omitempty"`
}

// Span is a time from one moment to another; a zero To has not come yet.
type Span struct {
	From time.Time `json:"from,omitzero"`
	To   time.Time `json:"to,omitzero"`
}

// Downtime is when users could not use the stack: from the first stop until it
// was open, or the old stack was well again. A zero To has not come yet.
type Downtime struct {
	From  time.Time `json:"from,omitzero"`
	To    time.Time `json:"to,omitzero"`
	Parts []Part    `json:"parts,omitempty"` // without gaps, from From to To
}

// Part is a part of the downtime.
type Part struct {
	Step string    `json:"step"`           // "" between steps
	Undo bool      `json:"undo,omitempty"` // the step was being undone
	From time.Time `json:"from,omitzero"`
	To   time.Time `json:"to,omitzero"`
}

// Image is what a service ran or runs.
type Image struct {
	Ref    string `json:"ref,omitempty"`    // as the stack has it; "" where a part of it is the value of an env file: the digest stands alone
	Digest string `json:"digest,omitempty"` // "sha256:…" of the registry, else the local id
}

// Service is one service before and after.
type Service struct {
	Name   string `json:"name"`
	Before Image  `json:"before,omitzero"` // zero for a new service
	After  Image  `json:"after,omitzero"`  // what runs at the end of the run; zero for one that is gone
	Wanted Image  `json:"wanted,omitzero"` // what the run was to bring, where it is not After
	Health string `json:"health,omitempty"`
	Detail string `json:"detail,omitempty"`
}

// File is one file of the stack that the run changed.
type File struct {
	Path   string `json:"path"`
	Change string `json:"change"` // "added", "changed", "removed"
}

// Proof says whether data was compared, and with what result.
type Proof string

// The proofs.
const (
	NotCompared Proof = ""
	Counted     Proof = "counted"   // every table has as many rows; contents were not compared
	Same        Proof = "same"      // counts and contents are equal
	Changed     Proof = "changed"   // they differ as the rules allow
	Different   Proof = "different" // they differ as the rules do not allow
)

// Database is one database before and after.
type Database struct {
	Service string   `json:"service"`
	Name    string   `json:"name"`
	Proof   Proof    `json:"proof,omitempty"`
	Size    int64    `json:"size,omitempty"`
	Tables  []Table  `json:"tables,omitempty"`  // all of them; formats show those that differ
	Differs []string `json:"differs,omitempty"` // what differs besides rows: settings, sequences, schema
}

// Table is one table before and after.
type Table struct {
	Name    string `json:"name"`             // "public.messages"
	Before  *int64 `json:"before,omitempty"` // rows; nil: there was no such table, or it was not counted
	After   *int64 `json:"after,omitempty"`
	Changed bool   `json:"changed,omitempty"` // the contents differ
	Rule    string `json:"rule,omitempty"`    // the rule that it breaks: "must not lose rows"
}

// Volume is a volume or a bind mount that the run saved or gave back.
type Volume struct {
	Name    string `json:"name"` // of the volume, or the path on the host
	Service string `json:"service,omitempty"`
	Size    int64  `json:"size,omitempty"`
	Proof   Proof  `json:"proof,omitempty"`
}

// Fact is what an application said of itself before and after.
type Fact struct {
	App     string `json:"app"` // "n8n"
	Service string `json:"service,omitempty"`
	Name    string `json:"name"` // "active workflows"
	Before  string `json:"before,omitempty"`
	After   string `json:"after,omitempty"`
	Failed  string `json:"failed,omitempty"`     // why it may not stay so
	Unasked string `json:"notChecked,omitempty"` // why it was not compared
}

// Probe is one check of an app before and after.
type Probe struct {
	Name    string  `json:"name"`
	Service string  `json:"service,omitempty"`
	Before  *Answer `json:"before,omitempty"` // nil: not asked
	After   *Answer `json:"after,omitempty"`
}

// Answer is what a probe got.
type Answer struct {
	OK        bool     `json:"ok"`
	Latency   Duration `json:"latencySeconds"`
	Text      string   `json:"text,omitempty"`       // "HTTP 200"; what was wrong
	Unchecked string   `json:"notChecked,omitempty"` // why it was not asked, or not compared with before
	News      []string `json:"news,omitempty"`       // what is new in it and does no harm
}

// Command is one of the user's own commands that was run.
type Command struct {
	Name     string   `json:"name"`
	Step     string   `json:"step,omitempty"`  // "baseline-live", "backup", "verify"
	Line     string   `json:"line,omitempty"`  // what was run
	Where    string   `json:"where,omitempty"` // "host", "service api", "image python:3.13"
	Exit     int      `json:"exit"`
	Error    string   `json:"error,omitempty"` // it did not run, or not to its end: "no answer within 5 m"
	Accepted bool     `json:"accepted,omitempty"`
	Took     Duration `json:"seconds"`
	Output   []string `json:"output,omitempty"` // its last lines
}

// Stat is what a service used before and after: docker stats.
type Stat struct {
	Service string `json:"service"`
	Before  *Usage `json:"before,omitempty"` // nil: not measured
	After   *Usage `json:"after,omitempty"`
}

// Usage is what the containers of a service use together.
type Usage struct {
	CPU      float64 `json:"cpu"`                // percent of one core
	Memory   int64   `json:"memory"`             // bytes
	Limit    int64   `json:"limit,omitempty"`    // bytes; 0: none
	Restarts int     `json:"restarts,omitempty"` // since they were created
}

// Log is lines of a service's log, with the values of secrets masked.
type Log struct {
	Service string   `json:"service"`
	Total   int      `json:"total,omitempty"` // how many there were; Lines may be fewer
	Lines   []string `json:"lines,omitempty"`
}

// Saved is a backup that the run made, or gave back.
type Saved struct {
	ID         string   `json:"id"`
	Path       string   `json:"path"`
	Size       int64    `json:"size"`
	Consistent bool     `json:"consistent"` // of one moment: nothing wrote meanwhile
	Encrypted  bool     `json:"encrypted,omitempty"`
	Verified   []string `json:"verified,omitempty"` // how: "checksums re-read from disk", "archives read in full"
	Use        string   `json:"use,omitempty"`      // "made", "restored"; "" is made
}

// Duration is a time.Duration that JSON has as a number of seconds.
type Duration time.Duration

// MarshalJSON writes seconds, to the microsecond.
func (d Duration) MarshalJSON() ([]byte, error) {
	s := time.Duration(d).Round(time.Microsecond).Seconds()
	return strconv.AppendFloat(nil, s, 'f', -1, 64), nil
}

// UnmarshalJSON reads a number of seconds.
func (d *Duration) UnmarshalJSON(b []byte) error {
	s, err := strconv.ParseFloat(string(b), 64)
	if err != nil {
		return err
	}
	*d = Duration(s * float64(time.Second))
	return nil
}
