package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tg360/tg360/examples/connector/internal/settings"
	"github.com/tg360/tg360/syncer"
	"golang.org/x/sync/errgroup"
)

// syncCmd runs one cycle of each kind.
type syncCmd struct {
	What []string `arg:"" optional:"" help:"Shops; none: all. Behind them products or orders; without it both."`
	JSON bool     `name:"json" help:"One JSON document."`
}

// cycleResult is one cycle of a shop.
type cycleResult struct {
	Shop  string      `json:"shop"`
	Kind  syncer.Kind `json:"kind"`
	Run   syncer.Run  `json:"run"`
	Error string      `json:"error,omitempty"`
}

// syncResult is what sync prints in JSON.
type syncResult struct {
	Cycles []cycleResult `json:"cycles"`
	Items  []item        `json:"items"` // that were worked on and are not where they should be
	Worked int           `json:"worked"`
	Paused []string      `json:"paused,omitempty"` // shops whose work stands still, and why
}

// Run runs the cycles and then works until what they found is done.
func (c *syncCmd) Run(ctx context.Context, p *program) error {
	word, ids := "", slices.Clone(c.What)
	if n := len(ids); n > 0 && (strings.EqualFold(ids[n-1], "products") || strings.EqualFold(ids[n-1], "orders")) {
		word, ids = ids[n-1], ids[:n-1]
	}
	which, err := kinds(word)
	if err != nil {
		return err
	}
	var seen touched
	x, err := p.open(ctx, ids, func(c *syncer.Config) { c.OnLink = seen.watch })
	if err != nil {
		return err
	}
	defer x.close()
	var result syncResult
	if err := x.cycles(ctx, which, &seen, &result); err != nil {
		return err
	}
	result.Items, result.Worked = seen.bad(x.settings.Lang)
	bad := len(result.Items) > 0
	for _, shop := range x.shops {
		if err := x.engine.Paused(shop.ID); err != nil {
			result.Paused = append(result.Paused, shop.ID+": "+err.Error())
			bad = true
		}
	}
	for _, r := range result.Cycles {
		bad = bad || r.Error != "" || r.Run.Rejected+r.Run.Failed > 0
	}
	if c.JSON {
		err = writeJSON(p.stdout, result)
	} else {
		c.print(printer{p.stdout, x.settings.Lang}, result)
	}
	if err == nil && bad {
		err = errFailed
	}
	return err
}

// cycles runs the cycles of all shops beside the work that they cause.
func (x *session) cycles(ctx context.Context, which []syncer.Kind, seen *touched, result *syncResult) error {
	working, stop := context.WithCancel(ctx)
	defer stop()
	work := make(chan error, 1)
	go func() { work <- x.engine.Work(working) }()
	var mu sync.Mutex
	var g errgroup.Group
	g.SetLimit(8)
	for _, shop := range x.shops {
		g.Go(func() error {
			for _, kind := range which {
				if run, on := x.cycle(shop, kind); on {
					r, err := patient(ctx, shop.ID, run)
					one := cycleResult{Shop: shop.ID, Kind: kind, Run: r}
					if err != nil {
						one.Error = err.Error()
					}
					mu.Lock()
					result.Cycles = append(result.Cycles, one)
					mu.Unlock()
				}
			}
			return x.settled(ctx, shop.ID, seen)
		})
	}
	err := g.Wait()
	stop()
	slices.SortStableFunc(result.Cycles, func(a, b cycleResult) int { return strings.Compare(a.Shop, b.Shop) })
	return errors.Join(err, <-work)
}

// cycle is the cycle of a kind, if the shop's settings want it.
func (x *session) cycle(shop *settings.Shop, kind syncer.Kind) (func(context.Context, string) (syncer.Run, error), bool) {
	if kind == syncer.KindProduct {
		return x.engine.SyncProducts, shop.Sync.Products != syncer.ProductsOff
	}
	return x.engine.PollOrders, shop.Sync.Orders != syncer.OrdersOff
}

