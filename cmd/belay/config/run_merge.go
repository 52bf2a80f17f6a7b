package config

import (
	"cmp"
	"maps"
	"path/filepath"
	"slices"
	"time"

	"github.com/belaystack/belay/lint/source"
	application "github.com/belaystack/belay/upgrade/app"
	"github.com/belaystack/belay/upgrade/steps"
)

// DefaultState is the folder in which every compose project has a folder of
// its name, unless the deployed belay.yml names another.
const DefaultState = "/var/lib/belay"

// What holds where belay.yml is silent.
const (
	defaultDrain    = 10 * time.Minute
	defaultWindow   = 10 * time.Second
	defaultDeadline = 5 * time.Minute
	commandTimeout  = 10 * time.Minute
	probeTimeout    = 5 * time.Second
	defaultKeep     = 5
	defaultKeepDays = 30
)

// Runs is what belay.yml says about the runs of one stack, with what holds
// where it is silent.
type Runs struct {
	Config  steps.Config
	State   string // the project's state folder, absolute
	Backups string // the folder of its backups, absolute
}

// Runs gives what holds for the runs of s, whose compose project is called
// project. Paths from the root of the repository begin at base, an absolute
// path. State and Backups are right only of the belay.yml that is deployed.
func (c *Config) Runs(s Stack, project, base string) Runs {
	own, top := s.RunKeys, c.RunKeys
	b, v, l := own.Backup.over(top.Backup), own.Verify.over(top.Verify), own.Launch.over(top.Launch)
	r := Runs{State: filepath.Join(cmp.Or(own.State, top.State, DefaultState), project)}
	if r.Backups = filepath.Join(r.State, "backups"); b.Directory != "" {
		r.Backups = filepath.Join(b.Directory, project)
	}
	r.Config = steps.Config{
		Baseline:  commands(list(s.Before.Commands, c.Before.Commands), base),
		Verify:    commands(v.Commands, base),
		BackUp:    commands(b.Commands, base),
		Probes:    probes(v.Probes),
		Retrieval: retrieval(v.Retrieval),
		N8N:       own.N8N.over(top.N8N),

		Covered:    b.Covered,
		Uncovered:  b.Uncovered,
		Exclude:    b.Exclude,
		Recipients: b.Recipients,
		Identity:   from(base, b.IdentityFile),

		NotFewer:   v.NotFewerRows,
		IgnoreLogs: v.LogErrors.Ignore,
		MaxErrors:  v.LogErrors.Max,
		Public:     l.Public,
		Drain:      cmp.Or(own.Drain.Timeout, top.Drain.Timeout).or(defaultDrain),
		Window:     l.Window.or(defaultWindow),
		Deadline:   l.Deadline.or(defaultDeadline),
		Deadlines:  deadlines(l.Services),

		OnTimeout:     steps.Call(cmp.Or(own.Hold.OnTimeout, top.Hold.OnTimeout)),
		LoseOnTimeout: yes(cmp.Or(own.Hold.LoseData, top.Hold.LoseData)),

		Keep:    number(b.Keep, defaultKeep),
		KeepFor: steps.Duration(time.Duration(number(b.KeepDays, defaultKeepDays)) * 24 * time.Hour),
	}
	return r
}

// Services gives the services that the keys about runs of s name: its own and
// those at the top that it does not replace. In file order.
func (c *Config) Services(s Stack) []Named {
	own := s.said()
	named := slices.DeleteFunc(slices.Clone(c.Named), func(n Named) bool { return own[n.key] })
	named = append(named, s.Named...)
	slices.SortStableFunc(named, func(a, b Named) int { return a.Pos.Compare(b.Pos) })
	return named
}

// Check gives an *source.Error at the name when services, those of the stack,
// do not have it.
func (n Named) Check(services []string) error {
	if slices.Contains(services, n.Service) {
		return nil
	}
	return &source.Error{Pos: n.Pos, Msg: n.Where + ": the stack has no service " + quote(n.Service), Next: suggest(n.Service, services)}
}

// said are the lists with names of services that s replaces. Services of
// launch are told apart by name, so that those of s come besides.
func (s Stack) said() map[string]bool {
	return map[string]bool{
		"baseline.commands": s.Before.Commands != nil,
		"backup.commands":   s.Backup.Commands != nil,
		"backup.exclude":    s.Backup.Exclude != nil,
		"verify.commands":   s.Verify.Commands != nil,
		"verify.probes":     s.Verify.Probes != nil,
		"launch.public":     s.Launch.Public != nil,
		"n8n.service":       s.N8N.Service != "",
	}
}

