package probe

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/tg360/tg360/internal/fake/shape"
)

// Write writes the report for people: headings and verdicts in the language, the
// details in English. An unknown language is English.
func (r *Report) Write(w io.Writer, lang string) error {
	p := &page{lang: lang}
	p.line(say(lang, "title"), r.Shop, r.At.Format(time.DateTime+" MST"))
	p.heading("verdict")
	for _, v := range r.Verdicts {
		p.line("  %s: %s", v.System, sentence(lang, v.Code, v.Args...))
	}
	for i := range r.Systems {
		p.system(&r.Systems[i])
	}
	p.heading("settings")
	table := ""
	for _, s := range r.Settings {
		if s.Table != table {
			table = s.Table
			p.line("  [%s]", table)
		}
		p.line("  %s", s.Line)
		p.line("      %s", s.Reason)
	}
	if len(r.Files) > 0 {
		p.heading("files")
		for _, f := range r.Files {
			p.line("  %s", f)
		}
	}
	_, err := io.WriteString(w, p.String())
	return err
}

// page is a text while it is written.
type page struct {
	strings.Builder
	lang string
}

func (p *page) line(format string, args ...any) { fmt.Fprintf(p, format+"\n", args...) }

func (p *page) heading(key string) { p.line("\n%s", say(p.lang, key)) }

func (p *page) system(s *System) {
	p.line("\n== %s (%s)", s.Name, s.Profile)
	p.heading("abilities")
	t := tabwriter.NewWriter(p, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "  "+strings.ReplaceAll(say(p.lang, "columns"), "|", "\t"))
	for _, o := range s.Operations {
		remark := o.Reason
		if o.Permission != "" {
			remark = "permission " + o.Permission
		}
		name := o.Name
		if o.Needed {
			name += " *"
		}
		counts := "\t\t"
		if o.Records > 0 {
			counts = fmt.Sprintf("%d\t%d\t%d", o.Records, o.Read, o.Drafted)
		}
		fmt.Fprintf(t, "  %s\t%s\t%s\t%s\t%s\t%s\n", name, o.Grade, o.Answer, counts, o.Typical, remark)
	}
	_ = t.Flush() // into memory
	if len(s.Fields) > 0 {
		p.heading("fields")
	}
	for _, f := range s.Fields {
		p.line("  %s.%s%s: %s", f.Record, f.Name, map[bool]string{true: " (required)"}[f.Required], fieldText(f))
	}
	if len(s.Unknown) > 0 {
		p.heading("unknown")
	}
	for _, k := range s.Unknown {
		p.line("  %s: %s (%s, %s)", k.Record, k.Path, kinds(k.Kinds), count(k.Seen, "time", "times"))
	}
	p.heading("measured")
	for _, f := range s.Findings {
		p.line("  %s: %s\n      %s; %s", f.Name, f.Says, f.Sure, f.How)
	}
	if len(s.Changes) > 0 {
		p.heading("changes")
	}
	for _, c := range s.Changes {
		p.line("  %s = %s\n      %s", c.Where, c.To, c.Why)
	}
	if len(s.Writes) > 0 {
		p.heading("writes")
		p.line("  %s", strings.Join(s.Writes, ", "))
	}
}

func fieldText(f Field) string {
	out := "not found"
	if len(f.Kinds) > 0 {
		out = "can't be read from " + kinds(f.Kinds)
	}
	out += " (tried " + strings.Join(f.Tried, ", ") + ")"
	if f.Guess != "" {
		out += "; perhaps " + f.Guess
	}
	return out
}

func kinds(list []shape.Kind) string {
	var out []string
	for _, k := range list {
		out = append(out, string(k))
	}
	return strings.Join(out, " or ")
}
