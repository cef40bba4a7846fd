package totalgesttest

import (
	"cmp"
	"encoding/base64"
	"fmt"
	"slices"
	"time"
)

// entry is a record with the time of its last change.
type entry[T any] struct {
	at  time.Time
	id  string
	rec T
}

// timeline keeps records by their last change, and by id where that is equal.
type timeline[T any] struct {
	all      []*entry[T]
	unsorted bool
}

func compareEntry[T any](a, b *entry[T]) int {
	return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.id, b.id))
}

func (t *timeline[T]) add(e *entry[T]) {
	t.all = append(t.all, e)
	t.unsorted = true
}

// touch moves an entry to a time.
func (t *timeline[T]) touch(e *entry[T], at time.Time) {
	e.at = at
	t.unsorted = true
}

func (t *timeline[T]) remove(e *entry[T]) {
	t.all = slices.DeleteFunc(t.all, func(x *entry[T]) bool { return x == e })
}

func (t *timeline[T]) sort() {
	if t.unsorted {
		slices.SortFunc(t.all, compareEntry[T])
		t.unsorted = false
	}
}

// page returns the entries that follow a cursor and changed at or after a time,
// and the cursor of the next page, which is empty on the last.
func (t *timeline[T]) page(cursor string, since time.Time, limit int) ([]*entry[T], string, error) {
	t.sort()
	from := &entry[T]{at: since}
	if cursor != "" {
		at, id, err := readCursor(cursor)
		if err != nil {
			return nil, "", err
		}
		if !at.Before(since) {
			from = &entry[T]{at: at, id: id}
		}
	}
	i, found := slices.BinarySearchFunc(t.all, from, compareEntry[T])
	if found && cursor != "" {
		i++
	}
	page := t.all[i:min(i+limit, len(t.all))]
	if i+limit >= len(t.all) || len(page) == 0 {
		return page, "", nil
	}
	return page, writeCursor(page[len(page)-1]), nil
}

// numbered returns the entries of a page by its number from 0: what is touched
// or removed while somebody reads moves others over the edges of pages.
func (t *timeline[T]) numbered(n int, since time.Time, limit int) []*entry[T] {
	t.sort()
	i, _ := slices.BinarySearchFunc(t.all, &entry[T]{at: since}, compareEntry[T])
	all := t.all[i:]
	from := min(max(n, 0)*limit, len(all))
	return all[from:min(from+limit, len(all))]
}

func writeCursor[T any](e *entry[T]) string {
	return base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "%d %s", e.at.UnixNano(), e.id))
}

func readCursor(cursor string) (at time.Time, id string, err error) {
	b, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil {
		return at, "", err
	}
	var nanos int64
	if _, err = fmt.Sscanf(string(b), "%d %s", &nanos, &id); err != nil {
		return at, "", err
	}
	return time.Unix(0, nanos), id, nil
}
