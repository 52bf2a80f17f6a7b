package report

import (
	"slices"
	"strings"
)

// verdict is how a run ended, in words.
type verdict struct {
	Level string // "good", "neutral" or "bad": its colour
	Sign  string
	Line  string
}

// noun is what a run is called where a sentence begins.
func (k Kind) noun() string {
	switch k {
	case Upgrade, Rollback, Backup:
		return strings.ToUpper(string(k[:1])) + string(k[1:])
	case Verify:
		return "Verification"
	}
	return "Run"
}

// verdictOf gives the first line of a report.
func verdictOf(r *Run) verdict {
	noun := r.Kind.noun()
	switch r.Outcome {
	case Done:
		switch r.Kind {
		case Backup:
			if slices.ContainsFunc(r.Backups, func(b Saved) bool { return len(b.Verified) > 0 }) {
				return verdict{"good", "✅", "Backup made and verified"}
			}
			return verdict{"good", "✅", "Backup made"}
		case Verify:
			return verdict{"good", "✅", "Everything verified"}
		}
		return verdict{"good", "✅", noun + " done and verified"}
	case Nothing:
		return verdict{"good", "✅", "Up to date: nothing to do, and nothing was stopped"}
	case Refused:
		return verdict{"neutral", "⛔", noun + " refused: nothing was changed"}
	case Failed:
		if r.Kind == Verify {
			return verdict{"bad", "❌", "Verification failed: nothing was changed"}
		}
		return verdict{"bad", "❌", noun + " could not run: nothing was changed"}
	case RolledBack:
		return verdict{"bad", "⏪", noun + " failed and was rolled back: everything is as it was before"}
	case Cancelled:
		return verdict{"neutral", "⏪", noun + " cancelled and rolled back: everything is as it was before"}
	case Stuck:
		return verdict{"bad", "🛑", noun + " is stuck: it needs a person"}
	case Held:
		return verdict{"neutral", "⏸️", noun + " verified, and held: it waits for a verdict"}
	case Running:
		return verdict{"neutral", "⏳", noun + " is not over"}
	}
	return verdict{"bad", "❓", noun + ": how it ended is not known"}
}

// facts are the few things to know of any run, each "name value".
func facts(r *Run) [][2]string {
	all := [][2]string{{"run", r.ID}, {"host", r.Host}, {"commit", r.Commit}, {"started", moment(r.Started)}, {"held until", moment(r.Until)},
		{"took", between(r.Started, r.Ended)}, {"down for", ""}, {"belay", r.Belay}, {"plan", r.Plan}}
	if d := r.Downtime; d != nil {
		all[6][1] = between(d.From, d.To)
		if d.To.IsZero() {
			all[6] = [2]string{"still down, since", moment(d.From)}
		}
	}
	return slices.DeleteFunc(all, func(f [2]string) bool { return f[1] == "" || f[1] == unknown })
}
