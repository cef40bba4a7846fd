package main

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/shopspring/decimal"
	"github.com/tg360/tg360/framework360"
	"github.com/tg360/tg360/totalgest"
	"pgregory.net/rapid"
)

const uci = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n"

func loadLines(t *testing.T, file string) *invoices {
	t.Helper()
	in, err := loadInvoices(strings.NewReader(file), nil)
	if err != nil {
		t.Fatal(err)
	}
	return in
}

func TestInvoices(t *testing.T) {
	t.Parallel()
	in := loadLines(t, uci+
		"900,a1, LAMP ,3,2011-01-04 10:02:00,0.335,17850.0,EIRE\n"+ // 1.005: 1.01
		"901,A1,,1,2011-01-04 10:05:00,2.5,,Channel Islands\n"+
		"900,B,,1,2011-01-04 10:01:00,\"1,5\",17850.0,EIRE\n"+
		"C902,a1,LAMP,-3,2011-01-05 09:00:00,0.335,17850.0,EIRE\n"+
		"903,B,? lost,-20,2011-01-05 09:30:00,0.0,,United Kingdom\n"+
		"904,B,Adjust bad debt,1,2011-07-05 09:30:00,-11.5,,United Kingdom\n"+
		"A905,B,Adjust bad debt,1,2011-07-05 09:30:00,11.5,,Unspecified\n"+
		"CASA-1,B,gift,2,2011-07-05 09:30:00,0,,it\n"+
		"906,B,taken back,-2,2011-07-05 09:30:00,4,,Italy\n")
	type order struct{ ID, Created, State, Name, Payment, Total, Currency, Country, Note, Rows string }
	var got []order
	for _, o := range in.Orders {
		var rows []string
		for _, r := range o.Rows {
			rows = append(rows, fmt.Sprintf("%s %q %s*%s", r.SKU, r.Name, r.Quantity.Or(decimal.Zero), r.Price.Or(decimal.Zero)))
		}
		if o.Number != o.ID {
			t.Errorf("number %s of order %s", o.Number, o.ID)
		}
		if diff := cmp.Diff(framework360.Party{Country: o.Billing.Country}, o.Billing); diff != "" || o.Email != "" {
			t.Errorf("order %s has more of a person than the country: %s", o.ID, diff)
		}
		got = append(got, order{o.ID, o.Created.Format(time.RFC3339), o.StateID, o.StateName, o.PaymentState,
			o.Total.Or(decimal.Zero).String(), o.Currency, o.Billing.Country, o.Note, strings.Join(rows, ", ")})
	}
	want := []order{
		{"900", "2011-01-04T10:01:00+01:00", "2", "pagato", "pagato", "2.51", "GBP", "IE", "customer 17850", `a1 "LAMP" 3*0.335, B "" 1*1.5`},
		{"901", "2011-01-04T10:05:00+01:00", "2", "pagato", "pagato", "2.5", "GBP", "", "country Channel Islands", `A1 "" 1*2.5`},
		{"C902", "2011-01-05T09:00:00+01:00", "5", "annullato", "", "-1.01", "GBP", "IE", "customer 17850", `a1 "LAMP" -3*0.335`},
		{"903", "2011-01-05T09:30:00+01:00", "6", "rettifica", "", "0", "GBP", "GB", "", `B "? lost" -20*0`},
		{"904", "2011-07-05T09:30:00+02:00", "6", "rettifica", "", "-11.5", "GBP", "GB", "", `B "Adjust bad debt" 1*-11.5`},
		{"A905", "2011-07-05T09:30:00+02:00", "6", "rettifica", "", "11.5", "GBP", "", "country Unspecified", `B "Adjust bad debt" 1*11.5`},
		{"CASA-1", "2011-07-05T09:30:00+02:00", "2", "pagato", "pagato", "0", "GBP", "IT", "", `B "gift" 2*0`},
		{"906", "2011-07-05T09:30:00+02:00", "2", "pagato", "pagato", "-8", "GBP", "IT", "", `B "taken back" -2*4`}, // for the sync to judge
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if in.Lines != 9 || in.Currency != "GBP" || in.Rejected != nil {
		t.Errorf("%d lines, currency %s, rejected %v", in.Lines, in.Currency, in.Rejected)
	}
}

func TestInvoicesOfAnotherHeader(t *testing.T) {
	t.Parallel()
	in := loadLines(t, "Rechnungsnr.;Artikel-Nr.;Bezeichnung;Menge;Datum;Einzelpreis;Kunde;Land;MwSt\n"+
		"R-1;A;Kanne;2;2024-03-01;12,50;Ada Muster;AT;20%\nR-2;A;Kanne;1;2024-03-01T10:00:00Z;12,50;K-77;uk;\n")
	if len(in.Orders) != 2 || in.Currency != "EUR" {
		t.Fatalf("%d orders, currency %s, rejected %v", len(in.Orders), in.Currency, in.Rejected)
	}
	o := in.Orders[0]
	if o.Currency != "EUR" || o.Total.Or(decimal.Zero).String() != "25" || o.Rows[0].VATRate.Or(decimal.Zero).String() != "20" || o.Billing.Country != "AT" {
		t.Errorf("order %+v", o)
	}
	if o.Note != "" {
		t.Error("the name of the customer was kept")
	}
	p := in.Orders[1]
	if p.Note != "customer K-77" || p.Billing.Country != "GB" || p.Rows[0].VATRate.IsSet() || !p.Created.Equal(time.Date(2024, 3, 1, 10, 0, 0, 0, time.UTC)) {
		t.Errorf("order %+v", p)
	}
	named, err := loadInvoices(strings.NewReader("n,s,q,d,p,cur\n1,A,1,2024-03-01,2.00,chf\n"),
		map[string]string{"invoice": "n", "sku": "s", "quantity": "q", "date": "d", "unit_price": "p", "currency": "cur"})
	if err != nil || len(named.Orders) != 1 || named.Orders[0].Currency != "CHF" || named.Currency != "CHF" {
		t.Errorf("named columns: %+v, %v", named, err)
	}
	if _, err := loadInvoices(strings.NewReader("invoice,sku,quantity,date\n"), nil); err == nil || !strings.Contains(err.Error(), "line 1: no column of the header is known as the unit_price") {
		t.Errorf("error %v", err)
	}
}

func TestMalformedLineRejectsTheInvoice(t *testing.T) {
	t.Parallel()
	const header = "invoice,sku,quantity,date,unit_price,currency,vat\n"
	for line, reason := range map[string]string{
		"7,A,two,2024-01-01,1,,":           "line 3: quantity: not a decimal number",
		"7,A,,2024-01-01,1,,":              "line 3: quantity: not a decimal number",
		"7,A,1,2024-01-01,free,,":          "line 3: unit_price: not a decimal number",
		`7,A,1,2024-01-01,"1,234",,`:       "line 3: unit_price: a comma before three digits may part thousands or decimals",
		"7,A,1,01/02/2024,1,,":             "line 3: date: not a date",
		"7,A,1,0001-01-01T00:00:00Z,1,,":   "line 3: date: the zero date",
		"7,A,1,2024-01-01,1,USD,":          "line 3: currency: another than on the lines before",
		"7,A,1,2024-01-01,1,dollars,":      "line 3: currency: not a currency code",
		"7,A,1,2024-01-01,1,,full":         "line 3: vat_rate: not a decimal number",
		"7,A,1,2024-01-01":                 "line 3: the row has 4 fields, the header 7",
		"7,A,1,2024-01-01,1,,,more,things": "line 3: the row has 9 fields, the header 7",
	} {
		in := loadLines(t, header+"7,A,1,2024-01-01,1,,\n"+line+"\n8,A,1,2024-01-01,1,,\n7,B,oops,2024-01-01,1,,\n")
		if len(in.Orders) != 1 || in.Orders[0].ID != "8" || in.Lines != 4 {
			t.Errorf("%s: %d orders of %d lines", line, len(in.Orders), in.Lines)
		}
		if len(in.Rejected) != 1 || in.Rejected[0].Kind != "order" || in.Rejected[0].ID != "7" || !strings.HasPrefix(in.Rejected[0].Reason, reason) {
			t.Errorf("%s: rejected %v, want %q", line, in.Rejected, reason)
		}
	}
	in := loadLines(t, header+",A,1,2024-01-01,1,,\n,A,1,2024-01-01,1,,\n")
	if diff := cmp.Diff([]rejected{{"order", "line 2", "line 2: invoice is empty"}, {"order", "line 3", "line 3: invoice is empty"}}, in.Rejected); diff != "" || in.Currency != "EUR" {
		t.Errorf("currency %s %s", in.Currency, diff)
	}
}

func TestDerivedCatalogue(t *testing.T) {
	t.Parallel()
	in := loadLines(t, "invoice,sku,name,quantity,date,unit_price,currency\n"+
		"1,B,,1,2024-01-01,0,\n1,A,Pot,1,2024-01-01,3.50,\n2,A,Big pot,1,2024-01-01,4,\n3,A,Big pot,1,2024-01-01,3.5,\n"+
		"3,,no code,1,2024-01-01,3.5,\n3,a,Cup,1,2024-01-01,2,\n4,a,Mug,1,2024-01-01,1,\n5,B,,1,2024-01-01,-9,\n6,D,Bag,1,2024-01-01,7,GBP\n")
	c := in.catalogue()
	for i := range c.Products {
		if c.Products[i].Quantity.Or(decimal.Zero).String() != "1000" {
			t.Errorf("quantity of %s", c.Products[i].SKU)
		}
		c.Products[i].Quantity = totalgest.Opt[decimal.Decimal]{}
	}
	sameProducts(t, []totalgest.Product{
		{ID: "B", SKU: "B", Name: "B"}, // never named, never sold at a price
		{ID: "A", SKU: "A", Name: "Big pot", Prices: euros("3.5")},
		{ID: "a", SKU: "a", Name: "Cup", Prices: euros("2")}, // of two that are equal, the first
		{ID: "D", SKU: "D", Name: "Bag"},                     // its price is in another currency
	}, c.Products)
	if c.Currency != "EUR" || c.Rejected != nil || c.Warnings != nil {
		t.Errorf("currency %s, rejected %v", c.Currency, c.Rejected)
	}
}

func TestCountryCode(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{"United Kingdom": "GB", "EIRE": "IE", "rsa": "ZA", "USA": "US", "Italy": "IT", "ch": "CH", "UK": "GB",
		"Channel Islands": "", "European Community": "", "Unspecified": "", "": "", "Ü": ""} {
		if got := countryCode(name); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
	for name, code := range countryCodes {
		if name != strings.ToLower(name) || len(code) != 2 || code != strings.ToUpper(code) {
			t.Errorf("entry %q: %q can't be found or is no code", name, code)
		}
	}
}

// line is a line of an invented file.
type line struct {
	invoice         string
	quantity, price decimal.Decimal
	broken          string // the field that can't be read; empty: none
}

func drawLines(t *rapid.T, broken bool) []line {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) line {
		l := line{
			invoice:  rapid.SampledFrom([]string{"1", "2", "3", "c3", "C4", "A5", "6"}).Draw(t, "invoice"),
			quantity: decimal.New(rapid.Int64Range(-5000, 5000).Draw(t, "quantity"), -rapid.Int32Range(0, 2).Draw(t, "scale")),
			price:    decimal.New(rapid.Int64Range(-100, 100_000).Draw(t, "price"), -rapid.Int32Range(0, 4).Draw(t, "scale")),
		}
		if broken && rapid.IntRange(0, 9).Draw(t, "luck") == 0 {
			l.broken = rapid.SampledFrom([]string{"quantity", "date", "unit_price", "width", "invoice"}).Draw(t, "broken")
		}
		return l
	}), 1, 30).Draw(t, "lines")
}

