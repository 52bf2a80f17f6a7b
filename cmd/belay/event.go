package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// maxEvent bounds the event file, in bytes. GitHub caps a payload at 25 MB
// (docs.github.com, "Webhook events and payloads").
const maxEvent = 25 << 20

// event is what Belay reads of the event that started a workflow run. The
// payload holds other people's text: nothing else of it is used. Its labels are
// not either: a run that a person repeats gets the payload of the first.
type event struct {
	PullRequest int    // the pull request's number; 0 when the event is about none
	Base        string // the commit that the change starts from, 40 or 64 hex digits; "" when the event has none
	Head        string // the last commit of the pull request; "" of another event
	Run         *ranBefore
}

// ranBefore is the workflow run that a workflow_run event is about.
type ranBefore struct {
	ID         string
	Head       string // the commit that it ran for
	HeadRepo   string // "owner/name" of the repository that the commit is in, perhaps a fork
	HeadBranch string
}

// eventsRead are the events whose file is read.
var eventsRead = []string{"pull_request", "pull_request_target", "merge_group", "workflow_run"}

// readEvent reads the event of this workflow run; nil when it is another
// than those of eventsRead. open opens a file of this machine.
func readEvent(getenv func(string) string, open func(string) (io.ReadCloser, error)) (*event, error) {
	kind := getenv("GITHUB_EVENT_NAME")
	if !slices.Contains(eventsRead, kind) {
		return nil, nil
	}
	f, err := open(getenv("GITHUB_EVENT_PATH"))
	if err != nil {
		return nil, fmt.Errorf("event %s read: %w", kind, err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxEvent+1))
	if err != nil {
		return nil, fmt.Errorf("event %s read: %w", kind, err)
	}
	ev, err := parseEvent(data)
	if err != nil {
		return nil, fmt.Errorf("event %s: %w", kind, err)
	}
	return ev, nil
}

// parseEvent reads the payload of a pull_request, merge_group or workflow_run event. It is
// an error when it is larger than maxEvent, not one JSON object, or when what
// is used of it is not of the shape that GitHub documents.
func parseEvent(data []byte) (*event, error) {
	if len(data) > maxEvent {
		return nil, fmt.Errorf("more than %d bytes", maxEvent)
	}
	var payload struct {
		PullRequest *struct {
			Number int `json:"number"`
			Base   struct {
				SHA string `json:"sha"`
			} `json:"base"`
			Head struct {
				SHA string `json:"sha"`
			} `json:"head"`
		} `json:"pull_request"`
		MergeGroup *struct {
			BaseSHA string `json:"base_sha"`
		} `json:"merge_group"`
		WorkflowRun *struct {
			ID             int64  `json:"id"`
			HeadSHA        string `json:"head_sha"`
			HeadBranch     string `json:"head_branch"`
			HeadRepository struct {
				FullName string `json:"full_name"`
			} `json:"head_repository"`
		} `json:"workflow_run"`
	}
	if err := json.Unmarshal(data, &payload); err != nil {
		return nil, describeJSON(err)
	}
	ev := &event{}
	switch pr := payload.PullRequest; {
	case pr != nil:
		if pr.Number <= 0 {
			return nil, errors.New("pull_request.number is missing")
		}
		ev.PullRequest, ev.Base, ev.Head = pr.Number, pr.Base.SHA, pr.Head.SHA
		if ev.Head != "" && !isCommit(ev.Head) {
			return nil, errors.New("the head is not a commit id")
		}
	case payload.WorkflowRun != nil:
		run := payload.WorkflowRun
		if !isCommit(run.HeadSHA) || run.HeadRepository.FullName == "" {
			return nil, errors.New("workflow_run: the head is missing")
		}
		ev.Head = run.HeadSHA
		ev.Run = &ranBefore{strconv.FormatInt(run.ID, 10), run.HeadSHA, run.HeadRepository.FullName, run.HeadBranch}
		return ev, nil
	case payload.MergeGroup != nil:
		ev.Base = payload.MergeGroup.BaseSHA
	default:
		return nil, errors.New("neither pull_request nor merge_group nor workflow_run in it")
	}
	if !isCommit(ev.Base) {
		return nil, errors.New("the base is not a commit id")
	}
	return ev, nil
}

// describeJSON is err without the text that it was read from.
func describeJSON(err error) error {
	var shape *json.UnmarshalTypeError
	if errors.As(err, &shape) && shape.Field != "" {
		return fmt.Errorf("%s is not of the shape that GitHub documents", shape.Field)
	}
	return errors.New("not a JSON object")
}

// isCommit reports whether s is a full commit id, of SHA-1 or SHA-256.
func isCommit(s string) bool {
	return (len(s) == 40 || len(s) == 64) && strings.Trim(s, "0123456789abcdef") == ""
}
