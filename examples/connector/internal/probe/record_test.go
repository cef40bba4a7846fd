package probe_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"
	"github.com/tg360/tg360/examples/connector/internal/probe"
	"github.com/tg360/tg360/examples/connector/internal/settings"
	"github.com/tg360/tg360/framework360"
	"github.com/tg360/tg360/framework360/framework360test"
	"github.com/tg360/tg360/totalgest"
	"github.com/tg360/tg360/totalgest/totalgesttest"
)

// strangeERP is how a TotalGest may speak that is not the reference contract.
const strangeERP = `{
  "envelope": {"cursor": ["pagina.successiva"]},
  "operations": {
    "products.list": {"at": ["risultato.articoli"]},
    "products.get": {"at": ["risultato"]},
    "orders.get": {"at": ["data.documento"]},
    "orders.find": {"at": ["documenti"]}
  },
  "records": {
    "account": {"shop_id": ["id_negozio"], "owner_id": ["id_azienda"]},
    "product": {"id": ["id_articolo"], "sku": ["codice"], "name": ["descrizione"], "description": ["descrizione_estesa"], "quantity": ["giacenza.disponibile"],
      "vat_rate": ["aliquota_iva"], "prices": ["listini"], "updated_at": ["ultima_modifica"], "options": ["attributi"]},
    "price": {"list": ["nome_listino"], "amount": ["prezzo"], "includes_tax": ["ivato"]},
    "stock": {"id": ["id_articolo"], "quantity": ["esistenza"]},
    "order_ref": {"id": ["id_documento"], "external_id": ["riferimento_esterno"], "status": ["stato_documento"], "updated_at": ["ultima_modifica"]}
  }
}`

// strangeShop is how a shop may speak that is not the reference contract.
const strangeShop = `{
  "operations": {"orders/list": {"at": ["data.items"]}, "orders/get": {"at": ["data.order"]}},
  "records": {
    "order": {"id": ["order_id"], "created": ["placed_at"], "total": ["totals.gross"], "currency": ["currency_code"], "rows": ["items"],
      "billing": ["billing_address"], "email": ["customer_email"], "payment_state": ["payment_status"]},
    "row": {"sku": ["article.sku"], "quantity": ["qty"], "price": ["unit_price"], "tax_id": ["tax.id"]},
    "product": {"name": ["title"], "price": ["price"], "quantity": ["stock"], "tax_id": ["tax_id"]},
    "party": {"first_name": ["firstname"], "last_name": ["surname"], "zip": ["postcode"]},
    "reference": {"name": ["label"]}
  }
}`

// strange probes both with the default profiles, and records.
func strange(t *testing.T, firstPage int) (r *rig, report probe.Report, dir string) {
	t.Helper()
	r = newRig(t, totalgesttest.Options{Profile: []byte(strangeERP)}, framework360test.Options{Profile: []byte(strangeShop), FirstPage: firstPage}, 12, 12)
	c := r.config()
	c.TotalGest.Profile, c.Framework360.Profile = nil, nil
	c.Record = t.TempDir()
	return r, r.run(t, c), filepath.Join(c.Record, "milano")
}

