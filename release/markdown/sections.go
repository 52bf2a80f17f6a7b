package markdown

import (
	"hash/fnv"
	"strings"
	"unicode"

	"github.com/yuin/goldmark/ast"
)

// reader cuts a text into sections and blocks, and gathers what they say.
type reader struct {
	*source
	notes *Notes
	above []level // the headings that the next block stands below
	lead  Kind    // of the block after a paragraph that stands for a heading
	leads bool
}

type level struct {
	n    int
	kind Kind
}

func (rd *reader) read() {
	rd.notes.Sections = []Section{{Kind: Other}}
	for n := rd.root.FirstChild(); n != nil; n = n.NextSibling() {
		switch n := n.(type) {
		case *ast.Heading:
			rd.begin(n)
		case *ast.List:
			for c, i := n.FirstChild(), 0; c != nil; c = c.NextSibling() {
				rd.reset()
				if md := rd.item(n, c, i, 0); md != "" {
					rd.add(c, md, true)
					i++
				}
			}
			rd.leads = false
		case *ast.ThematicBreak, *ast.LinkReferenceDefinition:
		default:
			rd.reset()
			alert := rd.alert(n)
			if md := rd.block(n, 0); md != "" {
				rd.addKind(n, md, false, alert)
				rd.leads = false
				rd.lead, rd.leads = rd.leading(n, alert)
			}
		}
	}
	if len(rd.notes.Sections[0].Blocks) == 0 {
		rd.notes.Sections = rd.notes.Sections[1:]
	}
}

func (rd *reader) reset() { rd.plain, rd.links = rd.plain[:0], rd.links[:0] }

func (rd *reader) section() *Section { return &rd.notes.Sections[len(rd.notes.Sections)-1] }

// begin opens the section of a heading.
func (rd *reader) begin(n *ast.Heading) {
	rd.reset()
	rd.leads = false
	rd.oneLiner(n, false)
	title := strings.TrimSpace(string(rd.plain))
	if title == "" {
		return
	}
	for len(rd.above) > 0 && rd.above[len(rd.above)-1].n >= n.Level {
		rd.above = rd.above[:len(rd.above)-1]
	}
	parent, below := Other, false
	if len(rd.above) > 0 {
		parent, below = rd.above[len(rd.above)-1].kind, true
	}
	kind := headingKind(title, parent, below)
	rd.above = append(rd.above, level{n.Level, kind})
	rd.notes.Sections = append(rd.notes.Sections, Section{Kind: kind, Title: Text(withoutEmoji(title), 200), Level: n.Level})
	rd.facts(nil, saying(title), kind)
}

// withoutEmoji drops pictures from a title.
func withoutEmoji(s string) string {
	return strings.Map(func(r rune) rune {
		if r == 0xfe0f || r == 0x20e3 || r >= 0x2190 && unicode.Is(unicode.So, r) || r >= 0x1f3fb && r <= 0x1f3ff {
			return -1
		}
		return r
	}, s)
}

// leading says whether a paragraph stands for a heading over the next block.
func (rd *reader) leading(n ast.Node, alert string) (Kind, bool) {
	text := strings.TrimSpace(string(rd.plain))
	switch n.Kind() {
	case ast.KindParagraph:
		only := n.FirstChild()
		bold := only != nil && only.NextSibling() == nil && only.Kind() == ast.KindEmphasis
		if bold || !strings.ContainsAny(text, " ") {
			return pseudo(text)
		}
	case ast.KindHTMLBlock:
		return pseudo(text)
	}
	return Other, false
}

func (rd *reader) add(n ast.Node, md string, item bool) { rd.addKind(n, md, item, "") }

// addKind adds what was rendered last to the section.
func (rd *reader) addKind(n ast.Node, md string, item bool, alert string) {
	words := saying(strings.Join(strings.Fields(string(rd.plain)), " "))
	if footer(words.lower) {
		return
	}
	s := rd.section()
	in := s.Kind
	if rd.leads {
		in = raise(in, rd.lead)
		if rd.lead > Other {
			in = rd.lead
		}
	}
	kind := blockKind(words, alert, in, s.Level > 0 || rd.leads)
	h := fnv.New64a()
	h.Write([]byte(words.lower))
	s.Blocks = append(s.Blocks, Block{Markdown: md + "\n", Hash: h.Sum64(), Kind: kind, Item: item})
	rd.facts(n, words, kind)
}
