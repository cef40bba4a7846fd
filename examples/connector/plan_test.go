package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tg360/tg360/framework360"
	"github.com/tg360/tg360/totalgest"
)

func TestPlanAndApply(t *testing.T) {
	t.Parallel()
	r := newRig(t, tune{replace: []string{"rate = -1", "rate = 500"}})
	r.shop.PutProduct(framework360.Product{SKU: framework360.Some(r.erp.Products()[0].SKU), Name: framework360.Some("Nome vecchio")})
	file := filepath.Join(t.TempDir(), "plan.jsonl")
	code, out, stderr := r.run("plan", "-out", file)
	if code != exitDone || r.shop.Writes() != 0 || !strings.Contains(out, r.erp.Products()[2].SKU) {
		t.Fatalf("exit %d, %d writes\n%s%s", code, r.shop.Writes(), out, stderr)
	}
	code, doc, _ := r.run("plan", "-json")
	lines := strings.Split(strings.TrimSpace(doc), "\n")
	var end planEnd
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &end); err != nil || code != exitDone || len(lines) != 4 {
		t.Fatalf("%v, exit %d\n%s", err, code, doc)
	}
	if a := end.Summary.Actions; a["create"] != 2 || a["link"] != 1 || end.Summary.Writes != 3 || end.Seconds != 3.0/500 {
		t.Errorf("%+v", end)
	}
	r.erp.UpdateProduct(r.erp.Products()[1].ID, func(p *totalgest.Product) { p.Name = "Nome nuovo" })
	code, out, _ = r.run("apply", file)
	if code != exitFailed || r.shop.Writes() != 0 || !strings.Contains(out, "Nome nuovo") {
		t.Errorf("a plan that no longer holds: exit %d, %d writes\n%s", code, r.shop.Writes(), out)
	}
	r.run("plan", "-out", file)
	code, out, stderr = r.run("apply", file)
	if code != exitDone || r.shop.Writes() != 3 || len(r.shop.Products()) != 3 {
		t.Errorf("exit %d, %d writes\n%s%s", code, r.shop.Writes(), out, stderr)
	}
	cut, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"cut off": string(cut[:len(cut)/2]), "no plan": `{"a":1}`, "empty": ""} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if code, _, stderr := r.run("apply", file); code != exitUsage || !strings.Contains(stderr, "plan --out") {
			t.Errorf("%s: exit %d, %s", name, code, stderr)
		}
	}
}

func TestAuditAndRelease(t *testing.T) {
	t.Parallel()
	r := newRig(t, tune{replace: []string{"rate = -1", "rate = -1\nremoved = \"zero\"\nrepair = true\n"}})
	r.erp.SetProducts(inventProducts(30, 1))
	if code, out, stderr := r.run("sync", "products"); code != exitDone {
		t.Fatalf("exit %d\n%s%s", code, out, stderr)
	}
	p, _ := r.shop.Product(r.erp.Products()[0].SKU)
	r.shop.EditProduct(p.ID, func(p *framework360.Product) { p.Name = framework360.Some("Del negozio") })
	code, out, stderr := r.run("audit")
	if code != exitDone || !strings.Contains(out, "name 1") {
		t.Errorf("exit %d\n%s%s", code, out, stderr)
	}
	for _, gone := range r.erp.Products()[:20] {
		r.erp.DeleteProduct(gone.ID)
	}
	if code, out, stderr := r.run("sync", "products"); code != exitFailed || !strings.Contains(out+stderr, "20 of 30") {
		t.Errorf("the brake: exit %d\n%s%s", code, out, stderr)
	}
	if code, _, stderr := r.run("release"); code != exitDone {
		t.Errorf("exit %d %s", code, stderr)
	}
	if code, out, stderr := r.run("sync", "products"); code != exitDone {
		t.Errorf("released: exit %d\n%s%s", code, out, stderr)
	}
	empty := 0
	for _, p := range r.shop.Products() {
		if q, ok := p.Quantity.Get(); ok && q.IsZero() && p.Active.Or(true) {
			empty++
		}
	}
	if empty < 20 {
		t.Errorf("%d products are sold out", empty)
	}
}

func TestScriptsAreTakenOut(t *testing.T) {
	t.Parallel()
	for html, want := range map[string]string{"clean": "<p>Moka</p>", "raw": "<p>Moka</p><script>x()</script>"} {
		r := newRig(t, tune{replace: []string{"rate = -1", "rate = -1\nhtml = \"" + html + "\"\n"}})
		id := r.erp.Products()[0].ID
		r.erp.UpdateProduct(id, func(p *totalgest.Product) { p.Description = totalgest.Some("<p>Moka</p><script>x()</script>") })
		if code, out, stderr := r.run("sync", "products"); code != exitDone {
			t.Fatalf("exit %d\n%s%s", code, out, stderr)
		}
		if p, _ := r.shop.Product(r.erp.Products()[0].SKU); p.Description.Or("") != want {
			t.Errorf("%s: %q", html, p.Description.Or(""))
		}
	}
}
