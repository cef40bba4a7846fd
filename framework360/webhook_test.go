package framework360_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/tg360/tg360/framework360"
	"github.com/tg360/tg360/internal/wire"
)

const (
	hookToken = "Kq7rT2mXw9Zb4Lc8Vn5Yd3Hs"
	hookPath  = "/hooks/" + hookToken
	jsonType  = "application/json"
	formType  = "application/x-www-form-urlencoded"
)

// hook is a handler with what it accepted and logged.
type hook struct {
	http.Handler
	logs ledger
	mu   sync.Mutex
	ids  []string
}

func newHook(t testing.TB, change func(*framework360.WebhookConfig)) *hook {
	t.Helper()
	k := &hook{}
	c := framework360.WebhookConfig{
		Token:  hookToken,
		Accept: k.accept,
		Logger: slog.New(slog.NewTextHandler(&k.logs, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	if change != nil {
		change(&c)
	}
	h, err := framework360.WebhookHandler(c)
	if err != nil {
		t.Fatal(err)
	}
	k.Handler = h
	return k
}

func (k *hook) accept(_ context.Context, id string) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.ids = append(k.ids, id)
	return nil
}

// post sends one event and returns the answer and what it made the hook accept.
func (k *hook) post(contentType, body string) (*httptest.ResponseRecorder, []string) {
	r := httptest.NewRequest(http.MethodPost, hookPath, strings.NewReader(body))
	r.Header.Set("Content-Type", contentType)
	return k.do(r)
}

func (k *hook) do(r *http.Request) (*httptest.ResponseRecorder, []string) {
	before := len(k.ids)
	w := httptest.NewRecorder()
	k.ServeHTTP(w, r)
	return w, k.ids[before:]
}

// multipartOf is a form, made by wire.Form, in the other encoding.
func multipartOf(t *testing.T, form string) (contentType, body string) {
	t.Helper()
	var b bytes.Buffer
	m := multipart.NewWriter(&b)
	for pair := range strings.SplitSeq(form, "&") {
		name, value, _ := strings.Cut(pair, "=")
		name, err1 := url.QueryUnescape(name)
		value, err2 := url.QueryUnescape(value)
		if err := errors.Join(err1, err2, m.WriteField(name, value)); err != nil {
			t.Fatal(err)
		}
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	return m.FormDataContentType(), b.String()
}

// Every place is found in every encoding.
func TestWebhookFindsTheOrder(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		object string
		want   []string
	}{
		"id":                        {`{"id":501}`, []string{"501"}},
		"id as text":                {`{"id":" 0501 "}`, []string{"0501"}},
		"order_id":                  {`{"order_id":"501"}`, []string{"501"}},
		"orderId":                   {`{"orderId":501}`, []string{"501"}},
		"id_ordine":                 {`{"id_ordine":501}`, []string{"501"}},
		"resource_id":               {`{"resource":"order","resource_id":501,"id":9}`, []string{"501"}},
		"order.id":                  {`{"event":"order.created","order":{"id":501,"rows":[{"id":1},{"id":2}]}}`, []string{"501"}},
		"order":                     {`{"order":501}`, []string{"501"}},
		"data.id":                   {`{"event":"order.paid","data":{"id":"A-5_0.1","customer":{"id":3}}}`, []string{"A-5_0.1"}},
		"data.order.id":             {`{"id":"evt_77","data":{"id":3,"order":{"id":501}}}`, []string{"501"}},
		"data.order_id":             {`{"id":"evt_77","data":{"order_id":501}}`, []string{"501"}},
		"the more specific wins":    {`{"id":"evt_77","order_id":501,"data":{"id":3}}`, []string{"501"}},
		"nothing is passed over":    {`{"order_id":null,"orderId":"","order":[],"data":{"id":0},"resource_id":"None","id":501}`, []string{"501"}},
		"the date is called data":   {`{"id":501,"data":"2026-03-04 10:00:00"}`, []string{"501"}},
		"events":                    {`{"events":[{"order_id":501},{"order":{"id":502}},{"ping":1},{"id":503},{"id":501}]}`, []string{"501", "502", "503"}},
		"data as a list":            {`{"data":[{"id":501},{"id":502}]}`, []string{"501", "502"}},
		"orders":                    {`{"orders":[{"id":501},{"id":502}]}`, []string{"501", "502"}},
		"order_ids":                 {`{"order_ids":[501,"502",501]}`, []string{"501", "502"}},
		"a list as PHP's object":    {`{"events":{"10":{"id":503},"2":{"id":502},"1":{"id":501}}}`, []string{"501", "502", "503"}},
		"an order as text":          {`{"data":"{\"order\":{\"id\":501}}"}`, []string{"501"}},
		"a text in a text":          {`{"payload":"{\"data\":\"[{\\\"id\\\":501}]\"}"}`, []string{"501"}},
		"one bad among good":        {`{"events":[{"id":501},{"id":"../502"},{"id":503}]}`, []string{"501", "503"}},
		"64 characters":             {`{"id":"` + strings.Repeat("9", 64) + `"}`, []string{strings.Repeat("9", 64)}},
		"a number of 30 characters": {`{"id":123456789012345678901234567890}`, []string{"123456789012345678901234567890"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			form := wire.Form([]byte(tc.object))
			text, err := json.Marshal(tc.object)
			if err != nil {
				t.Fatal(err)
			}
			multiType, multi := multipartOf(t, form)
			for encoding, sent := range map[string][2]string{
				"JSON":                  {jsonType, tc.object},
				"JSON called a form":    {formType, tc.object},
				"JSON called multipart": {"multipart/form-data", tc.object},
				"JSON called nothing":   {"", "\xef\xbb\xbf\n" + tc.object + "\r\n"},
				"JSON in a text":        {jsonType, string(text)},
				"JSON in a list":        {jsonType, "[" + tc.object + "]"},
				"JSON in JSON":          {jsonType, `{"payload":` + string(text) + `}`},
				"JSON in a form":        {formType, "x=1&payload=" + url.QueryEscape(tc.object)},
				"form":                  {formType, form},
				"form called JSON":      {jsonType, form},
				"multipart":             {multiType, multi},
			} {
				w, got := newHook(t, nil).post(sent[0], sent[1])
				if diff := gocmp.Diff(tc.want, got); diff != "" || w.Code != http.StatusNoContent || w.Body.Len() > 0 {
					t.Errorf("%s: HTTP %d, (-want +got):\n%s", encoding, w.Code, diff)
				}
			}
			w, got := newHook(t, nil).do(httptest.NewRequest(http.MethodPost, hookPath+"?"+form, nil))
			if diff := gocmp.Diff(tc.want, got); diff != "" || w.Code != http.StatusNoContent {
				t.Errorf("query: HTTP %d, (-want +got):\n%s", w.Code, diff)
			}
		})
	}
}

func TestWebhookAnswers(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		method, path, body string
		header             http.Header
		status             int
		ids                []string
	}{
		"no token":                  {path: "/hooks/", body: `{"id":501}`, status: 404},
		"another token":             {path: hookPath[:len(hookPath)-1] + "t", body: `{"id":501}`, status: 404},
		"the beginning of one":      {path: hookPath[:len(hookPath)-1], body: `{"id":501}`, status: 404},
		"more than one":             {path: hookPath + "x", body: `{"id":501}`, status: 404},
		"the token further up":      {path: hookPath + "/orders", body: `{"id":501}`, status: 404},
		"the token as a parameter":  {path: "/hooks/?token=" + hookToken, body: `{"id":501}`, status: 404},
		"GET without token":         {method: "GET", path: "/hooks/", status: 404},
		"GET":                       {method: "GET", path: hookPath + "?id=501", status: 405},
		"PUT":                       {method: "PUT", body: `{"id":501}`, status: 405},
		"HEAD":                      {method: "HEAD", status: 405},
		"a slash behind":            {path: hookPath + "/", body: `{"id":501}`, status: 204, ids: []string{"501"}},
		"escaped":                   {path: "/hooks/%4B" + hookToken[1:], body: `{"id":501}`, status: 204, ids: []string{"501"}},
		"compressed":                {body: "\x1f\x8b\x08", header: http.Header{"Content-Encoding": {"gzip"}}, status: 415},
		"expressly not compressed":  {body: `{"id":501}`, header: http.Header{"Content-Encoding": {"identity"}}, status: 204, ids: []string{"501"}},
		"empty":                     {status: 200},
		"test":                      {body: `{"test":true,"event":"ping"}`, status: 200},
		"test as a form":            {body: `test=1&event=ping`, status: 200},
		"test as text":              {body: `ping`, status: 200},
		"test as a JSON text":       {body: `"ping"`, status: 200},
		"empty list":                {body: `[]`, status: 200},
		"id zero":                   {body: `{"id":0}`, status: 200},
		"a yes as id":               {body: `{"id":true}`, status: 200},
		"the body before the query": {path: hookPath + "?id=502", body: `{"id":501}`, status: 204, ids: []string{"501"}},
		"query beside a test":       {path: hookPath + "?order[id]=502", body: `{"test":1}`, status: 204, ids: []string{"502"}},
		"query beside the unread":   {path: hookPath + "?id=502", body: `{"test":`, status: 204, ids: []string{"502"}},
		"deep down":                 {body: strings.Repeat(`{"data":`, 5) + `{"id":501}` + strings.Repeat("}", 5), status: 204, ids: []string{"501"}},
		"too deep":                  {body: strings.Repeat(`{"data":`, 20) + `{"id":501}` + strings.Repeat("}", 20), status: 200},
		"a tower of lists":          {body: strings.Repeat("[", 30_000), status: 422},
		"cut JSON":                  {body: `{"id":501,"rows":[`, status: 422},
		"cut JSON in a form":        {body: `payload=` + url.QueryEscape(`{"id":501`), status: 422},
		"cut JSON in JSON":          {body: `{"payload":"{\"id\":501"}`, status: 422},
		"JSON and more":             {body: `{"id":501}{"id":502}`, status: 422},
		"XML":                       {body: `<order><id>501</id></order>`, status: 422},
		"cut multipart":             {body: "--x\r\nContent-Disposition: form-data; name=\"id\"\r\n\r\n501", header: http.Header{"Content-Type": {"multipart/form-data; boundary=x"}}, status: 422},
		"multipart without parts":   {body: "x", header: http.Header{"Content-Type": {"multipart/form-data; boundary=x"}}, status: 422},
		"multipart without bounds":  {body: "x", header: http.Header{"Content-Type": {"multipart/form-data"}}, status: 422},
		"a bad escape":              {body: `id=%zz&order_id=501`, status: 204, ids: []string{"501"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := newHook(t, nil)
			r := httptest.NewRequest(cmp.Or(tc.method, http.MethodPost), cmp.Or(tc.path, hookPath), strings.NewReader(tc.body))
			for key, v := range tc.header {
				r.Header[key] = v
			}
			w, got := k.do(r)
			if w.Code != tc.status || !slices.Equal(got, tc.ids) {
				t.Errorf("HTTP %d, want %d; orders %v, want %v", w.Code, tc.status, got, tc.ids)
			}
			if allow := w.Header().Get("Allow"); (allow == "POST") != (tc.status == 405) {
				t.Errorf("Allow: %q", allow)
			}
			if nothing := httptest.NewRecorder(); tc.status == 404 {
				http.NotFound(nothing, r)
				if w.Body.String() != nothing.Body.String() || k.logs.Len() > 0 {
					t.Errorf("a stranger is told %q and logged as %q", w.Body, &k.logs)
				}
			}
		})
	}
}

func TestWebhookRefusesWhatIsNoID(t *testing.T) {
	t.Parallel()
	for _, id := range []string{`"../../etc"`, `"5 01"`, `"501;drop"`, `".."`, `"-"`, `"_501"`, `"-501"`, `"501\u0000"`, `"５０１"`, `"è"`, `"a/b"`, `"<b>"`,
		`"` + strings.Repeat("9", 65) + `"`, `5e2`, `501.0`, `-501`, `1E+400`, strings.Repeat("1", 65)} {
		k := newHook(t, nil)
		w, got := k.post(jsonType, `{"order_id":`+id+`,"id":"evt_1"}`)
		if w.Code != http.StatusUnprocessableEntity || len(got) > 0 {
			t.Errorf("%s: HTTP %d, orders %v", id, w.Code, got)
		}
		if plain := strings.Trim(id, `"`); len(plain) > 3 && strings.Contains(w.Body.String()+k.logs.String(), plain) {
			t.Errorf("%s is shown: %q, %q", id, w.Body, &k.logs)
		}
	}
}

// Whatever a request holds, neither the answer nor the log repeats it.
func TestWebhookRepeatsNothing(t *testing.T) {
	t.Parallel()
	const person = "Ginevra-Collaudo-77"
	fails := func(c *framework360.WebhookConfig) {
		c.MaxBody = 200
		c.Accept = func(context.Context, string) error { return errors.New("disk full") }
	}
	seen := map[int]bool{}
	for _, change := range []func(*framework360.WebhookConfig){nil, fails} {
		for _, body := range []string{`{"id":501,"name":"` + person + `"}`, `{"id":"` + person + `@posta.example"}`, person, `{"name":"` + person,
			`{"name":"` + person + strings.Repeat("x", 70_000), "<" + person, `[` + strings.Repeat(`{"id":"`+person+`"},`, 3) + `0]`} {
			k := newHook(t, change)
			r := httptest.NewRequest(http.MethodPost, hookPath+"?who="+person, strings.NewReader(body))
			r.Header.Set("User-Agent", person)
			w, _ := k.do(r)
			seen[w.Code] = true
			if k.logs.Len() == 0 {
				t.Errorf("HTTP %d leaves no trace", w.Code)
			}
			for _, secret := range []string{person, hookToken} {
				if strings.Contains(w.Body.String(), secret) || strings.Contains(k.logs.String(), secret) || strings.Contains(fmt.Sprint(w.Header()), secret) {
					t.Errorf("HTTP %d: %q, %q", w.Code, w.Body, &k.logs)
				}
			}
		}
	}
	for _, status := range []int{200, 204, 413, 422, 503} {
		if !seen[status] {
			t.Errorf("no answer was %d", status)
		}
	}
}

func TestWebhookBounds(t *testing.T) {
	t.Parallel()
	t.Run("orders", func(t *testing.T) {
		t.Parallel()
		var events []string
		for i := range 150 {
			events = append(events, fmt.Sprintf(`{"id":%d}`, 1+i))
		}
		k := newHook(t, nil)
		w, got := k.post(jsonType, "["+strings.Join(events, ",")+"]")
		if w.Code != http.StatusNoContent || len(got) != 100 || got[99] != "100" || !strings.Contains(k.logs.String(), "too_many=50") {
			t.Errorf("HTTP %d, %d orders, %q", w.Code, len(got), &k.logs)
		}
	})
	body := `{"id":501,"note":"` + strings.Repeat("x", 100) + `"}`
	for name, tc := range map[string]struct {
		limit  int64
		body   io.Reader
		status int
	}{
		"fits":                      {int64(len(body)), strings.NewReader(body), 204},
		"a byte too long":           {int64(len(body)) - 1, strings.NewReader(body), 413},
		"of unknown length":         {int64(len(body)), iotest.OneByteReader(strings.NewReader(body)), 204},
		"of unknown length, longer": {int64(len(body)) - 1, iotest.OneByteReader(strings.NewReader(body)), 413},
		"the usual limit":           {0, strings.NewReader(body + strings.Repeat(" ", 64<<10-len(body))), 204},
		"beyond the usual limit":    {0, strings.NewReader(body + strings.Repeat(" ", 64<<10-len(body)+1)), 413},
		"broken off":                {0, io.MultiReader(strings.NewReader(body), iotest.ErrReader(io.ErrUnexpectedEOF)), 400},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := newHook(t, func(c *framework360.WebhookConfig) { c.MaxBody = tc.limit })
			w, got := k.do(httptest.NewRequest(http.MethodPost, hookPath, tc.body))
			if w.Code != tc.status || (len(got) == 1) != (tc.status == 204) {
				t.Errorf("HTTP %d, want %d; orders %v", w.Code, tc.status, got)
			}
		})
	}
}

