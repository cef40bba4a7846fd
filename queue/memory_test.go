package queue_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tg360/tg360/queue"
)

func order(lane, key string) queue.Job { return queue.Job{Lane: lane, Kind: "order", Key: key} }

func urgent(j queue.Job) queue.Job { j.Urgent = true; return j }

func in(d time.Duration, j queue.Job) queue.Job { j.NotBefore = time.Now().Add(d); return j }

func enqueue(t *testing.T, q queue.Queue, jobs ...queue.Job) {
	t.Helper()
	if err := q.Enqueue(t.Context(), jobs...); err != nil {
		t.Fatalf("Enqueue: %v", err)
	}
}

func counts(t *testing.T, q queue.Queue) map[string]queue.Counts {
	t.Helper()
	c, err := q.Counts(t.Context())
	if err != nil {
		t.Fatalf("Counts: %v", err)
	}
	return c
}

func equal(t *testing.T, what string, got, want any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// wait lets the bubble's clock advance.
func wait(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

// log collects lines from several goroutines.
type log struct {
	mu    sync.Mutex
	lines []string
}

func (l *log) add(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, fmt.Sprintf(format, args...))
}

func (l *log) take() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	lines := l.lines
	l.lines = nil
	return lines
}

// work runs Work until the test ends.
func work(t *testing.T, q queue.Queue, h queue.Handler) (stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- q.Work(ctx, h) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Work: %v", err)
		}
	})
	t.Cleanup(stop)
	return stop
}

func TestMemoryStartsWhenDue(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q, l, begin := queue.NewMemory(queue.MemoryConfig{Workers: 1}), &log{}, time.Now()
		work(t, q, func(_ context.Context, j queue.Job) { l.add("%s at %v", j.Key, time.Since(begin)) })
		enqueue(t, q, in(time.Hour, order("a", "hour")), in(time.Minute, order("a", "minute")),
			in(3*time.Minute, order("b", "moved")), in(time.Hour, order("b", "moved more than once")))
		wait(time.Second)
		enqueue(t, q, in(time.Second, order("b", "moved")), in(time.Minute, order("b", "moved more than once")))
		enqueue(t, q, in(2*time.Second, order("b", "moved more than once")))
		wait(2 * time.Hour)
		equal(t, "starts", l.take(), []string{"moved at 2s", "moved more than once at 3s", "minute at 1m0s", "hour at 1h0m0s"})
		equal(t, "counts", counts(t, q), map[string]queue.Counts{})
	})
}

func TestMemoryServesUrgentThenArrival(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q, l := queue.NewMemory(queue.MemoryConfig{Workers: 1}), &log{}
		enqueue(t, q, order("a", "1"), in(time.Second, urgent(order("a", "due later, urgent"))), order("a", "2"),
			urgent(order("a", "urgent")), order("a", "3"), in(time.Second, order("a", "due later")))
		enqueue(t, q, urgent(order("a", "2")), order("a", "1"), order("a", "urgent"))
		wait(time.Second)
		work(t, q, func(_ context.Context, j queue.Job) { l.add("%s", j.Key) })
		synctest.Wait()
		equal(t, "starts", l.take(), []string{"urgent", "2", "due later, urgent", "1", "3", "due later"})
	})
}

func TestMemoryLanesTakeTurns(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q, l := queue.NewMemory(queue.MemoryConfig{Workers: 1}), &log{}
		for i := range 4 {
			enqueue(t, q, order("big", fmt.Sprint(i)))
		}
		enqueue(t, q, order("b", "0"), order("b", "1"), order("c", "0"))
		work(t, q, func(_ context.Context, j queue.Job) { l.add("%s%s", j.Lane, j.Key) })
		synctest.Wait()
		equal(t, "starts", l.take(), []string{"big0", "b0", "c0", "big1", "b1", "big2", "big3"})
	})
}

