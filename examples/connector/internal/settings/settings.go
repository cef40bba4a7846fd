// Package settings reads what the connector is told: a TOML file, environment
// variables, or both. settings.example.toml in the connector's folder has all of
// them; a variable is named like its key, as TG360_TOTALGEST_SHOP_ID is like
// totalgest.shop_id. Paths in a file begin at its folder. Every mistake is named by the key and line, or by the
// variable, that the person wrote; no error holds a value.
package settings

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/tg360/tg360/syncer"
)

// Settings are all that a connector is told.
type Settings struct {
	Database   string        // postgres://... or the path of a SQLite file
	Listen     string        // address of the HTTP server
	Lang       string        // of the texts for people
	LogLevel   slog.Level    // least level that is logged
	LogJSON    bool          // one JSON object a line instead of text
	AllowHTTP  bool          // plain http also to other machines
	StopWithin time.Duration // for work under way at a stop; 0: the syncer's default
	SweepEvery time.Duration // between searches for work that no job stands for; 0: the syncer's default
	Shops      []Shop        // by id
	Warnings   []string      // what is odd and no mistake
}

// Shop is one connection: a shop with its TotalGest.
type Shop struct {
	ID           string
	Origin       string    // empty: not chosen yet
	GoLive       time.Time // zero: the instant of the first verify or start
	Lang         string
	Rate         float64 // requests a second to each of the two systems
	Concurrent   int     // requests at a time
	Zone         *time.Location
	WebhookToken string // empty: no webhook
	RawHTML      bool   // descriptions go to the shop as they are, scripts and all
	TotalGest    TotalGest
	Framework360 Framework360
	Sync         syncer.Settings

	goLive value // as it was written: its zone is known at the end
	where  source
}

// TotalGest says how to reach a shop's TotalGest.
type TotalGest struct {
	ShopID, OwnerID, Endpoint, Username, Password string
	Profile                                       []byte
}

// Framework360 says how to reach the shop.
type Framework360 struct {
	Site, APIKey                       string
	UserToken, UserEmail, UserPassword string
	Profile                            []byte
}

// PostgreSQL reports whether the database is a PostgreSQL server.
func (s *Settings) PostgreSQL() bool {
	return strings.HasPrefix(s.Database, "postgres://") || strings.HasPrefix(s.Database, "postgresql://")
}

// Shop returns the shop with this id; an empty id is the only shop.
func (s *Settings) Shop(id string) (*Shop, error) {
	var ids []string
	for i := range s.Shops {
		if s.Shops[i].ID == id || id == "" && len(s.Shops) == 1 {
			return &s.Shops[i], nil
		}
		ids = append(ids, s.Shops[i].ID)
	}
	if id == "" {
		return nil, fmt.Errorf("say which shop is meant with --shop: %s", strings.Join(ids, ", "))
	}
	return nil, fmt.Errorf("the settings have no shop %q%s; they have %s", id, suggestion(id, ids), strings.Join(ids, ", "))
}

// Missing lists what the shop still needs before it can be synced, by the name
// that a person would write, each with what to do.
func (s *Shop) Missing() []string {
	var out []string
	need := func(missing bool, key, advice string) {
		if missing {
			out = append(out, s.where.name(key)+" "+advice)
		}
	}
	orders, products := s.Sync.Orders == syncer.OrdersOn, s.Sync.Products == syncer.ProductsAll
	need(s.Origin == "", "origin", "is not set: connector verify proposes one")
	need((orders || products) && s.Sync.Prices == syncer.PricesUnknown, "prices", `is not set: say "gross" if the shop's prices include tax, or "net"`)
	need(orders && s.Sync.Rows == syncer.RowsUnknown, "rows", `is not set: say "unit" if an order's rows carry the price of one piece, or "line"`)
	return out
}

// Line is what a person has to write for a key of the shop to have this value.
func (s *Shop) Line(key, v string) string { return s.where.line(key, v) }

// Ready says what is missing in any of the shops.
func (s *Settings) Ready() error {
	var errs []error
	for i := range s.Shops {
		for _, m := range s.Shops[i].Missing() {
			errs = append(errs, errors.New(m))
		}
	}
	return errors.Join(errs...)
}

var (
	idPattern     = regexp.MustCompile(`^[a-z0-9_-]{1,40}$`)
	originPattern = regexp.MustCompile(`^[A-Za-z0-9.]{1,32}$`)
)

// Load reads the settings: file is the path of a TOML file, empty for the one
// that TG360_SETTINGS names; env are the variables as os.Environ gives them.
// The error holds all mistakes that were found.
func Load(file string, env []string) (*Settings, error) {
	l := &loader{env: variables(env), settings: defaults(), file: file}
	if l.file == "" {
		l.file = l.env[prefix+"SETTINGS"]
	}
	if l.file != "" {
		l.readFile()
	}
	l.readEnv()
	if len(l.errs) == 0 {
		l.finish()
	}
	if len(l.errs) > 0 {
		return nil, errors.Join(l.errs...)
	}
	return l.settings, nil
}

// loader is one Load at work.
type loader struct {
	file     string
	env      map[string]string
	settings *Settings
	errs     []error
}

func (l *loader) add(err error) {
	if err != nil {
		l.errs = append(l.errs, err)
	}
}

func (l *loader) warn(format string, args ...any) {
	l.settings.Warnings = append(l.settings.Warnings, fmt.Sprintf(format, args...))
}

