package transport

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

type benchProduct struct {
	ID       int      `json:"id"`
	SKU      string   `json:"sku"`
	Name     string   `json:"name"`
	Quantity int      `json:"quantity"`
	Images   []string `json:"images"`
}

type benchPage struct {
	Data []benchProduct `json:"data"`
}

func benchReply(n int) []byte {
	var p benchPage
	for i := range n {
		p.Data = append(p.Data, benchProduct{i, fmt.Sprintf("SKU-%05d", i), "Lampada da tavolo in ottone", i % 50, []string{"https://img.example/a.jpg"}})
	}
	b, err := json.Marshal(p)
	if err != nil {
		panic(err)
	}
	return b
}

// BenchmarkDo compares one call and its decoding with the same over bare
// net/http, in turns of one run. The goal is a ratio of at most 1.15.
func BenchmarkDo(b *testing.B) {
	for _, n := range []int{1, 100, 500} {
		b.Run(fmt.Sprintf("%d products", n), func(b *testing.B) {
			reply := benchReply(n)
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				w.Write(reply)
			}))
			defer srv.Close()
			cl := newTestClient(b, srv.URL, Config{Auth: basic{"anna", "pw"}})
			ours := func(ctx context.Context) error {
				resp, err := cl.Do(ctx, read())
				if err != nil {
					return err
				}
				var p benchPage
				return json.NewDecoder(bytes.NewReader(resp.Body)).Decode(&p)
			}
			plain := &http.Client{Transport: newTransport(2)}
			defer plain.CloseIdleConnections()
			bare := func(ctx context.Context) error {
				req, err := http.NewRequestWithContext(ctx, "GET", srv.URL+"/products?limit=5", nil)
				if err != nil {
					return err
				}
				req.SetBasicAuth("anna", "pw")
				resp, err := plain.Do(req)
				if err != nil {
					return err
				}
				defer resp.Body.Close()
				var p benchPage
				if err := json.NewDecoder(resp.Body).Decode(&p); err != nil {
					return err
				}
				_, err = io.Copy(io.Discard, resp.Body)
				return err
			}
			var spent [2]time.Duration
			b.ReportAllocs()
			for b.Loop() {
				for i, f := range []func(context.Context) error{bare, ours} {
					start := time.Now()
					if err := f(b.Context()); err != nil {
						b.Fatal(err)
					}
					spent[i] += time.Since(start)
				}
			}
			b.ReportMetric(float64(spent[1])/float64(spent[0]), "ratio")
			b.ReportMetric(float64(spent[0].Nanoseconds())/float64(b.N), "bare-ns")
			b.ReportMetric(float64(spent[1].Nanoseconds())/float64(b.N), "ours-ns")
		})
	}
}

// BenchmarkGate is the cost of a turn that nobody else waits for.
func BenchmarkGate(b *testing.B) {
	g := newGate(2, 1e9)
	b.ReportAllocs()
	for b.Loop() {
		if err := g.acquire(b.Context(), false); err != nil {
			b.Fatal(err)
		}
		g.release()
	}
}
