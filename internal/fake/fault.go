package fake

import (
	"cmp"
	"net/http"
	"time"

	"github.com/tg360/tg360/internal/faults"
)

// Fault is a way in which a server misbehaves, and towards which requests.
type Fault struct {
	Kind       faults.Kind
	Operation  string        // the profile's name; empty: all
	Share      float64       // of the requests, up to 1; 0: all of them
	Times      int           // bounds how often it happens; 0: no bound
	Delay      time.Duration // until a late effect, or until a slow server answers
	RetryAfter string        // of a 429: seconds or a date; empty: 1 s
	Body       string        // of the reply that the fault makes; empty: a usual one
}

// Faults replaces the faults that requests meet; none: all goes well. It panics
// on an unknown kind.
func (s *Server) Faults(list ...Fault) {
	rules := make([]faults.Rule, len(list))
	for i, f := range list {
		if f.Kind == faults.OK200Error && f.Body == "" {
			f.Body = s.config.Failure
		}
		rules[i] = faults.Rule{Kind: f.Kind, Share: cmp.Or(f.Share, 1), Times: f.Times, Delay: f.Delay, RetryAfter: f.RetryAfter, Body: f.Body}
		if f.Operation != "" {
			rules[i].Match = func(r *http.Request) bool { return operation(r) == f.Operation }
		}
	}
	s.faults.Set(rules...)
}

// operation is that of a request that was found.
func operation(r *http.Request) string {
	req, _ := r.Context().Value(requestKey{}).(*Request)
	if req == nil {
		return ""
	}
	return req.Operation
}

// FaultCounts says how often each kind of fault has happened.
func (s *Server) FaultCounts() map[faults.Kind]int { return s.faults.Counts() }
