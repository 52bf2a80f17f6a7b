package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	application "github.com/belaystack/belay/upgrade/app"
	"github.com/belaystack/belay/upgrade/backup"
	"github.com/belaystack/belay/upgrade/journal"
	"github.com/belaystack/belay/upgrade/postgres"
	"github.com/belaystack/belay/upgrade/report"
	"github.com/belaystack/belay/upgrade/steps"
)

// fingerprints are the databases of a run's data-before.json, by service and name.
type fingerprints = map[string]map[string]*postgres.Fingerprint

// tagged is a reference and the id of its image, as the results of steps have them.
type tagged struct{ Ref, ID string }

// fillServices tells the images before and after, and what they used.
func (h *host) fillServices(r *report.Run, p pastRun) {
	var before steps.Measured
	p.read(journal.Done, "baseline-live", &before)
	var after steps.Verdict
	verified := p.read(journal.Done, "verify", &after)
	var pulled struct{ Tags []tagged }
	p.read(journal.Done, "pull", &pulled)
	stays := r.Outcome != report.Done && r.Outcome != report.Held || p.spec.Kind == steps.Backup
	for _, c := range p.spec.Changes {
		s := report.Service{Name: c.Service, Before: imageOf(c.Old, c.OldID, c.Hidden), After: imageOf(c.New, "", c.Hidden)}
		if b, ok := stateOf(before.Services, c.Service); ok {
			s.Before, s.Health = measured(b, c.Hidden), b.Health
		}
		i := slices.IndexFunc(pulled.Tags, func(t tagged) bool { return t.Ref == c.New })
		switch {
		case c.Old == c.New && (i < 0 || pulled.Tags[i].ID == c.OldID):
			s.After = s.Before
		case i >= 0:
			s.After.Digest = pulled.Tags[i].ID
		}
		if a, ok := stateOf(after.Services, c.Service); ok && !(s.After != s.Before && a.ImageID == c.OldID && a.State != "running") {
			s.After, s.Health = measured(a, c.Hidden), a.Health // a proxy is the old one still, which open replaces
		}
		if stays && s.After != s.Before {
			s.Wanted, s.After = s.After, s.Before
		}
		r.Services = append(r.Services, s)
		r.Stats = append(r.Stats, report.Stat{Service: c.Service, Before: usedBy(before.Services, c.Service), After: usedBy(after.Services, c.Service)})
	}
	r.Stats = slices.DeleteFunc(r.Stats, func(s report.Stat) bool { return s.Before == nil && s.After == nil })
	if verified {
		for _, l := range after.Errors {
			r.Errors = append(r.Errors, report.Log{Service: l.Service, Total: len(l.Lines), Lines: l.Shown})
		}
	}
	for _, f := range p.spec.Files {
		change := map[bool]string{true: "added"}[f.Old == ""]
		if change == "" {
			change = map[bool]string{true: "removed", false: "changed"}[f.New == ""]
		}
		r.Files = append(r.Files, report.File{Path: f.Path, Change: change})
	}
}

func imageOf(ref, id string, hidden bool) report.Image {
	if hidden {
		ref = ""
	}
	return report.Image{Ref: ref, Digest: id}
}

func stateOf(all []steps.State, service string) (steps.State, bool) {
	i := slices.IndexFunc(all, func(s steps.State) bool { return s.Service == service })
	if i < 0 {
		return steps.State{}, false
	}
	return all[i], true
}

// measured is the image of a container, by the registry's digest where it has one.
func measured(s steps.State, hidden bool) report.Image {
	img := imageOf(s.Image, s.ImageID, hidden)
	if len(s.Digests) > 0 {
		if _, d, ok := strings.Cut(s.Digests[0], "@"); ok {
			img.Digest = d
		}
	}
	return img
}

// usedBy sums what the containers of a service use.
func usedBy(all []steps.State, service string) *report.Usage {
	var u *report.Usage
	for _, s := range all {
		if s.Service != service || s.State != "running" {
			continue
		}
		if u == nil {
			u = &report.Usage{}
		}
		u.CPU, u.Memory, u.Limit, u.Restarts = u.CPU+s.CPU, u.Memory+s.Memory, u.Limit+s.Limit, u.Restarts+s.Restarts
	}
	return u
}

