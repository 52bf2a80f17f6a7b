package steps

import (
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/belaystack/belay/upgrade"
	"github.com/belaystack/belay/upgrade/app"
	"github.com/belaystack/belay/upgrade/docker"
)

// Kind is what a run is for.
type Kind string

// The kinds of runs.
const (
	Upgrade  Kind = "upgrade"
	Rollback Kind = "rollback"
	Backup   Kind = "backup"
)

// Spec is everything that a later process needs to build the steps of a run
// again. It is the header of the run's journal; nothing in it is secret.
type Spec struct {
	Run     string         `json:"run"`
	Kind    Kind           `json:"kind"`
	Version string         `json:"version"` // of belay
	Binary  string         `json:"binary"`  // sha256 of the program, which is kept in the state folder's bin
	Project docker.Project `json:"project"` // the deployed one
	State   string         `json:"state"`   // the project's state folder
	Backups string         `json:"backups"` // the folder of its backups
	Backup  string         `json:"backup"`  // the id of the backup that this run makes

	Changes []Change `json:"changes"` // by service
	// Moves are the PostgreSQL servers that get another major version, and with it another
	// data folder.
	Moves []Move `json:"moves,omitempty"`

	Servers []string `json:"servers"` // services with a PostgreSQL server in them, found by probing
	Files   []File   `json:"files"`   // those that differ between old and new
	Sources []string `json:"sources"` // every file that the stack is made of: compose, env and config files; absolute
	Commit  string   `json:"commit,omitempty"`
	Restore string   `json:"restore,omitempty"` // the backup whose data a rollback gives back

	// Images are the ids of local images that references of Changes have to mean
	// after the run, whatever their tags mean now. Those are not pulled.
	Images map[string]string `json:"images,omitempty"`

	// Digests say where to pull those of Images again that are not here any more.
	Digests map[string][]string `json:"digests,omitempty"`

	// Plan is the hash of the plan that was approved, and Approved what each reference
	// that is pulled has to mean by it: "sha256:…" of its manifest.
	Plan     string            `json:"plan,omitempty"`
	Approved map[string]string `json:"approved,omitempty"`

	Config  Config  `json:"config"`
	Options Options `json:"options"`
}

// Pulls reports whether ref has to be asked for, which is here or not. Where the files
// name new images, only those; where they do not, all of them, for what has moved. Never
// one that is built or was imported here under a name that no registry has.
func (s *Spec) Pulls(ref string, here bool) bool {
	moved := !slices.ContainsFunc(s.Changes, func(c Change) bool { return c.Old != c.New })
	for _, c := range s.Changes {
		if c.New != ref {
			continue
		}
		if c.Local {
			return false
		}
		moved = moved || c.Old != c.New
	}
	return !here || moved && s.Kind == Upgrade
}

// approved refuses an image that ref means after the pull and did not when the plan was
// approved: a tag can move in between.
func (s *Spec) approved(ref string, img docker.Image) error {
	want := s.Approved[ref]
	var found []string // without the name, which may be a value of an env file
	for _, d := range img.Digests {
		_, digest, _ := strings.Cut(d, "@")
		found = append(found, digest)
	}
	if want == "" || slices.Contains(found, want) {
		return nil
	}
	name := "an image"
	if !slices.ContainsFunc(s.Changes, func(c Change) bool { return c.New == ref && c.Hidden }) {
		name = ref
	}
	return &upgrade.Refusal{Reason: name + " moved since the plan was made", Found: strings.Join(found, ", "), Needed: want,
		Next: "plan again, and approve that"}
}

// Change is one service of the stack, whether its image changes or not.
type Change struct {
	Service string `json:"service"`
	Old     string `json:"old,omitempty"`     // reference of the image; "" for a new service
	OldID   string `json:"oldID,omitempty"`   // id of the image that runs
	New     string `json:"new,omitempty"`     // "" for a service that is gone
	Local   bool   `json:"local,omitempty"`   // New is built or imported here: no registry is asked for it
	Written string `json:"written,omitempty"` // New as the compose file writes it: "redis:${TAG}"
	Hidden  bool   `json:"hidden,omitempty"`  // a part of Old or New is a value of an env file: neither is printed
}

