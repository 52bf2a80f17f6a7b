package tree

import (
	"context"
	"errors"
	"io"
)

// Pack writes the tree of root into an archive. Whatever cannot be read, vanishes
// or changes meanwhile is an error, unless opts.Online: then what vanished is left
// out, what changed is as it was found, and the summary counts both.
func Pack(ctx context.Context, root string, opts Options, w io.Writer) (Summary, error) {
	a, err := newWriter(w, opts.Exclude)
	if err != nil {
		return Summary{}, err
	}
	p := &packer{archive: a, content: newContentHash(), buf: make([]byte, bufSize), online: opts.Online}
	t := newTally(opts.Each)
	if err := walk(ctx, root, &walker{opts: opts, tally: t, visit: p.visit}); err != nil {
		return Summary{}, err
	}
	s := t.end()
	return s, a.finish(s)
}

// Hash reads the tree of root and gives what [Pack] would give, without an archive.
// Two trees have the same hash when one was unpacked from the other's archive, and
// neither changed.
func Hash(ctx context.Context, root string, opts Options) (Summary, error) {
	p := &packer{content: newContentHash(), buf: make([]byte, bufSize), online: opts.Online}
	t := newTally(opts.Each)
	if err := walk(ctx, root, &walker{opts: opts, tally: t, visit: p.visit}); err != nil {
		return Summary{}, err
	}
	return t.end(), nil
}

// Measure looks at the tree of root without reading contents: its summary has no
// hash. It is for estimates: what changes meanwhile is no error.
func Measure(ctx context.Context, root string, opts Options) (Summary, error) {
	opts.Online = true
	t := newTally(nil)
	visit := func(context.Context, *Entry, int) ([]byte, error) { return nil, nil }
	if err := walk(ctx, root, &walker{opts: opts, tally: t, visit: visit}); err != nil {
		return Summary{}, err
	}
	return t.Summary, nil
}

// A packer reads contents, into an archive and a hash.
type packer struct {
	archive *writer // nil: only the hash
	content *contentHash
	buf     []byte
	online  bool
}

func (p *packer) visit(ctx context.Context, e *Entry, fd int) ([]byte, error) {
	if p.archive != nil {
		if err := p.archive.entry(e); err != nil {
			return nil, err
		}
	}
	if e.Type != TypeFile {
		return nil, nil
	}
	p.content.reset()
	segments := e.Data
	if !e.sparse() {
		segments = []Segment{{0, e.Size}}
	}
	for _, s := range segments {
		if err := p.segment(ctx, fd, s); err != nil {
			return nil, err
		}
	}
	p.content.skip(e.Size - p.content.pos())
	if p.archive != nil {
		return p.content.sum(), p.archive.pad()
	}
	return p.content.sum(), nil
}

func (p *packer) segment(ctx context.Context, fd int, s Segment) error {
	for s.Length > 0 {
		if err := ctx.Err(); err != nil {
			return err
		}
		b := p.buf[:min(int64(len(p.buf)), s.Length)]
		if err := p.read(fd, b, s.Offset); err != nil {
			return err
		}
		if err := p.content.at(s.Offset, b); err != nil {
			return err
		}
		if p.archive != nil {
			if err := p.archive.write(b); err != nil {
				return err
			}
		}
		s.Offset += int64(len(b))
		s.Length -= int64(len(b))
	}
	return nil
}

// read fills b. A file that became shorter is read as zeros where that is to be
// expected: an archive has already told its size.
func (p *packer) read(fd int, b []byte, off int64) error {
	clear(b)
	err := readAt(fd, b, off)
	if !errors.Is(err, io.ErrUnexpectedEOF) {
		return err
	}
	if p.online {
		return nil
	}
	return errChanged
}
