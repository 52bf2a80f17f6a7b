package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/belaystack/belay/upgrade/docker"
)

// N8NAPI says how n8n may be asked by its public API, where SQL cannot be.
type N8NAPI struct {
	KeyEnv     string `json:"keyEnv,omitempty"`     // the variable of Belay's environment with the key
	Service    string `json:"service,omitempty"`    // whose key it is, where there are several n8n
	Reactivate bool   `json:"reactivate,omitempty"` // workflows that an upgrade left inactive
}

// grant is the key of one n8n, or why it has none.
type grant struct {
	env string
	key docker.Secret
	why string // "" with a key
}

// Grant gives the key to the n8n that it is for. Without a word of belay.yml the API is
// not spoken of.
func Grant(all []*N8N, by N8NAPI, key string) {
	for _, n := range all {
		has := func(m Member) bool { return m.Service == by.Service }
		n.grant = &grant{env: by.KeyEnv, key: docker.Secret(key)}
		switch {
		case by.KeyEnv == "":
			n.grant = nil
		case by.Service == "" && len(all) > 1:
			n.grant.why = "there are several n8n, and n8n.service in belay.yml does not say whose the key is"
		case by.Service != "" && !slices.ContainsFunc(slices.Concat(n.Mains, n.Hooks, n.Workers), has):
			n.grant.why = "the key is for the n8n of service " + by.Service
		case key == "":
			n.grant.why = by.KeyEnv + " is not set"
		}
	}
}

// unasked is why something could not be asked, by SQL and by the API.
func (n *N8N) unasked(sql, api error) string {
	if n.grant == nil {
		return why(sql)
	}
	return why(sql) + "; its API: " + why(api)
}

// api sends requests to the public API of a main instance that runs; each URL is the rest
// behind /api/v1/. Variables of packages/@n8n/config, public-api.config.ts.
func (n *N8N) api(ctx context.Context, requests ...Request) ([]Response, error) {
	if n.grant == nil {
		return nil, unknown("n8n.key-env is not in belay.yml")
	}
	if n.grant.why != "" {
		return nil, unknown("%s", n.grant.why)
	}
	m, ok := n.main()
	if !ok {
		return nil, unknown("no main instance runs")
	}
	var off, protocol, port, endpoint string
	for _, v := range []struct {
		into           *string
		key, otherwise string
	}{{&off, "N8N_PUBLIC_API_DISABLED", ""}, {&protocol, "N8N_PROTOCOL", "http"}, {&port, "N8N_PORT", "5678"}, {&endpoint, "N8N_PUBLIC_API_ENDPOINT", "api"}} {
		var err error
		if *v.into, err = setting(ctx, n.st, m, v.key, v.otherwise); err != nil {
			return nil, err
		}
	}
	switch {
	case slices.Contains([]string{"true", "1"}, strings.ToLower(off)):
		return nil, unknown("it is turned off: N8N_PUBLIC_API_DISABLED")
	case protocol == "https":
		return nil, unknown("n8n itself speaks https, which Belay does not")
	}
	base := "http://127.0.0.1:" + port + path.Join("/", endpoint, "v1") + "/"
	for i := range requests {
		requests[i].URL = base + requests[i].URL
		requests[i].Headers = map[string]string{"X-N8N-API-KEY": n.grant.key.Reveal(), "Content-Type": "application/json"}
	}
	return n.st.Ask(ctx, m.Service, requests...)
}

// refusal is an answer of the API that is not what was asked for.
type refusal struct {
	code int
	env  string // the variable of the key
}

func (e *refusal) Error() string {
	switch e.code {
	case 401:
		return "it does not take the key of " + e.env + " (401)"
	case 403:
		return "the key of " + e.env + " is not for this (403)"
	}
	return fmt.Sprintf("it answers %d", e.code)
}

// answer reads what the API says. What else it writes may be anybody's and is not told.
func (n *N8N) answer(r Response, into any) error {
	switch {
	case r.Error != "":
		return unknown("no answer: %s", r.Error)
	case r.Status != 200:
		return &refusal{r.Status, n.grant.env}
	case len(r.Body) >= MaxBody:
		return errLong
	case json.Unmarshal(r.Body, into) != nil:
		return unknown("it does not answer with JSON") // as while n8n starts
	}
	return nil
}

// errLong is an answer that was not read to its end.
var errLong = errors.New("its answer is too long")

// maxPages bounds a list of the API, in pages.
const maxPages = 100

// pages reads a list of the API to its end. A page has whole workflows: where 250, the most
// that n8n gives, are too much, fewer are asked for.
func pages[T any](ctx context.Context, n *N8N, list string) ([]T, error) {
	out, err := pagesOf[T](ctx, n, list+"&limit=250")
	if errors.Is(err, errLong) {
		return pagesOf[T](ctx, n, list+"&limit=10")
	}
	return out, err
}

func pagesOf[T any](ctx context.Context, n *N8N, list string) ([]T, error) {
	var out []T
	next := ""
	for range maxPages {
		got, err := n.api(ctx, Request{URL: list + next})
		if err != nil {
			return nil, err
		}
		var page struct {
			Data       *[]T
			NextCursor string
		}
		if err := n.answer(got[0], &page); err != nil {
			return nil, err
		}
		if page.Data == nil {
			return nil, unknown("it does not answer with a list")
		}
		out = append(out, *page.Data...)
		if page.NextCursor == "" {
			return out, nil
		}
		next = "&cursor=" + url.QueryEscape(page.NextCursor)
	}
	return nil, unknown("its list has no end after %d pages", maxPages)
}

// ident is an id: a text, or a number in executions of old releases.
type ident string

func (i *ident) UnmarshalJSON(b []byte) error {
	var number json.Number
	if json.Unmarshal(b, (*string)(i)) == nil {
		return nil
	}
	err := json.Unmarshal(b, &number)
	*i = ident(number)
	return err
}

// workByAPI gives the executions of which the API tells. They are those that the owner of
// the key may see. Running ones it tells from 1.113 on, new ones from 2.14 on; for a status
// that it does not know it answers 400 (openapi.yml of n8n 1.110.1, 1.123.81, 2.4.8 and 2.14.0).
// Without a status it leaves out what runs in its own process (executions.handler.ts). So
// that it lists nothing is no proof.
func (n *N8N) workByAPI(ctx context.Context, w Work, sql error) Work {
	type execution struct {
		ID         ident
		WorkflowID ident
		StartedAt  string
	}
	tells := "what runs and what waits for its turn"
	for _, state := range []string{"running", "new"} {
		list, err := pages[execution](ctx, n, "executions?status="+state)
		var s *refusal
		switch {
		case errors.As(err, &s) && s.code == 400 && state == "running":
			err = unknown("it does not tell what runs before 1.113")
		case errors.As(err, &s) && s.code == 400:
			tells, err = "what runs, not what waits for its turn", nil
		}
		if err != nil {
			w.Unasked = n.unasked(sql, err)
			return w
		}
		for _, e := range list {
			since, _ := time.Parse(time.RFC3339, e.StartedAt) // a new one has none
			n.place(&w, Job{ID: string(e.ID), What: string(e.WorkflowID), State: state, Since: since.UTC()})
		}
	}
	w.Unasked = why(sql) + "; its API alone was asked, which tells " + tells + " of workflows that the owner of the key may see"
	return w
}
