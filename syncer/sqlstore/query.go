package sqlstore

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/tg360/tg360/syncer"
)

var readLinks = "SELECT " + strings.Join(columns, ", ") + " FROM links"

// Get implements [syncer.Store].
func (s *Store) Get(ctx context.Context, connection string, kind syncer.Kind, ids ...string) (links []syncer.Link, err error) {
	defer s.finish(ctx, "get links", &err)
	if err := errors.Join(s.usable(ctx), checkTexts("Connection", connection, "Kind", string(kind))); err != nil || len(ids) == 0 {
		return nil, err
	}
	w := where{Store: s, connection: connection, kind: kind}
	w.in("(connection, kind, id)", w.scope(), ids, ")")
	w.leads = true
	return w.links(ctx, "")
}

// List implements [syncer.Store].
func (s *Store) List(ctx context.Context, q syncer.Query) (links []syncer.Link, err error) {
	defer s.finish(ctx, "list links", &err)
	w, err := s.where(ctx, &q)
	if err != nil {
		return nil, err
	}
	if q.After != "" {
		w.add("id > ?", q.After)
	}
	order := " ORDER BY id"
	if !q.DueBy.IsZero() {
		order = " ORDER BY due_at, id"
	}
	if q.Limit > 0 {
		order += fmt.Sprint(" LIMIT ", q.Limit)
	}
	return w.links(ctx, order)
}

// Count implements [syncer.Store].
func (s *Store) Count(ctx context.Context, q syncer.Query) (counts map[syncer.State]int, err error) {
	defer s.finish(ctx, "count links", &err)
	q.After, q.Limit = "", 0
	w, err := s.where(ctx, &q)
	if err != nil {
		return nil, err
	}
	rows, err := w.query(ctx, "SELECT state, count(*) FROM links", " GROUP BY state")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	counts = map[syncer.State]int{}
	for rows.Next() {
		var state syncer.State
		var n int
		if err := rows.Scan(&state, &n); err != nil {
			return nil, err
		}
		counts[state] = n
	}
	return counts, rows.Err()
}

// Doc implements [syncer.Store].
func (s *Store) Doc(ctx context.Context, connection, name string) (d syncer.Doc, err error) {
	defer s.finish(ctx, "read document", &err)
	d = syncer.Doc{Connection: connection, Name: name}
	if err := errors.Join(s.usable(ctx), checkDoc(&d)); err != nil {
		return d, err
	}
	row := s.read.QueryRowContext(ctx, s.d.bind("SELECT revision, data FROM docs WHERE connection = ? AND name = ?"), connection, name)
	if err = row.Scan(&d.Revision, &d.Data); errors.Is(err, sql.ErrNoRows) {
		err = syncer.ErrNotFound
	}
	return d, err
}

func (s *Store) query(ctx context.Context, on session, query string, args ...any) (*sql.Rows, error) {
	if hot := s.hotOn(ctx, on, query); hot != nil {
		return hot.QueryContext(ctx, args...)
	}
	return on.QueryContext(ctx, s.d.bind(query), args...)
}

// each calls f for each row of the first n columns, and closes rows.
func each(rows *sql.Rows, n int, f func(*syncer.Link) error) error {
	defer rows.Close()
	for rows.Next() {
		var l syncer.Link
		if err := rows.Scan(fields(&l)[:n]...); err != nil {
			return err
		}
		if err := f(&l); err != nil {
			return err
		}
	}
	return rows.Err()
}

// source returns a source of rows, of texts, whole numbers and nil, and its one
// argument: any number of rows is the same statement.
func (s *Store) source(rows [][]any) (string, any) {
	list, _ := json.Marshal(rows) // which can't fail
	cells := make([]string, len(rows[0]))
	for i, v := range rows[0] {
		cells[i] = fmt.Sprintf("value ->> %d", i)
		if _, text := v.(string); !text {
			cells[i] = "CAST(" + cells[i] + " AS BIGINT)"
		}
	}
	return "SELECT " + strings.Join(cells, ", ") + " FROM " + s.d.elements + " WHERE true", string(list)
}

// where gathers conditions that must all hold.
type where struct {
	*Store
	connection string
	kind       syncer.Kind
	leads      bool // a condition leads to the links by itself
	conditions []string
	args       []any
}

