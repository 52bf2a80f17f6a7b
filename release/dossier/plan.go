package dossier

import (
	"strconv"

	"github.com/belaystack/belay/release"
)

// upgrade is the plan, step by step.
func (r *render) upgrade(steps []release.Step) *node {
	return section("Upgrade plan", r.steps(plans, steps))
}

// steps is a numbered list, nil for none. It is cut at its end only: a plan
// with a hole is no plan.
func (r *render) steps(t tier, steps []release.Step) *node {
	n := &node{inOrder: true}
	for i, s := range steps {
		mark := strconv.Itoa(i+1) + ". "
		text := "**" + r.text(s.Name, 60) + "**"
		if md := r.md(s.Text); md != "" {
			text = after(text+": ", md)
		}
		if len(s.Stops) > 0 {
			text += "\n\nStands still from here on: " + r.codes(s.Stops, 20)
		}
		if len(s.Commands) > 0 {
			text += "\n\n" + fence("sh", s.Commands)
		}
		n.kids = append(n.kids, line(t, "step", hang(mark, len(mark), text)))
	}
	if n.kids == nil {
		return nil
	}
	return n
}

// rollback is the way back.
func (r *render) rollback(b release.Rollback) *node {
	var kids []*node
	if b.Back != "" {
		kids = append(kids, leaf(first, "**Way back:** "+r.text(backWord(b.Back), 100)))
	}
	if len(b.To) > 0 {
		kids = append(kids, leaf(first, "**To:** "+r.codes(b.To, 30)))
	}
	if b.Data != "" {
		kids = append(kids, leaf(first, after("**Data:** ", r.md(b.Data))))
	}
	for _, k := range kids {
		k.at = -1 // of the plans this is what a reviewer cannot do without
	}
	if len(b.Needs) > 0 {
		needs := &node{open: "**It needs:**\n"}
		for i, t := range b.Needs {
			needs.kids = append(needs.kids, line(early(i, 10), "prerequisite", r.task("- ", t)))
		}
		kids = append(kids, needs)
	}
	if steps := r.steps(first, b.Steps); steps != nil {
		steps.open = "**Step by step:**\n"
		kids = append(kids, steps)
	}
	return section("Rollback plan", kids...)
}

// missing is what could not be known.
func (r *render) missing(all []string) *node {
	var kids []*node
	for i, m := range all {
		t := plans
		if i >= 20 {
			t = bulk
		}
		kids = append(kids, line(t, "unknown", "- "+r.prose(m, maxLine)))
	}
	return section("What could not be known", kids...)
}
