package fiscal

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/shopspring/decimal"
)

// Check judges a document: numbers, VAT rates and natures, each line, and whether
// the parts make the totals. It changes no figure and guesses none; a finding
// holds what was said and what follows from the rest. The buyer is judged by
// [CheckParty].
func Check(d Document) []Finding {
	c := check{Document: d, italy: orElse(d.Seller, "IT") == "IT"}
	c.Seller, c.strict = orElse(d.Seller, "IT"), blocksIf(c.italy && d.Invoice)
	if c.Table == nil {
		c.Table = DefaultVAT()
	}
	c.bounds(Blocks, "net", c.Net, 2)
	c.bounds(Blocks, "vat", c.VAT, 2)
	c.bounds(Blocks, "total", c.Total, 2)
	_, problem := Currency(c.Currency)
	c.add(problem != "", Blocks, "FIS-CURRENCY", string(problem), "currency")
	c.add(c.Day.IsZero(), Blocks, "FIS-MISSING", "", "day")
	if c.italy {
		c.text("number", c.Number, 20)
		c.add(c.Number != "" && !strings.ContainsAny(c.Number, "0123456789"), c.strict, "FIS-NUMBER", "00425", "number")
	}
	c.allowed, c.known = c.rates(0)
	for i := range c.Lines {
		c.line(&c.Lines[i], c.name(i)+".")
	}
	c.stampDuty()
	c.sums = Sum(d)
	told := slices.ContainsFunc(c.findings, func(f Finding) bool { return strings.HasSuffix(f.Field, ".vat_rate") })
	c.add(!c.sums.Rated && !told, blocksIf(c.Invoice || !c.Gross), "FIS-NO-RATE", "", "lines") // a discount that no rate can take
	if c.sums.Rated && len(c.VATRows) > 0 {
		c.summary()
	}
	c.totals()
	return c.findings
}

type check struct {
	Document
	findings
	italy   bool     // Italy's rules hold
	strict  Severity // of what its exchange system would refuse
	allowed []Rate   // in force where the goods go
	known   bool     // the table has these places
	sums    Totals
}

// bounds checks how long a number is; a total that is too long nobody can pay.
func (c *check) bounds(s Severity, field string, d decimal.NullDecimal, places int32) {
	c.add(!within(d.Decimal, 11, places), s, "FIS-DECIMALS", "", field, "whole", 11, "places", places)
}

func (c *check) line(l *Line, at string) {
	kind, ok := kinds[l.Kind]
	amount := c.amount(l)
	c.add(!ok, Blocks, "FIS-KIND", "", at+"kind")
	c.bounds(c.strict, at+"quantity", l.Quantity, 8)
	c.bounds(c.strict, at+"unit_net", l.UnitNet, 8)
	c.bounds(c.strict, at+"unit_gross", l.UnitGross, 8)
	c.bounds(c.strict, at+"amount", l.Amount, 8)
	c.add(l.Quantity.Decimal.IsNegative(), c.strict, "FIS-QUANTITY", "", at+"quantity", "given", l.Quantity.Decimal.String())
	c.add(kind.never != 0 && amount.Sign() == kind.never, Blocks, "FIS-SIGN", "", at+"amount", "given", amount)
	c.price(l, at)
	if l.Rate.Valid {
		c.rate(l, at, kind.taxed)
	} else if kind.taxed && !kind.shared {
		c.add(!amount.IsZero(), blocksIf(c.Invoice || !c.Gross), "FIS-NO-RATE", "", at+"vat_rate")
	}
	_, problem := GTIN(l.GTIN)
	c.add(l.GTIN != "" && problem != "", Warns, "FIS-GTIN", string(problem), at+"ean")
	if c.italy {
		c.text(at+"description", l.Text, 1000)
		c.text(at+"sku", l.SKU, 35)
		odd := strings.ContainsFunc(l.Unit, func(r rune) bool { return r < ' ' || r > '~' })
		c.add(odd || utf8.RuneCountInString(l.Unit) > 10, Warns, "FIS-UNIT-NAME", "", at+"unit", "max", "10")
	}
}

