package riverqueue_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"go.uber.org/goleak"

	"github.com/tg360/tg360/queue"
	"github.com/tg360/tg360/queue/queuetest"
	"github.com/tg360/tg360/queue/riverqueue"
)

const server = "postgres://postgres@127.0.0.1:5432/postgres?pool_max_conns=2&connect_timeout=5"

// places bounds the tests at a time, so that they leave connections for others:
// each takes about four.
var places = make(chan struct{}, 6)

func TestMain(m *testing.M) {
	if job := os.Getenv("TG360_TEST_WORKER"); job != "" {
		if err := worker(job); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	goleak.VerifyTestMain(m)
}

// skip skips a test that lacks a service, or fails it where there must be one.
func skip(t testing.TB, reason string) {
	t.Helper()
	if os.Getenv("TG360_REQUIRE_SERVICES") == "1" {
		t.Fatal(reason)
	}
	t.Skip(reason)
}

// database connects to the server, for the test's own statements.
func database(t testing.TB, dsn string) *pgxpool.Pool {
	t.Helper()
	pool, err := pgxpool.New(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	if err := pool.Ping(t.Context()); err != nil {
		skip(t, "PostgreSQL can't be reached: "+err.Error())
	}
	return pool
}

// schema names a schema for the test and drops it afterwards.
func schema(t testing.TB, db *pgxpool.Pool) string {
	t.Helper()
	name := "riverqueue_" + strings.ToLower(rand.Text())
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 20*time.Second)
		defer cancel()
		if _, err := db.Exec(ctx, "DROP SCHEMA IF EXISTS "+name+" CASCADE"); err != nil {
			t.Error(err)
		}
	})
	return name
}

// open opens a queue, which the test closes at the latest when it ends.
func open(t testing.TB, dsn string, o riverqueue.Options) *riverqueue.Queue {
	t.Helper()
	q, err := riverqueue.Open(t.Context(), dsn, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := q.Close(); err != nil {
			t.Error(err)
		}
	})
	return q
}

// place takes one of the places.
func place(t testing.TB) {
	t.Helper()
	places <- struct{}{}
	t.Cleanup(func() { <-places })
}

func TestRiverConforms(t *testing.T) {
	t.Parallel()
	queuetest.Run(t, func(t *testing.T) queue.Queue {
		place(t)
		return open(t, server, riverqueue.Options{Schema: schema(t, database(t, server))})
	}, queuetest.Caps{Patience: 30 * time.Second})
}
