package faults

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"
)

// RoundTripper serves h in memory. It may be used concurrently and inside
// testing/synctest, where the handlers run in the bubble of the caller.
//
// What clients and handlers see is what they see over a connection: the reply
// begins when the handler flushes, returns or has written more than a buffer;
// a handler that panics or writes less than its Content-Length cuts the
// connection, which the client gets as io.ErrUnexpectedEOF, before the reply or
// after the part that was on its way; the request's ctx ends the call at once,
// also while the body is being read, and ends the handler's; so does closing
// the reply's body early. Unlike over a connection, requests are read to their
// end before h is called, replies are buffered without bound, and there are no
// trailers, 1xx replies, compression or automatic repeats.
func RoundTripper(h http.Handler) http.RoundTripper { return memory{h} }

type memory struct{ handler http.Handler }

// RoundTrip implements http.RoundTripper.
func (m memory) RoundTrip(req *http.Request) (*http.Response, error) {
	client := req.Context()
	if client.Err() != nil {
		closeBody(req)
		return nil, context.Cause(client)
	}
	ctx, cancel := context.WithCancel(client)
	r, err := incoming(ctx, req)
	if err != nil {
		cancel()
		closeBody(req)
		return nil, err
	}
	x := &exchange{req: req, method: r.Method, cancel: cancel, ready: make(chan struct{}), header: http.Header{}}
	x.news.L = &x.mu
	go x.serve(m.handler, r)
	select {
	case <-x.ready:
	case <-client.Done():
	}
	// A handler that returns because ctx has ended has not answered.
	if client.Err() != nil {
		x.abandon(context.Cause(client))
		return nil, context.Cause(client)
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.res == nil {
		return nil, x.end
	}
	x.stop = context.AfterFunc(client, func() { x.abandon(context.Cause(client)) })
	return x.res, nil
}

func closeBody(req *http.Request) {
	if req.Body != nil {
		_ = req.Body.Close()
	}
}

// bufferSize is what a reply may hold back, as in net/http.
const bufferSize = 4 << 10

// exchange is one request and its reply: the http.ResponseWriter of the handler
// and the body of the client.
type exchange struct {
	req    *http.Request      // the client's, which is only handed back to it
	method string             // of req
	cancel context.CancelFunc // ends the handler's ctx
	ready  chan struct{}      // closed once res or end is set
	header http.Header        // the handler's, until status is set

	mu       sync.Mutex
	news     sync.Cond
	status   int            // 0 until the handler set it
	head     http.Header    // as it was then
	declared int64          // Content-Length; -1 when there is none
	offered  int64          // by the handler
	written  int64          // of that, what was accepted
	held     bytes.Buffer   // not yet on its way
	sent     bytes.Buffer   // on its way to the client
	res      *http.Response // nil until the reply has begun
	end      error          // what follows after sent; nil while the handler runs
	stop     func() bool    // forgets about the request's ctx
}

// serve runs the handler, once it has the body of r.
func (x *exchange) serve(h http.Handler, r *http.Request) {
	failed := io.ErrUnexpectedEOF // unless it returns; a handler may also end its goroutine
	defer func() {
		if v := recover(); v != nil && !isAbort(v) {
			failed = fmt.Errorf("handler panicked: %v: %w", v, io.ErrUnexpectedEOF)
		}
		x.finish(failed)
		x.cancel()
	}()
	if err := receive(r); err != nil {
		failed = err
		return
	}
	h.ServeHTTP(x, r)
	failed = nil
}

// incoming makes of a client's request what a server sees of it, its body still
// the client's.
func incoming(ctx context.Context, req *http.Request) (*http.Request, error) {
	u, err := url.ParseRequestURI(req.URL.RequestURI())
	if err != nil {
		return nil, errors.New("malformed request URI") // the text of err shows it
	}
	r := req.Clone(ctx)
	r.URL, r.RequestURI, r.RemoteAddr = u, req.URL.RequestURI(), "192.0.2.1:1234"
	r.Proto, r.ProtoMajor, r.ProtoMinor = "HTTP/1.1", 1, 1
	r.Host = cmp.Or(r.Host, req.URL.Host)
	r.Method = cmp.Or(r.Method, http.MethodGet)
	r.GetBody, r.Response = nil, nil
	if r.Header == nil {
		r.Header = http.Header{}
	}
	return r, nil
}

// receive replaces the client's body of r by what was read from it.
func receive(r *http.Request) error {
	declared, body := r.ContentLength, r.Body
	r.ContentLength, r.Body = 0, http.NoBody
	if body == nil {
		return nil
	}
	b, err := io.ReadAll(body)
	_ = body.Close()
	switch {
	case err != nil:
		return fmt.Errorf("read request body: %w", err)
	case declared > 0 && int64(len(b)) != declared:
		return fmt.Errorf("request declares a body of %d bytes and has %d", declared, len(b))
	case len(b) > 0:
		r.ContentLength, r.Body = int64(len(b)), io.NopCloser(bytes.NewReader(b))
	}
	return nil
}

// Header implements http.ResponseWriter.
func (x *exchange) Header() http.Header { return x.header }

// WriteHeader implements http.ResponseWriter.
func (x *exchange) WriteHeader(status int) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.setStatus(status)
}

