package markdown

import (
	"bytes"
	"sync"
	"unicode"
	"unicode/utf8"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"
)

// source is one text and its tree, which it writes anew. Rendering collects on
// the way: plain text and link targets of what was rendered since they were
// last reset.
type source struct {
	src       []byte
	root      ast.Node
	o         Options
	truncated bool

	plain []byte
	links []string
	room  int // how many bytes of link targets may still be written
}

// gfm is the parser, built once. It may be used by many at a time.
var gfm = sync.OnceValue(func() parser.Parser {
	return goldmark.New(
		goldmark.WithExtensions(extension.GFM),
		goldmark.WithParserOptions(parser.WithParagraphTransformers(
			util.Prioritized(splitter{first: tableBytes}, 50), // before link definitions (100) and tables (200)
			util.Prioritized(splitter{first: paragraphBytes}, 300),
		)),
	).Parser()
})

func parse(src []byte, o Options) *source {
	r := &source{o: o}
	if !repoName().MatchString(o.Repo) {
		r.o.Repo = ""
	}
	src, r.truncated = cut(src, MaxSize)
	r.src = bound(clean(src))
	r.room = 2*len(r.src) + 1<<16
	r.root = gfm().Parse(text.NewReader(r.src))
	return r
}

var repoName = lazy(`^[\w.-]+/[\w.-]+$`)

// cut keeps at most limit bytes, ending at a line if there is one.
func cut(src []byte, limit int) ([]byte, bool) {
	if len(src) <= limit {
		return src, false
	}
	src = src[:limit]
	if i := bytes.LastIndexByte(src, '\n'); i > limit/2 {
		return src[:i+1], true
	}
	for len(src) > 0 && !utf8.RuneStart(src[len(src)-1]) {
		src = src[:len(src)-1]
	}
	return src[:max(0, len(src)-1)], true
}

// clean gives src as valid UTF-8 with \n as its only line end and without
// characters that cannot be seen: controls, marks that change the direction of
// text, joiners, tags, fillers.
func clean(src []byte) []byte {
	i := 0
	for i < len(src) && plainByte(src[i]) {
		i++
	}
	if i == len(src) {
		return src
	}
	out := append(make([]byte, 0, len(src)+16), src[:i]...)
	for i < len(src) {
		if c := src[i]; plainByte(c) {
			out = append(out, c)
			i++
			continue
		}
		r, size := utf8.DecodeRune(src[i:])
		if r == '\r' && i+1 < len(src) && src[i+1] == '\n' {
			size = 2
		}
		i += size
		if r = visible(r); r >= 0 {
			out = utf8.AppendRune(out, r)
		}
	}
	return out
}

func plainByte(c byte) bool { return c >= ' ' && c < 0x7f || c == '\n' || c == '\t' }

// visible gives the character to put for r, or -1 for none.
func visible(r rune) rune {
	switch {
	case r == '\r':
		return '\n'
	case r == '\n' || r == '\t':
		return r
	case r == 0x85 || r == 0x2028 || r == 0x2029:
		return ' '
	case r < 0xa0 && (r < ' ' || r >= 0x7f),
		r == 0x34f || r == 0x115f || r == 0x1160 || r == 0x17b4 || r == 0x17b5 || r == 0x3164 || r == 0xffa0,
		r >= 0x180b && r <= 0x180f,
		r >= 0xfe00 && r < 0xfe0f, // variation selectors but the one for emoji
		r >= 0xe0000 && r <= 0xe0fff,
		r >= 0x2000 && unicode.Is(unicode.Cf, r), r == 0xad, r >= 0x600 && r < 0x2000 && unicode.Is(unicode.Cf, r):
		return -1
	}
	return r
}
