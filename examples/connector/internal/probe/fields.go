package probe

import (
	"slices"
	"strings"

	"github.com/tg360/tg360/internal/fake/shape"
	"github.com/tg360/tg360/internal/wire"
	"github.com/tidwall/gjson"
)

// census counts what is found in records by the paths of a profile, and what no
// path names.
type census struct {
	infos  map[string]wire.RecordInfo
	p      *wire.Profile
	fields map[string]*tally // by record.field
	strays map[string]*stray // by record and path
	order  []string          // keys of strays as they came
	names  shape.Names
}

// tally counts where a field was found.
type tally struct {
	records int            // that could have it
	by      map[string]int // by path, in records that have it there first
	bad     []shape.Kind   // of what is there and can't be read
}

// found reports whether the field was found and read.
func (t *tally) found() bool { return t != nil && len(t.by) > 0 && len(t.bad) == 0 }

// stray is a place that no path names.
type stray struct {
	record, path string
	kinds        []shape.Kind
	records      bool // it holds a record, or a list of them
	seen         int
}

func newCensus(p *wire.Profile, infos []wire.RecordInfo, names shape.Names) *census {
	c := &census{infos: map[string]wire.RecordInfo{}, p: p, names: names, fields: map[string]*tally{}, strays: map[string]*stray{}}
	for _, i := range infos {
		c.infos[i.Name] = i
	}
	return c
}

// add looks at one record.
func (c *census) add(record string, v gjson.Result) {
	info, ok := c.infos[record]
	if v = wire.Embedded(v); !ok || !v.IsObject() {
		return
	}
	for _, f := range info.Fields {
		c.field(record, f, v)
	}
	c.unnamed(record, "", v)
}

func (c *census) field(record string, f wire.FieldInfo, v gjson.Result) {
	t := c.fields[record+"."+f.Name]
	if t == nil {
		t = &tally{by: map[string]int{}}
		c.fields[record+"."+f.Name] = t
	}
	t.records++
	for _, p := range c.p.Paths(record, f.Name) { // as the decoder: the first that is there decides
		e := find(v, p)
		kind := shape.KindOf(e)
		if _, onTheWay := c.named(record, p, shape.Object); !e.Exists() || kind.Nothing() || onTheWay && (kind == shape.Object || kind == shape.PackedObject) {
			continue
		}
		t.by[p]++
		if !holds(f.Kind, kind) && !slices.Contains(t.bad, kind) {
			t.bad = append(t.bad, kind)
		}
		switch e = wire.Embedded(e); f.Kind {
		case wire.KindObject:
			c.add(f.Record, e)
		case wire.KindList:
			e.ForEach(func(_, x gjson.Result) bool { c.add(f.Record, x); return true })
		}
		return
	}
}

// maxStray bounds how deep a record is searched for places without a name.
const maxStray = 3

// unnamed notes what no candidate path of the record names.
func (c *census) unnamed(record, at string, v gjson.Result) {
	show := c.names.Of(at[strings.LastIndexByte(at, '.')+1:], v)
	v.ForEach(func(k, e gjson.Result) bool {
		key := show(k.Str)
		path := strings.TrimPrefix(at+"."+key, ".")
		e = wire.Embedded(e)
		named, onTheWay := c.named(record, path, shape.KindOf(e))
		deeper := e.IsObject() && shape.KindOf(e) == shape.Object && key != shape.HiddenKey && strings.Count(path, ".") < maxStray-1
		switch {
		case onTheWay && deeper:
			c.unnamed(record, path, e)
		case named, onTheWay && shape.KindOf(e).Nothing():
		default:
			c.stray(record, path, e)
			if deeper {
				c.unnamed(record, path, e)
			}
		}
		return true
	})
}

// named reports whether a path is that of a field, which an object must be able
// to be, and whether it leads to one.
func (c *census) named(record, path string, k shape.Kind) (named, onTheWay bool) {
	for _, f := range c.infos[record].Fields {
		for _, p := range c.p.Paths(record, f.Name) {
			named = named || p == path && (k != shape.Object || holds(f.Kind, k))
			onTheWay = onTheWay || strings.HasPrefix(p, path+".")
		}
	}
	return named, onTheWay
}

func (c *census) stray(record, path string, e gjson.Result) {
	key := record + " " + path
	x := c.strays[key]
	if x == nil {
		x = &stray{record: record, path: path}
		c.strays[key] = x
		c.order = append(c.order, key)
	}
	x.seen++
	kind := shape.KindOf(e)
	if !slices.Contains(x.kinds, kind) {
		x.kinds = append(x.kinds, kind)
	}
	x.records = x.records || kind == shape.Object || (kind == shape.List || kind == shape.NumberedList) && wire.Embedded(firstOf(e)).IsObject()
}

// readable lists the kinds in which each kind of field can be read.
var readable = map[wire.Kind][]shape.Kind{
	wire.KindID: {shape.Digits, shape.Integer, shape.Bit, shape.BitText, shape.Epoch, shape.EpochText, shape.AnyText, shape.TwoLetters,
		shape.ThreeLetters, shape.Decimal, shape.DecimalText, shape.CommaText, shape.Date, shape.OtherDate, shape.BoolText, shape.URL},
	wire.KindBool:    {shape.Boolean, shape.Bit, shape.BitText, shape.BoolText},
	wire.KindDecimal: numbers, wire.KindAmount: numbers,
	wire.KindTime:   {shape.ZonedTime, shape.DateTime, shape.Date, shape.Epoch, shape.EpochText},
	wire.KindTexts:  {shape.List, shape.NumberedList, shape.PackedList},
	wire.KindMap:    {shape.Object, shape.PackedObject},
	wire.KindObject: {shape.Object, shape.PackedObject},
	wire.KindList:   {shape.List, shape.NumberedList, shape.PackedList},
}

var numbers = []shape.Kind{shape.Decimal, shape.DecimalText, shape.CommaText, shape.Integer, shape.Digits, shape.Bit, shape.BitText, shape.Epoch, shape.EpochText}

// holds reports whether a value of that kind can be read as the field.
func holds(field wire.Kind, k shape.Kind) bool {
	if field == wire.KindText {
		return !slices.Contains([]shape.Kind{shape.Object, shape.List, shape.NumberedList}, k)
	}
	return slices.Contains(readable[field], k)
}

// missing lists the fields that were never found, or not in a spelling that can
// be read. A short record is asked for its key alone.
func (c *census) missing(skip func(record string, f wire.FieldInfo) bool) []Field {
	var out []Field
	for _, name := range sorted(c.infos) {
		for _, f := range c.infos[name].Fields {
			t := c.fields[name+"."+f.Name]
			if paths := c.p.Paths(name, f.Name); t == nil || t.records == 0 || t.found() || len(paths) == 0 || skip(name, f) {
				continue
			}
			out = append(out, Field{Record: name, Name: f.Name, Required: f.Need != wire.Optional, Tried: c.p.Paths(name, f.Name), Kinds: t.bad})
		}
	}
	return out
}

// keys lists the places that no path names.
func (c *census) keys() []Key {
	var out []Key
	for _, key := range c.order {
		if x := c.strays[key]; !c.leads(x) {
			out = append(out, Key{Record: x.record, Path: x.path, Kinds: x.kinds, Seen: x.seen})
		}
	}
	return out
}

// leads reports whether other places without a name lie below one.
func (c *census) leads(x *stray) bool {
	return slices.ContainsFunc(c.order, func(k string) bool { return strings.HasPrefix(k, x.record+" "+x.path+".") })
}
