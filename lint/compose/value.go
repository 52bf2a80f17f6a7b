package compose

import (
	"strings"
	"unicode/utf8"

	"github.com/compose-spec/compose-go/v2/template"
	"go.yaml.in/yaml/v4"

	"github.com/belaystack/belay/lint/source"
)

// piece is a stretch of a resolved text and where it comes from.
type piece struct {
	text    string      // resolved
	shown   string      // what may be printed of it
	at      source.Span // where a person edits it
	edit    source.Span // the bytes to replace; Len 0 when they are not known
	written string      // those bytes
	secret  bool        // edit lies in an env file
	via     []Via
}

// value resolves scalar n of file f.
func (s *scope) value(f *File, n *yaml.Node, via []Via) Value {
	use := f.span(n)
	v := Value{Span: use, Use: use, Raw: n.Value, Via: via, Vars: scan(f, n, s)}
	pieces := s.pieces(f, n.Value, use, 0)
	for _, p := range pieces {
		v.text += p.text
		v.Shown += p.shown
	}
	if main := mainPiece(pieces); main != nil {
		v.Span, v.edit, v.written, v.secret = main.at, main.edit, main.written, main.secret
		v.Via = append(append([]Via{}, via...), main.via...)
	}
	return v
}

// mainPiece is the one a person would edit for another version: the last
// variable behind the name's colon, else the last literal there.
func mainPiece(pieces []piece) *piece {
	text := ""
	for _, p := range pieces {
		text += p.text
	}
	colon := strings.LastIndexByte(text, ':')
	if strings.Contains(text[max(0, colon):], "/") {
		colon = -1
	}
	end := len(text)
	var last *piece
	for i := len(pieces) - 1; i >= 0; i-- {
		p := &pieces[i]
		if last == nil || colon >= 0 && end > colon+1 && last.via == nil && p.via != nil {
			last = p
		}
		end -= len(p.text)
	}
	return last
}

// pieces splits raw, which stands at use (offset bytes into it when its
// length is known), by where each part comes from.
func (s *scope) pieces(f *File, raw string, use source.Span, depth int) []piece {
	var out []piece
	at := func(from, to int) source.Span {
		if use.Len == 0 {
			return use
		}
		return f.At(use.Offset+from, to-from)
	}
	from := 0
	for _, x := range expressions(raw) {
		if x.start > from {
			out = append(out, s.literal(raw[from:x.start], at(from, x.start)))
		}
		from = x.end
		inner := source.Span{Pos: use.Pos}
		if use.Len > 0 && x.op != "" {
			inner = f.At(use.Offset+x.arg, x.argEnd-x.arg)
		}
		out = append(out, s.expand(f, raw, x, inner, depth)...)
	}
	if from < len(raw) || len(out) == 0 {
		out = append(out, s.literal(raw[from:], at(from, len(raw))))
	}
	return out
}

func (s *scope) literal(text string, at source.Span) piece {
	plain := strings.ReplaceAll(text, "$$", "$")
	p := piece{text: plain, shown: plain, at: at, edit: at}
	if at.Len == len(text) {
		p.written = text
	}
	return p
}

// expand resolves one ${...}. Which branch is taken follows compose's rules
// for each operator; that the result equals compose-go's own is checked by
// whoever gives the value out.
func (s *scope) expand(f *File, raw string, x expression, arg source.Span, depth int) []piece {
	value, set := s.lookup(x.name)
	present := set && (value != "" || !strings.HasPrefix(x.op, ":"))
	switch {
	case strings.HasSuffix(x.op, "+"):
		if !present || depth > maxDepth {
			return nil
		}
		return s.pieces(f, raw[x.arg:x.argEnd], arg, depth+1)
	case strings.HasSuffix(x.op, "-") && !present:
		if depth > maxDepth {
			return nil
		}
		inner := s.pieces(f, raw[x.arg:x.argEnd], arg, depth+1)
		for i := range inner {
			inner[i].via = append([]Via{{ViaDefault, x.name, arg}}, inner[i].via...)
		}
		return inner
	case !set:
		return []piece{{at: arg, via: []Via{{ViaEnv, x.name, source.Span{}}}}}
	}
	b := s.values[x.name]
	return []piece{{text: value, shown: b.shown, at: b.at, edit: b.edit, written: b.written, secret: true,
		via: []Via{{ViaEnv, x.name, b.at}}}}
}

// expression is one ${NAME...} or $NAME in a text.
type expression struct {
	name        string
	op          string
	start, end  int // the whole of it
	arg, argEnd int // what stands behind the operator
}

// expressions finds the interpolations of raw, outermost ones only.
func expressions(raw string) []expression {
	var out []expression
	for i := 0; i < len(raw); i++ {
		if raw[i] != '$' || i+1 == len(raw) {
			continue
		}
		switch next := raw[i+1]; {
		case next == '$':
			i++
		case next == '{':
			if x, ok := braced(raw, i); ok {
				out = append(out, x)
				i = x.end - 1
			}
		case nameByte(next, true):
			end := i + 1
			for end < len(raw) && nameByte(raw[end], false) {
				end++
			}
			out = append(out, expression{name: raw[i+1 : end], start: i, end: end})
			i = end - 1
		}
	}
	return out
}

