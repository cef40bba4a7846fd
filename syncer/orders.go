package syncer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tg360/tg360/framework360"
	"github.com/tg360/tg360/totalgest"
)

// PollOrders looks at the shop's list of orders, newest first, as far as the
// last complete look reached, and links every order that it has not seen: a
// worker then reads it and decides. The error is [ErrBusy] when a look is under
// way. Orders are never lost by an interrupted look: the next one goes as far.
func (s *Syncer) PollOrders(ctx context.Context, connection string) (Run, error) {
	c, err := s.conn(connection)
	if err != nil {
		return Run{}, err
	}
	ctx, l, err := s.begin(ctx, c, KindOrder)
	if err != nil {
		return Run{}, err
	}
	run := s.newRun(KindOrder)
	run.Since = l.state.Completed
	err = s.poll(ctx, c, l, &run)
	return run, s.finish(ctx, c, l, &run, err, func(state *cycle) { state.Completed = run.Started.Truncate(time.Microsecond) })
}

func (s *Syncer) poll(ctx context.Context, c *conn, l *lease, run *Run) error {
	if err := s.again(ctx, c); err != nil {
		return err
	}
	if err := s.soleExporter(ctx, c); err != nil {
		return err
	}
	p := &poll{s: s, c: c, run: run, last: l.state.Completed}
	for page, err := range c.Framework360.OrderPages(ctx, framework360.OrderOptions{}) {
		if err != nil {
			return fmt.Errorf("list orders: %w", err)
		}
		done, err := p.page(ctx, page)
		if err != nil || done {
			return err
		}
	}
	return nil
}

// soleExporter refuses to export beside the vendor's own plugin.
func (s *Syncer) soleExporter(ctx context.Context, c *conn) error {
	if c.PluginIsFine {
		return nil
	}
	plugins, err := c.Framework360.Plugins(ctx)
	switch {
	case errors.Is(err, framework360.ErrForbidden), errors.Is(err, framework360.ErrUnsupported):
		return nil // the key may not look; Verify has said so
	case err != nil:
		return fmt.Errorf("look for the vendor's own plugin: %w", err)
	}
	for _, p := range plugins {
		if p.Active.Or(true) && strings.Contains(strings.ToLower(p.ID+" "+p.Name), "totalgest") {
			return fmt.Errorf("%s: the vendor's own TotalGest plugin is active, every order would be exported twice: switch one of the two off: %w", codeConnectionExporter, framework360.ErrPluginActive)
		}
	}
	return nil
}

// poll is one look at the list of orders.
type poll struct {
	s       *Syncer
	c       *conn
	run     *Run
	last    time.Time // start of the last complete look
	created time.Time // of the order before, to see how the list is sorted
	mixed   bool      // the list is not sorted newest first: it is read to its end
}

// page links what is new on a page and reports whether the rest is known.
func (p *poll) page(ctx context.Context, page framework360.Page[framework360.Order]) (done bool, err error) {
	p.run.Pages++
	p.run.Read += len(page.Items) + len(page.Rejected)
	all := len(page.Items)
	page.Items = slices.DeleteFunc(page.Items, func(o framework360.Order) bool { return badID(o.ID) })
	p.run.Rejected += all - len(page.Items)
	ids := make([]string, 0, len(page.Items)+len(page.Rejected))
	for i := range page.Items {
		ids = append(ids, page.Items[i].ID)
		p.sorted(page.Items[i].Created)
	}
	for _, rejected := range page.Rejected {
		if id := recordID(rejected); id != "" {
			ids = append(ids, id)
		} else {
			p.run.Rejected++
		}
	}
	have, err := p.s.linksByID(ctx, p.c, KindOrder, ids)
	if err != nil {
		return false, err
	}
	var fresh []*Link
	known, old := true, len(page.Items) > 0
	for i := range page.Items {
		o := &page.Items[i]
		old = old && !o.Created.IsZero() && o.Created.Before(p.c.GoLive)
		if l, ok := have[o.ID]; ok {
			known = known && l.SeenAt.Before(p.last) // a look that broke off may have left a gap below
			p.run.Unchanged++
			continue
		}
		known = false
		have[o.ID] = Link{} // the same order twice on a page is one
		fresh = append(fresh, p.newLink(o))
	}
	for _, id := range ids[len(page.Items):] {
		if l, ok := have[id]; ok {
			known = known && l.SeenAt.Before(p.last)
			continue
		}
		known = false
		have[id] = Link{}
		fresh = append(fresh, p.newLink(&framework360.Order{ID: id}))
	}
	if err := p.s.putNew(ctx, fresh); err != nil {
		return false, err
	}
	p.run.Created += len(fresh)
	if p.run.Created > sweepBatch {
		fresh = nil // a long backlog is left to the sweep, so that no queue has to hold all of it
	}
	return (known || old) && !p.mixed && !p.created.IsZero(), p.s.wakeDue(ctx, fresh)
}

