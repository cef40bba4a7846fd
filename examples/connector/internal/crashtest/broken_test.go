//go:build linux

package crashtest_test

import (
	"bytes"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/tg360/tg360/framework360/framework360test"
	"github.com/tg360/tg360/totalgest/totalgesttest"
)

// TestBrokenPlaces starts the connector where it can't work: it says why, with a
// code that a script can tell, and harms nothing.
func TestBrokenPlaces(t *testing.T) {
	t.Parallel()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := free.Addr().String()
	free.Close()
	for _, tc := range []struct {
		name    string
		command []string
		env     func(r *rig) []string
		harm    func(t *testing.T, file string)
		says    []string // one of these
	}{
		{name: "wrong host", command: []string{"serve"}, says: []string{"refused", "connect"},
			env: func(*rig) []string {
				return []string{"TG360_DATABASE_URL=postgres://tg360:pg-Secret-8Zk@" + nobody + "/tg360"}
			}},
		{name: "unknown host", command: []string{"serve"}, says: []string{"no such host", "lookup", "resolv"},
			env: func(*rig) []string {
				return []string{"TG360_DATABASE_URL=postgres://tg360:pg-Secret-8Zk@database.invalid/tg360"}
			}},
		{name: "not a database", command: []string{"serve"}, says: []string{"not a database", "corrupt", "malformed", "damaged"},
			harm: func(t *testing.T, file string) { overwrite(t, file, 0, 100) }},
		{name: "damaged database", command: []string{"serve"}, says: []string{"not a database", "corrupt", "malformed", "damaged"},
			harm: func(t *testing.T, file string) { overwrite(t, file, 100, 1<<30) }},
		{name: "truncated database", command: []string{"serve"}, says: []string{"not a database", "corrupt", "malformed", "damaged", "disk image"},
			harm: func(t *testing.T, file string) {
				if err := os.Truncate(file, 5000); err != nil {
					t.Fatal(err)
				}
			}},
		{name: "a folder", command: []string{"serve"}, says: []string{"directory", "folder", "open"},
			env: func(r *rig) []string { return []string{"TG360_DATABASE_URL=" + r.dir} }},
		{name: "damaged backup", command: []string{"restore", "/dev/null"}, says: []string{"backup"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, layout{})
			r.must("verify")
			if tc.harm != nil {
				for _, f := range filesOf(r.database)[1:] {
					_ = os.Remove(f) // a clean end left nothing in them
				}
				tc.harm(t, r.database)
			}
			if tc.env != nil {
				r.env = tc.env(r)
			}
			before := readFiles(t, r.database)
			clear(t, r.run(tc.command...), tc.says...)
			for f, data := range readFiles(t, r.database) {
				if f == r.database && !bytes.Equal(data, before[f]) {
					t.Errorf("%s was changed", filepath.Base(f))
				}
			}
			if r.env = nil; tc.harm == nil {
				r.must("status", "orders")
			}
		})
	}
}

// clear demands that a command failed and said why, without a secret.
func clear(t *testing.T, res result, says ...string) {
	t.Helper()
	t.Logf("exit %d: %s", res.code, strings.TrimSpace(shorten(res.errors)))
	if res.code != 1 && res.code != 2 {
		t.Errorf("exit code %d, want 1 or 2: %s", res.code, res)
	}
	text, found := strings.ToLower(res.out+res.errors), false
	for _, s := range says {
		found = found || strings.Contains(text, s)
	}
	if !found {
		t.Errorf("no word of %q: %s", says, res)
	}
	if strings.Contains(res.errors, "goroutine ") {
		t.Error("it panicked")
	}
	for _, secret := range []string{"pg-Secret-8Zk", totalgesttest.Password, framework360test.APIKey} {
		if strings.Contains(res.out+res.errors, secret) {
			t.Error("it shows a secret")
		}
	}
}

