package markdown

import (
	"regexp"
	"slices"
	"strings"
)

// titles are what headings say, lower case, and what that makes of a section.
// The first line that has a word of the heading decides.
var titles = []struct {
	kind  Kind
	words []string
}{
	{Boilerplate, []string{"source code deployment", "from source", "assets", "sponsor", "thank", "contributor"}},
	{Breaking, []string{"breaking", "what changed?", "when is action necessary", "how to upgrade:"}},
	{Danger, []string{"⚠", "🚨", "danger", "warning", "caution", "must ", "required", "irreversible", "downgrade",
		"action required", "read before", "before you upgrade", "before upgrading", "attention"}},
	{Notable, []string{"important note"}},
	{Danger, []string{"important"}},
	{Security, []string{"security", "cve-", "ghsa-", "vulnerabilit", "advisor"}},
	{Migration, []string{"migrat"}},
	{Environment, []string{"environment", "env var", ".env", "configuration change"}},
	{Upgrade, []string{"upgrad", "update guide", "docker compose", "docker-compose", "how to update", "deployment"}},
	{Notable, []string{"note:", "notable", "deprecat", "known issue", "operational note"}},
	{Features, []string{"what's new", "what’s new", "feature", "enhancement", "improvement", "performance", "added", "highlight"}},
	{Fixes, []string{"fix", "bug", "revert"}},
	{Changes, []string{"what's changed", "what’s changed", "full change", "changelog", "change list", "all changes",
		"commits", "dependenc", "chore"}},
	{Breaking, []string{"incompatib"}},
	{Breaking, removals},
}

// removals say nothing new below a heading on variables.
var removals = []string{"removed", "removals"}

// headingKind gives the kind of a section by its heading, in a section of kind
// parent. What stands below a heading on dangers or variables is about those,
// whatever it is called ("### Removed").
func headingKind(title string, parent Kind, below bool) Kind {
	title = strings.ToLower(title)
	for _, t := range titles {
		for _, word := range t.words {
			if !strings.Contains(title, word) {
				continue
			}
			switch {
			case !below || parent > Environment || t.kind == Boilerplate:
				return t.kind
			case word == removals[0] || word == removals[1]:
				return parent
			}
			return raise(parent, t.kind)
		}
	}
	if below {
		return parent
	}
	return Other
}

// pseudo are paragraphs that stand for a heading over the block that follows
// (an alert whose markup was lost, a bold line, a summary).
func pseudo(text string) (Kind, bool) {
	text = strings.TrimSpace(strings.Trim(strings.ToLower(text), "*_: "))
	if text == "" || len(text) > 80 {
		return Other, false
	}
	k := headingKind(text, Other, false)
	return k, k != Other
}

// phrase is a pattern that is tried only where one of its hints stands in the
// lower-case text: most blocks say none of it, and looking for a word is many
// times cheaper.
type phrase struct {
	hints []string
	re    func() *regexp.Regexp
}

func phraseOf(pattern string, hints ...string) phrase {
	return phrase{hints, lazy(pattern)}
}

func (p phrase) in(s said) bool { return p.hinted(s) && p.re().MatchString(s.plain) }

func (p phrase) hinted(s said) bool {
	return slices.ContainsFunc(p.hints, func(h string) bool { return strings.Contains(s.lower, h) })
}

// said is the text of a block, as it is and in lower case.
type said struct{ plain, lower string }

func saying(plain string) said { return said{plain, strings.ToLower(plain)} }

var (
	// duty makes an alert IMPORTANT, or a block of a guide, a danger.
	duty = phraseOf(`\bMUST\b|(?i:\bmust (?:also )?(?:be )?(?:run|set|add|change|update|upgrade|migrate|back up)\b|`+
		`\brequired\b|\bmandatory\b|\bbreaking\b|\bbefore (?:you )?(?:upgrad|deploy))`,
		"must", "required", "mandatory", "breaking", "before")
	// sure makes an alert IMPORTANT a danger too.
	sure = phraseOf(`(?i)\b(?:make sure|ensure)\b`, "sure")
	// alarm makes any block a danger.
	alarm = phraseOf(`(?i)\bdo not downgrade\b|\b(?:cannot|can't) be (?:downgraded|undone|reverted|rolled back)\b|`+
		`\birreversibl[ey]\b|\baction required\b|\bread before\b|\bdata loss\b|⚠|🚨`,
		"downgrade", "not be", "n't be", "irreversibl", "action required", "read before", "data loss", "⚠", "🚨")
	// broken makes any block a breaking change.
	broken   = phraseOf(`(?i)\bbreaking[ -]changes?\b|\bbreaking:|^[a-z]+(?:\([^)]*\))?!:`, "breaking", "!:")
	pullItem = phraseOf(`(?i) by @[\w-]+(?:\[bot\])? in (?:[\w.-]+/[\w.-]+)?(?:#\d|https?://)|^(?:\*\*)?full changelog\b`,
		" by @", "full changelog")
	advisory = phraseOf(`(?i)\bCVE-\d{4}-\d{4,9}\b|\bGHSA(?:-[23456789cfghjmpqrvwx]{4}){3}\b`, "cve-", "ghsa-")
)

// blockKind gives the kind of a block in a section of the kind in.
func blockKind(s said, alert string, in Kind, titled bool) Kind {
	k := in
	if !titled && in == Other {
		k = untitled(s)
	}
	switch alert {
	case "WARNING", "CAUTION":
		return Danger
	case "IMPORTANT":
		if k == Boilerplate {
			return k
		}
		if duty.in(s) || sure.in(s) {
			return Danger
		}
		return raise(k, Notable)
	case "NOTE", "TIP":
		k = min(k, Notable)
	}
	switch {
	case in == Boilerplate:
		return in
	case alarm.in(s) && k != Changes && k != Fixes:
		return Danger
	case broken.in(s):
		return raise(k, Breaking)
	case k > Security && advisory.in(s):
		return Security
	case k >= Migration && k <= Notable && duty.in(s):
		return Danger
	}
	return k
}

// untitled judges a block that stands under no heading by its first words.
func untitled(s said) Kind {
	first, _, _ := strings.Cut(s.lower, " ")
	switch {
	case pullItem.in(s):
		return Changes
	case slices.Contains([]string{"dropped", "removed", "renamed"}, first):
		return Breaking
	case slices.Contains([]string{"fix", "fixed", "fixes"}, first):
		return Fixes
	case slices.Contains([]string{"add", "added", "adds", "improve", "improved", "new", "reduced"}, first):
		return Features
	}
	return Other
}

// footers are what bots put below their pull requests.
var footers = []string{"review in cubic", "view guided diff", "turn on auto-fix", "open in stage"}

// footer says whether a block is a bot's.
func footer(lower string) bool {
	return len(lower) <= 300 && slices.ContainsFunc(footers, func(f string) bool { return strings.Contains(lower, f) })
}
