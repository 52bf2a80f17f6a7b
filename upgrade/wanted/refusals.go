package wanted

import (
	"fmt"
	"slices"
	"strings"

	"github.com/belaystack/belay/lint/compose"
	"github.com/belaystack/belay/lint/image"
	"github.com/belaystack/belay/release/catalog"
)

// refusals are the reasons not to go from old to next, in the order of the files.
func (w *work) refusals(r *Result, old, next *view) []*Refused {
	var out []*Refused
	for _, s := range r.Services {
		if s.Was != "" && s.Name != "" {
			out = append(out, w.versions(s, next)...)
			out = append(out, w.volumes(s, next)...)
			out = append(out, w.keys(s, next)...)
		}
		out = append(out, w.pulls(s, old, next)...)
	}
	return append(out, w.variables(r, old, next)...)
}

// versions refuses an older image, but for the rollback of a service, and another
// major version of PostgreSQL, but for a newer one by an upgrade.
func (w *work) versions(s Service, next *view) []*Refused {
	old, errOld := image.Parse(s.Old)
	now, errNow := image.Parse(s.New)
	if errOld != nil || errNow != nil || sameRef(s.Old, s.New) {
		return nil
	}
	found, needed := s.Old, s.New
	if s.Hidden {
		found, needed = "", ""
	}
	at := next.stack.Service(s.Name).Image.Pos
	from, to, ok := majors(s)
	switch {
	case ok && from != to && w.Down != nil:
		return []*Refused{refuse(Major, "service "+s.Name+" would get another major version of PostgreSQL, which the rollback of one service does not carry out",
			fmt.Sprintf("PostgreSQL %d", from), fmt.Sprintf("PostgreSQL %d", to), "take the whole run back: belay rollback").at(at)}
	case ok && to < from:
		way := "keep the major version; the way down is a rollback: belay rollback"
		if left, ok := w.leftBehind(s, next); ok {
			way = left.way + ", and the image that runs"
		}
		return []*Refused{refuse(Major, "service "+s.Name+" would get another major version of PostgreSQL, an older one, which this release does not carry out",
			fmt.Sprintf("PostgreSQL %d", from), fmt.Sprintf("PostgreSQL %d", to), way).at(at)}
	case ok && to > from: // moves looks at it
	case w.Down == nil && w.Catalog.Compare(old, now) == image.Older:
		return []*Refused{refuse(Downgrade, "the image of "+s.Name+" would be older than the one that runs, and its data may be newer than it can read",
			found, needed, "the way down is a rollback: belay rollback, or belay rollback --service "+s.Name).at(at)}
	}
	return nil
}

// pulls refuses services whose old image docker compose would replace by itself
// after a rollback.
func (w *work) pulls(s Service, old, next *view) []*Refused {
	pulled := func(v *view, name, ref string) (string, bool) {
		policy := v.model.Services[name].PullPolicy
		r, err := image.Parse(ref)
		moves := policy == "always" || policy == "daily" || policy == "weekly" || strings.HasPrefix(policy, "every_")
		return policy, moves && err == nil && r.Digest == ""
	}
	if s.Was != "" {
		if policy, ok := pulled(old, s.Was, s.Old); ok {
			r := refuse(Pull, "`pull_policy: "+policy+"` of "+s.Was+": after a rollback a plain docker compose up -d would pull another image again", "", "",
				"remove it, in the repository as well, or pin the image by its digest; what runs is not affected")
			if svc := old.stack.Service(s.Was); svc != nil {
				r = r.at(svc.At("pull_policy").Pos)
			}
			return []*Refused{r}
		}
	}
	if policy, ok := pulled(next, s.Name, s.New); ok && s.Name != "" {
		w.notes = append(w.notes, "`pull_policy: "+policy+"` of "+s.Name+" makes the next upgrade impossible: remove it, or pin the image by its digest")
	}
	return nil
}

// keys refuses keys that data depends on and that would change, be lost, or be set
// where the application has made one up. Values are compared and never said.
func (w *work) keys(s Service, next *view) []*Refused {
	var out []*Refused
	env := w.run[s.Was].containers[0].Env
	for _, key := range slices.Compact(slices.Sorted(slices.Values(slices.Concat(s.App.Protected, s.OldApp.Protected, w.Protected)))) {
		was, had := env[key]
		var now string
		if v := next.model.Services[s.Name].Environment[key]; v != nil {
			now = v.Reveal()
		}
		what, give := "", "give it the value that runs; a key is exchanged by the application's own procedure"
		switch {
		case had && was.Reveal() != "" && now == "":
			what = "would be lost"
		case had && was.Reveal() != "" && now != was.Reveal():
			what = "would change"
		case was.Reveal() == "" && now != "" && s.App.Kind == catalog.Application && slices.Contains(s.App.Protected, key):
			what, give = "would be set for the first time, while the data were made with another", "set it to the key that the application made up, start the stack with it as it is (docker compose up -d), and upgrade then"
		default:
			continue
		}
		r := refuse(Key, key+" of "+s.Name+" "+what+": what was written with the old one could not be read", "", "", give)
		if svc := next.stack.Service(s.Name); svc != nil {
			r = r.at(svc.At("environment", key).Pos)
		}
		out = append(out, r)
	}
	return out
}

// variables refuses variables that the new files use and nothing sets, unless the
// containers that run were started so.
func (w *work) variables(r *Result, old, next *view) []*Refused {
	drifted := func(v compose.Var) bool {
		return slices.ContainsFunc(r.Services, func(s Service) bool { return s.Drifted && s.Name != "" && (v.Service == s.Name || v.Service == "") })
	}
	var out []*Refused
	for _, name := range next.unset {
		uses := slices.DeleteFunc(slices.Clone(next.stack.Vars), func(v compose.Var) bool { return v.Name != name || v.Set })
		if slices.Contains(old.unset, name) && !slices.ContainsFunc(uses, drifted) {
			w.notes = append(w.notes, "variable "+name+" is not set, and was not before either")
			continue
		}
		r := refuse(Variable, "variable "+name+" is not set: docker compose would take it as empty", "", "",
			"set it in the .env, to nothing where that is meant, or give it a default")
		if len(uses) > 0 {
			r = r.at(uses[0].Span.Pos)
		}
		out = append(out, r)
	}
	return out
}
