package settings_test

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/tg360/tg360/examples/connector/internal/settings"
	"github.com/tg360/tg360/syncer"
)

// shopText is the least that a shop needs, with one secret to look for.
const shopText = `[shop.milano]
origin = "milano1"
prices = "gross"
rows = "unit"
[shop.milano.totalgest]
shop_id = "1"
owner_id = "2"
endpoint = "tg00.example"
username = "u"
password = "s3cret-Pa55"
[shop.milano.framework360]
site = "shop.example"
api_key = "s3cret-Key"
`

// full sets everything to something that is not the default.
const full = `database = "kept/tg360.db"
listen = "127.0.0.1:1"
lang = "de"
log = "debug,json"
allow_http = true
stop_within = "3s"
sweep_every = "2s"

[shop.milano]
origin = "milano1"
go_live = 2026-11-01T00:00:00
interval = "7m"
order_interval = "6m"
rate = -1
concurrent = 3
zone = "Europe/Zurich"
lang = "fr"
prices = "net"
rows = "line"
products = "stock"
orders = "off"
rounding = "0.05"
currency = "CHF"
price_list = "web"
stock_buffer = 2
sale_list = "offers"
warehouses = ["Bari"]
html = "raw"
removed = "zero"
brake_vanish = 0.1
brake_zero = 0.1
brake_price = 2
full_every = "12h"
audit_every = "off"
repair = true
pass_unknown = true
plugin_is_fine = true
writers = 4
max_attempts = 5
webhook_token = "abcdefghijklmnopqrstuvwxyz"
overlap = "2m"
settle = "16m"
lease = "31s"
write_within = "21s"
retry_first = "11s"
retry_most = "31m"
reconcile_every = "off"
skip_labels = ["campione"]
test = ["prova"]
give_up_after = "240h"

[shop.milano.owners]
description = "create"
[shop.milano.categories]
"Casa" = "casa"
[shop.milano.states]
"in attesa" = "wait"
[shop.milano.payment_states]
paid = "paid"
[shop.milano.methods]
"contrassegno" = "always"
[shop.milano.back_flow]
mode = "dry-run"
statuses = { "Spedito" = "Spedito" }

[shop.milano.totalgest]
shop_id = "1"
owner_id = "2"
endpoint = "http://tg00.example"
username = "u"
password_file = "password"
profile = "profile.json"

[shop.milano.framework360]
site = "shop.example"
api_key = "key"
user_token = "token"
user_email = "mail"
user_password = "upw"
profile = '{"paging": {"first": 1}}'
`

// write makes a folder with these files and returns the path of a name in it.
func write(t *testing.T, files map[string]string) func(string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return func(name string) string { return filepath.Join(dir, name) }
}

