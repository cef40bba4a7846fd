package syncer_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/tg360/tg360/framework360"
	"github.com/tg360/tg360/syncer"
	"pgregory.net/rapid"
)

// truth draws an order whose total is computed here, in whole cents, apart from
// the code under test.
func truth(t *rapid.T, prices syncer.PriceMode, rows syncer.RowMode) framework360.Order {
	rates := []int64{22, 10, 4, 0}
	cents := func(name string, lo, hi int64) int64 { return rapid.Int64Range(lo, hi).Draw(t, name) }
	o := framework360.Order{ID: "1", Currency: rapid.SampledFrom([]string{"EUR", "CHF"}).Draw(t, "currency"), Created: time.Unix(1_700_000_000, 0)}
	byRate := map[int64]int64{}
	sum := int64(0)
	part := func(rate, amount int64) { byRate[rate] += amount; sum += amount }
	for i := range rapid.IntRange(1, 6).Draw(t, "rows") {
		rate := rapid.SampledFrom(rates).Draw(t, "rate")
		q, price := cents("quantity", 1, 9), cents("price", 1, 50_000)
		line := q * price
		part(rate, line)
		shown := price
		if rows == syncer.RowsLine {
			shown = line
		}
		o.Rows = append(o.Rows, framework360.Row{SKU: fmt.Sprint(i), Quantity: framework360.Some(decimal.NewFromInt(q)),
			Price: framework360.Some(decimal.New(shown, -2)), VATRate: framework360.Some(decimal.NewFromInt(rate))})
	}
	if a := cents("shipping", 0, 2000); a > 0 {
		part(22, a)
		o.ShippingPrice, o.ShippingVATRate = framework360.Some(decimal.New(a, -2)), framework360.Some(decimal.NewFromInt(22))
	}
	if a := cents("surcharge", 0, 500); a > 0 {
		part(22, a)
		o.SurchargePrice, o.SurchargeVAT = framework360.Some(decimal.New(a, -2)), framework360.Some(decimal.NewFromInt(22))
	}
	total := sum
	if prices == syncer.PricesNet {
		for rate, net := range byRate { // tax by rate on the sum, half up, in whole cents
			total += (net*rate*2 + 100) / 200
		}
	} else if d := cents("discount", 0, sum/2); d > 0 {
		o.Discount = framework360.Some(decimal.New(d, -2))
		total -= d
	}
	o.Total = framework360.Some(decimal.New(total, -2))
	return o
}

func TestOrdersBuiltFromTruthAddUp(t *testing.T) {
	t.Parallel()
	for _, prices := range []syncer.PriceMode{syncer.PricesGross, syncer.PricesNet} {
		for _, rows := range []syncer.RowMode{syncer.RowsUnit, syncer.RowsLine} {
			t.Run(fmt.Sprint(prices, rows), func(t *testing.T) {
				t.Parallel()
				rapid.Check(t, func(t *rapid.T) {
					o := truth(t, prices, rows)
					ctx := syncer.OrderContext{ExternalID: "x-1", Settings: &syncer.Settings{Prices: prices, Rows: rows, PassUnknown: true}}
					out, err := syncer.MapOrder(o, ctx)
					if err != nil {
						t.Fatalf("a right order was blocked: %v", err)
					}
					gross, net, vat := out.Gross.Or(decimal.Zero), out.Net.Or(decimal.Zero), out.VAT.Or(decimal.Zero)
					if !gross.Equal(o.Total.Or(decimal.Zero)) || !net.Add(vat).Equal(gross) {
						t.Fatalf("total %v became gross %v = net %v + VAT %v", o.Total, gross, net, vat)
					}
					off := o.Total.Or(decimal.Zero).Add(decimal.New(rapid.SampledFrom([]int64{-1, 1}).Draw(t, "cent"), -2))
					o.Total = framework360.Some(off)
					var item *syncer.ItemError
					if _, err := syncer.MapOrder(o, ctx); !errors.As(err, &item) || item.Code != "TG-ORD-007" || len(item.Problems) < len(o.Rows) {
						t.Fatalf("a cent off was not noticed: %v", err)
					}
					ctx.Settings.Rounding = decimal.New(1, -2)
					if out, err = syncer.MapOrder(o, ctx); err != nil || len(out.Surcharges) == 0 || out.Surcharges[len(out.Surcharges)-1].Kind != "rounding" {
						t.Fatalf("the permitted cent was not closed by a rounding line: %v", err)
					}
				})
			})
		}
	}
}

func TestPricesWithoutRates(t *testing.T) {
	t.Parallel()
	o := framework360.Order{ID: "1", Currency: "GBP", Rows: []framework360.Row{{SKU: "a", Quantity: framework360.Some(dec("3")), Price: framework360.Some(dec("2.55"))}},
		Total: framework360.Some(dec("7.65"))}
	out, err := syncer.MapOrder(o, syncer.OrderContext{ExternalID: "x", Settings: &syncer.Settings{Prices: syncer.PricesGross, Rows: syncer.RowsUnit, PassUnknown: true}})
	if err != nil || out.Net.IsSet() || out.VAT.IsSet() || out.Gross.Or(decimal.Zero).String() != "7.65" {
		t.Errorf("gross: %+v, %v", out, err)
	}
	_, err = syncer.MapOrder(o, syncer.OrderContext{ExternalID: "x", Settings: &syncer.Settings{Prices: syncer.PricesNet, Rows: syncer.RowsUnit, PassUnknown: true}})
	var item *syncer.ItemError
	if !errors.As(err, &item) || item.Code != "TG-ORD-009" {
		t.Errorf("net: %v", err)
	}
}

func TestRowPriceComesBackFromItsUnitPrice(t *testing.T) {
	t.Parallel()
	o := framework360.Order{ID: "1", Currency: "EUR", Rows: []framework360.Row{{SKU: "a", Quantity: framework360.Some(dec("7")), Price: framework360.Some(dec("10.00"))}},
		Total: framework360.Some(dec("10"))}
	out, err := syncer.MapOrder(o, syncer.OrderContext{Settings: &syncer.Settings{Prices: syncer.PricesGross, Rows: syncer.RowsLine, PassUnknown: true}})
	if err != nil {
		t.Fatal(err)
	}
	unit := out.Lines[0].UnitPrice.Or(decimal.Zero)
	if got := unit.Mul(dec("7")).Round(2); !got.Equal(dec("10")) {
		t.Errorf("7 x %v = %v", unit, got)
	}
}
