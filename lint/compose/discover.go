package compose

import (
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/cli"

	"github.com/belaystack/belay/lint/source"
)

// MainNames are the names docker compose looks for, the preferred one first.
func MainNames() []string { return slices.Clone(cli.DefaultFileNames) }

// OverrideNames are the names of the override file it merges behind it.
func OverrideNames() []string { return slices.Clone(cli.DefaultOverrideFileNames) }

// Discover gives the folders below dir that hold a stack: a compose file by
// one of MainNames. Folders that no deployment starts from are left out: .git,
// node_modules, vendor. Symlinked folders are not entered.
func Discover(root *source.Root, dir string) ([]string, error) {
	var out []string
	err := fs.WalkDir(root.FS(), path.Clean(dir), func(p string, d fs.DirEntry, err error) error {
		switch {
		case err != nil && p == path.Clean(dir):
			return err
		case err != nil:
			return fs.SkipDir // a folder that cannot be read holds no stack of ours
		case d.IsDir() && p != dir && (d.Name() == "node_modules" || d.Name() == "vendor" || d.Name() == ".git"):
			return fs.SkipDir
		case !d.IsDir() && slices.Contains(cli.DefaultFileNames, d.Name()) && !slices.Contains(out, path.Dir(p)):
			out = append(out, path.Dir(p))
		}
		return nil
	})
	slices.SortFunc(out, func(a, b string) int {
		return strings.Compare(strings.TrimPrefix(a, "."), strings.TrimPrefix(b, "."))
	})
	return out, err
}
