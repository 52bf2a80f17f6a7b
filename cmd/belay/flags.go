package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/belaystack/belay/cmd/belay/config"
	"github.com/belaystack/belay/lint"
	"github.com/belaystack/belay/lint/report"
)

// flags are those that every command takes, and then those of the commands
// which look at stacks.
type flags struct {
	format      string
	output      string
	config      string
	environment string
	failOn      string
	noColor     bool

	base          string
	mergeBase     bool
	baseline      string
	writeBaseline string
	labels        []string
	profiles      []string
	envFile       string

	network network
	publish string

	instead map[string][]byte // what files are read as, by absolute path
}

func (f *flags) everywhere(root *cobra.Command) {
	var names []string
	for _, format := range report.Formats() {
		names = append(names, format.Name)
	}
	names = append(names, dossierFormats...)
	s := root.PersistentFlags()
	s.StringVar(&f.format, "format", "", "how to print: "+strings.Join(names, ", ")+" (default text; github in a workflow)")
	s.StringVarP(&f.output, "output", "o", "", "write the report to this file instead of the terminal")
	s.StringVar(&f.config, "config", "", "the belay.yml to use (default: belay.yml at the top of the repository)")
	s.StringVar(&f.environment, "environment", "", "which policy applies: dev or prod (default: belay.yml, else prod)")
	s.StringVar(&f.failOn, "fail-on", "", "exit 1 from this severity on: error, warning, note or never (default error)")
	s.BoolVar(&f.noColor, "no-color", false, "no colours, as with NO_COLOR")
	root.RegisterFlagCompletionFunc("format", cobra.FixedCompletions(names, cobra.ShellCompDirectiveNoFileComp))
	root.RegisterFlagCompletionFunc("environment", cobra.FixedCompletions([]string{"dev", "prod"}, cobra.ShellCompDirectiveNoFileComp))
	root.RegisterFlagCompletionFunc("fail-on", cobra.FixedCompletions([]string{"error", "warning", "note", "never"}, cobra.ShellCompDirectiveNoFileComp))
}

func (f *flags) stack(cmd *cobra.Command) {
	s := cmd.Flags()
	s.StringVar(&f.base, "base", "", "what to compare with: a git ref, or a folder written with ./ or /")
	s.BoolVar(&f.mergeBase, "merge-base", false, "compare with the commit where HEAD left --base, as a pull request does")
	s.StringSliceVar(&f.labels, "label", nil, "a label of the pull request; where GitHub cannot be asked")
	s.StringSliceVar(&f.profiles, "profile", nil, "a profile that is enabled besides COMPOSE_PROFILES")
	s.StringVar(&f.envFile, "env-file", "", "the env file of the stack instead of its .env")
}

func (f *flags) findings(cmd *cobra.Command) {
	s := cmd.Flags()
	s.StringVar(&f.baseline, "baseline", "", "a file with findings to pass over")
	s.StringVar(&f.writeBaseline, "write-baseline", "", "write today's findings to this baseline file and exit 0")
}

// asks are the flags of the commands that read release notes.
func (f *flags) asks(cmd *cobra.Command) {
	s := cmd.Flags()
	s.BoolVar(&f.network.offline, "offline", false, "ask no network: what only release notes say is named as missing")
	s.StringVar(&f.network.upstreamAPI, "upstream-api", "", "the API of the GitHub that has the upstream projects (default https://api.github.com)")
	s.StringVar(&f.network.cache, "cache", "", "the folder for what was read of upstream projects (default: the user's cache)")
	s.StringVar(&f.network.caFile, "ca-file", "", "a PEM file of certificate authorities besides the system's")
}

// environmentOf is the flag's word, else the stack's, else that of belay.yml, else prod.
func (f *flags) environmentOf(cfg *config.Config, s config.Stack) (lint.Environment, error) {
	switch env := lint.Environment(f.environment); env {
	case "":
		env, _ = cfg.EnvironmentOf(s)
		return env, nil
	case lint.Dev, lint.Prod:
		return env, nil
	}
	return "", usage("--environment %q: want dev or prod", f.environment)
}

func (f *flags) failOnOf(cfg *config.Config) (config.FailOn, error) {
	if f.failOn == "" {
		return cfg.FailOn, nil
	}
	v, err := config.ParseFailOn(f.failOn)
	if err != nil {
		return "", usage("--fail-on: %w", err)
	}
	return v, nil
}

func newVersion(a *app, f *flags) *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print the version", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			return a.answer(f, fmt.Sprintf("belay %s\n", versionText()), struct {
				Version string `json:"version"`
			}{versionText()})
		},
	}
}
