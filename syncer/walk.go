package syncer

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"strconv"
	"time"

	"github.com/tg360/tg360/totalgest"
)

// walk is a walk over TotalGest's products, kept page by page: whoever finds it
// broken off goes on where it was.
type walk struct {
	Begun  time.Time `json:"begun"`            // our clock; zero: none is under way
	Since  time.Time `json:"since"`            // only what changed since; zero: everything
	Mark   time.Time `json:"mark"`             // the server's clock at the first page
	Cursor string    `json:"cursor,omitempty"` // of the page to go on with
	Pass   int       `json:"pass"`             // from 1
	Pages  int       `json:"pages"`            // of this pass, that held something
	Sum    uint64    `json:"sum"`              // of the ids of this pass, whatever their order
	Before uint64    `json:"before"`           // of the pass before, or of the last walk of everything
	Broken bool      `json:"broken,omitempty"` // this pass was broken off: it proves nothing about its edges
}

// full reports whether everything is walked.
func (w *walk) full() bool { return w.Since.IsZero() }

// maxPasses bounds how often a list that moves is read in one walk.
const maxPasses = 4

// errMoved ends a walk over a list of numbered pages that never stood still. What
// it showed was synced, and what it did not show was asked for one by one.
var errMoved = errors.New("the list changed each time while it was read: another walk may show more")

// beginWalk takes up a walk that was broken off, or starts one.
func (p *productCycle) beginWalk() {
	state, now := &p.lease.state, p.s.now()
	if w := &state.Walk; !w.Begun.IsZero() && now.Sub(w.Begun) < p.c.FullEvery {
		w.Broken = w.Broken || w.Cursor != "" || w.Pages > 0
		p.walk = *w
		return
	}
	p.walk = walk{Begun: now.Truncate(time.Microsecond), Pass: 1, Before: state.FullSum} // as a store keeps it
	filter := p.c.TotalGest.Can(totalgest.AbilityModifiedSince)
	if filter && !state.Watermark.IsZero() && now.Sub(state.FullAt) < p.c.FullEvery {
		p.walk.Since, p.walk.Before = state.Watermark.Add(-p.c.Overlap), 0
	}
}

// walkPages reads the list to its end. Numbered pages shift when something is
// added or removed while they are read, and a product slips over an edge: such a
// list is read again until two readings show the same.
func (p *productCycle) walkPages(ctx context.Context) error {
	w := &p.walk
	for {
		if err := p.pass(ctx); err != nil {
			return err
		}
		p.run.Passes, p.run.Digest = w.Pass, strconv.FormatUint(w.Sum, 16)
		still := w.Pages <= 1 || (w.Sum == w.Before && !w.Broken)
		switch {
		case p.c.TotalGest.Can(totalgest.AbilityCursor) || still:
			return nil
		case w.Pass >= maxPasses:
			return errMoved
		}
		w.Before, w.Sum = w.Sum, 0
		w.Pass, w.Pages, w.Cursor, w.Broken = w.Pass+1, 0, "", false
	}
}

// pass reads the list once, from where the walk stands.
func (p *productCycle) pass(ctx context.Context) error {
	err := p.passFrom(ctx)
	refused := errors.Is(err, totalgest.ErrInvalid) || errors.Is(err, totalgest.ErrNotFound) || errors.Is(err, totalgest.ErrArgument)
	if p.walk.Cursor != "" && refused && p.run.Pages == 0 {
		// The cursor of a walk that was broken off has expired: once more from the start.
		p.walk.Cursor, p.walk.Pages, p.walk.Sum, p.walk.Broken = "", 0, 0, false
		return p.passFrom(ctx)
	}
	return err
}

func (p *productCycle) passFrom(ctx context.Context) error {
	w := &p.walk
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	for page, err := range ahead(p.c.TotalGest.ProductPages(ctx, totalgest.ListOptions{UpdatedSince: w.Since, Cursor: w.Cursor})) {
		if err != nil {
			p.run.Resume = w.Cursor
			return fmt.Errorf("list products: %w", err)
		}
		if w.Mark.IsZero() {
			w.Mark = page.ServerTime
		}
		if err := p.page(ctx, page); err != nil {
			p.run.Resume = w.Cursor
			return err
		}
		w.turn(&page)
		if p.plan != nil {
			continue
		}
		if err := p.lease.update(ctx, func(state *cycle) { state.Walk = *w }); err != nil {
			return err
		}
	}
	return nil
}

// turn notes that a page was worked to its end.
func (w *walk) turn(page *totalgest.Page[totalgest.Product]) {
	w.Cursor = page.Next
	if len(page.Items)+len(page.Rejected) > 0 {
		w.Pages++
	}
	for i := range page.Items {
		w.Sum += idSum(page.Items[i].ID)
	}
	for _, err := range page.Rejected {
		w.Sum += idSum(recordID(err))
	}
}

func idSum(id string) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(id)) // never fails
	return h.Sum64()
}
