package settings

import (
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/shopspring/decimal"
)

// value is one setting as a person wrote it.
type value struct {
	name string // where it stands: a key with file and line, or a variable
	raw  any    // what TOML makes of it; a text where it comes from the environment
	text bool   // it comes from the environment, where everything is a text
	dir  string // relative paths begin here
}

// fail says what the value has to be; its own words are not shown.
func (v value) fail(want string) error {
	return fmt.Errorf("%s: is %s; it must be %s", v.name, shape(v.raw), want)
}

// shape describes a value without showing it.
func shape(raw any) string {
	switch x := raw.(type) {
	case string:
		if x == "" {
			return "an empty text"
		}
		return fmt.Sprintf("a text of %d characters", utf8.RuneCountInString(x))
	case int64, float64:
		return "a number"
	case bool:
		return "true or false"
	case time.Time:
		return "a date"
	case []any, []map[string]any:
		return "a list"
	}
	return "a table"
}

func (v value) str() (string, error) {
	s, ok := v.raw.(string)
	if !ok {
		return "", v.fail("a text in quotes")
	}
	return s, nil
}

func (v value) boolean() (bool, error) {
	if b, ok := v.raw.(bool); ok {
		return b, nil
	}
	if s, ok := v.raw.(string); ok && v.text {
		if b, err := strconv.ParseBool(s); err == nil {
			return b, nil
		}
		return false, v.fail("1 or 0")
	}
	return false, v.fail("true or false, without quotes")
}

func (v value) number() (float64, error) {
	var f float64
	var err error
	switch x := v.raw.(type) {
	case int64:
		f = float64(x)
	case float64:
		f = x
	case string:
		if !v.text {
			return 0, v.fail("a number without quotes")
		}
		f, err = strconv.ParseFloat(x, 64)
	default:
		return 0, v.fail("a number")
	}
	if err != nil || math.IsNaN(f) || math.IsInf(f, 0) {
		return 0, v.fail("a number")
	}
	return f, nil
}

// amount is a decimal, zero or more.
func (v value) amount() (decimal.Decimal, error) {
	const want = `a decimal number in quotes, such as "0.05", zero or more`
	var s string
	switch x := v.raw.(type) {
	case string:
		s = x
	case int64:
		s = strconv.FormatInt(x, 10)
	case float64: // the shortest text that means it is what was written
		s = strconv.FormatFloat(x, 'f', -1, 64)
	default:
		return decimal.Zero, v.fail(want)
	}
	d, err := decimal.NewFromString(s)
	if err != nil || d.IsNegative() || d.Exponent() < -8 || d.NumDigits() > 15 {
		return decimal.Zero, v.fail(want)
	}
	return d, nil
}

func (v value) duration(least time.Duration) (time.Duration, error) {
	want := `a time in quotes with its unit, such as "5m", "90s" or "1h30m"`
	if least > 0 {
		want += ", at least " + least.String()
	}
	s, ok := v.raw.(string)
	if !ok {
		return 0, v.fail(want)
	}
	d, err := time.ParseDuration(strings.TrimSpace(s))
	if err != nil || d < least {
		return 0, v.fail(want)
	}
	return d, nil
}

// texts is a list; in the environment its parts are separated by commas.
func (v value) texts() ([]string, error) {
	if s, ok := v.raw.(string); ok && v.text {
		return split(s), nil
	}
	list, ok := v.raw.([]any)
	if !ok {
		return nil, v.fail(`a list of texts, such as ["a", "b"]`)
	}
	var out []string
	for _, e := range list {
		s, ok := e.(string)
		if !ok {
			return nil, v.fail(`a list of texts, such as ["a", "b"]`)
		}
		out = append(out, s)
	}
	return out, nil
}

// words is a table of texts; in the environment it is written a=b, c=d.
func (v value) words() (map[string]string, error) {
	out := map[string]string{}
	if s, ok := v.raw.(string); ok && v.text {
		for _, part := range split(s) {
			word, means, ok := strings.Cut(part, "=")
			if !ok {
				return nil, v.fail("pairs such as word=meaning, other=meaning")
			}
			out[strings.TrimSpace(word)] = strings.TrimSpace(means)
		}
		return out, nil
	}
	table, ok := v.raw.(map[string]any)
	if !ok {
		return nil, v.fail(`a table of texts, such as "word" = "meaning"`)
	}
	for k, e := range table {
		s, ok := e.(string)
		if !ok {
			return nil, v.fail(`a table of texts, such as "word" = "meaning"`)
		}
		out[k] = s
	}
	return out, nil
}

func split(s string) []string {
	var out []string
	for part := range strings.SplitSeq(s, ",") {
		if part = strings.TrimSpace(part); part != "" {
			out = append(out, part)
		}
	}
	return out
}

// instant is a point in time; what has no zone is in the shop's.
func (v value) instant(zone *time.Location) (time.Time, error) {
	const want = `an instant such as "2026-11-01T00:00:00+01:00", or a date of the shop's zone such as "2026-11-01"`
	switch x := v.raw.(type) {
	case time.Time: // TOML's dates without a zone are in one of these names
		switch x.Location().String() {
		case "datetime-local", "date-local":
			return time.Date(x.Year(), x.Month(), x.Day(), x.Hour(), x.Minute(), x.Second(), x.Nanosecond(), zone), nil
		case "time-local":
			return time.Time{}, v.fail(want)
		}
		return x, nil
	case string:
		for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02T15:04", "2006-01-02 15:04", time.DateOnly} {
			if t, err := time.ParseInLocation(layout, strings.TrimSpace(x), zone); err == nil && t.Year() > 1 {
				return t, nil
			}
		}
	}
	return time.Time{}, v.fail(want)
}

// maxFile bounds a file that a setting names.
const maxFile = 1 << 20

// content reads the file that the value names.
func (v value) content() ([]byte, fs.FileInfo, error) {
	path, err := v.str()
	if err != nil {
		return nil, nil, err
	}
	if path == "" {
		return nil, nil, v.fail("the path of a file")
	}
	if !filepath.IsAbs(path) {
		path = filepath.Join(v.dir, path)
	}
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() || info.Size() > maxFile {
		return nil, nil, fmt.Errorf("%s: the file %s can't be read: %s", v.name, path, unreadable(info, err))
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: the file %s can't be read: %s", v.name, path, unreadable(info, err))
	}
	return data, info, nil
}

func unreadable(info fs.FileInfo, err error) string {
	switch {
	case err != nil:
		if p, ok := err.(*fs.PathError); ok {
			return p.Err.Error()
		}
		return err.Error()
	case !info.Mode().IsRegular():
		return "it is no file"
	}
	return "it is longer than 1 MiB"
}

// tooOpen reports whether others than the owner may use a file.
func tooOpen(info fs.FileInfo) bool {
	return runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0
}
