package syncer

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tg360/tg360/framework360"
	"github.com/tg360/tg360/totalgest"
	"golang.org/x/sync/errgroup"
)

// ExportReport is the result of [Syncer.Export], in the order of the ids.
type ExportReport struct {
	Items []ExportItem
}

// ExportItem is what became of one order.
type ExportItem struct {
	OrderID string
	Link    Link  // as it stands now; without a State when there is no such order
	Already bool  // it had been exported before
	Err     error // nil: it is in TotalGest
}

// Succeeded counts the orders that this export brought to TotalGest.
func (r ExportReport) Succeeded() int {
	return r.count(func(i ExportItem) bool { return i.Err == nil && !i.Already })
}

// Already counts the orders that had been there before.
func (r ExportReport) Already() int { return r.count(func(i ExportItem) bool { return i.Already }) }

// Failed returns the orders that are not in TotalGest, each with its reason.
func (r ExportReport) Failed() []ExportItem {
	var out []ExportItem
	for _, i := range r.Items {
		if i.Err != nil {
			out = append(out, i)
		}
	}
	return out
}

func (r ExportReport) count(f func(ExportItem) bool) int {
	n := 0
	for _, i := range r.Items {
		if f(i) {
			n++
		}
	}
	return n
}

// exportsAtOnce bounds a manual export; the clients' own limits bound it too.
const exportsAtOnce = 4

// Export sends the orders to TotalGest now, ahead of the background's work, in
// the calling process. It asks the same questions and takes the same claims as
// the background does, so that nothing is sent twice; naming an order overrides
// the go-live instant and the rules of eligibility, nothing else. An order that
// the store may have forgotten is asked for first, which takes Settings.Settle and
// a process that works meanwhile; then it is exported as the rules say, or at the
// next call. What fails is in the report; the error is for what stopped the
// whole, such as [ErrUnconfirmed].
func (s *Syncer) Export(ctx context.Context, connection string, orderIDs ...string) (ExportReport, error) {
	c, err := s.conn(connection)
	if err != nil {
		return ExportReport{}, err
	}
	if c.Orders == OrdersOff {
		return ExportReport{}, fmt.Errorf("syncer: connection %s does not export orders", connection)
	}
	if err := s.held(ctx, c); err != nil {
		return ExportReport{}, err
	}
	ctx = totalgest.Urgent(ctx)
	if err := s.soleExporter(ctx, c); err != nil {
		return ExportReport{}, err
	}
	items := make([]ExportItem, len(orderIDs))
	first := map[string]int{}
	var g errgroup.Group
	g.SetLimit(exportsAtOnce)
	for i, id := range orderIDs {
		if _, twice := first[id]; twice {
			continue
		}
		first[id] = i
		g.Go(func() error { items[i] = s.exportOne(ctx, c, id); return nil })
	}
	_ = g.Wait() // its functions return nil
	for i, id := range orderIDs {
		items[i] = items[first[id]]
	}
	return ExportReport{Items: items}, ctx.Err()
}

func (s *Syncer) exportOne(ctx context.Context, c *conn, id string) ExportItem {
	item := ExportItem{OrderID: id}
	l, err := s.orderLink(ctx, c, id)
	if err == nil && l.PeerID != "" {
		return ExportItem{OrderID: id, Link: *l, Already: true}
	}
	if err == nil {
		err = s.whenFree(ctx, c, id)
	}
	if err == nil {
		l, err = s.link(ctx, c, KindOrder, id)
	}
	if err != nil {
		item.Err = err
		return item
	}
	item.Link = *l
	if l.PeerID == "" {
		item.Err = &ItemError{Reason: l.Reason, Code: firstOf(l.Code, codeOrderFailed), Message: firstOf(l.Message, string(l.State)), Problems: l.Problems}
	}
	return item
}

// orderLink returns the link of an order, or makes one for an order that the
// shop has: a mistyped id leaves no trace.
func (s *Syncer) orderLink(ctx context.Context, c *conn, id string) (*Link, error) {
	if badID(id) {
		return nil, errBadID
	}
	l, err := s.link(ctx, c, KindOrder, id)
	if !errors.Is(err, ErrNotFound) {
		return l, err
	}
	if _, err := c.order(ctx, id); errors.Is(err, framework360.ErrNotFound) {
		return nil, &ItemError{Reason: ReasonData, Code: codeOrderGone, Message: "the shop has no order with this id"}
	} else if errors.As(err, new(*ItemError)) {
		return nil, err
	}
	l = &Link{Key: Key{c.ID, KindOrder, id}, State: Queued, Title: id, SeenAt: s.now(), Version: 1, DueAt: s.now()}
	if err := s.putNew(ctx, []*Link{l}); err != nil {
		return nil, err
	}
	return s.link(ctx, c, KindOrder, id)
}

// whenFree works on an order as soon as nobody else does.
func (s *Syncer) whenFree(ctx context.Context, c *conn, id string) error {
	const look = 50 * time.Millisecond
	for {
		err := s.workOrder(ctx, c, id, true)
		if !errors.Is(err, errBusy) {
			return err
		}
		if err := wait(ctx, look); err != nil {
			return err
		}
		if l, err := s.link(ctx, c, KindOrder, id); err != nil || (l.PeerID != "" && l.Owner == "") {
			return err // whoever had it has exported it
		}
	}
}

// Retry makes the links due at once, whatever they wait for: blocked ones after
// their cause was mended, skipped ones, and those that wait for their next
// attempt. It returns how many.
func (s *Syncer) Retry(ctx context.Context, connection string, kind Kind, ids ...string) (int, error) {
	c, err := s.conn(connection)
	if err != nil {
		return 0, err
	}
	have, err := s.linksByID(ctx, c, kind, ids)
	if err != nil {
		return 0, err
	}
	var due []*Link
	for _, l := range have {
		exported := kind == KindOrder && (l.State == Synced || l.State == Conflict)
		if exported || l.Claimed("", s.now()) {
			continue
		}
		l.DueAt, l.Attempts = s.now(), 0
		if kind == KindProduct {
			l.Parts = "" // also what was refused is sent once more
		}
		due = append(due, &l)
	}
	stale, err := s.putSome(ctx, due)
	if err != nil {
		return 0, err
	}
	return len(due) - len(stale), s.wakeDue(ctx, due)
}
