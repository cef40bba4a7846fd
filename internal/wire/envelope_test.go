package wire_test

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tg360/tg360/internal/wire"
)

// shopEnvelope has a status, and the errors in several places; the list may be
// at data or at data.items.
func shopEnvelope() *wire.Envelope {
	return wire.NewEnvelope(wire.EnvelopeSpec{
		Status: "status", ErrorCode: []string{"code"}, ErrorText: []string{"error", "message", "data.message", "title"},
		Fields: []string{"fields"}, Cursor: []string{"next", "paging.next"}, ServerTime: []string{"now"},
	}, []string{"data", "data.items", "orders"})
}

// restEnvelope has no status: its errors are objects.
func restEnvelope() *wire.Envelope {
	return wire.NewEnvelope(wire.EnvelopeSpec{
		ErrorCode: []string{"error.code"}, ErrorText: []string{"error.message"}, Fields: []string{"error.fields"},
		Cursor: []string{"next_cursor"}, ServerTime: []string{"server_time"},
	}, []string{"data"})
}

// list reads a reply whole; the elements are joined by spaces.
func list(e *wire.Envelope, r io.Reader) (string, wire.Reply, error) {
	var got []string
	rep, err := e.List(r, func(raw []byte) error { got = append(got, string(raw)); return nil })
	return strings.Join(got, " "), rep, err
}

