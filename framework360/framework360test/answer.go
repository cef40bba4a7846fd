package framework360test

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/tg360/tg360/framework360"
	"github.com/tg360/tg360/internal/fake"
	"github.com/tg360/tg360/internal/wire"
)

// no is an answer that says that it failed.
type no struct {
	code     string // such as permission_denied
	sentence string
}

// serve answers one request.
func (s *Server) serve(w http.ResponseWriter, r *fake.Request) {
	s.mu.Lock()
	data, failed := s.authorize(r)
	var replay []byte
	if failed == nil && r.Operation != "site/plugins" { // its names decide what the shop can do
		replay = s.http.Replay(r, s.options.Now().In(s.zone))
	}
	if failed == nil && replay == nil {
		data, failed = s.answer(r)
	}
	s.mu.Unlock()
	if replay != nil {
		send(w, http.StatusOK, replay)
		return
	}
	if failed != nil {
		s.fail(w, http.StatusOK, *failed)
		return
	}
	p := s.http.Profile
	send(w, http.StatusOK, fake.Envelope(p, r.Op, data, s.status(true)...))
}

func send(w http.ResponseWriter, status int, body []byte) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(body) // the client may be gone
}

// refuse answers a request that no client should make.
func (s *Server) refuse(w http.ResponseWriter, status int, message string) {
	s.fail(w, status, no{"bad_request", message})
}

// status writes the envelope's status.
func (s *Server) status(ok bool) []fake.Part {
	if s.http.Profile.Envelope.Status == "" {
		return nil
	}
	spellings := []string{`0`, `"0"`, `false`}
	if ok {
		spellings = []string{`1`, `"1"`, `true`}
	}
	i := 0
	if d := s.dice(); d != nil {
		i = d.IntN(len(spellings))
	}
	return []fake.Part{{Path: s.http.Profile.Envelope.Status, JSON: []byte(spellings[i])}}
}

// fail answers with a failure in one of the places where shops say why: as a
// sentence, as a code with a sentence beside it, or beside or inside the data.
func (s *Server) fail(w http.ResponseWriter, status int, f no) {
	env := s.http.Profile.Envelope
	parts := s.status(false)
	way := 0
	if d := s.dice(); d != nil {
		way = d.IntN(2 + len(env.ErrorText))
	}
	switch texts := env.ErrorText; {
	case len(texts) == 0:
	case way == 0:
		parts = append(parts, fake.Text(texts, f.sentence)...)
	case way == 1 && len(texts) > 1:
		parts = append(parts, fake.Text(texts, f.code)...)
		parts = append(parts, fake.Text(texts[1:], f.sentence)...)
	default:
		parts = append(parts, fake.Text(texts[max(0, min(way-2, len(texts)-1)):], f.sentence)...)
	}
	parts = append(parts, fake.Text(env.ErrorCode, f.code)...)
	send(w, status, fake.Object(parts...))
}

// authorize answers for a key or token that is not valid, and for what the key
// may not do.
func (s *Server) authorize(r *fake.Request) ([]byte, *no) {
	if len(s.http.Wrong(r.Header, "user_token")) > 0 {
		return nil, &no{"invalid_key", "Invalid key"}
	}
	if s.options.NeedUser && r.Operation != "check" && r.Operation != "users/login" && !s.userKnown(r.Header) {
		return nil, &no{"user_token_expired", "Invalid token: the user has to log in again"}
	}
	if slices.Contains(s.options.Denied, r.Operation) {
		return nil, &no{"permission_denied", "Permesso negato: la chiave non ha il permesso /" + r.Operation}
	}
	if s.options.NoEcommerce && needsShop(r.Operation) {
		return nil, &no{"plugin_not_active", "The module e-commerce is not active"}
	}
	return nil, nil
}

func (s *Server) userKnown(h http.Header) bool {
	for name, t := range s.http.Profile.Auth.Headers {
		if strings.Contains(t, "{user_token}") {
			return h.Get(name) == strings.ReplaceAll(t, "{user_token}", s.userToken())
		}
	}
	return true
}

func needsShop(operation string) bool {
	group, _, _ := strings.Cut(operation, "/")
	return group == "products" || group == "orders" || group == "payments"
}

