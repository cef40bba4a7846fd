package totalgest_test

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/shopspring/decimal"
	"github.com/tg360/tg360/totalgest"
	"github.com/tg360/tg360/totalgest/totalgesttest"
)

// What became of an order is always known, or known not to be known; and it is
// sent once whatever happens.
func TestOutcomesOfCreateOrder(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		fault    totalgesttest.Fault
		sentinel error
		outcome  totalgest.Outcome
		orders   int
	}{
		{"500 before", totalgesttest.Fault{Kind: totalgesttest.Error500Before}, totalgest.ErrInDoubt, totalgest.OutcomeInDoubt, 0},
		{"500 after", totalgesttest.Fault{Kind: totalgesttest.Error500After}, totalgest.ErrInDoubt, totalgest.OutcomeInDoubt, 1},
		{"cut before", totalgesttest.Fault{Kind: totalgesttest.DropBefore}, totalgest.ErrInDoubt, totalgest.OutcomeInDoubt, 0},
		{"cut after", totalgesttest.Fault{Kind: totalgesttest.DropAfter}, totalgest.ErrInDoubt, totalgest.OutcomeInDoubt, 1},
		{"cut in the reply", totalgesttest.Fault{Kind: totalgesttest.Truncate}, totalgest.ErrInDoubt, totalgest.OutcomeInDoubt, 1},
		{"late effect", totalgesttest.Fault{Kind: totalgesttest.LateEffect}, totalgest.ErrInDoubt, totalgest.OutcomeInDoubt, 1},
		{"a proxy's 502", totalgesttest.Fault{Kind: totalgesttest.HTML502}, totalgest.ErrInDoubt, totalgest.OutcomeInDoubt, 0},
		{"a page with 200", totalgesttest.Fault{Kind: totalgesttest.HTML200}, totalgest.ErrInDoubt, totalgest.OutcomeInDoubt, 0},
		{"an error with 200", totalgesttest.Fault{Kind: totalgesttest.OK200Error}, totalgest.ErrInvalid, totalgest.OutcomeRefused, 0},
		{"too many", totalgesttest.Fault{Kind: totalgesttest.TooMany429}, totalgest.ErrRateLimited, totalgest.OutcomeRefused, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := totalgesttest.Start(t, totalgesttest.Options{})
			tt.fault.Operation = "orders.create"
			s.Faults(tt.fault)
			config := s.Config()
			if tt.outcome == totalgest.OutcomeInDoubt {
				config.Retries = 3 // allowed, and not used
			}
			_, created, err := newClient(t, config).CreateOrder(t.Context(), sampleOrder("x"))
			e := wantError(t, err, tt.sentinel)
			if e.Outcome != tt.outcome || created {
				t.Errorf("outcome %q, created %v", e.Outcome, created)
			}
			s.Close() // a late effect has come now
			if n := s.Requests()["orders.create"]; n != 1 || len(s.Orders()) != tt.orders {
				t.Errorf("%d requests and %d orders, want 1 and %d", n, len(s.Orders()), tt.orders)
			}
		})
	}
}

func TestCreateOrderThatIsRefused(t *testing.T) {
	t.Parallel()
	s, c := startFake(t, totalgesttest.Options{})
	o := sampleOrder("x")
	o.Gross = dec("54.91")
	_, _, err := c.CreateOrder(t.Context(), o)
	e := wantError(t, err, totalgest.ErrInvalid)
	if e.Status != http.StatusUnprocessableEntity || e.Outcome != totalgest.OutcomeRefused || len(e.Fields) != 2 ||
		e.Fields[0].Path != "totals.gross" || !strings.Contains(e.Error(), "totals.gross: is not net and tax together") {
		t.Errorf("%+v", e)
	}
	if len(s.Orders()) != 0 || s.Requests()["orders.create"] != 1 {
		t.Errorf("%d orders, %v", len(s.Orders()), s.Requests())
	}
}

func TestCreateOrderThatExists(t *testing.T) {
	t.Parallel()
	s, c := startFake(t, totalgesttest.Options{Dedupe: true})
	first, created, err := c.CreateOrder(t.Context(), sampleOrder("x"))
	if err != nil || !created {
		t.Fatal(created, err)
	}
	second, created, err := c.CreateOrder(t.Context(), sampleOrder("x"))
	if err != nil || created || second.ID != first.ID || len(s.Orders()) != 1 {
		t.Errorf("%+v, %v, %v, %d orders", second, created, err, len(s.Orders()))
	}
	// Where TotalGest does not recognise it, there are two.
	s, c = startFake(t, totalgesttest.Options{})
	for range 2 {
		if _, created, err := c.CreateOrder(t.Context(), sampleOrder("x")); err != nil || !created {
			t.Error(created, err)
		}
	}
	if found, err := c.FindOrders(t.Context(), "x"); err != nil || len(found) != 2 || s.Duplicates() != 1 {
		t.Errorf("%v, %v, %d double", found, err, s.Duplicates())
	}
}

