package riverqueue

import (
	"context"
	"crypto/rand"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"

	"github.com/tg360/tg360/queue"
)

const (
	perLane     = 2                      // handlers of a lane at a time
	lookEvery   = 500 * time.Millisecond // for jobs that nobody announced
	pollEvery   = 30 * time.Second       // River's own look at each lane, if all else fails
	stampEvery  = 5 * time.Second        // says that a job in hand is alive
	deadAfter   = 20 * time.Second       // without a stamp its process is taken for dead
	rescueAfter = 30 * time.Second       // River's own idea of that
	maxAttempts = 25                     // a job whose process died that often is dropped
	askAtMost   = 10 * time.Second       // for the database
)

// run is a call of Work, and the worker of its River client.
type run struct {
	river.WorkerDefaults[wakeUp]
	*Queue
	handler queue.Handler
	ctx     context.Context // of the handlers
	client  *river.Client[pgx.Tx]
	served  map[string]bool // River queues
	inHand  sync.Map        // ids of River jobs
}

// Work implements [queue.Queue]. The ctx of a handler that Close cuts short has
// [queue.ErrClosed] as its cause. Another error means that the database did not
// answer at the beginning.
func (q *Queue) Work(ctx context.Context, h queue.Handler) error {
	if h == nil {
		return &queue.ArgumentError{Field: "Handler", Reason: "must not be nil"}
	}
	q.enter(1)
	defer q.enter(-1)
	handlers, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(q.open, func() { cancel(queue.ErrClosed) })()
	if err := context.Cause(q.open); err != nil {
		return err
	}
	r := &run{Queue: q, handler: h, ctx: handlers, served: map[string]bool{}}
	err := r.start()
	if err == nil {
		r.serve()
		<-r.client.Stopped()
	}
	if ctx.Err() != nil {
		return nil
	}
	return q.failed("work", err)
}

// start starts a River client that has no lanes yet.
func (r *run) start() (err error) {
	workers := river.NewWorkers()
	river.AddWorker(workers, r)
	r.client, err = river.NewClient(riverpgxv5.New(r.pool), &river.Config{
		ID:      "tg360-" + rand.Text(),
		Schema:  r.schema,
		Logger:  r.log,
		Workers: workers,
		Queues:  map[string]river.QueueConfig{idle: {MaxWorkers: 1}}, // there must be one
		// The default, 100 ms, bounds a lane to 20 jobs a second.
		FetchCooldown:     time.Millisecond,
		FetchPollInterval: pollEvery,
		// River does not rescue a job before its time limit, or ever without one.
		// This limit ends nothing: handlers have a ctx of their own, and what is in
		// hand is stamped, so that it is not rescued.
		JobTimeout:                  rescueAfter,
		JobStuckThreshold:           365 * day,
		RescueStuckJobsAfter:        rescueAfter,
		CompletedJobRetentionPeriod: day,
		CancelledJobRetentionPeriod: day,
		DiscardedJobRetentionPeriod: day,
	})
	if err != nil {
		return err
	}
	return r.client.Start(r.ctx)
}

// serve finds lanes and stamps jobs until ctx ends. What fails is tried again at
// the next tick; River tells the log when the database is away.
func (r *run) serve() {
	looks, stamps := time.NewTicker(lookEvery), time.NewTicker(stampEvery)
	defer looks.Stop()
	defer stamps.Stop()
	for r.look(); ; {
		select {
		case <-r.ctx.Done():
			return
		case <-looks.C:
			r.look()
		case <-stamps.C:
			r.stamp()
		}
	}
}

// look announces the queues where jobs wait, and adds those that are new. For River
// announces neither jobs that became due or were pulled forward, nor those that
// were inserted within FetchCooldown of others. It reads one row of an index for
// each queue where jobs wait.
func (r *run) look() {
	ctx, cancel := context.WithTimeout(r.ctx, askAtMost)
	defer cancel()
	table := r.schema + ".river_job"
	rows, _ := r.pool.Query(ctx, `
		WITH RECURSIVE waiting AS (
			(SELECT queue FROM `+table+` WHERE state = 'available' ORDER BY queue LIMIT 1)
			UNION ALL
			SELECT (SELECT queue FROM `+table+` WHERE state = 'available' AND queue > waiting.queue ORDER BY queue LIMIT 1)
			FROM waiting WHERE queue IS NOT NULL)
		SELECT queue FROM waiting, pg_notify('`+r.schema+`.river_insert', json_build_object('queue', queue)::text)
		WHERE queue IS NOT NULL`)
	queues, _ := pgx.CollectRows(rows, pgx.RowTo[string])
	for _, name := range queues {
		if r.served[name] {
			continue
		}
		if err := r.client.Queues().Add(name, river.QueueConfig{MaxWorkers: perLane}); err != nil {
			_ = r.client.Queues().Remove(r.ctx, name) // River keeps what it could not start
			return
		}
		r.served[name] = true
	}
}

// stamp says that the jobs in hand are alive, and frees those that nobody has
// stamped for deadAfter: River's own rescue comes up to 75 s after a process died,
// and until then their keys can't be enqueued.
func (r *run) stamp() {
	var ids []int64
	r.inHand.Range(func(id, _ any) bool { ids = append(ids, id.(int64)); return true })
	ctx, cancel := context.WithTimeout(r.ctx, askAtMost)
	defer cancel()
	table := r.schema + ".river_job"
	_, _ = r.pool.Exec(ctx, `UPDATE `+table+` SET attempted_at = now() WHERE id = ANY ($1) AND state = 'running'`, ids)
	_, _ = r.pool.Exec(ctx, `UPDATE `+table+` SET state = 'available', scheduled_at = now() WHERE state = 'running' AND attempted_at < now() - $1::interval`, deadAfter)
}

// NextRetry lets a rescued job run at once.
func (*run) NextRetry(*river.Job[wakeUp]) time.Time { return time.Now() }

// Work does a River job. One that no handler has seen goes back.
func (r *run) Work(_ context.Context, job *river.Job[wakeUp]) error {
	r.inHand.Store(job.ID, nil)
	defer r.inHand.Delete(job.ID)
	select {
	case r.workers <- struct{}{}:
		defer func() { <-r.workers }()
	case <-r.ctx.Done():
	}
	if r.ctx.Err() != nil {
		return river.JobSnooze(0)
	}
	done := make(chan struct{})
	go func() { // a handler may end its goroutine
		defer close(done)
		r.handle(queue.Job{Lane: laneOf(job.Queue), Kind: job.Args.Of, Key: job.Args.Key, Urgent: job.Priority == urgent})
	}()
	<-done
	return nil
}

// handle calls the handler. What it panics with may hold what must not be in a
// log.
func (r *run) handle(j queue.Job) {
	defer func() {
		if v := recover(); v != nil {
			r.log.ErrorContext(r.ctx, "riverqueue: handler panicked", "lane", j.Lane, "kind", j.Kind, "key", j.Key,
				"panic", fmt.Sprintf("%T", v), "stack", string(debug.Stack()))
		}
	}()
	r.handler(r.ctx, j)
}
