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
)

// Plan gives the files for what was found, in the order in which a person
// reads them.
func Plan(found Found) []File {
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
