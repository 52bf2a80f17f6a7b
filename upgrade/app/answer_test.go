package app

import (
	"fmt"
	"strings"
	"testing"
)

func TestCheck(t *testing.T) {
	for name, tt := range map[string]struct {
		expect Expect
		status int
		body   string
		want   string
	}{
		"any status":             {Expect{}, 302, "", ""},
		"no status of HTTP":      {Expect{}, 0, "", ""},
		"a bad status":           {Expect{}, 404, "canary", "status 404"},
		"another status":         {Expect{Status: 204}, 200, "", "status 200"},
		"a bad status is wanted": {Expect{Status: 401}, 401, "", ""},
		"a text":                 {Expect{Contains: "ok"}, 200, "it is ok", ""},
		"no such text":           {Expect{Contains: "ok"}, 200, "canary", "status 200, but the answer does not contain what it should"},
		"a pattern":              {Expect{Matches: "^[0-9]+$"}, 0, "42", ""},
		"no such pattern":        {Expect{Matches: "^[0-9]+$"}, 0, "canary", "the answer does not match what it should"},
		"values": {Expect{JSON: map[string]any{"$.step": "finished", "$.n": 2.0, "$.on": true, "$.no": nil, "$.list": []any{"a"}}}, 200,
			`{"step": "finished", "n": 2, "on": true, "no": null, "list": ["a"]}`, ""},
		"another value":     {Expect{JSON: map[string]any{"$.step": "finished"}}, 200, `{"step": "canary"}`, "status 200, but $.step is not what it should be"},
		"another number":    {Expect{JSON: map[string]any{"$.n": 2.0}}, 0, `{"n": 3}`, "$.n is not what it should be"},
		"a text, no number": {Expect{JSON: map[string]any{"$.n": 2.0}}, 0, `{"n": "2"}`, "$.n is not what it should be"},
		"no value":          {Expect{JSON: map[string]any{"$.step": nil}}, 0, `{}`, "$.step is not what it should be"},
		"several values":    {Expect{JSON: map[string]any{"$[*].a": 1.0}}, 0, `[{"a": 1}, {"a": 1}]`, "$[*].a is not what it should be"},
		"no JSON":           {Expect{JSON: map[string]any{"$.step": "x"}}, 200, "<html>canary", "status 200, but the answer is no JSON"},
		"JSON and more":     {Expect{JSON: map[string]any{"$.a": 1.0}}, 0, `{"a": 1} {"a": 1}`, "the answer is no JSON"},
		"rows":              {Expect{Rows: [][]string{{"1", "a"}, {"", "b"}}}, 0, `[["1", "a"], ["", "b"]]`, ""},
		"no rows":           {Expect{Rows: [][]string{}}, 0, `[]`, ""},
		"other rows":        {Expect{Rows: [][]string{{"1"}}}, 0, `[["canary"]]`, "the rows are not those that they should be: there are 1"},
		"rows, not wanted":  {Expect{Rows: [][]string{}}, 0, `[["1"]]`, "the rows are not those that they should be: there are 1"},
	} {
		if got := tt.expect.Check(Answer{tt.status, []byte(tt.body)}); got != tt.want {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
}

func TestCompareAnswers(t *testing.T) {
	const before = `{"license": {"status": "active", "seats": 5}, "total": 3, "data": [{"id": "a", "size": 1}, {"id": "b", "size": null, "note": "x"}], "none": [], "nil": null}`
	shape := Expect{Shape: true}
	for name, tt := range map[string]struct {
		expect Expect
		now    string
		broken string
		news   string
	}{
		"the same":              {Expect{Unchanged: []string{"$"}, NotFewer: []string{"$.total", "$.data"}, Shape: true}, before, "", ""},
		"keys in another order": {Expect{Unchanged: []string{"$.license"}}, `{"license": {"seats": 5, "status": "active"}}`, "", ""},
		"another value":         {Expect{Unchanged: []string{"$.license.status"}}, `{"license": {"status": "canary"}}`, "$.license.status is not what it was before", ""},
		"a value is gone":       {Expect{Unchanged: []string{"$.license.status"}}, `{}`, "$.license.status is not what it was before", ""},
		"other parts":           {Expect{Unchanged: []string{"$.license.status"}}, `{"license": {"status": "active", "seats": 9}}`, "", ""},
		"fewer":                 {Expect{NotFewer: []string{"$.total", "$.data"}}, `{"total": 2, "data": [1]}`, "$.total is 2, and was 3; $.data is 1, and was 2", ""},
		"more":                  {Expect{NotFewer: []string{"$.total", "$.data"}}, `{"total": 4, "data": [1, 2, 3]}`, "", ""},
		"other values":          {shape, `{"license": {"status": "x", "seats": 1.5}, "total": 0, "data": [{"id": "q", "size": 2}], "none": [1], "nil": {}}`, "", "$.data[*].note is not there, and was in some"},
		"a key is gone":         {shape, `{"license": {"seats": 5}, "total": 3, "data": [{"id": "a", "size": 1, "note": ""}], "none": [], "nil": 1}`, "$.license.status is gone", ""},
		"another type": {shape, `{"license": {"status": 1, "seats": 5}, "total": "3", "data": [{"id": 1, "size": "x", "note": ""}], "none": [], "nil": 1}`,
			"$.data[*].id is number, and was string; $.data[*].size is string, and was number; $.license.status is number, and was string; $.total is string, and was number", ""},
		"one of another type": {shape, `{"license": {"status": "a", "seats": 5}, "total": 3, "data": [{"id": "a", "size": 1}, {"id": 2, "size": 1}], "none": [], "nil": 1}`,
			"$.data[*].id is number or string, and was string", "$.data[*].note is not there, and was in some"},
		"a list no more": {shape, `{"license": {"status": "a", "seats": 5}, "total": 3, "data": {"id": 1}, "none": [], "nil": 1}`, "$.data is object, and was array", ""},
		"an empty list":  {shape, `{"license": {"status": "a", "seats": 5}, "total": 3, "data": [], "none": [], "nil": 1}`, "", ""},
		"nothing to say": {shape, `{"license": null, "total": null, "data": null, "none": null, "nil": null}`, "", ""},
		"a new key": {shape, `{"license": {"status": "a", "seats": 5, "plan type": 1}, "total": 3, "data": [{"id": "a", "size": 1, "note": "", "x": 1}], "none": [], "nil": 1, "z": 1}`,
			"", `$.data[*].x is new; $.license["plan type"] is new; $.z is new`},
	} {
		was, err := tt.expect.See(Answer{200, []byte(before)}, "")
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		now, err := tt.expect.See(Answer{200, []byte(tt.now)}, was.Salt)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		broken, news := tt.expect.Compare(was, now)
		if b, n := strings.Join(broken, "; "), strings.Join(news, "; "); b != tt.broken || n != tt.news {
			t.Errorf("%s: broken %q, news %q", name, b, n)
		}
		if kept := fmt.Sprint(was, now); strings.Contains(kept, "canary") || strings.Contains(kept, "active") {
			t.Errorf("%s: values are kept: %s", name, kept)
		}
	}
}

// What cannot be compared is no answer that is as it was.
func TestSeeNothing(t *testing.T) {
	for name, tt := range map[string]struct {
		expect Expect
		body   string
		want   string
	}{
		"no JSON":       {Expect{Shape: true}, "<html>", "the answer is no JSON"},
		"no number":     {Expect{NotFewer: []string{"$.a"}}, `{"a": "x"}`, "$.a is no number and no list"},
		"nothing there": {Expect{NotFewer: []string{"$.a"}}, `{}`, "$.a is there 0 times, and must be there once"},
		"ids as keys":   {Expect{Shape: true}, `{"x0": 1` + manyKeys(2001) + `}`, "the answer has more than 2000 kinds of keys: too many to be a shape"},
	} {
		if _, err := tt.expect.See(Answer{200, []byte(tt.body)}, ""); err == nil || err.Error() != tt.want {
			t.Errorf("%s: %v", name, err)
		}
	}
	// The whole of an answer is compared whatever it is.
	whole := Expect{Unchanged: []string{"$"}}
	was, err := whole.See(Answer{200, []byte("pong")}, "")
	if err != nil {
		t.Fatal(err)
	}
	for body, broken := range map[string]int{"pong": 0, "ping": 1} {
		now, err := whole.See(Answer{200, []byte(body)}, was.Salt)
		if got, _ := whole.Compare(was, now); err != nil || len(got) != broken {
			t.Errorf("%s: %v, %v", body, got, err)
		}
	}
	if again, _ := whole.See(Answer{200, []byte("pong")}, ""); again.Sums["$"] == was.Sums["$"] {
		t.Error("the hash of a value is the same everywhere")
	}
}

func manyKeys(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `, "k%d": 1`, i)
	}
	return b.String()
}
