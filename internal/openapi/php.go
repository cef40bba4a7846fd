package openapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// Bounds of what a form may build.
const (
	maxFormDepth = 32
	maxFormPairs = 100_000
)

// branch is a value of a form: a text, or values by key.
type branch struct {
	text string
	keys []string // in the order they came
	sub  map[string]*branch
	next int // the key that [] takes
}

// FormToJSON turns a form or query with PHP's brackets into the JSON object that
// it stands for: a[b][0][c]=v, x[]=v. What is a number, a boolean or null is said
// by the schema, which may be nil; all else stays text.
func FormToJSON(form string, s *openapi3.Schema) ([]byte, error) {
	root := &branch{}
	pairs := strings.Split(form, "&")
	if len(pairs) > maxFormPairs {
		return nil, errors.New("the form has too many parts")
	}
	for _, pair := range pairs {
		if pair == "" {
			continue
		}
		name, value, _ := strings.Cut(pair, "=")
		name, err := url.QueryUnescape(name)
		if err != nil {
			return nil, errors.New("the name of a part is not escaped")
		}
		if value, err = url.QueryUnescape(value); err != nil {
			return nil, errors.New("the value of " + strconv.Quote(name) + " is not escaped")
		}
		path, err := formPath(name)
		if err != nil {
			return nil, err
		}
		root.set(path, value)
	}
	var out bytes.Buffer
	root.object(&out, s)
	return out.Bytes(), nil
}

// formPath parts a[b][] into a, b and the empty key.
func formPath(name string) ([]string, error) {
	head, rest, _ := strings.Cut(name, "[")
	path := []string{head}
	bad := errors.New("the brackets of " + strconv.Quote(name) + " are not balanced")
	if head == "" {
		return nil, bad
	}
	for more := len(head) < len(name); more; {
		key, after, closed := strings.Cut(rest, "]")
		if !closed || strings.Contains(key, "[") || len(path) > maxFormDepth {
			return nil, bad
		}
		path = append(path, key)
		if after == "" {
			return path, nil
		}
		if after[0] != '[' {
			return nil, bad
		}
		rest = after[1:]
	}
	return path, nil
}

func (b *branch) set(path []string, value string) {
	if len(path) == 0 {
		b.text, b.keys, b.sub = value, nil, nil
		return
	}
	key := path[0]
	if key == "" {
		key = strconv.Itoa(b.next)
	}
	if n, err := strconv.Atoi(key); err == nil && n >= b.next && n < maxFormPairs {
		b.next = n + 1
	}
	if b.sub[key] == nil {
		if b.sub == nil {
			b.sub = map[string]*branch{}
		}
		b.sub[key] = &branch{}
		b.keys = append(b.keys, key)
	}
	b.sub[key].set(path[1:], value)
}

// list reports whether the keys are 0, 1, 2 and so on.
func (b *branch) list() bool {
	for i, k := range b.keys {
		if k != strconv.Itoa(i) {
			return false
		}
	}
	return len(b.keys) > 0
}

func (b *branch) object(out *bytes.Buffer, s *openapi3.Schema) {
	out.WriteByte('{')
	for i, k := range b.keys {
		if i > 0 {
			out.WriteByte(',')
		}
		writeText(out, k)
		out.WriteByte(':')
		b.sub[k].write(out, property(s, k))
	}
	out.WriteByte('}')
}

func (b *branch) write(out *bytes.Buffer, s *openapi3.Schema) {
	switch {
	case len(b.keys) == 0:
		writeScalar(out, b.text, s)
	case hasType(s, openapi3.TypeArray) || !hasType(s, openapi3.TypeObject) && b.list():
		out.WriteByte('[')
		for i, k := range b.keys {
			if i > 0 {
				out.WriteByte(',')
			}
			b.sub[k].write(out, items(s))
		}
		out.WriteByte(']')
	default:
		b.object(out, s)
	}
}

// writeScalar writes a text as what the schema says it is.
func writeScalar(out *bytes.Buffer, text string, s *openapi3.Schema) {
	isText := hasType(s, openapi3.TypeString)
	switch {
	case text == "" && s != nil && s.Nullable && !isText:
		out.WriteString("null")
	case hasType(s, openapi3.TypeBoolean) && !isText && slices.Contains([]string{"0", "1", "true", "false"}, text):
		out.WriteString(map[bool]string{true: "true", false: "false"}[text == "1" || text == "true"])
	case (hasType(s, openapi3.TypeNumber) || hasType(s, openapi3.TypeInteger)) && !isText && isNumber(text):
		out.WriteString(text)
	default:
		writeText(out, text)
	}
}

func isNumber(s string) bool {
	return s != "" && (s[0] == '-' || s[0] >= '0' && s[0] <= '9') && json.Valid([]byte(s))
}

func writeText(out *bytes.Buffer, s string) {
	b, _ := json.Marshal(s)
	out.Write(b)
}

// hasType reports whether a schema, or one that it is made of, has a type.
func hasType(s *openapi3.Schema, name string) bool {
	if s == nil {
		return false
	}
	if s.Type != nil {
		return s.Type.Is(name)
	}
	return slices.ContainsFunc(slices.Concat(s.AnyOf, s.AllOf, s.OneOf), func(r *openapi3.SchemaRef) bool { return hasType(r.Value, name) })
}

// property finds the schema of one key of an object.
func property(s *openapi3.Schema, key string) *openapi3.Schema {
	if s == nil {
		return nil
	}
	if p := s.Properties[key]; p != nil {
		return p.Value
	}
	for _, r := range slices.Concat(s.AllOf, s.AnyOf) {
		if p := property(r.Value, key); p != nil {
			return p
		}
	}
	if a := s.AdditionalProperties.Schema; a != nil {
		return a.Value
	}
	return nil
}

func items(s *openapi3.Schema) *openapi3.Schema {
	if s == nil || s.Items == nil {
		return nil
	}
	return s.Items.Value
}
