package syncer_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/tg360/tg360/syncer"
)

// lose puts an empty store, or a copy that was made before, in the place of the
// rig's, and begins anew with it.
func (r *rig) lose(ctx context.Context, c syncer.Connection, store syncer.Store) {
	r.t.Helper()
	r.store = store
	var err error
	if r.sync, err = syncer.New(syncer.Config{Store: r.store, Queue: r.queue}); err != nil {
		r.t.Fatal(err)
	}
	if err := r.sync.Add(ctx, c); err != nil {
		r.t.Fatal(err)
	}
}

// exactly checks that each order is in TotalGest, and once.
func (r *rig) exactly(n int) {
	r.t.Helper()
	if got := len(r.erp.Orders()); got != n || r.erp.Duplicates() != 0 {
		r.t.Errorf("TotalGest has %d orders, %d doubled, want %d", got, r.erp.Duplicates(), n)
	}
}

// TestNewStoreWaitsForItsOrigin loses the store: TotalGest has one of the two
// orders, and the new store knows neither.
func TestNewStoreWaitsForItsOrigin(t *testing.T) {
	t.Parallel()
	var c syncer.Connection
	bubble(t, setup{adjust: func(of *syncer.Connection) { c = *of }}, func(ctx context.Context, r *rig) {
		r.erp.SetProducts(products(2))
		r.cycle(ctx)
		r.shop.PutOrder(order("501"))
		if report, err := r.sync.Export(ctx, connection, "501"); err != nil || report.Succeeded() != 1 {
			t.Fatal(report, err)
		}
		r.shop.PutOrder(order("502"))
		empty := syncer.NewMemoryStore()
		for range 2 { // also after another start
			r.lose(ctx, c, empty)
			r.cycle(ctx)
			r.poll(ctx)
			work, stop := context.WithCancel(ctx)
			done := make(chan error, 1)
			go func() { done <- r.sync.Work(work) }()
			pause(time.Hour)
			stop()
			if err := <-done; err != nil {
				t.Fatal(err)
			}
			r.exactly(1)
			if l := r.status(ctx, syncer.KindOrder, "502"); l.State != syncer.Queued {
				t.Errorf("link: %+v", l)
			}
			if _, err := r.sync.Export(ctx, connection, "502"); !errors.Is(err, syncer.ErrUnconfirmed) {
				t.Errorf("export: %v", err)
			}
			if err := r.sync.Paused(connection); !errors.Is(err, syncer.ErrUnconfirmed) {
				t.Errorf("paused: %v", err)
			}
		}
		if err := r.sync.ConfirmOrigin(ctx, connection, "other"); err == nil {
			t.Error("another origin was confirmed")
		}
		for range 2 {
			if err := r.sync.ConfirmOrigin(ctx, connection, "t1"); err != nil {
				t.Fatal(err)
			}
		}
		if err := r.sync.Paused(connection); err != nil {
			t.Errorf("paused: %v", err)
		}
		r.work(ctx)
		r.settled(ctx, time.Hour)
		r.exactly(2)
	})
}

// TestNewShopNeedsOneDecision: TotalGest has never had an order of this shop, so
// that nothing shows that its search can find one.
func TestNewShopNeedsOneDecision(t *testing.T) {
	t.Parallel()
	var c syncer.Connection
	bubble(t, setup{adjust: func(of *syncer.Connection) { c = *of }}, func(ctx context.Context, r *rig) {
		r.erp.SetProducts(products(2))
		r.lose(ctx, c, syncer.NewMemoryStore())
		r.cycle(ctx)
		for _, id := range []string{"501", "502", "503"} {
			r.shop.PutOrder(order(id))
		}
		if err := r.sync.ConfirmOrigin(ctx, connection, "t1"); err != nil {
			t.Fatal(err)
		}
		r.work(ctx)
		r.poll(ctx)
		r.settled(ctx, time.Hour)
		l := r.status(ctx, syncer.KindOrder, "501")
		if l.State != syncer.Blocked || l.Code != "TG-ORD-016" {
			t.Fatalf("link: %+v", l)
		}
		if err := r.sync.Decide(ctx, l, ""); err != nil {
			t.Fatal(err)
		}
		r.until(time.Hour, "the others follow", func() bool { return len(r.erp.Orders()) == 3 })
		r.exactly(3)
	})
}

