package syncer

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/tg360/tg360/framework360"
	"github.com/tg360/tg360/totalgest"
)

// class says how the pipelines treat an error.
type class int

const (
	passing        class = iota // tried again with growing waits
	permanent                   // a person must act on this item
	connectionWide              // a person must act on the connection; no attempt is consumed
	throttled                   // the other side asked to wait; no attempt is consumed
	interrupted                 // we are stopping
)

var (
	connectionErrors = []error{
		totalgest.ErrUnauthorized, totalgest.ErrForbidden, totalgest.ErrMismatch, totalgest.ErrUnconfirmed,
		framework360.ErrUnauthorized, framework360.ErrForbidden, framework360.ErrInactive,
		framework360.ErrPluginActive, framework360.ErrUnconfirmed,
	}
	permanentErrors = []error{
		totalgest.ErrInvalid, totalgest.ErrNotFound, totalgest.ErrConflict, totalgest.ErrInvalidRecord, totalgest.ErrArgument, totalgest.ErrUnsupported,
		framework360.ErrInvalid, framework360.ErrNotFound, framework360.ErrConflict, framework360.ErrInvalidRecord, framework360.ErrArgument, framework360.ErrUnsupported,
	}
	throttles = []error{totalgest.ErrRateLimited, framework360.ErrRateLimited}
)

func classify(err error) class {
	is := func(targets []error) bool {
		for _, t := range targets {
			if errors.Is(err, t) {
				return true
			}
		}
		return false
	}
	switch {
	case is(connectionErrors):
		return connectionWide
	case is(throttles):
		return throttled
	case is(permanentErrors):
		return permanent
	case errors.Is(err, context.Canceled):
		return interrupted
	}
	return passing
}

// sent reports whether a write that ended in err may have happened. Only a
// client that says otherwise is believed.
func sent(err error) bool {
	var te *totalgest.Error
	var fe *framework360.Error
	outcome := totalgest.OutcomeInDoubt
	switch {
	case errors.As(err, &te):
		outcome = te.Outcome
	case errors.As(err, &fe):
		outcome = fe.Outcome
	}
	return outcome != totalgest.OutcomeRefused && outcome != totalgest.OutcomeNotSent
}

// retryAfter returns how long the other side asked to wait.
func retryAfter(err error) time.Duration {
	var te *totalgest.Error
	var fe *framework360.Error
	switch {
	case errors.As(err, &te):
		return te.RetryAfter
	case errors.As(err, &fe):
		return fe.RetryAfter
	}
	return 0
}

// fieldProblems returns what the other side said of single fields.
func fieldProblems(err error) []Problem {
	var out []Problem
	var te *totalgest.Error
	var fe *framework360.Error
	switch {
	case errors.As(err, &te):
		for _, f := range te.Fields {
			out = append(out, Problem{Field: f.Path, Message: f.Message})
		}
	case errors.As(err, &fe):
		for _, f := range fe.Fields {
			out = append(out, Problem{Field: f.Path, Message: f.Message})
		}
	}
	return out
}

// backoff returns the wait before the next attempt: doubled each time, with
// jitter, and never shorter than the other side asked for.
func (c *Connection) backoff(attempts int, err error) time.Duration {
	wait := c.RetryMost
	if shift := attempts - 1; shift < 16 {
		wait = min(wait, c.RetryFirst<<max(shift, 0))
	}
	wait = wait/2 + rand.N(wait/2+1)
	return max(wait, retryAfter(err))
}

// ItemError is why one item was not synced. It is what the default mappings
// return, and a custom one may.
type ItemError struct {
	Reason   Reason
	Code     string
	Message  string
	Problems []Problem
}

// Error implements error.
func (e *ItemError) Error() string {
	s := e.Code + ": " + e.Message
	for _, p := range e.Problems {
		s += "; " + p.Field + ": " + p.Message
	}
	return s
}
