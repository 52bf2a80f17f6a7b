package lint

import (
	"slices"

	"github.com/belaystack/belay/lint/image"
)

// Environment is where a stack runs: Dev or Prod.
type Environment string

// The environments. An unknown one is refused where it is read.
const (
	Dev  Environment = "dev"
	Prod Environment = "prod"
)

// DefaultReviewLabel is what a pull request carries once the release notes of
// a review image were read, unless belay.yml names another label.
const DefaultReviewLabel = "release-notes-reviewed"

// Policy says which pin an image must have, which images go together, and
// how much each rule matters.
type Policy struct {
	Images      []ImagePolicy       // the first that matches an image holds
	Groups      []Group             // images that must carry the same tag
	Rules       map[string]Severity // severity by rule ID; absent: the rule's own
	ReviewLabel string              // the label that says release notes were read
	Protected   []string            // env keys whose change loses data, besides the built-in ones
}

// ImagePolicy is what the policy asks of the images that match.
type ImagePolicy struct {
	Match  []string  // familiar names, "*" within one path segment, "**" over several or none: "langgenius/dify-api", "n8nio/*"
	Dev    image.Pin // the loosest pin allowed in dev
	Prod   image.Pin // the loosest pin allowed in prod
	Digest bool      // a digest is asked for as well, in prod
	Review bool      // a change of it needs the review label
}

// Pin is the loosest pin allowed in env.
func (p ImagePolicy) Pin(env Environment) image.Pin {
	if env == Dev {
		return p.Dev
	}
	return p.Prod
}

// Matches reports whether the policy is about ref.
func (p ImagePolicy) Matches(ref image.Ref) bool { return matches(p.Match, ref) }

// Any reports whether the policy is for whatever image no other names: one of
// its patterns is "**".
func (p ImagePolicy) Any() bool { return slices.Contains(p.Match, "**") }

// Group is a set of images that must carry the same tag within one stack.
type Group struct {
	Name   string   // "dify"
	Images []string // patterns as in ImagePolicy.Match
}

// Contains reports whether ref is a member of the group.
func (g Group) Contains(ref image.Ref) bool { return matches(g.Images, ref) }

func matches(patterns []string, ref image.Ref) bool {
	return slices.ContainsFunc(patterns, ref.Match)
}

// Image gives the policy that holds for ref: the first that matches, or one
// that asks for nothing.
func (p *Policy) Image(ref image.Ref) ImagePolicy {
	for _, i := range p.Images {
		if i.Matches(ref) {
			return i
		}
	}
	return ImagePolicy{}
}

// With gives the policy with the user's entries: images and groups of user
// come before those of p, and a group of the same name takes its place.
func (p *Policy) With(user *Policy) *Policy {
	out := &Policy{
		Images:      slices.Concat(user.Images, p.Images),
		Groups:      slices.Clone(user.Groups),
		Rules:       map[string]Severity{},
		ReviewLabel: user.ReviewLabel,
		Protected:   slices.Concat(p.Protected, user.Protected),
	}
	for _, g := range p.Groups {
		if !slices.ContainsFunc(user.Groups, func(u Group) bool { return u.Name == g.Name }) {
			out.Groups = append(out.Groups, g)
		}
	}
	for _, rules := range []map[string]Severity{p.Rules, user.Rules} {
		for id, s := range rules {
			out.Rules[id] = s
		}
	}
	if out.ReviewLabel == "" {
		out.ReviewLabel = p.ReviewLabel
	}
	return out
}

// BuiltIn is the policy that applies without a belay.yml. "**/" takes mirrors
// of an image in: "registry.example.com/hub/langgenius/dify-api". Official
// images have no owner in their name, so that only "library/" tells a mirror
// of them from somebody's own "acme/redis".
func BuiltIn() *Policy {
	dify := []string{"**/langgenius/dify-api", "**/langgenius/dify-web", "**/langgenius/dify-agent-*"}
	n8n := []string{"**/n8nio/n8n", "**/n8nio/runners", "ghcr.io/n8n-io/n8n", "ghcr.io/n8n-io/runners"}
	return &Policy{
		Images: []ImagePolicy{
			{Match: []string{"**/pgvector/pgvector", "postgres", "**/library/postgres"}, Dev: image.Major, Prod: image.Major},
			{Match: []string{"redis", "**/library/redis", "**/valkey/valkey"}, Dev: image.Major, Prod: image.Major},
			{Match: []string{"**/langgenius/dify-sandbox", "**/langgenius/dify-plugin-daemon"}, Dev: image.Exact, Prod: image.Exact, Review: true},
			{Match: dify, Dev: image.Floating, Prod: image.Exact},
			{Match: n8n, Dev: image.Floating, Prod: image.Exact},
			{Match: []string{"**/semitechnologies/weaviate"}, Dev: image.Exact, Prod: image.Exact},
			{Match: []string{"**"}, Dev: image.Floating, Prod: image.Major},
		},
		Groups: []Group{
			{Name: "dify", Images: dify},
			{Name: "n8n", Images: n8n},
		},
		ReviewLabel: DefaultReviewLabel,
	}
}
