package wire_test

import (
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/tidwall/gjson"

	"github.com/tg360/tg360/internal/wire"
)

// probe has one field of each scalar kind and of each composed one.
type probe struct {
	ID      wire.Opt[string]
	Text    wire.Opt[string]
	Flag    wire.Opt[bool]
	Number  wire.Opt[decimal.Decimal]
	Amount  wire.Opt[decimal.Decimal]
	When    time.Time
	Texts   []string
	Options map[string]string
	Part    part
	Parts   []part
	Meta    wire.Meta
}

type part struct{ Name string }

var partSchema = &wire.Schema[part]{Record: "part", Fields: []wire.Field[part]{
	wire.String("name", func(p *part) *string { return &p.Name }),
}}

var probeSchema = &wire.Schema[probe]{
	Record: "probe",
	Meta:   func(p *probe) *wire.Meta { return &p.Meta },
	Fields: []wire.Field[probe]{
		wire.OptID("id", func(p *probe) *wire.Opt[string] { return &p.ID }),
		wire.Text("text", func(p *probe) *wire.Opt[string] { return &p.Text }),
		wire.Bool("flag", func(p *probe) *wire.Opt[bool] { return &p.Flag }),
		wire.Decimal("number", func(p *probe) *wire.Opt[decimal.Decimal] { return &p.Number }),
		wire.Amount("amount", func(p *probe) *wire.Opt[decimal.Decimal] { return &p.Amount }),
		wire.Time("when", func(p *probe) *time.Time { return &p.When }),
		wire.Texts("texts", func(p *probe) *[]string { return &p.Texts }),
		wire.Map("options", func(p *probe) *map[string]string { return &p.Options }),
		wire.Object("part", partSchema, func(p *probe) *part { return &p.Part }),
		wire.List("parts", partSchema, func(p *probe) *[]part { return &p.Parts }),
	},
}

func probeCodec(tb testing.TB) *wire.Codec[probe] {
	tb.Helper()
	records := wire.Records{}
	for _, info := range []wire.RecordInfo{probeSchema.Info(), partSchema.Info()} {
		records[info.Name] = wire.Fields{}
		for _, f := range info.Fields {
			records[info.Name][f.Name] = &wire.FieldSpec{Paths: []string{f.Name}}
		}
	}
	p := &wire.Profile{Records: records, Write: wire.Format{Numbers: "number", Dates: "rfc3339", Booleans: "bool"}}
	c, err := wire.Compile(probeSchema, p, rome(tb))
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

// readField decodes a record that holds one field.
func readField(tb testing.TB, field, value string) probe {
	tb.Helper()
	p, err := probeCodec(tb).Decode([]byte(`{"` + field + `":` + value + `}`))
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

func without(problem *probe) probe { problem.Meta.Problems = nil; return *problem }

// expectOdd checks that a value is refused, leaves the field absent, and that
// the complaint shows the shape alone.
func expectOdd(t *testing.T, field, value, shape string) {
	t.Helper()
	p := readField(t, field, value)
	if len(p.Meta.Problems) != 1 {
		t.Fatalf("problems %v, want one", p.Meta.Problems)
	}
	text := p.Meta.Problems[0].Error()
	if !strings.HasPrefix(text, "probe."+field+": ") || !strings.Contains(text, shape) {
		t.Errorf("problem %q, want the field and %q", text, shape)
	}
	if d := diff(probe{}, without(&p)); d != "" {
		t.Errorf("the field is not absent:\n%s", d)
	}
}

func TestIDSpellings(t *testing.T) {
	t.Parallel()
	null := wire.Null[string]()
	for _, tc := range []struct {
		name, json string
		want       wire.Opt[string]
	}{
		{"number", `17`, wire.Some("17")},
		{"string", `"17"`, wire.Some("17")},
		{"string with leading zeros", `"0017"`, wire.Some("0017")},
		{"integer above 2^53", `9007199254740993`, wire.Some("9007199254740993")},
		{"integer above 2^64", `123456789012345678901234567890`, wire.Some("123456789012345678901234567890")},
		{"number with a fraction keeps its spelling", `17.0`, wire.Some("17.0")},
		{"negative number", `-3`, wire.Some("-3")},
		{"zero is an id", `0`, wire.Some("0")},
		{"letters", `"wc-17"`, wire.Some("wc-17")},
		{"escaped letters", `"\u0041\/1"`, wire.Some("A/1")},
		{"null", `null`, null},
		{"empty text", `""`, null},
		{"blank text", `"  "`, null},
		{"the word None", `"None"`, null},
		{"the word null", `"null"`, null},
		{"a word that begins with None", `"None-7"`, wire.Some("None-7")},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			p := readField(t, "id", tc.json)
			if d := diff(probe{ID: tc.want}, p); d != "" {
				t.Error(d)
			}
		})
	}
	for name, value := range map[string]string{"a boolean": `true`, "an object": `{"id":5}`, "a list": `[5]`} {
		t.Run("refused: "+name, func(t *testing.T) {
			t.Parallel()
			expectOdd(t, "id", value, name)
		})
	}
}

