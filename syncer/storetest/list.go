package storetest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/tg360/tg360/syncer"
)

// catalogue is what the rules about filters look at.
func catalogue() []*syncer.Link {
	links := orders("1", "2", "3", "4", "5", "6")
	set := func(i int, state syncer.State, sku, ean, peer, code string, warnings ...string) {
		l := links[i]
		l.State, l.SKU, l.EAN, l.PeerID, l.Code, l.Warnings = state, sku, ean, peer, code, warnings
	}
	set(0, syncer.Synced, "S1", "E1", "P1", "")
	set(1, syncer.Synced, "S2", "E2", "P2", "C1")
	set(2, syncer.Blocked, "S1", "E3", "", "C2", "C1", "C3")
	set(3, syncer.Blocked, "s1", "E1", "P1", "C3")
	set(4, syncer.InDoubt, "", "", "", "")
	set(5, syncer.Queued, "S3", "E2", "P3", "", "C4", "C2")
	for i, l := range links[1:5] {
		l.DueAt = base.Add(-time.Duration(i) * time.Hour)
		l.Title = "Caffettiera n. " + l.ID
	}
	return links
}

var filterCases = []struct {
	what string
	q    syncer.Query
	want []string
}{
	{"no filter", syncer.Query{}, []string{"1", "2", "3", "4", "5", "6"}},
	{"a state", syncer.Query{States: []syncer.State{syncer.Synced}}, []string{"1", "2"}},
	{"states", syncer.Query{States: []syncer.State{syncer.Queued, syncer.Blocked}}, []string{"3", "4", "6"}},
	{"a state of none", syncer.Query{States: []syncer.State{syncer.Skipped}}, nil},
	{"a SKU", syncer.Query{SKUs: []string{"S1"}}, []string{"1", "3"}},
	{"SKUs, one twice, one of none", syncer.Query{SKUs: []string{"S3", "S1", "S9", "S1"}}, []string{"1", "3", "6"}},
	{"no SKU", syncer.Query{SKUs: []string{""}}, []string{"5"}},
	{"a SKU or none", syncer.Query{SKUs: []string{"", "S2"}}, []string{"2", "5"}},
	{"an EAN", syncer.Query{EANs: []string{"E2"}}, []string{"2", "6"}},
	{"EANs", syncer.Query{EANs: []string{"E3", "E1"}}, []string{"1", "3", "4"}},
	{"a partner", syncer.Query{PeerIDs: []string{"P1"}}, []string{"1", "4"}},
	{"partners", syncer.Query{PeerIDs: []string{"P3", "P2"}}, []string{"2", "6"}},
	{"no partner", syncer.Query{PeerIDs: []string{""}}, []string{"3", "5"}},
	{"a code", syncer.Query{Codes: []string{"C1"}}, []string{"2", "3"}},
	{"a text", syncer.Query{Text: "caffettiera n. 2"}, []string{"2"}},
	{"due", syncer.Query{DueBy: base.Add(-time.Hour)}, []string{"5", "4", "3"}},
	{"after", syncer.Query{After: "4"}, []string{"5", "6"}},
	{"limit", syncer.Query{Limit: 2}, []string{"1", "2"}},
}

func eachFilter(r *rig) error {
	if err := r.put(catalogue()...); err != nil {
		return err
	}
	for _, c := range filterCases {
		if err := r.lists(c.what, c.q, c.want...); err != nil {
			return err
		}
	}
	return nil
}

// filtersTogether puts any two filters into one query.
func filtersTogether(r *rig) error {
	if err := r.put(catalogue()...); err != nil {
		return err
	}
	for i, a := range filterCases {
		for _, b := range filterCases[i+1:] {
			q, ok := both(a.q, b.q)
			if !ok {
				continue
			}
			var want []string
			first, second := a.want, b.want
			if !b.q.DueBy.IsZero() {
				first, second = second, first // its order
			}
			for _, id := range first {
				if q.Limit > 0 || slices.Contains(second, id) {
					want = append(want, id)
				}
			}
			if q.Limit > 0 { // it cuts what the other one leaves
				want = want[:min(q.Limit, len(want))]
			}
			if err := r.lists(a.what+" and "+b.what, q, want...); err != nil {
				return err
			}
		}
	}
	return r.lists("all at once", syncer.Query{
		States: []syncer.State{syncer.Blocked, syncer.Synced}, SKUs: []string{"S1", "s1"}, EANs: []string{"E1", "E3"},
		PeerIDs: []string{"P1", ""}, Codes: []string{"C3"}, Text: "caffe", DueBy: base, After: "3", Limit: 5,
	}, "4")
}

