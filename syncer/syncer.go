package syncer

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/tg360/tg360/queue"
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
	// StopWithin is how long writes that are under way may go on when the context
	// of Run, Work or Export ends; 0: 8 s. Then they are cut short, and their
	// orders are in doubt.
	StopWithin time.Duration
	// OnProgress, OnLink and OnRun are called after each page of a product cycle,
	// after each change of a link that the Syncer made and the store accepted, and
	// after each finished run; nil: not. The goroutine that did it calls them, so
	// they must return soon and be safe for concurrent use.
	OnProgress func(Progress)
	OnLink     func(Link)
	OnRun      func(connection string, r Run)
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
	pulse   pulse
}

// New returns a Syncer without connections. It starts nothing.
func New(c Config) (*Syncer, error) {
	if c.Store == nil || c.Queue == nil {
		return nil, errors.New("syncer: Config.Store and Config.Queue must be set; NewMemoryStore and queue.NewMemory do for a trial")
	}
	orDefault(&c.SweepEvery, 10*time.Second)
	orDefault(&c.StopWithin, 8*time.Second)
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return &Syncer{config: c, store: cleaned{c.Store, c.OnLink}, queue: c.Queue, log: c.Logger, now: c.Now, conns: map[string]*conn{}}, nil
}

// Add checks a connection's settings and adds it. It refuses a second one with
// the same ID, and an Origin that is not the one under which orders were
// exported before. Where the store does not know the connection and GoLive has
// passed, nothing is exported before [Syncer.ConfirmOrigin]. Connections must be
// added before Run.
func (s *Syncer) Add(ctx context.Context, c Connection) error {
	c, err := c.prepare()
	if err != nil {
		return err
	}
	added := &conn{Connection: c, lists: newSiteLists()}
	if err := s.keepOrigin(ctx, added); err != nil {
		return err
	}
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
	for _, id := range slices.Sorted(maps.Keys(s.conns)) {
		out = append(out, s.conns[id])
	}
	return out
}

// newOwner names one claim.
func newOwner() string { return rand.Text() }
