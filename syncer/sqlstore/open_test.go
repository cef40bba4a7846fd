package sqlstore_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/tg360/tg360/syncer"
	"github.com/tg360/tg360/syncer/sqlstore"
)

func TestFileIsPrivate(t *testing.T) {
	t.Parallel()
	p := sqliteFile(t)
	s := p.open(t)
	must(t, s.Put(t.Context(), order("1")))
	for path, want := range map[string]os.FileMode{
		filepath.Dir(p.dsn): 0o700 | os.ModeDir, p.dsn: 0o600, p.dsn + "-wal": 0o600, p.dsn + "-serve.lock": 0o600,
	} {
		info, err := os.Stat(path)
		if err != nil || info.Mode() != want {
			t.Errorf("%s: %v, error %v; want %v", path, info.Mode(), err, want)
		}
	}
}

func TestPathsOfFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for dsn, want := range map[string]string{
		dir + "/a b?c#d%e&f=ü.db":            "a b?c#d%e&f=ü.db",
		"file:" + dir + "/uri%20one.db":      "uri one.db",
		"file://" + dir + "/uri%3Ftwo%25.db": "uri?two%.db",
	} {
		s := place{dsn: dsn}.open(t)
		must(t, s.Put(t.Context(), order("1")))
		if info, err := os.Stat(filepath.Join(dir, want)); err != nil || info.Size() == 0 {
			t.Errorf("%s: %v", dsn, err)
		}
	}
	for _, dsn := range []string{"", ":memory:", "file::memory:", "mysql://u:" + secret + "@h/d", "file:/a.db?mode=ro", "file:/a%zz.db"} {
		_, err := sqlstore.Open(t.Context(), dsn, sqlstore.Options{})
		complains(t, err, "sqlstore: the ")
	}
}

// TestOneFileUnderTwoNames locks it under both.
func TestOneFileUnderTwoNames(t *testing.T) {
	t.Parallel()
	p := sqliteFile(t)
	s := p.open(t)
	link := filepath.Join(t.TempDir(), "other.db")
	if err := os.Symlink(p.dsn, link); err != nil {
		t.Skip(err)
	}
	lock, err := s.Exclusive(t.Context())
	must(t, err)
	defer lock.Close()
	_, err = place{dsn: link}.open(t).Exclusive(t.Context())
	complains(t, err, "another serve uses this file")
}

func TestRefusedFiles(t *testing.T) {
	t.Parallel()
	good := sqliteFile(t)
	s := good.open(t)
	var links []*syncer.Link
	for i := range 500 {
		links = append(links, order(fmt.Sprint(i)))
	}
	must(t, s.Put(t.Context(), links...))
	must(t, s.Close())
	whole, err := os.ReadFile(good.dsn)
	must(t, err)
	spoilt := bytes.Clone(whole)
	copy(spoilt[100:], bytes.Repeat([]byte{0xAA}, 400)) // the schema
	for name, c := range map[string]struct {
		content []byte
		want    string
	}{
		"text":          {[]byte(strings.Repeat("This is no database. ", 100)), "it is no database, or damaged"},
		"short":         {[]byte("x"), "it is no database, or damaged"},
		"cut off":       {whole[:len(whole)/2], "it is damaged"},
		"spoilt schema": {spoilt, "it is damaged"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "links.db")
			must(t, os.WriteFile(path, c.content, 0o600))
			_, err := sqlstore.Open(t.Context(), path, sqlstore.Options{})
			complains(t, err, path, c.want, "was not changed")
			after, err := os.ReadFile(path)
			if err != nil || sha256.Sum256(after) != sha256.Sum256(c.content) {
				t.Errorf("the file was changed, or: %v", err)
			}
		})
	}
	t.Run("folder", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		_, err := sqlstore.Open(t.Context(), dir, sqlstore.Options{})
		complains(t, err, dir, "is a folder")
		_, err = sqlstore.Open(t.Context(), good.dsn+"/below/a.db", sqlstore.Options{})
		complains(t, err, "not a directory")
	})
	t.Run("another program's", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "theirs.db")
		db := rawDB(t, "sqlite", path)
		_, err := db.ExecContext(t.Context(), "CREATE TABLE links (a)")
		must(t, err)
		must(t, db.Close())
		_, err = sqlstore.Open(t.Context(), path, sqlstore.Options{})
		complains(t, err, path, "another program")
	})
	t.Run("read-only", func(t *testing.T) {
		t.Parallel()
		if becomeNobody == nil {
			t.Skip("users differ here")
		}
		dir := t.TempDir()
		must(t, os.Chmod(filepath.Dir(dir), 0o755)) // for a child that is not root
		for name, mode := range map[string][2]os.FileMode{"file": {0o777, 0o444}, "folder": {0o755, 0o666}} {
			path := filepath.Join(dir, name, "links.db")
			must(t, os.Mkdir(filepath.Dir(path), 0o755))
			must(t, os.WriteFile(path, whole, 0o600))
			must(t, errors.Join(os.Chmod(filepath.Dir(path), mode[0]), os.Chmod(path, mode[1])))
			said := place{dsn: path}.start(t, "nobody").said()
			if !strings.Contains(said, path) || !strings.Contains(said, "let this user") {
				t.Errorf("%s: %s", name, said)
			}
			if after, err := os.ReadFile(path); err != nil || !bytes.Equal(after, whole) {
				t.Errorf("%s: the file was changed, or: %v", name, err)
			}
		}
	})
}

