package syncer

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/tg360/tg360/queue"
	"golang.org/x/sync/errgroup"
)

// Config is what a Syncer runs on.
type Config struct {
	Store Store       // required
	Queue queue.Queue // required
	// SweepEvery is how often the store is searched for work that no job stands
	// for; 0: 10 s.
	SweepEvery time.Duration
	Logger     *slog.Logger     // nil: discards
	Now        func() time.Time // nil: time.Now
	// OnProgress is called after each page of a product cycle; nil: not. It must
	// return soon.
	OnProgress func(Progress)
}

// Progress is how far a product cycle has come.
type Progress struct {
	Connection string
	Run        Run // so far
}

// Syncer keeps connections in step. It is safe for concurrent use.
type Syncer struct {
	config Config
	store  Store
	queue  queue.Queue
	log    *slog.Logger
	now    func() time.Time

	mu    sync.RWMutex
	conns map[string]*conn
}

// conn is a connection at work.
type conn struct {
	Connection
	hashKey []byte
	lists   siteLists
	health  health
}

// New returns a Syncer without connections. It starts nothing.
func New(c Config) (*Syncer, error) {
	if c.Store == nil || c.Queue == nil {
		return nil, errors.New("syncer: Config.Store and Config.Queue must be set; NewMemoryStore and queue.NewMemory do for a trial")
	}
	orDefault(&c.SweepEvery, 10*time.Second)
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return &Syncer{config: c, store: c.Store, queue: c.Queue, log: c.Logger, now: c.Now, conns: map[string]*conn{}}, nil
}

// Add checks a connection's settings and adds it. It refuses a second one with
// the same ID, and an Origin that is not the one under which orders were
// exported before. Connections must be added before Run.
func (s *Syncer) Add(ctx context.Context, c Connection) error {
	c, err := c.prepare()
	if err != nil {
		return err
	}
	if err := s.keepOrigin(ctx, &c); err != nil {
		return err
	}
	added := &conn{Connection: c, lists: newSiteLists()}
	if err := s.loadHashKey(ctx, added); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conns[c.ID] != nil {
		return fmt.Errorf("syncer: connection %q is there already", c.ID)
	}
	s.conns[c.ID] = added
	return nil
}

// keepOrigin stores the origin of a new connection and refuses another one for
// one that has orders.
func (s *Syncer) keepOrigin(ctx context.Context, c *Connection) error {
	d := Doc{Connection: c.ID, Name: "origin"}
	have, err := s.store.Doc(ctx, c.ID, d.Name)
	switch {
	case err == nil && string(have.Data) == c.Origin:
		return nil
	case err == nil:
		counts, err := s.store.Count(ctx, Query{Connection: c.ID, Kind: KindOrder})
		if err != nil {
			return fmt.Errorf("syncer: count orders: %w", err)
		}
		if len(counts) > 0 {
			return fmt.Errorf("syncer: Connection.Origin is %q and was %q when orders were linked: exported orders would be exported again; set it back", c.Origin, have.Data)
		}
		d = have
	case !errors.Is(err, ErrNotFound):
		return fmt.Errorf("syncer: read origin: %w", err)
	}
	d.Data = []byte(c.Origin)
	if err := s.store.PutDoc(ctx, &d); err != nil {
		return fmt.Errorf("syncer: keep origin: %w", err)
	}
	return nil
}

// conn returns a connection by id.
func (s *Syncer) conn(id string) (*conn, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if c := s.conns[id]; c != nil {
		return c, nil
	}
	return nil, fmt.Errorf("syncer: no connection %q: %w", id, ErrNotFound)
}

func (s *Syncer) all() []*conn {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var out []*conn
	for _, c := range s.conns {
		out = append(out, c)
	}
	return out
}

// Run works until ctx ends: product cycles and looks at the list of orders on
// their schedules, the queue's jobs, and the sweep. It returns after everything
// that it started has ended; nil when that was because of ctx.
func (s *Syncer) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return s.Work(ctx) })
	for _, c := range s.all() {
		if c.Products != ProductsOff {
			g.Go(func() error { return s.every(ctx, c, c.Interval, "products", s.SyncProducts) })
		}
		if c.Orders != OrdersOff {
			g.Go(func() error { return s.every(ctx, c, c.OrderInterval, "orders", s.PollOrders) })
		}
		if c.Orders != OrdersOff && c.ReconcileEvery > 0 {
			g.Go(func() error {
				return s.every(ctx, c, min(c.ReconcileEvery, time.Hour), "reconciliation", s.reconcileWhenDue)
			})
		}
		if c.BackFlow.Mode != BackFlowOff {
			g.Go(func() error { return s.every(ctx, c, c.backFlowInterval(), "statuses", s.SyncStatuses) })
		}
	}
	return quiet(ctx, g.Wait())
}

