package sqlstore_test

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

	"go.uber.org/goleak"

	"github.com/tg360/tg360/syncer"
	"github.com/tg360/tg360/syncer/sqlstore"
	"github.com/tg360/tg360/syncer/storetest"
)

// server is where the PostgreSQL of the tests is.
const server = "postgres://postgres@127.0.0.1:5432/postgres?sslmode=disable"

func TestMain(m *testing.M) {
	if task := os.Getenv(childTask); task != "" {
		os.Exit(child(task))
	}
	goleak.VerifyTestMain(m)
}

// place is where a store can be opened.
type place struct{ dsn, schema string }

func sqliteFile(t testing.TB) place {
	return place{dsn: filepath.Join(t.TempDir(), "tg360", "links.db")}
}

// postgresSchema is a schema of the test's own; the test is skipped where there
// is no server.
func postgresSchema(t testing.TB) place {
	t.Helper()
	db := postgresDB(t)
	schema := "sqlstore_" + rand.Text()
	t.Cleanup(func() {
		if _, err := db.ExecContext(context.WithoutCancel(t.Context()), `DROP SCHEMA IF EXISTS "`+schema+`" CASCADE`); err != nil {
			t.Error(err)
		}
	})
	return place{server, schema}
}

func postgresDB(t testing.TB) *sql.DB {
	t.Helper()
	db := rawDB(t, "pgx", server)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if err := db.PingContext(ctx); err != nil && os.Getenv("TG360_REQUIRE_SERVICES") == "1" {
		t.Fatalf("PostgreSQL is required: %v", err)
	} else if err != nil {
		t.Skipf("PostgreSQL does not answer: %v", err)
	}
	return db
}

// rawDB opens a database past the store.
func rawDB(t testing.TB, driver, dsn string) *sql.DB {
	t.Helper()
	db, err := sql.Open(driver, dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func (p place) raw(t testing.TB) *sql.DB {
	if p.schema == "" {
		return rawDB(t, "sqlite", p.dsn)
	}
	return rawDB(t, "pgx", p.dsn+"&search_path="+strings.ReplaceAll(`"`+p.schema+`"`, `"`, "%22"))
}

func (p place) open(t testing.TB) *sqlstore.Store {
	t.Helper()
	s, err := sqlstore.Open(t.Context(), p.dsn, sqlstore.Options{Schema: p.schema})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// onBoth runs a test on both databases.
func onBoth(t *testing.T, test func(t *testing.T, p place)) {
	t.Run("sqlite", func(t *testing.T) { t.Parallel(); test(t, sqliteFile(t)) })
	t.Run("postgres", func(t *testing.T) { t.Parallel(); test(t, postgresSchema(t)) })
}

func order(id string) *syncer.Link {
	return &syncer.Link{Key: syncer.Key{Connection: "shop", Kind: syncer.KindOrder, ID: id}, State: syncer.Queued}
}

func get(t *testing.T, s syncer.Store, id string) (syncer.Link, bool) {
	t.Helper()
	links, err := s.Get(t.Context(), "shop", syncer.KindOrder, id)
	if err != nil {
		t.Fatal(err)
	}
	return append(links, syncer.Link{})[0], len(links) == 1
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// complains fails the test unless err says all this, and nothing secret.
func complains(t *testing.T, err error, want ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want one with %q", want)
	}
	for _, w := range want {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("the error lacks %q: %v", w, err)
		}
	}
	if strings.Contains(err.Error(), secret) {
		t.Error("the error holds the password")
	}
}

const secret = "Kennw0rt"

func TestConformance(t *testing.T) {
	t.Parallel()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		storetest.Run(t, func(t *testing.T) syncer.Store { return sqliteFile(t).open(t) })
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		postgresDB(t)
		storetest.Run(t, func(t *testing.T) syncer.Store { return postgresSchema(t).open(t) })
	})
}

func TestReopened(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, p place) {
		s := p.open(t)
		want := order("1")
		want.Title, want.DueAt = "Ordine 1", time.Unix(1, 1000).UTC()
		must(t, s.Put(t.Context(), want))
		must(t, s.Close())
		s = p.open(t)
		must(t, s.Ping(t.Context()))
		if got, ok := get(t, s, "1"); !ok || got.Title != want.Title || !got.DueAt.Equal(want.DueAt) || got.Revision != want.Revision {
			t.Errorf("%+v after reopening, want %+v", got, want)
		}
		if got := s.Close(); got != nil {
			t.Error(got)
		}
		if err := s.Ping(t.Context()); !errors.Is(err, syncer.ErrClosed) {
			t.Errorf("Ping after Close: %v", err)
		}
	})
}

