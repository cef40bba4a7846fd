package syncer_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tg360/tg360/framework360"
	"github.com/tg360/tg360/queue"
	"github.com/tg360/tg360/syncer"
	"github.com/tg360/tg360/totalgest"
	"github.com/tg360/tg360/totalgest/totalgesttest"
)

// lists are TotalGests that can't be searched and have a list of orders.
var lists = []struct{ name, profile string }{
	{"external ids", ``},
	{"marks alone", `{"records":{"order_ref":{"external_id":[]}}}`},
	{"marks, and no dates", `{"abilities":{"modified_since":false},"operations":{"orders.list":{"size":2}},"records":{"order_ref":{"external_id":[]}}}`},
}

// unsearchable is a TotalGest that can only be asked by its list.
func unsearchable(profile string) setup {
	return setup{erp: totalgesttest.Options{NoSearch: true, Profile: []byte(profile)}}
}

// exportFirst exports order 500, by which the list is seen to show what was sent.
func (r *rig) exportFirst(ctx context.Context) {
	r.t.Helper()
	r.erp.SetProducts(products(2))
	r.cycle(ctx)
	r.work(ctx)
	r.shop.PutOrder(order("500"))
	r.poll(ctx)
	if counts := r.settled(ctx, time.Minute); counts[syncer.Synced] != 1 {
		r.t.Fatalf("the first order: %v", counts)
	}
}

// exportInDoubt sends order 501 into a fault and waits until it is in doubt.
func (r *rig) exportInDoubt(ctx context.Context, f totalgesttest.Fault) {
	r.t.Helper()
	f.Operation, f.Share, f.Times = "orders.create", 1, 1
	r.erp.Faults(f)
	r.shop.PutOrder(order("501"))
	r.poll(ctx)
	r.until(time.Minute, "the order is in doubt", func() bool { return r.status(ctx, syncer.KindOrder, "501").State == syncer.InDoubt })
}

// once expects n orders in TotalGest, each one once.
func (r *rig) once(n int) {
	r.t.Helper()
	if got := len(r.erp.Orders()); got != n || r.erp.Duplicates() != 0 {
		r.t.Errorf("%d orders of %d, %d doubled", got, n, r.erp.Duplicates())
	}
}

func TestDoubtIsResolvedByTheList(t *testing.T) {
	t.Parallel()
	faults := []totalgesttest.Fault{{Kind: totalgesttest.LateEffect, Delay: 14 * time.Minute}}
	for _, kind := range ambiguous {
		faults = append(faults, totalgesttest.Fault{Kind: kind})
	}
	for _, list := range lists {
		for _, f := range faults {
			t.Run(list.name+" "+string(f.Kind), func(t *testing.T) {
				t.Parallel()
				bubble(t, unsearchable(list.profile), func(ctx context.Context, r *rig) {
					r.exportFirst(ctx)
					r.exportInDoubt(ctx, f)
					r.settled(ctx, time.Hour)
					if l := r.status(ctx, syncer.KindOrder, "501"); l.State != syncer.Synced || l.PeerID != r.erp.Orders()[1].Ref.ID {
						t.Errorf("link: %+v", l)
					}
					r.once(2)
				})
			})
		}
	}
}

func TestMarkIsInTheNoteOnlyWhereItIsNeeded(t *testing.T) {
	t.Parallel()
	const mark = "[tg360 303b7d6ad578]" // of t1-500
	for _, tc := range []struct {
		name    string
		options totalgesttest.Options
		note    string
		want    string
	}{
		{"search", totalgesttest.Options{}, "suonare due volte", "suonare due volte"},
		{"dedupes", totalgesttest.Options{NoSearch: true, Dedupe: true}, "suonare due volte", "suonare due volte"},
		{"no list", totalgesttest.Options{NoSearch: true, Profile: []byte(`{"operations":{"orders.list":null}}`)}, "suonare due volte", "suonare due volte"},
		{"list", totalgesttest.Options{NoSearch: true}, "suonare due volte", mark + "\nsuonare due volte"},
		{"list, no note", totalgesttest.Options{NoSearch: true}, "", mark},
		{"a customer who writes a mark", totalgesttest.Options{NoSearch: true}, "ciao [tg360 000000000000]", mark + "\nciao (tg360 000000000000]"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			bubble(t, setup{erp: tc.options}, func(ctx context.Context, r *rig) {
				r.erp.SetProducts(products(2))
				r.cycle(ctx)
				r.work(ctx)
				o := order("500")
				o.Note = tc.note
				r.shop.PutOrder(o)
				r.poll(ctx)
				r.settled(ctx, time.Minute)
				if got := r.erp.Orders()[0].Order.Note; got != tc.want {
					t.Errorf("note %q, want %q", got, tc.want)
				}
				if err := r.sync.Notify(ctx, connection, "500"); err != nil {
					t.Fatal(err)
				}
				pause(time.Minute)
				if l := r.status(ctx, syncer.KindOrder, "500"); l.State != syncer.Synced {
					t.Errorf("the mark counts as a change: %+v", l)
				}
			})
		})
	}
}

