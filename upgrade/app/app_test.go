package app

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/belaystack/belay/lint/image"
	"github.com/belaystack/belay/upgrade/docker"
)

// stack is one that answers from tables. What is not in them there is not.
type stack struct {
	members []Member
	rows    map[string][][]string // a part of the statement -> rows
	files   map[string]string     // service:path
	says    map[string]string     // service and command; "!" in front: it fails saying so
	http    map[string]Response   // service and url, and perhaps the body
	asked   []string
	sent    []Request
}

func (s *stack) Members() []Member { return s.members }

func (s *stack) Query(_ context.Context, service, db, statement string) ([][]string, error) {
	s.asked = append(s.asked, statement)
	for part, rows := range s.rows {
		if strings.Contains(service+"/"+db+"/"+statement, part) {
			return rows, nil
		}
	}
	return nil, unknown("nothing is known of %s", statement)
}

func (s *stack) Exec(_ context.Context, service string, env []string, args ...string) (string, error) {
	s.asked = append(s.asked, fmt.Sprint(service, env, args))
	for command, out := range s.says {
		if strings.HasPrefix(service+" "+strings.Join(args, " "), command) {
			if text, bad := strings.CutPrefix(out, "!"); bad {
				return text, errors.New(text)
			}
			return out, nil
		}
	}
	return "", unknown("%s does not run that", service)
}

func (s *stack) File(_ context.Context, service, path string) ([]byte, error) {
	text, ok := s.files[service+":"+path]
	if !ok {
		return nil, fmt.Errorf("%s: %w", path, docker.ErrNotFound)
	}
	return []byte(text), nil
}

func (s *stack) Ask(_ context.Context, service string, requests ...Request) ([]Response, error) {
	var out []Response
	s.sent = append(s.sent, requests...)
	for _, r := range requests {
		got, ok := s.http[service+" "+r.URL+" "+r.Body]
		if !ok {
			got, ok = s.http[service+" "+r.URL]
		}
		if !ok {
			got = Response{Error: "connection refused"}
		}
		out = append(out, got)
	}
	return out, nil
}

var began = time.Date(2026, 11, 22, 3, 0, 0, 0, time.UTC)

// member runs since began; the words behind the image are NAME=value of its environment,
// and without "=" its command.
func member(t *testing.T, service, ref string, words ...string) Member {
	t.Helper()
	r, err := image.Parse(ref)
	if err != nil {
		t.Fatal(err)
	}
	m := Member{Service: service, Image: r, Env: map[string]docker.Secret{}, Running: true, Started: began}
	for _, w := range words {
		if name, value, ok := strings.Cut(w, "="); ok {
			m.Env[name] = docker.Secret(value)
		} else {
			m.Args = append(m.Args, w)
		}
	}
	return NewMember(m)
}

func secret(value string) docker.Secret { return docker.Secret(value) }

