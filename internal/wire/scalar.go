package wire

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/shopspring/decimal"
	"github.com/tidwall/gjson"
)

// Shape describes a JSON value by its type and size, without its content.
func Shape(v gjson.Result) string {
	switch v.Type {
	case gjson.Null:
		return "null"
	case gjson.True, gjson.False:
		return "a boolean"
	case gjson.Number:
		return fmt.Sprintf("a number of %d characters", len(v.Raw))
	case gjson.String:
		return fmt.Sprintf("text of %d characters", utf8.RuneCountInString(v.Str))
	}
	if v.IsArray() {
		return "a list"
	}
	return "an object"
}

// mismatch describes a value by its shape, never by its content.
func mismatch(want string, v gjson.Result) error {
	return fmt.Errorf("want %s, got %s", want, Shape(v))
}

// absentWord reports the spellings of "nothing" that only ids, numbers,
// booleans and dates may use: None is also a town.
func absentWord(s string) bool {
	return s == "" || s == "None" || s == "null"
}

// isAbsent reports whether v is there but means "no value": null, the empty
// text, PHP's empty list for an empty object, a zero date (SQL's or .NET's), or
// an absent word where those are allowed.
func isAbsent(kind Kind, v gjson.Result) bool {
	switch v.Type {
	case gjson.Null:
		return true
	case gjson.String:
		switch kind {
		case KindID, KindBool, KindDecimal, KindAmount:
			return absentWord(strings.TrimSpace(v.Str))
		case KindTime:
			s := strings.TrimSpace(v.Str)
			return absentWord(s) || strings.HasPrefix(s, "0000-00-00") || strings.HasPrefix(s, "0001-01-01")
		}
		return v.Str == ""
	}
	return (kind == KindObject || kind == KindMap) && v.IsArray() && isEmpty(v)
}

func readID(v gjson.Result, _ *binder) (string, error) {
	switch v.Type {
	case gjson.Number:
		return v.Raw, nil // the spelling is kept: 0017 and 17 are two ids
	case gjson.String:
		return v.Str, nil
	}
	return "", mismatch("an id (number or text)", v)
}

func readText(v gjson.Result, _ *binder) (string, error) {
	switch v.Type {
	case gjson.String:
		return v.Str, nil
	case gjson.Number, gjson.True, gjson.False:
		return v.Raw, nil
	}
	return "", mismatch("text", v)
}

func readBool(v gjson.Result, _ *binder) (bool, error) {
	switch v.Type {
	case gjson.True:
		return true, nil
	case gjson.False:
		return false, nil
	}
	switch s, _ := spelling(v); {
	case s == "1" || strings.EqualFold(s, "true"):
		return true, nil
	case s == "0" || strings.EqualFold(s, "false"):
		return false, nil
	}
	return false, mismatch("a boolean", v)
}

// spelling returns a number, or what a text holds, as it was written.
func spelling(v gjson.Result) (s string, ok bool) {
	if v.Type == gjson.Number {
		return v.Raw, true
	}
	return strings.TrimSpace(v.Str), v.Type == gjson.String
}

func readDecimal(v gjson.Result, _ *binder) (decimal.Decimal, error) {
	s, ok := spelling(v)
	if !ok {
		return decimal.Zero, mismatch("a number", v)
	}
	d, err := ParseDecimal(s)
	if err != nil {
		return decimal.Zero, fmt.Errorf("want a number, got %s: %w", Shape(v), err)
	}
	return d, nil
}

// maxDigits bounds the digits on each side of the point: enough for any amount,
// too few to make arithmetic on it expensive.
const maxDigits = 40

var (
	errNotNumber = errors.New("not a decimal number")
	errAmbiguous = errors.New("a comma before three digits may part thousands or decimals")
	errHuge      = errors.New("more digits than any amount has")
)

