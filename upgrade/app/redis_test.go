package app

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"
)

// infoText is what Redis 7.0.15 says to INFO, as far as it is read, with CR LF as it comes.
func infoText(change ...string) string {
	text := "# Server\nredis_version:7.0.15\nprocess_id:1\n\n# Persistence\nloading:0\nrdb_changes_since_last_save:4\nrdb_last_bgsave_status:ok\naof_enabled:1\n" +
		"aof_last_bgrewrite_status:ok\naof_last_write_status:ok\n\n# Keyspace\ndb0:keys=3,expires=1,avg_ttl=2000\ndb10:keys=1,expires=0,avg_ttl=0\ndb2:keys=5,expires=5,avg_ttl=9\n"
	for i := 0; i+1 < len(change); i += 2 {
		if !strings.Contains(text, change[i]) {
			panic(change[i])
		}
		text = strings.ReplaceAll(text, change[i], change[i+1])
	}
	return strings.ReplaceAll(text, "\n", "\r\n")
}

// noKeys takes the keyspace from infoText.
var noKeys = []string{"db0:keys=3,expires=1,avg_ttl=2000\n", "", "db10:keys=1,expires=0,avg_ttl=0\n", "", "db2:keys=5,expires=5,avg_ttl=9\n", ""}

func redisStack(t *testing.T, ref string, words ...string) *stack {
	cli := "cache redis-cli "
	if strings.Contains(ref, "valkey") {
		cli = "cache valkey-cli "
	}
	return &stack{
		members: []Member{member(t, "cache", ref, words...), member(t, "db", "postgres:15")},
		says: map[string]string{
			cli + "INFO":                  infoText(),
			cli + "CONFIG GET save":       "save\n3600 1 300 100\n",
			cli + "CONFIG GET dir":        "dir\n/data\n",
			cli + "CONFIG GET dbfilename": "dbfilename\ndump.rdb\n",
			cli + "CONFIG GET append*":    "appenddirname\nappendonlydir\nappendonly\nyes\nappendfilename\nappendonly.aof\nappendfsync\neverysec\n",
			"cache sh -c " + headers + " belay /data dump.rdb appendonlydir appendonly.aof": "REDIS0010 dump.rdb\nREDIS0010 appendonly.aof.1.base.rdb\n*2??6???? appendonly.aof\n",
		},
	}
}

func TestFindRedis(t *testing.T) {
	for _, tt := range []struct {
		ref   string
		words []string
		want  string
	}{
		{"redis:7-alpine", []string{"docker-entrypoint.sh", "redis-server"}, "Redis"},
		{"redis:7-alpine", nil, "Redis"},
		{"redis/redis-stack-server:7.4.0-v1", []string{"/entrypoint.sh"}, "Redis"},
		{"valkey/valkey:8", []string{"docker-entrypoint.sh", "valkey-server"}, "Valkey"},
		{"redis:7", []string{"sh", "-c", "redis-server & redis-cli ping; wait"}, "Redis"},
		{"redis:7", []string{"docker-entrypoint.sh", "redis-sentinel", "/etc/sentinel.conf"}, ""},
		{"redis:7", []string{"redis-server", "/etc/sentinel.conf", "--sentinel"}, ""},
		{"redis:7", []string{"sh", "-c", "redis-cli --cluster create a b c"}, ""},
		{"oliver006/redis_exporter:v1", nil, ""},
		{"redis@sha256:" + strings.Repeat("0", 64), nil, "Redis"},
	} {
		m := member(t, "cache", tt.ref, tt.words...)
		got := ""
		for _, r := range FindRedis(&stack{members: []Member{m}}) {
			got += r.Title
		}
		if got != tt.want || SavesAtStop(m) != (tt.want != "") || (Grace(m) > time.Minute) != (tt.want != "") {
			t.Errorf("%s %q: %q, saves %v, has %s", tt.ref, tt.words, got, SavesAtStop(m), Grace(m))
		}
	}
}

