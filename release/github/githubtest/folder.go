package githubtest

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Folder is a state as github.json of a folder describes it.
type Folder struct {
	Repos []struct {
		Name       string    `json:"name"`
		Private    bool      `json:"private"`
		MovedFrom  []string  `json:"moved_from"`
		Releases   []Release `json:"releases"`
		MergeBases []struct {
			Base   string `json:"base"`
			Head   string `json:"head"`
			Commit string `json:"commit"`
		} `json:"merge_bases"`
		Files []struct {
			Ref    string `json:"ref"`    // a tag, a branch or a full commit id
			Dir    string `json:"dir"`    // in the folder
			Branch string `json:"branch"` // that the commit id is the newest of
		} `json:"files"`
		Settings *Settings `json:"settings"` // none leaves them as they are
		Pulls    []struct {
			Pull
			Comments []struct {
				Author string `json:"author"`
				Body   string `json:"body"`
			} `json:"comments"`
		} `json:"pulls"`
	} `json:"repos"`
	Tokens []struct {
		Token  string `json:"token"`
		Login  string `json:"login"`
		Rights Rights `json:"rights"`
	} `json:"tokens"`
}

// Load takes over the state that github.json in dir describes. Names of files
// in it are relative to dir.
func (s *Server) Load(dir string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	data, err := root.ReadFile("github.json")
	if err != nil {
		return err
	}
	var state Folder
	if err := json.Unmarshal(data, &state); err != nil {
		return fmt.Errorf("%s: %w", filepath.Join(dir, "github.json"), err)
	}
	for _, t := range state.Tokens {
		s.AddToken(t.Token, t.Login, t.Rights)
	}
	for _, r := range state.Repos {
		s.AddRepo(r.Name)
		if r.Private {
			s.SetPrivate(r.Name)
		}
		if r.Settings != nil {
			s.Set(r.Name, *r.Settings)
		}
		for _, old := range r.MovedFrom {
			s.Move(old, r.Name)
		}
		for _, x := range r.Releases {
			if x.BodyFile != "" {
				body, err := root.ReadFile(x.BodyFile)
				if err != nil {
					return fmt.Errorf("release %s of %s: %w", x.Tag, r.Name, err)
				}
				x.Body = string(body)
			}
			s.AddRelease(r.Name, x)
		}
		for _, f := range r.Files {
			files, err := readTree(root, f.Dir)
			if err != nil {
				return fmt.Errorf("files of %s at %s: %w", r.Name, f.Ref, err)
			}
			switch {
			case f.Branch == "":
				s.AddFiles(r.Name, f.Ref, files)
			case !isID(f.Ref):
				return fmt.Errorf("files of %s at %s: a branch is of a full commit id", r.Name, f.Ref)
			default:
				s.AddCommit(r.Name, f.Branch, f.Ref, files)
			}
		}
		for _, m := range r.MergeBases {
			s.SetMergeBase(r.Name, m.Base, m.Head, m.Commit)
		}
		for _, p := range r.Pulls {
			s.AddPull(r.Name, p.Pull)
			for _, c := range p.Comments {
				s.AddComment(r.Name, p.Number, c.Author, c.Body)
			}
		}
	}
	return nil
}

// readTree reads the regular files below dir.
func readTree(root *os.Root, dir string) (map[string][]byte, error) {
	below, err := fs.Sub(root.FS(), filepath.ToSlash(filepath.Clean(dir)))
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{}
	err = fs.WalkDir(below, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		files[name], err = fs.ReadFile(below, name)
		return err
	})
	return files, err
}
