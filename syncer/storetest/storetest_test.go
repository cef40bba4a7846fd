package storetest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/tg360/tg360/syncer"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var timeType = reflect.TypeFor[time.Time]()

func local(t any) time.Time { return t.(time.Time).In(time.FixedZone("", 3600)) }

// eachTime lets change alter the times of a link that is read.
func eachTime(change func(time.Time) time.Time) alteration {
	return read(func(l *syncer.Link) {
		for _, f := range fieldsOf(l) {
			if f.Type() == timeType {
				f.Set(reflect.ValueOf(change(f.Interface().(time.Time))))
			}
		}
	})
}

// put, get and the like replace one method.
func put(f func(s syncer.Store, ctx context.Context, links []*syncer.Link) error) alteration {
	return func(s syncer.Store) syncer.Store {
		return altered{Store: s, put: func(ctx context.Context, links ...*syncer.Link) error { return f(s, ctx, links) }}
	}
}

func get(f func(s syncer.Store, ids []string, found []syncer.Link) ([]syncer.Link, error)) alteration {
	return func(s syncer.Store) syncer.Store {
		return altered{Store: s, get: func(ctx context.Context, connection string, kind syncer.Kind, ids ...string) ([]syncer.Link, error) {
			found, err := s.Get(ctx, connection, kind, ids...)
			if err != nil {
				return nil, err
			}
			return f(s, ids, found)
		}}
	}
}

func docRead(change func(d *syncer.Doc, err error) error) alteration {
	return func(s syncer.Store) syncer.Store {
		return altered{Store: s, doc: func(ctx context.Context, connection, name string) (syncer.Doc, error) {
			d, err := s.Doc(ctx, connection, name)
			err = change(&d, err)
			return d, err
		}}
	}
}

func docPut(f func(s syncer.Store, ctx context.Context, d *syncer.Doc) error) alteration {
	return func(s syncer.Store) syncer.Store {
		return altered{Store: s, putDoc: func(ctx context.Context, d *syncer.Doc) error { return f(s, ctx, d) }}
	}
}

func closing(f func(s syncer.Store, before int64) error) alteration {
	return func(s syncer.Store) syncer.Store {
		var times atomic.Int64
		return altered{Store: s, close: func() error { return f(s, times.Add(1)-1) }}
	}
}

func contains(text func(l *syncer.Link) string) func(l *syncer.Link, q *syncer.Query) bool {
	return func(l *syncer.Link, q *syncer.Query) bool {
		rest := *q
		rest.Text = ""
		return matches(l, q) || q.Text != "" && matches(l, &rest) && strings.Contains(strings.ToLower(text(l)), strings.ToLower(q.Text))
	}
}

