package wire

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

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

// List reads a reply and calls each with the raw JSON of every element, which
// is valid until each returns. The elements count only when the error is nil
// and Reply.Refused too: the envelope may end in a failure. An error of each
// ends the reading and is returned as it is.
func (e *Envelope) List(r io.Reader, each func(raw []byte) error) (Reply, error) {
	return e.read(r, each)
}

// Record reads a reply that holds one record.
func (e *Envelope) Record(r io.Reader) (Reply, error) { return e.read(r, nil) }

// walker is the state of reading one reply.
type walker struct {
	*Envelope
	s      *stream
	each   func([]byte) error // nil: a record is wanted
	kept   map[string]gjson.Result
	found  bool // the list or record
	data   []byte
	failed error // from each
}

func (e *Envelope) read(r io.Reader, each func([]byte) error) (Reply, error) {
	s := &stream{r: r}
	s.bom()
	first, err := s.peek()
	switch {
	case errors.Is(err, io.EOF):
		return Reply{}, &ReplyError{Kind: ReplyEmpty}
	case err != nil:
		return Reply{}, cut(err)
	}
	head := Snippet(s.head(maxSnippet))
	if first != '{' {
		return Reply{}, s.notAnObject(head)
	}
	w := &walker{Envelope: e, s: s, each: each, kept: map[string]gjson.Result{}}
	err = w.below("")
	if err == nil {
		err = s.end()
	}
	var re *ReplyError
	switch {
	case w.failed != nil:
		return Reply{}, w.failed
	case errors.As(err, &re):
		re.Snippet = head
		return Reply{}, re
	}
	return w.finish(head)
}

// notAnObject names what came in the place of an envelope, and reads it to its
// end so that the connection can be used again.
func (s *stream) notAnObject(snippet string) error {
	e := &ReplyError{Kind: ReplyNotJSON, Snippet: snippet}
	switch c, head := s.buf[s.pos], s.head(len("false")); {
	case c == '<':
		e.Kind = ReplyHTML
	case bytes.HasPrefix(head, []byte("null")):
		e.Kind = ReplyNull
	case strings.IndexByte(`["-0123456789`, c) >= 0, bytes.HasPrefix(head, []byte("true")), bytes.Equal(head, []byte("false")):
		e.Kind = ReplyBare
	}
	if s.err == nil {
		_, s.err = io.Copy(io.Discard, s.r)
	}
	if !errors.Is(s.err, io.EOF) {
		e.Cause = s.err
	}
	return e
}

// value reads the value at path, whose key has been read.
func (w *walker) value(path string) error {
	switch {
	case w.items[path] && !w.found && w.each != nil:
		return w.list(path)
	case w.items[path] && !w.found:
		return w.record(path)
	case w.interest[path]:
		_, err := w.keep(path)
		return err
	case w.prefixes[path]:
		return w.below(path)
	}
	return w.s.skip()
}

// below looks for paths inside an object.
func (w *walker) below(path string) error {
	switch c, err := w.s.next(); {
	case err != nil:
		return err
	case c != '{':
		return w.s.skip()
	}
	return w.s.object(func(key string) error { return w.value(join(path, key)) })
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// keep keeps a value, and what other paths look for inside it: an error text
// may sit at data.message.
func (w *walker) keep(path string) (gjson.Result, error) {
	raw, err := w.s.raw()
	if err != nil {
		return gjson.Result{}, err
	}
	v := gjson.ParseBytes(raw)
	if w.interest[path] {
		w.kept[path] = v
	}
	v = Embedded(v)
	if w.prefixes[path] && v.IsObject() {
		for p := range w.interest {
			if below, ok := strings.CutPrefix(p, path+"."); ok {
				if x := dig(v, below); x.Exists() {
					w.kept[p] = x
				}
			}
		}
	}
	return v, nil
}

// dig returns what is at a path; keys are taken as they are.
func dig(v gjson.Result, path string) gjson.Result {
	for key := range splitPath(path) {
		var at gjson.Result
		if v.IsObject() {
			v.ForEach(func(k, x gjson.Result) bool {
				if k.Str == key {
					at = x
				}
				return k.Str != key
			})
		}
		v = at
	}
	return v
}

// record keeps the record: the first candidate that is not null.
func (w *walker) record(path string) error {
	v, err := w.keep(path)
	if err == nil && v.Type != gjson.Null {
		w.found, w.data = true, []byte(v.Raw)
	}
	return err
}

// list reads the list in each of its spellings: an array, an object with
// numeric keys, or a text that holds either as JSON.
func (w *walker) list(path string) error {
	c, err := w.s.next()
	switch {
	case err != nil:
		return err
	case c == '[':
		w.found = true
		return w.s.array(w.element)
	case c == '{':
		return w.numbered(path)
	}
	v, err := w.keep(path)
	if err != nil || !(v.IsArray() || v.IsObject()) {
		return err
	}
	w.found = eachElement(v, func(e gjson.Result) bool {
		w.failed = w.each([]byte(e.Raw))
		return w.failed == nil
	})
	return w.failed
}

// element hands out one element.
func (w *walker) element() error {
	raw, err := w.s.raw()
	if err != nil {
		return err
	}
	w.failed = w.each(raw)
	return w.failed
}

// numbered reads an object in the place of a list: its first key tells whether
// it is one.
func (w *walker) numbered(path string) error {
	list, first := true, true
	err := w.s.object(func(key string) error {
		if first {
			list, first = allDigits(key), false
		}
		if list {
			return w.element()
		}
		return w.value(join(path, key))
	})
	w.found = w.found || list
	return err
}

// finish judges the whole reply: a status of 0 or an error text is a failure,
// whatever came before.
func (w *walker) finish(head string) (Reply, error) {
	r := Reply{Data: w.data, Cursor: w.text(w.spec.Cursor)}
	failed := w.mainError()
	if w.spec.Status != "" {
		st, ok := w.kept[w.spec.Status]
		good, err := decodeBool(st)
		r.NoStatus = !ok
		failed = failed || (ok && (err != nil || !good))
	}
	if failed {
		r.Refused = &Refusal{Code: w.text(w.spec.ErrorCode), Text: w.text(w.spec.ErrorText), Fields: w.refusedFields()}
		r.Data = nil
		return r, nil
	}
	r.ServerTime = instant(w.text(w.spec.ServerTime))
	switch {
	case !w.found && w.each != nil:
		return r, &ReplyError{Kind: ReplyNoList, Snippet: head}
	case !w.found:
		return r, &ReplyError{Kind: ReplyNoData, Snippet: head}
	}
	return r, nil
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
		empty := true
		v.ForEach(func(_, _ gjson.Result) bool { empty = false; return false })
		return empty
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
