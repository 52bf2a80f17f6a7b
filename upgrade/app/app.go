// Package app asks the applications of a stack what an upgrade has to know of them:
// whether they are at work, whether their keys are theirs still, and what has to be so
// afterwards as it was before.
//
// What must stay true:
//   - Nothing here changes an application, but for Reactivate, which people ask for. What its
//     own probes write is said where they are.
//   - What could not be asked is told with the reason. It never counts as a good answer.
//   - No value of the stack leaves: keys are compared by their hash, rows told by number
//     and id.
package app

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/belaystack/belay/lint/image"
	"github.com/belaystack/belay/release/catalog"
	"github.com/belaystack/belay/upgrade/docker"
)

// Stack is how the applications of a stack are asked.
type Stack interface {
	// Members are the services that have containers, in the order of their names.
	Members() []Member
	// Query gives the rows that a statement returns in a database of the PostgreSQL server
	// of a service, each a list of texts; NULL is "". *NoAnswer when there is no such server.
	Query(ctx context.Context, service, database, statement string) ([][]string, error)
	// Exec runs a program in the running container of a service and gives what it prints;
	// when it fails, with its last lines of errors.
	// The values of env reach it unseen.
	Exec(ctx context.Context, service string, env []string, args ...string) (string, error)
	// File reads a file of the container of a service, whether it runs or not: ErrNotFound
	// of package docker when there is none.
	File(ctx context.Context, service, path string) ([]byte, error)
	// Ask sends requests from within the network of a service, one after the other, and
	// gives an answer to each.
	Ask(ctx context.Context, service string, requests ...Request) ([]Response, error)
}

// Member is one service.
type Member struct {
	Service string
	Image   image.Ref
	App     string   // id of the catalog; "" for one that it does not know
	Names   []string // by which others know it besides Service: of its containers, and aliases in networks
	Args    []string
	Env     map[string]docker.Secret
	Running bool
	Started time.Time     // of its oldest container that runs
	Grace   time.Duration // between being asked to stop and being killed
}

// NewMember gives a service its application.
func NewMember(m Member) Member {
	if app, ok := catalog.Load().App(m.Image); ok {
		m.App = app.ID
	}
	return m
}

// NoAnswer is why something could not be asked.
type NoAnswer struct{ Why string }

func (e *NoAnswer) Error() string { return e.Why }

func unknown(format string, args ...any) error { return &NoAnswer{fmt.Sprintf(format, args...)} }

// why is the reason of an error in the words of a report.
func why(err error) string {
	var n *NoAnswer
	if errors.As(err, &n) {
		return n.Why
	}
	return err.Error()
}

// setting is the value of a variable of a service, or what the file holds that the
// variable with _FILE behind its name says: n8n and PostgreSQL's image know both.
func setting(ctx context.Context, st Stack, m Member, key, otherwise string) (string, error) {
	if v, ok := m.Env[key]; ok && v.Reveal() != "" {
		return v.Reveal(), nil
	}
	path := m.Env[key+"_FILE"].Reveal()
	if path == "" {
		return otherwise, nil
	}
	data, err := st.File(ctx, m.Service, path)
	if err != nil {
		return "", unknown("the file of %s_FILE in %s cannot be read", key, m.Service)
	}
	return strings.TrimSpace(string(data)), nil
}

// of are the members that run an application.
func of(all []Member, app string) []Member {
	return slices.DeleteFunc(slices.Clone(all), func(m Member) bool { return m.App != app })
}

// host is the service of the stack that an address names, by whatever name.
func host(all []Member, address string) (string, error) {
	name, _, _ := strings.Cut(address, ":")
	for _, knows := range []func(Member) bool{
		func(m Member) bool { return m.Service == name },
		func(m Member) bool { return slices.Contains(m.Names, name) },
	} {
		if i := slices.IndexFunc(all, knows); i >= 0 {
			return all[i].Service, nil
		}
	}
	return "", unknown("its database server is no service of this stack")
}

// NotServing says why an application does not serve yet, though its container is well; ""
// when it does, or when there is nothing to ask.
func NotServing(ctx context.Context, st Stack, m Member) string {
	if r := redisIn(st, m); r != nil {
		return r.loading(ctx)
	}
	if v := vectorsIn(st, m); v != nil {
		return v.notReady(ctx)
	}
	if m.App == catalog.N8N {
		return n8nNotServing(ctx, st, m)
	}
	return ""
}

// Grace is how long an application may need to end its work when it is asked to stop; 0
// where nothing is known.
func Grace(m Member) time.Duration { return max(N8NGrace(m), RedisGrace(m)) }

// Request is a question by HTTP, or whether a port takes connections.
type Request struct {
	Method  string            `json:"method,omitempty"` // GET when it is empty
	URL     string            `json:"url,omitempty"`
	Headers map[string]string `json:"headers,omitempty"`
	Body    string            `json:"body,omitempty"`
	TCP     string            `json:"tcp,omitempty"`     // "127.0.0.1:6379", instead of all of these
	Timeout time.Duration     `json:"timeout,omitempty"` // 0: 30 s
}

// Response is the answer to one.
type Response struct {
	Error   string            `json:"error,omitempty"` // why there is none
	Status  int               `json:"status"`
	Headers map[string]string `json:"headers,omitempty"`
	Body    []byte            `json:"body,omitempty"` // at most MaxBody
	Took    time.Duration     `json:"took"`
}

// MaxBody is how much of an answer is read, in bytes.
const MaxBody = 4 << 20

func sorted(list []string) []string {
	slices.Sort(list)
	return list
}
