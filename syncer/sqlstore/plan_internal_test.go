package sqlstore

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tg360/tg360/syncer"
)

// The plans of statements, the settings of connections and a full disk are not to
// be had from outside.

// filled returns a store with n links of each of two connections.
func filled(t *testing.T, dsn, schema string, n int) *Store {
	t.Helper()
	s, err := Open(t.Context(), dsn, Options{Schema: schema})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	for _, shop := range []string{"a", "b"} {
		var links []*syncer.Link
		for i := range n {
			id := fmt.Sprintf("%05d", i)
			l := &syncer.Link{Key: syncer.Key{Connection: shop, Kind: syncer.KindOrder, ID: id}, State: syncer.Synced,
				SKU: "s" + id, EAN: "e" + id, PeerID: "p" + id, PeerNo: "n" + id, Title: "title " + id, Parts: strings.Repeat("x", 1000)}
			if i%100 == 0 {
				l.State, l.Code, l.DueAt = syncer.Blocked, "TG-ORD-007", time.Unix(int64(i), 0)
			}
			links = append(links, l)
		}
		if err := s.Put(t.Context(), links...); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

func TestSearchesUseIndexes(t *testing.T) {
	t.Parallel()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		s := filled(t, filepath.Join(t.TempDir(), "links.db"), "", 200)
		checkPlans(t, s, "EXPLAIN QUERY PLAN ", "SCAN links", "SCAN terms")
		if plan := explain(t, s, syncer.Query{}, "EXPLAIN QUERY PLAN SELECT state, count(*) FROM links", " GROUP BY state"); !strings.Contains(plan, "COVERING INDEX") {
			t.Errorf("a count reads the links:\n%s", plan)
		}
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		const dsn = "postgres://postgres@127.0.0.1:5432/postgres?sslmode=disable"
		schema := "sqlstore_" + rand.Text()
		dropAfter(t, dsn, schema)
		s := filled(t, dsn+"&random_page_cost=1.1", schema, 5_000)                                 // near 100,000 links the default will do
		if _, err := s.write.ExecContext(t.Context(), "VACUUM ANALYZE links, terms"); err != nil { // as autovacuum does
			t.Fatal(err)
		}
		checkPlans(t, s, "EXPLAIN ", "Seq Scan on links", "Seq Scan on terms")
		// Other sessions may keep a table from being all visible, and so the planner
		// from the index alone.
		s, err := Open(t.Context(), dsn+"&enable_seqscan=off&enable_bitmapscan=off", Options{Schema: schema})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		if plan := explain(t, s, syncer.Query{}, "EXPLAIN SELECT state, count(*) FROM links", " GROUP BY state"); !strings.Contains(plan, "Index Only Scan") {
			t.Errorf("a count reads the links:\n%s", plan)
		}
	})
}

func checkPlans(t *testing.T, s *Store, head string, scans ...string) {
	var values []string
	for i := range 500 {
		values = append(values, fmt.Sprintf("s%05d", i*9))
	}
	for what, q := range map[string]syncer.Query{
		"page": {After: "02345"}, "state": {States: []syncer.State{syncer.Blocked}}, "states": {States: []syncer.State{syncer.Blocked, syncer.InDoubt}},
		"SKU": {SKUs: values[3:4]}, "SKUs": {SKUs: values}, "EAN": {EANs: []string{"e00007"}}, "EANs": {EANs: values},
		"peer": {PeerIDs: []string{"p00007"}}, "peers": {PeerIDs: values}, "code": {Codes: []string{"TG-ORD-007"}},
		"text": {Text: "N00007"}, "title": {Text: "Title 0001"}, "first of a title": {Text: "Title 0", Limit: 50}, "due": {DueBy: time.Unix(1000, 0)},
	} {
		order := " ORDER BY id LIMIT 50"
		if !q.DueBy.IsZero() {
			order = " ORDER BY due_at, id LIMIT 50"
		}
		plan := explain(t, s, q, head+readLinks, order)
		for _, scan := range scans {
			if strings.Contains(plan, scan) {
				t.Errorf("%s reads a whole table:\n%s", what, plan)
			}
		}
		if q.DueBy.IsZero() == strings.Contains(plan, "links_by_due") {
			t.Errorf("%s, and the index of what is due:\n%s", what, plan)
		}
	}
}

