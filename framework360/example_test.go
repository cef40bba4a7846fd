package framework360_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/shopspring/decimal"
	"github.com/tg360/tg360/framework360"
	"github.com/tg360/tg360/framework360/framework360test"
)

func amount(s string) framework360.Opt[decimal.Decimal] {
	return framework360.Some(decimal.RequireFromString(s))
}

// A fake server stands in for the shop; a real one needs its address and a key
// from its back office.
func Example() {
	server, err := framework360test.New(framework360test.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer server.Close()
	server.PutOrder(framework360.Order{ID: "1001", Number: "2026-1", Created: time.Date(2026, 3, 4, 10, 0, 0, 0, time.UTC), StateID: "2",
		Currency: "EUR", Total: amount("24.40"), Rows: []framework360.Row{{SKU: "CAFFE-1KG", Quantity: amount("1"), Price: amount("24.40")}}})

	client, err := framework360.New(framework360.Config{
		Site:   server.URL, // in earnest the shop's domain, such as shop.example
		APIKey: framework360test.APIKey,
		Rate:   -1, // the fake takes more than a modest host
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
	fmt.Println("checks:", len(report.Checks))

	for page, err := range client.OrderPages(ctx, framework360.OrderOptions{}) {
		if err != nil {
			log.Fatal(err)
		}
		for _, short := range page.Items { // a list may show orders in a short form
			order, err := client.Order(ctx, short.ID)
			if err != nil {
				log.Fatal(err)
			}
			fmt.Println(order.Number, order.Rows[0].SKU, order.Total.Or(decimal.Zero).StringFixed(2), order.Currency)
		}
	}
	// Output:
	// checks: 7
	// 2026-1 CAFFE-1KG 24.40 EUR
}

func ExampleClient_UpdateProduct() {
	server, err := framework360test.New(framework360test.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer server.Close()
	client, err := framework360.New(server.Config())
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()

	ctx := context.Background()
	id, err := client.CreateProduct(ctx, framework360.Product{SKU: framework360.Some("CAFFE-1KG"), Name: framework360.Some("Caffè in grani"), Price: amount("24.40")})
	if err != nil {
		log.Fatal(err)
	}
	// Only what is set is written: name and price stay as they are.
	if err := client.UpdateProduct(ctx, framework360.Product{ID: id, Quantity: amount("12")}); err != nil {
		log.Fatal(err)
	}
	found, err := client.FindProducts(ctx, "CAFFE-1KG")
	if err != nil {
		log.Fatal(err)
	}
	for _, p := range found {
		fmt.Println(p.Name.Or("?"), p.Price.Or(decimal.Zero).StringFixed(2), p.Quantity.Or(decimal.Zero))
	}
	// Output: Caffè in grani 24.40 12
}

// The handler goes under any path of the program's own server. What it accepts
// is only noted: the order itself is read from the shop.
func ExampleWebhookHandler() {
	const token = "Kq7rT2mXw9Zb4Lc8Vn5Yd3Hs" // in earnest a secret, such as crypto/rand.Text makes
	handler, err := framework360.WebhookHandler(framework360.WebhookConfig{
		Token: token,
		Accept: func(_ context.Context, orderID string) error { // in earnest the Notify of a syncer
			fmt.Println("look at order", orderID)
			return nil
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/hooks/", handler)
	server := httptest.NewServer(mux)
	defer server.Close()

	for _, event := range []struct{ path, body string }{
		{"/hooks/" + token, `{"event":"order.paid","data":{"order":{"id":501}}}`},
		{"/hooks/" + token, `{"event":"test"}`},
		{"/hooks/guessed", `{"id":502}`},
	} {
		resp, err := http.Post(server.URL+event.path, "application/json", strings.NewReader(event.body))
		if err != nil {
			log.Fatal(err)
		}
		_ = resp.Body.Close()
		fmt.Println(resp.Status)
	}
	// Output:
	// look at order 501
	// 204 No Content
	// 200 OK
	// 404 Not Found
}
