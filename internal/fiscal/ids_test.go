package fiscal_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/tg360/tg360/internal/fiscal"
)

type validator struct {
	name  string
	check func(string) (string, fiscal.Problem)
}

var validators = []validator{
	{"ItalianVAT", fiscal.ItalianVAT}, {"TaxCode", fiscal.TaxCode}, {"RecipientCode", fiscal.RecipientCode}, {"PEC", fiscal.PEC},
	{"SwissUID", fiscal.SwissUID}, {"SwissVAT", fiscal.SwissVAT}, {"ForeignVAT", fiscal.ForeignVAT}, {"EORI", fiscal.EORI},
	{"GTIN", fiscal.GTIN}, {"CAP", fiscal.CAP}, {"SwissPostcode", fiscal.SwissPostcode}, {"Province", fiscal.Province},
	{"Canton", fiscal.Canton}, {"Country", fiscal.Country}, {"Currency", fiscal.Currency}, {"Nature", fiscal.Nature},
}

// samples are what each validator makes of an input.
var samples = []struct {
	validator, in, out string
	problem            fiscal.Problem
}{
	{"ItalianVAT", "00743110157", "00743110157", ""},
	{"ItalianVAT", " it 007.431.101-57 ", "00743110157", ""},
	{"ItalianVAT", "00743110158", "00743110158", fiscal.BadCheck},
	{"ItalianVAT", "00000000000", "00000000000", fiscal.NotKnown},
	{"ItalianVAT", "00743111015", "00743111015", fiscal.NotKnown}, // office 101
	{"ItalianVAT", "0074311015", "0074311015", fiscal.BadForm},
	{"ItalianVAT", "IT0074311O157", "IT0074311O157", fiscal.BadForm},
	{"ItalianVAT", "", "", fiscal.BadForm},
	{"ItalianVAT", "０0743110157", "０0743110157", fiscal.BadForm}, // a wide digit
	{"TaxCode", "RCCMNL83S18D969H", "RCCMNL83S18D969H", ""},
	{"TaxCode", "rss mra 85t10 a56n h", "RSSMRA85T10A56NH", ""}, // N stands for 2
	{"TaxCode", "RSSMRA85T10A562S", "RSSMRA85T10A562S", ""},
	{"TaxCode", "RSSMRA85T10A562T", "RSSMRA85T10A562T", fiscal.BadCheck},
	{"TaxCode", "RSSMRA85F10A562S", "RSSMRA85F10A562S", fiscal.BadForm}, // no month F
	{"TaxCode", "RSSMRA85T32A562S", "RSSMRA85T32A562S", fiscal.BadDate},
	{"TaxCode", "RSSMRA85B69A562S", "RSSMRA85B69A562S", fiscal.BadDate},
	{"TaxCode", "RSSMRA85T00A562S", "RSSMRA85T00A562S", fiscal.BadDate},
	{"TaxCode", "RSSMRA85T40A562S", "RSSMRA85T40A562S", fiscal.BadDate},
	{"TaxCode", "RSSMRA85T10A562", "RSSMRA85T10A562", fiscal.BadForm},
	{"TaxCode", "00743110157", "00743110157", ""},
	{"TaxCode", "00743110158", "00743110158", fiscal.BadCheck},
	{"TaxCode", "ſSSMRA85T10A562S", "ſSSMRA85T10A562S", fiscal.BadForm}, // a letter whose capital is S
	{"RecipientCode", "abc1234", "ABC1234", ""},
	{"RecipientCode", "UFABCD", "UFABCD", ""},
	{"RecipientCode", "0000000", "0000000", ""},
	{"RecipientCode", "ABC12", "ABC12", fiscal.BadForm},
	{"RecipientCode", "ABC12345", "ABC12345", fiscal.BadForm},
	{"RecipientCode", "ABC12É4", "ABC12É4", fiscal.BadForm},
	{"PEC", " Ditta@PEC.Example ", "Ditta@pec.example", ""},
	{"PEC", "a@b.c", "a@b.c", fiscal.BadForm}, // too short
	{"PEC", "ditta.pec.example", "ditta.pec.example", fiscal.BadForm},
	{"PEC", "ditta@pec", "ditta@pec", fiscal.BadForm},
	{"PEC", "ditta@pec..example", "ditta@pec..example", fiscal.BadForm},
	{"PEC", "dit ta@pec.example", "dit ta@pec.example", fiscal.BadForm},
	{"PEC", strings.Repeat("a", 250) + "@pec.it", strings.Repeat("a", 250) + "@pec.it", fiscal.BadForm},
	{"SwissUID", "CHE-100.155.212", "CHE-100.155.212", ""},
	{"SwissUID", "che100155212", "CHE-100.155.212", ""},
	{"SwissUID", "CHE-107.787.577 IVA", "CHE-107.787.577", ""},
	{"SwissUID", "CHE-100.155.213", "CHE-100.155.213", fiscal.BadCheck},
	{"SwissUID", "CHE-000.000.000", "CHE-000.000.000", fiscal.NotKnown},
	{"SwissUID", "100.155.212", "100155212", fiscal.BadForm},
	{"SwissVAT", "CHE-107.787.577 IVA", "CHE-107.787.577 IVA", ""},
	{"SwissVAT", "che107787577mwst", "CHE-107.787.577 MWST", ""},
	{"SwissVAT", "CHE-107.787.577", "CHE107787577", fiscal.BadForm},
	{"SwissVAT", "CHE-107.787.577 MWST IVA", "CHE107787577MWSTIVA", fiscal.BadForm},
	{"SwissVAT", "CHE-107.787.578 TVA", "CHE-107.787.578 TVA", fiscal.BadCheck},
	{"ForeignVAT", "de 123456789", "DE123456789", ""},
	{"ForeignVAT", "123456789", "123456789", fiscal.BadForm},
	{"ForeignVAT", "DE" + strings.Repeat("1", 29), "DE" + strings.Repeat("1", 29), fiscal.BadForm},
	{"EORI", "IT00743110157", "IT00743110157", ""},
	{"EORI", "IT0074311015", "IT0074311015", fiscal.BadForm},
	{"GTIN", "4006381333931", "04006381333931", ""},
	{"GTIN", "4006381333932", "04006381333932", fiscal.BadCheck},
	{"GTIN", "96385074", "00000096385074", ""},
	{"GTIN", "036000291452", "00036000291452", ""},
	{"GTIN", "12345", "12345", fiscal.BadForm},
	{"GTIN", "123456789", "123456789", fiscal.BadForm},
	{"GTIN", "0000000000000", "0000000000000", fiscal.BadForm},
	{"CAP", "20121", "20121", ""},
	{"CAP", "I-39100", "39100", ""},
	{"CAP", "00010", "00010", ""},
	{"CAP", "00000", "00000", fiscal.BadForm},
	{"CAP", "99999", "99999", fiscal.BadForm},
	{"CAP", "6900", "6900", fiscal.BadForm},
	{"SwissPostcode", "CH-6900", "6900", ""},
	{"SwissPostcode", "9490", "9490", ""},
	{"SwissPostcode", "0900", "0900", fiscal.BadForm},
	{"SwissPostcode", "20121", "20121", fiscal.BadForm},
	{"Province", "mi", "MI", ""},
	{"Province", "SU", "SU", ""}, {"Province", "OT", "OT", ""}, {"Province", "VS", "VS", ""}, {"Province", "OG", "OG", ""}, {"Province", "CI", "CI", ""},
	{"Province", "EE", "EE", fiscal.NotKnown},
	{"Province", "Milano", "MILANO", fiscal.NotKnown},
	{"Canton", "Ti", "TI", ""},
	{"Canton", "MI", "MI", fiscal.NotKnown},
	{"Country", "it", "IT", ""},
	{"Country", "Italia", "ITALIA", fiscal.NotKnown},
	{"Country", "", "", fiscal.NotKnown},
	{"Currency", "chf", "CHF", ""},
	{"Currency", "EURO", "EURO", fiscal.NotKnown},
	{"Nature", "n3.1", "N3.1", ""},
	{"Nature", "N3", "N3", fiscal.NotKnown},
	{"Nature", "N31", "N31", fiscal.NotKnown},
}