// A conflict counts as the existing order only where it can be read.
func TestCreateOrderConflict(t *testing.T) {
	t.Parallel()
	for body, exists := range map[string]bool{
		`{"data":{"id":7,"external_id":"x"}}`:                                true,
		`{"error":{"message":"exists"},"data":{"id":"7","external_id":"x"}}`: true,
		`{"data":[{"id":7,"external_id":"x"}]}`:                              true,
		`{"error":{"code":"locked","message":"the month is closed"}}`:        false,
		`{"data":null}`: false,
		`<html>`:        false,
	} {
		l := startLiteral(t, map[string]answer{"POST /api/v1/orders": {409, body}})
		ref, created, err := newClient(t, config(l.URL)).CreateOrder(t.Context(), sampleOrder("x"))
		if exists {
			if err != nil || created || ref.ID != "7" {
				t.Errorf("%s: %+v, %v, %v", body, ref, created, err)
			}
			continue
		}
		if e := wantError(t, err, totalgest.ErrConflict); e.Outcome != totalgest.OutcomeRefused {
			t.Errorf("%s: outcome %q", body, e.Outcome)
		}
	}
}

func TestCreateOrderWithAnOddReply(t *testing.T) {
	t.Parallel()
	for name, a := range map[string]answer{
		"about another order": {201, `{"data":{"id":"7","external_id":"y"}}`},
		"without an id":       {201, `{"data":{"external_id":"x"}}`},
		"empty":               {201, ``},
		"no content":          {204, ``},
		"null":                {200, `null`},
		"no data":             {200, `{}`},
		"a redirect":          {302, ``},
	} {
		l := startLiteral(t, map[string]answer{"POST /api/v1/orders": a})
		_, created, err := newClient(t, config(l.URL)).CreateOrder(t.Context(), sampleOrder("x"))
		e := wantError(t, err, totalgest.ErrInDoubt)
		if e.Outcome != totalgest.OutcomeInDoubt || created || len(l.requests()) != 1 {
			t.Errorf("%s: %q, %v, %d requests", name, e.Outcome, created, len(l.requests()))
		}
	}
}

func TestCreateOrderThatIsNotSent(t *testing.T) {
	t.Parallel()
	_, _, err := newClient(t, config(refused)).CreateOrder(t.Context(), sampleOrder("x"))
	if e := wantError(t, err, totalgest.ErrUnavailable); e.Outcome != totalgest.OutcomeNotSent {
		t.Errorf("outcome %q", e.Outcome)
	}
	s, c := startFake(t, totalgesttest.Options{})
	for _, change := range []func(*totalgest.Order){
		func(o *totalgest.Order) { o.ExternalID = "" },
		func(o *totalgest.Order) { o.Currency = "" },
		func(o *totalgest.Order) { o.Lines = nil },
		func(o *totalgest.Order) { o.Gross = totalgest.Null[decimal.Decimal]() },
		func(o *totalgest.Order) { o.CreatedAt = o.PaidAt },
	} {
		o := sampleOrder("x")
		change(&o)
		_, _, err := c.CreateOrder(t.Context(), o)
		if e := wantError(t, err, totalgest.ErrArgument); e.Outcome != totalgest.OutcomeNotSent {
			t.Errorf("outcome %q", e.Outcome)
		}
	}
	if n := s.Requests(); len(n) != 0 {
		t.Errorf("requests %v", n)
	}
}

// recorder is a transport that answers nothing but counts.
type recorder struct {
	requests int
	reply    string
}

func (r *recorder) RoundTrip(req *http.Request) (*http.Response, error) {
	r.requests++
	return &http.Response{StatusCode: http.StatusCreated, Header: http.Header{}, Request: req,
		Body: io.NopCloser(bytes.NewReader([]byte(r.reply)))}, nil
}

// A write whose wire is only assumed reaches no real server before a person has
// said that it is right.
func TestAssumedWriteToARealServer(t *testing.T) {
	t.Parallel()
	rt := &recorder{reply: `{"data":{"id":"7","external_id":"x"}}`}
	c := config("https://tg00.example")
	c.Transport = rt
	cl := newClient(t, c)
	_, _, err := cl.CreateOrder(t.Context(), sampleOrder("x"))
	e := wantError(t, err, totalgest.ErrUnconfirmed)
	if e.Outcome != totalgest.OutcomeNotSent || len(e.Fields) != 1 || e.Fields[0].Path != "orders.create" || rt.requests != 0 {
		t.Errorf("%+v, %d requests", e, rt.requests)
	}
	wantError(t, cl.Confirmed(), totalgest.ErrUnconfirmed)
	if err := cl.Confirmed("products.list"); err != nil {
		t.Errorf("reading needs no confirmation: %v", err)
	}
	c.Profile = []byte(`{"operations":{"orders.create":{"confirmed":{"by":"Ada Prova","date":"2026-05-01","evidence":"a test order in the provider's sandbox"}}}}`)
	cl = newClient(t, c)
	if err := cl.Confirmed(); err != nil {
		t.Error(err)
	}
	if _, created, err := cl.CreateOrder(t.Context(), sampleOrder("x")); err != nil || !created || rt.requests != 1 {
		t.Errorf("%v, %v, %d requests", created, err, rt.requests)
	}
}
