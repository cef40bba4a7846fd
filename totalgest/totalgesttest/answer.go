package totalgesttest

import (
	"errors"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/tg360/tg360/internal/api"
	"github.com/tg360/tg360/internal/fake"
	"github.com/tg360/tg360/internal/wire"
	"github.com/tg360/tg360/totalgest"
)

// answer runs an operation; the server is locked.
func (s *Server) answer(r *fake.Request) (status int, body []byte) {
	if replay := s.http.Replay(r, s.now().In(api.Rome())); replay != nil {
		return http.StatusOK, replay
	}
	switch r.Operation {
	case "account.get":
		a := totalgest.Account{ShopID: ShopID, OwnerID: OwnerID, Name: "Bottega di prova", ServerTime: s.now()}
		return http.StatusOK, s.data(r, s.codecs.account.Append(nil, &a))
	case "products.list":
		return list(s, r, &s.changed, func(dst []byte, e *entry[product]) []byte {
			return s.codecs.product.Append(dst, &e.rec.Product)
		})
	case "products.get":
		if e := s.products[r.Param("id")]; e != nil && e.rec.DeletedAt.IsZero() {
			return http.StatusOK, s.data(r, s.codecs.product.Append(nil, &e.rec.Product))
		}
		return s.no(http.StatusNotFound, "there is no such product")
	case "stock.list":
		return s.stock(r)
	case "orders.list":
		return list(s, r, &s.placed, func(dst []byte, e *entry[ReceivedOrder]) []byte {
			return s.codecs.ref.Append(dst, &e.rec.Ref)
		})
	case "orders.get":
		if e := s.orders[r.Param("id")]; e != nil {
			return http.StatusOK, s.data(r, s.codecs.ref.Append(nil, &e.rec.Ref))
		}
		return s.no(http.StatusNotFound, "there is no such order")
	case "orders.find":
		return s.find(r)
	case "orders.create":
		return s.create(r)
	case "orders.update":
		return s.update(r)
	}
	return s.no(http.StatusNotFound, "this TotalGest has no such operation")
}

func (s *Server) no(status int, message string) (int, []byte) {
	return status, s.failure(status, message, nil)
}

// data wraps a record or a list.
func (s *Server) data(r *fake.Request, raw []byte, more ...fake.Part) []byte {
	return fake.Envelope(s.http.Profile, r.Op, raw, more...)
}

// limit is the number of elements that a request asks for.
func (s *Server) limit(r *fake.Request) int {
	if n, err := strconv.Atoi(r.Param("limit")); err == nil && n > 0 {
		return n
	}
	return s.http.Profile.PageSize(r.Op)
}

// page adds the cursor and the server's time to a list.
func (s *Server) page(r *fake.Request, list []byte, next string) []byte {
	cursor := []byte("null")
	if next != "" {
		cursor = fake.Quote(next)
	}
	env := s.http.Profile.Envelope
	return s.data(r, list, append(fake.At(env.Cursor, cursor), fake.Text(env.ServerTime, s.now().UTC().Format(time.RFC3339))...)...)
}

// list answers with a page of records by their last change.
func list[T any](s *Server, r *fake.Request, from *timeline[T], appendTo func([]byte, *entry[T]) []byte) (int, []byte) {
	var since time.Time
	if v := r.Param("updated_since"); v != "" {
		var err error
		if since, err = time.Parse(time.RFC3339, v); err != nil {
			return s.no(http.StatusUnprocessableEntity, "updated_since is not a time")
		}
	}
	items, next, err := from.page(r.Param("cursor"), since, s.limit(r))
	if s.http.Profile.Paging.Kind == "page" {
		var n int
		n, err = strconv.Atoi(r.Param("page"))
		items, next = from.numbered(n-s.http.Profile.Paging.FirstPage, since, s.limit(r)), ""
	}
	if err != nil {
		return s.no(http.StatusUnprocessableEntity, "the cursor is not one of this server's")
	}
	raw := fake.List(len(items), func(dst []byte, i int) []byte { return appendTo(dst, items[i]) })
	return http.StatusOK, s.page(r, raw, next)
}

// stock lists quantities; its order is that of the last change of the product,
// which a quantity does not move.
func (s *Server) stock(r *fake.Request) (int, []byte) {
	return list(s, r, &s.changed, func(dst []byte, e *entry[product]) []byte {
		return s.codecs.stock.Append(dst, &totalgest.Stock{ID: e.id, Quantity: e.rec.Quantity, UpdatedAt: e.rec.stockAt})
	})
}

func (s *Server) find(r *fake.Request) (int, []byte) {
	if !s.http.Profile.Has(totalgest.AbilitySearch) {
		s.http.Complain("orders.find: this TotalGest can't search")
		return s.no(http.StatusNotFound, "this TotalGest can't search")
	}
	same := s.external[r.Param("external_id")]
	return http.StatusOK, s.data(r, fake.List(len(same), func(dst []byte, i int) []byte {
		return s.codecs.ref.Append(dst, &same[i].rec.Ref)
	}))
}

// received decodes and checks the order of a request.
func (s *Server) received(r *fake.Request) (totalgest.Order, []totalgest.FieldError) {
	o, err := s.codecs.order.Decode(r.Body)
	if err != nil {
		field := totalgest.FieldError{Path: "(order)", Message: "can't be read"}
		var fe *wire.FieldError
		if errors.As(err, &fe) {
			field = totalgest.FieldError{Path: fe.Field, Message: fe.Reason}
		}
		return o, []totalgest.FieldError{field}
	}
	return o, s.options.CheckOrder(o)
}

func (s *Server) update(r *fake.Request) (int, []byte) {
	e := s.orders[r.Param("id")]
	if e == nil {
		return s.no(http.StatusNotFound, "there is no such order")
	}
	o, fields := s.received(r)
	if len(fields) > 0 {
		return s.refused(fields)
	}
	s.writes++
	e.rec.Order, e.rec.Ref.Note, e.rec.Ref.UpdatedAt = o, o.Note, s.now()
	s.placed.touch(e, s.now())
	return http.StatusOK, s.data(r, s.codecs.ref.Append(nil, &e.rec.Ref))
}

func (s *Server) create(r *fake.Request) (int, []byte) {
	o, fields := s.received(r)
	for _, name := range slices.Sorted(maps.Keys(r.Op.Headers)) {
		want := wire.Expand(r.Op.Headers[name], func(string) string { return o.ExternalID })
		if got := r.Header.Get(name); got != want {
			s.http.Complain("orders.create: header " + name + " is not the order's external id")
		}
	}
	if len(fields) > 0 {
		return s.refused(fields)
	}
	if same := s.external[o.ExternalID]; len(same) > 0 && s.http.Profile.Has(totalgest.AbilityDedupe) {
		parts := s.codecs.ref.Append(nil, &same[0].rec.Ref)
		env := s.http.Profile.Envelope
		return http.StatusConflict, s.data(r, parts, append(fake.Text(env.ErrorCode, "E409"),
			fake.Text(env.ErrorText, "there is an order with this external id")...)...)
	}
	s.writes++
	return http.StatusCreated, s.data(r, s.codecs.ref.Append(nil, &s.place(o).rec.Ref))
}

// refused answers for data that the server does not take.
func (s *Server) refused(fields []totalgest.FieldError) (int, []byte) {
	return http.StatusUnprocessableEntity, s.failure(http.StatusUnprocessableEntity, "the order is refused", fields)
}
