package app

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"
)

func difyStack(t *testing.T) *stack {
	env := func(mode string, more ...string) []string {
		return append([]string{"MODE=" + mode, "DB_HOST=db", "DB_DATABASE=dify", "CELERY_BROKER_URL=redis://:canary-redis@redis:6379/1"}, more...)
	}
	s := &stack{
		members: []Member{
			member(t, "api", "langgenius/dify-api:1.13.3", env("api")...),
			member(t, "beat", "langgenius/dify-api:1.13.3", env("beat")...),
			member(t, "db", "postgres:15"),
			member(t, "plugin_daemon", "langgenius/dify-plugin-daemon:0.5.3-local", "DB_HOST=db", "DB_DATABASE=dify_plugin"),
			member(t, "redis", "redis:6-alpine"),
			member(t, "sandbox", "langgenius/dify-sandbox:0.2.14"),
			member(t, "web", "langgenius/dify-web:1.13.3"),
			member(t, "worker", "langgenius/dify-api:1.13.3", env("worker")...),
		},
		rows: map[string][][]string{
			"relname = 'alembic_version'": {{"public"}}, "relname = 'plugins'": {{"public"}},
			`"public"."workflow_runs"`: nil, `"public"."documents" r`: nil,
			`count(*)::text FROM "public"."apps"`: {{"4"}}, `count(*)::text FROM "public"."datasets"`: {{"2"}},
			`count(*)::text FROM "public"."documents"`: {{"9"}}, `count(*)::text FROM "public"."document_segments"`: {{"90"}},
			`count(*)::text FROM "public"."plugins"`: {{"3"}}, `count(*)::text FROM "public"."plugin_installations"`: {{"3"}},
		},
		says:  map[string]string{"redis redis-cli -n 1 EVAL": ""},
		files: map[string]string{},
		http: map[string]Response{
			"api http://127.0.0.1:5001/health":                 {Status: 200, Body: []byte(`{"status": "ok", "version": "1.13.3"}`), Headers: map[string]string{"X-Version": "1.13.3"}},
			"api http://127.0.0.1:5001/v1/":                    {Status: 200, Body: []byte(`{"server_version": "1.13.3"}`)},
			"api http://127.0.0.1:5001/console/api/setup":      {Status: 200, Body: []byte(`{"step": "finished", "setup_at": "2026-01-01"}`)},
			"web http://127.0.0.1:3000/":                       {Status: 307},
			"sandbox http://127.0.0.1:8194/health":             {Status: 200, Body: []byte(`"ok"`)},
			"plugin_daemon http://127.0.0.1:5002/health/check": {Status: 200, Body: []byte(`{"status": "ok", "version": "0.5.3", "active_requests": 1, "active_dispatch_requests": 0}`)},
		},
	}
	for _, service := range []string{"api", "beat", "worker"} {
		s.files[service+":/app/api/pyproject.toml"] = "[project]\nname = \"dify-api\"\nversion = \"1.13.3\"\n"
	}
	return s
}

func TestFindDify(t *testing.T) {
	d := FindDify(context.Background(), difyStack(t))
	if services(d.APIs) != "api" || services(d.Workers) != "worker" || fmt.Sprint(d.Intake()) != "[beat]" || d.noSQL != nil {
		t.Errorf("%+v", d)
	}
	if FindDify(context.Background(), &stack{members: []Member{member(t, "web", "langgenius/dify-web:1.13.3")}}) != nil {
		t.Error("a web service alone is taken for a Dify")
	}
}

