package fiscal_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/tg360/tg360/internal/fiscal"
)

func TestRatesAt(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ country, postcode, day, want string }{
		{"IT", "20121", "2026-03-02", "22 10 5 4"},
		{"IT", "20121", "2013-10-01", "22 10 4"},
		{"IT", "20121", "2013-09-30", "21 10 4"},
		{"IT", "20121", "2011-09-16", "20 10 4"},
		{"IT", "22061", "2026-03-02", "0"},
		{"IT", " 23041", "2026-03-02", "0"},
		{"CH", "6911", "2023-12-31", "2.5 7.7 3.7"},
		{"CH", "22061", "2024-01-01", "8.1 2.6 3.8"},
		{"CH", "", "2028-01-01", "8.1 2.6"},
		{"LI", "9490", "2024-01-01", "8.1 2.6 3.8"},
		{"CH", "", "1990-01-01", ""},
	} {
		rates, known := fiscal.DefaultVAT().RatesAt(tt.country, tt.postcode, day(tt.day))
		var got []string
		for _, r := range rates {
			got = append(got, r.Percent.String())
		}
		if s := strings.Join(got, " "); s != tt.want || !known {
			t.Errorf("%s %s on %s: %s, %v, want %s", tt.country, tt.postcode, tt.day, s, known, tt.want)
		}
	}
	if rates, known := fiscal.DefaultVAT().RatesAt("DE", "10115", day("2026-03-02")); rates != nil || known {
		t.Errorf("DE: %v, %v", rates, known)
	}
}

// It is the day on the seller's wall that counts, not the one in Greenwich.
func TestRatesAtTakesTheDayOfTheZone(t *testing.T) {
	t.Parallel()
	zurich := time.FixedZone("CET", 3600)
	rates, _ := fiscal.DefaultVAT().RatesAt("CH", "", time.Date(2023, 12, 31, 23, 30, 0, 0, time.UTC).In(zurich))
	if got := rates[0].Percent.String(); got != "8.1" {
		t.Errorf("half past midnight on 1 January in Zurich: %s", got)
	}
}

func TestParseVAT(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile("data/vat.json")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fiscal.ParseVAT(b); err != nil {
		t.Errorf("the default table: %v", err)
	}
	table, err := fiscal.ParseVAT([]byte(`{"rates":[{"country":"DE","percent":19},{"country":"DE","percent":"7.0","to":"2020-06-30"},{"country":"DE","percent":"7","from":"2021-01-01"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	if rates, known := table.RatesAt("DE", "10115", day("2020-10-10")); len(rates) != 1 || !known {
		t.Errorf("%v, %v", rates, known)
	}
	for _, tt := range []struct{ json, want string }{
		{`{}`, "rates is empty"},
		{`[]`, "not JSON of the form"},
		{`{"rates":[{"country":"DE","percent":"19","since":"2007-01-01"}]}`, `unknown field "since"`},
		{`{"rates":[{"country":"DE","percent":"19"},{"country":"Germany","percent":"7"}]}`, `rates.1.country: "Germany"`},
		{`{"rates":[{"country":"DE","percent":"119"}]}`, "rates.0.percent: is not between"},
		{`{"rates":[{"country":"DE","percent":"-1"}]}`, "rates.0.percent: is not between"},
		{`{"rates":[{"country":"DE","percent":"9.999"}]}`, "rates.0.percent: is not between"},
		{`{"rates":[{"country":"DE","percent":"19","from":"1.1.2007"}]}`, `rates.0.from, to: "1.1.2007" is no day`},
		{`{"rates":[{"country":"DE","percent":"19","from":"2020-01-01","to":"2019-12-31"}]}`, "rates.0.to: lies before from"},
		{`{"rates":[{"country":"DE","percent":"19","to":"2020-06-30"},{"country":"DE","percent":"19.0","from":"2020-06-30"}]}`, "rates.1.from: rates.0 is the same rate"},
	} {
		if _, err := fiscal.ParseVAT([]byte(tt.json)); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %s", tt.json, err, tt.want)
		}
	}
}