func TestUpdateKeepsTheMark(t *testing.T) {
	t.Parallel()
	bubble(t, unsearchable(`{"abilities":{"update":true},"operations":{"orders.update":{"verb":"PUT","path":"orders/{id}","required":["id"],"encoding":"json","body":"order","record":"order_ref","write":true,"grade":"assumed"}}}`), func(ctx context.Context, r *rig) {
		r.exportFirst(ctx)
		r.shop.UpdateOrder("500", func(o *framework360.Order) { o.Note = "citofono Esempio" })
		if err := r.sync.Notify(ctx, connection, "500"); err != nil {
			t.Fatal(err)
		}
		pause(time.Minute)
		if err := r.sync.Resolve(ctx, connection, "500", true); err != nil {
			t.Fatal(err)
		}
		if note := r.erp.Orders()[0].Order.Note; !strings.HasPrefix(note, "[tg360 ") || !strings.HasSuffix(note, "\ncitofono Esempio") {
			t.Errorf("note %q", note)
		}
	})
}

func TestListThatShowsNoOrderIsNotBelieved(t *testing.T) {
	t.Parallel()
	bubble(t, unsearchable(`{"records":{"order_ref":{"external_id":[],"note":[]}}}`), func(ctx context.Context, r *rig) {
		r.exportFirst(ctx)
		r.exportInDoubt(ctx, totalgesttest.Fault{Kind: totalgesttest.DropAfter})
		r.settled(ctx, time.Hour)
		if l := r.status(ctx, syncer.KindOrder, "501"); l.State != syncer.Blocked || l.Code != "TG-ORD-016" {
			t.Errorf("link: %+v", l)
		}
		r.once(2)
		before := r.erp.Requests()["orders.list"]
		for i := range 20 {
			r.shop.PutOrder(order(fmt.Sprint(600 + i)))
		}
		r.poll(ctx)
		r.settled(ctx, time.Minute)
		if n := r.erp.Requests()["orders.list"] - before; n > 2 {
			t.Errorf("a list that shows nothing was read %d times for 20 orders", n)
		}
	})
}

func TestInterruptedScanProvesNothing(t *testing.T) {
	t.Parallel()
	for _, kind := range []totalgesttest.FaultKind{totalgesttest.Truncate, totalgesttest.HTML200, totalgesttest.Error500Before} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			bubble(t, unsearchable(`{"operations":{"orders.list":{"size":1}},"abilities":{"modified_since":false}}`), func(ctx context.Context, r *rig) {
				r.exportFirst(ctx)
				r.exportInDoubt(ctx, totalgesttest.Fault{Kind: totalgesttest.DropAfter})
				pages := 0
				r.erp.OnRequest(func(op string) {
					if op == "orders.list" { // the first page comes, the one with the order does not
						if pages++; pages > 1 {
							r.erp.Faults(totalgesttest.Fault{Kind: kind, Operation: "orders.list"})
						}
					}
				})
				pause(2 * time.Hour)
				if l := r.status(ctx, syncer.KindOrder, "501"); l.State != syncer.InDoubt || l.Asked < 5 {
					t.Errorf("link: %+v", l)
				}
				r.once(2)
				r.erp.OnRequest(func(string) {})
				r.erp.Faults()
				r.settled(ctx, time.Hour)
				if l := r.status(ctx, syncer.KindOrder, "501"); l.State != syncer.Synced {
					t.Errorf("link: %+v", l)
				}
				r.once(2)
			})
		})
	}
}

// oddList is a TotalGest whose list of orders may be changed on its way.
type oddList struct {
	*totalgest.Client
	change func(*totalgest.Page[totalgest.OrderRef])
}

