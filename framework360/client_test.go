package framework360_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/shopspring/decimal"
	"github.com/tg360/tg360/framework360"
	"github.com/tg360/tg360/framework360/framework360test"
)

// equal compares records as values. What is absent may come as null.
var equal = cmp.Options{
	cmp.Comparer(func(a, b framework360.Opt[decimal.Decimal]) bool {
		return !a.IsSet() && !b.IsSet() || a.Equal(b, decimal.Decimal.Equal)
	}),
	cmp.Comparer(func(a, b framework360.Opt[string]) bool { return a == b || !a.IsSet() && !b.IsSet() }),
	cmp.Comparer(func(a, b framework360.Opt[bool]) bool { return a == b || !a.IsSet() && !b.IsSet() }),
	cmpopts.EquateApproxTime(0),
	cmpopts.IgnoreFields(framework360.Product{}, "Meta"),
	cmpopts.IgnoreFields(framework360.Order{}, "Meta"),
}

func TestNewNamesWhatIsWrong(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		change func(*framework360.Config)
		want   string
	}{
		{"no site", func(c *framework360.Config) { c.Site = "" }, "Config.Site"},
		{"no key", func(c *framework360.Config) { c.APIKey = " " }, "Config.APIKey is empty"},
		{"credentials in the site", func(c *framework360.Config) { c.Site = "https://u:p@shop.example" }, "Config.Site"},
		{"no web address", func(c *framework360.Config) { c.Site = "ftp://shop.example" }, "Config.Site"},
		{"profile no JSON", func(c *framework360.Config) { c.Profile = []byte("{") }, "Config.Profile"},
		{"unknown operation", func(c *framework360.Config) { c.Profile = []byte(`{"operations":{"orders/paint":{}}}`) }, "orders/paint"},
		{"two fields at one place", func(c *framework360.Config) { c.Profile = []byte(`{"records":{"order":{"note":["numero"]}}}`) }, "field note"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := config("shop.example")
			tt.change(&c)
			_, err := framework360.New(c)
			e := wantError(t, err, framework360.ErrArgument)
			if !strings.Contains(e.Message, tt.want) {
				t.Errorf("%q, want %q in it", e.Message, tt.want)
			}
		})
	}
}

func TestSiteSpellings(t *testing.T) {
	t.Parallel()
	s := framework360test.Start(t, framework360test.Options{NoListen: true})
	for _, site := range []string{"localhost", "http://LOCALHOST", "https://localhost/", " localhost/m/api/ ", "https://localhost/m/api/orders/list"} {
		c := s.Config()
		c.Site = site
		if _, err := newClient(t, c).Statuses(t.Context()); err != nil {
			t.Errorf("%q: %v", site, err)
		}
	}
}

// Whatever PHP makes of it, a record is read as it is.
func TestOrdersInEverySpelling(t *testing.T) {
	t.Parallel()
	s, c := startFake(t, framework360test.Options{NoListen: true})
	want := sampleOrder("1001")
	s.PutOrder(want)
	s.PutOrder(framework360.Order{ID: "900", Created: want.Created.Add(-time.Hour), Currency: "EUR", Total: dec("1"),
		Rows: []framework360.Row{{Quantity: dec("1"), Price: dec("1")}}})
	for range 60 { // each reply is spelled otherwise
		got, err := c.Order(t.Context(), "1001")
		if err != nil {
			t.Fatal(err)
		}
		if got.StateName == "" {
			got.StateName = want.StateName // the state may come as its id alone
		}
		if diff := cmp.Diff(want, got, equal); diff != "" || len(got.Meta.Problems) > 0 {
			t.Errorf("%v\n%s", got.Meta.Problems, diff)
		}
		bare, err := c.Order(t.Context(), "900")
		if err != nil || bare.Billing != (framework360.Party{}) || bare.Discount.IsSet() || bare.Note != "" || len(bare.Labels) != 0 || len(bare.Meta.Problems) > 0 {
			t.Errorf("%+v, %v", bare, err)
		}
		page, err := c.Orders(t.Context(), framework360.OrderOptions{})
		if err != nil || len(page.Items) != 2 || len(page.Rejected) > 0 || page.Items[0].ID != "1001" {
			t.Errorf("%+v, %v", page, err)
		}
	}
}

