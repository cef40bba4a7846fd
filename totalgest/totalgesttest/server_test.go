package totalgesttest_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shopspring/decimal"
	"github.com/tg360/tg360/internal/openapi"
	"github.com/tg360/tg360/internal/wire"
	"github.com/tg360/tg360/totalgest"
	"github.com/tg360/tg360/totalgest/totalgesttest"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// tb is a test that only notes that it failed.
type tb struct {
	mu      sync.Mutex
	errors  []string
	cleanup []func()
}

func (t *tb) Helper() {}

func (t *tb) Errorf(format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.errors = append(t.errors, fmt.Sprintf(format, args...))
}

func (t *tb) Cleanup(f func()) { t.cleanup = append(t.cleanup, f) }

func (t *tb) end() []string {
	for _, f := range t.cleanup {
		f()
	}
	return t.errors
}

func amount(s string) totalgest.Opt[decimal.Decimal] {
	return totalgest.Some(decimal.RequireFromString(s))
}

func product(id string) totalgest.Product {
	return totalgest.Product{ID: id, SKU: "S" + id, Name: "Prodotto " + id, Quantity: amount("3"), Images: []string{"a"}}
}

func order(id string) totalgest.Order {
	return totalgest.Order{ExternalID: id, CreatedAt: time.Date(2026, 3, 4, 10, 20, 30, 0, time.UTC), Currency: "EUR",
		Lines: []totalgest.Line{{Quantity: amount("1"), UnitPrice: amount("10"), Total: amount("10")}}, Gross: amount("10")}
}

// send makes a request without the client; it returns status and body.
func send(t *testing.T, s *totalgesttest.Server, verb, path, body string, change func(*http.Request)) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), verb, s.URL+"/api/v1/"+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.SetBasicAuth(totalgesttest.Username, totalgesttest.Password)
	req.Header.Set("X-TotalGest-Shop", totalgesttest.ShopID)
	req.Header.Set("X-TotalGest-Owner", totalgesttest.OwnerID)
	req.Header.Set("Content-Type", "application/json")
	if change != nil {
		change(req)
	}
	resp, err := s.Transport().RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

const goodOrder = `{"external_id":"x","created_at":"2026-03-04T10:20:30Z","currency":"EUR","lines":[{"quantity":1,"unit_price":10.00}],"totals":{"gross":10.00}}`

func TestUnexpectedRequestsFailTheTest(t *testing.T) {
	t.Parallel()
	key := func(r *http.Request) { r.Header.Set("Idempotency-Key", "x") }
	tests := []struct {
		name, verb, path, body string
		change                 func(*http.Request)
		status                 int
		complaint              string // empty: none
	}{
		{"good", "POST", "orders", goodOrder, key, 201, ""},
		{"unknown operation", "GET", "invoices", "", nil, 404, "GET /api/v1/invoices: no such operation"},
		{"unknown parameter", "GET", "products?colour=red", "", nil, 400, `property "colour" is unsupported`},
		{"unknown field", "POST", "orders", strings.Replace(goodOrder, `"currency"`, `"colour":"red","currency"`, 1), key, 400, `property "colour" is unsupported`},
		{"number as text", "POST", "orders", strings.Replace(goodOrder, `"gross":10.00`, `"gross":"10.00"`, 1), key, 400, "totals.gross"},
		{"not JSON", "POST", "orders", "external_id=x", key, 400, "not JSON"},
		{"no key", "POST", "orders", goodOrder, nil, 400, "header Idempotency-Key is missing"},
		{"another key", "POST", "orders", goodOrder, func(r *http.Request) { r.Header.Set("Idempotency-Key", "y") }, 201, "Idempotency-Key is not the order's external id"},
		{"wrong password", "GET", "account", "", func(r *http.Request) { r.SetBasicAuth("a", "b") }, 401, ""},
		{"refused data", "POST", "orders", strings.Replace(goodOrder, "EUR", "E", 1), key, 422, ""},
		{"a cursor of another", "GET", "products?cursor=zzz", "", nil, 422, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			rec := &tb{}
			s := totalgesttest.Start(rec, totalgesttest.Options{})
			status, body := send(t, s, tt.verb, tt.path, tt.body, tt.change)
			if status != tt.status {
				t.Errorf("status %d, want %d: %s", status, tt.status, body)
			}
			got := strings.Join(rec.end(), "\n")
			if tt.complaint == "" && got != "" || !strings.Contains(got, tt.complaint) {
				t.Errorf("complaint %q, want %q", got, tt.complaint)
			}
			if (len(s.Unexpected()) > 0) != (tt.complaint != "") {
				t.Errorf("Unexpected is %v", s.Unexpected())
			}
		})
	}
}

