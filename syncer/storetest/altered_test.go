package storetest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"unicode/utf8"

	"github.com/tg360/tg360/syncer"
)

// altered is a store with some of its methods replaced.
type altered struct {
	syncer.Store
	get    func(ctx context.Context, connection string, kind syncer.Kind, ids ...string) ([]syncer.Link, error)
	put    func(ctx context.Context, links ...*syncer.Link) error
	list   func(ctx context.Context, q syncer.Query) ([]syncer.Link, error)
	count  func(ctx context.Context, q syncer.Query) (map[syncer.State]int, error)
	doc    func(ctx context.Context, connection, name string) (syncer.Doc, error)
	putDoc func(ctx context.Context, d *syncer.Doc) error
	close  func() error
}

func (s altered) Get(ctx context.Context, connection string, kind syncer.Kind, ids ...string) ([]syncer.Link, error) {
	if s.get != nil {
		return s.get(ctx, connection, kind, ids...)
	}
	return s.Store.Get(ctx, connection, kind, ids...)
}

func (s altered) Put(ctx context.Context, links ...*syncer.Link) error {
	if s.put != nil {
		return s.put(ctx, links...)
	}
	return s.Store.Put(ctx, links...)
}

func (s altered) List(ctx context.Context, q syncer.Query) ([]syncer.Link, error) {
	if s.list != nil {
		return s.list(ctx, q)
	}
	return s.Store.List(ctx, q)
}

func (s altered) Count(ctx context.Context, q syncer.Query) (map[syncer.State]int, error) {
	if s.count != nil {
		return s.count(ctx, q)
	}
	return s.Store.Count(ctx, q)
}

func (s altered) Doc(ctx context.Context, connection, name string) (syncer.Doc, error) {
	if s.doc != nil {
		return s.doc(ctx, connection, name)
	}
	return s.Store.Doc(ctx, connection, name)
}

func (s altered) PutDoc(ctx context.Context, d *syncer.Doc) error {
	if s.putDoc != nil {
		return s.putDoc(ctx, d)
	}
	return s.Store.PutDoc(ctx, d)
}

func (s altered) Close() error {
	if s.close != nil {
		return s.close()
	}
	return s.Store.Close()
}

// alteration makes a store out of a sound one.
type alteration func(syncer.Store) syncer.Store

// asked passes what change makes of each query.
func asked(change func(*syncer.Query)) alteration {
	return func(s syncer.Store) syncer.Store {
		return altered{Store: s,
			list: func(ctx context.Context, q syncer.Query) ([]syncer.Link, error) {
				change(&q)
				return s.List(ctx, q)
			},
			count: func(ctx context.Context, q syncer.Query) (map[syncer.State]int, error) {
				change(&q)
				return s.Count(ctx, q)
			},
		}
	}
}

// listed returns what change makes of each list.
func listed(change func(q syncer.Query, found []syncer.Link) []syncer.Link) alteration {
	return func(s syncer.Store) syncer.Store {
		return altered{Store: s, list: func(ctx context.Context, q syncer.Query) ([]syncer.Link, error) {
			found, err := s.List(ctx, q)
			return change(q, found), err
		}}
	}
}

// filtered decides itself which links match, given all of them in order.
func filtered(match func(l *syncer.Link, q *syncer.Query) bool) alteration {
	return func(s syncer.Store) syncer.Store {
		return altered{Store: s, list: func(ctx context.Context, q syncer.Query) ([]syncer.Link, error) {
			found, err := s.List(ctx, syncer.Query{Connection: q.Connection, Kind: q.Kind})
			found = slices.DeleteFunc(found, func(l syncer.Link) bool { return !match(&l, &q) })
			return inOrder(found, q), err
		}}
	}
}

// read returns what change makes of each link read.
func read(change func(*syncer.Link)) alteration {
	return func(s syncer.Store) syncer.Store {
		each := func(found []syncer.Link, err error) ([]syncer.Link, error) {
			for i := range found {
				change(&found[i])
			}
			return found, err
		}
		return altered{Store: s,
			get: func(ctx context.Context, connection string, kind syncer.Kind, ids ...string) ([]syncer.Link, error) {
				return each(s.Get(ctx, connection, kind, ids...))
			},
			list: func(ctx context.Context, q syncer.Query) ([]syncer.Link, error) { return each(s.List(ctx, q)) },
		}
	}
}

// written stores what change makes of each link, given the stored one.
func written(change func(l *syncer.Link, stored syncer.Link)) alteration {
	return func(s syncer.Store) syncer.Store {
		return altered{Store: s, put: func(ctx context.Context, links ...*syncer.Link) error {
			var changed []*syncer.Link
			for _, l := range links {
				stored, err := s.Get(ctx, l.Connection, l.Kind, l.ID)
				if err != nil {
					return err
				}
				c := *l
				change(&c, append(stored, syncer.Link{})[0])
				changed = append(changed, &c)
			}
			if err := s.Put(ctx, changed...); err != nil {
				return err
			}
			for i, l := range links {
				l.Revision = changed[i].Revision
			}
			return nil
		}}
	}
}

