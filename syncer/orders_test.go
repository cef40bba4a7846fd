package syncer_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
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

func TestOrderReachesTotalGest(t *testing.T) {
	t.Parallel()
	bubble(t, setup{}, func(ctx context.Context, r *rig) {
		r.erp.SetProducts(products(2))
		r.cycle(ctx)
		r.shop.PutOrder(order("501"))
		r.work(ctx)
		r.poll(ctx)
		r.settled(ctx, time.Minute)
		got := r.erp.Orders()
		if len(got) != 1 {
			t.Fatalf("TotalGest has %d orders", len(got))
		}
		o := got[0].Order
		if o.ExternalID != "t1-501" || o.Number != "N-501" || o.Gross.Or(decimal.Zero).String() != "41.6" || o.Currency != "EUR" || len(o.Lines) != 2 ||
			o.Lines[0].ProductID != "1" || o.Lines[0].Total.Or(decimal.Zero).String() != "24.4" || o.Customer.LastName != "Esempio" || o.Customer.Province != "BA" ||
			o.VAT.Or(decimal.Zero).String() != "7.5" || o.Net.Or(decimal.Zero).String() != "34.1" || !o.Paid.Or(false) {
			t.Errorf("order: %+v", o)
		}
		l := r.status(ctx, syncer.KindOrder, "501")
		if l.State != syncer.Synced || l.PeerID != got[0].Ref.ID || l.Owner != "" || !l.DueAt.IsZero() {
			t.Errorf("link: %+v", l)
		}
		r.poll(ctx)
		pause(time.Hour)
		if len(r.erp.Orders()) != 1 {
			t.Error("exported again")
		}
	})
}

