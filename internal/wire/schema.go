package wire

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/shopspring/decimal"
	"github.com/tidwall/gjson"
)

// Kind is the type of a field on the wire.
type Kind string

// The kinds.
const (
	KindID      Kind = "id"
	KindText    Kind = "text"
	KindBool    Kind = "boolean"
	KindDecimal Kind = "decimal"
	KindAmount  Kind = "amount"
	KindTime    Kind = "time"
	KindTexts   Kind = "texts"
	KindMap     Kind = "map"
	KindObject  Kind = "object"
	KindList    Kind = "list"
)

// Need says when a field must be there.
type Need int

// The needs.
const (
	Optional Need = iota
	Required      // in a whole record
	Key           // in every record, also in the short form of a list
)

// FieldInfo describes a field without its Go type.
type FieldInfo struct {
	Name   string
	Kind   Kind
	Need   Need
	Record string // of KindObject and KindList
}

// RecordInfo describes a record without its Go type.
type RecordInfo struct {
	Name   string
	Fields []FieldInfo
}

// Meta is what a record keeps beside its typed fields.
type Meta struct {
	// Extra holds the fields that the profile does not name, as they came.
	Extra map[string]json.RawMessage
	// Problems lists optional fields that were there and could not be read;
	// they are treated as absent.
	Problems []FieldError
}

// FieldError says which field of a record is missing or malformed.
type FieldError struct {
	Record     string
	Field      string
	Candidates []string // the paths that were tried
	Reason     string   // the value's shape, never its content
}

// Error implements error.
func (e *FieldError) Error() string {
	s := e.Record + "." + e.Field + ": " + e.Reason
	if len(e.Candidates) > 0 {
		s += " (tried " + strings.Join(e.Candidates, ", ") + ")"
	}
	return s
}

// Schema lists the fields of the Go record T. Declare it once; it compiles
// with a profile to a [Codec].
type Schema[T any] struct {
	Record string
	Fields []Field[T]
	Meta   func(*T) *Meta // nil: unknown fields are dropped
	// Check looks at a whole record after its fields were read.
	Check func(*T) *FieldError
}

// Record is a [Schema] of any type.
type Record interface {
	Info() RecordInfo
	// Bind compiles it to a *Codec of its type.
	Bind(p *Profile, loc *time.Location) (any, error)
}

// Bind implements [Record].
func (s *Schema[T]) Bind(p *Profile, loc *time.Location) (any, error) { return Compile(s, p, loc) }

// Info describes the schema.
func (s *Schema[T]) Info() RecordInfo {
	info := RecordInfo{Name: s.Record}
	for _, f := range s.Fields {
		info.Fields = append(info.Fields, f.FieldInfo)
	}
	return info
}

// Field is one field of a record of type T.
type Field[T any] struct {
	FieldInfo
	personal bool
	bind     func(*binder) (bound[T], error)
}

// Required marks a field that a whole record must have.
func (f Field[T]) Required() Field[T] { f.Need = Required; return f }

// Key marks a field that every record must have.
func (f Field[T]) Key() Field[T] { f.Need = Key; return f }

// Personal marks a field whose value is masked in error texts.
func (f Field[T]) Personal() Field[T] { f.personal = true; return f }

// binder is what a field needs to become runnable.
type binder struct {
	profile *Profile
	loc     *time.Location
}

// bound is a field that is ready to run.
type bound[T any] struct {
	decode   func(*T, gjson.Result, *state) error // leaves the field absent when it fails
	null     func(*T)
	append   func([]byte, *T) ([]byte, bool)
	personal func(*T, *[]string) // what the records in it hold of a person; may be nil
}

// field builds a field that holds a V; null is what a null is read as.
func field[T, V any](name string, kind Kind, get func(*T) *V, null V,
	read func(gjson.Result, *binder) (V, error), write func([]byte, V, *binder) ([]byte, bool)) Field[T] {
	return Field[T]{FieldInfo: FieldInfo{Name: name, Kind: kind}, bind: func(b *binder) (bound[T], error) {
		return bound[T]{
			decode: func(r *T, v gjson.Result, _ *state) error {
				x, err := read(v, b)
				if err != nil {
					x = *new(V)
				}
				*get(r) = x
				return err
			},
			null:   func(r *T) { *get(r) = null },
			append: func(dst []byte, r *T) ([]byte, bool) { return write(dst, *get(r), b) },
		}, nil
	}}
}

