package wire

import (
	"net/url"
	"strconv"
	"strings"

	"github.com/tidwall/gjson"
)

// Form turns a JSON object into a form body with PHP's brackets:
// a[b][0][c]=v, x[]=v for lists of scalars, booleans as 1 and 0, null as the
// empty text.
func Form(object []byte) string {
	var pairs []string
	gjson.ParseBytes(object).ForEach(func(k, v gjson.Result) bool {
		pairs = appendForm(pairs, k.Str, v)
		return true
	})
	return strings.Join(pairs, "&")
}

func appendForm(pairs []string, name string, v gjson.Result) []string {
	i := 0
	if v.IsObject() || v.IsArray() {
		v.ForEach(func(k, e gjson.Result) bool {
			key := k.Str
			if v.IsArray() {
				key = ""
				if e.IsObject() || e.IsArray() { // an empty key would start a new element for each part
					key = strconv.Itoa(i)
				}
			}
			pairs = appendForm(pairs, name+"["+key+"]", e)
			i++
			return true
		})
		return pairs
	}
	value := v.String()
	switch v.Type {
	case gjson.True:
		value = "1"
	case gjson.False:
		value = "0"
	case gjson.Number:
		value = v.Raw
	case gjson.Null:
		value = ""
	}
	return append(pairs, url.QueryEscape(name)+"="+url.QueryEscape(value))
}
