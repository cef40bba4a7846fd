package queuetest

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/tg360/tg360/queue"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var exact = Caps{RerunWhileRunning: true}

// altered is a queue with some of its methods replaced.
type altered struct {
	queue.Queue
	enqueue func(ctx context.Context, jobs ...queue.Job) error
	work    func(ctx context.Context, h queue.Handler) error
	counts  func(ctx context.Context) (map[string]queue.Counts, error)
	close   func() error
}

func (q altered) Enqueue(ctx context.Context, jobs ...queue.Job) error {
	if q.enqueue != nil {
		return q.enqueue(ctx, jobs...)
	}
	return q.Queue.Enqueue(ctx, jobs...)
}

func (q altered) Work(ctx context.Context, h queue.Handler) error {
	if q.work != nil {
		return q.work(ctx, h)
	}
	return q.Queue.Work(ctx, h)
}

func (q altered) Counts(ctx context.Context) (map[string]queue.Counts, error) {
	if q.counts != nil {
		return q.counts(ctx)
	}
	return q.Queue.Counts(ctx)
}

func (q altered) Close() error {
	if q.close != nil {
		return q.close()
	}
	return q.Queue.Close()
}

// mapped enqueues what change makes of the jobs.
func mapped(change func(queue.Job) queue.Job) func(queue.Queue) queue.Queue {
	return func(q queue.Queue) queue.Queue {
		return altered{Queue: q, enqueue: func(ctx context.Context, jobs ...queue.Job) error {
			jobs = slices.Clone(jobs)
			for i, j := range jobs {
				jobs[i] = change(j)
			}
			return q.Enqueue(ctx, jobs...)
		}}
	}
}

// handled works with what change makes of the handler.
func handled(change func(ctx context.Context, j queue.Job, h queue.Handler)) func(queue.Queue) queue.Queue {
	return func(q queue.Queue) queue.Queue {
		return altered{Queue: q, work: func(ctx context.Context, h queue.Handler) error {
			return q.Work(ctx, func(ctx context.Context, j queue.Job) { change(ctx, j, h) })
		}}
	}
}

// dropsEverySecond loses jobs.
func dropsEverySecond(q queue.Queue) queue.Queue {
	var n atomic.Int64
	return altered{Queue: q, enqueue: func(ctx context.Context, jobs ...queue.Job) error {
		return q.Enqueue(ctx, slices.DeleteFunc(slices.Clone(jobs), func(j queue.Job) bool {
			return j.Validate() == nil && n.Add(1)%2 == 0
		})...)
	}}
}

// firstComeStays skips a job whose key is waiting or running, as many queues
// with unique jobs do.
func firstComeStays(q queue.Queue) queue.Queue {
	var live sync.Map
	return altered{Queue: q,
		enqueue: func(ctx context.Context, jobs ...queue.Job) error {
			return q.Enqueue(ctx, slices.DeleteFunc(slices.Clone(jobs), func(j queue.Job) bool {
				_, known := live.LoadOrStore(nameOf(j), true)
				return known && j.Validate() == nil
			})...)
		},
		work: func(ctx context.Context, h queue.Handler) error {
			return q.Work(ctx, func(ctx context.Context, j queue.Job) {
				defer live.Delete(nameOf(j))
				h(ctx, j)
			})
		},
	}
}

// lastComeWins puts a job off to the latest time it was given.
func lastComeWins(q queue.Queue) queue.Queue {
	var mu sync.Mutex
	last := map[name]time.Time{}
	return altered{Queue: q, enqueue: func(ctx context.Context, jobs ...queue.Job) error {
		mu.Lock()
		defer mu.Unlock()
		for _, j := range jobs {
			last[nameOf(j)] = j.NotBefore
		}
		return q.Enqueue(ctx, jobs...)
	}, work: func(ctx context.Context, h queue.Handler) error {
		return q.Work(ctx, func(ctx context.Context, j queue.Job) {
			mu.Lock()
			due := last[nameOf(j)]
			mu.Unlock()
			select {
			case <-time.After(time.Until(due)):
				h(ctx, j)
			case <-ctx.Done():
			}
		})
	}}
}

