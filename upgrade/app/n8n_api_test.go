package app

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"testing"
)

const apiAt = "flows http://127.0.0.1:5678/api/v1/"

// lite is a stack with an n8n that SQL cannot ask, and what its API answers.
func lite(t *testing.T, http map[string]Response) *stack {
	s := &stack{members: []Member{member(t, "flows", "n8nio/n8n:2.4.8")}, http: map[string]Response{}}
	for path, r := range http {
		s.http[apiAt+path] = r
	}
	return s
}

// granted is the first n8n of a stack, with a key.
func granted(s *stack, by N8NAPI, key string) *N8N {
	all := FindN8N(context.Background(), s)
	Grant(all, by, key)
	return all[0]
}

var byKey = N8NAPI{KeyEnv: "N8N_KEY"}

func ok(text string) Response { return Response{Status: 200, Body: []byte(text)} }

func refused(code int) Response {
	return Response{Status: code, Body: []byte(`{"message": "canary-message"}`)}
}

const (
	runs    = "executions?status=running&limit=250"
	waits   = "executions?status=new&limit=250"
	actives = "workflows?active=true&limit=250"
	none    = `{"data": [], "nextCursor": null}`
	alone   = "its database is not PostgreSQL; its API alone was asked, which tells what runs and what waits for its turn of workflows that the owner of the key may see"
	older   = "its database is not PostgreSQL; its API alone was asked, which tells what runs, not what waits for its turn of workflows that the owner of the key may see"
)

// Where SQL cannot be asked the API is; that it lists nothing never counts as idle.
func TestN8NWorkByAPI(t *testing.T) {
	const sql = "its database is not PostgreSQL; its API: "
	for name, tt := range map[string]struct {
		http    map[string]Response
		jobs    string
		dead    string
		unasked string
	}{
		"idle":         {map[string]Response{runs: ok(none), waits: ok(none)}, "", "", alone},
		"before 2.14":  {map[string]Response{runs: ok(none), waits: refused(400)}, "", "", older},
		"before 1.113": {map[string]Response{runs: refused(400)}, "", "", sql + "it does not tell what runs before 1.113"},
		"three pages": {map[string]Response{
			runs:                        ok(`{"data": [{"id": "9", "workflowId": "w1", "startedAt": "2026-11-22T03:01:00.000Z"}], "nextCursor": "a+/="}`),
			runs + "&cursor=a%2B%2F%3D": ok(`{"data": [{"id": 8, "workflowId": "w2", "startedAt": "2026-11-22T02:00:00.000Z"}], "nextCursor": "b"}`),
			runs + "&cursor=b":          ok(`{"data": [{"id": "7", "workflowId": null, "startedAt": null}], "nextCursor": null}`),
			waits:                       ok(`{"data": [{"id": "10", "workflowId": "w1", "startedAt": null}]}`),
		}, "9running 7running 10new", "8running", alone},
		"no end":                {map[string]Response{runs: ok(`{"data": [{"id": "1"}], "nextCursor": "x"}`), runs + "&cursor=x": ok(`{"data": [{"id": "1"}], "nextCursor": "x"}`)}, "", "", sql + "its list has no end after 100 pages"},
		"other key":             {map[string]Response{runs: refused(401)}, "", "", sql + "it does not take the key of N8N_KEY (401)"},
		"no scope":              {map[string]Response{runs: refused(403)}, "", "", sql + "the key of N8N_KEY is not for this (403)"},
		"turned off":            {map[string]Response{runs: refused(404)}, "", "", sql + "it answers 404"},
		"broken":                {map[string]Response{runs: refused(500)}, "", "", sql + "it answers 500"},
		"broken later":          {map[string]Response{runs: ok(`{"data": [{"id": "9", "workflowId": "w1"}]}`), waits: refused(500)}, "9running", "", sql + "it answers 500"},
		"starting":              {map[string]Response{runs: ok("n8n is starting up. Please wait")}, "", "", sql + "it does not answer with JSON"},
		"no list":               {map[string]Response{runs: ok(`{"message": "canary-message"}`)}, "", "", sql + "it does not answer with a list"},
		"an id of another kind": {map[string]Response{runs: ok(`{"data": [{"id": {"a": "canary-message"}}]}`)}, "", "", sql + "it does not answer with JSON"},
		"silent":                {nil, "", "", sql + "no answer: connection refused"},
	} {
		s := lite(t, tt.http)
		w := granted(s, byKey, "canary-key").executions(context.Background())
		if jobs(w.Jobs) != tt.jobs || jobs(w.Dead) != tt.dead || w.Unasked != tt.unasked {
			t.Errorf("%s: %+v", name, w)
		}
		if strings.Contains(fmt.Sprintf("%+v", w), "canary") {
			t.Errorf("%s: %+v", name, w)
		}
		if len(s.sent) > maxPages+1 {
			t.Errorf("%s: asked %d times", name, len(s.sent))
		}
		for _, r := range s.sent {
			if r.Headers["X-N8N-API-KEY"] != "canary-key" || strings.Contains(r.URL+r.Body, "canary") {
				t.Errorf("%s: asked with %+v", name, r)
			}
		}
	}
}

