package dotenv

import (
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/belaystack/belay/lint/source"
)

// exampleNames are the examples of a .env beside it, in the order in which
// one of them holds for a key.
var exampleNames = [...]string{".env.example", ".env.sample", ".env.template", ".env.dist", "env.example", "example.env"}

// maxExamples bounds how many files below envs/ are taken; Dify 1.16.1 has 36.
const maxExamples = 1000

// Set is a set of example files that together describe one .env.
type Set struct {
	Dir   string  // the folder of the .env, as in the files' paths
	Files []*File // those beside the .env first, then those below envs/, by name
}

// FindExamples gives the paths in fsys of the examples of dir/.env: those
// beside it by the usual names, then envs/**/*.env.example, as Dify ships
// them since 1.14.1. Nothing is opened; a folder that cannot be listed has none.
//
// Of the files below envs/, NAME.env.example is left out where a compose file
// docker-compose.NAME.yaml in dir is a stack of its own, that is, not one of
// the files that stack names: Dify's middleware.env.example describes the
// middleware.env of another way to run Dify.
func FindExamples(fsys fs.FS, dir string, stack ...string) []string {
	dir = path.Clean(dir)
	var found []string
	for _, name := range exampleNames {
		p := path.Join(dir, name)
		if info, err := fs.Lstat(fsys, p); err == nil && !info.IsDir() { // who reads a symlink says where it leads
			found = append(found, p)
		}
	}
	others := otherStacks(fsys, dir, stack)
	var below []string
	_ = fs.WalkDir(fsys, path.Join(dir, "envs"), func(p string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return fs.SkipDir
		case len(below) == maxExamples:
			return fs.SkipAll
		}
		stem, ok := strings.CutSuffix(d.Name(), ".env.example")
		if ok && !d.IsDir() && !others[stem] {
			below = append(below, p)
		}
		return nil
	})
	slices.Sort(below)
	return append(found, below...)
}

// otherStacks gives NAME of each compose.NAME.yaml in dir that is not in stack.
func otherStacks(fsys fs.FS, dir string, stack []string) map[string]bool {
	others := map[string]bool{}
	entries, err := fs.ReadDir(fsys, dir)
	if err != nil {
		return others
	}
	for _, e := range entries {
		stem, ok := strings.CutPrefix(strings.TrimPrefix(e.Name(), "docker-"), "compose.")
		ext := path.Ext(stem)
		if ok && (ext == ".yaml" || ext == ".yml") && !slices.Contains(stack, path.Join(dir, e.Name())) {
			others[strings.TrimSuffix(stem, ext)] = true
		}
	}
	return others
}

// ReadSet parses the examples at paths, as FindExamples gives them for dir.
// Files that cannot be read or parsed are left out of the set and joined in
// the error, each a *source.Error.
func ReadSet(dir string, paths []string, read func(path string) (*source.File, error)) (*Set, error) {
	s := &Set{Dir: path.Clean(dir)}
	var errs []error
	for _, p := range paths {
		src, err := read(p)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		f, err := Parse(src, nil)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		s.Files = append(s.Files, f)
	}
	return s, errors.Join(errs...)
}

// IsEmpty reports whether s names no key at all.
func (s *Set) IsEmpty() bool { return s == nil || len(s.Files) == 0 }

// All gives the entry that holds for key in each file that sets it, in the
// order of the files: the same key may have other defaults elsewhere.
func (s *Set) All(key string) []Entry {
	if s == nil {
		return nil
	}
	var all []Entry
	for _, f := range s.Files {
		if e, ok := f.Lookup(key); ok {
			all = append(all, e)
		}
	}
	return all
}

// Lookup gives the entry that holds for key: that of the first file that sets
// it, so that an example beside the .env comes before those in envs/.
func (s *Set) Lookup(key string) (Entry, bool) {
	if all := s.All(key); len(all) > 0 {
		return all[0], true
	}
	return Entry{}, false
}

// Keys gives every key that s sets, once, in the order of the files.
func (s *Set) Keys() []string {
	if s == nil {
		return nil
	}
	var keys []string
	seen := map[string]bool{}
	for _, f := range s.Files {
		for _, k := range f.Keys() {
			if !seen[k] {
				seen[k] = true
				keys = append(keys, k)
			}
		}
	}
	return keys
}

// commented gives the first entry of s that has key commented out.
func (s *Set) commented(key string) (Entry, bool) {
	if s == nil {
		return Entry{}, false
	}
	for _, f := range s.Files {
		if e, ok := f.commented(key); ok {
			return e, true
		}
	}
	return Entry{}, false
}

// within gives the path of a file of s relative to its folder.
func (s *Set) within(file string) string {
	if s.Dir == "" || s.Dir == "." {
		return file
	}
	return strings.TrimPrefix(file, s.Dir+"/")
}
