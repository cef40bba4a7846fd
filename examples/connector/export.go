package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/tg360/tg360/syncer"
)

// exportCmd exports selected orders.
type exportCmd struct {
	IDs  []string `arg:"" name:"id" help:"The shop's ids of the orders."`
	Shop string   `placeholder:"SHOP" help:"The shop; may be left out when there is one."`
	JSON bool     `name:"json" help:"One JSON document."`
}

// Help says what a person overrides.
func (*exportCmd) Help() string {
	return "Naming an order overrides the go-live instant and the rules of eligibility, nothing else: sums and data are checked, TotalGest is asked where that is due, and nothing is sent twice. It works beside a running serve."
}

// exportResult is what export prints in JSON.
type exportResult struct {
	Shop      string         `json:"shop"`
	Succeeded int            `json:"succeeded"`
	Already   int            `json:"already"`
	Failed    int            `json:"failed"`
	Orders    []exportedItem `json:"orders"`
}

type exportedItem struct {
	ID       string           `json:"id"`
	Title    string           `json:"title,omitempty"`
	Result   string           `json:"result"` // exported, already or failed
	State    syncer.State     `json:"state,omitempty"`
	Label    string           `json:"label,omitempty"`
	PeerID   string           `json:"totalgest_id,omitempty"`
	PeerNo   string           `json:"totalgest_number,omitempty"`
	Kind     syncer.Reason    `json:"reason,omitempty"`
	Code     string           `json:"code,omitempty"`
	Message  string           `json:"message,omitempty"`
	Problems []syncer.Problem `json:"problems,omitempty"`
}

// Run exports the orders and prints what became of each.
func (c *exportCmd) Run(ctx context.Context, p *program) error {
	x, shop, err := p.openOne(ctx, c.Shop)
	if err != nil {
		return err
	}
	defer x.close()
	r, err := x.engine.Export(ctx, shop, c.IDs...)
	if err != nil {
		return err
	}
	result := exportResult{Shop: shop, Succeeded: r.Succeeded(), Already: r.Already(), Failed: len(r.Failed())}
	for _, i := range r.Items {
		result.Orders = append(result.Orders, exported(i, x.settings.Lang))
	}
	if c.JSON {
		err = writeJSON(p.stdout, result)
	} else {
		result.print(printer{p.stdout, x.settings.Lang})
	}
	if err == nil && result.Failed > 0 {
		err = errFailed
	}
	return err
}

func exported(i syncer.ExportItem, lang string) exportedItem {
	out := exportedItem{ID: i.OrderID, Title: i.Link.Title, Result: "exported", State: i.Link.State, PeerID: i.Link.PeerID, PeerNo: i.Link.PeerNo}
	if i.Link.State != "" {
		out.Label = i.Link.State.Label(lang)
	}
	if i.Already {
		out.Result = "already"
	}
	if i.Err == nil {
		return out
	}
	out.Result, out.Message = "failed", i.Err.Error()
	var e *syncer.ItemError
	if errors.As(i.Err, &e) {
		out.Kind, out.Code, out.Message, out.Problems = e.Reason, e.Code, e.Message, e.Problems
	}
	return out
}

// print shows the sums, what went well, and each failure with its fields.
func (r *exportResult) print(out printer) {
	out.line("export", r.Succeeded, r.Already, r.Failed)
	var rows [][]string
	for _, o := range r.Orders {
		if o.Result != "failed" {
			rows = append(rows, []string{o.ID, o.Title, say(out.lang, "result."+o.Result), peer(o.PeerID, o.PeerNo)})
		}
	}
	if len(rows) > 0 {
		fmt.Fprintln(out.w)
		out.table([]string{"h.order", "h.number", "h.result", "h.peer"}, rows)
	}
	for _, o := range r.Orders {
		if o.Result != "failed" {
			continue
		}
		why := o.Message
		if o.Code != "" {
			why = o.Code + ": " + why
		}
		if o.Kind != "" {
			why = o.Kind.Label(out.lang) + ": " + why
		}
		title := say(out.lang, "export.failed", o.ID)
		if o.Label != "" {
			title += " (" + o.Label + ")"
		}
		fmt.Fprintf(out.w, "\n%s\n  %s\n", title, oneLine(why))
		for _, problem := range o.Problems {
			fmt.Fprintf(out.w, "  - %s\n", oneLine(problem.Field+": "+problem.Message))
		}
	}
}
