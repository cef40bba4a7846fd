package totalgest

import (
	"context"
	"iter"
	"time"

	"github.com/shopspring/decimal"
	"github.com/tg360/tg360/internal/api"
	"github.com/tg360/tg360/internal/wire"
)

// Order is a sales order as it is sent to the ERP. All amounts are in Currency
// and exact. Field names are assumed (see docs/wire.md).
type Order struct {
	ExternalID       string    // required: the same for every attempt at the same order
	Number           string    // the shop's number, for people
	CreatedAt        time.Time // required
	Currency         string    // required, ISO 4217
	PricesIncludeTax Opt[bool]
	Customer         Party
	ShippingAddress  Party
	PaymentMethod    string
	PaymentCode      string // such as MP08
	Paid             Opt[bool]
	PaidAt           time.Time
	TransactionID    string
	ShippingMethod   string
	ShippingAmount   Opt[decimal.Decimal]
	ShippingVATRate  Opt[decimal.Decimal]
	ShippingVATCode  string
	Surcharges       []Charge
	Discounts        []Charge // amounts are positive
	Lines            []Line   // at least one
	Net              Opt[decimal.Decimal]
	VAT              Opt[decimal.Decimal]
	Gross            Opt[decimal.Decimal] // required
	Note             string
}

// Party is a person or a company with its address, as it was when the order
// was placed.
type Party struct {
	Kind             string    // person, company, public, association
	InvoiceRequested Opt[bool] // absent: not known
	Email            string
	Phone            string
	FirstName        string
	LastName         string
	Company          string
	VATNumber        string
	TaxCode          string
	SDI              string
	PEC              string
	Address          string
	Zip              string
	City             string
	Province         string
	Country          string // ISO 3166-1 alpha-2
}

// Charge is a part of an order that is no product: a surcharge or a discount.
type Charge struct {
	Kind        string
	Description string
	Amount      Opt[decimal.Decimal]
	VATRate     Opt[decimal.Decimal]
	VATCode     string
}

// Line is one article of an order.
type Line struct {
	Kind        string // goods by default
	ProductID   string
	SKU         string
	EAN         string
	Description string
	Quantity    Opt[decimal.Decimal]
	UnitPrice   Opt[decimal.Decimal]
	Discount    Opt[decimal.Decimal]
	VATRate     Opt[decimal.Decimal]
	VATCode     string
	Total       Opt[decimal.Decimal]
}

// OrderRef is what the ERP answers about an order.
type OrderRef struct {
	ID         string // the ERP's own; required
	Number     string
	ExternalID string
	Status     string
	Courier    string
	Tracking   string
	UpdatedAt  time.Time
	Note       string `json:"-"` // may hold personal data: whoever stores a reference leaves it out
}

var partySchema = &wire.Schema[Party]{Record: "party", Fields: []wire.Field[Party]{
	wire.String("kind", func(p *Party) *string { return &p.Kind }),
	wire.Bool("invoice_requested", func(p *Party) *Opt[bool] { return &p.InvoiceRequested }),
	wire.String("email", func(p *Party) *string { return &p.Email }),
	wire.String("phone", func(p *Party) *string { return &p.Phone }),
	wire.String("first_name", func(p *Party) *string { return &p.FirstName }),
	wire.String("last_name", func(p *Party) *string { return &p.LastName }),
	wire.String("company", func(p *Party) *string { return &p.Company }),
	wire.String("vat_number", func(p *Party) *string { return &p.VATNumber }),
	wire.String("tax_code", func(p *Party) *string { return &p.TaxCode }),
	wire.String("sdi", func(p *Party) *string { return &p.SDI }),
	wire.String("pec", func(p *Party) *string { return &p.PEC }),
	wire.String("address", func(p *Party) *string { return &p.Address }),
	wire.String("zip", func(p *Party) *string { return &p.Zip }),
	wire.String("city", func(p *Party) *string { return &p.City }),
	wire.String("province", func(p *Party) *string { return &p.Province }),
	wire.String("country", func(p *Party) *string { return &p.Country }),
}}

