package framework360_test

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/shopspring/decimal"
	"github.com/tg360/tg360/framework360"
	"github.com/tg360/tg360/framework360/framework360test"
)

// The texts in this file are written by hand: the fake server encodes with the
// client's own code, so both could be wrong together.

// orderSpellings are replies about the same order.
var orderSpellings = map[string]string{
	"first candidates": `{"status":1,"data":{
		"id":1001,"numero":"2026-1001","data":"2026-03-04 11:20:30","stato":{"id":2,"nome":"Pagato"},"stato_pagamento":"paid",
		"pagamento":{"id":1,"nome":"Bonifico bancario","costo":1.5},"spedizione":{"id":7,"nome":"Corriere","prezzo":6.1,"imposta":{"id":1,"aliquota":22}},
		"user_email":"ginevra.prova@posta.example",
		"billing_data":{"nome":"Ginevra","cognome":"Collaudo","indirizzo":"Via dei Campioni 7","cap":"00118","citta":"RM","comune":"Roma","stato":"IT",
			"telefono":"0115550199","email":"ginevra.prova@posta.example","cf":"CLLGVR80A41H501X","sdi":"0000000"},
		"shipping_data":{"nome":"Ginevra","cognome":"Collaudo","indirizzo":"Via Prova 8","cap":"10121","citta":"TO","comune":"None","stato":"IT"},
		"cart":[{"id":17,"type":"product","sku":"0017","ean":"8000000000019","quantity":2,"name":"Caffè","price":24.40,"imposta":{"id":1,"aliquota":22}},
			{"id":18,"type":"custom","quantity":1,"name":"Incisione","price":3,"imposta":{"id":1,"aliquota":22}}],
		"coupon":"MARZO","sconto":3,"supplemento":{"nome":"Contrassegno","prezzo":2,"imposta":{"id":1,"aliquota":22}},
		"totale":56.90,"totale_imponibile":46.64,"totale_imposte":10.26,"valuta":"EUR","note":"suonare due volte","labels":["web","urgente"],"corriere":"BRT","tracking":170017}}`,
	"other candidates, texts": `{"status":"1","data":{
		"tracking":"170017","courier":"BRT","etichette":{"0":"web","1":"urgente"},"note":"suonare due volte","currency":"EUR","tax_total":"10,26","net":"46,64","total":"56,90",
		"surcharge":{"name":"Contrassegno","price":"2.00","imposta":{"id":"1","aliquota":"22.00"}},"discount":"3.00","coupon":"MARZO",
		"rows":{"0":{"id":"17","type":"product","sku":"0017","ean":8000000000019,"quantita":"2.000","nome":"Caffè","prezzo":"24.4","tax":{"id":"1","rate":"22"}},
			"1":{"id":"18","type":"custom","quantita":"1","customInfo":{"name":"Incisione","price":"3"},"tax":{"id":"1","rate":"22"}}},
		"dati_spedizione":"{\"nome\":\"Ginevra\",\"cognome\":\"Collaudo\",\"indirizzo\":\"Via Prova 8\",\"cap\":10121,\"citta\":\"TO\",\"comune\":\"None\",\"stato\":\"IT\"}",
		"dati_fatturazione":"{\"nome\":\"Ginevra\",\"cognome\":\"Collaudo\",\"indirizzo\":\"Via dei Campioni 7\",\"cap\":\"00118\",\"citta\":\"RM\",\"comune\":\"Roma\",\"stato\":\"IT\",\"telefono\":\"0115550199\",\"email\":\"ginevra.prova@posta.example\",\"cf\":\"CLLGVR80A41H501X\",\"cod_univoco\":\"0000000\"}",
		"email":"ginevra.prova@posta.example","shipping":{"id":"7","name":"Corriere","price":"6.10","tax":{"id":"1","rate":"22"}},
		"payment":{"id":"1","name":"Bonifico bancario","cost":"1.50"},"payment_status":"paid","order_status":{"id":"2","name":"Pagato"},
		"created_at":"2026-03-04T10:20:30Z","number":"2026-1001","id":"1001"}}`,
	"nulls before, zone by the shop": `{"status":true,"data":[{
		"id":"1001","numero":null,"number":"2026-1001","data":"","date":1772619630,"stato":[],"status":{"id":2,"nome":"Pagato"},"stato_pagamento":null,"payment_status":"paid",
		"pagamento":{"id":1,"nome":"Bonifico bancario","costo":"1.50"},"spedizione":{"id":7,"nome":"Corriere","prezzo":"6.10","imposta":{"id":1,"aliquota":"22"}},
		"user_email":null,"email":"ginevra.prova@posta.example",
		"billing_data":{"nome":"Ginevra","cognome":"Collaudo","ragione_sociale":"","indirizzo":"Via dei Campioni 7","cap":"00118","citta":"RM","comune":"Roma","stato":"IT",
			"telefono":"0115550199","email":"ginevra.prova@posta.example","piva":null,"cf":"CLLGVR80A41H501X","sdi":null,"cod_univoco":"0000000","pec":""},
		"shipping_data":{"nome":"Ginevra","cognome":"Collaudo","indirizzo":"Via Prova 8","cap":"10121","citta":"TO","comune":"None","stato":"IT"},
		"cart":[{"id":17,"type":"product","sku":"0017","ean":"8000000000019","quantity":"2","name":"Caffè","price":"24.40","imposta":{"id":1,"aliquota":22}},
			{"id":"18","type":"custom","sku":"","ean":null,"quantity":1,"customInfo":{"name":"Incisione","price":3,"imposta":1},"imposta":{"id":null,"aliquota":22}}],
		"coupon":"MARZO","sconto":"3","supplemento":{"nome":"Contrassegno","prezzo":"2","imposta":{"id":1,"aliquota":22}},
		"totale":"56.90","totale_imponibile":"46.64","totale_imposte":"10.26","valuta":"EUR","note":"suonare due volte","labels":["web","urgente"],"corriere":"BRT","tracking":"170017"}]}`,
}

