package storetest

import (
	"time"

	"pgregory.net/rapid"

	"github.com/tg360/tg360/syncer"
)

// step is one call of a history. Links and documents bear a freshness in place
// of their revision, and replay makes each connection its own.
type step struct {
	call  string
	links []syncer.Link
	doc   syncer.Doc
	query syncer.Query
	ids   []string
}

// one draws one of few values, so that they meet. Generators are made anew each
// time: rapid's must not be shared between goroutines.
func one[T any](t *rapid.T, label string, values ...T) T {
	return rapid.SampledFrom(values).Draw(t, label)
}

// several draws from least to most values.
func several[T any](t *rapid.T, label string, least, most int, draw func(*rapid.T) T) []T {
	return rapid.SliceOfN(rapid.Custom(draw), least, most).Draw(t, label)
}

func anID(t *rapid.T) string {
	return one(t, "id", "1", "10", "9", "a", "A", "é", "É", "%", "a_", "ab")
}
func aCode(t *rapid.T) string { return one(t, "code", "C1", "C2", "c1", "C%") }
func aSKU(t *rapid.T) string  { return one(t, "sku", "", "", "S1", "s1", "É", "10") }
func aShop(t *rapid.T) string { return one(t, "shop", shopA, shopA, shopA, shopB) }
func aRevision(t *rapid.T) int64 {
	return int64(one(t, "freshness", current, current, current, zero, behind, ahead))
}

func aKind(t *rapid.T) syncer.Kind {
	return one(t, "kind", syncer.KindOrder, syncer.KindOrder, syncer.KindOrder, syncer.KindProduct)
}

func aState(t *rapid.T) syncer.State {
	return one(t, "state", syncer.Queued, syncer.Synced, syncer.Blocked)
}

func aTitle(t *rapid.T) string {
	return one(t, "title", "", "Caffè 100%", "CAFFÈ_nero", "caffe", "É", "%", "10 pezzi", "ab")
}

func aText(t *rapid.T) string {
	return one(t, "text", "caff", "CAFFÈ", "caffè_", "100%", "%", "é", "1", "10", "s1", "p1", "a_")
}

func aTime(t *rapid.T) time.Time {
	if hours := one(t, "hours", -3, -2, -1, 0, 1, 2, 3, 99); hours < 99 {
		return base.Add(time.Duration(hours) * time.Hour)
	}
	return time.Time{}
}

func aLink(t *rapid.T) syncer.Link {
	return syncer.Link{
		Key:   syncer.Key{Connection: aShop(t), Kind: aKind(t), ID: anID(t)},
		State: aState(t), Code: aCode(t), Title: aTitle(t), Warnings: several(t, "warnings", 0, 2, aCode),
		SKU: aSKU(t), EAN: aSKU(t), PeerID: aSKU(t), PeerNo: one(t, "number", "", "P1"),
		Version: int64(rapid.IntRange(0, 99).Draw(t, "version")), DueAt: aTime(t), SeenAt: aTime(t),
	}
}

// someLinks draws links with different keys.
func someLinks(t *rapid.T, least, most int) []syncer.Link {
	key := func(l syncer.Link) syncer.Key { return l.Key }
	return rapid.SliceOfNDistinct(rapid.Custom(aLink), least, most, key).Draw(t, "links")
}

func aQuery(t *rapid.T) syncer.Query {
	q := syncer.Query{Connection: aShop(t), Kind: aKind(t), Limit: one(t, "limit", 0, 0, 0, 1, 2, 3, 5)}
	fields := several(t, "fields", 0, 3, func(t *rapid.T) string {
		return one(t, "field", "States", "SKUs", "EANs", "PeerIDs", "Codes", "Text", "Text", "DueBy", "DueBy", "After")
	})
	for _, field := range fields {
		switch field {
		case "States":
			q.States = several(t, "states", 1, 2, aState)
		case "SKUs":
			q.SKUs = several(t, "skus", 1, 3, aSKU)
		case "EANs":
			q.EANs = several(t, "eans", 1, 3, aSKU)
		case "PeerIDs":
			q.PeerIDs = several(t, "peers", 1, 3, aSKU)
		case "Codes":
			q.Codes = several(t, "codes", 1, 2, aCode)
		case "Text":
			q.Text = aText(t)
		case "DueBy":
			q.DueBy = aTime(t)
		case "After":
			q.After = anID(t)
		}
	}
	return q
}

func aStep(t *rapid.T) step {
	s := step{call: one(t, "call", "Put", "careless Put", "Get", "List", "List", "List", "Count", "PutDoc", "Doc")}
	switch s.call {
	case "Put":
		s.links = someLinks(t, 1, 8)
	case "careless Put":
		s.links = several(t, "links", 1, 4, aLink)
		for i := range s.links {
			s.links[i].Revision = aRevision(t)
		}
	case "Get":
		s.query = syncer.Query{Connection: aShop(t), Kind: aKind(t)}
		s.ids = several(t, "ids", 0, 5, anID)
	case "List", "Count":
		s.query = aQuery(t)
	default:
		s.doc = syncer.Doc{Connection: aShop(t), Name: anID(t), Revision: aRevision(t), Data: []byte(aTitle(t))}
	}
	return s
}

// history draws calls that begin with several links, for others to meet, and end
// with several questions.
func history(t *rapid.T) []step {
	steps := append([]step{{call: "Put", links: someLinks(t, 6, 20)}}, several(t, "steps", 5, 40, aStep)...)
	for _, q := range several(t, "queries", 20, 20, aQuery) {
		steps = append(steps, step{call: "List", query: q})
	}
	return steps
}
