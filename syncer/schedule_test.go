package syncer_test

import (
	"context"
	"fmt"
	"iter"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tg360/tg360/framework360"
	"github.com/tg360/tg360/queue"
	"github.com/tg360/tg360/syncer"
)

// visited notes when its list of orders was read, and may take long over it.
type visited struct {
	*quickShop
	takes time.Duration
	mu    sync.Mutex
	looks []time.Time
}

func (v *visited) OrderPages(ctx context.Context, _ framework360.OrderOptions) iter.Seq2[framework360.Page[framework360.Order], error] {
	return func(yield func(framework360.Page[framework360.Order], error) bool) {
		v.mu.Lock()
		v.looks = append(v.looks, time.Now())
		v.mu.Unlock()
		select {
		case <-ctx.Done():
			yield(framework360.Page[framework360.Order]{}, ctx.Err())
		case <-time.After(v.takes):
			yield(framework360.Page[framework360.Order]{}, nil)
		}
	}
}

func (v *visited) seen() []time.Time {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.looks
}

// runs starts a process with these connections on a store; stop ends it.
func runs(t *testing.T, store syncer.Store, conns ...syncer.Connection) (stop func()) {
	t.Helper()
	s, err := syncer.New(syncer.Config{Store: store, Queue: queue.NewMemory(queue.MemoryConfig{})})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range conns {
		if err := s.Add(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	return sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
}

func ordersOnly(id string, shop syncer.Shop) syncer.Connection {
	return syncer.Connection{ID: id, Origin: "o." + id, GoLive: time.Now(), TotalGest: &quickERP{}, Framework360: shop,
		Settings: syncer.Settings{Prices: syncer.PricesGross, Rows: syncer.RowsUnit, Products: syncer.ProductsOff, PluginIsFine: true, PassUnknown: true,
			Rules: syncer.Rules{States: map[string]syncer.Meaning{"Pagato": syncer.MeansPaid}}}}
}

// TestOneCycleInAnInterval: three processes and a restart in the middle make as
// many looks as one process.
func TestOneCycleInAnInterval(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store, shop := syncer.NewMemoryStore(), &visited{quickShop: &quickShop{}, takes: 20 * time.Second}
		c := ordersOnly("a", shop)
		var stops []func()
		for range 3 {
			stops = append(stops, runs(t, store, c))
			pause(7 * time.Second)
		}
		pause(22 * time.Minute)
		for i := range stops {
			stops[i]()
			stops[i] = runs(t, store, c)
		}
		pause(30*time.Minute - time.Second)
		for _, stop := range stops {
			stop()
		}
		looks := shop.seen()
		if len(looks) != 11 {
			t.Errorf("%d looks", len(looks))
		}
		for i := 1; i < len(looks); i++ {
			if d := looks[i].Sub(looks[i-1]); d < 5*time.Minute || d > 5*time.Minute+lookEvery {
				t.Errorf("look %d came %v after the one before", i, d)
			}
		}
	})
}

const lookEvery = 10 * time.Second

// mute is a store that a process can no longer write to.
type mute struct {
	syncer.Store
	on sync.Map
}

func (m *mute) PutDoc(ctx context.Context, d *syncer.Doc) error {
	if _, on := m.on.Load("on"); on {
		return fmt.Errorf("no connection to the store")
	}
	return m.Store.PutDoc(ctx, d)
}

// TestCycleOfADeadProcessIsTakenOver within a minute.
func TestCycleOfADeadProcessIsTakenOver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := syncer.NewMemoryStore()
		dead, shop := &mute{Store: store}, &visited{quickShop: &quickShop{}, takes: time.Hour}
		stop := runs(t, dead, ordersOnly("a", shop))
		pause(3 * time.Minute) // longer than a lease: it is renewed
		other := &visited{quickShop: &quickShop{}}
		stopOther := runs(t, store, ordersOnly("a", other))
		pause(time.Minute)
		if n := len(other.seen()); n != 0 {
			t.Fatalf("%d looks beside one that is under way", n)
		}
		dead.on.Store("on", true)
		stop()
		pause(time.Minute)
		if n := len(other.seen()); n != 1 {
			t.Errorf("%d looks after the first process died", n)
		}
		stopOther()
	})
}

// TestConnectionsBeginApart: forty shops are not all read in the same second.
func TestConnectionsBeginApart(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var conns []syncer.Connection
		var shops []*visited
		for i := range 40 {
			shops = append(shops, &visited{quickShop: &quickShop{}})
			conns = append(conns, ordersOnly(fmt.Sprintf("shop%d", i), shops[i]))
		}
		stop := runs(t, syncer.NewMemoryStore(), conns...)
		pause(12 * time.Minute)
		stop()
		at := map[int64]int{}
		for i, s := range shops {
			if n := len(s.seen()); n != 3 {
				t.Errorf("shop %d was read %d times", i, n)
			}
			for _, l := range s.seen() {
				at[l.Unix()]++
			}
		}
		for second, n := range at {
			if n > 6 {
				t.Errorf("%d began in second %d", n, second)
			}
		}
	})
}
