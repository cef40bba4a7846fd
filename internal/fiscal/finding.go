package fiscal

import (
	"fmt"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/shopspring/decimal"
)

// Severity says what becomes of an order.
type Severity string

// The severities.
const (
	Blocks Severity = "blocks" // it must not be sent
	Warns  Severity = "warns"  // it may be sent, and somebody should look
)

func blocksIf(blocks bool) Severity {
	if blocks {
		return Blocks
	}
	return Warns
}

// Finding is one rule that a party or a document breaks.
type Finding struct {
	Code     string // stable: FIS-...
	Rule     string // number at Italy's exchange system, such as 00423, or a [Problem]; may be empty
	Field    string // such as vat_number or lines.0.vat_rate
	Severity Severity
	Values   map[string]string // figures for the text; never personal data
}

type findings []Finding

// add appends a finding if it applies; values are names and figures in turn.
func (f *findings) add(applies bool, s Severity, code, rule, field string, values ...any) {
	if !applies {
		return
	}
	figures := map[string]string{}
	for i := 0; i < len(values); i += 2 {
		figures[fmt.Sprint(values[i])] = fmt.Sprint(values[i+1])
		if d, ok := values[i+1].(decimal.Decimal); ok {
			figures[fmt.Sprint(values[i])] = d.StringFixed(places(d))
		}
	}
	*f = append(*f, Finding{code, rule, field, s, figures})
}

// text tells of what a text field of an Italian invoice can't hold.
func (f *findings) text(field, value string, max int) {
	latin, changed := Latin1(value)
	n := utf8.RuneCountInString(latin)
	f.add(changed, Warns, "FIS-CHARACTERS", "", field)
	f.add(n > max, Warns, "FIS-LENGTH", "", field, "max", max, "given", n)
}

// texts holds for each code and language what is wrong, and what to do.
var texts = sync.OnceValue(func() map[string]map[string][2]string {
	return load[map[string]map[string][2]string]("texts.json")
})

// Text says in a language what is wrong, and what to do about it. The language is
// it, de, en, fr, es or nl, alone or as in it-IT; another one gives English. Of an
// unknown code it returns the code.
func Text(lang string, f Finding) (what, remedy string) {
	t, ok := texts()[f.Code]
	if !ok {
		return f.Code, ""
	}
	lang, _, _ = strings.Cut(strings.ReplaceAll(lang, "_", "-"), "-")
	said, ok := t[strings.ToLower(lang)]
	if !ok {
		said = t["en"]
	}
	pairs := []string{"{field}", f.Field}
	for k, v := range f.Values {
		pairs = append(pairs, "{"+k+"}", v)
	}
	r := strings.NewReplacer(pairs...)
	return r.Replace(said[0]), r.Replace(said[1])
}
