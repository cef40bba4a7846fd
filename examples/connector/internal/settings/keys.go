package settings

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/shopspring/decimal"
	"github.com/tg360/tg360/syncer"
)

// prefix begins the name of every variable.
const prefix = "TG360_"

// key is one setting of a T: a dotted name in the file, and how its value is
// taken.
type key[T any] struct {
	name   string
	secret bool // may also be given as the path of a file, under name_file
	set    func(*T, value) error
}

// variable is the name of a key in the environment.
func (k key[T]) variable() string { return variable(k.name) }

func variable(name string) string {
	if name == "database" {
		return prefix + "DATABASE_URL"
	}
	return prefix + strings.ToUpper(strings.ReplaceAll(name, ".", "_"))
}

// topKeys are the settings of the process.
var topKeys = []key[Settings]{
	hidden(text("database", func(s *Settings) *string { return &s.Database })),
	{name: "listen", set: func(s *Settings, v value) error {
		text, err := v.str()
		if err != nil {
			return err
		}
		if _, _, err := net.SplitHostPort(text); err != nil {
			return v.fail(`an address with a port, such as "127.0.0.1:8360"`)
		}
		s.Listen = text
		return nil
	}},
	choice("lang", func(s *Settings) *string { return &s.Lang }, languages()),
	{name: "log", set: setLog},
	boolean("allow_http", func(s *Settings) *bool { return &s.AllowHTTP }),
	duration("stop_within", time.Millisecond, func(s *Settings) *time.Duration { return &s.StopWithin }),
	duration("sweep_every", 100*time.Millisecond, func(s *Settings) *time.Duration { return &s.SweepEvery }),
}

