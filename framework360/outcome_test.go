package framework360_test

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/tg360/tg360/framework360"
	"github.com/tg360/tg360/framework360/framework360test"
)

// What became of a new product is always known, or known not to be known; and it
// is sent once whatever happens.
func TestOutcomesOfCreateProduct(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		fault    framework360test.Fault
		sentinel error
		outcome  framework360.Outcome
		products int
	}{
		{"500 before", framework360test.Fault{Kind: framework360test.Error500Before}, framework360.ErrInDoubt, framework360.OutcomeInDoubt, 0},
		{"500 after", framework360test.Fault{Kind: framework360test.Error500After}, framework360.ErrInDoubt, framework360.OutcomeInDoubt, 1},
		{"cut before", framework360test.Fault{Kind: framework360test.DropBefore}, framework360.ErrInDoubt, framework360.OutcomeInDoubt, 0},
		{"cut after", framework360test.Fault{Kind: framework360test.DropAfter}, framework360.ErrInDoubt, framework360.OutcomeInDoubt, 1},
		{"cut in the reply", framework360test.Fault{Kind: framework360test.Truncate}, framework360.ErrInDoubt, framework360.OutcomeInDoubt, 1},
		{"late effect", framework360test.Fault{Kind: framework360test.LateEffect}, framework360.ErrInDoubt, framework360.OutcomeInDoubt, 1},
		{"a proxy's 502", framework360test.Fault{Kind: framework360test.HTML502}, framework360.ErrInDoubt, framework360.OutcomeInDoubt, 0},
		{"a page with 200", framework360test.Fault{Kind: framework360test.HTML200}, framework360.ErrInDoubt, framework360.OutcomeInDoubt, 0},
		{"an error with 200", framework360test.Fault{Kind: framework360test.OK200Error}, framework360.ErrInvalid, framework360.OutcomeRefused, 0},
		{"too many", framework360test.Fault{Kind: framework360test.TooMany429}, framework360.ErrRateLimited, framework360.OutcomeRefused, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := framework360test.Start(t, framework360test.Options{})
			tt.fault.Operation = "products/create"
			s.Faults(tt.fault)
			config := s.Config()
			if tt.outcome == framework360.OutcomeInDoubt {
				config.Retries = 3 // allowed, and not used
			}
			_, err := newClient(t, config).CreateProduct(t.Context(), sampleProduct("x"))
			if e := wantError(t, err, tt.sentinel); e.Outcome != tt.outcome {
				t.Errorf("outcome %q", e.Outcome)
			}
			s.Close() // a late effect has come now
			if s.FaultCounts()[tt.fault.Kind] != 1 {
				t.Errorf("faults %v", s.FaultCounts())
			}
			if n := s.Requests()["products/create"]; n != 1 || len(s.Products()) != tt.products {
				t.Errorf("%d requests and %d products, want 1 and %d", n, len(s.Products()), tt.products)
			}
		})
	}
}

func TestCreateProductWithAnOddReply(t *testing.T) {
	t.Parallel()
	for name, a := range map[string]answer{
		"without an id": {200, `{"status":1,"data":{"sku":"x"}}`},
		"empty":         {200, ``},
		"null":          {200, `null`},
		"no data":       {200, `{"status":1}`},
		"a bare list":   {200, `[{"id":1}]`},
		"a redirect":    {302, ``},
		"cut off":       {200, `{"status":1,"data":{"id":1`},
	} {
		l := startLiteral(t, map[string]answer{"POST /m/api/products/create": a})
		_, err := newClient(t, config(l.URL)).CreateProduct(t.Context(), sampleProduct("x"))
		e := wantError(t, err, framework360.ErrInDoubt)
		if e.Outcome != framework360.OutcomeInDoubt || len(l.requests()) != 1 {
			t.Errorf("%s: %q, %d requests", name, e.Outcome, len(l.requests()))
		}
	}
	_, err := newClient(t, config(refused)).CreateProduct(t.Context(), sampleProduct("x"))
	if e := wantError(t, err, framework360.ErrUnavailable); e.Outcome != framework360.OutcomeNotSent {
		t.Errorf("outcome %q", e.Outcome)
	}
}

