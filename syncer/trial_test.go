package syncer_test

import (
	"context"
	"encoding/csv"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/tg360/tg360/framework360"
	"github.com/tg360/tg360/syncer"
	"github.com/tg360/tg360/totalgest"
)

// trial returns a file of the trial data, or skips the test.
func trial(t *testing.T, name string) string {
	t.Helper()
	dir := os.Getenv("TG360_TRIAL_DATA")
	if dir == "" {
		t.Skip("TG360_TRIAL_DATA names no folder with trial data")
	}
	b, err := os.ReadFile(filepath.Join(dir, "catalogue", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// medicines reads a register: a pack is a product.
func medicines(t *testing.T, dir string) map[string]totalgest.Product {
	t.Helper()
	names := map[string]string{}
	for line := range strings.SplitSeq(trial(t, dir+"/CIS_bdpm.tsv"), "\r\n") {
		if f := strings.Split(line, "\t"); len(f) > 1 {
			names[f[0]] = f[1]
		}
	}
	out := map[string]totalgest.Product{}
	for line := range strings.SplitSeq(trial(t, dir+"/CIS_CIP_bdpm.tsv"), "\n") {
		f := strings.Split(line, "\t")
		if len(f) < 11 {
			continue
		}
		p := totalgest.Product{ID: f[1], SKU: f[1], EAN: totalgest.Some(f[6]), Name: strings.TrimSpace(names[f[0]] + " " + f[2]),
			Active: totalgest.Some(strings.HasPrefix(f[4], "Déclaration de"))}
		if price := f[10]; price != "" { // a comma for thousands, and one for the decimals
			whole, cents := price[:len(price)-3], price[len(price)-2:]
			p.Prices = []totalgest.Price{{Currency: "EUR", IncludesTax: totalgest.Some(true), Amount: totalgest.Some(dec(strings.ReplaceAll(whole, ",", "") + "." + cents))}}
		}
		out[p.ID] = p
	}
	return out
}

// face is what of a medicine can be seen in the shop.
func face(p totalgest.Product) string {
	price := "none"
	if len(p.Prices) > 0 {
		price = p.Prices[0].Amount.Or(decimal.Zero).String()
	}
	return fmt.Sprint(p.Name, "|", p.EAN.Or(""), "|", price, "|", p.Active.Or(false))
}

// TestMedicines takes a register through half a year: what changed is written,
// and nothing else.
func TestMedicines(t *testing.T) {
	t.Parallel()
	before, after := medicines(t, "fr-bdpm-2016-10"), medicines(t, "fr-bdpm-2017-03")
	bubble(t, setup{adjust: func(c *syncer.Connection) { c.Brakes.Price = -1 }}, func(ctx context.Context, r *rig) {
		r.erp.SetProducts(slices.Collect(maps.Values(before)))
		if run := r.cycle(ctx); run.Created != len(before) || run.Rejected != 0 {
			t.Fatalf("import of %d: %+v", len(before), run)
		}
		seen := map[string]bool{}
		for _, w := range r.shop.WriteLog() {
			seen[w.SKU] = true
		}
		start, want := len(r.shop.WriteLog()), map[string]int{}
		pause(24 * time.Hour)
		for id, p := range after {
			was, known := before[id]
			gone := known && was.Prices != nil && p.Prices == nil // a price that TotalGest no longer says is left alone
			if gone {
				was.Prices = nil
			}
			switch {
			case !known:
				want["created"]++
			case face(was) != face(p):
				want["updated"]++
			default:
				want["unchanged"]++
			}
			r.erp.PutProduct(p)
		}
		for id := range before {
			if _, ok := after[id]; !ok {
				r.erp.DropProduct(id)
				if before[id].Active.Or(false) {
					want["hidden"]++
				}
			}
		}
		run := r.cycle(ctx)
		t.Logf("read %d: %v; run: created %d, updated %d, unchanged %d, missing %d, writes %d", run.Read, want, run.Created, run.Updated, run.Unchanged, run.Missing, run.Writes)
		written := map[string]bool{}
		for _, w := range r.shop.WriteLog()[start:] {
			if written[w.SKU] {
				t.Errorf("%s was written twice", w.SKU)
			}
			written[w.SKU] = true
		}
		if run.Created != want["created"] || run.Writes != want["created"]+want["updated"]+want["hidden"] || run.Missing != len(before)+want["created"]-len(after) {
			t.Errorf("want %v, got %+v", want, run)
		}
		for id, p := range after {
			got, _ := r.shop.Product(p.SKU)
			if p.Prices == nil {
				got.Price = framework360.Opt[decimal.Decimal]{}
			}
			if face(p) != shopFace(got) {
				t.Fatalf("%s: %s, want %s", id, shopFace(got), face(p))
			}
		}
		pause(5 * time.Minute)
		if run := r.cycle(ctx); run.Writes != 0 {
			t.Errorf("written again: %+v", run)
		}
	})
}

func shopFace(p framework360.Product) string {
	price := "none"
	if d, ok := p.Price.Get(); ok {
		price = d.String()
	}
	return fmt.Sprint(p.Name.Or(""), "|", p.EAN.Or(""), "|", price, "|", p.Active.Or(false))
}

// rows reads a CSV file with a header.
func rows(t *testing.T, name string) []map[string]string {
	t.Helper()
	r := csv.NewReader(strings.NewReader(trial(t, name)))
	r.FieldsPerRecord, r.LazyQuotes = -1, true
	all, err := r.ReadAll()
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	var out []map[string]string
	for _, rec := range all[1:] {
		m := map[string]string{}
		for i, v := range rec {
			m[all[0][i]] = v
		}
		out = append(out, m)
	}
	return out
}

// goods is a product of TotalGest, as a shop's own export describes it.
func goods(sku, parent, name, html, price, quantity, category, images string, options map[string]string) totalgest.Product {
	p := totalgest.Product{ID: sku, SKU: sku, Name: strings.TrimSpace(name), VATRate: totalgest.Some(dec("22")), Options: options}
	if html != "" {
		p.Description = totalgest.Some(html)
	}
	if category != "" {
		p.Category = totalgest.Some(category)
	}
	if images != "" {
		p.Images = strings.Split(images, ", ")
	}
	if parent != "" {
		p.ParentID = totalgest.Some(parent)
	}
	if price != "" {
		p.Prices = []totalgest.Price{{Currency: "EUR", Amount: totalgest.Some(dec(price)), IncludesTax: totalgest.Some(true)}}
	}
	if quantity != "" {
		p.Quantity = totalgest.Some(dec(quantity))
	}
	return p
}

func magento(t *testing.T) []totalgest.Product {
	t.Helper()
	parents, options := map[string]string{}, map[string]map[string]string{}
	all := rows(t, "magento/configurable_first24.csv")
	for _, r := range all {
		for _, v := range strings.Split(r["configurable_variations"], "|") {
			o := map[string]string{}
			for _, pair := range strings.Split(v, ",") {
				k, val, _ := strings.Cut(pair, "=")
				o[k] = val
			}
			if sku := o["sku"]; sku != "" {
				delete(o, "sku")
				parents[sku], options[sku] = r["sku"], o
			}
		}
	}
	var out []totalgest.Product
	for _, r := range all {
		out = append(out, goods(r["sku"], parents[r["sku"]], r["name"], r["description"], r["price"], r["qty"], r["categories"], r["base_image"], options[r["sku"]]))
	}
	return out
}

func sunrise(t *testing.T) []totalgest.Product {
	t.Helper()
	stock := map[string]string{}
	for _, r := range rows(t, "sunrise/inventory.csv") {
		stock[r["sku"]] = r["quantityOnStock"]
	}
	var out []totalgest.Product
	var parent, name, html string
	for _, r := range rows(t, "sunrise/products.csv") {
		if r["productType"] != "" {
			parent, name, html = r["sku"]+"-P", r["name.it"], r["description.it"]
			if name == "" {
				name = r["name.en"]
			}
			out = append(out, goods(parent, "", name, html, "", "", r["categories"], "", nil))
		}
		p := goods(r["sku"], parent, name, "", "", stock[r["sku"]], "", r["images"], map[string]string{"size": r["size"], "color": r["color"]})
		for _, text := range strings.Split(r["prices"], ";") { // IT-EUR 15000, EUR 12295 b2b, cents
			where, rest, _ := strings.Cut(text, " ")
			cents, group, _ := strings.Cut(rest, " ")
			country, currency, ok := strings.Cut(where, "-")
			if !ok {
				country, currency = "", where
			}
			cents, channel, _ := strings.Cut(cents, "#")
			list := strings.Trim(country+" "+group+channel, " ")
			amount := dec(cents).Div(dec("100"))
			p.Prices = append(p.Prices, totalgest.Price{List: list, Currency: currency, Amount: totalgest.Some(amount), IncludesTax: totalgest.Some(true)})
		}
		out = append(out, p)
	}
	return out
}

func woocommerce(t *testing.T) []totalgest.Product {
	t.Helper()
	var out []totalgest.Product
	for _, r := range rows(t, "woocommerce/sample_products.csv") {
		options := map[string]string{}
		if r["Parent"] != "" {
			options[r["Attribute 1 name"]] = r["Attribute 1 value(s)"]
		}
		p := goods(r["SKU"], r["Parent"], r["Name"], r["Description"], r["Regular price"], r["Stock"], r["Categories"], r["Images"], options)
		if sale := r["Sale price"]; sale != "" {
			p.Prices = append(p.Prices, totalgest.Price{List: "sale", Currency: "EUR", Amount: totalgest.Some(dec(sale)), IncludesTax: totalgest.Some(true)})
		}
		out = append(out, p)
	}
	return out
}

// TestShopCatalogues brings catalogues with variants across, children before
// parents and all, and looks at each product of the shop.
func TestShopCatalogues(t *testing.T) {
	t.Parallel()
	for name, load := range map[string]func(*testing.T) []totalgest.Product{"magento": magento, "sunrise": sunrise, "woocommerce": woocommerce} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			list := load(t)
			adjust := func(c *syncer.Connection) {
				c.SaleList = "sale"
				if name == "sunrise" {
					c.PriceList = "IT"
				}
			}
			bubble(t, setup{adjust: adjust}, func(ctx context.Context, r *rig) {
				r.erp.SetProducts(list)
				r.work(ctx)
				run := r.cycle(ctx)
				r.until(time.Hour, "all are in the shop", func() bool { return len(r.shop.Products()) == len(list) })
				t.Logf("%d products, %d of them variants; first run %+v", len(list), variants(list), run)
				for _, p := range list {
					checkProduct(t, r, p)
				}
				writes := r.shop.Writes()
				pause(24 * time.Hour)
				if run := r.cycle(ctx); r.shop.Writes() != writes || run.Unchanged != len(list) {
					t.Errorf("written again: %+v", run)
				}
			})
		})
	}
}

