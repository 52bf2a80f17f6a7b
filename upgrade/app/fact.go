package app

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Rule says how what was so before an upgrade is compared with what is so after it.
type Rule string

// The rules.
const (
	Told     Rule = "told"      // it stands in the report
	Same     Rule = "same"      // Text is the same
	NotFewer Rule = "not-fewer" // Count is not less
	NotNone  Rule = "not-none"  // Count is not 0 where it was not, and the fact of before has this rule too
	Keeps    Rule = "keeps"     // every item of before is there
	NoneLess Rule = "none-less" // Items are counts: none is less than before. What is gone is for a Keeps to tell
	Overlaps Rule = "overlaps"  // as many of before's items are there as when it was asked twice before
)

// Fact is one thing that an application was asked.
type Fact struct {
	App      string            `json:"app"` // as a report names it: "n8n"
	Service  string            `json:"service,omitempty"`
	Name     string            `json:"name"` // "active workflows"
	Rule     Rule              `json:"rule"`
	Text     string            `json:"text,omitempty"`
	Count    int64             `json:"count,omitempty"`
	Items    map[string]string `json:"items,omitempty"`    // id -> name, or count
	Versions map[string]string `json:"versions,omitempty"` // id -> which version of the item it is, where it has one
	Least    float64           `json:"least,omitempty"`    // the part of Items that came again at once; of Overlaps
	Wrong    string            `json:"wrong,omitempty"`    // why the answer is bad, whatever it was before
	Unasked  string            `json:"unasked,omitempty"`
}

// shown is the answer for people.
func (f Fact) shown() string {
	switch {
	case f.Unasked != "":
		return "not checked: " + f.Unasked
	case f.Wrong != "":
		return f.Wrong
	case f.Text != "":
		return f.Text
	case f.Items != nil:
		return fmt.Sprint(len(f.Items))
	}
	return fmt.Sprint(f.Count)
}

// Compared is a fact before and after.
type Compared struct {
	App     string `json:"app"`
	Service string `json:"service,omitempty"`
	Name    string `json:"name"`
	Before  string `json:"before,omitempty"`
	After   string `json:"after,omitempty"`
	Failed  string `json:"failed,omitempty"`  // why it may not stay so
	Unasked string `json:"unasked,omitempty"` // why it was not compared
}

// Compare holds what is so now against what was so before. A fact that was bad before is
// not held against the upgrade; one that was not asked before, or now, is not compared,
// and says so.
func Compare(before, after []Fact) []Compared {
	var out []Compared
	for _, now := range after {
		c := Compared{App: now.App, Service: now.Service, Name: now.Name, After: now.shown()}
		i := slices.IndexFunc(before, func(f Fact) bool { return f.App == now.App && f.Service == now.Service && f.Name == now.Name })
		if i >= 0 {
			c.Before = before[i].shown()
		}
		switch {
		case now.Unasked != "":
			c.Unasked = now.Unasked
		case now.Wrong != "" && i >= 0 && before[i].Wrong != "":
			c.Unasked = "it was so before: " + now.Wrong
		case now.Wrong != "":
			c.Failed = now.Wrong
		case now.Rule == Told:
		case i < 0:
			c.Unasked = "it was not asked before"
		case before[i].Unasked != "":
			c.Unasked = "before: " + before[i].Unasked
		case before[i].Wrong != "": // it is better now
		default:
			c.Failed = broken(before[i], now)
		}
		out = append(out, c)
	}
	for _, was := range before {
		if !slices.ContainsFunc(after, func(f Fact) bool { return f.App == was.App && f.Service == was.Service && f.Name == was.Name }) {
			out = append(out, Compared{App: was.App, Service: was.Service, Name: was.Name, Before: was.shown(), Unasked: cmp.Or(was.Unasked, "it cannot be asked now")})
		}
	}
	return out
}