// The key is for one n8n, and for one that can be asked.
func TestN8NGrant(t *testing.T) {
	const sql = "its database is not PostgreSQL; its API: "
	for name, tt := range map[string]struct {
		by     N8NAPI
		key    string
		change func(*stack)
		want   string
	}{
		"not a word":   {N8NAPI{}, "", nil, "its database is not PostgreSQL"},
		"not set":      {byKey, "", nil, sql + "N8N_KEY is not set"},
		"several":      {byKey, "canary-key", func(s *stack) { s.members = append(s.members, member(t, "more", "n8nio/n8n:2.4.8")) }, sql + "there are several n8n, and n8n.service in belay.yml does not say whose the key is"},
		"of another":   {N8NAPI{KeyEnv: "N8N_KEY", Service: "more"}, "canary-key", func(s *stack) { s.members = append(s.members, member(t, "more", "n8nio/n8n:2.4.8")) }, sql + "the key is for the n8n of service more"},
		"named":        {N8NAPI{KeyEnv: "N8N_KEY", Service: "flows"}, "canary-key", func(s *stack) { s.members = append(s.members, member(t, "more", "n8nio/n8n:2.4.8")) }, alone},
		"does not run": {byKey, "canary-key", func(s *stack) { s.members[0].Running = false }, sql + "no main instance runs"},
		"turned off":   {byKey, "canary-key", func(s *stack) { s.members[0].Env["N8N_PUBLIC_API_DISABLED"] = "True" }, sql + "it is turned off: N8N_PUBLIC_API_DISABLED"},
		"https":        {byKey, "canary-key", func(s *stack) { s.members[0].Env["N8N_PROTOCOL"] = "https" }, sql + "n8n itself speaks https, which Belay does not"},
		"unreadable":   {byKey, "canary-key", func(s *stack) { s.members[0].Env["N8N_PORT_FILE"] = "/gone" }, sql + "the file of N8N_PORT_FILE in flows cannot be read"},
		"another place": {byKey, "canary-key", func(s *stack) {
			maps.Copy(s.members[0].Env, member(t, "x", "n8nio/n8n:2.4.8", "N8N_PORT=80", "N8N_PUBLIC_API_ENDPOINT=/own/", "N8N_PATH=/n8n/").Env)
			s.http = map[string]Response{"flows http://127.0.0.1:80/own/v1/" + runs: ok(none), "flows http://127.0.0.1:80/own/v1/" + waits: ok(none)}
		}, alone},
	} {
		s := lite(t, map[string]Response{runs: ok(none), waits: ok(none)})
		if tt.change != nil {
			tt.change(s)
		}
		if got := granted(s, tt.by, tt.key).executions(context.Background()).Unasked; got != tt.want {
			t.Errorf("%s: %q", name, got)
		}
	}
	// Where SQL answers the API is not asked.
	s := n8nStack(t)
	s.rows = map[string][][]string{"execution_entity": {}, "w.active": {}}
	n := granted(s, byKey, "canary-key")
	if w, f := n.executions(context.Background()), n.workflows(context.Background()); w.Unasked != "" || f.Unasked != "" || len(s.sent) > 0 {
		t.Errorf("%+v %+v %+v", w, f, s.sent)
	}
}

