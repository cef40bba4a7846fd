package wire_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/tg360/tg360/internal/wire"
)

func addAll[T string | []byte](f *testing.F, seeds ...string) {
	for _, s := range seeds {
		f.Add(T(s))
	}
}

func FuzzParseDecimal(f *testing.F) {
	addAll[string](f, "12.50", "1.234,56", "2,849,83", "1,234", "0,125", "-1e3", "1e999999999", "NaN", ".5", "5.", "+.5", "-.-5", "0x1", strings.Repeat("9", 400), "−5", "1e40", "1e-40", "0e40")
	f.Fuzz(func(t *testing.T, s string) {
		d, err := wire.ParseDecimal(s)
		if err != nil {
			if len(s) > 5 && strings.Contains(err.Error(), s) {
				t.Fatalf("error %q shows the number", err)
			}
			return
		}
		for _, written := range []string{d.String(), d.StringFixed(max(2, -d.Exponent()))} {
			if back, err := wire.ParseDecimal(written); err != nil || !back.Equal(d) {
				t.Fatalf("%q is read as %s, written as %s and that read as %s, %v", s, d, written, back, err)
			}
		}
	})
}

func FuzzParseTime(f *testing.F) {
	addAll[string](f, "1767261600", "2026-03-01", "2026-03-01 10:00:00", "2026-03-01 10:00", "2026-03-01T10:00:00Z", "2026-03-01T10:00:00.5+01:00", "2026-03-29 02:30:00", "0000-00-00", "99999999999", "2026-02-30")
	loc := rome(f)
	f.Fuzz(func(t *testing.T, s string) {
		at, err := wire.ParseTime(s, loc)
		if err != nil {
			if !at.IsZero() || (len(s) > 5 && strings.Contains(err.Error(), s)) {
				t.Fatalf("%s, %q: an error has no time and does not show the value", at, err)
			}
			return
		}
		if at.Year() < 1900 { // zones of old had offsets that RFC 3339 can't write
			return
		}
		if back, err := wire.ParseTime(at.Format(time.RFC3339Nano), time.UTC); err != nil || !back.Equal(at) {
			t.Fatalf("%q is read as %s, and that as %s, %v", s, at, back, err)
		}
	})
}

// FuzzScalar reads any text and any bare value as each kind of field.
func FuzzScalar(f *testing.F) {
	addAll[string](f, `17`, `"0017"`, `true`, `"None"`, `12.50`, `[]`, `{}`, `["a"]`, `{"0":"a"}`, `{"name":"x"}`, `"{\"name\":\"x\"}"`, `0`, `null`, `"0000-00-00"`, `1e400`, `"2026-03-01"`)
	c := probeCodec(f)
	f.Fuzz(func(t *testing.T, value string) {
		if !json.Valid([]byte(value)) || !utf8.ValidString(value) {
			quoted, err := json.Marshal(value)
			if err != nil {
				t.Fatal(err)
			}
			value = string(quoted)
		}
		for _, field := range []string{"id", "text", "flag", "number", "amount", "when", "texts", "options", "part", "parts"} {
			p, err := c.Decode([]byte(`{"` + field + `":` + value + `}`))
			if err != nil {
				t.Fatalf("an optional field fails the record: %v", err)
			}
			for _, problem := range p.Meta.Problems {
				hidesValues(t, problem.Error(), []byte(value))
			}
			back, err := c.Decode(c.Append(nil, &p))
			if err != nil || len(back.Meta.Problems) > 0 {
				t.Fatalf("%s %s: what was written is not read: %v, %v", field, value, err, back.Meta.Problems)
			}
			p.When, back.When = p.When.Truncate(time.Second), back.When.Truncate(time.Second)
			if p.When.Year() < 1900 {
				p.When, back.When = time.Time{}, time.Time{}
			}
			p.Meta = wire.Meta{}
			if d := diff(p, back); d != "" {
				t.Fatalf("%s %s:\n%s", field, value, d)
			}
		}
	})
}

