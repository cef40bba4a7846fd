package wire

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Grade says how sure a statement about a wire is.
type Grade string

// The grades, surest first.
const (
	Documented Grade = "documented" // in a public reference or a vendor's page
	Observed   Grade = "observed"   // public client code does it
	Inferred   Grade = "inferred"   // follows from the former
	Assumed    Grade = "assumed"    // nobody knows: the reference contract
)

// Profile is the wire of one system as data: where its operations are, how a
// reply is wrapped, and under which paths each field of a record is found.
type Profile struct {
	Name       string          `json:"name"`
	Base       string          `json:"base"` // URL template; braces name settings
	Auth       Auth            `json:"auth"`
	Envelope   EnvelopeSpec    `json:"envelope"`
	Paging     Paging          `json:"paging"`
	Write      Format          `json:"write"`
	Update     string          `json:"update"` // patch or full
	Abilities  map[string]bool `json:"abilities"`
	Operations Operations      `json:"operations"`
	Records    Records         `json:"records"`
}

// Auth says how requests prove who they are. Credentials only ever travel in
// headers: an URL ends up in logs.
type Auth struct {
	Kind    string            `json:"kind"`    // basic, bearer or headers
	User    string            `json:"user"`    // template; of basic
	Secret  string            `json:"secret"`  // template; of basic and bearer
	Headers map[string]string `json:"headers"` // name to template; an empty value is left out
}

// EnvelopeSpec says where a reply keeps its parts; every entry is a list of
// candidate paths.
type EnvelopeSpec struct {
	Status     string   `json:"status"` // empty: the HTTP status alone decides
	Data       []string `json:"data"`
	ErrorCode  []string `json:"error_code"`
	ErrorText  []string `json:"error_text"`
	Fields     []string `json:"error_fields"`
	Cursor     []string `json:"cursor"`
	ServerTime []string `json:"server_time"`
}

// Paging says how lists are walked.
type Paging struct {
	Kind      string `json:"kind"` // cursor, page or none
	FirstPage int    `json:"first_page"`
	Size      int    `json:"size"`
	MaxPages  int    `json:"max_pages"` // a walk that meets it is incomplete
}

// Format says how values are written.
type Format struct {
	Numbers  string `json:"numbers"`  // number or string
	Dates    string `json:"dates"`    // rfc3339, datetime, date or epoch
	Booleans string `json:"booleans"` // bool or int
}

// Operation is one call of the API.
type Operation struct {
	Verb     string            `json:"verb"`
	Path     string            `json:"path"`
	Encoding string            `json:"encoding"` // of the body: json or form
	Params   map[string]string `json:"params"`   // our name to the wire's
	Required []string          `json:"required"`
	Open     bool              `json:"open"` // passes parameters that are not listed
	Headers  map[string]string `json:"headers"`
	Body     string            `json:"body"`   // record that is sent
	Record   string            `json:"record"` // record that is answered
	List     bool              `json:"list"`
	Partial  bool              `json:"partial"`    // its elements may be a short form: only their key is required
	At       []string          `json:"at"`         // where the reply keeps it, if not at the envelope's data
	Size     int               `json:"size"`       // page size, if not the profile's
	Writes   bool              `json:"write"`      // changes something there
	Repeat   bool              `json:"repeatable"` // doing it twice is doing it once
	Grade    Grade             `json:"grade"`
	Confirm  *Confirmation     `json:"confirmed"`
}

// Confirmation is a person's word that an assumed operation does what the
// profile says.
type Confirmation struct {
	By       string `json:"by"`
	Date     string `json:"date"`
	Evidence string `json:"evidence"`
}

// FieldSpec lists where a field is found: the first path is written, all are
// read. No path at all means that the site does not have the field.
type FieldSpec struct {
	Paths []string `json:"paths"`
	Grade Grade    `json:"grade"`
}

// Operations maps a name to an operation; decoding merges into what is there.
type Operations map[string]*Operation

// Records maps a record and a field to its paths; decoding merges likewise.
type Records map[string]Fields

// Fields maps the fields of one record.
type Fields map[string]*FieldSpec

// UnmarshalJSON merges operation by operation; null takes one away.
func (o *Operations) UnmarshalJSON(b []byte) error {
	return merge((*map[string]*Operation)(o), b, "operation", func(have **Operation, raw []byte) error {
		return strict(raw, have)
	})
}

// UnmarshalJSON merges record by record; null takes one away.
func (r *Records) UnmarshalJSON(b []byte) error {
	return merge((*map[string]Fields)(r), b, "record", (*Fields).UnmarshalJSON)
}

// UnmarshalJSON merges field by field; null takes one away.
func (f *Fields) UnmarshalJSON(b []byte) error {
	return merge((*map[string]*FieldSpec)(f), b, "field", func(have **FieldSpec, raw []byte) error {
		if raw[0] != '[' {
			return strict(raw, have)
		}
		if *have == nil { // the short form: paths alone
			*have = new(FieldSpec)
		}
		(*have).Paths = nil
		return json.Unmarshal(raw, &(*have).Paths)
	})
}

