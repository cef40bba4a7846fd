package totalgest_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/tg360/tg360/totalgest"
	"github.com/tg360/tg360/totalgest/totalgesttest"
)

// The texts in this file are written by hand: the fake server encodes with the
// client's own code, so both could be wrong together.

const productsReply = `{
  "data": [
    {"id": 17, "sku": "0017", "ean": "8000000000019", "name": "Caffè in grani", "short_description": null,
     "description": "<p>Miscela &amp; aroma</p>",
     "prices": [{"list": "web", "currency": "EUR", "amount": 24.40, "includes_tax": true}, {"list": "B2B", "currency": "EUR", "amount": "18,50", "includes_tax": 0}],
     "vat": {"code": "22", "rate": "22.00"}, "quantity": "1234567.125", "unit": "kg", "brand": "Bottega", "category": "Caffè > Grani",
     "images": ["https://img.example/17.jpg"], "active": "1", "updated_at": "2026-03-04T10:20:30+01:00", "deleted_at": null,
     "parent_id": "", "options": {"peso": "1 kg"}, "colour": {"hex": "#432"}},
    {"id": "18", "sku": 18, "name": "Tè", "updated_at": 1772616030, "deleted_at": "2026-03-05T00:00:00Z"}
  ],
  "next_cursor": "abc/+=",
  "server_time": "2026-03-04T12:00:00Z"
}`

func TestLiteralProducts(t *testing.T) {
	t.Parallel()
	l := startLiteral(t, map[string]answer{
		"GET /api/v1/products?limit=500&updated_since=2026-03-01T00%3A00%3A00Z":                     {body: productsReply},
		"GET /api/v1/products?cursor=abc%2F%2B%3D&limit=500&updated_since=2026-03-01T00%3A00%3A00Z": {body: `{"data":[],"next_cursor":null}`},
	})
	c := newClient(t, config(l.URL))
	var got []totalgest.Product
	for page, err := range c.ProductPages(t.Context(), totalgest.ListOptions{UpdatedSince: time.Date(2026, 3, 1, 1, 0, 0, 0, time.FixedZone("", 3600))}) {
		if err != nil || len(page.Rejected) > 0 {
			t.Fatal(err, page.Rejected)
		}
		if len(got) == 0 && !page.ServerTime.Equal(time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)) {
			t.Errorf("server time %v", page.ServerTime)
		}
		got = append(got, page.Items...)
	}
	want := []totalgest.Product{
		{ID: "17", SKU: "0017", Name: "Caffè in grani", EAN: totalgest.Some("8000000000019"), ShortDescription: totalgest.Null[string](),
			Description: totalgest.Some("<p>Miscela &amp; aroma</p>"),
			Prices: []totalgest.Price{{List: "web", Currency: "EUR", Amount: dec("24.4"), IncludesTax: totalgest.Some(true)},
				{List: "B2B", Currency: "EUR", Amount: dec("18.5"), IncludesTax: totalgest.Some(false)}},
			VATCode: totalgest.Some("22"), VATRate: dec("22"), Quantity: dec("1234567.125"), Unit: totalgest.Some("kg"),
			Brand: totalgest.Some("Bottega"), Category: totalgest.Some("Caffè > Grani"), Images: []string{"https://img.example/17.jpg"},
			Active: totalgest.Some(true), UpdatedAt: time.Date(2026, 3, 4, 9, 20, 30, 0, time.UTC), ParentID: totalgest.Null[string](),
			Options: map[string]string{"peso": "1 kg"},
			Meta:    totalgest.Meta{Extra: map[string]json.RawMessage{"colour": json.RawMessage(`{"hex": "#432"}`)}}},
		{ID: "18", SKU: "18", Name: "Tè", UpdatedAt: time.Unix(1772616030, 0), DeletedAt: time.Date(2026, 3, 5, 0, 0, 0, 0, time.UTC)},
	}
	if diff := cmp.Diff(want, got, equal); diff != "" {
		t.Error(diff)
	}
	h := l.requests()[0].header
	if user, pass, ok := (&http.Request{Header: h}).BasicAuth(); !ok || user != totalgesttest.Username || pass != totalgesttest.Password {
		t.Error("no basic authentication")
	}
	if h.Get("X-TotalGest-Shop") != "4711" || h.Get("X-TotalGest-Owner") != "815" || h.Get("Accept") != "application/json" {
		t.Errorf("headers %v", h)
	}
}

