package transport

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"math"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/jarcoal/httpmock"
)

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		base string
		c    Config
		kind Kind
		says string
	}{
		"plain http":        {"http://shop.example/api", Config{}, KindBlocked, "https"},
		"no host":           {"https:///api", Config{}, KindInvalid, "no host"},
		"opaque":            {"https:shop.example", Config{}, KindInvalid, "no host"},
		"relative":          {"shop.example/api", Config{}, KindInvalid, "no host"},
		"scheme":            {"ftp://shop.example", Config{}, KindInvalid, "https://"},
		"user":              {"https://anna:hunter2@shop.example", Config{}, KindInvalid, "user name or password"},
		"query":             {"https://shop.example/?key=hunter2", Config{}, KindInvalid, "without ?"},
		"fragment":          {"https://shop.example/#x", Config{}, KindInvalid, "without ?"},
		"climbing":          {"https://shop.example/a/%2e%2e/b", Config{}, KindInvalid, ".."},
		"no verification":   {"https://shop.example", Config{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}, KindInvalid, "RootCAs"},
		"roots for another": {"https://shop.example", Config{Transport: httpmock.NewMockTransport(), RootCAs: x509.NewCertPool()}, KindInvalid, "RootCAs"},
		"rate":              {"https://shop.example", Config{Rate: math.NaN()}, KindInvalid, "Rate"},
		"infinite rate":     {"https://shop.example", Config{Rate: math.Inf(1)}, KindInvalid, "Rate"},
		"concurrent":        {"https://shop.example", Config{Concurrent: -1}, KindInvalid, "Concurrent"},
		"waits":             {"https://shop.example", Config{WaitMin: 2, WaitMax: 1}, KindInvalid, "WaitMin"},
		"timeout":           {"https://shop.example", Config{ReadTimeout: -1}, KindInvalid, "timeouts"},
		"body":              {"https://shop.example", Config{MaxBody: -1}, KindInvalid, "MaxBody"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			u, err := url.Parse(tt.base)
			if err != nil {
				t.Fatal(err)
			}
			tt.c.System, tt.c.Base = "framework360", u
			_, err = New(tt.c)
			e := checkError(t, err, tt.kind, "", 0)
			if text := e.Error(); !strings.HasPrefix(text, "framework360: ") || !strings.Contains(text, tt.says) || strings.Contains(text, "hunter2") {
				t.Errorf("%q, want %q in it", text, tt.says)
			}
		})
	}
	for _, c := range []Config{{}, {System: "x"}} {
		if _, err := New(c); err == nil {
			t.Errorf("%+v was accepted", c)
		}
	}
}

func TestDefaults(t *testing.T) {
	t.Parallel()
	base, _ := url.Parse("https://shop.example/m/api//")
	settled, err := Config{System: "framework360", Base: base}.settle()
	if err != nil {
		t.Fatal(err)
	}
	want := Config{
		System: "framework360", Base: &url.URL{Scheme: "https", Host: "shop.example", Path: "/m/api"},
		Rate: 2, Concurrent: 2, Retries: 3, WaitMin: 500 * time.Millisecond, WaitMax: 30 * time.Second,
		ReadTimeout: 30 * time.Second, WriteTimeout: 20 * time.Second, MaxBody: 64 << 20, UserAgent: "tg360",
	}
	if d := cmp.Diff(want, settled, cmpopts.IgnoreFields(Config{}, "Logger")); d != "" {
		t.Error(d)
	}
	if settled.Logger == nil || base.Path != "/m/api//" {
		t.Errorf("logger %v, base %v", settled.Logger, base)
	}
	one, err := Config{System: "x", Base: base, WaitMin: time.Minute}.settle()
	if err != nil || one.WaitMax != time.Minute {
		t.Errorf("WaitMax %v, %v", one.WaitMax, err)
	}
	two, err := Config{System: "x", Base: base, WaitMax: time.Millisecond, Retries: -1}.settle()
	if err != nil || two.WaitMin != time.Millisecond || two.Retries != 0 {
		t.Errorf("WaitMin %v, Retries %d, %v", two.WaitMin, two.Retries, err)
	}
}

func TestLoopback(t *testing.T) {
	t.Parallel()
	for base, want := range map[string]bool{
		"http://localhost/x": true, "http://LocalHost:81": true, "https://127.0.0.1": true, "http://127.9.8.7:80": true, "http://[::1]:8080/": true,
		"https://localhost.example": false, "https://127.0.0.1.example": false, "https://128.0.0.1": false, "https://[::2]": false, "https://10.0.0.1": false, "https://0.0.0.0": false,
	} {
		if got := newTestClient(t, base, Config{}).Loopback(); got != want {
			t.Errorf("%s: %v", base, got)
		}
	}
	newTestClient(t, "http://shop.example", Config{AllowHTTP: true})
}

