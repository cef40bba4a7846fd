package syncer_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/tg360/tg360/framework360"
	"github.com/tg360/tg360/framework360/framework360test"
	"github.com/tg360/tg360/syncer"
	"github.com/tg360/tg360/totalgest"
	"github.com/tg360/tg360/totalgest/totalgesttest"
)

// reconcile compares the last day.
func (r *rig) reconcile(ctx context.Context) syncer.Reconciliation {
	r.t.Helper()
	report, err := r.sync.Reconcile(ctx, connection, time.Now().Add(-24*time.Hour), time.Now().Add(time.Second))
	if err != nil {
		r.t.Fatalf("Reconcile: %v", err)
	}
	return report
}

// differences says in short what a report lists.
func differences(list []syncer.Difference) []string {
	var out []string
	for _, d := range list {
		out = append(out, strings.TrimSpace(fmt.Sprintf("%s %s %s %s", d.OrderID, d.State, d.Code, d.PeerID)))
	}
	return out
}

// exportAll brings the orders 501 to 500+n to TotalGest, where they are TG-1001
// and so on.
func (r *rig) exportAll(ctx context.Context, n int) {
	r.t.Helper()
	r.erp.SetProducts(products(2))
	r.cycle(ctx)
	r.work(ctx)
	for i := range n {
		id := r.shop.PutOrder(order(fmt.Sprint(501 + i)))
		if report, err := r.sync.Export(ctx, connection, id); err != nil || report.Succeeded() != 1 {
			r.t.Fatalf("export of %s: %+v, %v", id, report, err)
		}
	}
}

func TestReconcileZeroDifference(t *testing.T) {
	t.Parallel()
	for name, s := range map[string]setup{
		"search and list": {},
		"list alone":      unsearchable(""),
		"marks alone":     unsearchable(lists[1].profile),
		"no names at all": {erp: totalgesttest.Options{Profile: []byte(lists[1].profile)}}, // a list without external ids, and no marks
		"short lists":     {shop: framework360test.Options{ShortLists: true}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bubble(t, s, func(ctx context.Context, r *rig) {
				r.exportAll(ctx, 250)
				cancelled, waits, old := order("901"), order("902"), order("903")
				cancelled.StateID, cancelled.StateName = "5", "Annullato"
				waits.StateID, waits.StateName = "1", "Aperto"
				old.Created = old.Created.Add(-2 * time.Hour)
				for _, o := range []framework360.Order{cancelled, waits, old} {
					r.shop.PutOrder(o)
				}
				r.poll(ctx)
				pause(time.Minute)
				erp, shop := r.erp.Writes(), r.shop.Writes()
				got := r.reconcile(ctx)
				if len(got.Differences) != 0 || got.More != 0 || got.Missed != 0 {
					t.Errorf("differences: %v and %d more", got.Differences, got.More)
				}
				want := []string{"901 skipped TG-ORD-002", "902 not_linked TG-ORD-004", "903 skipped TG-ORD-001"}
				if d := cmp.Diff(want, differences(got.Excluded)); d != "" {
					t.Error(d)
				}
				if d := cmp.Diff(map[syncer.State]int{syncer.Synced: 250, syncer.Skipped: 2, syncer.NotLinked: 1}, got.States); d != "" {
					t.Error(d)
				}
				if got.Orders != 253 || got.Checked != 250 || got.Ended.IsZero() || r.erp.Writes() != erp || r.shop.Writes() != shop {
					t.Errorf("%d orders, %d checked", got.Orders, got.Checked)
				}
				if bare := name == "marks alone" || name == "no names at all"; (len(got.Notes) == 1) != bare {
					t.Errorf("notes: %v", got.Notes)
				}
			})
		})
	}
}

