package syncer_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tg360/tg360/framework360"
	"github.com/tg360/tg360/queue"
	"github.com/tg360/tg360/syncer"
	"github.com/tg360/tg360/totalgest"
	"github.com/tg360/tg360/totalgest/totalgesttest"
)

const hookToken = "Kq7rT2mXw9Zb4Lc8Vn5Yd3Hs"

// hook takes the events of the shop for s, as a program would mount it.
func hook(tb testing.TB, s *syncer.Syncer) http.Handler {
	tb.Helper()
	h, err := framework360.WebhookHandler(framework360.WebhookConfig{Token: hookToken, Accept: func(ctx context.Context, id string) error {
		return s.Notify(ctx, connection, id)
	}})
	if err != nil {
		tb.Fatal(err)
	}
	return h
}

// event sends one event and returns the status of the answer.
func event(h http.Handler, body string) int {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/hooks/"+hookToken, strings.NewReader(body)))
	return w.Code
}

func TestEventBringsAnOrderAcrossOnce(t *testing.T) {
	t.Parallel()
	bubble(t, setup{}, func(ctx context.Context, r *rig) {
		r.erp.SetProducts(products(2))
		r.cycle(ctx)
		r.work(ctx)
		r.shop.PutOrder(order("501"))
		h := hook(t, r.sync)
		for i := range 10 { // at once, and long after
			if status := event(h, `{"event":"order.paid","data":{"order":{"id":501,"total":"0.01"}}}`); status != http.StatusNoContent {
				t.Fatalf("event %d: HTTP %d", i, status)
			}
			if i > 4 {
				pause(20 * time.Minute)
			}
		}
		r.settled(ctx, time.Minute)
		got := r.erp.Orders()
		if len(got) != 1 || r.erp.Duplicates() != 0 || got[0].Order.Gross.Or(dec("0")).String() != "41.6" {
			t.Fatalf("TotalGest has %d orders: %+v", len(got), got)
		}
		if l := r.status(ctx, syncer.KindOrder, "501"); l.State != syncer.Synced || l.PeerID != got[0].Ref.ID || l.Done != l.Version || l.Version != 10 {
			t.Errorf("link: %+v", l)
		}
	})
}

// An event is accepted at once while TotalGest answers nobody, and each of the
// orders arrives when it does again.
func TestEventsAreAcceptedWhileTotalGestHangs(t *testing.T) {
	t.Parallel()
	bubble(t, setup{}, func(ctx context.Context, r *rig) {
		r.erp.SetProducts(products(2))
		r.cycle(ctx)
		r.work(ctx)
		r.shop.PutOrder(order("499"))
		h := hook(t, r.sync)
		event(h, `{"id":499}`) // the first one proves that TotalGest's search finds
		r.settled(ctx, time.Minute)
		r.erp.Faults(totalgesttest.Fault{Kind: totalgesttest.Hang, Share: 1})
		for i := range 20 {
			r.shop.PutOrder(order(fmt.Sprint(500 + i)))
			start := time.Now()
			if status := event(h, fmt.Sprintf(`{"id":%d}`, 500+i)); status != http.StatusNoContent || time.Since(start) != 0 {
				t.Errorf("HTTP %d after %v", status, time.Since(start))
			}
			pause(time.Second) // the workers get stuck
		}
		if n := len(r.erp.Orders()); n != 1 {
			t.Fatalf("TotalGest has %d orders, and was to hang", n)
		}
		r.erp.Faults()
		r.until(2*time.Hour, "all have arrived", func() bool { return len(r.erp.Orders()) == 21 })
		r.settled(ctx, time.Hour)
		if r.erp.Duplicates() != 0 {
			t.Errorf("%d doubled", r.erp.Duplicates())
		}
	})
}

// failing is a store that refuses writes, or never answers them, while told to.
type failing struct {
	syncer.Store
	how atomic.Pointer[string]
}

func (f *failing) set(how string) { f.how.Store(&how) }

func (f *failing) Put(ctx context.Context, links ...*syncer.Link) error {
	switch how := f.how.Load(); {
	case how == nil || *how == "":
		return f.Store.Put(ctx, links...)
	case *how == "hangs":
		<-ctx.Done()
		return ctx.Err()
	}
	return errors.New("disk full")
}

// An event that can't be stored is not accepted; the shop's next try is.
func TestEventIsNotAcceptedBeforeItIsStored(t *testing.T) {
	t.Parallel()
	for how, takes := range map[string]time.Duration{"fails": 0, "hangs": 5 * time.Second} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			var c syncer.Connection
			bubble(t, setup{adjust: func(added *syncer.Connection) { c = *added }}, func(ctx context.Context, r *rig) {
				store := &failing{Store: r.store}
				var err error
				if r.sync, err = syncer.New(syncer.Config{Store: store, Queue: r.queue}); err != nil {
					t.Fatal(err)
				}
				if err := r.sync.Add(ctx, c); err != nil {
					t.Fatal(err)
				}
				r.erp.SetProducts(products(2))
				r.cycle(ctx)
				r.shop.PutOrder(order("501"))
				h := hook(t, r.sync)
				store.set(how)
				start := time.Now()
				if status := event(h, `{"id":501}`); status != http.StatusServiceUnavailable || time.Since(start) != takes {
					t.Errorf("HTTP %d after %v", status, time.Since(start))
				}
				if l := r.status(ctx, syncer.KindOrder, "501"); l.Revision != 0 {
					t.Errorf("the store kept %+v", l)
				}
				store.set("")
				r.work(ctx)
				if status := event(h, `{"id":501}`); status != http.StatusNoContent {
					t.Errorf("the second try: HTTP %d", status)
				}
				r.settled(ctx, time.Minute)
				if n := len(r.erp.Orders()); n != 1 {
					t.Errorf("TotalGest has %d orders", n)
				}
			})
		})
	}
}

