package framework360

import (
	"context"
	"iter"
	"time"

	"github.com/shopspring/decimal"
	"github.com/tg360/tg360/internal/api"
	"github.com/tg360/tg360/internal/wire"
)

// Order is an order of the shop. Its concepts are documented, the names of its
// fields are assumed. All amounts are in Currency; whether they include tax is a
// setting of the whole site.
type Order struct {
	ID              string // required
	Number          string
	Created         time.Time // required
	StateID         string
	StateName       string
	PaymentState    string
	PaymentID       string
	PaymentName     string
	PaymentCost     Opt[decimal.Decimal]
	ShippingID      string
	ShippingName    string
	ShippingPrice   Opt[decimal.Decimal]
	ShippingTaxID   string
	ShippingVATRate Opt[decimal.Decimal]
	Email           string
	Billing         Party
	Shipping        Party
	Rows            []Row // required, at least one
	Coupon          string
	Discount        Opt[decimal.Decimal] // positive
	SurchargeName   string
	SurchargePrice  Opt[decimal.Decimal]
	SurchargeTaxID  string
	SurchargeVAT    Opt[decimal.Decimal] // percent
	Total           Opt[decimal.Decimal] // with tax
	Net             Opt[decimal.Decimal]
	TaxTotal        Opt[decimal.Decimal]
	Currency        string // required, ISO 4217
	Note            string
	Labels          []string
	Courier         string
	Tracking        string
	Meta            Meta
}

// Row is one article of an order.
type Row struct {
	ID       string // of the product in the shop
	Type     string // open: product, custom, ...
	SKU      string
	EAN      string
	Name     string
	Quantity Opt[decimal.Decimal] // required
	Price    Opt[decimal.Decimal] // required; unit or line is a setting of the connection
	TaxID    string
	VATRate  Opt[decimal.Decimal] // percent
}

// Party is the billing or shipping data of an order. On the wire the province
// code is called citta and the town comune (observed in two clients).
type Party struct {
	FirstName string
	LastName  string
	Company   string
	Address   string
	Zip       string
	City      string
	Province  string
	Country   string
	Phone     string
	Email     string
	VATNumber string
	TaxCode   string
	SDI       string
	PEC       string
}

var partySchema = &wire.Schema[Party]{Record: "party", Fields: []wire.Field[Party]{
	wire.String("first_name", func(p *Party) *string { return &p.FirstName }),
	wire.String("last_name", func(p *Party) *string { return &p.LastName }),
	wire.String("company", func(p *Party) *string { return &p.Company }),
	wire.String("address", func(p *Party) *string { return &p.Address }),
	wire.String("zip", func(p *Party) *string { return &p.Zip }),
	wire.String("city", func(p *Party) *string { return &p.City }),
	wire.String("province", func(p *Party) *string { return &p.Province }),
	wire.String("country", func(p *Party) *string { return &p.Country }),
	wire.String("phone", func(p *Party) *string { return &p.Phone }),
	wire.String("email", func(p *Party) *string { return &p.Email }),
	wire.String("vat_number", func(p *Party) *string { return &p.VATNumber }),
	wire.String("tax_code", func(p *Party) *string { return &p.TaxCode }),
	wire.String("sdi", func(p *Party) *string { return &p.SDI }),
	wire.String("pec", func(p *Party) *string { return &p.PEC }),
}}

var rowSchema = &wire.Schema[Row]{Record: "row", Fields: []wire.Field[Row]{
	wire.ID("id", func(r *Row) *string { return &r.ID }),
	wire.String("type", func(r *Row) *string { return &r.Type }),
	wire.ID("sku", func(r *Row) *string { return &r.SKU }),
	wire.ID("ean", func(r *Row) *string { return &r.EAN }),
	wire.String("name", func(r *Row) *string { return &r.Name }),
	wire.Decimal("quantity", func(r *Row) *Opt[decimal.Decimal] { return &r.Quantity }).Required(),
	wire.Amount("price", func(r *Row) *Opt[decimal.Decimal] { return &r.Price }).Required(),
	wire.ID("tax_id", func(r *Row) *string { return &r.TaxID }),
	wire.Decimal("vat_rate", func(r *Row) *Opt[decimal.Decimal] { return &r.VATRate }),
}}

