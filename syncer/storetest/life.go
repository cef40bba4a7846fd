package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"

	"github.com/tg360/tg360/syncer"
)

// spoil overwrites all that l shares with others.
func spoil(l *syncer.Link) {
	for i := range l.Problems {
		l.Problems[i] = syncer.Problem{Field: "spoilt", Message: "spoilt"}
	}
	for i := range l.Warnings {
		l.Warnings[i] = "spoilt"
	}
	// Into spare capacity, which may be shared as well.
	_ = append(l.Problems, syncer.Problem{Field: "spoilt"})
	_ = append(l.Warnings, "spoilt")
	l.State, l.DueAt, l.Title = syncer.Skipped, base, "spoilt"
}

func returnedValuesAreTheCallers(r *rig) error {
	want, _, err := r.stored()
	if err != nil {
		return err
	}
	d, err := r.Doc(r.ctx, shopA, "run")
	if err != nil {
		return err
	}
	d.Data = bytes.Clone(d.Data)
	for range 2 {
		listed, err := r.list(syncer.Query{})
		if err != nil {
			return err
		}
		due, err := r.list(syncer.Query{DueBy: want.DueAt})
		if err != nil {
			return err
		}
		got, err := r.Get(r.ctx, shopA, syncer.KindOrder, "1")
		if err != nil {
			return err
		}
		counted, err := r.Count(r.ctx, scoped(syncer.Query{}))
		if err != nil {
			return err
		}
		doc, err := r.Doc(r.ctx, d.Connection, d.Name)
		if err != nil {
			return err
		}
		for _, l := range slices.Concat(listed, due, got) {
			if err := same(l, want); err != nil {
				return err
			}
		}
		spoil(&listed[0])
		spoil(&due[0])
		spoil(&got[0])
		if counted != nil {
			counted[syncer.Skipped] = 9
		}
		clear(doc.Data)
		if err := errors.Join(r.holds(&want), r.holdsDoc(d)); err != nil {
			return fmt.Errorf("after changing what was returned: %w", err)
		}
		if err := r.counts("after changing what was returned", syncer.Query{}, map[syncer.State]int{want.State: 1}); err != nil {
			return err
		}
	}
	return nil
}

func passedValuesStayTheCallers(r *rig) error {
	want, passed := full("1"), full("1")
	passed.Problems = slices.Grow(passed.Problems, 4)
	passed.Warnings = slices.Grow(passed.Warnings, 4)
	if err := r.put(passed); err != nil {
		return err
	}
	want.Revision = passed.Revision
	if err := same(*passed, *want); err != nil {
		return fmt.Errorf("a Put changed more than the revision: %w", err)
	}
	if !slices.Equal(want.Warnings, passed.Warnings) || !slices.Equal(want.Problems, passed.Problems) {
		return errors.New("a Put changed the slices of what it was given")
	}
	spoil(passed)
	passed.Revision = 99
	if err := r.holds(want); err != nil {
		return fmt.Errorf("after changing what was stored: %w", err)
	}
	d := syncer.Doc{Connection: shopA, Name: "run", Data: []byte("data")}
	if err := r.putDoc(&d); err != nil {
		return err
	}
	kept := d
	kept.Data = bytes.Clone(d.Data)
	clear(d.Data)
	if err := r.holdsDoc(kept); err != nil {
		return fmt.Errorf("after changing what was stored: %w", err)
	}
	ids, skus := []string{"3", "1", "2", "1"}, []string{"SKU-2", "SKU-1", "SKU-2"}
	idsBefore, skusBefore := slices.Clone(ids), slices.Clone(skus)
	if _, err := r.get(ids...); err != nil {
		return err
	}
	if err := r.lists("by SKU", syncer.Query{SKUs: skus}, "1"); err != nil {
		return err
	}
	if !slices.Equal(ids, idsBefore) || !slices.Equal(skus, skusBefore) {
		return errors.New("a read changed the slices that it was given")
	}
	return nil
}