func TestCompare(t *testing.T) {
	fact := func(rule Rule, change func(*Fact)) Fact {
		f := Fact{App: "n8n", Name: "x", Rule: rule}
		change(&f)
		return f
	}
	count := func(n int64) Fact { return fact(NotFewer, func(f *Fact) { f.Count = n }) }
	text := func(s string) Fact { return fact(Same, func(f *Fact) { f.Text = s }) }
	set := func(ids ...string) Fact {
		return fact(Keeps, func(f *Fact) {
			f.Items = map[string]string{}
			for _, id := range ids {
				f.Items[id] = "flow " + id
			}
		})
	}
	versions := func(f Fact, pairs ...string) Fact {
		f.Versions = map[string]string{}
		for i := 0; i < len(pairs); i += 2 {
			f.Versions[pairs[i]] = pairs[i+1]
		}
		return f
	}
	wrong := func(s string) Fact { return fact(Told, func(f *Fact) { f.Wrong = s }) }
	none := func(rule Rule, n int64) Fact { return fact(rule, func(f *Fact) { f.Count = n }) }
	counts := func(pairs ...string) Fact {
		return fact(NoneLess, func(f *Fact) {
			f.Items = map[string]string{}
			for _, p := range pairs {
				name, n, _ := strings.Cut(p, "=")
				f.Items[name] = n
			}
		})
	}
	unasked := fact(NotFewer, func(f *Fact) { f.Unasked = "no reason" })
	for name, tt := range map[string]struct {
		before, after   []Fact
		failed, unasked string
	}{
		"as many":              {[]Fact{count(3)}, []Fact{count(3)}, "", ""},
		"more":                 {[]Fact{count(3)}, []Fact{count(4)}, "", ""},
		"fewer":                {[]Fact{count(3)}, []Fact{count(2)}, "2, and there were 3", ""},
		"none":                 {[]Fact{count(3)}, []Fact{count(0)}, "0, and there were 3", ""},
		"the same":             {[]Fact{text("a")}, []Fact{text("a")}, "", ""},
		"another":              {[]Fact{text("finished")}, []Fact{text("not_started")}, "not_started, and was finished", ""},
		"all there":            {[]Fact{set("a", "b")}, []Fact{set("b", "a", "c")}, "", ""},
		"one gone":             {[]Fact{set("a", "b")}, []Fact{set("a", "c")}, "1 of 2 are missing: flow b (b)", ""},
		"other version":        {[]Fact{versions(set("a", "b"), "a", "1", "b", "1")}, []Fact{versions(set("a", "b"), "a", "1", "b", "2")}, "1 of 2 are in another version than before: flow b (b)", ""},
		"no version before":    {[]Fact{set("a")}, []Fact{versions(set("a"), "a", "1")}, "", ""},
		"no version now":       {[]Fact{versions(set("a"), "a", "1")}, []Fact{set("a")}, "", ""},
		"gone and other":       {[]Fact{versions(set("a", "b"), "a", "1", "b", "1")}, []Fact{versions(set("b"), "b", "2")}, "1 of 2 are missing: flow a (a); 1 of 2 are in another version than before: flow b (b)", ""},
		"some left":            {[]Fact{none(NotNone, 3)}, []Fact{none(NotNone, 1)}, "", ""},
		"none left":            {[]Fact{none(NotNone, 3)}, []Fact{none(NotNone, 0)}, "none, and there were 3", ""},
		"none, as before":      {[]Fact{none(NotNone, 0)}, []Fact{none(NotNone, 0)}, "", ""},
		"none, as it may be":   {[]Fact{none(Told, 3)}, []Fact{none(NotNone, 0)}, "", ""},
		"each as many":         {[]Fact{counts("a=2", "b=10")}, []Fact{counts("a=2", "b=11", "c=0")}, "", ""},
		"one less":             {[]Fact{counts("a=2", "b=10")}, []Fact{counts("a=2", "b=9")}, "b has 9 and had 10", ""},
		"one for another":      {[]Fact{counts("a=2", "b=10")}, []Fact{counts("a=1", "b=99")}, "a has 1 and had 2", ""},
		"one not counted":      {[]Fact{counts("a=2", "b=10")}, []Fact{counts("b=10")}, "", ""},
		"many less":            {[]Fact{counts("a=2", "b=2", "c=2", "d=2", "e=2", "f=2", "g=2")}, []Fact{counts("a=0", "b=0", "c=0", "d=0", "e=0", "f=0", "g=0")}, "a has 0 and had 2, b has 0 and had 2, c has 0 and had 2, d has 0 and had 2, e has 0 and had 2, and 2 more", ""},
		"wrong now":            {[]Fact{count(3)}, []Fact{wrong("it cannot")}, "it cannot", ""},
		"wrong before too":     {[]Fact{wrong("it cannot")}, []Fact{wrong("it cannot")}, "", "it was so before: it cannot"},
		"better now":           {[]Fact{fact(Same, func(f *Fact) { f.Text, f.Wrong = "not_started", "it was never set up" })}, []Fact{text("finished")}, "", ""},
		"wrong, never asked":   {nil, []Fact{wrong("it cannot")}, "it cannot", ""},
		"never asked before":   {nil, []Fact{count(3)}, "", "it was not asked before"},
		"not asked before":     {[]Fact{unasked}, []Fact{count(0)}, "", "before: no reason"},
		"not asked now":        {[]Fact{count(3)}, []Fact{unasked}, "", "no reason"},
		"the question is gone": {[]Fact{count(3)}, nil, "", "it cannot be asked now"},
		"asked once, in vain":  {[]Fact{unasked}, nil, "", "no reason"},
	} {
		got := Compare(tt.before, tt.after)
		if len(got) != 1 || got[0].Failed != tt.failed || got[0].Unasked != tt.unasked {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// After a rollback there are fewer of what was made since: it failed for that, and was
// undone.
func TestOnlyTold(t *testing.T) {
	before := []Fact{{Name: "a", Rule: NotFewer, Count: 3}, {Name: "b", Rule: Keeps, Items: map[string]string{"x": "X", "y": "Y"}}, {Name: "c", Rule: Told}}
	after := []Fact{{Name: "a", Rule: NotFewer, Count: 2}, {Name: "b", Rule: Keeps, Items: map[string]string{"y": "Y"}}, {Name: "c", Rule: Told, Wrong: "it cannot"}}
	got := Compare(before, OnlyTold(after))
	want := []Compared{{Name: "a", Before: "3", After: "2"}, {Name: "b", Before: "2", After: "1"}, {Name: "c", Before: "0", After: "it cannot", Failed: "it cannot"}}
	if fmt.Sprint(got) != fmt.Sprint(want) || after[0].Rule != NotFewer {
		t.Errorf("%+v", got)
	}
}

// Who put a workflow to rest while work was waited for had the upgrade fail.
func TestNewer(t *testing.T) {
	fact := func(service, name, text, unasked string) Fact {
		return Fact{App: "n8n", Service: service, Name: name, Text: text, Unasked: unasked}
	}
	before := []Fact{fact("x", "a", "1", ""), fact("", "b", "1", ""), fact("", "c", "", "no reason"), fact("", "a", "1", "")}
	got := Newer(before, []Fact{fact("", "a", "2", ""), fact("", "b", "", "it stands still"), fact("", "c", "2", ""), fact("", "d", "2", "")})
	want := []Fact{before[0], before[1], fact("", "c", "2", ""), fact("", "a", "2", "")}
	if fmt.Sprint(got) != fmt.Sprint(want) || before[3].Text != "1" {
		t.Errorf("%+v", got)
	}
}

// A server has more names than its service's.
func TestHost(t *testing.T) {
	db, other := member(t, "db", "postgres:17"), member(t, "other", "postgres:17")
	db.Names, other.Names = []string{"shop-db-1", "pg"}, []string{"db", "canary"}
	for address, want := range map[string]string{"db": "db", "db:5432": "db", "pg": "db", "shop-db-1:5432": "db", "canary": "other", "example.com": "", "": "", "localhost": ""} {
		if got, err := host([]Member{other, db}, address); got != want || (err != nil) != (want == "") {
			t.Errorf("%s: %q, %v", address, got, err)
		}
	}
	if m := NewMember(Member{Service: "db"}); m.App != "" {
		t.Errorf("no image is %s", m.App)
	}
}

func jobs(all []Job) string {
	var ids []string
	for _, j := range all {
		ids = append(ids, j.ID+j.State)
	}
	return strings.Join(ids, " ")
}

func services(all []Member) string {
	var out []string
	for _, m := range all {
		out = append(out, m.Service)
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}
