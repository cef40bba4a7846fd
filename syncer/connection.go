package syncer

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/shopspring/decimal"
	"github.com/tg360/tg360/framework360"
	"github.com/tg360/tg360/totalgest"
)

// ERP is what a sync needs of TotalGest; *totalgest.Client is one. Errors must
// match the sentinels of package totalgest, or they are taken to be passing
// ones, and those of CreateOrder to leave its effect unknown.
type ERP interface {
	// Can reports an ability, such as totalgest.AbilitySearch.
	Can(ability string) bool
	// Product reads one product in full.
	Product(ctx context.Context, id string) (totalgest.Product, error)
	// ProductPages walks the products, those that changed since a time where
	// the options say so. Ending without an error means that all were there.
	ProductPages(ctx context.Context, o totalgest.ListOptions) iter.Seq2[totalgest.Page[totalgest.Product], error]
	// StockPages walks the quantities; called only with totalgest.AbilityStock.
	StockPages(ctx context.Context, o totalgest.ListOptions) iter.Seq2[totalgest.Page[totalgest.Stock], error]
	// CreateOrder sends an order at most once; created is false when TotalGest
	// had its external id already, and ref is what it has.
	CreateOrder(ctx context.Context, o totalgest.Order) (ref totalgest.OrderRef, created bool, err error)
	// UpdateOrder replaces an order by TotalGest's id; called only with
	// totalgest.AbilityUpdate.
	UpdateOrder(ctx context.Context, id string, o totalgest.Order) (totalgest.OrderRef, error)
	// FindOrders returns the orders that bear an external id; called only with
	// totalgest.AbilitySearch.
	FindOrders(ctx context.Context, externalID string) ([]totalgest.OrderRef, error)
	// OrderPages walks the orders, those that changed since a time where the
	// options say so; called only with totalgest.AbilityOrderList.
	OrderPages(ctx context.Context, o totalgest.ListOptions) iter.Seq2[totalgest.Page[totalgest.OrderRef], error]
}

// Shop is what a sync needs of Framework360; *framework360.Client is one. Errors
// must match the sentinels of package framework360.
type Shop interface {
	// Can reports an ability, such as framework360.AbilityPatch.
	Can(ability string) bool
	// Taxes lists the taxes with their rates.
	Taxes(ctx context.Context) ([]framework360.Reference, error)
	// Statuses lists the order states.
	Statuses(ctx context.Context) ([]framework360.Reference, error)
	// PaymentMethods lists the payment methods.
	PaymentMethods(ctx context.Context) ([]framework360.Reference, error)
	// Plugins lists the site's modules, to find another exporter among them.
	Plugins(ctx context.Context) ([]framework360.Plugin, error)
	// ProductPages walks the shop's products.
	ProductPages(ctx context.Context, o framework360.ProductOptions) iter.Seq2[framework360.Page[framework360.Product], error]
	// FindProducts returns the products with exactly this SKU; an empty answer
	// must prove that there is none.
	FindProducts(ctx context.Context, sku string) ([]framework360.Product, error)
	// CreateProduct sends a product at most once and returns the shop's id.
	CreateProduct(ctx context.Context, p framework360.Product) (id string, err error)
	// Product reads one product in full; called only without
	// framework360.AbilityPatch.
	Product(ctx context.Context, id string) (framework360.Product, error)
	// UpdateProduct writes the fields that are set.
	UpdateProduct(ctx context.Context, p framework360.Product) error
	// OrderPages walks the orders; of each only the id must be there.
	OrderPages(ctx context.Context, o framework360.OrderOptions) iter.Seq2[framework360.Page[framework360.Order], error]
	// Order reads one order in full.
	Order(ctx context.Context, id string) (framework360.Order, error)
	// UpdateStatus writes an order's state, courier and tracking; doing it twice
	// is doing it once.
	UpdateStatus(ctx context.Context, id string, u framework360.StatusUpdate) error
}

