package syncer

import (
	"fmt"

	"github.com/shopspring/decimal"
	"github.com/tg360/tg360/framework360"
	"github.com/tg360/tg360/totalgest"
)

// OrderContext is what a mapping of orders may use beside the order.
type OrderContext struct {
	ExternalID string // to be written to the order as it is
	Paid       bool   // what the rules say
	Settings   *Settings
	Products   []string                   // TotalGest's product id for each row; empty: not linked
	Taxes      map[string]decimal.Decimal // VAT rate by the shop's tax id
}

// MapOrder is the default mapping of an order of the shop to one of TotalGest.
// It is pure. The error is an *ItemError: products that are not linked, all of
// them, or parts that do not add up to the total.
func MapOrder(o framework360.Order, ctx OrderContext) (totalgest.Order, error) {
	m := &orderMapper{order: &o, ctx: &ctx, settings: ctx.Settings}
	lines, err := m.lines()
	if err != nil {
		return totalgest.Order{}, err
	}
	if err := m.taxesKnown(); err != nil {
		return totalgest.Order{}, err
	}
	s, err := m.reconcile()
	if err != nil {
		return totalgest.Order{}, err
	}
	out := totalgest.Order{
		ExternalID: ctx.ExternalID, Number: o.Number, CreatedAt: o.Created, Currency: o.Currency,
		PricesIncludeTax: totalgest.Some(m.settings.Prices == PricesGross),
		Customer:         party(o.Billing, o.Email), ShippingAddress: party(o.Shipping, ""),
		PaymentMethod: firstOf(o.PaymentName, o.PaymentID), Paid: totalgest.Some(ctx.Paid),
		ShippingMethod: firstOf(o.ShippingName, o.ShippingID), ShippingAmount: o.ShippingPrice,
		Surcharges: m.surcharges(s), Lines: lines, Gross: totalgest.Some(s.gross), Note: o.Note,
	}
	if out.Number == "" {
		out.Number = o.ID
	}
	if rate, ok := m.rate(o.ShippingVATRate, o.ShippingTaxID); ok {
		out.ShippingVATRate = totalgest.Some(rate)
	}
	if d := o.Discount.Or(zero); !d.IsZero() {
		out.Discounts = []totalgest.Charge{{Kind: "discount", Description: firstOf(o.Coupon, "discount"), Amount: totalgest.Some(d)}}
	}
	if s.hasVAT {
		out.Net, out.VAT = totalgest.Some(s.net), totalgest.Some(s.vat)
	}
	return out, nil
}

// orderMapper is one order on its way.
type orderMapper struct {
	order    *framework360.Order
	ctx      *OrderContext
	settings *Settings
}

// lines maps the rows; it names every row whose product is not linked.
func (m *orderMapper) lines() ([]totalgest.Line, error) {
	var missing []Problem
	out := make([]totalgest.Line, len(m.order.Rows))
	for i := range m.order.Rows {
		r := &m.order.Rows[i]
		id := ""
		if i < len(m.ctx.Products) {
			id = m.ctx.Products[i]
		}
		if id == "" && !m.settings.PassUnknown {
			missing = append(missing, Problem{Field: fmt.Sprintf("rows.%d", i),
				Message: fmt.Sprintf("no product of TotalGest has SKU %s, EAN %s", quoted(r.SKU), quoted(r.EAN))})
			continue
		}
		out[i] = m.line(r, id)
	}
	if missing != nil {
		return nil, &ItemError{Reason: ReasonData, Code: codeOrderProduct,
			Message: "products of this order are not linked: create them in TotalGest, or correct their codes in the shop", Problems: missing}
	}
	return out, nil
}

func (m *orderMapper) line(r *framework360.Row, productID string) totalgest.Line {
	total := rowTotal(r, m.settings.Rows)
	unit := r.Price.Or(zero)
	if q := r.Quantity.Or(zero); m.settings.Rows == RowsLine && !q.IsZero() {
		unit = total.DivRound(q, 8) // cents are not enough to come back to the row's price
	}
	l := totalgest.Line{Kind: "goods", ProductID: productID, SKU: r.SKU, EAN: r.EAN, Description: r.Name,
		Quantity: r.Quantity, UnitPrice: totalgest.Some(unit), Total: totalgest.Some(total)}
	if rate, ok := m.rate(r.VATRate, r.TaxID); ok {
		l.VATRate = totalgest.Some(rate)
	}
	return l
}

func (m *orderMapper) surcharges(s sums) []totalgest.Charge {
	var out []totalgest.Charge
	add := func(kind, text string, amount decimal.Decimal, rate decimal.Decimal, known bool) {
		if amount.IsZero() {
			return
		}
		c := totalgest.Charge{Kind: kind, Description: firstOf(text, kind), Amount: totalgest.Some(amount)}
		if known {
			c.VATRate = totalgest.Some(rate)
		}
		out = append(out, c)
	}
	o := m.order
	rate, known := m.rate(o.SurchargeVAT, o.SurchargeTaxID)
	add("payment", o.PaymentName, o.PaymentCost.Or(zero), zero, false)
	add("surcharge", o.SurchargeName, o.SurchargePrice.Or(zero), rate, known)
	add("rounding", "", s.rounding, zero, false)
	return out
}

// rate finds the VAT rate of a part: as the order says it, or by its tax. It is
// never computed from amounts.
func (m *orderMapper) rate(given framework360.Opt[decimal.Decimal], tax string) (decimal.Decimal, bool) {
	if r, ok := given.Get(); ok {
		return r, true
	}
	r, ok := m.ctx.Taxes[tax]
	return r, ok
}

// taxesKnown refuses an order that refers to a tax which the shop does not list.
func (m *orderMapper) taxesKnown() error {
	var odd []Problem
	for i, r := range m.order.Rows {
		if _, ok := m.rate(r.VATRate, r.TaxID); !ok && r.TaxID != "" {
			odd = append(odd, Problem{Field: fmt.Sprintf("rows.%d.tax_id", i), Message: "the shop lists no tax " + quoted(r.TaxID)})
		}
	}
	if odd != nil {
		return &ItemError{Reason: ReasonUnmapped, Code: codeOrderTax, Message: "the VAT rate of these rows is not known", Problems: odd}
	}
	return nil
}

func party(p framework360.Party, email string) totalgest.Party {
	out := totalgest.Party{Kind: "person", Email: firstOf(p.Email, email), Phone: p.Phone, FirstName: p.FirstName,
		LastName: p.LastName, Company: p.Company, VATNumber: p.VATNumber, TaxCode: p.TaxCode, SDI: p.SDI, PEC: p.PEC,
		Address: p.Address, Zip: p.Zip, City: p.City, Province: p.Province, Country: p.Country}
	switch {
	case p.Company != "" || p.VATNumber != "":
		out.Kind = "company"
	case out == totalgest.Party{Kind: "person"}:
		return totalgest.Party{} // nothing is known of it: nothing is said
	}
	return out
}

// firstOf returns the first text that is not empty.
func firstOf(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}
