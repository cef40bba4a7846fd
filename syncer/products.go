package syncer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/shopspring/decimal"
	"github.com/tg360/tg360/framework360"
	"github.com/tg360/tg360/totalgest"
)

// SyncProducts runs one product cycle: it reads what changed in TotalGest since
// the last complete cycle, everything the first time, and writes what is
// different to the shop. The report is also kept for [Syncer.Runs]. An error
// means that the cycle is not complete; what it wrote stands, and the next cycle
// reads the same range again. [ErrBusy] means that one is already running.
func (s *Syncer) SyncProducts(ctx context.Context, connection string) (Run, error) {
	c, err := s.conn(connection)
	if err != nil {
		return Run{}, err
	}
	if c.Products == ProductsOff {
		return Run{}, fmt.Errorf("syncer: connection %s does not sync products", connection)
	}
	ctx, l, err := s.begin(ctx, c, KindProduct)
	if err != nil {
		return Run{}, err
	}
	run := s.newRun(KindProduct)
	p := &productCycle{s: s, c: c, lease: l, run: &run, owner: l.state.Owner}
	err = p.do(ctx)
	return run, s.finish(ctx, c, l, &run, err, p.done)
}

// productCycle is one cycle at work.
type productCycle struct {
	s     *Syncer
	c     *conn
	lease *lease
	owner string // of the cycle; empty: a worker's own work on one product
	run   *Run
	walk  walk
	mu    sync.Mutex        // guards run while writers work
	taxes map[string]string // tax id by rate
	parts []byte            // reused

	held    heldBack
	witness string            // a product that the walk has just shown
	parents map[string]string // the shop's id of parents, by TotalGest's; of one page
	plan    *planner          // nil: changes are made

	reserved    map[string]decimal.Decimal // by TotalGest's id: sold in the shop, and not in TotalGest when it was asked
	before      map[string]decimal.Decimal // as it was in the last complete cycle
	counted     map[string]bool            // the orders in it
	reservedAt  time.Time
	reservedDoc Doc
	reads       int
}

// do reads what changed and writes what is different.
func (p *productCycle) do(ctx context.Context) error {
	// The vendor's own plugin doubles orders, not products.
	if !errors.Is(p.c.health.why(), framework360.ErrPluginActive) {
		if err := p.s.again(ctx, p.c); err != nil {
			return err
		}
	}
	if err := p.prepare(ctx); err != nil {
		return err
	}
	if err := errors.Join(p.loadReserved(ctx), p.reserve(ctx), p.loadBrakes(ctx)); err != nil {
		return err
	}
	p.beginWalk()
	p.run.Since, p.run.Mark = p.walk.Since, p.walk.Mark
	moved := p.walkPages(ctx)
	p.run.Mark = p.walk.Mark
	if moved != nil && !errors.Is(moved, errMoved) {
		return moved
	}
	rest := p.stock
	if p.walk.full() { // it has just read every quantity
		rest = p.absent
	}
	// What is held back concerns few; that the rest went wrong does not stop it.
	if err := errors.Join(rest(ctx), p.release(ctx)); err != nil {
		return err
	}
	if err := p.keepReserved(ctx); err != nil {
		return err
	}
	if moved != nil && p.walk.full() { // each known product was seen or asked for: the next cycle reads changes
		return errors.Join(moved, p.lease.update(ctx, func(state *cycle) { p.walked(state) }))
	}
	return moved
}

// walked notes that the walk came to its end.
func (p *productCycle) walked(state *cycle) {
	if w := &p.walk; w.full() {
		state.FullAt, state.FullSum = w.Begun, w.Sum
	}
	if !p.walk.Mark.IsZero() { // a server without a clock: everything is read again each time
		state.Watermark = p.walk.Mark
	}
	state.Walk = walk{}
}

// done notes that the cycle is complete.
func (p *productCycle) done(state *cycle) {
	p.walked(state)
	state.Completed, state.BrakeOff = p.s.now(), false
}

