package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/belaystack/belay/cmd/belay/setup"
	"github.com/belaystack/belay/lint/source"
)

func newInit(a *app, f *flags) *cobra.Command {
	var force bool
	cmd := &cobra.Command{
		Use: "init [PATH]", Args: cobra.MaximumNArgs(1),
		Short: "Write a belay.yml, the workflow and a Renovate preset for a repository",
		Long: "Init looks at the compose files of the repository that PATH, or the working directory, is in,\n" +
			"and writes what fits them. When a file is there already it writes nothing at all.",
		RunE: func(cmd *cobra.Command, args []string) error {
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
	return cmd
}
