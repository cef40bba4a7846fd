package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/shopspring/decimal"
	"github.com/tg360/tg360/framework360"
	"github.com/tg360/tg360/framework360/framework360test"
	"github.com/tg360/tg360/queue"
	"github.com/tg360/tg360/syncer"
	"github.com/tg360/tg360/totalgest"
	"github.com/tg360/tg360/totalgest/totalgesttest"
)

// input is what the demonstration works on.
type input struct {
	products []totalgest.Product
	orders   []framework360.Order
	currency string
	fromFile bool // the orders are a file's: nothing is added to them
	rejected []rejected
	warnings []rejected
}

// connectionID names the one connection of the demonstration.
const connectionID = "demo"

// demo is both systems and the syncer between them.
type demo struct {
	in     *input
	out    *printer
	erp    *totalgesttest.Server
	shop   *framework360test.Server
	tg     *totalgest.Client
	fw     *framework360.Client
	sync   *syncer.Syncer
	queue  queue.Queue
	bar    *progressbar.ProgressBar
	result result
}

func newDemo(ctx context.Context, in *input, out *printer) (*demo, error) {
	d := &demo{in: in, out: out, queue: queue.NewMemory(queue.MemoryConfig{Workers: 8, PerLane: 8})}
	var err error
	if d.erp, err = totalgesttest.New(totalgesttest.Options{Dedupe: true}); err != nil {
		return nil, err
	}
	if d.shop, err = framework360test.New(framework360test.Options{Statuses: shopStates(), Payments: shopPayments()}); err != nil {
		return nil, err
	}
	d.erp.SetProducts(in.products)
	if d.tg, err = totalgest.New(d.erp.Config()); err != nil {
		return nil, err
	}
	if d.fw, err = framework360.New(d.shop.Config()); err != nil {
		return nil, err
	}
	d.sync, err = syncer.New(syncer.Config{Store: syncer.NewMemoryStore(), Queue: d.queue,
		SweepEvery: 200 * time.Millisecond, Logger: slog.New(slog.DiscardHandler), OnProgress: d.progress})
	if err != nil {
		return nil, err
	}
	err = d.sync.Add(ctx, syncer.Connection{ID: connectionID, Origin: "demo", TotalGest: d.tg, Framework360: d.fw,
		GoLive: goLive(in.orders), Settings: syncer.Settings{
			Prices: syncer.PricesGross, Rows: syncer.RowsUnit, Currency: cmp.Or(in.currency, "EUR"), Writers: 8,
			WriteWithin: time.Second, // more than the fakes ever take
			Rules: syncer.Rules{
				States: map[string]syncer.Meaning{"in attesa di pagamento": syncer.MeansWait, "pagato": syncer.MeansPaid,
					"in preparazione": syncer.MeansCompleted, "annullato": syncer.MeansCancelled, "rettifica": syncer.MeansCancelled},
				PaymentStates: map[string]syncer.Meaning{"paid": syncer.MeansPaid, "pagato": syncer.MeansPaid, "unpaid": syncer.MeansWait},
				Methods:       map[string]syncer.Meaning{"contrassegno": syncer.MeansAlways},
			}}})
	if err != nil {
		return d, err
	}
	// The store is new, and some orders are not: TotalGest, which knows a repeated
	// order, may be sent them.
	return d, d.sync.ConfirmOrigin(ctx, connectionID, "demo")
}

// shopStates and shopPayments are the shop's own lists.
func shopStates() []framework360.Reference {
	return []framework360.Reference{{ID: "1", Name: "In attesa di pagamento"}, {ID: "2", Name: "Pagato"},
		{ID: "3", Name: "In preparazione"}, {ID: "5", Name: "Annullato"}, {ID: "6", Name: "Rettifica"}}
}

func shopPayments() []framework360.Reference {
	return []framework360.Reference{{ID: "3", Name: "Carta di credito"}, {ID: "4", Name: "Contrassegno"}, {ID: "5", Name: "Bonifico"}}
}

// goLive is the instant of the oldest order: all of them are to be exported.
func goLive(orders []framework360.Order) time.Time {
	first := time.Now()
	for _, o := range orders {
		if o.Created.Before(first) {
			first = o.Created
		}
	}
	return first
}

func (d *demo) close() {
	d.tg.Close()
	d.fw.Close()
	d.erp.Close()
	d.shop.Close()
	_ = d.queue.Close() // it has no work left that could fail
}

// run tells the story.
func (d *demo) run(ctx context.Context) (*result, error) {
	d.out.text(say(d.out.lang, "start"))
	for _, chapter := range []func(context.Context) error{d.verify, d.first, d.second, d.update, d.orders, d.manual, d.lists} {
		if err := chapter(ctx); err != nil {
			return nil, err
		}
	}
	return &d.result, nil
}

