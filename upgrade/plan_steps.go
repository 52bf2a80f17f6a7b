package upgrade

import (
	"fmt"
	"slices"
	"strings"

	"github.com/belaystack/belay/lint/image"
	"github.com/belaystack/belay/release/catalog"
)

func (p planner) preflight() Step {
	return Step{Name: "preflight", Does: "The stack that runs is the one these files describe, and every service of it is well; there is room for the backup, " +
		"a copy of each database and the new images. Nothing is changed yet."}
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
	return Step{Name: "baseline", Does: "Images, container states, resource use, errors in the logs, and the probes and checks of your `belay.yml` are measured, to compare with afterwards.",
		Commands: []string{"docker compose ps", "docker stats --no-stream"}}
}

func (p planner) drain() Step {
	var of []string
	if p.has(catalog.N8N) {
		of = append(of, "executions of n8n")
	}
	if p.has(catalog.DifyAPI) {
		of = append(of, "Dify workflow runs, indexing documents and queued tasks")
	}
	if len(of) == 0 {
		return Step{}
	}
	return Step{Name: "drain", Does: "What is under way is waited for: " + strings.Join(of, ", as well as ") + ". What waits for a person or a time is safe."}
}

func (p planner) halt() Step {
	w := p.before(func(a catalog.App) bool { return !postgres(a) })
	if len(w) == 0 {
		return Step{}
	}
	return Step{Name: "halt", Does: "Everything but PostgreSQL is stopped and kept from restarting by itself. From here to `launch` the stack does not answer.",
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
		s.Does += " Each dump is then read to its end and its rows are compared; `--verify-restore` restores each into a scratch database, too."
	}
	return s
}

// yours says of commands that releases ask for that nobody else carries them out.
const yours = " What the releases ask for besides is yours to run."

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
		does += " The containers of " + list(gone) + ", which the new files do not name, do not start again, and are removed when all is verified; their data stays."
		commands = p.compose("rm -s -f", gone)
	}
	own := p.commands(catalog.BeforeStart)
	if len(own) > 0 {
		does += yours
	}
	return Step{Name: "apply-files", Does: does, Commands: append(commands, own...)}
}

// newMajor is what another major version of PostgreSQL takes.
const newMajor = "a new server on a new, empty volume beside the old one. Roles, settings and every database are dumped by the clients of the new version and restored in parallel; " +
	"rows are counted and hashed against the old server, and vector searches are compared. The old volume stays as it is, and is the way back. " +
	"It takes about the time of a dump and a restore, and room for the dump and twice the data."

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
		does = append(does, fmt.Sprintf("`%s` %s: ", svc.Name, way)+newMajor)
	}
	if i := slices.IndexFunc(p.Services, func(s Service) bool { return s.App.ID == catalog.DifyAPI && s.Changed && s.Name != "" }); i >= 0 {
		svc := p.Services[i]
		does = append(does, "Dify's schema is migrated by one container alone, and the schema version compared with the image's, whatever the exit code says.")
		s.Commands = append(p.compose("up -d --no-deps", p.after(func(o Service) bool { return store(o.App) })), migrateDify(svc))
	}
	if i := slices.IndexFunc(p.Services, func(s Service) bool { return s.App.ID == catalog.N8N && s.Changed && s.Name != "" }); i >= 0 {
		does = append(does, "n8n's schema is migrated by the smallest of its commands, which starts no trigger, before any instance of the new version starts.")
		s.Commands = append(s.Commands, "docker compose run --rm --no-deps --entrypoint n8n "+operands(p.Services[i].Name)+" list:workflow --active=true --onlyId")
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
	s := Step{Name: "launch", Does: "What others depend on first, closed to the outside until all is verified.", Commands: []string{"docker compose up -d"}}
	if own := p.commands(catalog.AfterStart); len(own) > 0 {
		s.Does += yours
		s.Commands = append(s.Commands, own...)
	}
	return s
}

func (p planner) verify() Step {
	s := Step{Name: "verify", Does: "Every container is well and stays so, the probes and checks of your `belay.yml` pass, row counts are compared with the baseline, and new errors in the logs are told. " +
		"If one fails, everything is rolled back, data included."}
	if p.has(catalog.N8N) {
		s.Does += " n8n has to have the same workflows active, and to decrypt its credentials."
	}
	if p.has(catalog.DifyAPI) {
		s.Does += " Dify has to be set up, with no fewer apps, knowledge bases, documents and plugins; its console, sandbox and plugin daemon have to answer. " +
			"That a knowledge base still finds what it found before is asked where `verify.retrieval` names a question."
	}
	return s
}

func (p planner) record() Step {
	return Step{Name: "record", Does: "The images that run are written into the record block of the compose file; backups are kept by retention, the old images with them."}
}
