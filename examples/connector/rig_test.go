package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/tg360/tg360/framework360"
	"github.com/tg360/tg360/framework360/framework360test"
	"github.com/tg360/tg360/totalgest"
	"github.com/tg360/tg360/totalgest/totalgesttest"
)

// rig is both systems, and a settings file that fits them.
type rig struct {
	t        *testing.T
	erp      *totalgesttest.Server
	shop     *framework360test.Server
	file     string
	database string
	env      []string
}

// tune changes what a rig is made of.
type tune struct {
	erp      totalgesttest.Options
	replace  []string // pairs of what the settings file has and what it shall have
	database string   // empty: a SQLite file
}

func newRig(t *testing.T, o tune) *rig {
	t.Helper()
	r := &rig{t: t, erp: totalgesttest.Start(t, o.erp), shop: framework360test.Start(t, framework360test.Options{Statuses: shopStates(), Payments: shopPayments()}),
		file: filepath.Join(t.TempDir(), "tg360.toml"), database: o.database, env: []string{"HOME=" + t.TempDir()}}
	r.erp.SetProducts(inventProducts(3, 1))
	if r.database == "" {
		r.database = filepath.Join(t.TempDir(), "tg360.db")
	}
	text := fmt.Sprintf("database = %q\nsweep_every = \"200ms\"\nlisten = \"127.0.0.1:0\"\n", r.database) + r.shopSettings("milano", "milano1")
	r.write(strings.NewReplacer(o.replace...).Replace(text))
	return r
}

// shopSettings are the tables of one shop.
func (r *rig) shopSettings(id, origin string) string {
	c := r.erp.Config()
	return fmt.Sprintf(`
[shop.%[1]s]
origin = %[2]q
interval = "200ms"
rate = -1
prices = "gross"
rows = "unit"
retry_first = "50ms"
retry_most = "100ms"
webhook_token = %[3]q
profile_here = 0
[shop.%[1]s.totalgest]
shop_id = %[4]q
owner_id = %[5]q
endpoint = %[6]q
username = %[7]q
password = %[8]q
profile = '''%[9]s'''
[shop.%[1]s.framework360]
site = %[10]q
api_key = %[11]q
[shop.%[1]s.states]
"pagato" = "paid"
"in attesa di pagamento" = "wait"
"annullato" = "cancelled"
[shop.%[1]s.payment_states]
paid = "paid"
unpaid = "wait"
`, id, origin, webhookToken, c.ShopID, c.OwnerID, c.Endpoint, c.Username, c.Password, orObject(c.Profile), r.shop.URL, framework360test.APIKey)
}

func orObject(b []byte) string {
	if len(b) == 0 {
		return "{}"
	}
	return string(b)
}

const webhookToken = "aaaabbbbccccddddeeeeffff"

// write writes the settings file.
func (r *rig) write(text string) {
	r.t.Helper()
	if err := os.WriteFile(r.file, []byte(strings.Replace(text, "profile_here = 0\n", "", -1)), 0o600); err != nil {
		r.t.Fatal(err)
	}
}

// change replaces a part of the settings file.
func (r *rig) change(old, to string) {
	r.t.Helper()
	have, err := os.ReadFile(r.file)
	if err != nil || !bytes.Contains(have, []byte(old)) {
		r.t.Fatalf("the settings have no %q (%v)", old, err)
	}
	r.write(strings.Replace(string(have), old, to, 1))
}

// order places a paid order; change may be nil.
func (r *rig) order(id string, change func(*framework360.Order)) {
	w := &world{options: &fakesCmd{Seed: 1}, products: r.erp.Products()}
	o := w.order(nil)
	o.ID, o.Number = id, "W-"+id
	if change != nil {
		change(&o)
	}
	r.shop.PutOrder(o)
}

// run runs a command to its end.
func (r *rig) run(args ...string) (code int, stdout, stderr string) {
	r.t.Helper()
	return runIn(r.t, r.env, append([]string{"-settings", r.file}, args...)...)
}

