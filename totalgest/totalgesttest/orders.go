package totalgesttest

import (
	"fmt"
	"time"

	"github.com/shopspring/decimal"
	"github.com/tg360/tg360/totalgest"
)

// ReceivedOrder is an order that the server has made.
type ReceivedOrder struct {
	Order totalgest.Order    // as it was sent
	Ref   totalgest.OrderRef // as it is now
	At    time.Time          // when it was made
}

// Orders returns the orders in the order in which they were made.
func (s *Server) Orders() []ReceivedOrder {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]ReceivedOrder, len(s.inOrder))
	for i, e := range s.inOrder {
		out[i] = e.rec
	}
	return out
}

// Duplicates counts the external ids that have more than one order.
func (s *Server) Duplicates() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, same := range s.external {
		if len(same) > 1 {
			n++
		}
	}
	return n
}

// Writes counts the calls that changed something.
func (s *Server) Writes() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.writes
}

// SetOrderStatus changes what the server says of an order, by its own id. It
// reports whether there is such an order.
func (s *Server) SetOrderStatus(id, status, courier, tracking string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.orders[id]
	if e == nil {
		return false
	}
	now := s.now()
	e.rec.Ref.Status, e.rec.Ref.Courier, e.rec.Ref.Tracking, e.rec.Ref.UpdatedAt = status, courier, tracking, now
	s.placed.touch(e, now)
	return true
}

// PutOrder makes an order as a person in TotalGest could, or one from the time
// before a restore. It does not count as a write.
func (s *Server) PutOrder(o totalgest.Order) totalgest.OrderRef {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.place(o).rec.Ref
}

// place makes an order.
func (s *Server) place(o totalgest.Order) *entry[ReceivedOrder] {
	now := s.now()
	n := 1001 + len(s.inOrder)
	id := fmt.Sprintf("TG-%d", n)
	e := &entry[ReceivedOrder]{at: now, id: id, rec: ReceivedOrder{Order: o, At: now, Ref: totalgest.OrderRef{
		ID: id, Number: fmt.Sprintf("%d/%d", now.Year(), n), ExternalID: o.ExternalID, Status: "new", UpdatedAt: now, Note: o.Note}}}
	s.orders[id] = e
	s.inOrder = append(s.inOrder, e)
	s.external[o.ExternalID] = append(s.external[o.ExternalID], e)
	s.placed.add(e)
	return e
}

// CheckOrder is what a TotalGest of this package demands of an order: an
// external id, a currency, a line, lines with a quantity and a price, and
// amounts that add up. Line totals, shipping and surcharges less discounts are
// the gross total where prices include tax and the net total where not, as far
// as each line has its total.
func CheckOrder(o totalgest.Order) []totalgest.FieldError {
	var out []totalgest.FieldError
	demand := func(ok bool, path, message string) {
		if !ok {
			out = append(out, totalgest.FieldError{Path: path, Message: message})
		}
	}
	demand(o.ExternalID != "", "external_id", "is required")
	demand(len(o.Currency) == 3, "currency", "is not an ISO 4217 code")
	demand(!o.CreatedAt.IsZero(), "created_at", "is required")
	demand(len(o.Lines) > 0, "lines", "at least one is required")
	sum, complete := sumOfParts(o, demand)
	gross, hasGross := o.Gross.Get()
	demand(hasGross, "totals.gross", "is required")
	if net, ok := o.Net.Get(); ok && o.VAT.IsSet() {
		demand(net.Add(o.VAT.Or(decimal.Zero)).Equal(gross), "totals.gross", "is not net and tax together")
	}
	if inclusive, ok := o.PricesIncludeTax.Get(); ok && complete && inclusive {
		demand(sum.Equal(gross), "totals.gross", "is not the sum of the parts")
	} else if ok && complete && o.Net.IsSet() {
		demand(sum.Equal(o.Net.Or(decimal.Zero)), "totals.net", "is not the sum of the parts")
	}
	return out
}

// sumOfParts adds up an order; complete is false where a line has no total.
func sumOfParts(o totalgest.Order, demand func(bool, string, string)) (sum decimal.Decimal, complete bool) {
	complete = true
	for i, l := range o.Lines {
		demand(l.Quantity.IsSet() && l.UnitPrice.IsSet(), fmt.Sprintf("lines.%d", i), "quantity and unit price are required")
		total, ok := l.Total.Get()
		complete = complete && ok
		sum = sum.Add(total)
	}
	sum = sum.Add(o.ShippingAmount.Or(decimal.Zero))
	for _, c := range o.Surcharges {
		sum = sum.Add(c.Amount.Or(decimal.Zero))
	}
	for _, c := range o.Discounts {
		sum = sum.Sub(c.Amount.Or(decimal.Zero))
	}
	return sum, complete
}
