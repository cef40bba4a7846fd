package syncer

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

const (
	originDoc   = "origin"    // under which orders are exported
	askFirstDoc = "ask_first" // the instant before which TotalGest is asked ahead of an order's first write
	aliveDoc    = "alive"     // when somebody last worked with the store

	clockMargin = time.Hour   // by which the shop's clock may differ from ours
	newlyLive   = time.Minute // for so long after GoLive a store may be new
)

// ErrUnconfirmed means that a store knows nothing of a connection whose GoLive
// has passed: it may have been lost, and TotalGest may have orders that would be
// exported again. Nothing is exported before [Syncer.ConfirmOrigin].
var ErrUnconfirmed = errors.New("syncer: the store is new and orders may have been exported before: confirm the origin under which they were")

// AskFirst returns the document, of revision 0, that makes a connection ask
// TotalGest for each order that was created before this instant, and for an hour
// after it as clocks differ, ahead of the order's first write. It belongs into a
// store that may have forgotten writes, such as one that was restored from a
// backup: there the instant is the one at which that was complete.
func AskFirst(connection string, before time.Time) Doc {
	return Doc{Connection: connection, Name: askFirstDoc, Data: instant(before)}
}

func instant(t time.Time) []byte { return []byte(t.UTC().Format(time.RFC3339Nano)) }

// askFirst stores that TotalGest is asked for every order until now.
func (s *Syncer) askFirst(ctx context.Context, c *conn) error {
	for {
		d := AskFirst(c.ID, s.now())
		have, err := s.store.Doc(ctx, c.ID, d.Name)
		if err != nil && !errors.Is(err, ErrNotFound) {
			return err
		}
		d.Revision = have.Revision
		if err := s.store.PutDoc(ctx, &d); !errors.Is(err, ErrStale) {
			return err
		}
	}
}

// forgotten returns the deadline of a write of the order of which the store may
// know nothing; the zero time: there can't be one.
func (s *Syncer) forgotten(ctx context.Context, c *conn, l *Link) (time.Time, error) {
	if err := s.beat(ctx, c); err != nil {
		return time.Time{}, err
	}
	d, err := s.store.Doc(ctx, c.ID, askFirstDoc)
	if errors.Is(err, ErrNotFound) {
		return time.Time{}, nil
	}
	var before time.Time
	if err == nil {
		before, err = time.Parse(time.RFC3339Nano, string(d.Data))
	}
	switch {
	case err != nil:
		return time.Time{}, fmt.Errorf("must TotalGest be asked first: %w", err)
	case !l.Created.Before(before.Add(clockMargin)), !l.ClearedAt.Before(before):
		return time.Time{}, nil
	}
	return before.Add(c.WriteWithin).Truncate(time.Microsecond), nil
}

// pulse is what a process knows of a connection's life in the store.
type pulse struct {
	confirmed atomic.Bool // the origin

	mu       sync.Mutex
	revision int64 // of aliveDoc, as it was last written
	at       time.Time
}

// beatEvery is the time between two signs of life.
func (c *Connection) beatEvery() time.Duration { return min(time.Minute, c.Settle/3) }

// beat leaves a sign of life when it is time. If the last one is older than T, or
// older than our own, the store may have been put back: what was written since
// that may be forgotten.
func (s *Syncer) beat(ctx context.Context, c *conn) error {
	p := &c.pulse
	p.mu.Lock()
	defer p.mu.Unlock()
	now := s.now()
	if now.Sub(p.at) < c.beatEvery() {
		return nil
	}
	d, err := s.store.Doc(ctx, c.ID, aliveDoc)
	if fresh := errors.Is(err, ErrNotFound); fresh {
		d, err = Doc{Connection: c.ID, Name: aliveDoc, Data: instant(now)}, nil
	}
	if err != nil {
		return fmt.Errorf("read the last sign of life: %w", err)
	}
	last, _ := time.Parse(time.RFC3339Nano, string(d.Data)) // what can't be read is long ago
	if d.Revision < p.revision || now.Sub(last) > c.Settle {
		s.log.WarnContext(ctx, "the store was at rest or put back: TotalGest is asked for each order before it is exported", "connection", c.ID, "last", last)
		if err := s.askFirst(ctx, c); err != nil {
			return fmt.Errorf("ask first after a gap: %w", err)
		}
	}
	d.Data = instant(now)
	if err := s.store.PutDoc(ctx, &d); err != nil && !errors.Is(err, ErrStale) {
		return fmt.Errorf("leave a sign of life: %w", err)
	}
	p.at, p.revision = now, d.Revision
	return nil
}

