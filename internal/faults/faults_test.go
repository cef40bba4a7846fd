package faults

import (
	"context"
	"errors"
	"io"
	"maps"
	"math"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// worlds are the two ways to a handler; clients must not be able to tell them
// apart.
var worlds = map[string]func(t *testing.T, h http.Handler) *http.Client{
	"sockets": func(t *testing.T, h http.Handler) *http.Client {
		srv := httptest.NewUnstartedServer(h)
		srv.Config.ErrorLog = quiet
		srv.Start()
		t.Cleanup(srv.Close)
		tr := srv.Client().Transport.(*http.Transport)
		tr.DisableKeepAlives = true // no repeats by net/http itself
		tr.DisableCompression = true
		c := srv.Client()
		c.Transport = rebase{tr, srv.Listener.Addr().String()}
		return c
	},
	"memory": inMemory,
}

func inMemory(_ *testing.T, h http.Handler) *http.Client {
	return &http.Client{Transport: RoundTripper(h)}
}

// rebase sends requests for the test's host to addr.
type rebase struct {
	next http.RoundTripper
	addr string
}

func (b rebase) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Host, r.URL.Host = r.URL.Host, b.addr
	return b.next.RoundTrip(r)
}

const shop = "http://shop.test/api/orders?page=2"

// target is a handler that notes the bodies that reached it and replies with
// more than any buffer holds.
type target struct {
	mu   sync.Mutex
	seen []string
}

var fullReply = `{"data":"` + strings.Repeat("0123456789", 2000) + `"}`

func (e *target) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	e.mu.Lock()
	defer e.mu.Unlock()
	if err != nil {
		body = []byte("unreadable: " + err.Error())
	}
	e.seen = append(e.seen, r.Method+" "+r.URL.RequestURI()+" "+string(body))
	w.Header().Set("Content-Type", textJSON)
	w.Header().Set("X-Server", "shop")
	w.WriteHeader(http.StatusCreated)
	_, _ = io.WriteString(w, fullReply)
}

func (e *target) list() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.seen)
}

var once = []string{"POST /api/orders?page=2 order 17"}

// answer is what a client got.
type answer struct {
	status int
	header http.Header
	length int64
	body   string
	err    error // of the call or of reading the body
}

func post(ctx context.Context, t *testing.T, c *http.Client) answer {
	t.Helper()
	return do(ctx, t, c, http.MethodPost, strings.NewReader("order 17"))
}

func do(ctx context.Context, t *testing.T, c *http.Client, method string, body io.Reader) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, method, shop, body)
	if err != nil {
		t.Fatal(err)
	}
	res, err := c.Do(req)
	if err != nil {
		return answer{err: err}
	}
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(res.Body)
	return answer{res.StatusCode, res.Header, res.ContentLength, string(b), err}
}

// isCut reports whether err is what a cut connection gives.
func isCut(err error) bool {
	return errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) || isReset(err)
}

func equal(t *testing.T, what string, got, want any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func TestReplies(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		rule        Rule
		status      int
		contentType string
		retryAfter  string
		body        string // "": fullReply
		effects     []string
	}{
		{rule: Rule{Kind: Error500Before}, status: 500, contentType: textJSON, body: failure("internal", "internal server error")},
		{rule: Rule{Kind: Error500After, Body: "oops"}, status: 500, contentType: textJSON, body: "oops", effects: once},
		{rule: Rule{Kind: HTML502}, status: 502, contentType: textHTML, body: gatewayPage},
		{rule: Rule{Kind: HTML200}, status: 200, contentType: textHTML, body: maintenancePage},
		{rule: Rule{Kind: HTML200, Body: "<p>Log in</p>"}, status: 200, contentType: textHTML, body: "<p>Log in</p>"},
		{rule: Rule{Kind: OK200Error}, status: 200, contentType: textJSON, body: failure("failed", "the operation failed")},
		{rule: Rule{Kind: OK200Error, Body: `{"result":false}`}, status: 200, contentType: textJSON, body: `{"result":false}`},
		{rule: Rule{Kind: TooMany429}, status: 429, contentType: textJSON, retryAfter: "1", body: failure("too_many_requests", "too many requests")},
		{rule: Rule{Kind: TooMany429, RetryAfter: "120", Body: "{}"}, status: 429, contentType: textJSON, retryAfter: "120", body: "{}"},
		{rule: Rule{Kind: Slow, Delay: time.Millisecond}, status: 201, contentType: textJSON, effects: once},
		{rule: Rule{Kind: Slow, Match: func(*http.Request) bool { return false }}, status: 201, contentType: textJSON, effects: once},
	} {
		for world, connect := range worlds {
			t.Run(string(c.rule.Kind)+"/"+world, func(t *testing.T) {
				t.Parallel()
				c, e, in := c, &target{}, New(1)
				c.rule.Share = 1
				in.Set(c.rule)
				a := post(t.Context(), t, connect(t, in.Wrap(e)))
				if a.err != nil {
					t.Fatal(a.err)
				}
				if c.body == "" {
					c.body = fullReply
				}
				equal(t, "status", a.status, c.status)
				equal(t, "Content-Type", a.header.Get("Content-Type"), c.contentType)
				equal(t, "Retry-After", a.header.Get("Retry-After"), c.retryAfter)
				equal(t, "body", a.body, c.body)
				equal(t, "effects", e.list(), c.effects)
				if c.rule.Match == nil {
					equal(t, "counts", in.Counts(), map[Kind]int{c.rule.Kind: 1})
				} else {
					equal(t, "counts", in.Counts(), map[Kind]int{})
				}
			})
		}
	}
}