func TestDifyWork(t *testing.T) {
	now := time.Now()
	at := func(d time.Duration) string { return fmt.Sprint(now.Add(d).Unix()) }
	s := difyStack(t)
	for i := range s.members {
		s.members[i].Started = now.Add(-3 * time.Hour)
	}
	busy := func() map[string]Work {
		out := map[string]Work{}
		for _, w := range FindDify(context.Background(), s).Work(context.Background()) {
			out[w.Name] = w
		}
		return out
	}
	for name, w := range busy() {
		if w.Busy() != 0 || w.Unasked != "" {
			t.Errorf("at rest %s: %+v", name, w)
		}
	}
	s.rows[`"public"."workflow_runs"`] = [][]string{{"r1", "workflow", "running", at(-2 * time.Hour)}, {"r2", "chat", "running", at(-time.Minute)}}
	s.rows[`"public"."documents" r`] = [][]string{{"d1", "", "indexing", at(-time.Minute)}}
	s.says["redis redis-cli -n 1 EVAL"] = "dataset=2\nbull:jobs:wait=9\nprefix:mail=0\nunacked=1\n"
	s.http["plugin_daemon http://127.0.0.1:5002/health/check"] = Response{Status: 200, Body: []byte(`{"status": "ok", "active_requests": 3, "active_dispatch_requests": 1}`)}
	got := busy()
	if w := got["workflow runs"]; jobs(w.Jobs) != "r2running" || jobs(w.Dead) != "r1running" {
		t.Errorf("%+v", w)
	}
	if w := got["documents that are indexed"]; jobs(w.Jobs) != "d1indexing" {
		t.Errorf("%+v", w)
	}
	if w := got["queued tasks"]; w.Busy() != 3 || w.String() != "3 queued tasks of Dify: 2 on dataset; 1 on unacked" {
		t.Errorf("%s %+v", w, w)
	}
	if w := got["requests to plugins"]; w.Busy() != 2 {
		t.Errorf("%+v", w)
	}
	// A worker that was started since is not at what began before.
	for i := range s.members {
		s.members[i].Started = now
	}
	if w := busy()["workflow runs"]; w.Busy() != 0 || len(w.Dead) != 2 {
		t.Errorf("after a start: %+v", w)
	}
	for _, a := range s.asked {
		if strings.Contains(a, "redis-cli") && !strings.Contains(a, "[REDISCLI_AUTH=[hidden]]") && strings.Contains(strings.SplitN(a, "[redis-cli", 2)[1], "canary") {
			t.Errorf("the password is an argument: %s", a)
		}
	}
}

func TestDifyUnasked(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(*stack)
		work   string
		want   string
	}{
		"no broker": {func(s *stack) {
			delete(s.members[0].Env, "CELERY_BROKER_URL")
			delete(s.members[7].Env, "CELERY_BROKER_URL")
		}, "queued tasks", "no service of it says where its Redis is: CELERY_BROKER_URL"},
		"another broker":  {func(s *stack) { s.members[7].Env["CELERY_BROKER_URL"] = "sentinel://x:canary@s:1" }, "queued tasks", "CELERY_BROKER_URL of worker names no Redis"},
		"Redis elsewhere": {func(s *stack) { s.members[7].Env["CELERY_BROKER_URL"] = "redis://:canary@example.com:6379/1" }, "queued tasks", "its Redis is no service of this stack"},
		"no password":     {func(s *stack) { s.says["redis redis-cli -n 1 EVAL"] = "NOAUTH Authentication required." }, "queued tasks", "Redis in redis does not say what is on its queues"},
		"an old daemon": {func(s *stack) {
			s.http["plugin_daemon http://127.0.0.1:5002/health/check"] = Response{Status: 200, Body: []byte(`{"status": "ok"}`)}
		}, "requests to plugins", "this plugin daemon does not tell (before 0.2.0)"},
		"no daemon answers": {func(s *stack) { s.http = nil }, "requests to plugins", "/health/check: connection refused"},
		"no table":          {func(s *stack) { s.rows["relname = 'alembic_version'"] = [][]string{} }, "workflow runs", "database dify has no table alembic_version"},
		"two tables":        {func(s *stack) { s.rows["relname = 'alembic_version'"] = [][]string{{"a"}, {"b"}} }, "workflow runs", "database dify has 2 tables alembic_version"},
		"MySQL":             {func(s *stack) { s.members[0].Env["DB_TYPE"] = "mysql" }, "documents that are indexed", "its database is not PostgreSQL"},
	} {
		s := difyStack(t)
		tt.change(s)
		for _, w := range FindDify(context.Background(), s).Work(context.Background()) {
			if w.Name == tt.work && w.Unasked != tt.want {
				t.Errorf("%s: %q", name, w.Unasked)
			}
			if strings.Contains(w.Unasked, "canary") {
				t.Errorf("%s: %s", name, w.Unasked)
			}
		}
	}
}

