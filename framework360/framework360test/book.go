package framework360test

import (
	"cmp"
	"slices"
	"strconv"

	"github.com/tg360/tg360/framework360"
)

// book keeps the orders, newest first.
type book struct {
	all  []*framework360.Order
	byID map[string]*framework360.Order
	last int
}

func newBook() book { return book{byID: map[string]*framework360.Order{}, last: 1000} }

func cloneOrder(o framework360.Order) framework360.Order {
	o.Rows, o.Labels = slices.Clone(o.Rows), slices.Clone(o.Labels)
	o.Meta = framework360.Meta{}
	return o
}

// newer sorts by the date, and by id where that is equal.
func newer(a, b *framework360.Order) int {
	return cmp.Or(b.Created.Compare(a.Created), cmp.Compare(len(b.ID), len(a.ID)), cmp.Compare(b.ID, a.ID))
}

func (b *book) put(o framework360.Order) *framework360.Order {
	o = cloneOrder(o)
	for o.ID == "" {
		b.last++
		if id := strconv.Itoa(b.last); b.byID[id] == nil {
			o.ID = id
		}
	}
	if have := b.byID[o.ID]; have != nil {
		b.remove(o.ID)
	}
	have := &o
	i, _ := slices.BinarySearchFunc(b.all, have, newer)
	b.all = slices.Insert(b.all, i, have)
	b.byID[o.ID] = have
	return have
}

func (b *book) remove(id string) bool {
	o := b.byID[id]
	if o == nil {
		return false
	}
	i, _ := slices.BinarySearchFunc(b.all, o, newer)
	b.all = slices.Delete(b.all, i, i+1)
	delete(b.byID, id)
	return true
}

// PutOrder adds an order as a customer would, or replaces the one with its id;
// an empty id gets one, which is returned. A zero Created is now.
func (s *Server) PutOrder(o framework360.Order) (id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if o.Created.IsZero() {
		o.Created = s.options.Now()
	}
	return s.orders.put(o).ID
}

// UpdateOrder changes an order, as a payment or a person would. It reports
// whether there is one.
func (s *Server) UpdateOrder(id string, change func(*framework360.Order)) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	have := s.orders.byID[id]
	if have == nil {
		return false
	}
	o := cloneOrder(*have)
	change(&o)
	o.ID = id
	if o.Created.Equal(have.Created) {
		*have = o
	} else {
		s.orders.put(o)
	}
	return true
}

// RemoveOrder deletes an order. It reports whether there was one.
func (s *Server) RemoveOrder(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.orders.remove(id)
}

// Orders returns a copy of the orders, newest first.
func (s *Server) Orders() []framework360.Order {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]framework360.Order, len(s.orders.all))
	for i, o := range s.orders.all {
		out[i] = cloneOrder(*o)
	}
	return out
}

// Order returns a copy of an order.
func (s *Server) Order(id string) (framework360.Order, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o := s.orders.byID[id]
	if o == nil {
		return framework360.Order{}, false
	}
	return cloneOrder(*o), true
}