func TestWebhookAsksForAnotherTryWhenNotAccepted(t *testing.T) {
	t.Parallel()
	var k *hook
	k = newHook(t, func(c *framework360.WebhookConfig) {
		c.Accept = func(ctx context.Context, id string) error {
			if id == "502" {
				return errors.New("disk full")
			}
			return k.accept(ctx, id)
		}
	})
	w, got := k.post(jsonType, `[{"id":501},{"id":502},{"id":503}]`)
	if w.Code != http.StatusServiceUnavailable || !slices.Equal(got, []string{"501", "503"}) {
		t.Errorf("HTTP %d, orders %v", w.Code, got)
	}
	if log := k.logs.String(); !strings.Contains(log, "disk full") || !strings.Contains(log, "failed=1") || strings.Count(log, "\n") != 1 {
		t.Errorf("log: %s", log)
	}
}

// A store that does not answer costs 5 s, however many orders a request names.
func TestWebhookIsNeverSlow(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		calls := 0
		k := newHook(t, func(c *framework360.WebhookConfig) {
			c.Accept = func(ctx context.Context, _ string) error {
				calls++
				<-ctx.Done()
				return ctx.Err()
			}
		})
		start := time.Now()
		w, _ := k.post(jsonType, `{"order_ids":[501,502,503]}`)
		if took := time.Since(start); w.Code != http.StatusServiceUnavailable || took != 5*time.Second || calls != 1 {
			t.Errorf("HTTP %d after %v and %d calls", w.Code, took, calls)
		}
	})
}