// both joins two queries that don't set the same field.
func both(a, b syncer.Query) (syncer.Query, bool) {
	for _, twice := range []bool{
		a.States != nil && b.States != nil, a.SKUs != nil && b.SKUs != nil, a.EANs != nil && b.EANs != nil,
		a.PeerIDs != nil && b.PeerIDs != nil,
	} {
		if twice {
			return a, false
		}
	}
	a.States, a.SKUs, a.EANs = append(a.States, b.States...), append(a.SKUs, b.SKUs...), append(a.EANs, b.EANs...)
	a.PeerIDs, a.Codes = append(a.PeerIDs, b.PeerIDs...), append(a.Codes, b.Codes...)
	a.Text, a.After, a.Limit = a.Text+b.Text, a.After+b.After, a.Limit+b.Limit
	if a.DueBy.IsZero() {
		a.DueBy = b.DueBy
	}
	return a, true
}

// listFollowsPuts changes what a filter looks at.
func listFollowsPuts(r *rig) error {
	l := full("1")
	if err := r.put(l, order("2")); err != nil {
		return err
	}
	queries := func() map[string]syncer.Query {
		return map[string]syncer.Query{
			"state": {States: []syncer.State{l.State}}, "SKU": {SKUs: []string{l.SKU}}, "EAN": {EANs: []string{l.EAN}},
			"partner": {PeerIDs: []string{l.PeerID}}, "code": {Codes: []string{l.Code}}, "warning": {Codes: l.Warnings[:1]},
			"title": {Text: l.Title}, "number": {Text: l.PeerNo}, "due": {DueBy: l.DueAt},
		}
	}
	before := queries()
	l.State, l.SKU, l.EAN, l.PeerID, l.Code = syncer.Synced, "SKU-9", "9", "P-9", "C9"
	l.Warnings, l.Title, l.PeerNo, l.DueAt = []string{"C8"}, "Altro", "9/9", l.DueAt.Add(time.Hour)
	if err := r.put(l); err != nil {
		return err
	}
	for what, q := range before {
		if err := r.lists(what+" that it had", q); err != nil {
			return err
		}
	}
	for what, q := range queries() {
		if err := r.lists(what+" that it has", q, "1"); err != nil {
			return err
		}
	}
	return nil
}

func scopeIsRequired(r *rig) error {
	if err := r.put(order("1")); err != nil {
		return err
	}
	for what, q := range map[string]syncer.Query{
		"connection": {Kind: syncer.KindOrder}, "kind": {Connection: shopA}, "connection and kind": {},
	} {
		if links, err := r.List(r.ctx, q); err == nil {
			return fmt.Errorf("a List without %s gives %d links and no error", what, len(links))
		}
		if _, err := r.Count(r.ctx, q); err == nil {
			return fmt.Errorf("a Count without %s gives no error", what)
		}
	}
	return nil
}

// byteOrder uses ids that a locale would put in another order.
func byteOrder(r *rig) error {
	want := []string{
		" 1", "%", "-5", "0", "00", "1", "10", "100", "1a", "2", "9", "A", "B", "Z", "_", "a", "a b", "a-b", "aB", "ab", "b", "z",
		"É", "é", "ｚ", "😀",
	}
	links := orders(want...)
	rand.Shuffle(len(links), func(i, j int) { links[i], links[j] = links[j], links[i] })
	if err := r.put(links...); err != nil {
		return err
	}
	if err := r.lists("all", syncer.Query{}, want...); err != nil {
		return err
	}
	for i, id := range want {
		if err := r.lists(fmt.Sprintf("after %q", id), syncer.Query{After: id}, want[i+1:]...); err != nil {
			return err
		}
	}
	if err := r.lists("after an id of none", syncer.Query{After: "Y"}, want[slices.Index(want, "Z"):]...); err != nil {
		return err
	}
	for _, l := range links {
		l.DueAt = base
	}
	if err := r.put(links...); err != nil {
		return err
	}
	return r.lists("all due at once", syncer.Query{DueBy: base}, want...)
}

// walk lists page by page; between is called after each, if it is not nil.
func (r *rig) walk(q syncer.Query, between func(page int) error) ([]string, error) {
	var ids []string
	for page := 1; ; page++ {
		if page > 1000 {
			return nil, errors.New("a thousand pages and no end")
		}
		links, err := r.list(q)
		if err != nil {
			return nil, err
		}
		if len(links) > q.Limit {
			return nil, fmt.Errorf("a page of %d has %d links", q.Limit, len(links))
		}
		if len(links) == 0 {
			return ids, nil
		}
		if links[0].ID <= q.After {
			return nil, fmt.Errorf("the page after %q begins with %q", q.After, links[0].ID)
		}
		ids = append(ids, idsOf(links)...)
		q.After = ids[len(ids)-1]
		if between != nil {
			if err := between(page); err != nil {
				return nil, err
			}
		}
	}
}

