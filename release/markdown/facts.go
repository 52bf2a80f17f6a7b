package markdown

import (
	"bytes"
	"slices"
	"strconv"
	"strings"

	"github.com/yuin/goldmark/ast"
)

// maxFacts bounds each list of facts that one body can fill.
const maxFacts = 1000

var (
	migrate = phraseOf(`(?i)\b(?:database|db|schema) migrations?\b|\bflask db upgrade\b|\bincludes? (?:\w+ )?migrations?\b`,
		"migration", "flask db upgrade")
	without = phraseOf(`(?i)\b(?:no|without)(?: new| any)? (?:database |db |schema )?migrations?\b`, "migration")
)

// facts gathers what the block (nil: the heading) rendered last says.
func (rd *reader) facts(n ast.Node, s said, kind Kind) {
	rd.advisories(s)
	for _, to := range rd.links {
		rd.advisories(saying(to))
	}
	if n != nil && n.Kind() == ast.KindListItem {
		rd.refs(s.plain)
	}
	if kind <= Notable || kind == Other {
		if migrate.in(s) && !without.in(s) {
			rd.notes.Migrations = true
		}
		if n != nil {
			rd.commands(n)
		}
	}
	if n != nil && n.Kind() == ast.KindListItem && rd.section().Kind == Environment {
		rd.env(n)
	}
}

func (rd *reader) advisories(s said) {
	if !advisory.hinted(s) {
		return
	}
	for _, id := range advisory.re().FindAllString(s.plain, -1) {
		if id = strings.ToUpper(id); id[0] == 'G' {
			id = "GHSA" + strings.ToLower(id[4:])
		}
		rd.notes.Advisories = addNew(rd.notes.Advisories, id)
	}
}

// addNew appends v unless it is there or the list is full.
func addNew[T comparable](list []T, v T) []T {
	if len(list) >= maxFacts || slices.Contains(list, v) {
		return list
	}
	return append(list, v)
}

func (rd *reader) refs(plain string) {
	for i := strings.IndexByte(plain, '#'); i >= 0 && i < len(plain); {
		end := i + 1
		for end < len(plain) && digit(plain[end]) {
			end++
		}
		if n, err := strconv.Atoi(plain[i+1 : end]); err == nil && n > 0 && end-i < 10 &&
			(i == 0 || !word(plain[i-1]) && plain[i-1] != '/') && (end == len(plain) || !word(plain[end])) {
			rd.notes.Refs = addNew(rd.notes.Refs, n)
		}
		next := strings.IndexByte(plain[end:], '#')
		if next < 0 {
			break
		}
		i = end + next
	}
	for _, to := range rd.links {
		if n := rd.topicNumber(to); n > 0 {
			rd.notes.Refs = addNew(rd.notes.Refs, n)
		}
	}
}

func word(c byte) bool { return alnum(c) || c == '_' }

// told is what stands before a command in inline code.
var told = lazy(`(?i)\b(?:run|running|execute|executing|must)\s*$`)

// commands gathers the commands that a block tells to run.
func (rd *reader) commands(n ast.Node) {
	_ = ast.Walk(n, func(c ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		switch c := c.(type) {
		case *ast.FencedCodeBlock:
			rd.shell(c)
		case *ast.CodeSpan:
			if t, ok := c.PreviousSibling().(*ast.Text); ok && told().Match(t.Segment.Value(rd.src)) {
				if s := rd.span(c); strings.Contains(s, " ") {
					rd.command(s)
				}
			}
		}
		return ast.WalkContinue, nil
	})
}

// span is the text of a code span on one line.
func (r *source) span(n *ast.CodeSpan) string {
	var b []byte
	for c := n.FirstChild(); c != nil; c = c.NextSibling() {
		if t, ok := c.(*ast.Text); ok {
			b = append(b, t.Segment.Value(r.src)...)
		}
	}
	return string(oneLine(b))
}

// shell takes the commands of a fence, continued lines as one.
func (rd *reader) shell(n *ast.FencedCodeBlock) {
	switch strings.ToLower(string(n.Language(rd.src))) {
	case "", "sh", "bash", "shell", "zsh", "console", "shell-session", "terminal":
	default:
		return
	}
	var held []byte
	for i := range n.Lines().Len() {
		seg := n.Lines().At(i)
		line := bytes.TrimSpace(seg.Value(rd.src))
		if before, ok := bytes.CutSuffix(line, []byte(`\`)); ok {
			held = append(append(held, bytes.TrimSpace(before)...), ' ')
			continue
		}
		rd.command(string(append(held, line...)))
		held = held[:0]
	}
}

// everyday are commands that each upgrade guide has.
var everyday = lazy(`^(?:sudo )?(?:cp|mv|tar|cd|ls|cat|echo|mkdir|vi|vim|nano|git|` +
	`docker[ -]compose (?:down|up -d|up|pull|stop|start|ps|logs|restart)$|docker[ -]compose up -d --\S+$)(?:\s|$)`)

var commandWord = lazy(`^[A-Za-z./_][\w./-]*(?: |$|=)`)

// command notes one command, when it is one and not every guide's.
func (rd *reader) command(s string) {
	s = strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(s), "$ "))
	if s == "" || len(s) > 500 || !commandWord().MatchString(s) || everyday().MatchString(s) {
		return
	}
	for _, c := range rd.notes.Commands {
		if c.Text == s {
			return
		}
	}
	if len(rd.notes.Commands) < maxFacts {
		rd.notes.Commands = append(rd.notes.Commands, Command{Text: s, Section: rd.section().Title})
	}
}
