package syncer_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/tg360/tg360/framework360"
	"github.com/tg360/tg360/framework360/framework360test"
	"github.com/tg360/tg360/syncer"
	"github.com/tg360/tg360/totalgest"
	"github.com/tg360/tg360/totalgest/totalgesttest"
)

// numbered is a TotalGest whose lists have pages by number.
const numbered = `{"paging":{"kind":"page","first_page":1,"size":100},"operations":{
	"products.list":{"params":{"updated_since":"updated_since","limit":"limit","page":"page"}},
	"stock.list":{"params":{"limit":"limit","page":"page"},"size":100}}}`

func TestWalkOverAListThatMoves(t *testing.T) {
	t.Parallel()
	bubble(t, setup{erp: totalgesttest.Options{Profile: []byte(numbered)}}, func(ctx context.Context, r *rig) {
		r.erp.SetProducts(products(450))
		requests := 0
		r.erp.OnRequest(func(op string) {
			// What was read already moves back by one: 101 slips from page 2 to page 1.
			if requests++; op == "products.list" && requests == 2 {
				r.erp.DropProduct("1")
			}
		})
		run := r.cycle(ctx)
		if run.Passes != 3 || !run.Complete || len(r.shop.Products()) != 450 || run.Digest == "" {
			t.Errorf("%d passes, complete %v, %d products", run.Passes, run.Complete, len(r.shop.Products()))
		}
		pause(24 * time.Hour)
		if run := r.cycle(ctx); run.Passes != 1 || run.Read != 449 || !run.Complete {
			t.Errorf("a list that stood still: %+v", run)
		}
	})
}

// TestMutatingCatalogue changes the catalogue all the time while it is read.
func TestMutatingCatalogue(t *testing.T) {
	t.Parallel()
	for _, profile := range []string{"{}", numbered} {
		t.Run(map[bool]string{true: "pages", false: "cursor"}[profile == numbered], func(t *testing.T) {
			t.Parallel()
			seed := rand.Uint64()
			t.Logf("seed %d", seed)
			bubble(t, setup{erp: totalgesttest.Options{Profile: []byte(profile)}, adjust: func(c *syncer.Connection) { c.Brakes.Vanish = -1 }}, func(ctx context.Context, r *rig) {
				mutate(ctx, t, r, rand.New(rand.NewPCG(seed, 1)))
			})
		})
	}
}

func mutate(ctx context.Context, t *testing.T, r *rig, rng *rand.Rand) {
	size := min(3000, modelSteps/10) // fewer under the race detector
	if n, err := strconv.Atoi(os.Getenv("TG360_CATALOGUE")); err == nil {
		size = n // such as 100,000
	}
	r.erp.SetProducts(products(size))
	removed, last, quiet := map[string]bool{}, size, false
	r.erp.OnRequest(func(op string) {
		if op != "products.list" || quiet {
			return
		}
		for range 3 {
			id := fmt.Sprint(1 + rng.IntN(last))
			switch rng.IntN(4) {
			case 0:
				r.erp.UpdateProduct(id, func(p *totalgest.Product) { p.Name = fmt.Sprintf("Nome %d", rng.IntN(1e9)) })
			case 1:
				r.erp.SetStock(id, dec(fmt.Sprint(1+rng.IntN(50))), rng.IntN(2) == 0)
			case 2:
				last++
				p := products(1)[0]
				p.ID, p.SKU = fmt.Sprint(last), fmt.Sprintf("SKU-%d", last)
				r.erp.PutProduct(p)
			case 3:
				removed["SKU-"+id] = r.erp.DropProduct(id) || removed["SKU-"+id]
			}
		}
	})
	cycle := func(wait time.Duration) {
		pause(wait)
		if run, err := r.sync.SyncProducts(ctx, connection); err == nil != run.Complete {
			t.Errorf("complete %v, %v", run.Complete, err)
		}
	}
	cycle(0)
	for range 6 {
		cycle(5 * time.Minute)
		cycle(24 * time.Hour)
	}
	quiet = true
	cycle(5 * time.Minute)
	cycle(24 * time.Hour)
	shop := map[string]framework360.Product{}
	for _, p := range r.shop.Products() {
		shop[p.SKU.Or("")] = p
	}
	for _, p := range r.erp.Products() {
		got, ok := shop[p.SKU]
		if !ok || got.Name.Or("") != p.Name || !got.Active.Or(false) {
			t.Errorf("%s: in the shop %v, name %q, active %v", p.SKU, ok, got.Name.Or(""), got.Active)
		}
		if q := got.Quantity.Or(dec("-1")); !q.Equal(p.Quantity.Or(dec("-1"))) {
			t.Errorf("%s: quantity %s, want %s", p.SKU, q, p.Quantity.Or(dec("-1")))
		}
		delete(shop, p.SKU)
	}
	for sku, p := range shop {
		if !removed[sku] || p.Active.Or(true) {
			t.Errorf("%s: removed %v, active %v", sku, removed[sku], p.Active)
		}
	}
}

