package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/belaystack/belay/release/catalog"
)

// Redis is a server of Redis or Valkey. Facts about them are those of Redis 6.0 to 8.6 and
// Valkey 7.2 to 9.0.
type Redis struct {
	Member
	Title string // "Redis", "Valkey"

	st Stack
}

// FindRedis gives the servers of a stack. A sentinel keeps no data, and a client is none.
func FindRedis(st Stack) []*Redis {
	var out []*Redis
	for _, m := range st.Members() {
		if r := redisIn(st, m); r != nil {
			out = append(out, r)
		}
	}
	return out
}

// redisIn is the server that a service is; nil when it is none.
func redisIn(st Stack, m Member) *Redis {
	title := map[string]string{catalog.Redis: "Redis", catalog.Valkey: "Valkey"}[m.App]
	text := strings.Join(m.Args, " ")
	has := func(words ...string) bool {
		return slices.ContainsFunc(words, func(w string) bool { return strings.Contains(text, w) })
	}
	if title == "" || has("redis-sentinel", "valkey-sentinel", "--sentinel") ||
		has("redis-cli", "valkey-cli", "-benchmark") && !has("redis-server", "valkey-server") {
		return nil
	}
	return &Redis{Member: m, Title: title, st: st}
}

// SavesAtStop says that an application writes its data when it is asked to stop, so that
// one that was killed has not.
func SavesAtStop(m Member) bool { return redisIn(nil, m) != nil }

// RedisGrace is how long a Redis may take to save its data when it is asked to stop: with
// save points it writes all of them before it ends (redis.io, signals). At the 100 MB/s of a
// slow disk that is 30 GB, more than the memory of a host for queues and a cache. One that
// ends earlier waits for nothing. 0 for what is no Redis.
func RedisGrace(m Member) time.Duration {
	if !SavesAtStop(m) {
		return 0
	}
	return 5 * time.Minute
}

// option is the value of an option in the command of a service: `--port 6380`, also
// within the text of a shell, where variables have the values that the service has.
func (r *Redis) option(name string) (value string, found, known bool) {
	for i, arg := range r.Args {
		if arg == "--"+name && i+1 < len(r.Args) {
			return r.Args[i+1], true, true
		}
		if _, rest, ok := strings.Cut(arg, "--"+name+" "); ok {
			value, known = r.word(strings.TrimLeft(rest, " "))
			return value, true, known
		}
	}
	return "", false, true
}

// shellWord is a first word of a shell's text that can be told: in single quotes; a
// variable, perhaps with a default and in double quotes; or plain, perhaps likewise.
var shellWord = regexp.MustCompile(`^(?:'([^']*)'|("?)\$(?:(\w+)|\{(\w+)(?::?([-?])([^}$"` + "`" + `\\]*))?\})("?)|"([^"$` + "`" + `\\]*)"|([^\s"'$` + "`" + `\\;|&<>()]+))(?:[\s;&|]|$)`)

func (r *Redis) word(text string) (string, bool) {
	m := shellWord.FindStringSubmatch(text)
	if m == nil || m[2] != m[7] {
		return "", false
	}
	if name := cmp.Or(m[3], m[4]); name != "" {
		value := r.Env[name].Reveal()
		if value == "" && m[5] == "-" {
			value = m[6]
		}
		return value, value != ""
	}
	return cmp.Or(m[1], m[8], m[9]), true
}

// password is what is given to the client by REDISCLI_AUTH; "" where it has it already, as
// in Dify's compose file, or where nothing names one. REDIS_PASSWORD is what Bitnami's
// images read and others pass on to their command.
func (r *Redis) password(ctx context.Context) (string, error) {
	if r.Env["REDISCLI_AUTH"].Reveal() != "" || r.Env["VALKEYCLI_AUTH"].Reveal() != "" {
		return "", nil
	}
	if value, found, known := r.option("requirepass"); found && known {
		return value, nil
	}
	value, err := setting(ctx, r.st, r.Member, "REDIS_PASSWORD", "")
	if err != nil || value != "" {
		return value, err
	}
	return setting(ctx, r.st, r.Member, "VALKEY_PASSWORD", "")
}

// cli runs the client of the container. It ends well when the server refuses.
func (r *Redis) cli(ctx context.Context, args ...string) (string, error) {
	password, err := r.password(ctx)
	if err != nil {
		return "", err
	}
	var env []string
	if password != "" {
		env = []string{"REDISCLI_AUTH=" + password}
	}
	command := []string{map[string]string{catalog.Redis: "redis-cli", catalog.Valkey: "valkey-cli"}[r.App]}
	if port, found, known := r.option("port"); found && known {
		command = append(command, "-p", port)
	}
	out, err := r.st.Exec(ctx, r.Service, env, append(command, args...)...)
	var n *NoAnswer
	switch {
	case errors.As(err, &n):
		return "", err
	case err != nil:
		return "", unknown("%s of service %s does not answer its client", r.Title, r.Service)
	case strings.HasPrefix(out, "NOAUTH"), strings.HasPrefix(out, "WRONGPASS"):
		return "", unknown("the password of %s in service %s is not known: neither its command nor its environment has it", r.Title, r.Service)
	case strings.HasPrefix(out, "NOPERM"), strings.HasPrefix(out, "ERR"):
		return "", unknown("%s of service %s does not let its client ask %s", r.Title, r.Service, args[0])
	}
	return out, nil
}

// redisInfo is what INFO says, by name.
type redisInfo map[string]string

func (r *Redis) info(ctx context.Context) (redisInfo, error) {
	out, err := r.cli(ctx, "INFO")
	if err != nil {
		return nil, err
	}
	info := redisInfo{}
	for line := range strings.Lines(out) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			info[name] = value
		}
	}
	if info.version() == "" {
		return nil, unknown("%s of service %s does not say what it is", r.Title, r.Service)
	}
	return info, nil
}

