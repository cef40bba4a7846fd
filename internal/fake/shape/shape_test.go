package shape_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tg360/tg360/internal/fake/shape"
	"github.com/tidwall/gjson"
)

func TestKindOf(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]shape.Kind{
		`null`: shape.Null, `true`: shape.Boolean, `0`: shape.Bit, `"1"`: shape.BitText, `"True"`: shape.BoolText,
		`17`: shape.Integer, `-17`: shape.Integer, `1767225600`: shape.Epoch, `"1767225600"`: shape.EpochText, `99999999999`: shape.Integer,
		`12.5`: shape.Decimal, `1e3`: shape.Decimal, `"12.50"`: shape.DecimalText, `"-1.234,50"`: shape.CommaText, `"0017"`: shape.Digits,
		`""`: shape.EmptyText, `"None"`: shape.NoneWord, `"null"`: shape.NoneWord, `"Nessuno"`: shape.AnyText, `"IT"`: shape.TwoLetters, `"EUR"`: shape.ThreeLetters,
		`"eur"`: shape.AnyText, `"2026-03-01"`: shape.Date, `"2026-03-01 11:30:00"`: shape.DateTime, `"2026-03-01 11:30"`: shape.DateTime,
		`"2026-03-01T11:30:00"`: shape.DateTime, `"2026-03-01T11:30:00Z"`: shape.ZonedTime, `"2026-03-01T11:30:00.5+01:00"`: shape.ZonedTime,
		`"01/03/2026 11:30"`: shape.OtherDate, `"2026/03/01"`: shape.OtherDate, `"0000-00-00"`: shape.ZeroDate, `"0001-01-01T00:00:00Z"`: shape.ZeroDate,
		`"https://a.example/1"`: shape.URL, `[]`: shape.EmptyList, `[1]`: shape.List, `{}`: shape.Object, `{"a":1}`: shape.Object,
		`{"0":1,"12":2}`: shape.NumberedList, `"{\"a\":1}"`: shape.PackedObject, `"[1]"`: shape.PackedList, `"{}"`: shape.PackedObject,
		`"[]"`: shape.EmptyList, `"{not JSON"`: shape.AnyText, `"+39 041 12345"`: shape.AnyText,
	} {
		if got := shape.KindOf(gjson.Parse(raw)); got != want {
			t.Errorf("KindOf(%s) = %q, want %q", raw, got, want)
		}
	}
}

func names() shape.Names {
	return shape.Names{Known: map[string]bool{"data": true, "billing": true, "shipping": true, "Ragione Sociale": true}, Tables: map[string]bool{"options": true}}
}

// outline writes a shape in one line.
func outline(s *shape.Shape) string {
	var parts []string
	for _, k := range s.Kinds {
		parts = append(parts, string(k))
	}
	out := strings.Join(parts, "|")
	if len(s.Keys) > 0 {
		out += "{"
		for i, k := range s.Keys {
			if i > 0 {
				out += ", "
			}
			out += fmt.Sprintf("%s:%d %s", k.Key, k.Seen, outline(k))
		}
		out += "}"
	}
	if s.Items != nil {
		out += fmt.Sprintf("[%d %s]", s.Most, outline(s.Items))
	}
	return out
}

