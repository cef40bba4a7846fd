package totalgest_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/shopspring/decimal"
	"github.com/tg360/tg360/totalgest"
	"github.com/tg360/tg360/totalgest/totalgesttest"
)

// equal compares records as values: amounts by their value, times by their
// instant.
var equal = cmp.Options{
	cmp.Comparer(func(a, b totalgest.Opt[decimal.Decimal]) bool { return a.Equal(b, decimal.Decimal.Equal) }),
	cmp.Comparer(func(a, b totalgest.Opt[string]) bool { return a == b }),
	cmp.Comparer(func(a, b totalgest.Opt[bool]) bool { return a == b }),
	cmpopts.EquateApproxTime(0),
}

func TestNewNamesWhatIsWrong(t *testing.T) {
	t.Parallel()
	good := config("tg00.example")
	tests := []struct {
		name   string
		change func(*totalgest.Config)
		want   string
	}{
		{"shop", func(c *totalgest.Config) { c.ShopID = "" }, "Config.ShopID is empty"},
		{"owner", func(c *totalgest.Config) { c.OwnerID = " " }, "Config.OwnerID is empty"},
		{"endpoint", func(c *totalgest.Config) { c.Endpoint = "" }, "Config.Endpoint is empty"},
		{"user", func(c *totalgest.Config) { c.Username = "" }, "Config.Username is empty"},
		{"password", func(c *totalgest.Config) { c.Password = "" }, "Config.Password is empty"},
		{"credentials in the endpoint", func(c *totalgest.Config) { c.Endpoint = "https://u:p@tg00.example" }, "fields of their own"},
		{"no host", func(c *totalgest.Config) { c.Endpoint = "https://" }, "Config.Endpoint"},
		{"plain http", func(c *totalgest.Config) { c.Endpoint = "http://tg00.example" }, "https"},
		{"profile no JSON", func(c *totalgest.Config) { c.Profile = []byte("{") }, "Config.Profile"},
		{"unknown operation", func(c *totalgest.Config) { c.Profile = []byte(`{"operations":{"orders.paint":{}}}`) }, "orders.paint"},
		{"unknown field", func(c *totalgest.Config) { c.Profile = []byte(`{"records":{"order":{"colour":["c"]}}}`) }, "order.colour"},
		{"two fields at one place", func(c *totalgest.Config) { c.Profile = []byte(`{"records":{"order":{"note":["number"]}}}`) }, "field note"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := good
			tt.change(&c)
			_, err := totalgest.New(c)
			e := wantError(t, err, totalgest.ErrArgument)
			if !strings.Contains(e.Message, tt.want) {
				t.Errorf("%q, want %q in it", e.Message, tt.want)
			}
		})
	}
}

func TestEndpointSpellings(t *testing.T) {
	t.Parallel()
	s := totalgesttest.Start(t, totalgesttest.Options{NoListen: true})
	for _, endpoint := range []string{"localhost", "https://localhost", " localhost/ ", "https://localhost/api/v1/", "http://127.0.0.1"} {
		c := s.Config()
		c.Endpoint = endpoint
		if _, err := newClient(t, c).Account(t.Context()); err != nil {
			t.Errorf("%q: %v", endpoint, err)
		}
	}
}

func TestProducts(t *testing.T) {
	t.Parallel()
	s, c := startFake(t, totalgesttest.Options{})
	want := sampleProduct("17")
	variant := sampleProduct("18")
	variant.ParentID = totalgest.Some("17")
	s.PutProduct(want)
	s.PutProduct(variant)
	got, err := c.Product(t.Context(), "17")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, equal, cmpopts.IgnoreFields(totalgest.Product{}, "UpdatedAt", "Meta")); diff != "" {
		t.Error(diff)
	}
	if got.UpdatedAt.IsZero() {
		t.Error("no UpdatedAt")
	}
	_, err = c.Product(t.Context(), "19")
	wantError(t, err, totalgest.ErrNotFound)
	_, err = c.Product(t.Context(), "")
	wantError(t, err, totalgest.ErrArgument)
	page, err := c.Products(t.Context(), totalgest.ListOptions{})
	if err != nil || len(page.Items) != 2 || page.Next != "" || page.ServerTime.IsZero() {
		t.Errorf("%+v, %v", page, err)
	}
	if parent, ok := page.Items[1].ParentID.Get(); !ok || parent != "17" {
		t.Errorf("the variant's parent is %q", parent)
	}
}

