package wire_test

import (
	"io"
	"strings"
	"testing"
	"time"

	"github.com/tg360/tg360/internal/wire"
)

func partCodec(tb testing.TB) *wire.Codec[part] {
	tb.Helper()
	c, err := wire.Compile(partSchema, &wire.Profile{Records: wire.Records{"part": {"name": {Paths: []string{"name"}}}}}, time.UTC)
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

// One element may be larger than any buffer; time stays proportional to it.
func TestLargeElement(t *testing.T) {
	t.Parallel()
	text := strings.Repeat(`a\"b\\`, 200_000)
	reply := `{"status":1,"data":[{"id":1,"title":"` + text + `"},{"id":2}]}`
	c := orderCodec(t, "")
	var sizes []int
	_, err := shopEnvelope().List(&slowReader{s: reply}, func(raw []byte) error {
		o, err := c.DecodePartial(raw)
		sizes = append(sizes, len(o.Title))
		return err
	})
	if err != nil || len(sizes) != 2 || sizes[0] != 200_000*4 {
		t.Errorf("titles of %d bytes, %v", sizes, err)
	}
}

// slowReader hands out 100 bytes at a time, as a bad line does.
type slowReader struct{ s string }

func (r *slowReader) Read(p []byte) (int, error) {
	if r.s == "" {
		return 0, io.EOF
	}
	n := copy(p, r.s[:min(100, len(r.s))])
	r.s = r.s[n:]
	return n, nil
}
