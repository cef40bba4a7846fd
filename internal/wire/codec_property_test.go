package wire_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"pgregory.net/rapid"

	"github.com/tg360/tg360/internal/wire"
)

func anyFormat() *rapid.Generator[wire.Format] {
	return rapid.Custom(func(t *rapid.T) wire.Format {
		return wire.Format{
			Numbers:  rapid.SampledFrom([]string{"number", "string"}).Draw(t, "numbers"),
			Dates:    rapid.SampledFrom([]string{"rfc3339", "datetime", "date", "epoch"}).Draw(t, "dates"),
			Booleans: rapid.SampledFrom([]string{"bool", "int"}).Draw(t, "booleans"),
		}
	})
}

// anyProfile gives every field up to four candidate paths of its own, some of
// them inside objects that fields share.
func anyProfile() *rapid.Generator[*wire.Profile] {
	return rapid.Custom(func(t *rapid.T) *wire.Profile {
		p := &wire.Profile{Write: anyFormat().Draw(t, "format"), Records: wire.Records{}}
		for _, info := range []wire.RecordInfo{orderSchema.Info(), partySchema.Info(), rowSchema.Info()} {
			p.Records[info.Name] = wire.Fields{}
			for _, f := range info.Fields {
				spec := &wire.FieldSpec{}
				for i := range rapid.IntRange(1, 4).Draw(t, "candidates") {
					group := rapid.SampledFrom([]string{"", "g1.", "g2.", "g2.h."}).Draw(t, "group")
					spec.Paths = append(spec.Paths, fmt.Sprintf("%s%s%d", group, f.Name, i))
				}
				p.Records[info.Name][f.Name] = spec
			}
		}
		return p
	})
}

func anyOpt[T any](value *rapid.Generator[T]) *rapid.Generator[wire.Opt[T]] {
	return rapid.Custom(func(t *rapid.T) wire.Opt[T] {
		switch rapid.IntRange(0, 3).Draw(t, "state") {
		case 0:
			return wire.Opt[T]{}
		case 1:
			return wire.Null[T]()
		}
		return wire.Some(value.Draw(t, "value"))
	})
}

func anyText() *rapid.Generator[string] {
	return rapid.String().Filter(func(s string) bool { return s != "" }) // the empty text is absent
}

func anyID() *rapid.Generator[string] {
	return rapid.OneOf(rapid.StringMatching(`0{0,3}[1-9][0-9]{0,20}`), rapid.StringMatching(`[a-z]{1,3}-[0-9]{1,4}`))
}

func anyDecimal() *rapid.Generator[decimal.Decimal] {
	return rapid.Custom(func(t *rapid.T) decimal.Decimal {
		return dec(rapid.StringMatching(`-?[0-9]{1,20}(\.[0-9]{1,12})?`).Draw(t, "decimal"))
	})
}

// anyTime keeps to what every date format can say: a day, or a second of it
// that the clocks of Rome show once.
func anyTime(loc *time.Location, format string) *rapid.Generator[time.Time] {
	return rapid.Custom(func(t *rapid.T) time.Time {
		day := time.Date(1980, 1, 1, 0, 0, 0, 0, loc).AddDate(0, 0, rapid.IntRange(0, 40_000).Draw(t, "day"))
		if format == "date" {
			return day
		}
		return day.Add(time.Duration(rapid.IntRange(5*3600, 22*3600).Draw(t, "second")) * time.Second)
	})
}

