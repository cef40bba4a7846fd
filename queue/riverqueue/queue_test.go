package riverqueue_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tg360/tg360/queue"
	"github.com/tg360/tg360/queue/riverqueue"
)

// oddLanes are good for the queue, but no names for River.
var oddLanes = []string{"-", "_", "a--b", "a_-b", "-a", "a-", "A", "x|0", "a|b", "tg360|idle", " ", "é", "a\x00", "\xff\xfe",
	strings.Repeat("_", 40), strings.Repeat("\xff", 40)}

func TestNames(t *testing.T) {
	t.Parallel()
	place(t)
	q := open(t, server, riverqueue.Options{Schema: schema(t, database(t, server))})
	var jobs []queue.Job
	for _, lane := range append(oddLanes, "shop-1", "shop_1", "0", strings.Repeat("a", 64), strings.Repeat("a-", 19)+"ab") {
		jobs = append(jobs, queue.Job{Lane: lane, Kind: "order\n\"<&", Key: "\u2028 \ufffd 'é"})
	}
	enqueue(t, q, jobs...)
	all := counts(t, q)
	for _, j := range jobs {
		if want := (queue.Counts{Waiting: 1}); all[j.Lane] != want {
			t.Errorf("lane %q has %+v, want %+v", j.Lane, all[j.Lane], want)
		}
	}
	work(t, q, nil).await(t, jobs...)
}

func TestNamesThatAreRefused(t *testing.T) {
	t.Parallel()
	place(t)
	q := open(t, server, riverqueue.Options{Schema: schema(t, database(t, server))})
	good := queue.Job{Lane: "shop", Kind: "order", Key: "1"}
	for field, bad := range map[string][]queue.Job{
		"Lane": {{Kind: "k", Key: "k"}, {Lane: "\x00a", Kind: "k", Key: "k"}, {Lane: strings.Repeat("_", 41), Kind: "k", Key: "k"}, {Lane: strings.Repeat("a", 65), Kind: "k", Key: "k"}},
		"Kind": {{Lane: "l", Key: "k"}, {Lane: "l", Kind: "\xff", Key: "k"}, {Lane: "l", Kind: "a\x00", Key: "k"}},
		"Key":  {{Lane: "l", Kind: "k"}, {Lane: "l", Kind: "k", Key: "\xff"}, {Lane: "l", Kind: "k", Key: "\x00"}},
	} {
		for _, b := range bad {
			err := q.Enqueue(t.Context(), good, b)
			var arg *queue.ArgumentError
			if !errors.As(err, &arg) || arg.Field != field {
				t.Errorf("job %#v gave error %v, want an *ArgumentError about %s", b, err, field)
			}
		}
	}
	if all := counts(t, q); len(all) > 0 {
		t.Errorf("refused calls left %v", all)
	}
	var arg *queue.ArgumentError
	if err := q.Work(t.Context(), nil); !errors.As(err, &arg) || arg.Field != "Handler" {
		t.Errorf("Work without a handler gave error %v", err)
	}
}

// TestJobTwiceInOneCall has it once urgent and once earlier.
func TestJobTwiceInOneCall(t *testing.T) {
	t.Parallel()
	place(t)
	q := open(t, server, riverqueue.Options{Schema: schema(t, database(t, server))})
	for i, twice := range [][]queue.Job{
		{{Urgent: true, NotBefore: time.Now().Add(time.Hour)}, {}},
		{{}, {Urgent: true, NotBefore: time.Now().Add(time.Hour)}},
	} {
		for k := range twice {
			twice[k].Lane, twice[k].Kind, twice[k].Key = "shop", "order", fmt.Sprint(i)
		}
		enqueue(t, q, twice...)
	}
	ran := make(chan queue.Job, 2)
	work(t, q, func(_ context.Context, j queue.Job) { ran <- j })
	for range 2 {
		select {
		case j := <-ran:
			if !j.Urgent {
				t.Errorf("job %s lost its urgency", j.Key)
			}
		case <-time.After(patience):
			t.Fatal("a job is late")
		}
	}
}

func TestManyJobsInOneCall(t *testing.T) {
	t.Parallel()
	place(t)
	q := open(t, server, riverqueue.Options{Schema: schema(t, database(t, server))})
	const n = 20_000
	jobs := make([]queue.Job, n)
	for i := range jobs {
		jobs[i] = queue.Job{Lane: fmt.Sprint("shop-", i%3), Kind: "product", Key: fmt.Sprint(i)}
	}
	enqueue(t, q, jobs...)
	enqueue(t, q, jobs[n/2:]...)
	sum := 0
	for _, c := range counts(t, q) {
		sum += c.Waiting
	}
	if sum != n {
		t.Errorf("%d jobs wait, want %d", sum, n)
	}
}

// TestEnqueueTheSameFromAll enqueues the same keys in different sequences while
// they are being worked on: no call may fail.
func TestEnqueueTheSameFromAll(t *testing.T) {
	t.Parallel()
	place(t)
	q := open(t, server, riverqueue.Options{Schema: schema(t, database(t, server))})
	jobs := make([]queue.Job, 100)
	for i := range jobs {
		jobs[i] = queue.Job{Lane: fmt.Sprint("shop-", i%5), Kind: "order", Key: fmt.Sprint(i)}
	}
	backwards := slices.Clone(jobs)
	slices.Reverse(backwards)
	w := work(t, q, nil)
	var wg sync.WaitGroup
	for _, mine := range [][]queue.Job{jobs, backwards, jobs} {
		wg.Go(func() {
			for i := range 20 {
				mine := slices.Clone(mine)
				mine[i].Urgent = true
				enqueue(t, q, mine...)
			}
		})
	}
	wg.Wait()
	w.await(t, jobs...)
	await(t, "the queue to be empty", func() bool {
		for _, c := range counts(t, q) {
			if c != (queue.Counts{}) {
				return false
			}
		}
		return true
	})
}

