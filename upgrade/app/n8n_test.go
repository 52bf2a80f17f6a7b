package app

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"
)

func n8nStack(t *testing.T) *stack {
	postgres := []string{"DB_TYPE=postgresdb", "DB_POSTGRESDB_HOST=db", "N8N_ENCRYPTION_KEY=canary-key"}
	return &stack{
		members: []Member{
			member(t, "db", "postgres:17"),
			member(t, "flows", "n8nio/n8n:1.110.1", append(postgres, "/docker-entrypoint.sh")...),
			member(t, "hooks", "n8nio/n8n:1.110.1", append(postgres, "webhook")...),
			member(t, "work", "docker.n8n.io/n8nio/n8n:1.110.1", append(postgres, "sh", "-c", "n8n worker --concurrency 5")...),
			member(t, "code", "n8nio/runners:1.110.1"),
		},
		files: map[string]string{
			"flows:/home/node/.n8n/config": `{"encryptionKey": "canary-key"}`,
			"hooks:/home/node/.n8n/config": `{"encryptionKey": "canary-key"}`,
			"work:/home/node/.n8n/config":  `{"encryptionKey": "canary-key"}`,
		},
	}
}

func TestFindN8N(t *testing.T) {
	s := n8nStack(t)
	other := member(t, "test-flows", "n8nio/n8n:latest", "DB_TYPE=postgresdb", "DB_POSTGRESDB_HOST=db:5432", "DB_TABLE_PREFIX=t_", "DB_POSTGRESDB_SCHEMA=flo\"ws")
	s.members = append(s.members, other)
	all := FindN8N(context.Background(), s)
	if len(all) != 2 || services(all[0].Mains) != "flows" || services(all[0].Workers) != "work" || services(all[0].Hooks) != "hooks" || !all[0].Queued() || fmt.Sprint(all[0].Intake()) != "[hooks flows]" {
		t.Fatalf("%d, the first %+v", len(all), *all[0])
	}
	if got := all[1].table("execution_entity"); got != `"flo""ws"."t_execution_entity"` {
		t.Error(got)
	}
	// Two of them are compared each with itself.
	if a, b := all[0].fact("x", Told), all[1].fact("x", Told); a.Service != "flows" || b.Service != "test-flows" {
		t.Errorf("%+v %+v", a, b)
	}
	for words, want := range map[string]string{
		"DB_TYPE=sqlite":          "its database is not PostgreSQL",
		"DB_TYPE=postgresdb":      "its database server is no service of this stack",
		"DB_TYPE_FILE=/run/x":     "the file of DB_TYPE_FILE in lone cannot be read",
		"DB_POSTGRESDB_HOST=db":   "its database is not PostgreSQL",
		"DB_TYPE=mariadb":         "its database is not PostgreSQL",
		"DB_TYPE=postgresdb -e ":  "its database is not PostgreSQL",
		"N8N_ENCRYPTION_KEY=only": "its database is not PostgreSQL",
	} {
		n := FindN8N(context.Background(), &stack{members: []Member{member(t, "lone", "n8nio/n8n:1.0.0", words)}})[0]
		if w := n.executions(context.Background()); w.Unasked != want || w.Busy() != 0 {
			t.Errorf("%s: %+v", words, w)
		}
		for _, f := range n.Facts(context.Background(), began) {
			if f.Unasked == "" {
				t.Errorf("%s: %s counts as asked: %+v", words, f.Name, f)
			}
		}
	}
}

// An n8n whose PostgreSQL is elsewhere was as many as it has services, and its workers
// were nobody's.
func TestFindN8NElsewhere(t *testing.T) {
	far := []string{"DB_TYPE=postgresdb", "DB_POSTGRESDB_HOST=db.example.com"}
	s := &stack{members: []Member{
		member(t, "flows", "n8nio/n8n:1.110.1", far...),
		member(t, "lone", "n8nio/n8n:1.110.1"),
		member(t, "lone2", "n8nio/n8n:1.110.1"),
		member(t, "other", "n8nio/n8n:1.110.1", append(far, "DB_POSTGRESDB_DATABASE=other")...),
		member(t, "work", "n8nio/n8n:1.110.1", append(far, "worker")...),
	}}
	all := FindN8N(context.Background(), s)
	if len(all) != 4 || services(all[0].Mains) != "flows" || services(all[0].Workers) != "work" || all[0].noSQL == nil {
		t.Errorf("%d, the first %+v", len(all), *all[0])
	}
}

