package totalgesttest

import (
	"fmt"
	"io/fs"
	"net/http"
	"sync"
	"time"

	"github.com/tg360/tg360/internal/api"
	"github.com/tg360/tg360/internal/fake"
	"github.com/tg360/tg360/internal/wire"
	"github.com/tg360/tg360/totalgest"
)

// TB is the part of testing.TB that [Start] uses.
type TB = fake.TB

// The credentials that the server accepts.
const (
	ShopID   = "4711"
	OwnerID  = "815"
	Username = "shop-user"
	Password = "tg-Secret-7Qx"
)

// Options say how the server behaves. The zero value is a TotalGest as the
// default profile describes it.
type Options struct {
	// Profile overrides parts of the default profile: the server then speaks
	// these paths, names, encodings and credentials. Nil: the default.
	Profile []byte
	// Dedupe makes the server recognise a repeated external id: it answers 409
	// with the order that it has. Without it a second order is made.
	Dedupe bool
	// NoSearch takes away the ability to find orders by their external id.
	NoSearch bool
	// CheckOrder refuses an order with complaints; nil: [CheckOrder].
	CheckOrder func(totalgest.Order) []totalgest.FieldError
	// Now is the server's clock. Nil: time.Now.
	Now func() time.Time
	// Seed makes faults that meet only some of the requests repeatable.
	Seed uint64
	// NoListen leaves the server without an address: it is reached through
	// Transport alone, also inside a testing/synctest bubble.
	NoListen bool
	// Shapes holds what "connector probe -record" has written of a real site, one
	// file an operation. Reads are then answered in that shape, with invented
	// values; an operation without a file is answered as usual. Nil: none.
	Shapes fs.FS
	// SkipValidation leaves requests unchecked, for benchmarks.
	SkipValidation bool
	// Unexpected is told of requests that no client should make, where there is
	// no test to fail. Nil: they are only kept for Server.Unexpected.
	Unexpected func(string)
}

// Server is a running TotalGest. It is safe for concurrent use.
type Server struct {
	// URL is the address on this machine, without the path of the interface.
	URL string

	options  Options
	override []byte
	http     *fake.Server
	codecs   codecs

	mu       sync.Mutex
	products map[string]*entry[product]
	changed  timeline[product]
	orders   map[string]*entry[ReceivedOrder]
	placed   timeline[ReceivedOrder]
	inOrder  []*entry[ReceivedOrder] // as they came
	external map[string][]*entry[ReceivedOrder]
	writes   int
}

type codecs struct {
	account *wire.Codec[totalgest.Account]
	product *wire.Codec[totalgest.Product]
	stock   *wire.Codec[totalgest.Stock]
	order   *wire.Codec[totalgest.Order]
	ref     *wire.Codec[totalgest.OrderRef]
}

// Start runs a server until the test ends. Requests that no client should make
// fail the test. Like httptest.NewServer it panics where it can't start, which
// here is mostly a profile that is wrong.
func Start(tb TB, o Options) *Server {
	tb.Helper()
	s, err := start(tb, o)
	if err != nil {
		panic("totalgesttest: " + err.Error())
	}
	tb.Cleanup(s.Close)
	return s
}

// New runs a server until Close. The error says what is wrong with the profile,
// or that there is no free port.
func New(o Options) (*Server, error) { return start(nil, o) }

func start(tb TB, o Options) (*Server, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.CheckOrder == nil {
		o.CheckOrder = CheckOrder
	}
	set := map[string]bool{}
	if o.Dedupe {
		set[totalgest.AbilityDedupe] = true
	}
	if o.NoSearch {
		set[totalgest.AbilitySearch] = false
	}
	s := &Server{options: o, override: fake.Abilities(o.Profile, set), products: map[string]*entry[product]{},
		orders: map[string]*entry[ReceivedOrder]{}, external: map[string][]*entry[ReceivedOrder]{}}
	var err error
	s.http, err = fake.New(fake.Config{System: "totalgesttest", Contract: totalgest.Contract(), Override: s.override,
		Settings: map[string]string{"shop_id": ShopID, "owner_id": OwnerID, "username": Username, "password": Password},
		Endpoint: "endpoint", Seed: o.Seed, NoListen: o.NoListen, SkipValidation: o.SkipValidation, Shapes: o.Shapes,
		TB: tb, Unexpected: o.Unexpected, Serve: s.serve, Refuse: s.refuse})
	if err != nil {
		return s, err
	}
	if err := s.compile(); err != nil {
		return s, err
	}
	err = s.http.Listen()
	s.URL = s.http.URL
	return s, err
}