func TestWorkersBound(t *testing.T) {
	t.Parallel()
	place(t)
	q := open(t, server, riverqueue.Options{Schema: schema(t, database(t, server)), Workers: 1})
	var jobs []queue.Job
	for i := range 40 {
		jobs = append(jobs, queue.Job{Lane: fmt.Sprint("shop-", i%4), Kind: "order", Key: fmt.Sprint(i)})
	}
	enqueue(t, q, jobs...)
	var mu sync.Mutex
	active, most := 0, 0
	handler := func(context.Context, queue.Job) {
		mu.Lock()
		active++
		most = max(most, active)
		mu.Unlock()
		runtime.Gosched()
		mu.Lock()
		active--
		mu.Unlock()
	}
	a, b := work(t, q, handler), work(t, q, handler)
	await(t, "all jobs to run", func() bool {
		for _, j := range jobs {
			if a.ran(j)+b.ran(j) == 0 {
				return false
			}
		}
		return true
	})
	mu.Lock()
	defer mu.Unlock()
	if most != 1 {
		t.Errorf("%d handlers ran at once, want 1", most)
	}
}

func TestPanicIsLoggedWithoutItsValue(t *testing.T) {
	t.Parallel()
	place(t)
	var mu sync.Mutex
	var log bytes.Buffer
	logger := slog.New(slog.NewTextHandler(writer(func(p []byte) (int, error) {
		mu.Lock()
		defer mu.Unlock()
		return log.Write(p)
	}), &slog.HandlerOptions{Level: slog.LevelDebug}))
	q := open(t, server, riverqueue.Options{Schema: schema(t, database(t, server)), Logger: logger})
	bad, worse, good := queue.Job{Lane: "shop", Kind: "order", Key: "bad"}, queue.Job{Lane: "shop", Kind: "order", Key: "worse"}, queue.Job{Lane: "shop", Kind: "order", Key: "good"}
	enqueue(t, q, bad, worse, good)
	w := work(t, q, func(_ context.Context, j queue.Job) {
		switch j.Key {
		case "bad":
			panic(errors.New("mario.rossi@example.com"))
		case "worse":
			runtime.Goexit()
		}
	})
	w.await(t, bad, worse, good)
	await(t, "the jobs to end", func() bool { return counts(t, q)["shop"] == queue.Counts{} })
	mu.Lock()
	defer mu.Unlock()
	if text := log.String(); !strings.Contains(text, "key=bad") || !strings.Contains(text, "errorString") || strings.Contains(text, "rossi") || strings.Contains(text, "level=INFO") {
		t.Errorf("the log is:\n%s", text)
	}
}

type writer func([]byte) (int, error)

func (w writer) Write(p []byte) (int, error) { return w(p) }

func TestCloseWithinHandler(t *testing.T) {
	t.Parallel()
	place(t)
	q := open(t, server, riverqueue.Options{Schema: schema(t, database(t, server))})
	enqueue(t, q, queue.Job{Lane: "shop", Kind: "order", Key: "1"})
	var cause error
	err := q.Work(t.Context(), func(ctx context.Context, _ queue.Job) {
		if err := q.Close(); err != nil {
			t.Error(err)
		}
		<-ctx.Done()
		cause = context.Cause(ctx)
	})
	if !errors.Is(err, queue.ErrClosed) || !errors.Is(cause, queue.ErrClosed) {
		t.Errorf("Work returned %v and its handler's ctx ended because of %v, want ErrClosed", err, cause)
	}
}

// What follows is for all tests.

const patience = 60 * time.Second

func enqueue(t testing.TB, q queue.Queue, jobs ...queue.Job) {
	t.Helper()
	if err := q.Enqueue(t.Context(), jobs...); err != nil {
		t.Error(err)
	}
}

func counts(t *testing.T, q queue.Queue) map[string]queue.Counts {
	t.Helper()
	all, err := q.Counts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// hold keeps a handler until the gate opens or its ctx ends.
func hold(ctx context.Context, gate <-chan struct{}) {
	select {
	case <-gate:
	case <-ctx.Done():
	}
}

// poll lets a little time go by between two looks.
func poll(t *testing.T) {
	t.Helper()
	select {
	case <-time.After(20 * time.Millisecond):
	case <-t.Context().Done():
		t.Fatal("the test is over")
	}
}

// await polls until ok.
func await(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for late := time.Now().Add(patience); !ok(); poll(t) {
		if time.Now().After(late) {
			t.Fatalf("waited %v for %s", patience, what)
		}
	}
}

// working is a call of Work and the jobs that it began.
type working struct {
	mu    sync.Mutex
	began map[queue.Job]int
}

// work calls Work until the test ends; do may be nil.
func work(t *testing.T, q queue.Queue, do queue.Handler) *working {
	t.Helper()
	w := &working{began: map[queue.Job]int{}}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		err := q.Work(ctx, func(ctx context.Context, j queue.Job) {
			w.mu.Lock()
			w.began[queue.Job{Lane: j.Lane, Kind: j.Kind, Key: j.Key}]++
			w.mu.Unlock()
			if do != nil {
				do(ctx, j)
			}
		})
		if err != nil {
			t.Errorf("Work: %v", err)
		}
	}()
	t.Cleanup(func() {
		stop()
		<-done
	})
	return w
}

func (w *working) ran(j queue.Job) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.began[j]
}

func (w *working) await(t *testing.T, jobs ...queue.Job) {
	t.Helper()
	for _, j := range jobs {
		await(t, fmt.Sprintf("job %#v to begin", j), func() bool { return w.ran(j) > 0 })
	}
}
