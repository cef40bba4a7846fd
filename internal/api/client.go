package api

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/tg360/tg360/internal/transport"
	"github.com/tg360/tg360/internal/wire"
)

// Config says how to reach one system.
type Config struct {
	Profile   *wire.Profile
	Setting   func(name string) string // values for the profile's templates
	Secrets   []string                 // names of the settings that are secret
	Transport transport.Config         // Base and Auth are filled in here
	// Classify gives a refusal its code, from the system's own words.
	Classify func(*Failure)
	// Renew may renew credentials after a refusal; the call is made once more
	// when it reports true.
	Renew func(context.Context, *Failure) bool
}

// Client runs the operations of one profile. It is safe for concurrent use.
type Client struct {
	config  Config
	profile *wire.Profile
	tr      *transport.Client
	log     *slog.Logger
	reads   map[string]*wire.Envelope // by operation
	fromOne atomic.Bool               // page 0 has been seen to be page 1
}

// New checks the base address and prepares every operation.
func New(c Config) (*Client, error) {
	base, err := url.Parse(wire.Expand(c.Profile.Base, c.Setting))
	if err != nil {
		return nil, fmt.Errorf("base address: not an URL") // the parser's text shows it, with what is in it
	}
	c.Transport.Base = base
	c.Transport.Auth = &credentials{auth: c.Profile.Auth, setting: c.Setting, secrets: c.Secrets}
	tr, err := transport.New(c.Transport)
	if err != nil {
		return nil, err
	}
	cl := &Client{config: c, profile: c.Profile, tr: tr, log: c.Transport.Logger, reads: map[string]*wire.Envelope{}}
	if cl.log == nil {
		cl.log = slog.New(slog.DiscardHandler)
	}
	for name, op := range c.Profile.Operations {
		cl.reads[name] = wire.NewEnvelope(c.Profile.Envelope, c.Profile.ItemPaths(op))
	}
	return cl, nil
}

// Profile returns the profile; it must not be changed.
func (c *Client) Profile() *wire.Profile { return c.profile }

// Loopback reports whether the system is on this machine.
func (c *Client) Loopback() bool { return c.tr.Loopback() }

// CloseIdle closes idle connections.
func (c *Client) CloseIdle() { c.tr.CloseIdle() }

// Guard refuses those of the named writes whose wire is only assumed, unless
// the host is this machine.
func (c *Client) Guard(names ...string) *Failure {
	if c.tr.Loopback() {
		return nil
	}
	open := c.profile.Unconfirmed(names...)
	if len(open) == 0 {
		return nil
	}
	f := failure(Unconfirmed, open[0], c.profile.Operations[open[0]],
		"writing is refused: how this system takes it is only assumed. Check it against the real system, then add confirmed {by, date, evidence} to the profile for: "+strings.Join(open, ", "))
	f.Outcome = transport.NotSent
	for _, n := range open {
		f.Fields = append(f.Fields, Field{Path: n, Message: string(c.profile.Operations[n].Grade)})
	}
	return f
}

// InDoubt makes a failure of a write whose effect is not known.
func (c *Client) InDoubt(name, message string) *Failure {
	f := failure(InDoubt, name, c.profile.Operations[name], message)
	f.Outcome = transport.InDoubt
	return f
}

// Fail makes a failure that is about name.
func (c *Client) Fail(code Code, name, message string) *Failure {
	return failure(code, name, c.profile.Operations[name], message)
}

// credentials authenticates by the profile's templates.
type credentials struct {
	auth    wire.Auth
	setting func(string) string
	secrets []string
}

// Authenticate implements transport.Authenticator.
func (a *credentials) Authenticate(h http.Header) {
	secret := wire.Expand(a.auth.Secret, a.setting)
	switch a.auth.Kind {
	case "basic":
		user := wire.Expand(a.auth.User, a.setting)
		h.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(user+":"+secret)))
	case "bearer":
		h.Set("Authorization", "Bearer "+secret)
	}
	for name, t := range a.auth.Headers {
		if v := wire.Expand(t, a.setting); v != "" {
			h.Set(name, v)
		}
	}
}

// Secrets implements transport.Authenticator.
func (a *credentials) Secrets() []string {
	var out []string
	for _, n := range a.secrets {
		if v := a.setting(n); v != "" {
			out = append(out, v)
		}
	}
	return out
}

// send runs one operation: body is a JSON object or nil, personal the values
// that a server may echo and nobody may read.
func (c *Client) send(ctx context.Context, name string, params map[string]any, body []byte, personal []string) (*wire.Operation, *transport.Response, *Failure) {
	op := c.profile.Operations[name]
	if op == nil {
		return nil, nil, failure(Unsupported, name, nil, "the profile has no such operation")
	}
	if op.Writes {
		if f := c.Guard(name); f != nil {
			return op, nil, f
		}
	}
	req, f := c.request(name, op, params, body)
	if f != nil {
		return op, nil, f
	}
	r, err := c.tr.Do(ctx, req)
	if err != nil {
		return op, nil, fromTransport(name, op, err)
	}
	if r.Status < 200 || r.Status > 299 {
		f := fromStatus(name, op, r)
		c.explain(f, name, r, personal)
		return op, r, f
	}
	return op, r, nil
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

func (c *Client) request(name string, op *wire.Operation, params map[string]any, body []byte) (*transport.Request, *Failure) {
	bad := func(format string, args ...any) (*transport.Request, *Failure) {
		f := failure(Argument, name, op, fmt.Sprintf(format, args...))
		f.Outcome = transport.NotSent
		return nil, f
	}
	for _, r := range op.Required {
		if v, ok := params[r]; !ok || v == "" || v == nil {
			return bad("parameter %q is missing", r)
		}
	}
	used := op.Path
	for _, t := range op.Headers {
		used += t
	}
	sent := make(map[string]any, len(params))
	for _, p := range slices.Sorted(maps.Keys(params)) {
		switch wireName, listed := op.Params[p]; {
		case listed:
			sent[wireName] = params[p]
		case strings.Contains(used, "{"+p+"}"):
		case op.Open:
			sent[p] = params[p]
		default:
			return bad("parameter %q is not one of this operation's (%s)", p, strings.Join(slices.Sorted(maps.Keys(op.Params)), ", "))
		}
	}
	segment := ""
	path := wire.Expand(op.Path, func(p string) string {
		segment = fmt.Sprint(params[p])
		return url.PathEscape(segment)
	})
	if segment == "." || segment == ".." {
		return bad("an id can't be %q", segment)
	}
	payload, err := object(sent, body)
	if err != nil {
		return bad("parameters are no JSON: %v", err)
	}
	req := &transport.Request{Operation: name, Method: op.Verb, Path: path, Write: op.Writes, Repeatable: op.Repeat || !op.Writes, Header: http.Header{"Accept": {"application/json"}}}
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
	if len(params) == 0 {
		return body, nil
	}
	return append(append(head[:len(head)-1], ','), body[1:]...), nil
}
