package totalgest

import (
	"context"
	"crypto/x509"
	_ "embed"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/tg360/tg360/internal/api"
	"github.com/tg360/tg360/internal/transport"
	"github.com/tg360/tg360/internal/wire"
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
	AbilitySearch        = "search"         // orders can be found by their external id
	AbilityDedupe        = "dedupe"         // the same external id twice is one order
	AbilityModifiedSince = "modified_since" // lists can be narrowed by the last change
	AbilityStock         = "stock"          // quantities are a list of their own
	AbilityUpdate        = "update"         // orders can be changed
	AbilityCancel        = "cancel"         // orders can be cancelled
	AbilityOrderList     = "order_list"     // orders can be listed by their last change: the profile has orders.list
	AbilityCursor        = "cursor"         // lists are walked by cursor: nothing slips over the edge of a page
)

// Config says how to reach one shop of one TotalGest. The first five fields are
// handed out by the provider and required.
type Config struct {
	ShopID   string
	OwnerID  string
	Endpoint string // host such as tg00.bweb.ch, or a whole URL
	Username string
	Password string

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

// Client talks to one shop of one TotalGest. It is safe for concurrent use.
type Client struct {
	config Config
	api    *api.Client
}

// Contract is what package totalgesttest needs to speak the same wire. Its type
// is internal: it is no part of this package's interface.
func Contract() api.Contract {
	return api.NewContract(defaultProfile, wire.Spec{
		Operations: []string{"account.get", "products.list", "products.get", "stock.list", "orders.create",
			"orders.find", "orders.get", "orders.list", "orders.update", "orders.cancel"},
		Abilities: []string{AbilitySearch, AbilityDedupe, AbilityModifiedSince, AbilityStock, AbilityUpdate, AbilityCancel},
		Settings:  []string{"shop_id", "owner_id", "endpoint", "username", "password"},
	}, accountSchema, productSchema, priceSchema, warehouseSchema, stockSchema, orderSchema, partySchema, chargeSchema, lineSchema, orderRefSchema)
}

// New checks the settings and the profile; it does not call the server. The
// error names what is wrong: [ErrArgument].
func New(c Config) (*Client, error) {
	for _, f := range []struct{ name, value string }{{"ShopID", c.ShopID}, {"OwnerID", c.OwnerID},
		{"Endpoint", c.Endpoint}, {"Username", c.Username}, {"Password", c.Password}} {
		if strings.TrimSpace(f.value) == "" {
			return nil, argument("Config."+f.name, "is empty; the provider of TotalGest hands it out")
		}
	}
	endpoint, err := normalize(c.Endpoint)
	if err != nil {
		return nil, err
	}
	settings := map[string]string{"shop_id": c.ShopID, "owner_id": c.OwnerID, "endpoint": endpoint,
		"username": c.Username, "password": c.Password}
	client, err := api.New(api.Config{Contract: Contract(), Override: c.Profile, Location: c.Location, Wrap: fromFailure,
		Setting: func(n string) string { return settings[n] }, Secrets: []string{"password"}, Address: "Config.Endpoint",
		Transport: transport.Config{System: "totalgest", Transport: c.Transport, RootCAs: c.RootCAs, AllowHTTP: c.AllowHTTP,
			Rate: c.Rate, Concurrent: c.Concurrent, Retries: c.Retries, ReadTimeout: c.ReadTimeout, WriteTimeout: c.WriteTimeout,
			MaxBody: c.MaxBody, UserAgent: c.UserAgent, Logger: c.Logger, OnAttempt: c.OnAttempt}})
	if err != nil {
		return nil, err
	}
	return &Client{config: c, api: client}, nil
}

// normalize accepts a bare host or a URL, with or without the path that the
// profile adds.
func normalize(endpoint string) (string, error) {
	s := strings.TrimSpace(endpoint)
	if !strings.Contains(s, "://") {
		s = "https://" + s
	}
	u, err := url.Parse(s)
	if err != nil || u.Hostname() == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return "", argument("Config.Endpoint", "is not a host name or plain URL, such as tg00.bweb.ch; user name and password have fields of their own")
	}
	return strings.TrimSuffix(strings.TrimRight(s, "/"), "/api/v1"), nil
}

// Can reports whether the profile claims an ability, such as [AbilityDedupe].
func (c *Client) Can(ability string) bool {
	p := c.api.Profile()
	switch ability {
	case AbilityOrderList:
		return p.Operations["orders.list"] != nil
	case AbilityCursor:
		return p.Paging.Kind != "page"
	}
	return p.Has(ability)
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
