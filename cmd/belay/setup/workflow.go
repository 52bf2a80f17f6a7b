package setup

import (
	"fmt"
	"slices"
	"strings"
)

const workflowText = `# Checks a change to the stacks before it is merged: image pins, env drift and
# the policy of belay.yml. It needs no secret, runs no container of yours, and
# works for forks.
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
  pull-requests: read # the labels

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
          fetch-depth: 0 # to find where the change left its branch
          persist-credentials: false
      - uses: belaystack/belay/lint@v0
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
	var lines strings.Builder
	for i, p := range paths {
		if slices.Index(paths, p) == i {
			fmt.Fprintf(&lines, "      - %q\n", p)
		}
	}
	return []byte(fmt.Sprintf(workflowText, lines.String()))
}

// literal escapes what a path filter of GitHub would read as a pattern
// ("Filter pattern cheat sheet": a backslash takes the meaning away).
func literal(dir string) string {
	return strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "+", `\+`, "[", `\[`, "]", `\]`, "!", `\!`).Replace(dir)
}
