package syncer_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tg360/tg360/framework360"
	"github.com/tg360/tg360/syncer"
	"pgregory.net/rapid"
)

// step is one thing that happens: to an order, to a process, to the time.
type step struct {
	what  string
	proc  int           // which process
	order int           // which order, counted round
	n     int           // how many, or which
	wait  time.Duration // how long
	fault string
}

func (s step) String() string {
	return fmt.Sprintf("{%s %c %d %d %v %s}", s.what, 'A'+rune(s.proc), s.order, s.n, s.wait, s.fault)
}

// GoString keeps what rapid prints of a history short.
func (s step) GoString() string { return s.String() }

// modelWeights says how often each step happens. Those that make a history go on
// come first: rapid prefers them, and turns the others into them when it shrinks.
var modelWeights = []struct {
	what   string
	weight int
}{{"pass", 12}, {"place", 6}, {"notify", 6}, {"poll", 3}, {"export", 3}, {"start", 4}, {"decide", 4}, {"edit", 2}, {"pay", 2}, {"create", 9},
	{"find", 3}, {"freeze", 3}, {"crash", 2}, {"retry", 1}, {"resolve", 2}, {"put", 2}, {"read", 2}, {"list", 1}, {"sweep", 1}, {"enqueue", 1}, {"cancel", 1}, {"reconcile", 1}, {"backup", 1}, {"restore", 1}}

var (
	modelFaults = map[string][]string{
		"create": {"lost after", "lost twice", "late", "lost before", "late", "slow", "other", "other unbooked", "no id", "not sent", "refused", "throttled", "unauthorized"},
		"find":   {"fails", "slow", "slow", "no id"},
		"read":   {"fails", "slow", "unauthorized"},
		"list":   {"fails"},
		"put":    {"before", "after"},
		"crash":  {"", "", "sending", "create", "created", "stored"},
		"freeze": {"", "create", "sending", "created", "asked", "put"},
	}
	modelWaits = []time.Duration{100 * time.Millisecond, time.Second, 7 * time.Second, 15 * time.Second, 22 * time.Second, 40 * time.Second,
		2 * time.Minute, modelT - 10*time.Second, modelT + 30*time.Second}
)

// newSteps makes a generator of histories. Generators must not be shared by
// goroutines.
func newSteps() *rapid.Generator[[]step] {
	var names []string
	for i := range modelWeights[0].weight { // the first ones of the list are drawn more often: all of them are among these
		for _, w := range modelWeights {
			if i < w.weight {
				names = append(names, w.what)
			}
		}
	}
	what, wait := rapid.SampledFrom(names), rapid.SampledFrom(modelWaits)
	proc, order, n := rapid.IntRange(0, 1), rapid.IntRange(0, 15), rapid.IntRange(0, 11)
	fault := map[string]*rapid.Generator[string]{}
	for name, kinds := range modelFaults {
		fault[name] = rapid.SampledFrom(kinds)
	}
	one := rapid.Custom(func(t *rapid.T) step {
		s := step{what: what.Draw(t, "what"), proc: proc.Draw(t, "process"), order: order.Draw(t, "order"), n: n.Draw(t, "n"), wait: wait.Draw(t, "wait")}
		if g := fault[s.what]; g != nil {
			s.fault = g.Draw(t, "fault")
		}
		return s
	})
	// Slices of slices of slices: long histories of very different lengths, of
	// which the shrinking can leave out large and small parts.
	chapters := rapid.SliceOfN(rapid.SliceOfN(rapid.SliceOfN(one, 1, 20), 1, 10), 1, 20)
	return rapid.Map(chapters, func(c [][][]step) []step { return slices.Concat(slices.Concat(c...)...) })
}

