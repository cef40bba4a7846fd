package syncer_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tg360/tg360/framework360"
	"github.com/tg360/tg360/framework360/framework360test"
	"github.com/tg360/tg360/queue"
	"github.com/tg360/tg360/syncer"
	"github.com/tg360/tg360/totalgest"
)

// inModel runs a test on a model of which only the first process works.
func inModel(t *testing.T, kind erpKind, test func(w *world, p *process)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t.Context(), kind, 0)
		defer w.end()
		w.procs[1].kill()
		test(w, w.procs[0])
		if err := w.check(); err != nil {
			t.Errorf("%v\n%s", err, w.story(err))
		}
	})
}

const (
	paidOrder   = 5 // for world.place
	unpaidOrder = 0
)

// send places an order and exports it while the first calls of CreateOrder meet
// these mishaps.
func (w *world) send(t *testing.T, p *process, kinds ...string) (id string) {
	t.Helper()
	w.place(paidOrder)
	for _, k := range kinds {
		w.expect("create", mishap{k, 24 * time.Hour})
	}
	id = w.ids[len(w.ids)-1]
	if _, err := p.sync.Export(p.ctx, connection, id); err != nil {
		t.Fatal(err)
	}
	return id
}

func (w *world) linkOf(id string) syncer.Link {
	for _, l := range w.links(func(l *syncer.Link) bool { return l.ID == id }) {
		return l
	}
	return syncer.Link{}
}

// want checks the state of an order.
func (w *world) want(t *testing.T, id string, s syncer.State, code string) syncer.Link {
	t.Helper()
	l := w.linkOf(id)
	if l.State != s || l.Code != code {
		t.Errorf("got %s, want %s %s", brief(l), s, code)
	}
	return l
}

// happens lets a customer and the shop's webhook act.
func (w *world) happens(t *testing.T, p *process, id, what string) {
	t.Helper()
	w.change(w.orders[id], what)
	if err := p.sync.Notify(p.ctx, connection, id); err != nil {
		t.Fatal(err)
	}
}

// TestLateAnswerToAnEarlyQuestion: what counts is when TotalGest was asked, not
// when it answered. An order that arrives between the two is not in the answer.
func TestLateAnswerToAnEarlyQuestion(t *testing.T) {
	t.Parallel()
	for wait := 10 * time.Second; wait < 2*time.Minute; wait += 10 * time.Second {
		inModel(t, honest, func(w *world, p *process) {
			w.send(t, p) // the first one proves that the search finds
			w.mishaps["find"] = slices.Repeat([]mishap{{"slow", wait}}, 50)
			id := w.send(t, p, "late")
			pause(time.Hour)
			w.want(t, id, syncer.Synced, "")
		})
	}
}

func TestReplyThatConfirmsNothing(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"other", "other unbooked", "no id"} {
		inModel(t, honest, func(w *world, p *process) {
			w.send(t, p)
			id := w.send(t, p, kind)
			w.want(t, id, syncer.InDoubt, "TG-ORD-013")
			pause(time.Hour)
			w.want(t, id, syncer.Synced, "")
		})
	}
}

func TestOrderFoundWithoutAnID(t *testing.T) {
	t.Parallel()
	inModel(t, honest, func(w *world, p *process) {
		w.send(t, p)
		w.mishaps["find"] = slices.Repeat([]mishap{{kind: "no id"}}, 50)
		id := w.send(t, p, "lost after")
		pause(time.Hour)
		w.want(t, id, syncer.Blocked, "TG-ORD-016")
	})
}

// TestSearchThatAlsoFindsWhatIsNotThere proves nothing by finding the only order
// that there is, and is not believed when it finds none later on.
func TestSearchThatAlsoFindsWhatIsNotThere(t *testing.T) {
	t.Parallel()
	inModel(t, ignores, func(w *world, p *process) {
		w.send(t, p)
		pause(time.Hour) // it lists the latest orders only
		id := w.send(t, p, "lost before")
		pause(time.Hour)
		w.want(t, id, syncer.Blocked, "TG-ORD-016")
	})
}

