package wire_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/shopspring/decimal"

	"github.com/tg360/tg360/internal/wire"
)

// The fields that every whole order must have.
const least = `"id":1,"created_at":"2026-03-01","totale":"9.90"`

func mustDecode(t *testing.T, doc string) order {
	t.Helper()
	o, err := orderCodec(t, "").Decode([]byte(doc))
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func TestDecodeWholeOrder(t *testing.T) {
	t.Parallel()
	got := mustDecode(t, `{
	  "id": 4711, "numero": "2026/17", "title": "Ordine", "data": "2026-03-01 09:30:00", "changed_at": 1772355600,
	  "payment": {"paid": "1", "method": "cod"}, "totals": {"gross": "1.234,50", "net": 1}, "weight": 0.250,
	  "imposta": {"id": "iva22", "aliquota": "22"}, "comune": "None", "note": null,
	  "labels": {"0": "fragile", "1": "urgente"}, "options": [],
	  "dati_fatturazione": "{\"nome\":\"Ada Bianchi\",\"telefono\":390612345678,\"cap\":\"00100\"}",
	  "cart": {"rows": [{"sku": "A-1", "quantita": "2", "prezzo": 10.5, "customInfo": {"name": "Tazza"}}]},
	  "seller": 5
	}`)
	want := order{
		ID: "4711", Number: wire.Some("2026/17"), Title: "Ordine",
		Created: time.Date(2026, 3, 1, 9, 30, 0, 0, rome(t)), Changed: time.Unix(1772355600, 0),
		Paid: wire.Some(true), Total: wire.Some(dec("1234.50")), Weight: wire.Some(dec("0.25")),
		TaxID: wire.Some("iva22"), TaxRate: wire.Some(dec("22")), Town: wire.Some("None"), Note: wire.Null[string](),
		Labels: []string{"fragile", "urgente"},
		Buyer:  party{Name: "Ada Bianchi", Phone: wire.Some("390612345678"), ZIP: wire.Some("00100")},
		Rows:   []row{{SKU: "A-1", Name: wire.Some("Tazza"), Quantity: wire.Some(dec("2")), Price: wire.Some(dec("10.50"))}},
		Meta:   wire.Meta{Extra: map[string]json.RawMessage{"seller": json.RawMessage("5")}},
	}
	if d := diff(want, got); d != "" {
		t.Error(d)
	}
}

// The order of the candidates decides, not the order of the keys in the reply.
func TestFirstCandidateWinsInAnyDocumentOrder(t *testing.T) {
	t.Parallel()
	candidates := []string{`"totals":{"gross":1}`, `"totale":2`, `"total":3`}
	for _, perm := range permutations(candidates) {
		if got := mustDecode(t, `{`+strings.Join(perm, ",")+`,"id":1,"created_at":"2026-03-01"}`); !got.Total.Or(decimal.Zero).Equal(dec("1")) {
			t.Errorf("%v: total %v", perm, got.Total)
		}
	}
	for _, perm := range permutations([]string{`"totals":{"gross":null}`, `"totale":"None"`, `"total":3`}) {
		if got := mustDecode(t, `{`+strings.Join(perm, ",")+`,"id":1,"created_at":"2026-03-01"}`); !got.Total.Or(decimal.Zero).Equal(dec("3")) {
			t.Errorf("%v: total %v, nulls must give way", perm, got.Total)
		}
	}
}

func permutations(s []string) [][]string {
	if len(s) == 1 {
		return [][]string{s}
	}
	var out [][]string
	for i := range s {
		for _, p := range permutations(slices.Delete(slices.Clone(s), i, i+1)) {
			out = append(out, append([]string{s[i]}, p...))
		}
	}
	return out
}

func TestAbsentNullAndZeroAreThreeStates(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, doc string
		want      wire.Opt[decimal.Decimal]
		written   string
	}{
		{"absent", ``, wire.Opt[decimal.Decimal]{}, ``},
		{"null", `,"weight":null`, wire.Null[decimal.Decimal](), `,"weight":null`},
		{"zero", `,"weight":0`, wire.Some(decimal.Zero), `,"weight":0`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			o := mustDecode(t, `{`+least+tc.doc+`}`)
			if d := diff(tc.want, o.Weight); d != "" {
				t.Error(d)
			}
			if out := string(orderCodec(t, "").Append(nil, &o)); !strings.HasSuffix(out, `"totals":{"gross":9.90}`+tc.written+`}`) {
				t.Errorf("wrote %s", out)
			}
		})
	}
}

