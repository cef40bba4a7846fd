package transport

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jarcoal/httpmock"
)

// mock serves every request by the responder.
func mock(r httpmock.Responder) *httpmock.MockTransport {
	m := httpmock.NewMockTransport()
	m.RegisterNoResponder(r)
	return m
}

func TestStatusesRepeated(t *testing.T) {
	t.Parallel()
	const all = 4 // the first attempt and three repetitions
	tests := []struct {
		status                  int
		read, repeatable, write int
	}{
		{200, 1, 1, 1},
		{201, 1, 1, 1},
		{304, 1, 1, 1},
		{400, 1, 1, 1},
		{401, 1, 1, 1},
		{404, 1, 1, 1},
		{408, all, all, 1},
		{409, 1, 1, 1},
		{422, 1, 1, 1},
		{429, all, all, all},
		{500, all, all, 1},
		{501, 1, 1, 1},
		{502, all, all, 1},
		{503, all, all, 1},
		{504, all, all, 1},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprint(tt.status), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				for _, c := range []struct {
					r    *Request
					want int
				}{{read(), tt.read}, {repeatable(), tt.repeatable}, {write(), tt.write}} {
					m := mock(httpmock.NewStringResponder(tt.status, "reply"))
					cl := newTestClient(t, local, Config{Transport: m})
					resp := mustDo(t, cl, t.Context(), c.r, tt.status)
					if n := m.GetTotalCallCount(); n != c.want || resp.Attempts != c.want || string(resp.Body) != "reply" {
						t.Errorf("%s: %d requests, Attempts %d, body %q; want %d", c.r.Operation, n, resp.Attempts, resp.Body, c.want)
					}
				}
			})
		})
	}
}

// badBody fails after a few bytes.
func badBody(err error) *http.Response {
	resp := answer(200, "")
	resp.Body = io.NopCloser(io.MultiReader(&io.LimitedReader{R: zeros{}, N: 10}, failing{err}))
	return resp
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

func TestErrorsRepeated(t *testing.T) {
	t.Parallel()
	dial := &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
	reset := &net.OpError{Op: "read", Net: "tcp", Err: os.NewSyscallError("read", syscall.ECONNRESET)}
	tests := map[string]struct {
		do      func(*http.Request) (*http.Response, error)
		kind    Kind
		is      error
		early   bool // nothing was sent
		limited bool // no repetition for any class
	}{
		"dial": {func(*http.Request) (*http.Response, error) { return nil, dial }, KindConnect, syscall.ECONNREFUSED, true, false},
		"dial slow": {func(*http.Request) (*http.Response, error) {
			return nil, &net.OpError{Op: "dial", Err: os.ErrDeadlineExceeded}
		}, KindConnect, context.DeadlineExceeded, true, false},
		"proxy": {func(*http.Request) (*http.Response, error) { return nil, &net.OpError{Op: "proxyconnect", Err: dial} }, KindConnect, syscall.ECONNREFUSED, true, false},
		"dns": {func(*http.Request) (*http.Response, error) {
			return nil, &net.OpError{Op: "dial", Err: &net.DNSError{IsNotFound: true}}
		}, KindDNS, nil, true, false},
		"reset": {func(*http.Request) (*http.Response, error) { return nil, reset }, KindCut, syscall.ECONNRESET, false, false},
		"alert": {func(*http.Request) (*http.Response, error) {
			return nil, &net.OpError{Op: "remote error", Err: tls.AlertError(40)}
		}, KindTLS, nil, false, false},
		"dial after": {func(r *http.Request) (*http.Response, error) {
			httptrace.ContextClientTrace(r.Context()).GotConn(httptrace.GotConnInfo{})
			return nil, dial
		}, KindConnect, syscall.ECONNREFUSED, false, false},
		"pending": {func(r *http.Request) (*http.Response, error) {
			httptrace.ContextClientTrace(r.Context()).GetConn("")
			return nil, io.EOF
		}, KindConnect, io.ErrUnexpectedEOF, true, false},
		"eof":        {func(*http.Request) (*http.Response, error) { return nil, io.EOF }, KindCut, io.ErrUnexpectedEOF, false, false},
		"nothing":    {func(*http.Request) (*http.Response, error) { return nil, nil }, KindCut, io.ErrUnexpectedEOF, false, false},
		"cut body":   {func(*http.Request) (*http.Response, error) { return badBody(io.ErrUnexpectedEOF), nil }, KindCut, io.ErrUnexpectedEOF, false, false},
		"reset body": {func(*http.Request) (*http.Response, error) { return badBody(reset), nil }, KindCut, syscall.ECONNRESET, false, false},
		"slow read": {func(*http.Request) (*http.Response, error) {
			return nil, &net.OpError{Op: "read", Err: os.ErrDeadlineExceeded}
		}, KindTimeout, context.DeadlineExceeded, false, false},
		"other":     {func(*http.Request) (*http.Response, error) { return nil, errors.New("malformed") }, KindNetwork, nil, false, false},
		"slow":      {func(r *http.Request) (*http.Response, error) { <-r.Context().Done(); return nil, r.Context().Err() }, KindTimeout, context.DeadlineExceeded, false, false},
		"too large": {func(*http.Request) (*http.Response, error) { return answer(200, string(make([]byte, 101))), nil }, KindTooLarge, nil, false, true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				for _, c := range []struct {
					r       *Request
					again   bool
					outcome Outcome
				}{{read(), true, ""}, {repeatable(), true, InDoubt}, {write(), tt.early, InDoubt}} {
					want, outcome := 1, c.outcome
					if c.again && !tt.limited {
						want = 4
					}
					if tt.early && c.r.Write {
						outcome = NotSent
					}
					m := mock(tt.do)
					_, err := newTestClient(t, local, Config{Transport: m, MaxBody: 100}).Do(t.Context(), c.r)
					e := checkError(t, err, tt.kind, outcome, want)
					if n := m.GetTotalCallCount(); n != want {
						t.Errorf("%s: %d requests, want %d", c.r.Operation, n, want)
					}
					if errors.Unwrap(e) != tt.is {
						t.Errorf("Unwrap = %v, want %v", errors.Unwrap(e), tt.is)
					}
				}
			})
		})
	}
}

