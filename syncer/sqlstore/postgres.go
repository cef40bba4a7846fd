package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
)

func openPostgres(dsn string, o Options) (*Store, error) {
	cfg, err := pgx.ParseConfig(dsn)
	if err != nil { // its text may hold the password, or a part of it
		return nil, errors.New("the URL of the database can't be read: want postgres://user:password@host:5432/database, other characters than letters and digits as %XX")
	}
	if o.Schema == "" {
		o.Schema = "tg360"
	}
	if cfg.ConnectTimeout == 0 {
		cfg.ConnectTimeout = 10 * time.Second
	}
	p := cfg.RuntimeParams
	p["search_path"] = pgx.Identifier{o.Schema}.Sanitize()
	p["default_transaction_isolation"] = "read committed"
	if p["synchronous_commit"] == "" || p["synchronous_commit"] == "off" { // whatever the server is set to
		p["synchronous_commit"] = "on"
	}
	if p["application_name"] == "" {
		p["application_name"] = "tg360"
	}
	db := stdlib.OpenDB(*cfg)
	db.SetMaxOpenConns(o.MaxConns)
	db.SetMaxIdleConns(o.MaxConns)
	db.SetConnMaxIdleTime(5 * time.Minute)
	server := fmt.Sprintf("PostgreSQL at %s, database %s, user %s", net.JoinHostPort(cfg.Host, strconv.Itoa(int(cfg.Port))), cfg.Database, cfg.User)
	return &Store{read: db, write: db, d: dialect{
		name: goose.DialectPostgres, elements: "jsonb_array_elements(?::jsonb)",
		lock:      "LOCK TABLE links, docs", // also from having read: see put
		snapshot:  sql.TxOptions{ReadOnly: true, Isolation: sql.LevelRepeatableRead},
		bind:      numbered,
		version:   func(ctx context.Context, db *sql.DB) (int64, error) { return postgresVersion(ctx, db, o.Schema) },
		alone:     func(ctx context.Context, db *sql.DB) (func(), error) { return lockSchema(ctx, db, o.Schema) },
		exclusive: func(context.Context) (io.Closer, error) { return io.NopCloser(nil), nil },
		alive:     func() error { return nil },
		again:     postgresAgain,
		explain:   func(err error) string { return postgresWords(server, err) },
	}}, nil
}

// numbered turns question marks into $1, $2 and so on.
func numbered(query string) string {
	parts := strings.Split(query, "?")
	for i := range parts[1:] {
		parts[i] += "$" + strconv.Itoa(i+1)
	}
	return strings.Join(parts, "")
}

func postgresVersion(ctx context.Context, db *sql.DB, schema string) (version int64, err error) {
	table := pgx.Identifier{schema, versionTable}.Sanitize()
	var there bool
	err = db.QueryRowContext(ctx, "SELECT to_regclass($1) IS NOT NULL", table).Scan(&there)
	if err == nil && there {
		err = db.QueryRowContext(ctx, "SELECT coalesce(max(version_id), 0) FROM "+table).Scan(&version)
	}
	return version, err
}

// lockSchema keeps others from updating a schema, and makes it.
func lockSchema(ctx context.Context, db *sql.DB, schema string) (release func(), err error) {
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	const key = "(hashtextextended('tg360 ' || $1, 0))"
	release = func() {
		_, _ = conn.ExecContext(context.WithoutCancel(ctx), "SELECT pg_advisory_unlock"+key, schema)
		_ = conn.Close()
	}
	var there bool
	_, err = conn.ExecContext(ctx, "SELECT pg_advisory_lock"+key, schema)
	if err == nil {
		err = conn.QueryRowContext(ctx, "SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = $1)", schema).Scan(&there)
	}
	if err == nil && !there { // asked first, as who may not make it may still use it
		_, err = conn.ExecContext(ctx, "CREATE SCHEMA "+pgx.Identifier{schema}.Sanitize())
	}
	if err != nil {
		release()
	}
	return release, err
}

func postgresAgain(err error) bool {
	var e *pgconn.PgError // serialization, deadlock, the same new key
	return errors.Is(err, errRaced) || errors.As(err, &e) && (e.Code == "40001" || e.Code == "40P01" || e.Code == "23505")
}

func postgresWords(server string, err error) string {
	var (
		refused *pgconn.PgError
		connect *pgconn.ConnectError
		dns     *net.DNSError
		errno   syscall.Errno
		words   string
	)
	switch {
	case errors.As(err, &refused):
		words = map[string]string{
			"28P01": "user or password is wrong",
			"28000": "the server's rules refuse the user",
			"3D000": "there is no such database: make it, or correct its name",
			"53100": "the server's disk is full, and nothing was stored: make room",
			"53300": "the server has too many connections: lower ours, or raise its max_connections",
			"25006": "it can't be written: it is a replica, or set to read-only",
			"42501": "the user lacks a right: let it create and use the schema",
		}[refused.Code]
		if words == "" {
			words = fmt.Sprintf("%s (SQLSTATE %s)", refused.Message, refused.Code)
		}
	case errors.As(err, &dns):
		words = "there is no such host"
	case pgconn.Timeout(err):
		words = "no answer in time"
	case errors.As(err, &errno):
		words = "it can't be reached: " + errno.Error()
	case errors.As(err, &connect):
		words = "it can't be reached: no PostgreSQL answers, or its TLS does not fit sslmode"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, pgconn.ErrConnClosed):
		words = "the connection broke: try again"
	default:
		return err.Error()
	}
	return server + ": " + words
}
