package transport

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// quick keeps the waits of tests over real sockets short.
var quick = Config{WaitMin: time.Millisecond, WaitMax: 2 * time.Millisecond}

// tired reads each POST and closes a connection that was used before, without
// an answer: a server that was just ending its kept-alive connections.
type tired struct {
	ln    net.Listener
	mu    sync.Mutex
	posts map[string]int
	wg    sync.WaitGroup
}

func newTired(t *testing.T) *tired {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &tired{ln: ln, posts: map[string]int{}}
	s.wg.Go(func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			s.wg.Go(func() { s.serve(conn) })
		}
	})
	t.Cleanup(func() { ln.Close(); s.wg.Wait() })
	return s
}

func (s *tired) serve(conn net.Conn) {
	defer conn.Close()
	br := bufio.NewReader(conn)
	for n := 0; ; n++ {
		r, err := http.ReadRequest(br)
		if err != nil {
			return
		}
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			return
		}
		if r.Method == "POST" {
			s.mu.Lock()
			s.posts[r.Header.Get("Idempotency-Key")]++
			s.mu.Unlock()
			if n > 0 {
				return
			}
		}
		io.WriteString(conn, "HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\n{}")
	}
}

func (s *tired) total() (keys, posts int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, n := range s.posts {
		posts += n
	}
	return len(s.posts), posts
}

// net/http resends a POST that bears an idempotency key when a kept-alive
// connection dies; ours arrives once.
func TestKeyedPostIsSentOnce(t *testing.T) {
	t.Parallel()
	const orders = 60
	post := func(i int) *Request {
		r := write()
		r.Header.Set("Idempotency-Key", fmt.Sprintf("shop-%d", i))
		return r
	}

	s := newTired(t)
	cl := newTestClient(t, "http://"+s.ln.Addr().String(), quick)
	for i := range orders {
		mustDo(t, cl, t.Context(), read(), 201)  // leaves a kept-alive connection
		mustDo(t, cl, t.Context(), post(i), 201) // over one of its own
	}
	if keys, posts := s.total(); keys != orders || posts != orders {
		t.Errorf("%d orders arrived in %d requests, want %d of each", keys, posts, orders)
	}

	plainServer := newTired(t)
	plain := &http.Client{Transport: &http.Transport{}}
	defer plain.CloseIdleConnections()
	base := "http://" + plainServer.ln.Addr().String()
	for i := range orders {
		for _, r := range []*Request{read(), post(i)} {
			req, err := http.NewRequestWithContext(t.Context(), r.Method, base, bytes.NewReader(r.Body))
			if err != nil {
				t.Fatal(err)
			}
			req.Header = r.Header
			if resp, err := plain.Do(req); err == nil {
				io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
			}
		}
	}
	keys, posts := plainServer.total()
	t.Logf("a plain http.Client sent %d orders in %d requests", keys, posts)
}

func TestRequestThatMayNotBeRepeatedCannotBe(t *testing.T) {
	t.Parallel()
	for r, want := range map[*Request]bool{write(): false, repeatable(): true} {
		cl := newTestClient(t, local, Config{Transport: tripper(func(req *http.Request) (*http.Response, error) {
			if (req.GetBody != nil) != want {
				t.Errorf("%s: GetBody there: %v", r.Operation, req.GetBody != nil)
			}
			return answer(200, ""), nil
		})})
		mustDo(t, cl, t.Context(), r, 200)
	}
}

// cutter answers the first requests with a part of what it announced.
func cutter(t *testing.T, cuts int64, head string) (*httptest.Server, *atomic.Int64) {
	var n atomic.Int64
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if n.Add(1) > cuts {
			io.WriteString(w, "whole")
			return
		}
		conn, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		io.WriteString(conn, head)
		conn.Close()
	}))
	t.Cleanup(srv.Close)
	return srv, &n
}

func TestCutBody(t *testing.T) {
	t.Parallel()
	var packed bytes.Buffer
	zw := gzip.NewWriter(&packed)
	zw.Write(bytes.Repeat([]byte("order "), 1000))
	zw.Close()
	for name, head := range map[string]string{
		"length":  "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nbegin",
		"chunked": "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nbegin\r\n",
		"gzip":    "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n" + packed.String()[:packed.Len()-20],
		"head":    "HTTP/1.1 200 O",
		"nothing": "",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv, _ := cutter(t, 1, head)
			cl := newTestClient(t, srv.URL, quick)
			if resp := mustDo(t, cl, t.Context(), read(), 200); string(resp.Body) != "whole" || resp.Attempts != 2 && name != "nothing" {
				t.Errorf("%q after %d attempts", resp.Body, resp.Attempts)
			}
			srv, n := cutter(t, 1, head)
			_, err := newTestClient(t, srv.URL, quick).Do(t.Context(), write())
			checkError(t, err, KindCut, InDoubt, 1)
			if !errors.Is(err, io.ErrUnexpectedEOF) || n.Load() != 1 {
				t.Errorf("%d requests, %v", n.Load(), err)
			}
		})
	}
}

