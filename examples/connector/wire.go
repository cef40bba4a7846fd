package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/microcosm-cc/bluemonday"
	"github.com/tg360/tg360/examples/connector/internal/settings"
	"github.com/tg360/tg360/framework360"
	"github.com/tg360/tg360/queue"
	"github.com/tg360/tg360/syncer"
	"github.com/tg360/tg360/totalgest"
)

// load reads the settings and says what is odd about them. What it logs is as
// grave as level, or as the settings ask for.
func (p *program) load(ctx context.Context, level slog.Level) (*settings.Settings, *slog.Logger, error) {
	s, err := settings.Load(p.file, p.env)
	if err != nil {
		return nil, nil, usageError{err}
	}
	log := logger(p.stderr, s, level)
	for _, w := range s.Warnings {
		if level > slog.LevelInfo { // beside a table
			fmt.Fprintln(p.stderr, "connector: warning:", w)
			continue
		}
		log.WarnContext(ctx, "settings: "+w)
	}
	return s, log, nil
}

func logger(w io.Writer, s *settings.Settings, level slog.Level) *slog.Logger {
	if s.LogLevel != slog.LevelInfo { // the default says less beside a table than in a log
		level = s.LogLevel
	}
	o := &slog.HandlerOptions{Level: level}
	if s.LogJSON {
		return slog.New(slog.NewJSONHandler(w, o))
	}
	return slog.New(slog.NewTextHandler(w, o))
}

// goLiveDoc holds the instant from which orders are exported, where the settings
// leave it open.
const goLiveDoc = "connector/go_live"

// goLive is the shop's go-live: that of the settings, or the one that the store
// has kept, or else now.
func goLive(ctx context.Context, store syncer.Store, shop *settings.Shop, now time.Time) (time.Time, error) {
	if !shop.GoLive.IsZero() {
		return shop.GoLive, nil
	}
	have, err := store.Doc(ctx, shop.ID, goLiveDoc)
	if errors.Is(err, syncer.ErrNotFound) {
		return now, nil
	}
	if err != nil {
		return now, fmt.Errorf("read the go-live: %w", err)
	}
	return time.Parse(time.RFC3339Nano, string(have.Data))
}

// keepGoLive keeps a go-live for later starts. It comes after the connection was
// added: then the store also knows the origin, and is not taken for a lost one.
func keepGoLive(ctx context.Context, store syncer.Store, shop string, at time.Time) error {
	_, err := keepDoc(ctx, store, shop, goLiveDoc, at.UTC().Format(time.RFC3339Nano))
	return err
}

// keepDoc returns what a document holds, which is text when there was none.
func keepDoc(ctx context.Context, store syncer.Store, connection, name, text string) (string, error) {
	for {
		have, err := store.Doc(ctx, connection, name)
		if err == nil {
			return string(have.Data), nil
		}
		if !errors.Is(err, syncer.ErrNotFound) {
			return "", fmt.Errorf("read %s of %s: %w", name, connection, err)
		}
		err = store.PutDoc(ctx, &syncer.Doc{Connection: connection, Name: name, Data: []byte(text)})
		if err == nil {
			return text, nil
		}
		if !errors.Is(err, syncer.ErrStale) { // somebody else was first
			return "", fmt.Errorf("keep %s of %s: %w", name, connection, err)
		}
	}
}

// engine is a syncer with the clients of its shops.
type engine struct {
	*syncer.Syncer
	clients []interface{ Close() }
}

func (e *engine) close() {
	for _, c := range e.clients {
		c.Close()
	}
}

// hooks are what an engine tells of its work.
type hooks struct {
	attempt func(totalgest.Attempt) // nil: not
	config  syncer.Config           // Store, Queue and whatever else there is
}

// newEngine connects the shops. It calls none of them, so a shop that is down
// keeps no other from starting.
func newEngine(ctx context.Context, s *settings.Settings, shops []*settings.Shop, h hooks) (*engine, error) {
	core, err := syncer.New(h.config)
	if err != nil {
		return nil, err
	}
	e := &engine{Syncer: core}
	for _, shop := range shops {
		if err := e.add(ctx, s, shop, h); err != nil {
			e.close()
			return nil, fmt.Errorf("shop %s: %w", shop.ID, err)
		}
	}
	return e, nil
}

