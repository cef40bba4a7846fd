package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/tg360/tg360/framework360"
	"github.com/tg360/tg360/queue"
	"github.com/tg360/tg360/syncer"
)

func TestServe(t *testing.T) {
	t.Parallel()
	r := newRig(t, tune{})
	s := r.serve()
	if code, body := s.get("/healthz"); code != http.StatusOK || body != "ok\n" {
		t.Errorf("healthz: %d %s", code, body)
	}
	if code, body := s.get("/readyz"); code != http.StatusOK || body != "ok\n" {
		t.Errorf("readyz: %d %s", code, body)
	}
	eventually(t, "the catalogue is in the shop", func() bool { return len(r.shop.Products()) == 3 })
	r.order("501", nil)
	if code, _ := request(t, http.MethodPost, s.url+"/webhook/milano/"+webhookToken, `{"order_id":"501"}`); code != http.StatusNoContent {
		t.Errorf("webhook: %d", code)
	}
	eventually(t, "501 is in TotalGest", func() bool { return slices.Contains(r.received(), "milano1-501") })
	r.order("502", nil) // of which no event tells
	eventually(t, "502 is in TotalGest", func() bool { return slices.Contains(r.received(), "milano1-502") })
	for path, want := range map[string]int{"/webhook/milano/" + strings.Repeat("x", 24): http.StatusNotFound, "/webhook/roma/" + webhookToken: http.StatusNotFound, "/webhook/milano/": http.StatusNotFound, "/": http.StatusNotFound} {
		if code, _ := request(t, http.MethodPost, s.url+path, `{"order_id":"501"}`); code != want {
			t.Errorf("%s: %d", path, code)
		}
	}
	if code, _ := s.get("/webhook/milano/" + webhookToken); code != http.StatusMethodNotAllowed {
		t.Errorf("a webhook by GET: %d", code)
	}
	code, _, stderr := r.run("serve")
	if code != exitFailed || !strings.Contains(stderr, "a serve runs on this database already") {
		t.Errorf("a second serve: exit %d\n%s", code, stderr)
	}
	r.must(exitDone, "export", "501") // works beside it
	if code := s.stop(); code != exitDone {
		t.Errorf("exit %d", code)
	}
	if s.log.has(webhookToken) || s.log.has("level=ERROR") || !s.log.has("msg=stopped") {
		t.Errorf("the log:\n%s", s.log)
	}
	r.claims()
	if r.erp.Duplicates() != 0 {
		t.Errorf("TotalGest has %v", r.received())
	}
	r.serve() // at once
}

// claims complains about links that somebody still holds.
func (r *rig) claims() {
	r.t.Helper()
	p := &program{args: nil, env: r.env, file: r.file, stdout: io.Discard, stderr: io.Discard}
	set, log, err := p.load(r.t.Context(), slog.LevelError)
	if err != nil {
		r.t.Fatal(err)
	}
	store, err := openDatabase(r.t.Context(), set, log)
	if err != nil {
		r.t.Fatal(err)
	}
	defer store.Close()
	for _, shop := range set.Shops {
		for _, kind := range []syncer.Kind{syncer.KindOrder, syncer.KindProduct} {
			links, err := store.List(r.t.Context(), syncer.Query{Connection: shop.ID, Kind: kind})
			if err != nil {
				r.t.Fatal(err)
			}
			for _, l := range links {
				if l.Owner != "" {
					r.t.Errorf("%s %s is still claimed", l.Kind, l.ID)
				}
			}
		}
	}
}

