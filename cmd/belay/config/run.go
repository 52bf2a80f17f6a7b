package config

import (
	"encoding/json"

	"github.com/invopop/jsonschema"

	"github.com/belaystack/belay/lint/source"
	application "github.com/belaystack/belay/upgrade/app"
)

// RunKeys is what belay.yml says about upgrades, rollbacks and backups: at the
// top for all stacks, and in a stack for that one. A key of the stack holds
// instead of the same key at the top, a list as a whole. None of them has a
// say in what a check reports.
type RunKeys struct {
	State  string `json:"state,omitempty" jsonschema:"minLength=1,default=/var/lib/belay" jsonschema_description:"The folder in which every compose project has a folder of its name, with its journals, its lock and its backups. An absolute path. Only the belay.yml that is deployed on the host is asked."`
	Backup Backup `json:"backup,omitzero" jsonschema_description:"What is backed up, and how long backups stay."`
	Verify Verify `json:"verify,omitzero" jsonschema_description:"What has to hold for an upgrade to stay."`
	Drain  Drain  `json:"drain,omitzero" jsonschema_description:"How work that is under way is waited for before anything is stopped."`
	N8N    N8N    `json:"n8n,omitzero" jsonschema_description:"How n8n is asked by its public API, where its database cannot be."`
	Launch Launch `json:"launch,omitzero" jsonschema_description:"How long services may take to get well."`
	Hold   Hold   `json:"hold,omitzero" jsonschema_description:"What becomes of an upgrade that is held open (--hold-open) and gets no verdict in time."`

	Record   Record   `json:"record,omitempty" jsonschema:"default=pr" jsonschema_description:"How what a run leaves in the files of the stack gets into the repository: by a pull request, by a commit, or not at all."`
	Approval Approval `json:"approval,omitempty" jsonschema:"default=none" jsonschema_description:"With dispatch an upgrade that no person watches waits until somebody approves its plan, by its hash."`
	Windows  []Window `json:"windows,omitempty" jsonschema:"maxItems=20" jsonschema_description:"When an upgrade may begin. Without it, or with an empty list, at any time."`

	// Named are the services that the keys name.
	Named []Named `json:"-"`
}

// Baseline is what was so before: in a check, the findings to pass over; in a
// run, what the user's own commands say of the old stack. In belay.yml a text
// stands for the findings alone.
type Baseline struct {
	Findings string    `json:"findings,omitempty" jsonschema:"minLength=1" jsonschema_description:"The file with the findings to pass over."`
	Commands []Command `json:"commands,omitempty" jsonschema:"maxItems=100" jsonschema_description:"Your own commands that must succeed on the running stack before anything is touched."`
}

// UnmarshalJSON reads the keys, or a text as the findings.
func (b *Baseline) UnmarshalJSON(data []byte) error {
	if json.Unmarshal(data, &b.Findings) == nil {
		return nil
	}
	type keys Baseline
	return json.Unmarshal(data, (*keys)(b))
}

// JSONSchemaExtend lets a text stand for the keys.
func (Baseline) JSONSchemaExtend(s *jsonschema.Schema) {
	one := uint64(1)
	s.Type, s.MinLength = "", &one
	s.Extras = map[string]any{"type": []string{"string", "object"}}
}

// StackBaseline is the Baseline of a stack, which has no findings of its own.
type StackBaseline struct {
	Commands []Command `json:"commands,omitempty" jsonschema:"maxItems=100" jsonschema_description:"Your own commands that must succeed on the running stack before anything is touched."`
}

