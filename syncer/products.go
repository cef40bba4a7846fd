package syncer

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/tg360/tg360/framework360"
	"github.com/tg360/tg360/totalgest"
	"golang.org/x/sync/errgroup"
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
	p := &productCycle{s: s, c: c, lease: l, run: &run}
	mark, err := p.walk(ctx)
	return run, s.finish(ctx, c, l, &run, err, func(state *cycle) { state.Watermark, state.Completed = mark, s.now() })
}

// productCycle is one cycle at work.
type productCycle struct {
	s     *Syncer
	c     *conn
	lease *lease
	run   *Run
	mu    sync.Mutex        // guards run while writers work
	taxes map[string]string // tax id by rate
	parts []byte            // reused
}

// walk reads and writes page after page; it returns the server's clock as it was
// when the first page was answered.
func (p *productCycle) walk(ctx context.Context) (mark time.Time, err error) {
	// The vendor's own plugin doubles orders, not products.
	if !errors.Is(p.c.health.why(), framework360.ErrPluginActive) {
		if err := p.s.again(ctx, p.c); err != nil {
			return mark, err
		}
	}
	if err := p.prepare(ctx); err != nil {
		return mark, err
	}
	var o totalgest.ListOptions
	since := p.lease.state.Watermark
	if !since.IsZero() && p.c.TotalGest.Can(totalgest.AbilityModifiedSince) {
		o.UpdatedSince = since.Add(-p.c.Overlap)
	}
	p.run.Since = o.UpdatedSince
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	for page, err := range ahead(p.c.TotalGest.ProductPages(ctx, o)) {
		if err != nil {
			return mark, fmt.Errorf("list products: %w", err)
		}
		if mark.IsZero() {
			mark = page.ServerTime
		}
		if err := p.page(ctx, page); err != nil {
			return mark, err
		}
	}
	if mark.IsZero() {
		mark = since // a server without a clock: everything is read again each time
	}
	// A full walk has just read every quantity.
	if !o.UpdatedSince.IsZero() && p.c.TotalGest.Can(totalgest.AbilityStock) {
		return mark, p.stock(ctx)
	}
	return mark, nil
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
				Title: x.Name.Or(""), SKU: x.SKU.Or(""), EAN: x.EAN.Or(""), SeenAt: p.s.now()})
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

	stored bool // the link has been stored on its own
}

// page compares a page with its links and writes what is different.
func (p *productCycle) page(ctx context.Context, page totalgest.Page[totalgest.Product]) error {
	all := len(page.Items)
	page.Items = slices.DeleteFunc(page.Items, func(i totalgest.Product) bool { return badID(i.ID) })
	p.run.Rejected += all - len(page.Items)
	items := latest(page.Items)
	ids := make([]string, 0, len(items))
	for i := range items {
		ids = append(ids, items[i].ID)
	}
	links, err := p.s.linksByID(ctx, p.c, KindProduct, ids)
	if err != nil {
		return err
	}
	p.run.Pages++
	p.run.Read += all + len(page.Rejected)
	var todo []*change
	var blocked []*Link
	for i := range items {
		l, known := links[items[i].ID]
		if !known {
			l = Link{Key: Key{p.c.ID, KindProduct, items[i].ID}, SeenAt: p.s.now()}
		}
		ch, err := p.compare(&items[i], &l)
		switch {
		case err != nil:
			blocked = p.reject(blocked, &l, err)
		case ch != nil:
			todo = append(todo, ch)
		default:
			p.run.Unchanged++
		}
	}
	if blocked, err = p.unreadable(ctx, page.Rejected, blocked); err != nil {
		return err
	}
	if _, err := p.s.putSome(ctx, blocked); err != nil {
		return fmt.Errorf("keep what is blocked: %w", err)
	}
	if err := p.write(ctx, todo); err != nil {
		return err
	}
	if p.s.config.OnProgress != nil {
		p.s.config.OnProgress(Progress{Connection: p.c.ID, Run: *p.run})
	}
	return nil
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
	want, codes, err := p.c.MapProduct(*item, ProductContext{Settings: &p.c.Settings, Taxes: p.taxes})
	if err != nil {
		return nil, err
	}
	if !item.DeletedAt.IsZero() && l.PeerID == "" {
		return nil, nil // deleted before the shop ever had it
	}
	p.parts = fingerprint(p.parts[:0], &want)
	if l.Parts == string(p.parts) && (l.State == Synced || l.State == Blocked) {
		return nil, nil // written before, or refused before and not changed since
	}
	if l.State == Sending || l.State == InDoubt || l.Claimed("", p.s.now()) {
		return nil, nil // a worker settles that first, and reads the product again
	}
	l.Title, l.SKU, l.EAN, l.Warnings = item.Name, item.SKU, item.EAN.Or(""), codes
	return &change{link: l, want: want, parts: string(p.parts)}, nil
}

