package totalgest_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/tg360/tg360/totalgest"
	"github.com/tg360/tg360/totalgest/totalgesttest"
)

func dec(s string) totalgest.Opt[decimal.Decimal] {
	return totalgest.Some(decimal.RequireFromString(s))
}

// newClient makes a client of a configuration that does not repeat, so that a
// test of a failure does not wait.
func newClient(t testing.TB, c totalgest.Config) *totalgest.Client {
	t.Helper()
	if c.Retries == 0 {
		c.Retries = -1
	}
	cl, err := totalgest.New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cl.Close)
	return cl
}

// startFake runs a fake and a client of it.
func startFake(t testing.TB, o totalgesttest.Options) (*totalgesttest.Server, *totalgest.Client) {
	t.Helper()
	s := totalgesttest.Start(t, o)
	return s, newClient(t, s.Config())
}

// config reaches url with the fake's credentials.
func config(url string) totalgest.Config {
	return totalgest.Config{ShopID: totalgesttest.ShopID, OwnerID: totalgesttest.OwnerID, Username: totalgesttest.Username,
		Password: totalgesttest.Password, Endpoint: url, Rate: -1}
}

// sampleOrder is an order of an invented person.
func sampleOrder(externalID string) totalgest.Order {
	return totalgest.Order{
		ExternalID: externalID, Number: "2026-17", CreatedAt: time.Date(2026, 3, 4, 10, 20, 30, 0, time.UTC), Currency: "EUR",
		PricesIncludeTax: totalgest.Some(true),
		Customer: totalgest.Party{Kind: "person", Email: "ginevra.prova@posta.example", Phone: "+39 011 5550199", FirstName: "Ginevra",
			LastName: "Collaudo", Address: "Via dei Campioni 7", Zip: "10121", City: "Torino", Province: "TO", Country: "IT"},
		PaymentMethod: "Bonifico", PaymentCode: "MP05", Paid: totalgest.Some(true),
		ShippingMethod: "Corriere", ShippingAmount: dec("6.10"), ShippingVATRate: dec("22"),
		Lines: []totalgest.Line{{ProductID: "17", SKU: "0017", Description: "Caffè in grani 1 kg", Quantity: dec("2"),
			UnitPrice: dec("24.40"), VATRate: dec("22"), Total: dec("48.80")}},
		Net: dec("45"), VAT: dec("9.90"), Gross: dec("54.90"),
	}
}

func sampleProduct(id string) totalgest.Product {
	return totalgest.Product{
		ID: id, SKU: "SKU-" + id, Name: "Caffè n. " + id, EAN: totalgest.Some("8000000000019"),
		Description: totalgest.Some("<p>Miscela</p>"), VATCode: totalgest.Some("22"), VATRate: dec("22"), Quantity: dec("12.5"),
		Prices: []totalgest.Price{{List: "web", Currency: "EUR", Amount: dec("24.40"), IncludesTax: totalgest.Some(true)}},
		Brand:  totalgest.Some("Bottega"), Images: []string{"https://img.example/" + id + ".jpg"}, Active: totalgest.Some(true),
		Options: map[string]string{"peso": "1 kg"},
	}
}

// literal is a server that was written by hand: it answers each verb and path
// with a fixed text and keeps what it received.
type literal struct {
	*httptest.Server
	mu       sync.Mutex
	received []received
}

type received struct {
	target, body string
	header       http.Header
}

// answer is a fixed reply; a zero status is 200.
type answer struct {
	status int
	body   string
}

func startLiteral(t testing.TB, answers map[string]answer) *literal {
	t.Helper()
	l := &literal{}
	l.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		l.mu.Lock()
		l.received = append(l.received, received{r.Method + " " + r.URL.RequestURI(), string(body), r.Header})
		l.mu.Unlock()
		a, ok := answers[r.Method+" "+r.URL.RequestURI()]
		if !ok {
			a, ok = answers["*"]
		}
		if !ok {
			t.Errorf("unexpected request %s %s", r.Method, r.URL.RequestURI())
			a.status = http.StatusTeapot
		}
		w.Header().Set("Content-Type", "application/json")
		if a.status != 0 {
			w.WriteHeader(a.status)
		}
		_, _ = io.WriteString(w, a.body)
	}))
	t.Cleanup(l.Close)
	return l
}

func (l *literal) requests() []received {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]received(nil), l.received...)
}

// wantError checks the sentinel of an error and returns its details.
func wantError(t testing.TB, err, sentinel error) *totalgest.Error {
	t.Helper()
	var e *totalgest.Error
	if !errors.Is(err, sentinel) || !errors.As(err, &e) {
		t.Fatalf("got %v, want %v", err, sentinel)
	}
	return e
}

// reply is what the fake answers to a list of 100 products.
func reply(t testing.TB, s *totalgesttest.Server) []byte {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+"/api/v1/products?limit=100", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.SetBasicAuth(totalgesttest.Username, totalgesttest.Password)
	req.Header.Set("X-TotalGest-Shop", totalgesttest.ShopID)
	req.Header.Set("X-TotalGest-Owner", totalgesttest.OwnerID)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatal(resp.Status, err)
	}
	return b
}

// startFixed answers everything with the same bytes.
func startFixed(t testing.TB, body []byte) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(body)
	}))
	t.Cleanup(s.Close)
	return s
}