func TestReconcileFindsWhatWasMissed(t *testing.T) {
	t.Parallel()
	for _, dates := range []bool{true, false} {
		s := setup{adjust: func(c *syncer.Connection) { c.GoLive = time.Now().Add(-72 * time.Hour) }}
		if !dates { // a list that shows ids alone
			s.adjust = func(c *syncer.Connection) {
				c.GoLive = time.Now().Add(-72 * time.Hour)
				c.Framework360 = changedShop{c.Framework360, func(p *framework360.Page[framework360.Order]) {
					for i := range p.Items {
						p.Items[i] = framework360.Order{ID: p.Items[i].ID}
					}
				}}
			}
		}
		bubble(t, s, func(ctx context.Context, r *rig) {
			r.exportAll(ctx, 2)
			for i, age := range []time.Duration{time.Hour, 23 * time.Hour, 25 * time.Hour} {
				o := order(fmt.Sprint(601 + i))
				o.Created = o.Created.Add(-age)
				r.shop.PutOrder(o)
			}
			got := r.reconcile(ctx)
			want := []string{"601 queued TG-REC-001", "602 queued TG-REC-001"}
			if !dates {
				want = append(want, "603 queued TG-REC-001") // nobody knows how old it is
			}
			if d := cmp.Diff(want, differences(got.Differences)); d != "" || got.Missed != len(want) || got.Orders != 2+len(want) {
				t.Errorf("%d missed of %d\n%s", got.Missed, got.Orders, d)
			}
			r.settled(ctx, time.Minute)
			r.once(2 + len(want))
			if got := r.reconcile(ctx); len(got.Differences) != 0 || got.Missed != 0 || got.Orders != 4 { // now it is known
				t.Errorf("after the repair: %+v", got)
			}
		})
	}
}

// changedShop is a shop whose list of orders is changed on its way.
type changedShop struct {
	syncer.Shop
	change func(*framework360.Page[framework360.Order])
}

func (o changedShop) OrderPages(ctx context.Context, opts framework360.OrderOptions) iter.Seq2[framework360.Page[framework360.Order], error] {
	return func(yield func(framework360.Page[framework360.Order], error) bool) {
		for page, err := range o.Shop.OrderPages(ctx, opts) {
			o.change(&page)
			if !yield(page, err) {
				return
			}
		}
	}
}

// TestReconcileOrdersThatCannotBeRead has a shop's list with two broken orders, of
// which one shows its id.
func TestReconcileOrdersThatCannotBeRead(t *testing.T) {
	t.Parallel()
	s := setup{adjust: func(c *syncer.Connection) {
		c.Framework360 = changedShop{c.Framework360, func(p *framework360.Page[framework360.Order]) {
			if len(p.Items) == 0 {
				return // the end
			}
			p.Items = slices.DeleteFunc(p.Items, func(o framework360.Order) bool { return o.ID == "601" })
			p.Rejected = append(p.Rejected, &framework360.Error{RecordID: "601"}, &framework360.Error{})
		}}
	}}
	bubble(t, s, func(ctx context.Context, r *rig) {
		r.exportAll(ctx, 1)
		r.shop.PutOrder(order("601"))
		if d := cmp.Diff([]string{"TG-ORD-010", "601 queued TG-REC-001"}, differences(r.reconcile(ctx).Differences)); d != "" {
			t.Error(d)
		}
		r.settled(ctx, time.Minute)
		r.once(2)
	})
}

func TestReconcileListsWhatIsNotInTotalGest(t *testing.T) {
	t.Parallel()
	bubble(t, setup{}, func(ctx context.Context, r *rig) {
		r.exportAll(ctx, 2)
		wrong := order("601")
		wrong.Total = framework360.Some(dec("1"))
		r.shop.PutOrder(wrong)
		r.shop.UpdateOrder("502", func(o *framework360.Order) { o.Billing.City = "Lecce" })
		if err := r.sync.Notify(ctx, connection, "502"); err != nil {
			t.Fatal(err)
		}
		r.poll(ctx)
		pause(time.Minute)
		r.erp.Faults(totalgesttest.Fault{Kind: totalgesttest.DropBefore, Operation: "orders.create"})
		r.shop.PutOrder(order("602"))
		r.poll(ctx)
		pause(10 * time.Second)
		got := r.reconcile(ctx)
		want := []string{"502 conflict TG-ORD-020 TG-1002", "601 blocked TG-ORD-007", "602 in_doubt TG-ORD-013"}
		if d := cmp.Diff(want, differences(got.Differences)); d != "" {
			t.Error(d)
		}
		for _, d := range got.Differences {
			if d.Message == "" || strings.Contains(d.Message, "Esempio") {
				t.Errorf("message of %s: %q", d.OrderID, d.Message)
			}
		}
	})
}

