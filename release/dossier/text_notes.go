package dossier

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/belaystack/belay/release"
	"github.com/belaystack/belay/release/catalog"
	"github.com/belaystack/belay/release/markdown"
)

func (t *terminal) gate(g release.Passed) {
	t.title("Gate: " + g.Title)
	about := "risk, " + clean(dutyWord(g.Duty), maxName)
	if g.Image != "" {
		about += "; passed by " + clean(g.Image, maxName)
	}
	t.about(2, t.level(g.Level.String())+" ", about)
	if g.Text != "" {
		t.item(2, "", plain(g.Text))
	}
	for _, h := range g.Here {
		t.item(2, "here: ", plainTask(h))
	}
	do := slices.Clone(g.Do)
	slices.SortStableFunc(do, func(a, b release.Action) int {
		return cmp.Compare(moment(a.When), moment(b.When))
	})
	for i, a := range do {
		if i == 0 || do[i-1].When != a.When {
			t.item(2, "", clean(cmp.Or(whenTitle(a.When), "To do"), maxName)+":")
		}
		t.item(4, "- ", plain(a.Text))
		if a.Command != "" {
			t.verbatim(6, a.Command)
		}
	}
	if g.Back != "" {
		t.item(2, "way back: ", clean(backWord(g.Back), maxLine))
	}
}

// moment is the place of a When in their order, unknown ones last.
func moment(w catalog.When) int {
	if i := slices.Index(moments[:], w); i >= 0 {
		return i
	}
	return len(moments)
}

func (t *terminal) notes(n release.Notes) {
	t.title(fmt.Sprintf("Release notes: %s %s -> %s", clean(n.Image, maxName), clean(n.Old, maxName), clean(n.New, maxName)))
	if len(n.Versions) > 0 {
		t.item(2, "", summary(n))
	}
	for _, m := range n.Missing {
		t.item(2, "missing: ", clean(m, maxLine))
	}
	for _, v := range n.Versions {
		head := clean(v.Name, maxName)
		if v.Date != "" {
			head += " (" + clean(v.Date, maxName) + ")"
		}
		t.b.WriteByte('\n')
		t.item(2, "", head)
		if len(v.Advisories) > 0 {
			t.item(4, "security: ", names(v.Advisories))
		}
		if v.Migrations {
			t.item(4, "", "It has database migrations.")
		}
		for _, h := range v.Here {
			t.item(4, "here: ", plainTask(h))
		}
		for _, c := range v.Commands {
			t.item(4, "", "it tells to run:")
			t.verbatim(6, c)
		}
		for _, s := range v.Sections {
			t.section(s)
		}
	}
}

func (t *terminal) section(s release.Section) {
	k := kindOf(s.Kind)
	title := sectionTitle(s)
	if k == markdown.Changes || k == markdown.Boilerplate {
		t.item(4, "", title+": "+count(len(s.Blocks), "entry")+", not shown here")
		return
	}
	t.item(4, "", t.paint("1", title))
	for _, b := range s.Blocks {
		t.item(6, "", plain(b))
	}
}

func (t *terminal) steps(title string, steps []release.Step) {
	if len(steps) == 0 {
		return
	}
	t.title(title)
	for i, s := range steps {
		text := clean(s.Name, maxName)
		if md := plain(s.Text); md != "" {
			text += ": " + md
		}
		t.item(2, fmt.Sprintf("%d. ", i+1), text)
		if len(s.Stops) > 0 {
			t.item(5, "stands still from here on: ", names(s.Stops))
		}
		for _, c := range s.Commands {
			t.verbatim(5, c)
		}
	}
}

func (t *terminal) rollback(b release.Rollback) {
	if b.Back == "" && b.Data == "" && len(b.To)+len(b.Needs)+len(b.Steps) == 0 {
		return
	}
	t.title("Rollback plan")
	if b.Back != "" {
		t.item(2, "way back: ", clean(backWord(b.Back), maxLine))
	}
	if len(b.To) > 0 {
		t.item(2, "to: ", names(b.To))
	}
	if b.Data != "" {
		t.item(2, "data: ", plain(b.Data))
	}
	for _, n := range b.Needs {
		t.item(2, "it needs: ", plainTask(n))
	}
	t.steps("Rollback, step by step", b.Steps)
}

func (t *terminal) list(title string, all []string) {
	if len(all) == 0 {
		return
	}
	t.title(title)
	for _, s := range all {
		t.item(2, "- ", clean(s, maxLine))
	}
}
