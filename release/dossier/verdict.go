package dossier

import (
	"cmp"
	"strings"

	"github.com/belaystack/belay/release"
	"github.com/belaystack/belay/release/catalog"
)

// sign is the level's light; its word always stands beside it.
func sign(l catalog.Level) string {
	switch l {
	case catalog.High:
		return "🔴"
	case catalog.Medium:
		return "🟡"
	}
	return "🟢"
}

// capital is the level's word where a sentence begins with it.
func capital(l catalog.Level) string {
	w := l.String()
	return strings.ToUpper(w[:1]) + w[1:]
}

// head is the first line and the verdict.
func (r *render) head(d *release.Dossier) *node {
	verdict := "**" + sign(d.Verdict.Level) + " " + capital(d.Verdict.Level) + " risk**"
	if d.Verdict.Line != "" {
		verdict = "**" + sign(d.Verdict.Level) + " " + capital(d.Verdict.Level) + " risk: " + r.text(d.Verdict.Line, 200) + "**"
	}
	if env := r.text(d.Environment, 20); env != "" {
		verdict += " · " + env
	}
	if dir := r.code(clean(d.Dir, 60)); dir != "" && d.Dir != "." {
		verdict += " · " + dir
	}
	return leaf(must, r.title(d)+verdict)
}

// grouped gives the reasons with those of one risk together, the risks in the
// order of their worst.
func grouped(all []release.Reason) []release.Reason {
	var order []catalog.Risk
	by := map[catalog.Risk][]release.Reason{}
	for _, x := range all {
		if by[x.Risk] == nil {
			order = append(order, x.Risk)
		}
		by[x.Risk] = append(by[x.Risk], x)
	}
	var out []release.Reason
	for _, risk := range order {
		out = append(out, by[risk]...)
	}
	return out
}

// reasons is the list below the verdict.
func (r *render) reasons(all []release.Reason) *node {
	if len(all) == 0 {
		return nil
	}
	list := &node{unit: "Reasons", notes: true}
	for i, x := range grouped(all) {
		s := "- " + sign(x.Level) + " " + x.Level.String() + ", **" + r.text(cmp.Or(string(x.Risk), "other"), 60) + "**: " + r.prose(x.Text, maxLine)
		if len(x.Evidence) > 0 {
			s += " (" + r.evidence(x.Evidence) + ")"
		}
		list.kids = append(list.kids, line(early(i, 10), "reason", s))
	}
	return list
}

// evidence gives what a reason rests on; an address is linked.
func (r *render) evidence(all []string) string {
	const most = 4
	var out []string
	for i, e := range all {
		if i == most {
			out = append(out, count(len(all)-most, "more source"))
			break
		}
		if r.address(e) != "" {
			out = append(out, r.link(r.sourceName(e), e))
		} else {
			out = append(out, r.text(e, maxName))
		}
	}
	return strings.Join(out, "; ")
}

// early gives tier first for the first n of a section that decides.
func early(i, n int) tier {
	if i < n {
		return first
	}
	return core
}

// checklist is what to do before merging.
func (r *render) checklist(tasks []release.Task) *node {
	var kids []*node
	for i, t := range tasks {
		kids = append(kids, line(early(i, 20), "task", r.task("- [ ] ", t)))
	}
	return section("Before merging", kids...)
}

// task gives a task as an item of a list, its places behind it.
func (r *render) task(mark string, t release.Task) string {
	text := after(mark, r.md(t.Text))
	if strings.Contains(text, "\n") {
		return hang("", 2, text+r.places("\n\n", t.Places))
	}
	return hang("", 2, text+r.places(" · ", t.Places))
}