func TestLiteralOrder(t *testing.T) {
	t.Parallel()
	for name, body := range orderSpellings {
		l := startLiteral(t, map[string]answer{"GET /m/api/orders/get?id=1001": {body: body}})
		got, err := newClient(t, config(l.URL)).Order(t.Context(), "1001")
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		want := sampleOrder("1001")
		if diff := cmp.Diff(want, got, equal); diff != "" || len(got.Meta.Problems) > 0 {
			t.Errorf("%s: %v\n%s", name, got.Meta.Problems, diff)
		}
		if h := l.requests()[0].header; h.Get("X-Fw360-Key") != framework360test.APIKey || len(h.Values("X-Fw360-UserToken")) != 0 {
			t.Errorf("headers %v", h)
		}
	}
}

// A record that lacks what an order needs is refused by name, never filled up.
func TestLiteralOrderThatLacksSomething(t *testing.T) {
	t.Parallel()
	const whole = `{"id":1,"data":"2026-03-04","valuta":"EUR","cart":[{"quantity":1,"price":2}],"totale":2}`
	for remove, want := range map[string]string{
		`"id":1,`:                            "order.id: missing (tried id)",
		`"data":"2026-03-04",`:               "order.created: missing (tried data, created_at, date)",
		`"valuta":"EUR",`:                    "order.currency: missing (tried valuta, currency)",
		`"cart":[{"quantity":1,"price":2}],`: "order.rows: missing (tried cart, prodotti, rows)",
		`{"quantity":1,"price":2}`:           "order.rows: the list is empty",
		`"quantity":1,`:                      "order.rows.0.quantity: missing (tried quantity, quantita)",
		`,"totale":2`:                        "order.total: missing, and net and tax_total",
	} {
		body := strings.Replace(whole, remove, "", 1)
		if body == whole {
			t.Fatalf("%s is not in the order", remove)
		}
		l := startLiteral(t, map[string]answer{"GET /m/api/orders/get?id=1": {body: `{"status":1,"data":` + body + `}`}})
		_, err := newClient(t, config(l.URL)).Order(t.Context(), "1")
		e := wantError(t, err, framework360.ErrInvalidRecord)
		if !strings.Contains(e.Message, want) {
			t.Errorf("without %s: %s, want %s", remove, e.Message, want)
		}
	}
}