// oneLane works everything in a single lane.
func oneLane(q queue.Queue) queue.Queue {
	joined := mapped(func(j queue.Job) queue.Job {
		if j.Validate() == nil {
			j.Lane, j.Key = "all", j.Lane+"|"+j.Key
		}
		return j
	})(q).(altered)
	joined.work = func(ctx context.Context, h queue.Handler) error {
		return q.Work(ctx, func(ctx context.Context, j queue.Job) {
			j.Lane, j.Key, _ = strings.Cut(j.Key, "|")
			h(ctx, j)
		})
	}
	return joined
}

// leavesEarly returns from Work as soon as ctx ends.
func leavesEarly(q queue.Queue) queue.Queue {
	return altered{Queue: q, work: func(ctx context.Context, h queue.Handler) error {
		done := make(chan error, 1)
		go func() { done <- q.Work(ctx, h) }()
		select {
		case err := <-done:
			return err
		case <-ctx.Done():
			return nil
		}
	}}
}

// diesOfPanic stops working for good after a panic.
func diesOfPanic(q queue.Queue) queue.Queue {
	return altered{Queue: q, work: func(ctx context.Context, h queue.Handler) error {
		ctx, cancel := context.WithCancelCause(ctx)
		err := q.Work(ctx, func(ctx context.Context, j queue.Job) {
			defer func() {
				if recover() != nil {
					cancel(errors.New("a handler panicked"))
				}
			}()
			h(ctx, j)
		})
		return errors.Join(err, context.Cause(ctx))
	}}
}

// refusing accepts nothing when refuse says so.
func refusing(err error, refuse func(jobs []queue.Job) bool) func(queue.Queue) queue.Queue {
	return func(q queue.Queue) queue.Queue {
		return altered{Queue: q, enqueue: func(ctx context.Context, jobs ...queue.Job) error {
			if refuse(jobs) {
				return err
			}
			return q.Enqueue(ctx, jobs...)
		}}
	}
}

// worksOnce forgets what is left when its first Work ends.
func worksOnce(q queue.Queue) queue.Queue {
	var worked atomic.Bool
	return altered{Queue: q, work: func(ctx context.Context, h queue.Handler) error {
		if worked.Swap(true) {
			<-ctx.Done()
			return nil
		}
		return q.Work(ctx, h)
	}}
}

// closesOnce fails when it is closed again.
func closesOnce(q queue.Queue) queue.Queue {
	var closed atomic.Bool
	return altered{Queue: q, close: func() error {
		if closed.Swap(true) {
			return errors.New("closed twice")
		}
		return q.Close()
	}}
}

func unscheduled(j queue.Job) queue.Job { j.NotBefore = time.Time{}; return j }
func unhurried(j queue.Job) queue.Job   { j.Urgent = false; return j }

func padded(j queue.Job) queue.Job {
	j.Lane, j.Kind, j.Key = j.Lane+"-", j.Kind+"-", j.Key+"-"
	return j
}

func kindless(j queue.Job) queue.Job {
	if j.Validate() == nil {
		j.Kind = "any"
	}
	return j
}

func twiceInTurn(ctx context.Context, j queue.Job, h queue.Handler) {
	h(ctx, j)
	h(ctx, j)
}

func twiceAtOnce(ctx context.Context, j queue.Job, h queue.Handler) {
	var wg sync.WaitGroup
	wg.Go(func() { h(ctx, j) })
	h(ctx, j)
	wg.Wait()
}

func untold(ctx context.Context, j queue.Job, h queue.Handler) { h(context.WithoutCancel(ctx), j) }