func TestStrangeFields(t *testing.T) {
	t.Parallel()
	_, report, _ := strange(t, 1)
	if report.Ready || !slices.Equal(codes(report, "totalgest"), []string{"drafted", "unsigned"}) || !slices.Equal(codes(report, "framework360"), []string{"drafted", "unsigned"}) {
		t.Errorf("verdicts: %+v", report.Verdicts)
	}
	for where, want := range map[string]string{
		"operations.products.list.at": `["risultato.articoli"]`, "operations.orders.get.at": `["data.documento"]`, "operations.orders.find.at": `["documenti"]`,
		"envelope.cursor": `["pagina.successiva"]`, "records.product.sku": `["codice","sku"]`, "records.product.quantity": `["giacenza.disponibile","quantity"]`,
		"records.price.amount": `["prezzo","amount"]`, "records.order_ref.external_id": `["riferimento_esterno","external_id"]`,
	} {
		if got := changed(report, erp, where); got != want {
			t.Errorf("%s = %s, want %s", where, got, want)
		}
	}
	for where, want := range map[string]string{
		"operations.orders/list.at": `["data.items"]`, "operations.orders/get.at": `["data.order"]`, "paging.first_page": "1",
		"records.order.total": `["totals.gross","totale","total"]`, "records.row.price": `["unit_price","price","prezzo","customInfo.price"]`,
		"records.row.sku": `["article.sku","sku"]`, "records.party.zip": `["postcode","cap"]`,
		"records.product.price": `["price","prezzo"]`, // found where only the second path is: written there from now on
	} {
		if got := changed(report, shop, where); got != want {
			t.Errorf("%s = %s, want %s", where, got, want)
		}
	}
	says(t, report, erp, "orders.find: search by external_id", "works")
	says(t, report, erp, "products.list: records on two pages", "none")
	says(t, report, shop, "orders/list: sorting", "newest first")
	if i := slices.IndexFunc(report.Settings, func(s probe.Setting) bool { return strings.HasPrefix(s.Line, "# prices") }); i < 0 ||
		report.Settings[i].Line != `# prices = "gross"` || report.Settings[i+1].Line != `# rows = "unit"` || !strings.Contains(report.Settings[i].Reason, "gross/unit 3, gross/line 0") {
		t.Errorf("settings: %+v", report.Settings)
	}
}

// TestReplay has the fakes answer as the strange systems did, and the clients
// read that with the drafted profiles and with no other.
func TestReplay(t *testing.T) {
	t.Parallel()
	for firstPage := range 2 {
		t.Run(fmt.Sprint("first page ", firstPage), func(t *testing.T) {
			t.Parallel()
			_, _, dir := strange(t, firstPage)
			profile := func(name string) []byte {
				data, err := os.ReadFile(filepath.Join(dir, name))
				if err != nil {
					t.Fatal(err)
				}
				return data
			}
			for _, with := range []string{"the draft", "the default"} {
				e := totalgesttest.Options{NoListen: true, Shapes: os.DirFS(filepath.Join(dir, "totalgest"))}
				s := framework360test.Options{NoListen: true, Shapes: os.DirFS(filepath.Join(dir, "framework360"))}
				if with == "the draft" {
					e.Profile, s.Profile = profile("totalgest.profile.json"), profile("framework360.profile.json")
				}
				problems := append(readERP(t, e), readShop(t, s)...)
				if with == "the draft" && len(problems) > 0 {
					t.Errorf("with %s: %v", with, errors.Join(problems...))
				}
				if with == "the default" && len(problems) < 10 {
					t.Errorf("with %s only these fail: %v", with, errors.Join(problems...))
				}
			}
		})
	}
}

// readERP reads what a sync reads, and returns all that goes wrong.
func readERP(t *testing.T, o totalgesttest.Options) (problems []error) {
	t.Helper()
	c, err := totalgest.New(totalgesttest.Start(t, o).Config())
	if err != nil {
		t.Fatal(err)
	}
	try := func(what string, n int, errs ...error) {
		for _, err := range errs {
			if err != nil {
				problems = append(problems, fmt.Errorf("%s: %w", what, err))
			}
		}
		if n == 0 {
			problems = append(problems, errors.New(what+": nothing"))
		}
	}
	ctx := t.Context()
	_, err = c.Verify(ctx)
	try("verify", 1, err)
	n := 0
	for page, err := range c.ProductPages(ctx, totalgest.ListOptions{}) {
		try("products", 1, append(page.Rejected, err)...)
		for _, p := range page.Items {
			n++
			if p.ID == "" || p.SKU == "" || p.Name == "" || !p.Quantity.IsSet() || p.UpdatedAt.IsZero() || len(p.Prices) == 0 || !p.Prices[0].Amount.IsSet() || len(p.Options) != 1 {
				problems = append(problems, fmt.Errorf("products: %+v", p))
			}
		}
	}
	try("products", n, err)
	p, err := c.Product(ctx, "77")
	if err == nil && p.ID != "77" {
		err = fmt.Errorf("got %q", p.ID)
	}
	try("product", 1, err)
	n = 0
	for page, err := range c.StockPages(ctx, totalgest.ListOptions{}) {
		try("stock", 1, append(page.Rejected, err)...)
		n += len(page.Items)
	}
	try("stock", n)
	found, err := c.FindOrders(ctx, "web-17")
	if err == nil && (len(found) == 0 || found[0].ExternalID != "web-17") {
		err = fmt.Errorf("got %+v", found)
	}
	try("find", 1, err)
	ref, err := c.Order(ctx, "9")
	if err == nil && (ref.ID != "9" || ref.Status == "") {
		err = fmt.Errorf("got %+v", ref)
	}
	try("order", 1, err)
	return problems
}