func TestNewTellsOfUnexpectedRequests(t *testing.T) {
	t.Parallel()
	var told []string
	s, err := totalgesttest.New(totalgesttest.Options{NoListen: true, Unexpected: func(m string) { told = append(told, m) }})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	send(t, s, "GET", "invoices", "", nil)
	if len(told) != 1 || len(s.Unexpected()) != 1 {
		t.Errorf("%v, %v", told, s.Unexpected())
	}
	skip, err := totalgesttest.New(totalgesttest.Options{NoListen: true, SkipValidation: true})
	if err != nil {
		t.Fatal(err)
	}
	defer skip.Close()
	if status, _ := send(t, skip, "GET", "products?colour=red", "", nil); status != 200 || len(skip.Unexpected()) != 0 {
		t.Errorf("status %d, %v", status, skip.Unexpected())
	}
}

func TestAProfileThatIsWrong(t *testing.T) {
	t.Parallel()
	bad := totalgesttest.Options{Profile: []byte(`{"operations":{"orders.paint":{}}}`)}
	if _, err := totalgesttest.New(bad); err == nil || !strings.Contains(err.Error(), "orders.paint") {
		t.Errorf("%v", err)
	}
	defer func() {
		if text, _ := recover().(string); !strings.Contains(text, "paint") {
			t.Errorf("Start panicked with %q", text)
		}
	}()
	totalgesttest.Start(t, bad)
}

// What the server says is what openapi.yaml says.
func TestRepliesMatchTheDocument(t *testing.T) {
	t.Parallel()
	for name, profile := range map[string]string{"default": "", "changed": `{"envelope":{"data":["result.items"],"cursor":["result.next"]},
		"write":{"numbers":"string","dates":"epoch","booleans":"int"},"records":{"product":{"name":["texts.name"]}}}`} {
		s := totalgesttest.Start(t, totalgesttest.Options{Profile: []byte(profile)})
		contract := totalgest.Contract()
		p, err := wire.LoadProfile(contract.Profile, []byte(profile), contract.Spec)
		if err != nil {
			t.Fatal(err)
		}
		v, err := openapi.NewValidator(openapi.Generate("TotalGest", p, contract.Spec.Records), "/api/v1")
		if err != nil {
			t.Fatal(err)
		}
		for i := range 5 {
			s.PutProduct(product(fmt.Sprint(i)))
			s.PutOrder(order(fmt.Sprint(i)))
		}
		for op, path := range map[string]string{"account.get": "account", "products.list": "products?limit=2", "products.get": "products/1",
			"stock.list": "stock", "orders.find": "orders?external_id=1", "orders.list": "orders?limit=2", "orders.get": "orders/TG-1001"} {
			status, body := send(t, s, "GET", path, "", nil)
			if err := v.CheckReply(op, []byte(body)); err != nil || status != 200 {
				t.Errorf("%s: %d, %v\n%s", name, status, err, body)
			}
		}
	}
}

func newClient(t *testing.T, s *totalgesttest.Server) *totalgest.Client {
	t.Helper()
	c, err := totalgest.New(s.Config())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func TestListsKeepTheirOrder(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := totalgesttest.Start(t, totalgesttest.Options{NoListen: true})
		c := newClient(t, s)
		start := time.Now()
		for i := range 50 { // all at the same instant
			s.PutProduct(product(fmt.Sprint(i)))
		}
		seen := map[string]int{}
		var last totalgest.Product
		for p, err := range c.AllProducts(t.Context(), totalgest.ListOptions{Limit: 7}) {
			if err != nil {
				t.Fatal(err)
			}
			if p.UpdatedAt.Before(last.UpdatedAt) || p.UpdatedAt.Equal(last.UpdatedAt) && p.ID <= last.ID {
				t.Errorf("%s after %s", p.ID, last.ID)
			}
			seen[p.ID]++
			last = p
		}
		if len(seen) != 50 || len(s.Products()) != 50 {
			t.Errorf("%d of 50 products seen", len(seen))
		}
		<-time.After(time.Minute) // on the clock of the bubble
		s.SetStock("7", decimal.NewFromInt(1), true)
		s.SetStock("8", decimal.NewFromInt(2), false)
		s.DeleteProduct("9")
		s.DropProduct("10")
		var changed []string
		for p, err := range c.AllProducts(t.Context(), totalgest.ListOptions{UpdatedSince: start.Add(time.Minute)}) {
			if err != nil {
				t.Fatal(err)
			}
			changed = append(changed, fmt.Sprintf("%s %s %v", p.ID, p.Quantity.Or(decimal.Zero), !p.DeletedAt.IsZero()))
		}
		if got := strings.Join(changed, ", "); got != "7 1 false, 9 3 true" {
			t.Errorf("changed since: %s", got)
		}
		if p, ok := s.Product("8"); !ok || !p.Quantity.Equal(amount("2"), decimal.Decimal.Equal) || !p.UpdatedAt.Equal(start) {
			t.Errorf("%+v: the quantity is new and the date is not", p)
		}
		if _, ok := s.Product("10"); ok || s.DropProduct("10") || s.DeleteProduct("10") || s.SetStock("10", decimal.Zero, true) || s.UpdateProduct("10", nil) {
			t.Error("a product that is gone is still there")
		}
	})
}

