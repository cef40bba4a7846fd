package wire_test

import (
	"fmt"
	"io"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tg360/tg360/internal/wire"
)

// generated is a reply of n elements that exists only while it is read.
type generated struct {
	head, tail string
	element    func([]byte, int) []byte
	n, next    int
	buf        []byte
}

func (g *generated) Read(p []byte) (int, error) {
	for len(g.buf) == 0 {
		switch {
		case g.next == 0:
			g.buf = append(g.buf, g.head...)
		case g.next <= g.n:
			if g.next > 1 {
				g.buf = append(g.buf, ',')
			}
			g.buf = g.element(g.buf, g.next)
		case g.next == g.n+1:
			g.buf = append(g.buf, g.tail...)
		default:
			return 0, io.EOF
		}
		g.next++
	}
	n := copy(p, g.buf)
	g.buf = append(g.buf[:0], g.buf[n:]...)
	return n, nil
}

// heap watches how far the heap grows above what it was at the start.
type heap struct{ start, peak uint64 }

func newHeap() *heap {
	runtime.GC()
	h := &heap{}
	h.sample()
	h.start = h.peak
	return h
}

func (h *heap) sample() {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	h.peak = max(h.peak, m.HeapAlloc)
}

func (h *heap) growth() uint64 { return h.peak - h.start }

// maxGrowth is far above what one element takes, and far below what all take.
const maxGrowth = 16 << 20

func shortened(full, short int) int {
	if testing.Short() {
		return short
	}
	return full
}

// The tests in this file are not parallel: others would disturb the heap.

func partCodec(tb testing.TB) *wire.Codec[part] {
	tb.Helper()
	c, err := wire.Compile(partSchema, &wire.Profile{Records: wire.Records{"part": {"name": {Paths: []string{"name"}}}}}, time.UTC)
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

func TestMillionElementsInConstantMemory(t *testing.T) { //nolint:paralleltest
	n := shortened(1_000_000, 100_000)
	r := &generated{head: `{"status":1,"data":[`, tail: `],"next":"c2"}`, n: n, element: func(b []byte, i int) []byte {
		return append(strconv.AppendInt(append(b, `{"name":"`...), int64(i), 10), `"}`...)
	}}
	c, h, seen := partCodec(t), newHeap(), 0
	rep, err := shopEnvelope().List(r, func(raw []byte) error {
		p, err := c.Decode(raw)
		if seen++; p.Name != strconv.Itoa(seen) {
			t.Fatalf("element %d: %+v", seen, p)
		}
		if seen%(n/100) == 0 {
			h.sample()
		}
		return err
	})
	if err != nil || seen != n || rep.Cursor != "c2" {
		t.Fatalf("%d elements, %+v, %v", seen, rep, err)
	}
	if h.growth() > maxGrowth {
		t.Errorf("the heap grew by %d bytes over %d elements", h.growth(), n)
	}
}

// A large part of a reply that nobody asked for is not held either.
func TestUnknownPartsAreSkippedInConstantMemory(t *testing.T) { //nolint:paralleltest
	n := shortened(30_000, 20_000) // of 1 KB each
	padding := strings.Repeat("x", 1000)
	h := newHeap()
	r := &generated{head: `{"log":{"lines":[`, tail: `]},"status":1,"data":[7]}`, n: n, element: func(b []byte, i int) []byte {
		if i%(n/100) == 0 {
			h.sample()
		}
		return fmt.Appendf(b, `{"n":%d,"text":"%s"}`, i, padding)
	}}
	got, _, err := list(shopEnvelope(), r)
	if err != nil || got != "7" {
		t.Fatalf("%s, %v", got, err)
	}
	if h.growth() > maxGrowth {
		t.Errorf("the heap grew by %d bytes", h.growth())
	}
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
