package openapi

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/tg360/tg360/internal/wire"
)

type line struct{ qty wire.Opt[decimal.Decimal] }

type order struct {
	id, note string
	created  time.Time
	paid     wire.Opt[bool]
	gross    wire.Opt[decimal.Decimal]
	lines    []line
}

var lineSchema = &wire.Schema[line]{Record: "line", Fields: []wire.Field[line]{
	wire.Decimal("qty", func(l *line) *wire.Opt[decimal.Decimal] { return &l.qty }).Required(),
}}

var orderSchema = &wire.Schema[order]{Record: "order", Fields: []wire.Field[order]{
	wire.ID("id", func(o *order) *string { return &o.id }).Key(),
	wire.String("note", func(o *order) *string { return &o.note }),
	wire.Time("created", func(o *order) *time.Time { return &o.created }).Required(),
	wire.Bool("paid", func(o *order) *wire.Opt[bool] { return &o.paid }),
	wire.Amount("gross", func(o *order) *wire.Opt[decimal.Decimal] { return &o.gross }).Required(),
	wire.List("lines", lineSchema, func(o *order) *[]line { return &o.lines }).Required(),
}}

const profileJSON = `{
  "name": "test", "base": "{host}/v1",
  "auth": {"kind": "bearer", "secret": "{key}", "headers": {"X-Shop": "{shop}"}},
  "envelope": {"status": "ok", "data": ["data"], "error_text": ["error", "data.message"], "error_fields": ["fields"], "cursor": ["next"], "server_time": ["now"]},
  "paging": {"kind": "cursor", "size": 10, "max_pages": 10},
  "write": {"numbers": "number", "dates": "datetime", "booleans": "int"},
  "update": "patch",
  "operations": {
    "list": {"verb": "GET", "path": "orders", "params": {"limit": "limit", "cursor": "c", "statuses": "st"}, "record": "order", "list": true, "partial": true, "grade": "documented"},
    "find": {"verb": "GET", "path": "orders", "params": {"external_id": "x"}, "required": ["external_id"], "record": "order", "list": true, "grade": "assumed"},
    "get": {"verb": "GET", "path": "orders/{id}.json", "required": ["id"], "record": "order", "grade": "inferred"},
    "create": {"verb": "POST", "path": "orders", "headers": {"Key": "{id}"}, "body": "order", "grade": "observed", "write": true},
    "make": {"verb": "POST", "path": "orders/new", "encoding": "form", "body": "order", "record": "order", "grade": "assumed", "write": true},
    "update": {"verb": "POST", "path": "orders/update", "params": {"id": "number"}, "required": ["id"], "body": "order", "grade": "assumed", "write": true},
    "anything": {"verb": "POST", "path": "anything", "open": true, "grade": "assumed", "write": true}
  },
  "records": {
    "order": {"id": {"paths": ["id"], "grade": "assumed"}, "note": {"paths": ["info.note", "note"], "grade": "observed"},
      "created": {"paths": ["created"], "grade": "assumed"}, "paid": {"paths": ["info.paid"], "grade": "assumed"},
      "gross": {"paths": ["totals.gross"], "grade": "assumed"}, "lines": {"paths": ["lines"], "grade": "assumed"}},
    "line": {"qty": {"paths": ["qty"], "grade": "assumed"}}
  }
}`

func testProfile(t testing.TB, override ...byte) (*wire.Profile, []wire.RecordInfo) {
	t.Helper()
	spec := wire.Spec{Records: []wire.RecordInfo{orderSchema.Info(), lineSchema.Info()},
		Operations: []string{"list", "find", "get", "create", "make", "update", "anything"}, Settings: []string{"host", "key", "shop"}}
	p, err := wire.LoadProfile([]byte(profileJSON), override, spec)
	if err != nil {
		t.Fatal(err)
	}
	return p, spec.Records
}

func testValidator(t testing.TB) *Validator {
	t.Helper()
	p, records := testProfile(t)
	v, err := NewValidator(Generate("test", p, records), "/v1")
	if err != nil {
		t.Fatal(err)
	}
	return v
}

const good = `{"id":"7","created":"2026-01-02 10:00:00","totals":{"gross":12.20},"lines":[{"qty":1}],"info":{"paid":1,"note":"Mario Rossi"}}`

