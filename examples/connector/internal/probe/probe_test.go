package probe_test

import (
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tg360/tg360/examples/connector/internal/probe"
	"github.com/tg360/tg360/framework360"
	"github.com/tg360/tg360/framework360/framework360test"
	"github.com/tg360/tg360/totalgest"
	"github.com/tg360/tg360/totalgest/totalgesttest"
)

const (
	erp  = 0 // the place of a system in a report
	shop = 1
)

// codes are the verdicts on a system.
func codes(r probe.Report, system string) []string {
	var out []string
	for _, v := range r.Verdicts {
		if v.System == system {
			out = append(out, v.Code)
		}
	}
	return out
}

func TestReferenceContract(t *testing.T) {
	t.Parallel()
	r := newRig(t, totalgesttest.Options{}, framework360test.Options{}, 12, 12)
	report := r.run(t, r.config())
	if !report.Ready || !slices.Equal(codes(report, "totalgest"), []string{"ready", "unsigned"}) || !slices.Equal(codes(report, "framework360"), []string{"ready", "unsigned"}) {
		t.Errorf("verdicts: %+v", report.Verdicts)
	}
	for i, s := range report.Systems {
		if len(s.Changes) > 0 || len(s.Unknown) > 0 {
			t.Errorf("%s: the draft changes %+v; without a name: %+v", s.Name, s.Changes, s.Unknown)
		}
		for _, f := range s.Fields {
			if f.Required || f.Guess != "" {
				t.Errorf("%s: %+v", s.Name, f)
			}
		}
		for _, o := range s.Operations {
			if o.Answer != probe.Allowed || o.Read != o.Records {
				t.Errorf("%s: %+v", s.Name, o)
			}
		}
		if s.Requests > 30 {
			t.Errorf("%s: %d requests", s.Name, s.Requests)
		}
		says(t, report, i, "rate limit", "none met")
	}
	if got := r.erp.Unexpected(); len(got) > 0 {
		t.Errorf("TotalGest got %v", got)
	}
	if got := r.shop.Unexpected(); len(got) > 0 {
		t.Errorf("the shop got %v", got)
	}
	for name, want := range map[string]string{
		"account": "that of the settings", "clock": "agrees with ours", "zone of dates": "they carry it",
		"products.list: limit": "honoured", "products.list: same list twice": "yes", "products.list: records on two pages": "none",
		"products.list: sorting": "oldest first", "products.list: updated_since": "narrows, the instant included",
		"orders.list: updated_since": "narrows", "stock.list: same list twice": "yes", "orders.find: search by external_id": "works",
	} {
		says(t, report, erp, name, want)
	}
	for name, want := range map[string]string{
		"orders/list: number of the first page": "0", "orders/list: sorting": "newest first", "orders/list: limit": "honoured",
		"orders/list: same list twice": "yes", "orders/list: records on two pages": "none", "products/list: number of the first page": "0",
		"products/list: search by sku": "works", "vendor's own TotalGest plugin": "not seen, or off", "e-commerce module": "active",
		"payment states of orders": "1 that is no common word", "zone of dates": "east of UTC; Europe/Rome",
	} {
		says(t, report, shop, name, want)
	}
}

func TestPages(t *testing.T) {
	t.Parallel()
	pageless := func(next http.RoundTripper) http.RoundTripper { return without(next, "page") }
	tests := map[string]struct {
		options framework360test.Options
		orders  int
		wire    func(http.RoundTripper) http.RoundTripper
		says    map[string]string
		change  string // of paging.first_page
	}{
		"from 0":                     {framework360test.Options{}, 12, nil, map[string]string{"number of the first page": "0"}, ""},
		"from 0, one page":           {framework360test.Options{}, 3, nil, map[string]string{"number of the first page": "0", "limit": "not known"}, ""},
		"from 1, page 0 is page 1":   {framework360test.Options{FirstPage: 1}, 12, nil, map[string]string{"number of the first page": "1", "records on two pages": "none"}, "1"},
		"from 1, page 0 is empty":    {framework360test.Options{FirstPage: 1, PageBelow: "empty"}, 12, nil, map[string]string{"number of the first page": "1"}, "1"},
		"from 1, page 0 is refused":  {framework360test.Options{FirstPage: 1, PageBelow: "refused"}, 12, nil, map[string]string{"number of the first page": "1"}, "1"},
		"from 1, repeats the last":   {framework360test.Options{FirstPage: 1, RepeatLastPage: true}, 12, nil, map[string]string{"number of the first page": "1"}, "1"},
		"one page, repeats the last": {framework360test.Options{RepeatLastPage: true}, 3, nil, map[string]string{"number of the first page": "not known"}, ""},
		"page is ignored":            {framework360test.Options{}, 12, pageless, map[string]string{"number of the first page": "not known"}, ""},
		"no orders":                  {framework360test.Options{}, 0, nil, map[string]string{"number of the first page": "not known", "sorting": "not known"}, ""},
		"limit is ignored": {framework360test.Options{}, 12, func(next http.RoundTripper) http.RoundTripper { return without(next, "limit") },
			map[string]string{"limit": "ignored", "number of the first page": "0"}, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, totalgesttest.Options{}, tt.options, tt.orders, tt.orders)
			c := r.config()
			if tt.wire != nil {
				c.Framework360.Transport = tt.wire(c.Framework360.Transport)
			}
			report := r.run(t, c)
			for name, want := range tt.says {
				says(t, report, shop, "orders/list: "+name, want)
			}
			if got := changed(report, shop, "paging.first_page"); got != tt.change {
				t.Errorf("paging.first_page = %q, want %q", got, tt.change)
			}
		})
	}
}

