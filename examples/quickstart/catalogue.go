package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/shopspring/decimal"
	"github.com/tg360/tg360/internal/api"
	"github.com/tg360/tg360/internal/wire"
	"github.com/tg360/tg360/totalgest"
)

const (
	defaultCurrency = "EUR"
	// defaultStock is the quantity of every product of a CSV file that has no
	// column for it, so that there is something to sell.
	defaultStock = 10
)

// catalogue is what the ERP of the demonstration will hold.
type catalogue struct {
	Products []totalgest.Product
	Rejected []rejected // rows that are no product at all, e.g. without a SKU
	Warnings []rejected // products that lack a field because it could not be read
	Currency string     // the most frequent one of the prices

	lines      map[string]int // the line of each product, by "id" or "sku" and value
	currencies tally
}

// rejected is something of a file that could not be used.
type rejected struct {
	Kind   string `json:"kind"`
	ID     string `json:"id"`
	Reason string `json:"reason"`
}

// loadCatalogue reads a catalogue: CSV with a header, whose columns bear usual
// names or the given ones, or JSON lines in the field names of the ERP's
// reference contract. A product without an id has its SKU for one; one without
// a name is kept, for the sync to refuse. Every error names a line.
func loadCatalogue(r io.Reader, name string, columns map[string]string) (*catalogue, error) {
	data, err := readText(r)
	if err != nil {
		return nil, err
	}
	c := &catalogue{lines: map[string]int{}}
	if isJSON(name, data) {
		if len(columns) > 0 {
			return nil, errors.New("line 1: this is JSON, and columns can be named for CSV only")
		}
		err = c.readJSON(data)
	} else {
		err = c.readCSV(data, columns)
	}
	if err != nil {
		return nil, err
	}
	c.Currency = c.currencies.top(defaultCurrency)
	return c, nil
}

func isJSON(name string, data []byte) bool {
	name = strings.ToLower(name)
	for _, end := range []string{".jsonl", ".ndjson", ".json"} {
		if strings.HasSuffix(name, end) {
			return true
		}
	}
	return bytes.TrimSpace(data)[0] == '{'
}

func (c *catalogue) reject(id string, line int, reason string) {
	if id == "" {
		id = fmt.Sprintf("line %d", line)
	}
	c.Rejected = append(c.Rejected, rejected{"product", id, fmt.Sprintf("line %d: %s", line, reason)})
}

func (c *catalogue) warn(id string, line int, reason string) {
	c.Warnings = append(c.Warnings, rejected{"product", id, fmt.Sprintf("line %d: %s", line, reason)})
}

// admit rejects a product that has no SKU, or the id or SKU of another. The
// first one keeps it.
func (c *catalogue) admit(id, sku string, line int) bool {
	if sku == "" {
		c.reject(id, line, "no sku")
		return false
	}
	for _, f := range []struct{ field, value string }{{"sku", sku}, {"id", id}} {
		if first, ok := c.lines[f.field+" "+f.value]; ok {
			c.reject(f.value, line, fmt.Sprintf("the %s is already that of line %d", f.field, first))
			return false
		}
	}
	c.lines["sku "+sku], c.lines["id "+id] = line, line
	return true
}

func (c *catalogue) add(p totalgest.Product) {
	c.Products = append(c.Products, p)
	for _, price := range p.Prices {
		if price.Currency != "" {
			c.currencies.add(price.Currency)
		}
	}
}

func (c *catalogue) readCSV(data []byte, columns map[string]string) error {
	s, err := openSheet(data, catalogueColumns, columns, "sku", "name")
	if err != nil {
		return err
	}
	for {
		r, err := s.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		sku := r.get("sku")
		switch {
		case r.err != nil:
			c.reject(sku, r.line, r.err.Error())
		case c.admit(sku, sku, r.line):
			c.add(c.product(&r))
		}
	}
}

