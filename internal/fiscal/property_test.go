package fiscal_test

import (
	"fmt"
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/shopspring/decimal"
	"github.com/tg360/tg360/internal/fiscal"
	"pgregory.net/rapid"
)

// The truth of a document is computed here with fractions of its own, so that
// nothing of what is tested is taken for granted.

func rat(s string) *big.Rat {
	r, ok := new(big.Rat).SetString(s)
	if !ok {
		panic(s)
	}
	return r
}

func mul(a, b *big.Rat) *big.Rat { return new(big.Rat).Mul(a, b) }
func add(a, b *big.Rat) *big.Rat { return new(big.Rat).Add(a, b) }
func sub(a, b *big.Rat) *big.Rat { return new(big.Rat).Sub(a, b) }
func quo(a, b *big.Rat) *big.Rat { return new(big.Rat).Quo(a, b) }

// round rounds to a multiple of step, half away from zero.
func round(r *big.Rat, step string) *big.Rat {
	n := quo(r, rat(step))
	half := big.NewRat(int64(n.Sign()), 2)
	q := add(n, half)
	return mul(new(big.Rat).SetInt(new(big.Int).Quo(q.Num(), q.Denom())), rat(step))
}

const cents, eighth = "1/100", "1/100000000"

func toDec(r *big.Rat) decimal.Decimal     { return dec(r.FloatString(8)) }
func toNum(r *big.Rat) decimal.NullDecimal { return decimal.NewNullDecimal(toDec(r)) }

// rates by country on 2 March 2026.
var trueRates = map[string][]string{"IT": {"22", "10", "5", "4"}, "CH": {"8.1", "2.6", "3.8"}}

// truth makes a document in which all is well.
func truth(t *rapid.T) fiscal.Document {
	country := rapid.SampledFrom([]string{"IT", "CH"}).Draw(t, "country")
	d := fiscal.Document{Seller: country, Country: country, Day: day("2026-03-02"), Number: "1", Currency: "EUR",
		Gross: rapid.Bool().Draw(t, "gross"), Invoice: rapid.Bool().Draw(t, "invoice")}
	if country == "CH" {
		d.Currency, d.Cash = "CHF", rapid.Bool().Draw(t, "cash")
	}
	for i := range rapid.IntRange(1, 6).Draw(t, "lines") {
		d.Lines = append(d.Lines, trueLine(t, &d, fmt.Sprintf("line %d", i)))
	}
	for _, kind := range []fiscal.Kind{fiscal.Shipping, fiscal.Surcharge, fiscal.CashOnDelivery} {
		if rapid.Bool().Draw(t, string(kind)) {
			d.Lines = append(d.Lines, fiscal.Line{Kind: kind, Amount: toNum(drawCents(t, "charge", 100, 2000)), Rate: num(drawRate(t, &d))})
		}
	}
	if rapid.Bool().Draw(t, "coupon") {
		l := fiscal.Line{Kind: fiscal.Coupon, Amount: toNum(mul(rat("-1"), drawCents(t, "coupon", 1, 100)))}
		if rapid.Bool().Draw(t, "rated") {
			l.Rate, l.Nature = d.Lines[0].Rate, d.Lines[0].Nature
		}
		d.Lines = append(d.Lines, l)
	}
	if rapid.Bool().Draw(t, "gift card") {
		d.Lines = append(d.Lines, fiscal.Line{Kind: fiscal.GiftCard, Amount: toNum(mul(rat("-1"), drawCents(t, "gift", 1, 100)))})
	}
	settle(&d)
	return d
}

func drawCents(t *rapid.T, name string, least, most int64) *big.Rat {
	return big.NewRat(rapid.Int64Range(least, most).Draw(t, name), 100)
}

func drawRate(t *rapid.T, d *fiscal.Document) string {
	return rapid.SampledFrom(trueRates[d.Seller]).Draw(t, "rate")
}