func paging(r *rig) error {
	links := numbered("", 1000)
	want := idsOf(links)
	rand.Shuffle(len(links), func(i, j int) { links[i], links[j] = links[j], links[i] })
	if err := r.put(links...); err != nil {
		return err
	}
	for _, limit := range []int{7, 100, 999, 1000, 1001} {
		got, err := r.walk(syncer.Query{Limit: limit}, nil)
		if err != nil {
			return err
		}
		if !slices.Equal(got, want) {
			return fmt.Errorf("pages of %d hold %d ids, want %d in order", limit, len(got), len(want))
		}
	}
	return nil
}

// pagingWhileLinksAreAdded adds a link before and one behind each page's end,
// and changes one.
func pagingWhileLinksAreAdded(r *rig) error {
	links := numbered("", 1000)
	if err := r.put(links...); err != nil {
		return err
	}
	const limit = 30
	got, err := r.walk(syncer.Query{Limit: limit}, func(page int) error {
		if page*limit >= len(links) {
			return nil // the walk must come to its end
		}
		last := links[page*limit-1].ID
		changed := links[page*limit]
		changed.Version++
		return r.put(order("+"+last), order(links[page*limit-2].ID+"a"), order(last+"a"), changed)
	})
	if err != nil {
		return err
	}
	if !slices.IsSortedFunc(got, strings.Compare) || len(slices.Compact(slices.Clone(got))) != len(got) {
		return errors.New("ids come twice or out of order")
	}
	was := slices.DeleteFunc(got, func(id string) bool { return strings.HasSuffix(id, "a") })
	if !slices.Equal(was, idsOf(links)) {
		return fmt.Errorf("the pages hold %d of the %d links that were there before", len(was), len(links))
	}
	return nil
}

// pagingWithFilter has few links that match among many.
func pagingWithFilter(r *rig) error {
	links := numbered("", 600)
	var want []string
	for i, l := range links {
		if i%37 == 5 {
			l.State, l.SKU = syncer.Blocked, "SKU-"+l.ID[4:]
			want = append(want, l.ID)
		}
	}
	if err := r.put(links...); err != nil {
		return err
	}
	skus := []string{"SKU-9", "SKU-8", "SKU-7", "SKU-6", "SKU-5", "SKU-4", "SKU-3", "SKU-2", "SKU-1", "SKU-0"}
	for what, q := range map[string]syncer.Query{
		"state": {States: []syncer.State{syncer.Blocked}, Limit: 3}, "SKU": {SKUs: skus, Limit: 4},
	} {
		got, err := r.walk(q, nil)
		if err != nil {
			return err
		}
		if !slices.Equal(got, want) {
			return fmt.Errorf("pages by %s hold %q, want %q", what, got, want)
		}
	}
	return nil
}

func dueBy(r *rig) error {
	at := map[string]time.Duration{ // from base
		"c": -3 * time.Hour, "a": -2 * time.Hour, "d": -2 * time.Hour, "f": -2*time.Hour + time.Microsecond,
		"b": 0, "e": time.Microsecond, "h": time.Hour,
	}
	links := orders("g", "i") // never due
	for id, d := range at {
		l := order(id)
		l.DueAt = base.Add(d).In(time.FixedZone("", 7200))
		links = append(links, l)
	}
	if err := r.put(links...); err != nil {
		return err
	}
	for _, c := range []struct {
		what string
		q    syncer.Query
		want []string
	}{
		{"due by now", syncer.Query{DueBy: base}, []string{"c", "a", "d", "f", "b"}},
		{"due by now, elsewhere", syncer.Query{DueBy: base.In(time.FixedZone("", -3600))}, []string{"c", "a", "d", "f", "b"}},
		{"first ones due", syncer.Query{DueBy: base, Limit: 2}, []string{"c", "a"}},
		{"due by a past time", syncer.Query{DueBy: base.Add(-2 * time.Hour)}, []string{"c", "a", "d"}},
		{"due by a time before all", syncer.Query{DueBy: base.Add(-4 * time.Hour)}, nil},
		{"due by the end of time", syncer.Query{DueBy: base.AddDate(500, 0, 0)}, []string{"c", "a", "d", "f", "b", "e", "h"}},
		{"due and after an id", syncer.Query{DueBy: base, After: "b"}, []string{"c", "d", "f"}},
		{"due and of a state", syncer.Query{DueBy: base, States: []syncer.State{syncer.Synced}}, nil},
	} {
		if err := r.lists(c.what, c.q, c.want...); err != nil {
			return err
		}
	}
	first := links[slices.IndexFunc(links, func(l *syncer.Link) bool { return l.ID == "c" })]
	second := links[slices.IndexFunc(links, func(l *syncer.Link) bool { return l.ID == "a" })]
	never := links[0]
	first.DueAt, second.DueAt, never.DueAt = base.Add(-time.Hour), time.Time{}, base.Add(-5*time.Hour)
	if err := r.put(first, second, never); err != nil {
		return err
	}
	return r.lists("after changes", syncer.Query{DueBy: base}, "g", "d", "f", "c", "b")
}
