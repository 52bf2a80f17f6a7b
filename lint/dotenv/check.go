package dotenv

import (
	"fmt"
	"path"
	"strings"

	"github.com/belaystack/belay/lint/source"
)

// Use is one interpolation of a key in a compose file.
type Use struct {
	Name       string
	At         source.Span
	HasDefault bool // ${NAME:-x}, ${NAME-x}, or an operator that makes a value needless
}

// Check finds how env departs from its examples and from what the compose
// files interpolate: the two-way drift. nil when env is nil.
//
// A key that only an example below envs/ has is not missing: such a file is
// read beside .env, and .env only overrides it.
func Check(env *File, examples *Set, uses []Use) []Drift {
	if env == nil {
		return nil
	}
	c := check{env: env, examples: examples, uses: map[string][]Use{}}
	for _, u := range uses {
		c.uses[u.Name] = append(c.uses[u.Name], u)
	}
	for _, key := range examples.Keys() {
		c.example(key)
	}
	for _, u := range uses {
		if _, ok := examples.Lookup(u.Name); !ok && u == c.uses[u.Name][0] {
			c.use(u)
		}
	}
	c.unknown()
	c.found = append(c.found, duplicates(env)...)
	Sort(c.found)
	return c.found
}

type check struct {
	env      *File
	examples *Set
	uses     map[string][]Use
	found    []Drift
}

// example checks one key of the examples.
func (c *check) example(key string) {
	if _, ok := c.env.Lookup(key); ok {
		return
	}
	is, _ := c.examples.Lookup(key)
	bare, needed := c.bare(key)
	d := Drift{Kind: Missing, Key: key, New: is.Span, Have: HaveNone, HasDefault: !is.Value.IsEmpty(), Default: is.Value,
		Needed: needed, Secret: secret(key, is.Value), Note: others(c.examples, is)}
	switch {
	case needed:
		d.Note = join(d.Note, fmt.Sprintf("interpolated without a default at %s", bare.At))
	case len(c.uses[key]) > 0:
		d.Note = join(d.Note, "the compose file has a default of its own")
	}
	if e, ok := c.env.commented(key); ok {
		d.Kind, d.Yours = CommentedOut, e.Span
	} else if !needed && strings.Contains(c.examples.within(is.Span.File), "/") {
		return
	}
	c.found = append(c.found, d)
}

// use checks a key that no example has.
func (c *check) use(u Use) {
	if _, ok := c.env.Lookup(u.Name); ok {
		return
	}
	bare, needed := c.bare(u.Name)
	if !needed {
		return
	}
	d := Drift{Kind: Missing, Key: u.Name, New: bare.At, Have: HaveNone, Needed: true, Secret: IsSecret(u.Name),
		Note: "interpolated without a default, and in no example"}
	if e, ok := c.env.commented(u.Name); ok {
		d.Kind, d.Yours = CommentedOut, e.Span
	}
	c.found = append(c.found, d)
}

// bare gives the first use of key that has no default.
func (c *check) bare(key string) (Use, bool) {
	for _, u := range c.uses[key] {
		if !u.HasDefault {
			return u, true
		}
	}
	return Use{}, false
}

// unknown finds keys that nothing we can see reads. Without examples that
// would be every key that goes to a container by env_file. Keys that docker
// and compose read themselves are known.
func (c *check) unknown() {
	if c.examples.IsEmpty() {
		return
	}
	for _, key := range c.env.Keys() {
		_, ok := c.examples.Lookup(key)
		if ok || len(c.uses[key]) > 0 || strings.HasPrefix(key, "COMPOSE_") || strings.HasPrefix(key, "DOCKER_") {
			continue
		}
		e, _ := c.env.Lookup(key)
		d := Drift{Kind: Unknown, Key: key, Yours: e.Span, Have: HaveSet, Secret: secret(key, e.Value)}
		if other, ok := c.examples.commented(key); ok {
			d.New, d.Note = other.Span, "the example has it commented out"
		}
		c.found = append(c.found, d)
	}
}

// duplicates finds the keys that f sets more than once.
func duplicates(f *File) []Drift {
	var found []Drift
	last := map[string]Entry{}
	for _, e := range f.Entries {
		if !e.sets() {
			continue
		}
		before, twice := last[e.Key]
		last[e.Key] = e
		if !twice {
			continue
		}
		d := Drift{Kind: Duplicate, Key: e.Key, Old: before.Span, Yours: e.Span, Have: HaveSet,
			Secret: secret(e.Key, e.Value, before.Value), Note: "with the same value"}
		if !e.Value.Equal(before.Value) {
			d.Note = "with another value"
		}
		found = append(found, d)
	}
	return found
}

// base is the file's name without its folder, for messages.
func base(s source.Span) string { return path.Base(s.File) }
