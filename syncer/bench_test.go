package syncer_test

import (
	"context"
	"fmt"
	"iter"
	"testing"
	"time"

	"github.com/tg360/tg360/framework360"
	"github.com/tg360/tg360/queue"
	"github.com/tg360/tg360/syncer"
	"github.com/tg360/tg360/totalgest"
	"golang.org/x/time/rate"
)

// quickERP and quickShop answer at once, so that a benchmark shows our own cost,
// or after a fixed time, so that it shows how well it is hidden.
type quickERP struct {
	*totalgest.Client
	items   []totalgest.Product
	changed bool
}

func (e *quickERP) Can(ability string) bool {
	return e.changed || ability == totalgest.AbilityCursor || ability == totalgest.AbilityModifiedSince
}

func (e *quickERP) ProductPages(ctx context.Context, _ totalgest.ListOptions) iter.Seq2[totalgest.Page[totalgest.Product], error] {
	return func(yield func(totalgest.Page[totalgest.Product], error) bool) {
		for at := 0; at < len(e.items); at += 500 {
			if !yield(totalgest.Page[totalgest.Product]{Items: e.items[at:min(at+500, len(e.items))], ServerTime: time.Now()}, nil) {
				return
			}
		}
	}
}

func (e *quickERP) CreateOrder(_ context.Context, o totalgest.Order) (totalgest.OrderRef, bool, error) {
	return totalgest.OrderRef{ID: o.ExternalID, ExternalID: o.ExternalID}, true, nil
}

type quickShop struct {
	*framework360.Client
	wait   time.Duration
	limit  *rate.Limiter // nil: none
	orders map[string]framework360.Order
}

func (s *quickShop) Can(string) bool { return true }

func (s *quickShop) Taxes(context.Context) ([]framework360.Reference, error) {
	return []framework360.Reference{{ID: "1", Rate: framework360.Some(dec("22"))}}, nil
}
func (s *quickShop) Plugins(context.Context) ([]framework360.Plugin, error) { return nil, nil }
func (s *quickShop) ProductPages(context.Context, framework360.ProductOptions) iter.Seq2[framework360.Page[framework360.Product], error] {
	return func(func(framework360.Page[framework360.Product], error) bool) {}
}

func (s *quickShop) CreateProduct(ctx context.Context, p framework360.Product) (string, error) {
	if s.limit != nil {
		if err := s.limit.Wait(ctx); err != nil {
			return "", err
		}
	}
	if s.wait > 0 {
		<-time.After(s.wait)
	}
	return p.SKU.Or(""), nil
}
func (s *quickShop) UpdateProduct(context.Context, framework360.Product) error { return nil }
func (s *quickShop) Order(_ context.Context, id string) (framework360.Order, error) {
	return s.orders[id], nil
}

func benchSyncer(b *testing.B, erp syncer.ERP, shop syncer.Shop, adjust func(*syncer.Connection)) *syncer.Syncer {
	b.Helper()
	store := syncer.NewMemoryStore()
	s, err := syncer.New(syncer.Config{Store: store, Queue: queue.NewMemory(queue.MemoryConfig{Workers: 8, PerLane: 8})})
	if err != nil {
		b.Fatal(err)
	}
	c := syncer.Connection{ID: connection, Origin: "b", TotalGest: erp, Framework360: shop, GoLive: time.Unix(1, 0),
		Settings: syncer.Settings{Prices: syncer.PricesGross, Rows: syncer.RowsUnit, PluginIsFine: true,
			Rules: syncer.Rules{States: map[string]syncer.Meaning{"Pagato": syncer.MeansPaid}}}}
	if adjust != nil {
		adjust(&c)
	}
	lived(b, store, c)
	if err := s.Add(b.Context(), c); err != nil {
		b.Fatal(err)
	}
	return s
}

// BenchmarkCompareAndSkip is a cycle over a catalogue that has not changed.
func BenchmarkCompareAndSkip(b *testing.B) {
	const n = 10_000
	s := benchSyncer(b, &quickERP{items: products(n)}, &quickShop{}, nil)
	if _, err := s.SyncProducts(b.Context(), connection); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		run, err := s.SyncProducts(b.Context(), connection)
		if err != nil || run.Unchanged != n {
			b.Fatal(run, err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/product")
}

// BenchmarkImport is a first cycle against a shop that takes 10 ms a write, beside
// the bound (writes x latency / writers) and a plain loop, in the same run.
func BenchmarkImport(b *testing.B) {
	const n, latency, writers = 1000, 10 * time.Millisecond, 8
	for b.Loop() {
		start := time.Now()
		s := benchSyncer(b, &quickERP{items: products(n)}, &quickShop{wait: latency}, func(c *syncer.Connection) { c.Writers = writers })
		if run, err := s.SyncProducts(b.Context(), connection); err != nil || run.Created != n {
			b.Fatal(run, err)
		}
		took := time.Since(start)

		start = time.Now()
		shop := &quickShop{wait: latency}
		const sample = n / 10
		for range sample {
			if _, err := shop.CreateProduct(b.Context(), framework360.Product{}); err != nil {
				b.Fatal(err)
			}
		}
		each := time.Since(start) / sample // what the latency really is here
		b.ReportMetric(float64(each)*n/writers/float64(took), "of-bound")
		b.ReportMetric(float64(each)*n/float64(took), "x-loop")
	}
}

// BenchmarkImportAtARate is a first cycle against a shop that takes 20 ms a write
// and 500 writes a second, beside what that rate allows.
func BenchmarkImportAtARate(b *testing.B) {
	const n, perSecond = 2000, 500
	for b.Loop() {
		shop := &quickShop{wait: 20 * time.Millisecond, limit: rate.NewLimiter(perSecond, 1)}
		start := time.Now()
		s := benchSyncer(b, &quickERP{items: products(n)}, shop, func(c *syncer.Connection) { c.Writers = 16 })
		if run, err := s.SyncProducts(b.Context(), connection); err != nil || run.Created != n {
			b.Fatal(run, err)
		}
		b.ReportMetric(n/float64(perSecond)/time.Since(start).Seconds(), "of-bound")
	}
}

// BenchmarkOrders is orders through the queue, from the event to TotalGest's id.
func BenchmarkOrders(b *testing.B) {
	const n = 1000
	for b.Loop() {
		shop := &quickShop{orders: map[string]framework360.Order{}}
		for i := range n {
			o := order(fmt.Sprint(i))
			shop.orders[o.ID] = o
		}
		s := benchSyncer(b, &quickERP{}, shop, func(c *syncer.Connection) { c.PassUnknown = true })
		ctx, stop := context.WithCancel(b.Context())
		done := make(chan error, 1)
		go func() { done <- s.Work(ctx) }()
		for i := range n {
			if err := s.Notify(ctx, connection, fmt.Sprint(i)); err != nil {
				b.Fatal(err)
			}
		}
		for {
			counts, err := s.Counts(ctx, connection, syncer.KindOrder)
			if err != nil {
				b.Fatal(err)
			}
			if counts[syncer.Synced] == n {
				break
			}
			<-time.After(time.Millisecond)
		}
		stop()
		if err := <-done; err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "orders/s")
}