func TestFileTakenAway(t *testing.T) {
	t.Parallel()
	p := sqliteFile(t)
	s := p.open(t)
	must(t, os.Rename(p.dsn, p.dsn+".old"))
	complains(t, s.Ping(t.Context()), p.dsn, "deleted or replaced")
	must(t, os.WriteFile(p.dsn, nil, 0o600))
	complains(t, s.Ping(t.Context()), "deleted or replaced")
	must(t, os.Rename(p.dsn+".old", p.dsn))
	must(t, s.Ping(t.Context()))
}

func TestNewerSchemaIsRefused(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, p place) {
		must(t, p.open(t).Put(t.Context(), order("1")))
		db := p.raw(t)
		_, err := db.ExecContext(t.Context(), "INSERT INTO schema_versions (version_id, is_applied) VALUES (999, true)")
		must(t, err)
		_, err = sqlstore.Open(t.Context(), p.dsn, sqlstore.Options{Schema: p.schema})
		complains(t, err, "schema version 999", "update the program", "nothing was changed")
		var rows, versions int
		must(t, db.QueryRowContext(t.Context(), "SELECT (SELECT count(*) FROM links), (SELECT count(*) FROM schema_versions)").Scan(&rows, &versions))
		if rows != 1 || versions != 3 {
			t.Errorf("%d links and %d versions are left", rows, versions)
		}
	})
}

// TestInterruptedMigration ends the context of Open ever later, until it is done.
func TestInterruptedMigration(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, p place) {
		tries := 0
		for wait := 100 * time.Microsecond; ; wait += wait / 8 {
			ctx, cancel := context.WithTimeout(t.Context(), wait)
			s, err := sqlstore.Open(ctx, p.dsn, sqlstore.Options{Schema: p.schema})
			cancel()
			if err == nil {
				must(t, s.Close())
				break
			}
			if tries++; ctx.Err() == nil || tries > 200 {
				t.Fatalf("after %d tries: %v", tries, err)
			}
		}
		s := p.open(t)
		must(t, s.Put(t.Context(), order("1")))
		if _, ok := get(t, s, "1"); !ok || tries < 2 {
			t.Errorf("after %d interruptions the link is there: %v", tries, ok)
		}
	})
}

// TestHalfAMigration fails in its middle, as a table is in its way, and succeeds
// when that is gone.
func TestHalfAMigration(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, p place) {
		s := p.open(t)
		must(t, s.Close())
		db := p.raw(t)
		for _, statement := range []string{"DROP TABLE links", "DROP TABLE terms", "DELETE FROM schema_versions WHERE version_id > 0"} { // docs stay
			_, err := db.ExecContext(t.Context(), statement)
			must(t, err)
		}
		_, err := sqlstore.Open(t.Context(), p.dsn, sqlstore.Options{Schema: p.schema})
		complains(t, err, "docs", "already exists")
		if _, err := db.ExecContext(t.Context(), "SELECT * FROM links"); err == nil {
			t.Error("half of it was kept")
		}
		_, err = db.ExecContext(t.Context(), "DROP TABLE docs")
		must(t, err)
		must(t, p.open(t).Put(t.Context(), order("1")))
	})
}