// ParseDecimal reads a decimal number exactly. A decimal comma is accepted
// where it can't part thousands: "12,5", "12,50", "0,125", "1.234,56" and
// "2,849,83" are numbers, "1,234" is refused. What it reads it also reads in the
// spellings that a codec writes.
func ParseDecimal(s string) (decimal.Decimal, error) {
	if len(s) > len("-.")+2*maxDigits {
		return decimal.Zero, errHuge
	}
	if strings.ContainsRune(s, ',') {
		var err error
		if s, err = withoutCommas(s); err != nil {
			return decimal.Zero, err
		}
	}
	if s == "" || !strings.ContainsRune("+-.0123456789", rune(s[0])) {
		return decimal.Zero, errNotNumber
	}
	d, err := decimal.NewFromString(s)
	if err != nil {
		return decimal.Zero, errNotNumber
	}
	if e := int(d.Exponent()); e < -maxDigits || e > maxDigits || d.NumDigits()+e > maxDigits {
		return decimal.Zero, errHuge
	}
	return d, nil
}

// withoutCommas rewrites a number that has a comma to one with a point.
func withoutCommas(s string) (string, error) {
	sign := ""
	if s[0] == '-' || s[0] == '+' {
		sign, s = s[:1], s[1:]
	}
	comma, point := strings.LastIndexByte(s, ','), strings.LastIndexByte(s, '.')
	whole, decimals, sep := s[:comma], s[comma+1:], ","
	switch {
	case point > comma: // 1,234.56
		whole, decimals = s[:point], s[point+1:]
	case point >= 0: // 1.234,56
		sep = "."
	case len(decimals) == 3 && mayPartThousands(whole): // 1,234
		return "", errAmbiguous
	}
	groups := strings.Split(whole, sep)
	if !areThousands(groups) || !allDigits(decimals) {
		return "", errNotNumber
	}
	return sign + strings.Join(groups, "") + "." + decimals, nil
}

// mayPartThousands reports whether a comma between whole and three digits may
// do so: it can't after a lone zero or after four digits.
func mayPartThousands(whole string) bool {
	return whole != "0" && (len(whole) <= 3 || strings.Contains(whole, ","))
}

// areThousands reports whether the groups of digits make one number.
func areThousands(groups []string) bool {
	for i, g := range groups {
		if !allDigits(g) || (i > 0 && len(g) != 3) || (len(groups) > 1 && len(g) > 3) {
			return false
		}
	}
	return true
}

func allDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

func readTime(v gjson.Result, b *binder) (time.Time, error) {
	s, ok := spelling(v)
	if !ok {
		return time.Time{}, mismatch("a date", v)
	}
	t, err := ParseTime(s, b.loc)
	if err != nil {
		return time.Time{}, fmt.Errorf("want a date, got %s: %w", Shape(v), err)
	}
	return t, nil
}

var errNotTime = errors.New("not a date (epoch seconds, YYYY-MM-DD [HH:MM:SS] or RFC 3339)")

// ParseTime reads epoch seconds, a date, a date and time without a zone (taken
// to be in loc), or RFC 3339. Its error does not show s.
func ParseTime(s string, loc *time.Location) (time.Time, error) {
	if allDigits(s) && len(s) >= 9 && len(s) <= 11 {
		n, err := strconv.ParseInt(s, 10, 64)
		return time.Unix(n, 0).In(loc), err
	}
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return t, nil
	}
	for _, layout := range []string{time.DateTime, time.DateOnly, "2006-01-02 15:04", "2006-01-02T15:04:05"} {
		if t, err := time.Parse(layout, s); err == nil {
			return onClock(t, loc), nil
		}
	}
	return time.Time{}, errNotTime
}

// onClock returns the instant at which clocks in loc show what wall shows. In
// the hour that comes twice in autumn it is the later one: an order must not
// seem older than it is. In the hour that is skipped in spring it is as long
// after the jump as the time is into the gap.
func onClock(wall time.Time, loc *time.Location) time.Time {
	_, before := wall.Add(-24 * time.Hour).In(loc).Zone()
	_, after := wall.Add(24 * time.Hour).In(loc).Zone()
	early := wall.Add(-time.Duration(before) * time.Second).In(loc)
	late := wall.Add(-time.Duration(after) * time.Second).In(loc)
	if late.Format(time.DateTime) == wall.Format(time.DateTime) && (late.After(early) || early.Format(time.DateTime) != wall.Format(time.DateTime)) {
		return late
	}
	return early
}

