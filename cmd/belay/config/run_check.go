package config

import (
	"maps"
	"net"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bmatcuk/doublestar/v4"
	"github.com/theory/jsonpath"
	"go.yaml.in/yaml/v4"

	"github.com/belaystack/belay/lint/image"
)

// maxWait bounds every duration: beyond it is a typing error.
const maxWait = 24 * time.Hour

// keys are the keys about runs at one place of the file while they are checked.
type keys struct {
	*document
	at []string // the path of the stack; empty at the top
	*RunKeys
}

// node gives the node of a key, and its path in the words of a person.
func (k keys) node(path ...string) (*yaml.Node, string) {
	full := slices.Concat(k.at, path)
	_, n := find(k.document.node, full)
	return n, where(full)
}

// wrong reports what is wrong with a key's value.
func (k keys) wrong(next, msg string, path ...string) {
	n, name := k.node(path...)
	k.fail(n, next, "%s: %s", name, msg)
}

// checkRuns reports what the schema cannot say of keys about runs, and makes
// the paths in them relative to the root.
func (d *document) checkRuns(r *RunKeys, baseline []Command, at ...string) {
	k := keys{d, at, r}
	k.absolute(&r.State, "state")
	k.absolute(&r.Backup.Directory, "backup", "directory")
	k.place(&r.Backup.IdentityFile, "backup", "identity-file")
	k.checkCommands(baseline, "baseline", "commands")
	k.checkCommands(r.Backup.Commands, "backup", "commands")
	k.checkCommands(r.Verify.Commands, "verify", "commands")
	k.checkProbes(r.Verify.Probes)
	first := map[string]int{}
	for i, q := range r.Verify.Retrieval {
		k.unique(first, "retrieval", q.Name, []string{"verify", "retrieval", strconv.Itoa(i), "name"})
	}
	k.each(r.Backup.Recipients, k.checkRecipient, "backup", "recipients")
	k.each(r.Backup.Exclude, k.checkExclude, "backup", "exclude")
	k.each(r.Verify.NotFewerRows, k.checkTable, "verify", "not-fewer-rows")
	k.each(r.Verify.LogErrors.Ignore, k.checkRegexp, "verify", "log-errors", "ignore")
	k.each(r.Launch.Public, k.checkService, "launch", "public")
	if r.N8N.Service != "" {
		k.names(r.N8N.Service, "n8n.service", "n8n", "service")
	}
	k.checkLaunch()
	k.checkWindows()
}

// each checks every text of a list.
func (k keys) each(list Texts, check func(text string, path []string), path ...string) {
	for i, text := range list {
		full := slices.Concat(path, []string{strconv.Itoa(i)})
		if n, _ := k.node(path...); n.Kind != yaml.SequenceNode {
			full = path
		}
		check(text, full)
	}
}

// names notes that the value at a path names a service.
func (k keys) names(service, key string, path ...string) {
	n, name := k.node(path...)
	k.Named = append(k.Named, Named{Service: service, Where: name, Pos: k.pos(n.Line, n.Column), key: key})
}

func (k keys) checkCommands(commands []Command, path ...string) {
	first := map[string]int{}
	for i, c := range commands {
		at := func(key string) []string { return slices.Concat(path, []string{strconv.Itoa(i), key}) }
		k.unique(first, "command", c.Name, at("name"))
		k.duration(c.Timeout, at("timeout")...)
		if len(c.Run) > 0 && strings.TrimSpace(c.Run[0]) == "" || len(c.Run) == 3 && strings.TrimSpace(c.Run[2]) == "" && c.Run[1] == "-c" {
			k.wrong("name the program", "empty", at("run")...)
		}
		switch {
		case c.Service != "" && c.Image != "":
			k.wrong("keep one", "a command runs in the container of a service or in one of an image, not in both", at("image")...)
		case c.Service == "" && c.Image == "" && len(c.Env) > 0:
			k.wrong("remove the key", "a command on the host has the whole environment that Belay was started with", at("env")...)
		case c.Image == "" && c.Mount != "":
			k.wrong("write image:, or remove the key", "only a command in a container of an image has it", at("mount")...)
		case c.Image == "" && c.Network != "":
			k.wrong("write image:, or remove the key", "only a command in a container of an image has it", at("network")...)
		case c.Image != "":
			if _, err := image.Parse(c.Image); err != nil {
				k.wrong("", quote(c.Image)+" is no reference of an image", at("image")...)
			}
		}
		k.place(&commands[i].Mount, at("mount")...)
		if c.Service != "" {
			k.names(c.Service, strings.Join(path, "."), at("service")...)
		}
	}
}

