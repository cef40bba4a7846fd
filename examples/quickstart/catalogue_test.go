package main

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/shopspring/decimal"
	"github.com/tg360/tg360/totalgest"
	"pgregory.net/rapid"
)

func number(s string) totalgest.Opt[decimal.Decimal] {
	return totalgest.Some(decimal.RequireFromString(s))
}

func euros(s string) []totalgest.Price {
	return []totalgest.Price{{Currency: "EUR", Amount: number(s), IncludesTax: totalgest.Some(true)}}
}

func readCatalogue(t *testing.T, file, name, columns string) *catalogue {
	t.Helper()
	named, err := parseColumns(columns, catalogueKeys)
	if err != nil {
		t.Fatal(err)
	}
	c, err := loadCatalogue(strings.NewReader(file), name, named)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// sameProducts compares in a form that shows decimals.
func sameProducts(t interface{ Errorf(string, ...any) }, want, got []totalgest.Product) {
	if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b totalgest.Opt[decimal.Decimal]) bool { return a.Equal(b, decimal.Decimal.Equal) }),
		cmp.Comparer(func(a, b totalgest.Opt[string]) bool { return a == b }), cmp.Comparer(func(a, b totalgest.Opt[bool]) bool { return a == b })); diff != "" {
		t.Errorf("products differ (- want, + got):\n%s", diff)
	}
}

func TestCatalogueCSV(t *testing.T) {
	t.Parallel()
	c := readCatalogue(t, "\ufeffCodice;EAN;Nome;Descrizione;Descrizione breve;Prezzo;Valuta;IVA;Giacenza;Padre;Marca;Categoria;Immagine\r\n"+
		"00A1;8000000000017;Moka  Tre ;\"<p>Per tre; \"\"forte\"\"</p>\";Per tre;24,90;;22%;7;;Fiamma;Cucina;https://shop.example/a.jpg, https://shop.example/b.jpg\r\n"+
		"00a1;;Moka Sei;;;2,849,83;eur;10,0;0;00A1;;;moka 6.jpg\r\n"+
		"B;;;;;;;;;;;;\r\n", "listino.csv", "")
	sameProducts(t, []totalgest.Product{
		{ID: "00A1", SKU: "00A1", Name: "Moka  Tre", EAN: totalgest.Some("8000000000017"), Description: totalgest.Some(`<p>Per tre; "forte"</p>`),
			ShortDescription: totalgest.Some("Per tre"), Prices: euros("24.9"), VATRate: number("22"), Quantity: number("7"),
			Brand: totalgest.Some("Fiamma"), Category: totalgest.Some("Cucina"), Images: []string{"https://shop.example/a.jpg", "https://shop.example/b.jpg"}},
		{ID: "00a1", SKU: "00a1", Name: "Moka Sei", Prices: euros("2849.83"), VATRate: number("10"), Quantity: number("0"),
			ParentID: totalgest.Some("00A1"), Images: []string{"moka 6.jpg"}},
		{ID: "B", SKU: "B"}, // without a name: the sync refuses it
	}, c.Products)
	if c.Rejected != nil || c.Warnings != nil || c.Currency != "EUR" {
		t.Errorf("rejected %v, warnings %v, currency %s", c.Rejected, c.Warnings, c.Currency)
	}
}

func TestCatalogueWithoutQuantityHasStock(t *testing.T) {
	t.Parallel()
	c := readCatalogue(t, "sku,name\nA,Tea\n", "", "")
	sameProducts(t, []totalgest.Product{{ID: "A", SKU: "A", Name: "Tea", Quantity: number("10")}}, c.Products)
	if c.Currency != "EUR" {
		t.Errorf("currency %s", c.Currency)
	}
}

