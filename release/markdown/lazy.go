package markdown

import (
	"regexp"
	"sync"
)

// lazy compiles expr when it is first asked for: each start of belay would pay
// for all of them, and few commands need many.
func lazy(expr string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expr) })
}