// TestStopUnderWay stops while orders are being sent: what was begun ends.
func TestStopUnderWay(t *testing.T) {
	t.Parallel()
	r := newRig(t, tune{replace: []string{"[shop.milano]\n", "[shop.milano]\nlease = \"6s\"\nwrite_within = \"5s\"\n"}})
	r.must(exitDone, "sync", "products")
	begun, carryOn := make(chan struct{}, 100), make(chan struct{})
	r.erp.OnRequest(func(operation string) {
		if operation == "orders.create" {
			begun <- struct{}{}
			<-carryOn
		}
	})
	for _, id := range []string{"501", "502", "503", "504"} {
		r.order(id, nil)
	}
	s := r.serve()
	eventually(t, "an order is being sent", func() bool { return len(begun) > 0 })
	s.cancel()
	close(carryOn)
	if code := s.stop(); code != exitDone {
		t.Errorf("exit %d:\n%s", code, s.log)
	}
	r.erp.OnRequest(nil)
	s = r.serve()
	eventually(t, "all orders are in TotalGest", func() bool { return len(r.received()) == 4 })
	if s.stop(); r.erp.Duplicates() != 0 {
		t.Errorf("TotalGest has %v", r.received())
	}
}

func TestReload(t *testing.T) {
	t.Parallel()
	r := newRig(t, tune{})
	s := r.serve()
	eventually(t, "the catalogue is in the shop", func() bool { return len(r.shop.Products()) == 3 })
	r.change("rate = -1", "raet = -1")
	s.reload <- os.Interrupt
	eventually(t, "a wrong file is refused", func() bool { return s.log.has("the settings are not taken over") && s.log.has("did you mean rate?") })
	r.order("501", nil)
	eventually(t, "the old settings go on", func() bool { return len(r.received()) == 1 })
	r.change("raet = -1", "rate = -1")
	r.change("origin = \"milano1\"", "origin = \"milano2\"")
	s.reload <- os.Interrupt
	eventually(t, "another origin is refused", func() bool { return s.log.has("set it back") })
	r.change("origin = \"milano2\"", "origin = \"milano1\"")
	r.change(webhookToken, "x"+webhookToken)
	r.change("listen = \"127.0.0.1:0\"", "listen = \"127.0.0.1:1\"\nlog = \"warn\"")
	have, err := os.ReadFile(r.file)
	if err != nil {
		t.Fatal(err)
	}
	second := strings.Replace(r.shopSettings("roma", "roma1"), "interval", "orders = \"off\"\nproducts = \"off\"\ninterval", 1)
	r.write(string(have) + second)
	s.reload <- os.Interrupt
	eventually(t, "good settings are taken", func() bool { return s.log.has("the settings are taken over") })
	if !s.log.has("needs a restart\" key=listen") || !s.log.has("needs a restart\" key=log") || s.log.has("key=database") {
		t.Errorf("the log:\n%s", s.log)
	}
	r.order("502", nil)
	if code, _ := request(t, http.MethodPost, s.url+"/webhook/milano/x"+webhookToken, `{"order_id":"502"}`); code != http.StatusNoContent {
		t.Errorf("the new token: %d", code)
	}
	if code, _ := request(t, http.MethodPost, s.url+"/webhook/milano/"+webhookToken, `{"order_id":"502"}`); code != http.StatusNotFound {
		t.Errorf("the old token: %d", code)
	}
	eventually(t, "the new settings work", func() bool { return len(r.received()) == 2 })
	if code, body := s.get("/readyz"); code != http.StatusOK {
		t.Errorf("readyz: %d %s", code, body)
	}
	if _, body := s.get("/metrics"); !strings.Contains(body, `shop="roma"`) {
		t.Error("the metrics lack the new shop")
	}
	r.change(`interval = "200ms"`, `interval = "1h"`)
	s.reload <- os.Interrupt
	eventually(t, "settings are taken once more", func() bool { return strings.Count(s.log.String(), "the settings are taken over") == 2 })
	looks, same := 0, 0
	eventually(t, "the old schedule has ended", func() bool {
		if n := r.shop.Requests()["orders/list"]; n != looks {
			looks, same = n, 0
		}
		same++
		return same > 100 // ticks of 20 ms; a schedule looks every second
	})
	if code := s.stop(); code != exitDone {
		t.Errorf("exit %d:\n%s", code, s.log)
	}
}