// readShop reads what a sync reads, and returns all that goes wrong.
func readShop(t *testing.T, o framework360test.Options) (problems []error) {
	t.Helper()
	c, err := framework360.New(framework360test.Start(t, o).Config())
	if err != nil {
		t.Fatal(err)
	}
	bad := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }
	ctx := t.Context()
	if _, err := c.Verify(ctx); err != nil {
		bad("verify: %w", err)
	}
	orders := map[string]bool{}
	for page, err := range c.OrderPages(ctx, framework360.OrderOptions{}) {
		if err != nil || len(page.Rejected) > 0 {
			bad("orders: %w", errors.Join(append(page.Rejected, err)...))
		}
		for _, o := range page.Items {
			orders[o.ID] = true
		}
	}
	if len(orders) != 3 {
		bad("%d orders, want 3", len(orders))
	}
	for id := range orders {
		o, err := c.Order(ctx, id)
		if err != nil || o.ID != id || o.Created.IsZero() || !o.Total.IsSet() || len(o.Rows) == 0 || o.Rows[0].SKU == "" || o.Billing.LastName == "" || o.StateID == "" {
			bad("order: %+v, %w", o, err)
		}
	}
	if len(orders) == 0 {
		_, err := c.Order(ctx, "1")
		bad("order: %w", err)
	}
	for name, read := range map[string]func() ([]framework360.Reference, error){
		"statuses": func() ([]framework360.Reference, error) { return c.Statuses(ctx) },
		"payments": func() ([]framework360.Reference, error) { return c.PaymentMethods(ctx) }} {
		if list, err := read(); err != nil || len(list) != 3 || list[0].Name == "" || list[0].ID == list[1].ID {
			bad("%s: %+v, %w", name, list, err)
		}
	}
	if list, err := c.Products(ctx, framework360.ProductOptions{}); err != nil || len(list.Items) != 3 || !list.Items[0].Price.IsSet() || list.Items[0].Name.Or("") == "" || list.Items[0].TaxID.Or("") == "" {
		bad("products: %+v, %w", list, err)
	}
	if list, err := c.FindProducts(ctx, "A-1"); err != nil || len(list) == 0 {
		bad("find products: %+v, %w", list, err)
	}
	return problems
}

func TestSigning(t *testing.T) {
	t.Parallel()
	r := newRig(t, totalgesttest.Options{}, framework360test.Options{}, 2, 2)
	c := r.config()
	c.Record = t.TempDir()
	report := r.run(t, c)
	if got := report.Systems[erp].Writes; !slices.Equal(got, []string{"orders.create"}) {
		t.Errorf("to sign at TotalGest: %v", got)
	}
	toSign, err := os.ReadFile(filepath.Join(c.Record, "milano", "framework360.to-sign.json"))
	if err != nil {
		t.Fatal(err)
	}
	live := r.shop.Config()
	live.Site, live.Profile = "https://shop.example", toSign
	if _, err := framework360.New(live); !errors.Is(err, framework360.ErrArgument) || !strings.Contains(err.Error(), "operation products/create: confirmed needs by and evidence") {
		t.Errorf("unsigned: %v", err)
	}
	signed := strings.NewReplacer(`"by": ""`, `"by": "Ada Bianchi"`, `"date": ""`, `"date": "2026-07-02"`, `"evidence": ""`, `"evidence": "product 7"`).Replace(string(toSign))
	live.Profile = []byte(signed)
	client, err := framework360.New(live)
	if err != nil {
		t.Fatal(err)
	}
	if err := client.Confirmed("products/create", "products/update"); err != nil {
		t.Errorf("signed, and yet: %v", err)
	}
}

