//go:build linux

package crashtest_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// scratch holds the built command; it is removed at the end.
var scratch string

func TestMain(m *testing.M) {
	flag.Parse()
	// These tests wait most of the time: more of them than there are cores run
	// side by side.
	if f := flag.Lookup("test.parallel"); f.Value.String() == f.DefValue {
		_ = f.Value.Set(strconv.Itoa(atOnce()))
	}
	os.Exit(run(m))
}

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "crashtest")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	scratch = dir
	return m.Run()
}

func long() bool { return os.Getenv("TG360_CRASH") == "long" }

// atOnce is how many tests run at a time: figures of the long form are not to be
// blurred by the neighbours.
func atOnce() int {
	if long() {
		return 2
	}
	return 8
}

// pick returns what the form of the test asks for.
func pick[T any](short, inLongForm T) T {
	if long() {
		return inLongForm
	}
	return short
}

// binary builds the command once a run.
var binary = sync.OnceValues(func() (string, error) {
	bin := filepath.Join(scratch, "connector")
	args := []string{"build", "-o", bin}
	if os.Getenv("TG360_CRASH_RACE") == "1" {
		args = append(args, "-race")
	}
	out, err := exec.Command("go", append(args, "github.com/tg360/tg360/examples/connector")...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return bin, nil
})

// seeded returns the source of a test's choices and says how to repeat them.
func seeded(t *testing.T) (uint64, *rand.Rand) {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	if s := os.Getenv("TG360_CRASH_SEED"); s != "" {
		n, err := strconv.ParseUint(s, 10, 64)
		if err != nil {
			t.Fatalf("TG360_CRASH_SEED is no number: %v", err)
		}
		seed = n
	}
	t.Logf("seed: TG360_CRASH_SEED=%d", seed)
	return seed, rand.New(rand.NewPCG(seed, uint64(len(t.Name()))))
}

// missing skips a test that lacks a service, and fails where it is demanded.
func missing(t *testing.T, format string, args ...any) {
	t.Helper()
	if os.Getenv("TG360_REQUIRE_SERVICES") == "1" {
		t.Fatalf(format, args...)
	}
	t.Skipf(format, args...)
}

// named makes a test's name fit for a file, a database or a connection.
func named(t *testing.T) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			return r
		case r >= 'A' && r <= 'Z':
			return r - 'A' + 'a'
		}
		return '_'
	}, t.Name())
}
