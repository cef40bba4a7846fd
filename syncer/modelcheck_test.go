package syncer_test

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tg360/tg360/syncer"
)

// brief shows what matters of a link.
func brief(l syncer.Link) string {
	at := func(t time.Time) string {
		if t.IsZero() {
			return "never"
		}
		return t.Format(time.TimeOnly + ".000")
	}
	return fmt.Sprintf("{%s %s %s %s peer=%s version=%d/%d due=%s owner=%.4s lease=%s sent by=%s attempts=%d asked=%d, now %s}", l.ID, l.State, l.Reason, l.Code,
		l.PeerID, l.Done, l.Version, at(l.DueAt), l.Owner, at(l.LeaseEnds), at(l.SentBy), l.Attempts, l.Asked, at(time.Now()))
}

// check looks for what must never be so.
func (w *world) check() error {
	for _, l := range w.links(func(*syncer.Link) bool { return true }) {
		have, ok := w.inLedger("t1-" + l.ID)
		switch {
		case l.PeerID != "" && (!ok || have.id != l.PeerID):
			w.complain("%s is linked with %s, and TotalGest has it as %q", l.ID, l.PeerID, have.id)
		case l.PeerID == "" && (l.State == syncer.Synced || l.State == syncer.Conflict):
			w.complain("%s is %s without TotalGest's id", l.ID, l.State)
		}
	}
	w.kept()
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.wrong) > 0 {
		return errors.New(strings.Join(w.wrong, "; "))
	}
	return nil
}

// finish ends all mishaps, lets time pass and persons act, and checks that every
// order has arrived where it belongs.
func (w *world) finish() error {
	w.mu.Lock()
	clear(w.mishaps)
	w.mu.Unlock()
	for i, p := range w.procs {
		p.calm()
		if !p.alive() {
			w.start(i)
		}
	}
	pause(modelT + 2*time.Minute) // longest freeze, latest effect
	if err := w.settle("a state that people can see", w.visible); err != nil {
		return err
	}
	if err := w.settle("its end", w.arrived); err != nil {
		return err
	}
	if err := w.settle("the state that its events ask for", func(id string, o *shopOrder, l syncer.Link) string {
		if o.told != o.now() {
			return ""
		}
		return w.truthful(id, o, l)
	}); err != nil {
		return err
	}
	for _, id := range w.ids {
		if err := w.procs[0].sync.Notify(w.ctx, connection, id); err != nil {
			return err
		}
	}
	pause(2 * time.Minute)
	if err := w.settle("the state that its content asks for", w.truthful); err != nil {
		return err
	}
	return w.atRest()
}

// settle lets time pass, and the processes look, until test says nothing of any
// order.
func (w *world) settle(what string, test func(id string, o *shopOrder, l syncer.Link) string) error {
	var bad string
	for range 60 {
		for _, p := range w.procs {
			p.do(func(ctx context.Context, y *syncer.Syncer) {
				if _, err := y.PollOrders(ctx, connection); err != nil && !errors.Is(err, syncer.ErrBusy) {
					w.complain("poll without a fault: %v", err)
				}
			})
			synctest.Wait()
		}
		pause(time.Minute)
		if err := w.check(); err != nil {
			return fmt.Errorf("at the end: %w", err)
		}
		if bad = w.first(test); bad == "" {
			return nil
		}
		if what == "its end" {
			w.people()
		}
	}
	return fmt.Errorf("not brought to %s: %s", what, bad)
}

// first returns what a test says of the orders.
func (w *world) first(test func(id string, o *shopOrder, l syncer.Link) string) string {
	links := map[string]syncer.Link{}
	for _, l := range w.links(func(*syncer.Link) bool { return true }) {
		links[l.ID] = l
	}
	for _, id := range w.ids {
		l := links[id]
		if complaint := test(id, w.orders[id], l); complaint != "" {
			l.ID = id
			return fmt.Sprintf("%s: %s %s", complaint, brief(l), w.orders[id].poison)
		}
	}
	return ""
}