// Work does the queue's jobs and the sweep, without the schedules, until ctx
// ends.
func (s *Syncer) Work(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return s.queue.Work(ctx, s.handle) })
	g.Go(func() error {
		return tick(ctx, s.config.SweepEvery, func() {
			if err := s.Sweep(ctx); err != nil && ctx.Err() == nil {
				s.log.ErrorContext(ctx, "sweep failed", "error", err)
			}
		})
	})
	return quiet(ctx, g.Wait())
}

// every runs a cycle of one connection on its schedule. A failed cycle is
// logged and kept with the runs; the next one tries again.
func (s *Syncer) every(ctx context.Context, c *conn, interval time.Duration, what string, cycle func(context.Context, string) (Run, error)) error {
	return tick(ctx, interval, func() {
		if run, err := cycle(ctx, c.ID); err != nil && ctx.Err() == nil {
			s.log.WarnContext(ctx, "cycle failed", "connection", c.ID, "kind", what, "run", run.ID, "error", err)
		}
	})
}

// tick calls f at once and then at every interval until ctx ends.
func tick(ctx context.Context, interval time.Duration, f func()) error {
	t := time.NewTicker(interval)
	defer t.Stop()
	for {
		f()
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-t.C:
		}
	}
}

// quiet turns the end of ctx into nil: stopping is no error.
func quiet(ctx context.Context, err error) error {
	if ctx.Err() != nil && (err == nil || errors.Is(err, ctx.Err())) {
		return nil
	}
	return err
}

// handle does one job. What fails is in the link, so there is nothing to return.
func (s *Syncer) handle(ctx context.Context, job queue.Job) {
	c, err := s.conn(job.Lane)
	if err != nil {
		s.log.WarnContext(ctx, "job of an unknown connection", "connection", job.Lane)
		return
	}
	switch Kind(job.Kind) {
	case KindOrder:
		err = s.workOrder(ctx, c, job.Key, false)
	case KindProduct:
		err = s.workProduct(ctx, c, job.Key)
	}
	if err != nil && ctx.Err() == nil {
		s.log.ErrorContext(ctx, "job failed", "connection", c.ID, "kind", job.Kind, "id", job.Key, "error", err)
	}
}

// sweepBatch bounds what one sweep reads of one connection and kind.
const sweepBatch = 1000

// Sweep enqueues the links that are due: new versions, retries, questions about
// writes in doubt, and claims whose lease has ended. It is what makes a lost job
// harmless.
func (s *Syncer) Sweep(ctx context.Context) error {
	var errs []error
	for _, c := range s.all() {
		if c.health.paused() {
			continue
		}
		for _, kind := range []Kind{KindOrder, KindProduct} {
			due, err := s.store.List(ctx, Query{Connection: c.ID, Kind: kind, DueBy: s.now(), Limit: sweepBatch})
			if err != nil {
				errs = append(errs, fmt.Errorf("syncer: list what is due of %s: %w", c.ID, err))
				continue
			}
			errs = append(errs, s.wake(ctx, due))
		}
	}
	return errors.Join(errs...)
}

// wake enqueues a job for each link.
func (s *Syncer) wake(ctx context.Context, links []Link) error {
	if len(links) == 0 {
		return nil
	}
	jobs := make([]queue.Job, len(links))
	for i, l := range links {
		jobs[i] = queue.Job{Lane: l.Connection, Kind: string(l.Kind), Key: l.ID}
	}
	err := s.queue.Enqueue(ctx, jobs...)
	if len(jobs) > 1 && errors.As(err, new(*queue.ArgumentError)) {
		err = nil // one name that the queue can't hold must not keep the others waiting
		for _, j := range jobs {
			err = errors.Join(err, s.queue.Enqueue(ctx, j))
		}
	}
	if err != nil {
		return fmt.Errorf("syncer: enqueue: %w", err)
	}
	return nil
}

// newOwner names one claim.
func newOwner() string { return rand.Text() }
