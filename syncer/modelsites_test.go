package syncer_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/tg360/tg360/framework360"
	"github.com/tg360/tg360/syncer"
	"github.com/tg360/tg360/totalgest"
)

// The poisons.
const (
	badRead   poison = "the shop can't show it"
	badServer poison = "the shop fails on it"
	badSum    poison = "it does not add up"
	badData   poison = "TotalGest refuses it"
	badName   poison = "its mapping would give it another external id"
	badLuck   poison = "TotalGest never answers for it, and never has it"
)

// mapModel is a small mapping: the content of an order is its note.
func mapModel(o framework360.Order, oc syncer.OrderContext) (totalgest.Order, error) {
	if o.Note == string(badSum) {
		return totalgest.Order{}, &syncer.ItemError{Reason: syncer.ReasonData, Code: "TG-ORD-007", Message: "a cent off"}
	}
	if o.Note == string(badName) {
		oc.ExternalID += "-bis"
	}
	return totalgest.Order{ExternalID: oc.ExternalID, CreatedAt: o.Created, Currency: o.Currency, Note: o.Note}, nil
}

// modelERP is TotalGest as one process sees it.
type modelERP struct {
	*totalgest.Client // for what orders don't need
	p                 *process
}

func (e *modelERP) Can(ability string) bool {
	switch ability {
	case totalgest.AbilitySearch:
		return e.p.w.kind != dedupes && e.p.w.kind != neither && e.p.w.kind != noted
	case totalgest.AbilityDedupe:
		return e.p.w.kind == dedupes
	case totalgest.AbilityOrderList:
		return e.p.w.kind == noted || e.p.w.kind == honest
	}
	return ability == totalgest.AbilityUpdate
}

func (e *modelERP) Verify(context.Context) (totalgest.Report, error) {
	return totalgest.Report{}, e.p.point("other")
}

// erpError is an error as the client makes it.
func erpError(code string, o totalgest.Outcome) error {
	return &totalgest.Error{Code: code, Outcome: o, Message: "as the model wants it"}
}

// errLostReply is no error of the client: what is not known to have left nothing
// behind may have.
var errLostReply = errors.New("connection reset by peer")

func (e *modelERP) CreateOrder(ctx context.Context, o totalgest.Order) (totalgest.OrderRef, bool, error) {
	deadline, bounded := ctx.Deadline()
	if !e.p.alive() {
		return totalgest.OrderRef{}, false, errDead
	}
	if !bounded || !time.Now().Before(deadline) {
		e.p.w.complain("%s is to be sent after its deadline", o.ExternalID)
	}
	undo := e.p.w.attempt(e.p, o.ExternalID, deadline)
	if err := e.p.point("create"); err != nil {
		return totalgest.OrderRef{}, false, err
	}
	// A process that froze with the bytes in its hands may send them after the
	// deadline: no later than T after it, which is what T is for.
	if ctx.Err() != nil && !time.Now().Before(deadline.Add(modelT)) {
		undo()
		return totalgest.OrderRef{}, false, erpError("cancelled", totalgest.OutcomeNotSent)
	}
	if ctx.Err() != nil {
		e.p.w.saw("sent after its deadline")
	}
	ref, created, err := e.create(ctx, o, deadline)
	if ctx.Err() != nil { // the reply came too late, if one came
		ref, created, err = totalgest.OrderRef{}, false, errLostReply
	}
	e.p.w.note(e.p, "created", o.ExternalID, err)
	if dead := e.p.point("created"); dead != nil {
		return totalgest.OrderRef{}, false, dead
	}
	var te *totalgest.Error
	switch {
	case err == nil && ref.ID != "" && ref.ExternalID == o.ExternalID:
		e.p.w.confirm(e.p, o.ExternalID)
	case errors.As(err, &te): // it says that nothing was done
		undo()
	}
	return ref, created, err
}

