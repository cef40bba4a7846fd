package transport

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	mrand "math/rand/v2"

	"github.com/hashicorp/go-retryablehttp"
)

// Client makes calls to one API. It is safe for concurrent use.
type Client struct {
	config  Config // settled
	reads   http.RoundTripper
	writes  http.RoundTripper // for what may not be repeated: no keep-alive
	own     []*http.Transport
	foreign bool // the caller's RoundTripper, of which we know nothing
	gate    *gate
}

// New checks a configuration and makes a client of it. Its errors are *Error.
func New(c Config) (*Client, error) {
	settled, err := c.settle()
	cl := &Client{config: settled}
	if err == nil {
		err = cl.connect()
	}
	if err != nil {
		kind := KindInvalid
		if err == errPlainHTTP {
			kind = KindBlocked
		}
		return nil, &Error{System: c.System, Kind: kind, detail: err.Error()}
	}
	cl.gate = newGate(settled.Concurrent, settled.Rate)
	if !cl.Loopback() {
		cl.gate.limits = append(cl.gate.limits, hostLimit(strings.ToLower(settled.Base.Hostname())))
	}
	return cl, nil
}

// Loopback reports whether the API is on this machine; see [IsLoopback].
func (c *Client) Loopback() bool { return IsLoopback(c.config.Base.Hostname()) }

// CloseIdle closes idle connections of the client's own transports.
func (c *Client) CloseIdle() {
	for _, t := range c.own {
		t.CloseIdleConnections()
	}
}

type urgentKey struct{}

// Urgent marks the calls under a context: they pass before the others of their
// client.
func Urgent(ctx context.Context) context.Context {
	return context.WithValue(ctx, urgentKey{}, true)
}

// Do makes one call and returns its reply, whatever the status. Where there is
// none, the error is an *Error. It returns at once when ctx ends, and begins no
// wait that ctx's deadline would cut short.
func (c *Client) Do(ctx context.Context, r *Request) (*Response, error) {
	urgent, _ := ctx.Value(urgentKey{}).(bool)
	k := &call{c: c, r: r, id: strings.ToLower(rand.Text()), urgent: urgent}
	req, err := k.build(ctx)
	if err != nil {
		return nil, k.failure(Error{Kind: KindInvalid, detail: err.Error(), final: true})
	}
	rc := retryablehttp.Client{
		HTTPClient:   &http.Client{Transport: k, CheckRedirect: k.redirect},
		RetryMax:     c.config.Retries,
		CheckRetry:   k.check,
		Backoff:      func(time.Duration, time.Duration, int, *http.Response) time.Duration { return k.wait },
		ErrorHandler: retryablehttp.PassthroughErrorHandler,
	}
	_, err = rc.Do(req)
	var e *Error
	switch {
	case err == nil:
	case errors.As(err, &e):
		if e.Kind != KindRateWait || k.before == nil {
			return nil, e
		}
		k.reply = k.before
	case ctx.Err() != nil: // while waiting to repeat
		return nil, k.failure(ended(ctx, "while waiting to repeat it"))
	}
	if k.reply == nil {
		return nil, k.failure(Error{Kind: KindInvalid, detail: "the request can't be made", final: true})
	}
	p := k.reply // also a redirect that leads nowhere
	p.Attempts, p.RequestID, p.RetryAfter = k.sent, or(k.c.serverID(p.Header), k.id), retryAfter(p.Header)
	return p, nil
}

// call is the state of one Do. Its attempts follow one another, so it needs no
// lock.
type call struct {
	c       *Client
	r       *Request
	id      string
	method  string
	urgent  bool
	sent    int           // attempts made
	repeats int           // repetitions decided on
	wait    time.Duration // before the next one
	doubt   bool          // an attempt may have had an effect
	status  int           // the last seen
	reply   *Response     // the last whole one
	before  *Response     // what the repetition under way began with, if it was a reply
	failed  *Error        // of the last attempt; nil: it was answered
}

// safe reports whether the request may be sent twice.
func (k *call) safe() bool { return !k.r.Write || k.r.Repeatable }

// RoundTrip makes one attempt; the body of a reply stays in the call.
func (k *call) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx := req.Context()
	a := Attempt{System: k.c.config.System, Operation: k.r.Operation, Method: req.Method, Number: k.sent + 1, RequestID: k.id}
	k.failed = nil
	start := time.Now()
	err := k.c.gate.acquire(ctx, k.urgent)
	a.Waited = time.Since(start)
	switch {
	case err == nil:
		k.sent++
		k.exchange(req, &a)
	case ctx.Err() != nil:
		k.failed = k.failure(ended(ctx, "while waiting for its turn"))
	default:
		k.failed = k.failure(Error{Kind: KindRateWait, final: true, cause: context.DeadlineExceeded,
			detail: "its turn comes after the deadline, by the request limit or the pause that the server asked for; " +
				"allow more time or a higher rate"})
	}
	k.report(ctx, a)
	if k.failed != nil {
		return nil, k.failed
	}
	return &http.Response{StatusCode: k.reply.Status, Header: k.reply.Header, Body: http.NoBody, Request: req}, nil
}

