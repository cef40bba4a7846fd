package syncer

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"sort"
	"strings"
	"sync"
	"time"
)

// MemoryStore is a [Store] in memory, for tests and trials: what it knows dies
// with the process, so a sync of real shops wants a durable one. It keeps every
// link, near 1 kB each, and is safe for concurrent use. The zero MemoryStore
// is not usable; see [NewMemoryStore].
type MemoryStore struct {
	mu     sync.RWMutex
	closed bool
	sets   map[linkSetName]*linkSet
	docs   map[docName]Doc
}

var _ Store = (*MemoryStore)(nil)

type (
	linkSetName struct {
		connection string
		kind       Kind
	}
	docName struct{ connection, name string }
)

// NewMemoryStore returns an empty store.
func NewMemoryStore() *MemoryStore {
	return &MemoryStore{sets: map[linkSetName]*linkSet{}, docs: map[docName]Doc{}}
}

// usable says why the store can't be used; the caller holds the lock.
func (m *MemoryStore) usable(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if m.closed {
		return ErrClosed
	}
	return nil
}

// Get implements [Store].
func (m *MemoryStore) Get(ctx context.Context, connection string, kind Kind, ids ...string) ([]Link, error) {
	found, err := m.pick(ctx, connection, kind, ids)
	return linkCopies(found), err
}

func (m *MemoryStore) pick(ctx context.Context, connection string, kind Kind, ids []string) ([]*Link, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if err := m.usable(ctx); err != nil {
		return nil, err
	}
	s := m.sets[linkSetName{connection, kind}]
	if s == nil {
		return nil, nil
	}
	found := make([]*Link, 0, len(ids))
	seen := make(map[string]struct{}, len(ids)) // an id given twice is one link
	for _, id := range ids {
		e := s.links[id]
		if _, again := seen[id]; e == nil || again {
			continue
		}
		seen[id] = struct{}{}
		found = append(found, e.link)
	}
	return found, nil
}

