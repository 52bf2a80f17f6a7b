package setup

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"text/template"
)

// permissionsText is in all three: nothing in GitHub's files includes another.
const permissionsText = `# Each is for what it says; without it that is not written, and the log says so.
permissions:
  contents: write # the commit or branch that records what runs now
  pull-requests: write # its pull request, and the report on the one that was merged
  issues: write # one issue when something failed
  deployments: write # how it went, under "Deployments"
`

// jobText is an upgrade. The group of a job that is passed over is its own:
// whether GitHub looks at "if" before it makes room for a job is not told, and
// a job that waits must not be dropped for one that does nothing.
const jobText = `
jobs:
  upgrade:
<<- .Guarded >>
    if: << .If >>
<<- if .Several >>
    strategy:
      # One after the other. What fails stops those that come after it.
      max-parallel: 1
      fail-fast: true
      matrix:
        stack: << .Matrix >>
<<- end >>
    runs-on: << .RunsOn >>
    timeout-minutes: 350
    # One upgrade of a stack at a time, and none is cut off. Of those that wait
    # GitHub keeps the newest, whose commit contains the others. What is passed
    # over gets a group of its own, so that none of them is dropped for it.
    concurrency:
      group: belay-upgrade-<< .Name >>${{ << .Else >> && format('-passed-over-{0}', github.run_id) || '' }}
      cancel-in-progress: false
    steps:
      - uses: actions/checkout@v7
        with:
          fetch-depth: 0 # whether this commit descends from the deployed one
          persist-credentials: false
      - id: belay
        continue-on-error: true
        uses: belaystack/belay@v0
        with:
          command: upgrade
          stack: << .Stack >>
<<- .With >>
      # A plan that waits for its approval or its window is no failure.
      - if: steps.belay.outcome == 'failure' && steps.belay.outputs.result != 'waiting'
        run: exit 1
`

const upgradeText = `# Carries out on the host what was merged: backup, upgrade, verification, and all
# of it taken back when something fails. It runs on a self-hosted runner of that
# host, and only for what is on the default branch: never on pull_request, where
# the code is anybody's. A fork has this file as well; there it runs only if its
# owner enables it and has such a runner.
#
# A job that is cancelled, by a person or by timeout-minutes, makes Belay take
# back what it did. With "approval: dispatch" in belay.yml a push only plans, and
# the plan is started here by hand with its hash.
#
# What the runner needs, and what may be changed here: ` + runnerDocs + `
name: belay upgrade

on:
  push:
    branches: [<< .Branch >>]
    paths:
<< .Paths >>  workflow_dispatch:
    inputs:
<<- if .Several >>
      stack:
        description: The stack to upgrade
        type: choice
        options: ["(all)", << .Names >>]
        default: (all)
<<- end >>
      plan-hash:
        description: The hash of the plan to carry out, where it waits for approval
        type: string
      retry:
        description: Try again what failed before
        type: boolean
      overwrite:
        description: Give up edits that were made on the host
        type: boolean

` + permissionsText + jobText

const monthlyText = `# Once a month: pulls the images whose tags move, such as postgres:17, and upgrades
# to what came, with the same backup, verification and way back as belay-upgrade.yml.
# Where no image moved it stops nothing.
#
# What the runner needs, and what may be changed here: ` + runnerDocs + `
name: belay monthly

on:
  schedule:
    # In UTC, at a quiet hour, and not at a full one: then GitHub is late or skips
    # it. With "windows" in belay.yml it must lie in one of them.
    - cron: "37 3 8 * *"
  workflow_dispatch:

` + permissionsText + jobText

const rollbackText = `# Takes back, by hand: the last upgrade, or another run, or one service to the
# version before. When rows were written since, it is refused and says how many:
# then accept-data-loss gives them up, and keep-data leaves all data as it is.
#
# It does not queue behind an upgrade that runs or is held: it tells that one to
# roll back. A runner takes one job at a time, so this needs a second one on the
# host. Without it, cancel the job of the upgrade: that does the same.
#
# What the runner needs, and what may be changed here: ` + runnerDocs + `
name: belay rollback

on:
  workflow_dispatch:
    inputs:
<<- if .Several >>
      stack:
        description: The stack
        type: choice
        options: [<< .Names >>]
        required: true
<<- end >>
      run:
        description: The run to take back; without it, the last one
        type: string
      service:
        description: Only this service, and those that carry its version
        type: string
      version:
        description: The version it is to have; without it, the one before
        type: string
      accept-data-loss:
        description: Give up what was written since
        type: boolean
      keep-data:
        description: Leave all data as it is, and take back files and images
        type: boolean

` + permissionsText + `
jobs:
  rollback:
    runs-on: << .RunsOn >>
    timeout-minutes: 350
    concurrency:
      group: belay-rollback-<< .Name >>
      cancel-in-progress: false
    steps:
      - uses: actions/checkout@v7 # for belay.yml
        with:
          persist-credentials: false
      - uses: belaystack/belay@v0
        with:
          command: rollback
          stack: << .Stack >>
          run: ${{ inputs.run }}
          service: ${{ inputs.service }}
          version: ${{ inputs.version }}
          accept-data-loss: ${{ inputs.accept-data-loss }}
          keep-data: ${{ inputs.keep-data }}
`