func TestNullOnlyIfEveryCandidateThatIsThereIsNull(t *testing.T) {
	t.Parallel()
	for doc, want := range map[string]wire.Opt[string]{
		`"comune":null,"town":null`:   wire.Null[string](),
		`"comune":"","town":null`:     wire.Null[string](),
		`"town":null`:                 wire.Null[string](),
		`"town":"Asti"`:               wire.Some("Asti"),
		`"comune":null,"town":"Asti"`: wire.Some("Asti"),
		`"town":"Asti","comune":null`: wire.Some("Asti"),
		`"other":1`:                   {},
	} {
		if d := diff(want, mustDecode(t, `{`+least+`,`+doc+`}`).Town); d != "" {
			t.Errorf("%s: %s", doc, d)
		}
	}
}

func TestRequiredFieldIsMissing(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, doc string
		want      wire.FieldError
	}{
		{"absent", `{"id":1,"created_at":"2026-03-01"}`,
			wire.FieldError{Record: "order", Field: "total", Candidates: []string{"totals.gross", "totale", "total"}, Reason: "missing"}},
		{"null", `{"id":1,"created_at":"2026-03-01","totale":null,"total":"None"}`,
			wire.FieldError{Record: "order", Field: "total", Candidates: []string{"totals.gross", "totale", "total"}, Reason: "missing"}},
		{"a zero date", `{"id":1,"created_at":"0000-00-00","totale":1}`,
			wire.FieldError{Record: "order", Field: "created", Candidates: []string{"created_at", "data"}, Reason: "missing"}},
		{"the key", `{"created_at":"2026-03-01","totale":1}`,
			wire.FieldError{Record: "order", Field: "id", Candidates: []string{"id"}, Reason: "missing"}},
		{"malformed", `{"id":1,"created_at":"2026-03-01","totale":"nove"}`,
			wire.FieldError{Record: "order", Field: "total", Candidates: []string{"totals.gross", "totale", "total"},
				Reason: "want a number, got text of 4 characters: not a decimal number"}},
		{"not an object", `[1]`,
			wire.FieldError{Record: "order", Field: "(record)", Reason: "want an object, got a list"}},
		{"null in its place", `null`,
			wire.FieldError{Record: "order", Field: "(record)", Reason: "want an object, got null"}},
		{"refused by the record's own check", `{` + least + `,"cart":[]}`,
			wire.FieldError{Record: "order", Field: "rows", Reason: "no row"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			_, err := orderCodec(t, "").Decode([]byte(tc.doc))
			var fe *wire.FieldError
			if !errors.As(err, &fe) {
				t.Fatalf("error %v, want a *FieldError", err)
			}
			if d := cmp.Diff(tc.want, *fe); d != "" {
				t.Error(d)
			}
			if len(tc.want.Candidates) == 0 && err.Error() != tc.want.Record+"."+tc.want.Field+": "+tc.want.Reason {
				t.Errorf("text %q", err)
			}
			for _, c := range append(tc.want.Candidates, tc.want.Record+"."+tc.want.Field) {
				if !strings.Contains(err.Error(), c) {
					t.Errorf("%q does not name %s", err, c)
				}
			}
		})
	}
}

// The first candidate that is there is believed, also when it can't be read: a
// later one may mean something else.
func TestMalformedCandidateIsNotPassedOver(t *testing.T) {
	t.Parallel()
	for _, doc := range []string{`"totale":"nove","total":9`, `"total":9,"totale":"nove"`} {
		if _, err := orderCodec(t, "").Decode([]byte(`{"id":1,"created_at":"2026-03-01",` + doc + `}`)); err == nil {
			t.Errorf("%s: no error", doc)
		}
	}
	for _, doc := range []string{`"totale":9,"total":"nove"`, `"total":"nove","totale":9`} {
		if o := mustDecode(t, `{"id":1,"created_at":"2026-03-01",`+doc+`}`); !o.Total.Or(decimal.Zero).Equal(dec("9")) || len(o.Meta.Problems) > 0 {
			t.Errorf("%s: total %v, problems %v", doc, o.Total, o.Meta.Problems)
		}
	}
}