// TestBrokenShops has shops that can't work beside one that can.
func TestBrokenShops(t *testing.T) {
	t.Parallel()
	r := newRig(t, tune{})
	have, err := os.ReadFile(r.file)
	if err != nil {
		t.Fatal(err)
	}
	key := strings.NewReplacer(`password = "tg`, `password = "not-tg`)
	down := strings.NewReplacer(r.erp.URL, "http://127.0.0.1:1", r.shop.URL, "http://127.0.0.1:2")
	r.write(string(have) + key.Replace(r.shopSettings("aosta", "aosta1")) + strings.Replace(down.Replace(r.shopSettings("zurigo", "zurigo1")), "rate", "lang = \"de\"\nrate", 1))
	// The same pair of systems twice would export twice, so this one has no orders.
	r.change("origin = \"aosta1\"", "origin = \"aosta1\"\norders = \"off\"")
	s := r.serve()
	eventually(t, "the catalogue is in the shop", func() bool { return len(r.shop.Products()) == 3 })
	r.order("501", nil)
	eventually(t, "the good shop works", func() bool { return len(r.received()) == 1 })
	if code, body := s.get("/readyz"); code != http.StatusOK {
		t.Errorf("readyz: %d %s", code, body)
	}
	eventually(t, "the shop with a wrong password is paused", func() bool {
		_, body := s.get("/metrics")
		return strings.Contains(body, `tg360_paused{shop="aosta"} 1`) && strings.Contains(body, `tg360_paused{shop="milano"} 0`)
	})
	out := r.must(exitFailed, "verify")
	if !strings.Contains(out, "Negozio zurigo") || !strings.Contains(out, "user name or password is wrong") {
		t.Errorf("verify:\n%s", out)
	}
	if code := s.stop(); code != exitDone {
		t.Errorf("exit %d:\n%s", code, s.log)
	}
}

// labels are all that a label may say.
var labels = map[string][]string{
	"shop":      {"milano"},
	"kind":      {"product", "order", "shop_product", "status", "audit"},
	"outcome":   {"complete", "incomplete", "ok", "refused", "unauthorized", "rate_limited", "failed", "no_answer", "unusable"},
	"system":    {"totalgest", "framework360"},
	"operation": {"account.get", "products.list", "stock.list", "products.get", "orders.create", "orders.find", "orders.list", "check", "site/plugins", "orders/list", "orders/get", "orders/statuses", "payments/list", "payments/taxes", "products/list", "products/create", "products/update"},
}

func TestMetrics(t *testing.T) {
	t.Parallel()
	r := newRig(t, tune{})
	r.must(exitDone, "sync", "products")
	r.order("501", nil)
	r.order("502", cent)
	r.order("503", func(o *framework360.Order) { dress(o, &wish{State: "Annullato", Payment: "unpaid"}) })
	s := r.serve()
	eventually(t, "the orders are worked on", func() bool {
		return len(decode[report](r, exitDone, "status", "orders", "-state", "synced,blocked,skipped").Items) == 3
	})
	var families map[string]*dto.MetricFamily
	eventually(t, "a cycle is counted", func() bool {
		_, body := s.get("/metrics")
		parser := expfmt.NewTextParser(model.LegacyValidation)
		var err error
		if families, err = parser.TextToMetricFamilies(strings.NewReader(body)); err != nil {
			t.Fatal(err)
		}
		return families["tg360_cycles_total"] != nil && families["tg360_orders_total"] != nil && families["tg360_product_writes_total"] != nil
	})
	for _, name := range []string{"tg360_cycles_total", "tg360_product_writes_total", "tg360_orders_total", "tg360_links", "tg360_queue_jobs", "tg360_oldest_due_seconds",
		"tg360_paused", "tg360_figures_complete", "tg360_request_duration_seconds", "go_goroutines", "process_start_time_seconds"} {
		if families[name] == nil {
			t.Errorf("there is no %s", name)
		}
	}
	allowed := map[string][]string{"state": {"waiting", "scheduled", "running"}}
	for _, s := range syncer.States() {
		allowed["state"] = append(allowed["state"], string(s))
	}
	for name, values := range labels {
		allowed[name] = values
	}
	got := map[string]float64{}
	for name, family := range families {
		if !strings.HasPrefix(name, "tg360_") {
			continue
		}
		for _, m := range family.GetMetric() {
			key := name
			for _, l := range m.GetLabel() {
				key += " " + l.GetValue()
				if !slices.Contains(allowed[l.GetName()], l.GetValue()) {
					t.Errorf("%s has the label %s=%q", name, l.GetName(), l.GetValue())
				}
			}
			got[key] = m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
		}
	}
	for key, least := range map[string]float64{"tg360_orders_total milano synced": 1, "tg360_orders_total milano blocked": 1, "tg360_orders_total milano skipped": 1,
		"tg360_links product milano synced": 3, "tg360_request_duration_seconds orders.create ok totalgest": 1, "tg360_cycles_total product complete milano": 1, "tg360_figures_complete": 1} {
		if got[key] < least {
			t.Errorf("%s is %v", key, got[key])
		}
	}
	s.stop()
}