// A later attempt that was not sent does not undo what an earlier one may have
// done; a refusal by 429 did nothing.
func TestOutcomeIsThatOfAllAttempts(t *testing.T) {
	t.Parallel()
	dial := &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}
	tests := map[string]struct {
		first func() (*http.Response, error)
		r     *Request
		want  Outcome
	}{
		"cut":          {func() (*http.Response, error) { return nil, io.EOF }, repeatable(), InDoubt},
		"503":          {func() (*http.Response, error) { return answer(503, ""), nil }, repeatable(), InDoubt},
		"429":          {func() (*http.Response, error) { return answer(429, ""), nil }, write(), NotSent},
		"not sent":     {func() (*http.Response, error) { return nil, dial }, write(), NotSent},
		"read has one": {func() (*http.Response, error) { return nil, io.EOF }, read(), ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				n := 0
				cl := newTestClient(t, local, Config{Retries: 1, Transport: tripper(func(*http.Request) (*http.Response, error) {
					if n++; n == 1 {
						return tt.first()
					}
					return nil, dial
				})})
				_, err := cl.Do(t.Context(), tt.r)
				checkError(t, err, KindConnect, tt.want, 2)
			})
		})
	}
}

func TestRepetitionIsTheSameRequest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ids := map[string]bool{}
		n := 0
		cl := newTestClient(t, local+"/v1/", Config{Auth: basic{"anna", "pw"}, UserAgent: "shop/1", Transport: tripper(func(r *http.Request) (*http.Response, error) {
			n++
			ids[r.Header.Get("X-Request-Id")] = true
			body, err := io.ReadAll(r.Body)
			if err != nil || string(body) != `{"number":"17"}` || r.ContentLength != int64(len(body)) {
				t.Errorf("body %q, length %d: %v", body, r.ContentLength, err)
			}
			user, pw, _ := r.BasicAuth()
			if user != "anna" || pw != "pw" || r.UserAgent() != "shop/1" || r.Header.Get("Content-Type") != "application/json" || r.Header.Get("Idempotency-Key") != "shop-17" {
				t.Errorf("headers %v", r.Header)
			}
			if r.URL.String() != "http://127.0.0.1:9/api/v1/products/1" || r.Method != "PUT" {
				t.Errorf("%s %s", r.Method, r.URL)
			}
			if n < 3 {
				return answer(503, ""), nil
			}
			return answer(200, "ok", "X-Request-Id", "srv-1"), nil
		})})
		resp := mustDo(t, cl, t.Context(), repeatable(), 200)
		if len(ids) != 1 || ids[""] || resp.Attempts != 3 || resp.RequestID != "srv-1" {
			t.Errorf("request ids %v, response %+v", ids, resp)
		}
	})
}

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		headers func(now time.Time) []string
		want    time.Duration
	}{
		"seconds": {func(time.Time) []string { return []string{"Retry-After", "45"} }, 45 * time.Second},
		"date": {func(now time.Time) []string {
			return []string{"Retry-After", now.Add(45 * time.Second).UTC().Format(http.TimeFormat)}
		}, 45 * time.Second},
		"date of a fast clock": {func(now time.Time) []string {
			now = now.Add(time.Hour).UTC()
			return []string{"Date", now.Format(http.TimeFormat), "Retry-After", now.Add(45 * time.Second).Format(http.TimeFormat)}
		}, 45 * time.Second},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				for _, status := range []int{429, 503} {
					n := 0
					cl := newTestClient(t, local, Config{WaitMax: 5 * time.Second, Transport: mock(func(*http.Request) (*http.Response, error) {
						if n++; n == 1 {
							return answer(status, "", tt.headers(time.Now())...), nil
						}
						return answer(200, ""), nil
					})})
					start := time.Now()
					mustDo(t, cl, t.Context(), read(), 200)
					took(t, start, tt.want)
				}
			})
		})
	}
}

