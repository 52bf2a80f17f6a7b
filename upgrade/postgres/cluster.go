package postgres

import (
	"context"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"slices"
	"strings"
)

// Cluster is what a server has besides databases and roles, and no dump carries. Values of
// settings may hold secrets: it belongs into a backup, never into a log.
type Cluster struct {
	Altered map[string]string `json:"altered"` // value by setting: what ALTER SYSTEM left
	Files   map[string]string `json:"files"`   // hash of the value, by setting: postgresql.conf and what it includes
	HBA     []Rule            `json:"hba"`     // of pg_hba.conf, in its order: the first that fits decides
	Faults  []string          `json:"faults"`  // lines of it that the server cannot read: "pg_hba.conf, line 7"
	Ident   string            `json:"ident"`   // hash of the maps of pg_ident.conf; "" when there are none
	// Names, by database. Slots that belong to none are below "".
	Publications  map[string][]string `json:"publications"`
	Subscriptions map[string][]string `json:"subscriptions"`
	Slots         map[string][]string `json:"slots"`
}

// Rule is a line of pg_hba.conf.
type Rule struct {
	Text    string `json:"text"`    // "host all all 10.0.0.0/8 ldap ldapserver ldapbindpasswd": options without values
	Options string `json:"options"` // hash of the options with their values
}

// readCluster prints the settings in the order in which they count. What the command line
// or the environment sets is not the files' to say. Before 15 there is no view of
// pg_ident.conf, and before 16 a rule of pg_hba.conf has no number but that of its line.
const readCluster = `SELECT jsonb_build_object('kind', CASE WHEN name IS NULL THEN 'fault' WHEN sourcefile = current_setting('data_directory') || '/postgresql.auto.conf' THEN 'altered' ELSE 'file' END,
 'name', coalesce(lower(name), regexp_replace(sourcefile, '.*/', '') || ', line ' || sourceline), 'value', coalesce(setting, ''))
FROM pg_file_settings f
WHERE NOT EXISTS (SELECT FROM pg_settings s WHERE lower(s.name) = lower(f.name) AND s.source IN ('command line', 'environment variable'))
 OR sourcefile LIKE '%/postgresql.auto.conf' ORDER BY seqno;
SELECT jsonb_build_object('kind', 'rule', 'rule', to_jsonb(r)) FROM pg_hba_file_rules r ORDER BY coalesce(to_jsonb(r)->>'rule_number', line_number::text)::int;
SELECT jsonb_build_object('kind', 'ident', 'value', coalesce(string_agg(line, E'\n'), ''))
FROM regexp_split_to_table(pg_read_file(current_setting('ident_file'), 0, 1000000, true), '\r?\n') AS line WHERE line !~ '^\s*(#|$)';
SELECT jsonb_build_object('kind', 'subscription', 'database', d.datname, 'name', s.subname)
FROM pg_subscription s JOIN pg_database d ON d.oid = s.subdbid ORDER BY s.subname COLLATE "C";
SELECT jsonb_build_object('kind', 'slot', 'database', coalesce(database, ''), 'name', slot_name)
FROM pg_replication_slots WHERE NOT temporary ORDER BY slot_name COLLATE "C";
`

const listPublications = `SELECT jsonb_build_object('kind', 'publication', 'database', current_database(), 'name', pubname)
FROM pg_publication ORDER BY pubname COLLATE "C";
`

