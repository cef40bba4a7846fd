package syncer_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tg360/tg360/framework360"
	"github.com/tg360/tg360/framework360/framework360test"
	"github.com/tg360/tg360/syncer"
	"github.com/tg360/tg360/totalgest"
	"github.com/tg360/tg360/totalgest/totalgesttest"
)

func TestFailedWriteIsTriedAgainAndStopsNoOther(t *testing.T) {
	t.Parallel()
	for kind, writes := range map[framework360test.FaultKind]int{framework360test.Error500Before: 1, framework360test.Error500After: 0, framework360test.TooMany429: 1} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			one := func(c *syncer.Connection) { c.Writers = 1 }
			flowBubble(t, setup{adjust: one}, 3, func(ctx context.Context, f *flow) {
				f.back(ctx)
				pause(time.Hour)
				for _, id := range []string{"501", "502", "503"} {
					f.say(ctx, id, "shipped", "BRT", id)
				}
				later()
				f.shop.Faults(framework360test.Fault{Kind: kind, Operation: "orders/updateStatus", Times: 4}) // and its repetitions
				if run := f.back(ctx); run.Failed != 1 || run.Updated != 2 || run.Writes != 3 {
					t.Errorf("run: %+v", run)
				}
				f.has("502", "3", "BRT", "502")
				f.has("503", "3", "BRT", "503")
				if l := f.status(ctx, syncer.KindOrder, "501"); !slices.Equal(l.Warnings, []string{"TG-ORD-032"}) {
					t.Errorf("the link does not say that it waits: %+v", l)
				}
				later()
				if run := f.back(ctx); run.Read != 0 || run.Writes != writes || run.Updated+run.Unchanged != 1 || run.Failed != 0 {
					t.Errorf("the next run: %+v", run)
				}
				f.has("501", "3", "BRT", "501")
				if l := f.status(ctx, syncer.KindOrder, "501"); len(l.Warnings) != 0 {
					t.Errorf("it still waits: %+v", l)
				}
				if run := f.back(ctx); run.Read+run.Unchanged+run.Writes != 0 {
					t.Errorf("it is not forgotten: %+v", run)
				}
			})
		})
	}
}

func TestNewerWordReplacesWhatWaits(t *testing.T) {
	t.Parallel()
	flowBubble(t, setup{}, 1, func(ctx context.Context, f *flow) {
		f.say(ctx, "501", "shipped", "BRT", "42")
		f.shop.Faults(framework360test.Fault{Kind: framework360test.Error500Before, Operation: "orders/updateStatus"})
		f.back(ctx)
		f.shop.Faults()
		pause(time.Hour)
		f.say(ctx, "501", "packed", "BRT", "43")
		if run := f.back(ctx); run.Writes != 1 || f.written() != 1 {
			t.Errorf("run: %+v", run)
		}
		f.has("501", "2", "BRT", "43")
	})
}

func TestRefusedStatusWaitsForAChange(t *testing.T) {
	t.Parallel()
	flowBubble(t, setup{}, 2, func(ctx context.Context, f *flow) {
		f.say(ctx, "501", "shipped", "BRT", "42")
		later()
		f.shop.Faults(framework360test.Fault{Kind: framework360test.OK200Error, Operation: "orders/updateStatus"})
		if run := f.back(ctx); run.Rejected != 1 || run.Failed != 0 {
			t.Errorf("run: %+v", run)
		}
		if l := f.status(ctx, syncer.KindOrder, "501"); !slices.Equal(l.Warnings, []string{"TG-ORD-031"}) || l.State != syncer.Synced {
			t.Errorf("link: %+v", l)
		}
		pause(time.Hour)
		if run := f.back(ctx); run.Writes != 0 {
			t.Errorf("refused, and sent again: %+v", run)
		}
		f.shop.Faults()
		f.say(ctx, "501", "shipped", "BRT", "43")
		f.back(ctx)
		f.has("501", "3", "BRT", "43")
	})
}

// Nobody knows yet whose order it is: its status must not be lost meanwhile.
func TestStatusOfAnOrderInDoubtWaits(t *testing.T) {
	t.Parallel()
	flowBubble(t, setup{}, 1, func(ctx context.Context, f *flow) {
		f.shop.PutOrder(order("502"))
		f.erp.Faults(totalgesttest.Fault{Kind: totalgesttest.DropAfter, Operation: "orders.create", Times: 1})
		if report, err := f.sync.Export(ctx, connection, "502"); err != nil || report.Items[0].Link.State != syncer.InDoubt {
			t.Fatalf("%+v, %v", report, err)
		}
		f.erp.SetOrderStatus(f.erp.Orders()[1].Ref.ID, "shipped", "BRT", "42")
		later()
		if run := f.back(ctx); run.Foreign != 1 || run.Writes != 0 {
			t.Errorf("in doubt: %+v", run)
		}
		f.work(ctx)
		f.settled(ctx, time.Hour)
		pause(time.Hour)
		if run := f.back(ctx); run.Read != 0 || run.Writes != 1 {
			t.Errorf("resolved: %+v", run)
		}
		f.has("502", "3", "BRT", "42")
	})
}

