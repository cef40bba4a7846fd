package riverqueue_test

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivertype"

	"github.com/tg360/tg360/queue"
	"github.com/tg360/tg360/queue/riverqueue"
)

// bare is a job of River without this package.
type bare struct {
	ID int `json:"id"`
}

func (bare) Kind() string { return "bare" }

func bareParams(n int, prefix string, lanes int) []river.InsertManyParams {
	params := make([]river.InsertManyParams, n)
	for i := range params {
		params[i] = river.InsertManyParams{Args: bare{i}, InsertOpts: &river.InsertOpts{
			Queue: fmt.Sprint(prefix, i%lanes), MaxAttempts: 25,
			UniqueOpts: river.UniqueOpts{ByArgs: true, ByQueue: true, ByState: []rivertype.JobState{
				rivertype.JobStateAvailable, rivertype.JobStatePending, rivertype.JobStateRetryable, rivertype.JobStateRunning, rivertype.JobStateScheduled,
			}},
		}}
	}
	return params
}

func ourJobs(n int, prefix string, lanes int) []queue.Job {
	jobs := make([]queue.Job, n)
	for i := range jobs {
		jobs[i] = queue.Job{Lane: fmt.Sprint(prefix, i%lanes), Kind: "order", Key: fmt.Sprint(i)}
	}
	return jobs
}

// rivals opens a queue and gives a way to make River clients, on a schema alike.
func rivals(b *testing.B) (*riverqueue.Queue, func(*river.Config) *river.Client[pgx.Tx]) {
	b.Helper()
	const dsn = "postgres://postgres@127.0.0.1:5432/postgres?pool_max_conns=6"
	db := database(b, dsn)
	q := open(b, dsn, riverqueue.Options{Schema: schema(b, db), Workers: 10})
	name := schema(b, db)
	open(b, dsn, riverqueue.Options{Schema: name})
	return q, func(c *river.Config) *river.Client[pgx.Tx] {
		c.Schema, c.FetchCooldown, c.Logger = name, time.Millisecond, slog.New(slog.DiscardHandler)
		client, err := river.NewClient(riverpgxv5.New(db), c)
		if err != nil {
			b.Fatal(err)
		}
		return client
	}
}

// report prints jobs a second of both and how they compare. The two take turns so
// that both meet the same machine.
func report(b *testing.B, ours, bare time.Duration) {
	b.Helper()
	b.ReportMetric(float64(b.N)/ours.Seconds(), "jobs/s")
	b.ReportMetric(float64(b.N)/bare.Seconds(), "bare-jobs/s")
	b.ReportMetric(ours.Seconds()/bare.Seconds(), "x-bare-time")
}

// BenchmarkEnqueue enqueues new jobs, 500 in a call and one by one, beside River's
// InsertMany and Insert with the same rule of uniqueness.
func BenchmarkEnqueue(b *testing.B) {
	for _, size := range []int{500, 1} {
		b.Run(fmt.Sprint("batch=", size), func(b *testing.B) {
			q, bareClient := rivals(b)
			client := bareClient(&river.Config{})
			jobs := slices.Collect(slices.Chunk(ourJobs(b.N, "ours-", 5), size))
			params := slices.Collect(slices.Chunk(bareParams(b.N, "bare-", 5), size))
			var ours, bare time.Duration
			b.ResetTimer()
			for i := range jobs {
				began := time.Now()
				if err := q.Enqueue(b.Context(), jobs[i]...); err != nil {
					b.Fatal(err)
				}
				ours += time.Since(began)
				began = time.Now()
				if _, err := client.InsertMany(b.Context(), params[i]); err != nil {
					b.Fatal(err)
				}
				bare += time.Since(began)
			}
			report(b, ours, bare)
		})
	}
}

// BenchmarkWaiting enqueues jobs that wait already, as a sweep does, beside River,
// which leaves them as they are.
func BenchmarkWaiting(b *testing.B) {
	q, bareClient := rivals(b)
	client := bareClient(&river.Config{})
	jobs, params := ourJobs(500, "ours-", 5), bareParams(500, "bare-", 5)
	var ours, bare time.Duration
	for range b.N/500 + 1 {
		began := time.Now()
		if err := q.Enqueue(b.Context(), jobs...); err != nil {
			b.Fatal(err)
		}
		ours += time.Since(began)
		began = time.Now()
		if _, err := client.InsertMany(b.Context(), params); err != nil {
			b.Fatal(err)
		}
		bare += time.Since(began)
	}
	report(b, ours, bare)
}

// BenchmarkWork does jobs that do nothing, in five lanes of two handlers each,
// beside River with the same queues.
func BenchmarkWork(b *testing.B) {
	q, bareClient := rivals(b)
	enqueueAll := bareClient(&river.Config{})
	for params := range slices.Chunk(bareParams(b.N, "bare-", 5), 500) {
		if _, err := enqueueAll.InsertMany(b.Context(), params); err != nil {
			b.Fatal(err)
		}
	}
	enqueue(b, q, ourJobs(b.N, "ours-", 5)...)
	var left atomic.Int64
	done := make(chan struct{}, 2)
	one := func() {
		if left.Add(-1) == 0 {
			done <- struct{}{}
		}
	}
	b.ResetTimer()

	left.Store(int64(b.N))
	began := time.Now()
	ctx, stop := context.WithCancel(b.Context())
	ended := make(chan error, 1)
	go func() { ended <- q.Work(ctx, func(context.Context, queue.Job) { one() }) }()
	<-done
	ours := time.Since(began)
	stop()
	if err := <-ended; err != nil {
		b.Fatal(err)
	}

	left.Store(int64(b.N))
	workers := river.NewWorkers()
	river.AddWorker(workers, river.WorkFunc(func(context.Context, *river.Job[bare]) error { one(); return nil }))
	queues := map[string]river.QueueConfig{}
	for i := range 5 {
		queues[fmt.Sprint("bare-", i)] = river.QueueConfig{MaxWorkers: 2}
	}
	client := bareClient(&river.Config{Workers: workers, Queues: queues})
	began = time.Now()
	if err := client.Start(b.Context()); err != nil {
		b.Fatal(err)
	}
	<-done
	bareTime := time.Since(began)
	if err := client.Stop(b.Context()); err != nil {
		b.Fatal(err)
	}
	report(b, ours, bareTime)
}

// BenchmarkCounts counts 100,000 jobs that wait and 100,000 that are done.
func BenchmarkCounts(b *testing.B) {
	const n = 100_000
	db := database(b, server)
	name := schema(b, db)
	q := open(b, server, riverqueue.Options{Schema: name})
	enqueue(b, q, ourJobs(n, "done-", 50)...)
	if _, err := db.Exec(b.Context(), "UPDATE "+name+".river_job SET state = 'completed', finalized_at = now()"); err != nil {
		b.Fatal(err)
	}
	enqueue(b, q, ourJobs(n, "shop-", 50)...)
	if _, err := db.Exec(b.Context(), "VACUUM ANALYZE "+name+".river_job"); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := q.Counts(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}
