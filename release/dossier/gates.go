package dossier

import (
	"cmp"
	"net/url"
	"slices"
	"strings"

	"github.com/belaystack/belay/release"
	"github.com/belaystack/belay/release/catalog"
)

// dutyWord says what a gate asks for, in words.
func dutyWord(d catalog.Duty) string {
	switch d {
	case catalog.Stop:
		return "a stop on the way"
	case catalog.Forbid:
		return "must not be started"
	case catalog.OneWay:
		return "no way back with the new data"
	case catalog.Command:
		return "a command by hand"
	case catalog.Services:
		return "other services"
	case catalog.Settings:
		return "other settings"
	case catalog.Watch:
		return "to be looked at"
	}
	return string(d)
}

// backWord says how one comes back, in words.
func backWord(b catalog.Back) string {
	switch b {
	case catalog.BackImages:
		return "the old images run on what the new ones leave"
	case catalog.BackRestore:
		return "the old images need the data of the backup taken before"
	case catalog.BackNever:
		return "none without loss, not even with the backup"
	}
	return string(b)
}

// whenTitle is the heading of the actions of a moment.
func whenTitle(w catalog.When) string {
	switch w {
	case catalog.BeforeMerge:
		return "Before the merge"
	case catalog.BeforeStart:
		return "Before the start: the old version stopped, the new one not started"
	case catalog.AfterStart:
		return "After the start"
	}
	return string(w)
}

// worstFirst gives the gates by level, else in their order.
func worstFirst(all []release.Passed) []release.Passed {
	out := slices.Clone(all)
	slices.SortStableFunc(out, func(a, b release.Passed) int { return cmp.Compare(b.Level, a.Level) })
	return out
}

// gates is what the change passes: high ones open, the others folded.
func (r *render) gates(all []release.Passed) *node {
	var kids []*node
	for i, g := range worstFirst(all) {
		t := core
		if g.Level == catalog.High {
			t = early(i, 8)
		}
		kids = append(kids, r.gate(t, g))
	}
	return section("Gates this change passes", kids...)
}

func (r *render) gate(t tier, g release.Passed) *node {
	var n *node
	about := g.Level.String() + ", " + dutyWord(g.Duty)
	if g.Level == catalog.High {
		n = &node{open: "##### " + sign(g.Level) + " " + r.text(g.Title, 200) + "\n", notes: true}
		n.kids = append(n.kids, leaf(t, r.text(about, 80)+r.of(g.Image)))
	} else {
		n = fold(sign(g.Level)+" "+inTag(about, 80)+": <b>"+inTag(g.Title, 200)+"</b>", leaf(t, "Passed by "+cmp.Or(r.code(g.Image), "this change")))
		n.notes = true
	}
	n.unit = "gate"
	if g.Text != "" {
		n.kids = append(n.kids, leaf(t, r.md(g.Text)))
	}
	if here := r.here(t, "What of it touches this stack:", g.Here); here != nil {
		n.kids = append(n.kids, here)
	}
	n.kids = append(n.kids, r.actions(t, g.Do)...)
	if last := r.wayBack(g); last != "" {
		n.kids = append(n.kids, leaf(t, last))
	}
	return n
}

// of names the image that an entry is about.
func (r *render) of(image string) string {
	if image == "" {
		return ""
	}
	return ", passed by " + r.code(image)
}

// here is the list of what touches this stack, nil for none.
func (r *render) here(t tier, title string, tasks []release.Task) *node {
	if len(tasks) == 0 {
		return nil
	}
	n := &node{open: "**" + title + "**\n"}
	for _, task := range tasks {
		n.kids = append(n.kids, line(t, "place in this stack", r.task("- ", task)))
	}
	return n
}

// moments in their order.
var moments = [...]catalog.When{catalog.BeforeMerge, catalog.BeforeStart, catalog.AfterStart}

// actions gives what to do, by moment; actions of no known moment come last.
func (r *render) actions(t tier, all []release.Action) []*node {
	var out []*node
	for _, when := range append(moments[:], "") {
		list := &node{}
		for _, a := range all {
			if a.When != when && (when != "" || slices.Contains(moments[:], a.When)) {
				continue
			}
			text := after("- ", r.md(a.Text))
			if a.Command != "" {
				text += "\n\n" + fence("sh", []string{a.Command})
			}
			list.open = "**" + r.text(cmp.Or(whenTitle(when), whenTitle(a.When), "To do"), 120) + "**\n"
			list.kids = append(list.kids, line(t, "action", hang("", 2, text)))
		}
		if len(list.kids) > 0 {
			out = append(out, list)
		}
	}
	return out
}

// wayBack is the last line of a gate: the way back and the sources.
func (r *render) wayBack(g release.Passed) string {
	s := ""
	if g.Back != "" {
		s = "**Way back:** " + r.text(backWord(g.Back), 100)
	}
	var sources []string
	for i, src := range g.Sources {
		if i == 6 {
			break
		}
		if r.address(src) != "" {
			sources = append(sources, r.link(r.sourceName(src), src))
		} else {
			sources = append(sources, r.text(src, maxName))
		}
	}
	if len(sources) > 0 {
		s += "\n\n<sub>Sources: " + strings.Join(sources, " · ") + "</sub>"
	}
	return strings.TrimLeft(s, "\n")
}

// sourceName is what a link to a source is called: its host, and the end of its
// path.
func (r *render) sourceName(address string) string {
	return r.text(shortAddress(address), 60)
}

func shortAddress(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return address
	}
	p := strings.Split(strings.Trim(u.Path, "/"), "/")
	if u.Host == "github.com" && len(p) >= 2 {
		return strings.Join(append([]string{p[0] + "/" + p[1]}, p[max(2, len(p)-2):]...), " ")
	}
	return strings.TrimSuffix(strings.TrimPrefix(u.Host, "www.")+" "+p[len(p)-1], " ")
}
