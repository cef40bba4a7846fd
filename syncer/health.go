package syncer

import (
	"sync"
	"sync/atomic"
	"time"
)

// health is what a process knows of a connection as a whole.
type health struct {
	mu       sync.Mutex
	reason   error // why it is paused; nil: it is not
	hasProof atomic.Bool
	proofAt  time.Time     // when the next proof by a scan may be tried
	wait     time.Duration // between two of them
}

// pause stops the background work of a connection until a check succeeds.
func (h *health) pause(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.reason = err
}

func (h *health) resume() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.reason = nil
}

func (h *health) why() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.reason
}

// mayProve reports whether a proof that reads a list may be tried now: each time
// after twice the wait, in case the list never shows what was sent.
func (h *health) mayProve(now time.Time) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if now.Before(h.proofAt) {
		return false
	}
	h.wait = min(max(2*h.wait, time.Minute), 24*time.Hour)
	h.proofAt = now.Add(h.wait)
	return true
}

func (h *health) paused() bool   { return h.why() != nil }
func (h *health) searched() bool { return h.hasProof.Load() }
func (h *health) setSearched()   { h.hasProof.Store(true) }
