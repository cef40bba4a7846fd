package storetest

import (
	"errors"
	"fmt"
	"sync"

	"github.com/tg360/tg360/syncer"
)

func newNeedsRevisionZero(r *rig) error {
	for _, revision := range []int64{1, 7, -1} {
		l := order("1")
		l.Revision = revision
		if err := wantStale(fmt.Sprintf("new link of revision %d", revision), r.Put(r.ctx, l), l); err != nil {
			return err
		}
		if l.Revision != revision {
			return fmt.Errorf("a refused Put set the revision to %d", l.Revision)
		}
	}
	if err := r.lacks("1"); err != nil {
		return fmt.Errorf("refused: %w", err)
	}
	l := order("1")
	if err := r.put(l); err != nil {
		return err
	}
	if l.Revision <= 0 {
		return fmt.Errorf("the first revision is %d, want more than 0", l.Revision)
	}
	return nil
}

func stalePutIsRefused(r *rig) error {
	current, old := order("1"), order("1")
	if err := r.put(current); err != nil {
		return err
	}
	old.Revision = current.Revision
	current.State, current.SKU = syncer.Synced, "SKU-2"
	if err := r.put(current); err != nil {
		return err
	}
	for what, revision := range map[string]int64{"old": old.Revision, "new": 0, "future": current.Revision + 1} {
		l := order("1")
		l.Revision, l.State, l.SKU = revision, syncer.Skipped, "SKU-3"
		if err := wantStale("Put of a link of "+what+" revision", r.Put(r.ctx, l), l); err != nil {
			return err
		}
		if l.Revision != revision {
			return fmt.Errorf("a refused Put of %s revision changed it to %d", what, l.Revision)
		}
		if err := r.holds(current); err != nil {
			return fmt.Errorf("after a refused Put of %s revision: %w", what, err)
		}
		if err := r.lists("what a refused Put would have set", syncer.Query{SKUs: []string{"SKU-3"}}); err != nil {
			return err
		}
	}
	return r.put(current) // a refusal leaves the revision alone
}

// batchIsAllOrNone puts good links around stale ones.
func batchIsAllOrNone(r *rig) error {
	before := numbered("", 300)
	if err := r.put(before...); err != nil {
		return err
	}
	var batch, stale []*syncer.Link
	for i, l := range before {
		next := *l
		next.Version, next.SKU = 1, "SKU-"+l.ID
		if i%100 == 50 {
			next.Revision++
			stale = append(stale, &next)
		}
		batch = append(batch, &next)
	}
	fresh, claimed, taken := order("new-1"), order("new-2"), order(before[7].ID)
	claimed.Revision = 3 // though it is new
	batch[7] = taken     // said to be new
	stale = append(stale, claimed, taken)
	batch = append([]*syncer.Link{fresh}, append(batch, claimed)...)
	revisions := revisionsOf(batch)
	if err := wantStale("batch with stale links", r.Put(r.ctx, batch...), stale...); err != nil {
		return err
	}
	for i, now := range revisionsOf(batch) {
		if now != revisions[i] {
			return fmt.Errorf("a refused batch changed the revision of %q from %d to %d", batch[i].ID, revisions[i], now)
		}
	}
	if err := errors.Join(r.holds(before...), r.lacks(fresh.ID, claimed.ID)); err != nil {
		return fmt.Errorf("after a refused batch: %w", err)
	}
	return r.lists("what a refused batch would have set", syncer.Query{SKUs: []string{"SKU-00000", "SKU-00299"}})
}

func revisionsOf(links []*syncer.Link) []int64 {
	out := make([]int64, len(links))
	for i, l := range links {
		out[i] = l.Revision
	}
	return out
}

func sameKeyTwiceIsRefused(r *rig) error {
	stored := order("1")
	if err := r.put(stored); err != nil {
		return err
	}
	again, twin := *stored, *stored
	again.Version, twin.Version = 1, 2
	next := again
	next.Revision++ // as if the first of the two had been stored
	fresh := order("2")
	for what, batch := range map[string][]*syncer.Link{
		"the same new link twice": {fresh, fresh}, "two new links": {order("2"), order("3"), order("2")},
		"two updates": {&again, order("2"), &twin}, "two updates in turn": {&again, order("2"), &next},
	} {
		err := r.Put(r.ctx, batch...)
		if err == nil || errors.Is(err, syncer.ErrStale) {
			return fmt.Errorf("%s: error %v, want one that is not ErrStale", what, err)
		}
		if err := errors.Join(r.holds(stored), r.lacks("2", "3")); err != nil {
			return fmt.Errorf("after %s: %w", what, err)
		}
	}
	// An id is taken only within its connection and kind.
	elsewhere, product := order("2"), order("2")
	elsewhere.Connection, product.Kind = shopB, syncer.KindProduct
	return r.put(fresh, elsewhere, product)
}

