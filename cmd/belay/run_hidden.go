package main

import (
	"github.com/spf13/cobra"

	"github.com/belaystack/belay/upgrade/backup/tree"
	"github.com/belaystack/belay/upgrade/steps"
)

// newTree and newProbe are what this program does inside a helper container.
func newTree(a *app) *cobra.Command {
	return &cobra.Command{Use: "__tree", Hidden: true, DisableFlagParsing: true, RunE: func(cmd *cobra.Command, args []string) error {
		if err := tree.Main(cmd.Context(), args, a.stdin, a.stdout); err != nil {
			return &exitError{exitCouldNot, err}
		}
		return nil
	}}
}

func newProbe(a *app) *cobra.Command {
	return &cobra.Command{Use: "__probe", Hidden: true, Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
		if err := steps.Asker(cmd.Context(), a.stdin, a.stdout); err != nil {
			return &exitError{exitCouldNot, err}
		}
		return nil
	}}
}