func (o *oddList) OrderPages(ctx context.Context, opts totalgest.ListOptions) iter.Seq2[totalgest.Page[totalgest.OrderRef], error] {
	return func(yield func(totalgest.Page[totalgest.OrderRef], error) bool) {
		for page, err := range o.Client.OrderPages(ctx, opts) {
			o.change(&page)
			if !yield(page, err) {
				return
			}
		}
	}
}

// oddly has the pages of TotalGest's list changed.
func oddly(profile string, list *oddList) setup {
	s := unsearchable(profile)
	s.adjust = func(c *syncer.Connection) {
		list.Client = c.TotalGest.(*totalgest.Client)
		c.TotalGest = list
	}
	return s
}

// TestOrderThatOneReadingMisses hides the order until T has passed, and from the
// first reading after that, as numbered pages do when another order moves while
// they are read.
func TestOrderThatOneReadingMisses(t *testing.T) {
	t.Parallel()
	var settles, missed atomic.Int64 // a proof may still be reading when the test goes on
	list := &oddList{change: func(p *totalgest.Page[totalgest.OrderRef]) {
		at := settles.Load()
		if late := time.Now().UnixNano() > at; at != 0 && (!late || missed.Load() == 0) {
			p.Items = nil
			if late {
				missed.Add(1)
			}
		}
	}}
	bubble(t, oddly("", list), func(ctx context.Context, r *rig) {
		r.exportFirst(ctx)
		settles.Store(time.Now().Add(15*time.Minute + 20*time.Second).UnixNano())
		r.exportInDoubt(ctx, totalgesttest.Fault{Kind: totalgesttest.DropAfter})
		r.settled(ctx, time.Hour)
		if l := r.status(ctx, syncer.KindOrder, "501"); l.State != syncer.Synced || missed.Load() != 1 {
			t.Errorf("missed %d times, link: %+v", missed.Load(), l)
		}
		r.once(2)
	})
}

func TestListThatCannotBeReadInFullIsNotBelieved(t *testing.T) {
	t.Parallel()
	list := &oddList{change: func(p *totalgest.Page[totalgest.OrderRef]) {
		var rest []totalgest.OrderRef
		for _, o := range p.Items {
			if o.ExternalID == "t1-501" {
				p.Rejected = append(p.Rejected, errors.New("no id"))
				continue
			}
			rest = append(rest, o)
		}
		p.Items = rest
	}}
	bubble(t, oddly("", list), func(ctx context.Context, r *rig) {
		r.exportFirst(ctx)
		r.exportInDoubt(ctx, totalgesttest.Fault{Kind: totalgesttest.DropAfter})
		r.settled(ctx, time.Hour)
		if l := r.status(ctx, syncer.KindOrder, "501"); l.State != syncer.Blocked || l.Code != "TG-ORD-016" {
			t.Errorf("link: %+v", l)
		}
		r.once(2)
	})
}

// TestClockThatIsBehind has a TotalGest whose clock is ten minutes late: what
// has just changed there seems to be old.
func TestClockThatIsBehind(t *testing.T) {
	t.Parallel()
	for _, kind := range []totalgesttest.FaultKind{totalgesttest.DropBefore, totalgesttest.DropAfter} {
		s := unsearchable("")
		s.erp.Now = func() time.Time { return time.Now().Add(-10 * time.Minute) }
		bubble(t, s, func(ctx context.Context, r *rig) {
			r.exportFirst(ctx)
			r.exportInDoubt(ctx, totalgesttest.Fault{Kind: kind})
			r.settled(ctx, time.Hour)
			if l := r.status(ctx, syncer.KindOrder, "501"); l.State != syncer.Synced {
				t.Errorf("%s: %+v", kind, l)
			}
			r.once(2)
		})
	}
}

func TestScanThatFindsSeveralOrders(t *testing.T) {
	t.Parallel()
	for _, list := range lists {
		t.Run(list.name, func(t *testing.T) {
			t.Parallel()
			bubble(t, unsearchable(list.profile), func(ctx context.Context, r *rig) {
				r.exportFirst(ctx)
				r.exportInDoubt(ctx, totalgesttest.Fault{Kind: totalgesttest.DropAfter})
				copied := r.erp.Orders()[1].Order
				r.erp.PutOrder(copied)
				r.settled(ctx, time.Hour)
				if l := r.status(ctx, syncer.KindOrder, "501"); l.State != syncer.Blocked || l.Code != "TG-ORD-015" {
					t.Errorf("link: %+v", l)
				}
			})
		})
	}
}

