package syncer_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/tg360/tg360/framework360"
	"github.com/tg360/tg360/syncer"
	"github.com/tg360/tg360/totalgest"
)

// plan returns what a plan says, as "id action fields".
func (r *rig) plan(ctx context.Context) ([]string, syncer.PlanSummary) {
	r.t.Helper()
	var out []string
	sum, err := r.sync.Plan(ctx, connection, func(i syncer.PlanItem) error {
		line := i.ID + " " + i.Action
		for _, f := range i.Fields {
			line += " " + f.Field
			if f.New != "" {
				line += ":" + f.Old + ">" + f.New
			}
		}
		if i.Code != "" {
			line += " " + i.Code
		}
		out = append(out, line)
		return nil
	})
	if err != nil {
		r.t.Fatalf("Plan: %v", err)
	}
	slices.Sort(out)
	return out, sum
}

// existing fills the shop with products that were there before the sync, and
// returns their ids by name.
func existing(r *rig) map[string]string {
	ids := map[string]string{}
	put := func(name, sku, ean, price string) {
		p := framework360.Product{Name: framework360.Some(name), VATRate: framework360.Some(dec("22"))}
		if sku != "" {
			p.SKU = framework360.Some(sku)
		}
		if ean != "" {
			p.EAN = framework360.Some(ean)
		}
		if price != "" {
			p.Price = framework360.Some(dec(price))
		}
		ids[name] = r.shop.PutProduct(p)
	}
	put("Articolo 1", "SKU-1", "", "12.20")    // the same, but for its stock
	put("Vecchio 2", "SKU-2", "", "9.90")      // another name and price
	put("Per EAN", "alt-3", "00012345670", "") // by GTIN, in another spelling
	put("EAN doppio a", "alt-4a", "4006381333931", "")
	put("EAN doppio b", "alt-4b", "4006381333931", "")
	put("SKU doppio a", "SKU-5", "", "")
	put("SKU doppio b", "SKU-5", "", "")
	put("Quasi", "sku-6", "", "") // exact means exact
	put("Solo qui", "SOLO", "", "")
	return ids
}

func existingProducts() []totalgest.Product {
	list := products(8)
	list[2].EAN = totalgest.Some("12345670")
	list[3].EAN = totalgest.Some("4006381333931")
	list[6].EAN, list[7].EAN = totalgest.Some("8001234567897"), totalgest.Some("8001234567897") // twice in TotalGest
	return list
}

func TestFirstSyncOverAnExistingShop(t *testing.T) {
	t.Parallel()
	bubble(t, setup{}, func(ctx context.Context, r *rig) {
		ids := existing(r)
		r.shop.PutProduct(framework360.Product{Name: framework360.Some("EAN di due"), EAN: framework360.Some("8001234567897")})
		r.erp.SetProducts(existingProducts())
		got, sum := r.plan(ctx)
		want := []string{
			"1 link tax_id quantity:>10",
			"2 link name price:9.9>12.2 tax_id quantity:>10",
			"3 link sku ean name price:>12.2 tax_id quantity:>10",
			"4 review TG-PRD-017",
			"5 review TG-PRD-006",
			"6 create",
			"7 review TG-PRD-017",
			"8 review TG-PRD-017",
		}
		for i := range got { // the shop shows an absent tax in several ways, and active is not listed before
			got[i] = strings.Replace(got[i], " active:>1", "", 1)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("plan (-want +got):\n%s", diff)
		}
		if r.shop.Writes() != 0 || sum.Actions[syncer.PlanLink] != 3 || sum.Actions[syncer.PlanReview] != 4 || sum.Writes != 4 {
			t.Errorf("%d writes; %+v", r.shop.Writes(), sum)
		}
		if again, second := r.plan(ctx); second.Digest != sum.Digest || len(again) != len(got) {
			t.Error("the same plan has another digest")
		}
		r.erp.UpdateProduct("6", func(p *totalgest.Product) { p.Name = "Altro" })
		if _, third := r.plan(ctx); third.Digest == sum.Digest {
			t.Error("another plan has the same digest")
		}
		run := r.cycle(ctx)
		if run.Linked != 3 || run.Created != 1 || run.Rejected != 4 || r.shop.Writes() != 4 {
			t.Errorf("%+v, %d writes", run, r.shop.Writes())
		}
		for id, name := range map[string]string{"1": "Articolo 1", "2": "Vecchio 2", "3": "Per EAN"} {
			if l := r.status(ctx, syncer.KindProduct, id); l.PeerID != ids[name] || l.State != syncer.Synced {
				t.Errorf("product %s: %+v", id, l)
			}
		}
		if l := r.status(ctx, syncer.KindProduct, "4"); !strings.Contains(l.Message, ids["EAN doppio a"]) || !strings.Contains(l.Message, ids["EAN doppio b"]) {
			t.Errorf("it does not say which: %s", l.Message)
		}
		if p, _ := r.shop.Product("SOLO"); p.Price.IsSet() {
			t.Errorf("what TotalGest does not have was changed: %+v", p)
		}
		after, _ := r.plan(ctx)
		if diff := cmp.Diff([]string{"4 review TG-PRD-017", "5 review TG-PRD-006", "7 review TG-PRD-017", "8 review TG-PRD-017"}, after); diff != "" {
			t.Errorf("plan after it (-want +got):\n%s", diff)
		}
	})
}