// Backup says what a backup holds and how long it stays.
type Backup struct {
	Directory    string             `json:"directory,omitempty" jsonschema:"minLength=1" jsonschema_description:"The folder in which every compose project has a folder of its name with its backups. An absolute path. Without it they are in the state folder. Only the belay.yml that is deployed on the host is asked."`
	Recipients   Texts              `json:"recipients,omitempty" jsonschema_description:"Public keys of age, age1…: backups are encrypted to them."`
	IdentityFile string             `json:"identity-file,omitempty" jsonschema:"minLength=1" jsonschema_description:"The file with the secret keys of age that read the backups, absolute or from the root of the repository. A rollback needs it; keep it out of git."`
	Exclude      Texts              `json:"exclude,omitempty" jsonschema_description:"What is not backed up, as service:/path with the path in the container, or as *:/path for all services. In the path, * stands for part of a name, ** for any folders. A rollback leaves it as it is."`
	Keep         *int               `json:"keep,omitempty" jsonschema:"minimum=1,maximum=10000,default=5" jsonschema_description:"How many backups stay. One that a run or an image needs always stays, and so does the last good one."`
	KeepDays     *int               `json:"keep-days,omitempty" jsonschema:"minimum=0,maximum=36500,default=30" jsonschema_description:"How many days a backup stays, however many there are."`
	Commands     []Command          `json:"commands,omitempty" jsonschema:"maxItems=100" jsonschema_description:"Your own commands that back up what Belay does not: object storage, a copy off the host. They run while the stack stands still; one that fails ends the run."`
	Covered      []application.Kind `json:"covered,omitempty" jsonschema_description:"Kinds of data outside of the stack that the commands back up: object-storage, database, vector-store; files that lie in no volume. A stack that has such data is not upgraded without a word on it."`
	Uncovered    []application.Kind `json:"accept-uncovered,omitempty" jsonschema_description:"Kinds of data that nothing backs up, and no rollback gives back."`
}

// Verify says what has to hold for an upgrade to stay.
type Verify struct {
	Commands     []Command   `json:"commands,omitempty" jsonschema:"maxItems=100" jsonschema_description:"Your own checks of the new stack, such as pytest. One that fails undoes the upgrade."`
	Probes       []Probe     `json:"probes,omitempty" jsonschema:"maxItems=100" jsonschema_description:"Questions to services, asked from within their own network: they are answered before the stack is open to the outside."`
	Retrieval    []Retrieval `json:"retrieval,omitempty" jsonschema:"maxItems=100" jsonschema_description:"Questions to knowledge bases of Dify. After an upgrade as many of the segments must come as when the question was asked twice before it."`
	NotFewerRows Texts       `json:"not-fewer-rows,omitempty" jsonschema_description:"Tables that must not have fewer rows after an upgrade, as database.schema.table. * stands for part of a name."`
	LogErrors    LogErrors   `json:"log-errors,omitzero" jsonschema_description:"What is made of error lines in the logs of the new stack."`
}

// LogErrors says what is made of error lines in logs.
type LogErrors struct {
	Ignore Texts `json:"ignore,omitempty" jsonschema_description:"Regular expressions, as Go has them, of lines that are no errors."`
	Max    *int  `json:"max,omitempty" jsonschema:"minimum=0,maximum=1000000" jsonschema_description:"How many new error lines there may be. Without it they are only reported."`
}

// Drain says how work that is under way is waited for.
type Drain struct {
	Timeout Duration `json:"timeout,omitempty" jsonschema:"default=10m" jsonschema_description:"How long executions and jobs are waited for. When they have not ended by then, nothing is stopped and the run fails."`
}

// N8N says how n8n is asked by its public API.
type N8N struct {
	KeyEnv     string `json:"key-env,omitempty" jsonschema:"pattern=^[A-Za-z_][A-Za-z0-9_]*$" jsonschema_description:"The variable, of the environment that Belay is started with, that holds an API key of n8n. With it, executions and active workflows are asked where SQL cannot be."`
	Service    string `json:"service,omitempty" jsonschema:"pattern=^[a-zA-Z0-9._-]+$" jsonschema_description:"A service of the n8n whose key it is, where the stack has several."`
	Reactivate *bool  `json:"reactivate,omitempty" jsonschema:"default=false" jsonschema_description:"Whether workflows that were active, and are not after an upgrade, are activated again in the version that was. It needs the key. Without it the upgrade fails and is undone."`
}

// Hold says what becomes of a run that is held open and gets no verdict. One that is held
// closed is always rolled back: nothing was written to it.
type Hold struct {
	OnTimeout OnTimeout `json:"on-timeout,omitempty" jsonschema:"default=commit" jsonschema_description:"What happens without a verdict: commit or rollback. A rollback needs accept-data-loss."`
	LoseData  *bool     `json:"accept-data-loss,omitempty" jsonschema:"default=false" jsonschema_description:"Whether a rollback without a verdict may lose what was written since the stack was opened."`
}

// OnTimeout is commit or rollback; "" is not said.
type OnTimeout string