func TestMemoryLimits(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		config         queue.MemoryConfig
		oneLane, three int // running with one busy lane, with three
	}{
		{queue.MemoryConfig{}, 2, 6},
		{queue.MemoryConfig{Workers: -1, PerLane: -1}, 2, 6},
		{queue.MemoryConfig{Workers: 5}, 2, 5},
		{queue.MemoryConfig{Workers: 4, PerLane: 9}, 3, 4},
		{queue.MemoryConfig{Workers: 1}, 1, 1},
		{queue.MemoryConfig{Workers: 50, PerLane: 10}, 10, 30},
	} {
		synctest.Test(t, func(t *testing.T) {
			q := queue.NewMemory(c.config)
			running := func() (n int) {
				synctest.Wait()
				for _, c := range counts(t, q) {
					n += c.Running
				}
				return n
			}
			for range 2 { // two Work calls share the limits
				work(t, q, func(ctx context.Context, _ queue.Job) { <-ctx.Done() })
			}
			for i := range 20 {
				enqueue(t, q, order("a", fmt.Sprint(i)))
			}
			equal(t, fmt.Sprintf("%+v, one lane", c.config), running(), c.oneLane)
			for i := range 20 {
				enqueue(t, q, order("b", fmt.Sprint(i)), order("c", fmt.Sprint(i)))
			}
			equal(t, fmt.Sprintf("%+v, three lanes", c.config), running(), c.three)
		})
	}
}

func TestMemoryRunsOnceMore(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q, l, begin := queue.NewMemory(queue.MemoryConfig{}), &log{}, time.Now()
		work(t, q, func(_ context.Context, j queue.Job) {
			l.add("%v urgent=%v", time.Since(begin), j.Urgent)
			<-time.After(10 * time.Second)
		})
		enqueue(t, q, order("a", "1"))
		synctest.Wait()
		enqueue(t, q, in(time.Hour, order("a", "1")))
		equal(t, "later", counts(t, q), map[string]queue.Counts{"a": {Running: 1, Scheduled: 1}})
		enqueue(t, q, in(time.Minute, urgent(order("a", "1"))), in(time.Hour, order("a", "1")))
		wait(30 * time.Second)
		equal(t, "counts", counts(t, q), map[string]queue.Counts{"a": {Scheduled: 1}})
		wait(30 * time.Second)
		enqueue(t, q, order("a", "1"), order("a", "1"))
		equal(t, "now", counts(t, q), map[string]queue.Counts{"a": {Running: 1, Waiting: 1}})
		wait(time.Minute)
		equal(t, "starts", l.take(), []string{"0s urgent=false", "1m0s urgent=true", "1m10s urgent=false"})
		equal(t, "counts at the end", counts(t, q), map[string]queue.Counts{})
	})
}

// Of two that become due together the one scheduled first goes first, also when
// it is enqueued again.
func TestMemoryScheduledKeyKeepsItsPlace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q, l := queue.NewMemory(queue.MemoryConfig{Workers: 1}), &log{}
		work(t, q, func(_ context.Context, j queue.Job) { l.add("%s", j.Key) })
		enqueue(t, q, in(time.Minute, order("a", "1")), in(time.Minute, order("a", "2")))
		enqueue(t, q, in(time.Minute, order("a", "1")), in(time.Hour, order("a", "1")))
		wait(time.Minute)
		equal(t, "starts", l.take(), []string{"1", "2"})
	})
}

func TestMemoryReadyKeyIsNotMoved(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q, l := queue.NewMemory(queue.MemoryConfig{Workers: 1}), &log{}
		enqueue(t, q, order("a", "1"), order("a", "2"))
		enqueue(t, q, order("a", "1"), in(time.Hour, order("a", "1")))
		equal(t, "counts", counts(t, q), map[string]queue.Counts{"a": {Waiting: 2}})
		work(t, q, func(_ context.Context, j queue.Job) { l.add("%s", j.Key) })
		synctest.Wait()
		equal(t, "starts", l.take(), []string{"1", "2"})
	})
}

func TestMemoryEnqueueIsAllOrNothing(t *testing.T) {
	t.Parallel()
	q := queue.NewMemory(queue.MemoryConfig{})
	err := q.Enqueue(t.Context(), order("a", "1"), queue.Job{Lane: "secret-lane", Kind: "order"})
	var arg *queue.ArgumentError
	if !errors.As(err, &arg) || arg.Field != "Key" || !strings.Contains(err.Error(), "job 2 of 2") || strings.Contains(err.Error(), "secret") {
		t.Errorf("Enqueue: %v, want one that names job and field only", err)
	}
	ended, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("why"))
	if err := q.Enqueue(ended, order("a", "1")); !errors.Is(err, context.Canceled) {
		t.Errorf("Enqueue with an ended ctx: %v", err)
	}
	equal(t, "counts", counts(t, q), map[string]queue.Counts{})
}

