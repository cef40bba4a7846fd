package faults

import (
	"context"
	"errors"
	"fmt"
	"io"
	stdlog "log"
	"net/http"
	"net/url"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"
)

var quiet = stdlog.New(io.Discard, "", 0)

func isReset(err error) bool { return errors.Is(err, syscall.ECONNRESET) }

// TestSameAsSockets shows a client the same handlers over both ways.
func TestSameAsSockets(t *testing.T) {
	t.Parallel()
	write := func(w http.ResponseWriter, s string) { _, _ = io.WriteString(w, s) }
	for name, h := range map[string]http.HandlerFunc{
		"nothing": func(http.ResponseWriter, *http.Request) {},
		"request": func(w http.ResponseWriter, r *http.Request) {
			b, err := io.ReadAll(r.Body)
			user, password, _ := r.BasicAuth()
			write(w, fmt.Sprintln(r.Method, r.URL, r.URL.Host, r.URL.Query(), r.Host, r.RequestURI, r.Proto,
				r.ContentLength, string(b), err, user, password, r.Header["X-Two"], r.RemoteAddr != "", r.PathValue("x")))
		},
		"no content": func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusNoContent)
			_, err := w.Write([]byte("x"))
			if !errors.Is(err, http.ErrBodyNotAllowed) {
				panic("Write after 204 gave " + fmt.Sprint(err))
			}
		},
		"sniffed":       func(w http.ResponseWriter, _ *http.Request) { write(w, "<html><body>hello") },
		"long":          func(w http.ResponseWriter, _ *http.Request) { write(w, strings.Repeat("text ", 5000)) },
		"status":        func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(503); w.WriteHeader(200); write(w, "busy") },
		"late header":   func(w http.ResponseWriter, _ *http.Request) { write(w, "a"); w.Header().Set("X-Late", "1") },
		"after header":  func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(200); w.Header().Set("X-Late", "1") },
		"early header":  func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("X-Early", "1"); write(w, "a") },
		"own date":      func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Date", "then"); write(w, "a") },
		"flushed":       func(w http.ResponseWriter, _ *http.Request) { write(w, "a"); w.(http.Flusher).Flush(); write(w, "b") },
		"flushed empty": func(w http.ResponseWriter, _ *http.Request) { w.(http.Flusher).Flush() },
		"exact length":  func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Content-Length", "3"); write(w, "abc") },
		"short":         func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Content-Length", "9"); write(w, "abc") },
		"long length": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "3")
			if _, err := io.WriteString(w, "abcd"); !errors.Is(err, http.ErrContentLength) {
				panic("too long a Write gave " + fmt.Sprint(err))
			}
			write(w, "xyz")
		},
		"abort at once":   func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"abort, not sent": func(w http.ResponseWriter, _ *http.Request) { write(w, "abc"); panic(http.ErrAbortHandler) },
		"abort after flush": func(w http.ResponseWriter, _ *http.Request) {
			write(w, "abc")
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		},
		"panic":        func(http.ResponseWriter, *http.Request) { panic("a bug") },
		"not modified": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotModified) },
	} {
		for _, method := range []string{http.MethodPost, http.MethodGet, http.MethodHead} {
			t.Run(name+"/"+method, func(t *testing.T) {
				t.Parallel()
				got := map[string][]any{}
				for world, connect := range worlds {
					got[world] = seen(t, connect(t, h), method)
				}
				equal(t, "sockets and memory", got["memory"], got["sockets"])
			})
		}
	}
}

// seen is what a client can see of an answer.
func seen(t *testing.T, c *http.Client, method string) []any {
	t.Helper()
	var body io.Reader
	if method == http.MethodPost {
		body = strings.NewReader("order 17")
	}
	req, err := http.NewRequestWithContext(t.Context(), method, "http://user:pass@shop.test/a%2Fb/c?q=1&q=2#part", body)
	if err != nil {
		t.Fatal(err)
	}
	req.Header["X-Two"] = []string{"1", "2"}
	res, err := c.Do(req)
	if err != nil {
		return []any{"cut", isCut(err)}
	}
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(res.Body)
	if date := res.Header.Get("Date"); date != "then" {
		if _, err := http.ParseTime(date); err != nil {
			t.Errorf("Date is %q", date)
		}
	}
	for _, h := range []string{"Date", "Connection"} { // the clock's, and each way's own
		res.Header.Del(h)
	}
	return []any{res.Status, res.StatusCode, res.Proto, res.Header, res.ContentLength, string(b), fmt.Sprint(err)}
}

func TestReplyIsStreamed(t *testing.T) {
	t.Parallel()
	for world, connect := range worlds {
		t.Run(world, func(t *testing.T) {
			t.Parallel()
			next := make(chan string)
			c := connect(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				for s := range next {
					_, _ = io.WriteString(w, s)
					_ = http.NewResponseController(w).Flush()
				}
			}))
			go func() { next <- "first" }()
			res := get(t.Context(), t, c)
			defer func() { _ = res.Body.Close() }()
			for _, want := range []string{"first", "second"} {
				b := make([]byte, len(want))
				if _, err := io.ReadFull(res.Body, b); err != nil || string(b) != want {
					t.Errorf("read %q, %v; want %q", b, err, want)
				}
				if want == "first" {
					next <- "second"
				}
			}
			close(next)
			if n, err := res.Body.Read(make([]byte, 1)); n != 0 || err != io.EOF {
				t.Errorf("at the end: %d, %v", n, err)
			}
		})
	}
}

