package github

import (
	"context"
	"encoding/json"
	"net/url"
	"slices"

	gh "github.com/google/go-github/v60/github"
)

// Deployment is what is brought where.
type Deployment struct {
	Ref         string // a branch, a tag or a commit
	Environment string
	Production  bool   // people work with it
	Description string // cut to 140 characters
	Run         string // its id: one deployment is made for a run, ref and environment
}

// States of a deployment.
const (
	DeployInProgress = "in_progress"
	DeploySuccess    = "success"
	DeployFailure    = "failure"  // it ran, and it did not go well
	DeployError      = "error"    // it could not run
	DeployInactive   = "inactive" // something else is there by now
)

// DeployStatus is how a deployment goes.
type DeployStatus struct {
	State       string
	Description string // cut to 140 characters
	LogURL      string // "" is none
	URL         string // of what was deployed; "" is none
}

// deployPayload is how a deployment is known again.
type deployPayload struct {
	Run string `json:"belay_run"`
}

// describedMax is what GitHub takes as the description of a deployment's status.
const describedMax = 140

// Deploy makes a deployment and gives its id. It is of the ref as it is:
// GitHub neither merges the default branch into it nor waits for checks, which
// are the ways to a 409. It takes `deployments: write`; an error says so.
func (c *Client) Deploy(ctx context.Context, repo Repo, d Deployment) (int64, error) {
	const op = "make a deployment of"
	if _, err := repoPath(op, repo.String()); err != nil {
		return 0, err
	}
	if err := checkRef(op, repo.String(), d.Ref); err != nil {
		return 0, err
	}
	if d.Ref == "" || d.Environment == "" || !runForm().MatchString(d.Run) {
		return 0, &Error{Op: op, Repo: repo.String(), Kind: Invalid, Err: errName("a deployment without a ref, an environment or a run")}
	}
	rest, client := c.own.rest(ctx, repo.String())
	request := &gh.DeploymentRequest{
		Ref: gh.String(d.Ref), Environment: gh.String(d.Environment), Description: gh.String(short(d.Description, describedMax)), Payload: deployPayload{d.Run},
		AutoMerge: gh.Bool(false), RequiredContexts: &[]string{}, TransientEnvironment: gh.Bool(false), ProductionEnvironment: gh.Bool(d.Production),
	}
	for attempt := 0; ; attempt++ {
		made, _, err := client.Repositories.CreateDeployment(rest, repo.Owner, repo.Name, request)
		if err == nil {
			return made.GetID(), nil
		}
		err = refusedWrite(err, "deployments")
		if !isKind(err, Offline, Broken) || attempt > 0 || c.backoff(ctx, 1) != nil {
			return 0, named(err, op, repo.String())
		}
		// The answer may be lost, the deployment not.
		there, _, lookErr := client.Repositories.ListDeployments(rest, repo.Owner, repo.Name, &gh.DeploymentsListOptions{Ref: d.Ref, Environment: d.Environment, ListOptions: gh.ListOptions{PerPage: perPage}})
		if lookErr != nil {
			return 0, named(err, op, repo.String())
		}
		for _, x := range there {
			var p deployPayload
			if json.Unmarshal(x.Payload, &p) == nil && p.Run == d.Run {
				return x.GetID(), nil
			}
		}
	}
}

// lookedAt is how many of the newest deployments OpenDeployments looks at.
const lookedAt = 10

// OpenDeployments gives the deployments of an environment that were made here and are
// still in progress, newest first: those of jobs that did not see the end of what they
// began. Only the newest ten are looked at.
func (c *Client) OpenDeployments(ctx context.Context, repo Repo, environment string) ([]int64, error) {
	const op = "look for open deployments of"
	if _, err := repoPath(op, repo.String()); err != nil {
		return nil, err
	}
	rest, client := c.own.rest(ctx, repo.String())
	there, _, err := client.Repositories.ListDeployments(rest, repo.Owner, repo.Name, &gh.DeploymentsListOptions{Environment: environment, ListOptions: gh.ListOptions{PerPage: lookedAt}})
	if err != nil {
		return nil, named(err, op, repo.String())
	}
	var open []int64
	for _, d := range there {
		var p deployPayload
		if json.Unmarshal(d.Payload, &p) != nil || p.Run == "" {
			continue
		}
		said, _, err := client.Repositories.ListDeploymentStatuses(rest, repo.Owner, repo.Name, d.GetID(), &gh.ListOptions{PerPage: perPage})
		if err != nil {
			return nil, named(err, op, repo.String())
		}
		var last *gh.DeploymentStatus
		for _, s := range said {
			if last == nil || s.GetID() > last.GetID() {
				last = s
			}
		}
		if last.GetState() == DeployInProgress {
			open = append(open, d.GetID())
		}
	}
	return open, nil
}

// SetDeployStatus adds a status to a deployment. After a success GitHub makes
// the earlier ones of the environment inactive, unless it is of production.
func (c *Client) SetDeployStatus(ctx context.Context, repo Repo, id int64, s DeployStatus) error {
	const op = "set the status of a deployment of"
	if _, err := repoPath(op, repo.String()); err != nil {
		return err
	}
	if !slices.Contains([]string{DeployInProgress, DeploySuccess, DeployFailure, DeployError, DeployInactive}, s.State) {
		return &Error{Op: op, Repo: repo.String(), Kind: Invalid, Err: errName("not a state of a deployment")}
	}
	request := &gh.DeploymentStatusRequest{State: gh.String(s.State), Description: gh.String(short(s.Description, describedMax))}
	for _, address := range []struct {
		text string
		to   **string
	}{{s.LogURL, &request.LogURL}, {s.URL, &request.EnvironmentURL}} {
		if address.text == "" {
			continue
		}
		if u, err := url.Parse(address.text); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			return &Error{Op: op, Repo: repo.String(), Kind: Invalid, Err: errName("a link that is no address of a page")}
		}
		*address.to = gh.String(address.text)
	}
	rest, client := c.own.rest(ctx, repo.String())
	for attempt := 0; ; attempt++ { // the same said twice does no harm
		_, _, err := client.Repositories.CreateDeploymentStatus(rest, repo.Owner, repo.Name, id, request)
		if err == nil {
			return nil
		}
		if err = refusedWrite(err, "deployments"); !isKind(err, Offline, Broken) || attempt > 0 || c.backoff(ctx, 1) != nil {
			return named(err, op, repo.String())
		}
	}
}