func TestMemoryNeedsAHandler(t *testing.T) {
	t.Parallel()
	var arg *queue.ArgumentError
	if err := queue.NewMemory(queue.MemoryConfig{}).Work(t.Context(), nil); !errors.As(err, &arg) || arg.Field != "Handler" {
		t.Errorf("Work without a handler: %v, want an *ArgumentError", err)
	}
}

func TestMemoryPanicIsLoggedWithoutData(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		q := queue.NewMemory(queue.MemoryConfig{Workers: 1, Logger: slog.New(slog.NewTextHandler(&out, nil))})
		stop := work(t, q, func(_ context.Context, j queue.Job) {
			var none []int
			switch j.Key {
			case "bug":
				_ = none[len(j.Key)]
			case "goexit":
				runtime.Goexit()
			default:
				panic("Maria Rossi, Via Roma 1")
			}
		})
		for _, key := range []string{"text", "bug", "goexit", "last"} {
			enqueue(t, q, order("shop-7", key))
		}
		synctest.Wait()
		equal(t, "counts", counts(t, q), map[string]queue.Counts{})
		stop()
		lines := strings.Split(strings.TrimSpace(out.String()), "\n")
		if len(lines) != 3 {
			t.Fatalf("%d log lines, want one for each panic:\n%s", len(lines), &out)
		}
		for i, wants := range [][]string{{"key=text", "panic=string"}, {"key=bug", "index out of range"}, {"key=last"}} {
			for _, want := range append(wants, "lane=shop-7", "kind=order", "TestMemoryPanicIsLogged") {
				if !strings.Contains(lines[i], want) {
					t.Errorf("log line %d lacks %q: %s", i, want, lines[i])
				}
			}
		}
		if strings.Contains(out.String(), "Rossi") {
			t.Errorf("the log shows the panic's value: %s", &out)
		}
	})
}

func TestMemoryCloseTellsHandlers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q, l := queue.NewMemory(queue.MemoryConfig{}), &log{}
		done := make(chan error, 1)
		go func() {
			done <- q.Work(t.Context(), func(ctx context.Context, j queue.Job) {
				<-ctx.Done()
				l.add("%v", context.Cause(ctx))
			})
		}()
		enqueue(t, q, order("a", "1"), in(time.Minute, order("a", "2")))
		synctest.Wait()
		enqueue(t, q, order("a", "1")) // must not run again
		if err := q.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
		if err := <-done; !errors.Is(err, queue.ErrClosed) {
			t.Errorf("Work: %v, want ErrClosed", err)
		}
		wait(time.Hour)
		equal(t, "causes", l.take(), []string{queue.ErrClosed.Error()})
	})
}

// A context that ends first wins, so that a service may end it, wait for its
// handlers and close the queue in any order.
func TestMemoryEndedContextBeforeClose(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := queue.NewMemory(queue.MemoryConfig{})
		gate := make(chan struct{})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- q.Work(ctx, func(context.Context, queue.Job) { <-gate }) }()
		enqueue(t, q, order("a", "1"))
		synctest.Wait()
		cancel()
		_ = q.Close()
		close(gate)
		if err := <-done; err != nil {
			t.Errorf("Work: %v, want nil", err)
		}
	})
}

// endingContext has ended, while those who wait for that were not told yet.
type endingContext struct {
	context.Context
	ended atomic.Bool
}

func (c *endingContext) Err() error {
	if c.ended.Load() {
		return context.Canceled
	}
	return c.Context.Err()
}

// A Work that ends just as a job arrives must not swallow the wake-up that
// another Work is waiting for.
func TestMemoryHandsOnWakeUps(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q, l := queue.NewMemory(queue.MemoryConfig{}), &log{}
		h := func(_ context.Context, j queue.Job) { l.add("%s", j.Key) }
		ending := &endingContext{Context: t.Context()}
		done := make(chan error, 1)
		go func() { done <- q.Work(ending, h) }()
		synctest.Wait() // it waits first, so it is woken first
		work(t, q, h)
		synctest.Wait()
		ending.ended.Store(true)
		enqueue(t, q, order("a", "1"))
		synctest.Wait()
		equal(t, "starts", l.take(), []string{"1"})
		if err := <-done; err != nil {
			t.Errorf("Work: %v", err)
		}
	})
}
