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
// urgent waiter or else to the first other one. While the server wants to be
// left alone, only urgent ones pass.
type gate struct {
	limits []*rate.Limiter // each must admit a request

	mu     sync.Mutex
	free   int             // requests that may start
	urgent []chan struct{} // who waits, first come first served; closed when it is their turn
	bulk   []chan struct{}
	held   []*rate.Reservation // the place; nil: none
	due    time.Time           // when the place comes up
	quiet  time.Time           // no bulk before this
	timer  *time.Timer
}

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

var hosts sync.Map // of *rate.Limiter

// hostLimit returns the limiter that all clients of a host share. There is one
// for each host that the process was configured for, so none is ever dropped.
func hostLimit(host string) *rate.Limiter {
	l, _ := hosts.LoadOrStore(host, newLimit(hostRate))
	return l.(*rate.Limiter)
}

// acquire waits for a turn. After nil the caller must call release. It fails
// with ctx's error, or at once with errTooLate.
func (g *gate) acquire(ctx context.Context, urgent bool) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	w := make(chan struct{})
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
	case <-w:
	case <-ctx.Done():
	}
	err := ctx.Err()
	if err == nil {
		return nil
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	select {
	case <-w: // in the same moment: hand it back
		g.free++
	default:
		is := func(x chan struct{}) bool { return x == w }
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

// maxQuiet bounds how long one answer may hold back the calls of others: a
// server that asks for more is asked again.
const maxQuiet = time.Hour

// calm holds back bulk calls for as long as the server asked to wait.
func (g *gate) calm(d time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if until := time.Now().Add(min(d, maxQuiet)); until.After(g.quiet) {
		g.quiet = until
	}
}

// pause returns how long bulk calls are held back.
func (g *gate) pause() time.Duration {
	if g.quiet.IsZero() {
		return 0
	}
	return max(0, time.Until(g.quiet))
}

// dispatch starts whoever may start now and sets the timer for the next one.
func (g *gate) dispatch() {
	for {
		q, wait := &g.urgent, time.Duration(0)
		if len(*q) == 0 {
			q, wait = &g.bulk, g.pause()
		}
		if len(*q) == 0 {
			g.letGo()
			return
		}
		if g.free == 0 {
			return
		}
		if wait <= 0 {
			wait = g.hold()
		}
		if wait > 0 {
			if g.timer == nil {
				g.timer = time.AfterFunc(wait, g.tick)
			}
			g.timer.Reset(wait) // it may have been set for one that waits longer
			return
		}
		w := (*q)[0]
		*q = slices.Delete(*q, 0, 1)
		g.free--
		g.held = nil
		close(w)
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

// soonest returns the least time that a new waiter will wait for its turn.
func (g *gate) soonest(urgent bool) time.Duration {
	ahead, seconds := len(g.urgent), 0.0
	if !urgent {
		ahead += len(g.bulk)
		seconds = g.pause().Seconds()
	}
	if g.held != nil {
		ahead-- // its token is taken already
	}
	now := time.Now()
	for _, l := range g.limits {
		seconds = max(seconds, (float64(ahead+1)-l.TokensAt(now))/float64(l.Limit()))
	}
	if seconds >= math.MaxInt64/float64(time.Second) {
		return math.MaxInt64
	}
	return time.Duration(seconds * float64(time.Second))
}
