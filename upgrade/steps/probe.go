package steps

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/belaystack/belay/upgrade/app"
	"github.com/belaystack/belay/upgrade/docker"
)

// Probed is what came of a probe.
type Probed struct {
	Name    string   `json:"name"`
	Service string   `json:"service"`
	Took    Duration `json:"took"`
	Error   string   `json:"error,omitempty"`   // "" when the answer was right
	Unasked string   `json:"unasked,omitempty"` // why it was not asked
	Unlike  string   `json:"unlike,omitempty"`  // why it was not compared with before
	News    []string `json:"news,omitempty"`    // what is new in the answer and does no harm
	Seen    app.Seen `json:"seen,omitzero"`
}

// retryPause is between two tries of a probe.
const retryPause = time.Second

// probe asks the services all probes. What before has of them is compared with what
// they answer now. Where a probe does not say how often it is tried, it may fail for as
// long as within.
func (h *Host) probe(ctx context.Context, within time.Duration, before []Probed) ([]Probed, error) {
	all := h.Spec.Config.Probes
	if len(all) == 0 {
		return nil, nil
	}
	out := make([]Probed, len(all))
	var left []int
	for i, p := range all {
		out[i] = Probed{Name: p.Name, Service: p.Service}
		left = append(left, i)
	}
	begun := h.Now()
	for try := 0; ; try++ {
		stack, err := h.apps(ctx)
		if err != nil {
			return nil, err
		}
		for _, service := range servicesOf(all, left) {
			stack.probe(ctx, service, left, before, out)
		}
		left = slices.DeleteFunc(left, func(i int) bool {
			if r := all[i].Retries; r != nil && try >= *r {
				return true
			}
			return out[i].Error == "" || all[i].Retries == nil && h.Now().Sub(begun) >= within
		})
		if len(left) == 0 {
			return out, nil
		}
		if err := pause(ctx, retryPause); err != nil {
			return nil, err
		}
	}
}

// servicesOf are the services of some probes, each once.
func servicesOf(all []Probe, some []int) []string {
	var out []string
	for _, i := range some {
		out = appendNew(out, all[i].Service)
	}
	return out
}

// probe asks those probes of a service that are left, and writes what came of it to out.
func (a *apps) probe(ctx context.Context, service string, left []int, before, out []Probed) {
	var asked []int // by a request
	var requests []app.Request
	for _, i := range left {
		p := a.Spec.Config.Probes[i]
		if p.Service != service {
			continue
		}
		got := &out[i]
		got.Error, got.Unasked = "", ""
		if p.URL == "" && p.TCP == "" {
			begun := a.Now()
			answer, err := a.answer(ctx, p)
			got.Took = Duration(a.Now().Sub(begun))
			a.judge(p, answer, err, before, got)
			continue
		}
		r, unset := p.request(a.getenv)
		if len(unset) > 0 {
			got.Unasked = strings.Join(unset, ", ") + " is not set"
			continue
		}
		asked, requests = append(asked, i), append(requests, r)
	}
	if len(requests) == 0 {
		return
	}
	answers, err := a.Ask(ctx, service, requests...)
	for n, i := range asked {
		var answer app.Answer
		one := err
		if err == nil {
			out[i].Took = Duration(answers[n].Took)
			answer = app.Answer{Status: answers[n].Status, Body: answers[n].Body}
			if answers[n].Error != "" {
				one = errors.New(answers[n].Error)
			}
		}
		a.judge(a.Spec.Config.Probes[i], answer, one, before, &out[i])
	}
}

// answer asks by SQL, or by a command in the container.
func (a *apps) answer(ctx context.Context, p Probe) (app.Answer, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, time.Duration(p.Timeout), fmt.Errorf("no answer within %s", time.Duration(p.Timeout)))
	defer cancel()
	if p.SQL == "" {
		out, err := a.Exec(ctx, p.Service, nil, p.Run...)
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return app.Answer{Body: []byte(out)}, err
	}
	rows, err := a.Query(ctx, p.Service, p.Database, strings.TrimRight(strings.TrimSpace(p.SQL), ";"))
	switch {
	case ctx.Err() != nil:
		return app.Answer{}, context.Cause(ctx)
	case err != nil:
		return app.Answer{}, err
	case rows == nil:
		rows = [][]string{}
	}
	body, err := json.Marshal(rows)
	return app.Answer{Body: body}, err
}

