package syncer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tg360/tg360/framework360"
)

// KindAudit is that of the runs of [Syncer.Audit].
const KindAudit Kind = "audit"

// Audit reads the shop's products and compares them, field by field, with what
// was last written. What differs is drift: it stands with the link as a warning
// and its problems, and in Run.Drift by field. Settings.Repair has the fields that
// TotalGest owns written again, once: a shop that changes what it is given is
// reported, not fought. Products of the shop without a partner get a link of
// [KindShopProduct]. The error is as for [Syncer.SyncProducts].
func (s *Syncer) Audit(ctx context.Context, connection string) (Run, error) {
	c, err := s.conn(connection)
	if err != nil {
		return Run{}, err
	}
	ctx, l, err := s.begin(ctx, c, KindAudit)
	if err != nil {
		return Run{}, err
	}
	run := s.newRun(KindAudit)
	run.Drift = map[string]int{}
	a := &audit{productCycle: productCycle{s: s, c: c, run: &run}, begun: s.now().Truncate(time.Microsecond)}
	err = a.do(ctx)
	return run, s.finish(ctx, c, l, &run, err, func(state *cycle) { state.Completed = s.now() })
}

// audit is one at work.
type audit struct {
	productCycle
	begun time.Time
}

func (a *audit) do(ctx context.Context) error {
	if err := a.s.again(ctx, a.c); err != nil {
		return err
	}
	for page, err := range a.c.Framework360.ProductPages(ctx, framework360.ProductOptions{}) {
		if err != nil {
			return fmt.Errorf("list the shop's products: %w", err)
		}
		a.run.Pages++
		a.run.Read += len(page.Items) + len(page.Rejected)
		if err := a.page(ctx, page.Items); err != nil {
			return err
		}
	}
	return a.missing(ctx)
}

// page compares a page of the shop with its links.
func (a *audit) page(ctx context.Context, items []framework360.Product) error {
	byID := make(map[string]*framework360.Product, len(items))
	for i := range items {
		byID[items[i].ID] = &items[i]
	}
	q := Query{Connection: a.c.ID, Kind: KindProduct, PeerIDs: sortedKeys(byID)}
	links, err := a.s.store.List(ctx, q)
	if err != nil {
		return fmt.Errorf("list links: %w", err)
	}
	var keep []*Link
	for i := range links {
		l := &links[i]
		item := byID[l.PeerID]
		delete(byID, l.PeerID)
		if l.State == Synced && item != nil {
			a.judge(l, a.differences(item, l))
			keep = append(keep, l)
		}
	}
	if err := a.keep(ctx, keep, "what the audit found"); err != nil {
		return err
	}
	if err := a.s.wakeDue(ctx, keep); err != nil {
		return err
	}
	var alone []framework360.Product
	for _, id := range sortedKeys(byID) {
		alone = append(alone, *byID[id])
	}
	return a.index(ctx, alone)
}

// differences names the fields in which the shop shows something else than what
// was written. A field that a list leaves out is not compared.
func (a *audit) differences(item *framework360.Product, l *Link) []Problem {
	var out []Problem
	now := string(fingerprint(nil, item))
	for i := range productFields {
		name := productFields[i].name
		was, is := partOf(l.Parts, name), partOf(now, name)
		owner := [...]string{OwnerTotalGest: "TotalGest", OwnerOnCreate: "the shop, since it was created", OwnerShop: ""}[a.c.Owners[name]]
		if was == "" || is == "" || was == is || owner == "" {
			continue
		}
		p := Problem{Field: name, Message: "differs in the shop; its owner is " + owner}
		if productFields[i].plain {
			p.Message = fmt.Sprintf("is %s in the shop and %s in TotalGest; its owner is %s", strings.TrimPrefix(is, "#"), strings.TrimPrefix(was, "#"), owner)
		}
		out = append(out, p)
	}
	return out
}

// judge notes what the audit found of one product, and has it repaired.
func (a *audit) judge(l *Link, drift []Problem) {
	l.Warnings = slices.DeleteFunc(slices.Clone(l.Warnings), func(w string) bool { return w == codeProductDrift })
	l.Problems, l.SyncedAt = nil, a.begun
	if len(drift) == 0 {
		a.run.Unchanged++
		return
	}
	l.Warnings, l.Problems = append(l.Warnings, codeProductDrift), drift
	var mine []string
	for _, p := range drift {
		a.run.Drift[p.Field]++
		if a.c.Owners[p.Field] == OwnerTotalGest {
			mine = append(mine, p.Field)
		}
	}
	state := hashText(l.Parts)
	if !a.c.Repair || len(mine) == 0 || l.Sent == state {
		return // told, and left alone
	}
	l.Sent, l.Parts = state, withoutParts(l.Parts, mine)
	l.State, l.DueAt = Queued, a.s.now()
	a.run.Updated++
}

// missing finds linked products that the shop did not show, and asks for each.
func (a *audit) missing(ctx context.Context) error {
	q := Query{Connection: a.c.ID, Kind: KindProduct, States: []State{Synced}, Limit: 1000}
	for {
		links, err := a.s.store.List(ctx, q)
		if err != nil {
			return fmt.Errorf("list links: %w", err)
		}
		for i := range links {
			if l := &links[i]; l.PeerID != "" && l.SyncedAt.Before(a.begun) {
				if err := a.askFor(ctx, l); err != nil {
					return err
				}
			}
		}
		if len(links) < q.Limit {
			return nil
		}
		q.After = links[len(links)-1].ID
	}
}

// askFor looks for one product by its SKU before it is said to be missing.
func (a *audit) askFor(ctx context.Context, l *Link) error {
	found, err := a.c.Framework360.FindProducts(ctx, l.SKU)
	if errors.Is(err, framework360.ErrUnsupported) {
		return nil // the shop can't be asked
	}
	if err != nil {
		return fmt.Errorf("ask for a product that was not listed: %w", err)
	}
	for i := range found {
		if found[i].ID == l.PeerID {
			a.judge(l, a.differences(&found[i], l))
			return a.keep(ctx, []*Link{l}, "what the audit found")
		}
	}
	a.run.Missing++
	a.judge(l, []Problem{{Field: "id", Message: "the shop has this product no longer"}})
	if a.c.Repair { // it is matched, or created, like a new one
		l.PeerID, l.Parts, l.State, l.DueAt = "", "", Queued, a.s.now()
	}
	if err := a.keep(ctx, []*Link{l}, "what the audit found"); err != nil {
		return err
	}
	return a.s.wakeDue(ctx, []*Link{l})
}