// File is one file of the stack that an upgrade changes. The bytes lie in the
// run's folder, below files/old and files/new, named by their sha256; a hash
// of "" stands for a file that is not there.
type File struct {
	Path string `json:"path"` // absolute
	Old  string `json:"old,omitempty"`
	New  string `json:"new,omitempty"`

	// Now is what is on disk before the run, where that is neither: a person wrote the new
	// image into it, and Belay the new volume of it.
	Now string `json:"now,omitempty"`

	// What a file has that was not there before; 0644 and the owner of the run
	// where they are not said. One that was there keeps its own.
	Mode fs.FileMode `json:"mode,omitempty"`
}

// Config is what the deployed belay.yml says about runs.
type Config struct {
	File string `json:"file,omitempty"` // the belay.yml itself; "" for none

	Baseline  []Command       `json:"baseline,omitempty"`
	Verify    []Command       `json:"verify,omitempty"`
	BackUp    []Command       `json:"backup,omitempty"` // the user's own backups
	Probes    []Probe         `json:"probes,omitempty"`
	Retrieval []app.Retrieval `json:"retrieval,omitempty"`
	N8N       app.N8NAPI      `json:"n8n,omitzero"`

	Covered    []app.Kind `json:"covered,omitempty"`    // kinds of data that BackUp has
	Uncovered  []app.Kind `json:"uncovered,omitempty"`  // kinds of data that nothing has
	Exclude    []string   `json:"exclude,omitempty"`    // "service:/path/below" of what is not backed up
	Recipients []string   `json:"recipients,omitempty"` // of age, for encrypted backups
	Identity   string     `json:"identity,omitempty"`   // path of a file with age identities

	NotFewer   []string            `json:"notFewer,omitempty"`   // tables that must not lose rows: "database.schema.table", with globs
	IgnoreLogs []string            `json:"ignoreLogs,omitempty"` // regular expressions of log lines that are no errors
	MaxErrors  *int                `json:"maxErrors,omitempty"`  // new error lines since the launch; nil: they are only reported
	Public     []string            `json:"public,omitempty"`     // services with a face to the outside besides those that publish ports
	Drain      Duration            `json:"drain"`                // how long work that is under way is waited for
	Window     Duration            `json:"window"`               // how long a service must stay well
	Deadline   Duration            `json:"deadline"`             // for a service to get well
	Deadlines  map[string]Duration `json:"deadlines,omitempty"`  // by service

	OnTimeout     Call `json:"onTimeout,omitempty"`     // of a run that is held open, without a verdict; "" for Keep
	LoseOnTimeout bool `json:"loseOnTimeout,omitempty"` // and what was written since the opening may be lost then

	Keep    int      `json:"keep"`    // backups
	KeepFor Duration `json:"keepFor"` // age up to which a backup stays whatever Keep says
}

// Options are the flags of one run. Each that leaves something out stands in
// the report.
type Options struct {
	AcceptUnhealthy []string   `json:"acceptUnhealthy,omitempty"`
	AcceptFailing   []string   `json:"acceptFailing,omitempty"` // names of baseline commands
	AcceptDataLoss  bool       `json:"acceptDataLoss,omitempty"`
	KeepData        bool       `json:"keepData,omitempty"`
	NoClone         bool       `json:"noClone,omitempty"`
	NoDrain         bool       `json:"noDrain,omitempty"`
	DrainTimeout    Duration   `json:"drainTimeout,omitempty"` // instead of the Config's
	Reactivate      bool       `json:"reactivate,omitempty"`   // as N8N of the Config has it
	Online          bool       `json:"online,omitempty"`       // a backup of a stack that goes on
	VerifyRestore   bool       `json:"verifyRestore,omitempty"`
	ReadOnly        bool       `json:"readOnly,omitempty"`        // a restore gives back what services only read, too
	AcceptUncovered []app.Kind `json:"acceptUncovered,omitempty"` // kinds of data that no backup here has
	Now             bool       `json:"now,omitempty"`             // it began outside of the windows of belay.yml
	Hold            Duration   `json:"hold,omitempty"`            // how long a verified stack waits for a verdict; 0: not at all
	HoldOpen        bool       `json:"holdOpen,omitempty"`        // and it waits open to the outside
}