func TestProducts(t *testing.T) {
	t.Parallel()
	for seed := range uint64(10) {
		s, c := startFake(t, framework360test.Options{NoListen: true, Seed: seed})
		ctx := t.Context()
		id, err := c.CreateProduct(ctx, sampleProduct("0017"))
		if err != nil || id == "" {
			t.Fatal(id, err)
		}
		want := sampleProduct("0017")
		want.ID = id
		got, err := c.Product(ctx, id)
		if diff := cmp.Diff(want, got, equal); err != nil || diff != "" {
			t.Errorf("%v\n%s", err, diff)
		}
		stored, _ := s.Product("0017")
		if diff := cmp.Diff(want, stored, equal); diff != "" {
			t.Errorf("the product arrived otherwise:\n%s", diff)
		}
		// An update writes what is set or null, and leaves the rest.
		if err := c.UpdateProduct(ctx, framework360.Product{ID: id, Quantity: dec("0"), SalePrice: framework360.Null[decimal.Decimal](), Images: []string{}}); err != nil {
			t.Fatal(err)
		}
		want.Quantity, want.SalePrice, want.Images = dec("0"), framework360.Opt[decimal.Decimal]{}, []string{}
		stored, _ = s.Product("0017")
		if diff := cmp.Diff(want, stored, equal); diff != "" {
			t.Errorf("after the update:\n%s", diff)
		}
		if w := s.WritesBySKU(); w["0017"] != 2 || s.Writes() != 2 {
			t.Errorf("writes %v", w)
		}
	}
}

func TestProductErrors(t *testing.T) {
	t.Parallel()
	_, c := startFake(t, framework360test.Options{NoListen: true})
	ctx := t.Context()
	_, err := c.Product(ctx, "17")
	wantError(t, err, framework360.ErrNotFound)
	err = c.UpdateProduct(ctx, framework360.Product{ID: "17", Quantity: dec("1")})
	if e := wantError(t, err, framework360.ErrNotFound); e.Outcome != framework360.OutcomeRefused {
		t.Errorf("outcome %q", e.Outcome)
	}
	err = c.UpdateProduct(ctx, framework360.Product{Quantity: dec("1")})
	wantError(t, err, framework360.ErrArgument)
	_, err = c.CreateProduct(ctx, framework360.Product{ID: "17"})
	wantError(t, err, framework360.ErrArgument)
	_, err = c.Order(ctx, "17")
	wantError(t, err, framework360.ErrNotFound)
}

func TestFindProducts(t *testing.T) {
	t.Parallel()
	for _, ignored := range []bool{false, true} {
		s, c := startFake(t, framework360test.Options{NoListen: true, IgnoreSKU: ignored})
		for _, sku := range []string{"0017", "17", "0017x", "0017", "abc", "ABC"} {
			s.PutProduct(framework360.Product{SKU: framework360.Some(sku)})
		}
		for sku, want := range map[string]int{"0017": 2, "17": 1, "ABC": 1, "none": 0} {
			got, err := c.FindProducts(t.Context(), sku)
			if sku == "none" && ignored { // what came says nothing about what is there
				wantError(t, err, framework360.ErrUnsupported)
			} else if err != nil || len(got) != want {
				t.Errorf("%q: %d products, %v, want %d", sku, len(got), err, want)
			}
		}
	}
}

func TestUpdateStatus(t *testing.T) {
	t.Parallel()
	s, c := startFake(t, framework360test.Options{NoListen: true})
	s.PutOrder(sampleOrder("1001"))
	ctx := t.Context()
	if err := c.UpdateStatus(ctx, "1001", framework360.StatusUpdate{Status: "4", Tracking: "9"}); err != nil {
		t.Fatal(err)
	}
	if o, _ := s.Order("1001"); o.StateID != "4" || o.StateName != "Spedito" || o.Courier != "BRT" || o.Tracking != "9" {
		t.Errorf("%+v", o)
	}
	err := c.UpdateStatus(ctx, "1001", framework360.StatusUpdate{Status: "99"})
	if e := wantError(t, err, framework360.ErrInvalid); e.Outcome != framework360.OutcomeRefused {
		t.Errorf("outcome %q", e.Outcome)
	}
	wantError(t, c.UpdateStatus(ctx, "1001", framework360.StatusUpdate{}), framework360.ErrArgument)
}

