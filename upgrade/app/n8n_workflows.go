package app

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

const activeWorkflows = "active workflows"

// workflows is the set of active ones. An upgrade changes no version: what migrates sets one
// where there is none (packages/@n8n/db of n8n 2.4.8, AddActiveVersionIdColumn and
// ActivateExecuteWorkflowTriggerWorkflows).
func (n *N8N) workflows(ctx context.Context) Fact {
	f := n.fact(activeWorkflows, Keeps)
	f.Items, f.Versions, f.Unasked = n.active(ctx)
	return f
}

// active gives the workflows that are active, by id: their names, and the version that is.
// n8n 1.110.1 has none; 1.123.81 has one, and from 2.0 on it can be another than the latest.
func (n *N8N) active(ctx context.Context) (names, versions map[string]string, unasked string) {
	rows, err := n.query(ctx, `SELECT w.id::text, w.name, coalesce(to_jsonb(w) ->> 'activeVersionId', '') FROM `+n.table("workflow_entity")+` w WHERE w.active ORDER BY 1`)
	if err != nil {
		type workflow struct {
			ID              ident
			Name            string
			ActiveVersionID string
		}
		list, byAPI := pages[workflow](ctx, n, "workflows?active=true")
		if byAPI != nil {
			return nil, nil, n.unasked(err, byAPI)
		}
		for _, w := range list {
			rows = append(rows, []string{string(w.ID), w.Name, w.ActiveVersionID})
		}
	}
	names, versions = map[string]string{}, map[string]string{}
	for _, r := range rows {
		names[r[0]] = r[1]
		if r[2] != "" {
			versions[r[0]] = r[2]
		}
	}
	return names, versions, ""
}

// Again is a workflow that was active before an upgrade and not after it.
type Again struct {
	Service string `json:"service,omitempty"` // one of its n8n, where there are several
	ID      string `json:"id"`
	Name    string `json:"name,omitempty"`
	Failed  string `json:"failed,omitempty"` // why it was not activated again
}

func (a Again) String() string {
	text := named(a.Name, a.ID) + " of n8n"
	if a.Service != "" {
		text += " in " + a.Service
	}
	if a.Failed != "" {
		return text + " was not activated again: " + a.Failed
	}
	return text + " was activated again"
}

// Reactivate activates what was active before and is not now, in the version that was. The
// path /activate is in all releases, since 2.36 besides /publish. n8n 2 takes the latest
// draft when it is told no version (openapi.yml of 2.4.8); n8n 1 has no drafts, and passes
// over the body (workflow.service.ts of 1.123.81).
func (n *N8N) Reactivate(ctx context.Context, before []Fact) []Again {
	i := slices.IndexFunc(before, func(f Fact) bool { return f.App == "n8n" && f.Service == n.of && f.Name == activeWorkflows })
	if i < 0 {
		return nil
	}
	was := before[i]
	now, _, unasked := n.active(ctx)
	if unasked != "" {
		return nil // who compares says so
	}
	drafts := n.drafts(ctx)
	var out []Again
	var requests []Request
	for _, id := range slices.Sorted(maps.Keys(was.Items)) {
		if _, ok := now[id]; ok {
			continue
		}
		one := Again{Service: n.of, ID: id, Name: was.Items[id]}
		body := map[string]string{}
		if v := was.Versions[id]; v != "" {
			body["versionId"] = v
		} else if drafts {
			one.Failed = "its version of before is not known, and n8n would take the latest draft"
		}
		if one.Failed == "" {
			text, _ := json.Marshal(body) // texts are always JSON
			requests = append(requests, Request{Method: http.MethodPost, URL: "workflows/" + url.PathEscape(id) + "/activate", Body: string(text)})
		}
		out = append(out, one)
	}
	if len(requests) == 0 {
		return out
	}
	got, err := n.api(ctx, requests...)
	for i := range out {
		if out[i].Failed != "" {
			continue
		}
		failed := err
		if failed == nil {
			failed = n.answer(got[0], new(json.RawMessage))
			got = got[1:]
		}
		if failed != nil {
			out[i].Failed = "its API: " + why(failed)
		}
	}
	return out
}

// drafts says that n8n may have drafts: what does not say that it is older than 2.0.
func (n *N8N) drafts(ctx context.Context) bool {
	m, ok := n.main()
	if !ok {
		return true
	}
	out, err := n.st.Exec(ctx, m.Service, nil, "n8n", "--version")
	return err != nil || !strings.HasPrefix(strings.TrimSpace(out), "1.")
}
