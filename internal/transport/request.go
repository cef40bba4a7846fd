package transport

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/go-retryablehttp"
)

// Request is one call. Do changes nothing in it. Body is not copied, and a
// connection that breaks may be reading it still: don't use its memory again.
type Request struct {
	// Operation is a template name such as "orders.create", for errors and logs.
	Operation string
	// Method is the HTTP method; empty means GET.
	Method string
	// Path is relative to the base address and already escaped; ".." is refused.
	Path string
	// Query is already encoded, without "?".
	Query string
	// ContentType is that of Body; empty: none is sent.
	ContentType string
	// Header holds further headers. The credentials, the request id and the
	// user agent are set over it.
	Header http.Header
	// Body may be nil.
	Body []byte
	// Write says that the call changes something there.
	Write bool
	// Repeatable says that doing a write twice is doing it once. All reads are.
	Repeatable bool
}

// Response is a whole reply, whatever its status.
type Response struct {
	Status     int
	Header     http.Header
	Body       []byte
	RequestID  string        // the server's, or else the one that was sent
	Attempts   int           // requests made for this call
	RetryAfter time.Duration // what the server asked to wait; 0: nothing
}

const requestIDHeader = "X-Request-Id"

// idRunes are what a server's request id may consist of to be shown.
const idRunes = "-_.:0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

// build makes the HTTP request of a call.
func (k *call) build(ctx context.Context) (*retryablehttp.Request, error) {
	r := k.r
	u, err := k.c.locate(r.Path, r.Query)
	if err != nil {
		return nil, err
	}
	hr, err := http.NewRequestWithContext(ctx, r.Method, "", nil)
	if err != nil {
		return nil, errors.New("the method is not one of HTTP's")
	}
	k.method, hr.URL, hr.Host = hr.Method, u, u.Host
	hr.Header = k.headers()
	if err := checkHeaders(hr.Header); err != nil {
		return nil, err
	}
	req := &retryablehttp.Request{Request: hr}
	if len(r.Body) > 0 {
		if err := req.SetBody(r.Body); err != nil {
			return nil, errors.New("the body can't be sent")
		}
	}
	if !k.safe() {
		hr.GetBody = nil // net/http resends only what it can read again
	}
	return req, nil
}

func (k *call) headers() http.Header {
	h := k.r.Header.Clone()
	if h == nil {
		h = http.Header{}
	}
	if k.r.ContentType != "" {
		h.Set("Content-Type", k.r.ContentType)
	}
	h.Set("User-Agent", k.c.config.UserAgent)
	if k.c.config.Auth != nil {
		k.c.config.Auth.Authenticate(h)
	}
	h.Set(requestIDHeader, k.id)
	return h
}

// locate joins a path and a query to the base address.
func (c *Client) locate(path, query string) (*url.URL, error) {
	path = strings.TrimPrefix(path, "/")
	plain, err := url.PathUnescape(path)
	switch {
	case err != nil || strings.ContainsAny(path, "?#") || strings.ContainsFunc(path, unprintable):
		return nil, errors.New("the path is not escaped")
	case climbs(plain):
		return nil, errors.New("the path holds a .. segment")
	case strings.Contains(query, "#") || strings.ContainsFunc(query, unprintable):
		return nil, errors.New("the query is not encoded")
	}
	u := *c.config.Base
	if path != "" {
		u.RawPath = u.EscapedPath() + "/" + path
		u.Path += "/" + plain
	}
	u.RawQuery = query
	return &u, nil
}

// climbs reports whether an unescaped path leads out of where it starts.
func climbs(path string) bool {
	return strings.Contains(path, "..") && slices.Contains(strings.FieldsFunc(path, func(r rune) bool { return r == '/' || r == '\\' }), "..")
}

func unprintable(r rune) bool { return r <= ' ' || r == 0x7f }

// checkHeaders finds what net/http would refuse, to say it in our own words:
// the usual case is a line break at the end of a key that was read from a file.
func checkHeaders(h http.Header) error {
	for name, values := range h {
		if name == "" || strings.ContainsFunc(name, func(r rune) bool { return unprintable(r) || r == ':' || r > 0x7f }) {
			return errors.New("the name of a header is not one of HTTP's")
		}
		for _, v := range values {
			if strings.ContainsFunc(v, func(r rune) bool { return r != '\t' && r < ' ' || r == 0x7f }) {
				return errors.New("the value of header " + name + " holds a line break or another control character")
			}
		}
	}
	return nil
}

// retryAfter reads a Retry-After header in both its forms. A date is compared
// with the server's own clock, where the reply tells it.
func retryAfter(h http.Header) time.Duration {
	v := strings.TrimSpace(h.Get("Retry-After"))
	if v == "" {
		return 0
	}
	if n, err := strconv.ParseUint(v, 10, 32); err == nil {
		return time.Duration(n) * time.Second
	}
	at, err := http.ParseTime(v)
	if err != nil {
		return 0
	}
	now, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		now = time.Now()
	}
	return max(at.Sub(now), 0)
}

// serverID returns the request id that a server answered, if it can be shown.
func (c *Client) serverID(h http.Header) string {
	id := h.Get(requestIDHeader)
	if id == "" || len(id) > 64 || strings.Trim(id, idRunes) != "" {
		return ""
	}
	if c.config.Auth != nil && slices.ContainsFunc(c.config.Auth.Secrets(), func(s string) bool { return s != "" && strings.Contains(id, s) }) {
		return ""
	}
	return id
}