func TestReferences(t *testing.T) {
	t.Parallel()
	_, c := startFake(t, framework360test.Options{NoListen: true})
	for range 20 {
		statuses, err := c.Statuses(t.Context())
		if err != nil || len(statuses) != 6 || statuses[3].ID != "4" || statuses[3].Name != "Spedito" {
			t.Errorf("%v, %v", statuses, err)
		}
		payments, err := c.PaymentMethods(t.Context())
		if err != nil || len(payments) != 4 || payments[2].Name != "Contrassegno" {
			t.Errorf("%v, %v", payments, err)
		}
		taxes, err := c.Taxes(t.Context())
		if err != nil || len(taxes) != 5 || taxes[1].Rate.Or(decimal.Zero).String() != "10" {
			t.Errorf("%v, %v", taxes, err)
		}
		plugins, err := c.Plugins(t.Context())
		if err != nil || len(plugins) != 3 || !plugins[0].Active.Or(false) || plugins[2].Active.Or(true) {
			t.Errorf("%v, %v", plugins, err)
		}
	}
}

func TestCall(t *testing.T) {
	t.Parallel()
	s, c := startFake(t, framework360test.Options{NoListen: true})
	s.PutOrder(sampleOrder("1001"))
	if raw, err := c.Call(t.Context(), "orders/cancel", map[string]any{"id": 1001}); err != nil || len(raw) == 0 {
		t.Errorf("%s, %v", raw, err)
	}
	if o, _ := s.Order("1001"); o.StateName != "Annullato" {
		t.Errorf("%+v", o)
	}
	_, err := c.Call(t.Context(), "orders/list", map[string]any{"colour": "red"})
	wantError(t, err, framework360.ErrArgument)
	_, err = c.Call(t.Context(), "orders/paint", nil)
	wantError(t, err, framework360.ErrUnsupported)
	page, err := c.Orders(t.Context(), framework360.OrderOptions{Statuses: []string{"6", "5"}, Query: "2026", Sort: "date"})
	if err != nil || len(page.Items) != 1 {
		t.Errorf("%v, %v", page, err)
	}
}

func TestUserToken(t *testing.T) {
	t.Parallel()
	s, c := startFake(t, framework360test.Options{NoListen: true, NeedUser: true})
	ctx := t.Context()
	for i := range 3 {
		if _, err := c.Statuses(ctx); err != nil {
			t.Fatal(err)
		}
		if n := s.Requests(); n["users/login"] != i+1 || n["orders/statuses"] != 2*(i+1) {
			t.Errorf("after %d expiries: %v", i+1, n)
		}
		s.ExpireToken()
	}
	// A login that fails is tried once, and the call is not repeated.
	wrong := s.Config()
	wrong.UserPassword = "wrong"
	before := s.Requests()
	_, err := newClient(t, wrong).Taxes(ctx)
	wantError(t, err, framework360.ErrUnauthorized)
	if n := s.Requests(); n["users/login"] != before["users/login"]+1 || n["payments/taxes"] != 1 {
		t.Errorf("%v", n)
	}
	wrong.UserEmail, wrong.UserPassword, wrong.UserToken = "", "", "old"
	_, err = newClient(t, wrong).Taxes(ctx)
	wantError(t, err, framework360.ErrUnauthorized)
	err = newClient(t, wrong).Login(ctx)
	wantError(t, err, framework360.ErrArgument)
}

