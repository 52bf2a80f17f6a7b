package config

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const berlin = "Europe/Berlin"

// Times of the year in which the clock is changed: 2026-03-29 in Berlin 02:00 is 03:00,
// 2026-10-25 03:00 is 02:00 once more.
func TestWindows(t *testing.T) {
	night := Windows{{Days: Days{"mon-fri"}, From: "22:00", To: "04:00", Timezone: berlin}}
	for name, c := range map[string]struct {
		windows Windows
		at      string // UTC
		open    bool
		next    string // after at
	}{
		"none":                          {nil, "2026-06-01T12:00:00Z", true, "Mon 1 Jan 0001 00:00 UTC"},
		"before":                        {night, "2026-06-01T19:59:59Z", false, "Mon 1 Jun 2026 22:00 CEST"},
		"at its beginning":              {night, "2026-06-01T20:00:00Z", true, "Mon 1 Jun 2026 22:01 CEST"},
		"past midnight":                 {night, "2026-06-02T01:59:00Z", true, "Tue 2 Jun 2026 22:00 CEST"},
		"at its end":                    {night, "2026-06-02T02:00:00Z", false, "Tue 2 Jun 2026 22:00 CEST"},
		"of Friday, on Saturday":        {night, "2026-06-06T00:30:00Z", true, "Sat 6 Jun 2026 02:31 CEST"},
		"no Saturday":                   {night, "2026-06-06T20:30:00Z", false, "Mon 8 Jun 2026 22:00 CEST"},
		"no Sunday, before Monday":      {night, "2026-06-08T00:30:00Z", false, "Mon 8 Jun 2026 22:00 CEST"},
		"UTC without a word":            {Windows{{From: "03:00", To: "04:00"}}, "2026-06-01T03:59:59Z", true, "Tue 2 Jun 2026 03:00 UTC"},
		"a whole day":                   {Windows{{Days: Days{"sun"}, From: "00:00", To: "24:00"}}, "2026-06-07T23:59:59Z", true, "Sun 14 Jun 2026 00:00 UTC"},
		"days past the end of the week": {Windows{{Days: Days{"sat-mon"}, From: "01:00", To: "02:00"}}, "2026-06-01T01:30:00Z", true, "Mon 1 Jun 2026 01:31 UTC"},
		"and not the others":            {Windows{{Days: Days{"sat-mon"}, From: "01:00", To: "02:00"}}, "2026-06-02T01:30:00Z", false, "Sat 6 Jun 2026 01:00 UTC"},
		"the earlier of two": {Windows{{Days: Days{"wed"}, From: "01:00", To: "02:00"}, {Days: Days{"tue"}, From: "20:00", To: "21:00", Timezone: "America/New_York"}},
			"2026-06-02T12:00:00Z", false, "Tue 2 Jun 2026 20:00 EDT"}, // an hour before the other one
		"half an hour off": {Windows{{From: "05:30", To: "06:00", Timezone: "Asia/Kolkata"}}, "2026-06-02T00:00:00Z", true, "Tue 2 Jun 2026 05:31 IST"},

		"begins in the hour that is left out":  {Windows{{From: "02:30", To: "04:00", Timezone: berlin}}, "2026-03-29T00:59:00Z", false, "Sun 29 Mar 2026 03:00 CEST"},
		"ends in the hour that is left out":    {Windows{{From: "01:00", To: "02:30", Timezone: berlin}}, "2026-03-29T01:00:00Z", false, "Mon 30 Mar 2026 01:00 CEST"},
		"is left out":                          {Windows{{Days: Days{"sun"}, From: "02:15", To: "02:45", Timezone: berlin}}, "2026-03-28T12:00:00Z", false, "Sun 5 Apr 2026 02:15 CEST"},
		"the night of the change":              {Windows{{From: "22:00", To: "04:00", Timezone: berlin}}, "2026-03-29T01:59:00Z", true, "Sun 29 Mar 2026 22:00 CEST"},
		"the hour before it comes again":       {Windows{{From: "02:00", To: "02:30", Timezone: berlin}}, "2026-10-25T00:29:00Z", true, "Sun 25 Oct 2026 02:00 CET"},
		"the hour that comes again":            {Windows{{From: "02:00", To: "02:30", Timezone: berlin}}, "2026-10-25T01:29:00Z", true, "Mon 26 Oct 2026 02:00 CET"},
		"a night in which an hour comes again": {Windows{{From: "22:00", To: "04:00", Timezone: berlin}}, "2026-10-25T02:59:00Z", true, "Sun 25 Oct 2026 22:00 CET"},
	} {
		t.Run(name, func(t *testing.T) {
			at, err := time.Parse(time.RFC3339, c.at)
			if err != nil {
				t.Fatal(err)
			}
			if got := c.windows.Open(at); got != c.open {
				t.Errorf("open: %v", got)
			}
			if got := c.windows.Next(at).Format("Mon 2 Jan 2006 15:04 MST"); got != c.next {
				t.Errorf("next: %s, want %s", got, c.next)
			}
		})
	}
}

// What stands in a stack holds instead of what stands at the top, an empty list too.
func TestDelivery(t *testing.T) {
	c := loadText(t, `version: 1
record: commit
approval: dispatch
windows: [{days: sat, from: 22:00, to: 04:00, timezone: Europe/Berlin}]
stacks:
- {name: plain, deploy: /srv//plain/, host: edge-1.acme, canary: true}
- {name: own, record: off, approval: none, windows: []}
`)
	plain, own := c.Stacks[0], c.Stacks[1]
	if plain.Deploy != "/srv/plain" || plain.Host != "edge-1.acme" || !plain.Canary || own.Canary {
		t.Errorf("%+v", plain)
	}
	want := Windows{{Days: Days{"sat"}, From: "22:00", To: "04:00", Timezone: berlin}}
	if d := cmp.Diff(want, c.WindowsOf(plain)); d != "" || c.RecordOf(plain) != "commit" || c.ApprovalOf(plain) != Dispatch {
		t.Errorf("%s %s\n%s", c.RecordOf(plain), c.ApprovalOf(plain), d)
	}
	if w := c.WindowsOf(own); len(w) != 0 || c.RecordOf(own) != "off" || c.ApprovalOf(own) != "none" {
		t.Errorf("%v %s %s", w, c.RecordOf(own), c.ApprovalOf(own))
	}
	if c := Default(); c.RecordOf(Stack{}) != "pr" || c.ApprovalOf(Stack{}) != "none" || len(c.WindowsOf(Stack{})) != 0 {
		t.Error("what holds without a word")
	}
}