func TestEverySettingCanBeSet(t *testing.T) {
	t.Parallel()
	path := write(t, map[string]string{"tg360.toml": full, "password": "s3cret-Pa55\n", "profile.json": `{"update": "patch"}`})
	text := strings.Replace(full, `'{"paging": {"first": 1}}'`, `'{"update": "patch"}'`, 1)
	text = strings.Replace(text, `profile = "profile.json"`, `profile = '{"abilities": {"dedupe": true}}'`, 1)
	if err := os.WriteFile(path("tg360.toml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := settings.Load(path("tg360.toml"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Warnings) > 0 {
		t.Errorf("warnings: %q", s.Warnings)
	}
	unset(t, reflect.ValueOf(*s), "Warnings")
	unset(t, reflect.ValueOf(s.Shops[0]), "goLive", "where")
	unset(t, reflect.ValueOf(s.Shops[0].TotalGest))
	unset(t, reflect.ValueOf(s.Shops[0].Framework360))
	unset(t, reflect.ValueOf(s.Shops[0].Sync), "MapProduct", "MapOrder", "Clean") // code, not data
	unset(t, reflect.ValueOf(s.Shops[0].Sync.Rules))
	unset(t, reflect.ValueOf(s.Shops[0].Sync.BackFlow))
	shop := s.Shops[0]
	if got := shop.GoLive.Format(time.RFC3339); got != "2026-11-01T00:00:00+01:00" {
		t.Errorf("a local date-time became %s", got)
	}
	if shop.TotalGest.Password != "s3cret-Pa55" || s.Database != path("kept/tg360.db") || shop.Sync.ReconcileEvery >= 0 ||
		shop.Sync.Rounding.String() != "0.05" || shop.Sync.StockBuffer.String() != "2" || s.LogLevel != slog.LevelDebug || !s.LogJSON || shop.Rate != -1 {
		t.Errorf("read: %+v", s)
	}
	if shop.Sync.Rules.States["in attesa"] != syncer.MeansWait || shop.Sync.BackFlow.Statuses["Spedito"] != "Spedito" || shop.Sync.BackFlow.Mode != syncer.BackFlowDryRun {
		t.Errorf("words: %+v", shop.Sync)
	}
}

// unset complains about fields that still have their zero value.
func unset(t *testing.T, v reflect.Value, except ...string) {
	t.Helper()
	for i := range v.NumField() {
		name := v.Type().Field(i).Name
		if v.Field(i).IsZero() && !strings.Contains(strings.Join(except, " "), name) {
			t.Errorf("no key sets %s.%s", v.Type(), name)
		}
	}
}

// TestExample has the example name every key, and no other.
func TestExample(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("../../settings.example.toml")
	if err != nil {
		t.Fatal(err)
	}
	path := write(t, map[string]string{"plain.toml": string(data), "full.toml": regexp.MustCompile(`(?m)^#(\w+ = )`).ReplaceAllString(string(data), "$1"),
		"totalgest.json": "{}", "framework360.json": "{}"})
	if _, err := settings.Load(path("plain.toml"), nil); err != nil {
		t.Errorf("as it is: %v", err)
	}
	if _, err := settings.Load(path("full.toml"), nil); err != nil {
		t.Errorf("with all keys: %v", err)
	}
	for line := range strings.Lines(full) { // which has every key
		if key, _, ok := strings.Cut(line, " = "); ok && !strings.Contains(key, `"`) && key != "paid" {
			key = strings.TrimSuffix(key, "_file")
			if !regexp.MustCompile(`(?m)^#?` + key + ` = `).Match(data) {
				t.Errorf("the example lacks %s", key)
			}
		}
	}
}

func TestDefaults(t *testing.T) {
	t.Parallel()
	path := write(t, map[string]string{"tg360.toml": shopText})
	s, err := settings.Load("", []string{"TG360_SETTINGS=" + path("tg360.toml"), "HOME=/home/x", "XDG_STATE_HOME=/state", "LANG=nl_BE.UTF-8"})
	if err != nil {
		t.Fatal(err)
	}
	shop := s.Shops[0]
	if s.Listen != "127.0.0.1:8360" || s.Lang != "nl" || shop.Lang != "nl" || shop.Zone.String() != "Europe/Rome" || s.LogLevel != slog.LevelInfo || s.LogJSON || s.AllowHTTP {
		t.Errorf("%+v", s)
	}
	if runtime.GOOS == "linux" && s.Database != "/state/tg360/tg360.db" {
		t.Errorf("the database is %s", s.Database)
	}
	if err := s.Ready(); err != nil || s.PostgreSQL() {
		t.Errorf("%v", err)
	}
}

var fromEnv = []string{"TG360_DATABASE_URL=postgres://u:s3cret-Db@h/d", "TG360_ORIGIN=o", "TG360_PRICES=gross", "TG360_ROWS=unit", "TG360_INTERVAL=1m",
	"TG360_STATES=in attesa=wait, pagato = paid", "TG360_SKIP_LABELS=a, b", "TG360_ALLOW_HTTP=0", "TG360_RATE=3.5", "TG360_GO_LIVE=2026-11-01",
	"TG360_TOTALGEST_SHOP_ID=1", "TG360_TOTALGEST_OWNER_ID=2", "TG360_TOTALGEST_ENDPOINT=http://127.0.0.1:9", "TG360_TOTALGEST_USERNAME=u", "TG360_TOTALGEST_PASSWORD=s3cret-Pa55",
	"TG360_FRAMEWORK360_SITE=http://[::1]:9", "TG360_FRAMEWORK360_API_KEY=s3cret-Key", "TG360_TRIAL_DATA=/x", "TG360_REQUIRE_SERVICES=1", "TG360_LANG="}

func TestFromEnvironmentAlone(t *testing.T) {
	t.Parallel()
	s, err := settings.Load("", fromEnv)
	if err != nil {
		t.Fatal(err)
	}
	shop := s.Shops[0]
	if shop.ID != "shop" || !s.PostgreSQL() || shop.Sync.Interval != time.Minute || shop.Sync.OrderInterval != time.Minute || shop.Rate != 3.5 ||
		shop.Sync.Rules.States["pagato"] != syncer.MeansPaid || len(shop.Sync.Rules.SkipLabels) != 2 || shop.GoLive.Format(time.RFC3339) != "2026-11-01T00:00:00+01:00" {
		t.Errorf("%+v", shop)
	}
	if got := shop.Line("origin", "x"); got != "TG360_ORIGIN=x" {
		t.Errorf("a line to write is %s", got)
	}
}

func TestSecretsFromFiles(t *testing.T) {
	t.Parallel()
	path := write(t, map[string]string{"pw": "s3cret-Pa55\r\n", "tg360.toml": shopText})
	env := []string{"TG360_TOTALGEST_PASSWORD_FILE=" + path("pw")}
	for _, e := range fromEnv {
		if !strings.HasPrefix(e, "TG360_TOTALGEST_PASSWORD=") {
			env = append(env, e)
		}
	}
	s, err := settings.Load("", env)
	if err != nil || s.Shops[0].TotalGest.Password != "s3cret-Pa55" || len(s.Warnings) > 0 {
		t.Errorf("%v %+v", err, s)
	}
	if runtime.GOOS == "windows" {
		return
	}
	for _, name := range []string{"pw", "tg360.toml"} {
		if err := os.Chmod(path(name), 0o640); err != nil {
			t.Fatal(err)
		}
	}
	if s, err = settings.Load("", env); err != nil || len(s.Warnings) != 1 || !strings.Contains(s.Warnings[0], "TG360_TOTALGEST_PASSWORD_FILE") {
		t.Errorf("an open secret: %v %+v", err, s)
	}
	if s, err = settings.Load(path("tg360.toml"), nil); err != nil || len(s.Warnings) != 1 || !strings.Contains(s.Warnings[0], "chmod 600") {
		t.Errorf("an open settings file: %v %+v", err, s)
	}
}

func TestFileBeforeVariables(t *testing.T) {
	t.Parallel()
	path := write(t, map[string]string{"tg360.toml": "listen = \"127.0.0.1:1\"\nlang = \"es\"\n" + shopText})
	s, err := settings.Load(path("tg360.toml"), append(fromEnv, "TG360_LISTEN=127.0.0.1:2"))
	if err != nil {
		t.Fatal(err)
	}
	if s.Listen != "127.0.0.1:2" || s.Lang != "es" || len(s.Shops) != 1 || s.Shops[0].ID != "milano" || s.Shops[0].Sync.Interval != 0 {
		t.Errorf("%+v", s)
	}
	if len(s.Warnings) != 1 || !strings.Contains(s.Warnings[0], "TG360_ORIGIN") {
		t.Errorf("warnings: %q", s.Warnings)
	}
}

// TestMistakes has a mistake a line: what is changed in the file or added to the
// environment, and what the error has to say.
func TestMistakes(t *testing.T) {
	t.Parallel()
	replace := func(old, to string) string {
		if !strings.Contains(shopText, old) {
			panic(old)
		}
		return strings.Replace(shopText, old, to, 1)
	}
	origin := func(line string) string { return replace(`origin = "milano1"`, line) }
	tests := []struct {
		name, text string
		env        []string
		want       []string
	}{
		{"unknown key", origin(`orgin = "x"`), nil, []string{"tg360.toml:2: shop.milano.orgin: is no setting", "did you mean origin?"}},
		{"unknown key on top", "lisen = \"x\"\n" + shopText, nil, []string{"tg360.toml:1: lisen: is no setting", "did you mean listen?"}},
		{"unknown table", shopText + "[shop.milano.totalgst]\nx = 1\n", nil, []string{"tg360.toml:14: shop.milano.totalgst", "is no setting"}},
		{"unknown in a table", replace("owner_id", "ownerid"), nil, []string{"tg360.toml:7: shop.milano.totalgest.ownerid", "did you mean totalgest.owner_id?"}},
		{"unknown variable", shopText, []string{"TG360_LISEN=x"}, []string{"TG360_LISEN: is no setting", "TG360_LISTEN"}},
		{"no TOML", replace(`"s3cret-Pa55"`, "s3cret-Pa55"), nil, []string{"tg360.toml:10:", "no TOML", "quotes"}},
		{"twice", shopText + "[shop.milano]\n", nil, []string{"tg360.toml:14:", "no TOML"}},
		{"number for a text", replace(`shop_id = "1"`, "shop_id = 1"), nil, []string{"tg360.toml:6: shop.milano.totalgest.shop_id: is a number", "text in quotes"}},
		{"origin", origin(`origin = "mi lano"`), nil, []string{"tg360.toml:2: shop.milano.origin: is a text of 7 characters", "letters, digits or points"}},
		{"prices", replace(`"gross"`, `"brutto"`), nil, []string{"shop.milano.prices: is a text of 6 characters", "gross, net"}},
		{"rows", replace(`"unit"`, `"units"`), nil, []string{"shop.milano.rows", "did you mean unit?"}},
		{"duration without unit", origin("interval = 5"), nil, []string{"shop.milano.interval: is a number", `"5m"`}},
		{"negative duration", origin(`settle = "-1m"`), nil, []string{"shop.milano.settle: is a text of 3 characters"}},
		{"rounding", origin(`rounding = "-0.05"`), nil, []string{"shop.milano.rounding", "zero or more"}},
		{"writers", origin("writers = 0"), nil, []string{"shop.milano.writers", "whole number"}},
		{"rate", origin(`rate = "2"`), nil, []string{"shop.milano.rate: is a text", "without quotes"}},
		{"zone", origin(`zone = "Europe/Milan"`), nil, []string{"shop.milano.zone", "Europe/Rome"}},
		{"go live", origin(`go_live = "tomorrow"`), nil, []string{"tg360.toml:2: shop.milano.go_live: is a text of 8 characters"}},
		{"go live as a time", origin("go_live = 10:00:00"), nil, []string{"shop.milano.go_live: is a date"}},
		{"meaning", shopText + "[shop.milano.states]\nx = \"payed\"\n", nil, []string{"tg360.toml:14: shop.milano.states", `the meaning of "x"`, "paid"}},
		{"a method's meaning", shopText + "[shop.milano.methods]\nx = \"wait\"\n", nil, []string{"shop.milano.methods", "always"}},
		{"webhook token", origin(`webhook_token = "short"`), nil, []string{"shop.milano.webhook_token: is a text of 5 characters"}},
		{"write within lease", origin(`write_within = "40s"`), nil, []string{"tg360.toml:2: shop.milano.write_within: is 40s", "lease, which is 30s"}},
		{"missing", replace(`password = "s3cret-Pa55"`, ""), nil, []string{"tg360.toml:5: shop.milano.totalgest.password: is missing", "provider"}},
		{"twice a secret", replace(`password = "s3cret-Pa55"`, "password = \"s3cret-Pa55\"\npassword_file = \"x\""), nil, []string{"password: is set, and so is", "password_file"}},
		{"no such file", replace(`password = "s3cret-Pa55"`, `password_file = "nowhere"`), nil, []string{"tg360.toml:10: shop.milano.totalgest.password_file", "nowhere", "no such file"}},
		{"plain http", replace(`"tg00.example"`, `"http://tg00.example"`), nil, []string{"tg360.toml:8: shop.milano.totalgest.endpoint: is plain http", "allow_http"}},
		{"plain http site", replace(`"shop.example"`, `"HTTP://shop.example"`), nil, []string{"shop.milano.framework360.site: is plain http"}},
		{"loopback in a name", replace(`"shop.example"`, `"http://localhost.shop.example"`), nil, []string{"shop.milano.framework360.site: is plain http"}},
		{"endpoint", replace(`"tg00.example"`, `"https://u:s3cret-Pa55@tg00.example"`), nil, []string{"tg360.toml:8: shop.milano.totalgest.endpoint"}},
		{"profile is no JSON", origin(`totalgest.profile = "{"`), nil, []string{"shop.milano.totalgest.profile: is no JSON"}},
		{"profile", origin(`totalgest.profile = '{"colour": 1}'`), nil, []string{"tg360.toml:2: shop.milano.totalgest.profile", "colour"}},
		{"shop's name", strings.NewReplacer("milano]", `"Milano 1"]`, "milano.", `"Milano 1".`).Replace(shopText), nil, []string{"lower-case letters"}},
		{"shop is no table", "shop = 1\n", nil, []string{"tg360.toml:1: shop", "[shop.milano]"}},
		{"same origin", shopText + strings.ReplaceAll(strings.ReplaceAll(shopText, "milano]", "roma]"), "milano.", "roma."), nil, []string{"shop.roma.origin: is also that of milano"}},
		{"same pair", shopText + strings.NewReplacer("milano]", "roma]", "milano.", "roma.", "milano1", "roma1").Replace(shopText), nil, []string{"shop.roma.framework360.site", "exported twice"}},
		{"log", "log = \"loud\"\n" + shopText, nil, []string{"tg360.toml:1: log", "debug"}},
		{"listen", shopText, []string{"TG360_LISTEN=8360"}, []string{"TG360_LISTEN: is a text of 4 characters"}},
		{"allow http", shopText, []string{"TG360_ALLOW_HTTP=yes"}, []string{"TG360_ALLOW_HTTP: is a text of 3 characters", "1 or 0"}},
		{"language", "lang = \"pt\"\n" + shopText, nil, []string{"tg360.toml:1: lang", "de, en, es, fr, it, nl"}},
		{"no shop", "lang = \"it\"\n", nil, []string{"there is no shop", "--settings", "[shop.milano]"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			path := write(t, map[string]string{"tg360.toml": tt.text})
			s, err := settings.Load(path("tg360.toml"), tt.env)
			if err == nil {
				t.Fatalf("taken: %+v", s)
			}
			for _, w := range tt.want {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("%q lacks %q", err, w)
				}
			}
			if strings.Contains(err.Error(), "s3cret") {
				t.Errorf("the error holds a secret: %v", err)
			}
		})
	}
}