// Newer gives facts with later ones in the place of those that were asked again.
func Newer(facts, later []Fact) []Fact {
	out := slices.Clone(facts)
	for _, l := range later {
		i := slices.IndexFunc(out, func(f Fact) bool { return f.App == l.App && f.Service == l.Service && f.Name == l.Name })
		if i >= 0 && l.Unasked == "" {
			out[i] = l
		}
	}
	return out
}

// OnlyTold gives facts that are not held against those of before. What is bad stays bad.
func OnlyTold(facts []Fact) []Fact {
	out := slices.Clone(facts)
	for i := range out {
		out[i].Rule = Told
	}
	return out
}

// TellBefore are facts with nothing to compare them with yet.
func TellBefore(facts []Fact) []Compared {
	var out []Compared
	for _, f := range facts {
		out = append(out, Compared{App: f.App, Service: f.Service, Name: f.Name, Before: f.shown()})
	}
	return out
}

// broken says how a fact breaks its rule; "" when it does not.
func broken(was, now Fact) string {
	switch now.Rule {
	case Same:
		if was.Text != now.Text {
			return fmt.Sprintf("%s, and was %s", now.Text, was.Text)
		}
	case NotFewer:
		if now.Count < was.Count {
			return fmt.Sprintf("%d, and there were %d", now.Count, was.Count)
		}
	case NotNone:
		if was.Rule == NotNone && was.Count > 0 && now.Count == 0 {
			return fmt.Sprintf("none, and there were %d", was.Count)
		}
	case NoneLess:
		return less(was.Items, now.Items)
	case Overlaps:
		switch part := overlap(was.Items, now.Items); {
		case len(was.Items) > 0 && len(now.Items) == 0:
			return fmt.Sprintf("nothing comes any more, and %d came before", len(was.Items))
		case part < was.Least:
			return fmt.Sprintf("%.0f %% of what came before comes again; asked twice before, it was %.0f %%", 100*part, 100*was.Least)
		}
	case Keeps:
		return notKept(was, now)
	}
	return ""
}

// notKept are the items that are gone, and those that are there in another version. One
// that had no version before has none to be held against.
func notKept(was, now Fact) string {
	var gone, others, out []string
	for _, id := range slices.Sorted(maps.Keys(was.Items)) {
		old, current := was.Versions[id], now.Versions[id]
		if _, ok := now.Items[id]; !ok {
			gone = append(gone, named(was.Items[id], id))
		} else if old != "" && current != "" && old != current {
			others = append(others, named(was.Items[id], id))
		}
	}
	if len(gone) > 0 {
		out = append(out, fmt.Sprintf("%d of %d are missing: %s", len(gone), len(was.Items), strings.Join(gone, ", ")))
	}
	if len(others) > 0 {
		out = append(out, fmt.Sprintf("%d of %d are in another version than before: %s", len(others), len(was.Items), strings.Join(others, ", ")))
	}
	return strings.Join(out, "; ")
}

// less names the counts that are less than they were.
func less(was, now map[string]string) string {
	var out []string
	n := 0
	for _, name := range slices.Sorted(maps.Keys(was)) {
		before, _ := strconv.ParseInt(was[name], 10, 64)
		count, err := strconv.ParseInt(now[name], 10, 64)
		if err != nil || count >= before {
			continue
		}
		if n++; n <= 5 {
			out = append(out, fmt.Sprintf("%s has %d and had %d", name, count, before))
		}
	}
	if n > len(out) {
		out = append(out, fmt.Sprintf("and %d more", n-len(out)))
	}
	return strings.Join(out, ", ")
}

// overlap is the part of a's items that b has; 1 of none.
func overlap(a, b map[string]string) float64 {
	if len(a) == 0 {
		return 1
	}
	n := 0
	for id := range a {
		if _, ok := b[id]; ok {
			n++
		}
	}
	return float64(n) / float64(len(a))
}

// named is a thing by its name and id.
func named(name, id string) string {
	if name == "" {
		return id
	}
	return fmt.Sprintf("%s (%s)", name, id)
}