func TestPaging(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name           string
		orders, limit  int
		options        framework360test.Options
		profile        string
		want, requests int
		incomplete     bool
	}{
		{name: "an empty page is the end", orders: 4, limit: 2, want: 4, requests: 3},
		{name: "a short page after a full one is the end", orders: 5, limit: 2, want: 5, requests: 3},
		{name: "a short first page is not", orders: 3, limit: 5, want: 3, requests: 2},
		{name: "a repeated page is the end", orders: 4, limit: 2, options: framework360test.Options{RepeatLastPage: true}, want: 4, requests: 3},
		{name: "nothing", orders: 0, limit: 2, want: 0, requests: 2},
		{name: "pages from 1, as the profile says", orders: 5, limit: 2, profile: `{"paging":{"first_page":1}}`, want: 5, requests: 3},
		{name: "pages from 1, and 0 is 1", orders: 5, limit: 2, options: framework360test.Options{FirstPage: 1}, want: 5, requests: 4},
		{name: "pages from 1, and 0 is empty", orders: 5, limit: 2, options: framework360test.Options{FirstPage: 1, PageBelow: "empty"}, want: 5, requests: 5},
		{name: "pages from 1, and 0 is refused", orders: 5, limit: 2, options: framework360test.Options{FirstPage: 1, PageBelow: "refused"}, want: 5, requests: 5},
		{name: "one page from 1", orders: 3, limit: 5, options: framework360test.Options{FirstPage: 1}, want: 3, requests: 3},
		{name: "one page, repeated for ever", orders: 2, limit: 5, options: framework360test.Options{RepeatLastPage: true}, want: 2, requests: 3},
		{name: "too many pages", orders: 9, limit: 2, profile: `{"paging":{"max_pages":3}}`, want: 6, requests: 3, incomplete: true},
		{name: "short lists", orders: 5, limit: 2, options: framework360test.Options{ShortLists: true}, want: 5, requests: 3},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tt.options.NoListen, tt.options.Profile = true, []byte(tt.profile)
			s, c := startFake(t, tt.options)
			for i := range tt.orders {
				o := sampleOrder(fmt.Sprint(1001 + i))
				o.Created = o.Created.Add(time.Duration(i) * time.Hour)
				s.PutOrder(o)
			}
			seen, last := map[string]bool{}, error(nil)
			for page, err := range c.OrderPages(t.Context(), framework360.OrderOptions{Limit: tt.limit}) {
				if last = err; len(page.Rejected) > 0 {
					t.Error(page.Rejected)
				}
				for _, o := range page.Items {
					if seen[o.ID] {
						t.Errorf("order %s twice", o.ID)
					}
					seen[o.ID] = true
				}
			}
			if tt.incomplete {
				wantError(t, last, framework360.ErrIncomplete)
			} else if last != nil {
				t.Error(last)
			}
			if n := s.Requests()["orders/list"]; len(seen) != tt.want || n != tt.requests {
				t.Errorf("%d orders in %d requests, want %d in %d", len(seen), n, tt.want, tt.requests)
			}
		})
	}
}

// A list that fails once does not count from 1: page 0 would be hidden for good.
func TestFailureDoesNotHideTheFirstPage(t *testing.T) {
	t.Parallel()
	for _, known := range []bool{true, false} {
		s, c := startFake(t, framework360test.Options{NoListen: true})
		for n := range 5 {
			s.PutProduct(sampleProduct(fmt.Sprint(n)))
		}
		read := func() (n int, err error) {
			for page, e := range c.ProductPages(t.Context(), framework360.ProductOptions{Limit: 2}) {
				n, err = n+len(page.Items), e
			}
			return n, err
		}
		if known {
			if n, err := read(); n != 5 || err != nil {
				t.Fatal(n, err)
			}
		}
		s.Faults(framework360test.Fault{Kind: framework360test.OK200Error, Times: 1})
		if n, err := read(); n != 5 && err == nil {
			t.Errorf("%d products of 5, and no error", n)
		}
		if n, err := read(); n != 5 || err != nil {
			t.Errorf("after a failure %d products of 5: %v", n, err)
		}
	}
}

