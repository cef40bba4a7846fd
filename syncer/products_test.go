package syncer_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/tg360/tg360/framework360"
	"github.com/tg360/tg360/framework360/framework360test"
	"github.com/tg360/tg360/syncer"
	"github.com/tg360/tg360/totalgest"
	"github.com/tg360/tg360/totalgest/totalgesttest"
)

func TestCycleCreatesThenWritesOnlyChanges(t *testing.T) {
	t.Parallel()
	bubble(t, setup{}, func(ctx context.Context, r *rig) {
		r.erp.SetProducts(products(1200))
		if run := r.cycle(ctx); run.Created != 1200 || run.Read != 1200 || !run.Complete {
			t.Fatalf("first cycle: %+v", run)
		}
		got, _ := r.shop.Product("SKU-7")
		if got.Price.Or(decimal.Zero).String() != "12.2" || got.Quantity.Or(decimal.Zero).String() != "10" || got.Name.Or("") != "Articolo 7" || got.TaxID.Or("") == "" {
			t.Errorf("product in the shop: %+v", got)
		}
		if l := r.status(ctx, syncer.KindProduct, "7"); l.State != syncer.Synced || l.PeerID != got.ID {
			t.Errorf("link: %+v", l)
		}
		writes := r.shop.Writes()
		pause(5 * time.Minute)
		if run := r.cycle(ctx); run.Writes != 0 || r.shop.Writes() != writes {
			t.Errorf("second cycle wrote: %+v", run)
		}
		r.erp.SetStock("3", dec("4"), false) // without moving the product's own date
		r.erp.UpdateProduct("9", func(p *totalgest.Product) { p.Prices[0].Amount = totalgest.Some(dec("13")) })
		pause(5 * time.Minute)
		r.cycle(ctx)
		if n := r.shop.Writes() - writes; n != 2 {
			t.Errorf("%d writes for 2 changes", n)
		}
		three, _ := r.shop.Product("SKU-3")
		nine, _ := r.shop.Product("SKU-9")
		if three.Quantity.Or(decimal.Zero).String() != "4" || nine.Price.Or(decimal.Zero).String() != "13" {
			t.Errorf("after the update: %v, %v", three.Quantity, nine.Price)
		}
	})
}

func TestShopTextsStayWhenTotalGestDoesNotChangeThem(t *testing.T) {
	t.Parallel()
	bubble(t, setup{}, func(ctx context.Context, r *rig) {
		r.erp.SetProducts(products(1))
		r.cycle(ctx)
		p, _ := r.shop.Product("SKU-1")
		r.shop.EditProduct(p.ID, func(p *framework360.Product) { p.Name = framework360.Some("Testo del negozio") })
		r.erp.UpdateProduct("1", func(p *totalgest.Product) { p.Prices[0].Amount = totalgest.Some(dec("14")) })
		pause(time.Minute)
		r.cycle(ctx)
		p, _ = r.shop.Product("SKU-1")
		if p.Name.Or("") != "Testo del negozio" || p.Price.Or(decimal.Zero).String() != "14" {
			t.Errorf("name %q, price %v", p.Name.Or(""), p.Price)
		}
	})
}

func TestOddProducts(t *testing.T) {
	t.Parallel()
	bubble(t, setup{}, func(ctx context.Context, r *rig) {
		list := products(7)
		list[0].Prices = nil                                  // no price
		list[1].Name = ""                                     // unreadable
		list[2].SKU = list[3].SKU                             // the same SKU twice
		list[4].VATRate = totalgest.Some(dec("17"))           // no such tax in the shop
		list[5].Prices[0].IncludesTax = totalgest.Some(false) // net where the shop's are gross
		list[6].Quantity = totalgest.Some(dec("-3"))
		r.erp.SetProducts(list)
		run := r.cycle(ctx)
		if run.Created != 5 || run.Rejected != 2 {
			t.Errorf("run: %+v", run)
		}
		check := func(id string, state syncer.State, code, warning string) {
			t.Helper()
			l := r.status(ctx, syncer.KindProduct, id)
			if l.State != state || l.Code != code || (warning != "" && (len(l.Warnings) != 1 || l.Warnings[0] != warning)) {
				t.Errorf("product %s: %+v", id, l)
			}
		}
		check("1", syncer.Synced, "", "TG-PRD-002")
		check("2", syncer.Blocked, "TG-PRD-001", "")
		check("4", syncer.Blocked, "TG-PRD-008", "")
		check("5", syncer.Synced, "", "TG-PRD-003")
		if p, _ := r.shop.Product("SKU-1"); p.Price.IsSet() {
			t.Errorf("a missing price became %v", p.Price)
		}
		if p, _ := r.shop.Product("SKU-6"); p.Price.Or(decimal.Zero).String() != "14.88" { // 12.20 + 22 %
			t.Errorf("net price became %v", p.Price)
		}
		if p, _ := r.shop.Product("SKU-7"); !p.Quantity.IsSet() || !p.Quantity.Or(dec("9")).IsZero() {
			t.Errorf("negative stock became %v", p.Quantity)
		}
	})
}

