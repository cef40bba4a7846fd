package sqlstore

import (
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/tg360/tg360/syncer"
)

// columns of the table links: the key, the revision, what terms are made of, and
// the rest.
var columns = strings.Fields(`connection kind id revision
	title sku ean peer_id peer_no code warnings
	state reason message problems version done due_at owner lease_ends
	attempts asked sent_by marked cleared_at parts sent created seen_at synced_at walked_at holds`)

// named is how many columns tell what a link is found by, and its revision.
const named = 11

// fields returns pointers to what the columns hold, for reading and writing.
func fields(l *syncer.Link) []any {
	return []any{
		&l.Connection, (*string)(&l.Kind), &l.ID, &l.Revision,
		&l.Title, &l.SKU, &l.EAN, &l.PeerID, &l.PeerNo, &l.Code, list[string]{&l.Warnings},
		(*string)(&l.State), (*string)(&l.Reason), &l.Message, list[syncer.Problem]{&l.Problems},
		&l.Version, &l.Done, micros{&l.DueAt}, &l.Owner, micros{&l.LeaseEnds},
		&l.Attempts, &l.Asked, micros{&l.SentBy}, &l.Marked, micros{&l.ClearedAt}, &l.Parts, &l.Sent,
		micros{&l.Created}, micros{&l.SeenAt}, micros{&l.SyncedAt}, micros{&l.WalkedAt}, &l.Holds,
	}
}

// values returns what the columns hold: texts, whole numbers and nil.
func values(l *syncer.Link) []any {
	out := fields(l)
	for i, f := range out {
		switch f := f.(type) {
		case *string:
			out[i] = *f
		case *int64:
			out[i] = *f
		case *int:
			out[i] = int64(*f)
		case *bool:
			out[i] = map[bool]int64{true: 1}[*f]
		case interface{ value() any }:
			out[i] = f.value()
		}
	}
	return out
}

// micros holds a time as microseconds since 1970, and the zero time as NULL.
type micros struct{ *time.Time }

func (m micros) value() any {
	if m.IsZero() {
		return nil
	}
	return m.UnixMicro()
}

// Scan implements sql.Scanner.
func (m micros) Scan(v any) error {
	var n sql.NullInt64
	err := n.Scan(v)
	if *m.Time = (time.Time{}); n.Valid {
		*m.Time = time.UnixMicro(n.Int64).UTC()
	}
	return err
}

// list holds a list as JSON.
type list[T any] struct{ items *[]T }

func (l list[T]) value() any {
	text, _ := json.Marshal(*l.items) // which can't fail
	return string(text)
}

// Scan implements sql.Scanner.
func (l list[T]) Scan(v any) error {
	text, _ := v.(string)
	return json.Unmarshal([]byte(text), l.items)
}

// The kinds of terms.
const (
	aName  = "=" // ID, PeerID, PeerNo or SKU, in lower case
	anEAN  = "#" // in lower case
	aTitle = "^" // in lower case, the beginning
	aCode  = "!" // Code or one of Warnings
)

// most bytes of a term, and of what makes a key. An index of PostgreSQL takes
// near 2,700 bytes, of all columns together.
const (
	mostTerm = 200
	mostKey  = 500
)

// terms returns what l is found by, in order.
func terms(l *syncer.Link) []string {
	var out []string
	add := func(kind string, texts ...string) {
		for _, s := range texts {
			if s != "" {
				out = append(out, term(kind, s))
			}
		}
	}
	add(aName, l.ID, l.PeerID, l.PeerNo, l.SKU)
	add(anEAN, l.EAN)
	add(aTitle, l.Title)
	add(aCode, l.Code)
	for _, w := range l.Warnings {
		out = append(out, term(aCode, w))
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// term returns the term of a text: of a title its beginning, and in place of a
// very long text its digest.
func term(kind, text string) string {
	if kind != aCode {
		text = strings.ToLower(text)
	}
	if len(text) > mostTerm && kind == aTitle {
		n := mostTerm
		for !utf8.RuneStart(text[n]) {
			n--
		}
		text = text[:n]
	} else if len(text) > mostTerm {
		sum := sha256.Sum256([]byte(text))
		text = hex.EncodeToString(sum[:])
	}
	return kind + text
}

// behind returns the first text, in the order of bytes, behind all that begin
// with s, which begins with a kind of term.
func behind(s string) string {
	for {
		r, n := utf8.DecodeLastRuneInString(s)
		s = s[:len(s)-n]
		if r == 0xD7FF {
			return s + "\uE000"
		}
		if r < utf8.MaxRune {
			return s + string(r+1)
		}
	}
}

// check refuses links that no query could find, that a database can't hold, or
// that are the same.
func check(links []*syncer.Link) error {
	seen := make(map[syncer.Key]int, len(links))
	for i, l := range links {
		err := checkLink(l)
		if first, again := seen[l.Key]; again && err == nil {
			err = fmt.Errorf("it has the key of link %d", first)
		}
		if err != nil {
			return fmt.Errorf("link %d of %d: %w", i+1, len(links), err)
		}
		seen[l.Key] = i + 1
	}
	return nil
}

func checkLink(l *syncer.Link) error {
	if l.Connection == "" || l.Kind == "" || l.ID == "" {
		return errors.New("it lacks a Connection, a Kind or an ID")
	}
	texts := []string{
		"Reason", string(l.Reason), "Code", l.Code, "Message", l.Message, "Title", l.Title, "SKU", l.SKU, "EAN", l.EAN,
		"PeerID", l.PeerID, "PeerNo", l.PeerNo, "Owner", l.Owner, "Parts", l.Parts, "Sent", l.Sent,
	}
	for _, w := range l.Warnings {
		texts = append(texts, "Warnings", w)
	}
	for _, p := range l.Problems {
		texts = append(texts, "Problems.Field", p.Field, "Problems.Message", p.Message)
	}
	if err := checkKeys("Connection", l.Connection, "Kind", string(l.Kind), "ID", l.ID, "State", string(l.State)); err != nil {
		return err
	}
	return checkTexts(texts...)
}

// checkKeys and checkTexts refuse what can't be stored; what they look at is a
// name and a text in turn.
func checkKeys(texts ...string) error {
	for i := 0; i < len(texts); i += 2 {
		if n := len(texts[i+1]); n > mostKey {
			return fmt.Errorf("%s has %d bytes, more than %d", texts[i], n, mostKey)
		}
	}
	return checkTexts(texts...)
}

func checkTexts(texts ...string) error {
	for i := 0; i < len(texts); i += 2 {
		if !holdable(texts[i+1]) {
			return fmt.Errorf("%s, of %d bytes, has a NUL byte or is not UTF-8: clean it first", texts[i], len(texts[i+1]))
		}
	}
	return nil
}

// holdable reports whether every database can hold a text.
func holdable(s string) bool { return utf8.ValidString(s) && strings.IndexByte(s, 0) < 0 }
