package syncer

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/shopspring/decimal"
	"github.com/tg360/tg360/framework360"
	"github.com/tg360/tg360/totalgest"
)

// Removal says what becomes of a product in the shop when TotalGest has it no
// longer.
type Removal int

// The removals.
const (
	RemoveHide  Removal = iota // not active
	RemoveZero                 // quantity 0
	RemoveLeave                // as it is
)

// Brakes stop a run that would do much harm at a time: what is wrong then is
// rather TotalGest's answer than the catalogue. A share is that of the linked
// products, of which ten may always go; 0: 0.2; negative: no brake.
type Brakes struct {
	Vanish float64 // share that would be hidden, or removed otherwise
	Zero   float64 // share whose quantity would fall to 0
	// Price is the largest factor by which a price may change, either way,
	// before the product waits for a person; 0: 3; negative: no brake.
	Price float64
}

// ErrBrake ends a run that held changes back because they were too many.
// [Syncer.ReleaseBrake] lets the next run make them.
var ErrBrake = errors.New("syncer: held back by the brake")

// ReleaseBrake lets the next product run of a connection, which reads everything,
// make the changes that the brake has held back.
func (s *Syncer) ReleaseBrake(ctx context.Context, connection string) error {
	c, err := s.conn(connection)
	if err != nil {
		return err
	}
	ctx, l, err := s.begin(ctx, c, KindProduct)
	if err != nil {
		return err
	}
	defer l.stop(nil)
	return l.update(ctx, func(state *cycle) {
		state.BrakeOff, state.FullAt, state.Walk, state.Owner = true, time.Time{}, walk{}, ""
	})
}

// pile is one kind of changes that wait for the end of the walk.
type pile struct {
	what    string
	changes []*change
	count   int
	limit   int // negative: no brake
}

// heldBack are the changes of a run that a brake looks at.
type heldBack struct {
	linked       int // products
	vanish, zero pile
}

// least is the number of products that no brake holds back.
const least = 10

func (p *productCycle) loadBrakes(ctx context.Context) error {
	counts, err := p.s.store.Count(ctx, Query{Connection: p.c.ID, Kind: KindProduct, States: linkedStates})
	if err != nil {
		return fmt.Errorf("count linked products: %w", err)
	}
	for _, n := range counts {
		p.held.linked += n
	}
	limit := func(share float64) int {
		if share < 0 || p.lease.state.BrakeOff {
			return -1
		}
		return max(least, int(share*float64(p.held.linked)))
	}
	p.held.vanish = pile{what: "vanish from the shop", limit: limit(p.c.Brakes.Vanish)}
	p.held.zero = pile{what: "fall to a quantity of 0", limit: limit(p.c.Brakes.Zero)}
	return nil
}

// hold keeps a change back that a brake must look at first.
func (p *productCycle) hold(ch *change) bool {
	h := &p.held.zero
	switch {
	case ch.link.PeerID == "" || p.lease == nil: // one product, and not a run
		return false
	case ch.code == codeProductGone || fallsTo(ch, activeField, "0"):
		h = &p.held.vanish
	case !fallsTo(ch, quantityField, "#0"):
		return false
	}
	if p.plan != nil {
		action := PlanZero
		if h == &p.held.vanish {
			action = PlanHide
		}
		h.count++
		p.plan.add(ch.link, action, p.fieldChanges(ch))
		return true
	}
	if h.limit < 0 {
		return false
	}
	if h.count++; h.count <= h.limit {
		h.changes = append(h.changes, ch)
	}
	return true
}

// fallsTo reports whether a field would become a value that it did not have.
func fallsTo(ch *change, field, value string) bool {
	before := partOf(ch.link.Parts, field)
	return partOf(ch.parts, field) == value && before != "" && before != value
}

// release writes what was held back, unless it is too much.
func (p *productCycle) release(ctx context.Context) error {
	var errs []error
	for _, h := range []*pile{&p.held.vanish, &p.held.zero} {
		if h.limit >= 0 && h.count > h.limit {
			errs = append(errs, p.pulled(h))
			continue
		}
		errs = append(errs, p.write(ctx, h.changes))
	}
	return errors.Join(errs...)
}