// TestKeepsWhatIsSet merges a draft into the profile that is in use.
func TestKeepsWhatIsSet(t *testing.T) {
	t.Parallel()
	r := newRig(t, totalgesttest.Options{Profile: []byte(strangeERP)}, framework360test.Options{}, 12, 12)
	c := r.config()
	c.TotalGest.Profile = []byte(`{"name":"half done","write":{"numbers":"string"},"records":{"product":{"id":{"paths":["id_articolo"],"grade":"observed"},"sku":{"paths":["sku"],"grade":"inferred"}}},
		"operations":{"orders.create":{"confirmed":{"by":"Ada Bianchi","date":"2026-03-02","evidence":"order 7"}}}}`)
	c.Record = t.TempDir()
	report := r.run(t, c)
	data, err := os.ReadFile(filepath.Join(c.Record, "milano", "totalgest.profile.json"))
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Name       string
		Write      map[string]string
		Records    map[string]map[string]any
		Operations map[string]map[string]any
	}
	if err := json.Unmarshal(data, &got); err != nil {
		t.Fatal(err)
	}
	sku := fmt.Sprint(got.Records["product"]["sku"])
	if got.Name != "half done, drafted by a probe" || got.Write["numbers"] != "string" || sku != "map[grade:inferred paths:[codice sku]]" || got.Operations["orders.create"]["confirmed"] == nil {
		t.Errorf("%s", data)
	}
	if len(report.Systems[erp].Writes) > 0 || slices.Contains(report.Files, "totalgest.to-sign.json") {
		t.Errorf("there is nothing to sign: %v, %v", report.Systems[erp].Writes, report.Files)
	}
}

// TestPlacesThatExclude proposes nothing that the client refuses: two fields
// can't be written to the same place.
func TestPlacesThatExclude(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ wire, set, where, want string }{
		"a known place is not moved":  {`{"records":{"product":{"tax_id":["imposta.id"],"vat_rate":["imposta.aliquota"]}}}`, ``, "records.product.vat_rate", ""},
		"a new place is read at last": {`{"records":{"product":{"quantity":["stock.quantity"]}}}`, `{"records":{"product":{"quantity":["quantita"],"brand":["stock"]}}}`, "records.product.quantity", `["quantita","stock.quantity"]`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, totalgesttest.Options{}, framework360test.Options{Profile: []byte(tt.wire), Plain: true}, 3, 3)
			c := r.config()
			c.Framework360.Profile = []byte(tt.set)
			if got := changed(r.run(t, c), shop, tt.where); got != tt.want {
				t.Errorf("%s = %s, want %s", tt.where, got, tt.want)
			}
		})
	}
}

