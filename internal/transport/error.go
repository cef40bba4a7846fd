package transport

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"time"
)

// Outcome says what became of a write.
type Outcome string

// The outcomes. The errors of this package know only the last two.
const (
	Confirmed Outcome = "confirmed" // the system says that it is done
	Refused   Outcome = "refused"   // the system says that it will not do it
	NotSent   Outcome = "not sent"  // no byte left: it was not done
	InDoubt   Outcome = "in doubt"  // it may have been done
)

// Kind says what kind of failure an [Error] is.
type Kind string

// The kinds.
const (
	KindInvalid   Kind = "invalid"   // the configuration or the request is wrong
	KindBlocked   Kind = "blocked"   // plain http that was not allowed
	KindCancelled Kind = "cancelled" // the caller's context was cancelled
	KindDeadline  Kind = "deadline"  // the deadline of the caller's context passed
	KindRateWait  Kind = "rate wait" // the turn would come after the deadline
	KindTimeout   Kind = "timeout"   // an attempt took longer than its limit
	KindDNS       Kind = "dns"       // the host's name was not resolved
	KindConnect   Kind = "connect"   // no connection
	KindTLS       Kind = "tls"       // no secure connection
	KindCut       Kind = "cut"       // the connection ended before the reply did
	KindTooLarge  Kind = "too large" // a reply longer than Config.MaxBody
	KindNetwork   Kind = "network"   // anything else between here and there
)

// Error is a call without a whole reply. Its text is our own: it holds no
// secret, no query and nothing that the server said.
type Error struct {
	System    string
	Operation string // a template name; empty for errors of New
	Method    string // empty where the request could not be made
	Kind      Kind
	Outcome   Outcome // of a write; empty for a read
	Attempts  int     // requests made
	Status    int     // the last HTTP status seen in the call; 0: none
	RequestID string  // the one that was sent

	detail string
	cause  error
	final  bool // a repetition would not help
	early  bool // it happened before a request can be sent
}

// Reason says what happened and, where that helps, what to do.
func (e *Error) Reason() string {
	var more []string
	if e.Outcome != "" {
		more = append(more, string(e.Outcome))
	}
	if e.Attempts > 1 {
		more = append(more, fmt.Sprintf("%d attempts", e.Attempts))
	}
	if e.Status != 0 {
		more = append(more, fmt.Sprintf("last status %d", e.Status))
	}
	if len(more) == 0 {
		return e.detail
	}
	return e.detail + " (" + strings.Join(more, ", ") + ")"
}

// Error implements error: the operation, the reason and the request id.
func (e *Error) Error() string {
	s := e.System
	if e.Operation != "" {
		s += " " + e.Operation
	}
	s += ": " + e.Reason()
	if e.RequestID != "" {
		s += " [request " + e.RequestID + "]"
	}
	return s
}

// Unwrap returns [context.Canceled], [context.DeadlineExceeded],
// [io.ErrUnexpectedEOF], a [syscall.Errno], or nil.
func (e *Error) Unwrap() error { return e.cause }

// failure completes the error of a call as it stands.
func (k *call) failure(e Error) *Error {
	e.System, e.Operation, e.Method, e.RequestID = k.c.config.System, k.r.Operation, k.method, k.id
	e.Attempts, e.Status = k.sent, k.status
	if k.r.Write {
		e.Outcome = NotSent
		if k.doubt {
			e.Outcome = InDoubt
		}
	}
	return &e
}

// ended describes the end of the caller's context.
func ended(ctx context.Context, when string) Error {
	if errors.Is(ctx.Err(), context.Canceled) {
		return Error{Kind: KindCancelled, detail: "cancelled " + when, cause: context.Canceled, final: true}
	}
	return Error{Kind: KindDeadline, detail: "the deadline passed " + when, cause: context.DeadlineExceeded, final: true}
}