// like takes the text for a pattern.
func like(l *syncer.Link, q *syncer.Query) bool {
	rest := *q
	rest.Text = ""
	pattern := strings.NewReplacer("[", `\[`, "*", `\*`, "?", `\?`, `\`, `\\`, "_", "?", "%", "*").Replace(strings.ToLower(q.Text)) + "*"
	hit, _ := path.Match(pattern, strings.ToLower(l.Title))
	return matches(l, q) || q.Text != "" && matches(l, &rest) && hit
}

// asciiOnly folds as SQLite's own lower does.
func asciiOnly(l *syncer.Link, q *syncer.Query) bool {
	fold := func(s string) string {
		return strings.Map(func(c rune) rune {
			if c > 127 && strings.ToLower(string(c)) != string(c) {
				return c + 0x10000 // unlike its lower case
			}
			return c
		}, s)
	}
	folded, query := *l, *q
	query.Text = fold(q.Text)
	folded.ID, folded.PeerID, folded.PeerNo, folded.SKU, folded.Title = fold(l.ID), fold(l.PeerID), fold(l.PeerNo), fold(l.SKU), fold(l.Title)
	if q.Text == "" {
		return matches(l, q)
	}
	return matches(&folded, &query)
}

func codesAs(differ func(l *syncer.Link)) func(l *syncer.Link, q *syncer.Query) bool {
	return func(l *syncer.Link, q *syncer.Query) bool {
		c := *l
		differ(&c)
		return matches(&c, q)
	}
}

func byLocale(_ syncer.Query, found []syncer.Link) []syncer.Link {
	slices.SortStableFunc(found, func(a, b syncer.Link) int {
		return strings.Compare(strings.ToLower(a.ID), strings.ToLower(b.ID))
	})
	return found
}

func byNumber(_ syncer.Query, found []syncer.Link) []syncer.Link {
	slices.SortStableFunc(found, func(a, b syncer.Link) int { return len(a.ID) - len(b.ID) })
	return found
}

func reversed(_ syncer.Query, found []syncer.Link) []syncer.Link {
	slices.Reverse(found)
	return found
}

// brokenStores each break the contract in one way; the named rules must
// complain, with a text that shows that they noticed the right thing. Those that
// the model can see bear an M.
var brokenStores = []struct {
	how   string
	alter alteration
	rules map[string]string
}{
	{"M lost update", lastComeWins, map[string]string{
		"NewNeedsRevisionZero": "error <nil>, want a *StaleError", "StalePutIsRefused": "error <nil>, want a *StaleError",
		"OneClaimWins": "hold the claim", "OneCreationWins": "hold the claim", "NoUpdateIsLost": "was raised to",
		"DocRevisions": "error <nil>", "OneDocWins": "8 of 8 won",
	}},
	{"M part of a batch", oneByOne, map[string]string{"BatchIsAllOrNone": "after a refused batch", "SameKeyTwiceIsRefused": "ErrStale"}},
	{"names one stale link", stales(func(_ []*syncer.Link, err *syncer.StaleError) error {
		return &syncer.StaleError{Keys: err.Keys[:1]}
	}), map[string]string{"BatchIsAllOrNone": "keys of the StaleError"}},
	{"names all links as stale", stales(func(links []*syncer.Link, _ *syncer.StaleError) error {
		var all syncer.StaleError
		for _, l := range links {
			all.Keys = append(all.Keys, l.Key)
		}
		return &all
	}), map[string]string{"BatchIsAllOrNone": "keys of the StaleError"}},
	{"M names no stale link", stales(func([]*syncer.Link, *syncer.StaleError) error { return syncer.ErrStale }), map[string]string{
		"StalePutIsRefused": "want a *StaleError",
	}},
	{"a refused Put sets revisions", stales(func(links []*syncer.Link, err *syncer.StaleError) error {
		links[0].Revision++
		return err
	}), map[string]string{
		"NewNeedsRevisionZero": "set the revision to 2", "StalePutIsRefused": "changed it to", "BatchIsAllOrNone": "changed the revision of",
	}},
	{"a second creation is an error of its own", stales(func(links []*syncer.Link, err *syncer.StaleError) error {
		if links[0].Revision == 0 {
			return errors.New("UNIQUE constraint failed")
		}
		return err
	}), map[string]string{"OneCreationWins": "UNIQUE constraint failed", "StalePutIsRefused": "UNIQUE constraint failed"}},
	{"rivals meet a deadlock", stales(func([]*syncer.Link, *syncer.StaleError) error { return errors.New("deadlock detected") }),
		map[string]string{"NoUpdateIsLost": "deadlock detected", "OneClaimWins": "deadlock detected"}},
	{"M takes the same key twice", put(func(s syncer.Store, ctx context.Context, links []*syncer.Link) error {
		last := map[syncer.Key]*syncer.Link{}
		for _, l := range links {
			last[l.Key] = l
		}
		return s.Put(ctx, slices.Collect(maps.Values(last))...)
	}), map[string]string{"SameKeyTwiceIsRefused": "want one that is not ErrStale"}},
	{"fills in a missing id", keyed(func(k *syncer.Key) {
		if k.ID == "" {
			k.ID = "none"
		}
	}), map[string]string{"PartOfAKeyIsRefused": "want one that is not ErrStale"}},
	{"takes an id only once", keyed(func(k *syncer.Key) { k.Kind = "any" }), map[string]string{
		"SameKeyTwiceIsRefused": "same key", "ConnectionsAndKindsAreApart": "changed by somebody else",
	}},
	{"M one connection for all", keyed(func(k *syncer.Key) { k.Connection = "any" }), map[string]string{
		"ConnectionsAndKindsAreApart": "changed by somebody else",
	}},
	{"M ids without case", keyed(func(k *syncer.Key) { k.ID = strings.ToLower(k.ID) }), map[string]string{
		"NamesAreExact": "same key",
	}},
	{"M revisions are not told", put(func(s syncer.Store, ctx context.Context, links []*syncer.Link) error {
		var blind []*syncer.Link
		for _, l := range links {
			c := *l
			blind = append(blind, &c)
		}
		return s.Put(ctx, blind...)
	}), map[string]string{"NewNeedsRevisionZero": "first revision is 0", "RevisionGrows": "left the revision at 0"}},
	{"unchanged links are not written", put(func(s syncer.Store, ctx context.Context, links []*syncer.Link) error {
		if stored, err := s.Get(ctx, links[0].Connection, links[0].Kind, links[0].ID); err != nil || len(stored) == 1 && same(stored[0], *links[0]) == nil {
			return err
		}
		return s.Put(ctx, links...)
	}), map[string]string{"RevisionGrows": "left the revision at"}},
	{"a bounded Put", put(func(s syncer.Store, ctx context.Context, links []*syncer.Link) error {
		if len(links) > 1000 {
			return errors.New("too many SQL variables")
		}
		return s.Put(ctx, links...)
	}), map[string]string{"ManyAtOnce": "too many SQL variables"}},
	{"Put wants a link", put(func(s syncer.Store, ctx context.Context, links []*syncer.Link) error {
		if len(links) == 0 {
			return errors.New("empty statement")
		}
		return s.Put(ctx, links...)
	}), map[string]string{"NothingAtAll": "empty statement"}},
	{"keeps what is not given", keeps("Owner"), map[string]string{"PutReplacesEveryField": "Owner"}},
	{"M Get fails on unknown ids", get(func(_ syncer.Store, ids []string, found []syncer.Link) ([]syncer.Link, error) {
		if len(found) < len(ids) {
			return nil, syncer.ErrNotFound
		}
		return found, nil
	}), map[string]string{"GetLeavesOutUnknown": "not found"}},
	{"M Get returns a link for each id", get(func(_ syncer.Store, ids []string, found []syncer.Link) (out []syncer.Link, _ error) {
		for _, id := range ids {
			for _, l := range found {
				if l.ID == id {
					out = append(out, l)
				}
			}
		}
		return out, nil
	}), map[string]string{"GetLeavesOutUnknown": "twice"}},
	{"Get of no ids is Get of all", func(s syncer.Store) syncer.Store {
		return altered{Store: s, get: func(ctx context.Context, connection string, kind syncer.Kind, ids ...string) ([]syncer.Link, error) {
			if len(ids) == 0 {
				return s.List(ctx, syncer.Query{Connection: connection, Kind: kind})
			}
			return s.Get(ctx, connection, kind, ids...)
		}}
	}, map[string]string{"NothingAtAll": "must not be"}},
	{"empty lists match nothing", listed(func(q syncer.Query, found []syncer.Link) []syncer.Link {
		if q.SKUs != nil && len(q.SKUs) == 0 {
			return nil
		}
		return found
	}), map[string]string{"NothingAtAll": "empty lists"}},

	{"no surrogates", read(func(l *syncer.Link) { l.Title = plane(l.Title) }), map[string]string{"OddTexts": "differs"}},
	{"trims", read(func(l *syncer.Link) { l.Message = strings.TrimSpace(l.Message) }), map[string]string{"OddTexts": "differs"}},
	{"splits warnings at commas", read(func(l *syncer.Link) {
		if len(l.Warnings) > 0 {
			l.Warnings = strings.Split(strings.Join(l.Warnings, ","), ",")
		}
	}), map[string]string{"OddTexts": "differs"}},
	{"whole seconds", eachTime(func(t time.Time) time.Time { return t.Truncate(time.Second) }), map[string]string{"OddTimes": "differs", "RoundTrip": "differs"}},
	{"milliseconds", eachTime(func(t time.Time) time.Time { return t.Truncate(time.Millisecond) }), map[string]string{"OddTimes": "differs"}},
	{"no zones", eachTime(func(t time.Time) time.Time {
		return time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), time.FixedZone("", 7200))
	}), map[string]string{"RoundTrip": "differs"}},
	{"the epoch is no time", eachTime(func(t time.Time) time.Time {
		if t.Equal(time.Unix(0, 0)) {
			return time.Time{}
		}
		return t
	}), map[string]string{"OddTimes": "differs"}},
	{"no time is the epoch", eachTime(func(t time.Time) time.Time {
		if t.IsZero() {
			return time.Unix(0, 0)
		}
		return t
	}), map[string]string{"OddTimes": "differs", "RoundTrip": "differs"}},
	{"nanoseconds in 64 bits", eachTime(func(t time.Time) time.Time {
		if t.IsZero() {
			return t
		}
		return time.Unix(0, t.UnixNano())
	}), map[string]string{"OddTimes": "differs"}},

	{"M ignores States", asked(func(q *syncer.Query) { q.States = nil }), map[string]string{"EachFilter": "a state:", "FiltersTogether": "and a state:"}},
	{"M ignores SKUs", asked(func(q *syncer.Query) { q.SKUs = nil }), map[string]string{"EachFilter": "a SKU:", "ManyAtOnce": "by 4000 SKUs", "NamesAreExact": "exact SKU"}},
	{"M ignores EANs", asked(func(q *syncer.Query) { q.EANs = nil }), map[string]string{"EachFilter": "an EAN:"}},
	{"M ignores PeerIDs", asked(func(q *syncer.Query) { q.PeerIDs = nil }), map[string]string{"EachFilter": "a partner:"}},
	{"M ignores Codes", asked(func(q *syncer.Query) { q.Codes = nil }), map[string]string{"EachFilter": "a code:", "CodesAndWarnings": "codes"}},
	{"M ignores Text", asked(func(q *syncer.Query) { q.Text = "" }), map[string]string{"EachFilter": "a text:", "TextIgnoresCase": "text"}},
	{"M ignores DueBy", asked(func(q *syncer.Query) { q.DueBy = time.Time{} }), map[string]string{"EachFilter": "due:", "DueBy": "due by now"}},
	{"M ignores After", asked(func(q *syncer.Query) { q.After = "" }), map[string]string{"EachFilter": "after:", "Paging": "begins with"}},
	{"M ignores Limit", asked(func(q *syncer.Query) { q.Limit = 0 }), map[string]string{"EachFilter": "limit:", "Paging": "a page of 7 has 1000"}},
	{"M SKUs without case", filtered(func(l *syncer.Link, q *syncer.Query) bool {
		rest := *q
		rest.SKUs = nil
		return matches(l, &rest) && (len(q.SKUs) == 0 || slices.ContainsFunc(q.SKUs, func(s string) bool { return strings.EqualFold(s, l.SKU) }))
	}), map[string]string{"EachFilter": "a SKU:", "NamesAreExact": "exact SKU"}},
	{"M one filter is enough", filtered(func(l *syncer.Link, q *syncer.Query) bool {
		rest := *q
		if len(q.SKUs) > 0 {
			rest.EANs = nil
		}
		return matches(l, &rest)
	}), map[string]string{"FiltersTogether": "a SKU and an EAN"}},
	{"M limit before filter", func(s syncer.Store) syncer.Store {
		return altered{Store: s, list: func(ctx context.Context, q syncer.Query) ([]syncer.Link, error) {
			first := q
			first.States = nil
			found, err := s.List(ctx, first)
			return slices.DeleteFunc(found, func(l syncer.Link) bool { return !matches(&l, &q) }), err
		}}
	}, map[string]string{"PagingWithFilter": "pages by state", "FiltersTogether": "and limit"}},
	{"M finds by what was", remembers, map[string]string{"ListFollowsPuts": "EAN that it had"}},
	{"no scope, no links", func(s syncer.Store) syncer.Store {
		return altered{Store: s,
			list: func(ctx context.Context, q syncer.Query) ([]syncer.Link, error) {
				if q.Connection == "" || q.Kind == "" {
					return nil, nil
				}
				return s.List(ctx, q)
			},
		}
	}, map[string]string{"ScopeIsRequired": "no error"}},
	{"M unordered", listed(reversed), map[string]string{"ByteOrder": "List returned", "Paging": "no end", "DueBy": "List returned"}},
	{"M order without case", listed(byLocale), map[string]string{"ByteOrder": "List returned"}},
	{"M order of numbers", listed(byNumber), map[string]string{"ByteOrder": "List returned"}},
	{"M After is included", func(s syncer.Store) syncer.Store {
		return altered{Store: s, list: func(ctx context.Context, q syncer.Query) ([]syncer.Link, error) {
			all := q
			all.After, all.Limit = "", 0
			found, err := s.List(ctx, all)
			found = slices.DeleteFunc(found, func(l syncer.Link) bool { return l.ID < q.After })
			if q.Limit > 0 {
				found = found[:min(q.Limit, len(found))]
			}
			return found, err
		}}
	}, map[string]string{"Paging": "begins with", "ByteOrder": "after"}},
	{"pages by offset", offsets, map[string]string{"PagingWhileLinksAreAdded": "begins with"}},
	{"M due in order of ids", listed(func(_ syncer.Query, found []syncer.Link) []syncer.Link {
		slices.SortFunc(found, func(a, b syncer.Link) int { return strings.Compare(a.ID, b.ID) })
		return found
	}), map[string]string{"DueBy": "due by now", "EachFilter": "due:"}},
	{"M DueBy is exclusive", filtered(func(l *syncer.Link, q *syncer.Query) bool {
		return matches(l, q) && (q.DueBy.IsZero() || !l.DueAt.Equal(q.DueBy))
	}), map[string]string{"DueBy": "due by now"}},
	{"M never due is always due", filtered(func(l *syncer.Link, q *syncer.Query) bool {
		if l.DueAt.IsZero() {
			rest := *q
			rest.DueBy = time.Time{}
			return matches(l, &rest)
		}
		return matches(l, q)
	}), map[string]string{"DueBy": "due by now", "EachFilter": "due:"}},

	{"M text with case", filtered(func(l *syncer.Link, q *syncer.Query) bool {
		return matches(l, q) && (q.Text == "" || slices.Contains([]string{l.ID, l.PeerID, l.PeerNo, l.SKU}, q.Text) || strings.HasPrefix(l.Title, q.Text))
	}), map[string]string{"TextIgnoresCase": "List returned"}},
	{"M text with ASCII case", filtered(asciiOnly), map[string]string{"TextIgnoresCase": "List returned"}},
	{"M text anywhere in the title", filtered(contains(func(l *syncer.Link) string { return l.Title })), map[string]string{"TextIgnoresCase": "List returned"}},
	{"M text in part of an id", filtered(contains(func(l *syncer.Link) string { return l.ID })), map[string]string{"TextIgnoresCase": "List returned"}},
	{"text in the EAN", filtered(contains(func(l *syncer.Link) string { return l.EAN })), map[string]string{"TextIgnoresCase": "List returned"}},
	{"M text is a pattern", filtered(like), map[string]string{"TextIsNoPattern": "List returned"}},
	{"M Codes without warnings", filtered(codesAs(func(l *syncer.Link) { l.Warnings = nil })), map[string]string{"CodesAndWarnings": "List returned"}},
	{"M Codes in warnings only", filtered(codesAs(func(l *syncer.Link) { l.Code = "" })), map[string]string{"CodesAndWarnings": "List returned"}},
	{"Codes in parts of warnings", filtered(func(l *syncer.Link, q *syncer.Query) bool {
		rest := *q
		rest.Codes = nil
		return matches(l, q) || matches(l, &rest) && slices.ContainsFunc(q.Codes, func(c string) bool { return strings.Contains(fmt.Sprintf("%q", l.Warnings), c) })
	}), map[string]string{"CodesAndWarnings": "List returned"}},
	{"M Count heeds Limit and After", func(s syncer.Store) syncer.Store {
		return altered{Store: s, count: func(ctx context.Context, q syncer.Query) (map[syncer.State]int, error) {
			counts := map[syncer.State]int{}
			found, err := s.List(ctx, q)
			for _, l := range found {
				counts[l.State]++
			}
			return counts, err
		}}
	}, map[string]string{"CountByState": "all: Count"}},
	{"M Count has all states", func(s syncer.Store) syncer.Store {
		return altered{Store: s, count: func(ctx context.Context, q syncer.Query) (map[syncer.State]int, error) {
			counts, err := s.Count(ctx, q)
			for _, state := range syncer.States() {
				if err == nil {
					counts[state] += 0
				}
			}
			return counts, err
		}}
	}, map[string]string{"CountByState": "all: Count", "NothingAtAll": "no products"}},

	{"M an absent document is empty", docRead(func(_ *syncer.Doc, err error) error {
		if errors.Is(err, syncer.ErrNotFound) {
			return nil
		}
		return err
	}), map[string]string{"DocRoundTrip": "error <nil>", "DocRevisions": "error <nil>"}},
	{"documents of 64 kB", docRead(func(d *syncer.Doc, err error) error {
		d.Data = d.Data[:min(len(d.Data), 64<<10)]
		return err
	}), map[string]string{"DocRoundTrip": "that are not"}},
	{"documents are text", docRead(func(d *syncer.Doc, err error) error {
		d.Data = []byte(strings.ToValidUTF8(string(d.Data), "?"))
		return err
	}), map[string]string{"DocRoundTrip": "that are not"}},
	{"M empty documents are not kept", docPut(func(s syncer.Store, ctx context.Context, d *syncer.Doc) error {
		if len(d.Data) == 0 {
			return ctx.Err()
		}
		return s.PutDoc(ctx, d)
	}), map[string]string{"DocRoundTrip": "not found"}},
	{"a refused PutDoc sets the revision", docPut(func(s syncer.Store, ctx context.Context, d *syncer.Doc) error {
		err := s.PutDoc(ctx, d)
		if err != nil {
			d.Revision++
		}
		return err
	}), map[string]string{"DocRevisions": "was refused and changed"}},
	{"M documents of all connections", func(s syncer.Store) syncer.Store {
		return altered{Store: s,
			putDoc: func(ctx context.Context, d *syncer.Doc) error {
				inner := *d
				inner.Connection = "any"
				err := s.PutDoc(ctx, &inner)
				d.Revision = inner.Revision
				return err
			},
			doc: func(ctx context.Context, connection, name string) (syncer.Doc, error) {
				d, err := s.Doc(ctx, "any", name)
				d.Connection = connection
				return d, err
			},
		}
	}, map[string]string{"DocsAreApart": "want syncer: not found"}},

	{"hands out shared slices", sharesOut, map[string]string{"ReturnedValuesAreTheCallers": "differs"}},
	{"keeps the caller's slices", sharesIn, map[string]string{"PassedValuesStayTheCallers": "after changing what was stored"}},
	{"shares documents", docsShared, map[string]string{"ReturnedValuesAreTheCallers": "bytes that are not", "PassedValuesStayTheCallers": "bytes that are not"}},
	{"sorts what it is given", func(s syncer.Store) syncer.Store {
		return altered{Store: s, get: func(ctx context.Context, connection string, kind syncer.Kind, ids ...string) ([]syncer.Link, error) {
			slices.Sort(ids)
			return s.Get(ctx, connection, kind, ids...)
		}}
	}, map[string]string{"PassedValuesStayTheCallers": "changed the slices"}},
	{"ignores contexts", put(func(s syncer.Store, ctx context.Context, links []*syncer.Link) error {
		return s.Put(context.WithoutCancel(ctx), links...)
	}), map[string]string{"EndedContext": "want context canceled"}},
	{"looks at the context too late", put(func(s syncer.Store, ctx context.Context, links []*syncer.Link) error {
		return errors.Join(s.Put(context.WithoutCancel(ctx), links...), ctx.Err())
	}), map[string]string{"EndedContext": "after calls with an ended ctx"}},
	{"an ended context closes it", put(func(s syncer.Store, ctx context.Context, links []*syncer.Link) error {
		if err := ctx.Err(); err != nil {
			return errors.Join(err, s.Close())
		}
		return s.Put(ctx, links...)
	}), map[string]string{"EndedContext": "closed"}},
	{"never closes", closing(func(syncer.Store, int64) error { return nil }), map[string]string{
		"ClosedStore": "error <nil>, want syncer: store is closed", "CloseWhileInUse": "want ErrClosed",
	}},
	{"closes once", closing(func(s syncer.Store, before int64) error {
		if before > 0 {
			return errors.New("closed twice")
		}
		return s.Close()
	}), map[string]string{"ClosedStore": "closed twice", "CloseWhileInUse": "closed twice"}},
}

// TestBrokenStores shows that every rule of the suite notices what it is for.
func TestBrokenStores(t *testing.T) {
	t.Parallel()
	noticed := map[string]bool{}
	for _, broken := range brokenStores {
		for name, complaint := range broken.rules {
			noticed[name] = true
			t.Run(broken.how+"/"+name, func(t *testing.T) {
				t.Parallel()
				err := ruleNamed(t, name).verify(t.Context(), broken.alter(syncer.NewMemoryStore()))
				if err == nil || !strings.Contains(err.Error(), complaint) {
					t.Errorf("the rule says: %v; want a complaint with %q", err, complaint)
				}
			})
		}
	}
	for _, r := range rules {
		if !noticed[r.name] {
			t.Errorf("no broken store shows that rule %s can fail", r.name)
		}
	}
}

func ruleNamed(t *testing.T, name string) rule {
	t.Helper()
	i := slices.IndexFunc(rules, func(r rule) bool { return r.name == name })
	if i < 0 {
		t.Fatalf("there is no rule %s", name)
	}
	return rules[i]
}

// TestModelNotices shows that random histories find what is broken.
func TestModelNotices(t *testing.T) {
	t.Parallel()
	for _, broken := range brokenStores {
		if !strings.HasPrefix(broken.how, "M ") {
			continue
		}
		t.Run(broken.how, func(t *testing.T) {
			t.Parallel()
			r := &rig{ctx: t.Context(), Store: broken.alter(syncer.NewMemoryStore())}
			histories := rapid.Custom(history)
			const tries = 100 // as many as a run of the suite has
			for seed := range tries {
				if r.replay(fmt.Sprintf("h%d-", seed), histories.Example(seed)) != nil {
					return
				}
			}
			t.Errorf("%d histories agree with the model", tries)
		})
	}
}

// TestEachFieldMatters shows that no field can be forgotten by a store, and that
// a field new to Link must be added to the suite.
func TestEachFieldMatters(t *testing.T) {
	t.Parallel()
	for name := range fieldsOf(full("1")) {
		for what, broken := range map[string]alteration{"RoundTrip": loses(name), "PutReplacesEveryField": keeps(name)} {
			t.Run(what+"/"+name, func(t *testing.T) {
				t.Parallel()
				err := ruleNamed(t, what).verify(t.Context(), broken(syncer.NewMemoryStore()))
				if err == nil || !strings.Contains(err.Error(), name) {
					t.Errorf("the rule says: %v; want a complaint about %s", err, name)
				}
			})
		}
	}
}

// TestSoundStores is the counterpart: stores that keep the contract, each in its
// way, pass.
func TestSoundStores(t *testing.T) {
	t.Parallel()
	for how, alter := range map[string]alteration{
		"other revisions": spaced, "database": database,
		"rounds to microseconds": eachTime(func(t time.Time) time.Time { return t.Round(time.Microsecond) }),
	} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			Run(t, func(*testing.T) syncer.Store { return alter(syncer.NewMemoryStore()) })
		})
	}
}
