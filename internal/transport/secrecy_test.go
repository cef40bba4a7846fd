package transport

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// What no text may show.
const (
	thePassword = "hunter2secret"
	theKey      = "k3y-0123456789abcdef"
	theQuery    = "querysecret"
	theMail     = "rosa.bianchi@mail.example"
	theBody     = "bodysecret"
	theWords    = "serversecret"
)

// keyed is an Authenticator with a user, a password and a key.
type keyed struct{ basic }

func (a keyed) Authenticate(h http.Header) {
	a.basic.Authenticate(h)
	h.Set("X-Fw360-Key", theKey)
}
func (a keyed) Secrets() []string { return []string{a.password, theKey} }

func tellTale() *Request {
	return &Request{
		Operation: "customers.get", Method: "POST", Path: "customers", Write: true, Repeatable: true,
		Query: "email=" + url.QueryEscape(theMail) + "&key=" + theKey + "&q=" + theQuery, Body: []byte(theBody),
	}
}

// witness collects every text of a client.
type witness struct {
	logs
	texts []string
}

func (w *witness) config(c Config) Config {
	c.Logger, c.Auth = w.logger(), keyed{basic{theMail, thePassword}}
	c.OnAttempt = func(a Attempt) { w.texts = append(w.texts, fmt.Sprintf("%+v", a)) }
	return c
}

func (w *witness) saw(err error, resp *Response) {
	for e := err; e != nil; e = errors.Unwrap(e) {
		w.texts = append(w.texts, e.Error(), fmt.Sprintf("%+v %#v", e, e))
	}
	if e, ok := err.(*Error); ok {
		w.texts = append(w.texts, e.Reason())
	}
	if resp != nil {
		w.texts = append(w.texts, resp.RequestID)
	}
}

func (w *witness) check(t *testing.T) {
	t.Helper()
	all := strings.Join(w.texts, "\n") + "\n" + w.String()
	for _, s := range []string{
		thePassword, theKey, theQuery, theMail, url.QueryEscape(theMail), theBody, theWords, "q=", "Basic",
		base64.StdEncoding.EncodeToString([]byte(theMail + ":" + thePassword)),
	} {
		if i := strings.Index(all, s); i >= 0 {
			t.Errorf("%q is shown in: %s", s, all[max(0, i-200):min(len(all), i+len(s)+100)])
		}
	}
}

// Every failure, with an error whose own text tells everything.
func TestSecrecyOfFailures(t *testing.T) {
	t.Parallel()
	loud := errors.New(strings.Join([]string{thePassword, theKey, theQuery, theMail, theBody, theWords}, " "))
	failures := map[string]error{
		"plain":      loud,
		"url":        &url.Error{Op: "Post", URL: "https://x/?q=" + theQuery + "&key=" + theKey, Err: loud},
		"dns":        &net.DNSError{Err: loud.Error(), Name: theQuery, Server: theWords},
		"dial":       &net.OpError{Op: "dial", Err: loud, Addr: &net.UnixAddr{Name: theWords}},
		"proxy":      &net.OpError{Op: "proxyconnect", Err: loud},
		"errno":      &net.OpError{Op: "read", Err: os.NewSyscallError(theWords, syscall.ECONNRESET)},
		"eof":        fmt.Errorf("%w %w", loud, io.EOF),
		"cut":        fmt.Errorf("%w %w", loud, io.ErrUnexpectedEOF),
		"unknown":    x509.UnknownAuthorityError{},
		"name":       x509.HostnameError{Certificate: &x509.Certificate{DNSNames: []string{theWords}}, Host: theQuery},
		"invalid":    x509.CertificateInvalidError{Reason: x509.NotAuthorizedToSign, Detail: theWords},
		"verify":     &tls.CertificateVerificationError{Err: loud},
		"record":     tls.RecordHeaderError{Msg: theWords},
		"alert":      &net.OpError{Op: "remote error", Err: tls.AlertError(40)},
		"timeout":    &net.OpError{Op: "read", Err: os.ErrDeadlineExceeded, Addr: &net.UnixAddr{Name: theWords}},
		"foreign":    fmt.Errorf("%w %w", loud, context.Canceled),
		"own, twice": &Error{detail: thePassword},
	}
	for name, failure := range failures {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var w witness
				for _, rt := range []tripper{
					func(*http.Request) (*http.Response, error) { return nil, failure },
					func(*http.Request) (*http.Response, error) { return badBody(failure), nil },
				} {
					cl := newTestClient(t, local, w.config(Config{Transport: rt}))
					resp, err := cl.Do(t.Context(), tellTale())
					if resp != nil || !strings.HasPrefix(asError(t, err).Error(), "totalgest customers.get: ") {
						t.Fatalf("%+v, %v", resp, err)
					}
					w.saw(err, nil)
				}
				w.check(t)
			})
		})
	}
}

