package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"github.com/tg360/tg360/examples/connector/internal/settings"
	"github.com/tg360/tg360/queue"
	"github.com/tg360/tg360/syncer"
)

// statusCmd shows where things stand.
type statusCmd struct {
	Kind  string   `arg:"" optional:"" help:"products or orders; without it how many of each are in which state."`
	Shop  []string `placeholder:"SHOP" help:"Only these shops."`
	State []string `placeholder:"STATE" help:"Only these states, by name or as they are shown."`
	ID    []string `name:"id" placeholder:"ID" help:"Only these ids."`
	Text  string   `placeholder:"TEXT" help:"Only what has this number, SKU or id, or a title that begins so."`
	Limit int      `default:"-1" placeholder:"N" help:"At most so many; 0: all. By default 100 in a table and all in JSON."`
	JSON  bool     `name:"json" help:"One JSON document."`
}

// kinds says which kinds a word of the command line means; none: both.
func kinds(word string) ([]syncer.Kind, error) {
	switch strings.ToLower(word) {
	case "":
		return []syncer.Kind{syncer.KindProduct, syncer.KindOrder}, nil
	case "products", "product":
		return []syncer.Kind{syncer.KindProduct}, nil
	case "orders", "order":
		return []syncer.Kind{syncer.KindOrder}, nil
	}
	return nil, usage("%q is neither products nor orders", word)
}

// states finds states by name or label.
func states(words []string) ([]syncer.State, error) {
	var out []syncer.State
	for _, w := range words {
		i := slices.IndexFunc(syncer.States(), func(s syncer.State) bool {
			return strings.EqualFold(string(s), w) || slices.ContainsFunc(syncer.Languages(), func(l string) bool { return strings.EqualFold(s.Label(l), w) })
		})
		if i < 0 {
			return nil, usage("%q is no state; they are %v", w, syncer.States())
		}
		out = append(out, syncer.States()[i])
	}
	return out, nil
}

// report is what status prints in JSON.
type report struct {
	Counts []count `json:"counts"`
	Items  []item  `json:"items"`
}

type count struct {
	Shop  string       `json:"shop"`
	Kind  syncer.Kind  `json:"kind"`
	State syncer.State `json:"state"`
	Label string       `json:"label"`
	Count int          `json:"count"`
}

// Run shows the table.
func (c *statusCmd) Run(ctx context.Context, p *program) error {
	which, err := kinds(c.Kind)
	if err != nil {
		return err
	}
	in, err := states(c.State)
	if err != nil {
		return err
	}
	s, log, err := p.load(ctx, slog.LevelWarn)
	if err != nil {
		return err
	}
	shops, err := choose(s, c.Shop)
	if err != nil {
		return err
	}
	store, err := openDatabase(ctx, s, log)
	if err != nil {
		return err
	}
	defer store.Close()
	listing := c.Kind != "" || len(c.State)+len(c.ID) > 0 || c.Text != ""
	var r report
	more := 0
	for _, shop := range shops {
		for _, kind := range which {
			if err := c.collect(ctx, store, shop, syncer.Query{Connection: shop.ID, Kind: kind, States: in, Text: c.Text}, listing, &r, &more); err != nil {
				return err
			}
		}
	}
	if c.JSON {
		return writeJSON(p.stdout, r)
	}
	out := printer{p.stdout, s.Lang}
	if !listing {
		return c.summary(ctx, out, s, store, shops, r)
	}
	c.list(out, r, len(shops) > 1, more)
	return nil
}

// collect adds one shop's products or orders to the report.
func (c *statusCmd) collect(ctx context.Context, store syncer.Store, shop *settings.Shop, q syncer.Query, listing bool, r *report, more *int) error {
	counts, err := store.Count(ctx, q)
	if err != nil {
		return fmt.Errorf("count: %w", err)
	}
	for _, s := range syncer.States() {
		if n := counts[s]; n > 0 {
			r.Counts = append(r.Counts, count{shop.ID, q.Kind, s, s.Label(shop.Lang), n})
		}
	}
	if !listing {
		return nil
	}
	add := func(links []syncer.Link) {
		for i := range links {
			r.Items = append(r.Items, newItem(&links[i], shop.Lang))
		}
	}
	if len(c.ID) > 0 {
		links, err := store.Get(ctx, q.Connection, q.Kind, c.ID...)
		if err == nil {
			add(slices.DeleteFunc(links, func(l syncer.Link) bool { return len(q.States) > 0 && !slices.Contains(q.States, l.State) }))
		}
		return err
	}
	total, listed := 0, len(r.Items)
	for _, n := range counts {
		total += n
	}
	const page = 500
	for {
		q.Limit = page
		if limit := c.limit(); limit > 0 {
			q.Limit = min(page, limit-len(r.Items))
		}
		if q.Limit <= 0 {
			break
		}
		links, err := store.List(ctx, q)
		if err != nil {
			return fmt.Errorf("list: %w", err)
		}
		add(links)
		if len(links) < q.Limit {
			break
		}
		q.After = links[len(links)-1].ID
	}
	*more += total - (len(r.Items) - listed)
	return nil
}