// verify shows a wrong password, then checks both systems.
func (d *demo) verify(ctx context.Context) error {
	d.out.title("verify")
	wrong := d.erp.Config()
	wrong.Password = "wrong"
	c, err := totalgest.New(wrong)
	if err != nil {
		return err
	}
	defer c.Close()
	if _, err = c.Verify(ctx); !errors.Is(err, totalgest.ErrUnauthorized) {
		return fmt.Errorf("a wrong password was not refused: %w", err)
	}
	d.out.line("wrong", err)
	report, err := d.tg.Verify(ctx)
	if err != nil {
		return err
	}
	d.out.line("right", report.Account.ShopID, report.Account.OwnerID, len(report.Checks))
	shop, err := d.fw.Verify(ctx)
	if err != nil {
		return err
	}
	d.out.line("shopright", len(shop.Checks))
	return nil
}

// cycle runs one product cycle and returns its report with the calls it made.
func (d *demo) cycle(ctx context.Context) (run syncer.Run, reads, writes int, err error) {
	before, wrote := calls(d.erp.Requests(), d.shop.Requests()), d.shop.Writes()
	run, err = d.sync.SyncProducts(ctx, connectionID)
	writes = d.shop.Writes() - wrote
	return run, calls(d.erp.Requests(), d.shop.Requests()) - before - writes, writes, err
}

func calls(counts ...map[string]int) int {
	n := 0
	for _, c := range counts {
		for v := range maps.Values(c) {
			n += v
		}
	}
	return n
}

func (d *demo) progress(p syncer.Progress) {
	if d.bar != nil {
		_ = d.bar.Set(min(p.Run.Read, len(d.in.products))) // a bar that can't be drawn is no failure
	}
}

func (d *demo) first(ctx context.Context) error {
	d.out.title("first")
	d.bar = progressbar.NewOptions(len(d.in.products), progressbar.OptionSetWriter(d.out.bar),
		progressbar.OptionClearOnFinish(), progressbar.OptionSetWidth(40), progressbar.OptionShowCount())
	run, _, _, err := d.cycle(ctx)
	_ = d.bar.Finish()
	d.bar = nil
	if err != nil {
		return err
	}
	d.result.Products = productCounts{Read: run.Read, Created: run.Created, Updated: run.Updated, Unchanged: run.Unchanged, Rejected: run.Rejected}
	d.out.line("cycle", run.Read, run.Created, run.Updated, run.Unchanged, run.Rejected, run.Ended.Sub(run.Started).Round(time.Millisecond))
	links, err := d.sync.List(ctx, syncer.Query{Connection: connectionID, Kind: syncer.KindProduct})
	if err != nil {
		return err
	}
	for _, l := range links {
		if len(l.Warnings) > 0 {
			d.result.Warnings = append(d.result.Warnings, rejected{Kind: "product", ID: l.ID, Reason: strings.Join(l.Warnings, " ")})
		}
	}
	if n := len(d.result.Warnings); n > 0 {
		d.out.line("warnings", n)
	}
	return nil
}

func (d *demo) second(ctx context.Context) error {
	d.out.title("second")
	run, reads, writes, err := d.cycle(ctx)
	if err != nil {
		return err
	}
	d.result.Second = secondCounts{Reads: reads, Writes: writes}
	d.out.line("cycle", run.Read, run.Created, run.Updated, run.Unchanged, run.Rejected, run.Ended.Sub(run.Started).Round(time.Millisecond))
	d.out.line("calls", reads, writes)
	return nil
}

// update changes the stock of three products and the price of two others.
func (d *demo) update(ctx context.Context) error {
	var changed []string
	for i := range d.in.products {
		p := &d.in.products[i]
		if p.Name == "" || len(p.Prices) == 0 || slices.Contains(changed, p.SKU) {
			continue
		}
		if len(changed) < 3 {
			d.erp.SetStock(p.ID, p.Quantity.Or(decimal.Zero).Add(decimal.NewFromInt(7)), false)
		} else {
			d.erp.UpdateProduct(p.ID, func(p *totalgest.Product) {
				// By a tenth and a cent: much more, and the brake would ask a person.
				was := p.Prices[0].Amount.Or(decimal.Zero)
				p.Prices[0].Amount = totalgest.Some(was.Mul(decimal.New(11, -1)).Round(2).Add(decimal.New(1, -2)))
			})
		}
		if changed = append(changed, p.SKU); len(changed) == 5 {
			break
		}
	}
	d.out.title("update", len(changed))
	_, reads, writes, err := d.cycle(ctx)
	if err != nil {
		return err
	}
	d.result.Update = updateCounts{Changed: len(changed), Writes: writes}
	d.out.line("changed", strings.Join(changed, ", "))
	d.out.line("calls", reads, writes)
	return nil
}

