package totalgesttest_test

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/tg360/tg360/totalgest"
	"github.com/tg360/tg360/totalgest/totalgesttest"
)

func shapes(files ...string) fstest.MapFS {
	fsys := fstest.MapFS{}
	for i := 0; i < len(files); i += 2 {
		fsys[files[i]] = &fstest.MapFile{Data: []byte(files[i+1])}
	}
	return fsys
}

// recorded is a list whose page is followed by another, of records with odd
// spellings.
const recorded = `{"system":"totalgest","operation":"products.list","replies":2,"reply":{"seen":2,"kinds":["object"],"keys":[
  {"key":"error","seen":2,"kinds":["object","null"],"keys":[{"key":"code","seen":1,"kinds":["text"]}]},
  {"key":"next_cursor","seen":2,"kinds":["text","null"]},
  {"key":"server_time","seen":2,"kinds":["date and time with zone"]},
  {"key":"data","seen":2,"kinds":["list","object with numeric keys"],"most":500,"items":{"seen":9,"kinds":["object"],"keys":[
    {"key":"id","seen":9,"kinds":["digits in a text","integer"]},
    {"key":"sku","seen":9,"kinds":["text","null"]},
    {"key":"name","seen":9,"kinds":["text"]},
    {"key":"quantity","seen":9,"kinds":["decimal with comma in a text","decimal","null"]},
    {"key":"updated_at","seen":9,"kinds":["date and time"]},
    {"key":"prices","seen":9,"kinds":["list"],"most":9,"items":{"seen":9,"kinds":["object"],"keys":[{"key":"id","seen":1,"kinds":["integer"]},{"key":"amount","seen":9,"kinds":["decimal in a text"]}]}},
    {"key":"(key)","seen":1,"kinds":["null"]}]}}]}}`

func TestReplaysShapes(t *testing.T) {
	t.Parallel()
	s := totalgesttest.Start(t, totalgesttest.Options{NoListen: true, Shapes: shapes("products.list.json", recorded)})
	s.SetProducts([]totalgest.Product{{ID: "real", SKU: "real", Name: "real"}})
	c, err := totalgest.New(s.Config())
	if err != nil {
		t.Fatal(err)
	}
	ids := map[string]bool{}
	for page, err := range c.ProductPages(t.Context(), totalgest.ListOptions{}) {
		if err != nil || len(page.Rejected) > 0 || page.ServerTime.IsZero() {
			t.Fatal(err, page.Rejected, page.ServerTime)
		}
		for _, p := range page.Items {
			ids[p.ID] = true
			if p.SKU == "" || p.Quantity.IsAbsent() || p.UpdatedAt.IsZero() || len(p.Prices) != 3 || len(p.Meta.Problems) > 0 {
				t.Errorf("%+v", p)
			}
		}
	}
	if len(ids) != 3 || ids["real"] {
		t.Errorf("ids %v: want three invented ones, on one page", ids)
	}
	if p, err := c.Product(t.Context(), "real"); err != nil || p.SKU != "real" { // no file: as usual
		t.Errorf("%+v, %v", p, err)
	}
}

func TestRefusedShapes(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		files fstest.MapFS
		want  string
	}{
		"nothing":           {shapes("report.json", "{}"), "there is no file of any operation, such as account.get.json"},
		"no JSON":           {shapes("products.list.json", "{"), "shapes: products.list.json: "},
		"of another system": {shapes("products.list.json", strings.Replace(recorded, "totalgest", "framework360", 1)), `it is of operation "products.list" of "framework360"`},
		"of another name":   {shapes("stock.list.json", recorded), `shapes: stock.list.json: it is of operation "products.list"`},
		"without a shape":   {shapes("stock.list.json", `{"system":"totalgest","operation":"stock.list"}`), "shapes: stock.list.json: it is of"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, err := totalgesttest.New(totalgesttest.Options{NoListen: true, Shapes: tt.files})
			if err == nil {
				s.Close()
			}
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("err = %v, want %q", err, tt.want)
			}
		})
	}
}
