package dossier

import (
	"strings"

	"github.com/belaystack/belay/release/markdown"
)

// Suggest gives the text of a review comment that offers line in the place of
// the one it stands at: GitHub makes a button of a fence of that language,
// which is why no text of others may have one. False where the line holds what
// we do not print, so that the button would not write it as it is.
func Suggest(message, rule, line string) (string, bool) {
	fence, rest, _ := strings.Cut(markdown.Fence("", line), "\n")
	text := markdown.Text(message, 500) + " " + markdown.Code(rule) + "\n\n" + fence + "suggestion\n" + rest
	return text, line == "" || strings.HasPrefix(rest, line+"\n")
}
