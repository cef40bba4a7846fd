package sqlstore

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"strings"
	"sync/atomic"

	"github.com/pressly/goose/v3"

	"github.com/tg360/tg360/syncer"
)

// ErrInUse means that a serve has a SQLite file for itself; see [Store.Exclusive].
var ErrInUse = errors.New("another serve uses this file")

// Options are what a store can do without.
type Options struct {
	Schema   string       // of PostgreSQL, made when it is missing; empty: tg360. SQLite has none
	MaxConns int          // most connections, at least 2; 0: 8. SQLite has one more, for writing
	Logger   *slog.Logger // hears of updates of the schema and of what is tried again; nil: nobody
}

// Store is a [syncer.Store] in a database; see the package comment. It is safe
// for concurrent use, and other processes may use the same database. The zero
// Store is not usable; see [Open].
type Store struct {
	d           dialect
	read, write *sql.DB // the same one, or that of SQLite's only writer
	log         *slog.Logger
	schema      int64 // version
	hot         map[string]*sql.Stmt
	closed      atomic.Bool
}

var _ syncer.Store = (*Store)(nil)

// dialect is what SQLite and PostgreSQL don't have in common.
type dialect struct {
	name     goose.Dialect
	elements string        // of a JSON array, as rows with a value
	lock     string        // keeps others from writing
	snapshot sql.TxOptions // of a transaction that sees one instant

	bind      func(query string) string                                // turns question marks into placeholders
	version   func(context.Context, *sql.DB) (int64, error)            // of the schema; 0: there is none
	alone     func(context.Context, *sql.DB) (release func(), _ error) // to update the schema
	exclusive func(context.Context) (io.Closer, error)                 // is Store.Exclusive
	alive     func() error                                             // complains when the database was taken away
	again     func(error) bool                                         // whether a transaction failed because of another one
	explain   func(error) string                                       // says what happened to people, and no secret
}

