package openapi

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/google/go-cmp/cmp"
	"github.com/tg360/tg360/internal/wire"
	"pgregory.net/rapid"
)

// formSchema is an object with a field of each type.
func formSchema() *openapi3.Schema {
	row := openapi3.NewObjectSchema().
		WithProperty("id", openapi3.NewStringSchema()).
		WithProperty("qty", openapi3.NewFloat64Schema())
	return openapi3.NewObjectSchema().
		WithProperty("active", openapi3.NewBoolSchema()).
		WithProperty("page", openapi3.NewIntegerSchema()).
		WithProperty("price", openapi3.NewFloat64Schema().WithNullable()).
		WithProperty("name", openapi3.NewStringSchema().WithNullable()).
		WithProperty("id", identifier()).
		WithProperty("statuses", openapi3.NewArraySchema().WithItems(openapi3.NewIntegerSchema())).
		WithProperty("rows", openapi3.NewArraySchema().WithItems(row)).
		WithProperty("party", &openapi3.Schema{AllOf: openapi3.SchemaRefs{row.NewRef()}}).
		WithProperty("options", openapi3.NewObjectSchema().WithAdditionalProperties(openapi3.NewStringSchema()))
}

func TestFormToJSON(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, form, want string }{
		{"nothing", "", `{}`},
		{"true is 1", "active=1", `{"active":true}`},
		{"false is 0", "active=0", `{"active":false}`},
		{"no boolean stays text", "active=maybe", `{"active":"maybe"}`},
		{"integer", "page=2", `{"page":2}`},
		{"decimals keep their zeros", "price=12.50", `{"price":12.50}`},
		{"no number stays text", "price=1e", `{"price":"1e"}`},
		{"empty number is null", "price=", `{"price":null}`},
		{"empty text stays text", "name=", `{"name":""}`},
		{"digits of a text stay text", "name=0017", `{"name":"0017"}`},
		{"an id stays text", "id=17", `{"id":"17"}`},
		{"list", "statuses%5B%5D=1&statuses[]=2", `{"statuses":[1,2]}`},
		{"rows", "rows[0][id]=a&rows[0][qty]=1&rows[1][id]=b&rows[1][qty]=2.5", `{"rows":[{"id":"a","qty":1},{"id":"b","qty":2.5}]}`},
		{"a reference", "party[id]=9&party[qty]=3", `{"party":{"id":"9","qty":3}}`},
		{"a map with numeric keys stays one", "options[0]=a&options[1]=b", `{"options":{"0":"a","1":"b"}}`},
		{"unknown list", "x[]=1&x[]=2", `{"x":["1","2"]}`},
		{"unknown object", "x[a]=1&x[5]=2", `{"x":{"a":"1","5":"2"}}`},
		{"the last of two wins", "name=a&name=b", `{"name":"b"}`},
		{"escaped", "name=caff%C3%A8+e+t%C3%A8", `{"name":"caffè e tè"}`},
		{"a point is no path", "a.b=1", `{"a.b":"1"}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := FormToJSON(tt.form, formSchema())
			if err != nil || string(got) != tt.want {
				t.Errorf("%s, %v, want %s", got, err, tt.want)
			}
		})
	}
}

func TestFormToJSONRefuses(t *testing.T) {
	t.Parallel()
	for _, form := range []string{"a[b=1", "a[b]c=1", "a]b[=1", "[a]=1", "a[[b]]=1", "%zz=1", "a=%zz",
		"a" + strings.Repeat("[x]", maxFormDepth+1) + "=1", strings.Repeat("&", maxFormPairs)} {
		if got, err := FormToJSON(form, nil); err == nil {
			t.Errorf("%.40s became %.40s", form, got)
		} else if strings.Contains(err.Error(), "=1") {
			t.Errorf("%v shows a value", err)
		}
	}
}

// What the client's encoder writes is read back as it was, as far as a form can
// say it: no empty lists or objects.
func TestFormToJSONReadsWhatTheClientWrites(t *testing.T) {
	t.Parallel()
	word := rapid.StringMatching(`[a-zà-ü&=\[\]+% ]{1,8}`)
	key := rapid.StringMatching(`[a-z]{1,5}`)
	rapid.Check(t, func(t *rapid.T) {
		in := map[string]any{
			"active": rapid.Bool().Draw(t, "active"),
			"page":   float64(rapid.IntRange(-5, 500).Draw(t, "page")),
			"name":   word.Draw(t, "name"),
			"rows": []any{
				map[string]any{"id": word.Draw(t, "row"), "qty": rapid.Float64Range(-10, 10).Draw(t, "qty")},
				map[string]any{"id": word.Draw(t, "row"), "qty": 1.0},
			},
			"options": map[string]any{key.Draw(t, "option"): word.Draw(t, "value")},
		}
		raw, err := json.Marshal(in)
		if err != nil {
			t.Fatal(err)
		}
		back, err := FormToJSON(wire.Form(raw), formSchema())
		if err != nil {
			t.Fatal(err)
		}
		var got map[string]any
		if err := json.Unmarshal(back, &got); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(in, got); diff != "" {
			t.Fatalf("through %s:\n%s", wire.Form(raw), diff)
		}
	})
}

func FuzzFormToJSON(f *testing.F) {
	for _, seed := range []string{"a=1", "rows[0][qty]=1&rows[][id]=2", "statuses[]=1&statuses[7]=2", "a[b][c][]=%00", "a[=", "options[]=1", "party=1&party[id]=2", "a[99999]=1&a[]=2"} {
		f.Add(seed)
	}
	s := formSchema()
	f.Fuzz(func(t *testing.T, form string) {
		got, err := FormToJSON(form, s)
		if err == nil && !json.Valid(got) {
			t.Errorf("%q became %q, which is not JSON", form, got)
		}
	})
}
