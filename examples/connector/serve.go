package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/tg360/tg360/examples/connector/internal/settings"
	"github.com/tg360/tg360/framework360"
	"github.com/tg360/tg360/queue"
	"github.com/tg360/tg360/syncer"
)

// serveCmd does everything.
type serveCmd struct {
	Listen string `placeholder:"ADDR" help:"Address of the HTTP server, instead of that of the settings."`
}

// Help is the manual of the server.
func (*serveCmd) Help() string {
	return `GET /healthz answers while the process lives, /readyz while the database answers and the queue is worked on, /metrics in the form of Prometheus. POST /webhook/SHOP/TOKEN takes the shop's events, where the settings have a webhook_token.

SIGHUP reads the settings again: where they are wrong the old ones stay. The database, the address and the form of the log need a restart. SIGTERM and SIGINT end what is under way and then the process, within 10 seconds.`
}

const (
	stopWithin   = 9500 * time.Millisecond // for all that ends with the process
	lastRequests = 2 * time.Second         // for requests under way at a stop
	readyWithin  = 2 * time.Second         // for store and queue to answer
)

// server is a serve at work.
type server struct {
	*program
	listen   string // of the command line
	log      *slog.Logger
	metrics  *metrics
	store    database
	queue    queue.Queue
	settings *settings.Settings
	now      atomic.Pointer[running]
}

// running is an engine at work with one set of settings.
type running struct {
	*engine
	shops    []string
	webhooks map[string]http.Handler
	stop     context.CancelFunc
	done     chan struct{} // closed when its work has ended
	err      error         // why, to be read after done
	working  atomic.Bool
}

// Run serves until ctx ends.
func (c *serveCmd) Run(ctx context.Context, p *program) (err error) {
	if p.reload == nil {
		p.reload = make(chan os.Signal, 1)
		signal.Notify(p.reload, syscall.SIGHUP)
		defer signal.Stop(p.reload)
	}
	s := &server{program: p, listen: c.Listen, metrics: newMetrics()}
	if s.settings, s.log, err = p.load(ctx, slog.LevelInfo); err != nil {
		return err
	}
	if err := s.settings.Ready(); err != nil {
		return usageError{err}
	}
	close, err := s.openBackEnds(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, close()) }()
	next, err := s.build(ctx, s.settings)
	if err != nil {
		return err
	}
	addr := s.settings.Listen
	if s.listen != "" {
		addr = s.listen
	}
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		next.close()
		return fmt.Errorf("listen: %w", err)
	}
	s.start(ctx, next)
	s.metrics.registry.MustRegister(newGauges(ctx, s.store, s.queue, func() []string { return s.now.Load().shops }, func(shop string) error { return s.now.Load().Paused(shop) }))
	h := s.httpServer()
	failed := make(chan error, 1)
	go func() { failed <- h.Serve(listener) }()
	s.log.InfoContext(ctx, "listening", "addr", listener.Addr().String(), "shops", len(s.settings.Shops), "postgresql", s.settings.PostgreSQL())
	for err == nil && ctx.Err() == nil && s.now.Load().working.Load() {
		select {
		case <-ctx.Done():
		case err = <-failed:
		case <-s.now.Load().done:
		case <-s.reload:
			s.readAgain(ctx)
		}
	}
	return errors.Join(err, s.end(ctx, h))
}

// openBackEnds opens store and queue, and makes sure that a SQLite file has one
// serve. What it returns closes both.
func (s *server) openBackEnds(ctx context.Context) (func() error, error) {
	var err error
	if s.store, err = openDatabase(ctx, s.settings, s.log); err != nil {
		return nil, err
	}
	closers := []func() error{s.store.Close}
	close := func() error {
		var errs []error
		for i := range closers {
			errs = append(errs, closers[len(closers)-1-i]())
		}
		return errors.Join(errs...)
	}
	if !s.settings.PostgreSQL() {
		lock, err := s.store.Exclusive(ctx)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("a serve runs on this database already: %w", err), close())
		}
		closers = append(closers, lock.Close)
	}
	if s.queue, err = openQueue(ctx, s.settings, s.log); err != nil {
		return nil, errors.Join(err, close())
	}
	closers = append(closers, s.queue.Close)
	return close, nil
}