func TestValidator(t *testing.T) {
	t.Parallel()
	const form = "application/x-www-form-urlencoded"
	tests := []struct {
		name, verb, target, contentType, body string
		operation                             string
		problem                               string // empty: none
	}{
		{"list", "GET", "/v1/orders?limit=5&st%5B%5D=1&st[]=2", "", "", "list", ""},
		{"list is the one without the other's parameter", "GET", "/v1/orders", "", "", "list", ""},
		{"find", "GET", "/v1/orders?x=9", "", "", "find", ""},
		{"parameters of two", "GET", "/v1/orders?x=9&limit=5", "", "", "find", `query: (all): property "limit" is unsupported`},
		{"limit no number", "GET", "/v1/orders?limit=many", "", "", "list", "query: limit: value must be an integer"},
		{"broken query", "GET", "/v1/orders?limit[=1", "", "", "find", "query: the brackets"},
		{"path parameter", "GET", "/v1/orders/a%2Fb.json", "", "", "get", ""},
		{"a GET has no body", "GET", "/v1/orders/a.json", "", "{}", "get", "body: none is expected"},
		{"create", "POST", "/v1/orders", "application/json; charset=utf-8", good, "create", ""},
		{"wrong content type", "POST", "/v1/orders", form, good, "create", `content type is "application/x-www-form-urlencoded"`},
		{"not JSON", "POST", "/v1/orders", "application/json", "{", "create", "body: not JSON"},
		{"missing in the body", "POST", "/v1/orders", "application/json", strings.Replace(good, `"id":"7",`, "", 1), "create", `id: property "id" is missing`},
		{"missing below", "POST", "/v1/orders", "application/json", strings.Replace(good, `"gross":12.20`, "", 1), "create", `gross: property "gross" is missing`},
		{"missing in a row", "POST", "/v1/orders", "application/json", strings.Replace(good, `{"qty":1}`, `{}`, 1), "create", "lines.0.qty"},
		{"unknown", "POST", "/v1/orders", "application/json", strings.Replace(good, `"note"`, `"nota"`, 1), "create", `info: property "nota" is unsupported`},
		{"another candidate is not written", "POST", "/v1/orders", "application/json", strings.Replace(good, `"id"`, `"note":"x","id"`, 1), "create", `property "note" is unsupported`},
		{"boolean in another spelling", "POST", "/v1/orders", "application/json", strings.Replace(good, `"paid":1`, `"paid":true`, 1), "create", "info.paid: "},
		{"date in another spelling", "POST", "/v1/orders", "application/json", strings.Replace(good, `2026-01-02 10`, `2026-01-02T10`, 1), "create", "created: "},
		{"number as text", "POST", "/v1/orders", "application/json", strings.Replace(good, `12.20`, `"12.20"`, 1), "create", "totals.gross: "},
		{"form", "POST", "/v1/orders/new", form, "created=2026-01-02+10:00:00&totals[gross]=12.20&lines[0][qty]=1&info[paid]=0", "make", ""},
		{"form of a new record with an id", "POST", "/v1/orders/new", form, "id=5&created=2026-01-02+10:00:00&totals[gross]=1&lines[0][qty]=1", "make", ""},
		{"form, wrong", "POST", "/v1/orders/new", form, "created=2026-01-02+10:00:00&totals[gross]=a&lines[0][qty]=1", "make", "totals.gross: "},
		{"form, broken", "POST", "/v1/orders/new", form, "totals[gross=a", "make", "body: the brackets"},
		{"update names what it changes", "POST", "/v1/orders/update", "application/json", `{"number":"5","info":{"note":null}}`, "update", ""},
		{"update of nothing", "POST", "/v1/orders/update", "application/json", `{"info":{"note":null}}`, "update", `"number" is missing`},
		{"open", "POST", "/v1/anything", "application/json", `{"a":{"b":1}}`, "anything", ""},
	}
	v := testValidator(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := httptest.NewRequest(tt.verb, tt.target, nil)
			r.Header.Set("Content-Type", tt.contentType)
			r.Header.Set("Key", "7")
			req, err := v.Match(r, []byte(tt.body))
			if err != nil {
				t.Fatal(err)
			}
			if req.Operation != tt.operation {
				t.Errorf("operation %s, want %s", req.Operation, tt.operation)
			}
			err = req.Check()
			switch {
			case tt.problem == "" && err != nil:
				t.Errorf("refused: %v", err)
			case tt.problem != "" && (err == nil || !strings.Contains(err.Error(), tt.problem)):
				t.Errorf("%v, want %s", err, tt.problem)
			case err != nil && strings.Contains(err.Error(), "Mario"):
				t.Errorf("%v shows what was sent", err)
			}
		})
	}
}

func TestValidatorTakesApartPathsAndForms(t *testing.T) {
	t.Parallel()
	v := testValidator(t)
	req, err := v.Match(httptest.NewRequest("GET", "/v1/orders/a%2Fb.json", nil), nil)
	if err != nil || req.Path["id"] != "a/b" {
		t.Errorf("%v, %v", req, err)
	}
	req, err = v.Match(httptest.NewRequest("POST", "/v1/orders/new", nil), []byte("totals[gross]=1.50&info[paid]=1"))
	if err != nil || string(req.Body) != `{"totals":{"gross":1.50},"info":{"paid":1}}` {
		t.Errorf("%s, %v", req.Body, err)
	}
	r := httptest.NewRequest("POST", "/v1/orders", nil)
	r.Header.Set("Content-Type", "application/json")
	req, err = v.Match(r, []byte(good))
	if err != nil {
		t.Fatal(err)
	}
	if err := req.Check(); err == nil || !strings.Contains(err.Error(), "header Key is missing") {
		t.Errorf("%v, want a complaint about the header", err)
	}
}