// Launch says how long services may take to get well, and who waits for whom.
type Launch struct {
	Window   Duration                 `json:"window,omitempty" jsonschema:"default=10s" jsonschema_description:"How long a service must stay well before it counts as started."`
	Deadline Duration                 `json:"deadline,omitempty" jsonschema:"default=5m" jsonschema_description:"How long a service may take to get well."`
	Services map[string]LaunchService `json:"services,omitempty" jsonschema_description:"The same by service."`
	Public   Texts                    `json:"public,omitempty" jsonschema_description:"Services with a face to the outside that Belay cannot tell by their published ports or by their image: they stay closed until the upgrade is verified."`
}

// LaunchService is what Launch says of one service.
type LaunchService struct {
	Deadline Duration `json:"deadline,omitempty" jsonschema_description:"How long this service may take to get well."`
}

// Command is one of the user's own: on the host, in the container of a
// service, or in a throw-away container of an image.
type Command struct {
	Name    string   `json:"name" jsonschema:"pattern=^[A-Za-z0-9][A-Za-z0-9_.-]*$" jsonschema_description:"What reports call it. Unique in its list."`
	Run     Argv     `json:"run" jsonschema_description:"The program with its arguments as a list, or a text for sh -c."`
	Service string   `json:"service,omitempty" jsonschema:"pattern=^[a-zA-Z0-9._-]+$" jsonschema_description:"Run it in the container of this service."`
	Image   string   `json:"image,omitempty" jsonschema:"minLength=1" jsonschema_description:"Run it in a throw-away container of this image. Without this and service it runs on the host, in the folder of the stack."`
	Env     []string `json:"env,omitempty" jsonschema:"pattern=^[A-Za-z_][A-Za-z0-9_]*$" jsonschema_description:"With image or service: variables that it gets from the environment that Belay was started with. Names, no values. On the host it has all of them."`
	Mount   string   `json:"mount,omitempty" jsonschema:"minLength=1" jsonschema_description:"With image: a folder that the container sees read-only at /work, where it begins. Absolute, or from the root of the repository."`
	Network Network  `json:"network,omitempty" jsonschema:"default=stack" jsonschema_description:"With image: the network of the container."`
	Timeout Duration `json:"timeout,omitempty" jsonschema:"default=10m" jsonschema_description:"How long it may run."`
}

// Probe is a question to a service.
type Probe struct {
	Name    string `json:"name" jsonschema:"pattern=^[A-Za-z0-9][A-Za-z0-9_.-]*$" jsonschema_description:"What reports call it. Unique in its list."`
	Service string `json:"service" jsonschema:"pattern=^[a-zA-Z0-9._-]+$" jsonschema_description:"The service that is asked, from within its own network: 127.0.0.1 is the service itself."`

	URL      string            `json:"url,omitempty" jsonschema:"minLength=1" jsonschema_description:"An address that must answer, such as http://127.0.0.1:5001/health. A probe has one of url, tcp, run and sql."`
	Method   string            `json:"method,omitempty" jsonschema:"pattern=^[A-Z]+$,default=GET" jsonschema_description:"With url: the method of the request."`
	Headers  map[string]string `json:"headers,omitempty" jsonschema_description:"With url: headers of the request. ${NAME} stands for a variable of the environment that Belay is started with, $${NAME} for that text. Where one is not set the probe is not asked, and the report says so."`
	Body     string            `json:"body,omitempty" jsonschema_description:"With url: the body of the request, with variables as in headers."`
	TCP      string            `json:"tcp,omitempty" jsonschema:"minLength=1" jsonschema_description:"A host and port that must take a connection, such as 127.0.0.1:6379."`
	Run      Argv              `json:"run,omitempty" jsonschema_description:"A program with its arguments as a list, or a text for sh -c, that must exit with 0 in the container of the service."`
	SQL      string            `json:"sql,omitempty" jsonschema:"minLength=1" jsonschema_description:"A SELECT in the PostgreSQL server of the service, in a transaction that cannot write. Its rows are lists of texts, NULL an empty one."`
	Database string            `json:"database,omitempty" jsonschema:"minLength=1" jsonschema_description:"With sql: the database."`

	Status    int            `json:"status,omitempty" jsonschema:"minimum=100,maximum=599" jsonschema_description:"With url: the status to be answered. Without it, any from 200 to 399."`
	Contains  string         `json:"contains,omitempty" jsonschema:"minLength=1" jsonschema_description:"With url or run: a text that the answer must hold."`
	Matches   string         `json:"matches,omitempty" jsonschema:"minLength=1" jsonschema_description:"With url or run: a regular expression, as Go has them, that must match in the answer."`
	JSON      map[string]any `json:"json,omitempty" jsonschema_description:"With url or run: values that must be in the answer, by their JSONPath (RFC 9535), such as $.step: finished."`
	Rows      [][]Cell       `json:"rows,omitempty" jsonschema:"maxItems=1000" jsonschema_description:"With sql: the rows that must come, all of them in their order."`
	Unchanged Texts          `json:"unchanged,omitempty" jsonschema_description:"JSONPaths in the answer, $ for all of it, at which it must be what it was before the upgrade."`
	NotFewer  Texts          `json:"not-fewer,omitempty" jsonschema_description:"JSONPaths in the answer of numbers that must not be smaller, and of lists that must not be shorter, than before the upgrade."`
	Shape     bool           `json:"shape,omitempty" jsonschema_description:"With url or run: no key of the answer, which is JSON, may be gone or have a value of another type than before the upgrade. New ones are reported."`

	Timeout Duration `json:"timeout,omitempty" jsonschema:"default=5s" jsonschema_description:"How long the answer may take."`
	Retries *int     `json:"retries,omitempty" jsonschema:"minimum=0,maximum=1000" jsonschema_description:"How often it is asked again, a second later, when the answer is wrong. Without it: for a minute after the launch, and not at all before the upgrade."`
}