// price compares net with gross, and the amount with the unit price.
func (c *check) price(l *Line, at string) {
	if net, gross := l.UnitNet.Decimal, l.UnitGross.Decimal; l.UnitNet.Valid && l.UnitGross.Valid && l.Rate.Valid {
		factor := hundred.Add(l.Rate.Decimal).Div(hundred)
		// half a unit of the last decimal of each
		slack := decimal.New(5, -places(gross)-1).Add(decimal.New(5, -places(net)-1).Mul(factor.Abs()))
		expected := net.Mul(factor)
		c.add(expected.Sub(gross).Abs().GreaterThan(slack), Warns, "FIS-UNIT-PRICE", "", at+"unit_gross",
			"net", net, "rate", l.Rate.Decimal.String(), "given", gross, "expected", expected.Round(4))
	}
	exact, ok := c.exact(l)
	c.add(!ok && !l.Amount.Valid, Blocks, "FIS-MISSING", "", at+"amount")
	if said := l.Amount.Decimal; ok && l.Amount.Valid {
		c.compare("FIS-LINE", "00423", at+"amount", l.Rate.Decimal, said, exact.Round(places(said)), !said.Sub(exact).Abs().GreaterThan(tolerance))
	}
}

// tolerance is the difference up to which Italy's exchange system accepts a
// line's amount (00423) and a rate's tax (00421).
var tolerance = decimal.New(19, -3)

// compare tells of an amount that is not what it should be; the rule is the
// exchange system's if that would not tolerate it.
func (c *check) compare(code, rule, field string, rate, given, expected decimal.Decimal, tolerated bool) {
	severity := c.strict
	if tolerated {
		severity = Warns
	}
	if tolerated || !c.italy {
		rule = ""
	}
	c.add(!tolerated || !given.Equal(expected), severity, code, rule, field,
		"rate", rate.String(), "given", given, "expected", expected, "difference", given.Sub(expected))
}

// rates returns what may be charged where the goods go, so many days away from
// the supply. Goods that cross a border bear the rate of either side.
func (c *check) rates(days int) ([]Rate, bool) {
	day, to := c.Day.AddDate(0, 0, days), orElse(c.Country, c.Seller)
	if to == c.Seller {
		return c.Table.RatesAt(c.Seller, c.Zip, day)
	}
	there, known := c.Table.RatesAt(to, c.Zip, day)
	here, ok := c.Table.RatesAt(c.Seller, "", day)
	return slices.Concat(here, there), known && ok
}

// rate checks a VAT rate and, where the line is taxed, the nature of a zero.
func (c *check) rate(l *Line, at string, taxed bool) {
	rate, zero := l.Rate.Decimal, l.Rate.Decimal.IsZero()
	if _, problem := Nature(l.Nature); c.italy && taxed {
		c.add(zero && c.Invoice && l.Nature == "" && l.VATCode == "", c.strict, "FIS-NATURE-MISSING", "00400", at+"nature")
		c.add(!zero && l.Nature != "", c.strict, "FIS-NATURE-EXTRA", "00401", at+"nature", "rate", rate.String())
		c.add(zero && l.Nature != "" && problem != "", c.strict, "FIS-NATURE", string(problem), at+"nature")
	}
	if isRate(rate) && (zero || !c.known || c.Day.IsZero() || hasRate(c.allowed, rate)) {
		return
	}
	// At a change a rate may be a month early or late: the day of the supply is
	// often not the order's.
	before, _ := c.rates(-31)
	after, _ := c.rates(31)
	home, _ := c.Table.RatesAt(c.Seller, "", c.Day)
	severity, code := Blocks, "FIS-RATE"
	switch {
	case hasRate(home, rate):
		severity, code = Warns, "FIS-TERRITORY"
	case hasRate(before, rate) || hasRate(after, rate):
		severity, code = Warns, "FIS-RATE-DAY"
	}
	c.add(true, severity, code, "", at+"vat_rate", "given", rate.String(), "expected", strings.Trim(fmt.Sprint(c.allowed), "[]"), "day", c.Day.Format(time.DateOnly))
}

// stampDuty compares the duty of an Italian invoice with its untaxed part.
func (c *check) stampDuty() {
	over, duty, at := decimal.New(7747, -2), decimal.New(2, 0), "lines"
	var base, stamp decimal.Decimal
	for i := range c.Lines {
		l := &c.Lines[i]
		if l.Kind == StampDuty {
			stamp, at = stamp.Add(c.amount(l)), c.name(i)+".amount"
		} else if _, p := stamped(l.Nature); p == "" {
			base = base.Add(c.amount(l))
		}
	}
	expected, code := decimal.Zero, "FIS-STAMP-EXTRA"
	if base.GreaterThan(over) {
		expected = duty
	}
	if stamp.IsZero() {
		code = "FIS-STAMP"
	}
	c.add(c.italy && c.Invoice && c.Currency == "EUR" && !stamp.Equal(expected), Warns, code, "", at,
		"sum", base, "over", over, "expected", expected, "given", stamp)
}

