package catalog

import (
	"errors"
	"fmt"
	"net/url"
	"path"
	"slices"
	"strings"
	"unicode"

	"github.com/belaystack/belay/lint/image"
)

// The bounds of what a gate says.
const (
	maxTitle = 120
	maxText  = 1500
	maxList  = 20
)

var (
	idRE     = lazy(`^[a-z0-9]+(?:[.-][a-z0-9]+)*$`)
	keyRE    = lazy(`^[A-Za-z_][A-Za-z0-9_]*$`)
	repoRE   = lazy(`^[A-Za-z0-9-]{1,39}/[A-Za-z0-9._-]{1,100}$`)
	prefixRE = lazy(`^[A-Za-z0-9@/._-]{0,50}$`)
	endRE    = lazy(`^[._-][A-Za-z0-9._-]{1,40}$`)
	tagRE    = lazy(`^[A-Za-z0-9][A-Za-z0-9@/._-]{0,100}$`)
)

// CheckGate says what is wrong with a gate, or gives nil. The error speaks of
// the fields by their names here and quotes no text of the gate.
func CheckGate(g Gate) error {
	if !idRE().MatchString(g.ID) || len(g.ID) > 80 {
		return errors.New("gate id: want lower case words joined by dots or hyphens")
	}
	for _, check := range []func(Gate) error{checkRange, checkWords, checkActions, checkTouches, checkSources} {
		if err := check(g); err != nil {
			return fmt.Errorf("gate %s: %w", g.ID, err)
		}
	}
	return nil
}

func checkRange(g Gate) error {
	i := slices.IndexFunc(apps(), func(a App) bool { return a.ID == g.App || g.App == Dify && a.Release == Dify })
	if i < 0 {
		return errors.New("app: none of this name is known")
	}
	conditions := 0
	for _, holds := range []bool{g.At != "", g.Majors, g.Minors, g.Skips, g.Every, g.Migrations} {
		if holds {
			conditions++
		}
	}
	if conditions > 1 {
		return errors.New("range: want one of at, majors, minors, skips, every and migrations")
	}
	if conditions == 0 && g.Since == "" && g.Before == "" {
		return errors.New("range: want at, since or before")
	}
	if len(g.Images) > maxList {
		return errors.New("images: too many")
	}
	for _, p := range g.Images {
		if err := image.CheckPattern(p); err != nil {
			return fmt.Errorf("images: %w", err)
		}
	}
	for _, v := range []string{g.At, g.Since, g.Before} {
		if v != "" && !isRelease(apps()[i], v) {
			return errors.New("range: a version that names no release: want one like 1.13.3")
		}
	}
	return nil
}

// isRelease reports whether version is written as a release of an app is.
func isRelease(app App, version string) bool {
	name := strings.ReplaceAll(strings.TrimPrefix(app.Images[0], "**/"), "*", "x")
	ref, _ := image.Parse(name + ":" + version) // of an error it is empty, and reads as floating
	t := ref.Read()
	return t.Pin == image.Exact && !t.Version.IsZero() && t.Variant == "" && t.Prefix == ""
}

func checkWords(g Gate) error {
	switch {
	case !isLine(g.Title) || len(g.Title) > maxTitle || strings.HasSuffix(g.Title, ".") || strings.ContainsAny(g.Title, "`<>[]|"):
		return fmt.Errorf("title: want one line of plain text without a full stop, at most %d bytes", maxTitle)
	case !isMarkdown(g.Text):
		return fmt.Errorf("text: want a paragraph with closed code spans, at most %d bytes", maxText)
	case !slices.Contains([]Duty{Stop, Forbid, OneWay, Command, Services, Settings, Watch}, g.Duty):
		return errors.New("duty: want stop, forbid, one-way, command, services, settings or watch")
	case g.Level > High:
		return errors.New("level: want low, medium or high")
	case !slices.Contains([]Back{BackImages, BackRestore, BackNever}, g.Back):
		return errors.New("back: want images, backup or never")
	case len(g.Risks) == 0 || len(g.Risks) > 3:
		return errors.New("risks: want one to three")
	}
	for i, r := range g.Risks {
		if !slices.Contains([]Risk{DataRisk, APIRisk, DependencyRisk}, r) || slices.Contains(g.Risks[:i], r) {
			return fmt.Errorf("risks: want %s, %s or %s, each once", DataRisk, APIRisk, DependencyRisk)
		}
	}
	return nil
}

func checkActions(g Gate) error {
	commands := 0
	if len(g.Do) > maxList {
		return errors.New("do: too many")
	}
	for i, a := range g.Do {
		switch {
		case !slices.Contains([]When{BeforeMerge, BeforeStart, AfterStart}, a.When):
			return fmt.Errorf("do %d: when: want before-merge, before-start or after-start", i+1)
		case !isMarkdown(a.Text) || strings.HasSuffix(a.Text, "."):
			return fmt.Errorf("do %d: text: want a sentence without a full stop", i+1)
		case a.Command != "" && !isLine(a.Command):
			return fmt.Errorf("do %d: command: want one line", i+1)
		case a.Command != "" && g.Duty != Command:
			return fmt.Errorf("do %d: command: only a gate whose duty is command has any", i+1)
		case a.Command != "":
			commands++
		}
	}
	if g.Duty == Command && commands == 0 {
		return errors.New("do: want the command")
	}
	return nil
}