func TestRulesAndChecks(t *testing.T) {
	t.Parallel()
	type change = func(*framework360.Order)
	for _, tc := range []struct {
		name   string
		change change
		state  syncer.State
		reason syncer.Reason
		code   string
	}{
		{"paid", nil, syncer.Synced, "", ""},
		{"completed and paid", func(o *framework360.Order) { o.StateID, o.StateName = "3", "Completato" }, syncer.Synced, "", ""},
		{"cash on delivery", func(o *framework360.Order) {
			o.StateID, o.StateName, o.PaymentState, o.PaymentID, o.PaymentName = "3", "completato", "unpaid", "9", "contrassegno"
		}, syncer.Synced, "", ""},
		{"not paid", func(o *framework360.Order) { o.StateID, o.StateName, o.PaymentState = "3", "Completato", "unpaid" }, syncer.NotLinked, "", "TG-ORD-004"},
		{"cart", func(o *framework360.Order) { o.StateID, o.StateName = "1", "Aperto" }, syncer.NotLinked, "", "TG-ORD-004"},
		{"cancelled", func(o *framework360.Order) { o.StateID, o.StateName = "5", "Annullato" }, syncer.Skipped, "", "TG-ORD-002"},
		{"refunded", func(o *framework360.Order) { o.PaymentState = "refunded" }, syncer.Skipped, "", "TG-ORD-002"},
		{"unknown state", func(o *framework360.Order) { o.StateID, o.StateName = "77", "In verifica" }, syncer.Blocked, syncer.ReasonUnmapped, "TG-ORD-005"},
		{"unknown payment", func(o *framework360.Order) { o.StateID, o.StateName, o.PaymentState = "3", "Completato", "forse" }, syncer.Blocked, syncer.ReasonUnmapped, "TG-ORD-006"},
		{"before go-live", func(o *framework360.Order) { o.Created = o.Created.Add(-48 * time.Hour) }, syncer.Skipped, "", "TG-ORD-001"},
		{"return", func(o *framework360.Order) { o.Rows[0].Quantity = framework360.Some(dec("-2")) }, syncer.Skipped, "", "TG-ORD-003"},
		{"a cent off", func(o *framework360.Order) { o.Total = framework360.Some(dec("41.61")) }, syncer.Blocked, syncer.ReasonData, "TG-ORD-007"},
		{"net and tax do not add up", func(o *framework360.Order) {
			o.Net, o.TaxTotal = framework360.Some(dec("34")), framework360.Some(dec("7"))
		}, syncer.Blocked, syncer.ReasonData, "TG-ORD-007"},
		{"discount", func(o *framework360.Order) {
			o.Discount, o.Total = framework360.Some(dec("1.60")), framework360.Some(dec("40"))
		}, syncer.Synced, "", ""},
		{"payment cost and surcharge", func(o *framework360.Order) {
			o.PaymentCost, o.SurchargePrice, o.Total = framework360.Some(dec("2")), framework360.Some(dec("3")), framework360.Some(dec("46.60"))
		}, syncer.Synced, "", ""},
		{"unknown product", func(o *framework360.Order) { o.Rows[1].SKU = "nessuno" }, syncer.Blocked, syncer.ReasonData, "TG-ORD-008"},
		{"unknown tax", func(o *framework360.Order) {
			o.Rows[1].VATRate, o.Rows[1].TaxID = framework360.Opt[decimal.Decimal]{}, "404"
		}, syncer.Blocked, syncer.ReasonUnmapped, "TG-ORD-009"},
		{"no customer", func(o *framework360.Order) { o.Email, o.Billing = "", framework360.Party{} }, syncer.Synced, "", ""},
		{"no currency", func(o *framework360.Order) { o.Currency = "" }, syncer.Blocked, syncer.ReasonData, "TG-ORD-010"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			bubble(t, setup{}, func(ctx context.Context, r *rig) {
				r.erp.SetProducts(products(2))
				r.cycle(ctx)
				o := order("501")
				if tc.change != nil {
					tc.change(&o)
				}
				r.shop.PutOrder(o)
				r.work(ctx)
				r.poll(ctx)
				r.settled(ctx, time.Minute)
				l := r.status(ctx, syncer.KindOrder, "501")
				if l.State != tc.state || l.Reason != tc.reason || l.Code != tc.code {
					t.Errorf("got %s %s %s (%s) %v", l.State, l.Reason, l.Code, l.Message, l.Problems)
				}
				want := 0
				if tc.state == syncer.Synced {
					want = 1
				}
				if n := len(r.erp.Orders()); n != want {
					t.Errorf("TotalGest has %d orders", n)
				}
			})
		})
	}
}

func TestLatePaymentIsExportedWithinOneStep(t *testing.T) {
	t.Parallel()
	bubble(t, setup{}, func(ctx context.Context, r *rig) {
		r.erp.SetProducts(products(2))
		r.cycle(ctx)
		o := order("501")
		o.StateID, o.StateName, o.PaymentState = "3", "Completato", "unpaid"
		r.shop.PutOrder(o)
		r.work(ctx)
		r.poll(ctx)
		pause(6 * 24 * time.Hour)
		if len(r.erp.Orders()) != 0 {
			t.Fatal("exported unpaid")
		}
		r.shop.UpdateOrder("501", func(o *framework360.Order) { o.PaymentState = "paid" })
		r.until(2*time.Hour+time.Minute, "the paid order is exported", func() bool { return len(r.erp.Orders()) == 1 })
	})
}

// ambiguous are faults after which nobody knows whether the order arrived.
var ambiguous = []totalgesttest.FaultKind{totalgesttest.DropBefore, totalgesttest.DropAfter, totalgesttest.Error500Before, totalgesttest.Error500After, totalgesttest.HTML200, totalgesttest.Hang, totalgesttest.HangAfter, totalgesttest.Truncate, totalgesttest.HTML502}