// words is all that error texts say by themselves.
var words = strings.ToLower(baseProfile + `want got missing null a boolean a number of characters text list object of texts an id (number or text)
	not a decimal number a comma before three digits may part thousands or decimals more digits than any amount has not a date
	(epoch seconds, YYYY-MM-DD [HH:MM:SS] or RFC 3339) (record) probe texts options parts order tried candidates no row`)

// hidesValues checks that no text of a document stands in an error.
func hidesValues(t *testing.T, text string, doc []byte) {
	t.Helper()
	lower := strings.ToLower(text)
	for _, word := range strings.FieldsFunc(strings.ToLower(string(doc)), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
		if len(word) > 4 && strings.Contains(lower, word) && !strings.Contains(words, word) {
			t.Fatalf("error %q shows %q", text, word)
		}
	}
}

func FuzzCodec(f *testing.F) {
	addAll[[]byte](f, `{`+least+`}`, `{"id":1}`, `{`+least+`,"imposta":{"id":5,"aliquota":"22"},"cart":[{"sku":"A","quantity":1,"price":"2,50"}]}`,
		`{`+least+`,"billing_data":"{\"nome\":\"Ada\",\"cap\":\"00100\"}","labels":{"0":"x"},"options":[],"note":null}`,
		`{`+least+`,"cart":{"rows":{"1":{"sku":1,"customInfo":{"name":"T"},"quantita":"1","prezzo":0.1}}},"x":[{"y":null}]}`,
		`{`+least+`,"totals":{"gross":"no"},"payment":[],"comune":"None","title":"\ud83d\ude00 \u00e8"}`, `[]`, `null`, `{"id"`, `{"id":1,"id":2,`+least+`}`)
	c := orderCodec(f, "")
	f.Fuzz(func(t *testing.T, doc []byte) {
		valid := json.Valid(doc) && utf8.Valid(doc)
		for _, decode := range []func([]byte) (order, error){c.Decode, c.DecodePartial} {
			o, err := decode(doc)
			for _, problem := range o.Meta.Problems {
				hidesValues(t, problem.Error(), doc)
			}
			var fe *wire.FieldError
			if err != nil {
				if !errors.As(err, &fe) {
					t.Fatalf("%T, want a *FieldError", err)
				}
				hidesValues(t, err.Error(), doc)
				continue
			}
			if !valid {
				continue // an envelope never hands such a document out
			}
			raw := c.Append(nil, &o)
			back, err := c.DecodePartial(raw)
			if err != nil || len(back.Meta.Problems) > 0 {
				t.Fatalf("what was written is not read: %v, %v\n%s\n%s", err, back.Meta.Problems, doc, raw)
			}
			if again := c.Append(nil, &back); !bytes.Equal(raw, again) {
				t.Fatalf("written differently the second time:\n%s\n%s\n%s", doc, raw, again)
			}
		}
	})
}

