package fiscal_test

import (
	"encoding/json"
	"testing"
	"unicode/utf8"

	"github.com/shopspring/decimal"
	"github.com/tg360/tg360/internal/fiscal"
)

// Whatever somebody types: no panic, a name for what is wrong, and a spelling
// that is judged as the input was.
func FuzzValidators(f *testing.F) {
	for _, s := range samples {
		f.Add(s.in)
	}
	f.Add("ITIT00743110157")
	f.Add("I-I-20121")
	f.Add("\xff@\xff.it")
	f.Fuzz(func(t *testing.T, s string) {
		for _, v := range validators {
			out, p := v.check(s)
			switch p {
			case "", fiscal.BadForm, fiscal.BadCheck, fiscal.BadDate, fiscal.NotKnown:
			default:
				t.Errorf("%s(%q): problem %q", v.name, s, p)
			}
			if !utf8.ValidString(out) {
				t.Errorf("%s(%q) = %q", v.name, s, out)
			}
			if again, p2 := v.check(out); again != out || p2 != p {
				t.Errorf("%s(%q) = %q, %q, and then %q, %q", v.name, s, out, p, again, p2)
			}
		}
	})
}

// Whatever numbers a document holds: it is judged, and nothing that can't be
// reckoned passes.
func FuzzCheck(f *testing.F) {
	f.Add("3", "1.25", "22", "4.58", int32(0), true)
	f.Add("-1", "0.001", "-100", "1e30", int32(39), false)
	f.Add("1", "1", "0", "1", int32(-40), true)
	f.Fuzz(func(t *testing.T, quantity, price, rate, total string, exponent int32, gross bool) {
		parse := func(s string) decimal.NullDecimal {
			d, err := decimal.NewFromString(s)
			if err != nil || d.Exponent() > 40 || d.Exponent() < -40 || d.NumDigits() > 80 { // the wire lets nothing longer in
				return decimal.NullDecimal{}
			}
			return decimal.NewNullDecimal(d)
		}
		d := document()
		d.Gross, d.Total = gross, parse(total)
		d.Lines = append(d.Lines, fiscal.Line{Quantity: parse(quantity), UnitNet: parse(price), UnitGross: parse(price), Rate: parse(rate), Discounts: []fiscal.Discount{{Percent: true, Value: parse(rate).Decimal}}},
			fiscal.Line{Kind: fiscal.Coupon, Amount: decimal.NewNullDecimal(decimal.New(-1, exponent%40))}, fiscal.Line{Kind: fiscal.Rounding, Amount: parse(price)})
		for _, finding := range fiscal.Check(d) {
			if what, remedy := fiscal.Text("de", finding); what == finding.Code || remedy == "" {
				t.Errorf("%v has no text", finding)
			}
		}
	})
}

func FuzzParseVAT(f *testing.F) {
	f.Add([]byte(`{"rates":[{"country":"DE","percent":19,"from":"2007-01-01"}]}`))
	f.Add([]byte(`{"rates":[{"country":"DE","percent":1e9999}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		table, err := fiscal.ParseVAT(data)
		if err != nil {
			return
		}
		b, err := json.Marshal(table)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := fiscal.ParseVAT(b); err != nil {
			t.Errorf("%s is read, and %s is not: %v", data, b, err)
		}
	})
}
