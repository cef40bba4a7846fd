package framework360test

import (
	"io/fs"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/shopspring/decimal"
	"github.com/tg360/tg360/framework360"
	"github.com/tg360/tg360/internal/api"
	"github.com/tg360/tg360/internal/fake"
	"github.com/tg360/tg360/internal/wire"
)

// TB is the part of testing.TB that [Start] uses.
type TB = fake.TB

// The credentials that the server accepts.
const (
	APIKey       = "fw360TestKey0123456789abcdefghijklmnopqr"
	UserEmail    = "admin@bottega.example"
	UserPassword = "fw-Secret-9Zk"
)

// Options say how the server behaves. The zero value is a shop as the default
// profile describes it.
type Options struct {
	// Profile overrides parts of the default profile: the server then speaks
	// these paths, names, encodings and credentials. Nil: the default.
	Profile []byte
	// Plain has every value in the one spelling that JSON suggests.
	Plain bool
	// ShortLists shows an order in a list by id, number, date and state alone.
	ShortLists bool
	// FirstPage is the number of a list's first page, by default that of the
	// profile.
	FirstPage int
	// PageBelow says what a page before the first is: the first one once more
	// ("", as most do), "empty" or "refused".
	PageBelow string
	// RepeatLastPage answers a page after the last with the last once more.
	RepeatLastPage bool
	// IgnoreSKU leaves the sku filter of the products unheeded.
	IgnoreSKU bool
	// Denied lists operations that the key has no permission for.
	Denied []string
	// NoEcommerce switches the e-commerce module off.
	NoEcommerce bool
	// VendorPlugin has the vendor's own TotalGest plugin run too.
	VendorPlugin bool
	// NeedUser refuses requests without a user's token, but for check and login.
	NeedUser bool
	// Statuses, Payments and Taxes are the shop's own lists. Nil: some usual ones.
	Statuses, Payments, Taxes []framework360.Reference
	// Now is the server's clock. Nil: time.Now.
	Now func() time.Time
	// Seed decides on spellings, and on faults that meet only some requests.
	Seed uint64
	// NoListen leaves the server without an address: it is reached through
	// Transport alone, also inside a testing/synctest bubble.
	NoListen bool
	// Shapes holds what "connector probe -record" has written of a real site, one
	// file an operation. Reads are then answered in that shape, with invented
	// values; site/plugins, and an operation without a file, are answered as
	// usual. Nil: none.
	Shapes fs.FS
	// SkipValidation leaves requests unchecked, for benchmarks.
	SkipValidation bool
	// Unexpected is told of requests that no client should make, where there is
	// no test to fail. Nil: they are only kept for Server.Unexpected.
	Unexpected func(string)
}

// Server is a running shop. It is safe for concurrent use.
type Server struct {
	// URL is the address on this machine, without the path of the interface.
	URL string

	options Options
	http    *fake.Server
	zone    *time.Location
	codecs  codecs
	shapes  shapes
	replies atomic.Uint64

	mu       sync.Mutex
	catalog  catalog
	orders   book
	token    int // that is valid
	writes   []Write
	bySKU    map[string]int
	statuses map[string]string // name by id
}

type codecs struct {
	product   *wire.Codec[framework360.Product]
	order     *wire.Codec[framework360.Order]
	reference *wire.Codec[framework360.Reference]
	plugin    *wire.Codec[framework360.Plugin]
}

// Write is a call that changed something.
type Write struct {
	Operation string
	ID        string // of the product or order
	SKU       string // of the product
	At        time.Time
}

