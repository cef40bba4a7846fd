package wire

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tidwall/gjson"
)

// Codec reads and writes records of type T by one profile. It is safe for
// concurrent use.
type Codec[T any] struct {
	schema *Schema[T]
	fields []bound[T]
	reads  [][]*node // by field: its candidates
	root   *node
	slots  int
	states sync.Pool // of *state
}

// Compile joins a schema with a profile. loc is the zone of dates that carry
// none. It fails when two fields would be written under the same path.
func Compile[T any](s *Schema[T], p *Profile, loc *time.Location) (*Codec[T], error) {
	return compile(s, &binder{profile: p, loc: loc})
}

func compile[T any](s *Schema[T], b *binder) (*Codec[T], error) {
	c := &Codec[T]{schema: s, root: newNode("")}
	c.states.New = func() any { return new(state) }
	for i, f := range s.Fields {
		bf, err := f.bind(b)
		if err != nil {
			return nil, err
		}
		var reads []*node
		for rank, path := range b.profile.Paths(s.Record, f.Name) {
			n, err := c.enter(i, path, rank == 0)
			if err != nil {
				return nil, fmt.Errorf("record %s: %w", s.Record, err)
			}
			reads = append(reads, n)
		}
		c.fields, c.reads = append(c.fields, bf), append(c.reads, reads)
	}
	return c, nil
}

// node is a key in the tree of candidate paths of one record: each path is
// read, a field's first one is written.
type node struct {
	path     string
	quoted   []byte // "key":
	children map[string]*node
	slot     int     // where the value is kept while its record is read; -1: nobody reads it
	written  []*node // the children that are written
	field    int     // that is written here; -1: none
}

func newNode(key string) *node {
	return &node{quoted: append(gjson.AppendJSONString(nil, key), ':'), children: map[string]*node{}, slot: -1, field: -1}
}

// enter adds a path of a field to the tree.
func (c *Codec[T]) enter(field int, path string, written bool) (*node, error) {
	n, name := c.root, c.schema.Fields[field].Name
	for key := range strings.SplitSeq(path, ".") {
		next := n.children[key]
		if next == nil {
			next = newNode(key)
			n.children[key] = next
		}
		if written && n.field >= 0 {
			return nil, fmt.Errorf("fields %s and %s would be written to the same place", c.schema.Fields[n.field].Name, name)
		}
		if written && !slices.Contains(n.written, next) {
			n.written = append(n.written, next)
		}
		n = next
	}
	if n.slot < 0 {
		n.path, n.slot = path, c.slots
		c.slots++
	}
	if written && (n.field >= 0 || len(n.written) > 0) {
		return nil, fmt.Errorf("field %s would be written where another field already is", name)
	}
	if written {
		n.field = field
	}
	return n, nil
}

// Decode reads a whole record: every required field must be there. The error
// is a *FieldError. raw must be valid JSON, as an [Envelope] hands it out.
func (c *Codec[T]) Decode(raw []byte) (T, error) { return c.decodeTop(raw, false) }

// DecodePartial reads a record of a list, which may be a short form: only its
// key must be there.
func (c *Codec[T]) DecodePartial(raw []byte) (T, error) { return c.decodeTop(raw, true) }

func (c *Codec[T]) decodeTop(raw []byte, partial bool) (T, error) {
	var rec T
	s := c.states.Get().(*state)
	defer c.states.Put(s)
	s.partial, s.problems = partial, nil
	// One copy: raw may be reused by the caller, the texts of rec point into it.
	err := c.decodeInto(&rec, gjson.Parse(string(raw)), s)
	if c.schema.Meta != nil {
		c.schema.Meta(&rec).Problems = s.problems
	}
	return rec, err
}

// state is that of one decoding; it reaches into nested records.
type state struct {
	partial  bool
	values   []gjson.Result // by slot, of each record that is being read
	problems []FieldError
}