func FuzzEnvelope(f *testing.F) {
	addAll[[]byte](f, `{"status":1,"data":[{"id":1},{"id":2}]}`, `{"data":{"0":1,"1":"x"},"status":"1","next":5}`, `{"status":0,"error":"no","fields":[{"path":"p","message":"m"}]}`,
		`{"status":1,"data":"[1,2]"}`, `{"status":1,"data":{"items":[1],"message":"x"},"now":"2026-03-01T10:00:00Z"}`, "\xef\xbb\xbf{\"data\":[]}", `<html>`, `null`, `[1]`, ``,
		`{"status":1,"data":[1,]}`, `{"status":1,"x":{"y":[1,,2]},"data":[]}`, `{"data":["\u00e8\"\\"],"error":{"code":"x"}}`, `{"data":[]} {`, "{\"data\":[\"\xe8\"]}", `{"data":[-0.1e+5,0,01]}`)
	e := shopEnvelope()
	f.Fuzz(func(t *testing.T, reply []byte) {
		got, rep, err := list(e, bytes.NewReader(reply))
		slow, slowRep, slowErr := list(e, iotest.OneByteReader(bytes.NewReader(reply)))
		if got != slow || (err == nil) != (slowErr == nil) || rep.Cursor != slowRep.Cursor || (rep.Refused == nil) != (slowRep.Refused == nil) {
			t.Fatalf("read at once %q, %v; byte by byte %q, %v", got, err, slow, slowErr)
		}
		if _, recordErr := e.Record(bytes.NewReader(reply)); err == nil && recordErr != nil && !isKind(recordErr, wire.ReplyNoData) {
			t.Fatalf("a list is read, a record is not: %v", recordErr)
		}
		doc := bytes.TrimPrefix(reply, []byte("\xef\xbb\xbf"))
		wellFormed := json.Valid(doc) && utf8.Valid(doc)
		if err != nil {
			isMasked(t, err)
			if wellFormed && bytes.HasPrefix(bytes.TrimSpace(doc), []byte("{")) && len(doc) < 1000 && !isKind(err, wire.ReplyNoList) {
				t.Fatalf("a good reply is refused: %v", err)
			}
			return
		}
		if !wellFormed {
			t.Fatalf("%q is read, and is no JSON in UTF-8", reply)
		}
	})
}

func isKind(err error, kind wire.ReplyKind) bool {
	var re *wire.ReplyError
	return errors.As(err, &re) && re.Kind == kind
}

// isMasked checks that an error shows no letter and no digit of a reply.
func isMasked(t *testing.T, err error) {
	t.Helper()
	var re *wire.ReplyError
	if !errors.As(err, &re) {
		t.Fatalf("%T, want a *ReplyError", err)
	}
	text := strings.TrimPrefix(err.Error(), "unexpected reply: "+string(re.Kind))
	if re.Snippet == "" && text == "" {
		return
	}
	shown, unquoteErr := strconv.Unquote(strings.TrimPrefix(text, ", begins "))
	if unquoteErr != nil || len(shown) > 60 {
		t.Fatalf("text %q", err)
	}
	for _, r := range shown {
		if r > unicode.MaxASCII || (unicode.IsLetter(r) && r != 'x') || (unicode.IsDigit(r) && r != '9') {
			t.Fatalf("text %q shows %q", err, r)
		}
	}
}

