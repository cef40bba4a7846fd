package totalgest_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/shopspring/decimal"
	"github.com/tg360/tg360/totalgest"
	"github.com/tg360/tg360/totalgest/totalgesttest"
)

// A fake server stands in for TotalGest; a real one needs the five values that
// its provider hands out.
func Example() {
	server, err := totalgesttest.New(totalgesttest.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer server.Close()
	server.PutProduct(totalgest.Product{ID: "17", SKU: "CAFFE-1KG", Name: "Caffè in grani", Quantity: totalgest.Some(decimal.NewFromInt(12))})
	server.PutProduct(totalgest.Product{ID: "18", SKU: "TE-100G", Name: "Tè verde"})

	client, err := totalgest.New(totalgest.Config{
		ShopID:   totalgesttest.ShopID,
		OwnerID:  totalgesttest.OwnerID,
		Endpoint: server.URL, // in earnest a host such as tg00.bweb.ch
		Username: totalgesttest.Username,
		Password: totalgesttest.Password,
		Rate:     -1, // the fake takes more than a modest host
	})
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()

	ctx := context.Background()
	report, err := client.Verify(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("shop", report.Account.ShopID, "can", len(report.Checks), "things")

	for p, err := range client.AllProducts(ctx, totalgest.ListOptions{}) {
		if err != nil {
			log.Fatal(err)
		}
		quantity := "not said"
		if q, ok := p.Quantity.Get(); ok {
			quantity = q.String()
		}
		fmt.Println(p.SKU, quantity)
	}
	// Output:
	// shop 4711 can 4 things
	// CAFFE-1KG 12
	// TE-100G not said
}

func ExampleClient_CreateOrder() {
	server, err := totalgesttest.New(totalgesttest.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer server.Close()
	client, err := totalgest.New(server.Config())
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()

	amount := func(s string) totalgest.Opt[decimal.Decimal] {
		return totalgest.Some(decimal.RequireFromString(s))
	}
	order := totalgest.Order{
		ExternalID: "bottega-1001",
		CreatedAt:  time.Date(2026, 3, 4, 10, 20, 30, 0, time.UTC),
		Currency:   "EUR",
		Lines:      []totalgest.Line{{SKU: "CAFFE-1KG", Quantity: amount("2"), UnitPrice: amount("24.40")}},
		Gross:      amount("48.80"),
	}
	ctx := context.Background()

	// The answer to this order gets lost on its way back.
	server.Faults(totalgesttest.Fault{Kind: totalgesttest.DropAfter, Operation: "orders.create", Times: 1})
	ref, _, err := client.CreateOrder(ctx, order)
	if errors.Is(err, totalgest.ErrInDoubt) {
		found, err := client.FindOrders(ctx, order.ExternalID)
		if err != nil || len(found) != 1 {
			log.Fatal(found, err)
		}
		ref = found[0]
	}
	fmt.Println(ref.ExternalID, "is", ref.ID)
	// Output: bottega-1001 is TG-1001
}
