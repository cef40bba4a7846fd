package probe

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tg360/tg360/internal/fake/shape"
	"github.com/tg360/tg360/internal/wire"
)

// conclude says what one side has shown.
func (s *side) conclude(now time.Time) (System, error) {
	for _, l := range s.lists {
		s.weigh(l)
	}
	s.firstPage()
	if err := s.learn(); err != nil {
		return System{}, err
	}
	out := System{Name: s.system, Profile: s.set.Name, Requests: s.rec.requests, Limited: s.rec.limited}
	s.finish(&out)
	if err := s.count(); err != nil {
		return out, err
	}
	for _, o := range s.ops {
		out.Operations = append(out.Operations, *o)
	}
	s.fields(&out)
	s.clocks()
	s.naive(now)
	s.limits()
	s.success()
	place := func(f Finding) int {
		op, _, _ := strings.Cut(f.Name, ": ")
		if i := slices.IndexFunc(s.ops, func(o *Operation) bool { return o.Name == op }); i >= 0 {
			return i
		}
		return len(s.ops)
	}
	slices.SortStableFunc(s.notes, func(a, b Finding) int { return place(a) - place(b) })
	out.Findings = s.notes
	for _, op := range sorted(s.shapes) {
		out.shapes = append(out.shapes, s.shapes[op])
	}
	return out, nil
}

// firstPage sets the number of the first page where all lists agree on it.
func (s *side) firstPage() {
	starts := map[int]bool{}
	for _, l := range s.lists {
		if l.numbered && l.start >= 0 && l.sure == Certain {
			starts[l.start] = true
		}
	}
	for n := range starts {
		if len(starts) == 1 && n != s.set.Paging.FirstPage {
			s.changes.put(n, "the lists begin there", "paging", "first_page")
		}
	}
}

// count fills in how many records there were, and how many could be read.
func (s *side) count() error {
	before, err := s.readers(s.set, s.zone)
	if err != nil {
		return err
	}
	after, err := s.readers(s.drafted, s.zone)
	if err != nil {
		return err
	}
	for _, o := range s.ops {
		if op := s.set.Operations[o.Name]; op != nil && op.Record != "" {
			moved := slices.ContainsFunc(s.changes, func(c change) bool { return c.Where == "operations."+o.Name+".at" })
			for _, e := range s.records(o.Name) {
				o.Records++
				if !moved && before[op.Record]([]byte(e.Raw), op.Partial) {
					o.Read++
				}
				if after[op.Record]([]byte(e.Raw), op.Partial) {
					o.Drafted++
				}
			}
		}
		if t := s.times[o.Name]; len(t) > 0 {
			slices.Sort(t)
			o.Typical = t[len(t)/2].Round(time.Millisecond).String()
		}
	}
	return nil
}

// fields lists what the profile that is set does not find, with the place that
// the draft has for it, and what no path names.
func (s *side) fields(out *System) {
	short := s.short()
	skip := func(record string, f wire.FieldInfo) bool { return short[record] && f.Need != wire.Key }
	out.Fields = s.census(s.set).missing(skip)
	for i, f := range out.Fields {
		if have := s.drafted.Paths(f.Record, f.Name); !slices.Equal(have, f.Tried) {
			for _, p := range have {
				if !slices.Contains(f.Tried, p) {
					out.Fields[i].Guess = p
				}
			}
		}
	}
	// A field inside a record that the profile does not find is only known from the draft.
	for _, f := range s.census(s.drafted).missing(skip) {
		if !slices.ContainsFunc(out.Fields, func(x Field) bool { return x.Record == f.Record && x.Name == f.Name }) {
			out.Fields = append(out.Fields, f)
		}
	}
	out.Unknown = s.census(s.drafted).keys()
}

// clocks compares the clocks.
func (s *side) clocks() {
	if len(s.clock) == 0 {
		s.notes = append(s.notes, Finding{"clock", "not known", "no reply says the server's time", Unknown})
		return
	}
	best := s.clock[0]
	for _, d := range s.clock { // the least is the least delayed
		if d.own && !best.own || d.own == best.own && d.ahead.Abs() < best.ahead.Abs() {
			best = d
		}
	}
	says := "agrees with ours"
	if d := best.ahead.Round(time.Second); d.Abs() > 2*time.Second {
		says = d.Abs().String() + map[bool]string{true: " ahead of ours", false: " behind ours"}[d > 0]
	}
	s.notes = append(s.notes, Finding{"clock", says, "by " + best.from + ", to a second or two", Certain})
}

// naive looks at the newest date that has no zone: it can't lie in the future.
func (s *side) naive(now time.Time) {
	const name = "zone of dates"
	var newest time.Time
	zoned, without := false, false
	for _, op := range sorted(s.replies) {
		record := s.set.Operations[op].Record
		field, ok := dated[s.system+" "+record]
		if !ok {
			continue
		}
		for _, e := range s.records(op) {
			for _, p := range s.drafted.Paths(record, field) {
				switch v := find(e, p); shape.KindOf(v) {
				case shape.ZonedTime, shape.Epoch, shape.EpochText:
					zoned = true
				case shape.DateTime:
					without = true
					if t, err := wire.ParseTime(v.Str, time.UTC); err == nil && t.After(newest) {
						newest = t
					}
				}
			}
		}
	}
	say := func(says, how string, sure Sure) { s.notes = append(s.notes, Finding{name, says, how, sure}) }
	_, offset := now.In(s.zone).Zone()
	ahead := newest.Sub(now) // of what a clock in UTC shows
	set := fmt.Sprintf("%s (%+d h now)", s.zone, offset/3600)
	switch {
	case !without && zoned:
		say("they carry it", "every date that was seen says its zone, or is in epoch seconds", Certain)
	case !without:
		say("not known", "no date with a time was seen", Unknown)
	case ahead > time.Duration(offset)*time.Second+10*time.Minute:
		say("not "+set+": further east", "the newest record would lie in the future", Likely)
		s.zoneWrong = true
	case ahead > 10*time.Minute:
		say("east of UTC; "+set+" is possible", "the newest record would lie in the future if dates were in UTC", Likely)
	default:
		say("not known; "+set+" is possible", "the newest record is too old to tell: place an order and probe again at once", Hint)
	}
}

// success says whether replies carry the flag that the profile has.
func (s *side) success() {
	if s.set.Envelope.Status == "" {
		return
	}
	with, without := 0, 0
	for _, op := range sorted(s.replies) {
		for _, r := range s.replies[op] {
			switch {
			case !r.ok():
			case r.env.NoStatus:
				without++
			default:
				with++
			}
		}
	}
	f := Finding{"success flag " + s.set.Envelope.Status, "there", fmt.Sprintf("in %d of %d good replies", with, with+without), Certain}
	if without > 0 {
		f.Says = "not always there: its absence counts as success, with a warning in the log"
	}
	if with+without > 0 {
		s.notes = append(s.notes, f)
	}
}

func (s *side) limits() {
	f := Finding{"rate limit", "none met", fmt.Sprintf("%d requests at the rate that is set", s.rec.requests), Hint}
	if s.rec.limited > 0 {
		f.Says, f.Sure = count(s.rec.limited, "answer asks", "answers ask")+" for fewer requests", Certain
	}
	s.notes = append(s.notes, f)
}
