package steps

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
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
	Error   string   `json:"error,omitempty"` // "" when the answer was right
}

// asked is what the helper in the service's network is given: probes, or requests.
type asked struct {
	Probes   []Probe       `json:"probes,omitempty"`
	Within   Duration      `json:"within,omitempty"` // for each to come right
	Requests []app.Request `json:"requests,omitempty"`
}

// probe asks the services, each from inside its own network: a stack that is
// closed to the outside answers there. With within a probe may fail until then.
func (h *Host) probe(ctx context.Context, within time.Duration) ([]Probed, error) {
	by := map[string][]Probe{}
	var order []string
	for _, p := range h.Spec.Config.Probes {
		order = appendNew(order, p.Service)
		by[p.Service] = append(by[p.Service], p)
	}
	if len(order) == 0 {
		return nil, nil
	}
	cs, err := h.containers(ctx)
	if err != nil {
		return nil, err
	}
	var out []Probed
	for _, service := range order {
		got, err := h.probeService(ctx, cs, service, asked{Probes: by[service], Within: Duration(within)})
		if err != nil {
			for _, p := range by[service] {
				out = append(out, Probed{Name: p.Name, Service: service, Error: h.Mask(err.Error())})
			}
			continue
		}
		out = append(out, got...)
	}
	return out, nil
}

func (h *Host) probeService(ctx context.Context, cs []docker.Container, service string, a asked) ([]Probed, error) {
	var got []Probed
	for _, c := range cs {
		if c.Service == service && c.State == "running" {
			return got, h.askIn(ctx, c, a, &got)
		}
	}
	return nil, fmt.Errorf("no container of service %s runs", service)
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

// Asker is the hidden command that probes from inside a service's network: it
// reads what to ask from in and writes what came of it to out, as JSON.
func Asker(ctx context.Context, in io.Reader, out io.Writer) error {
	var a asked
	if err := json.NewDecoder(in).Decode(&a); err != nil {
		return err
	}
	if a.Requests != nil {
		var answers []app.Response
		for _, r := range a.Requests {
			answers = append(answers, send(ctx, r))
		}
		return json.NewEncoder(out).Encode(answers)
	}
	var got []Probed
	for _, p := range a.Probes {
		deadline := time.Now().Add(time.Duration(a.Within))
		for {
			begun := time.Now()
			err := ask(ctx, p)
			r := Probed{Name: p.Name, Service: p.Service, Took: Duration(time.Since(begun))}
			if err != nil {
				r.Error = err.Error()
			}
			if err == nil || time.Now().After(deadline) || ctx.Err() != nil {
				got = append(got, r)
				break
			}
			time.Sleep(200 * time.Millisecond)
		}
	}
	return json.NewEncoder(out).Encode(got)
}

// requestTimeout is what a request of our own to an application may take.
const requestTimeout = 30 * time.Second

func send(ctx context.Context, r app.Request) app.Response {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, cmp.Or(r.Method, http.MethodGet), r.URL, strings.NewReader(r.Body))
	if err != nil {
		return app.Response{Error: err.Error()}
	}
	for name, value := range r.Headers {
		req.Header.Set(name, value)
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
const maxAnswer = 4 << 20

func ask(ctx context.Context, p Probe) error {
	ctx, cancel := context.WithTimeout(ctx, time.Duration(p.Timeout))
	defer cancel()
	if p.TCP != "" {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", p.TCP)
		if err != nil {
			return err
		}
		return conn.Close()
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.URL, nil)
	if err != nil {
		return err
	}
	resp, err := noRedirect.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return err
	}
	if want := p.Status; want != 0 && resp.StatusCode != want || want == 0 && resp.StatusCode >= 400 {
		return fmt.Errorf("status %d", resp.StatusCode)
	}
	if p.Contains != "" && !strings.Contains(string(body), p.Contains) {
		return fmt.Errorf("status %d, but the answer does not contain what it should", resp.StatusCode)
	}
	return nil
}
