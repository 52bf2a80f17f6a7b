package githubtest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"
)

const (
	aboutDeployments = docs + "/deployments/deployments#create-a-deployment"
	aboutStatuses    = docs + "/deployments/statuses#create-a-deployment-status"
)

// Deployment is one of a repository, with what became of it.
type Deployment struct {
	ID          int64              `json:"id"`
	Ref         string             `json:"ref"`
	SHA         string             `json:"sha"`
	Environment string             `json:"environment"`
	Creator     string             `json:"creator"`
	Description string             `json:"description"`
	Payload     json.RawMessage    `json:"payload"`
	Transient   bool               `json:"transient"`
	Production  bool               `json:"production"`
	Created     time.Time          `json:"created"`
	Statuses    []DeploymentStatus `json:"statuses"` // oldest first
}

// DeploymentStatus is what somebody said of a deployment.
type DeploymentStatus struct {
	State          string `json:"state"`
	Description    string `json:"description"`
	LogURL         string `json:"log_url"`
	EnvironmentURL string `json:"environment_url"`
}

// Deployments gives those of a repository, oldest first.
func (s *Server) Deployments(repo string) []Deployment {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := []Deployment{}
	for _, d := range s.repo(repo).deployed {
		c := *d
		c.Statuses = slices.Clone(d.Statuses)
		out = append(out, c)
	}
	return out
}

func (s *Server) createDeployment(r *request) reply {
	if no := r.may(deployments); no != nil {
		return *no
	}
	doc := struct {
		Ref                   string
		Environment           string
		Description           string
		Payload               json.RawMessage
		AutoMerge             bool      `json:"auto_merge"`
		RequiredContexts      *[]string `json:"required_contexts"`
		Transient             bool      `json:"transient_environment"`
		ProductionEnvironment *bool     `json:"production_environment"`
	}{Environment: "production", AutoMerge: true}
	if json.Unmarshal(r.body, &doc) != nil {
		return failure(http.StatusBadRequest, "Problems parsing JSON")
	}
	g := &r.repo.git
	sha := g.commitID(doc.Ref)
	if g.commits[sha].tree == "" {
		return failureAt(aboutDeployments, http.StatusUnprocessableEntity, "No ref found for: "+doc.Ref)
	}
	if doc.AutoMerge && !g.ancestors(sha)[g.refs["main"]] {
		return failureAt(aboutDeployments, http.StatusConflict, "Conflict merging main into "+doc.Ref+".")
	}
	if wanted := r.repo.settings.Checks; len(wanted) > 0 && (doc.RequiredContexts == nil || len(*doc.RequiredContexts) > 0) {
		return failureAt(aboutDeployments, http.StatusConflict, "Conflict: Commit status checks failed for "+doc.Ref+".", map[string]any{"resource": "Deployment", "field": "required_contexts", "code": "invalid"})
	}
	d := &Deployment{ID: s.id(), Ref: doc.Ref, SHA: sha, Environment: doc.Environment, Creator: r.token.login, Description: doc.Description, Payload: doc.Payload,
		Transient: doc.Transient, Production: doc.Environment == "production", Created: s.now().UTC()}
	if doc.ProductionEnvironment != nil {
		d.Production = *doc.ProductionEnvironment
	}
	r.repo.deployed = append(r.repo.deployed, d)
	return reply{status: http.StatusCreated, body: r.deploymentJSON(d)}
}

// listDeployments gives the newest first, as GitHub does.
func (s *Server) listDeployments(r *request) reply {
	q := r.URL.Query()
	var found []*Deployment
	for _, d := range slices.Backward(r.repo.deployed) {
		if (!q.Has("ref") || q.Get("ref") == d.Ref) && (!q.Has("environment") || q.Get("environment") == d.Environment) {
			found = append(found, d)
		}
	}
	page, header := paged(r, found)
	out := []any{}
	for _, d := range page {
		out = append(out, r.deploymentJSON(d))
	}
	return reply{status: http.StatusOK, header: header, body: out}
}