// The failures that come from contexts, limits and our own checks.
func TestSecrecyOfRefusals(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var w witness
		slow := tripper(func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, fmt.Errorf("%s: %w", theQuery, context.Cause(r.Context()))
		})
		cause := errors.New(theWords)
		do := func(ctx context.Context, c Config, change func(*Request)) {
			r := tellTale()
			if change != nil {
				change(r)
			}
			resp, err := newTestClient(t, local, w.config(c)).Do(ctx, r)
			if resp == nil && asError(t, err).Kind == "" {
				t.Error("an error without a kind")
			}
			w.saw(err, resp)
		}
		ended, end := context.WithCancelCause(t.Context())
		end(cause)
		do(ended, Config{Transport: slow}, nil)
		short, done := context.WithTimeoutCause(t.Context(), time.Second, cause)
		defer done()
		do(short, Config{Transport: slow}, nil)
		do(t.Context(), Config{Transport: slow, Retries: -1}, nil)
		loud := answer(429, theBody+theWords, "Retry-After", theWords, "X-Request-Id", theKey, "Location", "http://"+theWords+"/?q=")
		do(t.Context(), Config{Transport: tripper(func(*http.Request) (*http.Response, error) { return loud, nil })}, nil)
		do(t.Context(), Config{MaxBody: 1, Transport: tripper(func(*http.Request) (*http.Response, error) { return answer(200, theBody), nil })}, nil)
		for _, change := range []func(*Request){
			func(r *Request) { r.Path = "../" + theQuery },
			func(r *Request) { r.Path = theQuery + "%zz" },
			func(r *Request) { r.Query = "q=" + theQuery + " #" },
			func(r *Request) { r.Method = theQuery + " x" },
			func(r *Request) { r.Header = http.Header{"X-Key": {theKey + "\n"}} },
			func(r *Request) { r.Header = http.Header{theKey + "\n": {"x"}} },
		} {
			do(t.Context(), Config{Transport: slow}, change)
		}
		for _, base := range []string{"https://" + url.QueryEscape(theMail) + ":" + thePassword + "@shop.example", "http://shop.example/" + theKey, "https://shop.example/?q=" + theQuery} {
			u, err := url.Parse(base)
			if err != nil {
				t.Fatal(err)
			}
			_, err = New(Config{System: "totalgest", Base: u})
			w.saw(asError(t, err), nil)
		}
		w.check(t)
	})
}

// What a real server may say, and what net/http makes of it.
func TestSecrecyOfReplies(t *testing.T) {
	t.Parallel()
	replies := []string{
		"HTTP/9.9 " + theWords + " x\r\n\r\n",
		theWords + theKey + "\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: " + theWords + "\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: " + theWords + "\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + theWords + "\r\n",
		"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 12\r\n\r\n" + theWords,
		"HTTP/1.1 302 Found\r\nLocation: http://[" + theWords + "\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1 307 Found\r\nLocation: http://" + theWords + ".example/?q=" + theQuery + "\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1 200 OK\r\n" + theWords + "\r\n\r\n",
		"HTTP/1.1 200 OK\r\nX-Long: " + theWords + strings.Repeat("x", 2<<20) + "\r\n\r\n",
		"HTTP/1.1 500 " + theWords + "\r\nX-Request-Id: " + theKey + "\r\nContent-Length: 12\r\n\r\n" + theWords,
		"",
	}
	next := ""
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		conn, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		io.WriteString(conn, next)
		conn.Close()
	}))
	t.Cleanup(srv.Close)
	var w witness
	c := w.config(quick)
	c.Retries = -1
	cl := newTestClient(t, srv.URL, c)
	for _, next = range replies {
		for _, method := range []string{"GET", "POST"} {
			r := tellTale()
			r.Method, r.Repeatable = method, false
			resp, err := cl.Do(t.Context(), r)
			if err != nil {
				asError(t, err)
			}
			w.saw(err, resp)
		}
	}
	w.check(t)
	if n := strings.Count(w.String(), "\n"); n != 2*len(replies) {
		t.Errorf("%d log lines for %d attempts", n, 2*len(replies))
	}
}

func TestLogLine(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var l logs
		n := 0
		cl := newTestClient(t, local, Config{Logger: l.logger(), WaitMin: time.Second, WaitMax: time.Second, Transport: tripper(func(*http.Request) (*http.Response, error) {
			switch n++; n {
			case 1:
				return nil, io.EOF
			case 2:
				return answer(503, ""), nil
			}
			return answer(200, "hello"), nil
		})})
		resp := mustDo(t, cl, t.Context(), read(), 200)
		id := resp.RequestID
		line := `{"level":"%s","msg":"http attempt","system":"totalgest","operation":"products.list","method":"GET","status":%d,"duration":0,"attempt":%d,"bytes":%d,"request_id":"` + id + `","error":"%s"}` + "\n"
		cut := "totalgest products.list: the connection to 127.0.0.1:9 ended before the reply did [request " + id + "]"
		want := fmt.Sprintf(line, "WARN", 0, 1, 0, cut) + fmt.Sprintf(line, "WARN", 503, 2, 0, "") + fmt.Sprintf(line, "DEBUG", 200, 3, 5, "")
		if got := l.String(); got != want {
			t.Errorf("got\n%s\nwant\n%s", got, want)
		}
	})
}