// What a client has found out about the first page must not make it miss one.
func TestFirstPageIsNeverMissed(t *testing.T) {
	t.Parallel()
	for _, options := range []framework360test.Options{{}, {FirstPage: 1}, {FirstPage: 1, PageBelow: "empty"},
		{FirstPage: 1, PageBelow: "refused"}, {RepeatLastPage: true}, {FirstPage: 1, RepeatLastPage: true}} {
		options.NoListen = true
		s, c := startFake(t, options)
		for n := range 12 {
			seen := map[string]bool{}
			for page, err := range c.ProductPages(t.Context(), framework360.ProductOptions{Limit: 3}) {
				if err != nil {
					t.Fatal(err)
				}
				for _, p := range page.Items {
					seen[p.ID] = true
				}
			}
			if len(seen) != n {
				t.Errorf("%+v: %d products of %d", options, len(seen), n)
			}
			s.PutProduct(sampleProduct(fmt.Sprint(n)))
			if found, err := c.FindProducts(t.Context(), sampleProduct(fmt.Sprint(n)).SKU.Or("")); err != nil || len(found) != 1 {
				t.Errorf("%+v: found %d, %v", options, len(found), err)
			}
		}
	}
}

// A list that grows while it is read pushes orders over the edge of a page: they
// are seen twice, and none of the old ones is missed.
func TestPagingOfAGrowingList(t *testing.T) {
	t.Parallel()
	s, c := startFake(t, framework360test.Options{NoListen: true})
	for i := range 20 {
		o := sampleOrder(fmt.Sprint(1001 + i))
		o.Created = o.Created.Add(time.Duration(i) * time.Minute)
		s.PutOrder(o)
	}
	fresh := 0
	s.OnRequest(func(op string) {
		if fresh++; op == "orders/list" && fresh > 1 {
			o := sampleOrder(fmt.Sprint(2000 + fresh))
			o.Created = o.Created.Add(24 * time.Hour)
			s.PutOrder(o)
		}
	})
	seen := map[string]int{}
	for page, err := range c.OrderPages(t.Context(), framework360.OrderOptions{Limit: 4}) {
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range page.Items {
			seen[o.ID]++
		}
	}
	twice := 0
	for i := range 20 {
		id := fmt.Sprint(1001 + i)
		if seen[id] == 0 {
			t.Errorf("order %s was missed", id)
		}
		if seen[id] > 1 {
			twice++
		}
	}
	if twice == 0 {
		t.Error("the list did not grow")
	}
}

func TestProductPages(t *testing.T) {
	t.Parallel()
	s, c := startFake(t, framework360test.Options{NoListen: true})
	for i := range 25 {
		s.PutProduct(sampleProduct(fmt.Sprint(i)))
	}
	n := 0
	var next string
	for page, err := range c.ProductPages(t.Context(), framework360.ProductOptions{Limit: 10}) {
		if err != nil {
			t.Fatal(err)
		}
		n += len(page.Items)
		if next == "" {
			next = page.Next
		}
	}
	if n != 25 || next != "1" {
		t.Errorf("%d products, the second page is %q", n, next)
	}
	page, err := c.Products(t.Context(), framework360.ProductOptions{Cursor: "2", Limit: 10, Query: "caffè"})
	if err != nil || len(page.Items) != 5 {
		t.Errorf("%d products, %v", len(page.Items), err)
	}
	_, err = c.Products(t.Context(), framework360.ProductOptions{Cursor: "x"})
	wantError(t, err, framework360.ErrArgument)
}

