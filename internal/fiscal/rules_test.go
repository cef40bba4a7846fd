package fiscal_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/shopspring/decimal"
	"github.com/tg360/tg360/internal/fiscal"
)

func dec(s string) decimal.Decimal { return decimal.RequireFromString(s) }

func num(s string) decimal.NullDecimal { return decimal.NewNullDecimal(dec(s)) }

func day(s string) time.Time {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		panic(err)
	}
	return t
}

// document is one that nothing is wrong with: 3 x 1.25 at 22% and shipping at 10%.
func document(change ...func(*fiscal.Document)) fiscal.Document {
	d := fiscal.Document{
		Invoice: true, Country: "IT", Zip: "20121", Day: day("2026-03-02"), Number: "A-17", Currency: "EUR",
		Lines: []fiscal.Line{
			{SKU: "0007", GTIN: "4006381333931", Text: "Penna", Unit: "pz", Quantity: num("3"), UnitNet: num("1.25"), Amount: num("3.75"), Rate: num("22")},
			{Name: "shipping", Kind: fiscal.Shipping, Amount: num("5"), Rate: num("10")},
		},
		VATRows: []fiscal.VATRow{{Rate: dec("22"), Taxable: dec("3.75"), VAT: dec("0.83")}, {Rate: dec("10"), Taxable: dec("5"), VAT: dec("0.50")}},
		Net:     num("8.75"), VAT: num("1.33"), Total: num("10.08"),
	}
	for _, c := range change {
		c(&d)
	}
	return d
}

// swiss is a Swiss order of CHF 110.12, prices with VAT.
func swiss(change ...func(*fiscal.Document)) fiscal.Document {
	d := fiscal.Document{Seller: "CH", Country: "CH", Zip: "6900", Day: day("2026-03-02"), Currency: "CHF", Gross: true,
		Lines: []fiscal.Line{{UnitGross: num("110.12"), Rate: num("8.1")}}, VAT: num("8.25"), Net: num("101.87"), Total: num("110.12")}
	for _, c := range change {
		c(&d)
	}
	return d
}

func line(l fiscal.Line) func(*fiscal.Document) {
	return func(d *fiscal.Document) {
		d.Lines = append(d.Lines, l)
		d.Net, d.VAT, d.Total, d.VATRows = decimal.NullDecimal{}, decimal.NullDecimal{}, decimal.NewNullDecimal(fiscal.Sum(*d).Total.Add(fiscal.Sum(*d).Rounding)), nil
	}
}

func party(change ...func(*fiscal.Party)) fiscal.Party {
	p := fiscal.Party{Kind: fiscal.Company, Company: "Ditta Esempio", VATNumber: "00743110157", RecipientCode: "ABC1234",
		Address: "Via Roma 1", Zip: "20121", City: "Milano", Province: "MI", Country: "IT", Email: "a@b.example"}
	for _, c := range change {
		c(&p)
	}
	return p
}

func consumer(change ...func(*fiscal.Party)) fiscal.Party {
	return party(append([]func(*fiscal.Party){func(p *fiscal.Party) {
		p.Kind, p.Company, p.VATNumber, p.RecipientCode = fiscal.Person, "", "", ""
		p.FirstName, p.LastName = "Maria", "Rossi"
	}}, change...)...)
}

func brief(list []fiscal.Finding) []string {
	var out []string
	for _, f := range list {
		out = append(out, strings.Join([]string{string(f.Severity), f.Code, f.Rule, f.Field}, " "))
	}
	return out
}

