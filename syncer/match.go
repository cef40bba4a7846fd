package syncer

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// settle decides which of the products that are not linked may be created:
// those that the shop has already are linked, and of several with one SKU all but
// the first wait for a person.
func (p *productCycle) settle(ctx context.Context, todo []*change) ([]*change, error) {
	var fresh []*change
	for _, ch := range todo {
		if ch.link.PeerID == "" {
			fresh = append(fresh, ch)
		}
	}
	if len(fresh) == 0 {
		return todo, nil
	}
	taken, err := p.sameSKU(ctx, fresh)
	if err != nil {
		return nil, err
	}
	adopted, err := p.adopt(ctx, fresh)
	if err != nil {
		return nil, err
	}
	drop := map[*change]bool{}
	var blocked []*Link
	for _, ch := range fresh {
		l := ch.link
		owner := taken[l.SKU]
		if owner == "" {
			taken[l.SKU] = l.ID
		}
		switch {
		case p.c.Products == StockOnly && l.PeerID == "":
			drop[ch] = true // nothing to write a quantity to
			p.run.Unchanged++
		case owner != "" && owner != l.ID:
			drop[ch] = true
			blocked = p.reject(blocked, l, &ItemError{Reason: ReasonReview, Code: codeProductDuplicate, Message: "another product of TotalGest has the same SKU: one SKU is one product in the shop"})
		case ch.review != nil:
			drop[ch] = true
			blocked = p.reject(blocked, l, ch.review)
		}
	}
	if err := p.keep(ctx, slices.Concat(blocked, adopted), "what was matched"); err != nil {
		return nil, err
	}
	return slices.DeleteFunc(todo, func(ch *change) bool { return drop[ch] }), nil
}

// adopt finds the products of the shop that new ones of TotalGest are: by SKU,
// else by GTIN, exactly, and one to one. What is not one to one waits for a
// person.
func (p *productCycle) adopt(ctx context.Context, fresh []*change) ([]*Link, error) {
	var skus, eans []string
	gtins := map[string]int{} // of TotalGest's products, to see the same one twice
	for _, ch := range fresh {
		skus = append(skus, ch.link.SKU)
		eans = append(eans, spellings(ch.link.EAN)...)
		gtins[gtin(ch.link.EAN)]++
	}
	bySKU, err := p.shopProducts(ctx, Query{SKUs: skus}, func(l *Link) string { return l.SKU })
	if err != nil {
		return nil, err
	}
	byEAN := map[string][]*Link{}
	if len(eans) > 0 {
		if byEAN, err = p.shopProducts(ctx, Query{EANs: eans}, func(l *Link) string { return gtin(l.EAN) }); err != nil {
			return nil, err
		}
	}
	var adopted []*Link
	for _, ch := range fresh {
		l := ch.link
		code, what, have := codeProductSeveral, "this SKU: keep one", bySKU[l.SKU]
		if len(have) == 0 && l.EAN != "" {
			code, what, have = codeProductGTIN, "its GTIN "+l.EAN+", or TotalGest has: give the right one its SKU", byEAN[gtin(l.EAN)]
		}
		switch {
		case len(have) == 0:
		case len(have) == 1 && have[0].PeerID == l.ID && p.plan == nil: // matched before, and not written
			l.PeerID, ch.found, l.Parts = have[0].ID, true, have[0].Parts
		case len(have) == 1 && have[0].PeerID == "" && (code != codeProductGTIN || gtins[gtin(l.EAN)] == 1):
			l.PeerID, ch.found, l.Parts = have[0].ID, true, have[0].Parts
			have[0].State, have[0].PeerID = Synced, l.ID
			adopted = append(adopted, have[0])
		case len(have) > 1 || code == codeProductGTIN:
			var ids []string
			for _, h := range have {
				ids = append(ids, h.ID)
			}
			ch.review = &ItemError{Reason: ReasonReview, Code: code,
				Message: fmt.Sprintf("the shop has several products (%s) with %s", strings.Join(ids, ", "), what)}
		}
	}
	return adopted, nil
}

// shopProducts lists products of the shop that were there before, by a key.
func (p *productCycle) shopProducts(ctx context.Context, q Query, key func(*Link) string) (map[string][]*Link, error) {
	q.Connection, q.Kind = p.c.ID, KindShopProduct
	links, err := p.s.store.List(ctx, q)
	if err != nil {
		return nil, fmt.Errorf("match with the shop's products: %w", err)
	}
	out := map[string][]*Link{}
	for i := range links {
		if p.plan != nil && p.plan.linked[links[i].ID] {
			links[i].PeerID = "another"
		}
		out[key(&links[i])] = append(out[key(&links[i])], &links[i])
	}
	return out, nil
}

// gtin pads a bar code to 14 digits: one number has several spellings.
func gtin(ean string) string {
	if ean == "" || len(ean) >= 14 {
		return ean
	}
	return strings.Repeat("0", 14-len(ean)) + ean
}

// spellings are the ways in which a shop may write a bar code.
func spellings(ean string) []string {
	if ean == "" {
		return nil
	}
	out := []string{ean}
	for code := strings.TrimLeft(ean, "0"); len(code) <= 14; code = "0" + code {
		if code != ean {
			out = append(out, code)
		}
	}
	return out
}

// sameSKU returns which product of TotalGest holds each SKU already.
func (p *productCycle) sameSKU(ctx context.Context, fresh []*change) (map[string]string, error) {
	var skus []string
	for _, ch := range fresh {
		skus = append(skus, ch.link.SKU)
	}
	links, err := p.s.store.List(ctx, Query{Connection: p.c.ID, Kind: KindProduct, States: slices.Concat(linkedStates, []State{Blocked}), SKUs: skus})
	if err != nil {
		return nil, fmt.Errorf("look for the same SKU: %w", err)
	}
	out := map[string]string{}
	for _, l := range links {
		if l.known() {
			out[l.SKU] = l.ID
		}
	}
	if p.plan != nil {
		maps.Copy(out, p.plan.taken)
		defer func() {
			for _, ch := range fresh {
				if p.plan.taken[ch.link.SKU] == "" {
					p.plan.taken[ch.link.SKU] = ch.link.ID
				}
			}
		}()
	}
	return out, nil
}