// runnerWorkflow is what a template of a workflow is filled with. All texts are
// YAML, or expressions of GitHub in YAML.
type runnerWorkflow struct {
	Several bool   // the repository has several stacks
	Stack   string // the name of the stack of a job
	Name    string // the same without quotes, within a text
	Names   string // of all of them
	Matrix  string
	RunsOn  string
	Branch  string
	Paths   string
	Guarded string // comment on If
	If      string // when a job does something
	Else    string // when it does not
	With    string // further inputs of the upgrade
}

// runnerFiles gives the workflows for self-hosted runners.
func runnerFiles(found Found) []File {
	stacks := slices.Clone(found.Stacks)
	slices.SortStableFunc(stacks, func(a, b Stack) int {
		switch {
		case a.Canary == b.Canary:
			return 0
		case a.Canary:
			return -1
		}
		return 1
	})
	names := make([]string, len(stacks))
	for i, s := range stacks {
		names[i] = s.Name
	}
	ref := expression("refs/heads/" + found.branch())
	w := runnerWorkflow{
		Several: len(stacks) > 1, Stack: scalar(names[0]), Name: names[0], RunsOn: runsOn(stacks, "matrix.stack"),
		Branch: scalar(literal(found.branch())), Paths: upgradePaths(stacks),
		If: "github.ref == " + ref, Else: "github.ref != " + ref,
	}
	monthly, rollback := w, w
	if w.Several {
		quoted := make([]string, len(names))
		for i, name := range names {
			quoted[i] = fmt.Sprintf("%q", name)
		}
		w.Names = strings.Join(quoted, ", ")
		w.Stack, w.Name = "${{ matrix.stack }}", "${{ matrix.stack }}"
		monthly = w
		monthly.Matrix = "[" + w.Names + "]"
		rollback.Stack, rollback.Name, rollback.Names = "${{ inputs.stack }}", "${{ inputs.stack }}", w.Names
		rollback.RunsOn = runsOn(stacks, "inputs.stack")
		w.Matrix = fmt.Sprintf("${{ fromJSON(inputs.stack && inputs.stack != '(all)' && format('[{0}]', toJSON(inputs.stack)) || %s) }}", expression(jsonText(names)))
	}
	const ours = "contains(github.event.head_commit.message, 'Belay-Run:')" // a trailer of the commits that Belay makes
	w.Guarded = "\n    # What Belay writes back has this trailer, and starts nothing."
	w.If, w.Else = w.If+" && !"+ours, "("+w.Else+" || "+ours+")"
	w.With = "\n          plan-hash: ${{ inputs.plan-hash }}\n          retry: ${{ inputs.retry }}\n          overwrite: ${{ inputs.overwrite }}"
	return []File{
		{upgradePath, fill(upgradeText, w)},
		{rollbackPath, fill(rollbackText, rollback)},
		{monthlyPath, fill(monthlyText, monthly)},
	}
}

// fill gives the text of a workflow. The delimiters leave GitHub's alone.
func fill(text string, w runnerWorkflow) []byte {
	var b strings.Builder
	t := template.Must(template.New("").Delims("<<", ">>").Parse(text))
	if err := t.Execute(&b, w); err != nil {
		panic(err) // of constants and texts: cannot happen
	}
	return []byte(b.String())
}

// runsOn gives the labels of the runner of a job. Where hosts differ they are
// looked up by stack, an expression that gives its name.
func runsOn(stacks []Stack, stack string) string {
	labels := map[string][]string{}
	differ := false
	for _, s := range stacks {
		labels[s.Name] = []string{"self-hosted", "linux"}
		if s.Host != "" {
			labels[s.Name] = append(labels[s.Name], s.Host)
		}
		differ = differ || s.Host != stacks[0].Host
	}
	if differ {
		return fmt.Sprintf("${{ fromJSON(%s)[%s] }}", expression(jsonText(labels)), stack)
	}
	list := labels[stacks[0].Name]
	for i, label := range list {
		list[i] = scalar(label)
	}
	return "[" + strings.Join(list, ", ") + "]"
}

// upgradePaths gives what a push must touch to start an upgrade: the files of
// the stacks, but no documentation. belay.yml alone starts none; the next
// upgrade brings it along.
func upgradePaths(stacks []Stack) string {
	var paths []string
	for _, s := range stacks {
		if s.Dir == "." {
			// What its containers mount may have any name.
			paths = []string{"**", "!.github/**", "!" + configPath}
			break
		}
		paths = append(paths, literal(s.Dir)+"/**")
		for _, name := range s.Elsewhere {
			paths = append(paths, literal(name))
		}
	}
	return pathLines(append(paths, "!**/*.md"))
}

// expression writes text as a string of GitHub's expressions.
func expression(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }

// jsonText writes names and lists of names, without a space: after a colon it
// would end a text of YAML that has no quotes.
func jsonText(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // of strings: cannot happen
	}
	return string(b)
}
