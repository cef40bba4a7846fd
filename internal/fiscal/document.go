package fiscal

import (
	"fmt"
	"slices"
	"time"

	"github.com/shopspring/decimal"
)

// Kind is what a line of a document stands for.
type Kind string

// The kinds of line. A gift card and a rounding bear no VAT: the one pays, the
// other is no supply.
const (
	Goods          Kind = "goods"
	Shipping       Kind = "shipping"
	Surcharge      Kind = "surcharge" // of a way of payment
	CashOnDelivery Kind = "cod"
	PriceCut       Kind = "discount" // negative, as are coupon and gift card
	Coupon         Kind = "coupon"
	GiftCard       Kind = "gift_card"
	StampDuty      Kind = "stamp_duty"
	Rounding       Kind = "rounding"
)

// kinds holds the sign that a line's amount must not have, whether it bears VAT,
// and whether it lowers each rate by its share when it has none of its own.
var kinds = map[Kind]struct {
	never         int
	taxed, shared bool
}{
	"": {0, true, false}, Goods: {0, true, false}, Shipping: {-1, true, false}, Surcharge: {0, true, false}, CashOnDelivery: {-1, true, false},
	PriceCut: {1, true, true}, Coupon: {1, true, true}, GiftCard: {1, false, false}, StampDuty: {-1, true, false}, Rounding: {},
}

// Document is an order as far as tax goes: articles, charges as lines without a
// quantity, and totals, as the shop says them. All amounts are in Currency; a
// number that is not valid was not said, and is never taken for zero. Whoever
// decodes the numbers keeps them within sane bounds, as internal/wire does.
type Document struct {
	Seller   string    // ISO 3166 code of the seller's country, whose rules hold; empty: IT
	Invoice  bool      // an invoice is due: what Italy's exchange system refuses blocks
	Country  string    // where the goods go, ISO 3166; empty: the seller's
	Zip      string    // where the goods go; empty: no territory with rates of its own
	Day      time.Time // of the supply: the day that it shows in its own zone
	Number   string    // empty: the ERP gives one
	Currency string    // ISO 4217
	Gross    bool      // amounts of lines and of their discounts are with tax
	Lines    []Line
	VATRows  []VATRow            // VAT summary; empty: none was said
	Net, VAT decimal.NullDecimal // without tax, and the tax
	Total    decimal.NullDecimal // with tax; not valid: Net and VAT together
	Limit    decimal.Decimal     // largest difference that a rounding line may take up; zero: none
	Cash     bool                // this way of payment rounds CHF to 0.05
	Table    *VATTable           // nil: DefaultVAT
}

// Line is an article, or a charge, of a document. It needs Amount, or the unit
// price with tax in a gross document and without it in another.
type Line struct {
	Name      string              // of the line in findings; empty: lines.0 and so on
	Kind      Kind                // empty: Goods
	Unit      string              // of the quantity
	Discounts []Discount          // on the unit price, in this order
	Quantity  decimal.NullDecimal // not valid: 1
	Amount    decimal.NullDecimal // of the whole line; not valid: unit price by quantity, to the cent
	Rate      decimal.NullDecimal // VAT, percent
	Nature    string              // why the rate is zero: N1 to N7
	VATCode   string              // the ERP's; it stands for a nature too

	SKU, GTIN, Text    string
	UnitNet, UnitGross decimal.NullDecimal
}

// Discount lowers a unit price.
type Discount struct {
	Percent bool            // of the price; otherwise an amount in the document's currency
	Value   decimal.Decimal // negative: raises it
}

// VATRow is one rate of a VAT summary.
type VATRow struct {
	Rate         decimal.Decimal // percent
	Nature       string
	Taxable, VAT decimal.Decimal
	Rounding     decimal.Decimal // of Taxable
}

// Totals is what the lines of a document add up to.
type Totals struct {
	Rows     []VATRow        // by rate and nature, in the order of the lines
	Net, VAT decimal.Decimal // of all rows, each computed on its sum; only if Rated
	Total    decimal.Decimal // with tax, without rounding lines; only if Rated or the document is gross
	Rounding decimal.Decimal // of the rounding lines
	Rated    bool            // every line that needs a rate has one
}

