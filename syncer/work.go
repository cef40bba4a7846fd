package syncer

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tg360/tg360/queue"
	"golang.org/x/sync/errgroup"
)

// Run works until ctx ends: product cycles and looks at the list of orders on
// their schedules, the queue's jobs, and the sweep. Several processes may run on
// one store: each cycle is begun once in its interval, and one whose process died
// is taken over within a minute. Run returns after everything that it started has
// ended, at most Config.StopWithin and a little after ctx; nil when that was
// because of ctx, and an error when the queue or the store was closed.
func (s *Syncer) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return s.Work(ctx) })
	conns := s.all()
	for i, c := range conns {
		phase := time.Duration(i) * lookEvery / time.Duration(len(conns)) // they don't all begin at once
		start := func(wanted bool, f func() error) {
			g.Go(func() error {
				if err := wait(ctx, phase); err != nil || !wanted {
					return err
				}
				return f()
			})
		}
		start(c.Products != ProductsOff, func() error { return s.every(ctx, c, c.Interval, KindProduct, s.SyncProducts) })
		start(c.Orders != OrdersOff, func() error { return s.every(ctx, c, c.OrderInterval, KindOrder, s.PollOrders) })
		start(c.Products == ProductsAll && c.AuditEvery > 0, func() error { return s.every(ctx, c, c.AuditEvery, KindAudit, s.Audit) })
		start(c.BackFlow.Mode != BackFlowOff, func() error { return s.every(ctx, c, c.backFlowInterval(), KindStatus, s.SyncStatuses) })
		start(c.Orders != OrdersOff && c.ReconcileEvery > 0, func() error {
			return tick(ctx, min(c.ReconcileEvery, time.Hour), func() {
				if err := s.reconcileWhenDue(ctx, c); err != nil && ctx.Err() == nil {
					s.log.WarnContext(ctx, "comparison failed", "connection", c.ID, "error", err)
				}
			})
		})
	}
	return quiet(ctx, g.Wait())
}

// Work does the queue's jobs and the sweep, without the schedules, until ctx
// ends. It returns earlier only when the queue or the store was closed: a
// database that is away is waited for.
func (s *Syncer) Work(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return s.jobs(ctx) })
	g.Go(func() error { return s.sweeps(ctx) })
	for _, c := range s.all() {
		if c.Orders != OrdersOff {
			g.Go(func() error {
				return tick(ctx, c.beatEvery()/2, func() {
					if err := s.beat(ctx, c); err != nil && ctx.Err() == nil {
						s.log.ErrorContext(ctx, "no sign of life", "connection", c.ID, "error", err)
					}
				})
			})
		}
	}
	return quiet(ctx, g.Wait())
}

// jobs does the queue's jobs, and goes on after an error of its back end.
func (s *Syncer) jobs(ctx context.Context) error {
	pause := time.Second
	for {
		began := s.now()
		err := s.queue.Work(ctx, s.handle)
		if err == nil || ctx.Err() != nil || errors.Is(err, queue.ErrClosed) {
			return err
		}
		if s.now().Sub(began) > time.Minute {
			pause = time.Second
		}
		s.log.ErrorContext(ctx, "the queue failed; it is tried again", "in", pause, "error", err)
		if err := wait(ctx, pause); err != nil {
			return err
		}
		pause = min(2*pause, 15*time.Second)
	}
}

// lane is what is swept at once: what is due of one kind of a connection.
type lane struct {
	c    *conn
	kind Kind
}

// sweeps sweeps all lanes on schedule, and those with more than a batch again a
// second later.
func (s *Syncer) sweeps(ctx context.Context) error {
	var next time.Time // when all are swept
	full := map[lane]bool{}
	for {
		now := s.now()
		all := !now.Before(next)
		if all {
			next = now.Add(s.config.SweepEvery)
		}
		err := s.sweep(ctx, full, all)
		switch {
		case errors.Is(err, ErrClosed), errors.Is(err, queue.ErrClosed):
			return err
		case err != nil && ctx.Err() == nil:
			s.log.ErrorContext(ctx, "sweep failed", "error", err)
		}
		pause := next.Sub(s.now())
		if len(full) > 0 {
			pause = min(pause, time.Second)
		}
		if err := wait(ctx, pause); err != nil {
			return err
		}
	}
}

// lookEvery is the longest time between two looks whether a cycle is due.
const lookEvery = 10 * time.Second

// onSchedule is the key of the interval in the context of a cycle that is to be
// run only when it is due.
type onSchedule struct{}

