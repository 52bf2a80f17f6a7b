package journal

import (
	"bytes"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"strconv"
	"time"
)

// Event is what an entry says happened. The words go into journals: to rename
// one makes runs that are under way unreadable.
type Event string

// The events of a run, in the order in which they can come.
const (
	Begun     Event = "begun"     // a run was accepted, its header is the data; nothing has changed yet
	Captured  Event = "captured"  // what the step's undo needs is the data; the step may start
	Done      Event = "done"      // the step is finished; its result is the data
	Failed    Event = "failed"    // the step, or its undo, returned an error
	Nothing   Event = "nothing"   // the step found nothing to change
	Returning Event = "returning" // all steps are done and will be undone on purpose
	Undoing   Event = "undoing"   // undoing starts; why is the data
	Undone    Event = "undone"    // what the step changed is as it was captured
	Committed Event = "committed" // verified; from here on there is no way back
	Closed    Event = "closed"    // nothing is left to do; the outcome is the data
)

// reserved tells the events that the reserve is for: those that end a run, in
// either direction. One that would lead it on fails on a full disk instead, so
// that the reserve is still there to take it back.
func (e Event) reserved() bool {
	switch e {
	case Begun, Captured, Done:
		return false
	}
	return true
}

// Entry is one line of a journal.
type Entry struct {
	Seq   int             `json:"seq"`  // from 1, without gaps
	Time  time.Time       `json:"time"` // UTC
	Event Event           `json:"event"`
	Step  string          `json:"step,omitempty"`
	Data  json.RawMessage `json:"data,omitempty"`
}

// maxBody bounds an entry, in bytes. What is larger belongs into a file of its
// own: an undo has to fit into the reserve.
const maxBody = 16 << 20

const head = len("00000000 00000000 ")

// encode frames an entry as "length checksum json\n". The length tells two
// entries joined by a damaged newline from one entry cut short.
func encode(e Entry) ([]byte, error) {
	body, err := json.Marshal(e)
	if err != nil {
		return nil, err
	}
	if len(body) > maxBody {
		return nil, fmt.Errorf("entry of %d bytes: at most %d", len(body), maxBody)
	}
	return append(frame(body), '\n'), nil
}

func frame(body []byte) []byte {
	return fmt.Appendf(nil, "%08x %08x %s", len(body), crc32.ChecksumIEEE(body), body)
}

func decode(line []byte) (e Entry, ok bool) {
	if len(line) < head || !bytes.Equal(line, frame(line[head:])) {
		return e, false
	}
	return e, json.Unmarshal(line[head:], &e) == nil
}

// content is what a journal's bytes hold.
type content struct {
	entries []Entry
	good    int  // bytes up to the end of the last entry
	ended   bool // the last entry has its newline
}

// parse reads a journal. A last line that a crash cut short is left out. With
// a *DamagedError the content is what stands before the damage.
func parse(data []byte) (content, error) {
	c := content{ended: true}
	for c.good < len(data) {
		line, rest, ended := bytes.Cut(data[c.good:], []byte("\n"))
		e, ok := decode(line)
		if !ok && !ended {
			// All but the newline came through, or the newline alone is
			// damaged: the checksum vouches for the entry.
			line = line[:len(line)-1]
			e, ok = decode(line)
		}
		switch {
		case ok && e.Seq == len(c.entries)+1:
			c.entries = append(c.entries, e)
			c.good += len(line)
			if c.ended = ended; !ended {
				return c, nil
			}
			c.good++
		case len(rest) == 0 && torn(data[c.good:]):
			return c, nil
		default:
			return c, &DamagedError{Entry: len(c.entries) + 1, Offset: c.good}
		}
	}
	return c, nil
}

// torn tells a last line that a crash interrupted from one that was damaged
// later: it is cut short, or has blocks that the file system never wrote. No
// entry holds a NUL, and one flipped bit makes no two of them.
func torn(line []byte) bool {
	switch {
	case bytes.Contains(line, []byte{0, 0}):
		return true
	case bytes.HasSuffix(line, []byte("\n")):
		return false
	case len(line) < head:
		return true
	}
	n, err := strconv.ParseUint(string(line[:8]), 16, 32)
	return err == nil && uint64(len(line)-head) < n
}