func anyOrder(loc *time.Location, dates string) *rapid.Generator[order] {
	return rapid.Custom(func(t *rapid.T) order {
		o := order{
			ID: anyID().Draw(t, "id"), Number: anyOpt(anyID()).Draw(t, "number"), Title: rapid.String().Draw(t, "title"),
			Created: anyTime(loc, dates).Draw(t, "created"),
			Paid:    anyOpt(rapid.Bool()).Draw(t, "paid"), Total: wire.Some(anyDecimal().Draw(t, "total")),
			Weight: anyOpt(anyDecimal()).Draw(t, "weight"), TaxID: anyOpt(anyID()).Draw(t, "tax"), TaxRate: anyOpt(anyDecimal()).Draw(t, "rate"),
			Town: anyOpt(anyText()).Draw(t, "town"), Note: anyOpt(anyText()).Draw(t, "note"),
		}
		if rapid.Bool().Draw(t, "changed?") {
			o.Changed = anyTime(loc, dates).Draw(t, "changed")
		}
		if rapid.Bool().Draw(t, "labels?") {
			o.Labels = rapid.SliceOf(anyText()).Draw(t, "labels")
		}
		if rapid.Bool().Draw(t, "options?") {
			o.Options = rapid.MapOf(rapid.String(), rapid.String()).Draw(t, "options")
		}
		if rapid.Bool().Draw(t, "buyer?") {
			o.Buyer = party{Name: anyText().Draw(t, "name"), Phone: anyOpt(anyText()).Draw(t, "phone"), ZIP: anyOpt(anyID()).Draw(t, "zip")}
		}
		for range rapid.IntRange(0, 3).Draw(t, "rows") {
			o.Rows = append(o.Rows, row{
				SKU: anyID().Draw(t, "sku"), Name: anyOpt(anyText()).Draw(t, "row name"), Gift: anyOpt(anyText()).Draw(t, "gift"),
				Quantity: wire.Some(anyDecimal().Draw(t, "quantity")), Price: wire.Some(anyDecimal().Draw(t, "price")),
			})
		}
		return o
	})
}

func TestWhatIsWrittenReadsBackTheSame(t *testing.T) {
	t.Parallel()
	loc := rome(t)
	rapid.Check(t, func(t *rapid.T) {
		p := anyProfile().Draw(t, "profile")
		c, err := wire.Compile(orderSchema, p, loc)
		if err != nil {
			t.Fatal(err)
		}
		in := anyOrder(loc, p.Write.Dates).Draw(t, "order")
		raw := c.Append(nil, &in)
		out, err := c.Decode(raw)
		if err != nil {
			t.Fatalf("%s: %v", raw, err)
		}
		if d := diff(in, out); d != "" {
			t.Fatalf("%s:\n%s", raw, d)
		}
		if again := c.Append(nil, &out); string(again) != string(raw) {
			t.Fatalf("written differently the second time:\n%s\n%s", raw, again)
		}
		if out, err = c.Decode(throughMaps(t, raw)); err != nil || diff(in, out) != "" {
			t.Fatalf("%s: read differently by one who keeps a key once: %v\n%s", raw, err, diff(in, out))
		}
	})
}

// throughMaps rewrites a document as a reader does that keeps each key once,
// and in an order of its own.
func throughMaps(t *rapid.T, raw []byte) []byte {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		t.Fatal(err)
	}
	out, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// What a profile writes, one that only moves its first candidate further down
// still reads.
func TestEveryCandidateIsRead(t *testing.T) {
	t.Parallel()
	loc := rome(t)
	rapid.Check(t, func(t *rapid.T) {
		p := anyProfile().Draw(t, "profile")
		written, err := wire.Compile(orderSchema, p, loc)
		if err != nil {
			t.Fatal(err)
		}
		moved := &wire.Profile{Write: p.Write, Records: wire.Records{}}
		for record, fields := range p.Records {
			moved.Records[record] = wire.Fields{}
			for name, f := range fields {
				paths := slices.Clone(f.Paths)
				slices.Reverse(paths)
				moved.Records[record][name] = &wire.FieldSpec{Paths: paths}
			}
		}
		read, err := wire.Compile(orderSchema, moved, loc)
		if err != nil {
			t.Fatal(err)
		}
		in := anyOrder(loc, p.Write.Dates).Draw(t, "order")
		out, err := read.Decode(written.Append(nil, &in))
		if err != nil {
			t.Fatal(err)
		}
		if d := diff(in, out); d != "" {
			t.Fatal(d)
		}
	})
}

type named struct{ Name wire.Opt[string] }

