package fiscal

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/shopspring/decimal"
)

// Rate is a VAT rate: where, and from when to when it is in force.
type Rate struct {
	Country  string          `json:"country"`  // ISO 3166
	Postcode string          `json:"postcode"` // of a territory with rates of its own; empty: the whole country
	Place    string          `json:"place"`    // the territory's name, for people
	Percent  decimal.Decimal `json:"percent"`
	Kind     string          `json:"kind"` // such as standard or reduced, for people
	From     string          `json:"from"` // first day, as 2024-01-31; empty: always
	To       string          `json:"to"`   // last day; empty: until further notice
}

// String returns the percentage.
func (r Rate) String() string { return r.Percent.String() }

// VATTable holds rates, one at least. It must not be changed while it is used.
type VATTable struct {
	Rates []Rate `json:"rates"`
}

// DefaultVAT returns the table that comes with the package: Italy with Campione
// d'Italia and Livigno, Switzerland and Liechtenstein.
var DefaultVAT = sync.OnceValue(func() *VATTable { return load[*VATTable]("vat.json") })

// ParseVAT reads a table that takes the place of the default one, of the form of
// data/vat.json. The error names the first entry and field that is wrong.
func ParseVAT(data []byte) (*VATTable, error) {
	var t VATTable
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&t); err != nil {
		return nil, fmt.Errorf("vat table: not JSON of the form of the default table: %w", err)
	}
	if len(t.Rates) == 0 {
		return nil, errors.New("vat table: rates is empty; list at least one")
	}
	for i, r := range t.Rates {
		if err := r.check(t.Rates[:i]); err != nil {
			return nil, fmt.Errorf("vat table: rates.%d.%w", i, err)
		}
	}
	return &t, nil
}

// check compares a rate with what is possible, and with those before it.
func (r *Rate) check(before []Rate) error {
	for _, day := range []string{r.From, r.To} {
		if _, err := time.Parse(time.DateOnly, day); err != nil && day != "" {
			return fmt.Errorf("from, to: %q is no day; write it as 2024-01-31", day)
		}
	}
	same := slices.IndexFunc(before, func(o Rate) bool {
		return o.Country == r.Country && o.Postcode == r.Postcode && o.Percent.Equal(r.Percent) &&
			(o.To == "" || r.From <= o.To) && (r.To == "" || o.From <= r.To)
	})
	switch c, p := Country(r.Country); {
	case p != "" || c != r.Country:
		return fmt.Errorf("country: %q is no ISO 3166 code of two capital letters", r.Country)
	case !isRate(r.Percent):
		return errors.New(`percent: is not between 0 and 100 with two decimals at most; write it as "8.1"`)
	case r.To != "" && r.To < r.From:
		return errors.New("to: lies before from")
	case same >= 0:
		return fmt.Errorf("from: rates.%d is the same rate on some of the same days; let one end before the other starts", same)
	}
	return nil
}

// RatesAt returns the rates that are in force in a country on the day that the
// time shows in its own zone: those of the postcode's territory where it has its
// own, otherwise those of the country. It reports false when the table does not
// have the country. A rate of zero by the nature of a supply is not listed.
func (t *VATTable) RatesAt(country, postcode string, day time.Time) (rates []Rate, known bool) {
	date := day.Format(time.DateOnly)
	for _, place := range []string{clean(postcode, ".-/"), ""} {
		for _, r := range t.Rates {
			known = known || r.Country == country
			if r.Country == country && r.Postcode == place && r.From <= date && (r.To == "" || date <= r.To) {
				rates = append(rates, r)
			}
		}
		if rates != nil {
			break
		}
	}
	return rates, known
}

func hasRate(rates []Rate, percent decimal.Decimal) bool {
	return slices.ContainsFunc(rates, func(r Rate) bool { return r.Percent.Equal(percent) })
}
