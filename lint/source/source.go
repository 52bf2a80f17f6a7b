// Package source holds the user's files as they were written: reading that
// cannot leave the repository, positions, and byte edits.
//
// What must stay true: nothing outside the root is read, whatever a symlink
// says; a position counts characters, as editors and GitHub do, while edits
// count bytes; a file is replaced whole or not at all.
package source

import (
	"cmp"
	"fmt"
	"sort"
	"strings"
	"unicode/utf8"
)

// Pos is a place in a file. Line and Col count from 1, Col in characters;
// Offset counts bytes from 0. File is relative to the root, with slashes.
type Pos struct {
	File   string
	Line   int
	Col    int
	Offset int
}

// IsZero reports whether p names no place at all.
func (p Pos) IsZero() bool { return p.File == "" }

// String gives file:line:col, or the file alone when no line is known.
func (p Pos) String() string {
	if p.Line == 0 {
		return p.File
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Col)
}

// Compare orders by file, line and column.
func (p Pos) Compare(q Pos) int {
	return cmp.Or(strings.Compare(p.File, q.File), cmp.Compare(p.Line, q.Line), cmp.Compare(p.Col, q.Col))
}

// Span is a region of one line: Len bytes from Pos. Len is 0 where only the
// start is known.
type Span struct {
	Pos
	Len int
}

// File is one file of the user's: its bytes and where its lines begin.
type File struct {
	Path  string // relative to the root, with slashes; what findings print
	Data  []byte
	lines []int // byte offset of each line's first byte
}

// New indexes data as the content of path. Nothing is read from disk.
func New(path string, data []byte) *File {
	f := &File{Path: path, Data: data, lines: []int{0}}
	for i := 0; i < len(data); i++ {
		switch {
		case data[i] == '\n', data[i] == '\r' && (i+1 == len(data) || data[i+1] != '\n'):
			f.lines = append(f.lines, i+1)
		}
	}
	return f
}

// Lines counts the lines of f; a file that ends in a newline has no empty last one.
func (f *File) Lines() int {
	n := len(f.lines)
	if f.lines[n-1] == len(f.Data) && n > 1 {
		n--
	}
	return n
}

// Line gives line n without its line break, or "" where there is none.
func (f *File) Line(n int) string {
	if n < 1 || n > len(f.lines) {
		return ""
	}
	end := len(f.Data)
	if n < len(f.lines) {
		end = f.lines[n]
	}
	return strings.TrimRight(string(f.Data[f.lines[n-1]:end]), "\r\n")
}

// LineStart gives the byte offset where line n begins; len(Data) past the last.
func (f *File) LineStart(n int) int {
	if n < 1 {
		return 0
	}
	if n > len(f.lines) {
		return len(f.Data)
	}
	return f.lines[n-1]
}

// At gives the position of byte offset, with n bytes as its length.
func (f *File) At(offset, n int) Span {
	offset = max(0, min(offset, len(f.Data)))
	line := sort.Search(len(f.lines), func(i int) bool { return f.lines[i] > offset })
	start := f.lines[line-1]
	col := utf8.RuneCount(f.Data[start:offset]) + 1
	if start == 0 && strings.HasPrefix(string(f.Data[:min(3, len(f.Data))]), bom) && offset >= len(bom) {
		col-- // editors do not count the byte order mark
	}
	return Span{Pos{f.Path, line, col, offset}, min(n, len(f.Data)-offset)}
}

const bom = "\ufeff"

// Start is the first position of f.
func (f *File) Start() Span { return Span{Pos{f.Path, 1, 1, 0}, 0} }

// Error is what is wrong with a user's file, at the place to mend.
type Error struct {
	Pos  Pos
	Msg  string // says nothing of a value
	Next string // a command or a file to turn to; may be empty
	Err  error  // the cause, for errors.Is; never printed
}

func (e *Error) Error() string { return e.Pos.String() + ": " + e.Msg }

// Hint names the next move.
func (e *Error) Hint() string  { return e.Next }
func (e *Error) Unwrap() error { return e.Err }