func TestLiteralProducts(t *testing.T) {
	t.Parallel()
	l := startLiteral(t, map[string]answer{
		"GET /m/api/products/list?limit=100&page=0&sku=00%2F17": {body: `{"status":1,"data":[
			{"id":17,"nome":"Caffè","descrizione":"<p>Miscela</p>","descrizione_breve":"","prezzo":"24,40","prezzo_scontato":null,"imposta":1,"aliquota":"22","sku":"00/17",
			 "ean":"8000000000019","quantita":"12.500","attivo":"1","marca":"Bottega","categoria":"Caffè","immagini":["https://img.example/1.jpg"],"padre":0,"varianti":[]},
			{"id":"18","name":"Tè","price":3.5,"tax":{"id":"2","rate":10},"sku":"00/17","stock":0,"active":false,"options":{"peso":"1 kg"}}]}`},
		"POST /m/api/products/create":     {body: `{"status":1,"data":{"id":19}}`},
		"POST /m/api/products/update":     {body: `{"status":1,"data":[]}`},
		"POST /m/api/orders/updateStatus": {body: `{"status":1}`},
	})
	c := newClient(t, config(l.URL))
	got, err := c.FindProducts(t.Context(), "00/17")
	if err != nil {
		t.Fatal(err)
	}
	want := []framework360.Product{
		{ID: "17", Name: framework360.Some("Caffè"), Description: framework360.Some("<p>Miscela</p>"), Price: dec("24.4"), TaxID: framework360.Some("1"), VATRate: dec("22"),
			SKU: framework360.Some("00/17"), EAN: framework360.Some("8000000000019"), Quantity: dec("12.5"), Active: framework360.Some(true), Brand: framework360.Some("Bottega"),
			Category: framework360.Some("Caffè"), Images: []string{"https://img.example/1.jpg"}, ParentID: framework360.Some("0")},
		{ID: "18", Name: framework360.Some("Tè"), Price: dec("3.5"), TaxID: framework360.Some("2"), SKU: framework360.Some("00/17"), Quantity: dec("0"),
			Active: framework360.Some(false), Options: map[string]string{"peso": "1 kg"}},
	}
	if diff := cmp.Diff(want, got, equal); diff != "" {
		t.Error(diff)
	}
	if id, err := c.CreateProduct(t.Context(), sampleProduct("0017")); err != nil || id != "19" {
		t.Error(id, err)
	}
	if err := c.UpdateProduct(t.Context(), framework360.Product{ID: "19", Quantity: dec("0"), EAN: framework360.Null[string](), Active: framework360.Some(false)}); err != nil {
		t.Error(err)
	}
	if err := c.UpdateStatus(t.Context(), "1001", framework360.StatusUpdate{Status: "4", Courier: "BRT", Tracking: "1Z"}); err != nil {
		t.Error(err)
	}
	bodies := []string{
		`{"sku":"0017","ean":"8000000000019","nome":"Caffè 0017","descrizione":"<p>Miscela</p>","descrizione_breve":"Miscela","prezzo":24.40,"prezzo_scontato":19.90,"imposta":"1",
		  "aliquota":22,"quantita":12.5,"attivo":true,"marca":"Bottega","categoria":"Caffè","immagini":["https://img.example/1.jpg"],"padre":"5","varianti":{"peso":"1 kg"}}`,
		`{"id":"19","quantita":0,"ean":null,"attivo":false}`,
		`{"id":"1001","status":"4","courier":"BRT","tracking":"1Z"}`,
	}
	for i, want := range bodies {
		sent := l.requests()[1+i]
		if diff := cmp.Diff(parse(t, want), parse(t, sent.body)); diff != "" {
			t.Errorf("%s:\n%s", sent.target, diff)
		}
		if sent.header.Get("Content-Type") != "application/json" {
			t.Errorf("headers %v", sent.header)
		}
	}
	if body := l.requests()[1].body; !strings.Contains(body, `"prezzo":24.40,`) || !strings.Contains(body, `"quantita":12.5,`) {
		t.Errorf("%s: an amount has its decimals, a quantity those it needs", body)
	}
}

func TestLiteralLogin(t *testing.T) {
	t.Parallel()
	l := startLiteral(t, map[string]answer{
		"GET /m/api/orders/statuses": {body: `{"status":0,"error":"user_token_expired"}`},
		"POST /m/api/users/login":    {body: `{"status":1,"data":{"access_token":"new-token"}}`},
	})
	c := config(l.URL)
	c.UserEmail, c.UserPassword, c.UserToken = "ada@bottega.example", "pw-1234567", "old-token"
	_, err := newClient(t, c).Statuses(t.Context())
	wantError(t, err, framework360.ErrUnauthorized)
	r := l.requests()
	if len(r) != 3 {
		t.Fatalf("%d requests, want the call, a login and the call once more", len(r))
	}
	if r[0].header.Get("X-Fw360-UserToken") != "old-token" || r[2].header.Get("X-Fw360-UserToken") != "new-token" {
		t.Error("the new token is not used")
	}
	if diff := cmp.Diff(parse(t, `{"email":"ada@bottega.example","password":"pw-1234567"}`), parse(t, r[1].body)); diff != "" {
		t.Error(diff)
	}
}

