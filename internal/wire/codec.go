package wire

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/tidwall/gjson"
)

// maxFields bounds the fields of one record, so that decoding keeps its state
// on the stack.
const maxFields = 64

// Codec reads and writes records of type T by one profile. It is safe for
// concurrent use.
type Codec[T any] struct {
	schema *Schema[T]
	paths  [][]string // by field
	fields []bound[T]
	root   *node
	writes []encNode
}

// Compile joins a schema with a profile. loc is the zone of dates that carry
// none. It fails when two fields would be written under the same path.
func Compile[T any](s *Schema[T], p *Profile, loc *time.Location) (*Codec[T], error) {
	return compile(s, &binder{profile: p, loc: loc})
}

func compile[T any](s *Schema[T], b *binder) (*Codec[T], error) {
	if len(s.Fields) > maxFields {
		return nil, fmt.Errorf("record %s has more than %d fields", s.Record, maxFields)
	}
	c := &Codec[T]{schema: s, root: &node{}}
	for i, f := range s.Fields {
		bf, err := f.bind(b)
		if err != nil {
			return nil, err
		}
		paths := b.profile.Paths(s.Record, f.Name)
		c.fields, c.paths = append(c.fields, bf), append(c.paths, paths)
		for rank, path := range paths {
			c.root.add(path, leaf{field: i, rank: uint8(min(rank, worst-1))})
		}
	}
	var err error
	if c.writes, err = encodePlan(s.Record, s.Info().Fields, c.paths); err != nil {
		return nil, err
	}
	return c, nil
}

// Decode reads a whole record: every required field must be there. The error
// is a *FieldError. raw must be valid JSON, as an [Envelope] hands it out.
func (c *Codec[T]) Decode(raw []byte) (T, error) { return c.decodeTop(raw, false) }

// DecodePartial reads a record of a list, which may be a short form: only its
// key must be there.
func (c *Codec[T]) DecodePartial(raw []byte) (T, error) { return c.decodeTop(raw, true) }

func (c *Codec[T]) decodeTop(raw []byte, partial bool) (T, error) {
	var rec T
	p := &pass{partial: partial}
	// One copy: raw may be reused by the caller, the texts of rec point into it.
	err := c.decodeInto(&rec, gjson.Parse(string(raw)), p)
	if c.schema.Meta != nil {
		c.schema.Meta(&rec).Problems = p.problems
	}
	return rec, err
}

// What is known of a field while its record is read: a rank, or one of these.
const (
	worst   = 200 // ranks from here on don't occur
	onlyNil = 254 // present, null so far
	unseen  = 255
)

// decoding is the state of one record.
type decoding[T any] struct {
	c      *Codec[T]
	rec    *T
	pass   *pass
	rank   [maxFields]uint8
	odd    map[int]outcome // of the fields that were not read without complaint
	extras *Meta
}

// outcome is what decoding a field has complained about.
type outcome struct {
	err    error
	inside []FieldError // optional fields of the record in it
}

func (c *Codec[T]) decodeInto(rec *T, v gjson.Result, p *pass) error {
	if !v.IsObject() {
		return &FieldError{Record: c.schema.Record, Field: "(record)", Reason: mismatch("an object", v).Error()}
	}
	d := decoding[T]{c: c, rec: rec, pass: p}
	for i := range c.fields {
		d.rank[i] = unseen
	}
	if c.schema.Meta != nil {
		d.extras = c.schema.Meta(rec)
	}
	d.walk(c.root, v, true)
	if err := d.finish(); err != nil {
		return err
	}
	if c.schema.Check != nil && !p.partial {
		if err := c.schema.Check(rec); err != nil {
			return err
		}
	}
	return nil
}

func (d *decoding[T]) walk(n *node, v gjson.Result, top bool) {
	v.ForEach(func(k, val gjson.Result) bool {
		if child := n.children[k.Str]; child != nil {
			d.visit(child, val)
		} else if top && d.extras != nil {
			if d.extras.Extra == nil {
				d.extras.Extra = make(map[string]json.RawMessage)
			}
			d.extras.Extra[k.Str] = json.RawMessage(val.Raw)
		}
		return true
	})
}

