package rules

import (
	"errors"

	"github.com/belaystack/belay/lint"
	"github.com/belaystack/belay/lint/compose"
	"github.com/belaystack/belay/lint/image"
	"github.com/belaystack/belay/lint/source"
)

// recordStale finds record blocks that disagree with what runs: with the
// pins of the base, since a change that bumps a pin comes before the upgrade
// that writes the record. Without a base the stack's own pins are compared,
// and that is a note.
func recordStale() *lint.Rule {
	return &lint.Rule{
		ID:       "record-stale",
		Severity: lint.Warning,
		Doc: lint.Doc{
			Title: "The record block disagrees with the images that run",
			Why: "The comment block at the top of the compose file says which images ran after the last upgrade; a rollback\n" +
				"reads it. `belay upgrade` writes it. A change that bumps an image leaves the block as it is, so that it is\n" +
				"compared with the base. Without a base it is compared with the file's own pins: a difference is a note, and\n" +
				"`--fix` leaves it. A file without a block is no finding.",
			Bad: `-- base/compose.yaml --
# belay:record 1 (service, image, digest, date, run)
#   cache  redis:6-alpine  -  2026-03-02  -
services:
  cache:
    image: redis:7-alpine
-- compose.yaml --
# belay:record 1 (service, image, digest, date, run)
#   cache  redis:6-alpine  -  2026-03-02  -
services:
  cache:
    image: redis:7-alpine
`,
			Good: `-- base/compose.yaml --
# belay:record 1 (service, image, digest, date, run)
#   cache  redis:6-alpine  -  2026-03-02  -
services:
  cache:
    image: redis:6-alpine
-- compose.yaml --
# belay:record 1 (service, image, digest, date, run)
#   cache  redis:6-alpine  -  2026-03-02  -
services:
  cache:
    image: redis:7-alpine
`,
		},
		Check: checkRecordStale,
	}
}

func checkRecordStale(p *lint.Pass) {
	if len(p.Stack.Files) == 0 {
		return
	}
	file := p.Stack.Files[0].File
	record, ok, err := image.ReadRecord(file)
	if bad := (*source.Error)(nil); errors.As(err, &bad) {
		p.Report(source.Span{Pos: bad.Pos}, nil, bad.Next, "%s", bad.Msg)
		return
	}
	if !ok {
		return
	}
	if p.Base == nil {
		// No repair: a pin that was bumped and not yet deployed would get
		// into the record, and a rollback would go to it.
		for _, s := range staleEntries(p, record, p.Stack, "this file has") {
			p.ReportAs(lint.Note, s.at, nil, "belay upgrade writes the record; to repair it, run belay lint --fix --base with what is deployed",
				"%s", s.message).Service = s.service
		}
		return
	}
	for i, s := range staleEntries(p, record, p.Base, "the base has") {
		f := p.Report(s.at, nil, "run belay lint --fix, which writes the block anew", "%s", s.message)
		f.Service = s.service
		if e, change := renew(p, record, p.Base).Edit(file); i == 0 && change {
			f.Edits = []source.Edit{e}
		}
	}
}

// staleEntry is one line of a record that is wrong, or one that is missing.
type staleEntry struct {
	at      source.Span
	service string
	message string
}

func staleEntries(p *lint.Pass, r image.Record, against *compose.Stack, what string) []staleEntry {
	running := map[string]lint.Image{}
	var out []staleEntry
	for img := range p.Images(against) {
		if !isBuilt(img.Service) {
			running[img.Service.Name] = img
		}
	}
	recorded := map[string]bool{}
	for _, e := range r.Entries {
		recorded[e.Service] = true
		switch img, ok := running[e.Service]; {
		case !ok && against.Service(e.Service) == nil:
			out = append(out, staleEntry{e.Span, e.Service, "the record names service " + e.Service + ", and " + what + " none of that name"})
		case ok && !records(e, img):
			out = append(out, staleEntry{e.Span, e.Service, "the record says " + e.Image + " for " + e.Service + ", and " + what + " " + img.Shown})
		}
	}
	for _, svc := range against.Services {
		if img, ok := running[svc.Name]; ok && svc.Enabled && !recorded[svc.Name] {
			out = append(out, staleEntry{headOf(r), svc.Name, "the record does not name " + svc.Name + ", for which " + what + " " + img.Shown})
		}
	}
	return out
}

// headOf is the first character of the block: its first line is as long as
// whoever wrote it liked.
func headOf(r image.Record) source.Span { return source.Span{Pos: r.Span.Pos} }

// records reports whether e is about img. A tag that an env file gives may
// stand in the record as it is or as its variable.
func records(e image.RecordEntry, img lint.Image) bool {
	if e.Image == img.Shown {
		return true
	}
	ref, err := image.Parse(e.Image)
	if err != nil {
		return false
	}
	has := img.Ref
	if ref.Digest == "" && (e.Digest == "" || has.Digest == "" || e.Digest == has.Digest) {
		has.Digest = "" // what a tag meant on that day is the entry's own matter
	}
	return ref == has
}

// renew gives the record as it should be: right entries as they are, others
// without the digest, date and run that belong to another image.
func renew(p *lint.Pass, r image.Record, against *compose.Stack) image.Record {
	old := map[string]image.RecordEntry{}
	for _, e := range r.Entries {
		old[e.Service] = e
	}
	out := image.Record{Span: r.Span}
	for img := range p.Images(against) {
		e, had := old[img.Service.Name]
		switch {
		case isBuilt(img.Service) || !had && !img.Service.Enabled:
			continue
		case !had || !records(e, img):
			e = image.RecordEntry{Service: img.Service.Name, Image: img.Shown}
		}
		out.Entries = append(out.Entries, e)
	}
	return out
}
