package main

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tg360/tg360/syncer"
	"github.com/tg360/tg360/totalgest/totalgesttest"
)

// playing are fakes at work.
type playing struct {
	t    *testing.T
	out  *logbook
	err  *logbook
	url  string // of the admin interface
	stop func() int
}

var ledgerAddress = regexp.MustCompile(`(http://127\.0\.0\.1:\d+/admin)/ledger`)

func startFakes(t *testing.T, args ...string) *playing {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	p := &playing{t: t, out: &logbook{}, err: &logbook{}}
	code, done := 0, make(chan struct{})
	go func() {
		defer close(done)
		code = run(ctx, append([]string{"fakes"}, args...), []string{"LANG=de_CH.UTF-8", "TMPDIR=" + t.TempDir()}, p.out, p.err)
	}()
	p.stop = func() int { cancel(); <-done; return code }
	t.Cleanup(func() { p.stop() })
	eventually(t, "the fakes run", func() bool {
		select {
		case <-done:
			t.Fatalf("fakes ended with %d:\n%s", code, p.err)
		default:
		}
		m := ledgerAddress.FindStringSubmatch(p.err.String())
		if m != nil {
			p.url = m[1]
		}
		return m != nil
	})
	return p
}

// ask asks the admin interface.
func ask[T any](p *playing, method, path, body string) T {
	p.t.Helper()
	code, text := request(p.t, method, p.url+path, body)
	var out T
	if err := json.Unmarshal([]byte(text), &out); code != http.StatusOK || err != nil {
		p.t.Fatalf("%s %s: %d %v\n%s", method, path, code, err, text)
	}
	return out
}

type placed struct {
	IDs []string `json:"ids"`
}

// TestTwoCommands is what a new user tries.
func TestTwoCommands(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "demo.toml")
	p := startFakes(t, "-write", file, "-products", "5")
	if !p.err.has("In einem anderen Terminal: connector -settings "+file+" serve") || p.out.String() != "" {
		t.Errorf("printed:\n%s%s", p.out, p.err)
	}
	r := &rig{t: t, file: file, env: []string{"TG360_LISTEN=127.0.0.1:0"}}
	s := r.serve()
	eventually(t, "five orders have arrived", func() bool { return len(ask[ledger](p, http.MethodGet, "/ledger", "").Orders) == 5 })
	eventually(t, "the others have their states", func() bool {
		states := map[syncer.State]int{}
		for _, i := range decode[report](r, exitDone, "status", "orders").Items {
			states[i.State]++
		}
		return maps.Equal(states, map[syncer.State]int{syncer.Synced: 5, syncer.Blocked: 2, syncer.Skipped: 1, syncer.NotLinked: 1})
	})
	ids := ask[placed](p, http.MethodPost, "/orders", `{"count": 2}`).IDs
	one := ask[placed](p, http.MethodPost, "/orders", `{"state": "In attesa di pagamento", "payment": "unpaid", "method": "Bonifico", "items": [{"sku": "CA-0001", "quantity": 2}]}`).IDs
	eventually(t, "two more have arrived", func() bool { return len(ask[ledger](p, http.MethodGet, "/ledger", "").Orders) == 7 })
	ask[placed](p, http.MethodPost, "/orders/"+one[0], `{"state": "Pagato", "payment": "paid"}`)
	r.must(exitDone, "export", ids[0], one[0])
	ask[any](p, http.MethodPost, "/products", `{"sku": "TE-0002", "quantity": 77, "price": "12.50"}`)
	r.must(exitDone, "sync", "products")
	type side struct{ Price, Quantity string }
	products := ask[[]struct {
		SKU  string
		Shop *side `json:"framework360"`
	}](p, http.MethodGet, "/products", "")
	if len(products) != 5 || products[1].Shop == nil {
		t.Fatalf("%+v", products)
	}
	// Orders that are still open hold some of the 77.
	if q, _ := strconv.Atoi(products[1].Shop.Quantity); products[1].Shop.Price != "12.50" || q < 60 || q > 77 {
		t.Errorf("%+v", *products[1].Shop)
	}
	l := ask[ledger](p, http.MethodGet, "/ledger", "")
	if len(l.Orders) != 8 || l.Duplicates != 0 || len(l.Unexpected) != 0 || l.Orders[0].Gross == "" || !strings.HasPrefix(l.Orders[0].ExternalID, "demo") {
		t.Errorf("%+v", l)
	}
	if code := s.stop(); code != exitDone {
		t.Errorf("exit %d:\n%s", code, s.log)
	}
	if code := p.stop(); code != exitDone || !p.err.has("TotalGest hat 8 Bestellungen erhalten, davon 0 doppelt.") {
		t.Errorf("exit %d:\n%s", code, p.err)
	}
}

