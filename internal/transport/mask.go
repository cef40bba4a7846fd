package transport

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

const (
	maxMasked  = 300     // runes that Mask returns
	maxForeign = 4 << 10 // bytes that Mask looks at
	maxAddress = 320     // bytes of the longest e-mail address
)

var (
	emailPattern  = regexp.MustCompile(`(?i)[^\s@<>"'(),;:=&?/]+(?:@|%40)[^\s@<>"'(),;:=&?/]+`)
	digitsPattern = regexp.MustCompile(`\+?\d(?:[ ./\-]?\d){6,}`)
	// An Italian fiscal code; letters stand for digits where two people share one.
	fiscalPattern = regexp.MustCompile(`(?i)[A-Z]{6}[0-9L-NP-V]{2}[A-EHLMPR-T][0-9L-NP-V]{2}[A-Z][0-9L-NP-V]{3}[A-Z]`)
)

// Mask makes foreign text fit to be shown: it masks the client's secrets, in
// the spellings in which a server may echo them, e-mail addresses, long runs of
// digits and Italian fiscal codes, puts it on one line, and cuts it at 300
// runes. It can't know names or streets.
func (c *Client) Mask(text string) string {
	secrets := c.secrets()
	cut := len(text) > maxForeign
	if cut {
		text = text[:maxForeign]
	}
	pairs := make([]string, 0, 2*len(secrets))
	for _, s := range secrets {
		pairs = append(pairs, s, "***")
	}
	text = strings.NewReplacer(pairs...).Replace(text)
	if cut { // what is left of a secret or an address at the end is not recognised
		longest := maxAddress
		if len(secrets) > 0 {
			longest = max(longest, len(secrets[0]))
		}
		text = text[:max(0, len(text)-longest)]
	}
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Zl, r) || unicode.Is(unicode.Zp, r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "?"))
	text = emailPattern.ReplaceAllString(text, "[e-mail]")
	text = fiscalPattern.ReplaceAllString(text, "[fiscal code]")
	text = digitsPattern.ReplaceAllStringFunc(text, maskDigits)
	if runes := []rune(text); len(runes) > maxMasked {
		text = string(runes[:maxMasked-1]) + "…"
	}
	return text
}

// maskDigits masks runs of seven digits and grouped ones of nine, such as a
// telephone number. A date and an amount stay.
func maskDigits(s string) string {
	total, run, longest := 0, 0, 0
	for _, r := range s {
		if r < '0' || r > '9' {
			run = 0
			continue
		}
		total++
		run++
		longest = max(longest, run)
	}
	if longest < 7 && total < 9 {
		return s
	}
	return "[digits]"
}

// secrets returns every spelling of the client's secrets, the longest first.
func (c *Client) secrets() []string {
	if c.config.Auth == nil {
		return nil
	}
	h := http.Header{}
	c.config.Auth.Authenticate(h)
	raw := c.config.Auth.Secrets()
	if _, token, ok := strings.Cut(h.Get("Authorization"), " "); ok {
		raw = append(slices.Clip(raw), token)
	}
	var all []string
	for _, s := range raw {
		if s == "" {
			continue
		}
		quoted, _ := json.Marshal(s) // a string always has a JSON form
		all = append(all, s, url.QueryEscape(s), url.PathEscape(s), html.EscapeString(s),
			string(quoted[1:len(quoted)-1]), base64.StdEncoding.EncodeToString([]byte(s)))
	}
	slices.SortFunc(all, func(a, b string) int { return cmp.Or(cmp.Compare(len(b), len(a)), cmp.Compare(a, b)) })
	return slices.Compact(all)
}
