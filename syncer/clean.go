package syncer

import (
	"context"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	maxText     = 500 // bytes of a text of a link
	maxProblems = 100
	maxID       = 200 // bytes of the id of an order or product
)

// cleaned is a store that is handed nothing that a database can't hold, whatever
// the two systems send, and tells what was stored.
type cleaned struct {
	Store
	onLink func(Link)
}

// Get leaves out ids that can't be of a link.
func (s cleaned) Get(ctx context.Context, connection string, kind Kind, ids ...string) ([]Link, error) {
	return s.Store.Get(ctx, connection, kind, slices.DeleteFunc(slices.Clone(ids), badID)...)
}

// List looks for texts as they are stored.
func (s cleaned) List(ctx context.Context, q Query) ([]Link, error) {
	q.Text = clean(q.Text)
	for _, list := range []*[]string{&q.SKUs, &q.EANs, &q.PeerIDs} {
		*list = slices.Clone(*list)
		for i := range *list {
			(*list)[i] = clean((*list)[i])
		}
	}
	return s.Store.List(ctx, q)
}

func (s cleaned) Put(ctx context.Context, links ...*Link) error {
	for _, l := range links {
		l.Problems, l.Warnings = slices.Clone(l.Problems[:min(len(l.Problems), maxProblems)]), slices.Clone(l.Warnings)
		for _, t := range []*string{&l.Code, &l.Message, &l.Title, &l.SKU, &l.EAN, &l.PeerID, &l.PeerNo} {
			*t = clean(*t)
		}
		for i := range l.Problems {
			l.Problems[i] = Problem{clean(l.Problems[i].Field), clean(l.Problems[i].Message)}
		}
		for i := range l.Warnings {
			l.Warnings[i] = clean(l.Warnings[i])
		}
	}
	if err := s.Store.Put(ctx, links...); err != nil || s.onLink == nil {
		return err
	}
	for _, l := range links {
		s.onLink(*l)
	}
	return nil
}

// clean returns a text that every store can hold: valid UTF-8 without NUL, and
// not long.
func clean(s string) string {
	s = strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
	if len(s) <= maxText {
		return s
	}
	end := maxText
	for !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end]
}

var errBadID = &ItemError{Reason: ReasonData, Code: codeOrderUnreadable, Message: "this can't be an order's id: it is longer than 200 bytes or holds control characters"}

// badID reports whether an id can't be that of a link.
func badID(id string) bool {
	return len(id) > maxID || !utf8.ValidString(id) || strings.ContainsFunc(id, unicode.IsControl)
}