// answer runs an operation and returns its data; the server is locked.
func (s *Server) answer(r *fake.Request) ([]byte, *no) {
	if f := s.pageBelow(r); f != nil {
		return nil, f
	}
	switch r.Operation {
	case "users/login":
		return s.login(r)
	case "site/plugins":
		return s.plugins(), nil
	case "orders/statuses":
		return s.references(s.options.Statuses), nil
	case "payments/list":
		return s.references(s.options.Payments), nil
	case "payments/taxes":
		return s.references(s.options.Taxes), nil
	case "orders/list":
		return s.listOrders(r), nil
	case "orders/get":
		o := s.orders.byID[r.Param("id")]
		if o == nil {
			return nil, &no{"not_found", "Order not found"}
		}
		return s.shapes.order.speak(s.codecs.order.Append(nil, o), s.dice(), s.zone), nil
	case "orders/updateStatus":
		return s.updateStatus(r)
	case "orders/cancel", "orders/delete":
		return s.endOrder(r)
	case "products/list":
		return s.listProducts(r), nil
	case "products/get":
		p := s.catalog.byID[r.Param("id")]
		if p == nil {
			return nil, &no{"not_found", "Product not found"}
		}
		return s.product(p), nil
	case "products/create", "products/update", "products/delete":
		return s.writeProduct(r)
	}
	if strings.HasSuffix(r.Operation, "/list") || strings.HasSuffix(r.Operation, "s") || strings.HasSuffix(r.Operation, "/search") {
		return []byte("[]"), nil
	}
	return []byte(`{"ok":true}`), nil
}

func (s *Server) login(r *fake.Request) ([]byte, *no) {
	if r.Param("email") != UserEmail || r.Param("password") != UserPassword {
		return nil, &no{"unauthorized", "unauthorized: e-mail or password unknown"}
	}
	return fake.Object(fake.Text(s.http.Profile.Paths("login", "access_token"), s.userToken())...), nil
}

func (s *Server) plugins() []byte {
	list := []framework360.Plugin{{ID: "ecommerce", Name: "E-commerce", Active: framework360.Some(!s.options.NoEcommerce)},
		{ID: "blog", Name: "Blog", Active: framework360.Some(true)},
		{ID: "totalgest", Name: "TotalGest", Active: framework360.Some(s.options.VendorPlugin)}}
	d := s.dice()
	return s.shapes.plugin.speakList(fake.List(len(list), func(dst []byte, i int) []byte {
		return s.shapes.plugin.append(dst, s.codecs.plugin.Append(nil, &list[i]), d, s.zone)
	}), d)
}

func (s *Server) references(list []framework360.Reference) []byte {
	d := s.dice()
	return s.shapes.reference.speakList(fake.List(len(list), func(dst []byte, i int) []byte {
		return s.shapes.reference.append(dst, s.codecs.reference.Append(nil, &list[i]), d, s.zone)
	}), d)
}

// window returns the bounds of the page that a request asks for.
func (s *Server) window(r *fake.Request, total int) (from, to int) {
	size, err := strconv.Atoi(r.Param("limit"))
	if err != nil || size < 1 {
		size = s.http.Profile.PageSize(r.Op)
	}
	page, below := s.pageOf(r)
	if below && s.options.PageBelow == "empty" {
		return 0, 0
	}
	if last := max(0, (total-1)/size); s.options.RepeatLastPage && page > last {
		page = last
	}
	return min(page*size, total), min((page+1)*size, total)
}

// pageOf counts pages from 0 and reports whether one before the first was asked
// for.
func (s *Server) pageOf(r *fake.Request) (page int, below bool) {
	first := s.options.FirstPage
	if first == 0 {
		first = s.http.Profile.Paging.FirstPage
	}
	n, err := strconv.Atoi(r.Param("page"))
	if err != nil {
		return 0, false
	}
	return max(n-first, 0), n < first
}

// pageBelow refuses a page before the first where the options say so.
func (s *Server) pageBelow(r *fake.Request) *no {
	if _, below := s.pageOf(r); below && s.options.PageBelow == "refused" {
		return &no{"invalid_page", "Invalid page"}
	}
	return nil
}

