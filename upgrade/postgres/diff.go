package postgres

import (
	"fmt"
	"maps"
	"slices"
)

// Diff says what is not as it was in g, the earlier one: names, counts and the
// word "content", never values. It is sorted, and empty when both are equal. What a
// crash of the server does to unlogged tables is no difference: see Emptied. Nor are the
// rows of a materialized view, which a restore computes anew from the tables.
func (f *Fingerprint) Diff(g *Fingerprint) []string {
	var list []string
	say := func(format string, args ...any) { list = append(list, fmt.Sprintf(format, args...)) }
	for _, name := range names(f.Tables, g.Tables) {
		now, isNow := f.Tables[name]
		was, wasThere := g.Tables[name]
		switch {
		case !isNow:
			say("table %s is gone: it had %d rows", name, was.Rows)
		case !wasThere:
			say("table %s is new: it has %d rows", name, now.Rows)
		case emptied(now, was):
		case now.View && was.View && (now.Hash == notPopulated) == (was.Hash == notPopulated):
		case now.Rows != was.Rows:
			say("table %s: %d rows, were %d", name, now.Rows, was.Rows)
		case now.Hash != was.Hash:
			say("table %s: content differs in as many rows (%d)", name, now.Rows)
		}
	}
	for _, name := range names(f.Sequences, g.Sequences) {
		now, isNow := f.Sequences[name]
		was, wasThere := g.Sequences[name]
		if setBack := was.Unlogged && now.Unlogged && !now.Called; isNow != wasThere || now != was && !setBack {
			say("sequence %s: %s, was %s", name, stand(now, isNow), stand(was, wasThere))
		}
	}
	if now, was := f.LargeObjects, g.LargeObjects; now.Rows != was.Rows {
		say("large objects: %d, were %d", now.Rows, was.Rows)
	} else if now.Hash != was.Hash {
		say("large objects: content differs in as many (%d)", now.Rows)
	}
	list = append(list, differ("schema: %s", f.Schema, g.Schema)...)
	list = append(list, differ("setting of the database: %s", f.Settings, g.Settings)...)
	for _, name := range names(f.Extensions, g.Extensions) {
		if now, was := f.Extensions[name], g.Extensions[name]; now != was {
			say("extension %s: %s, was %s", name, orNone(now), orNone(was))
		}
	}
	return list
}

// Emptied names the unlogged tables that had rows in g, the earlier one, and have none
// now: PostgreSQL empties them when it starts after a crash, with their sequences (CREATE
// TABLE, "UNLOGGED").
func (f *Fingerprint) Emptied(g *Fingerprint) []string {
	var list []string
	for _, name := range names(f.Tables, g.Tables) {
		if emptied(f.Tables[name], g.Tables[name]) {
			list = append(list, name)
		}
	}
	return list
}

func emptied(now, was Table) bool {
	return now.Unlogged && was.Unlogged && now.Rows == 0 && was.Rows > 0
}

// Missing says where the rows in an archive are not those of the database that
// it was made of. Extensions decide for themselves which of their tables a dump
// has, and of a materialized view it has no rows.
func (f *Fingerprint) Missing(c *Contents) []string {
	var list []string
	for _, name := range names(f.Tables, c.Tables) {
		rows, dumped := c.Tables[name]
		t, there := f.Tables[name]
		switch {
		case !there:
			list = append(list, fmt.Sprintf("table %s is in the archive alone, with %d rows", name, rows))
		case t.View || t.Extension != "":
		case !dumped:
			list = append(list, fmt.Sprintf("table %s with %d rows is not in the archive", name, t.Rows))
		case rows != t.Rows:
			list = append(list, fmt.Sprintf("table %s: %d rows in the archive, %d in the database", name, rows, t.Rows))
		}
	}
	if c.LargeObjects != f.LargeObjects.Rows {
		list = append(list, fmt.Sprintf("large objects: %d in the archive, %d in the database", c.LargeObjects, f.LargeObjects.Rows))
	}
	return list
}

func stand(s Sequence, there bool) string {
	switch {
	case !there:
		return "none"
	case s.Called:
		return fmt.Sprintf("at %d", s.Last)
	default:
		return fmt.Sprintf("before %d", s.Last)
	}
}

// differ tells the keys whose hashes differ.
func differ(format string, now, was map[string]string) []string {
	var list []string
	for _, key := range names(now, was) {
		switch n, w := now[key], was[key]; {
		case n == w:
		case n == "":
			list = append(list, fmt.Sprintf(format+" is gone", key))
		case w == "":
			list = append(list, fmt.Sprintf(format+" is new", key))
		default:
			list = append(list, fmt.Sprintf(format+" differs", key))
		}
	}
	return list
}

// names are the keys of two maps, sorted.
func names[A, B any](a map[string]A, b map[string]B) []string {
	all := map[string]bool{}
	for k := range a {
		all[k] = true
	}
	for k := range b {
		all[k] = true
	}
	return slices.Sorted(maps.Keys(all))
}
