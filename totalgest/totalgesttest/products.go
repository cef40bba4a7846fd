package totalgesttest

import (
	"maps"
	"slices"
	"time"

	"github.com/shopspring/decimal"
	"github.com/tg360/tg360/totalgest"
)

// product is an article with the time of its last stock change.
type product struct {
	totalgest.Product
	stockAt time.Time
}

// SetProducts replaces the whole catalogue. A product without UpdatedAt gets
// the server's time.
func (s *Server) SetProducts(products []totalgest.Product) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.products, s.changed = make(map[string]*entry[product], len(products)), timeline[product]{}
	now := s.now()
	for _, p := range products {
		if p.UpdatedAt.IsZero() {
			p.UpdatedAt = now
		}
		s.put(p)
	}
}

// PutProduct adds a product, or replaces the one with its id. It counts as
// changed now.
func (s *Server) PutProduct(p totalgest.Product) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p.UpdatedAt = s.now()
	s.put(p)
}

// put stores a copy of p.
func (s *Server) put(p totalgest.Product) {
	p = cloneProduct(p)
	e := s.products[p.ID]
	if e == nil {
		e = &entry[product]{id: p.ID}
		s.products[p.ID] = e
		s.changed.add(e)
	}
	e.rec = product{Product: p, stockAt: p.UpdatedAt}
	s.changed.touch(e, p.UpdatedAt)
}

func cloneProduct(p totalgest.Product) totalgest.Product {
	p.Prices, p.Images, p.Options = slices.Clone(p.Prices), slices.Clone(p.Images), maps.Clone(p.Options)
	return p
}

// UpdateProduct changes a product, which counts as changed now. It reports
// whether there is one.
func (s *Server) UpdateProduct(id string, change func(*totalgest.Product)) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.products[id]
	if e == nil {
		return false
	}
	p := cloneProduct(e.rec.Product)
	change(&p)
	p.ID, p.UpdatedAt = id, s.now()
	s.put(p)
	return true
}

// SetStock sets the quantity of a product. Touch says whether the product counts
// as changed by it: in many systems it does not. It reports whether there is
// such a product.
func (s *Server) SetStock(id string, quantity decimal.Decimal, touch bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.products[id]
	if e == nil {
		return false
	}
	now := s.now()
	e.rec.Quantity, e.rec.stockAt = totalgest.Some(quantity), now
	if touch {
		e.rec.UpdatedAt = now
		s.changed.touch(e, now)
	}
	return true
}

// DeleteProduct marks a product as deleted now; lists still show it, so marked.
// It reports whether there is such a product.
func (s *Server) DeleteProduct(id string) bool {
	return s.UpdateProduct(id, func(p *totalgest.Product) { p.DeletedAt = s.now() })
}

// DropProduct takes a product away without a trace, as nothing well behaved
// does. It reports whether there was one.
func (s *Server) DropProduct(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.products[id]
	if e == nil {
		return false
	}
	delete(s.products, id)
	s.changed.remove(e)
	return true
}

// SetUnlisted leaves a product out of the lists, although it is there.
func (s *Server) SetUnlisted(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e := s.products[id]; e != nil {
		s.changed.remove(e)
	}
}

// Product returns a copy of a product.
func (s *Server) Product(id string) (totalgest.Product, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.products[id]
	if e == nil {
		return totalgest.Product{}, false
	}
	return cloneProduct(e.rec.Product), true
}

// Products returns a copy of the catalogue, by id.
func (s *Server) Products() []totalgest.Product {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]totalgest.Product, 0, len(s.products))
	for _, id := range slices.Sorted(maps.Keys(s.products)) {
		out = append(out, cloneProduct(s.products[id].rec.Product))
	}
	return out
}
