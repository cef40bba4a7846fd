package openapi

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// first are the keys that come before the others of an object, in this order.
var first = []string{"openapi", "info", "title", "servers", "security", "paths", "components", "operationId",
	"name", "in", "required", "type", extGrade, extAlso, extOperations}

// YAML writes a document with sorted keys, so that the same document is always
// the same text.
func YAML(doc *openapi3.T) ([]byte, error) {
	b, err := json.Marshal(doc)
	if err != nil {
		return nil, err
	}
	var v any
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.UseNumber()
	if err := dec.Decode(&v); err != nil {
		return nil, err
	}
	var out bytes.Buffer
	writeYAML(&out, v, "")
	return append(bytes.TrimLeft(out.Bytes(), "\n"), '\n'), nil
}

// maxFlow is the longest value that is written on one line.
const maxFlow = 72

// writeYAML writes a value after its key or dash.
func writeYAML(out *bytes.Buffer, v any, indent string) {
	if f := flow(v); len(f) <= maxFlow || !nested(v) {
		out.WriteString(" " + f)
		return
	}
	switch v := v.(type) {
	case map[string]any:
		for _, k := range slices.SortedFunc(maps.Keys(v), byKey) {
			out.WriteString("\n" + indent + yamlText(k) + ":")
			writeYAML(out, v[k], indent+"  ")
		}
	case []any:
		for _, e := range v {
			out.WriteString("\n" + indent + "-")
			var below bytes.Buffer
			writeYAML(&below, e, indent+"  ")
			// The first key stands beside the dash.
			out.WriteString(strings.Replace(below.String(), "\n"+indent+"  ", " ", 1))
		}
	}
}

func nested(v any) bool {
	switch v := v.(type) {
	case map[string]any:
		return len(v) > 0
	case []any:
		return len(v) > 0
	}
	return false
}

// flow writes a value on one line.
func flow(v any) string {
	var parts []string
	switch v := v.(type) {
	case map[string]any:
		for _, k := range slices.SortedFunc(maps.Keys(v), byKey) {
			parts = append(parts, yamlText(k)+": "+flow(v[k]))
		}
		return "{" + strings.Join(parts, ", ") + "}"
	case []any:
		for _, e := range v {
			parts = append(parts, flow(e))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case string:
		return yamlText(v)
	}
	return fmt.Sprint(v)
}

func byKey(a, b string) int {
	rank := func(s string) int {
		if i := slices.Index(first, s); i >= 0 {
			return i
		}
		return len(first)
	}
	return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a, b))
}

var plainYAML = regexp.MustCompile(`^[A-Za-z_/$][A-Za-z0-9_/.$\-]*$`)

// yamlText quotes where YAML could read something else than this text.
func yamlText(s string) string {
	switch strings.ToLower(s) {
	case "true", "false", "null", "yes", "no", "on", "off", "y", "n":
	default:
		if plainYAML.MatchString(s) {
			return s
		}
	}
	b, _ := json.Marshal(s) // a JSON string is a YAML one
	return string(b)
}