func TestNobodyDecidesWhileTheOrderMayStillArrive(t *testing.T) {
	t.Parallel()
	for _, kind := range []erpKind{neither, silent, ignores} {
		inModel(t, kind, func(w *world, p *process) {
			w.send(t, p)
			id := w.send(t, p, "late")
			for l := w.linkOf(id); time.Now().Before(l.SentBy.Add(modelT)); pause(10 * time.Second) {
				w.want(t, id, syncer.InDoubt, "TG-ORD-013")
				if err := p.sync.Decide(p.ctx, w.linkOf(id), ""); err == nil {
					t.Fatal("it was said not to have arrived before that could be known")
				}
			}
			pause(time.Minute)
			l := w.linkOf(id)
			if l.State == syncer.Blocked { // a search that ignores its filter may have found it
				found, _ := w.inLedger("t1-" + id)
				if err := p.sync.Decide(p.ctx, l, found.id); err != nil {
					t.Fatal(err)
				}
			}
			w.want(t, id, syncer.Synced, "")
		})
	}
}

// TestDecisionIsAboutOneWrite: a person may come back to a page that was opened
// before somebody else sent the order again.
func TestDecisionIsAboutOneWrite(t *testing.T) {
	t.Parallel()
	inModel(t, neither, func(w *world, p *process) {
		id := w.send(t, p, "lost before", "lost after")
		pause(time.Hour)
		seen := w.want(t, id, syncer.Blocked, "TG-ORD-016")
		w.allow(id)
		if err := p.sync.Decide(p.ctx, seen, ""); err != nil {
			t.Fatal(err)
		}
		pause(time.Hour)
		again := w.want(t, id, syncer.Blocked, "TG-ORD-016")
		if err := p.sync.Decide(p.ctx, seen, ""); !errors.Is(err, syncer.ErrStale) {
			t.Errorf("an old look counted: %v", err)
		}
		pause(time.Minute)
		found, _ := w.inLedger("t1-" + id)
		if err := p.sync.Decide(p.ctx, again, found.id); err != nil {
			t.Error(err)
		}
		w.want(t, id, syncer.Synced, "")
	})
}

// TestEventDuringAClaimIsNotLost: what a worker has read is older than the event.
func TestEventDuringAClaimIsNotLost(t *testing.T) {
	t.Parallel()
	for _, operation := range []string{"read", "create"} {
		inModel(t, neither, func(w *world, p *process) {
			w.place(paidOrder)
			w.expect(operation, mishap{"slow", 10 * time.Second})
			w.happens(t, p, "1", "")
			pause(5 * time.Second)
			w.happens(t, p, "1", "edit")
			pause(time.Minute)
			l := w.want(t, "1", syncer.Conflict, "TG-ORD-020")
			if l.Done != 2 || l.Version != 2 {
				t.Errorf("got %s", brief(l))
			}
		})
	}
}

func TestChangeDuringADoubtIsSeenAfterTheDecision(t *testing.T) {
	t.Parallel()
	inModel(t, neither, func(w *world, p *process) {
		id := w.send(t, p, "lost after")
		w.happens(t, p, id, "edit")
		pause(time.Hour)
		l := w.want(t, id, syncer.Blocked, "TG-ORD-016")
		found, _ := w.inLedger("t1-" + id)
		if err := p.sync.Decide(p.ctx, l, found.id); err != nil {
			t.Fatal(err)
		}
		pause(time.Minute)
		w.want(t, id, syncer.Conflict, "TG-ORD-020")
	})
}

func TestResolveOfNoConflictLeavesTheScheduleAlone(t *testing.T) {
	t.Parallel()
	inModel(t, honest, func(w *world, p *process) {
		w.place(unpaidOrder)
		w.happens(t, p, "1", "")
		pause(time.Minute)
		before := w.want(t, "1", syncer.NotLinked, "TG-ORD-004")
		if err := p.sync.Resolve(p.ctx, connection, "1", false); err == nil {
			t.Error("a conflict was resolved where there was none")
		}
		if after := w.linkOf("1"); after.Revision != before.Revision {
			t.Errorf("got %s, had %s", brief(after), brief(before))
		}
		w.change(w.orders["1"], "pay")
		pause(6 * time.Minute)
		w.want(t, "1", syncer.Synced, "")
	})
}