// listStatuses gives the newest first, as GitHub does.
func (s *Server) listStatuses(r *request) reply {
	id, _ := strconv.ParseInt(r.args[0], 10, 64)
	i := slices.IndexFunc(r.repo.deployed, func(d *Deployment) bool { return d.ID == id })
	if i < 0 {
		return failure(http.StatusNotFound, "Not Found")
	}
	d := r.repo.deployed[i]
	all := []any{}
	for n := range slices.Backward(d.Statuses) {
		all = append(all, r.statusJSON(d, n))
	}
	page, header := paged(r, all)
	return reply{status: http.StatusOK, header: header, body: page}
}

func (s *Server) createStatus(r *request) reply {
	if no := r.may(deployments); no != nil {
		return *no
	}
	id, _ := strconv.ParseInt(r.args[0], 10, 64)
	i := slices.IndexFunc(r.repo.deployed, func(d *Deployment) bool { return d.ID == id })
	if i < 0 {
		return failure(http.StatusNotFound, "Not Found")
	}
	var doc struct {
		State, Description string
		LogURL             string `json:"log_url"`
		EnvironmentURL     string `json:"environment_url"`
		AutoInactive       *bool  `json:"auto_inactive"`
	}
	if json.Unmarshal(r.body, &doc) != nil {
		return failure(http.StatusBadRequest, "Problems parsing JSON")
	}
	wrong := func(field, message string) reply {
		return failureAt(aboutStatuses, http.StatusUnprocessableEntity, "Validation Failed", map[string]any{"resource": "DeploymentStatus", "field": field, "code": "custom", "message": message})
	}
	switch {
	case !slices.Contains([]string{"error", "failure", "inactive", "in_progress", "queued", "pending", "success"}, doc.State):
		return wrong("state", "state is not included in the list")
	case len([]rune(doc.Description)) > 140:
		return wrong("description", "description is too long (maximum is 140 characters)")
	case !isURL(doc.LogURL):
		return wrong("log_url", "log_url must use http(s) scheme")
	case !isURL(doc.EnvironmentURL):
		return wrong("environment_url", "environment_url must use http(s) scheme")
	}
	d := r.repo.deployed[i]
	d.Statuses = append(d.Statuses, DeploymentStatus{doc.State, doc.Description, doc.LogURL, doc.EnvironmentURL})
	if doc.State == "success" && (doc.AutoInactive == nil || *doc.AutoInactive) {
		for _, old := range r.repo.deployed[:i] {
			if last := len(old.Statuses); old.Environment == d.Environment && !old.Transient && !old.Production && last > 0 && old.Statuses[last-1].State == "success" {
				old.Statuses = append(old.Statuses, DeploymentStatus{State: "inactive"})
			}
		}
	}
	return reply{status: http.StatusCreated, body: r.statusJSON(d, len(d.Statuses)-1)}
}

// isURL reports whether text is the address of a page, or none.
func isURL(text string) bool {
	u, err := url.Parse(text)
	return text == "" || err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != ""
}

func (r *request) deploymentJSON(d *Deployment) map[string]any {
	self := r.url(fmt.Sprintf("deployments/%d", d.ID))
	payload := any("")
	if len(d.Payload) > 0 {
		payload = d.Payload
	}
	return map[string]any{
		"id": d.ID, "node_id": fmt.Sprintf("DE_%d", d.ID), "url": self, "sha": d.SHA, "ref": d.Ref, "task": "deploy", "payload": payload, "environment": d.Environment, "original_environment": d.Environment,
		"description": d.Description, "creator": person(r.base, d.Creator), "created_at": stamp(d.Created), "updated_at": stamp(d.Created), "statuses_url": self + "/statuses",
		"repository_url": r.base + "/repos/" + r.repo.name, "transient_environment": d.Transient, "production_environment": d.Production,
	}
}

func (r *request) statusJSON(d *Deployment, n int) map[string]any {
	st, self := d.Statuses[n], r.url(fmt.Sprintf("deployments/%d", d.ID))
	return map[string]any{
		"id": d.ID + int64(n) + 1, "node_id": fmt.Sprintf("DES_%d_%d", d.ID, n), "url": fmt.Sprintf("%s/statuses/%d", self, n+1), "state": st.State, "creator": person(r.base, r.token.login),
		"description": st.Description, "environment": d.Environment, "target_url": st.LogURL, "created_at": stamp(d.Created), "updated_at": stamp(d.Created), "deployment_url": self,
		"repository_url": r.base + "/repos/" + r.repo.name, "environment_url": st.EnvironmentURL, "log_url": st.LogURL,
	}
}
