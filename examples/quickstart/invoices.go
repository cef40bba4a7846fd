package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/shopspring/decimal"
	"github.com/tg360/tg360/framework360"
	"github.com/tg360/tg360/internal/api"
	"github.com/tg360/tg360/internal/wire"
	"github.com/tg360/tg360/totalgest"
)

// invoices are the orders that a file of invoice lines makes.
type invoices struct {
	Orders   []framework360.Order // by the first line of each in the file
	Lines    int                  // of the file, without header and blank ones
	Rejected []rejected           // invoices with a line that could not be read
	Currency string               // the most frequent one of the orders
}

// orderState is a state of the shop that invoices come in.
type orderState struct{ id, name string }

var (
	statePaid       = orderState{"2", "pagato"}
	stateCancelled  = orderState{"5", "annullato"}
	stateCorrection = orderState{"6", "rettifica"}
)

const (
	// cents is the number of decimals that each row is rounded to.
	cents = 2
	// derivedStock is the quantity of a product that only invoices name.
	derivedStock = 1000
)

// uciHeader is the header of the UCI data set "Online Retail", a British shop's.
var uciHeader = []string{"invoiceno", "stockcode", "description", "quantity", "invoicedate", "unitprice", "customerid", "country"}

// loadInvoices reads a CSV file of invoice lines, a row a line; those of one
// invoice need not stand together. An invoice with a line that can't be read is
// rejected as a whole: Orders and Rejected are together all that the file has.
// Every error names a line.
func loadInvoices(r io.Reader, columns map[string]string) (*invoices, error) {
	data, err := readText(r)
	if err != nil {
		return nil, err
	}
	s, err := openSheet(data, invoiceColumns, columns, "invoice", "sku", "quantity", "date", "unit_price")
	if err != nil {
		return nil, err
	}
	currency := defaultCurrency
	if isUCI(s.header) {
		currency = "GBP"
	}
	in, zone := &invoices{}, api.Rome()
	byNumber, drafts := map[string]*draft{}, []*draft{}
	for {
		r, err := s.next()
		if errors.Is(err, io.EOF) {
			in.finish(drafts, currency)
			return in, nil
		}
		if err != nil {
			return nil, err
		}
		in.Lines++
		number := r.get("invoice")
		d := byNumber[number]
		if d == nil {
			d = &draft{number: number, zone: zone, currency: currency}
			drafts = append(drafts, d)
			if number != "" {
				byNumber[number] = d
			}
		}
		d.line(&r)
	}
}

func isUCI(header []string) bool {
	return !slices.ContainsFunc(uciHeader, func(name string) bool {
		return !slices.ContainsFunc(header, func(h string) bool { return columnName(h) == name })
	})
}

// draft is an invoice while its lines come in.
type draft struct {
	number, customer, country string
	zone                      *time.Location
	currency                  string
	created                   time.Time
	rows                      []framework360.Row
	total                     decimal.Decimal
	correction                bool
	bad                       string // why it is rejected
}

// line adds a line of the file, or says why the invoice is rejected.
func (d *draft) line(r *row) {
	if d.bad != "" {
		return
	}
	if d.number == "" {
		d.number, d.bad = fmt.Sprintf("line %d", r.line), fmt.Sprintf("line %d: invoice is empty", r.line)
		return
	}
	if r.err != nil {
		d.bad = fmt.Sprintf("line %d: %v", r.line, r.err)
		return
	}
	if field, err := d.read(r); err != nil {
		d.bad = fmt.Sprintf("line %d: %s: %v", r.line, field, err)
	}
}

// read returns the field that is malformed.
func (d *draft) read(r *row) (string, error) {
	quantity, err := wire.ParseDecimal(r.get("quantity"))
	if err != nil {
		return "quantity", err
	}
	price, err := wire.ParseDecimal(r.get("unit_price"))
	if err != nil {
		return "unit_price", err
	}
	created, err := wire.ParseTime(r.get("date"), d.zone)
	if err == nil && created.IsZero() {
		err = errors.New("the zero date")
	}
	if err != nil {
		return "date", err
	}
	out := framework360.Row{SKU: r.get("sku"), Name: r.get("name"), Quantity: framework360.Some(quantity), Price: framework360.Some(price)}
	if s := r.get("vat_rate"); s != "" {
		rate, err := parseRate(s)
		if err != nil {
			return "vat_rate", err
		}
		out.VATRate = framework360.Some(rate)
	}
	currency, err := parseCurrency(r.get("currency"), d.currency)
	if err == nil && len(d.rows) > 0 && currency != d.currency {
		err = errors.New("another than on the lines before")
	}
	if err != nil {
		return "currency", err
	}
	d.currency = currency
	if len(d.rows) == 0 || created.Before(d.created) {
		d.created = created
	}
	d.customer, d.country = cmp.Or(d.customer, customerNumber(r.get("customer"))), cmp.Or(d.country, r.get("country"))
	d.correction = d.correction || price.IsNegative() || (quantity.IsNegative() && price.IsZero())
	d.total = d.total.Add(price.Mul(quantity).Round(cents))
	d.rows = append(d.rows, out)
	return "", nil
}