func (k keys) checkProbes(probes []Probe) {
	first := map[string]int{}
	for i, p := range probes {
		self := []string{"verify", "probes", strconv.Itoa(i)}
		at := func(key string) []string { return slices.Concat(self, []string{key}) }
		k.unique(first, "probe", p.Name, at("name"))
		k.duration(p.Timeout, at("timeout")...)
		k.checkAsks(p, self)
		k.checkExpects(p, at)
		k.names(p.Service, "verify.probes", at("service")...)
	}
}

// checkAsks looks at what a probe asks.
func (k keys) checkAsks(p Probe, self []string) {
	at := func(key string) []string { return slices.Concat(self, []string{key}) }
	var kinds []string
	for _, kind := range []struct {
		key  string
		said bool
	}{{"url", p.URL != ""}, {"tcp", p.TCP != ""}, {"run", len(p.Run) > 0}, {"sql", p.SQL != ""}} {
		if kind.said {
			kinds = append(kinds, kind.key)
		}
	}
	switch {
	case len(kinds) == 0:
		k.wrong("write url:, tcp:, run: or sql:", "asks nothing", self...)
		return
	case len(kinds) > 1:
		k.wrong("make two probes of it", strings.Join(kinds, " and "), self...)
		return
	case p.TCP != "" && !isHostPort(p.TCP):
		k.wrong("write it like 127.0.0.1:6379", quote(p.TCP)+" is no host and port", at("tcp")...)
	case p.URL != "":
		k.checkURL(p.URL, at("url")...)
	case p.SQL != "" && p.Database == "":
		k.wrong("write database:", "a statement without the database to ask", at("sql")...)
	}
	// What belongs to another kind of question would be passed over in silence.
	for _, of := range []struct {
		key, kinds string
		said       bool
	}{
		{"method", "url", p.Method != ""}, {"headers", "url", p.Headers != nil}, {"body", "url", p.Body != ""}, {"status", "url", p.Status != 0},
		{"database", "sql", p.Database != ""}, {"rows", "sql", p.Rows != nil},
		{"contains", "url run", p.Contains != ""}, {"matches", "url run", p.Matches != ""}, {"json", "url run", p.JSON != nil}, {"shape", "url run", p.Shape},
		{"unchanged", "url run sql", p.Unchanged != nil}, {"not-fewer", "url run sql", p.NotFewer != nil},
	} {
		if allowed := strings.Fields(of.kinds); of.said && !slices.Contains(allowed, kinds[0]) {
			k.wrong("remove the key", "only a probe with "+strings.Join(allowed, " or ")+" has it", at(of.key)...)
		}
	}
}

// secretHeaders are those that let somebody in.
var secretHeaders = []string{"authorization", "proxy-authorization", "cookie", "x-api-key", "api-key", "x-n8n-api-key"}

// checkExpects looks at what a probe expects, and at its headers.
func (k keys) checkExpects(p Probe, at func(string) []string) {
	path := func(text string, full []string) {
		if _, err := jsonpath.Parse(text); err != nil {
			k.wrong("write it like $.data[0].id", quote(text)+" is no JSONPath", full...)
		}
	}
	k.each(p.Unchanged, path, at("unchanged")...)
	k.each(p.NotFewer, path, at("not-fewer")...)
	for _, text := range slices.Sorted(maps.Keys(p.JSON)) {
		path(text, append(at("json"), text))
	}
	if p.Matches != "" {
		k.checkRegexp(p.Matches, at("matches"))
	}
	for _, name := range slices.Sorted(maps.Keys(p.Headers)) {
		full := append(at("headers"), name)
		switch {
		case !isToken(name):
			k.wrong("", quote(name)+" is no name of a header", full...)
		case slices.Contains(secretHeaders, strings.ToLower(name)) && !strings.Contains(p.Headers[name], "${"):
			k.wrong("write ${NAME}, and start Belay with that variable", "belay.yml holds no secret", full...)
		}
	}
}

// isToken reports whether a text can be the name of a header: RFC 9110, 5.6.2.
func isToken(name string) bool {
	return name != "" && strings.Trim(name, "!#$%&'*+-.^_`|~abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") == ""
}

// checkURL does not print the address: who writes a password into one must
// not find it in a log.
func (k keys) checkURL(text string, path ...string) {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "":
		k.wrong("write it like http://127.0.0.1:5001/health", "no address of http or https", path...)
	case u.User != nil:
		k.wrong("use headers with ${NAME}, or a command that reads them from a file", "an address with a user or password; belay.yml holds no secret", path...)
	}
}