// TestSettingsLines has the settings read what is proposed, once a person has
// filled it in.
func TestSettingsLines(t *testing.T) {
	t.Parallel()
	_, report, dir := strange(t, 1)
	meaning := map[string]string{"states": "completed", "payment_states": "paid", "methods": "paid"}
	var file strings.Builder
	table := ""
	for _, s := range report.Settings {
		if s.Table != table {
			table = s.Table
			fmt.Fprintf(&file, "[%s]\n", table)
			switch {
			case table == "shop.milano":
				file.WriteString("origin = \"m1\"\ngo_live = \"2026-07-01\"\n")
			case strings.HasSuffix(table, ".totalgest"):
				file.WriteString("shop_id = \"1\"\nowner_id = \"2\"\nendpoint = \"erp.example\"\nusername = \"u\"\npassword = \"p\"\n")
			case strings.HasSuffix(table, ".framework360"):
				file.WriteString("site = \"shop.example\"\napi_key = \"" + strings.Repeat("k", 40) + "\"\n")
			}
		}
		line := strings.TrimPrefix(s.Line, "# ")
		file.WriteString(strings.Replace(line, `= ""`, `= "`+meaning[table[strings.LastIndexByte(table, '.')+1:]]+`"`, 1) + "\n")
	}
	if _, err := toml.Decode(file.String(), new(map[string]any)); err != nil {
		t.Fatalf("%v\n%s", err, &file)
	}
	path := filepath.Join(dir, "settings.toml")
	if err := os.WriteFile(path, []byte(file.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := settings.Load(path, []string{"HOME=" + t.TempDir()})
	if err != nil {
		t.Fatalf("%v\n%s", err, &file)
	}
	milano, err := s.Shop("milano")
	if err != nil || len(milano.Missing()) > 0 || milano.Sync.Rules.States["pagato"] != "completed" || len(milano.Framework360.Profile) == 0 {
		t.Errorf("%+v, %v\n%s", milano, err, &file)
	}
}

// TestLanguages has the same headings and verdicts in all languages.
func TestLanguages(t *testing.T) {
	t.Parallel()
	r := newRig(t, totalgesttest.Options{}, framework360test.Options{Denied: []string{"orders/get"}}, 2, 2)
	report := r.run(t, r.config())
	report.Verdicts = nil
	report.Systems[erp].Unknown = []probe.Key{{Record: "product", Path: "colour"}}
	report.Systems[shop].Changes = []probe.Change{{Where: "paging.first_page", To: "1"}}
	for _, code := range []string{"ready", "unreachable", "mismatch", "refused", "absent", "unreadable", "drafted", "unseen", "plugin", "search", "unsigned"} {
		v := probe.Verdict{System: "totalgest", Code: code}
		if slices.Contains([]string{"refused", "absent", "unreadable", "drafted", "unseen", "unsigned"}, code) {
			v.Args = []any{"orders/get"}
		}
		report.Verdicts = append(report.Verdicts, v)
	}
	seen := map[string]string{}
	for _, lang := range []string{"it", "de", "en", "fr", "es", "nl"} {
		var text strings.Builder
		if err := report.Write(&text, lang); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(text.String(), "%!") || strings.Count(text.String(), "orders/get.") < 6 {
			t.Errorf("%s: a sentence is broken:\n%s", lang, &text)
		}
		for line := range strings.Lines(text.String()) {
			heading := regexp.MustCompile(`^[^ \n=]`).MatchString(line) || strings.HasPrefix(line, "  totalgest: ")
			if other := seen[line]; heading && other != "" && other != lang {
				t.Errorf("%s and %s have the same line: %s", lang, other, line)
			}
			seen[line] = lang
		}
	}
}

// TestKeysThatAreValues hides keys that may be values.
func TestKeysThatAreValues(t *testing.T) {
	t.Parallel()
	r := newRig(t, totalgesttest.Options{}, framework360test.Options{Plain: true}, 3, 3)
	c := r.config()
	c.Framework360.Transport = replies{c.Framework360.Transport, func(r *http.Request, body string) string {
		if !strings.HasSuffix(r.URL.Path, "orders/get") {
			return body
		}
		return strings.Replace(body, `{"id"`, `{"by_user":{"zqxa":{"n":1},"zqxb":{"n":2}},"extra":{"zqx@zqx.example":"x","Zqxina Zqxoni":"x","Zqx-74319":1,"harmless":1},"id"`, 1)
	}}
	report := r.run(t, c)
	var paths []string
	for _, k := range report.Systems[shop].Unknown {
		paths = append(paths, k.Path)
	}
	if want := []string{"by_user.(key)", "extra.(key)", "extra.harmless"}; !slices.Equal(paths, want) {
		t.Errorf("keys %v, want %v", paths, want)
	}
}
