package probe

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/shopspring/decimal"
	"github.com/tg360/tg360/framework360"
	"github.com/tg360/tg360/internal/api"
	"github.com/tg360/tg360/internal/wire"
	"github.com/tg360/tg360/syncer"
	"github.com/tidwall/gjson"
)

func newShop(c framework360.Config, within time.Duration, now func() time.Time) (*side, error) {
	s := newSide("framework360", framework360.Contract(), c.Profile, c.Location, within, now)
	s.accepts = func(profile []byte) error {
		next := c
		next.Profile = profile
		f, err := framework360.New(next)
		if err == nil {
			f.Close()
		}
		return err
	}
	if err := s.accepts(c.Profile); err != nil {
		return nil, err
	}
	s.rec.base, c.Transport = base(c.Transport), s.rec
	c.Retries, c.OnAttempt = 1, s.timed(c.OnAttempt)
	f, err := framework360.New(c)
	if err != nil {
		return nil, err
	}
	s.close = f.Close
	s.call = func(ctx context.Context, op string, params map[string]any) error {
		_, err := f.Call(ctx, op, params)
		return err
	}
	s.readers = func(p *wire.Profile, zone *time.Location) (map[string]reader, error) {
		out, r := map[string]reader{}, readersOf{contract: s.contract, profile: p, zone: zone}
		out["product"], out["order"] = readerOf[framework360.Product](&r, "product"), readerOf[framework360.Order](&r, "order")
		out["reference"], out["plugin"] = readerOf[framework360.Reference](&r, "reference"), readerOf[framework360.Plugin](&r, "plugin")
		return out, r.err
	}
	return s, s.load()
}

// fullOrders is the number of orders that are read in full.
const fullOrders = 3

// shop probes Framework360.
func shop(ctx context.Context, s *side) error {
	if check := s.try(ctx, "check", true, nil); !check.ok() {
		s.broken = unreachable
		return ctx.Err()
	}
	s.try(ctx, "site/plugins", true, nil)
	orders := s.list(ctx, "orders/list", true)
	if err := s.learn(); err != nil {
		return err
	}
	s.one(ctx, "orders/get", orders, true)
	if l := s.line("orders/get"); l.Answer == Allowed {
		for _, e := range orders.first.elements[1:min(fullOrders, len(orders.first.elements))] {
			if id := s.id("orders/list", e); id != "" {
				s.ask(ctx, "orders/get", map[string]any{"id": id})
			}
		}
	}
	s.try(ctx, "orders/statuses", true, nil)
	s.try(ctx, "payments/list", true, nil)
	s.try(ctx, "payments/taxes", true, nil)
	products := s.list(ctx, "products/list", true)
	if err := s.learn(); err != nil {
		return err
	}
	s.one(ctx, "products/get", products, false)
	if products != nil {
		s.search(ctx, "products/list", "sku", true, products)
	}
	if err := s.learn(); err != nil {
		return err
	}
	s.modules()
	s.paymentStates()
	return ctx.Err()
}

// modules looks for the two modules that matter, as the client does.
func (s *side) modules() {
	if l := s.line("site/plugins"); l.Answer != Allowed {
		s.notes = append(s.notes, Finding{"vendor's own TotalGest plugin", "not known", "the site's modules can't be read: ask the vendor", Unknown})
		return
	}
	shop, plugin := false, false
	for _, e := range s.records("site/plugins") {
		name := strings.ToLower(s.field("plugin", "id", e) + " " + s.field("plugin", "name", e))
		on := s.on(e)
		shop = shop || on && (strings.Contains(name, "ecommerce") || strings.Contains(name, "e-commerce"))
		plugin = plugin || on && strings.Contains(name, "totalgest")
	}
	const how = "by their names in site/plugins, which are assumed"
	says := map[bool]string{true: "active", false: "not seen, or off"}
	s.notes = append(s.notes, Finding{"e-commerce module", says[shop], how, Likely}, Finding{"vendor's own TotalGest plugin", says[plugin], how, Likely})
	s.plugin = plugin
}

// on reports whether a module is active; one that does not say so is.
func (s *side) on(e gjson.Result) bool {
	for _, p := range s.drafted.Paths("plugin", "active") {
		if v := find(e, p); v.Exists() && v.Type != gjson.Null {
			switch strings.ToLower(v.String()) {
			case "0", "false":
				return false
			}
			return true
		}
	}
	return true
}

// paid are words for payment states that many shops use. Others are not shown:
// they are values of records.
var paid = strings.Fields("paid unpaid pending authorised authorized completed complete refunded cancelled canceled failed open " +
	"pagato pagata non_pagato in_attesa attesa autorizzato completato rimborsato annullato fallito aperto sospeso 0 1 2 3 4 5 true false")

// paymentStates says which payment states the orders have, as far as they are common
// words.
func (s *side) paymentStates() {
	var known []string
	others := map[string]bool{}
	for _, e := range append(s.records("orders/get"), s.records("orders/list")...) {
		v := s.field("order", "payment_state", e)
		folded := strings.ReplaceAll(strings.ToLower(strings.TrimSpace(v)), " ", "_")
		switch {
		case v == "":
		case !slices.Contains(paid, folded):
			others[v] = true
		case !slices.Contains(known, folded):
			known = append(known, folded)
		}
	}
	says := "none seen"
	if len(known)+len(others) > 0 {
		slices.Sort(known)
		s.states = known
		says = strings.Join(known, ", ")
		if len(others) > 0 {
			says = strings.TrimPrefix(says+", and "+count(len(others), "that is no common word", "that are no common words")+" and not shown here", ", and ")
		}
	}
	s.notes = append(s.notes, Finding{"payment states of orders", says, count(len(s.records("orders/get")), "order", "orders") + " in full and the first pages of the list", Hint})
}

// fit counts the orders whose parts add up under one way of reading them.
type fit struct {
	prices, rows string
	orders       int
}

// money tries the four ways of reading an order's prices. It returns how many
// orders there were, and the ways with the number that add up.
func (s *side) money() (orders int, ways []fit, err error) {
	codec, err := api.Codec[framework360.Order](s.contract, "order", s.drafted, s.zone)
	if err != nil {
		return 0, nil, err
	}
	taxes := map[string]decimal.Decimal{}
	for _, e := range s.records("payments/taxes") {
		if rate, err := wire.ParseDecimal(strings.TrimSpace(s.field("reference", "rate", e))); err == nil {
			taxes[s.id("payments/taxes", e)] = rate
		}
	}
	ways = []fit{{"gross", "unit", 0}, {"gross", "line", 0}, {"net", "unit", 0}, {"net", "line", 0}}
	for _, e := range s.records("orders/get") {
		o, err := codec.Decode([]byte(e.Raw))
		if err != nil {
			continue
		}
		orders++
		for i := range ways {
			set := syncer.Settings{PassUnknown: true, Prices: syncer.PricesGross, Rows: syncer.RowsUnit}
			if ways[i].prices == "net" {
				set.Prices = syncer.PricesNet
			}
			if ways[i].rows == "line" {
				set.Rows = syncer.RowsLine
			}
			if _, err := syncer.MapOrder(o, syncer.OrderContext{ExternalID: "probe", Settings: &set, Taxes: taxes}); err == nil {
				ways[i].orders++
			}
		}
	}
	return orders, ways, nil
}