// Embedded returns v itself, or the object or list that v holds as a JSON text.
func Embedded(v gjson.Result) gjson.Result {
	if v.Type != gjson.String {
		return v
	}
	s := strings.TrimSpace(v.Str)
	if s == "" || (s[0] != '{' && s[0] != '[') || !json.Valid([]byte(s)) { // gjson.Valid has no bound on depth
		return v
	}
	return gjson.Parse(s)
}

// eachElement calls f for every element of a list, which PHP may have written
// as an array or as an object with numeric keys. It reports false when v is
// neither.
func eachElement(v gjson.Result, f func(gjson.Result) bool) bool {
	v = Embedded(v)
	if !v.IsArray() && !(v.IsObject() && numericKeys(v)) {
		return false
	}
	v.ForEach(func(_, e gjson.Result) bool { return f(e) })
	return true
}

// isEmpty reports a list or object without members.
func isEmpty(v gjson.Result) bool {
	empty := v.Type == gjson.JSON
	v.ForEach(func(_, _ gjson.Result) bool { empty = false; return false })
	return empty
}

func numericKeys(v gjson.Result) bool {
	ok := true
	v.ForEach(func(k, _ gjson.Result) bool {
		ok = allDigits(k.Str)
		return ok
	})
	return ok
}

// Single returns the only element of a list, and all else as it is: some
// replies answer a single record so.
func Single(list []byte) []byte {
	n, only := 0, ""
	eachElement(gjson.ParseBytes(list), func(e gjson.Result) bool { n, only = n+1, e.Raw; return true })
	if n == 1 {
		return []byte(only)
	}
	return list
}

func readTexts(v gjson.Result, b *binder) ([]string, error) {
	out := []string{}
	var err error
	if !eachElement(v, func(e gjson.Result) bool {
		if isAbsent(KindText, e) {
			return true
		}
		var s string
		s, err = readText(e, b)
		out = append(out, s)
		return err == nil
	}) {
		return nil, mismatch("a list of texts", v)
	}
	return out, err
}

func readMap(v gjson.Result, b *binder) (map[string]string, error) {
	v = Embedded(v)
	if !v.IsObject() {
		return nil, mismatch("an object of texts", v)
	}
	out := map[string]string{}
	var err error
	v.ForEach(func(k, e gjson.Result) bool {
		var s string
		if !isAbsent(KindText, e) {
			s, err = readText(e, b)
		}
		out[k.String()] = s
		return err == nil
	})
	return out, err
}

func writeText(dst []byte, s string, _ *binder) []byte { return gjson.AppendJSONString(dst, s) }

func writeBool(dst []byte, v bool, b *binder) []byte {
	if b.profile.Write.Booleans == "int" {
		return strconv.AppendInt(dst, map[bool]int64{true: 1}[v], 10)
	}
	return strconv.AppendBool(dst, v)
}

func writeDecimal(dst []byte, d decimal.Decimal, b *binder) []byte {
	return writeBare(dst, d.String(), b.profile.Write.Numbers != "string")
}

func writeAmount(dst []byte, d decimal.Decimal, b *binder) []byte {
	return writeBare(dst, d.StringFixed(max(2, -d.Exponent())), b.profile.Write.Numbers != "string")
}

func writeTime(dst []byte, t time.Time, b *binder) []byte {
	return writeBare(dst, b.profile.Time(t, b.loc), b.profile.Write.Dates == "epoch")
}

// writeBare writes a text that needs no escapes, in quotes unless it is a number.
func writeBare(dst []byte, s string, number bool) []byte {
	if number {
		return append(dst, s...)
	}
	return append(append(append(dst, '"'), s...), '"')
}

func writeTexts(dst []byte, list []string, _ *binder) []byte {
	dst = append(dst, '[')
	for i, s := range list {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = gjson.AppendJSONString(dst, s)
	}
	return append(dst, ']')
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
