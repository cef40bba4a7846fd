package syncer_test

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/tg360/tg360/framework360"
	"github.com/tg360/tg360/syncer"
	"github.com/tg360/tg360/totalgest/totalgesttest"
)

func (r *rig) quantity(sku string) string {
	p, _ := r.shop.Product(sku)
	return p.Quantity.Or(dec("-1")).String()
}

// TestStockLeavesOutWhatIsSold: an open order's pieces are not offered again, and
// are given free only when TotalGest was asked after it had the order.
func TestStockLeavesOutWhatIsSold(t *testing.T) {
	t.Parallel()
	for _, list := range []bool{true, false} {
		t.Run(fmt.Sprintf("stock list %v", list), func(t *testing.T) {
			t.Parallel()
			profile := fmt.Appendf(nil, `{"abilities":{"stock":%v}}`, list)
			bubble(t, setup{erp: totalgesttest.Options{Profile: profile}, adjust: func(c *syncer.Connection) { c.StockBuffer = dec("1") }}, func(ctx context.Context, r *rig) {
				r.erp.SetProducts(products(3))
				r.cycle(ctx)
				o := order("501")
				o.StateID, o.StateName, o.PaymentState = "1", "Aperto", "unpaid" // two of SKU-1, one of SKU-2
				r.shop.PutOrder(o)
				pause(5 * time.Minute)
				r.poll(ctx) // nobody has read the order yet
				r.cycle(ctx)
				if got := r.quantity("SKU-1") + " " + r.quantity("SKU-2") + " " + r.quantity("SKU-3"); got != "7 8 9" {
					t.Fatalf("while the order is open: %s", got)
				}
				r.shop.UpdateOrder("501", func(o *framework360.Order) { o.StateID, o.StateName, o.PaymentState = "2", "Pagato", "paid" })
				if _, err := r.sync.Export(ctx, connection, "501"); err != nil {
					t.Fatal(err)
				}
				r.erp.SetStock("1", dec("8"), false) // TotalGest takes them off, and says nothing of it
				r.erp.SetStock("2", dec("9"), false)
				pause(5 * time.Minute)
				r.cycle(ctx)
				if got := r.quantity("SKU-1") + " " + r.quantity("SKU-2") + " " + r.quantity("SKU-3"); got != "7 8 9" {
					t.Errorf("after its export: %s", got)
				}
			})
		})
	}
}

// TestNeverOffersWhatIsSold orders, pays, cancels, exports and pulls at random.
// After each cycle the shop offers no more than TotalGest has, less what the shop
// had sold when the cycle began and TotalGest did not have.
func TestNeverOffersWhatIsSold(t *testing.T) {
	t.Parallel()
	for _, list := range []bool{true, false} {
		t.Run(fmt.Sprintf("stock list %v", list), func(t *testing.T) {
			t.Parallel()
			seed := rand.Uint64()
			t.Logf("seed %d", seed)
			rng := rand.New(rand.NewPCG(seed, 2))
			profile := fmt.Appendf(nil, `{"abilities":{"stock":%v}}`, list)
			bubble(t, setup{erp: totalgesttest.Options{Profile: profile}, adjust: func(c *syncer.Connection) { c.Brakes.Zero = -1 }}, func(ctx context.Context, r *rig) {
				r.erp.SetProducts(products(4))
				r.cycle(ctx)
				r.work(ctx)
				w := &sales{rig: r, rng: rng, list: list, open: map[string]map[string]decimal.Decimal{}}
				for range 400 {
					w.step(ctx)
				}
				if w.cycles < 20 || w.exports < 20 {
					t.Errorf("%d cycles, %d exports: too few to mean anything", w.cycles, w.exports)
				}
			})
		})
	}
}

type sales struct {
	*rig
	rng             *rand.Rand
	list            bool // TotalGest lists quantities: else one that changes alone is seen by the next walk of everything
	last            int
	open            map[string]map[string]decimal.Decimal // of orders that TotalGest does not have: quantities by SKU
	cycles, exports int
}