// The password reaches the client by the environment, and by nothing else.
func TestRedisPassword(t *testing.T) {
	for name, tt := range map[string]struct {
		words []string
		want  string
	}{
		"none":                     {nil, ""},
		"its own":                  {[]string{"REDISCLI_AUTH=canary-own", "redis-server", "--requirepass", "canary-own"}, ""},
		"an argument":              {[]string{"redis-server", "--requirepass", "canary $x"}, "canary $x"},
		"of a shell":               {[]string{"sh", "-c", "exec redis-server --requirepass canary-1 --save ''"}, "canary-1"},
		"of a shell, at the end":   {[]string{"sh", "-c", "redis-server --requirepass canary-1"}, "canary-1"},
		"of a shell, another word": {[]string{"sh", "-c", "redis-server --requirepass canary-1;true"}, "canary-1"},
		"in single quotes":         {[]string{"sh", "-c", "redis-server --requirepass 'canary $x'"}, "canary $x"},
		"in double quotes":         {[]string{"sh", "-c", `redis-server --requirepass "canary 2" --save 1`}, "canary 2"},
		"a variable":               {[]string{"P=canary-3", "sh", "-c", "redis-server --requirepass $P"}, "canary-3"},
		"a quoted variable":        {[]string{"P=canary-3", "sh", "-c", `redis-server --requirepass "$P"`}, "canary-3"},
		"in braces":                {[]string{"P=canary-3", "sh", "-c", `redis-server --requirepass "${P:?set it}"`}, "canary-3"},
		"a default":                {[]string{"sh", "-c", "redis-server --requirepass ${P:-canary-4}"}, "canary-4"},
		"a default not needed":     {[]string{"P=canary-3", "sh", "-c", "redis-server --requirepass ${P:-canary-4}"}, "canary-3"},
		"what a program says":      {[]string{"sh", "-c", "redis-server --requirepass $(cat /run/secrets/p)"}, ""},
		"more in its quotes":       {[]string{"P=canary-3", "sh", "-c", `redis-server --requirepass "$P more"`}, ""},
		"joined":                   {[]string{"P=canary-3", "sh", "-c", "redis-server --requirepass a$P"}, ""},
		"bitnami":                  {[]string{"REDIS_PASSWORD=canary-5"}, "canary-5"},
		"in a file":                {[]string{"REDIS_PASSWORD_FILE=/run/p"}, "canary-6"},
		"of a variable's name":     {[]string{"REDIS_PASSWORD=canary-5", "sh", "-c", `exec redis-server --requirepass "$REDIS_PASSWORD"`}, "canary-5"},
	} {
		s := redisStack(t, "redis:7", tt.words...)
		s.files = map[string]string{"cache:/run/p": "canary-6\n"}
		r := FindRedis(s)[0]
		if got, err := r.password(context.Background()); got != tt.want || err != nil {
			t.Errorf("%s: %q, %v", name, got, err)
		}
		facts := fmt.Sprint(r.Facts(context.Background(), time.Time{}))
		if strings.Contains(facts, "canary") || !strings.Contains(facts, "7.0.15") {
			t.Errorf("%s: %s", name, facts)
		}
		for _, a := range s.asked {
			_, args, _ := strings.Cut(a, "] [") // the fake prints service, environment and arguments, one behind the other
			if tt.want != "" && !strings.Contains(a, "[REDISCLI_AUTH="+tt.want+"]") && strings.Contains(a, "redis-cli") || strings.Contains(args, "canary") {
				t.Errorf("%s: %s", name, a)
			}
		}
	}
	s := redisStack(t, "redis:7", "redis-server", "--port", "6380")
	s.says = map[string]string{"cache redis-cli -p 6380 INFO": infoText()}
	if f := FindRedis(s)[0].Facts(context.Background(), time.Time{}); f[0].Text != "7.0.15" {
		t.Errorf("another port: %+v", f)
	}
}

func redisFacts(s *stack, since time.Time) map[string]Fact {
	out := map[string]Fact{}
	for _, f := range FindRedis(s)[0].Facts(context.Background(), since) {
		out[f.Name] = f
	}
	return out
}

