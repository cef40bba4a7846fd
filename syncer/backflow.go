package syncer

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tg360/tg360/framework360"
	"github.com/tg360/tg360/totalgest"
	"golang.org/x/sync/errgroup"
)

// BackFlowMode says whether what TotalGest says of an order goes to the shop.
type BackFlowMode int

// The modes of the back flow.
const (
	BackFlowOff    BackFlowMode = iota
	BackFlowDryRun              // reports and logs what it would write; by itself once a day
	BackFlowOn
)

// BackFlow says how the state, courier and tracking number of exported orders
// come from TotalGest to the shop. TotalGest's latest word counts, field by
// field: what a person changes in the shop stays until TotalGest says something
// new. An order is left alone while it is in conflict, when it is cancelled or
// refunded in the shop, and when its state there has no meaning in Rules.
type BackFlow struct {
	Mode BackFlowMode
	// Statuses maps TotalGest's order status, without case, to the shop's order
	// state, by id or name; an empty state leaves that of the order as it is. An
	// order with another status is left alone, and its link bears a warning. So
	// it is where the state means cancelled: that is left to people.
	Statuses map[string]string
}

// KindStatus names the runs that bring order states back, for [Syncer.Runs]. No
// link has it.
const KindStatus Kind = "status"

// folded returns a copy whose words are as they are compared.
func (b BackFlow) folded() BackFlow {
	statuses := make(map[string]string, len(b.Statuses))
	for status, state := range b.Statuses {
		statuses[word(status)] = strings.TrimSpace(state)
	}
	b.Statuses = statuses
	return b
}

// backFlowInterval is the time between runs. A dry run reads again each time
// what it would write, so it is spared the shop's host.
func (c *Connection) backFlowInterval() time.Duration {
	if c.BackFlow.Mode == BackFlowDryRun {
		return 24 * time.Hour
	}
	return c.OrderInterval
}

// SyncStatuses brings the state, courier and tracking number of the orders that
// changed in TotalGest since the last complete run to the shop, as
// Settings.BackFlow says. What failed for a passing reason, and what belongs to
// an order in doubt or in conflict, is kept for the next run. A dry run reports
// what would be written and leaves it to be written later. The error is
// [ErrBusy] when a run is under way, and another one when the list could not be
// read to its end, or when the back flow is off.
func (s *Syncer) SyncStatuses(ctx context.Context, connection string) (Run, error) {
	c, err := s.conn(connection)
	if err != nil {
		return Run{}, err
	}
	if c.BackFlow.Mode == BackFlowOff {
		return Run{}, fmt.Errorf("syncer: connection %s brings no order states back", connection)
	}
	ctx, l, err := s.begin(ctx, c, KindStatus)
	if err != nil {
		return Run{}, err
	}
	run := s.newRun(KindStatus)
	b := &statusRun{s: s, c: c, run: &run, waiting: maps.Clone(l.state.Pending), pending: map[string]totalgest.OrderRef{}}
	mark, err := b.walk(ctx, l.state)
	return run, s.finish(ctx, c, l, &run, err, func(state *cycle) {
		if c.BackFlow.Mode != BackFlowOn {
			return
		}
		state.Completed = s.now()
		if len(b.pending) <= maxPending { // else all that changed is read once more
			state.Watermark, state.Applied, state.Pending = mark, b.applied, b.pending
		}
	})
}

// maxPending bounds what a run keeps for the next one.
const maxPending = 1000

// statusRun is one run at work.
type statusRun struct {
	s       *Syncer
	c       *conn
	run     *Run
	ids     map[string]string             // the shop's states by name, without case, and by id
	targets map[string]string             // the shop's state by TotalGest's status; empty: as it is
	applied string                        // fingerprint of these, and of the rules
	waiting map[string]totalgest.OrderRef // by order id: what earlier runs left, and this one has not seen

	mu      sync.Mutex                    // guards run and pending while orders are worked on
	pending map[string]totalgest.OrderRef // what is left to the next run
}