// TestPageSizeOfTheSite takes the size that a page has, whatever is asked for.
func TestPageSizeOfTheSite(t *testing.T) {
	t.Parallel()
	r := newRig(t, totalgesttest.Options{}, framework360test.Options{Profile: []byte(`{"paging":{"size":7}}`)}, 300, 20)
	c := r.config()
	c.Framework360.Profile = nil
	c.Framework360.Transport = without(c.Framework360.Transport, "limit")
	c.TotalGest.Transport = without(c.TotalGest.Transport, "limit")
	report := r.run(t, c)
	says(t, report, shop, "orders/list: limit", "ignored")
	if got := changed(report, shop, "operations.orders/list.size"); got != "7" {
		t.Errorf("size %q", got)
	}
	if got := changed(report, erp, "operations.products.list.size"); got != "" { // all came at once
		t.Errorf("size %q", got)
	}
	if i := slices.IndexFunc(report.Systems[erp].Findings, func(f probe.Finding) bool { return f.Name == "products.list: limit" }); report.Systems[erp].Findings[i].How != "asked for 5 records, got 300" {
		t.Errorf("%+v", report.Systems[erp].Findings[i])
	}
}

// changed is what the draft sets at a place; empty: nothing.
func changed(r probe.Report, system int, where string) string {
	for _, c := range r.Systems[system].Changes {
		if c.Where == where {
			return c.To
		}
	}
	return ""
}

func TestSearch(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		erp    totalgesttest.Options
		shop   framework360test.Options
		wire   func(http.RoundTripper) http.RoundTripper
		orders int
		erpSay string
		sku    string
		off    bool // the ability of TotalGest
	}{
		"works":             {orders: 12, erpSay: "works", sku: "works"},
		"there is none":     {erp: totalgesttest.Options{NoSearch: true}, orders: 12, erpSay: "says that there is no such record", sku: "works"},
		"ignores its word":  {wire: func(n http.RoundTripper) http.RoundTripper { return without(n, "external_id") }, orders: 12, erpSay: "ignored", sku: "works", off: true},
		"nothing to ask by": {shop: framework360test.Options{IgnoreSKU: true}, orders: 0, erpSay: "finds nothing where there is nothing; not known", sku: "finds nothing"},
		"a shop ignores it": {shop: framework360test.Options{IgnoreSKU: true}, orders: 12, erpSay: "works", sku: "ignored"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, tt.erp, tt.shop, tt.orders, tt.orders)
			c := r.config()
			if tt.wire != nil {
				c.TotalGest.Transport = tt.wire(c.TotalGest.Transport)
			}
			report := r.run(t, c)
			says(t, report, erp, "orders.find: search by external_id", tt.erpSay)
			says(t, report, shop, "products/list: search by sku", tt.sku)
			if got := changed(report, erp, "abilities.search") == "false"; got != tt.off {
				t.Errorf("the draft takes the search away: %v", got)
			}
			if got := changed(report, shop, "abilities.search") == "false"; got != (tt.sku == "ignored") {
				t.Errorf("the draft takes the shop's search away: %v", got)
			}
		})
	}
}

func TestUpdatedSinceIsIgnored(t *testing.T) {
	t.Parallel()
	r := newRig(t, totalgesttest.Options{}, framework360test.Options{}, 12, 12)
	c := r.config()
	c.TotalGest.Transport = without(c.TotalGest.Transport, "updated_since")
	report := r.run(t, c)
	says(t, report, erp, "products.list: updated_since", "ignored")
	if changed(report, erp, "abilities.modified_since") != "false" {
		t.Error("the draft still claims modified_since")
	}
}