func TestLiteralLists(t *testing.T) {
	t.Parallel()
	l := startLiteral(t, map[string]answer{
		"GET /m/api/orders/list?limit=2&order=date+desc&page=0&query=caff%C3%A8&statuses%5B%5D=1&statuses%5B%5D=2": {body: `{"status":1,"data":{"0":{"id":9},"1":{"id":"8","totale":"x"}}}`},
		"GET /m/api/payments/taxes": {body: `{"status":1,"data":[{"id":"1","title":"IVA 22%","percentuale":"22"},{"id":2,"nome":"Esente","aliquota":0}]}`},
		"GET /m/api/site/plugins":   {body: `{"status":1,"data":[{"slug":"ecommerce","title":"E-commerce","enabled":"1"},{"name":"blog","status":0}]}`},
	})
	c := newClient(t, config(l.URL))
	page, err := c.Orders(t.Context(), framework360.OrderOptions{Limit: 2, Sort: "date desc", Query: "caffè", Statuses: []string{"1", "2"}})
	if err != nil || len(page.Items) != 2 || page.Items[0].ID != "9" || page.Next != "1" || len(page.Items[1].Meta.Problems) != 1 {
		t.Errorf("%+v, %v", page, err)
	}
	taxes, err := c.Taxes(t.Context())
	if diff := cmp.Diff([]framework360.Reference{{ID: "1", Name: "IVA 22%", Rate: dec("22")}, {ID: "2", Name: "Esente", Rate: dec("0")}}, taxes, equal); err != nil || diff != "" {
		t.Error(err, diff)
	}
	plugins, err := c.Plugins(t.Context())
	want := []framework360.Plugin{{ID: "ecommerce", Name: "E-commerce", Active: framework360.Some(true)}, {ID: "blog", Name: "blog", Active: framework360.Some(false)}}
	if diff := cmp.Diff(want, plugins, equal); err != nil || diff != "" {
		t.Error(err, diff)
	}
}

// One entry of a list that others refer to must not be left out silently.
func TestLiteralReferencesWithAnOddEntry(t *testing.T) {
	t.Parallel()
	l := startLiteral(t, map[string]answer{"GET /m/api/orders/statuses": {body: `{"status":1,"data":[{"id":1,"nome":"In attesa"},{"nome":"Pagato"}]}`}})
	_, err := newClient(t, config(l.URL)).Statuses(t.Context())
	wantError(t, err, framework360.ErrInvalidRecord)
}

// foreign is the profile of a shop that is another in many ways.
const foreign = `{
  "base": "{site}/api/v2",
  "auth": {"kind": "bearer", "secret": "{api_key}", "headers": {"X-Fw360-Key": "", "X-Fw360-UserToken": "", "X-Utente": "{user_token}"}},
  "envelope": {"status": "esito", "data": ["dati"], "error_text": ["errore"]},
  "write": {"numbers": "string", "dates": "rfc3339", "booleans": "int"},
  "update": "full",
  "operations": {
    "orders/list": {"path": "ordini", "params": {"page": "pagina", "limit": "quanti"}},
    "products/update": {"path": "prodotti/aggiorna", "params": {"id": "codice"}, "encoding": "form"},
    "products/create": {"path": "prodotti/crea", "encoding": "form"}
  },
  "paging": {"first_page": 0},
  "records": {
    "login": {"access_token": ["accesso.chiave"]},
    "product": {"sku": ["articolo.sku"], "quantity": ["giacenza"], "price": ["listino.prezzo"], "active": ["visibile"], "options": ["scelte"]},
    "order": {"state_id": ["stato_id"], "state_name": ["stato_nome"], "total": ["importi.totale"], "rows": ["righe"], "created": ["creato"]},
    "row": {"quantity": ["pezzi"]},
    "party": {"city": ["localita"]}
  }
}`

