package transport

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// recorder answers after a while and notes what began when.
type recorder struct {
	lasts time.Duration

	mu      sync.Mutex
	begun   []string
	at      []time.Time
	running int
	most    int
}

func (r *recorder) RoundTrip(req *http.Request) (*http.Response, error) {
	r.mu.Lock()
	r.begun = append(r.begun, strings.TrimPrefix(req.URL.Path, "/api/"))
	r.at = append(r.at, time.Now())
	r.running++
	r.most = max(r.most, r.running)
	r.mu.Unlock()
	if r.lasts > 0 {
		<-time.After(r.lasts)
	}
	r.mu.Lock()
	r.running--
	r.mu.Unlock()
	return answer(200, ""), nil
}

// start makes calls in the background, each queued before the next one.
func start(t *testing.T, cl *Client, ctx context.Context, paths ...string) {
	for _, p := range paths {
		go get(t, cl, ctx, p)
		synctest.Wait()
	}
}

func get(t *testing.T, cl *Client, ctx context.Context, path string) {
	if _, err := cl.Do(ctx, &Request{Operation: "test", Path: path}); err != nil {
		t.Error(err)
	}
}

// aMinute lets every call in the bubble come to its end.
func aMinute() {
	<-time.After(time.Minute)
	synctest.Wait()
}

func TestUrgentPassesBulk(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		config Config
		lasts  time.Duration
	}{
		"waiting for a slot":     {Config{Concurrent: 1}, time.Second},
		"waiting for the rate":   {Config{Concurrent: 10, Rate: 1}, 0},
		"waiting for both":       {Config{Concurrent: 1, Rate: 0.5}, 3 * time.Second},
		"waiting for first rate": {Config{Concurrent: 2, Rate: 0.5}, 3 * time.Second},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				rec := &recorder{lasts: tt.lasts}
				tt.config.Transport = rec
				cl := newTestClient(t, local, tt.config)
				start(t, cl, t.Context(), "b1", "b2", "b3", "b4")
				start(t, cl, Urgent(t.Context()), "u1", "u2")
				start(t, cl, t.Context(), "b5")
				aMinute()
				want := []string{"b1", "u1", "u2", "b2", "b3", "b4", "b5"}
				if !slices.Equal(rec.begun, want) {
					t.Errorf("order %v, want %v", rec.begun, want)
				}
			})
		})
	}
}

func TestRateAndConcurrency(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		rec := &recorder{lasts: time.Second}
		cl := newTestClient(t, local, Config{Rate: 5, Concurrent: 3, Transport: rec})
		for i := range 30 {
			go get(t, cl, t.Context(), fmt.Sprint(i))
		}
		aMinute()
		if rec.most != 3 || len(rec.at) != 30 {
			t.Errorf("%d at a time, %d requests", rec.most, len(rec.at))
		}
		for i := 1; i < len(rec.at); i++ {
			if d := rec.at[i].Sub(rec.at[i-1]); d < 200*time.Millisecond {
				t.Errorf("request %d came %v after the one before", i, d)
			}
		}
		// Three at a time, a second each: the tenth three begin after nine seconds.
		if d := rec.at[29].Sub(rec.at[0]); d != 9*time.Second+400*time.Millisecond {
			t.Errorf("took %v", d)
		}
	})
}

func TestRateIsUsedUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		base, _ := url.Parse(local)
		for rate, want := range map[float64]time.Duration{0: 100 * time.Second, 10: 20 * time.Second, 200: 905 * time.Millisecond, -1: 0} {
			cl, err := New(Config{System: "totalgest", Base: base, Rate: rate, Transport: &recorder{}})
			if err != nil {
				t.Fatal(err)
			}
			begin := time.Now()
			for range 201 {
				mustDo(t, cl, t.Context(), read(), 200)
			}
			took(t, begin, want)
		}
	})
}

