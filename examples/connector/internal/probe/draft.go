package probe

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/tg360/tg360/internal/fake/shape"
	"github.com/tg360/tg360/internal/wire"
)

// change is one difference of the draft profile: a value at a place of its JSON.
type change struct {
	Change
	keys  []string
	value any
	other any // where the profile is refused with value; nil: nothing
}

// changes are those of one side, in the order in which they were found.
type changes []change

func (c *changes) put(value any, why string, keys ...string) *change {
	to, _ := json.Marshal(value) // texts, numbers, booleans and lists of them
	x := change{Change{strings.Join(keys, "."), string(to), why}, keys, value, nil}
	if i := slices.IndexFunc(*c, func(have change) bool { return have.Where == x.Where }); i >= 0 {
		(*c)[i] = x
		return &(*c)[i]
	}
	*c = append(*c, x)
	return &(*c)[len(*c)-1]
}

// at says where an operation's reply keeps its records.
func (c *changes) at(op, path string) {
	c.put([]string{path}, "the records are there and not where the profile says", "operations", op, "at")
}

// field says where a field is found: there first.
func (c *changes) field(record, field, path string, have []string, why string) {
	rest := slices.DeleteFunc(slices.Clone(have), func(p string) bool { return p == path })
	x := c.put(append([]string{path}, rest...), why, "records", record, field)
	if x.other = have; len(rest) == len(have) { // where it can't be written, it may still be read last
		x.other = append(slices.Clone(rest), path)
	}
}

// learn improves the draft profile by what the records seen so far look like.
func (s *side) learn() error {
	var c *census
	for range maxStray + 1 {
		if err := s.redraft(); err != nil {
			return err
		}
		n := len(s.changes)
		c = s.census(s.drafted)
		taken := map[string]bool{}
		for _, f := range c.missing(func(string, wire.FieldInfo) bool { return false }) {
			info := c.infos[f.Record].Fields
			i := slices.IndexFunc(info, func(x wire.FieldInfo) bool { return x.Name == f.Name })
			if path := c.guess(f.Record, info[i], taken); path != "" {
				s.changes.field(f.Record, f.Name, path, f.Tried, "a guess by its name and kind: check it")
			}
		}
		if len(s.changes) == n {
			break
		}
	}
	s.reorder(c)
	return s.redraft()
}

// reorder has fields of records that are written go where the site has them.
func (s *side) reorder(c *census) {
	for _, name := range sorted(c.infos) {
		for _, f := range c.infos[name].Fields {
			paths, t := s.drafted.Paths(name, f.Name), c.fields[name+"."+f.Name]
			if !s.written(name) || !t.found() || len(paths) < 2 || t.by[paths[0]] > 0 {
				continue
			}
			if _, onTheWay := c.named(name, paths[0], shape.Object); onTheWay { // an object there, a value here: no other place
				continue
			}
			best := slices.MaxFunc(sorted(t.by), func(a, b string) int { return t.by[a] - t.by[b] })
			s.changes.field(name, f.Name, best, paths, "the site has it there, and the first path is the one that is written")
		}
	}
}

// written reports whether a record is sent to the system.
func (s *side) written(record string) bool {
	for _, op := range s.set.Operations {
		if op.Body == record {
			return true
		}
	}
	return false
}

// redraft reads the draft profile anew where it has changed, as far as the
// client accepts it.
func (s *side) redraft() error {
	all := fmt.Sprint(s.changes)
	if all == s.known {
		return nil
	}
	raw, kept := s.compose()
	p, err := wire.LoadProfile(s.contract.Profile, raw, s.contract.Spec)
	if err == nil {
		s.drafted, s.changes, s.known = p, kept, fmt.Sprint(kept)
	}
	return err
}

// compose writes the changes over the profile that is set. A change that the
// client refuses is left out.
func (s *side) compose() (profile []byte, kept changes) {
	profile = s.override
	for _, x := range s.changes {
		profile = merged(profile, x.keys, x.value)
	}
	if s.accepts(profile) == nil { // as nearly always
		return profile, s.changes
	}
	profile = s.override
	for _, x := range s.changes {
		values := []any{x.value}
		if x.other != nil {
			values = append(values, x.other)
		}
		for _, value := range values {
			next := merged(profile, x.keys, value)
			if s.accepts(next) != nil {
				continue
			}
			to, _ := json.Marshal(value)
			x.To = string(to)
			profile, kept = next, append(kept, x)
			break
		}
	}
	return profile, kept
}

// merged sets one value in a profile.
func merged(profile []byte, keys []string, value any) []byte {
	root := map[string]any{}
	if len(profile) > 0 {
		_ = json.Unmarshal(profile, &root) // the client has accepted it before
	}
	at := root
	for _, k := range keys[:len(keys)-1] {
		below, _ := at[k].(map[string]any)
		if below == nil {
			below = map[string]any{}
		}
		at[k] = below
		at = below
	}
	last := keys[len(keys)-1]
	if spec, ok := at[last].(map[string]any); ok && keys[0] == "records" { // the long form of a field
		spec["paths"] = value
	} else {
		at[last] = value
	}
	out, _ := json.MarshalIndent(root, "", "  ") // as above
	return append(out, '\n')
}

// finish composes the two files for a person: the draft, which can be used at
// once, and the same with an empty signature for each write.
func (s *side) finish(out *System) {
	draft, kept := s.compose()
	for _, x := range kept {
		same, _ := json.Marshal(s.set.Paths(x.keys[1], x.keys[len(x.keys)-1])) // a list of texts
		if x.keys[0] != "records" || string(same) != x.To {
			out.Changes = append(out.Changes, x.Change)
		}
	}
	if len(draft) == 0 {
		draft = []byte("{}\n")
	}
	if len(out.Changes) > 0 {
		draft = merged(draft, []string{"name"}, s.set.Name+", drafted by a probe")
	}
	out.draft, out.toSign = draft, draft
	out.Writes = s.set.Unconfirmed("orders.create", "orders.update", "orders/updateStatus", "products/create", "products/update") // all that a sync makes
	for _, name := range out.Writes {
		out.toSign = merged(out.toSign, []string{"operations", name, "confirmed"}, map[string]string{"by": "", "date": "", "evidence": ""})
	}
}

// census looks at all records by a profile.
func (s *side) census(p *wire.Profile) *census {
	c := newCensus(p, s.contract.Spec.Records, s.names)
	for _, op := range sorted(s.replies) {
		for _, e := range s.records(op) {
			c.add(p.Operations[op].Record, e)
		}
	}
	return c
}

// short lists the records that were only seen in lists which may shorten them.
func (s *side) short() map[string]bool {
	full := map[string]bool{}
	for op := range s.replies {
		full[s.set.Operations[op].Record] = full[s.set.Operations[op].Record] || !s.set.Operations[op].Partial && len(s.records(op)) > 0
	}
	out := map[string]bool{}
	for op := range s.replies {
		record := s.set.Operations[op].Record
		out[record] = !full[record]
	}
	return out
}

func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