func (e *engine) add(ctx context.Context, s *settings.Settings, shop *settings.Shop, h hooks) error {
	t, f, err := newClients(s, shop, h)
	if err != nil {
		return err
	}
	e.clients = append(e.clients, t, f)
	live, err := goLive(ctx, h.config.Store, shop, time.Now())
	if err != nil {
		return err
	}
	sync := shop.Sync
	if !shop.RawHTML {
		sync.Clean = bluemonday.UGCPolicy().Sanitize
	}
	c := syncer.Connection{ID: shop.ID, Origin: shop.Origin, TotalGest: t, Framework360: f, GoLive: live, Settings: sync}
	if err := fits(ctx, c); err != nil {
		return usageError{err}
	}
	if err := e.Add(ctx, c); err != nil {
		return err
	}
	return keepGoLive(ctx, h.config.Store, shop.ID, live)
}

// fits reports whether a syncer takes the connection's settings, whatever the
// database holds: where not, they are wrong.
func fits(ctx context.Context, c syncer.Connection) error {
	q := queue.NewMemory(queue.MemoryConfig{})
	defer q.Close()
	core, err := syncer.New(syncer.Config{Store: syncer.NewMemoryStore(), Queue: q})
	if err != nil {
		return err
	}
	return core.Add(ctx, c)
}

func newClients(s *settings.Settings, shop *settings.Shop, h hooks) (*totalgest.Client, *framework360.Client, error) {
	tc, fc := shop.TotalGestConfig(s.AllowHTTP), shop.Framework360Config(s.AllowHTTP)
	tc.OnAttempt, fc.OnAttempt = h.attempt, h.attempt
	if h.config.Logger != nil {
		tc.Logger = h.config.Logger.With("shop", shop.ID)
		fc.Logger = tc.Logger
	}
	t, err := totalgest.New(tc)
	if err != nil {
		return nil, nil, err
	}
	f, err := framework360.New(fc)
	if err != nil {
		t.Close()
		return nil, nil, err
	}
	return t, f, nil
}

// session is what a command other than serve works with. Its queue lives in this
// process: what a command leaves behind is found by the sweep of whoever serves.
type session struct {
	*program
	settings *settings.Settings
	log      *slog.Logger
	store    database
	queue    queue.Queue
	engine   *engine
	shops    []*settings.Shop
}

// open opens the store, and connects the shops with these ids; none: all.
func (p *program) open(ctx context.Context, ids []string, tune func(*syncer.Config)) (*session, error) {
	return p.openSome(ctx, func(s *settings.Settings) ([]*settings.Shop, error) { return choose(s, ids) }, tune)
}

// openOne opens a session for one shop, which may be left out when there is one.
func (p *program) openOne(ctx context.Context, id string) (*session, string, error) {
	x, err := p.openSome(ctx, func(s *settings.Settings) ([]*settings.Shop, error) { return choose(s, []string{id}) }, nil)
	if err != nil {
		return nil, "", err
	}
	return x, x.shops[0].ID, nil
}

func (p *program) openSome(ctx context.Context, pick func(*settings.Settings) ([]*settings.Shop, error), tune func(*syncer.Config)) (*session, error) {
	s, log, err := p.load(ctx, slog.LevelError)
	if err != nil {
		return nil, err
	}
	x := &session{program: p, settings: s, log: log}
	if x.shops, err = pick(s); err != nil {
		return nil, err
	}
	for _, shop := range x.shops {
		for _, m := range shop.Missing() {
			err = errors.Join(err, errors.New(m))
		}
	}
	if err != nil {
		return nil, usageError{err}
	}
	if x.store, err = openDatabase(ctx, s, log); err != nil {
		return nil, err
	}
	x.queue = queue.NewMemory(queue.MemoryConfig{Logger: log})
	c := syncer.Config{Store: x.store, Queue: x.queue, Logger: log, SweepEvery: time.Second}
	if tune != nil {
		tune(&c)
	}
	if x.engine, err = newEngine(ctx, s, x.shops, hooks{config: c}); err != nil {
		x.close()
		return nil, err
	}
	return x, nil
}

func (x *session) close() {
	if x.engine != nil {
		x.engine.close()
	}
	_ = x.queue.Close() // it holds nothing that the store does not know
	if err := x.store.Close(); err != nil {
		x.log.Warn("closing the database failed", "error", err)
	}
}

// choose finds the shops by id; no id means all of them.
func choose(s *settings.Settings, ids []string) ([]*settings.Shop, error) {
	var out []*settings.Shop
	for i := range s.Shops {
		if len(ids) == 0 {
			out = append(out, &s.Shops[i])
		}
	}
	for _, id := range ids {
		shop, err := s.Shop(id)
		if err != nil {
			return nil, usageError{err}
		}
		out = append(out, shop)
	}
	return out, nil
}