func TestTextSpellings(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, json string
		want       wire.Opt[string]
	}{
		{"text", `"Caffè"`, wire.Some("Caffè")},
		{"escapes", `"a\"b\\c\n\u00e8 \ud83d\ude00"`, wire.Some("a\"b\\c\nè 😀")},
		{"number where a text belongs", `10060`, wire.Some("10060")},
		{"number keeps its spelling", `1.50`, wire.Some("1.50")},
		{"boolean where a text belongs", `true`, wire.Some("true")},
		{"the town of None", `"None"`, wire.Some("None")},
		{"the word null", `"null"`, wire.Some("null")},
		{"blank text is a text", `" "`, wire.Some(" ")},
		{"a text that looks like a list", `"[1]"`, wire.Some("[1]")},
		{"null", `null`, wire.Null[string]()},
		{"empty text", `""`, wire.Null[string]()},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			if d := diff(probe{Text: tc.want}, readField(t, "text", tc.json)); d != "" {
				t.Error(d)
			}
		})
	}
	t.Run("refused: an object", func(t *testing.T) {
		t.Parallel()
		expectOdd(t, "text", `{"it":"Caffè"}`, "an object")
	})
}

func TestBooleanSpellings(t *testing.T) {
	t.Parallel()
	yes, no, null := wire.Some(true), wire.Some(false), wire.Null[bool]()
	for _, tc := range []struct {
		name, json string
		want       wire.Opt[bool]
	}{
		{"true", `true`, yes},
		{"1", `1`, yes},
		{"text 1", `"1"`, yes},
		{"text true", `"true"`, yes},
		{"text True", `"True"`, yes},
		{"text TRUE with spaces", `" TRUE "`, yes},
		{"false", `false`, no},
		{"0", `0`, no},
		{"text 0", `"0"`, no},
		{"text false", `"false"`, no},
		{"null", `null`, null},
		{"empty text", `""`, null},
		{"the word None", `"None"`, null},
		{"the word null", `"null"`, null},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			if d := diff(probe{Flag: tc.want}, readField(t, "flag", tc.json)); d != "" {
				t.Error(d)
			}
		})
	}
	for _, tc := range [][3]string{
		{"two", `2`, "a number of 1 characters"},
		{"a word", `"yes"`, "text of 3 characters"},
		{"a fraction", `1.0`, "a number of 3 characters"},
		{"an empty object", `{}`, "an object"},
		{"an empty list", `[]`, "a list"},
	} {
		t.Run("refused: "+tc[0], func(t *testing.T) {
			t.Parallel()
			expectOdd(t, "flag", tc[1], tc[2])
		})
	}
}

