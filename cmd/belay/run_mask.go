package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/belaystack/belay/lint/dotenv"
	"github.com/belaystack/belay/lint/source"
	"github.com/belaystack/belay/upgrade/wanted"
)

// shortest is the length from which a value is hidden wherever it stands: a
// shorter one is part of too much that is none. One of a key that sounds like a
// secret is hidden from fewer bytes on.
const (
	shortest       = 8
	shortestSecret = 4
)

// masker hides the values of the stack's env files and of its containers'
// environments in text of others.
func masker(stack *wanted.Deployed) func(string) string {
	var values []string
	add := func(name, text string) {
		long := len(text) >= shortest || len(text) >= shortestSecret && dotenv.IsSecret(name)
		if long && !plainValue(name, text) {
			values = append(values, text)
		}
	}
	for _, c := range stack.Containers {
		for name, v := range c.Env {
			add(name, v.Reveal())
		}
	}
	files := stack.Project.EnvFiles
	if len(files) == 0 {
		files = []string{filepath.Join(stack.Project.Dir, ".env")}
	}
	for _, path := range files {
		data, err := os.ReadFile(path)
		if err != nil {
			continue // it need not be there, and the run says so where it has to be
		}
		env, _ := dotenv.Parse(source.New(path, data), nil) // what stands before an error counts
		for _, e := range env.Entries {
			add(e.Key, e.Value.Reveal())
			add(e.Key, e.Value.Written())
		}
	}
	return masking(values)
}

// masking replaces values, the longest first: one may be part of another.
func masking(values []string) func(string) string {
	slices.SortFunc(values, func(a, b string) int {
		if len(a) != len(b) {
			return len(b) - len(a)
		}
		return strings.Compare(a, b)
	})
	var pairs []string
	for _, v := range slices.Compact(values) {
		pairs = append(pairs, v, "***")
	}
	return strings.NewReplacer(pairs...).Replace
}

// plainValue are values that images bring and that say where things are or which
// version it is: a report without them would say nothing.
func plainValue(name, value string) bool {
	switch {
	case name == "PATH", name == "PGDATA", strings.HasSuffix(name, "VERSION"), strings.HasSuffix(name, "_SHA256"):
		return true
	case dotenv.IsSecret(name), strings.Contains(value, "@"):
		return false
	}
	return strings.HasPrefix(value, "/") || len(value) <= longestWord && word(value)
}

// longestWord is up to which length a value of letters alone is taken for a word:
// "postgres" stands in every second line of a report.
const longestWord = 12

func word(s string) bool {
	return strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") == ""
}