func TestCatalogueRejectsAndWarns(t *testing.T) {
	t.Parallel()
	c := readCatalogue(t, `sku,name,price,currency,vat,qty
A,Tea,"1,234",,22,5
B,Pot,on request,,22,5
C,Cup,-1,,22,5
D,Jar,12.50,pounds,22,5
E,Lid,12.50,GBP,reduced,many
,Ghost,3,,22,5
E,Lid again,3,,22,5
F,Short
G,Inch "nail",7.10,CHF,22,5
H,Bag,7.10,CHF,22,5
`, "", "")
	reasons := func(list []rejected) (out []string) {
		for _, r := range list {
			out = append(out, r.Kind+" "+r.ID+": "+r.Reason)
		}
		return out
	}
	if diff := cmp.Diff([]string{
		"product line 7: line 7: no sku",
		"product E: line 8: the sku is already that of line 6",
		"product F: line 9: the row has 2 fields, the header 6",
	}, reasons(c.Rejected)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{
		"product A: line 2: price left out: a comma before three digits may part thousands or decimals",
		"product B: line 3: price left out: not a decimal number",
		"product C: line 4: price left out: negative",
		"product D: line 5: price left out: currency: not a currency code of three letters",
		"product E: line 6: vat_rate left out: not a decimal number",
		"product E: line 6: quantity left out: not a decimal number",
		`product G: line 10: a quote (") is out of place: the line was read as it stands`,
	}, reasons(c.Warnings)); diff != "" {
		t.Error(diff)
	}
	var kept []string
	for _, p := range c.Products {
		kept = append(kept, fmt.Sprint(p.SKU, len(p.Prices)))
	}
	if got := strings.Join(kept, " "); got != "A0 B0 C0 D0 E1 G1 H1" {
		t.Errorf("products and their prices: %s", got)
	}
	if c.Currency != "CHF" {
		t.Errorf("currency %s, the most frequent is CHF", c.Currency)
	}
}

func TestCatalogueJSON(t *testing.T) {
	t.Parallel()
	const lines = `{"id":"7","sku":"A-1","name":"Tea","ean":8000000000017,"prices":[{"list":"web","currency":"EUR","amount":45.40,"includes_tax":true}],"vat":{"code":"R","rate":"10"},"quantity":"3.5","options":{"size":"L"},"house":"own"}

{"sku":"A-2","name":"Pot","prices":[{"currency":"GBP","amount":"1,234"}]}
{"sku":"A-3","prices":null}
`
	want := []totalgest.Product{
		{ID: "7", SKU: "A-1", Name: "Tea", EAN: totalgest.Some("8000000000017"), VATCode: totalgest.Some("R"), VATRate: number("10"), Quantity: number("3.5"),
			Prices: []totalgest.Price{{List: "web", Currency: "EUR", Amount: number("45.4"), IncludesTax: totalgest.Some(true)}}, Options: map[string]string{"size": "L"}},
		{ID: "A-2", SKU: "A-2", Name: "Pot", Prices: []totalgest.Price{}},
		{ID: "A-3", SKU: "A-3"}, // without a name: the sync refuses it
	}
	list := "[" + strings.Join(strings.Split(strings.ReplaceAll(strings.TrimSpace(lines), "\n\n", "\n"), "\n"), ",\n") + "]\n"
	for _, f := range []struct {
		name, file string
		line       int // of the second product
	}{{"lines.ndjson", lines, 3}, {"", "\n" + lines, 4}, {"list.JSON", list, 2}} {
		c := readCatalogue(t, f.file, f.name, "")
		sameProducts(t, want, c.Products)
		if len(c.Warnings) != 1 || c.Warnings[0].ID != "A-2" || !strings.HasPrefix(c.Warnings[0].Reason, fmt.Sprintf("line %d: price.amount left out: ", f.line)) {
			t.Errorf("%s: warnings %v", f.name, c.Warnings)
		}
		if c.Currency != "EUR" || c.Rejected != nil {
			t.Errorf("%s: currency %s, rejected %v", f.name, c.Currency, c.Rejected)
		}
	}
}

func TestCatalogueJSONRejects(t *testing.T) {
	t.Parallel()
	c := readCatalogue(t, `{"id":1,"sku":"A","name":"Tea"}
{"id":"2","name":"Ghost"}
{"name":"Ghost"}
{"id":3,"sku":"A","name":"Again"}
{"id":"1","sku":"B","name":"Same id"}
[7]
{"id":{},"sku":"C","name":"Odd id"}
`, "x.jsonl", "")
	if len(c.Products) != 1 {
		t.Errorf("products %v", c.Products)
	}
	want := []rejected{
		{"product", "2", "line 2: no sku"},
		{"product", "line 3", "line 3: product.id: missing (tried id, sku)"},
		{"product", "A", "line 4: the sku is already that of line 1"},
		{"product", "1", "line 5: the id is already that of line 1"},
	}
	if diff := cmp.Diff(want, c.Rejected[:min(4, len(c.Rejected))]); diff != "" {
		t.Error(diff)
	}
	if len(c.Rejected) != 6 || c.Rejected[4].ID != "line 6" || c.Rejected[5].ID != "C" {
		t.Errorf("rejected %v", c.Rejected)
	}
}

