package framework360test_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/tg360/tg360/framework360"
	"github.com/tg360/tg360/framework360/framework360test"
	"github.com/tg360/tg360/internal/openapi"
	"github.com/tg360/tg360/internal/wire"
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

func amount(s string) framework360.Opt[decimal.Decimal] {
	return framework360.Some(decimal.RequireFromString(s))
}

var day = time.Date(2026, 3, 4, 10, 20, 30, 0, time.UTC)

func order(id string, created time.Time) framework360.Order {
	return framework360.Order{ID: id, Number: "N" + id, Created: created, StateID: "2", StateName: "Pagato", Currency: "EUR", Total: amount("10"),
		Billing: framework360.Party{FirstName: "Ada", City: "Torino"}, Labels: []string{"web"},
		Rows: []framework360.Row{{ID: "5", Quantity: amount("1"), Price: amount("10.00")}}}
}

func product(sku string) framework360.Product {
	return framework360.Product{SKU: framework360.Some(sku), Name: framework360.Some("Prodotto " + sku), Price: amount("12.50"), Active: framework360.Some(true),
		Quantity: amount("3"), Images: []string{"a"}, Options: map[string]string{"peso": "1 kg"}}
}

// send makes a request without the client; it returns status and body.
func send(t *testing.T, s *framework360test.Server, verb, path, body string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), verb, s.URL+"/m/api/"+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Fw360-Key", framework360test.APIKey)
	req.Header.Set("Content-Type", "application/json")
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

