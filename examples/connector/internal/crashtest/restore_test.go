//go:build linux

package crashtest_test

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/tg360/tg360/totalgest/totalgesttest"
)

// TestRestore puts back a backup from before half of the orders were exported,
// while the last of them may still be on their way to TotalGest.
func TestRestore(t *testing.T) {
	t.Parallel()
	for _, database := range []string{"SQLite", "PostgreSQL"} {
		for _, dedupe := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s_%s", database, pickName(dedupe)), func(t *testing.T) {
				t.Parallel()
				l := layout{dedupe: dedupe}
				if database == "PostgreSQL" {
					l.database = newDatabase(t)
				}
				restore(t, l)
			})
		}
	}
}

func restore(t *testing.T, l layout) {
	begun := time.Now()
	rounds, half := pick(2, 20), pick(30, 100)
	r := newRig(t, l)
	r.open()
	s := r.shops[0]
	p := r.serve()
	forgot := 0
	for n := range rounds {
		file := filepath.Join(r.dir, fmt.Sprintf("backup.%d", n))
		s.erp.Faults(totalgesttest.Fault{Kind: totalgesttest.LateEffect, Operation: "orders.create", Share: 0.15, Delay: settle * 2 / 3},
			totalgesttest.Fault{Kind: totalgesttest.DropAfter, Operation: "orders.create", Share: 0.1},
			totalgesttest.Fault{Kind: totalgesttest.DropBefore, Operation: "orders.create", Share: 0.1})
		r.orders(p, half)
		r.pause(r.between(0, time.Second))
		r.must("backup", file)
		before := len(s.erp.Orders())
		r.orders(p, half)
		r.until(30*time.Second, func() bool { return len(s.erp.Orders()) >= before+half/2 }) // first it asks for what the last restore forgot
		p.kill()
		forgot += len(s.erp.Orders()) - before
		if res := r.run("restore", file); res.code != 0 {
			t.Fatalf("connector restore: %s", res)
		}
		p = r.serve()
	}
	s.calm()
	v, helped := r.settled(pick(60*time.Second, 5*time.Minute))
	p.stop()
	t.Logf("%v; %d restores that forgot %d exported orders; %s; a person helped with %v; %.0f s",
		v, rounds, forgot, r.faults(), helped, time.Since(begun).Seconds())
	if forgot < rounds*half/4 {
		t.Error("too few orders went across between backup and restore")
	}
	if !v.clean() {
		t.Error("not every order is in TotalGest exactly once, and said to be")
	}
}

// orders places paid orders, and tells of half of them.
func (r *rig) orders(p *proc, n int) {
	s := r.shops[0]
	for i := range n {
		id := s.place(1+r.rng.Int64N(9), true)
		if i%2 == 0 {
			s.tell(r.t.Context(), p.address(), id)
		}
	}
}
