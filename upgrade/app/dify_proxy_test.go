package app

import (
	"context"
	"testing"
)

func TestThrough(t *testing.T) {
	s := difyStack(t)
	s.members = append(s.members, member(t, "proxy", "nginx:1.28"))
	at := "proxy http://127.0.0.1:80/console/api/setup"
	ask := func(r *Response) []Passage {
		delete(s.http, at)
		if r != nil {
			s.http[at] = *r
		}
		return FindDify(context.Background(), s).Through(context.Background(), []Door{{"proxy", 80}})
	}
	good := &Response{Status: 200, Body: []byte(`{"step": "finished"}`)}
	fresh := &Response{Status: 200, Body: []byte(`{"step": "not_started"}`)}
	bad := &Response{Status: 502, Body: []byte("<html>")}
	other := &Response{Status: 404, Body: []byte("<html>canary")}
	page := &Response{Status: 200, Body: []byte("<html>canary")}
	for name, tt := range map[string]struct {
		before, after   *Response
		failed, unasked string
	}{
		"as before":         {good, good, "", ""},
		"a dead upstream":   {good, bad, "it answers 502", ""},
		"no answer":         {good, nil, "no answer: connection refused", ""},
		"another page":      {good, page, "this proxy does not lead to it any more", ""},
		"another answer":    {good, other, "this proxy does not lead to it any more", ""},
		"an empty Dify":     {good, fresh, "Dify says that it was never set up (not_started): its data are not there", ""},
		"dead before":       {bad, bad, "", "it was so before: it answers 502"},
		"mended":            {bad, good, "", ""},
		"set up meanwhile":  {fresh, good, "", ""},
		"of something else": {other, other, "", "this proxy does not lead to it"},
		"dead, not Dify's":  {other, bad, "", "this proxy does not lead to it"},
	} {
		got := ComparePassages(ask(tt.before), ask(tt.after))
		if len(got) != 1 || got[0].Failed != tt.failed || got[0].Unasked != tt.unasked || got[0].Name != "API through the proxy (port 80)" || got[0].Service != "proxy" {
			t.Errorf("%s: %+v", name, got)
		}
	}
}