// fillData tells the rows before and after.
func (h *host) fillData(r *report.Run, p pastRun) {
	before, err := readData(h.runFolder(p.id))
	if err != nil {
		return // it did not come to that
	}
	var after steps.Verdict
	verified := p.read(journal.Done, "verify", &after)
	_, compared := p.at(journal.Undone, "baseline-data")
	_, handed := p.at(journal.Captured, "hand-over")
	for _, service := range sortedKeys(before) {
		for _, name := range sortedKeys(before[service]) {
			db := report.Database{Service: service, Name: name}
			if compared && handed {
				db.Proof = report.Same
			}
			switch {
			case db.Proof == report.Same:
			case !verified:
				continue // counted once: there is nothing to compare
			default:
				db.Proof = report.Counted
			}
			for _, table := range sortedKeys(before[service][name].Tables) {
				was := before[service][name].Tables[table].Rows
				t := report.Table{Name: table, Before: &was, After: &was}
				if i := slices.IndexFunc(after.Rows, func(x steps.Rows) bool { return x.Service == service && x.Database == name && x.Table == table }); i >= 0 {
					db.Proof, t.After = report.Changed, nil
					if now := after.Rows[i].After; now >= 0 {
						t.After = &now
					}
				}
				db.Tables = append(db.Tables, t)
			}
			r.Databases = append(r.Databases, db)
		}
	}
}

// readData reads what baseline-data of a run counted.
func readData(folder string) (fingerprints, error) {
	b, err := os.ReadFile(filepath.Join(folder, "data-before.json"))
	if err != nil {
		return nil, err
	}
	var d fingerprints
	return d, json.Unmarshal(b, &d)
}

// failedVerdict is what a verify found that failed; nothing where there was none.
func failedVerdict(folder string) (v steps.Verdict) {
	b, err := os.ReadFile(filepath.Join(folder, steps.FailedVerdict))
	if err != nil || json.Unmarshal(b, &v) != nil {
		return steps.Verdict{}
	}
	return v
}

// fillChecks tells the probes and the user's own commands.
func (h *host) fillChecks(r *report.Run, p pastRun) {
	var before steps.Measured
	p.read(journal.Done, "baseline-live", &before)
	var after steps.Verdict
	if !p.read(journal.Done, "verify", &after) {
		after = failedVerdict(h.runFolder(p.id))
	}
	var opened steps.Passed
	p.read(journal.Done, "open", &opened)
	facts := append(after.Apps, opened.Apps...)
	if len(facts) == 0 {
		facts = application.TellBefore(before.Facts)
	}
	for _, f := range facts {
		r.Facts = append(r.Facts, report.Fact(f))
	}
	for _, probe := range p.spec.Config.Probes {
		x := report.Probe{Name: probe.Name, Service: probe.Service, Before: answer(before.Probes, probe), After: answer(after.Probes, probe)}
		if x.Before != nil || x.After != nil {
			r.Probes = append(r.Probes, x)
		}
	}
	r.Commands = append(ranCommands("baseline-live", before.Commands, p.spec.Config.Baseline, p.spec.Options.AcceptFailing),
		ranCommands("verify", after.Commands, p.spec.Config.Verify, nil)...)
}

// notWaitedFor tells the work that drain left alone.
func notWaitedFor(p pastRun) []string {
	var d steps.Drained
	p.read(journal.Done, "drain", &d)
	var out []string
	for _, w := range d.Work {
		for _, left := range w.Left() {
			out = append(out, "not waited for: "+left)
		}
	}
	return out
}

// carriedOver tells what became of the servers that got another major version.
func carriedOver(p pastRun) []string {
	var t steps.Transferred
	p.read(journal.Done, "transfer", &t)
	var out []string
	for _, s := range t.Servers {
		tables, rows := 0, int64(0)
		for _, d := range s.Databases {
			tables, rows = tables+d.Tables, rows+d.Rows
		}
		var took []string
		for _, part := range s.Parts {
			took = append(took, fmt.Sprintf("%s %s", part.Name, time.Duration(part.Took).Round(100*time.Millisecond)))
		}
		out = append(out, fmt.Sprintf("%s: PostgreSQL %s -> %s by dump and restore into %s; %s, %s, %s: counted and hashed, as before; %s",
			s.Service, s.From, s.To, s.New.Name(), count(len(s.Databases), "database"), count(tables, "table"), plural(rows, "row"), strings.Join(took, ", ")))
		if p.committed() {
			out = append(out, fmt.Sprintf("%s: the data of PostgreSQL %s stay in %s as its server left them, and are the way back", s.Service, s.From, s.Old.Name()))
		}
		for _, x := range s.Indexes {
			text := fmt.Sprintf("%s: vector search of %s by %s in %s, %s: exact neighbours as before", s.Service, x.Database, x.Name, x.Method, count(x.Queries, "row"))
			if x.Unknown != "" {
				text += "; what the index itself finds was not checked: " + x.Unknown
			} else {
				text += fmt.Sprintf(", recall@10 %.3f -> %.3f", x.Before, x.After)
			}
			out = append(out, text)
		}
		for _, n := range s.Notes {
			out = append(out, s.Service+": "+n)
		}
	}
	return out
}

