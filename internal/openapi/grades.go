package openapi

import (
	"maps"
	"slices"

	"github.com/getkin/kin-openapi/openapi3"
)

// Operations returns the names of the operations of a document, sorted.
func Operations(doc *openapi3.T) []string {
	var out []string
	for _, item := range doc.Paths.Map() {
		for _, op := range item.Operations() {
			names, _ := op.Extensions[extOperations].(map[string]any)
			out = slices.AppendSeq(out, maps.Keys(names))
		}
	}
	slices.Sort(out)
	return out
}

// Ungraded lists the operations, parameters and properties of a document that
// do not say how sure they are.
func Ungraded(doc *openapi3.T) []string {
	var out []string
	check := func(what string, ext map[string]any) {
		if g, _ := ext[extGrade].(string); g == "" {
			out = append(out, what)
		}
	}
	for path, item := range doc.Paths.Map() {
		for verb, op := range item.Operations() {
			check(verb+" "+path, op.Extensions)
			for _, p := range op.Parameters {
				check(verb+" "+path+" "+p.Value.Name, p.Value.Extensions)
			}
		}
	}
	var walk func(what string, s *openapi3.Schema)
	walk = func(what string, s *openapi3.Schema) {
		for name, p := range s.Properties {
			check(what+"."+name, p.Value.Extensions)
			walk(what+"."+name, p.Value)
		}
		if s.Items != nil && s.Items.Ref == "" {
			walk(what+"[]", s.Items.Value)
		}
	}
	for name, s := range doc.Components.Schemas {
		walk(name, s.Value)
	}
	slices.Sort(out)
	return out
}
