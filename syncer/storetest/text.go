package storetest

import (
	"fmt"

	"github.com/tg360/tg360/syncer"
)

// found complains unless each text finds just these ids.
func (r *rig) found(want map[string][]string) error {
	for text, ids := range want {
		if err := r.lists(fmt.Sprintf("text %q", text), syncer.Query{Text: text}, ids...); err != nil {
			return err
		}
	}
	return nil
}

func textIgnoresCase(r *rig) error {
	links := orders("Ord-1", "2", "3", "4", "5", "6", "à7")
	links[1].PeerID, links[2].PeerNo, links[3].SKU = "Peer-Ü", "FT/2026/Ä1", "Ordo-É"
	links[4].Title, links[5].Title, links[6].Title = "Été à Zürich", "ÉTÉ", "Ελλάδα Кофе"
	links[5].EAN, links[5].Code, links[5].Message, links[5].Parts = "ord-1", "ord-1", "ord-1", "ord-1" // not looked at
	if err := r.put(links...); err != nil {
		return err
	}
	return r.found(map[string][]string{
		"ord-1": {"Ord-1"}, "ORD-1": {"Ord-1"}, "Ord-": nil, "rd-1": nil, "À7": {"à7"},
		"peer-ü": {"2"}, "PEER-Ü": {"2"}, "Peer": nil,
		"ft/2026/ä1": {"3"}, "FT/2026/Ä1": {"3"}, "FT/2026/A1": nil, "FT/2026": nil,
		"ORDO-é": {"4"}, "ordo": nil,
		"été": {"5", "6"}, "É": {"5", "6"}, "été à z": {"5"}, "ÉTÉ À ZÜRICH": {"5"}, "été à zürich!": nil, "zürich": nil, "ete": nil,
		"ελλάδα": {"à7"}, "ελλάδα кОФЕ": {"à7"}, "кофе": nil, "6": {"6"}, "e": nil,
	})
}

func textIsNoPattern(r *rig) error {
	titles := []string{"100% Arabica", "100 Arabica", "a_b", "axb", `c\d`, "c%d", `c\\d`, "*", "[ab]", "a'b", "%", "_", `\`, "\\%"}
	links := numbered("", len(titles))
	at := map[string]string{}
	for i, l := range links {
		l.Title = titles[i]
		l.SKU, l.PeerNo = "S"+titles[i], titles[i]+"N"
		at[titles[i]] = l.ID
	}
	if err := r.put(links...); err != nil {
		return err
	}
	ids := func(titles ...string) (out []string) {
		for _, t := range titles {
			out = append(out, at[t])
		}
		return out
	}
	return r.found(map[string][]string{
		"100%": ids("100% Arabica"), "100": ids("100% Arabica", "100 Arabica"), "a_": ids("a_b"), "a_b": ids("a_b"), "axb": ids("axb"),
		`c\`: ids(`c\d`, `c\\d`), `c\d`: ids(`c\d`), `c\\`: ids(`c\\d`), "c%": ids("c%d"), "*": ids("*"), "[": ids("[ab]"), "a'": ids("a'b"),
		"%": ids("%"), "_": ids("_"), `\`: ids(`\`, "\\%"), `\%`: ids("\\%"), "s%": ids("%"), "s_": ids("_"), "sa_b": ids("a_b"),
		"%n": ids("%"), "%%": nil, "__": nil, "?": nil,
	})
}

func codesAndWarnings(r *rig) error {
	links := orders("1", "2", "3", "4", "5", "6", "7")
	links[0].Code = "TG-ORD-001"
	links[1].Warnings = []string{"TG-ORD-001"}
	links[2].Code, links[2].Warnings = "TG-ORD-001", []string{"TG-ORD-002", "TG-ORD-001"}
	links[3].Code, links[3].Warnings = "TG-ORD-0011", []string{"XTG-ORD-001", "tg-ord-001", "TG-ORD-00"}
	links[4].Code, links[4].Warnings = "TG-ORD-002", []string{"a,b", `"q"`, "50%"}
	links[5].Message, links[5].Problems = "TG-ORD-001", []syncer.Problem{{Field: "TG-ORD-001", Message: "TG-ORD-001"}}
	if err := r.put(links...); err != nil {
		return err
	}
	for _, c := range []struct {
		codes []string
		want  []string
	}{
		{[]string{"TG-ORD-001"}, []string{"1", "2", "3"}},
		{[]string{"TG-ORD-002"}, []string{"3", "5"}},
		{[]string{"TG-ORD-002", "TG-ORD-001", "TG-ORD-002"}, []string{"1", "2", "3", "5"}},
		{[]string{"TG-ORD-00"}, []string{"4"}},
		{[]string{"a,b"}, []string{"5"}}, {[]string{"a"}, nil}, {[]string{`"q"`}, []string{"5"}}, {[]string{"q"}, nil},
		{[]string{"TG-ORD-00_"}, nil}, {[]string{"TG-ORD%"}, nil}, {[]string{"50%"}, []string{"5"}}, {[]string{"5"}, nil}, {[]string{"["}, nil},
	} {
		if err := r.lists(fmt.Sprintf("codes %q", c.codes), syncer.Query{Codes: c.codes}, c.want...); err != nil {
			return err
		}
	}
	return nil
}

func countByState(r *rig) error {
	if err := r.put(catalogue()...); err != nil {
		return err
	}
	all := map[syncer.State]int{syncer.Synced: 2, syncer.Blocked: 2, syncer.InDoubt: 1, syncer.Queued: 1}
	for _, q := range []syncer.Query{{}, {Limit: 1}, {After: "3"}, {After: "9", Limit: 2}} {
		if err := r.counts("all", q, all); err != nil {
			return err
		}
	}
	for _, c := range filterCases {
		if c.q.Limit > 0 || c.q.After != "" {
			continue
		}
		links, err := r.list(c.q)
		if err != nil {
			return err
		}
		want := map[syncer.State]int{}
		for _, l := range links {
			want[l.State]++
		}
		if err := r.counts(c.what, c.q, want); err != nil {
			return err
		}
	}
	return r.counts("a state of none", syncer.Query{States: []syncer.State{syncer.Skipped}}, nil)
}
