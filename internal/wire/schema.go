package wire

import (
	"encoding/json"
	"strconv"
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
	decode   func(*T, gjson.Result, *pass) error // leaves the field absent when it fails
	null     func(*T)
	append   func([]byte, *T) ([]byte, bool)
	personal func(*T, *[]string) // what the records in it hold of a person; may be nil
}

// pass is the state of one decoding that reaches into nested records.
type pass struct {
	partial  bool
	problems []FieldError
}

// optional builds a field that is held in an Opt.
func optional[T, V any](name string, kind Kind, get func(*T) *Opt[V],
	decode func(gjson.Result, *binder) (V, error), write func([]byte, V, *binder) []byte) Field[T] {
	return Field[T]{FieldInfo: FieldInfo{Name: name, Kind: kind}, bind: func(b *binder) (bound[T], error) {
		return bound[T]{
			decode: func(r *T, v gjson.Result, _ *pass) error {
				x, err := decode(v, b)
				if err != nil {
					*get(r) = Opt[V]{}
					return err
				}
				*get(r) = Some(x)
				return nil
			},
			null: func(r *T) { *get(r) = Null[V]() },
			append: func(dst []byte, r *T) ([]byte, bool) {
				o := get(r)
				switch o.state {
				case optSet:
					return write(dst, o.value, b), true
				case optNull:
					return append(dst, "null"...), true
				}
				return dst, false
			},
		}, nil
	}}
}

// plain builds a field whose zero value means absent.
func plain[T any, V any](name string, kind Kind, get func(*T) *V, empty func(V) bool,
	decode func(gjson.Result, *binder) (V, error), write func([]byte, V, *binder) []byte) Field[T] {
	return Field[T]{FieldInfo: FieldInfo{Name: name, Kind: kind}, bind: func(b *binder) (bound[T], error) {
		return bound[T]{
			decode: func(r *T, v gjson.Result, _ *pass) error {
				x, err := decode(v, b)
				if err != nil {
					x = *new(V)
				}
				*get(r) = x
				return err
			},
			null: func(r *T) { *get(r) = *new(V) },
			append: func(dst []byte, r *T) ([]byte, bool) {
				if v := *get(r); !empty(v) {
					return write(dst, v, b), true
				}
				return dst, false
			},
		}, nil
	}}
}

func noBinder[V any](f func(gjson.Result) (V, error)) func(gjson.Result, *binder) (V, error) {
	return func(v gjson.Result, _ *binder) (V, error) { return f(v) }
}

func writeText(dst []byte, s string, _ *binder) []byte { return gjson.AppendJSONString(dst, s) }

func emptyText(s string) bool { return s == "" }

// ID is an identifier: kept and compared as text, in the spelling it came in.
func ID[T any](name string, get func(*T) *string) Field[T] {
	return plain(name, KindID, get, emptyText, noBinder(decodeID), writeText)
}

// OptID is an identifier that may be absent or null.
func OptID[T any](name string, get func(*T) *Opt[string]) Field[T] {
	return optional(name, KindID, get, noBinder(decodeID), writeText)
}

// String is a text whose absence is the empty text.
func String[T any](name string, get func(*T) *string) Field[T] {
	return plain(name, KindText, get, emptyText, noBinder(decodeText), writeText)
}

// Text is a text that may be absent or null.
func Text[T any](name string, get func(*T) *Opt[string]) Field[T] {
	return optional(name, KindText, get, noBinder(decodeText), writeText)
}

// Bool is a boolean that may be absent or null.
func Bool[T any](name string, get func(*T) *Opt[bool]) Field[T] {
	return optional(name, KindBool, get, noBinder(decodeBool), func(dst []byte, v bool, b *binder) []byte {
		if b.profile.Write.Booleans == "int" {
			return strconv.AppendInt(dst, map[bool]int64{true: 1}[v], 10)
		}
		return strconv.AppendBool(dst, v)
	})
}

