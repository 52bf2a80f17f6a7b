package app

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
)

// Door is a port of a proxy, as it is in the proxy's own network.
type Door struct {
	Service string `json:"service"`
	Port    int    `json:"port"`
}

// Passage is the answer of Dify's API through a door. It is asked apart from the other
// facts, since proxies run only when the stack is open.
type Passage struct {
	Door Door `json:"door"`
	Fact
}

// Through asks for /console/api/setup through each door. It needs no key, and proves that
// the way to the API and the API's way to its database are there.
func (d *Dify) Through(ctx context.Context, doors []Door) []Passage {
	var out []Passage
	for _, door := range doors {
		f := d.fact("API through the proxy", Same)
		f.Service = door.Service
		got, err := d.st.Ask(ctx, door.Service, Request{URL: "http://127.0.0.1:" + strconv.Itoa(door.Port) + "/console/api/setup"})
		var s struct{ Step string }
		switch {
		case err != nil:
			f.Wrong = why(err)
		case got[0].Error != "":
			f.Wrong = "no answer: " + got[0].Error
		case got[0].Status >= http.StatusInternalServerError:
			f.Wrong = fmt.Sprintf("it answers %d", got[0].Status)
		case decode(got[0], "", &s) != nil || s.Step == "":
			f.Unasked = "this proxy does not lead to it"
		default:
			f.Text = s.Step
			if s.Step != "finished" {
				f.Wrong = neverSetUp(s.Step)
			}
		}
		out = append(out, Passage{door, f})
	}
	return out
}

// ComparePassages holds ways to Dify's API against what they were. One that led there must
// lead there.
func ComparePassages(before, after []Passage) []Compared {
	var was, now []Fact
	for i, b := range before {
		f := after[i].Fact
		switch {
		case b.Unasked != "": // what it leads to is not asked
			f = b.Fact
		case f.Unasked != "":
			f.Wrong, f.Unasked = f.Unasked+" any more", ""
		}
		// Several doors of one service are several facts.
		b.Name += fmt.Sprintf(" (port %d)", b.Door.Port)
		f.Name = b.Name
		was, now = append(was, b.Fact), append(now, f)
	}
	return Compare(was, now)
}