// Start runs a server until the test ends. Requests that no client should make
// fail the test. Like httptest.NewServer it panics where it can't start, which
// here is mostly a profile that is wrong.
func Start(tb TB, o Options) *Server {
	tb.Helper()
	s, err := start(tb, o)
	if err != nil {
		panic("framework360test: " + err.Error())
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
	usual(&o)
	s := &Server{options: o, zone: api.Rome(), catalog: newCatalog(), orders: newBook(), token: 1,
		bySKU: map[string]int{}, statuses: map[string]string{}}
	for _, r := range o.Statuses {
		s.statuses[r.ID] = r.Name
	}
	var err error
	s.http, err = fake.New(fake.Config{System: "framework360test", Contract: framework360.Contract(), Override: o.Profile,
		Settings: map[string]string{"api_key": APIKey, "user_email": UserEmail, "user_password": UserPassword},
		Endpoint: "site", Seed: o.Seed, NoListen: o.NoListen, SkipValidation: o.SkipValidation, Shapes: o.Shapes,
		TB: tb, Unexpected: o.Unexpected, Failure: `{"status":0,"error":"the operation failed"}`, Serve: s.serve, Refuse: s.refuse})
	if err != nil {
		return s, err
	}
	s.shapes = newShapes(s.http.Profile, framework360.Contract().Spec.Records)
	if err := s.compile(); err != nil {
		return s, err
	}
	err = s.http.Listen()
	s.URL = s.http.URL
	return s, err
}

// usual fills in the lists of a shop.
func usual(o *Options) {
	ref := func(id, name string) framework360.Reference { return framework360.Reference{ID: id, Name: name} }
	tax := func(id, name string, rate int64) framework360.Reference {
		return framework360.Reference{ID: id, Name: name, Rate: framework360.Some(decimal.NewFromInt(rate))}
	}
	if o.Statuses == nil {
		o.Statuses = []framework360.Reference{ref("1", "In attesa"), ref("2", "Pagato"), ref("3", "In lavorazione"),
			ref("4", "Spedito"), ref("5", "Rimborsato"), ref("6", "Annullato")}
	}
	if o.Payments == nil {
		o.Payments = []framework360.Reference{ref("1", "Bonifico bancario"), ref("2", "PayPal"), ref("3", "Contrassegno"), ref("4", "Carta di credito")}
	}
	if o.Taxes == nil {
		o.Taxes = []framework360.Reference{tax("1", "IVA 22%", 22), tax("2", "IVA 10%", 10), tax("3", "IVA 5%", 5), tax("4", "IVA 4%", 4), tax("5", "Esente", 0)}
	}
}

func (s *Server) compile() error {
	contract, loc := framework360.Contract(), s.zone
	spoken := *s.http.Profile
	if spoken.Write.Dates != "epoch" {
		spoken.Write.Dates = "rfc3339" // a local date does not say which of two hours it means
	}
	p := &spoken
	var err error
	get := func(f func() error) {
		if err == nil {
			err = f()
		}
	}
	get(func() (e error) {
		s.codecs.product, e = api.Codec[framework360.Product](contract, "product", p, loc)
		return
	})
	get(func() (e error) { s.codecs.order, e = api.Codec[framework360.Order](contract, "order", p, loc); return })
	get(func() (e error) {
		s.codecs.reference, e = api.Codec[framework360.Reference](contract, "reference", p, loc)
		return
	})
	get(func() (e error) {
		s.codecs.plugin, e = api.Codec[framework360.Plugin](contract, "plugin", p, loc)
		return
	})
	return err
}

// Close ends the server and waits for requests that still run.
func (s *Server) Close() { s.http.Close() }

// Config reaches the server with its own credentials and profile, without a
// limit of requests. It logs in where the server needs a user.
func (s *Server) Config() framework360.Config {
	c := framework360.Config{Site: s.URL, APIKey: APIKey, Profile: s.options.Profile, Rate: -1, Concurrent: 8}
	if s.options.NeedUser {
		c.UserEmail, c.UserPassword = UserEmail, UserPassword
	}
	if s.options.NoListen {
		c.Transport = s.Transport()
	}
	return c
}

// Transport reaches the server in memory: there is no connection, and nothing
// waits for a network.
func (s *Server) Transport() http.RoundTripper { return s.http.Transport() }

// OnRequest has f called with the operation's name before each request is
// served; f may call the server's methods, for example to place an order while
// the list of orders is read.
func (s *Server) OnRequest(f func(operation string)) { s.http.OnRequest(f) }

// Requests counts the requests that arrived, by operation, refused ones and
// those that met a fault included.
func (s *Server) Requests() map[string]int { return s.http.Requests() }

// Unexpected lists the requests that the profile does not know or allow.
func (s *Server) Unexpected() []string { return s.http.Unexpected() }

// Writes counts the calls that changed something.
func (s *Server) Writes() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.writes)
}

// WriteLog returns the calls that changed something, oldest first.
func (s *Server) WriteLog() []Write {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.writes)
}

// WritesBySKU counts the calls that changed products, by the product's SKU.
func (s *Server) WritesBySKU() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := map[string]int{}
	for _, w := range s.writes {
		if w.SKU != "" {
			out[w.SKU]++
		}
	}
	return out
}

func (s *Server) wrote(operation, id, sku string) {
	s.writes = append(s.writes, Write{operation, id, sku, s.options.Now()})
}

// ExpireToken makes the user tokens that were given out invalid.
func (s *Server) ExpireToken() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.token++
}

// userToken is the token that is valid.
func (s *Server) userToken() string { return "user-token-" + strconv.Itoa(s.token) }

// dice decides on the spellings of one reply; nil: plain.
func (s *Server) dice() *rand.Rand {
	if s.options.Plain {
		return nil
	}
	return rand.New(rand.NewPCG(s.options.Seed, s.replies.Add(1)))
}