func TestSetProducts(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 4, 10, 0, 0, 0, time.UTC)
	s := totalgesttest.Start(t, totalgesttest.Options{NoListen: true, Now: func() time.Time { return now }})
	s.PutProduct(product("old"))
	dated := product("1")
	dated.UpdatedAt = now.Add(-time.Hour)
	s.SetProducts([]totalgest.Product{dated, product("2")})
	got := s.Products()
	if len(got) != 2 || !got[0].UpdatedAt.Equal(dated.UpdatedAt) || !got[1].UpdatedAt.Equal(now) {
		t.Errorf("%+v", got)
	}
	got[0].Images[0], dated.Images[0] = "changed", "changed"
	if p, _ := s.Product("1"); p.Images[0] != "a" {
		t.Error("a copy shares memory with the server")
	}
}

func TestOrderLedger(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := totalgesttest.Start(t, totalgesttest.Options{NoListen: true, CheckOrder: func(o totalgest.Order) []totalgest.FieldError {
			if o.Note == "no" {
				return []totalgest.FieldError{{Path: "note", Message: "says no"}}
			}
			return nil
		}})
		c := newClient(t, s)
		bad := order("a")
		bad.Note = "no"
		if _, _, err := c.CreateOrder(t.Context(), bad); !errors.Is(err, totalgest.ErrInvalid) || !strings.Contains(err.Error(), "note: says no") {
			t.Error(err)
		}
		for _, id := range []string{"a", "b", "a"} {
			if _, _, err := c.CreateOrder(t.Context(), order(id)); err != nil {
				t.Error(err)
			}
		}
		got := s.Orders()
		if len(got) != 3 || got[2].Ref.ID != "TG-1003" || got[2].Order.ExternalID != "a" || !got[2].At.Equal(time.Now()) || s.Duplicates() != 1 || s.Writes() != 3 {
			t.Errorf("%+v, %d double, %d writes", got, s.Duplicates(), s.Writes())
		}
		if s.SetOrderStatus("TG-1", "", "", "") || !s.SetOrderStatus("TG-1002", "shipped", "BRT", "1") {
			t.Error("the status of the wrong order was set")
		}
		if n := s.Requests()["orders.create"]; n != 4 {
			t.Errorf("%d requests", n)
		}
		// A fault strikes only where it was ordered.
		s.Faults(totalgesttest.Fault{Kind: totalgesttest.LateEffect, Operation: "orders.create", Times: 1, Delay: time.Hour})
		if _, _, err := c.CreateOrder(t.Context(), order("late")); !errors.Is(err, totalgest.ErrInDoubt) {
			t.Error(err)
		}
		if found, err := c.FindOrders(t.Context(), "late"); err != nil || len(found) != 0 {
			t.Error(found, err)
		}
		<-time.After(time.Hour) // on the clock of the bubble
		synctest.Wait()
		if found, err := c.FindOrders(t.Context(), "late"); err != nil || len(found) != 1 {
			t.Error(found, err)
		}
		if s.FaultCounts()[totalgesttest.LateEffect] != 1 {
			t.Errorf("%v", s.FaultCounts())
		}
	})
}

func TestNoSearch(t *testing.T) {
	t.Parallel()
	rec := &tb{}
	s := totalgesttest.Start(rec, totalgesttest.Options{NoListen: true, NoSearch: true})
	if status, _ := send(t, s, "GET", "orders?external_id=x", "", nil); status != 404 {
		t.Errorf("status %d", status)
	}
	if got := rec.end(); len(got) != 1 {
		t.Errorf("a search where there is none must be noticed: %v", got)
	}
}

