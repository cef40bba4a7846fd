//go:build linux

package crashtest_test

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// call is a system call on one of the files of a database, from a trace.
type call struct {
	name         string
	path         string
	data         []byte // of a write
	offset       int64  // of a write; of ftruncate the new size
	created      bool   // by openat
	begun, ended int    // lines of the trace; ended is 0 when the process died in it
	failed       bool
}

// traced are the arguments of strace that make a trace of what is done to the
// files: a detached tracer, paths of descriptors, and all data in hexadecimal.
func traced(output, database string) []string {
	args := []string{"strace", "-D", "-f", "-y", "-xx", "-s", "1048576", "--seccomp-bpf", "-o", output,
		"-e", "signal=SIGKILL", "-e", "trace=openat,write,pwrite64,fsync,fdatasync,ftruncate,unlink,unlinkat,rename,renameat,renameat2,fallocate,pwritev,writev",
		"-P", filepath.Dir(database)}
	for _, f := range filesOf(database) {
		args = append(args, "-P", f)
	}
	return args
}

// filesOf are the files whose contents must survive. What SQLite keeps in -shm
// is made anew after a power cut.
func filesOf(database string) []string {
	return []string{database, database + "-wal", database + "-journal"}
}

var (
	wholeCall  = regexp.MustCompile(`^(\d+) +(\w+)\((.*?)(?: <unfinished \.\.\.>|\) += (-?\d+|\?).*)$`)
	resumed    = regexp.MustCompile(`^(\d+) +<\.\.\. (\w+) resumed>.*\) += (-?\d+|\?)`)
	descriptor = regexp.MustCompile(`^\d+<([^>]*)>`)
	texts      = regexp.MustCompile(`"((?:\\x[0-9a-f]{2})*)"(\.\.\.)?`)
)

// parseTrace reads what strace wrote.
func parseTrace(in io.Reader) ([]*call, error) {
	var out []*call
	open := map[string]*call{} // by thread
	s := bufio.NewScanner(in)
	s.Buffer(nil, 16<<20)
	for n := 1; s.Scan(); n++ {
		if m := wholeCall.FindStringSubmatch(s.Text()); m != nil {
			c, err := parseCall(m[2], m[3])
			if err != nil {
				return nil, fmt.Errorf("line %d: %w", n, err)
			}
			c.begun = n
			if m[4] == "" {
				open[m[1]] = c
			} else {
				c.end(n, m[4])
			}
			out = append(out, c)
		} else if m := resumed.FindStringSubmatch(s.Text()); m != nil {
			c := open[m[1]]
			if c == nil || c.name != m[2] {
				return nil, fmt.Errorf("line %d: %s goes on without having begun", n, m[2])
			}
			delete(open, m[1])
			c.end(n, m[3])
		}
	}
	return out, s.Err()
}

func (c *call) end(line int, returned string) {
	if returned != "?" { // the process died in it
		c.ended, c.failed = line, strings.HasPrefix(returned, "-")
	}
}

// parseCall reads the arguments of a call.
func parseCall(name, args string) (*call, error) {
	c := &call{name: name}
	if m := descriptor.FindStringSubmatch(args); m != nil {
		c.path = plain(m[1])
	}
	var given []string
	for _, m := range texts.FindAllStringSubmatch(args, -1) {
		if m[2] != "" {
			return nil, errors.New("data was cut off")
		}
		given = append(given, plain(m[1]))
	}
	last, _ := strconv.ParseInt(strings.TrimSpace(args[strings.LastIndexByte(args, ',')+1:]), 0, 64)
	switch name {
	case "pwrite64":
		if len(given) != 1 {
			return nil, errors.New("pwrite64 without data")
		}
		c.data, c.offset = []byte(given[0]), last
	case "ftruncate":
		c.offset = last
	case "fsync", "fdatasync":
	case "openat":
		c.created, c.path = strings.Contains(args, "O_CREAT"), given[0]
	case "unlink", "unlinkat":
		c.path = given[0]
	default:
		return nil, fmt.Errorf("%s is not expected here", name)
	}
	return c, nil
}

// plain undoes the hexadecimal spelling.
func plain(s string) string {
	out, err := hex.DecodeString(strings.ReplaceAll(s, `\x`, ""))
	if err != nil {
		return s
	}
	return string(out)
}

// disk says what a cut leaves of what was written and not synced.
type disk struct {
	rng   *rand.Rand
	keeps string // "nothing", "all", or "some" of it
	// forgets is a line of the trace: with it, syncs don't count and all that was
	// written after it is gone, as on a machine that syncs by itself now and then.
	forgets int
}

const sector = 512