// A running row of before the start is what a crash left; a new one still waits for its turn.
func TestN8NWork(t *testing.T) {
	s := n8nStack(t)
	at := func(d time.Duration) string { return fmt.Sprint(began.Add(d).Unix()) }
	s.rows = map[string][][]string{"execution_entity": {
		{"1", "w1", "Old", "running", at(-time.Hour)},
		{"2", "w1", "Old", "running", at(time.Minute)},
		{"3", "w2", "", "new", at(-time.Hour)},
		{"4", "w2", "", "new", ""},
		{"5", "w2", "", "running", ""},
	}}
	w := FindN8N(context.Background(), s)[0].executions(context.Background())
	if jobs(w.Jobs) != "2running 3new 4new 5running" || jobs(w.Dead) != "1running" {
		t.Errorf("%+v", w)
	}
	if got := w.String(); got != "4 executions of n8n: Old (w1), since 03:01:00 UTC; w2, since 02:00:00 UTC; w2; w2" {
		t.Error(got)
	}
}

func TestN8NKey(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(*stack)
		want   string
	}{
		"agree":     {func(*stack) {}, ""},
		"differs":   {func(s *stack) { s.files["flows:/home/node/.n8n/config"] = `{"encryptionKey": "canary-other"}` }, "is not the one of its settings file"},
		"file gone": {func(s *stack) { delete(s.files, "flows:/home/node/.n8n/config") }, "is not in its volume"},
		"broken":    {func(s *stack) { s.files["flows:/home/node/.n8n/config"] = "canary-key" }, "cannot be read"},
		"workers have another": {func(s *stack) {
			s.members[3].Env["N8N_ENCRYPTION_KEY"] = "canary-other"
			s.files["work:/home/node/.n8n/config"] = `{"encryptionKey": "canary-other"}`
		}, "services of one n8n have different encryption keys"},
		"elsewhere": {func(s *stack) {
			s.members[1].Env["N8N_USER_FOLDER"] = "/data"
			s.files["flows:/data/.n8n/config"] = `{"encryptionKey": "canary-key"}`
			delete(s.files, "flows:/home/node/.n8n/config")
		}, ""},
		"by a file": {func(s *stack) {
			delete(s.members[1].Env, "N8N_ENCRYPTION_KEY")
			s.members[1].Env["N8N_ENCRYPTION_KEY_FILE"] = "/run/secrets/key"
			s.files["flows:/run/secrets/key"] = "canary-key\n"
		}, ""},
		"the file is all": {func(s *stack) { delete(s.members[1].Env, "N8N_ENCRYPTION_KEY") }, ""},
	} {
		s := n8nStack(t)
		tt.change(s)
		got := FindN8N(context.Background(), s)[0].Key(context.Background())
		if tt.want == "" && len(got) > 0 || tt.want != "" && (len(got) != 1 || !strings.Contains(got[0].What, tt.want)) {
			t.Errorf("%s: %+v", name, got)
		}
		if text := fmt.Sprintf("%+v", got); strings.Contains(text, "canary") {
			t.Errorf("%s: a key is told: %s", name, text)
		}
	}
}

