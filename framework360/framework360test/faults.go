package framework360test

import (
	"github.com/tg360/tg360/internal/fake"
	"github.com/tg360/tg360/internal/faults"
)

// Fault is a way in which the server misbehaves, and towards which requests. Its
// fields are Kind, Operation (the profile's name; empty: all), Share (of the
// requests, up to 1; 0: all), Times (a bound; 0: none), Delay (until a late
// effect, or until a slow server answers), RetryAfter (of [TooMany429]; empty:
// 1 s) and Body (of the reply that a fault makes; empty: a usual one).
type Fault = fake.Fault

// FaultKind says how the server misbehaves. Before means that the request has no
// effect, After that it has.
type FaultKind = faults.Kind

// The faults.
const (
	DropBefore     = faults.DropBefore     // the connection is cut, nothing happened
	DropAfter      = faults.DropAfter      // the connection is cut, the effect stands
	Error500Before = faults.Error500Before // status 500, nothing happened
	Error500After  = faults.Error500After  // status 500, the effect stands
	LateEffect     = faults.LateEffect     // the connection is cut at once, the effect comes after Delay
	Hang           = faults.Hang           // no answer until the client gives up, nothing happened
	HangAfter      = faults.HangAfter      // no answer until the client gives up, the effect stands
	Truncate       = faults.Truncate       // the reply ends in the middle, the effect stands
	HTML502        = faults.HTML502        // a proxy's error page, nothing happened
	HTML200        = faults.HTML200        // a page instead of an answer, nothing happened
	OK200Error     = faults.OK200Error     // status 200 and an error in the body, nothing happened
	TooMany429     = faults.TooMany429     // status 429 with Retry-After, nothing happened
	Slow           = faults.Slow           // the answer comes after Delay
)

// Faults replaces the faults that requests meet; none: all goes well. The first
// that applies to a request decides. It panics on an unknown kind.
func (s *Server) Faults(list ...Fault) { s.http.Faults(list...) }

// FaultCounts says how often each kind of fault has happened.
func (s *Server) FaultCounts() map[FaultKind]int { return s.http.FaultCounts() }
