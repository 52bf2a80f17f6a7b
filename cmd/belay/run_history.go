package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/belaystack/belay/upgrade/report"
)

func newHistory(a *app, f *flags) *cobra.Command {
	var d deployment
	cmd := &cobra.Command{
		Use: "history [DIR]", Args: cobra.MaximumNArgs(1),
		Short: "List the runs of a stack, or show one",
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.history(cmd.Context(), f, strings.Join(args, ""), d)
		},
	}
	d.flags(cmd)
	show := &cobra.Command{
		Use: "show RUN", Args: cobra.ExactArgs(1), Short: "Show the report of a run; --format markdown, html or json for the whole",
		RunE: func(cmd *cobra.Command, args []string) error { return a.showRun(cmd.Context(), f, d, args[0]) },
	}
	d.flags(show)
	cmd.AddCommand(show)
	return cmd
}

// runLine is a run in a list.
type runLine struct {
	ID       string    `json:"id"`
	Kind     string    `json:"kind"`
	Began    time.Time `json:"began"`
	Ended    time.Time `json:"ended,omitzero"`
	Took     float64   `json:"seconds,omitempty"`
	Downtime float64   `json:"downtimeSeconds,omitempty"`
	Outcome  string    `json:"outcome"`
	At       string    `json:"at,omitempty"` // of one without an end: its last entry
	Changes  []string  `json:"changes,omitempty"`

	Until *time.Time `json:"until,omitempty"` // of one that is held: when it ends without a verdict
}

func lineOf(r pastRun) runLine {
	outcome, _ := outcomeOf(r)
	l := runLine{ID: r.id, Kind: string(r.spec.Kind), Began: r.began(), Ended: r.ended(), Downtime: r.downtime().Seconds(), Outcome: string(outcome)}
	if r.open() {
		last := r.entries[len(r.entries)-1]
		l.At = strings.TrimSpace(fmt.Sprintf("%s %s, at %s", last.Event, last.Step, last.Time.Format("15:04:05 UTC")))
	} else {
		l.Took = l.Ended.Sub(l.Began).Seconds()
	}
	if held, ok := r.held(); ok {
		l.Until = &held.Until
	}
	for _, c := range r.spec.Changes {
		old, now := c.Old, c.New
		switch {
		case old == now:
			continue
		case c.Hidden:
			old, now = "", ""
		}
		l.Changes = append(l.Changes, fmt.Sprintf("%s %s -> %s", c.Service, cmp.Or(old, "…"), cmp.Or(now, "…")))
	}
	return l
}

func (a *app) history(ctx context.Context, f *flags, dir string, d deployment) error {
	h, err := a.hostOfDead(ctx, f, dir, d)
	if err != nil && !errors.Is(err, errNoRuns) {
		return err
	}
	lines := []runLine{}
	if err == nil {
		all, err := readRuns(h.state)
		if err != nil {
			return &exitError{exitCouldNot, err}
		}
		for _, r := range all {
			lines = append(lines, lineOf(r))
		}
	}
	text := table(func(w *tabwriter.Writer) {
		fmt.Fprintln(w, "RUN\tKIND\tBEGAN\tTOOK\tDOWN\tOUTCOME\tCHANGES")
		for _, l := range lines {
			took, down := "", ""
			if !l.Ended.IsZero() {
				took = brief(l.Ended.Sub(l.Began))
			}
			if l.Downtime > 0 {
				down = brief(time.Duration(l.Downtime * float64(time.Second)))
			}
			outcome := l.Outcome
			if l.Until != nil {
				outcome += " until " + l.Until.Format("15:04 UTC")
			}
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", l.ID, l.Kind, l.Began.Format("2006-01-02 15:04"), took, down, outcome, strings.Join(l.Changes, "; "))
		}
	})
	return a.answer(f, text, struct {
		Version int       `json:"version"`
		Runs    []runLine `json:"runs"`
	}{1, lines})
}

// showRun prints the report of a run, from its journal.
func (a *app) showRun(ctx context.Context, f *flags, d deployment, id string) error {
	h, err := a.hostOfDead(ctx, f, "", d)
	if err != nil {
		return err
	}
	p, err := h.run(id)
	if err != nil {
		return err
	}
	r := h.report(p, nil, nil)
	var out []byte
	switch f.format {
	case "", "text", "github":
		return a.printf("%s", report.Text(r, a.columns(), a.color(f)))
	case "json":
		if out, err = report.JSON(r); err != nil {
			return &exitError{exitCouldNot, err}
		}
	case "markdown":
		out = []byte(report.Markdown(r, report.Options{}))
	case "html":
		out = report.HTML(r)
	default:
		return usage("--format %s: want text, markdown, html or json", f.format)
	}
	return a.write(f, out)
}

// run finds a run by its id or by the start of it.
func (h *host) run(id string) (pastRun, error) {
	all, err := readRuns(h.state)
	if err != nil {
		return pastRun{}, &exitError{exitCouldNot, err}
	}
	all = slices.DeleteFunc(all, func(r pastRun) bool { return !strings.HasPrefix(r.id, id) })
	if len(all) != 1 {
		return pastRun{}, usage("run %s: %s of that name in %s; `belay history` lists them", id, map[bool]string{true: "none", false: "several"}[len(all) == 0], h.state)
	}
	return all[0], nil
}