// TestForcedExportAsksFirst: a person overrides the rules, not the question.
func TestForcedExportAsksFirst(t *testing.T) {
	t.Parallel()
	inModel(t, honest, func(w *world, p *process) {
		w.send(t, p) // proves that the search finds
		w.backup = w.copied(w.store(), 0)
		w.place(unpaidOrder)
		force := func() syncer.ExportReport {
			report, err := p.sync.Export(p.ctx, connection, "2")
			if err != nil {
				t.Fatal(err)
			}
			return report
		}
		if r := force(); r.Succeeded() != 1 {
			t.Fatal(r)
		}
		w.orders["2"].forced = true
		w.restore()
		if r := force(); len(r.Failed()) != 1 || r.Items[0].Link.State != syncer.InDoubt {
			t.Error(r)
		}
		pause(time.Minute)
		w.want(t, "2", syncer.Synced, "")
		w.place(unpaidOrder)
		force3 := func() (syncer.ExportReport, error) { return p.sync.Export(p.ctx, connection, "3") }
		if r, err := force3(); err != nil || len(r.Failed()) != 1 {
			t.Error(r, err)
		}
		pause(10 * time.Minute)
		if l := w.want(t, "3", syncer.NotLinked, "TG-ORD-004"); l.Attempts != 0 {
			t.Errorf("a question was counted as an attempt: %s", brief(l))
		}
		if r, err := force3(); err != nil || r.Succeeded() != 1 {
			t.Error(r, err)
		}
	})
}

// TestForgottenOrderIsFoundInTheList was sent long before the store was put back.
func TestForgottenOrderIsFoundInTheList(t *testing.T) {
	t.Parallel()
	inModel(t, noted, func(w *world, p *process) {
		w.send(t, p)
		pause(time.Hour)
		w.backup = w.copied(w.store(), 0)
		id := w.send(t, p)
		pause(3 * time.Hour)
		w.restore()
		w.happens(t, p, id, "")
		pause(time.Hour)
		w.want(t, id, syncer.Synced, "")
	})
}

// TestDecisionIsYoungerThanTheStore: what a person saw in TotalGest was before
// the order was sent again, which the store no longer knows.
func TestDecisionIsYoungerThanTheStore(t *testing.T) {
	t.Parallel()
	inModel(t, neither, func(w *world, p *process) {
		id := w.send(t, p, "lost before")
		pause(time.Hour)
		seen := w.want(t, id, syncer.Blocked, "TG-ORD-016")
		w.backup = w.copied(w.store(), 0)
		w.allow(id)
		if err := p.sync.Decide(p.ctx, seen, ""); err != nil {
			t.Fatal(err)
		}
		pause(time.Hour)
		w.want(t, id, syncer.Synced, "")
		w.restore()
		pause(time.Hour)
		if err := p.sync.Decide(p.ctx, seen, ""); !errors.Is(err, syncer.ErrStale) {
			t.Errorf("an old look counted: %v", err)
		}
		pause(time.Minute)
		found, _ := w.inLedger("t1-" + id)
		if err := p.sync.Decide(p.ctx, w.linkOf(id), found.id); err != nil {
			t.Error(err)
		}
	})
}

// TestGapMakesUsAskFirst puts an older copy of the store back while nobody works.
func TestGapMakesUsAskFirst(t *testing.T) {
	t.Parallel()
	inModel(t, honest, func(w *world, p *process) {
		w.send(t, p)
		pause(time.Minute)
		old := w.copied(w.store(), 0)
		w.send(t, p)
		p.kill()
		pause(modelT + 2*time.Minute)
		w.swap(old)
		w.start(0)
		w.happens(t, w.procs[0], "2", "")
		pause(time.Minute)
		w.want(t, "2", syncer.Synced, "")
	})
}

// TestStoreThatGoesBackMakesUsAskFirst puts a fresh copy back under a process.
func TestStoreThatGoesBackMakesUsAskFirst(t *testing.T) {
	t.Parallel()
	inModel(t, honest, func(w *world, p *process) {
		w.send(t, p)
		pause(time.Minute)
		old := w.copied(w.store(), 0)
		w.send(t, p)
		pause(2 * time.Minute)
		w.swap(old)
		pause(2 * time.Minute)
		w.happens(t, p, "2", "")
		pause(time.Minute)
		w.want(t, "2", syncer.Synced, "")
	})
}

// TestNothingIsAskedWithoutNeed: a store that has lived asks no more than what
// proves the search.
func TestNothingIsAskedWithoutNeed(t *testing.T) {
	t.Parallel()
	bubble(t, setup{}, func(ctx context.Context, r *rig) {
		r.erp.SetProducts(products(2))
		r.cycle(ctx)
		for _, id := range []string{"501", "502"} {
			r.shop.PutOrder(order(id))
			if report, err := r.sync.Export(ctx, connection, id); err != nil || report.Succeeded() != 1 {
				t.Fatal(report, err)
			}
		}
		if n := r.erp.Requests()["orders.find"]; n != 2 {
			t.Errorf("%d searches", n)
		}
	})
}
