package main

import (
	"strings"

	"github.com/belaystack/belay/lint"
	"github.com/belaystack/belay/lint/compose"
	"github.com/belaystack/belay/lint/dotenv"
	"github.com/belaystack/belay/lint/rules"
)

// before is what there was to say of a stack already before the change. A
// reviewer is told of it, but it is no reason to speak up.
type before struct {
	findings, drifts map[string]bool
}

func findingKey(x lint.Finding) string { return x.Rule + "\x00" + x.Service + "\x00" + x.Message }
func driftKey(d dotenv.Drift) string   { return string(d.Kind) + "\x00" + d.Key }

// beforeChange looks at the base as if nothing came after it.
func (r *repository) beforeChange(s *subject) before {
	b := before{map[string]bool{}, map[string]bool{}}
	if s.base == nil || s.before == nil {
		return b
	}
	found, _ := lint.Run(lint.Input{Stack: s.base, Policy: r.policy, Env: s.env, Catalog: r.catalog, Examples: s.before}, rules.All())
	for _, x := range found {
		b.findings[findingKey(x)] = true
	}
	for _, d := range dotenv.Check(s.base.OwnEnv(), s.before, usesOf(s.base)) {
		b.drifts[driftKey(d)] = true
	}
	return b
}

// usesOf is what the compose files of a stack interpolate.
func usesOf(stack *compose.Stack) []dotenv.Use {
	var uses []dotenv.Use
	for _, v := range stack.Vars {
		uses = append(uses, dotenv.Use{Name: v.Name, At: v.Span, HasDefault: v.Op != "" && !strings.HasSuffix(v.Op, "?")})
	}
	return uses
}
