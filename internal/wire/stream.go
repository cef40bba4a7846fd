package wire

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"unicode/utf8"

	"github.com/tidwall/gjson"
)

const (
	readSize = 16 << 10
	// maxDepth bounds nesting, so that no reply can exhaust the stack of what
	// reads it by recursion.
	maxDepth = 1000
)

// stream reads JSON from r and holds no more than one value of it. Its errors
// are a *ReplyError, io.EOF, or what a callback returned.
type stream struct {
	r    io.Reader
	buf  []byte
	pos  int   // buf[pos:] was read from r and not yet used
	err  error // of r
	deep int
}

// fill reads on and keeps what was not yet used.
func (s *stream) fill() error {
	if s.err != nil {
		return s.err
	}
	if s.pos > 0 {
		s.buf = append(s.buf[:0], s.buf[s.pos:]...)
		s.pos = 0
	}
	s.buf = slices.Grow(s.buf, readSize)
	for range 100 {
		n, err := s.r.Read(s.buf[len(s.buf):cap(s.buf)])
		s.buf, s.err = s.buf[:len(s.buf)+n], err
		if n > 0 {
			return nil
		}
		if err != nil {
			return err
		}
	}
	s.err = io.ErrNoProgress
	return s.err
}

// head returns the next n bytes, or fewer where r ends before.
func (s *stream) head(n int) []byte {
	for len(s.buf)-s.pos < n && s.fill() == nil {
		continue
	}
	return s.buf[s.pos:min(len(s.buf), s.pos+n)]
}

// peek skips white space and returns the next byte without using it.
func (s *stream) peek() (byte, error) {
	for {
		for ; s.pos < len(s.buf); s.pos++ {
			if c := s.buf[s.pos]; !isSpace(c) {
				return c, nil
			}
		}
		if err := s.fill(); err != nil {
			return 0, err
		}
	}
}

func isSpace(c byte) bool { return c == ' ' || c == '\n' || c == '\r' || c == '\t' }

// next is peek where the reply can't be at its end.
func (s *stream) next() (byte, error) {
	c, err := s.peek()
	if err != nil {
		return 0, cut(err)
	}
	return c, nil
}

// cut says that r ended or failed inside the reply.
func cut(err error) error {
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return &ReplyError{Kind: ReplyTruncated, Cause: err}
}

func notJSON() error { return &ReplyError{Kind: ReplyNotJSON} }

// raw returns the next value as it was written, which is valid until the next
// call.
func (s *stream) raw() ([]byte, error) {
	if _, err := s.next(); err != nil {
		return nil, err
	}
	var x extent
	n, done := x.feed(s.buf[s.pos:])
	for !done {
		if err := s.fill(); err != nil {
			return nil, cut(err)
		}
		var more int
		more, done = x.feed(s.buf[s.pos+n:])
		n += more
	}
	b := s.buf[s.pos : s.pos+n]
	s.pos += n
	if !utf8.Valid(b) {
		return nil, &ReplyError{Kind: ReplyCharset}
	}
	if x.depth < 0 || !gjson.ValidBytes(b) {
		return nil, notJSON()
	}
	return b, nil
}

// extent finds where a value ends. It may be fed in parts.
type extent struct {
	depth    int // -1: too deep
	text     bool
	escaping bool
}

// feed returns how many bytes of b belong to the value, and whether it ends
// there.
func (x *extent) feed(b []byte) (n int, done bool) {
	for i := 0; i < len(b); i++ {
		if x.text {
			if i = x.skipText(b, i); x.text {
				return len(b), false
			}
			if x.depth == 0 {
				return i + 1, true
			}
			continue
		}
		switch c := b[i]; c {
		case '"':
			x.text = true
		case '{', '[':
			if x.depth++; x.depth > maxDepth {
				x.depth = -1
				return i, true
			}
		case '}', ']':
			if x.depth == 0 {
				return i, true // of what the value is in
			}
			if x.depth--; x.depth == 0 {
				return i + 1, true
			}
		case ',', ' ', '\n', '\r', '\t':
			if x.depth == 0 {
				return i, true
			}
		}
	}
	return len(b), false
}

// skipText goes to the quote that ends a text.
func (x *extent) skipText(b []byte, i int) int {
	for ; i < len(b); i++ {
		switch {
		case x.escaping:
			x.escaping = false
		case b[i] == '\\':
			x.escaping = true
		case b[i] == '"':
			x.text = false
			return i
		}
	}
	return i
}

// object calls f for every key of the object that comes next; f must use its
// value.
func (s *stream) object(f func(key string) error) error {
	return s.members('}', func() error {
		raw, err := s.raw()
		if err != nil {
			return err
		}
		if raw[0] != '"' {
			return notJSON()
		}
		key := gjson.ParseBytes(raw).Str
		switch c, err := s.next(); {
		case err != nil:
			return err
		case c != ':':
			return notJSON()
		}
		s.pos++
		return f(key)
	})
}

// array calls f for every element of the list that comes next; f must use it.
func (s *stream) array(f func() error) error { return s.members(']', f) }

// members walks what stands between a bracket, which is next, and its end.
func (s *stream) members(end byte, f func() error) error {
	if s.deep++; s.deep > maxDepth {
		return notJSON()
	}
	s.pos++
	for first := true; ; first = false {
		c, err := s.next()
		switch {
		case err != nil:
			return err
		case c == end:
			s.pos++
			s.deep--
			return nil
		case first:
		case c != ',':
			return notJSON()
		default:
			s.pos++
		}
		if err := f(); err != nil {
			return err
		}
	}
}

// skip passes over a value, however large, without holding it.
func (s *stream) skip() error {
	c, err := s.next()
	switch {
	case err != nil:
		return err
	case c == '{':
		return s.object(func(string) error { return s.skip() })
	case c == '[':
		return s.array(s.skip)
	}
	_, err = s.raw()
	return err
}

// end makes sure that nothing follows.
func (s *stream) end() error {
	switch _, err := s.peek(); {
	case err == nil:
		return &ReplyError{Kind: ReplyTrailing}
	case !errors.Is(err, io.EOF):
		return cut(err)
	}
	return nil
}

// bom skips a byte order mark.
func (s *stream) bom() {
	if mark := "\xef\xbb\xbf"; bytes.Equal(s.head(len(mark)), []byte(mark)) {
		s.pos += len(mark)
	}
}
