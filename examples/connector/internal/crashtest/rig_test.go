//go:build linux

package crashtest_test

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/tg360/tg360/framework360/framework360test"
	"github.com/tg360/tg360/totalgest/totalgesttest"
)

// rig is a folder with a settings file, a database, and shops with their
// TotalGest on this machine.
type rig struct {
	t        *testing.T
	bin      string
	seed     uint64
	rng      *rand.Rand
	dir      string
	settings string // the file
	database string
	env      []string
	address  string // of the serve that was started last
	shops    []*shop
}

// layout is what a rig is made of.
type layout struct {
	database string                   // empty: a SQLite file
	dedupe   bool                     // TotalGest knows a repeated order; otherwise it can be searched
	noSearch bool                     // TotalGest can't be searched
	shops    int                      // 0: one
	products int                      // 0: five
	erp      *totalgesttest.Server    // of all shops; nil: each has its own
	web      *framework360test.Server // likewise
	top      map[string]string        // settings of the process, as TOML values
	each     map[string]string        // settings of each shop
}

// Timings of the tests: a minute of theirs is an hour of real life.
const (
	lease    = time.Second
	settle   = 3 * time.Second
	interval = 2 * time.Second
)

// topSettings and shopSettings are those of every rig.
func topSettings(database string) map[string]string {
	return map[string]string{"database": quoted(database), "lang": `"en"`, "log": quoted(logLevel()),
		"sweep_every": `"500ms"`, "stop_within": `"5s"`}
}

func logLevel() string {
	if os.Getenv("TG360_CRASH_LOGS") != "" {
		return "debug"
	}
	return "info"
}

func shopSettings() map[string]string {
	return map[string]string{"interval": quoted(interval.String()), "rate": "-1", "concurrent": "4", "zone": `"Europe/Rome"`,
		"prices": `"gross"`, "rows": `"unit"`, "max_attempts": "50", "settle": quoted(settle.String()), "lease": quoted(lease.String()),
		"write_within": `"500ms"`, "retry_first": `"100ms"`, "retry_most": `"1s"`}
}

func quoted(s string) string { return fmt.Sprintf("%q", s) }

// newRig starts the fakes and writes the settings; nothing of the connector runs
// yet.
func newRig(t *testing.T, l layout) *rig {
	t.Helper()
	bin, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{t: t, bin: bin, dir: t.TempDir(), database: l.database}
	r.seed, r.rng = seeded(t)
	if r.database == "" {
		r.database = filepath.Join(r.dir, "tg360.db")
	}
	for n := range max(l.shops, 1) {
		r.shops = append(r.shops, newShop(t, l, n, r.seed+uint64(2*n)))
	}
	r.settings = filepath.Join(r.dir, "settings.toml")
	r.write(l)
	return r
}

// write writes the settings file.
func (r *rig) write(l layout) {
	r.t.Helper()
	var b strings.Builder
	table := func(name string, values ...map[string]string) {
		all := map[string]string{}
		for _, v := range values {
			maps.Copy(all, v)
		}
		if name != "" {
			fmt.Fprintf(&b, "\n[%s]\n", name)
		}
		for _, k := range slices.Sorted(maps.Keys(all)) {
			fmt.Fprintf(&b, "%s = %s\n", k, all[k])
		}
	}
	table("", topSettings(r.database), l.top)
	for _, s := range r.shops {
		name := "shop." + s.id
		table(name, shopSettings(), map[string]string{"origin": quoted(s.origin), "webhook_token": quoted(s.token)}, l.each)
		erp := map[string]string{"shop_id": quoted(totalgesttest.ShopID), "owner_id": quoted(totalgesttest.OwnerID),
			"endpoint": quoted(s.erp.URL), "username": quoted(totalgesttest.Username), "password": quoted(totalgesttest.Password)}
		if p := s.erp.Config().Profile; len(p) > 0 {
			file := filepath.Join(r.dir, s.id+".totalgest.json")
			r.save(file, p)
			erp["profile"] = quoted(file)
		}
		table(name+".totalgest", erp)
		table(name+".framework360", map[string]string{"site": quoted(s.web.URL), "api_key": quoted(framework360test.APIKey)})
		table(name+".states", map[string]string{`"in attesa"`: `"wait"`, `"pagato"`: `"paid"`, `"in lavorazione"`: `"completed"`, `"annullato"`: `"cancelled"`})
		table(name+".payment_states", map[string]string{"paid": `"paid"`, "unpaid": `"wait"`})
	}
	r.save(r.settings, []byte(b.String()))
}

func (r *rig) save(file string, data []byte) {
	r.t.Helper()
	if err := os.WriteFile(file, data, 0o600); err != nil {
		r.t.Fatal(err)
	}
}

// open has the first start over: credentials are checked, the go-live instant is
// set, the products are in the shops, and a first order has shown each TotalGest
// that can be searched to find what it has.
func (r *rig) open() {
	r.t.Helper()
	r.must("verify")
	r.must("sync", "products")
	for _, s := range r.shops {
		if have, want := len(s.web.Products()), len(s.erp.Products()); have != want {
			r.t.Fatalf("shop %s has %d products of %d", s.id, have, want)
		}
	}
	r.pause(1100 * time.Millisecond) // some dates have whole seconds: orders come after go-live
	for _, s := range r.shops {
		r.first(s)
	}
}

// first exports an order. Where the machine was so slow that the connector takes
// its store for one that may have been put back, a person has to look for it.
func (r *rig) first(s *shop) {
	r.t.Helper()
	id := s.place(1, true)
	arrived := func() bool { return len(s.ledger()[id]) > 0 }
	ok := r.until(time.Minute, func() bool {
		if r.run("export", "-shop", s.id, id); !arrived() {
			r.run("decide", "-shop", s.id, id, "-not-arrived") // refused as long as it may still arrive
		}
		return arrived()
	})
	if !ok {
		r.t.Fatalf("the first order of %s is not across: %s", s.id, r.run("status", "-shop", s.id, "orders"))
	}
}

// pause lets time pass in which something else goes on.
func (r *rig) pause(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-r.t.Context().Done():
	}
}

// between is a random duration.
func (r *rig) between(low, high time.Duration) time.Duration {
	return low + time.Duration(r.rng.Int64N(int64(high-low)+1))
}

// until looks every 100 ms until ok, at most for limit, and reports which.
func (r *rig) until(limit time.Duration, ok func() bool) bool {
	r.t.Helper()
	end := time.Now().Add(limit)
	for !ok() {
		if time.Now().After(end) {
			return false
		}
		r.pause(100 * time.Millisecond)
	}
	return true
}

// postgresServer is where PostgreSQL is expected.
const postgresServer = "postgres://postgres@127.0.0.1:5432/postgres?sslmode=disable"

// newDatabase makes a database of the test's own and returns its address.
func newDatabase(t *testing.T) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	c, err := pgx.Connect(ctx, postgresServer)
	if err != nil {
		missing(t, "PostgreSQL can't be reached at 127.0.0.1:5432: %v", err)
	}
	name := fmt.Sprintf("crash_%d_%d", os.Getpid(), time.Now().UnixNano())
	if _, err := c.Exec(ctx, "CREATE DATABASE "+name); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 30*time.Second)
		defer cancel()
		defer c.Close(ctx)
		if _, err := c.Exec(ctx, "DROP DATABASE "+name+" WITH (FORCE)"); err != nil {
			t.Errorf("drop the test's database: %v", err)
		}
	})
	return strings.Replace(postgresServer, "/postgres?", "/"+name+"?", 1)
}