// every runs a cycle of one connection on its schedule, once in an interval over
// all processes and restarts. A failed cycle is logged and kept with the runs; the
// next one tries again.
func (s *Syncer) every(ctx context.Context, c *conn, interval time.Duration, kind Kind, run func(context.Context, string) (Run, error)) error {
	scheduled := context.WithValue(ctx, onSchedule{}, interval)
	for {
		state, _, err := s.cycle(ctx, c, kind)
		if at := s.now(); err == nil && !at.Before(state.due(interval)) {
			var r Run
			if r, err = run(scheduled, c.ID); err == nil || errors.Is(err, ErrBusy) {
				state, _, err = s.cycle(ctx, c, kind)
			} else if ctx.Err() == nil {
				s.log.WarnContext(ctx, "cycle failed", "connection", c.ID, "kind", kind, "run", r.ID, "error", err)
			}
		}
		if errors.Is(err, ErrClosed) {
			return err
		}
		pause := lookEvery
		if err == nil {
			pause = min(max(state.due(interval).Sub(s.now()), time.Second), lookEvery)
		}
		if err := wait(ctx, pause); err != nil {
			return err
		}
	}
}

// wait returns after some time, or with ctx's error when that ends before.
func wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return ctx.Err()
	}
}

// tick calls f again and again, with a pause between, until ctx ends.
func tick(ctx context.Context, interval time.Duration, f func()) error {
	for {
		f()
		if err := wait(ctx, interval); err != nil {
			return err
		}
	}
}

// quiet turns the end of ctx into nil: stopping is no error.
func quiet(ctx context.Context, err error) error {
	if ctx.Err() != nil && (err == nil || errors.Is(err, ctx.Err())) {
		return nil
	}
	return err
}

// handle does one job. What fails is in the link, so there is nothing to return.
func (s *Syncer) handle(ctx context.Context, job queue.Job) {
	c, err := s.conn(job.Lane)
	if err != nil {
		s.log.WarnContext(ctx, "job of an unknown connection", "connection", job.Lane)
		return
	}
	switch Kind(job.Kind) {
	case KindOrder:
		err = s.workOrder(ctx, c, job.Key, false)
	case KindProduct:
		err = s.workProduct(ctx, c, job.Key)
	}
	if err != nil && ctx.Err() == nil {
		s.log.ErrorContext(ctx, "job failed", "connection", c.ID, "kind", job.Kind, "id", job.Key, "error", err)
	}
}

// sweepBatch bounds what one sweep reads of one connection and kind.
const sweepBatch = 1000

// Sweep enqueues the links that are due: new versions, retries, questions about
// writes in doubt, and claims whose lease has ended. It is what makes a lost job
// harmless.
func (s *Syncer) Sweep(ctx context.Context) error { return s.sweep(ctx, map[lane]bool{}, true) }

// sweep sweeps all lanes, or those that were full, and notes which are full now.
// One of which half a batch still waits is left alone.
func (s *Syncer) sweep(ctx context.Context, full map[lane]bool, all bool) error {
	waiting := map[string]queue.Counts{}
	if len(full) > 0 {
		waiting, _ = s.queue.Counts(ctx) // without it the jobs join those that wait
	}
	var errs []error
	for _, c := range s.all() {
		for _, kind := range []Kind{KindOrder, KindProduct} {
			l := lane{c, kind}
			if !all && !full[l] || full[l] && waiting[c.ID].Waiting > sweepBatch/2 {
				continue
			}
			delete(full, l)
			if c.health.paused() || kind == KindOrder && s.held(ctx, c) != nil {
				continue
			}
			due, err := s.store.List(ctx, Query{Connection: c.ID, Kind: kind, DueBy: s.now(), Limit: sweepBatch})
			if err != nil {
				errs = append(errs, fmt.Errorf("syncer: list what is due of %s: %w", c.ID, err))
				continue
			}
			errs = append(errs, s.wake(ctx, due))
			if len(due) == sweepBatch {
				full[l] = true
			}
		}
	}
	return errors.Join(errs...)
}

// wake enqueues a job for each link.
func (s *Syncer) wake(ctx context.Context, links []Link) error {
	if len(links) == 0 {
		return nil
	}
	jobs := make([]queue.Job, len(links))
	for i, l := range links {
		jobs[i] = queue.Job{Lane: l.Connection, Kind: string(l.Kind), Key: l.ID, Urgent: l.Kind == KindOrder} // products must not delay orders
	}
	err := s.queue.Enqueue(ctx, jobs...)
	if len(jobs) > 1 && errors.As(err, new(*queue.ArgumentError)) {
		err = nil // one name that the queue can't hold must not keep the others waiting
		for _, j := range jobs {
			err = errors.Join(err, s.queue.Enqueue(ctx, j))
		}
	}
	if err != nil {
		return fmt.Errorf("syncer: enqueue: %w", err)
	}
	return nil
}