func TestListIsFound(t *testing.T) {
	t.Parallel()
	const two = `{"id":1} {"id":2}`
	for _, tc := range []struct{ name, reply, want string }{
		{"status 1", `{"status":1,"data":[{"id":1},{"id":2}]}`, two},
		{"status 1 in a text", `{"status":"1","data":[{"id":1},{"id":2}]}`, two},
		{"status true", `{"status":true,"data":[{"id":1},{"id":2}]}`, two},
		{"status after the list", `{"data":[{"id":1},{"id":2}],"status":1}`, two},
		{"white space everywhere", " \r\n{ \"status\" : 1 ,\t\"data\" : [ {\"id\":1} , {\"id\":2} ] } \n", two},
		{"byte order mark", "\xef\xbb\xbf" + `{"status":1,"data":[{"id":1},{"id":2}]}`, two},
		{"object with numeric keys", `{"status":1,"data":{"0":{"id":1},"5":{"id":2}}}`, two},
		{"JSON in a text", `{"status":1,"data":"[{\"id\":1},{\"id\":2}]"}`, two},
		{"object with numeric keys in a text", `{"status":1,"data":"{\"1\":{\"id\":1},\"2\":{\"id\":2}}"}`, two},
		{"below the first candidate", `{"status":1,"data":{"total":2,"items":[{"id":1},{"id":2}]}}`, two},
		{"at another candidate", `{"status":1,"orders":[{"id":1},{"id":2}]}`, two},
		{"at another candidate, the first being null", `{"status":1,"data":null,"orders":[{"id":1},{"id":2}]}`, two},
		{"the first in the reply wins", `{"status":1,"orders":[{"id":1},{"id":2}],"data":[{"id":3}]}`, two},
		{"elements that are texts and numbers", `{"status":1,"data":["a",2,null,[3]]}`, `"a" 2 null [3]`},
		{"brackets in texts", `{"status":1,"data":["]}","\"]","\\"],"x":"]"}`, `"]}" "\"]" "\\"`},
		{"empty list", `{"status":1,"data":[]}`, ``},
		{"PHP's other empty list", `{"status":1,"data":{}}`, ``},
		{"empty list in a text", `{"status":1,"data":"[]"}`, ``},
		{"error that is null", `{"status":1,"data":[{"id":1},{"id":2}],"error":null}`, two},
		{"error that is empty", `{"status":1,"data":[{"id":1},{"id":2}],"error":""}`, two},
		{"error that is false", `{"status":1,"data":[{"id":1},{"id":2}],"error":false}`, two},
		{"error that is 0", `{"status":1,"data":[{"id":1},{"id":2}],"error":0}`, two},
		{"error that is 0 in a text", `{"status":1,"data":[{"id":1},{"id":2}],"error":"0"}`, two},
		{"error that is PHP's empty object", `{"status":1,"data":[{"id":1},{"id":2}],"error":[]}`, two},
		{"error that is an empty object", `{"status":1,"data":[{"id":1},{"id":2}],"error":{}}`, two},
		{"a message when all is well", `{"status":1,"message":"2 orders","title":"Orders","data":[{"id":1},{"id":2}]}`, two},
		{"things that nobody asked for", `{"meta":{"a":[1,{"b":"]}"}]},"x":[[[]]],"status":1,"data":[{"id":1},{"id":2}],"y":-1.5e3}`, two},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			for _, r := range []io.Reader{strings.NewReader(tc.reply), iotest.OneByteReader(strings.NewReader(tc.reply)), iotest.DataErrReader(strings.NewReader(tc.reply))} {
				got, rep, err := list(shopEnvelope(), r)
				if err != nil || rep.Refused != nil || rep.NoStatus || got != tc.want {
					t.Errorf("got %s, %+v, %v; want %s", got, rep, err, tc.want)
				}
			}
		})
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, reply string
		want        wire.Refusal
	}{
		{"status 0", `{"status":0}`, wire.Refusal{}},
		{"status 0 in a text", `{"status":"0","data":[1]}`, wire.Refusal{}},
		{"status false", `{"status":false,"data":[1]}`, wire.Refusal{}},
		{"status false in a text", `{"status":"false"}`, wire.Refusal{}},
		{"status null proves nothing", `{"status":null,"data":[1]}`, wire.Refusal{}},
		{"status that nobody knows", `{"status":"ok","data":[1]}`, wire.Refusal{}},
		{"status 2", `{"status":2,"data":[1]}`, wire.Refusal{}},
		{"status object", `{"status":{"code":1},"data":[1]}`, wire.Refusal{}},
		{"status 0 after the list", `{"data":[1,2,3],"status":0,"error":"half"}`, wire.Refusal{Text: "half"}},
		{"status 1 with an error", `{"status":1,"data":[1],"error":"no"}`, wire.Refusal{Text: "no"}},
		{"error after the list, no status", `{"data":[1],"error":"no"}`, wire.Refusal{Text: "no"}},
		{"error that is an object", `{"status":1,"data":[1],"error":{"reason":5},"message":"no"}`, wire.Refusal{Text: "no"}},
		{"error that is a list", `{"status":1,"data":[1],"error":["no"],"title":"Oops"}`, wire.Refusal{Text: "Oops"}},
		{"error that is true", `{"status":1,"data":[1],"error":true}`, wire.Refusal{Text: "true"}},
		{"a code", `{"status":0,"error":"user_token_expired"}`, wire.Refusal{Text: "user_token_expired"}},
		{"a sentence", `{"status":0,"error":"Ordine non trovato."}`, wire.Refusal{Text: "Ordine non trovato."}},
		{"code and sentence", `{"status":0,"code":17,"error":"Ordine non trovato."}`, wire.Refusal{Code: "17", Text: "Ordine non trovato."}},
		{"text in message", `{"status":0,"message":"m","title":"t"}`, wire.Refusal{Text: "m"}},
		{"text in data.message", `{"status":0,"data":{"message":"m"},"title":"t"}`, wire.Refusal{Text: "m"}},
		{"text in title", `{"status":0,"title":"t","message":null}`, wire.Refusal{Text: "t"}},
		{"fields", `{"status":0,"fields":[{"path":"cap","message":"too short"},{"path":"email"}]}`,
			wire.Refusal{Fields: []wire.RefusedField{{Path: "cap", Message: "too short"}, {Path: "email"}}}},
		{"fields as an object with numeric keys", `{"status":0,"fields":{"0":{"path":"cap","message":"too short"}}}`,
			wire.Refusal{Fields: []wire.RefusedField{{Path: "cap", Message: "too short"}}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			_, rep, err := list(shopEnvelope(), strings.NewReader(tc.reply))
			if err != nil || rep.Refused == nil {
				t.Fatalf("%+v, %v; want a refusal", rep, err)
			}
			if d := cmp.Diff(tc.want, *rep.Refused); d != "" {
				t.Error(d)
			}
			if rep, err = shopEnvelope().Record(strings.NewReader(tc.reply)); err != nil || rep.Data != nil || cmp.Diff(&tc.want, rep.Refused) != "" {
				t.Errorf("as a record: %+v, %v", rep, err)
			}
		})
	}
}

