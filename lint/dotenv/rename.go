package dotenv

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// maxPairs bounds how many pairs of a removed and an added key are compared;
// beyond it nothing is guessed.
const maxPairs = 1 << 20

// guess is a removed key that an added one may continue.
type guess struct {
	was, is int // in removed and added
	score   int
	reason  string
}

// renamings guesses which added key is a removed one under a new name, adds
// each guess as a drift of its own, and names the pair in both others. A key
// takes part in one guess at most, the best.
func (c *comparison) renamings() {
	if len(c.removed)*len(c.added) > maxPairs {
		return
	}
	var guesses []guess
	for i, was := range c.removed {
		for j, is := range c.added {
			if score, reason := alike(was, is); score > 0 {
				guesses = append(guesses, guess{i, j, score, reason})
			}
		}
	}
	slices.SortStableFunc(guesses, func(a, b guess) int {
		return cmp.Or(cmp.Compare(b.score, a.score), cmp.Compare(a.was, b.was), cmp.Compare(a.is, b.is))
	})
	pairs := map[string]string{}
	for _, g := range guesses {
		was, is := c.removed[g.was], c.added[g.is]
		if pairs[was.Key] != "" || pairs[is.Key] != "" {
			continue
		}
		pairs[was.Key], pairs[is.Key] = is.Key, was.Key
		d := c.drift(Renamed, was, is)
		d.Pair, d.Note = was.Key, "a guess: "+g.reason
		if d.Yours.Pos.IsZero() { // what matters is whether the old name is set
			d.Yours, d.Have = c.yours.at(was.Key), c.yours.have(was.Key, was, is, d.Secret)
		}
		c.found = append(c.found, d)
	}
	for i, d := range c.found {
		if d.Kind == Added || d.Kind == Removed {
			c.found[i].Pair = pairs[d.Key]
		}
	}
}

// alike scores how much is looks like was under a new name; 0 is not at all.
func alike(was, is Entry) (score int, reason string) {
	a, b := split(was.Key), split(is.Key)
	head, tail := common(a, b)
	same := !was.Value.IsEmpty() && was.Value.Same(is.Value)
	long, short := max(len(a), len(b)), min(len(a), len(b))
	switch {
	case short > 0 && tail == short && long-short <= 2 && (short > 1 || same):
		return 60 + short, fmt.Sprintf("the same name but for the prefix of %s", longer(was.Key, is.Key))
	case short > 1 && head == short && long-short <= 2 && same:
		return 50 + short, fmt.Sprintf("the same default, and the same name but for the end of %s", longer(was.Key, is.Key))
	case same && head+tail >= 2 && head+tail >= short-2:
		return 30 + head + tail, "the same default and a like name"
	case same && head+tail >= 1 && long == head+tail+1 && near(a[head], b[head]):
		return 40 + head + tail, "the same default, and names a few letters apart"
	case same && head+tail >= 1 && telling(was.Value):
		return 20 + head + tail, "the same default"
	}
	return 0, ""
}

// common counts the words that a and b share at the beginning and, of the
// rest, at the end.
func common(a, b []string) (head, tail int) {
	n := min(len(a), len(b))
	for head < n && a[head] == b[head] {
		head++
	}
	for tail < n-head && a[len(a)-1-tail] == b[len(b)-1-tail] {
		tail++
	}
	return head, tail
}

// near reports whether two words differ in a letter or two: SCHEMA, SCHEME.
func near(a, b string) bool {
	head, tail := common(strings.Split(a, ""), strings.Split(b, ""))
	return max(len(a), len(b))-head-tail <= 2 && head+tail >= 3
}

// telling reports whether a default is unlikely to be shared by chance.
func telling(v Value) bool {
	s := v.Reveal()
	_, err := strconv.ParseFloat(s, 64)
	return err != nil && len(s) >= 8
}

func longer(a, b string) string {
	if len(b) > len(a) {
		return b
	}
	return a
}
