package syncer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/tg360/tg360/framework360"
	"github.com/tg360/tg360/totalgest"
)

// Reconciliation is the report of [Syncer.Reconcile].
type Reconciliation struct {
	From    time.Time `json:"from"` // of the period in which the orders were created, inclusive
	To      time.Time `json:"to"`   // exclusive
	Started time.Time `json:"started"`
	Ended   time.Time `json:"ended"`

	Orders int           `json:"orders"` // the shop's orders of the period
	Missed int           `json:"missed"` // of these, those that no event and no look had found
	States map[State]int `json:"states"` // of these, how many are in each state now; states without any are left out
	// Checked is how many of these were linked and looked for in TotalGest's list;
	// 0 where that has none.
	Checked int `json:"checked"`

	// Differences are what the two systems and the links do not agree on, the
	// first 100; none: they agree. More is how many are left out.
	Differences []Difference `json:"differences,omitempty"`
	More        int          `json:"more,omitempty"`
	// Excluded are the orders that are not in TotalGest because of a rule, or
	// not yet, the first 100; they are no differences.
	Excluded []Difference `json:"excluded,omitempty"`
	Notes    []string     `json:"notes,omitempty"` // what could not be checked, and why
}

// Difference is one order on which the two systems and its link do not agree.
type Difference struct {
	OrderID string `json:"order,omitempty"`     // the shop's; empty: not known
	PeerID  string `json:"totalgest,omitempty"` // TotalGest's; empty: none
	State   State  `json:"state,omitempty"`     // of the link; empty: there is none
	Code    string `json:"code"`                // stable
	Message string `json:"message"`
}

// maxDifferences bounds each list of a report, and the searches for single
// orders that the list lacks.
const maxDifferences = 100

// Reconcile compares the orders that the shop created in [from, to) with their
// links and, where TotalGest has a list of orders, with that. It reads the shop's
// list as far as it reaches into the period, or to its end where it is not sorted
// newest first. What events and looks missed is linked and queued; an order that
// TotalGest turns out to have is linked with that and not sent. It writes to
// neither system. A list that could not be read to its end is an error, not a
// report. It takes some 500 bytes of memory for each order of the period, and
// thrice that for each one that was missed.
func (s *Syncer) Reconcile(ctx context.Context, connection string, from, to time.Time) (Reconciliation, error) {
	c, err := s.conn(connection)
	if err != nil {
		return Reconciliation{}, err
	}
	switch {
	case c.Orders == OrdersOff:
		return Reconciliation{}, fmt.Errorf("syncer: connection %s does not export orders", connection)
	case !from.Before(to):
		return Reconciliation{}, errors.New("syncer: the period to reconcile is empty")
	}
	r := &reconciler{s: s, c: c, report: Reconciliation{From: from, To: to, Started: s.now(), States: map[State]int{}},
		period: map[string]string{}, missed: map[string]*Link{}, there: map[string][]totalgest.OrderRef{}}
	if err := r.run(ctx); err != nil {
		if classify(err) == connectionWide {
			c.health.pause(err)
		}
		return Reconciliation{}, fmt.Errorf("syncer: reconcile %s: %w", connection, err)
	}
	r.report.Ended = s.now()
	return r.report, nil
}

// reconciler is one comparison at work.
type reconciler struct {
	s      *Syncer
	c      *conn
	report Reconciliation

	period map[string]string               // the shop's orders of the period, with TotalGest's id as it was before its list was read
	missed map[string]*Link                // of these, those without a link; not stored yet
	there  map[string][]totalgest.OrderRef // orders of TotalGest's list, by the shop's id
	listed bool                            // TotalGest's list was read
	asked  int                             // searches for single orders
	fall   struct {                        // how the shop's list is sorted
		last      time.Time // created, of the order before
		down, not bool      // it goes from new to old; it does not
		old       int       // pages in a row from before the period
	}
}

func (r *reconciler) run(ctx context.Context) error {
	if err := r.s.again(ctx, r.c); err != nil {
		return err
	}
	if err := r.s.soleExporter(ctx, r.c); err != nil {
		return err // what is queued here would be exported twice
	}
	if err := r.readShop(ctx); err != nil {
		return err
	}
	err := r.readERP(ctx)
	ids := map[string]struct{}{}
	for id := range r.period {
		ids[id] = struct{}{}
	}
	for id := range r.there {
		ids[id] = struct{}{}
	}
	for chunk := range slices.Chunk(slices.Sorted(maps.Keys(ids)), reconcileBatch) {
		if err := r.settle(ctx, chunk); err != nil {
			return err
		}
	}
	return err
}

