//go:build linux

package crashtest_test

import (
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tg360/tg360/framework360/framework360test"
	"github.com/tg360/tg360/totalgest/totalgesttest"
)

// peak demands that a process never took more memory, in MiB.
func (p *proc) peak(most int) {
	p.t.Helper()
	if mib := p.status("VmHWM") / 1024; os.Getenv("TG360_CRASH_RACE") == "1" {
		p.t.Logf("at most %d MiB of memory, with the race detector", mib)
	} else if p.t.Logf("at most %d MiB of memory", mib); mib >= most {
		p.t.Errorf("%d MiB of memory, want less than %d", mib, most)
	}
}

// TestBacklog drains a long queue at the rate that TotalGest allows, in little
// memory.
func TestBacklog(t *testing.T) {
	t.Parallel()
	rate := pick(50.0, 200.0) // the short form has to do beside other tests
	orders, window := pick(2000, 100_000), pick(4*time.Second, 30*time.Second)
	r := newRig(t, layout{dedupe: true, each: map[string]string{"rate": fmt.Sprint(rate), "concurrent": "8", "lease": `"30s"`, "write_within": `"20s"`}})
	r.open()
	s := r.shops[0]
	for range orders {
		s.place(1, true)
	}
	begun := time.Now()
	p := r.serve()
	pages := orders / 100
	if !r.until(5*time.Minute, func() bool { return s.web.Requests()["orders/list"] >= pages }) {
		t.Fatalf("only %d pages of orders were read", s.web.Requests()["orders/list"])
	}
	t.Logf("%d orders were seen after %.1f s", orders, time.Since(begun).Seconds())
	r.pause(2 * time.Second)
	from, start := len(s.erp.Orders()), time.Now()
	r.pause(window)
	sent, took := len(s.erp.Orders())-from, time.Since(start).Seconds()
	t.Logf("%.0f orders/s over %.0f s, of %.0f allowed; %d still wait", float64(sent)/took, took, rate, orders-from-sent)
	// The short form shares its machine with other tests, and the shop's rate with cycles.
	if got := float64(sent) / took; got < pick(0.5, 0.8)*rate || got > 1.1*rate {
		t.Errorf("%.0f orders/s, want about %.0f", got, rate)
	}
	p.peak(150)
	p.stop()
	if d := s.erp.Duplicates(); d > 0 {
		t.Errorf("%d orders doubled", d)
	}
}

// TestManyCatalogues runs one cycle for many connections with large catalogues
// side by side: in bounded memory, and none much later than the others.
func TestManyCatalogues(t *testing.T) {
	t.Parallel()
	shops, size := pick(8, 40), pick(500, 20_000)
	erp, err := totalgesttest.New(totalgesttest.Options{SkipValidation: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(erp.Close)
	erp.SetProducts(products(size))
	web, err := framework360test.New(framework360test.Options{SkipValidation: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(web.Close)
	first := newRig(t, layout{erp: erp, web: web, each: map[string]string{"orders": `"off"`, "writers": "8", "concurrent": "8"}})
	p := first.serve()
	if !first.until(20*time.Minute, func() bool { return len(web.Products()) == size }) {
		t.Fatalf("the shop has %d products", len(web.Products()))
	}
	p.stop()

	r := newRig(t, layout{erp: erp, web: web, shops: shops, each: map[string]string{"orders": `"off"`, "interval": `"1h"`}})
	writes, begun := web.Writes(), time.Now()
	p = r.serve()
	done := regexp.MustCompile(`connection=(\S+) kind=product complete=true`)
	took := map[string]time.Duration{}
	all := r.until(time.Hour, func() bool {
		for _, n := range p.log.cycles() {
			if m := done.FindStringSubmatch(n.line); m != nil && took[m[1]] == 0 {
				took[m[1]] = n.at.Sub(begun)
			}
		}
		return len(took) == shops
	})
	var times []time.Duration
	for _, d := range took {
		times = append(times, d)
	}
	if slices.Sort(times); !all {
		t.Fatalf("only %d of %d cycles came to their end: %v\n%s", len(times), shops, times, p.log.text())
	}
	median, slowest := times[len(times)/2], times[len(times)-1]
	t.Logf("%d catalogues of %d products: median %.1f s, slowest %.1f s; %d writes to the shop", shops, size, median.Seconds(), slowest.Seconds(), web.Writes()-writes)
	if slowest > 2*median {
		t.Error("the slowest took more than twice the median")
	}
	p.peak(512)
	p.stop()
}

// TestLatency measures the time from a paid order in the shop to its arrival in
// TotalGest, over many connections of one process.
func TestLatency(t *testing.T) {
	t.Parallel()
	orders := pick(60, 800)
	r := newRig(t, layout{shops: pick(10, 40)})
	r.open()
	p := r.serve()
	if !r.until(60*time.Second, func() bool { return r.looked(p) }) { // the first looks are spread over some seconds
		t.Fatal("not every shop was looked at")
	}
	polled := r.place(orders, func(*shop, string) {})
	told := r.place(orders, func(s *shop, id string) {
		if status := s.tell(t.Context(), p.address(), id); !accepted(status) {
			t.Errorf("an event was answered with %d", status)
		}
	})
	if !r.until(60*time.Second, func() bool { v := r.judge(); return v.lost == 0 }) {
		t.Fatal(r.judge())
	}
	v, _ := r.settled(30 * time.Second)
	p.stop()
	if !v.clean() {
		t.Error(v)
	}
	byPoll, byEvent := r.latencies(polled), r.latencies(told)
	t.Logf("%d connections, looked at every %v: p50 %v, p99 %v; by event: p50 %v, p99 %v (%d orders each)", len(r.shops), interval,
		quantile(byPoll, 50), quantile(byPoll, 99), quantile(byEvent, 50), quantile(byEvent, 99), orders)
	if most := interval + 5*time.Second; quantile(byPoll, 99) > most {
		t.Errorf("p99 by polling is %v, want at most %v", quantile(byPoll, 99), most)
	}
}

// looked reports whether each shop's list of orders has been read.
func (r *rig) looked(p *proc) bool {
	seen := map[string]bool{}
	for _, n := range p.log.cycles() {
		for _, s := range r.shops {
			seen[s.id] = seen[s.id] || strings.Contains(n.line, "connection="+s.id+" kind=order complete=true")
		}
	}
	return len(seen) == len(r.shops) && !slices.Contains(slices.Collect(maps.Values(seen)), false)
}

// place places paid orders over the shops by and by, and has told called after
// each. It returns whose they are.
func (r *rig) place(n int, told func(*shop, string)) map[string]*shop {
	out := map[string]*shop{}
	pace := pick(5*time.Second, 40*time.Second) / time.Duration(n)
	for range n {
		s := r.shops[r.rng.IntN(len(r.shops))]
		id := s.place(1, true)
		told(s, id)
		out[s.id+" "+id] = s
		r.pause(pace)
	}
	return out
}

// latencies are the times from payment to arrival, sorted.
func (r *rig) latencies(orders map[string]*shop) []time.Duration {
	var out []time.Duration
	for _, s := range r.shops {
		ledger, placed := s.ledger(), s.placements()
		for id, p := range placed {
			if orders[s.id+" "+id] == s && len(ledger[id]) > 0 {
				out = append(out, ledger[id][0].At.Sub(p.paid))
			}
		}
	}
	slices.Sort(out)
	return out
}

func quantile(sorted []time.Duration, percent int) time.Duration {
	return sorted[min(len(sorted)*percent/100, len(sorted)-1)].Round(time.Millisecond)
}