func file(lines []line) string {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	_ = w.Write([]string{"date", "invoice", "unit_price", "sku", "quantity", "country"})
	for i, l := range lines {
		cells := []string{fmt.Sprintf("2024-01-01 10:00:%02d", len(l.invoice)+int(l.price.IntPart()%7+7)), l.invoice, l.price.String(), "S", l.quantity.String(), "Italy"}
		switch l.broken {
		case "quantity":
			cells[4] = "x"
		case "date":
			cells[0] = "1/1/2024"
		case "unit_price":
			cells[2] = ""
		case "width":
			cells = cells[:3]
		case "invoice":
			cells[1] = " "
		}
		if i%3 == 1 {
			cells = append(cells, "") // means nothing
			if l.broken == "width" {
				cells = cells[:3]
			}
		}
		_ = w.Write(cells)
	}
	w.Flush()
	return b.String()
}

// roundedCents is quantity times price in cents, halves away from zero, by
// whole numbers alone.
func roundedCents(l line) *big.Int {
	x := new(big.Rat).Mul(l.quantity.Rat(), l.price.Rat())
	x.Mul(x, big.NewRat(100, 1))
	num, den := new(big.Int).Abs(x.Num()), x.Denom()
	num.Add(num.Mul(num, big.NewInt(2)), den)
	num.Quo(num, new(big.Int).Mul(den, big.NewInt(2)))
	if x.Sign() < 0 {
		num.Neg(num)
	}
	return num
}