// visible: an order is in TotalGest, or a person can see why not.
func (w *world) visible(id string, o *shopOrder, l syncer.Link) string {
	_, have := w.inLedger("t1-" + id)
	switch {
	case l.PeerID != "" || l.State == syncer.Blocked && l.Code != "":
		return ""
	case have && !o.eligible() && o.restored: // forced before the store was put back: Reconcile finds it
		return ""
	case o.eligible():
		return "not exported, and nobody sees it"
	case o.poison != "" && l.State == syncer.InDoubt && w.kind == dedupes: // it asks for ever, first in every list
		return ""
	case have && !o.eligible() && l.State != syncer.Blocked:
		return "exported, and not known to be"
	case l.State == syncer.Skipped && l.Code != "", l.State == syncer.NotLinked && l.Code != "" && !l.DueAt.IsZero():
		return ""
	}
	return "its end is open"
}

// arrived: once people have done their part, all that should be in TotalGest is.
func (w *world) arrived(id string, o *shopOrder, l syncer.Link) string {
	_, have := w.inLedger("t1-" + id)
	switch {
	case have && l.PeerID == "" && (o.eligible() || !o.restored):
		return "in TotalGest, and not known to be"
	case o.eligible() && !have:
		return "not in TotalGest"
	case o.poison == "" && l.State == syncer.Blocked:
		return "still waits for people"
	}
	return ""
}

// people decide what waits for a decision and try again what is blocked.
func (w *world) people() {
	for n, l := range w.links(func(l *syncer.Link) bool { return l.State == syncer.Blocked }) {
		p := w.procs[n%2]
		if l.Reason == syncer.ReasonReview {
			w.decide(p, l, 0)
		} else {
			p.do(func(ctx context.Context, y *syncer.Syncer) { _, _ = y.Retry(ctx, connection, syncer.KindOrder, l.ID) })
		}
		synctest.Wait()
	}
}

// truthful: what changed in the shop after the export is shown, and no other.
func (w *world) truthful(id string, o *shopOrder, l syncer.Link) string {
	have, ok := w.inLedger("t1-" + id)
	if !ok || o.resolved || o.restored || o.poison != "" {
		return ""
	}
	cancelled := o.order.StateName == "Annullato"
	switch {
	case l.State != syncer.Synced && l.State != syncer.Conflict:
		return "neither synced nor in conflict"
	case l.State == syncer.Synced && have.content != o.order.Note:
		return fmt.Sprintf("said to be synced, and TotalGest has %q instead of %q", have.content, o.order.Note)
	case l.State == syncer.Synced && cancelled && !o.forced:
		return "said to be synced, and cancelled in the shop"
	case l.State == syncer.Conflict && !cancelled && have.content == o.order.Note && w.kind != dedupes:
		return "said to be in conflict, and equal"
	}
	return ""
}

// atRest: nothing is claimed, forgotten, or behind.
func (w *world) atRest() error {
	for _, l := range w.links(func(*syncer.Link) bool { return true }) {
		o := w.orders[l.ID]
		switch {
		case o == nil && l.State == syncer.Blocked: // asked for by hand while the shop could not be read
		case o == nil:
			return fmt.Errorf("a link of an order that the shop never had: %s", brief(l))
		case !l.DueAt.IsZero() && time.Since(l.DueAt) > time.Minute:
			return fmt.Errorf("due and forgotten: %s", brief(l))
		case l.Owner != "" && time.Now().After(l.LeaseEnds):
			return fmt.Errorf("claimed for ever: %s", brief(l))
		case o.poison == "" && (l.Owner != "" || l.Done != l.Version):
			return fmt.Errorf("not worked to its end: %s", brief(l))
		}
	}
	return nil
}

// tally adds up what all histories led to.
type tally struct {
	mu    sync.Mutex
	steps int
	seen  map[string]int
}

func (y *tally) add(steps int, seen map[string]int) {
	y.mu.Lock()
	defer y.mu.Unlock()
	y.steps += steps
	if y.seen == nil {
		y.seen = map[string]int{}
	}
	for what, n := range seen {
		y.seen[what] += n
	}
}

func (y *tally) report(t *testing.T) {
	y.mu.Lock()
	defer y.mu.Unlock()
	t.Logf("%d steps: %v", y.steps, y.seen)
}

// story tells what happened to the first order that an error names.
func (w *world) story(err error) string {
	id := regexp.MustCompile(`t1-(\d+)|\{(\d+) `).FindStringSubmatch(err.Error())
	if id == nil {
		return ""
	}
	number := id[1] + id[2]
	w.mu.Lock()
	defer w.mu.Unlock()
	var out []string
	for _, e := range w.trace {
		if e.id == number || e.id == "t1-"+number {
			out = append(out, e.String())
		}
	}
	return strings.Join(out[max(0, len(out)-40):], "\n")
}