func partOfAKeyIsRefused(r *rig) error {
	for _, cut := range []func(*syncer.Key){
		func(k *syncer.Key) { k.Connection = "" }, func(k *syncer.Key) { k.Kind = "" }, func(k *syncer.Key) { k.ID = "" },
	} {
		odd := order("2")
		cut(&odd.Key)
		if err := r.Put(r.ctx, order("1"), odd); err == nil || errors.Is(err, syncer.ErrStale) {
			return fmt.Errorf("key %+v: error %v, want one that is not ErrStale", odd.Key, err)
		}
	}
	return r.lacks("1")
}

func revisionGrows(r *rig) error {
	l := order("1")
	last := l.Revision
	for i := range 20 {
		if i%2 == 0 {
			l.Version++ // and every other Put changes nothing
		}
		if err := r.put(l); err != nil {
			return err
		}
		if l.Revision <= last {
			return fmt.Errorf("the Put no. %d left the revision at %d after %d", i+1, l.Revision, last)
		}
		last = l.Revision
		if err := r.holds(l); err != nil {
			return err
		}
	}
	return nil
}

// rivals is how many goroutines want the same thing.
const rivals = 8

// race runs f at once in several goroutines and joins their errors.
func race(f func(rival int) error) error {
	errs := make([]error, rivals)
	start := make(chan struct{})
	var wg sync.WaitGroup
	for i := range rivals {
		wg.Go(func() {
			<-start
			errs[i] = f(i)
		})
	}
	close(start)
	wg.Wait()
	return errors.Join(errs...)
}

// contest lets rivals put the links that they made from one state, and says who
// won: just one may, and to the others the first link is stale.
func (r *rig) contest(entry func(rival int) []*syncer.Link) (*syncer.Link, error) {
	won := make([]*syncer.Link, rivals)
	err := race(func(i int) error {
		links := entry(i)
		err := r.Put(r.ctx, links...)
		if err == nil {
			won[i] = links[0]
			return nil
		}
		return wantStale("Put of a claim that came too late", err, links...)
	})
	if err != nil {
		return nil, err
	}
	var winner *syncer.Link
	for _, l := range won {
		if l != nil && winner != nil {
			return nil, fmt.Errorf("both %s and %s hold the claim", winner.Owner, l.Owner)
		}
		if l != nil {
			winner = l
		}
	}
	if winner == nil {
		return nil, errors.New("nobody holds the claim")
	}
	return winner, nil
}

func ownerName(rival int) string { return fmt.Sprintf("owner-%d", rival) }

// oneClaimWins claims a link again and again, from its newest revision.
func oneClaimWins(r *rig) error {
	l := order("1")
	if err := r.put(l); err != nil {
		return err
	}
	for round := range 25 {
		current, err := r.one("1")
		if err != nil {
			return err
		}
		winner, err := r.contest(func(i int) []*syncer.Link {
			claim := current
			claim.Owner, claim.LeaseEnds = ownerName(i), base
			return []*syncer.Link{&claim}
		})
		if err == nil {
			err = r.holds(winner)
		}
		if err != nil {
			return fmt.Errorf("round %d: %w", round, err)
		}
	}
	return nil
}

// oneCreationWins makes the same new links in several goroutines.
func oneCreationWins(r *rig) error {
	for round := range 25 {
		ids := []string{fmt.Sprintf("%d-a", round), fmt.Sprintf("%d-b", round)}
		winner, err := r.contest(func(i int) []*syncer.Link {
			links := orders(ids...)
			links[0].Owner, links[1].Owner = ownerName(i), ownerName(i)
			return links
		})
		if err != nil {
			return fmt.Errorf("round %d: %w", round, err)
		}
		got, err := r.get(ids...)
		if err != nil {
			return err
		}
		if a, b := got[ids[0]].Owner, got[ids[1]].Owner; a != winner.Owner || b != winner.Owner {
			return fmt.Errorf("round %d: %s won, stored are links of %q and %q", round, winner.Owner, a, b)
		}
	}
	return nil
}

// noUpdateIsLost lets rivals raise figures in the same links, half of them in
// the opposite order, until each has done it a number of times.
func noUpdateIsLost(r *rig) error {
	const each = 10
	ids := idsOf(numbered("", 20))
	if err := r.put(orders(ids...)...); err != nil {
		return err
	}
	var all sync.WaitGroup // have read, and so start from the same revisions
	all.Add(rivals)
	together := func() {
		all.Done()
		all.Wait()
	}
	err := race(func(rival int) error {
		first := sync.OnceFunc(together)
		for done := 0; done < each; {
			got, err := r.get(ids...)
			first()
			if err != nil {
				return err
			}
			var batch []*syncer.Link
			for i := range ids {
				if rival%2 == 1 {
					i = len(ids) - 1 - i
				}
				l := got[ids[i]]
				l.Version++
				batch = append(batch, &l)
			}
			switch err := r.Put(r.ctx, batch...); {
			case err == nil:
				done++
			case !errors.Is(err, syncer.ErrStale):
				return fmt.Errorf("putting beside others: %w", err)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	got, err := r.get(ids...)
	if err != nil {
		return err
	}
	for id, l := range got {
		if l.Version != rivals*each {
			return fmt.Errorf("%q was raised to %d by %d updates", id, l.Version, rivals*each)
		}
	}
	return nil
}
