package probe

import (
	"fmt"
	"strings"
)

// The codes of verdicts.
const (
	ready       = "ready"
	unreachable = "unreachable"
	mismatch    = "mismatch"
	refused     = "refused"
	absent      = "absent"
	unreadable  = "unreadable"
	unseen      = "unseen"
	drafted     = "drafted"
	plugin      = "plugin"
	searchless  = "search"
	unsigned    = "unsigned"
)

// judge sums up what keeps the two systems from being in step.
func (r *Report) judge(sides ...*side) error {
	for i, s := range sides {
		out := &r.Systems[i]
		say := func(code string, args ...any) { r.Verdicts = append(r.Verdicts, verdict(out.Name, code, args...)) }
		bad := len(r.Verdicts)
		if s.broken != "" {
			say(s.broken)
		}
		if s.broken == unreachable {
			continue
		}
		var permissions, gone, odd, cured, none []string
		for _, o := range out.Operations {
			switch {
			case !o.Needed:
			case o.Answer == Refused:
				permissions = append(permissions, o.Permission)
			case o.Answer == Absent || o.Answer == Inactive || o.Answer == Failed:
				gone = append(gone, o.Name)
			case o.Records == 0 && o.Name != "orders.find" && (o.Answer == Untried || s.set.Operations[o.Name].Record != ""):
				none = append(none, o.Name)
			case o.Records > o.Read && o.Records == o.Drafted:
				cured = append(cured, o.Name)
			case o.Records > o.Read:
				odd = append(odd, o.Name)
			}
		}
		for _, v := range []struct {
			code string
			list []string
		}{{refused, permissions}, {absent, gone}, {unreadable, odd}, {drafted, cured}, {unseen, none}} {
			if len(v.list) > 0 {
				say(v.code, strings.Join(v.list, ", "))
			}
		}
		if s.plugin {
			say(plugin)
		}
		for _, c := range out.Changes {
			if c.Where == "abilities.search" {
				say(searchless)
			}
		}
		if len(r.Verdicts) == bad {
			say(ready)
		}
		if len(out.Writes) > 0 {
			say(unsigned, strings.Join(out.Writes, ", "))
		}
	}
	r.Ready = true
	for _, v := range r.Verdicts {
		r.Ready = r.Ready && (v.Code == ready || v.Code == unsigned)
	}
	return nil
}

func verdict(system, code string, args ...any) Verdict {
	return Verdict{System: system, Code: code, Args: args, Text: sentence("en", code, args...)}
}

// sentence is a verdict in a language.
func sentence(lang, code string, args ...any) string {
	return fmt.Sprintf(say(lang, code), args...)
}
