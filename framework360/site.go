package framework360

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/shopspring/decimal"
	"github.com/tg360/tg360/internal/api"
	"github.com/tg360/tg360/internal/wire"
)

// Reference is an entry of one of the site's own lists: an order state, a
// payment method, a tax.
type Reference struct {
	ID   string // required
	Name string
	Rate Opt[decimal.Decimal] // of a tax, percent
}

var referenceSchema = &wire.Schema[Reference]{Record: "reference", Fields: []wire.Field[Reference]{
	wire.ID("id", func(r *Reference) *string { return &r.ID }).Key(),
	wire.String("name", func(r *Reference) *string { return &r.Name }),
	wire.Decimal("rate", func(r *Reference) *Opt[decimal.Decimal] { return &r.Rate }),
}}

// Plugin is a module of the site.
type Plugin struct {
	ID     string // required
	Name   string
	Active Opt[bool] // absent: active, since it is listed
}

var pluginSchema = &wire.Schema[Plugin]{Record: "plugin", Fields: []wire.Field[Plugin]{
	wire.ID("id", func(p *Plugin) *string { return &p.ID }).Key(),
	wire.String("name", func(p *Plugin) *string { return &p.Name }),
	wire.Bool("active", func(p *Plugin) *Opt[bool] { return &p.Active }),
}}

type login struct{ token string }

var loginSchema = &wire.Schema[login]{Record: "login", Fields: []wire.Field[login]{
	wire.ID("access_token", func(l *login) *string { return &l.token }).Key(),
}}

// Statuses lists the order states of the site.
func (c *Client) Statuses(ctx context.Context) ([]Reference, error) {
	return api.All[Reference](ctx, c.api, "orders/statuses", nil)
}

// PaymentMethods lists the payment methods of the site.
func (c *Client) PaymentMethods(ctx context.Context) ([]Reference, error) {
	return api.All[Reference](ctx, c.api, "payments/list", nil)
}

// Taxes lists the taxes of the site with their rates.
func (c *Client) Taxes(ctx context.Context) ([]Reference, error) {
	return api.All[Reference](ctx, c.api, "payments/taxes", nil)
}

// Plugins lists the modules of the site.
func (c *Client) Plugins(ctx context.Context) ([]Plugin, error) {
	return api.All[Plugin](ctx, c.api, "site/plugins", nil)
}

// Check is the result of trying one ability.
type Check struct {
	Ability    string // what a sync needs it for
	Operation  string // the profile's name
	Permission string // what the API key needs
	Err        error  // nil: it works
}

// Report is the result of [Client.Verify].
type Report struct {
	Checks []Check
	// VendorPlugin says that the vendor's own TotalGest plugin is active: two
	// exporters would make every order twice.
	VendorPlugin bool
}

// Verify checks the settings with one real read for each ability that a sync
// needs. The error joins all that failed; errors.Is finds [ErrUnauthorized] (API
// key), [ErrForbidden] (a permission of the key, which the error names),
// [ErrInactive] (no e-commerce), [ErrPluginActive] (the vendor's own TotalGest
// plugin runs too), [ErrUnexpected] (not a Framework360) or [ErrUnavailable]. It
// writes nothing.
func (c *Client) Verify(ctx context.Context) (Report, error) {
	var r Report
	var errs []error
	add := func(ability, op string, err error) {
		err = advise(err)
		r.Checks, errs = append(r.Checks, Check{Ability: ability, Operation: op, Permission: "/" + op, Err: err}), append(errs, err)
	}
	_, err := c.api.Raw(ctx, "check", nil)
	add("reach the shop", "check", err)
	if err != nil {
		return r, errors.Join(errs...)
	}
	plugins, err := c.Plugins(ctx)
	add("see the modules", "site/plugins", err)
	active, exporter := modules(plugins)
	if err == nil && !active {
		add("e-commerce", "site/plugins", c.api.Fail(api.Inactive, "site/plugins",
			"the e-commerce module is not active on this site: switch it on in the back office"))
	}
	if r.VendorPlugin = exporter; exporter {
		add("sole exporter", "site/plugins", c.api.Fail(api.PluginActive, "site/plugins",
			"the vendor's own TotalGest plugin is active on this site: switch it off, or every order is exported twice"))
	}
	_, err = c.Orders(ctx, OrderOptions{Limit: 1})
	add("read orders", "orders/list", err)
	_, err = c.Statuses(ctx)
	add("read order states", "orders/statuses", err)
	_, err = c.PaymentMethods(ctx)
	add("read payment methods", "payments/list", err)
	_, err = c.Taxes(ctx)
	add("read taxes", "payments/taxes", err)
	_, err = c.Products(ctx, ProductOptions{Limit: 1})
	add("read products", "products/list", err)
	return r, errors.Join(errs...)
}

// modules looks for the two modules that matter; their names are assumed.
func modules(plugins []Plugin) (shop, exporter bool) {
	for _, p := range plugins {
		name := strings.ToLower(p.ID + " " + p.Name)
		on := p.Active.Or(true)
		shop = shop || on && (strings.Contains(name, "ecommerce") || strings.Contains(name, "e-commerce"))
		exporter = exporter || on && strings.Contains(name, "totalgest")
	}
	return shop, exporter
}

// advise says what to do about a failed check.
func advise(err error) error {
	var e *Error
	if !errors.As(err, &e) {
		return err
	}
	switch api.Code(e.Code) {
	case api.Unauthorized:
		e.Message = "the API key or user token is not accepted: copy the key again from the back office"
	case api.Forbidden:
		e.Message = fmt.Sprintf("the API key lacks the permission /%s: tick it in the back office", e.Operation)
	case api.Unexpected:
		e.Message += ": this does not look like Framework360, check the site's address"
	}
	return e
}

// classify gives a failure its code from the words that came with HTTP 200.
// The vendor publishes none: these are observed or follow from his prose.
func classify(f *api.Failure) {
	text := strings.ToLower(f.Vendor + " " + f.Message)
	has := func(words ...string) bool {
		return slices.ContainsFunc(words, func(w string) bool { return strings.Contains(text, w) })
	}
	switch {
	case has("user_token_expired", "invalid_key", "invalid_token", "invalid key", "invalid token", "unauthorized", "api key not", "wrong_key"):
		f.Code = api.Unauthorized
	case has("permission", "permess", "forbidden", "not allowed", "not_allowed", "non autorizzat"):
		f.Code = api.Forbidden
	case has("module", "modulo", "plugin"):
		f.Code = api.Inactive
	case has("not found", "not_found", "non trovat", "does not exist"):
		f.Code = api.NotFound
	case has("too many", "rate limit"):
		f.Code = api.RateLimited
	}
}