func variants(list []totalgest.Product) (n int) {
	for i := range list {
		if list[i].ParentID.Or("") != "" {
			n++
		}
	}
	return n
}

func checkProduct(t *testing.T, r *rig, p totalgest.Product) {
	t.Helper()
	got, ok := r.shop.Product(p.SKU)
	parent := framework360.Product{}
	if id := p.ParentID.Or(""); id != "" {
		parent, _ = r.shop.Product(id)
	}
	switch {
	case !ok || got.Name.Or("") != p.Name || got.Description.Or("") != p.Description.Or(""):
		t.Errorf("%s: in the shop %v as %q", p.SKU, ok, got.Name.Or(""))
	case got.ParentID.Or("") != parent.ID || !maps.Equal(got.Options, p.Options):
		t.Errorf("%s: parent %q, options %v, want %q, %v", p.SKU, got.ParentID.Or(""), got.Options, parent.ID, p.Options)
	case !slices.Equal(got.Images, p.Images) || got.Category.Or("") != p.Category.Or(""):
		t.Errorf("%s: images %q, category %q", p.SKU, got.Images, got.Category.Or(""))
	case !got.Quantity.Or(dec("-1")).Equal(decimal.Max(decimal.Zero, p.Quantity.Or(dec("0")))) && p.Quantity.IsSet():
		t.Errorf("%s: quantity %v, want %v", p.SKU, got.Quantity, p.Quantity)
	}
	for _, price := range p.Prices {
		is := got.Price
		if price.List == "sale" {
			is = got.SalePrice
		}
		if want := price.Amount.Or(decimal.Zero); (price.List == "" && len(p.Prices) < 3 || price.List == "sale" || price.List == "IT") && !is.Or(dec("-1")).Equal(want) {
			t.Errorf("%s: %s price %v, want %s", p.SKU, price.List, is, want)
		}
	}
}

