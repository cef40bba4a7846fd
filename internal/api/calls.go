package api

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"iter"
	"maps"
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
	Rejected   []error
	Next       string // what to pass as Start.Cursor; empty on the last page
	ServerTime time.Time

	elements int    // items and rejected
	first    string // id of the first of them
}

// Start says where a list begins.
type Start struct {
	Cursor string
	Limit  int
}

// reply reads the envelope of an answer and turns a refusal into a failure.
func (c *Client) reply(name string, r *transport.Response, personal []string, each func([]byte) error) (rep wire.Reply, f *Failure) {
	var err error
	if each != nil {
		rep, err = c.reads[name].List(bytes.NewReader(r.Body), each)
	} else {
		rep, err = c.reads[name].Record(bytes.NewReader(r.Body))
	}
	op := c.profile.Operations[name]
	var re *wire.ReplyError
	switch {
	case op.Record == "" && errors.As(err, &re) && (re.Kind == wire.ReplyNoData || (re.Kind == wire.ReplyEmpty && r.Status == http.StatusNoContent)):
		return rep, nil // an operation that answers with its status alone
	case err != nil:
		return rep, c.unexpected(name, r, err)
	case rep.Refused == nil && rep.NoStatus:
		c.config.Transport.Logger.Warn("success without a status", "system", c.config.Transport.System, "operation", name)
	}
	if rep.Refused == nil {
		return rep, nil
	}
	f = c.failure(Invalid, name, "the system says that it failed, and not why")
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
		r, f := c.send(ctx, name, params, body, personal)
		var rep wire.Reply
		if f == nil {
			rep, f = c.reply(name, r, personal, each)
		}
		if f == nil || renewed || c.config.Renew == nil || !c.config.Renew(ctx, f) {
			return r, rep, f
		}
	}
}

// Raw runs an operation and returns its data as it came; nil when the answer
// had none.
func (c *Client) Raw(ctx context.Context, name string, params map[string]any) ([]byte, error) {
	_, rep, f := c.run(ctx, name, params, nil, nil, nil)
	return rep.Data, c.wrap(f)
}

// Get runs an operation that answers with one record.
func Get[T any](ctx context.Context, c *Client, name string, params map[string]any) (T, error) {
	r, rep, f := c.run(ctx, name, params, nil, nil, nil)
	if f != nil {
		return *new(T), c.wrap(f)
	}
	codec := codec[T](c)
	v, err := codec.Decode(wire.Single(rep.Data))
	if err != nil {
		f = c.unexpected(name, r, err)
		f.Code, f.RecordID = InvalidRecord, c.shown(codec.Key(&v))
		return *new(T), c.wrap(f)
	}
	return v, nil
}

// Send runs an operation that sends one record and answers with its status.
func Send[B any](ctx context.Context, c *Client, name string, params map[string]any, body *B) error {
	codec := codec[B](c)
	_, _, f := c.run(ctx, name, params, codec.Append(nil, body), codec.Personal(body), nil)
	return c.wrap(f)
}

// Create runs an operation that sends one record and answers with another. It
// reports false when the system answered with a conflict and the record that it
// already has.
func Create[T, B any](ctx context.Context, c *Client, name string, params map[string]any, body *B) (answer T, created bool, err error) {
	codec, read := codec[B](c), codec[T](c)
	r, rep, f := c.run(ctx, name, params, codec.Append(nil, body), codec.Personal(body), nil)
	if f == nil {
		if answer, err = read.Decode(wire.Single(rep.Data)); err == nil {
			return answer, true, nil
		}
		f = c.unexpected(name, r, err)
	}
	if f.Code == Conflict && r != nil {
		// What is there already counts also where an error text stands beside it:
		// the status has said that.
		items := c.profile.ItemPaths(c.profile.Operations[name])
		rep, err := wire.NewEnvelope(wire.EnvelopeSpec{}, items).Record(bytes.NewReader(r.Body))
		if err == nil {
			if answer, err = read.Decode(wire.Single(rep.Data)); err == nil {
				return answer, false, nil
			}
		}
	}
	return *new(T), false, c.wrap(f)
}

// maxID is the longest id that an error shows.
const maxID = 64

// shown is an id as an error may show it; empty for what can't be one.
func (c *Client) shown(id string) string {
	for _, s := range c.Secrets() {
		if strings.Contains(id, s) {
			return ""
		}
	}
	if len(id) > maxID {
		return ""
	}
	return id
}

// List reads one page, as page makes it.
func List[T, P any](ctx context.Context, c *Client, name string, params map[string]any, start Start, page func(Page[T]) P) (P, error) {
	p, f := list[T](ctx, c, name, params, start)
	return page(p), c.wrap(f)
}