func TestReconcileWithTotalGest(t *testing.T) {
	t.Parallel()
	put := func(r *rig, externalID string) {
		o := r.erp.Orders()[0].Order
		o.ExternalID = externalID
		r.erp.PutOrder(o)
	}
	relink := func(r *rig, id string, change func(*syncer.Link)) {
		links, err := r.store.Get(r.t.Context(), connection, syncer.KindOrder, id)
		if err != nil || len(links) != 1 {
			r.t.Fatal(links, err)
		}
		change(&links[0])
		if err := r.store.Put(r.t.Context(), &links[0]); err != nil {
			r.t.Fatal(err)
		}
	}
	for _, tc := range []struct {
		name   string
		act    func(*rig)
		want   []string
		after  syncer.State // of order 502, when all has settled
		orders int
	}{
		{"an order of this shop that no link knows", func(r *rig) { put(r, "t1-999") }, []string{"999  TG-REC-002 TG-1003"}, syncer.Synced, 3},
		{"orders of others", func(r *rig) { put(r, "t2-501"); put(r, ""); put(r, "t1") }, nil, syncer.Synced, 5},
		{"an external id that occurs twice", func(r *rig) { put(r, "t1-502") }, []string{"502 synced TG-REC-005 TG-1002, TG-1003"}, syncer.Synced, 3},
		{"a link with another order", func(r *rig) {
			relink(r, "502", func(l *syncer.Link) { l.PeerID = "TG-7" })
		}, []string{"502 synced TG-REC-004 TG-7"}, syncer.Synced, 2},
		{"an order that arrived and is queued", func(r *rig) { // as after a restore from a backup
			relink(r, "502", func(l *syncer.Link) {
				l.State, l.PeerID, l.Done, l.DueAt = syncer.Queued, "", 0, time.Now().Add(time.Minute)
			})
		}, []string{"502 synced TG-REC-002 TG-1002"}, syncer.Synced, 2},
		{"an order that arrived and waits for a person", func(r *rig) {
			relink(r, "502", func(l *syncer.Link) {
				l.State, l.Reason, l.PeerID, l.SentBy = syncer.Blocked, syncer.ReasonReview, "", time.Now()
			})
		}, []string{"502 synced TG-REC-002 TG-1002"}, syncer.Synced, 2},
		{"an order that arrived and is being asked about", func(r *rig) {
			relink(r, "502", func(l *syncer.Link) {
				l.State, l.Code, l.PeerID, l.SentBy, l.Owner, l.LeaseEnds = syncer.InDoubt, "TG-ORD-013", "", time.Now(), "x", time.Now().Add(time.Minute)
				l.DueAt = l.LeaseEnds
			})
		}, []string{"502 in_doubt TG-ORD-013 TG-1002"}, syncer.Synced, 2},
		{"an order that arrived and is excluded", func(r *rig) {
			relink(r, "502", func(l *syncer.Link) { l.State, l.Code, l.PeerID = syncer.Skipped, "TG-ORD-002", "" })
		}, []string{"502 blocked TG-REC-002 TG-1002"}, syncer.Blocked, 2},
		{"an order that arrived twice and is queued", func(r *rig) {
			put(r, "t1-502")
			relink(r, "502", func(l *syncer.Link) {
				l.State, l.PeerID, l.DueAt = syncer.Queued, "", time.Now().Add(time.Minute)
			})
		}, []string{"502 blocked TG-REC-005 TG-1002, TG-1003"}, syncer.Blocked, 3},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			bubble(t, setup{}, func(ctx context.Context, r *rig) {
				r.exportAll(ctx, 2)
				tc.act(r)
				got := r.reconcile(ctx)
				if d := cmp.Diff(tc.want, differences(got.Differences)); d != "" {
					t.Error(d)
				}
				pause(time.Hour)
				if l := r.status(ctx, syncer.KindOrder, "502"); l.State != tc.after {
					t.Errorf("link: %+v", l)
				}
				if _, err := r.sync.Retry(ctx, connection, syncer.KindOrder, "502"); err != nil { // also then it is not sent
					t.Fatal(err)
				}
				pause(time.Hour)
				if l := r.status(ctx, syncer.KindOrder, "502"); len(r.erp.Orders()) != tc.orders {
					t.Errorf("%d orders, link %+v", len(r.erp.Orders()), l)
				}
			})
		})
	}
}

