package queuetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/tg360/tg360/queue"
)

// pollEvery is the pause between two looks at what sends no signal.
const pollEvery = 5 * time.Millisecond

// name is what makes two jobs one.
type name struct{ lane, kind, key string }

func nameOf(j queue.Job) name { return name{j.Lane, j.Kind, j.Key} }

// rig runs a queue and keeps book of its handlers.
type rig struct {
	q    queue.Queue
	caps Caps
	ctx  context.Context // ends with the rule
	end  context.CancelFunc

	mu       sync.Mutex
	changed  chan struct{} // closed and renewed whenever something below changes
	started  map[name]int
	firstAt  map[name]time.Time
	active   map[name]int
	works    []*work
	breaches []error
	closed   bool
}

// work is one call of Work.
type work struct {
	cancel context.CancelFunc
	done   chan struct{} // closed when it returned
	err    error         // valid once done is closed
	active int           // its handlers
}

func newRig(ctx context.Context, q queue.Queue, caps Caps) *rig {
	ctx, end := context.WithCancel(ctx)
	return &rig{
		q: q, caps: caps, ctx: ctx, end: end,
		changed: make(chan struct{}), started: map[name]int{}, firstAt: map[name]time.Time{}, active: map[name]int{},
	}
}

// change lets f alter the books and wakes who waits for that.
func (r *rig) change(f func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f()
	close(r.changed)
	r.changed = make(chan struct{})
}

// breach notes a broken rule; call it within change.
func (r *rig) breach(format string, args ...any) {
	r.breaches = append(r.breaches, fmt.Errorf(format, args...))
}

// work calls Work in the background, with a handler that keeps book around do.
// do may be nil.
func (r *rig) work(do queue.Handler) *work {
	ctx, cancel := context.WithCancel(r.ctx)
	w := &work{cancel: cancel, done: make(chan struct{})}
	r.change(func() { r.works = append(r.works, w) })
	go func() {
		defer close(w.done)
		err := r.q.Work(ctx, func(ctx context.Context, j queue.Job) {
			r.change(func() { r.begin(w, nameOf(j)) })
			defer r.change(func() { w.active--; r.active[nameOf(j)]-- })
			if do != nil {
				do(ctx, j)
			}
		})
		r.change(func() {
			w.err = err
			if w.active > 0 {
				r.breach("Work returned while %d of its handlers were running", w.active)
			}
		})
	}()
	return w
}

func (r *rig) begin(w *work, n name) {
	w.active++
	r.active[n]++
	if r.active[n] > 1 {
		r.breach("key %v is in %d handlers at once", n, r.active[n])
	}
	if r.started[n]++; r.started[n] == 1 {
		r.firstAt[n] = time.Now()
	}
}

// hold keeps a handler until the gate opens, its ctx ends or the rule is over.
func (r *rig) hold(ctx context.Context, gate <-chan struct{}) {
	select {
	case <-gate:
	case <-ctx.Done():
	case <-r.ctx.Done():
	}
}

// enqueue is Enqueue with the rule's ctx.
func (r *rig) enqueue(jobs ...queue.Job) error {
	if err := r.q.Enqueue(r.ctx, jobs...); err != nil {
		return fmt.Errorf("enqueue: %w", err)
	}
	return nil
}

// await waits until ok, which reads the books, is true.
func (r *rig) await(what string, ok func() bool) error {
	late := time.NewTimer(r.caps.Patience)
	defer late.Stop()
	for {
		r.mu.Lock()
		good, changed := ok(), r.changed
		r.mu.Unlock()
		if good {
			return nil
		}
		select {
		case <-changed:
		case <-late.C:
			return fmt.Errorf("%s: not within %v", what, r.caps.Patience)
		}
	}
}

// awaitRun waits until each job was started at least once.
func (r *rig) awaitRun(what string, jobs ...queue.Job) error {
	return r.await(what, func() bool {
		for _, j := range jobs {
			if r.started[nameOf(j)] == 0 {
				return false
			}
		}
		return true
	})
}

// awaitDone waits for w to return.
func (r *rig) awaitDone(w *work) error {
	select {
	case <-w.done:
		return nil
	case <-time.After(r.caps.Patience):
		return fmt.Errorf("a call of Work did not return within %v", r.caps.Patience)
	}
}

// awaitCounts waits until Counts satisfies ok.
func (r *rig) awaitCounts(what string, ok func(map[string]queue.Counts) bool) error {
	late := time.Now().Add(r.caps.Patience)
	for {
		c, err := r.q.Counts(r.ctx)
		if err != nil {
			return fmt.Errorf("counts: %w", err)
		}
		if ok(c) {
			return nil
		}
		if time.Now().After(late) {
			return fmt.Errorf("%s: Counts says %+v after %v", what, c, r.caps.Patience)
		}
		<-time.After(pollEvery)
	}
}

// awaitEmpty waits until nothing waits and nothing runs.
func (r *rig) awaitEmpty() error {
	err := r.awaitCounts("empty queue", func(all map[string]queue.Counts) bool {
		for _, c := range all {
			if c != (queue.Counts{}) {
				return false
			}
		}
		return true
	})
	if err != nil {
		return err
	}
	return r.await("handlers at rest", func() bool {
		for _, n := range r.active {
			if n > 0 {
				return false
			}
		}
		return true
	})
}

// ran says how often a job was started.
func (r *rig) ran(j queue.Job) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.started[nameOf(j)]
}

// once demands that each job ran once, after the queue has become empty.
func (r *rig) once(jobs ...queue.Job) error {
	if err := r.awaitRun("jobs that wait are run", jobs...); err != nil {
		return err
	}
	if err := r.awaitEmpty(); err != nil {
		return err
	}
	for _, j := range jobs {
		if n := r.ran(j); n != 1 {
			return fmt.Errorf("key %v ran %d times, want once", nameOf(j), n)
		}
	}
	return nil
}

// again enqueues a key that has run until it runs again. A back end that may
// drop it for some time after the handler's return is asked repeatedly.
func (r *rig) again(j queue.Job) error {
	before := r.ran(j)
	late := time.Now().Add(r.caps.Patience)
	for {
		if err := r.enqueue(j); err != nil {
			return err
		}
		if r.caps.RerunWhileRunning {
			return r.await("a key that has finished runs again", func() bool { return r.started[nameOf(j)] > before })
		}
		for next := time.Now().Add(20 * pollEvery); time.Now().Before(next); <-time.After(pollEvery) {
			if r.ran(j) > before {
				return nil
			}
		}
		if time.Now().After(late) {
			return fmt.Errorf("a key that has finished runs again: not within %v", r.caps.Patience)
		}
	}
}

// close closes the queue.
func (r *rig) close() error {
	r.change(func() { r.closed = true })
	if err := r.q.Close(); err != nil {
		return fmt.Errorf("close: %w", err)
	}
	return nil
}

// stop ends everything and returns what the books hold against the queue.
func (r *rig) stop() error {
	r.mu.Lock()
	works, closed := r.works, r.closed
	r.mu.Unlock()
	r.end()
	var errs []error
	for _, w := range works {
		err := r.awaitDone(w)
		if err == nil && w.err != nil && !(closed && errors.Is(w.err, queue.ErrClosed)) {
			err = fmt.Errorf("work: %w", w.err)
		}
		errs = append(errs, err)
	}
	errs = append(errs, r.close())
	r.mu.Lock()
	defer r.mu.Unlock()
	return errors.Join(append(errs, r.breaches...)...)
}
