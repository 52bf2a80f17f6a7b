package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/google/go-github/v60/github"

	"github.com/belaystack/belay/lint"
	"github.com/belaystack/belay/lint/dotenv"
	"github.com/belaystack/belay/lint/report"
	"github.com/belaystack/belay/lint/source"
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

// labelTimeout bounds the one question that check asks of the network.
const labelTimeout = 20 * time.Second

// labels asks GitHub for the labels of the pull request: those in the event
// are the ones of its first run, also when a person runs it again. The error
// says why they are not known, in words that may be printed.
func (ev *event) labels(ctx context.Context, getenv func(string) string) ([]string, error) {
	if !ev.isPull() {
		return nil, errors.New("this run is about no pull request")
	}
	owner, repo, ok := strings.Cut(getenv("GITHUB_REPOSITORY"), "/")
	token := getenv(inputVariable("token"))
	if !ok || token == "" {
		return nil, errors.New("there is no token to ask GitHub with")
	}
	client := github.NewClient(nil).WithAuthToken(token)
	if api := getenv("GITHUB_API_URL"); api != "" && api != "https://api.github.com" {
		var err error
		if client, err = client.WithEnterpriseURLs(api, api); err != nil {
			return nil, errors.New("GITHUB_API_URL is not a URL")
		}
	}
	ctx, cancel := context.WithTimeout(ctx, labelTimeout)
	defer cancel()
	var names []string
	for o := (&github.ListOptions{PerPage: 100}); ; {
		page, resp, err := client.Issues.ListLabelsByIssue(ctx, owner, repo, ev.PullRequest, o)
		if err != nil {
			return nil, describeAPI(err)
		}
		for _, l := range page {
			names = append(names, l.GetName())
		}
		if resp.NextPage == 0 {
			return names, nil
		}
		o.Page = resp.NextPage
	}
}

// describeAPI is err in few words: what GitHub answered, without addresses.
func describeAPI(err error) error {
	var answer *github.ErrorResponse
	var limit *github.RateLimitError
	switch {
	case errors.As(err, &limit):
		return fmt.Errorf("GitHub's rate limit is used up until %s", limit.Rate.Reset.UTC().Format(time.TimeOnly+" UTC"))
	case errors.As(err, &answer):
		return fmt.Errorf("GitHub answered %d; the workflow needs `pull-requests: read`", answer.Response.StatusCode)
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("GitHub did not answer within %s", labelTimeout)
	}
	return errors.New("GitHub could not be reached")
}

// toRunner writes the job summary, the JSON report and the outputs. Nothing
// goes into the workspace.
func (a *app) toRunner(res *report.Result, o report.Options, failed bool) error {
	if name := a.getenv("GITHUB_STEP_SUMMARY"); name != "" {
		if err := report.AppendSummary(name, res, o); err != nil {
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
	}
	if err := report.WriteOutputs(name, outputs, nil); err != nil {
		return &exitError{exitCouldNot, fmt.Errorf("outputs: %w", err)}
	}
	return nil
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