func TestCatalogueErrorsNameTheLine(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ file, name, want string }{
		"cut off":          {"{\"sku\":\"A\"}\n\n{\"sku\":\"B\",", "", "line 3: what starts here is not valid JSON"},
		"no JSON":          {"{\"sku\":\"A\"}\nsku", "", "line 2: what starts here is not valid JSON"},
		"list not closed":  {"[{\"sku\":\"A\"}\n,\n{\"sku\":\"B\"}\n", "a.json", "line 4: the list is not closed"},
		"after the list":   {"[{\"sku\":\"A\"}\n]\n{}", "a.json", "line 2: something comes after the list"},
		"no name column":   {"sku,price\nA,1\n", "", "line 1: no column of the header is known as the name"},
		"columns for JSON": {"{}", "a.csv", "line 1: this is JSON"},
	} {
		var columns map[string]string
		if name == "columns for JSON" {
			columns = map[string]string{"sku": "x"}
		}
		_, err := loadCatalogue(strings.NewReader(c.file), c.name, columns)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", name, err, c.want)
		}
	}
}

// TestCatalogueSurvivesTheFile: whatever the separator, order of the columns
// and texts, what was written is read.
func TestCatalogueSurvivesTheFile(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		texts := rapid.StringMatching(`[a-zè"',;\t|\n ]{0,12}[a-z0-9]`)
		var want []totalgest.Product
		for i := range rapid.IntRange(0, 8).Draw(t, "products") {
			p := totalgest.Product{SKU: fmt.Sprint(i, "-", strings.TrimSpace(texts.Draw(t, "sku")))}
			p.ID, p.Name, p.Quantity = p.SKU, strings.TrimSpace(texts.Draw(t, "name")), number("3")
			if rapid.Bool().Draw(t, "priced") {
				p.Prices = euros(decimal.New(rapid.Int64Range(0, 9_999_999).Draw(t, "price"), -2).String())
			}
			want = append(want, p)
		}
		cell := map[string]func(totalgest.Product) string{
			"sku": func(p totalgest.Product) string { return p.SKU }, "name": func(p totalgest.Product) string { return p.Name },
			"menge": func(totalgest.Product) string { return "3" },
			"prix": func(p totalgest.Product) string {
				if len(p.Prices) == 0 {
					return ""
				}
				s := p.Prices[0].Amount.Or(decimal.Zero).StringFixed(2)
				return strings.ReplaceAll(s, ".", rapid.SampledFrom([]string{".", ","}).Draw(t, "point"))
			},
		}
		header := rapid.Permutation([]string{"sku", "name", "menge", "prix"}).Draw(t, "header")
		var file bytes.Buffer
		if rapid.Bool().Draw(t, "mark") {
			file.WriteString("\ufeff")
		}
		w := csv.NewWriter(&file)
		w.Comma, w.UseCRLF = rapid.SampledFrom([]rune{',', ';', '\t'}).Draw(t, "separator"), rapid.Bool().Draw(t, "CR LF")
		write := func(of func(string) string) {
			var cells []string
			for _, h := range header {
				cells = append(cells, of(h))
			}
			if err := w.Write(cells); err != nil {
				t.Fatal(err)
			}
		}
		write(func(h string) string { return h })
		for _, p := range want {
			write(func(h string) string { return cell[h](p) })
		}
		w.Flush()
		c, err := loadCatalogue(&file, "x.csv", nil)
		if err != nil || len(c.Rejected)+len(c.Warnings) > 0 {
			t.Fatalf("error %v, rejected %v, warnings %v", err, c.Rejected, c.Warnings)
		}
		sameProducts(t, want, c.Products)
	})
}

var namesLine = regexp.MustCompile(`^line \d+: `)