func TestMalformedOptionalFieldIsAProblemAndAbsent(t *testing.T) {
	t.Parallel()
	o := mustDecode(t, `{`+least+`,"paid":"perhaps","weight":"heavy","labels":["a",{"b":1}],"changed_at":"soon","numero":true,
		"billing_data":{"telefono":"555","cap":[1]},"cart":[{"sku":"A","quantity":1,"price":1},{"sku":"B","quantity":1}]}`)
	want := []string{
		`order.number: want an id (number or text), got a boolean (tried numero, number)`,
		`order.changed: want a date, got text of 4 characters: not a date (epoch seconds, YYYY-MM-DD [HH:MM:SS] or RFC 3339) (tried changed_at)`,
		`order.paid: want a boolean, got text of 7 characters (tried payment.paid, paid)`,
		`order.weight: want a number, got text of 5 characters: not a decimal number (tried weight)`,
		`order.labels: want text, got an object (tried labels, labels.items)`,
		`order.buyer.name: missing (tried nome)`,
		`order.rows.1.price: missing (tried price, prezzo)`,
	}
	var got []string
	for _, p := range o.Meta.Problems {
		got = append(got, p.Error())
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	o.Meta = wire.Meta{}
	if d := diff(mustDecode(t, `{`+least+`}`), o); d != "" {
		t.Errorf("malformed fields are not absent:\n%s", d)
	}
}

// A problem inside a candidate counts only if that candidate wins.
func TestProblemsOfALosingCandidateAreDropped(t *testing.T) {
	t.Parallel()
	odd, good := `"dati_fatturazione":{"nome":"Bo","cap":[1]}`, `"billing_data":{"nome":"Ada"}`
	for _, doc := range []string{odd + "," + good, good + "," + odd} {
		if o := mustDecode(t, `{`+least+`,`+doc+`}`); o.Buyer.Name != "Ada" || len(o.Meta.Problems) > 0 {
			t.Errorf("%s: buyer %+v, problems %v", doc, o.Buyer, o.Meta.Problems)
		}
	}
	o := mustDecode(t, `{`+least+`,`+odd+`}`)
	if len(o.Meta.Problems) != 1 || o.Meta.Problems[0].Record != "party" || o.Meta.Problems[0].Field != "zip" || o.Buyer.Name != "Bo" {
		t.Errorf("buyer %+v, problems %v; want the record without its zip", o.Buyer, o.Meta.Problems)
	}
}

func TestExtraKeepsUnknownFieldsRaw(t *testing.T) {
	t.Parallel()
	o := mustDecode(t, `{`+least+`,"x":{"deep":[1, 2.50]},"y":null,"z\"":"\u00e8"}`)
	want := map[string]string{"x": `{"deep":[1, 2.50]}`, "y": `null`, `z"`: `"\u00e8"`}
	got := map[string]string{}
	for k, v := range o.Meta.Extra {
		got[k] = string(v)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if o := mustDecode(t, `{`+least+`}`); o.Meta.Extra != nil {
		t.Errorf("extra %v of an order that has none", o.Meta.Extra)
	}
}

// The bytes of a reply are reused for its next element.
func TestDecodeCopiesWhatItKeeps(t *testing.T) {
	t.Parallel()
	raw := []byte(`{` + least + `,"comune":"Asti","labels":["a"],"x":"kept"}`)
	o, err := orderCodec(t, "").Decode(raw)
	if err != nil {
		t.Fatal(err)
	}
	for i := range raw {
		raw[i] = '#'
	}
	if o.Town.Or("") != "Asti" || o.Labels[0] != "a" || string(o.Meta.Extra["x"]) != `"kept"` {
		t.Errorf("town %v, labels %v, extra %s", o.Town, o.Labels, o.Meta.Extra["x"])
	}
}

// A tax may come as its id or as an object with one: imposta and imposta.id.
func TestPathThatOthersExtend(t *testing.T) {
	t.Parallel()
	id, rate := wire.Some("7"), wire.Some(dec("22"))
	for _, tc := range []struct {
		name, doc string
		id        wire.Opt[string]
		rate      wire.Opt[decimal.Decimal]
	}{
		{"an id", `7`, id, wire.Opt[decimal.Decimal]{}},
		{"an id in a text", `"7"`, id, wire.Opt[decimal.Decimal]{}},
		{"an object", `{"id":7,"aliquota":22}`, id, rate},
		{"an object as JSON in a text", `"{\"id\":7,\"aliquota\":22}"`, id, rate},
		{"an object without the id", `{"aliquota":22}`, wire.Opt[string]{}, rate},
		{"PHP's empty object", `[]`, wire.Opt[string]{}, wire.Opt[decimal.Decimal]{}},
		{"an empty object", `{}`, wire.Opt[string]{}, wire.Opt[decimal.Decimal]{}},
		{"null", `null`, wire.Null[string](), wire.Opt[decimal.Decimal]{}},
		{"an object with null in it", `{"id":null}`, wire.Null[string](), wire.Opt[decimal.Decimal]{}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			o := mustDecode(t, `{`+least+`,"imposta":`+tc.doc+`}`)
			if d := diff([]any{tc.id, tc.rate}, []any{o.TaxID, o.TaxRate}); d != "" {
				t.Error(d)
			}
			if len(o.Meta.Problems) > 0 {
				t.Errorf("problems %v", o.Meta.Problems)
			}
		})
	}
}

// A list at a path that others extend is told from the object that they are in.
func TestListPathThatOthersExtend(t *testing.T) {
	t.Parallel()
	for doc, want := range map[string][]string{
		`["a"]`:                 {"a"},
		`{"0":"a"}`:             {"a"},
		`{"items":["a"]}`:       {"a"},
		`"{\"items\":[\"a\"]}"`: {"a"},
		`{"items":{"0":"a"}}`:   {"a"},
		`[]`:                    {},
		`{}`:                    {},
		`{"count":0}`:           nil,
	} {
		o := mustDecode(t, `{`+least+`,"labels":`+doc+`}`)
		if d := cmp.Diff(want, o.Labels); d != "" || len(o.Meta.Problems) > 0 {
			t.Errorf("%s: %s, problems %v", doc, d, o.Meta.Problems)
		}
	}
}

// A town may be a field of its own or stand in the buyer's address.
func TestObjectPathThatOthersExtend(t *testing.T) {
	t.Parallel()
	c := orderCodec(t, `{"records":{"order":{"town":["comune","billing_data.comune"]}}}`)
	for doc, want := range map[string]order{
		`{"nome":"Ada","comune":"Asti"}`:           {Buyer: party{Name: "Ada"}, Town: wire.Some("Asti")},
		`"{\"nome\":\"Ada\",\"comune\":\"Asti\"}"`: {Buyer: party{Name: "Ada"}, Town: wire.Some("Asti")},
		`[]`:   {},
		`null`: {},
	} {
		o, err := c.DecodePartial([]byte(`{"id":1,"billing_data":` + doc + `}`))
		if want.ID = "1"; err != nil || diff(want, o) != "" {
			t.Errorf("%s: %v, %s", doc, err, diff(want, o))
		}
	}
}

func TestDecodePartialDemandsOnlyTheKey(t *testing.T) {
	t.Parallel()
	c := orderCodec(t, "")
	o, err := c.DecodePartial([]byte(`{"id":9,"cart":[]}`))
	if err != nil || o.ID != "9" {
		t.Errorf("%+v, %v", o, err)
	}
	if _, err := c.DecodePartial([]byte(`{"title":"x","totale":1}`)); err == nil || !strings.Contains(err.Error(), "order.id: missing") {
		t.Errorf("error %v, want that the key is missing", err)
	}
	if o, err = c.DecodePartial([]byte(`{"id":9,"totale":"nove"}`)); err != nil || len(o.Meta.Problems) != 1 || !o.Total.IsAbsent() {
		t.Errorf("%+v, %v; a malformed field of a short form is a problem", o, err)
	}
}

func TestKeyAndPersonal(t *testing.T) {
	t.Parallel()
	c := orderCodec(t, "")
	o := order{
		ID: "A/\"1\"", Title: "not personal", Note: wire.Some("ring"), Paid: wire.Some(true), Town: wire.Some("Asti"),
		Buyer: party{Name: "Ada Bianchi", Phone: wire.Some("390612345678"), ZIP: wire.Some("100")},
		Rows:  []row{{SKU: "A-1", Gift: wire.Some("per Bo")}},
	}
	if got := c.Key(&o); got != o.ID {
		t.Errorf("key %q", got)
	}
	want := []string{"ring", "Ada Bianchi", "390612345678", "per Bo"} // 100 is too short to mask, true is nobody's
	if d := cmp.Diff(want, c.Personal(&o)); d != "" {
		t.Error(d)
	}
	if got := c.Personal(&order{Paid: wire.Some(true)}); got != nil {
		t.Errorf("personal %q of an order without a person", got)
	}
	if got := partCodec(t).Key(&part{Name: "x"}); got != "" {
		t.Errorf("key %q of a record that has none", got)
	}
}

// What is personal in a record is so wherever that record stands.
func TestPersonalInsideAnotherRecord(t *testing.T) {
	t.Parallel()
	type visit struct{ Guest party }
	s := &wire.Schema[visit]{Record: "visit", Fields: []wire.Field[visit]{
		wire.Object("guest", partySchema, func(v *visit) *party { return &v.Guest }),
	}}
	p := shopProfile(t, "")
	p.Records["visit"] = wire.Fields{"guest": {Paths: []string{"guest"}}}
	c, err := wire.Compile(s, p, time.UTC)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"+39 06 555"}, c.Personal(&visit{party{Name: "anyone", Phone: wire.Some("+39 06 555")}})); d != "" {
		t.Error(d)
	}
}

