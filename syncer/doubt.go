package syncer

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tg360/tg360/totalgest"
)

// resolve settles a write that may have happened: by asking TotalGest for the
// order, never by sending it again blindly.
func (s *Syncer) resolve(ctx context.Context, c *conn, l *Link) error {
	until, err := s.forgotten(ctx, c, l)
	if err != nil {
		return err // the lease brings it back
	}
	l.State, l.Reason = InDoubt, ""
	since := c.sentAfter(l.SentBy)
	if !until.IsZero() {
		since = time.Time{}
		if !l.Created.IsZero() {
			since = l.Created.Add(-clockMargin)
		}
	}
	if until.After(l.SentBy) {
		l.SentBy, l.Asked, l.Code, l.Message = until, 0, codeOrderInDoubt, "the store may have forgotten that it was sent: TotalGest is asked first"
	}
	if wait := l.SentBy.Sub(s.now()); wait > 0 { // the write itself may still be running
		return s.release(ctx, c, l, l.Done, s.now().Add(wait))
	}
	switch {
	case c.TotalGest.Can(totalgest.AbilityDedupe):
		// Sending the same external id again is the question.
		return s.export(ctx, c, l, true)
	case !c.TotalGest.Can(totalgest.AbilitySearch) && !c.scans():
		return s.person(ctx, c, l, "TotalGest can neither be asked for an order nor tell a repeated one: look there for "+c.externalID(l.ID)+" and decide")
	}
	asked := s.now() // what arrives meanwhile is not in the answer
	final := !asked.Before(l.SentBy.Add(c.Settle))
	refs, err := s.ask(ctx, c, l, since, final)
	switch {
	case errors.Is(err, errLost):
		return err // whoever has the claim now asks
	case errors.Is(err, errUnreadable) && final:
		return s.person(ctx, c, l, "TotalGest's list does not show the order, and some of it can't be read: look there for "+c.externalID(l.ID)+" and decide")
	case err != nil:
		return s.stillInDoubt(ctx, c, l, "TotalGest could not be asked: "+err.Error(), err)
	}
	for _, r := range refs {
		if r.ID == "" {
			return s.person(ctx, c, l, "TotalGest shows the order without an id: look there for "+c.externalID(l.ID)+" and decide")
		}
		if r.ExternalID != c.externalID(l.ID) && !c.scans() {
			return s.person(ctx, c, l, "TotalGest answers the search with orders of other external ids: its answer proves nothing, look there and decide")
		}
	}
	switch {
	case len(refs) == 1:
		return s.confirmed(ctx, c, l, l.Done, refs[0]) // what was sent is then compared with what the shop has now
	case len(refs) > 1:
		return s.block(ctx, c, l, l.Done, ItemError{Reason: ReasonReview, Code: codeOrderSeveral,
			Message: fmt.Sprintf("TotalGest has %d orders with the external id %s", len(refs), c.externalID(l.ID))})
	case !final:
		return s.stillInDoubt(ctx, c, l, "TotalGest does not have it yet", nil)
	}
	proven, err := s.proven(ctx, c)
	switch {
	case err != nil:
		return s.stillInDoubt(ctx, c, l, "the store could not be read", err)
	case !proven:
		return s.person(ctx, c, l, "TotalGest shows no such order, and has not been seen to show any that was sent: look there for "+c.externalID(l.ID)+" and decide")
	case c.scans() && !l.Marked:
		return s.person(ctx, c, l, "TotalGest's list shows no such order, and it was sent without the mark by which it could be told: look there for "+c.externalID(l.ID)+" and decide")
	}
	// It is not there, and can't come any more: a new attempt.
	l.State, l.Code, l.Message, l.SentBy, l.ClearedAt = Queued, "", "", time.Time{}, asked
	if until.IsZero() { // else we have not sent it, as far as we know
		l.Attempts++
	}
	if l.Attempts >= c.MaxAttempts {
		return s.block(ctx, c, l, l.Version, ItemError{Reason: ReasonGaveUp, Code: codeOrderGaveUp,
			Message: fmt.Sprintf("%d attempts were sent and never arrived", l.Attempts)})
	}
	return s.release(ctx, c, l, l.Done, s.now())
}

// stillInDoubt asks again later.
func (s *Syncer) stillInDoubt(ctx context.Context, c *conn, l *Link, message string, err error) error {
	if err != nil && classify(err) == connectionWide {
		c.health.pause(err)
	}
	l.Asked++
	l.Code, l.Message = codeOrderInDoubt, message
	wait := max(c.askAfter(l.Asked), retryAfter(err))
	return s.release(ctx, c, l, l.Done, s.now().Add(wait))
}

// person leaves the decision to a human, but not before what they are to look
// for is there or will never be.
func (s *Syncer) person(ctx context.Context, c *conn, l *Link, message string) error {
	if from := l.SentBy.Add(c.Settle); s.now().Before(from) {
		l.Code, l.Message = codeOrderInDoubt, message+", not before "+from.UTC().Format(time.RFC3339)
		return s.release(ctx, c, l, l.Done, from)
	}
	return s.block(ctx, c, l, l.Done, ItemError{Reason: ReasonReview, Code: codeOrderUnprovable, Message: message})
}

// askAfter spreads the questions about one write over the time in which it may
// still take effect, growing.
func (c *Connection) askAfter(asked int) time.Duration {
	return min(c.Settle/30*time.Duration(1+asked*asked), c.Settle/3)
}