func TestFirstCycleLinksWhatTheShopHas(t *testing.T) {
	t.Parallel()
	bubble(t, setup{}, func(ctx context.Context, r *rig) {
		id := r.shop.PutProduct(framework360.Product{SKU: framework360.Some("SKU-1"), Name: framework360.Some("Vecchio nome")})
		r.shop.PutProduct(framework360.Product{SKU: framework360.Some("SKU-2"), Name: framework360.Some("Uno")})
		r.shop.PutProduct(framework360.Product{SKU: framework360.Some("SKU-2"), Name: framework360.Some("Due")})
		r.erp.SetProducts(products(3))
		run := r.cycle(ctx)
		if run.Linked != 1 || run.Created != 1 || run.Rejected != 1 {
			t.Errorf("run: %+v", run)
		}
		if l := r.status(ctx, syncer.KindProduct, "1"); l.State != syncer.Synced || l.PeerID != id {
			t.Errorf("product 1: %+v", l)
		}
		if l := r.status(ctx, syncer.KindProduct, "2"); l.State != syncer.Blocked || l.Code != "TG-PRD-006" {
			t.Errorf("product 2: %+v", l)
		}
		if n := len(r.shop.Products()); n != 4 {
			t.Errorf("the shop has %d products", n)
		}
	})
}

func TestCreationInDoubtIsLookedUp(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name  string
		fault framework360test.FaultKind
	}{{"it arrived", framework360test.DropAfter}, {"it did not", framework360test.DropBefore}, {"failing server, it arrived", framework360test.Error500After}, {"page instead of an answer", framework360test.HTML200}} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			bubble(t, setup{}, func(ctx context.Context, r *rig) {
				r.erp.SetProducts(products(2))
				r.shop.Faults(framework360test.Fault{Kind: tc.fault, Share: 1, Operation: "products/create", Times: 1})
				if run := r.cycle(ctx); run.Created != 1 || run.Failed != 1 {
					t.Fatalf("run: %+v", run)
				}
				r.work(ctx)
				r.until(time.Hour, "both products are synced", func() bool {
					counts, _ := r.sync.Counts(ctx, connection, syncer.KindProduct)
					return counts[syncer.Synced] == 2
				})
				if n := len(r.shop.Products()); n != 2 || r.shop.Duplicates() != 0 {
					t.Errorf("%d products in the shop, %d doubled", n, r.shop.Duplicates())
				}
			})
		})
	}
}

func TestCreationInDoubtInAShopThatIgnoresTheFilter(t *testing.T) {
	t.Parallel()
	bubble(t, setup{shop: framework360test.Options{IgnoreSKU: true}}, func(ctx context.Context, r *rig) {
		r.erp.SetProducts(products(400))
		r.cycle(ctx)
		r.erp.PutProduct(totalgest.Product{ID: "new", SKU: "SKU-NEW", Name: "Nuovo"})
		r.shop.Faults(framework360test.Fault{Kind: framework360test.DropBefore, Share: 1, Operation: "products/create", Times: 1})
		pause(time.Minute)
		r.cycle(ctx)
		r.work(ctx)
		r.until(2*time.Hour, "a person is asked", func() bool {
			l := r.status(ctx, syncer.KindProduct, "new")
			return l.State == syncer.Blocked && l.Reason == syncer.ReasonReview
		})
	})
}

