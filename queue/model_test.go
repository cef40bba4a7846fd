package queue_test

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/tg360/tg360/queue"
)

// step is one thing that happens to the queue: exactly one field is set.
type step struct {
	enqueue []wish
	finish  int // 1 and up: the running handler at that place, counted round
	advance bool
	restart bool // Work ends, and another begins
}

// wish is a job with its time in ticks from now.
type wish struct {
	id     id
	delay  int
	urgent bool
}

type id struct{ lane, kind, key string }

const tick = time.Second

var wishes = rapid.Custom(func(t *rapid.T) wish {
	return wish{
		id: id{
			rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "lane"),
			rapid.SampledFrom([]string{"order", "product"}).Draw(t, "kind"),
			rapid.SampledFrom([]string{"1", "2", "3"}).Draw(t, "key"),
		},
		delay:  rapid.IntRange(-1, 3).Draw(t, "delay"),
		urgent: rapid.Bool().Draw(t, "urgent"),
	}
})

var steps = rapid.Custom(func(t *rapid.T) step {
	switch rapid.SampledFrom([]string{"enqueue", "enqueue", "finish", "finish", "advance", "restart"}).Draw(t, "step") {
	case "enqueue":
		return step{enqueue: rapid.SliceOfN(wishes, 1, 4).Draw(t, "jobs")}
	case "finish":
		return step{finish: rapid.IntRange(1, 8).Draw(t, "which")}
	case "advance":
		return step{advance: true}
	}
	return step{restart: true}
})

// modelJob is a waiting job as the model knows it.
type modelJob struct {
	due    int // tick
	urgent bool
	rank   int // first come, first served
}

// model says in the simplest terms what a queue may do.
type model struct {
	workers, perLane int
	now, rank        int
	waiting          map[id]modelJob
	running          map[id]*modelJob // the value is what follows, if anything
	overtaken        map[string]map[string]int
}

func (m *model) nextRank() int { m.rank++; return m.rank }

func (m *model) enqueue(w wish) {
	j := modelJob{due: m.now + w.delay, urgent: w.urgent}
	if next, runs := m.running[w.id]; runs {
		if next != nil {
			j = modelJob{due: min(j.due, next.due), urgent: j.urgent || next.urgent}
		}
		m.running[w.id] = &j
		return
	}
	old, waits := m.waiting[w.id]
	if !waits {
		j.rank = m.nextRank()
		m.waiting[w.id] = j
		return
	}
	joined := modelJob{due: min(j.due, old.due), urgent: j.urgent || old.urgent, rank: old.rank}
	switch {
	case old.due > m.now && joined.due < old.due, old.due <= m.now && joined.urgent != old.urgent:
		joined.rank = m.nextRank()
	}
	m.waiting[w.id] = joined
}

func (m *model) finish(n id) {
	next := m.running[n]
	delete(m.running, n)
	if next != nil {
		next.rank = m.nextRank()
		m.waiting[n] = *next
	}
}

// advance makes ready what is due now, in the order of its scheduling.
func (m *model) advance() {
	m.now++
	var due []id
	for n, j := range m.waiting {
		if j.due == m.now {
			due = append(due, n)
		}
	}
	slices.SortFunc(due, func(a, b id) int { return cmp.Compare(m.waiting[a].rank, m.waiting[b].rank) })
	for _, n := range due {
		j := m.waiting[n]
		j.rank = m.nextRank()
		m.waiting[n] = j
	}
}

// ready lists the jobs of a lane that may start, next one first.
func (m *model) ready(lane string) []id {
	var ready []id
	for n, j := range m.waiting {
		if n.lane == lane && j.due <= m.now {
			ready = append(ready, n)
		}
	}
	slices.SortFunc(ready, func(x, y id) int {
		a, b := m.waiting[x], m.waiting[y]
		if a.urgent != b.urgent {
			return map[bool]int{true: -1, false: 1}[a.urgent]
		}
		return cmp.Compare(a.rank, b.rank)
	})
	return ready
}

