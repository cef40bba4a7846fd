package syncer_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tg360/tg360/framework360"
	"github.com/tg360/tg360/framework360/framework360test"
	"github.com/tg360/tg360/syncer"
	"github.com/tg360/tg360/totalgest"
	"github.com/tg360/tg360/totalgest/totalgesttest"
)

// locked is a TotalGest that refuses its credentials while it is shut, or that
// turns out to be somebody else's.
type locked struct {
	*totalgest.Client
	shut  atomic.Bool
	other atomic.Bool
	calls atomic.Int32
}

func (l *locked) refuse() error {
	l.calls.Add(1)
	if l.shut.Load() {
		return &totalgest.Error{Code: "unauthorized", Outcome: totalgest.OutcomeRefused, Message: "user name or password is wrong"}
	}
	return nil
}

func (l *locked) Verify(ctx context.Context) (totalgest.Report, error) {
	if err := l.refuse(); err != nil {
		return totalgest.Report{}, err
	}
	r, err := l.Client.Verify(ctx)
	if l.other.Load() {
		r.Account.ShopID = "9999"
	}
	return r, err
}

func (l *locked) CreateOrder(ctx context.Context, o totalgest.Order) (totalgest.OrderRef, bool, error) {
	if err := l.refuse(); err != nil {
		return totalgest.OrderRef{}, false, err
	}
	return l.Client.CreateOrder(ctx, o)
}

// lockable is a rig whose TotalGest can be shut.
func lockable(l *locked) setup {
	return setup{adjust: func(c *syncer.Connection) {
		l.Client = c.TotalGest.(*totalgest.Client)
		c.TotalGest = l
	}}
}

func TestConnectionGoesOnAfterItsCredentialsAreMended(t *testing.T) {
	t.Parallel()
	l := &locked{}
	bubble(t, lockable(l), func(ctx context.Context, r *rig) {
		r.erp.SetProducts(products(2))
		r.cycle(ctx)
		r.work(ctx)
		l.shut.Store(true)
		for _, id := range []string{"501", "502", "503"} {
			r.shop.PutOrder(order(id))
		}
		r.poll(ctx)
		pause(2 * time.Hour)
		if err := r.sync.Paused(connection); !errors.Is(err, totalgest.ErrUnauthorized) {
			t.Fatalf("paused: %v", err)
		}
		if n := l.calls.Load(); n > 4 { // each worker may have been on its way
			t.Errorf("%d calls with dead credentials", n)
		}
		if _, err := r.sync.PollOrders(ctx, connection); !errors.Is(err, totalgest.ErrUnauthorized) {
			t.Errorf("a look while paused: %v", err)
		}
		l.shut.Store(false)
		r.poll(ctx)
		r.until(time.Minute, "all are exported", func() bool { return len(r.erp.Orders()) == 3 })
		for _, id := range []string{"501", "502", "503"} {
			if l := r.status(ctx, syncer.KindOrder, id); l.Attempts != 0 {
				t.Errorf("%s consumed %d attempts", id, l.Attempts)
			}
		}
	})
}

func TestVerifyRefusesAnotherShop(t *testing.T) {
	t.Parallel()
	l := &locked{}
	bubble(t, lockable(l), func(ctx context.Context, r *rig) {
		if err := r.sync.Verify(ctx, connection); err != nil {
			t.Fatal(err)
		}
		l.other.Store(true)
		if err := r.sync.Verify(ctx, connection); !errors.Is(err, totalgest.ErrMismatch) {
			t.Errorf("another shop: %v", err)
		}
		if r.sync.Paused(connection) == nil {
			t.Error("the connection works on with another shop's credentials")
		}
		l.other.Store(false)
		if err := r.sync.Verify(ctx, connection); err != nil || r.sync.Paused(connection) != nil {
			t.Errorf("after the right ones: %v, %v", err, r.sync.Paused(connection))
		}
	})
}

func TestVerifyWhereTheVendorsPluginIsFine(t *testing.T) {
	t.Parallel()
	for _, fine := range []bool{false, true} {
		s := setup{shop: framework360test.Options{VendorPlugin: true}, adjust: func(c *syncer.Connection) { c.PluginIsFine = fine }}
		bubble(t, s, func(ctx context.Context, r *rig) {
			if err := r.sync.Verify(ctx, connection); (err == nil) != fine {
				t.Errorf("fine %v: %v", fine, err)
			}
		})
	}
}

// another is a shop in which the vendor's own plugin can be switched on.
type another struct {
	*framework360.Client
	on atomic.Bool
}

func (a *another) Plugins(ctx context.Context) ([]framework360.Plugin, error) {
	list, err := a.Client.Plugins(ctx)
	if a.on.Load() {
		list = append(list, framework360.Plugin{ID: "totalgest", Active: framework360.Some(true)})
	}
	return list, err
}

func (a *another) Verify(ctx context.Context) (framework360.Report, error) {
	r, err := a.Client.Verify(ctx)
	if a.on.Load() {
		err = framework360.ErrPluginActive
		r.Checks = append(r.Checks, framework360.Check{Ability: "sole exporter", Err: err})
	}
	return r, err
}

func TestVendorPluginSwitchedOnInMidRunStopsTheExport(t *testing.T) {
	t.Parallel()
	a := &another{}
	s := setup{adjust: func(c *syncer.Connection) {
		a.Client = c.Framework360.(*framework360.Client)
		c.Framework360 = a
	}}
	bubble(t, s, func(ctx context.Context, r *rig) {
		r.erp.SetProducts(products(2))
		r.cycle(ctx)
		r.work(ctx)
		a.on.Store(true)
		if _, err := r.sync.PollOrders(ctx, connection); !errors.Is(err, framework360.ErrPluginActive) {
			t.Fatalf("a look beside the vendor's plugin: %v", err)
		}
		r.shop.PutOrder(order("501"))
		if err := r.sync.Notify(ctx, connection, "501"); err != nil {
			t.Fatal(err)
		}
		pause(time.Hour)
		if r.cycle(ctx); len(r.erp.Orders()) != 0 { // products go on
			t.Fatalf("%d orders exported", len(r.erp.Orders()))
		}
		a.on.Store(false)
		r.poll(ctx)
		r.until(time.Minute, "the order is exported", func() bool { return len(r.erp.Orders()) == 1 })
	})
}

func TestThrottlingIsNoFailure(t *testing.T) {
	t.Parallel()
	bubble(t, setup{}, func(ctx context.Context, r *rig) {
		r.erp.SetProducts(products(2))
		r.cycle(ctx)
		r.work(ctx)
		r.erp.Faults(totalgesttest.Fault{Kind: totalgesttest.TooMany429, Operation: "orders.create", Times: 100, RetryAfter: "30"})
		r.shop.PutOrder(order("501"))
		r.poll(ctx)
		r.until(12*time.Hour, "the order is exported", func() bool {
			if l := r.status(ctx, syncer.KindOrder, "501"); l.Attempts != 0 || l.State == syncer.Blocked {
				t.Fatalf("throttling counts as failure: %+v", l)
			}
			return len(r.erp.Orders()) == 1
		})
		if met := r.erp.FaultCounts()[totalgesttest.TooMany429]; met != 100 {
			t.Errorf("throttled %d times", met)
		}
	})
}