// TestBrokenDatabase has a store that answers nothing any more.
func TestBrokenDatabase(t *testing.T) {
	t.Parallel()
	r := newRig(t, tune{})
	p := &program{env: r.env, file: r.file, stderr: io.Discard}
	set, log, err := p.load(t.Context(), slog.LevelError)
	if err != nil {
		t.Fatal(err)
	}
	store := brokenStore{syncer.NewMemoryStore()}
	s := &server{program: p, log: log, metrics: newMetrics(), store: store, queue: queue.NewMemory(queue.MemoryConfig{}), settings: set}
	now, err := s.build(t.Context(), set)
	if err != nil {
		t.Fatal(err)
	}
	defer now.close()
	s.now.Store(now)
	s.metrics.registry.MustRegister(newGauges(t.Context(), s.store, s.queue, func() []string { return now.shops }, now.Paused))
	if err := errors.Join(store.Close(), s.queue.Close()); err != nil {
		t.Fatal(err)
	}
	h := s.httpServer().Handler
	ask := func(method, path string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(`{"order_id":"501"}`)))
		return w
	}
	if w := ask(http.MethodPost, "/webhook/milano/"+webhookToken); w.Code != http.StatusServiceUnavailable {
		t.Errorf("webhook: %d", w.Code)
	}
	w := ask(http.MethodGet, "/readyz")
	if w.Code != http.StatusServiceUnavailable || w.Body.String() != "database: no answer\nqueue: no answer\nqueue: nobody works on it\n" {
		t.Errorf("readyz: %d %s", w.Code, w.Body)
	}
	if w = ask(http.MethodGet, "/healthz"); w.Code != http.StatusOK {
		t.Errorf("healthz: %d", w.Code)
	}
	if w = ask(http.MethodGet, "/metrics"); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "tg360_figures_complete 0") || strings.Contains(w.Body.String(), "tg360_links{") {
		t.Errorf("metrics: %d\n%s", w.Code, w.Body)
	}
}

// brokenStore is a store whose database is gone once it is closed.
type brokenStore struct{ *syncer.MemoryStore }

func (b brokenStore) Ping(ctx context.Context) error {
	_, err := b.Count(ctx, syncer.Query{Connection: "x", Kind: syncer.KindOrder})
	return err
}
func (brokenStore) Backup(context.Context, io.Writer) error  { return errors.ErrUnsupported }
func (brokenStore) Restore(context.Context, io.Reader) error { return errors.ErrUnsupported }
func (brokenStore) Exclusive(context.Context) (c io.Closer, err error) {
	return nil, errors.ErrUnsupported
}