func TestRefusalsWithoutAStatus(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, reply string
		want        *wire.Refusal
	}{
		{"none", `{"data":[]}`, nil},
		{"null", `{"data":[],"error":null}`, nil},
		{"an empty one", `{"data":[],"error":{"code":"","message":null,"fields":[]}}`, nil},
		{"a whole one", `{"error":{"code":"invalid","message":"See fields","fields":[{"path":"zip","message":"too short"}]}}`,
			&wire.Refusal{Code: "invalid", Text: "See fields", Fields: []wire.RefusedField{{Path: "zip", Message: "too short"}}}},
		{"a sentence in the place of an object", `{"data":[],"error":"database is down"}`, &wire.Refusal{Text: "database is down"}},
		{"an object as JSON in a text", `{"data":[],"error":"{\"code\":\"down\"}"}`, &wire.Refusal{Code: "down", Text: `{"code":"down"}`}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			_, rep, err := list(restEnvelope(), strings.NewReader(tc.reply))
			if err != nil || rep.NoStatus {
				t.Fatalf("%+v, %v", rep, err)
			}
			if d := cmp.Diff(tc.want, rep.Refused); d != "" {
				t.Error(d)
			}
		})
	}
}

// A profile that says nothing but where the data is leaves the rest to the
// status of HTTP.
func TestEnvelopeThatKnowsOnlyItsData(t *testing.T) {
	t.Parallel()
	e := wire.NewEnvelope(wire.EnvelopeSpec{}, []string{"result.rows"})
	got, rep, err := list(e, strings.NewReader(`{"status":0,"error":"no","result":{"rows":[1]}}`))
	if d := cmp.Diff(wire.Reply{}, rep); got != "1" || err != nil || d != "" {
		t.Errorf("%s, %v, %s", got, err, d)
	}
	if _, _, err = list(e, strings.NewReader(`{"result":[1]}`)); !isKind(err, wire.ReplyNoList) {
		t.Errorf("error %v", err)
	}
}

