package framework360_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/tg360/tg360/framework360"
	"github.com/tg360/tg360/framework360/framework360test"
)

var verified = []string{"check", "site/plugins", "orders/list", "orders/statuses", "payments/list", "payments/taxes", "products/list"}

func TestVerifyAllWell(t *testing.T) {
	t.Parallel()
	for seed := range uint64(3) {
		s, c := startFake(t, framework360test.Options{NoListen: true, Seed: seed})
		r, err := c.Verify(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var tried []string
		for _, check := range r.Checks {
			tried = append(tried, check.Operation)
			if check.Permission != "/"+check.Operation {
				t.Errorf("permission %q", check.Permission)
			}
		}
		if got := strings.Join(tried, " "); got != strings.Join(verified, " ") || r.VendorPlugin || s.Writes() != 0 {
			t.Errorf("tried %s, %+v, %d writes", got, r, s.Writes())
		}
	}
}

// refused is an address where nobody listens; a port that was just closed may
// become another test's.
const refused = "http://127.0.0.1:1"

// Each cause has a sentinel or text of its own, so that a person knows what to
// correct.
func TestVerifyTellsCausesApart(t *testing.T) {
	t.Parallel()
	page := startLiteral(t, map[string]answer{"*": {body: "<!DOCTYPE html><html><body>Benvenuti</body></html>"}})
	page404 := startLiteral(t, map[string]answer{"*": {404, "<html><body>Not Found</body></html>"}})
	empty := startLiteral(t, map[string]answer{"*": {}})
	null := startLiteral(t, map[string]answer{"*": {body: "null"}})
	bare := startLiteral(t, map[string]answer{"*": {body: "[]"}})
	maintenance := startLiteral(t, map[string]answer{"*": {503, ""}})
	status401 := startLiteral(t, map[string]answer{"*": {401, `{"status":0,"error":"nope"}`}})
	tests := []struct {
		name     string
		options  framework360test.Options
		change   func(*framework360.Config)
		sentinel error
		message  string
	}{
		{"nobody listens", framework360test.Options{}, func(c *framework360.Config) { c.Site = refused }, framework360.ErrUnavailable, "connect"},
		{"maintenance", framework360test.Options{}, func(c *framework360.Config) { c.Site = maintenance.URL }, framework360.ErrUnavailable, "Service Unavailable"},
		{"a web page", framework360test.Options{}, func(c *framework360.Config) { c.Site = page.URL }, framework360.ErrUnexpected, "HTML instead of JSON"},
		{"a web page that is not there", framework360test.Options{}, func(c *framework360.Config) { c.Site = page404.URL }, framework360.ErrUnexpected, "HTML instead of JSON"},
		{"empty", framework360test.Options{}, func(c *framework360.Config) { c.Site = empty.URL }, framework360.ErrUnexpected, "empty reply"},
		{"null", framework360test.Options{}, func(c *framework360.Config) { c.Site = null.URL }, framework360.ErrUnexpected, "null instead of an envelope"},
		{"a bare list", framework360test.Options{}, func(c *framework360.Config) { c.Site = bare.URL }, framework360.ErrUnexpected, "bare value"},
		{"wrong key", framework360test.Options{}, func(c *framework360.Config) { c.APIKey = "wrong" }, framework360.ErrUnauthorized, "copy the key again"},
		{"status 401", framework360test.Options{}, func(c *framework360.Config) { c.Site = status401.URL }, framework360.ErrUnauthorized, "copy the key again"},
		{"wrong user", framework360test.Options{NeedUser: true}, func(c *framework360.Config) { c.UserPassword = "wrong" }, framework360.ErrUnauthorized, "user token is not accepted"},
		{"no e-commerce", framework360test.Options{NoEcommerce: true}, nil, framework360.ErrInactive, "e-commerce module is not active"},
		{"vendor's plugin", framework360test.Options{VendorPlugin: true}, nil, framework360.ErrPluginActive, "exported twice"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			for seed := range uint64(4) {
				tt.options.Seed, tt.options.Now = seed, nil
				s := framework360test.Start(t, tt.options)
				config := s.Config()
				if tt.change != nil {
					tt.change(&config)
				}
				r, err := newClient(t, config).Verify(t.Context())
				e := wantError(t, err, tt.sentinel)
				if !strings.Contains(e.Message, tt.message) {
					t.Errorf("%q, want %q in it", e.Message, tt.message)
				}
				if r.VendorPlugin != tt.options.VendorPlugin {
					t.Errorf("VendorPlugin is %v", r.VendorPlugin)
				}
			}
		})
	}
}

// Every permission that is missing is named, in whichever way the shop says it.
func TestVerifyNamesMissingPermissions(t *testing.T) {
	t.Parallel()
	for seed := range uint64(3) {
		for _, denied := range verified {
			s := framework360test.Start(t, framework360test.Options{NoListen: true, Seed: seed, Denied: []string{denied}})
			r, err := newClient(t, s.Config()).Verify(t.Context())
			e := wantError(t, err, framework360.ErrForbidden)
			if !strings.Contains(e.Message, "the permission /"+denied+":") {
				t.Errorf("%s: %s", denied, e.Message)
			}
			failed := 0
			for _, check := range r.Checks {
				if check.Err != nil {
					failed++
				}
			}
			if failed != 1 {
				t.Errorf("%s: %d checks failed", denied, failed)
			}
		}
		s := framework360test.Start(t, framework360test.Options{NoListen: true, Seed: seed, Denied: []string{"orders/list", "payments/taxes"}})
		_, err := newClient(t, s.Config()).Verify(t.Context())
		if !errors.Is(err, framework360.ErrForbidden) || !strings.Contains(err.Error(), "/orders/list") || !strings.Contains(err.Error(), "/payments/taxes") {
			t.Errorf("%v does not name both", err)
		}
	}
}
