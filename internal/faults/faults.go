package faults

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"
)

// Kind is a way to misbehave. Before means that the wrapped handler is not
// called, After that it was called and its effect stands.
type Kind string

// The kinds.
const (
	DropBefore     Kind = "drop before"    // the connection is cut, nothing happened
	DropAfter      Kind = "drop after"     // the connection is cut, the effect stands
	Error500Before Kind = "500 before"     // status 500, nothing happened
	Error500After  Kind = "500 after"      // status 500, the effect stands
	LateEffect     Kind = "late effect"    // the connection is cut at once, the effect comes after Delay
	Hang           Kind = "hang"           // no answer until the client gives up, nothing happened
	HangAfter      Kind = "hang after"     // no answer until the client gives up, the effect stands
	Truncate       Kind = "truncate"       // the reply ends in the middle of its Content-Length; the effect stands
	HTML502        Kind = "HTML 502"       // a proxy's error page, nothing happened
	HTML200        Kind = "HTML 200"       // a page instead of an answer, nothing happened
	OK200Error     Kind = "200 with error" // status 200, Body says that it failed, nothing happened
	TooMany429     Kind = "429"            // status 429 with Retry-After, nothing happened
	Slow           Kind = "slow"           // the handler is called after Delay, unless the client gives up
)

// Rule says which requests meet which fault.
type Rule struct {
	// Kind is the fault.
	Kind Kind
	// Share of the matching requests that meet it, from 0 (none) to 1 (all).
	Share float64
	// Match selects requests; nil selects all. It must leave the body alone.
	Match func(*http.Request) bool
	// Times bounds how often the rule strikes; 0 means no bound.
	Times int
	// Delay is the time until a late effect or the call of a slow handler.
	Delay time.Duration
	// RetryAfter is the header of a 429, seconds or a date; empty means "1".
	RetryAfter string
	// Body replaces the default body of the replies that a fault makes itself:
	// Error500Before, Error500After, HTML502, HTML200, OK200Error, TooMany429.
	Body string
}

// Injector decides which requests meet a fault. It is safe for concurrent use;
// with requests in parallel the order in which they come decides.
type Injector struct {
	mu      sync.Mutex
	rng     *rand.Rand
	rules   []Rule
	struck  []int // by rule
	counts  map[Kind]int
	late    int       // effects yet to come
	settled sync.Cond // late has become 0
}

// New returns an Injector without rules, which lets every request pass.
func New(seed uint64) *Injector {
	i := &Injector{rng: rand.New(rand.NewPCG(seed, seed)), counts: map[Kind]int{}}
	i.settled.L = &i.mu
	return i
}

// Set replaces the rules. The first rule that matches and strikes decides about
// a request. Set panics on an unknown Kind or a Share that is not in 0 to 1: a
// test would pass without its fault.
func (i *Injector) Set(rules ...Rule) {
	for n, r := range rules {
		if effects[r.Kind] == nil {
			panic(fmt.Sprintf("faults: rule %d has unknown kind %q", n, r.Kind))
		}
		if !(r.Share >= 0 && r.Share <= 1) {
			panic(fmt.Sprintf("faults: rule %d (%s) has share %v, want 0 to 1", n, r.Kind, r.Share))
		}
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.rules, i.struck = slices.Clone(rules), make([]int, len(rules))
}

// Counts returns how often each kind has struck since New.
func (i *Injector) Counts() map[Kind]int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return maps.Clone(i.counts)
}

// Wait returns once no late effect is outstanding.
func (i *Injector) Wait() {
	i.mu.Lock()
	defer i.mu.Unlock()
	for i.late > 0 {
		i.settled.Wait()
	}
}

// Wrap returns a handler that serves requests as next does, or with a fault. A
// request with a fault has its body read before anything else, so that next can
// read it although the client is gone. Connections are cut by panicking with
// http.ErrAbortHandler, which net/http's server and [RoundTripper] understand.
func (i *Injector) Wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rule, ok := i.decide(r)
		if !ok {
			next.ServeHTTP(w, r)
			return
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			cut() // the client is gone before its request was complete
		}
		r = withBody(r.Context(), r, body)
		effects[rule.Kind](&strike{i: i, rule: rule, next: next, body: body}, w, r)
	})
}

// decide draws once for each rule that matches, so that requests which no rule
// is about do not shift the others.
func (i *Injector) decide(r *http.Request) (Rule, bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	for n, rule := range i.rules {
		if rule.Times > 0 && i.struck[n] >= rule.Times || rule.Match != nil && !rule.Match(r) {
			continue
		}
		if i.rng.Float64() < rule.Share {
			i.struck[n]++
			i.counts[rule.Kind]++
			return rule, true
		}
	}
	return Rule{}, false
}

// strike is one request that meets a fault.
type strike struct {
	i    *Injector
	rule Rule
	next http.Handler
	body []byte
}

type effect func(s *strike, w http.ResponseWriter, r *http.Request)