func TestOpenedAtOnce(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, p place) {
		var wg sync.WaitGroup
		for i := range 6 {
			wg.Go(func() {
				s, err := sqlstore.Open(t.Context(), p.dsn, sqlstore.Options{Schema: p.schema})
				if err != nil {
					t.Error(err)
					return
				}
				defer s.Close()
				if err := s.Put(t.Context(), order(fmt.Sprint(i))); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
	})
}

func TestRefusedServers(t *testing.T) {
	t.Parallel()
	refusal := func(code string) string {
		return "postgres://gianni:" + secret + "@" + refusing(t, code) + "/shop?sslmode=disable"
	}
	for name, c := range map[string]struct{ dsn, want string }{
		"wrong password":      {refusal("28P01"), "database shop, user gianni: user or password is wrong"},
		"rules":               {refusal("28000"), "the server's rules refuse the user"},
		"no database":         {refusal("3D000"), "there is no such database"},
		"too many":            {refusal("53300"), "too many connections"},
		"disk full":           {refusal("53100"), "disk is full"},
		"anything else":       {refusal("XX123"), "no way (SQLSTATE XX123)"},
		"hangs up":            {refusal(""), "can't be reached"},
		"wrong host":          {"postgres://u:" + secret + "@no-such-host.invalid/d", "PostgreSQL at no-such-host.invalid:5432"},
		"wrong port":          {"postgres://u:" + secret + "@127.0.0.1:1/d", "can't be reached: connection refused"},
		"unreadable port":     {"postgres://u:" + secret + "@h:" + secret + "/d", "want postgres://user:password@host"},
		"unreadable password": {"postgres://u:" + secret + "%zz@h/d", "want postgres://user:password@host"},
		"password with slash": {"postgresql://u:a/" + secret + "@h/d", "sqlstore: "},
		"unknown setting":     {"postgres://u:" + secret + "@127.0.0.1:1/d?sslmode=" + secret, "want postgres://user:password@host"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := sqlstore.Open(t.Context(), c.dsn, sqlstore.Options{})
			complains(t, err, c.want)
		})
	}
	t.Run("a database that is not there", func(t *testing.T) {
		t.Parallel()
		postgresDB(t)
		_, err := sqlstore.Open(t.Context(), strings.Replace(server, "/postgres?", "/no_such_database?", 1), sqlstore.Options{})
		complains(t, err, "database no_such_database", "there is no such database")
	})
}

// refusing starts a server that answers each client with an error of this code,
// or by hanging up.
func refusing(t *testing.T, code string) (address string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	done := make(chan struct{})
	t.Cleanup(func() {
		_ = l.Close()
		<-done
	})
	go func() {
		defer close(done)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			client := pgproto3.NewBackend(conn, conn)
			if _, err := client.ReceiveStartupMessage(); err == nil && code != "" {
				client.Send(&pgproto3.ErrorResponse{Severity: "FATAL", Code: code, Message: "no way"})
				_ = client.Flush()
			}
			_ = conn.Close()
		}
	}()
	return l.Addr().String()
}

// TestLostConnections goes on after the server has ended all connections: each of
// them fails at most once.
func TestLostConnections(t *testing.T) {
	t.Parallel()
	p := postgresSchema(t)
	name := "tg360-" + p.schema
	p.dsn += "&application_name=" + name
	s := p.open(t)
	var wg sync.WaitGroup
	for i := range 4 { // several connections
		wg.Go(func() {
			if err := s.Put(t.Context(), order(fmt.Sprint(i))); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	var ended int
	row := postgresDB(t).QueryRowContext(t.Context(), "SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity WHERE application_name = $1", name)
	must(t, row.Scan(&ended))
	if ended == 0 {
		t.Fatal("no connection was there to be ended")
	}
	failed := 0
	for good := 0; good < 10; good++ {
		if err := s.Put(t.Context(), order(fmt.Sprint("after", good, failed))); err != nil {
			complains(t, err, "PostgreSQL at 127.0.0.1:5432")
			if failed++; failed > ended {
				t.Fatalf("%d puts failed after %d connections were ended", failed, ended)
			}
			good = 0
		}
	}
}
