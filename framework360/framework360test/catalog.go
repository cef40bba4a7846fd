package framework360test

import (
	"maps"
	"slices"
	"strconv"

	"github.com/tg360/tg360/framework360"
)

// catalog keeps the products in the order in which they were made.
type catalog struct {
	all   []*framework360.Product
	byID  map[string]*framework360.Product
	bySKU map[string][]*framework360.Product
	last  int
}

func newCatalog() catalog {
	return catalog{byID: map[string]*framework360.Product{}, bySKU: map[string][]*framework360.Product{}, last: 100}
}

func cloneProduct(p framework360.Product) framework360.Product {
	p.Images, p.Options = slices.Clone(p.Images), maps.Clone(p.Options)
	p.Meta = framework360.Meta{}
	return p
}

// put adds a product, which gets an id where it has none, or replaces it.
func (c *catalog) put(p framework360.Product) *framework360.Product {
	p = cloneProduct(p)
	if p.ID == "" {
		for p.ID == "" || c.byID[p.ID] != nil {
			c.last++
			p.ID = strconv.Itoa(c.last)
		}
	}
	have := c.byID[p.ID]
	if have == nil {
		have = new(framework360.Product)
		c.byID[p.ID] = have
		c.all = append(c.all, have)
	} else {
		c.forget(have)
	}
	*have = p
	if sku := p.SKU.Or(""); sku != "" {
		c.bySKU[sku] = append(c.bySKU[sku], have)
	}
	return have
}

// forget takes a product out of the index of SKUs.
func (c *catalog) forget(p *framework360.Product) {
	sku := p.SKU.Or("")
	c.bySKU[sku] = slices.DeleteFunc(c.bySKU[sku], func(x *framework360.Product) bool { return x == p })
	if len(c.bySKU[sku]) == 0 {
		delete(c.bySKU, sku)
	}
}

func (c *catalog) remove(id string) bool {
	p := c.byID[id]
	if p == nil {
		return false
	}
	c.forget(p)
	delete(c.byID, id)
	c.all = slices.DeleteFunc(c.all, func(x *framework360.Product) bool { return x == p })
	return true
}

// apply writes what is set or null in p over have.
func apply(have *framework360.Product, p framework360.Product) {
	over(&have.SKU, p.SKU)
	over(&have.EAN, p.EAN)
	over(&have.Name, p.Name)
	over(&have.Description, p.Description)
	over(&have.ShortDescription, p.ShortDescription)
	over(&have.Price, p.Price)
	over(&have.SalePrice, p.SalePrice)
	over(&have.TaxID, p.TaxID)
	over(&have.VATRate, p.VATRate)
	over(&have.Quantity, p.Quantity)
	over(&have.Active, p.Active)
	over(&have.Brand, p.Brand)
	over(&have.Category, p.Category)
	over(&have.ParentID, p.ParentID)
	if p.Images != nil {
		have.Images = p.Images
	}
	if p.Options != nil {
		have.Options = p.Options
	}
}

func over[T any](have *framework360.Opt[T], v framework360.Opt[T]) {
	if !v.IsAbsent() {
		*have = v
	}
}

// PutProduct adds a product as a person in the back office would, or replaces
// the one with its id; an empty id gets one, which is returned.
func (s *Server) PutProduct(p framework360.Product) (id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.catalog.put(p).ID
}

// EditProduct changes a product as a person in the back office would. It reports
// whether there is one.
func (s *Server) EditProduct(id string, change func(*framework360.Product)) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	have := s.catalog.byID[id]
	if have == nil {
		return false
	}
	p := cloneProduct(*have)
	change(&p)
	p.ID = id
	s.catalog.put(p)
	return true
}

// RemoveProduct deletes a product as a person in the back office would. It
// reports whether there was one.
func (s *Server) RemoveProduct(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.catalog.remove(id)
}

// Products returns a copy of the catalogue in the order in which it was made.
func (s *Server) Products() []framework360.Product {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]framework360.Product, len(s.catalog.all))
	for i, p := range s.catalog.all {
		out[i] = cloneProduct(*p)
	}
	return out
}

// Product returns a copy of the first product with exactly this SKU.
func (s *Server) Product(sku string) (framework360.Product, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	same := s.catalog.bySKU[sku]
	if len(same) == 0 {
		return framework360.Product{}, false
	}
	return cloneProduct(*same[0]), true
}

// Duplicates counts the SKUs that more than one product has.
func (s *Server) Duplicates() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, same := range s.catalog.bySKU {
		if len(same) > 1 {
			n++
		}
	}
	return n
}