// brokenQueues each break the contract in one way; the named rules must
// complain, with a text that shows that they noticed the right thing.
var brokenQueues = []struct {
	how   string
	alter func(queue.Queue) queue.Queue
	rules map[string]string
}{
	{"drops every second job", dropsEverySecond, map[string]string{
		"EveryJobRunsOnce": "are run: not within", "HandlersMayEnqueue": "are run: not within",
	}},
	{"drops what is new while it runs", firstComeStays, map[string]string{
		"RunningKeyRunsOnceMore": "second run: not within",
	}},
	{"is not pulled forward", firstComeStays, map[string]string{
		"EarlierPullsForward": "are run: not within", "UrgentPullsForward": "became urgent",
	}},
	{"is put off", lastComeWins, map[string]string{"LaterNeverPutsOff": "are run: not within"}},
	{"one lane for all", oneLane, map[string]string{
		"HangingLaneDelaysNoOther": "behind one that hangs", "CountsByLane": "before Work",
	}},
	{"Work leaves early", leavesEarly, map[string]string{
		"WorkEndsWithItsContext": "Work returned while 1 of its handlers",
	}},
	{"delivers twice at once", handled(twiceAtOnce), map[string]string{
		"RunningKeyRunsAlone": "in 2 handlers at once",
	}},
	{"delivers twice in turn", handled(twiceInTurn), map[string]string{
		"EveryJobRunsOnce": "ran 2 times", "SameKeyTwiceInOneCall": "ran 2 times", "WaitingKeyIsOneJob": "ran 2 times",
		"RunningKeyRunsOnceMore": "4 times in all",
	}},
	{"forgets the kind", mapped(kindless), map[string]string{"LaneKindAndKeyNameAJob": "are run: not within"}},
	{"ignores NotBefore", mapped(unscheduled), map[string]string{
		"NotBefore": "an hour early", "EarlierPullsForward": "before its NotBefore",
	}},
	{"nothing is urgent", mapped(unhurried), map[string]string{
		"UrgentGoesFirst": "urgent jobs start", "UrgentPullsForward": "became urgent",
	}},
	{"takes empty names", mapped(padded), map[string]string{"EmptyNamesAreRefused": "error <nil>"}},
	{"takes half of a refused call", func(q queue.Queue) queue.Queue {
		return altered{Queue: q, enqueue: func(ctx context.Context, jobs ...queue.Job) error {
			var err error
			for _, j := range jobs {
				err = errors.Join(err, q.Enqueue(ctx, j))
			}
			return err
		}}
	}, map[string]string{"EmptyNamesAreRefused": "refused its neighbour"}},
	{"dies of a panic", diesOfPanic, map[string]string{"PanicStopsNothing": "a handler panicked"}},
	{"handlers are not told", handled(untold), map[string]string{
		"WorkEndsWithItsContext": "did not end with that of Work", "CloseEndsWork": "did not return",
	}},
	{"works once", worksOnce, map[string]string{
		"WaitingJobsOutliveWork": "are run: not within", "SeveralWorksShare": "are run: not within",
	}},
	{"a key lives once", func(q queue.Queue) queue.Queue {
		var known sync.Map
		return refusing(nil, func(jobs []queue.Job) bool {
			_, seen := known.LoadOrStore(nameOf(jobs[0]), true)
			return seen
		})(q)
	}, map[string]string{"FinishedKeyRunsAgain": "finished runs again"}},
	{"wants a job", refusing(errors.New("no jobs"), func(jobs []queue.Job) bool { return len(jobs) == 0 }),
		map[string]string{"NoJobsAtAll": "no jobs"}},
	{"ignores contexts", func(q queue.Queue) queue.Queue {
		return altered{Queue: q, enqueue: func(ctx context.Context, jobs ...queue.Job) error {
			return q.Enqueue(context.WithoutCancel(ctx), jobs...)
		}}
	}, map[string]string{"EndedContext": "want context.Canceled"}},
	{"never closes", func(q queue.Queue) queue.Queue {
		return altered{Queue: q, close: func() error { return nil }}
	}, map[string]string{"CloseEndsWork": "did not return", "ClosedQueue": "<nil>, want ErrClosed"}},
	{"closes once", closesOnce, map[string]string{"ClosedQueue": "closed twice"}},
	{"counts nothing", func(q queue.Queue) queue.Queue {
		return altered{Queue: q, counts: func(context.Context) (map[string]queue.Counts, error) { return nil, nil }}
	}, map[string]string{"CountsByLane": "before Work", "WaitingKeyIsOneJob": "three times"}},
}

