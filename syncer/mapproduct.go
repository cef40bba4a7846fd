package syncer

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"github.com/shopspring/decimal"
	"github.com/tg360/tg360/framework360"
	"github.com/tg360/tg360/totalgest"
)

// ProductContext is what a mapping of products may use beside the product.
type ProductContext struct {
	Settings *Settings
	Taxes    map[string]string // the shop's tax id by VAT rate, such as "22"
}

// MapProduct is the default mapping of a product of TotalGest to one of the
// shop. It is pure. Beside the product it returns codes of what is odd: what
// TotalGest does not say is left out, never zeroed. The error is an *ItemError.
func MapProduct(p totalgest.Product, ctx ProductContext) (framework360.Product, []string, error) {
	m := productMapper{p: &p, ctx: &ctx}
	out := framework360.Product{
		SKU: framework360.Some(p.SKU), Name: framework360.Some(p.Name), EAN: p.EAN,
		Description: p.Description, ShortDescription: p.ShortDescription,
		VATRate: p.VATRate, Brand: p.Brand, Category: p.Category, Images: p.Images, Options: p.Options,
		Active: framework360.Some(p.Active.Or(true) && p.DeletedAt.IsZero()),
	}
	out.TaxID = m.tax()
	out.Price = m.price()
	out.Quantity = m.quantity()
	if len(p.Meta.Problems) > 0 {
		m.warn(codeProductFieldOdd)
	}
	return out, m.codes, nil
}

type productMapper struct {
	p     *totalgest.Product
	ctx   *ProductContext
	codes []string
}

func (m *productMapper) warn(code string) { m.codes = append(m.codes, code) }

// tax finds the shop's tax by the rate.
func (m *productMapper) tax() framework360.Opt[string] {
	rate, ok := m.p.VATRate.Get()
	if !ok {
		return framework360.Opt[string]{}
	}
	var buf [16]byte
	id, ok := m.ctx.Taxes[string(appendDecimal(buf[:0], rate))]
	if !ok {
		m.warn(codeProductNoTax)
		return framework360.Opt[string]{}
	}
	return framework360.Some(id)
}

// price picks the price of the configured list and currency, as net or gross as
// the shop's are.
func (m *productMapper) price() framework360.Opt[decimal.Decimal] {
	s := m.ctx.Settings
	for i := range m.p.Prices {
		p := &m.p.Prices[i]
		amount, ok := p.Amount.Get()
		if !ok || (s.PriceList != "" && p.List != s.PriceList) || (p.Currency != "" && p.Currency != s.Currency) {
			continue
		}
		gross, said := p.IncludesTax.Get()
		if said && gross != (s.Prices == PricesGross) {
			if amount, ok = m.convert(amount, gross); !ok {
				m.warn(codeProductNetGross)
				return framework360.Opt[decimal.Decimal]{}
			}
		}
		return framework360.Some(amount)
	}
	m.warn(codeProductNoPrice)
	return framework360.Opt[decimal.Decimal]{}
}

// convert adds tax to a net price or takes it out of a gross one, where the
// rate is known.
func (m *productMapper) convert(amount decimal.Decimal, gross bool) (decimal.Decimal, bool) {
	rate, ok := m.p.VATRate.Get()
	if !ok {
		return zero, false
	}
	factor := hundred.Add(rate)
	if gross {
		return amount.Mul(hundred).DivRound(factor, 4), true
	}
	return amount.Mul(factor).Div(hundred).Round(cents), true
}

// quantity keeps the buffer back and never goes below nothing.
func (m *productMapper) quantity() framework360.Opt[decimal.Decimal] {
	q, ok := m.p.Quantity.Get()
	if !ok {
		m.warn(codeProductNoStock)
		return framework360.Opt[decimal.Decimal]{}
	}
	return framework360.Some(sellable(q, m.ctx.Settings))
}

func sellable(q decimal.Decimal, s *Settings) decimal.Decimal {
	if !s.StockBuffer.IsZero() {
		q = q.Sub(s.StockBuffer)
	}
	if q.IsNegative() {
		return zero
	}
	return q
}

// productField is one field that the sync writes, and its text for comparing.
type productField struct {
	name string
	text func([]byte, *framework360.Product) ([]byte, bool) // false: not to be written
	keep func(to, from *framework360.Product)
}