func TestTotalsEqualAnIndependentSum(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		lines := drawLines(t, false)
		in, err := loadInvoices(strings.NewReader(file(lines)), nil)
		if err != nil || len(in.Rejected) > 0 {
			t.Fatalf("error %v, rejected %v", err, in.Rejected)
		}
		want := map[string]*big.Int{}
		for _, l := range lines {
			if want[l.invoice] == nil {
				want[l.invoice] = new(big.Int)
			}
			want[l.invoice].Add(want[l.invoice], roundedCents(l))
		}
		if len(in.Orders) != len(want) {
			t.Fatalf("%d orders of %d invoices", len(in.Orders), len(want))
		}
		for _, o := range in.Orders {
			if got := o.Total.Or(decimal.Zero).Rat(); got.Cmp(new(big.Rat).SetFrac(want[o.ID], big.NewInt(100))) != 0 {
				t.Fatalf("order %s: total %s, want %s cents", o.ID, got.FloatString(4), want[o.ID])
			}
		}
	})
}

func TestOrderOfLinesIsIrrelevant(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		lines := drawLines(t, true)
		summary := func(lines []line) (out []string) {
			in, err := loadInvoices(strings.NewReader(file(lines)), nil)
			if err != nil {
				t.Fatal(err)
			}
			for _, o := range in.Orders {
				out = append(out, fmt.Sprint(o.ID, o.Created, o.StateName, o.Total.Or(decimal.Zero), len(o.Rows), o.Billing.Country))
			}
			for _, r := range in.Rejected {
				if strings.HasPrefix(r.ID, "line") {
					r.ID = "no number"
				}
				out = append(out, "rejected "+r.ID)
			}
			slices.Sort(out)
			return out
		}
		if diff := cmp.Diff(summary(lines), summary(rapid.Permutation(lines).Draw(t, "shuffled"))); diff != "" {
			t.Fatal(diff)
		}
	})
}

