package syncer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/tg360/tg360/framework360"
	"github.com/tg360/tg360/totalgest"
)

// workOrder takes one order one step further. A nil error does not mean that it
// is exported: what became of it is in its link.
func (s *Syncer) workOrder(ctx context.Context, c *conn, id string, byHand bool) error {
	if !byHand && (c.health.paused() || s.held(ctx, c) != nil) {
		return nil
	}
	l, err := s.claim(ctx, c, KindOrder, id, byHand)
	if errors.Is(err, errBusy) || errors.Is(err, errIdle) {
		if byHand {
			return err
		}
		return nil
	}
	if err != nil {
		return err
	}
	if l.unresolved() {
		return s.resolve(ctx, c, l)
	}
	return s.export(ctx, c, l, byHand)
}

// rereads is how often an exported order is read again when the shop answers with
// an error that does not say that it is gone.
const rereads = 3

// export reads the order afresh, checks it and sends it.
func (s *Syncer) export(ctx context.Context, c *conn, l *Link, byHand bool) error {
	version := l.Version
	o, err := c.order(ctx, l.ID)
	if err == nil {
		err = s.name(ctx, c, &o)
	}
	if err != nil {
		if l.PeerID != "" && classify(err) == permanent {
			gone := errors.Is(err, framework360.ErrNotFound) || errors.As(err, new(*ItemError))
			if !gone && l.Attempts < rereads { // a shop that fails for once does not mean that the order is gone
				return s.retry(ctx, c, l, version, err)
			}
			return s.compareExported(ctx, c, l, version, c.face(nil, verdict{}, err))
		}
		return s.orderFailed(ctx, c, l, version, err, codeOrderUnreadable)
	}
	l.Title, l.Created = firstOf(o.Number, o.ID), o.Created
	v, paid := c.judge(&o, s.now())
	if err := s.hold(ctx, c, l, &o, v.state == Skipped); err != nil {
		return err
	}
	if v.state != "" && !byHand && l.PeerID == "" {
		return s.settle(ctx, c, l, version, v)
	}
	out, err := s.mapOrder(ctx, c, &o, paid)
	if l.PeerID != "" && (err == nil || errors.As(err, new(*ItemError))) {
		return s.compareExported(ctx, c, l, version, c.face(&out, v, err))
	}
	if err != nil {
		return s.orderFailed(ctx, c, l, version, err, codeOrderUnreadable)
	}
	l.Warnings = orderWarnings(&out)
	if l.unresolved() { // what TotalGest has may be older: once it is known to be there, they are compared
		l.Version++
		return s.send(ctx, c, l, version, out, c.face(&out, verdict{}, nil))
	}
	l.Parts = c.face(&out, v, nil)
	switch until, err := s.forgotten(ctx, c, l); {
	case err != nil:
		return err // the lease brings it back
	case !until.IsZero():
		l.Marked = c.scans()
		return s.resolve(ctx, c, l)
	}
	return s.send(ctx, c, l, version, out, l.Parts)
}

// order reads an order of the shop. Some shops take "0501" for 501: what answers
// under another id has, or gets, a link of its own, and would be sent twice.
func (c *conn) order(ctx context.Context, id string) (framework360.Order, error) {
	o, err := c.Framework360.Order(ctx, id)
	if err == nil && o.ID != id {
		err = &ItemError{Reason: ReasonData, Code: codeOrderGone, Message: "the shop has no order with this id: it answers with one of another id"}
	}
	return o, err
}

// settle records what the rules say.
func (s *Syncer) settle(ctx context.Context, c *conn, l *Link, version int64, v verdict) error {
	l.State, l.Reason, l.Code, l.Message, l.Problems, l.Attempts = v.state, v.reason, v.code, v.message, nil, 0
	due := time.Time{}
	if v.state == NotLinked || v.reason == ReasonUnmapped {
		if wait := lookAgain(s.now().Sub(l.Created)); wait > 0 {
			due = s.now().Add(wait)
		}
	}
	return s.release(ctx, c, l, version, due)
}