const orderBody = `{
  "external_id": "shop-1", "number": "2026-17", "created_at": "2026-03-04T10:20:30Z", "currency": "EUR", "prices_include_tax": true,
  "customer": {"kind": "company", "invoice_requested": true, "email": "ginevra.prova@posta.example", "phone": "+39 011 5550199",
    "first_name": "Ginevra", "last_name": "Collaudo", "company": "Collaudo Srl", "vat_number": "IT01234567897", "tax_code": "01234567897",
    "sdi": "ABC1234", "pec": "collaudo@pec.example", "address": "Via dei Campioni 7", "zip": "10121", "city": "Torino", "province": "TO", "country": "IT"},
  "shipping_address": {"first_name": "Ginevra", "last_name": "Collaudo", "address": "Via \"Prova\" 8", "zip": "00100", "city": "Roma", "province": "RM", "country": "IT"},
  "payment": {"method": "Contrassegno", "code": "MP01", "paid": false, "paid_at": "2026-03-05T00:00:00Z", "transaction_id": "T-1"},
  "shipping": {"method": "Corriere", "amount": 6.10, "vat_rate": 22, "vat_code": "22"},
  "surcharges": [{"kind": "cod", "description": "Contrassegno", "amount": 3.00, "vat_rate": 22, "vat_code": "22"}],
  "discounts": [{"description": "Coupon", "amount": 3.00}],
  "lines": [{"kind": "goods", "product_id": "17", "sku": "0017", "ean": "8000000000019", "description": "Caffè", "quantity": 1.5,
    "unit_price": 24.40, "discount": 0.125, "vat_rate": 22, "vat_code": "22", "total": 36.60}],
  "totals": {"net": 35.00, "vat": 7.70, "gross": 42.70}, "note": "suonare due volte"
}`

func fullOrder() totalgest.Order {
	return totalgest.Order{
		ExternalID: "shop-1", Number: "2026-17", CreatedAt: time.Date(2026, 3, 4, 10, 20, 30, 0, time.UTC), Currency: "EUR", PricesIncludeTax: totalgest.Some(true),
		Customer: totalgest.Party{Kind: "company", InvoiceRequested: totalgest.Some(true), Email: "ginevra.prova@posta.example", Phone: "+39 011 5550199",
			FirstName: "Ginevra", LastName: "Collaudo", Company: "Collaudo Srl", VATNumber: "IT01234567897", TaxCode: "01234567897", SDI: "ABC1234",
			PEC: "collaudo@pec.example", Address: "Via dei Campioni 7", Zip: "10121", City: "Torino", Province: "TO", Country: "IT"},
		ShippingAddress: totalgest.Party{FirstName: "Ginevra", LastName: "Collaudo", Address: `Via "Prova" 8`, Zip: "00100", City: "Roma", Province: "RM", Country: "IT"},
		PaymentMethod:   "Contrassegno", PaymentCode: "MP01", Paid: totalgest.Some(false), PaidAt: time.Date(2026, 3, 5, 0, 0, 0, 0, time.UTC), TransactionID: "T-1",
		ShippingMethod: "Corriere", ShippingAmount: dec("6.1"), ShippingVATRate: dec("22"), ShippingVATCode: "22",
		Surcharges: []totalgest.Charge{{Kind: "cod", Description: "Contrassegno", Amount: dec("3"), VATRate: dec("22"), VATCode: "22"}},
		Discounts:  []totalgest.Charge{{Description: "Coupon", Amount: dec("3")}},
		Lines: []totalgest.Line{{Kind: "goods", ProductID: "17", SKU: "0017", EAN: "8000000000019", Description: "Caffè", Quantity: dec("1.5"),
			UnitPrice: dec("24.4"), Discount: dec("0.125"), VATRate: dec("22"), VATCode: "22", Total: dec("36.6")}},
		Net: dec("35"), VAT: dec("7.7"), Gross: dec("42.7"), Note: "suonare due volte",
	}
}