var documents = []struct {
	name string
	doc  fiscal.Document
	want []string
}{
	{"in order", document(), nil},
	{"in order, Swiss", swiss(), nil},
	{"totals only", document(func(d *fiscal.Document) { d.VATRows, d.Net, d.VAT = nil, decimal.NullDecimal{}, decimal.NullDecimal{} }), nil},
	{"net and VAT only", document(func(d *fiscal.Document) { d.Total = decimal.NullDecimal{} }), nil},
	{"tax by line: 0.84", document(func(d *fiscal.Document) {
		d.VATRows[0].VAT, d.VAT, d.Total = dec("0.84"), num("1.34"), num("10.09")
	}), []string{"warns FIS-TAX  vat_rows.0.vat", "warns FIS-VAT  vat", "blocks FIS-TOTAL  total"}},
	{"tax beyond tolerance", document(func(d *fiscal.Document) { d.VATRows[0].VAT = dec("0.85") }), []string{"blocks FIS-TAX 00421 vat_rows.0.vat"}},
	{"taxable sum 0.99 off", document(func(d *fiscal.Document) { d.VATRows[1].Taxable = dec("5.10") }),
		[]string{"warns FIS-TAXABLE  vat_rows.1.taxable"}},
	{"taxable sum a euro off", document(func(d *fiscal.Document) { d.VATRows[1].Taxable, d.VATRows[1].VAT = dec("6"), dec("0.60") }),
		[]string{"blocks FIS-TAXABLE 00422 vat_rows.1.taxable", "warns FIS-TAX  vat_rows.1.vat"}},
	{"taxable sum with its rounding", document(func(d *fiscal.Document) { d.VATRows[1].Taxable, d.VATRows[1].Rounding = dec("5.01"), dec("0.01") }), nil},
	{"a rate without its row", document(func(d *fiscal.Document) { d.VATRows = d.VATRows[:1] }), []string{"blocks FIS-SUMMARY 00419 vat_rows"}},
	{"no invoice: the same warns", document(func(d *fiscal.Document) { d.VATRows, d.Invoice = d.VATRows[:1], false }), []string{"warns FIS-SUMMARY 00419 vat_rows"}},
	{"line within tolerance", document(func(d *fiscal.Document) { d.Lines[0].UnitNet = num("1.256") }), []string{"warns FIS-LINE  lines.0.amount"}},
	{"line at the tolerance's end", document(func(d *fiscal.Document) { d.Lines[0].Quantity, d.Lines[0].UnitNet = num("1"), num("3.769") }), []string{"warns FIS-LINE  lines.0.amount"}},
	{"line beyond tolerance", document(func(d *fiscal.Document) { d.Lines[0].Quantity, d.Lines[0].UnitNet = num("1"), num("3.77") }), []string{"blocks FIS-LINE 00423 lines.0.amount"}},
	{"discounts come off the unit price, in order", document(func(d *fiscal.Document) {
		d.Lines[0].UnitNet, d.Lines[0].Discounts = num("2"), []fiscal.Discount{{Percent: true, Value: dec("25")}, {Value: dec("0.25")}}
	}), nil},
	{"and in another order", document(func(d *fiscal.Document) {
		d.Lines[0].UnitNet, d.Lines[0].Discounts = num("2"), []fiscal.Discount{{Value: dec("0.25")}, {Percent: true, Value: dec("25")}}
	}), []string{"blocks FIS-LINE 00423 lines.0.amount"}},
	{"no unit price", document(func(d *fiscal.Document) { d.Lines[0].UnitNet = decimal.NullDecimal{} }), nil},
	{"no amount and no price", document(func(d *fiscal.Document) { d.Lines[1].Amount = decimal.NullDecimal{} }),
		[]string{"blocks FIS-MISSING  shipping.amount", "blocks FIS-TAXABLE 00422 vat_rows.1.taxable", "warns FIS-TAX  vat_rows.1.vat", "blocks FIS-VAT  vat", "blocks FIS-TOTAL  total"}},
	{"net and gross don't fit", document(func(d *fiscal.Document) { d.Lines[0].UnitGross = num("1.54") }), []string{"warns FIS-UNIT-PRICE  lines.0.unit_gross"}},
	{"net and gross fit", document(func(d *fiscal.Document) { d.Lines[0].UnitGross = num("1.53") }), nil},
	{"negative quantity", document(line(fiscal.Line{Quantity: num("-1"), UnitNet: num("1"), Rate: num("22")})), []string{"blocks FIS-QUANTITY  lines.2.quantity"}},
	{"nine decimals", document(line(fiscal.Line{UnitNet: num("1.123456789"), Amount: num("1.12345679"), Rate: num("22")})), []string{"blocks FIS-DECIMALS  lines.2.unit_net"}},
	{"zeros at the end are no decimals", document(line(fiscal.Line{UnitNet: num("1.120000000"), Rate: num("22.000")})), nil},
	{"half a cent in the total", document(func(d *fiscal.Document) { d.Total = num("10.085") }),
		[]string{"blocks FIS-DECIMALS  total", "blocks FIS-NET-VAT  net", "blocks FIS-TOTAL  total"}},
	{"twelve digits", document(line(fiscal.Line{Amount: num("100000000000"), Rate: num("22")})), []string{"blocks FIS-DECIMALS  total", "blocks FIS-DECIMALS  lines.2.amount"}},
	{"kind", document(line(fiscal.Line{Kind: "gift", Amount: num("0")})), []string{"blocks FIS-KIND  lines.2.kind"}},
	{"a discount that adds", document(line(fiscal.Line{Kind: fiscal.Coupon, Amount: num("1")})), []string{"blocks FIS-SIGN  lines.2.amount"}},
	{"shipping that takes", document(line(fiscal.Line{Kind: fiscal.Shipping, Amount: num("-1"), Rate: num("22")})), []string{"blocks FIS-SIGN  lines.2.amount"}},
	{"no rate, prices net", document(line(fiscal.Line{Kind: fiscal.CashOnDelivery, Amount: num("3")})), []string{"blocks FIS-NO-RATE  lines.2.vat_rate"}},
	{"no rate, prices gross, no invoice", swiss(line(fiscal.Line{Kind: fiscal.Surcharge, Amount: num("3")})), []string{"warns FIS-NO-RATE  lines.1.vat_rate"}},
	{"a discount on nothing", document(func(d *fiscal.Document) {
		d.Lines, d.VATRows, d.Net, d.VAT, d.Total = []fiscal.Line{{Kind: fiscal.PriceCut, Amount: num("-1")}}, nil, decimal.NullDecimal{}, decimal.NullDecimal{}, num("-1")
	}), []string{"blocks FIS-NO-RATE  lines"}},
	{"a gift card needs none", document(line(fiscal.Line{Kind: fiscal.GiftCard, Amount: num("-3")})), nil},
	{"a discount takes its share", document(line(fiscal.Line{Kind: fiscal.PriceCut, Amount: num("-3")})), nil},
	{"old rate long after", document(func(d *fiscal.Document) { d.Lines[1].Rate = num("21") }),
		[]string{"blocks FIS-RATE  shipping.vat_rate", "blocks FIS-TAXABLE 00422 vat_rows.1.taxable", "warns FIS-TAX  vat_rows.1.vat",
			"blocks FIS-SUMMARY 00419 vat_rows", "blocks FIS-VAT  vat", "blocks FIS-TOTAL  total"}},
	{"derived rate", document(line(fiscal.Line{Amount: num("1"), Rate: num("9.99")})), []string{"blocks FIS-RATE  lines.2.vat_rate"}},
	{"no rate at all", document(line(fiscal.Line{Amount: num("1"), Rate: num("-100")})), []string{"blocks FIS-RATE  lines.2.vat_rate"}},
	{"rate of the year before", swiss(func(d *fiscal.Document) {
		d.Day, d.Lines[0].Rate, d.VAT, d.Net = day("2024-01-20"), num("7.7"), num("7.87"), num("102.25")
	}), []string{"warns FIS-RATE-DAY  lines.0.vat_rate"}},
	{"rate of the year to come", swiss(func(d *fiscal.Document) { d.Day = day("2023-12-20") }), []string{"warns FIS-RATE-DAY  lines.0.vat_rate"}},
	{"VAT in Livigno", document(func(d *fiscal.Document) { d.Zip = "23041" }), []string{"warns FIS-TERRITORY  lines.0.vat_rate", "warns FIS-TERRITORY  shipping.vat_rate"}},
	{"export bears either side's rate", document(func(d *fiscal.Document) { d.Country, d.Zip = "CH", "6900" }, line(fiscal.Line{Amount: num("1"), Rate: num("8.1")})), nil},
	{"a country without table", document(func(d *fiscal.Document) { d.Country, d.Zip = "DE", "10115" }, line(fiscal.Line{Amount: num("1"), Rate: num("19")})), nil},
	{"zero without nature", document(line(fiscal.Line{Amount: num("1"), Rate: num("0")})), []string{"blocks FIS-NATURE-MISSING 00400 lines.2.nature"}},
	{"zero without nature, no invoice", document(func(d *fiscal.Document) { d.Invoice = false }, line(fiscal.Line{Amount: num("1"), Rate: num("0")})), nil},
	{"zero with the ERP's code", document(line(fiscal.Line{Amount: num("1"), Rate: num("0"), VATCode: "E10"})), nil},
	{"zero with nature", document(line(fiscal.Line{Amount: num("1"), Rate: num("0"), Nature: "N4"})), nil},
	{"nature with a rate", document(line(fiscal.Line{Amount: num("1"), Rate: num("22"), Nature: "N4"})), []string{"blocks FIS-NATURE-EXTRA 00401 lines.2.nature"}},
	{"old nature", document(line(fiscal.Line{Amount: num("1"), Rate: num("0"), Nature: "N3"})), []string{"blocks FIS-NATURE unknown lines.2.nature"}},
	{"Swiss zero", swiss(line(fiscal.Line{Amount: num("1"), Rate: num("0")})), nil},
	{"Swiss arithmetic warns, and has no number", swiss(func(d *fiscal.Document) {
		d.Invoice, d.Lines[0].Amount = true, num("110.12")
		d.Lines[0].UnitGross = num("110")
	}), []string{"warns FIS-LINE  lines.0.amount"}},
	{"77.47 without VAT", document(line(fiscal.Line{Amount: num("77.47"), Rate: num("0"), Nature: "N4"})), nil},
	{"77.48 without VAT", document(line(fiscal.Line{Amount: num("77.48"), Rate: num("0"), Nature: "N4"})), []string{"warns FIS-STAMP  lines"}},
	{"exports need no stamp", document(line(fiscal.Line{Amount: num("77.48"), Rate: num("0"), Nature: "N3.1"})), nil},
	{"with its stamp", document(line(fiscal.Line{Amount: num("77.48"), Rate: num("0"), Nature: "N4"}), line(fiscal.Line{Kind: fiscal.StampDuty, Amount: num("2"), Rate: num("0"), Nature: "N1"})), nil},
	{"a stamp too many", document(line(fiscal.Line{Kind: fiscal.StampDuty, Amount: num("2"), Rate: num("0"), Nature: "N1"})), []string{"warns FIS-STAMP-EXTRA  lines.2.amount"}},
	{"number without digit", document(func(d *fiscal.Document) { d.Number = "ABC" }), []string{"blocks FIS-NUMBER 00425 number"}},
	{"long number", document(func(d *fiscal.Document) { d.Number = strings.Repeat("1", 21) }), []string{"warns FIS-LENGTH  number"}},
	{"currency", document(func(d *fiscal.Document) { d.Currency = "EURO" }), []string{"blocks FIS-CURRENCY unknown currency"}},
	{"no day", document(func(d *fiscal.Document) { d.Day = time.Time{} }), []string{"blocks FIS-MISSING  day"}},
	{"texts", document(func(d *fiscal.Document) {
		d.Lines[0].Text, d.Lines[0].SKU, d.Lines[0].Unit = "Tè “verde” "+strings.Repeat("x", 990), strings.Repeat("9", 36), "pièces"
	}), []string{"warns FIS-CHARACTERS  lines.0.description", "warns FIS-LENGTH  lines.0.description", "warns FIS-LENGTH  lines.0.sku", "warns FIS-UNIT-NAME  lines.0.unit"}},
	{"a Swiss seller's texts are free", swiss(func(d *fiscal.Document) { d.Number, d.Lines[0].Text = "ABC", "“Tè”" }), nil},
	{"EAN", document(func(d *fiscal.Document) { d.Lines[0].GTIN = "4006381333932" }), []string{"warns FIS-GTIN check lines.0.ean"}},
	{"no total", document(func(d *fiscal.Document) { d.Total, d.Net = decimal.NullDecimal{}, decimal.NullDecimal{} }), []string{"blocks FIS-MISSING  total"}},
	{"total a cent off", document(func(d *fiscal.Document) { d.Total, d.Net = num("10.09"), decimal.NullDecimal{} }), []string{"blocks FIS-TOTAL  total"}},
	{"total a cent off, allowed", document(func(d *fiscal.Document) { d.Total, d.Net, d.Limit = num("10.09"), decimal.NullDecimal{}, dec("0.01") }),
		[]string{"warns FIS-TOTAL-ROUNDING  total"}},
	{"with the line for it", document(func(d *fiscal.Document) { d.Limit = dec("0.01") }, line(fiscal.Line{Kind: fiscal.Rounding, Amount: num("0.01")})), nil},
	{"a cent off beside the line for it", document(func(d *fiscal.Document) { d.Limit = dec("0.02") }, line(fiscal.Line{Kind: fiscal.Rounding, Amount: num("0.01")}),
		func(d *fiscal.Document) { d.Total.Decimal = d.Total.Decimal.Add(dec("0.01")) }), []string{"blocks FIS-TOTAL  total"}},
	{"four decimals in a line", document(line(fiscal.Line{Amount: num("1.2345"), Rate: num("22")})), nil},
	{"only the net is said, with a gift card", document(line(fiscal.Line{Kind: fiscal.GiftCard, Amount: num("-3")}), func(d *fiscal.Document) { d.Net = num("8.75") }), nil},
	{"a row for each nature", document(line(fiscal.Line{Amount: num("1"), Rate: num("0"), Nature: "N4"}), line(fiscal.Line{Amount: num("2"), Rate: num("0"), Nature: "N2.2"}), func(d *fiscal.Document) {
		d.VATRows = append(document().VATRows, fiscal.VATRow{Nature: "N2.2", Taxable: dec("2")}, fiscal.VATRow{Nature: "N4", Taxable: dec("1")})
	}), nil},
	{"one row for two natures", document(line(fiscal.Line{Amount: num("1"), Rate: num("0"), Nature: "N4"}), line(fiscal.Line{Amount: num("2"), Rate: num("0"), Nature: "N2.2"}), func(d *fiscal.Document) {
		d.VATRows = append(document().VATRows, fiscal.VATRow{Taxable: dec("3")})
	}), nil},
	{"a rounding beyond the limit", document(line(fiscal.Line{Kind: fiscal.Rounding, Amount: num("0.01")})), []string{"blocks FIS-ROUNDING  lines.2.amount"}},
	{"only the net is said, and wrong", document(func(d *fiscal.Document) { d.VAT, d.Net = decimal.NullDecimal{}, num("8.70") }), []string{"blocks FIS-VAT  vat"}},
	{"CHF in coins", swiss(func(d *fiscal.Document) { d.Cash = true }), []string{"blocks FIS-CHF  lines"}},
	{"CHF rounded without a line", swiss(func(d *fiscal.Document) {
		d.Cash, d.Total, d.Net, d.VAT = true, num("110.10"), decimal.NullDecimal{}, decimal.NullDecimal{}
	}),
		[]string{"blocks FIS-CHF  lines"}},
	{"CHF rounded with a line", swiss(func(d *fiscal.Document) { d.Cash = true }, line(fiscal.Line{Kind: fiscal.Rounding, Amount: num("-0.02")})), nil},
	{"CHF rounded by two lines", swiss(func(d *fiscal.Document) { d.Cash = true },
		line(fiscal.Line{Kind: fiscal.Rounding, Amount: num("-0.01")}), line(fiscal.Line{Kind: fiscal.Rounding, Amount: num("-0.01")})), []string{"blocks FIS-ROUNDING  lines.2.amount"}},
	{"CHF rounded by two lines, and wrongly", swiss(func(d *fiscal.Document) { d.Cash = true },
		line(fiscal.Line{Kind: fiscal.Rounding, Amount: num("-0.01")}), line(fiscal.Line{Kind: fiscal.Rounding, Amount: num("-0.02")})), []string{"blocks FIS-ROUNDING  lines.2.amount"}},
	{"CHF by card stays", swiss(), nil},
	{"EUR is never rounded so", document(func(d *fiscal.Document) { d.Cash = true }), nil},
}

