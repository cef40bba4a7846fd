package wire

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
)

var (
	grades      = []string{string(Documented), string(Observed), string(Inferred), string(Assumed)}
	authKinds   = []string{"basic", "bearer", "headers"}
	pagingKinds = []string{"cursor", "page", "none"}
	encodings   = []string{"json", "form"}
	verbs       = []string{"GET", "POST", "PUT", "PATCH", "DELETE"}
)

// faults gathers everything that is wrong with a profile.
type faults []error

func (f *faults) add(format string, args ...any) { *f = append(*f, fmt.Errorf(format, args...)) }

// oneOf complains unless v is among allowed.
func (f *faults) oneOf(what, v string, allowed []string) {
	if !slices.Contains(allowed, v) {
		f.add("%s: %q is not known; use one of %s", what, v, strings.Join(allowed, ", "))
	}
}

func (f *faults) paths(what string, paths []string) {
	for _, p := range paths {
		if slices.Contains(strings.Split(p, "."), "") {
			f.add("%s: %q is not a path: write keys parted by single points, such as totals.gross", what, p)
		}
	}
}

// validate checks a profile, and that it lifts no guard of the default one.
func (p *Profile) validate(spec Spec, def *Profile) error {
	var f faults
	f.oneOf("auth.kind", p.Auth.Kind, authKinds)
	f.oneOf("paging.kind", p.Paging.Kind, pagingKinds)
	f.oneOf("write.numbers", p.Write.Numbers, []string{"number", "string"})
	f.oneOf("write.dates", p.Write.Dates, []string{"rfc3339", "datetime", "date", "epoch"})
	f.oneOf("write.booleans", p.Write.Booleans, []string{"bool", "int"})
	f.oneOf("update", p.Update, []string{"patch", "full"})
	if p.Paging.Size < 1 || p.Paging.MaxPages < 1 {
		f.add("paging: size and max_pages must be at least 1")
	}
	if len(p.Envelope.Data) == 0 {
		f.add("envelope.data: name at least one path")
	}
	if p.Envelope.Status != "" {
		f.paths("envelope.status", []string{p.Envelope.Status})
	}
	f.paths("envelope", slices.Concat(p.Envelope.Data, p.Envelope.ErrorCode, p.Envelope.ErrorText,
		p.Envelope.Fields, p.Envelope.Cursor, p.Envelope.ServerTime))
	f.templates("base", p.Base, spec.Settings)
	f.templates("auth.user", p.Auth.User, spec.Settings)
	f.templates("auth.secret", p.Auth.Secret, spec.Settings)
	if p.Auth.Kind != "headers" && p.Auth.Secret == "" || p.Auth.Kind == "basic" && p.Auth.User == "" {
		f.add("auth: %s needs a secret, and basic a user: name the settings, such as {password}", p.Auth.Kind)
	}
	for _, h := range slices.Sorted(maps.Keys(p.Auth.Headers)) {
		f.templates("auth.headers."+h, p.Auth.Headers[h], spec.Settings)
	}
	for _, a := range slices.Sorted(maps.Keys(p.Abilities)) {
		f.oneOf("abilities", a, spec.Abilities)
	}
	for _, name := range slices.Sorted(maps.Keys(p.Operations)) {
		f.operation(name, p.Operations[name], spec)
		f.guard("operation "+name, p.Operations[name], def.Operations[name])
	}
	f.records(p.Records, spec.Records)
	return errors.Join(f...)
}

func (f *faults) templates(what, t string, allowed []string) {
	if !f.braces(what, t) {
		return
	}
	for _, n := range templateNames(t) {
		f.oneOf(what, n, allowed)
	}
}

var paired = regexp.MustCompile(`^([^{}]|\{[^{}]*\})*$`)

// braces complains about a brace that has no partner. It does not show the
// template: somebody may have put a secret there.
func (f *faults) braces(what, t string) bool {
	ok := paired.MatchString(t)
	if !ok {
		f.add("%s: a brace has no partner; write {name}", what)
	}
	return ok
}