// givesBack says that the run puts older data in the place of those that are there: fewer
// rows, another set of workflows are what is wanted.
func (s *Spec) givesBack() bool { return s.Kind == Rollback && !s.Options.KeepData }

// reactivates says that workflows which the run leaves inactive are activated again.
func (s *Spec) reactivates() bool {
	return s.Kind == Upgrade && (s.Options.Reactivate || s.Config.N8N.Reactivate)
}

// Command is one of the user's own: it runs on the host, or in the container
// of Service, or in a new container of Image.
type Command struct {
	Name    string   `json:"name"`
	Run     []string `json:"run"`
	Service string   `json:"service,omitempty"`
	Image   string   `json:"image,omitempty"`
	Env     []string `json:"env,omitempty"`     // names of variables that it gets from Belay's environment; on the host it has all
	Mount   string   `json:"mount,omitempty"`   // a folder of the host, read-only at /work, the working folder
	Network string   `json:"network,omitempty"` // of the new container: stack (default), host or none
	Timeout Duration `json:"timeout"`
}

// Probe is a question of the user's to a service: one of URL, TCP, Run and SQL. URL and TCP
// are asked from within its own network namespace, so that they work while the stack is
// closed to the outside.
type Probe struct {
	Name    string `json:"name"`
	Service string `json:"service"`

	URL      string            `json:"url,omitempty"` // "http://127.0.0.1:5001/health"
	Method   string            `json:"method,omitempty"`
	Headers  map[string]string `json:"headers,omitempty"` // ${NAME} in a value and in Body is of Belay's environment
	Body     string            `json:"body,omitempty"`
	TCP      string            `json:"tcp,omitempty"` // "127.0.0.1:6379"
	Run      []string          `json:"run,omitempty"` // in a container of the service
	SQL      string            `json:"sql,omitempty"`
	Database string            `json:"database,omitempty"` // of SQL

	app.Expect

	Timeout Duration `json:"timeout"`
	Retries *int     `json:"retries,omitempty"` // after a wrong answer; nil: for a minute after the launch, not at all before
}

// Duration is a time.Duration that JSON has as a text: "1m30s".
type Duration time.Duration

// MarshalText writes the duration as time.Duration does.
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// UnmarshalText reads what time.ParseDuration reads.
func (d *Duration) UnmarshalText(b []byte) error {
	v, err := time.ParseDuration(string(b))
	*d = Duration(v)
	return err
}

// Move is a PostgreSQL server whose data goes to a new volume or folder of another major
// version. Neither side is written by the other's server.
type Move struct {
	Service string    `json:"service"`
	From    int       `json:"from"` // major version by the tags; the data are asked before anything is done
	To      int       `json:"to"`
	Old     DataPlace `json:"old"`
	New     DataPlace `json:"new"`
}

// DataPlace is a volume or a folder of the host that a server keeps its data in.
type DataPlace struct {
	Volume string `json:"volume,omitempty"` // its name in the engine
	Folder string `json:"folder,omitempty"` // of the host, absolute; for a bind mount
	Target string `json:"target"`           // where the container has it
}

// Name is how people call the place.
func (d DataPlace) Name() string {
	if d.Volume != "" {
		return "volume " + d.Volume
	}
	return d.Folder
}

// moves says that a server's data go to another place in this run, so that those of before
// stay what they are.
func (s *Spec) moves(service string) bool {
	return slices.ContainsFunc(s.Moves, func(m Move) bool { return m.Service == service })
}
