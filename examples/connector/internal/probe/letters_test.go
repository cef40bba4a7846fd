package probe_test

import (
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	quoted     = regexp.MustCompile("`[^`]+`")
	permission = regexp.MustCompile(`(?:^|\s)(/[a-z]+(?:/[a-zA-Z]+)?)\b`)
	question   = regexp.MustCompile(`(?m)^(\d)\. `)
)

// TestLetters holds the languages of the letters to each other, and what they
// name to what there is.
func TestLetters(t *testing.T) {
	t.Parallel()
	doc, err := os.ReadFile("../../../../docs/ask-your-vendor.md")
	if err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(string(doc), "\n## ")[1:]
	if len(parts) != 3 {
		t.Fatalf("%d languages, want it, de, en", len(parts))
	}
	known := vocabulary(t)
	var first [3]string
	for i, part := range parts {
		letters := strings.Split(part, "```")
		if len(letters) != 5 {
			t.Fatalf("%.10s: not two letters", part)
		}
		goes := quoted.FindAllString(letters[4], -1)
		for _, key := range goes {
			if !slices.Contains(known, strings.Trim(key, "`")) {
				t.Errorf("%.10s: %s is no key of a profile and no setting", part, key)
			}
		}
		var asked, rights []string
		for _, m := range question.FindAllStringSubmatch(letters[1]+letters[3], -1) {
			asked = append(asked, m[1])
		}
		for _, m := range permission.FindAllStringSubmatch(letters[1], -1) {
			rights = append(rights, m[1])
		}
		got := [3]string{strings.Join(goes, " "), strings.Join(asked, " "), strings.Join(rights, " ")}
		if i == 0 {
			first = got
		}
		if got != first || got[1] != "1 2 3 4 5 6 7 1 2 3 4 5 6 7" || strings.Count(letters[4], "\n|") != 2+len(asked) {
			t.Errorf("%.10s: %q\nothers: %q", part, got, first)
		}
	}
	want := "/check /site/plugins /orders/list /orders/get /orders/statuses /payments/list /payments/taxes /products/list /products/get /products/create /products/update /orders/updateStatus"
	if first[2] != want {
		t.Errorf("permissions %s, want %s", first[2], want)
	}
}

// vocabulary lists the keys of both default profiles, and the settings that are
// in the documentation of the connector's file.
func vocabulary(t *testing.T) []string {
	t.Helper()
	out := strings.Fields("states payment_states methods prices rows api_key plugin_is_fine webhook_token rate zone settle shop_id owner_id endpoint username password confirmed")
	for _, name := range []string{"totalgest", "framework360"} {
		raw, err := os.ReadFile("../../../../" + name + "/profile.json")
		if err != nil {
			t.Fatal(err)
		}
		var p map[string]any
		if err := json.Unmarshal(raw, &p); err != nil {
			t.Fatal(err)
		}
		for key, v := range p {
			out = append(out, key)
			below, _ := v.(map[string]any)
			for k := range below {
				out = append(out, key+"."+k)
			}
		}
	}
	return out
}