// customerNumber keeps a number or code, which some write as 17850.0, and no
// name or address.
func customerNumber(s string) string {
	if !strings.ContainsAny(s, "0123456789") || strings.ContainsAny(s, " @") {
		return ""
	}
	return strings.TrimSuffix(s, ".0")
}

// state tells cancellations (C and digits) and bad debts (A and digits) by the
// number, stock corrections and write-offs by the lines.
func (d *draft) state() orderState {
	switch {
	case numbered(d.number, 'C'):
		return stateCancelled
	case d.correction || numbered(d.number, 'A'):
		return stateCorrection
	}
	return statePaid
}

func numbered(s string, letter byte) bool {
	return len(s) > 1 && s[0] == letter && strings.Trim(s[1:], "0123456789") == ""
}

func (d *draft) order() framework360.Order {
	state := d.state()
	o := framework360.Order{
		ID: d.number, Number: d.number, Created: d.created, StateID: state.id, StateName: state.name,
		Rows: d.rows, Total: framework360.Some(d.total), Currency: d.currency,
	}
	if state == statePaid {
		o.PaymentState = state.name
	}
	var notes []string
	if d.customer != "" {
		notes = append(notes, "customer "+d.customer)
	}
	if o.Billing.Country = countryCode(d.country); o.Billing.Country == "" && d.country != "" {
		notes = append(notes, "country "+d.country)
	}
	o.Note = strings.Join(notes, ", ")
	return o
}

func (in *invoices) finish(drafts []*draft, currency string) {
	var currencies tally
	for _, d := range drafts {
		if d.bad != "" {
			in.Rejected = append(in.Rejected, rejected{"order", d.number, d.bad})
			continue
		}
		in.Orders = append(in.Orders, d.order())
		currencies.add(d.currency)
	}
	in.Currency = currencies.top(currency)
}

// catalogue derives the products from the invoices: one a SKU, by first
// appearance, with its most frequent name and its most frequent price.
func (in *invoices) catalogue() *catalogue {
	type article struct{ names, prices tally }
	articles, order := map[string]*article{}, []string{}
	for i := range in.Orders {
		for _, r := range in.Orders[i].Rows {
			if r.SKU == "" {
				continue
			}
			a := articles[r.SKU]
			if a == nil {
				a = &article{}
				articles[r.SKU], order = a, append(order, r.SKU)
			}
			if r.Name != "" {
				a.names.add(r.Name)
			}
			if price := r.Price.Or(decimal.Zero); price.IsPositive() && in.Orders[i].Currency == in.Currency {
				a.prices.add(price.String())
			}
		}
	}
	c := &catalogue{Currency: in.Currency}
	for _, sku := range order {
		a := articles[sku]
		p := totalgest.Product{ID: sku, SKU: sku, Name: a.names.top(""), Quantity: totalgest.Some(decimal.NewFromInt(derivedStock))}
		p.Name = cmp.Or(p.Name, sku)
		if price, err := wire.ParseDecimal(a.prices.top("")); err == nil {
			p.Prices = []totalgest.Price{{Currency: in.Currency, Amount: totalgest.Some(price), IncludesTax: totalgest.Some(true)}}
		}
		c.Products = append(c.Products, p)
	}
	return c
}

// countryCodes are the ISO codes of countries by their English name, in lower
// case.
var countryCodes = map[string]string{
	"australia": "AU", "austria": "AT", "bahrain": "BH", "belgium": "BE", "brazil": "BR", "canada": "CA", "cyprus": "CY",
	"czech republic": "CZ", "denmark": "DK", "eire": "IE", "finland": "FI", "france": "FR", "germany": "DE", "greece": "GR",
	"hong kong": "HK", "iceland": "IS", "ireland": "IE", "israel": "IL", "italy": "IT", "japan": "JP", "lebanon": "LB",
	"lithuania": "LT", "malta": "MT", "netherlands": "NL", "norway": "NO", "poland": "PL", "portugal": "PT", "rsa": "ZA",
	"saudi arabia": "SA", "singapore": "SG", "south africa": "ZA", "spain": "ES", "sweden": "SE", "switzerland": "CH",
	"uk": "GB", "united arab emirates": "AE", "united kingdom": "GB", "united states": "US", "usa": "US",
}

// countryCode finds the code of a country; two letters are one already. Empty:
// there is none, as for the Channel Islands.
func countryCode(s string) string {
	if code, ok := countryCodes[strings.ToLower(s)]; ok {
		return code
	}
	if len(s) == 2 && strings.Trim(strings.ToUpper(s), "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == "" {
		return strings.ToUpper(s)
	}
	return ""
}
