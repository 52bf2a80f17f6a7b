package main

import (
	"fmt"
	"slices"
	"strings"
)

// actionCommands are the commands that the Action runs, the default first.
var actionCommands = []string{"check", "lint", "env"}

// actionInput is one input of action.yml and what it becomes.
type actionInput struct {
	name     string
	flag     string   // the flag that it sets; "" when it sets none
	commands []string // those that have the flag; nil: all of them
	env      bool     // it holds a piece of an env file
	fallback string   // the default in action.yml, as it stands there
}

// actionInputs lists the inputs in the order of action.yml. To add one: a line
// here, its description in action.yml and lint/action.yml, and `make docs`.
var actionInputs = []actionInput{
	{name: "command", fallback: "check"},
	{name: "path"},
	{name: "config", flag: "config"},
	{name: "environment", flag: "environment"},
	{name: "fail-on", flag: "fail-on"},
	{name: "format", flag: "format"},
	{name: "base", flag: "base"},
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
}

// actionOutputs lists the outputs in the order of action.yml.
var actionOutputs = []string{"result", "errors", "warnings", "notes", "report", "comment", "risk"}

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
	if !slices.Contains(actionCommands, command) {
		return nil, nil, usage("input command: no command %q: want %s", command, strings.Join(actionCommands, ", "))
	}
	args = []string{command}
	for _, in := range actionInputs {
		value := get(in.name)
		switch {
		case value == "":
		case in.env:
			texts = append(texts, envText{in.name, getenv(inputVariable(in.name))})
		case in.flag != "":
			if err := in.check(command, value); err != nil {
				return nil, nil, err
			}
			args = append(args, fmt.Sprintf("--%s=%s", in.flag, value))
		}
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
