package transport

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// local is a base address without the host limit that all clients share.
const local = "http://127.0.0.1:9/api"

// basic is an Authenticator with a user and a password.
type basic struct{ user, password string }

func (a basic) Authenticate(h http.Header) {
	(&http.Request{Header: h}).SetBasicAuth(a.user, a.password)
}
func (a basic) Secrets() []string { return []string{a.password} }

// tripper is an in-memory RoundTripper.
type tripper func(*http.Request) (*http.Response, error)

func (f tripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// answer makes a reply; headers are name, value, ...
func answer(status int, body string, headers ...string) *http.Response {
	h := http.Header{}
	for i := 0; i < len(headers); i += 2 {
		h.Set(headers[i], headers[i+1])
	}
	return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(strings.NewReader(body)), ContentLength: -1}
}

// newTestClient makes a client of base without a limit, unless c has one.
func newTestClient(t testing.TB, base string, c Config) *Client {
	t.Helper()
	u, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	c.Base, c.System = u, or(c.System, "totalgest")
	c.Rate = or(c.Rate, -1)
	cl, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cl.CloseIdle)
	return cl
}

// asError returns the *Error of a call that must have failed.
func asError(t testing.TB, err error) *Error {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) {
		t.Fatalf("err = %v, want an *Error", err)
	}
	return e
}

// checkError compares kind, outcome and number of attempts.
func checkError(t testing.TB, err error, kind Kind, outcome Outcome, attempts int) *Error {
	t.Helper()
	e := asError(t, err)
	if e.Kind != kind || e.Outcome != outcome || e.Attempts != attempts {
		t.Errorf("got kind %q, outcome %q, %d attempts; want %q, %q, %d: %v", e.Kind, e.Outcome, e.Attempts, kind, outcome, attempts, e)
	}
	return e
}

// took checks the time since start, which is exact in a bubble but for the
// limiter's rounding.
func took(t testing.TB, start time.Time, want time.Duration) {
	t.Helper()
	if d := time.Since(start); (d - want).Abs() > time.Microsecond {
		t.Errorf("took %v, want %v", d, want)
	}
}

// mustDo makes a call that must be answered with status.
func mustDo(t testing.TB, c *Client, ctx context.Context, r *Request, status int) *Response {
	t.Helper()
	resp, err := c.Do(ctx, r)
	if err != nil {
		t.Fatalf("%s: %v", r.Operation, err)
	}
	if resp.Status != status {
		t.Fatalf("%s: status %d, want %d", r.Operation, resp.Status, status)
	}
	return resp
}

// The calls of the three classes.
func read() *Request {
	return &Request{Operation: "products.list", Method: "GET", Path: "products", Query: "limit=5"}
}

func write() *Request {
	return &Request{
		Operation: "orders.create", Method: "POST", Path: "orders", ContentType: "application/json",
		Header: http.Header{"Idempotency-Key": {"shop-17"}}, Body: []byte(`{"number":"17"}`), Write: true,
	}
}

func repeatable() *Request {
	r := write()
	r.Operation, r.Method, r.Path, r.Repeatable = "products.update", "PUT", "products/1", true
	return r
}

// logs collects log lines; it is safe for concurrent use.
type logs struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logs) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *logs) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

func (l *logs) logger() *slog.Logger {
	timeless := func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}
	return slog.New(slog.NewJSONHandler(l, &slog.HandlerOptions{Level: slog.LevelDebug, ReplaceAttr: timeless}))
}