// A waiter that gives up leaves its place to the next one.
func TestCancelWhileWaitingForTurn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		rec := &recorder{}
		cl := newTestClient(t, local, Config{Rate: 0.1, Transport: rec})
		mustDo(t, cl, t.Context(), read(), 200)
		begin := time.Now()
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(4*time.Second, cancel)
		_, err := cl.Do(ctx, write())
		took(t, begin, 4*time.Second)
		checkError(t, err, KindCancelled, NotSent, 0)
		if g := cl.gate; g.held != nil || g.timer != nil || g.free != 2 {
			t.Errorf("left behind: %+v", g)
		}
		mustDo(t, cl, t.Context(), read(), 200)
		took(t, begin, 10*time.Second)
	})
}

func TestCancelWhileWaitingForSlot(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		rec := &recorder{lasts: 10 * time.Second}
		cl := newTestClient(t, local, Config{Concurrent: 1, Transport: rec})
		start(t, cl, t.Context(), "first")
		begin := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second)
		defer cancel()
		_, err := cl.Do(ctx, write())
		took(t, begin, 4*time.Second)
		checkError(t, err, KindDeadline, NotSent, 0)
		mustDo(t, cl, t.Context(), read(), 200)
		took(t, begin, 20*time.Second)
	})
}

// A turn that comes after the deadline is not waited for.
func TestTurnPastDeadlineIsRefused(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		rec := &recorder{}
		cl := newTestClient(t, local, Config{Rate: 1, Transport: rec})
		start(t, cl, t.Context(), "0s", "1s", "2s")
		ctx, cancel := context.WithTimeout(t.Context(), 2500*time.Millisecond)
		defer cancel()
		begin := time.Now()
		_, err := cl.Do(ctx, write()) // its turn is in 3s
		took(t, begin, 0)
		checkError(t, err, KindRateWait, NotSent, 0)
		if _, err := cl.Do(Urgent(ctx), write()); err != nil { // its turn is in 1s
			t.Error(err)
		}
		took(t, begin, time.Second)
		ctx, cancel = context.WithTimeout(t.Context(), 3500*time.Millisecond)
		defer cancel()
		if _, err := cl.Do(ctx, write()); err != nil { // two are before it, so its turn is in 3s
			t.Error(err)
		}
		took(t, begin, 4*time.Second)
		aMinute()
		if len(rec.at) != 5 {
			t.Errorf("%d requests", len(rec.at))
		}
	})
}

// A turn that comes in the moment in which its waiter gives up is handed on.
func TestTurnComesTooLate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newGate(1, -1)
		if err := g.acquire(t.Context(), false); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		result := make(chan error, 1)
		go func() { result <- g.acquire(ctx, false) }()
		synctest.Wait()
		g.mu.Lock()
		cancel()
		g.free++ // what release does
		g.dispatch()
		g.mu.Unlock()
		if err := <-result; !errors.Is(err, context.Canceled) {
			t.Errorf("acquire: %v", err)
		}
		if err := g.acquire(t.Context(), false); err != nil || g.free != 0 {
			t.Errorf("%v, %d free", err, g.free)
		}
	})
}

// hostNumber gives each run of a test a host of its own: limits of hosts
// outlive it.
var hostNumber atomic.Int64

func TestHostLimitIsShared(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		base := fmt.Sprintf("https://shop%d.example", hostNumber.Add(1))
		rec := &recorder{}
		c := Config{Transport: rec, Concurrent: 5}
		one, two := newTestClient(t, base+"/a", c), newTestClient(t, strings.ToUpper(base)+":8443/b", c)
		other := newTestClient(t, fmt.Sprintf("https://shop%d.example", hostNumber.Add(1)), c)
		for range 20 {
			go get(t, one, t.Context(), "one")
			go get(t, two, t.Context(), "two")
			go get(t, other, t.Context(), "other")
		}
		aMinute()
		last := map[bool]time.Time{}
		for i, at := range rec.at {
			isOther := rec.begun[i] == "/other"
			if prev, ok := last[isOther]; ok && at.Sub(prev) < 100*time.Millisecond {
				t.Errorf("%s came %v after the one before", rec.begun[i], at.Sub(prev))
			}
			last[isOther] = at
		}
		if d := last[false].Sub(rec.at[0]); d != 3900*time.Millisecond {
			t.Errorf("40 requests to the shared host took %v", d)
		}
		if d := last[true].Sub(rec.at[0]); d != 1900*time.Millisecond {
			t.Errorf("20 requests to the other host took %v", d)
		}

		c.Rate = 5 // the lower of two limits holds
		slow := newTestClient(t, fmt.Sprintf("https://shop%d.example", hostNumber.Add(1)), c)
		begin := time.Now()
		for range 11 {
			mustDo(t, slow, t.Context(), read(), 200)
		}
		took(t, begin, 2*time.Second)
	})
}