// TestPlanOverAnEditedShop: a shop that has the catalogue, partly edited.
func TestPlanOverAnEditedShop(t *testing.T) {
	t.Parallel()
	list := magento(t)
	bubble(t, setup{}, func(ctx context.Context, r *rig) {
		want := map[string]int{}
		for i, p := range list {
			if p.ParentID.Or("") != "" {
				continue // the shop has no variants yet
			}
			q := framework360.Product{SKU: framework360.Some(p.SKU), Name: framework360.Some(p.Name), Description: p.Description,
				Category: p.Category, Images: p.Images, Active: framework360.Some(true)}
			if i%2 == 0 {
				q.Name = framework360.Some(p.Name + " (offerta)")
			}
			r.shop.PutProduct(q)
			want[syncer.PlanLink]++
		}
		want[syncer.PlanCreate] = variants(list)
		r.erp.SetProducts(list)
		_, sum := r.plan(ctx)
		if sum.Actions[syncer.PlanLink] != want[syncer.PlanLink] || sum.Actions[syncer.PlanCreate] != want[syncer.PlanCreate] || sum.Actions[syncer.PlanReview] != 0 || r.shop.Writes() != 0 {
			t.Errorf("plan %+v, want %v", sum, want)
		}
		r.work(ctx)
		run := r.cycle(ctx)
		if run.Writes != sum.Writes || run.Linked != want[syncer.PlanLink] || run.Created != want[syncer.PlanCreate] {
			t.Errorf("planned %+v, done %+v", sum, run)
		}
	})
}