func TestRefused(t *testing.T) {
	t.Parallel()
	r := newRig(t, totalgesttest.Options{}, framework360test.Options{Denied: []string{"orders/get", "payments/list", "site/plugins"}, VendorPlugin: true}, 12, 12)
	report := r.run(t, r.config())
	if got := codes(report, "framework360"); report.Ready || !slices.Equal(got, []string{"refused", "unsigned"}) {
		t.Errorf("verdicts %v", got)
	}
	if o := operation(t, report, shop, "orders/get"); o.Answer != probe.Refused || o.Permission != "/orders/get" {
		t.Errorf("%+v", o)
	}
	if text := report.Verdicts[2].Text; !strings.Contains(text, "/site/plugins, /orders/get, /payments/list") {
		t.Errorf("the verdict names not each permission: %s", text)
	}
	says(t, report, shop, "vendor's own TotalGest plugin", "not known")
}

func TestVendorPlugin(t *testing.T) {
	t.Parallel()
	r := newRig(t, totalgesttest.Options{}, framework360test.Options{VendorPlugin: true}, 12, 12)
	report := r.run(t, r.config())
	says(t, report, shop, "vendor's own TotalGest plugin", "active")
	if got := codes(report, "framework360"); report.Ready || !slices.Contains(got, "plugin") {
		t.Errorf("verdicts %v", got)
	}
}

func TestNoEcommerce(t *testing.T) {
	t.Parallel()
	r := newRig(t, totalgesttest.Options{}, framework360test.Options{NoEcommerce: true}, 2, 2)
	report := r.run(t, r.config())
	if o := operation(t, report, shop, "orders/list"); o.Answer != probe.Inactive {
		t.Errorf("%+v", o)
	}
	if o := operation(t, report, shop, "orders/get"); o.Answer != probe.Untried {
		t.Errorf("%+v", o)
	}
	if got := codes(report, "framework360"); !slices.Contains(got, "absent") {
		t.Errorf("verdicts %v", got)
	}
}

func TestWrongCredentials(t *testing.T) {
	t.Parallel()
	r := newRig(t, totalgesttest.Options{}, framework360test.Options{}, 2, 2)
	c := r.config()
	c.TotalGest.Password, c.Framework360.APIKey = "zqx", strings.Repeat("zqx0", 10)
	report := r.run(t, c)
	for _, system := range []string{"totalgest", "framework360"} {
		if got := codes(report, system); !slices.Equal(got, []string{"unreachable"}) {
			t.Errorf("%s: verdicts %v", system, got)
		}
	}
	if n := r.erp.Requests()["account.get"] + r.shop.Requests()["check"]; n != report.Systems[erp].Requests+report.Systems[shop].Requests {
		t.Errorf("it went on after it was refused: %+v", report.Systems)
	}
}

func TestAnotherAccount(t *testing.T) {
	t.Parallel()
	r := newRig(t, totalgesttest.Options{}, framework360test.Options{}, 2, 2)
	c := r.config()
	next := c.TotalGest.Transport
	c.TotalGest.Transport = replies{next, func(_ *http.Request, body string) string {
		return strings.Replace(body, `"shop_id":"`+totalgesttest.ShopID, `"shop_id":"zqx`, 1)
	}}
	report := r.run(t, c)
	if got := codes(report, "totalgest"); !slices.Contains(got, "mismatch") {
		t.Errorf("verdicts %v", got)
	}
}

func TestOperationsThatAreNotThere(t *testing.T) {
	t.Parallel()
	r := newRig(t, totalgesttest.Options{Profile: []byte(`{"operations":{"stock.list":null,"orders.list":null,"orders.find":{"path":"order-by-reference"}}}`)}, framework360test.Options{}, 3, 3)
	c := r.config()
	c.TotalGest.Profile = []byte(`{"operations":{"orders.find":{"path":"order-by-reference"}}}`)
	report := r.run(t, c)
	if o := operation(t, report, erp, "stock.list"); o.Answer != probe.Absent {
		t.Errorf("%+v", o)
	}
	if got := changed(report, erp, "abilities.stock"); got != "false" {
		t.Errorf("abilities.stock = %q", got)
	}
	if got := changed(report, erp, "operations.orders.list"); got != "null" {
		t.Errorf("operations.orders.list = %q", got)
	}
	if !slices.ContainsFunc(report.Settings, func(s probe.Setting) bool { return strings.Contains(s.Reason, "no list of quantities") }) {
		t.Error("no word about the interval")
	}
	c = r.config() // now the profile knows
	report = r.run(t, c)
	if o := operation(t, report, erp, "orders.list"); o.Answer != probe.Absent || o.Reason != "the profile does not have it" {
		t.Errorf("%+v", o)
	}
}

