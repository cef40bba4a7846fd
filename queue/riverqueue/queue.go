package riverqueue

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"

	"github.com/tg360/tg360/queue"
)

// Options sets up a [Queue]. The zero value is ready to use.
type Options struct {
	// Schema is the PostgreSQL schema of the queue, which holds nothing else;
	// queues in different schemas share no jobs. It begins with a lower-case
	// letter or _, followed by up to 45 of a-z, 0-9 and _. Empty: tg360_queue.
	Schema string
	// Workers bounds the handlers that run at once in this process, over all
	// lanes and all calls of Work. Below 1: 8. A lane takes two in each call, so
	// Workers/2 lanes that hang stop the rest: give handlers a deadline.
	Workers int
	// Logger is told of handlers that panicked, and River's warnings and errors.
	// Nil discards.
	Logger *slog.Logger
}

// Queue is a [queue.Queue] on River. It is safe for concurrent use; the zero
// Queue is not usable, see [Open].
type Queue struct {
	schema  string
	log     *slog.Logger
	pool    *pgxpool.Pool
	river   *river.Client[pgx.Tx] // inserts
	workers chan struct{}         // has an element for each handler that runs
	open    context.Context       // ends with Close
	shut    context.CancelCauseFunc

	mu    sync.Mutex
	works int // calls of Work
}

var _ queue.Queue = (*Queue)(nil)

var schemaPattern = regexp.MustCompile(`^[a-z_][a-z0-9_]{0,45}$`) // River appends 17 of the 63 that PostgreSQL takes

const day = 24 * time.Hour

// Open connects to the PostgreSQL database that dsn names, as a URL or as
// keyword=value pairs, and creates or updates the schema; processes may do so at
// the same time. It returns an error when Options.Schema or dsn is malformed, the
// database can't be reached, or its user may not create what is missing. ctx
// bounds Open only.
//
// The queue takes as many connections as dsn says (pool_max_conns; 4 or the
// number of CPUs if it doesn't), and one more for each call of Work. They must
// lead to PostgreSQL itself, not to a pooler that shares sessions: jobs are
// announced by NOTIFY.
func Open(ctx context.Context, dsn string, o Options) (*Queue, error) {
	schema := cmp.Or(o.Schema, "tg360_queue")
	if !schemaPattern.MatchString(schema) {
		return nil, fmt.Errorf("riverqueue: Options.Schema (%d bytes) is malformed: want a-z or _, then up to 45 of a-z, 0-9 and _", len(schema))
	}
	config, err := pgxpool.ParseConfig(dsn)
	if err != nil { // its text may hold the password
		return nil, errors.New("riverqueue: dsn is malformed: want postgres://user:password@host:port/database")
	}
	if o.Workers < 1 {
		o.Workers = 8
	}
	q := &Queue{
		schema:  schema,
		log:     slog.New(warnings{cmp.Or(o.Logger, slog.New(slog.DiscardHandler)).Handler()}),
		workers: make(chan struct{}, o.Workers),
	}
	q.open, q.shut = context.WithCancelCause(context.WithoutCancel(ctx))
	if q.pool, err = pgxpool.NewWithConfig(ctx, config); err != nil {
		return nil, fmt.Errorf("riverqueue: connect: %w", err)
	}
	if err = q.migrate(ctx, config.ConnConfig); err == nil {
		q.river, err = river.NewClient(riverpgxv5.New(q.pool), &river.Config{Schema: schema, Logger: q.log, FetchCooldown: time.Millisecond})
	}
	if err != nil {
		q.pool.Close()
		return nil, fmt.Errorf("riverqueue: set up schema %s: %w", schema, err)
	}
	return q, nil
}

// migrate creates the schema and brings it up to date. The lock that makes others
// wait goes with the connection. Who may not create a schema can use one that is
// there.
func (q *Queue) migrate(ctx context.Context, config *pgx.ConnConfig) error {
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	_, err = conn.Exec(ctx, `
		SELECT pg_advisory_lock(hashtextextended('riverqueue `+q.schema+`', 0));
		DO $$ BEGIN
			IF to_regnamespace('`+q.schema+`') IS NULL THEN CREATE SCHEMA `+q.schema+`; END IF;
		END $$`)
	if err != nil {
		return err
	}
	m, err := rivermigrate.New(riverpgxv5.New(q.pool), &rivermigrate.Config{Schema: q.schema, Logger: q.log})
	if err == nil {
		_, err = m.Migrate(ctx, rivermigrate.DirectionUp, nil)
	}
	return err
}

// Counts implements [queue.Queue]. It tells what the database holds.
func (q *Queue) Counts(ctx context.Context) (map[string]queue.Counts, error) {
	if err := q.usable(ctx); err != nil {
		return nil, err
	}
	rows, _ := q.pool.Query(ctx, `
		SELECT queue,
			count(*) FILTER (WHERE state <> 'running' AND scheduled_at <= now()),
			count(*) FILTER (WHERE state <> 'running' AND scheduled_at > now()),
			count(*) FILTER (WHERE state = 'running')
		FROM `+q.schema+`.river_job
		WHERE state IN ('available', 'retryable', 'running', 'scheduled')
		GROUP BY queue`)
	all := map[string]queue.Counts{}
	var name string
	var c queue.Counts
	_, err := pgx.ForEachRow(rows, []any{&name, &c.Waiting, &c.Scheduled, &c.Running}, func() error {
		all[laneOf(name)] = c
		return nil
	})
	if err != nil {
		return nil, q.failed("count", err)
	}
	return all, nil
}

// Close implements [queue.Queue]. What a Work needs that still waits for its
// handlers is freed when it returns.
func (q *Queue) Close() error {
	q.shut(queue.ErrClosed)
	q.enter(0)
	return nil
}

// enter adds n to the calls of Work. After Close the last one to leave frees the
// connections.
func (q *Queue) enter(n int) {
	q.mu.Lock()
	q.works += n
	last := q.works == 0 && q.open.Err() != nil
	q.mu.Unlock()
	if last {
		q.pool.Close()
	}
}

func (q *Queue) usable(ctx context.Context) error {
	return cmp.Or(context.Cause(q.open), ctx.Err())
}

// failed wraps an error, which is ErrClosed if Close was the cause.
func (q *Queue) failed(what string, err error) error {
	if q.open.Err() != nil {
		return queue.ErrClosed
	}
	return fmt.Errorf("riverqueue: %s: %w", what, err)
}

// warnings keeps River's long-winded lower levels out of the log. River derives no
// logger of its own.
type warnings struct{ slog.Handler }

// Enabled implements slog.Handler.
func (w warnings) Enabled(ctx context.Context, l slog.Level) bool {
	return l >= slog.LevelWarn && w.Handler.Enabled(ctx, l)
}