func TestNumberSpellings(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ name, json, want string }{
		{"number", `12.5`, "12.5"},
		{"text", `"12.50"`, "12.50"},
		{"text with spaces", `" 12.50 "`, "12.50"},
		{"integer", `22`, "22"},
		{"negative", `-0.01`, "-0.01"},
		{"text with a plus", `"+7"`, "7"},
		{"leading zeros in a text", `"007.10"`, "7.1"},
		{"exponent", `1e3`, "1000"},
		{"small exponent", `1.5E-3`, "0.0015"},
		{"twenty digits", `12345678901234567890.12`, "12345678901234567890.12"},
		{"twenty digits in a text", `"99999999999999999999.99"`, "99999999999999999999.99"},
		{"what a float rounds", `0.1000000000000000055511151231257827`, "0.1000000000000000055511151231257827"},
		{"comma before two digits", `"12,50"`, "12.5"},
		{"comma before one digit", `"12,5"`, "12.5"},
		{"comma before four digits", `"1,2345"`, "1.2345"},
		{"comma after a lone zero", `"0,125"`, "0.125"},
		{"comma after four digits", `"1234,567"`, "1234.567"},
		{"points part thousands", `"1.234.567,89"`, "1234567.89"},
		{"commas part thousands", `"1,234,567.89"`, "1234567.89"},
		{"comma for both", `"2,849,83"`, "2849.83"},
		{"negative with a comma", `"-1.234,5"`, "-1234.5"},
		{"three digits after a point are decimals", `"1.234"`, "1.234"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			for _, field := range []string{"number", "amount"} {
				want := probe{Number: wire.Some(dec(tc.want))}
				if field == "amount" {
					want = probe{Amount: wire.Some(dec(tc.want))}
				}
				if d := diff(want, readField(t, field, tc.json)); d != "" {
					t.Error(d)
				}
			}
		})
	}
	for _, null := range []string{`null`, `""`, `" "`, `"None"`, `"null"`} {
		t.Run("absent: "+null, func(t *testing.T) {
			t.Parallel()
			if d := diff(probe{Number: wire.Null[decimal.Decimal]()}, readField(t, "number", null)); d != "" {
				t.Error(d)
			}
		})
	}
	for _, tc := range [][3]string{
		{"comma that may part thousands", `"1,234"`, "a comma before three digits"},
		{"the same after three digits", `"123,456"`, "a comma before three digits"},
		{"several of them", `"1,234,567"`, "a comma before three digits"},
		{"NaN", `"NaN"`, "not a decimal number"},
		{"Inf", `"Inf"`, "not a decimal number"},
		{"-Infinity", `"-Infinity"`, "not a decimal number"},
		{"huge exponent", `1e999999999`, "not a decimal number"},
		{"huge negative exponent", `"1e-999999999"`, "not a decimal number"},
		{"exponent above the bound", `1e41`, "more digits"},
		{"exponent below the bound", `1e-41`, "more digits"},
		{"400 digits", strings.Repeat("9", 400), "more digits"},
		{"400 digits in a text", `"` + strings.Repeat("9", 400) + `"`, "more digits"},
		{"hexadecimal", `"0x10"`, "not a decimal number"},
		{"underscores", `"1_000"`, "not a decimal number"},
		{"currency", `"12.50 EUR"`, "not a decimal number"},
		{"two points", `"1.2.3"`, "not a decimal number"},
		{"uneven groups", `"12,34,5.6"`, "not a decimal number"},
		{"groups with nothing before them", `",5"`, "not a decimal number"},
		{"nothing after the comma", `"5,"`, "not a decimal number"},
		{"exponent after a comma", `"1,5e34"`, "not a decimal number"},
		{"words", `"dodici"`, "text of 6 characters"},
		{"a boolean", `true`, "a boolean"},
		{"an object", `{"amount":5}`, "an object"},
	} {
		t.Run("refused: "+tc[0], func(t *testing.T) {
			t.Parallel()
			expectOdd(t, "number", tc[1], tc[2])
		})
	}
}

