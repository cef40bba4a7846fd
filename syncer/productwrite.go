package syncer

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/tg360/tg360/framework360"
	"github.com/tg360/tg360/totalgest"
)

// write brings a page's changes to the shop, a bounded number at a time.
func (p *productCycle) write(ctx context.Context, todo []*change) error {
	todo, err := p.settle(ctx, todo)
	if err != nil || len(todo) == 0 {
		return err
	}
	if p.plan != nil {
		return p.plan.changes(p, todo)
	}
	var g errgroup.Group
	g.SetLimit(p.c.Writers)
	var wide error // what concerns the whole connection
	for _, ch := range todo {
		g.Go(func() error {
			p.mu.Lock()
			stop := wide
			p.mu.Unlock()
			if stop == nil {
				stop = ctx.Err()
			}
			err := p.writeOne(ctx, ch, stop)
			if err != nil && classify(err) == connectionWide {
				p.mu.Lock()
				wide = err
				p.mu.Unlock()
			}
			return nil
		})
	}
	_ = g.Wait() // its functions return nil
	var links []*Link
	for _, ch := range todo {
		if !ch.stored {
			links = append(links, ch.link)
		}
	}
	if _, err := p.s.putSome(context.WithoutCancel(ctx), links); err != nil {
		return fmt.Errorf("keep what was written: %w", err)
	}
	return errors.Join(wide, ctx.Err())
}

// writeOne brings one change to the shop. That a product is about to be created
// is made durable first: whoever finds that later looks in the shop before
// creating it. Its result is stored at once, for the same reason; updates may be
// repeated, and their results are stored by the page.
func (p *productCycle) writeOne(ctx context.Context, ch *change, stop error) error {
	l := ch.link
	create := l.PeerID == "" && stop == nil
	if create {
		ch.stored = true
		l.State, l.SentBy = Sending, p.s.now().Add(p.c.WriteWithin)
		l.Owner = p.lease.state.Owner
		p.s.extend(p.c, l)
		if err := p.s.store.Put(ctx, l); errors.Is(err, ErrStale) {
			return nil // somebody else took it up meanwhile
		} else if err != nil {
			return fmt.Errorf("record the intent to create: %w", err)
		}
	}
	err := p.s.writeProduct(ctx, p.c, ch, stop, p.count)
	if create {
		// A stale link was taken up after its lease; that worker finds the product.
		if perr := p.s.store.Put(context.WithoutCancel(ctx), l); perr != nil && !errors.Is(perr, ErrStale) {
			return errors.Join(err, fmt.Errorf("keep what was created: %w", perr))
		}
	}
	return err
}

// count adds to the report.
func (p *productCycle) count(f func(*Run)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f(p.run)
}

// writeProduct creates or updates one product and records the result in its
// link, which the caller stores. stop is why nothing may be written any more.
// The error is the shop's; it is in the link too.
func (s *Syncer) writeProduct(ctx context.Context, c *conn, ch *change, stop error, count func(func(*Run))) error {
	l := ch.link
	create := l.PeerID == ""
	err := stop
	if err == nil {
		err = s.callShop(ctx, c, ch, create, count)
	}
	l.Owner, l.LeaseEnds, l.DueAt = "", time.Time{}, time.Time{}
	switch {
	case err == nil:
		l.State, l.Reason, l.Code, l.Message, l.Problems = Synced, "", ch.code, "", nil
		l.SyncedAt, l.Attempts, l.SentBy = s.now(), 0, time.Time{}
		l.Parts = mergeParts(l.Parts, ch.parts)
	case stop == nil && create && sent(err):
		l.State, l.Code, l.Message = InDoubt, codeProductFailed, "sent, and no usable answer came: the shop is searched for its SKU"
		l.DueAt = s.now().Add(c.RetryFirst)
		count(func(r *Run) { r.Failed++ })
	case stop == nil && classify(err) == permanent:
		l.State, l.Reason, l.Code, l.Message, l.Problems = Blocked, ReasonRefused, codeProductRefused, err.Error(), fieldProblems(err)
		l.SentBy, l.Parts = time.Time{}, ch.parts // not sent again before it changes
		count(func(r *Run) { r.Rejected++ })
	default:
		l.State, l.Reason, l.Code, l.Message, l.Problems = Retrying, "", codeProductFailed, err.Error(), nil
		l.SentBy = time.Time{}
		if class := classify(err); class == passing {
			l.Attempts++
		}
		l.DueAt = s.now().Add(c.backoff(l.Attempts+1, err))
		count(func(r *Run) { r.Failed++ })
	}
	return err
}

// callShop makes the one call that brings a product to the shop.
func (s *Syncer) callShop(ctx context.Context, c *conn, ch *change, create bool, count func(func(*Run))) error {
	l := ch.link
	if create {
		// Once begun it is finished also while we stop: an aborted write is a doubt.
		write, cancel := s.finishing(ctx, l.SentBy)
		defer cancel()
		want, _ := c.changes(&ch.want, "", ch.parts, true)
		id, err := c.Framework360.CreateProduct(write, want)
		count(func(r *Run) { r.Writes++ })
		if err == nil && id == "" {
			err = errors.New("the shop confirmed the product without an id")
		}
		if err != nil {
			return err
		}
		l.PeerID = id
		count(func(r *Run) { r.Created++ })
		return nil
	}
	patch, any := c.changes(&ch.want, l.Parts, ch.parts, false)
	if !any { // only fields that TotalGest no longer sends, or does not own
		count(func(r *Run) {
			if ch.found {
				r.Linked++
			} else {
				r.Unchanged++
			}
		})
		return nil
	}
	if !c.Framework360.Can(framework360.AbilityPatch) { // what is left out would be lost
		whole, err := c.Framework360.Product(ctx, l.PeerID)
		if err != nil {
			return fmt.Errorf("read the product as it is: %w", err)
		}
		for i := range productFields {
			if f := &productFields[i]; f.there(&patch) {
				f.keep(&whole, &patch)
			}
		}
		patch = whole
	}
	patch.ID = l.PeerID
	count(func(r *Run) { r.Writes++ })
	if err := c.Framework360.UpdateProduct(ctx, patch); err != nil {
		return err
	}
	count(func(r *Run) {
		if ch.found {
			r.Linked++
		} else {
			r.Updated++
		}
	})
	return nil
}

