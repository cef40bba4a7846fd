package transport

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"log/slog"
	"math"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"time"
)

// Authenticator puts credentials into the headers of a request, never into its
// URL. Its methods are called by several goroutines at a time.
type Authenticator interface {
	// Authenticate sets headers; it is called at least once a call.
	Authenticate(h http.Header)
	// Secrets returns the values that no text may show.
	Secrets() []string
}

// Config says how to reach one API. The zero value of a field means its
// default.
type Config struct {
	// System names the API in errors and logs, such as "totalgest". Required.
	System string
	// Base is scheme, host and base path; no user, query or fragment. Required.
	Base *url.URL
	// Auth adds credentials to every request. Nil: none.
	Auth Authenticator
	// Transport sends requests. Nil: an own one. An [*http.Transport] is cloned.
	// Any other is used as it is: it must not resend a request by itself, should
	// call the hooks of net/http/httptrace, without which more writes end in
	// doubt, and must end when the request's context does.
	Transport http.RoundTripper
	// RootCAs are trusted besides the system's, for private authorities. It
	// needs a Transport that is nil or an [*http.Transport].
	RootCAs *x509.CertPool
	// AllowHTTP permits plain http to hosts other than this machine.
	AllowHTTP bool
	// Rate is the number of requests a second. Default 2; negative: no limit of
	// this client's. A host that is not this machine gets at most 10 a second
	// from all clients of the process in any case.
	Rate float64
	// Concurrent is the number of requests at a time. Default 2.
	Concurrent int
	// Retries is the number of further attempts of what may be repeated.
	// Default 3; negative: none.
	Retries int
	// WaitMin and WaitMax bound the random wait before a repetition. Its range
	// begins at WaitMin and doubles each time. Defaults 500 ms and 30 s. A
	// server's Retry-After takes its place, however long.
	WaitMin, WaitMax time.Duration
	// ReadTimeout and WriteTimeout bound one attempt, body included, waiting
	// for its turn not included. Defaults 30 s and 20 s.
	ReadTimeout, WriteTimeout time.Duration
	// MaxBody bounds the body of a reply, in bytes. Default 64 MiB.
	MaxBody int64
	// UserAgent is sent with every request. Default "tg360".
	UserAgent string
	// Logger gets one line an attempt. Nil: none.
	Logger *slog.Logger
	// OnAttempt is called after each attempt, by the goroutine of the call. It
	// may be nil.
	OnAttempt func(Attempt)
}

// Attempt describes one attempt of a call.
type Attempt struct {
	System, Operation, Method string
	Number                    int           // from 1, over the call; a redirect that is followed is one more
	Status                    int           // HTTP; 0: no reply began
	Duration                  time.Duration // from sending to the end of the body
	Waited                    time.Duration // for its turn, before that
	Bytes                     int64         // of the reply's body
	Err                       error         // an *Error, or nil
	RequestID                 string        // the one that was sent
}

const (
	defaultRate = 2
	hostRate    = 10 // requests a second to one host, by all clients of the process
)

// settle returns c with its defaults filled in, or what is wrong with it.
func (c Config) settle() (Config, error) {
	if c.System == "" {
		return c, errors.New("the API has no name (System)")
	}
	if err := checkBase(c.Base, c.AllowHTTP); err != nil {
		return c, err
	}
	base := *c.Base
	base.Path = strings.TrimRight(base.Path, "/")
	base.RawPath = strings.TrimRight(base.RawPath, "/")
	c.Base = &base
	if c.Concurrent < 0 || c.MaxBody < 0 || min(c.WaitMin, c.WaitMax, c.ReadTimeout, c.WriteTimeout) < 0 {
		return c, errors.New("a negative number of Concurrent, MaxBody, a wait or one of the timeouts")
	}
	if math.IsNaN(c.Rate) || math.IsInf(c.Rate, 0) {
		return c, errors.New("the Rate is not a number of requests a second; a negative one means no limit")
	}
	c.Rate = or(c.Rate, defaultRate)
	c.Concurrent = or(c.Concurrent, 2)
	c.Retries = max(or(c.Retries, 3), 0)
	c.WaitMax = or(c.WaitMax, max(30*time.Second, c.WaitMin))
	c.WaitMin = or(c.WaitMin, min(500*time.Millisecond, c.WaitMax))
	if c.WaitMin > c.WaitMax {
		return c, errors.New("the wait WaitMin is longer than WaitMax")
	}
	c.ReadTimeout = or(c.ReadTimeout, 30*time.Second)
	c.WriteTimeout = or(c.WriteTimeout, 20*time.Second)
	c.MaxBody = or(c.MaxBody, 64<<20)
	c.UserAgent = or(c.UserAgent, "tg360")
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c, nil
}