func (d *decoding[T]) visit(n *node, v gjson.Result) {
	e := v
	if len(n.children) > 0 {
		if e = Embedded(v); e.IsObject() {
			d.walk(n, e, false)
		}
	}
	for _, l := range n.leaves {
		if len(n.children) == 0 || d.isValue(l.field, e) {
			d.take(l, v)
		}
	}
}

// isValue reports whether a value whose path others extend is one itself, and
// not the object that they are in, which PHP writes as [] when it is empty.
func (d *decoding[T]) isValue(field int, v gjson.Result) bool {
	switch d.c.schema.Fields[field].Kind {
	case KindObject, KindMap:
		return true
	case KindList, KindTexts:
		return !v.IsObject() || numericKeys(v)
	}
	return !v.IsObject() && !isEmptyList(v)
}

// take gives a field one of its candidates. The first candidate that is there
// and not null wins, in whichever order the reply has them.
func (d *decoding[T]) take(l leaf, v gjson.Result) {
	have := d.rank[l.field]
	f := &d.c.fields[l.field]
	switch {
	case have <= l.rank:
	case isAbsent(d.c.schema.Fields[l.field].Kind, v):
		if have == unseen {
			f.null(d.rec)
			d.rank[l.field] = onlyNil
		}
	default:
		d.rank[l.field] = l.rank
		mark := len(d.pass.problems)
		o := outcome{err: f.decode(d.rec, v, d.pass)}
		o.inside = slices.Clone(d.pass.problems[mark:])
		d.pass.problems = d.pass.problems[:mark]
		delete(d.odd, l.field) // what a later candidate complained about
		if o.err != nil || len(o.inside) > 0 {
			if d.odd == nil {
				d.odd = make(map[int]outcome)
			}
			d.odd[l.field] = o
		}
	}
}

// finish refuses a record that lacks a required field and lists the optional
// fields that could not be read.
func (d *decoding[T]) finish() error {
	for i, f := range d.c.schema.Fields {
		need := f.Need == Key || (f.Need == Required && !d.pass.partial)
		o := d.odd[i]
		if o.err == nil && (!need || d.rank[i] < worst) {
			d.pass.problems = append(d.pass.problems, o.inside...)
			continue
		}
		fe := &FieldError{Record: d.c.schema.Record, Field: f.Name, Candidates: d.c.paths[i], Reason: "missing"}
		if o.err != nil {
			fe.Reason = o.err.Error()
			var inner *FieldError
			if errors.As(o.err, &inner) { // name the place inside, once
				fe.Field, fe.Candidates, fe.Reason = f.Name+"."+inner.Field, inner.Candidates, inner.Reason
			}
		}
		if need {
			return fe
		}
		d.pass.problems = append(d.pass.problems, *fe)
	}
	return nil
}

func (c *Codec[T]) decodeList(into *[]T, v gjson.Result, p *pass) error {
	*into = nil
	out := []T{}
	var err error
	if !eachElement(v, func(e gjson.Result) bool {
		var rec T
		if err = c.decodeInto(&rec, Embedded(e), p); err != nil {
			var fe *FieldError
			if errors.As(err, &fe) {
				at := *fe
				at.Field = fmt.Sprintf("%d.%s", len(out), fe.Field)
				err = &at
			}
			return false
		}
		out = append(out, rec)
		return true
	}) {
		return mismatch("a list", v)
	}
	if err == nil {
		*into = out
	}
	return err
}

// Key returns the value of the record's key field.
func (c *Codec[T]) Key(rec *T) string {
	for i, f := range c.schema.Fields {
		if f.Need == Key {
			b, _ := c.fields[i].append(nil, rec)
			return gjson.ParseBytes(b).String()
		}
	}
	return ""
}