func (w *sales) step(ctx context.Context) {
	switch w.rng.IntN(6) {
	case 0, 1:
		w.last++
		o := order(fmt.Sprint(w.last))
		o.StateID, o.StateName, o.PaymentState = "1", "Aperto", "unpaid"
		q := map[string]decimal.Decimal{}
		for i := range o.Rows {
			o.Rows[i].SKU = fmt.Sprintf("SKU-%d", 1+(w.rng.IntN(2)+2*i))
			o.Rows[i].Quantity = framework360.Some(decimal.NewFromInt(int64(1 + w.rng.IntN(2))))
			q[o.Rows[i].SKU] = q[o.Rows[i].SKU].Add(o.Rows[i].Quantity.Or(decimal.Zero))
		}
		total := dec("5")
		for i := range o.Rows {
			total = total.Add(o.Rows[i].Quantity.Or(decimal.Zero).Mul(dec("12.20")))
		}
		o.Total = framework360.Some(total)
		w.shop.PutOrder(o)
		w.open[o.ID] = q
		w.own(q, -1)
	case 2:
		if id := w.any(); id != "" {
			w.shop.UpdateOrder(id, func(o *framework360.Order) { o.StateID, o.StateName, o.PaymentState = "2", "Pagato", "paid" })
			w.export(ctx, id)
		}
	case 3:
		if id := w.any(); id != "" {
			w.shop.UpdateOrder(id, func(o *framework360.Order) { o.StateID, o.StateName = "5", "Annullato" })
			w.own(w.open[id], 1)
			delete(w.open, id)
			if err := w.sync.Notify(ctx, connection, id); err != nil {
				w.t.Fatal(err)
			}
			pause(time.Second)
		}
	case 4:
		sku := fmt.Sprint(1 + w.rng.IntN(4))
		w.erp.SetStock(sku, dec(fmt.Sprint(5+w.rng.IntN(20))), !w.list || w.rng.IntN(2) == 0)
	case 5:
		w.pull(ctx)
	}
	pause(time.Duration(w.rng.IntN(240)) * time.Second)
}

// any returns an open order; empty: there is none.
func (w *sales) any() string {
	ids := slices.Sorted(maps.Keys(w.open))
	if len(ids) == 0 {
		return ""
	}
	return ids[w.rng.IntN(len(ids))]
}

// own is what the shop does by itself with what is ordered or cancelled.
func (w *sales) own(quantities map[string]decimal.Decimal, sign int64) {
	for sku, q := range quantities {
		p, _ := w.shop.Product(sku)
		w.shop.EditProduct(p.ID, func(p *framework360.Product) {
			p.Quantity = framework360.Some(p.Quantity.Or(decimal.Zero).Add(q.Mul(decimal.NewFromInt(sign))))
		})
	}
}

// export has TotalGest take the pieces off in the same moment.
func (w *sales) export(ctx context.Context, id string) {
	report, err := w.sync.Export(ctx, connection, id)
	if err != nil || report.Items[0].Err != nil {
		w.t.Fatalf("export of %s: %v, %+v", id, err, report)
	}
	for sku, q := range w.open[id] {
		p, _ := w.erp.Product(sku[len("SKU-"):])
		w.erp.SetStock(p.ID, p.Quantity.Or(decimal.Zero).Sub(q), false)
	}
	delete(w.open, id)
	w.exports++
}

func (w *sales) pull(ctx context.Context) {
	w.poll(ctx)
	w.cycle(ctx)
	w.cycles++
	for _, p := range w.erp.Products() {
		want := p.Quantity.Or(decimal.Zero)
		for _, q := range w.open {
			want = want.Sub(q[p.SKU])
		}
		if got := dec(w.quantity(p.SKU)); got.GreaterThan(decimal.Max(want, decimal.Zero)) {
			w.t.Fatalf("%s: the shop offers %s, and %s are to be had", p.SKU, got, want)
		}
	}
}