// version is that of the program. Valkey calls itself Redis 7.2.4 as well.
func (i redisInfo) version() string { return cmp.Or(i["valkey_version"], i["redis_version"]) }

// config is what CONFIG GET says of the parameters of a pattern.
func (r *Redis) config(ctx context.Context, pattern string) (map[string]string, error) {
	out, err := r.cli(ctx, "CONFIG", "GET", pattern)
	if err != nil {
		return nil, err
	}
	all := map[string]string{}
	lines := strings.Split(strings.TrimSuffix(out, "\n"), "\n")
	for i := 0; i+1 < len(lines); i += 2 {
		all[strings.TrimSpace(lines[i])] = strings.TrimSpace(lines[i+1])
	}
	return all, nil
}

// persistence is how a server keeps its data.
type persistence struct {
	aof   bool
	rdb   bool // it has save points, by which it saves when it is stopped too
	asked bool // the save points could be asked; if not it is taken to have them, as it does by default
}

func (p persistence) off() bool { return p.asked && !p.aof && !p.rdb }

func (p persistence) String() string {
	switch {
	case p.off():
		return "off: what it holds is gone when it stops"
	case p.aof && p.rdb && p.asked:
		return "AOF and RDB"
	case p.rdb && p.asked:
		return "RDB"
	case p.asked:
		return "AOF"
	case p.aof:
		return "AOF; whether it has save points it does not tell"
	}
	return "no AOF; whether it has save points it does not tell"
}

func (r *Redis) persistence(ctx context.Context, info redisInfo) persistence {
	p := persistence{aof: info["aof_enabled"] == "1", rdb: true}
	if c, err := r.config(ctx, "save"); err == nil {
		value, ok := c["save"]
		p.rdb, p.asked = value != "" || !ok, ok
	}
	return p
}

// AtRest are the reasons why the files of a server would not hold what it knows once it is
// stopped. Nothing for one that cannot be asked: its facts say why.
func (r *Redis) AtRest(ctx context.Context) []Problem {
	info, err := r.info(ctx)
	if err != nil {
		return nil
	}
	of := r.Title + " of service " + r.Service
	if info["loading"] == "1" {
		return []Problem{{What: of + " has not loaded its data yet", Found: "INFO persistence: loading:1", Needed: "loading:0", Next: "wait until it has"}}
	}
	var out []Problem
	failed := func(key, next string) {
		if info[key] == "err" {
			out = append(out, Problem{What: of + " could not write its data: its files are older than what it knows", Found: "INFO persistence: " + key + ":err", Needed: key + ":ok", Next: next})
		}
	}
	p := r.persistence(ctx, info)
	if p.rdb {
		failed("rdb_last_bgsave_status", "see its log for the reason, which is a full disk or too little memory as a rule; then have it save: BGSAVE")
	}
	if p.aof {
		failed("aof_last_write_status", "see its log for the reason, which is a full disk as a rule, and make room")
	}
	return out
}

// loading says that a server has not loaded its data yet.
func (r *Redis) loading(ctx context.Context) string {
	if info, err := r.info(ctx); err == nil && info["loading"] == "1" {
		return "does not serve yet: it loads its data"
	}
	return ""
}

// Facts are what an upgrade of a server must keep. since is when the new one began; zero
// before.
func (r *Redis) Facts(ctx context.Context, since time.Time) []Fact {
	fact := func(name string, rule Rule) Fact {
		return Fact{App: r.Title, Service: r.Service, Name: name, Rule: rule}
	}
	version, keys, stay := fact("version", Told), fact("keys", Told), fact("keys that do not expire", NotNone)
	kept, files := fact("persistence", Told), fact("data files", Told)
	info, err := r.info(ctx)
	if err != nil {
		for _, f := range []*Fact{&version, &keys, &stay, &kept, &files} {
			f.Unasked = why(err)
		}
		return []Fact{version, keys, stay, kept, files}
	}
	p := r.persistence(ctx, info)
	version.Text, kept.Text = info.version(), p.String()
	if keys.Text, stay.Count = info.keys(); p.off() && since.IsZero() {
		stay.Rule = Told // they go with the stop
	}
	found, err := r.files(ctx)
	switch {
	case err != nil:
		files.Unasked = why(err)
	case len(found) == 0:
		files.Text = "none"
	default:
		files.Text = filesText(found)
	}
	return []Fact{version, keys, stay, kept, files}
}

// keys is how many each database holds, and how many of all are there to stay.
func (i redisInfo) keys() (text string, stay int64) {
	var list []string
	for _, db := range sortedDatabases(i) {
		n := map[string]int64{}
		for pair := range strings.SplitSeq(i[db], ",") { // "keys=3,expires=1,avg_ttl=0"
			name, value, _ := strings.Cut(pair, "=")
			n[name], _ = strconv.ParseInt(value, 10, 64)
		}
		stay += n["keys"] - n["expires"]
		list = append(list, fmt.Sprintf("%d in %s", n["keys"], db))
	}
	return cmp.Or(strings.Join(list, ", "), "none"), stay
}

// sortedDatabases are "db0", "db1" and so on, by their numbers.
func sortedDatabases(i redisInfo) []string {
	number := func(name string) int {
		n, err := strconv.Atoi(strings.TrimPrefix(name, "db"))
		if err != nil || !strings.HasPrefix(name, "db") {
			return -1
		}
		return n
	}
	var out []string
	for name := range i {
		if number(name) >= 0 {
			out = append(out, name)
		}
	}
	slices.SortFunc(out, func(a, b string) int { return cmp.Compare(number(a), number(b)) })
	return out
}