func braced(raw string, start int) (expression, bool) {
	i := start + 2
	for i < len(raw) && nameByte(raw[i], i == start+2) {
		i++
	}
	x := expression{name: raw[start+2 : i], start: start}
	if x.name == "" || i == len(raw) {
		return x, false
	}
	for depth, j := 1, i; j < len(raw); j++ {
		switch raw[j] {
		case '{':
			depth++
		case '}':
			depth--
		}
		if depth == 0 {
			x.end = j + 1
			break
		}
	}
	if x.end == 0 {
		return x, false
	}
	for _, op := range []string{":-", ":?", ":+", "-", "?", "+"} {
		if strings.HasPrefix(raw[i:], op) {
			x.op, x.arg, x.argEnd = op, i+len(op), x.end-1
			return x, true
		}
	}
	return x, i == x.end-1
}

func nameByte(c byte, first bool) bool {
	return c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || !first && c >= '0' && c <= '9'
}

// scan gives the interpolations of scalar n, nested ones behind their outer one.
func scan(f *File, n *yaml.Node, s *scope) []Var {
	if !strings.Contains(n.Value, "$") {
		return nil
	}
	return s.scan(f, n.Value, f.span(n), 0)
}

func (s *scope) scan(f *File, raw string, use source.Span, depth int) []Var {
	var out []Var
	for _, x := range expressions(raw) {
		v := Var{Name: x.name, Op: x.op, Span: source.Span{Pos: use.Pos}}
		if use.Len > 0 {
			v.Span = f.At(use.Offset+x.start, x.end-x.start)
		}
		if b, ok := s.values[x.name]; ok {
			v.Set, v.Empty, v.Def = true, b.value == "", b.at
		}
		if x.op != "" {
			v.Default = source.Span{Pos: use.Pos}
			if use.Len > 0 {
				v.Default = f.At(use.Offset+x.arg, x.argEnd-x.arg)
			}
		}
		if strings.HasSuffix(x.op, "?") && (!v.Set || v.Empty && x.op == ":?") {
			v.Error = raw[x.arg:x.argEnd]
		}
		out = append(out, v)
		if x.op != "" && depth < maxDepth {
			out = append(out, s.scan(f, raw[x.arg:x.argEnd], v.Default, depth+1)...)
		}
	}
	return out
}

// substitute is compose-go's, except that a required variable without a value
// becomes nothing instead of ending the load: it is a finding, and the rest of
// the stack is still checked.
func substitute(text string, lookup template.Mapping) (string, error) {
	if !strings.Contains(text, "$") {
		return text, nil
	}
	out, _ := template.SubstituteWithOptions(text, lookup, template.WithoutLogging)
	return out, nil
}

// plain reports whether every dollar sign of text is doubled or begins one of
// its expressions, so that there is no need to ask compose-go.
func plain(text string) bool {
	if strings.Contains(text, "\n") && strings.Contains(text, "$") {
		return false // no expression of compose's spans two lines
	}
	at := 0
	for _, x := range expressions(text) {
		if strings.Contains(strings.ReplaceAll(text[at:x.start], "$$", ""), "$") || !plain(text[x.arg:x.argEnd]) {
			return false
		}
		at = x.end
	}
	return !strings.Contains(strings.ReplaceAll(text[at:], "$$", ""), "$")
}

// Swap gives the edit that puts replacement in the place of old, a tag, where
// the value is edited: behind the colon in `image: name:tag`, in a default, or
// in an env file. ok is false when old is not written there to the letter.
func (v Value) Swap(old, replacement string) (e source.Edit, ok bool) {
	i := strings.LastIndex(v.written, old)
	if old == "" || i < 0 {
		return e, false
	}
	before, after := v.written[:i], v.written[i+len(old):]
	if before != "" && !strings.ContainsAny(before[len(before)-1:], `:"'`) || after != "" && !strings.ContainsAny(after[:1], `@"'`) {
		return e, false
	}
	pos := v.edit.Pos
	pos.Offset += i
	pos.Col += utf8.RuneCountInString(before)
	return source.Edit{Pos: pos, Old: old, New: replacement, Secret: v.secret}, true
}

// Append gives the edit that puts text behind the value where it is edited,
// before a closing quote. ok is false when what stands there is not its end.
func (v Value) Append(text string) (e source.Edit, ok bool) {
	end := len(v.written)
	if end > 1 && (v.written[end-1] == '"' || v.written[end-1] == '\'') {
		end--
	}
	if end == 0 || !strings.HasSuffix(v.text, strings.TrimLeft(v.written[:end], `"'`)) {
		return e, false
	}
	pos := v.edit.Pos
	pos.Offset += end
	pos.Col += utf8.RuneCountInString(v.written[:end])
	return source.Edit{Pos: pos, New: text, Secret: v.secret}, true
}
