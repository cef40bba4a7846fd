// Package api runs the operations of a profile: it builds the request, sends it
// through the transport, reads the envelope, and says in one [Failure] what
// went wrong. Both clients are thin layers over it.
package api

import (
	"bytes"
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/tg360/tg360/internal/transport"
	"github.com/tg360/tg360/internal/wire"
)

// Config says how to reach one system.
type Config struct {
	Contract  Contract
	Override  []byte                   // JSON over the contract's profile; nil: none
	Location  *time.Location           // zone of dates without one; nil: Rome
	Setting   func(name string) string // values for the profile's templates
	Secrets   []string                 // names of the settings that are secret
	Address   string                   // what holds the address, for errors
	Transport transport.Config         // Base and Auth are filled in here
	// Wrap makes the client's own error of a failure.
	Wrap func(*Failure) error
	// Classify gives a refusal its code, from the system's own words. Nil: not.
	Classify func(*Failure)
	// Renew may renew credentials after a refusal; the call is made once more
	// when it reports true. Nil: not.
	Renew func(context.Context, *Failure) bool
}

// Client runs the operations of one profile. It is safe for concurrent use.
type Client struct {
	config  Config
	profile *wire.Profile
	tr      *transport.Client
	reads   map[string]*wire.Envelope // by operation
	codecs  map[reflect.Type]any      // *wire.Codec[T] by itself
	fromOne atomic.Bool               // page 0 has been seen to be page 1, or nothing
	isZero  atomic.Bool               // page 0 has been seen to be a page
}

// New checks profile and address and prepares every operation and record.
func New(c Config) (*Client, error) {
	profile, err := wire.LoadProfile(c.Contract.Profile, c.Override, c.Contract.Spec)
	if err != nil {
		return nil, c.Wrap(Misuse("Config.Profile", "is refused: "+err.Error()))
	}
	c.Location = cmp.Or(c.Location, Rome())
	c.Transport.Logger = cmp.Or(c.Transport.Logger, slog.New(slog.DiscardHandler))
	cl := &Client{config: c, profile: profile, reads: map[string]*wire.Envelope{}, codecs: map[reflect.Type]any{}}
	for _, s := range c.Contract.Schemas {
		codec, err := s.Bind(profile, c.Location)
		if err != nil {
			return nil, c.Wrap(Misuse("Config.Profile", "is refused: "+err.Error()))
		}
		cl.codecs[reflect.TypeOf(codec)] = codec
	}
	for name, op := range profile.Operations {
		cl.reads[name] = wire.NewEnvelope(profile.Envelope, profile.ItemPaths(op))
	}
	c.Transport.Auth = cl
	if c.Transport.Base, err = url.Parse(wire.Expand(profile.Base, c.Setting)); err != nil {
		err = errors.New("base address: not an URL") // the parser's text shows it, with what is in it
	} else {
		cl.tr, err = transport.New(c.Transport)
	}
	if err != nil {
		return nil, c.Wrap(Misuse(c.Address, err.Error()))
	}
	return cl, nil
}

// codec returns that of a record of the contract.
func codec[T any](c *Client) *wire.Codec[T] {
	return c.codecs[reflect.TypeFor[*wire.Codec[T]]()].(*wire.Codec[T])
}

// Profile returns the profile; it must not be changed.
func (c *Client) Profile() *wire.Profile { return c.profile }

// Time writes an instant as the profile says.
func (c *Client) Time(t time.Time) string { return c.profile.Time(t, c.config.Location) }

// CloseIdle closes idle connections.
func (c *Client) CloseIdle() { c.tr.CloseIdle() }

// Guard refuses those of the named writes, or of all, whose wire is only
// assumed, unless the host is this machine.
func (c *Client) Guard(names ...string) error {
	if len(names) == 0 {
		names = c.profile.Writes()
	}
	return c.wrap(c.guard(names...))
}

func (c *Client) guard(names ...string) *Failure {
	open := c.profile.Unconfirmed(names...)
	if c.tr.Loopback() || len(open) == 0 {
		return nil
	}
	f := c.failure(Unconfirmed, open[0], "writing is refused: how this system takes it is only assumed. "+
		"Check it against the real system, then add confirmed {by, date, evidence} to the profile for: "+strings.Join(open, ", "))
	f.Outcome = transport.NotSent
	for _, n := range open {
		f.Fields = append(f.Fields, Field{Path: n, Message: string(c.profile.Operations[n].Grade)})
	}
	return f
}

// Authenticate implements transport.Authenticator by the profile's templates.
func (c *Client) Authenticate(h http.Header) {
	auth := c.profile.Auth
	secret := wire.Expand(auth.Secret, c.config.Setting)
	switch auth.Kind {
	case "basic":
		user := wire.Expand(auth.User, c.config.Setting)
		h.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(user+":"+secret)))
	case "bearer":
		h.Set("Authorization", "Bearer "+secret)
	}
	for name, t := range auth.Headers {
		if v := wire.Expand(t, c.config.Setting); v != "" {
			h.Set(name, v)
		}
	}
}

