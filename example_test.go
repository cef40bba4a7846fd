package tg360_test

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

// Both systems as fakes, a syncer between them, one product and one order.
func Example() {
	ctx := context.Background()
	erp, err := totalgesttest.New(totalgesttest.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer erp.Close()
	shop, err := framework360test.New(framework360test.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer shop.Close()
	if err := sync(ctx, erp, shop); err != nil {
		fmt.Println(err)
	}
	// Output:
	// created: 1
	// second cycle: 0 writes
	// exported: 1, total 24.9 EUR
	// order 501: Synced
}

func sync(ctx context.Context, erp *totalgesttest.Server, shop *framework360test.Server) error {
	tg, err := totalgest.New(erp.Config())
	if err != nil {
		return err
	}
	fw, err := framework360.New(shop.Config())
	if err != nil {
		return err
	}
	s, err := syncer.New(syncer.Config{Store: syncer.NewMemoryStore(), Queue: queue.NewMemory(queue.MemoryConfig{})})
	if err != nil {
		return err
	}
	err = s.Add(ctx, syncer.Connection{
		ID: "shop", Origin: "example", TotalGest: tg, Framework360: fw, GoLive: time.Now().Add(-time.Second),
		Settings: syncer.Settings{
			Prices: syncer.PricesGross, Rows: syncer.RowsUnit,
			Rules: syncer.Rules{States: map[string]syncer.Meaning{"Pagato": syncer.MeansPaid}},
		},
	})
	if err != nil {
		return err
	}

	price := totalgest.Some(decimal.RequireFromString("24.90"))
	erp.SetProducts([]totalgest.Product{{ID: "7", SKU: "MOKA-3", Name: "Moka, 3 tazze", Quantity: totalgest.Some(decimal.NewFromInt(5)),
		Prices: []totalgest.Price{{Currency: "EUR", Amount: price}}}})
	first, err := s.SyncProducts(ctx, "shop")
	if err != nil {
		return err
	}
	fmt.Println("created:", first.Created)
	second, err := s.SyncProducts(ctx, "shop")
	if err != nil {
		return err
	}
	fmt.Println("second cycle:", second.Writes, "writes")

	shop.PutOrder(framework360.Order{ID: "501", Number: "W-1", Created: time.Now(), StateID: "2", StateName: "Pagato", Currency: "EUR", Total: price,
		Rows: []framework360.Row{{SKU: "MOKA-3", Quantity: framework360.Some(decimal.NewFromInt(1)), Price: price}}})
	report, err := s.Export(ctx, "shop", "501")
	if err != nil {
		return err
	}
	fmt.Printf("exported: %d, total %v %s\n", report.Succeeded(), erp.Orders()[0].Order.Gross.Or(decimal.Zero), erp.Orders()[0].Order.Currency)
	fmt.Printf("order 501: %s\n", report.Items[0].Link.State.Label("en"))
	return nil
}
