package probe

import (
	"bytes"
	"io"
	"net/http"
	"time"
)

// recorder keeps the last reply of a client that makes one call at a time.
type recorder struct {
	base http.RoundTripper
	now  func() time.Time

	body     *bytes.Buffer
	status   int
	header   http.Header
	sent     time.Time
	received time.Time
	requests int
	limited  int
}

// forget lets go of what came before a call.
func (r *recorder) forget() { r.body, r.status, r.header = nil, 0, nil }

// RoundTrip implements [http.RoundTripper].
func (r *recorder) RoundTrip(req *http.Request) (*http.Response, error) {
	r.forget()
	r.requests++
	r.sent = r.now()
	resp, err := r.base.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	r.received = r.now()
	r.status, r.header, r.body = resp.StatusCode, resp.Header, new(bytes.Buffer)
	if r.status == http.StatusTooManyRequests || r.status == http.StatusServiceUnavailable && r.header.Get("Retry-After") != "" {
		r.limited++
	}
	resp.Body = tee{io.TeeReader(resp.Body, r.body), resp.Body} // as far as the client reads, which bounds it
	return resp, nil
}

type tee struct {
	io.Reader
	io.Closer
}