// TestModel lets two processes share a store while anything goes wrong that may,
// in random histories, and checks after each step and at the end that no order
// is lost or made twice, and that nothing is said that is not so.
func TestModel(t *testing.T) {
	t.Parallel()
	var total tally
	t.Cleanup(func() { total.report(t) })
	for _, kind := range erpKinds {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			steps := newSteps()
			lags := rapid.SampledFrom([]time.Duration{time.Millisecond, 200 * time.Millisecond})
			for done := 0; done < modelSteps/len(erpKinds); {
				rapid.Check(t, func(rt *rapid.T) {
					lag, history := lags.Draw(rt, "lag"), steps.Draw(rt, "history")
					if err := play(t, kind, lag, history, &total); err != nil {
						rt.Fatal(err)
					}
					done += len(history)
				})
			}
		})
	}
}

// play runs a history in a bubble of its own.
func play(t *testing.T, kind erpKind, lag time.Duration, history []step, total *tally) (err error) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t.Context(), kind, lag)
		defer w.end()
		defer func() {
			if err != nil {
				err = fmt.Errorf("%w\n%s", err, w.story(err))
			}
		}()
		for i, s := range history {
			w.apply(s)
			synctest.Wait()
			if err = w.check(); err != nil {
				err = fmt.Errorf("step %d, %v: %w", i, s, err)
				return
			}
		}
		err = w.finish()
		total.add(len(history), w.seen)
	})
	return err
}

// apply lets one thing happen. What takes time goes on in the background.
func (w *world) apply(s step) {
	p := w.procs[s.proc]
	o, id := w.pick(s.order)
	switch s.what {
	case "place":
		w.place(s.n)
	case "pay", "edit", "cancel":
		if o != nil {
			w.change(o, s.what)
			if s.n%2 == 0 {
				w.notify(p, o, id)
			}
		}
	case "notify":
		if o != nil {
			w.notify(p, o, id)
		}
	case "poll":
		p.do(func(ctx context.Context, y *syncer.Syncer) { _, _ = y.PollOrders(ctx, connection) })
	case "reconcile":
		p.do(func(ctx context.Context, y *syncer.Syncer) {
			_, _ = y.Reconcile(ctx, connection, time.Now().Add(-time.Hour), time.Now())
		})
	case "backup":
		w.backup = w.copied(w.store(), 0)
	case "restore":
		w.restore()
	case "sweep":
		p.do(func(ctx context.Context, y *syncer.Syncer) { _ = y.Sweep(ctx) })
	case "export":
		w.export(p, s)
	case "retry":
		p.do(func(ctx context.Context, y *syncer.Syncer) { _, _ = y.Retry(ctx, connection, syncer.KindOrder, id) })
	case "decide":
		if waiting := w.inReview(); len(waiting) > 0 {
			w.decide(p, waiting[s.order%len(waiting)], s.wait)
		}
	case "resolve":
		w.resolve(p, id, s.n%3 == 0)
	case "pass":
		pause(s.wait)
	case "create", "find", "read":
		w.expect(s.what, append(make([]mishap, s.n%3), mishap{s.fault, s.wait})...)
	case "list":
		w.expect("list", append(make([]mishap, s.n%3), mishap{kind: s.fault})...)
	case "put", "enqueue", "crash", "freeze":
		p.strike(s)
	case "start":
		for i, p := range w.procs {
			if !p.alive() {
				w.start(i)
			}
		}
	}
}

// strike arranges for a process to suffer.
func (p *process) strike(s step) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if s.fault != "" { // a certain point, of which there are few
		s.n %= 3
	}
	switch s.what {
	case "put":
		p.badPuts = append(p.badPuts, append(make([]mishap, s.n%4), mishap{kind: s.fault})...)
	case "enqueue":
		p.forgets += 1 + s.n
	case "crash":
		p.crash = trap{1 + s.n, s.fault}
	case "freeze":
		p.freeze, p.freezes = trap{1 + s.n, s.fault}, s.wait
	}
}

// modelOrders bounds the orders of one history.
const modelOrders = 12