// walk goes through what changed, and then through what earlier runs left. It
// returns the server's clock as it was when the first page was answered.
func (b *statusRun) walk(ctx context.Context, state cycle) (mark time.Time, err error) {
	if err := b.s.again(ctx, b.c); err != nil {
		return mark, err
	}
	if err := b.prepare(ctx); err != nil {
		return mark, err
	}
	since := state.Watermark
	if state.Applied != b.applied {
		since = time.Time{} // what was left alone before may be wanted now
	}
	var o totalgest.ListOptions
	if !since.IsZero() && b.c.TotalGest.Can(totalgest.AbilityModifiedSince) {
		o.UpdatedSince = since.Add(-b.c.Overlap)
	}
	b.run.Since = o.UpdatedSince
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	for page, err := range ahead(b.c.TotalGest.OrderPages(ctx, o)) {
		if err != nil {
			return mark, fmt.Errorf("list TotalGest's orders: %w", err)
		}
		if mark.IsZero() {
			mark = page.ServerTime
		}
		b.run.Pages++
		b.run.Read += len(page.Items) + len(page.Rejected)
		b.run.Rejected += len(page.Rejected)
		for _, err := range page.Rejected {
			b.s.log.WarnContext(ctx, "order of TotalGest can't be read", "connection", b.c.ID, "error", err)
		}
		if err := b.page(ctx, page.Items); err != nil {
			return mark, err
		}
	}
	if mark.IsZero() {
		mark = since // a server without a clock: everything is read again each time
	}
	var left []totalgest.OrderRef
	for _, id := range slices.Sorted(maps.Keys(b.waiting)) {
		left = append(left, b.waiting[id])
	}
	return mark, b.page(ctx, left)
}

// prepare finds the shop's states that the settings name.
func (b *statusRun) prepare(ctx context.Context) error {
	list, err := b.c.lists.states.load(ctx, b.s.now(), "order states", b.c.Framework360.Statuses)
	if err != nil {
		return err
	}
	b.ids, b.targets = map[string]string{}, map[string]string{"": ""} // an order without a status keeps its state
	for _, id := range slices.Sorted(maps.Keys(list.names)) {
		if name := word(list.names[id]); name != "" {
			b.ids[name] = id
		}
	}
	for id := range list.names {
		b.ids[word(id)] = id
	}
	for status, state := range b.c.BackFlow.Statuses {
		id, known := b.ids[word(state)]
		means, _ := meaning(b.c.Rules.States, id, list.names[id])
		if state != "" && (!known || means == MeansCancelled) {
			b.s.log.WarnContext(ctx, "no order is moved to this state: the shop lists no such state, or it means cancelled",
				"connection", b.c.ID, "status", status, "state", state)
			continue
		}
		b.targets[status] = id
	}
	b.applied = b.c.part("settings", []any{b.targets, b.c.Rules.States, b.c.Rules.PaymentStates})
	return nil
}