func TestDoubtIsResolvedByAsking(t *testing.T) {
	t.Parallel()
	for _, kind := range ambiguous {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			bubble(t, setup{}, func(ctx context.Context, r *rig) {
				r.erp.SetProducts(products(2))
				r.cycle(ctx)
				r.work(ctx)
				r.shop.PutOrder(order("500")) // the first one proves that the search finds
				r.poll(ctx)
				r.settled(ctx, time.Minute)
				r.erp.Faults(totalgesttest.Fault{Kind: kind, Share: 1, Operation: "orders.create", Times: 1})
				r.shop.PutOrder(order("501"))
				r.poll(ctx)
				r.until(time.Minute, "the order is in doubt", func() bool {
					return r.status(ctx, syncer.KindOrder, "501").State == syncer.InDoubt
				})
				r.settled(ctx, time.Hour)
				if l := r.status(ctx, syncer.KindOrder, "501"); l.State != syncer.Synced {
					t.Errorf("link: %+v", l)
				}
				if n := len(r.erp.Orders()); n != 2 || r.erp.Duplicates() != 0 {
					t.Errorf("%d orders, %d doubled", n, r.erp.Duplicates())
				}
			})
		})
	}
}

func TestLateEffectIsNotSentTwice(t *testing.T) {
	t.Parallel()
	bubble(t, setup{}, func(ctx context.Context, r *rig) {
		r.erp.SetProducts(products(2))
		r.cycle(ctx)
		r.work(ctx)
		r.shop.PutOrder(order("500"))
		r.poll(ctx)
		r.settled(ctx, time.Minute)
		r.erp.Faults(totalgesttest.Fault{Kind: totalgesttest.LateEffect, Share: 1, Operation: "orders.create", Times: 1, Delay: 14 * time.Minute})
		r.shop.PutOrder(order("501"))
		r.poll(ctx)
		r.settled(ctx, time.Hour)
		if n := len(r.erp.Orders()); n != 2 || r.erp.Duplicates() != 0 {
			t.Errorf("%d orders, %d doubled", n, r.erp.Duplicates())
		}
	})
}

func TestDoubtThatNobodyCanResolveWaitsForAPerson(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name string
		s    setup
	}{
		{"neither search nor list", setup{erp: totalgesttest.Options{NoSearch: true, Profile: []byte(`{"operations":{"orders.list":null}}`)}}},
		{"search never seen to find", setup{}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			bubble(t, tc.s, func(ctx context.Context, r *rig) {
				r.erp.SetProducts(products(2))
				r.cycle(ctx)
				r.work(ctx)
				r.erp.Faults(totalgesttest.Fault{Kind: totalgesttest.DropBefore, Share: 1, Operation: "orders.create", Times: 1})
				r.shop.PutOrder(order("501"))
				r.poll(ctx)
				r.until(time.Hour, "a person is asked", func() bool {
					l := r.status(ctx, syncer.KindOrder, "501")
					return l.State == syncer.Blocked && l.Reason == syncer.ReasonReview && l.Code == "TG-ORD-016"
				})
				report, err := r.sync.Export(ctx, connection, "501") // force is no answer to the question
				if err != nil || report.Succeeded() != 0 || len(r.erp.Orders()) != 0 {
					t.Fatalf("forced: %+v, %v, %d orders", report, err, len(r.erp.Orders()))
				}
				if err := r.sync.Decide(ctx, r.status(ctx, syncer.KindOrder, "501"), ""); err != nil {
					t.Fatal(err)
				}
				r.settled(ctx, time.Minute)
				if l := r.status(ctx, syncer.KindOrder, "501"); l.State != syncer.Synced || len(r.erp.Orders()) != 1 {
					t.Errorf("after the decision: %+v", l)
				}
				if err := r.sync.Decide(ctx, r.status(ctx, syncer.KindOrder, "501"), ""); err == nil {
					t.Error("a synced order could be decided about")
				}
			})
		})
	}
}