// reconcileBatch bounds what is read from the store, and written to it, at once.
const reconcileBatch = 500

// readShop finds the orders of the period.
func (r *reconciler) readShop(ctx context.Context) error {
	for page, err := range r.c.Framework360.OrderPages(ctx, framework360.OrderOptions{}) {
		if err != nil {
			return fmt.Errorf("list orders: %w", err)
		}
		orders := page.Items
		for _, rejected := range page.Rejected {
			id := recordID(rejected)
			if id == "" {
				r.differ(Difference{Code: codeOrderUnreadable, Message: "an order of the shop's list can't be read, and does not even show its id"})
				continue
			}
			orders = append(slices.Clip(orders), framework360.Order{ID: id})
		}
		orders = slices.DeleteFunc(slices.Clone(orders), func(o framework360.Order) bool {
			if badID(o.ID) {
				r.differ(Difference{Code: codeOrderUnreadable, Message: errBadID.Message})
			}
			return badID(o.ID)
		})
		if err := r.note(ctx, orders); err != nil {
			return err
		}
		if r.past(page.Items) {
			return nil
		}
	}
	return nil
}

// note keeps those of the orders that belong to the period. One whose date
// nobody knows does: it must not be missed.
func (r *reconciler) note(ctx context.Context, orders []framework360.Order) error {
	ids := make([]string, len(orders))
	for i := range orders {
		ids[i] = orders[i].ID
	}
	links, err := r.s.linksByID(ctx, r.c, KindOrder, ids)
	if err != nil {
		return err
	}
	for i := range orders {
		o := &orders[i]
		l, known := links[o.ID]
		created := o.Created
		if created.IsZero() {
			created = l.Created
		}
		if !created.IsZero() && (created.Before(r.report.From) || !created.Before(r.report.To)) {
			continue
		}
		if _, again := r.period[o.ID]; again { // the list grew while it was read
			continue
		}
		r.period[o.ID] = l.PeerID
		if !known {
			r.missed[o.ID] = (&poll{s: r.s, c: r.c}).newLink(o)
		}
	}
	return nil
}

// past reports whether the rest of the list is older than the period: after two
// pages that are, of a list that has gone from new to old all the way.
func (r *reconciler) past(orders []framework360.Order) bool {
	f := &r.fall
	old := len(orders) > 0
	for i := range orders {
		created := orders[i].Created
		f.not = f.not || created.IsZero() || !f.last.IsZero() && created.After(f.last)
		f.down = f.down || created.Before(f.last)
		f.last = created
		old = old && created.Before(r.report.From)
	}
	f.old++
	if !old {
		f.old = 0
	}
	return f.down && !f.not && f.old >= 2
}

// readERP finds the orders of TotalGest that are this shop's.
func (r *reconciler) readERP(ctx context.Context) error {
	if !r.c.TotalGest.Can(totalgest.AbilityOrderList) {
		r.report.Notes = append(r.report.Notes, "TotalGest has no list of orders: what is linked was not looked for there")
		return nil
	}
	peers, marks := map[string]string{}, map[string]string{}
	for id, peer := range r.period {
		peers[peer] = id
		marks[mark(r.c.externalID(id))] = id
	}
	var o totalgest.ListOptions
	if r.c.TotalGest.Can(totalgest.AbilityModifiedSince) {
		o.UpdatedSince = r.report.From.Add(-r.c.Overlap)
	}
	named, read := false, 0
	for page, err := range r.c.TotalGest.OrderPages(ctx, o) {
		if err != nil {
			return fmt.Errorf("list TotalGest's orders: %w", err)
		}
		read += len(page.Items)
		for i := range page.Items {
			ref := &page.Items[i]
			named = named || ref.ExternalID != ""
			id, ours := strings.CutPrefix(ref.ExternalID, r.c.externalID(""))
			if !ours {
				id = marks[markPattern.FindString(ref.Note)]
			}
			if id == "" && ref.ExternalID == "" {
				id = peers[ref.ID]
			}
			again := slices.ContainsFunc(r.there[id], func(t totalgest.OrderRef) bool { return t.ID == ref.ID })
			if id != "" && !again {
				r.there[id] = append(r.there[id], totalgest.OrderRef{ID: ref.ID, Number: ref.Number})
			}
		}
		for _, rejected := range page.Rejected {
			r.differ(Difference{PeerID: recordID(rejected), Code: codeOrderUnreadable, Message: "an order of TotalGest's list can't be read"})
		}
	}
	if r.listed = true; read > 0 && !named {
		r.report.Notes = append(r.report.Notes, "TotalGest's list bears no external ids: orders there that no link knows were not looked for")
	}
	return nil
}