// trueLine makes an article: price in whole cents in the document's way and to
// eight decimals in the other.
func trueLine(t *rapid.T, d *fiscal.Document, name string) fiscal.Line {
	rate := rapid.SampledFrom(append([]string{"0"}, trueRates[d.Seller]...)).Draw(t, name+" rate")
	price, factor := drawCents(t, name+" price", 200, 20000), quo(add(rat("100"), rat(rate)), rat("100"))
	quantity := rapid.SampledFrom([]string{"1", "2", "3", "7", "0.5", "1.25", "12"}).Draw(t, name+" quantity")
	l := fiscal.Line{Rate: num(rate), Quantity: num(quantity), UnitNet: toNum(price), UnitGross: toNum(round(mul(price, factor), eighth))}
	if d.Gross {
		l.UnitGross, l.UnitNet = toNum(price), toNum(round(quo(price, factor), eighth))
	}
	if rate == "0" {
		l.Nature = "N3.1"
	}
	if rapid.Bool().Draw(t, name+" discount") {
		percent, off := rapid.Int64Range(1, 50).Draw(t, name+" percent"), drawCents(t, name+" off", 0, 50)
		price = sub(mul(price, big.NewRat(100-percent, 100)), off)
		l.Discounts = []fiscal.Discount{{Percent: true, Value: decimal.NewFromInt(percent)}, {Value: toDec(off)}}
	}
	l.Amount = toNum(round(mul(price, rat(quantity)), cents))
	return l
}

// settle computes summary and totals.
func settle(d *fiscal.Document) {
	var names []string
	sums := map[string]*big.Rat{}
	all, shared, untaxed := rat("0"), rat("0"), rat("0")
	for _, l := range d.Lines {
		amount := l.Amount.Decimal.Rat()
		key := l.Rate.Decimal.String() + " " + l.Nature
		switch {
		case l.Kind == fiscal.GiftCard:
			untaxed = add(untaxed, amount)
			continue
		case !l.Rate.Valid:
			shared = add(shared, amount)
			continue
		case sums[key] == nil:
			names, sums[key] = append(names, key), rat("0")
		}
		sums[key] = add(sums[key], amount)
		all = add(all, amount)
	}
	left, net, vat := shared, rat("0"), rat("0")
	for i, key := range names {
		rate, nature, _ := strings.Cut(key, " ")
		part := left
		if i < len(names)-1 {
			part = round(quo(mul(shared, sums[key]), all), cents)
		}
		left = sub(left, part)
		sum, percent := add(sums[key], part), rat(rate)
		row := fiscal.VATRow{Rate: dec(rate), Nature: nature}
		taxable, tax := sum, round(mul(sum, quo(percent, rat("100"))), cents)
		if d.Gross {
			tax = round(quo(mul(sum, percent), add(percent, rat("100"))), cents)
			taxable = sub(sum, tax)
		}
		row.Taxable, row.VAT = toDec(taxable), toDec(tax)
		d.VATRows = append(d.VATRows, row)
		net, vat = add(net, taxable), add(vat, tax)
	}
	total := add(add(net, vat), untaxed)
	if d.Cash {
		if coins := sub(round(total, "1/20"), total); coins.Sign() != 0 {
			d.Lines = append(d.Lines, fiscal.Line{Kind: fiscal.Rounding, Amount: toNum(coins)})
			total = add(total, coins)
		}
	}
	d.Net, d.VAT, d.Total = toNum(net), toNum(vat), toNum(total)
}

func finds(list []fiscal.Finding, code, field string) bool {
	return slices.ContainsFunc(list, func(f fiscal.Finding) bool { return f.Code == code && f.Field == field })
}

func TestTruthPasses(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		if d := truth(t); len(fiscal.Check(d)) > 0 {
			t.Fatalf("%v\n%+v", brief(fiscal.Check(d)), d)
		}
	})
}

