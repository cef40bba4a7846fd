package wire_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tg360/tg360/internal/wire"
)

func TestOverrideMergesByOperationAndField(t *testing.T) {
	t.Parallel()
	p := shopProfile(t, `{
	  "base": "https://{site}/v2/",
	  "auth": {"kind": "headers", "user": "", "secret": "", "headers": {"X-Key": "{password}", "X-Shop": ""}},
	  "paging": {"first_page": 0},
	  "write": {"numbers": "string"},
	  "abilities": {"stock": true},
	  "operations": {
	    "orders.list": {"path": "ordini", "size": 200, "at": ["data.orders"]},
	    "orders.find": {"verb": "GET", "path": "orders/search", "params": {"key": "external_id"}, "required": ["key"], "record": "order", "list": true, "grade": "inferred"},
	    "orders.create": {"confirmed": {"by": "Ada Bianchi", "date": "2026-03-01", "evidence": "order 17 of the test shop"}}
	  },
	  "records": {
	    "order": {"total": ["importo"], "town": {"grade": "documented"}, "note": {"paths": ["annotazioni"], "grade": "observed"}},
	    "row": {"price": ["prezzo_netto", "price"]}
	  }
	}`)
	base := shopProfile(t, "")
	list := p.Operations["orders.list"]
	wantList := *base.Operations["orders.list"]
	wantList.Path, wantList.Size, wantList.At = "ordini", 200, []string{"data.orders"}
	for _, check := range []struct {
		name      string
		want, got any
	}{
		{"what is not named stays", base.Operations["orders.get"], p.Operations["orders.get"]},
		{"an operation keeps what is not named", &wantList, list},
		{"a new operation", "orders/search", p.Operations["orders.find"].Path},
		{"the base", "https://{site}/v2/", p.Base},
		{"auth", wire.Auth{Kind: "headers", Headers: map[string]string{"X-Key": "{password}", "X-Shop": ""}}, p.Auth},
		{"one setting of paging", wire.Paging{Kind: "page", FirstPage: 0, Size: 50, MaxPages: 100}, p.Paging},
		{"one setting of the format", wire.Format{Numbers: "string", Dates: "rfc3339", Booleans: "bool"}, p.Write},
		{"an ability", []bool{true, true}, []bool{p.Has("stock"), p.Has("search")}},
		{"a renamed field", []string{"importo"}, p.Paths("order", "total")},
		{"which keeps its grade", wire.Assumed, p.Records["order"]["total"].Grade},
		{"a grade alone", &wire.FieldSpec{Paths: []string{"comune", "town"}, Grade: wire.Documented}, p.Records["order"]["town"]},
		{"paths and grade", &wire.FieldSpec{Paths: []string{"annotazioni"}, Grade: wire.Observed}, p.Records["order"]["note"]},
		{"a field of another record", []string{"prezzo_netto", "price"}, p.Paths("row", "price")},
		{"fields that are not named", base.Paths("row", "sku"), p.Paths("row", "sku")},
		{"an unknown field has no paths", []string(nil), p.Paths("row", "colour")},
		{"the items of a moved list", []string{"data.orders"}, p.ItemPaths(list)},
		{"the items of the others", []string{"data"}, p.ItemPaths(p.Operations["orders.get"])},
		{"a page size of its own", 200, p.PageSize(list)},
		{"the profile's page size", 50, p.PageSize(p.Operations["orders.get"])},
		{"the writes", []string{"orders.cancel", "orders.create"}, p.Writes()},
	} {
		if d := cmp.Diff(check.want, check.got); d != "" {
			t.Errorf("%s: %s", check.name, d)
		}
	}
}

func TestEmptyOverrideIsTheDefault(t *testing.T) {
	t.Parallel()
	base := shopProfile(t, "")
	for _, override := range []string{" \n", "{}", "null", `{"operations":{},"records":{"order":{}}}`} {
		if d := cmp.Diff(base, shopProfile(t, override)); d != "" {
			t.Errorf("%q: %s", override, d)
		}
	}
}