func TestSamples(t *testing.T) {
	t.Parallel()
	for _, s := range samples {
		for _, v := range validators {
			if v.name != s.validator {
				continue
			}
			if out, p := v.check(s.in); out != s.out || p != s.problem {
				t.Errorf("%s(%q) = %q, %q, want %q, %q", v.name, s.in, out, p, s.out, s.problem)
			}
		}
	}
}

func TestProvincesAndCantonsAreComplete(t *testing.T) {
	t.Parallel()
	count := func(check func(string) (string, fiscal.Problem)) (n int) {
		for a := 'A'; a <= 'Z'; a++ {
			for b := 'A'; b <= 'Z'; b++ {
				if _, p := check(string(a) + string(b)); p == "" {
					n++
				}
			}
		}
		return n
	}
	// 107 until the provinces of Sardinia changed, four more since, and two former ones
	if n := count(fiscal.Province); n != 113 {
		t.Errorf("%d provinces", n)
	}
	if n := count(fiscal.Canton); n != 26 {
		t.Errorf("%d cantons", n)
	}
	if n := count(fiscal.Country); n != 250 { // ISO's 249, and XK
		t.Errorf("%d countries", n)
	}
}

// numbers is how many of each kind are made up.
const numbers = 10_000

func digits(r *rand.Rand, n int) string {
	var sb strings.Builder
	for range n {
		sb.WriteByte(byte('0' + r.IntN(10)))
	}
	return sb.String()
}

