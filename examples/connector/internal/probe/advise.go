package probe

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// advise proposes settings. What a person has to decide stays a comment.
func (r *Report) advise(erp, shop *side, c Config) error {
	table := "shop." + c.Shop
	put := func(in, line, reason string) { r.Settings = append(r.Settings, Setting{in, line, reason}) }
	line, reason := rate(cmp.Or(c.TotalGest.Rate, c.Framework360.Rate), cmp.Or(c.TotalGest.Concurrent, c.Framework360.Concurrent, 2), erp, shop)
	put(table, line, reason)
	zone := "zone = " + quote(shop.zone.String())
	zoneReason := "dates without a zone are read in it; see the finding “zone of dates”"
	if shop.zoneWrong || erp.zoneWrong {
		zone, zoneReason = "# "+zone, "the newest record would lie in the future: ask which zone the site's dates are in"
	}
	put(table, zone, zoneReason)
	if err := r.prices(shop, table, put); err != nil {
		return err
	}
	if shop.plugin {
		put(table, "# plugin_is_fine = true", "leave it out and switch the vendor's plugin off: with both, every order is exported twice")
	}
	for _, l := range shop.lists {
		if l.op == "orders/list" && !l.newest {
			put(table, `# order_interval = "30m"`, "orders/list was not seen to be sorted newest first: every look then reads the whole list, so look less often")
		}
	}
	if o := erp.line("stock.list"); o != nil && o.Answer != Allowed {
		put(table, "# interval = \"15m\"", "there is no list of quantities: a quantity that changes alone is seen when all products are read, so ask whether it moves updated_at")
	}
	for i, s := range []*side{erp, shop} {
		if len(r.Systems[i].Changes) > 0 {
			put(table+"."+s.system, "# profile = "+quote(draftName(s.system)), "the draft of the record, once a person has checked it")
		}
	}
	r.words(shop, table, put)
	return nil
}

// rate proposes requests a second.
func rate(set float64, concurrent int, sides ...*side) (line, reason string) {
	if set <= 0 { // none set, or no limit
		set = 2
	}
	limited, slowest := 0, time.Duration(0)
	for _, s := range sides {
		limited += s.rec.limited
		for _, t := range s.times {
			slowest = max(slowest, t[len(t)/2])
		}
	}
	reason = "no answer asked for fewer requests; nothing is documented, so more is a matter of agreement"
	if limited > 0 {
		set /= 2
		reason = "half of what was tried: " + count(limited, "answer", "answers") + " asked for fewer requests"
	}
	if bound := float64(concurrent) / max(slowest.Seconds(), 0.001); limited == 0 && bound < set {
		reason = fmt.Sprintf("the slowest operation typically takes %s: with %d at a time that is the bound, not the rate", slowest.Round(time.Millisecond), concurrent)
	}
	return "rate = " + strconv.FormatFloat(set, 'f', -1, 64), reason
}

// prices says how the orders that were read add up.
func (r *Report) prices(shop *side, table string, put func(in, line, reason string)) error {
	orders, ways, err := shop.money()
	if err != nil {
		return err
	}
	var seen []string
	var best []fit
	for _, w := range ways {
		seen = append(seen, fmt.Sprintf("%s/%s %d", w.prices, w.rows, w.orders))
		if orders > 0 && w.orders == orders {
			best = append(best, w)
		}
	}
	reason := fmt.Sprintf("to be decided by a person; of %s the parts add up as %s", count(orders, "order", "orders"), strings.Join(seen, ", "))
	if orders == 0 {
		reason = "to be decided by a person; no order could be read in full"
	}
	only := func(get func(fit) string) string {
		vs := map[string]bool{}
		for _, w := range best {
			vs[get(w)] = true
		}
		if len(vs) == 1 {
			return sorted(vs)[0]
		}
		return ""
	}
	put(table, "# prices = "+quote(only(func(w fit) string { return w.prices })), reason+" (gross or net)")
	put(table, "# rows = "+quote(only(func(w fit) string { return w.rows })), reason+" (unit or line; orders of single pieces can't tell)")
	return nil
}

// words lists the site's own names that the settings have to give a meaning.
func (r *Report) words(shop *side, table string, put func(in, line, reason string)) {
	for _, l := range []struct{ op, table, meanings string }{
		{"orders/statuses", ".states", "wait, completed, authorised, paid or cancelled"},
		{"payments/list", ".methods", "always (such as cash on delivery), paid, reserved or never"},
	} {
		var seen []string
		for _, e := range shop.records(l.op) {
			w := strings.ToLower(strings.TrimSpace(shop.field("reference", "name", e)))
			if !harmless(w) {
				w = shop.field("reference", "id", e)
			}
			if w == "" || !harmless(w) || slices.Contains(seen, w) {
				continue
			}
			seen = append(seen, w)
			put(table+l.table, "# "+quote(w)+` = ""`, l.meanings)
		}
	}
	for _, w := range append(shop.states, "…") {
		reason := "wait, completed, authorised, paid or cancelled; the shop has no list of payment states, this one was seen"
		if w == "…" {
			reason = "and all others that the back office shows on orders"
		}
		put(table+".payment_states", "# "+quote(w)+` = ""`, reason)
	}
}

// harmless reports whether a name of a site's own list can be shown: no account
// number, no address, nothing long.
func harmless(w string) bool {
	digits := 0
	for _, c := range w {
		switch {
		case unicode.IsDigit(c):
			if digits++; digits > 4 {
				return false
			}
		case c == '@' || !unicode.IsPrint(c):
			return false
		}
	}
	return w != "" && utf8.RuneCountInString(w) <= 60
}

// quote writes a text for TOML, whose escapes are those of JSON.
func quote(s string) string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(s) // a text
	return strings.TrimSpace(b.String())
}