func TestOneClientManyGoroutines(t *testing.T) {
	t.Parallel()
	s := framework360test.Start(t, framework360test.Options{NeedUser: true})
	c := newClient(t, s.Config())
	for i := range 30 {
		s.PutOrder(sampleOrder(fmt.Sprint(1001 + i)))
	}
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 5 {
				if i == 3 && g == 0 {
					s.ExpireToken()
				}
				if _, err := c.CreateProduct(framework360.Urgent(t.Context()), sampleProduct(fmt.Sprintf("g%d-%d", g, i))); err != nil {
					t.Error(err)
				}
				if _, err := c.Order(t.Context(), fmt.Sprint(1001+i)); err != nil {
					t.Error(err)
				}
				for _, err := range c.OrderPages(t.Context(), framework360.OrderOptions{Limit: 9}) {
					if err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	wg.Wait()
	if n := len(s.Products()); n != 40 || s.Duplicates() != 0 {
		t.Errorf("%d products, %d of them double", n, s.Duplicates())
	}
}

func TestReadsAndUpdatesAreRepeated(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := framework360test.Start(t, framework360test.Options{NoListen: true})
		config := s.Config()
		config.Retries = 2
		c := newClient(t, config)
		id := s.PutProduct(sampleProduct("1"))
		for _, kind := range []framework360test.FaultKind{framework360test.DropAfter, framework360test.Error500Before, framework360test.HTML502, framework360test.Truncate} {
			s.Faults(framework360test.Fault{Kind: kind, Times: 2})
			if err := c.UpdateProduct(t.Context(), framework360.Product{ID: id, Quantity: dec("1")}); err != nil {
				t.Errorf("%s: %v", kind, err)
			}
			s.Faults(framework360test.Fault{Kind: kind, Times: 2})
			if _, err := c.Product(t.Context(), id); err != nil {
				t.Errorf("%s: %v", kind, err)
			}
		}
		start := time.Now()
		s.Faults(framework360test.Fault{Kind: framework360test.TooMany429, RetryAfter: "90", Times: 1})
		if _, err := c.Product(t.Context(), id); err != nil || time.Since(start) < 90*time.Second {
			t.Errorf("%v after %v", err, time.Since(start))
		}
		// An answer that says no is final.
		before := s.Requests()["products/get"]
		s.Faults(framework360test.Fault{Kind: framework360test.OK200Error})
		_, err := c.Product(t.Context(), id)
		wantError(t, err, framework360.ErrInvalid)
		if n := s.Requests()["products/get"]; n != before+1 {
			t.Errorf("%d requests", n-before)
		}
	})
}

func TestContextEndsACall(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, c := startFake(t, framework360test.Options{NoListen: true})
		s.Faults(framework360test.Fault{Kind: framework360test.Hang})
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		start := time.Now()
		_, err := c.Statuses(ctx)
		if !errors.Is(err, context.Canceled) || time.Since(start) != time.Second {
			t.Errorf("%v after %v", err, time.Since(start))
		}
		_, err = c.CreateProduct(t.Context(), sampleProduct("1"))
		if e := wantError(t, err, framework360.ErrInDoubt); e.Outcome != framework360.OutcomeInDoubt || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v", err)
		}
	})
}

func TestWalkBeginsAnew(t *testing.T) {
	t.Parallel()
	s, cl := startFake(t, framework360test.Options{})
	for i := range 250 {
		s.PutProduct(sampleProduct(fmt.Sprint("S", i)))
	}
	pages := cl.ProductPages(t.Context(), framework360.ProductOptions{})
	for loop := range 2 {
		n := 0
		for page, err := range pages {
			if err != nil {
				t.Fatal(err)
			}
			n += len(page.Items)
		}
		if n != 250 {
			t.Errorf("loop %d over the same pages: %d products", loop+1, n)
		}
	}
}

// The elements of a list that ends in a refusal don't count, also when the call
// is made once more.
func TestRefusedListIsNotCounted(t *testing.T) {
	t.Parallel()
	const list = `{"data":[{"id":1,"sku":"A"},{"id":2,"sku":"B"}],`
	expired := true
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasSuffix(r.URL.Path, "/users/login"):
			expired = false
			_, _ = io.WriteString(w, `{"status":1,"data":{"access_token":"new"}}`)
		case expired:
			_, _ = io.WriteString(w, list+`"status":0,"error":"user_token_expired"}`)
		default:
			_, _ = io.WriteString(w, list+`"status":1}`)
		}
	}))
	t.Cleanup(srv.Close)
	c := config(srv.URL)
	c.UserToken, c.UserEmail, c.UserPassword = "old", "ada@bottega.example", "pw-1234567"
	page, err := newClient(t, c).Products(t.Context(), framework360.ProductOptions{})
	if err != nil || len(page.Items) != 2 {
		t.Errorf("%d products of 2, %v", len(page.Items), err)
	}
}