// exchange sends the request and reads the reply, within the time limit.
func (k *call) exchange(req *http.Request, a *Attempt) {
	defer k.c.gate.release()
	rt, limit := k.c.reads, k.c.config.ReadTimeout
	if k.r.Write {
		limit = k.c.config.WriteTimeout
	}
	if !k.safe() {
		rt = k.c.writes
	}
	ctx, cancel := context.WithTimeout(req.Context(), limit)
	defer cancel()
	var t trace
	start := time.Now()
	resp, err := rt.RoundTrip(req.WithContext(t.watch(ctx)))
	if err == nil && resp == nil {
		err = io.ErrUnexpectedEOF
	}
	var body []byte
	if err == nil {
		a.Status, k.status = resp.StatusCode, resp.StatusCode
		body, err = k.c.read(ctx, resp)
	}
	a.Duration, a.Bytes = time.Since(start), int64(len(body))
	if err != nil {
		f := classify(err, req, ctx, limit, t.asked.Load() && !t.got.Load())
		k.doubt = k.doubt || !f.early || t.got.Load()
		k.failed = k.failure(f)
		return
	}
	if a.Status == http.StatusTooManyRequests || a.Status == http.StatusServiceUnavailable {
		k.c.gate.calm(retryAfter(resp.Header))
	}
	k.doubt = k.doubt || resp.StatusCode != http.StatusTooManyRequests
	k.reply = &Response{Status: resp.StatusCode, Header: resp.Header, Body: body}
}

// trace watches whether a request asked for a connection and got it: between
// the two no byte left. A RoundTripper that can't be watched does neither.
type trace struct{ asked, got atomic.Bool }

func (t *trace) watch(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn: func(string) { t.asked.Store(true) },
		GotConn: func(httptrace.GotConnInfo) { t.got.Store(true) },
	})
}

// read reads the body of a reply. Our own transports end a read when ctx does;
// of any other that can't be known, so it is not waited for.
func (c *Client) read(ctx context.Context, resp *http.Response) ([]byte, error) {
	if resp.Body == nil {
		return nil, nil
	}
	if !c.foreign {
		return readAll(ctx, resp, c.config.MaxBody)
	}
	var body []byte
	done := make(chan error, 1)
	go func() {
		var err error
		body, err = readAll(ctx, resp, c.config.MaxBody)
		done <- err
	}()
	select {
	case err := <-done:
		return body, err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

var errTooLarge = errors.New("too large")

// readAll reads and closes a body. It returns what was read with any error.
func readAll(ctx context.Context, resp *http.Response, limit int64) ([]byte, error) {
	defer resp.Body.Close()
	if resp.ContentLength > limit {
		return nil, errTooLarge
	}
	// An announced length is believed up to 1 MiB: it costs the server nothing.
	buf := make([]byte, 0, min(max(resp.ContentLength, 0), 1<<20)+512)
	for {
		n, err := resp.Body.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		if int64(len(buf)) > limit {
			return buf, errTooLarge
		}
		if err == io.EOF {
			return buf, nil
		}
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return buf, err
		}
		if len(buf) == cap(buf) {
			buf = append(buf, 0)[:len(buf)]
		}
	}
}

// check decides whether the call is repeated, and after which wait.
func (k *call) check(ctx context.Context, _ *http.Response, err error) (bool, error) {
	if ctx.Err() != nil || !k.repeatable(err) {
		return false, nil
	}
	k.wait = k.backoff()
	if deadline, ok := ctx.Deadline(); ok && k.wait >= time.Until(deadline) {
		return false, nil
	}
	k.repeats++
	k.before = nil
	if k.failed == nil {
		k.before = k.reply
	}
	return true, nil
}

func (k *call) repeatable(err error) bool {
	if e := k.failed; e != nil {
		return !e.final && (k.safe() || e.Outcome == NotSent)
	}
	if err != nil { // answered with a redirect that leads nowhere
		return false
	}
	switch k.reply.Status {
	case http.StatusTooManyRequests:
		return true
	case http.StatusRequestTimeout, http.StatusInternalServerError, http.StatusBadGateway,
		http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return k.safe()
	}
	return false
}

// backoff returns what the server asked for, or else a random wait.
func (k *call) backoff() time.Duration {
	if k.failed == nil {
		if d := retryAfter(k.reply.Header); d > 0 {
			return d
		}
	}
	low, high := k.c.config.WaitMin, k.c.config.WaitMin
	for range k.repeats + 1 {
		high = min(2*high, k.c.config.WaitMax)
	}
	return low + mrand.N(high-low+1)
}

const maxRedirects = 5

// redirect follows reads by GET that stay on the same host and do not drop from
// https to http. Any other redirect is the caller's to see.
func (k *call) redirect(req *http.Request, via []*http.Request) error {
	last := via[len(via)-1]
	if k.r.Write || k.method != http.MethodGet || len(via) > maxRedirects || req.URL.User != nil || !sameSite(last.URL, req.URL) {
		return http.ErrUseLastResponse
	}
	req.Header.Del("Referer") // it would hold the query
	return nil
}

func sameSite(from, to *url.URL) bool {
	if !strings.EqualFold(from.Hostname(), to.Hostname()) {
		return false
	}
	if from.Scheme == "http" && to.Scheme == "https" {
		return true
	}
	return from.Scheme == to.Scheme && port(from) == port(to)
}

func port(u *url.URL) string {
	if p := u.Port(); p != "" {
		return p
	}
	if u.Scheme == "http" {
		return "80"
	}
	return "443"
}

// report logs an attempt and tells the hook.
func (k *call) report(ctx context.Context, a Attempt) {
	level, text := slog.LevelDebug, ""
	if k.failed != nil {
		a.Err, text = k.failed, k.failed.Error()
	}
	if a.Err != nil || a.Status >= 400 {
		level = slog.LevelWarn
	}
	if log := k.c.config.Logger; log.Enabled(ctx, level) {
		log.LogAttrs(ctx, level, "http attempt",
			slog.String("system", a.System), slog.String("operation", a.Operation), slog.String("method", a.Method),
			slog.Int("status", a.Status), slog.Duration("duration", a.Duration), slog.Int("attempt", a.Number),
			slog.Int64("bytes", a.Bytes), slog.String("request_id", a.RequestID), slog.String("error", text))
	}
	if k.c.config.OnAttempt != nil {
		k.c.config.OnAttempt(a)
	}
}
