package framework360test

import (
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"github.com/tg360/tg360/internal/fake"
	"github.com/tg360/tg360/internal/wire"
	"github.com/tidwall/gjson"
)

// shape is what the server knows of a value that it spells: the place of a
// record's fields among the keys of an object.
type shape struct {
	kind   wire.Kind // empty: an object on the way to fields
	keys   []string  // of sub
	sub    map[string]*shape
	flat   bool // as a scalar it is what its key id holds
	needed bool // it is never left out
}

// shapes are those of the records that the server sends.
type shapes struct{ product, order, reference, plugin *shape }

func newShapes(p *wire.Profile, records []wire.RecordInfo) shapes {
	by := map[string]wire.RecordInfo{}
	for _, r := range records {
		by[r.Name] = r
	}
	return shapes{newShape(p, by, "product"), newShape(p, by, "order"), newShape(p, by, "reference"), newShape(p, by, "plugin")}
}

func newShape(p *wire.Profile, records map[string]wire.RecordInfo, record string) *shape {
	root := &shape{}
	for _, f := range records[record].Fields {
		paths := p.Paths(record, f.Name)
		if len(paths) == 0 {
			continue
		}
		parent, n := root, root
		for key := range strings.SplitSeq(paths[0], ".") {
			parent, n = n, n.at(key)
		}
		if f.Kind == wire.KindObject || f.Kind == wire.KindList {
			*n = *newShape(p, records, f.Record)
		}
		n.kind, n.needed = f.Kind, f.Need != wire.Optional
		// An order's state may come as its id alone; with any other object that
		// would lose more than a name.
		if short, isID := strings.CutSuffix(paths[0], ".id"); isID && f.Name == "state_id" && contains(paths[1:], short) {
			parent.flat = true
		}
	}
	return root
}

func contains(list []string, s string) bool {
	for _, e := range list {
		if e == s {
			return true
		}
	}
	return false
}

func (n *shape) at(key string) *shape {
	if n.sub == nil {
		n.sub = map[string]*shape{}
	}
	if n.sub[key] == nil {
		n.sub[key] = &shape{}
		n.keys = append(n.keys, key)
	}
	return n.sub[key]
}

// speak spells a record as PHP might; d nil: as it is.
func (n *shape) speak(raw []byte, d *rand.Rand, zone *time.Location) []byte {
	return n.append(nil, raw, d, zone)
}

func (n *shape) append(dst, raw []byte, d *rand.Rand, zone *time.Location) []byte {
	if d == nil {
		return append(dst, raw...)
	}
	return (&speaker{d, zone}).object(dst, gjson.ParseBytes(raw), n)
}

// speakList spells a list as an object with numeric keys now and then.
func (n *shape) speakList(raw []byte, d *rand.Rand) []byte {
	if d == nil || len(raw) < 3 || d.IntN(5) > 0 {
		return raw
	}
	return numbered(nil, gjson.ParseBytes(raw))
}

func numbered(dst []byte, list gjson.Result) []byte {
	dst = append(dst, '{')
	i := 0
	list.ForEach(func(_, e gjson.Result) bool {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = strconv.AppendInt(append(dst, '"'), int64(i), 10)
		dst = append(append(dst, '"', ':'), e.Raw...)
		i++
		return true
	})
	return append(dst, '}')
}

// speaker spells values by throwing dice.
type speaker struct {
	d    *rand.Rand
	zone *time.Location
}

func (s *speaker) object(dst []byte, v gjson.Result, n *shape) []byte {
	dst = append(dst, '{')
	first := true
	key := func(k string) {
		if !first {
			dst = append(dst, ',')
		}
		first = false
		dst = append(gjson.AppendJSONString(dst, k), ':')
	}
	seen := map[string]bool{}
	v.ForEach(func(k, e gjson.Result) bool {
		seen[k.Str] = true
		key(k.Str)
		dst = s.value(dst, e, n.sub[k.Str])
		return true
	})
	for _, k := range n.keys {
		if sub := n.sub[k]; !seen[k] && !sub.needed && s.d.IntN(4) == 0 {
			key(k)
			dst = s.absent(dst, sub)
		}
	}
	return append(dst, '}')
}

