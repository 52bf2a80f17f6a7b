package postgres

import (
	"fmt"
	"slices"
	"strings"
)

// create is the statement that makes a database as db was: under another name,
// from template0, with its encoding, locale, tablespace and owner.
// The options' spelling is that of CREATE DATABASE in 12, 15, 16 and 17.
func create(db Database, name string, version int) string {
	parts := []string{
		"CREATE DATABASE " + ident(name) + " TEMPLATE template0",
		"OWNER " + ident(db.Owner),
		"ENCODING " + literal(db.Encoding),
		"LC_COLLATE " + literal(db.Collate),
		"LC_CTYPE " + literal(db.Ctype),
		"TABLESPACE " + ident(db.Tablespace),
	}
	if version >= 150000 {
		parts = append(parts, "LOCALE_PROVIDER "+db.Provider)
		switch {
		case db.Provider == "icu":
			parts = append(parts, "ICU_LOCALE "+literal(db.Locale))
		case db.Provider == "builtin":
			parts = append(parts, "BUILTIN_LOCALE "+literal(db.Locale))
		}
		if db.Rules != "" {
			parts = append(parts, "ICU_RULES "+literal(db.Rules))
		}
	}
	return strings.Join(parts, "\n ") + ";\n"
}

// settle gives a new database the ACL, settings and security labels of db. It
// expects what CREATE DATABASE leaves: none of them. It is one transaction.
func settle(db Database, name string) string {
	var b strings.Builder
	b.WriteString("BEGIN;\n")
	b.WriteString(grants(db, name))
	for _, s := range db.Settings {
		for _, c := range s.Config {
			b.WriteString(set(name, s.Role, c))
		}
	}
	for _, l := range db.Labels {
		fmt.Fprintf(&b, "SECURITY LABEL FOR %s ON DATABASE %s IS %s;\n", ident(l.Provider), ident(name), literal(l.Label))
	}
	b.WriteString("COMMIT;\n")
	return b.String()
}

// grants brings the default ACL to the recorded one, entry by entry in its
// order. PostgreSQL has the owner as grantor of what a superuser grants;
// what another granted is granted as that role.
func grants(db Database, name string) string {
	if db.ACL == nil {
		return ""
	}
	on := " ON DATABASE " + ident(name)
	var b strings.Builder
	fmt.Fprintf(&b, "REVOKE ALL%s FROM PUBLIC;\nREVOKE ALL%s FROM %s;\n", on, on, ident(db.Owner))
	for _, g := range grantOrder(db) {
		grantee := "PUBLIC"
		if g.Grantee != "" {
			grantee = ident(g.Grantee)
		}
		option := ""
		if g.Option {
			option = " WITH GRANT OPTION"
		}
		if g.Grantor != db.Owner {
			fmt.Fprintf(&b, "SET LOCAL ROLE %s;\n", ident(g.Grantor))
		}
		fmt.Fprintf(&b, "GRANT %s%s TO %s%s;\n", g.Privilege, on, grantee, option)
		if g.Grantor != db.Owner {
			b.WriteString("SET LOCAL ROLE NONE;\n")
		}
	}
	return b.String()
}

// grantOrder is the ACL with each grant after the one that lets its grantor grant.
func grantOrder(db Database) []Grant {
	may := map[string]bool{}
	var done, rest []Grant
	for rest = slices.Clone(db.ACL); len(rest) > 0; {
		var later []Grant
		for _, g := range rest {
			if g.Grantor != db.Owner && !may[g.Grantor+"\x00"+g.Privilege] {
				later = append(later, g)
				continue
			}
			done = append(done, g)
			if g.Option {
				may[g.Grantee+"\x00"+g.Privilege] = true
			}
		}
		if len(later) == len(rest) {
			return append(done, rest...) // of a superuser that owned it once: the server will say
		}
		rest = later
	}
	return done
}

// listSettings are the settings whose stored value is a list of quoted names
// (GUC_LIST_QUOTE: variable_is_guc_list_quote of pg_dump's dumputils.c).
var listSettings = []string{
	"local_preload_libraries", "search_path", "session_preload_libraries",
	"shared_preload_libraries", "temp_tablespaces", "unix_socket_directories",
}

// set is the statement that made an entry "name=value" of pg_db_role_setting.
func set(db, role, entry string) string {
	name, value, _ := strings.Cut(entry, "=")
	who := "DATABASE " + ident(db)
	if role != "" {
		who = "ROLE " + ident(role) + " IN " + who
	}
	values := literal(value)
	if slices.Contains(listSettings, strings.ToLower(name)) {
		values = literals(splitNames(value))
	}
	return fmt.Sprintf("ALTER %s SET %s TO %s;\n", who, settingName(name), values)
}

// settingName quotes the parts of a setting's name: "app.user id".
func settingName(name string) string {
	parts := strings.Split(name, ".")
	for i := range parts {
		parts[i] = ident(parts[i])
	}
	return strings.Join(parts, ".")
}

// splitNames parses a list of names as the server stores it: "$user", public.
// An empty list is one empty name, as pg_dump has it.
func splitNames(value string) []string {
	var names []string
	for rest := strings.TrimSpace(value); rest != ""; {
		var name string
		if rest[0] == '"' {
			rest = rest[1:]
			for {
				part, tail, _ := strings.Cut(rest, `"`)
				name, rest = name+part, tail
				if !strings.HasPrefix(rest, `"`) {
					break
				}
				name, rest = name+`"`, rest[1:]
			}
			_, rest, _ = strings.Cut(rest, ",")
		} else {
			name, rest, _ = strings.Cut(rest, ",")
			name = strings.TrimSpace(name)
		}
		names, rest = append(names, name), strings.TrimSpace(rest)
	}
	if len(names) == 0 {
		return []string{""}
	}
	return names
}

// literals quotes a list of texts for SQL.
func literals(texts []string) string {
	quoted := make([]string, len(texts))
	for i, t := range texts {
		quoted[i] = literal(t)
	}
	return strings.Join(quoted, ", ")
}