// Open opens a database and brings its schema up to date. dsn is a URL that
// begins with postgres:// or postgresql://, or the path of a SQLite file, also as
// file: URI; file and folder are made, for this user alone, when they are
// missing. A database that another program made, that is damaged, or whose schema
// is newer than this program is refused and left as it is. No error holds a
// password.
func Open(ctx context.Context, dsn string, o Options) (s *Store, err error) {
	if o.MaxConns == 0 {
		o.MaxConns = 8
	}
	o.MaxConns = max(o.MaxConns, 2)
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if strings.HasPrefix(dsn, "postgres://") || strings.HasPrefix(dsn, "postgresql://") {
		s, err = openPostgres(dsn, o)
	} else {
		s, err = openSQLite(dsn, o)
	}
	if err != nil {
		return nil, fmt.Errorf("sqlstore: %w", err)
	}
	s.log = o.Logger
	if err = s.migrate(ctx); err == nil {
		err = s.prepare(ctx)
	}
	if s.finish(ctx, "open", &err); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

//go:embed migrations
var migrations embed.FS

const versionTable = "schema_versions"

// migrate brings the schema up to date, unless another process does at the moment.
func (s *Store) migrate(ctx context.Context) error {
	dir, err := fs.Sub(migrations, "migrations/"+string(s.d.name))
	if err != nil {
		return err
	}
	p, err := goose.NewProvider(s.d.name, s.write, dir, goose.WithTableName(versionTable), goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return err
	}
	all := p.ListSources()
	s.schema = all[len(all)-1].Version
	have, err := s.d.version(ctx, s.write)
	if err == nil && have < s.schema {
		var release func()
		if release, err = s.d.alone(ctx, s.write); err != nil {
			return err
		}
		_, err = p.Up(ctx)
		release()
		if err == nil {
			s.log.InfoContext(ctx, "schema updated", "was", have, "is", s.schema)
			have, err = s.d.version(ctx, s.write)
		}
	}
	if err == nil && have > s.schema {
		err = fmt.Errorf("the database has schema version %d and this program knows %d: update the program; nothing was changed", have, s.schema)
	}
	return err
}

// prepare keeps SQLite from parsing what is executed most again and again, which
// takes longer than the work. The driver of PostgreSQL sees to that itself.
func (s *Store) prepare(ctx context.Context) (err error) {
	if s.read == s.write {
		return nil
	}
	link, _ := s.source([][]any{values(&syncer.Link{})})
	key, _ := s.source([][]any{{"", "", ""}})
	term, _ := s.source([][]any{{"", "", "", ""}})
	s.hot = map[string]*sql.Stmt{}
	for db, statements := range map[*sql.DB][]string{
		s.read:  {readLinks + " WHERE (connection, kind, id) IN (" + key + ")"},
		s.write: {updateOne, readNamed + key + ")", insertInto + link + orUpdate, dropTerms + term + ")", addTerms + term + orNothing},
	} {
		for _, text := range statements {
			if s.hot[text], err = db.PrepareContext(ctx, text); err != nil {
				return err
			}
		}
	}
	return nil
}

// session is a pool, or a transaction.
type session interface {
	ExecContext(context.Context, string, ...any) (sql.Result, error)
	QueryContext(context.Context, string, ...any) (*sql.Rows, error)
}

// hotOn returns a prepared statement; nil if there is none of this text.
func (s *Store) hotOn(ctx context.Context, on session, text string) *sql.Stmt {
	hot := s.hot[text]
	if tx, ok := on.(*sql.Tx); ok && hot != nil {
		hot = tx.StmtContext(ctx, hot)
	}
	return hot
}

// Ping reports whether the database answers, and a SQLite file is still there.
func (s *Store) Ping(ctx context.Context) (err error) {
	defer s.finish(ctx, "ping", &err)
	if err := errors.Join(s.usable(ctx), s.d.alive()); err != nil {
		return err
	}
	return s.read.QueryRowContext(ctx, "SELECT count(*) FROM docs WHERE connection = ''").Scan(new(int))
}

// Exclusive keeps a SQLite file for the serve of this process until the closer is
// closed, or the process dies: for others, and for a second call, the error is
// [ErrInUse]. Nobody is kept from reading and writing. On PostgreSQL several
// serves are welcome, and it does nothing.
func (s *Store) Exclusive(ctx context.Context) (lock io.Closer, err error) {
	defer s.finish(ctx, "exclusive", &err)
	if err := s.usable(ctx); err != nil {
		return nil, err
	}
	return s.d.exclusive(ctx)
}

// Close implements [syncer.Store]. What is under way may still end.
func (s *Store) Close() error {
	if s.closed.Swap(true) {
		return nil
	}
	return errors.Join(s.read.Close(), s.write.Close())
}

func (s *Store) usable(ctx context.Context) error {
	if s.closed.Load() {
		return syncer.ErrClosed
	}
	return ctx.Err()
}

// failure is an error in words for people, without those of the driver, which may
// quote the URL of the database.
type failure struct {
	text  string
	cause error
}

// Error implements error.
func (e *failure) Error() string { return e.text }

// Unwrap returns the error of the driver.
func (e *failure) Unwrap() error { return e.cause }

// finish makes the error of a method out of what happened in it.
func (s *Store) finish(ctx context.Context, doing string, err *error) {
	switch {
	case *err == nil, errors.Is(*err, syncer.ErrStale), errors.Is(*err, syncer.ErrNotFound):
	case s.closed.Load():
		*err = syncer.ErrClosed
	case ctx.Err() != nil:
		*err = fmt.Errorf("sqlstore: %s: %w", doing, ctx.Err())
	default:
		*err = &failure{"sqlstore: " + doing + ": " + s.d.explain(*err), *err}
	}
}

// transact runs f in a transaction for writing, again when others were in its way.
func (s *Store) transact(ctx context.Context, f func(*sql.Tx) error) (err error) {
	for try := range 10 {
		if err = once(ctx, s.write, nil, f); err == nil || !s.d.again(err) {
			break
		}
		s.log.DebugContext(ctx, "transaction is tried again", "after", try+1, "reason", s.d.explain(err))
	}
	return err
}

func once(ctx context.Context, db *sql.DB, o *sql.TxOptions, f func(*sql.Tx) error) error {
	tx, err := db.BeginTx(ctx, o)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // after Commit it does nothing
	if err := f(tx); err != nil {
		return err
	}
	return tx.Commit()
}