func TestTruncatedWalkIsNeverComplete(t *testing.T) {
	t.Parallel()
	bubble(t, setup{}, func(ctx context.Context, r *rig) {
		r.erp.SetProducts(products(1500))
		r.cycle(ctx)
		pause(24 * time.Hour)
		requests := 0
		r.erp.OnRequest(func(op string) {
			if requests++; requests == 2 {
				r.erp.Faults(totalgesttest.Fault{Kind: totalgesttest.HTML200})
			}
		})
		run, err := r.sync.SyncProducts(ctx, connection)
		if err == nil || run.Complete || run.Resume == "" || run.Missing != 0 {
			t.Fatalf("%v, %+v", err, run)
		}
		r.erp.OnRequest(nil)
		r.erp.Faults()
		pause(5 * time.Minute)
		if run = r.cycle(ctx); run.Read != 1000 || run.Missing != 0 || !run.Complete {
			t.Errorf("it did not go on where it was: %+v", run)
		}
		if n := hidden(r); n != 0 {
			t.Errorf("%d products were hidden", n)
		}
	})
}

func hidden(r *rig) (n int) {
	for _, p := range r.shop.Products() {
		if !p.Active.Or(true) {
			n++
		}
	}
	return n
}

// TestCursorThatExpired: the walk begins anew, and nothing is lost.
func TestCursorThatExpired(t *testing.T) {
	t.Parallel()
	bubble(t, setup{}, func(ctx context.Context, r *rig) {
		r.erp.SetProducts(products(1200))
		requests := 0
		r.erp.OnRequest(func(string) {
			if requests++; requests == 2 {
				r.erp.Faults(totalgesttest.Fault{Kind: totalgesttest.HTML200})
			}
		})
		if _, err := r.sync.SyncProducts(ctx, connection); err == nil {
			t.Fatal("no error")
		}
		r.erp.OnRequest(nil)
		r.erp.Faults(totalgesttest.Fault{Kind: totalgesttest.OK200Error, Operation: "products.list", Times: 1, Share: 1,
			Body: `{"error":{"code":"cursor","message":"the cursor has expired"}}`})
		if run := r.cycle(ctx); run.Read != 1200 || len(r.shop.Products()) != 1200 || r.shop.Duplicates() != 0 {
			t.Errorf("%+v", run)
		}
	})
}

func TestRemoval(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name     string
		removal  syncer.Removal
		active   bool
		quantity string
	}{{"hide", syncer.RemoveHide, false, "10"}, {"zero", syncer.RemoveZero, true, "0"}, {"leave", syncer.RemoveLeave, true, "10"}} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			bubble(t, setup{adjust: func(c *syncer.Connection) { c.Removed = tc.removal }}, func(ctx context.Context, r *rig) {
				r.erp.SetProducts(products(20))
				r.cycle(ctx)
				gone, _ := r.erp.Product("7")
				r.erp.DropProduct("7")
				r.erp.DeleteProduct("8")
				pause(5 * time.Minute)
				if run := r.cycle(ctx); run.Missing != 0 { // a look at changes shows nothing of what is gone
					t.Errorf("%+v", run)
				}
				if p, _ := r.shop.Product("SKU-7"); !p.Active.Or(false) || p.Quantity.Or(dec("0")).String() != "10" {
					t.Errorf("absence from a list of changes did this: %+v", p)
				}
				for range 2 { // the second time there is nothing to do
					pause(24 * time.Hour)
					r.cycle(ctx)
				}
				for _, sku := range []string{"SKU-7", "SKU-8"} {
					p, _ := r.shop.Product(sku)
					if p.Active.Or(true) != tc.active || p.Quantity.Or(dec("1")).String() != tc.quantity {
						t.Errorf("%s: active %v, quantity %v", sku, p.Active, p.Quantity)
					}
				}
				if l := r.status(ctx, syncer.KindProduct, "7"); l.Code != "TG-PRD-012" || l.State != syncer.Synced {
					t.Errorf("link: %+v", l)
				}
				if n := r.erp.Requests()["products.get"]; n != 2 { // one to see that it is answered at all
					t.Errorf("%d products asked for", n)
				}
				r.erp.PutProduct(gone)
				pause(5 * time.Minute)
				r.cycle(ctx)
				if p, _ := r.shop.Product("SKU-7"); !p.Active.Or(false) || p.Quantity.Or(dec("0")).String() != "10" {
					t.Errorf("it came back as %+v", p)
				}
				if l := r.status(ctx, syncer.KindProduct, "7"); l.Code != "" {
					t.Errorf("link: %+v", l)
				}
			})
		})
	}
}

