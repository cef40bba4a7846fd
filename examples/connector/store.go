package main

import (
	"context"
	"io"
	"log/slog"

	"github.com/tg360/tg360/examples/connector/internal/settings"
	"github.com/tg360/tg360/queue"
	"github.com/tg360/tg360/queue/riverqueue"
	"github.com/tg360/tg360/syncer"
	"github.com/tg360/tg360/syncer/sqlstore"
)

// database is the store of a connector.
type database interface {
	syncer.Store
	Ping(ctx context.Context) error
	Backup(ctx context.Context, w io.Writer) error
	Restore(ctx context.Context, r io.Reader) error
	Exclusive(ctx context.Context) (io.Closer, error)
}

// openDatabase opens the database of the settings, and makes the SQLite file
// where there is none.
func openDatabase(ctx context.Context, s *settings.Settings, log *slog.Logger) (database, error) {
	store, err := sqlstore.Open(ctx, s.Database, sqlstore.Options{Logger: log})
	if err != nil {
		return nil, err
	}
	return store, nil
}

// openQueue opens the queue that fits the database. A SQLite file serves one
// machine, so its queue may be in memory: the store knows what is to be done.
func openQueue(ctx context.Context, s *settings.Settings, log *slog.Logger) (queue.Queue, error) {
	workers := min(max(8, 2*len(s.Shops)+2), 64)
	if !s.PostgreSQL() {
		return queue.NewMemory(queue.MemoryConfig{Workers: workers, Logger: log}), nil
	}
	q, err := riverqueue.Open(ctx, s.Database, riverqueue.Options{Workers: workers, Logger: log})
	if err != nil {
		return nil, err
	}
	return q, nil
}
