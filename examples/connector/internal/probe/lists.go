package probe

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tg360/tg360/internal/api"
	"github.com/tg360/tg360/internal/fake/shape"
	"github.com/tidwall/gjson"
)

// few is the number of records that a page is asked for.
const few = 5

// list is what was read of a list.
type list struct {
	op       string
	numbered bool
	pages    map[int]*reply // by number
	first    *reply
	second   *reply // nil: none was announced
	again    *reply // the first page, once more
	start    int    // number of the first page; -1: not known
	newest   bool   // it is sorted newest first
	how      string // start was found out
	sure     Sure
}

// list reads two pages of a list, and the first one twice. It returns nil where
// the list can't be read.
func (s *side) list(ctx context.Context, name string, needed bool) *list {
	op := s.set.Operations[name]
	if op == nil {
		s.skip(name, needed, "")
		return nil
	}
	l := &list{op: name, start: -1, pages: map[int]*reply{}}
	params := s.few(name)
	if _, ok := op.Params["page"]; ok && s.set.Paging.Kind == "page" {
		l.numbered = true
		s.numbered(ctx, l, needed, params)
	} else {
		s.announced(ctx, l, needed, params)
	}
	if !l.first.ok() {
		return nil
	}
	s.lists = append(s.lists, l)
	return l
}

// few asks for a small page, where the site can be asked.
func (s *side) few(op string) map[string]any {
	if _, ok := s.set.Operations[op].Params["limit"]; ok {
		return map[string]any{"limit": few}
	}
	return map[string]any{}
}

func with(params map[string]any, key string, value any) map[string]any {
	out := map[string]any{key: value}
	for k, v := range params {
		out[k] = v
	}
	return out
}

// numbered reads the pages 0 to 2.
func (s *side) numbered(ctx context.Context, l *list, needed bool, params map[string]any) {
	page := func(n int) *reply {
		l.pages[n] = s.ask(ctx, l.op, with(params, "page", n))
		return l.pages[n]
	}
	l.first = page(0)
	if l.first.ok() || l.first.is(api.Invalid, api.NotFound, api.Unexpected) {
		if one := page(1); one.ok() && (!l.first.ok() || len(l.first.elements) == 0) {
			l.first = one
		}
	}
	op := s.set.Operations[l.op]
	line := &Operation{Name: l.op, Needed: needed, Grade: string(op.Grade)}
	s.ops = append(s.ops, line)
	s.judge(line, l.first, op)
	if !l.first.ok() {
		return
	}
	if len(l.pages[1].elements) > 0 {
		page(2)
	}
	s.begin(l)
	l.second = l.pages[max(l.start, 0)+1]
	l.again = s.ask(ctx, l.op, with(params, "page", max(l.start, 0)))
}

// begin finds the number of the first page.
func (s *side) begin(l *list) {
	ids := func(n int) []string { return s.keys(l.op, l.pages[n]) }
	zero, one, two := ids(0), ids(1), ids(2)
	same := slices.Equal(zero, one)
	switch {
	case len(zero) == 0 && len(one) > 0:
		l.start, l.how, l.sure = 1, "page 0 is empty or refused, page 1 is not", Certain
	case len(zero) == 0:
		l.how, l.sure = "there are no records", Unknown
	case len(one) == 0:
		l.start, l.how, l.sure = 0, "page 0 has records, page 1 has none", Certain
	case same && !slices.Equal(one, two):
		l.start, l.how, l.sure = 1, "page 0 and page 1 are the same, page 2 is not", Certain
	case same:
		l.how, l.sure = "the pages 0, 1 and 2 are the same: the page number is ignored, or the last page is repeated", Unknown
	case overlap(zero, one) > 0:
		l.start, l.how, l.sure = 0, "page 0 and page 1 differ, and share records", Likely
	default:
		l.start, l.how, l.sure = 0, "page 0 and page 1 have different records", Certain
	}
}

// announced reads a list whose replies say how it goes on, or that is whole.
func (s *side) announced(ctx context.Context, l *list, needed bool, params map[string]any) {
	l.first = s.try(ctx, l.op, needed, params)
	if !l.first.ok() {
		return
	}
	_, more := s.set.Operations[l.op].Params["cursor"]
	if more && l.first.env.Cursor == "" {
		s.cursor(l.first)
	}
	if next := l.first.env.Cursor; more && next != "" {
		l.second = s.ask(ctx, l.op, with(params, "cursor", next))
	}
	l.again = s.ask(ctx, l.op, params)
}