func TestTooLargeBody(t *testing.T) {
	t.Parallel()
	var n atomic.Int64
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n.Add(1)
		switch r.URL.Path {
		case "/announced":
			w.Write(make([]byte, 1001))
		case "/chunked":
			for range 1001 {
				w.Write([]byte{'x'})
				w.(http.Flusher).Flush()
			}
		case "/bomb":
			w.Header().Set("Content-Encoding", "gzip")
			zw := gzip.NewWriter(w)
			zw.Write(make([]byte, 1<<20))
			zw.Close()
		case "/fits":
			w.Write(make([]byte, 1000))
		}
	}))
	t.Cleanup(srv.Close)
	c := quick
	c.MaxBody = 1000
	var last Attempt
	c.OnAttempt = func(a Attempt) { last = a }
	cl := newTestClient(t, srv.URL, c)
	for _, path := range []string{"announced", "chunked", "bomb"} {
		n.Store(0)
		_, err := cl.Do(t.Context(), &Request{Operation: "products.list", Path: path})
		if e := checkError(t, err, KindTooLarge, "", 1); e.Status != 200 || n.Load() != 1 {
			t.Errorf("%s: status %d after %d requests", path, e.Status, n.Load())
		}
		if path == "announced" && last.Bytes != 0 || last.Err == nil {
			t.Errorf("%s: %+v", path, last)
		}
	}
	if resp := mustDo(t, cl, t.Context(), &Request{Path: "fits"}, 200); len(resp.Body) != 1000 {
		t.Errorf("%d bytes", len(resp.Body))
	}
	_, err := cl.Do(t.Context(), &Request{Path: "announced", Method: "POST", Write: true})
	checkError(t, err, KindTooLarge, InDoubt, 1)
}

func TestConnectionRefused(t *testing.T) {
	t.Parallel()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ln.Close()
	cl := newTestClient(t, "http://"+ln.Addr().String(), quick)
	for r, outcome := range map[*Request]Outcome{read(): "", write(): NotSent, repeatable(): NotSent} {
		_, err := cl.Do(t.Context(), r)
		e := checkError(t, err, KindConnect, outcome, 4)
		if !errors.Is(err, syscall.ECONNREFUSED) {
			t.Error(err)
		}
		if want := "cannot connect to " + ln.Addr().String() + ": connection refused"; !strings.HasPrefix(e.Reason(), want) {
			t.Errorf("%q, want %q", e.Reason(), want)
		}
	}
}

// stuck sends the first bytes of a reply and then no more, until the client
// goes. The channel tells when that has begun.
func stuck(t *testing.T) (*httptest.Server, chan struct{}) {
	begun := make(chan struct{}, 10)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		io.WriteString(w, "begin")
		w.(http.Flusher).Flush()
		begun <- struct{}{}
		<-r.Context().Done()
	}))
	t.Cleanup(srv.Close)
	return srv, begun
}

func TestStuckBody(t *testing.T) {
	t.Parallel()
	t.Run("cancelled", func(t *testing.T) {
		t.Parallel()
		srv, begun := stuck(t)
		for r, outcome := range map[*Request]Outcome{read(): "", write(): InDoubt} {
			ctx, cancel := context.WithCancel(t.Context())
			go func() { <-begun; cancel() }()
			_, err := newTestClient(t, srv.URL, quick).Do(ctx, r)
			if e := checkError(t, err, KindCancelled, outcome, 1); !errors.Is(e, context.Canceled) {
				t.Error(err)
			}
		}
	})
	t.Run("times out", func(t *testing.T) {
		t.Parallel()
		srv, begun := stuck(t)
		c := quick
		c.ReadTimeout, c.WriteTimeout, c.Retries = 50*time.Millisecond, 50*time.Millisecond, 1
		_, err := newTestClient(t, srv.URL, c).Do(t.Context(), read())
		checkError(t, err, KindTimeout, "", 2)
		_, err = newTestClient(t, srv.URL, c).Do(t.Context(), write())
		checkError(t, err, KindTimeout, InDoubt, 1)
		if len(begun) != 3 {
			t.Errorf("%d requests", len(begun))
		}
	})
}

// A connection that was never made sent nothing, also when time runs out.
func TestTimeoutBeforeConnection(t *testing.T) {
	t.Parallel()
	c := quick
	c.WriteTimeout, c.Retries = 20*time.Millisecond, 1
	c.Transport = &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}}
	_, err := newTestClient(t, local, c).Do(t.Context(), write())
	checkError(t, err, KindTimeout, NotSent, 2)
}