// A sender that does not wait for the answer is heard all the same.
func TestWebhookHearsWhoHungUp(t *testing.T) {
	t.Parallel()
	type key struct{}
	var err, value any
	k := newHook(t, func(c *framework360.WebhookConfig) {
		c.Accept = func(ctx context.Context, _ string) error {
			err, value = ctx.Err(), ctx.Value(key{})
			return nil
		}
	})
	ctx, hangUp := context.WithCancel(context.WithValue(t.Context(), key{}, "trace"))
	hangUp()
	r := httptest.NewRequest(http.MethodPost, hookPath, strings.NewReader(`{"id":501}`)).WithContext(ctx)
	if w, _ := k.do(r); w.Code != http.StatusNoContent || err != nil || value != "trace" {
		t.Errorf("HTTP %d, context: %v, value: %v", w.Code, err, value)
	}
}

func TestWebhookUnderAnyPrefix(t *testing.T) {
	t.Parallel()
	k := newHook(t, nil)
	mux := http.NewServeMux()
	mux.Handle("/hooks/", k)
	mux.Handle("POST /exact/"+hookToken, k)
	mux.Handle("/stripped/", http.StripPrefix("/stripped/", k))
	mux.Handle("/a/b/", http.StripPrefix("/a/b", k))
	s := httptest.NewServer(mux)
	defer s.Close()
	var wg sync.WaitGroup
	for i, prefix := range []string{"/hooks/", "/hooks/shop-1/", "/exact/", "/stripped/", "/a/b/"} {
		wg.Go(func() {
			for range 5 {
				resp, err := s.Client().Post(s.URL+prefix+hookToken, jsonType, strings.NewReader(fmt.Sprintf(`{"id":%d}`, 501+i)))
				if err != nil {
					t.Error(err)
					return
				}
				defer resp.Body.Close()
				if resp.StatusCode != http.StatusNoContent {
					t.Errorf("%s: HTTP %d", prefix, resp.StatusCode)
				}
			}
		})
	}
	wg.Wait()
	if slices.Sort(k.ids); len(k.ids) != 25 || len(slices.Compact(k.ids)) != 5 {
		t.Errorf("accepted: %v", k.ids)
	}
}

