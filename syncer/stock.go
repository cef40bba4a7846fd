package syncer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/shopspring/decimal"
	"github.com/tg360/tg360/framework360"
	"github.com/tg360/tg360/totalgest"
)

// stock walks the quantities, where TotalGest lists them, and writes those that
// changed; elsewhere those of products whose orders have come or gone.
func (p *productCycle) stock(ctx context.Context) error {
	if !p.c.TotalGest.Can(totalgest.AbilityStock) {
		return p.heldAnew(ctx)
	}
	for page, err := range ahead(p.c.TotalGest.StockPages(ctx, totalgest.ListOptions{})) {
		if err != nil {
			return fmt.Errorf("list stock: %w", err)
		}
		if err := p.reserve(ctx); err != nil {
			return err
		}
		ids := make([]string, len(page.Items))
		for i := range page.Items {
			ids[i] = page.Items[i].ID
		}
		links, err := p.s.linksByID(ctx, p.c, KindProduct, ids)
		if err != nil {
			return err
		}
		var todo []*change
		for i := range page.Items {
			if ch := p.quantityOf(&page.Items[i], links); ch != nil && !p.hold(ch) {
				todo = append(todo, ch)
			}
		}
		if err := p.write(ctx, todo); err != nil {
			return err
		}
	}
	return nil
}

// quantityOf returns the change of one quantity; nil when there is none, or the
// product is not in the shop.
func (p *productCycle) quantityOf(st *totalgest.Stock, links map[string]Link) *change {
	l, ok := links[st.ID]
	q, set := stockOf(st.Quantity, st.Warehouses, &p.c.Settings).Get()
	if !ok || !set || l.State != Synced || l.Code == codeProductGone {
		return nil
	}
	want := framework360.Product{Quantity: framework360.Some(sellable(q, p.reserved[l.ID], &p.c.Settings))}
	p.parts = fingerprint(p.parts[:0], &want)
	if partOf(l.Parts, quantityField) == partOf(string(p.parts), quantityField) {
		return nil
	}
	return &change{link: &l, want: want, parts: string(p.parts)}
}

// sellable is what the shop may offer of a quantity: without what is sold
// already and what is kept back, and never less than nothing.
func sellable(q, reserved decimal.Decimal, s *Settings) decimal.Decimal {
	if !reserved.IsZero() {
		q = q.Sub(reserved)
	}
	if !s.StockBuffer.IsZero() {
		q = q.Sub(s.StockBuffer)
	}
	if q.IsNegative() {
		return zero
	}
	return q
}

// stockOf is TotalGest's quantity: that of the warehouses which the settings
// name, or of all.
func stockOf(total totalgest.Opt[decimal.Decimal], by []totalgest.Warehouse, s *Settings) totalgest.Opt[decimal.Decimal] {
	if len(s.Warehouses) == 0 {
		return total
	}
	var sum totalgest.Opt[decimal.Decimal]
	for i := range by {
		if q, ok := by[i].Quantity.Get(); ok && slices.Contains(s.Warehouses, by[i].Name) {
			sum = totalgest.Some(sum.Or(zero).Add(q))
		}
	}
	return sum
}

// openStates are those of an order that TotalGest may not know of yet.
var openStates = []State{NotLinked, Queued, Sending, InDoubt, Retrying, Blocked}

const (
	reserveFor  = 30 * time.Second // how long the sum of open orders is believed in a cycle
	readUnread  = 10               // orders that a cycle reads for their quantities: of a backlog each is read soon anyway
	reservedDoc = "reserved"       // what the last complete cycle subtracted
)

// reserve sums the quantities of open orders by TotalGest's product. Within a
// cycle an order that was counted stays counted: a page may have been read
// before TotalGest got it.
func (p *productCycle) reserve(ctx context.Context) error {
	now := p.s.now()
	if p.c.Orders == OrdersOff || now.Sub(p.reservedAt) < reserveFor {
		return nil
	}
	if p.reserved == nil {
		p.reserved, p.counted = map[string]decimal.Decimal{}, map[string]bool{}
	}
	q := Query{Connection: p.c.ID, Kind: KindOrder, States: openStates, Limit: 1000}
	for {
		links, err := p.s.store.List(ctx, q)
		if err != nil {
			return fmt.Errorf("list open orders: %w", err)
		}
		for i := range links {
			p.countIn(ctx, &links[i])
		}
		if len(links) < q.Limit {
			p.reservedAt = now
			return nil
		}
		q.After = links[len(links)-1].ID
	}
}