func TestParseDecimalBoundsTheDigits(t *testing.T) {
	t.Parallel()
	nines := strings.Repeat("9", 41)
	for _, s := range []string{nines[:40], "-" + nines[:40] + "." + nines[:40], "1e39", "1e-40", "0." + nines[:40]} {
		if d, err := wire.ParseDecimal(s); err != nil || !d.Equal(dec(s)) {
			t.Errorf("ParseDecimal(%s) = %s, %v", s, d, err)
		}
	}
	for _, s := range []string{nines, "1e40", "1e-41", "0e41", "0." + nines, "-" + nines[:40] + "." + nines} {
		if d, err := wire.ParseDecimal(s); err == nil {
			t.Errorf("ParseDecimal(%s) = %s", s, d)
		}
	}
}

// Money that went through a float would not add up.
func TestMoneyIsExact(t *testing.T) {
	t.Parallel()
	read := func(json string) decimal.Decimal { return readField(t, "amount", json).Amount.Or(dec("-1")) }
	if sum := read(`0.1`).Add(read(`0.2`)); !sum.Equal(dec("0.3")) {
		t.Errorf("0.1 + 0.2 = %s", sum)
	}
	sum := decimal.Zero
	for range 1000 {
		sum = sum.Add(read(`"0.01"`))
	}
	if sum.String() != "10" {
		t.Errorf("1000 cents = %s", sum)
	}
	const large = "12345678901234567890.13"
	p := readField(t, "amount", large)
	if out := string(probeCodec(t).Append(nil, &p)); out != `{"amount":`+large+`}` {
		t.Errorf("wrote %s", out)
	}
}

func TestAmountsAreWrittenWithTwoDecimals(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{"12.5": "12.50", "12": "12.00", "0.125": "0.125", "-3": "-3.00", "1e3": "1000.00"} {
		p := probe{Amount: wire.Some(dec(in)), Number: wire.Some(dec(in))}
		number := dec(in).String()
		if out := string(probeCodec(t).Append(nil, &p)); out != `{"number":`+number+`,"amount":`+want+`}` {
			t.Errorf("%s: wrote %s", in, out)
		}
	}
}

func TestDateSpellings(t *testing.T) {
	t.Parallel()
	utc := func(s string) time.Time {
		at, err := time.Parse(time.RFC3339, s)
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	for _, tc := range []struct{ name, json, want string }{
		{"epoch seconds", `1767261600`, "2026-01-01T10:00:00Z"},
		{"epoch seconds in a text", `"1767261600"`, "2026-01-01T10:00:00Z"},
		{"epoch of nine digits", `999999999`, "2001-09-09T01:46:39Z"},
		{"epoch of eleven digits", `10000000000`, "2286-11-20T17:46:40Z"},
		{"date in winter", `"2026-01-01"`, "2025-12-31T23:00:00Z"},
		{"date in summer", `"2026-07-01"`, "2026-06-30T22:00:00Z"},
		{"date and time without a zone in winter", `"2026-01-01 11:00:00"`, "2026-01-01T10:00:00Z"},
		{"date and time without a zone in summer", `"2026-07-01 11:00:00"`, "2026-07-01T09:00:00Z"},
		{"without seconds", `"2026-07-01 11:00"`, "2026-07-01T09:00:00Z"},
		{"with a fraction", `"2026-07-01 11:00:00.250000"`, "2026-07-01T09:00:00.25Z"},
		{"with a T and no zone", `"2026-07-01T11:00:00"`, "2026-07-01T09:00:00Z"},
		{"RFC 3339 in UTC", `"2026-07-01T11:00:00Z"`, "2026-07-01T11:00:00Z"},
		{"RFC 3339 with an offset", `"2026-07-01T11:00:00+02:00"`, "2026-07-01T09:00:00Z"},
		{"RFC 3339 with a fraction", `"2026-07-01T11:00:00.5-05:00"`, "2026-07-01T16:00:00.5Z"},
		{"spaces around", `" 2026-01-01 "`, "2025-12-31T23:00:00Z"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			if d := diff(probe{When: utc(tc.want)}, readField(t, "when", tc.json)); d != "" {
				t.Error(d)
			}
		})
	}
	for _, absent := range []string{`null`, `""`, `"None"`, `"null"`, `"0000-00-00"`, `"0000-00-00 00:00:00"`, `"0001-01-01T00:00:00Z"`} {
		t.Run("absent: "+absent, func(t *testing.T) {
			t.Parallel()
			if d := diff(probe{}, readField(t, "when", absent)); d != "" {
				t.Error(d)
			}
		})
	}
	for _, tc := range [][3]string{
		{"month 13", `"2026-13-01"`, "text of 10 characters"},
		{"30 February", `"2026-02-30 10:00:00"`, "text of 19 characters"},
		{"day first", `"01/02/2026"`, "text of 10 characters"},
		{"milliseconds", `1767261600000`, "a number of 13 characters"},
		{"twelve digits", `100000000000`, "a number of 12 characters"},
		{"digits of a date", `20260101`, "a number of 8 characters"},
		{"negative", `-1767261600`, "a number of 11 characters"},
		{"words", `"yesterday"`, "text of 9 characters"},
		{"a list", `[2026]`, "a list"},
	} {
		t.Run("refused: "+tc[0], func(t *testing.T) {
			t.Parallel()
			expectOdd(t, "when", tc[1], tc[2])
		})
	}
}