// calls are all methods but Close, each with something to do for the order 1 and
// the document run, of which v is the next version.
func (r *rig) calls(v int64, link syncer.Link, doc syncer.Doc) map[string]func(context.Context) error {
	link.Version, doc.Data = v, fmt.Append(nil, v)
	return map[string]func(context.Context) error{
		"Get": func(ctx context.Context) error {
			_, err := r.Get(ctx, shopA, syncer.KindOrder, "1")
			return err
		},
		"Put":   func(ctx context.Context) error { return r.Put(ctx, &link, order("2")) },
		"List":  func(ctx context.Context) error { _, err := r.List(ctx, scoped(syncer.Query{})); return err },
		"Count": func(ctx context.Context) error { _, err := r.Count(ctx, scoped(syncer.Query{})); return err },
		"Doc":   func(ctx context.Context) error { _, err := r.Doc(ctx, shopA, "run"); return err },
		"PutDoc": func(ctx context.Context) error {
			return r.PutDoc(ctx, &doc)
		},
	}
}

// stored puts the order 1 and the document run.
func (r *rig) stored() (syncer.Link, syncer.Doc, error) {
	l, passed := *full("1"), full("1")
	d := syncer.Doc{Connection: shopA, Name: "run", Data: []byte("0")}
	err := errors.Join(r.put(passed), r.putDoc(&d))
	l.Revision = passed.Revision
	return l, d, err
}

func endedContext(r *rig) error {
	link, doc, err := r.stored()
	if err != nil {
		return err
	}
	ended, end := context.WithCancel(r.ctx)
	end()
	for name, call := range r.calls(link.Version+1, link, doc) {
		if err := wantError(name+" with an ended ctx", call(ended), context.Canceled); err != nil {
			return err
		}
	}
	if err := errors.Join(r.holds(&link), r.lacks("2"), r.holdsDoc(doc)); err != nil {
		return fmt.Errorf("after calls with an ended ctx: %w", err)
	}
	for _, name := range []string{"Get", "Put", "List", "Count", "Doc", "PutDoc"} { // the store itself has not ended
		if err := r.calls(link.Version+1, link, doc)[name](r.ctx); err != nil {
			return fmt.Errorf("%s after calls with an ended ctx: %w", name, err)
		}
	}
	return nil
}

func closedStore(r *rig) error {
	link, doc, err := r.stored()
	if err != nil {
		return err
	}
	for range 3 {
		if err := r.Close(); err != nil {
			return fmt.Errorf("closing: %w", err)
		}
		for name, call := range r.calls(link.Version+1, link, doc) {
			if err := wantError(name+" after Close", call(r.ctx), syncer.ErrClosed); err != nil {
				return err
			}
		}
	}
	return nil
}

// closeWhileInUse closes the store under rivals that read and write. What they
// do meanwhile may fail in any way; what begins after Close must be ErrClosed.
func closeWhileInUse(r *rig) error {
	link, doc, err := r.stored()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(r.ctx)
	defer cancel()
	var begun, closed atomic.Int64
	return race(func(rival int) error {
		if rival < 2 { // two of them close, when the others are at work
			for begun.Load() < 10*rivals && ctx.Err() == nil {
				_, _ = r.Count(ctx, scoped(syncer.Query{})) // the other one may have closed it
				begun.Add(1)
			}
			err := r.Close()
			closed.Add(1)
			return err
		}
		for ctx.Err() == nil {
			begun.Add(1)
			over := closed.Load() > 0
			for name, call := range r.calls(int64(rival), link, doc) {
				if err := call(ctx); over && !errors.Is(err, syncer.ErrClosed) {
					return fmt.Errorf("%s after Close: error %v, want ErrClosed", name, err)
				}
			}
			if over {
				return nil
			}
		}
		return ctx.Err()
	})
}
