package openapi

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// Validator finds the operation of a request and says whether the request and
// its reply are what a document promises. It is safe for concurrent use.
type Validator struct {
	base     string
	literal  map[string][]*endpoint // by verb and path
	patterns []*endpoint
	byName   map[string]*endpoint
}

// endpoint is one operation of the profile.
type endpoint struct {
	name     string
	verb     string
	pattern  *regexp.Regexp // of the path, where it has parameters
	inPath   []string
	headers  []string         // that must be there
	query    *openapi3.Schema // of the parameters, as one object
	body     *openapi3.Schema // nil: none is sent
	encoding string
	reply    *openapi3.Schema
}

// Request is a request that belongs to an operation.
type Request struct {
	Operation string
	Path      map[string]string // the parameters in the path, unescaped
	Query     []byte            // the query as a JSON object
	Body      []byte            // the body as JSON, also where a form was sent; nil: none

	end    *endpoint
	header http.Header
	broken error // the body or query is not in its encoding
}

// NewValidator prepares a document for requests whose paths begin with base.
func NewValidator(doc *openapi3.T, base string) (*Validator, error) {
	v := &Validator{base: strings.TrimRight(base, "/"), literal: map[string][]*endpoint{}, byName: map[string]*endpoint{}}
	for _, path := range doc.Paths.InMatchingOrder() {
		for verb, op := range doc.Paths.Value(path).Operations() {
			names, _ := op.Extensions[extOperations].(map[string]any)
			if len(names) == 0 {
				return nil, fmt.Errorf("%s %s lacks %s", verb, path, extOperations)
			}
			for _, name := range slices.Sorted(maps.Keys(names)) {
				v.add(newEndpoint(doc, name, verb, path, op), verb+" "+path)
			}
		}
	}
	return v, nil
}

func (v *Validator) add(e *endpoint, key string) {
	v.byName[e.name] = e
	if e.pattern != nil {
		v.patterns = append(v.patterns, e)
		return
	}
	v.literal[key] = append(v.literal[key], e)
}

func newEndpoint(doc *openapi3.T, name, verb, path string, op *openapi3.Operation) *endpoint {
	e := &endpoint{name: name, verb: verb, query: strictObject()}
	open, _ := op.Extensions[extOpen].(bool)
	e.query.AdditionalProperties.Has = new(open)
	e.query.Properties = openapi3.Schemas{}
	for _, ref := range op.Parameters {
		of, _ := ref.Value.Extensions[extOf].(map[string]any)
		need, mine := of[name].(string)
		if !mine {
			continue
		}
		required := need == "required"
		switch p := ref.Value; {
		case p.In == openapi3.ParameterInPath:
		case p.In == openapi3.ParameterInHeader && required:
			e.headers = append(e.headers, p.Name)
		case p.In == openapi3.ParameterInQuery:
			key := strings.TrimSuffix(p.Name, "[]")
			e.query.Properties[key] = p.Schema
			if required {
				e.query.Required = append(e.query.Required, key)
			}
		}
	}
	if names := templateNames(path); len(names) > 0 {
		e.inPath, e.pattern = names, pathPattern(path)
	}
	if s := doc.Components.Schemas[componentName(name, "request")]; s != nil && op.RequestBody != nil {
		e.body = s.Value
		e.encoding = "application/json"
		if op.RequestBody.Value.Content[e.encoding] == nil {
			e.encoding = "application/x-www-form-urlencoded"
		}
	}
	if s := doc.Components.Schemas[componentName(name, "reply")]; s != nil {
		e.reply = s.Value
	}
	return e
}

func pathPattern(path string) *regexp.Regexp {
	var sb strings.Builder
	sb.WriteString("^")
	for path != "" {
		before, rest, ok := strings.Cut(path, "{")
		sb.WriteString(regexp.QuoteMeta(before))
		if !ok {
			break
		}
		sb.WriteString("([^/]+)")
		_, path, _ = strings.Cut(rest, "}")
	}
	return regexp.MustCompile(sb.String() + "$")
}

// Match finds the operation of a request with this body. Its error says that
// the profile has no such operation.
func (v *Validator) Match(r *http.Request, body []byte) (*Request, error) {
	path, ok := strings.CutPrefix(r.URL.EscapedPath(), v.base)
	if !ok {
		return nil, fmt.Errorf("%s %s: the path does not begin with %s", r.Method, r.URL.EscapedPath(), v.base)
	}
	var best *Request
	for _, e := range v.literal[r.Method+" "+path] {
		best = better(best, e.request(r, nil, body))
	}
	for _, e := range v.patterns {
		if best != nil && best.end.pattern == nil || e.verb != r.Method {
			continue
		}
		if m := e.pattern.FindStringSubmatch(path); m != nil {
			best = better(best, e.request(r, m[1:], body))
		}
	}
	if best == nil {
		return nil, fmt.Errorf("%s %s: no such operation", r.Method, r.URL.EscapedPath())
	}
	return best, nil
}

