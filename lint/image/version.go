package image

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/Masterminds/semver/v3"
)

// Order is how one version stands to another.
type Order int

// The orders. Unknown is a full answer: the two cannot be told apart, because
// one floats, names less of a version, or belongs to another numbering.
const (
	Unknown Order = iota
	Older
	Equal
	Newer
)

var orderNames = [...]string{"unknown", "older", "equal", "newer"}

// String gives unknown, older, equal or newer.
func (o Order) String() string { return orderNames[o] }

// Version is the version that a tag names, as far as it names it. The zero
// Version is none.
type Version struct {
	nums  []uint64 // 1 to 4 of them, as many as are written
	pre   string   // as semver has it: "beta.1"
	post  uint64   // 1.10.1-fix.2 has 2; 0 is no post-release
	build uint64   // 8.14.3-2 and 7-20240115 have one; 0 is none
	whole bool     // nums name a release and not a line of releases
}

// IsZero reports whether no version is named.
func (v Version) IsZero() bool { return len(v.nums) == 0 }

// Major is the first number, or false when there is no version.
func (v Version) Major() (uint64, bool) {
	if v.IsZero() {
		return 0, false
	}
	return v.nums[0], true
}

// Numbers are the numbers that are written, 1 to 4 of them: 7, 2 for "7.2".
func (v Version) Numbers() []uint64 { return slices.Clone(v.nums) }

// Prerelease reports whether it is an alpha, a beta, a release candidate or a
// preview.
func (v Version) Prerelease() bool { return v.pre != "" }

// String gives the version without prefix and variant: "1.10.1-fix.1", "7.2".
func (v Version) String() string {
	var s strings.Builder
	for i, n := range v.nums {
		if i > 0 {
			s.WriteByte('.')
		}
		s.WriteString(strconv.FormatUint(n, 10))
	}
	if v.pre != "" {
		s.WriteString("-" + v.pre)
	}
	if v.post > 0 {
		fmt.Fprintf(&s, "-fix.%d", v.post)
	}
	if v.build > 0 {
		fmt.Fprintf(&s, "-%d", v.build)
	}
	return s.String()
}

// calendar is the least first number that is taken for a year.
const calendar = 1900

// Compare says how v stands to w: Newer when v is the newer one. A version
// that names less than the other ("7" beside "7.2.4") is Unknown unless what
// both name differs, and so is a year beside an ordinary number.
func (v Version) Compare(w Version) Order {
	if v.IsZero() || w.IsZero() || (v.nums[0] >= calendar) != (w.nums[0] >= calendar) {
		return Unknown
	}
	n := min(len(v.nums), len(w.nums))
	if c := slices.Compare(v.nums[:n], w.nums[:n]); c != 0 {
		return order(c)
	}
	if v.whole != w.whole || !v.whole && len(v.nums) != len(w.nums) {
		return Unknown
	}
	if c := slices.Compare(pad(v.nums), pad(w.nums)); c != 0 {
		return order(c)
	}
	pre := semver.New(0, 0, 0, v.pre, "").Compare(semver.New(0, 0, 0, w.pre, ""))
	if c := cmp.Or(pre, cmp.Compare(v.post, w.post)); c != 0 {
		return order(c)
	}
	// Whether 8.14.3-1 follows 8.14.3 or precedes it is each image's habit.
	if (v.build == 0) != (w.build == 0) {
		return Unknown
	}
	return order(cmp.Compare(v.build, w.build))
}

// pad fills up to four numbers, so that 16.4 is 16.4.0.
func pad(nums []uint64) []uint64 {
	return append(slices.Clone(nums), make([]uint64, 4-len(nums))...)
}

func order(c int) Order {
	switch {
	case c < 0:
		return Older
	case c > 0:
		return Newer
	}
	return Equal
}

// SameLine reports whether v and w agree in their first two numbers: 1.27.0
// and 1.27.5.
func (v Version) SameLine(w Version) bool {
	return len(v.nums) > 1 && len(w.nums) > 1 && slices.Equal(v.nums[:2], w.nums[:2])
}

// Skips reports whether v is more than one minor version above w: 1.27 above
// 1.25. Another major version counts as one that skips.
func (v Version) Skips(w Version) bool {
	if len(v.nums) < 2 || len(w.nums) < 2 {
		return false
	}
	return v.nums[0] > w.nums[0] || v.nums[0] == w.nums[0] && v.nums[1] > w.nums[1]+1
}

// Calendar reports whether the first number is a year: minio's are.
func (v Version) Calendar() bool { return !v.IsZero() && v.nums[0] >= calendar }
