package github

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io/fs"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	maxCache   = 200 << 20 // of all entries; the oldest go
	maxEntry   = maxAnswer + 1<<20
	entrySuf   = ".entry"
	tempPrefix = ".entry-"
	leftOver   = time.Hour // a temporary file that old is of a run that died
)

// cache keeps answers in a folder, one file each. It is a help and never a
// need: what cannot be read or written, or is not what was written, is as if
// it were not there. It holds no token and nothing that depends on one's rights
// beyond what the owner of the folder may see (files are 0600). What it gives
// is believed, so that nobody else may have been able to write it: see open.
type cache struct {
	dir string
	now func() time.Time

	mu   sync.Mutex
	size int64 // of the entries, once sized
	read bool  // size is known

	refused atomic.Pointer[string] // why the folder is not used
}

// entry is one answer kept.
type entry struct {
	Key      string    `json:"key"` // the question
	Status   int       `json:"status"`
	ETag     string    `json:"etag,omitempty"`
	Modified string    `json:"modified,omitempty"`
	Fetched  time.Time `json:"fetched"` // or last confirmed
	Sum      string    `json:"sum"`     // SHA-256 of Body
	Body     []byte    `json:"-"`
}

var errEntry = errors.New("not a cache entry")

// marshal is one line of JSON, then the body.
func (e *entry) marshal() ([]byte, error) {
	e.Sum = sum(e.Body)
	head, err := json.Marshal(e)
	if err != nil {
		return nil, err
	}
	return slices.Concat(head, []byte("\n"), e.Body), nil
}

// parseEntry reads what marshal wrote for the question key.
func parseEntry(data []byte, key string) (*entry, error) {
	head, body, ok := bytes.Cut(data, []byte("\n"))
	if !ok {
		return nil, errEntry
	}
	var e entry
	if err := json.Unmarshal(head, &e); err != nil {
		return nil, errEntry
	}
	if e.Key != key || e.Sum != sum(body) || e.Status != 200 && e.Status != 404 || e.Fetched.IsZero() {
		return nil, errEntry
	}
	if !headerValue(e.ETag) || !headerValue(e.Modified) {
		return nil, errEntry
	}
	e.Body = body
	return &e, nil
}

// headerValue reports whether a text can be sent back in a header.
func headerValue(s string) bool {
	return len(s) <= 256 && !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' })
}

func sum(data []byte) string {
	h := sha256.Sum256(data)
	return hex.EncodeToString(h[:])
}

// entryName is the file of a question.
func entryName(key string) string { return sum([]byte(key)) + entrySuf }

// load gives the entry of a question, or nil. One from the future is dropped:
// its age cannot be told.
func (c *cache) load(key string) *entry {
	if c == nil {
		return nil
	}
	f, err := c.open(false)
	if err != nil {
		return nil
	}
	defer f.Close()
	data, err := f.readEntry(entryName(key))
	if err != nil {
		return nil
	}
	e, err := parseEntry(data, key)
	if err != nil || e.Fetched.After(c.now().Add(time.Minute)) {
		return nil
	}
	return e
}

// store keeps e, whole or not at all.
func (c *cache) store(e *entry) {
	if c == nil {
		return
	}
	data, err := e.marshal()
	if err != nil || len(data) > maxEntry {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	f, err := c.open(true)
	if err != nil {
		return
	}
	defer f.Close()
	if f.writeEntry(entryName(e.Key), data) != nil {
		return
	}
	if c.size += int64(len(data)); !c.read || c.size > maxCache {
		c.prune(f, maxCache)
	}
}

// prune removes the oldest entries until the rest is within limit, and what
// dead runs left. Files that are not ours stay.
func (c *cache) prune(dir *folder, limit int64) {
	files, err := fs.ReadDir(dir.FS(), ".")
	if err != nil {
		return
	}
	type old struct {
		name string
		size int64
		at   time.Time
	}
	var entries []old
	c.size, c.read = 0, true
	for _, f := range files {
		info, err := f.Info()
		if err != nil || !info.Mode().IsRegular() {
			continue
		}
		switch name := f.Name(); {
		case strings.HasPrefix(name, tempPrefix) && c.now().Sub(info.ModTime()) > leftOver:
			dir.Remove(name)
		case len(name) == 2*sha256.Size+len(entrySuf) && strings.HasSuffix(name, entrySuf):
			entries = append(entries, old{name, info.Size(), info.ModTime()})
			c.size += info.Size()
		}
	}
	slices.SortFunc(entries, func(a, b old) int { return a.at.Compare(b.at) })
	for _, e := range entries {
		if c.size <= limit {
			return
		}
		if dir.Remove(e.name) == nil {
			c.size -= e.size
		}
	}
}