func (f *faults) operation(name string, op *Operation, spec Spec) {
	what := "operation " + name
	f.oneOf("operation", name, spec.Operations)
	f.oneOf(what+": verb", op.Verb, verbs)
	if op.Encoding != "" {
		f.oneOf(what+": encoding", op.Encoding, encodings)
	}
	f.oneOf(what+": grade", string(op.Grade), grades)
	f.paths(what+": at", op.At)
	f.place(what, op)
	params := slices.Sorted(maps.Keys(op.Params))
	for _, r := range op.Required {
		if !slices.Contains(params, r) && !slices.Contains(templateNames(op.Path), r) {
			f.add("%s: required parameter %q is neither in params nor in the path", what, r)
		}
	}
	for _, rec := range []string{op.Body, op.Record} {
		if rec != "" && !slices.ContainsFunc(spec.Records, func(r RecordInfo) bool { return r.Name == rec }) {
			f.add("%s: record %q is not known", what, rec)
		}
	}
	if op.Verb == "GET" && (op.Body != "" || op.Encoding == "form") {
		f.add("%s: a GET sends no body", what)
	}
	if op.Confirm != nil {
		f.confirmation(what, op.Confirm)
	}
}

// guard keeps a profile from lifting by a side door what keeps orders from being
// doubled: a write stays one, a write that may not be repeated stays so, and the
// grade of an assumed write is only answered for by a confirmation.
func (f *faults) guard(what string, op, def *Operation) {
	if def == nil {
		def = &Operation{Writes: op.Verb != "GET", Grade: Assumed}
	}
	if def.Writes && !op.Writes {
		f.add("%s: write can't be switched off: it changes something there", what)
	}
	if op.Writes && op.Repeat && !def.Repeat {
		f.add("%s: repeatable can't be switched on: doing it twice may make two", what)
	}
	if def.Writes && def.Grade == Assumed && op.Grade != Assumed {
		f.add("%s: grade of an assumed write can't be changed; add confirmed {by, date, evidence}", what)
	}
	known := def.TemplateNames()
	for _, n := range op.TemplateNames() {
		if !slices.Contains(op.Required, n) && !slices.Contains(known, n) {
			f.add("%s: {%s} is no parameter that every call has; settings belong into base or auth.headers", what, n)
		}
	}
}

// place checks where an operation is and the headers that it sends.
func (f *faults) place(what string, op *Operation) {
	if op.Path == "" || strings.HasPrefix(op.Path, "/") || strings.Contains(op.Path, "..") || strings.ContainsAny(op.Path, "?#:") {
		f.add("%s: path %q must be relative and plain, such as orders/list", what, op.Path)
	}
	f.braces(what+": path", op.Path)
	for _, h := range slices.Sorted(maps.Keys(op.Headers)) {
		f.braces(what+": headers."+h, op.Headers[h])
	}
}

func (f *faults) confirmation(what string, c *Confirmation) {
	if c.By == "" || c.Evidence == "" {
		f.add("%s: confirmed needs by and evidence", what)
	}
	if _, err := time.Parse(time.DateOnly, c.Date); err != nil {
		f.add("%s: confirmed.date %q is not a date (YYYY-MM-DD)", what, c.Date)
	}
}

// records checks that a profile and the schemas name the same records and fields.
func (f *faults) records(have Records, known []RecordInfo) {
	for _, name := range slices.Sorted(maps.Keys(have)) {
		i := slices.IndexFunc(known, func(r RecordInfo) bool { return r.Name == name })
		if i < 0 {
			f.add("record %q is not known", name)
			continue
		}
		for _, field := range slices.Sorted(maps.Keys(have[name])) {
			spec := have[name][field]
			what := "field " + name + "." + field
			if !slices.ContainsFunc(known[i].Fields, func(fi FieldInfo) bool { return fi.Name == field }) {
				f.add("%s is not known", what)
				continue
			}
			f.paths(what, spec.Paths)
			f.oneOf(what+": grade", string(spec.Grade), grades)
		}
	}
	for _, r := range known {
		for _, fi := range r.Fields {
			if spec := have[r.Name][fi.Name]; spec == nil || (len(spec.Paths) == 0 && fi.Need != Optional) {
				f.add("field %s.%s needs at least one path", r.Name, fi.Name)
			}
		}
	}
}
