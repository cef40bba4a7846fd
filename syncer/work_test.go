package syncer_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tg360/tg360/framework360"
	"github.com/tg360/tg360/queue"
	"github.com/tg360/tg360/syncer"
	"github.com/tg360/tg360/totalgest"
)

// listed is a shop whose orders never change.
type listed struct {
	*quickShop
	ids []string
}

func newListed(n int) *listed {
	l := &listed{quickShop: &quickShop{orders: map[string]framework360.Order{}}}
	for i := range n {
		o := order(fmt.Sprint(10_000 + i))
		l.ids, l.orders[o.ID] = append(l.ids, o.ID), o
	}
	return l
}

func (l *listed) OrderPages(context.Context, framework360.OrderOptions) iter.Seq2[framework360.Page[framework360.Order], error] {
	return func(yield func(framework360.Page[framework360.Order], error) bool) {
		var page framework360.Page[framework360.Order]
		for _, id := range l.ids {
			page.Items = append(page.Items, l.orders[id])
		}
		yield(page, nil)
	}
}

// answering is a TotalGest whose answer to an order is a function's.
type answering struct {
	quickERP
	answer func(ctx context.Context) error
	sent   atomic.Int64
}

func (a *answering) CreateOrder(ctx context.Context, o totalgest.Order) (totalgest.OrderRef, bool, error) {
	if err := a.answer(ctx); err != nil {
		return totalgest.OrderRef{}, false, err
	}
	a.sent.Add(1)
	return a.quickERP.CreateOrder(ctx, o)
}

func hang(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }

func answered(context.Context) error { return nil }

// within returns a connection of a shop with some orders.
func within(id string, orders int, answer func(context.Context) error) (syncer.Connection, *answering) {
	erp := &answering{answer: answer}
	c := ordersOnly(id, newListed(orders))
	c.TotalGest, c.GoLive = erp, time.Now().Add(-time.Second)
	return c, erp
}

// moody is a queue whose back end breaks again and again.
type moody struct {
	queue.Queue
	calls atomic.Int64
}

func (m *moody) Work(ctx context.Context, h queue.Handler) error {
	if m.calls.Add(1) <= 6 {
		return errors.New("the database went away")
	}
	return m.Queue.Work(ctx, h)
}

func TestQueueThatFailsIsTriedAgain(t *testing.T) {
	t.Parallel()
	bubble(t, setup{queue: func(q queue.Queue) queue.Queue { return &moody{Queue: q} }}, func(ctx context.Context, r *rig) {
		r.erp.SetProducts(products(2))
		r.cycle(ctx)
		r.work(ctx)
		r.shop.PutOrder(order("501"))
		r.poll(ctx)
		r.until(50*time.Second, "it is exported", func() bool { return len(r.erp.Orders()) == 1 })
		if n := r.queue.(*moody).calls.Load(); n != 7 {
			t.Errorf("%d calls", n)
		}
	})
}

func TestRunEndsWithItsQueueAndItsStore(t *testing.T) {
	t.Parallel()
	for what, end := range map[string]func(*rig) error{
		"queue": func(r *rig) error { return r.queue.Close() },
		"store": func(r *rig) error { return r.store.Close() },
	} {
		bubble(t, setup{}, func(ctx context.Context, r *rig) {
			done := make(chan error, 1)
			go func() { done <- r.sync.Run(ctx) }()
			pause(time.Minute)
			if err := end(r); err != nil {
				t.Fatal(err)
			}
			select {
			case err := <-done:
				if !errors.Is(err, queue.ErrClosed) && !errors.Is(err, syncer.ErrClosed) {
					t.Errorf("%s: %v", what, err)
				}
			case <-time.After(20 * time.Second):
				t.Errorf("%s: Run goes on", what)
			}
		})
	}
}

// halfBlind can't list the links of one connection.
type halfBlind struct{ syncer.Store }

func (h halfBlind) List(ctx context.Context, q syncer.Query) ([]syncer.Link, error) {
	if q.Connection == "blind" {
		return nil, errors.New("a page of the database is broken")
	}
	return h.Store.List(ctx, q)
}

