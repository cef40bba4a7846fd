package fiscal

import (
	"regexp"
	"slices"
	"strings"
	"sync"
)

// Problem is the stable name of the rule that an identifier breaks; empty when it
// breaks none. It never holds the identifier.
type Problem string

// What can be wrong with an identifier.
const (
	BadForm  Problem = "form"    // length or characters are not those of its kind
	BadCheck Problem = "check"   // the check digit or letter does not fit
	BadDate  Problem = "date"    // there is no such day
	NotKnown Problem = "unknown" // in no list, or never assigned
)

// A validator takes what somebody typed and returns it in one spelling, with
// upper case and without separators, whether it is valid or not. These check form
// or membership, and no check digit.
var (
	RecipientCode = byForm(`^([A-Z0-9]{6,7})$`)              // codice destinatario
	ForeignVAT    = byForm(`^([A-Z]{2}[A-Z0-9]{2,28})$`)     // a country, then the number
	EORI          = byForm(`^([A-Z]{2}[A-Z0-9]{11,15})$`)    // a country, then the number
	SwissPostcode = byForm(`^(?:CH|FL|LI)?([1-9][0-9]{3})$`) // also of Liechtenstein
	// CAP is Italian.
	CAP      = byForm(`^I?(000[1-9][0-9]|00[1-9][0-9]{2}|0[1-9][0-9]{3}|[1-8][0-9]{4}|9[0-8][0-9]{3})$`)
	Province = byList("provinces")  // Italian, also former ones
	Canton   = byList("cantons")    // Swiss
	Country  = byList("countries")  // ISO 3166, two letters
	Currency = byList("currencies") // ISO 4217
	Nature   = byList("natures")    // why an Italian VAT rate is zero: N1 to N7
	stamped  = byList("stamp_duty_natures")
)

func byForm(pattern string) func(string) (string, Problem) {
	form := regexp.MustCompile(pattern)
	return func(s string) (string, Problem) {
		s, ok := match(s, form)
		return verdict(s, ok, BadForm)
	}
}

func byList(name string) func(string) (string, Problem) {
	return func(s string) (string, Problem) {
		s = clean(s, "")
		return verdict(s, slices.Contains(lists()[name], s), NotKnown)
	}
}

var lists = sync.OnceValue(func() map[string][]string { return load[map[string][]string]("codes.json") })

var (
	vatForm    = regexp.MustCompile(`^(?:IT)?([0-9]{11})$`)
	personForm = regexp.MustCompile(`^([A-Z]{6}[0-9L-NP-V]{2}[A-EHLMPRST][0-9L-NP-V]{2}[A-Z][0-9L-NP-V]{3}[A-Z])$`)
	pecForm    = regexp.MustCompile(`^([!-?A-~]+@)([A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+)$`)
	uidForm    = regexp.MustCompile(`^CHE([0-9]{9})(?:MWST|TVA|IVA|TPV)?$`)
	suffixForm = regexp.MustCompile(`^(CHE[0-9]{9}(?:MWST|TVA|IVA|TPV))$`)
	gtinForm   = regexp.MustCompile(`^([0-9]{8}|[0-9]{12,14})$`)
)

// clean brings ASCII letters to upper case and leaves spaces and separators out.
// Other letters stay as they are: none of them may pass for an ASCII one.
func clean(s, separators string) string {
	separators += " \t\r\n\u00a0"
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z':
			return r - 'a' + 'A'
		case strings.ContainsRune(separators, r):
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "\ufffd"))
}

// match cleans a text and returns the part of it that is the identifier.
func match(s string, form *regexp.Regexp) (string, bool) {
	s = clean(s, ".-/")
	if m := form.FindStringSubmatch(s); m != nil {
		return m[1], true
	}
	return s, false
}

// verdict returns the problem unless all is well.
func verdict(s string, ok bool, p Problem) (string, Problem) {
	if ok {
		p = ""
	}
	return s, p
}

