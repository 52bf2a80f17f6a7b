package steps

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/belaystack/belay/upgrade/app"
)

func TestProbeRequest(t *testing.T) {
	env := map[string]string{"KEY": "canary", "ID": "7"}
	p := Probe{URL: "http://a/${KEY}", Method: "POST", Body: `{"id": "${ID}", "q": "$${ID} $ID", "no": "${NONE}"}`,
		Headers: map[string]string{"Authorization": "Bearer ${KEY}", "X": "${ELSE}"}, Timeout: Duration(time.Second)}
	r, unset := p.request(func(name string) string { return env[name] })
	if r.Headers["Authorization"] != "Bearer canary" || r.Body != `{"id": "7", "q": "${ID} $ID", "no": ""}` || r.URL != p.URL || r.Method != "POST" || r.Timeout != time.Second {
		t.Errorf("%+v", r)
	}
	if fmt.Sprint(unset) != "[NONE ELSE]" {
		t.Error(unset)
	}
}

// What the helper in the network of a service does.
func TestAsker(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if r.URL.Path == "/slow" {
			<-r.Context().Done()
		}
		if r.URL.Path == "/moved" {
			http.Redirect(w, r, "/", http.StatusFound)
			return
		}
		w.Header().Set("X-Seen", r.Method+" "+r.Host+" "+r.Header.Get("Authorization"))
		w.WriteHeader(http.StatusCreated)
		fmt.Fprint(w, string(body)+strings.Repeat("x", 5<<20))
	}))
	defer srv.Close()
	in, _ := json.Marshal(asked{Requests: []app.Request{
		{URL: srv.URL, Method: "PUT", Body: "hello", Headers: map[string]string{"Authorization": "Bearer x", "host": "other.example"}},
		{URL: srv.URL + "/moved"},
		{URL: srv.URL + "/slow", Timeout: 50 * time.Millisecond},
		{TCP: strings.TrimPrefix(srv.URL, "http://")},
		{TCP: "127.0.0.1:1"},
	}})
	var out bytes.Buffer
	if err := Asker(context.Background(), bytes.NewReader(in), &out); err != nil {
		t.Fatal(err)
	}
	var got []app.Response
	if err := json.Unmarshal(out.Bytes(), &got); err != nil || len(got) != 5 {
		t.Fatal(err, len(got))
	}
	if a := got[0]; a.Status != 201 || len(a.Body) != maxAnswer || !strings.HasPrefix(string(a.Body), "hello") || a.Headers["X-Seen"] != "PUT other.example Bearer x" || a.Took <= 0 {
		t.Errorf("%d %q %v, %d bytes", a.Status, a.Error, a.Headers, len(a.Body))
	}
	if a := got[1]; a.Status != 302 {
		t.Errorf("a redirect was followed: %d", a.Status)
	}
	if a := got[2]; a.Error == "" || a.Took > 5*time.Second {
		t.Errorf("no end: %+v", a.Took)
	}
	if got[3].Error != "" || got[4].Error == "" {
		t.Errorf("%q %q", got[3].Error, got[4].Error)
	}
}

// Judging is what stands between an answer and the report.
func TestJudge(t *testing.T) {
	a := &apps{Host: &Host{Mask: func(s string) string { return s }}}
	p := Probe{Name: "list", Service: "api", URL: "http://a", Expect: app.Expect{NotFewer: []string{"$.n"}}}
	answer := func(n int) app.Answer { return app.Answer{Status: 200, Body: fmt.Appendf(nil, `{"n": %d}`, n)} }
	var first Probed
	a.judge(p, answer(3), nil, nil, &first)
	first.Name, first.Service = "list", "api"
	if first.Error != "" || first.Unlike != "" || first.Seen.Counts["$.n"] != 3 {
		t.Fatalf("%+v", first)
	}
	for name, tt := range map[string]struct {
		before        []Probed
		n             int
		wrong, unlike string
	}{
		"as many":      {[]Probed{first}, 3, "", ""},
		"fewer":        {[]Probed{first}, 2, "$.n is 2, and was 3", ""},
		"never before": {[]Probed{}, 2, "", "it was not asked before"},
		"unasked":      {[]Probed{{Name: "list", Service: "api", Unasked: "KEY is not set"}}, 2, "", "it was not asked before"},
		"failed":       {[]Probed{{Name: "list", Service: "api", Error: "status 500"}}, 2, "", "it failed before"},
	} {
		got := Probed{Name: "list", Service: "api", Unlike: "old", News: []string{"old"}}
		a.judge(p, answer(tt.n), nil, tt.before, &got)
		if got.Error != tt.wrong || got.Unlike != tt.unlike || got.News != nil {
			t.Errorf("%s: %+v", name, got)
		}
	}
}
