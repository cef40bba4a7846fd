package main

import (
	"fmt"
	"time"

	"github.com/shopspring/decimal"
	"github.com/tg360/tg360/framework360"
	"github.com/tg360/tg360/totalgest"
)

// sampleProducts is a small invented catalogue: 24 articles of a shop for
// coffee and tea, one of them without a price.
func sampleProducts() []totalgest.Product {
	names := []struct{ name, category, price string }{
		{"Espresso Bar Blend 1 kg", "Caffè", "18.90"}, {"Espresso Decaffeinato 250 g", "Caffè", "6.40"},
		{"Moka Classica 250 g", "Caffè", "5.90"}, {"Filtro Etiopia 250 g", "Caffè", "9.80"},
		{"Capsule Lungo 50 pz", "Caffè", "15.50"}, {"Tè nero Assam 100 g", "Tè", "7.20"},
		{"Tè verde Sencha 100 g", "Tè", "8.10"}, {"Tisana della sera 80 g", "Tè", "5.30"},
		{"Rooibos vaniglia 100 g", "Tè", "6.10"}, {"Cioccolata densa 500 g", "Cioccolata", "9.90"},
		{"Cacao amaro 250 g", "Cioccolata", "6.75"}, {"Moka 3 tazze", "Accessori", "24.90"},
		{"Moka 6 tazze", "Accessori", "32.00"}, {"Macinacaffè manuale", "Accessori", "49.00"},
		{"Tazzine espresso, 6 pz", "Accessori", "28.50"}, {"Teiera in ghisa 0,8 l", "Accessori", "54.00"},
		{"Filtro per tè", "Accessori", "7.90"}, {"Bilancia da cucina", "Accessori", "22.00"},
		{"Bricco latte 0,5 l", "Accessori", "17.40"}, {"Termometro latte", "Accessori", "12.00"},
		{"Biscotti alla mandorla 200 g", "Dolci", "4.60"}, {"Cantucci 300 g", "Dolci", "6.20"},
		{"Torrone morbido 150 g", "Dolci", "5.80"}, {"Cesto regalo (prezzo su richiesta)", "Dolci", ""},
	}
	var out []totalgest.Product
	for i, n := range names {
		p := totalgest.Product{
			ID: fmt.Sprint(1001 + i), SKU: fmt.Sprintf("%03d-%c", 10+i, 'A'+i%3), Name: n.name,
			Category: totalgest.Some(n.category), VATCode: totalgest.Some("22"), VATRate: totalgest.Some(decimal.NewFromInt(22)),
			Quantity: totalgest.Some(decimal.NewFromInt(int64(5 + 3*i))), Description: totalgest.Some("<p>" + n.name + "</p>"),
		}
		if n.category != "Accessori" {
			p.VATCode, p.VATRate = totalgest.Some("10"), totalgest.Some(decimal.NewFromInt(10))
		}
		if n.price != "" {
			p.Prices = []totalgest.Price{{Currency: "EUR", Amount: totalgest.Some(decimal.RequireFromString(n.price)), IncludesTax: totalgest.Some(true)}}
		}
		out = append(out, p)
	}
	return out
}

// sampleOrders is one order for each thing that can become of one, of products
// that have a price. The people in them are invented.
func sampleOrders(catalogue []totalgest.Product, currency string) []framework360.Order {
	var products []totalgest.Product
	for _, p := range catalogue {
		if p.Name != "" && len(p.Prices) > 0 {
			products = append(products, p)
		}
	}
	if len(products) == 0 {
		return nil
	}
	now := time.Now().Truncate(time.Second)
	var out []framework360.Order
	add := func(state, stateName, payment string, change func(*framework360.Order), items ...int) {
		n := len(out) + 1
		o := framework360.Order{
			ID: fmt.Sprint(500 + n), Number: fmt.Sprintf("W-%04d", n), Created: now.Add(time.Duration(n) * time.Second),
			StateID: state, StateName: stateName, PaymentState: payment, PaymentID: "3", PaymentName: "Carta di credito",
			ShippingID: "1", ShippingName: "Corriere", ShippingPrice: framework360.Some(decimal.RequireFromString("5.90")),
			ShippingVATRate: framework360.Some(decimal.NewFromInt(22)), Currency: currency, Email: fmt.Sprintf("cliente%d@example.com", n),
			Billing: framework360.Party{FirstName: "Prova", LastName: fmt.Sprintf("Cliente %d", n), Address: "Via dei Campioni 1",
				Zip: "20100", City: "Milano", Province: "MI", Country: "IT"},
		}
		total := o.ShippingPrice.Or(decimal.Zero)
		for _, i := range items {
			p := products[i%len(products)]
			price := p.Prices[0].Amount.Or(decimal.Zero)
			o.Rows = append(o.Rows, framework360.Row{SKU: p.SKU, Name: p.Name, Quantity: framework360.Some(decimal.NewFromInt(2)),
				Price: framework360.Some(price), VATRate: framework360.Opt[decimal.Decimal](p.VATRate)})
			total = total.Add(price.Mul(decimal.NewFromInt(2)))
		}
		o.Total = framework360.Some(total)
		if change != nil {
			change(&o)
		}
		out = append(out, o)
	}
	add("2", "Pagato", "paid", nil, 0, 5)
	add("2", "Pagato", "paid", nil, 11)
	add("3", "In preparazione", "paid", nil, 2, 9, 20)
	add("3", "In preparazione", "unpaid", func(o *framework360.Order) { o.PaymentID, o.PaymentName = "4", "Contrassegno" }, 13)
	add("1", "In attesa di pagamento", "unpaid", func(o *framework360.Order) { o.PaymentID, o.PaymentName = "5", "Bonifico" }, 14)
	add("5", "Annullato", "unpaid", nil, 1)
	add("2", "Pagato", "paid", func(o *framework360.Order) { o.Rows[0].SKU = "VECCHIO-77" }, 3, 4)
	add("2", "Pagato", "paid", func(o *framework360.Order) { // a cent is missing
		o.Total = framework360.Some(o.Total.Or(decimal.Zero).Sub(decimal.RequireFromString("0.01")))
	}, 6, 7)
	add("2", "Pagato", "paid", nil, 15, 16)
	return out
}