// The value of a field is that of the first candidate that is set; whatever
// else is there, and in whichever order.
func TestCandidatesByModel(t *testing.T) {
	t.Parallel()
	paths := []string{"a", "g.b", "c", "g.h.d", "e"}
	s := &wire.Schema[named]{Record: "part", Fields: []wire.Field[named]{wire.Text("name", func(p *named) *wire.Opt[string] { return &p.Name })}}
	c, err := wire.Compile(s, &wire.Profile{Records: wire.Records{"part": {"name": {Paths: paths}}}}, time.UTC)
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		var want wire.Opt[string]
		state := map[string]string{}
		for _, p := range paths {
			switch rapid.IntRange(0, 2).Draw(t, p) {
			case 1:
				state[p] = `null`
				if want.IsAbsent() {
					want = wire.Null[string]()
				}
			case 2:
				state[p] = `"` + p + `"`
				if !want.IsSet() {
					want = wire.Some(p)
				}
			}
		}
		shuffled := rapid.Permutation(paths).Draw(t, "order")
		got, err := c.Decode([]byte(document(state, shuffled, "")))
		if err != nil {
			t.Fatal(err)
		}
		if d := diff(want, got.Name); d != "" {
			t.Fatal(d)
		}
	})
}

// document writes the values of state as an object, its keys in the given order.
func document(state map[string]string, order []string, under string) string {
	var parts, done []string
	for _, path := range order {
		rest, ok := strings.CutPrefix(path, under)
		if !ok || state[path] == "" {
			continue
		}
		key, _, deeper := strings.Cut(rest, ".")
		switch {
		case !deeper:
			parts = append(parts, fmt.Sprintf("%q:%s", key, state[path]))
		case !slices.Contains(done, key):
			done = append(done, key)
			parts = append(parts, fmt.Sprintf("%q:%s", key, document(state, order, under+key+".")))
		}
	}
	return "{" + strings.Join(parts, ",") + "}"
}

// secret draws a value that no error text holds by chance.
func secret() *rapid.Generator[string] { return rapid.StringMatching(`[A-Z]{4}7[A-Z]{4}è?`) }

// No error text ever shows what a reply held: it may be a person's.
func TestErrorsNeverShowValues(t *testing.T) {
	t.Parallel()
	c := orderCodec(t, "")
	paths := []string{"id", "numero", "title", "created_at", "changed_at", "paid", "totale", "weight", "imposta", "comune", "note", "labels", "options", "billing_data", "cart"}
	shapes := []string{`"%s"`, `["%s"]`, `{"%s":"%s"}`, `{"0":{"%s":1}}`, `["%s",{"a":"%s"}]`, `{"a":{"b":"%s"}}`, `{"nome":"x","cap":{"a":"%s"}}`,
		`[{"sku":"%s"}]`, `[{"sku":"%s","quantity":"%s","price":1}]`, `"{\"nome\":[\"%s\"]}"`}
	rapid.Check(t, func(t *rapid.T) {
		hidden := secret().Draw(t, "secret")
		var fields []string
		for _, p := range paths {
			if rapid.Bool().Draw(t, p) {
				shape := rapid.SampledFrom(shapes).Draw(t, "shape")
				fields = append(fields, fmt.Sprintf("%q:%s", p, strings.ReplaceAll(shape, "%s", hidden)))
			}
		}
		for _, decode := range []func([]byte) (order, error){c.Decode, c.DecodePartial} {
			o, err := decode([]byte("{" + strings.Join(fields, ",") + "}"))
			texts := []string{fmt.Sprint(err), fmt.Sprintf("%+v", errors.Unwrap(err))}
			for _, p := range o.Meta.Problems {
				texts = append(texts, p.Error(), fmt.Sprintf("%+v", p))
			}
			for _, text := range texts {
				if strings.Contains(text, hidden) || strings.Contains(text, hidden[:6]) {
					t.Fatalf("%q shows the value", text)
				}
			}
		}
	})
}

// A number is read exactly in each spelling that means it.
func TestParseDecimalReadsWhatDecimalWrites(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		d := anyDecimal().Draw(t, "number")
		comma := strings.ReplaceAll(d.StringFixed(2), ".", ",")
		for _, s := range []string{d.String(), d.StringFixed(12), comma} {
			got, err := wire.ParseDecimal(s)
			if want := dec(strings.ReplaceAll(s, ",", ".")); err != nil || !got.Equal(want) {
				t.Fatalf("ParseDecimal(%s) = %s, %v", s, got, err)
			}
		}
	})
}
