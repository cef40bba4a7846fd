package main

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/tg360/tg360/queue"
	"github.com/tg360/tg360/syncer"
	"github.com/tg360/tg360/totalgest"
)

// metrics are the figures of a serve. Their labels are shops of the settings and
// words of this program: never what a record holds.
type metrics struct {
	registry *prometheus.Registry
	cycles   *prometheus.CounterVec
	writes   *prometheus.CounterVec
	orders   *prometheus.CounterVec
	requests *prometheus.HistogramVec
}

func newMetrics() *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		cycles: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "tg360_cycles_total",
			Help: "Cycles that ended, by kind (product, order, status, audit) and outcome (complete, incomplete)."}, []string{"shop", "kind", "outcome"}),
		writes: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "tg360_product_writes_total",
			Help: "Calls of product cycles that changed something in the shop."}, []string{"shop"}),
		orders: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "tg360_orders_total",
			Help: "Ends of work on orders, by the state that it left them in."}, []string{"shop", "state"}),
		requests: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "tg360_request_duration_seconds",
			Help:    "HTTP exchanges with the two systems, by outcome (ok, refused, unauthorized, rate_limited, failed, no_answer, unusable).",
			Buckets: []float64{.01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 20, 30}}, []string{"system", "operation", "outcome"}),
	}
	m.registry.MustRegister(m.cycles, m.writes, m.orders, m.requests, collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

func (m *metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError})
}

// attempt notes one HTTP exchange.
func (m *metrics) attempt(a totalgest.Attempt) {
	m.requests.WithLabelValues(a.System, a.Operation, outcome(a)).Observe(a.Duration.Seconds())
}

func outcome(a totalgest.Attempt) string {
	switch {
	case a.Status == 0:
		return "no_answer"
	case a.Status == http.StatusUnauthorized || a.Status == http.StatusForbidden:
		return "unauthorized"
	case a.Status == http.StatusTooManyRequests:
		return "rate_limited"
	case a.Status >= 500:
		return "failed"
	case a.Status >= 400:
		return "refused"
	case a.Err != nil:
		return "unusable"
	}
	return "ok"
}

// run notes a cycle that has ended.
func (m *metrics) run(connection string, r syncer.Run) {
	end := "complete"
	if !r.Complete {
		end = "incomplete"
	}
	m.cycles.WithLabelValues(connection, string(r.Kind), end).Inc()
	if r.Kind == syncer.KindProduct {
		m.writes.WithLabelValues(connection).Add(float64(r.Writes))
	}
}

// link notes a change of an order that nobody works on any more.
func (m *metrics) link(l syncer.Link) {
	if l.Kind == syncer.KindOrder && l.Owner == "" {
		m.orders.WithLabelValues(l.Connection, string(l.State)).Inc()
	}
}

// watch has a syncer tell of its work.
func (m *metrics) watch(c *syncer.Config, stopWithin time.Duration) {
	c.OnRun, c.OnLink, c.StopWithin = m.run, m.link, stopWithin
}

// gauges are figures that are read from store and queue when somebody asks, and
// not more often than every 15 s.
type gauges struct {
	ctx    context.Context // of the process: a scrape has none of its own here
	store  syncer.Store
	queue  queue.Queue
	shops  func() []string
	paused func(shop string) error

	links, depth, oldest, still, up *prometheus.Desc

	mu   sync.Mutex
	at   time.Time
	have []prometheus.Metric
}

const (
	gaugesFor    = 15 * time.Second
	gaugesWithin = 5 * time.Second
)

func newGauges(ctx context.Context, store syncer.Store, q queue.Queue, shops func() []string, paused func(string) error) *gauges {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc(name, help, labels, nil)
	}
	return &gauges{ctx: ctx, store: store, queue: q, shops: shops, paused: paused,
		links:  desc("tg360_links", "Products and orders by their state.", "shop", "kind", "state"),
		depth:  desc("tg360_queue_jobs", "Jobs of the queue by their state (waiting, scheduled, running).", "shop", "state"),
		oldest: desc("tg360_oldest_due_seconds", "For how long the longest waiting item has been due; 0: none is.", "shop", "kind"),
		still:  desc("tg360_paused", "Whether the background work of a shop stands still, for its credentials or an origin to confirm.", "shop"),
		up:     desc("tg360_figures_complete", "Whether store and queue answered in time when these figures were read."),
	}
}

// Describe implements prometheus.Collector.
func (g *gauges) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{g.links, g.depth, g.oldest, g.still, g.up} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (g *gauges) Collect(ch chan<- prometheus.Metric) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if now := time.Now(); now.Sub(g.at) >= gaugesFor {
		g.at, g.have = now, g.read(now)
	}
	for _, m := range g.have {
		ch <- m
	}
}

func (g *gauges) read(now time.Time) (out []prometheus.Metric) {
	ctx, cancel := context.WithTimeout(g.ctx, gaugesWithin)
	defer cancel()
	add := func(d *prometheus.Desc, v float64, labels ...string) {
		out = append(out, prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...))
	}
	jobs, err := g.queue.Counts(ctx)
	for _, shop := range g.shops() {
		for _, kind := range []syncer.Kind{syncer.KindProduct, syncer.KindOrder, syncer.KindShopProduct} {
			counts, e := g.store.Count(ctx, syncer.Query{Connection: shop, Kind: kind})
			err = errors.Join(err, e)
			for _, s := range syncer.States() {
				add(g.links, float64(counts[s]), shop, string(kind), string(s))
			}
			due, e := g.store.List(ctx, syncer.Query{Connection: shop, Kind: kind, DueBy: now, Limit: 1})
			err = errors.Join(err, e)
			age := 0.0
			if len(due) > 0 {
				age = now.Sub(due[0].DueAt).Seconds()
			}
			add(g.oldest, age, shop, string(kind))
		}
		n := jobs[shop]
		add(g.depth, float64(n.Waiting), shop, "waiting")
		add(g.depth, float64(n.Scheduled), shop, "scheduled")
		add(g.depth, float64(n.Running), shop, "running")
		still := 0.0
		if g.paused(shop) != nil {
			still = 1
		}
		add(g.still, still, shop)
	}
	if err != nil { // rather no figures than wrong ones
		return []prometheus.Metric{prometheus.MustNewConstMetric(g.up, prometheus.GaugeValue, 0)}
	}
	add(g.up, 1)
	return out
}