func TestWebhookSettingsAreChecked(t *testing.T) {
	t.Parallel()
	type config = framework360.WebhookConfig
	for name, tc := range map[string]struct {
		change func(*config)
		field  string
	}{
		"no token":          {func(c *config) { c.Token = "" }, "WebhookConfig.Token"},
		"short token":       {func(c *config) { c.Token = hookToken[:23] }, "WebhookConfig.Token"},
		"token with slash":  {func(c *config) { c.Token = hookToken + "/a" }, "WebhookConfig.Token"},
		"token with spaces": {func(c *config) { c.Token = hookToken + " " }, "WebhookConfig.Token"},
		"no Accept":         {func(c *config) { c.Accept = nil }, "WebhookConfig.Accept"},
		"negative limit":    {func(c *config) { c.MaxBody = -1 }, "WebhookConfig.MaxBody"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := config{Token: hookToken, Accept: func(context.Context, string) error { return nil }}
			tc.change(&c)
			h, err := framework360.WebhookHandler(c)
			if h != nil || !errors.Is(err, framework360.ErrArgument) || !strings.Contains(err.Error(), tc.field) || strings.Contains(err.Error(), hookToken[:23]) {
				t.Errorf("%v, %v", h, err)
			}
		})
	}
	h, err := framework360.WebhookHandler(config{Token: hookToken, Accept: func(context.Context, string) error { return nil }})
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder() // without a logger too
	if h.ServeHTTP(w, httptest.NewRequest(http.MethodPost, hookPath, nil)); w.Code != http.StatusOK {
		t.Errorf("HTTP %d", w.Code)
	}
}

