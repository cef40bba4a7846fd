package syncer

import (
	"fmt"
	"slices"

	"github.com/shopspring/decimal"
	"github.com/tg360/tg360/framework360"
)

var (
	zero    = decimal.Zero
	hundred = decimal.NewFromInt(100)
)

// cents is the number of decimals of an amount that is paid.
const cents = 2

// part is one summand of an order's total.
type part struct {
	name    string
	amount  decimal.Decimal
	rate    decimal.Decimal // VAT, percent
	hasRate bool
}

// sums are the totals of an order.
type sums struct {
	gross    decimal.Decimal
	net, vat decimal.Decimal
	hasVAT   bool            // net and vat are known
	rounding decimal.Decimal // what a rounding line adds; zero: none
}

// rowTotal is the price of a whole row.
func rowTotal(r *framework360.Row, mode RowMode) decimal.Decimal {
	price := r.Price.Or(zero)
	if mode == RowsLine {
		return price
	}
	return price.Mul(r.Quantity.Or(zero)).Round(cents)
}

// parts lists what an order's total is made of.
func (m *orderMapper) parts() []part {
	o := m.order
	var out []part
	for i := range o.Rows {
		r := &o.Rows[i]
		rate, ok := m.rate(r.VATRate, r.TaxID)
		out = append(out, part{fmt.Sprintf("rows.%d", i), rowTotal(r, m.settings.Rows), rate, ok})
	}
	add := func(name string, amount framework360.Opt[decimal.Decimal], given framework360.Opt[decimal.Decimal], tax string) {
		if a := amount.Or(zero); !a.IsZero() {
			rate, ok := m.rate(given, tax)
			out = append(out, part{name, a, rate, ok})
		}
	}
	none := framework360.Opt[decimal.Decimal]{}
	add("shipping_price", o.ShippingPrice, o.ShippingVATRate, o.ShippingTaxID)
	add("payment_cost", o.PaymentCost, none, "")
	add("surcharge_price", o.SurchargePrice, o.SurchargeVAT, o.SurchargeTaxID)
	return out
}

// reconcile adds the parts up and compares them with the total that the shop
// says: nothing is presumed, and nothing is recomputed that the shop has said.
func (m *orderMapper) reconcile() (sums, error) {
	o := m.order
	parts := m.parts()
	discount := o.Discount.Or(zero)
	byRate, known := groups(parts, discount)
	sum := zero
	for _, p := range parts {
		sum = sum.Add(p.amount)
	}
	sum = sum.Sub(discount)
	var s sums
	if m.settings.Prices == PricesNet {
		if !known {
			return s, m.noRate(parts)
		}
		s.net = sum
		for _, g := range byRate {
			s.vat = s.vat.Add(g.amount.Mul(g.rate).Div(hundred).Round(cents))
		}
		sum = s.net.Add(s.vat)
		s.hasVAT = true
	}
	said, ok := o.Total.Get()
	if !ok {
		said = o.Net.Or(zero).Add(o.TaxTotal.Or(zero))
	}
	s.gross = said
	if diff := said.Sub(sum); !diff.IsZero() {
		if diff.Abs().GreaterThan(m.settings.Rounding) {
			return s, m.differs(parts, discount, sum, said)
		}
		s.rounding = diff
	}
	return s, m.taxTotals(&s, byRate, known)
}

// groups adds the parts up by rate; a discount lowers each group by its share.
// It reports false when a part has no rate.
func groups(parts []part, discount decimal.Decimal) ([]part, bool) {
	var out []part
	sum := zero
	for _, p := range parts {
		if !p.hasRate {
			return nil, false
		}
		sum = sum.Add(p.amount)
		i := slices.IndexFunc(out, func(g part) bool { return g.rate.Equal(p.rate) })
		if i < 0 {
			out = append(out, p)
		} else {
			out[i].amount = out[i].amount.Add(p.amount)
		}
	}
	if discount.IsZero() || sum.IsZero() {
		return out, true
	}
	left := discount
	for i := range out {
		share := left // the last group takes what rounding left over
		if i < len(out)-1 {
			share = discount.Mul(out[i].amount).Div(sum).Round(cents)
		}
		out[i].amount = out[i].amount.Sub(share)
		left = left.Sub(share)
	}
	return out, true
}

// taxTotals takes net and tax from the shop where it says them, and computes
// them by rate, on the sum, where it does not.
func (m *orderMapper) taxTotals(s *sums, byRate []part, known bool) error {
	net, hasNet := m.order.Net.Get()
	tax, hasTax := m.order.TaxTotal.Get()
	switch {
	case hasNet && hasTax:
		if !net.Add(tax).Equal(s.gross) {
			return &ItemError{Reason: ReasonData, Code: codeOrderTotal,
				Message:  fmt.Sprintf("net %s and tax %s do not make the total %s", net, tax, s.gross),
				Problems: []Problem{{Field: "net", Message: net.String()}, {Field: "tax_total", Message: tax.String()}, {Field: "total", Message: s.gross.String()}}}
		}
		s.net, s.vat, s.hasVAT = net, tax, true
	case s.hasVAT || !known:
	default:
		for _, g := range byRate {
			s.vat = s.vat.Add(g.amount.Mul(g.rate).Div(hundred.Add(g.rate)).Round(cents))
		}
		s.net, s.hasVAT = s.gross.Sub(s.vat), true
	}
	return nil
}

func (m *orderMapper) differs(parts []part, discount, sum, said decimal.Decimal) error {
	e := &ItemError{Reason: ReasonData, Code: codeOrderTotal,
		Message: fmt.Sprintf("the parts add up to %s, the total is %s: a difference of %s %s; check net or gross prices, unit or row prices, and the rounding that the settings allow",
			sum.StringFixed(cents), said.StringFixed(cents), said.Sub(sum), m.order.Currency)}
	for _, p := range parts {
		e.Problems = append(e.Problems, Problem{Field: p.name, Message: p.amount.String()})
	}
	if !discount.IsZero() {
		e.Problems = append(e.Problems, Problem{Field: "discount", Message: discount.Neg().String()})
	}
	return e
}

func (m *orderMapper) noRate(parts []part) error {
	e := &ItemError{Reason: ReasonUnmapped, Code: codeOrderTax, Message: "prices are net, and these parts have no VAT rate that is known"}
	for _, p := range parts {
		if !p.hasRate {
			e.Problems = append(e.Problems, Problem{Field: p.name, Message: "no VAT rate"})
		}
	}
	return e
}
