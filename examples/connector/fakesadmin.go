package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/shopspring/decimal"
	"github.com/tg360/tg360/framework360"
	"github.com/tg360/tg360/totalgest"
	"github.com/tg360/tg360/totalgest/totalgesttest"
)

// admin is the interface by which people and tests play.
func (w *world) admin() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /admin/ledger", func(rw http.ResponseWriter, _ *http.Request) { answer(rw, w.ledger()) })
	mux.HandleFunc("GET /admin/orders", func(rw http.ResponseWriter, _ *http.Request) { answer(rw, w.listOrders()) })
	mux.HandleFunc("GET /admin/products", func(rw http.ResponseWriter, _ *http.Request) { answer(rw, w.listProducts()) })
	mux.HandleFunc("POST /admin/orders", func(rw http.ResponseWriter, r *http.Request) {
		var ask wish
		if !ask.read(rw, r) {
			return
		}
		if ask.Count < 0 || ask.Count > 10000 {
			http.Error(rw, "count must be from 1 to 10000", http.StatusBadRequest)
			return
		}
		var given *wish
		if ask.State+ask.Payment+ask.Method != "" || len(ask.Items) > 0 {
			given = &ask
		}
		ids := w.place(max(ask.Count, 1), given)
		w.tell(r, ids)
		answer(rw, map[string]any{"ids": ids})
	})
	mux.HandleFunc("POST /admin/orders/{id}", func(rw http.ResponseWriter, r *http.Request) {
		var ask wish
		if !ask.read(rw, r) {
			return
		}
		id := r.PathValue("id")
		if !w.shop.UpdateOrder(id, func(o *framework360.Order) { dress(o, &ask) }) {
			http.Error(rw, "the shop has no such order", http.StatusNotFound)
			return
		}
		w.tell(r, []string{id})
		answer(rw, map[string]any{"ids": []string{id}})
	})
	mux.HandleFunc("POST /admin/products", w.change)
	mux.HandleFunc("POST /admin/faults", func(rw http.ResponseWriter, r *http.Request) {
		var list []string
		var faults [2][]totalgesttest.Fault
		err := json.NewDecoder(http.MaxBytesReader(rw, r.Body, 1<<20)).Decode(&list)
		if err == nil {
			err = parseFaults(list, &faults)
		}
		if err != nil {
			http.Error(rw, err.Error(), http.StatusBadRequest)
			return
		}
		w.erp.Faults(faults[0]...)
		w.shop.Faults(faults[1]...)
		answer(rw, map[string]any{"totalgest": len(faults[0]), "framework360": len(faults[1])})
	})
	return mux
}

func answer(rw http.ResponseWriter, v any) {
	rw.Header().Set("Content-Type", "application/json")
	_ = writeJSON(rw, v) // whoever asked has gone
}

// read reads a wish; an empty body is the empty one.
func (ask *wish) read(rw http.ResponseWriter, r *http.Request) bool {
	dec := json.NewDecoder(http.MaxBytesReader(rw, r.Body, 1<<20))
	dec.DisallowUnknownFields()
	if r.ContentLength == 0 {
		return true
	}
	if err := dec.Decode(ask); err != nil {
		http.Error(rw, err.Error(), http.StatusBadRequest)
		return false
	}
	return true
}

// tell has the shop call its webhook.
func (w *world) tell(r *http.Request, ids []string) {
	if w.options.Webhook == "" {
		return
	}
	client := &http.Client{Timeout: 5 * time.Second}
	for _, id := range ids {
		req, err := http.NewRequestWithContext(r.Context(), http.MethodPost, w.options.Webhook, strings.NewReader(fmt.Sprintf(`{"order_id":%q}`, id)))
		if err != nil {
			return
		}
		req.Header.Set("Content-Type", "application/json")
		if reply, err := client.Do(req); err == nil { // lost events are part of life
			_ = reply.Body.Close()
		}
	}
}

// ledger is what TotalGest has, without the people in it.
type ledger struct {
	Orders     []ledgerOrder             `json:"orders"`
	Duplicates int                       `json:"duplicates"`
	Requests   map[string]map[string]int `json:"requests"`
	Faults     map[string]int            `json:"faults"`
	Unexpected []string                  `json:"unexpected"`
}

type ledgerOrder struct {
	ID         string    `json:"id"`
	Number     string    `json:"number"`
	ExternalID string    `json:"external_id"`
	ShopNumber string    `json:"shop_number"`
	Gross      string    `json:"gross"`
	Currency   string    `json:"currency"`
	Lines      int       `json:"lines"`
	Status     string    `json:"status"`
	At         time.Time `json:"at"`
}

func (w *world) ledger() ledger {
	l := ledger{Orders: []ledgerOrder{}, Duplicates: w.erp.Duplicates(), Faults: map[string]int{},
		Requests:   map[string]map[string]int{"totalgest": w.erp.Requests(), "framework360": w.shop.Requests()},
		Unexpected: slices.Concat([]string{}, w.erp.Unexpected(), w.shop.Unexpected())}
	for _, o := range w.erp.Orders() {
		l.Orders = append(l.Orders, ledgerOrder{ID: o.Ref.ID, Number: o.Ref.Number, ExternalID: o.Ref.ExternalID, ShopNumber: o.Order.Number,
			Gross: o.Order.Gross.Or(decimal.Zero).StringFixed(2), Currency: o.Order.Currency, Lines: len(o.Order.Lines), Status: o.Ref.Status, At: o.At})
	}
	for kind, n := range w.erp.FaultCounts() {
		l.Faults["totalgest:"+string(kind)] = n
	}
	for kind, n := range w.shop.FaultCounts() {
		l.Faults["framework360:"+string(kind)] = n
	}
	return l
}