// Connection is one shop with one TotalGest shop.
type Connection struct {
	// ID names the connection in the store, the queue and the log: lower-case
	// letters, digits, _ and -, 1 to 40 of them.
	ID string
	// Origin begins the external id of every exported order. It must never
	// change, nor be used by another shop: TotalGest would take an order for a
	// new one, or for another one. Letters, digits and points, 1 to 32.
	Origin string

	TotalGest    ERP
	Framework360 Shop

	// GoLive is the instant from which orders are exported: older ones are
	// skipped. Required unless orders are off.
	GoLive time.Time

	Settings
}

// ProductMode says how much of the catalogue is written to the shop.
type ProductMode int

// The product modes.
const (
	ProductsAll ProductMode = iota // create and update
	StockOnly                      // quantities of products that are linked, nothing else
	ProductsOff
)

// OrderMode says whether orders are exported.
type OrderMode int

// The order modes.
const (
	OrdersOn OrderMode = iota
	OrdersOff
)

// Owner says who decides on a field of a product.
type Owner int

// The owners.
const (
	OwnerTotalGest Owner = iota // written when TotalGest changes it
	OwnerOnCreate               // written when the product is created, then the shop's
	OwnerShop                   // never written
)

// checkOwners refuses names that no field has.
func checkOwners(owners map[string]Owner) error {
	var names []string
	for i := range productFields {
		names = append(names, productFields[i].name)
	}
	for _, name := range slices.Sorted(maps.Keys(owners)) {
		if !slices.Contains(names, name) {
			return fmt.Errorf("syncer: Connection.Owners: %q is no field of a product; there are %s", name, strings.Join(names, ", "))
		}
	}
	return nil
}

// PriceMode says what the shop's prices are; the site has one setting for all.
type PriceMode int

// The price modes. There is no default: a wrong guess is a wrong invoice.
const (
	PricesUnknown PriceMode = iota
	PricesGross             // tax included
	PricesNet
)

// RowMode says what the price of an order's row is.
type RowMode int

// The row modes. There is no default, as for [PriceMode].
const (
	RowsUnknown RowMode = iota
	RowsUnit            // of one piece
	RowsLine            // of the whole row
)

// Meaning is what a word of the shop says about an order.
type Meaning string

// The meanings. Order states and payment states use the first five, payment
// methods the last three and MeansPaid.
const (
	MeansWait       Meaning = "wait"       // not finished, or not paid: look again later
	MeansCompleted  Meaning = "completed"  // ordered; the payment decides
	MeansAuthorised Meaning = "authorised" // the money is reserved
	MeansPaid       Meaning = "paid"       // ordered and paid; of a method: export when paid
	MeansCancelled  Meaning = "cancelled"  // never to be exported
	MeansAlways     Meaning = "always"     // of a method: export unpaid, such as cash on delivery
	MeansReserved   Meaning = "reserved"   // of a method: export when authorised or paid
	MeansNever      Meaning = "never"      // of a method: not exported
)

// Rules say which orders are exported: those that are completed, not cancelled,
// and paid or to be paid on delivery. Words are a site's own ids or names,
// compared without case. An order state that is not listed parks the order, and
// so does a payment state where it decides; a payment method that is not listed
// is exported when paid.
type Rules struct {
	States        map[string]Meaning // order states
	PaymentStates map[string]Meaning // payment states
	Methods       map[string]Meaning // payment methods
	SkipLabels    []string           // an order with one of these is not exported
	Test          []string           // labels and payment methods that mark a test order
	GiveUpAfter   time.Duration      // an order that still waits for its payment by then is skipped; 0: never
}

