package fake

import (
	"bytes"
	"context"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/tg360/tg360/internal/api"
	"github.com/tg360/tg360/internal/fake/shape"
	"github.com/tg360/tg360/internal/faults"
	"github.com/tg360/tg360/internal/openapi"
	"github.com/tg360/tg360/internal/wire"
)

// TB is the part of testing.TB that a fake uses.
type TB interface {
	Helper()
	Errorf(format string, args ...any)
	Cleanup(func())
}

// Config makes a [Server].
type Config struct {
	System         string // such as "totalgesttest", for messages
	Contract       api.Contract
	Override       []byte            // of the profile
	Settings       map[string]string // the credentials that are accepted
	Endpoint       string            // the setting that is the server's address
	Seed           uint64
	NoListen       bool
	SkipValidation bool
	Shapes         fs.FS        // recorded shapes that replies take; nil: none
	TB             TB           // nil: Unexpected
	Unexpected     func(string) // nil: kept
	// Serve answers a request that belongs to an operation.
	Serve func(http.ResponseWriter, *Request)
	// Failure is the usual body of a failure that comes with status 200.
	Failure string
	// Refuse answers a request that can't be served.
	Refuse func(w http.ResponseWriter, status int, message string)
}

// Request is a request for an operation.
type Request struct {
	*openapi.Request
	Op     *wire.Operation
	Header http.Header
}

// Server is the HTTP side of a fake. It is safe for concurrent use.
type Server struct {
	Profile *wire.Profile
	URL     string

	config    Config
	validator *openapi.Validator
	shapes    map[string]*shape.Shape // by operation
	faults    *faults.Injector
	handler   http.Handler // with the faults
	http      *http.Server
	running   sync.WaitGroup

	mu         sync.Mutex
	closed     bool
	requests   map[string]int
	unexpected []string
	hook       func(operation string)
}

// New checks the configuration. The server does not listen before Listen.
func New(c Config) (*Server, error) {
	s := &Server{config: c, URL: "http://127.0.0.1", requests: map[string]int{}, faults: faults.New(c.Seed)}
	known, err := s.learn()
	if err != nil {
		return nil, err
	}
	s.Profile, s.validator = known.profile, known.validator
	if err := s.loadShapes(); err != nil {
		return nil, err
	}
	s.handler = s.faults.Wrap(http.HandlerFunc(s.serve))
	return s, nil
}

// wisdom is what a server knows of its wire; it is only read.
type wisdom struct {
	profile   *wire.Profile
	validator *openapi.Validator
}

// defaults holds the wisdom of each system's own profile.
var defaults sync.Map

// learn reads the profile and prepares the validator, once for all servers that
// speak the default profile.
func (s *Server) learn() (*wisdom, error) {
	c := s.config
	if have, ok := defaults.Load(c.System); ok && len(c.Override) == 0 {
		return have.(*wisdom), nil
	}
	profile, err := wire.LoadProfile(c.Contract.Profile, c.Override, c.Contract.Spec)
	if err != nil {
		return nil, err
	}
	base, err := url.Parse(wire.Expand(profile.Base, s.setting))
	if err != nil {
		return nil, errors.New("base address: not an URL")
	}
	v, err := openapi.NewValidator(openapi.Generate(c.System, profile, c.Contract.Spec.Records), base.EscapedPath())
	if err != nil {
		return nil, err
	}
	known := &wisdom{profile, v}
	if len(c.Override) == 0 {
		defaults.Store(c.System, known)
	}
	return known, nil
}

func (s *Server) setting(name string) string {
	if name == s.config.Endpoint {
		return s.URL
	}
	return s.config.Settings[name]
}

// Listen starts to listen on this machine, unless told otherwise.
func (s *Server) Listen() error {
	if s.config.NoListen {
		return nil
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("listening on this machine: %w", err)
	}
	s.URL = "http://" + l.Addr().String()
	s.http = &http.Server{Handler: s, ErrorLog: log.New(io.Discard, "", 0)}
	s.running.Go(func() { _ = s.http.Serve(l) }) // ends with Close
	return nil
}

