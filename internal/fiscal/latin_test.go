package fiscal_test

import (
	"slices"
	"testing"
	"unicode/utf8"

	"github.com/tg360/tg360/internal/fiscal"
	"pgregory.net/rapid"
)

func TestLatin1(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"Caffè à la crème, Straße 5 ½": "Caffè à la crème, Straße 5 ½",
		"“Tè” ‘verde’ – 5€…":           `"Tè" 'verde' - 5EUR...`,
		"Łódź, Škofja Loka, Şişli":     "Lódz, Skofja Loka, Sisli",
		"Nguyễn Thị Ánh":               "Nguyen Thi Ánh",
		"Œuvre ﬁne ĳs":                 "OEuvre fine ijs",
		"Cafe\u0301 nin\u0303o":        "Café niño",
		"z\u030ca":                     "za",
		"tea 🍵👍🏽!":                     "tea !",
		"Мир 東京":                       "??? ??",
		"ＡＢＣ１":                         "ABC1",
		"a\u00a0b\u202fc\u3000d":       "a\u00a0b c d",
		"a\u200bb\ufeff":               "ab",
		"a\x00b\x1bc\td\r\n":           "abc\td\r\n",
		"a\u0085b":                     "a b",
		"a\xffb\xc3":                   "ab",
		"\ufffd":                       "",
		"":                             "",
	} {
		got, changed := fiscal.Latin1(in)
		if got != want || changed != (in != want) {
			t.Errorf("%q became %q, %v, want %q", in, got, changed, want)
		}
	}
}

// Every letter of the Latin blocks has one of Latin-1 to stand for it.
func TestLatin1KnowsTheLatinLetters(t *testing.T) {
	t.Parallel()
	for r := rune(0x100); r < 0x180; r++ {
		if out, changed := fiscal.Latin1(string(r)); !changed || out == "" || out == "?" {
			t.Errorf("%c became %q", r, out)
		}
	}
	for r := rune(0x1e00); r <= 0x1ef9; r++ {
		if out, _ := fiscal.Latin1(string(r)); out == "" {
			t.Errorf("%c became nothing", r)
		}
	}
}

func TestCut(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		in   string
		max  int
		want string
		cut  bool
	}{{"così", 4, "così", false}, {"così", 3, "cos", true}, {"èèè", 2, "èè", true}, {"", 0, "", false}, {"a", 0, "", true}, {"a", -1, "", true}} {
		if out, cut := fiscal.Cut(tt.in, tt.max); out != tt.want || cut != tt.cut {
			t.Errorf("Cut(%q, %d) = %q, %v", tt.in, tt.max, out, cut)
		}
	}
}

func TestNearest(t *testing.T) {
	t.Parallel()
	catalogue := []string{"TG-0002", "TG-0001", "PENNA-ROSSA", "PENNA-BLU", "A1", "0042"}
	for in, want := range map[string]string{
		"tg0001": "TG-0001", "TG-001": "TG-0001", "TG-0003": "TG-0001", "PENA-ROSA": "PENNA-ROSSA", "PENNA-BLV": "PENNA-BLU",
		"42": "", "A2": "", "": "", "004": "0042", "XYZ-9999": "", "PENNARELLO": "", "---": "",
	} {
		if got, found := fiscal.Nearest(in, slices.Values(catalogue)); got != want || found != (want != "") {
			t.Errorf("%q: %q, %v, want %q", in, got, found, want)
		}
	}
}

// A code with one slip is found among the others, whatever the order.
func TestNearestFindsASlip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		code := rapid.StringMatching(`[A-Z]{3}[0-9]{5}`).Draw(t, "code")
		i := rapid.IntRange(0, len(code)-1).Draw(t, "place")
		slip := rapid.SampledFrom([]string{code[:i] + code[i+1:], code[:i] + "x" + code[i:], code[:i] + "y" + code[i+1:]}).Draw(t, "slip")
		list := append(rapid.SliceOfN(rapid.StringMatching(`[a-f]{16}`), 0, 5).Draw(t, "others"), code)
		if got, found := fiscal.Nearest(slip, slices.Values(rapid.Permutation(list).Draw(t, "list"))); !found || got != code {
			t.Fatalf("%s: %s, %v", slip, got, found)
		}
	})
}

func FuzzLatin1(f *testing.F) {
	for _, s := range []string{"Caffè", "“Łódź”…", "e\u0301", "🍵", "\xff\xc3", "a\u0085b", "ﷺ"} {
		f.Add(s, 3)
	}
	f.Fuzz(func(t *testing.T, s string, limit int) {
		out, changed := fiscal.Latin1(s)
		if changed != (out != s) {
			t.Errorf("%q became %q, changed %v", s, out, changed)
		}
		for _, r := range out {
			if r > 0xff || r == utf8.RuneError {
				t.Errorf("%q became %q", s, out)
			}
		}
		if again, changed := fiscal.Latin1(out); changed || again != out {
			t.Errorf("%q became %q, then %q", s, out, again)
		}
		short, cut := fiscal.Cut(out, limit)
		if utf8.RuneCountInString(short) > max(limit, 0) || !utf8.ValidString(short) || cut != (short != out) || out[:len(short)] != short {
			t.Errorf("Cut(%q, %d) = %q, %v", out, limit, short, cut)
		}
	})
}
