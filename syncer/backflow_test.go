package syncer_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/tg360/tg360/framework360"
	"github.com/tg360/tg360/framework360/framework360test"
	"github.com/tg360/tg360/queue"
	"github.com/tg360/tg360/syncer"
	"github.com/tg360/tg360/totalgest"
	"github.com/tg360/tg360/totalgest/totalgesttest"
)

// flow is a rig whose orders 501, 502 and so on are in TotalGest, and which can
// be started again with other settings over the same store.
type flow struct {
	*rig
	conn syncer.Connection
}

// flowBubble runs a test with the back flow on and n exported orders.
func flowBubble(t *testing.T, s setup, n int, test func(ctx context.Context, f *flow)) {
	t.Helper()
	f := &flow{}
	adjust := s.adjust
	s.adjust = func(c *syncer.Connection) {
		c.BackFlow = syncer.BackFlow{Mode: syncer.BackFlowOn, Statuses: map[string]string{
			"new": "", "Packed": "2", "shipped": "completato", "returned": "Annullato", "lost": "Smarrito"}}
		if adjust != nil {
			adjust(c)
		}
		f.conn = *c
	}
	bubble(t, s, func(ctx context.Context, r *rig) {
		f.rig = r
		r.erp.SetProducts(products(2))
		r.cycle(ctx)
		for i := range n {
			id := fmt.Sprint(501 + i)
			r.shop.PutOrder(order(id))
			if report, err := r.sync.Export(ctx, connection, id); err != nil || report.Succeeded() != 1 {
				t.Fatalf("%+v, %v", report, err)
			}
		}
		test(ctx, f)
	})
}

// restart begins anew with other settings, as a process does.
func (f *flow) restart(ctx context.Context, change func(*syncer.Connection)) {
	f.t.Helper()
	change(&f.conn)
	s, err := syncer.New(syncer.Config{Store: f.store, Queue: f.queue, Logger: slog.New(slog.NewTextHandler(f.logs, nil))})
	if err != nil {
		f.t.Fatal(err)
	}
	if err := s.Add(ctx, f.conn); err != nil {
		f.t.Fatal(err)
	}
	f.sync = s
}

// say changes what TotalGest says of an exported order.
func (f *flow) say(ctx context.Context, id, status, courier, tracking string) {
	f.t.Helper()
	if !f.erp.SetOrderStatus(f.status(ctx, syncer.KindOrder, id).PeerID, status, courier, tracking) {
		f.t.Fatalf("order %s is not in TotalGest", id)
	}
}

// later lets more time pass than runs overlap.
func later() { pause(10 * time.Minute) }

func (f *flow) back(ctx context.Context) syncer.Run {
	f.t.Helper()
	run, err := f.sync.SyncStatuses(ctx, connection)
	if err != nil || !run.Complete || run.Kind != syncer.KindStatus {
		f.t.Fatalf("SyncStatuses: %+v, %v", run, err)
	}
	return run
}

// has checks what the shop shows of an order.
func (f *flow) has(id, state, courier, tracking string) {
	f.t.Helper()
	o, _ := f.shop.Order(id)
	if got, want := [3]string{o.StateID, o.Courier, o.Tracking}, [3]string{state, courier, tracking}; got != want {
		f.t.Errorf("order %s shows %q, want %q", id, got, want)
	}
}

// written counts the orders/updateStatus that took effect in the shop.
func (f *flow) written() int {
	n := 0
	for _, w := range f.shop.WriteLog() {
		if w.Operation == "orders/updateStatus" {
			n++
		}
	}
	return n
}