// fieldsOf returns what a link holds beside its key and revision.
func fieldsOf(l *syncer.Link) map[string]reflect.Value {
	fields := map[string]reflect.Value{}
	v := reflect.ValueOf(l).Elem()
	for i := range v.NumField() {
		fields[v.Type().Field(i).Name] = v.Field(i)
	}
	delete(fields, "Key")
	delete(fields, "Revision")
	return fields
}

func loses(field string) alteration {
	return read(func(l *syncer.Link) { fieldsOf(l)[field].SetZero() })
}

// keeps does not overwrite a field with its zero value.
func keeps(field string) alteration {
	return written(func(l *syncer.Link, stored syncer.Link) {
		if f := fieldsOf(l)[field]; f.IsZero() {
			f.Set(fieldsOf(&stored)[field])
		}
	})
}

// lastComeWins takes links and documents of any revision.
func lastComeWins(s syncer.Store) syncer.Store {
	var mu sync.Mutex
	force := written(func(l *syncer.Link, stored syncer.Link) { l.Revision = stored.Revision })(s).(altered)
	put := force.put
	force.put = func(ctx context.Context, links ...*syncer.Link) error {
		mu.Lock()
		defer mu.Unlock()
		return put(ctx, links...)
	}
	force.putDoc = func(ctx context.Context, d *syncer.Doc) error {
		mu.Lock()
		defer mu.Unlock()
		if stored, err := s.Doc(ctx, d.Connection, d.Name); err == nil {
			d.Revision = stored.Revision
		} else {
			d.Revision = 0
		}
		return s.PutDoc(ctx, d)
	}
	return force
}

// oneByOne puts each link by itself.
func oneByOne(s syncer.Store) syncer.Store {
	return altered{Store: s, put: func(ctx context.Context, links ...*syncer.Link) error {
		var all syncer.StaleError
		for _, l := range links {
			var stale *syncer.StaleError
			c := *l
			if err := s.Put(ctx, &c); errors.As(err, &stale) {
				all.Keys = append(all.Keys, stale.Keys...)
			} else if err != nil {
				return err
			}
		}
		if all.Keys != nil {
			return &all
		}
		for _, l := range links {
			l.Revision++ // as the store counts
		}
		return nil
	}}
}

// stales changes the error of a refused Put.
func stales(change func(links []*syncer.Link, err *syncer.StaleError) error) alteration {
	return func(s syncer.Store) syncer.Store {
		return altered{Store: s, put: func(ctx context.Context, links ...*syncer.Link) error {
			err := s.Put(ctx, links...)
			var stale *syncer.StaleError
			if errors.As(err, &stale) {
				return change(links, stale)
			}
			return err
		}}
	}
}

// keyed gives links another key in the store.
func keyed(change func(*syncer.Key)) alteration {
	return func(s syncer.Store) syncer.Store {
		in := func(links []*syncer.Link, put func(links ...*syncer.Link) error) error {
			inner := make([]*syncer.Link, len(links))
			for i, l := range links {
				c := *l
				change(&c.Key)
				c.Parts = l.Connection + "|" + string(l.Kind) + "|" + l.ID
				inner[i] = &c
			}
			if err := put(inner...); err != nil {
				return err
			}
			for i, l := range links {
				l.Revision = inner[i].Revision
			}
			return nil
		}
		out := func(found []syncer.Link, err error) ([]syncer.Link, error) {
			for i := range found {
				part := strings.SplitN(found[i].Parts, "|", 3)
				found[i].Key = syncer.Key{Connection: part[0], Kind: syncer.Kind(part[1]), ID: part[2]}
				found[i].Parts = ""
			}
			return found, err
		}
		return altered{Store: s,
			put: func(ctx context.Context, links ...*syncer.Link) error {
				return in(links, func(links ...*syncer.Link) error { return s.Put(ctx, links...) })
			},
			get: func(ctx context.Context, connection string, kind syncer.Kind, ids ...string) ([]syncer.Link, error) {
				var inner []string
				k := syncer.Key{Connection: connection, Kind: kind}
				for _, id := range ids {
					k.Connection, k.Kind, k.ID = connection, kind, id
					change(&k)
					inner = append(inner, k.ID)
				}
				return out(s.Get(ctx, k.Connection, k.Kind, inner...))
			},
			list: func(ctx context.Context, q syncer.Query) ([]syncer.Link, error) {
				k := syncer.Key{Connection: q.Connection, Kind: q.Kind, ID: q.After}
				change(&k)
				q.Connection, q.Kind, q.After = k.Connection, k.Kind, k.ID
				return out(s.List(ctx, q))
			},
		}
	}
}

// sharesOut hands out the same slices every time.
func sharesOut(s syncer.Store) syncer.Store {
	var mu sync.Mutex
	handed := map[string][]syncer.Problem{}
	return read(func(l *syncer.Link) {
		mu.Lock()
		defer mu.Unlock()
		k := fmt.Sprint(l.Key, l.Revision)
		if handed[k] == nil {
			handed[k] = l.Problems
		}
		l.Problems = handed[k]
	})(s)
}