func TestN8NFacts(t *testing.T) {
	s := n8nStack(t)
	s.rows = map[string][][]string{
		"w.active":           {{"a1", "Daily", ""}, {"b2", "Hourly", "v7"}},
		"credentials_entity": {{"3"}},
		"GROUP BY":           {{"Daily", "a1", "trigger", "2"}},
		"'crashed'":          {{"1"}},
		"hashtextextended":   {{"2,4,6"}},
	}
	s.says = map[string]string{"flows n8n --version": "1.110.1\n", "hooks n8n --version": "1.110.1\n", "work n8n --version": "1.110.0\n",
		"flows n8n export:credentials --all --decrypted --output=/dev/null": "Successfully exported 3 credentials.\n"}
	n := FindN8N(context.Background(), s)[0]
	shown := map[string]string{}
	for _, f := range n.Facts(context.Background(), began) {
		shown[f.Name] = f.shown()
	}
	if got := n.Kept(context.Background()); fmt.Sprint(got) != "[{db n8n public webhook_entity 2,4,6} {db n8n public workflow_entity 2,4,6}]" {
		t.Error(got)
	}
	if f := n.workflows(context.Background()); fmt.Sprint(f.Items, f.Versions) != "map[a1:Daily b2:Hourly] map[b2:v7]" {
		t.Errorf("%+v", f)
	}
	for name, want := range map[string]string{
		"version":                            "services of one n8n have different versions: 1.110.0 in work; 1.110.1 in flows, hooks",
		"active workflows":                   "2",
		"credentials":                        "3",
		"credentials decrypt":                "yes",
		"failed executions since the launch": "1",
		"executed before the opening":        "2 × Daily (a1) by trigger",
	} {
		if shown[name] != want {
			t.Errorf("%s: %q, want %q", name, shown[name], want)
		}
	}
	for said, want := range map[string]string{
		"!exit status 1: Error exporting credentials.\nCredentials could not be decrypted. The likely reason": "n8n cannot decrypt its credentials: its encryption key is another one",
		"!exit status 1: No credentials found with specified filters":                                         "not checked: there are none",
		"!exit status 137": "not checked: n8n export:credentials failed: exit status 137",
		"something else":   "not checked: n8n export:credentials did not say what it did",
	} {
		s.says["flows n8n export:credentials --all --decrypted --output=/dev/null"] = said
		if got := n.decrypts(context.Background()).shown(); got != want {
			t.Errorf("%s: %s", said, got)
		}
	}
}

func TestN8NGrace(t *testing.T) {
	if got := N8NGrace(member(t, "n", "n8nio/n8n:2.4.8")); got != 45*time.Second {
		t.Error(got)
	}
	if got := N8NGrace(member(t, "n", "n8nio/n8n:2.4.8", "N8N_GRACEFUL_SHUTDOWN_TIMEOUT=120")); got != 135*time.Second {
		t.Error(got)
	}
	if got := N8NGrace(member(t, "r", "redis:7")); got != 0 {
		t.Error(got)
	}
}

// With N8N_PATH n8n was asked where it never answers, and never was ready.
func TestNotServing(t *testing.T) {
	main := member(t, "flows", "n8nio/n8n:1.110.1", "N8N_PORT=80", "N8N_PATH=/n/")
	json := map[string]string{"Content-Type": "application/json; charset=utf-8"}
	for name, tt := range map[string]struct {
		m    Member
		got  Response
		want string
	}{
		"ready":     {main, Response{Status: 401, Headers: json}, ""},
		"starting":  {main, Response{Status: 200, Headers: map[string]string{"Content-Type": "text/html"}}, "does not serve yet: it answers 200, and not as n8n does when it is ready"},
		"no base":   {main, Response{Status: 503, Headers: json}, "does not serve yet: it answers 503, and not as n8n does when it is ready"},
		"no routes": {main, Response{Status: 404, Headers: map[string]string{"Content-Type": "text/html"}}, "does not serve yet: it answers 404, and not as n8n does when it is ready"},
		"silent":    {main, Response{Error: "connection refused"}, "does not answer: connection refused"},
		"a worker":  {member(t, "flows", "n8nio/n8n:1.110.1", "worker"), Response{Error: "x"}, ""},
		"another":   {member(t, "flows", "redis:7"), Response{Error: "x"}, ""},
	} {
		s := &stack{members: []Member{tt.m}, http: map[string]Response{"flows http://127.0.0.1:80/rest/login": tt.got}}
		if got := NotServing(context.Background(), s, tt.m); got != tt.want {
			t.Errorf("%s: %q", name, got)
		}
	}
}
