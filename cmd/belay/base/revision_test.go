package base

import (
	"errors"
	"testing"
)

// FuzzResolve: whatever a ref looks like, the answer is a commit or an *Error.
func FuzzResolve(f *testing.F) {
	for _, s := range []string{"HEAD", "HEAD~1^2~", "@", "@{1}", "master^0", "^", "~", "HEAD~99999999999999999999", "refs/../config", "abcd", "abcde",
		"HEAD^{tree}", "master:compose.yaml", "\x00", "refs/heads/\n", "..", "origin/", "0000000000000000000000000000000000000000"} {
		f.Add(s)
	}
	made := newRepo(f)
	made.commit("compose.yaml", "one")
	made.commit("compose.yaml", "two")
	r, err := openRepository(made.dir)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, ref string) {
		c, err := r.resolve(ref)
		var e *Error
		if (c == nil) == (err == nil) || err != nil && !errors.As(err, &e) {
			t.Errorf("%q: %v, %v", ref, c, err)
		}
	})
}