func TestAppendWritesTheFirstCandidateInEveryFormat(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 7, 1, 9, 30, 15, 0, time.UTC)
	for format, want := range map[wire.Format]string{
		{Numbers: "number", Dates: "rfc3339", Booleans: "bool"}: `{"id":"1","created_at":"2026-07-01T09:30:15Z","payment":{"paid":true},"totals":{"gross":9.90},"weight":0.5}`,
		{Numbers: "string", Dates: "datetime", Booleans: "int"}: `{"id":"1","created_at":"2026-07-01 11:30:15","payment":{"paid":1},"totals":{"gross":"9.90"},"weight":"0.5"}`,
		{Numbers: "string", Dates: "date", Booleans: "bool"}:    `{"id":"1","created_at":"2026-07-01","payment":{"paid":true},"totals":{"gross":"9.90"},"weight":"0.5"}`,
		{Numbers: "number", Dates: "epoch", Booleans: "int"}:    `{"id":"1","created_at":1782898215,"payment":{"paid":1},"totals":{"gross":9.90},"weight":0.5}`,
	} {
		p := shopProfile(t, "")
		p.Write = format
		c, err := wire.Compile(orderSchema, p, rome(t))
		if err != nil {
			t.Fatal(err)
		}
		o := order{ID: "1", Created: at, Paid: wire.Some(true), Total: wire.Some(dec("9.9")), Weight: wire.Some(dec("0.50"))}
		if got := string(c.Append([]byte("x"), &o)); got != "x"+want {
			t.Errorf("%+v:\n got %s\nwant %s", format, got[1:], want)
		}
	}
}