// Sum adds a document up. A discount or coupon without a rate lowers each rate by
// its share; the last one takes what rounding left over.
func Sum(d Document) (t Totals) {
	var lines, shared, untaxed decimal.Decimal
	t.Rated = true
	for i := range d.Lines {
		l := &d.Lines[i]
		amount, kind := d.amount(l), kinds[l.Kind]
		switch {
		case l.Kind == Rounding:
			t.Rounding = t.Rounding.Add(amount)
			continue
		case !kind.taxed:
			untaxed = untaxed.Add(amount)
		case l.Rate.Valid && isRate(l.Rate.Decimal):
			r := t.row(l.Rate.Decimal, l.Nature)
			r.Taxable = r.Taxable.Add(amount)
		case kind.shared && !l.Rate.Valid:
			shared = shared.Add(amount)
		default:
			t.Rated = t.Rated && amount.IsZero()
		}
		lines = lines.Add(amount)
	}
	t.share(shared)
	for i := range t.Rows {
		r := &t.Rows[i]
		sum, base := r.Taxable, hundred
		if d.Gross {
			base = hundred.Add(r.Rate)
		}
		if r.VAT, r.Taxable = sum.Mul(r.Rate).Div(base).Round(2), sum.Round(2); d.Gross {
			r.Taxable = r.Taxable.Sub(r.VAT)
		}
		t.Net, t.VAT = t.Net.Add(r.Taxable), t.VAT.Add(r.VAT)
	}
	if t.Total = lines.Round(2); !d.Gross {
		t.Total = t.Net.Add(t.VAT).Add(untaxed)
	}
	return t
}

// row finds or makes the row of a rate.
func (t *Totals) row(rate decimal.Decimal, nature string) *VATRow {
	i := slices.IndexFunc(t.Rows, func(r VATRow) bool { return r.Rate.Equal(rate) && r.Nature == nature })
	if i < 0 {
		i = len(t.Rows)
		t.Rows = append(t.Rows, VATRow{Rate: rate, Nature: nature})
	}
	return &t.Rows[i]
}

// share spreads an amount over the rows by what they have.
func (t *Totals) share(amount decimal.Decimal) {
	var sum decimal.Decimal
	for i := range t.Rows {
		sum = sum.Add(t.Rows[i].Taxable)
	}
	if amount.IsZero() || sum.IsZero() {
		t.Rated = t.Rated && amount.IsZero()
		return
	}
	left := amount
	for i := range t.Rows {
		r, part := &t.Rows[i], left
		if i < len(t.Rows)-1 {
			part = amount.Mul(r.Taxable).Div(sum).Round(2)
		}
		r.Taxable, left = r.Taxable.Add(part), left.Sub(part)
	}
}

// RoundCHF rounds an amount that is paid in coins to 0.05, first to 0.01 so that
// there are no ties: 110.12 gives 110.10, 110.13 gives 110.15.
func RoundCHF(amount decimal.Decimal) decimal.Decimal {
	return amount.Round(2).Mul(decimal.NewFromInt(20)).Round(0).Mul(decimal.New(5, -2))
}

// exact returns unit price after discounts by quantity, not rounded.
func (d *Document) exact(l *Line) (decimal.Decimal, bool) {
	unit := l.UnitNet
	if d.Gross {
		unit = l.UnitGross
	}
	p := unit.Decimal
	for _, x := range l.Discounts {
		if off := x.Value; x.Percent {
			p = p.Sub(p.Mul(off).Div(hundred))
		} else {
			p = p.Sub(off)
		}
	}
	if l.Quantity.Valid {
		p = p.Mul(l.Quantity.Decimal)
	}
	return p, unit.Valid
}

// amount returns what a line costs; zero if nobody said.
func (d *Document) amount(l *Line) decimal.Decimal {
	if p, ok := d.exact(l); ok && !l.Amount.Valid {
		return p.Round(2)
	}
	return l.Amount.Decimal
}

var hundred = decimal.NewFromInt(100)

// name returns the name of the i-th line.
func (d *Document) name(i int) string {
	if n := d.Lines[i].Name; n != "" {
		return n
	}
	return fmt.Sprintf("lines.%d", i)
}

// within reports whether a number has so many digits at most, zeros at its end
// aside.
func within(d decimal.Decimal, whole, places int32) bool {
	return d.Truncate(places).Equal(d) && d.Abs().LessThan(decimal.New(1, whole))
}

// isRate reports whether a number can be a VAT rate.
func isRate(d decimal.Decimal) bool {
	return within(d, 3, 2) && !d.IsNegative() && d.LessThanOrEqual(hundred)
}

// places counts a number's decimals, zeros at its end aside, two at least.
func places(d decimal.Decimal) int32 {
	n := int32(2)
	for !d.Truncate(n).Equal(d) {
		n++
	}
	return n
}
