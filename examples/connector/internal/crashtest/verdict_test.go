//go:build linux

package crashtest_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// verdict is what became of the orders.
type verdict struct {
	orders, lost, doubled, stuck, other int
	details                             []string
}

func (v *verdict) complain(count *int, format string, args ...any) {
	if *count++; len(v.details) < 20 {
		v.details = append(v.details, fmt.Sprintf(format, args...))
	}
}

func (v *verdict) clean() bool { return v.lost+v.doubled+v.stuck+v.other == 0 }

func (v *verdict) String() string {
	text := fmt.Sprintf("%d orders, %d doubled, %d lost, %d stuck, %d otherwise wrong", v.orders, v.doubled, v.lost, v.stuck, v.other)
	if len(v.details) > 0 {
		text += "\n" + strings.Join(v.details, "\n")
	}
	return text
}

// judge holds TotalGest's ledger against the orders that were placed.
func (r *rig) judge() *verdict {
	v := &verdict{}
	for _, s := range r.shops {
		ledger := s.ledger()
		placed := s.placements()
		for _, id := range slices.Sorted(maps.Keys(placed)) {
			p, have := placed[id], ledger[id]
			v.orders++
			switch {
			case p.paid.IsZero() && len(have) > 0:
				v.complain(&v.other, "%s %s: exported without having been paid", s.id, id)
			case p.paid.IsZero():
			case len(have) == 0:
				v.complain(&v.lost, "%s %s: lost; paid at %s", s.id, id, p.paid.Format(clock))
			case len(have) > 1:
				v.complain(&v.doubled, "%s %s: %d times: %s at %s, %s at %s", s.id, id, len(have),
					have[0].Ref.ID, have[0].At.Format(clock), have[1].Ref.ID, have[1].At.Format(clock))
			case !have[0].Order.Gross.Or(p.gross.Neg()).Equal(p.gross):
				v.complain(&v.other, "%s %s: arrived with another total", s.id, id)
			}
		}
		for id := range ledger {
			if _, ok := placed[id]; !ok {
				v.complain(&v.other, "%s: an order that nobody placed", id)
			}
		}
		for _, u := range append(s.erp.Unexpected(), s.web.Unexpected()...) {
			v.complain(&v.other, "%s: unexpected request: %s", s.id, u)
		}
	}
	return v
}

const clock = "15:04:05.000"

// link is an order as `connector status` shows it.
type link struct {
	ID     string `json:"id"`
	State  string `json:"state"`
	Reason string `json:"reason"`
	Code   string `json:"code"`
	Peer   string `json:"peer_id"`
}

// links asks the connector for its orders.
func (r *rig) links(s *shop) (map[string]link, error) {
	res := r.run("status", "orders", "-shop", s.id, "-json")
	if res.code != 0 {
		return nil, fmt.Errorf("connector status: %s", res)
	}
	var list struct {
		Items []link `json:"items"`
	}
	if err := json.Unmarshal([]byte(res.out), &list); err != nil {
		return nil, fmt.Errorf("connector status: %w: %s", err, shorten(res.out))
	}
	out := make(map[string]link, len(list.Items))
	for _, l := range list.Items {
		out[l.ID] = l
	}
	return out, nil
}

// agree adds to a verdict where the connector's status is not what the ledger
// says: every order synced, under TotalGest's own id.
func (r *rig) agree(v *verdict) {
	for _, s := range r.shops {
		links, err := r.links(s)
		if err != nil {
			v.complain(&v.other, "%v", err)
			return
		}
		ledger := s.ledger()
		placed := s.placements()
		for _, id := range slices.Sorted(maps.Keys(placed)) {
			if placed[id].paid.IsZero() {
				continue
			}
			l, ok := links[id]
			switch have := ledger[id]; {
			case !ok:
				v.complain(&v.stuck, "%s %s: the connector does not know it", s.id, id)
			case l.State != "synced":
				v.complain(&v.stuck, "%s %s: %s %s %s", s.id, id, l.State, l.Reason, l.Code)
			case len(have) == 0 || l.Peer != have[0].Ref.ID:
				v.complain(&v.other, "%s %s: synced as %q, which is not its id in TotalGest", s.id, id, l.Peer)
			}
		}
	}
}

// help counts what a person did, by state and code.
type help map[string]int

// settled waits until every order is in TotalGest and the connector says so. A
// person helps where only a person may: with orders that a fault refused, and
// with those whose payment no event could tell of.
func (r *rig) settled(limit time.Duration) (*verdict, help) {
	r.t.Helper()
	helped, times := help{}, map[string]int{}
	for end := time.Now().Add(limit); ; r.pause(time.Second) {
		v := r.judge()
		if v.lost == 0 {
			r.agree(v)
		}
		if v.clean() || v.doubled > 0 || time.Now().After(end) {
			return v, helped
		}
		for _, s := range r.shops {
			r.help(s, helped, times)
		}
	}
}

func (r *rig) help(s *shop, helped help, times map[string]int) {
	r.t.Helper()
	links, err := r.links(s)
	if err != nil {
		r.t.Log(err)
		return
	}
	placed := s.placements()
	var ids []string
	for _, id := range slices.Sorted(maps.Keys(links)) {
		l := links[id]
		if !needsHelp(l, placed[id]) || times[s.id+id] == 3 {
			continue
		}
		times[s.id+id]++
		helped[strings.TrimSpace(l.State+" "+l.Code)]++
		if l.State == "conflict" { // saved once more in the shop, which has it looked at again
			s.tell(r.t.Context(), r.address, id)
		} else {
			ids = append(ids, id)
		}
	}
	if len(ids) == 0 {
		return
	}
	if res := r.run(append([]string{"retry", "-shop", s.id, "orders"}, ids...)...); res.code != 0 && res.code != 1 { // 1: some are beyond it by now
		r.t.Errorf("connector retry: %s", res)
	}
}

// needsHelp tells what a person is for from what the connector owes.
func needsHelp(l link, p placement) bool {
	switch {
	case p.paid.IsZero():
		return false
	case l.State == "blocked": // a fault said no, or that there is no such order
		return slices.Contains([]string{"TG-ORD-010", "TG-ORD-011", "TG-ORD-012"}, l.Code)
	case l.State == "conflict": // a fault said that an exported order is gone
		return l.Code == "TG-ORD-020"
	}
	return l.State == "not_linked" && !p.told // it is looked at every five minutes
}
