package fake

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tg360/tg360/internal/fake/shape"
	"github.com/tg360/tg360/internal/wire"
	"github.com/tidwall/gjson"
)

// loadShapes reads the recorded shapes of the profile's reads.
func (s *Server) loadShapes() error {
	if s.config.Shapes == nil {
		return nil
	}
	s.shapes = map[string]*shape.Shape{}
	for _, name := range slices.Sorted(maps.Keys(s.Profile.Operations)) {
		raw, err := fs.ReadFile(s.config.Shapes, shape.FileName(name))
		if errors.Is(err, fs.ErrNotExist) || s.Profile.Operations[name].Writes {
			continue
		}
		var f shape.File
		if err == nil {
			err = json.Unmarshal(raw, &f)
		}
		if err == nil && (f.Reply == nil || f.Operation != name || f.System+"test" != s.config.System) {
			err = fmt.Errorf("it is of operation %q of %q", f.Operation, f.System)
		}
		if err != nil {
			return fmt.Errorf("shapes: %s: %w", shape.FileName(name), err)
		}
		s.shapes[name] = f.Reply
	}
	if len(s.shapes) == 0 {
		return errors.New("shapes: there is no file of any operation, such as " + shape.FileName(slices.Min(slices.Collect(maps.Keys(s.Profile.Operations)))))
	}
	return nil
}

// Replay answers a request with invented values in the recorded shape of its
// operation; nil where there is none. A list has one page of at most three
// records. A record bears what the request asks for by the name of a field, such
// as an id or a SKU, or by that of a setting, and is as full as all that were
// seen together.
func (s *Server) Replay(r *Request, now time.Time) []byte {
	sh := s.shapes[r.Operation]
	if sh == nil {
		return nil
	}
	f := &filler{p: s.Profile, r: r, now: now, asked: map[string]string{}}
	for _, rec := range s.config.Contract.Spec.Records {
		for _, field := range rec.Fields {
			if rec.Name != r.Op.Record {
				continue
			}
			for _, p := range s.Profile.Paths(rec.Name, field.Name) {
				if v := cmp.Or(r.Param(field.Name), s.config.Settings[field.Name]); v != "" {
					f.asked[p] = v
				} else if field.Need == wire.Key && field.Kind == wire.KindID {
					f.keys = append(f.keys, p)
				}
			}
		}
	}
	env := f.p.Envelope
	f.quiet = append(f.quiet, env.Cursor...)
	for _, paths := range [][]string{env.ErrorCode, env.ErrorText, env.Fields} {
		f.quiet = append(f.quiet, paths[:min(1, len(paths))]...) // the others may say something when all is well
	}
	return f.value(nil, sh, "", 0)
}

// filler invents one reply.
type filler struct {
	p     *wire.Profile
	r     *Request
	now   time.Time
	quiet []string          // where a failure or a next page would stand
	asked map[string]string // what the request asks for, by path in the record
	keys  []string          // paths of the record's own id
}

// inRecord begins the paths inside the record, apart from those of the envelope.
const inRecord = "#"

// below is the path of a key.
func below(path, key string) string {
	if path == "" || path == inRecord {
		return path + key
	}
	return path + "." + key
}

// value appends the i-th value of a shape.
func (f *filler) value(dst []byte, s *shape.Shape, path string, i int) []byte {
	kind := pick(s, i)
	inside := path
	if slices.Contains(f.p.ItemPaths(f.r.Op), path) && (kind != shape.Object && kind != shape.PackedObject || !f.r.Op.List) {
		inside = inRecord
	}
	switch kind {
	case shape.Object:
		return f.object(dst, s, inside, i)
	case shape.PackedObject:
		return gjson.AppendJSONString(dst, string(f.object(nil, s, inside, i)))
	case shape.List:
		return append(dst, f.list(s, inside, i)...)
	case shape.PackedList:
		return gjson.AppendJSONString(dst, string(f.list(s, inside, i)))
	case shape.NumberedList:
		var parts []Part
		for n, e := range gjson.ParseBytes(f.list(s, inside, i)).Array() {
			parts = append(parts, Part{strconv.Itoa(n), []byte(e.Raw)})
		}
		return append(dst, Object(parts...)...)
	}
	return append(dst, f.scalar(kind, path, i)...)
}