func (s *Server) listOrders(r *fake.Request) []byte {
	all := s.orders.all
	statuses, id, query := r.Params("statuses"), r.Param("id"), strings.ToLower(r.Param("query"))
	if len(statuses) > 0 || id != "" || query != "" {
		all = slices.DeleteFunc(slices.Clone(all), func(o *framework360.Order) bool {
			return len(statuses) > 0 && !slices.Contains(statuses, o.StateID) || id != "" && o.ID != id ||
				query != "" && !strings.Contains(strings.ToLower(o.Number+" "+o.Email), query)
		})
	}
	from, to := s.window(r, len(all))
	d := s.dice()
	return s.shapes.order.speakList(fake.List(to-from, func(dst []byte, i int) []byte {
		o := all[from+i]
		if s.options.ShortLists {
			o = &framework360.Order{ID: o.ID, Number: o.Number, Created: o.Created, StateID: o.StateID, StateName: o.StateName}
		}
		return s.shapes.order.append(dst, s.codecs.order.Append(nil, o), d, s.zone)
	}), d)
}

func (s *Server) listProducts(r *fake.Request) []byte {
	all := s.catalog.all
	if sku := r.Param("sku"); sku != "" && !s.options.IgnoreSKU {
		all = s.catalog.bySKU[sku]
	}
	if query := strings.ToLower(r.Param("query")); query != "" {
		all = slices.DeleteFunc(slices.Clone(all), func(p *framework360.Product) bool {
			return !strings.Contains(strings.ToLower(p.Name.Or("")+" "+p.SKU.Or("")), query)
		})
	}
	from, to := s.window(r, len(all))
	d := s.dice()
	return s.shapes.product.speakList(fake.List(to-from, func(dst []byte, i int) []byte {
		return s.shapes.product.append(dst, s.codecs.product.Append(nil, all[from+i]), d, s.zone)
	}), d)
}

func (s *Server) product(p *framework360.Product) []byte {
	return s.shapes.product.speak(s.codecs.product.Append(nil, p), s.dice(), s.zone)
}

func (s *Server) updateStatus(r *fake.Request) ([]byte, *no) {
	o := s.orders.byID[r.Param("id")]
	name, known := s.statuses[r.Param("status")]
	switch {
	case o == nil:
		return nil, &no{"not_found", "Order not found"}
	case !known:
		return nil, &no{"invalid_status", "Status unknown"}
	}
	o.StateID, o.StateName = r.Param("status"), name
	if v := r.Param("courier"); v != "" {
		o.Courier = v
	}
	if v := r.Param("tracking"); v != "" {
		o.Tracking = v
	}
	s.wrote(r.Operation, o.ID, "")
	return []byte(`{"ok":true}`), nil
}

// endOrder deletes or cancels an order.
func (s *Server) endOrder(r *fake.Request) ([]byte, *no) {
	o := s.orders.byID[r.Param("id")]
	if o == nil {
		return nil, &no{"not_found", "Order not found"}
	}
	if r.Operation == "orders/delete" {
		s.orders.remove(o.ID)
	} else if i := slices.IndexFunc(s.options.Statuses, func(x framework360.Reference) bool { return strings.HasPrefix(x.Name, "Annull") }); i >= 0 {
		o.StateID, o.StateName = s.options.Statuses[i].ID, s.options.Statuses[i].Name
	}
	s.wrote(r.Operation, o.ID, "")
	return []byte(`{"ok":true}`), nil
}

// writeProduct makes, changes or deletes a product.
func (s *Server) writeProduct(r *fake.Request) ([]byte, *no) {
	id := r.Param("id")
	have := s.catalog.byID[id]
	if r.Operation != "products/create" && have == nil {
		return nil, &no{"not_found", "Product not found"}
	}
	if r.Operation == "products/delete" {
		s.wrote(r.Operation, id, have.SKU.Or(""))
		s.catalog.remove(id)
		return []byte(`{"ok":true}`), nil
	}
	sent, err := s.codecs.product.Decode(r.Body)
	var fe *wire.FieldError
	if err != nil && !(errors.As(err, &fe) && fe.Field == "id") { // a new one has none
		return nil, &no{"invalid_data", "The product can't be read"}
	}
	sent.ID = id
	if r.Operation == "products/update" && s.http.Profile.Update == "patch" {
		p := cloneProduct(*have)
		apply(&p, sent)
		sent = p
	}
	have = s.catalog.put(sent)
	s.wrote(r.Operation, have.ID, have.SKU.Or(""))
	return s.product(have), nil
}
