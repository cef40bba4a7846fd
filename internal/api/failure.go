package api

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/tg360/tg360/internal/transport"
	"github.com/tg360/tg360/internal/wire"
)

// Code is the kind of a failure; it stays the same over versions.
type Code string

// The codes.
const (
	Unauthorized  Code = "unauthorized"     // who we are was not accepted
	Forbidden     Code = "forbidden"        // we may not do this
	NotFound      Code = "not_found"        // there is no such thing
	Conflict      Code = "conflict"         // it exists already, or has changed
	Invalid       Code = "invalid"          // the system refused the data
	RateLimited   Code = "rate_limited"     // too many requests
	Unavailable   Code = "unavailable"      // no answer, or a failing server
	InDoubt       Code = "in_doubt"         // a write may or may not have happened
	Unexpected    Code = "unexpected_reply" // an answer that the profile does not foresee
	InvalidRecord Code = "invalid_record"   // one record could not be read
	Incomplete    Code = "incomplete"       // a walk met its bound
	Unconfirmed   Code = "unconfirmed"      // a write whose wire is only assumed
	Unsupported   Code = "unsupported"      // the profile lacks the operation
	Argument      Code = "argument"         // the caller's own mistake
	Cancelled     Code = "cancelled"        // the caller's context ended
	Mismatch      Code = "mismatch"         // another account than the configured one
	Inactive      Code = "inactive"         // a module that is needed is off
	PluginActive  Code = "plugin_active"    // the vendor's own connector runs too
)

// Failure is everything that is known of a failed call. Its texts hold neither
// secrets nor a customer's data.
type Failure struct {
	Code       Code
	Outcome    transport.Outcome // of a write; empty for a read
	Status     int               // HTTP; 0: there was no answer
	Method     string
	Operation  string
	RequestID  string
	RetryAfter time.Duration
	Vendor     string // the system's own error code
	Message    string
	Fields     []Field
	RecordID   string // of InvalidRecord
	Cause      error
}

// Field is a complaint about one field.
type Field struct{ Path, Message string }

// failure starts a Failure about op.
func failure(code Code, name string, op *wire.Operation, message string) *Failure {
	f := &Failure{Code: code, Operation: name, Message: message}
	if op != nil {
		f.Method = op.Verb
	}
	return f
}

// fromTransport explains why there was no answer.
func fromTransport(name string, op *wire.Operation, err error) *Failure {
	f := failure(Unavailable, name, op, err.Error())
	f.Cause = err
	var te *transport.Error
	if errors.As(err, &te) {
		f.Outcome, f.RequestID, f.Message = te.Outcome, te.RequestID, te.Reason()
	}
	switch {
	case f.Outcome == transport.InDoubt && !op.Repeat:
		f.Code = InDoubt
	case errors.Is(err, context.Canceled):
		f.Code = Cancelled
	}
	return f
}

// fromStatus explains an answer by its HTTP status.
func fromStatus(name string, op *wire.Operation, r *transport.Response) *Failure {
	f := failure(codeOf(r.Status), name, op, http.StatusText(r.Status))
	f.Status, f.RequestID, f.RetryAfter = r.Status, r.RequestID, r.RetryAfter
	if !op.Writes {
		return f
	}
	f.Outcome = transport.Refused
	if ambiguous(r.Status) {
		f.Outcome = transport.InDoubt
		if !op.Repeat {
			f.Code = InDoubt
		}
	}
	return f
}

func codeOf(status int) Code {
	switch status {
	case http.StatusUnauthorized:
		return Unauthorized
	case http.StatusForbidden:
		return Forbidden
	case http.StatusNotFound, http.StatusGone:
		return NotFound
	case http.StatusConflict:
		return Conflict
	case http.StatusTooManyRequests:
		return RateLimited
	case http.StatusRequestTimeout:
		return Unavailable
	}
	switch {
	case status >= 500:
		return Unavailable
	case status >= 400:
		return Invalid
	}
	return Unexpected
}

// ambiguous reports whether a write may have happened although it was answered
// with this status. A redirect after a POST often follows the deed; one that
// asks to repeat the method elsewhere does not.
func ambiguous(status int) bool {
	switch status {
	case http.StatusRequestTimeout, http.StatusMultipleChoices, http.StatusFound, http.StatusSeeOther:
		return true
	}
	return status >= 500
}

// unexpected explains an answer that could not be understood.
func unexpected(name string, op *wire.Operation, r *transport.Response, err error) *Failure {
	f := failure(Unexpected, name, op, err.Error())
	f.Status, f.RequestID, f.Cause = r.Status, r.RequestID, err
	var re *wire.ReplyError
	if errors.As(err, &re) {
		f.Cause = nil
		if errors.Is(re, io.ErrUnexpectedEOF) {
			f.Cause = io.ErrUnexpectedEOF
		}
	}
	if op.Writes {
		f.Outcome = transport.InDoubt
		if !op.Repeat {
			f.Code = InDoubt
		}
	}
	return f
}