func TestAdd(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		values []string
		want   string
	}{
		"scalars merge":             {[]string{`1`, `"17"`, `null`, `17`}, "digits in a text|integer|0 or 1|null"},
		"keys in their order":       {[]string{`{"b":1,"a":null}`, `{"c":"x","a":2}`}, "object{b:1 0 or 1, a:2 integer|null, c:1 text}"},
		"lists of every spelling":   {[]string{`[{"a":5}]`, `{"0":{"a":6},"1":{}}`, `"[{\"b\":7}]"`, `[]`}, "list|object with numeric keys|list in a text|empty list[2 object{a:2 integer, b:1 integer}]"},
		"objects in a text":         {[]string{`"{\"a\":5}"`, `{"a":"5"}`}, "object|object in a text{a:2 digits in a text|integer}"},
		"keys that are no names":    {[]string{`{"a@b.example":1,"Mario Rossi":2,"AB-123":3,"x1234":5,"name_2":4,"Ragione Sociale":5}`}, "object{(key):4 integer|0 or 1, name_2:1 integer, Ragione Sociale:1 integer}"},
		"tables":                    {[]string{`{"mrossi":{"n":1},"lbianchi":{"n":2}}`}, "object{(key):2 object{n:2 integer|0 or 1}}"},
		"known names in a table":    {[]string{`{"billing":{"n":1},"shipping":{"n":2}}`}, "object{billing:1 object{n:1 0 or 1}, shipping:1 object{n:1 integer}}"},
		"objects that differ":       {[]string{`{"one":{"n":1},"other":{"m":2}}`}, "object{one:1 object{n:1 0 or 1}, other:1 object{m:1 integer}}"},
		"options":                   {[]string{`{"options":{"Farbe":"rot","data":"x"}}`}, "object{options:1 object{(key):2 text}}"},
		"a record and then nothing": {[]string{`{"data":{"id":7}}`, `{"data":[]}`}, "object{data:2 object|empty list{id:1 integer}}"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var s shape.Shape
			for _, v := range tt.values {
				s.Add(gjson.Parse(v), names())
			}
			if diff := cmp.Diff(tt.want, outline(&s)); diff != "" {
				t.Errorf("shape (-want +got):\n%s", diff)
			}
			raw, err := json.Marshal(&s)
			if err != nil {
				t.Fatal(err)
			}
			var back shape.Shape
			if err := json.Unmarshal(raw, &back); err != nil || outline(&back) != outline(&s) {
				t.Errorf("%s came back as %s, %v", raw, outline(&back), err)
			}
		})
	}
}

func TestBounds(t *testing.T) {
	t.Parallel()
	var wide strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&wide, `,"k%c%c%c":1`, 'a'+i/100, 'a'+i/10%10, 'a'+i%10)
	}
	var s shape.Shape
	s.Add(gjson.Parse("{"+wide.String()[1:]+"}"), names())
	if n := len(s.Keys); n != 301 || s.At(shape.HiddenKey).Seen != 700 {
		t.Errorf("%d keys", n)
	}
	s = shape.Shape{}
	s.Add(gjson.Parse(strings.Repeat(`{"a":`, 500)+"1"+strings.Repeat("}", 500)), names())
	deep := 0
	for k := &s; k != nil; k = k.At("a") {
		deep++
	}
	if deep > 50 {
		t.Errorf("%d levels", deep)
	}
}

// FuzzAdd shows that a shape never holds a text of the value that it describes.
func FuzzAdd(f *testing.F) {
	for _, seed := range []string{`{"nome":"Mario Rossi","x":[{"a":"b"},"{\"c\":\"dddd\"}"]}`, `[[[]]]`, `{"0":"Via Roma 1"}`, `"\u0000"`, `{"a":{"b":1},"c":{"b":2}}`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		if !json.Valid([]byte(raw)) {
			t.Skip()
		}
		var s shape.Shape
		s.Add(gjson.Parse(raw), shape.Names{})
		said := outline(&s)
		keys := map[string]bool{}
		var walk func(v gjson.Result)
		walk = func(v gjson.Result) {
			if v.IsObject() || v.IsArray() {
				v.ForEach(func(k, e gjson.Result) bool { keys[k.Str] = true; walk(e); return true })
				return
			}
			if text := v.String(); len(text) > 12 && !strings.Contains(raw, `"`+text+`":`) && strings.Contains(said, text) && shape.KindOf(v) == shape.AnyText && !isKind(text) {
				t.Errorf("%q is in the shape %s", text, said)
			}
		}
		walk(gjson.Parse(raw))
		for _, bad := range []string{"@", "\x00", "\n", `"`} {
			if strings.Contains(said, bad) {
				t.Errorf("%q is in the shape %s", bad, said)
			}
		}
	})
}

// isKind reports whether a text is part of the names of kinds.
func isKind(text string) bool {
	return strings.Contains("date and time with zone|date in another order|epoch seconds in a text|decimal with comma in a text|object with numeric keys|boolean in a text|0 or 1 in a text|word for nothing|digits in a text|object in a text|list in a text", text)
}
