package totalgest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tg360/tg360/internal/api"
	"github.com/tg360/tg360/internal/wire"
)

// Account is what the ERP says of the credentials' shop.
type Account struct {
	ShopID     string // required
	OwnerID    string // required
	Name       string
	ServerTime time.Time // zero: not sent
}

var accountSchema = &wire.Schema[Account]{Record: "account", Fields: []wire.Field[Account]{
	wire.ID("shop_id", func(a *Account) *string { return &a.ShopID }).Key(),
	wire.ID("owner_id", func(a *Account) *string { return &a.OwnerID }).Required(),
	wire.String("name", func(a *Account) *string { return &a.Name }),
	wire.Time("server_time", func(a *Account) *time.Time { return &a.ServerTime }),
}}

// Account reads the account that the credentials belong to.
func (c *Client) Account(ctx context.Context) (Account, error) {
	return api.Get[Account](ctx, c.api, "account.get", nil)
}

// Check is the result of trying one ability.
type Check struct {
	Ability   string // what a sync needs it for
	Operation string // the profile's name
	Err       error  // nil: it works
}

// Report is the result of [Client.Verify].
type Report struct {
	Account Account
	Checks  []Check
}

// Verify checks the settings with real reads: the account must be the
// configured shop and owner, and each ability that a sync needs must work. The
// error joins all that failed; errors.Is finds [ErrUnauthorized] (user name or
// password), [ErrForbidden], [ErrNotFound] (no such shop), [ErrMismatch],
// [ErrUnexpected] (not a TotalGest) or [ErrUnavailable]. It writes nothing.
func (c *Client) Verify(ctx context.Context) (Report, error) {
	var r Report
	var errs []error
	add := func(ability, op string, err error) {
		r.Checks, errs = append(r.Checks, Check{Ability: ability, Operation: op, Err: err}), append(errs, err)
	}
	account, err := c.Account(ctx)
	r.Account = account
	add("account", "account.get", advise(err))
	if err != nil {
		return r, errors.Join(errs...) // without an account every other answer misleads
	}
	if account.ShopID != c.config.ShopID || account.OwnerID != c.config.OwnerID {
		add("identity", "account.get", c.api.Fail(api.Mismatch, "account.get",
			fmt.Sprintf("the credentials belong to shop %q and owner %q, configured are %q and %q: correct shop id and owner id",
				account.ShopID, account.OwnerID, c.config.ShopID, c.config.OwnerID)))
		return r, errors.Join(errs...)
	}
	_, err = c.Products(ctx, ListOptions{Limit: 1})
	add("read products", "products.list", err)
	if c.Can(AbilityStock) {
		_, err := api.List(ctx, c.api, "stock.list", nil, api.Start{Limit: 1}, newPage[Stock])
		add("read stock", "stock.list", err)
	}
	if c.Can(AbilitySearch) {
		_, err := c.FindOrders(ctx, "tg360-verify")
		add("find orders", "orders.find", err)
	}
	return r, errors.Join(errs...)
}

// advise says what to do about a failed first call.
func advise(err error) error {
	var e *Error
	if !errors.As(err, &e) {
		return err
	}
	switch api.Code(e.Code) {
	case api.Unauthorized:
		e.Message = "user name or password is wrong: ask the provider of TotalGest for them"
	case api.Forbidden:
		e.Message = "the user may not use this shop or owner: check shop id and owner id"
	case api.NotFound:
		e.Message = "there is no such shop at this endpoint: check shop id and endpoint"
	case api.Unexpected:
		e.Message += ": this does not look like TotalGest, check the endpoint"
	}
	return e
}