// judge says in got whether an answer is right.
func (a *apps) judge(p Probe, answer app.Answer, err error, before []Probed, got *Probed) {
	got.Unlike, got.News = "", nil
	if err != nil {
		got.Error = a.Mask(err.Error())
		return
	}
	if got.Error = p.Check(answer); got.Error != "" || p.TCP != "" {
		return
	}
	i := slices.IndexFunc(before, func(b Probed) bool { return b.Name == p.Name && b.Service == p.Service })
	salt := ""
	if i >= 0 {
		salt = before[i].Seen.Salt
	}
	if got.Seen, err = p.See(answer, salt); err != nil {
		got.Error = err.Error()
		return
	}
	switch {
	case before == nil || !p.Compares():
	case i < 0 || before[i].Unasked != "":
		got.Unlike = "it was not asked before"
	case before[i].Error != "":
		got.Unlike = "it failed before"
	default:
		broken, news := p.Compare(before[i].Seen, got.Seen)
		got.Error, got.News = a.Mask(some(broken)), news
	}
}

// some is the beginning of a list, for a message.
func some(list []string) string {
	const most = 10
	if len(list) > most {
		list = append(slices.Clone(list[:most]), fmt.Sprintf("and %d more", len(list)-most))
	}
	return strings.Join(list, "; ")
}

// request is the question with the values of variables in it, and those that are not set.
func (p Probe) request(getenv func(string) string) (r app.Request, unset []string) {
	fill := func(text string) string {
		return variable.ReplaceAllStringFunc(text, func(s string) string {
			if rest, ok := strings.CutPrefix(s, "$$"); ok {
				return "$" + rest
			}
			name := s[2 : len(s)-1]
			v := getenv(name)
			if v == "" {
				unset = appendNew(unset, name)
			}
			return v
		})
	}
	r = app.Request{Method: p.Method, URL: p.URL, Body: fill(p.Body), TCP: p.TCP, Timeout: time.Duration(p.Timeout)}
	for _, name := range sortedKeys(p.Headers) {
		if r.Headers == nil {
			r.Headers = map[string]string{}
		}
		r.Headers[name] = fill(p.Headers[name])
	}
	return r, unset
}

// variable is one of Belay's environment in a text; $${NAME} is the text ${NAME}.
var variable = regexp.MustCompile(`\$?\$\{[A-Za-z_][A-Za-z0-9_]*\}`)

// asked is what the helper in a service's network is given.
type asked struct {
	Requests []app.Request `json:"requests"`
}

// askIn asks from within the network of a container, and decodes what came of it.
func (h *Host) askIn(ctx context.Context, c docker.Container, a asked, into any) error {
	in, err := json.Marshal(a)
	if err != nil {
		return err
	}
	var out bytes.Buffer
	err = h.Docker.Helper(ctx, docker.Helper{Image: c.Image, Args: []string{"__probe"}, Network: "container:" + c.ID, Stdin: bytes.NewReader(in), Stdout: &out})
	if err != nil {
		return err
	}
	return json.Unmarshal(out.Bytes(), into)
}

// Asker is the hidden command that asks from inside a service's network: it
// reads what to ask from in and writes what came of it to out, as JSON.
func Asker(ctx context.Context, in io.Reader, out io.Writer) error {
	var a asked
	if err := json.NewDecoder(in).Decode(&a); err != nil {
		return err
	}
	answers := []app.Response{}
	for _, r := range a.Requests {
		begun := time.Now()
		answer := send(ctx, r)
		answer.Took = time.Since(begun)
		answers = append(answers, answer)
	}
	return json.NewEncoder(out).Encode(answers)
}

// requestTimeout is what a request may take that does not say.
const requestTimeout = 30 * time.Second

func send(ctx context.Context, r app.Request) app.Response {
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(r.Timeout, requestTimeout))
	defer cancel()
	if r.TCP != "" {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", r.TCP)
		if err != nil {
			return app.Response{Error: err.Error()}
		}
		conn.Close()
		return app.Response{}
	}
	req, err := http.NewRequestWithContext(ctx, cmp.Or(r.Method, http.MethodGet), r.URL, strings.NewReader(r.Body))
	if err != nil {
		return app.Response{Error: err.Error()}
	}
	for name, value := range r.Headers {
		if req.Header.Set(name, value); http.CanonicalHeaderKey(name) == "Host" {
			req.Host = value
		}
	}
	resp, err := noRedirect.Do(req)
	if err != nil {
		return app.Response{Error: err.Error()}
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return app.Response{Error: err.Error()}
	}
	out := app.Response{Status: resp.StatusCode, Headers: map[string]string{}, Body: body}
	for name := range resp.Header {
		out.Headers[name] = resp.Header.Get(name)
	}
	return out
}

// noRedirect gives a redirect as the answer that it is.
var noRedirect = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}

// maxAnswer bounds what is read of an answer, in bytes.
const maxAnswer = app.MaxBody