// ItalianVAT checks a partita IVA: 11 digits, with or without IT before them.
func ItalianVAT(s string) (string, Problem) {
	s, ok := match(s, vatForm)
	if !ok {
		return s, BadForm
	}
	office := s[7:10]
	if s[:7] == "0000000" || ((office < "001" || office > "100") && !strings.Contains("120 121 888 999", office)) {
		return s, NotKnown
	}
	sum := 0
	for i := range s {
		d := int(s[i] - '0')
		if i%2 == 1 {
			d = d*2%10 + d/5 // the digit sum of the double
		}
		sum += d
	}
	return verdict(s, sum%10 == 0, BadCheck)
}

// odd holds what digits and letters count at odd places of a tax code; at even
// ones each counts its place in the digits or in the alphabet.
var odd = [26]int{1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23}

// TaxCode checks a codice fiscale: 16 characters of a person, in which letters may
// stand for digits where two people would share a code, or the 11 digits of a
// company or association.
func TaxCode(s string) (string, Problem) {
	s, ok := match(s, personForm)
	switch {
	case !ok && len(s) == 11:
		return ItalianVAT(s)
	case !ok:
		return s, BadForm
	case !born(s):
		return s, BadDate
	}
	sum := 0
	for i := range 15 {
		v := int(s[i] - '0')
		if s[i] >= 'A' {
			v = int(s[i] - 'A')
		}
		if i%2 == 0 {
			v = odd[v]
		}
		sum += v
	}
	return verdict(s, s[15] == byte('A'+sum%26), BadCheck)
}

// born reports whether the day of birth in a tax code exists in some century.
func born(s string) bool {
	number := func(i int) int { // of two digits, or letters that stand for them
		const digits = "0L1M2N3P4Q5R6S7T8U9V"
		return strings.IndexByte(digits, s[i])/2*10 + strings.IndexByte(digits, s[i+1])/2
	}
	day, month := number(9), strings.IndexByte("ABCDEHLMPRST", s[8])
	if day > 40 {
		day -= 40 // a woman's
	}
	last := [12]int{31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31}[month]
	return day >= 1 && day <= last && (month != 1 || day < 29 || number(6)%4 == 0)
}

// PEC checks the form of a certified e-mail address.
func PEC(s string) (string, Problem) {
	s = strings.TrimSpace(strings.ToValidUTF8(s, "\ufffd"))
	m := pecForm.FindStringSubmatch(s)
	if m == nil || len(s) < 7 || len(s) > 256 {
		return s, BadForm
	}
	return m[1] + strings.ToLower(m[2]), ""
}

// SwissUID checks a Swiss enterprise number, also one with the suffix of a VAT
// number, and writes it as CHE-123.456.789.
func SwissUID(s string) (string, Problem) {
	s, ok := match(s, uidForm)
	if !ok {
		return s, BadForm
	}
	sum := 0
	for i, weight := range []int{5, 4, 3, 2, 7, 6, 5, 4} {
		sum += weight * int(s[i]-'0')
	}
	check, out := (11-sum%11)%11, "CHE-"+s[:3]+"."+s[3:6]+"."+s[6:]
	if check == 10 || s == "000000000" {
		return out, NotKnown // such a number was never given
	}
	return verdict(out, int(s[8]-'0') == check, BadCheck)
}

// SwissVAT checks a Swiss VAT number: a UID with MWST, TVA, IVA or TPV after it.
func SwissVAT(s string) (string, Problem) {
	s, ok := match(s, suffixForm)
	if !ok {
		return s, BadForm
	}
	uid, p := SwissUID(s)
	return uid + " " + s[12:], p
}

// GTIN checks an article number of 8, 12, 13 or 14 digits and pads it with zeros
// to 14, so that one article has one number.
func GTIN(s string) (string, Problem) {
	s, ok := match(s, gtinForm)
	if !ok || strings.Trim(s, "0") == "" {
		return s, BadForm
	}
	s = strings.Repeat("0", 14-len(s)) + s
	sum := 0
	for i := range s {
		sum += int(s[i]-'0') * (3 - i%2*2)
	}
	return verdict(s, sum%10 == 0, BadCheck)
}
