package storetest

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/tg360/tg360/syncer"
)

// model is a store that could not be plainer: no indexes, no locks.
type model struct {
	links map[syncer.Key]syncer.Link
	docs  map[syncer.Key]syncer.Doc // Kind is empty
}

// find returns the links that match, in order.
func (m *model) find(q syncer.Query) []syncer.Link {
	var found []syncer.Link
	for _, l := range m.links {
		if matches(&l, &q) {
			found = append(found, l)
		}
	}
	return inOrder(found, q)
}

// inOrder sorts and cuts what was found.
func inOrder(found []syncer.Link, q syncer.Query) []syncer.Link {
	slices.SortFunc(found, func(a, b syncer.Link) int {
		if !q.DueBy.IsZero() && !a.DueAt.Equal(b.DueAt) {
			return a.DueAt.Compare(b.DueAt)
		}
		return cmp.Compare(a.ID, b.ID)
	})
	if q.Limit > 0 && len(found) > q.Limit {
		found = found[:q.Limit]
	}
	return found
}

// matches is the contract of [syncer.Query], word by word.
func matches(l *syncer.Link, q *syncer.Query) bool {
	oneOf := func(list []string, v string) bool { return len(list) == 0 || slices.Contains(list, v) }
	lower := strings.ToLower
	text := lower(q.Text)
	switch {
	case l.Connection != q.Connection || l.Kind != q.Kind:
		return false
	case len(q.States) > 0 && !slices.Contains(q.States, l.State):
		return false
	case !oneOf(q.SKUs, l.SKU) || !oneOf(q.EANs, l.EAN) || !oneOf(q.PeerIDs, l.PeerID):
		return false
	case !oneOf(q.Codes, l.Code) && !slices.ContainsFunc(l.Warnings, func(w string) bool { return oneOf(q.Codes, w) }):
		return false
	case text != "" && lower(l.ID) != text && lower(l.PeerID) != text && lower(l.PeerNo) != text && lower(l.SKU) != text &&
		!strings.HasPrefix(lower(l.Title), text):
		return false
	case !q.DueBy.IsZero() && (l.DueAt.IsZero() || l.DueAt.After(q.DueBy)):
		return false
	}
	return q.After == "" || l.ID > q.After
}

// freshness is how a revision that is put relates to the stored one.
type freshness int

const (
	current freshness = iota
	zero
	behind
	ahead
)

func (f freshness) of(stored int64) int64 {
	switch f {
	case zero:
		return 0
	case behind:
		return stored - 1
	case ahead:
		return stored + 1
	}
	return stored
}

// agreesWithModel replays random histories, each with connections of its own, so
// that they can share a store.
func agreesWithModel(t *testing.T, s syncer.Store) {
	r, n := &rig{ctx: t.Context(), Store: s}, 0
	rapid.Check(t, func(t *rapid.T) {
		n++
		if err := r.replay(fmt.Sprintf("h%d-", n), rapid.Custom(history).Draw(t, "history")); err != nil {
			t.Fatal(err)
		}
	})
	if err := s.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
}

// replay does each step with the store and with a model, whose answers must
// agree. Names of connections get the prefix.
func (r *rig) replay(prefix string, history []step) error {
	m := &model{links: map[syncer.Key]syncer.Link{}, docs: map[syncer.Key]syncer.Doc{}}
	for i, s := range history {
		s.query.Connection, s.doc.Connection = prefix+s.query.Connection, prefix+s.doc.Connection
		var err error
		switch s.call {
		case "Put", "careless Put":
			err = r.replayPut(m, prefix, s.links)
		case "Get":
			err = r.replayGet(m, s)
		case "List":
			err = r.agrees(m, s.query)
		case "Count":
			err = r.replayCount(m, s.query)
		case "PutDoc":
			err = r.replayPutDoc(m, s.doc)
		}
		if err == nil && s.doc.Name != "" {
			err = r.agreesOnDoc(m, s.doc)
		}
		if err != nil {
			return fmt.Errorf("step %d of %d: %s: %w", i+1, len(history), s.call, err)
		}
	}
	for _, shop := range []string{shopA, shopB} {
		for _, kind := range []syncer.Kind{syncer.KindOrder, syncer.KindProduct} {
			if err := r.agrees(m, syncer.Query{Connection: prefix + shop, Kind: kind}); err != nil {
				return fmt.Errorf("in the end: %w", err)
			}
		}
	}
	return nil
}