func TestDedupingTotalGestIsAskedBySendingAgain(t *testing.T) {
	t.Parallel()
	bubble(t, setup{erp: totalgesttest.Options{Dedupe: true, NoSearch: true}}, func(ctx context.Context, r *rig) {
		r.erp.SetProducts(products(2))
		r.cycle(ctx)
		r.work(ctx)
		r.erp.Faults(totalgesttest.Fault{Kind: totalgesttest.DropAfter, Share: 1, Operation: "orders.create", Times: 1})
		r.shop.PutOrder(order("501"))
		r.poll(ctx)
		r.settled(ctx, time.Hour)
		if l := r.status(ctx, syncer.KindOrder, "501"); l.State != syncer.Synced || len(r.erp.Orders()) != 1 {
			t.Errorf("%+v, %d orders", l, len(r.erp.Orders()))
		}
	})
}

func TestRefusedOrderNamesTheFields(t *testing.T) {
	t.Parallel()
	refuse := func(totalgest.Order) []totalgest.FieldError {
		return []totalgest.FieldError{{Path: "customer.tax_code", Message: "RSSMRA85T10A56NH is not a tax code of Esempio"}}
	}
	bubble(t, setup{erp: totalgesttest.Options{CheckOrder: refuse}}, func(ctx context.Context, r *rig) {
		r.erp.SetProducts(products(2))
		r.cycle(ctx)
		r.work(ctx)
		r.shop.PutOrder(order("501"))
		r.poll(ctx)
		r.settled(ctx, time.Minute)
		l := r.status(ctx, syncer.KindOrder, "501")
		if l.State != syncer.Blocked || l.Reason != syncer.ReasonRefused || len(l.Problems) != 1 || l.Problems[0].Field != "customer.tax_code" {
			t.Fatalf("link: %+v", l)
		}
		if text := fmt.Sprintf("%+v", l); strings.Contains(text, "Esempio") || strings.Contains(text, "RSSMRA") {
			t.Errorf("the link holds personal data: %s", text)
		}
	})
}

func TestManualExport(t *testing.T) {
	t.Parallel()
	bubble(t, setup{}, func(ctx context.Context, r *rig) {
		r.erp.SetProducts(products(2))
		r.cycle(ctx)
		unpaid, wrong, old := order("502"), order("503"), order("504")
		unpaid.StateID, unpaid.StateName, unpaid.PaymentState = "3", "Completato", "unpaid"
		wrong.Total = framework360.Some(dec("1"))
		old.Created = old.Created.Add(-72 * time.Hour)
		for _, o := range []framework360.Order{order("501"), unpaid, wrong, old} {
			r.shop.PutOrder(o)
		}
		report, err := r.sync.Export(ctx, connection, "501", "502", "503", "504", "nope", "501")
		if err != nil {
			t.Fatal(err)
		}
		if report.Succeeded() != 4 || len(report.Items) != 6 || len(report.Failed()) != 2 { // 501 stands twice in the selection
			t.Errorf("report: %+v", report)
		}
		var codes []string
		for _, f := range report.Failed() {
			var item *syncer.ItemError
			if !errors.As(f.Err, &item) {
				t.Fatalf("%s: %v", f.OrderID, f.Err)
			}
			codes = append(codes, f.OrderID+" "+item.Code)
		}
		if want := []string{"503 " + "TG-ORD-007", "nope " + "TG-ORD-011"}; !slices.Equal(codes, want) {
			t.Errorf("failed: %v, want %v", codes, want)
		}
		if l := r.status(ctx, syncer.KindOrder, "nope"); l.State != syncer.NotLinked || l.Revision != 0 {
			t.Errorf("a mistyped id left %+v", l)
		}
		again, err := r.sync.Export(ctx, connection, "501")
		if err != nil || again.Already() != 1 || again.Succeeded() != 0 || len(r.erp.Orders()) != 3 {
			t.Errorf("again: %+v, %v, %d orders", again, err, len(r.erp.Orders()))
		}
	})
}