func TestStatusWaitsForTheEndOfAConflict(t *testing.T) {
	t.Parallel()
	flowBubble(t, setup{}, 1, func(ctx context.Context, f *flow) {
		f.shop.UpdateOrder("501", func(o *framework360.Order) { o.Note = "al piano" })
		if err := f.sync.Notify(ctx, connection, "501"); err != nil {
			t.Fatal(err)
		}
		f.work(ctx)
		f.until(time.Minute, "the conflict shows", func() bool { return f.status(ctx, syncer.KindOrder, "501").State == syncer.Conflict })
		f.say(ctx, "501", "shipped", "BRT", "42")
		for range 3 {
			if run := f.back(ctx); run.Rejected != 1 || run.Writes != 0 {
				t.Errorf("in conflict: %+v", run)
			}
			pause(time.Hour)
		}
		if err := f.sync.Resolve(ctx, connection, "501", false); err != nil {
			t.Fatal(err)
		}
		if run := f.back(ctx); run.Writes != 1 {
			t.Errorf("resolved: %+v", run)
		}
		f.has("501", "3", "BRT", "42")
	})
}

func TestStatusMappedLaterIsBroughtBack(t *testing.T) {
	t.Parallel()
	flowBubble(t, setup{}, 2, func(ctx context.Context, f *flow) {
		f.say(ctx, "501", "In transito", "BRT", "42")
		f.say(ctx, "502", "shipped", "BRT", "43")
		later()
		f.back(ctx)
		later()
		f.restart(ctx, func(*syncer.Connection) {}) // the same settings: nothing is read again
		if run := f.back(ctx); run.Read != 0 {
			t.Errorf("restarted: %+v", run)
		}
		f.restart(ctx, func(c *syncer.Connection) {
			c.BackFlow.Statuses = maps.Clone(c.BackFlow.Statuses)
			c.BackFlow.Statuses["in transito"] = "Completato"
		})
		if run := f.back(ctx); run.Writes != 1 || run.Read != 2 {
			t.Errorf("mapped: %+v", run)
		}
		f.has("501", "3", "BRT", "42")
		if l := f.status(ctx, syncer.KindOrder, "501"); len(l.Warnings) != 0 {
			t.Errorf("link: %+v", l)
		}
		pause(time.Hour)
		if run := f.back(ctx); run.Read != 0 {
			t.Errorf("everything is read every time: %+v", run)
		}
	})
}

// oddShop is a shop that lists only its first states, or that answers with an
// order of another id.
type oddShop struct {
	*framework360.Client
	few, other atomic.Bool
}

func (o *oddShop) Statuses(ctx context.Context) ([]framework360.Reference, error) {
	list, err := o.Client.Statuses(ctx)
	if o.few.Load() {
		list = list[:2]
	}
	return list, err
}

func (o *oddShop) Order(ctx context.Context, id string) (framework360.Order, error) {
	order, err := o.Client.Order(ctx, id)
	if o.other.Load() {
		order.ID = "0" + id
	}
	return order, err
}

func TestOddShopIsLeftAlone(t *testing.T) {
	t.Parallel()
	var shop *oddShop
	s := setup{adjust: func(c *syncer.Connection) {
		shop = &oddShop{Client: c.Framework360.(*framework360.Client)}
		shop.few.Store(true)
		c.Framework360 = shop
	}}
	flowBubble(t, s, 2, func(ctx context.Context, f *flow) {
		f.say(ctx, "501", "shipped", "BRT", "42")
		later()
		if run := f.back(ctx); run.Rejected != 1 || run.Writes != 0 {
			t.Errorf("a state that the shop lacks: %+v", run)
		}
		shop.few.Store(false)
		pause(2 * time.Hour) // the list is believed for one
		if run := f.back(ctx); run.Writes != 1 {
			t.Errorf("a state that it got: %+v", run)
		}
		f.has("501", "3", "BRT", "42")
		shop.other.Store(true)
		f.say(ctx, "502", "shipped", "BRT", "43")
		later()
		if run := f.back(ctx); run.Rejected != 1 || run.Failed != 0 || run.Writes != 0 {
			t.Errorf("an order of another id: %+v", run)
		}
		if l := f.status(ctx, syncer.KindOrder, "502"); !slices.Equal(l.Warnings, []string{"TG-ORD-011"}) {
			t.Errorf("link: %+v", l)
		}
	})
}

