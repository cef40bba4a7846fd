package syncer

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/tg360/tg360/totalgest"
)

// scans reports whether an order in doubt is looked for in TotalGest's list of
// orders: where that can neither be searched nor tell a repeated order.
func (c *conn) scans() bool {
	can := c.TotalGest.Can
	return !can(totalgest.AbilitySearch) && !can(totalgest.AbilityDedupe) && can(totalgest.AbilityOrderList)
}

// mark is the text in an order's note by which it is told in a list that bears
// no external ids.
func mark(externalID string) string {
	sum := sha256.Sum256([]byte(externalID))
	return markBegins + hex.EncodeToString(sum[:6]) + "]"
}

const markBegins = "[tg360 "

var markPattern = regexp.MustCompile(`\[tg360 [0-9a-f]{12}\]`)

// marked returns an order as it is sent: with its mark where it is needed. The
// mark stands above the note, which loses its end where it is cut off, and what
// the customer wrote can't look like one.
func (c *conn) marked(o totalgest.Order) totalgest.Order {
	if !c.scans() {
		return o
	}
	note := strings.ReplaceAll(o.Note, markBegins, "(tg360 ")
	if o.Note = mark(o.ExternalID); note != "" {
		o.Note += "\n" + note
	}
	return o
}

// isOrder reports whether an order of TotalGest's list is the shop's with this
// id. A mark tells nothing where the external id is that of another order.
func (c *conn) isOrder(r *totalgest.OrderRef, id string) bool {
	return r.ExternalID == c.externalID(id) ||
		!strings.HasPrefix(r.ExternalID, c.externalID("")) && strings.Contains(r.Note, mark(c.externalID(id)))
}

// errUnreadable means that an order is not in a list of which not all could be
// read: it may be there.
var errUnreadable = errors.New("some orders of TotalGest's list can't be read")

// scan looks for an order in TotalGest's list of what changed since a time, to
// its end. With twice a list without it is read again, from as much earlier as
// TotalGest's clock is behind: once may miss an order, as numbered pages do when
// another one moves while they are read. Between is called after each page.
func (s *Syncer) scan(ctx context.Context, c *conn, id string, since time.Time, twice bool, between func() error) ([]totalgest.OrderRef, error) {
	found, behind, err := s.scanOnce(ctx, c, id, since, between)
	if err == nil && len(found) == 0 && twice {
		found, _, err = s.scanOnce(ctx, c, id, since.Add(-behind), between)
	}
	return found, err
}

func (s *Syncer) scanOnce(ctx context.Context, c *conn, id string, since time.Time, between func() error) (found []totalgest.OrderRef, behind time.Duration, err error) {
	var o totalgest.ListOptions
	if c.TotalGest.Can(totalgest.AbilityModifiedSince) {
		o.UpdatedSince = since
	}
	unreadable := false
	for page, err := range c.TotalGest.OrderPages(ctx, o) {
		if err != nil {
			return nil, 0, err
		}
		if !page.ServerTime.IsZero() {
			behind = max(behind, s.now().Sub(page.ServerTime))
		}
		unreadable = unreadable || len(page.Rejected) > 0
		for i := range page.Items {
			r := &page.Items[i]
			again := slices.ContainsFunc(found, func(f totalgest.OrderRef) bool { return f.ID == r.ID }) // it moved while we read
			if c.isOrder(r, id) && !again {
				found = append(found, *r)
			}
		}
		if err := between(); err != nil {
			return nil, 0, err
		}
	}
	if unreadable && len(found) == 0 {
		return nil, 0, errUnreadable
	}
	return found, behind, nil
}

// ask asks TotalGest for an order that may have arrived since a time. Final says
// that a negative answer would be believed.
func (s *Syncer) ask(ctx context.Context, c *conn, l *Link, since time.Time, final bool) ([]totalgest.OrderRef, error) {
	if !c.scans() {
		return c.TotalGest.FindOrders(ctx, c.externalID(l.ID))
	}
	owner := l.Owner
	return s.scan(ctx, c, l.ID, since, final, func() error {
		if l.LeaseEnds.Sub(s.now()) > c.Lease/2 {
			return nil
		}
		if err := s.save(ctx, c, l, owner, func() { s.extend(c, l) }); err != nil {
			return fmt.Errorf("keep the claim: %w", err)
		}
		return nil
	})
}

// sentAfter is a time at which a write was not sent yet, by its deadline.
func (c *conn) sentAfter(deadline time.Time) time.Time {
	return deadline.Add(-c.WriteWithin - c.Overlap)
}
