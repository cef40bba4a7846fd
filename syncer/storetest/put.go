package storetest

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/tg360/tg360/syncer"
)

// full returns a link with something in each field, and different things in
// those that might be mistaken for one another.
func full(id string) *syncer.Link {
	at := func(hours int) time.Time { return base.Add(time.Duration(hours) * time.Hour) }
	return &syncer.Link{
		Key:   syncer.Key{Connection: shopA, Kind: syncer.KindOrder, ID: id},
		State: syncer.Blocked, Reason: syncer.ReasonData, Code: "TG-ORD-007", Message: "le parti non danno il totale",
		Problems: []syncer.Problem{{Field: "total", Message: "number, 7 characters"}, {Field: "rows[2].price", Message: "missing"}},
		Warnings: []string{"TG-ORD-017", "TG-ORD-018"},
		Title:    "Ordine nº 1042", SKU: "SKU-1", EAN: "4006381333931", PeerID: "P-77", PeerNo: "2026/118",
		Version: 12, Done: 11, DueAt: at(1),
		Owner: "owner-1", LeaseEnds: at(2), Attempts: 3, Asked: 4, SentBy: at(3), Marked: true, ClearedAt: at(7),
		Parts: "name=h1 price=h2", Sent: "state=h3", Created: at(4), SeenAt: at(5), SyncedAt: at(6), WalkedAt: at(8), Holds: `{"7":"2"}`,
	}
}

func roundTrip(r *rig) error {
	filled, empty := full("1"), order("2")
	empty.State = ""
	large := full("3")
	large.Version, large.Done, large.Attempts, large.Asked = math.MaxInt64, math.MinInt64, math.MaxInt32, math.MaxInt32
	large.Message, large.Parts = strings.Repeat("перевод ", 2000), strings.Repeat("f=h ", 5000)
	for range 300 {
		large.Problems = append(large.Problems, syncer.Problem{Field: "rows", Message: strings.Repeat("ü", 50)})
	}
	links := []*syncer.Link{filled, empty, large}
	if err := r.put(links...); err != nil {
		return err
	}
	if err := r.holds(links...); err != nil {
		return err
	}
	listed, err := r.list(syncer.Query{})
	if err != nil {
		return err
	}
	if len(listed) != len(links) {
		return fmt.Errorf("%d links listed, want %d", len(listed), len(links))
	}
	for i, l := range listed {
		if err := same(l, *links[i]); err != nil {
			return fmt.Errorf("as listed: %w", err)
		}
	}
	return nil
}

// texts are such as data bases have been seen to change.
var texts = []string{
	"Caffè", "Cafe\u0300", "naïve Straße", "日本語", "кофе", "قهوة", "☕️ 👩‍🍳 🇮🇹", "\ufeffbom", "zero\u200bwidth",
	" leading", "trailing ", "tab\tline\nreturn\r\nend", `'quote' "double" \back\slash`, "'; DROP TABLE links; --",
	"%_%", "?", "$1", ":name", "@p1", "{}", "[]", "null", "NULL", "0", "007", "1e3", "true", "<b>&amp;</b>", "a,b;c|d", "\u007f\u0001",
}

func oddTexts(r *rig) error {
	var links []*syncer.Link
	for _, s := range texts {
		links = append(links, &syncer.Link{
			Key:   syncer.Key{Connection: shopA, Kind: syncer.KindOrder, ID: s},
			State: syncer.State(s), Reason: syncer.Reason(s), Code: s, Message: s,
			Problems: []syncer.Problem{{Field: s, Message: s}, {}}, Warnings: []string{s, "", s},
			Title: s, SKU: s, EAN: s, PeerID: s, PeerNo: s, Owner: s, Parts: s, Sent: s,
		})
	}
	if err := r.put(links...); err != nil {
		return err
	}
	return r.holds(links...)
}

func oddTimes(r *rig) error {
	times := map[string]time.Time{
		"zero": {}, "zero elsewhere": time.Time{}.In(time.FixedZone("", 3600)),
		"epoch": time.Unix(0, 0), "before the epoch": time.Unix(-1, 999999000), "old": time.Date(1850, 1, 1, 0, 0, 0, 1000, time.UTC),
		"far": time.Date(2999, 12, 31, 23, 59, 59, 999999000, time.UTC), "odd zone": base.In(time.FixedZone("NPT", 20700)),
		"with a monotonic clock": time.Now(), "nanoseconds": base.Add(789), "microsecond": base.Add(time.Microsecond),
	}
	var links []*syncer.Link
	for name, t := range times {
		l := order(name)
		l.DueAt, l.LeaseEnds, l.SentBy, l.ClearedAt, l.Created, l.SeenAt, l.SyncedAt, l.WalkedAt = t, t, t, t, t, t, t, t
		links = append(links, l)
	}
	if err := r.put(links...); err != nil {
		return err
	}
	return r.holds(links...)
}

