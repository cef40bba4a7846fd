package probe

import (
	"cmp"
	"context"
	"errors"
	"path/filepath"
	"time"

	"github.com/tg360/tg360/framework360"
	"github.com/tg360/tg360/totalgest"
)

// Config says what to probe.
type Config struct {
	Shop         string // id of the connection
	TotalGest    totalgest.Config
	Framework360 framework360.Config
	// Record is a folder for shapes and draft profiles, of which a folder with
	// the shop's id is made; it must not be there yet, or be empty. Empty: none.
	Record string
	// Within bounds one call with all waiting; 0: 1 minute.
	Within time.Duration
	// Now is the clock; nil: time.Now.
	Now func() time.Time
}

// Run probes one shop by reads alone, a few for each operation and one after
// the other, at the clients' own rate. What a system refuses or lacks is part of
// the report; an error means that the probe could not be made: settings that a
// client refuses, a folder that can't be written, or the end of ctx.
func Run(ctx context.Context, c Config) (Report, error) {
	now := time.Now
	if c.Now != nil {
		now = c.Now
	}
	r := Report{Shop: c.Shop, At: now().UTC().Truncate(time.Second)}
	if err := vacant(c); err != nil {
		return r, err
	}
	within := cmp.Or(c.Within, time.Minute)
	t, err := newERP(c.TotalGest, within, now)
	if err != nil {
		return r, err
	}
	defer t.close()
	f, err := newShop(c.Framework360, within, now)
	if err != nil {
		return r, err
	}
	defer f.close()
	if err := errors.Join(erp(ctx, t, c.TotalGest), shop(ctx, f)); err != nil {
		return r, err
	}
	for _, s := range []*side{t, f} {
		out, err := s.conclude(r.At)
		if err != nil {
			return r, err
		}
		r.Systems = append(r.Systems, out)
	}
	if err := r.judge(t, f); err != nil {
		return r, err
	}
	if err := r.advise(t, f, c); err != nil {
		return r, err
	}
	if c.Record != "" {
		err = r.record(filepath.Join(c.Record, c.Shop))
	}
	return r, err
}