// optional builds a field that is held in an Opt.
func optional[T, V any](name string, kind Kind, get func(*T) *Opt[V],
	read func(gjson.Result, *binder) (V, error), write func([]byte, V, *binder) []byte) Field[T] {
	return field(name, kind, get, Null[V](),
		func(v gjson.Result, b *binder) (Opt[V], error) {
			x, err := read(v, b)
			return Some(x), err
		},
		func(dst []byte, o Opt[V], b *binder) ([]byte, bool) {
			switch {
			case o.set:
				return write(dst, o.value, b), true
			case o.null:
				return append(dst, "null"...), true
			}
			return dst, false
		})
}

// plain builds a field whose zero value means absent.
func plain[T, V any](name string, kind Kind, get func(*T) *V, empty func(V) bool,
	read func(gjson.Result, *binder) (V, error), write func([]byte, V, *binder) []byte) Field[T] {
	return field(name, kind, get, *new(V), read, func(dst []byte, v V, b *binder) ([]byte, bool) {
		if empty(v) {
			return dst, false
		}
		return write(dst, v, b), true
	})
}

func emptyText(s string) bool { return s == "" }

// ID is an identifier: kept and compared as text, in the spelling it came in.
func ID[T any](name string, get func(*T) *string) Field[T] {
	return plain(name, KindID, get, emptyText, readID, writeText)
}

// OptID is an identifier that may be absent or null.
func OptID[T any](name string, get func(*T) *Opt[string]) Field[T] {
	return optional(name, KindID, get, readID, writeText)
}

// String is a text whose absence is the empty text.
func String[T any](name string, get func(*T) *string) Field[T] {
	return plain(name, KindText, get, emptyText, readText, writeText)
}

// Text is a text that may be absent or null.
func Text[T any](name string, get func(*T) *Opt[string]) Field[T] {
	return optional(name, KindText, get, readText, writeText)
}

// Bool is a boolean that may be absent or null.
func Bool[T any](name string, get func(*T) *Opt[bool]) Field[T] {
	return optional(name, KindBool, get, readBool, writeBool)
}

// Decimal is a number that is no amount of money: a quantity, a rate.
func Decimal[T any](name string, get func(*T) *Opt[decimal.Decimal]) Field[T] {
	return optional(name, KindDecimal, get, readDecimal, writeDecimal)
}

// Amount is a sum of money in the record's currency, written with at least two
// decimals.
func Amount[T any](name string, get func(*T) *Opt[decimal.Decimal]) Field[T] {
	return optional(name, KindAmount, get, readDecimal, writeAmount)
}

// Time is an instant; the zero time means absent.
func Time[T any](name string, get func(*T) *time.Time) Field[T] {
	return plain(name, KindTime, get, time.Time.IsZero, readTime, writeTime)
}

// Texts is a list of texts; nil means absent.
func Texts[T any](name string, get func(*T) *[]string) Field[T] {
	return plain(name, KindTexts, get, func(v []string) bool { return v == nil }, readTexts, writeTexts)
}

// Map is an object of texts, such as the options of a variant; nil means absent.
func Map[T any](name string, get func(*T) *map[string]string) Field[T] {
	return plain(name, KindMap, get, func(m map[string]string) bool { return m == nil }, readMap, writeMap)
}

// Object is a nested record.
func Object[T, E any](name string, s *Schema[E], get func(*T) *E) Field[T] {
	return Field[T]{FieldInfo: FieldInfo{Name: name, Kind: KindObject, Record: s.Record}, bind: func(b *binder) (bound[T], error) {
		c, err := compile(s, b)
		return bound[T]{
			decode: func(r *T, v gjson.Result, s *state) error {
				*get(r) = *new(E)
				err := c.decodeInto(get(r), Embedded(v), s)
				if err != nil {
					*get(r) = *new(E)
				}
				return err
			},
			null:     func(r *T) { *get(r) = *new(E) },
			append:   func(dst []byte, r *T) ([]byte, bool) { return c.append(dst, get(r)) },
			personal: func(r *T, out *[]string) { c.collect(get(r), out) },
		}, err
	}}
}

// List is a list of nested records; nil means absent.
func List[T, E any](name string, s *Schema[E], get func(*T) *[]E) Field[T] {
	return Field[T]{FieldInfo: FieldInfo{Name: name, Kind: KindList, Record: s.Record}, bind: func(b *binder) (bound[T], error) {
		c, err := compile(s, b)
		return bound[T]{
			decode: func(r *T, v gjson.Result, s *state) error { return c.decodeList(get(r), v, s) },
			null:   func(r *T) { *get(r) = nil },
			append: func(dst []byte, r *T) ([]byte, bool) { return c.appendList(dst, *get(r)) },
			personal: func(r *T, out *[]string) {
				for i := range *get(r) {
					c.collect(&(*get(r))[i], out)
				}
			},
		}, err
	}}
}
