package report

import (
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// runner reads a job log as the Actions runner does: ActionCommand.TryParseV2
// and TryParse of actions/runner, and the stop token of ActionCommandManager.
type runner struct {
	commands []runnerCommand // those it would carry out, in order
	stop     string          // the token that ends ::stop-commands::
	log      []string        // the lines that are no command
}

type runnerCommand struct {
	name  string
	props map[string]string
	data  string
}

// registered are the commands of the runner's extensions.
func registered() []string {
	return []string{"stop-commands", "set-env", "set-output", "save-state", "add-mask", "add-path", "add-matcher",
		"remove-matcher", "debug", "warning", "error", "notice", "group", "endgroup", "echo"}
}

// feed reads a whole log. The runner reads lines with .NET's ReadLine, which
// also ends one at a lone carriage return.
func (r *runner) feed(log string) {
	lines := strings.Split(strings.ReplaceAll(strings.ReplaceAll(log, "\r\n", "\n"), "\r", "\n"), "\n")
	for _, line := range lines {
		// .NET's culture-aware StartsWith and IndexOf do not see what a
		// collation ignores, so a line is tried without it as well.
		for _, l := range slices.Compact([]string{line, strings.Map(dropIgnorable, line)}) {
			if r.line(l) {
				break
			}
		}
		r.log = append(r.log, line)
	}
}

func dropIgnorable(r rune) rune {
	if unicode.In(r, unicode.Cc, unicode.Cf, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector) && r != '\t' {
		return -1
	}
	return r
}

func (r *runner) line(line string) bool {
	c, ok := r.parseV2(line)
	if !ok {
		c, ok = r.parseV1(line)
	}
	switch {
	case !ok:
		return false
	case r.stop != "":
		if strings.EqualFold(c.name, r.stop) {
			r.stop = ""
		}
		return true
	case c.name == "stop-commands":
		r.stop = c.data
	}
	r.commands = append(r.commands, c)
	return true
}

func (r *runner) known(name string) bool {
	return slices.ContainsFunc(registered(), func(s string) bool { return strings.EqualFold(s, name) }) ||
		r.stop != "" && strings.EqualFold(r.stop, name)
}

func (r *runner) parseV2(line string) (runnerCommand, bool) {
	line = strings.TrimLeftFunc(line, unicode.IsSpace)
	if !strings.HasPrefix(line, "::") {
		return runnerCommand{}, false
	}
	end := strings.Index(line[2:], "::")
	if end < 0 {
		return runnerCommand{}, false
	}
	return r.parsed(line[2:2+end], ",", line[2+end+2:],
		strings.NewReplacer("%0D", "\r", "%0A", "\n", "%3A", ":", "%2C", ",", "%25", "%"),
		strings.NewReplacer("%0D", "\r", "%0A", "\n", "%25", "%"))
}

func (r *runner) parseV1(line string) (runnerCommand, bool) {
	_, rest, ok := strings.Cut(line, "##[")
	if !ok {
		return runnerCommand{}, false
	}
	info, data, ok := strings.Cut(rest, "]")
	if !ok {
		return runnerCommand{}, false
	}
	un := strings.NewReplacer("%3B", ";", "%0D", "\r", "%0A", "\n", "%5D", "]", "%25", "%")
	return r.parsed(info, ";", data, un, un)
}

func (r *runner) parsed(info, sep, data string, unProp, unData *strings.Replacer) (runnerCommand, bool) {
	name, props, _ := strings.Cut(info, " ")
	if !r.known(name) {
		return runnerCommand{}, false
	}
	c := runnerCommand{name: strings.ToLower(name), props: map[string]string{}, data: unData.Replace(data)}
	for p := range strings.SplitSeq(strings.TrimSpace(props), sep) {
		if k, v, ok := strings.Cut(p, "="); ok && k != "" && v != "" {
			c.props[k] = unProp.Replace(v)
		}
	}
	return c, true
}

// named gives the commands of one name.
func (r *runner) named(name string) []runnerCommand {
	return slices.DeleteFunc(slices.Clone(r.commands), func(c runnerCommand) bool { return c.name != name })
}

// ansi is a colour escape of the text format.
var ansi = regexp.MustCompile(`\x1b\[[0-9;]*m`)
