package transport

import (
	"encoding/base64"
	"strings"
	"testing"
	"unicode/utf8"
)

// odd is a password whose spellings differ.
const odd = `p&ss "wörd"/+1`

func TestMask(t *testing.T) {
	t.Parallel()
	cl := newTestClient(t, local, Config{Auth: basic{"anna", odd}})
	tests := []struct{ in, want string }{
		{"", ""},
		{"order 1001 refused on 2024-05-01: 12,50 EUR", "order 1001 refused on 2024-05-01: 12,50 EUR"},
		{"wrong password " + odd + "!", "wrong password ***!"},
		{"?k=p%26ss+%22w%C3%B6rd%22%2F%2B1&x", "?k=***&x"},
		{"/p&ss%20%22w%C3%B6rd%22%2F+1/x", "/***/x"},
		{"p&amp;ss &#34;wörd&#34;/+1", "***"},
		{`{"k":"p\u0026ss \"wörd\"/+1"}`, `{"k":"***"}`},
		{"Basic " + base64.StdEncoding.EncodeToString([]byte("anna:"+odd)), "Basic ***"},
		{base64.StdEncoding.EncodeToString([]byte(odd)), "***"},
		{"customer rosa.bianchi+x@mail.example.it exists", "customer [e-mail] exists"},
		{"user_email=rosa%40mail.example&x=1", "user_email=[e-mail]&x=1"},
		{"<Rosa@Bianchi.example>, (b@c.example)", "<[e-mail]>, ([e-mail])"},
		{"è@società.example", "[e-mail]"},
		{"phone +39 333 123 4567 or 3331234567", "phone [digits] or [digits]"},
		{"VAT 01234567890, IBAN IT60X0542811101000001234567", "VAT [digits], IBAN IT60X[digits]"},
		{"cf BNCRSO80A41F205X and bncrso80a4mf20rx", "cf [fiscal code] and [fiscal code]"},
		{"cf=BNCRSO80A41F205X;", "cf=[fiscal code];"},
		{"line one\r\nline\ttwo\x00\u2028", "line one  line two  "},
		{"bad \xff utf", "bad ? utf"},
		{strings.Repeat("é", 300), strings.Repeat("é", 300)},
		{strings.Repeat("é", 301), strings.Repeat("é", 299) + "…"},
	}
	for _, tt := range tests {
		if got := cl.Mask(tt.in); got != tt.want {
			t.Errorf("Mask(%q) = %q, want %q", tt.in, got, tt.want)
		}
	}
	cl = newTestClient(t, local, Config{Auth: keyed{basic{"anna", theKey[:5]}}})
	if got := cl.Mask("key " + theKey + ", password " + theKey[:5]); got != "key ***, password ***" {
		t.Errorf("%q", got)
	}
	if got := newTestClient(t, local, Config{}).Mask("no secrets"); got != "no secrets" {
		t.Error(got)
	}
}

// A secret is masked wherever it lies, also across the bound of what is read.
func TestMaskLongText(t *testing.T) {
	t.Parallel()
	const secret = "hunter2-and-more"
	cl := newTestClient(t, local, Config{Auth: basic{"anna", secret}})
	check := func(at, after int) {
		text := strings.Repeat("x", at) + secret + strings.Repeat("y", after)
		if got := cl.Mask(text); strings.Contains(got, "hunter") || utf8.RuneCountInString(got) > 300 {
			t.Fatalf("at %d: %q", at, got)
		}
	}
	for at := range 320 { // about where the result ends
		check(at, 100)
	}
	for i := range 80 { // about where reading ends
		check(maxForeign-60+i, 100)
	}
	// Masking shortens a text, so that the end of what is read may come into view.
	text := strings.Repeat(strings.Repeat("m", 300)+"@mail.example ", 13)
	text += strings.Repeat("z", maxForeign-len(text)-7) + secret
	if got := cl.Mask(text); strings.Contains(got, "hunt") || !strings.Contains(got, "[e-mail] [e-mail]") {
		t.Errorf("%q", got)
	}
}

func FuzzMask(f *testing.F) {
	f.Add("a", "b")
	f.Add("Basic ", "==")
	f.Add("\xff", "@x.y")
	f.Add("12345", "67890")
	const secret, address = "hunter2!x", "rosa@mail.example"
	cl := newTestClient(f, local, Config{Auth: basic{"anna", secret}})
	f.Fuzz(func(t *testing.T, before, after string) {
		got := cl.Mask(before + secret + " " + address + " " + after)
		if strings.Contains(got, secret) || strings.Contains(got, address) || !utf8.ValidString(got) || utf8.RuneCountInString(got) > maxMasked || strings.ContainsAny(got, "\r\n") {
			t.Errorf("%q", got)
		}
	})
}
