package totalgest_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/tg360/tg360/totalgest"
	"github.com/tg360/tg360/totalgest/totalgesttest"
)

func TestVerifyAllWell(t *testing.T) {
	t.Parallel()
	s, c := startFake(t, totalgesttest.Options{})
	r, err := c.Verify(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var tried []string
	for _, check := range r.Checks {
		tried = append(tried, check.Operation)
	}
	if got := strings.Join(tried, " "); got != "account.get products.list stock.list orders.find" {
		t.Errorf("tried %s", got)
	}
	if r.Account.ShopID != totalgesttest.ShopID || r.Account.ServerTime.IsZero() || s.Writes() != 0 {
		t.Errorf("%+v, %d writes", r.Account, s.Writes())
	}
}

// Verify asks only for what the profile claims.
func TestVerifyWithoutAbilities(t *testing.T) {
	t.Parallel()
	s := totalgesttest.Start(t, totalgesttest.Options{NoSearch: true, Profile: []byte(`{"abilities":{"stock":false}}`)})
	if _, err := newClient(t, s.Config()).Verify(t.Context()); err != nil {
		t.Error(err)
	}
	if n := s.Requests(); n["orders.find"]+n["stock.list"] != 0 {
		t.Errorf("requests %v", n)
	}
}

// refused is an address where nobody listens; a port that was just closed may
// become another test's.
const refused = "http://127.0.0.1:1"

// Each cause has a sentinel or text of its own, so that a person knows what to
// correct.
func TestVerifyTellsCausesApart(t *testing.T) {
	t.Parallel()
	s := totalgesttest.Start(t, totalgesttest.Options{})
	account := `{"data":{"shop_id":"4711","owner_id":"999","name":"another"}}`
	page := startLiteral(t, map[string]answer{"*": {body: "<!DOCTYPE html><html><body>Welcome</body></html>"}})
	page404 := startLiteral(t, map[string]answer{"*": {404, "<html><body>Not Found</body></html>"}})
	empty := startLiteral(t, map[string]answer{"*": {}})
	other := startLiteral(t, map[string]answer{"*": {body: account}})
	down := startLiteral(t, map[string]answer{"*": {503, `{"error":{"code":"E503","message":"maintenance"}}`}})
	tests := []struct {
		name     string
		change   func(*totalgest.Config)
		sentinel error
		message  string
	}{
		{"nobody listens", func(c *totalgest.Config) { c.Endpoint = refused }, totalgest.ErrUnavailable, "connect"},
		{"the server fails", func(c *totalgest.Config) { c.Endpoint = down.URL }, totalgest.ErrUnavailable, "maintenance"},
		{"a web page", func(c *totalgest.Config) { c.Endpoint = page.URL }, totalgest.ErrUnexpected, "HTML instead of JSON"},
		{"a web page that is not there", func(c *totalgest.Config) { c.Endpoint = page404.URL }, totalgest.ErrUnexpected, "HTML instead of JSON"},
		{"empty", func(c *totalgest.Config) { c.Endpoint = empty.URL }, totalgest.ErrUnexpected, "empty reply"},
		{"wrong password", func(c *totalgest.Config) { c.Password = "wrong" }, totalgest.ErrUnauthorized, "user name or password is wrong"},
		{"wrong user", func(c *totalgest.Config) { c.Username = "wrong" }, totalgest.ErrUnauthorized, "user name or password is wrong"},
		{"wrong shop", func(c *totalgest.Config) { c.ShopID = "1" }, totalgest.ErrNotFound, "there is no such shop"},
		{"wrong owner", func(c *totalgest.Config) { c.OwnerID = "1" }, totalgest.ErrForbidden, "check shop id and owner id"},
		{"another account", func(c *totalgest.Config) { c.Endpoint = other.URL }, totalgest.ErrMismatch, `owner "999"`},
	}
	seen := map[string]string{}
	for _, tt := range tests {
		config := s.Config()
		tt.change(&config)
		r, err := newClient(t, config).Verify(t.Context())
		e := wantError(t, err, tt.sentinel)
		if !strings.Contains(e.Message, tt.message) {
			t.Errorf("%s: %q, want %q in it", tt.name, e.Message, tt.message)
		}
		last := r.Checks[len(r.Checks)-1]
		if !errors.Is(last.Err, tt.sentinel) {
			t.Errorf("%s: the report says %v", tt.name, last.Err)
		}
		if before, ok := seen[e.Message]; ok && tt.name != "wrong user" && tt.name != "a web page that is not there" {
			t.Errorf("%s and %s have the same text: %s", before, tt.name, e.Message)
		}
		seen[e.Message] = tt.name
	}
}

// An account that can log in and do nothing else is found out.
func TestVerifyTriesEachAbility(t *testing.T) {
	t.Parallel()
	s, c := startFake(t, totalgesttest.Options{})
	for _, op := range []string{"products.list", "stock.list", "orders.find"} {
		s.Faults(totalgesttest.Fault{Kind: totalgesttest.HTML502, Operation: op})
		r, err := c.Verify(t.Context())
		if e := wantError(t, err, totalgest.ErrUnavailable); e.Operation != op {
			t.Errorf("%s is blamed for %s", e.Operation, op)
		}
		if len(r.Checks) != 4 {
			t.Errorf("one failure ended the checks: %v", r.Checks)
		}
	}
}
