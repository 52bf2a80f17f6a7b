package config

import (
	"cmp"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Record is how what a run leaves in the files of a stack gets into the repository: pr,
// commit or off.
type Record string

// Approval is who says yes to an upgrade that no person watches: none, or dispatch, by
// which somebody starts the workflow by hand with the hash of the plan.
type Approval string

// Dispatch is the Approval that asks for a plan's hash.
const Dispatch Approval = "dispatch"

// Clock is a time of day, "22:00", to the minute. 24:00 is the end of a day.
type Clock string

const clockPattern = `^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$`

// minutes are those since midnight. Load has checked the form.
func (c Clock) minutes() int {
	h, m, _ := strings.Cut(string(c), ":")
	hours, _ := strconv.Atoi(h)
	rest, _ := strconv.Atoi(m)
	return hours*60 + rest
}

// Days are days of the week: "mon", or "mon-fri", which may go past the end of the week.
// In belay.yml a text stands for a list of one.
type Days []string

const daysPattern = `^(mon|tue|wed|thu|fri|sat|sun)(-(mon|tue|wed|thu|fri|sat|sun))?$`

// UnmarshalJSON reads a list, or one text as a list of one.
func (d *Days) UnmarshalJSON(b []byte) error { return json.Unmarshal(b, (*Texts)(d)) }

// weekdays are in the order of time.Weekday.
var weekdays = [...]string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}

// has reports whether a day is one of them. None are all.
func (d Days) has(day time.Weekday) bool {
	for _, text := range d {
		first, last, _ := strings.Cut(text, "-")
		from := slices.Index(weekdays[:], first)
		to := slices.Index(weekdays[:], cmp.Or(last, first))
		if (int(day)-from+7)%7 <= (to-from+7)%7 {
			return true
		}
	}
	return len(d) == 0
}

// Window is a time of the week at which an upgrade may begin, by the clock on the wall of
// its zone: an hour that the change to summer time leaves out never comes, one that the
// change back repeats comes twice. One that ends on the next day belongs to the day on
// which it begins.
type Window struct {
	Days     Days   `json:"days,omitempty" jsonschema_description:"Days on which it begins, such as mon or mon-fri. Without it, every day."`
	From     Clock  `json:"from" jsonschema_description:"The time of day at which it begins, such as 22:00."`
	To       Clock  `json:"to" jsonschema_description:"The time of day at which it ends; one that is earlier than from is of the next day. An upgrade that has begun by then goes on."`
	Timezone string `json:"timezone,omitempty" jsonschema:"minLength=1,default=UTC" jsonschema_description:"The time zone, by its name of the IANA, such as Europe/Berlin."`
}

// open reports whether t, a time in the window's zone, is in the window.
func (w Window) open(t time.Time) bool {
	now, from, to := t.Hour()*60+t.Minute(), w.From.minutes(), w.To.minutes()
	if from < to {
		return w.Days.has(t.Weekday()) && from <= now && now < to
	}
	return w.Days.has(t.Weekday()) && from <= now || w.Days.has((t.Weekday()+6)%7) && now < to
}

// zone is the window's. Load has checked that there is such a one.
func (w Window) zone() *time.Location {
	zone, err := time.LoadLocation(w.Timezone)
	if err != nil {
		return time.UTC
	}
	return zone
}

// Windows are the times at which an upgrade of a stack may begin. None are all times.
type Windows []Window

// Open reports whether an upgrade may begin at t.
func (w Windows) Open(t time.Time) bool {
	return len(w) == 0 || slices.ContainsFunc(w, func(one Window) bool { return one.open(t.In(one.zone())) })
}

// Next gives the first minute after t at which a window is open, in the zone of that
// window; the zero time where there are no windows.
func (w Windows) Next(t time.Time) time.Time {
	var zones []*time.Location
	for _, one := range w {
		zones = append(zones, one.zone())
	}
	t = t.Truncate(time.Minute)
	for range 15 * 24 * 60 { // a window that a change of the clock leaves out comes a week later
		t = t.Add(time.Minute)
		for i, one := range w {
			if at := t.In(zones[i]); one.open(at) {
				return at
			}
		}
	}
	return time.Time{}
}

// checkWindows reports windows that never come and zones that are none.
func (k keys) checkWindows() {
	for i, w := range k.Windows {
		at := func(key string) []string { return []string{"windows", strconv.Itoa(i), key} }
		switch {
		case w.From == "24:00":
			k.wrong("write 00:00 of the next day", "the end of a day begins no window", at("from")...)
		case w.From == w.To:
			k.wrong("for a whole day write from 00:00 to 24:00", "a window that ends when it begins", at("to")...)
		}
		// "Local" is the zone of whatever machine reads the file.
		if _, err := time.LoadLocation(w.Timezone); err != nil || w.Timezone == "Local" {
			k.wrong("write it like Europe/Berlin", quote(w.Timezone)+" is no time zone of the IANA", at("timezone")...)
		}
	}
}

// RecordOf says how what a run of s leaves gets into the repository.
func (c *Config) RecordOf(s Stack) Record { return cmp.Or(s.Record, c.Record, "pr") }

// ApprovalOf says who approves upgrades of s.
func (c *Config) ApprovalOf(s Stack) Approval { return cmp.Or(s.Approval, c.Approval, "none") }

// WindowsOf gives the times at which an upgrade of s may begin.
func (c *Config) WindowsOf(s Stack) Windows { return list(s.Windows, c.Windows) }
