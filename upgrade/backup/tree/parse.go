package tree

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// A record is one of an extended header.
type record struct{ key, value string }

func parseRecords(p []byte) ([]record, error) {
	var recs []record
	for len(p) > 0 {
		space := bytes.IndexByte(p[:min(len(p), 20)], ' ')
		if space < 0 {
			return nil, errors.New("archive: impossible record")
		}
		n, err := parseDecimal(string(p[:space]))
		if err != nil || n < int64(space)+4 || n > int64(len(p)) || p[n-1] != '\n' {
			return nil, errors.New("archive: impossible record")
		}
		key, value, ok := strings.Cut(string(p[space+1:n-1]), "=")
		if !ok || slices.ContainsFunc(recs, func(r record) bool { return r.key == key }) {
			return nil, errors.New("archive: impossible record")
		}
		recs = append(recs, record{key, value})
		p = p[n:]
	}
	return recs, nil
}

// parseEntry makes an entry of its header and its records, and gives the size
// of what follows in the archive.
func parseEntry(b []byte, recs []record) (*Entry, int64, error) {
	e := &Entry{Type: Type(b[156])}
	var size int64
	var numbers [6]uint64
	for i, f := range [][]byte{b[100:108], b[108:116], b[116:124], b[124:136], b[329:337], b[337:345]} {
		n, err := parseOctal(f)
		if err != nil {
			return nil, 0, err
		}
		numbers[i] = n
	}
	e.Mode, e.UID, e.GID, size = uint32(numbers[0]), uint32(numbers[1]), uint32(numbers[2]), int64(numbers[3])
	e.Major, e.Minor = uint32(numbers[4]), uint32(numbers[5])
	name, link := field(b[0:100]), field(b[157:257])
	realsize := int64(-1)
	for _, r := range recs {
		if err := e.apply(r, &name, &link, &size, &realsize); err != nil {
			return nil, 0, err
		}
	}
	e.Size = size
	if realsize >= 0 {
		e.Size, e.Data = realsize, []Segment{}
	}
	if err := e.place(name, link); err != nil {
		return nil, 0, err
	}
	return e, size, e.check()
}

// apply takes a record over.
func (e *Entry) apply(r record, name, link *string, size, realsize *int64) (err error) {
	switch r.key {
	case "path", "GNU.sparse.name":
		*name = r.value
	case "linkpath":
		*link = r.value
	case "size":
		*size, err = parseDecimal(r.value)
	case "GNU.sparse.realsize":
		*realsize, err = parseDecimal(r.value)
	case "uid":
		e.UID, err = parseOwner(r.value)
	case "gid":
		e.GID, err = parseOwner(r.value)
	case "mtime":
		e.Mtime, err = parseTime(r.value)
	case "GNU.sparse.major", "GNU.sparse.minor":
		if r.key == "GNU.sparse.major" != (r.value == "1") || r.value != "0" && r.value != "1" {
			err = errors.New("unknown format of holes")
		}
	default:
		encoded, ok := strings.CutPrefix(r.key, attrPrefix)
		if !ok {
			return fmt.Errorf("unknown record %.40q", r.key)
		}
		e.Attrs = append(e.Attrs, Attr{attrDecoder().Replace(encoded), []byte(r.value)})
	}
	return err
}

// place makes paths of an archive's names.
func (e *Entry) place(name, link string) error {
	path, ok := strings.CutPrefix(name, "./")
	if e.Type == TypeDir && path != "" {
		p, slash := strings.CutSuffix(path, "/")
		path, ok = p, ok && slash
	}
	if e.Type == TypeDir && name == "./" {
		path = "."
	} else if path == "." {
		ok = false
	}
	if !ok {
		return fmt.Errorf("path %q leads out of the tree", name)
	}
	e.Path, e.Link = path, link
	if e.Type != TypeLink {
		return nil
	}
	if e.Link, ok = strings.CutPrefix(link, "./"); !ok || e.Link == "." {
		return fmt.Errorf("link %q leads out of the tree", link)
	}
	return checkPath(e.Link)
}

// check refuses what no entry of its type has.
func (e *Entry) check() error {
	if e.Mode&^0o7777 != 0 {
		return errors.New("impossible mode")
	}
	if e.Type != TypeFile && (e.Size != 0 || e.sparse()) {
		return errors.New("content of what is no file")
	}
	if (e.Type == TypeLink || e.Type == TypeSymlink) != (e.Link != "") || strings.Contains(e.Link, "\x00") {
		return errors.New("impossible link")
	}
	if e.Type != TypeChar && e.Type != TypeBlock && (e.Major != 0 || e.Minor != 0) {
		return errors.New("device number of what is no device")
	}
	if !slices.IsSortedFunc(e.Attrs, func(a, b Attr) int { return strings.Compare(a.Name, b.Name) }) {
		return errors.New("attributes out of order")
	}
	for _, x := range e.Attrs {
		if x.Name == "" || strings.Contains(x.Name, "\x00") || hostAttr(x.Name) {
			return fmt.Errorf("impossible attribute %.40q", x.Name)
		}
	}
	switch e.Type {
	case TypeFile, TypeLink, TypeSymlink, TypeChar, TypeBlock, TypeDir, TypeFIFO:
		return nil
	}
	return fmt.Errorf("unknown type %q", byte(e.Type))
}

// hostAttr says whether the host's kernel keeps an attribute for itself: labels
// and measurements, which another process cannot set, and which it makes anew.
func hostAttr(name string) bool {
	switch name {
	case "security.selinux", "security.ima", "security.evm", "security.apparmor":
		return true
	}
	return strings.HasPrefix(name, "security.SMACK64")
}

// field is the text of a header's field.
func field(b []byte) string {
	if i := bytes.IndexByte(b, 0); i >= 0 {
		b = b[:i]
	}
	return string(b)
}

// parseOctal reads a field that [octal] wrote.
func parseOctal(f []byte) (uint64, error) {
	digits := f[:len(f)-1]
	n, err := strconv.ParseUint(string(digits), 8, 63)
	if err != nil || f[len(f)-1] != 0 {
		return 0, errors.New("impossible number")
	}
	return n, nil
}

func parseOwner(s string) (uint32, error) {
	n, err := parseDecimal(s)
	if err != nil || n > math.MaxUint32 {
		return 0, errors.New("impossible owner")
	}
	return uint32(n), nil
}

// parseTime reads what [Time.String] wrote.
func parseTime(s string) (Time, error) {
	whole, fraction, dot := strings.Cut(s, ".")
	sec, err := strconv.ParseInt(whole, 10, 64)
	t := Time{Sec: sec}
	if err == nil && dot {
		t.Nsec, err = strconv.ParseInt(fraction, 10, 32)
		if t.Nsec > 0 && strings.HasPrefix(whole, "-") {
			t.Sec, t.Nsec = t.Sec-1, 1e9-t.Nsec
		}
	}
	if err != nil || t.String() != s {
		return Time{}, fmt.Errorf("%.40q is no time", s)
	}
	return t, nil
}