func TestWatermarkOfStatusesMissesNothing(t *testing.T) {
	t.Parallel()
	var late atomic.Int64 // by how much a change is dated back
	s := setup{erp: totalgesttest.Options{Now: func() time.Time { return time.Now().Add(-time.Duration(late.Load())) }},
		adjust: func(c *syncer.Connection) { c.Overlap = time.Nanosecond }}
	flowBubble(t, s, 2, func(ctx context.Context, f *flow) {
		f.say(ctx, "501", "shipped", "", "")
		f.back(ctx)
		f.say(ctx, "502", "shipped", "", "") // at the very time of the watermark
		if run := f.back(ctx); run.Writes != 1 {
			t.Errorf("the same time: %+v", run)
		}

		f.restart(ctx, func(c *syncer.Connection) { c.Overlap = 0 }) // 1 minute
		pause(time.Hour)
		f.back(ctx)
		late.Store(int64(50 * time.Second)) // it took so long until others saw it
		f.say(ctx, "501", "packed", "", "")
		late.Store(0)
		if run := f.back(ctx); run.Writes != 1 {
			t.Errorf("a late change: %+v", run)
		}
		f.has("501", "2", "", "")
	})
}

// onePage makes each order of TotalGest a page of its own.
func onePage(c *totalgest.Config) {
	c.Profile = []byte(`{"operations": {"orders.list": {"size": 1}}}`)
}

// atList calls hook before the given request for a page from now on.
func (f *flow) atList(number int, hook func()) {
	n := 0 // pages are read one after the other
	f.erp.OnRequest(func(op string) {
		if op != "orders.list" {
			return
		}
		if n++; n == number {
			hook()
		}
	})
}

// The watermark is the time of the first page: what changes while the others are
// read, and is seen too late, is read by the next run.
func TestChangeWhileStatusesAreReadIsSeen(t *testing.T) {
	t.Parallel()
	var late atomic.Int64
	s := setup{erpCfg: onePage, erp: totalgesttest.Options{Now: func() time.Time { return time.Now().Add(-time.Duration(late.Load())) }},
		adjust: func(c *syncer.Connection) { c.Overlap = time.Nanosecond }}
	flowBubble(t, s, 3, func(ctx context.Context, f *flow) {
		for _, id := range []string{"501", "502", "503"} {
			f.say(ctx, id, "shipped", "BRT", id)
			pause(time.Second)
		}
		f.atList(3, func() { pause(20 * time.Second) })
		if run := f.back(ctx); run.Writes != 3 {
			t.Errorf("run: %+v", run)
		}
		late.Store(int64(10 * time.Second))
		f.say(ctx, "501", "packed", "BRT", "501")
		late.Store(0)
		if run := f.back(ctx); run.Writes != 1 {
			t.Errorf("the next run: %+v", run)
		}
		f.has("501", "2", "BRT", "501")
	})
}

func TestInterruptedRunOfStatusesIsDoneAgain(t *testing.T) {
	t.Parallel()
	flowBubble(t, setup{erpCfg: onePage}, 3, func(ctx context.Context, f *flow) {
		for _, id := range []string{"501", "502", "503"} {
			f.say(ctx, id, "shipped", "BRT", id)
			later()
		}
		f.atList(3, func() {
			f.erp.Faults(totalgesttest.Fault{Kind: totalgesttest.HTML502, Operation: "orders.list"})
		})
		if run, err := f.sync.SyncStatuses(ctx, connection); err == nil || run.Complete || run.Reason == "" || run.Writes != 2 {
			t.Fatalf("the run was to be interrupted: %+v, %v", run, err)
		}
		f.has("503", "2", "", "")
		f.erp.Faults()
		if run := f.back(ctx); run.Read != 3 || run.Unchanged != 2 || run.Writes != 1 {
			t.Errorf("the next run: %+v", run)
		}
		f.has("503", "3", "BRT", "503")
	})
}

func TestStoppedRunOfStatusesIsDoneAgain(t *testing.T) {
	t.Parallel()
	flowBubble(t, setup{}, 3, func(ctx context.Context, f *flow) {
		for _, id := range []string{"501", "502", "503"} {
			f.say(ctx, id, "shipped", "BRT", id)
		}
		later()
		short, stop := context.WithCancel(ctx)
		f.shop.OnRequest(func(op string) {
			if op == "orders/updateStatus" {
				stop()
			}
		})
		if run, err := f.sync.SyncStatuses(short, connection); !errors.Is(err, context.Canceled) || run.Complete || run.Failed != 0 {
			t.Errorf("stopped: %+v, %v", run, err)
		}
		if run := f.back(ctx); run.Read != 3 || run.Updated+run.Unchanged != 3 {
			t.Errorf("the next run: %+v", run)
		}
		for _, id := range []string{"501", "502", "503"} {
			f.has(id, "3", "BRT", id)
		}
	})
}

