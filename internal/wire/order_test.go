package wire_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/shopspring/decimal"

	"github.com/tg360/tg360/internal/wire"
)

// order is a record with every kind of field.
type order struct {
	ID      string
	Number  wire.Opt[string]
	Title   string
	Created time.Time
	Changed time.Time
	Paid    wire.Opt[bool]
	Total   wire.Opt[decimal.Decimal]
	Weight  wire.Opt[decimal.Decimal]
	TaxID   wire.Opt[string]
	TaxRate wire.Opt[decimal.Decimal]
	Town    wire.Opt[string]
	Note    wire.Opt[string]
	Labels  []string
	Options map[string]string
	Buyer   party
	Rows    []row
	Meta    wire.Meta
}

type party struct {
	Name  string
	Phone wire.Opt[string]
	ZIP   wire.Opt[string]
}

type row struct {
	SKU      string
	Name     wire.Opt[string]
	Quantity wire.Opt[decimal.Decimal]
	Price    wire.Opt[decimal.Decimal]
	Gift     wire.Opt[string]
}

var partySchema = &wire.Schema[party]{
	Record: "party",
	Fields: []wire.Field[party]{
		wire.String("name", func(p *party) *string { return &p.Name }).Required(),
		wire.Text("phone", func(p *party) *wire.Opt[string] { return &p.Phone }).Personal(),
		wire.OptID("zip", func(p *party) *wire.Opt[string] { return &p.ZIP }),
	},
}

var rowSchema = &wire.Schema[row]{
	Record: "row",
	Fields: []wire.Field[row]{
		wire.ID("sku", func(r *row) *string { return &r.SKU }).Required(),
		wire.Text("name", func(r *row) *wire.Opt[string] { return &r.Name }),
		wire.Decimal("quantity", func(r *row) *wire.Opt[decimal.Decimal] { return &r.Quantity }).Required(),
		wire.Amount("price", func(r *row) *wire.Opt[decimal.Decimal] { return &r.Price }).Required(),
		wire.Text("gift", func(r *row) *wire.Opt[string] { return &r.Gift }).Personal(),
	},
}

var orderSchema = &wire.Schema[order]{
	Record: "order",
	Meta:   func(o *order) *wire.Meta { return &o.Meta },
	Check: func(o *order) *wire.FieldError {
		if o.Rows != nil && len(o.Rows) == 0 {
			return &wire.FieldError{Record: "order", Field: "rows", Reason: "no row"}
		}
		return nil
	},
	Fields: []wire.Field[order]{
		wire.ID("id", func(o *order) *string { return &o.ID }).Key(),
		wire.OptID("number", func(o *order) *wire.Opt[string] { return &o.Number }),
		wire.String("title", func(o *order) *string { return &o.Title }),
		wire.Time("created", func(o *order) *time.Time { return &o.Created }).Required(),
		wire.Time("changed", func(o *order) *time.Time { return &o.Changed }),
		wire.Bool("paid", func(o *order) *wire.Opt[bool] { return &o.Paid }).Personal(),
		wire.Amount("total", func(o *order) *wire.Opt[decimal.Decimal] { return &o.Total }).Required(),
		wire.Decimal("weight", func(o *order) *wire.Opt[decimal.Decimal] { return &o.Weight }),
		wire.OptID("tax_id", func(o *order) *wire.Opt[string] { return &o.TaxID }),
		wire.Decimal("tax_rate", func(o *order) *wire.Opt[decimal.Decimal] { return &o.TaxRate }),
		wire.Text("town", func(o *order) *wire.Opt[string] { return &o.Town }),
		wire.Text("note", func(o *order) *wire.Opt[string] { return &o.Note }).Personal(),
		wire.Texts("labels", func(o *order) *[]string { return &o.Labels }),
		wire.Map("options", func(o *order) *map[string]string { return &o.Options }),
		wire.Object("buyer", partySchema, func(o *order) *party { return &o.Buyer }).Personal(),
		wire.List("rows", rowSchema, func(o *order) *[]row { return &o.Rows }),
	},
}