// TestListThatLacksWhatIsThere: a product that is not listed is asked for.
func TestListThatLacksWhatIsThere(t *testing.T) {
	t.Parallel()
	bubble(t, setup{}, func(ctx context.Context, r *rig) {
		r.erp.SetProducts(products(30))
		r.cycle(ctx)
		r.erp.SetUnlisted("4")
		pause(24 * time.Hour)
		if run := r.cycle(ctx); run.Missing != 1 || !run.Complete || hidden(r) != 0 {
			t.Errorf("%+v, %d hidden", run, hidden(r))
		}
		// Nor is a TotalGest believed that finds nothing by its id.
		r.erp.Faults(totalgesttest.Fault{Kind: totalgesttest.OK200Error, Operation: "products.get", Share: 1, Body: `{"error":{"code":"404"}}`})
		pause(24 * time.Hour)
		if run, err := r.sync.SyncProducts(ctx, connection); err == nil || run.Complete || hidden(r) != 0 {
			t.Errorf("%v, %+v, %d hidden", err, run, hidden(r))
		}
	})
}

func TestBrakes(t *testing.T) {
	t.Parallel()
	drop := func(r *rig) {
		for i := range 30 {
			r.erp.DropProduct(fmt.Sprint(1 + i))
		}
	}
	remove := func(r *rig) {
		for i := range 30 {
			r.erp.DeleteProduct(fmt.Sprint(1 + i))
		}
	}
	empty := func(r *rig) {
		for i := range 30 {
			r.erp.SetStock(fmt.Sprint(1+i), dec("0"), i%2 == 0)
		}
	}
	off := func(r *rig) {
		for i := range 30 {
			r.erp.UpdateProduct(fmt.Sprint(1+i), func(p *totalgest.Product) { p.Active = totalgest.Some(false) })
		}
	}
	for name, accident := range map[string]func(*rig){"gone from the list": drop, "deleted": remove, "without stock": empty, "inactive": off} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bubble(t, setup{}, func(ctx context.Context, r *rig) {
				r.erp.SetProducts(products(100))
				r.cycle(ctx)
				writes := r.shop.Writes()
				accident(r)
				r.erp.UpdateProduct("50", func(p *totalgest.Product) { p.Name = "Nuovo" })
				pause(24 * time.Hour)
				run, err := r.sync.SyncProducts(ctx, connection)
				if !errors.Is(err, syncer.ErrBrake) || run.Complete || !strings.Contains(run.Reason, "30 of 100") {
					t.Fatalf("%v, %+v", err, run)
				}
				if n := r.shop.Writes() - writes; n != 1 { // what has nothing to do with it goes on
					t.Errorf("%d writes", n)
				}
				if err := r.sync.ReleaseBrake(ctx, connection); err != nil {
					t.Fatal(err)
				}
				pause(24 * time.Hour)
				r.cycle(ctx)
				changed := 0
				for _, p := range r.shop.Products() {
					if !p.Active.Or(true) || p.Quantity.Or(dec("1")).IsZero() {
						changed++
					}
				}
				if changed != 30 {
					t.Errorf("after its release %d products were changed", changed)
				}
			})
		})
	}
}

