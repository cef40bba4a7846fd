package syncer_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shopspring/decimal"
	"github.com/tg360/tg360/framework360"
	"github.com/tg360/tg360/framework360/framework360test"
	"github.com/tg360/tg360/queue"
	"github.com/tg360/tg360/syncer"
	"github.com/tg360/tg360/totalgest"
	"github.com/tg360/tg360/totalgest/totalgesttest"
)

// rig is both fakes and a syncer between them, in memory, so that its clock is
// that of a synctest bubble.
type rig struct {
	t     *testing.T
	erp   *totalgesttest.Server
	shop  *framework360test.Server
	store syncer.Store
	queue queue.Queue
	sync  *syncer.Syncer
	logs  *strings.Builder
}

// setup is what a test may change before the rig is built.
type setup struct {
	erp    totalgesttest.Options
	shop   framework360test.Options
	queue  func(queue.Queue) queue.Queue
	adjust func(*syncer.Connection)
	erpCfg func(*totalgest.Config)
}

// connection is the id of a rig's only connection.
const connection = "shop-1"

// bubble runs a test on a rig with a clock of its own.
func bubble(t *testing.T, s setup, test func(ctx context.Context, r *rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, s)
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		test(ctx, r)
	})
}

func newRig(t *testing.T, s setup) *rig {
	t.Helper()
	s.erp.NoListen, s.shop.NoListen = true, true
	ref := func(id, name string) framework360.Reference { return framework360.Reference{ID: id, Name: name} }
	s.shop.Statuses = []framework360.Reference{ref("1", "Aperto"), ref("2", "Pagato"), ref("3", "Completato"), ref("5", "Annullato"), ref("77", "In verifica")}
	s.shop.Payments = []framework360.Reference{ref("3", "Carta"), ref("9", "Contrassegno")}
	r := &rig{t: t, store: syncer.NewMemoryStore(), queue: queue.NewMemory(queue.MemoryConfig{Workers: 4, PerLane: 4}), logs: &strings.Builder{}}
	r.erp, r.shop = totalgesttest.Start(t, s.erp), framework360test.Start(t, s.shop)
	if s.queue != nil {
		r.queue = s.queue(r.queue)
	}
	cfg := r.erp.Config()
	if s.erpCfg != nil {
		s.erpCfg(&cfg)
	}
	tg, err := totalgest.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	fw, err := framework360.New(r.shop.Config())
	if err != nil {
		t.Fatal(err)
	}
	r.sync, err = syncer.New(syncer.Config{Store: r.store, Queue: r.queue, Logger: slog.New(slog.NewTextHandler(io.Discard, nil))})
	if err != nil {
		t.Fatal(err)
	}
	c := syncer.Connection{ID: connection, Origin: "t1", TotalGest: tg, Framework360: fw, GoLive: time.Now().Add(-time.Hour),
		Settings: syncer.Settings{Prices: syncer.PricesGross, Rows: syncer.RowsUnit, Writers: 4, Rules: syncer.Rules{
			States:        map[string]syncer.Meaning{"Aperto": syncer.MeansWait, "Pagato": syncer.MeansPaid, "Completato": syncer.MeansCompleted, "Annullato": syncer.MeansCancelled},
			PaymentStates: map[string]syncer.Meaning{"paid": syncer.MeansPaid, "unpaid": syncer.MeansWait, "refunded": syncer.MeansCancelled},
			Methods:       map[string]syncer.Meaning{"Contrassegno": syncer.MeansAlways},
		}}}
	if s.adjust != nil {
		s.adjust(&c)
	}
	lived(t, r.store, c)
	if err := r.sync.Add(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	return r
}

// lived prepares a store as one that has known a connection since its go-live.
func lived(t testing.TB, store syncer.Store, c syncer.Connection) {
	t.Helper()
	if err := store.PutDoc(t.Context(), &syncer.Doc{Connection: c.ID, Name: "origin", Data: []byte(c.Origin)}); err != nil {
		t.Fatal(err)
	}
}

// work does the queue's jobs in the background until the test ends.
func (r *rig) work(ctx context.Context) {
	done := make(chan error, 1)
	ctx, stop := context.WithCancel(ctx)
	go func() { done <- r.sync.Work(ctx) }()
	r.t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			r.t.Errorf("Work: %v", err)
		}
	})
}