func (c *statusCmd) limit() int {
	switch {
	case c.Limit >= 0:
		return c.Limit
	case c.JSON:
		return 0
	}
	return 100
}

// list prints items as a table.
func (c *statusCmd) list(out printer, r report, several bool, more int) {
	if len(r.Items) == 0 {
		out.line("nothing")
		return
	}
	headings := []string{"h.kind", "h.id", "h.number", "h.state", "h.peer", "h.why"}
	if several {
		headings = append([]string{"h.shop"}, headings...)
	}
	var rows [][]string
	for i := range r.Items {
		it := &r.Items[i]
		l := syncer.Link{State: it.State, Reason: it.Reason, Code: it.Code, Message: it.Message, DueAt: it.DueAt, Warnings: it.Warnings}
		row := []string{it.Kind.Label(out.lang), it.ID, it.Title, it.State.Label(out.lang), peer(it.PeerID, it.PeerNo), explain(&l, out.lang)}
		if several {
			row = append([]string{it.Shop}, row...)
		}
		rows = append(rows, row)
	}
	out.table(headings, rows)
	if more > 0 {
		out.line("more", more)
	}
}

// peer shows the other side's number and id.
func peer(id, number string) string {
	if number != "" && number != id {
		return number + " (" + id + ")"
	}
	return id
}

// summary prints how many of each are in which state, and the latest cycles.
func (c *statusCmd) summary(ctx context.Context, out printer, s *settings.Settings, store database, shops []*settings.Shop, r report) error {
	for i, shop := range shops {
		if i > 0 {
			fmt.Fprintln(out.w)
		}
		out.line("shop", shop.ID)
		var rows [][]string
		for _, state := range syncer.States() {
			n := map[syncer.Kind]int{}
			for _, k := range r.Counts {
				if k.Shop == shop.ID && k.State == state {
					n[k.Kind] = k.Count
				}
			}
			if len(n) > 0 {
				rows = append(rows, []string{"  " + state.Label(out.lang), fmt.Sprint(n[syncer.KindProduct]), fmt.Sprint(n[syncer.KindOrder])})
			}
		}
		if len(rows) == 0 {
			out.line("empty")
			continue
		}
		out.table([]string{"h.state2", "h.products", "h.orders"}, rows)
		if err := lastRuns(ctx, out, s, store, shop); err != nil {
			return err
		}
	}
	return nil
}

// lastRuns prints the latest cycle of each kind of a shop that has been started.
func lastRuns(ctx context.Context, out printer, s *settings.Settings, store database, shop *settings.Shop) error {
	_, err := store.Doc(ctx, shop.ID, goLiveDoc)
	if errors.Is(err, syncer.ErrNotFound) || len(shop.Missing()) > 0 {
		return nil
	}
	q := queue.NewMemory(queue.MemoryConfig{})
	defer q.Close()
	e, err := newEngine(ctx, s, []*settings.Shop{shop}, hooks{config: syncer.Config{Store: store, Queue: q}})
	if err != nil {
		return err
	}
	defer e.close()
	for _, kind := range []syncer.Kind{syncer.KindProduct, syncer.KindOrder, syncer.KindStatus} {
		runs, err := e.Runs(ctx, shop.ID, kind)
		if err != nil {
			return err
		}
		if len(runs) == 0 {
			continue
		}
		end := say(out.lang, "run.ok")
		if !runs[0].Complete {
			end = say(out.lang, "run.bad", oneLine(runs[0].Reason))
		}
		fmt.Fprintln(out.w, "  "+say(out.lang, "run."+string(kind), moment(runs[0].Ended), end))
	}
	return nil
}