// Secrets implements transport.Authenticator.
func (c *Client) Secrets() []string {
	var out []string
	for _, n := range c.config.Secrets {
		if v := c.config.Setting(n); v != "" {
			out = append(out, v)
		}
	}
	return out
}

// send runs one operation: body is a JSON object or nil, personal the values
// that a server may echo and nobody may read.
func (c *Client) send(ctx context.Context, name string, params map[string]any, body []byte, personal []string) (*transport.Response, *Failure) {
	op := c.profile.Operations[name]
	if op == nil {
		return nil, c.failure(Unsupported, name, "the profile has no such operation")
	}
	if op.Writes {
		if f := c.guard(name); f != nil {
			return nil, f
		}
	}
	req, err := request(name, op, params, body)
	if err != nil {
		f := c.failure(Argument, name, err.Error())
		f.Outcome = transport.NotSent
		return nil, f
	}
	r, err := c.tr.Do(ctx, req)
	if err != nil {
		return nil, c.unanswered(name, op, err)
	}
	if r.Status < 200 || r.Status > 299 {
		f := c.fromStatus(name, op, r)
		c.explain(f, name, r, personal)
		return r, f
	}
	return r, nil
}

// explain adds what the body of a failed answer says.
func (c *Client) explain(f *Failure, name string, r *transport.Response, personal []string) {
	if loc := r.Header.Get("Location"); loc != "" && r.Status < 400 {
		f.Message = "the server redirects elsewhere; correct the address in the settings"
	}
	reply, err := c.reads[name].Record(bytes.NewReader(r.Body))
	if err == nil && reply.Refused != nil {
		c.refuse(f, reply.Refused, personal)
	}
	var re *wire.ReplyError
	if f.Code == NotFound && errors.As(err, &re) && re.Kind == wire.ReplyHTML { // a web server's word, not the system's
		f.Code, f.Message = Unexpected, re.Error()
	}
}

// refuse adds a system's own words, masked.
func (c *Client) refuse(f *Failure, r *wire.Refusal, personal []string) {
	mask := func(s string) string {
		for _, p := range personal {
			s = strings.ReplaceAll(s, p, "***")
		}
		return c.tr.Mask(s)
	}
	f.Vendor = mask(r.Code)
	if r.Text != "" {
		f.Message = mask(r.Text)
	}
	for _, x := range r.Fields {
		f.Fields = append(f.Fields, Field{Path: mask(x.Path), Message: mask(x.Message)})
	}
}

// request builds the request of an operation. Its error is the caller's mistake.
func request(name string, op *wire.Operation, params map[string]any, body []byte) (*transport.Request, error) {
	for _, r := range op.Required {
		if v, ok := params[r]; !ok || v == "" || v == nil {
			return nil, fmt.Errorf("parameter %q is missing", r)
		}
	}
	inPlace := op.TemplateNames()
	sent := make(map[string]any, len(params))
	for _, p := range slices.Sorted(maps.Keys(params)) {
		switch wireName, listed := op.Params[p]; {
		case listed:
			sent[wireName] = params[p]
		case slices.Contains(inPlace, p):
		case op.Open:
			sent[p] = params[p]
		default:
			return nil, fmt.Errorf("parameter %q is not one of this operation's (%s)", p, strings.Join(slices.Sorted(maps.Keys(op.Params)), ", "))
		}
	}
	segment := ""
	path := wire.Expand(op.Path, func(p string) string {
		segment = fmt.Sprint(params[p])
		return url.PathEscape(segment)
	})
	if segment == "." || segment == ".." {
		return nil, fmt.Errorf("an id can't be %q", segment)
	}
	payload, err := object(sent, body)
	if err != nil {
		return nil, fmt.Errorf("parameters are no JSON: %w", err)
	}
	req := &transport.Request{Operation: name, Method: op.Verb, Path: path, Write: op.Writes, Repeatable: op.Repeat || !op.Writes,
		Header: http.Header{"Accept": {"application/json"}}}
	for h, t := range op.Headers {
		if v := wire.Expand(t, func(p string) string { return fmt.Sprint(params[p]) }); v != "" { // as in Auth.Headers
			req.Header.Set(h, v)
		}
	}
	switch {
	case op.Verb == http.MethodGet:
		req.Query = wire.Form(payload)
	case op.Encoding == "form":
		req.Body, req.ContentType = []byte(wire.Form(payload)), "application/x-www-form-urlencoded"
	default:
		req.Body, req.ContentType = payload, "application/json"
	}
	return req, nil
}

// object joins parameters and an encoded record into one JSON object.
func object(params map[string]any, body []byte) ([]byte, error) {
	if len(params) == 0 && len(body) > 0 {
		return body, nil
	}
	head, err := json.Marshal(params)
	if err != nil || len(body) <= len("{}") {
		return head, err
	}
	return append(append(head[:len(head)-1], ','), body[1:]...), nil
}
