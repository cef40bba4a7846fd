package queue

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"time"
)

// The defaults of [MemoryConfig].
const (
	defaultWorkers = 8
	defaultPerLane = 2
)

// MemoryConfig sets up a [Memory]. The zero value is ready to use; a figure
// below 1 means the default.
type MemoryConfig struct {
	// Workers bounds the handlers that run at once, over all lanes and all calls
	// of Work. Default 8.
	Workers int
	// PerLane bounds those of one lane. Default 2. It is lowered to Workers-1,
	// so that no lane can take all, unless Workers is 1.
	//
	// Workers/PerLane lanes that hang at the same time stop the rest, so give
	// handlers a deadline.
	PerLane int
	// Logger is told of handlers that panicked: lane, kind and key of the job,
	// the type of the panic's value and where it happened. Nil discards.
	Logger *slog.Logger
}

// Memory is a [Queue] in memory, for one process. It is exact:
//
//   - An Enqueue for a key that is being run makes it run once more afterwards,
//     however many there were.
//   - Without a crash each accepted job is delivered exactly once.
//   - Jobs of a lane that may start and are equally urgent start in the order in
//     which they became so; lanes take turns job by job.
//   - Counts tells the truth of the moment. A key that is being run and has been
//     enqueued again counts in both.
//
// Its jobs die with it: what must survive is in the store. Memory grows with
// the number of keys that wait. The zero Memory is not usable; see [NewMemory].
type Memory struct {
	workers, perLane int
	log              *slog.Logger

	mu       sync.Mutex
	wake     sync.Cond // something may start, or a Work may have to end
	lanes    map[string]*lane
	turn     []*lane // lanes with a job that may start now, next one first
	schedule entries
	timer    *time.Timer // rings when the head of schedule is due
	running  int
	seq      uint64
	closed   bool
}

var _ Queue = (*Memory)(nil)

// lane holds the jobs of one connection. It exists while there are some.
type lane struct {
	name      string
	keys      map[key]*entry
	ready     entries
	running   map[*entry]struct{}
	scheduled int
	inTurn    bool // in Memory.turn: something is ready and a place is free
}

// key names a job within its lane.
type key struct{ kind, key string }

// NewMemory returns an empty queue.
func NewMemory(c MemoryConfig) *Memory {
	m := &Memory{
		workers:  c.Workers,
		perLane:  c.PerLane,
		log:      cmp.Or(c.Logger, slog.New(slog.DiscardHandler)),
		lanes:    map[string]*lane{},
		schedule: entries{less: byTime},
	}
	m.wake.L = &m.mu
	m.timer = time.AfterFunc(time.Hour, m.ring)
	m.timer.Stop() // until something is scheduled
	if m.workers < 1 {
		m.workers = defaultWorkers
	}
	if m.perLane < 1 {
		m.perLane = defaultPerLane
	}
	m.perLane = min(m.perLane, max(m.workers-1, 1))
	return m
}

// Enqueue implements [Queue]. When it returns an error, no job was accepted.
func (m *Memory) Enqueue(ctx context.Context, jobs ...Job) error {
	for i, j := range jobs {
		if err := j.Validate(); err != nil {
			return fmt.Errorf("job %d of %d: %w", i+1, len(jobs), err)
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.usable(ctx); err != nil {
		return err
	}
	now := time.Now()
	m.promote(now)
	for _, j := range jobs {
		m.add(j, now)
	}
	return nil
}

// Counts implements [Queue].
func (m *Memory) Counts(ctx context.Context) (map[string]Counts, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.usable(ctx); err != nil {
		return nil, err
	}
	now := time.Now()
	m.promote(now)
	all := make(map[string]Counts, len(m.lanes))
	for name, l := range m.lanes {
		c := Counts{Waiting: l.ready.Len(), Scheduled: l.scheduled, Running: len(l.running)}
		for e := range l.running {
			switch {
			case e.again == nil:
			case e.again.NotBefore.After(now):
				c.Scheduled++
			default:
				c.Waiting++
			}
		}
		all[name] = c
	}
	return all, nil
}

// Close implements [Queue].
func (m *Memory) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return nil
	}
	m.closed = true
	m.timer.Stop()
	m.lanes, m.turn, m.schedule.list = nil, nil, nil
	m.wake.Broadcast()
	return nil
}

// Work implements [Queue]. The ctx of a handler that Close cuts short has
// [ErrClosed] as its cause.
func (m *Memory) Work(ctx context.Context, h Handler) error {
	if h == nil {
		return &ArgumentError{Field: "Handler", Reason: "must not be nil"}
	}
	stop := context.AfterFunc(ctx, func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.wake.Broadcast()
	})
	defer stop()
	handlers, cancel := context.WithCancelCause(ctx)
	var wg sync.WaitGroup
	for {
		e, err := m.next(ctx)
		if e == nil {
			cancel(err)
			wg.Wait()
			return err
		}
		wg.Go(func() { m.run(handlers, h, e) })
	}
}

// next waits for a job that may start. It returns nil when Work has to end,
// with the error that Work returns.
func (m *Memory) next(ctx context.Context) (*entry, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for {
		switch {
		case ctx.Err() != nil:
			m.wake.Signal() // this goroutine may have taken a wake-up that another needs
			return nil, nil
		case m.closed:
			return nil, ErrClosed
		case m.running < m.workers && len(m.turn) > 0:
			return m.take(), nil
		}
		m.wake.Wait()
	}
}

