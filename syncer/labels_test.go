package syncer_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/tg360/tg360/syncer"
)

// linkConstants returns the values of the typed constants that link.go declares, so
// that a new one without labels is found.
func linkConstants(t *testing.T, typ string) []string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "link.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var values []string
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if name, ok := spec.Type.(*ast.Ident); ok && name.Name == typ {
			for _, v := range spec.Values {
				s, err := strconv.Unquote(v.(*ast.BasicLit).Value)
				if err != nil {
					t.Fatal(err)
				}
				values = append(values, s)
			}
		}
		return false
	})
	return values
}

var labelledTypes = []struct {
	typ   string
	count int // that the test is known to find, lest it look in the wrong place
	label func(value, lang string) string
}{
	{"State", 9, func(v, lang string) string { return syncer.State(v).Label(lang) }},
	{"Reason", 5, func(v, lang string) string { return syncer.Reason(v).Label(lang) }},
	{"Kind", 3, func(v, lang string) string { return syncer.Kind(v).Label(lang) }},
}

func TestLabelsAreComplete(t *testing.T) {
	t.Parallel()
	for _, lang := range syncer.Languages() {
		meaning := map[string]string{}
		for _, l := range labelledTypes {
			values := linkConstants(t, l.typ)
			if len(values) < l.count {
				t.Fatalf("%d constants of type %s, want at least %d", len(values), l.typ, l.count)
			}
			for _, v := range values {
				text := l.label(v, lang)
				if text == v || text == "" {
					t.Errorf("%s: %s %s has no label", lang, l.typ, v)
				}
				if first, _ := utf8.DecodeRuneInString(text); !unicode.IsUpper(first) || text != strings.TrimSpace(text) {
					t.Errorf("%s: label %q of %s must begin with a capital and have no space around it", lang, text, v)
				}
				if n := utf8.RuneCountInString(text); n > 35 {
					t.Errorf("%s: label %q of %s is too long for a column: %d characters", lang, text, v, n)
				}
				if other, taken := meaning[text]; taken {
					t.Errorf("%s: %q says both %s and %s", lang, text, other, v)
				}
				meaning[text] = v
			}
		}
	}
}

func TestStatesAreAllListed(t *testing.T) {
	t.Parallel()
	var listed []string
	for _, s := range syncer.States() {
		listed = append(listed, string(s))
	}
	declared := linkConstants(t, "State")
	slices.Sort(listed)
	slices.Sort(declared)
	if !slices.Equal(listed, declared) {
		t.Errorf("States() = %v, declared are %v", listed, declared)
	}
}

func TestLabelLanguage(t *testing.T) {
	t.Parallel()
	for lang, want := range map[string]string{
		"it": "Non collegato", "IT": "Non collegato", "it-IT": "Non collegato", "it_CH": "Non collegato", "It-ch": "Non collegato",
		"de": "Nicht verbunden", "de-CH": "Nicht verbunden", "DE_AT": "Nicht verbunden",
		"en": "Not linked", "fr": "Non lié", "es": "No vinculado", "nl": "Niet gekoppeld", "nl-BE": "Niet gekoppeld",
		"": "Not linked", "pt": "Not linked", "xx-IT": "Not linked", "italiano": "Not linked", "-it": "Not linked",
	} {
		if got := syncer.NotLinked.Label(lang); got != want {
			t.Errorf("Label(%q) = %q, want %q", lang, got, want)
		}
	}
}

func TestLabelOfTheUnknown(t *testing.T) {
	t.Parallel()
	for _, l := range labelledTypes {
		for _, v := range []string{"", "paused"} {
			if got := l.label(v, "it"); got != v {
				t.Errorf("%s %q: label %q, want it back", l.typ, v, got)
			}
		}
	}
}

func TestLanguages(t *testing.T) {
	t.Parallel()
	got := syncer.Languages()
	slices.Sort(got) // must not disturb the labels
	if want := []string{"de", "en", "es", "fr", "it", "nl"}; !slices.Equal(got, want) {
		t.Errorf("languages %v, want %v", got, want)
	}
	if got := syncer.Synced.Label("it"); got != "Sincronizzato" {
		t.Errorf("after sorting what Languages returned: %q", got)
	}
}