func TestUnexpectedReplies(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, reply string
		want        wire.ReplyKind
	}{
		{"empty", ``, wire.ReplyEmpty},
		{"spaces only", " \n\t \r\n", wire.ReplyEmpty},
		{"byte order mark only", "\xef\xbb\xbf", wire.ReplyEmpty},
		{"null", `null`, wire.ReplyNull},
		{"null with a space", ` null `, wire.ReplyNull},
		{"bare list", `[{"id":1}]`, wire.ReplyBare},
		{"bare text", `"ok"`, wire.ReplyBare},
		{"bare number", `-1`, wire.ReplyBare},
		{"bare true", `true`, wire.ReplyBare},
		{"bare false", `false`, wire.ReplyBare},
		{"HTML", `<!DOCTYPE html><title>504</title>`, wire.ReplyHTML},
		{"HTML after a byte order mark", "\xef\xbb\xbf\n<html>", wire.ReplyHTML},
		{"a PHP warning", `Warning: Undefined index in api.php`, wire.ReplyNotJSON},
		{"a PHP warning before the reply", "Notice: x\n" + `{"status":1,"data":[]}`, wire.ReplyNotJSON},
		{"UTF-16", "\xff\xfe{\x00}\x00", wire.ReplyNotJSON},
		{"trailing text", `{"status":1,"data":[]}<br>`, wire.ReplyTrailing},
		{"trailing bracket", `{"status":1,"data":[]}}`, wire.ReplyTrailing},
		{"two replies", `{"status":1,"data":[]}{"status":1,"data":[]}`, wire.ReplyTrailing},
		{"trailing zero byte", `{"status":1,"data":[]}` + "\x00", wire.ReplyTrailing},
		{"comma too many in the list", `{"status":1,"data":[1,]}`, wire.ReplyNotJSON},
		{"comma missing in the list", `{"status":1,"data":[1 2]}`, wire.ReplyNotJSON},
		{"comma before the list's first", `{"status":1,"data":[,1]}`, wire.ReplyNotJSON},
		{"comma too many in the envelope", `{"status":1,"data":[],}`, wire.ReplyNotJSON},
		{"comma missing in the envelope", `{"status":1 "data":[]}`, wire.ReplyNotJSON},
		{"colon missing", `{"status" 1,"data":[]}`, wire.ReplyNotJSON},
		{"key without quotes", `{status:1,"data":[]}`, wire.ReplyNotJSON},
		{"number for a key", `{1 :1,"data":[]}`, wire.ReplyNotJSON},
		{"value missing", `{"status":,"data":[]}`, wire.ReplyNotJSON},
		{"brackets that do not fit", `{"status":1,"data":[{"id":1]}}`, wire.ReplyNotJSON},
		{"list closed by a brace", `{"status":1,"data":[1}}`, wire.ReplyNotJSON},
		{"single quotes", `{'status':1}`, wire.ReplyNotJSON},
		{"NaN in an element", `{"status":1,"data":[{"price":NaN}]}`, wire.ReplyNotJSON},
		{"NaN where nobody looks", `{"status":1,"x":{"y":[NaN]},"data":[]}`, wire.ReplyNotJSON},
		{"broken where nobody looks", `{"status":1,"x":{"y":[1,,2]},"data":[]}`, wire.ReplyNotJSON},
		{"line break in a text", "{\"status\":1,\"data\":[\"a\nb\"]}", wire.ReplyNotJSON},
		{"too deep in an element", `{"status":1,"data":[` + strings.Repeat("[", 5000) + strings.Repeat("]", 5000) + `]}`, wire.ReplyNotJSON},
		{"too deep where nobody looks", `{"status":1,"x":` + strings.Repeat(`{"a":`, 5000) + "1" + strings.Repeat("}", 5000) + `,"data":[]}`, wire.ReplyNotJSON},
		{"invalid UTF-8 in an element", "{\"status\":1,\"data\":[{\"name\":\"Caff\xe8\"}]}", wire.ReplyCharset},
		{"invalid UTF-8 in a text", "{\"status\":0,\"error\":\"Quantit\xe0\"}", wire.ReplyCharset},
		{"invalid UTF-8 in a list in a text", "{\"status\":1,\"data\":\"[\\\"Caff\xe8\\\"]\"}", wire.ReplyCharset},
		{"invalid UTF-8 in a key", "{\"status\":1,\"quantit\xe0\":1,\"data\":[]}", wire.ReplyCharset},
		{"invalid UTF-8 where nobody looks", "{\"status\":1,\"x\":{\"y\":\"\xe8\"},\"data\":[]}", wire.ReplyCharset},
		{"no list", `{"status":1}`, wire.ReplyNoList},
		{"null in its place", `{"status":1,"data":null}`, wire.ReplyNoList},
		{"false in its place", `{"status":1,"data":false}`, wire.ReplyNoList},
		{"a text in its place", `{"status":1,"data":"none"}`, wire.ReplyNoList},
		{"a record in its place", `{"status":1,"data":{"id":1}}`, wire.ReplyNoList},
		{"a record as JSON in a text", `{"status":1,"data":"{\"id\":1}"}`, wire.ReplyNoList},
		{"an empty envelope", `{}`, wire.ReplyNoList},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			for _, r := range []io.Reader{strings.NewReader(tc.reply), iotest.OneByteReader(strings.NewReader(tc.reply))} {
				_, _, err := list(shopEnvelope(), r)
				var re *wire.ReplyError
				if !errors.As(err, &re) || re.Kind != tc.want {
					t.Fatalf("error %v, want %q", err, tc.want)
				}
				if !strings.Contains(err.Error(), string(tc.want)) || len(err.Error()) > 200 {
					t.Errorf("text %q", err)
				}
			}
		})
	}
}