func TestRetryAfterHeader(t *testing.T) {
	t.Parallel()
	for v, want := range map[string]time.Duration{
		"": 0, "0": 0, " 7 ": 7 * time.Second, "-5": 0, "1.5": 0, "soon": 0,
		"4294967295": 4294967295 * time.Second, "99999999999999999999": 0,
		"Mon, 01 Jan 2001 00:00:10 GMT": 10 * time.Second, "Mon, 01 Jan 2001 00:00:00 GMT": 0, "Sun, 31 Dec 2000 23:00:00 GMT": 0,
	} {
		h := http.Header{"Retry-After": {v}, "Date": {"Mon, 01 Jan 2001 00:00:00 GMT"}}
		if got := retryAfter(h); got != want {
			t.Errorf("%q: %v, want %v", v, got, want)
		}
	}
}

// A wait that the deadline would cut short is not begun.
func TestNoWaitPastDeadline(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		reply  func() (*http.Response, error)
		config Config
		status int
		kind   Kind
	}{
		"429 with Retry-After": {func() (*http.Response, error) { return answer(429, "later", "Retry-After", "10"), nil }, Config{}, 429, ""},
		"503 with backoff":     {func() (*http.Response, error) { return answer(503, "later"), nil }, Config{WaitMin: 10 * time.Second}, 503, ""},
		"503 and a full queue": {func() (*http.Response, error) { return answer(503, "later"), nil }, Config{WaitMin: time.Nanosecond, WaitMax: time.Nanosecond, Rate: 0.01}, 503, ""},
		"no reply":             {func() (*http.Response, error) { return nil, io.EOF }, Config{WaitMin: 10 * time.Second}, 0, KindCut},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
				defer cancel()
				m := mock(func(*http.Request) (*http.Response, error) { return tt.reply() })
				tt.config.Transport = m
				cl := newTestClient(t, local, tt.config)
				start := time.Now()
				resp, err := cl.Do(ctx, read())
				if time.Since(start) > time.Microsecond || m.GetTotalCallCount() != 1 {
					t.Errorf("took %v and %d requests", time.Since(start), m.GetTotalCallCount())
				}
				if tt.kind != "" {
					checkError(t, err, tt.kind, "", 1)
					return
				}
				if err != nil || resp.Status != tt.status || string(resp.Body) != "later" || resp.Attempts != 1 {
					t.Fatalf("%+v, %v", resp, err)
				}
				if name == "429 with Retry-After" && resp.RetryAfter != 10*time.Second {
					t.Errorf("RetryAfter %v", resp.RetryAfter)
				}
			})
		})
	}
}