func TestStatusCourierAndTrackingComeBack(t *testing.T) {
	t.Parallel()
	flowBubble(t, setup{}, 3, func(ctx context.Context, f *flow) {
		before := f.shop.Requests()["orders/get"]
		if run := f.back(ctx); run.Read != 3 || run.Unchanged != 3 || run.Writes != 0 || !run.Since.IsZero() {
			t.Errorf("nothing to say: %+v", run)
		}
		if n := f.shop.Requests()["orders/get"] - before; n != 0 {
			t.Errorf("the shop was asked %d times for nothing", n)
		}
		later()
		f.back(ctx)
		later()
		f.say(ctx, "501", "SHIPPED", "BRT", "0042")
		f.say(ctx, "502", "new", "", "0043")
		if run := f.back(ctx); run.Updated != 2 || run.Writes != 2 || run.Since.IsZero() || run.Read != 2 {
			t.Errorf("two changed: %+v", run)
		}
		f.has("501", "3", "BRT", "0042")
		f.has("502", "2", "", "0043")
		f.has("503", "2", "", "")

		before = f.shop.Requests()["orders/get"]
		if run := f.back(ctx); run.Read != 2 || run.Unchanged != 2 || run.Writes != 0 { // the overlap brings them again
			t.Errorf("a second run: %+v", run)
		}
		if n := f.shop.Requests()["orders/get"] - before; n != 0 || f.written() != 2 {
			t.Errorf("a second run read %d orders; %d written in all", n, f.written())
		}
		runs, err := f.sync.Runs(ctx, connection, syncer.KindStatus)
		if err != nil || len(runs) != 4 || runs[1].Writes != 2 {
			t.Errorf("history: %+v, %v", runs, err)
		}
	})
}

// What we write ourselves must not look like a person's change.
func TestBackFlowMakesNoConflict(t *testing.T) {
	t.Parallel()
	flowBubble(t, setup{}, 1, func(ctx context.Context, f *flow) {
		f.work(ctx)
		for _, status := range []string{"shipped", "packed"} {
			f.say(ctx, "501", status, "BRT "+status, "42 "+status)
			if run := f.back(ctx); run.Writes != 1 {
				t.Errorf("%s: %+v", status, run)
			}
			if err := f.sync.Notify(ctx, connection, "501"); err != nil {
				t.Fatal(err)
			}
			pause(time.Minute)
			if l := f.status(ctx, syncer.KindOrder, "501"); l.State != syncer.Synced || l.Done != l.Version || len(l.Warnings) != 0 {
				t.Errorf("after %s: %+v", status, l)
			}
		}
		if n := len(f.erp.Orders()); n != 1 {
			t.Errorf("TotalGest has %d orders", n)
		}
	})
}

func TestOrdersThatAreLeftAlone(t *testing.T) {
	t.Parallel()
	inShop := func(change func(*framework360.Order)) func(context.Context, *flow) {
		return func(_ context.Context, f *flow) { f.shop.UpdateOrder("501", change) }
	}
	for _, tc := range []struct {
		name   string
		status string
		before func(ctx context.Context, f *flow)
		code   string // among the link's warnings
	}{
		{"unmapped status", "in transito", nil, "TG-ORD-030"},
		{"mapped to cancelled", "returned", nil, "TG-ORD-030"},
		{"mapped to no state of the shop", "lost", nil, "TG-ORD-030"},
		{"cancelled in the shop", "shipped", inShop(func(o *framework360.Order) { o.StateID, o.StateName = "5", "Annullato" }), "TG-ORD-002"},
		{"refunded in the shop", "shipped", inShop(func(o *framework360.Order) { o.PaymentState = "refunded" }), "TG-ORD-002"},
		{"in a state without a meaning", "shipped", inShop(func(o *framework360.Order) { o.StateID, o.StateName = "77", "In verifica" }), "TG-ORD-005"},
		{"gone", "shipped", func(_ context.Context, f *flow) { f.shop.RemoveOrder("501") }, "TG-ORD-011"},
		{"not readable", "shipped", inShop(func(o *framework360.Order) { o.Rows = nil }), "TG-ORD-010"},
		{"in conflict", "shipped", func(ctx context.Context, f *flow) {
			f.shop.UpdateOrder("501", func(o *framework360.Order) { o.Note = "al piano" })
			if err := f.sync.Notify(ctx, connection, "501"); err != nil {
				f.t.Fatal(err)
			}
			f.work(ctx)
			f.until(time.Minute, "the conflict shows", func() bool { return f.status(ctx, syncer.KindOrder, "501").State == syncer.Conflict })
		}, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			flowBubble(t, setup{}, 2, func(ctx context.Context, f *flow) {
				f.say(ctx, "501", tc.status, "BRT", "42")
				f.say(ctx, "502", "shipped", "BRT", "43")
				if tc.before != nil {
					tc.before(ctx, f)
				}
				if run := f.back(ctx); run.Rejected != 1 || run.Updated != 1 || run.Writes != 1 {
					t.Errorf("run: %+v", run)
				}
				if o, _ := f.shop.Order("501"); o.Courier != "" || o.Tracking != "" || o.StateID == "3" {
					t.Errorf("it was written to: %q %q %q", o.StateID, o.Courier, o.Tracking)
				}
				f.has("502", "3", "BRT", "43")
				l := f.status(ctx, syncer.KindOrder, "501")
				if got := strings.Join(l.Warnings, " "); got != tc.code {
					t.Errorf("warnings %q, want %q", got, tc.code)
				}
				if run := f.back(ctx); run.Rejected != 1 || run.Writes != 0 {
					t.Errorf("a second run: %+v", run)
				}
				if again := f.status(ctx, syncer.KindOrder, "501"); again.Revision != l.Revision {
					t.Error("a second run stored the same once more")
				}
			})
		})
	}
}

