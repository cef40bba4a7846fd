package syncer

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/shopspring/decimal"
	"github.com/tg360/tg360/totalgest"
)

// hashKeyDoc holds the key of a connection's hashes: a phone number or a postal
// code is guessed from a plain hash in no time.
const hashKeyDoc = "hash-key"

// loadHashKey reads the key, or makes one.
func (s *Syncer) loadHashKey(ctx context.Context, c *conn) error {
	d, err := s.store.Doc(ctx, c.ID, hashKeyDoc)
	if errors.Is(err, ErrNotFound) {
		d = Doc{Connection: c.ID, Name: hashKeyDoc, Data: make([]byte, 32)}
		_, _ = rand.Read(d.Data) // never fails
		if err = s.store.PutDoc(ctx, &d); errors.Is(err, ErrStale) {
			d, err = s.store.Doc(ctx, c.ID, hashKeyDoc) // another process was first
		}
	}
	if err != nil {
		return fmt.Errorf("syncer: read the hash key: %w", err)
	}
	c.hashKey = d.Data
	return nil
}

// orderParts fingerprints what is exported, field by field, so that a later
// change can be named although nothing of the order is kept. What may well
// change later is left out: a cash on delivery is paid in the end.
func (c *conn) orderParts(o *totalgest.Order) string {
	var sb strings.Builder
	add := func(name string, value any) { c.hashPart(&sb, name, value) }
	add("number", o.Number)
	add("created_at", o.CreatedAt.UTC())
	add("currency", o.Currency)
	addParty(add, "customer", &o.Customer)
	addParty(add, "shipping_address", &o.ShippingAddress)
	add("payment", o.PaymentMethod)
	add("shipping", []any{o.ShippingMethod, text(o.ShippingAmount), text(o.ShippingVATRate)})
	for i := range o.Lines {
		add(fmt.Sprintf("lines.%d", i), lineText(&o.Lines[i]))
	}
	add("lines", len(o.Lines))
	add("surcharges", chargeTexts(o.Surcharges))
	add("discounts", chargeTexts(o.Discounts))
	add("totals", []any{text(o.Net), text(o.VAT), text(o.Gross)})
	add("note", o.Note)
	return sb.String()
}

// hashPart adds one name=hash pair, keyed.
func (c *conn) hashPart(sb *strings.Builder, name string, value any) {
	b, err := json.Marshal(value)
	if err != nil {
		return // can't happen: texts, times and decimals only
	}
	mac := hmac.New(sha256.New, c.hashKey)
	_, _ = mac.Write(append([]byte(name+"\x00"), b...)) // never fails
	sb.WriteString(name + "=" + hex.EncodeToString(mac.Sum(nil)[:8]) + " ")
}

// addParty adds the fields of a party that are there.
func addParty(add func(string, any), name string, p *totalgest.Party) {
	for _, f := range []struct{ name, value string }{
		{"kind", p.Kind}, {"email", p.Email}, {"phone", p.Phone}, {"first_name", p.FirstName}, {"last_name", p.LastName},
		{"company", p.Company}, {"vat_number", p.VATNumber}, {"tax_code", p.TaxCode}, {"sdi", p.SDI}, {"pec", p.PEC},
		{"address", p.Address}, {"zip", p.Zip}, {"city", p.City}, {"province", p.Province}, {"country", p.Country},
	} {
		if f.value != "" {
			add(name+"."+f.name, f.value)
		}
	}
}

// text writes a number so that 12.5 and 12.50 are the same.
func text(o totalgest.Opt[decimal.Decimal]) string {
	if d, ok := o.Get(); ok {
		return rateKey(d)
	}
	return ""
}

func lineText(l *totalgest.Line) []string {
	return []string{l.ProductID, l.SKU, l.EAN, l.Description, text(l.Quantity), text(l.UnitPrice), text(l.Discount), text(l.VATRate), text(l.Total)}
}

func chargeTexts(list []totalgest.Charge) [][]string {
	var out [][]string
	for i := range list {
		c := &list[i]
		out = append(out, []string{c.Kind, c.Description, text(c.Amount), text(c.VATRate)})
	}
	return out
}

// changedParts names the fields in which two fingerprints differ.
func changedParts(before, now string) []Problem {
	var out []Problem
	was := partsOf(before)
	for pair := range strings.FieldsSeq(now) {
		name, hash, _ := strings.Cut(pair, "=")
		switch old, ok := was[name]; {
		case !ok:
			out = append(out, Problem{Field: name, Message: "added"})
		case old != hash:
			out = append(out, Problem{Field: name, Message: "changed"})
		}
		delete(was, name)
	}
	for _, name := range sortedKeys(was) {
		out = append(out, Problem{Field: name, Message: "removed"})
	}
	return out
}

func partsOf(parts string) map[string]string {
	out := map[string]string{}
	for pair := range strings.FieldsSeq(parts) {
		name, hash, _ := strings.Cut(pair, "=")
		out[name] = hash
	}
	return out
}
