package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"time"
)

// httpServer answers those who watch, and the shops' events.
func (s *server) httpServer() *http.Server {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /readyz", s.ready)
	mux.Handle("GET /metrics", s.metrics.handler())
	mux.HandleFunc("/webhook/{shop}/{token}", func(w http.ResponseWriter, r *http.Request) {
		h := s.now.Load().webhooks[r.PathValue("shop")]
		if h == nil {
			http.NotFound(w, r)
			return
		}
		h.ServeHTTP(w, r)
	})
	return &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 15 * time.Second, WriteTimeout: 30 * time.Second,
		IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10, ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelDebug)}
}

// ready says whether the process can do its work. The reasons name no address:
// the log has the errors.
func (s *server) ready(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), readyWithin)
	defer cancel()
	var reasons []string
	if err := s.store.Ping(ctx); err != nil {
		s.log.WarnContext(r.Context(), "the database does not answer", "error", err)
		reasons = append(reasons, "database: no answer")
	}
	if _, err := s.queue.Counts(ctx); err != nil {
		s.log.WarnContext(r.Context(), "the queue does not answer", "error", err)
		reasons = append(reasons, "queue: no answer")
	}
	if !s.now.Load().working.Load() {
		reasons = append(reasons, "queue: nobody works on it")
	}
	if len(reasons) == 0 {
		fmt.Fprintln(w, "ok")
		return
	}
	w.WriteHeader(http.StatusServiceUnavailable)
	for _, reason := range reasons {
		fmt.Fprintln(w, reason)
	}
}
