package syncer

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/tg360/tg360/totalgest"
)

// What the face of an order says beside its fields.
const (
	faceCancelled = "cancelled"
	faceGone      = "gone"       // the shop no longer has it, or no longer shows it whole
	faceUnmapped  = "unmappable" // it could not be exported as it is now
)

// face fingerprints an order as the shop has it now: field by field, and whether
// it is cancelled, gone, or no longer fit to be exported. Two faces differ where
// a person should look.
func (c *conn) face(o *totalgest.Order, v verdict, err error) string {
	var item *ItemError
	switch {
	case errors.As(err, &item):
		return c.part(faceUnmapped, item.Error())
	case err != nil:
		return c.part(faceGone, true)
	}
	parts := c.orderParts(o)
	if v.code == codeOrderCancelled {
		parts += c.part(faceCancelled, true)
	}
	return parts
}

// compareExported compares an exported order with what the shop has now. A
// difference is a conflict, which names the fields; it is never sent again by
// itself.
func (s *Syncer) compareExported(ctx context.Context, c *conn, l *Link, version int64, face string) error {
	l.State, l.Reason, l.Code, l.Message, l.Problems, l.Attempts = Synced, "", "", "", nil, 0
	switch {
	case l.Parts == "": // exported before faces were kept, or settled by a person
		l.Parts = face
	case l.Parts != face:
		l.State, l.Code, l.Message = Conflict, codeOrderChanged, "the order changed in the shop after it was exported"
		l.Problems = changedParts(l.Parts, face)
		for _, p := range l.Problems {
			if p.Field == faceCancelled && p.Message == "added" {
				l.Code, l.Message = codeOrderCancelled, "the order was cancelled or refunded in the shop after it was exported"
			}
		}
	}
	return s.release(ctx, c, l, version, time.Time{})
}

// Resolve settles a conflict: the order changed in the shop after it was
// exported. Without update the person accepts that TotalGest keeps what it has;
// with update the order is sent there once more, as an update of the order that
// it has, for which the profile must have [totalgest.AbilityUpdate]. The error
// is [ErrNotFound] when there is no such order, and another one when there is no
// conflict, or when TotalGest did not take the update: then the conflict stays.
func (s *Syncer) Resolve(ctx context.Context, connection, orderID string, update bool) error {
	c, err := s.conn(connection)
	if err != nil {
		return err
	}
	if update && !c.TotalGest.Can(totalgest.AbilityUpdate) {
		return fmt.Errorf("syncer: order %s: TotalGest's profile can't update orders: accept the difference, or correct the order there", orderID)
	}
	l, err := s.link(ctx, c, KindOrder, orderID)
	switch {
	case err == nil && l.Claimed("", s.now()):
		err = errBusy
	case err == nil && l.State != Conflict:
		return fmt.Errorf("syncer: order %s is %s: there is no conflict", orderID, l.State)
	case err == nil:
		err = s.take(ctx, c, l)
	}
	if err != nil {
		return fmt.Errorf("syncer: order %s: %w", orderID, err)
	}
	version := l.Version
	face, err := s.settleConflict(ctx, c, l, update)
	if err != nil {
		return errors.Join(fmt.Errorf("syncer: order %s: %w", orderID, err), s.release(ctx, c, l, version, time.Time{}))
	}
	l.State, l.Code, l.Message, l.Problems, l.Parts, l.SyncedAt = Synced, "", "", nil, face, s.now()
	return s.release(ctx, c, l, version, time.Time{})
}

// settleConflict reads the order as it is now, sends it where it is to be
// updated, and returns its face.
func (s *Syncer) settleConflict(ctx context.Context, c *conn, l *Link, update bool) (string, error) {
	o, err := c.order(ctx, l.ID)
	if err == nil {
		err = s.name(ctx, c, &o)
	}
	var out totalgest.Order
	var v verdict
	if err == nil {
		var paid bool
		v, paid = c.judge(&o, s.now())
		out, err = s.mapOrder(ctx, c, &o, paid)
	}
	if err != nil && (update || (classify(err) != permanent && !errors.As(err, new(*ItemError)))) {
		return "", err
	}
	if update {
		if _, err := c.TotalGest.UpdateOrder(ctx, l.PeerID, c.marked(out)); err != nil {
			return "", err
		}
	}
	return c.face(&out, v, err), nil
}

// part is one name=hash pair of a face.
func (c *conn) part(name string, value any) string {
	var sb strings.Builder
	c.hashPart(&sb, name, value)
	return sb.String()
}