// classify turns the error of an attempt into our own words. ctx is that of the
// attempt, limit its time; pending says that it was still without a connection.
func classify(err error, req *http.Request, ctx context.Context, limit time.Duration, pending bool) Error {
	f := describe(err, req, ctx, limit)
	if pending && (f.Kind == KindCut || f.Kind == KindNetwork) {
		f.Kind, f.detail = KindConnect, "the connection to "+req.URL.Host+" broke off before it was ready"
	}
	f.early = f.early || pending
	return f
}

func describe(err error, req *http.Request, ctx context.Context, limit time.Duration) Error {
	host := net.JoinHostPort(req.URL.Hostname(), port(req.URL))
	var dns *net.DNSError
	var op *net.OpError
	var errno syscall.Errno
	errors.As(err, &op)
	errors.As(err, &errno)
	switch {
	case err == errTooLarge:
		return Error{Kind: KindTooLarge, detail: "the reply is larger than the limit; ask for less at a time, or raise MaxBody", final: true}
	case req.Context().Err() != nil:
		return ended(req.Context(), "before the reply from "+host+" was complete")
	case ctx.Err() != nil:
		return Error{Kind: KindTimeout, detail: fmt.Sprintf("no complete reply from %s within %v", host, limit), cause: context.DeadlineExceeded}
	case errors.As(err, &dns):
		detail := "cannot look up " + req.URL.Hostname() + ": the name server gave no answer"
		if dns.IsNotFound {
			detail = "cannot find the host " + req.URL.Hostname() + "; check the address"
		}
		return Error{Kind: KindDNS, detail: detail, early: true}
	case op != nil && (op.Op == "dial" || op.Op == "proxyconnect"):
		return noConnection(host, op, errno)
	}
	if f, ok := classifyTLS(err, host); ok {
		return f
	}
	switch {
	case errno != 0:
		return Error{Kind: KindCut, detail: "the connection to " + host + " broke: " + errno.Error(), cause: errno}
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed):
		return Error{Kind: KindCut, detail: "the connection to " + host + " ended before the reply did", cause: io.ErrUnexpectedEOF}
	case op != nil && op.Timeout():
		return Error{Kind: KindTimeout, detail: "no answer from " + host + " in time", cause: context.DeadlineExceeded}
	}
	return Error{Kind: KindNetwork, detail: fmt.Sprintf("the exchange with %s failed (%T)", host, err)}
}

func noConnection(host string, op *net.OpError, errno syscall.Errno) Error {
	f := Error{Kind: KindConnect, early: true, detail: "cannot connect to " + host}
	if op.Op == "proxyconnect" {
		f.detail = "cannot connect to the proxy for " + host
	}
	switch {
	case errno != 0:
		f.detail += ": " + errno.Error()
		f.cause = errno
	case op.Timeout():
		f.detail += ": no answer"
		f.cause = context.DeadlineExceeded
	}
	f.detail += "; check the address and that the service runs"
	return f
}

// classifyTLS reports false when err is not about the secure connection.
func classifyTLS(err error, host string) (Error, bool) {
	var (
		verify  *tls.CertificateVerificationError
		unknown x509.UnknownAuthorityError
		name    x509.HostnameError
		invalid x509.CertificateInvalidError
		record  tls.RecordHeaderError
		alert   tls.AlertError
	)
	f := Error{Kind: KindTLS, detail: "no secure connection to " + host + ": ", final: true, early: true}
	switch {
	case errors.As(err, &unknown):
		f.detail += "the authority that signed its certificate is not known; if it is a private one, add it to RootCAs"
	case errors.As(err, &name):
		f.detail += "its certificate is for another name; check the address"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		f.detail += "its certificate has expired or is not valid yet; check the clocks too"
	case errors.As(err, &verify) || errors.As(err, &invalid):
		f.detail += "its certificate is not valid"
	case errors.As(err, &record) || errors.Is(err, http.ErrSchemeMismatch):
		f.detail += "it speaks no TLS there; check scheme and port"
	case errors.As(err, &alert): // it may come after the handshake as well
		f.detail += "it refused the handshake"
		f.final, f.early = false, false
	default:
		return Error{}, false
	}
	return f, true
}