// A repetition that met a redirect and then no turn leaves the reply before it.
func TestReplyBeforeRepetition(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
		defer cancel()
		n := 0
		cl := newTestClient(t, local, Config{Rate: 0.1, Transport: tripper(func(*http.Request) (*http.Response, error) {
			if n++; n == 1 {
				return answer(503, "first"), nil
			}
			return answer(302, "second", "Location", "/there"), nil
		})})
		if resp := mustDo(t, cl, ctx, read(), 503); string(resp.Body) != "first" || resp.Attempts != 2 {
			t.Errorf("%+v", resp)
		}
	})
}

// A reply that came before the context ended is returned.
func TestReplyInTheLastMoment(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		body := &endingBody{Reader: strings.NewReader("busy"), end: cancel}
		cl := newTestClient(t, local, Config{})
		cl.reads = tripper(func(*http.Request) (*http.Response, error) {
			resp := answer(503, "")
			resp.Body = body
			return resp, nil
		})
		if resp := mustDo(t, cl, ctx, read(), 503); string(resp.Body) != "busy" || ctx.Err() == nil {
			t.Errorf("%+v, %v", resp, ctx.Err())
		}
	})
}

// endingBody calls end when it is closed.
type endingBody struct {
	io.Reader
	end func()
}

func (b *endingBody) Close() error {
	b.end()
	return nil
}

// A redirect whose next request would come too late was not answered.
func TestNoTurnForRedirect(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		cl := newTestClient(t, local, Config{Rate: 0.01, Transport: tripper(func(*http.Request) (*http.Response, error) {
			return answer(302, "", "Location", "/there"), nil
		})})
		_, err := cl.Do(ctx, read())
		checkError(t, err, KindRateWait, "", 1)
	})
}

func TestBackoffRange(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var at []time.Time
		cl := newTestClient(t, local, Config{Retries: 6, WaitMin: time.Second, WaitMax: 10 * time.Second, Transport: mock(func(*http.Request) (*http.Response, error) {
			at = append(at, time.Now())
			return answer(503, ""), nil
		})})
		seen := map[time.Duration]bool{}
		for range 50 {
			at = nil
			mustDo(t, cl, t.Context(), read(), 503)
			for i, top := range []time.Duration{2, 4, 8, 10, 10, 10} {
				d := at[i+1].Sub(at[i])
				if d < time.Second || d > top*time.Second {
					t.Fatalf("wait %d was %v, want 1s to %ds", i, d, top)
				}
				seen[d.Round(time.Second)] = true
			}
		}
		if len(seen) < 8 {
			t.Errorf("waits hardly vary: %v", seen)
		}
	})
}

func TestCancelWhileWaitingToRepeat(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		status int
		r      *Request
		want   Outcome
	}{
		"read":            {503, read(), ""},
		"write after 503": {503, repeatable(), InDoubt},
		"write after 429": {429, write(), NotSent},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				cl := newTestClient(t, local, Config{Transport: mock(func(*http.Request) (*http.Response, error) {
					return answer(tt.status, "", "Retry-After", "600"), nil
				})})
				start := time.Now()
				time.AfterFunc(3*time.Second, cancel)
				_, err := cl.Do(ctx, tt.r)
				took(t, start, 3*time.Second)
				e := checkError(t, err, KindCancelled, tt.want, 1)
				if !errors.Is(err, context.Canceled) || e.Status != tt.status {
					t.Errorf("status %d, %v", e.Status, err)
				}
			})
		})
	}
}