// Personal returns the values of rec that belong to a person, so that they can
// be masked in texts that a server sends back.
func (c *Codec[T]) Personal(rec *T) []string {
	var out []string
	c.collect(rec, &out)
	return out
}

func (c *Codec[T]) collect(rec *T, out *[]string) {
	for i, f := range c.schema.Fields {
		switch inside := c.fields[i].personal; {
		case f.personal:
			if b, ok := c.fields[i].append(nil, rec); ok {
				collectTexts(gjson.ParseBytes(b), out)
			}
		case inside != nil:
			inside(rec, out)
		}
	}
}

func collectTexts(v gjson.Result, out *[]string) {
	if v.IsObject() || v.IsArray() {
		v.ForEach(func(_, e gjson.Result) bool { collectTexts(e, out); return true })
		return
	}
	if v.Type != gjson.String && v.Type != gjson.Number {
		return
	}
	if s := textOf(v); len(s) >= minPersonal {
		*out = append(*out, s)
	}
}

// minPersonal is the shortest value worth masking; a province of two letters
// would tear every sentence apart.
const minPersonal = 4

// encNode is a key of the JSON object that Encode writes.
type encNode struct {
	key      string
	quoted   []byte // "key":
	field    int    // -1: has children
	children []encNode
}

// encodePlan lays out the first candidate of every field as one object.
func encodePlan(record string, fields []FieldInfo, paths [][]string) ([]encNode, error) {
	root := &encNode{field: -1}
	for i, p := range paths {
		if len(p) == 0 {
			continue
		}
		n := root
		for key := range splitPath(p[0]) {
			if n.field >= 0 {
				return nil, fmt.Errorf("record %s: fields %s and %s would be written to the same place", record, fields[n.field].Name, fields[i].Name)
			}
			n = n.child(key)
		}
		if n.field >= 0 || len(n.children) > 0 {
			return nil, fmt.Errorf("record %s: field %s would be written where another field already is", record, fields[i].Name)
		}
		n.field = i
	}
	return root.children, nil
}

func (n *encNode) child(key string) *encNode {
	i := slices.IndexFunc(n.children, func(c encNode) bool { return c.key == key })
	if i < 0 {
		quoted := append(gjson.AppendJSONString(nil, key), ':')
		n.children = append(n.children, encNode{key: key, quoted: quoted, field: -1})
		i = len(n.children) - 1
	}
	return &n.children[i]
}

// Append appends rec as a JSON object: every set or null field under its first
// candidate path.
func (c *Codec[T]) Append(dst []byte, rec *T) []byte {
	dst, _ = c.append(dst, rec)
	return dst
}

func (c *Codec[T]) append(dst []byte, rec *T) ([]byte, bool) {
	return c.appendNodes(dst, c.writes, rec)
}

func (c *Codec[T]) appendNodes(dst []byte, nodes []encNode, rec *T) ([]byte, bool) {
	dst = append(dst, '{')
	any := false
	for i := range nodes {
		n := &nodes[i]
		mark := len(dst)
		if any {
			dst = append(dst, ',')
		}
		dst = append(dst, n.quoted...)
		ok := false
		if n.field >= 0 {
			dst, ok = c.fields[n.field].append(dst, rec)
		} else {
			dst, ok = c.appendNodes(dst, n.children, rec)
		}
		if !ok {
			dst = dst[:mark]
		}
		any = any || ok
	}
	return append(dst, '}'), any
}

func (c *Codec[T]) appendList(dst []byte, recs []T) ([]byte, bool) {
	if recs == nil {
		return dst, false
	}
	dst = append(dst, '[')
	for i := range recs {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst, _ = c.append(dst, &recs[i])
	}
	return append(dst, ']'), true
}

func writeMap(dst []byte, m map[string]string, _ *binder) []byte {
	dst = append(dst, '{')
	for i, k := range slices.Sorted(maps.Keys(m)) {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(gjson.AppendJSONString(dst, k), ':')
		dst = gjson.AppendJSONString(dst, m[k])
	}
	return append(dst, '}')
}