// TestFailuresAreCountedInARow: an order that is looked at for weeks meets a
// failure now and then.
func TestFailuresAreCountedInARow(t *testing.T) {
	t.Parallel()
	inModel(t, honest, func(w *world, p *process) {
		w.place(unpaidOrder)
		w.happens(t, p, "1", "")
		for range 20 {
			w.expect("read", mishap{kind: "fails"})
			pause(10 * time.Minute)
			w.want(t, "1", syncer.NotLinked, "TG-ORD-004")
		}
		w.happens(t, p, "1", "pay")
		pause(time.Minute)
		for range 20 {
			w.expect("read", mishap{kind: "fails"})
			w.happens(t, p, "1", "")
			pause(10 * time.Minute)
			w.want(t, "1", syncer.Synced, "")
		}
	})
}

func TestExportedOrderThatGaveUpIsRetried(t *testing.T) {
	t.Parallel()
	inModel(t, honest, func(w *world, p *process) {
		id := w.send(t, p)
		w.mishaps["read"] = slices.Repeat([]mishap{{kind: "fails"}}, 3)
		w.happens(t, p, id, "")
		pause(time.Hour)
		w.want(t, id, syncer.Blocked, "TG-ORD-014")
		if n, err := p.sync.Retry(p.ctx, connection, syncer.KindOrder, id); n != 1 || err != nil {
			t.Errorf("%d retried, %v", n, err)
		}
		pause(time.Minute)
		w.want(t, id, syncer.Synced, "")
	})
}

// TestRepeatedOrderThatChangedMeanwhile: TotalGest tells a repeated order, and
// keeps the first. What it has is then not what was sent last.
func TestRepeatedOrderThatChangedMeanwhile(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		mishap, change string
		state          syncer.State
		code           string
	}{
		{"lost after", "", syncer.Synced, ""},
		{"lost after", "edit", syncer.Conflict, "TG-ORD-020"},
		{"lost after", "cancel", syncer.Conflict, "TG-ORD-002"},
		{"lost before", "edit", syncer.Synced, ""},
		{"lost before", "cancel", syncer.Conflict, "TG-ORD-002"}, // to ask is to send
	} {
		inModel(t, dedupes, func(w *world, p *process) {
			id := w.send(t, p, tc.mishap)
			w.change(w.orders[id], tc.change)
			pause(time.Hour)
			w.want(t, id, tc.state, tc.code)
		})
	}
}

func TestRefusedRepetitionLeavesTheDoubt(t *testing.T) {
	t.Parallel()
	inModel(t, dedupes, func(w *world, p *process) {
		id := w.send(t, p, "lost after", "refused")
		pause(time.Hour)
		l := w.want(t, id, syncer.Blocked, "TG-ORD-012")
		found, _ := w.inLedger("t1-" + id)
		if err := p.sync.Decide(p.ctx, l, found.id); err != nil {
			t.Fatal(err)
		}
		pause(time.Minute)
		w.want(t, id, syncer.Synced, "")
	})
}

func TestRepetitionsGrowRarer(t *testing.T) {
	t.Parallel()
	inModel(t, dedupes, func(w *world, p *process) {
		w.mishaps["create"] = slices.Repeat([]mishap{{kind: "lost before"}}, 1000)
		w.send(t, p)
		pause(time.Hour)
		if l := w.linkOf("1"); l.State != syncer.InDoubt || len(w.mishaps["create"]) < 960 {
			t.Errorf("%d times in an hour, %s", 1000-len(w.mishaps["create"]), brief(l))
		}
	})
}