// All reads a list that comes whole. One element that can't be read makes it
// unusable: it may be just the one that is looked for.
func All[T any](ctx context.Context, c *Client, name string, params map[string]any) ([]T, error) {
	p, f := list[T](ctx, c, name, params, Start{})
	if f == nil && len(p.Rejected) > 0 {
		return nil, p.Rejected[0]
	}
	return p.Items, c.wrap(f)
}

func list[T any](ctx context.Context, c *Client, name string, params map[string]any, start Start) (Page[T], *Failure) {
	var page Page[T]
	op := c.profile.Operations[name]
	if op == nil {
		return page, c.failure(Unsupported, name, "the profile has no such operation")
	}
	start.Limit = cmp.Or(start.Limit, c.profile.PageSize(op))
	all := map[string]any{}
	maps.Copy(all, params)
	number, f := c.pageParams(all, op, name, start)
	if f != nil {
		return page, f
	}
	codec := codec[T](c)
	decode := codec.Decode
	if op.Partial {
		decode = codec.DecodePartial
	}
	r, rep, f := c.run(ctx, name, all, nil, nil, func(raw []byte) error {
		page.elements++
		v, err := decode(raw)
		if err == nil {
			page.Items = append(page.Items, v)
			return nil
		}
		rej := c.failure(InvalidRecord, name, err.Error())
		rej.RecordID, rej.Cause = c.shown(codec.Key(&v)), err
		page.first = cmp.Or(page.first, rej.RecordID)
		page.Rejected = append(page.Rejected, c.wrap(rej))
		return nil
	})
	nothing := func(p Page[T], f *Failure) bool { return f == nil && p.elements == 0 || f != nil && f.Code == Invalid }
	if number == offset && start.Cursor == "" && !c.isZero.Load() && nothing(page, f) {
		// Nothing at page 0: the server may count from 1. Page 0 is asked for once
		// more: a failure by chance would hide it as long as the process lives.
		if second, f2 := list[T](ctx, c, name, params, Start{Cursor: "1", Limit: start.Limit}); f2 == nil && (second.elements > 0 || f != nil) {
			if zero, f0 := list[T](ctx, c, name, params, Start{Cursor: "0", Limit: start.Limit}); !nothing(zero, f0) {
				return zero, f0
			}
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
	if number > 0 && page.elements > 0 {
		c.isZero.CompareAndSwap(false, number == offset)
		page.Next = strconv.Itoa(number + 1 - offset)
	}
	if len(page.Items) > 0 {
		page.first = codec.Key(&page.Items[0])
	}
	return page, nil
}

// offset keeps page numbers positive while a first page may be number 0.
const offset = 1

// pageParams adds what the profile's paging needs; it returns the page's
// number plus offset, or 0 where pages have none.
func (c *Client) pageParams(all map[string]any, op *wire.Operation, name string, start Start) (int, *Failure) {
	if _, ok := op.Params["limit"]; ok {
		all["limit"] = start.Limit
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
				return 0, c.failure(Argument, name, "the cursor is not a page number")
			}
		}
		all["page"] = n
		return n + offset, nil
	case start.Cursor != "":
		all["cursor"] = start.Cursor
	}
	return 0, nil
}

// Walk reads page after page, as page makes them. It ends with an error when a
// page could not be read, or when the profile's bound of pages was met: the walk
// is then not complete.
func Walk[T, P any](ctx context.Context, c *Client, name string, params map[string]any, start Start, page func(Page[T]) P) iter.Seq2[P, error] {
	return func(yield func(P, error) bool) {
		start := start // each loop begins anew
		if op := c.profile.Operations[name]; op != nil {
			start.Limit = cmp.Or(start.Limit, c.profile.PageSize(op))
		}
		end := ending{numbered: c.profile.Paging.Kind == "page", size: start.Limit}
		alias := false // page 1 was page 0 once more
		for range c.profile.Paging.MaxPages {
			p, f := list[T](ctx, c, name, params, start)
			if f != nil {
				yield(page(p), c.wrap(f))
				return
			}
			last := end.reached(p.elements, p.first) || p.Next == start.Cursor
			if end.repeated && start.Cursor == "1" && c.profile.Paging.FirstPage == 0 {
				alias, start.Cursor = true, p.Next // or it was the last one: then the next repeats it too
				continue
			}
			if end.repeated { // the server has no such page and gave the last one again
				return
			}
			if alias && start.Cursor == "2" && p.elements > 0 {
				c.fromOne.Store(true) // from now on without page 0
			}
			if last {
				p.Next = ""
			}
			if !yield(page(p), nil) || p.Next == "" {
				return
			}
			start.Cursor = p.Next
		}
		yield(page(Page[T]{}), c.Fail(Incomplete, name, "the list has more pages than the profile's paging.max_pages allows"))
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