func (c *Codec[T]) decodeInto(rec *T, v gjson.Result, s *state) error {
	if !v.IsObject() {
		return &FieldError{Record: c.schema.Record, Field: "(record)", Reason: mismatch("an object", v).Error()}
	}
	base := len(s.values)
	s.values = slices.Grow(s.values, c.slots)[:base+c.slots] // all zero, as they are left
	var meta *Meta
	if c.schema.Meta != nil {
		meta = c.schema.Meta(rec)
	}
	c.gather(c.root, v, s.values[base:], meta)
	var first error
	for i := range c.fields { // all of them: an error is to show the key
		if fe := c.decodeField(i, rec, base, s); fe != nil && first == nil {
			first = fe
		}
	}
	clear(s.values[base:])
	s.values = s.values[:base]
	if first == nil && c.schema.Check != nil && !s.partial {
		if fe := c.schema.Check(rec); fe != nil {
			return fe
		}
	}
	return first
}

// gather puts the values of an object where the fields look for them.
func (c *Codec[T]) gather(n *node, v gjson.Result, values []gjson.Result, meta *Meta) {
	v.ForEach(func(k, val gjson.Result) bool {
		child := n.children[k.Str]
		switch {
		case child != nil:
			if child.slot >= 0 && values[child.slot].Type == gjson.Null {
				values[child.slot] = val
			}
			if len(child.children) > 0 {
				if in := Embedded(val); in.IsObject() {
					c.gather(child, in, values, nil)
				}
			}
		case meta != nil:
			if meta.Extra == nil {
				meta.Extra = make(map[string]json.RawMessage)
			}
			meta.Extra[k.Str] = json.RawMessage(val.Raw)
		}
		return true
	})
}

// decodeField reads the first candidate that is there and not null. It returns
// what keeps the record from being used, and lists any other problem.
func (c *Codec[T]) decodeField(i int, rec *T, base int, s *state) *FieldError {
	f, kind := &c.fields[i], c.schema.Fields[i].Kind
	var err error
	null, found, mark := false, false, len(s.problems)
	for _, n := range c.reads[i] {
		v := s.values[base+n.slot]
		switch {
		case !v.Exists() || len(n.children) > 0 && !isValue(kind, Embedded(v)):
			continue
		case isAbsent(kind, v):
			null = true
			continue
		}
		found, err = true, f.decode(rec, v, s)
		break
	}
	if null && !found {
		f.null(rec)
	}
	need := c.schema.Fields[i].Need
	needed := need == Key || need == Required && !s.partial
	if err == nil && (found || !needed) {
		return nil
	}
	fe := &FieldError{Record: c.schema.Record, Field: c.schema.Fields[i].Name, Reason: "missing"}
	for _, n := range c.reads[i] {
		fe.Candidates = append(fe.Candidates, n.path)
	}
	if err != nil {
		fe.Reason = err.Error()
		var inner *FieldError
		if errors.As(err, &inner) { // name the place inside, once
			fe.Field, fe.Candidates, fe.Reason = fe.Field+"."+inner.Field, inner.Candidates, inner.Reason
		}
	}
	if needed {
		return fe
	}
	s.problems = append(s.problems[:mark], *fe)
	return nil
}

// isValue reports whether a value whose path others extend is one itself, and
// not the object that they are in, which PHP writes as [] when it is empty.
func isValue(kind Kind, v gjson.Result) bool {
	switch kind {
	case KindObject, KindMap:
		return true
	case KindList, KindTexts:
		return !v.IsObject() || numericKeys(v)
	}
	return !v.IsObject() && !isEmpty(v)
}

func (c *Codec[T]) decodeList(into *[]T, v gjson.Result, s *state) error {
	*into = nil
	out := []T{}
	var err error
	if !eachElement(v, func(e gjson.Result) bool {
		var rec T
		if err = c.decodeInto(&rec, Embedded(e), s); err != nil {
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

// Append appends rec as a JSON object: every set or null field under its first
// candidate path.
func (c *Codec[T]) Append(dst []byte, rec *T) []byte {
	dst, _ = c.append(dst, rec)
	return dst
}

func (c *Codec[T]) append(dst []byte, rec *T) ([]byte, bool) {
	return c.appendNode(dst, c.root, rec)
}

func (c *Codec[T]) appendNode(dst []byte, of *node, rec *T) ([]byte, bool) {
	dst = append(dst, '{')
	any := false
	for _, n := range of.written {
		mark := len(dst)
		if any {
			dst = append(dst, ',')
		}
		dst = append(dst, n.quoted...)
		ok := false
		if n.field >= 0 {
			dst, ok = c.fields[n.field].append(dst, rec)
		} else {
			dst, ok = c.appendNode(dst, n, rec)
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
