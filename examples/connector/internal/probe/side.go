package probe

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/tg360/tg360/framework360"
	"github.com/tg360/tg360/internal/api"
	"github.com/tg360/tg360/internal/fake/shape"
	"github.com/tg360/tg360/internal/wire"
	"github.com/tg360/tg360/totalgest"
	"github.com/tidwall/gjson"
)

// side is one of the two systems while it is probed.
type side struct {
	system   string
	contract api.Contract
	override []byte // the profile that is set
	set      *wire.Profile
	drafted  *wire.Profile // for reading what came; requests keep to the one that is set
	zone     *time.Location
	readers  func(*wire.Profile, *time.Location) (map[string]reader, error)
	accepts  func(profile []byte) error // whether the client takes it
	call     func(ctx context.Context, op string, params map[string]any) error
	close    func()
	within   time.Duration

	rec       *recorder
	names     shape.Names
	states    []string // payment states of orders that are common words
	times     map[string][]time.Duration
	ops       []*Operation
	replies   map[string][]*reply
	lists     []*list
	shapes    map[string]*shape.File
	changes   changes
	known     string // the changes that drafted has
	notes     []Finding
	clock     []drift
	broken    string // why nothing more is to be believed; a verdict's code
	zoneWrong bool   // dates would lie in the future
	plugin    bool   // the vendor's own TotalGest plugin is active
}

// drift is how far a server's clock is ahead of ours.
type drift struct {
	ahead time.Duration
	from  string
	own   bool // the system says it, not its web server
}

func newSide(system string, contract api.Contract, override []byte, zone *time.Location, within time.Duration, now func() time.Time) *side {
	if zone == nil {
		zone = api.Rome()
	}
	return &side{system: system, contract: contract, override: override, zone: zone, within: within, rec: &recorder{now: now},
		names: shape.Names{Known: map[string]bool{}, Tables: map[string]bool{}}, times: map[string][]time.Duration{}, replies: map[string][]*reply{}, shapes: map[string]*shape.File{}, known: fmt.Sprint(changes(nil))}
}

// load reads the profile that is set, and the keys that it names.
func (s *side) load() (err error) {
	for _, p := range []**wire.Profile{&s.set, &s.drafted} {
		if *p, err = wire.LoadProfile(s.contract.Profile, s.override, s.contract.Spec); err != nil {
			return err
		}
	}
	env := s.set.Envelope
	paths := slices.Concat([]string{env.Status}, env.Data, env.ErrorCode, env.ErrorText, env.Fields, env.Cursor, env.ServerTime)
	for _, op := range s.set.Operations {
		paths = append(paths, op.At...)
	}
	for _, fields := range s.set.Records {
		for _, f := range fields {
			paths = append(paths, f.Paths...)
		}
	}
	for _, p := range paths {
		for key := range strings.SplitSeq(p, ".") {
			s.names.Known[key] = true
		}
	}
	for _, info := range s.contract.Spec.Records {
		for _, f := range info.Fields {
			if f.Kind != wire.KindMap {
				continue
			}
			for _, p := range append(strings.Fields(words[f.Name]), s.set.Paths(info.Name, f.Name)...) {
				s.names.Tables[p[strings.LastIndexByte(p, '.')+1:]] = true
			}
		}
	}
	return nil
}

// base is what really sends requests.
func base(given http.RoundTripper) http.RoundTripper {
	if given == nil {
		return http.DefaultTransport
	}
	return given
}

// readersOf makes the readers of one profile.
type readersOf struct {
	contract api.Contract
	profile  *wire.Profile
	zone     *time.Location
	err      error
}

func readerOf[T any](r *readersOf, record string) reader {
	codec, err := api.Codec[T](r.contract, record, r.profile, r.zone)
	r.err = errors.Join(r.err, err)
	return func(raw []byte, partial bool) bool {
		if partial {
			_, err := codec.DecodePartial(raw)
			return err == nil
		}
		_, err := codec.Decode(raw)
		return err == nil
	}
}

// reader decodes one record; it reports whether that went well.
type reader func(raw []byte, partial bool) bool

// reply is an answer of the system.
type reply struct {
	op       string
	err      *refusal
	elements []gjson.Result // of a list, the first of them, or the one record
	total    int            // of a list
	env      wire.Reply
}

// refusal is what a client's error comes down to. The system's own words stay
// out of it: they may speak of a customer.
type refusal struct {
	code   string
	status int
	text   string // ours; empty: the system's
}

func refusalOf(err error) *refusal {
	var te *totalgest.Error
	var fe *framework360.Error
	r := &refusal{}
	text := ""
	switch {
	case err == nil:
		return nil
	case errors.As(err, &te):
		r.code, r.status, text = te.Code, te.Status, te.Message
	case errors.As(err, &fe):
		r.code, r.status, text = fe.Code, fe.Status, fe.Message
	}
	if r.status == 0 {
		r.text = text
	}
	return r
}

// is reports whether a call was refused with one of the codes.
func (r *reply) is(codes ...api.Code) bool {
	return r.err != nil && slices.Contains(codes, api.Code(r.err.code))
}

