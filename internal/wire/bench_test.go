package wire_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"github.com/tg360/tg360/internal/wire"
)

// article is a product of 20 fields, the size of what a real catalogue lists.
type article struct {
	ID, SKU, EAN     string
	Name             string
	Short, Text      wire.Opt[string]
	Price, Sale      wire.Opt[decimal.Decimal]
	Rate, Stock      wire.Opt[decimal.Decimal]
	Tax              wire.Opt[string]
	Unit, Brand      wire.Opt[string]
	Category         wire.Opt[string]
	Images           []string
	Active, Featured wire.Opt[bool]
	Parent           wire.Opt[string]
	Updated          time.Time
	Options          map[string]string
	meta             wire.Meta
}

var articleSchema = &wire.Schema[article]{
	Record: "article",
	Meta:   func(a *article) *wire.Meta { return &a.meta },
	Fields: []wire.Field[article]{
		wire.ID("id", func(a *article) *string { return &a.ID }).Key(),
		wire.ID("sku", func(a *article) *string { return &a.SKU }).Required(),
		wire.ID("ean", func(a *article) *string { return &a.EAN }),
		wire.String("name", func(a *article) *string { return &a.Name }).Required(),
		wire.Text("short", func(a *article) *wire.Opt[string] { return &a.Short }),
		wire.Text("text", func(a *article) *wire.Opt[string] { return &a.Text }),
		wire.Amount("price", func(a *article) *wire.Opt[decimal.Decimal] { return &a.Price }),
		wire.Amount("sale", func(a *article) *wire.Opt[decimal.Decimal] { return &a.Sale }),
		wire.Decimal("rate", func(a *article) *wire.Opt[decimal.Decimal] { return &a.Rate }),
		wire.Decimal("stock", func(a *article) *wire.Opt[decimal.Decimal] { return &a.Stock }),
		wire.OptID("tax", func(a *article) *wire.Opt[string] { return &a.Tax }),
		wire.Text("unit", func(a *article) *wire.Opt[string] { return &a.Unit }),
		wire.Text("brand", func(a *article) *wire.Opt[string] { return &a.Brand }),
		wire.Text("category", func(a *article) *wire.Opt[string] { return &a.Category }),
		wire.Texts("images", func(a *article) *[]string { return &a.Images }),
		wire.Bool("active", func(a *article) *wire.Opt[bool] { return &a.Active }),
		wire.Bool("featured", func(a *article) *wire.Opt[bool] { return &a.Featured }),
		wire.OptID("parent", func(a *article) *wire.Opt[string] { return &a.Parent }),
		wire.Time("updated", func(a *article) *time.Time { return &a.Updated }),
		wire.Map("options", func(a *article) *map[string]string { return &a.Options }),
	},
}

// articleProfile gives every field two candidates, as the real profiles do.
func articleProfile() *wire.Profile {
	fields := wire.Fields{}
	for _, f := range articleSchema.Info().Fields {
		fields[f.Name] = &wire.FieldSpec{Paths: []string{f.Name, "alt_" + f.Name}}
	}
	fields["price"].Paths = []string{"amounts.price", "price"}
	fields["sale"].Paths = []string{"amounts.sale", "sale"}
	return &wire.Profile{
		Write:   wire.Format{Numbers: "number", Dates: "rfc3339", Booleans: "bool"},
		Records: wire.Records{"article": fields},
	}
}

// plainArticle is what a hand-written client would decode into: the same Go
// types for money and dates, one spelling of each key.
type plainArticle struct {
	ID      string `json:"id"`
	SKU     string `json:"sku"`
	EAN     string `json:"ean"`
	Name    string `json:"name"`
	Short   string `json:"short"`
	Text    string `json:"text"`
	Amounts struct {
		Price decimal.Decimal `json:"price"`
		Sale  decimal.Decimal `json:"sale"`
	} `json:"amounts"`
	Rate     decimal.Decimal   `json:"rate"`
	Stock    decimal.Decimal   `json:"stock"`
	Tax      string            `json:"tax"`
	Unit     string            `json:"unit"`
	Brand    string            `json:"brand"`
	Category string            `json:"category"`
	Images   []string          `json:"images"`
	Active   bool              `json:"active"`
	Featured bool              `json:"featured"`
	Parent   string            `json:"parent"`
	Updated  time.Time         `json:"updated"`
	Options  map[string]string `json:"options"`
}

// rawArticle is the least that encoding/json can do: money and dates stay texts.
type rawArticle struct {
	ID      string `json:"id"`
	SKU     string `json:"sku"`
	EAN     string `json:"ean"`
	Name    string `json:"name"`
	Short   string `json:"short"`
	Text    string `json:"text"`
	Amounts struct {
		Price json.Number `json:"price"`
		Sale  json.Number `json:"sale"`
	} `json:"amounts"`
	Rate     json.Number       `json:"rate"`
	Stock    json.Number       `json:"stock"`
	Tax      string            `json:"tax"`
	Unit     string            `json:"unit"`
	Brand    string            `json:"brand"`
	Category string            `json:"category"`
	Images   []string          `json:"images"`
	Active   bool              `json:"active"`
	Featured bool              `json:"featured"`
	Parent   string            `json:"parent"`
	Updated  string            `json:"updated"`
	Options  map[string]string `json:"options"`
}