// compareStock looks at the quantity of a linked product alone.
func (p *productCycle) compareStock(item *totalgest.Product, l *Link) (*change, error) {
	q, ok := item.Quantity.Get()
	if !ok {
		return nil, nil
	}
	want := framework360.Product{Quantity: framework360.Some(sellable(q, &p.c.Settings))}
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

// write brings a page's changes to the shop, a bounded number at a time.
func (p *productCycle) write(ctx context.Context, todo []*change) error {
	todo, err := p.settle(ctx, todo)
	if err != nil || len(todo) == 0 {
		return err
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

// settle decides which of the products that are not linked may be created:
// those that the shop has already are linked, and of several with one SKU all but
// the first wait for a person.
func (p *productCycle) settle(ctx context.Context, todo []*change) ([]*change, error) {
	var fresh []*change
	for _, ch := range todo {
		if ch.link.PeerID == "" {
			fresh = append(fresh, ch)
		}
	}
	if len(fresh) == 0 {
		return todo, nil
	}
	adopted, err := p.adopt(ctx, fresh)
	if err != nil {
		return nil, err
	}
	taken, err := p.sameSKU(ctx, fresh)
	if err != nil {
		return nil, err
	}
	drop := map[*change]bool{}
	var blocked []*Link
	for _, ch := range fresh {
		l := ch.link
		owner := taken[l.SKU]
		if owner == "" {
			taken[l.SKU] = l.ID
		}
		switch {
		case p.c.Products == StockOnly && l.PeerID == "":
			drop[ch] = true // nothing to write a quantity to
			p.run.Unchanged++
		case owner != "" && owner != l.ID:
			drop[ch] = true
			blocked = p.reject(blocked, l, &ItemError{Reason: ReasonReview, Code: codeProductDuplicate, Message: "another product of TotalGest has the same SKU: one SKU is one product in the shop"})
		case l.Code == codeProductSeveral:
			drop[ch] = true
			blocked = p.reject(blocked, l, &ItemError{Reason: ReasonReview, Code: codeProductSeveral, Message: "the shop has several products with this SKU: keep one"})
		}
	}
	if _, err := p.s.putSome(ctx, slices.Concat(blocked, adopted)); err != nil {
		return nil, fmt.Errorf("keep what was matched: %w", err)
	}
	return slices.DeleteFunc(todo, func(ch *change) bool { return drop[ch] }), nil
}

// adopt finds products of the shop with the SKU of a new one: exactly one is
// linked, several are left to a person.
func (p *productCycle) adopt(ctx context.Context, fresh []*change) ([]*Link, error) {
	var skus []string
	for _, ch := range fresh {
		skus = append(skus, ch.link.SKU)
	}
	shop, err := p.s.store.List(ctx, Query{Connection: p.c.ID, Kind: KindShopProduct, States: []State{NotLinked}, SKUs: skus})
	if err != nil {
		return nil, fmt.Errorf("match with the shop's products: %w", err)
	}
	bySKU := map[string][]*Link{}
	for i := range shop {
		bySKU[shop[i].SKU] = append(bySKU[shop[i].SKU], &shop[i])
	}
	var adopted []*Link
	for _, ch := range fresh {
		switch have := bySKU[ch.link.SKU]; len(have) {
		case 0:
		case 1:
			if have[0].PeerID == "" {
				ch.link.PeerID, ch.found = have[0].ID, true
				have[0].State, have[0].PeerID = Synced, ch.link.ID
				adopted = append(adopted, have[0])
			}
		default:
			ch.link.Code = codeProductSeveral
		}
	}
	return adopted, nil
}

// sameSKU returns which product of TotalGest holds each SKU already.
func (p *productCycle) sameSKU(ctx context.Context, fresh []*change) (map[string]string, error) {
	var skus []string
	for _, ch := range fresh {
		skus = append(skus, ch.link.SKU)
	}
	links, err := p.s.store.List(ctx, Query{Connection: p.c.ID, Kind: KindProduct, States: linkedStates, SKUs: skus})
	if err != nil {
		return nil, fmt.Errorf("look for the same SKU: %w", err)
	}
	out := map[string]string{}
	for _, l := range links {
		out[l.SKU] = l.ID
	}
	return out, nil
}

func sortedKeys(m map[string]string) []string { return slices.Sorted(maps.Keys(m)) }
