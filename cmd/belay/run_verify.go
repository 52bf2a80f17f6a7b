package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/belaystack/belay/upgrade/journal"
	"github.com/belaystack/belay/upgrade/steps"
)

func newVerify(a *app, f *flags) *cobra.Command {
	var d deployment
	cmd := &cobra.Command{
		Use: "verify [DIR]", Args: cobra.MaximumNArgs(1),
		Short: "Check the stack that runs against what the last run measured; exit 1 when it fails",
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.verify(cmd.Context(), f, strings.Join(args, ""), d)
		},
	}
	d.flags(cmd)
	return cmd
}

// verified is what `belay verify --format json` says.
type verified struct {
	Version int    `json:"version"`
	Passed  bool   `json:"passed"`
	Against string `json:"against,omitempty"` // the run whose measures were compared with
	steps.Verdict
}

func (a *app) verify(ctx context.Context, f *flags, dir string, d deployment) error {
	h, err := a.host(ctx, f, dir, d)
	if err != nil {
		return err
	}
	if err := static("/proc/self/exe"); err != nil {
		return &exitError{exitCouldNot, err}
	}
	all, err := readRuns(h.state)
	if err != nil {
		return &exitError{exitCouldNot, err}
	}
	v := verified{Version: 1}
	var before steps.Measured
	var was fingerprints
	since := h.now().Add(-time.Hour)
	var of steps.Spec
	for _, r := range all { // the newest that came so far
		if r.open() || !r.read(journal.Done, "baseline-live", &before) {
			continue
		}
		v.Against, since, of = r.id, r.ended(), r.spec
		was, _ = readData(h.runFolder(r.id)) // without one no rows are compared
		break
	}
	servers, err := steps.Servers(ctx, h.docker, h.stack.Containers)
	if err != nil {
		return runError(err)
	}
	h.docker.Run = h.runID()
	// Where that run gave older data back, fewer rows and workflows are what it was for.
	sh := &steps.Host{Spec: steps.Spec{Run: h.docker.Run, Kind: of.Kind, Options: steps.Options{KeepData: of.Options.KeepData}, Project: h.stack.Project, State: h.state, Servers: servers, Config: h.conf},
		Docker: h.docker, Store: h.store, Mask: h.mask, Now: h.now, Getenv: h.getenv, Engine: engineWait}
	if v.Verdict, err = sh.Verify(ctx, before, was, since); err != nil {
		return runError(&masked{err, h.mask})
	}
	v.Failed = append(unwell(v.Measured, before), v.Failed...)
	v.Passed = len(v.Failed) == 0
	if err := a.answer(f, v.text(), v); err != nil || v.Passed {
		return err
	}
	return &exitError{code: exitFindings}
}

// unwell are the services that do not run or are not healthy, and were before.
func unwell(now, before steps.Measured) []string {
	var out []string
	for _, s := range now.Services {
		was, known := stateOf(before.Services, s.Service)
		if s.State == "running" && s.Health != "unhealthy" || known && was.State == s.State && was.Health == s.Health {
			continue
		}
		text := "service " + s.Service + " is " + s.State
		if s.Health == "unhealthy" {
			text += " and unhealthy by its own check"
		}
		out = append(out, text)
	}
	for _, was := range before.Services {
		if _, there := stateOf(now.Services, was.Service); !there && was.State == "running" {
			out = append(out, "service "+was.Service+" has no container")
		}
	}
	return out
}

func (v verified) text() string {
	var b strings.Builder
	for _, f := range v.Failed {
		fmt.Fprintf(&b, "failed: %s\n", f)
	}
	for _, c := range v.Apps {
		switch {
		case c.Failed != "": // said above
		case c.Unasked != "":
			fmt.Fprintf(&b, "%s, %s: not checked: %s\n", c.App, c.Name, c.Unasked)
		default:
			fmt.Fprintf(&b, "%s, %s: %s\n", c.App, c.Name, c.After)
		}
	}
	lines := 0
	for _, e := range v.Errors {
		lines += len(e.Lines)
	}
	against := "nothing that was measured before"
	if v.Against != "" {
		against = "run " + v.Against
	}
	fmt.Fprintf(&b, "%s, %s, %s, %s with another count; %s; compared with %s\n", count(len(v.Services), "container"), count(len(v.Probes), "probe"),
		count(len(v.Commands), "command"), count(len(v.Rows), "table"), count(lines, "new kind")+" of error lines", against)
	if v.Passed {
		b.WriteString("verified\n")
	}
	return b.String()
}
