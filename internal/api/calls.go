package api

import (
	"bytes"
	"context"
	"errors"
	"iter"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/tg360/tg360/internal/transport"
	"github.com/tg360/tg360/internal/wire"
)

// Page is one page of a list.
type Page[T any] struct {
	Items      []T
	Rejected   []*Failure
	Next       string // what to pass as Start.Cursor; empty on the last page
	ServerTime time.Time
	Elements   int // items and rejected
}

// Start says where a list begins.
type Start struct {
	Cursor string
	Limit  int
}

// reply reads the envelope of an answer and turns a refusal into a failure.
func (c *Client) reply(name string, op *wire.Operation, r *transport.Response, personal []string, each func([]byte) error) (wire.Reply, *Failure) {
	var rep wire.Reply
	var err error
	if each != nil {
		rep, err = c.reads[name].List(bytes.NewReader(r.Body), each)
	} else {
		rep, err = c.reads[name].Record(bytes.NewReader(r.Body))
	}
	var re *wire.ReplyError
	if op.Record == "" && errors.As(err, &re) && (re.Kind == wire.ReplyNoData || (re.Kind == wire.ReplyEmpty && r.Status == http.StatusNoContent)) {
		return rep, nil // an operation that answers with its status alone
	}
	if err != nil {
		return rep, unexpected(name, op, r, err)
	}
	if rep.Refused == nil {
		if rep.NoStatus {
			c.log.Warn("success without a status", "system", c.config.Transport.System, "operation", name)
		}
		return rep, nil
	}
	f := failure(Invalid, name, op, "the system says that it failed, and not why")
	f.Status, f.RequestID = r.Status, r.RequestID
	if op.Writes {
		f.Outcome = transport.Refused
	}
	c.refuse(f, rep.Refused, personal)
	if c.config.Classify != nil {
		c.config.Classify(f)
	}
	return rep, f
}

// run sends and reads, and does both once more after renewed credentials.
func (c *Client) run(ctx context.Context, name string, params map[string]any, body []byte, personal []string, each func([]byte) error) (*transport.Response, wire.Reply, *Failure) {
	for renewed := false; ; renewed = true {
		op, r, f := c.send(ctx, name, params, body, personal)
		var rep wire.Reply
		if f == nil {
			rep, f = c.reply(name, op, r, personal, each)
		}
		if f == nil || renewed || c.config.Renew == nil || !c.config.Renew(ctx, f) {
			return r, rep, f
		}
	}
}

// Raw runs an operation and returns its data as it came; nil when the answer
// had none.
func (c *Client) Raw(ctx context.Context, name string, params map[string]any) ([]byte, *Failure) {
	_, rep, f := c.run(ctx, name, params, nil, nil, nil)
	return rep.Data, f
}

// Get runs an operation that answers with one record.
func Get[T any](ctx context.Context, c *Client, name string, params map[string]any, codec *wire.Codec[T]) (T, *Failure) {
	var zero T
	r, rep, f := c.run(ctx, name, params, nil, nil, nil)
	if f != nil {
		return zero, f
	}
	v, err := codec.Decode(one(rep.Data))
	if err != nil {
		f = unexpected(name, c.profile.Operations[name], r, err)
		f.Code, f.RecordID = InvalidRecord, c.shown(codec.Key(&v))
		return zero, f
	}
	return v, nil
}

// Send runs an operation that sends one record and answers with its status.
func Send[B any](ctx context.Context, c *Client, name string, params map[string]any, body *B, codec *wire.Codec[B]) *Failure {
	_, _, f := c.run(ctx, name, params, codec.Append(nil, body), codec.Personal(body), nil)
	return f
}

// Create runs an operation that sends one record and answers with another. It
// reports false when the system answered with a conflict and the record that it
// already has.
func Create[B, T any](ctx context.Context, c *Client, name string, params map[string]any, body *B, send *wire.Codec[B], answer *wire.Codec[T]) (T, bool, *Failure) {
	var zero T
	r, rep, f := c.run(ctx, name, params, send.Append(nil, body), send.Personal(body), nil)
	if f != nil && f.Code == Conflict && r != nil {
		if v, ok := existing(c, name, r.Body, answer); ok {
			return v, false, nil
		}
	}
	if f != nil {
		return zero, false, f
	}
	v, err := answer.Decode(one(rep.Data))
	if err != nil {
		return zero, false, unexpected(name, c.profile.Operations[name], r, err)
	}
	return v, true, nil
}

// maxID is the longest id that an error shows.
const maxID = 64

// shown is an id as an error may show it; empty for what can't be one.
func (c *Client) shown(id string) string {
	if len(id) > maxID {
		return ""
	}
	for _, n := range c.config.Secrets {
		if s := c.config.Setting(n); s != "" && strings.Contains(id, s) {
			return ""
		}
	}
	return id
}

// existing reads the record that a conflict is about. It counts also where an
// error text stands beside it: the status has said that already.
func existing[T any](c *Client, name string, body []byte, answer *wire.Codec[T]) (T, bool) {
	items := c.profile.ItemPaths(c.profile.Operations[name])
	rep, err := wire.NewEnvelope(wire.EnvelopeSpec{}, items).Record(bytes.NewReader(body))
	if err != nil {
		return *new(T), false
	}
	v, err := answer.Decode(one(rep.Data))
	return v, err == nil
}