func TestCompileRefusesTwoFieldsInOnePlace(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ override, want string }{
		"the same path":               {`{"records":{"order":{"title":["note"]}}}`, "field note would be written where another"},
		"the path of the first field": {`{"records":{"order":{"title":["id"]}}}`, "field title would be written where another"},
		"inside the first field":      {`{"records":{"order":{"title":["id.x"]}}}`, "fields id and title"},
		"inside another":              {`{"records":{"order":{"tax_id":["imposta"]}}}`, "fields tax_id and tax_rate"},
		"around another":              {`{"records":{"order":{"rows":["totals"]}}}`, "field rows would be written where another"},
		"in a nested record":          {`{"records":{"row":{"price":["quantity"]}}}`, "record row: field price"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := wire.Compile(orderSchema, shopProfile(t, tc.override), time.UTC)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %v, want %q", err, tc.want)
			}
		})
	}
}

// A field without a path does not exist at that site: it is neither read nor
// written.
func TestFieldWithoutPaths(t *testing.T) {
	t.Parallel()
	c := orderCodec(t, `{"records":{"order":{"title":[]}}}`)
	o, err := c.Decode([]byte(`{` + least + `,"title":"x"}`))
	if err != nil || o.Title != "" || string(o.Meta.Extra["title"]) != `"x"` {
		t.Errorf("%+v, %v", o, err)
	}
	o.Title = "y"
	if out := string(c.Append(nil, &o)); strings.Contains(out, "title") {
		t.Errorf("wrote %s", out)
	}
}

func TestCodecIsSafeForConcurrentUse(t *testing.T) {
	t.Parallel()
	c, e := orderCodec(t, ""), wire.NewEnvelope(shopProfile(t, "").Envelope, []string{"data"})
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			total := dec(fmt.Sprintf("%d.50", g))
			for range 50 {
				in := order{ID: fmt.Sprint(g), Created: time.Unix(1772355600, 0), Total: wire.Some(total), Labels: []string{"a"}, Options: map[string]string{"k": "v"}}
				reply := `{"status":1,"data":[` + string(c.Append(nil, &in)) + `,{"id":0}]}`
				n := 0
				_, err := e.List(strings.NewReader(reply), func(raw []byte) error {
					o, err := c.DecodePartial(raw)
					if n++; n == 1 && diff(in, o) != "" {
						t.Errorf("read %+v, wrote %+v", o, in)
					}
					return err
				})
				if err != nil || n != 2 {
					t.Errorf("%d elements, %v", n, err)
				}
			}
		})
	}
	wg.Wait()
}