// ok reports a reply that was understood.
func (r *reply) ok() bool { return r != nil && r.err == nil }

// ask makes one call and keeps what it says about the wire.
func (s *side) ask(ctx context.Context, op string, params map[string]any) *reply {
	ctx, cancel := context.WithTimeout(ctx, s.within)
	defer cancel()
	s.rec.forget()
	r := &reply{op: op, err: refusalOf(s.call(ctx, op, params))}
	s.replies[op] = append(s.replies[op], r)
	if s.rec.body == nil || s.rec.status/100 != 2 || r.err != nil && !r.is(api.Unexpected) {
		return r
	}
	body := s.rec.body.Bytes()
	if problem := s.open(r, body); problem != "" {
		r.err = &refusal{code: string(api.Unexpected), status: s.rec.status, text: problem}
		return r
	}
	r.err = nil
	f := s.shapes[op]
	if f == nil {
		f = &shape.File{System: s.system, Operation: op, Reply: &shape.Shape{}}
		s.shapes[op] = f
	}
	f.Replies++
	f.Reply.Add(gjson.ParseBytes(body), s.names)
	s.note(r)
	return r
}

// open takes the records out of a reply, as the profile says or else from where
// they are. It returns what is wrong with a reply that has none.
func (s *side) open(r *reply, body []byte) string {
	op := s.drafted.Operations[r.op]
	if op.Record == "" {
		return s.status(r, body)
	}
	err := s.unwrap(r, body, op, s.drafted.ItemPaths(op))
	var re *wire.ReplyError
	elsewhere := errors.As(err, &re) && (re.Kind == wire.ReplyNoList || re.Kind == wire.ReplyNoData)
	if elsewhere || err == nil && !op.List && scalars(r.elements[0]) < 2 {
		if at := locate(gjson.ParseBytes(body), op.List, s.names); at != "" {
			s.changes.at(r.op, at)
			op.At = []string{at}
			err = s.unwrap(r, body, op, op.At)
		}
	}
	switch {
	case errors.As(err, &re):
		return string(re.Kind)
	case err != nil:
		return err.Error()
	}
	return ""
}

// status reads the reply of an operation that answers with its status alone.
func (s *side) status(r *reply, body []byte) string {
	rep, err := wire.NewEnvelope(s.drafted.Envelope, s.drafted.Envelope.Data).Record(bytes.NewReader(body))
	var re *wire.ReplyError
	if errors.As(err, &re) && re.Kind != wire.ReplyNoData {
		return string(re.Kind)
	}
	r.env = rep
	return ""
}

// maxKept bounds the elements that are looked at: a site may answer with all
// that it has.
const maxKept = 200

func (s *side) unwrap(r *reply, body []byte, op *wire.Operation, items []string) (err error) {
	env := wire.NewEnvelope(s.drafted.Envelope, items)
	if op.List {
		r.elements, r.total = nil, 0
		r.env, err = env.List(bytes.NewReader(body), func(raw []byte) error {
			if r.total++; r.total <= maxKept {
				r.elements = append(r.elements, gjson.Parse(string(raw)))
			}
			return nil
		})
	} else if r.env, err = env.Record(bytes.NewReader(body)); err == nil {
		data := r.env.Data
		if len(data) > 0 && data[0] == '[' {
			data = wire.Single(data)
		}
		r.elements = []gjson.Result{gjson.ParseBytes(data)}
	}
	if err == nil && r.env.Refused != nil {
		err = errors.New("it says that it failed")
	}
	return err
}

// maxLook bounds how deep a record is looked for.
const maxLook = 4

// locate finds the list of records, or the record, nearest to the top of a reply.
// An empty list counts where it is the only one.
func locate(root gjson.Result, list bool, names shape.Names) string {
	type place struct {
		path string
		v    gjson.Result
	}
	level := []place{{"", root}}
	var empty []string
	for range maxLook {
		var next []place
		for _, p := range level {
			show := names.Of("", p.v)
			p.v.ForEach(func(k, v gjson.Result) bool {
				if path := strings.TrimPrefix(p.path+"."+k.Str, "."); show(k.Str) == k.Str {
					next = append(next, place{path, wire.Embedded(v)})
				}
				return true
			})
		}
		for _, p := range next {
			switch kind := shape.KindOf(p.v); {
			case list && (kind == shape.List || kind == shape.NumberedList) && wire.Embedded(firstOf(p.v)).IsObject(),
				!list && kind == shape.Object && scalars(p.v) > 1:
				return p.path
			case list && kind == shape.EmptyList:
				empty = append(empty, p.path)
			}
		}
		level = slices.DeleteFunc(next, func(p place) bool { return !p.v.IsObject() })
	}
	if len(empty) == 1 {
		return empty[0]
	}
	return ""
}

// scalars counts the members of an object that are neither objects nor lists.
func scalars(v gjson.Result) (n int) {
	if v.IsObject() {
		v.ForEach(func(_, e gjson.Result) bool {
			if !e.IsObject() && !e.IsArray() {
				n++
			}
			return true
		})
	}
	return n
}