func TestCheck(t *testing.T) {
	t.Parallel()
	for _, tt := range documents {
		if diff := cmp.Diff(tt.want, brief(fiscal.Check(tt.doc))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

var parties = []struct {
	name  string
	party fiscal.Party
	want  []string
}{
	{"a company", party(), nil},
	{"a consumer without anything", fiscal.Party{Kind: fiscal.Person}, nil},
	{"a consumer who asks for an invoice", consumer(func(p *fiscal.Party) { p.InvoiceRequested, p.TaxCode = true, "RCCMNL83S18D969H" }), nil},
	{"without a tax code", consumer(func(p *fiscal.Party) { p.InvoiceRequested = true }), []string{"blocks FIS-BUYER-ID 00417 vat_number"}},
	{"and without asking", consumer(), nil},
	{"a wrong code, no invoice", consumer(func(p *fiscal.Party) { p.TaxCode = "RCCMNL83S18D969X" }), []string{"warns FIS-TAX-CODE check tax_code"}},
	{"a wrong code, invoice", consumer(func(p *fiscal.Party) { p.InvoiceRequested, p.TaxCode = true, "RCCMNL83S18D969X" }), []string{"blocks FIS-TAX-CODE check tax_code"}},
	{"company with nothing", fiscal.Party{Kind: fiscal.Company}, []string{"blocks FIS-MISSING  address", "blocks FIS-MISSING  zip", "blocks FIS-MISSING  city",
		"blocks FIS-MISSING  country", "blocks FIS-MISSING  company", "blocks FIS-BUYER-ID 00417 vat_number", "warns FIS-NO-ROUTE  sdi"}},
	{"person in business", party(func(p *fiscal.Party) { p.Kind, p.Company, p.FirstName, p.LastName = "", "", "Ada", "Bianchi" }), nil},
	{"person in business, named by company too", party(func(p *fiscal.Party) { p.FirstName = "Ada" }), nil},
	{"one name only", party(func(p *fiscal.Party) { p.Company, p.FirstName = "", "Ada" }), []string{"blocks FIS-MISSING  last_name"}},
	{"company by its tax code", party(func(p *fiscal.Party) { p.VATNumber, p.TaxCode = "", "00743110157" }), nil},
	{"wrong VAT number", party(func(p *fiscal.Party) { p.VATNumber = "00743110158" }), []string{"blocks FIS-VAT-IT check vat_number"}},
	{"six characters for a company", party(func(p *fiscal.Party) { p.RecipientCode = "ABC123" }), []string{"blocks FIS-SDI-LENGTH 00427 sdi"}},
	{"six for a public body", party(func(p *fiscal.Party) { p.Kind, p.RecipientCode = fiscal.PublicBody, "ABC123" }), nil},
	{"seven for a public body", party(func(p *fiscal.Party) { p.Kind = fiscal.PublicBody }), []string{"blocks FIS-SDI-LENGTH 00427 sdi"}},
	{"none for a public body", party(func(p *fiscal.Party) { p.Kind, p.RecipientCode = fiscal.PublicBody, "" }), []string{"blocks FIS-MISSING  sdi"}},
	{"code of odd letters", party(func(p *fiscal.Party) { p.RecipientCode = "ABC*234" }), []string{"blocks FIS-SDI form sdi"}},
	{"no code and no PEC", party(func(p *fiscal.Party) { p.RecipientCode = "0000000" }), []string{"warns FIS-NO-ROUTE  sdi"}},
	{"PEC with 0000000", party(func(p *fiscal.Party) { p.RecipientCode, p.PEC = "0000000", "ditta@pec.example" }), nil},
	{"PEC with a code", party(func(p *fiscal.Party) { p.PEC = "ditta@pec.example" }), []string{"warns FIS-PEC-CODE 00426 pec"}},
	{"wrong PEC", party(func(p *fiscal.Party) { p.RecipientCode, p.PEC = "", "ditta.pec.example" }), []string{"blocks FIS-PEC form pec"}},
	{"association by its tax code", party(func(p *fiscal.Party) {
		p.Kind, p.VATNumber, p.TaxCode, p.RecipientCode = fiscal.Association, "", "00743110157", ""
	}), nil},
	{"association without one", party(func(p *fiscal.Party) { p.Kind, p.VATNumber, p.RecipientCode = fiscal.Association, "", "" }), nil},
	{"association that asks", party(func(p *fiscal.Party) {
		p.Kind, p.VATNumber, p.RecipientCode, p.InvoiceRequested = fiscal.Association, "", "", true
	}), []string{"blocks FIS-BUYER-ID 00417 vat_number", "warns FIS-NO-ROUTE  sdi"}},
	{"foreign code at home", party(func(p *fiscal.Party) { p.RecipientCode = "XXXXXXX" }), []string{"blocks FIS-SDI-COUNTRY  sdi"}},
	{"foreign conventions at home", party(func(p *fiscal.Party) { p.Zip, p.Province = "00000", "EE" }), []string{"blocks FIS-CAP form zip", "blocks FIS-PROVINCE unknown province"}},
	{"foreign conventions abroad", party(func(p *fiscal.Party) {
		p.Country, p.Zip, p.Province, p.RecipientCode, p.VATNumber = "FR", "00000", "EE", "XXXXXXX", ""
	}), nil},
	{"true address abroad", party(func(p *fiscal.Party) {
		p.Country, p.Zip, p.Province, p.RecipientCode, p.VATNumber = "AT", "1010", "", "", "U12345678"
	}), nil},
	{"code of home abroad", party(func(p *fiscal.Party) { p.Country, p.Zip, p.VATNumber = "DE", "10115", "DE123456789" }), []string{"warns FIS-SDI-COUNTRY  sdi"}},
	{"odd number abroad", party(func(p *fiscal.Party) { p.Country, p.VATNumber, p.RecipientCode = "DE", "n/a?", "" }), []string{"warns FIS-VAT-FOREIGN form vat_number"}},
	{"San Marino", party(func(p *fiscal.Party) {
		p.Country, p.Zip, p.VATNumber, p.RecipientCode = "SM", "47890", "SM12345", "2R4GTO8"
	}), nil},
	{"San Marino without code", party(func(p *fiscal.Party) { p.Country, p.Zip, p.VATNumber, p.RecipientCode = "SM", "47890", "SM12345", "" }), []string{"warns FIS-SDI-COUNTRY  sdi"}},
	{"San Marino, no invoice", consumer(func(p *fiscal.Party) { p.Country, p.Zip = "SM", "47890" }), nil},
	{"country by name", party(func(p *fiscal.Party) { p.Country = "Italia" }), []string{"blocks FIS-COUNTRY unknown country"}},
	{"EORI", party(func(p *fiscal.Party) { p.EORI = "12" }), []string{"warns FIS-EORI form eori"}},
	{"long and odd", party(func(p *fiscal.Party) { p.Company = "Łódź " + strings.Repeat("ö", 80) }), []string{"warns FIS-CHARACTERS  company", "warns FIS-LENGTH  company"}},
	{"80 letters are allowed", party(func(p *fiscal.Party) { p.Company = strings.Repeat("ö", 80) }), nil},
	{"Swiss buyer", party(func(p *fiscal.Party) {
		p.Country, p.Zip, p.Province, p.VATNumber, p.RecipientCode = "CH", "6900", "TI", "CHE-107.787.577 IVA", ""
	}), nil},
	{"Liechtenstein has no cantons", party(func(p *fiscal.Party) {
		p.Country, p.Zip, p.Province, p.VATNumber, p.RecipientCode = "LI", "9490", "Oberland", "CHE-107.787.577", ""
	}), nil},
	{"Swiss buyer with errors", party(func(p *fiscal.Party) {
		p.Country, p.Zip, p.Province, p.VATNumber, p.RecipientCode = "CH", "690", "Ticino", "CHE-107.787.578", ""
	}), []string{"blocks FIS-POSTCODE-CH form zip", "blocks FIS-UID check vat_number", "warns FIS-CANTON unknown province"}},
	{"Swiss seller knows no recipient codes", party(func(p *fiscal.Party) { p.Seller, p.VATNumber, p.RecipientCode = "CH", "", "XXXXXXX" }), nil},
}

func TestCheckParty(t *testing.T) {
	t.Parallel()
	for _, tt := range parties {
		if diff := cmp.Diff(tt.want, brief(fiscal.CheckParty(tt.party))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

func TestRoundCHF(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{"110.12": "110.10", "110.13": "110.15", "110.124": "110.10", "110.125": "110.15", "0.02": "0.00", "0.03": "0.05",
		"-110.12": "-110.10", "-110.13": "-110.15", "110.15": "110.15", "0": "0.00"} {
		if got := fiscal.RoundCHF(dec(in)).StringFixed(2); got != want {
			t.Errorf("%s gives %s, want %s", in, got, want)
		}
	}
}

// A test for each code, a text for each code in each language, and no code that
// has only texts.
func TestTexts(t *testing.T) {
	t.Parallel()
	var texts map[string]map[string][]string
	b, err := os.ReadFile("data/texts.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &texts); err != nil {
		t.Fatal(err)
	}
	codes := map[string]bool{}
	sources, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range sources {
		if b, err = os.ReadFile(name); err != nil {
			t.Fatal(err)
		}
		if !strings.HasSuffix(name, "_test.go") {
			for _, c := range regexp.MustCompile(`"FIS-[A-Z-]+"`).FindAllString(string(b), -1) {
				codes[strings.Trim(c, `"`)] = true
			}
		}
	}
	if len(codes) < 40 {
		t.Fatalf("only %d codes found", len(codes))
	}
	var found []fiscal.Finding
	for _, d := range documents {
		found = append(found, fiscal.Check(d.doc)...)
	}
	for _, p := range parties {
		found = append(found, fiscal.CheckParty(p.party)...)
	}
	holes := regexp.MustCompile(`\{\w+\}`)
	for code := range codes {
		i := slices.IndexFunc(found, func(f fiscal.Finding) bool { return f.Code == code })
		if i < 0 {
			t.Errorf("no test finds %s", code)
			continue
		}
		english := holes.FindAllString(strings.Join(texts[code]["en"], " "), -1)
		slices.Sort(english)
		english = slices.Compact(english)
		for _, lang := range []string{"it", "de", "en", "fr", "es", "nl"} {
			said := texts[code][lang]
			if len(said) != 2 || said[0] == "" || said[1] == "" || len(texts[code]) != 6 {
				t.Errorf("%s in %s: %q", code, lang, said)
				continue
			}
			own := holes.FindAllString(strings.Join(said, " "), -1)
			slices.Sort(own)
			if diff := cmp.Diff(english, slices.Compact(own)); diff != "" {
				t.Errorf("%s in %s has other figures than in en:\n%s", code, lang, diff)
			}
			what, remedy := fiscal.Text(lang, found[i])
			if holes.MatchString(what + remedy) {
				t.Errorf("%s in %s leaves a hole: %s %s", code, lang, what, remedy)
			}
		}
	}
	for code := range texts {
		if !codes[code] {
			t.Errorf("%s has texts, and nothing finds it", code)
		}
	}
}

func TestTextChoosesLanguage(t *testing.T) {
	t.Parallel()
	f := fiscal.Finding{Code: "FIS-TOTAL-ROUNDING", Values: map[string]string{"given": "10.09", "expected": "10.08", "difference": "0.01", "limit": "0.02"}}
	english, _ := fiscal.Text("en", f)
	if want := "The parts make 10.08, the total is 10.09: the difference of 0.01 is within 0.02."; english != want {
		t.Errorf("en: %s", english)
	}
	_, remedy := fiscal.Text("IT_ch", f)
	if want := "Aggiungi una riga di arrotondamento di 0.01."; remedy != want {
		t.Errorf("IT_ch: %s", remedy)
	}
	if what, _ := fiscal.Text("pt", f); what != english {
		t.Errorf("pt: %s", what)
	}
	if what, remedy := fiscal.Text("it", fiscal.Finding{Code: "FIS-NONE"}); what != "FIS-NONE" || remedy != "" {
		t.Errorf("unknown code: %s, %s", what, remedy)
	}
}