// TestReconcileDoesNotSendWhatIsThere has a store that has forgotten an order:
// TotalGest's list shows it, and it is not sent once more.
func TestReconcileDoesNotSendWhatIsThere(t *testing.T) {
	t.Parallel()
	for _, s := range []setup{{}, unsearchable(""), unsearchable(lists[1].profile)} {
		bubble(t, s, func(ctx context.Context, r *rig) {
			r.exportAll(ctx, 2)
			r.store = syncer.NewMemoryStore()
			tg, _ := totalgest.New(r.erp.Config())
			fw, _ := framework360.New(r.shop.Config())
			var err error
			if r.sync, err = syncer.New(syncer.Config{Store: r.store, Queue: r.queue}); err != nil {
				t.Fatal(err)
			}
			c := syncer.Connection{ID: connection, Origin: "t1", TotalGest: tg, Framework360: fw, GoLive: time.Now().Add(-time.Hour),
				Settings: syncer.Settings{Prices: syncer.PricesGross, Rows: syncer.RowsUnit, Products: syncer.ProductsOff}}
			if err := r.sync.Add(ctx, c); err != nil {
				t.Fatal(err)
			}
			got := r.reconcile(ctx)
			want := []string{"501 synced TG-REC-002 TG-1001", "502 synced TG-REC-002 TG-1002"}
			if d := cmp.Diff(want, differences(got.Differences)); d != "" {
				t.Errorf("profile %s:\n%s", s.erp.Profile, d)
			}
			if l := r.status(ctx, syncer.KindOrder, "502"); l.PeerID != "TG-1002" || l.PeerNo == "" || l.State != syncer.Synced {
				t.Errorf("link: %+v", l)
			}
			r.once(2)
		})
	}
}

func TestReconcileOrderThatIsGone(t *testing.T) {
	t.Parallel()
	hide := func(p *totalgest.Page[totalgest.OrderRef]) {
		p.Items = slices.DeleteFunc(p.Items, func(o totalgest.OrderRef) bool { return o.ID == "TG-1002" })
	}
	bubble(t, oddly("", &oddList{change: hide}), func(ctx context.Context, r *rig) {
		r.exportAll(ctx, 2)
		if d := cmp.Diff([]string{"502 synced TG-REC-003 TG-1002"}, differences(r.reconcile(ctx).Differences)); d != "" {
			t.Error(d)
		}
	})
	searched := oddly("", &oddList{change: hide}) // the search still shows it
	searched.erp.NoSearch = false
	bubble(t, searched, func(ctx context.Context, r *rig) {
		r.exportAll(ctx, 2)
		if got := r.reconcile(ctx); len(got.Differences) != 0 {
			t.Errorf("differences: %v", got.Differences)
		}
	})
	bad := oddly("", &oddList{change: func(p *totalgest.Page[totalgest.OrderRef]) { p.Rejected = append(p.Rejected, errors.New("no id")) }})
	bubble(t, bad, func(ctx context.Context, r *rig) {
		r.exportAll(ctx, 1)
		if d := cmp.Diff([]string{"TG-ORD-010"}, differences(r.reconcile(ctx).Differences)); d != "" {
			t.Error(d)
		}
	})
}

