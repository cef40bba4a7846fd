package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"github.com/tg360/tg360/examples/connector/internal/probe"
	"github.com/tg360/tg360/examples/connector/internal/settings"
)

// probeCmd finds out how the two systems of a shop really speak.
type probeCmd struct {
	Shops  []string `arg:"" optional:"" name:"shop" help:"Shops; none: all."`
	Record string   `placeholder:"DIR" help:"Write shapes, without values, and draft profiles to DIR/SHOP, which must be new or empty."`
	JSON   bool     `name:"json" help:"One JSON document."`
}

// Help says what is shown and what is not.
func (*probeCmd) Help() string {
	return "A few reads for each operation that a sync needs, and never a write: what is allowed, which fields were found, and what can't be assumed and was measured. Shown and recorded are keys, kinds and counts, and no value of a record; only the names of order states and payment methods are shown, since the settings need them. What is recorded can be replayed by the fakes. docs/wire.md tells how to go on."
}

// probesAtATime bounds the shops that are probed side by side.
const probesAtATime = 8

// Run probes each shop.
func (c *probeCmd) Run(ctx context.Context, p *program) error {
	s, log, err := p.load(ctx, slog.LevelError)
	if err != nil {
		return err
	}
	shops, err := choose(s, c.Shops)
	if err != nil {
		return err
	}
	reports, errs := make([]probe.Report, len(shops)), make([]error, len(shops))
	var g sync.WaitGroup
	limit := make(chan struct{}, probesAtATime)
	for i, shop := range shops {
		g.Go(func() {
			limit <- struct{}{}
			defer func() { <-limit }()
			reports[i], errs[i] = c.one(ctx, s, shop, log)
		})
	}
	g.Wait()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if c.JSON {
		err = writeJSON(p.stdout, reports)
	} else {
		for i := range reports {
			if errs[i] == nil {
				err = errors.Join(err, reports[i].Write(p.stdout, cmp.Or(shops[i].Lang, s.Lang)))
			}
		}
	}
	if err = errors.Join(append(errs, err)...); err != nil {
		return err
	}
	for _, r := range reports {
		if !r.Ready {
			return errFailed
		}
	}
	return nil
}

func (c *probeCmd) one(ctx context.Context, s *settings.Settings, shop *settings.Shop, log *slog.Logger) (probe.Report, error) {
	config := probe.Config{Shop: shop.ID, TotalGest: shop.TotalGestConfig(s.AllowHTTP), Framework360: shop.Framework360Config(s.AllowHTTP), Record: c.Record}
	config.TotalGest.Logger, config.Framework360.Logger = log, log
	r, err := probe.Run(ctx, config)
	if err != nil {
		err = fmt.Errorf("shop %s: %w", shop.ID, err)
	}
	return r, err
}