// sorted notes whether the list goes from new to old.
func (p *poll) sorted(created time.Time) {
	if !created.IsZero() && !p.created.IsZero() && created.After(p.created) {
		p.mixed = true
	}
	if !created.IsZero() {
		p.created = created
	}
}

func (p *poll) newLink(o *framework360.Order) *Link {
	now := p.s.now()
	l := &Link{Key: Key{p.c.ID, KindOrder, o.ID}, State: Queued, Title: firstOf(o.Number, o.ID),
		Created: o.Created, SeenAt: now, Version: 1, DueAt: now}
	if p.run != nil { // what comes meanwhile by an event is younger than the look, which may not reach it
		if l.SeenAt = p.run.Started.Truncate(time.Microsecond).Add(-time.Microsecond); l.SeenAt.Before(p.last) {
			l.SeenAt = p.last
		}
	}
	if !o.Created.IsZero() && o.Created.Before(p.c.GoLive) {
		l.State, l.Code, l.DueAt, l.Done = Skipped, codeOrderBeforeGoLive, time.Time{}, 1
		l.Message = "created before the go-live instant"
	}
	return l
}

// linksByID reads links as a map.
func (s *Syncer) linksByID(ctx context.Context, c *conn, kind Kind, ids []string) (map[string]Link, error) {
	links, err := s.store.Get(ctx, c.ID, kind, ids...)
	if err != nil {
		return nil, fmt.Errorf("read links: %w", err)
	}
	out := make(map[string]Link, len(links))
	for _, l := range links {
		out[l.ID] = l
	}
	return out, nil
}

// putNew stores new links; those that somebody else made first are left alone.
func (s *Syncer) putNew(ctx context.Context, links []*Link) error {
	_, err := s.putSome(ctx, links)
	return err
}

// putSome stores those of the links that nobody else changed since they were
// read, and returns the others.
func (s *Syncer) putSome(ctx context.Context, links []*Link) (stale map[Key]bool, err error) {
	for len(links) > 0 {
		err := s.store.Put(ctx, links...)
		var se *StaleError
		if !errors.As(err, &se) {
			return stale, err
		}
		if stale == nil {
			stale = map[Key]bool{}
		}
		for _, k := range se.Keys {
			stale[k] = true
		}
		var rest []*Link
		for _, l := range links {
			if !stale[l.Key] {
				rest = append(rest, l)
			}
		}
		if len(rest) == len(links) {
			return stale, err // a store that names no keys: don't turn in circles
		}
		links = rest
	}
	return stale, nil
}

// wakeDue enqueues those that are due, as far as the queue lets us: the sweep
// finds the rest.
func (s *Syncer) wakeDue(ctx context.Context, links []*Link) error {
	var due []Link
	for _, l := range links {
		if !l.DueAt.IsZero() {
			due = append(due, *l)
		}
	}
	if err := s.wake(ctx, due); err != nil {
		s.log.WarnContext(ctx, "enqueue failed; the sweep will find them", "links", len(due), "error", err)
	}
	return nil
}

// recordID returns the id of a record that could not be read; empty: unknown.
func recordID(err error) (id string) {
	var te *totalgest.Error
	var fe *framework360.Error
	switch {
	case errors.As(err, &te):
		id = te.RecordID
	case errors.As(err, &fe):
		id = fe.RecordID
	}
	if badID(id) {
		return ""
	}
	return id
}

// Notify says that an order of the shop may be new or changed, as a webhook
// does. It costs one write to the store and an enqueue that may fail; the order
// is read when a worker comes to it. Saying it twice is harmless.
func (s *Syncer) Notify(ctx context.Context, connection, orderID string) error {
	c, err := s.conn(connection)
	if err == nil && badID(orderID) {
		err = errBadID
	}
	if err != nil {
		return err
	}
	for {
		l, err := s.link(ctx, c, KindOrder, orderID)
		if errors.Is(err, ErrNotFound) {
			l, err = &Link{Key: Key{c.ID, KindOrder, orderID}, State: Queued, Title: orderID, SeenAt: s.now()}, nil
		}
		if err != nil {
			return fmt.Errorf("syncer: %w", err)
		}
		l.Version++
		if !l.Claimed("", s.now()) && !l.unresolved() {
			l.DueAt = s.now() // otherwise whoever works on it sees the new version when it ends
		}
		if err := s.store.Put(ctx, l); errors.Is(err, ErrStale) {
			continue
		} else if err != nil {
			return fmt.Errorf("syncer: %w", err)
		}
		return s.wakeDue(ctx, []*Link{l})
	}
}