// TestBrokenQueues shows that every rule of the suite notices what it is for.
func TestBrokenQueues(t *testing.T) {
	t.Parallel()
	noticed := map[string]bool{}
	for _, broken := range brokenQueues {
		for name, complaint := range broken.rules {
			noticed[name] = true
			t.Run(broken.how+"/"+name, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					q := queue.NewMemory(queue.MemoryConfig{})
					defer func() { _ = q.Close() }() // some of them don't
					err := ruleNamed(t, name).verify(t.Context(), broken.alter(q), exact)
					if err == nil || !strings.Contains(err.Error(), complaint) {
						t.Errorf("the rule says: %v; want a complaint with %q", err, complaint)
					}
				})
			})
		}
	}
	for _, r := range rules {
		if !noticed[r.name] {
			t.Errorf("no broken queue shows that rule %s can fail", r.name)
		}
	}
}

func ruleNamed(t *testing.T, name string) rule {
	t.Helper()
	i := slices.IndexFunc(rules, func(r rule) bool { return r.name == name })
	if i < 0 {
		t.Fatalf("there is no rule %s", name)
	}
	return rules[i]
}

// polling behaves as a queue over a database may: jobs start late, and one
// whose key is running, or was a moment ago, is dropped.
func polling(q queue.Queue) queue.Queue {
	const lag, deaf = 700 * time.Millisecond, 200 * time.Millisecond
	var mu sync.Mutex
	deafUntil := map[name]time.Time{}
	set := func(n name, t time.Time) {
		mu.Lock()
		defer mu.Unlock()
		deafUntil[n] = t
	}
	return altered{Queue: q,
		enqueue: func(ctx context.Context, jobs ...queue.Job) error {
			mu.Lock()
			defer mu.Unlock()
			return q.Enqueue(ctx, slices.DeleteFunc(slices.Clone(jobs), func(j queue.Job) bool {
				return time.Now().Before(deafUntil[nameOf(j)])
			})...)
		},
		work: func(ctx context.Context, h queue.Handler) error {
			select {
			case <-time.After(lag):
			case <-ctx.Done():
			}
			return q.Work(ctx, func(ctx context.Context, j queue.Job) {
				set(nameOf(j), time.Now().Add(time.Hour))
				defer func() { set(nameOf(j), time.Now().Add(deaf)) }()
				h(ctx, j)
			})
		},
	}
}

// TestSoundQueues is the counterpart: queues that keep the contract, each in its
// way, satisfy every rule.
func TestSoundQueues(t *testing.T) {
	t.Parallel()
	for _, sound := range []struct {
		how   string
		alter func(queue.Queue) queue.Queue
		caps  Caps
	}{
		{"exact", func(q queue.Queue) queue.Queue { return q }, exact},
		{"nothing claimed", func(q queue.Queue) queue.Queue { return q }, Caps{}},
		{"polling", polling, Caps{}},
	} {
		for _, r := range rules {
			if r.lacks != nil && r.lacks(sound.caps) != "" {
				continue
			}
			t.Run(sound.how+"/"+r.name, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					q := sound.alter(queue.NewMemory(queue.MemoryConfig{}))
					if err := r.verify(t.Context(), q, sound.caps); err != nil {
						t.Error(err)
					}
				})
			})
		}
	}
}

func TestCapsSkip(t *testing.T) {
	t.Parallel()
	var skipped []string
	for _, r := range rules {
		if r.lacks != nil && r.lacks(Caps{}) != "" {
			skipped = append(skipped, r.name)
		}
		if r.lacks != nil && r.lacks(exact) != "" {
			t.Errorf("rule %s is skipped for an exact back end", r.name)
		}
	}
	if want := []string{"RunningKeyRunsOnceMore"}; !slices.Equal(skipped, want) {
		t.Errorf("rules skipped without claims: %v, want %v", skipped, want)
	}
}
