package framework360

import (
	"context"
	"crypto/x509"
	_ "embed"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/tg360/tg360/internal/api"
	"github.com/tg360/tg360/internal/transport"
	"github.com/tg360/tg360/internal/wire"
	"golang.org/x/sync/singleflight"
)

//go:embed profile.json
var defaultProfile []byte

// Opt is a field that may be absent (the zero value), null, or set. Make one
// with [Some] or [Null]; read it with its methods Get, Or, IsSet, IsNull and
// IsAbsent.
type Opt[T any] = wire.Opt[T]

// Some returns an Opt that is set to v.
func Some[T any](v T) Opt[T] { return wire.Some(v) }

// Null returns an Opt that is present and null.
func Null[T any]() Opt[T] { return wire.Null[T]() }

// Meta is what a record keeps beside its fields: Extra, a map of the fields that
// the profile does not name, as they came, and Problems, the optional fields
// that were there and could not be read.
type Meta = wire.Meta

// Attempt is one HTTP exchange, for metrics and traces: System, Operation,
// Method, Number (from 1), Status, Duration, Waited (for the rate limit), Bytes,
// Err and RequestID.
type Attempt = transport.Attempt

// Record is the data of a reply as it came.
type Record = json.RawMessage

// Abilities that a profile may claim, for [Client.Can].
const (
	AbilitySearch = "search" // products can be found by their SKU
	AbilityPatch  = "patch"  // an update may hold some fields only: the profile's update is patch
)

// Config says how to reach one shop. Site and APIKey are required.
type Config struct {
	Site   string // the shop's domain or address; pasted spellings are normalised
	APIKey string // 40 characters, from the back office

	// UserToken is a back-office user's token; empty: none. With UserEmail and
	// UserPassword the client logs in by itself, also after the token expired.
	UserToken    string
	UserEmail    string
	UserPassword string

	Profile  []byte         // JSON that overrides parts of the embedded profile; nil: none
	Location *time.Location // zone of dates without one; nil: Europe/Rome

	Transport    http.RoundTripper // nil: an own one; never changed
	RootCAs      *x509.CertPool    // further certificates to trust; nil: the system's
	AllowHTTP    bool              // plain http also to other machines
	Rate         float64           // requests a second; 0: 2, negative: no limit
	Concurrent   int               // requests at a time; 0: 2
	Retries      int               // further attempts at what may be repeated; 0: 3, negative: none
	ReadTimeout  time.Duration     // of one attempt to read; 0: 30 s
	WriteTimeout time.Duration     // of one attempt to write; 0: 20 s
	MaxBody      int64             // bytes of a reply; 0: 64 MiB
	UserAgent    string            // empty: tg360
	Logger       *slog.Logger      // nil: discards
	OnAttempt    func(Attempt)     // called after each HTTP exchange; nil: not
}

// Client talks to one shop. It is safe for concurrent use.
type Client struct {
	config Config
	api    *api.Client
	token  atomic.Pointer[string] // the user's
	logins singleflight.Group
}

// Contract is what package framework360test needs to speak the same wire. Its
// type is internal: it is no part of this package's interface.
func Contract() api.Contract {
	return api.NewContract(defaultProfile, wire.Spec{
		Operations: []string{"check", "users/login", "site/plugins", "site/settings", "site/data", "plugins/settings",
			"orders/list", "orders/get", "orders/statuses", "orders/labels", "orders/coupons", "orders/updateStatus",
			"orders/create", "orders/cancel", "orders/delete", "orders/resendNotifications", "payments/list",
			"payments/taxes", "customers/get", "customers/list", "customers/search", "customers/history/create",
			"webhooks/create", "webhooks/delete", "webhooks/test", "media/list", "media/add", "products/list",
			"products/get", "products/create", "products/update", "products/delete"},
		Abilities: []string{AbilitySearch},
		Settings:  []string{"site", "api_key", "user_token", "user_email", "user_password"},
	}, productSchema, orderSchema, rowSchema, partySchema, referenceSchema, pluginSchema, loginSchema)
}