func TestRedisFacts(t *testing.T) {
	s := redisStack(t, "redis:7-alpine")
	got := redisFacts(s, time.Time{})
	for name, want := range map[string]string{
		"version": "7.0.15", "keys": "3 in db0, 5 in db2, 1 in db10", "keys that do not expire": "3", "persistence": "AOF and RDB",
		"data files": "dump.rdb of RDB format 10, appendonly.aof.1.base.rdb of RDB format 10",
	} {
		if f := got[name]; f.shown() != want || f.App != "Redis" || f.Service != "cache" {
			t.Errorf("%s: %q, %+v", name, f.shown(), f)
		}
	}
	for name, tt := range map[string]struct {
		says map[string]string
		want string
	}{
		"RDB":            {map[string]string{"INFO": infoText("aof_enabled:1", "aof_enabled:0")}, "RDB"},
		"AOF":            {map[string]string{"CONFIG GET save": "save\n\n"}, "AOF"},
		"off":            {map[string]string{"INFO": infoText("aof_enabled:1", "aof_enabled:0"), "CONFIG GET save": "save\n\n"}, "off: what it holds is gone when it stops"},
		"no CONFIG":      {map[string]string{"CONFIG GET save": "ERR unknown command 'CONFIG'"}, "AOF; whether it has save points it does not tell"},
		"no CONFIG, RDB": {map[string]string{"INFO": infoText("aof_enabled:1", "aof_enabled:0"), "CONFIG GET save": "NOPERM this user has no permissions"}, "no AOF; whether it has save points it does not tell"},
	} {
		s := redisStack(t, "redis:7")
		for q, a := range tt.says {
			s.says["cache redis-cli "+q] = a
		}
		if f := redisFacts(s, time.Time{})["persistence"]; f.Text != tt.want {
			t.Errorf("%s: %q", name, f.Text)
		}
	}
	v := redisStack(t, "valkey/valkey:8")
	v.says["cache valkey-cli INFO"] = infoText("redis_version:7.0.15", "redis_version:7.2.4\nserver_name:valkey\nvalkey_version:8.1.1")
	if f := redisFacts(v, time.Time{})["version"]; f.App != "Valkey" || f.Text != "8.1.1" {
		t.Errorf("%+v", f)
	}
	delete(s.says, "cache sh -c "+headers+" belay /data dump.rdb appendonlydir appendonly.aof")
	if f := redisFacts(s, time.Time{})["data files"]; f.Unasked != "the files of Redis in service cache cannot be read" {
		t.Errorf("%+v", f)
	}
}

func TestRedisUnasked(t *testing.T) {
	for name, tt := range map[string]struct {
		info, want string
	}{
		"a password":     {"NOAUTH Authentication required.\n", "the password of Redis in service cache is not known: neither its command nor its environment has it"},
		"an ACL":         {"NOPERM User default has no permissions to run the 'info' command\n", "Redis of service cache does not let its client ask INFO"},
		"renamed":        {"ERR unknown command 'INFO'\n", "Redis of service cache does not let its client ask INFO"},
		"no answer":      {"!docker exec: Could not connect to Redis: canary", "Redis of service cache does not answer its client"},
		"something else": {"canary", "Redis of service cache does not say what it is"},
		"nothing":        {"", "Redis of service cache does not say what it is"},
	} {
		s := redisStack(t, "redis:7")
		s.says["cache redis-cli INFO"] = tt.info
		for _, f := range redisFacts(s, time.Time{}) {
			if f.Unasked != tt.want {
				t.Errorf("%s: %+v", name, f)
			}
		}
		if p := FindRedis(s)[0].AtRest(context.Background()); len(p) != 0 {
			t.Errorf("%s: refused without an answer: %+v", name, p)
		}
		if what := NotServing(context.Background(), s, s.members[0]); what != "" {
			t.Errorf("%s: waits for what it cannot ask: %s", name, what)
		}
	}
	s := redisStack(t, "redis:7", "REDIS_PASSWORD_FILE=/run/gone")
	if f := redisFacts(s, time.Time{})["version"]; f.Unasked != "the file of REDIS_PASSWORD_FILE in cache cannot be read" {
		t.Errorf("%+v", f)
	}
}

