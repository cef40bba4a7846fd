//go:build linux

package crashtest_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"math"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/tg360/tg360/framework360"
	"github.com/tg360/tg360/framework360/framework360test"
	"github.com/tg360/tg360/totalgest"
	"github.com/tg360/tg360/totalgest/totalgesttest"
)

// shop is a connection's two ends, and what the customers did.
type shop struct {
	id, origin, token string
	erp               *totalgesttest.Server
	web               *framework360test.Server

	mu     sync.Mutex
	placed map[string]placement // by the shop's id
}

// placement is an order that has to arrive.
type placement struct {
	gross decimal.Decimal
	paid  time.Time // since when it has to; zero: not yet
	told  bool      // an event about its payment was accepted
}

func newShop(t *testing.T, l layout, n int, seed uint64) *shop {
	t.Helper()
	s := &shop{id: fmt.Sprintf("s%d", n+1), placed: map[string]placement{}, erp: l.erp, web: l.web}
	s.origin, s.token = "o."+s.id, fmt.Sprintf("token-of-a-shop-for-tests-%03d", n)
	var err error
	if s.erp == nil {
		if s.erp, err = totalgesttest.New(totalgesttest.Options{Dedupe: l.dedupe, NoSearch: l.noSearch, Seed: seed}); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(s.erp.Close)
		s.erp.SetProducts(products(max(l.products, 5)))
	}
	if s.web == nil {
		if s.web, err = framework360test.New(framework360test.Options{Seed: seed + 1}); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(s.web.Close)
	}
	return s
}

func dec(s string) decimal.Decimal { return decimal.RequireFromString(s) }

// products are n articles with a price, a rate and a stock.
func products(n int) []totalgest.Product {
	out := make([]totalgest.Product, n)
	for i := range out {
		out[i] = totalgest.Product{ID: fmt.Sprint(1 + i), SKU: fmt.Sprintf("SKU-%d", 1+i), Name: fmt.Sprintf("Articolo %d", 1+i),
			VATRate: totalgest.Some(dec("22")), Quantity: totalgest.Some(dec("100000")),
			Prices: []totalgest.Price{{Currency: "EUR", Amount: totalgest.Some(dec("12.20")), IncludesTax: totalgest.Some(true)}}}
	}
	return out
}

// order is an order of some pieces that adds up; unpaid ones wait.
func order(pieces int64, paid bool) framework360.Order {
	price, shipping := dec("12.20"), dec("5")
	o := framework360.Order{StateID: "1", StateName: "In attesa", PaymentState: "unpaid", PaymentID: "4", PaymentName: "Carta di credito",
		ShippingName: "Corriere", ShippingPrice: framework360.Some(shipping), ShippingVATRate: framework360.Some(dec("22")), Email: "prova@example.com",
		Billing: framework360.Party{FirstName: "Rita", LastName: "Esempio", City: "Bari", Province: "BA", Country: "IT"}, Currency: "EUR",
		Rows: []framework360.Row{{SKU: "SKU-1", Name: "Articolo 1", Quantity: framework360.Some(decimal.NewFromInt(pieces)),
			Price: framework360.Some(price), VATRate: framework360.Some(dec("22"))}},
		Total: framework360.Some(price.Mul(decimal.NewFromInt(pieces)).Add(shipping))}
	if paid {
		pay(&o)
	}
	return o
}

func pay(o *framework360.Order) { o.StateID, o.StateName, o.PaymentState = "2", "Pagato", "paid" }

// place places an order and returns its id.
func (s *shop) place(pieces int64, paid bool) string {
	o := order(pieces, paid)
	id := s.web.PutOrder(o)
	p := placement{gross: o.Total.Or(decimal.Zero)}
	if paid {
		p.paid = time.Now()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.placed[id] = p
	return id
}

// pay pays an order.
func (s *shop) pay(id string) {
	s.web.UpdateOrder(id, pay)
	s.note(id, func(p *placement) { p.paid = time.Now() })
}

func (s *shop) note(id string, change func(*placement)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.placed[id]
	change(&p)
	s.placed[id] = p
}

// placements is a copy of what was placed.
func (s *shop) placements() map[string]placement {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.placed)
}

// arrived counts the orders that TotalGest has, and those that it ought to.
func (s *shop) arrived() (have, want int) {
	ledger := s.ledger()
	for id, p := range s.placements() {
		if !p.paid.IsZero() {
			want++
			if len(ledger[id]) > 0 {
				have++
			}
		}
	}
	return have, want
}