// place makes a new order; about every third one is bad from the start.
func (w *world) place(n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.ids) == modelOrders {
		return
	}
	id := fmt.Sprint(len(w.ids) + 1) // 1 is a prefix of 10
	o := &shopOrder{order: framework360.Order{ID: id, Number: "N-" + id, Created: time.Now(), Currency: "EUR", StateName: "Completato", PaymentName: "Carta",
		PaymentState: "paid", Note: "as placed", Rows: []framework360.Row{{SKU: "SKU-1"}}, Total: framework360.Some(dec("1"))}}
	switch n {
	case 0, 1, 2:
		o.order.PaymentState = "unpaid"
	case 6, 7, 8, 9, 10, 11:
		o.poison = []poison{badName, badRead, badServer, badSum, badData, badLuck}[n-6]
		o.order.Note = string(o.poison)
	}
	w.orders[id] = o
	w.ids = append(w.ids, id)
}

// change is what the customer or the shop does to an order.
func (w *world) change(o *shopOrder, what string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case what == "pay":
		o.order.PaymentState = "paid"
	case what == "cancel":
		o.order.StateName = "Annullato"
	case what == "edit" && o.poison == "":
		o.order.Note += "+"
	}
}

func (w *world) pick(n int) (*shopOrder, string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.ids) == 0 {
		return nil, "none"
	}
	id := w.ids[n%len(w.ids)]
	return w.orders[id], id
}

// notify is an event of the shop.
func (w *world) notify(p *process, o *shopOrder, id string) {
	w.mu.Lock()
	now := o.now()
	w.mu.Unlock()
	p.do(func(ctx context.Context, y *syncer.Syncer) {
		if err := y.Notify(ctx, connection, id); err != nil {
			return
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		o.told = now
	})
}

// export is a person who presses the button for a few orders, or for one that
// the shop does not have.
func (w *world) export(p *process, s step) {
	ids := []string{"none", "01"} // neither is an order; the shop answers for the second one
	for i := range 1 + s.n%3 {
		if o, id := w.pick(s.order + i); o != nil {
			ids = append(ids, id)
			w.mu.Lock()
			o.forced = true
			w.mu.Unlock()
		}
	}
	if s.n > 0 {
		ids = ids[2:]
	}
	p.do(func(ctx context.Context, y *syncer.Syncer) {
		report, err := y.Export(ctx, connection, ids...)
		if err != nil {
			return
		}
		for _, i := range report.Items {
			if _, have := w.inLedger("t1-" + i.OrderID); i.Err == nil && !have {
				w.complain("the export of %s reported success", i.OrderID)
			}
		}
	})
}

// inReview are the orders that wait for a decision.
func (w *world) inReview() []syncer.Link {
	return w.links(func(l *syncer.Link) bool { return l.State == syncer.Blocked && l.Reason == syncer.ReasonReview })
}

// decide is a person who looks into TotalGest for an order that waits for that,
// and says some time later what was there.
func (w *world) decide(p *process, seen syncer.Link, thinks time.Duration) {
	id := seen.ID
	found, _ := w.inLedger("t1-" + id)
	if found.id == "" {
		w.allow(id)
	}
	p.do(func(ctx context.Context, y *syncer.Syncer) {
		pause(thinks)
		err := y.Decide(ctx, seen, found.id)
		w.note(p, "decided", id, fmt.Sprintf("%q %v", found.id, err))
		if err == nil {
			w.saw("decided")
		}
	})
}

// allow notes that an order may be sent once more, as far as a person is
// concerned.
func (w *world) allow(id string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.allowed["t1-"+id] = w.open["t1-"+id]
}

// resolve is a person who settles a conflict, or who is wrong about there being
// one.
func (w *world) resolve(p *process, id string, update bool) {
	w.mu.Lock()
	if o := w.orders[id]; o != nil {
		o.resolved = true
	}
	w.mu.Unlock()
	p.do(func(ctx context.Context, y *syncer.Syncer) { _ = y.Resolve(ctx, connection, id, update) })
}

// links returns the orders' links that match, as the store has them.
func (w *world) links(match func(*syncer.Link) bool) []syncer.Link {
	all, err := w.store().List(w.ctx, syncer.Query{Connection: connection, Kind: syncer.KindOrder})
	if err != nil {
		w.complain("the store: %v", err)
	}
	return slices.DeleteFunc(all, func(l syncer.Link) bool { return !match(&l) })
}