func TestNoInvoiceIsLost(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		lines := drawLines(t, true)
		in, err := loadInvoices(strings.NewReader(file(lines)), nil)
		if err != nil {
			t.Fatal(err)
		}
		broken, all := map[string]bool{}, map[string]bool{}
		for i, l := range lines {
			if l.broken == "invoice" {
				l.invoice = fmt.Sprintf("line %d", i+2)
			}
			all[l.invoice] = true
			broken[l.invoice] = broken[l.invoice] || l.broken != ""
		}
		if len(in.Orders)+len(in.Rejected) != len(all) || in.Lines != len(lines) {
			t.Fatalf("%d orders and %d rejected of %d invoices in %d lines", len(in.Orders), len(in.Rejected), len(all), in.Lines)
		}
		for _, o := range in.Orders {
			if broken[o.ID] {
				t.Fatalf("order %s was made of a broken line", o.ID)
			}
		}
		for _, r := range in.Rejected {
			if !broken[r.ID] || !namesLine.MatchString(r.Reason) {
				t.Fatalf("rejected without reason: %v", r)
			}
		}
	})
}

func FuzzLoadInvoices(f *testing.F) {
	for _, s := range []string{uci + "1,A,LAMP,1,2011-01-04 10:02:00,2.5,17850.0,EIRE\nC2,A,\"4\"\" NAIL\",-1,2011-01-04,2.5,,\n",
		"invoice;sku;quantity;date;unit_price\n1;A;1;1700000000;\"2,5\"\n1;\"A\" b;x;;\n;;;;\n", "invoice\tsku\tquantity\tdate\tunit_price\n\"\n1\t\"", "{}", "\""} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		in, err := loadInvoices(bytes.NewReader(data), nil)
		if err != nil {
			if !namesLine.MatchString(err.Error()) {
				t.Fatalf("the error names no line: %v", err)
			}
			return
		}
		rows := 0
		for _, o := range in.Orders {
			rows += len(o.Rows)
			if o.ID == "" || len(o.Rows) == 0 || !o.Total.IsSet() || o.Created.IsZero() || len(o.Currency) != 3 || o.StateID == "" {
				t.Fatalf("incomplete order %+v", o)
			}
		}
		for _, r := range in.Rejected {
			if r.Kind != "order" || r.ID == "" || !namesLine.MatchString(r.Reason) {
				t.Fatalf("%+v names no record or line", r)
			}
		}
		if rows+len(in.Rejected) > in.Lines || (in.Rejected == nil && rows != in.Lines) {
			t.Fatalf("%d rows and %d rejected invoices of %d lines", rows, len(in.Rejected), in.Lines)
		}
		if c := in.catalogue(); c.Currency != in.Currency || in.Currency == "" {
			t.Fatalf("currency %q of %q", c.Currency, in.Currency)
		}
	})
}