// TestBacklogDrains: what is due is worked on as fast as the other side allows,
// and not a batch in each sweep, nor all of it in the queue at once.
func TestBacklogDrains(t *testing.T) {
	t.Parallel()
	const n = 6000
	synctest.Test(t, func(t *testing.T) {
		store, q := syncer.NewMemoryStore(), queue.NewMemory(queue.MemoryConfig{})
		s, err := syncer.New(syncer.Config{Store: halfBlind{store}, Queue: q})
		if err != nil {
			t.Fatal(err)
		}
		c, erp := within("shop", n, answered)
		blind, _ := within("blind", 1, answered)
		c.TotalGest = erp
		for _, c := range []syncer.Connection{blind, c} {
			if err := s.Add(t.Context(), c); err != nil {
				t.Fatal(err)
			}
		}
		var links []*syncer.Link
		for id := range c.Framework360.(*listed).orders {
			links = append(links, &syncer.Link{Key: syncer.Key{Connection: "shop", Kind: syncer.KindOrder, ID: id}, State: syncer.Queued, Version: 1, DueAt: time.Now()})
		}
		if err := store.Put(t.Context(), links...); err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- s.Work(ctx) }()
		most := 0
		for began := time.Now(); erp.sent.Load() < n; pause(250 * time.Millisecond) {
			counts, err := q.Counts(ctx)
			if most = max(most, counts["shop"].Waiting); err != nil || time.Since(began) > 20*time.Second {
				t.Fatalf("%d were sent, %v", erp.sent.Load(), err)
			}
		}
		if most > 1500 {
			t.Errorf("%d jobs waited", most)
		}
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// TestStopCutsWritesShort: TotalGest hangs; what was sent is in doubt, and no
// claim is left behind.
func TestStopCutsWritesShort(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := syncer.NewMemoryStore()
		c, _ := within("shop", 3, hang)
		stop := runs(t, store, c)
		pause(2 * time.Second)
		began := time.Now()
		stop()
		if took := time.Since(began); took > 9*time.Second || took < 7*time.Second {
			t.Errorf("it took %v", took)
		}
		links, err := store.List(context.Background(), syncer.Query{Connection: "shop", Kind: syncer.KindOrder})
		if err != nil || len(links) != 3 {
			t.Fatal(links, err)
		}
		doubts := 0
		for _, l := range links {
			if l.State == syncer.InDoubt {
				doubts++
			}
			if l.Owner != "" || l.State == syncer.Sending {
				t.Errorf("left behind: %s", brief(l))
			}
		}
		if doubts == 0 {
			t.Error("nothing was under way")
		}
	})
}

// TestHooksTellWhatWasStored counts what the hooks are told, and holds it against
// what is there.
func TestHooksTellWhatWasStored(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		states, kinds := map[string][]syncer.State{}, map[syncer.Kind]int{}
		store := syncer.NewMemoryStore()
		s, err := syncer.New(syncer.Config{Store: store, Queue: queue.NewMemory(queue.MemoryConfig{}),
			OnLink: func(l syncer.Link) { mu.Lock(); defer mu.Unlock(); states[l.ID] = append(states[l.ID], l.State) },
			OnRun: func(connection string, r syncer.Run) {
				mu.Lock()
				defer mu.Unlock()
				if kinds[r.Kind]++; connection != "shop" || r.Ended.IsZero() || !r.Complete {
					t.Errorf("%s: %+v", connection, r)
				}
			}})
		if err != nil {
			t.Fatal(err)
		}
		c, _ := within("shop", 1, answered)
		if err := s.Add(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		if _, err := s.PollOrders(t.Context(), "shop"); err != nil {
			t.Fatal(err)
		}
		if report, err := s.Export(t.Context(), "shop", "10000"); err != nil || report.Succeeded() != 1 {
			t.Fatal(report, err)
		}
		got, want := fmt.Sprint(states, kinds), "map[10000:[queued queued sending synced]] map[order:1]"
		if got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	})
}

// strict is a store like a database that holds valid texts only.
type strict struct{ syncer.Store }

func (s strict) check(texts ...string) error {
	for _, t := range texts {
		if strings.ContainsRune(t, 0) || strings.ToValidUTF8(t, "") != t || len(t) > 2000 {
			return fmt.Errorf("invalid byte sequence for encoding: %q", t)
		}
	}
	return nil
}

func (s strict) Get(ctx context.Context, connection string, kind syncer.Kind, ids ...string) ([]syncer.Link, error) {
	if err := s.check(ids...); err != nil {
		return nil, err
	}
	return s.Store.Get(ctx, connection, kind, ids...)
}

func (s strict) List(ctx context.Context, q syncer.Query) ([]syncer.Link, error) {
	if err := errors.Join(s.check(q.Text), s.check(q.SKUs...), s.check(q.EANs...), s.check(q.PeerIDs...)); err != nil {
		return nil, err
	}
	return s.Store.List(ctx, q)
}