// summary compares the VAT rows that were said with the lines.
func (c *check) summary() {
	seen := make([]bool, len(c.sums.Rows))
	named := func(s VATRow) bool { // has a row of its own nature
		return slices.ContainsFunc(c.VATRows, func(r VATRow) bool { return r.Rate.Equal(s.Rate) && r.Nature == s.Nature })
	}
	for i, r := range c.VATRows {
		at := fmt.Sprintf("vat_rows.%d.", i)
		taxable, vat := r.Rounding, decimal.Zero
		for j, s := range c.sums.Rows {
			if s.Rate.Equal(r.Rate) && (s.Nature == r.Nature || (r.Nature == "" && !named(s))) {
				seen[j], taxable, vat = true, taxable.Add(s.Taxable), vat.Add(s.VAT)
			}
		}
		byRate := r.Taxable.Mul(r.Rate).Div(hundred)
		c.compare("FIS-TAXABLE", "00422", at+"taxable", r.Rate, r.Taxable, taxable, r.Taxable.Sub(taxable).Abs().LessThan(decimal.New(1, 0)))
		c.compare("FIS-TAX", "00421", at+"vat", r.Rate, r.VAT, vat, !r.VAT.Sub(byRate).Abs().GreaterThan(tolerance))
	}
	for j, s := range c.sums.Rows {
		if !seen[j] {
			c.compare("FIS-SUMMARY", "00419", "vat_rows", s.Rate, decimal.Zero, s.Taxable, false)
		}
	}
}

// totals compares the sum of the parts with what the shop says.
func (c *check) totals() {
	s, said := c.sums, c.Total.Decimal
	if !c.Total.Valid {
		said = c.Net.Decimal.Add(c.VAT.Decimal)
	}
	if !c.Total.Valid && (!c.Net.Valid || !c.VAT.Valid) {
		c.add(true, Blocks, "FIS-MISSING", "", "total")
		return
	}
	if s.Rated {
		c.tax(said)
	}
	if (!s.Rated && !c.Gross) || c.rounding(said) {
		return // the lines without a rate are named; the rounding is
	}
	sum := s.Total.Add(s.Rounding)
	diff := said.Sub(sum)
	severity, code := Blocks, "FIS-TOTAL"
	if s.Rounding.IsZero() && diff.Abs().LessThanOrEqual(c.Limit) {
		severity, code = Warns, "FIS-TOTAL-ROUNDING"
	}
	c.add(!diff.IsZero(), severity, code, "", "total",
		"given", said, "expected", sum, "difference", diff, "limit", c.Limit)
}

// tax compares net and VAT with the total and with the rates.
func (c *check) tax(total decimal.Decimal) {
	s, net, vat := c.sums, c.Net.Decimal, c.VAT.Decimal
	untaxed := s.Total.Sub(s.Net).Sub(s.VAT).Add(s.Rounding) // gift cards and rounding
	switch sum := net.Add(vat); {
	case !c.Net.Valid && !c.VAT.Valid:
		return
	case !c.VAT.Valid:
		vat = total.Sub(net).Sub(untaxed)
	case c.Net.Valid:
		c.add(!sum.Equal(total) && !sum.Add(untaxed).Equal(total), Blocks, "FIS-NET-VAT", "", "net",
			"net", net, "vat", vat, "given", total, "difference", total.Sub(sum))
	}
	diff := vat.Sub(s.VAT)
	// a cent for each line, as when the shop rounded line by line
	allowed := decimal.Max(c.Limit, decimal.New(int64(len(c.Lines)), -2))
	c.add(!diff.IsZero(), blocksIf(diff.Abs().GreaterThan(allowed)), "FIS-VAT", "", "vat",
		"given", vat, "expected", s.VAT, "difference", diff)
}

// rounding checks the rounding lines. It reports true when that explains why the
// total differs.
func (c *check) rounding(total decimal.Decimal) bool {
	s, count, at := c.sums, 0, "lines"
	for i := range c.Lines {
		if c.Lines[i].Kind == Rounding {
			count, at = count+1, c.name(i)+".amount"
		}
	}
	coins := RoundCHF(s.Total).Sub(s.Total)
	fits := c.Currency == "CHF" && s.Rounding.Equal(coins)
	missed := c.Currency == "CHF" && c.Cash && !fits && count < 2
	values := []any{"given", s.Rounding, "expected", coins, "limit", c.Limit, "count", count}
	c.add(missed, Blocks, "FIS-CHF", "", at, values...)
	c.add(count > 1 || (!missed && !fits && s.Rounding.Abs().GreaterThan(c.Limit)), Blocks, "FIS-ROUNDING", "", at, values...)
	return missed && total.Equal(s.Total.Add(coins))
}
