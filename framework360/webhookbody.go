package framework360

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// places is where an order's id may stand, the more specific first. An event
// often has an id of its own beside that of the order, so a plain id comes last.
var places = []struct {
	keys     []string
	in, held bool // the place may hold places itself; an id, or a list of them
}{
	{keys: []string{"order_id", "orderId", "orderID", "id_order", "id_ordine", "order_ids", "orderIds"}, held: true},
	{keys: []string{"order", "ordine", "orders", "ordini"}, in: true, held: true},
	{keys: []string{"data", "payload", "events", "event", "resource", "object", "body"}, in: true},
	{keys: []string{"resource_id", "resourceId", "id"}, held: true},
}

// maxHintDepth bounds how deep an id is looked for.
const maxHintDepth = 8

// hints is what a request says about orders.
type hints struct {
	ids   []string // distinct, at most maxWebhookOrders
	wrong int      // places that hold something else than an id
	more  int      // ids beyond the bound
}

// readHints looks for order ids in a body and, if it has none, in a query.
func readHints(contentType string, body []byte, query string) hints {
	var h hints
	v, err := parseBody(contentType, body)
	if err != nil {
		h.wrong++
	}
	if !h.walk(v, 0) {
		h.walk(parseForm(query), 0)
	}
	return h
}

// walk looks for ids in an object or a list and reports whether it found a place
// that holds one.
func (h *hints) walk(v any, depth int) bool {
	if depth > maxHintDepth {
		return false
	}
	v, err := unpack(v)
	if err != nil {
		h.wrong++
	}
	if list, ok := v.([]any); ok {
		found := false
		for _, e := range list {
			found = h.walk(e, depth+1) || found
		}
		return found
	}
	m, ok := v.(map[string]any)
	if !ok {
		return false
	}
	for _, p := range places {
		for _, k := range p.keys {
			if p.in && h.walk(m[k], depth+1) || p.held && h.take(m[k]) {
				return true
			}
		}
	}
	return false
}

// take takes an id, or each of a list of them. It reports false when there is
// none.
func (h *hints) take(v any) bool {
	id := ""
	v, _ = unpack(v) // what can't be read is no id either
	switch v := v.(type) {
	case []any:
		found := false
		for _, e := range v {
			found = h.take(e) || found
		}
		return found
	case json.Number:
		id = v.String()
		if !isDigits(id) { // 5e2 and 501.0 are no spellings of an id
			h.wrong++
			return true
		}
	case string:
		id = strings.TrimSpace(v)
	}
	switch {
	case id == "" || id == "0" || id == "null" || id == "None": // PHP's ways to say that there is none
		return false
	case !looksLikeID(id):
		h.wrong++
	case slices.Contains(h.ids, id):
	case len(h.ids) == maxWebhookOrders:
		h.more++
	default:
		h.ids = append(h.ids, id)
	}
	return true
}

// looksLikeID reports whether s can be an order's id: 1 to 64 letters, digits
// and - _ . of which the first is a letter or digit.
func looksLikeID(s string) bool {
	return s != "" && len(s) <= 64 && isWord(s, "-_.") && isWord(s[:1], "")
}

// isWord reports whether s consists of ASCII letters, digits and marks, and of
// one at least.
func isWord(s, marks string) bool {
	for i := range len(s) {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && strings.IndexByte(marks, c) < 0 {
			return false
		}
	}
	return s != ""
}

func isDigits(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

// unpack returns the object or list that a text holds as JSON, and the list that
// PHP wrote as an object with numbers for keys; all else as it is. The error is
// for a text that begins as JSON and is none.
func unpack(v any) (any, error) {
	if s, ok := v.(string); ok {
		if s = strings.TrimSpace(s); s == "" || s[0] != '{' && s[0] != '[' {
			return v, nil
		}
		inner, err := parseJSON([]byte(s))
		if err != nil {
			return v, err
		}
		v = inner
	}
	m, ok := v.(map[string]any)
	if !ok || len(m) == 0 {
		return v, nil
	}
	keys := make([]string, 0, len(m))
	for k := range m {
		if !isDigits(k) {
			return v, nil
		}
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b string) int { return cmp.Or(cmp.Compare(len(a), len(b)), strings.Compare(a, b)) })
	list := make([]any, len(keys))
	for i, k := range keys {
		list[i] = m[k]
	}
	return list, nil
}

var errNotReadable = errors.New("neither JSON nor a form")

// parseBody reads a body as what it looks like: senders often name another type.
func parseBody(contentType string, body []byte) (any, error) {
	body = bytes.TrimSpace(bytes.TrimPrefix(body, []byte("\xef\xbb\xbf")))
	media, params, _ := mime.ParseMediaType(contentType) // nothing that we know: a form
	switch {
	case len(body) == 0:
		return nil, nil
	case body[0] == '{' || body[0] == '[' || body[0] == '"':
		return parseJSON(body)
	case body[0] == '<':
		return nil, errNotReadable
	case strings.HasPrefix(media, "multipart/"):
		return parseMultipart(body, params["boundary"])
	}
	return parseForm(string(body)), nil
}

// parseJSON reads one JSON value; numbers keep their spelling.
func parseJSON(body []byte) (v any, err error) {
	if !json.Valid(body) {
		return nil, errNotReadable
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	err = d.Decode(&v)
	return v, err
}

// parseForm reads a form or query with PHP's brackets: a[b][0][c]=v, x[]=v.
// What is not escaped as it should be is left out.
func parseForm(form string) map[string]any {
	root := map[string]any{}
	for pair := range strings.SplitSeq(form, "&") {
		name, value, _ := strings.Cut(pair, "=")
		name, err := url.QueryUnescape(name)
		if err != nil {
			continue
		}
		if value, err = url.QueryUnescape(value); err == nil {
			plant(root, name, value)
		}
	}
	return root
}

// parseMultipart reads the other encoding of forms.
func parseMultipart(body []byte, boundary string) (map[string]any, error) {
	root := map[string]any{}
	parts := multipart.NewReader(bytes.NewReader(body), boundary)
	for {
		p, err := parts.NextPart()
		if err == io.EOF { //nolint:errorlint // one that is wrapped says that the body was cut
			return root, nil
		}
		if err != nil {
			return root, err
		}
		value, err := io.ReadAll(p)
		if err != nil {
			return root, err
		}
		plant(root, p.FormName(), string(value))
	}
}

// plant puts a value of a form where its name says.
func plant(m map[string]any, name, value string) {
	key, rest, _ := strings.Cut(name, "[")
	for {
		if key == "" {
			key = strconv.Itoa(len(m))
		}
		if rest == "" {
			m[key] = value
			return
		}
		next, ok := m[key].(map[string]any)
		if !ok {
			next = map[string]any{}
			m[key] = next
		}
		m = next
		key, rest, _ = strings.Cut(rest, "]")
		rest = strings.TrimPrefix(rest, "[")
	}
}