func TestOrdersOfOthersAreCountedOnly(t *testing.T) {
	t.Parallel()
	flowBubble(t, setup{}, 1, func(ctx context.Context, f *flow) {
		for _, external := range []string{"", "501", "t1", "t1-", "t2-501", "t1x-501", "t1-999", "t1-501"} { // the last one is a second one of ours
			ref := f.erp.PutOrder(totalgest.Order{ExternalID: external, Currency: "EUR", CreatedAt: time.Now()})
			f.erp.SetOrderStatus(ref.ID, "shipped", "BRT", "66")
		}
		old := order("600") // never exported, and yet in TotalGest
		old.Created = old.Created.Add(-48 * time.Hour)
		f.shop.PutOrder(old)
		f.poll(ctx)
		f.erp.PutOrder(totalgest.Order{ExternalID: "t1-600", Currency: "EUR", CreatedAt: time.Now()})
		later()
		if run := f.back(ctx); run.Read != 10 || run.Foreign != 9 || run.Unchanged != 1 || run.Writes != 0 {
			t.Errorf("run: %+v", run)
		}
		f.has("501", "2", "", "")
		if run := f.back(ctx); run.Foreign != 0 {
			t.Errorf("somebody else's are kept: %+v", run)
		}
	})
}

func TestListWithoutExternalIDs(t *testing.T) {
	t.Parallel()
	s := setup{erpCfg: func(c *totalgest.Config) {
		c.Profile = []byte(`{"records": {"order_ref": {"external_id": {"paths": []}}}}`)
	}}
	flowBubble(t, s, 2, func(ctx context.Context, f *flow) {
		f.erp.PutOrder(totalgest.Order{ExternalID: "t1-501", Currency: "EUR", CreatedAt: time.Now()})
		f.say(ctx, "501", "shipped", "BRT", "42")
		if run := f.back(ctx); run.Read != 3 || run.Foreign != 1 || run.Writes != 1 {
			t.Errorf("run: %+v", run)
		}
		f.has("501", "3", "BRT", "42")
	})
}

func TestWhatAPersonChangesStays(t *testing.T) {
	t.Parallel()
	flowBubble(t, setup{}, 1, func(ctx context.Context, f *flow) {
		f.say(ctx, "501", "shipped", "BRT", "42")
		f.back(ctx)
		f.shop.UpdateOrder("501", func(o *framework360.Order) { o.StateID, o.StateName, o.Courier = "2", "Pagato", "Corriere espresso" })
		pause(time.Second)
		f.say(ctx, "501", "shipped", "BRT", "42") // touched, and nothing new
		if run := f.back(ctx); run.Unchanged != 1 || run.Writes != 0 {
			t.Errorf("nothing new: %+v", run)
		}
		f.say(ctx, "501", "shipped", "BRT", "43") // only the number is new
		if run := f.back(ctx); run.Updated != 1 || run.Writes != 1 {
			t.Errorf("a new number: %+v", run)
		}
		f.has("501", "2", "Corriere espresso", "43")
		f.say(ctx, "501", "packed", "BRT", "43")
		f.back(ctx)
		f.shop.UpdateOrder("501", func(o *framework360.Order) { o.StateID, o.StateName = "1", "Aperto" })
		f.say(ctx, "501", "shipped", "BRT", "43") // TotalGest's newer word counts
		f.back(ctx)
		f.has("501", "3", "Corriere espresso", "43")
		f.say(ctx, "501", "", "", "") // says nothing: nothing is taken away
		if run := f.back(ctx); run.Unchanged != 1 || run.Writes != 0 {
			t.Errorf("says nothing: %+v", run)
		}
	})
}