// TestConfirmationOutlivesLostClaims: others take the claim again and again
// while a process stores the answer that it alone has.
func TestConfirmationOutlivesLostClaims(t *testing.T) {
	t.Parallel()
	inModel(t, neither, func(w *world, p *process) {
		n := 0
		p.onPut = func(l *syncer.Link) {
			if l.PeerID == "" || n == 3 {
				return
			}
			n++
			have := w.linkOf(l.ID)
			have.State, have.Owner, have.LeaseEnds = syncer.InDoubt, fmt.Sprint("other ", n), time.Now().Add(30*time.Second)
			if err := w.store().Put(w.ctx, &have); err != nil {
				t.Error(err)
			}
		}
		id := w.send(t, p)
		w.want(t, id, syncer.Synced, "")
		if n != 3 {
			t.Errorf("the claim was taken %d times", n)
		}
	})
}

// TestFullQueueFailsNothing: a queue only wakes workers up.
func TestFullQueueFailsNothing(t *testing.T) {
	t.Parallel()
	inModel(t, neither, func(w *world, p *process) {
		full := func() {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.forgets = 2 // the next call fails
		}
		w.place(paidOrder)
		w.expect("create", mishap{"slow", 5 * time.Second})
		p.do(func(ctx context.Context, s *syncer.Syncer) {
			report, err := s.Export(ctx, connection, "1")
			if err != nil || report.Succeeded() != 1 {
				t.Errorf("%+v, %v", report, err)
			}
		})
		pause(time.Second)
		w.happens(t, p, "1", "") // it is to be looked at once more
		full()
		pause(time.Minute)
		w.want(t, "1", syncer.Synced, "")

		id := w.send(t, p, "lost before")
		pause(time.Hour)
		full()
		w.allow(id)
		if err := p.sync.Decide(p.ctx, w.linkOf(id), ""); err != nil {
			t.Error(err)
		}
		pause(time.Minute)
		w.want(t, id, syncer.Synced, "")
	})
}

// picky is a queue that can't hold a certain name.
type picky struct{ queue.Queue }

func (q picky) Enqueue(ctx context.Context, jobs ...queue.Job) error {
	for _, j := range jobs {
		if j.Key == "13" {
			return &queue.ArgumentError{Field: "Key", Reason: "is unlucky"}
		}
	}
	return q.Queue.Enqueue(ctx, jobs...)
}

func TestNameThatTheQueueRefusesStopsNoOther(t *testing.T) {
	t.Parallel()
	bubble(t, setup{queue: func(q queue.Queue) queue.Queue { return picky{q} }}, func(ctx context.Context, r *rig) {
		r.erp.SetProducts(products(2))
		r.cycle(ctx)
		r.work(ctx)
		for i := range 5 {
			r.shop.PutOrder(order(fmt.Sprint(11 + i)))
		}
		r.poll(ctx)
		r.until(time.Minute, "the others are exported", func() bool { return len(r.erp.Orders()) == 4 })
	})
}

func TestStoppingFinishesTheWrite(t *testing.T) {
	t.Parallel()
	inModel(t, neither, func(w *world, p *process) {
		w.place(paidOrder)
		w.expect("create", mishap{"slow", 5 * time.Second})
		p.do(func(ctx context.Context, s *syncer.Syncer) { _, _ = s.Export(ctx, connection, "1") })
		pause(time.Second)
		p.stop()
		pause(10 * time.Second)
		w.want(t, "1", syncer.Synced, "")
	})
}

// punctual notes by when an order must have been sent.
type punctual struct {
	quickERP
	deadline time.Time
}

func (e *punctual) CreateOrder(ctx context.Context, o totalgest.Order) (totalgest.OrderRef, bool, error) {
	e.deadline, _ = ctx.Deadline()
	return e.quickERP.CreateOrder(ctx, o)
}