// countIn adds the quantities of one order, which is read if nobody has yet.
func (p *productCycle) countIn(ctx context.Context, l *Link) {
	if p.counted[l.ID] {
		return
	}
	if l.Holds == "" && p.reads < readUnread && !p.c.health.paused() {
		p.reads++
		if o, err := p.c.order(ctx, l.ID); err == nil {
			l.Holds = p.s.holds(ctx, p.c, &o)
			_, _ = p.s.putSome(ctx, []*Link{l}) // only to spare the next cycle the request
		}
	}
	var held map[string]decimal.Decimal
	if json.Unmarshal([]byte(l.Holds), &held) != nil {
		return
	}
	p.counted[l.ID] = true
	for id, q := range held {
		p.reserved[id] = p.reserved[id].Add(q)
	}
}

// holds says how much of which product an order takes, as Link.Holds keeps it.
func (s *Syncer) holds(ctx context.Context, c *conn, o *framework360.Order) string {
	ids, err := s.match(ctx, c, o.Rows)
	if err != nil {
		return ""
	}
	sum := map[string]decimal.Decimal{}
	for i, id := range ids {
		if q := o.Rows[i].Quantity.Or(zero); id != "" && q.IsPositive() {
			sum[id] = sum[id].Add(q)
		}
	}
	b, _ := json.Marshal(sum) // texts and decimals: can't fail
	return string(b)
}

// hold notes the quantities that an open order takes.
func (s *Syncer) hold(ctx context.Context, c *conn, l *Link, o *framework360.Order, closed bool) error {
	now := ""
	if !closed && l.PeerID == "" {
		now = s.holds(ctx, c, o)
	}
	if was := l.Holds; was != now && was != "" && l.PeerID == "" {
		if err := s.recount(ctx, c, was, now); err != nil {
			return fmt.Errorf("note the quantities of the order: %w", err)
		}
	}
	l.Holds = now
	return nil
}

// recount has the next cycle write the quantities of products whatever was
// written last: the shop has put back by itself what was cancelled, or taken off
// what was added.
func (s *Syncer) recount(ctx context.Context, c *conn, holds ...string) error {
	ids := map[string]bool{}
	for _, h := range holds {
		var held map[string]decimal.Decimal
		_ = json.Unmarshal([]byte(h), &held) // none: nothing to do
		for id := range held {
			ids[id] = true
		}
	}
	if len(ids) == 0 {
		return nil
	}
	links, err := s.linksByID(ctx, c, KindProduct, sortedKeys(ids))
	if err != nil {
		return err
	}
	var changed []*Link
	for _, l := range links {
		l.Parts = withoutParts(l.Parts, []string{quantityField})
		changed = append(changed, &l)
	}
	_, err = s.putSome(ctx, changed)
	return err
}

// heldAnew writes the quantities of products for which orders came or went,
// where TotalGest has no list of quantities. Each is read first: what an order
// took must not be given back before TotalGest has taken it off.
func (p *productCycle) heldAnew(ctx context.Context) error {
	if err := p.reserve(ctx); err != nil {
		return err
	}
	changed := map[string]bool{}
	for _, m := range []map[string]decimal.Decimal{p.before, p.reserved} {
		for id := range m {
			changed[id] = !p.before[id].Equal(p.reserved[id])
		}
	}
	for _, id := range sortedKeys(changed) {
		if !changed[id] {
			continue
		}
		item, err := p.c.TotalGest.Product(ctx, id)
		if errors.Is(err, totalgest.ErrNotFound) {
			continue
		}
		if err != nil {
			return fmt.Errorf("read the quantity of a product that was sold: %w", err)
		}
		if err := p.page(ctx, totalgest.Page[totalgest.Product]{Items: []totalgest.Product{item}}); err != nil {
			return err
		}
	}
	return nil
}

// loadReserved reads what the last complete cycle subtracted.
func (p *productCycle) loadReserved(ctx context.Context) error {
	d, err := p.s.store.Doc(ctx, p.c.ID, reservedDoc)
	switch {
	case errors.Is(err, ErrNotFound):
		d = Doc{Connection: p.c.ID, Name: reservedDoc}
	case err != nil:
		return fmt.Errorf("read what was reserved: %w", err)
	default:
		if err := json.Unmarshal(d.Data, &p.before); err != nil {
			return fmt.Errorf("what was reserved can't be read: %w", err)
		}
	}
	p.reservedDoc = d
	return nil
}

// keepReserved notes what this cycle subtracted, for the next.
func (p *productCycle) keepReserved(ctx context.Context) error {
	if p.reserved == nil {
		return nil
	}
	data, err := json.Marshal(p.reserved)
	if err != nil || string(data) == string(p.reservedDoc.Data) {
		return err
	}
	p.reservedDoc.Data = data
	if err := p.s.store.PutDoc(ctx, &p.reservedDoc); err != nil && !errors.Is(err, ErrStale) {
		return fmt.Errorf("keep what is reserved: %w", err)
	}
	return nil
}
