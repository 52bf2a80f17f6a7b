package setup

import (
	"fmt"
	"slices"
	"strings"
)

// workflowText uploads the result where the token may not comment: a pull
// request from a fork gets one that only reads. The copy has a name that
// publishText knows.
const workflowText = `# Checks a change to the stacks before it is merged: image pins, env drift and
# the policy of belay.yml, and what the releases in between ask of you. It needs
# no secret, runs no container of yours, and works for forks. The base of the
# change is read through the API; "fetch-depth: 0" in the checkout spares that.
#
# Where branch protection requires this check, remove "paths": a pull request
# that touches none of them would wait for it for ever.
name: belay

on:
  pull_request:
    # The label that says release notes were read counts at once.
    types: [opened, synchronize, reopened, labeled, unlabeled]
    paths:
%s
permissions:
  contents: read
  pull-requests: write # the comment, and the labels

concurrency:
  group: belay-check-${{ github.event.pull_request.number }}
  cancel-in-progress: true

jobs:
  check:
    runs-on: ubuntu-latest
    timeout-minutes: 10
    steps:
      - uses: actions/checkout@v7
        with:
          persist-credentials: false
      - id: belay
        uses: belaystack/belay/lint@v0
      # The token of a pull request from a fork may not comment. Then
      # belay-publish.yml does, from the result.
      - if: always() && steps.belay.outputs.comment == 'refused'
        env:
          REPORT: ${{ steps.belay.outputs.report }}
        run: cp "$RUNNER_TEMP/$REPORT" "$RUNNER_TEMP/belay-result.json"
      - if: always() && steps.belay.outputs.comment == 'refused'
        uses: actions/upload-artifact@v7
        with:
          name: belay-result
          path: ${{ runner.temp }}/belay-result.json
          retention-days: 1
`

const publishText = `# Comments on pull requests from forks and of Dependabot what belay-check.yml found.
#
# That workflow runs what the fork wrote, with a token that only reads. This one
# may write comments, and is safe because nothing of the fork runs in it: it is
# always the version on the default branch, it checks nothing out, and all it
# takes from the other run is one JSON file. Belay reads that file as data:
# bounded, every text of it made neutral, and posted to the pull request that
# GitHub says the run was for, whatever the file says.
name: belay publish

on:
  workflow_run:
    workflows: [belay]
    types: [completed]

permissions:
  actions: read # the result of the other run
  contents: read
  pull-requests: write # the comment

concurrency:
  group: belay-publish-${{ github.event.workflow_run.head_repository.full_name }}-${{ github.event.workflow_run.head_branch }}
  cancel-in-progress: false

jobs:
  publish:
    # Where the token could comment there is no result: forks and Dependabot
    # have one that may only read.
    if: github.event.workflow_run.event == 'pull_request'
    runs-on: ubuntu-latest
    timeout-minutes: 10
    steps:
      - id: result
        continue-on-error: true # there is none when there was nothing to say
        uses: actions/download-artifact@v8
        with:
          name: belay-result
          path: ${{ runner.temp }}/belay-result
          run-id: ${{ github.event.workflow_run.id }}
          github-token: ${{ github.token }}
      - if: steps.result.outcome == 'success'
        uses: belaystack/belay/lint@v0
        with:
          command: check
          publish: ${{ runner.temp }}/belay-result/belay-result.json
`

// workflow writes the check of pull requests.
func workflow(found Found) []byte {
	paths := []string{configPath, "belay.env-state", workflowPath}
	for _, s := range found.Stacks {
		if s.Dir == "." {
			// Files that compose includes may have any name: all of YAML.
			paths = append(paths, "**/*.yml", "**/*.yaml", "**/*.env", "**/.env*", "**/*.env.*", "**/belay.env-state")
			continue
		}
		paths = append(paths, literal(s.Dir)+"/**")
	}
	return []byte(fmt.Sprintf(workflowText, pathLines(paths)))
}

// pathLines writes patterns as the list of a path filter, each once.
func pathLines(paths []string) string {
	var lines strings.Builder
	for i, p := range paths {
		if slices.Index(paths, p) == i {
			fmt.Fprintf(&lines, "      - %q\n", p)
		}
	}
	return lines.String()
}

// literal escapes what a filter of GitHub would read as a pattern ("Filter
// pattern cheat sheet": a backslash takes the meaning away). What begins an
// expression, and the end of a line, have no escape: a pattern matches them.
func literal(dir string) string {
	return strings.NewReplacer("${{", "$*", "\n", "*", "\r", "*", `\`, `\\`, "*", `\*`, "?", `\?`, "+", `\+`, "[", `\[`, "]", `\]`, "!", `\!`).Replace(dir)
}