// settle compares some orders with their links. These are read after both lists,
// so that what was exported meanwhile is seen.
func (r *reconciler) settle(ctx context.Context, ids []string) error {
	links, err := r.s.linksByID(ctx, r.c, KindOrder, ids)
	if err != nil {
		return err
	}
	var all, changed []*Link
	adopted := map[string]bool{}
	for _, id := range ids {
		l, known := links[id]
		if !known && r.missed[id] != nil {
			l = *r.missed[id]
		} else if !known {
			r.differ(Difference{OrderID: id, PeerID: peerIDs(r.there[id]), Code: codeReconcileUnknown,
				Message: "TotalGest has an order with this shop's external id that no link knows"})
			continue
		}
		all = append(all, &l)
		if adopted[id] = r.adopt(&l); adopted[id] || !known {
			changed = append(changed, &l)
		}
	}
	stale, err := r.s.putSome(ctx, changed)
	if err != nil {
		return err
	}
	for _, l := range all {
		d, err := r.compare(ctx, l, adopted[l.ID])
		if err != nil {
			return err
		}
		if stale[l.Key] {
			d.Code, d.Message = codeReconcileWaits, "it changed while it was compared: the next comparison tells"
		}
		r.book(l, d)
	}
	return r.s.wakeDue(ctx, changed)
}

// adopt links an order that has no partner with the one that TotalGest's list
// shows: to send it would make a second one. Where that is not plain a person
// decides. It reports whether the link changed.
func (r *reconciler) adopt(l *Link) bool {
	peers, now := r.there[l.ID], r.s.now()
	if len(peers) == 0 || l.PeerID != "" || l.unresolved() && l.Claimed("", now) { // or somebody is asking just now
		return false
	}
	skipped := l.State == Skipped
	l.Owner, l.LeaseEnds, l.DueAt, l.Problems = "", time.Time{}, time.Time{}, nil
	if len(peers) == 1 && !skipped {
		l.State, l.Reason, l.Code, l.Message = Synced, "", "", ""
		l.PeerID, l.PeerNo, l.SyncedAt, l.SentBy = peers[0].ID, peers[0].Number, now, time.Time{}
		l.Attempts, l.Asked, l.DueAt = 0, 0, now // and is then compared with what the shop has
		return true
	}
	l.State, l.Reason, l.Code = Blocked, ReasonReview, codeReconcileUnknown
	l.Message = "TotalGest has it as " + peerIDs(peers) + ", although it was not to be exported: decide"
	if !skipped {
		l.Code, l.Message = codeOrderSeveral, "TotalGest has several orders with its external id: "+peerIDs(peers)
	}
	if l.SentBy.IsZero() { // nothing is sent before this is settled
		if l.SentBy = l.Created; l.SentBy.IsZero() {
			l.SentBy = r.report.From
		}
	}
	return true
}

// compare says what is odd about an order; a Difference without a code: nothing.
func (r *reconciler) compare(ctx context.Context, l *Link, adopted bool) (Difference, error) {
	peers := r.there[l.ID]
	was, ours := r.period[l.ID]
	d := Difference{OrderID: l.ID, PeerID: firstOf(l.PeerID, peerIDs(peers)), State: l.State, Code: l.Code, Message: l.Message}
	say := func(code, message string) { d.Code, d.Message = code, message }
	switch {
	case len(peers) > 1:
		d.PeerID = peerIDs(peers)
		say(codeReconcileTwice, fmt.Sprintf("TotalGest has %d orders with its external id", len(peers)))
	case adopted && l.PeerID != "":
		say(codeReconcileUnknown, "TotalGest had it and its link did not know: they are linked now")
	case adopted: // what its link says
	case len(peers) == 1 && l.PeerID != "" && l.PeerID != peers[0].ID:
		say(codeReconcileOther, "it is linked with "+l.PeerID+", and TotalGest has it as "+peers[0].ID)
	case !ours:
		return Difference{}, nil
	case len(peers) == 0 && r.listed && l.PeerID != "" && l.PeerID == was:
		if found, err := r.find(ctx, l); found || err != nil {
			return Difference{}, err
		}
		say(codeReconcileGone, "it is linked, and TotalGest's list does not show it under its external id")
	case l.State == Synced:
		return Difference{}, nil
	case r.missed[l.ID] != nil && l.State != Skipped:
		say(codeReconcileMissed, "no event and no look had found it: it is queued now")
	case l.Code == "":
		say(codeReconcileWaits, "it is not in TotalGest yet")
	}
	return d, nil
}