// shopKeys are the settings of a shop.
var shopKeys = []key[Shop]{
	matching("origin", func(s *Shop) *string { return &s.Origin }, originPattern, "1 to 32 letters, digits or points"),
	{name: "go_live", set: func(s *Shop, v value) error { s.goLive = v; return nil }},
	duration("interval", 100*time.Millisecond, func(s *Shop) *time.Duration { return &s.Sync.Interval }),
	duration("order_interval", 100*time.Millisecond, func(s *Shop) *time.Duration { return &s.Sync.OrderInterval }),
	{name: "rate", set: func(s *Shop, v value) (err error) { s.Rate, err = v.number(); return }},
	whole("concurrent", func(s *Shop) *int { return &s.Concurrent }),
	{name: "zone", set: setZone},
	choice("lang", func(s *Shop) *string { return &s.Lang }, languages()),
	choice("prices", func(s *Shop) *syncer.PriceMode { return &s.Sync.Prices }, map[string]syncer.PriceMode{"gross": syncer.PricesGross, "net": syncer.PricesNet}),
	choice("rows", func(s *Shop) *syncer.RowMode { return &s.Sync.Rows }, map[string]syncer.RowMode{"unit": syncer.RowsUnit, "line": syncer.RowsLine}),
	choice("products", func(s *Shop) *syncer.ProductMode { return &s.Sync.Products },
		map[string]syncer.ProductMode{"all": syncer.ProductsAll, "stock": syncer.StockOnly, "off": syncer.ProductsOff}),
	choice("orders", func(s *Shop) *syncer.OrderMode { return &s.Sync.Orders }, map[string]syncer.OrderMode{"on": syncer.OrdersOn, "off": syncer.OrdersOff}),
	amount("rounding", func(s *Shop) *decimal.Decimal { return &s.Sync.Rounding }),
	matching("currency", func(s *Shop) *string { return &s.Sync.Currency }, regexp.MustCompile(`^[A-Z]{3}$`), "three capital letters, such as EUR"),
	text("price_list", func(s *Shop) *string { return &s.Sync.PriceList }),
	text("sale_list", func(s *Shop) *string { return &s.Sync.SaleList }),
	{name: "warehouses", set: func(s *Shop, v value) (err error) { s.Sync.Warehouses, err = v.texts(); return }},
	{name: "categories", set: func(s *Shop, v value) (err error) { s.Sync.Categories, err = v.words(); return }},
	{name: "owners", set: setOwners},
	choice("html", func(s *Shop) *bool { return &s.RawHTML }, map[string]bool{"clean": false, "raw": true}),
	choice("removed", func(s *Shop) *syncer.Removal { return &s.Sync.Removed },
		map[string]syncer.Removal{"hide": syncer.RemoveHide, "zero": syncer.RemoveZero, "leave": syncer.RemoveLeave}),
	{name: "brake_vanish", set: func(s *Shop, v value) (err error) { s.Sync.Brakes.Vanish, err = v.number(); return }},
	{name: "brake_zero", set: func(s *Shop, v value) (err error) { s.Sync.Brakes.Zero, err = v.number(); return }},
	{name: "brake_price", set: func(s *Shop, v value) (err error) { s.Sync.Brakes.Price, err = v.number(); return }},
	duration("full_every", time.Second, func(s *Shop) *time.Duration { return &s.Sync.FullEvery }),
	orOff("audit_every", func(s *Shop) *time.Duration { return &s.Sync.AuditEvery }),
	boolean("repair", func(s *Shop) *bool { return &s.Sync.Repair }),
	amount("stock_buffer", func(s *Shop) *decimal.Decimal { return &s.Sync.StockBuffer }),
	boolean("pass_unknown", func(s *Shop) *bool { return &s.Sync.PassUnknown }),
	boolean("plugin_is_fine", func(s *Shop) *bool { return &s.Sync.PluginIsFine }),
	whole("writers", func(s *Shop) *int { return &s.Sync.Writers }),
	whole("max_attempts", func(s *Shop) *int { return &s.Sync.MaxAttempts }),
	hidden(matching("webhook_token", func(s *Shop) *string { return &s.WebhookToken }, regexp.MustCompile(`^[A-Za-z0-9_-]{24,}$`),
		"at least 24 letters, digits, - or _ that nobody can guess")),
	duration("overlap", time.Millisecond, func(s *Shop) *time.Duration { return &s.Sync.Overlap }),
	duration("settle", time.Millisecond, func(s *Shop) *time.Duration { return &s.Sync.Settle }),
	duration("lease", 100*time.Millisecond, func(s *Shop) *time.Duration { return &s.Sync.Lease }),
	duration("write_within", time.Millisecond, func(s *Shop) *time.Duration { return &s.Sync.WriteWithin }),
	duration("retry_first", time.Millisecond, func(s *Shop) *time.Duration { return &s.Sync.RetryFirst }),
	duration("retry_most", time.Millisecond, func(s *Shop) *time.Duration { return &s.Sync.RetryMost }),
	orOff("reconcile_every", func(s *Shop) *time.Duration { return &s.Sync.ReconcileEvery }),
	meanings("states", func(s *Shop) *map[string]syncer.Meaning { return &s.Sync.Rules.States }, ofStates),
	meanings("payment_states", func(s *Shop) *map[string]syncer.Meaning { return &s.Sync.Rules.PaymentStates }, ofStates),
	meanings("methods", func(s *Shop) *map[string]syncer.Meaning { return &s.Sync.Rules.Methods }, ofMethods),
	{name: "skip_labels", set: func(s *Shop, v value) (err error) { s.Sync.Rules.SkipLabels, err = v.texts(); return }},
	{name: "test", set: func(s *Shop, v value) (err error) { s.Sync.Rules.Test, err = v.texts(); return }},
	duration("give_up_after", time.Millisecond, func(s *Shop) *time.Duration { return &s.Sync.Rules.GiveUpAfter }),
	choice("back_flow.mode", func(s *Shop) *syncer.BackFlowMode { return &s.Sync.BackFlow.Mode },
		map[string]syncer.BackFlowMode{"off": syncer.BackFlowOff, "dry-run": syncer.BackFlowDryRun, "on": syncer.BackFlowOn}),
	{name: "back_flow.statuses", set: func(s *Shop, v value) (err error) { s.Sync.BackFlow.Statuses, err = v.words(); return }},
	text("totalgest.shop_id", func(s *Shop) *string { return &s.TotalGest.ShopID }),
	text("totalgest.owner_id", func(s *Shop) *string { return &s.TotalGest.OwnerID }),
	text("totalgest.endpoint", func(s *Shop) *string { return &s.TotalGest.Endpoint }),
	text("totalgest.username", func(s *Shop) *string { return &s.TotalGest.Username }),
	hidden(text("totalgest.password", func(s *Shop) *string { return &s.TotalGest.Password })),
	profile("totalgest.profile", func(s *Shop) *[]byte { return &s.TotalGest.Profile }),
	text("framework360.site", func(s *Shop) *string { return &s.Framework360.Site }),
	hidden(text("framework360.api_key", func(s *Shop) *string { return &s.Framework360.APIKey })),
	hidden(text("framework360.user_token", func(s *Shop) *string { return &s.Framework360.UserToken })),
	text("framework360.user_email", func(s *Shop) *string { return &s.Framework360.UserEmail }),
	hidden(text("framework360.user_password", func(s *Shop) *string { return &s.Framework360.UserPassword })),
	profile("framework360.profile", func(s *Shop) *[]byte { return &s.Framework360.Profile }),
}

var (
	ofStates  = []syncer.Meaning{syncer.MeansWait, syncer.MeansCompleted, syncer.MeansAuthorised, syncer.MeansPaid, syncer.MeansCancelled}
	ofMethods = []syncer.Meaning{syncer.MeansAlways, syncer.MeansPaid, syncer.MeansReserved, syncer.MeansNever}
)

func languages() map[string]string {
	out := map[string]string{}
	for _, l := range syncer.Languages() {
		out[l] = l
	}
	return out
}

func hidden[T any](k key[T]) key[T] { k.secret = true; return k }

func text[T any](name string, at func(*T) *string) key[T] {
	return key[T]{name: name, set: func(t *T, v value) (err error) { *at(t), err = v.str(); return }}
}

