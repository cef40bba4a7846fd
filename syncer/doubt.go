package syncer

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tg360/tg360/totalgest"
)

// resolve settles a write that may have happened: by asking TotalGest for the
// external id, never by sending it again blindly.
func (s *Syncer) resolve(ctx context.Context, c *conn, l *Link) error {
	l.State, l.Reason = InDoubt, ""
	if wait := l.SentBy.Sub(s.now()); wait > 0 { // the write itself may still be running
		return s.release(ctx, c, l, l.Done, s.now().Add(wait))
	}
	switch {
	case c.TotalGest.Can(totalgest.AbilityDedupe):
		// Sending the same external id again is the question.
		return s.export(ctx, c, l, true)
	case !c.TotalGest.Can(totalgest.AbilitySearch):
		return s.person(ctx, c, l, "TotalGest can neither be asked for an order nor tell a repeated one: look there for "+c.externalID(l.ID)+" and decide")
	}
	refs, err := c.TotalGest.FindOrders(ctx, c.externalID(l.ID))
	if err != nil {
		return s.stillInDoubt(ctx, c, l, "TotalGest could not be asked: "+err.Error(), err)
	}
	for _, r := range refs {
		if r.ExternalID != c.externalID(l.ID) {
			return s.person(ctx, c, l, "TotalGest answers the search with orders of other external ids: its answer proves nothing, look there and decide")
		}
	}
	switch {
	case len(refs) == 1:
		return s.confirmed(ctx, c, l, l.Done, refs[0]) // what was sent is then compared with what the shop has now
	case len(refs) > 1:
		return s.block(ctx, c, l, l.Version, ItemError{Reason: ReasonReview, Code: codeOrderSeveral,
			Message: fmt.Sprintf("TotalGest has %d orders with the external id %s", len(refs), c.externalID(l.ID))})
	case s.now().Before(l.SentBy.Add(c.Settle)):
		return s.stillInDoubt(ctx, c, l, "TotalGest does not have it yet", nil)
	}
	proven, err := s.proven(ctx, c)
	switch {
	case err != nil:
		return s.stillInDoubt(ctx, c, l, "the store could not be read", err)
	case !proven:
		return s.person(ctx, c, l, "TotalGest finds no such order, and its search has not been seen to find any: look there for "+c.externalID(l.ID)+" and decide")
	}
	// It is not there, and can't come any more: a new attempt.
	l.State, l.Code, l.Message, l.SentBy = Queued, "", "", time.Time{}
	if l.Attempts++; l.Attempts >= c.MaxAttempts {
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

// person leaves the decision to a human.
func (s *Syncer) person(ctx context.Context, c *conn, l *Link, message string) error {
	return s.block(ctx, c, l, l.Version, ItemError{Reason: ReasonReview, Code: codeOrderUnprovable, Message: message})
}

// askAfter spreads the questions about one write over the time in which it may
// still take effect, growing.
func (c *Connection) askAfter(asked int) time.Duration {
	return min(c.Settle/30*time.Duration(1+asked*asked), c.Settle/3)
}

// proofDoc holds whether the search has found an order that was known to exist.
const proofDoc = "search-proof"

// prove searches once on each connection for an order that TotalGest has just
// confirmed: only a search that can find may later say that there is nothing.
func (s *Syncer) prove(ctx context.Context, c *conn, orderID, peerID string) {
	if !c.TotalGest.Can(totalgest.AbilitySearch) || c.health.searched() {
		return
	}
	if ok, err := s.proven(ctx, c); ok || err != nil {
		return
	}
	refs, err := c.TotalGest.FindOrders(ctx, c.externalID(orderID))
	if err != nil || len(refs) != 1 || refs[0].ID != peerID || refs[0].ExternalID != c.externalID(orderID) {
		return // the next order tries again; until then a doubt goes to a person
	}
	if err := s.store.PutDoc(ctx, &Doc{Connection: c.ID, Name: proofDoc, Data: []byte(orderID)}); err == nil || errors.Is(err, ErrStale) {
		c.health.setSearched()
	}
}

func (s *Syncer) proven(ctx context.Context, c *conn) (bool, error) {
	if c.health.searched() {
		return true, nil
	}
	_, err := s.store.Doc(ctx, c.ID, proofDoc)
	switch {
	case errors.Is(err, ErrNotFound):
		return false, nil
	case err == nil:
		c.health.setSearched()
	}
	return err == nil, err
}

// Decide settles an order that only a person can settle: one that is in doubt,
// or blocked for review. With peerID the order arrived in TotalGest under that
// id; without, it did not, and is sent again. The error is [ErrNotFound] when
// there is no such order, and another one when it is in a state that needs no
// decision.
func (s *Syncer) Decide(ctx context.Context, connection, orderID, peerID string) error {
	c, err := s.conn(connection)
	if err != nil {
		return err
	}
	l, err := s.link(ctx, c, KindOrder, orderID)
	if err != nil {
		return fmt.Errorf("syncer: order %s: %w", orderID, err)
	}
	if !l.unresolved() && (l.State != Blocked || l.Reason != ReasonReview) {
		return fmt.Errorf("syncer: order %s is %s: there is nothing to decide", orderID, l.State)
	}
	if l.Claimed("", s.now()) {
		return fmt.Errorf("syncer: order %s is being worked on: try again in a moment", orderID)
	}
	l.Code, l.Message, l.Reason, l.Owner, l.SentBy = "", "", "", "", time.Time{}
	if peerID != "" {
		l.State, l.PeerID, l.SyncedAt, l.DueAt = Synced, peerID, s.now(), time.Time{}
		l.Done = l.Version
	} else {
		l.State, l.DueAt, l.Attempts = Queued, s.now(), 0
	}
	if err := s.store.Put(ctx, l); err != nil {
		return fmt.Errorf("syncer: decide on order %s: %w", orderID, err)
	}
	if peerID == "" {
		return s.wake(ctx, []Link{*l})
	}
	return nil
}
