package api

import (
	"context"
	"errors"
	"fmt"
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

// Text is an error's text behind the name of its system.
func Text(operation, message, vendor string, fields []Field, status int, requestID string) string {
	s := ": " + message
	if operation != "" {
		s = ": " + operation + s
	}
	if vendor != "" {
		s += fmt.Sprintf(" (%s)", vendor)
	}
	for _, f := range fields {
		s += fmt.Sprintf("; %s: %s", f.Path, f.Message)
	}
	if status != 0 {
		s += fmt.Sprintf(" [HTTP %d, request %s]", status, requestID)
	}
	return s
}

// Misuse is the failure of a caller who passed something wrong.
func Misuse(name, reason string) *Failure {
	return &Failure{Code: Argument, Outcome: transport.NotSent, Message: name + " " + reason}
}

// Fail makes the client's error about an operation.
func (c *Client) Fail(code Code, name, message string) error {
	return c.wrap(c.failure(code, name, message))
}

// InDoubt makes the client's error about a write whose effect is not known.
func (c *Client) InDoubt(name, message string) error {
	f := c.failure(InDoubt, name, message)
	f.Outcome = transport.InDoubt
	return c.wrap(f)
}

func (c *Client) wrap(f *Failure) error {
	if f == nil {
		return nil
	}
	return c.config.Wrap(f)
}

// failure starts a Failure about an operation.
func (c *Client) failure(code Code, name, message string) *Failure {
	f := &Failure{Code: code, Operation: name, Message: message}
	if op := c.profile.Operations[name]; op != nil {
		f.Method = op.Verb
	}
	return f
}

// doubt says that a write may or may not have happened, which matters unless it
// may be repeated.
func (f *Failure) doubt(op *wire.Operation) {
	f.Outcome = transport.InDoubt
	if !op.Repeat {
		f.Code = InDoubt
	}
}

// unanswered explains why there was no answer.
func (c *Client) unanswered(name string, op *wire.Operation, err error) *Failure {
	f := c.failure(Unavailable, name, err.Error())
	f.Cause = err
	var te *transport.Error
	if errors.As(err, &te) {
		f.Outcome, f.RequestID, f.Message = te.Outcome, te.RequestID, te.Reason()
	}
	if errors.Is(err, context.Canceled) {
		f.Code = Cancelled
	}
	if f.Outcome == transport.InDoubt {
		f.doubt(op)
	}
	return f
}

// fromStatus explains an answer by its HTTP status.
func (c *Client) fromStatus(name string, op *wire.Operation, r *transport.Response) *Failure {
	f := c.failure(codeOf(r.Status), name, http.StatusText(r.Status))
	f.Status, f.RequestID, f.RetryAfter = r.Status, r.RequestID, r.RetryAfter
	switch {
	case op.Writes && ambiguous(r.Status):
		f.doubt(op)
	case op.Writes:
		f.Outcome = transport.Refused
	}
	return f
}

var codes = map[int]Code{
	http.StatusUnauthorized: Unauthorized, http.StatusForbidden: Forbidden, http.StatusNotFound: NotFound,
	http.StatusGone: NotFound, http.StatusConflict: Conflict, http.StatusTooManyRequests: RateLimited,
	http.StatusRequestTimeout: Unavailable,
}

func codeOf(status int) Code {
	switch code, ok := codes[status]; {
	case ok:
		return code
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
func (c *Client) unexpected(name string, r *transport.Response, err error) *Failure {
	f := c.failure(Unexpected, name, err.Error())
	f.Status, f.RequestID, f.Cause = r.Status, r.RequestID, err
	var re *wire.ReplyError
	if errors.As(err, &re) {
		f.Cause = nil
		if errors.Is(re, io.ErrUnexpectedEOF) {
			f.Cause = io.ErrUnexpectedEOF
		}
	}
	if op := c.profile.Operations[name]; op.Writes {
		f.doubt(op)
	}
	return f
}