// A failure is a failure in each of the shop's ways to say so.
func TestFailuresWithStatus200(t *testing.T) {
	t.Parallel()
	tests := []struct {
		body     string
		sentinel error
		message  string
	}{
		{`{"status":0,"error":"user_token_expired"}`, framework360.ErrUnauthorized, "user_token_expired"},
		{`{"status":"0","error":"Invalid key"}`, framework360.ErrUnauthorized, "Invalid key"},
		{`{"status":0,"error":"permission_denied","message":"manca /orders/get"}`, framework360.ErrForbidden, "permission_denied"},
		{`{"status":0,"message":"Non autorizzato"}`, framework360.ErrForbidden, "Non autorizzato"},
		{`{"status":false,"data":{"message":"Order not found"}}`, framework360.ErrNotFound, "Order not found"},
		{`{"status":0,"title":"Ordine non trovato","data":[]}`, framework360.ErrNotFound, "non trovato"},
		{`{"status":1,"error":"Modulo e-commerce spento"}`, framework360.ErrInactive, "Modulo"},
		{`{"error":"Too many requests"}`, framework360.ErrRateLimited, "Too many"},
		{`{"status":0}`, framework360.ErrInvalid, "not why"},
		{`{"data":{"id":1},"status":0,"error":"dati non validi"}`, framework360.ErrInvalid, "dati non validi"},
	}
	for _, tt := range tests {
		l := startLiteral(t, map[string]answer{"GET /m/api/orders/get?id=1": {body: tt.body}})
		_, err := newClient(t, config(l.URL)).Order(t.Context(), "1")
		e := wantError(t, err, tt.sentinel)
		if !strings.Contains(e.Message, tt.message) || e.Outcome != "" {
			t.Errorf("%s: %q, %q", tt.body, e.Message, e.Outcome)
		}
	}
}

// recorder is a transport that counts.
type recorder struct {
	requests int
	reply    string
}

func (r *recorder) RoundTrip(req *http.Request) (*http.Response, error) {
	r.requests++
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Request: req,
		Body: io.NopCloser(bytes.NewReader([]byte(r.reply)))}, nil
}

// A write whose wire is only assumed reaches no real shop before a person has
// said that it is right. Documented writes do.
func TestAssumedWriteToARealShop(t *testing.T) {
	t.Parallel()
	rt := &recorder{reply: `{"status":1,"data":{"id":"7"}}`}
	c := config("shop.example")
	c.Transport = rt
	cl := newClient(t, c)
	_, err := cl.CreateProduct(t.Context(), sampleProduct("x"))
	e := wantError(t, err, framework360.ErrUnconfirmed)
	if e.Outcome != framework360.OutcomeNotSent || len(e.Fields) != 1 || e.Fields[0].Path != "products/create" {
		t.Errorf("%+v", e)
	}
	wantError(t, cl.UpdateProduct(t.Context(), framework360.Product{ID: "1"}), framework360.ErrUnconfirmed)
	e = wantError(t, cl.Confirmed(), framework360.ErrUnconfirmed)
	if len(e.Fields) != 3 || !strings.Contains(e.Message, "products/create, products/delete, products/update") || rt.requests != 0 {
		t.Errorf("%+v, %d requests", e, rt.requests)
	}
	if err := cl.UpdateStatus(t.Context(), "1", framework360.StatusUpdate{Status: "4"}); err != nil || rt.requests != 1 {
		t.Errorf("%v, %d requests", err, rt.requests)
	}
	c.Profile = []byte(`{"operations":{"products/create":{"confirmed":{"by":"Ada Prova","date":"2026-05-01","evidence":"a test product"}}}}`)
	cl = newClient(t, c)
	if id, err := cl.CreateProduct(t.Context(), sampleProduct("x")); err != nil || id != "7" || rt.requests != 2 {
		t.Errorf("%v, %v, %d requests", id, err, rt.requests)
	}
	wantError(t, cl.UpdateProduct(t.Context(), framework360.Product{ID: "1"}), framework360.ErrUnconfirmed)
}