func TestRefusedProductIsNotSentAgainUnchanged(t *testing.T) {
	t.Parallel()
	bubble(t, setup{}, func(ctx context.Context, r *rig) {
		r.erp.SetProducts(products(1))
		r.shop.Faults(framework360test.Fault{Kind: framework360test.OK200Error, Share: 1, Operation: "products/create"})
		if run := r.cycle(ctx); run.Rejected != 1 {
			t.Fatalf("run: %+v", run)
		}
		writes := r.shop.Requests()["products/create"]
		pause(10 * time.Second) // still within the overlap of the next cycle
		r.cycle(ctx)
		if n := r.shop.Requests()["products/create"]; n != writes {
			t.Errorf("sent again: %d creations", n)
		}
		r.shop.Faults()
		r.erp.UpdateProduct("1", func(p *totalgest.Product) { p.Name = "Nome corretto" })
		pause(time.Minute)
		if run := r.cycle(ctx); run.Created != 1 {
			t.Errorf("after the correction: %+v", run)
		}
	})
}

func TestBrokenCycleIsReadAgain(t *testing.T) {
	t.Parallel()
	bubble(t, setup{}, func(ctx context.Context, r *rig) {
		r.erp.SetProducts(products(1500))
		pages := 0
		r.erp.OnRequest(func(op string) {
			if pages++; op == "products.list" && pages == 2 {
				r.erp.Faults(totalgesttest.Fault{Kind: totalgesttest.HTML200})
			}
		})
		if run, err := r.sync.SyncProducts(ctx, connection); err == nil || run.Complete || run.Reason == "" {
			t.Fatalf("a broken cycle ended as %+v, %v", run, err)
		}
		r.erp.Faults()
		// It goes on with the page that was not read.
		if run := r.cycle(ctx); run.Read != 1000 || len(r.shop.Products()) != 1500 || r.shop.Duplicates() != 0 {
			t.Errorf("after it: %+v", run)
		}
		runs, err := r.sync.Runs(ctx, connection, syncer.KindProduct)
		if err != nil || len(runs) != 2 || !runs[0].Complete || runs[1].Complete {
			t.Errorf("runs: %+v, %v", runs, err)
		}
	})
}

func TestSlowShopGetsNothingTwice(t *testing.T) {
	t.Parallel()
	bubble(t, setup{adjust: func(c *syncer.Connection) { c.Writers = 1 }}, func(ctx context.Context, r *rig) {
		r.erp.SetProducts(products(600))
		r.shop.Faults(framework360test.Fault{Kind: framework360test.Slow, Operation: "products/create", Delay: time.Second})
		r.work(ctx) // its sweep must not take up what the cycle is about to do
		done := make(chan syncer.Run)
		go func() { done <- r.cycle(ctx) }()
		pause(5 * time.Minute) // longer than any lease
		if _, err := r.sync.SyncProducts(ctx, connection); !errors.Is(err, syncer.ErrBusy) {
			t.Errorf("a second cycle beside the first: %v", err)
		}
		if run := <-done; run.Created != 600 || r.shop.Duplicates() != 0 || len(r.shop.Products()) != 600 {
			t.Errorf("%+v, %d products, %d doubled", run, len(r.shop.Products()), r.shop.Duplicates())
		}
	})
}

func TestDeletedProductIsHiddenAndComesBack(t *testing.T) {
	t.Parallel()
	bubble(t, setup{}, func(ctx context.Context, r *rig) {
		r.erp.SetProducts(products(2))
		r.cycle(ctx)
		for _, deleted := range []bool{true, false} {
			r.erp.UpdateProduct("1", func(p *totalgest.Product) {
				p.DeletedAt = time.Time{}
				if deleted {
					p.DeletedAt = time.Now()
				}
			})
			pause(time.Minute)
			r.cycle(ctx)
			if p, _ := r.shop.Product("SKU-1"); p.Active.Or(true) == deleted {
				t.Errorf("deleted %v: active %v", deleted, p.Active)
			}
		}
		r.erp.PutProduct(totalgest.Product{ID: "9", SKU: "SKU-9", Name: "Mai venduto", DeletedAt: time.Now()})
		pause(time.Minute)
		r.cycle(ctx)
		if _, ok := r.shop.Product("SKU-9"); ok {
			t.Error("a product that was deleted before the shop had it was created")
		}
	})
}