func TestManualExportAndWorkersDoNotSendTwice(t *testing.T) {
	t.Parallel()
	bubble(t, setup{}, func(ctx context.Context, r *rig) {
		r.erp.SetProducts(products(2))
		r.cycle(ctx)
		var ids []string
		for i := range 60 {
			ids = append(ids, fmt.Sprint(1000+i))
			r.shop.PutOrder(order(ids[i]))
		}
		r.erp.Faults(totalgesttest.Fault{Kind: totalgesttest.Slow, Share: 1, Delay: 300 * time.Millisecond})
		r.work(ctx)
		r.poll(ctx)
		var wg sync.WaitGroup
		for range 3 {
			wg.Go(func() {
				if report, err := r.sync.Export(ctx, connection, ids...); err != nil || len(report.Failed()) > 0 {
					t.Errorf("%+v, %v", report.Failed(), err)
				}
			})
		}
		wg.Wait()
		if n := len(r.erp.Orders()); n != 60 || r.erp.Duplicates() != 0 {
			t.Errorf("%d orders, %d doubled", n, r.erp.Duplicates())
		}
	})
}

// deaf is a queue that forgets every job.
type deaf struct{ queue.Queue }

func (deaf) Enqueue(context.Context, ...queue.Job) error { return nil }

// flaky is a queue that forgets every second enqueue, and whatever comes for a
// key while its job runs or has just ended.
type flaky struct {
	queue.Queue
	mu    sync.Mutex
	n     int
	until map[string]time.Time // by key: when it listens again
}

func (f *flaky) Enqueue(ctx context.Context, jobs ...queue.Job) error {
	f.mu.Lock()
	f.n++
	drop := f.n%2 == 0
	var kept []queue.Job
	for _, j := range jobs {
		if until, busy := f.until[j.Key]; !busy || time.Now().After(until) {
			kept = append(kept, j)
		}
	}
	f.mu.Unlock()
	if drop || len(kept) == 0 {
		return errors.New("no room")
	}
	return f.Queue.Enqueue(ctx, kept...)
}

func (f *flaky) Work(ctx context.Context, h queue.Handler) error {
	deafFor := func(key string, d time.Duration) {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.until[key] = time.Now().Add(d)
	}
	return f.Queue.Work(ctx, func(ctx context.Context, j queue.Job) {
		deafFor(j.Key, time.Hour)
		h(ctx, j)
		deafFor(j.Key, 200*time.Millisecond)
	})
}

func TestSweepFindsWhatTheQueueForgot(t *testing.T) {
	t.Parallel()
	bubble(t, setup{queue: func(q queue.Queue) queue.Queue { return &flaky{Queue: q, until: map[string]time.Time{}} }}, func(ctx context.Context, r *rig) {
		r.erp.SetProducts(products(2))
		r.cycle(ctx)
		r.work(ctx)
		for i := range 20 {
			r.shop.PutOrder(order(fmt.Sprint(500 + i)))
			if err := r.sync.Notify(ctx, connection, fmt.Sprint(500+i)); err != nil {
				t.Fatal(err)
			}
		}
		r.until(5*time.Minute, "all are exported", func() bool { return len(r.erp.Orders()) == 20 })
		if r.erp.Duplicates() != 0 {
			t.Error("doubled")
		}
		// An event for each while its job runs: what it says must not be lost.
		r.shop.Faults(framework360test.Fault{Kind: framework360test.Slow, Operation: "orders/get", Delay: 100 * time.Millisecond})
		for i := range 20 {
			id := fmt.Sprint(500 + i)
			if err := r.sync.Notify(ctx, connection, id); err != nil {
				t.Fatal(err)
			}
			pause(50 * time.Millisecond)
			r.shop.UpdateOrder(id, func(o *framework360.Order) { o.Note = "modificato" })
			if err := r.sync.Notify(ctx, connection, id); err != nil {
				t.Fatal(err)
			}
		}
		r.until(5*time.Minute, "every change is seen", func() bool {
			counts, _ := r.sync.Counts(ctx, connection, syncer.KindOrder)
			return counts[syncer.Conflict] == 20
		})
	})
	bubble(t, setup{queue: func(q queue.Queue) queue.Queue { return deaf{q} }}, func(ctx context.Context, r *rig) {
		if err := r.sync.Notify(ctx, connection, "1"); err != nil {
			t.Errorf("an event was not accepted: %v", err)
		}
		if l := r.status(ctx, syncer.KindOrder, "1"); l.State != syncer.Queued || l.DueAt.IsZero() {
			t.Errorf("link: %+v", l)
		}
	})
}