// ahead reads the next element while the loop works on the one before. The
// loop's body must not outlive the context of seq.
func ahead[T any](seq iter.Seq2[T, error]) iter.Seq2[T, error] {
	type item struct {
		v   T
		err error
	}
	return func(yield func(T, error) bool) {
		items, done := make(chan item), make(chan struct{})
		var wg sync.WaitGroup
		wg.Go(func() {
			defer close(items)
			for v, err := range seq {
				select {
				case items <- item{v, err}:
				case <-done:
					return
				}
			}
		})
		defer wg.Wait()
		defer close(done)
		for i := range items {
			if !yield(i.v, i.err) {
				return
			}
		}
	}
}

// prepare reads what every product needs, and once per connection which
// products the shop has already.
func (p *productCycle) prepare(ctx context.Context) error {
	if p.c.Products == ProductsAll {
		taxes, err := p.s.taxes(ctx, p.c)
		if err != nil {
			return err
		}
		p.taxes = taxes.byRate
	}
	if p.lease.state.Indexed {
		return nil
	}
	for page, err := range p.c.Framework360.ProductPages(ctx, framework360.ProductOptions{}) {
		if err != nil {
			return fmt.Errorf("list the shop's products: %w", err)
		}
		if err := p.index(ctx, page.Items); err != nil {
			return err
		}
	}
	return p.lease.update(ctx, func(state *cycle) { state.Indexed = true })
}

// index keeps a link for each product of the shop, so that it is found by its
// SKU and not made a second time.
func (p *productCycle) index(ctx context.Context, items []framework360.Product) error {
	var ids []string
	for i := range items {
		ids = append(ids, items[i].ID)
	}
	have, err := p.s.linksByID(ctx, p.c, KindShopProduct, ids)
	if err != nil {
		return err
	}
	var fresh []*Link
	for i := range items {
		x := &items[i]
		if _, ok := have[x.ID]; !ok && !badID(x.ID) {
			have[x.ID] = Link{}
			fresh = append(fresh, &Link{Key: Key{p.c.ID, KindShopProduct, x.ID}, State: NotLinked,
				Title: x.Name.Or(""), SKU: x.SKU.Or(""), EAN: x.EAN.Or(""), SeenAt: p.s.now(), Parts: string(fingerprint(nil, x))})
		}
	}
	return p.s.putNew(ctx, fresh)
}

// change is one product that must be written.
type change struct {
	link  *Link
	want  framework360.Product
	parts string // fingerprint of want
	found bool   // the shop has it, and it was not linked yet
	code  string // what is to be said of it when it is written

	review *ItemError // why a person must decide

	stored bool // the link has been stored on its own
}

// page compares a page with its links and writes what is different.
func (p *productCycle) page(ctx context.Context, page totalgest.Page[totalgest.Product]) error {
	all := len(page.Items)
	page.Items = slices.DeleteFunc(page.Items, func(i totalgest.Product) bool { return badID(i.ID) })
	p.run.Rejected += all - len(page.Items)
	items := latest(page.Items)
	// Parents first: a variant needs their ids.
	slices.SortStableFunc(items, func(a, b totalgest.Product) int {
		return cmp.Compare(min(1, len(a.ParentID.Or(""))), min(1, len(b.ParentID.Or(""))))
	})
	first := slices.IndexFunc(items, func(i totalgest.Product) bool { return i.ParentID.Or("") != "" })
	if first < 0 {
		first = len(items)
	}
	p.run.Pages++
	p.run.Read += all + len(page.Rejected)
	if err := p.batch(ctx, items[:first], page.Rejected); err != nil {
		return err
	}
	if err := p.batch(ctx, items[first:], nil); err != nil {
		return err
	}
	if p.s.config.OnProgress != nil && p.lease != nil {
		p.s.config.OnProgress(Progress{Connection: p.c.ID, Run: *p.run})
	}
	return nil
}

