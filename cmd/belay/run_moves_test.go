package main

import (
	"encoding/json"
	"reflect"
	"testing"

	"github.com/belaystack/belay/upgrade"
	"github.com/belaystack/belay/upgrade/journal"
	"github.com/belaystack/belay/upgrade/steps"
)

// A rollback over several runs goes to where the first of them came from; what went there
// and back stays where it is.
func TestMovesBefore(t *testing.T) {
	at := func(name string) steps.DataPlace { return steps.DataPlace{Volume: name} }
	move := func(service string, from, to int, old, now string) steps.Move {
		return steps.Move{Service: service, From: from, To: to, Old: at(old), New: at(now)}
	}
	run := func(id string, outcome upgrade.Outcome, moves ...steps.Move) pastRun {
		data, err := json.Marshal(upgrade.Closure{Outcome: outcome})
		if err != nil {
			t.Fatal(err)
		}
		return pastRun{id: id, spec: steps.Spec{Kind: steps.Upgrade, Moves: moves}, entries: []journal.Entry{{Event: journal.Closed, Data: data}}}
	}
	all := []pastRun{ // newest first
		run("5", upgrade.Committed, move("b", 18, 17, "b18", "b17")),
		run("4", upgrade.RolledBack, move("a", 18, 19, "a18", "a19")),
		run("3", upgrade.Committed, move("a", 17, 18, "a17", "a18"), move("b", 17, 18, "b17", "b18")),
		run("2", upgrade.Committed, move("a", 16, 17, "a16", "a17")),
		run("1", upgrade.Committed, move("a", 15, 16, "a15", "a16")),
	}
	for id, want := range map[string][]steps.Move{
		"5": {move("b", 17, 18, "b17", "b18")},
		"3": {move("a", 18, 17, "a18", "a17")},
		"2": {move("a", 18, 16, "a18", "a16")},
	} {
		back := pastRun{id: id}
		if got := movesBefore(all, back); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, want %+v", id, got, want)
		}
	}
}
