package upgrade

import "slices"

// Rollback gives the steps of the way back after an upgrade to what is wanted.
// What the old files do not name is removed before they are back: a database
// under another name would run on beside the old one, on the same data.
func Rollback(w Wanted) []Step {
	p := planner{w}
	added := p.after(func(s Service) bool { return s.Was != s.Name })
	running := p.after(func(s Service) bool { return !postgres(s.App) })
	remove := Step{Name: "remove", Does: "The containers of " + list(added) + ", which the old files do not name, are removed; their volumes stay.",
		Commands: p.compose("rm -s -f", added)}
	restore := Step{Name: "restore", Does: "Each database is restored into a new one from the verified backup, or is still there as a clone, and is put in the place of the old; " +
		"volumes and folders that services write are made what they were. Rows written after the backup are lost, so their number is counted first."}
	if dbs := p.before(postgres); len(dbs) > 0 {
		restore.Commands = append(p.compose("up -d --no-deps", dbs),
			asOwner(dbs[0], "createdb", "-T template0 -O OWNER NAME_restored"),
			asOwner(dbs[0], "pg_restore", "--exit-on-error --single-transaction -d NAME_restored")+" < "+dbs[0]+"-NAME.dump")
	}
	steps := []Step{
		{Name: "stop", Does: "Everything but PostgreSQL is stopped.", Stops: running, Commands: p.compose("stop -t 45", running)},
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