// Write implements http.ResponseWriter.
func (x *exchange) Write(b []byte) (int, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.setStatus(http.StatusOK)
	if !bodyAllowed(x.status) {
		return 0, http.ErrBodyNotAllowed
	}
	x.offered += int64(len(b))
	switch {
	case x.declared >= 0 && x.offered > x.declared:
		return 0, http.ErrContentLength // of this and of every further part
	case x.end != nil:
		return 0, io.ErrClosedPipe // the client is gone
	}
	x.written += int64(len(b))
	x.held.Write(b)
	if x.held.Len() > bufferSize {
		x.send(-1)
	}
	return len(b), nil
}

// Flush implements http.Flusher.
func (x *exchange) Flush() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.setStatus(http.StatusOK)
	x.send(-1)
}

func bodyAllowed(status int) bool {
	return status >= 200 && status != http.StatusNoContent && status != http.StatusNotModified
}

// What follows is called with the lock held, unless it says otherwise.

// setStatus fixes status and headers, the first time.
func (x *exchange) setStatus(status int) {
	if x.status != 0 || status < 200 { // no 1xx
		return
	}
	x.status, x.head, x.declared = status, x.header.Clone(), -1
	if n, err := strconv.ParseInt(x.head.Get("Content-Length"), 10, 64); err == nil && n >= 0 {
		x.declared = n
	}
}

// send puts what is held on its way, the reply's head first. length is the
// body's if the handler did not declare it, or -1.
func (x *exchange) send(length int64) {
	if x.end != nil {
		return
	}
	if x.res == nil {
		x.begin(length)
	}
	if x.method == http.MethodHead {
		x.held.Reset()
	}
	_, _ = x.held.WriteTo(&x.sent)
	x.news.Broadcast()
}

func (x *exchange) begin(length int64) {
	if x.declared >= 0 {
		length = x.declared
	}
	if !bodyAllowed(x.status) {
		length = 0
		if x.method == http.MethodHead {
			length = -1
		}
	}
	h := x.head
	if _, ok := h["Content-Type"]; !ok && x.held.Len() > 0 {
		h.Set("Content-Type", http.DetectContentType(x.held.Bytes()))
	}
	if _, ok := h["Date"]; !ok {
		h.Set("Date", time.Now().UTC().Format(http.TimeFormat))
	}
	if length >= 0 && bodyAllowed(x.status) {
		h.Set("Content-Length", strconv.FormatInt(length, 10))
	}
	x.res = &http.Response{
		Status: fmt.Sprintf("%d %s", x.status, http.StatusText(x.status)), StatusCode: x.status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: h, ContentLength: length, Body: (*replyBody)(x), Request: x.req,
	}
	close(x.ready)
}

// finish takes the lock itself and ends the reply when the handler has ended.
func (x *exchange) finish(failed error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.end != nil {
		return
	}
	if failed == nil {
		x.setStatus(http.StatusOK)
		length := x.written
		if length == 0 && x.method == http.MethodHead {
			length = -1
		}
		x.send(length)
		failed = io.EOF
		if x.declared > x.written && bodyAllowed(x.status) {
			failed = io.ErrUnexpectedEOF
		}
	}
	if x.method == http.MethodHead && x.res != nil {
		failed = io.EOF // no body to miss a part of
	}
	x.setEnd(failed)
}

// abandon takes the lock itself: the client is gone, what was on its way is lost.
func (x *exchange) abandon(why error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.cancel()
	x.sent.Reset()
	if x.end == nil {
		x.setEnd(why)
		return
	}
	x.end = why
}

func (x *exchange) setEnd(why error) {
	x.end = why
	if x.res == nil {
		close(x.ready)
	}
	x.news.Broadcast()
}

// replyBody is the client's end of an exchange.
type replyBody exchange

// Read implements io.Reader.
func (b *replyBody) Read(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for {
		switch {
		case errors.Is(b.end, http.ErrBodyReadAfterClose):
			return 0, b.end
		case b.req.Context().Err() != nil:
			return 0, context.Cause(b.req.Context())
		case b.sent.Len() > 0:
			return b.sent.Read(p)
		case b.end != nil:
			return 0, b.end
		}
		b.news.Wait()
	}
}

// Close implements io.Closer. Before the end of the reply it ends the handler's
// ctx, as a cut connection does.
func (b *replyBody) Close() error {
	(*exchange)(b).abandon(http.ErrBodyReadAfterClose)
	b.stop()
	return nil
}