// send makes the intent durable, writes once, and records what became of it.
func (s *Syncer) send(ctx context.Context, c *conn, l *Link, version int64, o totalgest.Order, face string) error {
	l.State, l.Reason, l.Code, l.Message, l.Problems = Sending, "", "", "", nil
	earlier := l.SentBy // of a write that is in doubt: sending it again is the question
	if l.Asked++; earlier.IsZero() {
		l.Asked = 0
	}
	// By the clock on the wall, which also goes on while a machine sleeps, and no
	// finer than a store keeps it.
	l.SentBy, l.Marked = s.now().Add(c.WriteWithin).Truncate(time.Microsecond), c.scans()
	if err := s.save(ctx, c, l, l.Owner, func() { s.extend(c, l) }); err != nil {
		return fmt.Errorf("record the intent to send: %w", err) // nothing was sent; the lease brings it back
	}
	// From here on we finish even while we stop: an aborted write is a doubt.
	write, cancel := s.finishing(ctx, l.SentBy)
	defer cancel()
	if !s.now().Before(l.SentBy) {
		l.SentBy = earlier
		return s.retry(ctx, c, l, version, errors.New("there was no time left to send it"))
	}
	ref, created, err := c.TotalGest.CreateOrder(write, c.marked(o))
	switch {
	case err == nil && ref.ID == "":
		err = errors.New("TotalGest confirmed the order without an id")
	case err == nil && ref.ExternalID != "" && ref.ExternalID != o.ExternalID:
		err = errors.New("TotalGest's reply is about another order")
	}
	switch {
	case err == nil:
		if created { // not what an earlier write may have brought
			l.Parts = face
		}
		return s.confirmed(ctx, c, l, version, ref)
	case sent(err):
		l.State, l.Code, l.Message = InDoubt, codeOrderInDoubt, "sent, and no usable answer came: TotalGest is being asked"
		return s.release(ctx, c, l, l.Done, s.now().Add(c.askAfter(l.Asked)))
	}
	l.SentBy = earlier // refused, or never sent: that says nothing of an earlier write
	return s.orderFailed(ctx, c, l, version, err, codeOrderRefused)
}

// finishing returns a context for a write by a deadline, which is finished also
// while we stop, but not for longer than StopWithin.
func (s *Syncer) finishing(ctx context.Context, deadline time.Time) (context.Context, context.CancelFunc) {
	write, cancel := context.WithDeadline(context.WithoutCancel(ctx), deadline)
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(s.config.StopWithin, cancel) })
	return write, func() { stop(); cancel() }
}

// confirmed records TotalGest's own id. If the claim was lost meanwhile, to a
// worker that found our write and can only ask about it, the id is recorded all
// the same: it is the answer.
func (s *Syncer) confirmed(ctx context.Context, c *conn, l *Link, version int64, ref totalgest.OrderRef) error {
	defer s.prove(ctx, c, l.ID, ref.ID, l.SentBy) // when it is recorded: a list may take long to read
	mark := func(l *Link) {
		l.State, l.Reason, l.Code, l.Message, l.Problems = Synced, "", "", "", nil
		l.PeerID, l.PeerNo, l.SyncedAt, l.Attempts, l.Asked = ref.ID, ref.Number, s.now(), 0, 0
		l.SentBy = time.Time{}
	}
	sentBy := l.SentBy
	mark(l)
	err := s.release(ctx, c, l, version, time.Time{})
	for errors.Is(err, errLost) {
		have, readErr := s.link(context.WithoutCancel(ctx), c, l.Kind, l.ID)
		if readErr != nil || have.PeerID != "" {
			return readErr
		}
		if have.SentBy.Equal(sentBy) { // the same write; a later one may have sent something else
			have.Parts = l.Parts
		}
		mark(have)
		err = s.release(ctx, c, have, version, time.Time{})
	}
	return err
}

// orderFailed treats an error by its class; nothing was sent, or it was refused.
// code names a permanent error that does not bring its own.
func (s *Syncer) orderFailed(ctx context.Context, c *conn, l *Link, version int64, err error, code string) error {
	var item *ItemError
	switch {
	case errors.As(err, &item):
		return s.block(ctx, c, l, version, *item)
	case errors.Is(err, framework360.ErrNotFound):
		return s.block(ctx, c, l, version, ItemError{Reason: ReasonData, Code: codeOrderGone, Message: "the shop has no order with this id"})
	case classify(err) == permanent:
		reason := ReasonData
		if code == codeOrderRefused {
			reason = ReasonRefused
		}
		return s.block(ctx, c, l, version, ItemError{Reason: reason, Code: code, Message: err.Error(), Problems: fieldProblems(err)})
	}
	return s.retry(ctx, c, l, version, err)
}

// block records that a person must act.
func (s *Syncer) block(ctx context.Context, c *conn, l *Link, version int64, e ItemError) error {
	l.State, l.Reason, l.Code, l.Message, l.Problems = Blocked, e.Reason, e.Code, e.Message, e.Problems
	s.log.WarnContext(ctx, "blocked", "connection", c.ID, "kind", l.Kind, "id", l.ID, "code", l.Code)
	return s.release(ctx, c, l, version, time.Time{})
}