// Put implements [Store].
func (m *MemoryStore) Put(ctx context.Context, links ...*Link) error {
	if err := wholeKeys(links); err != nil {
		return err
	}
	if err := distinctKeys(links); err != nil {
		return err
	}
	fresh := make([]*Link, len(links))
	for i, l := range links {
		fresh[i] = new(storedCopy(l))
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.usable(ctx); err != nil {
		return err
	}
	if stale := m.stale(fresh); len(stale) > 0 {
		return &StaleError{Keys: stale}
	}
	for i, l := range fresh {
		l.Revision++
		m.set(l.Key).put(l)
		links[i].Revision = l.Revision
	}
	return nil
}

// wholeKeys refuses a link that no query could ever find.
func wholeKeys(links []*Link) error {
	for i, l := range links {
		if l.Connection == "" || l.Kind == "" || l.ID == "" {
			return fmt.Errorf("syncer: link %d of %d lacks a connection, a kind or an id", i+1, len(links))
		}
	}
	return nil
}

// distinctKeys refuses the same key twice.
func distinctKeys(links []*Link) error {
	if len(links) < 2 {
		return nil
	}
	seen := make(map[Key]int, len(links))
	for i, l := range links {
		if first, again := seen[l.Key]; again {
			return fmt.Errorf("syncer: links %d and %d of %d have the same key", first+1, i+1, len(links))
		}
		seen[l.Key] = i
	}
	return nil
}

// stale returns the keys of the links whose revision is not the stored one.
func (m *MemoryStore) stale(links []*Link) []Key {
	var keys []Key
	for _, l := range links {
		var revision int64
		if s := m.sets[linkSetName{l.Connection, l.Kind}]; s != nil {
			if e := s.links[l.ID]; e != nil {
				revision = e.link.Revision
			}
		}
		if l.Revision != revision {
			keys = append(keys, l.Key)
		}
	}
	return keys
}

// set returns the set that a key belongs to and makes it when there is none.
func (m *MemoryStore) set(k Key) *linkSet {
	name := linkSetName{k.Connection, k.Kind}
	s := m.sets[name]
	if s == nil {
		s = newLinkSet()
		m.sets[name] = s
	}
	return s
}

// List implements [Store].
func (m *MemoryStore) List(ctx context.Context, q Query) ([]Link, error) {
	var found []*Link
	err := m.each(ctx, q, func(l *Link) bool {
		found = append(found, l)
		return len(found) != q.Limit
	})
	return linkCopies(found), err
}

// Count implements [Store].
func (m *MemoryStore) Count(ctx context.Context, q Query) (map[State]int, error) {
	q.After = ""
	counts := map[State]int{}
	err := m.each(ctx, q, func(l *Link) bool {
		counts[l.State]++
		return true
	})
	if err != nil {
		return nil, err
	}
	return counts, nil
}

// each calls yield for the links that match, in the order of List, until it
// returns false. What it hands out never changes, so that only the search needs
// the lock and not the copying.
func (m *MemoryStore) each(ctx context.Context, q Query, yield func(*Link) bool) error {
	if q.Connection == "" || q.Kind == "" {
		return errors.New("syncer: a query needs Connection and Kind")
	}
	f := newLinkFilter(&q)
	m.mu.RLock()
	defer m.mu.RUnlock()
	if err := m.usable(ctx); err != nil {
		return err
	}
	s := m.sets[linkSetName{q.Connection, q.Kind}]
	if s == nil {
		return nil
	}
	for e := range s.candidates(f) {
		if f.admits(e.link) && !yield(e.link) {
			break
		}
	}
	return nil
}

// Doc implements [Store].
func (m *MemoryStore) Doc(ctx context.Context, connection, name string) (Doc, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if err := m.usable(ctx); err != nil {
		return Doc{}, err
	}
	d, ok := m.docs[docName{connection, name}]
	if !ok {
		return Doc{}, ErrNotFound
	}
	d.Data = bytes.Clone(d.Data)
	return d, nil
}

// PutDoc implements [Store].
func (m *MemoryStore) PutDoc(ctx context.Context, d *Doc) error {
	fresh := *d
	fresh.Data = bytes.Clone(d.Data)
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.usable(ctx); err != nil {
		return err
	}
	name := docName{d.Connection, d.Name}
	if m.docs[name].Revision != d.Revision {
		return ErrStale
	}
	fresh.Revision++
	m.docs[name] = fresh
	d.Revision = fresh.Revision
	return nil
}

// Close implements [Store]. It forgets everything.
func (m *MemoryStore) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed, m.sets, m.docs = true, nil, nil
	return nil
}

// linkCopies returns links that share nothing with those in the store.
func linkCopies(found []*Link) []Link {
	if len(found) == 0 {
		return nil
	}
	out := make([]Link, len(found))
	for i, l := range found {
		out[i] = *l
		out[i].Problems, out[i].Warnings = slices.Clone(l.Problems), slices.Clone(l.Warnings)
	}
	return out
}

// storedCopy returns a copy of l as a store keeps it: with slices of its own, and
// times as exact as those of a database, so that nobody comes to rely on more.
func storedCopy(l *Link) Link {
	c := *l
	c.Problems, c.Warnings = slices.Clone(l.Problems), slices.Clone(l.Warnings)
	for _, t := range []*time.Time{&c.DueAt, &c.LeaseEnds, &c.SentBy, &c.ClearedAt, &c.Created, &c.SeenAt, &c.SyncedAt, &c.WalkedAt} {
		*t = t.UTC().Truncate(time.Microsecond)
	}
	return c
}

// linkSet holds the links of one kind of one connection.
type linkSet struct {
	links map[string]*linkEntry // by ID
	byID  linkOrder
	byDue linkOrder // those with DueAt

	bySKU, byEAN, byPeer linkIndex
}

// linkEntry is the place of one link in all indexes. The link itself is replaced
// by each Put and never changed.
type linkEntry struct{ link *Link }