func checkTouches(g Gate) error {
	if g.OnlyIf && len(g.Touches) == 0 || len(g.Touches) > maxList {
		return fmt.Errorf("touches: want some where it matters only if one holds, and at most %d", maxList)
	}
	for i, t := range g.Touches {
		valued := t.Is == Lacks || t.Is == Has || t.Is == Equals
		switch {
		case t == Touch{Text: t.Text}:
			return fmt.Errorf("touch %d: asks nothing", i+1)
		case (t.Key == "") != (t.Is == ""), t.Key != "" && !keyRE().MatchString(t.Key):
			return fmt.Errorf("touch %d: want the name of a key and what is asked of it", i+1)
		case t.Is != "" && !slices.Contains([]Setting{Set, Unset, Empty, Lacks, Has, Equals}, t.Is):
			return fmt.Errorf("touch %d: want set, unset, empty, lacks, has or equals", i+1)
		case valued != (t.Value != ""):
			return fmt.Errorf("touch %d: want a value with lacks, has and equals, and with nothing else", i+1)
		case t.Postgres < 0 || !isMarkdown(t.Text) || strings.HasSuffix(t.Text, "."):
			return fmt.Errorf("touch %d: text: want a clause without a full stop", i+1)
		case !knownApp(t.App) || !knownApp(t.NoApp):
			return fmt.Errorf("touch %d: app: none of this name is known", i+1)
		}
	}
	return nil
}

func knownApp(id string) bool {
	return id == "" || slices.ContainsFunc(apps(), func(a App) bool { return a.ID == id })
}

func checkSources(g Gate) error {
	if len(g.Sources) == 0 || len(g.Sources) > maxList {
		return fmt.Errorf("sources: want 1 to %d", maxList)
	}
	for i, s := range g.Sources {
		if !isLine(s) || strings.Contains(s, "://") && !isPage(s) {
			return fmt.Errorf("source %d: want one line; a page as https://", i+1)
		}
	}
	return nil
}

// isLine reports whether s is one line of printable text.
func isLine(s string) bool {
	return s != "" && strings.TrimSpace(s) == s && len(s) <= maxText && !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) })
}

// isMarkdown reports whether s is one line whose code spans are closed and
// that holds neither HTML nor an image, so that it stays where it is put.
func isMarkdown(s string) bool {
	outside := true
	for part := range strings.SplitSeq(s, "`") {
		if outside && (strings.ContainsAny(part, "<") || strings.Contains(part, "![")) {
			return false
		}
		outside = !outside
	}
	return isLine(s) && !outside && !strings.Contains(s, "``") && !strings.ContainsAny(s[:1], "#>|-+*=~") // no block of its own
}

func isPage(s string) bool {
	u, err := url.Parse(s)
	return err == nil && u.Scheme == "https" && u.Host != "" && u.User == nil && !strings.ContainsAny(s, " <>\"'`\\")
}

// CheckUpstream says what is wrong with an upstream, or gives nil, likewise.
func CheckUpstream(u Upstream) error {
	if len(u.Images) == 0 || len(u.Images) > maxList {
		return fmt.Errorf("upstream: images: want 1 to %d", maxList)
	}
	for _, p := range u.Images {
		if err := image.CheckPattern(p); err != nil {
			return fmt.Errorf("upstream: images: %w", err)
		}
	}
	switch {
	case u.Repo != "" && (!repoRE().MatchString(u.Repo) || strings.HasSuffix(u.Repo, "/.") || strings.HasSuffix(u.Repo, "/..")):
		return errors.New("upstream: repo: want owner/name")
	case u.Repo == "" && u.Why == "":
		return errors.New("upstream: repo: want owner/name, or why there is none")
	case u.Repo == "" && (u.Releases || u.Changelog != "" || len(u.Breaking) > 0 || u.Compose != ""):
		return errors.New("upstream: releases and files: want a repo that has them")
	case u.Repo != "" && !u.Releases && u.Changelog == "" && u.Page == "":
		return errors.New("upstream: want releases, a changelog or a page")
	case !prefixRE().MatchString(u.Prefix):
		return errors.New("upstream: prefix: want letters, digits and @ / . _ -")
	case u.Same && (u.Prefix != "" || len(u.Trim) > 0):
		return errors.New("upstream: same: no prefix and nothing to trim where docker tags are git tags")
	case u.Page != "" && !isPage(strings.ReplaceAll(u.Page, "{version}", "1")):
		return errors.New("upstream: page: want an https:// address")
	case u.Why != "" && !isLine(u.Why):
		return errors.New("upstream: why: want one line")
	}
	return checkUpstreamLists(u)
}

func checkUpstreamLists(u Upstream) error {
	files := slices.Clone(u.Breaking)
	for _, f := range []string{u.Changelog, u.Compose} {
		if f != "" {
			files = append(files, f)
		}
	}
	if len(files)+len(u.Trim)+len(u.Moving) > maxList {
		return errors.New("upstream: too much of it")
	}
	for _, f := range files {
		if !isLine(f) || path.IsAbs(f) || path.Clean(f) != f || f == ".." || strings.HasPrefix(f, "../") || strings.ContainsAny(f, "?#\\%") {
			return errors.New("upstream: files: want paths inside the repository")
		}
	}
	if slices.ContainsFunc(u.Trim, func(s string) bool { return !endRE().MatchString(s) }) {
		return errors.New("upstream: trim: want endings like -local")
	}
	if slices.ContainsFunc(u.Moving, func(s string) bool { return !tagRE().MatchString(s) }) {
		return errors.New("upstream: moving: want git tags")
	}
	return nil
}