func TestValidatorKnowsNoOtherOperation(t *testing.T) {
	t.Parallel()
	v := testValidator(t)
	for _, target := range []string{"DELETE /v1/orders", "GET /v1/order", "GET /v2/orders", "GET /v1/orders/1/2.json", "GET /v1/orders/x"} {
		verb, path, _ := strings.Cut(target, " ")
		if req, err := v.Match(httptest.NewRequest(verb, path, nil), nil); err == nil {
			t.Errorf("%s is %s", target, req.Operation)
		}
	}
}

// Operations may differ by their bodies alone.
func TestOperationsThatShareAPathAndAVerb(t *testing.T) {
	t.Parallel()
	p, records := testProfile(t, []byte(`{"write":{"dates":"date"},"operations":{"update":{"path":"orders"},"anything":{"path":"orders","open":false,"params":{"all":"all"},"required":["all"]}}}`)...)
	doc := Generate("test", p, records)
	if err := doc.Validate(t.Context()); err != nil {
		t.Error(err)
	}
	v, err := NewValidator(doc, "/v1")
	if err != nil {
		t.Fatal(err)
	}
	for body, want := range map[string]string{strings.Replace(good, " 10:00:00", "", 1): "create", `{"number":"5","info":{"note":"x"}}`: "update", `{"all":1}`: "anything"} {
		r := httptest.NewRequest("POST", "/v1/orders", nil)
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Key", "7")
		req, err := v.Match(r, []byte(body))
		if err != nil || req.Operation != want || req.Check() != nil {
			t.Errorf("%s: %+v, %v, want %s", body, req, err, want)
		}
	}
}

func TestCheckReply(t *testing.T) {
	t.Parallel()
	v := testValidator(t)
	element := strings.Replace(good, `"qty":1`, `"qty":"1"`, 1)
	for body, problem := range map[string]string{
		`{"ok":1,"data":[` + element + `],"next":null,"now":"2026-01-01T00:00:00Z"}`: "",
		`{"ok":"1","data":[{"id":7}]}`:             "", // the list is one of short forms
		`{"ok":true,"data":[{"created":"today"}]}`: "data.0.id",
		`{"ok":1}`:    `"data" is missing`,
		`{"data":[]}`: `"ok" is missing`,
		`<html>`:      "not JSON",
	} {
		err := v.CheckReply("list", []byte(body))
		if problem == "" && err != nil || problem != "" && (err == nil || !strings.Contains(err.Error(), problem)) {
			t.Errorf("%s: %v, want %q", body, err, problem)
		}
	}
	if err := v.CheckReply("get", []byte(`{"ok":1,"data":{"id":7}}`)); err == nil || !strings.Contains(err.Error(), "created") {
		t.Errorf("%v, want the missing field of a whole record", err)
	}
	if err := v.CheckReply("nothing", nil); err == nil {
		t.Error("an unknown operation was checked")
	}
}

func TestGenerate(t *testing.T) {
	t.Parallel()
	p, records := testProfile(t)
	doc := Generate("test", p, records)
	if err := doc.Validate(t.Context()); err != nil {
		t.Error(err)
	}
	if got := Ungraded(doc); len(got) > 0 {
		t.Errorf("no grade: %v", got)
	}
	shared := doc.Paths.Value("/orders").Get
	if shared.Extensions[extGrade] != "assumed" {
		t.Errorf("two operations share a path with grade %v, want the less sure one's", shared.Extensions[extGrade])
	}
	if p := shared.Parameters.GetByInAndName("query", "x"); p == nil || p.Required {
		t.Error("what one of two operations requires must be optional in the path that they share")
	}
	note := doc.Components.Schemas["order"].Value.Properties["info"].Value.Properties["note"].Value
	if note.Extensions[extGrade] != "observed" || len(note.Extensions[extAlso].([]string)) != 1 {
		t.Errorf("note: %v", note.Extensions)
	}
	if len(doc.Components.SecuritySchemes) != 2 || doc.Components.SecuritySchemes["bearer"].Value.Scheme != "bearer" {
		t.Errorf("security: %v", doc.Components.SecuritySchemes)
	}
	a, err := YAML(doc)
	if err != nil {
		t.Fatal(err)
	}
	for range 5 {
		if b, _ := YAML(Generate("test", p, records)); string(a) != string(b) {
			t.Fatal("the same profile gave two documents")
		}
	}
}

func TestUngradedFindsWhatLacksAGrade(t *testing.T) {
	t.Parallel()
	p, records := testProfile(t)
	doc := Generate("test", p, records)
	delete(doc.Components.Schemas["line"].Value.Properties["qty"].Value.Extensions, extGrade)
	delete(doc.Paths.Value("/anything").Post.Extensions, extGrade)
	if got := Ungraded(doc); len(got) != 2 {
		t.Errorf("%v, want two", got)
	}
}

func BenchmarkCheck(b *testing.B) {
	v := testValidator(b)
	r := httptest.NewRequest(http.MethodPost, "/v1/orders", nil)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Key", "7")
	b.ReportAllocs()
	for b.Loop() {
		req, err := v.Match(r, []byte(good))
		if err != nil {
			b.Fatal(err)
		}
		if err := req.Check(); err != nil {
			b.Fatal(err)
		}
	}
}