const pageSize = 500

func articlePage() []byte {
	var b bytes.Buffer
	b.WriteString(`{"status":1,"data":[`)
	for i := range pageSize {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"id":"%d","sku":"SKU-%05d","ean":"40063813%05d","name":"Caffettiera n. %d","short":"Alluminio, per %d tazze",`+
			`"text":"<p>Una caffettiera classica di alluminio con manico di legno.<\/p><p>Adatta al gas e alla piastra elettrica.<\/p>",`+
			`"amounts":{"price":%d.90,"sale":%d.50},"rate":22,"stock":%d,"tax":"IVA22","unit":"pz","brand":"Fornace","category":"Cucina",`+
			`"images":["https://img.example/%d/a.jpg","https://img.example/%d/b.jpg"],"active":true,"featured":false,"parent":"P%d",`+
			`"updated":"2026-03-0%dT08:30:00Z","options":{"misura":"%d","colore":"rosso"}}`,
			i, i, i, i, i%9, i, i, i%40, i, i, i/4, 1+i%9, i%12)
	}
	b.WriteString(`],"next_cursor":"c2","server_time":"2026-03-09T10:00:00Z"}`)
	return b.Bytes()
}

func articleEnvelope() *wire.Envelope {
	return wire.NewEnvelope(wire.EnvelopeSpec{
		Status: "status", ErrorCode: []string{"error"}, ErrorText: []string{"message", "error"},
		Cursor: []string{"next_cursor"}, ServerTime: []string{"server_time"},
	}, []string{"data"})
}

func articleCodec(tb testing.TB) *wire.Codec[article] {
	tb.Helper()
	c, err := wire.Compile(articleSchema, articleProfile(), time.UTC)
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

func decodePage(tb testing.TB, e *wire.Envelope, c *wire.Codec[article], page []byte) []article {
	out := make([]article, 0, pageSize)
	_, err := e.List(bytes.NewReader(page), func(raw []byte) error {
		a, err := c.Decode(raw)
		out = append(out, a)
		return err
	})
	if err != nil || len(out) != pageSize {
		tb.Fatalf("%d articles, %v", len(out), err)
	}
	return out
}

func plainPage[T any](tb testing.TB, page []byte) []T {
	var reply struct {
		Status     int    `json:"status"`
		Data       []T    `json:"data"`
		NextCursor string `json:"next_cursor"`
		ServerTime string `json:"server_time"`
	}
	reply.Data = make([]T, 0, pageSize)
	if err := json.NewDecoder(bytes.NewReader(page)).Decode(&reply); err != nil || len(reply.Data) != pageSize {
		tb.Fatalf("%d articles, %v", len(reply.Data), err)
	}
	return reply.Data
}

// stopwatch sums what one side of an alternating benchmark takes.
type stopwatch struct {
	spent  time.Duration
	allocs uint64
}

func (s *stopwatch) run(f func()) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start := time.Now()
	f()
	s.spent += time.Since(start)
	runtime.ReadMemStats(&after)
	s.allocs += after.Mallocs - before.Mallocs
}

func (s *stopwatch) report(b *testing.B, name string) {
	n := float64(b.N) * pageSize
	b.ReportMetric(float64(s.spent.Nanoseconds())/n, name+"-ns/product")
	b.ReportMetric(float64(s.allocs)/n, name+"-allocs/product")
}

// BenchmarkDecodePage reads a page of 500 products with the codec and with
// encoding/json in turn; x-json below 1 means that the codec is faster.
// x-json-raw compares with structs that leave money and dates as texts.
func BenchmarkDecodePage(b *testing.B) {
	page, e, c := articlePage(), articleEnvelope(), articleCodec(b)
	var ours, plain, raw stopwatch
	b.SetBytes(int64(len(page)))
	for b.Loop() {
		ours.run(func() { decodePage(b, e, c, page) })
		plain.run(func() { plainPage[plainArticle](b, page) })
		raw.run(func() { plainPage[rawArticle](b, page) })
	}
	ours.report(b, "ours")
	plain.report(b, "json")
	b.ReportMetric(float64(ours.spent)/float64(plain.spent), "x-json")
	b.ReportMetric(float64(ours.spent)/float64(raw.spent), "x-json-raw")
}

// BenchmarkEncodePage writes 500 products with the codec and with
// encoding/json in turn.
func BenchmarkEncodePage(b *testing.B) {
	page, c := articlePage(), articleCodec(b)
	records := decodePage(b, articleEnvelope(), c, page)
	plains := plainPage[plainArticle](b, page)
	var ours, plain stopwatch
	buf := make([]byte, 0, 4<<10)
	for b.Loop() {
		ours.run(func() {
			for i := range records {
				buf = c.Append(buf[:0], &records[i])
			}
		})
		plain.run(func() {
			for i := range plains {
				if _, err := json.Marshal(&plains[i]); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	ours.report(b, "ours")
	plain.report(b, "json")
	b.ReportMetric(float64(ours.spent)/float64(plain.spent), "x-json")
}