// One thing is changed, and the finding says which.
func TestEachChangeIsFound(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		d := truth(t)
		cent := dec(rapid.SampledFrom([]string{"0.01", "-0.01"}).Draw(t, "cent"))
		row := rapid.IntRange(0, len(d.VATRows)-1).Draw(t, "row")
		goods := slices.IndexFunc(d.Lines, func(l fiscal.Line) bool { return l.Kind != "" })
		if goods < 0 {
			goods = len(d.Lines)
		}
		i := rapid.IntRange(0, goods-1).Draw(t, "line")
		l, at := &d.Lines[i], fmt.Sprintf("lines.%d.", i)
		var code, field string
		switch rapid.SampledFrom([]string{"total", "vat", "net", "row tax", "row taxable", "row gone", "amount", "quantity", "rate", "odd rate", "line gone"}).Draw(t, "change") {
		case "total":
			d.Total.Decimal, code, field = d.Total.Decimal.Add(cent), "FIS-TOTAL", "total"
			if d.Cash {
				d.Lines = slices.DeleteFunc(d.Lines, func(l fiscal.Line) bool { return l.Kind == fiscal.Rounding })
				d.Cash, d.Total = false, decimal.NewNullDecimal(fiscal.Sum(d).Total.Add(cent.Mul(dec("3"))))
			}
		case "vat":
			d.VAT.Decimal, code, field = d.VAT.Decimal.Add(cent), "FIS-VAT", "vat"
		case "net":
			d.Net.Decimal, code, field = d.Net.Decimal.Add(cent), "FIS-NET-VAT", "net"
			if len(d.Lines) > goods { // a gift card or a rounding of that size would explain it
				d.Net.Decimal = d.Net.Decimal.Add(dec("1000"))
			}
		case "row tax":
			d.VATRows[row].VAT = d.VATRows[row].VAT.Add(cent)
			code, field = "FIS-TAX", fmt.Sprintf("vat_rows.%d.vat", row)
		case "row taxable":
			d.VATRows[row].Taxable = d.VATRows[row].Taxable.Add(cent)
			code, field = "FIS-TAXABLE", fmt.Sprintf("vat_rows.%d.taxable", row)
		case "row gone":
			if len(d.VATRows) == 1 {
				t.Skip("there is no other")
			}
			d.VATRows = slices.Delete(d.VATRows, row, row+1)
			code, field = "FIS-SUMMARY", "vat_rows"
		case "amount":
			l.Amount.Decimal, code, field = l.Amount.Decimal.Add(cent), "FIS-LINE", at+"amount"
		case "quantity":
			l.Quantity.Decimal, code, field = l.Quantity.Decimal.Add(dec("1")), "FIS-LINE", at+"amount"
		case "rate":
			other := rapid.SampledFrom(trueRates[d.Seller]).Filter(func(r string) bool { return !dec(r).Equal(l.Rate.Decimal) }).Draw(t, "other")
			l.Rate, code, field = num(other), "FIS-UNIT-PRICE", at+"unit_gross"
		case "odd rate":
			l.Rate, code, field = num("9.99"), "FIS-RATE", at+"vat_rate"
		case "line gone":
			d.Lines = slices.Delete(slices.Clone(d.Lines), i, i+1)
			code, field = "FIS-TOTAL", "total"
			switch {
			case !fiscal.Sum(d).Rated:
				code, field = "FIS-NO-RATE", "lines"
			case d.Cash:
				field = "" // the rounding or the total, as it happens
			}
		}
		list := fiscal.Check(d)
		if field == "" {
			if len(list) == 0 {
				t.Fatalf("nothing is found: %+v", d)
			}
			return
		}
		if !finds(list, code, field) {
			t.Fatalf("%s at %s is not found: %v\n%+v", code, field, brief(list), d)
		}
		other := func(f fiscal.Finding) bool {
			return strings.HasPrefix(f.Field, "lines.") && !strings.HasPrefix(f.Field, at)
		}
		if strings.HasPrefix(field, at) && slices.ContainsFunc(list, other) && !d.Cash {
			t.Fatalf("another line is blamed: %v\n%+v", brief(list), d)
		}
	})
}

// What somebody typed is in no finding.
func TestFindingsHoldNoPersonalData(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := func(name string) string {
			return rapid.SampledFrom([]string{"", "SECRET", "Secret €", "SECRET12345", strings.Repeat("SECRET", 60)}).Draw(t, name)
		}
		p := fiscal.Party{
			Seller: rapid.SampledFrom([]string{"", "IT", "CH"}).Draw(t, "seller"), Country: rapid.SampledFrom([]string{"", "IT", "CH", "DE", "SM", "SECRET"}).Draw(t, "country"),
			Kind: rapid.SampledFrom([]fiscal.PartyKind{"", fiscal.Person, fiscal.Company, fiscal.PublicBody, fiscal.Association}).Draw(t, "kind"), InvoiceRequested: rapid.Bool().Draw(t, "asked"),
			FirstName: text("first"), LastName: text("last"), Company: text("company"), VATNumber: text("vat"), TaxCode: text("tax"), RecipientCode: text("sdi"), PEC: text("pec"),
			EORI: text("eori"), Email: text("email"), Address: text("address"), Zip: text("zip"), City: text("city"), Province: text("province"),
		}
		for _, f := range fiscal.CheckParty(p) {
			what, remedy := fiscal.Text("en", f)
			if all := strings.ToUpper(fmt.Sprint(f, what, remedy)); strings.Contains(all, "SECRET") {
				t.Fatalf("%v", f)
			}
			if f.Severity == fiscal.Blocks && !p.InvoiceDue() {
				t.Fatalf("blocks without an invoice: %v", f)
			}
		}
	})
}