// TestMarkOfAnotherOrder has a note in TotalGest that bears the mark of an order
// that never arrived: the external id counts.
func TestMarkOfAnotherOrder(t *testing.T) {
	t.Parallel()
	bubble(t, unsearchable(""), func(ctx context.Context, r *rig) {
		r.exportFirst(ctx)
		r.exportInDoubt(ctx, totalgesttest.Fault{Kind: totalgesttest.DropBefore})
		other := r.erp.Orders()[0].Order
		other.ExternalID, other.Note = "t1-77", "[tg360 000000000000] e [tg360 83bf2f7a00b9]" // the second one is of t1-501
		r.erp.PutOrder(other)
		r.settled(ctx, time.Hour)
		l := r.status(ctx, syncer.KindOrder, "501")
		if got := r.erp.Orders(); len(got) != 3 || l.State != syncer.Synced || l.PeerID != got[2].Ref.ID {
			t.Errorf("%d orders, link %+v", len(got), l)
		}
	})
}

// TestOrderThatWasSentWithoutAMark was sent while TotalGest could be searched; a
// list that shows marks alone can't say that it is not there.
func TestOrderThatWasSentWithoutAMark(t *testing.T) {
	t.Parallel()
	bubble(t, unsearchable(lists[1].profile), func(ctx context.Context, r *rig) {
		r.exportFirst(ctx)
		o := order("501")
		r.shop.PutOrder(o)
		if err := r.store.Put(ctx, &syncer.Link{Key: syncer.Key{Connection: connection, Kind: syncer.KindOrder, ID: "501"}, State: syncer.InDoubt,
			Version: 1, DueAt: time.Now(), SentBy: time.Now().Add(-time.Hour), Created: o.Created}); err != nil {
			t.Fatal(err)
		}
		r.settled(ctx, time.Hour)
		if l := r.status(ctx, syncer.KindOrder, "501"); l.State != syncer.Blocked || l.Code != "TG-ORD-016" {
			t.Errorf("link: %+v", l)
		}
		r.once(1)
	})
}

// TestLongScanKeepsItsClaim has a list whose reading takes longer than a claim's
// lease, and a second process that looks for claims that have ended.
func TestLongScanKeepsItsClaim(t *testing.T) {
	t.Parallel()
	s := unsearchable(`{"operations":{"orders.list":{"size":1}},"abilities":{"modified_since":false}}`)
	var c syncer.Connection
	s.adjust = func(of *syncer.Connection) { c = *of }
	bubble(t, s, func(ctx context.Context, r *rig) {
		r.exportFirst(ctx)
		second := *r
		var err error
		if second.sync, err = syncer.New(syncer.Config{Store: r.store, Queue: queue.NewMemory(queue.MemoryConfig{})}); err != nil {
			t.Fatal(err)
		}
		if err := second.sync.Add(ctx, c); err != nil {
			t.Fatal(err)
		}
		second.work(ctx)
		for i := range 20 {
			r.shop.PutOrder(order(fmt.Sprint(600 + i)))
		}
		r.poll(ctx)
		r.settled(ctx, time.Minute)
		r.exportInDoubt(ctx, totalgesttest.Fault{Kind: totalgesttest.DropAfter})
		before := r.erp.Requests()["orders.list"]
		r.erp.Faults(totalgesttest.Fault{Kind: totalgesttest.Slow, Operation: "orders.list", Delay: 10 * time.Second})
		r.settled(ctx, time.Hour)
		if l := r.status(ctx, syncer.KindOrder, "501"); l.State != syncer.Synced {
			t.Errorf("link: %+v", l)
		}
		if n := r.erp.Requests()["orders.list"] - before; n != 22 {
			t.Errorf("the list of 22 pages was read with %d requests", n)
		}
		r.once(22)
	})
}

// TestEveryFaultWithAListAlone is TestEveryFaultOnBothSides, on fewer orders, with
// a TotalGest that has no more than a list, in which marks alone tell orders.
func TestEveryFaultWithAListAlone(t *testing.T) {
	t.Parallel()
	everyFault(t, 500, totalgesttest.Options{NoSearch: true, Profile: []byte(lists[1].profile)}, false)
}
