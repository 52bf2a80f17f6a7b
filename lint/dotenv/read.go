package dotenv

import (
	"errors"
	"strings"

	compose "github.com/compose-spec/compose-go/v2/dotenv"
	"github.com/compose-spec/compose-go/v2/template"

	"github.com/belaystack/belay/lint/source"
)

// What interpolation may cost in one file. compose-go has no bounds: "A=$B$B"
// repeated doubles the value each time, and "${a:-x}" repeated in one value
// takes the square of their number.
const (
	maxExpanded = 16 << 20 // bytes put in for variables
	maxWork     = 32 << 20 // sum over the values of their bytes times their "$"
)

// reader turns what the scanner finds into entries.
type reader struct {
	file *File
	scan *scanner
	env  environment
	help helpBlock
}

func (r *reader) read() error {
	for r.scan.next() {
		if r.scan.data[r.scan.pos] == '#' {
			start, end := r.scan.comment()
			r.comment(start, end)
			continue
		}
		st, err := r.scan.statement()
		if err != nil {
			return err
		}
		if err := r.statement(st); err != nil {
			return err
		}
	}
	return nil
}

// statement adds the entry of st. A statement without a key is left out: it
// sets the variable "", which nothing can name.
func (r *reader) statement(st statement) error {
	e := r.entry(st)
	e.Help = r.help.take(r.scan.data, st.start)
	value, ok, err := r.value(st, e.Key)
	if err != nil {
		return err
	}
	e.Unset = !ok
	e.Value = value
	if e.Key == "" {
		return nil
	}
	if ok {
		r.env.own[e.Key] = value.Reveal()
	}
	r.file.add(e)
	return nil
}

func (r *reader) entry(st statement) Entry {
	return Entry{
		Key:       r.scan.data[st.keyStart:st.keyEnd],
		Span:      r.scan.span(st.keyStart, st.keyEnd-st.keyStart),
		At:        r.scan.span(st.valStart, st.valEnd-st.valStart),
		Export:    st.export,
		Inherited: st.inherited,
	}
}

// value gives what compose-go reads from st alone, with the values before it
// to interpolate; ok is false where compose sets nothing.
func (r *reader) value(st statement, key string) (v Value, ok bool, err error) {
	quoted := r.scan.data[st.valStart:st.valEnd]
	written := quoted
	if st.quote != 0 {
		written = written[1 : len(written)-1]
	}
	lookup := r.env.outer // a bare KEY takes its value from outside only
	if !st.inherited {
		if err := r.env.begin(written); err != nil {
			return v, false, r.refuse(st, err)
		}
		lookup = r.env.lookup
	}
	read, err := compose.UnmarshalWithLookup(r.scan.data[st.start:st.end], lookup)
	if err == nil {
		err = r.env.err
	}
	if err != nil {
		return v, false, r.refuse(st, err)
	}
	got, ok := read[key]
	return newValue(text{value: got, written: written, quoted: quoted}), ok, nil
}

var errTooMuch = errors.New("interpolation that grows out of bounds")

// refuse says what is wrong with a value in our own words: compose-go's quote
// the value.
func (r *reader) refuse(st statement, err error) error {
	out := &source.Error{Pos: r.scan.span(st.valStart, 0).Pos, Msg: "a value that docker compose refuses", Err: errRefused}
	var (
		missing *template.MissingRequiredError
		invalid *template.InvalidTemplateError
	)
	switch {
	case errors.Is(err, errTooMuch):
		out.Msg, out.Next, out.Err = errTooMuch.Error(), "write the value out", errTooMuch
	case errors.As(err, &missing):
		out.Msg, out.Next = "a variable required with ? is not set", "set it on a line above"
	case errors.As(err, &invalid):
		out.Msg, out.Next = "a $ that begins no variable", "write $$ for a dollar sign, or put the value in single quotes"
	}
	return out
}

// errRefused stands in for compose-go's error, whose text holds the value.
var errRefused = errors.New("refused by compose")

// environment answers for the variables that values interpolate.
type environment struct {
	outer    func(string) (string, bool)
	own      map[string]string // what the file set so far
	written  string            // the value that is being read
	expanded int
	work     int
	err      error
}

// begin makes ready for one value, and refuses what would cost too much.
func (e *environment) begin(written string) error {
	e.written = written
	e.work += strings.Count(written, "$") * len(written)
	if e.work > maxWork {
		e.err = errTooMuch
	}
	return e.err
}

// lookup is compose's order: the environment, then the file's lines above.
//
// An unset variable is answered as empty wherever that reads the same,
// because compose-go logs the name of one it misses, and in PASSWORD=a$bc the
// name is part of the value.
func (e *environment) lookup(name string) (string, bool) {
	v, ok := e.outer(name)
	if !ok {
		v, ok = e.own[name]
	}
	if !ok {
		return "", !e.asksWhetherSet(name)
	}
	if e.expanded += len(v); e.expanded > maxExpanded {
		e.err = errTooMuch
		return "", true
	}
	return v, true
}

// asksWhetherSet reports whether the value tells unset from empty: ${name-x},
// ${name?x}, ${name+x}.
func (e *environment) asksWhetherSet(name string) bool {
	for _, op := range []string{"-", "?", "+"} {
		if strings.Contains(e.written, "{"+name+op) {
			return true
		}
	}
	return false
}