// retry records a passing failure. Errors of the connection, throttling and our
// own stopping consume no attempt.
func (s *Syncer) retry(ctx context.Context, c *conn, l *Link, version int64, err error) error {
	code, gaveUp := codeOrderFailed, codeOrderGaveUp
	if l.Kind == KindProduct {
		code, gaveUp = codeProductFailed, codeProductGaveUp
	}
	var wait time.Duration // none when we are stopping: whoever comes next goes on
	switch classify(err) {
	case connectionWide:
		c.health.pause(err)
		code = codeConnectionPaused // no wait: it goes on as soon as the connection does
	case interrupted:
		if l.State != Sending { // nothing became of it
			return s.release(ctx, c, l, l.Done, s.now())
		}
	case throttled:
		wait = c.backoff(1, err)
	default:
		l.Attempts++
		wait = c.backoff(l.Attempts, err)
	}
	l.State, l.Reason, l.Code, l.Message, l.Problems = Retrying, "", code, err.Error(), nil
	if l.Attempts >= c.MaxAttempts {
		return s.block(ctx, c, l, version, ItemError{Reason: ReasonGaveUp, Code: gaveUp, Message: fmt.Sprintf("%d attempts failed; the last one: %v", l.Attempts, err)})
	}
	return s.release(ctx, c, l, version, s.now().Add(wait))
}

// mapOrder finds the products and taxes that the order refers to and maps it.
func (s *Syncer) mapOrder(ctx context.Context, c *conn, o *framework360.Order, paid bool) (totalgest.Order, error) {
	products, err := s.match(ctx, c, o.Rows)
	if err != nil {
		return totalgest.Order{}, err
	}
	taxes, err := s.taxes(ctx, c)
	if err != nil {
		return totalgest.Order{}, err
	}
	oc := OrderContext{ExternalID: c.externalID(o.ID), Paid: paid, Settings: &c.Settings, Products: products, Taxes: taxes.rates}
	out, err := c.MapOrder(*o, oc)
	if err == nil && out.ExternalID != oc.ExternalID {
		err = &ItemError{Reason: ReasonData, Code: codeOrderUnreadable, Message: "the mapping changed the external id, which keeps the order from being made twice"}
	}
	return out, err
}

// match finds TotalGest's product for each row: by SKU, then EAN, then the shop's
// own product id.
func (s *Syncer) match(ctx context.Context, c *conn, rows []framework360.Row) ([]string, error) {
	found := make([]string, len(rows))
	keys := []struct {
		row   func(*framework360.Row) string
		link  func(*Link) string
		query func(*Query, []string)
	}{
		{func(r *framework360.Row) string { return r.SKU }, func(l *Link) string { return l.SKU }, func(q *Query, v []string) { q.SKUs = v }},
		{func(r *framework360.Row) string { return r.EAN }, func(l *Link) string { return l.EAN }, func(q *Query, v []string) { q.EANs = v }},
		{func(r *framework360.Row) string { return r.ID }, func(l *Link) string { return l.PeerID }, func(q *Query, v []string) { q.PeerIDs = v }},
	}
	for _, k := range keys {
		var values []string
		for i := range rows {
			if v := k.row(&rows[i]); found[i] == "" && v != "" {
				values = append(values, v)
			}
		}
		if len(values) == 0 {
			continue
		}
		q := Query{Connection: c.ID, Kind: KindProduct, States: slices.Concat(linkedStates, []State{Blocked})}
		k.query(&q, values)
		links, err := s.store.List(ctx, q)
		if err != nil {
			return nil, fmt.Errorf("match products: %w", err)
		}
		ids := make(map[string]string, len(links))
		for i := range links {
			if links[i].known() {
				ids[k.link(&links[i])] = links[i].ID
			}
		}
		for i := range rows {
			if found[i] == "" {
				found[i] = ids[k.row(&rows[i])]
			}
		}
	}
	return found, nil
}

// linkedStates are those of a product that TotalGest is known to have: it may
// be waiting for the shop, but an order can refer to it.
var linkedStates = []State{Synced, Retrying, Queued, Sending, InDoubt}

// known reports whether an order can refer to a product: also to one whose last
// change waits for a person.
func (l *Link) known() bool { return l.State != Blocked || l.PeerID != "" }

// orderWarnings names what is odd about an order and does not stop it.
func orderWarnings(o *totalgest.Order) []string {
	var out []string
	if !o.Net.IsSet() {
		out = append(out, codeOrderVATUnknown)
	}
	for _, c := range o.Surcharges {
		if c.Kind == "rounding" {
			out = append(out, codeOrderRounding)
		}
	}
	return out
}