func newLinkSet() *linkSet {
	return &linkSet{
		links: map[string]*linkEntry{},
		byID:  linkOrder{compare: compareLinkID},
		byDue: linkOrder{compare: compareLinkDue},
		bySKU: linkIndex{}, byEAN: linkIndex{}, byPeer: linkIndex{},
	}
}

func compareLinkID(a, b *linkEntry) int { return strings.Compare(a.link.ID, b.link.ID) }

func compareLinkDue(a, b *linkEntry) int {
	return cmp.Or(a.link.DueAt.Compare(b.link.DueAt), compareLinkID(a, b))
}

// put adds l, or puts it in the place of the one with its ID.
func (s *linkSet) put(l *Link) {
	e := s.links[l.ID]
	if e == nil {
		e = &linkEntry{link: &Link{Key: l.Key}}
		s.links[l.ID] = e
		s.byID.insert(e)
	}
	old := e.link
	moved := !old.DueAt.Equal(l.DueAt)
	if moved && !old.DueAt.IsZero() {
		s.byDue.remove(e) // as long as it can be found under its old time
	}
	e.link = l
	if moved && !l.DueAt.IsZero() {
		s.byDue.insert(e)
	}
	s.bySKU.move(e, old.SKU, l.SKU)
	s.byEAN.move(e, old.EAN, l.EAN)
	s.byPeer.move(e, old.PeerID, l.PeerID)
}

// candidates returns entries in the order that f asks for, among them all that
// it admits.
func (s *linkSet) candidates(f *linkFilter) iter.Seq[*linkEntry] {
	order := compareLinkID
	if !f.DueBy.IsZero() {
		order = compareLinkDue
	}
	switch {
	case f.peers.indexed():
		return s.byPeer.lookup(f.peers, order)
	case f.skus.indexed():
		return s.bySKU.lookup(f.skus, order)
	case f.eans.indexed():
		return s.byEAN.lookup(f.eans, order)
	case !f.DueBy.IsZero():
		return s.byDue.between(nil, func(e *linkEntry) bool { return e.link.DueAt.After(f.DueBy) })
	}
	return s.byID.between(func(e *linkEntry) bool { return f.After != "" && e.link.ID <= f.After }, nil)
}

// linkFilter is a Query made ready for many links.
type linkFilter struct {
	*Query
	states            oneOf[State]
	skus, eans, peers oneOf[string]
	codes             oneOf[string]
	text              string // in lower case
}

func newLinkFilter(q *Query) *linkFilter {
	return &linkFilter{
		Query:  q,
		states: newOneOf(q.States), skus: newOneOf(q.SKUs), eans: newOneOf(q.EANs), peers: newOneOf(q.PeerIDs), codes: newOneOf(q.Codes),
		text: strings.ToLower(q.Text),
	}
}

// admits reports whether a link of the right connection and kind matches.
func (f *linkFilter) admits(l *Link) bool {
	return (f.After == "" || l.ID > f.After) &&
		(f.DueBy.IsZero() || !l.DueAt.IsZero() && !l.DueAt.After(f.DueBy)) &&
		f.states.admits(l.State) && f.skus.admits(l.SKU) && f.eans.admits(l.EAN) && f.peers.admits(l.PeerID) &&
		(f.codes.admits(l.Code) || slices.ContainsFunc(l.Warnings, f.codes.admits)) &&
		(f.text == "" || f.says(l))
}

// says reports whether l is known by the text that is looked for.
func (f *linkFilter) says(l *Link) bool {
	for _, name := range [...]string{l.ID, l.PeerID, l.PeerNo, l.SKU} {
		if strings.ToLower(name) == f.text {
			return true
		}
	}
	return strings.HasPrefix(strings.ToLower(l.Title), f.text)
}

// oneOf is what a field may be; an empty one does not narrow.
type oneOf[T ~string] map[T]struct{}

func newOneOf[T ~string](values []T) oneOf[T] {
	s := make(oneOf[T], len(values))
	for _, v := range values {
		s[v] = struct{}{}
	}
	return s
}