// Queues and caches come and go; a server that has lost everything fails.
func TestRedisKeysAfterwards(t *testing.T) {
	off := []string{"aof_enabled:1", "aof_enabled:0"}
	for name, tt := range map[string]struct {
		before, after []string
		save          string
		want          string
	}{
		"the same":                  {nil, nil, "3600 1", ""},
		"fewer":                     {nil, []string{"db0:keys=3", "db0:keys=2", "db10:keys=1", "db10:keys=0"}, "3600 1", ""},
		"nothing":                   {nil, noKeys, "3600 1", "none, and there were 3"},
		"what expires is left":      {nil, slices.Concat(noKeys[:4], []string{"db2:keys=5", "db2:keys=7", "expires=5", "expires=7"}), "3600 1", "none, and there were 3"},
		"nothing before":            {noKeys, noKeys, "3600 1", ""},
		"only what expires, before": {noKeys[:4], noKeys, "3600 1", ""},
		"nothing is kept":           {off, slices.Concat(off, noKeys), "", ""},
	} {
		s := redisStack(t, "redis:7")
		s.says["cache redis-cli CONFIG GET save"] = "save\n" + tt.save + "\n"
		s.says["cache redis-cli INFO"] = infoText(tt.before...)
		before := FindRedis(s)[0].Facts(context.Background(), time.Time{})
		s.says["cache redis-cli INFO"] = infoText(tt.after...)
		failed := ""
		for _, c := range Compare(before, FindRedis(s)[0].Facts(context.Background(), began)) {
			failed += c.Failed
		}
		if failed != tt.want {
			t.Errorf("%s: %q, want %q", name, failed, tt.want)
		}
	}
	// A new version that keeps nothing any more does not excuse that all is gone.
	s := redisStack(t, "redis:7")
	before := FindRedis(s)[0].Facts(context.Background(), time.Time{})
	s.says["cache redis-cli INFO"], s.says["cache redis-cli CONFIG GET save"] = infoText(slices.Concat(off, noKeys)...), "save\n\n"
	if got := Compare(before, FindRedis(s)[0].Facts(context.Background(), began)); got[2].Failed != "none, and there were 3" {
		t.Errorf("%+v", got)
	}
}

func TestRedisAtRest(t *testing.T) {
	for name, tt := range map[string]struct {
		change []string
		save   string
		want   string
	}{
		"well":                     {nil, "3600 1", ""},
		"a save failed":            {[]string{"rdb_last_bgsave_status:ok", "rdb_last_bgsave_status:err"}, "3600 1", "INFO persistence: rdb_last_bgsave_status:err"},
		"a save that nobody needs": {[]string{"rdb_last_bgsave_status:ok", "rdb_last_bgsave_status:err"}, "", ""},
		"the AOF failed":           {[]string{"aof_last_write_status:ok", "aof_last_write_status:err"}, "", "INFO persistence: aof_last_write_status:err"},
		"an AOF that is off":       {[]string{"aof_last_write_status:ok", "aof_last_write_status:err", "aof_enabled:1", "aof_enabled:0"}, "", ""},
		"a rewrite failed":         {[]string{"aof_last_bgrewrite_status:ok", "aof_last_bgrewrite_status:err"}, "3600 1", ""},
		"it loads":                 {[]string{"loading:0", "loading:1"}, "3600 1", "INFO persistence: loading:1"},
	} {
		s := redisStack(t, "redis:7")
		s.says["cache redis-cli INFO"], s.says["cache redis-cli CONFIG GET save"] = infoText(tt.change...), "save\n"+tt.save+"\n"
		got := ""
		for _, p := range FindRedis(s)[0].AtRest(context.Background()) {
			if got += p.Found; p.What == "" || p.Needed == "" || p.Next == "" {
				t.Errorf("%s: %+v", name, p)
			}
		}
		if got != tt.want {
			t.Errorf("%s: %q", name, got)
		}
		waits := NotServing(context.Background(), s, s.members[0]) != ""
		if waits != (name == "it loads") {
			t.Errorf("%s: waits %v", name, waits)
		}
	}
}

func TestParseRelease(t *testing.T) {
	for said, want := range map[string]string{
		"Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64 build=ae4d7c971a948f0\n": "redis 7.0.15",
		"Valkey server v=8.1.1 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64 build=1\n":               "valkey 8.1.1",
		"redis-server: not found": "", "": "", "Redis server v=next": "",
	} {
		r, ok := ParseRelease(said)
		if got := strings.TrimSpace(r.App + " " + r.Version); got != want || ok != (want != "") {
			t.Errorf("%q: %q", said, got)
		}
	}
}

