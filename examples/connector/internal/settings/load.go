package settings

import (
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"
	"github.com/tg360/tg360/framework360"
	"github.com/tg360/tg360/internal/transport"
	"github.com/tg360/tg360/totalgest"
)

// source is where a shop's settings come from.
type source struct {
	file  *document // nil: the environment
	table string    // such as shop.milano
}

// name says where a key of the shop stands, or would stand.
func (s source) name(key string) string {
	if s.file == nil {
		return variable(key)
	}
	return s.file.name(s.table + "." + key)
}

func (s source) line(key, v string) string {
	if s.file == nil {
		return variable(key) + "=" + v
	}
	return fmt.Sprintf("%s = %q", key, v)
}

// document is a settings file that was read.
type document struct {
	title string
	dir   string
	lines map[string]int // of keys and tables, by dotted name
}

// name says where a dotted key stands: itself, or the nearest table around it.
func (d *document) name(key string) string {
	for at := key; ; {
		if n := d.lines[at]; n > 0 {
			return fmt.Sprintf("%s:%d: %s", d.title, n, key)
		}
		i := strings.LastIndexByte(at, '.')
		if i < 0 {
			return d.title + ": " + key
		}
		at = at[:i]
	}
}

// readFile reads the settings file.
func (l *loader) readFile() {
	data, info, err := value{name: "settings", raw: l.file}.content()
	if err != nil {
		l.add(fmt.Errorf("%w: name an existing file with --settings or %sSETTINGS", err, prefix))
		return
	}
	var tree map[string]any
	if _, err := toml.Decode(string(data), &tree); err != nil {
		l.add(fmt.Errorf("%s:%s", l.file, complaint(err)))
		return
	}
	doc := &document{title: filepath.Base(l.file), dir: filepath.Dir(l.file), lines: keyLines(string(data))}
	shops, _ := tree["shop"].(map[string]any)
	if _, has := tree["shop"]; has && shops == nil {
		l.add(fmt.Errorf("%s: must be tables such as [shop.milano]", doc.name("shop")))
	}
	delete(tree, "shop")
	apply(l, doc, "", tree, l.settings, topKeys)
	for _, id := range sortedKeys(shops) {
		l.fileShop(doc, id, shops[id])
	}
	if tooOpen(info) && holdsSecret(tree, shops) {
		l.warn("%s holds a secret and others than its owner may use it: chmod 600 %s", l.file, l.file)
	}
}

func (l *loader) fileShop(doc *document, id string, raw any) {
	table, ok := raw.(map[string]any)
	where := source{file: doc, table: "shop." + id}
	if !ok || !idPattern.MatchString(id) {
		l.add(fmt.Errorf("%s: must be a table whose name is 1 to 40 lower-case letters, digits, _ or -, such as [shop.milano]", doc.name(where.table)))
		return
	}
	shop := Shop{ID: id, where: where}
	apply(l, doc, where.table+".", table, &shop, shopKeys)
	l.settings.Shops = append(l.settings.Shops, shop)
}

// complaint describes what is no TOML, without what was written there.
func complaint(err error) string {
	var p toml.ParseError
	if !errors.As(err, &p) {
		return " is no TOML"
	}
	detail := quotedText.ReplaceAllString(p.Message, "…")
	if len(detail) > 100 {
		detail = ""
	}
	where := ""
	if p.LastKey != "" && !strings.ContainsAny(p.LastKey, "\"' ") {
		where = " after " + p.LastKey
	}
	return fmt.Sprintf("%d: this is no TOML%s: %s; texts stand in quotes, as in name = \"value\"", p.Position.Line, where, detail)
}

var quotedText = regexp.MustCompile("\"[^\"]*\"?|'[^']*'?|`[^`]*`?")