func (s strict) Put(ctx context.Context, links ...*syncer.Link) error {
	for _, l := range links {
		if err := errors.Join(s.check(l.ID, l.Title, l.SKU, l.EAN, l.PeerID, l.PeerNo, l.Code, l.Message), s.check(l.Warnings...)); err != nil {
			return err
		}
		for _, p := range l.Problems {
			if err := s.check(p.Field, p.Message); err != nil {
				return err
			}
		}
	}
	return s.Store.Put(ctx, links...)
}

// TestTextsThatNoDatabaseHolds come from both sides, and stop nothing.
func TestTextsThatNoDatabaseHolds(t *testing.T) {
	t.Parallel()
	dirty := []string{"a\x00b", "a\xffb", "\xe2\x82", strings.Repeat("è", 3000)}
	synctest.Test(t, func(t *testing.T) {
		store := strict{syncer.NewMemoryStore()}
		s, err := syncer.New(syncer.Config{Store: store, Queue: queue.NewMemory(queue.MemoryConfig{})})
		if err != nil {
			t.Fatal(err)
		}
		items := products(2)
		c, erp := within("shop", 1, answered)
		shop := c.Framework360.(*listed)
		for i, d := range dirty {
			items = append(items, totalgest.Product{ID: d, SKU: "ID-" + d, Name: "articolo"},
				totalgest.Product{ID: fmt.Sprint("p", i), SKU: "S" + d, Name: "N" + d, EAN: totalgest.Some("E" + d)})
			bad, odd := order(d), order(fmt.Sprint(i))
			odd.Number, odd.Rows[0].SKU, odd.Rows[0].EAN = d, d, d
			shop.ids = append(shop.ids, bad.ID, odd.ID)
			shop.orders[bad.ID], shop.orders[odd.ID] = bad, odd
		}
		erp.items, c.Products = items, syncer.ProductsAll
		if err := s.Add(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		run, err := s.SyncProducts(t.Context(), "shop")
		if err != nil || run.Read != len(items) || run.Rejected < len(dirty) {
			t.Errorf("products: %+v, %v", run, err)
		}
		if run, err = s.PollOrders(t.Context(), "shop"); err != nil || run.Rejected != len(dirty) || run.Created != 1+len(dirty) {
			t.Errorf("orders: %+v, %v", run, err)
		}
		ids := append([]string{"10000"}, dirty...)
		for i := range dirty {
			ids = append(ids, fmt.Sprint(i))
		}
		report, err := s.Export(t.Context(), "shop", ids...)
		if err != nil || report.Succeeded() != 1+len(dirty) || len(report.Failed()) != len(dirty) {
			t.Errorf("export: %+v, %v", report, err)
		}
		for _, d := range dirty {
			if err := s.Notify(t.Context(), "shop", d); err == nil {
				t.Error("an event was taken that can never be worked on")
			}
		}
		if r, err := s.Reconcile(t.Context(), "shop", time.Now().Add(-time.Hour), time.Now().Add(time.Hour)); err != nil || len(r.Differences) != len(dirty) {
			t.Errorf("reconcile: %+v, %v", r, err)
		}
		links, err := s.List(t.Context(), syncer.Query{Connection: "shop", Kind: syncer.KindOrder})
		for _, l := range links {
			if l.State != syncer.Synced || len(l.Title) > 500 {
				t.Errorf("%s, title of %d bytes", brief(l), len(l.Title))
			}
		}
		if err != nil {
			t.Error(err)
		}
	})
}

// TestFortyShops: one of them hangs, one is rate-limited, and one has a backlog;
// the orders of the others arrive as if these were not there.
func TestFortyShops(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		slow := func(ctx context.Context) error { pause(500 * time.Millisecond); return nil }
		limited := func(ctx context.Context) error {
			pause(time.Second)
			return &totalgest.Error{Code: "rate_limited", Outcome: totalgest.OutcomeRefused, RetryAfter: time.Minute}
		}
		var conns []syncer.Connection
		var erps []*answering
		for i := range 40 {
			orders, answer := 3, slow
			switch i {
			case 0:
				orders, answer = 100, hang
			case 1:
				orders, answer = 100, limited
			case 2:
				orders = 5000
			}
			c, erp := within(fmt.Sprintf("s%d", i), orders, answer)
			conns, erps = append(conns, c), append(erps, erp)
		}
		stop := runs(t, syncer.NewMemoryStore(), conns...)
		pause(lookEvery + 50*time.Second)
		for i, erp := range erps[3:] {
			if n := erp.sent.Load(); n != 3 {
				t.Errorf("shop %d: %d orders arrived", 3+i, n)
			}
		}
		if n := erps[2].sent.Load(); n < 100 {
			t.Errorf("of the backlog %d arrived", n)
		}
		stop()
	})
}
