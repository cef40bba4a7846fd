package openapi

import (
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/tg360/tg360/internal/wire"
)

// The extensions that a document carries.
const (
	extGrade      = "x-provenance" // how sure a statement is
	extAlso       = "x-also"       // where else a field is looked for
	extOperations = "x-operations" // the profile's names of an operation, with their grades
	extOf         = "x-of"         // the operations that a parameter belongs to
	extOpen       = "x-open"       // takes parameters that are not listed
)

// generator turns one profile into a document.
type generator struct {
	p       *wire.Profile
	records map[string]wire.RecordInfo
	doc     *openapi3.T
}

// Generate describes what a profile says: its operations, the records that they
// send and answer, the envelope and the credentials. The same profile always
// gives the same document.
func Generate(title string, p *wire.Profile, records []wire.RecordInfo) *openapi3.T {
	g := &generator{p: p, records: map[string]wire.RecordInfo{}, doc: &openapi3.T{
		OpenAPI: "3.0.3",
		Info: &openapi3.Info{Title: title, Version: "1", Description: "Generated from the profile " + p.Name +
			". " + extGrade + " says how sure each statement is: documented, observed, inferred or assumed. " +
			extAlso + " lists where else a field of a reply is looked for."},
		Paths:      openapi3.NewPaths(),
		Components: &openapi3.Components{Schemas: openapi3.Schemas{}, SecuritySchemes: openapi3.SecuritySchemes{}},
	}}
	for _, r := range records {
		g.records[r.Name] = r
	}
	g.server()
	g.security()
	g.doc.Components.Schemas["failure"] = g.failure().NewRef()
	for _, name := range slices.Sorted(maps.Keys(p.Operations)) {
		g.operation(name, p.Operations[name])
	}
	return g.doc
}

func (g *generator) server() {
	vars := openapi3.ServerVariables{}
	wire.Expand(g.p.Base, func(n string) string {
		vars[n] = &openapi3.ServerVariable{Default: "https://" + strings.ReplaceAll(n, "_", "-") + ".example"}
		return ""
	})
	g.doc.Servers = openapi3.Servers{{URL: g.p.Base, Variables: vars}}
}

func (g *generator) security() {
	all := openapi3.SecurityRequirement{}
	add := func(key string, s *openapi3.SecurityScheme) {
		g.doc.Components.SecuritySchemes[key] = &openapi3.SecuritySchemeRef{Value: s}
		all[key] = []string{}
	}
	switch g.p.Auth.Kind {
	case "basic", "bearer":
		add(g.p.Auth.Kind, &openapi3.SecurityScheme{Type: "http", Scheme: g.p.Auth.Kind})
	}
	for name, t := range g.p.Auth.Headers {
		if t == "" { // an override took it away
			continue
		}
		add(name, &openapi3.SecurityScheme{Type: "apiKey", In: "header", Name: name})
	}
	if len(all) > 0 {
		g.doc.Security = openapi3.SecurityRequirements{all}
	}
}

// componentName is the name of an operation as components spell it.
func componentName(operation, part string) string {
	return strings.ReplaceAll(operation, "/", ".") + "." + part
}

func refTo(name string, s *openapi3.Schema) *openapi3.SchemaRef {
	return openapi3.NewSchemaRef("#/components/schemas/"+name, s)
}

// operation adds one operation; it shares a path and verb with others where
// they differ by their parameters alone.
func (g *generator) operation(name string, op *wire.Operation) {
	path := "/" + op.Path
	item := g.doc.Paths.Value(path)
	if item == nil {
		item = &openapi3.PathItem{}
		g.doc.Paths.Set(path, item)
	}
	o := item.GetOperation(op.Verb)
	if o == nil {
		o = &openapi3.Operation{OperationID: name, Responses: openapi3.NewResponses(), Extensions: map[string]any{}}
		o.Responses.Delete("default")
		item.SetOperation(op.Verb, o)
	} else {
		o.OperationID += "-or-" + name
	}
	names, _ := o.Extensions[extOperations].(map[string]any)
	if names == nil {
		names = map[string]any{}
	}
	names[name] = string(op.Grade)
	o.Extensions[extOperations] = names
	o.Extensions[extGrade] = weaker(o.Extensions[extGrade], op.Grade)
	if op.Open {
		o.Extensions[extOpen] = true
	}
	g.parameters(o, name, op)
	if op.Verb != http.MethodGet {
		g.requestBody(o, name, op)
	}
	g.responses(o, name, op)
}

