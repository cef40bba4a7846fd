package storetest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/tg360/tg360/syncer"
)

// The connections of the suite.
const (
	shopA = "shop-a"
	shopB = "shop-b"
)

// base is when everything in the suite happens: a time of whole microseconds.
var base = time.Date(2026, 3, 9, 10, 30, 0, 123456000, time.UTC)

// rig is a store with what the rules do to it again and again.
type rig struct {
	ctx context.Context // of the rule
	syncer.Store
}

// order returns a new link of an order of shopA.
func order(id string) *syncer.Link {
	return &syncer.Link{Key: syncer.Key{Connection: shopA, Kind: syncer.KindOrder, ID: id}, State: syncer.Queued}
}

// orders returns links with these ids.
func orders(ids ...string) []*syncer.Link {
	links := make([]*syncer.Link, len(ids))
	for i, id := range ids {
		links[i] = order(id)
	}
	return links
}

// numbered returns n links with ids of five digits, in order, with prefix.
func numbered(prefix string, n int) []*syncer.Link {
	links := make([]*syncer.Link, n)
	for i := range links {
		links[i] = order(fmt.Sprintf("%s%05d", prefix, i))
	}
	return links
}

func idsOf[L syncer.Link | *syncer.Link](links []L) []string {
	ids := make([]string, len(links))
	for i, l := range links {
		switch l := any(l).(type) {
		case syncer.Link:
			ids[i] = l.ID
		case *syncer.Link:
			ids[i] = l.ID
		}
	}
	return ids
}

// put is Put, in batches of a size that a sync uses.
func (r *rig) put(links ...*syncer.Link) error {
	for batch := range slices.Chunk(links, 500) {
		if err := r.Put(r.ctx, batch...); err != nil {
			return fmt.Errorf("putting %d links: %w", len(batch), err)
		}
	}
	return nil
}

// get returns the orders of shopA with these ids, by id.
func (r *rig) get(ids ...string) (map[string]syncer.Link, error) {
	links, err := r.Get(r.ctx, shopA, syncer.KindOrder, ids...)
	if err != nil {
		return nil, fmt.Errorf("getting %d ids: %w", len(ids), err)
	}
	byID := make(map[string]syncer.Link, len(links))
	for _, l := range links {
		if _, twice := byID[l.ID]; twice {
			return nil, fmt.Errorf("link %q is returned twice", l.ID)
		}
		byID[l.ID] = l
	}
	return byID, nil
}

// one returns the order of shopA with this id, which must be there.
func (r *rig) one(id string) (syncer.Link, error) {
	links, err := r.get(id)
	if err != nil {
		return syncer.Link{}, err
	}
	l, ok := links[id]
	if !ok || len(links) != 1 {
		return syncer.Link{}, fmt.Errorf("%d links returned for %q and not that one", len(links), id)
	}
	return l, nil
}

// holds complains unless Get returns each link as it is.
func (r *rig) holds(links ...*syncer.Link) error {
	got, err := r.get(idsOf(links)...)
	if err != nil {
		return err
	}
	for _, want := range links {
		l, ok := got[want.ID]
		if !ok {
			return fmt.Errorf("%q is not there", want.ID)
		}
		if err := same(l, *want); err != nil {
			return err
		}
	}
	return nil
}

// lacks complains if any of these orders is there.
func (r *rig) lacks(ids ...string) error {
	got, err := r.get(ids...)
	if err == nil && len(got) > 0 {
		err = fmt.Errorf("%d of %d links are there that must not be", len(got), len(ids))
	}
	return err
}

// list is List of the orders of shopA, unless q says otherwise.
func (r *rig) list(q syncer.Query) ([]syncer.Link, error) {
	links, err := r.List(r.ctx, scoped(q))
	if err != nil {
		return nil, fmt.Errorf("listing: %w", err)
	}
	return links, nil
}

func scoped(q syncer.Query) syncer.Query {
	if q.Connection == "" {
		q.Connection = shopA
	}
	if q.Kind == "" {
		q.Kind = syncer.KindOrder
	}
	return q
}

// lists complains unless List returns links with these ids in this order.
func (r *rig) lists(what string, q syncer.Query, want ...string) error {
	links, err := r.list(q)
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	if got := idsOf(links); !slices.Equal(got, want) {
		return fmt.Errorf("%s: List returned %q, want %q", what, got, want)
	}
	return nil
}

// counts complains unless Count returns want.
func (r *rig) counts(what string, q syncer.Query, want map[syncer.State]int) error {
	got, err := r.Count(r.ctx, scoped(q))
	if err != nil {
		return fmt.Errorf("%s: Count: %w", what, err)
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		return fmt.Errorf("%s: Count (-want +got):\n%s", what, diff)
	}
	return nil
}

// likeness is how links and documents are compared: times as instants to the
// microsecond, nil slices as empty ones.
var likeness = cmp.Options{
	cmpopts.EquateEmpty(),
	cmp.Comparer(func(a, b time.Time) bool {
		return a.IsZero() == b.IsZero() && a.Sub(b).Abs() < time.Microsecond
	}),
}

// same complains about a link that is not as it was stored.
func same(got, want syncer.Link) error {
	if reflect.DeepEqual(plain(got), plain(want)) { // nearly always, and much faster
		return nil
	}
	if diff := cmp.Diff(want, got, likeness); diff != "" {
		return fmt.Errorf("%s %q differs (-stored +read):\n%s", want.Kind, want.ID, diff)
	}
	return nil
}

// plain returns l in a form that equal links share.
func plain(l syncer.Link) syncer.Link {
	for _, t := range []*time.Time{&l.DueAt, &l.LeaseEnds, &l.SentBy, &l.ClearedAt, &l.Created, &l.SeenAt, &l.SyncedAt, &l.WalkedAt} {
		*t = t.UTC().Truncate(time.Microsecond)
	}
	if len(l.Problems) == 0 {
		l.Problems = nil
	}
	if len(l.Warnings) == 0 {
		l.Warnings = nil
	}
	return l
}

// wantError complains unless err is target.
func wantError(what string, err, target error) error {
	if !errors.Is(err, target) {
		return fmt.Errorf("%s: error %v, want %v", what, err, target)
	}
	return nil
}

// wantStale complains unless err is a *StaleError that names just these links.
func wantStale(what string, err error, links ...*syncer.Link) error {
	var stale *syncer.StaleError
	if !errors.As(err, &stale) || !errors.Is(err, syncer.ErrStale) {
		return fmt.Errorf("%s: error %v, want a *StaleError", what, err)
	}
	named := map[syncer.Key]int{}
	for _, k := range stale.Keys {
		named[k]++
	}
	want := map[syncer.Key]int{}
	for _, l := range links {
		want[l.Key] = 1
	}
	if diff := cmp.Diff(want, named); diff != "" {
		return fmt.Errorf("%s: keys of the StaleError (-want +got):\n%s", what, diff)
	}
	return nil
}