// Settings tune a connection. The zero value of a field is its default.
type Settings struct {
	Interval      time.Duration // between product cycles; 0: 5 minutes
	OrderInterval time.Duration // between looks at the list of orders; 0: 5 minutes
	Products      ProductMode
	Orders        OrderMode
	Rules         Rules
	BackFlow      BackFlow // from TotalGest's orders to the shop's; the zero value: off

	Prices PriceMode // required unless products and orders are off
	Rows   RowMode   // required unless orders are off
	// Rounding is the largest difference between an order's total and the sum of
	// its parts that a rounding line may close; zero: none, they must be equal.
	Rounding decimal.Decimal

	PriceList    string              // the list whose prices go to the shop; empty: the first one
	SaleList     string              // the list whose prices are promotional ones; empty: none
	Currency     string              // of the shop's prices, ISO 4217; empty: EUR
	StockBuffer  decimal.Decimal     // kept back from every quantity
	Warehouses   []string            // those whose quantities are for sale; empty: the product's own quantity
	Owners       map[string]Owner    // by field of the shop's product; TotalGest owns those that are not named
	Categories   map[string]string   // TotalGest's category to the shop's; empty: as they are
	Clean        func(string) string // takes scripts out of HTML; nil: HTML goes as it is
	Removed      Removal             // what becomes of a product that TotalGest has no longer
	Brakes       Brakes
	PassUnknown  bool // export rows whose product is not linked; false: the order is blocked
	PluginIsFine bool // export although the vendor's own plugin is active

	Writers     int           // writes to the shop at a time; 0: 2
	MaxAttempts int           // of one item before it is blocked; 0: 10
	Overlap     time.Duration // by which reads of changes go back; 0: 1 minute
	Settle      time.Duration // T: when a request to TotalGest has taken effect or never will; 0: 15 minutes
	Lease       time.Duration // of a claim; 0: 30 s
	WriteWithin time.Duration // from the decision to send to the end of the reply; 0: 20 s, less than Lease
	RetryFirst  time.Duration // wait after the first failure, doubled after each; 0: 10 s
	RetryMost   time.Duration // longest wait; 0: 30 minutes

	// FullEvery is the time between cycles that read the whole catalogue, and not
	// changes alone; 0: 24 hours.
	FullEvery time.Duration
	// AuditEvery is the time between audits; 0: 24 hours, negative: never.
	AuditEvery time.Duration
	// Repair writes fields that TotalGest owns again where an audit finds others
	// in the shop.
	Repair bool

	// ReconcileEvery is the time between comparisons of the last 30 days, as
	// Reconcile makes them; 0: 24 hours, negative: never.
	ReconcileEvery time.Duration

	// MapProduct and MapOrder replace the default mappings; they must be pure.
	MapProduct func(totalgest.Product, ProductContext) (framework360.Product, []string, error)
	MapOrder   func(framework360.Order, OrderContext) (totalgest.Order, error)
}

var (
	idPattern     = regexp.MustCompile(`^[a-z0-9_-]{1,40}$`)
	originPattern = regexp.MustCompile(`^[A-Za-z0-9.]{1,32}$`)
)

// prepare checks the connection and fills in the defaults.
func (c Connection) prepare() (Connection, error) {
	bad := func(field, reason string) (Connection, error) {
		return c, fmt.Errorf("syncer: Connection.%s %s", field, reason)
	}
	exports := c.Orders == OrdersOn
	switch {
	case !idPattern.MatchString(c.ID):
		return bad("ID", "must be 1 to 40 lower-case letters, digits, _ or -")
	case !originPattern.MatchString(c.Origin):
		return bad("Origin", "must be 1 to 32 letters, digits or points; choose it once and keep it in every backup")
	case c.TotalGest == nil || c.Framework360 == nil:
		return bad("TotalGest and Framework360", "must both be set")
	case exports && c.GoLive.IsZero():
		return bad("GoLive", "is not set: orders from this instant on are exported")
	case (exports || c.Products == ProductsAll) && c.Prices == PricesUnknown:
		return bad("Prices", "is not set: say whether the shop's prices are PricesGross or PricesNet")
	case exports && c.Rows == RowsUnknown:
		return bad("Rows", "is not set: say whether an order's rows carry RowsUnit or RowsLine prices")
	case c.Products == StockOnly && !c.Framework360.Can(framework360.AbilityPatch):
		return bad("Products", "can't be StockOnly: this shop takes whole products only")
	case c.Rounding.IsNegative():
		return bad("Rounding", "is negative")
	}
	c.defaults()
	if c.WriteWithin >= c.Lease {
		return bad("WriteWithin", "must be shorter than Lease, or two workers could send the same order")
	}
	if err := c.Rules.check(); err != nil {
		return c, err
	}
	if err := checkOwners(c.Owners); err != nil {
		return c, err
	}
	c.Rules = c.Rules.folded()
	if c.BackFlow.Mode != BackFlowOff && !c.TotalGest.Can(totalgest.AbilityOrderList) {
		return bad("BackFlow", "must be off: TotalGest's profile has no orders.list")
	}
	c.BackFlow = c.BackFlow.folded()
	return c, nil
}