func TestCutConnections(t *testing.T) {
	t.Parallel()
	for kind, want := range map[Kind][]string{DropBefore: nil, DropAfter: once, LateEffect: once} {
		for world, connect := range worlds {
			t.Run(string(kind)+"/"+world, func(t *testing.T) {
				t.Parallel()
				e, in := &target{}, New(1)
				in.Set(Rule{Kind: kind, Share: 1, Delay: 10 * time.Millisecond})
				a := post(t.Context(), t, connect(t, in.Wrap(e)))
				if !isCut(a.err) {
					t.Errorf("the client got %v, want a cut connection", a.err)
				}
				in.Wait()
				equal(t, "effects", e.list(), want)
				equal(t, "counts", in.Counts(), map[Kind]int{kind: 1})
			})
		}
	}
}

func TestTruncate(t *testing.T) {
	t.Parallel()
	for world, connect := range worlds {
		t.Run(world, func(t *testing.T) {
			t.Parallel()
			e, in := &target{}, New(1)
			in.Set(Rule{Kind: Truncate, Share: 1})
			a := post(t.Context(), t, connect(t, in.Wrap(e)))
			if !errors.Is(a.err, io.ErrUnexpectedEOF) {
				t.Errorf("reading the body gave %v, want io.ErrUnexpectedEOF", a.err)
			}
			equal(t, "status", a.status, http.StatusCreated)
			equal(t, "header", a.header.Get("X-Server"), "shop")
			equal(t, "length", a.length, int64(len(fullReply)))
			equal(t, "body", a.body, fullReply[:len(fullReply)/2])
			equal(t, "effects", e.list(), once)
		})
		t.Run(world+" in the first packet", func(t *testing.T) {
			t.Parallel()
			in := New(1)
			in.Set(Rule{Kind: Truncate, Share: 1})
			h := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "abcdef") })
			a := post(t.Context(), t, connect(t, in.Wrap(h)))
			if a.body != "abc" || a.length != 6 || !errors.Is(a.err, io.ErrUnexpectedEOF) {
				t.Errorf("the client got %q of %d bytes, %v", a.body, a.length, a.err)
			}
		})
		t.Run(world+" without body", func(t *testing.T) {
			t.Parallel()
			in := New(1)
			in.Set(Rule{Kind: Truncate, Share: 1})
			a := post(t.Context(), t, connect(t, in.Wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))))
			if !isCut(a.err) {
				t.Errorf("the client got %v, want a cut connection", a.err)
			}
		})
	}
}

