package dotenv

import (
	"fmt"
	"slices"
	"strings"
)

// Compare finds what changed from the old examples to the new ones, and what
// that means for the user's file: the three-way drift. It serves Helm values
// as well, whose keys are paths.
func Compare(old, new *Set, yours Yours) []Drift {
	c := comparison{old: old, new: new, yours: yours}
	for _, key := range new.Keys() {
		was, ok := old.Lookup(key)
		is, _ := new.Lookup(key)
		if !ok {
			c.addition(is)
			continue
		}
		c.defaults(was, is)
		moved := c.moved(was, is)
		c.help(was, is, moved)
	}
	for _, key := range old.Keys() {
		if _, ok := new.Lookup(key); !ok {
			c.removal(key)
		}
	}
	c.renamings()
	if yours.File != nil {
		c.found = append(c.found, duplicates(yours.File)...)
	}
	Sort(c.found)
	return c.found
}

type comparison struct {
	old, new *Set
	yours    Yours
	found    []Drift
	added    []Entry
	removed  []Entry
}

// drift makes the item for a key of which was, or is, may be the zero Entry.
func (c *comparison) drift(kind Kind, was, is Entry) Drift {
	key, def := is.Key, is.Value
	if key == "" {
		key, def = was.Key, was.Value
	}
	d := Drift{Kind: kind, Key: key, Old: was.Span, New: is.Span, Yours: c.yours.at(key),
		HasDefault: !def.IsEmpty(), Default: def, Secret: secret(key, was.Value, is.Value)}
	d.Have = c.yours.have(key, was, is, d.Secret)
	return d
}

func (c *comparison) addition(is Entry) {
	c.added = append(c.added, is)
	d := c.drift(Added, Entry{}, is)
	d.Note = others(c.new, is)
	if e, ok := c.old.commented(is.Key); ok {
		d.Old, d.Note = e.Span, join("it was commented out before", d.Note)
	}
	if d.Have == HaveNone {
		d = c.muted(d)
	}
	c.found = append(c.found, d)
}

// muted notes that the user has the key commented out.
func (c *comparison) muted(d Drift) Drift {
	if e, ok := c.yours.File.commented(d.Key); ok {
		d.Yours, d.Note = e.Span, join(d.Note, "you have it commented out")
	}
	return d
}

func (c *comparison) removal(key string) {
	was, _ := c.old.Lookup(key)
	d := c.drift(Removed, was, Entry{})
	if e, ok := c.new.commented(key); ok {
		d.Kind, d.New = CommentedOut, e.Span
	} else {
		c.removed = append(c.removed, was)
	}
	c.found = append(c.found, d)
}

// defaults compares what the example that holds gives the key. The user's own
// value decides between pinned and overridden; of a secret it says neither.
func (c *comparison) defaults(was, is Entry) {
	if was.Value.Same(is.Value) {
		return
	}
	d := c.drift(DefaultChanged, was, is)
	switch d.Have {
	case HaveOld:
		d.Kind = Pinned
	case HaveSet, HaveEmpty:
		if !d.Secret {
			d.Kind = Overridden
		}
	case HaveNone:
		d = c.muted(d)
	}
	d.Note = join(d.Note, others(c.new, is))
	c.found = append(c.found, d)
}

// moved reports a key that no file of the old set holds any more where it
// was. Where there is only one file, that file may have any name.
func (c *comparison) moved(was, is Entry) bool {
	if len(c.old.Files) == 1 && len(c.new.Files) == 1 {
		return false
	}
	var now []string
	for _, e := range c.new.All(is.Key) {
		now = append(now, c.new.within(e.Span.File))
	}
	for _, e := range c.old.All(was.Key) {
		if slices.Contains(now, c.old.within(e.Span.File)) {
			return false
		}
	}
	d := c.drift(Moved, was, is)
	d.Note = "from " + c.old.within(was.Span.File)
	c.found = append(c.found, d)
	return true
}

// help compares the comments above the key. A comment that went away changes
// no meaning, and neither does one that a key finds in its new file.
func (c *comparison) help(was, is Entry, moved bool) {
	before, after := flat(was.Help), flat(is.Help)
	if after == "" || after == before || moved && before == "" {
		return
	}
	c.found = append(c.found, c.drift(HelpChanged, was, is))
}

func flat(s string) string { return strings.Join(strings.Fields(s), " ") }

// others says in how many files of s the key of e has another default.
func others(s *Set, e Entry) string {
	n := 0
	for _, o := range s.All(e.Key) {
		if !o.Value.Same(e.Value) {
			n++
		}
	}
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("%s gives it another default", files(n))
}

func files(n int) string {
	if n == 1 {
		return "another file"
	}
	return fmt.Sprintf("each of %d other files", n)
}

func join(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + "; " + b
}
