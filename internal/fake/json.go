package fake

import (
	"maps"
	"slices"
	"strings"

	"github.com/tg360/tg360/internal/wire"
	"github.com/tidwall/gjson"
)

// Part is a JSON value and the path where a reply has it.
type Part struct {
	Path string
	JSON []byte
}

// At makes a part of the first path; none where there is no path.
func At(paths []string, json []byte) []Part {
	if len(paths) == 0 || json == nil {
		return nil
	}
	return []Part{{paths[0], json}}
}

// Text makes a part of a text.
func Text(paths []string, s string) []Part { return At(paths, Quote(s)) }

// Quote writes a text as JSON.
func Quote(s string) []byte { return gjson.AppendJSONString(nil, s) }

// Object writes one JSON object with each part at its path.
func Object(parts ...Part) []byte {
	dst := []byte{'{'}
	for i := 0; len(parts) > 0; i++ {
		key, _, nested := strings.Cut(parts[0].Path, ".")
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(append(dst, Quote(key)...), ':')
		var below, rest []Part
		for _, p := range parts {
			head, tail, deep := strings.Cut(p.Path, ".")
			switch {
			case head != key:
				rest = append(rest, p)
			case deep:
				below = append(below, Part{tail, p.JSON})
			}
		}
		if nested {
			dst = append(dst, Object(below...)...)
		} else {
			dst = append(dst, parts[0].JSON...)
		}
		parts = rest
	}
	return append(dst, '}')
}

// List writes a JSON list of n elements.
func List(n int, appendElement func(dst []byte, i int) []byte) []byte {
	dst := []byte{'['}
	for i := range n {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendElement(dst, i)
	}
	return append(dst, ']')
}

// Param returns a parameter by the name that the profile knows it under, from
// the path, the query or the body; empty when there is none.
func (r *Request) Param(name string) string {
	return r.value(name).String()
}

// Params returns a parameter that is a list.
func (r *Request) Params(name string) []string {
	var out []string
	for _, e := range r.value(name).Array() {
		out = append(out, e.String())
	}
	return out
}

func (r *Request) value(name string) gjson.Result {
	if s, ok := r.Path[name]; ok {
		return gjson.Result{Type: gjson.String, Str: s}
	}
	wireName, ok := r.Op.Params[name]
	if !ok {
		return gjson.Result{}
	}
	for _, raw := range [][]byte{r.Query, r.Body} {
		if v := member(raw, wireName); v.Exists() {
			return v
		}
	}
	return gjson.Result{}
}

// member returns one key of an object, taken as it is.
func member(raw []byte, key string) (found gjson.Result) {
	if len(raw) == 0 {
		return found
	}
	gjson.ParseBytes(raw).ForEach(func(k, v gjson.Result) bool {
		if k.Str == key {
			found = v
		}
		return k.Str != key
	})
	return found
}

// Abilities returns a profile in which the named abilities are as given.
func Abilities(profile []byte, set map[string]bool) []byte {
	if len(set) == 0 {
		return profile
	}
	var parts []Part
	for _, name := range slices.Sorted(maps.Keys(set)) {
		parts = append(parts, Part{name, []byte(map[bool]string{true: "true", false: "false"}[set[name]])})
	}
	top := []Part{}
	gjson.ParseBytes(profile).ForEach(func(k, v gjson.Result) bool {
		if k.Str != "abilities" {
			top = append(top, Part{k.Str, []byte(v.Raw)})
			return true
		}
		v.ForEach(func(a, on gjson.Result) bool {
			if _, ours := set[a.Str]; !ours {
				parts = append(parts, Part{a.Str, []byte(on.Raw)})
			}
			return true
		})
		return true
	})
	return Object(append(top, Part{"abilities", Object(parts...)})...)
}

// Envelope writes a good reply of an operation.
func Envelope(p *wire.Profile, op *wire.Operation, data []byte, more ...Part) []byte {
	return Object(append(At(p.ItemPaths(op), data), more...)...)
}
