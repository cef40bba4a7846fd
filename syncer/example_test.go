package syncer_test

import (
	"context"
	"fmt"
	"time"

	"github.com/shopspring/decimal"
	"github.com/tg360/tg360/framework360"
	"github.com/tg360/tg360/framework360/framework360test"
	"github.com/tg360/tg360/queue"
	"github.com/tg360/tg360/syncer"
	"github.com/tg360/tg360/totalgest"
	"github.com/tg360/tg360/totalgest/totalgesttest"
)

// exampleSyncer is a syncer between two fakes with one product and, in the shop,
// one order for each of the totals. Call end when done.
func exampleSyncer(totals ...string) (s *syncer.Syncer, shop *framework360test.Server, end func()) {
	must := func(err error) {
		if err != nil {
			panic(err)
		}
	}
	erp, err := totalgesttest.New(totalgesttest.Options{})
	must(err)
	shop, err = framework360test.New(framework360test.Options{})
	must(err)
	tg, err := totalgest.New(erp.Config())
	must(err)
	fw, err := framework360.New(shop.Config())
	must(err)
	s, err = syncer.New(syncer.Config{Store: syncer.NewMemoryStore(), Queue: queue.NewMemory(queue.MemoryConfig{})})
	must(err)
	must(s.Add(context.Background(), syncer.Connection{ID: "shop", Origin: "example", TotalGest: tg, Framework360: fw,
		GoLive: time.Now().Add(-time.Second), Settings: syncer.Settings{Prices: syncer.PricesGross, Rows: syncer.RowsUnit,
			Rules: syncer.Rules{States: map[string]syncer.Meaning{"Pagato": syncer.MeansPaid, "Annullato": syncer.MeansCancelled}}}}))
	price := totalgest.Some(decimal.RequireFromString("24.90"))
	erp.SetProducts([]totalgest.Product{{ID: "7", SKU: "MOKA-3", Name: "Moka, 3 tazze", Prices: []totalgest.Price{{Currency: "EUR", Amount: price}}}})
	for i, total := range totals {
		shop.PutOrder(framework360.Order{ID: fmt.Sprint(501 + i), Created: time.Now(), StateID: "2", StateName: "Pagato", Currency: "EUR",
			Total: framework360.Some(decimal.RequireFromString(total)),
			Rows:  []framework360.Row{{SKU: "MOKA-3", Quantity: framework360.Some(decimal.NewFromInt(1)), Price: price}}})
	}
	return s, shop, func() { tg.Close(); fw.Close(); erp.Close(); shop.Close() }
}

func ExampleSyncer_SyncProducts() {
	ctx := context.Background()
	s, shop, end := exampleSyncer()
	defer end()
	for range 2 {
		run, err := s.SyncProducts(ctx, "shop")
		fmt.Println("read", run.Read, "created", run.Created, "writes", run.Writes, "complete", run.Complete, err)
	}
	p, _ := shop.Product("MOKA-3")
	fmt.Println(p.Name.Or(""), p.Price.Or(decimal.Zero))
	// Output:
	// read 1 created 1 writes 1 complete true <nil>
	// read 1 created 0 writes 0 complete true <nil>
	// Moka, 3 tazze 24.9
}

// A person selects orders and wants them in TotalGest now.
func ExampleSyncer_Export() {
	ctx := context.Background()
	s, _, end := exampleSyncer("24.90", "24.80")
	defer end()
	if _, err := s.SyncProducts(ctx, "shop"); err != nil {
		fmt.Println(err)
	}
	report, err := s.Export(ctx, "shop", "501", "502", "503")
	fmt.Println("succeeded", report.Succeeded(), err)
	for _, f := range report.Failed() {
		fmt.Println(f.OrderID, f.Err)
	}
	// Output:
	// succeeded 1 <nil>
	// 502 TG-ORD-007: the parts add up to 24.90, the total is 24.80: a difference of -0.1 EUR; check net or gross prices, unit or row prices, and the rounding that the settings allow; rows.0: 24.9
	// 503 TG-ORD-011: the shop has no order with this id
}

// Run does everything by itself until its context ends: here until the order of
// an event has arrived.
func ExampleSyncer_Run() {
	s, _, end := exampleSyncer("24.90")
	defer end()
	ctx, stop := context.WithTimeout(context.Background(), time.Minute)
	defer stop()
	if _, err := s.SyncProducts(ctx, "shop"); err != nil {
		fmt.Println(err)
	}
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	if err := s.Notify(ctx, "shop", "501"); err != nil { // as a webhook would
		fmt.Println(err)
	}
	for ctx.Err() == nil {
		if l, err := s.Status(ctx, "shop", syncer.KindOrder, "501"); err == nil && l[0].State == syncer.Synced {
			break
		}
		<-time.After(10 * time.Millisecond)
	}
	stop()
	fmt.Println("stopped:", <-done)
	counts, err := s.Counts(context.Background(), "shop", syncer.KindOrder)
	fmt.Println(counts, err)
	// Output:
	// stopped: <nil>
	// map[synced:1] <nil>
}

func ExampleSyncer_PollOrders() {
	ctx := context.Background()
	s, _, end := exampleSyncer("24.90", "24.90")
	defer end()
	run, err := s.PollOrders(ctx, "shop")
	fmt.Println("new orders", run.Created, err)
	links, err := s.List(ctx, syncer.Query{Connection: "shop", Kind: syncer.KindOrder})
	for _, l := range links {
		fmt.Println(l.ID, l.State.Label("it"), "/", l.State.Label("de"), err)
	}
	// Output:
	// new orders 2 <nil>
	// 501 In coda / In Warteschlange <nil>
	// 502 In coda / In Warteschlange <nil>
}

func ExampleMapOrder() {
	order := framework360.Order{ID: "501", Created: time.Unix(0, 0).UTC(), Currency: "EUR", Total: framework360.Some(decimal.RequireFromString("12.20")),
		Rows: []framework360.Row{{SKU: "A", Quantity: framework360.Some(decimal.NewFromInt(2)), Price: framework360.Some(decimal.RequireFromString("6.10")),
			VATRate: framework360.Some(decimal.NewFromInt(22))}}}
	out, err := syncer.MapOrder(order, syncer.OrderContext{ExternalID: "shop-501", Products: []string{"7"},
		Settings: &syncer.Settings{Prices: syncer.PricesGross, Rows: syncer.RowsUnit}})
	fmt.Println(out.Net.Or(decimal.Zero), out.VAT.Or(decimal.Zero), out.Gross.Or(decimal.Zero), err)
	// Output: 10 2.2 12.2 <nil>
}