func newClient(t *testing.T, s *framework360test.Server) *framework360.Client {
	t.Helper()
	c, err := framework360.New(s.Config())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func TestUnexpectedRequestsFailTheTest(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, verb, path, body string
		status                 int
		complaint              string // empty: none
	}{
		{"good", "GET", "orders/list?page=1&limit=5&statuses[]=1", "", 200, ""},
		{"unknown operation", "GET", "orders/paint", "", 404, "GET /m/api/orders/paint: no such operation"},
		{"another verb", "POST", "orders/list", "{}", 404, "no such operation"},
		{"unknown parameter", "GET", "orders/list?colour=red", "", 400, `property "colour" is unsupported`},
		{"page no number", "GET", "orders/list?page=first", "", 400, "page: value must be an integer"},
		{"id missing", "GET", "orders/get", "", 400, `property "id" is missing`},
		{"unknown field", "POST", "products/create", `{"colour":"red"}`, 400, `property "colour" is unsupported`},
		{"another candidate", "POST", "products/create", `{"quantity":1}`, 400, `property "quantity" is unsupported`},
		{"number as text", "POST", "products/create", `{"prezzo":"1.50"}`, 400, "prezzo: "},
		{"id of a new product", "POST", "products/create", `{"sku":"a"}`, 200, ""},
		{"not JSON", "POST", "products/create", `sku=a`, 400, "not JSON"},
		{"no such order", "GET", "orders/get?id=5", "", 200, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			rec := &tb{}
			s := framework360test.Start(rec, framework360test.Options{})
			status, body := send(t, s, tt.verb, tt.path, tt.body)
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

func TestAProfileThatIsWrong(t *testing.T) {
	t.Parallel()
	bad := framework360test.Options{Profile: []byte(`{"operations":{"orders/paint":{}}}`)}
	if _, err := framework360test.New(bad); err == nil || !strings.Contains(err.Error(), "orders/paint") {
		t.Errorf("%v", err)
	}
	defer func() {
		if text, _ := recover().(string); !strings.Contains(text, "paint") {
			t.Errorf("Start panicked with %q", text)
		}
	}()
	framework360test.Start(t, bad)
}

// What a plain server says is what openapi.yaml says.
func TestRepliesMatchTheDocument(t *testing.T) {
	t.Parallel()
	contract := framework360.Contract()
	p, err := wire.LoadProfile(contract.Profile, nil, contract.Spec)
	if err != nil {
		t.Fatal(err)
	}
	v, err := openapi.NewValidator(openapi.Generate("Framework360", p, contract.Spec.Records), "/m/api")
	if err != nil {
		t.Fatal(err)
	}
	s := framework360test.Start(t, framework360test.Options{Plain: true})
	s.PutOrder(order("1001", day))
	id := s.PutProduct(product("A"))
	for _, call := range []string{"GET check", "GET site/plugins", "GET site/settings", "GET orders/list?limit=2", "GET orders/get?id=1001", "GET orders/statuses",
		"GET orders/labels", "GET payments/list", "GET payments/taxes", "GET customers/list", "GET customers/search?query=x", "GET products/list", "GET products/get?id=" + id,
		`POST products/create {"sku":"B"}`, `POST products/update {"id":"` + id + `","sku":"C"}`, `POST products/delete {"id":"` + id + `"}`,
		`POST orders/updateStatus {"id":"1001","status":"4"}`, `POST orders/cancel {"id":1001}`, `POST orders/delete {"id":1001}`,
		`POST users/login {"email":"` + framework360test.UserEmail + `","password":"` + framework360test.UserPassword + `"}`, `POST webhooks/create {"url":"x"}`} {
		verb, rest, _ := strings.Cut(call, " ")
		path, body, _ := strings.Cut(rest, " ")
		op, _, _ := strings.Cut(path, "?")
		status, reply := send(t, s, verb, path, body)
		if err := v.CheckReply(op, []byte(reply)); err != nil || status != 200 || !strings.Contains(reply, `"status":1`) {
			t.Errorf("%s: %d, %v\n%s", call, status, err, reply)
		}
	}
	if _, ok := s.Order("1001"); ok || len(s.Products()) != 1 {
		t.Error("what was deleted is still there")
	}
	var log []string
	for _, w := range s.WriteLog() {
		log = append(log, w.Operation+" "+w.ID+" "+w.SKU)
	}
	want := "products/create 102 B, products/update 101 C, products/delete 101 C, orders/updateStatus 1001 , orders/cancel 1001 , orders/delete 1001 "
	if got := strings.Join(log, ", "); got != want {
		t.Errorf("writes: %s, want %s", got, want)
	}
}

// The same seed gives the same replies; another gives others; and over some
// replies each oddity of PHP comes.
func TestSpellings(t *testing.T) {
	t.Parallel()
	replies := func(o framework360test.Options) string {
		o.NoListen = true
		s := framework360test.Start(t, o)
		full := order("1001", day)
		full.PaymentID, full.Discount = "3", amount("1.20")
		s.PutOrder(full)
		s.PutProduct(product("17"))
		var all strings.Builder
		for range 40 {
			for _, path := range []string{"orders/get?id=1001", "products/get?id=101", "products/list", "orders/get?id=1", "site/plugins"} {
				_, body := send(t, s, "GET", path, "")
				all.WriteString(body + "\n")
			}
		}
		return all.String()
	}
	one := replies(framework360test.Options{Seed: 1})
	if one != replies(framework360test.Options{Seed: 1}) {
		t.Error("the same seed gave other replies")
	}
	if one == replies(framework360test.Options{Seed: 2}) {
		t.Error("another seed gave the same replies")
	}
	plain := replies(framework360test.Options{Plain: true})
	for name, odd := range map[string]string{
		"id as a number": `"id":1001`, "id as text": `"id":"1001"`, "sku as a number": `"sku":17`,
		"true": `"attivo":true`, "1": `"attivo":1`, "text 1": `"attivo":"1"`, "text true": `"attivo":"true"`,
		"number": `"prezzo":12.5`, "text number": `"prezzo":"12.50"`, "empty object as a list": `"spedizione":[]`,
		"null": `"note":null`, "empty text": `"note":""`, "list as an object": `"cart":{"0":{`, "reply as an object": `"data":{"0":{`,
		"JSON in JSON": `"billing_data":"{`, "state as its id": `"stato":2`, "state as an object": `"stato":{"id":`,
		"epoch": `"data":1772619630`, "local time": `"data":"2026-03-04 11:20:30"`, "RFC 3339": `"data":"2026-03-04T10:20:30Z"`,
		"status as text": `"status":"1"`, "failed": `"status":0`, "failed as text": `"status":"0"`,
		"a code": `"error":"not_found"`, "a sentence": `"error":"Order not found"`, "a message": `"message":"Order not found"`, "a message in the data": `"data":{"message":"Order not found"}`,
	} {
		if !strings.Contains(one, odd) {
			t.Errorf("%s: %s does not come", name, odd)
		}
	}
	for _, odd := range []string{`"attivo":1`, `"attivo":"`, `"prezzo":"`, `"note":null`, `"0":`, `\"`, `"status":"`, `"id":1001`} {
		if strings.Contains(plain, odd) {
			t.Errorf("a plain reply has %s", odd)
		}
	}
}

// A date whose local spelling would mean two instants is never written so.
func TestTheHourThatComesTwice(t *testing.T) {
	t.Parallel()
	first := time.Date(2026, 10, 25, 0, 30, 0, 0, time.UTC) // 02:30 in summer time
	s := framework360test.Start(t, framework360test.Options{NoListen: true})
	c := newClient(t, s)
	for _, at := range []time.Time{first, first.Add(time.Hour)} {
		s.PutOrder(order("1", at))
		for range 30 {
			got, err := c.Order(t.Context(), "1")
			if err != nil || !got.Created.Equal(at) {
				t.Fatalf("%v became %v, %v", at, got.Created, err)
			}
		}
	}
}

func TestOrdersAreKeptNewestFirst(t *testing.T) {
	t.Parallel()
	s := framework360test.Start(t, framework360test.Options{NoListen: true, Now: func() time.Time { return day.Add(time.Hour) }})
	for i, id := range []string{"9", "10", "3"} {
		s.PutOrder(order(id, day.Add(time.Duration(i%2)*time.Minute)))
	}
	fresh := order("", time.Time{})
	if id := s.PutOrder(fresh); id != "1001" {
		t.Errorf("a new order has id %q", id)
	}
	ids := func() string {
		var out []string
		for _, o := range s.Orders() {
			out = append(out, o.ID)
		}
		return strings.Join(out, " ")
	}
	if got := ids(); got != "1001 10 9 3" {
		t.Error(got)
	}
	s.UpdateOrder("3", func(o *framework360.Order) { o.Created, o.ID = day.Add(2*time.Hour), "changed" })
	s.UpdateOrder("9", func(o *framework360.Order) { o.Rows[0].Name = "x" })
	if got := ids(); got != "3 1001 10 9" {
		t.Error(got)
	}
	copied, _ := s.Order("9")
	copied.Rows[0].Name = "y"
	if o, _ := s.Order("9"); o.Rows[0].Name != "x" {
		t.Error("a copy shares memory with the server")
	}
	if !s.RemoveOrder("10") || s.RemoveOrder("10") || s.UpdateOrder("10", nil) {
		t.Error("an order that is gone is still there")
	}
	if got := ids(); got != "3 1001 9" {
		t.Error(got)
	}
}

func TestCatalogue(t *testing.T) {
	t.Parallel()
	s := framework360test.Start(t, framework360test.Options{NoListen: true})
	given := product("A")
	a, b := s.PutProduct(given), s.PutProduct(product("B"))
	given.Images[0] = "changed"
	if !s.EditProduct(b, func(p *framework360.Product) { p.SKU, p.ID = framework360.Some("A"), "x" }) || s.EditProduct("x", nil) {
		t.Error("the wrong product was edited")
	}
	if s.Duplicates() != 1 {
		t.Errorf("%d duplicates, want 1", s.Duplicates())
	}
	if _, ok := s.Product("B"); ok {
		t.Error("the old SKU is still found")
	}
	got, _ := s.Product("A")
	got.Images[0], got.Options["peso"] = "changed", "changed"
	if again, _ := s.Product("A"); again.ID != a || again.Images[0] != "a" || again.Options["peso"] != "1 kg" {
		t.Errorf("%+v: a copy shares memory with the server", again)
	}
	if !s.RemoveProduct(a) || s.RemoveProduct(a) || s.Duplicates() != 0 || len(s.Products()) != 1 || s.Writes() != 0 {
		t.Error("removing a product does not work, or counts as a write of the client")
	}
}

func TestLargeShop(t *testing.T) {
	t.Parallel()
	s := framework360test.Start(t, framework360test.Options{NoListen: true})
	for i := range 20_000 {
		s.PutProduct(product(fmt.Sprint(i)))
	}
	for i := range 7_000 {
		s.PutOrder(order(fmt.Sprint(i), day.Add(time.Duration(i)*time.Second)))
	}
	c := newClient(t, s)
	products, orders := 0, 0
	for page, err := range c.ProductPages(t.Context(), framework360.ProductOptions{Limit: 500}) {
		if err != nil {
			t.Fatal(err)
		}
		products += len(page.Items)
	}
	for page, err := range c.OrderPages(t.Context(), framework360.OrderOptions{Limit: 500}) {
		if err != nil {
			t.Fatal(err)
		}
		orders += len(page.Items)
	}
	if products != 20_000 || orders != 7_000 {
		t.Errorf("%d products and %d orders", products, orders)
	}
}
