package github

import (
	"net/http"
	"strings"
)

// refusedWrite takes a 404 for what it is: what was to be written to is there,
// or it could not have been read before. So GitHub answers a token without the
// right. It says of a refusal what would let it through; permission is the one
// that the call asks for, as `permissions:` of a workflow names it.
func refusedWrite(err error, permission string) error {
	if err == nil {
		return nil
	}
	e := named(err, "", "").(*Error)
	switch {
	case e.Kind == NotFound && e.Status == http.StatusGone:
		e.Kind, e.Err = Refused, errName("issues are disabled in this repository")
	case e.Kind == NotFound:
		e.Kind, e.Status = Refused, http.StatusNotFound
	}
	switch {
	case e.Kind == Refused && e.Status != http.StatusUnauthorized:
		e.Needs = needs(e, permission)
	case e.Kind == Invalid && permission == "contents" && !says(e, "fast forward") && !says(e, "already exists"):
		// 409 or 422, and of many words: so a branch is kept from who may write elsewhere.
		e.Needs = "a token that the branch's protection or ruleset lets pass, as it can an App's"
	}
	return e
}

// needs says what would let a refused call through.
func needs(e *Error, permission string) string {
	words := ""
	if e.Err != nil {
		words = strings.ToLower(e.Err.Error())
	}
	switch {
	case e.Status == http.StatusGone:
		return "issues, in the settings of the repository"
	case strings.Contains(words, "archived"):
		return "a repository that is not archived"
	case strings.Contains(words, "not permitted to create or approve"):
		return "the box of \"Allow GitHub Actions to create and approve pull requests\" (Settings, Actions, General), or the token of an App"
	}
	return "`" + permission + ": write` in `permissions:` of the job, or a token that has it"
}

// turnedDown reports whether GitHub will not do a write, with this token or at
// all, so that another way may be tried. A token that is none is none on any way.
func turnedDown(err error) bool {
	return isKind(err, Refused, Invalid) && statusOf(err) >= 400 && statusOf(err) != http.StatusUnauthorized
}

// says reports whether GitHub's own words in a refusal hold text.
func says(err error, text string) bool {
	e, ok := err.(*Error)
	return ok && e.Err != nil && strings.Contains(strings.ToLower(e.Err.Error()), text)
}
