package main

import (
	"fmt"
	"slices"
	"strings"
)

// actionCommands are the commands that the Action runs anywhere, the default first.
var actionCommands = []string{"check", "lint", "env"}

// hostCommands are those that it runs on the host of a stack, by the full image alone.
var hostCommands = []string{"plan", "upgrade", "rollback", "commit", "recover", "verify", "backup", "status", "history"}

// actionInput is one input of action.yml and what it becomes.
type actionInput struct {
	name     string
	flag     string   // the flag that it sets; "" when it sets none
	commands []string // those that have the flag; nil: all of them
	env      bool     // it holds a piece of an env file
	host     bool     // it is of hostCommands alone, and no input of lint/action.yml
	place    bool     // it says which stack is meant
	fallback string   // the default in action.yml, as it stands there
}

// actionInputs lists the inputs in the order of action.yml. To add one: a line
// here, its description in action.yml and lint/action.yml, and `make docs`.
var actionInputs = []actionInput{
	{name: "command", fallback: "check"},
	{name: "path", place: true},
	{name: "stack", place: true, host: true},
	{name: "config", flag: "config", commands: actionCommands},
	{name: "environment", flag: "environment"},
	{name: "fail-on", flag: "fail-on", commands: actionCommands},
	{name: "format", flag: "format"},
	{name: "base", flag: "base", commands: actionCommands},
	{name: "baseline", flag: "baseline", commands: []string{"check", "lint"}},
	{name: "env", env: true},
	{name: "env-2", env: true},
	{name: "env-3", env: true},
	{name: "token", fallback: "${{ github.token }}"},
	{name: "upstream-token"},
	{name: "upstream-api", flag: "upstream-api", commands: []string{"check"}},
	{name: "cache", flag: "cache", commands: []string{"check"}},
	{name: "ca-file", flag: "ca-file", commands: []string{"check"}},
	{name: "offline", flag: "offline", commands: []string{"check"}},
	{name: "publish", flag: "publish", commands: []string{"check"}},
	{name: "plan-hash", flag: "approve", host: true, commands: []string{"upgrade"}},
	{name: "hold", flag: "hold", host: true, commands: []string{"upgrade"}},
	{name: "hold-open", flag: "hold-open", host: true, commands: []string{"upgrade"}},
	{name: "retry", flag: "retry", host: true, commands: []string{"upgrade"}},
	{name: "overwrite", flag: "overwrite", host: true, commands: []string{"upgrade", "plan"}},
	{name: "run", host: true, commands: []string{"rollback"}},
	{name: "service", flag: "service", host: true, commands: []string{"rollback"}},
	{name: "version", flag: "to", host: true, commands: []string{"rollback"}},
	{name: "accept-data-loss", flag: "accept-data-loss", host: true, commands: []string{"upgrade", "rollback", "recover"}},
	{name: "keep-data", flag: "keep-data", host: true, commands: []string{"rollback"}},
	{name: "accept-unhealthy", flag: "accept-unhealthy", host: true, commands: []string{"upgrade", "rollback"}},
	{name: "accept-failing-baseline", flag: "accept-failing-baseline", host: true, commands: []string{"upgrade", "rollback"}},
	{name: "accept-uncovered", flag: "accept-uncovered", host: true, commands: []string{"upgrade", "rollback", "backup"}},
	{name: "drain-timeout", flag: "drain-timeout", host: true, commands: []string{"upgrade", "rollback", "backup"}},
	{name: "no-drain", flag: "no-drain", host: true, commands: []string{"upgrade", "rollback", "backup"}},
}

// actionOutputs lists the outputs in the order of action.yml.
var actionOutputs = []string{"result", "errors", "warnings", "notes", "report", "comment", "risk", "run-id", "backup", "downtime-seconds", "plan-hash"}

// checkOutputs are those that lint/action.yml has too.
const checkOutputs = 7

// envText is a piece of an env file that came as an Action input. GitHub
// stores at most 48 KB in one secret, and real files are larger. Text is
// secret from its first to its last byte.
type envText struct {
	Input string // the input's name, for messages
	Text  string
}

// inputVariable is the variable in which a runner hands over an input:
// spaces become underscores, hyphens stay (actions/runner, Handler.cs).
func inputVariable(name string) string {
	return "INPUT_" + strings.ToUpper(strings.ReplaceAll(name, " ", "_"))
}

// actionArgs makes the command line of a run of the Action from its inputs,
// and gives the env files' texts, which no command line may carry. An input
// that is empty or absent is a flag that was not given. On an event with a
// base, that is what the change is compared with, unless the input names
// another. ev may be nil.
func actionArgs(getenv func(string) string, ev *event) (args []string, texts []envText, err error) {
	get := func(name string) string { return strings.TrimSpace(getenv(inputVariable(name))) }
	command := get("command")
	if command == "" {
		command = actionCommands[0]
	}
	all := slices.Concat(actionCommands, hostCommands)
	if !slices.Contains(all, command) {
		return nil, nil, usage("input command: no command %q: want %s", command, strings.Join(all, ", "))
	}
	onHost := slices.Contains(hostCommands, command)
	args = []string{command}
	for _, in := range actionInputs {
		value := get(in.name)
		switch {
		case value == "":
		case in.env && onHost:
			return nil, nil, usage("input %s: %s works with the .env of the host", in.name, command)
		case in.env:
			texts = append(texts, envText{in.name, getenv(inputVariable(in.name))})
		case in.place && !onHost && in.host:
			return nil, nil, usage("input %s: %s does not take it: only %s; name a folder with path", in.name, command, strings.Join(hostCommands, ", "))
		case in.place || in.name == "command":
		case in.flag != "" || in.host:
			if err := in.check(command, value); err != nil {
				return nil, nil, err
			}
			if in.flag != "" {
				args = append(args, fmt.Sprintf("--%s=%s", in.flag, value))
			}
		}
	}
	if onHost {
		if run := get("run"); run != "" {
			args = append(args, "--", run)
		}
		return args, nil, nil
	}
	if ev != nil && ev.Base != "" && get("base") == "" && get("publish") == "" {
		args = append(args, "--base="+ev.Base, "--merge-base")
	}
	if path := get("path"); path != "" {
		args = append(args, "--", path)
	}
	return args, texts, nil
}

// check refuses a value that would otherwise be refused as a flag, by a name
// that stands nowhere in the workflow.
func (in actionInput) check(command, value string) error {
	if in.commands != nil && !slices.Contains(in.commands, command) {
		return usage("input %s: %s does not take it: only %s", in.name, command, strings.Join(in.commands, " and "))
	}
	if strings.ContainsAny(value, "\r\n") {
		return usage("input %s: more than one line", in.name)
	}
	return nil
}