// batch is page, for products that do not need one another.
func (p *productCycle) batch(ctx context.Context, items []totalgest.Product, rejected []error) error {
	if len(items)+len(rejected) == 0 {
		return nil
	}
	ids := make([]string, 0, len(items))
	for i := range items {
		ids = append(ids, items[i].ID)
	}
	links, err := p.s.linksByID(ctx, p.c, KindProduct, ids)
	if err != nil {
		return err
	}
	if err := errors.Join(p.reserve(ctx), p.loadParents(ctx, items)); err != nil {
		return err
	}
	var todo []*change
	var keep []*Link // blocked, or only to be marked as seen
	for i := range items {
		l, known := links[items[i].ID]
		if !known {
			l = Link{Key: Key{p.c.ID, KindProduct, items[i].ID}, SeenAt: p.s.now()}
		}
		p.witness = l.ID
		seen := p.see(&l)
		ch, err := p.compare(&items[i], &l)
		switch {
		case errors.Is(err, errNoParent):
			keep = append(keep, p.later(&l, err))
			continue
		case err != nil:
			keep = p.reject(keep, &l, err)
			continue
		case ch != nil && !p.hold(ch):
			todo = append(todo, ch)
			continue
		case ch == nil:
			p.run.Unchanged++
		}
		if seen && known {
			keep = append(keep, &l)
		}
	}
	if keep, err = p.unreadable(ctx, rejected, keep); err != nil {
		return err
	}
	if err := p.keep(ctx, keep, "what is blocked or was seen"); err != nil {
		return err
	}
	return p.write(ctx, todo)
}

var errNoParent = errors.New("the product of which it is a variant is not in the shop yet")

// later leaves a product to a worker.
func (p *productCycle) later(l *Link, err error) *Link {
	p.run.Failed++
	l.State, l.Reason, l.Code, l.Message, l.Problems = Retrying, "", codeProductParent, err.Error(), nil
	l.DueAt = p.s.now().Add(p.c.backoff(l.Attempts+1, nil))
	return l
}

// see notes that a walk of everything showed a product, and reports whether
// that was news.
func (p *productCycle) see(l *Link) bool {
	if p.plan != nil {
		p.plan.seen[idSum(l.ID)] = true
		return false
	}
	if p.lease == nil || !p.walk.full() || !l.WalkedAt.Before(p.walk.Begun) {
		return false
	}
	l.WalkedAt = p.walk.Begun
	return true
}

// keep stores links that nobody else has changed.
func (p *productCycle) keep(ctx context.Context, links []*Link, what string) error {
	if p.plan != nil {
		return nil
	}
	if _, err := p.s.putSome(ctx, links); err != nil {
		return fmt.Errorf("keep %s: %w", what, err)
	}
	return nil
}

// loadParents looks up the shop's ids of the parents of a page's variants.
func (p *productCycle) loadParents(ctx context.Context, items []totalgest.Product) error {
	var ids []string
	for i := range items {
		if id := items[i].ParentID.Or(""); id != "" {
			ids = append(ids, id)
		}
	}
	p.parents = map[string]string{}
	if len(ids) == 0 {
		return nil
	}
	links, err := p.s.linksByID(ctx, p.c, KindProduct, ids)
	for id := range links {
		p.parents[id] = links[id].PeerID
	}
	return err
}

// latest keeps the last of several elements with the same id.
func latest(items []totalgest.Product) []totalgest.Product {
	at := make(map[string]int, len(items))
	for i := range items {
		at[items[i].ID] = i
	}
	if len(at) == len(items) {
		return items
	}
	var out []totalgest.Product
	for _, i := range slices.Sorted(maps.Values(at)) {
		out = append(out, items[i])
	}
	return out
}

