package main

import (
	"cmp"
	"errors"
	"os"
	"path/filepath"
	"strconv"

	lintreport "github.com/belaystack/belay/lint/report"
	"github.com/belaystack/belay/upgrade/report"
)

// toWorkflow writes the job summary, the report and the outputs of a command on a host.
func (a *app) toWorkflow(e *ending) error {
	var err error
	if name := a.getenv("GITHUB_STEP_SUMMARY"); name != "" && e.Report != nil {
		err = lintreport.AppendMarkdown(name, func(room int) string { return report.Markdown(e.Report, report.Options{Limit: room, Bytes: true}) })
	}
	if name := a.getenv("GITHUB_STEP_SUMMARY"); name != "" && e.Waiting != "" {
		err = lintreport.AppendMarkdown(name, func(room int) string { return e.Waiting[:min(room, len(e.Waiting))] })
	}
	name := a.getenv("GITHUB_OUTPUT")
	if name == "" {
		return err
	}
	outputs := []lintreport.Output{{Name: "result", Value: resultOf(e)}, {Name: "plan-hash", Value: e.hash()}}
	if e.Report != nil {
		file, fileErr := a.runFile(e.Report)
		err = errors.Join(err, fileErr)
		outputs = append(outputs,
			lintreport.Output{Name: "run-id", Value: e.Report.ID}, lintreport.Output{Name: "backup", Value: backupOf(e.Report)},
			lintreport.Output{Name: "downtime-seconds", Value: downtimeSeconds(e.Report)}, lintreport.Output{Name: "report", Value: file})
	}
	return errors.Join(err, lintreport.WriteOutputs(name, outputs, nil))
}

// hash names the plan that waits, or that was approved.
func (e *ending) hash() string {
	if e.PlanHash == "" && e.Report != nil {
		return e.Report.Plan
	}
	return e.PlanHash
}

// resultOf is the word for how a command on a host ended.
func resultOf(e *ending) string {
	switch {
	case e.Waiting != "":
		return "waiting"
	case e.Report != nil:
		return string(e.Report.Outcome)
	}
	words := map[int]report.Outcome{exitOK: report.Done, exitRolledBack: report.RolledBack, exitStuck: report.Stuck, exitRefused: report.Refused, exitHeld: report.Refused, exitCancelled: report.Cancelled}
	return string(cmp.Or(words[e.Exit], report.Failed))
}

// backupOf is the backup that a run made; "" where it made none.
func backupOf(r *report.Run) string {
	for _, b := range r.Backups {
		if b.Use == "" || b.Use == "made" {
			return b.ID
		}
	}
	return ""
}

// downtimeSeconds is how long users could not use the stack; "0" where nothing stood still.
func downtimeSeconds(r *report.Run) string {
	if r.Downtime == nil || r.Downtime.To.IsZero() {
		return "0"
	}
	return strconv.FormatFloat(r.Downtime.To.Sub(r.Downtime.From).Seconds(), 'f', 1, 64)
}

// runFile writes the report of a run as JSON where later steps of the job find it.
func (a *app) runFile(r *report.Run) (string, error) {
	dir := a.getenv("RUNNER_TEMP")
	if dir == "" {
		return "", nil
	}
	data, err := report.JSON(r)
	if err != nil {
		return "", err
	}
	f, err := os.CreateTemp(dir, "belay-run-*.json")
	if err != nil {
		return "", err
	}
	defer f.Close()
	if _, err := f.Write(data); err != nil {
		return "", err
	}
	return filepath.Base(f.Name()), f.Chmod(0o644)
}