func TestNotifyIsHarmlessTwice(t *testing.T) {
	t.Parallel()
	bubble(t, setup{}, func(ctx context.Context, r *rig) {
		r.erp.SetProducts(products(2))
		r.cycle(ctx)
		r.shop.PutOrder(order("501"))
		r.work(ctx)
		for range 10 {
			if err := r.sync.Notify(ctx, connection, "501"); err != nil {
				t.Fatal(err)
			}
		}
		r.settled(ctx, time.Minute)
		pause(time.Minute)
		if l := r.status(ctx, syncer.KindOrder, "501"); l.State != syncer.Synced || l.Done != l.Version || len(r.erp.Orders()) != 1 {
			t.Errorf("%+v, %d orders", l, len(r.erp.Orders()))
		}
		r.shop.UpdateOrder("501", func(o *framework360.Order) { o.Billing.City = "Lecce" })
		if err := r.sync.Notify(ctx, connection, "501"); err != nil {
			t.Fatal(err)
		}
		pause(time.Minute)
		if l := r.status(ctx, syncer.KindOrder, "501"); l.State != syncer.Conflict || len(r.erp.Orders()) != 1 {
			t.Errorf("after an edit: %+v, %d orders", l, len(r.erp.Orders()))
		}
	})
}

func TestRefusedCredentialsPauseAndConsumeNoAttempt(t *testing.T) {
	t.Parallel()
	bubble(t, setup{erpCfg: func(c *totalgest.Config) { c.Password = "wrong" }}, func(ctx context.Context, r *rig) {
		if _, err := r.sync.SyncProducts(ctx, connection); !errors.Is(err, totalgest.ErrUnauthorized) {
			t.Fatalf("got %v", err)
		}
		if err := r.sync.Paused(connection); !errors.Is(err, totalgest.ErrUnauthorized) {
			t.Errorf("paused: %v", err)
		}
		r.shop.PutOrder(order("501"))
		if err := r.sync.Notify(ctx, connection, "501"); err != nil {
			t.Fatal(err)
		}
		r.work(ctx)
		pause(time.Hour)
		if l := r.status(ctx, syncer.KindOrder, "501"); l.Attempts != 0 || l.State != syncer.Queued {
			t.Errorf("link: %+v", l)
		}
	})
}

func TestVendorPluginStopsTheExport(t *testing.T) {
	t.Parallel()
	bubble(t, setup{shop: framework360test.Options{VendorPlugin: true}}, func(ctx context.Context, r *rig) {
		r.shop.PutOrder(order("501"))
		if _, err := r.sync.PollOrders(ctx, connection); !errors.Is(err, framework360.ErrPluginActive) {
			t.Errorf("poll: %v", err)
		}
		if _, err := r.sync.Export(ctx, connection, "501"); !errors.Is(err, framework360.ErrPluginActive) {
			t.Errorf("export: %v", err)
		}
	})
}