func TestRedirects(t *testing.T) {
	t.Parallel()
	var strangers atomic.Int64
	stranger := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { strangers.Add(1) }))
	t.Cleanup(stranger.Close)
	elsewhere := "http://localhost:" + stranger.URL[strings.LastIndexByte(stranger.URL, ':')+1:]

	var mu sync.Mutex
	var seen []string
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		seen = append(seen, r.Method+" "+r.URL.Path)
		mu.Unlock()
		if r.Referer() != "" {
			t.Error("the query was sent as a referer")
		}
		if _, pw, _ := r.BasicAuth(); pw != "pw" {
			t.Error("no credentials")
		}
		to := map[string]string{
			"/other-host": elsewhere + "/", "/other-port": stranger.URL + "/", "/user": "http://a:b@" + r.Host + "/",
			"/same": "/there?x=1", "/loop": "/loop", "/nowhere": "http://[broken", "/scheme": "ftp://" + r.Host + "/",
		}[r.URL.Path]
		if to == "" {
			io.WriteString(w, "there")
			return
		}
		w.Header().Set("Location", to)
		w.WriteHeader(map[string]int{"GET": 302, "SEARCH": 302, "POST": 307, "PUT": 308}[r.Method])
		io.WriteString(w, "moved")
	}))
	t.Cleanup(srv.Close)
	c := quick
	c.Auth = basic{"anna", "pw"}
	cl := newTestClient(t, srv.URL, c)

	tests := []struct {
		method, path string
		status, hops int
	}{
		{"GET", "same", 200, 2},
		{"GET", "other-host", 302, 1},
		{"GET", "other-port", 302, 1},
		{"GET", "user", 302, 1},
		{"GET", "scheme", 302, 1},
		{"GET", "nowhere", 302, 1},
		{"GET", "loop", 302, 6},
		{"POST", "same", 307, 1},
		{"POST", "other-host", 307, 1},
		{"POST", "nowhere", 307, 1},
		{"PUT", "same", 308, 1},
		{"WRITE", "same", 302, 1},
		{"SEARCH", "same", 302, 1},
	}
	for _, tt := range tests {
		seen = nil
		r := &Request{Operation: "test", Method: tt.method, Path: tt.path, Query: "secret=1", Write: tt.method != "GET" && tt.method != "SEARCH", Repeatable: tt.method == "PUT"}
		if tt.method == "WRITE" { // an API may well change things by GET
			r.Method = "GET"
		} else if r.Write {
			r.Body = []byte("{}")
		}
		resp := mustDo(t, cl, t.Context(), r, tt.status)
		if len(seen) != tt.hops || resp.Attempts != tt.hops {
			t.Errorf("%s %s: %v, %d attempts", tt.method, tt.path, seen, resp.Attempts)
		}
		if want := map[bool]string{true: "there", false: "moved"}[tt.status == 200]; !strings.Contains(string(resp.Body), want) {
			t.Errorf("%s %s: body %q", tt.method, tt.path, resp.Body)
		}
		if tt.status != 200 && resp.Header.Get("Location") == "" {
			t.Errorf("%s %s: no Location", tt.method, tt.path)
		}
	}
	if n := strangers.Load(); n != 0 {
		t.Errorf("%d requests to another host", n)
	}
}

// What the caller passed stays as it was.
func TestNothingIsChanged(t *testing.T) {
	t.Parallel()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(503) }))
	t.Cleanup(srv.Close)
	given := &http.Transport{MaxIdleConns: 7}
	c := quick
	c.Transport, c.Auth = given, basic{"anna", "pw"}
	cl := newTestClient(t, srv.URL+"/base/", c)
	r := repeatable()
	mustDo(t, cl, t.Context(), r, 503)
	want := repeatable()
	if len(r.Header) != 1 || r.Header.Get("Idempotency-Key") != "shop-17" || !bytes.Equal(r.Body, want.Body) || r.Path != want.Path || r.Method != want.Method {
		t.Errorf("the request is now %+v", r)
	}
	if given.DisableKeepAlives || given.Protocols != nil || given.MaxIdleConns != 7 || slices.Contains(cl.own, given) {
		t.Errorf("the transport is now %+v", given)
	}
}

func TestConcurrentUse(t *testing.T) {
	t.Parallel()
	var n atomic.Int64
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if n.Add(1)%3 == 0 {
			w.WriteHeader(429)
			return
		}
		body, _ := io.ReadAll(r.Body)
		w.Write(body)
	}))
	t.Cleanup(srv.Close)
	var l logs
	var attempts atomic.Int64
	c := quick
	c.Retries, c.Concurrent, c.Auth, c.Logger = 20, 8, basic{"anna", "pw"}, l.logger()
	c.OnAttempt = func(Attempt) { attempts.Add(1) }
	cl := newTestClient(t, srv.URL, c)
	var wg sync.WaitGroup
	for i := range 100 {
		wg.Go(func() {
			r := write()
			r.Body = fmt.Appendf(nil, `{"number":%d}`, i)
			resp, err := cl.Do(t.Context(), r)
			if err != nil || !bytes.Equal(resp.Body, r.Body) {
				t.Errorf("%+v, %v", resp, err)
			}
			cl.Mask("x")
		})
	}
	wg.Wait()
	if lines := strings.Count(l.String(), "\n"); attempts.Load() != n.Load() || lines != int(n.Load()) {
		t.Errorf("%d requests, %d attempts, %d log lines", n.Load(), attempts.Load(), lines)
	}
}
