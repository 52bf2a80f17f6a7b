package report

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// unknown stands for what was not measured.
const unknown = "–"

// took gives a duration as a person would say it: "850 ms", "12.3 s",
// "1 m 42 s", "2 h 3 m 10 s".
func took(d time.Duration) string {
	switch {
	case d <= 0:
		return "0 s"
	case d < time.Millisecond:
		return fmt.Sprintf("%d µs", max(1, d.Microseconds()))
	case d.Round(time.Millisecond) < time.Second:
		return fmt.Sprintf("%d ms", d.Round(time.Millisecond).Milliseconds())
	case d.Round(100*time.Millisecond) < time.Minute:
		return strings.TrimSuffix(fmt.Sprintf("%.1f", d.Round(100*time.Millisecond).Seconds()), ".0") + " s"
	}
	left := int64(d.Round(time.Second) / time.Second)
	var parts []string
	for _, u := range []struct {
		name string
		size int64
	}{{"d", 86400}, {"h", 3600}, {"m", 60}, {"s", 1}} {
		if n := left / u.size; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, u.name))
		}
		left %= u.size
	}
	return strings.Join(parts, " ")
}

// between gives the time from one moment to another, unknown while one of them
// is not known.
func between(from, to time.Time) string {
	if from.IsZero() || to.IsZero() {
		return unknown
	}
	return took(to.Sub(from))
}

// moment gives a time with its day.
func moment(t time.Time) string {
	if t.IsZero() {
		return unknown
	}
	return t.UTC().Format("2006-01-02 15:04:05 UTC")
}

// size gives bytes in units of 1,024, as docker stats does.
func size(n int64) string {
	if n < 1024 {
		return strconv.FormatInt(n, 10) + " B"
	}
	f, unit := float64(n), -1
	for f >= 1023.5 && unit < 5 {
		f /= 1024
		unit++
	}
	if f < 9.95 {
		return fmt.Sprintf("%.1f %ciB", f, "KMGTPE"[max(unit, 0)])
	}
	return fmt.Sprintf("%.0f %ciB", f, "KMGTPE"[max(unit, 0)])
}

// number gives a count with its thousands apart.
func number(n int64) string {
	s := strconv.FormatInt(n, 10)
	sign := ""
	if n < 0 {
		sign, s = "-", s[1:]
	}
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return sign + s
}

// rows gives a number of rows that may not be known.
func rows(n *int64) string {
	if n == nil {
		return unknown
	}
	return number(*n)
}

// percent gives a share of one core.
func percent(f float64) string {
	if math.IsNaN(f) || math.IsInf(f, 0) || f < 0 {
		return unknown
	}
	return fmt.Sprintf("%.1f %%", f)
}

// count gives a number with its noun.
func count(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return number(int64(n)) + " " + noun
}