// find looks for a single order that the list lacks, where that can be done: the
// list may be narrowed by a clock that is late.
func (r *reconciler) find(ctx context.Context, l *Link) (bool, error) {
	if r.asked++; !r.c.TotalGest.Can(totalgest.AbilitySearch) || r.asked > maxDifferences {
		return false, nil
	}
	ext := r.c.externalID(l.ID)
	refs, err := r.c.TotalGest.FindOrders(ctx, ext)
	if err != nil {
		return false, fmt.Errorf("look for order %s in TotalGest: %w", l.ID, err)
	}
	return len(refs) == 1 && refs[0].ID == l.PeerID && refs[0].ExternalID == ext, nil
}

// book counts an order and lists what is odd about it.
func (r *reconciler) book(l *Link, d Difference) {
	if was, ours := r.period[l.ID]; ours {
		r.report.Orders++
		r.report.States[l.State]++
		if r.missed[l.ID] != nil {
			r.report.Missed++
		}
		if r.listed && was != "" {
			r.report.Checked++
		}
	}
	switch {
	case d.Code == "":
	case (d.State == Skipped || d.State == NotLinked) && d.Code == l.Code:
		if len(r.report.Excluded) < maxDifferences {
			r.report.Excluded = append(r.report.Excluded, d)
		}
	default:
		r.differ(d)
	}
}

func (r *reconciler) differ(d Difference) {
	if len(r.report.Differences) < maxDifferences {
		r.report.Differences = append(r.report.Differences, d)
		return
	}
	r.report.More++
}

// peerIDs names orders of TotalGest.
func peerIDs(refs []totalgest.OrderRef) string {
	ids := make([]string, len(refs))
	for i := range refs {
		ids[i] = refs[i].ID
	}
	return strings.Join(ids, ", ")
}

const (
	reconcileBack = 30 * 24 * time.Hour // how far a comparison on schedule looks back
	reconcileDoc  = "reconciliation"    // holds the report of the last one
)

// LastReconciliation returns the report of the last comparison that was made on
// Settings.ReconcileEvery. The error is [ErrNotFound] as long as there is none.
func (s *Syncer) LastReconciliation(ctx context.Context, connection string) (Reconciliation, error) {
	if _, err := s.conn(connection); err != nil {
		return Reconciliation{}, err
	}
	last, _, err := s.lastReconciliation(ctx, connection)
	if err == nil && last.Ended.IsZero() {
		err = fmt.Errorf("syncer: nothing was reconciled yet: %w", ErrNotFound)
	}
	return last, err
}

func (s *Syncer) lastReconciliation(ctx context.Context, connection string) (last Reconciliation, d Doc, err error) {
	d, err = s.store.Doc(ctx, connection, reconcileDoc)
	if err == nil {
		err = json.Unmarshal(d.Data, &last)
	}
	if err != nil {
		return last, d, fmt.Errorf("syncer: read the last reconciliation: %w", err)
	}
	return last, d, nil
}

// reconcileWhenDue makes the comparison of the last month when it is time; the
// first one when the connection is old enough to have something to compare.
func (s *Syncer) reconcileWhenDue(ctx context.Context, c *conn) error {
	last, d, err := s.lastReconciliation(ctx, c.ID)
	first := errors.Is(err, ErrNotFound)
	switch {
	case first:
		d = Doc{Connection: c.ID, Name: reconcileDoc}
	case err != nil:
		return err
	case s.now().Sub(last.Started) < c.ReconcileEvery:
		return nil
	}
	keep := func(r Reconciliation) error {
		if d.Data, err = json.Marshal(r); err != nil {
			return err
		}
		return s.store.PutDoc(ctx, &d)
	}
	began := last
	began.Started = s.now()
	if err := keep(began); first || err != nil {
		if errors.Is(err, ErrStale) {
			err = nil // another process does it
		}
		return err
	}
	report, err := s.Reconcile(ctx, c.ID, s.now().Add(-reconcileBack), s.now().Add(-2*c.OrderInterval))
	if err != nil {
		return errors.Join(err, keep(last)) // it is tried again soon
	}
	s.log.InfoContext(ctx, "reconciled", "connection", c.ID, "orders", report.Orders, "missed", report.Missed,
		"differences", len(report.Differences)+report.More, "notes", report.Notes)
	return keep(report)
}
