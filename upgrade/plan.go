// Package upgrade carries an upgrade out, so that it ends verified or exactly
// where it began.
//
// So far it holds the pure part of its plan: which steps, in which order, and
// what stands still. The review of a change prints it before anyone merges.
//
// What must stay true: nothing is written before it is backed up, and nothing is
// backed up while something writes; nothing in the plan's pure part reads a host.
package upgrade

import (
	"fmt"
	"slices"
	"strings"

	"github.com/belaystack/belay/lint/image"
	"github.com/belaystack/belay/release/catalog"
)

// Service is what the plan has to know of a service.
type Service struct {
	Name    string      // "" for one that is gone afterwards
	Was     string      // its name before; "" for a new one
	App     catalog.App // zero for one the catalog does not know
	OldApp  catalog.App // likewise, of Old
	Old     image.Ref   // zero for a new service
	New     image.Ref
	Hidden  bool // a part of Old or New is a value of an env file: neither is printed
	Changed bool // its image changes, or it is new
}

// Command is one that an obligation asks for.
type Command struct {
	When catalog.When
	Text string
}

// Wanted is what an upgrade is to reach.
type Wanted struct {
	Services []Service // those that are started before or afterwards, in file order
	Commands []Command
}

// Step is one step of a plan.
type Step struct {
	Name     string   // "backup"
	Does     string   // Markdown, one or two sentences
	Stops    []string // services that stand still from here until launch
	Commands []string // what does it by hand, in the folder of the stack
}

// Plan gives the steps of the upgrade to what is wanted.
func Plan(w Wanted) []Step {
	p := planner{w}
	return slices.DeleteFunc([]Step{
		p.preflight(), p.pull(), p.baseline(), p.drain(), p.halt(), p.backup(), p.applyFiles(), p.migrate(), p.launch(), p.verify(), p.record(),
	}, func(s Step) bool { return s.Name == "" })
}

// Refused is the only step where an image is older than what runs.
func Refused(name string) Step {
	return Step{Name: "preflight", Does: "The upgrade is refused: `" + strings.ReplaceAll(name, "`", "") + "` is older than what runs, and its data may be newer than it can read. " +
		"The way down is a rollback to a backup of before, which restores the data too. Nothing is changed."}
}

// Rollback gives the steps of the way back after an upgrade to what is wanted.
// What the old files do not name is removed before they are back: a database
// under another name would run on beside the old one, on the same data.
func Rollback(w Wanted) []Step {
	p := planner{w}
	added := p.after(func(s Service) bool { return s.Was != s.Name })
	running := p.after(func(s Service) bool { return writes(s.App) })
	remove := Step{Name: "remove", Does: "The containers of " + list(added) + ", which the old files do not name, are removed; their volumes stay.",
		Commands: p.compose("rm -s -f", added)}
	restore := Step{Name: "restore", Does: "Each database is restored into a new one from the verified backup and put in the place of the old; " +
		"volumes and the `.env`, compose and config files likewise. Rows written after the backup are lost, so their number is counted first."}
	if dbs := p.before(postgres); len(dbs) > 0 {
		restore.Commands = append(p.compose("up -d --no-deps", dbs),
			asOwner(dbs[0], "createdb", "-T template0 -O OWNER NAME_restored"),
			asOwner(dbs[0], "pg_restore", "--exit-on-error --single-transaction -d NAME_restored")+" < "+dbs[0]+"-NAME.dump")
	}
	steps := []Step{
		{Name: "stop", Does: "Everything that writes is stopped, databases stay up.", Stops: running, Commands: p.compose("stop -t 45", running)},
		remove,
		{Name: "images", Does: "The old files are back, with the old tags in them, and each local tag that was pulled points to its old image, " +
			"so that a plain `docker compose up -d` afterwards changes nothing. The digests are those recorded before the upgrade."},
		restore,
		{Name: "compare", Does: "Row counts and content hashes equal those taken before the upgrade, while nothing that writes runs yet."},
		{Name: "start", Does: "The old stack is started and verified.", Commands: []string{"docker compose up -d"}},
	}
	if len(added) == 0 {
		steps = slices.Delete(steps, 1, 2)
	}
	return steps
}

// asOwner runs a client of PostgreSQL in the server's own container, so that
// both are of one version, as the superuser that the image was told to make.
func asOwner(service, program, args string) string {
	return fmt.Sprintf(`docker compose exec -T %s sh -c 'exec %s -U "${POSTGRES_USER:-postgres}" %s'`, operands(service), program, args)
}

