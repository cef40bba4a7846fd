package storetest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/tg360/tg360/syncer"
)

// The sizes of [Bench].
const (
	benchLinks = 100_000
	benchBatch = 500
	benchLimit = 100
)

// Bench measures what a sync does most, on a store of 100,000 links of which
// every hundredth is due: Get and Put of 500, List of the 100 that are due first,
// a page of 500 and 500 SKUs, Count. open is called once, and must give an empty
// store; Bench closes it.
func Bench(b *testing.B, open func(b *testing.B) syncer.Store) {
	s := open(b)
	links := make([]*syncer.Link, benchLinks)
	for i := range links {
		l := full(fmt.Sprintf("%06d", i))
		l.SKU, l.EAN, l.PeerID = "SKU-"+l.ID, "EAN-"+l.ID, "P-"+l.ID
		l.State, l.DueAt = syncer.Synced, time.Time{}
		if i%100 == 0 {
			l.State, l.DueAt = syncer.Retrying, base.Add(time.Duration(i*7919%benchLinks)*time.Second)
		}
		links[i] = l
	}
	if err := (&rig{ctx: b.Context(), Store: s}).put(links...); err != nil {
		b.Fatal(err)
	}
	bench(b, s, links)
	if err := s.Close(); err != nil {
		b.Error(err)
	}
}

func bench(b *testing.B, s syncer.Store, links []*syncer.Link) {
	all := syncer.Query{Connection: shopA, Kind: syncer.KindOrder}
	// spread returns links from all over the store.
	spread := func(turn int) []*syncer.Link {
		out := make([]*syncer.Link, benchBatch)
		for i := range out {
			out[i] = links[(turn+i*(benchLinks/benchBatch))%benchLinks]
		}
		return out
	}
	list := func(q func(turn int) syncer.Query, want int) func(context.Context, int) error {
		return func(ctx context.Context, turn int) error {
			found, err := s.List(ctx, q(turn))
			if err == nil && len(found) != want {
				err = fmt.Errorf("%d links, want %d", len(found), want)
			}
			return err
		}
	}
	for _, c := range []struct {
		name string
		call func(ctx context.Context, turn int) error
	}{
		{"Get500", func(ctx context.Context, turn int) error {
			found, err := s.Get(ctx, shopA, syncer.KindOrder, idsOf(spread(turn))...)
			if err == nil && len(found) != benchBatch {
				err = fmt.Errorf("%d links", len(found))
			}
			return err
		}},
		{"Put500", func(ctx context.Context, turn int) error { return s.Put(ctx, spread(turn)...) }},
		{"Put1", func(ctx context.Context, turn int) error { return s.Put(ctx, links[turn*7919%benchLinks]) }},
		{"Due100", list(func(int) syncer.Query {
			q := all
			q.DueBy, q.Limit = base.AddDate(1, 0, 0), benchLimit
			return q
		}, benchLimit)},
		{"Page500", list(func(turn int) syncer.Query {
			q := all
			q.After, q.Limit = links[turn*7919%(benchLinks-benchBatch)].ID, benchBatch
			return q
		}, benchBatch)},
		{"SKUs500", list(func(turn int) syncer.Query {
			q := all
			for _, l := range spread(turn) {
				q.SKUs = append(q.SKUs, l.SKU)
			}
			return q
		}, benchBatch)},
		{"Count", func(ctx context.Context, _ int) error { _, err := s.Count(ctx, all); return err }},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for turn := 0; b.Loop(); turn++ {
				if err := c.call(b.Context(), turn); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "calls/s")
		})
	}
}