func TestParseTimeInZones(t *testing.T) {
	t.Parallel()
	for zone, want := range map[string]string{
		"UTC":              "2026-03-29T01:30:00Z",
		"Europe/Rome":      "2026-03-29T00:30:00Z", // half an hour before the clocks go forward
		"America/New_York": "2026-03-29T05:30:00Z",
		"Asia/Kolkata":     "2026-03-28T20:00:00Z",
	} {
		loc, err := time.LoadLocation(zone)
		if err != nil {
			t.Fatal(err)
		}
		at, err := wire.ParseTime("2026-03-29 01:30:00", loc)
		if got := at.UTC().Format(time.RFC3339); err != nil || got != want {
			t.Errorf("%s: %s, %v; want %s", zone, got, err, want)
		}
	}
}

// An hour that the clocks skip or show twice still is a date, an hour off at most.
func TestParseTimeWhenClocksChange(t *testing.T) {
	t.Parallel()
	for local, want := range map[string]string{"2026-03-29 02:30:00": "2026-03-29T01:00:00Z", "2026-10-25 02:30:00": "2026-10-25T01:00:00Z"} {
		at, err := wire.ParseTime(local, rome(t))
		if err != nil {
			t.Fatal(err)
		}
		near, err := time.Parse(time.RFC3339, want)
		if err != nil {
			t.Fatal(err)
		}
		if d := at.Sub(near).Abs(); d > time.Hour {
			t.Errorf("%s is read as %s", local, at)
		}
	}
}