// product makes a product of a row. A field that can't be read is left out.
func (c *catalogue) product(r *row) totalgest.Product {
	sku := r.get("sku")
	p := totalgest.Product{
		ID: sku, SKU: sku, Name: r.get("name"), EAN: text(r, "ean"),
		Description: text(r, "description"), ShortDescription: text(r, "short_description"),
		Brand: text(r, "brand"), Category: text(r, "category"), ParentID: text(r, "parent"), Images: images(r.get("image")),
	}
	number := func(key string, parse func(string) (decimal.Decimal, error)) (out totalgest.Opt[decimal.Decimal]) {
		if s := r.get(key); s != "" {
			d, err := parse(s)
			if err != nil {
				c.warn(sku, r.line, key+" left out: "+err.Error())
				return out
			}
			return totalgest.Some(d)
		}
		return out
	}
	p.VATRate = number("vat_rate", parseRate)
	p.Quantity = number("quantity", wire.ParseDecimal)
	if !r.has("quantity") {
		p.Quantity = totalgest.Some(decimal.NewFromInt(defaultStock))
	}
	if amount := number("price", parsePrice); amount.IsSet() {
		currency, err := parseCurrency(r.get("currency"), defaultCurrency)
		if err != nil {
			c.warn(sku, r.line, "price left out: currency: "+err.Error())
		} else {
			p.Prices = []totalgest.Price{{Currency: currency, Amount: amount, IncludesTax: totalgest.Some(true)}}
		}
	}
	if r.odd {
		c.warn(sku, r.line, `a quote (") is out of place: the line was read as it stands`)
	}
	return p
}

func parsePrice(s string) (decimal.Decimal, error) {
	d, err := wire.ParseDecimal(s)
	if err == nil && d.IsNegative() {
		err = errors.New("negative")
	}
	return d, err
}

// text is a field of a row, absent when empty.
func text(r *row, key string) totalgest.Opt[string] {
	if s := r.get(key); s != "" {
		return totalgest.Some(s)
	}
	return totalgest.Opt[string]{}
}

// images splits a cell that holds several URLs.
func images(cell string) []string {
	if cell == "" {
		return nil
	}
	if !strings.Contains(cell, "://") {
		return []string{cell}
	}
	var out []string
	for _, url := range strings.FieldsFunc(cell, func(r rune) bool { return r == '|' || r == ' ' || r == '\t' || r == '\r' || r == '\n' }) {
		if url = strings.Trim(url, ",;"); url != "" {
			out = append(out, url)
		}
	}
	return out
}

// readJSON reads JSON lines, or one array, as the ERP's replies are read. A
// record that ends badly ends the file.
func (c *catalogue) readJSON(data []byte) error {
	codec, err := productCodec()
	if err != nil {
		return err
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	list := bytes.TrimSpace(data)[0] == '['
	if list {
		if _, err := dec.Token(); err != nil {
			return fmt.Errorf("line 1: %w", err)
		}
	}
	line, counted := 1, 0
	for {
		start := int(dec.InputOffset())
		start += len(data[start:]) - len(bytes.TrimLeft(data[start:], " \t\r\n,"))
		line += bytes.Count(data[counted:start], []byte("\n"))
		counted = start
		if list && !dec.More() {
			return ended(dec, line)
		}
		var raw json.RawMessage
		if err := dec.Decode(&raw); err != nil {
			if errors.Is(err, io.EOF) && !list {
				return nil
			}
			return fmt.Errorf("line %d: what starts here is not valid JSON", line)
		}
		c.record(codec, raw, line)
	}
}

// ended checks how a list ends, and that nothing comes after it.
func ended(dec *json.Decoder, line int) error {
	if _, err := dec.Token(); err != nil {
		return fmt.Errorf("line %d: the list is not closed", line)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("line %d: something comes after the list", line)
	}
	return nil
}

func (c *catalogue) record(codec *wire.Codec[totalgest.Product], raw []byte, line int) {
	p, err := codec.DecodePartial(raw)
	if err != nil {
		c.reject(p.SKU, line, err.Error())
		return
	}
	if !c.admit(p.ID, p.SKU, line) {
		return
	}
	for _, problem := range p.Meta.Problems {
		c.warn(p.SKU, line, problem.Record+"."+problem.Field+" left out: "+problem.Reason)
	}
	p.Meta = totalgest.Meta{}
	p.Prices = slices.DeleteFunc(p.Prices, func(price totalgest.Price) bool { return !price.Amount.IsSet() })
	c.add(p)
}

// productCodec reads products as the ERP's client does, with the SKU for an id
// that is missing.
func productCodec() (*wire.Codec[totalgest.Product], error) {
	contract := totalgest.Contract()
	profile, err := wire.LoadProfile(contract.Profile, []byte(`{"records": {"product": {"id": ["id", "sku"]}}}`), contract.Spec)
	if err != nil {
		return nil, err
	}
	return api.Codec[totalgest.Product](contract, "product", profile, api.Rome())
}