var chargeSchema = &wire.Schema[Charge]{Record: "charge", Fields: []wire.Field[Charge]{
	wire.String("kind", func(c *Charge) *string { return &c.Kind }),
	wire.String("description", func(c *Charge) *string { return &c.Description }),
	wire.Amount("amount", func(c *Charge) *Opt[decimal.Decimal] { return &c.Amount }),
	wire.Decimal("vat_rate", func(c *Charge) *Opt[decimal.Decimal] { return &c.VATRate }),
	wire.String("vat_code", func(c *Charge) *string { return &c.VATCode }),
}}

var lineSchema = &wire.Schema[Line]{Record: "line", Fields: []wire.Field[Line]{
	wire.String("kind", func(l *Line) *string { return &l.Kind }),
	wire.ID("product_id", func(l *Line) *string { return &l.ProductID }),
	wire.ID("sku", func(l *Line) *string { return &l.SKU }),
	wire.ID("ean", func(l *Line) *string { return &l.EAN }),
	wire.String("description", func(l *Line) *string { return &l.Description }),
	wire.Decimal("quantity", func(l *Line) *Opt[decimal.Decimal] { return &l.Quantity }).Required(),
	wire.Amount("unit_price", func(l *Line) *Opt[decimal.Decimal] { return &l.UnitPrice }).Required(),
	wire.Amount("discount", func(l *Line) *Opt[decimal.Decimal] { return &l.Discount }),
	wire.Decimal("vat_rate", func(l *Line) *Opt[decimal.Decimal] { return &l.VATRate }),
	wire.String("vat_code", func(l *Line) *string { return &l.VATCode }),
	wire.Amount("total", func(l *Line) *Opt[decimal.Decimal] { return &l.Total }),
}}

var orderSchema = &wire.Schema[Order]{Record: "order", Fields: []wire.Field[Order]{
	wire.ID("external_id", func(o *Order) *string { return &o.ExternalID }).Key(),
	wire.ID("number", func(o *Order) *string { return &o.Number }),
	wire.Time("created_at", func(o *Order) *time.Time { return &o.CreatedAt }).Required(),
	wire.String("currency", func(o *Order) *string { return &o.Currency }).Required(),
	wire.Bool("prices_include_tax", func(o *Order) *Opt[bool] { return &o.PricesIncludeTax }),
	wire.Object("customer", partySchema, func(o *Order) *Party { return &o.Customer }).Personal(),
	wire.Object("shipping_address", partySchema, func(o *Order) *Party { return &o.ShippingAddress }).Personal(),
	wire.String("payment_method", func(o *Order) *string { return &o.PaymentMethod }),
	wire.String("payment_code", func(o *Order) *string { return &o.PaymentCode }),
	wire.Bool("paid", func(o *Order) *Opt[bool] { return &o.Paid }),
	wire.Time("paid_at", func(o *Order) *time.Time { return &o.PaidAt }),
	wire.ID("transaction_id", func(o *Order) *string { return &o.TransactionID }).Personal(),
	wire.String("shipping_method", func(o *Order) *string { return &o.ShippingMethod }),
	wire.Amount("shipping_amount", func(o *Order) *Opt[decimal.Decimal] { return &o.ShippingAmount }),
	wire.Decimal("shipping_vat_rate", func(o *Order) *Opt[decimal.Decimal] { return &o.ShippingVATRate }),
	wire.String("shipping_vat_code", func(o *Order) *string { return &o.ShippingVATCode }),
	wire.List("surcharges", chargeSchema, func(o *Order) *[]Charge { return &o.Surcharges }),
	wire.List("discounts", chargeSchema, func(o *Order) *[]Charge { return &o.Discounts }),
	wire.List("lines", lineSchema, func(o *Order) *[]Line { return &o.Lines }).Required(),
	wire.Amount("net", func(o *Order) *Opt[decimal.Decimal] { return &o.Net }),
	wire.Amount("vat", func(o *Order) *Opt[decimal.Decimal] { return &o.VAT }),
	wire.Amount("gross", func(o *Order) *Opt[decimal.Decimal] { return &o.Gross }).Required(),
	wire.String("note", func(o *Order) *string { return &o.Note }).Personal(),
}}