func TestOrders(t *testing.T) {
	t.Parallel()
	s, c := startFake(t, totalgesttest.Options{})
	ctx := t.Context()
	ref, created, err := c.CreateOrder(ctx, sampleOrder("shop-1"))
	if err != nil || !created || ref.ID == "" || ref.ExternalID != "shop-1" {
		t.Fatalf("%+v, %v, %v", ref, created, err)
	}
	if diff := cmp.Diff(sampleOrder("shop-1"), s.Orders()[0].Order, equal); diff != "" {
		t.Errorf("the order arrived otherwise:\n%s", diff)
	}
	found, err := c.FindOrders(ctx, "shop-1")
	if err != nil || len(found) != 1 || found[0].ID != ref.ID {
		t.Errorf("%v, %v", found, err)
	}
	if none, err := c.FindOrders(ctx, "shop-2"); err != nil || len(none) != 0 {
		t.Errorf("%v, %v", none, err)
	}
	s.SetOrderStatus(ref.ID, "shipped", "BRT", "1Z0017")
	got, err := c.Order(ctx, ref.ID)
	if err != nil || got.Status != "shipped" || got.Courier != "BRT" || got.Tracking != "1Z0017" {
		t.Errorf("%+v, %v", got, err)
	}
	_, err = c.Order(ctx, "TG-0")
	wantError(t, err, totalgest.ErrNotFound)
	n := 0
	for page, err := range c.OrderPages(ctx, totalgest.ListOptions{}) {
		if err != nil {
			t.Fatal(err)
		}
		n += len(page.Items)
	}
	if n != 1 || s.Writes() != 1 {
		t.Errorf("%d orders, %d writes", n, s.Writes())
	}
}

func TestStock(t *testing.T) {
	t.Parallel()
	s, c := startFake(t, totalgesttest.Options{})
	for i := range 7 {
		s.PutProduct(sampleProduct(fmt.Sprint(i)))
	}
	s.SetStock("3", decimal.RequireFromString("-2.5"), false)
	got := map[string]string{}
	for page, err := range c.StockPages(t.Context(), totalgest.ListOptions{Limit: 3}) {
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range page.Items {
			got[x.ID] = x.Quantity.Or(decimal.Zero).String()
		}
	}
	if len(got) != 7 || got["3"] != "-2.5" || got["4"] != "12.5" {
		t.Errorf("%v", got)
	}
}

func TestCall(t *testing.T) {
	t.Parallel()
	s, c := startFake(t, totalgesttest.Options{})
	s.PutProduct(sampleProduct("17"))
	raw, err := c.Call(t.Context(), "products.get", map[string]any{"id": "17"})
	if err != nil || !strings.Contains(string(raw), `"SKU-17"`) {
		t.Errorf("%s, %v", raw, err)
	}
	_, err = c.Call(t.Context(), "orders.cancel", map[string]any{"id": "1"})
	wantError(t, err, totalgest.ErrUnsupported)
	_, err = c.Call(t.Context(), "products.get", map[string]any{"id": "17", "colour": "red"})
	wantError(t, err, totalgest.ErrArgument)
}

func TestCan(t *testing.T) {
	t.Parallel()
	_, plain := startFake(t, totalgesttest.Options{})
	_, other := startFake(t, totalgesttest.Options{Dedupe: true, NoSearch: true})
	if plain.Can(totalgest.AbilityDedupe) || !plain.Can(totalgest.AbilitySearch) || !plain.Can(totalgest.AbilityStock) {
		t.Error("the default claims what it has not, or the reverse")
	}
	if !other.Can(totalgest.AbilityDedupe) || other.Can(totalgest.AbilitySearch) || !other.Can(totalgest.AbilityStock) {
		t.Error("the options did not reach the profile")
	}
}

// A walk by cursor sees every product once, and what changes meanwhile again.
func TestWalk(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, c := startFake(t, totalgesttest.Options{NoListen: true})
		for i := range 25 {
			s.PutProduct(sampleProduct(fmt.Sprintf("%02d", i)))
		}
		pages, seen := 0, map[string]int{}
		for page, err := range c.ProductPages(t.Context(), totalgest.ListOptions{Limit: 10}) {
			if err != nil {
				t.Fatal(err)
			}
			if pages++; pages == 1 {
				<-time.After(time.Second) // on the clock of the bubble
				s.UpdateProduct("00", func(p *totalgest.Product) { p.Name = "changed" })
			}
			for _, p := range page.Items {
				seen[p.ID]++
			}
		}
		if pages != 3 || len(seen) != 25 || seen["00"] != 2 || seen["24"] != 1 {
			t.Errorf("%d pages, seen %v", pages, seen)
		}
		since := time.Now()
		<-time.After(time.Second) // on the clock of the bubble
		s.UpdateProduct("07", func(p *totalgest.Product) { p.Name = "changed" })
		for p, err := range c.AllProducts(t.Context(), totalgest.ListOptions{UpdatedSince: since.Add(time.Second)}) {
			if err != nil || p.ID != "07" {
				t.Errorf("%v, %v is not what changed since", p.ID, err)
			}
		}
		if n := s.Requests()["products.list"]; n != 4 {
			t.Errorf("%d requests, want 4", n)
		}
	})
}