// A field that was renamed is read and written under its new name alone.
func TestRenamedFieldReachesTheCodec(t *testing.T) {
	t.Parallel()
	c := orderCodec(t, `{"records":{"order":{"total":["conto.lordo"],"title":["oggetto","title"]}}}`)
	o, err := c.Decode([]byte(`{"id":1,"created_at":"2026-03-01","conto":{"lordo":"7.10"},"title":"x"}`))
	if err != nil || o.Total.Or(dec("0")).String() != "7.1" || o.Title != "x" {
		t.Fatalf("%+v, %v", o, err)
	}
	if out := string(c.Append(nil, &o)); !strings.Contains(out, `"oggetto":"x"`) || !strings.Contains(out, `"conto":{"lordo":7.10}`) {
		t.Errorf("wrote %s", out)
	}
	_, err = c.Decode([]byte(`{"id":1,"created_at":"2026-03-01","totale":"7.10"}`))
	if err == nil || !strings.Contains(err.Error(), "tried conto.lordo)") {
		t.Errorf("error %v, want one that names the new path", err)
	}
}

func TestBadProfilesAreRefusedByName(t *testing.T) {
	t.Parallel()
	op := func(name, fields string) string { return `{"operations":{"` + name + `":{` + fields + `}}}` }
	for name, tc := range map[string]struct{ override, want string }{
		"not JSON":                       {`{"name":`, "profile: "},
		"more than one value":            {`{"name":"x"}{}`, "more than one JSON value"},
		"a bracket too many":             {`{"name":"x"}}`, "more than one JSON value"},
		"unknown key":                    {`{"pagination":{}}`, `"pagination"`},
		"unknown key of a part":          {`{"paging":{"sise":5}}`, `"sise"`},
		"unknown key of an operation":    {op("orders.get", `"url":"x"`), `operation orders.get: json: unknown field "url"`},
		"unknown key of a field":         {`{"records":{"order":{"total":{"path":["x"]}}}}`, `record order: field total: json: unknown field "path"`},
		"a field that is no list":        {`{"records":{"order":{"total":"x"}}}`, "record order: field total: "},
		"a list of other things":         {`{"records":{"order":{"total":[1]}}}`, "record order: field total: "},
		"records that are no object":     {`{"records":[]}`, "profile: "},
		"fields that are no object":      {`{"records":{"order":[]}}`, "record order: "},
		"operations that are no object":  {`{"operations":[]}`, "profile: "},
		"unknown operation":              {op("orders.burn", `"verb":"POST","path":"x","grade":"assumed"`), `operation: "orders.burn" is not known`},
		"unknown field":                  {`{"records":{"order":{"colour":{"paths":["c"],"grade":"assumed"}}}}`, "field order.colour is not known"},
		"unknown record":                 {`{"records":{"invoice":{}}}`, `record "invoice" is not known`},
		"unknown ability":                {`{"abilities":{"fly":true}}`, `abilities: "fly" is not known`},
		"unknown encoding":               {op("orders.create", `"encoding":"xml"`), `operation orders.create: encoding: "xml"`},
		"unknown verb":                   {op("orders.get", `"verb":"FETCH"`), `operation orders.get: verb: "FETCH"`},
		"unknown grade of an operation":  {op("orders.get", `"grade":"sure"`), `operation orders.get: grade: "sure"`},
		"unknown grade of a field":       {`{"records":{"row":{"sku":{"grade":"sure"}}}}`, `field row.sku: grade: "sure"`},
		"unknown record of an operation": {op("orders.get", `"record":"ordine"`), `operation orders.get: record "ordine"`},
		"unknown body of an operation":   {op("orders.create", `"body":"ordine"`), `operation orders.create: record "ordine"`},
		"unknown auth kind":              {`{"auth":{"kind":"digest"}}`, `auth.kind: "digest"`},
		"basic without a user":           {`{"auth":{"user":""}}`, "auth: basic needs"},
		"bearer without a secret":        {`{"auth":{"kind":"bearer","secret":""}}`, "auth: bearer needs"},
		"unknown paging kind":            {`{"paging":{"kind":"scroll"}}`, `paging.kind: "scroll"`},
		"no page size":                   {`{"paging":{"size":0}}`, "paging: size"},
		"no bound on pages":              {`{"paging":{"max_pages":-1}}`, "paging: size and max_pages"},
		"unknown update":                 {`{"update":"maybe"}`, `update: "maybe"`},
		"unknown numbers":                {`{"write":{"numbers":"float"}}`, `write.numbers: "float"`},
		"unknown dates":                  {`{"write":{"dates":"julian"}}`, `write.dates: "julian"`},
		"unknown booleans":               {`{"write":{"booleans":"yes"}}`, `write.booleans: "yes"`},
		"unknown setting":                {`{"base":"https://{host}/"}`, `base: "host" is not known`},
		"unknown setting of a header":    {`{"auth":{"headers":{"X-Key":"{token}"}}}`, `auth.headers.X-Key: "token" is not known`},
		"open brace":                     {`{"base":"https://{site/"}`, "base: a brace has no partner"},
		"brace that only closes":         {`{"base":"https://site}/"}`, "base: a brace has no partner"},
		"braces the wrong way round":     {`{"base":"}site{"}`, "base: a brace has no partner"},
		"brace in a brace":               {`{"base":"{{site}}"}`, "base: a brace has no partner"},
		"nothing in the braces":          {`{"base":"https://{}/"}`, `base: "" is not known`},
		"open brace in a path":           {op("orders.get", `"path":"orders/{id"`), "operation orders.get: path: a brace"},
		"open brace in a header":         {op("orders.create", `"headers":{"X-Once":"{key"}`), "operation orders.create: headers.X-Once: a brace"},
		"absolute path":                  {op("orders.get", `"path":"/orders/{id}"`), `operation orders.get: path "/orders/{id}"`},
		"path with a host":               {op("orders.get", `"path":"https://elsewhere.example/{id}"`), "operation orders.get: path"},
		"path that climbs":               {op("orders.get", `"path":"../{id}"`), "operation orders.get: path"},
		"path with a query":              {op("orders.get", `"path":"orders?id={id}"`), "operation orders.get: path"},
		"no path":                        {op("orders.find", `"verb":"GET","grade":"assumed"`), `operation orders.find: path ""`},
		"GET with a body":                {op("orders.get", `"body":"order"`), "operation orders.get: a GET sends no body"},
		"GET with a form":                {op("orders.list", `"encoding":"form"`), "operation orders.list: a GET sends no body"},
		"required parameter not known":   {op("orders.list", `"required":["shop"]`), `operation orders.list: required parameter "shop"`},
		"required field without a path":  {`{"records":{"order":{"total":[]}}}`, "field order.total needs at least one path"},
		"bad path of a field":            {`{"records":{"order":{"total":["a..b"]}}}`, `field order.total: "a..b" is not a path`},
		"empty path of a field":          {`{"records":{"order":{"total":[""]}}}`, `field order.total: "" is not a path`},
		"bad path of a list":             {op("orders.list", `"at":["data."]`), `operation orders.list: at: "data."`},
		"bad path of the status":         {`{"envelope":{"status":".s"}}`, `envelope.status: ".s"`},
		"bad path of the envelope":       {`{"envelope":{"cursor":["a..b"]}}`, `envelope: "a..b"`},
		"no data":                        {`{"envelope":{"data":[]}}`, "envelope.data"},
		"confirmed without by":           {op("orders.create", `"confirmed":{"date":"2026-03-01","evidence":"e"}`), "operation orders.create: confirmed needs by"},
		"confirmed without evidence":     {op("orders.create", `"confirmed":{"by":"Ada","date":"2026-03-01"}`), "operation orders.create: confirmed needs by and evidence"},
		"confirmed on no day":            {op("orders.create", `"confirmed":{"by":"Ada","date":"1 March","evidence":"e"}`), `operation orders.create: confirmed.date "1 March"`},
		"confirmed by nothing":           {op("orders.create", `"confirmed":{}`), "operation orders.create: confirmed needs by and evidence"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, err := wire.LoadProfile([]byte(baseProfile), []byte(tc.override), shopSpec())
			if err == nil || p != nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %v, want %q", err, tc.want)
			}
		})
	}
}