// productFields are all fields that the sync writes, in a fixed order.
var productFields = []productField{
	textField("sku", func(p *framework360.Product) *framework360.Opt[string] { return &p.SKU }),
	textField("ean", func(p *framework360.Product) *framework360.Opt[string] { return &p.EAN }),
	textField("name", func(p *framework360.Product) *framework360.Opt[string] { return &p.Name }),
	textField("description", func(p *framework360.Product) *framework360.Opt[string] { return &p.Description }),
	textField("short_description", func(p *framework360.Product) *framework360.Opt[string] { return &p.ShortDescription }),
	numberField("price", func(p *framework360.Product) *framework360.Opt[decimal.Decimal] { return &p.Price }),
	textField("tax_id", func(p *framework360.Product) *framework360.Opt[string] { return &p.TaxID }),
	numberField("vat_rate", func(p *framework360.Product) *framework360.Opt[decimal.Decimal] { return &p.VATRate }),
	numberField(quantityField, func(p *framework360.Product) *framework360.Opt[decimal.Decimal] { return &p.Quantity }),
	{name: "active",
		text: func(b []byte, p *framework360.Product) ([]byte, bool) {
			v, ok := p.Active.Get()
			if v {
				return append(b, 1), ok
			}
			return append(b, 0), ok
		},
		keep: func(to, from *framework360.Product) { to.Active = from.Active }},
	textField("brand", func(p *framework360.Product) *framework360.Opt[string] { return &p.Brand }),
	textField("category", func(p *framework360.Product) *framework360.Opt[string] { return &p.Category }),
	{name: "images",
		text: func(b []byte, p *framework360.Product) ([]byte, bool) {
			for _, i := range p.Images {
				b = append(append(b, i...), 0)
			}
			return b, p.Images != nil
		},
		keep: func(to, from *framework360.Product) { to.Images = from.Images }},
	{name: "options",
		text: func(b []byte, p *framework360.Product) ([]byte, bool) {
			for _, k := range sortedKeys(p.Options) {
				b = append(append(append(append(b, k...), 0), p.Options[k]...), 0)
			}
			return b, p.Options != nil
		},
		keep: func(to, from *framework360.Product) { to.Options = from.Options }},
}

const quantityField = "quantity"

func textField(name string, get func(*framework360.Product) *framework360.Opt[string]) productField {
	return productField{name: name,
		text: func(b []byte, p *framework360.Product) ([]byte, bool) {
			o := get(p)
			v, ok := o.Get()
			return append(b, v...), ok || o.IsNull()
		},
		keep: func(to, from *framework360.Product) { *get(to) = *get(from) }}
}

func numberField(name string, get func(*framework360.Product) *framework360.Opt[decimal.Decimal]) productField {
	return productField{name: name,
		text: func(b []byte, p *framework360.Product) ([]byte, bool) {
			o := get(p)
			v, ok := o.Get()
			if !ok {
				return b, o.IsNull()
			}
			return appendDecimal(append(b, '#'), v), true // null is not 0
		},
		keep: func(to, from *framework360.Product) { *get(to) = *get(from) }}
}

// fingerprint describes what would be written, field by field: name=hash pairs
// of the fields that are there.
func fingerprint(buf []byte, p *framework360.Product) []byte {
	var text []byte
	for i := range productFields {
		f := &productFields[i]
		var ok bool
		if text, ok = f.text(text[:0], p); !ok {
			continue
		}
		sum := sha256.Sum256(text)
		buf = append(append(buf, f.name...), '=')
		buf = append(hex.AppendEncode(buf, sum[:8]), ' ')
	}
	return buf
}

// partOf returns the hash of one field in a fingerprint; empty: it is not there.
func partOf(parts, name string) string {
	for pair := range strings.FieldsSeq(parts) {
		if n, hash, _ := strings.Cut(pair, "="); n == name {
			return hash
		}
	}
	return ""
}

// changes returns a product with only those fields of p whose hash is not the
// one in parts.
func changes(p *framework360.Product, parts, now string) (framework360.Product, bool) {
	var out framework360.Product
	any := false
	for i := range productFields {
		f := &productFields[i]
		if h := partOf(now, f.name); h != "" && h != partOf(parts, f.name) {
			f.keep(&out, p)
			any = true
		}
	}
	return out, any
}

// merge keeps the hashes of parts and replaces those that now has.
func mergeParts(parts, now string) string {
	var sb strings.Builder
	for i := range productFields {
		name := productFields[i].name
		if h := firstOf(partOf(now, name), partOf(parts, name)); h != "" {
			sb.WriteString(name + "=" + h + " ")
		}
	}
	return sb.String()
}
