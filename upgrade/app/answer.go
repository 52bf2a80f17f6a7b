package app

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"regexp"
	"slices"
	"strconv"

	"github.com/theory/jsonpath"
)

// Expect is what the user says of a right answer. Paths are JSONPath, RFC 9535.
type Expect struct {
	Status   int            `json:"status,omitempty"`   // of HTTP; 0: any from 200 to 399
	Contains string         `json:"contains,omitempty"` // a text in it
	Matches  string         `json:"matches,omitempty"`  // a regular expression as Go has them
	JSON     map[string]any `json:"json,omitempty"`     // path -> the only value there
	Rows     [][]string     `json:"rows,omitempty"`     // of a statement, all of them

	// What must be as it was before the upgrade.
	Unchanged []string `json:"unchanged,omitempty"` // paths
	NotFewer  []string `json:"notFewer,omitempty"`  // paths of numbers and lists
	Shape     bool     `json:"shape,omitempty"`     // its keys and their types
}

// Answer is what came of a question: a body by HTTP, what a command printed, or rows as a
// JSON list of lists of texts.
type Answer struct {
	Status int // 0: not by HTTP
	Body   []byte
}

// Seen is what is kept of an answer, so that a later one can be compared with it. It holds
// no value of it.
type Seen struct {
	Salt   string             `json:"salt,omitempty"`
	Sums   map[string]string  `json:"sums,omitempty"`   // path -> hash of what is there
	Counts map[string]float64 `json:"counts,omitempty"` // path -> the number, or the length of the list
	Shape  *Shape             `json:"shape,omitempty"`
}

// Check says what is wrong with an answer by itself, without quoting it; "" for nothing.
func (e Expect) Check(a Answer) string {
	switch {
	case a.Status == 0:
	case e.Status != 0 && a.Status != e.Status, e.Status == 0 && a.Status >= http.StatusBadRequest:
		return fmt.Sprintf("status %d", a.Status)
	}
	if e.Contains != "" && !bytes.Contains(a.Body, []byte(e.Contains)) {
		return told(a) + "the answer does not contain what it should"
	}
	if e.Matches != "" {
		if re, err := regexp.Compile(e.Matches); err != nil || !re.Match(a.Body) {
			return told(a) + "the answer does not match what it should"
		}
	}
	if len(e.JSON) > 0 {
		doc, err := document(a.Body)
		if err != nil {
			return told(a) + err.Error()
		}
		for _, path := range slices.Sorted(maps.Keys(e.JSON)) {
			if got := find(doc, path); len(got) != 1 || !equal(got[0], e.JSON[path]) {
				return fmt.Sprintf("%s%s is not what it should be", told(a), path)
			}
		}
	}
	if e.Rows != nil {
		var rows [][]string
		if err := json.Unmarshal(a.Body, &rows); err != nil || !reflect.DeepEqual(rows, e.Rows) {
			return fmt.Sprintf("the rows are not those that they should be: there are %d", len(rows))
		}
	}
	return ""
}

// told is how a message about an answer by HTTP begins.
func told(a Answer) string {
	if a.Status == 0 {
		return ""
	}
	return fmt.Sprintf("status %d, but ", a.Status)
}

// Compares says that answers are held against those of before.
func (e Expect) Compares() bool { return len(e.Unchanged)+len(e.NotFewer) > 0 || e.Shape }

// See keeps of an answer what a later one is compared with. salt is that of the one that
// it is compared with, "" for the first. The error says what cannot be compared.
func (e Expect) See(a Answer, salt string) (Seen, error) {
	if !e.Compares() {
		return Seen{}, nil
	}
	s := Seen{Salt: salt, Sums: map[string]string{}, Counts: map[string]float64{}}
	if salt == "" {
		s.Salt = rand.Text()
	}
	// The whole of an answer is compared whatever it is; all else needs JSON.
	whole := len(e.NotFewer) == 0 && !e.Shape && !slices.ContainsFunc(e.Unchanged, func(p string) bool { return p != "$" })
	doc, err := document(a.Body)
	switch {
	case err != nil && whole:
		doc = string(a.Body)
	case err != nil:
		return s, err
	}
	for _, path := range e.Unchanged {
		text, err := json.Marshal(find(doc, path)) // keys of objects come sorted
		if err != nil {
			return s, err
		}
		sum := sha256.Sum256([]byte(s.Salt + string(text)))
		s.Sums[path] = hex.EncodeToString(sum[:])
	}
	for _, path := range e.NotFewer {
		got := find(doc, path)
		if len(got) != 1 {
			return s, fmt.Errorf("%s is there %d times, and must be there once", path, len(got))
		}
		n, ok := number(got[0])
		if !ok {
			return s, fmt.Errorf("%s is no number and no list", path)
		}
		s.Counts[path] = n
	}
	if e.Shape {
		if s.Shape = shapeOf(doc); s.Shape.size() > maxShape {
			return s, fmt.Errorf("the answer has more than %d kinds of keys: too many to be a shape", maxShape)
		}
	}
	return s, nil
}

// Compare says what broke between two answers, and what is new and does no harm.
func (e Expect) Compare(was, now Seen) (broken, news []string) {
	for _, path := range e.Unchanged {
		if sum, ok := was.Sums[path]; ok && sum != now.Sums[path] {
			broken = append(broken, path+" is not what it was before")
		}
	}
	for _, path := range e.NotFewer {
		if n, ok := was.Counts[path]; ok && now.Counts[path] < n {
			broken = append(broken, fmt.Sprintf("%s is %s, and was %s", path, plain(now.Counts[path]), plain(n)))
		}
	}
	if was.Shape != nil && now.Shape != nil {
		was.Shape.compare(now.Shape, "$", &broken, &news)
	}
	return broken, news
}

// document reads JSON.
func document(body []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var doc any
	if err := d.Decode(&doc); err != nil || d.More() {
		return nil, errors.New("the answer is no JSON")
	}
	return doc, nil
}

// find gives what is at a path. The path was read when belay.yml was.
func find(doc any, path string) []any {
	p, err := jsonpath.Parse(path)
	if err != nil {
		return nil
	}
	return p.Select(doc)
}

// equal compares what was found with what the user wrote: 1 is 1.0.
func equal(found, want any) bool {
	a, aok := found.(json.Number)
	if !aok {
		f, _ := json.Marshal(found) // both came from JSON
		w, _ := json.Marshal(want)
		return bytes.Equal(f, w)
	}
	x, err := a.Float64()
	y, ok := want.(float64)
	return err == nil && ok && x == y
}

// number is the size of a value: a number's, also one in a text as rows have them, or a
// list's length.
func number(value any) (float64, bool) {
	switch v := value.(type) {
	case []any:
		return float64(len(v)), true
	case json.Number:
		n, err := v.Float64()
		return n, err == nil
	case string:
		n, err := strconv.ParseFloat(v, 64)
		return n, err == nil
	}
	return 0, false
}

func plain(n float64) string { return strconv.FormatFloat(n, 'f', -1, 64) }
