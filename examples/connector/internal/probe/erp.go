package probe

import (
	"context"
	"crypto/rand"
	"slices"
	"strings"
	"time"

	"github.com/tg360/tg360/internal/api"
	"github.com/tg360/tg360/internal/transport"
	"github.com/tg360/tg360/internal/wire"
	"github.com/tg360/tg360/totalgest"
	"github.com/tidwall/gjson"
)

func newERP(c totalgest.Config, within time.Duration, now func() time.Time) (*side, error) {
	s := newSide("totalgest", totalgest.Contract(), c.Profile, c.Location, within, now)
	s.accepts = func(profile []byte) error {
		next := c
		next.Profile = profile
		t, err := totalgest.New(next)
		if err == nil {
			t.Close()
		}
		return err
	}
	if err := s.accepts(c.Profile); err != nil {
		return nil, err
	}
	s.rec.base, c.Transport = base(c.Transport), s.rec
	c.Retries, c.OnAttempt = 1, s.timed(c.OnAttempt)
	t, err := totalgest.New(c)
	if err != nil {
		return nil, err
	}
	s.close = t.Close
	s.call = func(ctx context.Context, op string, params map[string]any) error {
		_, err := t.Call(ctx, op, params)
		return err
	}
	s.readers = func(p *wire.Profile, zone *time.Location) (map[string]reader, error) {
		out, r := map[string]reader{}, readersOf{contract: s.contract, profile: p, zone: zone}
		out["account"], out["product"] = readerOf[totalgest.Account](&r, "account"), readerOf[totalgest.Product](&r, "product")
		out["stock"], out["order_ref"] = readerOf[totalgest.Stock](&r, "stock"), readerOf[totalgest.OrderRef](&r, "order_ref")
		return out, r.err
	}
	return s, s.load()
}

// erp probes TotalGest.
func erp(ctx context.Context, s *side, c totalgest.Config) error {
	account := s.try(ctx, "account.get", true, nil)
	if account.is(api.Unauthorized, api.Unavailable, api.Cancelled) {
		s.broken = unreachable
		return ctx.Err()
	}
	if err := s.learn(); err != nil {
		return err
	}
	if account.ok() {
		s.identity(account, c)
	}
	products := s.list(ctx, "products.list", true)
	if err := s.learn(); err != nil {
		return err
	}
	s.since(ctx, products)
	s.one(ctx, "products.get", products, true)
	s.list(ctx, "stock.list", s.set.Has(totalgest.AbilityStock))
	orders := s.list(ctx, "orders.list", false)
	if err := s.learn(); err != nil {
		return err
	}
	s.since(ctx, orders)
	s.one(ctx, "orders.get", orders, false)
	s.search(ctx, "orders.find", "external_id", s.set.Has(totalgest.AbilitySearch), orders)
	if o := s.line("stock.list"); o != nil && o.Answer == Absent && s.set.Has(totalgest.AbilityStock) {
		s.changes.put(false, "there is no stock.list", "abilities", "stock")
	}
	if o := s.line("orders.list"); o != nil && o.Answer == Absent && s.set.Operations["orders.list"] != nil {
		s.changes.put(nil, "there is no orders.list", "operations", "orders.list")
	}
	return ctx.Err()
}

// identity compares the account with the settings; it shows neither.
func (s *side) identity(r *reply, c totalgest.Config) {
	shop, owner := s.field("account", "shop_id", r.elements[0]), s.field("account", "owner_id", r.elements[0])
	f := Finding{Name: "account", Says: "that of the settings", How: "shop id and owner id of account.get", Sure: Certain}
	if shop != c.ShopID || owner != c.OwnerID {
		f.Says = "another one than in the settings"
		if shop == "" || owner == "" {
			f.Says, f.Sure = "not known: its ids were not found", Unknown
		} else {
			s.broken = mismatch
		}
	}
	s.notes = append(s.notes, f)
}

// one reads a single record of a list that was read.
func (s *side) one(ctx context.Context, name string, l *list, needed bool) {
	id := ""
	if l != nil && len(l.first.elements) > 0 {
		id = s.id(l.op, l.first.elements[0])
	}
	if s.set.Operations[name] == nil || id == "" {
		s.skip(name, needed, "no id is known: the list is empty, or could not be read")
		return
	}
	s.try(ctx, name, needed, map[string]any{"id": id})
}

// line finds an operation's line of the table.
func (s *side) line(name string) *Operation {
	if i := slices.IndexFunc(s.ops, func(o *Operation) bool { return o.Name == name }); i >= 0 {
		return s.ops[i]
	}
	return nil
}

// search tries whether records are found by a field: one that a listed record has
// must find that alone, and one that nothing has must find nothing.
func (s *side) search(ctx context.Context, name, field string, needed bool, from *list) {
	op := s.set.Operations[name]
	say := func(says, how string, sure Sure) {
		s.notes = append(s.notes, Finding{name + ": search by " + field, says, how, sure})
	}
	if op == nil || op.Params[field] == "" && !strings.Contains(op.Path, "{"+field+"}") {
		if s.line(name) == nil {
			s.skip(name, needed, "the profile has no parameter for it")
		}
		say("not there", "the profile has no such parameter", Unknown)
		return
	}
	ask := func(v string) *reply {
		params := with(s.few(name), field, v)
		if s.line(name) == nil {
			return s.try(ctx, name, needed, params)
		}
		return s.ask(ctx, name, params)
	}
	want := ""
	for i := 0; from != nil && i < len(from.first.elements) && want == ""; i++ {
		want = s.field(op.Record, field, from.first.elements[i])
	}
	var known *reply
	if want != "" {
		known = ask(want)
	}
	unknown := ask(nobody())
	says, how, sure := s.found(op, field, want, known, unknown)
	if bad := sure == Certain && says != works; bad && s.set.Has("search") {
		s.changes.put(false, "searching by "+field+": "+says, "abilities", "search")
	}
	say(says, how, sure)
}

const works = "works"

// found weighs the answers to both questions; known is nil where it could not be
// asked.
func (s *side) found(op *wire.Operation, field, want string, known, unknown *reply) (says, how string, sure Sure) {
	how = "asked for that of a listed record, and for one that can't be there"
	passing := func(r *reply) bool { return r.is(api.Unavailable, api.RateLimited, api.Cancelled) }
	switch {
	case passing(unknown), known != nil && passing(known):
		return "not known: no answer", how, Unknown
	case unknown.is(api.NotFound):
		return "says that there is no such record, where an empty list is expected", how, Certain
	case !unknown.ok(), known != nil && !known.ok():
		return "refused, or not there", how, Certain
	case len(unknown.elements) > 0:
		return "ignored: it finds " + count(unknown.total, "record", "records") + " for what can't be there", how, Certain
	case known == nil:
		return "finds nothing where there is nothing; not known whether it finds what there is", "asked for one that can't be there; no listed record has " + field, Hint
	case len(known.elements) == 0:
		return "does not find what the list shows", how, Certain
	case slices.ContainsFunc(known.elements, func(e gjson.Result) bool { return s.field(op.Record, field, e) != want }):
		return "finds others as well", how, Certain
	}
	return works, how, Certain
}

// nobody is an id or SKU that no record has.
func nobody() string { return "tg360-probe-" + strings.ToLower(rand.Text()[:10]) }

// timed keeps the times of answers.
func (s *side) timed(next func(transport.Attempt)) func(transport.Attempt) {
	return func(a transport.Attempt) {
		if a.Status > 0 {
			s.times[a.Operation] = append(s.times[a.Operation], a.Duration)
		}
		if next != nil {
			next(a)
		}
	}
}
