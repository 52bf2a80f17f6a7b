package dossier

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// tier says when a leaf may be left out: the last first.
type tier int

// The tiers.
const (
	must     tier = iota
	first         // what each section that decides begins with
	core          // the rest of those sections
	plans         // upgrade plan, structure, what is missing
	warnings      // findings that are no errors
	keys          // env drift
	details       // what of the notes asks for something
	bulk          // the tails of long lists
	features      // features and fixes
	lists         // full lists of changes
	boiler        // what every release says
)

// node is a piece of a report: a leaf with text, or a container of other
// nodes. Text ends in a line feed.
type node struct {
	text string // of a leaf
	tier tier
	at   int    // order within the tier, before that in the document
	unit string // what one that is left out is called: "finding"; "" in a container: its leaves are counted

	kids       []*node
	open, shut string // around them
	of         string // of what the things are that its note says were left out; needs notes
	notes      bool   // says itself what of it was left out; else its parent does
	tight      bool   // a leaf: no empty line between it and a tight neighbour; a container: none in it
	inOrder    bool   // a kid may be left out only with all that follow it

	up       *node
	size     int // what own gives, once asked for
	kept     bool
	refused  bool // inOrder, and a kid was left out
	pending  int  // leaves below that are not kept
	reserved int  // size of the note that may become necessary
}

func leaf(t tier, text string) *node {
	return &node{tier: t, text: strings.TrimRight(text, "\n") + "\n"}
}

// line is a leaf that follows its like without an empty line.
func line(t tier, unit, text string) *node {
	n := leaf(t, text)
	n.unit, n.tight = unit, true
	return n
}

// section is a container under a heading, nil without kids.
func section(title string, kids ...*node) *node {
	kids = slices.DeleteFunc(kids, func(n *node) bool { return n == nil })
	if len(kids) == 0 {
		return nil
	}
	return &node{open: "#### " + title + "\n", unit: title, notes: true, kids: kids}
}

// write gives root and then last as far as they fit.
func (r *render) write(root, last *node) string {
	root.kids = slices.DeleteFunc(root.kids, func(n *node) bool { return n == nil })
	root.kids = append(root.kids, last)
	if r.connect(root, nil); r.o.Limit > 0 {
		if r.all(root) > r.o.Limit {
			r.fit(root)
		} else {
			keep(root)
		}
	} else {
		keep(root)
	}
	w := writer{r: r, root: root, last: last}
	w.node(root)
	return w.b.String()
}

// connect sets up and pending below n.
func (r *render) connect(n, up *node) {
	n.up = up
	if n.kids == nil {
		n.pending = 1
	}
	for _, k := range n.kids {
		r.connect(k, n)
		n.pending += k.pending
	}
}

// keep keeps n and all below it.
func keep(n *node) {
	n.kept, n.pending = true, 0
	for _, k := range n.kids {
		keep(k)
	}
}

// own is the size of what n writes itself, each piece with an empty line.
func (r *render) own(n *node) int {
	if n.size == 0 {
		for _, s := range [...]string{n.text, n.open, n.shut} {
			if s != "" {
				n.size += r.size(s) + 1
			}
		}
	}
	return n.size
}

// all is the size of n with everything below it.
func (r *render) all(n *node) int {
	size := r.own(n)
	for _, k := range n.kids {
		size += r.all(k)
	}
	return size
}

// fit keeps what the limit has room for: leaves in the order of their tiers,
// each with the containers around it that are not open yet, and with room for
// the note of each container that is not complete.
func (r *render) fit(root *node) {
	var leaves []*node
	collect(root, &leaves)
	slices.SortStableFunc(leaves, func(a, b *node) int { return cmp.Or(cmp.Compare(a.tier, b.tier), cmp.Compare(a.at, b.at)) })
	room := r.o.Limit - r.reserve(root)
	if root.kept = room >= 0; !root.kept {
		return // a limit that not even one line fits in
	}
	for _, l := range leaves {
		need := r.own(l)
		refused := false
		for up := l.up; up != nil; up = up.up {
			refused = refused || up.refused
			if !up.kept {
				need += r.own(up) + r.reserve(up)
			}
		}
		if refused || need > room {
			refuse(l)
			continue
		}
		room -= need
		l.kept = true
		for up := l.up; up != nil; up = up.up {
			up.kept = true
			if up.pending--; up.pending == 0 {
				room += up.reserved
			}
		}
	}
}

