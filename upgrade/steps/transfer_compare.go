package steps

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/belaystack/belay/upgrade/postgres"
)

// compare holds every database against what it held before.
func (c *carrying) compare(ctx context.Context) error {
	was, ok, err := c.before()
	if err != nil {
		return err
	}
	if !ok {
		return errors.New("what was counted before is not there")
	}
	dbs, err := c.new.Databases(ctx)
	if err != nil {
		return err
	}
	prints, err := atOnce(dbs, func(d postgres.Database) (*postgres.Fingerprint, error) { return c.new.Fingerprint(ctx, d.Name) })
	if err != nil {
		return err
	}
	var diff []string
	for name := range was[c.Service] {
		if !slices.ContainsFunc(dbs, func(d postgres.Database) bool { return d.Name == name }) {
			diff = append(diff, "database "+name+" is not there")
		}
	}
	for i, db := range dbs {
		f, b := prints[i], was[c.Service][db.Name]
		if b == nil {
			diff = append(diff, "database "+db.Name+" is new")
			continue
		}
		f.Carried(b, db.System())
		for _, line := range restoredDiff(f, b) {
			diff = append(diff, db.Name+": "+line)
		}
		j := slices.IndexFunc(c.out.Databases, func(d Database) bool { return d.Name == db.Name })
		c.out.Databases[j].Tables = len(f.Tables)
		for _, t := range f.Tables {
			c.out.Databases[j].Rows += t.Rows
		}
	}
	return differing(diff)
}

// rebuilds is how often an index is built again that finds less than the old one did: how
// well one is differs from build to build, by more than what is allowed.
const rebuilds = 2

// search asks both servers for the nearest neighbours of the same rows.
func (c *carrying) search(ctx context.Context) error {
	dbs, err := c.own.Databases(ctx)
	if err != nil {
		return err
	}
	for _, db := range dbs {
		was, err := c.own.Neighbours(ctx, db.Name, nil)
		if err != nil {
			return err
		}
		if len(was) == 0 {
			continue
		}
		c.say(Progress{What: "compare the vector search of " + db.Name + " in " + c.Service})
		now, err := c.new.Neighbours(ctx, db.Name, was)
		for n := 0; n < rebuilds && err == nil && len(postgres.Worse(was, now)) > 0; n++ {
			if err = c.new.Reindex(ctx, db.Name, postgres.Worse(was, now)); err == nil {
				now, err = c.new.Neighbours(ctx, db.Name, was)
			}
		}
		if err != nil {
			return err
		}
		if diff := postgres.CompareNear(was, now); len(diff) > 0 {
			return &DataError{Diff: diff}
		}
		for i := range now {
			c.out.Indexes = append(c.out.Indexes, searched(db.Name, was, now[i]))
		}
	}
	return nil
}

// Index is a vector index in both servers.
type Index struct {
	Database string  `json:"database"`
	Name     string  `json:"name"`
	Method   string  `json:"method"`
	Queries  int     `json:"queries"`
	Before   float64 `json:"before"` // recall of the ten nearest
	After    float64 `json:"after"`
	Unknown  string  `json:"unknown,omitempty"` // why the recall is not known; the exact search was compared all the same
}

func searched(db string, was []postgres.Near, now postgres.Near) Index {
	out := Index{Database: db, Name: now.Index, Method: now.Method, Queries: len(now.Queries), After: now.Recall, Unknown: now.Skipped}
	if i := slices.IndexFunc(was, func(n postgres.Near) bool { return n.Index == now.Index }); i >= 0 {
		out.Before, out.Unknown = was[i].Recall, cmp.Or(out.Unknown, was[i].Skipped)
	}
	return out
}
