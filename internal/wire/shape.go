package wire

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

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

// maxSnippet bounds what an error shows of a reply.
const maxSnippet = 60

// Snippet shows how a reply begins: letters become x, digits 9, and whatever is
// not ASCII ?, so that neither a secret nor a person can be read in it.
func Snippet(b []byte) string {
	var sb strings.Builder
	for n := 0; len(b) > 0 && n < maxSnippet; n++ {
		r, size := utf8.DecodeRune(b)
		b = b[size:]
		switch {
		case unicode.IsLetter(r):
			r = 'x'
		case unicode.IsDigit(r):
			r = '9'
		case unicode.IsSpace(r):
			r = ' '
		case r > unicode.MaxASCII || !unicode.IsPrint(r):
			r = '?'
		}
		sb.WriteRune(r)
	}
	return sb.String()
}
