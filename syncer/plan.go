package syncer

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// What a plan says of a product.
const (
	PlanCreate    = "create"    // the shop does not have it
	PlanUpdate    = "update"    // linked, and fields differ
	PlanLink      = "link"      // the shop has it under the same SKU or GTIN; Fields are what differs
	PlanHide      = "hide"      // it would vanish from the shop
	PlanZero      = "zero"      // its quantity would fall to 0
	PlanReview    = "review"    // a person must decide, or mend it
	PlanUnchanged = "unchanged" // nothing to do; such items are counted only
)

// PlanItem is what a sync would do with one product.
type PlanItem struct {
	ID      string       `json:"id"` // TotalGest's
	SKU     string       `json:"sku"`
	Title   string       `json:"title"`
	Action  string       `json:"action"`
	ShopID  string       `json:"shop_id,omitempty"`
	Fields  []PlanChange `json:"fields,omitempty"`
	Code    string       `json:"code,omitempty"`    // why a person is asked
	Message string       `json:"message,omitempty"` // and in words
}

// PlanChange is a field that would be written. Numbers are shown, of texts only
// that they differ.
type PlanChange struct {
	Field string `json:"field"`
	Old   string `json:"old,omitempty"`
	New   string `json:"new,omitempty"`
}

// PlanSummary adds a plan up.
type PlanSummary struct {
	Actions map[string]int `json:"actions"` // items by action
	Writes  int            `json:"writes"`  // requests to the shop that change something
	Brakes  []string       `json:"brakes"`  // what would be held back
	Digest  string         `json:"digest"`  // of all items, whatever their order: the same digest is the same plan
}

// Plan says what a sync of the whole catalogue would do, and does nothing: it
// reads both sides and calls each for every product that is not unchanged. An
// error of each ends it. [ErrBusy] means that a product run is under way.
func (s *Syncer) Plan(ctx context.Context, connection string, each func(PlanItem) error) (PlanSummary, error) {
	c, err := s.conn(connection)
	if err != nil {
		return PlanSummary{}, err
	}
	if c.Products == ProductsOff {
		return PlanSummary{}, fmt.Errorf("syncer: connection %s does not sync products", connection)
	}
	ctx, l, err := s.begin(ctx, c, KindProduct)
	if err != nil {
		return PlanSummary{}, err
	}
	run := s.newRun(KindProduct)
	pl := &planner{each: each, seen: map[uint64]bool{}, taken: map[string]string{}, linked: map[string]bool{}, sum: PlanSummary{Actions: map[string]int{}}}
	p := &productCycle{s: s, c: c, lease: l, owner: l.state.Owner, run: &run, plan: pl}
	err = p.planAll(ctx)
	l.stop(nil)
	err = errors.Join(err, l.update(context.WithoutCancel(ctx), func(state *cycle) { state.Owner = "" }))
	pl.sum.Actions[PlanUnchanged] += run.Unchanged
	pl.sum.Digest = strconv.FormatUint(pl.digest, 16)
	return pl.sum, err
}

// planner collects what a run would do.
type planner struct {
	each   func(PlanItem) error
	sum    PlanSummary
	digest uint64
	seen   map[uint64]bool   // products that the walk has shown
	taken  map[string]string // TotalGest's id by SKU
	linked map[string]bool   // products of the shop that would be linked
	err    error             // of each
}

func (p *productCycle) planAll(ctx context.Context) error {
	if err := p.prepare(ctx); err != nil {
		return err
	}
	if err := errors.Join(p.loadReserved(ctx), p.reserve(ctx), p.loadBrakes(ctx)); err != nil {
		return err
	}
	p.walk = walk{Begun: p.s.now().Truncate(time.Microsecond), Pass: 1, Before: p.lease.state.FullSum}
	if err := p.walkPages(ctx); err != nil && !errors.Is(err, errMoved) {
		return err
	}
	if err := p.absent(ctx); err != nil && !errors.Is(err, ErrBrake) {
		return err
	} else if err != nil {
		p.plan.sum.Brakes = append(p.plan.sum.Brakes, err.Error())
	}
	for _, h := range []*pile{&p.held.vanish, &p.held.zero} {
		if h.limit >= 0 && h.count > h.limit {
			p.plan.sum.Brakes = append(p.plan.sum.Brakes, p.pulled(h).Error())
		}
	}
	return p.plan.err
}

// changes adds what would be written.
func (pl *planner) changes(p *productCycle, todo []*change) error {
	for _, ch := range todo {
		action := PlanUpdate
		switch {
		case ch.link.PeerID == "":
			action = PlanCreate
		case ch.found:
			action, pl.linked[ch.link.PeerID] = PlanLink, true
		}
		if fields := p.fieldChanges(ch); action == PlanUpdate && len(fields) == 0 {
			p.run.Unchanged++
		} else {
			pl.add(ch.link, action, fields)
		}
	}
	return pl.err
}

// fieldChanges lists the fields that a change would write.
func (p *productCycle) fieldChanges(ch *change) []PlanChange {
	var out []PlanChange
	create := ch.link.PeerID == ""
	want, _ := p.c.changes(&ch.want, ch.link.Parts, ch.parts, create)
	for i := range productFields {
		f := &productFields[i]
		if create || !f.there(&want) {
			continue
		}
		fc := PlanChange{Field: f.name}
		if f.plain {
			fc.Old, fc.New = strings.TrimPrefix(partOf(ch.link.Parts, f.name), "#"), strings.TrimPrefix(partOf(ch.parts, f.name), "#")
		}
		out = append(out, fc)
	}
	return out
}

func (pl *planner) add(l *Link, action string, fields []PlanChange) {
	item := PlanItem{ID: l.ID, SKU: l.SKU, Title: l.Title, Action: action, ShopID: l.PeerID, Fields: fields}
	if action == PlanReview {
		item.Code, item.Message = l.Code, l.Message
	} else if action != PlanLink || len(fields) > 0 {
		pl.sum.Writes++
	}
	pl.sum.Actions[action]++
	pl.digest += idSum(fmt.Sprint(item))
	if pl.err == nil {
		pl.err = pl.each(item)
	}
}
