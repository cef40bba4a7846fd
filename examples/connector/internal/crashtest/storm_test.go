//go:build linux

package crashtest_test

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"syscall"
	"testing"
	"time"
)

// TestStorm places orders while a fifth of all requests meet faults of every
// kind and processes are killed, and then frozen, at random moments.
func TestStorm(t *testing.T) {
	t.Parallel()
	for _, database := range []string{"SQLite", "PostgreSQL"} {
		for _, dedupe := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s_%s", database, pickName(dedupe)), func(t *testing.T) {
				t.Parallel()
				l := layout{dedupe: dedupe}
				processes := 1
				if database == "PostgreSQL" {
					l.database, processes = newDatabase(t), 2
				}
				storm(t, l, processes)
			})
		}
	}
}

func pickName(dedupe bool) string {
	if dedupe {
		return "dedupes"
	}
	return "searched"
}

func storm(t *testing.T, l layout, processes int) {
	orders, kills, freezes := pick(200, 5000), pick(6, 40), pick(6, 200)
	begun := time.Now()
	r := newRig(t, l)
	r.open()
	s := r.shops[0]
	s.storm(0.2)
	f := newFleet(r, processes)
	f.startAll()
	c := newCustomers(r, s, f, orders, time.Duration(kills)*900*time.Millisecond+time.Duration(freezes)*2*time.Second)
	for range kills {
		f.killOne()
	}
	for range freezes {
		f.freezeOne()
	}
	c.wait()
	s.calm()
	r.address = f.address(0)
	v, helped := r.settled(pick(60*time.Second, 10*time.Minute))
	for _, p := range f.all {
		p.stop()
	}
	t.Logf("%v; %d kills, %d freezes; %s; %d events accepted, %d refused; a person helped with %v; %.0f s",
		v, kills, freezes, r.faults(), c.accepted, c.refused, helped, time.Since(begun).Seconds())
	if !v.clean() {
		t.Error("not every order is in TotalGest exactly once, and said to be")
	}
}

// fleet is the processes that serve.
type fleet struct {
	r   *rig
	mu  sync.Mutex
	all []*proc
}

func newFleet(r *rig, n int) *fleet { return &fleet{r: r, all: make([]*proc, n)} }

func (f *fleet) startAll() {
	for i := range f.all {
		f.set(i, f.r.serve())
	}
}

func (f *fleet) set(i int, p *proc) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.all[i] = p
}

// address is that of one of the processes, which may be dead.
func (f *fleet) address(n int) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	if p := f.all[n%len(f.all)]; p != nil {
		return p.address()
	}
	return ""
}

// killOne kills a process at a random moment, at times while it still starts, or
// just when an order is on its way, and starts another one in its place.
func (f *fleet) killOne() {
	f.r.t.Helper()
	switch f.r.rng.IntN(4) {
	case 0:
		f.r.pause(f.r.between(0, 200*time.Millisecond))
	case 1:
		f.r.pause(f.r.between(200*time.Millisecond, 1500*time.Millisecond))
	default:
		f.r.shops[0].atCreate(f.r, 1+f.r.rng.Int64N(5), 1500*time.Millisecond)
	}
	i := f.r.rng.IntN(len(f.all))
	f.all[i].kill()
	f.set(i, f.r.start())
}

// freezeOne stops a process for longer than its leases hold, and lets it go on:
// for less than a request to TotalGest may need to take effect. Meanwhile the
// other process works, if there is one, and at times a person exports by hand.
func (f *fleet) freezeOne() {
	f.r.t.Helper()
	p := f.all[f.r.rng.IntN(len(f.all))]
	if p.address() == "" {
		p.await()
	}
	if f.r.rng.IntN(2) == 0 {
		f.r.pause(f.r.between(50*time.Millisecond, 700*time.Millisecond))
	} else {
		f.r.shops[0].atCreate(f.r, 1, 700*time.Millisecond)
	}
	p.signal(syscall.SIGSTOP)
	byHand := make(chan struct{})
	go func() {
		defer close(byHand)
		s := f.r.shops[0]
		if ids := s.waiting(3); len(ids) > 0 {
			f.r.run(append([]string{"export", "-shop", s.id}, ids...)...) // it may be told that another has it
		}
	}()
	f.r.pause(f.r.between(lease*11/10, lease*19/10))
	p.signal(syscall.SIGCONT)
	<-byHand
}

// waiting returns some of the paid orders that TotalGest does not have.
func (s *shop) waiting(most int) []string {
	var out []string
	ledger := s.ledger()
	for id, p := range s.placements() {
		if len(out) < most && !p.paid.IsZero() && len(ledger[id]) == 0 {
			out = append(out, id)
		}
	}
	return out
}

// customers place orders by and by. Half of them are told to the connector by an
// event that is sent once; a quarter is paid later, which an event tells until
// it is accepted, as shops do, but for a few.
type customers struct {
	r                 *rig
	s                 *shop
	f                 *fleet
	rng               *rand.Rand
	done              chan struct{}
	payments          sync.WaitGroup
	mu                sync.Mutex
	accepted, refused int
}

func newCustomers(r *rig, s *shop, f *fleet, orders int, within time.Duration) *customers {
	c := &customers{r: r, s: s, f: f, rng: rand.New(rand.NewPCG(r.seed, 99)), done: make(chan struct{})}
	go func() {
		defer close(c.done)
		for n := range orders {
			c.one(n)
			r.pause(time.Duration(c.rng.Int64N(int64(2*within/time.Duration(orders)) + 1)))
		}
		c.payments.Wait()
	}()
	r.t.Cleanup(func() { <-c.done })
	return c
}

func (c *customers) wait() { <-c.done }

func (c *customers) one(n int) {
	later := c.rng.IntN(4) == 0
	id := c.s.place(1+c.rng.Int64N(9), !later)
	if c.rng.IntN(2) == 0 {
		c.payments.Go(func() { c.tell(n, id) })
	}
	if !later {
		return
	}
	wait, silent := time.Duration(c.rng.Int64N(int64(3*time.Second))), c.rng.IntN(10) == 0
	c.payments.Go(func() {
		c.r.pause(wait)
		c.s.pay(id)
		for k := n; !silent && c.r.t.Context().Err() == nil; k++ {
			if c.tell(k, id) {
				c.s.note(id, func(p *placement) { p.told = true })
				return
			}
			c.r.pause(200 * time.Millisecond)
		}
	})
}

// tell sends an event to one of the processes.
func (c *customers) tell(n int, id string) bool {
	ok := accepted(c.s.tell(c.r.t.Context(), c.f.address(n), id))
	c.mu.Lock()
	defer c.mu.Unlock()
	if ok {
		c.accepted++
	} else {
		c.refused++
	}
	return ok
}
