package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/belaystack/belay/lint/image"
	"github.com/belaystack/belay/release"
	"github.com/belaystack/belay/release/catalog"
	"github.com/belaystack/belay/release/github"
)

const migrations = "api/migrations/versions"

// updater holds a table against what upstream publishes.
type updater struct {
	github  *github.Client
	catalog *catalog.Catalog
	temp    string
	counts  bool // migrations, which takes a token: one question then, else one for each folder on the way

	contradictions []string
	added          []row // in the order of their dates
}

// trees is a release.Reader that reads folders alone; whatever else is asked
// of it is a mistake here.
type trees struct {
	release.Reader // nil
	github         *github.Client
}

func (t trees) Tree(ctx context.Context, repo, dir, ref string, want func(string) bool) (map[string][]byte, error) {
	return t.github.Tree(ctx, repo, dir, ref, want)
}

// read compares every row of t with upstream, and reads the releases it lacks.
func (u *updater) read(ctx context.Context, t *table) error {
	first, err := image.Parse("langgenius/dify-api:" + t.rows[0].version())
	if err != nil {
		return err
	}
	up, ok := u.catalog.Upstream(first)
	if !ok || up.Compose == "" {
		return fmt.Errorf("the catalog does not know where %s comes from", first)
	}
	published, err := u.github.Releases(ctx, up.Repo, func(page []github.Release) bool {
		return slices.ContainsFunc(page, func(r github.Release) bool { return r.Tag == first.Tag })
	})
	if err != nil {
		return err
	}
	for _, r := range t.rows {
		shipped, err := u.shipped(ctx, up, r.version())
		if err != nil {
			return err
		}
		u.compare(t, r, shipped)
	}
	for _, p := range published {
		ref, ok := up.Ref(first, p.Tag)
		if !ok || image.Compare(first, ref) != image.Newer || t.find(p.Tag) {
			continue
		}
		if err := u.add(ctx, t, up, p); err != nil {
			return err
		}
	}
	slices.SortStableFunc(u.added, func(a, b row) int {
		return cmp.Or(cmp.Compare(a.cells["date"], b.cells["date"]), cmp.Compare(a.version(), b.version()))
	})
	return nil
}

// shipped gives the companions of a release by the columns of the table.
func (u *updater) shipped(ctx context.Context, up catalog.Upstream, tag string) (map[string]string, error) {
	s, err := release.ReadShipped(ctx, trees{github: u.github}, up, tag, u.temp)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", tag, err)
	}
	return s.Release(u.catalog, tag, "").Companions, nil
}

// cell is how the table writes a companion of a release: "=" for its own tag.
func cell(version, tag string) string {
	if tag == version {
		return "="
	}
	return tag
}

func (u *updater) compare(t *table, r row, shipped map[string]string) {
	for _, name := range t.companions() {
		if have, is := r.cells[name], cell(r.version(), shipped[name]); have != is {
			u.contradictions = append(u.contradictions, fmt.Sprintf("%s: %s: catalog %s, upstream %s", r.version(), name, cmp.Or(have, "none"), cmp.Or(is, "none")))
		}
	}
}

func (u *updater) add(ctx context.Context, t *table, up catalog.Upstream, p github.Release) error {
	shipped, err := u.shipped(ctx, up, p.Tag)
	if err != nil {
		return err
	}
	r := row{cells: map[string]string{"release": p.Tag, "date": p.Published.UTC().Format(time.DateOnly)}}
	for _, name := range t.companions() {
		r.cells[name] = cell(p.Tag, shipped[name])
	}
	if u.counts {
		n := 0
		// Nothing is wanted of their texts: the names are what is counted.
		_, err := u.github.Tree(ctx, up.Repo, migrations, p.Tag, func(name string) bool {
			if strings.HasSuffix(name, ".py") && !strings.Contains(name, "/") {
				n++
			}
			return false
		})
		if err != nil {
			return fmt.Errorf("%s: %w", p.Tag, err)
		}
		if n > 0 {
			r.cells["migrations"] = strconv.Itoa(n)
		}
	}
	u.added = append(u.added, r)
	return nil
}