func TestRedisReads(t *testing.T) {
	redis := func(v string) Release { return Release{"redis", "Redis", v} }
	valkey := func(v string) Release { return Release{"valkey", "Valkey", v} }
	const files = "cache sh -c " + headers + " belay /data dump.rdb appendonlydir appendonly.aof"
	off := map[string]string{"cache redis-cli INFO": infoText("redis_version:7.0.15", "redis_version:7.4.1", "aof_enabled:1", "aof_enabled:0"), "cache redis-cli CONFIG GET save": "save\n\n", files: ""}
	with := func(more ...string) map[string]string {
		out := map[string]string{"cache redis-cli INFO": infoText("redis_version:7.0.15", "redis_version:7.4.1"), files: "REDIS0012 dump.rdb\n"}
		for i := 0; i+1 < len(more); i += 2 {
			out[more[i]] = more[i+1]
		}
		return out
	}
	for name, tt := range map[string]struct {
		says          map[string]string
		to            Release
		found, needed string
		unknown       string
	}{
		"the same":           {with(), redis("7.4.1"), "", "", ""},
		"a patch down":       {with(), redis("7.4.0"), "", "", ""},
		"up":                 {with(), redis("8.6.0"), "", "", ""},
		"up, all new":        {with("cache redis-cli INFO", infoText("redis_version:7.0.15", "redis_version:9.8.0"), files, "REDIS0015 dump.rdb\n"), redis("9.8.1"), "", "", ""},
		"down":               {with(), redis("7.2.4"), "dump.rdb is of RDB format 12", "Redis 7.4 or newer", ""},
		"down, not saved":    {with(files, "REDIS0010 dump.rdb\n"), redis("7.2.4"), "Redis 7.4.1, which saves in RDB format 12 when it stops", "Redis 7.4 or newer", ""},
		"down, no file":      {with(files, ""), redis("7.2.4"), "Redis 7.4.1, which saves in RDB format 12 when it stops", "Redis 7.4 or newer", ""},
		"an AOF":             {with(files, "REDIS0010 dump.rdb\nREDIS0012 appendonly.aof.3.base.rdb\n"), redis("7.0.1"), "appendonly.aof.3.base.rdb is of RDB format 12", "Redis 7.4 or newer", ""},
		"nothing is kept":    {off, redis("6.2.1"), "", "", ""},
		"to Valkey":          {with(), valkey("8.1.1"), "dump.rdb is of RDB format 12", "the release that wrote it", ""},
		"7.0 to Valkey":      {nil, valkey("8.1.1"), "", "", ""},
		"no word of it":      {with("cache redis-cli INFO", "NOAUTH Authentication required."), redis("7.2.4"), "dump.rdb is of RDB format 12", "Redis 7.4 or newer", ""},
		"no word of it, old": {with("cache redis-cli INFO", "NOAUTH Authentication required.", files, "REDIS0011 dump.rdb\n"), redis("7.2.4"), "", "", "the password of Redis in service cache is not known: neither its command nor its environment has it"},
		"no file is read":    {with(files, "!sh: not found"), redis("7.2.4"), "", "", "the files of Redis in service cache cannot be read"},
		"a format to come":   {with("cache redis-cli INFO", infoText("redis_version:7.0.15", "redis_version:9.8.0"), files, "REDIS0015 dump.rdb\n"), redis("9.0.0"), "", "", "whether Redis 9.0.0 reads RDB format 15 is not known"},
	} {
		s := redisStack(t, "redis:7")
		maps.Copy(s.says, tt.says)
		p, err := FindRedis(s)[0].Reads(context.Background(), tt.to)
		if p == nil {
			p = &Problem{}
		}
		if p.Found != tt.found || p.Needed != tt.needed || (err != nil) != (tt.unknown != "") || err != nil && err.Error() != tt.unknown {
			t.Errorf("%s: %+v, %v", name, p, err)
		}
	}
	// Valkey 9 has a header of its own.
	v := redisStack(t, "valkey/valkey:9")
	maps.Copy(v.says, map[string]string{"cache valkey-cli INFO": infoText("redis_version:7.0.15", "redis_version:7.2.4\nvalkey_version:9.0.1"), files: "VALKEY080 dump.rdb\n"})
	if p, err := FindRedis(v)[0].Reads(context.Background(), valkey("8.1.1")); err != nil || p == nil || p.Found != "dump.rdb is of RDB format 80" || p.Needed != "Valkey 9.0 or newer" {
		t.Errorf("%+v, %v", p, err)
	}
}