// proofDoc names what holds whether the search, or a scan, has found an order
// that was known to exist.
func (c *conn) proofDoc() string {
	if c.scans() {
		return "scan-proof"
	}
	return "search-proof"
}

// prove looks once on each connection for an order that TotalGest has confirmed,
// sent by a deadline: only a search, or a scan, that can find may later say that
// there is nothing.
func (s *Syncer) prove(ctx context.Context, c *conn, orderID, peerID string, sentBy time.Time) {
	if !c.TotalGest.Can(totalgest.AbilitySearch) && !c.scans() || c.health.searched() {
		return
	}
	if ok, err := s.proven(ctx, c); ok || err != nil {
		return
	}
	var refs []totalgest.OrderRef
	var err error
	switch {
	case !c.scans():
		// What can't be there must not be found: a search that ignores what it
		// is asked for would find the one order that there is.
		if refs, err = c.TotalGest.FindOrders(ctx, c.externalID(newOwner())); err != nil || len(refs) > 0 {
			return
		}
		refs, err = c.TotalGest.FindOrders(ctx, c.externalID(orderID))
	case c.health.mayProve(s.now()):
		refs, err = s.scan(ctx, c, orderID, c.sentAfter(sentBy), true, func() error { return nil })
	}
	if err != nil || len(refs) != 1 || refs[0].ID != peerID || refs[0].ExternalID != c.externalID(orderID) && !c.scans() {
		return // a later order tries again; until then a doubt goes to a person
	}
	if err := s.store.PutDoc(ctx, &Doc{Connection: c.ID, Name: c.proofDoc(), Data: []byte(orderID)}); err == nil || errors.Is(err, ErrStale) {
		c.health.setSearched()
		s.askAgain(ctx, c)
	}
}

// askAgain asks once more for orders that were left to a person, as far as their
// links can be had: now a negative answer counts.
func (s *Syncer) askAgain(ctx context.Context, c *conn) {
	links, _ := s.store.List(ctx, Query{Connection: c.ID, Kind: KindOrder, States: []State{Blocked}, Codes: []string{codeOrderUnprovable}, Limit: sweepBatch})
	var due []*Link
	for i := range links {
		if l := &links[i]; l.unresolved() && !l.Claimed("", s.now()) {
			l.DueAt = s.now()
			due = append(due, l)
		}
	}
	_, _ = s.putSome(ctx, due) // a person can still decide
}

func (s *Syncer) proven(ctx context.Context, c *conn) (bool, error) {
	if c.health.searched() {
		return true, nil
	}
	_, err := s.store.Doc(ctx, c.ID, c.proofDoc())
	switch {
	case errors.Is(err, ErrNotFound):
		return false, nil
	case err == nil:
		c.health.setSearched()
	}
	return err == nil, err
}

// Decide settles an order that only a person can settle: one that is in doubt,
// or blocked for review. Seen is its link as that person saw it before looking
// into TotalGest. With peerID the order arrived there under that id; without, it
// did not, and is sent again. The error is [ErrNotFound] when there is no such
// order, [ErrStale] when it was sent again since it was seen, and another one when
// it needs no decision, or may still arrive.
func (s *Syncer) Decide(ctx context.Context, seen Link, peerID string) error {
	c, err := s.conn(seen.Connection)
	if err != nil {
		return err
	}
	for {
		l, err := s.link(ctx, c, KindOrder, seen.ID)
		if err == nil {
			err = s.decidable(ctx, c, l, &seen, peerID != "")
		}
		if err != nil {
			return fmt.Errorf("syncer: order %s: %w", seen.ID, err)
		}
		l.Code, l.Message, l.Reason, l.Owner, l.SentBy = "", "", "", "", time.Time{}
		if peerID == "" {
			l.State, l.DueAt, l.Attempts, l.ClearedAt = Queued, s.now(), 0, s.now()
		} else {
			l.State, l.PeerID, l.SyncedAt, l.DueAt = Synced, peerID, s.now(), time.Time{}
			if l.Version > l.Done { // what was sent is compared with what the shop has now
				l.DueAt = s.now()
			}
		}
		switch err := s.store.Put(ctx, l); {
		case err == nil:
			return s.wakeDue(ctx, []*Link{l})
		case !errors.Is(err, ErrStale):
			return fmt.Errorf("syncer: decide on order %s: %w", seen.ID, err)
		}
	}
}

// decidable says why a person's decision can't be taken.
func (s *Syncer) decidable(ctx context.Context, c *conn, l, seen *Link, arrived bool) error {
	until, err := s.forgotten(ctx, c, l)
	from := l.SentBy.Add(c.Settle)
	switch {
	case err != nil:
		return err
	case !l.unresolved() && (l.State != Blocked || l.Reason != ReasonReview):
		return fmt.Errorf("it is %s: there is nothing to decide", l.State)
	case !l.SentBy.Equal(seen.SentBy):
		return fmt.Errorf("it was sent again since: look once more: %w", ErrStale)
	case l.Claimed("", s.now()):
		return errBusy
	case !arrived && until.After(l.SentBy):
		l.SentBy = until // what that person saw is older than what the store may have forgotten
		return fmt.Errorf("it may have been sent since: look once more: %w", errors.Join(ErrStale, s.store.Put(ctx, l)))
	case !arrived && s.now().Before(from):
		return fmt.Errorf("it may still arrive in TotalGest: look there again after %s", from.UTC().Format(time.RFC3339))
	}
	return nil
}
