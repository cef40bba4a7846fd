package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tg360/tg360/syncer"
	"github.com/tg360/tg360/totalgest/totalgesttest"
)

// play runs the command and returns what it prints.
func play(t *testing.T, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	var out, errs bytes.Buffer
	err = run(t.Context(), args, &out, &errs, false)
	return out.String(), errs.String(), err
}

// playJSON runs the command with -json.
func playJSON(t *testing.T, args ...string) result {
	t.Helper()
	stdout, stderr, err := play(t, append(args, "-json")...)
	if err != nil || stderr != "" {
		t.Fatalf("%v, %s", err, stderr)
	}
	var r result
	dec := json.NewDecoder(strings.NewReader(stdout))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&r); err != nil {
		t.Fatalf("standard output is not one JSON document: %v", err)
	}
	if dec.More() {
		t.Fatal("something follows the JSON document")
	}
	return r
}

func TestSampleStory(t *testing.T) {
	t.Parallel()
	r := playJSON(t)
	if r.Products.Read != 24 || r.Products.Created != 24 || r.Second.Writes != 0 || r.Second.Reads == 0 || r.Update.Changed != 5 || r.Update.Writes != 5 {
		t.Errorf("products: %+v %+v %+v", r.Products, r.Second, r.Update)
	}
	if r.Orders != (orderCounts{Read: 9, Exported: 5, Skipped: 1, Blocked: 2, Waiting: 1}) {
		t.Errorf("orders: %+v", r.Orders)
	}
	if r.TotalGest.Orders != 6 || r.TotalGest.Duplicates != 0 || r.TotalGest.Gross["EUR"] == "" {
		t.Errorf("TotalGest: %+v", r.TotalGest)
	}
	if r.Manual.Succeeded != 1 || r.Manual.Failed != 3 || !strings.Contains(r.Manual.Errors[0].Reason, "TG-ORD-011") {
		t.Errorf("manual export: %+v", r.Manual)
	}
	if len(r.Rejected) != 2 || len(r.Warnings) != 1 {
		t.Errorf("rejected %+v, warnings %+v", r.Rejected, r.Warnings)
	}
}

func TestStoryInEveryLanguage(t *testing.T) {
	t.Parallel()
	for _, lang := range syncer.Languages() {
		t.Run(lang, func(t *testing.T) {
			t.Parallel()
			out, _, err := play(t, "-lang", lang+"_XX.UTF-8")
			if err != nil {
				t.Fatal(err)
			}
			for key := range texts["en"] {
				words := longest(strings.FieldsFunc(strings.ReplaceAll(texts[lang][key], "%s", "%d"), func(r rune) bool { return r == '%' }))
				if words == "" || !strings.Contains(out, words) && key != "state" {
					t.Errorf("%q is not in the output", key)
				}
			}
			for _, s := range []syncer.State{syncer.Synced, syncer.Blocked, syncer.Skipped} {
				if !strings.Contains(out, s.Label(lang)) {
					t.Errorf("no item shows %q", s.Label(lang))
				}
			}
			if strings.Contains(out, "%!") || strings.Contains(out, "\x1b") || strings.Contains(out, totalgesttest.Password) || strings.Contains(out, "@example.com") {
				t.Errorf("the output holds what it should not:\n%s", out)
			}
		})
	}
}

// longest returns the longest of the parts between a text's values.
func longest(parts []string) string {
	best := ""
	for _, p := range parts {
		if p = strings.TrimSpace(strings.TrimPrefix(p, "d")); len(p) > len(best) {
			best = p
		}
	}
	return best
}

func TestOwnFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	catalog := write("c.csv", "code,title,cost\n007,Penna,\"1,50\"\n008,Quaderno,\n009,,3\n")
	r := playJSON(t, "-catalog", catalog, "-columns", "sku=code,name=title,price=cost")
	if r.Products.Created != 2 || r.Products.Rejected != 1 || len(r.Warnings) != 1 || r.Warnings[0].ID != "008" {
		t.Errorf("%+v, warnings %+v", r.Products, r.Warnings)
	}
	orders := write("o.csv", "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n"+
		"1,A,Penna,2,2024-03-01 10:00:00,1.25,17,Italy\n1,a,Penna rossa,1,2024-03-01 10:00:00,0.99,17,Italy\n"+
		"C2,A,Penna,-2,2024-03-02 10:00:00,1.25,17,Italy\n3,A,guasto,-4,2024-03-02 11:00:00,0,,Italy\n4,A,Penna,x,2024-03-02 12:00:00,1.25,17,Italy\n")
	r = playJSON(t, "-orders", orders)
	if r.Orders != (orderCounts{Read: 3, Exported: 1, Skipped: 2}) || r.TotalGest.Gross["GBP"] != "3.49" || r.TotalGest.Orders != 1 {
		t.Errorf("%+v %+v", r.Orders, r.TotalGest)
	}
	if len(r.Rejected) != 1 || r.Rejected[0].ID != "4" || r.Manual.Failed != 1 || r.Manual.Succeeded != 0 {
		t.Errorf("rejected %+v, manual %+v", r.Rejected, r.Manual)
	}
}

func TestMistakesAreNamed(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		args []string
		want string
	}{
		"no such file":       {[]string{"-catalog", "nowhere.csv"}, "nowhere.csv"},
		"unknown column key": {[]string{"-catalog", "x", "-columns", "colour=c"}, "colour"},
		"columns alone":      {[]string{"-columns", "sku=c"}, "without the file"},
		"stray argument":     {[]string{"products.csv"}, "products.csv"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, _, err := play(t, tc.args...); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestTrialData(t *testing.T) {
	t.Parallel()
	dir := os.Getenv("TG360_TRIAL_DATA")
	if dir == "" {
		t.Skip("TG360_TRIAL_DATA names no folder")
	}
	t.Run("medicines", func(t *testing.T) {
		t.Parallel()
		r := playJSON(t, "-catalog", filepath.Join(dir, "catalogue/fr-medicines-2017-03.csv"), "-columns", "sku=cip7,ean=cip13,name=name,price=price_public")
		if r.Products.Read != 20083 || r.Products.Created != 20080 || r.Products.Rejected != 3 || r.Second.Writes != 0 || r.Update.Writes != r.Update.Changed {
			t.Errorf("%+v %+v %+v", r.Products, r.Second, r.Update)
		}
		noPrice := 0
		for _, w := range r.Warnings {
			if strings.Contains(w.Reason, "TG-PRD-002") {
				noPrice++
			}
		}
		if noPrice != 7259 { // of 7,262 without a price 3 have no name either
			t.Errorf("%d products without a price", noPrice)
		}
	})
	for month, want := range map[string]struct {
		read, exported int
		gross          string
	}{
		"2010-12": {2025, 1629, "823746.14"}, "2011-01": {1476, 1120, "691364.56"},
		"2011-02": {1393, 1126, "523631.89"}, "2011-03": {1983, 1531, "717639.36"},
	} {
		t.Run(month, func(t *testing.T) {
			t.Parallel()
			r := playJSON(t, "-orders", filepath.Join(dir, "orders/uci-online-retail-"+month+".csv"))
			if r.Orders.Read != want.read || r.Orders.Exported != want.exported || r.Orders.Skipped != want.read-want.exported || r.Orders.Blocked+r.Orders.Waiting != 0 {
				t.Errorf("orders: %+v", r.Orders)
			}
			if r.TotalGest.Orders != want.exported || r.TotalGest.Duplicates != 0 || r.TotalGest.Gross["GBP"] != want.gross {
				t.Errorf("TotalGest: %+v", r.TotalGest)
			}
		})
	}
}
