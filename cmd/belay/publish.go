package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/belaystack/belay/lint/report"
	"github.com/belaystack/belay/release"
	"github.com/belaystack/belay/release/dossier"
	"github.com/belaystack/belay/release/github"
)

// maxResult bounds the report of another run, in bytes.
const maxResult = 32 << 20

// publish comments what the report of another run holds. That run may have
// been somebody else's code: nothing of it is used but the dossiers, which are
// checked and made neutral again, and the pull request is found through GitHub.
func (a *app) publish(ctx context.Context, f *flags, args []string) error {
	repo, ok := a.repo()
	if len(args) > 0 || !ok || a.event == nil || a.event.Run == nil {
		return usage("--publish: only in a workflow that workflow_run started, and without a path")
	}
	all, err := readResult(a.hostPath(f.publish))
	if err != nil {
		return usage("--publish %s: %w", f.publish, err)
	}
	client, err := a.client(f)
	if err != nil {
		return err
	}
	run := a.event.Run
	pulls, err := client.PullsOf(ctx, repo, run.HeadRepo, run.HeadBranch, run.Head)
	if err != nil {
		return &exitError{exitCouldNot, err}
	}
	if len(pulls) == 0 {
		return a.printf("no open pull request has commit %s as its head any more: nothing to publish\n", run.Head)
	}
	o := dossier.Options{Untrusted: true, Link: a.linkTo()}
	for _, pr := range pulls {
		said := a.sync(ctx, client, repo, pr, all, o, a.runURL(run.ID), github.SyncOptions{Head: run.Head, Most: maxComments})
		for _, n := range said.notices {
			fmt.Fprintf(a.stderr, "belay: notice: %s\n", report.Printable(n))
		}
		if said.state == commentRefused || said.state == commentFailed {
			return &exitError{exitCouldNot, fmt.Errorf("pull request %d: the comment was not written", pr)}
		}
		if err := a.printf("pull request %d: comment %s\n", pr, said.state); err != nil {
			return err
		}
		if name := a.getenv("GITHUB_OUTPUT"); name != "" {
			if err := report.WriteOutputs(name, []report.Output{{Name: "comment", Value: said.state}}, nil); err != nil {
				return &exitError{exitCouldNot, fmt.Errorf("outputs: %w", err)}
			}
		}
	}
	return nil
}

// hostPath is name as this container has it where it is a path of the host's:
// ${{ runner.temp }} is _temp there and RUNNER_TEMP here, and not every runner
// translates it (actions/runner, ContainerActionHandler).
func (a *app) hostPath(name string) string {
	_, rest, ok := strings.Cut(name, "/_temp/")
	if _, err := os.Lstat(name); err == nil || !ok || !filepath.IsLocal(rest) {
		return name
	}
	return filepath.Join(a.getenv("RUNNER_TEMP"), rest)
}

// openResult opens a report of another run. An archive may hold links, to the
// file or on the way to it, which lead to files of this machine.
func openResult(name string) (*os.File, error) {
	abs, err := filepath.Abs(name)
	if err != nil {
		return nil, errors.New("cannot be read")
	}
	info, err := os.Lstat(abs)
	if err != nil || !info.Mode().IsRegular() {
		return nil, errors.New("no such file")
	}
	if real, err := filepath.EvalSymlinks(abs); err != nil || real != abs {
		return nil, errors.New("a link is on the way to it")
	}
	file, err := os.Open(abs)
	if err != nil {
		return nil, errors.New("cannot be read")
	}
	if opened, err := file.Stat(); err != nil || !os.SameFile(info, opened) {
		file.Close()
		return nil, errors.New("no such file")
	}
	return file, nil
}

// readResult reads the dossiers of a JSON report.
func readResult(name string) ([]*release.Dossier, error) {
	file, err := openResult(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, maxResult+1))
	if err != nil || len(data) > maxResult {
		return nil, fmt.Errorf("cannot be read, or is larger than %d bytes", maxResult)
	}
	var result struct {
		Version  int               `json:"version"`
		Dossiers []json.RawMessage `json:"dossiers"`
	}
	if err := json.Unmarshal(data, &result); err != nil || result.Version != report.Version {
		return nil, errors.New("not a JSON report of this belay")
	}
	if len(result.Dossiers) > maxStacks {
		return nil, fmt.Errorf("more than %d stacks", maxStacks)
	}
	var out []*release.Dossier
	for i, raw := range result.Dossiers {
		d, err := dossier.Decode(raw)
		if err != nil {
			return nil, fmt.Errorf("dossier %d: %w", i+1, err)
		}
		if d.ID == "" || slices.ContainsFunc(out, func(o *release.Dossier) bool { return o.ID == d.ID }) {
			return nil, fmt.Errorf("dossier %d: no id of its own", i+1)
		}
		out = append(out, d)
	}
	return out, nil
}

// maxStacks bounds the comments that one report may make, and maxComments
// those that all reports of a pull request may: their ids are of their own making.
const (
	maxStacks   = 20
	maxComments = 20
)
