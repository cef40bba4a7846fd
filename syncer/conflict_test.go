package syncer_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/tg360/tg360/framework360"
	"github.com/tg360/tg360/syncer"
	"github.com/tg360/tg360/totalgest/totalgesttest"
)

// exported is a rig with one order in TotalGest.
func exported(ctx context.Context, r *rig) {
	r.t.Helper()
	r.erp.SetProducts(products(2))
	r.cycle(ctx)
	r.shop.PutOrder(order("501"))
	r.work(ctx)
	r.poll(ctx)
	r.settled(ctx, time.Minute)
	if len(r.erp.Orders()) != 1 {
		r.t.Fatal("the order was not exported")
	}
}

// edited changes the exported order in the shop and waits until that is seen.
func edited(ctx context.Context, r *rig, change func(*framework360.Order)) syncer.Link {
	r.t.Helper()
	if change != nil {
		r.shop.UpdateOrder("501", change)
	}
	if err := r.sync.Notify(ctx, connection, "501"); err != nil {
		r.t.Fatal(err)
	}
	pause(time.Minute)
	return r.status(ctx, syncer.KindOrder, "501")
}

func TestConflictNamesTheFields(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name   string
		change func(*framework360.Order)
		fields []string
	}{
		{"town", func(o *framework360.Order) { o.Billing.City = "Lecce" }, []string{"customer.city changed"}},
		{"a phone more", func(o *framework360.Order) { o.Billing.Phone = "+39 080 0000000" }, []string{"customer.phone added"}},
		{"first name taken away", func(o *framework360.Order) { o.Billing.FirstName = "" }, []string{"customer.first_name removed"}},
		{"amounts", func(o *framework360.Order) {
			o.Rows[1].Quantity, o.Total = framework360.Some(dec("2")), framework360.Some(dec("53.80"))
		}, []string{"lines.1 changed", "totals changed"}},
		{"gone", nil, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			bubble(t, setup{}, func(ctx context.Context, r *rig) {
				exported(ctx, r)
				if tc.change == nil {
					r.shop.RemoveOrder("501")
				}
				l := edited(ctx, r, tc.change)
				var got []string
				for _, p := range l.Problems {
					got = append(got, p.Field+" "+p.Message)
				}
				if tc.change == nil {
					if !slices.Contains(got, "gone added") {
						t.Errorf("fields: %v", got)
					}
				} else if !slices.Equal(got, tc.fields) {
					t.Errorf("fields: %v, want %v", got, tc.fields)
				}
				if l.State != syncer.Conflict || l.Code != "TG-ORD-020" || l.PeerID == "" || len(r.erp.Orders()) != 1 {
					t.Errorf("link: %+v", l)
				}
			})
		})
	}
}

func TestEchoAndRepeatedEventsAreNoConflict(t *testing.T) {
	t.Parallel()
	bubble(t, setup{}, func(ctx context.Context, r *rig) {
		exported(ctx, r)
		for range 5 { // the shop spells its values differently each time
			l := edited(ctx, r, func(o *framework360.Order) { o.Courier, o.Tracking = "Corriere", "X1" })
			if l.State != syncer.Synced {
				t.Fatalf("link: %+v", l)
			}
		}
	})
}

func TestAcceptedConflictStaysSettled(t *testing.T) {
	t.Parallel()
	bubble(t, setup{}, func(ctx context.Context, r *rig) {
		exported(ctx, r)
		edited(ctx, r, func(o *framework360.Order) { o.StateID, o.StateName = "5", "Annullato" })
		if err := r.sync.Resolve(ctx, connection, "501", true); err == nil {
			t.Error("updated although TotalGest can't")
		}
		if err := r.sync.Resolve(ctx, connection, "501", false); err != nil {
			t.Fatal(err)
		}
		if l := edited(ctx, r, nil); l.State != syncer.Synced || l.Owner != "" {
			t.Errorf("an accepted conflict came back: %+v", l)
		}
		if err := r.sync.Resolve(ctx, connection, "501", false); err == nil {
			t.Error("an order without a conflict could be resolved")
		}
		if l := edited(ctx, r, func(o *framework360.Order) { o.Note = "un'altra modifica" }); l.State != syncer.Conflict {
			t.Errorf("a later change went unseen: %+v", l)
		}
		if len(r.erp.Orders()) != 1 {
			t.Errorf("%d orders", len(r.erp.Orders()))
		}
	})
}

func TestConflictResolvedByAnUpdate(t *testing.T) {
	t.Parallel()
	profile := []byte(`{"abilities":{"update":true},"operations":{"orders.update":{"verb":"PUT","path":"orders/{id}",
		"required":["id"],"body":"order","record":"order_ref","write":true,"grade":"assumed"}}}`)
	bubble(t, setup{erp: totalgesttest.Options{Profile: profile}}, func(ctx context.Context, r *rig) {
		exported(ctx, r)
		edited(ctx, r, func(o *framework360.Order) { o.Billing.City = "Lecce" })
		r.erp.Faults(totalgesttest.Fault{Kind: totalgesttest.Error500Before, Operation: "orders.update", Times: 1})
		if err := r.sync.Resolve(ctx, connection, "501", true); err == nil {
			t.Fatal("a failed update resolved the conflict")
		}
		if l := r.status(ctx, syncer.KindOrder, "501"); l.State != syncer.Conflict || l.Owner != "" {
			t.Fatalf("after a failed update: %+v", l)
		}
		if err := r.sync.Resolve(ctx, connection, "501", true); err != nil {
			t.Fatal(err)
		}
		orders := r.erp.Orders()
		if l := edited(ctx, r, nil); l.State != syncer.Synced || len(orders) != 1 || orders[0].Order.Customer.City != "Lecce" {
			t.Errorf("%+v, %d orders", l, len(orders))
		}
	})
}

func TestFaceHoldsNothingThatCanBeGuessed(t *testing.T) {
	t.Parallel()
	var faces []string
	for range 2 {
		bubble(t, setup{}, func(ctx context.Context, r *rig) {
			exported(ctx, r)
			faces = append(faces, r.status(ctx, syncer.KindOrder, "501").Parts)
		})
	}
	if faces[0] == "" || faces[0] == faces[1] {
		t.Error("two connections fingerprint the same order alike: the hashes can be looked up")
	}
}
