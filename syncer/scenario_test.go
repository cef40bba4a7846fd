package syncer_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/tg360/tg360/framework360/framework360test"
	"github.com/tg360/tg360/syncer"
	"github.com/tg360/tg360/totalgest"
	"github.com/tg360/tg360/totalgest/totalgesttest"
)

// TestFaultsThatLeaveNoDoubt syncs a catalogue and exports orders while a tenth
// of all requests, on both sides, meets each fault after which nothing happened.
func TestFaultsThatLeaveNoDoubt(t *testing.T) {
	t.Parallel()
	const nProducts, nOrders, share = 5000, 1000, 0.1
	kinds := []totalgesttest.FaultKind{totalgesttest.DropBefore, totalgesttest.Error500Before, totalgesttest.TooMany429,
		totalgesttest.HTML502, totalgesttest.Slow}
	var erp []totalgesttest.Fault
	var shop []framework360test.Fault
	for _, k := range kinds {
		erp = append(erp, totalgesttest.Fault{Kind: k, Share: share, Delay: time.Second})
		shop = append(shop, framework360test.Fault{Kind: k, Share: share, Delay: time.Second})
	}
	for _, op := range []string{"products.list", "stock.list"} { // a read that ends in the middle
		erp = append(erp, totalgesttest.Fault{Kind: totalgesttest.Truncate, Operation: op, Share: share})
	}
	for _, op := range []string{"orders/list", "orders/get", "products/list"} {
		shop = append(shop, framework360test.Fault{Kind: framework360test.Truncate, Operation: op, Share: share})
	}
	patient := func(c *syncer.Connection) { c.MaxAttempts = 50 } // three writes in ten are ambiguous: by chance one may fail ten times
	bubble(t, setup{erp: totalgesttest.Options{Seed: 1}, shop: framework360test.Options{Seed: 2}, adjust: patient}, func(ctx context.Context, r *rig) {
		r.erp.SetProducts(products(nProducts))
		for i := range nOrders {
			o := order(fmt.Sprint(1000 + i))
			o.Created = o.Created.Add(time.Duration(i) * time.Second)
			r.shop.PutOrder(o)
		}
		first := order("900")
		r.shop.PutOrder(first) // exported before the storm: it proves that the search finds
		if report, err := r.sync.Export(ctx, connection, first.ID); err != nil || len(report.Items) != 1 {
			t.Fatal(report, err)
		}
		r.erp.Faults(erp...)
		r.shop.Faults(shop...)
		r.work(ctx)
		r.until(24*time.Hour, "a cycle and a look are complete", func() bool {
			p, perr := r.sync.SyncProducts(ctx, connection)
			o, oerr := r.sync.PollOrders(ctx, connection)
			return perr == nil && oerr == nil && p.Complete && o.Complete
		})
		r.until(48*time.Hour, "everything is across", func() bool {
			ps, _ := r.sync.Counts(ctx, connection, syncer.KindProduct)
			os, _ := r.sync.Counts(ctx, connection, syncer.KindOrder)
			if n := os[syncer.Blocked]; n > 0 { // orders that came before their products
				blocked, _ := r.sync.List(ctx, syncer.Query{Connection: connection, Kind: syncer.KindOrder, States: []syncer.State{syncer.Blocked}})
				for _, l := range blocked {
					if l.Code != "TG-ORD-008" {
						t.Fatalf("blocked: %+v", l)
					}
					if _, err := r.sync.Retry(ctx, connection, syncer.KindOrder, l.ID); err != nil {
						t.Fatal(err)
					}
				}
			}
			return ps[syncer.Synced] == nProducts && os[syncer.Synced] == nOrders+1
		})
		if n := len(r.shop.Products()); n != nProducts || r.shop.Duplicates() != 0 {
			t.Errorf("the shop has %d products, %d doubled", n, r.shop.Duplicates())
		}
		if n := len(r.erp.Orders()); n != nOrders+1 || r.erp.Duplicates() != 0 {
			t.Errorf("TotalGest has %d orders, %d doubled", n, r.erp.Duplicates())
		}
		met := r.erp.FaultCounts()
		for k, n := range r.shop.FaultCounts() {
			met[k] += n
		}
		for _, k := range append(kinds, totalgesttest.Truncate) {
			if met[k] == 0 {
				t.Errorf("no request met %s", k)
			}
		}
		t.Log(met)
	})
}

func TestThousandProductsAndOneBadRecord(t *testing.T) {
	t.Parallel()
	bubble(t, setup{}, func(ctx context.Context, r *rig) {
		list := products(1000)
		list[500].Name = ""
		list[501] = totalgest.Product{ID: "odd", SKU: "", Name: "senza codice"}
		r.erp.SetProducts(list)
		if run := r.cycle(ctx); run.Created != 998 || run.Rejected != 2 || !run.Complete {
			t.Errorf("run: %+v", run)
		}
	})
}