func (s oneOf[T]) admits(v T) bool {
	_, ok := s[v]
	return ok || len(s) == 0
}

// indexed reports whether an index holds all that s admits: it lacks the links
// whose field is empty, which may be nearly all.
func (s oneOf[T]) indexed() bool {
	_, ok := s[""]
	return len(s) > 0 && !ok
}

// linkIndex finds entries by the value of a field, unless that is empty.
type linkIndex map[string][]*linkEntry

// move notes that the field of e was from and is to.
func (x linkIndex) move(e *linkEntry, from, to string) {
	if from == to {
		return
	}
	if from != "" {
		i := slices.Index(x[from], e)
		if x[from] = slices.Delete(x[from], i, i+1); len(x[from]) == 0 {
			delete(x, from)
		}
	}
	if to != "" {
		x[to] = append(x[to], e)
	}
}

// lookup returns the entries with one of these values, in order.
func (x linkIndex) lookup(values oneOf[string], order func(a, b *linkEntry) int) iter.Seq[*linkEntry] {
	var found []*linkEntry
	for v := range values {
		found = append(found, x[v]...)
	}
	slices.SortFunc(found, order)
	return slices.Values(found)
}

// linkChunk bounds what one insertion into a linkOrder has to move.
const linkChunk = 512

// linkOrder keeps entries in an order without two equals.
type linkOrder struct {
	compare func(a, b *linkEntry) int
	chunks  [][]*linkEntry // one after the other; none is empty
}

// seek returns the place of the first entry that is not before something: its
// chunk, len(s.chunks) if there is none, and where it is in that.
func (s *linkOrder) seek(before func(*linkEntry) bool) (chunk, at int) {
	chunk = sort.Search(len(s.chunks), func(i int) bool {
		c := s.chunks[i]
		return !before(c[len(c)-1])
	})
	if chunk < len(s.chunks) {
		c := s.chunks[chunk]
		at = sort.Search(len(c), func(i int) bool { return !before(c[i]) })
	}
	return chunk, at
}

// insert adds e, which is not in s.
func (s *linkOrder) insert(e *linkEntry) {
	i, at := s.seek(func(x *linkEntry) bool { return s.compare(x, e) < 0 })
	if i == len(s.chunks) { // after all others
		if i == 0 || len(s.chunks[i-1]) == linkChunk {
			s.chunks = append(s.chunks, make([]*linkEntry, 0, linkChunk))
			i++
		}
		i--
		at = len(s.chunks[i])
	}
	if len(s.chunks[i]) == linkChunk {
		s.split(i)
		s.insert(e)
		return
	}
	s.chunks[i] = slices.Insert(s.chunks[i], at, e)
}

// split makes two chunks of one.
func (s *linkOrder) split(i int) {
	const half = linkChunk / 2
	c := s.chunks[i]
	upper := append(make([]*linkEntry, 0, linkChunk), c[half:]...)
	clear(c[half:])
	s.chunks[i] = c[:half]
	s.chunks = slices.Insert(s.chunks, i+1, upper)
}

// remove takes out e, which is in s.
func (s *linkOrder) remove(e *linkEntry) {
	i, at := s.seek(func(x *linkEntry) bool { return s.compare(x, e) < 0 })
	if s.chunks[i] = slices.Delete(s.chunks[i], at, at+1); len(s.chunks[i]) == 0 {
		s.chunks = slices.Delete(s.chunks, i, i+1)
	}
}

// between returns the entries from the first that is not before something to
// the last that does not end it; nil: from the start, to the end.
func (s *linkOrder) between(before, end func(*linkEntry) bool) iter.Seq[*linkEntry] {
	return func(yield func(*linkEntry) bool) {
		i, at := 0, 0
		if before != nil {
			i, at = s.seek(before)
		}
		for ; i < len(s.chunks); i, at = i+1, 0 {
			for _, e := range s.chunks[i][at:] {
				if end != nil && end(e) || !yield(e) {
					return
				}
			}
		}
	}
}
