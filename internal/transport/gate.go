package transport

import (
	"context"
	"errors"
	"math"
	"slices"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// gate lets requests pass, bounded by rate and number. It holds one place in
// the limiters' queues at a time and gives it, when it comes up, to the first
// urgent waiter or else to the first other one.
type gate struct {
	limits []*rate.Limiter // each must admit a request

	mu     sync.Mutex
	free   int // requests that may start
	urgent []*waiter
	bulk   []*waiter
	held   []*rate.Reservation // the place; nil: none
	due    time.Time           // when the place comes up
	timer  *time.Timer
}

type waiter struct{ ready chan struct{} }

// errTooLate says that a turn comes after the caller's deadline.
var errTooLate = errors.New("too late")

func newGate(concurrent int, perSecond float64) *gate {
	g := &gate{free: concurrent}
	if perSecond > 0 {
		g.limits = []*rate.Limiter{newLimit(perSecond)}
	}
	return g
}

// newLimit allows bursts of a tenth of a second's requests: one at a rate that
// a modest host is given, and enough at high ones for timers that are late.
func newLimit(perSecond float64) *rate.Limiter {
	return rate.NewLimiter(rate.Limit(perSecond), max(1, int(perSecond/10)))
}

var hosts struct {
	sync.Mutex
	limits map[string]*rate.Limiter
}

// hostLimit returns the limiter that all clients of a host share. There is one
// for each host that the process was configured for, so none is ever dropped.
func hostLimit(host string) *rate.Limiter {
	hosts.Lock()
	defer hosts.Unlock()
	l := hosts.limits[host]
	if l == nil {
		if hosts.limits == nil {
			hosts.limits = map[string]*rate.Limiter{}
		}
		l = newLimit(hostRate)
		hosts.limits[host] = l
	}
	return l
}

// acquire waits for a turn. After nil the caller must call release. It fails
// with ctx's error, or at once with errTooLate.
func (g *gate) acquire(ctx context.Context, urgent bool) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	w := &waiter{ready: make(chan struct{})}
	g.mu.Lock()
	if deadline, ok := ctx.Deadline(); ok && g.soonest(urgent) > time.Until(deadline) {
		g.mu.Unlock()
		return errTooLate
	}
	if urgent {
		g.urgent = append(g.urgent, w)
	} else {
		g.bulk = append(g.bulk, w)
	}
	g.dispatch()
	g.mu.Unlock()

	select {
	case <-w.ready:
	case <-ctx.Done():
	}
	err := ctx.Err()
	if err == nil {
		return nil
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	select {
	case <-w.ready: // in the same moment: hand it back
		g.free++
	default:
		is := func(x *waiter) bool { return x == w }
		g.urgent = slices.DeleteFunc(g.urgent, is)
		g.bulk = slices.DeleteFunc(g.bulk, is)
	}
	g.dispatch()
	return err
}

// release ends a turn.
func (g *gate) release() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.free++
	g.dispatch()
}

// dispatch starts whoever may start now and sets the timer for the next one.
func (g *gate) dispatch() {
	for {
		q := &g.urgent
		if len(*q) == 0 {
			q = &g.bulk
		}
		if len(*q) == 0 {
			g.letGo()
			return
		}
		if g.free == 0 {
			return
		}
		if wait := g.hold(); wait > 0 {
			if g.timer == nil {
				g.timer = time.AfterFunc(wait, g.tick)
			}
			return
		}
		w := (*q)[0]
		*q = slices.Delete(*q, 0, 1)
		g.free--
		g.held = nil
		close(w.ready)
	}
}

func (g *gate) tick() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.timer = nil
	g.dispatch()
}

// hold takes a place with the limiters unless there is one, and returns the
// time until it comes up.
func (g *gate) hold() time.Duration {
	now := time.Now()
	if g.held == nil {
		g.due = now
		for _, l := range g.limits {
			r := l.ReserveN(now, 1)
			g.held = append(g.held, r)
			if at := now.Add(r.DelayFrom(now)); at.After(g.due) {
				g.due = at
			}
		}
	}
	return g.due.Sub(now)
}

// letGo gives the place back, as nobody waits for it.
func (g *gate) letGo() {
	for _, r := range g.held {
		r.Cancel()
	}
	g.held = nil
	if g.timer != nil {
		g.timer.Stop()
		g.timer = nil
	}
}

// soonest returns the least time that a new waiter will wait for the limiters.
func (g *gate) soonest(urgent bool) time.Duration {
	ahead := len(g.urgent)
	if !urgent {
		ahead += len(g.bulk)
	}
	if g.held != nil {
		ahead-- // its token is taken already
	}
	now := time.Now()
	seconds := 0.0
	for _, l := range g.limits {
		seconds = max(seconds, (float64(ahead+1)-l.TokensAt(now))/float64(l.Limit()))
	}
	if seconds >= math.MaxInt64/float64(time.Second) {
		return math.MaxInt64
	}
	return time.Duration(seconds * float64(time.Second))
}
