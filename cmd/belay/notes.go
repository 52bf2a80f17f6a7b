package main

import (
	"context"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/belaystack/belay/lint/image"
	"github.com/belaystack/belay/lint/source"
	"github.com/belaystack/belay/release"
	"github.com/belaystack/belay/release/catalog"
	"github.com/belaystack/belay/release/dossier"
)

func newNotes(a *app, f *flags) *cobra.Command {
	cmd := &cobra.Command{
		Use: "notes IMAGE OLD NEW", Args: cobra.ExactArgs(3),
		Short: "Print what the releases between two versions of an image say",
		Long: "Notes prints the release notes of every version of IMAGE after OLD up to NEW, what breaks\n" +
			"first, and the gates on the way. OLD and NEW are docker tags.\n\n" +
			"  belay notes langgenius/dify-api 1.13.3 1.15.0",
		RunE: func(cmd *cobra.Command, args []string) error { return a.notes(cmd.Context(), f, args) },
	}
	f.asks(cmd)
	return cmd
}

func (a *app) notes(ctx context.Context, f *flags, args []string) error {
	old, errOld := image.Parse(args[0] + ":" + args[1])
	now, errNow := image.Parse(args[0] + ":" + args[2])
	if errOld != nil || errNow != nil || image.SplitTag(args[0]) != "" {
		return usage("want the name of an image without a tag, and two tags: belay notes langgenius/dify-api 1.13.3 1.15.0")
	}
	reader, err := a.reader(f)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, notesTimeout)
	defer cancel()
	cat, err := a.ownCatalog(f)
	if err != nil {
		return err
	}
	d := release.Between(ctx, cat, old, now, reader)
	d.Rollback, d.Checklist = release.Rollback{}, nil
	return a.answerDossiers(f, []*release.Dossier{d})
}

// ownCatalog is the catalog with what the belay.yml of the working directory
// adds, if there is one.
func (a *app) ownCatalog(f *flags) (*catalog.Catalog, error) {
	r := &repository{}
	defer r.close()
	dir, _, err := a.place("")
	if err == nil {
		r.root, err = source.OpenRoot(a.top(dir))
	}
	if err != nil {
		return nil, coded(err)
	}
	cfg, err := r.config(f.config)
	if err != nil {
		return nil, coded(err)
	}
	return cfg.Catalog(catalog.Load()), nil
}

// answerDossiers prints dossiers alone.
func (a *app) answerDossiers(f *flags, all []*release.Dossier) error {
	name := f.format
	switch {
	case name == "" || name == "github":
		name = "text"
	case name != "text" && name != "json" && !slices.Contains(dossierFormats, name):
		return usage("--format %s: this command answers in text, json, %s", name, strings.Join(dossierFormats, " or "))
	}
	if name != "text" && name != "json" {
		return a.write(f, a.page(name, all))
	}
	var b strings.Builder
	for i, d := range all {
		if i > 0 {
			b.WriteString("\n")
		}
		b.WriteString(dossier.Text(d, textWidth, name == "text" && f.output == "" && a.color(f)))
	}
	if name == "text" {
		return a.write(f, []byte(b.String()))
	}
	var v any = all
	if len(all) == 1 {
		v = all[0]
	}
	return a.answer(f, b.String(), v)
}
