//go:build linux

package crashtest_test

import (
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tg360/tg360/totalgest/totalgesttest"
)

// TestTwoProcesses lets two processes work on one PostgreSQL: each cycle runs
// once, orders are shared, and what one leaves behind the other takes over.
func TestTwoProcesses(t *testing.T) {
	t.Parallel()
	r := newRig(t, layout{database: newDatabase(t)})
	r.open()
	s := r.shops[0]
	f := newFleet(r, 2)
	f.startAll()

	const cycles = 5
	r.pause(interval)
	polls, walks := s.web.Requests()["site/plugins"], s.erp.Requests()["products.list"] // one each
	r.pause(cycles * interval)
	polls, walks = s.web.Requests()["site/plugins"]-polls, s.erp.Requests()["products.list"]-walks
	t.Logf("in %d intervals: %d looks at the orders, %d at the products", cycles, polls, walks)
	for what, n := range map[string]int{"orders": polls, "products": walks} {
		if n < cycles-1 || n > cycles+1 {
			t.Errorf("%d cycles of %s in %d intervals", n, what, cycles)
		}
	}

	s.erp.Faults(totalgesttest.Fault{Kind: totalgesttest.Slow, Operation: "orders.create", Delay: 200 * time.Millisecond})
	for n := range 60 {
		s.tell(t.Context(), f.address(n), s.place(1, true))
	}
	if !r.until(20*time.Second, func() bool { have, _ := s.arrived(); return have >= 30 }) {
		t.Fatal("half of the orders did not arrive")
	}
	for i, p := range f.all {
		n := p.metric(`request_duration_seconds_count\S*operation="orders\.create"`)
		t.Logf("process %d has sent %v orders", i, n)
		if n < 5 {
			t.Errorf("process %d took no part", i)
		}
	}
	f.all[0].kill()
	killed := time.Now()
	if !r.until(60*time.Second, func() bool { have, want := s.arrived(); return have == want }) {
		t.Error("the other process did not finish the work within 60 s")
	}
	t.Logf("after kill -9 of one the other had its work after %.1f s", time.Since(killed).Seconds())
	v, _ := r.settled(30 * time.Second)
	f.all[1].stop()
	if t.Log(v); !v.clean() {
		t.Error("not every order is in TotalGest exactly once, and said to be")
	}
}

// TestKilledDuringACycle kills the process that reads the list of orders: the
// other one reads it soon after.
func TestKilledDuringACycle(t *testing.T) {
	t.Parallel()
	const within = 60 * time.Second
	r := newRig(t, layout{database: newDatabase(t), each: pick(nil, map[string]string{"lease": `"30s"`, "write_within": `"20s"`, "settle": `"15m"`})})
	r.open()
	s := r.shops[0]
	var reads, hit atomic.Bool
	s.web.OnRequest(func(operation string) {
		if operation == "orders/list" && reads.Load() && hit.CompareAndSwap(false, true) {
			<-time.After(300 * time.Millisecond) // it is killed meanwhile
		}
	})
	p := r.serve()
	reads.Store(true)
	if !r.until(20*time.Second, hit.Load) {
		t.Fatal("the list of orders was not read")
	}
	p.kill()
	p = r.serve()
	s.place(1, true)
	placed := time.Now()
	if !r.until(3*within, func() bool { have, want := s.arrived(); return have == want }) {
		t.Fatalf("not within %v", 3*within)
	}
	took := time.Since(placed)
	t.Logf("an order that no event told of arrived %.1f s after the process that read the list was killed", took.Seconds())
	if took > within {
		t.Errorf("it took more than %v", within)
	}
	p.stop()
}

// TestPostgresStops stops PostgreSQL under two processes, and starts it again.
func TestPostgresStops(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	r := newRig(t, layout{database: c.dsn()})
	r.open()
	s := r.shops[0]
	f := newFleet(r, 2)
	f.startAll()
	s.storm(0.1)
	refused, accepts := map[int]int{}, 0
	for n, mode := range []string{"fast", "immediate"} {
		var waiting []string
		for range 10 {
			s.place(1, true)
			waiting = append(waiting, s.place(1, false))
		}
		r.pause(interval + time.Second) // what waits is known, and is looked at in five minutes
		c.stop(mode)
		for _, id := range waiting {
			s.pay(id)
			refused[s.tell(t.Context(), f.address(n), id)]++
		}
		for _, p := range f.all {
			if alive, ready := p.get("/healthz"), p.get("/readyz"); alive != http.StatusOK || ready != http.StatusServiceUnavailable {
				t.Errorf("without its database /healthz answers %d, /readyz %d", alive, ready)
			}
		}
		r.pause(r.between(time.Second, 4*time.Second))
		c.start()
		for i, id := range waiting {
			if r.until(30*time.Second, func() bool { return accepted(s.tell(t.Context(), f.address(i), id)) }) {
				s.note(id, func(p *placement) { p.told = true })
				accepts++
			}
		}
	}
	for status := range refused {
		if status != http.StatusServiceUnavailable {
			t.Errorf("without its database the webhook answered %v", refused)
		}
	}
	s.calm()
	v, helped := r.settled(60 * time.Second)
	t.Logf("%v; events without a database: %v, accepted later: %d; %s; a person helped with %v", v, refused, accepts, r.faults(), helped)
	if !v.clean() || accepts != 20 {
		t.Error("not every order is in TotalGest exactly once, and said to be")
	}
	for _, p := range f.all {
		if ready := p.get("/readyz"); ready != http.StatusOK {
			t.Errorf("/readyz answers %d in the end", ready)
		}
		p.stop()
	}
}
