//go:build linux

package crashtest_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestPowerCut takes the power away again and again: the files of the SQLite
// database are put back to what a disk would have kept, by a trace of all writes
// and syncs, while TotalGest remembers all that reached it.
func TestPowerCut(t *testing.T) {
	t.Parallel()
	needStrace(t)
	begun := time.Now()
	// T is longer than a round: else the connector would see a gap in its own signs
	// of life, ask for every order, and need no sync at all.
	r := newRig(t, layout{each: map[string]string{"settle": `"10s"`}})
	r.open()
	s := r.shops[0]
	s.storm(0.2)
	cuts, each := pick(5, 60), pick(12, 25)
	kept, changed := map[string]int{}, 0
	for n := range cuts {
		keeps := []string{"nothing", "some", "some", "all"}[r.rng.IntN(4)]
		for range each {
			s.place(1+r.rng.Int64N(9), true)
		}
		before := readFiles(t, r.database)
		p := r.serve(traced(r.traceFile(n), r.database)...)
		for _, id := range s.sample(r, each/2) {
			s.tell(t.Context(), p.address(), id)
		}
		r.pause(r.between(0, time.Second))
		s.atCreate(r, 1+r.rng.Int64N(6), time.Second)
		p.kill()
		calls := r.trace(n, p)
		d := &disk{rng: r.rng, keeps: keeps}
		changed += r.rebuild(d, calls, before)
		kept[keeps]++
		_ = os.Remove(r.traceFile(n))
	}
	s.calm()
	p := r.serve()
	v, helped := r.settled(pick(60*time.Second, 5*time.Minute))
	p.stop()
	t.Logf("%v; %d power cuts, of what was not synced they kept %v, %d bytes were lost; %s; a person helped with %v; %.0f s",
		v, cuts, kept, changed, r.faults(), helped, time.Since(begun).Seconds())
	if !v.clean() {
		t.Error("not every order is in TotalGest exactly once, and said to be")
	}
}

// TestLostSyncsAreNoticed shows that the test above can fail: a disk that says to
// have synced, and has not, doubles orders.
func TestLostSyncsAreNoticed(t *testing.T) {
	t.Parallel()
	needStrace(t)
	// A long T, so that the connector does not see a gap in its own signs of life
	// and ask for every order.
	r := newRig(t, layout{each: map[string]string{"settle": `"5m"`}})
	r.open()
	s := r.shops[0]
	before := readFiles(t, r.database)
	p := r.serve(traced(r.traceFile(0), r.database)...)
	for range 40 {
		s.tell(t.Context(), p.address(), s.place(1, true))
	}
	if !r.until(30*time.Second, func() bool { have, want := s.arrived(); return have == want }) {
		t.Fatal("the orders did not arrive")
	}
	p.kill()
	calls := r.trace(0, p)
	r.rebuild(&disk{forgets: calls[len(calls)/2].begun, rng: r.rng}, calls, before)
	p = r.serve()
	noticed := r.until(30*time.Second, func() bool { return r.judge().doubled > 0 })
	p.kill()
	if t.Log(r.judge()); !noticed {
		t.Error("nothing was doubled by a disk that does not sync")
	}
}

func needStrace(t *testing.T) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "trace")
	if out, err := exec.Command("strace", "-D", "-f", "--seccomp-bpf", "-o", file, "true").CombinedOutput(); err != nil {
		t.Skipf("strace does not work here: %v %s", err, out)
	}
}

func (r *rig) traceFile(n int) string { return filepath.Join(r.dir, fmt.Sprintf("trace.%d", n)) }

// trace reads a trace after the tracer has written all of it.
func (r *rig) trace(n int, p *proc) []*call {
	r.t.Helper()
	var data []byte
	whole := r.until(20*time.Second, func() bool {
		var err error
		if data, err = os.ReadFile(r.traceFile(n)); err != nil {
			r.t.Fatal(err)
		}
		last := bytes.LastIndexByte(bytes.TrimSuffix(data, []byte("\n")), '\n')
		words := strings.Fields(string(data[last+1:]))
		return len(words) > 1 && words[0] == strconv.Itoa(p.cmd.Process.Pid) && words[1] == "+++"
	})
	if !whole {
		r.t.Fatalf("the trace has no end: %s", shorten(string(data)))
	}
	calls, err := parseTrace(bytes.NewReader(data))
	if err != nil {
		r.t.Fatal(err)
	}
	return calls
}

// rebuild puts the files to what the disk kept, and returns in how many bytes
// that differs from what they were.
func (r *rig) rebuild(d *disk, calls []*call, before map[string][]byte) int {
	r.t.Helper()
	now := readFiles(r.t, r.database)
	lost := 0
	for _, f := range filesOf(r.database) {
		image := d.after(calls, f, before[f])
		if image == nil {
			_ = os.Remove(f)
		} else {
			r.save(f, image)
		}
		lost += differ(now[f], image)
	}
	_ = os.Remove(r.database + "-shm")
	if _, err := os.Stat(r.database); err != nil {
		r.t.Fatalf("the database is gone: %v", err)
	}
	return lost
}

// differ counts the bytes in which two files differ.
func differ(a, b []byte) int {
	n := max(len(a), len(b)) - min(len(a), len(b))
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			n++
		}
	}
	return n
}

// sample picks some of the orders.
func (s *shop) sample(r *rig, n int) []string {
	var out []string
	for id := range s.placements() {
		if len(out) < n && r.rng.IntN(2) == 0 {
			out = append(out, id)
		}
	}
	return out
}