func isHostPort(text string) bool {
	host, port, err := net.SplitHostPort(text)
	n, perr := strconv.ParseUint(port, 10, 16)
	return err == nil && host != "" && perr == nil && n > 0
}

func (k keys) checkLaunch() {
	k.duration(k.Drain.Timeout, "drain", "timeout")
	k.duration(k.Launch.Window, "launch", "window")
	k.duration(k.Launch.Deadline, "launch", "deadline")
	_, services := find(k.document.node, slices.Concat(k.at, []string{"launch", "services"}))
	for i := 0; len(k.Launch.Services) > 0 && i+1 < len(services.Content); i += 2 {
		key := services.Content[i]
		if !isService(key.Value) {
			k.fail(key, "", "%s is no name of a service", quote(key.Value))
		}
		k.duration(k.Launch.Services[key.Value].Deadline, "launch", "services", key.Value, "deadline")
		k.Named = append(k.Named, Named{Service: key.Value, Where: where(slices.Concat(k.at, []string{"launch", "services"})),
			Pos: k.pos(key.Line, key.Column), key: "launch.services"})
	}
}

func (k keys) checkService(name string, path []string) {
	if !isService(name) {
		k.wrong("", quote(name)+" is no name of a service", path...)
	}
	k.names(name, "launch.public", path...)
}

// isService reports whether compose takes the name for a service.
func isService(name string) bool {
	return name != "" && strings.Trim(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") == ""
}

// checkRecipient looks at the form alone; age itself has a checksum in it,
// which the run checks before anything is done.
func (k keys) checkRecipient(text string, path []string) {
	if rest, ok := strings.CutPrefix(text, "age1"); !ok || rest == "" || strings.Trim(rest, "abcdefghijklmnopqrstuvwxyz0123456789") != "" {
		k.wrong("age-keygen -y prints the one of a secret key", "not a public key of age: it begins with age1", path...)
	}
}

func (k keys) checkExclude(text string, path []string) {
	service, p, ok := strings.Cut(text, ":")
	if !ok || service != "*" && !isService(service) || !strings.HasPrefix(p, "/") || !doublestar.ValidatePattern(p) {
		k.wrong("write it like redis:/data/tmp/**", quote(text)+" is no service with a path in its container", path...)
		return
	}
	if service != "*" {
		k.names(service, "backup.exclude", path...)
	}
}

func (k keys) checkTable(text string, at []string) {
	parts := strings.Split(text, ".")
	bad := len(parts) != 3
	for _, p := range parts {
		_, err := path.Match(p, "")
		bad = bad || p == "" || err != nil
	}
	if bad {
		k.wrong("write it like dify.public.accounts", quote(text)+" is no database.schema.table", at...)
	}
}

func (k keys) checkRegexp(text string, path []string) {
	if _, err := regexp.Compile(text); err != nil {
		k.wrong("", "no regular expression: "+strings.TrimPrefix(err.Error(), "error parsing regexp: "), path...)
	}
}

func (k keys) unique(first map[string]int, what, name string, path []string) {
	n, _ := k.node(path...)
	if line, twice := first[name]; twice {
		k.fail(n, "give it another name", "%s %s is defined twice: first on line %d", what, quote(name), line)
		return
	}
	first[name] = n.Line
}

func (k keys) duration(text Duration, path ...string) {
	v, err := time.ParseDuration(string(text))
	if text != "" && (err != nil || v <= 0 || v > maxWait) {
		k.wrong("", quote(string(text))+" is not between nothing and 24h", path...)
	}
}

// absolute reports a path that does not begin at the root of the host.
func (k keys) absolute(name *string, at ...string) {
	switch {
	case *name == "":
		return
	case !path.IsAbs(*name):
		k.wrong("write where it is on the host", quote(*name)+" is not an absolute path", at...)
	case path.Clean(*name) == "/":
		k.wrong("name a folder below it", "the root of the host", at...)
	}
	*name = path.Clean(*name)
}

// place makes a path relative to the root, unless it is absolute. What it
// names need not be there: it is looked for on the host.
func (k keys) place(name *string, at ...string) {
	switch {
	case *name == "":
	case path.IsAbs(*name):
		*name = path.Clean(*name)
	default:
		n, _ := k.node(at...)
		*name = k.inside(n, ".", *name)
	}
}