// run calls the handler. The deferred calls also serve a handler that ends its
// goroutine.
func (m *Memory) run(ctx context.Context, h Handler, e *entry) {
	defer m.finish(e)
	defer m.recovered(ctx, e.job)
	h(ctx, e.job)
}

// recovered logs a panic. The value is shown only where the runtime made it:
// any other may hold what must not be in a log.
func (m *Memory) recovered(ctx context.Context, j Job) {
	v := recover()
	if v == nil {
		return
	}
	what := fmt.Sprintf("%T", v)
	if err, ok := v.(runtime.Error); ok {
		what = err.Error()
	}
	m.log.ErrorContext(ctx, "queue: handler panicked",
		"lane", j.Lane, "kind", j.Kind, "key", j.Key, "panic", what, "at", panicSite())
}

// panicSite lists the functions that led to the panic being recovered,
// innermost first.
func panicSite() []string {
	pcs := make([]uintptr, 32)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(3, pcs)])
	var site []string
	for more := true; more; {
		var f runtime.Frame
		if f, more = frames.Next(); f.Function != "" && !strings.HasPrefix(f.Function, "runtime.") {
			site = append(site, fmt.Sprintf("%s:%d", f.Function, f.Line))
		}
	}
	return site
}

// What follows is called with the lock held.

func (m *Memory) usable(ctx context.Context) error {
	if m.closed {
		return ErrClosed
	}
	return ctx.Err()
}

// add enters a job or joins it to the one of its key.
func (m *Memory) add(j Job, now time.Time) {
	l := m.lanes[j.Lane]
	if l == nil {
		l = &lane{
			name: j.Lane, keys: map[key]*entry{}, running: map[*entry]struct{}{},
			ready: entries{less: byUrgency},
		}
		m.lanes[j.Lane] = l
	}
	k := key{j.Kind, j.Key}
	e := l.keys[k]
	if e == nil {
		e = &entry{job: j, lane: l}
		l.keys[k] = e
		m.place(e, now)
		return
	}
	switch e.state {
	case running:
		if e.again != nil {
			j = join(*e.again, j)
		}
		e.again = &j
	case scheduled:
		earlier := j.NotBefore.Before(e.job.NotBefore)
		if earlier {
			m.schedule.remove(e)
			l.scheduled--
		}
		e.job = join(e.job, j)
		if earlier {
			m.place(e, now)
		}
	case ready:
		if j.Urgent && !e.job.Urgent {
			l.ready.remove(e)
			e.job = join(e.job, j)
			m.place(e, now)
		}
	}
}

// join makes one job of two: the earlier time, urgent if either is.
func join(a, b Job) Job {
	if b.NotBefore.Before(a.NotBefore) {
		a.NotBefore = b.NotBefore
	}
	a.Urgent = a.Urgent || b.Urgent
	return a
}

// place puts an entry that is in no heap where it belongs.
func (m *Memory) place(e *entry, now time.Time) {
	m.seq++
	e.seq = m.seq
	if e.job.NotBefore.After(now) {
		e.state = scheduled
		e.lane.scheduled++
		m.schedule.push(e)
		if e.index == 0 {
			m.setTimer(now)
		}
		return
	}
	e.state = ready
	e.lane.ready.push(e)
	m.offer(e.lane)
}

// offer gives a lane its turn if it can use one.
func (m *Memory) offer(l *lane) {
	if l.inTurn || l.ready.Len() == 0 || len(l.running) >= m.perLane {
		return
	}
	l.inTurn = true
	m.turn = append(m.turn, l)
	m.wake.Signal()
}

// take starts the next job: there is one.
func (m *Memory) take() *entry {
	l := m.turn[0]
	m.turn[0] = nil
	m.turn = m.turn[1:]
	l.inTurn = false
	e := l.ready.pop()
	e.state = running
	l.running[e] = struct{}{}
	m.running++
	m.offer(l)
	return e
}

// finish takes the lock itself and ends a job.
func (m *Memory) finish(e *entry) {
	m.mu.Lock()
	defer m.mu.Unlock()
	l := e.lane
	m.running--
	delete(l.running, e)
	m.wake.Signal()
	if m.closed {
		return
	}
	if e.again != nil {
		e.job, e.again = *e.again, nil
		m.place(e, time.Now())
	} else {
		delete(l.keys, key{e.job.Kind, e.job.Key})
	}
	if len(l.keys) == 0 {
		delete(m.lanes, l.name)
	}
	m.offer(l)
}

// promote makes ready what has become due.
func (m *Memory) promote(now time.Time) {
	for m.schedule.Len() > 0 && !m.schedule.list[0].job.NotBefore.After(now) {
		e := m.schedule.pop()
		e.lane.scheduled--
		m.place(e, now)
	}
}

// ring is called by the timer and takes the lock itself. The timer may ring for
// a job that has been pulled forward meanwhile; then it is only set anew.
func (m *Memory) ring() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return
	}
	now := time.Now()
	m.promote(now)
	if m.schedule.Len() > 0 {
		m.setTimer(now)
	}
}

func (m *Memory) setTimer(now time.Time) { m.timer.Reset(m.schedule.list[0].job.NotBefore.Sub(now)) }
