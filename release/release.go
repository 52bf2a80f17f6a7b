// Package release says what a change of a stack means: which images change and
// by how much, what the releases in between say, which gates the change passes
// and what of that touches this stack, how the upgrade goes and how one comes
// back.
//
// What must stay true: nothing here knows the network or the clock; what was
// not to be had is in Dossier.Missing with its reason, never left out
// silently. Values of an env file are in no field: of a tag that comes from one
// there is ${KEY}. A field of type string is plain text, one of type Markdown is
// neutral Markdown: package dossier escapes the one and trusts the other.
//
// To teach it another fact: an entry in release/catalog. To add another part of
// the dossier: a field here, its computation in a file of its own, and its
// section in release/dossier.
package release

import (
	"github.com/belaystack/belay/release/catalog"
)

// Markdown is text that may stand in our own Markdown as it is.
type Markdown string

// Dossier is everything that a reviewer reads of one stack's change.
type Dossier struct {
	ID          string `json:"id,omitempty" jsonschema:"pattern=^[0-9a-f]{16}$"` // the same for a stack from change to change
	Stack       string `json:"stack"`                                            // its name
	Dir         string `json:"dir"`                                              // its folder from the top of the repository
	Environment string `json:"environment"`                                      // dev or prod

	Verdict   Verdict   `json:"verdict"`
	Checklist []Task    `json:"checklist,omitempty"` // before merging
	Changes   []Change  `json:"changes,omitempty"`
	Structure []Part    `json:"structure,omitempty"`
	Findings  []Finding `json:"findings,omitempty"`
	Drift     []Drift   `json:"drift,omitempty"`
	Gates     []Passed  `json:"gates,omitempty"`
	Notes     []Notes   `json:"notes,omitempty"`
	Upgrade   []Step    `json:"upgrade,omitempty"`
	Rollback  Rollback  `json:"rollback,omitzero"`
	Missing   []string  `json:"missing,omitempty"` // what could not be known, and why
}

// Place is where something stands in a file of the repository.
type Place struct {
	File string `json:"file"`
	Line int    `json:"line"`
	Col  int    `json:"col,omitempty"`
}

// Verdict is the whole in one line.
type Verdict struct {
	Level   catalog.Level `json:"level"` // low, medium or high
	Line    string        `json:"line"`
	Reasons []Reason      `json:"reasons,omitempty"` // worst first
}

// Reason is why the verdict is what it is.
type Reason struct {
	Risk     catalog.Risk  `json:"risk"`
	Level    catalog.Level `json:"level"`
	Text     string        `json:"text"`
	Evidence []string      `json:"evidence,omitempty"` // the gate, the change, the place, the source
}

// Task is one line of a checklist.
type Task struct {
	Text   Markdown `json:"text"`
	Places []Place  `json:"places,omitempty"`
}

// Jump is how far a change of an image goes.
type Jump string

// The jumps.
const (
	Downgrade     Jump = "downgrade"
	Patch         Jump = "patch"
	Minor         Jump = "minor"
	Major         Jump = "major"
	PostgresMajor Jump = "PostgreSQL major" // the data folder does not carry over
	PostRelease   Jump = "post-release"     // 1.10.1 to 1.10.1-fix.1
	PreRelease    Jump = "pre-release"      // to one
	Backport      Jump = "backport"         // a patch of a line that newer lines have left behind
	Rebuild       Jump = "rebuild"          // the same version, another variant or build
	DigestOnly    Jump = "digest only"      // the same tag, another digest
	Floating      Jump = "floating moved"   // from or to a tag that names no version
	OtherImage    Jump = "other image"
	Unclear       Jump = "unclear" // the tags do not say
)

// Change is one image from old to new, with the services that run it.
type Change struct {
	Image    string   `json:"image"` // without tag: "langgenius/dify-api"
	Old      string   `json:"old"`   // what may be printed of the tag and digest
	New      string   `json:"new"`
	OldImage string   `json:"old_image,omitempty"` // where the name changed too
	Jump     Jump     `json:"jump"`
	Services []string `json:"services"`
	App      string   `json:"app,omitempty"`      // as a sentence names it: "Dify API"
	Stateful bool     `json:"stateful,omitempty"` // it keeps data
	Disabled bool     `json:"disabled,omitempty"` // no enabled profile starts any of the services
	Places   []Place  `json:"places"`             // where the new one is written
	Note     string   `json:"note,omitempty"`     // "the digest decides at run time"

	old, now side
	shipped  bool // the tag is the one that the release of another image prescribes
}