// What keeps orders from being doubled can't be lifted by a side door.
func TestOverrideCannotLiftAGuard(t *testing.T) {
	t.Parallel()
	op := func(name, fields string) string { return `{"operations":{"` + name + `":{` + fields + `}}}` }
	const once = `"confirmed":{"by":"Ada","date":"2026-03-01","evidence":"e"}`
	for name, tc := range map[string]struct{ override, want string }{
		"a write declared a read":            {op("orders.create", `"write":false`), "operation orders.create: write can't be switched off"},
		"a write declared repeatable":        {op("orders.create", `"repeatable":true`), "operation orders.create: repeatable can't be switched on"},
		"an assumed write declared known":    {op("orders.cancel", `"grade":"documented"`), "operation orders.cancel: grade of an assumed write"},
		"the same with a confirmation":       {op("orders.cancel", `"grade":"observed",`+once), "operation orders.cancel: grade of an assumed write"},
		"a new POST that is no write":        {op("orders.find", `"verb":"POST","path":"x","grade":"documented"`), "operation orders.find: write can't be switched off"},
		"a new write that is known":          {op("orders.find", `"verb":"POST","path":"x","write":true,"grade":"documented"`), "operation orders.find: grade of an assumed write"},
		"a new write that may be repeated":   {op("orders.find", `"verb":"PUT","path":"x","write":true,"repeatable":true,"grade":"assumed"`), "operation orders.find: repeatable"},
		"a path with a setting":              {op("orders.get", `"path":"{password}/{id}"`), "operation orders.get: {password} is no parameter"},
		"a path with an optional parameter":  {op("orders.list", `"path":"orders/{since}"`), "operation orders.list: {since} is no parameter"},
		"a header with a setting":            {op("orders.get", `"headers":{"X-Key":"{password}"}`), "operation orders.get: {password} is no parameter"},
		"a required parameter is taken away": {op("orders.list", `"params":{"since":""},"required":["since"]`), `operation orders.list: required parameter "since"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := wire.LoadProfile([]byte(baseProfile), []byte(tc.override), shopSpec()); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %v, want %q", err, tc.want)
			}
		})
	}
	for name, override := range map[string]string{
		"a read may change its verb, path and grade": op("orders.get", `"verb":"POST","path":"get/{id}","grade":"documented"`),
		"a required parameter may be in a path":      op("orders.list", `"path":"orders/{since}","required":["since"]`),
		"what the default has in a header stays":     op("orders.create", `"path":"orders/{key}","headers":{"X-Once":"{key}"}`),
		"an operation may become unrepeatable":       op("orders.get", `"repeatable":false`),
		"a new read":                                 op("orders.find", `"verb":"GET","path":"find","grade":"documented","repeatable":true`),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := wire.LoadProfile([]byte(baseProfile), []byte(override), shopSpec()); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestPagesOfOneElement(t *testing.T) {
	t.Parallel()
	if p := shopProfile(t, `{"paging":{"size":1,"max_pages":1}}`); p.Paging.Size != 1 || p.Paging.MaxPages != 1 {
		t.Errorf("%+v", p.Paging)
	}
}

func TestOperationThatIsNullIsTakenAway(t *testing.T) {
	t.Parallel()
	p := shopProfile(t, `{"operations":{"orders.list":null}}`)
	if p.Operations["orders.list"] != nil || p.Operations["orders.get"] == nil {
		t.Errorf("operations: %v", p.Operations)
	}
	for override, want := range map[string]string{
		`{"operations":{"orders.lists":null}}`: "operation orders.lists: there is none that null could take away",
		`{"records":{"order":{"note":null}}}`:  "field order.note needs at least one path",
	} {
		if _, err := wire.LoadProfile([]byte(baseProfile), []byte(override), shopSpec()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}

func TestParameterWithoutANameIsTakenAway(t *testing.T) {
	t.Parallel()
	p := shopProfile(t, `{"operations":{"orders.list":{"params":{"since":"","limit":"per_page"}}}}`)
	if d := cmp.Diff(map[string]string{"page": "page", "limit": "per_page"}, p.Operations["orders.list"].Params); d != "" {
		t.Error(d)
	}
}

func TestSeveralMistakesAreReportedTogether(t *testing.T) {
	t.Parallel()
	_, err := wire.LoadProfile([]byte(baseProfile), []byte(`{"update":"maybe","paging":{"kind":"scroll"},"abilities":{"fly":true},
		"operations":{"orders.get":{"verb":"FETCH","grade":"sure"}},"records":{"row":{"sku":["a..b"]}}}`), shopSpec())
	for _, want := range []string{`profile "shop"`, "update", "paging.kind", "fly", "FETCH", "sure", "row.sku"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q in it", err, want)
		}
	}
}

// Somebody may have written a secret where a template belongs.
func TestProfileErrorsDoNotShowTemplates(t *testing.T) {
	t.Parallel()
	_, err := wire.LoadProfile([]byte(baseProfile), []byte(`{"auth":{"secret":"{pa55word","headers":{"X-Key":"hunter2}"}}}`), shopSpec())
	if err == nil || strings.Contains(err.Error(), "pa55word") || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("error %v", err)
	}
}

func TestBadDefaultProfileSaysSo(t *testing.T) {
	t.Parallel()
	if _, err := wire.LoadProfile([]byte(`{"nam":"x"}`), nil, wire.Spec{}); err == nil || !strings.Contains(err.Error(), "default profile") {
		t.Errorf("error %v", err)
	}
}

func TestUnconfirmed(t *testing.T) {
	t.Parallel()
	all := []string{"orders.list", "orders.get", "orders.create", "orders.cancel", "orders.find"}
	for name, tc := range map[string]struct {
		override string
		want     []string
	}{
		"assumed writes":      {``, []string{"orders.create", "orders.cancel"}},
		"one is confirmed":    {`{"operations":{"orders.create":{"confirmed":{"by":"Ada","date":"2026-03-01","evidence":"order 17"}}}}`, []string{"orders.cancel"}},
		"an assumed read":     {`{"operations":{"orders.get":{"grade":"assumed"}}}`, []string{"orders.create", "orders.cancel"}},
		"a write that is new": {`{"operations":{"orders.find":{"verb":"POST","path":"x","write":true,"grade":"assumed"}}}`, []string{"orders.create", "orders.cancel", "orders.find"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if d := cmp.Diff(tc.want, shopProfile(t, tc.override).Unconfirmed(all...)); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestTimeOfAParameter(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 1, 23, 30, 15, 0, time.UTC)
	for dates, want := range map[string]string{"epoch": "1772407815", "date": "2026-03-02", "datetime": "2026-03-02 00:30:15", "rfc3339": "2026-03-01T23:30:15Z"} {
		if got := shopProfile(t, `{"write":{"dates":"`+dates+`"}}`).Time(at, rome(t)); got != want {
			t.Errorf("%s: %s, want %s", dates, got, want)
		}
	}
}

func TestExpand(t *testing.T) {
	t.Parallel()
	lookup := func(name string) string { return map[string]string{"site": "shop.example", "id": "a/b"}[name] }
	for template, want := range map[string]string{
		"https://{site}/api/": "https://shop.example/api/",
		"{id}{site}":          "a/bshop.example",
		"plain":               "plain",
		"":                    "",
		"{none}":              "",
	} {
		if got := wire.Expand(template, lookup); got != want {
			t.Errorf("Expand(%q) = %q, want %q", template, got, want)
		}
	}
}