func TestPaths(t *testing.T) {
	t.Parallel()
	var got string
	cl := newTestClient(t, local+"/v%201/", Config{Transport: tripper(func(r *http.Request) (*http.Response, error) {
		got = r.URL.RequestURI()
		return answer(200, ""), nil
	})})
	for path, want := range map[string]string{
		"": "", "orders": "/orders", "/orders/": "/orders/", "orders/a%2Fb": "/orders/a%2Fb", "orders/a%20b%3Fc": "/orders/a%20b%3Fc",
		"orders/a..b": "/orders/a..b", "orders/%C3%A8": "/orders/%C3%A8", "//evil.example/x": "//evil.example/x", "https://evil.example": "/https://evil.example",
	} {
		mustDo(t, cl, t.Context(), &Request{Path: path, Query: "cart%5B0%5D=1&b[]=2"}, 200)
		if got != "/api/v%201"+want+"?cart%5B0%5D=1&b[]=2" {
			t.Errorf("%q became %q", path, got)
		}
	}
}

func TestRequestRefused(t *testing.T) {
	t.Parallel()
	m := mock(httpmock.NewStringResponder(200, ""))
	cl := newTestClient(t, local, Config{Transport: m})
	tests := map[string]struct {
		r    Request
		says string
	}{
		"parent":         {Request{Path: "orders/../admin"}, ".."},
		"parent first":   {Request{Path: ".."}, ".."},
		"escaped parent": {Request{Path: "orders/%2e%2E/admin"}, ".."},
		"escaped slash":  {Request{Path: "orders/x%2F..%2Fadmin"}, ".."},
		"backslash":      {Request{Path: `orders%5C..%5Cadmin`}, ".."},
		"query in path":  {Request{Path: "orders?id=1"}, "not escaped"},
		"fragment":       {Request{Path: "orders#1"}, "not escaped"},
		"space":          {Request{Path: "orders/a b"}, "not escaped"},
		"bad escape":     {Request{Path: "orders/%zz"}, "not escaped"},
		"line break":     {Request{Query: "a=1\r\nX: y"}, "not encoded"},
		"query fragment": {Request{Query: "a=#"}, "not encoded"},
		"method":         {Request{Method: "GET /"}, "method"},
		"header value":   {Request{Header: http.Header{"X-Fw360-Key": {"abc\n"}}}, "X-Fw360-Key"},
		"header name":    {Request{Header: http.Header{"X:y": {"abc"}}}, "name of a header"},
	}
	for name, tt := range tests {
		tt.r.Write, tt.r.Operation = true, "orders.create"
		_, err := cl.Do(t.Context(), &tt.r)
		if e := checkError(t, err, KindInvalid, NotSent, 0); !strings.Contains(e.Error(), tt.says) {
			t.Errorf("%s: %q, want %q in it", name, e, tt.says)
		}
	}
	if n := m.GetTotalCallCount(); n != 0 {
		t.Errorf("%d requests were sent", n)
	}
}

func TestRequestID(t *testing.T) {
	t.Parallel()
	var sent string
	reply := ""
	cl := newTestClient(t, local, Config{Auth: basic{"anna", "hunter2"}, Transport: tripper(func(r *http.Request) (*http.Response, error) {
		sent = r.Header.Get("X-Request-Id")
		return answer(404, "", "X-Request-Id", reply), nil
	})})
	seen := map[string]bool{}
	for server, taken := range map[string]bool{"": false, "1-67.a_b:C": true, "Root=1": false, "anna@shop.example": false, "a b": false, "x-hunter2": false, strings.Repeat("9", 65): false} {
		reply = server
		resp := mustDo(t, cl, t.Context(), read(), 404)
		want := sent
		if taken {
			want = server
		}
		if resp.RequestID != want || len(sent) < 16 || seen[sent] {
			t.Errorf("server %q, sent %q: %q", server, sent, resp.RequestID)
		}
		seen[sent] = true
	}
}

func TestErrorText(t *testing.T) {
	t.Parallel()
	e := &Error{System: "totalgest", Operation: "orders.create", Kind: KindCut, Outcome: InDoubt, Attempts: 3, Status: 503, RequestID: "r1", detail: "the connection ended"}
	if got, want := e.Error(), "totalgest orders.create: the connection ended (in doubt, 3 attempts, last status 503) [request r1]"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	e = &Error{System: "totalgest", Kind: KindBlocked, detail: "no"}
	if got := e.Error(); got != "totalgest: no" || errors.Unwrap(e) != nil {
		t.Errorf("%q", got)
	}
}
