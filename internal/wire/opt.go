package wire

// Opt is a value with three states: absent (the zero Opt), null, or set.
// Absent fields are never written, null is written as null.
type Opt[T any] struct {
	value     T
	set, null bool
}

// Some returns an Opt that is set to v.
func Some[T any](v T) Opt[T] { return Opt[T]{value: v, set: true} }

// Null returns an Opt that is present and null.
func Null[T any]() Opt[T] { return Opt[T]{null: true} }

// Get returns the value and whether there is one.
func (o Opt[T]) Get() (T, bool) { return o.value, o.set }

// Or returns the value, or def when the Opt is absent or null.
func (o Opt[T]) Or(def T) T {
	if o.set {
		return o.value
	}
	return def
}

// IsSet reports whether there is a value.
func (o Opt[T]) IsSet() bool { return o.set }

// IsNull reports whether the field was there and null.
func (o Opt[T]) IsNull() bool { return o.null }

// IsAbsent reports whether the field was not there at all.
func (o Opt[T]) IsAbsent() bool { return !o.set && !o.null }

// Equal reports whether both have the same state and, when set, the same
// value by eq.
func (o Opt[T]) Equal(p Opt[T], eq func(a, b T) bool) bool {
	return o.set == p.set && o.null == p.null && (!o.set || eq(o.value, p.value))
}