// New checks the settings and the profile; it does not call the shop. The error
// names what is wrong: [ErrArgument].
func New(c Config) (*Client, error) {
	if strings.TrimSpace(c.APIKey) == "" {
		return nil, argument("Config.APIKey", "is empty; create one in the shop's back office")
	}
	site, err := normalize(c.Site, c.AllowHTTP)
	if err != nil {
		return nil, err
	}
	cl := &Client{config: c}
	cl.token.Store(&c.UserToken)
	settings := map[string]string{"site": site, "api_key": strings.TrimSpace(c.APIKey), "user_email": c.UserEmail, "user_password": c.UserPassword}
	lookup := func(n string) string {
		if n == "user_token" {
			return *cl.token.Load()
		}
		return settings[n]
	}
	cl.api, err = api.New(api.Config{Contract: Contract(), Override: c.Profile, Location: c.Location, Wrap: fromFailure,
		Setting: lookup, Secrets: []string{"api_key", "user_token", "user_email", "user_password"}, Address: "Config.Site",
		Classify: classify, Renew: cl.renew,
		Transport: transport.Config{System: "framework360", Transport: c.Transport, RootCAs: c.RootCAs, AllowHTTP: c.AllowHTTP,
			Rate: c.Rate, Concurrent: c.Concurrent, Retries: c.Retries, ReadTimeout: c.ReadTimeout, WriteTimeout: c.WriteTimeout,
			MaxBody: c.MaxBody, UserAgent: c.UserAgent, Logger: c.Logger, OnAttempt: c.OnAttempt}})
	if err != nil {
		return nil, err
	}
	return cl, nil
}

// normalize accepts what people paste: with or without scheme, path and slash.
// Plain http is kept for this machine and where it is allowed, and otherwise
// becomes https.
func normalize(site string, allowHTTP bool) (string, error) {
	s := strings.TrimSpace(site)
	if !strings.Contains(s, "://") {
		s = "https://" + s
	}
	u, err := url.Parse(s)
	if err != nil || u.Hostname() == "" || u.User != nil || (u.Scheme != "http" && u.Scheme != "https") {
		return "", argument("Config.Site", "is not a domain or plain address, such as shop.example or https://shop.example")
	}
	if u.Scheme == "http" && !allowHTTP && !transport.IsLoopback(u.Hostname()) {
		u.Scheme = "https"
	}
	path, _, _ := strings.Cut(strings.TrimRight(u.Path, "/"), "/m/api")
	return u.Scheme + "://" + strings.ToLower(u.Host) + path, nil
}

// renew logs in again once after the user's token expired.
func (c *Client) renew(ctx context.Context, f *api.Failure) bool {
	if f.Code != api.Unauthorized || f.Operation == "users/login" || c.config.UserEmail == "" || c.config.UserPassword == "" {
		return false
	}
	_, err, _ := c.logins.Do("login", func() (any, error) { return nil, c.Login(ctx) })
	return err == nil
}

// Login fetches a new user token with Config.UserEmail and Config.UserPassword.
// The client calls it by itself when a token has expired.
func (c *Client) Login(ctx context.Context) error {
	l, err := api.Get[login](ctx, c.api, "users/login", map[string]any{"email": c.config.UserEmail, "password": c.config.UserPassword})
	if err == nil {
		c.token.Store(&l.token)
	}
	return err
}

// Can reports whether the profile claims an ability, such as [AbilityPatch].
func (c *Client) Can(ability string) bool {
	p := c.api.Profile()
	return p.Has(ability) || ability == AbilityPatch && p.Update == "patch"
}

// Confirmed returns [ErrUnconfirmed] when one of the operations is a write whose
// wire is only assumed, the server is not on this machine and no person has
// confirmed it in the profile. Without operations it looks at all writes.
func (c *Client) Confirmed(operations ...string) error { return c.api.Guard(operations...) }

// Call runs any operation of the profile with its parameters and returns the
// data of the reply, nil when there is none. Values are texts, numbers,
// booleans, or lists and maps of them.
func (c *Client) Call(ctx context.Context, operation string, params map[string]any) (Record, error) {
	return c.api.Raw(ctx, operation, params)
}

// Close closes idle connections. The client can be used again.
func (c *Client) Close() { c.api.CloseIdle() }

// Urgent returns a context whose calls pass before others that wait for the
// rate limit.
func Urgent(ctx context.Context) context.Context { return transport.Urgent(ctx) }