// baseProfile is the embedded default of an invented shop.
const baseProfile = `{
  "name": "shop", "base": "https://{site}/api/",
  "auth": {"kind": "basic", "user": "{user}", "secret": "{password}", "headers": {"X-Shop": "{site}"}},
  "envelope": {"status": "status", "data": ["data"], "error_code": ["code"], "error_text": ["error", "message", "data.message", "title"],
    "error_fields": ["fields"], "cursor": ["next"], "server_time": ["now"]},
  "paging": {"kind": "page", "first_page": 1, "size": 50, "max_pages": 100},
  "write": {"numbers": "number", "dates": "rfc3339", "booleans": "bool"},
  "update": "patch",
  "abilities": {"search": true, "stock": false},
  "operations": {
    "orders.list": {"verb": "GET", "path": "orders", "params": {"page": "page", "since": "updated_since"}, "record": "order", "list": true, "repeatable": true, "grade": "documented"},
    "orders.get": {"verb": "GET", "path": "orders/{id}", "required": ["id"], "record": "order", "repeatable": true, "grade": "observed"},
    "orders.create": {"verb": "POST", "path": "orders", "encoding": "json", "headers": {"Idempotency-Key": "{key}"}, "body": "order", "record": "order", "write": true, "grade": "assumed"},
    "orders.cancel": {"verb": "POST", "path": "orders/{id}/cancel", "encoding": "form", "required": ["id"], "write": true, "grade": "assumed"}
  },
  "records": {
    "order": {
      "id": {"paths": ["id"], "grade": "documented"},
      "number": {"paths": ["numero", "number"], "grade": "assumed"},
      "title": {"paths": ["title"], "grade": "assumed"},
      "created": {"paths": ["created_at", "data"], "grade": "assumed"},
      "changed": {"paths": ["changed_at"], "grade": "assumed"},
      "paid": {"paths": ["payment.paid", "paid"], "grade": "assumed"},
      "total": {"paths": ["totals.gross", "totale", "total"], "grade": "assumed"},
      "weight": {"paths": ["weight"], "grade": "assumed"},
      "tax_id": {"paths": ["imposta.id", "imposta"], "grade": "inferred"},
      "tax_rate": {"paths": ["imposta.aliquota"], "grade": "inferred"},
      "town": {"paths": ["comune", "town"], "grade": "observed"},
      "note": {"paths": ["note"], "grade": "assumed"},
      "labels": {"paths": ["labels", "labels.items"], "grade": "assumed"},
      "options": {"paths": ["options"], "grade": "assumed"},
      "buyer": {"paths": ["billing_data", "dati_fatturazione"], "grade": "assumed"},
      "rows": {"paths": ["cart", "cart.rows", "rows"], "grade": "assumed"}
    },
    "party": {
      "name": {"paths": ["nome"], "grade": "assumed"},
      "phone": {"paths": ["telefono"], "grade": "assumed"},
      "zip": {"paths": ["cap"], "grade": "assumed"}
    },
    "row": {
      "sku": {"paths": ["sku"], "grade": "assumed"},
      "name": {"paths": ["nome", "customInfo.name"], "grade": "assumed"},
      "quantity": {"paths": ["quantity", "quantita"], "grade": "assumed"},
      "price": {"paths": ["price", "prezzo"], "grade": "assumed"},
      "gift": {"paths": ["gift"], "grade": "assumed"}
    }
  }
}`

func shopSpec() wire.Spec {
	return wire.Spec{
		Records:    []wire.RecordInfo{orderSchema.Info(), partySchema.Info(), rowSchema.Info()},
		Operations: []string{"orders.list", "orders.get", "orders.create", "orders.cancel", "orders.find"},
		Abilities:  []string{"search", "stock"},
		Settings:   []string{"site", "user", "password"},
	}
}

func shopProfile(tb testing.TB, override string) *wire.Profile {
	tb.Helper()
	p, err := wire.LoadProfile([]byte(baseProfile), []byte(override), shopSpec())
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

func rome(tb testing.TB) *time.Location {
	tb.Helper()
	loc, err := time.LoadLocation("Europe/Rome")
	if err != nil {
		tb.Fatal(err)
	}
	return loc
}

func orderCodec(tb testing.TB, override string) *wire.Codec[order] {
	tb.Helper()
	c, err := wire.Compile(orderSchema, shopProfile(tb, override), rome(tb))
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

func dec(s string) decimal.Decimal { return decimal.RequireFromString(s) }

// equalRecords compares records by value: decimals and times by their own
// Equal, options by state and value.
var equalRecords = cmp.AllowUnexported(wire.Opt[string]{}, wire.Opt[bool]{}, wire.Opt[decimal.Decimal]{})

func diff(want, got any) string { return cmp.Diff(want, got, equalRecords) }