// apply takes the values of a table; what it does not know is a mistake.
func apply[T any](l *loader, doc *document, at string, table map[string]any, target *T, keys []key[T]) {
	known := make([]string, 0, len(keys))
	for _, k := range keys {
		known = append(known, k.name)
		if k.secret {
			known = append(known, k.name+"_file")
		}
	}
	if at == "" {
		known = append(known, "shop")
	}
	found := map[string]any{}
	flatten("", table, known, found)
	for _, k := range keys {
		v := value{name: doc.name(at + k.name), raw: found[k.name], dir: doc.dir}
		path := value{name: doc.name(at + k.name + "_file"), raw: found[k.name+"_file"], dir: doc.dir}
		take(l, k, target, v, path)
		if k.name == "database" && v.raw != nil {
			if s, ok := any(target).(*Settings); ok {
				s.Database = besides(doc.dir, s.Database)
			}
		}
	}
	for _, name := range sortedKeys(found) {
		if !slices.Contains(known, name) {
			l.add(fmt.Errorf("%s: is no setting%s", doc.name(at+name), suggestion(name, known)))
		}
	}
}

// besides makes the path of a database one that begins at the settings file.
func besides(dir, database string) string {
	if database == "" || filepath.IsAbs(database) || strings.Contains(database, "://") {
		return database
	}
	return filepath.Join(dir, database)
}

// flatten finds the dotted names of what was set; tables that are values of
// their own are not looked into.
func flatten(at string, table map[string]any, known []string, found map[string]any) {
	for k, v := range table {
		name := at + k
		sub, ok := v.(map[string]any)
		inside := slices.ContainsFunc(known, func(n string) bool { return strings.HasPrefix(n, name+".") })
		if ok && inside && !slices.Contains(known, name) {
			flatten(name+".", sub, known, found)
			continue
		}
		found[name] = v
	}
}

// take sets a key from its value, or from the file that holds it.
func take[T any](l *loader, k key[T], target *T, v, path value) {
	switch {
	case v.raw != nil && path.raw != nil:
		l.add(fmt.Errorf("%s: is set, and so is %s: keep one of them", v.name, path.name))
	case v.raw != nil:
		l.add(k.set(target, v))
	case path.raw != nil:
		data, info, err := path.content()
		if err != nil {
			l.add(err)
			return
		}
		if tooOpen(info) {
			l.warn("%s: others than its owner may use the file: chmod 600 it", path.name)
		}
		l.add(k.set(target, value{name: path.name, raw: strings.TrimRight(string(data), "\r\n"), text: true}))
	}
}

func holdsSecret(tree, shops map[string]any) bool {
	found := map[string]any{}
	var known []string
	for _, k := range shopKeys {
		known = append(known, k.name)
	}
	for _, s := range shops {
		if table, ok := s.(map[string]any); ok {
			flatten("", table, known, found)
		}
	}
	dsn, _ := tree["database"].(string)
	return strings.Contains(dsn, "@") || slices.ContainsFunc(shopKeys, func(k key[Shop]) bool { return k.secret && found[k.name] != nil })
}

// letThrough are variables that other parts of the project use.
var letThrough = []string{"TRIAL_DATA", "REQUIRE_SERVICES", "DEFENCES", "SETTINGS", "SHOP"}

// readEnv takes the variables: those of the process always, those of a shop
// where the file has none.
func (l *loader) readEnv() {
	top, shop := names(topKeys), names(shopKeys)
	shop = slices.DeleteFunc(shop, func(n string) bool { return n == prefix+"LANG" })
	known := slices.Concat(top, shop)
	for _, n := range letThrough {
		known = append(known, prefix+n)
	}
	var ofShop []string
	for _, name := range sortedKeys(l.env) {
		switch {
		case !strings.HasPrefix(name, prefix) || strings.HasPrefix(name, prefix+"TEST_") || strings.HasPrefix(name, prefix+"CRASH_"):
		case !slices.Contains(known, name):
			l.add(fmt.Errorf("%s: is no setting%s", name, suggestion(name, known)))
		case l.env[name] != "" && slices.Contains(shop, name):
			ofShop = append(ofShop, name)
		}
	}
	for _, k := range topKeys {
		take(l, k, l.settings, l.fromEnv(k.variable()), l.fromEnv(k.variable()+"_FILE"))
	}
	if len(ofShop) == 0 {
		return
	}
	if len(l.settings.Shops) > 0 {
		l.warn("the settings file has the shops, so these variables are not used: %s", strings.Join(ofShop, ", "))
		return
	}
	s := Shop{ID: "shop"}
	if id := l.env[prefix+"SHOP"]; id != "" {
		s.ID = id
	}
	if !idPattern.MatchString(s.ID) {
		l.add(fmt.Errorf("%sSHOP: is %s; it must be 1 to 40 lower-case letters, digits, _ or -", prefix, shape(s.ID)))
	}
	for _, k := range shopKeys {
		if k.name != "lang" {
			take(l, k, &s, l.fromEnv(k.variable()), l.fromEnv(k.variable()+"_FILE"))
		}
	}
	l.settings.Shops = append(l.settings.Shops, s)
}

