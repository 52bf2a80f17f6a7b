package main

import (
	"context"
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/belaystack/belay/lint/dotenv"
	"github.com/belaystack/belay/lint/source"
)

// envFlags are those of `belay env` alone.
type envFlags struct {
	write  bool
	dryRun bool
	state  bool
}

func newEnv(a *app, f *flags) *cobra.Command {
	e := &envFlags{}
	cmd := &cobra.Command{
		Use: "env [PATH]", Args: cobra.MaximumNArgs(1),
		Short: "Compare the env files of the stacks with their examples",
		Long: "Env compares the .env of each stack at or below PATH with its examples and with what the\n" +
			"compose files interpolate; with --base, what the examples were with what they are now.\n" +
			"It prints keys, never values. PATH may also be the values.yaml of a Helm chart: with --base it\n" +
			"is compared by its paths, and --env-file names the values of your own.",
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case len(args) > 0 && isValues(args[0]):
				return a.envValues(cmd.Context(), f, args[0], part{})
			case e.write || e.dryRun:
				return a.envWrite(cmd.Context(), f, e, args)
			case e.state:
				return a.envState(cmd.Context(), f, args)
			}
			return a.envLook(cmd.Context(), f, args)
		},
	}
	f.stack(cmd)
	cmd.Flags().BoolVar(&e.write, "write", false, "append the missing keys to the .env")
	cmd.Flags().BoolVar(&e.dryRun, "dry-run", false, "print what --write would append, and change nothing")
	cmd.Flags().BoolVar(&e.state, "state", false, "write "+dotenv.StateFile+", which says of each key whether it is set, and no value")
	cmd.MarkFlagsMutuallyExclusive("write", "state")
	return cmd
}

// envRules are the rules that speak of env files.
func envRules(id string) bool {
	return strings.HasPrefix(id, "env-") || id == "key-required" || id == "protected-key-changed"
}

// envLook prints the drift. On a person's own machine it also names the keys
// that no report may name: those that still have a public secret.
func (a *app) envLook(ctx context.Context, f *flags, args []string) error {
	r, err := a.open(ctx, f, strings.Join(args, ""))
	if err != nil {
		return err
	}
	defer r.close()
	verdict := a.show(ctx, f, r, part{rules: envRules, drift: true})
	var e *exitError
	said := verdict == nil || errors.As(verdict, &e) && e.err == nil
	if !said || a.inActions() || f.output != "" || f.format != "" && f.format != "text" {
		return verdict
	}
	return errors.Join(a.nameSecrets(r), verdict)
}

func (a *app) nameSecrets(r *repository) error {
	for _, s := range r.stacks {
		env := s.stack.OwnEnv()
		if env == nil {
			continue
		}
		for _, key := range dotenv.SecretDefaults(env, s.examples) {
			if err := a.printf("%s: %s still has the public value of its example\n", env.Path, key); err != nil {
				return err
			}
		}
	}
	return nil
}

// envWrite appends missing keys to the .env of each stack, or prints them.
func (a *app) envWrite(ctx context.Context, f *flags, e *envFlags, args []string) error {
	r, err := a.open(ctx, f, strings.Join(args, ""))
	if err != nil {
		return err
	}
	defer r.close()
	for _, s := range r.stacks {
		if err := a.appendMissing(r, s, e.dryRun); err != nil {
			return coded(err)
		}
	}
	return nil
}

func (a *app) appendMissing(r *repository, s *subject, dryRun bool) error {
	name := s.stack.EnvPath
	env, created := s.stack.OwnEnv(), false
	if env == nil {
		if s.examples.IsEmpty() {
			return a.printf("%s: no env file and no example of one\n", name)
		}
		var err error
		if env, err = dotenv.Parse(source.New(name, nil), nil); err != nil {
			return err
		}
		created = true
	}
	missing := slices.DeleteFunc(dotenv.Check(env, s.examples, s.uses()), func(d dotenv.Drift) bool { return d.Kind != dotenv.Missing })
	add, err := dotenv.Append(env, missing, a.now().Format("2006-01-02"))
	if err != nil {
		return err
	}
	if dryRun {
		return a.printf("%s", add.Patch())
	}
	switch {
	case len(add.Added)+len(add.Asked) == 0:
		return a.printf("%s: nothing is missing\n", name)
	case created:
		err = source.Create(r.root.Abs(name), add.Data, 0o600, false)
	default:
		err = source.Replace(r.root.Abs(name), env.Data, add.Data)
	}
	if err != nil {
		return err
	}
	if err := a.printf("%s: %s appended with the default of the example\n", name, count(len(add.Added), "key")); err != nil || len(add.Asked) == 0 {
		return err
	}
	return a.printf("%s: %s appended empty, to be given a value of your own: %s\n", name, count(len(add.Asked), "secret key"), strings.Join(add.Asked, ", "))
}

// envState writes belay.env-state beside the .env of each stack.
func (a *app) envState(ctx context.Context, f *flags, args []string) error {
	r, err := a.open(ctx, f, strings.Join(args, ""))
	if err != nil {
		return err
	}
	defer r.close()
	for _, s := range r.stacks {
		env := s.stack.OwnEnv()
		if env == nil {
			return usage("%s: no env file to write the state of", s.stack.EnvPath)
		}
		data, err := dotenv.WriteState(env, s.examples)
		var public *dotenv.SecretDefaultsError
		if errors.As(err, &public) && !a.inActions() {
			for _, key := range public.Keys {
				if err := a.printf("%s: %s still has the public value of its example\n", env.Path, key); err != nil {
					return err
				}
			}
		}
		if err != nil {
			return &exitError{exitUsage, err}
		}
		name := path.Join(s.stack.Dir, dotenv.StateFile)
		if err := source.Create(r.root.Abs(name), data, 0o644, true); err != nil {
			return &exitError{exitCouldNot, err}
		}
		if err := a.printf("%s: written; it holds no value, and belongs into the repository\n", name); err != nil {
			return err
		}
	}
	return nil
}

// readState reads the committed state of the stack's .env, if there is one.
func (r *repository) readState(dir string) (*dotenv.State, error) {
	f, err := r.root.Read(path.Join(dir, dotenv.StateFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return dotenv.ReadState(f)
}