// Cell is a value of a row as text: in belay.yml a text, a whole number, or null for the
// empty one. YAML would make 2.5 of 2.50.
type Cell string

// UnmarshalJSON reads them.
func (c *Cell) UnmarshalJSON(b []byte) error {
	var text *string
	if json.Unmarshal(b, &text) == nil {
		if *c = ""; text != nil {
			*c = Cell(*text)
		}
		return nil
	}
	var n json.Number
	if err := json.Unmarshal(b, &n); err != nil {
		return err
	}
	*c = Cell(n)
	return nil
}

// JSONSchemaExtend names the types.
func (Cell) JSONSchemaExtend(s *jsonschema.Schema) {
	s.Type, s.Extras = "", map[string]any{"type": []string{"string", "integer", "null"}}
}

// Retrieval is a question to a knowledge base of Dify.
type Retrieval struct {
	Name    string `json:"name" jsonschema:"pattern=^[A-Za-z0-9][A-Za-z0-9_.-]*$" jsonschema_description:"What reports call it. Unique in its list."`
	Dataset string `json:"dataset" jsonschema:"pattern=^[0-9a-fA-F-]{36}$" jsonschema_description:"The id of the knowledge base, as it stands in its address in the console."`
	Query   string `json:"query" jsonschema:"minLength=1,maxLength=250" jsonschema_description:"The question."`
	KeyEnv  string `json:"key-env" jsonschema:"pattern=^[A-Za-z_][A-Za-z0-9_]*$" jsonschema_description:"The variable, of the environment that Belay is started with, that holds an API key of the knowledge base. Without it the question is not asked, and the report says so."`
}

// Network is what a throw-away container is connected to: stack, host or none.
type Network string

// Duration is a time.Duration as people write it: 10s, 5m, 1h30m. "" is not said.
type Duration string

const durationPattern = `^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$`

// Argv is a program with its arguments. In belay.yml a text stands for
// sh -c and that text.
type Argv []string

// UnmarshalJSON reads a list, or one text for the shell.
func (a *Argv) UnmarshalJSON(b []byte) error {
	var text string
	if json.Unmarshal(b, &text) == nil {
		*a = Argv{"sh", "-c", text}
		return nil
	}
	return json.Unmarshal(b, (*[]string)(a))
}

// Named is a service that a key about runs names. Whether the stack has it
// only shows where the stack is read: see Check.
type Named struct {
	Service string
	Where   string // the key as a person writes it: stacks[0].verify.probes[1].service
	Pos     source.Pos

	key string // the key that a stack may replace: verify.probes
}