func (c *Connection) defaults() {
	orDefault(&c.Interval, 5*time.Minute)
	orDefault(&c.OrderInterval, 5*time.Minute)
	orDefault(&c.ReconcileEvery, 24*time.Hour)
	orDefault(&c.FullEvery, 24*time.Hour)
	orDefault(&c.AuditEvery, 24*time.Hour)
	orDefault(&c.Brakes.Vanish, 0.2)
	orDefault(&c.Brakes.Zero, 0.2)
	orDefault(&c.Brakes.Price, 3)
	orDefault(&c.Currency, "EUR")
	orDefault(&c.Writers, 2)
	orDefault(&c.MaxAttempts, 10)
	orDefault(&c.Overlap, time.Minute)
	orDefault(&c.Settle, 15*time.Minute)
	orDefault(&c.Lease, 30*time.Second)
	orDefault(&c.WriteWithin, 20*time.Second)
	orDefault(&c.RetryFirst, 10*time.Second)
	orDefault(&c.RetryMost, 30*time.Minute)
	if c.MapProduct == nil {
		c.MapProduct = MapProduct
	}
	if c.MapOrder == nil {
		c.MapOrder = MapOrder
	}
}

// orDefault gives a setting its default.
func orDefault[T comparable](v *T, def T) {
	var zero T
	if *v == zero {
		*v = def
	}
}

// externalID names an order in TotalGest, the same for every attempt.
func (c *Connection) externalID(orderID string) string { return c.Origin + "-" + orderID }

// folded returns a copy whose words are in lower case.
func (r Rules) folded() Rules {
	fold := func(m map[string]Meaning) map[string]Meaning {
		out := make(map[string]Meaning, len(m))
		for k, v := range m {
			out[word(k)] = v
		}
		return out
	}
	words := func(list []string) []string {
		var out []string
		for _, w := range list {
			out = append(out, word(w))
		}
		return out
	}
	r.States, r.PaymentStates, r.Methods = fold(r.States), fold(r.PaymentStates), fold(r.Methods)
	r.SkipLabels, r.Test = words(r.SkipLabels), words(r.Test)
	return r
}

// check refuses a meaning where it says nothing.
func (r Rules) check() error {
	states := []Meaning{MeansWait, MeansCompleted, MeansAuthorised, MeansPaid, MeansCancelled}
	for _, t := range []struct {
		name    string
		words   map[string]Meaning
		allowed []Meaning
	}{{"States", r.States, states}, {"PaymentStates", r.PaymentStates, states},
		{"Methods", r.Methods, []Meaning{MeansAlways, MeansPaid, MeansReserved, MeansNever}}} {
		for _, w := range slices.Sorted(maps.Keys(t.words)) {
			if !slices.Contains(t.allowed, t.words[w]) {
				return fmt.Errorf("syncer: Connection.Rules.%s: %q can't mean %q here; use one of %v", t.name, w, t.words[w], t.allowed)
			}
		}
	}
	return nil
}

func word(s string) string { return strings.ToLower(strings.TrimSpace(s)) }