func TestTextsThatCantBeHeld(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, p place) {
		s := p.open(t)
		for want, spoil := range map[string]func(l *syncer.Link){
			"Title, of 4 bytes":            func(l *syncer.Link) { l.Title = "a\x00bc" },
			"SKU, of 2 bytes":              func(l *syncer.Link) { l.SKU = "a\xff" },
			"Warnings, of 1 bytes":         func(l *syncer.Link) { l.Warnings = []string{"good", "\x00"} },
			"Problems.Message, of 3 bytes": func(l *syncer.Link) { l.Problems = []syncer.Problem{{Message: "\xc3\x28\x00"}} },
			"ID, of 3 bytes":               func(l *syncer.Link) { l.ID = "1\x002" },
			"ID has 501 bytes":             func(l *syncer.Link) { l.ID = strings.Repeat("x", 501) },
		} {
			l := order("2")
			spoil(l)
			err := s.Put(t.Context(), order("1"), l)
			complains(t, err, "link 2 of 2", want)
			if errors.Is(err, syncer.ErrStale) {
				t.Errorf("%s: %v", want, err)
			}
		}
		if _, there := get(t, s, "1"); there {
			t.Error("the other link was stored")
		}
		complains(t, s.PutDoc(t.Context(), &syncer.Doc{Connection: "shop", Name: "a\x00"}), "Name, of 2 bytes")
		_, err := s.List(t.Context(), syncer.Query{Connection: "shop", Kind: syncer.KindOrder, After: "\xff"})
		complains(t, err, "After, of 1 bytes")
		for _, none := range []syncer.Query{{SKUs: []string{"\xff"}}, {Codes: []string{"\x00", "\xfe"}}, {PeerIDs: []string{"\x00"}}} {
			none.Connection, none.Kind = "shop", syncer.KindOrder
			if links, err := s.List(t.Context(), none); err != nil || len(links) > 0 {
				t.Errorf("%+v: %d links, error %v", none, len(links), err)
			}
		}
		if links, err := s.Get(t.Context(), "shop", syncer.KindOrder, "1\x00", "\xff"); err != nil || len(links) > 0 {
			t.Errorf("%d links of impossible ids, error %v", len(links), err)
		}
	})
}

// TestLongTexts stores what no index of PostgreSQL would take.
func TestLongTexts(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, p place) {
		s := p.open(t)
		random := ""
		for len(random) < 9000 {
			random += rand.Text() + "é"
		}
		l := order(strings.Repeat("i", 500))
		l.SKU, l.EAN, l.PeerID, l.PeerNo, l.Code, l.Title = random+"s", random+"e", random+"p", random+"n", random+"c", random
		l.Warnings, l.Message, l.Parts = []string{random + "w"}, random, random
		must(t, s.Put(t.Context(), l, order("other")))
		for _, q := range []syncer.Query{
			{SKUs: []string{l.SKU}}, {EANs: []string{l.EAN}}, {PeerIDs: []string{l.PeerID}}, {Codes: []string{l.Code}}, {Codes: l.Warnings},
			{Text: strings.ToUpper(l.PeerNo)}, {Text: l.Title[:100]}, {Text: l.Title}, {Text: l.ID},
		} {
			q.Connection, q.Kind = "shop", syncer.KindOrder
			if links, err := s.List(t.Context(), q); err != nil || len(links) != 1 || links[0].ID != l.ID {
				t.Errorf("%.60q: %d links, error %v", fmt.Sprintf("%+v", q), len(links), err)
			}
			q.Text, q.Codes = q.Text+"x", append(q.Codes, "y")
			if len(q.Text) > 200 {
				continue // of a title the beginning is compared
			}
			if links, err := s.List(t.Context(), q); err != nil || len(q.Text) > 1 && len(links) != 0 {
				t.Errorf("%.60q: %d links, error %v", fmt.Sprintf("%+v", q), len(links), err)
			}
		}
	})
}

// TestTextOfMany finds more than a page by one text.
func TestTextOfMany(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, p place) {
		s := p.open(t)
		var links []*syncer.Link
		for i := range 9 {
			l := order(fmt.Sprint(i))
			l.Title, l.SKU = "Caffè", "CAFFÈ" // found by both
			links = append(links, l)
		}
		must(t, s.Put(t.Context(), links...))
		q := syncer.Query{Connection: "shop", Kind: syncer.KindOrder, Text: "caffè", Limit: 2}
		if counts, err := s.Count(t.Context(), q); err != nil || counts[syncer.Queued] != len(links) {
			t.Errorf("counts %v, error %v", counts, err)
		}
		for n := 0; n < len(links); n += 2 {
			page, err := s.List(t.Context(), q)
			if err != nil || len(page) != min(2, len(links)-n) || page[0].ID != fmt.Sprint(n) {
				t.Fatalf("after %q: %d links, error %v", q.After, len(page), err)
			}
			q.After = page[len(page)-1].ID
		}
	})
}

// TestEmptyCode looks for what has no term of its own.
func TestEmptyCode(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, p place) {
		for name, s := range map[string]syncer.Store{"memory": syncer.NewMemoryStore(), "sql": p.open(t)} {
			coded, warned := order("2"), order("3")
			coded.Code, warned.Code, warned.Warnings = "C1", "C2", []string{""}
			must(t, s.Put(t.Context(), order("1"), coded, warned))
			for want, codes := range map[string][]string{"1 3": {""}, "1 2 3": {"C1", ""}, "2": {"C1"}} {
				links, err := s.List(t.Context(), syncer.Query{Connection: "shop", Kind: syncer.KindOrder, Codes: codes})
				must(t, err)
				var ids []string
				for _, l := range links {
					ids = append(ids, l.ID)
				}
				if got := strings.Join(ids, " "); got != want {
					t.Errorf("%s: codes %q find %s, want %s", name, codes, got, want)
				}
			}
		}
	})
}
