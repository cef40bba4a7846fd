package syncer

import (
	"context"
	"fmt"
)

// Status returns the links of products or orders, in the order of the ids. An
// item that no link is known of is [NotLinked], which is not an error.
func (s *Syncer) Status(ctx context.Context, connection string, kind Kind, ids ...string) ([]Link, error) {
	c, err := s.conn(connection)
	if err != nil {
		return nil, err
	}
	have, err := s.linksByID(ctx, c, kind, ids)
	if err != nil {
		return nil, fmt.Errorf("syncer: status: %w", err)
	}
	out := make([]Link, len(ids))
	for i, id := range ids {
		l, ok := have[id]
		if !ok {
			l = Link{Key: Key{c.ID, kind, id}, State: NotLinked}
		}
		out[i] = l
	}
	return out, nil
}

// List returns the links that match; Query.Connection and Kind are required.
func (s *Syncer) List(ctx context.Context, q Query) ([]Link, error) {
	if _, err := s.conn(q.Connection); err != nil {
		return nil, err
	}
	return s.store.List(ctx, q)
}

// Counts returns how many products or orders of a connection are in each state;
// states without any are left out.
func (s *Syncer) Counts(ctx context.Context, connection string, kind Kind) (map[State]int, error) {
	if _, err := s.conn(connection); err != nil {
		return nil, err
	}
	return s.store.Count(ctx, Query{Connection: connection, Kind: kind})
}

// Paused returns why the background work of a connection stands still; nil: it
// does not. Every cycle checks again, as [Syncer.Verify] does, and goes on when all is
// well. With [ErrUnconfirmed] only the orders wait, for [Syncer.ConfirmOrigin].
func (s *Syncer) Paused(connection string) error {
	c, err := s.conn(connection)
	if err != nil {
		return err
	}
	if err := c.health.why(); err != nil || c.Orders == OrdersOff || c.pulse.confirmed.Load() {
		return err
	}
	return fmt.Errorf("connection %s: %w", c.ID, ErrUnconfirmed)
}