func (m *model) runningIn(lane string) (n int) {
	for r := range m.running {
		if r.lane == lane {
			n++
		}
	}
	return n
}

// start checks that the queue was right to start these jobs, and no more.
func (m *model) start(started []id) error {
	byLane := map[string][]id{}
	for _, n := range started {
		byLane[n.lane] = append(byLane[n.lane], n)
	}
	for lane, got := range byLane {
		ready := m.ready(lane)
		if len(got) > len(ready) {
			return fmt.Errorf("started %v, but only %v may start", got, ready)
		}
		for _, n := range got { // several start in any order
			if !slices.Contains(ready[:len(got)], n) {
				return fmt.Errorf("started %v, but %v come first", got, ready[:len(got)])
			}
		}
	}
	if err := m.fair(started); err != nil {
		return err
	}
	for _, n := range started {
		delete(m.waiting, n)
		m.running[n] = nil
	}
	for _, lane := range []string{"a", "b", "c"} {
		busy, ready := m.runningIn(lane), m.ready(lane)
		if busy > m.perLane {
			return fmt.Errorf("%d handlers run in lane %s", busy, lane)
		}
		if len(ready) > 0 && busy < m.perLane && len(m.running) < m.workers {
			return fmt.Errorf("%v did not start although a worker is free", ready)
		}
	}
	if len(m.running) > m.workers {
		return fmt.Errorf("%d handlers run", len(m.running))
	}
	return nil
}

// fair checks, where jobs start one by one, that no other lane starts twice
// while a lane could.
func (m *model) fair(started []id) error {
	if m.workers > 1 || len(started) == 0 {
		return nil
	}
	for _, lane := range []string{"a", "b", "c"} {
		if lane == started[0].lane || len(m.ready(lane)) == 0 {
			m.overtaken[lane] = map[string]int{}
			continue
		}
		m.overtaken[lane][started[0].lane]++
		if m.overtaken[lane][started[0].lane] > 1 {
			return fmt.Errorf("lane %s started twice while lane %s waited", started[0].lane, lane)
		}
	}
	return nil
}

func (m *model) counts() map[string]queue.Counts {
	all := map[string]queue.Counts{}
	add := func(lane string, due int) {
		c := all[lane]
		if due > m.now {
			c.Scheduled++
		} else {
			c.Waiting++
		}
		all[lane] = c
	}
	for n, j := range m.waiting {
		add(n.lane, j.due)
	}
	for n, next := range m.running {
		if next != nil {
			add(n.lane, next.due)
		}
		c := all[n.lane]
		c.Running++
		all[n.lane] = c
	}
	return all
}

// trial runs a queue beside the model, in a bubble.
type trial struct {
	q     *queue.Memory
	m     *model
	begin time.Time

	mu      sync.Mutex
	started []id
	gates   map[id]chan struct{}

	end  context.CancelFunc
	done chan error
}

func (tr *trial) work(ctx context.Context) {
	ctx, tr.end = context.WithCancel(ctx)
	tr.done = make(chan error, 1)
	go func() {
		tr.done <- tr.q.Work(ctx, func(_ context.Context, j queue.Job) {
			n, gate := id{j.Lane, j.Kind, j.Key}, make(chan struct{})
			tr.mu.Lock()
			tr.started = append(tr.started, n)
			tr.gates[n] = gate
			tr.mu.Unlock()
			<-gate
		})
	}()
}

// check compares queue and model once nothing moves.
func (tr *trial) check(ctx context.Context) error {
	synctest.Wait()
	tr.mu.Lock()
	started := tr.started
	tr.started = nil
	tr.mu.Unlock()
	if err := tr.m.start(started); err != nil {
		return err
	}
	got, err := tr.q.Counts(ctx)
	if err != nil {
		return err
	}
	if want := tr.m.counts(); !maps.Equal(got, want) {
		return fmt.Errorf("Counts is %+v, want %+v", got, want)
	}
	return nil
}

func (tr *trial) finish(n id) {
	tr.m.finish(n)
	tr.mu.Lock()
	close(tr.gates[n])
	tr.mu.Unlock()
	synctest.Wait()
}