func TestWalkResumes(t *testing.T) {
	t.Parallel()
	s, c := startFake(t, totalgesttest.Options{})
	for i := range 9 {
		s.PutProduct(sampleProduct(fmt.Sprint(i)))
	}
	first, err := c.Products(t.Context(), totalgest.ListOptions{Limit: 4})
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, err := range c.AllProducts(t.Context(), totalgest.ListOptions{Limit: 4, Cursor: first.Next}) {
		if err != nil {
			t.Fatal(err)
		}
		if n++; n == 3 { // a loop may end early
			break
		}
	}
	if got := s.Requests()["products.list"]; got != 2 {
		t.Errorf("%d requests, want 2: a page is read when the loop asks for it", got)
	}
}

// Neither a broken record nor a failing page is silent.
func TestWalkEndsWithAnError(t *testing.T) {
	t.Parallel()
	s, c := startFake(t, totalgesttest.Options{})
	for i := range 9 {
		s.PutProduct(sampleProduct(fmt.Sprint(i)))
	}
	calls := 0
	s.OnRequest(func(string) {
		if calls++; calls == 2 {
			s.Faults(totalgesttest.Fault{Kind: totalgesttest.Truncate})
		}
	})
	var last error
	n := 0
	for _, err := range c.AllProducts(t.Context(), totalgest.ListOptions{Limit: 4}) {
		if last = err; err == nil {
			n++
		}
	}
	wantError(t, last, totalgest.ErrUnavailable)
	if n != 4 {
		t.Errorf("%d products before the failure, want 4", n)
	}
	capped := newClient(t, func() totalgest.Config {
		c := s.Config()
		c.Profile = []byte(`{"paging":{"max_pages":2}}`)
		return c
	}())
	s.Faults()
	for _, err := range capped.AllProducts(t.Context(), totalgest.ListOptions{Limit: 4}) {
		last = err
	}
	wantError(t, last, totalgest.ErrIncomplete)
}

func TestBadRecordsAreListedAndTheWalkGoesOn(t *testing.T) {
	t.Parallel()
	l := startLiteral(t, map[string]answer{"GET /api/v1/products?limit=500": {body: `{"data":[
		{"id":1,"sku":"A","name":"a"}, {"id":2,"name":"no sku"}, {"id":3,"sku":"C","name":"c","quantity":{"on":1}}], "next_cursor":null}`}})
	c := newClient(t, config(l.URL))
	page, err := c.Products(t.Context(), totalgest.ListOptions{})
	if err != nil || len(page.Items) != 2 || len(page.Rejected) != 1 {
		t.Fatalf("%+v, %v", page, err)
	}
	e := wantError(t, page.Rejected[0], totalgest.ErrInvalidRecord)
	if e.RecordID != "2" || !strings.Contains(e.Message, "product.sku: missing (tried sku)") {
		t.Errorf("%+v", e)
	}
	if p := page.Items[1]; !p.Quantity.IsAbsent() || len(p.Meta.Problems) != 1 || p.Meta.Problems[0].Field != "quantity" {
		t.Errorf("an optional field that can't be read is a problem of the record: %+v", p.Meta)
	}
	good, bad := 0, 0
	for _, err := range c.AllProducts(t.Context(), totalgest.ListOptions{}) {
		if err != nil {
			bad++
		} else {
			good++
		}
	}
	if good != 2 || bad != 1 {
		t.Errorf("%d good and %d bad, want 2 and 1", good, bad)
	}
}

func TestOneClientManyGoroutines(t *testing.T) {
	t.Parallel()
	s, c := startFake(t, totalgesttest.Options{})
	for i := range 40 {
		s.PutProduct(sampleProduct(fmt.Sprint(i)))
	}
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			ctx := totalgest.Urgent(t.Context())
			for i := range 5 {
				id := fmt.Sprintf("g%d-%d", g, i)
				if _, created, err := c.CreateOrder(ctx, sampleOrder(id)); err != nil || !created {
					t.Errorf("%s: %v, %v", id, created, err)
				}
				n := 0
				for _, err := range c.AllProducts(t.Context(), totalgest.ListOptions{Limit: 9}) {
					if err != nil {
						t.Error(err)
					}
					n++
				}
				if n != 40 {
					t.Errorf("%d products, want 40", n)
				}
			}
		})
	}
	wg.Wait()
	if n := len(s.Orders()); n != 40 || s.Duplicates() != 0 {
		t.Errorf("%d orders, %d of them double", n, s.Duplicates())
	}
}

func TestContextEndsACall(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, c := startFake(t, totalgesttest.Options{NoListen: true})
		s.Faults(totalgesttest.Fault{Kind: totalgesttest.Hang})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start := time.Now()
		_, err := c.Account(ctx)
		e := wantError(t, err, totalgest.ErrUnavailable)
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != time.Second || e.Outcome != "" {
			t.Errorf("%v after %v", err, time.Since(start))
		}
	})
}