func TestCheckOrder(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		change func(*totalgest.Order)
		path   string // empty: taken
	}{
		{"good", func(*totalgest.Order) {}, ""},
		{"no external id", func(o *totalgest.Order) { o.ExternalID = "" }, "external_id"},
		{"no currency", func(o *totalgest.Order) { o.Currency = "" }, "currency"},
		{"no date", func(o *totalgest.Order) { o.CreatedAt = time.Time{} }, "created_at"},
		{"no lines", func(o *totalgest.Order) { o.Lines = nil }, "lines"},
		{"line without price", func(o *totalgest.Order) { o.Lines[0].UnitPrice = totalgest.Opt[decimal.Decimal]{} }, "lines.0"},
		{"no total", func(o *totalgest.Order) { o.Gross = totalgest.Opt[decimal.Decimal]{} }, "totals.gross"},
		{"net and tax", func(o *totalgest.Order) { o.Net, o.VAT = amount("8.20"), amount("1.80") }, ""},
		{"net and tax differ", func(o *totalgest.Order) { o.Net, o.VAT = amount("8.20"), amount("1.81") }, "totals.gross"},
		{"inclusive", func(o *totalgest.Order) { o.PricesIncludeTax = totalgest.Some(true) }, ""},
		{"inclusive, a cent off", func(o *totalgest.Order) {
			o.PricesIncludeTax, o.ShippingAmount = totalgest.Some(true), amount("0.01")
		}, "totals.gross"},
		{"all parts", func(o *totalgest.Order) {
			o.PricesIncludeTax, o.ShippingAmount, o.Gross = totalgest.Some(true), amount("5"), amount("14")
			o.Surcharges, o.Discounts = []totalgest.Charge{{Amount: amount("2")}}, []totalgest.Charge{{Amount: amount("3")}}
		}, ""},
		{"exclusive", func(o *totalgest.Order) {
			o.PricesIncludeTax, o.Net, o.VAT, o.Gross = totalgest.Some(false), amount("10"), amount("2.20"), amount("12.20")
		}, ""},
		{"exclusive, a cent off", func(o *totalgest.Order) {
			o.PricesIncludeTax, o.Net, o.VAT, o.Gross = totalgest.Some(false), amount("10.01"), amount("2.20"), amount("12.21")
		}, "totals.net"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			o := order("x")
			tt.change(&o)
			got := totalgesttest.CheckOrder(o)
			if tt.path == "" && len(got) > 0 || tt.path != "" && (len(got) == 0 || got[0].Path != tt.path) {
				t.Errorf("%v, want %q", got, tt.path)
			}
		})
	}
}

func TestCloseEndsRequests(t *testing.T) {
	t.Parallel()
	s, err := totalgesttest.New(totalgesttest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	s.Faults(totalgesttest.Fault{Kind: totalgesttest.Hang})
	arrived := make(chan struct{})
	s.OnRequest(func(string) { close(arrived) })
	done := make(chan error)
	c := newClient(t, s)
	go func() {
		_, _, err := c.CreateOrder(t.Context(), order("x"))
		done <- err
	}()
	<-arrived
	s.Close()
	if err := <-done; !errors.Is(err, totalgest.ErrInDoubt) {
		t.Error(err)
	}
}

func TestLargeCatalogue(t *testing.T) {
	t.Parallel()
	s := totalgesttest.Start(t, totalgesttest.Options{NoListen: true})
	var all []totalgest.Product
	for i := range 20_000 {
		all = append(all, product(fmt.Sprint(i)))
	}
	s.SetProducts(all)
	c := newClient(t, s)
	n := 0
	for _, err := range c.AllProducts(t.Context(), totalgest.ListOptions{}) {
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	if n != 20_000 || s.Requests()["products.list"] != 40 {
		t.Errorf("%d products, %v", n, s.Requests())
	}
}

func TestBodiesAreBounded(t *testing.T) {
	t.Parallel()
	s := totalgesttest.Start(t, totalgesttest.Options{NoListen: true})
	huge := bytes.Repeat([]byte(" "), 9<<20)
	status, _ := send(t, s, "POST", "orders", string(huge), nil)
	if status != http.StatusRequestEntityTooLarge || len(s.Orders()) != 0 {
		t.Errorf("status %d", status)
	}
}
