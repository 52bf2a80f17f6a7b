package githubtest

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
)

// control answers what a test asks of the server itself, over the network, and
// leaves other requests to the API:
//
//	GET  /_state   the State of each repository by its name
//	POST /_load    the body is the path of a folder: its state is added, as Load does
//	POST /_set     the body is a text for Configure
//	POST /_rights  the body is a text for Grant
func (s *Server) control(w http.ResponseWriter, r *http.Request) bool {
	posts := map[string]func(string) error{"/_load": s.Load, "/_set": s.Configure, "/_rights": s.Grant}
	do := posts[r.URL.Path]
	switch {
	case r.URL.Path == "/_state" && r.Method == http.MethodGet:
		w.Header().Set("Content-Type", "application/json")
		enc := json.NewEncoder(w)
		enc.SetIndent("", "  ")
		if err := enc.Encode(s.states()); err != nil {
			s.t.Errorf("state: %v", err)
		}
	case do != nil && r.Method == http.MethodPost:
		text, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
		if err == nil {
			err = do(strings.TrimSpace(string(text)))
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return true
		}
		w.WriteHeader(http.StatusNoContent)
	default:
		return false
	}
	return true
}

func (s *Server) states() map[string]State {
	s.mu.Lock()
	var names []string
	for _, repo := range s.repos {
		names = append(names, repo.name)
	}
	s.mu.Unlock()
	out := map[string]State{}
	for _, name := range names {
		out[name] = s.State(name)
	}
	return out
}

// Configure gives a repository the settings of a text such as
// "acme/stack protected=main ruleset=belay/* check=ci archived no-issues
// no-actions-pulls"; what it does not name is off.
func (s *Server) Configure(text string) error {
	name, words, err := cutWords(text, "a repository")
	if err != nil {
		return err
	}
	var set Settings
	for _, word := range words {
		key, value, _ := strings.Cut(word, "=")
		switch key {
		case "archived":
			set.Archived = true
		case "no-issues":
			set.NoIssues = true
		case "no-actions-pulls":
			set.NoActionsPulls = true
		case "protected":
			set.Protected = append(set.Protected, value)
		case "ruleset":
			set.Rulesets = append(set.Rulesets, value)
		case "check":
			set.Checks = append(set.Checks, value)
		default:
			return fmt.Errorf("settings of %s: %q is none of archived, no-issues, no-actions-pulls, protected=BRANCH, ruleset=PATTERN, check=NAME", name, word)
		}
	}
	s.Set(name, set)
	return nil
}

// Grant gives a token, which is made when it is not there, the permissions of
// a text such as "TOKEN contents=write issues=read login=belay[bot] app bypass
// private=acme/stack". As with `permissions:`, what it does not name is none;
// without app or user it is the token of a run.
func (s *Server) Grant(text string) error {
	name, words, err := cutWords(text, "a token")
	if err != nil {
		return err
	}
	login := "github-actions[bot]"
	rights := Rights{Workflow: true, Contents: "none", PullRequests: "none", Issues: "none", Deployments: "none"}
	levels := map[string]*string{"contents": &rights.Contents, "pull-requests": &rights.PullRequests, "issues": &rights.Issues, "deployments": &rights.Deployments}
	for _, word := range words {
		key, value, _ := strings.Cut(word, "=")
		switch level := levels[key]; {
		case level != nil && slices.Contains([]string{"read", "write", "none"}, value):
			*level = value
		case key == "login":
			login = value
		case key == "private":
			rights.Private = append(rights.Private, value)
		case word == "app":
			rights.App, rights.Workflow = true, false
		case word == "user":
			rights.Workflow = false
		case word == "bypass":
			rights.Bypass = true
		default:
			return fmt.Errorf("rights of a token: %q is none of contents, pull-requests, issues, deployments (=read, write or none), login=NAME, private=REPOSITORY, app, user, bypass", word)
		}
	}
	s.AddToken(name, login, rights)
	return nil
}

func cutWords(text, what string) (name string, words []string, err error) {
	words = strings.Fields(text)
	if len(words) == 0 {
		return "", nil, errors.New("the name of " + what + " is missing")
	}
	return words[0], words[1:], nil
}