func get(ctx context.Context, t *testing.T, c *http.Client) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, shop, nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	return res
}

// A client that stops reading ends the handler's ctx, in either way.
func TestClientLeavesMidBody(t *testing.T) {
	t.Parallel()
	for world, connect := range worlds {
		for how, leave := range map[string]func(*http.Response, context.CancelFunc) error{
			"closes":  func(res *http.Response, _ context.CancelFunc) error { return res.Body.Close() },
			"cancels": func(_ *http.Response, cancel context.CancelFunc) error { cancel(); return nil },
		} {
			t.Run(world+"/"+how, func(t *testing.T) {
				t.Parallel()
				told := make(chan error, 1)
				c := connect(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					_ = http.NewResponseController(w).Flush()
					<-r.Context().Done()
					told <- r.Context().Err()
				}))
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				res := get(ctx, t, c)
				defer func() { _ = res.Body.Close() }()
				if err := leave(res, cancel); err != nil {
					t.Error(err)
				}
				if _, err := io.ReadAll(res.Body); err == nil {
					t.Error("the body ended well")
				} else if how == "cancels" && !errors.Is(err, context.Canceled) {
					t.Errorf("reading gave %v, want context.Canceled", err)
				}
				if err := <-told; !errors.Is(err, context.Canceled) {
					t.Errorf("the handler's ctx ended with %v", err)
				}
			})
		}
	}
}

func TestRoundTripWithEndedContext(t *testing.T) {
	t.Parallel()
	why := errors.New("why")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(why)
	called := false
	c := inMemory(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { called = true }))
	body := &closing{Reader: strings.NewReader("order")}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, shop, body)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Transport.RoundTrip(req); !errors.Is(err, why) {
		t.Errorf("RoundTrip: %v, want the cause", err)
	}
	if called || !body.closed {
		t.Errorf("handler called: %v, body closed: %v", called, body.closed)
	}
}

type closing struct {
	io.Reader
	closed bool
}

func (c *closing) Close() error { c.closed = true; return nil }

func TestRequestBodies(t *testing.T) {
	t.Parallel()
	broken := errors.New("disk on fire")
	e := &target{}
	c := inMemory(t, e)
	body := &closing{Reader: iotest.ErrReader(broken)}
	if a := do(t.Context(), t, c, http.MethodPost, body); !errors.Is(a.err, broken) || !body.closed {
		t.Errorf("a body that fails gave %v, closed: %v", a.err, body.closed)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, shop, io.NopCloser(strings.NewReader("abc")))
	if err != nil {
		t.Fatal(err)
	}
	req.ContentLength = 5
	if _, err := c.Do(req); err == nil {
		t.Error("a body shorter than declared was accepted")
	}
	equal(t, "effects", e.list(), []string(nil))
}

// A request made by hand lacks what http.NewRequest fills in.
func TestBareRequest(t *testing.T) {
	t.Parallel()
	u, err := url.Parse(shop)
	if err != nil {
		t.Fatal(err)
	}
	ctxs := make(chan context.Context, 1)
	c := inMemory(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Header.Set("X-Own", "1")
		ctxs <- r.Context()
		_, _ = fmt.Fprint(w, r.Method, " ", r.Host, " ", r.Body == http.NoBody)
	}))
	res, err := c.Transport.RoundTrip(&http.Request{URL: u})
	if err != nil {
		t.Fatal(err)
	}
	<-(<-ctxs).Done() // since the handler has returned
	b, err := io.ReadAll(res.Body)
	if err := errors.Join(err, res.Body.Close()); err != nil {
		t.Error(err)
	}
	equal(t, "seen by the handler", string(b), "GET shop.test true")
}

// A handler that ends its goroutine, as t.FailNow does, must not hang the client.
func TestHandlerThatExits(t *testing.T) {
	t.Parallel()
	c := inMemory(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { runtime.Goexit() }))
	if a := post(t.Context(), t, c); !isCut(a.err) {
		t.Errorf("the client got %v", a.err)
	}
	c = inMemory(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("a bug") }))
	if a := post(t.Context(), t, c); !isCut(a.err) || !strings.Contains(a.err.Error(), "a bug") {
		t.Errorf("the client got %v, want one that tells the panic", a.err)
	}
}

// A handler that does not look at its ctx does not hold its client.
func TestClientDoesNotWaitForDeafHandler(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ended := make(chan struct{})
		c := inMemory(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			defer close(ended)
			<-time.After(time.Hour)
			if _, err := io.WriteString(w, "nobody"); err == nil {
				t.Error("Write to a client that is gone succeeded")
			}
		}))
		c.Timeout = time.Second
		begin := time.Now()
		if a := post(t.Context(), t, c); !errors.Is(a.err, context.DeadlineExceeded) {
			t.Errorf("the client got %v", a.err)
		}
		equal(t, "took", time.Since(begin), time.Second)
		<-ended
	})
}

func TestTimeOfDayIsTheBubbles(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := post(t.Context(), t, inMemory(t, &target{}))
		equal(t, "Date", a.header.Get("Date"), time.Now().UTC().Format(http.TimeFormat))
	})
}