// cursors are names of what leads to the next page.
var cursors = []string{"nextcursor", "next", "cursor", "nextpage", "nexttoken", "nextpagetoken", "pagetoken", "continuation",
	"continuationtoken", "successivo", "paginasuccessiva"}

// cursor looks for the next page's mark at the top of a reply, where the profile
// does not find it.
func (s *side) cursor(r *reply) {
	top := s.shapes[r.op].Reply
	for _, holder := range append([]*shape.Shape{top}, top.Keys...) {
		for _, k := range holder.Keys {
			path := strings.TrimPrefix(holder.Key+"."+k.Key, ".")
			some := slices.ContainsFunc(k.Kinds, func(x shape.Kind) bool { return x == shape.AnyText || x == shape.Digits || x == shape.Integer })
			if !some || !slices.Contains(cursors, plain(k.Key)) && !slices.Contains(cursors, plain(strings.ReplaceAll(path, ".", ""))) {
				continue
			}
			s.changes.put([]string{path}, "the mark of the next page is there: a guess by its name, check it", "envelope", "cursor")
			s.drafted.Envelope.Cursor = []string{path}
			op := s.drafted.Operations[r.op]
			_ = s.unwrap(r, s.rec.body.Bytes(), op, s.drafted.ItemPaths(op)) // has gone well before
			return
		}
	}
}

// keys are the identities of a reply's records.
func (s *side) keys(op string, r *reply) []string {
	var out []string
	if r.ok() {
		for _, e := range r.elements {
			out = append(out, s.key(op, e))
		}
	}
	return out
}

// overlap counts what two pages share.
func overlap(a, b []string) (n int) {
	for _, x := range a {
		if slices.Contains(b, x) {
			n++
		}
	}
	return n
}

// weigh says what the pages of a list have shown.
func (s *side) weigh(l *list) {
	say := func(name, says, how string, sure Sure) {
		s.notes = append(s.notes, Finding{l.op + ": " + name, says, how, sure})
	}
	if l.numbered {
		s.begin(l)
		l.second = l.pages[max(l.start, 0)+1]
	}
	first, second, again := s.keys(l.op, l.first), s.keys(l.op, l.second), s.keys(l.op, l.again)
	if l.numbered {
		says := "not known"
		if l.start >= 0 {
			says = fmt.Sprint(l.start)
		}
		say("number of the first page", says, l.how, l.sure)
	} else if _, more := s.set.Operations[l.op].Params["cursor"]; more && l.second == nil && len(first) >= few {
		say("next page", "not announced", "a full page came, and no mark of a next one: either there are no more, or the profile's envelope.cursor is another", Unknown)
	}
	s.weighLimit(l, say, len(second))
	switch {
	case len(first) == 0:
		say("sorting", "not known", "there are no records", Unknown)
		return
	case slices.Equal(first, again):
		say("same list twice", "yes", "two reads of the first page agree; a list that changes rarely may hide that it is not stable", Likely)
	case l.again.ok() && shifted(first, again):
		say("same list twice", "yes", "the second read shows new records at the front, the others follow in the same order", Likely)
	default:
		say("same list twice", "no", "two reads of the first page differ: a walk may miss records, or records came in between", Likely)
	}
	if n := overlap(first, second); len(second) > 0 && !slices.Equal(first, second) {
		if n == 0 {
			say("records on two pages", "none", "two pages were compared", Likely)
		} else {
			say("records on two pages", count(n, "record", "records"), "two pages were compared: pages overlap, or records came in between", Likely)
		}
	}
	s.weighOrder(l, say)
}

// shifted reports whether b is a with other records before.
func shifted(a, b []string) bool {
	for n := 1; n < len(b); n++ {
		if rest := b[n:]; len(rest) <= len(a) && slices.Equal(rest, a[:len(rest)]) && overlap(b[:n], a) == 0 {
			return true
		}
	}
	return false
}