// Cluster reads the files that the server has its settings from, as they are now, and lists
// what is replicated, in databases that allow connections and are not Belay's own copies. It is
// an error when the server cannot read a line of postgresql.conf: it reads no further, not what
// ALTER SYSTEM set either, and would not start again.
func (s *Server) Cluster(ctx context.Context) (*Cluster, error) {
	rows, err := s.databaseRows(ctx)
	if err != nil {
		return nil, err
	}
	script := readCluster
	for _, r := range rows {
		d := r.database()
		if _, own := ours(d.Name, d.Comment); d.AllowConn && !d.Invalid && !own {
			script += connect(d.Name) + preamble + listPublications
		}
	}
	c := &Cluster{
		Altered: map[string]string{}, Files: map[string]string{},
		Publications: map[string][]string{}, Subscriptions: map[string][]string{}, Slots: map[string][]string{},
	}
	err = s.each(ctx, s.maintenance(), script, func(decode func(any) error) error {
		var r clusterRow
		err := decode(&r)
		if err == nil {
			err = c.add(r)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("settings of the server read: %w", err)
	}
	return c, nil
}

// clusterRow is a line of what the script of Cluster prints.
type clusterRow struct {
	Kind, Database, Name, Value string
	Rule                        ruleRow
}

func (c *Cluster) add(r clusterRow) error {
	switch r.Kind {
	case "altered":
		c.Altered[r.Name] = r.Value
	case "file":
		c.Files[r.Name] = hash(r.Value)
	case "fault":
		return fmt.Errorf("%s is not valid", r.Name)
	case "rule":
		if r.Rule.Error != "" {
			c.Faults = append(c.Faults, fmt.Sprintf("pg_hba.conf, line %d", r.Rule.Line))
		} else {
			c.HBA = append(c.HBA, r.Rule.rule())
		}
	case "ident":
		if r.Value != "" {
			c.Ident = hash(r.Value)
		}
	case "publication":
		c.Publications[r.Database] = append(c.Publications[r.Database], r.Name)
	case "subscription":
		c.Subscriptions[r.Database] = append(c.Subscriptions[r.Database], r.Name)
	case "slot":
		c.Slots[r.Database] = append(c.Slots[r.Database], r.Name)
	}
	return nil
}

// ruleRow is pg_hba_file_rules as to_jsonb gives it, with the columns that each major has.
type ruleRow struct {
	Line             int `json:"line_number"`
	Type             string
	Database         []string
	User             []string `json:"user_name"`
	Address, Netmask string
	Method           string `json:"auth_method"`
	Options          []string
	Error            string
}

func (r ruleRow) rule() Rule {
	list := func(names []string) string {
		quoted := make([]string, len(names))
		for i, name := range names {
			if quoted[i] = name; name == "" || strings.ContainsAny(name, "\", \t#") {
				quoted[i] = ident(name)
			}
		}
		return strings.Join(quoted, ",")
	}
	words := []string{r.Type, list(r.Database), list(r.User)}
	if r.Address != "" {
		words = append(words, network(r.Address, r.Netmask))
	}
	words = append(words, r.Method)
	for _, o := range r.Options {
		name, _, _ := strings.Cut(o, "=")
		words = append(words, name)
	}
	return Rule{Text: strings.Join(words, " "), Options: hash("", r.Options...)}
}

// network is an address as pg_hba.conf has it: "10.0.0.0/8", a name, "all".
func network(address, mask string) string {
	m, err := netip.ParseAddr(mask)
	if err != nil {
		return address
	}
	if ones, bits := net.IPMask(m.AsSlice()).Size(); bits > 0 {
		return fmt.Sprintf("%s/%d", address, ones)
	}
	return address + " " + mask
}

// refusals are the server's reasons not to take a setting, by SQLSTATE (utils/errcodes.txt). Its
// messages quote the value.
var refusals = map[string]string{
	"42704": "it is not known",
	"22023": "its value is not valid",
	"55P02": "it cannot be changed",
}

// SetAltered gives a new server the settings that ALTER SYSTEM made on another, one by one: the
// Altered of its Cluster. They count from the next start or reload, which is not done here:
// what needs a file, such as a library or a certificate, is only then looked for, and a
// server may not start without. It returns those that the server does not take as
// "name: why", sorted.
func (s *Server) SetAltered(ctx context.Context, altered map[string]string) (refused []string, err error) {
	var b strings.Builder
	b.WriteString("SET log_statement = 'none'; SET log_min_duration_statement = -1; SET log_min_error_statement = 'panic'; SET log_min_messages = 'panic';\n\\set ON_ERROR_STOP 0\n\\set VERBOSITY sqlstate\n")
	for _, name := range slices.Sorted(maps.Keys(altered)) {
		values := literal(altered[name])
		if slices.Contains(listSettings, strings.ToLower(name)) {
			if strings.TrimSpace(altered[name]) == "" {
				refused = append(refused, name+": an empty list cannot be set") // TO '' is a list of one empty name
				continue
			}
			values = literals(splitNames(altered[name]))
		}
		fmt.Fprintf(&b, `ALTER SYSTEM SET %s TO %s;
\if :ERROR
SELECT jsonb_build_object('name', %s, 'state', :'SQLSTATE');
\endif
`, settingName(name), values, literal(name))
	}
	err = s.each(ctx, s.maintenance(), b.String(), func(decode func(any) error) error {
		var r struct{ Name, State string }
		if err := decode(&r); err != nil {
			return err
		}
		why := refusals[r.State]
		if why == "" {
			why = "error " + r.State
		}
		refused = append(refused, r.Name+": "+why)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("settings of the server set: %w", err)
	}
	slices.Sort(refused)
	return refused, nil
}

// Left says what of was, an earlier server of the same data, now lacks or has otherwise: names
// and rules, no values. It is empty when nothing does. Settings that only now has are
// the new major's own and are left out; rules that only now has let somebody in.
func (now *Cluster) Left(was *Cluster) []string {
	var list []string
	say := func(format string, args ...any) { list = append(list, fmt.Sprintf(format, args...)) }
	settings := func(kind string, was, now map[string]string) {
		for _, name := range slices.Sorted(maps.Keys(was)) {
			if value, ok := now[name]; !ok {
				say("setting %s of %s is missing", name, kind)
			} else if value != was[name] {
				say("setting %s of %s differs", name, kind)
			}
		}
	}
	settings("ALTER SYSTEM", was.Altered, now.Altered)
	settings("postgresql.conf", was.Files, now.Files)
	for _, line := range was.Faults {
		if !slices.Contains(now.Faults, line) {
			say("%s was not valid and is not compared", line)
		}
	}
	list = append(list, leftRules(was.HBA, now.HBA)...)
	if was.Ident != now.Ident {
		say("maps of pg_ident.conf differ")
	}
	named := func(kind string, was, now map[string][]string) {
		for _, db := range slices.Sorted(maps.Keys(was)) {
			for _, name := range was[db] {
				switch {
				case slices.Contains(now[db], name):
				case db == "":
					say("%s %s is missing", kind, name)
				default:
					say("%s %s of database %s is missing", kind, name, db)
				}
			}
		}
	}
	named("publication", was.Publications, now.Publications)
	named("subscription", was.Subscriptions, now.Subscriptions)
	named("replication slot", was.Slots, now.Slots)
	return list
}

// leftRules compares pg_hba.conf. A rule that stands twice counts once.
func leftRules(was, now []Rule) []string {
	if slices.Equal(was, now) {
		return nil
	}
	var list []string
	text := func(rule string) func(Rule) bool { return func(r Rule) bool { return r.Text == rule } }
	for _, r := range was {
		switch {
		case !slices.ContainsFunc(now, text(r.Text)):
			list = append(list, "rule of pg_hba.conf is missing: "+r.Text)
		case !slices.Contains(now, r):
			list = append(list, "rule of pg_hba.conf has other options: "+r.Text)
		}
	}
	for _, r := range now {
		if !slices.ContainsFunc(was, text(r.Text)) {
			list = append(list, "rule of pg_hba.conf is new: "+r.Text)
		}
	}
	if list == nil {
		return []string{"rules of pg_hba.conf stand in another order"}
	}
	return list
}