// one unwraps a list of one element: some replies answer a single record so.
func one(raw []byte) []byte {
	if len(raw) > 0 && raw[0] == '[' {
		return wire.Single(raw)
	}
	return raw
}

// List reads one page.
func List[T any](ctx context.Context, c *Client, name string, params map[string]any, start Start, codec *wire.Codec[T]) (Page[T], *Failure) {
	var page Page[T]
	op := c.profile.Operations[name]
	if op == nil {
		return page, failure(Unsupported, name, nil, "the profile has no such operation")
	}
	size := start.Limit
	if size == 0 {
		size = c.profile.PageSize(op)
	}
	all := make(map[string]any, len(params)+2)
	for k, v := range params {
		all[k] = v
	}
	decode := codec.Decode
	if op.Partial {
		decode = codec.DecodePartial
	}
	number, f := c.pageParams(all, op, name, start, size)
	if f != nil {
		return page, f
	}
	r, rep, f := c.run(ctx, name, all, nil, nil, func(raw []byte) error {
		page.Elements++
		v, err := decode(raw)
		if err != nil {
			rej := failure(InvalidRecord, name, op, err.Error())
			rej.RecordID, rej.Cause = c.shown(codec.Key(&v)), err
			page.Rejected = append(page.Rejected, rej)
			return nil
		}
		page.Items = append(page.Items, v)
		return nil
	})
	if number == offset && start.Cursor == "" && (page.Elements == 0 && f == nil || f != nil && f.Code == Invalid) {
		// Nothing at page 0: the server may count from 1.
		if second, f2 := List(ctx, c, name, params, Start{Cursor: "1", Limit: start.Limit}, codec); f2 == nil && (second.Elements > 0 || f != nil) {
			c.fromOne.Store(true)
			return second, nil
		}
	}
	if f != nil {
		return Page[T]{}, f
	}
	page.Next, page.ServerTime = rep.Cursor, rep.ServerTime
	if page.ServerTime.IsZero() {
		page.ServerTime, _ = http.ParseTime(r.Header.Get("Date")) // the zero time where there is none
	}
	if number > 0 && page.Elements > 0 {
		page.Next = strconv.Itoa(number + 1 - offset)
	}
	return page, nil
}

// offset keeps page numbers positive while a first page may be number 0.
const offset = 1

// pageParams adds what the profile's paging needs; it returns the page's
// number plus offset, or 0 where pages have none.
func (c *Client) pageParams(all map[string]any, op *wire.Operation, name string, start Start, size int) (int, *Failure) {
	if _, ok := op.Params["limit"]; ok {
		all["limit"] = size
	}
	_, pages := op.Params["page"]
	switch {
	case c.profile.Paging.Kind == "page" && pages:
		n := c.profile.Paging.FirstPage
		if n == 0 && c.fromOne.Load() {
			n = 1
		}
		if start.Cursor != "" {
			var err error
			if n, err = strconv.Atoi(start.Cursor); err != nil {
				return 0, failure(Argument, name, op, "the cursor is not a page number")
			}
		}
		all["page"] = n
		return n + offset, nil
	case start.Cursor != "":
		all["cursor"] = start.Cursor
	}
	return 0, nil
}

// Walk reads page after page. It ends with a failure when a page could not be
// read, or when the profile's bound of pages was met: the walk is then not
// complete.
func Walk[T any](ctx context.Context, c *Client, name string, params map[string]any, start Start, codec *wire.Codec[T]) iter.Seq2[Page[T], *Failure] {
	return func(yield func(Page[T], *Failure) bool) {
		size := start.Limit
		if op := c.profile.Operations[name]; op != nil && size == 0 {
			size = c.profile.PageSize(op)
		}
		end := ending{numbered: c.profile.Paging.Kind == "page", size: size}
		alias := false // page 1 was page 0 once more
		for range c.profile.Paging.MaxPages {
			page, f := List(ctx, c, name, params, start, codec)
			first := ""
			if len(page.Items) > 0 {
				first = codec.Key(&page.Items[0])
			} else if len(page.Rejected) > 0 {
				first = page.Rejected[0].RecordID
			}
			if f != nil {
				yield(page, f)
				return
			}
			last := end.reached(page.Elements, first) || page.Next == start.Cursor
			if end.repeated && start.Cursor == "1" && c.profile.Paging.FirstPage == 0 {
				alias, start.Cursor = true, page.Next // or it was the last one: then the next repeats it too
				continue
			}
			if end.repeated { // the server has no such page and gave the last one again
				return
			}
			if alias && start.Cursor == "2" && page.Elements > 0 {
				c.fromOne.Store(true) // from now on without page 0
			}
			if last {
				page.Next = ""
			}
			if !yield(page, nil) || page.Next == "" {
				return
			}
			start.Cursor = page.Next
		}
		yield(Page[T]{}, c.Fail(Incomplete, name, "the list has more pages than the profile's paging.max_pages allows"))
	}
}

// ending knows when numbered pages are over: no reply says so.
type ending struct {
	numbered bool
	size     int
	full     bool   // a page before was as long as asked for, so a short one is the last
	previous string // first id of the page before
	repeated bool
}

func (e *ending) reached(elements int, first string) bool {
	if !e.numbered {
		return false
	}
	e.repeated = first != "" && first == e.previous
	e.previous = first
	short := elements < e.size
	last := elements == 0 || e.repeated || (short && e.full)
	e.full = e.full || !short
	return last
}
