package base

import (
	"path"
	"slices"
	"strings"
)

// wanted reports whether a file of that name may belong to a stack: compose
// files and Helm values, env files and their examples, and Belay's own.
func wanted(name string) bool {
	name = strings.ToLower(name)
	switch path.Ext(name) {
	case ".yml", ".yaml", ".env":
		return true
	}
	if strings.HasPrefix(name, ".env") || strings.HasPrefix(name, "belay") || strings.HasPrefix(name, ".belay") {
		return true
	}
	return slices.ContainsFunc([]string{"env.example", "env.sample", "env.template", "env.dist", "env.default"},
		func(s string) bool { return strings.Contains(name, s) })
}

// safe reports whether a name of a tree may become a file's name. git refuses
// the others as well, but whoever packs objects by hand need not ask git.
func safe(name string) bool {
	return name != "" && name != "." && name != ".." && !strings.EqualFold(name, ".git") &&
		!strings.ContainsAny(name, "/\x00")
}
