package main

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/shopspring/decimal"
	"github.com/tg360/tg360/framework360"
	"github.com/tg360/tg360/totalgest"
)

// shopStates and shopPayments are the shop's own lists.
func shopStates() []framework360.Reference {
	return []framework360.Reference{{ID: "1", Name: "In attesa di pagamento"}, {ID: "2", Name: "Pagato"},
		{ID: "3", Name: "In preparazione"}, {ID: "4", Name: "Spedito"}, {ID: "5", Name: "Annullato"}}
}

func shopPayments() []framework360.Reference {
	return []framework360.Reference{{ID: "3", Name: "Carta di credito"}, {ID: "4", Name: "Contrassegno"}, {ID: "5", Name: "Bonifico"}}
}

// inventProducts makes the catalogue of a shop for coffee, tea and what goes
// with them.
func inventProducts(n int, seed uint64) []totalgest.Product {
	goods := []struct {
		name, code, category string
		vat                  int64
	}{{"Caffè", "CA", "Caffè", 10}, {"Tè", "TE", "Tè", 10}, {"Tisana", "TI", "Tè", 10}, {"Cacao", "CC", "Cioccolata", 10},
		{"Biscotti", "BI", "Dolci", 10}, {"Tazza", "TZ", "Accessori", 22}, {"Teiera", "TR", "Accessori", 22}, {"Filtro", "FI", "Accessori", 22}}
	kinds := []string{"Aurora", "Bosco", "Collina", "Duna", "Eremo", "Fontana", "Grotta", "Isola", "Laguna", "Molo"}
	rng := rand.New(rand.NewPCG(seed, 1))
	out := make([]totalgest.Product, n)
	for i := range out {
		g := goods[i%len(goods)]
		name := g.name + " " + kinds[i/len(goods)%len(kinds)]
		if series := i / len(goods) / len(kinds); series > 0 {
			name += fmt.Sprintf(" %d", series+1)
		}
		p := totalgest.Product{ID: fmt.Sprint(1001 + i), SKU: fmt.Sprintf("%s-%04d", g.code, i+1), Name: name, Category: totalgest.Some(g.category),
			Description: totalgest.Some("<p>" + name + "</p>"), VATCode: totalgest.Some(fmt.Sprint(g.vat)), VATRate: totalgest.Some(decimal.NewFromInt(g.vat)),
			Quantity: totalgest.Some(decimal.NewFromInt(5 + rng.Int64N(90)))}
		p.Prices = []totalgest.Price{{Currency: "EUR", Amount: totalgest.Some(decimal.New(350+rng.Int64N(4000), -2)), IncludesTax: totalgest.Some(true)}}
		out[i] = p
	}
	return out
}

// wish is what somebody asks of an invented order; empty fields are invented.
type wish struct {
	Count   int    `json:"count"`
	State   string `json:"state"`
	Payment string `json:"payment"`
	Method  string `json:"method"`
	Items   []struct {
		SKU      string          `json:"sku"`
		Quantity decimal.Decimal `json:"quantity"`
	} `json:"items"`
}

// place has customers place orders and returns their ids; without a wish there
// is one of each kind among the first nine, and all later ones are paid.
func (w *world) place(n int, ask *wish) []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var ids []string
	for range n {
		o := w.order(ask)
		w.shop.PutOrder(o)
		ids = append(ids, o.ID)
	}
	return ids
}

// order invents the next order. The people in it do not exist.
func (w *world) order(ask *wish) framework360.Order {
	i := w.placed
	w.placed++
	rng := rand.New(rand.NewPCG(w.options.Seed, uint64(i)+2))
	o := framework360.Order{ID: fmt.Sprint(501 + i), Number: fmt.Sprintf("W-%04d", i+1), Created: time.Now().Truncate(time.Second).Add(time.Second),
		StateID: "2", StateName: "Pagato", PaymentState: "paid", PaymentID: "3", PaymentName: "Carta di credito", ShippingID: "1", ShippingName: "Corriere",
		ShippingPrice: framework360.Some(decimal.RequireFromString("5.90")), ShippingVATRate: framework360.Some(decimal.NewFromInt(22)), Currency: "EUR",
		Email: fmt.Sprintf("cliente%d@example.com", i+1), Billing: framework360.Party{FirstName: "Prova", LastName: fmt.Sprintf("Cliente %d", i+1),
			Address: "Via dei Campioni 1", Zip: "20100", City: "Milano", Province: "MI", Country: "IT"}}
	for range 1 + rng.IntN(3) {
		p := w.products[rng.IntN(len(w.products))]
		w.row(&o, p.SKU, decimal.NewFromInt(1+rng.Int64N(3)))
	}
	if ask == nil {
		special(&o, i)
		return o
	}
	if len(ask.Items) > 0 {
		o.Rows = nil
		for _, item := range ask.Items {
			w.row(&o, item.SKU, item.Quantity)
		}
		o.Total = total(&o)
	}
	dress(&o, ask)
	return o
}

// row adds an article with the price that TotalGest has; what TotalGest does not
// have costs ten.
func (w *world) row(o *framework360.Order, sku string, quantity decimal.Decimal) {
	if quantity.IsZero() {
		quantity = decimal.NewFromInt(1)
	}
	r := framework360.Row{SKU: sku, Name: sku, Quantity: framework360.Some(quantity), Price: framework360.Some(decimal.NewFromInt(10)), VATRate: framework360.Some(decimal.NewFromInt(22))}
	for i := range w.products {
		if p := &w.products[i]; p.SKU == sku {
			r.Name, r.Price, r.VATRate = p.Name, p.Prices[0].Amount, p.VATRate
		}
	}
	o.Rows = append(o.Rows, r)
	o.Total = total(o)
}

func total(o *framework360.Order) framework360.Opt[decimal.Decimal] {
	sum := o.ShippingPrice.Or(decimal.Zero)
	for _, r := range o.Rows {
		sum = sum.Add(r.Price.Or(decimal.Zero).Mul(r.Quantity.Or(decimal.Zero)))
	}
	return framework360.Some(sum.Round(2))
}

// special makes some of the first orders ones that do not go straight through.
func special(o *framework360.Order, i int) {
	switch i {
	case 3: // cash on delivery
		dress(o, &wish{State: "In preparazione", Payment: "unpaid", Method: "Contrassegno"})
	case 4: // the transfer has not come yet
		dress(o, &wish{State: "In attesa di pagamento", Payment: "unpaid", Method: "Bonifico"})
	case 5:
		dress(o, &wish{State: "Annullato", Payment: "unpaid"})
	case 6: // an article that TotalGest does not have
		o.Rows[0].SKU = "VECCHIO-77"
	case 7: // a cent is missing
		o.Total = framework360.Some(o.Total.Or(decimal.Zero).Sub(decimal.New(1, -2)))
	}
}

// dress gives an order what was asked for.
func dress(o *framework360.Order, ask *wish) {
	find := func(list []framework360.Reference, name string, id, text *string) {
		for _, r := range list {
			if r.Name == name || r.ID == name {
				*id, *text = r.ID, r.Name
				return
			}
		}
		if name != "" {
			*id, *text = "", name
		}
	}
	find(shopStates(), ask.State, &o.StateID, &o.StateName)
	find(shopPayments(), ask.Method, &o.PaymentID, &o.PaymentName)
	if ask.Payment != "" {
		o.PaymentState = ask.Payment
	}
}