var orderRefSchema = &wire.Schema[OrderRef]{Record: "order_ref", Fields: []wire.Field[OrderRef]{
	wire.ID("id", func(o *OrderRef) *string { return &o.ID }).Key(),
	wire.ID("number", func(o *OrderRef) *string { return &o.Number }),
	wire.ID("external_id", func(o *OrderRef) *string { return &o.ExternalID }),
	wire.String("status", func(o *OrderRef) *string { return &o.Status }),
	wire.String("courier", func(o *OrderRef) *string { return &o.Courier }),
	wire.String("tracking", func(o *OrderRef) *string { return &o.Tracking }),
	wire.Time("updated_at", func(o *OrderRef) *time.Time { return &o.UpdatedAt }),
	wire.String("note", func(o *OrderRef) *string { return &o.Note }).Personal(),
}}

// CreateOrder sends an order, at most once: neither this package nor net/http
// repeats it after its first byte may have left.
//
// Created is false when the ERP answered that it already has the external id;
// OrderRef is then the order it has. The error tells by its Outcome whether the
// ERP refused the order, never saw it, or whether that is not known
// ([ErrInDoubt]): then ask with [Client.FindOrders] before anything else.
func (c *Client) CreateOrder(ctx context.Context, o Order) (ref OrderRef, created bool, err error) {
	if err := o.check(); err != nil {
		return OrderRef{}, false, err
	}
	ref, created, err = api.Create[OrderRef](ctx, c.api, "orders.create", map[string]any{"external_id": o.ExternalID}, &o)
	if err == nil && ref.ExternalID != "" && ref.ExternalID != o.ExternalID {
		return OrderRef{}, false, c.api.InDoubt("orders.create", "the reply is about an order with another external id")
	}
	return ref, created, err
}

// UpdateOrder replaces an order that the ERP has, by the ERP's id. The default
// profile lacks the operation: see [AbilityUpdate].
func (c *Client) UpdateOrder(ctx context.Context, id string, o Order) (OrderRef, error) {
	if err := o.check(); err != nil {
		return OrderRef{}, err
	}
	ref, _, err := api.Create[OrderRef](ctx, c.api, "orders.update", map[string]any{"id": id}, &o)
	return ref, err
}

func (o *Order) check() error {
	switch {
	case o.ExternalID == "":
		return argument("Order.ExternalID", "is empty; it identifies the order over all attempts")
	case o.CreatedAt.IsZero():
		return argument("Order.CreatedAt", "is zero; the ERP would book the order under today's date")
	case o.Currency == "":
		return argument("Order.Currency", "is empty; write its ISO 4217 code, such as EUR")
	case len(o.Lines) == 0:
		return argument("Order.Lines", "is empty; an order has at least one line")
	case !o.Gross.IsSet():
		return argument("Order.Gross", "is not set; write the order's total with tax")
	}
	return nil
}

// FindOrders returns the orders that bear an external id: none, one, or, after
// an accident, several.
func (c *Client) FindOrders(ctx context.Context, externalID string) ([]OrderRef, error) {
	return api.All[OrderRef](ctx, c.api, "orders.find", map[string]any{"external_id": externalID})
}

// Order reads the state of one order by the ERP's id.
func (c *Client) Order(ctx context.Context, id string) (OrderRef, error) {
	return api.Get[OrderRef](ctx, c.api, "orders.get", map[string]any{"id": id})
}

// OrderPages walks the orders by their last change, like [Client.ProductPages].
func (c *Client) OrderPages(ctx context.Context, o ListOptions) iter.Seq2[Page[OrderRef], error] {
	return api.Walk(ctx, c.api, "orders.list", c.listParams(o), o.start(), newPage[OrderRef])
}