func TestPlanSaysWhatWouldVanish(t *testing.T) {
	t.Parallel()
	bubble(t, setup{}, func(ctx context.Context, r *rig) {
		r.erp.SetProducts(products(60))
		r.cycle(ctx)
		r.erp.DropProduct("1")
		r.erp.DeleteProduct("2")
		r.erp.SetStock("3", dec("0"), false)
		r.erp.UpdateProduct("4", func(p *totalgest.Product) { p.Prices[0].Amount = totalgest.Some(dec("13")) })
		r.erp.UpdateProduct("5", func(p *totalgest.Product) { p.Prices[0].Amount = totalgest.Some(dec("130")) })
		writes := r.shop.Writes()
		got, sum := r.plan(ctx)
		want := []string{"1 hide active:1>0", "2 hide active:1>0", "3 zero quantity:10>0", "4 update price:12.2>13", "5 review TG-PRD-013"}
		if diff := cmp.Diff(want, got); diff != "" || len(sum.Brakes) != 0 || sum.Actions[syncer.PlanUnchanged] != 55 {
			t.Errorf("plan (-want +got):\n%s\n%+v", diff, sum)
		}
		for i := range 30 {
			r.erp.DeleteProduct(fmt.Sprint(10 + i))
		}
		if _, sum := r.plan(ctx); len(sum.Brakes) != 1 || !strings.Contains(sum.Brakes[0], "TG-CON-003") {
			t.Errorf("brakes: %q", sum.Brakes)
		}
		if r.shop.Writes() != writes {
			t.Error("a plan wrote")
		}
		errStop := errors.New("enough")
		if _, err := r.sync.Plan(ctx, connection, func(syncer.PlanItem) error { return errStop }); !errors.Is(err, errStop) {
			t.Errorf("%v", err)
		}
		pause(24 * time.Hour) // and it left nothing behind
		if _, err := r.sync.SyncProducts(ctx, connection); !errors.Is(err, syncer.ErrBrake) {
			t.Errorf("%v", err)
		}
	})
}