func (r *rig) cycle(ctx context.Context) syncer.Run {
	r.t.Helper()
	run, err := r.sync.SyncProducts(ctx, connection)
	if err != nil {
		r.t.Fatalf("SyncProducts: %v", err)
	}
	return run
}

func (r *rig) poll(ctx context.Context) syncer.Run {
	r.t.Helper()
	run, err := r.sync.PollOrders(ctx, connection)
	if err != nil {
		r.t.Fatalf("PollOrders: %v", err)
	}
	return run
}

func (r *rig) status(ctx context.Context, kind syncer.Kind, id string) syncer.Link {
	r.t.Helper()
	l, err := r.sync.Status(ctx, connection, kind, id)
	if err != nil {
		r.t.Fatalf("Status: %v", err)
	}
	return l[0]
}

// until lets the bubble's time pass until ok, at most for limit.
func (r *rig) until(limit time.Duration, what string, ok func() bool) {
	r.t.Helper()
	step := max(100*time.Millisecond, limit/1000) // looking costs real time
	for end := time.Now().Add(limit); !ok(); {
		if time.Now().After(end) {
			r.t.Fatalf("not within %v: %s", limit, what)
		}
		pause(step)
	}
}

// pause lets the bubble's time pass.
func pause(d time.Duration) { <-time.After(d) }

// settled waits until no order is on its way.
func (r *rig) settled(ctx context.Context, limit time.Duration) map[syncer.State]int {
	r.t.Helper()
	var counts map[syncer.State]int
	r.until(limit, "all orders settled", func() bool {
		var err error
		if counts, err = r.sync.Counts(ctx, connection, syncer.KindOrder); err != nil {
			r.t.Fatal(err)
		}
		return counts[syncer.Queued]+counts[syncer.Sending]+counts[syncer.InDoubt]+counts[syncer.Retrying] == 0
	})
	return counts
}

func dec(s string) decimal.Decimal { return decimal.RequireFromString(s) }

// products are n articles of TotalGest with a price, a rate and a stock.
func products(n int) []totalgest.Product {
	out := make([]totalgest.Product, n)
	for i := range out {
		out[i] = totalgest.Product{ID: fmt.Sprint(1 + i), SKU: fmt.Sprintf("SKU-%d", 1+i), Name: fmt.Sprintf("Articolo %d", 1+i),
			VATRate: totalgest.Some(dec("22")), Quantity: totalgest.Some(dec("10")),
			Prices: []totalgest.Price{{Currency: "EUR", Amount: totalgest.Some(dec("12.20")), IncludesTax: totalgest.Some(true)}}}
	}
	return out
}

// order is a paid order of two rows that adds up: 2 x 12.20 + 1 x 12.20 + 5.
func order(id string) framework360.Order {
	row := func(sku, q string) framework360.Row {
		return framework360.Row{SKU: sku, Name: "Articolo", Quantity: framework360.Some(dec(q)), Price: framework360.Some(dec("12.20")), VATRate: framework360.Some(dec("22"))}
	}
	return framework360.Order{ID: id, Number: "N-" + id, Created: time.Now().Truncate(time.Second), StateID: "2", StateName: "Pagato", PaymentState: "paid",
		PaymentID: "3", PaymentName: "Carta", ShippingName: "Corriere", ShippingPrice: framework360.Some(dec("5")), ShippingVATRate: framework360.Some(dec("22")),
		Email: "prova@example.com", Billing: framework360.Party{FirstName: "Rita", LastName: "Esempio", City: "Bari", Province: "BA", Country: "IT"},
		Rows: []framework360.Row{row("SKU-1", "2"), row("SKU-2", "1")}, Total: framework360.Some(dec("41.60")), Currency: "EUR"}
}
