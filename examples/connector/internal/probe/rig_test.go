package probe_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/tg360/tg360/examples/connector/internal/probe"
	"github.com/tg360/tg360/framework360"
	"github.com/tg360/tg360/framework360/framework360test"
	"github.com/tg360/tg360/totalgest"
	"github.com/tg360/tg360/totalgest/totalgesttest"
)

var now = time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)

// rig is a TotalGest and a shop with marked records: no text of a probe may
// show any of them.
type rig struct {
	erp  *totalgesttest.Server
	shop *framework360test.Server
}

// marks are parts of the values of all records.
var marks = []string{"zqx", "74319", "86297", "Zqx"}

func newRig(t *testing.T, e totalgesttest.Options, s framework360test.Options, products, orders int) *rig {
	t.Helper()
	clock := func() time.Time { return now }
	e.NoListen, s.NoListen = true, true
	if e.Now == nil {
		e.Now = clock
	}
	if s.Now == nil {
		s.Now = clock
	}
	r := &rig{}
	var err error
	if r.erp, err = totalgesttest.New(e); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.erp.Close)
	if r.shop, err = framework360test.New(s); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.shop.Close)
	r.fill(products, orders)
	return r
}

func money(i int) totalgest.Opt[decimal.Decimal] {
	return totalgest.Some(decimal.RequireFromString(fmt.Sprintf("74319.%02d", 10+i)))
}

func (r *rig) fill(products, orders int) {
	var list []totalgest.Product
	for i := range products {
		id := fmt.Sprintf("86297%03d", i)
		list = append(list, totalgest.Product{ID: id, SKU: "zqx-sku-" + id, Name: "zqx name " + id, EAN: totalgest.Some("862970000" + id[4:]),
			Description: totalgest.Some("<p>zqx text</p>"), VATRate: totalgest.Some(decimal.NewFromInt(22)), Quantity: money(i), UpdatedAt: now.Add(-time.Duration(i) * time.Hour),
			Prices: []totalgest.Price{{List: "zqx list", Currency: "EUR", Amount: money(i), IncludesTax: totalgest.Some(true)}},
			Images: []string{"https://zqx.example/" + id}, Options: map[string]string{"zqxoption": "zqx value"}})
		r.shop.PutProduct(framework360.Product{ID: id, SKU: framework360.Some("zqx-sku-" + id), Name: framework360.Some("zqx name " + id),
			Price: money(i), Quantity: money(i), TaxID: framework360.Some("1"), VATRate: framework360.Some(decimal.NewFromInt(22)), Active: framework360.Some(true), Options: map[string]string{"zqx.option@x": "zqx value"}})
	}
	r.erp.SetProducts(list)
	for i := range orders {
		id := fmt.Sprintf("86297%04d", i)
		party := framework360.Party{FirstName: "Zqxina", LastName: "Zqxoni", Address: "via Zqx 74319", Zip: "74319", City: "Zqxate", Province: "TV",
			Country: "IT", Phone: "862971234", Email: "zqx@zqx.example", VATNumber: "86297123456", TaxCode: "ZQXZQX74319"}
		q := decimal.NewFromInt(2)
		unit := money(i).Or(decimal.Zero)
		r.shop.PutOrder(framework360.Order{ID: id, Number: "zqx/" + id, Created: now.Add(-time.Duration(i+1) * time.Hour), StateID: "2", StateName: "Pagato",
			PaymentState: "zqx paid", PaymentID: "2", PaymentName: "PayPal", Email: "zqx@zqx.example", Billing: party, Shipping: party,
			Rows:  []framework360.Row{{ID: id, SKU: "zqx-sku-" + id, Name: "zqx name", Quantity: framework360.Some(q), Price: framework360.Some(unit), TaxID: "1"}},
			Total: framework360.Some(unit.Mul(q)), Currency: "EUR", Note: "zqx note", Labels: []string{"zqx label"}, Tracking: "zqx tracking"})
		r.erp.PutOrder(totalgest.Order{ExternalID: "zqx-" + id, Note: "zqx note"})
	}
}

func (r *rig) config() probe.Config {
	c := probe.Config{Shop: "milano", TotalGest: r.erp.Config(), Framework360: r.shop.Config(), Now: func() time.Time { return now }}
	return c
}

// run probes, and demands that nothing was written and no value shown.
func (r *rig) run(t *testing.T, c probe.Config) probe.Report {
	t.Helper()
	if c.Record == "" {
		c.Record = t.TempDir()
	}
	report, err := probe.Run(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if n := r.erp.Writes() + r.shop.Writes(); n > 0 {
		t.Errorf("%d writes", n)
	}
	var said bytes.Buffer
	for _, lang := range []string{"it", "de", "en", "fr", "es", "nl"} {
		if err := report.Write(&said, lang); err != nil {
			t.Fatal(err)
		}
	}
	if err := json.NewEncoder(&said).Encode(report); err != nil {
		t.Fatal(err)
	}
	discreet(t, "the report", said.Bytes())
	for _, f := range report.Files {
		path := filepath.Join(c.Record, c.Shop, f)
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		discreet(t, f, data)
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: mode %v, %v", f, info.Mode(), err)
		}
	}
	return report
}

// discreet demands that a text shows no value of a record and no secret.
func discreet(t *testing.T, what string, text []byte) {
	t.Helper()
	secrets := []string{totalgesttest.Password, totalgesttest.Username, framework360test.APIKey, framework360test.UserPassword}
	for _, m := range slices.Concat(marks, secrets) {
		if i := bytes.Index(text, []byte(m)); i >= 0 {
			t.Errorf("%s shows %q: …%s…", what, m, text[max(0, i-60):min(len(text), i+60)])
		}
	}
}

// says demands what a finding says.
func says(t *testing.T, r probe.Report, system int, name, want string) {
	t.Helper()
	for _, f := range r.Systems[system].Findings {
		if f.Name == name {
			if !strings.HasPrefix(f.Says, want) {
				t.Errorf("%s: %q (%s, %s), want %q", name, f.Says, f.Sure, f.How, want)
			}
			return
		}
	}
	t.Errorf("nothing is said of %s", name)
}

func operation(t *testing.T, r probe.Report, system int, name string) probe.Operation {
	t.Helper()
	for _, o := range r.Systems[system].Operations {
		if o.Name == name {
			return o
		}
	}
	t.Fatalf("no line for %s", name)
	return probe.Operation{}
}

// through passes requests on after they were changed.
type through struct {
	next   http.RoundTripper
	change func(*http.Request)
}

// RoundTrip implements [http.RoundTripper].
func (m through) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	m.change(r)
	return m.next.RoundTrip(r)
}

// without takes parameters out of every query.
func without(next http.RoundTripper, params ...string) http.RoundTripper {
	return through{next, func(r *http.Request) {
		q := r.URL.Query()
		for _, p := range params {
			q.Del(p)
		}
		r.URL.RawQuery = q.Encode()
	}}
}

// replies passes replies on after they were changed.
type replies struct {
	next   http.RoundTripper
	change func(r *http.Request, body string) string
}

// RoundTrip implements [http.RoundTripper].
func (m replies) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := m.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	resp.Body = io.NopCloser(strings.NewReader(m.change(r, string(body))))
	resp.ContentLength = -1
	return resp, nil
}