// changes returns s with each place filled with each other character.
func changes(s, alphabet string, yield func(string)) {
	for i := range len(s) {
		for _, c := range []byte(alphabet) {
			if c != s[i] {
				yield(s[:i] + string(c) + s[i+1:])
			}
		}
	}
}

const decimalDigits = "0123456789"

// accepted demands that a number is valid, and that no change of one digit is.
func accepted(t *testing.T, n int, check func(string) (string, fiscal.Problem), number, alphabet string, whole func(string) string) {
	t.Helper()
	if _, p := check(whole(number)); p != "" {
		t.Fatalf("%s is refused: %s", whole(number), p)
	}
	if n%each != 0 {
		return
	}
	changes(number, alphabet, func(other string) {
		if _, p := check(whole(other)); p == "" {
			t.Fatalf("%s is valid, and so is %s", whole(number), whole(other))
		}
	})
}

func plain(s string) string { return s }

func TestItalianVATNumbers(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 1))
	offices := []int{120, 121, 888, 999}
	for i := 1; i <= 100; i++ {
		offices = append(offices, i)
	}
	for n := range numbers {
		body := fmt.Sprintf("%07d%03d", 1+r.IntN(9_999_999), offices[r.IntN(len(offices))])
		// the decree's way: odd places, twice the even ones, and one for each even digit above four
		sum := 0
		for i := range 10 {
			d := int(body[i] - '0')
			if sum += d; i%2 == 1 {
				sum += d
				if d > 4 {
					sum++
				}
			}
		}
		accepted(t, n, fiscal.ItalianVAT, fmt.Sprintf("%s%d", body, (10-sum%10)%10), decimalDigits, plain)
	}
}

func TestSwissNumbers(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(2, 2))
	without := 0
	for n := range numbers {
		body := fmt.Sprintf("%d%s", 1+r.IntN(9), digits(r, 7))
		check := -1 // the digit that makes the weighted sum a multiple of eleven
		for c := range 10 {
			sum := c
			for i, w := range "54327654" {
				sum += int(w-'0') * int(body[i]-'0')
			}
			if sum%11 == 0 {
				check = c
			}
		}
		if check < 0 {
			without++
			for c := range 10 {
				if _, p := fiscal.SwissUID(fmt.Sprintf("CHE%s%d", body, c)); p != fiscal.NotKnown {
					t.Fatalf("CHE%s%d: %q", body, c, p)
				}
			}
			continue
		}
		number := fmt.Sprintf("%s%d", body, check)
		accepted(t, n, fiscal.SwissUID, number, decimalDigits, func(s string) string { return "CHE-" + s })
		if _, p := fiscal.SwissVAT("CHE" + number + " TVA"); p != "" {
			t.Fatalf("CHE%s TVA is refused: %s", number, p)
		}
	}
	if without < numbers/20 || without > numbers/7 { // one in eleven
		t.Errorf("%d of %d bodies have no number", without, numbers)
	}
}

func TestGTINs(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(3, 3))
	for _, length := range []int{8, 12, 13, 14} {
		for n := range numbers / 4 {
			body := fmt.Sprintf("%d%s", 1+r.IntN(9), digits(r, length-2))
			sum := 0 // from the right, beside the check digit
			for i := range len(body) {
				d := int(body[len(body)-1-i] - '0')
				sum += d
				if i%2 == 0 {
					sum += 2 * d
				}
			}
			number := fmt.Sprintf("%s%d", body, (10-sum%10)%10)
			accepted(t, n, fiscal.GTIN, number, decimalDigits, plain)
			if out, _ := fiscal.GTIN(number); len(out) != 14 || !strings.HasSuffix(out, number) {
				t.Fatalf("%s became %s", number, out)
			}
		}
	}
}