func TestForeignProfileAgainstTheFake(t *testing.T) {
	t.Parallel()
	for seed := range uint64(4) {
		s, c := startFake(t, framework360test.Options{Profile: []byte(foreign), Seed: seed, NoListen: true, NeedUser: true})
		ctx := t.Context()
		if _, err := c.Verify(ctx); err != nil {
			t.Fatal(err)
		}
		want := sampleOrder("1001")
		s.PutOrder(want)
		got, err := c.Order(ctx, "1001")
		if diff := cmp.Diff(want, got, equal); err != nil || diff != "" {
			t.Errorf("%v\n%s", err, diff)
		}
		n := 0
		for page, err := range c.OrderPages(ctx, framework360.OrderOptions{Limit: 1}) {
			if err != nil {
				t.Fatal(err)
			}
			n += len(page.Items)
		}
		if n != 1 {
			t.Errorf("%d orders", n)
		}
		p := sampleProduct("0017")
		if p.ID, err = c.CreateProduct(ctx, p); err != nil {
			t.Fatal(err)
		}
		stored, _ := s.Product("0017")
		if diff := cmp.Diff(p, stored, equal); diff != "" {
			t.Errorf("the product arrived otherwise:\n%s", diff)
		}
		// A full update takes away what it does not name.
		small := framework360.Product{ID: p.ID, SKU: p.SKU, Price: dec("1.5"), Active: framework360.Some(false)}
		if err := c.UpdateProduct(ctx, small); err != nil {
			t.Fatal(err)
		}
		stored, _ = s.Product("0017")
		if diff := cmp.Diff(small, stored, equal); diff != "" {
			t.Errorf("after the update:\n%s", diff)
		}
	}
}

func TestForeignProfileAgainstLiterals(t *testing.T) {
	t.Parallel()
	l := startLiteral(t, map[string]answer{
		"GET /api/v2/ordini?pagina=0&quanti=2": {body: `{"esito":1,"dati":[{"id":1},{"id":2}]}`},
		"GET /api/v2/ordini?pagina=1&quanti=2": {body: `{"esito":1,"dati":[{"id":3}]}`},
		"GET /api/v2/orders/get?id=3": {body: `{"esito":"1","dati":{"id":3,"creato":"2026-03-04","valuta":"EUR","stato_id":4,"righe":[{"pezzi":"2","price":"1.5"}],
			"importi":{"totale":"3.00"},"billing_data":{"localita":"Torino","comune":"ignored"}}}`},
		"POST /api/v2/prodotti/aggiorna": {body: `{"esito":1}`},
		"GET /api/v2/orders/statuses":    {body: `{"esito":0,"errore":"permission"}`},
	})
	cfg := config(l.URL)
	cfg.Profile, cfg.UserToken = []byte(foreign), "tok-1"
	c := newClient(t, cfg)
	n := 0
	for page, err := range c.OrderPages(t.Context(), framework360.OrderOptions{Limit: 2}) {
		if err != nil {
			t.Fatal(err)
		}
		n += len(page.Items)
	}
	if n != 3 {
		t.Errorf("%d orders, want 3", n)
	}
	o, err := c.Order(t.Context(), "3")
	if err != nil || o.StateID != "4" || o.Billing.City != "Torino" || !o.Created.Equal(time.Date(2026, 3, 3, 23, 0, 0, 0, time.UTC)) || o.Rows[0].Quantity.Or(decimal.Zero).String() != "2" {
		t.Errorf("%+v, %v", o, err)
	}
	_, err = c.Statuses(t.Context())
	wantError(t, err, framework360.ErrForbidden)
	if err := c.UpdateProduct(t.Context(), framework360.Product{ID: "5", SKU: framework360.Some("A&B"), Price: dec("1.5"), Quantity: dec("3"),
		Active: framework360.Some(true), Options: map[string]string{"peso netto": "1 kg"}, Images: []string{"a", "b"}}); err != nil {
		t.Fatal(err)
	}
	sent := l.requests()[4]
	got, err := url.ParseQuery(sent.body)
	if err != nil {
		t.Fatal(err)
	}
	want := url.Values{"codice": {"5"}, "articolo[sku]": {"A&B"}, "listino[prezzo]": {"1.50"}, "giacenza": {"3"}, "visibile": {"1"}, "scelte[peso netto]": {"1 kg"}, "immagini[]": {"a", "b"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	h := sent.header
	if h.Get("Authorization") != "Bearer "+framework360test.APIKey || h.Get("X-Utente") != "tok-1" || h.Get("X-Fw360-Key") != "" || h.Get("Content-Type") != "application/x-www-form-urlencoded" {
		t.Errorf("headers %v", h)
	}
}

func parse(t *testing.T, raw string) any {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(raw), &v); err != nil {
		t.Fatal(err)
	}
	return v
}
