package queuetest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tg360/tg360/queue"
)

func panicStopsNothing(r *rig) error {
	good, bad := batch("shop-a", 30), batch("shop-b", 30)
	values := []any{"text", errors.New("an error"), 7}
	w := r.work(func(_ context.Context, j queue.Job) {
		if j.Lane == "shop-b" {
			panic(values[int(j.Key[len(j.Key)-1])%len(values)])
		}
	})
	if err := r.enqueue(append(bad, good...)...); err != nil {
		return err
	}
	if err := r.once(append(good, bad...)...); err != nil {
		return err
	}
	select {
	case <-w.done:
		return fmt.Errorf("a call of Work returned %v after a handler panicked", w.err)
	default:
		return nil
	}
}

// workEndsWithItsContext holds a handler a while after its ctx has ended; the
// books tell if Work did not wait for it.
func workEndsWithItsContext(r *rig) error {
	j, told := job("shop-a", 1), make(chan struct{})
	var w *work
	ready := make(chan struct{})
	w = r.work(func(ctx context.Context, _ queue.Job) {
		<-ready
		select {
		case <-ctx.Done():
			close(told)
		case <-r.ctx.Done():
		}
		select {
		case <-w.done:
		case <-time.After(soon):
		}
	})
	close(ready)
	if err := r.enqueue(j); err != nil {
		return err
	}
	if err := r.awaitRun("the job", j); err != nil {
		return err
	}
	w.cancel()
	select {
	case <-told:
	case <-time.After(r.caps.Patience):
		return errors.New("the handler's ctx did not end with that of Work")
	}
	if err := r.awaitDone(w); err != nil {
		return err
	}
	if w.err != nil {
		return fmt.Errorf("a call of Work returned %w when its ctx ended, want nil", w.err)
	}
	return nil
}

func waitingJobsOutliveWork(r *rig) error {
	jobs := batch("shop-a", 40)
	if err := r.enqueue(jobs...); err != nil {
		return err
	}
	first := r.work(func(ctx context.Context, _ queue.Job) { r.hold(ctx, nil) })
	if err := r.await("a first job", func() bool { return len(r.started) > 0 }); err != nil {
		return err
	}
	first.cancel()
	if err := r.awaitDone(first); err != nil {
		return err
	}
	r.work(nil)
	return r.once(jobs...)
}

// severalWorksShare ends the calls of Work one by one, oldest first; whichever
// is left does all.
func severalWorksShare(r *rig) error {
	calls := []*work{r.work(nil), r.work(nil), nil}
	for i, lane := range []string{"shop-a", "shop-b", "shop-c"} {
		jobs := append(batch(lane, 50), batch("shop-x"+fmt.Sprint(i), 50)...)
		if err := r.enqueue(jobs...); err != nil {
			return err
		}
		if err := r.once(jobs...); err != nil {
			return fmt.Errorf("after %d calls of Work have ended: %w", i, err)
		}
		if i == 0 {
			calls[2] = r.work(nil)
		}
		calls[i].cancel()
		if err := r.awaitDone(calls[i]); err != nil {
			return err
		}
	}
	return nil
}

func countsByLane(r *rig) error {
	a, gate := batch("shop-a", 5), make(chan struct{})
	hour := inAnHour()
	a[3], a[4] = at(a[3], hour), at(a[4], hour)
	b := job("shop-b", 1)
	if err := r.enqueue(append(a, b)...); err != nil {
		return err
	}
	err := r.awaitCounts("before Work", func(c map[string]queue.Counts) bool {
		return c["shop-a"] == queue.Counts{Waiting: 3, Scheduled: 2} && c["shop-b"] == queue.Counts{Waiting: 1}
	})
	if err != nil {
		return err
	}
	r.work(func(ctx context.Context, _ queue.Job) { r.hold(ctx, gate) })
	err = r.awaitCounts("while handlers run", func(c map[string]queue.Counts) bool {
		a, b := c["shop-a"], c["shop-b"]
		return a.Running > 0 && a.Running+a.Waiting == 3 && a.Scheduled == 2 && b == queue.Counts{Running: 1}
	})
	if err != nil {
		return err
	}
	close(gate)
	err = r.awaitCounts("after they returned", func(c map[string]queue.Counts) bool {
		return c["shop-a"] == queue.Counts{Scheduled: 2} && c["shop-b"] == queue.Counts{}
	})
	if err != nil {
		return err
	}
	if err := r.enqueue(job("shop-a", 3), job("shop-a", 4)); err != nil {
		return err
	}
	return r.once(append(a, b)...)
}

func endedContext(r *rig) error {
	ctx, cancel := context.WithCancel(r.ctx)
	cancel()
	if err := r.q.Enqueue(ctx, job("shop-a", 1)); !errors.Is(err, context.Canceled) {
		return fmt.Errorf("with an ended ctx, Enqueue gave %v, want context.Canceled", err)
	}
	if _, err := r.q.Counts(ctx); !errors.Is(err, context.Canceled) {
		return fmt.Errorf("with an ended ctx, Counts gave %v, want context.Canceled", err)
	}
	if err := r.q.Work(ctx, func(context.Context, queue.Job) {}); err != nil {
		return fmt.Errorf("with an ended ctx, Work gave %w, want nil", err)
	}
	return nil
}

func closeEndsWork(r *rig) error {
	j, told := job("shop-a", 1), make(chan struct{})
	w := r.work(func(ctx context.Context, _ queue.Job) {
		select {
		case <-ctx.Done():
			close(told)
		case <-r.ctx.Done():
		}
	})
	if err := r.enqueue(j); err != nil {
		return err
	}
	if err := r.awaitRun("the job", j); err != nil {
		return err
	}
	if err := r.close(); err != nil {
		return err
	}
	if err := r.awaitDone(w); err != nil {
		return err
	}
	select {
	case <-told:
	default:
		return errors.New("a call of Work returned although the ctx of its handler had not ended")
	}
	if !errors.Is(w.err, queue.ErrClosed) {
		return fmt.Errorf("a call of Work returned %v when the queue was closed, want ErrClosed", w.err)
	}
	return nil
}

func closedQueue(r *rig) error {
	if err := r.enqueue(job("shop-a", 1)); err != nil {
		return err
	}
	for range 2 {
		if err := r.close(); err != nil {
			return err
		}
	}
	if err := r.q.Enqueue(r.ctx, job("shop-a", 2)); !errors.Is(err, queue.ErrClosed) {
		return fmt.Errorf("on a closed queue, Enqueue gave %v, want ErrClosed", err)
	}
	if _, err := r.q.Counts(r.ctx); !errors.Is(err, queue.ErrClosed) {
		return fmt.Errorf("on a closed queue, Counts gave %v, want ErrClosed", err)
	}
	w := r.work(nil)
	if err := r.awaitDone(w); err != nil {
		return err
	}
	if !errors.Is(w.err, queue.ErrClosed) {
		return fmt.Errorf("on a closed queue, Work gave %v, want ErrClosed", w.err)
	}
	return nil
}
