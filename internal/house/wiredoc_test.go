package house

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/shopspring/decimal"
	"github.com/tg360/tg360/framework360"
	"github.com/tg360/tg360/internal/wire"
	"github.com/tg360/tg360/totalgest"
)

const wireDoc = root + "/docs/wire.md"

// block is a fenced part of a document, such as ```json profile=totalgest.
type block struct {
	mark string // what follows the language
	text string
	line int
}

// fenced returns the fenced parts of a Markdown document.
func fenced(doc string) ([]block, error) {
	var out []block
	var open *block
	for i, line := range strings.Split(doc, "\n") {
		switch fence, ok := strings.CutPrefix(line, "```"); {
		case ok && open == nil:
			_, mark, _ := strings.Cut(fence, " ")
			open = &block{mark: mark, line: i + 1}
		case ok:
			out = append(out, *open)
			open = nil
		case open != nil:
			open.text += line + "\n"
		}
	}
	if open != nil {
		return nil, fmt.Errorf("the fence of line %d is not closed", open.line)
	}
	return out, nil
}

// replay answers every request in memory and keeps the last one.
type replay struct {
	reply string
	last  *http.Request
	body  string
}

// RoundTrip implements [http.RoundTripper].
func (r *replay) RoundTrip(req *http.Request) (*http.Response, error) {
	r.last = req
	if req.Body != nil {
		b, err := io.ReadAll(req.Body)
		if err != nil {
			return nil, err
		}
		r.body = string(b)
	}
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Request: req,
		Body: io.NopCloser(bytes.NewBufferString(r.reply))}, nil
}

func erp(profile string, rt http.RoundTripper) (*totalgest.Client, error) {
	return totalgest.New(totalgest.Config{ShopID: "17", OwnerID: "44", Endpoint: "erp.example", Username: "sync",
		Password: "correct horse", Profile: []byte(profile), Transport: rt, Rate: -1})
}

func shop(profile string, rt http.RoundTripper) (*framework360.Client, error) {
	return framework360.New(framework360.Config{Site: "shop.example", APIKey: strings.Repeat("k", 40),
		Profile: []byte(profile), Transport: rt, Rate: -1})
}

// parts returns the blocks of the wire's documentation, by mark.
func parts(t *testing.T) map[string][]string {
	t.Helper()
	doc, err := os.ReadFile(wireDoc)
	if err != nil {
		t.Fatal(err)
	}
	blocks, err := fenced(string(doc))
	if err != nil {
		t.Fatal(err)
	}
	out := map[string][]string{}
	for i, b := range blocks {
		if prev := blocks[max(i-1, 0)]; strings.HasPrefix(prev.mark, "refused=") { // its answer follows
			b.mark = "answer"
		}
		out[b.mark] = append(out[b.mark], b.text)
	}
	return out
}

func TestDocumentedProfilesLoad(t *testing.T) {
	t.Parallel()
	blocks := parts(t)
	tests := map[string]func(string) error{
		"totalgest":    func(p string) error { _, err := erp(p, nil); return err },
		"framework360": func(p string) error { _, err := shop(p, nil); return err },
	}
	for name, load := range tests {
		profiles := blocks["profile="+name]
		if len(profiles) == 0 {
			t.Errorf("docs/wire.md shows no profile of %s", name)
		}
		for i, p := range profiles {
			t.Run(fmt.Sprintf("%s %d", name, i), func(t *testing.T) {
				t.Parallel()
				if err := load(p); err != nil {
					t.Error(err)
				}
			})
		}
	}
}

func TestDocumentedRefusal(t *testing.T) {
	t.Parallel()
	blocks := parts(t)
	refused, answers := blocks["refused=framework360"], blocks["answer"]
	if len(refused) == 0 || len(refused) != len(answers) {
		t.Fatalf("docs/wire.md shows %d refused profiles and %d answers", len(refused), len(answers))
	}
	for i, p := range refused {
		_, err := shop(p, nil)
		if !errors.Is(err, framework360.ErrArgument) {
			t.Fatalf("profile %d: err = %v, want ErrArgument", i, err)
		}
		if !abridged(answers[i], err.Error()) {
			t.Errorf("profile %d is answered with\n%v\nthe document says\n%s", i, err, answers[i])
		}
	}
}

// abridged reports whether short is full, line by line; a line may end in … for
// the rest of it.
func abridged(short, full string) bool {
	return slices.EqualFunc(strings.Split(strings.TrimSpace(short), "\n"), strings.Split(full, "\n"), func(s, f string) bool {
		start, cut := strings.CutSuffix(s, "…")
		return s == f || cut && strings.HasPrefix(f, start)
	})
}

func TestDocumentedRequest(t *testing.T) {
	t.Parallel()
	blocks := parts(t)
	rt := &replay{reply: `{"risultato": {"id_ordine": 90210, "rif_esterno": "web-17"}}`}
	c, err := erp(blocks["profile=totalgest"][0], rt)
	if err != nil {
		t.Fatal(err)
	}
	amount := func(s string) totalgest.Opt[decimal.Decimal] { return totalgest.Some(decimal.RequireFromString(s)) }
	ref, created, err := c.CreateOrder(t.Context(), totalgest.Order{
		ExternalID: "web-17", Currency: "EUR", PricesIncludeTax: totalgest.Some(true), Gross: amount("25"),
		CreatedAt: time.Date(2026, 3, 1, 9, 30, 0, 0, time.UTC),
		Customer:  totalgest.Party{FirstName: "Luca", LastName: "Neri", City: "None", Country: "IT"},
		Lines:     []totalgest.Line{{SKU: "007-A", Quantity: amount("2"), UnitPrice: amount("12.5"), VATRate: amount("22")}},
	})
	if err != nil || !created || ref.ID != "90210" {
		t.Fatalf("CreateOrder = %+v, %v, %v", ref, created, err)
	}
	if diff := cmp.Diff(blocks["request=totalgest"], []string{written(t, rt)}); diff != "" {
		t.Errorf("the request (-documented +sent):\n%s", diff)
	}
}

