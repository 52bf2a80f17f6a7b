package lint

import (
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"strconv"
	"strings"
)

// keyName is the name of an env key as messages write it.
var keyName = regexp.MustCompile(`\b[A-Z][A-Z0-9]*_[A-Z0-9_]*[A-Z0-9]\b`)

// Fingerprints gives for each finding a name of 32 hex digits that stays the
// same when lines move and when a message is worded anew, so that a baseline
// and a code scanning service know the finding again.
//
// It is made of the rule, the file, the service, the env keys that the message
// names (a missing key has no line of its own: many such findings share a
// place), the source line without its spacing, and the count of equal findings
// before it. Of the source line only Finding.Source is read, which holds no
// value of an env file.
//
// The count makes equal findings differ, so fs must be in the order of Sort.
func Fingerprints(fs []Finding) []string {
	out := make([]string, len(fs))
	seen := make(map[string]int, len(fs))
	for i, f := range fs {
		id := identity(f)
		sum := sha256.Sum256([]byte(id + "\x00" + strconv.Itoa(seen[id])))
		out[i] = hex.EncodeToString(sum[:16])
		seen[id]++
	}
	return out
}

// identity is what two runs must agree on for a finding to be the same one.
// No part holds a NUL: the files are text, and a path cannot.
func identity(f Finding) string {
	return strings.Join([]string{
		f.Rule,
		f.File,
		f.Service,
		strings.Join(keyName.FindAllString(f.Message, -1), " "),
		strings.Join(strings.Fields(f.Source), " "),
	}, "\x00")
}