func TestPriceThatJumps(t *testing.T) {
	t.Parallel()
	bubble(t, setup{}, func(ctx context.Context, r *rig) {
		r.erp.SetProducts(products(4))
		r.cycle(ctx)
		price := func(id, amount string) {
			r.erp.UpdateProduct(id, func(p *totalgest.Product) { p.Prices[0].Amount = totalgest.Some(dec(amount)) })
		}
		price("1", "1.22")
		price("2", "122")
		price("3", "36.60") // three times as much may be
		pause(5 * time.Minute)
		if run := r.cycle(ctx); run.Rejected != 2 || run.Updated != 1 {
			t.Fatalf("%+v", run)
		}
		if l := r.status(ctx, syncer.KindProduct, "1"); l.State != syncer.Blocked || l.Code != "TG-PRD-013" || !strings.Contains(l.Message, "from 12.2 to 1.22") {
			t.Errorf("%+v", l)
		}
		r.work(ctx)
		r.shop.PutOrder(order("501")) // of SKU-1 and SKU-2: TotalGest has them all the same
		r.poll(ctx)
		if counts := r.settled(ctx, time.Minute); counts[syncer.Synced] != 1 {
			t.Errorf("orders: %v", counts)
		}
		price("2", "12.20")
		pause(5 * time.Minute)
		r.cycle(ctx)
		if l := r.status(ctx, syncer.KindProduct, "2"); l.State != syncer.Synced || l.Code != "" {
			t.Errorf("the price came back: %+v", l)
		}
		if _, err := r.sync.Retry(ctx, connection, syncer.KindProduct, "1"); err != nil {
			t.Fatal(err)
		}
		r.until(time.Minute, "a person lets it through", func() bool {
			p, _ := r.shop.Product("SKU-1")
			return p.Price.Or(dec("0")).String() == "1.22"
		})
	})
}

func TestOwners(t *testing.T) {
	t.Parallel()
	for _, update := range []string{"patch", "full"} {
		t.Run(update, func(t *testing.T) {
			t.Parallel()
			bubble(t, setup{shop: framework360test.Options{Profile: fmt.Appendf(nil, `{"update":%q}`, update)}, adjust: func(c *syncer.Connection) {
				c.Owners = map[string]syncer.Owner{"description": syncer.OwnerOnCreate, "brand": syncer.OwnerShop}
			}}, func(ctx context.Context, r *rig) {
				list := products(1)
				list[0].Description, list[0].Brand = totalgest.Some("Prima"), totalgest.Some("Marca")
				r.erp.SetProducts(list)
				r.cycle(ctx)
				p, _ := r.shop.Product("SKU-1")
				if p.Description.Or("") != "Prima" || p.Brand.IsSet() {
					t.Fatalf("created as %+v", p)
				}
				r.shop.EditProduct(p.ID, func(p *framework360.Product) {
					p.Brand, p.Name = framework360.Some("Del negozio"), framework360.Some("Nome del negozio")
				})
				r.erp.UpdateProduct("1", func(p *totalgest.Product) {
					p.Description, p.Brand, p.Quantity = totalgest.Some("Poi"), totalgest.Some("Altra"), totalgest.Some(dec("3"))
				})
				pause(5 * time.Minute)
				r.cycle(ctx)
				p, _ = r.shop.Product("SKU-1")
				if p.Description.Or("") != "Prima" || p.Brand.Or("") != "Del negozio" || p.Name.Or("") != "Nome del negozio" || p.Quantity.Or(dec("0")).String() != "3" {
					t.Errorf("updated to %+v", p)
				}
				writes := r.shop.Writes()
				pause(5 * time.Minute)
				if r.cycle(ctx); r.shop.Writes() != writes {
					t.Error("written again")
				}
			})
		})
	}
}

func TestUnknownOwnerIsRefused(t *testing.T) {
	t.Parallel()
	r := newRig(t, setup{})
	err := r.sync.Add(t.Context(), syncer.Connection{ID: "x", Origin: "x", TotalGest: erpOf(t, r), Framework360: shopOf(t, r),
		Settings: syncer.Settings{Orders: syncer.OrdersOff, Prices: syncer.PricesGross, Owners: map[string]syncer.Owner{"titel": syncer.OwnerShop}}})
	if err == nil || !strings.Contains(err.Error(), `"titel"`) || !strings.Contains(err.Error(), "short_description") {
		t.Errorf("%v", err)
	}
}