func (p *productCycle) pulled(h *pile) error {
	return fmt.Errorf("%w: %s: %d of %d products would %s, more than %d: none of them was written; look at TotalGest, then release the brake or change its setting",
		ErrBrake, codeConnectionBrake, h.count, p.held.linked, h.what, h.limit)
}

// jumps refuses a price that changes by more than the settings allow.
func (c *Connection) jumps(l *Link, parts string) error {
	was, now := priceIn(l.Parts), priceIn(parts)
	if c.Brakes.Price < 0 || l.PeerID == "" || !was.IsPositive() || now.Equal(was) {
		return nil
	}
	factor := decimal.NewFromFloat(c.Brakes.Price)
	if now.GreaterThan(was.Mul(factor)) || now.Mul(factor).LessThan(was) {
		return &ItemError{Reason: ReasonReview, Code: codeProductPriceJump,
			Message: fmt.Sprintf("the price would change from %s to %s: retry it if that is right", was, now)}
	}
	return nil
}

func priceIn(parts string) decimal.Decimal {
	d, err := decimal.NewFromString(strings.TrimPrefix(partOf(parts, priceField), "#"))
	if err != nil {
		return decimal.NewFromInt(-1) // not there
	}
	return d
}

// absent looks for the linked products that a walk of everything did not show.
// Each is asked for by its id before it is believed to be gone: a list may lack
// what is there.
func (p *productCycle) absent(ctx context.Context) error {
	missing := 0
	err := p.unseen(ctx, func(*Link) error { missing++; return nil })
	if p.run.Missing = missing; err != nil || missing == 0 {
		return err
	}
	if limit := p.held.vanish.limit; limit >= 0 && missing > limit {
		return p.pulled(&pile{what: "vanish from the shop", count: missing, limit: limit})
	}
	if _, err := p.c.TotalGest.Product(ctx, p.witness); p.witness == "" || err != nil {
		return fmt.Errorf("%d linked products are not listed, and TotalGest does not find by its id what it lists: nothing is removed: %w", missing, err)
	}
	return p.unseen(ctx, func(l *Link) error {
		item, err := p.c.TotalGest.Product(ctx, l.ID)
		switch {
		case errors.Is(err, totalgest.ErrNotFound):
			ch := p.gone(l)
			if ch == nil || p.hold(ch) {
				return nil
			}
			return p.write(ctx, []*change{ch})
		case err == nil:
			return p.page(ctx, totalgest.Page[totalgest.Product]{Items: []totalgest.Product{item}})
		case classify(err) != permanent:
			return fmt.Errorf("ask for a product that was not listed: %w", err)
		}
		return nil // left alone
	})
}

// unseen calls f for each linked product that this walk has not shown.
func (p *productCycle) unseen(ctx context.Context, f func(*Link) error) error {
	q := Query{Connection: p.c.ID, Kind: KindProduct, Limit: 1000}
	for {
		links, err := p.s.store.List(ctx, q)
		if err != nil {
			return fmt.Errorf("list linked products: %w", err)
		}
		for i := range links {
			l := &links[i]
			if l.PeerID == "" || l.Code == codeProductGone || !p.unseenLink(l) {
				continue
			}
			if err := f(l); err != nil {
				return err
			}
		}
		if len(links) < q.Limit {
			return nil
		}
		q.After = links[len(links)-1].ID
	}
}

func (p *productCycle) unseenLink(l *Link) bool {
	if p.plan != nil {
		return !p.plan.seen[idSum(l.ID)]
	}
	return l.WalkedAt.Before(p.walk.Begun)
}

// gone returns what is written of a product that TotalGest has no longer; nil:
// nothing any more.
func (p *productCycle) gone(l *Link) *change {
	if l.PeerID == "" || l.Code == codeProductGone {
		return nil
	}
	ch := &change{link: l, code: codeProductGone}
	switch p.c.Removed {
	case RemoveHide:
		ch.want.Active = framework360.Some(false)
	case RemoveZero:
		ch.want.Quantity = framework360.Some(zero)
	}
	ch.parts = string(fingerprint(nil, &ch.want))
	return ch
}