func defaults() *Settings {
	return &Settings{Listen: "127.0.0.1:8360", LogLevel: slog.LevelInfo}
}

// finish fills in the defaults and checks what concerns more than one key.
func (l *loader) finish() {
	s := l.settings
	if s.Database == "" {
		dir, err := stateDir(l.env)
		l.add(err)
		s.Database = filepath.Join(dir, "tg360.db")
	}
	if s.Lang == "" {
		s.Lang = userLanguage(l.env)
	}
	if len(s.Shops) == 0 {
		l.add(fmt.Errorf("there is no shop: name a settings file with --settings or %sSETTINGS that has a table such as [shop.milano], or set %sTOTALGEST_ENDPOINT and its companions", prefix, prefix))
	}
	origins, pairs := map[string]string{}, map[string]string{}
	for i := range s.Shops {
		shop := &s.Shops[i]
		l.finishShop(shop)
		if other := origins[shop.Origin]; other != "" && shop.Origin != "" {
			l.add(fmt.Errorf("%s: is also that of %s; TotalGest would take the orders of one for those of the other: choose another one", shop.where.name("origin"), other))
		}
		origins[shop.Origin] = shop.ID
		pair := strings.ToLower(strings.Join([]string{shop.Framework360.Site, shop.TotalGest.Endpoint, shop.TotalGest.ShopID, shop.TotalGest.OwnerID}, "\x00"))
		if other := pairs[pair]; other != "" && shop.Sync.Orders == syncer.OrdersOn {
			l.add(fmt.Errorf("%s: the same site and the same TotalGest as those of %s; every order would be exported twice: take one of them out, or switch its orders off", shop.where.name("framework360.site"), other))
		}
		if shop.Sync.Orders == syncer.OrdersOn {
			pairs[pair] = shop.ID
		}
	}
}

func (l *loader) finishShop(s *Shop) {
	if s.Zone == nil {
		zone, err := time.LoadLocation("Europe/Rome")
		l.add(err)
		s.Zone = zone
	}
	if s.Lang == "" {
		s.Lang = l.settings.Lang
	}
	if s.goLive.raw != nil {
		at, err := s.goLive.instant(s.Zone)
		l.add(err)
		s.GoLive = at
	}
	if s.Sync.OrderInterval == 0 {
		s.Sync.OrderInterval = s.Sync.Interval
	}
	lease, within := s.Sync.Lease, s.Sync.WriteWithin
	if lease == 0 {
		lease = 30 * time.Second
	}
	if within == 0 {
		within = 20 * time.Second
	}
	if within >= lease {
		l.add(fmt.Errorf("%s: is %s and must be shorter than lease, which is %s, or two workers could send the same order", s.where.name("write_within"), within, lease))
	}
	l.required(s)
	if len(l.errs) == 0 {
		l.checkClients(s)
	}
}

func (l *loader) required(s *Shop) {
	t, f := &s.TotalGest, &s.Framework360
	const provider, office = "the provider of TotalGest hands it out", "it comes from the shop's back office"
	for _, k := range []struct{ name, value, advice string }{
		{"totalgest.shop_id", t.ShopID, provider}, {"totalgest.owner_id", t.OwnerID, provider}, {"totalgest.endpoint", t.Endpoint, provider},
		{"totalgest.username", t.Username, provider}, {"totalgest.password", t.Password, provider},
		{"framework360.site", f.Site, "it is the shop's domain"}, {"framework360.api_key", f.APIKey, office},
	} {
		if strings.TrimSpace(k.value) == "" {
			l.add(fmt.Errorf("%s: is missing; %s", s.where.name(k.name), k.advice))
		}
	}
}

// stateDir is where the user's state belongs.
func stateDir(env map[string]string) (string, error) {
	home := env["HOME"]
	switch runtime.GOOS {
	case "windows":
		if dir := env["LOCALAPPDATA"]; dir != "" {
			return filepath.Join(dir, "tg360"), nil
		}
		home = env["USERPROFILE"]
	case "darwin":
		if home != "" {
			return filepath.Join(home, "Library", "Application Support", "tg360"), nil
		}
	default:
		if dir := env["XDG_STATE_HOME"]; filepath.IsAbs(dir) {
			return filepath.Join(dir, "tg360"), nil
		}
	}
	if home == "" {
		dir, err := os.UserHomeDir()
		if err != nil {
			return "", fmt.Errorf("no place for the database: set database in the settings file, or %sDATABASE_URL", prefix)
		}
		home = dir
	}
	return filepath.Join(home, ".local", "state", "tg360"), nil
}

// Language is the language of the texts for people where no settings are read.
func Language(env []string) string {
	vars := variables(env)
	if l := strings.ToLower(vars[prefix+"LANG"]); slices.Contains(syncer.Languages(), l) {
		return l
	}
	return userLanguage(vars)
}

// userLanguage takes the language of the environment where it is one of ours.
func userLanguage(env map[string]string) string {
	for _, name := range []string{"LC_ALL", "LC_MESSAGES", "LANG"} {
		lang, _, _ := strings.Cut(strings.ToLower(env[name]), "_")
		if slices.Contains(syncer.Languages(), lang) {
			return lang
		}
		if env[name] != "" {
			break
		}
	}
	return "it"
}

func variables(env []string) map[string]string {
	out := make(map[string]string, len(env))
	for _, e := range env {
		name, v, _ := strings.Cut(e, "=")
		out[name] = v
	}
	return out
}

// sortedKeys are the keys of a map in order.
func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