// workProduct settles one product that a cycle could not: a passing failure, or
// a creation of which nobody knows whether it happened.
func (s *Syncer) workProduct(ctx context.Context, c *conn, id string) error {
	if c.health.paused() || c.Products == ProductsOff {
		return nil
	}
	l, err := s.claim(ctx, c, KindProduct, id, false)
	if errors.Is(err, errBusy) || errors.Is(err, errIdle) {
		return nil
	}
	if err != nil {
		return err
	}
	version := l.Version
	if l.unresolved() {
		if done, err := s.lookUp(ctx, c, l); done || err != nil {
			return err
		}
	}
	item, err := c.TotalGest.Product(ctx, id)
	if err != nil {
		return s.productFailed(ctx, c, l, version, err)
	}
	taxes, err := s.taxes(ctx, c)
	if err != nil {
		return s.productFailed(ctx, c, l, version, err)
	}
	p := &productCycle{s: s, c: c, run: &Run{}, taxes: taxes.byRate}
	if err := errors.Join(p.reserve(ctx), p.loadParents(ctx, []totalgest.Product{item})); err != nil {
		return s.productFailed(ctx, c, l, version, err)
	}
	owner := l.Owner
	l.State, l.Owner = Retrying, "" // compare leaves a link alone that somebody works on
	ch, err := p.compare(&item, l)
	l.Owner = owner
	switch {
	case err != nil:
		return s.productFailed(ctx, c, l, version, err)
	case ch == nil:
		l.State, l.Code, l.Message = Synced, "", ""
		if l.PeerID == "" {
			l.State = NotLinked
		}
		return s.release(ctx, c, l, version, time.Time{})
	}
	todo, err := p.settle(ctx, []*change{ch})
	switch {
	case err != nil:
		return s.productFailed(ctx, c, l, version, err)
	case len(todo) == 0: // a person must choose, or the shop lacks it and only stock is written
		if l.State != Blocked {
			l.State = NotLinked
		}
		return s.release(ctx, c, l, version, time.Time{})
	}
	if l.PeerID == "" {
		l.State, l.SentBy = Sending, s.now().Add(c.WriteWithin)
		if err := s.save(ctx, c, l, owner, func() { s.extend(c, l) }); err != nil {
			return fmt.Errorf("record the intent to create: %w", err)
		}
	}
	err = s.writeProduct(ctx, c, ch, nil, func(func(*Run)) {})
	if err != nil && classify(err) == connectionWide {
		c.health.pause(err)
	}
	due := l.DueAt
	l.Owner = owner
	if l.Attempts >= c.MaxAttempts && l.State == Retrying {
		return s.retry(ctx, c, l, version, err)
	}
	return s.release(ctx, c, l, version, due)
}

// lookUp searches the shop for a product whose creation is in doubt. It reports
// true when the link was released: found several, or to be asked again.
func (s *Syncer) lookUp(ctx context.Context, c *conn, l *Link) (bool, error) {
	l.State, l.Reason = InDoubt, ""
	if wait := l.SentBy.Sub(s.now()); wait > 0 { // the write itself may still be running
		return true, s.release(ctx, c, l, l.Done, s.now().Add(wait))
	}
	found, err := c.Framework360.FindProducts(ctx, l.SKU)
	switch {
	case err != nil && classify(err) == permanent:
		return true, s.block(ctx, c, l, l.Version, ItemError{Reason: ReasonReview, Code: codeProductSeveral,
			Message: "the shop can't be searched for this SKU, and the product may have been created: look there: " + err.Error()})
	case err != nil || (len(found) == 0 && s.now().Before(l.SentBy.Add(c.Settle))):
		if err != nil && classify(err) == connectionWide {
			c.health.pause(err)
		}
		l.Asked++
		return true, s.release(ctx, c, l, l.Done, s.now().Add(c.askAfter(l.Asked)))
	case len(found) > 1:
		return true, s.block(ctx, c, l, l.Version, ItemError{Reason: ReasonReview, Code: codeProductSeveral, Message: "the shop has several products with this SKU: keep one"})
	case len(found) == 1:
		l.PeerID, l.Parts = found[0].ID, "" // what it holds is written again
	}
	l.SentBy = time.Time{}
	return false, nil
}

// productFailed treats an error by its class; nothing was written.
func (s *Syncer) productFailed(ctx context.Context, c *conn, l *Link, version int64, err error) error {
	var item *ItemError
	switch {
	case errors.As(err, &item):
		return s.block(ctx, c, l, version, *item)
	case classify(err) == permanent:
		return s.block(ctx, c, l, version, ItemError{Reason: ReasonData, Code: codeProductUnreadable, Message: err.Error()})
	}
	return s.retry(ctx, c, l, version, err)
}
