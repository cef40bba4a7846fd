// Package shape says of which kinds the values of a JSON text are, without saying
// what they are: a real site's replies can be kept that way, and replayed by the
// fakes with invented values.
package shape

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tg360/tg360/internal/wire"
	"github.com/tidwall/gjson"
)

// Kind is the class of a JSON value; it tells the type and the spelling, and
// never the value.
type Kind string

// The kinds. Those that hold most come first: a replay prefers them.
const (
	Object       Kind = "object"
	PackedObject Kind = "object in a text"
	List         Kind = "list"
	NumberedList Kind = "object with numeric keys"
	PackedList   Kind = "list in a text"
	ZonedTime    Kind = "date and time with zone"
	DateTime     Kind = "date and time"
	Date         Kind = "date"
	OtherDate    Kind = "date in another order"
	EpochText    Kind = "epoch seconds in a text"
	Epoch        Kind = "epoch seconds"
	DecimalText  Kind = "decimal in a text"
	CommaText    Kind = "decimal with comma in a text"
	Decimal      Kind = "decimal"
	Digits       Kind = "digits in a text"
	Integer      Kind = "integer"
	BoolText     Kind = "boolean in a text"
	BitText      Kind = "0 or 1 in a text"
	Bit          Kind = "0 or 1"
	Boolean      Kind = "boolean"
	URL          Kind = "address"
	TwoLetters   Kind = "two capitals"
	ThreeLetters Kind = "three capitals"
	AnyText      Kind = "text"
	ZeroDate     Kind = "zero date"
	NoneWord     Kind = "word for nothing"
	EmptyList    Kind = "empty list"
	EmptyText    Kind = "empty text"
	Null         Kind = "null"
)

var ranks = []Kind{Object, PackedObject, List, NumberedList, PackedList, ZonedTime, DateTime, Date, OtherDate, EpochText, Epoch,
	DecimalText, CommaText, Decimal, Digits, Integer, BoolText, BitText, Bit, Boolean, URL, TwoLetters, ThreeLetters, AnyText,
	ZeroDate, NoneWord, EmptyList, EmptyText, Null}

// Nothing reports whether a value of this kind is there and says nothing.
func (k Kind) Nothing() bool { return slices.Index(ranks, k) >= slices.Index(ranks, ZeroDate) }

// Shape describes JSON values by their keys and kinds. It holds no value.
type Shape struct {
	Key   string   `json:"key,omitempty"`   // in the object that it belongs to
	Seen  int      `json:"seen"`            // values that were looked at
	Kinds []Kind   `json:"kinds"`           // those that occurred, fullest first
	Most  int      `json:"most,omitempty"`  // elements of the longest list
	Keys  []*Shape `json:"keys,omitempty"`  // of the objects, in the order in which they came
	Items *Shape   `json:"items,omitempty"` // all elements of the lists
}

// File is the recorded shape of an operation's replies.
type File struct {
	System    string `json:"system"`
	Operation string `json:"operation"`
	Replies   int    `json:"replies"`
	Reply     *Shape `json:"reply"`
}

// FileName is the name of the file that holds the shape of an operation.
func FileName(operation string) string { return strings.ReplaceAll(operation, "/", ".") + ".json" }

const (
	maxDepth = 40  // below, shapes end
	maxItems = 500 // of one list, that are looked at
	maxKeys  = 300 // an object with more is a table whose keys are values
	// HiddenKey stands for the keys that may be values themselves.
	HiddenKey = "(key)"
)

// Names decide which keys are names, and which may be values.
type Names struct {
	Known  map[string]bool // names wherever they are
	Tables map[string]bool // keys of objects whose own keys are values, such as the options of a variant
}

// Of returns a function that shows the keys of one object, which is at the key
// parent: a name as it is, any other as [HiddenKey]. What is not known must look
// like a name, and in an object of objects that are all alike none is.
func (n Names) Of(parent string, object gjson.Result) func(key string) string {
	table := n.Tables[parent] || alike(object)
	return func(key string) string {
		if n.Known[key] && !n.Tables[parent] || !table && safeKey.MatchString(key) {
			return key
		}
		return HiddenKey
	}
}

var safeKey = regexp.MustCompile(`^[A-Za-z_][A-Za-z_-]{0,39}[0-9]{0,2}$`)

// alike reports whether an object holds two objects or more, all with the same
// keys: its own are then most likely ids.
func alike(object gjson.Result) bool {
	n, same, first := 0, true, ""
	object.ForEach(func(_, e gjson.Result) bool {
		keys := ""
		if e.IsObject() {
			e.ForEach(func(k, _ gjson.Result) bool { keys += k.Raw; return true })
		}
		if n++; n == 1 {
			first = keys
		}
		same = same && keys != "" && keys == first
		return same
	})
	return n > 1 && same
}

// Add looks at one more value.
func (s *Shape) Add(v gjson.Result, names Names) { s.add(v, names, 0) }

