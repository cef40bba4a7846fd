package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"github.com/tg360/tg360/syncer"
)

// printer writes for people, in their language.
type printer struct {
	w    io.Writer
	lang string
}

// line writes one of the texts.
func (p printer) line(key string, args ...any) { fmt.Fprintln(p.w, say(p.lang, key, args...)) }

// table writes rows under headings, which are keys of texts.
func (p printer) table(headings []string, rows [][]string) {
	if len(rows) == 0 {
		return
	}
	var b strings.Builder
	t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	var head []string
	for _, h := range headings {
		head = append(head, say(p.lang, h))
	}
	fmt.Fprintln(t, strings.Join(head, "\t"))
	for _, r := range rows {
		for i := range r {
			r[i] = oneLine(r[i])
		}
		fmt.Fprintln(t, strings.Join(r, "\t"))
	}
	_ = t.Flush() // into memory
	for line := range strings.Lines(b.String()) {
		fmt.Fprintln(p.w, strings.TrimRight(line, " \n"))
	}
}

// oneLine keeps what other systems say from moving a terminal's cursor.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' || unicode.Is(unicode.Bidi_Control, r) {
			return ' '
		}
		return r
	}, s)
}

// writeJSON writes one JSON document.
func writeJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// moment shows an instant in the clock of whoever looks.
func moment(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Local().Format("2006-01-02 15:04:05")
}

// item is a link in JSON.
type item struct {
	Shop     string           `json:"shop"`
	Kind     syncer.Kind      `json:"kind"`
	ID       string           `json:"id"`
	Title    string           `json:"title,omitempty"`
	SKU      string           `json:"sku,omitempty"`
	State    syncer.State     `json:"state"`
	Label    string           `json:"label"`
	Reason   syncer.Reason    `json:"reason,omitempty"`
	Code     string           `json:"code,omitempty"`
	Message  string           `json:"message,omitempty"`
	Problems []syncer.Problem `json:"problems,omitempty"`
	Warnings []string         `json:"warnings,omitempty"`
	PeerID   string           `json:"peer_id,omitempty"`
	PeerNo   string           `json:"peer_number,omitempty"`
	Attempts int              `json:"attempts,omitempty"`
	DueAt    time.Time        `json:"due_at,omitzero"`
	Created  time.Time        `json:"created,omitzero"`
	SyncedAt time.Time        `json:"synced_at,omitzero"`
}

func newItem(l *syncer.Link, lang string) item {
	return item{Shop: l.Connection, Kind: l.Kind, ID: l.ID, Title: l.Title, SKU: l.SKU, State: l.State, Label: l.State.Label(lang),
		Reason: l.Reason, Code: l.Code, Message: l.Message, Problems: l.Problems, Warnings: l.Warnings,
		PeerID: l.PeerID, PeerNo: l.PeerNo, Attempts: l.Attempts, DueAt: l.DueAt, Created: l.Created, SyncedAt: l.SyncedAt}
}

// explain says why an item stands where it does.
func explain(l *syncer.Link, lang string) string {
	var parts []string
	if l.State == syncer.Blocked && l.Reason != "" {
		parts = append(parts, l.Reason.Label(lang))
	}
	if l.Code != "" {
		parts = append(parts, l.Code)
	}
	if l.Message != "" {
		parts = append(parts, l.Message)
	}
	if l.State == syncer.Retrying && !l.DueAt.IsZero() {
		parts = append(parts, say(lang, "again", moment(l.DueAt)))
	}
	if len(l.Warnings) > 0 {
		parts = append(parts, strings.Join(l.Warnings, " "))
	}
	return strings.Join(parts, ": ")
}