// compare maps a product and returns what is to be written; nil when the shop
// has it already.
func (p *productCycle) compare(item *totalgest.Product, l *Link) (*change, error) {
	if p.c.Products == StockOnly {
		return p.compareStock(item, l)
	}
	if !item.DeletedAt.IsZero() {
		return p.gone(l), nil
	}
	want, codes, err := p.c.MapProduct(*item, ProductContext{Settings: &p.c.Settings, Taxes: p.taxes, Reserved: p.reserved[item.ID], Now: p.s.now()})
	if err != nil {
		return nil, err
	}
	if parent := item.ParentID.Or(""); parent != "" {
		if p.parents[parent] == "" && p.plan == nil { // a plan creates the parent too
			return nil, errNoParent
		}
		want.ParentID = framework360.Some(p.parents[parent])
	}
	p.parts = fingerprint(p.parts[:0], &want)
	settled := l.State == Synced || l.State == Blocked && l.Code == codeProductRefused
	if l.Parts == string(p.parts) && settled && l.Code != codeProductGone {
		return nil, nil // written before, or refused before and not changed since
	}
	if l.State == Sending || l.State == InDoubt || l.Claimed("", p.s.now()) {
		return nil, nil // a worker settles that first, and reads the product again
	}
	if err := p.c.jumps(l, string(p.parts)); err != nil {
		return nil, err
	}
	l.Title, l.SKU, l.EAN, l.Warnings = item.Name, item.SKU, item.EAN.Or(""), codes
	return &change{link: l, want: want, parts: string(p.parts)}, nil
}

// compareStock looks at the quantity of a linked product alone.
func (p *productCycle) compareStock(item *totalgest.Product, l *Link) (*change, error) {
	q, ok := stockOf(item.Quantity, item.Warehouses, &p.c.Settings).Get()
	if !ok {
		return nil, nil
	}
	want := framework360.Product{Quantity: framework360.Some(sellable(q, p.reserved[item.ID], &p.c.Settings))}
	p.parts = fingerprint(p.parts[:0], &want)
	if l.State == Synced && partOf(l.Parts, quantityField) == partOf(string(p.parts), quantityField) {
		return nil, nil
	}
	l.Title, l.SKU, l.EAN = item.Name, item.SKU, item.EAN.Or("")
	return &change{link: l, want: want, parts: string(p.parts)}, nil
}

// reject blocks a product that can't be mapped; one that is blocked for the same
// reason already is left as it is.
func (p *productCycle) reject(blocked []*Link, l *Link, err error) []*Link {
	item := ItemError{Reason: ReasonData, Code: codeProductUnreadable, Message: err.Error()}
	if e := (*ItemError)(nil); errors.As(err, &e) {
		item = *e
	}
	p.run.Rejected++
	if p.plan != nil {
		l.Code, l.Message = item.Code, item.Message
		p.plan.add(l, PlanReview, nil)
		return blocked
	}
	if l.State == Blocked && l.Code == item.Code && l.Message == clean(item.Message) {
		return blocked
	}
	l.State, l.Reason, l.Code, l.Message, l.Problems = Blocked, item.Reason, item.Code, item.Message, item.Problems
	return append(blocked, l)
}

// unreadable blocks the products of a page that could not be decoded.
func (p *productCycle) unreadable(ctx context.Context, rejected []error, blocked []*Link) ([]*Link, error) {
	errs := map[string]error{}
	for _, err := range rejected {
		if id := recordID(err); id != "" {
			errs[id] = err
		} else {
			p.run.Rejected++
			p.s.log.WarnContext(ctx, "product without an id", "connection", p.c.ID, "error", err)
		}
	}
	have, err := p.s.linksByID(ctx, p.c, KindProduct, slices.Collect(maps.Keys(errs)))
	if err != nil {
		return blocked, err
	}
	for id, err := range errs {
		l, ok := have[id]
		if !ok {
			l = Link{Key: Key{p.c.ID, KindProduct, id}, SeenAt: p.s.now()}
		}
		blocked = p.reject(blocked, &l, err)
	}
	return blocked, nil
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
