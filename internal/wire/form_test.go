package wire_test

import (
	"net/url"
	"testing"

	"github.com/tg360/tg360/internal/wire"
)

func TestFormWritesPHPBrackets(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ name, json, want string }{
		{"nothing", `{}`, ``},
		{"scalars in their order", `{"b":"x","a":2}`, `b=x&a=2`},
		{"true and false", `{"a":true,"b":false}`, `a=1&b=0`},
		{"null", `{"a":null}`, `a=`},
		{"empty text", `{"a":""}`, `a=`},
		{"a number keeps its spelling", `{"a":12.50,"b":12345678901234567890,"c":-1e3}`, `a=12.50&b=12345678901234567890&c=-1e3`},
		{"list of scalars", `{"x":["a","b"]}`, `x[]=a&x[]=b`},
		{"list of booleans and null", `{"x":[true,false,null]}`, `x[]=1&x[]=0&x[]=`},
		{"object", `{"extraFields":{"colore":"rosso","misura":"M"}}`, `extraFields[colore]=rosso&extraFields[misura]=M`},
		{"list of objects", `{"cart":[{"id":1,"qty":2},{"id":3,"qty":4}]}`, `cart[0][id]=1&cart[0][qty]=2&cart[1][id]=3&cart[1][qty]=4`},
		{"deep", `{"a":{"b":[{"c":[1,2]}]}}`, `a[b][0][c][]=1&a[b][0][c][]=2`},
		{"list of lists", `{"x":[[1,2],[3]]}`, `x[0][]=1&x[0][]=2&x[1][]=3`},
		{"list of both", `{"x":["a",{"k":"b"}]}`, `x[]=a&x[1][k]=b`},
		{"empty list and object are left out", `{"a":[],"b":{},"c":1}`, `c=1`},
		{"escapes in values", `{"a":"Caffè & più=\n"}`, `a=Caffè & più=` + "\n"},
		{"escapes in names", `{"a&b":{"c=d":"x"}}`, `a&b[c=d]=x`},
		{"JSON escapes", `{"a":"\u00e8\/\"","\u00e8":1}`, `a=è/"&è=1`},
		{"white space", ` { "a" : [ 1 , 2 ] } `, `a[]=1&a[]=2`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			got := wire.Form([]byte(tc.json))
			plain, err := url.QueryUnescape(got)
			if err != nil || plain != tc.want {
				t.Errorf("%s reads %q, %v; want %q", got, plain, err, tc.want)
			}
			if _, err := url.ParseQuery(got); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestFormEscapesWhatPartsPairs(t *testing.T) {
	t.Parallel()
	if got, want := wire.Form([]byte(`{"a&b":"1=2&c","d":["x+y"]}`)), `a%26b=1%3D2%26c&d%5B%5D=x%2By`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