// after returns the contents of a file after a cut at the end of the trace; nil:
// there is no such file.
func (d *disk) after(calls []*call, path string, before []byte) []byte {
	image, exists := slices.Clone(before), before != nil
	for i, c := range calls {
		if c.path != path || c.failed {
			continue
		}
		whole := d.survives(calls, i)
		if !whole && (d.keeps == "nothing" || d.forgets > 0 || d.keeps == "some" && c.data == nil && d.rng.IntN(2) == 0) {
			continue
		}
		switch {
		case c.data != nil:
			image, exists = d.write(image, c, whole || d.keeps == "all"), true
		case c.name == "ftruncate":
			image, exists = resize(image, c.offset), true
		case c.created:
			exists = true
		case strings.HasPrefix(c.name, "unlink"):
			image, exists = nil, false
		}
	}
	if !exists {
		return nil
	}
	return append([]byte{}, image...)
}

// survives reports whether a call was followed by a sync of its file, or, where
// it made or removed one, of the folder.
func (d *disk) survives(calls []*call, i int) bool {
	c := calls[i]
	if d.forgets > 0 {
		return c.begun < d.forgets
	}
	removed := strings.HasPrefix(c.name, "unlink")
	for _, s := range calls[i+1:] {
		if s.ended == 0 || s.failed || c.ended == 0 || s.begun < c.ended {
			continue
		}
		sync := s.name == "fsync" || s.name == "fdatasync"
		switch {
		case sync && s.path == c.path && !removed:
			return true
		case sync && s.path == filepath.Dir(c.path) && (removed || c.created):
			return true
		}
	}
	return false
}

// write applies a write, or some of its sectors.
func (d *disk) write(image []byte, c *call, whole bool) []byte {
	for at := int64(0); at < int64(len(c.data)); {
		next := min((c.offset+at)/sector*sector+sector-c.offset, int64(len(c.data)))
		if whole || d.rng.IntN(2) == 0 {
			if end := c.offset + next; end > int64(len(image)) {
				image = resize(image, end)
			}
			copy(image[c.offset+at:], c.data[at:next])
		}
		at = next
	}
	return image
}

func resize(image []byte, size int64) []byte {
	if size <= int64(len(image)) {
		return image[:size]
	}
	return append(image, make([]byte, size-int64(len(image)))...)
}

// readFiles reads the files of a database; one that is not there is nil.
func readFiles(t *testing.T, database string) map[string][]byte {
	t.Helper()
	out := map[string][]byte{}
	for _, f := range filesOf(database) {
		data, err := os.ReadFile(f)
		if err == nil {
			out[f] = append([]byte{}, data...)
		} else if !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
	}
	return out
}

func TestDiskKeepsWhatWasSynced(t *testing.T) {
	t.Parallel()
	hexed := func(s string) string {
		var b strings.Builder
		for _, c := range []byte(s) {
			fmt.Fprintf(&b, `\x%02x`, c)
		}
		return b.String()
	}
	file := "3<" + hexed("/d/x.db") + ">"
	trace := strings.Join([]string{
		`7 openat(AT_FDCWD<` + hexed("/d") + `>, "` + hexed("/d/x.db") + `", O_RDWR|O_CREAT|O_CLOEXEC, 0600) = ` + file,
		`7 pwrite64(` + file + `, "` + hexed("one\n") + `", 4, 0) = 4`,
		`8 pwrite64(` + file + `, "` + hexed("two\n") + `", 4, 512 <unfinished ...>`,
		`7 fsync(` + file + `) = 0`,
		`8 <... pwrite64 resumed>) = 4`,
		`7 pwrite64(` + file + `, "` + hexed("ONE\n") + `", 4, 0) = 4`,
		`7 ftruncate(` + file + `, 2 <unfinished ...>`,
		`7 <... ftruncate resumed>) = ?`,
		`7 +++ killed by SIGKILL +++`,
	}, "\n")
	calls, err := parseTrace(strings.NewReader(trace))
	if err != nil {
		t.Fatal(err)
	}
	for keeps, want := range map[string]string{"nothing": "one\n", "all": "ON"} {
		d := &disk{keeps: keeps}
		if got := d.after(calls, "/d/x.db", nil); string(got) != want {
			t.Errorf("keeping %s of what was not synced: %q, want %q", keeps, got, want)
		}
	}
	seen := map[string]bool{}
	for seed := range uint64(200) {
		d := &disk{keeps: "some", rng: rand.New(rand.NewPCG(seed, 1))}
		seen[string(bytes.ReplaceAll(d.after(calls, "/d/x.db", nil), make([]byte, 508), []byte("..")))] = true
	}
	for _, want := range []string{"one\n", "ONE\n", "on", "ON", "one\n..two\n", "ONE\n..two\n"} {
		if !seen[want] {
			t.Errorf("never left %q; left %v", want, seen)
		}
	}
}