func TestWhatTheShopHasAlreadyIsNotWritten(t *testing.T) {
	t.Parallel()
	flowBubble(t, setup{}, 1, func(ctx context.Context, f *flow) {
		f.shop.UpdateOrder("501", func(o *framework360.Order) {
			o.StateID, o.StateName, o.Courier, o.Tracking = "3", "Completato", "brt ", " 42"
		})
		f.say(ctx, "501", "shipped", "BRT", "42")
		if run := f.back(ctx); run.Unchanged != 1 || run.Writes != 0 {
			t.Errorf("run: %+v", run)
		}
		f.shop.UpdateOrder("501", func(o *framework360.Order) { o.StateID, o.StateName = "2", "Pagato" })
		if run := f.back(ctx); run.Unchanged != 1 || run.Writes != 0 { // it counts as brought back
			t.Errorf("after a person's change: %+v", run)
		}
	})
}

func TestDryRunOnlyReports(t *testing.T) {
	t.Parallel()
	flowBubble(t, setup{}, 3, func(ctx context.Context, f *flow) {
		f.restart(ctx, func(c *syncer.Connection) { c.BackFlow.Mode = syncer.BackFlowDryRun })
		f.say(ctx, "501", "shipped", "BRT", "42")
		f.say(ctx, "502", "in transito", "", "")
		f.say(ctx, "503", "packed", "", "") // what it is already
		for range 2 {
			f.logs.Reset()
			if run := f.back(ctx); run.Updated != 1 || run.Writes != 0 || run.Rejected != 1 || run.Unchanged != 1 {
				t.Errorf("run: %+v", run)
			}
			if n := strings.Count(f.logs.String(), "level=INFO msg=\"dry run"); n != 1 || !strings.Contains(f.logs.String(), "order=501") {
				t.Errorf("log: %s", f.logs)
			}
			if strings.Contains(f.logs.String(), "BRT") {
				t.Errorf("the log says more than ids: %s", f.logs)
			}
			pause(time.Hour)
		}
		if f.written() != 0 {
			t.Error("a dry run wrote")
		}
		f.shop.UpdateOrder("503", func(o *framework360.Order) { o.StateID, o.StateName = "3", "Completato" })
		f.restart(ctx, func(c *syncer.Connection) { c.BackFlow.Mode = syncer.BackFlowOn })
		if run := f.back(ctx); run.Updated != 2 || run.Writes != 2 { // 503 as well: it had not been brought back
			t.Errorf("switched on: %+v", run)
		}
		f.has("501", "3", "BRT", "42")
		f.has("503", "2", "", "")
	})
}

func TestBackFlowOff(t *testing.T) {
	t.Parallel()
	flowBubble(t, setup{adjust: func(c *syncer.Connection) { c.BackFlow = syncer.BackFlow{} }}, 1, func(ctx context.Context, f *flow) {
		f.say(ctx, "501", "shipped", "BRT", "42")
		if _, err := f.sync.SyncStatuses(ctx, connection); err == nil || !strings.Contains(err.Error(), connection) {
			t.Errorf("got %v", err)
		}
		if _, err := f.sync.SyncStatuses(ctx, "other"); !errors.Is(err, syncer.ErrNotFound) {
			t.Errorf("got %v", err)
		}
		ctx, stop := context.WithTimeout(ctx, time.Hour)
		defer stop()
		if err := f.sync.Run(ctx); err != nil {
			t.Error(err)
		}
		if f.erp.Requests()["orders.list"] != 0 || f.written() != 0 {
			t.Error("it was not off")
		}
	})
}

func TestBackFlowNeedsAListOfOrders(t *testing.T) {
	t.Parallel()
	flowBubble(t, setup{}, 0, func(ctx context.Context, f *flow) {
		cfg := f.erp.Config()
		cfg.Profile = []byte(`{"operations": {"orders.list": null}}`)
		tg, err := totalgest.New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		if tg.Can(totalgest.AbilityOrderList) || !f.conn.TotalGest.Can(totalgest.AbilityOrderList) {
			t.Error("the profile decides whether there is a list")
		}
		s, err := syncer.New(syncer.Config{Store: f.store, Queue: f.queue})
		if err != nil {
			t.Fatal(err)
		}
		f.conn.TotalGest = tg
		if err := s.Add(ctx, f.conn); err == nil || !strings.Contains(err.Error(), "BackFlow") {
			t.Errorf("got %v", err)
		}
	})
}