func (w *world) listOrders() any {
	type order struct {
		ID      string    `json:"id"`
		Number  string    `json:"number"`
		State   string    `json:"state"`
		Payment string    `json:"payment"`
		Method  string    `json:"method"`
		Total   string    `json:"total"`
		Created time.Time `json:"created"`
	}
	out := []order{}
	for _, o := range w.shop.Orders() {
		out = append(out, order{o.ID, o.Number, o.StateName, o.PaymentState, o.PaymentName, o.Total.Or(decimal.Zero).StringFixed(2), o.Created})
	}
	return out
}

func (w *world) listProducts() any {
	type side struct {
		Price    string `json:"price"`
		Quantity string `json:"quantity"`
	}
	type product struct {
		SKU       string `json:"sku"`
		Name      string `json:"name"`
		TotalGest side   `json:"totalgest"`
		Shop      *side  `json:"framework360"` // null: the shop does not have it
	}
	out := []product{}
	for _, p := range w.erp.Products() {
		one := product{SKU: p.SKU, Name: p.Name, TotalGest: side{Quantity: p.Quantity.Or(decimal.Zero).String()}}
		if len(p.Prices) > 0 {
			one.TotalGest.Price = p.Prices[0].Amount.Or(decimal.Zero).StringFixed(2)
		}
		if s, ok := w.shop.Product(p.SKU); ok {
			one.Shop = &side{s.Price.Or(decimal.Zero).StringFixed(2), s.Quantity.Or(decimal.Zero).String()}
		}
		out = append(out, one)
	}
	return out
}

// change sets a product's stock or price in TotalGest.
func (w *world) change(rw http.ResponseWriter, r *http.Request) {
	var ask struct {
		SKU      string           `json:"sku"`
		Quantity *decimal.Decimal `json:"quantity"`
		Price    *decimal.Decimal `json:"price"`
	}
	dec := json.NewDecoder(http.MaxBytesReader(rw, r.Body, 1<<20))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&ask); err != nil {
		http.Error(rw, err.Error(), http.StatusBadRequest)
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	i := slices.IndexFunc(w.products, func(p totalgest.Product) bool { return p.SKU == ask.SKU })
	if i < 0 {
		http.Error(rw, "TotalGest has no such SKU", http.StatusNotFound)
		return
	}
	id := w.products[i].ID
	if ask.Quantity != nil {
		w.erp.SetStock(id, *ask.Quantity, false)
	}
	if ask.Price != nil {
		w.erp.UpdateProduct(id, func(p *totalgest.Product) {
			p.Prices = []totalgest.Price{{Currency: "EUR", Amount: totalgest.Some(*ask.Price), IncludesTax: totalgest.Some(true)}}
		})
	}
	w.products[i], _ = w.erp.Product(id)
	answer(rw, map[string]any{"sku": ask.SKU})
}

var faultKinds = []totalgesttest.FaultKind{totalgesttest.DropBefore, totalgesttest.DropAfter, totalgesttest.Error500Before, totalgesttest.Error500After,
	totalgesttest.LateEffect, totalgesttest.Hang, totalgesttest.HangAfter, totalgesttest.Truncate, totalgesttest.HTML502, totalgesttest.HTML200,
	totalgesttest.OK200Error, totalgesttest.TooMany429, totalgesttest.Slow}

// parseFaults reads faults as a person writes them: those of TotalGest, then
// those of the shop.
func parseFaults(list []string, out *[2][]totalgesttest.Fault) error {
	for _, text := range list {
		system, rest := 0, strings.TrimSpace(text)
		if s, ok := strings.CutPrefix(rest, "framework360:"); ok {
			system, rest = 1, s
		}
		f, err := parseFault(strings.TrimPrefix(rest, "totalgest:"))
		if err != nil {
			return fmt.Errorf("fault %q: %w", text, err)
		}
		out[system] = append(out[system], f)
	}
	return nil
}

// parseFault reads KIND[=SHARE] and what follows it.
func parseFault(text string) (totalgesttest.Fault, error) {
	var f totalgesttest.Fault
	i := slices.IndexFunc(faultKinds, func(k totalgesttest.FaultKind) bool {
		rest, ok := strings.CutPrefix(text, string(k))
		return ok && (rest == "" || rest[0] == '=' || rest[0] == ' ') && !(k == totalgesttest.Hang && strings.HasPrefix(text, string(totalgesttest.HangAfter)))
	})
	if i < 0 {
		return f, fmt.Errorf("the kinds are %q", faultKinds)
	}
	f.Kind = faultKinds[i]
	rest := strings.TrimPrefix(text, string(f.Kind))
	if share, ok := strings.CutPrefix(rest, "="); ok {
		rest = "share=" + share
	}
	for part := range strings.FieldsSeq(rest) {
		name, v, _ := strings.Cut(part, "=")
		var err error
		switch name {
		case "share":
			if f.Share, err = strconv.ParseFloat(v, 64); err == nil && !(f.Share > 0 && f.Share <= 1) {
				err = fmt.Errorf("a share is above 0 and at most 1")
			}
		case "operation":
			f.Operation = v
		case "times":
			f.Times, err = strconv.Atoi(v)
		case "delay":
			f.Delay, err = time.ParseDuration(v)
		default:
			err = fmt.Errorf("%q is none of operation, times and delay", name)
		}
		if err != nil {
			return f, err
		}
	}
	return f, nil
}
