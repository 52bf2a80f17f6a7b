package github

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"syscall"
	"time"
	"unicode"
)

// Kind is why a question has no answer.
type Kind int

const (
	// Offline is that GitHub cannot be asked now: no network, a proxy or a
	// certificate in the way, no answer in time, or a 5xx.
	Offline Kind = iota
	NotFound
	Refused  // a token that is none, or lacks a right
	Limited  // the rate limit is used up until Until
	Invalid  // GitHub, or a check before it, does not take what was to be sent
	TooLarge // more than is read or may be sent
	Moved    // to another address than a question may follow to
	Broken   // an answer that makes no sense
)

func (k Kind) String() string {
	return [...]string{"offline", "not found", "refused", "limited", "invalid", "too large", "moved", "broken"}[k]
}

// Error is a question that got no answer. Its text and its hint hold no token,
// no query of a URL, and of GitHub's own words only a short printable piece.
type Error struct {
	Op     string // what was wanted, as in "read the releases of"
	Repo   string // owner/name
	Kind   Kind
	Status int       // of HTTP; 0 when there was no answer
	Until  time.Time // of Limited
	Needs  string    // of Refused and Invalid: what would let it through, to go on after "it needs"; "" is not known
	Err    error     // the cause, in words that may be printed
}

func (e *Error) Error() string {
	var b strings.Builder
	if e.Op != "" {
		b.WriteString(strings.TrimSpace(e.Op+" "+e.Repo) + ": ")
	}
	switch e.Kind {
	case NotFound:
		b.WriteString("not found on GitHub")
	case Limited:
		b.WriteString("GitHub's rate limit is used up")
		if !e.Until.IsZero() {
			b.WriteString(" until " + e.Until.UTC().Format(time.TimeOnly+" UTC"))
		}
		return b.String()
	case Offline:
		b.WriteString("GitHub did not answer")
	case Refused:
		b.WriteString("GitHub refused it")
	case Moved:
		b.WriteString("it moved to another address")
	case Invalid:
		b.WriteString("not accepted")
	case TooLarge:
		b.WriteString("too large")
	case Broken:
		b.WriteString("an answer that makes no sense")
	}
	if e.Status != 0 {
		fmt.Fprintf(&b, " (%d)", e.Status)
	}
	if e.Err != nil {
		b.WriteString(": " + e.Err.Error())
	}
	return b.String()
}

func (e *Error) Unwrap() error { return e.Err }

// Hint names the next move; "" where there is none.
func (e *Error) Hint() string {
	switch e.Kind {
	case Offline:
		switch {
		case errors.Is(e.Err, errProxy):
			return "look at HTTPS_PROXY and NO_PROXY of this runner"
		case errors.Is(e.Err, errAuthority):
			return "give the PEM file of the authority that signs for this network"
		}
		return "look at the network of this runner, then run again"
	case Refused:
		if e.Status == http.StatusUnauthorized {
			return "the token is not valid for this server, or expired"
		}
		if e.Needs != "" {
			return "it needs " + e.Needs
		}
		return "look at `permissions:` of the workflow; a pull request from a fork has a token that may only read"
	case Invalid:
		if e.Needs != "" {
			return "it needs " + e.Needs
		}
	case Limited:
		return "run again later, or give a token: without one GitHub answers 60 questions an hour"
	case NotFound:
		return "look at the name; GitHub also says so of what the token may not see"
	case Moved:
		return "use the new name of the repository"
	}
	return ""
}

// Causes that Hint knows.
var (
	errProxy     = errors.New("the proxy is not to be reached or refuses")
	errAuthority = errors.New("its certificate is signed by an authority that is not known here")
)

// named gives err the name of what was wanted. Anything that is no *Error is
// an answer that could not be read.
func named(err error, op, repo string) error {
	if err == nil {
		return nil
	}
	var e *Error
	if !errors.As(err, &e) {
		e = &Error{Kind: Broken}
		if ctx := contextCause(err); ctx != nil {
			e.Kind, e.Err = Offline, ctx
		}
	}
	out := *e
	out.Op, out.Repo = op, repo
	return &out
}