// Close ends all connections and waits for what still runs.
func (s *Server) Close() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	if s.http != nil {
		_ = s.http.Close()
	}
	s.faults.Wait()
	s.running.Wait()
}

// Transport reaches the server in memory, without a connection.
func (s *Server) Transport() http.RoundTripper { return faults.RoundTripper(s) }

// OnRequest has f called before each request is served, faults included.
func (s *Server) OnRequest(f func(operation string)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hook = f
}

// Requests counts the requests that arrived, by operation.
func (s *Server) Requests() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.requests)
}

// Unexpected lists the requests that were unknown or invalid.
func (s *Server) Unexpected() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.unexpected)
}

// Complain reports a request that no client should make.
func (s *Server) Complain(message string) {
	s.mu.Lock()
	s.unexpected = append(s.unexpected, message)
	s.mu.Unlock()
	switch {
	case s.config.TB != nil:
		s.config.TB.Helper()
		s.config.TB.Errorf("%s: unexpected request: %s", s.config.System, message)
	case s.config.Unexpected != nil:
		s.config.Unexpected(message)
	}
}

type requestKey struct{}

// maxRequest bounds a request's body.
const maxRequest = 8 << 20

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !s.enter() {
		return
	}
	defer s.running.Done()
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRequest))
	var tooLong *http.MaxBytesError
	switch {
	case errors.As(err, &tooLong):
		s.config.Refuse(w, http.StatusRequestEntityTooLarge, "the body is too long")
		return
	case err != nil:
		return // the client went away
	}
	m, err := s.validator.Match(r, body)
	if err != nil {
		s.Complain(err.Error())
		s.config.Refuse(w, http.StatusNotFound, "no such operation")
		return
	}
	s.mu.Lock()
	s.requests[m.Operation]++
	hook := s.hook
	s.mu.Unlock()
	if hook != nil {
		hook(m.Operation)
	}
	req := &Request{Request: m, Op: s.Profile.Operations[m.Operation], Header: r.Header}
	r = r.WithContext(context.WithValue(r.Context(), requestKey{}, req))
	r.Body = io.NopCloser(bytes.NewReader(body))
	s.handler.ServeHTTP(w, r)
}

// enter counts a request that Close must wait for.
func (s *Server) enter() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.running.Add(1)
	}
	return !s.closed
}

// serve answers a request that has passed the faults.
func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	req := r.Context().Value(requestKey{}).(*Request)
	if !s.config.SkipValidation {
		if err := req.Check(); err != nil {
			s.Complain(err.Error())
			s.config.Refuse(w, http.StatusBadRequest, "the request is not what the profile says")
			return
		}
	}
	s.config.Serve(w, req)
}

// Wrong lists the settings of the credentials that a request got wrong; those
// in skip are not looked at.
func (s *Server) Wrong(h http.Header, skip ...string) []string {
	var wrong []string
	check := func(header, want string, templates ...string) {
		if subtle.ConstantTimeCompare([]byte(h.Get(header)), []byte(want)) == 1 {
			return
		}
		for _, t := range templates {
			wire.Expand(t, func(n string) string { wrong = append(wrong, n); return "" })
		}
	}
	auth := s.Profile.Auth
	user, secret := wire.Expand(auth.User, s.setting), wire.Expand(auth.Secret, s.setting)
	switch auth.Kind {
	case "basic":
		check("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(user+":"+secret)), auth.User, auth.Secret)
	case "bearer":
		check("Authorization", "Bearer "+secret, auth.Secret)
	}
	for name, t := range auth.Headers {
		if !slices.ContainsFunc(skip, func(n string) bool { return strings.Contains(t, "{"+n+"}") }) {
			check(name, wire.Expand(t, s.setting), t)
		}
	}
	return wrong
}
