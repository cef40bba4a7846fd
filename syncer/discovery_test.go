package syncer_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/tg360/tg360/framework360"
	"github.com/tg360/tg360/framework360/framework360test"
	"github.com/tg360/tg360/syncer"
	"github.com/tg360/tg360/totalgest/totalgesttest"
)

// TestListThatGrowsWhileItIsRead places an order before each page is read: each
// pushes one order over the edge of a page.
func TestListThatGrowsWhileItIsRead(t *testing.T) {
	t.Parallel()
	bubble(t, setup{shop: framework360test.Options{ShortLists: true}}, func(ctx context.Context, r *rig) {
		r.erp.SetProducts(products(2))
		r.cycle(ctx)
		for i := range 350 {
			o := order(fmt.Sprint(1000 + i))
			o.Created = o.Created.Add(time.Duration(i-350) * time.Second)
			r.shop.PutOrder(o)
		}
		late := 0
		r.shop.OnRequest(func(op string) {
			if op == "orders/list" && late < 50 {
				late++
				r.shop.PutOrder(order(fmt.Sprint(5000 + late)))
			}
		})
		r.work(ctx)
		r.poll(ctx)
		pause(time.Second)
		r.poll(ctx)
		r.shop.OnRequest(func(string) {})
		pause(time.Second)
		r.poll(ctx)
		r.settled(ctx, time.Hour)
		if n := len(r.erp.Orders()); n != 350+late || r.erp.Duplicates() != 0 {
			t.Errorf("%d orders of %d, %d doubled", n, 350+late, r.erp.Duplicates())
		}
	})
}

// TestLatePaymentsDeepInTheList has 200 orders, 5,000 rows deep, that are paid
// days later: each is exported within one step of the schedule.
func TestLatePaymentsDeepInTheList(t *testing.T) {
	t.Parallel()
	const deep, unpaid = 5000, 200
	bubble(t, setup{shop: framework360test.Options{ShortLists: true}, adjust: func(c *syncer.Connection) { c.GoLive = time.Now().Add(-48 * time.Hour) }}, func(ctx context.Context, r *rig) {
		r.erp.SetProducts(products(2))
		r.cycle(ctx)
		start := time.Now()
		for i := range unpaid {
			o := order(fmt.Sprint(1000 + i))
			o.Created = start.Add(-24*time.Hour + time.Duration(i)*time.Second)
			o.StateID, o.StateName, o.PaymentState = "3", "Completato", "unpaid"
			r.shop.PutOrder(o)
		}
		for i := range deep {
			o := order(fmt.Sprint(20000 + i))
			o.Created = start.Add(-12*time.Hour + time.Duration(i)*time.Second)
			r.shop.PutOrder(o)
		}
		r.work(ctx)
		r.poll(ctx)
		r.until(24*time.Hour, "the paid ones are exported", func() bool { return len(r.erp.Orders()) == deep })
		pause(5*24*time.Hour - time.Since(start))
		before := r.shop.Requests()["orders/get"]
		pause(24 * time.Hour) // a day of waiting: what does it cost?
		perDay := r.shop.Requests()["orders/get"] - before
		if want := unpaid * 12; perDay < want-unpaid || perDay > want+unpaid { // every two hours from day 3 on
			t.Errorf("%d orders that wait cost %d reads a day, want %d", unpaid, perDay, want)
		}
		for i := range unpaid {
			r.shop.UpdateOrder(fmt.Sprint(1000+i), func(o *framework360.Order) { o.PaymentState = "paid" })
		}
		r.until(2*time.Hour+time.Minute, "all are exported within one step", func() bool { return len(r.erp.Orders()) == deep+unpaid })
		if r.erp.Duplicates() != 0 {
			t.Error("doubled")
		}
		t.Logf("%d waiting orders: %d reads a day", unpaid, perDay)
	})
}

// TestEveryFaultOnBothSides sends 2,000 orders through both fakes while a fifth
// of the requests meets a fault of any kind.
func TestEveryFaultOnBothSides(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name    string
		options totalgesttest.Options
		persons bool
	}{
		{"dedupes", totalgesttest.Options{Dedupe: true, NoSearch: true}, false},
		{"can be searched", totalgesttest.Options{}, false},
		{"neither", totalgesttest.Options{NoSearch: true, Profile: []byte(`{"operations":{"orders.list":null}}`)}, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			everyFault(t, 2000, tc.options, tc.persons)
		})
	}
}

func everyFault(t *testing.T, n int, options totalgesttest.Options, persons bool) {
	t.Helper()
	kinds := []totalgesttest.FaultKind{totalgesttest.DropBefore, totalgesttest.DropAfter, totalgesttest.Error500Before, totalgesttest.Error500After,
		totalgesttest.LateEffect, totalgesttest.Hang, totalgesttest.HangAfter, totalgesttest.Truncate, totalgesttest.HTML502, totalgesttest.HTML200,
		totalgesttest.TooMany429, totalgesttest.Slow}
	options.Seed = 3
	patient := func(c *syncer.Connection) { c.MaxAttempts = 50 } // chance must not look like a fault
	bubble(t, setup{erp: options, shop: framework360test.Options{Seed: 4}, adjust: patient}, func(ctx context.Context, r *rig) {
		r.erp.SetProducts(products(2))
		r.cycle(ctx)
		r.work(ctx)
		r.shop.PutOrder(order("900")) // exported before the storm: a search is seen to find
		r.poll(ctx)
		r.settled(ctx, time.Minute)
		for i := range n {
			o := order(fmt.Sprint(1000 + i))
			o.Created = o.Created.Add(time.Duration(i) * time.Second)
			r.shop.PutOrder(o)
		}
		var erp []totalgesttest.Fault
		var shop []framework360test.Fault
		share := 0.2 / float64(len(kinds))
		for _, k := range kinds {
			erp = append(erp, totalgesttest.Fault{Kind: k, Share: share, Delay: 5 * time.Minute})
			shop = append(shop, framework360test.Fault{Kind: k, Share: share, Delay: 5 * time.Second})
		}
		r.erp.Faults(erp...)
		r.shop.Faults(shop...)
		r.until(24*time.Hour, "a look is complete", func() bool {
			_, err := r.sync.PollOrders(ctx, connection)
			return err == nil
		})
		counts := r.settled(ctx, 30*24*time.Hour)
		r.erp.Faults()
		pause(time.Hour) // effects that are still late
		orders, waiting := len(r.erp.Orders()), counts[syncer.Blocked]
		if r.erp.Duplicates() != 0 {
			t.Errorf("%d orders doubled", r.erp.Duplicates())
		}
		if counts[syncer.Synced]+waiting != n+1 || (!persons && (waiting > 0 || orders != n+1)) {
			t.Errorf("%v, %d orders in TotalGest", counts, orders)
		}
		if persons && waiting == 0 {
			t.Error("no order waits for a person: the faults did not bite")
		}
		blocked, err := r.sync.List(ctx, syncer.Query{Connection: connection, Kind: syncer.KindOrder, States: []syncer.State{syncer.Blocked}})
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range blocked {
			if l.Code != "TG-ORD-016" {
				t.Errorf("%s waits with %s: %s", l.ID, l.Code, l.Message)
			}
		}
		t.Logf("%d orders, %d wait for a person, faults met: %v", orders, waiting, r.erp.FaultCounts())
	})
}