// create is what becomes of a creation whose bytes leave now.
func (e *modelERP) create(ctx context.Context, o totalgest.Order, deadline time.Time) (totalgest.OrderRef, bool, error) {
	w := e.p.w
	m := w.take("create")
	switch {
	case strings.HasSuffix(o.Note, string(badData)):
		m = mishap{kind: "refused"}
	case strings.HasSuffix(o.Note, string(badLuck)):
		m = mishap{kind: "lost before"}
	}
	switch m.kind {
	case "refused":
		return totalgest.OrderRef{}, false, erpError("invalid", totalgest.OutcomeRefused)
	case "unauthorized":
		return totalgest.OrderRef{}, false, erpError("unauthorized", totalgest.OutcomeRefused)
	case "throttled":
		return totalgest.OrderRef{}, false, &totalgest.Error{Code: "rate_limited", Outcome: totalgest.OutcomeRefused, RetryAfter: 40 * time.Second}
	case "not sent":
		return totalgest.OrderRef{}, false, erpError("unavailable", totalgest.OutcomeNotSent)
	case "lost before":
		return totalgest.OrderRef{}, false, errLostReply
	case "late":
		at := deadline.Add(modelT - time.Millisecond) // the last moment
		if soon := time.Now().Add(m.wait); soon.Before(at) {
			at = soon
		}
		time.AfterFunc(time.Until(at), func() { w.book(o.ExternalID, o.Note) })
		return totalgest.OrderRef{}, false, errLostReply
	case "other unbooked":
		return totalgest.OrderRef{ID: "TG0", ExternalID: "t1-other"}, true, nil
	}
	b, created := w.book(o.ExternalID, o.Note)
	ref := totalgest.OrderRef{ID: b.id, Number: "N" + b.id, ExternalID: b.externalID}
	switch m.kind {
	case "lost after":
		return totalgest.OrderRef{}, false, errLostReply
	case "lost twice": // TotalGest's own mistake
		w.mu.Lock()
		b.id += "-copy"
		w.ledger = append(w.ledger, b)
		w.mu.Unlock()
		return totalgest.OrderRef{}, false, errLostReply
	case "other":
		return totalgest.OrderRef{ID: "TG0", ExternalID: "t1-other"}, true, nil
	case "no id":
		ref.ID = ""
	case "slow":
		select {
		case <-ctx.Done():
		case <-time.After(m.wait):
		}
	}
	return ref, created, nil
}

func (e *modelERP) UpdateOrder(ctx context.Context, id string, o totalgest.Order) (totalgest.OrderRef, error) {
	if err := e.p.point("other"); err != nil {
		return totalgest.OrderRef{}, err
	}
	w := e.p.w
	w.mu.Lock()
	i := slices.IndexFunc(w.ledger, func(b entry) bool { return b.id == id })
	if i >= 0 {
		_, rest, marked := strings.Cut(o.Note, "]\n")
		if !marked {
			rest = o.Note
		}
		w.ledger[i].content = rest
	}
	w.mu.Unlock()
	if i < 0 {
		w.complain("an update of %s, which TotalGest does not have", id)
	}
	return totalgest.OrderRef{ID: id, ExternalID: o.ExternalID}, e.p.point("other")
}

func (e *modelERP) FindOrders(_ context.Context, externalID string) ([]totalgest.OrderRef, error) {
	if err := e.p.point("ask"); err != nil {
		return nil, err
	}
	w := e.p.w
	if !e.Can(totalgest.AbilitySearch) {
		w.complain("%s was searched for where nothing can be", externalID)
	}
	m := w.take("find")
	if m.kind == "fails" {
		return nil, erpError("unavailable", "")
	}
	at, refs := time.Now(), w.find(externalID)
	if m.kind == "no id" {
		for i := range refs {
			refs[i].ID = ""
		}
	}
	if m.kind == "slow" {
		pause(m.wait)
	}
	if err := e.p.point("asked"); err != nil {
		return nil, err
	}
	w.mu.Lock()
	if at.After(w.asked[externalID]) {
		w.asked[externalID] = at
	}
	w.trace = append(w.trace, scene{time.Now(), e.p.name, "asked", externalID, fmt.Sprint(at, refs)})
	w.mu.Unlock()
	return refs, nil
}