func FuzzProfile(f *testing.F) {
	addAll[[]byte](f, ``, `{}`, `null`, `{"records":{"order":{"total":["importo"]}}}`, `{"records":{"order":{"title":["cart.x","id"]},"row":{"sku":{"paths":["a.b"],"grade":"assumed"}}}}`,
		`{"operations":{"orders.get":{"path":"o/{id}","at":["x.y"]}}}`, `{"operations":{"orders.get":null},"records":null}`, `{"write":{"numbers":"string","dates":"epoch","booleans":"int"}}`,
		`{"auth":{"kind":"headers","headers":{"A":"{site}"}}}`, `{"records":{"order":{"options":["o"],"labels":["o.l"]}}}`, `{"envelope":{"data":["a.b.c","a"],"error_text":["a.e"]}}`)
	loc := rome(f)
	sample := order{
		ID: "A-1", Number: wire.Some("17"), Title: "Ordine", Created: time.Date(2026, 3, 1, 0, 0, 0, 0, loc), Changed: time.Date(2026, 3, 2, 0, 0, 0, 0, loc),
		Paid: wire.Some(true), Total: wire.Some(dec("9.90")), Weight: wire.Some(dec("0.5")), TaxID: wire.Some("iva"), TaxRate: wire.Some(dec("22")),
		Town: wire.Some("None"), Note: wire.Some("n"), Labels: []string{"a"}, Options: map[string]string{"k": "v"},
		Buyer: party{Name: "Ada", Phone: wire.Some("555"), ZIP: wire.Some("00100")},
		Rows:  []row{{SKU: "S", Name: wire.Some("T"), Quantity: wire.Some(dec("2")), Price: wire.Some(dec("4.95")), Gift: wire.Some("g")}},
	}
	f.Fuzz(func(t *testing.T, override []byte) {
		p, err := wire.LoadProfile([]byte(baseProfile), override, shopSpec())
		if _, again := wire.LoadProfile([]byte(baseProfile), override, shopSpec()); (err == nil) != (again == nil) || (err != nil && err.Error() != again.Error()) {
			t.Fatalf("%v, and the second time %v", err, again)
		}
		if err != nil {
			return
		}
		for _, op := range p.Operations {
			e := wire.NewEnvelope(p.Envelope, p.ItemPaths(op))
			if _, err := e.List(strings.NewReader(`{"status":1,"data":[1],"a":{"b":{"c":[2]}}}`), func([]byte) error { return nil }); err != nil {
				isMasked(t, err)
			}
			if wire.Expand(op.Path, func(string) string { return "" }) == "" && !strings.Contains(op.Path, "{") {
				t.Fatalf("an empty path: %q", op.Path)
			}
		}
		c, err := wire.Compile(orderSchema, p, loc)
		if err != nil {
			return
		}
		raw := c.Append(nil, &sample)
		back, err := c.Decode(raw)
		if err != nil {
			t.Fatalf("what the profile writes it does not read: %v\n%s", err, raw)
		}
		if again := c.Append(nil, &back); !bytes.Equal(raw, again) {
			t.Fatalf("written differently the second time:\n%s\n%s", raw, again)
		}
	})
}

func FuzzForm(f *testing.F) {
	addAll[[]byte](f, `{}`, `{"a":1,"b":[true,null],"c":{"d":[{"e":"f&g"}]}}`, `{"x":[[1,2],[3]],"y":[]}`, `{"\u00e8":"+ =&%"}`, `[1]`, `"x"`, `{"a":`, `{"":{"":[""]}}`)
	f.Fuzz(func(t *testing.T, doc []byte) {
		form := wire.Form(doc)
		if len(doc) > 4096 || !json.Valid(doc) || !utf8.Valid(doc) || bytes.Contains(bytes.ToLower(doc), []byte(`\ud`)) || bytes.TrimLeft(doc, " \t\r\n")[0] != '{' {
			return
		}
		if _, err := url.ParseQuery(form); err != nil {
			t.Fatal(err)
		}
		var got []string
		for pair := range strings.SplitSeq(form, "&") {
			if pair == "" {
				continue
			}
			_, value, _ := strings.Cut(pair, "=")
			value, err := url.QueryUnescape(value)
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, value)
		}
		if want := leaves(t, doc); strings.Join(got, "\x00") != strings.Join(want, "\x00") || len(got) != len(want) {
			t.Fatalf("%s: values %q, want %q", form, got, want)
		}
	})
}

// leaves lists the scalars of a document in their order, as a form writes them.
func leaves(t *testing.T, doc []byte) (out []string) {
	t.Helper()
	dec := json.NewDecoder(bytes.NewReader(doc))
	dec.UseNumber()
	type level struct{ object, key bool }
	var open []level
	for {
		token, err := dec.Token()
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		top := len(open) - 1
		if delim, ok := token.(json.Delim); ok && (delim == '}' || delim == ']') {
			open = open[:top]
			continue
		}
		if top >= 0 && open[top].object {
			open[top].key = !open[top].key
			if open[top].key {
				continue
			}
		}
		switch v := token.(type) {
		case json.Delim:
			open = append(open, level{object: v == '{'})
		case bool:
			out = append(out, map[bool]string{true: "1", false: "0"}[v])
		case json.Number:
			out = append(out, v.String())
		case string:
			out = append(out, v)
		case nil:
			out = append(out, "")
		}
	}
}