// absent spells what is not there.
func (s *speaker) absent(dst []byte, n *shape) []byte {
	switch {
	case s.d.IntN(2) == 0:
	case n.kind == wire.KindObject || n.kind == wire.KindMap || n.kind == "":
		return append(dst, "[]"...)
	case n.kind != wire.KindList && n.kind != wire.KindTexts:
		return append(dst, `""`...)
	}
	return append(dst, "null"...)
}

func (s *speaker) value(dst []byte, v gjson.Result, n *shape) []byte {
	if n == nil || v.Type == gjson.Null {
		return append(dst, v.Raw...)
	}
	switch n.kind {
	case wire.KindID:
		return s.id(dst, v)
	case wire.KindBool:
		return s.boolean(dst, v)
	case wire.KindDecimal, wire.KindAmount:
		return s.number(dst, v)
	case wire.KindTime:
		return s.time(dst, v)
	case wire.KindTexts, wire.KindList:
		return s.list(dst, v, n)
	case wire.KindObject:
		o := s.object(nil, v, n)
		if s.d.IntN(5) == 0 { // a JSON text inside JSON
			return gjson.AppendJSONString(dst, string(o))
		}
		return append(dst, o...)
	case wire.KindMap:
		if v.Raw == "{}" {
			return append(dst, "[]"...)
		}
	case "":
		if id := v.Get("id"); n.flat && id.Exists() && s.d.IntN(2) == 0 {
			return s.id(dst, id)
		}
		return s.object(dst, v, n)
	}
	return append(dst, v.Raw...)
}

func (s *speaker) list(dst []byte, v gjson.Result, n *shape) []byte {
	out := []byte{'['}
	v.ForEach(func(_, e gjson.Result) bool {
		if len(out) > 1 {
			out = append(out, ',')
		}
		if n.kind == wire.KindList {
			out = s.object(out, e, n)
		} else {
			out = append(out, e.Raw...)
		}
		return true
	})
	out = append(out, ']')
	if len(out) > 2 && s.d.IntN(5) == 0 {
		return numbered(dst, gjson.ParseBytes(out))
	}
	return append(dst, out...)
}

// id is a number now and then, where that keeps its spelling.
func (s *speaker) id(dst []byte, v gjson.Result) []byte {
	t := v.String()
	n, err := strconv.ParseInt(t, 10, 53)
	if err == nil && n >= 0 && strconv.FormatInt(n, 10) == t && s.d.IntN(2) == 0 {
		return append(dst, t...)
	}
	return gjson.AppendJSONString(dst, t)
}

func (s *speaker) boolean(dst []byte, v gjson.Result) []byte {
	spellings := []string{`false`, `0`, `"0"`, `"false"`}
	if v.Bool() {
		spellings = []string{`true`, `1`, `"1"`, `"true"`}
	}
	return append(dst, spellings[s.d.IntN(len(spellings))]...)
}

// number is a text with its decimals, or a number without idle zeros.
func (s *speaker) number(dst []byte, v gjson.Result) []byte {
	t := v.Raw
	if v.Type == gjson.String {
		t = v.Str
	}
	if s.d.IntN(2) == 0 {
		return append(append(append(dst, '"'), t...), '"')
	}
	if strings.Contains(t, ".") {
		t = strings.TrimSuffix(strings.TrimRight(t, "0"), ".")
	}
	return append(dst, t...)
}

// time is a date in one of the spellings that say the same instant.
func (s *speaker) time(dst []byte, v gjson.Result) []byte {
	at, err := wire.ParseTime(v.String(), s.zone)
	if err != nil {
		return append(dst, v.Raw...)
	}
	epoch := strconv.FormatInt(at.Unix(), 10)
	local := at.In(s.zone).Format(time.DateTime)
	spellings := []string{epoch, `"` + epoch + `"`, `"` + at.UTC().Format(time.RFC3339) + `"`, `"` + at.In(s.zone).Format(time.RFC3339) + `"`}
	if back, err := wire.ParseTime(local, s.zone); err == nil && back.Equal(at) { // not in the hour that comes twice
		spellings = append(spellings, string(fake.Quote(local)))
	}
	if midnight := strings.CutSuffix; strings.HasSuffix(local, " 00:00:00") {
		day, _ := midnight(local, " 00:00:00")
		spellings = append(spellings, string(fake.Quote(day)))
	}
	return append(dst, spellings[s.d.IntN(len(spellings))]...)
}
