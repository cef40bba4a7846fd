package main

import (
	"encoding/json"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/tg360/tg360/syncer"
)

// result is the JSON document of -json.
type result struct {
	Products  productCounts `json:"products"`
	Second    secondCounts  `json:"second_cycle"`
	Update    updateCounts  `json:"update_cycle"`
	Orders    orderCounts   `json:"orders"`
	TotalGest erpCounts     `json:"totalgest"`
	Manual    manualCounts  `json:"manual_export"`
	Rejected  []rejected    `json:"rejected"`
	Warnings  []rejected    `json:"warnings"`
}

type productCounts struct {
	Read      int `json:"read"`
	Created   int `json:"created"`
	Updated   int `json:"updated"`
	Unchanged int `json:"unchanged"`
	Rejected  int `json:"rejected"`
}

// secondCounts are calls to both systems.
type secondCounts struct {
	Reads  int `json:"reads"`
	Writes int `json:"writes"`
}

type updateCounts struct {
	Changed int `json:"changed"`
	Writes  int `json:"writes"`
}

type orderCounts struct {
	Read     int `json:"read"`
	Exported int `json:"exported"`
	Skipped  int `json:"skipped"`
	Blocked  int `json:"blocked"`
	Waiting  int `json:"waiting"`
}

type erpCounts struct {
	Orders     int               `json:"orders"`
	Duplicates int               `json:"duplicates"`
	Gross      map[string]string `json:"gross"` // by currency
}

type manualCounts struct {
	Succeeded int           `json:"succeeded"`
	Failed    int           `json:"failed"`
	Errors    []exportError `json:"errors"`
}

type exportError struct {
	ID     string `json:"id"`
	Reason string `json:"reason"`
}

func (r *result) write(w io.Writer) error {
	if r.Warnings == nil {
		r.Warnings = []rejected{}
	}
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(r)
}

// shown bounds the rows of a list.
const shown = 10

// table prints a list with its status column.
func (d *demo) table(kind syncer.Kind, links []syncer.Link) {
	title := map[syncer.Kind]string{syncer.KindProduct: "products", syncer.KindOrder: "orderlist"}[kind]
	d.out.title(title)
	for _, l := range firstOfEach(links, shown) {
		peer := l.PeerID
		if l.PeerNo != "" {
			peer = l.PeerNo
		}
		why := l.Code
		if l.Reason != "" {
			why += " " + l.Reason.Label(d.out.lang)
		}
		d.out.text(pad(l.ID, 9) + pad(l.Title, 36) + pad(l.State.Label(d.out.lang), 22) + pad(peer, 12) + strings.TrimSpace(why))
	}
	if n := len(links) - shown; n > 0 {
		d.out.line("more", n)
	}
}

// firstOfEach picks n links so that every state that occurs is seen.
func firstOfEach(links []syncer.Link, n int) []syncer.Link {
	seen := map[syncer.State]int{}
	for _, l := range links {
		seen[l.State]++
	}
	room := n
	quota := map[syncer.State]int{}
	for given := true; given && room > 0; {
		given = false
		for _, s := range syncer.States() {
			if quota[s] < seen[s] && room > 0 {
				quota[s]++
				room--
				given = true
			}
		}
	}
	var out []syncer.Link
	for _, l := range links {
		if quota[l.State] > 0 {
			quota[l.State]--
			out = append(out, l)
		}
	}
	return out
}

// pad cuts or fills a text to a column's width.
func pad(s string, width int) string {
	n := utf8.RuneCountInString(s)
	if n >= width {
		return string([]rune(s)[:width-2]) + "… "
	}
	return s + strings.Repeat(" ", width-n)
}