// keepOrigin stores the origin of a new connection and refuses another one for
// one that has orders. A store that may have been lost waits for ConfirmOrigin.
func (s *Syncer) keepOrigin(ctx context.Context, c *conn) error {
	err := s.held(ctx, c)
	var other *originError
	switch {
	case errors.As(err, &other):
		counts, countErr := s.store.Count(ctx, Query{Connection: c.ID, Kind: KindOrder})
		if countErr != nil || len(counts) > 0 {
			return errors.Join(err, countErr)
		}
		return s.putOrigin(ctx, c, other.have)
	case !errors.Is(err, ErrUnconfirmed):
		return err
	case c.Orders == OrdersOff:
		return nil // kept when the first order may be exported
	case s.now().Sub(c.GoLive) > newlyLive:
		s.log.WarnContext(ctx, "nothing is exported before the origin is confirmed", "connection", c.ID, "origin", c.Origin)
		return nil
	}
	return s.putOrigin(ctx, c, Doc{Connection: c.ID, Name: originDoc})
}

func (s *Syncer) putOrigin(ctx context.Context, c *conn, d Doc) error {
	d.Data = []byte(c.Origin)
	if err := s.store.PutDoc(ctx, &d); err != nil && !errors.Is(err, ErrStale) {
		return fmt.Errorf("syncer: keep origin: %w", err)
	}
	return s.held(ctx, c) // another process may have been first, with the same one or not
}

// originError means that the origin in the settings is not the stored one.
type originError struct {
	origin string
	have   Doc
}

func (e *originError) Error() string {
	return fmt.Sprintf("syncer: Connection.Origin is %q and was %q when orders were linked: exported orders would be exported again; set it back", e.origin, e.have.Data)
}

// held says why nothing may be exported; nil: it may.
func (s *Syncer) held(ctx context.Context, c *conn) error {
	if c.pulse.confirmed.Load() {
		return nil
	}
	d, err := s.store.Doc(ctx, c.ID, originDoc)
	switch {
	case errors.Is(err, ErrNotFound):
		return fmt.Errorf("connection %s: %w", c.ID, ErrUnconfirmed)
	case err != nil:
		return fmt.Errorf("syncer: read origin: %w", err)
	case string(d.Data) != c.Origin:
		return &originError{c.Origin, d}
	}
	c.pulse.confirmed.Store(true)
	return nil
}

// ConfirmOrigin says that the orders of a connection were, and will be, exported
// under this origin, which must be that of its settings. A connection whose store
// is new although its GoLive has passed exports nothing before that: its orders
// are seen and wait, and [Syncer.Paused] and [Syncer.Export] say so with
// [ErrUnconfirmed]. From then on TotalGest is asked for each order that is not
// younger, ahead of its first write. Confirming again is harmless.
func (s *Syncer) ConfirmOrigin(ctx context.Context, connection, origin string) error {
	c, err := s.conn(connection)
	if err != nil {
		return err
	}
	if origin != c.Origin {
		return fmt.Errorf("syncer: the origin of connection %s is %q in its settings: confirm that one, or correct the settings", c.ID, c.Origin)
	}
	if err := s.held(ctx, c); !errors.Is(err, ErrUnconfirmed) {
		return err
	}
	if err := s.askFirst(ctx, c); err != nil {
		return fmt.Errorf("syncer: confirm origin: %w", err)
	}
	return s.putOrigin(ctx, c, Doc{Connection: c.ID, Name: originDoc})
}
