package syncer

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/shopspring/decimal"
	"github.com/tg360/tg360/framework360"
	"golang.org/x/sync/semaphore"
)

// siteLists are the lists that a site keeps of its own words. They hardly ever
// change, and every product and order refers to them.
type siteLists struct{ taxes, states, payments refList }

func newSiteLists() siteLists {
	one := func() refList { return refList{turn: semaphore.NewWeighted(1)} }
	return siteLists{taxes: one(), states: one(), payments: one()}
}

// refList is one of them, as it was read.
type refList struct {
	turn   *semaphore.Weighted // of reading it: a wait for the shop that ctx can end
	read   time.Time
	names  map[string]string          // by id
	rates  map[string]decimal.Decimal // by id, of those that have one
	byRate map[string]string          // rate as text to id; the first one listed
}

// listsFor is how long a list is believed.
const listsFor = time.Hour

// load reads the list when it is not there or too old. The maps are replaced,
// never changed, so that callers may go on reading them.
func (l *refList) load(ctx context.Context, now time.Time, what string, fetch func(context.Context) ([]framework360.Reference, error)) (refList, error) {
	if err := l.turn.Acquire(ctx, 1); err != nil {
		return refList{}, err
	}
	defer l.turn.Release(1)
	if l.names == nil || now.Sub(l.read) >= listsFor {
		refs, err := fetch(ctx)
		if err != nil && classify(err) == permanent {
			err = errors.New(err.Error()) // it is not about the item that needs the list: that one is tried again
		}
		if err != nil {
			return refList{}, fmt.Errorf("read the shop's %s: %w", what, err)
		}
		l.names, l.rates, l.byRate, l.read = map[string]string{}, map[string]decimal.Decimal{}, map[string]string{}, now
		for _, r := range refs {
			l.names[r.ID] = r.Name
			if rate, ok := r.Rate.Get(); ok {
				l.rates[r.ID] = rate
				if key := rateKey(rate); l.byRate[key] == "" {
					l.byRate[key] = r.ID
				}
			}
		}
	}
	return refList{names: l.names, rates: l.rates, byRate: l.byRate}, nil
}

// rateKey makes 22, 22.0 and 22.00 the same key.
func rateKey(d decimal.Decimal) string { return string(appendDecimal(nil, d)) }

// appendDecimal writes a number in its shortest form, as Decimal.String does,
// and without its allocations: it runs several times for each product.
func appendDecimal(b []byte, d decimal.Decimal) []byte {
	exp := int(d.Exponent())
	if d.NumDigits() > 18 || exp > 0 || exp < -18 {
		return append(b, d.String()...)
	}
	c := d.CoefficientInt64()
	for exp < 0 && c%10 == 0 {
		c, exp = c/10, exp+1
	}
	if c < 0 {
		b, c = append(b, '-'), -c
	}
	if exp == 0 {
		return strconv.AppendInt(b, c, 10)
	}
	unit := int64(1)
	for range -exp {
		unit *= 10
	}
	b = append(strconv.AppendInt(b, c/unit, 10), '.')
	at := len(b)
	b = strconv.AppendInt(b, unit+c%unit, 10) // the leading 1 keeps the zeros after the point
	return append(b[:at], b[at+1:]...)
}

// taxes returns the site's taxes.
func (s *Syncer) taxes(ctx context.Context, c *conn) (refList, error) {
	return c.lists.taxes.load(ctx, s.now(), "taxes", c.Framework360.Taxes)
}

// name fills in the names of an order's state and payment method where the shop
// gave their ids alone: people write rules by name.
func (s *Syncer) name(ctx context.Context, c *conn, o *framework360.Order) error {
	if o.StateName == "" && o.StateID != "" {
		l, err := c.lists.states.load(ctx, s.now(), "order states", c.Framework360.Statuses)
		if err != nil {
			return err
		}
		o.StateName = l.names[o.StateID]
	}
	if o.PaymentName == "" && o.PaymentID != "" {
		l, err := c.lists.payments.load(ctx, s.now(), "payment methods", c.Framework360.PaymentMethods)
		if err != nil {
			return err
		}
		o.PaymentName = l.names[o.PaymentID]
	}
	return nil
}