func or[T comparable](v, def T) T {
	var zero T
	if v == zero {
		return def
	}
	return v
}

var errPlainHTTP = errors.New("plain http is blocked, it would show credentials to the network: use https, or allow http (AllowHTTP)")

func checkBase(u *url.URL, allowHTTP bool) error {
	switch {
	case u == nil || u.Hostname() == "" || u.Opaque != "":
		return errors.New("the base address has no host; it must look like https://host/path")
	case u.User != nil:
		return errors.New("the base address holds a user name or password; give credentials in the settings for them")
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return errors.New("the base address must end with its path, without ? and #")
	case u.Scheme != "https" && u.Scheme != "http":
		return errors.New("the base address must begin with https://")
	case u.Scheme == "http" && !allowHTTP && !IsLoopback(u.Hostname()):
		return errPlainHTTP
	case climbs(u.Path):
		return errors.New("the base address must not hold .. in its path")
	}
	return nil
}

// IsLoopback reports whether host, without a port, is this machine: localhost,
// 127.0.0.0/8 or ::1.
func IsLoopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}

// connect builds the two transports of a client.
func (c *Client) connect() error {
	var t *http.Transport
	switch given := c.config.Transport.(type) {
	case nil:
		t = newTransport(c.config.Concurrent)
	case *http.Transport:
		t = given.Clone()
	default:
		if c.config.RootCAs != nil {
			return errors.New("no RootCAs can be added to a Transport of this type: let it trust them by itself")
		}
		c.reads, c.writes, c.foreign = given, given, true
		return nil
	}
	if t.TLSClientConfig != nil && t.TLSClientConfig.InsecureSkipVerify {
		return errors.New("the given Transport skips the verification of certificates: add a private authority to RootCAs instead")
	}
	c.reads, c.writes = c.trust(t), c.trust(single(t))
	return nil
}

func newTransport(concurrent int) *http.Transport {
	dialer := &net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            dialer.DialContext,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    10 * time.Second,
		ForceAttemptHTTP2:      true,
		MaxIdleConnsPerHost:    concurrent,
		IdleConnTimeout:        90 * time.Second,
		MaxResponseHeaderBytes: 1 << 20,
	}
}

// single clones t into a transport that uses each connection for one request
// only. HTTP/2 is off, as it resends what a server is said not to have seen.
func single(t *http.Transport) *http.Transport {
	t = t.Clone()
	t.DisableKeepAlives = true
	t.ForceAttemptHTTP2 = false
	t.Protocols = new(http.Protocols)
	t.Protocols.SetHTTP1(true)
	if t.TLSClientConfig != nil {
		t.TLSClientConfig.NextProtos = nil
	}
	return t
}

// trust registers t with the client and adds the client's RootCAs.
func (c *Client) trust(t *http.Transport) http.RoundTripper {
	c.own = append(c.own, t)
	if c.config.RootCAs == nil {
		return t
	}
	private := t.Clone()
	if private.TLSClientConfig == nil {
		private.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	private.TLSClientConfig.RootCAs = c.config.RootCAs
	c.own = append(c.own, private)
	return &trusts{by: [2]*http.Transport{t, private}}
}

// trusts is a transport with two sets of authorities. A pool of certificates
// can't be joined to the system's, so the other set is tried where the one that
// worked last does not know a host's authority. The handshake has then failed
// and nothing was sent.
type trusts struct {
	by     [2]*http.Transport
	second atomic.Bool
}

// RoundTrip implements [http.RoundTripper].
func (t *trusts) RoundTrip(req *http.Request) (*http.Response, error) {
	first, other := t.by[0], t.by[1]
	second := t.second.Load()
	if second {
		first, other = other, first
	}
	resp, err := first.RoundTrip(req)
	var unknown x509.UnknownAuthorityError
	if !errors.As(err, &unknown) {
		return resp, err
	}
	t.second.Store(!second)
	return other.RoundTrip(req)
}
