package setup

import (
	"fmt"
	"strings"
)

// File is a file to be written.
type File struct {
	Path string // relative to the root, with slashes
	Data []byte
}

const (
	configPath   = "belay.yml"
	workflowPath = ".github/workflows/belay-check.yml"
	publishPath  = ".github/workflows/belay-publish.yml"
	renovatePath = "renovate.json"
	presetPath   = ".github/renovate-belay.json"
	upgradePath  = ".github/workflows/belay-upgrade.yml"
	rollbackPath = ".github/workflows/belay-rollback.yml"
	monthlyPath  = ".github/workflows/belay-monthly.yml"

	runnerDocs = "https://github.com/belaystack/belay/blob/main/docs/runner.md"
)

// Plan gives the files for what was found, in the order in which a person
// reads them. A repository that has its belay.yml was set up before: it gets
// only the workflows of a runner.
func Plan(found Found) []File {
	var files []File
	if !found.Runner || !found.Configured {
		files = checkFiles(found)
	}
	if found.Runner {
		files = append(files, runnerFiles(found)...)
	}
	return files
}

// checkFiles gives what pull requests are checked by.
func checkFiles(found Found) []File {
	renovate := renovatePath
	if found.Renovate != "" {
		renovate = presetPath
	}
	return []File{
		{configPath, belayYML(found)},
		{workflowPath, workflow(found)},
		{publishPath, []byte(publishText)},
		{renovate, renovateJSON(found)},
	}
}

// Notes says what a person has to know or do after the files are written, a
// sentence each; the last is the next command.
func Notes(found Found) []string {
	var notes []string
	if found.Runner {
		notes = runnerNotes(found)
	}
	if found.Configured {
		return append(notes, "look through the workflows, then run: belay check")
	}
	for _, s := range found.Stacks {
		if s.EnvFile != "" && !s.EnvIgnored {
			notes = append(notes, fmt.Sprintf("%s is not ignored by git: it holds secrets; add it to .gitignore, and remove it from the repository if it is there", s.EnvFile))
		}
	}
	if found.Renovate != "" {
		notes = append(notes, fmt.Sprintf(`%s configures Renovate already: add "local>OWNER/REPOSITORY//%s" to its "extends", with the names of your repository`,
			found.Renovate, strings.TrimSuffix(presetPath, ".json")))
	}
	return append(notes, "look through belay.yml, then run: belay check")
}
