package main

import (
	"context"
	"crypto/rand"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// postgres makes a database for the test and returns its URL.
func postgres(t *testing.T) string {
	t.Helper()
	const server = "postgres://postgres@127.0.0.1:5432/"
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, server+"postgres")
	if err != nil {
		if os.Getenv("TG360_REQUIRE_SERVICES") == "1" {
			t.Fatal(err)
		}
		t.Skipf("no PostgreSQL at 127.0.0.1:5432: %v", err)
	}
	name := "tg360_connector_" + strings.ToLower(rand.Text())
	if _, err := conn.Exec(ctx, "CREATE DATABASE "+name); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 20*time.Second)
		defer cancel()
		if _, err := conn.Exec(ctx, "DROP DATABASE "+name+" WITH (FORCE)"); err != nil {
			t.Errorf("the test's database stays: %v", err)
		}
		_ = conn.Close(ctx)
	})
	return server + name
}

// TestTwoServesOnPostgreSQL has two serves share the work of one shop.
func TestTwoServesOnPostgreSQL(t *testing.T) {
	t.Parallel()
	r := newRig(t, tune{database: postgres(t), replace: []string{"[shop.milano]\n", "[shop.milano]\nlease = \"5s\"\nwrite_within = \"2s\"\n"}})
	a, b := r.serve(), r.serve()
	eventually(t, "the catalogue is in the shop", func() bool { return len(r.shop.Products()) == 3 })
	r.must(exitDone, "sync", "products")
	const orders = 30
	for i := range orders {
		r.order(strconv.Itoa(501+i), nil)
	}
	for i, s := range []*serving{a, b} { // both hear of the same one
		if code, _ := request(t, http.MethodPost, s.url+"/webhook/milano/"+webhookToken, `{"order_id":"501"}`); code != http.StatusNoContent {
			t.Errorf("webhook %d: %d", i, code)
		}
	}
	r.must(exitDone, "export", "530")
	eventually(t, "half of the orders are in TotalGest", func() bool { return len(r.received()) >= orders/2 })
	if code := a.stop(); code != exitDone {
		t.Errorf("exit %d:\n%s", code, a.log)
	}
	eventually(t, "all orders are synced", func() bool {
		return len(decode[report](r, exitDone, "status", "orders", "-state", "synced").Items) == orders
	})
	if code, body := b.get("/readyz"); code != http.StatusOK {
		t.Errorf("readyz: %d %s", code, body)
	}
	if code := b.stop(); code != exitDone {
		t.Errorf("exit %d:\n%s", code, b.log)
	}
	if n := len(r.received()); n != orders || r.erp.Duplicates() != 0 || r.shop.Duplicates() != 0 {
		t.Errorf("%d orders, %d doubled, %d products doubled", n, r.erp.Duplicates(), r.shop.Duplicates())
	}
	r.claims()
}

// TestDatabaseAway has PostgreSQL go away under a serve and come back.
func TestDatabaseAway(t *testing.T) {
	t.Parallel()
	database, err := url.Parse(postgres(t))
	if err != nil {
		t.Fatal(err)
	}
	way := newPath(t, database.Host)
	database.Host = way.listener.Addr().String()
	r := newRig(t, tune{database: database.String()})
	s := r.serve()
	eventually(t, "the catalogue is in the shop", func() bool { return len(r.shop.Products()) == 3 })
	r.order("501", nil)
	eventually(t, "501 is in TotalGest", func() bool { return len(r.received()) == 1 })
	way.set(false)
	r.order("502", nil)
	eventually(t, "the serve is not ready", func() bool { code, _ := s.get("/readyz"); return code == http.StatusServiceUnavailable })
	if code, _ := request(t, http.MethodPost, s.url+"/webhook/milano/"+webhookToken, `{"order_id":"502"}`); code != http.StatusServiceUnavailable {
		t.Errorf("a webhook without a database: %d", code)
	}
	if code, _ := s.get("/healthz"); code != http.StatusOK {
		t.Errorf("healthz: %d", code)
	}
	way.set(true)
	eventually(t, "502 is in TotalGest", func() bool { return len(r.received()) == 2 })
	eventually(t, "the serve is ready", func() bool { code, _ := s.get("/readyz"); return code == http.StatusOK })
	if code := s.stop(); code != exitDone || r.erp.Duplicates() != 0 {
		t.Errorf("exit %d, TotalGest has %v", code, r.received())
	}
}

// path leads to a server, and can be closed for a while.
type path struct {
	listener net.Listener
	mu       sync.Mutex
	open     bool
	conns    []net.Conn
}

func newPath(t *testing.T, target string) *path {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &path{listener: l, open: true}
	t.Cleanup(func() { _ = l.Close(); p.set(false) })
	go func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", target)
			p.mu.Lock()
			if err != nil || !p.open {
				_ = in.Close()
				if err == nil {
					_ = out.Close()
				}
				p.mu.Unlock()
				continue
			}
			p.conns = append(p.conns, in, out)
			p.mu.Unlock()
			go func() { _, _ = io.Copy(out, in); _ = out.Close() }()
			go func() { _, _ = io.Copy(in, out); _ = in.Close() }()
		}
	}()
	return p
}

// set opens or closes the path; closing cuts what goes over it.
func (p *path) set(open bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.open = open
	if open {
		return
	}
	for _, c := range p.conns {
		_ = c.Close()
	}
	p.conns = nil
}