// patient waits for its turn while another process runs the same cycle, up to
// the time after which a dead one's turn ends.
func patient(ctx context.Context, shop string, run func(context.Context, string) (syncer.Run, error)) (syncer.Run, error) {
	limit := time.Now().Add(3 * time.Minute)
	t := time.NewTicker(200 * time.Millisecond)
	defer t.Stop()
	for {
		r, err := run(ctx, shop)
		if !errors.Is(err, syncer.ErrBusy) || time.Now().After(limit) {
			return r, err
		}
		select {
		case <-ctx.Done():
			return r, ctx.Err()
		case <-t.C:
		}
	}
}

// settled waits until nothing of a shop is due or on its way.
func (x *session) settled(ctx context.Context, shop string, seen *touched) error {
	t := time.NewTicker(50 * time.Millisecond)
	defer t.Stop()
	for {
		which := []syncer.Kind{syncer.KindProduct, syncer.KindOrder}
		switch err := x.engine.Paused(shop); {
		case errors.Is(err, syncer.ErrUnconfirmed): // only its orders wait
			which = which[:1]
		case err != nil:
			return nil // its background work stands still
		}
		left := 0
		for _, kind := range which {
			due, err := x.store.Count(ctx, syncer.Query{Connection: shop, Kind: kind, DueBy: time.Now()})
			if err != nil {
				return fmt.Errorf("count what is left: %w", err)
			}
			moving, err := x.store.Count(ctx, syncer.Query{Connection: shop, Kind: kind, States: []syncer.State{syncer.Queued, syncer.Sending}})
			if err != nil {
				return fmt.Errorf("count what is left: %w", err)
			}
			for _, n := range due {
				left += n
			}
			left += moving[syncer.Queued] + moving[syncer.Sending]
		}
		if left+seen.working() == 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-t.C:
		}
	}
}

// print shows the cycles and what needs somebody.
func (c *syncCmd) print(out printer, r syncResult) {
	var rows [][]string
	for _, one := range r.Cycles {
		end := say(out.lang, "run.ok")
		if one.Error != "" {
			end = say(out.lang, "run.bad", one.Error)
		}
		n := one.Run
		rows = append(rows, []string{one.Shop, say(out.lang, "h."+string(one.Kind)+"s"), fmt.Sprint(n.Read), fmt.Sprint(n.Created), fmt.Sprint(n.Linked), fmt.Sprint(n.Updated),
			fmt.Sprint(n.Unchanged), fmt.Sprint(n.Rejected), fmt.Sprint(n.Failed), n.Ended.Sub(n.Started).Round(time.Millisecond).String(), end})
	}
	out.table([]string{"h.shop", "h.cycle", "h.read", "h.created", "h.linked", "h.updated", "h.unchanged", "h.rejected", "h.failed", "h.took", "h.end"}, rows)
	out.line("worked", r.Worked, len(r.Items))
	for _, why := range r.Paused {
		out.line("paused", oneLine(why))
	}
	if len(r.Items) > 0 {
		fmt.Fprintln(out.w)
		(&statusCmd{}).list(out, report{Items: r.Items}, true, 0)
	}
}

// touched remembers the orders that a syncer worked on, and of those that did
// not get where they should the link.
type touched struct {
	mu    sync.Mutex
	links map[syncer.Key]*syncer.Link
	busy  map[syncer.Key]bool // somebody of this process works on it
}

// watch is told of each change.
func (t *touched) watch(l syncer.Link) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.links == nil {
		t.links, t.busy = map[syncer.Key]*syncer.Link{}, map[syncer.Key]bool{}
	}
	if t.busy[l.Key] = true; l.Owner == "" {
		delete(t.busy, l.Key)
	}
	if l.Kind != syncer.KindOrder {
		return
	}
	t.links[l.Key] = nil
	switch l.State {
	case syncer.Blocked, syncer.Retrying, syncer.InDoubt, syncer.Conflict:
		t.links[l.Key] = &l
	}
}

// working counts the items that are being worked on.
func (t *touched) working() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.busy)
}

// bad returns the orders that did not get where they should, and how many were
// worked on.
func (t *touched) bad(lang string) ([]item, int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	out := []item{}
	for _, l := range t.links {
		if l != nil {
			out = append(out, newItem(l, lang))
		}
	}
	slices.SortFunc(out, func(a, b item) int { return strings.Compare(a.Shop+"\x00"+a.ID, b.Shop+"\x00"+b.ID) })
	return out, len(t.links)
}