// operands writes services behind the options of a docker compose command. A
// name may begin with a hyphen, which only "--" before it keeps from being an
// option: compose-spec, schema, services.
func operands(services ...string) string {
	text := strings.Join(services, " ")
	if slices.ContainsFunc(services, func(s string) bool { return strings.HasPrefix(s, "-") }) {
		return "-- " + text
	}
	return text
}

type planner struct{ Wanted }

func postgres(a catalog.App) bool { return a.ID == catalog.Postgres }

// writes are applications, and what the catalog does not know.
func writes(a catalog.App) bool {
	return a.Kind == catalog.Application || a.Kind == catalog.Sidecar || a.ID == ""
}

// after gives the names that services have after the upgrade; one that is gone
// has none.
func (p planner) after(is func(Service) bool) []string {
	var out []string
	for _, s := range p.Services {
		if s.Name != "" && is(s) {
			out = append(out, s.Name)
		}
	}
	return out
}

// before gives the names that services of apps that fit have before it: what
// runs, and can be stopped and backed up. A new service has none.
func (p planner) before(is func(catalog.App) bool) []string {
	var out []string
	for _, s := range p.Services {
		if s.Was != "" && is(s.OldApp) {
			out = append(out, s.Was)
		}
	}
	return out
}

func (p planner) compose(verb string, services []string) []string {
	if len(services) == 0 {
		return nil
	}
	return []string{"docker compose " + verb + " " + operands(services...)}
}

func (p planner) commands(when catalog.When) []string {
	var out []string
	for _, c := range p.Commands {
		if c.When == when && c.Text != "" && !slices.Contains(out, c.Text) {
			out = append(out, c.Text)
		}
	}
	return out
}

func (p planner) has(id string) bool {
	return slices.ContainsFunc(p.Services, func(s Service) bool { return s.App.ID == id || s.OldApp.ID == id })
}

func list(names []string) string {
	var out []string
	for _, n := range names {
		out = append(out, "`"+n+"`")
	}
	return strings.Join(out, ", ")
}

func (p planner) preflight() Step {
	return Step{Name: "preflight", Does: "The stack that runs is the one these files describe; there is room for the backup and its test restore; " +
		"every gate that forbids the change is checked against the data, not against the tags. Nothing is changed yet."}
}

func (p planner) pull() Step {
	s := Step{Name: "pull", Does: "The new images are pulled while everything runs; the digests of the old ones are recorded and the images kept."}
	some := false
	for _, svc := range p.Services {
		if !svc.Changed || svc.Name == "" {
			continue
		}
		some = true
		command := "docker pull " + svc.New.String()
		if svc.Hidden || svc.New == (image.Ref{}) {
			command = "docker pull IMAGE  # that of `" + svc.Name + "`"
		}
		if !slices.Contains(s.Commands, command) {
			s.Commands = append(s.Commands, command)
		}
	}
	if !some {
		return Step{}
	}
	return s
}

func (p planner) baseline() Step {
	return Step{Name: "baseline", Does: "Versions, container states, resource use, the probes of every app and your own checks are measured, to compare with afterwards.",
		Commands: []string{"docker compose ps", "docker stats --no-stream"}}
}

func (p planner) drain() Step {
	var of []string
	if p.has(catalog.N8N) {
		of = append(of, "running n8n executions")
	}
	if p.has(catalog.DifyAPI) {
		of = append(of, "Dify workflow runs, indexing documents and queued tasks")
	}
	if len(of) == 0 {
		return Step{}
	}
	return Step{Name: "drain", Does: "No new work comes in, and " + strings.Join(of, " as well as ") + " come to their end, up to a deadline. What waits for a person or a time is safe."}
}

func (p planner) halt() Step {
	w := p.before(writes)
	if len(w) == 0 {
		return Step{}
	}
	return Step{Name: "halt", Does: "Everything that writes is stopped and kept from restarting by itself; databases stay up. From here to `launch` the stack does not answer.",
		Stops: w, Commands: p.compose("stop -t 45", w)}
}