func retrieval(all []Retrieval) []application.Retrieval {
	var out []application.Retrieval
	for _, q := range all {
		out = append(out, application.Retrieval{Name: q.Name, Dataset: q.Dataset, Query: q.Query, KeyEnv: q.KeyEnv})
	}
	return out
}

func (b Backup) over(top Backup) Backup {
	return Backup{
		Directory:    cmp.Or(b.Directory, top.Directory),
		Recipients:   list(b.Recipients, top.Recipients),
		IdentityFile: cmp.Or(b.IdentityFile, top.IdentityFile),
		Exclude:      list(b.Exclude, top.Exclude),
		Keep:         cmp.Or(b.Keep, top.Keep),
		KeepDays:     cmp.Or(b.KeepDays, top.KeepDays),
		Commands:     list(b.Commands, top.Commands),
		Covered:      list(b.Covered, top.Covered),
		Uncovered:    list(b.Uncovered, top.Uncovered),
	}
}

func (v Verify) over(top Verify) Verify {
	return Verify{
		Commands:     list(v.Commands, top.Commands),
		Probes:       list(v.Probes, top.Probes),
		Retrieval:    list(v.Retrieval, top.Retrieval),
		NotFewerRows: list(v.NotFewerRows, top.NotFewerRows),
		LogErrors: LogErrors{
			Ignore: list(v.LogErrors.Ignore, top.LogErrors.Ignore),
			Max:    cmp.Or(v.LogErrors.Max, top.LogErrors.Max),
		},
	}
}

func (n N8N) over(top N8N) application.N8NAPI {
	return application.N8NAPI{
		KeyEnv:     cmp.Or(n.KeyEnv, top.KeyEnv),
		Service:    cmp.Or(n.Service, top.Service),
		Reactivate: yes(cmp.Or(n.Reactivate, top.Reactivate)),
	}
}

// yes is what a key says that is no where it is silent.
func yes(b *bool) bool { return b != nil && *b }

func (l Launch) over(top Launch) Launch {
	services := map[string]LaunchService{}
	maps.Copy(services, top.Services)
	for name, own := range l.Services {
		services[name] = LaunchService{Deadline: cmp.Or(own.Deadline, services[name].Deadline)}
	}
	return Launch{
		Window:   cmp.Or(l.Window, top.Window),
		Deadline: cmp.Or(l.Deadline, top.Deadline),
		Services: services,
		Public:   list(l.Public, top.Public),
	}
}

// list gives own, also when it is empty, unless it is not said.
func list[S ~[]E, E any](own, top S) S {
	if own != nil {
		return own
	}
	return top
}

func number(n *int, unsaid int) int {
	if n == nil {
		return unsaid
	}
	return *n
}

// or gives the duration, or unsaid. Load has checked its form.
func (d Duration) or(unsaid time.Duration) steps.Duration {
	v, err := time.ParseDuration(string(d))
	if err != nil {
		v = unsaid
	}
	return steps.Duration(v)
}

func from(base, name string) string {
	if name == "" || filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(base, filepath.FromSlash(name))
}

func commands(in []Command, base string) []steps.Command {
	var out []steps.Command
	for _, c := range in {
		if c.Image != "" {
			c.Network = cmp.Or(c.Network, "stack")
		}
		out = append(out, steps.Command{Name: c.Name, Run: c.Run, Service: c.Service, Image: c.Image, Env: c.Env,
			Mount: from(base, c.Mount), Network: string(c.Network), Timeout: c.Timeout.or(commandTimeout)})
	}
	return out
}

func probes(in []Probe) []steps.Probe {
	var out []steps.Probe
	for _, p := range in {
		out = append(out, steps.Probe{Name: p.Name, Service: p.Service, URL: p.URL, Method: p.Method, Headers: p.Headers, Body: p.Body,
			TCP: p.TCP, Run: p.Run, SQL: p.SQL, Database: p.Database, Timeout: p.Timeout.or(probeTimeout), Retries: p.Retries,
			Expect: application.Expect{Status: p.Status, Contains: p.Contains, Matches: p.Matches, JSON: p.JSON, Rows: cells(p.Rows),
				Unchanged: p.Unchanged, NotFewer: p.NotFewer, Shape: p.Shape}})
	}
	return out
}

func cells(rows [][]Cell) [][]string {
	var out [][]string
	for _, row := range rows {
		texts := []string{}
		for _, c := range row {
			texts = append(texts, string(c))
		}
		out = append(out, texts)
	}
	if rows != nil && out == nil {
		return [][]string{}
	}
	return out
}

func deadlines(services map[string]LaunchService) map[string]steps.Duration {
	out := map[string]steps.Duration{}
	for name, s := range services {
		if s.Deadline != "" {
			out[name] = s.Deadline.or(defaultDeadline)
		}
	}
	return out
}
