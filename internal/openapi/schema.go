package openapi

import (
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/tg360/tg360/internal/wire"
)

// use says what a record's schema is for.
type use int

const (
	answered  use = iota // a whole record of a reply: read in every spelling
	shortened            // an element of a list, of which only the key is sure
	written              // part of a request: what the client may write, and nothing else
)

var suffix = map[use]string{answered: "", shortened: ".short", written: ".write"}

// record returns a reference to the schema of a record.
func (g *generator) record(name string, u use) *openapi3.SchemaRef {
	key := name + suffix[u]
	if have := g.doc.Components.Schemas[key]; have != nil {
		return refTo(key, have.Value)
	}
	s := openapi3.NewObjectSchema()
	if u == written {
		s = strictObject()
	}
	g.doc.Components.Schemas[key] = s.NewRef()
	g.fields(s, name, u, func(f wire.FieldInfo) bool {
		return f.Need == wire.Key || f.Need == wire.Required && u != shortened
	})
	return refTo(key, s)
}

func strictObject() *openapi3.Schema {
	return openapi3.NewObjectSchema().WithoutAdditionalProperties()
}

// fields adds the fields of a record at the paths where they are written.
func (g *generator) fields(s *openapi3.Schema, record string, u use, required func(wire.FieldInfo) bool) {
	for _, f := range g.records[record].Fields {
		spec := g.p.Records[record][f.Name]
		if spec == nil || len(spec.Paths) == 0 {
			continue
		}
		need := required(f)
		leaf := g.read(f, u)
		if u == written {
			leaf = g.write(f)
		}
		leaf.Nullable = !need
		g.put(s, spec.Paths, leaf, spec.Grade, need)
	}
}

// put places a property at the first of its paths, and makes the objects on the
// way to it.
func (g *generator) put(s *openapi3.Schema, paths []string, leaf *openapi3.Schema, grade wire.Grade, required bool) {
	leaf.Extensions = map[string]any{extGrade: string(grade)}
	if len(paths) > 1 {
		leaf.Extensions[extAlso] = paths[1:]
	}
	keys := strings.Split(paths[0], ".")
	for i, key := range keys {
		if s.Properties == nil {
			s.Properties = openapi3.Schemas{}
		}
		if required && !slices.Contains(s.Required, key) {
			s.Required = append(s.Required, key)
			slices.Sort(s.Required)
		}
		if i == len(keys)-1 {
			s.Properties[key] = leaf.NewRef()
			return
		}
		next := s.Properties[key]
		if next == nil {
			o := openapi3.NewObjectSchema()
			o.AdditionalProperties = s.AdditionalProperties
			o.Extensions = map[string]any{}
			next = o.NewRef()
			s.Properties[key] = next
		}
		next.Value.Extensions[extGrade] = weaker(next.Value.Extensions[extGrade], grade)
		s = next.Value
	}
}

// The spellings that a reply may use.

func anyOf(of ...*openapi3.Schema) *openapi3.Schema { return openapi3.NewAnyOfSchema(of...) }

func scalar() *openapi3.Schema {
	return anyOf(openapi3.NewStringSchema(), openapi3.NewFloat64Schema().WithFormat(""), openapi3.NewBoolSchema())
}

func identifier() *openapi3.Schema {
	return anyOf(openapi3.NewStringSchema(), openapi3.NewIntegerSchema())
}

func boolean() *openapi3.Schema {
	return anyOf(openapi3.NewBoolSchema(), openapi3.NewIntegerSchema().WithEnum(0, 1),
		openapi3.NewStringSchema().WithEnum("0", "1", "true", "false"))
}

const numberPattern = `^-?[0-9]+(\.[0-9]+)?$`

func number() *openapi3.Schema {
	return anyOf(openapi3.NewFloat64Schema().WithFormat(""), openapi3.NewStringSchema().WithPattern(numberPattern))
}

func instant() *openapi3.Schema {
	return anyOf(openapi3.NewStringSchema(), openapi3.NewIntegerSchema())
}

// read is the schema of a field of a reply.
func (g *generator) read(f wire.FieldInfo, u use) *openapi3.Schema {
	switch f.Kind {
	case wire.KindID:
		return identifier()
	case wire.KindBool:
		return boolean()
	case wire.KindDecimal, wire.KindAmount:
		return number()
	case wire.KindTime:
		return instant()
	}
	return g.common(f, u)
}

// write is the schema of a field of a request, in the profile's own spelling.
func (g *generator) write(f wire.FieldInfo) *openapi3.Schema {
	w := g.p.Write
	switch f.Kind {
	case wire.KindBool:
		if w.Booleans == "int" {
			return openapi3.NewIntegerSchema().WithEnum(0, 1)
		}
		return openapi3.NewBoolSchema()
	case wire.KindDecimal, wire.KindAmount:
		if w.Numbers == "string" {
			return openapi3.NewStringSchema().WithPattern(numberPattern)
		}
		return openapi3.NewFloat64Schema().WithFormat("")
	case wire.KindTime:
		return writtenTime(w.Dates)
	}
	return g.common(f, written)
}

func writtenTime(format string) *openapi3.Schema {
	switch format {
	case "epoch":
		return openapi3.NewIntegerSchema()
	case "date":
		return openapi3.NewStringSchema().WithPattern(`^\d{4}-\d\d-\d\d$`)
	case "datetime":
		return openapi3.NewStringSchema().WithPattern(`^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$`)
	}
	return openapi3.NewStringSchema().WithFormat("date-time").
		WithPattern(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$`)
}

// common is the schema of the kinds that are read as they are written.
func (g *generator) common(f wire.FieldInfo, u use) *openapi3.Schema {
	switch f.Kind {
	case wire.KindTexts:
		return openapi3.NewArraySchema().WithItems(openapi3.NewStringSchema())
	case wire.KindMap:
		return openapi3.NewObjectSchema().WithAdditionalProperties(openapi3.NewStringSchema())
	case wire.KindObject:
		return &openapi3.Schema{AllOf: openapi3.SchemaRefs{g.record(f.Record, u)}}
	case wire.KindList:
		s := openapi3.NewArraySchema()
		s.Items = g.record(f.Record, u)
		return s
	}
	return openapi3.NewStringSchema()
}

// paramSchema is the schema of a parameter, by the name that the profile knows
// it under.
func paramSchema(name string) *openapi3.Schema {
	switch name {
	case "limit", "page":
		return openapi3.NewIntegerSchema().WithMin(0)
	case "updated_since":
		return writtenTime("rfc3339")
	case "statuses", "labels":
		return openapi3.NewArraySchema().WithItems(scalar())
	case "cart":
		return openapi3.NewArraySchema().WithItems(openapi3.NewObjectSchema())
	case "billing_data", "shipping_data":
		return openapi3.NewObjectSchema()
	}
	return scalar()
}