func firstOf(list gjson.Result) (first gjson.Result) {
	list.ForEach(func(_, e gjson.Result) bool { first = e; return false })
	return first
}

// note keeps the server's clock where the reply shows it.
func (s *side) note(r *reply) {
	middle := s.rec.sent.Add(s.rec.received.Sub(s.rec.sent) / 2)
	if t := r.env.ServerTime; !t.IsZero() {
		s.clock = append(s.clock, drift{t.Sub(middle), "server_time in its lists", true})
	} else if t, err := http.ParseTime(s.rec.header.Get("Date")); err == nil {
		s.clock = append(s.clock, drift{t.Sub(middle), "the header Date", false})
	}
}

// try makes the first call of an operation and opens its line of the table.
func (s *side) try(ctx context.Context, name string, needed bool, params map[string]any) *reply {
	o := &Operation{Name: name, Needed: needed}
	s.ops = append(s.ops, o)
	op := s.set.Operations[name]
	if op == nil {
		o.Answer, o.Reason = Absent, "the profile does not have it"
		return &reply{op: name, err: &refusal{code: string(api.Unsupported)}}
	}
	o.Grade = string(op.Grade)
	r := s.ask(ctx, name, params)
	s.judge(o, r, op)
	return r
}

// skip opens the line of an operation that can't be tried.
func (s *side) skip(name string, needed bool, reason string) {
	o := &Operation{Name: name, Needed: needed, Answer: Untried, Reason: reason}
	if op := s.set.Operations[name]; op != nil {
		o.Grade = string(op.Grade)
	} else {
		o.Answer, o.Reason = Absent, "the profile does not have it"
	}
	s.ops = append(s.ops, o)
}

// judge says what a reply means for its operation.
func (s *side) judge(o *Operation, r *reply, op *wire.Operation) {
	if r.err == nil {
		o.Answer = Allowed
		return
	}
	o.Answer, o.Reason = Failed, cmp.Or(r.err.text, reasons[api.Code(r.err.code)], "the system refused it")
	switch gone := r.err.status == http.StatusNotFound || r.err.status == http.StatusMethodNotAllowed || r.err.status == http.StatusGone; {
	case r.is(api.Forbidden):
		o.Answer, o.Permission, o.Reason = Refused, "/"+op.Path, ""
	case r.is(api.Inactive):
		o.Answer = Inactive
	case gone, r.is(api.NotFound) && op.List:
		o.Answer, o.Reason = Absent, "the server does not know it"
	case r.err.status/100 == 3:
		o.Reason = "it redirects elsewhere: correct the address in the settings"
	}
}

var reasons = map[api.Code]string{
	api.Unauthorized: "the credentials are not accepted", api.NotFound: "it says that there is no such record",
	api.Invalid: "it refuses the request", api.RateLimited: "too many requests", api.Unavailable: "no answer, or a failing server",
	api.Inactive: "it says that its module is off", api.Unexpected: "the reply is not what the profile says",
	api.Cancelled: "stopped",
}

// records returns the records of an operation that were seen, each once.
func (s *side) records(op string) []gjson.Result {
	var out []gjson.Result
	seen := map[string]bool{}
	for _, r := range s.replies[op] {
		for _, e := range r.elements {
			if key := s.key(op, e); !seen[key] {
				seen[key] = true
				out = append(out, e)
			}
		}
	}
	return out
}

// key identifies a record in a comparison: by its id, or else by all of it.
func (s *side) key(op string, e gjson.Result) string { return cmp.Or(s.id(op, e), e.Raw) }

// id is that of a record; empty where it is not found.
func (s *side) id(op string, e gjson.Result) string {
	record := s.set.Operations[op].Record
	for _, info := range s.contract.Spec.Records {
		for _, f := range info.Fields {
			if info.Name == record && f.Need == wire.Key && f.Kind == wire.KindID {
				return s.field(record, f.Name, e)
			}
		}
	}
	return ""
}

// field returns a field of a record as text, as the draft profile finds it.
func (s *side) field(record, field string, e gjson.Result) string {
	for _, p := range s.drafted.Paths(record, field) {
		if v := find(e, p); v.Type == gjson.String || v.Type == gjson.Number {
			if !shape.KindOf(v).Nothing() {
				return cmp.Or(v.Str, v.Raw)
			}
		}
	}
	return ""
}

// instant reads a date of a record; zero where there is none.
func (s *side) instant(record, field string, e gjson.Result) time.Time {
	t, err := wire.ParseTime(strings.TrimSpace(s.field(record, field, e)), s.zone)
	if err != nil {
		return time.Time{}
	}
	return t
}

// find returns what is at a path of a record.
func find(v gjson.Result, path string) gjson.Result {
	for key := range strings.SplitSeq(path, ".") {
		var at gjson.Result
		if v = wire.Embedded(v); v.IsObject() {
			v.ForEach(func(k, e gjson.Result) bool {
				if k.Str == key {
					at = e
				}
				return k.Str != key
			})
		}
		v = at
	}
	return v
}