func matching[T any](name string, at func(*T) *string, pattern *regexp.Regexp, want string) key[T] {
	return key[T]{name: name, set: func(t *T, v value) error {
		s, err := v.str()
		if err == nil && s != "" && !pattern.MatchString(s) {
			err = v.fail(want)
		}
		*at(t) = s
		return err
	}}
}

func boolean[T any](name string, at func(*T) *bool) key[T] {
	return key[T]{name: name, set: func(t *T, v value) (err error) { *at(t), err = v.boolean(); return }}
}

func duration[T any](name string, least time.Duration, at func(*T) *time.Duration) key[T] {
	return key[T]{name: name, set: func(t *T, v value) (err error) { *at(t), err = v.duration(least); return }}
}

func amount(name string, at func(*Shop) *decimal.Decimal) key[Shop] {
	return key[Shop]{name: name, set: func(s *Shop, v value) (err error) { *at(s), err = v.amount(); return }}
}

func whole(name string, at func(*Shop) *int) key[Shop] {
	return key[Shop]{name: name, set: func(s *Shop, v value) error {
		f, err := v.number()
		if err != nil || f != float64(int(f)) || f < 1 || f > 1000 {
			return v.fail("a whole number from 1 to 1000")
		}
		*at(s) = int(f)
		return nil
	}}
}

func choice[T, V any](name string, at func(*T) *V, words map[string]V) key[T] {
	return key[T]{name: name, set: func(t *T, v value) error {
		s, _ := v.raw.(string)
		chosen, ok := words[strings.ToLower(strings.TrimSpace(s))]
		if !ok {
			return v.fail("one of " + strings.Join(sortedKeys(words), ", ") + suggestion(s, sortedKeys(words)))
		}
		*at(t) = chosen
		return nil
	}}
}

func meanings(name string, at func(*Shop) *map[string]syncer.Meaning, allowed []syncer.Meaning) key[Shop] {
	return key[Shop]{name: name, set: func(s *Shop, v value) error {
		words, err := v.words()
		if err != nil {
			return err
		}
		out := map[string]syncer.Meaning{}
		for _, w := range sortedKeys(words) {
			m := syncer.Meaning(strings.ToLower(words[w]))
			if !slices.Contains(allowed, m) {
				return fmt.Errorf("%s: the meaning of %q must be one of %v", v.name, w, allowed)
			}
			out[w] = m
		}
		*at(s) = out
		return nil
	}}
}

// profile is the path of a JSON file, or the JSON itself.
func profile(name string, at func(*Shop) *[]byte) key[Shop] {
	return key[Shop]{name: name, set: func(s *Shop, v value) error {
		data := []byte(nil)
		if inline, _ := v.raw.(string); strings.HasPrefix(strings.TrimSpace(inline), "{") {
			data = []byte(inline)
		} else {
			var err error
			if data, _, err = v.content(); err != nil {
				return err
			}
		}
		if !json.Valid(data) {
			return fmt.Errorf("%s: is no JSON; write it as docs/wire.md says", v.name)
		}
		*at(s) = data
		return nil
	}}
}

func setLog(s *Settings, v value) error {
	text, err := v.str()
	if err != nil {
		return err
	}
	level, form, _ := strings.Cut(strings.ToLower(strings.ReplaceAll(text, " ", "")), ",")
	levels := map[string]slog.Level{"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError}
	l, ok := levels[level]
	if !ok || form != "" && form != "json" && form != "text" {
		return v.fail(`debug, info, warn or error, with ",json" behind it for JSON`)
	}
	s.LogLevel, s.LogJSON = l, form == "json"
	return nil
}

func setZone(s *Shop, v value) error {
	text, err := v.str()
	if err != nil {
		return err
	}
	if s.Zone, err = time.LoadLocation(text); err != nil || text == "" || text == "Local" {
		return v.fail(`the name of a time zone, such as "Europe/Rome"`)
	}
	return nil
}

// orOff takes "off" beside a time.
func orOff(name string, at func(*Shop) *time.Duration) key[Shop] {
	return key[Shop]{name: name, set: func(s *Shop, v value) (err error) {
		if text, _ := v.raw.(string); strings.EqualFold(text, "off") {
			*at(s) = -1
			return nil
		}
		if *at(s), err = v.duration(time.Millisecond); err != nil {
			return fmt.Errorf(`%w, or "off"`, err)
		}
		return nil
	}}
}

// setOwners takes who decides on which field.
func setOwners(s *Shop, v value) error {
	words, err := v.words()
	if err != nil {
		return err
	}
	owners := map[string]syncer.Owner{"totalgest": syncer.OwnerTotalGest, "create": syncer.OwnerOnCreate, "shop": syncer.OwnerShop}
	s.Sync.Owners = map[string]syncer.Owner{}
	for _, field := range sortedKeys(words) {
		o, ok := owners[strings.ToLower(words[field])]
		if !ok {
			return fmt.Errorf("%s: the owner of %q must be one of %s", v.name, field, strings.Join(sortedKeys(owners), ", "))
		}
		s.Sync.Owners[field] = o
	}
	return nil
}
