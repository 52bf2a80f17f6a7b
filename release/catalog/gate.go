package catalog

import "errors"

// Gate is a range of versions with an obligation: what a person has to know or
// do before a stack passes it, and whether its data can come back afterwards.
//
// A gate with At is passed by a change from an older version to At or a newer
// one. A gate with Since or Before holds for every change that ends at a
// version of that range; Since is in it, Before is not. Majors, Minors, Skips,
// Every and Migrations each say in At's place what passes the gate. With one of
// these six a range narrows it to the changes that end in it.
type Gate struct {
	ID     string // stable, kebab-case, with app and release: "dify-1.10.1-db-service"
	App    string // the ID of an app, or Dify for the images that carry its release
	At     string // the first version behind the gate, as its release is called
	Since  string
	Before string
	Majors bool // passed by every change of the major version
	Minors bool // passed by every upgrade to another minor or major version
	Skips  bool // passed by every upgrade that leaves out a minor version
	Every  bool // passed by every upgrade

	// Migrations is passed by every upgrade of Dify, save those between which
	// there is known to be no schema migration.
	Migrations bool

	Images []string // patterns for image.Ref.Match: it concerns these images of the app alone; none is all

	Title   string   // one line, no full stop, plain text
	Text    string   // a paragraph of Markdown: what happens and why
	Duty    Duty     // what kind of obligation it is
	Do      []Action // what to do about it, in order
	Risks   []Risk   // the categories that it falls into
	Level   Level    // how bad it is to pass it unprepared
	Back    Back     // whether data comes back after it
	Touches []Touch  // what in a stack it is about
	OnlyIf  bool     // it matters only where one of Touches holds
	Sources []string // where each claim stands
}

// Duty is the kind of a gate's obligation.
type Duty string

// The kinds.
const (
	Stop     Duty = "stop"     // the change must end before it, or go through versions in between
	Forbid   Duty = "forbid"   // this combination must not be started
	OneWay   Duty = "one-way"  // what lies before cannot be reached again with the data of afterwards
	Command  Duty = "command"  // a command has to be run by hand
	Services Duty = "services" // the set of services changes: new tags alone are wrong
	Settings Duty = "settings" // variables are new, gone, renamed or mean something else
	Watch    Duty = "watch"    // to be looked at; nothing has to be done beforehand
)

// Action is one thing to do about a gate.
type Action struct {
	When    When
	Text    string // Markdown, one sentence without a full stop
	Command string // what to run, if it is a command; in the folder of the stack
}

// When is the moment of an action.
type When string

// The moments.
const (
	BeforeMerge When = "before-merge" // a change of files
	BeforeStart When = "before-start" // with the old version stopped, and the new one not started
	AfterStart  When = "after-start"  // with the new version running
)

// Risk is one of the three categories that a change is classified by.
type Risk string

// The categories.
const (
	DataRisk       Risk = "data migration"
	APIRisk        Risk = "API compatibility"
	DependencyRisk Risk = "plugin, provider or dependency"
)

// Level is how bad something is.
type Level uint8

// The levels.
const (
	Low Level = iota
	Medium
	High
)

// String gives low, medium or high.
func (l Level) String() string { return [...]string{"low", "medium", "high"}[l] }

// Back says how one comes back from behind a gate.
type Back string

// The ways back.
const (
	BackImages  Back = "images" // the old images run on what the new ones leave
	BackRestore Back = "backup" // the old images need the data of the backup taken before
	BackNever   Back = "never"  // not even then without loss beyond it: Text says why
)

// Touch is a property of a stack that makes a gate concern it. The zero value
// of a field asks nothing. Text says what it means where it holds, as Markdown
// without a full stop; it is a clause behind what holds: "this stack has the
// service `db`, " and then "which the release calls `db_postgres`".
type Touch struct {
	Service   string // a service of this name is in the stack
	NoService string // no service of this name is
	Key       string // about an env key, in .env or in a service's environment
	Is        Setting
	Value     string // for Lacks and Has: an item of a comma list; for Equals: the text, which must be a public default
	Postgres  int    // a PostgreSQL of at least this major version is in the stack, after the change
	App       string // an app with this ID is in the stack
	NoApp     string // none is
	Text      string
}

// Setting is what a Touch asks of a key.
type Setting string

// The questions.
const (
	Set    Setting = "set"
	Unset  Setting = "unset"  // neither .env nor the service sets it
	Empty  Setting = "empty"  // set to nothing, or not set
	Lacks  Setting = "lacks"  // set, and Value is not among its items
	Has    Setting = "has"    // set, and Value is among its items
	Equals Setting = "equals" // set to Value
)

// MarshalText gives low, medium or high.
func (l Level) MarshalText() ([]byte, error) { return []byte(l.String()), nil }

// UnmarshalText reads what MarshalText writes.
func (l *Level) UnmarshalText(b []byte) error {
	for level := Low; level <= High; level++ {
		if string(b) == level.String() {
			*l = level
			return nil
		}
	}
	return errors.New("level: want low, medium or high")
}