// TestFakesWithFaults has replies lost, at fixed ports, with another ability.
func TestFakesWithFaults(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	_ = l.Close()
	p := startFakes(t, "-products", "2", "-orders", "4", "-dedupe", "-totalgest", addr, "-fault", "drop after operation=orders.create times=2")
	if !p.out.has(`endpoint = "http://`+addr+`"`) || !p.out.has(`profile = '''{"abilities":{"dedupe":true}}'''`) {
		t.Fatalf("printed:\n%s", p.out)
	}
	file := filepath.Join(t.TempDir(), "printed.toml")
	text := strings.Replace(p.out.String(), "settle = \"1m\"", "settle = \"1s\"\nlease = \"10s\"\nwrite_within = \"1s\"\nretry_first = \"50ms\"", 1)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	r := &rig{t: t, file: file}
	eventually(t, "four orders have arrived", func() bool {
		r.run("sync")
		got := ask[ledger](p, http.MethodGet, "/ledger", "")
		return len(got.Orders) == 4 && got.Faults["totalgest:drop after"] == 2
	})
	r.synced(4)
	if got := ask[ledger](p, http.MethodGet, "/ledger", ""); got.Duplicates != 0 {
		t.Errorf("%+v", got)
	}
	if got := ask[map[string]int](p, http.MethodPost, "/faults", `["framework360:429 times=3", "slow=0.5 delay=1s"]`); got["totalgest"] != 1 || got["framework360"] != 1 {
		t.Errorf("%+v", got)
	}
	for _, wrong := range []struct{ path, body string }{{"/faults", `["thunder"]`}, {"/faults", `{`}, {"/orders", `{"colour": 1}`}, {"/orders", `{"count": -1}`}, {"/products", `x`}} {
		if code, _ := request(t, http.MethodPost, p.url+wrong.path, wrong.body); code != http.StatusBadRequest {
			t.Errorf("%v: %d", wrong, code)
		}
	}
	for _, path := range []string{"/orders/999", "/products"} {
		if code, _ := request(t, http.MethodPost, p.url+path, `{}`); code != http.StatusNotFound {
			t.Errorf("%s: %d", path, code)
		}
	}
}

func TestFakesKeepOthersFiles(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "own.toml")
	own := []byte("# mine\n")
	if err := os.WriteFile(file, own, 0o600); err != nil {
		t.Fatal(err)
	}
	if code, _, stderr := runIn(t, nil, "fakes", "-write", file); code != exitUsage || !strings.Contains(stderr, "name another file") {
		t.Errorf("exit %d: %s", code, stderr)
	}
	if have, err := os.ReadFile(file); err != nil || !bytes.Equal(have, own) {
		t.Errorf("the file is %q (%v)", have, err)
	}
}

func TestParseFaults(t *testing.T) {
	t.Parallel()
	for _, kind := range faultKinds {
		if f, err := parseFault(string(kind)); err != nil || f.Kind != kind {
			t.Errorf("%s: %+v %v", kind, f, err)
		}
	}
	var got [2][]totalgesttest.Fault
	if err := parseFaults([]string{"hang after=0.25 operation=orders.create times=2 delay=5s", "framework360:HTML 502"}, &got); err != nil {
		t.Fatal(err)
	}
	want := totalgesttest.Fault{Kind: totalgesttest.HangAfter, Operation: "orders.create", Share: 0.25, Times: 2, Delay: 5 * time.Second}
	if len(got[0]) != 1 || got[0][0] != want || len(got[1]) != 1 || got[1][0].Kind != totalgesttest.HTML502 {
		t.Errorf("%+v", got)
	}
	for _, text := range []string{"", "drop", "drop after=2", "drop after=x", "hangover", "429 colour=red", "429 times=x", "slow delay=5"} {
		if f, err := parseFault(text); err == nil {
			t.Errorf("%q became %+v", text, f)
		}
	}
}