func TestRecordIsFound(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ name, reply, want string }{
		{"object", `{"status":1,"data":{"id":1, "x":[]}}`, `{"id":1, "x":[]}`},
		{"JSON in a text", `{"status":1,"data":"{\"id\":1}"}`, `{"id":1}`},
		{"an empty object", `{"status":1,"data":{}}`, `{}`},
		{"a list is handed on as it is", `{"status":1,"data":[{"id":1}]}`, `[{"id":1}]`},
		{"an empty list is handed on as it is", `{"status":1,"data":[]}`, `[]`},
		{"a bare id", `{"status":1,"data":17}`, `17`},
		{"the second candidate when the first is null", `{"status":1,"data":null,"orders":{"id":2}}`, `{"id":2}`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			rep, err := shopEnvelope().Record(strings.NewReader(tc.reply))
			if err != nil || rep.Refused != nil || string(rep.Data) != tc.want {
				t.Errorf("%s, %+v, %v; want %s", rep.Data, rep.Refused, err, tc.want)
			}
		})
	}
	for name, reply := range map[string]string{"null": `{"status":1,"data":null}`, "nothing": `{"status":1,"message":"done"}`} {
		t.Run("no data: "+name, func(t *testing.T) {
			t.Parallel()
			rep, err := shopEnvelope().Record(strings.NewReader(reply))
			var re *wire.ReplyError
			if !errors.As(err, &re) || re.Kind != wire.ReplyNoData || rep.Data != nil {
				t.Errorf("%+v, %v", rep, err)
			}
		})
	}
}

func TestReplyWithoutStatusSaysSo(t *testing.T) {
	t.Parallel()
	got, rep, err := list(shopEnvelope(), strings.NewReader(`{"data":[1]}`))
	if err != nil || got != "1" || !rep.NoStatus || rep.Refused != nil {
		t.Errorf("%s, %+v, %v", got, rep, err)
	}
	if rep, err = shopEnvelope().Record(strings.NewReader(`{"data":{"id":1}}`)); err != nil || !rep.NoStatus {
		t.Errorf("%+v, %v", rep, err)
	}
}

func TestCursorAndServerTime(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	for _, tc := range []struct {
		name, fields, cursor string
		time                 time.Time
	}{
		{"both", `"next":"c2","now":"2026-03-01T10:00:00+01:00"`, "c2", at},
		{"a cursor that is a number", `"next":12345678901234567890`, "12345678901234567890", time.Time{}},
		{"a cursor with a fraction keeps its spelling", `"next":1.50`, "1.50", time.Time{}},
		{"a cursor at the second candidate", `"next":null,"paging":{"next":"c3"}`, "c3", time.Time{}},
		{"the last page", `"next":null`, "", time.Time{}},
		{"an empty cursor", `"next":""`, "", time.Time{}},
		{"a cursor that is an object", `"next":{"page":2}`, "", time.Time{}},
		{"epoch seconds", `"now":1772355600`, "", at},
		{"a time that says no zone is none", `"now":"2026-03-01 10:00:00"`, "", time.Time{}},
		{"a date is none", `"now":"2026-03-01"`, "", time.Time{}},
		{"an odd time is none", `"now":"noon"`, "", time.Time{}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			for _, reply := range []string{`{"status":1,` + tc.fields + `,"data":[]}`, `{"status":1,"data":[],` + tc.fields + `}`} {
				_, rep, err := list(shopEnvelope(), strings.NewReader(reply))
				if err != nil || rep.Cursor != tc.cursor || !rep.ServerTime.Equal(tc.time) {
					t.Errorf("%s: cursor %q, time %s, %v", reply, rep.Cursor, rep.ServerTime, err)
				}
			}
		})
	}
}