func FuzzLoadCatalogue(f *testing.F) {
	for _, s := range []string{"sku,name,price\nA,Tea,\"1,5\"\nB,2\" pot,3\n", "\ufeffcodice;nome;prezzo;iva\r\n1;x;1.234,50;22%\r\n",
		"{\"sku\":\"A\",\"name\":\"Tea\",\"prices\":[{\"amount\":1.5}]}\n{\"sku\":\"A\"}\n", "[{\"sku\":1},null,[]]", "sku\tname\n\"a\tb\nc\td\n", "a\"b\n\"", "\n\n\"x"} {
		f.Add([]byte(s), false)
		f.Add([]byte(s), true)
	}
	f.Fuzz(func(t *testing.T, data []byte, asJSON bool) {
		name := "x.csv"
		if asJSON {
			name = "x.json"
		}
		c, err := loadCatalogue(bytes.NewReader(data), name, nil)
		if err != nil {
			if !namesLine.MatchString(err.Error()) {
				t.Fatalf("the error names no line: %v", err)
			}
			return
		}
		ids, skus := map[string]bool{}, map[string]bool{}
		for _, p := range c.Products {
			if p.SKU == "" || p.ID == "" || ids[p.ID] || skus[p.SKU] {
				t.Fatalf("id %q, sku %q: empty or twice", p.ID, p.SKU)
			}
			ids[p.ID], skus[p.SKU] = true, true
		}
		for _, r := range append(c.Rejected, c.Warnings...) {
			if r.Kind != "product" || r.ID == "" || !namesLine.MatchString(r.Reason) {
				t.Fatalf("%+v names no record or line", r)
			}
		}
		if c.Currency == "" {
			t.Fatal("no currency")
		}
	})
}

// trialData opens a file of the folder of public data, and skips without it.
func trialData(t *testing.T, parts ...string) *os.File {
	t.Helper()
	folder := os.Getenv("TG360_TRIAL_DATA")
	if folder == "" {
		t.Skip("TG360_TRIAL_DATA names no folder of trial data")
	}
	f, err := os.Open(filepath.Join(append([]string{folder}, parts...)...))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func TestTrialMedicines(t *testing.T) {
	t.Parallel()
	columns := map[string]string{"sku": "cip7", "ean": "cip13", "name": "name", "price": "price_public"}
	c, err := loadCatalogue(trialData(t, "catalogue", "fr-medicines-2017-03.csv"), "fr.csv", columns)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(trialData(t, "catalogue", "fr-medicines-2017-03.csv")).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	price := len(rows[0]) - 3
	if rows[0][0] != "cip7" || rows[0][1] != "cip13" || rows[0][3] != "name" || rows[0][price] != "price_public" {
		t.Fatalf("another header: %v", rows[0])
	}
	unpriced, unnamed, thousands := 0, 0, 0
	for i, p := range c.Products {
		cells := rows[i+1]
		if p.SKU != cells[0] || p.EAN.Or("") != cells[1] || p.Name != strings.TrimSpace(cells[3]) {
			t.Fatalf("row %d: another product", i+1)
		}
		if p.Name == "" {
			unnamed++
		}
		digits := strings.ReplaceAll(cells[price], ",", "") // all have two decimals
		if strings.Count(cells[price], ",") > 1 {
			thousands++
		}
		if len(p.Prices) == 0 {
			unpriced++
			if digits != "" {
				t.Errorf("row %d: no price", i+1)
			}
			continue
		}
		if got := p.Prices[0].Amount.Or(decimal.Zero).StringFixed(2); strings.TrimLeft(strings.ReplaceAll(got, ".", ""), "0") != strings.TrimLeft(digits, "0") || p.Prices[0].Currency != "EUR" {
			t.Errorf("row %d: price %s", i+1, got)
		}
	}
	if len(c.Products) != 20083 || unpriced != 7262 || unnamed != 3 || thousands != 123 || len(c.Rejected)+len(c.Warnings) != 0 {
		t.Errorf("%d products, %d without a price, %d without a name, %d with a comma for thousands, %d rejected, %d warnings",
			len(c.Products), unpriced, unnamed, thousands, len(c.Rejected), len(c.Warnings))
	}
}

// TestTrialCatalogues reads the shops' sample files, whose headers nobody here
// has made.
func TestTrialCatalogues(t *testing.T) {
	t.Parallel()
	for _, file := range []struct {
		path               string
		columns            map[string]string
		products, rejected int
	}{
		{"magento/configurable_first24.csv", nil, 384, 0},
		{"magento/gear_bags.csv", nil, 14, 0},
		{"magento/gear_watches.csv", nil, 9, 0},
		{"sunrise/products.csv", map[string]string{"name": "name.en"}, 102, 0},
		{"woocommerce/sample_products.csv", nil, 24, 0},
	} {
		c, err := loadCatalogue(trialData(t, "catalogue", filepath.FromSlash(file.path)), file.path, file.columns)
		if err != nil {
			t.Errorf("%s: %v", file.path, err)
			continue
		}
		if len(c.Products) != file.products || len(c.Rejected) != file.rejected {
			t.Errorf("%s: %d products, %d rejected: %v", file.path, len(c.Products), len(c.Rejected), c.Rejected)
		}
	}
}