func TestLiteralOrder(t *testing.T) {
	t.Parallel()
	l := startLiteral(t, map[string]answer{
		"POST /api/v1/orders":                   {201, `{"data":{"id":900,"number":"A/1","external_id":"shop-1","status":"new"}}`},
		"GET /api/v1/orders?external_id=shop-1": {body: `{"data":[{"id":"900","external_id":"shop-1"}]}`},
		"GET /api/v1/orders/9%2F1": {body: `{"data":{"id":"9/1","number":12,"external_id":"shop-1","status":"shipped","courier":"BRT","tracking":170017,
			"updated_at":"2026-03-06T08:00:00Z","note":"suonare due volte"}}`},
	})
	c := newClient(t, config(l.URL))
	ref, created, err := c.CreateOrder(t.Context(), fullOrder())
	if err != nil || !created || ref.ID != "900" || ref.Number != "A/1" || ref.Status != "new" {
		t.Fatalf("%+v, %v, %v", ref, created, err)
	}
	sent := l.requests()[0]
	if diff := cmp.Diff(parse(t, orderBody), parse(t, sent.body)); diff != "" {
		t.Errorf("body:\n%s", diff)
	}
	for _, exact := range []string{`"amount":6.10`, `"gross":42.70`, `"net":35.00`, `"unit_price":24.40`, `"quantity":1.5,`, `"discount":0.125`} {
		if !strings.Contains(sent.body, exact) {
			t.Errorf("%s is not in the body: amounts have their decimals", exact)
		}
	}
	if sent.header.Get("Idempotency-Key") != "shop-1" || sent.header.Get("Content-Type") != "application/json" {
		t.Errorf("headers %v", sent.header)
	}
	if found, err := c.FindOrders(t.Context(), "shop-1"); err != nil || len(found) != 1 || found[0].ID != "900" {
		t.Errorf("%v, %v", found, err)
	}
	got, err := c.Order(t.Context(), "9/1")
	want := totalgest.OrderRef{ID: "9/1", Number: "12", ExternalID: "shop-1", Status: "shipped", Courier: "BRT", Tracking: "170017",
		UpdatedAt: time.Date(2026, 3, 6, 8, 0, 0, 0, time.UTC), Note: "suonare due volte"}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v\n%s", err, diff)
	}
}