func TestReconcileWithoutAListOfTotalGest(t *testing.T) {
	t.Parallel()
	bubble(t, setup{erp: totalgesttest.Options{Profile: []byte(`{"operations":{"orders.list":null}}`)}}, func(ctx context.Context, r *rig) {
		r.exportAll(ctx, 2)
		r.shop.PutOrder(order("601"))
		got := r.reconcile(ctx)
		if len(got.Notes) != 1 || got.Checked != 0 || got.Orders != 3 || got.Missed != 1 {
			t.Errorf("report: %+v", got)
		}
	})
}

func TestReconcileThatIsNotCompleteIsNoReport(t *testing.T) {
	t.Parallel()
	bubble(t, setup{}, func(ctx context.Context, r *rig) {
		r.exportAll(ctx, 250)
		r.shop.PutOrder(order("901"))
		from, to := time.Now().Add(-time.Hour), time.Now().Add(time.Second)
		pages := 0
		r.shop.OnRequest(func(op string) {
			if op == "orders/list" {
				if pages++; pages == 2 {
					r.shop.Faults(framework360test.Fault{Kind: framework360test.HTML200})
				}
			}
		})
		if got, err := r.sync.Reconcile(ctx, connection, from, to); err == nil || got.Orders != 0 || !got.From.IsZero() {
			t.Errorf("%+v, %v", got, err)
		}
		r.shop.OnRequest(func(string) {})
		r.shop.Faults()
		r.erp.Faults(totalgesttest.Fault{Kind: totalgesttest.Truncate, Operation: "orders.list"})
		if got, err := r.sync.Reconcile(ctx, connection, from, to); err == nil || got.Orders != 0 {
			t.Errorf("%+v, %v", got, err)
		}
		r.erp.Faults()
		pause(time.Minute)
		r.once(251) // what was missed is queued all the same
	})
}

func TestReconcileReadsAsFarAsThePeriod(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name  string
		shop  func([]framework360.Order) // rearranges a page
		pages int
	}{
		{"newest first", func([]framework360.Order) {}, 3},
		{"unsorted", func(o []framework360.Order) { o[0], o[1] = o[1], o[0] }, 10},
		{"no dates", func(o []framework360.Order) {
			for i := range o {
				o[i].Created = time.Time{}
			}
		}, 10},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			s := setup{adjust: func(c *syncer.Connection) {
				c.GoLive = time.Now().Add(-1000 * time.Hour)
				c.Framework360 = changedShop{c.Framework360, func(p *framework360.Page[framework360.Order]) {
					if len(p.Items) > 1 {
						tc.shop(p.Items)
					}
				}}
			}}
			bubble(t, s, func(ctx context.Context, r *rig) {
				for i := range 950 {
					o := order(fmt.Sprint(1000 + i))
					o.Created = o.Created.Add(-time.Duration(i) * time.Hour)
					r.shop.PutOrder(o)
				}
				before := r.shop.Requests()["orders/list"]
				got := r.reconcile(ctx)
				if n := r.shop.Requests()["orders/list"] - before; n < tc.pages || n > tc.pages+2 { // finding the first page costs up to two
					t.Errorf("%d requests, want %d", n, tc.pages)
				}
				if want := 25; tc.name != "no dates" && got.Orders != want {
					t.Errorf("%d orders, want %d", got.Orders, want)
				}
			})
		})
	}
}

