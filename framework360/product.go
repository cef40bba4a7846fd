package framework360

import (
	"context"
	"iter"

	"github.com/shopspring/decimal"
	"github.com/tg360/tg360/internal/api"
	"github.com/tg360/tg360/internal/wire"
)

// Product is an article of the shop. All of its field names are assumed: the
// vendor's reference does not show the e-commerce plugin (see docs/wire.md).
type Product struct {
	ID               string // the shop's own; empty before it is created
	SKU              Opt[string]
	EAN              Opt[string]
	Name             Opt[string]
	Description      Opt[string] // HTML
	ShortDescription Opt[string]
	Price            Opt[decimal.Decimal] // net or gross by a setting of the whole site
	SalePrice        Opt[decimal.Decimal]
	TaxID            Opt[string]          // of payments/taxes
	VATRate          Opt[decimal.Decimal] // percent
	Quantity         Opt[decimal.Decimal]
	Active           Opt[bool]
	Brand            Opt[string]
	Category         Opt[string]
	Images           []string // URLs; nil: not sent
	ParentID         Opt[string]
	Options          map[string]string // nil: not sent
	Meta             Meta
}

var productSchema = &wire.Schema[Product]{
	Record: "product",
	Meta:   func(p *Product) *Meta { return &p.Meta },
	Fields: []wire.Field[Product]{
		wire.ID("id", func(p *Product) *string { return &p.ID }).Key(),
		wire.OptID("sku", func(p *Product) *Opt[string] { return &p.SKU }),
		wire.OptID("ean", func(p *Product) *Opt[string] { return &p.EAN }),
		wire.Text("name", func(p *Product) *Opt[string] { return &p.Name }),
		wire.Text("description", func(p *Product) *Opt[string] { return &p.Description }),
		wire.Text("short_description", func(p *Product) *Opt[string] { return &p.ShortDescription }),
		wire.Amount("price", func(p *Product) *Opt[decimal.Decimal] { return &p.Price }),
		wire.Amount("sale_price", func(p *Product) *Opt[decimal.Decimal] { return &p.SalePrice }),
		wire.OptID("tax_id", func(p *Product) *Opt[string] { return &p.TaxID }),
		wire.Decimal("vat_rate", func(p *Product) *Opt[decimal.Decimal] { return &p.VATRate }),
		wire.Decimal("quantity", func(p *Product) *Opt[decimal.Decimal] { return &p.Quantity }),
		wire.Bool("active", func(p *Product) *Opt[bool] { return &p.Active }),
		wire.Text("brand", func(p *Product) *Opt[string] { return &p.Brand }),
		wire.Text("category", func(p *Product) *Opt[string] { return &p.Category }),
		wire.Texts("images", func(p *Product) *[]string { return &p.Images }),
		wire.OptID("parent_id", func(p *Product) *Opt[string] { return &p.ParentID }),
		wire.Map("options", func(p *Product) *map[string]string { return &p.Options }),
	},
}

// ProductOptions narrows a list of products. The zero value lists everything.
type ProductOptions struct {
	SKU    string // exact; empty: all. A shop may ignore it: compare what comes back
	Query  string // the shop's own search; empty: none
	Cursor string // Page.Next of the page before; empty: the first page
	Limit  int    // elements a page; 0: the profile's
}

func (o ProductOptions) params() map[string]any { return setOnly("sku", o.SKU, "query", o.Query) }

func (o ProductOptions) start() api.Start { return api.Start{Cursor: o.Cursor, Limit: o.Limit} }

// Products reads one page of products.
func (c *Client) Products(ctx context.Context, o ProductOptions) (Page[Product], error) {
	return api.List(ctx, c.api, "products/list", o.params(), o.start(), newPage[Product])
}

// ProductPages walks the products page by page; a page is read when the loop
// asks for it. An error ends the walk, which is then not complete. Products that
// are added meanwhile may move others over a page's edge: a walk may show a
// product twice or not at all.
func (c *Client) ProductPages(ctx context.Context, o ProductOptions) iter.Seq2[Page[Product], error] {
	return api.Walk(ctx, c.api, "products/list", o.params(), o.start(), newPage[Product])
}

// Product reads one product.
func (c *Client) Product(ctx context.Context, id string) (Product, error) {
	return api.Get[Product](ctx, c.api, "products/get", map[string]any{"id": id})
}

// FindProducts returns the products with exactly this SKU: none, one, or, after
// an accident, several. The error is [ErrUnsupported] when the shop answers with
// other SKUs alone, since it then ignores the filter and nothing found proves
// nothing, or when the profile lacks [AbilitySearch].
func (c *Client) FindProducts(ctx context.Context, sku string) ([]Product, error) {
	if !c.Can(AbilitySearch) {
		return nil, c.api.Fail(api.Unsupported, "products/list", "the profile says that products can't be searched by SKU")
	}
	page, err := c.Products(ctx, ProductOptions{SKU: sku})
	if err != nil {
		return nil, err
	}
	var out []Product
	for _, p := range page.Items {
		if p.SKU.Or("") == sku {
			out = append(out, p)
		}
	}
	if len(out) == 0 && len(page.Items) > 0 {
		return nil, c.api.Fail(api.Unsupported, "products/list", "the shop ignores the sku filter and answers with other products")
	}
	return out, nil
}

// CreateProduct sends a new product, at most once, and returns the shop's id.
// When the error is [ErrInDoubt], look with [Client.FindProducts] before
// anything else.
func (c *Client) CreateProduct(ctx context.Context, p Product) (id string, err error) {
	if p.ID != "" {
		return "", argument("Product.ID", "is set; the shop gives a new product its id")
	}
	got, _, err := api.Create[Product](ctx, c.api, "products/create", nil, &p)
	return got.ID, err
}

// UpdateProduct writes the fields of p that are set or null to the product with
// p.ID. Repeating it is harmless, and the client does.
func (c *Client) UpdateProduct(ctx context.Context, p Product) error {
	id := p.ID
	if id == "" {
		return argument("Product.ID", "is empty")
	}
	p.ID = "" // sent as the operation's parameter
	return api.Send(ctx, c.api, "products/update", map[string]any{"id": id}, &p)
}

// Page is one page of a list.
type Page[T any] struct {
	Items []T
	// Rejected holds an error for each element that could not be read, each an
	// *Error with the record's id where it has one.
	Rejected []error
	Next     string // cursor of the next page; empty on the last
}

func newPage[T any](p api.Page[T]) Page[T] {
	return Page[T]{Items: p.Items, Rejected: p.Rejected, Next: p.Next}
}

// setOnly makes parameters of name and value pairs whose value is not empty.
func setOnly(pairs ...string) map[string]any {
	p := map[string]any{}
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			p[pairs[i]] = pairs[i+1]
		}
	}
	return p
}