// written shows a request with a form as the document does.
func written(t *testing.T, r *replay) string {
	t.Helper()
	out := r.last.Method + " " + r.last.URL.String() + "\n"
	for _, h := range slices.Sorted(maps.Keys(r.last.Header)) {
		switch h {
		case "Accept", "User-Agent", "X-Request-Id": // of every request
		default:
			out += h + ": " + r.last.Header.Get(h) + "\n"
		}
	}
	out += "\n"
	for pair := range strings.SplitSeq(r.body, "&") {
		plain, err := url.QueryUnescape(pair)
		if err != nil {
			t.Fatal(err)
		}
		out += plain + "\n"
	}
	return out
}

func TestDocumentedReply(t *testing.T) {
	t.Parallel()
	blocks := parts(t)
	if len(blocks["reply=framework360"]) != 1 {
		t.Fatal("docs/wire.md shows no reply")
	}
	rt := &replay{reply: blocks["reply=framework360"][0]}
	c, err := shop(blocks["profile=framework360"][0], rt)
	if err != nil {
		t.Fatal(err)
	}
	o, err := c.Order(t.Context(), "1042")
	if err != nil {
		t.Fatal(err)
	}
	if want := "https://shop.example/m/api/ecommerce/orders/get?order_id=1042"; rt.last.URL.String() != want {
		t.Errorf("asked %s, want %s", rt.last.URL, want)
	}
	for what, ok := range map[string]bool{
		"id":       o.ID == "1042",
		"total":    o.Total.Or(decimal.Zero).Equal(decimal.NewFromInt(25)),
		"date":     o.Created.Equal(time.Date(2026, 3, 1, 10, 30, 0, 0, time.UTC)),
		"currency": o.Currency == "EUR",
		"rows":     len(o.Rows) == 1 && o.Rows[0].SKU == "007-A" && o.Rows[0].Price.Or(decimal.Zero).String() == "12.5",
		"billing":  o.Billing == framework360.Party{},
		"problems": o.Meta.Problems == nil,
		"unknown":  o.Meta.Extra == nil,
	} {
		if !ok {
			t.Errorf("%s: the order is not what the document promises: %+v", what, o)
		}
	}
}

// TestDocumentedGuard holds the page to the writes that the default profiles
// refuse, and shows that the example's signature lets its order through.
func TestDocumentedGuard(t *testing.T) {
	t.Parallel()
	doc, err := os.ReadFile(wireDoc)
	if err != nil {
		t.Fatal(err)
	}
	_, guarded, _ := strings.Cut(string(doc), "## Confirming an assumed write")
	guarded, _, _ = strings.Cut(guarded, "\n## ")
	e, err := erp("", nil)
	if err != nil {
		t.Fatal(err)
	}
	s, err := shop("", nil)
	if err != nil {
		t.Fatal(err)
	}
	var te *totalgest.Error
	var fe *framework360.Error
	if !errors.As(e.Confirmed(), &te) || !errors.As(s.Confirmed(), &fe) {
		t.Fatal("the default profiles let every write through")
	}
	for _, f := range append(te.Fields, fe.Fields...) {
		if !strings.Contains(guarded, "`"+f.Path+"`") {
			t.Errorf("%s is refused, and docs/wire.md does not say so", f.Path)
		}
	}
	signed, err := erp(parts(t)["profile=totalgest"][0], nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := signed.Confirmed("orders.create"); err != nil {
		t.Errorf("signed, and yet: %v", err)
	}
}

// TestEveryKeyIsDocumented looks for each key of a profile in the document.
func TestEveryKeyIsDocumented(t *testing.T) {
	t.Parallel()
	doc, err := os.ReadFile(wireDoc)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range []any{wire.Profile{}, wire.Auth{}, wire.EnvelopeSpec{}, wire.Paging{}, wire.Format{},
		wire.Operation{}, wire.Confirmation{}, wire.FieldSpec{}} {
		for f := range reflect.TypeOf(v).Fields() {
			key := f.Tag.Get("json")
			if !bytes.Contains(doc, []byte("`"+key+"`")) && !bytes.Contains(doc, []byte("."+key+"`")) && !bytes.Contains(doc, []byte(`"`+key+`":`)) {
				t.Errorf("docs/wire.md does not name %s (%T)", key, v)
			}
		}
	}
}

func TestAbridged(t *testing.T) {
	t.Parallel()
	for short, want := range map[string]bool{"a: b\nc: d\n": true, "a: …\nc: d": true, "a: b": false, "a:\nc: d": false, "x: …\nc: d": false} {
		if got := abridged(short, "a: b\nc: d"); got != want {
			t.Errorf("abridged(%q) = %v, want %v", short, got, want)
		}
	}
}

func TestFenced(t *testing.T) {
	t.Parallel()
	got, err := fenced("a\n```json profile=x\n{}\n```\nb\n```\nplain\n```\n")
	if err != nil {
		t.Fatal(err)
	}
	want := []block{{mark: "profile=x", text: "{}\n", line: 2}, {text: "plain\n", line: 6}}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(block{})); diff != "" {
		t.Errorf("blocks (-want +got):\n%s", diff)
	}
	if _, err := fenced("```json\n{}"); err == nil {
		t.Error("a fence that is not closed was accepted")
	}
}
