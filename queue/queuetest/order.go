package queuetest

import (
	"context"
	"fmt"
	"time"

	"github.com/tg360/tg360/queue"
)

// soon is far enough away that a job with it is still scheduled when Enqueue
// returns.
const soon = 50 * time.Millisecond

func inAnHour() time.Time { return time.Now().Add(time.Hour) }

// at returns j with a NotBefore.
func at(j queue.Job, t time.Time) queue.Job {
	j.NotBefore = t
	return j
}

func urgent(j queue.Job) queue.Job {
	j.Urgent = true
	return j
}

// notEarly complains if j started before due. Databases round times.
func (r *rig) notEarly(j queue.Job, due time.Time) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if started := r.firstAt[nameOf(j)]; started.Before(due.Add(-time.Millisecond)) {
		return fmt.Errorf("key %v started %v before its NotBefore", nameOf(j), due.Sub(started))
	}
	return nil
}

func notBefore(r *rig) error {
	r.work(nil)
	due := time.Now().Add(soon)
	later, past, never := job("shop-a", "later"), job("shop-a", "past"), job("shop-a", "never")
	err := r.enqueue(at(never, inAnHour()), at(later, due), at(past, time.Now().Add(-time.Hour)))
	if err != nil {
		return err
	}
	if err := r.awaitRun("jobs that are due", past, later); err != nil {
		return err
	}
	if r.ran(never) > 0 {
		return fmt.Errorf("a job ran an hour early")
	}
	return r.notEarly(later, due)
}

// earlierPullsForward does it before Work begins and while it runs.
func earlierPullsForward(r *rig) error {
	for _, when := range []string{"idle", "working"} {
		toNow, toSoon, toUrgent := job("shop-a", when+"-now"), job("shop-a", when+"-soon"), job("shop-a", when+"-urgent")
		hour := inAnHour()
		if err := r.enqueue(at(toNow, hour), at(toSoon, hour), at(toUrgent, hour)); err != nil {
			return err
		}
		due := time.Now().Add(soon)
		if err := r.enqueue(toNow, at(toSoon, due), urgent(toUrgent)); err != nil {
			return err
		}
		if when == "idle" {
			r.work(nil)
		}
		if err := r.once(toNow, toSoon, toUrgent); err != nil {
			return err
		}
		if err := r.notEarly(toSoon, due); err != nil {
			return err
		}
	}
	return nil
}

func laterNeverPutsOff(r *rig) error {
	now, scheduled, both := job("shop-a", "now"), job("shop-a", "scheduled"), job("shop-a", "urgent")
	if err := r.enqueue(now, at(scheduled, time.Now().Add(soon)), both); err != nil {
		return err
	}
	hour := inAnHour()
	if err := r.enqueue(at(now, hour), at(scheduled, hour), urgent(at(both, hour))); err != nil {
		return err
	}
	r.work(nil)
	return r.once(now, scheduled, both)
}

// urgentGoesFirst lets no other job end before each urgent one has started.
func urgentGoesFirst(r *rig) error {
	others, gate := batch("shop-a", 50), make(chan struct{})
	first := []queue.Job{urgent(job("shop-a", "u1")), urgent(job("shop-a", "u2")), urgent(job("shop-a", "u3"))}
	if err := r.enqueue(append(others, first...)...); err != nil {
		return err
	}
	isFirst := map[name]bool{}
	for _, j := range first {
		isFirst[nameOf(j)] = true
	}
	r.work(func(ctx context.Context, j queue.Job) {
		if !isFirst[nameOf(j)] {
			r.hold(ctx, gate)
		}
	})
	if err := r.awaitRun("urgent jobs start before others have ended", first...); err != nil {
		return err
	}
	close(gate)
	return r.once(append(others, first...)...)
}

// urgentPullsForward makes the last of many urgent.
func urgentPullsForward(r *rig) error {
	jobs, gate := batch("shop-a", 50), make(chan struct{})
	last := jobs[len(jobs)-1]
	if err := r.enqueue(jobs...); err != nil {
		return err
	}
	if err := r.enqueue(urgent(last)); err != nil {
		return err
	}
	r.work(func(ctx context.Context, j queue.Job) {
		if nameOf(j) != nameOf(last) {
			r.hold(ctx, gate)
		}
	})
	if err := r.awaitRun("a waiting job that became urgent starts before others have ended", last); err != nil {
		return err
	}
	close(gate)
	return r.once(jobs...)
}

// hangingLaneDelaysNoOther fills one lane with handlers that hang.
func hangingLaneDelaysNoOther(r *rig) error {
	backlog, gate := batch("shop-a", 300), make(chan struct{})
	early, late := []queue.Job{job("shop-b", 1), job("shop-c", 1)}, []queue.Job{job("shop-b", 2), job("shop-d", 1)}
	if err := r.enqueue(append(backlog, early...)...); err != nil {
		return err
	}
	r.work(func(ctx context.Context, j queue.Job) {
		if j.Lane == "shop-a" {
			r.hold(ctx, gate)
		}
	})
	if err := r.awaitRun("a lane enqueued behind one that hangs", early...); err != nil {
		return err
	}
	hanging := func() bool { return r.works[0].active > 0 }
	if err := r.await("the lane that hangs starts too", hanging); err != nil {
		return err
	}
	if err := r.enqueue(late...); err != nil {
		return err
	}
	if err := r.awaitRun("a lane enqueued while another hangs", late...); err != nil {
		return err
	}
	close(gate)
	return r.once(backlog...)
}