// Callers that come, go and give up at random leave the gate as it was.
func TestGateUnderChurn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		rec := &recorder{lasts: 30 * time.Millisecond}
		cl := newTestClient(t, local, Config{Rate: 50, Concurrent: 3, Transport: rec, ReadTimeout: time.Hour})
		var wg sync.WaitGroup
		for i := range 300 {
			wg.Go(func() {
				<-time.After(time.Duration(i%40) * 25 * time.Millisecond)
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				if i%2 == 0 {
					defer time.AfterFunc(time.Duration(i%7)*20*time.Millisecond, cancel).Stop()
				}
				if i%3 == 0 {
					ctx = Urgent(ctx)
				}
				cl.Do(ctx, read())
			})
		}
		wg.Wait()
		g := cl.gate
		if g.free != 3 || len(g.urgent)+len(g.bulk) != 0 || g.held != nil || g.timer != nil {
			t.Errorf("left behind: %+v", g)
		}
		if rec.most > 3 {
			t.Errorf("%d at a time", rec.most)
		}
		for i := range rec.at {
			if j := i + 6; j < len(rec.at) && rec.at[j].Sub(rec.at[i]) < 20*time.Millisecond {
				t.Errorf("7 requests within %v", rec.at[j].Sub(rec.at[i]))
			}
		}
	})
}

// What a server asks of one call holds for all bulk calls of the client; urgent
// ones may try, and a call that can't wait so long is told at once.
func TestRetryAfterHoldsBackTheOthers(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		status  int
		after   string
		rate    float64
		resumes time.Duration // when the others begin; the urgent ones begin after 2 s
	}{
		"429":                    {429, "10", 0, 10 * time.Second},
		"503":                    {503, "10", 0, 10 * time.Second},
		"a rate, and urgent":     {429, "10", 1, 10 * time.Second},
		"429 without":            {429, "", 0, time.Second},
		"no throttling":          {500, "10", 0, time.Second},
		"longer than reasonable": {429, "999999", 0, time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				rec := &recorder{}
				cl := newTestClient(t, local, Config{Retries: -1, Rate: tt.rate, Concurrent: 5, Transport: tripper(func(req *http.Request) (*http.Response, error) {
					resp, err := rec.RoundTrip(req)
					if strings.HasSuffix(req.URL.Path, "/products") {
						resp = answer(tt.status, "", "Retry-After", tt.after)
					}
					return resp, err
				})})
				begin := time.Now()
				mustDo(t, cl, t.Context(), read(), tt.status)
				<-time.After(time.Second)
				start(t, cl, t.Context(), "b1", "b2")
				if tt.resumes > time.Second {
					ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
					defer cancel()
					_, err := cl.Do(ctx, write())
					checkError(t, err, KindRateWait, NotSent, 0)
					took(t, begin, time.Second)
				}
				<-time.After(time.Second)
				start(t, cl, Urgent(t.Context()), "u1", "u2")
				<-time.After(2 * time.Hour)
				synctest.Wait()
				for i, path := range rec.begun {
					turn := time.Duration(tt.rate) * time.Second
					want := map[string]time.Duration{"products": 0, "u1": 2 * time.Second, "u2": 2*time.Second + turn, "b1": tt.resumes, "b2": tt.resumes + turn}[path]
					if d := rec.at[i].Sub(begin); (d - want).Abs() > time.Microsecond {
						t.Errorf("%s began after %v, want %v", path, d, want)
					}
				}
				if g := cl.gate; len(rec.begun) != 5 || g.held != nil || g.timer != nil {
					t.Errorf("%v; left behind: %+v", rec.begun, g)
				}
			})
		})
	}
}