// What an order waits with must not undo what the same run has written since.
func TestOrderThatChangesAgainInTheSameRun(t *testing.T) {
	t.Parallel()
	flowBubble(t, setup{erpCfg: onePage}, 2, func(ctx context.Context, f *flow) {
		f.say(ctx, "501", "packed", "BRT", "42")
		pause(time.Second)
		f.say(ctx, "502", "shipped", "BRT", "502")
		pause(time.Second)
		f.shop.Faults(framework360test.Fault{Kind: framework360test.Error500Before, Operation: "orders/updateStatus", Times: 4})
		f.atList(2, func() { f.say(ctx, "501", "shipped", "BRT", "43") })
		if run := f.back(ctx); run.Read != 3 || run.Failed != 1 || run.Updated != 2 {
			t.Errorf("run: %+v", run)
		}
		later()
		f.back(ctx)
		f.has("501", "3", "BRT", "43")
	})
}

// A key that may not write order states must not keep orders from TotalGest.
func TestForbiddenStatusLeavesTheOrdersAlone(t *testing.T) {
	t.Parallel()
	s := setup{shop: framework360test.Options{Denied: []string{"orders/updateStatus"}}}
	flowBubble(t, s, 2, func(ctx context.Context, f *flow) {
		f.back(ctx)
		pause(time.Hour)
		f.say(ctx, "501", "shipped", "BRT", "42")
		f.say(ctx, "502", "shipped", "BRT", "43")
		for range 2 {
			run, err := f.sync.SyncStatuses(ctx, connection)
			if !errors.Is(err, framework360.ErrForbidden) || run.Complete || run.Read != 2 { // the watermark stays
				t.Errorf("%+v, %v", run, err)
			}
			if err := f.sync.Paused(connection); err != nil {
				t.Errorf("paused: %v", err)
			}
			pause(time.Hour)
		}
	})
}

func TestEventsWhileAStatusIsWritten(t *testing.T) {
	t.Parallel()
	flowBubble(t, setup{}, 1, func(ctx context.Context, f *flow) {
		f.say(ctx, "501", "shipped", "BRT", "42")
		f.shop.OnRequest(func(op string) {
			if op == "orders/updateStatus" {
				if err := f.sync.Notify(ctx, connection, "501"); err != nil {
					t.Error(err)
				}
			}
		})
		if run := f.back(ctx); run.Writes != 1 {
			t.Errorf("run: %+v", run)
		}
		// A worker that holds the link meanwhile keeps what was brought back.
		f.say(ctx, "501", "packed", "BRT", "43")
		var inside atomic.Bool
		f.shop.OnRequest(func(op string) {
			if op == "orders/get" && !inside.Swap(true) {
				if run := f.back(ctx); run.Writes != 1 {
					t.Errorf("run: %+v", run)
				}
			}
		})
		f.work(ctx)
		f.until(time.Minute, "the event is worked on", func() bool {
			l := f.status(ctx, syncer.KindOrder, "501")
			return inside.Load() && l.Owner == "" && l.Done == l.Version
		})
		f.shop.UpdateOrder("501", func(o *framework360.Order) { o.StateID, o.StateName = "3", "Completato" })
		if run := f.back(ctx); run.Writes != 0 { // by hand, and it stays
			t.Errorf("what was brought back is forgotten: %+v", run)
		}
	})
}

// With more left undone than is kept, what changed is read once more.
func TestManyFailuresKeepTheWatermark(t *testing.T) {
	t.Parallel()
	const n = 1100
	flowBubble(t, setup{}, 0, func(ctx context.Context, f *flow) {
		f.back(ctx)
		pause(time.Hour)
		var links []*syncer.Link
		for i := range n {
			o := order(fmt.Sprint(2000 + i))
			f.shop.PutOrder(o)
			ref := f.erp.PutOrder(totalgest.Order{ExternalID: "t1-" + o.ID, Currency: "EUR", CreatedAt: o.Created})
			f.erp.SetOrderStatus(ref.ID, "shipped", "BRT", o.ID)
			links = append(links, &syncer.Link{Key: syncer.Key{Connection: connection, Kind: syncer.KindOrder, ID: o.ID}, State: syncer.Synced, PeerID: ref.ID})
		}
		if err := f.store.Put(ctx, links...); err != nil {
			t.Fatal(err)
		}
		later()
		f.shop.Faults(framework360test.Fault{Kind: framework360test.HTML502, Operation: "orders/get"})
		for range 2 {
			if run := f.back(ctx); run.Failed != n || run.Read != n {
				t.Errorf("run: %+v", run)
			}
			pause(time.Hour)
		}
		f.shop.Faults()
		if run := f.back(ctx); run.Writes != n {
			t.Errorf("run: %+v", run)
		}
		pause(time.Hour)
		if run := f.back(ctx); run.Read != 0 || run.Writes != 0 {
			t.Errorf("run: %+v", run)
		}
	})
}