// isKind reports whether err is an *Error of one of kinds.
func isKind(err error, kinds ...Kind) bool {
	var e *Error
	if !errors.As(err, &e) {
		return false
	}
	for _, k := range kinds {
		if e.Kind == k {
			return true
		}
	}
	return false
}

func contextCause(err error) error {
	for _, cause := range []error{context.Canceled, context.DeadlineExceeded} {
		if errors.Is(err, cause) {
			return cause
		}
	}
	return nil
}

// describe puts a failed request into words of our own: those of the network
// library quote addresses, and with a proxy also its password.
func describe(err error) *Error {
	e := &Error{Kind: Offline, Err: errBroke}
	var op *net.OpError
	var dns *net.DNSError
	var authority x509.UnknownAuthorityError
	var host x509.HostnameError
	var cert *tls.CertificateVerificationError
	var timeout net.Error
	switch {
	case contextCause(err) == context.Canceled:
		e.Err = context.Canceled
	case strings.Contains(err.Error(), "proxyconnect"), strings.Contains(err.Error(), "Proxy Authentication Required"):
		e.Err = errProxy
	case errors.As(err, &authority):
		e.Err = errAuthority
	case errors.As(err, &host), errors.As(err, &cert):
		e.Err = errors.New("its certificate is not valid for this host or this time")
	case errors.As(err, &dns):
		e.Err = fmt.Errorf("the name %s has no address", cut(dns.Name))
	case errors.Is(err, syscall.ECONNREFUSED):
		e.Err = errors.New("the connection was refused")
	case errors.As(err, &op) && op.Op == "dial":
		e.Err = errors.New("there is no way to it from here")
	case errors.As(err, &timeout) && timeout.Timeout(), contextCause(err) != nil:
		e.Err = errTimeout
	}
	return e
}

// errBroke is a connection that ended before the answer did.
var errBroke = errors.New("the connection broke off")

var errTimeout = fmt.Errorf("no answer within %s", requestTimeout)

// refusal is the *Error of an answer that is neither 2xx nor 304. Should it
// repeat the token, its words are left out.
func refusal(a *answer, token string) *Error {
	e := &Error{Status: a.status, Kind: Broken}
	switch s := a.status; {
	case s == http.StatusUnauthorized, s == http.StatusForbidden, s == http.StatusTooManyRequests, s == http.StatusUnavailableForLegalReasons:
		e.Kind = Refused
	case s == http.StatusNotFound, s == http.StatusGone:
		e.Kind = NotFound
		return e
	case s == http.StatusUnprocessableEntity, s == http.StatusConflict, s == http.StatusBadRequest:
		e.Kind = Invalid
	case s == http.StatusRequestEntityTooLarge, s == http.StatusNotAcceptable:
		e.Kind = TooLarge
	case s == http.StatusProxyAuthRequired:
		e.Kind, e.Err = Offline, errProxy
		return e
	case s >= 500:
		e.Kind = Offline
	}
	if m := a.message(); m != "" && (token == "" || !strings.Contains(string(a.body), token)) {
		e.Err = errors.New(m)
	}
	return e
}

// message is what GitHub says of a refusal, cut short.
func (a *answer) message() string {
	var doc struct {
		Message string
		Errors  []json.RawMessage
	}
	if json.Unmarshal(a.body, &doc) != nil {
		return ""
	}
	for _, raw := range doc.Errors {
		var detail struct{ Message string }
		if json.Unmarshal(raw, &detail) == nil && detail.Message != "" {
			return cut(doc.Message + ": " + detail.Message)
		}
	}
	return cut(doc.Message)
}

const maxWords = 160

// cut makes text of a stranger printable on one line, and short.
func cut(text string) string {
	var b strings.Builder
	n := 0
	for _, r := range text {
		if n++; n > maxWords {
			b.WriteString("...")
			break
		}
		// A workflow command or a mark-up needs one of these.
		if !unicode.IsPrint(r) || strings.ContainsRune("<>`#[]|%", r) {
			r = ' '
		}
		b.WriteRune(r)
	}
	return strings.ReplaceAll(strings.Join(strings.Fields(b.String()), " "), "::", ":")
}
