package fiscal

import (
	"strings"
	"sync"
	"unicode"
)

// latin turns what Latin-1 lacks into what it has.
var latin = sync.OnceValue(func() *strings.Replacer {
	var pairs []string
	for to, from := range load[map[string]string]("latin.json") {
		for f := range strings.FieldsSeq(from) {
			pairs = append(pairs, f, to)
		}
	}
	return strings.NewReplacer(pairs...)
})

// Latin1 returns a text in the letters that an Italian invoice can hold, those of
// Latin-1, and whether it had to be changed. Quotes, dashes and ligatures become
// plain ones, Latin letters lose marks that Latin-1 lacks, letters of other scripts
// become question marks; emoji, control characters and broken bytes are removed.
func Latin1(s string) (out string, changed bool) {
	if !strings.ContainsFunc(s, foreign) {
		return s, false
	}
	return strings.Map(func(r rune) rune {
		switch {
		case !foreign(r):
			return r
		case unicode.IsSpace(r):
			return ' '
		case unicode.IsLetter(r) || unicode.IsNumber(r):
			return '?'
		}
		return -1
	}, latin().Replace(s)), true
}

// foreign reports whether Latin-1 lacks a character, or has it as a control that
// is neither a line's end nor a tab.
func foreign(r rune) bool {
	return r > 0xff || (unicode.IsControl(r) && r != '\n' && r != '\r' && r != '\t')
}

// Cut returns at most the first max characters of a text, and whether it was
// longer. A negative max is zero.
func Cut(s string, max int) (out string, cut bool) {
	for i := range s {
		if max <= 0 {
			return s[:i], true
		}
		max--
	}
	return s, false
}
