package main

import (
	"context"
	"path"
	"path/filepath"
	"strings"

	"github.com/belaystack/belay/cmd/belay/base"
	"github.com/belaystack/belay/cmd/belay/config"
	"github.com/belaystack/belay/lint"
	"github.com/belaystack/belay/lint/dotenv"
	"github.com/belaystack/belay/lint/report"
	"github.com/belaystack/belay/lint/source"
	"github.com/belaystack/belay/release"
)

// isValues reports whether name is the values file of a Helm chart.
func isValues(name string) bool {
	stem := strings.TrimSuffix(strings.TrimSuffix(path.Base(name), ".yaml"), ".yml")
	return stem != path.Base(name) && strings.HasPrefix(stem, "values")
}

// envValues compares the values.yaml of a chart with the base's, and with the
// user's own values where --env-file names them. With p.tells it is a dossier
// like that of a stack.
func (a *app) envValues(ctx context.Context, f *flags, name string, p part) error {
	if f.base == "" {
		return usage("%s: a values file is compared with its base; name one with --base", name)
	}
	dir, file, err := a.place(name)
	if err != nil {
		return err
	}
	r := &repository{cfg: config.Default()}
	defer r.close()
	if r.root, err = source.OpenRoot(a.top(dir)); err != nil {
		return &exitError{exitCouldNot, err}
	}
	rel, err := r.root.Rel(file)
	if err != nil {
		return usage("%s: %w", name, err)
	}
	if r.base, err = base.Open(ctx, r.root, base.Options{Ref: f.base, Temp: a.temp(), MergeBase: f.mergeBase, Also: []string{rel}}); err != nil {
		return &exitError{exitUsage, err}
	}
	before := rel
	if r.base.Commit == "" { // a folder stands for the one that the file is in
		before = path.Base(rel)
	}
	now, err := readValues(r.root, rel)
	if err != nil {
		return coded(err)
	}
	old, err := readValues(r.base.Root, before)
	if err != nil {
		return coded(err)
	}
	yours := dotenv.Yours{}
	if f.envFile != "" {
		own, err := filepath.Abs(f.envFile)
		if err != nil {
			return coded(err)
		}
		if yours.File, err = readValues(r.root, own); err != nil {
			return coded(err)
		}
	}
	res := &report.Result{Version: versionText(), Stacks: []report.Stack{{Name: rel, Dir: path.Dir(rel), Files: []string{rel}}}}
	if limits := yours.Limits(); limits != "" {
		res.Notices = append(res.Notices, rel+": your own values are not known; --env-file names them")
	}
	drifts := dotenv.Compare(&dotenv.Set{Files: []*dotenv.File{old}}, &dotenv.Set{Files: []*dotenv.File{now}}, yours)
	res.Drift = driftRows(rel, drifts)
	chart := &release.Dossier{ID: stackID(path.Dir(rel), rel), Stack: rel, Dir: path.Dir(rel), Environment: string(lint.Prod), Missing: res.Notices}
	for _, d := range drifts {
		row := release.DriftOf(d)
		row.Place, row.Paste = placeOf(driftAt(d)), "" // a path is no line of a file
		chart.Drift = append(chart.Drift, row)
	}
	release.Finish(chart)
	r.charts = []*release.Dossier{chart}
	return a.tell(ctx, f, r, res, p, false)
}

func readValues(root *source.Root, name string) (*dotenv.File, error) {
	src, err := root.Read(name)
	if err != nil {
		return nil, err
	}
	return dotenv.ParseValues(src)
}