// refuse marks what may not be shown without l.
func refuse(l *node) {
	for n := l.up; n != nil && !n.refused; n = n.up {
		n.refused = n.inOrder
	}
}

func collect(n *node, leaves *[]*node) {
	if n.kids == nil {
		*leaves = append(*leaves, n)
	}
	for _, k := range n.kids {
		collect(k, leaves)
	}
}

// reserve is the size of the longest note that n may need. It is asked for
// before anything below n is kept.
func (r *render) reserve(n *node) int {
	if n.reserved == 0 && (n.notes || n.up == nil) {
		n.reserved = r.size(r.cut(n)) + 2
	}
	return n.reserved
}

// cut says what below n was left out, "" if nothing was.
func (r *render) cut(n *node) string {
	var units []string
	count := map[string]int{}
	var visit func(*node)
	visit = func(k *node) {
		whole := !k.kept && k.unit != ""
		switch {
		case k.pending == 0 && k.kids != nil, k.kept && (k.kids == nil || k.notes):
		case whole || k.kids == nil:
			unit := cmp.Or(k.unit, "part")
			if count[unit]++; count[unit] == 1 {
				units = append(units, unit)
			}
		default:
			for _, sub := range k.kids {
				visit(sub)
			}
		}
	}
	for _, k := range n.kids {
		visit(k)
	}
	if len(units) == 0 {
		return ""
	}
	for i, u := range units {
		if n.up == nil {
			units[i] = "“" + u + "”" // whole sections
		} else {
			units[i] = strconv.Itoa(count[u]) + " more " + plural(count[u], u)
		}
	}
	text := "✂️ " + strings.Join(units, ", ") + n.of
	if where := r.link("in the whole report", r.o.More); r.o.More != "" {
		return "*" + text + ": " + where + "*\n"
	}
	return "*" + text + ": left out for length*\n"
}

// plural gives the noun for n things.
func plural(n int, noun string) string {
	switch {
	case n == 1:
		return noun
	case strings.HasSuffix(noun, "y") && !strings.HasSuffix(noun, "ey"):
		return strings.TrimSuffix(noun, "y") + "ies"
	case strings.HasSuffix(noun, "x"):
		return noun + "es"
	}
	return noun + "s"
}

func count(n int, noun string) string { return strconv.Itoa(n) + " " + plural(n, noun) }

// writer writes the nodes that are kept.
type writer struct {
	r          *render
	root, last *node
	b          strings.Builder
	within     *node // the container of the piece before, if that was tight
}

// piece writes one piece of container n.
func (w *writer) piece(n *node, tight bool, s string) {
	if s == "" {
		return
	}
	if w.b.Len() > 0 && (!tight || w.within != n) {
		w.b.WriteByte('\n')
	}
	if w.within = nil; tight {
		w.within = n
	}
	w.b.WriteString(s)
}

func (w *writer) node(n *node) {
	switch {
	case !n.kept:
	case n.kids == nil:
		w.piece(n.up, n.tight || n.up.tight, n.text)
	default:
		w.piece(n, n.tight, n.open)
		for _, k := range n.kids {
			if k == w.last {
				w.piece(n, false, w.r.cut(n))
			}
			w.node(k)
		}
		note := ""
		if n.notes {
			note = w.r.cut(n)
		}
		if !n.tight {
			w.piece(n, false, note)
		}
		w.piece(n, n.tight, n.shut)
		if n.tight {
			w.piece(n, false, note)
		}
	}
}