// putReplacesEveryField fills an empty link and empties a full one.
func putReplacesEveryField(r *rig) error {
	a, b := full("1"), order("1")
	b.State = ""
	for _, next := range []*syncer.Link{b, a, b} {
		next.Revision = max(a.Revision, b.Revision)
		if err := r.put(next); err != nil {
			return err
		}
		if err := r.holds(next); err != nil {
			return err
		}
	}
	return nil
}

// namesAreExact uses ids that a careless collation takes for one.
func namesAreExact(r *rig) error {
	ids := []string{"a", "A", "a ", " a", "á", "a\u0301", "à", "ß", "ss", "1", "01", "1.0", "%", "_"}
	links := orders(ids...)
	for _, l := range links {
		l.Title, l.SKU = "title of "+l.ID, l.ID
	}
	if err := r.put(links...); err != nil {
		return err
	}
	for _, l := range links {
		if err := r.holds(l); err != nil {
			return err
		}
		if err := r.lists("exact SKU", syncer.Query{SKUs: []string{l.SKU}}, l.ID); err != nil {
			return err
		}
	}
	return nil
}

func connectionsAndKindsAreApart(r *rig) error {
	var links []*syncer.Link
	for _, connection := range []string{shopA, shopB, "Shop-A"} {
		for _, kind := range []syncer.Kind{syncer.KindOrder, syncer.KindProduct, syncer.KindShopProduct} {
			l := full("1")
			l.Connection, l.Kind, l.Message = connection, kind, connection+"/"+string(kind)
			links = append(links, l)
		}
	}
	for _, l := range links { // one by one: a store that mixes them up says stale
		if err := r.put(l); err != nil {
			return err
		}
	}
	for _, l := range links {
		q := syncer.Query{Connection: l.Connection, Kind: l.Kind}
		narrow := q
		narrow.SKUs, narrow.EANs, narrow.PeerIDs = []string{l.SKU}, []string{l.EAN}, []string{l.PeerID}
		got, err := r.Get(r.ctx, l.Connection, l.Kind, "1")
		listed, err2 := r.List(r.ctx, q)
		narrowed, err3 := r.List(r.ctx, narrow)
		if err := errors.Join(err, err2, err3); err != nil {
			return err
		}
		for _, found := range [][]syncer.Link{got, listed, narrowed} {
			if len(found) != 1 {
				return fmt.Errorf("%s of %s: %d links, want 1", l.Kind, l.Connection, len(found))
			}
			if err := same(found[0], *l); err != nil {
				return err
			}
		}
		if err := r.counts("one", q, map[syncer.State]int{l.State: 1}); err != nil {
			return err
		}
	}
	return nil
}

func getLeavesOutUnknown(r *rig) error {
	if err := r.lacks("1", "2"); err != nil {
		return fmt.Errorf("empty store: %w", err)
	}
	if err := r.put(orders("1", "3", "5")...); err != nil {
		return err
	}
	got, err := r.get("5", "4", "", "3", "6", "3", "5")
	if err != nil {
		return err
	}
	if _, ok := got["3"]; !ok || len(got) != 2 {
		return fmt.Errorf("%d links returned, want those of 3 and 5", len(got))
	}
	return nil
}

// nothingAtAll calls each method with nothing to do.
func nothingAtAll(r *rig) error {
	for _, filled := range []bool{false, true} {
		if filled {
			if err := r.put(orders("1", "2")...); err != nil {
				return err
			}
		}
		if err := r.Put(r.ctx); err != nil {
			return fmt.Errorf("putting no links: %w", err)
		}
		if err := r.lacks(); err != nil {
			return fmt.Errorf("getting no ids: %w", err)
		}
		none := syncer.Query{Kind: syncer.KindProduct}
		if err := r.lists("no products", none); err != nil {
			return err
		}
		if err := r.counts("no products", none, nil); err != nil {
			return err
		}
	}
	// Lists that are empty and not nil don't narrow either.
	return r.lists("empty lists", syncer.Query{
		States: []syncer.State{}, SKUs: []string{}, EANs: []string{}, PeerIDs: []string{}, Codes: []string{},
	}, "1", "2")
}

// manyAtOnce passes more values than a database takes parameters.
func manyAtOnce(r *rig) error {
	const n = 4000
	links := numbered("", n)
	skus := make([]string, n)
	for i, l := range links {
		skus[i] = "SKU-" + l.ID
		l.SKU = skus[i]
	}
	if err := r.put(order("not one of them")); err != nil {
		return err
	}
	for range 2 { // insert, then replace
		if err := r.Put(r.ctx, links...); err != nil {
			return fmt.Errorf("putting %d links: %w", n, err)
		}
		if err := r.holds(links...); err != nil {
			return err
		}
		for _, l := range links {
			l.Version++
		}
	}
	listed, err := r.list(syncer.Query{SKUs: skus})
	if err != nil {
		return err
	}
	if !slices.Equal(idsOf(listed), idsOf(links)) {
		return fmt.Errorf("%d links listed by %d SKUs, or not in order", len(listed), n)
	}
	return nil
}