// leftBehind tells where the rows are that people wrote to a server which was taken back, by
// the run's folder.
func leftBehind(folder string) []string {
	left, err := steps.Left(folder)
	if err != nil {
		return []string{"what the undo left cannot be read: " + err.Error()}
	}
	var out []string
	for _, m := range left {
		then := "retention removes it with the folder of this run; another try needs the name: docker volume rm " + m.New.Volume
		if m.New.Volume == "" {
			then = "it is yours to remove; another try needs it empty"
		}
		out = append(out, fmt.Sprintf("%s: what was written to PostgreSQL %d since the opening, or may have been, is in %s and nowhere else; %s", m.Service, m.To, m.New.Name(), then))
	}
	return out
}

// activatedAgain tells the workflows that verify activated.
func activatedAgain(p pastRun) []string {
	var v steps.Verdict
	p.read(journal.Done, "verify", &v)
	var out []string
	for _, a := range v.Again {
		out = append(out, a.String())
	}
	return out
}

func answer(all []steps.Probed, p steps.Probe) *report.Answer {
	i := slices.IndexFunc(all, func(x steps.Probed) bool { return x.Name == p.Name && x.Service == p.Service })
	if i < 0 {
		return nil
	}
	a := all[i]
	out := &report.Answer{OK: a.Error == "" && a.Unasked == "", Latency: report.Duration(a.Took), Text: a.Error, News: a.News}
	for _, why := range []string{a.Unasked, a.Unlike} {
		if why != "" {
			out.Unchecked = why
		}
	}
	return out
}

func ranCommands(step string, ran []steps.Ran, said []steps.Command, accepted []string) []report.Command {
	var out []report.Command
	for _, r := range ran {
		c := report.Command{Name: r.Name, Step: step, Where: "host", Exit: r.Exit, Error: r.Error, Took: report.Duration(r.Took),
			Accepted: r.Exit != 0 && slices.Contains(accepted, r.Name)}
		if i := slices.IndexFunc(said, func(s steps.Command) bool { return s.Name == r.Name }); i >= 0 {
			c.Line = strings.Join(said[i].Run, " ")
			switch {
			case said[i].Service != "":
				c.Where = "service " + said[i].Service
			case said[i].Image != "":
				c.Where = "image " + said[i].Image
			}
		}
		if r.Output != "" {
			c.Output = strings.Split(r.Output, "\n")
		}
		out = append(out, c)
	}
	return out
}

// fillBackups tells the backup that the run made, and the one that it gave back.
func (h *host) fillBackups(r *report.Run, p pastRun) {
	var made struct {
		ID       string
		LeftOut  []backup.LeftOut
		Together []backup.Together
	}
	if p.read(journal.Done, "backup", &made) {
		for _, l := range made.LeftOut {
			r.Notes = append(r.Notes, fmt.Sprintf("not in the backup: %s at %s of %s: %s", l.Source, l.Destination, l.Service, l.Why))
		}
		for _, t := range made.Together {
			for _, part := range t.Parts {
				if part.Missing != "" {
					r.Notes = append(r.Notes, fmt.Sprintf("not in the backup: the %s of %s: %s", part.Name, t.App, part.Missing))
				}
			}
		}
		s := report.Saved{ID: made.ID, Path: filepath.Join(p.spec.Backups, made.ID), Consistent: !p.spec.Options.Online, Encrypted: len(p.spec.Config.Recipients) > 0}
		var proof struct {
			Bytes, Rows int64
			Restored    int
		}
		if p.read(journal.Done, "verify-backup", &proof) {
			s.Size = proof.Bytes
			s.Verified = append(s.Verified, "checksums read again from disk")
			if proof.Rows > 0 {
				s.Verified = append(s.Verified, "archives read in full, rows counted")
			}
			if proof.Restored > 0 {
				s.Verified = append(s.Verified, count(proof.Restored, "database")+" restored and hashed")
			}
		}
		r.Backups = append(r.Backups, s)
	}
	if _, ok := p.at(journal.Done, "restore-data"); ok && p.spec.Restore != "" && !p.spec.Options.KeepData {
		s := report.Saved{ID: p.spec.Restore, Path: filepath.Join(p.spec.Backups, p.spec.Restore), Consistent: true, Use: "restored",
			Verified: []string{"every byte read before, rows and hashes compared after"}}
		if b, err := h.store.Open(p.spec.Restore); err == nil { // one that is gone by now has no size
			for _, c := range b.Contents {
				s.Size += c.Size
			}
			if d, err := b.Details(); err == nil && !d.Moment.Consistent {
				s.Consistent, s.Verified[0] = false, "every byte read before"
			}
		}
		r.Backups = append(r.Backups, s)
	}
}

// downtime is how long the stack was closed; 0 when it was not, or still is.
func (p pastRun) downtime() time.Duration {
	d := downtimeOf(p, nil)
	if d == nil || d.To.IsZero() {
		return 0
	}
	return d.To.Sub(d.From)
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