// The client gives up as soon as its request has come.
func TestNoAnswer(t *testing.T) {
	t.Parallel()
	for kind, want := range map[Kind][]string{Hang: nil, HangAfter: once, Slow: nil} {
		for world, connect := range worlds {
			t.Run(string(kind)+"/"+world, func(t *testing.T) {
				t.Parallel()
				e, in := &target{}, New(1)
				ctx, giveUp := context.WithCancel(t.Context())
				in.Set(Rule{Kind: kind, Share: 1, Delay: time.Hour})
				handled := make(chan struct{})
				h := in.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					e.ServeHTTP(w, r)
					giveUp()
				}))
				c := connect(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					defer close(handled)
					if kind != HangAfter {
						// The body is read by the time the handler waits for the ctx.
						r.Body = atEOF{r.Body, giveUp}
					}
					h.ServeHTTP(w, r)
				}))
				if a := post(ctx, t, c); !errors.Is(a.err, context.Canceled) {
					t.Errorf("the client got %v, want context.Canceled", a.err)
				}
				<-handled
				equal(t, "effects", e.list(), want)
				equal(t, "counts", in.Counts(), map[Kind]int{kind: 1})
			})
		}
	}
}

// atEOF calls then when the body was read.
type atEOF struct {
	io.ReadCloser
	then func()
}

func (b atEOF) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err == io.EOF {
		b.then()
	}
	return n, err
}

func TestTimesOnAFakeClock(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		kind         Kind
		timeout      time.Duration
		wantErr      error
		took, effect time.Duration // effect < 0: none
	}{
		{kind: LateEffect, wantErr: io.ErrUnexpectedEOF, took: 0, effect: 15 * time.Minute},
		{kind: Slow, took: 15 * time.Minute, effect: 15 * time.Minute},
		{kind: Slow, timeout: 20 * time.Second, wantErr: context.DeadlineExceeded, took: 20 * time.Second, effect: -1},
		{kind: Hang, timeout: 20 * time.Second, wantErr: context.DeadlineExceeded, took: 20 * time.Second, effect: -1},
		{kind: HangAfter, timeout: 20 * time.Second, wantErr: context.DeadlineExceeded, took: 20 * time.Second, effect: 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			begin, at := time.Now(), time.Duration(-1)
			in := New(1)
			in.Set(Rule{Kind: c.kind, Share: 1, Delay: 15 * time.Minute})
			client := inMemory(t, in.Wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { at = time.Since(begin) })))
			client.Timeout = c.timeout
			a := post(t.Context(), t, client)
			if !errors.Is(a.err, c.wantErr) {
				t.Errorf("%s: the client got %v, want %v", c.kind, a.err, c.wantErr)
			}
			equal(t, string(c.kind)+" took", time.Since(begin), c.took)
			in.Wait()
			synctest.Wait()
			equal(t, string(c.kind)+" effect after", at, c.effect)
		})
	}
}

// The effect of a late request does not depend on its client any more.
func TestLateEffectOutlivesItsClient(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e, in := &target{}, New(1)
		in.Set(Rule{Kind: LateEffect, Share: 1, Delay: time.Hour})
		var ended atomic.Bool
		h := in.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			e.ServeHTTP(w, r)
			ended.Store(ended.Load() || r.Context().Err() != nil)
			panic(http.ErrAbortHandler) // is nobody's business
		}))
		ctx, cancel := context.WithCancel(t.Context())
		for range 3 {
			if a := post(ctx, t, inMemory(t, h)); !isCut(a.err) {
				t.Errorf("the client got %v", a.err)
			}
		}
		cancel()
		synctest.Wait()
		equal(t, "effects at once", e.list(), []string(nil))
		in.Wait()
		equal(t, "effects", len(e.list()), 3)
		equal(t, "ctx of the late handler ended", ended.Load(), false)
	})
}

// pattern says which of n requests met a fault.
func pattern(t *testing.T, in *Injector, n int) (hits string) {
	t.Helper()
	c := inMemory(t, in.Wrap(&target{}))
	for range n {
		hits += map[int]string{201: ".", 500: "x", 429: "m"}[post(t.Context(), t, c).status]
	}
	return hits
}

func TestSameSeedSameFaults(t *testing.T) {
	t.Parallel()
	rules := []Rule{{Kind: Error500Before, Share: 0.3}, {Kind: TooMany429, Share: 0.3}}
	runs := map[uint64]string{}
	for seed := range uint64(3) {
		for range 2 {
			in := New(seed)
			in.Set(rules...)
			got := pattern(t, in, 60)
			if before, ok := runs[seed]; ok && got != before {
				t.Errorf("seed %d gave %s and then %s", seed, before, got)
			}
			runs[seed] = got
			equal(t, "counts", in.Counts(),
				map[Kind]int{Error500Before: strings.Count(got, "x"), TooMany429: strings.Count(got, "m")})
		}
	}
	if runs[0] == runs[1] || runs[1] == runs[2] {
		t.Errorf("different seeds gave the same faults: %v", runs)
	}
}

