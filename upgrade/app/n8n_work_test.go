package app

import (
	"context"
	"slices"
	"strings"
	"testing"
)

// saidOf is what a person reads of work: what is waited for, then what is not.
func saidOf(w Work) string {
	var out []string
	if w.Busy() > 0 {
		out = append(out, w.String())
	}
	return strings.Join(append(out, w.Left()...), " | ")
}

func TestN8NQueue(t *testing.T) {
	const of = "jobs in the queue of n8n: "
	for name, tt := range map[string]struct {
		env     []string // of all services of n8n
		change  func(*stack)
		command string // what Redis is asked
		out     string
		want    string
	}{
		"idle":    {nil, nil, "redis-cli -n 0 -p 6379", "0\n0\n0\n0\n", ""},
		"at work": {nil, nil, "redis-cli -n 0 -p 6379", "3\n1\n0\n0\n", "4 " + of + "3 waiting; 1 active"},
		"safe":    {nil, nil, "redis-cli -n 0 -p 6379", "0\n0\n2\n5\n", of + "they go on after the upgrade: 2 paused; 5 delayed"},
		// Nobody takes them: they were waited for until the drain gave up.
		"no worker runs": {nil, func(s *stack) { s.members[3].Running = false }, "redis-cli -n 0 -p 6379", "3\n1\n0\n0\n",
			of + "said to be under way, and nobody is at it: 1 active | " + of + "they go on after the upgrade: 3 waiting"},
		"workers elsewhere": {[]string{"EXECUTIONS_MODE=queue"}, func(s *stack) { s.members = s.members[:3] }, "redis-cli -n 0 -p 6379", "1\n0\n0\n0\n", "1 " + of + "1 waiting"},
		"settings": {[]string{"QUEUE_BULL_REDIS_DB=4", "QUEUE_BULL_REDIS_PORT=6380", "QUEUE_BULL_PREFIX=own", "QUEUE_BULL_REDIS_USERNAME=n8n"}, nil,
			"redis-cli -n 4 --user n8n -p 6380", "1\n0\n0\n0\n", "1 " + of + "1 waiting"},
		"a cluster": {[]string{"QUEUE_BULL_REDIS_CLUSTER_NODES=cache:7000, far:7001"}, nil, "redis-cli -c -p 7000", "0\n2\n0\n0\n", "2 " + of + "2 active"},
		"a file":    {[]string{"QUEUE_BULL_REDIS_PASSWORD=", "QUEUE_BULL_REDIS_PASSWORD_FILE=/run/redis"}, nil, "redis-cli -n 0 -p 6379", "0\n1\n0\n0\n", "1 " + of + "1 active"},
		"no file":   {[]string{"QUEUE_BULL_REDIS_PASSWORD=", "QUEUE_BULL_REDIS_PASSWORD_FILE=/run/gone"}, nil, "", "", of + "not checked: the file of QUEUE_BULL_REDIS_PASSWORD_FILE in work cannot be read"},
		"elsewhere": {[]string{"QUEUE_BULL_REDIS_HOST=redis.example.com"}, nil, "", "", of + "not checked: its Redis is no service of this stack"},
		"locked":    {nil, nil, "redis-cli -n 0 -p 6379", "NOAUTH Authentication required.\n", of + "not checked: Redis in cache does not say what is in the queue"},
		"silent":    {nil, nil, "redis-cli -n 0 -p 6379", "!exit status 1: canary", of + "not checked: Redis in cache does not say what is in the queue"},
		"half":      {nil, nil, "redis-cli -n 0 -p 6379", "0\n0\n", of + "not checked: Redis in cache does not say what is in the queue"},
	} {
		s := n8nStack(t)
		s.members = append(s.members, member(t, "cache", "redis:7"))
		s.files["work:/run/redis"] = "canary-password\n"
		for i := range s.members {
			if strings.Contains(s.members[i].Image.String(), "n8nio/n8n") {
				for _, pair := range append([]string{"QUEUE_BULL_REDIS_HOST=cache", "QUEUE_BULL_REDIS_PASSWORD=canary-password"}, tt.env...) {
					key, value, _ := strings.Cut(pair, "=")
					s.members[i].Env[key] = secret(value)
				}
			}
		}
		prefix := map[bool]string{true: "{bull}", false: "bull"}[name == "a cluster"]
		if name == "settings" {
			prefix = "own"
		}
		keys := " 4 " + prefix + ":jobs:wait " + prefix + ":jobs:active " + prefix + ":jobs:paused " + prefix + ":jobs:delayed"
		s.says = map[string]string{"cache " + tt.command + " EVAL " + countQueue + keys: tt.out}
		if tt.change != nil {
			tt.change(s)
			if name == "workers elsewhere" {
				s.members = append(s.members, member(t, "cache", "redis:7"))
			}
		}
		w := FindN8N(context.Background(), s)[0].Work(context.Background())
		if len(w) != 2 {
			t.Fatalf("%s: %+v", name, w)
		}
		if got := saidOf(w[1]); got != tt.want {
			t.Errorf("%s: %q", name, got)
		}
		for _, asked := range s.asked {
			before, args, _ := strings.Cut(asked, "]")
			if strings.HasPrefix(asked, "cache") && (!strings.Contains(before, "REDISCLI_AUTH=canary-password") || strings.Contains(args, "canary")) {
				t.Errorf("%s: the password: %s", name, asked)
			}
		}
	}
	// Without a queue nobody is asked for one.
	s := n8nStack(t)
	s.members = slices.Delete(s.members, 3, 4)
	if w := FindN8N(context.Background(), s)[0].Work(context.Background()); len(w) != 1 {
		t.Errorf("%+v", w)
	}
}

// Executions that no worker takes up were waited for until the drain gave up.
func TestN8NWorkKept(t *testing.T) {
	s := n8nStack(t)
	s.members[3].Running = false
	s.rows = map[string][][]string{"execution_entity": {{"1", "w1", "Old", "running", ""}, {"2", "w2", "", "new", ""}}}
	w := FindN8N(context.Background(), s)[0].executions(context.Background())
	if jobs(w.Jobs) != "1running" || jobs(w.Kept) != "2new" {
		t.Errorf("%+v", w)
	}
}
