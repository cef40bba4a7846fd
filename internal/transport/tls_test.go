package transport

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// tlsServer answers with the protocol and the method of each request.
func tlsServer(t *testing.T, cert *tls.Certificate, watch func(net.Conn, http.ConnState)) (*httptest.Server, *x509.CertPool) {
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, r.Proto+" "+r.Method)
	}))
	srv.EnableHTTP2 = true
	srv.Config.ConnState = watch
	srv.Config.ErrorLog = log.New(io.Discard, "", 0)
	if cert != nil {
		srv.TLS = &tls.Config{Certificates: []tls.Certificate{*cert}}
	}
	srv.StartTLS()
	t.Cleanup(srv.Close)
	pool := x509.NewCertPool()
	pool.AddCert(srv.Certificate())
	return srv, pool
}

// newCert makes a certificate for 127.0.0.1 that signs itself.
func newCert(t *testing.T, until time.Time) *tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: until.Add(-time.Hour), NotAfter: until, IsCA: true,
		BasicConstraintsValid: true, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func TestTLS(t *testing.T) {
	t.Parallel()
	srv, pool := tlsServer(t, nil, nil)
	expired, expiredPool := tlsServer(t, newCert(t, time.Now().Add(-time.Hour)), nil)
	plain := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(plain.Close)
	tests := map[string]struct {
		base  string
		roots *x509.CertPool
		says  string
	}{
		"untrusted":    {srv.URL, nil, "add it to RootCAs"},
		"wrong pool":   {srv.URL, x509.NewCertPool(), "add it to RootCAs"},
		"other name":   {strings.Replace(srv.URL, "127.0.0.1", "localhost", 1), pool, "for another name"},
		"expired":      {expired.URL, expiredPool, "has expired"},
		"speaks plain": {strings.Replace(plain.URL, "http:", "https:", 1), nil, "speaks no TLS"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := quick
			c.RootCAs = tt.roots
			cl := newTestClient(t, tt.base, c)
			for r, outcome := range map[*Request]Outcome{read(): "", write(): NotSent} {
				_, err := cl.Do(t.Context(), r)
				if e := checkError(t, err, KindTLS, outcome, 1); !strings.Contains(e.Error(), tt.says) {
					t.Errorf("%q does not say %q", e, tt.says)
				}
			}
		})
	}
}

func TestPrivateAuthority(t *testing.T) {
	t.Parallel()
	for name, given := range map[string]http.RoundTripper{"own": nil, "given": &http.Transport{ForceAttemptHTTP2: true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var conns atomic.Int64
			srv, pool := tlsServer(t, nil, func(_ net.Conn, s http.ConnState) {
				if s == http.StateNew {
					conns.Add(1)
				}
			})
			c := quick
			c.RootCAs, c.Transport = pool, given
			cl := newTestClient(t, srv.URL, c)
			for range 3 {
				for r, want := range map[*Request]string{read(): "HTTP/2.0 GET", repeatable(): "HTTP/2.0 PUT", write(): "HTTP/1.1 POST"} {
					if resp := mustDo(t, cl, t.Context(), r, 200); string(resp.Body) != want || resp.Attempts != 1 {
						t.Errorf("%s: %q after %d attempts, want %q", r.Operation, resp.Body, resp.Attempts, want)
					}
				}
			}
			// Each transport finds out once; then one connection serves what may
			// be repeated, and each of three writes has its own.
			if n := conns.Load(); n != 1+1+1+3 {
				t.Errorf("%d connections", n)
			}
		})
	}
}

// RootCAs are trusted besides what a transport trusts already, in any order.
func TestAuthoritiesAreAdded(t *testing.T) {
	t.Parallel()
	one, onePool := tlsServer(t, nil, nil)
	two, twoPool := tlsServer(t, newCert(t, time.Now().Add(time.Hour)), nil)
	c := quick
	c.Transport = &http.Transport{TLSClientConfig: &tls.Config{RootCAs: onePool}, DisableKeepAlives: true}
	c.RootCAs = twoPool
	for _, order := range [][]string{{one.URL, two.URL, one.URL}, {two.URL, one.URL, two.URL}} {
		cl := newTestClient(t, order[0], c)
		for _, base := range order {
			for _, rt := range []http.RoundTripper{cl.reads, cl.writes} {
				req, err := http.NewRequestWithContext(t.Context(), "POST", base, strings.NewReader("{}"))
				if err != nil {
					t.Fatal(err)
				}
				resp, err := rt.RoundTrip(req)
				if err != nil {
					t.Fatal(err)
				}
				resp.Body.Close()
			}
		}
	}
}

// A handshake that is cut or hangs sent nothing, so any call may be repeated.
func TestHandshakeFails(t *testing.T) {
	t.Parallel()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			conn.Close()
		}
	})
	t.Cleanup(func() { ln.Close(); wg.Wait() })
	_, err = newTestClient(t, "https://"+ln.Addr().String(), quick).Do(t.Context(), write())
	checkError(t, err, KindConnect, NotSent, 4)
}

func TestRedirectToHTTPS(t *testing.T) {
	t.Parallel()
	secure, pool := tlsServer(t, nil, nil)
	var back string
	plain := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, secure.URL+r.URL.Path, http.StatusMovedPermanently)
	}))
	t.Cleanup(plain.Close)
	down := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, back, http.StatusMovedPermanently)
	}))
	down.Config.ErrorLog = log.New(io.Discard, "", 0)
	down.StartTLS()
	t.Cleanup(down.Close)
	back = plain.URL
	c := quick
	c.RootCAs = pool
	if resp := mustDo(t, newTestClient(t, plain.URL, c), t.Context(), read(), 200); resp.Attempts != 2 || string(resp.Body) != "HTTP/2.0 GET" {
		t.Errorf("%+v", resp)
	}
	if resp := mustDo(t, newTestClient(t, down.URL, c), t.Context(), read(), 301); resp.Attempts != 1 {
		t.Errorf("followed to plain http: %+v", resp)
	}
}