// FuzzWebhook sends anything: at most 100 different ids come out, each of them of
// the shape of one, and the answer fits.
func FuzzWebhook(f *testing.F) {
	for _, body := range []string{`{"id":501}`, `{"events":[{"order_id":"501"},{"order":{"id":502}}]}`, `{"order_ids":[1,2,[3],"[4,5]"]}`, `{"data":"{\"order\":{\"id\":501}}"}`,
		`{"events":{"10":{"id":1},"9":{"id":"é"}}}`, `"{\"id\":\"\\u0000\"}"`, "events[][order][id]=1&events[][order][id]=2&order_ids[]=3", "payload=%7B%22id%22%3A501%7D",
		"a[b]c[d][=1&id[=2&[id]=3&]=4&id=5&id[x]=6", "<id>1</id>", "\xef\xbb\xbf{\"id\":1}", strings.Repeat(`{"data":`, 9), `{"id":5e2}`, `{"id":-0}`,
		"--x\r\nContent-Disposition: form-data; name=\"order[id]\"\r\n\r\n501\r\n--x--\r\n"} {
		for _, contentType := range []string{jsonType, formType, "multipart/form-data; boundary=x", "multipart/form-data; boundary=", ";;"} {
			f.Add(contentType, []byte(body), "order[id]=7")
		}
	}
	shape := regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)
	f.Fuzz(func(t *testing.T, contentType string, body []byte, query string) {
		k := newHook(t, func(c *framework360.WebhookConfig) { c.Logger = nil })
		r := &http.Request{Method: http.MethodPost, URL: &url.URL{Path: hookPath, RawQuery: query}, Header: http.Header{"Content-Type": {contentType}}, Body: io.NopCloser(bytes.NewReader(body))}
		w, ids := k.do(r)
		switch w.Code {
		case http.StatusNoContent:
			if len(ids) == 0 || len(ids) > 100 {
				t.Fatalf("%d orders", len(ids))
			}
		case http.StatusOK, http.StatusUnprocessableEntity, http.StatusRequestEntityTooLarge:
			if len(ids) > 0 {
				t.Fatalf("HTTP %d and %d orders", w.Code, len(ids))
			}
		default:
			t.Fatalf("HTTP %d", w.Code)
		}
		for i, id := range ids {
			if !shape.MatchString(id) || id == "0" || slices.Contains(ids[:i], id) {
				t.Fatalf("%q is no id, or comes twice", id)
			}
		}
		again, same := k.do(&http.Request{Method: http.MethodPost, URL: r.URL, Header: r.Header, Body: io.NopCloser(bytes.NewReader(body))})
		if again.Code != w.Code || !slices.Equal(same, ids) {
			t.Fatalf("first %v, then %v", ids, same)
		}
	})
}