// better is the one of two readings of a request that fits better, and of two
// that fit the one that requires more.
func better(a, b *Request) *Request {
	if a == nil {
		return b
	}
	score := func(r *Request) int {
		if bad := len(r.complaints()); bad > 0 {
			return -bad
		}
		n := len(r.end.query.Required)
		if r.end.body != nil {
			n += len(r.end.body.Required)
		}
		return n
	}
	if score(b) > score(a) {
		return b
	}
	return a
}

func (e *endpoint) request(r *http.Request, inPath []string, body []byte) *Request {
	req := &Request{Operation: e.name, end: e, header: r.Header, Query: []byte("{}")}
	for i, s := range inPath {
		if req.Path == nil {
			req.Path = map[string]string{}
		}
		plain, err := url.PathUnescape(s)
		req.broken = cmp.Or(req.broken, err)
		req.Path[e.inPath[i]] = plain
	}
	if r.URL.RawQuery != "" {
		q, err := FormToJSON(r.URL.RawQuery, e.query)
		if err != nil {
			req.broken = fmt.Errorf("query: %w", err)
		} else {
			req.Query = q
		}
	}
	if e.body == nil {
		if len(body) > 0 {
			req.broken = errors.New("body: none is expected")
		}
		return req
	}
	req.Body = body
	if e.encoding == "application/x-www-form-urlencoded" {
		b, err := FormToJSON(string(body), e.body)
		if err != nil {
			req.broken = fmt.Errorf("body: %w", err)
		}
		req.Body = b
	}
	return req
}

// Check says what is wrong with a request; nil: nothing.
func (r *Request) Check() error { return errors.Join(r.complaints()...) }

func (r *Request) complaints() (errs []error) {
	add := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf(r.Operation+": "+format, args...))
	}
	if r.broken != nil {
		add("%w", r.broken)
		return errs
	}
	for _, h := range r.end.headers {
		if r.header.Get(h) == "" {
			add("header %s is missing", h)
		}
	}
	for _, e := range visit(r.end.query, r.Query) {
		add("query: %w", e)
	}
	if r.end.body == nil {
		return errs
	}
	if got, _, _ := mime.ParseMediaType(r.header.Get("Content-Type")); got != r.end.encoding {
		add("body: content type is %q, want %s", got, r.end.encoding)
	}
	for _, e := range visit(r.end.body, r.Body) {
		add("body: %w", e)
	}
	return errs
}

// CheckReply says what is wrong with a good answer to an operation.
func (v *Validator) CheckReply(operation string, body []byte) error {
	e := v.byName[operation]
	if e == nil {
		return fmt.Errorf("%s: no such operation", operation)
	}
	var errs []error
	for _, err := range visit(e.reply, body) {
		errs = append(errs, fmt.Errorf("%s: reply: %w", operation, err))
	}
	return errors.Join(errs...)
}

// visit checks a JSON text against a schema. What it says holds keys and no
// values.
func visit(s *openapi3.Schema, raw []byte) []error {
	var v any
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	if err := dec.Decode(&v); err != nil || dec.More() {
		return []error{errors.New("not JSON")}
	}
	err := s.VisitJSON(v, openapi3.MultiErrors())
	if err == nil {
		return nil
	}
	return explain(err)
}

func explain(err error) []error {
	var many openapi3.MultiError
	if m, ok := err.(openapi3.MultiError); ok {
		many = m
	}
	var out []error
	for _, e := range many {
		out = append(out, explain(e)...)
	}
	if many != nil {
		return out
	}
	var se *openapi3.SchemaError
	if !errors.As(err, &se) {
		return []error{errors.New("does not match its schema")}
	}
	at := strings.Join(se.JSONPointer(), ".")
	if at == "" {
		at = "(all)"
	}
	if se.SchemaField == "allOf" && se.Origin != nil { // a reference: what is wrong is inside
		var inner openapi3.MultiError
		if errors.As(errors.Unwrap(se.Origin), &inner) {
			return explain(inner)
		}
	}
	return []error{fmt.Errorf("%s: %s", at, cmp.Or(se.Reason, "does not match "+se.SchemaField))}
}