func (p planner) backup() Step {
	s := Step{Name: "backup", Does: "With nothing writing, rows are counted and hashed, and everything is copied as of one moment: "}
	var parts []string
	dbs := p.before(postgres)
	if len(dbs) == 0 && p.has(catalog.DifyAPI) {
		parts = append(parts, "the database that Dify uses, **which is not among these services: find out which one runs, and dump it**")
	}
	if len(dbs) > 0 {
		parts = append(parts, "every database of "+list(dbs)+" with its roles")
		for _, db := range dbs {
			s.Commands = append(s.Commands,
				asOwner(db, "pg_dumpall", "--globals-only")+" > "+db+"-globals.sql",
				asOwner(db, "pg_dump", "-Fc -d NAME")+" > "+db+"-NAME.dump  # for each database")
		}
	}
	if stores := p.before(func(a catalog.App) bool { return a.Stateful && !postgres(a) }); len(stores) > 0 {
		parts = append(parts, "the volumes of "+list(stores))
	}
	s.Does += strings.Join(append(parts, "every other volume and folder that a service writes", "the `.env`, compose and config files"), ", ") + "."
	if len(s.Commands) > 0 {
		s.Does += " Each dump is then restored into a scratch database: a backup that was not restored is none."
	}
	return s
}

func (p planner) applyFiles() Step {
	does := "The merged files take the place of the deployed ones; your `.env` is never written."
	var gone []string
	for _, s := range p.Services {
		if s.Was != "" && s.Was != s.Name {
			gone = append(gone, s.Was)
		}
	}
	var commands []string
	if len(gone) > 0 {
		does += " Before that the containers of " + list(gone) + ", which the new files do not name, are removed; their data stays."
		commands = p.compose("rm -s -f", gone)
	}
	return Step{Name: "apply-files", Does: does, Commands: append(commands, p.commands(catalog.BeforeStart)...)}
}

func (p planner) migrate() Step {
	s := Step{Name: "migrate"}
	var does []string
	for _, svc := range p.Services {
		old, okOld := image.PostgresMajor(svc.Old)
		now, okNow := image.PostgresMajor(svc.New)
		if !okOld || !okNow || old == now {
			continue
		}
		way := fmt.Sprintf("goes from PostgreSQL %d to %d", old, now)
		if svc.Hidden {
			way = "goes to another major version of PostgreSQL"
		}
		does = append(does, fmt.Sprintf("`%s` %s: a new server on a new volume, filled from the dump; the old volume is kept untouched.", svc.Name, way))
	}
	if i := slices.IndexFunc(p.Services, func(s Service) bool { return s.App.ID == catalog.DifyAPI && s.Changed && s.Name != "" }); i >= 0 {
		svc := p.Services[i]
		does = append(does, "Dify's schema is migrated by one container alone, and the schema version compared with the image's, whatever the exit code says.")
		s.Commands = append(s.Commands, migrateDify(svc))
	}
	if i := slices.IndexFunc(p.Services, func(s Service) bool { return s.App.ID == catalog.N8N && s.Changed && s.Name != "" }); i >= 0 {
		does = append(does, "n8n migrates as it starts: one instance first, until `/healthz/readiness` answers 200.")
	}
	if len(does) == 0 {
		return Step{}
	}
	s.Does = strings.Join(does, " ")
	return s
}

// migrateDify runs the migration alone. MODE=migration ends by itself from 1.7.1
// on (dify, api/docker/entrypoint.sh); before that the entry point would go on
// to serve, whatever it is given to run.
func migrateDify(svc Service) string {
	if v := svc.New.Read().Version.Numbers(); !svc.Hidden && len(v) == 3 && slices.Compare(v, []uint64{1, 7, 1}) < 0 {
		return "docker compose run --rm --no-deps --entrypoint flask " + operands(svc.Name) + " db upgrade"
	}
	return "docker compose run --rm --no-deps -e MODE=migration " + operands(svc.Name)
}

func (p planner) launch() Step {
	return Step{Name: "launch", Does: "Stores first, then applications, closed to the outside until they are verified.",
		Commands: append([]string{"docker compose up -d"}, p.commands(catalog.AfterStart)...)}
}

func (p planner) verify() Step {
	s := Step{Name: "verify", Does: "Every container is healthy and stays so, the versions that answer are the new ones, "}
	if p.has(catalog.N8N) {
		s.Does += "the same n8n workflows are active, a credential decrypts, "
	}
	if p.has(catalog.DifyAPI) {
		s.Does += "the console loads, a knowledge base answers with what it answered before, "
	}
	s.Does += "row counts and the probes are compared with the baseline, and your own checks run. If one fails, everything is rolled back, data included."
	return s
}

func (p planner) record() Step {
	return Step{Name: "record", Does: "The images that run are written into the record block of the compose file; backups are kept by retention, the old images with them."}
}
