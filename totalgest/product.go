package totalgest

import (
	"context"
	"iter"
	"slices"
	"time"

	"github.com/shopspring/decimal"
	"github.com/tg360/tg360/internal/api"
	"github.com/tg360/tg360/internal/wire"
)

// Product is an article of the ERP. Field names and shape are assumed: the
// ERP's interface is not public (see docs/wire.md).
//
// A variant is a product with a ParentID and Options.
type Product struct {
	ID               string // required
	SKU              string // required
	Name             string // required
	EAN              Opt[string]
	ShortDescription Opt[string]
	Description      Opt[string] // HTML
	Prices           []Price     // nil: not sent
	VATCode          Opt[string]
	VATRate          Opt[decimal.Decimal] // percent: 22 is 22 %
	Quantity         Opt[decimal.Decimal] // on stock
	Warehouses       []Warehouse          // quantities by warehouse; nil: not sent
	Unit             Opt[string]
	Brand            Opt[string]
	Category         Opt[string]
	Images           []string  // URLs; nil: not sent
	Active           Opt[bool] // absent: active
	UpdatedAt        time.Time // zero: not sent
	DeletedAt        time.Time // zero: not deleted
	ParentID         Opt[string]
	Options          map[string]string // what makes a variant: name to value
	Meta             Meta
}

// Price is one sale price of a product.
type Price struct {
	List        string // name of the price list; empty: the only one
	Currency    string // ISO 4217
	Amount      Opt[decimal.Decimal]
	IncludesTax Opt[bool]
	From, Until time.Time // when it holds; zero: no bound
}

// Warehouse is the quantity of a product in one place.
type Warehouse struct {
	Name     string
	Quantity Opt[decimal.Decimal]
}

var warehouseSchema = &wire.Schema[Warehouse]{Record: "warehouse", Fields: []wire.Field[Warehouse]{
	wire.String("name", func(w *Warehouse) *string { return &w.Name }),
	wire.Decimal("quantity", func(w *Warehouse) *Opt[decimal.Decimal] { return &w.Quantity }),
}}

var priceSchema = &wire.Schema[Price]{Record: "price", Fields: []wire.Field[Price]{
	wire.String("list", func(p *Price) *string { return &p.List }),
	wire.String("currency", func(p *Price) *string { return &p.Currency }),
	wire.Amount("amount", func(p *Price) *Opt[decimal.Decimal] { return &p.Amount }),
	wire.Bool("includes_tax", func(p *Price) *Opt[bool] { return &p.IncludesTax }),
	wire.Time("from", func(p *Price) *time.Time { return &p.From }),
	wire.Time("until", func(p *Price) *time.Time { return &p.Until }),
}}

var productSchema = &wire.Schema[Product]{
	Record: "product",
	Meta:   func(p *Product) *Meta { return &p.Meta },
	Fields: []wire.Field[Product]{
		wire.ID("id", func(p *Product) *string { return &p.ID }).Key(),
		wire.ID("sku", func(p *Product) *string { return &p.SKU }).Required(),
		wire.String("name", func(p *Product) *string { return &p.Name }).Required(),
		wire.OptID("ean", func(p *Product) *Opt[string] { return &p.EAN }),
		wire.Text("short_description", func(p *Product) *Opt[string] { return &p.ShortDescription }),
		wire.Text("description", func(p *Product) *Opt[string] { return &p.Description }),
		wire.List("prices", priceSchema, func(p *Product) *[]Price { return &p.Prices }),
		wire.OptID("vat_code", func(p *Product) *Opt[string] { return &p.VATCode }),
		wire.Decimal("vat_rate", func(p *Product) *Opt[decimal.Decimal] { return &p.VATRate }),
		wire.Decimal("quantity", func(p *Product) *Opt[decimal.Decimal] { return &p.Quantity }),
		wire.List("warehouses", warehouseSchema, func(p *Product) *[]Warehouse { return &p.Warehouses }),
		wire.Text("unit", func(p *Product) *Opt[string] { return &p.Unit }),
		wire.Text("brand", func(p *Product) *Opt[string] { return &p.Brand }),
		wire.Text("category", func(p *Product) *Opt[string] { return &p.Category }),
		wire.Texts("images", func(p *Product) *[]string { return &p.Images }),
		wire.Bool("active", func(p *Product) *Opt[bool] { return &p.Active }),
		wire.Time("updated_at", func(p *Product) *time.Time { return &p.UpdatedAt }),
		wire.Time("deleted_at", func(p *Product) *time.Time { return &p.DeletedAt }),
		wire.OptID("parent_id", func(p *Product) *Opt[string] { return &p.ParentID }),
		wire.Map("options", func(p *Product) *map[string]string { return &p.Options }),
	},
}