// Part is a service or a volume that came, went, or changed its name.
type Part struct {
	Kind  string `json:"kind"` // service or volume
	What  string `json:"what"` // added, removed or renamed
	Name  string `json:"name"`
	Was   string `json:"was,omitempty"` // its old name, of a renaming: a guess by its image
	Image string `json:"image,omitempty"`
	Place Place  `json:"place,omitzero"`
}

// Finding is what lint has to say, as it is handed over.
type Finding struct {
	Rule     string `json:"rule"`
	Severity string `json:"severity"` // error, warning or note
	Place    Place  `json:"place"`
	Message  string `json:"message"`
	Hint     string `json:"hint,omitempty"`
	Guards   bool   `json:"guards,omitempty"` // the rule guards data
	Old      bool   `json:"old,omitempty"`    // it was so before the change
}

// Drift is a key whose env file departs from its examples, as it is handed over.
type Drift struct {
	Key    string `json:"key"`
	Kind   string `json:"kind"`
	Text   string `json:"text"`
	Place  Place  `json:"place,omitzero"`
	Needed bool   `json:"needed,omitempty"` // the stack does not start right without it
	Old    bool   `json:"old,omitempty"`    // it was so before the change
	Paste  string `json:"paste,omitempty"`  // a line for the .env, with the example's public default; a secret's is empty
}

// Passed is a gate that the change passes, joined with the stack.
type Passed struct {
	ID      string         `json:"id"`
	Title   string         `json:"title"`
	Text    Markdown       `json:"text"`
	Duty    catalog.Duty   `json:"duty"`
	Level   catalog.Level  `json:"level"`
	Risks   []catalog.Risk `json:"risks,omitempty"`
	Back    catalog.Back   `json:"back"`
	Do      []Action       `json:"do,omitempty"`
	Here    []Task         `json:"here,omitempty"` // what of it touches this stack, at its place
	Image   string         `json:"image"`          // the change that passes it
	Sources []string       `json:"sources,omitempty"`
}

// Action is one thing to do about a gate.
type Action struct {
	When    catalog.When `json:"when"`
	Text    Markdown     `json:"text"`
	Command string       `json:"command,omitempty"`
}

// Notes are the release notes of one changed image.
type Notes struct {
	Image    string    `json:"image"`
	Old      string    `json:"old"`
	New      string    `json:"new"`
	Source   string    `json:"source,omitempty"`   // where they come from: "github.com/langgenius/dify"
	URL      string    `json:"url,omitempty"`      // where a person reads them
	Versions []Version `json:"versions,omitempty"` // newest first
	Missing  []string  `json:"missing,omitempty"`  // releases without notes, and why
}

// Version is what one release says.
type Version struct {
	Name       string    `json:"name"`           // its tag
	Date       string    `json:"date,omitempty"` // 2026-06-25
	URL        string    `json:"url,omitempty"`
	Sections   []Section `json:"sections,omitempty"` // what matters most first
	Advisories []string  `json:"advisories,omitempty"`
	Commands   []string  `json:"commands,omitempty"`
	Migrations bool      `json:"migrations,omitempty"`
	Here       []Task    `json:"here,omitempty"` // what of it touches this stack
}

// Section is a part of a release's notes.
type Section struct {
	Kind   string     `json:"kind"`            // as package markdown names it: danger, breaking, ...
	Title  Markdown   `json:"title,omitempty"` // on one line
	Blocks []Markdown `json:"blocks"`          // each can be left out alone
}

// Step is one step of a plan.
type Step struct {
	Name     string   `json:"name"` // as `belay upgrade` calls it: "backup"
	Text     Markdown `json:"text"`
	Stops    []string `json:"stops,omitempty"`    // services that stand still from here on
	Commands []string `json:"commands,omitempty"` // what a person without belay would run
}

// Rollback is the way back.
type Rollback struct {
	To    []string     `json:"to,omitempty"`    // which versions: "langgenius/dify-api 1.13.3"
	Needs []Task       `json:"needs,omitempty"` // prerequisites
	Data  Markdown     `json:"data,omitempty"`  // whether data may be rolled back, and until when
	Steps []Step       `json:"steps,omitempty"`
	Back  catalog.Back `json:"back,omitempty"` // the worst of all gates
}

// Empty reports whether d has nothing to tell a reviewer.
func (d *Dossier) Empty() bool {
	return len(d.Changes)+len(d.Structure)+len(d.Findings)+len(d.Drift)+len(d.Gates) == 0
}
