package markdown

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/yuin/goldmark/ast"
)

// shortBlock is how many characters of text a block must have to be told from
// others that just say the same.
const shortBlock = 40

// Repeats takes out of older notes what a newer one already says word for
// word: projects copy warnings and guides from release to release. The newest
// notes come first. Short blocks stay, and commands that stand alone.
func Repeats(all []*Notes) {
	seen := map[uint64]bool{}
	for _, n := range all {
		var own []uint64
		for i := range n.Sections {
			s := &n.Sections[i]
			s.Blocks = slices.DeleteFunc(s.Blocks, func(b Block) bool {
				own = append(own, b.Hash)
				return seen[b.Hash] && long(b.Markdown)
			})
		}
		for _, h := range own {
			seen[h] = true
		}
	}
}

// long says whether a block of ours has enough text to be left out as
// repeated, and is more than one command.
func long(md string) bool {
	s := parse([]byte(md), Options{})
	for n := s.root.FirstChild(); n != nil; n = n.NextSibling() {
		if n.Kind() == ast.KindFencedCodeBlock && n.Lines().Len() < 2 {
			return false
		}
		s.block(n, 0)
	}
	return utf8.RuneCountInString(strings.Join(strings.Fields(string(s.plain)), " ")) >= shortBlock
}
