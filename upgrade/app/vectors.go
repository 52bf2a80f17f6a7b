package app

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/belaystack/belay/lint/image"
	"github.com/belaystack/belay/release/catalog"
)

// Vectors is a vector store: a Weaviate or a Qdrant.
type Vectors struct {
	Member
	Title string // "Weaviate"

	st    Stack
	kind  vectorKind
	base  string            // address within its network; "" where it speaks TLS alone
	heads map[string]string // with its key, which so reaches no argument
}

// vectorKind is how one kind of store is asked.
type vectorKind interface {
	// version asks for the release.
	version(ctx context.Context, v *Vectors) (string, error)
	// collections are the names of what has objects, and why some of them cannot be counted.
	collections(ctx context.Context, v *Vectors) (names []string, uncounted map[string]string, err error)
	// count is the question for the objects of a collection, and answer reads it.
	count(v *Vectors, name string) Request
	answer(r Response, name string) (int64, error)
	// ready is the path that answers 503 until the store serves.
	ready() string
}

// FindVectors gives the vector stores of a stack.
func FindVectors(st Stack) []*Vectors {
	var out []*Vectors
	for _, m := range st.Members() {
		if v := vectorsIn(st, m); v != nil {
			out = append(out, v)
		}
	}
	return out
}

// vectorsIn is the store that a service is; nil when it is none.
func vectorsIn(st Stack, m Member) *Vectors {
	switch m.App {
	case catalog.Weaviate:
		return newWeaviate(st, m)
	case catalog.Qdrant:
		return newQdrant(st, m)
	}
	return nil
}

// get asks for a JSON document.
func (v *Vectors) get(ctx context.Context, path string, into any) error {
	got, err := v.ask(ctx, Request{URL: v.base + path})
	if err != nil {
		return err
	}
	return decode(got[0], path, into)
}

func (v *Vectors) ask(ctx context.Context, requests ...Request) ([]Response, error) {
	if v.base == "" {
		return nil, unknown("%s of service %s speaks TLS, and is not asked by it", v.Title, v.Service)
	}
	for i := range requests {
		requests[i].Headers = maps.Clone(v.heads)
		if requests[i].Body != "" {
			requests[i].Headers["Content-Type"] = "application/json"
		}
	}
	return v.st.Ask(ctx, v.Service, requests...)
}

// notReady asks whether the store has loaded its data. Without that its facts would be asked
// while it cannot answer, and be "not checked". A release without the path serves when it
// answers.
func (v *Vectors) notReady(ctx context.Context) string {
	if v.base == "" {
		return ""
	}
	got, err := v.ask(ctx, Request{URL: v.base + v.kind.ready()})
	switch {
	case err != nil:
		return "does not answer: " + why(err)
	case strings.Contains(got[0].Error, "refused"): // another error is an answer of a kind
		return "does not answer: " + got[0].Error
	case got[0].Status == 503:
		return "does not serve yet: " + v.kind.ready() + " answers 503"
	}
	return ""
}

// releaseText is how both kinds of stores call their releases: "1.27.0", "1.28.0-rc.1".
var releaseText = regexp.MustCompile(`^\d+\.\d+\.\d+[-.0-9A-Za-z]*$`)

// Version is the release that runs, by its own word: a tag such as latest does not say it.
func (v *Vectors) Version(ctx context.Context) (string, error) {
	text, err := v.kind.version(ctx, v)
	if err == nil && !releaseText.MatchString(text) {
		return "", unknown("%s of service %s does not say its version", v.Title, v.Service)
	}
	return text, err
}

func (v *Vectors) fact(name string, rule Rule) Fact {
	return Fact{App: v.Title, Service: v.Service, Name: name, Rule: rule}
}

// Facts are what an upgrade of a store must keep: its collections, and no fewer objects in
// each. They are counted once: both kinds count what they have on disk and in memory, and
// a shard that is not loaded yet is loaded for it.
func (v *Vectors) Facts(ctx context.Context) []Fact {
	version, all, objects := v.fact("version", Told), v.fact("collections", Keeps), v.fact("objects", NoneLess)
	var err error
	if version.Text, err = v.Version(ctx); err != nil {
		version.Unasked = why(err)
	}
	names, uncounted, err := v.kind.collections(ctx, v)
	if err != nil {
		all.Unasked, objects.Unasked = why(err), why(err)
		return []Fact{version, all, objects}
	}
	all.Items = map[string]string{}
	for _, name := range names {
		all.Items[name] = ""
	}
	total, err := v.count(ctx, names, uncounted, &objects)
	switch {
	case err != nil:
		objects.Unasked = why(err)
	case len(objects.Items) == 0 && len(uncounted) > 0:
		objects.Unasked = uncountedText(uncounted)
	default:
		objects.Text = fmt.Sprintf("%d in %d collections", total, len(objects.Items))
	}
	out := []Fact{version, all, objects}
	if len(uncounted) > 0 && objects.Unasked == "" {
		rest := v.fact("objects of other collections", Told)
		rest.Unasked = uncountedText(uncounted)
		out = append(out, rest)
	}
	return out
}

// count fills the items of a fact with the objects of each collection, and uncounted with
// the reasons why some have none.
func (v *Vectors) count(ctx context.Context, names []string, uncounted map[string]string, into *Fact) (total int64, err error) {
	names = slices.DeleteFunc(slices.Clone(names), func(name string) bool { return uncounted[name] != "" })
	var ask []Request
	for _, name := range names {
		ask = append(ask, v.kind.count(v, name))
	}
	into.Items = map[string]string{}
	if len(ask) == 0 {
		return 0, nil
	}
	got, err := v.ask(ctx, ask...)
	if err != nil {
		return 0, err
	}
	for i, name := range names {
		n, err := v.kind.answer(got[i], name)
		if err != nil {
			uncounted[name] = why(err)
			continue
		}
		total += n
		into.Items[name] = strconv.FormatInt(n, 10)
	}
	return total, nil
}

// uncountedText says which collections were not counted, by the reason.
func uncountedText(uncounted map[string]string) string {
	by := map[string][]string{}
	for _, name := range slices.Sorted(maps.Keys(uncounted)) {
		by[uncounted[name]] = append(by[uncounted[name]], name)
	}
	var out []string
	for _, reason := range slices.Sorted(maps.Keys(by)) {
		names := by[reason]
		if len(names) > 5 {
			names = append(slices.Clone(names[:5]), fmt.Sprintf("and %d more", len(by[reason])-5))
		}
		out = append(out, reason+": "+strings.Join(names, ", "))
	}
	return strings.Join(out, "; ")
}

// Steps are the reasons against a change to another image that the catalog has: minor
// versions that are left out, and a way down. The release that runs counts, and what the
// old tag says where that cannot be asked.
func (v *Vectors) Steps(ctx context.Context, to image.Ref) []Problem {
	from, found := v.Image, "what its tag says"
	if runs, err := v.Version(ctx); err == nil {
		from = image.Ref{Registry: to.Registry, Path: to.Path, Tag: runs}
		found = runs + ", which runs"
	}
	c := catalog.Load()
	if c.Compare(from, to) == image.Older {
		return []Problem{{What: "the image of " + v.Service + " would be older than the " + v.Title + " that runs, and its data may be newer than it can read", Found: found,
			Next: "the way down is a rollback: belay rollback"}}
	}
	var out []Problem
	for _, g := range c.Gates(from, to) {
		if g.Skips {
			out = append(out, Problem{What: "service " + v.Service + ": " + g.Title, Found: found, Needed: "the minor version behind it", Next: g.Do[0].Text})
		}
	}
	return out
}