// dribble answers with a body that gives a byte a second, for an hour.
func dribble(*http.Request) (*http.Response, error) {
	pr, pw := io.Pipe()
	go func() {
		for range 3600 {
			<-time.After(time.Second)
			if _, err := pw.Write([]byte("x")); err != nil {
				return
			}
		}
	}()
	resp := answer(200, "")
	resp.Body = pr
	return resp, nil
}

// readerEnds waits until the body's next byte shows its reader that nobody
// waits for it any more.
func readerEnds() { <-time.After(3 * time.Second) }

func TestDribblingBody(t *testing.T) {
	t.Parallel()
	t.Run("cancelled", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer readerEnds()
			cl := newTestClient(t, local, Config{Transport: tripper(dribble)})
			start := time.Now()
			time.AfterFunc(2500*time.Millisecond, cancel)
			_, err := cl.Do(ctx, write())
			took(t, start, 2500*time.Millisecond)
			checkError(t, err, KindCancelled, InDoubt, 1)
		})
	})
	t.Run("times out", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			defer readerEnds()
			cl := newTestClient(t, local, Config{Retries: -1, ReadTimeout: 4500 * time.Millisecond, WriteTimeout: 3500 * time.Millisecond, Transport: tripper(dribble)})
			start := time.Now()
			_, err := cl.Do(t.Context(), read())
			took(t, start, 4500*time.Millisecond)
			e := checkError(t, err, KindTimeout, "", 1)
			if e.Status != 200 {
				t.Errorf("status %d", e.Status)
			}
			start = time.Now()
			_, err = cl.Do(t.Context(), repeatable())
			took(t, start, 3500*time.Millisecond)
			checkError(t, err, KindTimeout, InDoubt, 1)
		})
	})
	t.Run("past the deadline", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
			defer cancel()
			defer readerEnds()
			cl := newTestClient(t, local, Config{Transport: tripper(dribble)})
			start := time.Now()
			_, err := cl.Do(ctx, read())
			took(t, start, 1500*time.Millisecond)
			checkError(t, err, KindDeadline, "", 1)
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Error(err)
			}
		})
	})
}

// The time limit of an attempt begins when its turn has come.
func TestTimeoutBeginsAfterWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var attempts []Attempt
		cl := newTestClient(t, local, Config{
			Rate: 0.1, ReadTimeout: 3 * time.Second, OnAttempt: func(a Attempt) { attempts = append(attempts, a) },
			Transport: tripper(func(*http.Request) (*http.Response, error) {
				<-time.After(2 * time.Second)
				return answer(200, "body"), nil
			}),
		})
		start := time.Now()
		mustDo(t, cl, t.Context(), read(), 200)
		mustDo(t, cl, t.Context(), read(), 200)
		took(t, start, 12*time.Second)
		if len(attempts) != 2 {
			t.Fatalf("%d attempts", len(attempts))
		}
		if a := attempts[1]; a.Waited != 8*time.Second || a.Duration != 2*time.Second || a.Bytes != 4 || a.Status != 200 || a.Number != 1 || a.Err != nil || a.Method != "GET" || a.Operation != "products.list" || a.System != "totalgest" || a.RequestID == "" {
			t.Errorf("%+v", a)
		}
	})
}

func TestEndedContextSendsNothing(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	synctest.Test(t, func(t *testing.T) {
		m := mock(httpmock.NewStringResponder(200, ""))
		cl := newTestClient(t, local, Config{Transport: m, Rate: 0.1})
		_, err := cl.Do(ctx, write())
		checkError(t, err, KindCancelled, NotSent, 0)
		if m.GetTotalCallCount() != 0 {
			t.Error("a request was sent")
		}
		start := time.Now()
		mustDo(t, cl, t.Context(), write(), 200)
		took(t, start, 0) // no turn was used up
	})
}

func TestRetriesSetting(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for retries, want := range map[int]int{-1: 1, 0: 4, 1: 2, 7: 8} {
			m := mock(httpmock.NewStringResponder(503, ""))
			mustDo(t, newTestClient(t, local, Config{Transport: m, Retries: retries}), t.Context(), read(), 503)
			if n := m.GetTotalCallCount(); n != want {
				t.Errorf("Retries %d: %d requests, want %d", retries, n, want)
			}
		}
	})
}
