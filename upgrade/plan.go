// Package upgrade carries an upgrade out, so that it ends verified or exactly
// where it began.
//
// It is the machine that carries tasks out and undoes them, from a journal alone where
// the process that began has died, and the pure part of the plan: which steps, in which
// order, and what stands still. What the tasks do is in package steps.
//
// What must stay true: a step's captured state is on disk before the step begins; undo
// runs in reverse, for the step that failed or was killed too, and stops at the first
// that fails; after the commit there is only forward; an unknown step is never passed
// over. Nothing in the plan's pure part reads a host, and it says what is done and no
// more.
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

// store is what applications keep data in, PostgreSQL aside, which never stops.
func store(a catalog.App) bool {
	return a.ID != "" && a.Stateful && a.Kind != catalog.Application && a.Kind != catalog.Sidecar && !postgres(a)
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