func (s *side) weighLimit(l *list, say func(name, says, how string, sure Sure), second int) {
	op, first := s.set.Operations[l.op], l.first.total
	_, has := op.Params["limit"]
	asked := fmt.Sprintf("asked for %d records, got %d", few, first)
	switch {
	case !has:
	case first > few:
		say("limit", "ignored", asked, Certain)
		if second > 0 && second <= first && s.set.PageSize(op) != first && overlap(s.keys(l.op, l.first), s.keys(l.op, l.second)) == 0 {
			s.changes.put(first, "a page has as many records, whatever is asked for", "operations", l.op, "size")
		}
	case first == few:
		say("limit", "honoured", asked, Likely)
	default:
		say("limit", "not known", asked+": there are no more", Unknown)
	}
}

// dated names the date by which a list of records is sorted, if by any.
var dated = map[string]string{"framework360 order": "created", "totalgest product": "updated_at", "totalgest stock": "updated_at", "totalgest order_ref": "updated_at"}

func (s *side) weighOrder(l *list, say func(name, says, how string, sure Sure)) {
	record := s.set.Operations[l.op].Record
	field, ok := dated[s.system+" "+record]
	if !ok {
		return
	}
	var dates []time.Time
	elements := l.first.elements
	if l.second.ok() && overlap(s.keys(l.op, l.first), s.keys(l.op, l.second)) == 0 {
		elements = slices.Concat(elements, l.second.elements)
	}
	for _, e := range elements {
		if t := s.instant(record, field, e); !t.IsZero() {
			dates = append(dates, t)
		}
	}
	older := slices.IsSortedFunc(dates, func(a, b time.Time) int { return b.Compare(a) })
	newer := slices.IsSortedFunc(dates, time.Time.Compare)
	how := fmt.Sprintf("%d dates (%s.%s) on the pages that were read", len(dates), record, field)
	switch {
	case len(dates) < 3 || older && newer:
		say("sorting", "not known", how+": too few that differ", Unknown)
	case older:
		l.newest = true
		say("sorting", "newest first", how, Likely)
	case newer:
		say("sorting", "oldest first", how, Likely)
	default:
		say("sorting", "not by "+field, how, Certain)
	}
}

// since tries whether a list can be narrowed by the last change.
func (s *side) since(ctx context.Context, l *list) {
	if l == nil {
		return
	}
	op := s.set.Operations[l.op]
	name := l.op + ": updated_since"
	say := func(says, how string, sure Sure) { s.notes = append(s.notes, Finding{name, says, how, sure}) }
	if _, ok := op.Params["updated_since"]; !ok {
		say("not tried", "the profile has no such parameter", Unknown)
		return
	}
	ask := func(t time.Time) *reply {
		return s.ask(ctx, l.op, with(s.few(l.op), "updated_since", s.set.Time(t.UTC(), s.zone)))
	}
	future := ask(s.rec.received.Add(24 * time.Hour))
	if future.ok() && len(future.elements) > 0 {
		say("ignored", "asked for changes after tomorrow, got "+count(future.total, "record", "records"), Certain)
		s.changes.put(false, "updated_since is ignored", "abilities", "modified_since")
		return
	}
	var newest time.Time
	for _, e := range l.first.elements {
		if t := s.instant(op.Record, "updated_at", e); t.After(newest) {
			newest = t
		}
	}
	if newest.IsZero() {
		say("not known", "no date of a change was found in the records", Unknown)
		return
	}
	from := ask(newest)
	older := slices.ContainsFunc(from.elements, func(e gjson.Result) bool {
		t := s.instant(op.Record, "updated_at", e)
		return !t.IsZero() && t.Before(newest.Add(-24*time.Hour)) // it may take whole days
	})
	switch {
	case !from.ok() && !future.ok():
		say("refused", "both an instant tomorrow and that of a record are refused: look at write.dates of the profile", Likely)
	case !from.ok():
		say("not known", "the instant of a record is refused, one tomorrow is not", Unknown)
	case len(from.elements) == 0:
		say("narrows, and leaves out the instant itself", "asked for the changes since the last one that was seen, got none", Likely)
	case older:
		say("ignored", "asked for the changes since the last one that was seen, got older ones", Certain)
		s.changes.put(false, "updated_since is ignored", "abilities", "modified_since")
	default:
		say("narrows, the instant included", "nothing has changed after tomorrow, and the last change that was seen came back alone or with later ones", Certain)
	}
}
