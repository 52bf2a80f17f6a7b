package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/belaystack/belay/cmd/belay/base"
	"github.com/belaystack/belay/cmd/belay/config"
	"github.com/belaystack/belay/cmd/belay/setup"
	"github.com/belaystack/belay/lint/source"
)

func newInit(a *app, f *flags) *cobra.Command {
	var force, runner bool
	var deploy []string
	cmd := &cobra.Command{
		Use: "init [PATH]", Args: cobra.MaximumNArgs(1),
		Short: "Write a belay.yml, the workflow and a Renovate preset for a repository",
		Long: "Init looks at the compose files of the repository that PATH, or the working directory, is in,\n" +
			"and writes what fits them. When a file is there already it writes nothing at all.\n\n" +
			"With --runner it writes the workflows that upgrade and roll back on self-hosted runners as well.\n" +
			"In a repository that has its belay.yml it writes these alone, for the stacks named there, and says\n" +
			"which lines belay.yml lacks: it is never edited.",
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(deploy) > 0 && !runner {
				return usage("--deploy is for the workflows of a runner: give --runner too")
			}
			name := "."
			if len(args) > 0 {
				name = args[0]
			}
			dir, _, err := a.place(name)
			if err != nil {
				return err
			}
			root, err := source.OpenRoot(a.top(dir))
			if err != nil {
				return &exitError{exitCouldNot, err}
			}
			defer root.Close()
			found, err := setup.Look(cmd.Context(), root)
			if err != nil {
				return coded(err)
			}
			if found.Runner = runner; runner {
				if err := a.forRunner(root, &found, deploy); err != nil {
					return err
				}
			}
			files := setup.Plan(found)
			if err := setup.Write(root, files, force); err != nil {
				return &exitError{exitCouldNot, err}
			}
			written := struct {
				Written []string `json:"written"`
				Notes   []string `json:"notes"`
			}{Notes: setup.Notes(found)}
			var text strings.Builder
			for _, file := range files {
				written.Written = append(written.Written, file.Path)
				fmt.Fprintf(&text, "wrote %s\n", file.Path)
			}
			for _, note := range written.Notes {
				fmt.Fprintf(&text, "%s\n", note)
			}
			return a.answer(f, text.String(), written)
		},
	}
	cmd.Flags().BoolVar(&force, "force", false, "replace files that are there")
	cmd.Flags().BoolVar(&runner, "runner", false, "the workflows that upgrade and roll back on self-hosted runners, too")
	cmd.Flags().StringArrayVar(&deploy, "deploy", nil, "with --runner: the `FOLDER` of the host that the stack runs from; NAME=FOLDER where there are several")
	return cmd
}

// forRunner finds what the workflows of a runner depend on besides the compose
// files: the belay.yml that is there, the branch, and what --deploy says.
func (a *app) forRunner(root *source.Root, found *setup.Found, deploy []string) error {
	found.Branch = base.DefaultBranch(root.Dir())
	if root.Exists(config.DefaultPath) {
		c, err := config.Load(root, config.DefaultPath, ruleIDs())
		if err != nil {
			return coded(err)
		}
		found.Configure(c)
	}
	if err := found.SetDeploy(deploy); err != nil {
		return &exitError{exitUsage, err}
	}
	return nil
}