func (s *Server) compile() error {
	contract, p, loc := totalgest.Contract(), s.http.Profile, api.Rome()
	var err error
	get := func(f func() error) {
		if err == nil {
			err = f()
		}
	}
	get(func() (e error) {
		s.codecs.account, e = api.Codec[totalgest.Account](contract, "account", p, loc)
		return
	})
	get(func() (e error) {
		s.codecs.product, e = api.Codec[totalgest.Product](contract, "product", p, loc)
		return
	})
	get(func() (e error) { s.codecs.stock, e = api.Codec[totalgest.Stock](contract, "stock", p, loc); return })
	get(func() (e error) { s.codecs.order, e = api.Codec[totalgest.Order](contract, "order", p, loc); return })
	get(func() (e error) {
		s.codecs.ref, e = api.Codec[totalgest.OrderRef](contract, "order_ref", p, loc)
		return
	})
	return err
}

// Close ends the server and waits for requests that still run.
func (s *Server) Close() { s.http.Close() }

// Config reaches the server with its own credentials and profile, without a
// limit of requests.
func (s *Server) Config() totalgest.Config {
	c := totalgest.Config{ShopID: ShopID, OwnerID: OwnerID, Endpoint: s.URL, Username: Username, Password: Password,
		Profile: s.override, Rate: -1, Concurrent: 8}
	if s.options.NoListen {
		c.Transport = s.Transport()
	}
	return c
}

// Transport reaches the server in memory: there is no connection, and nothing
// waits for a network.
func (s *Server) Transport() http.RoundTripper { return s.http.Transport() }

// OnRequest has f called with the operation's name before each request is
// served; f may call the server's methods.
func (s *Server) OnRequest(f func(operation string)) { s.http.OnRequest(f) }

// Requests counts the requests that arrived, by operation, refused ones and
// those that met a fault included.
func (s *Server) Requests() map[string]int { return s.http.Requests() }

// Unexpected lists the requests that the profile does not know or allow.
func (s *Server) Unexpected() []string { return s.http.Unexpected() }

// now is the time of the server.
func (s *Server) now() time.Time { return s.options.Now() }

// serve answers one request.
func (s *Server) serve(w http.ResponseWriter, r *fake.Request) {
	if !s.authorize(w, r) {
		return
	}
	s.mu.Lock()
	status, body := s.answer(r)
	s.mu.Unlock()
	send(w, status, body)
}

func send(w http.ResponseWriter, status int, body []byte) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(body) // the client may be gone
}

// authorize answers for credentials that are not the server's.
func (s *Server) authorize(w http.ResponseWriter, r *fake.Request) bool {
	wrong := map[string]bool{}
	for _, name := range s.http.Wrong(r.Header) {
		wrong[name] = true
	}
	switch {
	case wrong["username"] || wrong["password"]:
		s.refuse(w, http.StatusUnauthorized, "user or password unknown")
	case wrong["shop_id"]:
		s.refuse(w, http.StatusNotFound, "there is no such shop")
	case wrong["owner_id"]:
		s.refuse(w, http.StatusForbidden, "the user does not belong to this owner")
	}
	return len(wrong) == 0
}

// refuse answers with an error.
func (s *Server) refuse(w http.ResponseWriter, status int, message string) {
	send(w, status, s.failure(status, message, nil))
}

func (s *Server) failure(status int, message string, fields []totalgest.FieldError) []byte {
	env := s.http.Profile.Envelope
	parts := append(fake.Text(env.ErrorCode, fmt.Sprintf("E%d", status)), fake.Text(env.ErrorText, message)...)
	if len(fields) > 0 {
		parts = append(parts, fake.At(env.Fields, fake.List(len(fields), func(dst []byte, i int) []byte {
			return append(dst, fake.Object(fake.Part{Path: "path", JSON: fake.Quote(fields[i].Path)},
				fake.Part{Path: "message", JSON: fake.Quote(fields[i].Message)})...)
		}))...)
	}
	return fake.Object(parts...)
}