// ledger is what TotalGest has of this shop, by the shop's ids. Orders of nobody
// are under their external id, which no order of the shop is called.
func (s *shop) ledger() map[string][]totalgesttest.ReceivedOrder {
	out := map[string][]totalgesttest.ReceivedOrder{}
	for _, o := range s.erp.Orders() {
		id := o.Order.ExternalID
		if rest, ok := cutOrigin(id, s.origin); ok {
			id = rest
		}
		out[id] = append(out[id], o)
	}
	return out
}

func cutOrigin(externalID, origin string) (string, bool) {
	rest, ok := bytes.CutPrefix([]byte(externalID), []byte(origin+"-"))
	return string(rest), ok
}

// tell posts an event about an order and returns the status; 0: nobody answered.
func (s *shop) tell(ctx context.Context, addr, id string) int {
	if addr == "" {
		return 0
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	body := bytes.NewReader([]byte(`{"event":"order.updated","order_id":` + id + `}`))
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+addr+"/webhook/"+s.id+"/"+s.token, body)
	if err != nil {
		return 0
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := oneShot.Do(req)
	if err != nil {
		return 0
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode
}

// oneShot keeps no connection to a process that may be dead or frozen.
var oneShot = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}

func accepted(status int) bool { return status >= 200 && status < 300 }

// faultKinds are all ways in which the other side misbehaves.
var faultKinds = []totalgesttest.FaultKind{
	totalgesttest.DropBefore, totalgesttest.DropAfter, totalgesttest.Error500Before, totalgesttest.Error500After,
	totalgesttest.LateEffect, totalgesttest.HangAfter, totalgesttest.Truncate, totalgesttest.HTML502,
	totalgesttest.HTML200, totalgesttest.OK200Error, totalgesttest.TooMany429, totalgesttest.Slow, totalgesttest.Hang,
}

// storm has a share of all requests, on both sides, meet faults of every kind in
// equal parts. A read that hangs does so until the client's own time-out of half
// a minute, so there are few, and none in the short form.
func (s *shop) storm(share float64) {
	each := 1 - math.Pow(1-share, 1/float64(len(faultKinds))) // of the rules, the first one to strike decides
	var erp []totalgesttest.Fault
	var web []framework360test.Fault
	for _, k := range faultKinds {
		f := totalgesttest.Fault{Kind: k, Share: each, Delay: 300 * time.Millisecond}
		if k == totalgesttest.LateEffect {
			f.Delay = settle / 2
		}
		if k != totalgesttest.Hang && k != totalgesttest.HangAfter {
			erp, web = append(erp, f), append(web, f)
			continue
		}
		f.Operation = "orders.create"
		erp = append(erp, f)
		if f.Times = 5; long() {
			f.Operation = "orders.find"
			erp = append(erp, f)
			f.Operation = "orders/get"
			web = append(web, f)
		}
	}
	s.erp.Faults(erp...)
	s.web.Faults(web...)
}

func (s *shop) calm() {
	s.erp.Faults()
	s.web.Faults()
}

// faults says how many faults of each kind there were.
func (r *rig) faults() string {
	met := map[totalgesttest.FaultKind]int{}
	total := 0
	for _, s := range r.shops {
		for k, n := range s.erp.FaultCounts() {
			met[k] += n
			total += n
		}
		for k, n := range s.web.FaultCounts() {
			met[k] += n
			total += n
		}
	}
	text := fmt.Sprintf("%d faults:", total)
	for _, k := range slices.Sorted(maps.Keys(met)) {
		text += fmt.Sprintf(" %s %d,", k, met[k])
	}
	return text[:len(text)-1]
}

// atCreate returns at the nth order that comes from now on, and a moment later:
// when the connector is busy writing. It waits no longer than limit.
func (s *shop) atCreate(r *rig, n int64, limit time.Duration) {
	var seen atomic.Int64
	done := make(chan struct{})
	s.erp.OnRequest(func(operation string) {
		if operation == "orders.create" && seen.Add(1) == n {
			close(done)
		}
	})
	defer s.erp.OnRequest(nil)
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-done:
		r.pause(r.between(0, 5*time.Millisecond))
	case <-timer.C:
	}
}