// Decimal is a number that is no amount of money: a quantity, a rate.
func Decimal[T any](name string, get func(*T) *Opt[decimal.Decimal]) Field[T] {
	return optional(name, KindDecimal, get, noBinder(decodeDecimal), func(dst []byte, d decimal.Decimal, b *binder) []byte {
		return writeNumber(dst, d.String(), b)
	})
}

// Amount is a sum of money in the record's currency, written with at least two
// decimals.
func Amount[T any](name string, get func(*T) *Opt[decimal.Decimal]) Field[T] {
	return optional(name, KindAmount, get, noBinder(decodeDecimal), func(dst []byte, d decimal.Decimal, b *binder) []byte {
		return writeNumber(dst, d.StringFixed(max(2, -d.Exponent())), b)
	})
}

func writeNumber(dst []byte, s string, b *binder) []byte {
	if b.profile.Write.Numbers == "string" {
		return append(append(append(dst, '"'), s...), '"')
	}
	return append(dst, s...)
}

// Time is an instant; the zero time means absent.
func Time[T any](name string, get func(*T) *time.Time) Field[T] {
	return plain(name, KindTime, get, time.Time.IsZero,
		func(v gjson.Result, b *binder) (time.Time, error) { return decodeTime(v, b.loc) }, writeTime)
}

func writeTime(dst []byte, t time.Time, b *binder) []byte {
	text := b.profile.Time(t, b.loc)
	if b.profile.Write.Dates == "epoch" {
		return append(dst, text...)
	}
	return append(append(append(dst, '"'), text...), '"')
}

// Texts is a list of texts; nil means absent.
func Texts[T any](name string, get func(*T) *[]string) Field[T] {
	return plain(name, KindTexts, get, func(v []string) bool { return v == nil },
		func(v gjson.Result, _ *binder) ([]string, error) {
			out := []string{}
			var err error
			if !eachElement(v, func(e gjson.Result) bool {
				if isAbsent(KindText, e) {
					return true
				}
				var s string
				s, err = decodeText(e)
				out = append(out, s)
				return err == nil
			}) {
				return nil, mismatch("a list of texts", v)
			}
			return out, err
		},
		func(dst []byte, v []string, _ *binder) []byte {
			dst = append(dst, '[')
			for i, s := range v {
				if i > 0 {
					dst = append(dst, ',')
				}
				dst = gjson.AppendJSONString(dst, s)
			}
			return append(dst, ']')
		})
}

// Object is a nested record.
func Object[T, E any](name string, s *Schema[E], get func(*T) *E) Field[T] {
	return Field[T]{FieldInfo: FieldInfo{Name: name, Kind: KindObject, Record: s.Record}, bind: func(b *binder) (bound[T], error) {
		c, err := compile(s, b)
		return bound[T]{
			decode: func(r *T, v gjson.Result, p *pass) error {
				*get(r) = *new(E)
				err := c.decodeInto(get(r), Embedded(v), p)
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
			decode: func(r *T, v gjson.Result, p *pass) error { return c.decodeList(get(r), v, p) },
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

// Map is an object of texts, such as the options of a variant; nil means absent.
func Map[T any](name string, get func(*T) *map[string]string) Field[T] {
	return plain(name, KindMap, get, func(m map[string]string) bool { return m == nil },
		func(v gjson.Result, _ *binder) (map[string]string, error) { return decodeMap(v) }, writeMap)
}

func decodeMap(v gjson.Result) (map[string]string, error) {
	v = Embedded(v)
	if !v.IsObject() {
		return nil, mismatch("an object of texts", v)
	}
	out := map[string]string{}
	var err error
	v.ForEach(func(k, e gjson.Result) bool {
		var s string
		if !isAbsent(KindText, e) {
			s, err = decodeText(e)
		}
		out[k.String()] = s
		return err == nil
	})
	return out, err
}

func isEmptyList(v gjson.Result) bool {
	if !v.IsArray() {
		return false
	}
	empty := true
	v.ForEach(func(_, _ gjson.Result) bool { empty = false; return false })
	return empty
}