func overwrite(t *testing.T, file string, from, to int) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for i := from; i < min(to, len(data)); i++ {
		data[i] = byte(i*7 + 13)
	}
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestWrongPassword(t *testing.T) {
	t.Parallel()
	r := newRig(t, layout{})
	right, err := os.ReadFile(r.settings)
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{totalgesttest.Password, framework360test.APIKey} {
		r.save(r.settings, bytes.ReplaceAll(right, []byte(secret), []byte(strings.Repeat("x", len(secret)))))
		clear(t, r.run("verify"), "password is wrong", "key or user token")
	}
	r.save(r.settings, right)
	r.must("verify")
}

func TestSecondServeOnOneFile(t *testing.T) {
	t.Parallel()
	r := newRig(t, layout{})
	r.open()
	p := r.serve()
	clear(t, r.run("serve"), "another", "already", "in use", "second")
	s := r.shops[0]
	s.place(1, true)
	v, _ := r.settled(20 * time.Second)
	p.stop()
	if !v.clean() {
		t.Error(v)
	}
}

// smallDisk mounts a disk of few bytes.
func smallDisk(t *testing.T, size string) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "mode=0700,size="+size); err != nil {
		t.Skipf("no small disk can be mounted here: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// TestDiskFull fills the disk under a running connector and empties it again.
func TestDiskFull(t *testing.T) {
	t.Parallel()
	disk := smallDisk(t, "4m")
	r := newRig(t, layout{database: filepath.Join(disk, "tg360.db")})
	r.open()
	s := r.shops[0]
	s.storm(0.1)
	p := r.serve()
	for range 10 {
		s.place(1, true)
	}
	r.pause(interval)
	ballast := filepath.Join(disk, "ballast")
	fill(t, ballast)
	refused, full := 0, 0
	var waiting []string
	for range 30 {
		id := s.place(1, true)
		if status := s.tell(t.Context(), p.address(), id); accepted(status) {
			s.note(id, func(p *placement) { p.told = true })
		} else {
			refused++
			waiting = append(waiting, id)
		}
		fill(t, ballast) // what a checkpoint has freed
		full++
	}
	r.pause(interval + time.Second)
	if !p.alive() {
		t.Errorf("serve ended on a full disk: %v", p.err)
	}
	clear(t, r.run("backup", filepath.Join(disk, "copy")), "full", "space")
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	if !p.alive() {
		p = r.serve()
	}
	s.calm()
	v, helped := r.settled(60 * time.Second)
	p.stop()
	t.Logf("%v; of %d events on a full disk %d were refused; a person helped with %v", v, full, len(waiting), helped)
	if !v.clean() {
		t.Error("not every order is in TotalGest exactly once, and said to be")
	}
	if refused == 0 {
		t.Error("the disk was never full")
	}
}

// fill appends to a file until nothing more fits on its disk.
func fill(t *testing.T, file string) {
	t.Helper()
	f, err := os.OpenFile(file, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for n := 64 << 10; n > 0; {
		if _, err := f.Write(make([]byte, n)); err != nil {
			n /= 2
		}
	}
}

// TestReadOnlyDisk starts the connector on a database that can only be read.
func TestReadOnlyDisk(t *testing.T) {
	t.Parallel()
	disk := smallDisk(t, "8m")
	r := newRig(t, layout{database: filepath.Join(disk, "tg360.db")})
	r.must("verify")
	before := readFiles(t, r.database)
	if err := syscall.Mount("tmpfs", disk, "tmpfs", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
	clear(t, r.run("serve"), "read-only", "readonly", "read only", "written")
	for f, data := range readFiles(t, r.database) {
		if !bytes.Equal(data, before[f]) {
			t.Errorf("%s was changed", filepath.Base(f))
		}
	}
	if err := syscall.Mount("tmpfs", disk, "tmpfs", syscall.MS_REMOUNT, ""); err != nil {
		t.Fatal(err)
	}
	r.must("status", "orders")
}
