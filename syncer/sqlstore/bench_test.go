package sqlstore_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/tg360/tg360/queue"
	"github.com/tg360/tg360/syncer"
	"github.com/tg360/tg360/syncer/storetest"
)

// BenchmarkStore has 100,000 links.
func BenchmarkStore(b *testing.B) {
	stores(b, func(b *testing.B, s syncer.Store) {
		storetest.Bench(b, func(*testing.B) syncer.Store { return s })
	})
}

// stores runs a benchmark on both databases, and in memory for comparison.
func stores(b *testing.B, bench func(b *testing.B, s syncer.Store)) {
	b.Run("memory", func(b *testing.B) { bench(b, syncer.NewMemoryStore()) })
	b.Run("sqlite", func(b *testing.B) { bench(b, sqliteFile(b).open(b)) })
	b.Run("postgres", func(b *testing.B) { bench(b, postgresSchema(b).open(b)) })
}

func perSecond(b *testing.B, what string) {
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), what+"/s")
}

// BenchmarkAccept takes the shop's events, each of a new order, one after the
// other: what an answer to a webhook waits for.
func BenchmarkAccept(b *testing.B) {
	stores(b, func(b *testing.B, store syncer.Store) {
		s, err := syncer.New(syncer.Config{Store: store, Queue: queue.NewMemory(queue.MemoryConfig{})})
		must(b, err)
		must(b, s.Add(b.Context(), syncer.Connection{
			ID: "shop", Origin: "b", GoLive: time.Unix(1, 0), TotalGest: struct{ syncer.ERP }{}, Framework360: struct{ syncer.Shop }{},
			Settings: syncer.Settings{Prices: syncer.PricesGross, Rows: syncer.RowsUnit},
		}))
		turn := 0
		for b.Loop() {
			turn++
			must(b, s.Notify(b.Context(), "shop", fmt.Sprintf("order-%07d", turn)))
		}
		perSecond(b, "events")
	})
}

// BenchmarkLifecycle stores what an order's life consists of: it is queued,
// claimed, on its way, and synced.
func BenchmarkLifecycle(b *testing.B) {
	stores(b, func(b *testing.B, s syncer.Store) {
		turn := 0
		for b.Loop() {
			turn++
			must(b, live(b.Context(), s, fmt.Sprintf("order-%07d", turn)))
		}
		perSecond(b, "orders")
	})
}

func live(ctx context.Context, s syncer.Store, id string) error {
	now := time.Now()
	l := order(id)
	l.Title, l.SeenAt, l.DueAt, l.Version = id, now, now, 1
	for _, step := range []func(){
		func() {},
		func() { l.Owner, l.LeaseEnds, l.DueAt = "worker", now.Add(30*time.Second), now.Add(30*time.Second) },
		func() {
			l.State, l.SentBy, l.Created, l.Parts = syncer.Sending, now.Add(20*time.Second), now, "total=1f3a lines=77c0 billing=90aa"
		},
		func() {
			l.State, l.PeerID, l.PeerNo, l.SyncedAt, l.Done = syncer.Synced, "tg-"+id, "2026/"+id, now, 1
			l.Owner, l.LeaseEnds, l.SentBy, l.DueAt = "", time.Time{}, time.Time{}, time.Time{}
		},
	} {
		step()
		if err := s.Put(ctx, l); err != nil {
			return err
		}
	}
	return nil
}
