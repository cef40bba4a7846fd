package syncer

import (
	"context"
	"errors"
	"fmt"
	"time"
)

var (
	errBusy = errors.New("somebody else works on it")
	errIdle = errors.New("nothing is due")
	errLost = errors.New("the claim was lost")
)

// claim takes a link for one worker. Of two that try, one gets errBusy. A
// background worker also gets errIdle when nothing is due any more.
func (s *Syncer) claim(ctx context.Context, c *conn, kind Kind, id string, force bool) (*Link, error) {
	l, err := s.link(ctx, c, kind, id)
	if err != nil {
		return nil, err
	}
	now := s.now()
	switch {
	case l.Claimed("", now):
		return nil, errBusy
	case !force && (l.DueAt.IsZero() || l.DueAt.After(now)):
		return nil, errIdle
	}
	if l.State == Sending {
		// Somebody died, or froze, with a write under way. It is never sent
		// again from here: only asking can tell.
		l.State = InDoubt
	}
	if err := s.take(ctx, c, l); err != nil {
		return nil, err
	}
	return l, nil
}

// take claims a link as it was read, unless somebody changed it since.
func (s *Syncer) take(ctx context.Context, c *conn, l *Link) error {
	l.Owner = newOwner()
	s.extend(c, l)
	err := s.store.Put(ctx, l)
	switch {
	case errors.Is(err, ErrStale):
		return errBusy
	case err != nil:
		return fmt.Errorf("claim: %w", err)
	}
	return nil
}

// extend moves the end of a claim's lease; until then no sweep finds the link.
func (s *Syncer) extend(c *conn, l *Link) {
	l.LeaseEnds = s.now().Add(c.Lease)
	l.DueAt = l.LeaseEnds
}

func (s *Syncer) link(ctx context.Context, c *conn, kind Kind, id string) (*Link, error) {
	links, err := s.store.Get(ctx, c.ID, kind, id)
	if err != nil {
		return nil, fmt.Errorf("read link: %w", err)
	}
	if len(links) == 0 {
		return nil, ErrNotFound
	}
	return &links[0], nil
}

// save stores a link that owner has claimed. An event may have raised its version
// meanwhile; that is taken over. Anything else that changed it means that the
// claim is lost.
func (s *Syncer) save(ctx context.Context, c *conn, l *Link, owner string, adjust func()) error {
	for {
		adjust()
		err := s.store.Put(ctx, l)
		if !errors.Is(err, ErrStale) {
			return err
		}
		have, err := s.link(ctx, c, l.Kind, l.ID)
		if err != nil {
			return err
		}
		if have.Owner != owner {
			return errLost
		}
		l.Revision, l.Version = have.Revision, have.Version
		if l.Kind == KindOrder && have.PeerID != "" { // what came back from TotalGest meanwhile stays
			l.Sent, l.Warnings = have.Sent, have.Warnings
		}
	}
}

// release ends a claim after a piece of work on the given version of the item.
// due is when it goes on; the zero time: not by itself. A version that was
// raised meanwhile is due at once.
func (s *Syncer) release(ctx context.Context, c *conn, l *Link, version int64, due time.Time) error {
	ctx = context.WithoutCancel(ctx) // what happened is recorded also while we stop
	owner := l.Owner
	l.Owner, l.LeaseEnds, l.Done = "", time.Time{}, version
	err := s.save(ctx, c, l, owner, func() {
		l.DueAt = due
		if l.Version > version && !l.unresolved() {
			l.DueAt = s.now()
		}
	})
	if err != nil {
		return fmt.Errorf("release: %w", err)
	}
	if l.DueAt.IsZero() || l.DueAt.After(s.now()) {
		return nil
	}
	return s.wakeDue(ctx, []*Link{l})
}
