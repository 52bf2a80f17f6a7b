package catalog

import (
	"slices"
	"strings"
	"time"

	"github.com/belaystack/belay/lint/image"
)

// Upstream is where an image comes from and where its releases are described.
type Upstream struct {
	Images []string // patterns for image.Ref.Match
	Repo   string   // owner and name on github.com: "n8n-io/n8n"; "" when it has none that speaks of releases
	Prefix string   // what a git tag has before the version: "n8n@", "v"
	Trim   []string // endings of docker tags that git tags do not have: "-local"
	Same   bool     // docker tags are the git tags to the letter, so that neither Prefix nor Trim is needed

	Releases  bool     // its GitHub releases carry the notes
	Changelog string   // the file at a git tag that holds the notes of every version up to it
	Breaking  []string // files at a git tag with what breaks, by version
	Compose   string   // the folder at a git tag with the compose file and the env examples it ships
	Moving    []string // git tags and releases that move: "stable"
	Page      string   // where a person reads the notes; {version} stands for the version
	Why       string   // with no Repo: why there are no notes
}

// Tagged is a release as an upstream lists it.
type Tagged struct {
	Tag  string // the git tag
	Date time.Time
}

// Upstream gives where an image comes from.
func (c *Catalog) Upstream(ref image.Ref) (Upstream, bool) {
	i := slices.IndexFunc(c.Upstreams, func(u Upstream) bool { return slices.ContainsFunc(u.Images, ref.Match) })
	if i < 0 {
		return Upstream{}, false
	}
	return c.Upstreams[i], true
}

// GitTag gives the git tag of the release that ref's tag names; false where it
// names none, because it floats or names less than a release. For an upstream
// without a repository it is the version as Page wants it.
func (u Upstream) GitTag(ref image.Ref) (string, bool) {
	version, _, ok := u.split(ref)
	if !ok || version == "" || slices.Contains(u.Moving, u.Prefix+version) {
		return "", false
	}
	return u.Prefix + version, true
}

// Ref gives the image of the release that a git tag names, with the name of
// like and its ending, so that it can be compared with like. False for tags
// that name no release: moving ones, another product's.
func (u Upstream) Ref(like image.Ref, gitTag string) (image.Ref, bool) {
	version, ok := strings.CutPrefix(gitTag, u.Prefix)
	if !ok {
		return image.Ref{}, false
	}
	_, ending, _ := u.split(like)
	out := image.Ref{Registry: like.Registry, Path: like.Path, Tag: version + ending}
	if spelledWithV(like.Tag) && !u.Same {
		out.Tag = "v" + out.Tag
	}
	if again, ok := u.GitTag(out); !ok || again != gitTag {
		return image.Ref{}, false
	}
	return out, true
}

var (
	// onServer is an extension's tag as pgvector writes it: README, "Docker".
	onServer = lazy(`^(?:(.+)-)?(pg\d+(?:-[a-z]+)?)$`)
	vDigit   = lazy(`^v\d`)

	// plain is a version as git tags and docker tags both may have it, and
	// dockerTag what a docker tag may be: distribution, docs/spec/api.md.
	// Lists of tags come from outside.
	plain     = lazy(`^\d(?:[A-Za-z0-9.-]{0,100}[A-Za-z0-9])?$`)
	dockerTag = lazy(`^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$`)
)

func spelledWithV(tag string) bool { return vDigit().MatchString(tag) }

// split cuts ref's tag into the version, as a git tag has it behind Prefix,
// and what docker tags have behind that. The version is "" where the tag
// names no release; ok is false where the ending is none that this upstream
// is known to have.
func (u Upstream) split(ref image.Ref) (version, ending string, ok bool) {
	if u.Same {
		if t := ref.Read(); t.Pin == image.Exact && !t.Version.IsZero() && dockerTag().MatchString(ref.Tag) {
			version = ref.Tag
		}
		return version, "", true
	}
	text := ref.Tag
	_, server := image.PostgresMajor(ref)
	if m := onServer().FindStringSubmatch(text); m != nil && server {
		text, ending = m[1], "-"+m[2]
	}
	for again := true; again; {
		again = false
		for _, end := range slices.Concat(u.Trim, []string{systemEnding(text)}) {
			if end != "" && strings.HasSuffix(text, end) {
				text, ending, again = strings.TrimSuffix(text, end), end+ending, true
			}
		}
	}
	if vDigit().MatchString(text) {
		text = text[1:]
	}
	if text == "" {
		return "", ending, true
	}
	bare := image.Ref{Registry: ref.Registry, Path: ref.Path, Tag: text}.Read()
	if bare.Variant != "" || !plain().MatchString(text) {
		return "", "", false
	}
	if bare.Pin != image.Exact || bare.Version.IsZero() {
		return "", ending, true
	}
	return text, ending, true
}

// systemEnding is the last word of a tag with its hyphen, when that names a
// distribution: "-alpine3.19" of "7.2.4-alpine3.19".
func systemEnding(tag string) string {
	i := strings.LastIndexByte(tag, '-')
	if i < 0 {
		return ""
	}
	if d, _ := (image.Ref{Path: "any/image", Tag: "1" + tag[i:]}).System(); d == "" {
		return ""
	}
	return tag[i:]
}