// page works on those orders of a page that are this shop's.
func (b *statusRun) page(ctx context.Context, refs []totalgest.OrderRef) error {
	ids, err := b.orderIDs(ctx, refs)
	if err != nil {
		return err
	}
	links, err := b.s.linksByID(ctx, b.c, KindOrder, ids)
	if err != nil {
		return err
	}
	todo := map[string]totalgest.OrderRef{} // the last one counts
	for i, id := range ids {
		l, ok := links[id]
		switch {
		case !ok || !l.mayBe(&refs[i]):
			b.run.Foreign++
			continue
		case l.PeerID == "":
			b.run.Foreign++
			b.pending[id] = refs[i] // it is being asked whose it is
		default:
			todo[id] = refs[i]
		}
		delete(b.waiting, id)
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(b.c.Writers)
	for _, id := range slices.Sorted(maps.Keys(todo)) {
		g.Go(func() error { return b.bring(ctx, links[id], todo[id]) })
	}
	return g.Wait()
}

// orderIDs returns the shop's id of each order, empty for those of others: as the
// external id says, and where the list does not show one, as it was linked.
func (b *statusRun) orderIDs(ctx context.Context, refs []totalgest.OrderRef) ([]string, error) {
	ids := make([]string, len(refs))
	unnamed := map[string]int{}
	for i := range refs {
		if id, ok := strings.CutPrefix(refs[i].ExternalID, b.c.externalID("")); ok {
			ids[i] = id
		} else if refs[i].ExternalID == "" {
			unnamed[refs[i].ID] = i
		}
	}
	if len(unnamed) == 0 {
		return ids, nil
	}
	links, err := b.s.store.List(ctx, Query{Connection: b.c.ID, Kind: KindOrder, PeerIDs: slices.Collect(maps.Keys(unnamed))})
	if err != nil {
		return nil, fmt.Errorf("read links: %w", err)
	}
	for i := range links {
		ids[unnamed[links[i].PeerID]] = links[i].ID
	}
	return ids, nil
}

// mayBe reports whether an order of TotalGest is the link's, or may turn out to
// be.
func (l *Link) mayBe(r *totalgest.OrderRef) bool {
	if l.PeerID == "" {
		return l.State != Skipped && l.State != NotLinked
	}
	return l.PeerID == r.ID
}

// bring brings one order up to date. Its error ends the run; what concerns the
// order alone is noted with its link.
func (b *statusRun) bring(ctx context.Context, l Link, r totalgest.OrderRef) error {
	if l.State == Conflict {
		b.later(l.ID, r, func(run *Run) { run.Rejected++ })
		return nil
	}
	b.count(func(*Run) { delete(b.pending, l.ID) }) // an earlier page may have had it
	r.Courier, r.Tracking = strings.TrimSpace(r.Courier), strings.TrimSpace(r.Tracking)
	state, ok := b.targets[word(r.Status)]
	if !ok {
		return b.leave(ctx, l, codeStatusUnmapped)
	}
	said := b.c.said(l.Sent, state, &r)
	if said == l.Sent {
		b.count(func(run *Run) { run.Unchanged++ })
		return b.note(ctx, l, said, "")
	}
	o, err := b.c.order(ctx, l.ID)
	if err == nil {
		err = b.s.name(ctx, b.c, &o)
	}
	switch {
	case errors.Is(err, framework360.ErrNotFound), errors.As(err, new(*ItemError)):
		return b.leave(ctx, l, codeOrderGone)
	case err != nil:
		return b.failed(ctx, l, r, err, codeOrderUnreadable)
	}
	now, code := b.stateOf(&o)
	if code != "" {
		return b.leave(ctx, l, code)
	}
	news := func(field string) bool { return partOf(said, field) != partOf(l.Sent, field) }
	u := framework360.StatusUpdate{Status: now}
	if news(sentState) {
		u.Status = state
	}
	if news(sentCourier) && !strings.EqualFold(strings.TrimSpace(o.Courier), r.Courier) {
		u.Courier = r.Courier
	}
	if news(sentTracking) && strings.TrimSpace(o.Tracking) != r.Tracking {
		u.Tracking = r.Tracking
	}
	if err := b.write(ctx, &l, u, u != framework360.StatusUpdate{Status: now}); err != nil {
		return b.failed(ctx, l, r, err, codeStatusRefused)
	}
	if b.c.BackFlow.Mode == BackFlowDryRun {
		said = l.Sent
	}
	return b.note(ctx, l, said, "")
}

// write makes the one call that changes an order in the shop, where there is
// something to change.
func (b *statusRun) write(ctx context.Context, l *Link, u framework360.StatusUpdate, differs bool) error {
	switch {
	case !differs:
		b.count(func(run *Run) { run.Unchanged++ })
		return nil
	case b.c.BackFlow.Mode == BackFlowDryRun:
		b.s.log.InfoContext(ctx, "dry run: this order would be brought up to date",
			"connection", b.c.ID, "order", l.ID, "totalgest", l.PeerID, "state", u.Status)
	default:
		b.count(func(run *Run) { run.Writes++ })
		if err := b.c.Framework360.UpdateStatus(ctx, l.ID, u); err != nil {
			return err
		}
	}
	b.count(func(run *Run) { run.Updated++ })
	return nil
}

// The parts of Link.Sent.
const (
	sentState    = "state"
	sentCourier  = "courier"
	sentTracking = "tracking"
)

// said fingerprints TotalGest's words about an order; where it says nothing, its
// last word stays.
func (c *conn) said(before, state string, r *totalgest.OrderRef) string {
	var out string
	for _, f := range [...]struct{ name, value string }{{sentState, state}, {sentCourier, r.Courier}, {sentTracking, r.Tracking}} {
		hash := partOf(before, f.name)
		switch {
		case f.value != "":
			out += c.part(f.name, f.value)
		case hash != "":
			out += f.name + "=" + hash + " "
		}
	}
	return out
}

// stateOf returns the id of an order's state, or a code that says why the order
// is to be left alone.
func (b *statusRun) stateOf(o *framework360.Order) (id, code string) {
	state, known := meaning(b.c.Rules.States, o.StateID, o.StateName)
	payment, _ := meaning(b.c.Rules.PaymentStates, o.PaymentState)
	for _, w := range []string{o.StateName, o.StateID} {
		if w != "" && b.ids[word(w)] != "" {
			id = b.ids[word(w)]
		}
	}
	switch {
	case state == MeansCancelled || payment == MeansCancelled:
		return id, codeOrderCancelled
	case id == "" || (!known && !slices.Contains(slices.Collect(maps.Values(b.targets)), id)):
		return id, codeOrderState // it may well be cancelled
	}
	return id, ""
}

// failed treats an error by its class; code names a permanent one.
func (b *statusRun) failed(ctx context.Context, l Link, r totalgest.OrderRef, err error, code string) error {
	class := classify(err)
	if class == connectionWide || class == interrupted {
		return fmt.Errorf("bring the state of order %s back: %w", l.ID, err)
	}
	b.s.log.WarnContext(ctx, "an order's state could not be brought back", "connection", b.c.ID, "order", l.ID, "error", err)
	if class == permanent {
		return b.leave(ctx, l, code)
	}
	b.later(l.ID, r, func(run *Run) { run.Failed++ })
	return b.note(ctx, l, l.Sent, codeStatusWaits)
}

// later keeps an order for the next run.
func (b *statusRun) later(id string, r totalgest.OrderRef, count func(*Run)) {
	b.count(func(run *Run) {
		b.pending[id] = r
		count(run)
	})
}

// leave leaves an order alone until TotalGest or the settings change; code says
// why.
func (b *statusRun) leave(ctx context.Context, l Link, code string) error {
	b.count(func(run *Run) { run.Rejected++ })
	return b.note(ctx, l, l.Sent, code)
}

// count adds to the report.
func (b *statusRun) count(f func(*Run)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	f(b.run)
}

// statusCodes are the warnings that belong to the back flow.
var statusCodes = []string{codeStatusUnmapped, codeStatusRefused, codeStatusWaits,
	codeOrderCancelled, codeOrderState, codeOrderGone, codeOrderUnreadable}

// note stores what the link says of the back flow, if that is new; also while we
// stop, since the shop has it. An event may change the link at the same time.
func (b *statusRun) note(ctx context.Context, l Link, said, code string) error {
	ctx = context.WithoutCancel(ctx)
	for {
		warnings := slices.DeleteFunc(slices.Clone(l.Warnings), func(w string) bool { return slices.Contains(statusCodes, w) })
		if code != "" {
			warnings = append(warnings, code)
		}
		if l.Sent == said && slices.Equal(l.Warnings, warnings) {
			return nil
		}
		l.Sent, l.Warnings = said, warnings
		err := b.s.store.Put(ctx, &l)
		if err == nil {
			return nil
		}
		if !errors.Is(err, ErrStale) {
			return fmt.Errorf("keep what was brought back: %w", err)
		}
		have, err := b.s.link(ctx, b.c, KindOrder, l.ID)
		if err != nil {
			return fmt.Errorf("keep what was brought back: %w", err)
		}
		l = *have
	}
}