func TestNoRecords(t *testing.T) {
	t.Parallel()
	r := newRig(t, totalgesttest.Options{}, framework360test.Options{}, 3, 0)
	report := r.run(t, r.config())
	if got := codes(report, "framework360"); report.Ready || !slices.Equal(got, []string{"unseen", "unsigned"}) || !slices.Equal(report.Verdicts[2].Args, []any{"orders/list, orders/get"}) {
		t.Errorf("verdicts %+v", report.Verdicts)
	}
	if got := codes(report, "totalgest"); !slices.Equal(got, []string{"ready", "unsigned"}) { // before go-live there are no orders
		t.Errorf("verdicts %v", got)
	}
	for name, want := range map[string]string{"orders.find: search by external_id": "finds nothing where there is nothing", "orders.list: updated_since": "not known"} {
		says(t, report, erp, name, want)
	}
}

// TestNoID asks for no record whose id it does not know.
func TestNoID(t *testing.T) {
	t.Parallel()
	r := newRig(t, totalgesttest.Options{}, framework360test.Options{Profile: []byte(`{"records":{"order":{"id":["zz"]}}}`)}, 3, 12)
	c := r.config()
	c.Framework360.Profile = nil
	report := r.run(t, c)
	if o := operation(t, report, shop, "orders/get"); o.Answer != probe.Untried || r.shop.Requests()["orders/get"] > 0 {
		t.Errorf("%+v, %v", o, r.shop.Requests())
	}
	if got := codes(report, "framework360"); !slices.Equal(got, []string{"unreadable", "unseen", "unsigned"}) {
		t.Errorf("verdicts %v", got)
	}
	if !slices.ContainsFunc(report.Systems[shop].Unknown, func(k probe.Key) bool { return k.Record == "order" && k.Path == "zz" }) {
		t.Errorf("keys: %+v", report.Systems[shop].Unknown)
	}
}

// TestOddReplies names what came, in words of its own: those of the systems may
// speak of a customer.
func TestOddReplies(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		body   string
		answer probe.Answer
		reason string
	}{
		"a refusal":    {`{"status":0,"error":"Ordine 86297 di Zqxina Zqxoni non valido"}`, probe.Failed, "it refuses the request"},
		"not found":    {`{"status":0,"error":"zqx not found"}`, probe.Failed, "it says that there is no such record"},
		"a page":       {`<html><body>zqx 86297</body></html>`, probe.Failed, "HTML instead of JSON"},
		"a bare list":  {`[{"id":"86297"}]`, probe.Failed, "a bare value without an envelope"},
		"nothing":      {``, probe.Failed, "empty reply"},
		"a cut record": {`{"status":1,"data":{"id":"86297`, probe.Failed, "cut off"},
		"no record":    {`{"status":1,"zqx 86297":"zqx"}`, probe.Failed, "no data"},
		"a text":       {`{"status":1,"data":"zqx"}`, probe.Allowed, ""},
		"an odd one":   {`{"status":1,"data":{"zqx@zqx.example":1,"86297x":{"Zqxina Zqxoni":2}}}`, probe.Allowed, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, totalgesttest.Options{}, framework360test.Options{}, 2, 2)
			c := r.config()
			c.Framework360.Transport = replies{c.Framework360.Transport, func(r *http.Request, body string) string {
				if strings.HasSuffix(r.URL.Path, "/orders/get") {
					return tt.body
				}
				return body
			}}
			report := r.run(t, c)
			if o := operation(t, report, shop, "orders/get"); o.Answer != tt.answer || o.Reason != tt.reason || o.Read > 0 {
				t.Errorf("%+v", o)
			}
			if report.Ready {
				t.Errorf("ready, and yet: %+v", report.Verdicts)
			}
		})
	}
}

func TestSuccessFlag(t *testing.T) {
	t.Parallel()
	r := newRig(t, totalgesttest.Options{}, framework360test.Options{Plain: true}, 3, 3)
	c := r.config()
	says(t, r.run(t, c), shop, "success flag status", "there")
	c.Framework360.Transport = replies{c.Framework360.Transport, func(_ *http.Request, body string) string {
		return strings.Replace(body, `,"status":1`, "", 1)
	}}
	c.Record = t.TempDir()
	says(t, r.run(t, c), shop, "success flag status", "not always there")
}