func TestNoFile(t *testing.T) {
	t.Parallel()
	for _, file := range []string{"/nowhere/tg360.toml", t.TempDir()} {
		if _, err := settings.Load(file, nil); err == nil || !strings.Contains(err.Error(), file) || !strings.Contains(err.Error(), "--settings") {
			t.Errorf("%s: %v", file, err)
		}
	}
}

func TestAllMistakesAtOnce(t *testing.T) {
	t.Parallel()
	text := strings.NewReplacer(`"gross"`, `"x"`, `"unit"`, `"y"`).Replace(shopText)
	path := write(t, map[string]string{"tg360.toml": text})
	_, err := settings.Load(path("tg360.toml"), []string{"TG360_LISEN=x"})
	if n := strings.Count(fmt.Sprint(err), "\n") + 1; n != 3 {
		t.Errorf("%d lines: %v", n, err)
	}
}

func TestMissing(t *testing.T) {
	t.Parallel()
	path := write(t, map[string]string{"tg360.toml": strings.NewReplacer(`origin = "milano1"`, "", `prices = "gross"`, "", `rows = "unit"`, "").Replace(shopText)})
	s, err := settings.Load(path("tg360.toml"), nil)
	if err != nil {
		t.Fatal(err)
	}
	missing := s.Shops[0].Missing()
	if len(missing) != 3 || !strings.HasPrefix(missing[0], "tg360.toml:1: shop.milano.origin is not set") || s.Ready() == nil {
		t.Errorf("%q", missing)
	}
	s.Shops[0].Sync.Orders, s.Shops[0].Sync.Products = syncer.OrdersOff, syncer.ProductsOff
	if m := s.Shops[0].Missing(); len(m) != 1 {
		t.Errorf("with nothing to do: %q", m)
	}
	for id, want := range map[string]string{"roma": "no shop", "milan": "did you mean milano?"} {
		if _, err := s.Shop(id); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", id, err)
		}
	}
	if shop, err := s.Shop(""); err != nil || shop.ID != "milano" {
		t.Errorf("the only one: %v", err)
	}
}

func FuzzLoad(f *testing.F) {
	f.Add(full, "TG360_RATE=1")
	f.Add(shopText, "TG360_STATES=a=b,c")
	f.Add("[shop.\"a\\\"b\"]\n'x'.y = 1", "TG360_GO_LIVE=2026-01-01")
	f.Add("shop.a.totalgest.password = s3cret-Pa55", "")
	f.Add("a = \"\"\"\nx = 1\n\"\"\"\n[[shop]]", "TG360_X")
	f.Fuzz(func(t *testing.T, text, variable string) {
		path := filepath.Join(t.TempDir(), "tg360.toml")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Skip()
		}
		for _, file := range []string{path, ""} {
			s, err := settings.Load(file, append([]string{"HOME=/home/x", variable}, fromEnv...))
			if (s == nil) == (err == nil) {
				t.Fatalf("settings %v, error %v", s, err)
			}
			if err != nil && strings.Contains(err.Error(), "s3cret-Pa55") {
				t.Errorf("the error holds a secret: %v", err)
			}
			if err == nil && len(s.Shops) == 0 {
				t.Error("settings without a shop")
			}
		}
	})
}