// pick chooses among the kinds that say something, turn by turn.
func pick(s *shape.Shape, i int) shape.Kind {
	full := slices.DeleteFunc(slices.Clone(s.Kinds), shape.Kind.Nothing)
	switch {
	case len(full) > 0:
		return full[i%len(full)]
	case len(s.Kinds) > 0:
		return s.Kinds[0]
	}
	return shape.Null
}

func (f *filler) object(dst []byte, s *shape.Shape, path string, i int) []byte {
	dst = append(dst, '{')
	for n, k := range s.Keys {
		if n > 0 {
			dst = append(dst, ',')
		}
		dst = append(append(dst, Quote(k.Key)...), ':')
		dst = f.value(dst, k, below(path, k.Key), i)
	}
	return append(dst, '}')
}

// maxRecords bounds the records of a replayed list.
const maxRecords = 3

func (f *filler) list(s *shape.Shape, path string, i int) []byte {
	n := min(s.Most, maxRecords)
	switch {
	case s.Items == nil:
		n = 0
	case path != inRecord:
		path += "[]" // inside, no path of a profile leads further
	case f.pageAfter():
		n = 0
	}
	return List(n, func(dst []byte, e int) []byte { return f.value(dst, s.Items, path, i+e) })
}

// pageAfter reports whether a page after the only one is asked for.
func (f *filler) pageAfter() bool {
	n, err := strconv.Atoi(f.r.Param("page"))
	return err == nil && n > f.p.Paging.FirstPage || f.r.Param("cursor") != ""
}

// scalar invents a value. What the envelope says is fixed, and so are ids and
// what was asked for.
func (f *filler) scalar(k shape.Kind, path string, i int) string {
	inside, record := strings.CutPrefix(path, inRecord)
	switch {
	case !record && slices.Contains(f.quiet, path):
		return "null"
	case !record && path == f.p.Envelope.Status:
		return success[k]
	case !record && slices.Contains(f.p.Envelope.ServerTime, path):
		return string(Quote(f.now.Format(time.RFC3339)))
	case record && slices.Contains(f.keys, inside):
		return spell(k, strconv.Itoa(1001+i))
	case record && f.asked[inside] != "":
		return spell(k, f.asked[inside])
	}
	return invent(k, f.now.Add(-time.Duration(i)*time.Hour), i)
}

// success is the good word of an envelope in each spelling.
var success = map[shape.Kind]string{shape.Bit: `1`, shape.BitText: `"1"`, shape.Boolean: `true`, shape.BoolText: `"true"`,
	shape.Integer: `1`, shape.Digits: `"1"`, shape.AnyText: `"1"`}

// spell writes an id as a number where the site does, and where it is one.
func spell(k shape.Kind, v string) string {
	n, err := strconv.ParseInt(v, 10, 53)
	if (k == shape.Integer || k == shape.Bit || k == shape.Epoch) && err == nil && strconv.FormatInt(n, 10) == v {
		return v
	}
	return string(Quote(v))
}

// invent makes up a value of a kind.
func invent(k shape.Kind, at time.Time, i int) string {
	number := strconv.Itoa(2 + i)
	switch k {
	case shape.ZonedTime:
		return at.Format(`"` + time.RFC3339 + `"`)
	case shape.DateTime:
		return at.Format(`"` + time.DateTime + `"`)
	case shape.Date:
		return at.Format(`"` + time.DateOnly + `"`)
	case shape.OtherDate:
		return at.Format(`"02/01/2006"`)
	case shape.Epoch:
		return strconv.FormatInt(at.Unix(), 10)
	case shape.EpochText:
		return `"` + strconv.FormatInt(at.Unix(), 10) + `"`
	case shape.Decimal:
		return number + ".5"
	case shape.DecimalText:
		return `"` + number + `.50"`
	case shape.CommaText:
		return `"` + number + `,50"`
	case shape.Integer:
		return number
	case shape.Digits:
		return `"` + number + `"`
	case shape.Boolean:
		return "true"
	case shape.Null:
		return "null"
	}
	text, ok := map[shape.Kind]string{shape.BoolText: `"true"`, shape.BitText: `"1"`, shape.Bit: `1`, shape.URL: `"https://shop.example/` + number + `"`,
		shape.TwoLetters: `"IT"`, shape.ThreeLetters: `"EUR"`, shape.ZeroDate: `"0000-00-00"`, shape.NoneWord: `"None"`,
		shape.EmptyList: `[]`, shape.EmptyText: `""`}[k]
	if !ok {
		text = `"invented ` + number + `"`
	}
	return text
}
