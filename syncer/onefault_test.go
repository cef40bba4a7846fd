package syncer_test

import (
	"context"
	"testing"
	"time"

	"github.com/tg360/tg360/framework360/framework360test"
	"github.com/tg360/tg360/syncer"
)

// TestOneErrorOfTheShopIsNoVerdict: an error in a reply with status 200 may pass,
// and is not about the order.
func TestOneErrorOfTheShopIsNoVerdict(t *testing.T) {
	t.Parallel()
	for _, op := range []string{"orders/get", "orders/statuses", "payments/taxes"} {
		t.Run(op, func(t *testing.T) {
			t.Parallel()
			bubble(t, setup{}, func(ctx context.Context, r *rig) {
				r.erp.SetProducts(products(2))
				r.cycle(ctx)
				r.work(ctx)
				o := order("501")
				o.StateName = "" // to be looked up
				r.shop.PutOrder(o)
				exported := op == "orders/get"
				if exported {
					r.poll(ctx)
					r.settled(ctx, time.Minute)
				}
				pause(2 * time.Hour) // the lists are read anew
				r.shop.Faults(framework360test.Fault{Kind: framework360test.OK200Error, Operation: op, Share: 1, Times: 1})
				if err := r.sync.Notify(ctx, connection, "501"); err != nil {
					t.Fatal(err)
				}
				r.until(time.Hour, "the order is synced", func() bool {
					l := r.status(ctx, syncer.KindOrder, "501")
					return l.State == syncer.Synced && l.Version == l.Done
				})
				if n := r.shop.FaultCounts()[framework360test.OK200Error]; n != 1 {
					t.Errorf("%d faults were met", n)
				}
			})
		})
	}
}