func TestN8NWorkflowsByAPI(t *testing.T) {
	const sql = "its database is not PostgreSQL; its API: "
	long := Response{Status: 200, Body: []byte(`{"data": [], "x": "` + strings.Repeat("x", MaxBody) + `"}`)[:MaxBody]}
	for name, tt := range map[string]struct {
		http map[string]Response
		want string
	}{
		"1.110": {map[string]Response{actives: ok(`{"data": [{"id": "a1", "name": "Daily", "active": true, "versionId": "v1"}], "nextCursor": null}`)}, "map[a1:Daily] map[] "},
		"2.4, three pages": {map[string]Response{
			actives:               ok(`{"data": [{"id": "a1", "name": "Daily", "activeVersionId": "v1"}], "nextCursor": "x"}`),
			actives + "&cursor=x": ok(`{"data": [{"id": "b2", "name": "Hourly", "activeVersionId": "v2"}], "nextCursor": "y"}`),
			actives + "&cursor=y": ok(`{"data": [], "nextCursor": null}`),
		}, "map[a1:Daily b2:Hourly] map[a1:v1 b2:v2] "},
		"large ones": {map[string]Response{actives: long, "workflows?active=true&limit=10": ok(`{"data": [{"id": "a1", "name": "Daily"}]}`)}, "map[a1:Daily] map[] "},
		"too large":  {map[string]Response{actives: long, "workflows?active=true&limit=10": long}, "map[] map[] " + sql + "its answer is too long"},
		// A part of the list would count as all of it.
		"half": {map[string]Response{actives: ok(`{"data": [{"id": "a1", "name": "Daily"}], "nextCursor": "x"}`), actives + "&cursor=x": refused(500)}, "map[] map[] " + sql + "it answers 500"},
	} {
		f := granted(lite(t, tt.http), byKey, "canary-key").workflows(context.Background())
		if got := fmt.Sprintf("%v %v %s", f.Items, f.Versions, f.Unasked); got != tt.want {
			t.Errorf("%s: %s", name, got)
		}
	}
}

