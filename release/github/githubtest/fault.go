package githubtest

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Fault is something that goes wrong with the next request it fits.
type Fault struct {
	On      string // a part of "METHOD /path"; "" fits all
	After   bool   // the request is carried out first; only its answer is lost
	Reset   bool   // the connection is reset
	Hang    bool   // no answer ever comes
	Delay   time.Duration
	Status  int // with Delay alone 0: then all goes on
	Header  map[string]string
	Message string
	Body    string // as it is, instead of a JSON message
}

// Fail makes the next requests go wrong, one for each of faults, in order of
// their fitting.
func (s *Server) Fail(faults ...Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, faults...)
}

// Faults gives how many have not happened yet.
func (s *Server) Faults() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.faults)
}

// BadGateway is a 502 as GitHub's load balancer answers it.
func BadGateway() Fault {
	return Fault{Status: http.StatusBadGateway, Message: "Server Error"}
}

// Secondary is the limit on bursts. retryAfter below 0 leaves the header out.
func Secondary(retryAfter int) Fault {
	f := Fault{Status: http.StatusForbidden, Message: "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.", Header: map[string]string{}}
	if retryAfter >= 0 {
		f.Header["Retry-After"] = strconv.Itoa(retryAfter)
	}
	return f
}

// Exhausted is the hourly limit, used up until reset.
func Exhausted(reset time.Time) Fault {
	return Fault{Status: http.StatusForbidden, Message: "API rate limit exceeded for installation ID 1.", Header: map[string]string{
		"X-RateLimit-Limit": "1000", "X-RateLimit-Remaining": "0", "X-RateLimit-Used": "1000",
		"X-RateLimit-Reset": strconv.FormatInt(reset.Unix(), 10), "X-RateLimit-Resource": "core",
	}}
}

// LostAnswer carries the request out and breaks the connection.
func LostAnswer(on string) Fault { return Fault{On: on, After: true, Reset: true} }

// fault takes the first one that fits off the list.
func (s *Server) fault(r *http.Request) (Fault, bool) {
	for i, f := range s.faults {
		if strings.Contains(r.Method+" "+r.URL.RequestURI(), f.On) {
			s.faults = append(s.faults[:i:i], s.faults[i+1:]...)
			if f.Delay > 0 && f.Status == 0 && !f.Reset && !f.Hang {
				time.Sleep(f.Delay)
				return Fault{}, false
			}
			return f, true
		}
	}
	return Fault{}, false
}

// suffer makes a request go wrong, and gives the status that was sent.
func (s *Server) suffer(w http.ResponseWriter, r *http.Request, f Fault) int {
	time.Sleep(f.Delay)
	switch {
	case f.Reset:
		reset(w)
		return 0
	case f.Hang:
		s.mu.Unlock()
		select {
		case <-r.Context().Done():
		case <-s.gone:
		}
		s.mu.Lock()
		return 0
	}
	for name, value := range f.Header {
		w.Header().Set(name, value)
	}
	body := []byte(f.Body)
	if f.Body == "" {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		body, _ = json.Marshal(failure(f.Status, f.Message).body)
	}
	w.WriteHeader(f.Status)
	w.Write(body)
	return f.Status
}

// reset ends the connection under a request, without the goodbye of TCP.
func reset(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	if tcp, ok := conn.(interface{ SetLinger(int) error }); ok {
		tcp.SetLinger(0)
	}
	conn.Close()
}