var orderSchema = &wire.Schema[Order]{
	Record: "order",
	Meta:   func(o *Order) *Meta { return &o.Meta },
	Check:  checkOrder,
	Fields: []wire.Field[Order]{
		wire.ID("id", func(o *Order) *string { return &o.ID }).Key(),
		wire.ID("number", func(o *Order) *string { return &o.Number }),
		wire.Time("created", func(o *Order) *time.Time { return &o.Created }).Required(),
		wire.ID("state_id", func(o *Order) *string { return &o.StateID }),
		wire.String("state_name", func(o *Order) *string { return &o.StateName }),
		wire.ID("payment_state", func(o *Order) *string { return &o.PaymentState }),
		wire.ID("payment_id", func(o *Order) *string { return &o.PaymentID }),
		wire.String("payment_name", func(o *Order) *string { return &o.PaymentName }),
		wire.Amount("payment_cost", func(o *Order) *Opt[decimal.Decimal] { return &o.PaymentCost }),
		wire.ID("shipping_id", func(o *Order) *string { return &o.ShippingID }),
		wire.String("shipping_name", func(o *Order) *string { return &o.ShippingName }),
		wire.Amount("shipping_price", func(o *Order) *Opt[decimal.Decimal] { return &o.ShippingPrice }),
		wire.ID("shipping_tax_id", func(o *Order) *string { return &o.ShippingTaxID }),
		wire.Decimal("shipping_vat_rate", func(o *Order) *Opt[decimal.Decimal] { return &o.ShippingVATRate }),
		wire.String("email", func(o *Order) *string { return &o.Email }).Personal(),
		wire.Object("billing", partySchema, func(o *Order) *Party { return &o.Billing }).Personal(),
		wire.Object("shipping", partySchema, func(o *Order) *Party { return &o.Shipping }).Personal(),
		wire.List("rows", rowSchema, func(o *Order) *[]Row { return &o.Rows }).Required(),
		wire.ID("coupon", func(o *Order) *string { return &o.Coupon }),
		wire.Amount("discount", func(o *Order) *Opt[decimal.Decimal] { return &o.Discount }),
		wire.String("surcharge_name", func(o *Order) *string { return &o.SurchargeName }),
		wire.Amount("surcharge_price", func(o *Order) *Opt[decimal.Decimal] { return &o.SurchargePrice }),
		wire.ID("surcharge_tax_id", func(o *Order) *string { return &o.SurchargeTaxID }),
		wire.Decimal("surcharge_vat_rate", func(o *Order) *Opt[decimal.Decimal] { return &o.SurchargeVAT }),
		wire.Amount("total", func(o *Order) *Opt[decimal.Decimal] { return &o.Total }),
		wire.Amount("net", func(o *Order) *Opt[decimal.Decimal] { return &o.Net }),
		wire.Amount("tax_total", func(o *Order) *Opt[decimal.Decimal] { return &o.TaxTotal }),
		wire.String("currency", func(o *Order) *string { return &o.Currency }).Required(),
		wire.String("note", func(o *Order) *string { return &o.Note }).Personal(),
		wire.Texts("labels", func(o *Order) *[]string { return &o.Labels }),
		wire.String("courier", func(o *Order) *string { return &o.Courier }),
		wire.ID("tracking", func(o *Order) *string { return &o.Tracking }),
	},
}

// checkOrder demands a row, and a total or the two parts of one.
func checkOrder(o *Order) *wire.FieldError {
	switch {
	case len(o.Rows) == 0:
		return &wire.FieldError{Record: "order", Field: "rows", Reason: "the list is empty"}
	case !o.Total.IsSet() && (!o.Net.IsSet() || !o.TaxTotal.IsSet()):
		return &wire.FieldError{Record: "order", Field: "total", Reason: "missing, and net and tax_total are not both there to make one"}
	}
	return nil
}

// OrderOptions narrows a list of orders. The zero value lists everything, in
// the shop's own order.
type OrderOptions struct {
	Query    string   // the shop's own search; empty: none
	Statuses []string // state ids; nil: all
	Sort     string   // the shop's word for a sort order; empty: its default
	Cursor   string   // Page.Next of the page before; empty: the first page
	Limit    int      // elements a page; 0: the profile's
}

func (o OrderOptions) params() map[string]any {
	p := setOnly("query", o.Query, "order", o.Sort)
	if len(o.Statuses) > 0 {
		p["statuses"] = o.Statuses
	}
	return p
}

// OrderPages walks the list of orders. Its elements may be a short form, in
// which only the id is sure: read the order with [Client.Order].
func (c *Client) OrderPages(ctx context.Context, o OrderOptions) iter.Seq2[Page[Order], error] {
	return api.Walk(ctx, c.api, "orders/list", o.params(), api.Start{Cursor: o.Cursor, Limit: o.Limit}, newPage[Order])
}

// Orders reads one page of the list of orders, like [Client.OrderPages].
func (c *Client) Orders(ctx context.Context, o OrderOptions) (Page[Order], error) {
	return api.List(ctx, c.api, "orders/list", o.params(), api.Start{Cursor: o.Cursor, Limit: o.Limit}, newPage[Order])
}

// Order reads one order in full. The error is [ErrNotFound] when there is none,
// and [ErrInvalidRecord] when a field that the sync needs is missing.
func (c *Client) Order(ctx context.Context, id string) (Order, error) {
	return api.Get[Order](ctx, c.api, "orders/get", map[string]any{"id": id})
}

// StatusUpdate is what a shop shows its customer about an order.
type StatusUpdate struct {
	Status   string // id of orders/statuses; required
	Courier  string // empty: unchanged
	Tracking string // empty: unchanged
}

// UpdateStatus writes the state of an order. Repeating it is harmless, and the
// client does.
func (c *Client) UpdateStatus(ctx context.Context, id string, u StatusUpdate) error {
	params := setOnly("courier", u.Courier, "tracking", u.Tracking)
	params["id"], params["status"] = id, u.Status
	_, err := c.api.Raw(ctx, "orders/updateStatus", params)
	return err
}
