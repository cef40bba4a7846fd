package framework360_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/tg360/tg360/framework360"
	"github.com/tg360/tg360/framework360/framework360test"
)

func dec(s string) framework360.Opt[decimal.Decimal] {
	return framework360.Some(decimal.RequireFromString(s))
}

// newClient makes a client of a configuration that does not repeat, so that a
// test of a failure does not wait.
func newClient(t testing.TB, c framework360.Config) *framework360.Client {
	t.Helper()
	if c.Retries == 0 {
		c.Retries = -1
	}
	cl, err := framework360.New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cl.Close)
	return cl
}

// startFake runs a fake and a client of it.
func startFake(t testing.TB, o framework360test.Options) (*framework360test.Server, *framework360.Client) {
	t.Helper()
	s := framework360test.Start(t, o)
	return s, newClient(t, s.Config())
}

// config reaches url with the fake's key.
func config(url string) framework360.Config {
	return framework360.Config{Site: url, APIKey: framework360test.APIKey, Rate: -1}
}

// sampleOrder is an order of an invented person.
func sampleOrder(id string) framework360.Order {
	return framework360.Order{
		ID: id, Number: "2026-" + id, Created: time.Date(2026, 3, 4, 10, 20, 30, 0, time.UTC), StateID: "2", StateName: "Pagato",
		PaymentState: "paid", PaymentID: "1", PaymentName: "Bonifico bancario", PaymentCost: dec("1.50"),
		ShippingID: "7", ShippingName: "Corriere", ShippingPrice: dec("6.10"), ShippingTaxID: "1", ShippingVATRate: dec("22"),
		Email: "ginevra.prova@posta.example",
		Billing: framework360.Party{FirstName: "Ginevra", LastName: "Collaudo", Address: "Via dei Campioni 7", Zip: "00118", City: "Roma",
			Province: "RM", Country: "IT", Phone: "0115550199", Email: "ginevra.prova@posta.example", TaxCode: "CLLGVR80A41H501X", SDI: "0000000"},
		Shipping: framework360.Party{FirstName: "Ginevra", LastName: "Collaudo", Address: "Via Prova 8", Zip: "10121", City: "None", Province: "TO", Country: "IT"},
		Rows: []framework360.Row{{ID: "17", Type: "product", SKU: "0017", EAN: "8000000000019", Name: "Caffè", Quantity: dec("2"), Price: dec("24.40"), TaxID: "1", VATRate: dec("22")},
			{ID: "18", Type: "custom", Name: "Incisione", Quantity: dec("1"), Price: dec("3"), TaxID: "1", VATRate: dec("22")}},
		Coupon: "MARZO", Discount: dec("3"), SurchargeName: "Contrassegno", SurchargePrice: dec("2"), SurchargeTaxID: "1", SurchargeVAT: dec("22"),
		Total: dec("56.90"), Net: dec("46.64"), TaxTotal: dec("10.26"), Currency: "EUR", Note: "suonare due volte", Labels: []string{"web", "urgente"},
		Courier: "BRT", Tracking: "170017",
	}
}

func sampleProduct(sku string) framework360.Product {
	return framework360.Product{
		SKU: framework360.Some(sku), EAN: framework360.Some("8000000000019"), Name: framework360.Some("Caffè " + sku), Description: framework360.Some("<p>Miscela</p>"),
		ShortDescription: framework360.Some("Miscela"), Price: dec("24.40"), SalePrice: dec("19.90"), TaxID: framework360.Some("1"), VATRate: dec("22"),
		Quantity: dec("12.5"), Active: framework360.Some(true), Brand: framework360.Some("Bottega"), Category: framework360.Some("Caffè"),
		Images: []string{"https://img.example/1.jpg"}, ParentID: framework360.Some("5"), Options: map[string]string{"peso": "1 kg"},
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
func wantError(t testing.TB, err, sentinel error) *framework360.Error {
	t.Helper()
	var e *framework360.Error
	if !errors.Is(err, sentinel) || !errors.As(err, &e) {
		t.Fatalf("got %v, want %v", err, sentinel)
	}
	return e
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