func TestTrialInvoices(t *testing.T) {
	t.Parallel()
	for _, m := range []struct {
		month                          string
		invoices, cancelled, corrected int
		total                          string // of the rest
	}{
		{"2010-12", 2025, 326, 70, "823746.14"},
		{"2011-01", 1476, 260, 96, "691364.56"},
		{"2011-02", 1393, 219, 48, "523631.89"},
		{"2011-03", 1983, 318, 134, "717639.36"},
	} {
		in, err := loadInvoices(trialData(t, "orders", "uci-online-retail-"+m.month+".csv"), nil)
		if err != nil {
			t.Fatal(err)
		}
		states, rows, sum := map[string]int{}, 0, decimal.Zero
		skus := map[string]bool{}
		for _, o := range in.Orders {
			states[o.StateName]++
			rows += len(o.Rows)
			if o.StateName == "pagato" {
				sum = sum.Add(o.Total.Or(decimal.Zero))
			}
			for _, r := range o.Rows {
				skus[r.SKU] = true
			}
			if o.Billing.Country == "" && !strings.Contains(o.Note, "country ") {
				t.Errorf("%s: order %s lost its country", m.month, o.ID)
			}
		}
		if len(in.Orders) != m.invoices || states["annullato"] != m.cancelled || states["rettifica"] != m.corrected || len(in.Rejected) != 0 || rows != in.Lines {
			t.Errorf("%s: %d orders, %v, %d rejected, %d rows of %d lines", m.month, len(in.Orders), states, len(in.Rejected), rows, in.Lines)
		}
		if sum.StringFixed(2) != m.total || in.Currency != "GBP" {
			t.Errorf("%s: total %s %s, want %s", m.month, sum.StringFixed(2), in.Currency, m.total)
		}
		if c := in.catalogue(); len(c.Products) != len(skus) {
			t.Errorf("%s: %d products of %d codes", m.month, len(c.Products), len(skus))
		}
	}
}
