package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/pressly/goose/v3"
	"modernc.org/sqlite"
	codes "modernc.org/sqlite/lib"
)

func openSQLite(dsn string, o Options) (*Store, error) {
	path, err := sqlitePath(dsn)
	if err != nil {
		return nil, err
	}
	file, err := create(path)
	if err != nil {
		return nil, fmt.Errorf("database file: %w", err)
	}
	if n := file.Size(); n > 0 && n < 512 { // SQLite would take it for an empty one
		return nil, fmt.Errorf("database file: %s", sqliteWords(path, codes.SQLITE_NOTADB, nil))
	}
	lock := func(wait time.Duration) func(context.Context) (io.Closer, error) {
		return func(ctx context.Context) (io.Closer, error) { return lockFile(ctx, path, wait) }
	}
	s := &Store{d: dialect{
		name: goose.DialectSQLite3, elements: "json_each(?)", snapshot: sql.TxOptions{ReadOnly: true},
		bind:    func(query string) string { return query },
		version: func(ctx context.Context, db *sql.DB) (int64, error) { return sqliteVersion(ctx, db, path) },
		alone: func(ctx context.Context, _ *sql.DB) (func(), error) {
			l, err := lock(30 * time.Second)(ctx)
			return func() { _ = l.Close() }, err
		},
		exclusive: lock(time.Second), // in case somebody updates the schema
		alive: func() error {
			if now, err := os.Stat(path); err != nil || !os.SameFile(now, file) {
				return fmt.Errorf("%s was deleted or replaced while in use, and what is stored now is lost: stop, put the file or a backup back, and start again", path)
			}
			return nil
		},
		again:   func(error) bool { return false }, // a writer is alone
		explain: func(err error) string { return sqliteWords(path, sqliteCode(err), err) },
	}}
	uri := sqliteURI(path, "immediate", "busy_timeout(10000)", "journal_mode(WAL)", "synchronous(FULL)", "journal_size_limit(67108864)")
	s.read, err = sql.Open("sqlite", uri)
	if err == nil {
		s.write, err = sql.Open("sqlite", uri)
	}
	if err != nil {
		return nil, fmt.Errorf("database file: %w", err)
	}
	s.read.SetMaxOpenConns(o.MaxConns)
	s.read.SetMaxIdleConns(o.MaxConns)
	s.write.SetMaxOpenConns(1) // so that writers queue up instead of polling
	return s, nil
}

// sqlitePath returns the path of the file that dsn names, without links.
func sqlitePath(dsn string) (path string, err error) {
	path, uri := strings.CutPrefix(dsn, "file:")
	if uri {
		path, err = url.PathUnescape(strings.TrimPrefix(path, "//"))
		if err != nil || strings.ContainsAny(dsn, "?#") {
			return "", errors.New("the file: URI of the database has settings, or a % without two hexadecimal digits: want file:/folder/name.db")
		}
	}
	if path == "" || strings.HasPrefix(path, ":memory:") || strings.Contains(path, "://") {
		return "", errors.New("the database is neither the path of a file nor a URL that begins with postgres://")
	}
	if path, err = filepath.Abs(path); err != nil {
		return "", fmt.Errorf("database file: %w", err)
	}
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	}
	return path, nil
}

func sqliteURI(path, txLock string, pragmas ...string) string {
	u := url.URL{Scheme: "file", Path: "/" + strings.TrimPrefix(filepath.ToSlash(path), "/")} // also of C:/
	u.RawQuery = url.Values{"_txlock": {txLock}, "_pragma": pragmas}.Encode()
	return u.String()
}

// creating keeps a file from being opened as a database between being made and
// being closed: closing it ends all locks that this process has on it. So a file
// that is there is not opened here at all.
var creating sync.Mutex

// create makes a file and its folder, for this user alone, unless they are there.
func create(path string) (os.FileInfo, error) {
	creating.Lock()
	defer creating.Unlock()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err == nil {
		err = f.Close()
	}
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	info, err := os.Stat(path)
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is a folder or a device", path)
	}
	return info, err
}

func sqliteVersion(ctx context.Context, db *sql.DB, path string) (version int64, err error) {
	if file, err := os.Stat(path); err != nil || file.Size() == 0 {
		return 0, err // not looked into: who is first turns the write-ahead log on, alone
	}
	var tables, ours int
	err = db.QueryRowContext(ctx, "SELECT count(*), coalesce(sum(name = '"+versionTable+"'), 0) FROM sqlite_master WHERE type = 'table'").Scan(&tables, &ours)
	if err != nil {
		return 0, err
	}
	if tables > 0 && ours == 0 {
		return 0, fmt.Errorf("%s is the database of another program, and was not changed: name another file", path)
	}
	if ours > 0 {
		_, err = db.ExecContext(ctx, "UPDATE "+versionTable+" SET is_applied = is_applied WHERE FALSE") // can it be written?
	}
	if ours > 0 && err == nil {
		err = db.QueryRowContext(ctx, "SELECT coalesce(max(version_id), 0) FROM "+versionTable).Scan(&version)
	}
	return version, err
}

// fileLock is a database of its own that is locked as long as the process lives.
type fileLock struct {
	db *sql.DB
	tx *sql.Tx
}

// Close ends the lock.
func (l *fileLock) Close() error { return errors.Join(l.tx.Rollback(), l.db.Close()) }

func lockFile(ctx context.Context, path string, wait time.Duration) (io.Closer, error) {
	lock := path + "-serve.lock"
	if _, err := create(lock); err != nil {
		return nil, fmt.Errorf("lock file: %w", err)
	}
	db, err := sql.Open("sqlite", sqliteURI(lock, "exclusive", "busy_timeout(100)"))
	for begun := time.Now(); err == nil; {
		var tx *sql.Tx
		if tx, err = db.BeginTx(context.WithoutCancel(ctx), nil); err == nil { // it outlives the call
			return &fileLock{db, tx}, nil
		}
		if sqliteCode(err) != codes.SQLITE_BUSY {
			break
		}
		if err = ctx.Err(); err == nil && time.Since(begun) > wait {
			err = fmt.Errorf("%s: %w", path, ErrInUse)
		}
	}
	return nil, errors.Join(err, db.Close())
}

// sqliteCode returns the primary code of an error; 0 if it has none.
func sqliteCode(err error) int {
	if e := (*sqlite.Error)(nil); errors.As(err, &e) {
		return e.Code() & 0xff
	}
	return 0
}

func sqliteWords(path string, code int, err error) string {
	words := map[int]string{
		codes.SQLITE_BUSY:     "another process has been writing for too long: try again, or stop it",
		codes.SQLITE_READONLY: "it can't be written: let this user write the file and its folder",
		codes.SQLITE_CORRUPT:  "it is damaged, and was not changed: move it away and restore a backup",
		codes.SQLITE_NOTADB:   "it is no database, or damaged, and was not changed: name another file, or restore a backup",
		codes.SQLITE_FULL:     "the disk is full, and nothing was stored: make room",
		codes.SQLITE_CANTOPEN: "it, or a file beside it, can't be opened: let this user read and write the file and its folder",
		codes.SQLITE_IOERR:    "the disk can't be read or written, and nothing was stored: look at its health and space",
	}[code]
	if words == "" {
		return err.Error()
	}
	return path + ": " + words
}
