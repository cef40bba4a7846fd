package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/tg360/tg360/syncer"
)

// planCmd says what a sync of the catalogue would do.
type planCmd struct {
	Shop string `arg:"" optional:"" help:"The shop; may be left out when there is one."`
	Out  string `placeholder:"FILE" help:"Write the plan to a file, for apply."`
	JSON bool   `name:"json" help:"JSON, an object a line; the last one is the sum."`
}

// planEnd is the last line of a plan.
type planEnd struct {
	Shop    string             `json:"shop"`
	Made    time.Time          `json:"made"`
	Seconds float64            `json:"seconds,omitempty"` // predicted for the writes; 0: there is no limit to reckon with
	Summary syncer.PlanSummary `json:"summary"`
}

// Run plans, and writes nothing to the shop.
func (c *planCmd) Run(ctx context.Context, p *program) error {
	x, shop, err := p.openOne(ctx, c.Shop)
	if err != nil {
		return err
	}
	defer x.close()
	out, file := printer{p.stdout, x.settings.Lang}, io.Discard
	if c.Out != "" {
		f, err := os.OpenFile(c.Out, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
		if err != nil {
			return err
		}
		defer f.Close()
		file = f
	}
	lines := bufio.NewWriter(file)
	enc := json.NewEncoder(lines)
	screen := json.NewEncoder(p.stdout)
	sum, err := x.engine.Plan(ctx, shop, func(i syncer.PlanItem) error {
		if c.JSON {
			return errors.Join(enc.Encode(i), screen.Encode(i))
		}
		showItem(out, i)
		return enc.Encode(i)
	})
	if err != nil {
		return err
	}
	end := planEnd{Shop: shop, Made: time.Now().UTC(), Summary: sum}
	if rate := x.shops[0].Rate; rate > 0 {
		end.Seconds = float64(sum.Writes) / rate
	}
	if err := errors.Join(enc.Encode(end), lines.Flush()); err != nil {
		return fmt.Errorf("write the plan: %w", err)
	}
	if c.JSON {
		return screen.Encode(end)
	}
	showSum(out, end)
	return nil
}

// showItem writes one product of a plan.
func showItem(out printer, i syncer.PlanItem) {
	var fields []string
	for _, f := range i.Fields {
		text := f.Field
		if f.Old != "" || f.New != "" {
			text += " " + f.Old + " → " + f.New
		}
		fields = append(fields, text)
	}
	why := strings.Join(fields, ", ")
	if i.Code != "" {
		why = i.Code + ": " + i.Message
	}
	fmt.Fprintf(out.w, "%-12s %s  %s  %s\n", say(out.lang, "plan."+i.Action), oneLine(i.SKU), oneLine(i.Title), oneLine(why))
}

// showSum writes what a plan comes to.
func showSum(out printer, end planEnd) {
	fmt.Fprintln(out.w)
	for _, a := range []string{syncer.PlanCreate, syncer.PlanLink, syncer.PlanUpdate, syncer.PlanHide, syncer.PlanZero, syncer.PlanReview, syncer.PlanUnchanged} {
		fmt.Fprintf(out.w, "%8d  %s\n", end.Summary.Actions[a], say(out.lang, "plan."+a))
	}
	out.line("plan.sum", end.Summary.Writes, (time.Duration(end.Seconds * float64(time.Second))).Round(time.Second))
	for _, b := range end.Summary.Brakes {
		fmt.Fprintln(out.w, b)
	}
}

// applyCmd does what a plan says.
type applyCmd struct {
	File string `arg:"" type:"existingfile" help:"The plan, as plan --out wrote it."`
}

// Run plans once more, and syncs when nothing has changed since.
func (c *applyCmd) Run(ctx context.Context, p *program) error {
	planned, end, err := readPlan(c.File)
	if err != nil {
		return usageError{err}
	}
	x, shop, err := p.openOne(ctx, end.Shop)
	if err != nil {
		return err
	}
	defer x.close()
	out := printer{p.stdout, x.settings.Lang}
	changed := 0
	tell := func(i syncer.PlanItem) {
		changed++
		showItem(out, i)
	}
	sum, err := x.engine.Plan(ctx, shop, func(i syncer.PlanItem) error {
		if was, ok := planned[i.ID]; !ok || was != line(i) {
			tell(i)
		}
		delete(planned, i.ID)
		return nil
	})
	if err != nil {
		return err
	}
	if sum.Digest != end.Summary.Digest {
		out.line("apply.changed", changed, len(planned), moment(end.Made))
		return errFailed
	}
	// Whoever applies a plan has seen what would vanish.
	if err := x.engine.ReleaseBrake(ctx, shop); err != nil {
		return err
	}
	run, err := x.engine.SyncProducts(ctx, shop)
	out.line("apply.done", run.Created, run.Linked, run.Updated, run.Rejected, run.Failed)
	if err != nil {
		return err
	}
	if run.Failed > 0 {
		return errFailed
	}
	return nil
}

// line is an item as it stands in a plan.
func line(i syncer.PlanItem) string {
	b, _ := json.Marshal(i) // texts only
	return string(b)
}

// readPlan reads what plan wrote: its items by id, and its end.
func readPlan(name string) (map[string]string, planEnd, error) {
	var end planEnd
	f, err := os.Open(name)
	if err != nil {
		return nil, end, err
	}
	defer f.Close()
	items := map[string]string{}
	dec := json.NewDecoder(f)
	for {
		var raw json.RawMessage
		switch err := dec.Decode(&raw); {
		case errors.Is(err, io.EOF) && end.Shop != "":
			return items, end, nil
		case err != nil || end.Shop != "":
			return nil, end, fmt.Errorf("%s is no whole plan: make it anew with plan --out", name)
		}
		var i syncer.PlanItem
		if err := json.Unmarshal(raw, &i); err == nil && i.Action != "" {
			items[i.ID] = line(i)
			continue
		}
		if err := json.Unmarshal(raw, &end); err != nil || end.Shop == "" {
			return nil, end, fmt.Errorf("%s is no plan: it must be one that plan --out wrote", name)
		}
	}
}

// auditCmd compares the shop with what was written.
type auditCmd struct {
	Shops []string `arg:"" optional:"" name:"shop" help:"Shops; none: all."`
	JSON  bool     `name:"json" help:"One JSON document."`
}

// Run audits the shops one after the other.
func (c *auditCmd) Run(ctx context.Context, p *program) error {
	x, err := p.open(ctx, c.Shops, nil)
	if err != nil {
		return err
	}
	defer x.close()
	out := printer{p.stdout, x.settings.Lang}
	var failed error
	runs := map[string]syncer.Run{}
	for _, shop := range x.shops {
		run, err := patient(ctx, shop.ID, x.engine.Audit)
		runs[shop.ID] = run
		if err != nil {
			fmt.Fprintf(p.stderr, "connector: %s: %v\n", shop.ID, err)
			failed = errFailed
		}
		if c.JSON {
			continue
		}
		var fields []string
		for f, n := range run.Drift {
			fields = append(fields, fmt.Sprintf("%s %d", f, n))
		}
		slices.Sort(fields)
		out.line("audit", shop.ID, run.Read, run.Unchanged, run.Missing, run.Updated, strings.Join(fields, ", "))
	}
	if c.JSON {
		return errors.Join(writeJSON(p.stdout, runs), failed)
	}
	return failed
}

// releaseCmd lets through what a brake has held back.
type releaseCmd struct {
	Shop string `arg:"" optional:"" help:"The shop; may be left out when there is one."`
}

// Run releases the brake for the next product run.
func (c *releaseCmd) Run(ctx context.Context, p *program) error {
	x, shop, err := p.openOne(ctx, c.Shop)
	if err != nil {
		return err
	}
	defer x.close()
	if err := x.engine.ReleaseBrake(ctx, shop); err != nil {
		return err
	}
	printer{p.stdout, x.settings.Lang}.line("released", shop)
	return nil
}
