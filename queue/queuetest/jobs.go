package queuetest

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"

	"github.com/tg360/tg360/queue"
)

// job is a job of the usual kind.
func job(lane string, key any) queue.Job {
	return queue.Job{Lane: lane, Kind: "order", Key: fmt.Sprint(key)}
}

// batch is n jobs of one lane.
func batch(lane string, n int) []queue.Job {
	jobs := make([]queue.Job, n)
	for i := range jobs {
		jobs[i] = job(lane, i)
	}
	return jobs
}

func everyJobRunsOnce(r *rig) error {
	var jobs []queue.Job
	for _, lane := range []string{"shop-a", "shop-b", "shop-c"} {
		jobs = append(jobs, batch(lane, 40)...)
	}
	half := len(jobs) / 2
	if err := r.enqueue(jobs[:half]...); err != nil {
		return err
	}
	r.work(nil)
	for _, j := range jobs[half:] {
		if err := r.enqueue(j); err != nil {
			return err
		}
	}
	return r.once(jobs...)
}

func noJobsAtAll(r *rig) error {
	if err := r.enqueue(); err != nil {
		return err
	}
	return r.awaitEmpty()
}

func laneKindAndKeyNameAJob(r *rig) error {
	jobs := []queue.Job{
		{Lane: "shop-a", Kind: "order", Key: "7"},
		{Lane: "shop-b", Kind: "order", Key: "7"},
		{Lane: "shop-a", Kind: "product", Key: "7"},
		{Lane: "shop-a", Kind: "order", Key: "8"},
		// Names that are the same when they are joined by a hyphen.
		{Lane: "shop", Kind: "a-order", Key: "7"},
		{Lane: "shop", Kind: "a", Key: "order-7"},
		// Keys come from other systems.
		{Lane: "shop-a", Kind: "order", Key: "é/ü ?&=%00'\"\\"},
		{Lane: "shop-a", Kind: "order", Key: " 7"},
		{Lane: "shop-a", Kind: "order", Key: "07"},
	}
	if err := r.enqueue(jobs...); err != nil {
		return err
	}
	r.work(nil)
	return r.once(jobs...)
}

func sameKeyTwiceInOneCall(r *rig) error {
	j := job("shop-a", 1)
	late := j
	late.NotBefore = inAnHour()
	if err := r.enqueue(late, j, late, j); err != nil {
		return err
	}
	r.work(nil)
	return r.once(j)
}

func waitingKeyIsOneJob(r *rig) error {
	j := job("shop-a", 1)
	for range 3 {
		if err := r.enqueue(j); err != nil {
			return err
		}
	}
	err := r.awaitCounts("one key enqueued three times", func(c map[string]queue.Counts) bool {
		return c["shop-a"] == queue.Counts{Waiting: 1}
	})
	if err != nil {
		return err
	}
	r.work(nil)
	return r.once(j)
}

func finishedKeyRunsAgain(r *rig) error {
	j := job("shop-a", 1)
	if err := r.enqueue(j); err != nil {
		return err
	}
	r.work(nil)
	if err := r.once(j); err != nil {
		return err
	}
	return r.again(j)
}

func handlersMayEnqueue(r *rig) error {
	chain := batch("shop-a", 20)
	next := map[string]queue.Job{}
	for i, j := range chain[1:] {
		next[chain[i].Key] = j
	}
	r.work(func(ctx context.Context, j queue.Job) {
		if n, ok := next[j.Key]; ok {
			if err := r.q.Enqueue(ctx, n); err != nil {
				r.change(func() { r.breach("Enqueue from a handler: %w", err) })
			}
		}
	})
	if err := r.enqueue(chain[0]); err != nil {
		return err
	}
	return r.once(chain...)
}

// runningKeyRunsAlone enqueues a few keys without pause while they run; the
// books tell when one is in two handlers.
func runningKeyRunsAlone(r *rig) error {
	jobs := batch("shop-a", 3)
	gate := make(chan struct{})
	r.work(func(ctx context.Context, j queue.Job) {
		if j.Key == jobs[0].Key {
			r.hold(ctx, gate)
		}
		runtime.Gosched()
	})
	if err := r.enqueue(jobs[0]); err != nil {
		return err
	}
	if err := r.awaitRun("the first job", jobs[0]); err != nil {
		return err
	}
	errs := make([]error, 4)
	var wg sync.WaitGroup
	for i := range errs {
		wg.Go(func() {
			for n := range 50 {
				errs[i] = errors.Join(errs[i], r.enqueue(jobs[n%len(jobs)]))
			}
		})
	}
	wg.Wait()
	// Another lane is served, so a second run of the held key had its chance.
	other := job("shop-b", 1)
	if err := errors.Join(append(errs, r.enqueue(other), r.awaitRun("another lane", other))...); err != nil {
		return err
	}
	close(gate)
	return r.awaitEmpty()
}

func runningKeyRunsOnceMore(r *rig) error {
	j, gate := job("shop-a", 1), make(chan struct{})
	r.work(func(ctx context.Context, _ queue.Job) { r.hold(ctx, gate) })
	if err := r.enqueue(j); err != nil {
		return err
	}
	if err := r.awaitRun("the first run", j); err != nil {
		return err
	}
	for range 3 {
		if err := r.enqueue(j); err != nil {
			return err
		}
	}
	close(gate)
	if err := r.await("the second run", func() bool { return r.started[nameOf(j)] >= 2 }); err != nil {
		return err
	}
	if err := r.awaitEmpty(); err != nil {
		return err
	}
	if n := r.ran(j); n != 2 {
		return fmt.Errorf("a key enqueued three times while it ran was run %d times in all, want 2", n)
	}
	return nil
}

func emptyNamesAreRefused(r *rig) error {
	good := job("shop-a", 1)
	for field, bad := range map[string]queue.Job{
		"Lane": {Kind: "order", Key: "1"},
		"Kind": {Lane: "shop-a", Key: "1"},
		"Key":  {Lane: "shop-a", Kind: "order"},
	} {
		err := r.q.Enqueue(r.ctx, good, bad)
		var arg *queue.ArgumentError
		if !errors.As(err, &arg) || arg.Field != field {
			return fmt.Errorf("a job without %s gave error %v, want an *ArgumentError that names the field", field, err)
		}
	}
	// Nothing of those calls was accepted: a later job is the only one to run.
	last := job("shop-a", 2)
	if err := r.enqueue(last); err != nil {
		return err
	}
	r.work(nil)
	if err := r.once(last); err != nil {
		return err
	}
	if r.ran(good) > 0 {
		return errors.New("a job ran although Enqueue refused its neighbour")
	}
	return nil
}