func TestDifyRetrieve(t *testing.T) {
	s := difyStack(t)
	at := "api http://127.0.0.1:5001/v1/datasets/d%2F1/retrieve"
	ask := func(r Response) Fact {
		s.http[at] = r
		return FindDify(context.Background(), s).Retrieve(context.Background(), Retrieval{Name: "faq", Dataset: "d/1", Query: "a \"b\"", KeyEnv: "KEY"}, "canary-key")
	}
	records := func(ids ...string) Response {
		var all []string
		for _, id := range ids {
			all = append(all, `{"segment": {"id": "`+id+`"}, "score": 0.5}`)
		}
		return Response{Status: 200, Body: []byte(`{"records": [` + strings.Join(all, ",") + `]}`)}
	}
	before := ask(records("a", "b", "c"))
	if before.shown() != "3" || before.Least != 1 {
		t.Fatalf("%+v", before)
	}
	for name, tt := range map[string]struct {
		now  Response
		want string
	}{
		"the same":      {records("c", "b", "a"), ""},
		"more":          {records("a", "b", "c", "d"), ""},
		"fewer":         {records("a"), "33 % of what came before comes again; asked twice before, it was 100 %"},
		"others":        {records("x", "y", "z"), "0 % of what came before comes again; asked twice before, it was 100 %"},
		"nothing":       {records(), "nothing comes any more, and 3 came before"},
		"no provider":   {Response{Status: 400, Body: []byte(`{"code": "provider_not_initialize", "message": "canary"}`)}, "it answers 400 provider_not_initialize"},
		"no answer":     {Response{Error: "EOF"}, "retrieve: EOF"},
		"another thing": {Response{Status: 200, Body: []byte("<html>canary")}, "retrieve does not answer with JSON"},
	} {
		got := Compare([]Fact{before}, []Fact{ask(tt.now)})
		if got[0].Failed != tt.want {
			t.Errorf("%s: %+v", name, got)
		}
		if strings.Contains(fmt.Sprint(got), "canary") {
			t.Errorf("%s tells what is nobody's business: %+v", name, got)
		}
	}
	// What wavers by itself may waver afterwards.
	before.Least = 2. / 3
	if got := Compare([]Fact{before}, []Fact{ask(records("a", "b"))}); got[0].Failed != "" {
		t.Errorf("%+v", got)
	}
	if f := FindDify(context.Background(), s).Retrieve(context.Background(), Retrieval{KeyEnv: "KEY"}, ""); f.Unasked != "KEY is not set" {
		t.Errorf("%+v", f)
	}
}

func TestDifyFacts(t *testing.T) {
	s := difyStack(t)
	facts := func() map[string]Fact {
		out := map[string]Fact{}
		for _, f := range FindDify(context.Background(), s).Facts(context.Background()) {
			out[f.Name] = f
		}
		return out
	}
	good := facts()
	for name, want := range map[string]string{"version": "1.13.3", "health": "ok", "setup": "finished", "same version in all services": "1.13.3 in api, worker, beat",
		"console": "HTTP 307", "sandbox": "HTTP 200", "plugin daemon": "ok 0.5.3", "apps": "4", "documents": "9", "document segments": "90", "plugin installations": "3"} {
		if f := good[name]; f.shown() != want || f.Wrong != "" {
			t.Errorf("%s: %+v", name, f)
		}
	}
	for name, tt := range map[string]struct {
		change func()
		fact   string
		want   string
	}{
		"not set up": {func() {
			s.http["api http://127.0.0.1:5001/console/api/setup"] = Response{Status: 200, Body: []byte(`{"step": "not_started"}`)}
		}, "setup", "Dify says that it was never set up (not_started): its data are not there"},
		"another version": {func() {
			s.http["api http://127.0.0.1:5001/health"] = Response{Status: 200, Body: []byte(`{"status": "ok", "version": "1.12.0"}`)}
		}, "version", "the image is 1.13.3, and the program says that it is 1.12.0"},
		"a worker is older": {func() { s.files["worker:/app/api/pyproject.toml"] = `version = "1.12.1"` }, "same version in all services", "they have different versions: 1.12.1 in worker; 1.13.3 in api, beat"},
		"console broken":    {func() { s.http["web http://127.0.0.1:3000/"] = Response{Status: 500} }, "console", "/ answers 500"},
		"sandbox gone":      {func() { delete(s.http, "sandbox http://127.0.0.1:8194/health") }, "sandbox", "no answer: connection refused"},
		"daemon broken":     {func() { s.http["plugin_daemon http://127.0.0.1:5002/health/check"] = Response{Status: 503} }, "plugin daemon", "/health/check answers 503"},
	} {
		s = difyStack(t)
		tt.change()
		if f := facts()[tt.fact]; f.Wrong != tt.want {
			t.Errorf("%s: %+v", name, f)
		}
	}
}