func TestReconcileListsAreBounded(t *testing.T) {
	t.Parallel()
	bubble(t, setup{}, func(ctx context.Context, r *rig) {
		for i := range 250 {
			o := order(fmt.Sprint(1000 + i))
			if i < 120 {
				o.Created = o.Created.Add(-2 * time.Hour) // before go-live
			}
			r.shop.PutOrder(o)
		}
		got := r.reconcile(ctx)
		if len(got.Differences) != 100 || got.More != 30 || len(got.Excluded) != 100 || got.States[syncer.Skipped] != 120 || got.Missed != 250 {
			t.Errorf("%d differences and %d more, %d excluded, %d missed, %v", len(got.Differences), got.More, len(got.Excluded), got.Missed, got.States)
		}
	})
}

func TestReconcileIsRefused(t *testing.T) {
	t.Parallel()
	bubble(t, setup{shop: framework360test.Options{VendorPlugin: true}}, func(ctx context.Context, r *rig) {
		r.shop.PutOrder(order("501"))
		now := time.Now()
		if _, err := r.sync.Reconcile(ctx, connection, now.Add(-time.Hour), now.Add(time.Hour)); !errors.Is(err, framework360.ErrPluginActive) {
			t.Errorf("beside the vendor's plugin: %v", err)
		}
		if l := r.status(ctx, syncer.KindOrder, "501"); l.Revision != 0 {
			t.Errorf("link: %+v", l)
		}
		if _, err := r.sync.Reconcile(ctx, connection, now, now); err == nil {
			t.Error("an empty period was reconciled")
		}
		if _, err := r.sync.Reconcile(ctx, "nobody", now, now.Add(time.Hour)); !errors.Is(err, syncer.ErrNotFound) {
			t.Errorf("no such connection: %v", err)
		}
	})
	off := setup{adjust: func(c *syncer.Connection) { c.Orders = syncer.OrdersOff }}
	bubble(t, off, func(ctx context.Context, r *rig) {
		if _, err := r.sync.Reconcile(ctx, connection, time.Now(), time.Now().Add(time.Hour)); err == nil {
			t.Error("reconciled without orders")
		}
	})
}

func TestReconcileOnSchedule(t *testing.T) {
	t.Parallel()
	for every, last := range map[time.Duration]time.Duration{0: 26 * time.Hour, 90 * time.Minute: 5 * time.Hour, -1: 5 * time.Hour} {
		s := setup{adjust: func(c *syncer.Connection) { c.ReconcileEvery, c.Products = every, syncer.ProductsOff }}
		bubble(t, s, func(ctx context.Context, r *rig) {
			ctx, stop := context.WithCancel(ctx)
			done := make(chan error, 1)
			go func() { done <- r.sync.Run(ctx) }()
			pause(time.Hour)
			if _, err := r.sync.LastReconciliation(ctx, connection); !errors.Is(err, syncer.ErrNotFound) {
				t.Errorf("every %v: %v", every, err)
			}
			missed := order("501") // its date makes it older than all that looks read
			missed.Created = missed.Created.Add(-30 * time.Minute)
			wrong := missed
			wrong.ID, wrong.Total = "502", framework360.Some(dec("1"))
			r.shop.PutOrder(missed)
			r.shop.PutOrder(wrong)
			failed := false
			r.erp.OnRequest(func(op string) { // the first comparison breaks off and is made again
				if op == "orders.list" && !failed {
					failed = true
					r.erp.Faults(totalgesttest.Fault{Kind: totalgesttest.HTML200, Operation: "orders.list", Times: 1})
				}
			})
			pause(last)
			got, err := r.sync.LastReconciliation(ctx, connection)
			if every < 0 {
				if !errors.Is(err, syncer.ErrNotFound) || r.erp.Requests()["orders.list"] != 0 {
					t.Errorf("never: %+v, %v", got, err)
				}
			} else if err != nil || got.Ended.IsZero() || got.To.Sub(got.From) < 29*24*time.Hour || got.Orders != 2 || len(got.Differences) == 0 {
				t.Errorf("every %v: %+v, %v", every, got, err)
			}
			stop()
			if err := <-done; err != nil {
				t.Error(err)
			}
		})
	}
}