func runIn(t *testing.T, env []string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = run(t.Context(), args, env, &out, &errs)
	for _, secret := range []string{totalgesttest.Password, framework360test.APIKey, "@example.com", "%!"} {
		if strings.Contains(out.String()+errs.String(), secret) && args[0] != "fakes" {
			t.Errorf("%v shows %q:\n%s%s", args, secret, &out, &errs)
		}
	}
	return code, out.String(), errs.String()
}

// must runs a command that ends with a code, and returns what it prints.
func (r *rig) must(want int, args ...string) string {
	r.t.Helper()
	code, stdout, stderr := r.run(args...)
	if code != want {
		r.t.Fatalf("%v: exit %d, want %d\n%s%s", args, code, want, stdout, stderr)
	}
	return stdout + stderr
}

// decode runs a command with -json.
func decode[T any](r *rig, want int, args ...string) T {
	r.t.Helper()
	code, stdout, stderr := r.run(append(args, "-json")...)
	if code != want {
		r.t.Fatalf("%v: exit %d, want %d\n%s%s", args, code, want, stdout, stderr)
	}
	var out T
	dec := json.NewDecoder(strings.NewReader(stdout))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&out); err != nil || dec.More() {
		r.t.Fatalf("%v prints no one JSON document: %v\n%s", args, err, stdout)
	}
	return out
}

// eventually waits until something holds.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	limit := time.After(40 * time.Second)
	for !holds() {
		select {
		case <-tick.C:
		case <-limit:
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

// logbook is what a serve logs, for several goroutines.
type logbook struct {
	mu sync.Mutex
	b  bytes.Buffer
}

// Write implements io.Writer.
func (l *logbook) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

// String is all that was logged.
func (l *logbook) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func (l *logbook) has(text string) bool { return strings.Contains(l.String(), text) }

// serving is a serve at work.
type serving struct {
	t      *testing.T
	log    *logbook
	url    string
	reload chan os.Signal
	cancel context.CancelFunc
	done   chan struct{}
	code   int
}

var listening = regexp.MustCompile(`msg=listening addr=(\S+)`)

// serve starts a serve and waits until it listens.
func (r *rig) serve() *serving {
	r.t.Helper()
	ctx, cancel := context.WithCancel(r.t.Context())
	s := &serving{t: r.t, log: &logbook{}, reload: make(chan os.Signal, 1), cancel: cancel, done: make(chan struct{})}
	p := &program{args: []string{"-settings", r.file, "serve"}, env: r.env, stdout: io.Discard, stderr: s.log, reload: s.reload}
	go func() {
		defer close(s.done)
		s.code = p.run(ctx)
	}()
	r.t.Cleanup(func() { cancel(); <-s.done })
	eventually(r.t, "listening", func() bool {
		select {
		case <-s.done:
			r.t.Fatalf("serve ended with %d:\n%s", s.code, s.log)
		default:
		}
		m := listening.FindStringSubmatch(s.log.String())
		if m != nil {
			s.url = "http://" + m[1]
		}
		return m != nil
	})
	return s
}

// stop ends the serve politely and returns its exit code.
func (s *serving) stop() int {
	s.t.Helper()
	s.cancel()
	began := time.Now()
	<-s.done
	if took := time.Since(began); took > 10*time.Second {
		s.t.Errorf("stopping took %s", took)
	}
	return s.code
}

// get answers with status and body.
func (s *serving) get(path string) (int, string) {
	s.t.Helper()
	return request(s.t, http.MethodGet, s.url+path, "")
}

func request(t *testing.T, method, url, body string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	reply, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer reply.Body.Close()
	data, err := io.ReadAll(reply.Body)
	if err != nil {
		t.Fatal(err)
	}
	return reply.StatusCode, string(data)
}

// received are the external ids of TotalGest's orders.
func (r *rig) received() []string {
	var out []string
	for _, o := range r.erp.Orders() {
		out = append(out, o.Order.ExternalID)
	}
	return out
}

// cent takes a cent from an order's total, which keeps it from being exported.
func cent(o *framework360.Order) {
	o.Total = totalgestOpt(o.Total.Or(decimal.Zero).Sub(decimal.New(1, -2)))
}

func totalgestOpt(d decimal.Decimal) framework360.Opt[decimal.Decimal] { return totalgest.Some(d) }