// fromEnv is a variable's value; an empty one is as good as none.
func (l *loader) fromEnv(name string) value {
	v := value{name: name, text: true}
	if s := l.env[name]; s != "" {
		v.raw = s
	}
	return v
}

func names[T any](keys []key[T]) []string {
	var out []string
	for _, k := range keys {
		out = append(out, k.variable())
		if k.secret {
			out = append(out, k.variable()+"_FILE")
		}
	}
	return out
}

// checkClients has both clients look at what concerns them.
func (l *loader) checkClients(s *Shop) {
	for _, k := range []struct{ name, address string }{{"totalgest.endpoint", s.TotalGest.Endpoint}, {"framework360.site", s.Framework360.Site}} {
		rest, plain := strings.CutPrefix(strings.ToLower(strings.TrimSpace(k.address)), "http://")
		host, _, _ := strings.Cut(rest, "/")
		if !strings.HasPrefix(host, "[") {
			host, _, _ = strings.Cut(host, ":")
		} else {
			host, _, _ = strings.Cut(host[1:], "]")
		}
		if plain && !l.settings.AllowHTTP && !transport.IsLoopback(host) {
			l.add(fmt.Errorf("%s: is plain http to another machine, which would show credentials to the network: use https, or set allow_http (%sALLOW_HTTP=1)", s.where.name(k.name), prefix))
			return
		}
	}
	t, err := totalgest.New(s.TotalGestConfig(l.settings.AllowHTTP))
	if err != nil {
		l.add(s.clientError("totalgest", err))
	} else {
		t.Close()
	}
	f, err := framework360.New(s.Framework360Config(l.settings.AllowHTTP))
	if err != nil {
		l.add(s.clientError("framework360", err))
	} else {
		f.Close()
	}
}

// clientError names the key where a client names its own field.
func (s *Shop) clientError(system string, err error) error {
	for field, key := range map[string]string{"Endpoint": "endpoint", "Site": "site", "Profile": "profile", "Password": "password", "APIKey": "api_key"} {
		if strings.Contains(err.Error(), "Config."+field) {
			return fmt.Errorf("%s: %w", s.where.name(system+"."+key), err)
		}
	}
	return fmt.Errorf("%s: %w", s.where.name(system), err)
}

// TotalGestConfig is the configuration of the shop's TotalGest client.
func (s *Shop) TotalGestConfig(allowHTTP bool) totalgest.Config {
	t := &s.TotalGest
	return totalgest.Config{ShopID: t.ShopID, OwnerID: t.OwnerID, Endpoint: t.Endpoint, Username: t.Username, Password: t.Password,
		Profile: t.Profile, Location: s.Zone, AllowHTTP: allowHTTP, Rate: s.Rate, Concurrent: s.Concurrent}
}

// Framework360Config is the configuration of the shop's client.
func (s *Shop) Framework360Config(allowHTTP bool) framework360.Config {
	f := &s.Framework360
	return framework360.Config{Site: f.Site, APIKey: f.APIKey, UserToken: f.UserToken, UserEmail: f.UserEmail, UserPassword: f.UserPassword,
		Profile: f.Profile, Location: s.Zone, AllowHTTP: allowHTTP, Rate: s.Rate, Concurrent: s.Concurrent}
}