func (r *rig) replayPut(m *model, prefix string, links []syncer.Link) error {
	var batch, stale []*syncer.Link
	keys := map[syncer.Key]bool{}
	for _, l := range links {
		l.Connection = prefix + l.Connection
		stored := m.links[l.Key].Revision
		l.Revision = freshness(l.Revision).of(stored)
		if l.Revision != stored {
			stale = append(stale, &l)
		}
		keys[l.Key] = true
		batch = append(batch, &l)
	}
	err := r.Put(r.ctx, batch...)
	switch {
	case len(keys) < len(batch):
		if err == nil || errors.Is(err, syncer.ErrStale) {
			return fmt.Errorf("the same key twice: error %v, want one that is not ErrStale", err)
		}
	case len(stale) > 0:
		return wantStale("stale links", err, stale...)
	case err != nil:
		return err
	default:
		for _, l := range batch {
			if l.Revision <= m.links[l.Key].Revision {
				return fmt.Errorf("revision %d after %d", l.Revision, m.links[l.Key].Revision)
			}
			m.links[l.Key] = *l
		}
	}
	return nil
}

func (r *rig) replayGet(m *model, s step) error {
	got, err := r.Get(r.ctx, s.query.Connection, s.query.Kind, s.ids...)
	if err != nil {
		return err
	}
	slices.SortFunc(got, func(a, b syncer.Link) int { return cmp.Compare(a.ID, b.ID) })
	want := slices.DeleteFunc(m.find(s.query), func(l syncer.Link) bool { return !slices.Contains(s.ids, l.ID) })
	return sameLinks(got, want)
}

// agrees compares what List answers.
func (r *rig) agrees(m *model, q syncer.Query) error {
	got, err := r.List(r.ctx, q)
	if err != nil {
		return err
	}
	return sameLinks(got, m.find(q))
}

func sameLinks(got, want []syncer.Link) error {
	if !slices.Equal(idsOf(got), idsOf(want)) {
		return fmt.Errorf("links %q, want %q", idsOf(got), idsOf(want))
	}
	for i := range got {
		if err := same(got[i], want[i]); err != nil {
			return err
		}
	}
	return nil
}

func (r *rig) replayCount(m *model, q syncer.Query) error {
	got, err := r.Count(r.ctx, q)
	if err != nil {
		return err
	}
	q.After, q.Limit = "", 0
	want := map[syncer.State]int{}
	for _, l := range m.find(q) {
		want[l.State]++
	}
	if !maps.Equal(got, want) {
		return fmt.Errorf("counts %v, want %v", got, want)
	}
	return nil
}

func (r *rig) replayPutDoc(m *model, d syncer.Doc) error {
	key := syncer.Key{Connection: d.Connection, ID: d.Name}
	stored := m.docs[key].Revision
	d.Revision = freshness(d.Revision).of(stored)
	fresh := d.Revision == stored
	err := r.PutDoc(r.ctx, &d)
	if !fresh {
		return wantError("stale document", err, syncer.ErrStale)
	}
	if err != nil {
		return err
	}
	if d.Revision <= stored {
		return fmt.Errorf("revision %d after %d", d.Revision, stored)
	}
	m.docs[key] = d
	return nil
}

func (r *rig) agreesOnDoc(m *model, d syncer.Doc) error {
	if want, ok := m.docs[syncer.Key{Connection: d.Connection, ID: d.Name}]; ok {
		return r.holdsDoc(want)
	}
	return r.lacksDoc(d.Connection, d.Name)
}