func (s *Shape) add(v gjson.Result, names Names, depth int) {
	s.Seen++
	k := KindOf(v)
	if !slices.Contains(s.Kinds, k) {
		s.Kinds = append(s.Kinds, k)
		slices.SortFunc(s.Kinds, func(a, b Kind) int { return slices.Index(ranks, a) - slices.Index(ranks, b) })
	}
	if depth >= maxDepth {
		return
	}
	switch v = wire.Embedded(v); k {
	case Object, PackedObject:
		show := names.Of(s.Key, v)
		v.ForEach(func(key, e gjson.Result) bool {
			s.key(show(key.Str)).add(e, names, depth+1)
			return true
		})
	case List, NumberedList, PackedList:
		if s.Items == nil {
			s.Items = &Shape{}
		}
		n := 0
		v.ForEach(func(_, e gjson.Result) bool {
			if n++; n <= maxItems {
				s.Items.add(e, names, depth+1)
			}
			return true
		})
		s.Most = max(s.Most, n)
	}
}

// key returns the shape at a key.
func (s *Shape) key(name string) *Shape {
	if len(s.Keys) >= maxKeys && s.At(name) == nil {
		name = HiddenKey
	}
	if have := s.At(name); have != nil {
		return have
	}
	s.Keys = append(s.Keys, &Shape{Key: name})
	return s.Keys[len(s.Keys)-1]
}

// At returns the shape at a key of the objects; nil where it never was.
func (s *Shape) At(key string) *Shape {
	if i := slices.IndexFunc(s.Keys, func(k *Shape) bool { return k.Key == key }); i >= 0 {
		return s.Keys[i]
	}
	return nil
}

// KindOf classifies a value.
func KindOf(v gjson.Result) Kind {
	switch v.Type {
	case gjson.Null:
		return Null
	case gjson.True, gjson.False:
		return Boolean
	case gjson.Number:
		return kindOfNumber(v.Raw)
	case gjson.String:
		return kindOfText(v)
	}
	return kindOfTree(v, Object, NumberedList, List)
}

func kindOfTree(v gjson.Result, object, numbered, list Kind) Kind {
	size, digits := 0, true
	v.ForEach(func(k, _ gjson.Result) bool {
		size++
		digits = digits && (v.IsArray() || allDigits(k.Str))
		return true
	})
	switch {
	case size == 0 && v.IsArray():
		return EmptyList
	case v.IsArray():
		return list
	case size > 0 && digits:
		return numbered
	}
	return object
}

func allDigits(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

func kindOfNumber(raw string) Kind {
	switch {
	case raw == "0" || raw == "1":
		return Bit
	case isEpoch(raw):
		return Epoch
	case allDigits(strings.TrimPrefix(raw, "-")):
		return Integer
	}
	return Decimal
}

// isEpoch reports seconds of this century.
func isEpoch(s string) bool {
	n, err := strconv.ParseInt(s, 10, 64)
	return err == nil && n >= 946_684_800 && n < 4_102_444_800
}

var (
	otherDate = regexp.MustCompile(`^\d{1,2}[/.-]\d{1,2}[/.-]\d{2,4}\b|^\d{4}/\d{2}/\d{2}\b`)
	decimals  = regexp.MustCompile(`^[+-]?\d+\.\d+$`)
	commas    = regexp.MustCompile(`^[+-]?[\d.]*\d,\d+$`)
	letters   = regexp.MustCompile(`^[A-Z]{2,3}$`)
)

func kindOfText(v gjson.Result) Kind {
	s := strings.TrimSpace(v.Str)
	switch {
	case v.Str == "":
		return EmptyText
	case s == "None" || s == "null":
		return NoneWord
	case s == "0" || s == "1":
		return BitText
	case strings.EqualFold(s, "true") || strings.EqualFold(s, "false"):
		return BoolText
	case isEpoch(s):
		return EpochText
	case allDigits(s):
		return Digits
	case decimals.MatchString(s):
		return DecimalText
	case commas.MatchString(s):
		return CommaText
	case letters.MatchString(s):
		return map[int]Kind{2: TwoLetters, 3: ThreeLetters}[len(s)]
	case strings.HasPrefix(s, "https://") || strings.HasPrefix(s, "http://"):
		return URL
	}
	if e := wire.Embedded(v); e.IsObject() || e.IsArray() {
		return kindOfTree(e, PackedObject, PackedList, PackedList)
	}
	return kindOfDate(s)
}

func kindOfDate(s string) Kind {
	switch t, err := wire.ParseTime(s, time.UTC); {
	case strings.HasPrefix(s, "0000-00-00") || strings.HasPrefix(s, "0001-01-01"):
		return ZeroDate
	case err == nil && len(s) == len(time.DateOnly):
		return Date
	case err == nil && !t.IsZero():
		if _, err := time.Parse(time.RFC3339, s); err == nil {
			return ZonedTime
		}
		return DateTime
	case otherDate.MatchString(s):
		return OtherDate
	}
	return AnyText
}
