package app

import "context"

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
