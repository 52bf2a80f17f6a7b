package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/belaystack/belay/lint/report"
	"github.com/belaystack/belay/release"
	"github.com/belaystack/belay/release/dossier"
)

// tell prints the result, and what the change means where that is asked for:
// for whoever watches, the findings first, since they wait for no network.
func (a *app) tell(ctx context.Context, f *flags, r *repository, res *report.Result, p part, failed bool) error {
	name := a.formatName(f)
	page := slices.Contains(dossierFormats, name)
	if page && !p.tells {
		return usage("--format %s: only for check, plan and notes", name)
	}
	watched := !page && name != "json" && f.output == ""
	if watched {
		if err := a.print(f, r, res); err != nil {
			return err
		}
	}
	var all []*release.Dossier
	var said outcome
	if p.tells && (r.base != nil || page) {
		var err error
		if all, said, err = a.change(ctx, f, r, res); err != nil {
			return err
		}
	}
	out, err := a.rest(f, r, res, all, watched)
	if err == nil && len(out) > 0 {
		err = a.write(f, out)
	}
	if err != nil {
		return err
	}
	if watched {
		for _, n := range said.notices {
			fmt.Fprintf(a.stderr, "belay: notice: %s\n", report.Printable(n))
		}
	}
	return a.toRunner(r, res, all, said, failed)
}

// change makes the dossiers and the comments of them.
func (a *app) change(ctx context.Context, f *flags, r *repository, res *report.Result) ([]*release.Dossier, outcome, error) {
	all, err := a.dossiers(ctx, f, r, res)
	if err != nil {
		return nil, outcome{}, err
	}
	if res.Dossiers, err = encode(all); err != nil {
		return nil, outcome{}, &exitError{exitCouldNot, err}
	}
	said, err := a.comment(ctx, f, r, res, all)
	res.Notices = append(res.Notices, said.notices...)
	return all, said, err
}

// rest is what has not been printed yet: for whoever watched the findings,
// what the change means; else everything.
func (a *app) rest(f *flags, r *repository, res *report.Result, all []*release.Dossier, watched bool) ([]byte, error) {
	name := a.formatName(f)
	if slices.Contains(dossierFormats, name) {
		return a.page(name, all), nil
	}
	var out []byte
	if !watched {
		var err error
		if out, err = a.findings(f, r, res); err != nil {
			return nil, err
		}
	}
	if name != "text" {
		return out, nil
	}
	for _, d := range all { // findings and drift stand above already
		rest := *d
		rest.Findings, rest.Drift, rest.Missing = nil, nil, nil
		if !rest.Empty() {
			out = append(out, "\n"+dossier.Text(&rest, textWidth, f.output == "" && a.color(f))...)
		}
	}
	return out, nil
}

func encode(all []*release.Dossier) ([]json.RawMessage, error) {
	var out []json.RawMessage
	for _, d := range all {
		data, err := json.Marshal(d)
		if err != nil {
			return nil, err
		}
		out = append(out, data)
	}
	return out, nil
}

// page is every dossier in one of the formats for people.
func (a *app) page(name string, all []*release.Dossier) []byte {
	if name == "html" {
		return dossier.HTML(all, dossier.Options{Link: a.linkTo()})
	}
	var b bytes.Buffer
	for i, d := range all {
		if i > 0 {
			b.WriteString("\n")
		}
		b.WriteString(dossier.Markdown(d, dossier.Options{Link: a.linkTo()}))
	}
	return b.Bytes()
}

// textWidth is where text for a terminal is wrapped.
const textWidth = 100

// linkTo gives the address of a place at the commit that is checked; nil
// outside of Actions.
func (a *app) linkTo() func(release.Place) string {
	server, repo, commit := a.getenv("GITHUB_SERVER_URL"), a.getenv("GITHUB_REPOSITORY"), a.commit()
	if !a.inActions() || !strings.HasPrefix(server, "https://") || repo == "" || commit == "" {
		return nil
	}
	return func(p release.Place) string {
		if p.File == "" || strings.HasSuffix(p.File, ".env") {
			return "" // an env file is not in the repository, as it should be
		}
		link := server + "/" + repo + "/blob/" + commit + "/" + escapePath(p.File)
		if p.Line > 0 {
			link += fmt.Sprintf("#L%d", p.Line)
		}
		return link
	}
}
