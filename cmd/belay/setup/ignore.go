package setup

import (
	"encoding/json"
	"errors"
	"io/fs"
	"path"
	"strings"

	"github.com/go-git/go-git/v5/plumbing/format/gitignore"

	"github.com/belaystack/belay/lint/source"
)

// ignores answers whether the repository's .gitignore files leave a file out.
// The user's own ignore files do not count: others who clone have them not.
type ignores struct{ matcher gitignore.Matcher }

// readIgnores reads the .gitignore of every folder above a compose file.
func readIgnores(root *source.Root) (ignores, error) {
	var patterns []gitignore.Pattern
	err := fs.WalkDir(root.FS(), ".", func(p string, d fs.DirEntry, err error) error {
		switch {
		case err != nil || d.IsDir() && (d.Name() == ".git" || d.Name() == "node_modules" || d.Name() == "vendor"):
			if p == "." {
				return err
			}
			return fs.SkipDir
		case d.Name() != ".gitignore":
			return nil
		}
		file, err := root.Read(p)
		if err != nil {
			var unreadable *source.Error
			if errors.As(err, &unreadable) {
				return nil // git would not take it for a list of patterns either
			}
			return err
		}
		var domain []string
		if dir := path.Dir(p); dir != "." {
			domain = strings.Split(dir, "/")
		}
		for n := 1; n <= file.Lines(); n++ {
			if line := file.Line(n); strings.TrimSpace(line) != "" && !strings.HasPrefix(line, "#") {
				patterns = append(patterns, gitignore.ParsePattern(line, domain))
			}
		}
		return nil
	})
	return ignores{gitignore.NewMatcher(patterns)}, err
}

func (i ignores) match(name string) bool { return i.matcher.Match(strings.Split(name, "/"), false) }

// inPackageJSON reports whether package.json configures Renovate.
func inPackageJSON(root *source.Root) bool {
	if !root.Exists("package.json") {
		return false
	}
	file, err := root.Read("package.json")
	if err != nil {
		return false
	}
	var keys map[string]json.RawMessage
	return json.Unmarshal(file.Data, &keys) == nil && keys["renovate"] != nil
}