// Stock is the quantity of one product.
type Stock struct {
	ID        string               // of the product; required
	Quantity  Opt[decimal.Decimal] // required
	UpdatedAt time.Time            // zero: not sent

	Warehouses []Warehouse // quantities by warehouse; nil: not sent
}

var stockSchema = &wire.Schema[Stock]{Record: "stock", Fields: []wire.Field[Stock]{
	wire.ID("id", func(s *Stock) *string { return &s.ID }).Key(),
	wire.Decimal("quantity", func(s *Stock) *Opt[decimal.Decimal] { return &s.Quantity }).Key(),
	wire.Time("updated_at", func(s *Stock) *time.Time { return &s.UpdatedAt }),
	wire.List("warehouses", warehouseSchema, func(s *Stock) *[]Warehouse { return &s.Warehouses }),
}}

// ListOptions narrows a list. The zero value lists everything.
type ListOptions struct {
	UpdatedSince time.Time // inclusive; zero: no bound
	Cursor       string    // Page.Next of the page before; empty: the first page
	Limit        int       // elements a page; 0: the profile's
}

func (c *Client) listParams(o ListOptions) map[string]any {
	p := map[string]any{}
	if !o.UpdatedSince.IsZero() {
		p["updated_since"] = c.api.Time(o.UpdatedSince.UTC())
	}
	return p
}

func (o ListOptions) start() api.Start { return api.Start{Cursor: o.Cursor, Limit: o.Limit} }

// Products reads one page of products.
func (c *Client) Products(ctx context.Context, o ListOptions) (Page[Product], error) {
	return api.List(ctx, c.api, "products.list", c.listParams(o), o.start(), newPage[Product])
}

// ProductPages walks the products page by page; a page is read when the loop
// asks for it. An error ends the walk: it is then not complete, and
// Page.Next of the last page says where to resume.
func (c *Client) ProductPages(ctx context.Context, o ListOptions) iter.Seq2[Page[Product], error] {
	return api.Walk(ctx, c.api, "products.list", c.listParams(o), o.start(), newPage[Product])
}

// AllProducts walks the products one by one. A product that can't be read is
// yielded as an [ErrInvalidRecord] and the walk goes on; any other error ends it.
func (c *Client) AllProducts(ctx context.Context, o ListOptions) iter.Seq2[Product, error] {
	return func(yield func(Product, error) bool) {
		for page, err := range c.ProductPages(ctx, o) {
			if err != nil {
				yield(Product{}, err)
				return
			}
			if slices.ContainsFunc(page.Items, func(p Product) bool { return !yield(p, nil) }) ||
				slices.ContainsFunc(page.Rejected, func(err error) bool { return !yield(Product{}, err) }) {
				return
			}
		}
	}
}

// Product reads one product. The error is [ErrNotFound] when there is none.
func (c *Client) Product(ctx context.Context, id string) (Product, error) {
	return api.Get[Product](ctx, c.api, "products.get", map[string]any{"id": id})
}

// StockPages walks the quantities page by page, like [Client.ProductPages].
// Ask [Client.Can] for [AbilityStock] first: a profile may lack it.
func (c *Client) StockPages(ctx context.Context, o ListOptions) iter.Seq2[Page[Stock], error] {
	return api.Walk(ctx, c.api, "stock.list", c.listParams(o), o.start(), newPage[Stock])
}

// Page is one page of a list.
type Page[T any] struct {
	Items []T
	// Rejected holds an error for each element that could not be read, each an
	// *Error with the record's id where it has one.
	Rejected   []error
	Next       string    // cursor of the next page; empty on the last
	ServerTime time.Time // when the server answered, by its own clock; zero: not said
}

func newPage[T any](p api.Page[T]) Page[T] {
	return Page[T]{Items: p.Items, Rejected: p.Rejected, Next: p.Next, ServerTime: p.ServerTime}
}
