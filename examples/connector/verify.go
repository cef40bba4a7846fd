package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/tg360/tg360/examples/connector/internal/settings"
	"github.com/tg360/tg360/framework360"
	"github.com/tg360/tg360/queue"
	"github.com/tg360/tg360/syncer"
	"github.com/tg360/tg360/totalgest"
)

// verifyCmd checks what a shop needs.
type verifyCmd struct {
	Shops   []string `arg:"" optional:"" name:"shop" help:"Shops; none: all."`
	Confirm string   `placeholder:"ORIGIN" help:"Confirm that orders were exported under this origin before: see below."`
	JSON    bool     `name:"json" help:"One JSON document."`
}

// Help explains the origin.
func (*verifyCmd) Help() string {
	return "Each check is a real read; nothing is written to either system. Where the settings have no origin one is proposed: put the line that is printed into the settings, and never change it again. Where the database is new although the go-live has passed it may have been lost: nothing is exported until --confirm says under which origin orders were exported, and then TotalGest is asked for each order first."
}

// originDoc holds the origin that was proposed, so that it is always the same.
const originDoc = "connector/proposed_origin"

// checked is one check in JSON.
type checked struct {
	Shop      string `json:"shop"`
	System    string `json:"system"` // totalgest, framework360 or settings
	Check     string `json:"check"`
	Operation string `json:"operation,omitempty"`
	OK        bool   `json:"ok"`
	Error     string `json:"error,omitempty"`
}

// verified is what verify says of one shop.
type verified struct {
	Shop     string    `json:"shop"`
	OK       bool      `json:"ok"`
	Checks   []checked `json:"checks"`
	Proposed string    `json:"proposed_origin,omitempty"`
	Line     string    `json:"line,omitempty"` // to be put into the settings
	GoLive   time.Time `json:"go_live,omitzero"`
}

// Run checks each shop.
func (c *verifyCmd) Run(ctx context.Context, p *program) error {
	s, log, err := p.load(ctx, slog.LevelError)
	if err != nil {
		return err
	}
	shops, err := choose(s, c.Shops)
	if err != nil {
		return err
	}
	if c.Confirm != "" && len(shops) != 1 {
		return usage("--confirm is about one shop: name it")
	}
	store, err := openDatabase(ctx, s, log)
	if err != nil {
		return err
	}
	defer store.Close()
	results := make([]verified, len(shops))
	var g sync.WaitGroup
	limit := make(chan struct{}, 8)
	for i, shop := range shops {
		g.Go(func() {
			limit <- struct{}{}
			defer func() { <-limit }()
			results[i] = c.one(ctx, s, shop, store)
		})
	}
	g.Wait()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	bad := false
	for _, r := range results {
		bad = bad || !r.OK
	}
	if c.JSON {
		err = writeJSON(p.stdout, results)
	} else {
		printVerified(printer{p.stdout, s.Lang}, results)
	}
	if err == nil && bad {
		err = errFailed
	}
	return err
}

// one checks one shop.
func (c *verifyCmd) one(ctx context.Context, s *settings.Settings, shop *settings.Shop, store database) verified {
	out := verified{Shop: shop.ID, OK: true}
	note := func(system, check, operation string, err error) {
		one := checked{Shop: shop.ID, System: system, Check: check, Operation: operation, OK: err == nil}
		if err != nil {
			one.Error, out.OK = err.Error(), false
		}
		out.Checks = append(out.Checks, one)
	}
	began := time.Now()
	t, f, err := newClients(s, shop, hooks{})
	if err != nil {
		note("settings", "settings", "", err)
		return out
	}
	defer t.Close()
	defer f.Close()
	erp, site := &knownERP{Client: t}, &knownShop{Client: f}
	for _, m := range shop.Missing() {
		if !strings.Contains(m, "origin ") {
			note("settings", "complete", "", errors.New(m))
		}
	}
	report, _ := erp.Verify(ctx) // each check has its error
	for _, k := range report.Checks {
		note("totalgest", k.Ability, k.Operation, k.Err)
	}
	reply, _ := site.Verify(ctx)
	for _, k := range reply.Checks {
		if k.Err != nil && shop.Sync.PluginIsFine && errors.Is(k.Err, framework360.ErrPluginActive) {
			k.Err = nil
		}
		note("framework360", k.Ability, k.Operation, k.Err)
	}
	if shop.Origin == "" {
		proposed, err := keepDoc(ctx, store, shop.ID, originDoc, proposal(shop.ID))
		out.Proposed, out.Line = proposed, shop.Line("origin", proposed)
		if err != nil {
			note("settings", "origin", "", err)
		}
		return out
	}
	if out.OK {
		out.GoLive, err = c.establish(ctx, shop, store, erp, site, began)
		note("settings", "connection", "", err)
	}
	return out
}