func TestShare(t *testing.T) {
	t.Parallel()
	const n = 20000
	req := httptest.NewRequest(http.MethodGet, shop, nil)
	for _, share := range []float64{0, 0.05, 0.5, 1} {
		in := New(7)
		in.Set(Rule{Kind: HTML200, Share: share})
		h := in.Wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
		for range n {
			h.ServeHTTP(newRecorder(), req)
		}
		got := float64(in.Counts()[HTML200]) / n
		if tolerance := 4 * math.Sqrt(share*(1-share)/n); math.Abs(got-share) > tolerance {
			t.Errorf("share %v struck %v of the requests", share, got)
		}
	}
}

func TestRuleOrderMatchAndTimes(t *testing.T) {
	t.Parallel()
	in := New(1)
	isPost := func(r *http.Request) bool { return r.Method == http.MethodPost }
	in.Set(Rule{Kind: TooMany429, Share: 1, Match: isPost, Times: 2}, Rule{Kind: Error500Before, Share: 1, Match: isPost, Times: 1})
	c := inMemory(t, in.Wrap(&target{}))
	var got []int
	for _, method := range []string{"GET", "POST", "GET", "POST", "POST", "POST", "GET"} {
		got = append(got, do(t.Context(), t, c, method, nil).status)
	}
	equal(t, "statuses", got, []int{201, 429, 201, 429, 500, 201, 201})
	in.Set(Rule{Kind: TooMany429, Share: 1, Times: 1})
	equal(t, "after Set", pattern(t, in, 3), "m..")
	in.Set()
	equal(t, "without rules", pattern(t, in, 3), "...")
	counts := in.Counts()
	equal(t, "counts", counts, map[Kind]int{TooMany429: 3, Error500Before: 1})
	counts[TooMany429] = 99
	equal(t, "counts again", in.Counts()[TooMany429], 3)
}

// Requests that no rule is about must not shift the faults of the others.
func TestUnmatchedRequestsDrawNothing(t *testing.T) {
	t.Parallel()
	run := func(between int) (hits string) {
		in := New(3)
		in.Set(Rule{Kind: Error500Before, Share: 0.5, Match: func(r *http.Request) bool { return r.Method == http.MethodPost }})
		c := inMemory(t, in.Wrap(&target{}))
		for range 30 {
			for range between {
				_ = do(t.Context(), t, c, http.MethodGet, nil)
			}
			hits += map[int]string{201: ".", 500: "x"}[post(t.Context(), t, c).status]
		}
		return hits
	}
	equal(t, "faults", run(2), run(0))
}

func TestSetRefusesNonsense(t *testing.T) {
	t.Parallel()
	for _, r := range []Rule{{}, {Kind: "drop", Share: 1}, {Kind: Hang, Share: 1.5}, {Kind: Hang, Share: -0.1}, {Kind: Hang, Share: math.NaN()}} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("Set accepted %+v", r)
				}
			}()
			New(1).Set(r)
		}()
	}
}

func TestInjectorInParallel(t *testing.T) {
	t.Parallel()
	for world, connect := range worlds {
		t.Run(world, func(t *testing.T) {
			t.Parallel()
			e, in := &target{}, New(5)
			in.Set(Rule{Kind: DropAfter, Share: 0.2}, Rule{Kind: LateEffect, Share: 0.2, Delay: time.Millisecond},
				Rule{Kind: DropBefore, Share: 0.2}, Rule{Kind: Truncate, Share: 0.2}, Rule{Kind: Error500After, Share: 0.2})
			c := connect(t, in.Wrap(e))
			var wg sync.WaitGroup
			const n = 40
			for range n {
				wg.Go(func() { post(t.Context(), t, c) })
			}
			wg.Wait()
			in.Wait()
			struck := in.Counts()
			sum := 0
			for k := range maps.Values(struck) {
				sum += k
			}
			if sum == 0 || sum > n {
				t.Errorf("%d of %d requests met a fault", sum, n)
			}
			if got, want := len(e.list()), n-struck[DropBefore]; got != want {
				t.Errorf("%d effects, want %d", got, want)
			}
			for _, got := range e.list() {
				equal(t, "effect", got, once[0])
			}
		})
	}
}