// What is not known is not written, not even as null.
func TestLiteralSmallestOrder(t *testing.T) {
	t.Parallel()
	l := startLiteral(t, map[string]answer{"POST /api/v1/orders": {201, `{"data":{"id":1}}`}})
	_, _, err := newClient(t, config(l.URL)).CreateOrder(t.Context(), totalgest.Order{ExternalID: "x", CreatedAt: time.Unix(1772616030, 0).UTC(), Currency: "EUR",
		Gross: dec("0"), Lines: []totalgest.Line{{Quantity: dec("0"), UnitPrice: dec("0")}}})
	if err != nil {
		t.Fatal(err)
	}
	want := `{"external_id":"x","created_at":"2026-03-04T09:20:30Z","currency":"EUR","lines":[{"quantity":0,"unit_price":0.00}],"totals":{"gross":0.00}}`
	if got := l.requests()[0].body; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestLiteralAccountAndStock(t *testing.T) {
	t.Parallel()
	l := startLiteral(t, map[string]answer{
		"GET /api/v1/account":          {body: `{"data":{"shop_id":4711,"owner_id":"815","name":"Bottega","server_time":"2026-03-04T12:00:00Z"}}`},
		"GET /api/v1/stock?limit=2000": {body: `{"data":[{"id":17,"quantity":"3.5","updated_at":"2026-03-04T12:00:00Z"},{"id":18}],"server_time":"2026-03-04T12:00:00Z"}`},
	})
	c := newClient(t, config(l.URL))
	a, err := c.Account(t.Context())
	if diff := cmp.Diff(totalgest.Account{ShopID: "4711", OwnerID: "815", Name: "Bottega", ServerTime: time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)}, a); err != nil || diff != "" {
		t.Error(err, diff)
	}
	for page, err := range c.StockPages(t.Context(), totalgest.ListOptions{}) {
		if err != nil || len(page.Items) != 1 || page.Items[0].ID != "17" || len(page.Rejected) != 1 {
			t.Errorf("%+v, %v: a quantity that is missing is no zero", page, err)
		}
	}
}

// foreign is the profile of a TotalGest that is another in many ways.
const foreign = `{
  "auth": {"kind": "bearer", "secret": "{username}.{password}", "headers": {"X-TotalGest-Shop": "", "X-TotalGest-Owner": "", "X-Negozio": "{shop_id}", "X-Azienda": "{owner_id}/IT"}},
  "envelope": {"data": ["risultato"], "error_code": ["errore.codice"], "error_text": ["errore.testo"], "cursor": ["pagina.prossima"], "server_time": ["ora"]},
  "write": {"numbers": "string", "dates": "epoch", "booleans": "int"},
  "operations": {
    "products.list": {"path": "articoli", "params": {"updated_since": "dal", "cursor": "da"}},
    "orders.create": {"path": "ordini/nuovo", "encoding": "form", "headers": {"Idempotency-Key": "", "X-Chiave": "{external_id}"}}
  },
  "records": {
    "product": {"id": ["codice"], "sku": ["articolo"], "name": ["testi.it", "name"], "quantity": ["giacenza"], "prices": ["listini"]},
    "price": {"amount": ["prezzo"]},
    "order": {"external_id": ["rif"], "gross": ["importi.lordo"], "net": ["importi.netto"], "lines": ["righe"]},
    "line": {"unit_price": ["prezzo"]},
    "party": {"last_name": ["cognome"]},
    "order_ref": {"id": ["numero_interno"], "external_id": ["rif"]}
  }
}`

func TestForeignProfileAgainstTheFake(t *testing.T) {
	t.Parallel()
	s, c := startFake(t, totalgesttest.Options{Profile: []byte(foreign), Dedupe: true})
	ctx := t.Context()
	if _, err := c.Verify(ctx); err != nil {
		t.Fatal(err)
	}
	want := sampleProduct("17")
	s.PutProduct(want)
	s.PutProduct(sampleProduct("18"))
	n := 0
	for got, err := range c.AllProducts(ctx, totalgest.ListOptions{Limit: 1}) {
		if err != nil {
			t.Fatal(err)
		}
		if n++; n == 1 {
			if diff := cmp.Diff(want, got, equal, cmpopts.IgnoreFields(totalgest.Product{}, "UpdatedAt")); diff != "" {
				t.Error(diff)
			}
		}
	}
	if n != 2 {
		t.Errorf("%d products, want 2", n)
	}
	for i := range 2 {
		ref, created, err := c.CreateOrder(ctx, fullOrder())
		if err != nil || created != (i == 0) || ref.ExternalID != "shop-1" {
			t.Fatalf("%+v, %v, %v", ref, created, err)
		}
	}
	if diff := cmp.Diff(fullOrder(), s.Orders()[0].Order, equal); diff != "" {
		t.Errorf("the order arrived otherwise:\n%s", diff)
	}
	bad := s.Config()
	bad.Password = "wrong"
	_, err := newClient(t, bad).Account(ctx)
	if e := wantError(t, err, totalgest.ErrUnauthorized); e.Vendor != "E401" {
		t.Errorf("%+v", e)
	}
	bad = s.Config()
	bad.OwnerID = "1"
	_, err = newClient(t, bad).Account(ctx)
	wantError(t, err, totalgest.ErrForbidden)
}

