package wire

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/tidwall/gjson"
)

// ReplyKind says in which way a reply is not what the profile promises.
type ReplyKind string

// The kinds of unexpected replies.
const (
	ReplyEmpty     ReplyKind = "empty reply"
	ReplyHTML      ReplyKind = "HTML instead of JSON"
	ReplyNotJSON   ReplyKind = "not JSON"
	ReplyNull      ReplyKind = "null instead of an envelope"
	ReplyBare      ReplyKind = "a bare value without an envelope"
	ReplyTruncated ReplyKind = "cut off"
	ReplyTrailing  ReplyKind = "more than one JSON value"
	ReplyCharset   ReplyKind = "not UTF-8"
	ReplyNoData    ReplyKind = "no data"
	ReplyNoList    ReplyKind = "no list where one was expected"
)

// ReplyError is an unexpected reply.
type ReplyError struct {
	Kind    ReplyKind
	Snippet string // how it begins, letters and digits masked
	Cause   error  // what reading or the element's decoder said
}

// Error implements error.
func (e *ReplyError) Error() string {
	s := "unexpected reply: " + string(e.Kind)
	if e.Snippet != "" {
		s += fmt.Sprintf(", begins %q", e.Snippet)
	}
	return s
}

// Unwrap returns the cause.
func (e *ReplyError) Unwrap() error { return e.Cause }

// maxSnippet bounds what an error shows of a reply.
const maxSnippet = 60

// Snippet shows how a reply begins: letters become x, digits 9, and whatever is
// not ASCII ?, so that neither a secret nor a person can be read in it.
func Snippet(b []byte) string {
	var sb strings.Builder
	for n := 0; len(b) > 0 && n < maxSnippet; n++ {
		r, size := utf8.DecodeRune(b)
		b = b[size:]
		switch {
		case unicode.IsLetter(r):
			r = 'x'
		case unicode.IsDigit(r):
			r = '9'
		case unicode.IsSpace(r):
			r = ' '
		case r > unicode.MaxASCII || !unicode.IsPrint(r):
			r = '?'
		}
		sb.WriteRune(r)
	}
	return sb.String()
}

// Refusal is a reply in which the system itself says that it failed.
type Refusal struct {
	Code   string
	Text   string
	Fields []RefusedField
}

// RefusedField is a field that the system complains about.
type RefusedField struct{ Path, Message string }

// Reply is what an envelope says beside its elements.
type Reply struct {
	Refused    *Refusal
	NoStatus   bool // there was data, and no status where the profile has one
	Cursor     string
	ServerTime time.Time
	Data       []byte // the record, when no list was asked for; nil when there was none
}

// Envelope reads replies by the paths of an [EnvelopeSpec]. It is safe for
// concurrent use.
type Envelope struct {
	spec     EnvelopeSpec
	items    map[string]bool // candidate paths of the list or record
	interest map[string]bool // paths whose value is kept
	prefixes map[string]bool // objects on the way to one
}

// NewEnvelope prepares reading replies whose list or record is at one of items.
func NewEnvelope(spec EnvelopeSpec, items []string) *Envelope {
	e := &Envelope{spec: spec, items: map[string]bool{}, interest: map[string]bool{}, prefixes: map[string]bool{"": true}}
	add := func(to map[string]bool, paths ...string) {
		for _, p := range paths {
			if p == "" {
				continue
			}
			to[p] = true
			for i, c := range p {
				if c == '.' {
					e.prefixes[p[:i]] = true
				}
			}
		}
	}
	for _, paths := range [][]string{spec.ErrorCode, spec.ErrorText} {
		if p := around(paths); p != "" && !slices.Contains(items, p) {
			e.spec.ErrorText = append(slices.Clone(e.spec.ErrorText), p)
		}
	}
	add(e.items, items...)
	add(e.interest, spec.Status)
	for _, paths := range [][]string{e.spec.ErrorCode, e.spec.ErrorText, spec.Fields, spec.Cursor, spec.ServerTime} {
		add(e.interest, paths...)
	}
	return e
}

// around names the object that the first of paths is in: an error that should
// be an object may come as a sentence.
func around(paths []string) string {
	if len(paths) == 0 {
		return ""
	}
	return paths[0][:max(0, strings.LastIndexByte(paths[0], '.'))]
}

// List reads a reply and, when it is good to its end and no refusal, calls each
// with the raw JSON of every element, which is valid until each returns. An
// error of each ends the reading and is returned as it is.
func (e *Envelope) List(r io.Reader, each func(raw []byte) error) (Reply, error) {
	return e.read(r, each)
}

// Record reads a reply that holds one record.
func (e *Envelope) Record(r io.Reader) (Reply, error) { return e.read(r, nil) }

// walker is the state of reading one reply.
type walker struct {
	*Envelope
	list  bool // a list is wanted
	kept  map[string]gjson.Result
	found gjson.Result // the list or record
}

const jsonSpace = " \n\r\t"

func (e *Envelope) read(r io.Reader, each func([]byte) error) (Reply, error) {
	var sb strings.Builder
	_, err := bufio.NewReader(r).WriteTo(&sb) // gives up on a reader that never reads
	body := strings.TrimLeft(strings.TrimPrefix(sb.String(), "\ufeff"), jsonSpace)
	bad := &ReplyError{Kind: ReplyTruncated, Snippet: Snippet([]byte(body[:min(len(body), utf8.UTFMax*maxSnippet)])), Cause: err}
	if err != nil {
		return Reply{}, bad
	}
	if bad.Kind = faultOf(body); bad.Kind != "" {
		if bad.Kind == ReplyTruncated {
			bad.Cause = io.ErrUnexpectedEOF
		}
		return Reply{}, bad
	}
	w := &walker{Envelope: e, list: each != nil, kept: map[string]gjson.Result{}}
	w.visit("", gjson.Parse(body))
	rep := w.finish()
	switch {
	case rep.Refused != nil:
		return rep, nil
	case !w.found.Exists():
		if bad.Kind = ReplyNoData; w.list {
			bad.Kind = ReplyNoList
		}
		return rep, bad
	case !w.list:
		rep.Data = []byte(w.found.Raw)
		return rep, nil
	}
	var element []byte
	w.found.ForEach(func(_, v gjson.Result) bool {
		element = append(element[:0], v.Raw...)
		err = each(element)
		return err == nil
	})
	if err != nil {
		return Reply{}, err
	}
	return rep, nil
}

