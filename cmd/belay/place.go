package main

import (
	"os"
	"path/filepath"
	"strings"
)

// place is the folder that name means, and the compose file when it is one.
func (a *app) place(name string) (dir, file string, err error) {
	dir, err = filepath.Abs(name)
	if err != nil {
		return "", "", &exitError{exitCouldNot, err}
	}
	if ws := a.getenv("GITHUB_WORKSPACE"); a.inActions() && !filepath.IsAbs(name) && ws != "" {
		dir = filepath.Join(ws, name)
	}
	if dir, err = filepath.EvalSymlinks(dir); err != nil {
		return "", "", usage("%s: no such file or folder", name)
	}
	info, err := os.Stat(dir)
	if err != nil {
		return "", "", &exitError{exitCouldNot, err}
	}
	if !info.IsDir() {
		return filepath.Dir(dir), dir, nil
	}
	return dir, "", nil
}

// top is the folder that nothing is read outside of: the checkout that dir is
// in, else the working directory when dir is below it, else dir.
func (a *app) top(dir string) string {
	if ws := a.getenv("GITHUB_WORKSPACE"); a.inActions() && ws != "" {
		if real, err := filepath.EvalSymlinks(ws); err == nil && (dir == real || strings.HasPrefix(dir, real+"/")) {
			return real
		}
	}
	for d := dir; ; d = filepath.Dir(d) {
		if _, err := os.Lstat(filepath.Join(d, ".git")); err == nil {
			return d
		}
		if d == filepath.Dir(d) {
			break
		}
	}
	if wd, err := filepath.Abs("."); err == nil {
		if wd, err = filepath.EvalSymlinks(wd); err == nil && strings.HasPrefix(dir, wd+"/") {
			return wd
		}
	}
	return dir
}