func erpOf(t *testing.T, r *rig) syncer.ERP {
	t.Helper()
	c, err := totalgest.New(r.erp.Config())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func shopOf(t *testing.T, r *rig) syncer.Shop {
	t.Helper()
	c, err := framework360.New(r.shop.Config())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestAudit(t *testing.T) {
	t.Parallel()
	for _, repair := range []bool{false, true} {
		t.Run(fmt.Sprintf("repair %v", repair), func(t *testing.T) {
			t.Parallel()
			bubble(t, setup{adjust: func(c *syncer.Connection) {
				c.Repair, c.Owners = repair, map[string]syncer.Owner{"name": syncer.OwnerOnCreate}
			}}, func(ctx context.Context, r *rig) {
				r.erp.SetProducts(products(300))
				r.cycle(ctx)
				r.work(ctx)
				alone := r.shop.PutProduct(framework360.Product{SKU: framework360.Some("SOLO"), Name: framework360.Some("Solo nel negozio")})
				seven, _ := r.shop.Product("SKU-7")
				eight, _ := r.shop.Product("SKU-8")
				nine, _ := r.shop.Product("SKU-9")
				r.shop.EditProduct(seven.ID, func(p *framework360.Product) {
					p.Price, p.Name = framework360.Some(dec("99")), framework360.Some("Del negozio")
				})
				r.shop.EditProduct(eight.ID, func(p *framework360.Product) { p.Quantity = framework360.Some(dec("1000")) })
				r.shop.RemoveProduct(nine.ID)
				pause(time.Minute)
				run, err := r.sync.Audit(ctx, connection)
				if err != nil || !run.Complete || run.Missing != 1 {
					t.Fatalf("%v, %+v", err, run)
				}
				if diff := cmp.Diff(map[string]int{"price": 1, "name": 1, "quantity": 1, "id": 1}, run.Drift); diff != "" {
					t.Errorf("drift (-want +got):\n%s", diff)
				}
				l := r.status(ctx, syncer.KindShopProduct, alone)
				if l.State != syncer.NotLinked || l.SKU != "SOLO" {
					t.Errorf("what the shop has alone: %+v", l)
				}
				pause(time.Minute)
				seven, _ = r.shop.Product("SKU-7")
				eight, _ = r.shop.Product("SKU-8")
				_, back := r.shop.Product("SKU-9")
				want := map[bool]string{false: "99 1000 false", true: "12.2 10 true"}[repair]
				if got := fmt.Sprint(seven.Price.Or(dec("0")), " ", eight.Quantity.Or(dec("0")), " ", back); got != want || seven.Name.Or("") != "Del negozio" {
					t.Errorf("got %s, want %s; %q", got, want, seven.Name.Or(""))
				}
				if !repair {
					l := r.status(ctx, syncer.KindProduct, "7")
					if !slices.Contains(l.Warnings, "TG-PRD-016") || len(l.Problems) != 2 || !strings.Contains(fmt.Sprint(l.Problems), "is 99 in the shop and 12.2 in TotalGest") {
						t.Errorf("link: %+v", l)
					}
				}
			})
		})
	}
}

// TestAuditDoesNotFight: a shop that changes what it is given is written once more,
// and then only reported.
func TestAuditDoesNotFight(t *testing.T) {
	t.Parallel()
	bubble(t, setup{adjust: func(c *syncer.Connection) { c.Repair = true }}, func(ctx context.Context, r *rig) {
		r.erp.SetProducts(products(3))
		r.cycle(ctx)
		r.work(ctx)
		p, _ := r.shop.Product("SKU-2")
		writes := r.shop.Writes()
		for range 4 {
			r.shop.EditProduct(p.ID, func(p *framework360.Product) { p.Name = framework360.Some("Come vuole il negozio") })
			if _, err := r.sync.Audit(ctx, connection); err != nil {
				t.Fatal(err)
			}
			pause(time.Minute)
		}
		if n := r.shop.Writes() - writes; n != 1 {
			t.Errorf("%d repairs", n)
		}
	})
}
