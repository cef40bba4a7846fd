package framework360_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/tg360/tg360/framework360"
	"github.com/tg360/tg360/framework360/framework360test"
)

// bareProduct is what a client without a profile would decode into.
type bareProduct struct {
	ID               string `json:"id"`
	SKU              string `json:"sku"`
	EAN              string `json:"ean"`
	Nome             string
	Descrizione      string
	DescrizioneBreve string `json:"descrizione_breve"`
	Prezzo           json.Number
	PrezzoScontato   json.Number `json:"prezzo_scontato"`
	Imposta          string
	Aliquota         json.Number
	Quantita         json.Number
	Attivo           bool
	Marca            string
	Categoria, Padre string
	Immagini         []string
	Varianti         map[string]string
}

func bareList(ctx context.Context, client *http.Client, url string) (int, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0, err
	}
	req.Header.Set("X-Fw360-Key", framework360test.APIKey)
	resp, err := client.Do(req)
	if err != nil {
		return 0, err
	}
	defer func() { _ = resp.Body.Close() }()
	var reply struct {
		Status int
		Data   []bareProduct
	}
	if err := json.NewDecoder(resp.Body).Decode(&reply); err != nil {
		return 0, err
	}
	_, err = io.Copy(io.Discard, resp.Body)
	return len(reply.Data), err
}

// BenchmarkProducts reads a list of 100 products through the client and through
// bare net/http and encoding/json, in turns, and reports the ratio of the times.
func BenchmarkProducts(b *testing.B) {
	s := framework360test.Start(b, framework360test.Options{Plain: true, NoListen: true})
	for i := range 100 {
		s.PutProduct(sampleProduct(fmt.Sprint(i)))
	}
	// The reply is made once: what is measured is the client.
	req := httptest.NewRequest(http.MethodGet, "http://localhost/m/api/products/list?limit=100&page=0", nil)
	req.Header.Set("X-Fw360-Key", framework360test.APIKey)
	resp, err := s.Transport().RoundTrip(req)
	if err != nil {
		b.Fatal(err)
	}
	page, err := io.ReadAll(resp.Body)
	if err != nil {
		b.Fatal(err)
	}
	srv := startFixed(b, page)
	c := newClient(b, config(srv.URL))
	bare := &http.Client{}
	defer bare.CloseIdleConnections()
	var ours, theirs time.Duration
	ctx := b.Context()
	for b.Loop() {
		start := time.Now()
		p, err := c.Products(ctx, framework360.ProductOptions{Limit: 100})
		if err != nil || len(p.Items) != 100 {
			b.Fatal(len(p.Items), err)
		}
		middle := time.Now()
		n, err := bareList(ctx, bare, srv.URL+"/m/api/products/list?limit=100&page=0")
		if err != nil || n != 100 {
			b.Fatal(n, err)
		}
		ours, theirs = ours+middle.Sub(start), theirs+time.Since(middle)
	}
	b.ReportMetric(float64(ours)/float64(theirs), "ratio")
	b.ReportMetric(float64(ours.Microseconds())/float64(b.N), "client-µs/op")
	b.ReportMetric(float64(theirs.Microseconds())/float64(b.N), "bare-µs/op")
}

// BenchmarkFakeProduct measures the fake itself: a product that is created, with
// and without its validation.
func BenchmarkFakeProduct(b *testing.B) {
	for _, skip := range []bool{false, true} {
		b.Run(fmt.Sprintf("validated=%v", !skip), func(b *testing.B) {
			s := framework360test.Start(b, framework360test.Options{SkipValidation: skip, NoListen: true})
			c := newClient(b, s.Config())
			i := 0
			for b.Loop() {
				i++
				if _, err := c.CreateProduct(b.Context(), sampleProduct(fmt.Sprint(i))); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
