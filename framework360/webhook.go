package framework360

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"
)

// WebhookConfig says how [WebhookHandler] takes the shop's events. Token and
// Accept are required.
type WebhookConfig struct {
	// Token is the last segment of the path under which the handler is reached,
	// and the only thing that keeps strangers out: at least 24 letters, digits,
	// - or _ that nobody can guess, such as crypto/rand.Text makes. Keep it out
	// of access logs.
	Token string
	// Accept takes note of one order that may be new or changed: one durable
	// local write, such as the syncer's Notify. It may be called more than once
	// for the same event and by several requests at a time, and must end with
	// its context, which ends 5 s after the request was read. Its error is
	// logged, and has the shop send the event again.
	Accept func(ctx context.Context, orderID string) error

	MaxBody int64        // bytes of a request; 0: 64 KiB
	Logger  *slog.Logger // nil: discards
}

const (
	minWebhookToken  = 24
	webhookBody      = 64 << 10
	acceptWithin     = 5 * time.Second
	maxWebhookOrders = 100 // of one request
)

// webhook is the handler.
type webhook struct {
	WebhookConfig
	token [sha256.Size]byte // a hash, so that comparing does not tell the length
}

// WebhookHandler returns a handler for the events of the shop, to be mounted
// under any path that ends with the token. It is safe for concurrent use. The
// error names the setting that is wrong: [ErrArgument].
//
// The vendor publishes neither events nor payload nor signature. So a request is
// a hint and no more: the ids of orders are taken from it, up to 100, and
// nothing else; whoever is told reads the order from the shop. A forged or
// repeated request costs a look at an order, and a lost one is found by the next
// look at the list.
//
// An id is looked for in JSON, in forms with PHP's brackets and in the query,
// whatever Content-Type says, under the usual names: order_id, order.id,
// data.order.id, resource_id, id and the like, also in lists of events and in
// JSON within a text. The most specific name wins.
//
// It answers 204 when every order was accepted; 200 to a request without an id,
// such as a test by the shop, which has no effect; 404 without the right token;
// 405 to anything but POST; 413 to a long body; 415 to a compressed one; 422 to
// what can't be read or is no id; 503 when Accept failed. Nothing of a request
// is logged or sent back.
func WebhookHandler(c WebhookConfig) (http.Handler, error) {
	switch {
	case len(c.Token) < minWebhookToken || !isWord(c.Token, "-_"):
		return nil, argument("WebhookConfig.Token", "must be at least 24 letters, digits, - or _ that nobody can guess: crypto/rand.Text makes one")
	case c.Accept == nil:
		return nil, argument("WebhookConfig.Accept", "must be set; the Notify of a syncer is meant for it")
	case c.MaxBody < 0:
		return nil, argument("WebhookConfig.MaxBody", "must not be negative")
	case c.MaxBody == 0:
		c.MaxBody = webhookBody
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return &webhook{WebhookConfig: c, token: sha256.Sum256([]byte(c.Token))}, nil
}

// ServeHTTP implements http.Handler.
func (h *webhook) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !h.knows(r.URL.Path) {
		http.NotFound(w, r) // as if there were nothing
		return
	}
	status := h.take(w, r)
	switch status {
	case http.StatusOK, http.StatusNoContent:
		w.WriteHeader(status)
		return
	case http.StatusMethodNotAllowed:
		w.Header().Set("Allow", http.MethodPost)
	}
	http.Error(w, http.StatusText(status), status)
}

// knows compares the last segment of a path with the token, in constant time.
func (h *webhook) knows(path string) bool {
	path = strings.TrimSuffix(path, "/")
	sum := sha256.Sum256([]byte(path[strings.LastIndexByte(path, '/')+1:]))
	return subtle.ConstantTimeCompare(sum[:], h.token[:]) == 1
}

// take reads a request and has its orders accepted. It returns the status of the
// answer.
func (h *webhook) take(w http.ResponseWriter, r *http.Request) int {
	if r.Method != http.MethodPost {
		return http.StatusMethodNotAllowed
	}
	if e := r.Header.Get("Content-Encoding"); e != "" && !strings.EqualFold(e, "identity") {
		return http.StatusUnsupportedMediaType
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, h.MaxBody))
	switch {
	case errors.As(err, new(*http.MaxBytesError)):
		h.Logger.WarnContext(r.Context(), "webhook: the body is too long", "limit", h.MaxBody)
		return http.StatusRequestEntityTooLarge
	case err != nil:
		return http.StatusBadRequest
	}
	found := readHints(r.Header.Get("Content-Type"), body, r.URL.RawQuery)
	if found.wrong > 0 || found.more > 0 {
		h.Logger.WarnContext(r.Context(), "webhook: not everything could be taken", "orders", len(found.ids), "wrong", found.wrong, "too_many", found.more)
	}
	switch {
	case len(found.ids) > 0:
		return h.accept(r.Context(), found.ids)
	case found.wrong > 0:
		return http.StatusUnprocessableEntity
	}
	h.Logger.InfoContext(r.Context(), "webhook: no order id, so nothing to do")
	return http.StatusOK
}

// accept hands the ids on, also when the shop has hung up: many do not wait for
// the answer.
func (h *webhook) accept(ctx context.Context, ids []string) int {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), acceptWithin)
	defer cancel()
	failed := 0
	var last error
	for _, id := range ids {
		err := ctx.Err()
		if err == nil {
			err = h.Accept(ctx, id)
		}
		if err != nil { // the others have their turn all the same
			failed, last = failed+1, err
		}
	}
	if failed > 0 {
		h.Logger.WarnContext(ctx, "webhook: not accepted, the shop has to send it again", "orders", len(ids), "failed", failed, "error", last)
		return http.StatusServiceUnavailable
	}
	h.Logger.DebugContext(ctx, "webhook: accepted", "orders", len(ids))
	return http.StatusNoContent
}