// orders places the orders and waits until the queue has dealt with them.
func (d *demo) orders(ctx context.Context) error {
	d.out.title("orders")
	for _, o := range d.in.orders {
		d.shop.PutOrder(o)
	}
	ctx, stop := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- d.sync.Work(ctx) }()
	_, err := d.sync.PollOrders(ctx, connectionID)
	if err == nil {
		err = d.settled(ctx)
	}
	stop()
	if err := errors.Join(err, <-done); err != nil {
		return err
	}
	counts, err := d.sync.Counts(context.WithoutCancel(ctx), connectionID, syncer.KindOrder)
	if err != nil {
		return err
	}
	r := &d.result.Orders
	*r = orderCounts{Exported: counts[syncer.Synced], Skipped: counts[syncer.Skipped], Blocked: counts[syncer.Blocked], Waiting: counts[syncer.NotLinked]}
	for _, n := range counts {
		r.Read += n
	}
	d.out.line("ordered", r.Read, r.Exported, r.Skipped, r.Blocked, r.Waiting)
	return nil
}

// settled waits until no order is on its way.
func (d *demo) settled(ctx context.Context) error {
	t := time.NewTicker(20 * time.Millisecond)
	defer t.Stop()
	for {
		counts, err := d.sync.Counts(ctx, connectionID, syncer.KindOrder)
		if err != nil {
			return err
		}
		if counts[syncer.Queued]+counts[syncer.Sending]+counts[syncer.InDoubt]+counts[syncer.Retrying] == 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-t.C:
		}
	}
}

// manual forces the export of a selection: of the invented orders the ones that
// stayed behind, of a file's the first ones, which are there already.
func (d *demo) manual(ctx context.Context) error {
	var all []string
	for _, o := range d.in.orders {
		all = append(all, o.ID)
	}
	links, err := d.sync.Status(ctx, connectionID, syncer.KindOrder, all...)
	if err != nil {
		return err
	}
	ids := []string{"no-such-order"}
	for _, l := range links {
		if len(ids) < 4 && (d.in.fromFile && l.State == syncer.Synced || !d.in.fromFile && (l.State == syncer.NotLinked || l.State == syncer.Blocked)) {
			ids = append(ids, l.ID)
		}
	}
	d.out.title("manual", len(ids))
	report, err := d.sync.Export(ctx, connectionID, ids...)
	if err != nil {
		return err
	}
	d.result.Manual = manualCounts{Succeeded: report.Succeeded(), Failed: len(report.Failed()), Errors: []exportError{}}
	d.out.line("report", report.Succeeded(), report.Already(), len(report.Failed()))
	for _, f := range report.Failed() {
		d.result.Manual.Errors = append(d.result.Manual.Errors, exportError{ID: f.OrderID, Reason: f.Err.Error()})
		d.out.text("  " + f.OrderID + ": " + f.Err.Error())
	}
	return nil
}

// lists shows every item with its state, the first of many.
func (d *demo) lists(ctx context.Context) error {
	d.result.Rejected, d.result.Warnings = append([]rejected{}, d.in.rejected...), append(d.result.Warnings, d.in.warnings...)
	for _, kind := range []syncer.Kind{syncer.KindProduct, syncer.KindOrder} {
		links, err := d.sync.List(ctx, syncer.Query{Connection: connectionID, Kind: kind})
		if err != nil {
			return err
		}
		for _, l := range links {
			if l.State == syncer.Blocked {
				d.result.Rejected = append(d.result.Rejected, rejected{Kind: string(kind), ID: l.ID, Reason: l.Code + ": " + l.Message})
			}
		}
		d.table(kind, links)
	}
	gross := map[string]decimal.Decimal{}
	for _, o := range d.erp.Orders() {
		gross[o.Order.Currency] = gross[o.Order.Currency].Add(o.Order.Gross.Or(decimal.Zero))
	}
	d.result.TotalGest = erpCounts{Orders: len(d.erp.Orders()), Duplicates: d.erp.Duplicates(), Gross: map[string]string{}}
	var sums []string
	for _, c := range slices.Sorted(maps.Keys(gross)) {
		d.result.TotalGest.Gross[c] = gross[c].StringFixed(2)
		sums = append(sums, gross[c].StringFixed(2)+" "+c)
	}
	fmt.Fprintln(d.out.w)
	d.out.line("totals", d.result.TotalGest.Orders, d.result.TotalGest.Duplicates, strings.Join(sums, ", "))
	return nil
}
