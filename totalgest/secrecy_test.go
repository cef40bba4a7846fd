package totalgest_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/tg360/tg360/totalgest"
	"github.com/tg360/tg360/totalgest/totalgesttest"
)

// ledger gathers all that a program could show.
type ledger struct {
	mu sync.Mutex
	bytes.Buffer
}

func (l *ledger) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.Buffer.Write(b)
}

func (l *ledger) note(err error) {
	fmt.Fprintf(l, "%v\n%+v\n%q\n", err, err, err)
	var e *totalgest.Error
	if errors.As(err, &e) {
		b, _ := json.Marshal(e)
		fmt.Fprintf(l, "%s\n%v\n", b, errors.Unwrap(err))
		slog.New(slog.NewJSONHandler(l, nil)).Info("failed", "err", e, "text", err)
	}
}

// A server that repeats in its errors whatever it was told learns nothing about
// what reaches a log: neither secrets nor the customer.
func TestNothingSecretIsShown(t *testing.T) {
	t.Parallel()
	o := fullOrder()
	secrets := []string{totalgesttest.Password, base64.StdEncoding.EncodeToString([]byte(totalgesttest.Password)),
		base64.StdEncoding.EncodeToString([]byte(totalgesttest.Username + ":" + totalgesttest.Password)),
		o.Customer.Email, o.Customer.Phone, "5550199", o.Customer.FirstName, o.Customer.LastName, o.Customer.Address, o.Customer.VATNumber,
		o.Customer.PEC, o.ShippingAddress.Address, "suonare"}
	for _, status := range []int{200, 201, 302, 401, 404, 409, 422, 503} {
		for name, template := range map[string]string{
			"errors":   `{"error":{"code":%[1]s,"message":%[2]s,"fields":[{"path":%[1]s,"message":%[2]s},{"path":%[3]s,"message":%[1]s}]}}`,
			"customer": `{"error":{"message":%[2]s}}`,
			"data":     `{"data":{"id":%[3]s,"created_at":%[1]s,"shop_id":{"x":%[2]s}}}`,
			"html":     `<html><body>%[2]s %[1]s</body></html>`,
			"text":     `Fatal error: %[2]s %[1]s`,
			"cut":      `{"data":{"id":%[1]s,"x":%[2]s`,
			"list":     `{"data":[{"id":%[3]s,"name":%[2]s},{"id":{"x":1},"sku":%[1]s}]}`,
		} {
			l := &ledger{}
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				user, pass, _ := r.BasicAuth()
				credentials, _ := json.Marshal(fmt.Sprintf("user %s password %s (%s)", user, pass, r.Header.Get("Authorization")))
				customer, _ := json.Marshal(about(body))
				id, _ := json.Marshal(pass)
				w.Header().Set("X-Request-Id", pass)
				w.Header().Set("Location", "/?p="+pass)
				w.Header().Set("Retry-After", "0")
				w.WriteHeader(status)
				_, _ = fmt.Fprintf(w, template, credentials, customer, id)
			}))
			c := config(srv.URL)
			c.Logger = slog.New(slog.NewTextHandler(l, &slog.HandlerOptions{Level: slog.LevelDebug}))
			c.OnAttempt = func(a totalgest.Attempt) { fmt.Fprintf(l, "%+v\n", a) }
			cl := newClient(t, c)
			callEverything(t.Context(), cl, l, o)
			srv.Close()
			callEverything(t.Context(), cl, l, o)
			shown := l.String()
			if len(shown) < 1000 {
				t.Fatalf("%d %s: only %d bytes were gathered", status, name, len(shown))
			}
			for _, secret := range secrets {
				if i := strings.Index(shown, secret); i >= 0 {
					t.Errorf("%d %s: %q is shown: ...%s...", status, name, secret, shown[max(0, i-80):min(len(shown), i+80)])
				}
			}
		}
	}
}

// about is what a careless server says of an order that it was sent.
func about(body []byte) string {
	var sent struct {
		Customer map[string]any
		Note     string
	}
	_ = json.Unmarshal(body, &sent) // other requests have no such body
	var parts []string
	for _, k := range slices.Sorted(maps.Keys(sent.Customer)) {
		parts = append(parts, fmt.Sprint(sent.Customer[k]))
	}
	return strings.Join(append(parts, sent.Note), ", ")
}

func callEverything(ctx context.Context, c *totalgest.Client, l *ledger, o totalgest.Order) {
	_, err := c.Verify(ctx)
	l.note(err)
	_, err = c.Product(ctx, "17")
	l.note(err)
	page, err := c.Products(ctx, totalgest.ListOptions{})
	l.note(err)
	for _, err := range page.Rejected {
		l.note(err)
	}
	_, _, err = c.CreateOrder(ctx, o)
	l.note(err)
	_, err = c.FindOrders(ctx, "x")
	l.note(err)
	_, err = c.Order(ctx, "x")
	l.note(err)
	_, err = c.Call(ctx, "stock.list", nil)
	l.note(err)
}
