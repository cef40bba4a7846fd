package framework360_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/tg360/tg360/framework360"
	"github.com/tg360/tg360/framework360/framework360test"
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
	var e *framework360.Error
	if errors.As(err, &e) {
		b, _ := json.Marshal(e)
		fmt.Fprintf(l, "%s\n%v\n", b, errors.Unwrap(err))
		slog.New(slog.NewJSONHandler(l, nil)).Info("failed", "err", e, "text", err)
	}
}

// A shop that repeats in its errors whatever it was told learns nothing about
// what reaches a log: neither secrets nor a customer.
func TestNothingSecretIsShown(t *testing.T) {
	t.Parallel()
	const token, password = "user-token-A1b2C3d4", "pw-Segreta-77"
	o := sampleOrder("1")
	secrets := []string{framework360test.APIKey, token, password, "ada@bottega.example", base64.StdEncoding.EncodeToString([]byte(framework360test.APIKey)),
		o.Email, o.Billing.Phone, o.Billing.TaxCode, o.Billing.FirstName, o.Billing.LastName, o.Billing.Address}
	customer, err := json.Marshal(o.Billing)
	if err != nil {
		t.Fatal(err)
	}
	for _, status := range []int{200, 201, 302, 401, 404, 422, 503} {
		for name, template := range map[string]string{
			"errors":  `{"status":0,"error":%[1]s,"message":%[1]s}`,
			"expired": `{"status":0,"error":"user_token_expired","message":%[1]s}`,
			"data":    `{"status":1,"data":{"id":%[3]s,"nome":%[1]s,"data":%[1]s,"valuta":%[2]s,"cart":[%[2]s],"billing_data":%[2]s}}`,
			"html":    `<html><body>%[1]s %[2]s</body></html>`,
			"text":    `Fatal error: %[1]s %[2]s`,
			"cut":     `{"status":1,"data":{"id":%[1]s,"billing_data":%[2]s`,
			"list":    `{"status":1,"data":[{"id":%[3]s,"prezzo":{"x":%[1]s},"data":%[2]s},{"id":{"x":1},"sku":%[1]s,"email":%[2]s}]}`,
		} {
			l := &ledger{}
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				echo, _ := json.Marshal(fmt.Sprintf("key %s token %s, %s, %s", r.Header.Get("X-Fw360-Key"), r.Header.Get("X-Fw360-UserToken"), r.URL, body))
				id, _ := json.Marshal(r.Header.Get("X-Fw360-Key"))
				w.Header().Set("X-Request-Id", r.Header.Get("X-Fw360-Key"))
				w.Header().Set("Location", "/?p="+r.Header.Get("X-Fw360-Key"))
				w.Header().Set("Retry-After", "0")
				w.WriteHeader(status)
				_, _ = fmt.Fprintf(w, template, echo, customer, id)
			}))
			c := config(srv.URL)
			c.UserToken, c.UserEmail, c.UserPassword = token, "ada@bottega.example", password
			c.Logger = slog.New(slog.NewTextHandler(l, &slog.HandlerOptions{Level: slog.LevelDebug}))
			c.OnAttempt = func(a framework360.Attempt) { fmt.Fprintf(l, "%+v\n", a) }
			cl := newClient(t, c)
			callEverything(t.Context(), cl, l)
			srv.Close()
			callEverything(t.Context(), cl, l)
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

func callEverything(ctx context.Context, c *framework360.Client, l *ledger) {
	_, err := c.Verify(ctx)
	l.note(err)
	_, err = c.Order(ctx, "1")
	l.note(err)
	page, err := c.Orders(ctx, framework360.OrderOptions{})
	l.note(err)
	for _, err := range page.Rejected {
		l.note(err)
	}
	_, err = c.CreateProduct(ctx, sampleProduct("0017"))
	l.note(err)
	l.note(c.UpdateProduct(ctx, framework360.Product{ID: "1", Quantity: dec("1")}))
	l.note(c.UpdateStatus(ctx, "1", framework360.StatusUpdate{Status: "4"}))
	l.note(c.Login(ctx))
	_, err = c.Call(ctx, "users/login", map[string]any{"email": "ada@bottega.example", "password": "pw-Segreta-77"})
	l.note(err)
	_, err = c.Call(ctx, "orders/create", map[string]any{"user_email": "ginevra.prova@posta.example", "cart": []any{}, "billing_data": map[string]any{"telefono": "0115550199"}, "shipping_data": map[string]any{"x": 1}})
	l.note(err)
}