func TestListSpellings(t *testing.T) {
	t.Parallel()
	ab := probe{Texts: []string{"a", "b"}}
	names := probe{Parts: []part{{"a"}, {"b"}}}
	for _, tc := range []struct {
		name, field, json string
		want              probe
	}{
		{"texts", "texts", `["a","b"]`, ab},
		{"texts as an object with numeric keys", "texts", `{"0":"a","3":"b"}`, ab},
		{"texts as JSON in a text", "texts", `"[\"a\",\"b\"]"`, ab},
		{"texts leave out what is empty", "texts", `["a",null,"","b"]`, ab},
		{"texts may be numbers", "texts", `[1,2.50]`, probe{Texts: []string{"1", "2.50"}}},
		{"no texts", "texts", `[]`, probe{Texts: []string{}}},
		{"no texts as an object", "texts", `{}`, probe{Texts: []string{}}},
		{"texts null", "texts", `null`, probe{}},
		{"texts as empty text", "texts", `""`, probe{}},
		{"records", "parts", `[{"name":"a"},{"name":"b"}]`, names},
		{"records as an object with numeric keys", "parts", `{"1":{"name":"a"},"2":{"name":"b"}}`, names},
		{"records as JSON in a text", "parts", `"[{\"name\":\"a\"},{\"name\":\"b\"}]"`, names},
		{"records that are JSON in texts", "parts", `["{\"name\":\"a\"}","{\"name\":\"b\"}"]`, names},
		{"no records", "parts", `[]`, probe{Parts: []part{}}},
		{"records null", "parts", `null`, probe{}},
		{"object", "part", `{"name":"a"}`, probe{Part: part{"a"}}},
		{"object as JSON in a text", "part", `" {\"name\":\"a\"}\n"`, probe{Part: part{"a"}}},
		{"empty object as a list", "part", `[]`, probe{}},
		{"empty object as a list with a space", "part", `[ ]`, probe{}},
		{"object as empty text", "part", `""`, probe{}},
		{"object null", "part", `null`, probe{}},
		{"map", "options", `{"misura":"M","note":null,"n":3}`, probe{Options: map[string]string{"misura": "M", "note": "", "n": "3"}}},
		{"map as JSON in a text", "options", `"{\"misura\":\"M\"}"`, probe{Options: map[string]string{"misura": "M"}}},
		{"empty map", "options", `{}`, probe{Options: map[string]string{}}},
		{"empty map as a list", "options", `[]`, probe{}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			if d := diff(tc.want, readField(t, tc.field, tc.json)); d != "" {
				t.Error(d)
			}
		})
	}
	for _, tc := range [][4]string{
		{"texts as an object with words for keys", "texts", `{"a":"b"}`, "an object"},
		{"texts with an object in them", "texts", `["a",{"b":1}]`, "an object"},
		{"texts as a bare text", "texts", `"a,b"`, "text of 3 characters"},
		{"records with a scalar in them", "parts", `[{"name":"a"},5]`, "a number of 1 characters"},
		{"records as one record", "parts", `{"name":"a"}`, "an object"},
		{"object as a filled list", "part", `[{"name":"a"}]`, "a list"},
		{"object as broken JSON in a text", "part", `"{\"name\":"`, "text of 8 characters"},
		{"map as a filled list", "options", `["M"]`, "a list"},
		{"map of objects", "options", `{"a":"b","misura":{"id":1}}`, "an object"},
	} {
		t.Run("refused: "+tc[0], func(t *testing.T) {
			t.Parallel()
			p := readField(t, tc[1], tc[2])
			if len(p.Meta.Problems) != 1 || !strings.Contains(p.Meta.Problems[0].Reason, tc[3]) {
				t.Errorf("problems %v, want one with %q", p.Meta.Problems, tc[3])
			}
			if d := diff(probe{}, without(&p)); d != "" {
				t.Errorf("the field is not absent:\n%s", d)
			}
		})
	}
}

// A text of nothing but brackets must not exhaust the stack.
func TestEmbeddedBoundsDepth(t *testing.T) {
	t.Parallel()
	const n = 12_000_000
	v := gjson.Result{Type: gjson.String, Str: strings.Repeat("[", n) + strings.Repeat("]", n)}
	if got := wire.Embedded(v); got.Type != gjson.String {
		t.Errorf("read as %s", wire.Shape(got))
	}
}

func TestSingle(t *testing.T) {
	t.Parallel()
	for list, want := range map[string]string{
		`[{"id":1}]`:          `{"id":1}`,
		`{"0":{"id":1}}`:      `{"id":1}`,
		`[{"id":1},{"id":2}]`: `[{"id":1},{"id":2}]`,
		`[]`:                  `[]`,
		`{"id":1}`:            `{"id":1}`, // a record with one field is no list
		`5`:                   `5`,
		`null`:                `null`,
	} {
		if got := string(wire.Single([]byte(list))); got != want {
			t.Errorf("Single(%s) = %s, want %s", list, got, want)
		}
	}
}
