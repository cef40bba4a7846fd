package syncer

import (
	"sync"
	"sync/atomic"
)

// health is what a process knows of a connection as a whole.
type health struct {
	mu       sync.Mutex
	reason   error // why it is paused; nil: it is not
	hasProof atomic.Bool
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

func (h *health) paused() bool   { return h.why() != nil }
func (h *health) searched() bool { return h.hasProof.Load() }
func (h *health) setSearched()   { h.hasProof.Store(true) }
