package queue_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tg360/tg360/queue"
)

// jobs is n jobs over lanes, keys formatted beforehand.
func jobs(n, lanes int) []queue.Job {
	all := make([]queue.Job, n)
	for i := range all {
		all[i] = order(fmt.Sprintf("shop-%d", i%lanes), fmt.Sprint(i))
	}
	return all
}

// BenchmarkMemory enqueues jobs one by one and works them.
func BenchmarkMemory(b *testing.B) {
	for _, lanes := range []int{1, 50} {
		b.Run(fmt.Sprintf("lanes=%d", lanes), func(b *testing.B) {
			q, all, left := queue.NewMemory(queue.MemoryConfig{}), jobs(b.N, lanes), atomic.Int64{}
			left.Store(int64(b.N))
			ctx, stop := context.WithCancel(b.Context())
			defer stop()
			b.ReportAllocs()
			b.ResetTimer()
			go func() {
				for _, j := range all {
					if err := q.Enqueue(ctx, j); err != nil {
						b.Error(err)
					}
				}
			}()
			err := q.Work(ctx, func(context.Context, queue.Job) {
				if left.Add(-1) == 0 {
					stop()
				}
			})
			if err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "jobs/s")
		})
	}
}

const backlog = 100_000

// BenchmarkMemoryBacklog enqueues and works one job at a time while 100,000
// others wait, in a lane that hangs or for their time.
func BenchmarkMemoryBacklog(b *testing.B) {
	for _, c := range []struct {
		name   string
		others func(queue.Job) queue.Job
	}{
		{"hanging lane", func(j queue.Job) queue.Job { j.Lane = "other"; return j }},
		{"scheduled", func(j queue.Job) queue.Job { return in(time.Hour, j) }},
	} {
		b.Run(c.name, func(b *testing.B) {
			q := queue.NewMemory(queue.MemoryConfig{Workers: 4})
			for _, j := range jobs(backlog, 1) {
				j.Key = "backlog-" + j.Key
				if err := q.Enqueue(b.Context(), c.others(j)); err != nil {
					b.Fatal(err)
				}
			}
			ctx, stop := context.WithCancel(b.Context())
			defer stop()
			ran, gate := make(chan struct{}), make(chan struct{})
			ended := make(chan error, 1)
			go func() {
				ended <- q.Work(ctx, func(_ context.Context, j queue.Job) {
					if j.Lane == "other" {
						<-gate
						return
					}
					ran <- struct{}{}
				})
			}()
			all := jobs(b.N, 1)
			b.ReportAllocs()
			b.ResetTimer()
			for _, j := range all {
				if err := q.Enqueue(ctx, j); err != nil {
					b.Fatal(err)
				}
				<-ran
			}
			b.StopTimer()
			stop()
			close(gate)
			if err := <-ended; err != nil {
				b.Fatal(err)
			}
		})
	}
}

// BenchmarkMemoryDrain fills a queue with jobs of 20 lanes and empties it.
func BenchmarkMemoryDrain(b *testing.B) {
	for _, n := range []int{1000, backlog} {
		b.Run(fmt.Sprintf("jobs=%d", n), func(b *testing.B) {
			all := jobs(n, 20)
			b.ReportAllocs()
			for b.Loop() {
				q, left := queue.NewMemory(queue.MemoryConfig{}), atomic.Int64{}
				left.Store(int64(n))
				ctx, stop := context.WithCancel(b.Context())
				if err := q.Enqueue(ctx, all...); err != nil {
					b.Fatal(err)
				}
				err := q.Work(ctx, func(context.Context, queue.Job) {
					if left.Add(-1) == 0 {
						stop()
					}
				})
				if err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N)*float64(n)/b.Elapsed().Seconds(), "jobs/s")
		})
	}
}

// BenchmarkMemoryPullForward makes waiting jobs urgent, 100,000 of them in a
// lane.
func BenchmarkMemoryPullForward(b *testing.B) {
	q, all := queue.NewMemory(queue.MemoryConfig{}), jobs(backlog, 1)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if i%backlog == 0 {
			b.StopTimer()
			q = queue.NewMemory(queue.MemoryConfig{})
			if err := q.Enqueue(b.Context(), all...); err != nil {
				b.Fatal(err)
			}
			b.StartTimer()
		}
		if err := q.Enqueue(b.Context(), urgent(all[backlog-1-i%backlog])); err != nil {
			b.Fatal(err)
		}
	}
}