// TestDeadlineIsByTheClockOnTheWall: the other clock of a process stands still
// while a machine sleeps, and what was put off then must not leave hours later.
func TestDeadlineIsByTheClockOnTheWall(t *testing.T) {
	t.Parallel()
	store := syncer.NewMemoryStore()
	s, err := syncer.New(syncer.Config{Store: store, Queue: queue.NewMemory(queue.MemoryConfig{})})
	if err != nil {
		t.Fatal(err)
	}
	erp := &punctual{}
	c := (&world{}).connection(nil)
	lived(t, store, c)
	c.TotalGest, c.Framework360 = erp, &quickShop{orders: map[string]framework360.Order{"1": {ID: "1", StateName: "Completato", PaymentState: "paid", Created: time.Now()}}}
	if err := s.Add(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if report, err := s.Export(t.Context(), connection, "1"); err != nil || report.Succeeded() != 1 {
		t.Fatal(report, err)
	}
	const monotonic = " m="
	if !strings.Contains(time.Now().String(), monotonic) || strings.Contains(erp.deadline.String(), monotonic) || time.Until(erp.deadline) > 20*time.Second {
		t.Errorf("deadline: %s", erp.deadline)
	}
}

func TestLeaseMustOutliveAWrite(t *testing.T) {
	t.Parallel()
	inModel(t, neither, func(w *world, p *process) {
		c := w.connection(p)
		c.ID, c.WriteWithin, c.Lease = "other", 30*time.Second, 30*time.Second
		if err := p.sync.Add(p.ctx, c); err == nil || !strings.Contains(err.Error(), "WriteWithin") {
			t.Errorf("got %v", err)
		}
	})
}

// TestInterruptedLookAmongUnreadableOrders: a page of orders that are known and
// can't be read is no end of a look that must go deeper.
func TestInterruptedLookAmongUnreadableOrders(t *testing.T) {
	t.Parallel()
	inModel(t, neither, func(w *world, p *process) {
		w.place(unpaidOrder)
		const unreadable = 7
		for _, n := range []int{unreadable, unreadable, unreadable, paidOrder, paidOrder, paidOrder} {
			w.place(n)
		}
		w.expect("list", mishap{}, mishap{}, mishap{kind: "fails"})
		for i := range 2 {
			if _, err := p.sync.PollOrders(p.ctx, connection); (err != nil) != (i == 0) {
				t.Error(err)
			}
			pause(time.Minute)
		}
		w.want(t, "1", syncer.NotLinked, "TG-ORD-004")
	})
}

// TestOrderPlacedDuringALongLook: the look does not show it, and events bring
// younger ones meanwhile, a page of them.
func TestOrderPlacedDuringALongLook(t *testing.T) {
	t.Parallel()
	inModel(t, neither, func(w *world, p *process) {
		w.place(unpaidOrder)
		p.onPut = func(l *syncer.Link) {
			if l.ID != "1" || len(w.ids) > 1 {
				return
			}
			for range 4 {
				w.place(unpaidOrder)
			}
			for _, id := range []string{"3", "4", "5"} {
				if err := p.sync.Notify(p.ctx, connection, id); err != nil {
					t.Error(err)
				}
			}
			pause(5 * time.Second)
		}
		for range 2 {
			if _, err := p.sync.PollOrders(p.ctx, connection); err != nil {
				t.Error(err)
			}
			pause(time.Minute)
		}
		w.want(t, "2", syncer.NotLinked, "TG-ORD-004")
	})
}

// TestStopLeavesExportedOrdersAsTheyWere also while they are compared.
func TestStopLeavesExportedOrdersAsTheyWere(t *testing.T) {
	t.Parallel()
	bubble(t, setup{}, func(ctx context.Context, r *rig) {
		r.erp.SetProducts(products(2))
		r.cycle(ctx)
		r.shop.PutOrder(order("501"))
		if report, err := r.sync.Export(ctx, connection, "501"); err != nil || report.Succeeded() != 1 {
			t.Fatal(report, err)
		}
		r.shop.Faults(framework360test.Fault{Kind: framework360test.Slow, Operation: "orders/get", Delay: time.Minute})
		if err := r.sync.Notify(ctx, connection, "501"); err != nil {
			t.Fatal(err)
		}
		work, stop := context.WithCancel(ctx)
		done := make(chan error, 1)
		go func() { done <- r.sync.Work(work) }()
		pause(5 * time.Second)
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if l := r.status(ctx, syncer.KindOrder, "501"); l.State != syncer.Synced || l.Owner != "" || l.DueAt.IsZero() || l.Done == l.Version {
			t.Errorf("got %s", brief(l))
		}
	})
}
