package totalgest_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/tg360/tg360/totalgest"
	"github.com/tg360/tg360/totalgest/totalgesttest"
)

// bareProduct is what a client without a profile would decode into.
type bareProduct struct {
	ID, SKU, Name, EAN, Description, Unit, Brand, Category string
	Prices                                                 []struct {
		List, Currency string
		Amount         json.Number
		IncludesTax    bool `json:"includes_tax"`
	}
	VAT struct {
		Code string
		Rate json.Number
	}
	Quantity  json.Number
	Images    []string
	Active    bool
	UpdatedAt time.Time `json:"updated_at"`
	Options   map[string]string
}

func bareList(ctx context.Context, client *http.Client, url string) (int, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0, err
	}
	req.SetBasicAuth(totalgesttest.Username, totalgesttest.Password)
	req.Header.Set("X-TotalGest-Shop", totalgesttest.ShopID)
	req.Header.Set("X-TotalGest-Owner", totalgesttest.OwnerID)
	resp, err := client.Do(req)
	if err != nil {
		return 0, err
	}
	defer func() { _ = resp.Body.Close() }()
	var reply struct{ Data []bareProduct }
	if err := json.NewDecoder(resp.Body).Decode(&reply); err != nil {
		return 0, err
	}
	_, err = io.Copy(io.Discard, resp.Body)
	return len(reply.Data), err
}

// BenchmarkProducts reads a list of 100 products through the client and through
// bare net/http and encoding/json, in turns, and reports the ratio of the times.
func BenchmarkProducts(b *testing.B) {
	s := totalgesttest.Start(b, totalgesttest.Options{SkipValidation: true})
	for i := range 100 {
		s.PutProduct(sampleProduct(fmt.Sprint(i)))
	}
	// The reply is made once: what is measured is the client.
	page := reply(b, s)
	srv := startFixed(b, page)
	c := newClient(b, config(srv.URL))
	bare := &http.Client{}
	defer bare.CloseIdleConnections()
	var ours, theirs time.Duration
	ctx := b.Context()
	for b.Loop() {
		start := time.Now()
		p, err := c.Products(ctx, totalgest.ListOptions{Limit: 100})
		if err != nil || len(p.Items) != 100 {
			b.Fatal(len(p.Items), err)
		}
		middle := time.Now()
		n, err := bareList(ctx, bare, srv.URL+"/api/v1/products?limit=100")
		if err != nil || n != 100 {
			b.Fatal(n, err)
		}
		ours, theirs = ours+middle.Sub(start), theirs+time.Since(middle)
	}
	b.ReportMetric(float64(ours)/float64(theirs), "ratio")
	b.ReportMetric(float64(ours.Microseconds())/float64(b.N), "client-µs/op")
	b.ReportMetric(float64(theirs.Microseconds())/float64(b.N), "bare-µs/op")
}

// BenchmarkFakeOrder measures the fake itself: an order with its validation.
func BenchmarkFakeOrder(b *testing.B) {
	for _, skip := range []bool{false, true} {
		b.Run(fmt.Sprintf("validated=%v", !skip), func(b *testing.B) {
			s := totalgesttest.Start(b, totalgesttest.Options{SkipValidation: skip, NoListen: true})
			c := newClient(b, s.Config())
			i := 0
			for b.Loop() {
				i++
				if _, _, err := c.CreateOrder(b.Context(), sampleOrder(fmt.Sprint(i))); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
