package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/tg360/tg360/syncer"
)

// retryCmd tries items again.
type retryCmd struct {
	What  []string `arg:"" optional:"" help:"products or orders (orders by default), and then the ids."`
	Shop  string   `placeholder:"SHOP" help:"The shop; may be left out when there is one."`
	State []string `placeholder:"STATE" help:"All that are in these states, instead of ids."`
}

// Run makes the items due at once: a running serve takes them with its next
// sweep.
func (c *retryCmd) Run(ctx context.Context, p *program) error {
	kind, ids := syncer.KindOrder, c.What
	if len(ids) > 0 {
		if which, err := kinds(ids[0]); err == nil && ids[0] != "" {
			kind, ids = which[0], ids[1:]
		}
	}
	in, err := states(c.State)
	if err != nil {
		return err
	}
	if (len(ids) == 0) == (len(in) == 0) {
		return usage("say which ones: either ids, or --state")
	}
	x, shop, err := p.openOne(ctx, c.Shop)
	if err != nil {
		return err
	}
	defer x.close()
	total, wanted := 0, len(ids)
	if len(in) == 0 {
		if total, err = x.engine.Retry(ctx, shop, kind, ids...); err != nil {
			return err
		}
	} else if total, wanted, err = x.retryStates(ctx, shop, kind, in); err != nil {
		return err
	}
	printer{p.stdout, x.settings.Lang}.line("retry", total, wanted)
	if total < wanted {
		return errFailed
	}
	return nil
}

// retryStates makes all due that are in these states, page by page.
func (x *session) retryStates(ctx context.Context, shop string, kind syncer.Kind, in []syncer.State) (total, wanted int, err error) {
	q := syncer.Query{Connection: shop, Kind: kind, States: in, Limit: 500}
	for {
		links, err := x.engine.List(ctx, q)
		if err != nil || len(links) == 0 {
			return total, wanted, err
		}
		var ids []string
		for _, l := range links {
			ids = append(ids, l.ID)
		}
		n, err := x.engine.Retry(ctx, shop, kind, ids...)
		if err != nil {
			return total, wanted, err
		}
		total, wanted, q.After = total+n, wanted+len(ids), ids[len(ids)-1]
	}
}

// decideCmd settles an order that only a person can settle.
type decideCmd struct {
	Order      string `arg:"" help:"The shop's id of the order."`
	Shop       string `placeholder:"SHOP" help:"The shop; may be left out when there is one."`
	Arrived    string `placeholder:"PEERID" xor:"answer" required:"" help:"It is in TotalGest, under this id."`
	NotArrived bool   `xor:"answer" required:"" help:"It is not there: send it again."`
}

// Help warns of the one thing that the program can't check.
func (*decideCmd) Help() string {
	return "Look into TotalGest first: the order's external id there is ORIGIN-ORDER. Saying that an order has not arrived which has makes it twice."
}

// Run settles the order as it is known now.
func (c *decideCmd) Run(ctx context.Context, p *program) error {
	x, shop, err := p.openOne(ctx, c.Shop)
	if err != nil {
		return err
	}
	defer x.close()
	seen, err := x.engine.Status(ctx, shop, syncer.KindOrder, c.Order)
	if err != nil {
		return err
	}
	if err := x.engine.Decide(ctx, seen[0], strings.TrimSpace(c.Arrived)); err != nil {
		return fmt.Errorf("order %s: %w", c.Order, err)
	}
	now, err := x.engine.Status(ctx, shop, syncer.KindOrder, c.Order)
	if err != nil {
		return err
	}
	printer{p.stdout, x.settings.Lang}.line("decided", c.Order, now[0].State.Label(x.settings.Lang))
	return nil
}
