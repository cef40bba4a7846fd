package sqlstore

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"slices"
	"strings"

	"github.com/tg360/tg360/syncer"
)

// errRaced means that others made links that were not there a moment ago.
var errRaced = errors.New("a link was made twice")

// The statements of Put. updateOne changes all but what terms are made of.
var (
	updateOne  = "UPDATE links SET revision = revision + 1, " + strings.Join(columns[named:], " = ?, ") + " = ? WHERE " + strings.Join(columns[:named], " = ? AND ") + " = ?"
	insertInto = "INSERT INTO links (" + strings.Join(columns, ", ") + ") "
	orUpdate   = " ON CONFLICT (connection, kind, id) DO UPDATE SET " + excluded(columns[3:]) + " WHERE links.revision = excluded.revision - 1"
	readNamed  = "SELECT " + strings.Join(columns[:named], ", ") + " FROM links WHERE (connection, kind, id) IN ("
)

const (
	dropTerms = "DELETE FROM terms WHERE (connection, kind, term, id) IN ("
	addTerms  = "INSERT INTO terms (connection, kind, term, id) "
	orNothing = " ON CONFLICT DO NOTHING"
)

func excluded(columns []string) string {
	var out []string
	for _, c := range columns {
		out = append(out, c+" = excluded."+c)
	}
	return strings.Join(out, ", ")
}

// Put implements [syncer.Store]. It is one transaction, and on stable storage
// when Put returns.
func (s *Store) Put(ctx context.Context, links ...*syncer.Link) (err error) {
	defer s.finish(ctx, "put links", &err)
	if err := errors.Join(s.usable(ctx), check(links)); err != nil || len(links) == 0 {
		return err
	}
	done := false
	if len(links) == 1 && links[0].Revision > 0 {
		done, err = s.putKnown(ctx, links[0])
	}
	if !done && err == nil {
		sorted := slices.SortedFunc(slices.Values(links), compareKeys) // so that rivals don't lock each other out
		err = s.transact(ctx, func(tx *sql.Tx) error { return s.put(ctx, tx, sorted) })
	}
	for _, l := range links {
		if err == nil {
			l.Revision++
		}
	}
	return err
}

func compareKeys(a, b *syncer.Link) int {
	return cmp.Or(cmp.Compare(a.Connection, b.Connection), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.ID, b.ID))
}

// putKnown stores a link whose terms are as they were, such as a claim, in one
// statement. Otherwise, and if it is stale, done is false.
func (s *Store) putKnown(ctx context.Context, l *syncer.Link) (done bool, err error) {
	v := values(l)
	n, err := s.exec(ctx, s.write, updateOne, slices.Concat(v[named:], v[:named])...)
	return n == 1, err
}

// put stores links in order of their keys. What it reads may change until it
// writes, which then does not happen.
func (s *Store) put(ctx context.Context, tx *sql.Tx, links []*syncer.Link) error {
	have := map[syncer.Key]*syncer.Link{}
	keys := make([][]any, len(links))
	for i, l := range links {
		keys[i] = values(l)[:3]
		have[l.Key] = &syncer.Link{}
	}
	source, list := s.source(keys)
	rows, err := s.query(ctx, tx, readNamed+source+")", list)
	if err != nil {
		return err
	}
	if err := each(rows, named, func(l *syncer.Link) error { have[l.Key] = l; return nil }); err != nil {
		return err
	}
	var stale syncer.StaleError
	var fresh, drop, add [][]any
	for _, l := range links {
		if l.Revision != have[l.Key].Revision {
			stale.Keys = append(stale.Keys, l.Key)
		}
		next := *l
		next.Revision++
		fresh = append(fresh, values(&next))
		was, is := terms(have[l.Key]), terms(l)
		drop, add = append(drop, termRows(l.Key, was, is)...), append(add, termRows(l.Key, is, was)...)
	}
	if len(stale.Keys) > 0 {
		return &stale
	}
	return s.store(ctx, tx, fresh, drop, add)
}

// termRows returns the terms that are not among others, as rows.
func termRows(k syncer.Key, terms, others []string) (rows [][]any) {
	for _, t := range terms {
		if _, both := slices.BinarySearch(others, t); !both {
			rows = append(rows, []any{k.Connection, string(k.Kind), t, k.ID})
		}
	}
	return rows
}

// store writes rows of links, and the terms that change with them.
func (s *Store) store(ctx context.Context, tx *sql.Tx, links, drop, add [][]any) error {
	n, err := s.bulk(ctx, tx, insertInto, links, orUpdate)
	if err == nil && n != int64(len(links)) {
		err = errRaced
	}
	if err == nil {
		_, err = s.bulk(ctx, tx, dropTerms, drop, ")")
	}
	if err == nil {
		_, err = s.bulk(ctx, tx, addTerms, add, orNothing)
	}
	return err
}

// bulk executes a statement over rows, if there are any.
func (s *Store) bulk(ctx context.Context, tx *sql.Tx, before string, rows [][]any, after string) (changed int64, err error) {
	if len(rows) == 0 {
		return 0, nil
	}
	source, list := s.source(rows)
	return s.exec(ctx, tx, before+source+after, list)
}

// exec executes a statement and returns how many rows it changed.
func (s *Store) exec(ctx context.Context, on session, statement string, args ...any) (changed int64, err error) {
	var res sql.Result
	if hot := s.hotOn(ctx, on, statement); hot != nil {
		res, err = hot.ExecContext(ctx, args...)
	} else {
		res, err = on.ExecContext(ctx, s.d.bind(statement), args...)
	}
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

// PutDoc implements [syncer.Store].
func (s *Store) PutDoc(ctx context.Context, d *syncer.Doc) (err error) {
	defer s.finish(ctx, "put document", &err)
	if err := errors.Join(s.usable(ctx), checkDoc(d)); err != nil {
		return err
	}
	var n int64
	if d.Revision == 0 {
		n, err = s.exec(ctx, s.write, insertDoc+orNothing, d.Connection, d.Name, 1, data(d))
	} else {
		n, err = s.exec(ctx, s.write, "UPDATE docs SET revision = revision + 1, data = ? WHERE connection = ? AND name = ? AND revision = ?",
			data(d), d.Connection, d.Name, d.Revision)
	}
	if err == nil && n == 0 {
		err = syncer.ErrStale
	}
	if err == nil {
		d.Revision++
	}
	return err
}

const insertDoc = "INSERT INTO docs (connection, name, revision, data) VALUES (?, ?, ?, ?)"

// data returns what a document holds, and never nil, which would be NULL.
func data(d *syncer.Doc) []byte { return append([]byte{}, d.Data...) }

func checkDoc(d *syncer.Doc) error {
	return checkKeys("Connection", d.Connection, "Name", d.Name)
}