func (w *where) add(condition string, args ...any) {
	w.conditions, w.args = append(w.conditions, condition), append(w.args, args...)
}

// in demands that columns are one of values, behind what comes before them in
// each; end closes the condition. Values that can't be stored are nowhere.
func (w *where) in(columns string, before []any, values []string, end string) {
	var rows [][]any
	for _, v := range values {
		if holdable(v) {
			rows = append(rows, append(slices.Clone(before), v))
		}
	}
	if rows == nil {
		w.add("FALSE")
		return
	}
	source, list := w.source(rows)
	w.add(columns+" IN ("+source+end, list)
}

// scope is what stands before the last part of keys. It comes in rows, because
// constants tempt a planner without statistics to read all links of a scope.
func (w *where) scope() []any { return []any{w.connection, string(w.kind)} }

const termed = "SELECT connection, kind, id FROM terms WHERE "

// terms demands that links have one of these terms.
func (w *where) terms(kind string, values []string) {
	found := make([]string, len(values))
	for i, v := range values {
		found[i] = term(kind, v)
	}
	w.in("(connection, kind, id) IN ("+termed+"(connection, kind, term)", w.scope(), found, "))")
	w.leads = true
}

// named demands that a column is one of values, if there are any. A link that has
// none there has no term either.
func (w *where) named(column, kind string, values []string) {
	if len(values) > 0 {
		w.in(column, nil, values, ")")
	}
	if len(values) > 0 && !slices.Contains(values, "") {
		w.terms(kind, values)
	}
}

func (w *where) query(ctx context.Context, head, tail string) (*sql.Rows, error) {
	if !w.leads {
		w.add("connection = ? AND kind = ?", w.scope()...)
	}
	return w.Store.query(ctx, w.read, head+" WHERE "+strings.Join(w.conditions, " AND ")+tail, w.args...)
}

func (w *where) links(ctx context.Context, order string) (links []syncer.Link, err error) {
	rows, err := w.query(ctx, readLinks, order)
	if err == nil {
		err = each(rows, len(columns), func(l *syncer.Link) error { links = append(links, *l); return nil })
	}
	if err != nil {
		return nil, err
	}
	return links, nil
}

// where returns what List and Count have in common.
func (s *Store) where(ctx context.Context, q *syncer.Query) (*where, error) {
	if err := errors.Join(s.usable(ctx), checkTexts("Connection", q.Connection, "Kind", string(q.Kind), "Text", q.Text, "After", q.After)); err != nil {
		return nil, err
	}
	if q.Connection == "" || q.Kind == "" {
		return nil, errors.New("a query needs Connection and Kind")
	}
	w := &where{Store: s, connection: q.Connection, kind: q.Kind}
	if len(q.States) > 0 {
		w.add("state IN (?" + strings.Repeat(", ?", len(q.States)-1) + ")")
		for _, state := range q.States {
			w.args = append(w.args, string(state))
		}
	}
	w.named("sku", aName, q.SKUs)
	w.named("ean", anEAN, q.EANs)
	w.named("peer_id", aName, q.PeerIDs)
	if len(q.Codes) > 0 {
		leads := w.leads
		w.terms(aCode, q.Codes)
		if n := len(w.conditions) - 1; slices.Contains(q.Codes, "") { // to have none is no term
			w.conditions[n], w.leads = "(code = '' OR "+w.conditions[n]+")", leads
		}
	}
	if q.Text != "" {
		title := term(aTitle, q.Text)
		either := termed + "connection = ? AND kind = ? AND term = ? UNION ALL " + termed + "connection = ? AND kind = ? AND term >= ? AND term < ?"
		args := slices.Concat(w.scope(), []any{term(aName, q.Text)}, w.scope(), []any{title, behind(title)})
		first := ""
		if q.Limit > 0 && len(w.conditions) == 0 && q.DueBy.IsZero() { // most of what begins so is not wanted; a link may be in there twice
			first, args = " WHERE id > ? ORDER BY id LIMIT ?", append(args, q.After, 2*q.Limit)
		}
		w.add("(connection, kind, id) IN (SELECT connection, kind, id FROM ("+either+") AS either"+first+")", args...)
		w.leads = true
	}
	if !q.DueBy.IsZero() {
		w.add("due_at <= ?", q.DueBy.UnixMicro())
	}
	return w, nil
}
