package steps

import "github.com/belaystack/belay/upgrade"

// List gives the steps of the run that the host's spec tells of, in order, and
// those after its commit.
func List(h *Host) (tasks, after []upgrade.Task) {
	tasks = []upgrade.Task{
		upgrade.NewStep("preflight", &preflight{h}),
		upgrade.NewStep("pull", &pull{h}),
		upgrade.NewStep("keep-images", &keepImages{h}),
		upgrade.NewStep("snapshot-files", &snapshotFiles{h}),
		upgrade.NewStep("baseline-live", &baselineLive{h}),
		upgrade.NewStep("drain", &drain{h}),
		upgrade.NewStep("halt", &halt{h}),
		upgrade.NewStep("baseline-data", &baselineData{h}),
		upgrade.NewStep("backup", &backUp{h}),
		upgrade.NewStep("verify-backup", &verifyBackup{h}),
	}
	if h.Spec.Kind == Backup {
		return append(tasks[:1:1], tasks[2:]...), []upgrade.Task{upgrade.Forward("retention", h.Retain)}
	}
	tasks = append(tasks,
		upgrade.NewStep("clone", &clone{h}),
		upgrade.NewStep("hand-over", &handOver{h}),
		upgrade.NewStep("apply-files", &applyFiles{h}),
	)
	if h.Spec.Kind == Rollback {
		tasks = append(tasks, upgrade.NewStep("restore-data", &restoreData{h}))
	} else {
		if len(h.Spec.Moves) > 0 {
			tasks = append(tasks, upgrade.NewStep("transfer", &transfer{h}))
		}
		tasks = append(tasks, upgrade.NewStep("migrate", &migrate{h}))
	}
	tasks = append(tasks,
		upgrade.NewStep("launch", &launch{h}),
		upgrade.NewStep("verify", &verify{h}),
	)
	held := upgrade.NewStep("hold", &await{h})
	if h.Spec.Options.Hold > 0 && !h.Spec.Options.HoldOpen {
		tasks = append(tasks, held)
	}
	tasks = append(tasks, upgrade.NewStep("open", &open{h}))
	if h.Spec.Options.Hold > 0 && h.Spec.Options.HoldOpen {
		tasks = append(tasks, held)
	}
	return tasks, []upgrade.Task{upgrade.Forward("record", h.record), upgrade.Forward("retention", h.Retain)}
}