// weaker is the less sure of two grades; have may be nil.
func weaker(have any, g wire.Grade) string {
	order := []string{string(wire.Documented), string(wire.Observed), string(wire.Inferred), string(wire.Assumed)}
	h, _ := have.(string)
	return order[max(slices.Index(order, h), slices.Index(order, string(g)))]
}

func (g *generator) parameters(o *openapi3.Operation, name string, op *wire.Operation) {
	add := func(p *openapi3.Parameter, required bool) {
		have := o.Parameters.GetByInAndName(p.In, p.Name)
		if have == nil {
			have = p
			have.Extensions = map[string]any{}
			o.Parameters = append(o.Parameters, &openapi3.ParameterRef{Value: p})
		}
		of, _ := have.Extensions[extOf].(map[string]any)
		if of == nil {
			of = map[string]any{}
		}
		of[name] = map[bool]string{true: "required", false: "optional"}[required]
		have.Extensions[extOf] = of
		have.Extensions[extGrade] = weaker(have.Extensions[extGrade], op.Grade)
		have.Required = p.In == openapi3.ParameterInPath || required
	}
	for _, n := range templateNames(op.Path) {
		add(openapi3.NewPathParameter(n).WithSchema(openapi3.NewStringSchema().WithMinLength(1)), true)
	}
	for _, h := range slices.Sorted(maps.Keys(op.Headers)) {
		if op.Headers[h] == "" {
			continue
		}
		add(openapi3.NewHeaderParameter(h).WithSchema(openapi3.NewStringSchema()), true)
	}
	for _, n := range slices.Sorted(maps.Keys(op.Params)) {
		if op.Verb != http.MethodGet {
			break // they are part of the body
		}
		wireName, s := op.Params[n], paramSchema(n)
		if s.Type.Is(openapi3.TypeArray) {
			wireName += "[]" // PHP's spelling of a list
		}
		add(openapi3.NewQueryParameter(wireName).WithSchema(s), slices.Contains(op.Required, n))
	}
	for _, p := range o.Parameters { // what one of several operations requires is optional for all
		of := p.Value.Extensions[extOf].(map[string]any)
		if p.Value.In != openapi3.ParameterInPath && len(of) < len(o.Extensions[extOperations].(map[string]any)) {
			p.Value.Required = false
		}
	}
}

func templateNames(t string) (names []string) {
	wire.Expand(t, func(n string) string { names = append(names, n); return "" })
	return names
}

func (g *generator) requestBody(o *openapi3.Operation, name string, op *wire.Operation) {
	s := g.request(op)
	key := componentName(name, "request")
	g.doc.Components.Schemas[key] = s.NewRef()
	mediaType := "application/json"
	if op.Encoding == "form" {
		mediaType = "application/x-www-form-urlencoded"
	}
	if o.RequestBody == nil {
		o.RequestBody = &openapi3.RequestBodyRef{Value: openapi3.NewRequestBody().WithRequired(true).WithContent(openapi3.Content{})}
	}
	content := o.RequestBody.Value.Content
	if have := content[mediaType]; have != nil {
		any := have.Schema.Value
		if have.Schema.Ref != "" {
			any = &openapi3.Schema{AnyOf: openapi3.SchemaRefs{have.Schema}}
		}
		any.AnyOf = append(any.AnyOf, refTo(key, s))
		content[mediaType] = openapi3.NewMediaType().WithSchema(any)
		return
	}
	content[mediaType] = openapi3.NewMediaType().WithSchemaRef(refTo(key, s))
}