// build makes an engine of settings, and starts nothing.
func (s *server) build(ctx context.Context, set *settings.Settings) (*running, error) {
	shops, err := choose(set, nil)
	if err != nil {
		return nil, err
	}
	c := syncer.Config{Store: s.store, Queue: s.queue, Logger: s.log, SweepEvery: set.SweepEvery}
	s.metrics.watch(&c, set.StopWithin)
	e, err := newEngine(ctx, set, shops, hooks{attempt: s.metrics.attempt, config: c})
	if err != nil {
		return nil, err
	}
	r := &running{engine: e, webhooks: map[string]http.Handler{}, done: make(chan struct{})}
	for _, shop := range shops {
		r.shops = append(r.shops, shop.ID)
		if shop.WebhookToken == "" || shop.Sync.Orders == syncer.OrdersOff {
			continue
		}
		accept := func(ctx context.Context, id string) error { return e.Notify(ctx, shop.ID, id) }
		r.webhooks[shop.ID], err = framework360.WebhookHandler(framework360.WebhookConfig{Token: shop.WebhookToken, Accept: accept, Logger: s.log.With("shop", shop.ID)})
		if err != nil {
			e.close()
			return nil, fmt.Errorf("shop %s: %w", shop.ID, err)
		}
	}
	return r, nil
}

// start lets an engine work until it is stopped. What passes, such as a database
// that is away, it bears by itself; the end of its work is the end of the serve.
func (s *server) start(ctx context.Context, r *running) {
	ctx, r.stop = context.WithCancel(ctx)
	s.now.Store(r)
	r.working.Store(true)
	go func() {
		defer close(r.done)
		r.err = r.Run(ctx)
		r.working.Store(false)
	}()
}

// readAgain takes new settings over, or keeps the old ones.
func (s *server) readAgain(ctx context.Context) {
	next, err := settings.Load(s.file, s.env)
	if err == nil {
		err = next.Ready()
	}
	var r *running
	if err == nil {
		r, err = s.build(ctx, next)
	}
	if err != nil {
		for line := range strings.Lines(err.Error()) {
			s.log.ErrorContext(ctx, "the settings are not taken over", "error", strings.TrimSpace(line))
		}
		return
	}
	for _, w := range next.Warnings {
		s.log.WarnContext(ctx, "settings: "+w)
	}
	for key, differs := range map[string]bool{"database": next.Database != s.settings.Database, "listen": next.Listen != s.settings.Listen,
		"log": next.LogLevel != s.settings.LogLevel || next.LogJSON != s.settings.LogJSON} {
		if differs {
			s.log.WarnContext(ctx, "this setting needs a restart", "key", key)
		}
	}
	next.Database, next.Listen, next.LogLevel, next.LogJSON = s.settings.Database, s.settings.Listen, s.settings.LogLevel, s.settings.LogJSON
	s.finish(s.now.Load())
	s.settings = next
	s.start(ctx, r)
	s.log.InfoContext(ctx, "the settings are taken over", "shops", len(next.Shops))
}

// finish stops an engine and waits until its work has ended.
func (s *server) finish(r *running) {
	r.stop()
	<-r.done
	r.close()
}

// end stops everything, within the time that a stop may take.
func (s *server) end(ctx context.Context, h *http.Server) error {
	s.log.InfoContext(ctx, "stopping")
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), max(stopWithin, s.settings.StopWithin+lastRequests))
	defer cancel()
	r := s.now.Load()
	r.stop()
	last, cancelLast := context.WithTimeout(ctx, lastRequests)
	defer cancelLast()
	if err := h.Shutdown(last); err != nil {
		_ = h.Close() // its clients come again
	}
	select {
	case <-r.done:
		r.close()
	case <-ctx.Done():
		return errors.New("the work did not end in time")
	}
	s.log.InfoContext(ctx, "stopped")
	return r.err
}