func TestUnstableList(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		happens func(*rig, int)
		want    string
	}{
		"records come in at the front": {func(r *rig, n int) {
			r.shop.PutOrder(framework360.Order{ID: "5" + strings.Repeat("0", n), Created: now.Add(time.Duration(n) * time.Minute), Currency: "EUR"})
		}, "yes"},
		"records move": {func(r *rig, n int) {
			all := r.shop.Orders()
			r.shop.UpdateOrder(all[2].ID, func(o *framework360.Order) { o.Created = now.Add(-90 * time.Hour) })
		}, "no"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, totalgesttest.Options{}, framework360test.Options{}, 0, 20)
			n := 0
			r.shop.OnRequest(func(op string) {
				if op == "orders/list" {
					if n++; n == 4 { // the second read of the first page
						tt.happens(r, n)
					}
				}
			})
			says(t, r.run(t, r.config()), shop, "orders/list: same list twice", tt.want)
		})
	}
}

func TestClockAndZone(t *testing.T) {
	t.Parallel()
	r := newRig(t, totalgesttest.Options{Now: func() time.Time { return now.Add(-90 * time.Second) }}, framework360test.Options{Plain: true, Profile: []byte(`{"write":{"dates":"datetime"}}`)}, 3, 3)
	c := r.config()
	zone, err := time.LoadLocation("Europe/London") // an hour west of what the shop means
	if err != nil {
		t.Fatal(err)
	}
	c.Framework360.Location = zone
	c.Framework360.Transport = naive(c.Framework360.Transport)
	report := r.run(t, c)
	says(t, report, erp, "clock", "1m30s behind ours")
	says(t, report, shop, "zone of dates", "not Europe/London (+1 h now): further east")
	if !slices.ContainsFunc(report.Settings, func(s probe.Setting) bool { return s.Line == `# zone = "Europe/London"` }) {
		t.Errorf("settings %+v", report.Settings)
	}
}

// naive has dates with a zone said without it, by clocks two hours east of UTC,
// and the newest one just now.
func naive(next http.RoundTripper) http.RoundTripper {
	return replies{next, func(_ *http.Request, body string) string {
		return strings.NewReplacer("2026-07-01T11:00:00Z", "2026-07-01 14:00:00").Replace(body)
	}}
}

func TestRateLimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, totalgesttest.Options{}, framework360test.Options{}, 3, 3)
		r.shop.Faults(framework360test.Fault{Kind: framework360test.TooMany429, Operation: "payments/list", Times: 1, RetryAfter: "5"},
			framework360test.Fault{Kind: framework360test.TooMany429, Operation: "payments/taxes", RetryAfter: "3600"})
		c := r.config()
		c.Framework360.Rate = 4
		began := time.Now()
		report := r.run(t, c)
		if took := time.Since(began); took > 5*time.Minute {
			t.Errorf("it waited for %s", took)
		}
		says(t, report, shop, "rate limit", "2 answers ask for fewer requests")
		if o := operation(t, report, shop, "payments/list"); o.Answer != probe.Allowed {
			t.Errorf("%+v", o)
		}
		if o := operation(t, report, shop, "payments/taxes"); o.Answer != probe.Failed || o.Reason != "too many requests" {
			t.Errorf("%+v", o)
		}
		if report.Settings[0].Line != "rate = 1" {
			t.Errorf("proposed: %+v", report.Settings[0])
		}
	})
}

func TestStopped(t *testing.T) {
	t.Parallel()
	r := newRig(t, totalgesttest.Options{}, framework360test.Options{}, 3, 3)
	ctx, cancel := context.WithCancel(t.Context())
	r.erp.OnRequest(func(op string) {
		if op == "stock.list" {
			cancel()
		}
	})
	if _, err := probe.Run(ctx, r.config()); !errors.Is(err, context.Canceled) {
		t.Errorf("err = %v", err)
	}
	if n := len(r.shop.Requests()); n > 0 {
		t.Errorf("%d operations of the shop were called afterwards", n)
	}
}

func TestRefusedSettings(t *testing.T) {
	t.Parallel()
	r := newRig(t, totalgesttest.Options{}, framework360test.Options{}, 1, 1)
	c := r.config()
	c.TotalGest.Profile = []byte(`{"operations":{"x":{}}}`)
	if _, err := probe.Run(t.Context(), c); !errors.Is(err, totalgest.ErrArgument) {
		t.Errorf("err = %v", err)
	}
	c = r.config()
	c.Record = t.TempDir()
	if err := os.MkdirAll(filepath.Join(c.Record, "milano", "signed"), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := probe.Run(t.Context(), c); err == nil || !strings.Contains(err.Error(), "is not empty") {
		t.Errorf("err = %v", err)
	}
	if n := len(r.erp.Requests()) + len(r.shop.Requests()); n > 0 {
		t.Errorf("%d operations were called", n)
	}
}