// What characters count at the odd places of a tax code, as the decree lists them.
const oddList = "0=1 1=0 2=5 3=7 4=9 5=13 6=15 7=17 8=19 9=21 A=1 B=0 C=5 D=7 E=9 F=13 G=15 H=17 I=19 J=21 K=2 L=4 M=18 " +
	"N=20 O=11 P=3 Q=6 R=8 S=12 T=14 U=16 V=10 W=22 X=25 Y=24 Z=23"

const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

func checkLetter(t *testing.T, code string) string {
	t.Helper()
	sum := 0
	for i := range 15 {
		c := code[i : i+1]
		n := strings.Index(decimalDigits, c)
		if n < 0 {
			n = strings.Index(letters, c)
		}
		if i%2 == 0 {
			_, after, _ := strings.Cut(oddList, c+"=")
			if _, err := fmt.Sscan(after, &n); err != nil {
				t.Fatal(err)
			}
		}
		sum += n
	}
	return letters[sum%26 : sum%26+1]
}

func TestTaxCodes(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(4, 4))
	for n := range numbers {
		var sb strings.Builder
		for range 6 {
			sb.WriteByte(letters[r.IntN(26)])
		}
		day := 1 + r.IntN(28) + 40*r.IntN(2)
		fmt.Fprintf(&sb, "%02d%c%02d%c%03d", r.IntN(100), "ABCDEHLMPRST"[r.IntN(12)], day, letters[r.IntN(26)], r.IntN(1000))
		code := []byte(sb.String())
		for _, i := range []int{6, 7, 9, 10, 12, 13, 14} { // letters for some digits
			if r.IntN(4) == 0 {
				code[i] = "LMNPQRSTUV"[code[i]-'0']
			}
		}
		number := string(code) + checkLetter(t, string(code))
		if _, p := fiscal.TaxCode(number); p != "" {
			t.Fatalf("%s is refused: %s", number, p)
		}
		if n%20 == 0 {
			accepted(t, n/20, fiscal.TaxCode, number, decimalDigits+letters, plain)
		}
		for i := range number { // one other character at each place
			c := (decimalDigits + letters)[r.IntN(36)]
			if _, p := fiscal.TaxCode(number[:i] + string(c) + number[i+1:]); p == "" && c != number[i] {
				t.Fatalf("%s is valid, and so is %s%c%s", number, number[:i], c, number[i+1:])
			}
		}
	}
}

func TestLeapDays(t *testing.T) {
	t.Parallel()
	for year, want := range map[string]fiscal.Problem{"84": "", "00": "", "85": fiscal.BadDate, "8Q": "", "UQ": "", "UR": fiscal.BadDate} {
		code := "RSSMRA" + year + "B69A562"
		if _, p := fiscal.TaxCode(code + checkLetter(t, code)); p != want {
			t.Errorf("29 February of %s: %q, want %q", year, p, want)
		}
	}
}

// A word for each validator that knows no check digit: many are made up, and one
// character too few or of another kind is refused.
func TestFormsWithoutCheckDigit(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(5, 5))
	pick := func(n int, alphabet string) string {
		var sb strings.Builder
		for range n {
			sb.WriteByte(alphabet[r.IntN(len(alphabet))])
		}
		return sb.String()
	}
	for _, tt := range []struct {
		check func(string) (string, fiscal.Problem)
		make  func() string
	}{
		{fiscal.RecipientCode, func() string { return pick(6, letters+decimalDigits) }},
		{fiscal.ForeignVAT, func() string { return "DE" + pick(2, decimalDigits+letters) }},
		{fiscal.EORI, func() string { return pick(2, letters) + pick(11, decimalDigits) }},
		{fiscal.CAP, func() string { return fmt.Sprintf("%05d", 10+r.IntN(98158)) }},
		{fiscal.SwissPostcode, func() string { return fmt.Sprint(1000 + r.IntN(9000)) }},
		{fiscal.PEC, func() string { return pick(3, letters) + "@" + pick(2, "abc") + ".it" }},
	} {
		for range numbers {
			s := tt.make()
			if _, p := tt.check(s); p != "" {
				t.Fatalf("%s is refused: %s", s, p)
			}
			for _, bad := range []string{s[1:len(s)-1] + "é", "€" + s, s[:2]} {
				if _, p := tt.check(bad); p == "" {
					t.Fatalf("%s is accepted", bad)
				}
			}
		}
	}
}