// lenient is a shop that reads ids as PHP and MySQL do: "0501" and "501a" are
// 501 to it.
type lenient struct{ syncer.Shop }

func (s lenient) Order(ctx context.Context, id string) (framework360.Order, error) {
	return s.Shop.Order(ctx, strings.TrimLeft(strings.TrimRight(id, "abc."), "0"))
}

// A hint that spells an id in its own way must not make an order a second time.
func TestMisspelledHintIsNoSecondOrder(t *testing.T) {
	t.Parallel()
	loose := func(c *syncer.Connection) { c.Framework360 = lenient{c.Framework360} }
	bubble(t, setup{adjust: loose}, func(ctx context.Context, r *rig) {
		r.erp.SetProducts(products(2))
		r.cycle(ctx)
		r.work(ctx)
		r.shop.PutOrder(order("501"))
		h := hook(t, r.sync)
		for _, id := range []string{"501", "0501", "501a", "501."} {
			if status := event(h, `{"order_id":"`+id+`"}`); status != http.StatusNoContent {
				t.Errorf("%s: HTTP %d", id, status)
			}
			r.settled(ctx, time.Minute)
		}
		if report, err := r.sync.Export(ctx, connection, "00501"); err != nil || len(report.Failed()) != 1 || r.status(ctx, syncer.KindOrder, "00501").Revision != 0 {
			t.Errorf("by hand: %+v, %v", report, err)
		}
		if n := len(r.erp.Orders()); n != 1 || r.status(ctx, syncer.KindOrder, "501").State != syncer.Synced {
			t.Errorf("TotalGest has %d orders, %d doubled", n, r.erp.Duplicates())
		}
		if l := r.status(ctx, syncer.KindOrder, "0501"); l.State != syncer.Blocked || l.Code != "TG-ORD-011" {
			t.Errorf("link: %+v", l)
		}
	})
}

// counting counts the writes that are made for an event: those of the workers
// have another context.
type counting struct {
	syncer.Store
	writes atomic.Int64
}

type forEvent struct{}

func (c *counting) count(ctx context.Context, err error) error {
	if err == nil && ctx.Value(forEvent{}) != nil {
		c.writes.Add(1)
	}
	return err
}

func (c *counting) Put(ctx context.Context, links ...*syncer.Link) error {
	return c.count(ctx, c.Store.Put(ctx, links...))
}

func (c *counting) PutDoc(ctx context.Context, d *syncer.Doc) error {
	return c.count(ctx, c.Store.PutDoc(ctx, d))
}

// stuck is a TotalGest that takes orders and answers none before it is released.
type stuck struct {
	quickERP
	asked, release chan struct{}
}

func (s *stuck) CreateOrder(context.Context, totalgest.Order) (totalgest.OrderRef, bool, error) {
	select {
	case s.asked <- struct{}{}:
	case <-s.release:
	}
	<-s.release
	return totalgest.OrderRef{}, false, errors.New("hung")
}

// BenchmarkAcceptEvent posts events about 10,000 orders, on their own and while
// every worker hangs in TotalGest. Accepting one is one write to the store.
func BenchmarkAcceptEvent(b *testing.B) {
	for _, hangs := range []bool{false, true} {
		b.Run(map[bool]string{false: "alone", true: "TotalGest hangs"}[hangs], func(b *testing.B) { acceptEvents(b, hangs) })
	}
}

func acceptEvents(b *testing.B, hangs bool) {
	const orders, workers = 10_000, 8 // one more is kept for other connections
	erp := &stuck{asked: make(chan struct{}), release: make(chan struct{})}
	shop := &quickShop{orders: map[string]framework360.Order{}}
	bodies := make([]string, orders)
	for i := range bodies {
		id := fmt.Sprint(1 + i)
		shop.orders[id], bodies[i] = order(id), `{"event":"order.paid","data":{"order":{"id":`+id+`}}}`
	}
	var c syncer.Connection
	benchSyncer(b, erp, shop, func(made *syncer.Connection) { made.PassUnknown = true; c = *made })
	store := &counting{Store: syncer.NewMemoryStore()}
	s, err := syncer.New(syncer.Config{Store: store, Queue: queue.NewMemory(queue.MemoryConfig{Workers: workers + 1, PerLane: workers})})
	if err != nil {
		b.Fatal(err)
	}
	lived(b, store, c)
	if err := s.Add(b.Context(), c); err != nil {
		b.Fatal(err)
	}
	h, marked := hook(b, s), context.WithValue(b.Context(), forEvent{}, true)
	send := func(i int) {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequestWithContext(marked, http.MethodPost, "/"+hookToken, strings.NewReader(bodies[i%orders])))
		if w.Code != http.StatusNoContent {
			b.Fatalf("HTTP %d", w.Code)
		}
	}
	if hangs {
		ctx, stop := context.WithCancel(b.Context())
		done := make(chan error, 1)
		go func() { done <- s.Work(ctx) }()
		defer func() {
			stop()
			close(erp.release)
			if err := <-done; err != nil {
				b.Error(err)
			}
		}()
		for i := range workers {
			send(i)
			<-erp.asked
		}
	}
	before, n := store.writes.Load(), 0
	b.ReportAllocs()
	for b.Loop() {
		send(n)
		n++
	}
	writes := store.writes.Load() - before
	if writes != int64(n) {
		b.Errorf("%d writes for %d events", writes, n)
	}
	b.ReportMetric(float64(writes)/float64(n), "writes/event")
}