// A reply that was cut anywhere is an error, never a shorter list that looks
// complete.
func TestTruncatedAtEveryByte(t *testing.T) {
	t.Parallel()
	for name, whole := range map[string]string{
		"list":         `{"status":1,"data":[{"id":1,"name":"Caffè \"uno\" \u00e8"},{"id":2,"n":-1.5e3,"x":[true,null]},"é",7],"more":{"a":[1,{}]},"next":"c2"}`,
		"numeric keys": `{"status":1,"data":{"0":{"id":1},"1":{"id":2}},"now":1772355600}`,
		"JSON in text": `{"status":1,"data":"[{\"id\":1},{\"id\":2}]","x":[]}`,
		"below":        `{"status":1,"data":[1],"paging":{"next":"c3","x":null}}`,
		"refusal":      `{"status":0,"error":"no","fields":[{"path":"cap","message":"m"}]}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, _, err := list(shopEnvelope(), strings.NewReader(whole)); err != nil {
				t.Fatal(err)
			}
			for i := range len(whole) {
				cut := whole[:i]
				for _, read := range []func(io.Reader) error{
					func(r io.Reader) error { _, _, err := list(shopEnvelope(), r); return err },
					func(r io.Reader) error { _, err := shopEnvelope().Record(r); return err },
				} {
					want := wire.ReplyTruncated
					if i == 0 {
						want = wire.ReplyEmpty
					}
					var re *wire.ReplyError
					if err := read(strings.NewReader(cut)); !errors.As(err, &re) || re.Kind != want || (i > 0 && !errors.Is(err, io.ErrUnexpectedEOF)) {
						t.Fatalf("cut after %d bytes: %v", i, err)
					}
				}
			}
		})
	}
}

// A reader's own error is found by errors.Is wherever it strikes, also after
// the last bracket: a length that was announced may be missing bytes.
func TestReadErrorsSurface(t *testing.T) {
	t.Parallel()
	broken := errors.New("connection reset")
	for _, whole := range []string{
		`{"status":1,"data":[{"id":1},{"id":2}],"x":{"y":1}}`, `{"status":1,"data":[]} `,
		`<html><body>gateway time-out</body></html>`, `[1,2,3]`, `null`, `<html>` + strings.Repeat("<br>", 50),
	} {
		for i := range len(whole) + 1 {
			r := io.MultiReader(strings.NewReader(whole[:i]), iotest.ErrReader(broken))
			_, _, err := list(shopEnvelope(), r)
			if !errors.Is(err, broken) {
				t.Fatalf("%q: error %v does not hold the reader's", whole[:i], err)
			}
			if strings.Contains(err.Error(), "connection reset") {
				t.Fatalf("%q shows another library's text", err)
			}
		}
	}
}

// A connection is used again only if its reply was read to the end.
func TestOddRepliesAreReadToTheEnd(t *testing.T) {
	t.Parallel()
	for _, reply := range []string{"<html>" + strings.Repeat("<br>", 50_000), "[" + strings.Repeat("1,", 50_000) + "1]"} {
		r := strings.NewReader(reply)
		if _, _, err := list(shopEnvelope(), r); err == nil || r.Len() > 0 {
			t.Errorf("%v, %d bytes left", err, r.Len())
		}
	}
}

func TestReaderThatNeverReads(t *testing.T) {
	t.Parallel()
	if _, _, err := list(shopEnvelope(), stuckReader{}); !errors.Is(err, io.ErrNoProgress) {
		t.Errorf("error %v", err)
	}
}

type stuckReader struct{}

func (stuckReader) Read([]byte) (int, error) { return 0, nil }

// The error of each comes back as it is, and at once.
func TestErrorOfEachIsReturnedAsItIs(t *testing.T) {
	t.Parallel()
	for name, reply := range map[string]string{
		"list":         `{"status":1,"data":[1,2,3],"x":0}`,
		"numeric keys": `{"status":1,"data":{"0":1,"1":2,"2":3},"x":0}`,
		"JSON in text": `{"status":1,"data":"[1,2,3]","x":0}`,
	} {
		for _, own := range []error{errors.New("full"), io.EOF, &wire.ReplyError{Kind: wire.ReplyEmpty}} {
			calls := 0
			_, err := shopEnvelope().List(strings.NewReader(reply), func([]byte) error {
				if calls++; calls == 2 {
					return own
				}
				return nil
			})
			if err != own || calls != 2 { //nolint:errorlint // the very same error
				t.Errorf("%s: %v after %d calls, want %v after 2", name, err, calls, own)
			}
		}
	}
}

// Whatever follows the list may show that its elements don't count.
func TestOnlyGoodRepliesHandOutElements(t *testing.T) {
	t.Parallel()
	got, _, err := list(shopEnvelope(), strings.NewReader(`{"status":1,"data":[1,2,`))
	if got != "" || err == nil {
		t.Errorf("%s, %v", got, err)
	}
	got, rep, err := list(shopEnvelope(), strings.NewReader(`{"data":[1,2],"status":0}`))
	if got != "" || err != nil || rep.Refused == nil {
		t.Errorf("%s, %+v, %v", got, rep, err)
	}
}

func TestObjectThatStopsBeingAList(t *testing.T) {
	t.Parallel()
	got, _, err := list(shopEnvelope(), strings.NewReader(`{"status":1,"data":{"0":{"id":1},"count":1}}`))
	if got != `{"id":1} 1` || err != nil {
		t.Errorf("%s, %v; what follows numeric keys is handed out, so that nothing is lost in silence", got, err)
	}
}

func TestSnippetMasks(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		`<title>Error 504</title>`: `<xxxxx>xxxxx 999</xxxxx>`,
		"Ada Bianchi, +39 06":      "xxx xxxxxxx, +99 99",
		"Caffè 😀 नि \t\x00\xff":    "xxxxx ? x?  ??",
		strings.Repeat("a", 500):   strings.Repeat("x", 60),
		"":                         "",
	} {
		if got := wire.Snippet([]byte(in)); got != want {
			t.Errorf("Snippet(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestNestingIsBounded(t *testing.T) {
	t.Parallel()
	deep := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	for place, deepest := range map[string]int{
		`{"status":1,"data":[%]}`:      998, // below the envelope and the list
		`{"status":1,"x":%,"data":[]}`: 999,
	} {
		for n, want := range map[int]bool{deepest: true, deepest + 1: false} {
			_, _, err := list(shopEnvelope(), strings.NewReader(strings.Replace(place, "%", deep(n), 1)))
			if (err == nil) != want {
				t.Errorf("%s at depth %d: %v", place, n, err)
			}
		}
	}
}

func TestReplyErrorsShowAMaskedSnippet(t *testing.T) {
	t.Parallel()
	for _, r := range []io.Reader{
		strings.NewReader("\xef\xbb\xbf  <h1>" + strings.Repeat("a", 100)),
		iotest.OneByteReader(strings.NewReader("\xef\xbb\xbf  <h1>" + strings.Repeat("a", 100))),
	} {
		_, _, err := list(shopEnvelope(), r)
		if want := `unexpected reply: HTML instead of JSON, begins "<x9>` + strings.Repeat("x", 56) + `"`; err == nil || err.Error() != want {
			t.Errorf("%v", err)
		}
	}
	_, _, err := list(shopEnvelope(), strings.NewReader(`<h1>Ada Bianchi 555</h1>`))
	if want := `unexpected reply: HTML instead of JSON, begins "<x9>xxx xxxxxxx 999</x9>"`; err == nil || err.Error() != want {
		t.Errorf("%v", err)
	}
	_, _, err = list(shopEnvelope(), strings.NewReader(`{"status":1,"data":[{"name":"Ada Bianchi"`))
	if want := `unexpected reply: cut off, begins "{\"xxxxxx\":9,\"xxxx\":[{\"xxxx\":\"xxx xxxxxxx\""`; err == nil || err.Error() != want {
		t.Errorf("%v", err)
	}
}