func TestRunBringsStatusesBack(t *testing.T) {
	t.Parallel()
	for mode, want := range map[syncer.BackFlowMode]int{syncer.BackFlowOn: 2, syncer.BackFlowDryRun: 0} {
		t.Run(fmt.Sprint(mode), func(t *testing.T) {
			t.Parallel()
			flowBubble(t, setup{adjust: func(c *syncer.Connection) { c.BackFlow.Mode = mode }}, 0, func(ctx context.Context, f *flow) {
				f.shop.PutOrder(order("501"))
				ctx, stop := context.WithCancel(ctx)
				done := make(chan error, 1)
				go func() { done <- f.sync.Run(ctx) }()
				f.until(time.Hour, "the order is exported", func() bool { return len(f.erp.Orders()) == 1 })
				f.settled(ctx, time.Minute)
				f.say(ctx, "501", "packed", "", "42")
				pause(5 * time.Minute)
				f.say(ctx, "501", "shipped", "BRT", "42")
				pause(5 * time.Minute)
				if f.written() != want {
					t.Errorf("%d writes, want %d", f.written(), want)
				}
				if want > 0 {
					f.has("501", "3", "BRT", "42")
				}
				pause(48 * time.Hour)
				runs, err := f.sync.Runs(ctx, connection, syncer.KindStatus)
				if days := int(time.Duration(len(runs)) * 24 * time.Hour / (48 * time.Hour)); err != nil || (want == 0) != (days <= 1) {
					t.Errorf("%d runs in two days, %v", len(runs), err)
				}
				if l := f.status(ctx, syncer.KindOrder, "501"); l.State != syncer.Synced || f.written() != want || len(f.erp.Orders()) != 1 {
					t.Errorf("%+v, %d writes", l, f.written())
				}
				stop()
				if err := <-done; err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// What TotalGest says of an order comes to the shop: once.
func ExampleSyncer_SyncStatuses() {
	ctx := context.Background()
	erp, err := totalgesttest.New(totalgesttest.Options{})
	if err != nil {
		fmt.Println(err)
	}
	defer erp.Close()
	shop, err := framework360test.New(framework360test.Options{})
	if err != nil {
		fmt.Println(err)
	}
	defer shop.Close()
	tg, _ := totalgest.New(erp.Config())
	fw, _ := framework360.New(shop.Config())
	s, _ := syncer.New(syncer.Config{Store: syncer.NewMemoryStore(), Queue: queue.NewMemory(queue.MemoryConfig{})})
	err = s.Add(ctx, syncer.Connection{ID: "shop", Origin: "example", TotalGest: tg, Framework360: fw, GoLive: time.Now().Add(-time.Second),
		Settings: syncer.Settings{Prices: syncer.PricesGross, Rows: syncer.RowsUnit, PassUnknown: true,
			Rules:    syncer.Rules{States: map[string]syncer.Meaning{"Pagato": syncer.MeansPaid, "Annullato": syncer.MeansCancelled}},
			BackFlow: syncer.BackFlow{Mode: syncer.BackFlowOn, Statuses: map[string]string{"new": "", "shipped": "Spedito"}}}})
	if err != nil {
		fmt.Println(err)
	}
	price := framework360.Some(decimal.RequireFromString("24.90"))
	shop.PutOrder(framework360.Order{ID: "501", Created: time.Now(), StateID: "2", StateName: "Pagato", Currency: "EUR", Total: price,
		Rows: []framework360.Row{{SKU: "MOKA-3", Quantity: framework360.Some(decimal.NewFromInt(1)), Price: price}}})
	if _, err := s.Export(ctx, "shop", "501"); err != nil {
		fmt.Println(err)
	}
	erp.SetOrderStatus(erp.Orders()[0].Ref.ID, "shipped", "BRT", "0042")
	for range 2 {
		run, err := s.SyncStatuses(ctx, "shop")
		fmt.Println("updated", run.Updated, "writes", run.Writes, err)
	}
	o, _ := shop.Order("501")
	fmt.Println(o.StateName, o.Courier, o.Tracking)
	// Output:
	// updated 1 writes 1 <nil>
	// updated 0 writes 0 <nil>
	// Spedito BRT 0042
}