// establish adds the connection, which keeps its origin, has the syncer compare
// the account with the one it was first verified with, and keeps the go-live.
func (c *verifyCmd) establish(ctx context.Context, shop *settings.Shop, store database, erp syncer.ERP, site syncer.Shop, began time.Time) (time.Time, error) {
	q := queue.NewMemory(queue.MemoryConfig{})
	defer q.Close()
	core, err := syncer.New(syncer.Config{Store: store, Queue: q})
	if err != nil {
		return time.Time{}, err
	}
	live, err := goLive(ctx, store, shop, began)
	if err != nil {
		return live, err
	}
	if err := core.Add(ctx, syncer.Connection{ID: shop.ID, Origin: shop.Origin, TotalGest: erp, Framework360: site, GoLive: live, Settings: shop.Sync}); err != nil {
		return live, err
	}
	if err := core.Verify(ctx, shop.ID); err != nil {
		return live, err
	}
	if c.Confirm != "" {
		if err := core.ConfirmOrigin(ctx, shop.ID, c.Confirm); err != nil {
			return live, err
		}
	}
	if err := core.Paused(shop.ID); err != nil {
		return live, err
	}
	return live, keepGoLive(ctx, store, shop.ID, live)
}

// proposal is a new origin: nothing in it changes when a host or a name does.
func proposal(shop string) string {
	var name strings.Builder
	for _, r := range shop {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			name.WriteRune(r)
		}
	}
	text := name.String()
	return text[:min(len(text), 12)] + "." + strings.ToLower(rand.Text()[:6])
}

// knownERP and knownShop check once, whoever asks.
type knownERP struct {
	*totalgest.Client
	once   sync.Once
	report totalgest.Report
	err    error
}

// Verify returns the report of the first call.
func (k *knownERP) Verify(ctx context.Context) (totalgest.Report, error) {
	k.once.Do(func() { k.report, k.err = k.Client.Verify(ctx) })
	return k.report, k.err
}

type knownShop struct {
	*framework360.Client
	once   sync.Once
	report framework360.Report
	err    error
}

// Verify returns the report of the first call.
func (k *knownShop) Verify(ctx context.Context) (framework360.Report, error) {
	k.once.Do(func() { k.report, k.err = k.Client.Verify(ctx) })
	return k.report, k.err
}

// printVerified prints the checks of each shop and what to do.
func printVerified(out printer, results []verified) {
	systems := map[string]string{"totalgest": "TotalGest", "framework360": "Framework360", "settings": say(out.lang, "h.settings")}
	for i, r := range results {
		if i > 0 {
			fmt.Fprintln(out.w)
		}
		out.line("shop", r.Shop)
		var rows [][]string
		for _, k := range r.Checks {
			end := say(out.lang, "check.ok")
			if !k.OK {
				end = say(out.lang, "check.bad", k.Error)
			}
			name := say(out.lang, "check."+strings.ReplaceAll(k.Check, " ", "_"))
			if name == "" { // one that has no text yet
				name = k.Check
			}
			rows = append(rows, []string{"  " + systems[k.System], name, k.Operation, end})
		}
		out.table([]string{"h.system", "h.check", "h.operation", "h.result"}, rows)
		if r.Proposed != "" {
			out.line("origin", r.Line)
		}
		if r.OK && !r.GoLive.IsZero() {
			out.line("golive", r.GoLive.Local().Format("2006-01-02 15:04:05 -07:00"))
		}
	}
}