// request is the schema of what an operation sends: its record's fields under
// the paths that are written, and its parameters.
func (g *generator) request(op *wire.Operation) *openapi3.Schema {
	s := strictObject()
	s.AdditionalProperties.Has = new(op.Open)
	if op.Body != "" {
		update := len(op.Required) > 0 // it says by a parameter what it is about
		g.fields(s, op.Body, written, func(f wire.FieldInfo) bool {
			switch f.Need {
			case wire.Key: // a new record has no id of its own yet where the answer brings it
				return !update && op.Record != op.Body
			case wire.Required:
				return !update || g.p.Update == "full"
			}
			return false
		})
	}
	for _, n := range slices.Sorted(maps.Keys(op.Params)) {
		p := paramSchema(n)
		p.Extensions = map[string]any{extGrade: string(op.Grade)}
		s.Properties[op.Params[n]] = p.NewRef()
		if slices.Contains(op.Required, n) && !slices.Contains(s.Required, op.Params[n]) {
			s.Required = append(s.Required, op.Params[n])
		}
	}
	slices.Sort(s.Required)
	return s
}

func (g *generator) responses(o *openapi3.Operation, name string, op *wire.Operation) {
	s := g.reply(op)
	key := componentName(name, "reply")
	g.doc.Components.Schemas[key] = s.NewRef()
	ref := refTo(key, s)
	if have := o.Responses.Value("2XX"); have != nil {
		any := have.Value.Content["application/json"].Schema.Value
		if have.Value.Content["application/json"].Schema.Ref != "" {
			any = &openapi3.Schema{AnyOf: openapi3.SchemaRefs{have.Value.Content["application/json"].Schema}}
		}
		any.AnyOf = append(any.AnyOf, ref)
		ref = any.NewRef()
	}
	done, failed := "Done.", "Failed."
	if g.p.Envelope.Status != "" {
		done = "Done, where " + g.p.Envelope.Status + " is 1; with 0 it failed, and the reply is a failure."
	}
	o.Responses.Set("2XX", &openapi3.ResponseRef{Value: openapi3.NewResponse().WithDescription(done).WithJSONSchemaRef(ref)})
	o.Responses.Set("default", &openapi3.ResponseRef{Value: openapi3.NewResponse().WithDescription(failed).
		WithJSONSchemaRef(refTo("failure", g.doc.Components.Schemas["failure"].Value))})
}

// reply is the schema of a good answer.
func (g *generator) reply(op *wire.Operation) *openapi3.Schema {
	s := openapi3.NewObjectSchema()
	env := g.p.Envelope
	if env.Status != "" {
		g.put(s, []string{env.Status}, boolean(), op.Grade, true)
	}
	items := g.p.ItemPaths(op)
	switch {
	case op.Record == "":
		g.put(s, items, &openapi3.Schema{Nullable: true, Description: "not described"}, op.Grade, false)
	case op.List:
		how := answered
		if op.Partial {
			how = shortened
		}
		list := openapi3.NewArraySchema()
		list.Items = g.record(op.Record, how)
		g.put(s, items, list, op.Grade, true)
		if len(env.Cursor) > 0 && op.Params["cursor"] != "" {
			g.put(s, env.Cursor, openapi3.NewStringSchema().WithNullable(), op.Grade, false)
		}
		if len(env.ServerTime) > 0 {
			g.put(s, env.ServerTime, instant(), op.Grade, false)
		}
	default:
		g.put(s, items, &openapi3.Schema{AllOf: openapi3.SchemaRefs{g.record(op.Record, answered)}}, op.Grade, true)
	}
	return s
}

// failure is the schema of an answer that says no.
func (g *generator) failure() *openapi3.Schema {
	s := openapi3.NewObjectSchema()
	grade, env := wire.Assumed, g.p.Envelope
	if env.Status != "" {
		g.put(s, []string{env.Status}, boolean(), grade, false)
	}
	text := func() *openapi3.Schema { return scalar().WithNullable() }
	if len(env.ErrorCode) > 0 {
		g.put(s, env.ErrorCode, text(), grade, false)
	}
	if len(env.ErrorText) > 0 {
		g.put(s, env.ErrorText, text(), grade, false)
	}
	if len(env.Fields) > 0 {
		list := openapi3.NewArraySchema()
		field := openapi3.NewObjectSchema()
		g.put(field, []string{"path"}, text(), grade, false)
		g.put(field, []string{"message"}, text(), grade, false)
		list.Items = field.NewRef()
		g.put(s, env.Fields, list, grade, false)
	}
	return s
}
