package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/belaystack/belay/release/github"

	"github.com/belaystack/belay/lint"
	"github.com/belaystack/belay/lint/dotenv"
	"github.com/belaystack/belay/lint/report"
	"github.com/belaystack/belay/lint/source"
	"github.com/belaystack/belay/release"
	"github.com/belaystack/belay/release/catalog"
	"github.com/belaystack/belay/release/dossier"
)

// fromInputs makes the command line of a run of the Action, and hides the
// secrets of the env files it was handed before anything else is printed.
func (a *app) fromInputs() ([]string, error) {
	ev, err := readEvent(a.getenv, func(name string) (io.ReadCloser, error) { return os.Open(name) })
	if err != nil {
		return nil, err
	}
	a.event = ev
	args, texts, err := actionArgs(a.getenv, ev)
	if err != nil {
		return nil, err
	}
	a.envTexts = texts
	return args, a.mask()
}

// mask tells the runner every value of a secret key. Where the text does not
// parse, every line that could hold one.
func (a *app) mask() error {
	if len(a.envTexts) == 0 {
		return nil
	}
	var values []string
	env, err := dotenv.Parse(source.New("env", []byte(joinTexts(a.envTexts))), nil)
	if err != nil {
		for _, t := range a.envTexts {
			for line := range strings.Lines(t.Text) {
				if _, value, ok := strings.Cut(line, "="); ok {
					values = append(values, strings.TrimSpace(value))
				}
			}
		}
	} else {
		for _, e := range env.Entries {
			if dotenv.IsSecret(e.Key) || dotenv.HasCredentials(e.Value) {
				values = append(values, e.Value.Reveal(), e.Value.Written())
			}
		}
	}
	return report.WriteMasks(a.stdout, values)
}

// joinTexts puts the pieces of an env file together, which may be cut at any line.
func joinTexts(texts []envText) string {
	var out strings.Builder
	for _, t := range texts {
		out.WriteString(strings.TrimSuffix(t.Text, "\n") + "\n")
	}
	return out.String()
}

// isPull reports whether the run is about a pull request.
func (ev *event) isPull() bool { return ev != nil && ev.PullRequest > 0 }

// labelTimeout bounds the one question that the rules ask of the network.
const labelTimeout = 20 * time.Second

// labels asks GitHub for the labels of the pull request: those in the event
// are the ones of its first run, also when a person runs it again. The error
// says why they are not known, in words that may be printed.
func (a *app) labels(ctx context.Context, f *flags) ([]string, error) {
	if !a.event.isPull() {
		return nil, errors.New("this run is about no pull request")
	}
	repo, ok := a.repo()
	if !ok || a.token("token") == "" {
		return nil, errors.New("there is no token to ask GitHub with")
	}
	client, err := a.client(f)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, labelTimeout)
	defer cancel()
	names, err := client.Labels(ctx, repo, a.event.PullRequest)
	var answer *github.Error
	if errors.As(err, &answer) && answer.Kind == github.Refused {
		return nil, fmt.Errorf("%w; the workflow needs `pull-requests: read`", err)
	}
	return names, err
}

// toRunner writes the job summary, the JSON report and the outputs, in a
// workflow. Nothing goes into the workspace.
func (a *app) toRunner(r *repository, res *report.Result, all []*release.Dossier, said outcome, failed bool) error {
	if !a.inActions() {
		return nil
	}
	o := a.reportOptions(r)
	if name := a.getenv("GITHUB_STEP_SUMMARY"); name != "" {
		var err error
		if slices.ContainsFunc(all, func(d *release.Dossier) bool { return !d.Empty() }) {
			err = report.AppendMarkdown(name, func(room int) string { return summaryOf(all, room, a.linkTo()) })
		} else {
			err = report.AppendSummary(name, res, o)
		}
		if err != nil {
			return &exitError{exitCouldNot, fmt.Errorf("job summary: %w", err)}
		}
	}
	name := a.getenv("GITHUB_OUTPUT")
	if name == "" {
		return nil
	}
	file, err := a.reportFile(res, o)
	if err != nil {
		return &exitError{exitCouldNot, fmt.Errorf("report file: %w", err)}
	}
	verdict := "passed"
	if failed {
		verdict = "failed"
	}
	outputs := []report.Output{
		{Name: "result", Value: verdict},
		{Name: "errors", Value: strconv.Itoa(res.Count(lint.Error))},
		{Name: "warnings", Value: strconv.Itoa(res.Count(lint.Warning))},
		{Name: "notes", Value: strconv.Itoa(res.Count(lint.Note))},
		{Name: "report", Value: file},
		{Name: "comment", Value: said.state},
		{Name: "risk", Value: riskOf(all)},
	}
	if err := report.WriteOutputs(name, outputs, nil); err != nil {
		return &exitError{exitCouldNot, fmt.Errorf("outputs: %w", err)}
	}
	return nil
}

// summaryOf gives every dossier in the room that the summary has left, in bytes.
func summaryOf(all []*release.Dossier, room int, link func(release.Place) string) string {
	var b strings.Builder
	for i, d := range all {
		share := (room - b.Len()) / (len(all) - i)
		if d.Empty() || share < 1000 {
			continue
		}
		b.WriteString(dossier.Markdown(d, dossier.Options{Limit: share - 1, Bytes: true, Link: link}) + "\n")
	}
	return b.String()
}

// riskOf is the highest level of all stacks that change; "" where none does.
func riskOf(all []*release.Dossier) string {
	risk, changes := catalog.Low, false
	for _, d := range all {
		if len(d.Changes)+len(d.Structure) > 0 {
			risk, changes = max(risk, d.Verdict.Level), true
		}
	}
	if !changes {
		return ""
	}
	return risk.String()
}

// reportFile writes the whole result as JSON where later steps of the job
// find it: the path below /github/runner_temp is RUNNER_TEMP on the host.
func (a *app) reportFile(res *report.Result, o report.Options) (string, error) {
	dir := a.getenv("RUNNER_TEMP")
	if dir == "" {
		return "", nil
	}
	format, err := report.FormatNamed("json")
	if err != nil {
		return "", err
	}
	var out bytes.Buffer
	if err := format.Write(&out, res, o); err != nil {
		return "", err
	}
	f, err := os.CreateTemp(dir, "belay-report-*.json")
	if err != nil {
		return "", err
	}
	defer f.Close()
	if _, err := f.Write(out.Bytes()); err != nil {
		return "", err
	}
	return filepath.Base(f.Name()), f.Chmod(0o644)
}