// explain returns the plan of a query of one connection.
func explain(t *testing.T, s *Store, q syncer.Query, head, tail string) string {
	t.Helper()
	q.Connection, q.Kind = "a", syncer.KindOrder
	w, err := s.where(t.Context(), &q)
	if err != nil {
		t.Fatal(err)
	}
	if q.After != "" {
		w.add("id > ?", q.After)
	}
	rows, err := w.query(t.Context(), head, tail)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for rows.Next() {
		cells := make([]any, len(columns))
		for i := range cells {
			cells[i] = new(any)
		}
		if err := rows.Scan(cells...); err != nil {
			t.Fatal(err)
		}
		lines = append(lines, fmt.Sprint(*cells[len(cells)-1].(*any)))
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return strings.Join(lines, "\n")
}

func dropAfter(t *testing.T, dsn, schema string) {
	t.Helper()
	db, err := sql.Open("pgx", dsn)
	if err == nil {
		err = db.PingContext(t.Context())
	}
	if err != nil && os.Getenv("TG360_REQUIRE_SERVICES") != "1" {
		t.Skipf("PostgreSQL does not answer: %v", err)
	} else if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_, err := db.ExecContext(context.WithoutCancel(t.Context()), `DROP SCHEMA IF EXISTS "`+schema+`" CASCADE`)
		if err := errors.Join(err, db.Close()); err != nil {
			t.Error(err)
		}
	})
}

// TestEveryConnectionIsDurable looks at all connections of both pools at once.
func TestEveryConnectionIsDurable(t *testing.T) {
	t.Parallel()
	s, err := Open(t.Context(), filepath.Join(t.TempDir(), "links.db"), Options{MaxConns: 5})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	seen := 0
	for db, n := range map[*sql.DB]int{s.read: 5, s.write: 1} {
		for range n {
			conn, err := db.Conn(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			for pragma, want := range map[string]string{"synchronous": "2", "journal_mode": "wal", "busy_timeout": "10000"} {
				var got string
				if err := conn.QueryRowContext(t.Context(), "PRAGMA "+pragma).Scan(&got); err != nil || got != want {
					t.Errorf("%s is %s, want %s; error %v", pragma, got, want, err)
				}
			}
			seen++
		}
	}
	if seen != 6 {
		t.Errorf("%d connections seen", seen)
	}
}

func TestErrorsOfTheDisk(t *testing.T) {
	t.Parallel()
	link := func(id int) *syncer.Link {
		return &syncer.Link{Key: syncer.Key{Connection: "a", Kind: syncer.KindOrder, ID: fmt.Sprint(id)}, Message: strings.Repeat("x", 4000)}
	}
	for name, c := range map[string]struct{ pragma, want string }{
		"full":      {"max_page_count = 40", "the disk is full"},
		"read-only": {"query_only = 1", "can't be written"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, err := Open(t.Context(), filepath.Join(t.TempDir(), "links.db"), Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			if _, err := s.write.ExecContext(t.Context(), "PRAGMA "+c.pragma); err != nil {
				t.Fatal(err)
			}
			stored := 0
			for err == nil && stored < 1000 {
				if err = s.Put(t.Context(), link(stored)); err == nil {
					stored++
				}
			}
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("error %v, want one with %q", err, c.want)
			}
			counts, err := s.Count(t.Context(), syncer.Query{Connection: "a", Kind: syncer.KindOrder})
			if err != nil || counts[""] != stored {
				t.Errorf("%v links after %d puts, error %v", counts, stored, err)
			}
		})
	}
}
