package framework360

import (
	"errors"
	"log/slog"
	"slices"
	"time"

	"github.com/tg360/tg360/internal/api"
	"github.com/tg360/tg360/internal/transport"
)

// What went wrong, for errors.Is.
var (
	ErrUnauthorized  = errors.New("framework360: API key or user token not accepted")
	ErrForbidden     = errors.New("framework360: not allowed")
	ErrNotFound      = errors.New("framework360: not found")
	ErrConflict      = errors.New("framework360: conflict")
	ErrInvalid       = errors.New("framework360: data refused")
	ErrRateLimited   = errors.New("framework360: too many requests")
	ErrUnavailable   = errors.New("framework360: no answer or a failing server")
	ErrInDoubt       = errors.New("framework360: not known whether the write happened")
	ErrUnexpected    = errors.New("framework360: unexpected reply")
	ErrInvalidRecord = errors.New("framework360: record can't be read")
	ErrIncomplete    = errors.New("framework360: list not read to its end")
	ErrUnconfirmed   = errors.New("framework360: write is only assumed and not confirmed")
	ErrUnsupported   = errors.New("framework360: profile lacks the operation")
	ErrArgument      = errors.New("framework360: argument")
	ErrInactive      = errors.New("framework360: the e-commerce module is not active")
	ErrPluginActive  = errors.New("framework360: the vendor's own TotalGest plugin is active")
)

var sentinels = map[api.Code]error{
	api.Unauthorized: ErrUnauthorized, api.Forbidden: ErrForbidden, api.NotFound: ErrNotFound,
	api.Conflict: ErrConflict, api.Invalid: ErrInvalid, api.RateLimited: ErrRateLimited,
	api.Unavailable: ErrUnavailable, api.InDoubt: ErrInDoubt, api.Unexpected: ErrUnexpected,
	api.InvalidRecord: ErrInvalidRecord, api.Incomplete: ErrIncomplete, api.Unconfirmed: ErrUnconfirmed,
	api.Unsupported: ErrUnsupported, api.Argument: ErrArgument, api.Inactive: ErrInactive, api.PluginActive: ErrPluginActive,
}

// Outcome says what became of a write.
type Outcome = transport.Outcome

// The outcomes of a write that ended in an error.
const (
	OutcomeRefused = transport.Refused // the shop said no: nothing happened
	OutcomeNotSent = transport.NotSent // no byte left: nothing happened
	OutcomeInDoubt = transport.InDoubt // bytes left and no answer came: ask first
)

// FieldError is a complaint about one field; it has a Path and a Message.
type FieldError = api.Field

// Error is every error of this package. It matches its sentinel by errors.Is,
// and its texts hold neither secrets nor a customer's data.
type Error struct {
	Code       string        // stable, such as "unauthorized"
	Outcome    Outcome       // of a write; empty for a read
	Status     int           // HTTP status; 0: there was no answer
	Method     string        // HTTP verb
	Operation  string        // the profile's name, such as "orders.create"
	RequestID  string        // for the vendor's support
	RetryAfter time.Duration // how long the shop asked to wait; 0: it did not
	Vendor     string        // the shop's own error code
	Message    string        // what to know and what to do
	Fields     []FieldError  // what the shop says of single fields; of ErrUnconfirmed: the operations
	RecordID   string        // of ErrInvalidRecord, where it could be read
	cause      error
}

// Error implements error.
func (e *Error) Error() string {
	return "framework360" + api.Text(e.Operation, e.Message, e.Vendor, e.Fields, e.Status, e.RequestID)
}

// Unwrap returns the sentinel and, where there is one, the cause: a context's
// error, or one of the operating system.
func (e *Error) Unwrap() []error {
	return slices.DeleteFunc([]error{sentinels[api.Code(e.Code)], e.cause}, func(err error) bool { return err == nil })
}

// LogValue implements slog.LogValuer.
func (e *Error) LogValue() slog.Value {
	return slog.GroupValue(slog.String("code", e.Code), slog.String("operation", e.Operation),
		slog.Int("status", e.Status), slog.String("outcome", string(e.Outcome)),
		slog.String("request_id", e.RequestID), slog.String("message", e.Message))
}

func fromFailure(f *api.Failure) error {
	return &Error{Code: string(f.Code), Outcome: f.Outcome, Status: f.Status, Method: f.Method,
		Operation: f.Operation, RequestID: f.RequestID, RetryAfter: f.RetryAfter, Vendor: f.Vendor,
		Message: f.Message, Fields: f.Fields, RecordID: f.RecordID, cause: f.Cause}
}

// argument refuses what the caller passed.
func argument(name, reason string) error {
	return fromFailure(api.Misuse(name, reason))
}