// faultOf says what keeps a body from being an envelope; empty: nothing.
func faultOf(body string) ReplyKind {
	switch {
	case body == "":
		return ReplyEmpty
	case body[0] == '<':
		return ReplyHTML
	case strings.HasPrefix(body, "null"):
		return ReplyNull
	case strings.IndexByte(`["-0123456789`, body[0]) >= 0, strings.HasPrefix(body, "true"), strings.HasPrefix(body, "false"):
		return ReplyBare
	case body[0] != '{':
		return ReplyNotJSON
	}
	deep := tooDeep(body)
	if !deep && gjson.Valid(body) {
		if !utf8.ValidString(body) {
			return ReplyCharset
		}
		return ""
	}
	var first json.RawMessage
	switch err := json.NewDecoder(strings.NewReader(body)).Decode(&first); {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return ReplyTruncated
	case err != nil || deep:
		return ReplyNotJSON
	}
	return ReplyTrailing
}

// maxDepth bounds nesting, so that no reply can exhaust the stack of what
// reads it by recursion.
const maxDepth = 1000

func tooDeep(s string) bool {
	depth := 0
	for i := 0; i < len(s) && depth <= maxDepth; i++ {
		switch s[i] {
		case '"':
			for i++; i < len(s) && s[i] != '"'; i++ {
				if s[i] == '\\' {
					i++
				}
			}
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		}
	}
	return depth > maxDepth
}

// visit takes what is at path, and goes on to what is in it.
func (w *walker) visit(path string, v gjson.Result) {
	if w.interest[path] {
		w.kept[path] = v
	}
	if !w.items[path] && !w.prefixes[path] {
		return
	}
	v = Embedded(v)
	if w.items[path] && !w.found.Exists() {
		if w.list && startsAsList(v) {
			w.found = v
			return
		}
		if !w.list && v.Type != gjson.Null {
			w.found = v
		}
	}
	if w.prefixes[path] && v.IsObject() {
		v.ForEach(func(k, x gjson.Result) bool {
			w.visit(join(path, k.Str), x)
			return true
		})
	}
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// startsAsList reports a list, or an object whose first key is a number: what
// follows is then handed out too, so that nothing is lost in silence.
func startsAsList(v gjson.Result) bool {
	list := v.IsArray() || v.IsObject()
	if v.IsObject() {
		v.ForEach(func(k, _ gjson.Result) bool {
			list = allDigits(k.Str)
			return false
		})
	}
	return list
}

// finish judges the whole reply: a status of 0 or an error text is a failure,
// whatever came before.
func (w *walker) finish() Reply {
	failed := w.mainError()
	noStatus := false
	if w.spec.Status != "" {
		st, ok := w.kept[w.spec.Status]
		good, err := readBool(st, nil)
		noStatus = !ok
		failed = failed || (ok && (err != nil || !good))
	}
	r := Reply{NoStatus: noStatus, Cursor: w.text(w.spec.Cursor)}
	if failed {
		r.Refused = &Refusal{Code: w.text(w.spec.ErrorCode), Text: w.text(w.spec.ErrorText), Fields: w.refusedFields()}
		return r
	}
	r.ServerTime = instant(w.text(w.spec.ServerTime))
	return r
}

// instant reads a time that says its zone, or none at all: a local time that is
// taken for another zone's would move a watermark past changes.
func instant(s string) time.Time {
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return t
	}
	if t, err := ParseTime(s, time.UTC); err == nil && allDigits(s) {
		return t
	}
	return time.Time{}
}

// mainError reports whether the first of the error paths says something: the
// others, such as a title, may also be there when all is well.
func (w *walker) mainError() bool {
	for _, paths := range [][]string{w.spec.ErrorCode, w.spec.ErrorText} {
		if len(paths) == 0 {
			continue
		}
		if whole := w.kept[around(paths)]; !saysNothing(w.kept[paths[0]]) || (whole.Type != gjson.JSON && !saysNothing(whole)) {
			return true
		}
	}
	return false
}

// saysNothing reports null, false, 0, and whatever is empty.
func saysNothing(v gjson.Result) bool {
	switch v.Type {
	case gjson.Null, gjson.False:
		return true
	case gjson.JSON:
		return isEmpty(v)
	}
	s := textOf(v)
	return s == "" || s == "0"
}

// textOf is a scalar as text, in the spelling it came in.
func textOf(v gjson.Result) string {
	if v.Type == gjson.Number {
		return v.Raw
	}
	return v.String()
}

// text returns the first of paths that holds one.
func (w *walker) text(paths []string) string {
	for _, p := range paths {
		if v := w.kept[p]; v.Type != gjson.JSON && textOf(v) != "" {
			return textOf(v)
		}
	}
	return ""
}

func (w *walker) refusedFields() []RefusedField {
	var out []RefusedField
	for _, p := range w.spec.Fields {
		eachElement(w.kept[p], func(e gjson.Result) bool {
			out = append(out, RefusedField{Path: e.Get("path").String(), Message: e.Get("message").String()})
			return true
		})
	}
	return out
}