// sharesIn keeps the slices that it was given.
func sharesIn(s syncer.Store) syncer.Store {
	var given sync.Map
	a := read(func(l *syncer.Link) {
		if w, ok := given.Load(l.Key); ok {
			l.Warnings = w.([]string)
		}
	})(s).(altered)
	a.put = func(ctx context.Context, links ...*syncer.Link) error {
		for _, l := range links {
			given.Store(l.Key, l.Warnings)
		}
		return s.Put(ctx, links...)
	}
	return a
}

// docsShared hands out and keeps the caller's bytes.
func docsShared(s syncer.Store) syncer.Store {
	var given sync.Map
	return altered{Store: s,
		putDoc: func(ctx context.Context, d *syncer.Doc) error {
			err := s.PutDoc(ctx, d)
			if err == nil {
				given.Store(d.Name, d.Data)
			}
			return err
		},
		doc: func(ctx context.Context, connection, name string) (syncer.Doc, error) {
			d, err := s.Doc(ctx, connection, name)
			if data, ok := given.Load(name); ok && err == nil {
				d.Data = data.([]byte)
			}
			return d, err
		},
	}
}

// offsets pages by counting instead of by After.
func offsets(s syncer.Store) syncer.Store {
	var seen atomic.Int64
	return listed(func(q syncer.Query, found []syncer.Link) []syncer.Link { return found })(altered{
		Store: s, list: func(ctx context.Context, q syncer.Query) ([]syncer.Link, error) {
			if q.After == "" {
				seen.Store(0)
			}
			limit := q.Limit
			q.After, q.Limit = "", 0
			found, err := s.List(ctx, q)
			found = found[min(int(seen.Load()), len(found)):]
			if limit > 0 {
				found = found[:min(limit, len(found))]
			}
			seen.Add(int64(len(found)))
			return found, err
		},
	})
}

// remembers finds links also by what they once had.
func remembers(s syncer.Store) syncer.Store {
	var mu sync.Mutex
	had := map[string]string{}
	return altered{Store: s,
		put: func(ctx context.Context, links ...*syncer.Link) error {
			err := s.Put(ctx, links...)
			mu.Lock()
			defer mu.Unlock()
			for _, l := range links {
				if err == nil && l.EAN != "" {
					had[l.EAN] = l.ID
				}
			}
			return err
		},
		list: func(ctx context.Context, q syncer.Query) ([]syncer.Link, error) {
			found, err := s.List(ctx, q)
			mu.Lock()
			defer mu.Unlock()
			if len(q.EANs) == 1 && len(found) == 0 && had[q.EANs[0]] != "" {
				return s.Get(ctx, q.Connection, q.Kind, had[q.EANs[0]])
			}
			return found, err
		},
	}
}

// spaced has other revisions: each 7 apart.
func spaced(s syncer.Store) syncer.Store {
	in := func(revision int64) int64 {
		if revision%7 != 0 {
			return -1
		}
		return revision / 7
	}
	a := read(func(l *syncer.Link) { l.Revision *= 7 })(s).(altered)
	a.put = func(ctx context.Context, links ...*syncer.Link) error {
		inner := make([]*syncer.Link, len(links))
		for i, l := range links {
			c := *l
			c.Revision = in(l.Revision)
			inner[i] = &c
		}
		if err := s.Put(ctx, inner...); err != nil {
			return fmt.Errorf("spaced: %w", err)
		}
		for i, l := range links {
			l.Revision = inner[i].Revision * 7
		}
		return nil
	}
	a.doc = func(ctx context.Context, connection, name string) (syncer.Doc, error) {
		d, err := s.Doc(ctx, connection, name)
		d.Revision *= 7
		return d, err
	}
	a.putDoc = func(ctx context.Context, d *syncer.Doc) error {
		c := *d
		c.Revision = in(d.Revision)
		if err := s.PutDoc(ctx, &c); err != nil {
			return fmt.Errorf("spaced: %w", err)
		}
		d.Revision = c.Revision * 7
		return nil
	}
	return a
}

// database has what a sound store over SQL may differ in: local times, empty
// slices for none, Get in any order, wrapped errors.
func database(s syncer.Store) syncer.Store {
	a := read(func(l *syncer.Link) {
		for _, f := range fieldsOf(l) {
			if f.Type() == timeType {
				f.Set(reflect.ValueOf(local(f.Interface())))
			}
		}
		if l.Problems == nil {
			l.Problems = []syncer.Problem{}
		}
		if l.Warnings == nil {
			l.Warnings = []string{}
		}
	})(s).(altered)
	get := a.get
	a.get = func(ctx context.Context, connection string, kind syncer.Kind, ids ...string) ([]syncer.Link, error) {
		found, err := get(ctx, connection, kind, ids...)
		slices.Reverse(found)
		if err != nil {
			err = fmt.Errorf("database: %w", err)
		}
		return found, err
	}
	return a
}

// plane drops what is beyond the first plane of Unicode, as utf8mb3 does.
func plane(s string) string {
	return strings.Map(func(c rune) rune {
		if utf8.RuneLen(c) > 3 {
			return -1
		}
		return c
	}, s)
}