func TestWholeUpdatesForAShopThatClearsTheRest(t *testing.T) {
	t.Parallel()
	full := []byte(`{"update":"full"}`)
	bubble(t, setup{shop: framework360test.Options{Profile: full}}, func(ctx context.Context, r *rig) {
		r.erp.SetProducts(products(3))
		r.cycle(ctx)
		r.erp.SetStock("2", dec("4"), false)
		r.erp.UpdateProduct("3", func(p *totalgest.Product) { p.Name = "Nuovo nome" })
		r.work(ctx)
		pause(5 * time.Minute)
		r.cycle(ctx)
		pause(time.Minute)
		two, _ := r.shop.Product("SKU-2")
		three, _ := r.shop.Product("SKU-3")
		if two.Quantity.Or(decimal.Zero).String() != "4" || two.Name.Or("") != "Articolo 2" || three.Name.Or("") != "Nuovo nome" || !three.Price.IsSet() {
			t.Errorf("%+v\n%+v", two, three)
		}
	})
}

func TestStockOnly(t *testing.T) {
	t.Parallel()
	bubble(t, setup{adjust: func(c *syncer.Connection) { c.Products = syncer.StockOnly }}, func(ctx context.Context, r *rig) {
		r.shop.PutProduct(framework360.Product{SKU: framework360.Some("SKU-1"), Name: framework360.Some("Del negozio"), Quantity: framework360.Some(dec("1"))})
		r.erp.SetProducts(products(2))
		r.cycle(ctx)
		p, _ := r.shop.Product("SKU-1")
		if p.Quantity.Or(decimal.Zero).String() != "10" || p.Name.Or("") != "Del negozio" || p.Price.IsSet() || len(r.shop.Products()) != 1 {
			t.Errorf("%+v, %d products", p, len(r.shop.Products()))
		}
		writes := r.shop.Writes()
		pause(5 * time.Minute)
		r.cycle(ctx)
		if r.shop.Writes() != writes {
			t.Error("written again")
		}
	})
}

// The README states what an idle shop costs a day; this is what it counts with.
func TestRequestsOfAnIdleCycle(t *testing.T) {
	t.Parallel()
	bubble(t, setup{}, func(ctx context.Context, r *rig) {
		r.erp.SetProducts(products(5000))
		for range 2 { // the second still reads what changed shortly before the first
			r.cycle(ctx)
			r.poll(ctx)
			pause(5 * time.Minute)
		}
		erp, shop := r.erp.Requests(), r.shop.Requests()
		r.cycle(ctx)
		r.poll(ctx)
		got := map[string]int{}
		for op, n := range r.erp.Requests() {
			got[op] = n - erp[op]
		}
		for op, n := range r.shop.Requests() {
			got[op] = n - shop[op]
		}
		for op, n := range got {
			if want := map[string]int{"products.list": 1, "stock.list": 3, "site/plugins": 1, "orders/list": 2}[op]; n != want {
				t.Errorf("%s: %d requests, want %d", op, n, want)
			}
		}
	})
}

func TestRetriedProductIsMatchedLikeANewOne(t *testing.T) {
	t.Parallel()
	bubble(t, setup{}, func(ctx context.Context, r *rig) {
		list := products(3)
		list[0].Name, list[1].Name = "", ""
		list[1].SKU = list[2].SKU
		r.shop.PutProduct(framework360.Product{SKU: framework360.Some("SKU-1"), Name: framework360.Some("C'era")})
		r.erp.SetProducts(list)
		if run := r.cycle(ctx); run.Rejected != 2 || run.Created != 1 {
			t.Fatalf("run: %+v", run)
		}
		for _, id := range []string{"1", "2"} {
			r.erp.UpdateProduct(id, func(p *totalgest.Product) { p.Name = "Corretto" })
		}
		r.work(ctx)
		if n, err := r.sync.Retry(ctx, connection, syncer.KindProduct, "1", "2", "none"); err != nil || n != 2 {
			t.Fatalf("retried %d, %v", n, err)
		}
		pause(time.Minute)
		one, two := r.status(ctx, syncer.KindProduct, "1"), r.status(ctx, syncer.KindProduct, "2")
		if one.State != syncer.Synced || one.Owner != "" || two.State != syncer.Blocked || two.Code != "TG-PRD-008" || two.Owner != "" {
			t.Errorf("%+v\n%+v", one, two)
		}
		if n := len(r.shop.Products()); n != 2 || r.shop.Duplicates() != 0 {
			t.Errorf("%d products in the shop, %d doubled", n, r.shop.Duplicates())
		}
	})
}