func TestVariants(t *testing.T) {
	t.Parallel()
	bubble(t, setup{}, func(ctx context.Context, r *rig) {
		list := products(5)
		for i, parent := range []string{"3", "3", "", "5", ""} { // children come before their parents
			if parent != "" {
				list[i].ParentID, list[i].Options = totalgest.Some(parent), map[string]string{"taglia": fmt.Sprint(i)}
			}
		}
		list[4].VATRate = totalgest.Some(dec("22"))
		late := list[4]
		r.erp.SetProducts(list[:4])
		if run := r.cycle(ctx); run.Created != 3 || run.Failed != 1 {
			t.Fatalf("%+v", run)
		}
		parent, _ := r.shop.Product("SKU-3")
		for _, sku := range []string{"SKU-1", "SKU-2"} {
			if p, _ := r.shop.Product(sku); p.ParentID.Or("") != parent.ID || p.Options["taglia"] == "" {
				t.Errorf("%s: parent %q, options %v", sku, p.ParentID.Or(""), p.Options)
			}
		}
		if l := r.status(ctx, syncer.KindProduct, "4"); l.State != syncer.Retrying || l.Code != "TG-PRD-014" {
			t.Errorf("a variant without its parent: %+v", l)
		}
		r.work(ctx)
		r.erp.PutProduct(late)
		pause(time.Minute)
		r.cycle(ctx)
		r.until(time.Hour, "the variant follows its parent", func() bool {
			five, _ := r.shop.Product("SKU-5")
			four, _ := r.shop.Product("SKU-4")
			return five.ID != "" && four.ParentID.Or("") == five.ID
		})
		writes := r.shop.Writes()
		pause(24 * time.Hour)
		if r.cycle(ctx); r.shop.Writes() != writes {
			t.Error("written again")
		}
	})
}

func TestRichProducts(t *testing.T) {
	t.Parallel()
	bubble(t, setup{adjust: func(c *syncer.Connection) {
		c.PriceList, c.SaleList = "listino", "offerta"
		c.Categories = map[string]string{"Casa/Cucina": "cucina"}
		c.Clean = func(s string) string { return strings.ReplaceAll(s, "<script>x</script>", "") }
		c.Warehouses = []string{"Bari", "Zürich"}
	}}, func(ctx context.Context, r *rig) {
		p := products(1)[0]
		price := func(list, currency, amount string) totalgest.Price {
			return totalgest.Price{List: list, Currency: currency, Amount: totalgest.Some(dec(amount)), IncludesTax: totalgest.Some(true)}
		}
		offer := price("offerta", "EUR", "9.90")
		offer.From, offer.Until = time.Now().Add(time.Hour), time.Now().Add(25*time.Hour)
		p.Prices = []totalgest.Price{offer, price("ingrosso", "EUR", "5"), price("listino", "CHF", "99"), price("listino", "EUR", "12.20")}
		p.Description, p.Category = totalgest.Some("<p>Moka<script>x</script></p>"), totalgest.Some("Casa/Cucina")
		p.Images = []string{"https://img.example.com/a.jpg?v=1"}
		w := func(name, q string) totalgest.Warehouse {
			return totalgest.Warehouse{Name: name, Quantity: totalgest.Some(dec(q))}
		}
		p.Warehouses = []totalgest.Warehouse{w("Bari", "3"), w("Roma", "100"), w("Zürich", "4.5")}
		r.erp.SetProducts([]totalgest.Product{p})
		r.cycle(ctx)
		got, _ := r.shop.Product(p.SKU)
		if got.Price.Or(dec("0")).String() != "12.2" || got.SalePrice.IsSet() || got.Category.Or("") != "cucina" ||
			got.Description.Or("") != "<p>Moka</p>" || got.Quantity.Or(dec("0")).String() != "7.5" {
			t.Errorf("%+v", got)
		}
		sale := func(wait time.Duration, want string) {
			t.Helper()
			pause(wait)
			r.erp.UpdateProduct(p.ID, func(*totalgest.Product) {})
			r.cycle(ctx)
			got, _ := r.shop.Product(p.SKU)
			if s := got.SalePrice.Or(dec("0")).String(); s != want {
				t.Errorf("promotional price %s, want %s", s, want)
			}
		}
		sale(2*time.Hour, "9.9")
		sale(25*time.Hour, "0")
		writes := r.shop.Writes()
		r.erp.UpdateProduct(p.ID, func(p *totalgest.Product) { p.Images[0] = "https://img.example.com/a.jpg?v=2" })
		pause(time.Hour)
		if r.cycle(ctx); r.shop.Writes() != writes {
			t.Error("the same picture was written again")
		}
		r.erp.UpdateProduct(p.ID, func(p *totalgest.Product) { p.Category = totalgest.Some("Giardino") })
		pause(time.Hour)
		r.cycle(ctx)
		if l := r.status(ctx, syncer.KindProduct, p.ID); !slices.Contains(l.Warnings, "TG-PRD-015") {
			t.Errorf("warnings %v", l.Warnings)
		}
	})
}