// runningIDs lists what runs, in a fixed order.
func (tr *trial) runningIDs() []id {
	return slices.SortedFunc(maps.Keys(tr.m.running), func(a, b id) int {
		return cmp.Or(cmp.Compare(a.lane, b.lane), cmp.Compare(a.kind, b.kind), cmp.Compare(a.key, b.key))
	})
}

func (tr *trial) apply(ctx context.Context, s step) error {
	switch {
	case s.enqueue != nil:
		var jobs []queue.Job
		for _, w := range s.enqueue {
			j := queue.Job{Lane: w.id.lane, Kind: w.id.kind, Key: w.id.key, Urgent: w.urgent}
			j.NotBefore = tr.begin.Add(time.Duration(tr.m.now+w.delay) * tick)
			jobs = append(jobs, j)
			tr.m.enqueue(w)
		}
		if err := tr.q.Enqueue(ctx, jobs...); err != nil {
			return err
		}
	case s.finish > 0:
		if ids := tr.runningIDs(); len(ids) > 0 {
			tr.finish(ids[s.finish%len(ids)])
		}
	case s.advance:
		tr.m.advance()
		<-time.After(tick)
	case s.restart:
		if err := tr.stop(); err != nil {
			return err
		}
		tr.work(ctx)
	}
	return tr.check(ctx)
}

// stop ends Work; nothing starts while its handlers return.
func (tr *trial) stop() error {
	tr.end()
	for _, n := range tr.runningIDs() {
		tr.finish(n)
	}
	synctest.Wait()
	if len(tr.started) > 0 {
		return fmt.Errorf("%v started after the ctx of Work had ended", tr.started)
	}
	return <-tr.done
}

// drain runs all that is left: nothing may be lost.
func (tr *trial) drain(ctx context.Context) error {
	for len(tr.m.waiting)+len(tr.m.running) > 0 {
		s := step{advance: true}
		if len(tr.m.running) > 0 {
			s = step{finish: 1}
		}
		if err := tr.apply(ctx, s); err != nil {
			return fmt.Errorf("draining: %w", err)
		}
	}
	return nil
}

func compareWithModel(t *testing.T, rt *rapid.T) {
	workers, perLane := rapid.IntRange(1, 4).Draw(rt, "workers"), rapid.IntRange(1, 3).Draw(rt, "per lane")
	todo := rapid.SliceOfN(steps, 40, 200).Draw(rt, "steps")
	var failure error
	synctest.Test(t, func(t *testing.T) {
		tr := &trial{
			q:     queue.NewMemory(queue.MemoryConfig{Workers: workers, PerLane: perLane}),
			begin: time.Now(),
			gates: map[id]chan struct{}{},
			m: &model{
				workers: workers, perLane: min(perLane, max(workers-1, 1)),
				waiting: map[id]modelJob{}, running: map[id]*modelJob{},
				overtaken: map[string]map[string]int{"a": {}, "b": {}, "c": {}},
			},
		}
		tr.work(t.Context())
		for i, s := range todo {
			if failure = tr.apply(t.Context(), s); failure != nil {
				failure = fmt.Errorf("step %d %+v: %w", i, s, failure)
				break
			}
		}
		if failure == nil {
			failure = tr.drain(t.Context())
		}
		tr.end()
		tr.mu.Lock()
		open := tr.gates
		tr.mu.Unlock()
		if failure == nil {
			failure = <-tr.done
			return
		}
		for _, gate := range open { // let go what a failure has left
			select {
			case <-gate:
			default:
				close(gate)
			}
		}
		<-tr.done
	})
	if failure != nil {
		rt.Fatal(failure)
	}
}

func TestMemoryAgainstModel(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) { compareWithModel(t, rt) })
}

func FuzzMemory(f *testing.F) {
	f.Fuzz(func(t *testing.T, seed []byte) {
		rapid.MakeFuzz(func(rt *rapid.T) { compareWithModel(t, rt) })(t, seed)
	})
}