// OrderPages lists what was booked since a time, newest last.
func (e *modelERP) OrderPages(_ context.Context, o totalgest.ListOptions) iter.Seq2[totalgest.Page[totalgest.OrderRef], error] {
	return func(yield func(totalgest.Page[totalgest.OrderRef], error) bool) {
		w, began := e.p.w, time.Now()
		for at, last := 0, false; !last; at += 3 {
			err := e.p.point("ask")
			m := w.take("find")
			if err == nil && m.kind == "fails" {
				err = erpError("unavailable", "")
			}
			var page totalgest.Page[totalgest.OrderRef]
			if err == nil {
				page, last = w.page(at, at+3, o.UpdatedSince)
			}
			if m.kind == "slow" {
				pause(m.wait)
			}
			if err == nil {
				err = e.p.point("asked")
			}
			if !yield(page, err) || err != nil {
				return
			}
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		if began.After(w.scanned) {
			w.scanned = began
		}
	}
}

func (w *world) page(from, to int, since time.Time) (page totalgest.Page[totalgest.OrderRef], last bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var refs []totalgest.OrderRef
	for _, b := range w.ledger {
		if !b.at.Before(since) {
			ref := totalgest.OrderRef{ID: b.id, Note: b.mark + "\n" + b.content}
			if w.kind == honest {
				ref.ExternalID = b.externalID
			}
			refs = append(refs, ref)
		}
	}
	page.Items = refs[min(from, len(refs)):min(to, len(refs))]
	return page, to >= len(refs)
}

// find is what the search answers.
func (w *world) find(externalID string) []totalgest.OrderRef {
	w.mu.Lock()
	defer w.mu.Unlock()
	var refs []totalgest.OrderRef
	for _, b := range slices.Backward(w.ledger) {
		var hit bool
		switch w.kind {
		case honest:
			hit = b.externalID == externalID
		case prefix:
			hit = strings.HasPrefix(b.externalID, externalID)
		case ignores: // it lists the latest ones, those of the last minutes
			hit = len(refs) < 2 && time.Since(b.at) < modelT+2*time.Minute
		}
		if hit {
			refs = append(refs, totalgest.OrderRef{ID: b.id, ExternalID: b.externalID})
		}
	}
	return refs
}

// modelShop is Framework360 as one process sees it.
type modelShop struct {
	*framework360.Client // for what orders don't need
	p                    *process
}

func (*modelShop) Can(string) bool { return false }

func (*modelShop) Taxes(context.Context) ([]framework360.Reference, error) { return nil, nil }

func (s *modelShop) Verify(context.Context) (framework360.Report, error) {
	return framework360.Report{}, s.p.point("list")
}

func (s *modelShop) Order(_ context.Context, id string) (framework360.Order, error) {
	if err := s.p.point("read"); err != nil {
		return framework360.Order{}, err
	}
	w := s.p.w
	m := w.take("read")
	w.mu.Lock()
	o, ok := w.orders[strings.TrimLeft(id, "0")] // as a database does that compares numbers
	var read framework360.Order
	if ok {
		read = o.order
	}
	w.mu.Unlock()
	if m.kind == "slow" { // it shows the order as it was
		pause(m.wait)
	}
	switch {
	case !ok:
		return framework360.Order{}, framework360.ErrNotFound
	case o.poison == badRead:
		return framework360.Order{}, framework360.ErrInvalidRecord
	case m.kind == "fails", o.poison == badServer:
		return framework360.Order{}, framework360.ErrUnavailable
	case m.kind == "unauthorized":
		return framework360.Order{}, framework360.ErrUnauthorized
	}
	return read, s.p.point("was read")
}

// OrderPages lists the orders, newest first; the list may grow meanwhile.
func (s *modelShop) OrderPages(context.Context, framework360.OrderOptions) iter.Seq2[framework360.Page[framework360.Order], error] {
	return func(yield func(framework360.Page[framework360.Order], error) bool) {
		const size = 3
		for at := 0; ; at += size {
			err := s.p.point("list")
			if m := s.p.w.take("list"); err == nil && m.kind == "fails" {
				err = framework360.ErrUnavailable
			}
			if err != nil {
				yield(framework360.Page[framework360.Order]{}, err)
				return
			}
			page, last := s.p.w.listed(at, size)
			if !yield(page, nil) || last {
				return
			}
		}
	}
}

// listed returns one page of the list.
func (w *world) listed(at, size int) (page framework360.Page[framework360.Order], last bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i := at; i < min(at+size, len(w.ids)); i++ {
		o := w.orders[w.ids[len(w.ids)-1-i]]
		if o.poison == badRead {
			page.Rejected = append(page.Rejected, &framework360.Error{Code: "invalid_record", RecordID: o.order.ID})
			continue
		}
		page.Items = append(page.Items, framework360.Order{ID: o.order.ID, Number: o.order.Number, Created: o.order.Created})
	}
	return page, at+size >= len(w.ids)
}
