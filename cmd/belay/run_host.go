package main

import (
	"context"
	"crypto/rand"
	"debug/elf"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"filippo.io/age"
	"github.com/spf13/cobra"

	"github.com/belaystack/belay/cmd/belay/config"
	"github.com/belaystack/belay/lint"
	"github.com/belaystack/belay/lint/source"
	"github.com/belaystack/belay/upgrade/backup"
	"github.com/belaystack/belay/upgrade/docker"
	"github.com/belaystack/belay/upgrade/journal"
	"github.com/belaystack/belay/upgrade/steps"
	"github.com/belaystack/belay/upgrade/wanted"
)

// deployment says which deployed stack a command is about.
type deployment struct {
	project    string
	files      []string
	projectDir string
	envFiles   []string
	profiles   []string
}

func (d *deployment) flags(cmd *cobra.Command) {
	s := cmd.Flags()
	s.StringVarP(&d.project, "project", "p", "", "the compose project, where several run from the folder")
	s.StringSliceVarP(&d.files, "file", "f", nil, "the compose files, where they are not those that docker compose finds")
	s.StringVar(&d.projectDir, "project-directory", "", "the folder that the stack runs from (default: here)")
	s.StringSliceVar(&d.envFiles, "env-file", nil, "the env files, where .env is not the one")
	s.StringSliceVar(&d.profiles, "profile", nil, "a profile that is enabled besides COMPOSE_PROFILES")
}

// host is a deployed stack with everything that its runs need.
type host struct {
	*app
	docker *docker.Client
	stack  *wanted.Deployed
	conf   steps.Config
	state  string // the project's state folder
	store  *backup.Store
	mask   func(string) string
	hold   *journal.Hold
	tell   teller

	delivery delivery            // how upgrades are let go, by the deployed belay.yml
	onHeld   func(steps.Holding) // of the run, once it is held
	wasHeld  bool

	groups    [][]string // patterns of images that carry one tag
	protected []string   // keys that must not change, of belay.yml
}

// host finds the stack that runs from dir.
func (a *app) host(ctx context.Context, f *flags, dir string, d deployment) (*host, error) {
	a.runs()
	c, err := a.localEngine(ctx)
	if err != nil {
		return nil, err
	}
	at, err := a.folder(dir, d)
	if err != nil {
		return nil, err
	}
	stack, err := wanted.Find(ctx, c, wanted.Where{Dir: at, Files: d.files, Project: d.project, EnvFiles: d.envFiles, Profiles: d.profiles})
	if err != nil {
		return nil, runError(a.orBusy(ctx, f, dir, d, err))
	}
	h := &host{app: a, docker: c, stack: stack}
	if err := h.configure(f); err != nil {
		return nil, err
	}
	if err := errors.Join(h.visible(), h.runnable()); err != nil {
		return nil, err
	}
	if err := h.keys(); err != nil {
		return nil, err
	}
	return h, h.hide()
}

// folder is the one that a stack runs from, absolute.
func (a *app) folder(dir string, d deployment) (string, error) {
	if dir != "" && d.projectDir != "" {
		return "", usage("name the folder once: %s, or --project-directory %s", dir, d.projectDir)
	}
	if dir == "" {
		dir = d.projectDir
	}
	at, file, err := a.place(dir)
	if err == nil && file != "" {
		err = usage("%s: name the folder that the stack runs from, and compose files with --file", dir)
	}
	return at, err
}

// hide makes the mask of the stack's values.
func (h *host) hide() error {
	h.mask = masker(h.stack)
	h.docker.Mask = h.mask
	return nil
}

// configure reads the belay.yml that is deployed with the stack: beside it, or in
// the nearest folder above up to the top of its repository.
func (h *host) configure(f *flags) error {
	if f.config != "" {
		return usageConfig(f)
	}
	dir := h.stack.Project.Dir
	if real, err := filepath.EvalSymlinks(dir); err == nil {
		dir = real
	}
	cfg, stack, at, err := h.configFor(dir)
	if err != nil {
		return err
	}
	if err := h.known(cfg, stack); err != nil {
		return err
	}
	runs := cfg.Runs(stack, h.stack.Project.Name, at)
	h.conf, h.state = runs.Config, runs.State
	h.delivery = delivery{cfg.ApprovalOf(stack), cfg.WindowsOf(stack)}
	file := filepath.Join(at, config.DefaultPath)
	if _, err := os.Stat(file); err == nil && below(dir, at) {
		h.conf.File = file
	}
	h.protected = cfg.Policy.Protected
	for _, g := range cfg.LintPolicy(lint.BuiltIn()).Groups {
		h.groups = append(h.groups, g.Images)
	}
	h.store = &backup.Store{Dir: runs.Backups, Reserve: storeReserve}
	return nil
}