func TestOriginMayNotChangeOnceOrdersAreLinked(t *testing.T) {
	t.Parallel()
	bubble(t, setup{}, func(ctx context.Context, r *rig) {
		if err := r.sync.Notify(ctx, connection, "501"); err != nil {
			t.Fatal(err)
		}
		other, err := syncer.New(syncer.Config{Store: r.store, Queue: r.queue})
		if err != nil {
			t.Fatal(err)
		}
		tg, _ := totalgest.New(r.erp.Config())
		fw, _ := framework360.New(r.shop.Config())
		err = other.Add(ctx, syncer.Connection{ID: connection, Origin: "other", TotalGest: tg, Framework360: fw, GoLive: time.Now(),
			Settings: syncer.Settings{Prices: syncer.PricesGross, Rows: syncer.RowsUnit}})
		if err == nil || !strings.Contains(err.Error(), "Origin") {
			t.Errorf("got %v", err)
		}
	})
}

func TestInterruptedLookLosesNoOrder(t *testing.T) {
	t.Parallel()
	bubble(t, setup{}, func(ctx context.Context, r *rig) {
		r.erp.SetProducts(products(2))
		r.cycle(ctx)
		put := func(from, to int) {
			for i := from; i < to; i++ {
				o := order(fmt.Sprint(i))
				o.Created = o.Created.Add(time.Duration(i-5000) * time.Millisecond)
				r.shop.PutOrder(o)
			}
		}
		put(1000, 1010)
		r.poll(ctx)
		pause(time.Second)
		put(1010, 1350) // more than three pages
		pages := 0
		r.shop.OnRequest(func(op string) {
			if op == "orders/list" {
				if pages++; pages == 2 {
					r.shop.Faults(framework360test.Fault{Kind: framework360test.HTML200})
				}
			}
		})
		if _, err := r.sync.PollOrders(ctx, connection); err == nil {
			t.Fatal("the look was to be interrupted")
		}
		r.shop.Faults(framework360test.Fault{Kind: framework360test.Slow, Delay: time.Millisecond})
		r.poll(ctx)
		r.work(ctx)
		r.settled(ctx, time.Hour)
		if n := len(r.erp.Orders()); n != 350 || r.erp.Duplicates() != 0 {
			t.Errorf("%d orders of 350, %d doubled", n, r.erp.Duplicates())
		}
		before := r.shop.Requests()["orders/list"]
		r.poll(ctx)
		if n := r.shop.Requests()["orders/list"] - before; n != 1 {
			t.Errorf("a look at a list without news read %d pages", n)
		}
	})
}

func TestWhatHappensInTheShopAfterTheExport(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name   string
		change func(*framework360.Order)
		state  syncer.State
		code   string
	}{
		{"paid on delivery", func(o *framework360.Order) { o.PaymentState = "paid" }, syncer.Synced, ""},
		{"address", func(o *framework360.Order) { o.Billing.Address = "Via Nuova 2" }, syncer.Conflict, "TG-ORD-020"},
		{"a row more, and no sum", func(o *framework360.Order) { o.Rows = append(o.Rows, o.Rows[0]) }, syncer.Conflict, "TG-ORD-020"},
		{"cancelled", func(o *framework360.Order) { o.StateID, o.StateName = "5", "Annullato" }, syncer.Conflict, "TG-ORD-002"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			bubble(t, setup{}, func(ctx context.Context, r *rig) {
				r.erp.SetProducts(products(2))
				r.cycle(ctx)
				o := order("501")
				o.StateID, o.StateName, o.PaymentState, o.PaymentID, o.PaymentName = "3", "Completato", "unpaid", "9", "Contrassegno"
				r.shop.PutOrder(o)
				r.work(ctx)
				r.poll(ctx)
				r.settled(ctx, time.Minute)
				r.shop.UpdateOrder("501", tc.change)
				if err := r.sync.Notify(ctx, connection, "501"); err != nil {
					t.Fatal(err)
				}
				pause(time.Minute)
				l := r.status(ctx, syncer.KindOrder, "501")
				if l.State != tc.state || l.Code != tc.code || l.PeerID == "" || len(r.erp.Orders()) != 1 {
					t.Errorf("%+v, %d orders", l, len(r.erp.Orders()))
				}
			})
		})
	}
}