func TestForeignProfileAgainstLiterals(t *testing.T) {
	t.Parallel()
	l := startLiteral(t, map[string]answer{
		"GET /api/v1/articoli?limit=2": {body: `{"risultato":[{"codice":1,"articolo":"A","testi":{"it":"Tè","en":"Tea"},"giacenza":"2"},
			{"codice":2,"articolo":"B","name":"Caffè","listini":[{"prezzo":"1.50"}]}],"pagina":{"prossima":"p2"},"ora":"1772616030"}`},
		"GET /api/v1/articoli?da=p2&limit=2": {body: `{"risultato":[],"pagina":{"prossima":null}}`},
		"POST /api/v1/ordini/nuovo":          {201, `{"risultato":{"numero_interno":5,"rif":"shop-1"}}`},
	})
	cfg := config(l.URL)
	cfg.Profile = []byte(foreign)
	c := newClient(t, cfg)
	var names []string
	for p, err := range c.AllProducts(t.Context(), totalgest.ListOptions{Limit: 2}) {
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, p.ID+p.SKU+p.Name)
	}
	if got := strings.Join(names, " "); got != "1ATè 2BCaffè" {
		t.Error(got)
	}
	if _, _, err := c.CreateOrder(t.Context(), sampleOrder("shop-1")); err != nil {
		t.Fatal(err)
	}
	sent := l.requests()[2]
	got, err := url.ParseQuery(sent.body)
	if err != nil {
		t.Fatal(err)
	}
	want := url.Values{}
	for k, v := range map[string]string{"rif": "shop-1", "number": "2026-17", "created_at": "1772619630", "currency": "EUR", "prices_include_tax": "1",
		"customer[kind]": "person", "customer[email]": "ginevra.prova@posta.example", "customer[phone]": "+39 011 5550199", "customer[first_name]": "Ginevra",
		"customer[cognome]": "Collaudo", "customer[address]": "Via dei Campioni 7", "customer[zip]": "10121", "customer[city]": "Torino", "customer[province]": "TO",
		"customer[country]": "IT", "payment[method]": "Bonifico", "payment[code]": "MP05", "payment[paid]": "1", "shipping[method]": "Corriere",
		"shipping[amount]": "6.10", "shipping[vat_rate]": "22", "righe[0][product_id]": "17", "righe[0][sku]": "0017", "righe[0][description]": "Caffè in grani 1 kg",
		"righe[0][quantity]": "2", "righe[0][prezzo]": "24.40", "righe[0][vat_rate]": "22", "righe[0][total]": "48.80",
		"importi[netto]": "45.00", "totals[vat]": "9.90", "importi[lordo]": "54.90"} {
		want.Set(k, v)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	h := sent.header
	if h.Get("Authorization") != "Bearer shop-user.tg-Secret-7Qx" || h.Get("X-Negozio") != "4711" || h.Get("X-Azienda") != "815/IT" || h.Get("X-Chiave") != "shop-1" ||
		h.Get("Idempotency-Key") != "" || h.Get("X-TotalGest-Shop") != "" || h.Get("Content-Type") != "application/x-www-form-urlencoded" {
		t.Errorf("headers %v", h)
	}
}

func parse(t *testing.T, raw string) any {
	t.Helper()
	var v any
	dec := json.NewDecoder(strings.NewReader(raw))
	if err := dec.Decode(&v); err != nil {
		t.Fatal(err)
	}
	return v
}
