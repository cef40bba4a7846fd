package syncer

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"time"

	"github.com/shopspring/decimal"
	"github.com/tg360/tg360/framework360"
	"github.com/tg360/tg360/totalgest"
)

// ProductContext is what a mapping of products may use beside the product.
type ProductContext struct {
	Settings *Settings
	Taxes    map[string]string // the shop's tax id by VAT rate, such as "22"
	Reserved decimal.Decimal   // sold in the shop, and not yet known to TotalGest
	Now      time.Time         // for prices that hold for a time
}

// MapProduct is the default mapping of a product of TotalGest to one of the
// shop. It is pure. Beside the product it returns codes of what is odd: what
// TotalGest does not say is left out, never zeroed. The error is an *ItemError.
func MapProduct(p totalgest.Product, ctx ProductContext) (framework360.Product, []string, error) {
	m := productMapper{p: &p, ctx: &ctx}
	out := framework360.Product{
		SKU: framework360.Some(p.SKU), Name: framework360.Some(p.Name), EAN: p.EAN,
		Description: m.clean(p.Description), ShortDescription: m.clean(p.ShortDescription),
		VATRate: p.VATRate, Brand: p.Brand, Category: m.category(), Images: p.Images, Options: p.Options,
		Active: framework360.Some(p.Active.Or(true) && p.DeletedAt.IsZero()),
	}
	out.TaxID = m.tax()
	out.Price, out.SalePrice = m.prices()
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

// clean passes HTML through what the settings give for that.
func (m *productMapper) clean(html framework360.Opt[string]) framework360.Opt[string] {
	if text, ok := html.Get(); ok && m.ctx.Settings.Clean != nil {
		return framework360.Some(m.ctx.Settings.Clean(text))
	}
	return html
}

// category finds the shop's name of a category, where the settings have a table.
func (m *productMapper) category() framework360.Opt[string] {
	name, ok := m.p.Category.Get()
	if !ok || len(m.ctx.Settings.Categories) == 0 {
		return m.p.Category
	}
	if to, ok := m.ctx.Settings.Categories[name]; ok {
		return framework360.Some(to)
	}
	m.warn(codeProductNoCategory)
	return framework360.Opt[string]{}
}

// prices finds the price and, where the settings name a list for it, the
// promotional one, which is taken away when TotalGest has none.
func (m *productMapper) prices() (price, sale framework360.Opt[decimal.Decimal]) {
	price = m.price(m.ctx.Settings.PriceList)
	if !price.IsSet() {
		m.warn(codeProductNoPrice)
	}
	if list := m.ctx.Settings.SaleList; list != "" && m.p.Prices != nil {
		if sale = m.price(list); !sale.IsSet() {
			sale = framework360.Null[decimal.Decimal]()
		}
	}
	return price, sale
}

// price picks the price of a list in the configured currency that holds now, as
// net or gross as the shop's are.
func (m *productMapper) price(list string) framework360.Opt[decimal.Decimal] {
	s := m.ctx.Settings
	for i := range m.p.Prices {
		p := &m.p.Prices[i]
		amount, ok := p.Amount.Get()
		early, late := m.ctx.Now.Before(p.From), !p.Until.IsZero() && !m.ctx.Now.Before(p.Until)
		other := p.List != list && (list != "" || p.List == s.SaleList && s.SaleList != "")
		if !ok || early || late || other || (p.Currency != "" && p.Currency != s.Currency) {
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

// quantity is what the shop may sell.
func (m *productMapper) quantity() framework360.Opt[decimal.Decimal] {
	q, ok := stockOf(m.p.Quantity, m.p.Warehouses, m.ctx.Settings).Get()
	if !ok {
		m.warn(codeProductNoStock)
		return framework360.Opt[decimal.Decimal]{}
	}
	return framework360.Some(sellable(q, m.ctx.Reserved, m.ctx.Settings))
}

// productField is one field that the sync writes, and its text for comparing.
type productField struct {
	name  string
	plain bool                                               // its fingerprint is the value itself: it is short, and people want to see it
	text  func([]byte, *framework360.Product) ([]byte, bool) // false: not to be written
	keep  func(to, from *framework360.Product)
}

// productFields are all fields that the sync writes, in a fixed order.
var productFields = []productField{
	textField("sku", func(p *framework360.Product) *framework360.Opt[string] { return &p.SKU }),
	textField("ean", func(p *framework360.Product) *framework360.Opt[string] { return &p.EAN }),
	textField("name", func(p *framework360.Product) *framework360.Opt[string] { return &p.Name }),
	textField("description", func(p *framework360.Product) *framework360.Opt[string] { return &p.Description }),
	textField("short_description", func(p *framework360.Product) *framework360.Opt[string] { return &p.ShortDescription }),
	numberField(priceField, func(p *framework360.Product) *framework360.Opt[decimal.Decimal] { return &p.Price }),
	numberField("sale_price", func(p *framework360.Product) *framework360.Opt[decimal.Decimal] { return &p.SalePrice }),
	textField("tax_id", func(p *framework360.Product) *framework360.Opt[string] { return &p.TaxID }),
	numberField("vat_rate", func(p *framework360.Product) *framework360.Opt[decimal.Decimal] { return &p.VATRate }),
	numberField(quantityField, func(p *framework360.Product) *framework360.Opt[decimal.Decimal] { return &p.Quantity }),
	{name: activeField, plain: true,
		text: func(b []byte, p *framework360.Product) ([]byte, bool) {
			v, ok := p.Active.Get()
			if v {
				return append(b, '1'), ok
			}
			return append(b, '0'), ok
		},
		keep: func(to, from *framework360.Product) { to.Active = from.Active }},
	textField("parent_id", func(p *framework360.Product) *framework360.Opt[string] { return &p.ParentID }),
	textField("brand", func(p *framework360.Product) *framework360.Opt[string] { return &p.Brand }),
	textField("category", func(p *framework360.Product) *framework360.Opt[string] { return &p.Category }),
	{name: "images",
		text: func(b []byte, p *framework360.Product) ([]byte, bool) {
			for _, i := range p.Images {
				b = append(append(b, imageKey(i)...), 0)
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

// there reports whether a product says something of the field.
func (f *productField) there(p *framework360.Product) bool {
	_, ok := f.text(nil, p)
	return ok
}

const (
	quantityField = "quantity"
	priceField    = "price"
	activeField   = "active"
)

// imageKey is what an image is told by: its address without the query, which
// often changes with each reading while the picture stays.
func imageKey(address string) string {
	key, _, _ := strings.Cut(address, "?")
	return key
}

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
	return productField{name: name, plain: true,
		text: func(b []byte, p *framework360.Product) ([]byte, bool) {
			o := get(p)
			v, ok := o.Get()
			if !ok {
				return append(b, "null"...), o.IsNull()
			}
			return appendDecimal(append(b, '#'), v), true // null is not 0
		},
		keep: func(to, from *framework360.Product) { *get(to) = *get(from) }}
}

// maxPlain bounds what a fingerprint shows as it is.
const maxPlain = 24

// fingerprint describes what would be written, field by field: name=hash pairs
// of the fields that are there, with numbers as they are.
func fingerprint(buf []byte, p *framework360.Product) []byte {
	var text []byte
	for i := range productFields {
		f := &productFields[i]
		var ok bool
		if text, ok = f.text(text[:0], p); !ok {
			continue
		}
		buf = append(append(buf, f.name...), '=')
		if f.plain && len(text) <= maxPlain {
			buf = append(append(buf, text...), ' ')
			continue
		}
		sum := sha256.Sum256(text)
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
// one in parts, and that TotalGest may write: all of its own, and at creation
// those of OwnerOnCreate too.
func (c *Connection) changes(p *framework360.Product, parts, now string, create bool) (framework360.Product, bool) {
	var out framework360.Product
	any := false
	for i := range productFields {
		f := &productFields[i]
		owner := c.Owners[f.name]
		if owner == OwnerShop || owner == OwnerOnCreate && !create {
			continue
		}
		if h := partOf(now, f.name); h != "" && h != partOf(parts, f.name) {
			f.keep(&out, p)
			any = true
		}
	}
	return out, any
}

// withoutParts forgets the hashes of some fields.
func withoutParts(parts string, names []string) string {
	var sb strings.Builder
	for pair := range strings.FieldsSeq(parts) {
		if name, _, _ := strings.Cut(pair, "="); !slices.Contains(names, name) {
			sb.WriteString(pair + " ")
		}
	}
	return sb.String()
}

func hashText(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:8])
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