var effects = map[Kind]effect{
	DropBefore:     func(*strike, http.ResponseWriter, *http.Request) { cut() },
	DropAfter:      after(func(*strike, http.ResponseWriter, *http.Request) { cut() }),
	Error500Before: (*strike).serverError,
	Error500After:  after((*strike).serverError),
	LateEffect:     (*strike).lateEffect,
	Hang:           hang,
	HangAfter:      after(hang),
	Truncate:       (*strike).truncate,
	HTML502:        (*strike).badGateway,
	HTML200:        (*strike).page,
	OK200Error:     (*strike).okError,
	TooMany429:     (*strike).tooMany,
	Slow:           (*strike).slow,
}

// after lets the handler take effect, discards its reply and does e instead.
func after(e effect) effect {
	return func(s *strike, w http.ResponseWriter, r *http.Request) {
		s.next.ServeHTTP(newRecorder(), r)
		e(s, w, r)
	}
}

// cut ends the connection without a further byte.
func cut() { panic(http.ErrAbortHandler) }

// isAbort reports whether the value of a panic only means to cut the connection.
func isAbort(v any) bool {
	err, ok := v.(error)
	return ok && errors.Is(err, http.ErrAbortHandler)
}

func hang(_ *strike, _ http.ResponseWriter, r *http.Request) {
	<-r.Context().Done()
	cut()
}

func (s *strike) slow(w http.ResponseWriter, r *http.Request) {
	delay := time.NewTimer(s.rule.Delay)
	defer delay.Stop()
	select {
	case <-delay.C:
		s.next.ServeHTTP(w, r)
	case <-r.Context().Done():
		cut()
	}
}

func (s *strike) lateEffect(_ http.ResponseWriter, r *http.Request) {
	s.i.mu.Lock()
	s.i.late++
	s.i.mu.Unlock()
	r = withBody(context.WithoutCancel(r.Context()), r, s.body)
	go func() {
		defer s.i.lateDone()
		<-time.After(s.rule.Delay)
		defer func() {
			if v := recover(); v != nil && !isAbort(v) {
				panic(v)
			}
		}()
		s.next.ServeHTTP(newRecorder(), r)
	}()
	cut()
}

func (i *Injector) lateDone() {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.late--; i.late == 0 {
		i.settled.Broadcast()
	}
}

// truncate sends half of the reply under the length of the whole. Without a body
// there is nothing to cut but the connection.
func (s *strike) truncate(w http.ResponseWriter, r *http.Request) {
	rec := newRecorder()
	s.next.ServeHTTP(rec, r)
	if rec.body.Len() == 0 || r.Method == http.MethodHead {
		cut()
	}
	maps.Copy(w.Header(), rec.header)
	w.Header().Set("Content-Length", strconv.Itoa(rec.body.Len()))
	w.WriteHeader(rec.status)
	_, _ = w.Write(rec.body.Bytes()[:rec.body.Len()/2])
	_ = http.NewResponseController(w).Flush()
	cut()
}

const (
	textJSON = "application/json"
	textHTML = "text/html; charset=utf-8"

	gatewayPage     = "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n<center><h1>502 Bad Gateway</h1></center>\r\n</body>\r\n</html>\r\n"
	maintenancePage = "<!DOCTYPE html>\n<html><head><title>Maintenance</title></head><body><p>We will be back soon.</p></body></html>\n"
)

func failure(code, message string) string {
	return fmt.Sprintf(`{"error":{"code":%q,"message":%q}}`, code, message)
}

func (s *strike) serverError(w http.ResponseWriter, _ *http.Request) {
	s.reply(w, http.StatusInternalServerError, textJSON, failure("internal", "internal server error"))
}

func (s *strike) badGateway(w http.ResponseWriter, _ *http.Request) {
	s.reply(w, http.StatusBadGateway, textHTML, gatewayPage)
}

func (s *strike) page(w http.ResponseWriter, _ *http.Request) {
	s.reply(w, http.StatusOK, textHTML, maintenancePage)
}

func (s *strike) okError(w http.ResponseWriter, _ *http.Request) {
	s.reply(w, http.StatusOK, textJSON, failure("failed", "the operation failed"))
}

func (s *strike) tooMany(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Retry-After", cmp.Or(s.rule.RetryAfter, "1"))
	s.reply(w, http.StatusTooManyRequests, textJSON, failure("too_many_requests", "too many requests"))
}

// reply answers with the body of the rule, or the default one.
func (s *strike) reply(w http.ResponseWriter, status int, contentType, body string) {
	w.Header().Set("Content-Type", contentType)
	w.WriteHeader(status)
	_, _ = io.WriteString(w, cmp.Or(s.rule.Body, body))
}

// withBody returns a copy of r that has a ctx and a body of its own.
func withBody(ctx context.Context, r *http.Request, body []byte) *http.Request {
	r = r.Clone(ctx)
	r.Body = io.NopCloser(bytes.NewReader(body))
	return r
}

// recorder keeps a reply instead of sending it.
type recorder struct {
	header http.Header
	status int // 0 until it is known
	body   bytes.Buffer
}

func newRecorder() *recorder { return &recorder{header: http.Header{}} }

func (r *recorder) Header() http.Header { return r.header }

func (r *recorder) WriteHeader(status int) { r.status = cmp.Or(r.status, status) }

func (r *recorder) Write(b []byte) (int, error) {
	r.WriteHeader(http.StatusOK)
	return r.body.Write(b)
}