// Each is activated in the version that was active. Without it n8n 2 would put the latest
// draft to work.
func TestN8NReactivate(t *testing.T) {
	const daily, hourly = "workflows/a1/activate", "workflows/b%2F2/activate"
	before := Fact{App: "n8n", Name: activeWorkflows, Rule: Keeps, Items: map[string]string{"a1": "Daily", "b/2": "Hourly", "c3": "Kept"},
		Versions: map[string]string{"a1": "v1", "b/2": "v2", "c3": "v3"}}
	unversioned := before
	unversioned.Versions = map[string]string{"a1": "v1"}
	another := before
	another.Service = "others"
	left := ok(`{"data": [{"id": "c3", "name": "Kept", "activeVersionId": "v3"}]}`)
	for name, tt := range map[string]struct {
		before  Fact
		version string
		key     string
		http    map[string]Response
		sent    string // path and body of what was asked for
		want    string
	}{
		"2.4":                 {before, "2.4.8", "canary-key", map[string]Response{actives: left, daily: ok("{}"), hourly: ok("{}")}, `a1 {"versionId":"v1"} b%2F2 {"versionId":"v2"}`, "Daily (a1) of n8n was activated again; Hourly (b/2) of n8n was activated again"},
		"1.110":               {unversioned, "1.110.1", "canary-key", map[string]Response{actives: left, daily: ok("{}"), hourly: ok("{}")}, `a1 {"versionId":"v1"} b%2F2 {}`, "Daily (a1) of n8n was activated again; Hourly (b/2) of n8n was activated again"},
		"from 1":              {unversioned, "2.4.8", "canary-key", map[string]Response{actives: left, daily: ok("{}"), hourly: ok("{}")}, `a1 {"versionId":"v1"}`, "Daily (a1) of n8n was activated again; Hourly (b/2) of n8n was not activated again: its version of before is not known, and n8n would take the latest draft"},
		"of no known version": {unversioned, "!exit status 1", "canary-key", map[string]Response{actives: left, daily: ok("{}"), hourly: ok("{}")}, `a1 {"versionId":"v1"}`, "Daily (a1) of n8n was activated again; Hourly (b/2) of n8n was not activated again: its version of before is not known, and n8n would take the latest draft"},
		"in conflict": {before, "2.41.3", "canary-key", map[string]Response{actives: left, daily: refused(409), hourly: ok("{}")}, `a1 {"versionId":"v1"} b%2F2 {"versionId":"v2"}`,
			"Daily (a1) of n8n was not activated again: its API: it answers 409; Hourly (b/2) of n8n was activated again"},
		"gone, and no scope": {before, "2.4.8", "canary-key", map[string]Response{actives: left, daily: refused(404), hourly: refused(403)}, `a1 {"versionId":"v1"} b%2F2 {"versionId":"v2"}`,
			"Daily (a1) of n8n was not activated again: its API: it answers 404; Hourly (b/2) of n8n was not activated again: its API: the key of N8N_KEY is not for this (403)"},
		"starting": {before, "2.4.8", "canary-key", map[string]Response{actives: left, daily: ok("n8n is starting up. Please wait"), hourly: ok("{}")}, `a1 {"versionId":"v1"} b%2F2 {"versionId":"v2"}`,
			"Daily (a1) of n8n was not activated again: its API: it does not answer with JSON; Hourly (b/2) of n8n was activated again"},
		"all there":     {before, "2.4.8", "canary-key", map[string]Response{actives: ok(`{"data": [{"id": "c3"}, {"id": "a1"}, {"id": "b/2"}, {"id": "d4"}]}`)}, "", ""},
		"not asked now": {before, "2.4.8", "canary-key", map[string]Response{actives: refused(500)}, "", ""},
		"another n8n":   {another, "2.4.8", "canary-key", map[string]Response{actives: left}, "", ""},
	} {
		s := lite(t, tt.http)
		s.says = map[string]string{"flows n8n --version": tt.version}
		var all []string
		for _, a := range granted(s, byKey, tt.key).Reactivate(context.Background(), []Fact{{App: "Dify", Name: activeWorkflows}, tt.before}) {
			all = append(all, a.String())
		}
		if got := strings.Join(all, "; "); got != tt.want || strings.Contains(got, "canary") {
			t.Errorf("%s: %s", name, got)
		}
		var sent []string
		for _, r := range s.sent {
			if r.Method == "POST" {
				id := strings.TrimSuffix(strings.TrimPrefix(r.URL, "http://127.0.0.1:5678/api/v1/workflows/"), "/activate")
				sent = append(sent, id+" "+r.Body)
			}
		}
		if got := strings.Join(sent, " "); got != tt.sent {
			t.Errorf("%s: asked for %s", name, got)
		}
	}
	// SQL tells what is missing, and there is no key to activate it with.
	s := n8nStack(t)
	s.rows = map[string][][]string{"w.active": {{"c3", "Kept", "v3"}, {"b/2", "Hourly", "v2"}}}
	again := granted(s, byKey, "").Reactivate(context.Background(), []Fact{before})
	if got := fmt.Sprint(again); got != "[Daily (a1) of n8n was not activated again: its API: N8N_KEY is not set]" {
		t.Error(got)
	}
}
