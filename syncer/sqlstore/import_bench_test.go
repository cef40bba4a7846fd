package sqlstore_test

import (
	"context"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/tg360/tg360/framework360"
	"github.com/tg360/tg360/queue"
	"github.com/tg360/tg360/syncer"
	"github.com/tg360/tg360/syncer/sqlstore"
	"github.com/tg360/tg360/totalgest"
)

// endless is a TotalGest that makes its products up as they are read.
type endless struct {
	*totalgest.Client
	n int
}

func (e *endless) Can(ability string) bool { return ability == totalgest.AbilityCursor }

func (e *endless) ProductPages(context.Context, totalgest.ListOptions) iter.Seq2[totalgest.Page[totalgest.Product], error] {
	return func(yield func(totalgest.Page[totalgest.Product], error) bool) {
		for at := 0; at < e.n; at += 500 {
			page := totalgest.Page[totalgest.Product]{ServerTime: time.Now()}
			for i := at; i < min(at+500, e.n); i++ {
				id := strconv.Itoa(i)
				page.Items = append(page.Items, totalgest.Product{ID: id, SKU: "SKU-" + id, Name: "Articolo " + id, VATRate: totalgest.Some(decimal.NewFromInt(22)),
					Quantity: totalgest.Some(decimal.NewFromInt(int64(i % 50))), Prices: []totalgest.Price{{Currency: "EUR", Amount: totalgest.Some(decimal.New(int64(i%9000), -2))}}})
			}
			if !yield(page, nil) {
				return
			}
		}
	}
}

// taker is a shop that takes what it gets.
type taker struct {
	*framework360.Client
	last atomic.Int64
}

func (s *taker) Can(string) bool { return true }
func (s *taker) Taxes(context.Context) ([]framework360.Reference, error) {
	return []framework360.Reference{{ID: "1", Rate: framework360.Some(decimal.NewFromInt(22))}}, nil
}
func (s *taker) ProductPages(context.Context, framework360.ProductOptions) iter.Seq2[framework360.Page[framework360.Product], error] {
	return func(func(framework360.Page[framework360.Product], error) bool) {}
}
func (s *taker) CreateProduct(context.Context, framework360.Product) (string, error) {
	return strconv.FormatInt(s.last.Add(1), 10), nil
}

// BenchmarkImportMemory is a first import of a small and of a large catalogue: the
// peak of the heap must not grow with it. TG360_CATALOGUE sets the large one.
func BenchmarkImportMemory(b *testing.B) {
	large := 8_000
	if n, err := strconv.Atoi(os.Getenv("TG360_CATALOGUE")); err == nil {
		large = n
	}
	for b.Loop() {
		small, _ := importPeak(b, 2_000)
		peak, took := importPeak(b, large)
		b.ReportMetric(peak/small, "of-small")
		b.ReportMetric(peak/(1<<20), "MiB")
		b.ReportMetric(float64(large)/took.Seconds(), "products/s")
	}
}

// importPeak imports n products and returns the peak of the heap in use.
func importPeak(b *testing.B, n int) (peak float64, took time.Duration) {
	b.Helper()
	store, err := sqlstore.Open(b.Context(), filepath.Join(b.TempDir(), fmt.Sprintf("%d.db", n)), sqlstore.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer store.Close()
	q := queue.NewMemory(queue.MemoryConfig{})
	defer q.Close()
	runtime.GC()
	var top uint64
	s, err := syncer.New(syncer.Config{Store: store, Queue: q, OnProgress: func(p syncer.Progress) {
		if p.Run.Pages%5 == 0 {
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			top = max(top, m.HeapInuse)
		}
	}})
	if err != nil {
		b.Fatal(err)
	}
	err = s.Add(b.Context(), syncer.Connection{ID: "shop", Origin: "b", TotalGest: &endless{n: n}, Framework360: &taker{},
		Settings: syncer.Settings{Prices: syncer.PricesGross, Orders: syncer.OrdersOff, Writers: 8}})
	if err != nil {
		b.Fatal(err)
	}
	start := time.Now()
	if run, err := s.SyncProducts(b.Context(), "shop"); err != nil || run.Created != n {
		b.Fatal(run, err)
	}
	return float64(top), time.Since(start)
}