func merge[V any](into *map[string]V, b []byte, what string, apply func(*V, []byte) error) error {
	var in map[string]json.RawMessage
	if err := json.Unmarshal(b, &in); err != nil {
		return err
	}
	if *into == nil {
		*into = make(map[string]V, len(in))
	}
	for _, name := range slices.Sorted(maps.Keys(in)) {
		have, ok := (*into)[name]
		raw := bytes.TrimSpace(in[name])
		switch null := string(raw) == "null"; {
		case null && !ok:
			return fmt.Errorf("%s %s: there is none that null could take away", what, name)
		case null:
			delete(*into, name)
			continue
		}
		if err := apply(&have, raw); err != nil {
			return fmt.Errorf("%s %s: %w", what, name, err)
		}
		(*into)[name] = have
	}
	return nil
}

func strict(b []byte, v any) error {
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); err != nil {
		return err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return errors.New("more than one JSON value")
	}
	return nil
}

// Spec is what a client knows: a profile may not name anything else.
type Spec struct {
	Records    []RecordInfo
	Operations []string // every operation a profile may have
	Abilities  []string
	Settings   []string // names that templates may use
}

// LoadProfile reads the embedded default and merges the override, which may be
// empty, over it. All that is wrong is reported in one error, by name.
func LoadProfile(base, override []byte, spec Spec) (*Profile, error) {
	p, def := new(Profile), new(Profile)
	for _, into := range []*Profile{p, def} {
		if err := strict(base, into); err != nil {
			return nil, fmt.Errorf("default profile: %w", err)
		}
	}
	if len(bytes.TrimSpace(override)) > 0 {
		if err := strict(override, p); err != nil {
			return nil, fmt.Errorf("profile: %w", err)
		}
	}
	for _, op := range p.Operations {
		maps.DeleteFunc(op.Params, func(_, wireName string) bool { return wireName == "" }) // taken away
	}
	if err := p.validate(spec, def); err != nil {
		return nil, fmt.Errorf("profile %q: %w", p.Name, err)
	}
	return p, nil
}

// Has reports whether the profile claims an ability.
func (p *Profile) Has(ability string) bool { return p.Abilities[ability] }

// Unconfirmed lists the operations among names whose writes are only assumed
// and that no person has confirmed.
func (p *Profile) Unconfirmed(names ...string) []string {
	var out []string
	for _, n := range names {
		if op := p.Operations[n]; op != nil && op.Writes && op.Grade == Assumed && op.Confirm == nil {
			out = append(out, n)
		}
	}
	return out
}

// Writes lists the operations that change something, sorted.
func (p *Profile) Writes() []string {
	var out []string
	for _, n := range slices.Sorted(maps.Keys(p.Operations)) {
		if p.Operations[n].Writes {
			out = append(out, n)
		}
	}
	return out
}

// Paths returns the candidate paths of a field.
func (p *Profile) Paths(record, field string) []string {
	if f := p.Records[record][field]; f != nil {
		return f.Paths
	}
	return nil
}

// ItemPaths says where a reply of op keeps its record or list.
func (p *Profile) ItemPaths(op *Operation) []string {
	if len(op.At) > 0 {
		return op.At
	}
	return p.Envelope.Data
}

// PageSize returns the number of elements to ask for.
func (p *Profile) PageSize(op *Operation) int {
	if op.Size > 0 {
		return op.Size
	}
	return p.Paging.Size
}

// Expand replaces {name} by lookup(name).
func Expand(template string, lookup func(string) string) string {
	var sb strings.Builder
	for {
		before, rest, ok := strings.Cut(template, "{")
		sb.WriteString(before)
		if !ok {
			return sb.String()
		}
		name, after, _ := strings.Cut(rest, "}")
		sb.WriteString(lookup(name))
		template = after
	}
}

// templateNames lists the names a template uses.
func templateNames(t string) (names []string) {
	Expand(t, func(n string) string { names = append(names, n); return "" })
	return names
}

// TemplateNames lists the names that path and headers use.
func (op *Operation) TemplateNames() []string {
	names := templateNames(op.Path)
	for _, h := range slices.Sorted(maps.Keys(op.Headers)) {
		names = append(names, templateNames(op.Headers[h])...)
	}
	return names
}

// Time writes an instant as the profile says; loc is the zone of dates that
// carry none.
func (p *Profile) Time(t time.Time, loc *time.Location) string {
	switch p.Write.Dates {
	case "epoch":
		return strconv.FormatInt(t.Unix(), 10)
	case "date":
		return t.In(loc).Format(time.DateOnly)
	case "datetime":
		return t.In(loc).Format(time.DateTime)
	}
	return t.Format(time.RFC3339)
}