// configFor gives the belay.yml for the stack in dir, what it says of that stack, and the
// folder that it lies in. In the sibling of an action, that of the checkout stands in for one
// that is not deployed with the stack.
func (h *host) configFor(dir string) (*config.Config, config.Stack, string, error) {
	at := h.nearest(dir)
	if _, err := os.Lstat(filepath.Join(at, config.DefaultPath)); err != nil && h.sibling != nil {
		return h.sibling.fromCheckout(h)
	}
	root, err := source.OpenRoot(at)
	if err != nil {
		return nil, config.Stack{}, "", &exitError{exitCouldNot, err}
	}
	defer root.Close()
	cfg, err := (&repository{root: root}).config("")
	if err != nil {
		return nil, config.Stack{}, "", coded(err)
	}
	return cfg, configOf(cfg, dir, root), at, nil
}

// storeReserve is the room that a backup leaves on its disk, in bytes.
const storeReserve = 16 << 20

func usageConfig(f *flags) error {
	return usage("--config %s: what changes a stack reads the belay.yml that is deployed with it", f.config)
}

// nearest is the folder with the belay.yml of a stack in dir, or the top.
func (h *host) nearest(dir string) string {
	top := h.top(dir)
	for d := dir; ; d = filepath.Dir(d) {
		if _, err := os.Lstat(filepath.Join(d, config.DefaultPath)); err == nil || d == top || d == filepath.Dir(d) {
			return d
		}
	}
}

// known refuses services in belay.yml that the stack does not have. A stack that
// died halfway may lack some.
func (h *host) known(cfg *config.Config, s config.Stack) error {
	var services []string
	for _, c := range h.stack.Containers {
		services = append(services, c.Service)
	}
	if len(services) == 0 {
		return nil
	}
	var errs []error
	for _, n := range cfg.Services(s) {
		if err := n.Check(services); err != nil {
			errs = append(errs, err)
		}
	}
	if len(errs) == 0 {
		return nil
	}
	return &exitError{exitUsage, errors.Join(errs...)}
}

// keys reads the age keys that belay.yml names.
func (h *host) keys() error {
	if len(h.conf.Recipients) > 0 {
		r, err := age.ParseRecipients(strings.NewReader(strings.Join(h.conf.Recipients, "\n")))
		if err != nil {
			return usage("backup.recipients: %w", err)
		}
		h.store.Recipients = r
	}
	if h.conf.Identity == "" {
		return nil
	}
	f, err := os.Open(h.conf.Identity)
	if err != nil {
		return usage("backup.identity-file: %w", err)
	}
	defer f.Close()
	if h.store.Identities, err = age.ParseIdentities(f); err != nil {
		return usage("backup.identity-file %s: no identity of age can be read from it", h.conf.Identity)
	}
	return nil
}

// lock makes the state folder and takes the lock of the project; the engine is
// told which folder it is.
func (h *host) lock(ctx context.Context, run, command string) error {
	for _, dir := range []string{h.state, filepath.Join(h.state, "runs"), filepath.Join(h.state, "bin")} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return &exitError{exitCouldNot, err}
		}
	}
	hold, err := journal.Lock(filepath.Join(h.state, "lock"), h.owner(run, command))
	if err != nil {
		return runError(h.busy(err))
	}
	h.hold, h.docker.Lock, h.docker.Run = hold, hold.File(), run
	return runError(h.docker.SetMarker(ctx, h.stack.Project.Name, h.state))
}

// unlock gives the lock up, if it was taken.
func (h *host) unlock() {
	if h.hold != nil {
		_ = h.hold.Release() // it goes with the process anyway
	}
}

func (h *host) owner(run, command string) journal.Owner {
	name, _ := os.Hostname()                                  // for people to read
	boot, _ := os.ReadFile("/proc/sys/kernel/random/boot_id") // likewise
	o := journal.Owner{PID: os.Getpid(), Run: run, Host: name, BootID: strings.TrimSpace(string(boot)), Started: h.now().UTC(), Command: "belay " + command}
	if h.inActions() {
		o.URL = h.getenv("GITHUB_SERVER_URL") + "/" + h.getenv("GITHUB_REPOSITORY") + "/actions/runs/" + h.getenv("GITHUB_RUN_ID")
	}
	return o
}

// runID names a run: the time, and four digits against another of that second.
func (h *host) runID() string {
	var b [2]byte
	rand.Read(b[:])
	return h.now().UTC().Format("20060102T150405Z") + "-" + hex.EncodeToString(b[:])
}

// static refuses a build of this program that needs libraries of the host: it is
// copied into containers that have none.
func static(path string) error {
	f, err := elf.Open(path)
	if err != nil {
		return nil // no ELF: docker will say what it is
	}
	defer f.Close()
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			return fmt.Errorf("%s: needs libraries of the host, and has to run in containers too: use a release, or build it with CGO_ENABLED=0", path)
		}
	}
	return nil
}

// configOf is what belay.yml says of the stack in dir: one in the repository, or the
// folder that it is deployed in.
func configOf(cfg *config.Config, dir string, root *source.Root) config.Stack {
	rel, err := root.Rel(dir)
	if err != nil {
		return config.Stack{}
	}
	for _, s := range cfg.Stacks {
		if filepath.Clean(s.Dir) == filepath.Clean(rel) || s.Deploy != "" && samePath(s.Deploy, dir) {
			return s
		}
	}
	return config.Stack{}
}
